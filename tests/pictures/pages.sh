#!/bin/sh
# Draws pages of reports in a real browser: light, dark, narrow and on paper. It needs chromium and pdftoppm
# (poppler-utils). `cargo test --test gate pictures` calls it with UNDERSIGN_TEST_PICTURES=DIR; look at what is in DIR.
set -eu
test $# -ge 2 || { echo "usage: pages.sh DIR PAGE.html ..." >&2; exit 64; }
out=$(cd "$1" && pwd)
shift
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
draw() {
    timeout 120 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" "$@" \
        > "$profile/log" 2>&1 || { cat "$profile/log" >&2; exit 1; }
}
for page in "$@"; do
    name=$(basename "$page" .html)
    url="file://$(cd "$(dirname "$page")" && pwd)/$(basename "$page")"
    draw --window-size=1400,2600 --blink-settings=preferredColorScheme=1 --screenshot="$out/$name-light.png" "$url"
    draw --window-size=1400,2600 --blink-settings=preferredColorScheme=0 --screenshot="$out/$name-dark.png" "$url"
    draw --window-size=600,2600 --blink-settings=preferredColorScheme=1 --screenshot="$out/$name-narrow.png" "$url"
    draw --no-pdf-header-footer --print-to-pdf="$out/$name.pdf" "$url"
    pdftoppm -r 70 -png -l 6 "$out/$name.pdf" "$out/$name-print"
done
