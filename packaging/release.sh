#!/usr/bin/env bash
# Builds what a release holds, for this machine's kind of processor: the static program of a gate host, and a Debian
# package of it with manual pages, completions and the service. Usage: packaging/release.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mkdir -p "${1:-target/release-files}" && cd "${1:-target/release-files}" && pwd)
target=$(uname -m)-unknown-linux-gnu
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# With its own C library: one file that runs on any Linux.
RUSTFLAGS='-C target-feature=+crt-static' \
  cargo build --locked --release --target "$target" --no-default-features --features serve
program=target/$target/release/undersign
install -m 755 "$program" "$out/undersign-$version-linux-$(uname -m)"

packaging/package.sh "$program" "$out"
(cd "$out" && sha256sum undersign* > SHA256SUMS)
ls -l "$out"
