//! The gate's verification summary: one known to the byte, what is refused, and how others verify it: OpenSSL and jq by
//! the commands of `SUMMARY.md`, slsa-verifier where it is installed, in-toto-attestation and securesystemslib.

use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use undersign::change::ObjectId;
use undersign::change::digest::Digest;
use undersign::gate::summary::{Facts, GateKey, GatePublicKey, Input, Level, Summary, SummaryError, read};
use undersign::record::Fault;
use undersign::record::envelope::{Envelope, MAX_ENVELOPE, pae};

use crate::make::NOW;
use crate::oracles::ask;

/// The secret key of RFC 8032, 7.1, test 1; known to everybody.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";
/// RFC 8410, 10.3, without the attribute: version 2, which holds the public key too.
const VERSION_2: &str = "-----BEGIN PRIVATE KEY-----\n\
    MFECAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    gSEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PRIVATE KEY-----\n";

fn seed() -> [u8; 32] {
    SEED.parse::<Digest>().unwrap().0
}

fn key() -> GateKey {
    GateKey::generate(seed())
}

fn summary() -> Summary {
    let record = |chain: &str, payload: &[u8]| Input {
        uri: format!("git+https://git.example/acme/infra@refs/undersign/decisions/{chain}"),
        digest: Digest::of(payload),
    };
    Summary {
        verifier: "https://gate.acme.example/undersign".to_owned(),
        now: NOW as i64,
        repository: "git+https://git.example/acme/infra".to_owned(),
        reference: "refs/heads/\u{6f22}\u{5b57}".to_owned(),
        commit: ObjectId([0xc0; 20]),
        tree: ObjectId([0x7e; 20]),
        policy: Input {
            uri: "git+https://git.example/acme/infra@refs/heads/main#.undersign/policy.toml".to_owned(),
            digest: Digest::of(b"policy"),
        },
        records: vec![record(&format!("{:064x}/0123456789abcdef", 1), b"one"), record("b/2", b"two")],
        levels: Facts { people: 2, presence_proven: true, break_glass: false }.levels(),
    }
}

/// An envelope around any payload, soundly signed.
fn signed(payload: &str) -> Vec<u8> {
    let payload = payload.as_bytes().to_vec();
    let armor = SigningKey::from_bytes(&seed()).sign(&pae(&payload)).to_bytes().to_vec();
    Envelope { payload, key_hint: key().public().id(), armor }.encode()
}

fn payload_of(envelope: &[u8]) -> String {
    String::from_utf8(Envelope::decode(envelope).unwrap().payload).unwrap()
}

#[test]
fn a_known_key_writes_known_bytes() {
    let bytes = summary().sign(&key()).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/summary.dsse.json");
    if std::env::var("UNDERSIGN_VECTORS").is_ok_and(|word| word == "write") {
        std::fs::write(path, &bytes).unwrap();
    }
    assert_eq!(String::from_utf8_lossy(&bytes), std::fs::read_to_string(path).unwrap());
    assert_eq!(&**key().to_pem(), PRIVATE);
    assert_eq!(key().public().to_pem(), PUBLIC);
    assert_eq!(key().public().id(), "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8");
    assert_eq!(format!("{:?}", key()), format!("GateKey({})", key().public().id()));
}

#[test]
fn a_summary_reads_back_as_it_was() {
    let bytes = summary().sign(&key()).unwrap();
    assert!(payload_of(&bytes).is_ascii());
    assert_eq!(read(&bytes, &key().public()), Ok(summary()));
    let bare = Summary { records: Vec::new(), levels: Vec::new(), ..summary() };
    assert_eq!(read(&bare.sign(&key()).unwrap(), &key().public()), Ok(bare));
}

#[test]
fn a_key_reads_back_as_it_was() {
    let public = key().public();
    assert_eq!(GateKey::from_pem(&key().to_pem()).unwrap().public(), public);
    assert_eq!(GatePublicKey::from_pem(&public.to_pem()), Ok(public));
    // Version 2 holds the public key too, and it has to be the right one.
    assert!(GateKey::from_pem(VERSION_2).is_ok());
    assert_eq!(GateKey::from_pem(&VERSION_2.replace("gSEAGb9E", "gSEAGb9F")).unwrap_err(), SummaryError::PrivateKey);
    assert_eq!(GateKey::from_pem(PUBLIC).unwrap_err(), SummaryError::PrivateKey);
    assert_eq!(GatePublicKey::from_pem(PRIVATE), Err(SummaryError::PublicKey));
    // Anybody can sign under the neutral element.
    let weak = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
    assert_eq!(GatePublicKey::from_pem(weak), Err(SummaryError::PublicKey));
}

#[test]
fn an_altered_payload_is_refused() {
    let mut envelope = Envelope::decode(&summary().sign(&key()).unwrap()).unwrap();
    envelope.payload = String::from_utf8(envelope.payload).unwrap().replace("TWO_PERSON", "SENIOR_SIGNED").into_bytes();
    assert_eq!(read(&envelope.encode(), &key().public()), Err(Fault::SignatureInvalid.into()));
}

#[test]
fn another_key_is_refused() {
    let bytes = summary().sign(&key()).unwrap();
    let other = GateKey::generate([1; 32]).public();
    assert_eq!(read(&bytes, &other), Err(Fault::KeyHint.into()));
    let mut renamed = Envelope::decode(&bytes).unwrap();
    renamed.key_hint = other.id();
    assert_eq!(read(&renamed.encode(), &other), Err(Fault::SignatureInvalid.into()));
    let mut short = Envelope::decode(&bytes).unwrap();
    short.armor.pop();
    assert_eq!(read(&short.encode(), &key().public()), Err(Fault::SignatureMalformed.into()));
}

#[test]
fn what_is_soundly_signed_and_no_summary_of_ours_is_refused() {
    let payload = payload_of(&summary().sign(&key()).unwrap());
    assert_eq!(read(&signed(&payload), &key().public()), Ok(summary()));
    for (old, new) in [
        ("Statement/v1", "Statement/v0.1"),
        ("verification_summary/v1", "verification_summary/v0.2"),
        ("PASSED", "FAILED"),
        ("\"1.2\"", "\"1.0\""),
        ("T14:13:20Z", "T14:13:20.5Z"),
        ("T14:13:20Z", "T14:13:20+00:00"),
        ("ORG_SOURCE_TWO_PERSON", "SLSA_SOURCE_LEVEL_3"),
        ("ORG_SOURCE_TWO_PERSON", "ORG_SOURCE_SENIOR_SIGNED"),
        ("\"name\": \"git+https", "\"name\": \"git+http"),
        ("\"source_refs\": [\n          \"refs/heads", "\"source_refs\": [\n          \"refs/tags"),
        ("\"policy\": {", "\"dependencyLevels\": {},\n    \"policy\": {"),
        ("\"gitTree\"", "\"gitTree\": \"\",\n        \"gitTree\""),
        ("  \"subject\"", " \"subject\""),
    ] {
        let altered = payload.replacen(old, new, 1);
        assert_ne!(altered, payload, "{old}");
        assert!(read(&signed(&altered), &key().public()).is_err(), "{old} → {new}");
    }
    let two = payload.replacen("\"subject\": [\n", "\"subject\": [\n    {},\n", 1);
    assert_eq!(read(&signed(&two), &key().public()), Err(SummaryError::Statement));
}

#[test]
fn what_no_summary_may_say_is_not_signed() {
    let text = |text: &str| text.to_owned();
    let refused = |summary: Summary| summary.sign(&key()).unwrap_err();
    for wrong in ["", "acme/infra", "https:", "/srv/git:x", "9p:x", "https://git.example/a b", "https://git.example/ü"]
    {
        assert_eq!(refused(Summary { verifier: text(wrong), ..summary() }), SummaryError::Uri("verifier"));
        assert_eq!(refused(Summary { repository: text(wrong), ..summary() }), SummaryError::Uri("repository"));
        let input = Input { uri: text(wrong), digest: Digest([0; 32]) };
        assert_eq!(refused(Summary { policy: input.clone(), ..summary() }), SummaryError::Uri("policy"));
        assert_eq!(refused(Summary { records: vec![input], ..summary() }), SummaryError::Uri("place of a record"));
    }
    assert_eq!(refused(Summary { reference: text("main"), ..summary() }), SummaryError::Reference);
    for now in [-1, i64::MIN, i64::MAX] {
        assert_eq!(refused(Summary { now, ..summary() }), SummaryError::Time);
    }
    for levels in [vec![Level::BreakGlass, Level::SeniorSigned], vec![Level::TwoPerson, Level::TwoPerson]] {
        assert_eq!(refused(Summary { levels, ..summary() }), SummaryError::Levels);
    }
    let long = Summary { reference: format!("refs/heads/{}", "x".repeat(MAX_ENVELOPE)), ..summary() };
    assert_eq!(refused(long), Fault::TooLarge.into());
}

#[test]
fn levels_follow_from_who_signed_and_how() {
    let levels = |people, presence_proven| Facts { people, presence_proven, break_glass: false }.levels();
    assert_eq!(levels(1, false), [Level::SeniorSigned]);
    assert_eq!(levels(1, true), [Level::SeniorSigned, Level::PresenceProven]);
    assert_eq!(levels(2, false), [Level::SeniorSigned, Level::TwoPerson]);
    assert_eq!(levels(3, true), [Level::SeniorSigned, Level::TwoPerson, Level::PresenceProven]);
    // That all of no signatures prove presence says nothing.
    assert_eq!(levels(0, true), []);
    for people in 0..3 {
        let facts = Facts { people, presence_proven: true, break_glass: true };
        assert_eq!(facts.levels(), [Level::BreakGlass]);
    }
}

/// Whether a program is there; if not, that is said aloud.
fn installed(program: &str) -> bool {
    let version = Command::new(program).arg("version").stdin(Stdio::null()).output();
    // Older ones and LibreSSL do not verify ed25519 on the command line.
    let too_old =
        |said: &[u8]| program == "openssl" && (!said.starts_with(b"OpenSSL ") || said.starts_with(b"OpenSSL 1."));
    let there = version.is_ok_and(|output| !too_old(&output.stdout));
    if !there {
        eprintln!("oracle {program}: skipped, it is not installed, or too old");
    }
    there
}

fn openssl(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn openssl_makes_keys_that_we_read_and_reads_those_that_we_make() {
    if !installed("openssl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let theirs = openssl(dir.path(), &["genpkey", "-algorithm", "ed25519"]);
    let key = GateKey::from_pem(&theirs).unwrap();
    assert_eq!(&**key.to_pem(), theirs);
    std::fs::write(dir.path().join("key.pem"), key.to_pem().as_bytes()).unwrap();
    let public = openssl(dir.path(), &["pkey", "-in", "key.pem", "-pubout"]);
    assert_eq!(key.public().to_pem(), public);
    let bytes = summary().sign(&key).unwrap();
    assert_eq!(read(&bytes, &GatePublicKey::from_pem(&public).unwrap()), Ok(summary()));
    let other = openssl(dir.path(), &["genpkey", "-algorithm", "x25519"]);
    assert_eq!(GateKey::from_pem(&other).unwrap_err(), SummaryError::PrivateKey);
}

/// The commands of `SUMMARY.md`, the nth block of them, on this summary and what a consumer expects of it.
fn by_the_book(block: usize, envelope: &[u8], expected: &Summary) -> bool {
    let book = include_str!("../../src/gate/SUMMARY.md");
    let script = book.split("```sh\n").nth(block + 1).unwrap().split("```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("summary.json"), envelope).unwrap();
    std::fs::write(dir.path().join("gate.pem"), PUBLIC).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir(dir.path()).envs([
        ("SUMMARY", "summary.json".to_owned()),
        ("GATE", "gate.pem".to_owned()),
        ("COMMIT", expected.commit.to_string()),
        ("REF", expected.reference.clone()),
        ("REPOSITORY", expected.repository.clone()),
        ("VERIFIER", expected.verifier.clone()),
    ]);
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("not found"), "{said}");
    output.status.success()
}

#[test]
fn the_commands_of_the_specification_verify_a_summary_without_us() {
    if !installed("openssl") || !installed("jq") {
        return;
    }
    let bytes = summary().sign(&key()).unwrap();
    let verifies = |envelope: &[u8], expected: &Summary| by_the_book(0, envelope, expected);
    assert!(verifies(&bytes, &summary()));
    let mut altered = Envelope::decode(&bytes).unwrap();
    altered.payload.push(b' ');
    let elsewhere = [
        Summary { commit: ObjectId([1; 20]), ..summary() },
        Summary { reference: "refs/heads/main".to_owned(), ..summary() },
        Summary { repository: "git+https://git.example/acme/fork".to_owned(), ..summary() },
        Summary { verifier: "https://gate.example".to_owned(), ..summary() },
    ];
    let lesser = Summary { levels: vec![Level::BreakGlass], ..summary() };
    assert!(!verifies(&altered.encode(), &summary()));
    assert!(!verifies(&summary().sign(&GateKey::generate([1; 32])).unwrap(), &summary()));
    assert!(!verifies(&lesser.sign(&key()).unwrap(), &summary()));
    elsewhere.iter().for_each(|expected| assert!(!verifies(&bytes, expected)));
}

#[test]
fn slsa_verifier_accepts_a_summary_without_being_told_the_key_id() {
    if !installed("slsa-verifier") {
        return;
    }
    let bytes = summary().sign(&key()).unwrap();
    assert!(by_the_book(1, &bytes, &summary()));
    let mut altered = Envelope::decode(&bytes).unwrap();
    altered.payload.push(b' ');
    assert!(!by_the_book(1, &altered.encode(), &summary()));
}

#[test]
fn in_toto_and_securesystemslib_read_the_summary() {
    let people = [0, 1, 2].map(|people| Facts { people, presence_proven: true, break_glass: people == 0 });
    let lines = people.map(|facts| {
        let bytes = Summary { levels: facts.levels(), ..summary() }.sign(&key()).unwrap();
        format!("{} {}", Base64::encode_string(&bytes), Base64::encode_string(PUBLIC.as_bytes()))
    });
    ask("summary.py", &lines);
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_flipped_bit_verifies(bytes: Vec<u8>, at: prop::sample::Index, bit in 0u8..8) {
        prop_assert!(read(&bytes, &key().public()).is_err());
        prop_assert!(read(&signed(&String::from_utf8_lossy(&bytes)), &key().public()).is_err());
        let mut flipped = summary().sign(&key()).unwrap();
        let at = at.index(flipped.len());
        flipped[at] ^= 1 << bit;
        prop_assert!(read(&flipped, &key().public()).is_err());
    }
}
