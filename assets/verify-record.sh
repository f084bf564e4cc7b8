#!/bin/sh
# A complete gate for one record with jq, base64 and ssh-keygen alone. It exits 0 only if PRINCIPAL, with a key in SIGNERS,
# approved MANIFEST (its digest) for REF of REPOSITORY, having seen all of it, and the approval is still good. With `touch` as
# the last word, only if a security key was touched for it. What it cannot see: whether a rejection stands beside it.
set -eu
[ $# -ge 6 ] || { echo "usage: $0 RECORD SIGNERS PRINCIPAL REPOSITORY REF MANIFEST [touch]" >&2; exit 64; }
type=application/vnd.in-toto+json
t=$(mktemp -d)
trap 'code=$?; rm -rf "$t"; [ $code = 0 ] || echo "does not hold: $what" >&2' EXIT

what='the envelope'
# The envelope: these bytes and no others, with one signature.
[ "$(wc -c < "$1")" -le 1048576 ]
jq -c '{payload, payloadType, signatures: [.signatures[] | {keyid, sig}]}' "$1" | cmp -s - "$1"
jq -erj --arg t $type 'select(.payloadType == $t and (.signatures | length) == 1) | .payload' "$1" > "$t/body64"
jq -erj '.signatures[0].sig' "$1" > "$t/sig64"
for part in body sig; do
  base64 -d "$t/${part}64" > "$t/$part"
  base64 < "$t/$part" | tr -d '\n' | cmp -s - "$t/${part}64"
done
[ "$(wc -c < "$t/body")" -le 262144 ]

what='the signature, or whose it is'
# The signature: one armor, of a key of a type that signs records, for this purpose, with sha512.
sed '1d;$d' "$t/sig" | base64 -d > "$t/blob"
{ echo '-----BEGIN SSH SIGNATURE-----'; base64 < "$t/blob" | tr -d '\n' | fold -w 70; echo; echo '-----END SSH SIGNATURE-----'; } | cmp -s - "$t/sig"
hex=$(od -An -v -tx1 "$t/blob" | tr -d ' \n')
case $hex in # SSHSIG, version 1, and as the key's type: ssh-ed25519, ecdsa-sha2-nistp256, and both of security keys
  53534853494700000001????????0000000b7373682d65643235353139*) token= ;;
  53534853494700000001????????0000001365636473612d736861322d6e69737470323536*) token= ;;
  53534853494700000001????????0000001a736b2d7373682d65643235353139406f70656e7373682e636f6d*) token=yes ;;
  53534853494700000001????????00000022736b2d65636473612d736861322d6e69737470323536406f70656e7373682e636f6d*) token=yes ;;
  *) exit 1 ;;
esac
case $hex in # decision@undersign, nothing reserved, sha512
  *000000126465636973696f6e40756e6465727369676e0000000000000006736861353132*) ;;
  *) exit 1 ;;
esac
{ printf 'DSSEv1 %d %s %d ' ${#type} $type "$(wc -c < "$t/body")"; cat "$t/body"; } > "$t/pae"
said=$(ssh-keygen -Y verify -f "$2" -I "$3" -n decision@undersign -s "$t/sig" < "$t/pae")
[ "${said##* }" = "$(jq -r '.signatures[0].keyid' "$1")" ]
what='the touch of a security key'
touched=$(($(tail -c 5 "$t/blob" | head -c 1 | od -An -tu1) & 1)) # flags and counter are a security key's last five bytes
[ "${7-}" != touch ] || { [ -n "$token" ] && [ $touched = 1 ]; } || exit 1

what='the statement, or what it approves'
# The statement: one spelling, so that no member is there twice; then its form, and what it approves.
jq -a . "$t/body" | LC_ALL=C sed "s/$(printf '\177')/\\\\u007f/g" | cmp -s - "$t/body"
# An empty text has no value, which some versions of jq take for true.
[ "$(jq --arg p "$3" --arg i "$4" --arg r "$5" --arg m "$6" '
  def obj($keys): type == "object" and keys_unsorted == $keys;
  def strings($keys): obj($keys) and all(.[]; type == "string");
  def list(f): type == "array" and all(.[]; f);
  def text($most): type == "string" and utf8bytelength <= $most;
  def hex($digits): type == "string" and test("\\A[0-9a-f]{\($digits)}\\z");
  def id($most): type == "string" and test("\\A[a-z0-9._-]{2,\($most)}\\z");
  def below($limit): type == "string" and test("\\A(0|[1-9][0-9]*)\\z")
    and (length < ($limit | length) or (length == ($limit | length) and . < $limit));
  def int: below("18446744073709551616");
  def time: below("9223372036854775808");
  def point: obj(["commit", "tree"]) and all(.[]; hex(40));
  def head: obj(["chain", "seq", "record"]) and (.chain | type == "string" and test("\\A[0-9a-f]{64}/[0-9a-f]{16}\\z"))
    and (.seq | int and . != "0") and (.record | hex(64));
  def predicate: obj(["verdict", "principal", "roles", "repository", "target", "base", "head", "resultTree", "manifest", "authors",
      "policy", "findings", "notes", "provenance", "coverage", "supersedes", "answers", "chain", "seen", "issuedAt", "notAfter",
      "challenge", "nonce", "tool", "reason"])
    and (.principal | id(32)) and (.roles | list(id(32)))
    and (.repository | obj(["id", "uri"]) and (.id | id(64)) and (.uri | text(4096)))
    and (.target | obj(["ref", "tip"]) and (.ref | text(4096) and startswith("refs/")) and (.tip | hex(40)))
    and (.base | point) and (.head | point) and (.resultTree | . == "" or hex(40))
    and (.manifest | obj(["sha256", "paths"]) and (.sha256 | hex(64)) and (.paths | int))
    and (.authors | list(text(4096))) and (.policy | obj(["version", "sha256"]) and (.version | int) and (.sha256 | hex(64)))
    and (.findings | obj(["rules", "sha256", "total", "answered"]) and (.rules | hex(64)) and (.sha256 | hex(64)) and (.total | int)
      and (.answered | list(strings(["rule", "severity", "path", "line", "answer"]) and (.line | int))))
    and (.notes | list(strings(["path", "side", "line", "text"]) and (.path | text(4096)) and (.side | . == "old" or . == "new")
      and (.line | int) and (.text | text(4096))))
    and (.provenance | obj(["status", "evidence"]) and (.status | text(4096)) and (.evidence | list(text(4096))))
    and (.coverage | obj(["files", "filesSeen", "hunks", "hunksSeen", "carriedOver", "hiddenCharacters", "omissions"])
      and all(del(.omissions)[]; int) and (.omissions | list(strings(["path", "what", "acknowledged"]))))
    and (.supersedes | list(hex(64))) and (.answers | list(hex(64)))
    and (.chain | obj(["key", "id", "seq", "prev", "forks"]) and (.key | hex(64)) and (.id | hex(16)) and (.seq | int and . != "0")
      and (if .seq == "1" then .prev == "" else (.prev | hex(64)) end) and (.forks | list(hex(64))))
    and (.seen | list(head)) and (.issuedAt | time) and (.notAfter | time) and (.issuedAt | tonumber) <= (.notAfter | tonumber)
    and (.challenge | text(4096)) and (.nonce | hex(32)) and (.tool | text(4096)) and (.reason | text(16384));
  def statement: obj(["_type", "subject", "predicateType", "predicate"])
    and ._type == "https://in-toto.io/Statement/v1" and .predicateType == "urn:undersign:decision:v1" and (.predicate | predicate)
    and (.predicate as $p | .subject == [{name: $p.repository.id, digest: {gitCommit: $p.head.commit,
      gitTree: (if $p.resultTree == "" then $p.head.tree else $p.resultTree end)}}]);
  statement and (.predicate | .verdict == "approve" and .chain.forks == []
  and .principal == $p and .repository.id == $i and .target.ref == $r and .manifest.sha256 == $m
  and (.coverage.filesSeen | tonumber) >= (.manifest.paths | tonumber)
  and (.coverage.hunksSeen | tonumber) >= (.coverage.hunks | tonumber)
  and all(.coverage.omissions[]; .acknowledged | test("\\S"))
  and (.issuedAt | tonumber) <= now + 120 and (.notAfter | tonumber) > now)' "$t/body")" = true ]
echo "holds: $3 approved $6 for $5 of $4"
