//! Makes the published vectors from fixed keys, byte for byte the same each time. The format is in `vectors/README.md`.

use base64ct::{Base64, Encoding as _};
use undersign::change::diff::Mode;
use undersign::change::digest::Digest;
use undersign::change::manifest::{Image, Manifest};
use undersign::decision::Verdict;
use undersign::record::chain::{ChainId, file_name};
use undersign::record::envelope::pae;
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::sshsig;
use undersign::record::statement::*;
use undersign::record::wire::put;

use crate::token::{Token, mpint, scalars};

/// The gate's clock in all vectors.
pub const NOW: u64 = 1_790_000_000;
const DEVICE: &str = "0123456789abcdef";

/// One published case.
pub struct Vector {
    pub name: String,
    what: String,
    stage: &'static str,
    expect: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Vector {
    pub fn encode(&self) -> Vec<u8> {
        let mut out =
            format!("undersign-vector/v1\nwhat: {}\nstage: {}\nexpect: {}\n", self.what, self.stage, self.expect);
        self.headers.iter().for_each(|(key, value)| out.push_str(&format!("{key}: {value}\n")));
        out.push('\n');
        let mut out = out.into_bytes();
        out.extend_from_slice(&self.body);
        out
    }
}

/// Somebody who signs: an id in the roster, and a key.
#[derive(Clone)]
pub struct Person {
    pub id: &'static str,
    pub token: Token,
}

pub fn dana() -> Person {
    Person { id: "dana", token: Token::new(KeyType::Ed25519, 42) }
}

pub fn rahim() -> Person {
    Person { id: "rahim", token: Token::new(KeyType::EcdsaP256, 43) }
}

fn mina() -> Person {
    Person { id: "mina", token: Token::new(KeyType::Ed25519, 44) }
}

fn bot() -> Person {
    Person { id: "bot", token: Token::new(KeyType::Ed25519, 45) }
}

fn stranger() -> Person {
    Person { id: "dana", token: Token::new(KeyType::Ed25519, 46) }
}

/// ines signs with a security key, enrolled as each vector says.
pub fn ines() -> Person {
    Person { id: "ines", token: Token::new(KeyType::SkEd25519, 47) }
}

pub fn jonas() -> Person {
    Person { id: "jonas", token: Token::new(KeyType::SkEcdsaP256, 48) }
}

const TOUCHED: TokenUse = TokenUse { flags: 1, counter: 7 };

fn image(content: &str) -> Option<Image> {
    Some(Image { mode: Mode::File, content: Digest::of(content.as_bytes()) })
}

pub fn manifest() -> Manifest {
    let mut manifest = Manifest::default();
    manifest.insert("src/lib.rs".into(), image("one\n"), image("two\n"));
    manifest.insert(undersign::change::RepoPath(b"caf\xc3\xa9\n".to_vec()), None, image("new\n"));
    manifest
}

fn findings() -> Vec<u8> {
    b"[]\n".to_vec()
}

fn chain_id(person: &Person) -> ChainId {
    ChainId { key: Digest::of(&person.token.blob()).to_string(), device: DEVICE.to_owned() }
}

/// A sound statement: the first record of a person's chain, approving [`manifest`].
pub fn statement(person: &Person) -> Statement {
    let id = |digit: &str| digit.repeat(40);
    let predicate = Predicate {
        verdict: Verdict::Approve,
        principal: person.id.into(),
        roles: vec!["senior".into(), "policy".into()],
        repository: RepositoryName { id: "vectors-1".into(), uri: "https://example.com/shop".into() },
        target: Target { name: "refs/heads/main".into(), tip: id("1") },
        base: Point { commit: id("1"), tree: id("2") },
        head: Point { commit: id("3"), tree: id("4") },
        result_tree: id("5"),
        manifest: ManifestDigest { sha256: manifest().digest().to_string(), paths: Decimal(2) },
        authors: vec!["Mina H\u{f6}fer <mina@example.com>".into()],
        policy: PolicyName { version: Decimal(1), sha256: "6".repeat(64) },
        findings: Findings {
            rules: "7".repeat(64),
            sha256: Digest::of(&findings()).to_string(),
            total: Decimal(0),
            answered: vec![],
        },
        notes: vec![],
        provenance: ProvenanceClaim { status: "declared".into(), evidence: vec![] },
        coverage: Coverage {
            files: Decimal(2),
            files_seen: Decimal(2),
            hunks: Decimal(3),
            hunks_seen: Decimal(3),
            carried_over: Decimal(0),
            hidden_characters: Decimal(0),
            omissions: vec![],
        },
        supersedes: vec![],
        answers: vec![],
        chain: Link {
            key: chain_id(person).key,
            id: DEVICE.into(),
            seq: Decimal(1),
            prev: String::new(),
            forks: vec![],
        },
        seen: vec![],
        issued_at: Decimal(NOW - 3600),
        not_after: Decimal(NOW + 3600),
        challenge: String::new(),
        nonce: "0".repeat(32),
        tool: "undersign vectors".into(),
        reason: "line one\nline \"two\" \u{2013} \u{6f22}\u{5b57} \u{1f600}".into(),
    };
    let subject = Subject {
        name: "vectors-1".into(),
        digest: SubjectDigest { git_commit: predicate.head.commit.clone(), git_tree: predicate.result_tree.clone() },
    };
    Statement::new(subject, predicate)
}

fn with(person: &Person, change: impl FnOnce(&mut Statement)) -> Statement {
    let mut statement = statement(person);
    change(&mut statement);
    statement
}

fn wire_blob(person: &Person, payload: &[u8], token: TokenUse) -> Vec<u8> {
    blob_of(&person.token.blob(), sshsig::NAMESPACE, b"sha512", &signature(person, payload, token))
}

fn signature(person: &Person, payload: &[u8], token: TokenUse) -> Vec<u8> {
    person.token.sign(&sshsig::to_be_signed(&pae(payload)), token)
}

fn blob_of(key: &[u8], namespace: &str, hash: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut blob = b"SSHSIG\0\0\0\x01".to_vec();
    [key, namespace.as_bytes(), b"", hash, signature].iter().for_each(|field| put(&mut blob, field));
    blob
}

pub fn armor(blob: &[u8], width: usize) -> String {
    let text = Base64::encode_string(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

fn envelope(payload: &[u8], fingerprint: &str, armor: &[u8]) -> Vec<u8> {
    format!(
        "{{\"payload\":\"{}\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{{\"keyid\":\"{fingerprint}\",\"sig\":\"{}\"}}]}}\n",
        Base64::encode_string(payload),
        Base64::encode_string(armor),
    )
    .into_bytes()
}

/// A record by a person over any payload: the signature is sound, whatever the payload says.
pub fn sign(person: &Person, payload: &[u8], token: TokenUse) -> Vec<u8> {
    let armor = armor(&wire_blob(person, payload, token), 70);
    envelope(payload, &person.token.key().fingerprint(), armor.as_bytes())
}

fn record(statement: &Statement, person: &Person) -> Vec<u8> {
    sign(person, &statement.encode(), TOUCHED)
}

/// All vectors, in the order of their names.
pub fn all() -> Vec<Vector> {
    let mut maker = Maker::default();
    maker.sound();
    maker.envelopes();
    maker.armors();
    maker.blobs();
    maker.keys();
    maker.signatures();
    maker.json();
    maker.statements();
    maker.subjects();
    maker.manifests();
    maker.chains();
    maker.gate();
    maker.presence();
    maker.rejections();
    maker.ledger();
    maker.0
}

/// Name, what it is, and what it changes in a sound statement.
type Form = (&'static str, &'static str, Box<dyn FnOnce(&mut Statement)>);

#[derive(Default)]
struct Maker(Vec<Vector>);

impl Maker {
    fn push(&mut self, stage: &'static str, name: &str, what: &str, expect: &str, body: Vec<u8>) -> &mut Vector {
        let name = format!("{stage}-{name}");
        assert!(self.0.iter().all(|v| v.name != name), "two vectors are called {name}");
        self.0.push(Vector { name, what: what.into(), stage, expect: expect.into(), headers: vec![], body });
        self.0.last_mut().unwrap()
    }

    fn record(&mut self, name: &str, what: &str, expect: &str, body: Vec<u8>) {
        self.push("record", name, what, expect, body);
    }

    fn sound(&mut self) {
        for (name, person) in [("ed25519", dana()), ("ecdsa", rahim()), ("sk-ed25519", ines()), ("sk-ecdsa", jonas())] {
            let what = format!("A sound record by a {} key", person.token.key().kind().name());
            self.record(&format!("sound-{name}"), &what, "sound", record(&statement(&person), &person));
        }
        for flags in [0x00, 0x04, 0x05, 0x45] {
            let what = format!("Flags {flags:#04x}: a sound record; what it proves, the roster says");
            let bytes = sign(&ines(), &statement(&ines()).encode(), TokenUse { flags, counter: 7 });
            self.record(&format!("sound-flags-{flags:02x}"), &what, "sound", bytes);
        }
        let no_tree = with(&dana(), |s| {
            s.predicate.result_tree.clear();
            s.subject[0].digest.git_tree = s.predicate.head.tree.clone();
        });
        self.record(
            "sound-no-result-tree",
            "Without a result tree, the subject names the head's tree",
            "sound",
            record(&no_tree, &dana()),
        );
    }

    fn envelopes(&mut self) {
        let good = String::from_utf8(record(&statement(&dana()), &dana())).unwrap();
        let mut vector = |name: &str, what: &str, expect: &str, text: String| {
            assert_ne!(text, good, "{name}");
            self.record(&format!("envelope-{name}"), what, expect, text.into_bytes());
        };
        let bad = "EnvelopeMalformed";
        vector(
            "type",
            "Another payloadType",
            "PayloadType",
            good.replace("application/vnd.in-toto+json", "application/json"),
        );
        vector("space", "White space between members", bad, good.replace(",\"", ", \""));
        vector("no-newline", "No line feed at the end", bad, good.trim_end().to_owned());
        vector("two-newlines", "Two line feeds at the end", bad, format!("{good}\n"));
        vector("crlf", "CR LF at the end", bad, good.replace('\n', "\r\n"));
        vector("bom", "A byte order mark", bad, format!("\u{feff}{good}"));
        vector(
            "extra-member",
            "A member that is not of DSSE",
            bad,
            good.replace("{\"payload\"", "{\"note\":\"\",\"payload\""),
        );
        vector(
            "extra-in-signature",
            "A member of the signature that is not of DSSE",
            bad,
            good.replace("{\"keyid\"", "{\"cert\":\"\",\"keyid\""),
        );
        vector("missing-keyid", "A signature without keyid", bad, {
            let at = good.find("\"keyid\"").unwrap();
            let end = good.find("\"sig\"").unwrap();
            format!("{}{}", &good[..at], &good[end..])
        });
        vector("order", "Members in another order", bad, {
            let payload = &good[1..good.find(",\"payloadType\"").unwrap()];
            let rest = &good[good.find("\"payloadType\"").unwrap()..good.len() - 2];
            format!("{{{rest},{payload}}}\n")
        });
        vector(
            "twice-payload",
            "The payload twice: which one is signed?",
            bad,
            good.replacen('{', "{\"payload\":\"e30K\",", 1),
        );
        vector("no-signature", "No signature", bad, format!("{}[]}}\n", &good[..good.find('[').unwrap()]));
        vector("two-signatures", "Two signatures in one envelope", bad, {
            let signature = &good[good.find('[').unwrap() + 1..good.rfind(']').unwrap()];
            good.replace("]}", &format!(",{signature}]}}"))
        });
        vector(
            "escaped",
            "A character written as an escape",
            bad,
            good.replacen("\"payload\"", "\"\\u0070ayload\"", 1),
        );
        vector("url-base64", "The URL alphabet of base64", bad, {
            let sig = good.find("\"sig\"").unwrap();
            let at = sig + good[sig..].find(['+', '/']).unwrap_or(20);
            format!("{}-{}", &good[..at], &good[at + 1..])
        });
        vector(
            "base64-tail",
            "Base64 whose last digit carries bits that mean nothing",
            bad,
            non_canonical(&good, "\"sig\":\""),
        );
        vector("payload-tail", "The same in the payload", bad, non_canonical(&good, "\"payload\":\""));
        vector(
            "keyid",
            "keyid is another key's fingerprint",
            "KeyHint",
            good.replace(&dana().token.key().fingerprint(), &rahim().token.key().fingerprint()),
        );
        vector("payload-changed", "The payload was altered after signing", "SignatureInvalid", {
            let payload = String::from_utf8(statement(&dana()).encode()).unwrap().replace("\"approve\"", "\"reject\"");
            let old = Base64::encode_string(&statement(&dana()).encode());
            good.replace(&old, &Base64::encode_string(payload.as_bytes()))
        });
        vector("not-json", "No JSON at all", bad, "-----BEGIN SSH SIGNATURE-----\n".into());
        vector("empty", "Nothing", bad, String::new());
        self.push("record", "envelope-too-large", "One byte more than 1 MiB", "TooLarge", Vec::new())
            .headers
            .push(("body", format!("{} times 0x20", (1 << 20) + 1)));
        let raw = [&b"{\"payload\":\"\xff\""[..], &good.as_bytes()[12..]].concat();
        self.record("envelope-not-utf8", "A byte that is not UTF-8", bad, raw);
    }

    /// Another text in place of the armor that signs the payload.
    fn armored(&mut self, name: &str, what: &str, expect: &str, armor: &str) {
        let payload = statement(&dana()).encode();
        let bytes = envelope(&payload, &dana().token.key().fingerprint(), armor.as_bytes());
        self.record(name, what, expect, bytes);
    }

    fn armors(&mut self) {
        let blob = wire_blob(&dana(), &statement(&dana()).encode(), TOUCHED);
        let good = armor(&blob, 70);
        let bad = "ArmorMalformed";
        let head = "-----BEGIN SSH SIGNATURE-----\n";
        let cases = [
            ("width-76", "76 columns, as PROTOCOL.sshsig says; OpenSSH writes 70", armor(&blob, 76)),
            ("width-64", "64 columns", armor(&blob, 64)),
            ("one-line", "One long line", armor(&blob, 4096)),
            ("ragged", "Lines of different lengths", good.replacen('\n', "\n\n", 2).replacen("\n\n", "\n", 1)),
            ("trailing-space", "A space at the end of a line", good.replacen('\n', " \n", 2)),
            ("crlf", "CR LF", good.replace('\n', "\r\n")),
            ("junk-before", "Text before the armor", format!("note\n{good}")),
            ("junk-after", "Text after the armor", format!("{good}note\n")),
            ("twice", "Two armors", format!("{good}{good}")),
            ("no-end", "No end", good.replace("-----END SSH SIGNATURE-----\n", "")),
            ("no-final-newline", "No line feed after the end", good.trim_end().to_owned()),
            ("header", "A header as in PEM", good.replace(head, &format!("{head}Comment: x\n\n"))),
            ("pgp", "The armor of another format", good.replace("SSH SIGNATURE", "PGP SIGNATURE")),
            ("no-padding", "Base64 without padding, or with too much", pad_wrong(&good)),
        ];
        for (name, what, armor) in cases {
            assert_ne!(armor, good, "{name}");
            self.armored(&format!("armor-{name}"), what, bad, &armor);
        }
        let raw = [good.as_bytes(), b"\xff"].concat();
        let payload = statement(&dana()).encode();
        let bytes = envelope(&payload, &dana().token.key().fingerprint(), &raw);
        self.record("armor-not-utf8", "A byte that is not UTF-8", bad, bytes);
    }

    /// A blob in place of the one that signs the payload.
    fn blob(&mut self, name: &str, what: &str, expect: &str, blob: &[u8]) {
        self.armored(name, what, expect, &armor(blob, 70));
    }

    fn blobs(&mut self) {
        let payload = statement(&dana()).encode();
        let good = wire_blob(&dana(), &payload, TOUCHED);
        let (key, signature) = (dana().token.blob(), signature(&dana(), &payload, TOUCHED));
        let fields = |version: u32, fields: &[&[u8]]| {
            let mut blob = [&b"SSHSIG"[..], &version.to_be_bytes()].concat();
            fields.iter().for_each(|field| put(&mut blob, field));
            blob
        };
        let ns = sshsig::NAMESPACE.as_bytes();
        let bad = "BlobMalformed";
        self.blob("blob-magic", "Another magic", bad, &[b"SSHSIH", &good[6..]].concat());
        self.blob("blob-version-0", "Version 0", bad, &fields(0, &[&key, ns, b"", b"sha512", &signature]));
        self.blob("blob-version-2", "Version 2", bad, &fields(2, &[&key, ns, b"", b"sha512", &signature]));
        self.blob(
            "blob-reserved",
            "A reserved field that is not empty and not signed",
            bad,
            &fields(1, &[&key, ns, b"x", b"sha512", &signature]),
        );
        let mut signed_reserved = b"SSHSIG".to_vec();
        [ns, b"x", b"sha512", &sha512(&pae(&payload))].iter().for_each(|field| put(&mut signed_reserved, field));
        let signed_reserved = dana().token.sign(&signed_reserved, TOUCHED);
        self.blob(
            "blob-reserved-signed",
            "A reserved field that is not empty, and signed",
            bad,
            &fields(1, &[&key, ns, b"x", b"sha512", &signed_reserved]),
        );
        self.blob("blob-trailing", "Two bytes after the signature", bad, &[&good[..], b"\0\0"].concat());
        self.blob("blob-short", "Cut off inside the signature", bad, &good[..good.len() - 1]);
        self.blob("blob-no-signature", "Fields missing", bad, &fields(1, &[&key, ns, b"", b"sha512"]));
        self.blob(
            "blob-length",
            "A length beyond the end",
            bad,
            &[b"SSHSIG\0\0\0\x01\xff\xff\xff\xff", &good[14..]].concat(),
        );
        for (name, namespace) in [
            ("file", "file"),
            ("git", "git"),
            ("case", "Decision@undersign"),
            ("prefix", "decision@undersign2"),
            ("empty", ""),
        ] {
            let signature = dana().token.sign(&to_be_signed(namespace, b"sha512", &sha512(&pae(&payload))), TOUCHED);
            let what = format!("Signed soundly, in the namespace `{namespace}`");
            self.blob(
                &format!("namespace-{name}"),
                &what,
                "Namespace",
                &blob_of(&key, namespace, b"sha512", &signature),
            );
        }
        let sha256 = Digest::of(&pae(&payload)).0;
        let signature = dana().token.sign(&to_be_signed(sshsig::NAMESPACE, b"sha256", &sha256), TOUCHED);
        self.blob(
            "hash-sha256",
            "Signed soundly, with sha256",
            "HashAlgorithm",
            &blob_of(&key, sshsig::NAMESPACE, b"sha256", &signature),
        );
        self.blob(
            "hash-unknown",
            "A hash that is none",
            "HashAlgorithm",
            &blob_of(&key, sshsig::NAMESPACE, b"sha1", &signature),
        );
    }

    /// A key blob in place of the signer's.
    fn key(&mut self, name: &str, what: &str, expect: &str, person: &Person, key: &[u8]) {
        let signature = signature(person, &statement(&dana()).encode(), TOUCHED);
        self.blob(&format!("key-{name}"), what, expect, &blob_of(key, sshsig::NAMESPACE, b"sha512", &signature));
    }

    fn keys(&mut self) {
        let fields = |fields: &[&[u8]]| {
            let mut out = Vec::new();
            fields.iter().for_each(|field| put(&mut out, field));
            out
        };
        let (ed, p256) = (dana().token.point(), rahim().token.point());
        let bad = "KeyMalformed";
        self.key("rsa", "An RSA key", "KeyType", &dana(), &fields(&[b"ssh-rsa", b"\x01\0\x01", &[1; 256]]));
        self.key(
            "webauthn",
            "A key type that only signatures have",
            "KeyType",
            &dana(),
            &fields(&[b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", &p256, b"ssh:undersign"]),
        );
        self.key(
            "certificate",
            "A certificate",
            "KeyType",
            &dana(),
            &fields(&[b"ssh-ed25519-cert-v01@openssh.com", &ed]),
        );
        self.key(
            "p384",
            "A key of another curve",
            "KeyType",
            &dana(),
            &fields(&[b"ecdsa-sha2-nistp384", b"nistp384", &[4; 97]]),
        );
        self.key("empty", "No key", bad, &dana(), b"");
        self.key("short", "31 bytes of ed25519", bad, &dana(), &fields(&[b"ssh-ed25519", &ed[..31]]));
        self.key("long", "33 bytes of ed25519", bad, &dana(), &fields(&[b"ssh-ed25519", &[&ed[..], b"\0"].concat()]));
        self.key("trailing", "Bytes after the key", bad, &dana(), &[&dana().token.blob()[..], b"\0"].concat());
        self.key(
            "off-curve-ed25519",
            "No point of the curve",
            bad,
            &dana(),
            &fields(&[b"ssh-ed25519", &[&[2u8][..], &[0; 31]].concat()]),
        );
        self.key(
            "curve-name",
            "The name of another curve",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp384", &p256]),
        );
        let compressed = [&[2 + (p256[64] & 1)][..], &p256[1..33]].concat();
        self.key(
            "compressed",
            "A compressed point",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp256", &compressed]),
        );
        let mut off = p256.clone();
        off[64] ^= 1;
        self.key(
            "off-curve",
            "No point of the curve",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp256", &off]),
        );
        self.key(
            "infinity",
            "The point at infinity",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp256", b"\0"]),
        );
        self.key(
            "application-missing",
            "A security key without application",
            bad,
            &ines(),
            &fields(&[b"sk-ssh-ed25519@openssh.com", &ines().token.point()]),
        );
        for (name, application) in
            [("control", "ssh:\u{1b}[2J"), ("unicode", "ssh:\u{202e}"), ("long", &"s".repeat(256) as &str)]
        {
            let mut person = ines();
            person.token.application = application.to_owned();
            let what = "An application that is not up to 255 printable ASCII characters";
            self.key(&format!("application-{name}"), what, bad, &person, &person.token.blob());
        }
        let mut person = ines();
        person.token.application = "s".repeat(255);
        let payload = with(&person, |_| {}).encode();
        let armor = armor(&wire_blob(&person, &payload, TOUCHED), 70);
        let bytes = envelope(&payload, &person.token.key().fingerprint(), armor.as_bytes());
        self.record("key-application-longest", "An application of 255 characters", "sound", bytes);
    }

    /// A signature blob by a person in place of the sound one.
    fn inner(&mut self, name: &str, what: &str, expect: &str, person: &Person, signature: &[u8]) {
        let payload = statement(person).encode();
        let blob = blob_of(&person.token.blob(), sshsig::NAMESPACE, b"sha512", signature);
        let bytes = envelope(&payload, &person.token.key().fingerprint(), armor(&blob, 70).as_bytes());
        self.record(&format!("signature-{name}"), what, expect, bytes);
    }

    fn signatures(&mut self) {
        let made = |person: &Person| signature(person, &statement(person).encode(), TOUCHED);
        let typed = |name: &str, value: &[u8], tail: &[u8]| {
            let mut out = Vec::new();
            put(&mut out, name.as_bytes());
            put(&mut out, value);
            [&out[..], tail].concat()
        };
        let flip = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            bytes
        };
        let (ed, ec, sk, ske) = (made(&dana()), made(&rahim()), made(&ines()), made(&jonas()));
        let (bad, wrong) = ("SignatureMalformed", "SignatureInvalid");
        self.inner("flipped", "One bit of the signature is another", wrong, &dana(), &flip(&ed, ed.len() - 1));
        self.inner("flipped-r", "One bit of R is another", wrong, &dana(), &flip(&ed, 20));
        self.inner(
            "other-key",
            "By another key than the one it names",
            wrong,
            &dana(),
            &signature(&mina(), &statement(&dana()).encode(), TOUCHED),
        );
        self.inner("other-message", "Over another payload", wrong, &dana(), &signature(&dana(), b"{}", TOUCHED));
        let value = &ed[ed.len() - 64..];
        self.inner(
            "high-s",
            "ed25519 whose s is not below the order: another spelling of a sound one",
            wrong,
            &dana(),
            &typed("ssh-ed25519", &add_order(value), b""),
        );
        self.inner("short", "63 bytes", bad, &dana(), &typed("ssh-ed25519", &value[..63], b""));
        self.inner("trailing", "Bytes after an ed25519 signature", bad, &dana(), &[&ed[..], &[0; 5]].concat());
        self.inner("empty", "Nothing", bad, &dana(), b"");
        self.inner("no-value", "A type and nothing after it", bad, &dana(), &ed[..15]);
        self.inner(
            "type-other",
            "The type of another key",
            "KeyType",
            &dana(),
            &typed("sk-ssh-ed25519@openssh.com", value, &[1, 0, 0, 0, 7]),
        );
        self.inner(
            "type-sk-as-plain",
            "A security key's signature under the plain type",
            "KeyType",
            &ines(),
            &typed("ssh-ed25519", &sk[34..98], b""),
        );
        self.inner(
            "type-webauthn",
            "A signature of the webauthn type",
            "KeyType",
            &jonas(),
            &typed("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", b"x", &[1, 0, 0, 0, 7]),
        );
        self.small_order();
        // ECDSA: r and s, 32 bytes each.
        let (r, s) = read_scalars(&ec);
        let ecdsa = |r: &[u8], s: &[u8]| {
            let mut value = Vec::new();
            put(&mut value, r);
            put(&mut value, s);
            typed("ecdsa-sha2-nistp256", &value, b"")
        };
        self.inner(
            "ecdsa-other-s",
            "n − s in place of s: both verify, and the record's id does not hang on it",
            "sound",
            &rahim(),
            &ecdsa(&mpint(&r), &mpint(&subtract(&ORDER_P256, &s))),
        );
        self.inner(
            "ecdsa-flipped",
            "One bit of s is another",
            wrong,
            &rahim(),
            &ecdsa(&mpint(&r), &mpint(&flip(&s, 31))),
        );
        self.inner("ecdsa-zero-r", "r is 0", bad, &rahim(), &ecdsa(b"", &mpint(&s)));
        self.inner("ecdsa-zero-byte", "r is a zero byte", bad, &rahim(), &ecdsa(b"\0", &mpint(&s)));
        self.inner(
            "ecdsa-order",
            "s is the order of the curve",
            wrong,
            &rahim(),
            &ecdsa(&mpint(&r), &mpint(&ORDER_P256)),
        );
        self.inner(
            "ecdsa-long",
            "A leading zero that the mpint does not need",
            bad,
            &rahim(),
            &ecdsa(&[&[0][..], &mpint(&r)].concat(), &mpint(&s)),
        );
        self.inner("ecdsa-negative", "An mpint that is negative", bad, &rahim(), &ecdsa(&negative(&r), &mpint(&s)));
        self.inner("ecdsa-wide", "An mpint of 33 digits", bad, &rahim(), &ecdsa(&[&[1][..], &r].concat(), &mpint(&s)));
        self.inner(
            "ecdsa-trailing",
            "Bytes after s",
            bad,
            &rahim(),
            &typed("ecdsa-sha2-nistp256", &[&scalars(&r, &s)[..], b"\0"].concat(), b""),
        );
        self.inner(
            "ecdsa-one-scalar",
            "Only one scalar",
            bad,
            &rahim(),
            &typed("ecdsa-sha2-nistp256", &scalars(&r, &s)[..36], b""),
        );
        // Security keys: flags and counter are signed.
        for (name, person, bytes) in [("sk", ines(), &sk), ("sk-ecdsa", jonas(), &ske)] {
            let n = bytes.len();
            self.inner(
                &format!("{name}-flags"),
                "Flags set after signing",
                wrong,
                &person,
                &[&bytes[..n - 5], &[5], &bytes[n - 4..]].concat(),
            );
            self.inner(
                &format!("{name}-counter"),
                "A counter raised after signing",
                wrong,
                &person,
                &flip(bytes, n - 1),
            );
            self.inner(&format!("{name}-no-counter"), "Flags without counter", bad, &person, &bytes[..n - 4]);
            self.inner(
                &format!("{name}-nothing"),
                "Neither flags nor counter: what a client that rebuilds agent signatures leaves",
                bad,
                &person,
                &bytes[..n - 5],
            );
            self.inner(
                &format!("{name}-trailing"),
                "A byte after the counter",
                bad,
                &person,
                &[&bytes[..], b"\0"].concat(),
            );
        }
        let mut elsewhere = ines();
        elsewhere.token.application = "ssh:".into();
        self.inner(
            "sk-application",
            "Made for another application than the key names",
            wrong,
            &ines(),
            &signature(&elsewhere, &statement(&ines()).encode(), TOUCHED),
        );
        self.inner("sk-unhashed", "A security key that signed the message itself", wrong, &ines(), &{
            let plain = Token::new(KeyType::Ed25519, 47)
                .sign(&sshsig::to_be_signed(&pae(&statement(&ines()).encode())), TOUCHED);
            typed("sk-ssh-ed25519@openssh.com", &plain[plain.len() - 64..], &[1, 0, 0, 0, 7])
        });
    }

    /// A public key of small order, for which a signature of zeros verifies over anything where it is not refused.
    fn small_order(&mut self) {
        let identity = [&[1][..], &[0; 31]].concat();
        let mut key = Vec::new();
        put(&mut key, b"ssh-ed25519");
        put(&mut key, &identity);
        let mut signature = Vec::new();
        put(&mut signature, b"ssh-ed25519");
        put(&mut signature, &[&identity[..], &[0; 32]].concat());
        let payload = statement(&dana()).encode();
        let blob = blob_of(&key, sshsig::NAMESPACE, b"sha512", &signature);
        let fingerprint = format!("SHA256:{}", base64ct::Base64Unpadded::encode_string(&Digest::of(&key).0));
        let bytes = envelope(&payload, &fingerprint, armor(&blob, 70).as_bytes());
        self.record(
            "signature-small-order",
            "A key of small order, under which one signature fits all",
            "SignatureInvalid",
            bytes,
        );
    }

    /// A payload, changed as text and soundly signed.
    fn text(&mut self, name: &str, what: &str, expect: &str, change: impl FnOnce(&str) -> String) {
        let text = String::from_utf8(statement(&dana()).encode()).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "{name}");
        self.record(name, what, expect, sign(&dana(), changed.as_bytes(), TOUCHED));
    }

    fn json(&mut self) {
        let (json, form) = ("JsonMalformed", "StatementMalformed");
        self.text("json-double-key", "A key that is there twice", form, |t| {
            t.replace("\"principal\": \"dana\"", "\"principal\": \"dana\",\n    \"principal\": \"rahim\"")
        });
        self.text("json-double-verdict", "Two verdicts", form, |t| {
            t.replace("\"verdict\": \"approve\"", "\"verdict\": \"reject\",\n    \"verdict\": \"approve\"")
        });
        self.text("json-unknown-key", "A member that is not of the format", form, |t| {
            t.replace("\"roles\"", "\"extra\": \"x\",\n    \"roles\"")
        });
        self.text("json-missing-key", "A member is missing", form, |t| t.replace("    \"challenge\": \"\",\n", ""));
        self.text("json-number", "A number where a decimal string belongs", form, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": 1")
        });
        self.text("json-float", "A float", form, |t| t.replace("\"seq\": \"1\"", "\"seq\": 1.0"));
        self.text("json-null", "null", form, |t| t.replace("\"challenge\": \"\"", "\"challenge\": null"));
        self.text("json-decimal-zero", "A decimal with a leading zero", json, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": \"01\"")
        });
        self.text("json-decimal-plus", "A decimal with a sign", json, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": \"+1\"")
        });
        self.text("json-decimal-huge", "A decimal beyond 64 bits", form, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": \"18446744073709551616\"")
        });
        self.text("json-decimal-minus", "A negative decimal", form, |t| t.replace("\"seq\": \"1\"", "\"seq\": \"-1\""));
        self.text("json-indent", "Another indentation", json, |t| t.replace("  ", " "));
        self.text("json-minified", "No white space", json, |t| t.replace("\n", "").replace("  ", ""));
        self.text("json-tab", "A tab for indentation", json, |t| t.replacen("  ", "\t", 1));
        self.text("json-crlf", "CR LF", json, |t| t.replace('\n', "\r\n"));
        self.text("json-no-newline", "No line feed at the end", json, |t| t.trim_end().to_owned());
        self.text("json-trailing", "White space at the end", json, |t| format!("{t} "));
        self.text("json-second-value", "A second value after the first", json, |t| format!("{t}{{}}\n"));
        self.text("json-bom", "A byte order mark", json, |t| format!("\u{feff}{t}"));
        self.text("json-raw-unicode", "A character beyond ASCII, not escaped", json, |t| {
            t.replace("\\u6f22", "\u{6f22}")
        });
        self.text("json-upper-escape", "An escape in upper case", json, |t| t.replace("\\u6f22", "\\u6F22"));
        self.text("json-needless-escape", "An escape that is not needed", json, |t| {
            t.replace("\"dana\"", "\"\\u0064ana\"")
        });
        self.text("json-slash", "An escaped slash", json, |t| t.replace("refs/heads", "refs\\/heads"));
        self.text("json-surrogate", "Half of a surrogate pair", json, |t| t.replace("\\ud83d\\ude00", "\\ud83d"));
        self.text("json-surrogate-low", "The other half of a surrogate pair", json, |t| {
            t.replace("\\ud83d\\ude00", "\\ude00")
        });
        self.text("json-surrogate-reversed", "A surrogate pair in the wrong order", json, |t| {
            t.replace("\\ud83d\\ude00", "\\ude00\\ud83d")
        });
        self.text("json-number-zero", "A number with a leading zero is no JSON", json, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": 01")
        });
        self.text("json-true", "true", form, |t| t.replace("\"challenge\": \"\"", "\"challenge\": true"));
        self.text("json-delete", "U+007F, not escaped", json, |t| t.replace("line one", "line\u{7f}one"));
        self.text("json-long-escape", "A line feed by its number", json, |t| t.replace("one\\nline", "one\\u000aline"));
        self.text("json-nested", "Lists in the place of a text, however deep", form, |t| {
            t.replace("\"challenge\": \"\"", &format!("\"challenge\": {}{}", "[".repeat(200), "]".repeat(200)))
        });
        self.text(
            "json-first-number",
            "A number, and then the text is cut off: the first of both is named",
            form,
            |t| t.replace("\"seq\": \"1\"", "\"seq\": 1").trim_end().trim_end_matches('}').to_owned(),
        );
        self.text("json-first-cut", "Cut off before a member that is unknown", json, |t| {
            t.replace("\"roles\": [", "\"roles\": [,").replace("\"nonce\"", "\"extra\"")
        });
        self.text("json-before-form", "Another spelling, and a principal that is no id", json, |t| {
            t.replace("refs/heads", "refs\\/heads").replace("\"dana\"", "\"Dana\"")
        });
        self.text("json-order", "Members in another order", json, |t| {
            t.replace(
                "    \"challenge\": \"\",\n    \"nonce\": \"00000000000000000000000000000000\",\n",
                "    \"nonce\": \"00000000000000000000000000000000\",\n    \"challenge\": \"\",\n",
            )
        });
        self.text("json-comment", "A comment", json, |t| format!("// yes\n{t}"));
        self.text("json-cut", "Cut off", json, |t| t[..t.len() / 2].to_owned());
        self.text("json-deep", "Nesting without end", form, |t| {
            t.replace("\"challenge\": \"\"", &format!("\"challenge\": {}", "[".repeat(5000)))
        });
        self.record(
            "json-not-utf8",
            "A byte that is not UTF-8",
            json,
            sign(&dana(), &[&statement(&dana()).encode()[..], b"\xff"].concat(), TOUCHED),
        );
        self.record("json-empty", "An empty payload", json, sign(&dana(), b"", TOUCHED));
    }

    /// A statement by dana, changed and soundly signed.
    fn form(&mut self, name: &str, what: &str, expect: &str, change: impl FnOnce(&mut Statement)) {
        let changed = with(&dana(), change);
        assert_ne!(changed, statement(&dana()), "{name}");
        self.record(name, what, expect, record(&changed, &dana()));
    }

    fn statements(&mut self) {
        let bad = "StatementMalformed";
        let id = || "a".repeat(64);
        self.text("statement-verdict", "A verdict that is none", bad, |t| t.replace("\"approve\"", "\"approved\""));
        self.form("statement-type", "Another version of the in-toto Statement", bad, |s| {
            s.statement_type = "https://in-toto.io/Statement/v0.1".into()
        });
        self.form("predicate-type-v0", "A version of the format that is not this one", "PredicateType", |s| {
            s.predicate_type = "urn:undersign:decision:v0".into()
        });
        self.text("predicate-type-spelling", "Of another type, and spelled otherwise", "PredicateType", |t| {
            t.replace("decision:v1", "decision:v2").replace("  ", " ")
        });
        self.text("predicate-type-unknown", "Of another type, with members of its own", "PredicateType", |t| {
            t.replace("decision:v1", "decision:v2").replace("\"roles\"", "\"more\": \"\",\n    \"roles\"")
        });
        self.text("predicate-type-twice", "Two types, one of them ours", bad, |t| {
            t.replacen("\"predicateType\"", "\"predicateType\": \"urn:undersign:decision:v2\",\n  \"predicateType\"", 1)
        });
        self.record("predicate-type-other", "A statement of somebody else, soundly signed", "PredicateType", sign(&dana(), b"{\n  \"_type\": \"https://in-toto.io/Statement/v1\",\n  \"subject\": [],\n  \"predicateType\": \"https://slsa.dev/provenance/v1\",\n  \"predicate\": {}\n}\n", TOUCHED));
        let forms: Vec<Form> = vec![
            ("principal-upper", "A principal in upper case", Box::new(|s| s.predicate.principal = "Dana".into())),
            (
                "principal-confusable",
                "A principal with a character that looks like another",
                Box::new(|s| s.predicate.principal = "d\u{430}na".into()),
            ),
            ("principal-short", "A principal of one character", Box::new(|s| s.predicate.principal = "d".into())),
            ("principal-long", "A principal of 33 characters", Box::new(|s| s.predicate.principal = "d".repeat(33))),
            ("role", "A role that is no id", Box::new(|s| s.predicate.roles = vec!["Senior Engineer".into()])),
            (
                "repository",
                "A repository id of 65 characters",
                Box::new(|s| {
                    s.predicate.repository.id = "r".repeat(65);
                    s.subject[0].name = "r".repeat(65);
                }),
            ),
            ("ref-short", "A ref that is no full name", Box::new(|s| s.predicate.target.name = "main".into())),
            ("ref-empty", "A ref that is only a prefix", Box::new(|s| s.predicate.target.name = "refs/".into())),
            ("ref-dots", "A ref with two dots", Box::new(|s| s.predicate.target.name = "refs/heads/a..b".into())),
            ("ref-space", "A ref with a space", Box::new(|s| s.predicate.target.name = "refs/heads/a b".into())),
            ("ref-star", "A ref that is a pattern", Box::new(|s| s.predicate.target.name = "refs/heads/*".into())),
            (
                "ref-slashes",
                "A ref with an empty part",
                Box::new(|s| s.predicate.target.name = "refs/heads//main".into()),
            ),
            ("ref-brace", "A ref with @{", Box::new(|s| s.predicate.target.name = "refs/heads/main@{1}".into())),
            (
                "ref-slash-end",
                "A ref that ends in a slash",
                Box::new(|s| s.predicate.target.name = "refs/heads/main/".into()),
            ),
            (
                "ref-dot-end",
                "A ref that ends in a dot",
                Box::new(|s| s.predicate.target.name = "refs/heads/main.".into()),
            ),
            (
                "ref-dot-start",
                "A ref with a part that starts with a dot",
                Box::new(|s| s.predicate.target.name = "refs/heads/.main".into()),
            ),
            (
                "ref-lock",
                "A ref that ends in .lock",
                Box::new(|s| s.predicate.target.name = "refs/heads/a.lock".into()),
            ),
            (
                "ref-lock-part",
                "A ref with a part that ends in .lock",
                Box::new(|s| s.predicate.target.name = "refs/heads/a.lock/b".into()),
            ),
            (
                "ref-delete",
                "A ref with a control character",
                Box::new(|s| s.predicate.target.name = "refs/heads/main\u{7f}".into()),
            ),
            (
                "ref-long",
                "A ref of more than 4 KiB",
                Box::new(|s| s.predicate.target.name = format!("refs/{}", "a".repeat(4096))),
            ),
            ("oid-upper", "An object id in upper case", Box::new(|s| s.predicate.target.tip = "A".repeat(40))),
            ("oid-short", "An object id of 39 digits", Box::new(|s| s.predicate.base.commit = "1".repeat(39))),
            ("oid-base-tree", "A base tree that is no id", Box::new(|s| s.predicate.base.tree = "x".repeat(40))),
            (
                "oid-head",
                "A head that is no id",
                Box::new(|s| {
                    s.predicate.head.commit = "x".repeat(40);
                    s.subject[0].digest.git_commit = "x".repeat(40);
                }),
            ),
            ("oid-head-tree", "A head tree that is no id", Box::new(|s| s.predicate.head.tree = "x".repeat(40))),
            (
                "oid-result",
                "A result tree that is no id",
                Box::new(|s| {
                    s.predicate.result_tree = "5".repeat(41);
                    s.subject[0].digest.git_tree = "5".repeat(41);
                }),
            ),
            (
                "manifest-digest",
                "A manifest digest of 63 digits",
                Box::new(|s| s.predicate.manifest.sha256.truncate(63)),
            ),
            (
                "policy-digest",
                "A policy digest in upper case",
                Box::new(|s| s.predicate.policy.sha256 = "A".repeat(64)),
            ),
            ("rules-digest", "A rules digest that is none", Box::new(|s| s.predicate.findings.rules = String::new())),
            (
                "findings-digest",
                "A findings digest that is none",
                Box::new(|s| s.predicate.findings.sha256 = "x".repeat(64)),
            ),
            ("nonce", "A nonce of 31 digits", Box::new(|s| s.predicate.nonce.truncate(31))),
            ("chain-key", "A key id that is none", Box::new(|s| s.predicate.chain.key.truncate(63))),
            ("chain-id", "A chain id of 15 digits", Box::new(|s| s.predicate.chain.id.truncate(15))),
            ("chain-seq-0", "Number 0", Box::new(|s| s.predicate.chain.seq = Decimal(0))),
            (
                "chain-seq-0-prev",
                "Number 0 with a record before it",
                Box::new(|s| {
                    s.predicate.chain.seq = Decimal(0);
                    s.predicate.chain.prev = "a".repeat(64);
                }),
            ),
            (
                "chain-first-prev",
                "A first record with one before it",
                Box::new(|s| s.predicate.chain.prev = "a".repeat(64)),
            ),
            (
                "chain-second-no-prev",
                "A second record without one before it",
                Box::new(|s| s.predicate.chain.seq = Decimal(2)),
            ),
            (
                "chain-prev",
                "A link that is no record id",
                Box::new(|s| {
                    s.predicate.chain.seq = Decimal(2);
                    s.predicate.chain.prev = "a".repeat(63);
                }),
            ),
            (
                "supersedes",
                "Superseding what is no record id",
                Box::new(|s| s.predicate.supersedes = vec!["a".repeat(40)]),
            ),
            (
                "seen-chain",
                "A head of what is no chain",
                Box::new(|s| {
                    s.predicate.seen = vec![SeenHead { chain: "a".repeat(64), seq: Decimal(1), record: "a".repeat(64) }]
                }),
            ),
            (
                "seen-device",
                "A head of a chain whose device is none",
                Box::new(|s| {
                    s.predicate.seen = vec![SeenHead {
                        chain: format!("{}/{}", "a".repeat(64), "g".repeat(16)),
                        seq: Decimal(1),
                        record: "a".repeat(64),
                    }]
                }),
            ),
            (
                "seen-key",
                "A head of a chain whose key is none",
                Box::new(|s| {
                    s.predicate.seen = vec![SeenHead {
                        chain: format!("{}/{DEVICE}", "a".repeat(63)),
                        seq: Decimal(1),
                        record: "a".repeat(64),
                    }]
                }),
            ),
            (
                "seen-seq",
                "A head with number 0",
                Box::new(|s| {
                    s.predicate.seen = vec![SeenHead {
                        chain: format!("{}/{DEVICE}", "a".repeat(64)),
                        seq: Decimal(0),
                        record: "a".repeat(64),
                    }]
                }),
            ),
            (
                "seen-record",
                "A head that is no record id",
                Box::new(|s| {
                    s.predicate.seen = vec![SeenHead {
                        chain: format!("{}/{DEVICE}", "a".repeat(64)),
                        seq: Decimal(1),
                        record: "a".repeat(63),
                    }]
                }),
            ),
            (
                "times",
                "It ends before it was made",
                Box::new(|s| s.predicate.not_after = Decimal(s.predicate.issued_at.0 - 1)),
            ),
            (
                "times-wide",
                "It ends at a time that is no signed 64-bit number",
                Box::new(|s| s.predicate.not_after = Decimal(1 << 63)),
            ),
            (
                "reason-blank",
                "A rejection whose reason is only White_Space",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.reason = "\t\u{b}\u{85}\u{a0}\u{1680}\u{2003}\u{2028}\u{202f}\u{3000}".into();
                }),
            ),
            (
                "reason-long",
                "A reason of more than 16 KiB",
                Box::new(|s| s.predicate.reason = "x".repeat((16 << 10) + 1)),
            ),
            (
                "uri-long",
                "A URI of more than 4 KiB",
                Box::new(|s| s.predicate.repository.uri = "x".repeat((4 << 10) + 1)),
            ),
            (
                "author-long",
                "An author of more than 4 KiB",
                Box::new(|s| s.predicate.authors = vec!["x".repeat((4 << 10) + 1)]),
            ),
            (
                "evidence-long",
                "Evidence of more than 4 KiB",
                Box::new(|s| s.predicate.provenance.evidence = vec!["x".repeat((4 << 10) + 1)]),
            ),
            (
                "challenge-long",
                "A challenge of more than 4 KiB",
                Box::new(|s| s.predicate.challenge = "x".repeat((4 << 10) + 1)),
            ),
            ("approve-forks", "An approval that names forks", Box::new(move |s| s.predicate.chain.forks = vec![id()])),
            (
                "reject-no-reason",
                "A rejection without reason",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.reason = " \n".into();
                }),
            ),
            (
                "note-side",
                "A note on a side that there is not",
                Box::new(|s| s.predicate.notes = vec![note("both", "x")]),
            ),
            (
                "note-long",
                "A note of more than 4 KiB",
                Box::new(|s| s.predicate.notes = vec![note("new", &"x".repeat((4 << 10) + 1))]),
            ),
            (
                "human-only-no-reason",
                "A claim that no AI was used, without reason",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::HumanOnly;
                    s.predicate.reason = String::new();
                }),
            ),
            (
                "human-only-answers",
                "A claim that no AI was used, which answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HumanOnly;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "break-glass-no-reason",
                "Break-glass without reason",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::BreakGlass;
                    s.predicate.reason = " ".into();
                }),
            ),
            (
                "break-glass-forks",
                "Break-glass that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::BreakGlass;
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            (
                "reject-answers",
                "A rejection that answers one",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "reject-forks",
                "A rejection that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            ("withdraw-nothing", "A withdrawal of nothing", Box::new(|s| s.predicate.verdict = Verdict::Withdraw)),
            (
                "withdraw-no-reason",
                "A withdrawal without reason",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                    s.predicate.reason.clear();
                }),
            ),
            (
                "withdraw-answers",
                "A withdrawal that answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "withdraw-forks",
                "A withdrawal that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            ("handover-nothing", "A handover of nothing", Box::new(|s| s.predicate.verdict = Verdict::HandOver)),
            (
                "handover-no-reason",
                "A handover without reason",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec![id()];
                    s.predicate.reason.clear();
                }),
            ),
            (
                "handover-forks",
                "A handover that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec![id()];
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            (
                "handover-id",
                "A handover of what is no record id",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec!["x".into()];
                }),
            ),
            ("repair-nothing", "A repair that names no fork", Box::new(|s| s.predicate.verdict = Verdict::Repair)),
            (
                "repair-answers",
                "A repair that answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec![id()];
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "repair-supersedes",
                "A repair that supersedes",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec![id()];
                    s.predicate.supersedes = vec![id()];
                }),
            ),
            (
                "repair-id",
                "A repair of what is no record id",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec!["x".into()];
                }),
            ),
        ];
        for (name, what, change) in forms {
            self.form(&format!("statement-{name}"), what, bad, change);
        }
        let sound: Vec<Form> = vec![
            (
                "notes",
                "A rejection with notes on both sides",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.notes = vec![note("old", "why was this?\n"), note("new", "caf\u{e9}")];
                }),
            ),
            (
                "approve-answers",
                "An approval that answers another person's rejection of an earlier version",
                Box::new(move |s| s.predicate.answers = vec![id()]),
            ),
            ("human-only", "A claim that no AI was used", Box::new(|s| s.predicate.verdict = Verdict::HumanOnly)),
            (
                "break-glass",
                "Break-glass that answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::BreakGlass;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "withdraw",
                "A withdrawal",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                }),
            ),
            (
                "handover",
                "A handover",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "repair",
                "A repair",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            (
                "longest",
                "Texts as long as they may be",
                Box::new(|s| {
                    s.predicate.reason = "x".repeat(16 << 10);
                    s.predicate.tool = "x".repeat(4 << 10);
                    s.predicate.principal = "d".repeat(32);
                }),
            ),
            (
                "times-widest",
                "It ends at the last time that there is",
                Box::new(|s| s.predicate.not_after = Decimal((1 << 63) - 1)),
            ),
            (
                "integers-widest",
                "Other integers go on to 64 bits",
                Box::new(|s| s.predicate.coverage.hidden_characters = Decimal(u64::MAX)),
            ),
            (
                "reason-separator",
                "A rejection whose reason is no White_Space, though some programs strip it",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.reason = "\u{1c}\u{1f}".into();
                }),
            ),
            (
                "ref-odd",
                "A ref with a name that git allows",
                Box::new(|s| s.predicate.target.name = "refs/@/a.LOCK/-x.y\u{85}\u{e9}".into()),
            ),
            (
                "free-texts",
                "Answers and omissions have no form and no limit of their own",
                Box::new(|s| {
                    s.predicate.findings.answered = vec![AnsweredFinding {
                        rule: String::new(),
                        severity: "whatever".into(),
                        path: "caf\u{e9}".into(),
                        line: Decimal(0),
                        answer: "x".repeat((4 << 10) + 1),
                    }];
                    s.predicate.coverage.omissions = vec![Omission {
                        path: String::new(),
                        what: "x".repeat((4 << 10) + 1),
                        acknowledged: String::new(),
                    }];
                }),
            ),
            ("momentary", "It ends when it was made", Box::new(|s| s.predicate.not_after = s.predicate.issued_at)),
            (
                "second",
                "A second record",
                Box::new(move |s| {
                    s.predicate.chain.seq = Decimal(2);
                    s.predicate.chain.prev = id();
                }),
            ),
            (
                "approve-no-reason",
                "An approval without reason: where one is needed, the signer's program asks for it",
                Box::new(|s| s.predicate.reason.clear()),
            ),
        ];
        for (name, what, change) in sound {
            self.form(&format!("sound-{name}"), what, "sound", change);
        }
    }

    fn subjects(&mut self) {
        self.form("subject-name", "Another repository than the predicate's", "Subject", |s| {
            s.subject[0].name = "vectors-2".into()
        });
        self.form("subject-commit", "Another commit", "Subject", |s| s.subject[0].digest.git_commit = "9".repeat(40));
        self.form("subject-tree", "Another tree", "Subject", |s| s.subject[0].digest.git_tree = "4".repeat(40));
        self.form("subject-none", "No subject", "Subject", |s| s.subject.clear());
        self.form("subject-two", "Two subjects: in-toto would match either", "Subject", |s| {
            s.subject.push(s.subject[0].clone())
        });
        self.text(
            "subject-extra-digest",
            "A further digest, by which in-toto would match too",
            "StatementMalformed",
            |t| t.replacen("\"gitTree\"", "\"sha256\": \"\",\n        \"gitTree\"", 1),
        );
    }

    fn manifests(&mut self) {
        let good = String::from_utf8(manifest().encode()).unwrap();
        let bad = "ManifestMalformed";
        let mut vector = |name: &str, what: &str, expect: &str, text: String| {
            self.push("manifest", name, what, expect, text.into_bytes());
        };
        vector("sound", "A path that is new, with bytes that are escaped, and one that changed", "sound", good.clone());
        let digest = "1".repeat(64);
        let entry = |mode: &str, path: &str| format!("000000 {} {mode} {digest} {path}\n", "0".repeat(64));
        let modes = [("100755", "-x"), ("120000", "a b"), ("160000", "a\\x5cb"), ("100644", "a\\xff")];
        let every: String = modes.iter().map(|(mode, path)| entry(mode, path)).collect();
        vector("sound-modes", "Every mode, and paths with a hyphen, a space, a backslash and no UTF-8", "sound", every);
        vector("sound-empty", "A change that changes nothing", "sound", String::new());
        let (first, second) = good.split_once('\n').unwrap();
        vector("order", "Paths out of order", bad, format!("{second}{first}\n"));
        vector("twice", "A path that is there twice", bad, format!("{first}\n{first}\n{second}"));
        vector("no-newline", "No line feed at the end", bad, good.trim_end().to_owned());
        vector("blank-line", "An empty line", bad, format!("{good}\n"));
        vector("crlf", "CR LF", bad, good.replace('\n', "\r\n"));
        vector("upper", "A digest in upper case", bad, good.replacen('a', "A", 1));
        vector("mode", "A mode that git has not", bad, good.replace("100644", "100664"));
        vector("mode-tree", "A directory", bad, good.replace("100644", "040000"));
        vector(
            "absent-digest",
            "An absent side with a digest",
            bad,
            good.replacen(&"0".repeat(64), &"1".repeat(64), 1),
        );
        vector(
            "both-absent",
            "A path absent before and after",
            bad,
            format!("000000 {0} 000000 {0} a\n", "0".repeat(64)),
        );
        vector("unchanged", "A path that did not change", bad, format!("100644 {0} 100644 {0} a\n", "1".repeat(64)));
        vector(
            "no-path",
            "A line without a path",
            bad,
            format!("000000 {} 100644 {} \n", "0".repeat(64), "1".repeat(64)),
        );
        vector("escape-needless", "An escape that is not needed", bad, good.replace("src/lib.rs", "src/\\x6cib.rs"));
        vector("escape-upper", "An escape in upper case", bad, good.replace("\\xc3", "\\xC3"));
        vector("escape-cut", "An escape that is cut off", bad, good.replace("\\x0a", "\\x0"));
        vector("raw-byte", "A byte that should be escaped", bad, good.replace("\\xc3\\xa9", "\u{e9}"));
        vector("spaces", "Two spaces between fields", bad, good.replacen(' ', "  ", 1));
        self.push("manifest", "not-utf8", "A byte that is not UTF-8", bad, [good.as_bytes(), b"\xff\n"].concat());
    }
}

// Chains and what a gate makes of records.

/// One link as a line of a body.
#[derive(Clone)]
struct LinkLine {
    name: String,
    envelope: Vec<u8>,
    manifest: Vec<u8>,
    findings: Vec<u8>,
    readable: bool,
}

/// The records of one person, each linked to the one before.
#[derive(Clone)]
struct Series {
    person: Person,
    ids: Vec<String>,
    links: Vec<LinkLine>,
    counter: u32,
    flags: u8,
}

impl Series {
    fn of(person: Person) -> Series {
        Series { person, ids: Vec::new(), links: Vec::new(), counter: 7, flags: 5 }
    }

    /// Adds a record that is as it should be, but for `change`.
    fn add(mut self, change: impl FnOnce(&mut Predicate)) -> Series {
        let seq = self.ids.len() as u64 + 1;
        let prev = self.ids.last().cloned().unwrap_or_default();
        let statement = with(&self.person, |s| {
            s.predicate.chain.seq = Decimal(seq);
            s.predicate.chain.prev = prev;
            s.predicate.nonce = format!("{seq:032x}");
            change(&mut s.predicate);
            s.subject[0].name = s.predicate.repository.id.clone();
        });
        let payload = statement.encode();
        self.ids.push(Digest::of(&payload).to_string());
        self.links.push(LinkLine {
            name: file_name(seq),
            envelope: sign(&self.person, &payload, TokenUse { flags: self.flags, counter: self.counter }),
            manifest: manifest().encode(),
            findings: findings(),
            readable: true,
        });
        self.counter += 1;
        self
    }

    fn approve(self) -> Series {
        self.add(|_| {})
    }

    fn reject(self) -> Series {
        self.add(|p| p.verdict = Verdict::Reject)
    }

    fn tap(mut self, change: impl FnOnce(&mut Series)) -> Series {
        change(&mut self);
        self
    }

    fn id(&self, seq: usize) -> String {
        self.ids[seq - 1].clone()
    }

    fn lines(&self) -> String {
        let mut out = format!("chain {}\n", chain_id(&self.person));
        for link in &self.links {
            let line = |bytes: &[u8]| if bytes.is_empty() { "-".to_owned() } else { Base64::encode_string(bytes) };
            out.push_str(&if link.readable {
                format!(
                    "link {} {} {} {}\n",
                    link.name,
                    line(&link.envelope),
                    line(&link.manifest),
                    line(&link.findings)
                )
            } else {
                "unreadable\n".to_owned()
            });
        }
        out
    }
}

impl Maker {
    fn chain(&mut self, name: &str, what: &str, expect: &str, series: &Series) -> &mut Vector {
        self.push("chain", name, what, expect, series.lines().into_bytes())
    }

    fn chains(&mut self) {
        let three = || Series::of(dana()).approve().reject().approve();
        self.chain("sound", "Three records, each naming the one before", "sound 3", &three());
        self.chain("sound-empty", "No record yet", "sound 0", &Series::of(dana()));
        self.chain("gap", "The second record is missing", "ChainGap 2", &three().tap(|s| _ = s.links.remove(1)));
        self.chain("gap-first", "The first record is missing", "ChainGap 1", &three().tap(|s| _ = s.links.remove(0)));
        self.chain(
            "repeat",
            "The first record stands twice",
            "ChainRepeat 2",
            &three().tap(|s| s.links.insert(1, s.links[0].clone())),
        );
        let other = Series::of(dana()).add(|p| p.reason = "another".into());
        self.chain(
            "repeat-other",
            "Two records with the number 1: signed twice",
            "ChainRepeat 2",
            &three().tap(|s| s.links.insert(1, other.links[0].clone())),
        );
        self.chain("order", "The second and third change places", "ChainGap 2", &three().tap(|s| s.links.swap(1, 2)));
        self.chain(
            "prev",
            "A link to a record that is not the one before",
            "ChainPrev 2",
            &Series::of(dana()).approve().add(|p| p.chain.prev = "a".repeat(64)),
        );
        self.chain(
            "key-signed",
            "Signed by the key, for the chain of another",
            "ChainKey 1",
            &Series::of(dana()).add(|p| p.chain.key = "a".repeat(64)),
        );
        self.chain(
            "device",
            "For the chain of another device",
            "ChainKey 1",
            &Series::of(dana()).add(|p| p.chain.id = "f".repeat(16)),
        );
        let mut foreign = Series::of(dana());
        foreign.links = Series::of(mina()).add(|p| p.chain.key = chain_id(&dana()).key).links;
        self.chain("key-other", "Another key's record, put into this chain", "ChainKey 1", &foreign);
        self.chain(
            "name",
            "A file named after another number",
            "ChainLayout 2",
            &three().tap(|s| s.links[1].name = file_name(3)),
        );
        self.chain(
            "unreadable",
            "A commit that does not hold the three files",
            "ChainLayout 2",
            &three().tap(|s| s.links[1].readable = false),
        );
        self.chain(
            "manifest-other",
            "A manifest that is not the signed one",
            "Attachment 2",
            &three().tap(|s| s.links[1].manifest.clear()),
        );
        self.chain(
            "findings-other",
            "Findings that are not the signed ones",
            "Attachment 2",
            &three().tap(|s| s.links[1].findings = b"[ ]\n".to_vec()),
        );
        let bad = b"no manifest\n".to_vec();
        let digest = Digest::of(&bad).to_string();
        let malformed = Series::of(dana()).add(|p| p.manifest.sha256 = digest).tap(|s| s.links[0].manifest = bad);
        self.chain("manifest-malformed", "The signed manifest is none", "ManifestMalformed 1", &malformed);
        self.chain(
            "manifest-count",
            "Another number of paths than signed",
            "ManifestMalformed 1",
            &Series::of(dana()).add(|p| p.manifest.paths = Decimal(3)),
        );
        self.chain(
            "signature",
            "The second record does not verify",
            "SignatureInvalid 2",
            &three().tap(|s| {
                s.links[1].envelope = envelope(
                    &statement(&dana()).encode(),
                    &dana().token.key().fingerprint(),
                    armor(&wire_blob(&dana(), b"x", TOUCHED), 70).as_bytes(),
                )
            }),
        );
        // Against what was known of it.
        let known = |series: &Series, seq: usize| format!("{seq} {}", series.id(seq));
        let (long, short) = (three(), Series::of(dana()).approve());
        self.chain("known", "What was known is there", "sound 3", &long).headers.push(("known", known(&long, 2)));
        self.chain("rewound", "It went back by two records", "Rewound", &short)
            .headers
            .push(("known", known(&long, 3)));
        let branch = Series::of(dana()).approve().add(|p| p.reason = "after the backup".into());
        self.chain("forked", "Another record in the place of the known one", "Forked", &branch)
            .headers
            .push(("known", known(&long, 2)));
        self.chain("known-zero", "A head with number 0 is no head", "Rewound", &long)
            .headers
            .push(("known", format!("0 {}", long.id(1))));
        let repaired = branch.clone().add(|p| {
            p.verdict = Verdict::Repair;
            p.chain.forks = vec![long.id(3)];
        });
        self.chain("repaired", "A repair names the head that was known", "sound 3", &repaired)
            .headers
            .push(("known", known(&long, 3)));
        // The branch that was given up was the longer one.
        let given_up = Series::of(dana()).approve().reject().approve().approve();
        let shorter = branch.clone().add(|p| {
            p.verdict = Verdict::Repair;
            p.chain.forks = vec![given_up.id(4)];
        });
        self.chain("repaired-shorter", "A repair names a known head beyond the chain's end", "sound 3", &shorter)
            .headers
            .push(("known", known(&given_up, 4)));
        let repaired_longer = branch.add(|p| {
            p.verdict = Verdict::Repair;
            p.chain.forks = vec!["a".repeat(64)];
        });
        self.chain("repaired-other", "A repair names another head", "Forked", &repaired_longer)
            .headers
            .push(("known", known(&long, 3)));
    }

    fn judged(&mut self, name: &str, what: &str, expect: &str, policy: &str, series: &[Series]) -> &mut Vector {
        let mut body = format!("policy {}\n", Base64::encode_string(policy.as_bytes()));
        series.iter().for_each(|series| body.push_str(&series.lines()));
        let vector = self.push("gate", name, what, expect, body.into_bytes());
        vector.headers.push(("now", NOW.to_string()));
        vector
    }

    fn plain(&mut self, name: &str, what: &str, expect: &str, series: &[Series]) {
        self.judged(name, what, expect, &policy("", &[]), series);
    }

    fn gate(&mut self) {
        let approved = |change: fn(&mut Predicate)| [Series::of(dana()).add(change)];
        self.plain("approved", "dana, a senior, approved what lands", "allow", &approved(|_| {}));
        self.plain("nothing", "No record at all", "UNSIGNED AI_UNSIGNED", &[]);
        self.plain("expired", "It ends now", "UNSIGNED AI_UNSIGNED EXPIRED", &approved(|p| p.not_after = Decimal(NOW)));
        self.plain("expires-soon", "It ends in a second", "allow", &approved(|p| p.not_after = Decimal(NOW + 1)));
        self.plain(
            "future",
            "Made 121 seconds from now",
            "UNSIGNED AI_UNSIGNED TIME",
            &approved(|p| {
                p.issued_at = Decimal(NOW + 121);
                p.not_after = Decimal(NOW + 999);
            }),
        );
        self.plain(
            "skew",
            "Made 120 seconds from now",
            "allow",
            &approved(|p| {
                p.issued_at = Decimal(NOW + 120);
                p.not_after = Decimal(NOW + 999);
            }),
        );
        self.plain(
            "stranger",
            "By a key that is not in the roster",
            "UNSIGNED AI_UNSIGNED",
            &[Series::of(stranger()).approve()],
        );
        let posing = Person { id: "dana", token: mina().token };
        self.plain(
            "principal",
            "By mina's key, in dana's name",
            "UNSIGNED AI_UNSIGNED",
            &[Series::of(posing).approve()],
        );
        self.plain("role", "By a junior", "UNSIGNED AI_UNSIGNED SELF_APPROVAL", &[Series::of(mina()).approve()]);
        self.plain("bot", "By a bot", "UNSIGNED AI_UNSIGNED NOT_HUMAN", &[Series::of(bot()).approve()]);
        self.plain(
            "repository",
            "For another repository",
            "UNSIGNED AI_UNSIGNED CONTEXT",
            &approved(|p| p.repository.id = "vectors-2".into()),
        );
        self.plain(
            "ref",
            "For another ref",
            "UNSIGNED AI_UNSIGNED CONTEXT",
            &approved(|p| p.target.name = "refs/heads/release".into()),
        );
        self.plain(
            "coverage-files",
            "One of two files was seen",
            "UNSIGNED AI_UNSIGNED COVERAGE",
            &approved(|p| p.coverage.files_seen = Decimal(1)),
        );
        self.plain(
            "coverage-hunks",
            "Two of three hunks were seen",
            "UNSIGNED AI_UNSIGNED COVERAGE",
            &approved(|p| p.coverage.hunks_seen = Decimal(2)),
        );
        self.plain(
            "role-then",
            "A senior who was none when signing",
            "UNSIGNED AI_UNSIGNED ROLE",
            &approved(|p| p.roles = vec!["mid".into()]),
        );
        let keyed = |more: &str| {
            let key = format!("{{ key = \"{}\", {more} }}", dana().token.key().to_openssh());
            policy("", &[("dana", key)])
        };
        for (name, what, more, expect) in [
            (
                "key-valid",
                "The key is in its time",
                "valid = { from = 2026-09-21T12:00:00Z, until = 2026-09-22T00:00:00Z }",
                "allow",
            ),
            (
                "key-early",
                "The key was not yet valid",
                "valid = { from = 2026-09-21T13:30:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_TIME",
            ),
            (
                "key-late",
                "The key is valid no more",
                "valid = { until = 2026-09-21T14:00:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_TIME",
            ),
            (
                "key-retired",
                "The key was given up before",
                "revoked = { reason = \"retired\", at = 2026-09-21T13:00:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_REVOKED",
            ),
            (
                "key-retired-after",
                "The key was given up later",
                "revoked = { reason = \"retired\", at = 2026-09-21T13:30:00Z }",
                "allow",
            ),
            (
                "key-compromised",
                "The key is in other hands, and nobody saw the record before",
                "revoked = { reason = \"compromised\", since = 2026-09-21T14:00:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_REVOKED",
            ),
            (
                "key-compromised-after",
                "The key came into other hands later",
                "revoked = { reason = \"compromised\", since = 2026-09-21T14:15:00Z }",
                "allow",
            ),
        ] {
            self.judged(name, what, expect, &keyed(more), &[Series::of(dana()).approve()]);
        }
        let claimed = policy("", &[]).replace("[ai]\n", "[ai]\nhuman_only_by = [\"senior\"]\n");
        let claim = |person: Person| {
            Series::of(person).add(|p| {
                p.verdict = Verdict::HumanOnly;
                p.provenance.status = "undeclared".into();
            })
        };
        let bare = Series::of(rahim()).add(|p| p.provenance.status = "undeclared".into());
        let two = claimed.replace("junior = 1", "junior = 2");
        self.judged(
            "human-only-claimed",
            "A senior claims that no AI was used, so that one senior suffices where two would be asked for",
            "allow",
            &two,
            &[claim(dana()), bare.clone()],
        );
        self.judged("human-only-unclaimed", "Nobody claims it", "AI_UNSIGNED", &two, std::slice::from_ref(&bare));
        self.judged("human-only-role", "A junior claims it", "AI_UNSIGNED", &two, &[claim(mina()), bare.clone()]);
        self.judged(
            "human-only-declared",
            "A senior claims it of what the approval says was made with AI",
            "AI_UNSIGNED",
            &two,
            &[claim(dana()), Series::of(rahim()).approve()],
        );
        let glass = policy("[break_glass]\nsign = [{ role = \"senior\", n = 2 }]\nmax_duration = \"4h\"\n", &[]);
        let breaks = |person: Person| Series::of(person).add(|p| p.verdict = Verdict::BreakGlass);
        self.judged(
            "break-glass-two",
            "Two seniors break the glass",
            "allow",
            &glass,
            &[breaks(dana()), breaks(rahim())],
        );
        self.judged(
            "break-glass-one",
            "One of two seniors does",
            "UNSIGNED AI_UNSIGNED BREAK_GLASS",
            &glass,
            &[breaks(dana())],
        );
        let old = |person: Person| {
            Series::of(person).add(|p| {
                p.verdict = Verdict::BreakGlass;
                p.issued_at = Decimal(NOW - 4 * 3600);
            })
        };
        self.judged(
            "break-glass-old",
            "Two seniors broke it four hours ago",
            "UNSIGNED AI_UNSIGNED",
            &glass,
            &[old(dana()), old(rahim())],
        );
        self.plain("ecdsa", "Approved with an ECDSA key", "allow", &[Series::of(rahim()).approve()]);
        let twice = policy("[compartment.src]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n", &[]);
        let (d, r) = (Series::of(dana()).approve(), Series::of(rahim()).approve());
        self.judged("two", "Two seniors where two are asked for", "allow", &twice, &[d.clone(), r]);
        self.judged("two-by-one", "One senior twice where two are asked for", "UNSIGNED", &twice, &[d.approve()]);
    }

    fn presence(&mut self) {
        let asks = |level: &str| {
            format!(
                "[compartment.src]\npaths = [\"src/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\npresence = \"{level}\"\n"
            )
        };
        let jonas_key = format!(
            "{{ key = \"{}\", presence = \"attested\", application = \"ssh:undersign\", attestation = \"{}\" }}",
            jonas().token.key().to_openssh(),
            "a".repeat(64)
        );
        let enrol = |how: &str| {
            vec![
                ("ines", format!("{{ key = \"{}\", {how} }}", ines().token.key().to_openssh())),
                // Somebody can always sign, so that the policy is one that its roster can meet.
                ("jonas", jonas_key.clone()),
            ]
        };
        let attested =
            format!("presence = \"attested\", application = \"ssh:undersign\", attestation = \"{}\"", "a".repeat(64));
        let levels = ["none", "touch", "pin+touch", "attested"];
        let enrolments = [
            ("none", "presence = \"none\""),
            ("touch", "presence = \"touch\""),
            ("pin", "presence = \"pin+touch\""),
            ("attested", &attested as &str),
        ];
        for (rank, (enrolled, how)) in enrolments.iter().enumerate() {
            for flags in [0x00u8, 0x01, 0x04, 0x05, 0x45] {
                let shown = match flags & 5 {
                    5 => 2,
                    1 => 1,
                    _ => 0,
                };
                let proven = if rank == 3 && shown == 2 { 3 } else { shown.min(rank) };
                for (asked, level) in levels.iter().enumerate().skip(1) {
                    let expect = if proven >= asked { "allow" } else { "UNSIGNED PRESENCE" };
                    let series = Series::of(ines()).tap(|s| s.flags = flags).approve();
                    let what = format!("Flags {flags:#04x}, enrolled as {enrolled}, {level} asked for");
                    let name = format!("presence-{enrolled}-{flags:02x}-{}", level.replace("pin+touch", "pin"));
                    self.judged(&name, &what, expect, &policy(&asks(level), &enrol(how)), &[series]);
                }
            }
        }
        self.judged(
            "presence-software",
            "A software key where touch is asked for",
            "UNSIGNED PRESENCE",
            &policy(&asks("touch"), &enrol("presence = \"touch\"")),
            &[Series::of(dana()).approve()],
        );
        // The counter of a security key.
        let touch = policy(&asks("touch"), &enrol("presence = \"touch\""));
        let first =
            |counter: u32| Series::of(ines()).tap(|s| s.counter = counter).add(|p| p.manifest.paths = Decimal(2));
        let other = |series: Series| {
            let id = series.id(1);
            series.add(move |p| p.supersedes = vec![id])
        };
        for (name, what, before, after, expect) in [
            ("counter-grows", "The counter grows", 7, 8, "allow"),
            ("counter-same", "The counter stays: two keys, or one that was turned back", 7, 7, "CLONE"),
            ("counter-falls", "The counter falls", 7, 6, "CLONE"),
            ("counter-to-zero", "The counter falls to 0", 7, 0, "CLONE"),
            ("counter-none", "A key that does not count", 0, 0, "allow"),
            ("counter-begins", "A key that begins to count", 0, 1, "allow"),
        ] {
            // The first approval is taken back by the second: only the second could fill the slot.
            let series = Series::of(ines())
                .tap(|s| s.counter = before)
                .add(|p| p.not_after = Decimal(NOW - 1))
                .tap(|s| s.counter = after)
                .approve();
            let expect = if expect == "CLONE" { "UNSIGNED AI_UNSIGNED EXPIRED CLONE" } else { "allow" };
            self.judged(name, what, expect, &touch, &[series]);
        }
        let stolen = other(first(7).tap(|s| s.counter = 3));
        self.judged("clone-supersedes", "A record of the clone supersedes nothing", "allow", &touch, &[stolen]);
        let vetoed = Series::of(ines())
            .tap(|s| s.counter = 7)
            .add(|p| p.not_after = Decimal(NOW - 1))
            .tap(|s| s.counter = 7)
            .reject();
        self.judged(
            "clone-rejects",
            "A rejection by the clone counts for nothing either",
            "allow",
            &touch,
            &[vetoed, Series::of(jonas()).approve()],
        );
    }

    fn rejections(&mut self) {
        let approved = || Series::of(rahim()).approve();
        self.plain("rejected", "dana rejects, rahim approves", "VETOED", &[Series::of(dana()).reject(), approved()]);
        let late = Series::of(dana()).add(|p| {
            p.verdict = Verdict::Reject;
            p.not_after = Decimal(NOW - 1);
        });
        self.plain("rejected-long-ago", "A rejection does not expire", "VETOED", &[late, approved()]);
        self.plain(
            "rejected-elsewhere",
            "A rejection for another ref",
            "allow",
            &[
                Series::of(dana()).add(|p| {
                    p.verdict = Verdict::Reject;
                    p.target.name = "refs/heads/release".into();
                }),
                approved(),
            ],
        );
        let changed = Series::of(dana()).reject();
        let id = changed.id(1);
        self.plain(
            "rejection-superseded",
            "dana rejects, then approves in its place",
            "allow",
            &[changed.clone().add(|p| p.supersedes = vec![id])],
        );
        self.plain(
            "rejection-and-approval",
            "dana rejects, then approves without saying that it takes the place",
            "VETOED",
            &[changed.clone().approve()],
        );
        let id = changed.id(1);
        self.plain(
            "rejection-withdrawn",
            "dana takes the rejection back, rahim approves",
            "allow",
            &[
                changed.clone().add(|p| {
                    p.verdict = Verdict::Withdraw;
                    p.supersedes = vec![id];
                }),
                approved(),
            ],
        );
        let id = changed.id(1);
        self.plain(
            "rejection-superseded-by-other",
            "rahim's approval says that it supersedes dana's rejection",
            "VETOED",
            &[changed.clone(), Series::of(rahim()).add(|p| p.supersedes = vec![id])],
        );
        let id = changed.id(1);
        self.plain(
            "rejection-superseded-by-stranger",
            "A stranger in dana's name supersedes it",
            "VETOED",
            &[changed.clone(), approved(), Series::of(stranger()).add(|p| p.supersedes = vec![id])],
        );
        let take = |person: Person| {
            let id = changed.id(1);
            Series::of(person).add(|p| {
                p.verdict = Verdict::HandOver;
                p.answers = vec![id];
            })
        };
        self.plain(
            "handover",
            "rahim, who signs for the policy, takes dana's rejection over and approves",
            "allow",
            &[changed.clone(), take(rahim()).approve()],
        );
        self.plain(
            "handover-role",
            "mina, a junior, takes it over",
            "VETOED",
            &[changed.clone(), approved(), take(mina())],
        );
        let other = Series::of(rahim())
            .add(|p| {
                p.verdict = Verdict::HandOver;
                p.answers = vec!["a".repeat(64)];
            })
            .approve();
        self.plain("handover-other", "rahim takes another rejection over", "VETOED", &[changed.clone(), other]);
        let authored = policy("", &[])
            .replace("\"mina@example.com\"", "\"mina2@example.com\"")
            .replace("\"rahim@example.com\"", "\"mina@example.com\"");
        self.judged(
            "handover-author",
            "rahim wrote the change and takes its rejection over",
            "VETOED",
            &authored,
            &[changed.clone(), take(rahim()), Series::of(ines_plain()).approve()],
        );
        let id = changed.id(1);
        let far = Series::of(rahim())
            .add(|p| {
                p.verdict = Verdict::HandOver;
                p.answers = vec![id];
                p.target.name = "refs/heads/release".into();
            })
            .approve();
        self.plain("handover-elsewhere", "A handover for another ref", "VETOED", &[changed, far]);
    }

    fn ledger(&mut self) {
        let approved = || Series::of(rahim()).approve();
        let broken = |person: Person| Series::of(person).approve().approve().tap(|s| _ = s.links.remove(0));
        self.plain(
            "damaged",
            "A chain of the roster has a gap: a rejection may be what is missing",
            "LEDGER_FAULT",
            &[broken(dana()), approved()],
        );
        self.plain("damaged-stranger", "A stranger's chain has a gap", "allow", &[broken(stranger()), approved()]);
        let hidden = Series::of(dana()).reject();
        let witness =
            |person: &Person, record: String| SeenHead { chain: chain_id(person).to_string(), seq: Decimal(1), record };
        let saw = |head: SeenHead| Series::of(rahim()).add(move |p| p.seen = vec![head]);
        self.plain(
            "withheld",
            "rahim saw a record of dana that is not here",
            "LEDGER_MISSING",
            &[saw(witness(&dana(), hidden.id(1)))],
        );
        self.plain(
            "withheld-other",
            "rahim saw another first record of dana",
            "LEDGER_MISSING",
            &[saw(witness(&dana(), "a".repeat(64))), Series::of(dana()).approve()],
        );
        self.plain(
            "seen",
            "rahim saw dana's record, and it is here",
            "allow",
            &[saw(witness(&dana(), Series::of(dana()).approve().id(1))), Series::of(dana()).approve()],
        );
        self.plain(
            "withheld-stranger",
            "rahim saw a stranger's record that is not here",
            "allow",
            &[saw(witness(&stranger(), "a".repeat(64)))],
        );
        let remembered = |series: &Series, seq: usize| format!("{} {seq} {}", chain_id(&series.person), series.id(seq));
        let rejected = Series::of(dana()).approve().reject();
        let policy = policy("", &[]);
        self.judged(
            "rolled-back",
            "The gate saw a second record of dana, and it is gone",
            "LEDGER_ROLLBACK",
            &policy,
            &[Series::of(dana()).approve()],
        )
        .headers
        .push(("remembered", remembered(&rejected, 2)));
        self.judged("vanished", "The gate saw dana's chain, and it is gone", "LEDGER_ROLLBACK", &policy, &[approved()])
            .headers
            .push(("remembered", remembered(&rejected, 1)));
        self.judged("remembered", "The gate saw what is there", "allow", &policy, &[Series::of(dana()).approve()])
            .headers
            .push(("remembered", remembered(&rejected, 1)));
        self.judged(
            "remembered-stranger",
            "The gate saw the chain of a key that is off the roster",
            "allow",
            &policy,
            &[approved()],
        )
        .headers
        .push(("remembered", remembered(&Series::of(stranger()).approve(), 1)));
    }
}

fn note(side: &str, text: &str) -> SignedNote {
    SignedNote { path: "src/lib.rs".into(), side: side.into(), line: Decimal(1), text: text.into() }
}

/// ines with a software key of hers.
fn ines_plain() -> Person {
    Person { id: "ines", token: Token::new(KeyType::Ed25519, 49) }
}

/// The policy of the gate vectors; `extra` compartments, and other keys for some people.
fn policy(extra: &str, keys: &[(&str, String)]) -> String {
    let quoted = |person: Person| format!("\"{}\"", person.token.key().to_openssh());
    let person = |person: Person, roles: &str, kind: &str| {
        let key =
            keys.iter().find(|(id, _)| *id == person.id).map_or_else(|| quoted(person.clone()), |(_, key)| key.clone());
        format!(
            "[people.{0}]\nroles = [{roles}]\nkind = \"{kind}\"\nemails = [\"{0}@example.com\"]\nkeys = [{key}]\n",
            person.id
        )
    };
    format!(
        "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"vectors-1\"\n[refs]\nprotected = [\"refs/heads/main\"]\n{}{}{}{}{}{}\
         [ai]\npresume = true\nsign = {{ junior = 1, mid = 1, senior = 1, none = 1 }}\n\
         [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n{extra}",
        person(dana(), "\"senior\"", "human"),
        person(rahim(), "\"senior\", \"policy\"", "human"),
        person(mina(), "\"junior\"", "human"),
        person(ines_plain(), "\"senior\"", "human"),
        person(jonas(), "\"senior\"", "human"),
        person(bot(), "\"senior\"", "bot"),
    )
}

// Small arithmetic on digits, so that the cases do not lean on the code under test.

/// Order of P-256's group.
const ORDER_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// Order of ed25519's group, little-endian.
const ORDER_ED25519: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Big-endian a − b.
fn subtract(a: &[u8; 32], b: &[u8]) -> Vec<u8> {
    let (mut out, mut borrow) = (vec![0; 32], 0i16);
    for i in (0..32).rev() {
        let digit = i16::from(a[i]) - i16::from(b[i]) - borrow;
        borrow = i16::from(digit < 0);
        out[i] = (digit & 0xff) as u8;
    }
    out
}

/// The ed25519 signature with the order added to its second half.
fn add_order(signature: &[u8]) -> Vec<u8> {
    let (mut out, mut carry) = (signature.to_vec(), 0u16);
    for i in 0..32 {
        let digit = u16::from(out[32 + i]) + u16::from(ORDER_ED25519[i]) + carry;
        out[32 + i] = (digit & 0xff) as u8;
        carry = digit >> 8;
    }
    out
}

/// The digits with their highest bit set and no sign byte: a negative mpint.
fn negative(digits: &[u8]) -> Vec<u8> {
    let mut out = digits.to_vec();
    out[0] |= 0x80;
    out
}

/// r and s of an ECDSA signature blob, 32 bytes each.
fn read_scalars(blob: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut rest = blob;
    let take = |rest: &mut &[u8]| undersign::record::wire::take(rest).unwrap().to_vec();
    take(&mut rest);
    let value = take(&mut rest);
    let mut value = &value[..];
    let pad = |digits: Vec<u8>| {
        let digits: Vec<u8> = digits.into_iter().skip_while(|&d| d == 0).collect();
        [vec![0; 32 - digits.len()], digits].concat()
    };
    let r = take(&mut value);
    let s = take(&mut value);
    (pad(r), pad(s))
}

fn sha512(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha512::digest(bytes).to_vec()
}

fn to_be_signed(namespace: &str, hash: &[u8], digest: &[u8]) -> Vec<u8> {
    let mut out = b"SSHSIG".to_vec();
    [namespace.as_bytes(), b"", hash, digest].iter().for_each(|field| put(&mut out, field));
    out
}

/// The base64 text after `label` with a last digit that decodes to the same bytes where nobody looks.
fn non_canonical(text: &str, label: &str) -> String {
    let start = text.find(label).unwrap() + label.len();
    let end = start + text[start..].find('"').unwrap();
    let body = &text[start..end];
    let digits = body.trim_end_matches('=');
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if digits.len() == body.len() {
        // No padding, so no loose bits: padding where none belongs is the other spelling.
        return format!("{}{body}={}", &text[..start], &text[end..]);
    }
    let last = digits.bytes().last().unwrap();
    let at = alphabet.iter().position(|&b| b == last).unwrap();
    let other = char::from(alphabet[at ^ 1]);
    format!(
        "{}{}{other}{}{}",
        &text[..start],
        &digits[..digits.len() - 1],
        "=".repeat(body.len() - digits.len()),
        &text[end..]
    )
}

/// An armor whose base64 has padding too much or too little.
fn pad_wrong(armor: &str) -> String {
    let end = "\n-----END";
    if armor.contains(&format!("={end}")) {
        armor.replace(&format!("=={end}"), end).replace(&format!("={end}"), end)
    } else {
        armor.replace(end, &format!("={end}"))
    }
}
