#!/bin/sh
# A complete gate for one record with jq, base64 and ssh-keygen alone. It exits 0 only if PRINCIPAL, with a key in SIGNERS,
# approved MANIFEST (its digest) for REF of REPOSITORY, and the approval is still good. With `touch` as the last word, only
# if a security key was touched for it. What it cannot see: whether a rejection stands beside it.
set -eu
[ $# -ge 6 ] || { echo "usage: $0 RECORD SIGNERS PRINCIPAL REPOSITORY REF MANIFEST [touch]" >&2; exit 64; }
type=application/vnd.in-toto+json
t=$(mktemp -d) && trap 'rm -rf "$t"' EXIT
jq -erj --arg t $type 'select(.payloadType == $t and (.signatures | length) == 1) | .payload' "$1" > "$t/body64"
jq -erj '.signatures[0].sig' "$1" > "$t/sig64"
base64 -d "$t/body64" > "$t/body"
base64 -d "$t/sig64" > "$t/sig"
{ printf 'DSSEv1 %d %s %d ' ${#type} $type "$(wc -c < "$t/body")"; cat "$t/body"; } > "$t/pae"
ssh-keygen -Y verify -f "$2" -I "$3" -n decision@undersign -s "$t/sig" < "$t/pae" > /dev/null
sed '1d;$d' "$t/sig" | base64 -d > "$t/blob" # flags and counter are the last five bytes of a security key's signature
touched=$(($(tail -c 5 "$t/blob" | head -c 1 | od -An -tu1) & 1))
[ "${7-}" != touch ] || { [ $touched = 1 ] && LC_ALL=C grep -aq '^SSHSIG.*sk-.*@openssh.com' "$t/blob"; } || exit 1
jq -a . "$t/body" | cmp -s - "$t/body" # one spelling: no member is there twice
jq -e --arg p "$3" --arg i "$4" --arg r "$5" --arg m "$6" '.predicateType == "urn:undersign:decision:v1" and (.predicate |
  .verdict == "approve" and .principal == $p and .repository.id == $i and .target.ref == $r and .manifest.sha256 == $m
  and (.notAfter | tonumber) > now)' "$t/body" > /dev/null
