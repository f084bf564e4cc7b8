#!/usr/bin/env bash
# Puts a program of a gate host into a Debian package, with manual pages, completions and the service, where dpkg-deb is
# installed. Usage: packaging/package.sh PROGRAM FOLDER
set -euo pipefail
program=$(realpath "$1")
out=$(realpath "$2")
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# What the package holds beside the program comes from the program.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
install -D -m 755 "$program" "$root/usr/bin/undersign"
install -D -m 644 packaging/undersign-gate.service "$root/usr/lib/systemd/system/undersign-gate.service"
install -D -m 644 LICENSE-APACHE "$root/usr/share/doc/undersign/LICENSE-APACHE"
install -D -m 644 LICENSE-MIT "$root/usr/share/doc/undersign/copyright"
"$program" man "$root/usr/share/man/man1"
gzip -9n "$root"/usr/share/man/man1/*.1
mkdir -p "$root/usr/share/bash-completion/completions" "$root/usr/share/zsh/vendor-completions" \
  "$root/usr/share/fish/vendor_completions.d"
"$program" completions bash > "$root/usr/share/bash-completion/completions/undersign"
"$program" completions zsh > "$root/usr/share/zsh/vendor-completions/_undersign"
"$program" completions fish > "$root/usr/share/fish/vendor_completions.d/undersign.fish"
if command -v dpkg-deb > /dev/null; then
  mkdir "$root/DEBIAN"
  cat > "$root/DEBIAN/control" << CONTROL
Package: undersign
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The undersign contributors
Depends: git
Recommends: openssh-client
Section: devel
Priority: optional
Description: a gate for signed reviews of AI-assisted changes
 Lets only land in a git repository what the people of its policy have approved and signed.
 This is the program of a gate host: without the desk, and without signing.
CONTROL
  dpkg-deb --build --root-owner-group "$root" "$out/undersign_${version}_$(dpkg --print-architecture).deb" > /dev/null
fi
