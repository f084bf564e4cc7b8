//! The record by itself, built with no features: one fault each, and stock OpenSSH as the judge of what is sound.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use undersign::change::manifest::{Digest, Manifest};
use undersign::decision::Verdict;
use undersign::record::chain::{Chain, ChainId, Link};
use undersign::record::envelope::{Envelope, PAYLOAD_TYPE, pae};
use undersign::record::statement::*;
use undersign::record::{Fault, KeyId, sshsig, verify};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

fn public(key: &SigningKey) -> Ed25519PublicKey {
    Ed25519PublicKey(key.verifying_key().to_bytes())
}

fn statement(seq: u64, prev: &str) -> Statement {
    let id = "1".repeat(40);
    let digest = Digest::of(b"").to_string();
    let predicate = Predicate {
        verdict: Verdict::Approve,
        principal: "dana".into(),
        roles: vec!["senior".into()],
        repository: RepositoryName { id: "shop-1".into(), uri: "https://example.com/shop".into() },
        target: Target { name: "refs/heads/main".into(), tip: id.clone() },
        base: Point { commit: id.clone(), tree: id.clone() },
        head: Point { commit: id.clone(), tree: id.clone() },
        result_tree: id.clone(),
        manifest: ManifestDigest { sha256: Manifest::default().digest().to_string(), paths: Decimal(0) },
        authors: vec!["Mina Höfer <mina@example.com>".into()],
        policy: PolicyName { version: Decimal(1), sha256: digest.clone() },
        findings: Findings { rules: digest.clone(), sha256: digest, total: Decimal(0), answered: vec![] },
        provenance: ProvenanceClaim { status: "declared".into(), evidence: vec![] },
        coverage: Coverage {
            files: Decimal(1),
            files_seen: Decimal(1),
            hunks: Decimal(1),
            hunks_seen: Decimal(1),
            carried_over: Decimal(0),
            hidden_characters: Decimal(0),
            omissions: vec![],
        },
        supersedes: vec![],
        chain: undersign::record::statement::Link {
            key: KeyId::of(&KeyData::Ed25519(public(&key()))).to_string(),
            id: "0123456789abcdef".into(),
            seq: Decimal(seq),
            prev: prev.into(),
        },
        seen: vec![],
        issued_at: Decimal(1_790_000_000),
        not_after: Decimal(1_791_000_000),
        challenge: String::new(),
        nonce: "0".repeat(32),
        tool: "undersign test".into(),
        reason: "line one\nline \"two\" – 漢字 😀".into(),
    };
    let subject = Subject { name: "shop-1".into(), digest: SubjectDigest { git_commit: id.clone(), git_tree: id } };
    Statement::new(subject, predicate)
}

fn signed(payload: Vec<u8>) -> Envelope {
    let signature = key().sign(&sshsig::to_be_signed(&pae(&payload))).to_bytes();
    Envelope::new(payload, &public(&key()), &signature)
}

fn fault(envelope: &[u8]) -> Fault {
    verify(envelope).unwrap_err()
}

/// Signs a statement whose text was changed: the signature holds, the statement is wrong.
fn fault_of_text(change: impl Fn(String) -> String) -> Fault {
    let text = String::from_utf8(statement(1, "").encode()).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed);
    fault(&signed(changed.into_bytes()).encode())
}

#[test]
fn the_payload_is_ascii_and_reads_back_as_it_was() {
    let payload = statement(1, "").encode();
    assert!(payload.iter().all(|b| matches!(b, b'\n' | 0x20..=0x7E)));
    assert!(String::from_utf8_lossy(&payload).contains("\\u6f22\\u5b57 \\ud83d\\ude00"));
    let verified = verify(&signed(payload.clone()).encode()).unwrap();
    assert_eq!((verified.payload(), verified.statement()), (&payload[..], &statement(1, "")));
    assert_eq!(verified.id(), Digest::of(&payload));
}

#[test]
fn each_fault_of_the_statement_has_its_name() {
    assert_eq!(
        fault_of_text(|t| t.replace("\"verdict\": \"approve\"", "\"verdict\": \"approved\"")),
        Fault::StatementMalformed
    );
    assert_eq!(
        fault_of_text(|t| t.replace("\"roles\"", "\"extra\": \"x\",\n    \"roles\"")),
        Fault::StatementMalformed
    );
    assert_eq!(
        fault_of_text(|t| t.replace("\"principal\": \"dana\"", "\"principal\": \"dana\",\n    \"principal\": \"dana\"")),
        Fault::StatementMalformed
    );
    assert_eq!(fault_of_text(|t| t.replace("\"seq\": \"1\"", "\"seq\": 1")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace("\"seq\": \"1\"", "\"seq\": \"01\"")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace("  ", " ")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace('\n', "\r\n")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t + " "), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| format!("\u{feff}{t}")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace("\\u6f22", "漢")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replacen(&"1".repeat(40), &"A".repeat(40), 1)), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace("refs/heads/main", "main")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace("\"name\": \"shop-1\"", "\"name\": \"shop-2\"")), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace("decision:v0", "decision:v1")), Fault::PredicateType);
    assert_eq!(fault_of_text(|t| t.replace("line one", &"x".repeat(17 << 10))), Fault::StatementMalformed);
    assert_eq!(fault_of_text(|t| t.replace("line one", &"x".repeat(300 << 10))), Fault::TooLarge);
}

#[test]
fn each_fault_of_the_envelope_has_its_name() {
    let good = signed(statement(1, "").encode());
    let text = String::from_utf8(good.encode()).unwrap();
    let of = |text: String| fault(text.as_bytes());
    assert_eq!(of(text.replace(PAYLOAD_TYPE, "application/json")), Fault::PayloadType);
    assert_eq!(of(text.replace(",\"", ", \"")), Fault::EnvelopeMalformed);
    assert_eq!(of(text.trim_end().to_owned()), Fault::EnvelopeMalformed);
    assert_eq!(of(text.replace("\"signatures\":[", "\"signatures\":[],\"more\":[")), Fault::EnvelopeMalformed);
    assert_eq!(of(text.replace("{\"payload\"", "{\"x\":1,\"payload\"")), Fault::EnvelopeMalformed);
    assert_eq!(of(text.replace("SHA256:", "SHA256:x")), Fault::KeyId);
    assert_eq!(fault(&vec![b' '; (1 << 20) + 1]), Fault::TooLarge);
    assert_eq!(fault(b""), Fault::EnvelopeMalformed);
    let mut twice = serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let signature = twice["signatures"][0].clone();
    twice["signatures"].as_array_mut().unwrap().push(signature);
    assert_eq!(of(format!("{twice}\n")), Fault::EnvelopeMalformed);
}

#[test]
fn each_fault_of_the_signature_has_its_name() {
    let good = signed(statement(1, "").encode());
    let with_armor = |armor: String| fault(&Envelope { armor: armor.into_bytes(), ..good.clone() }.encode());
    let armor = String::from_utf8(good.armor.clone()).unwrap();
    assert_eq!(with_armor(armor.replace('\n', "\r\n")), Fault::ArmorMalformed);
    assert_eq!(with_armor(format!("note\n{armor}")), Fault::ArmorMalformed);
    assert_eq!(with_armor(format!("{armor}{armor}")), Fault::ArmorMalformed);
    assert_eq!(with_armor(armor.trim_end().to_owned()), Fault::ArmorMalformed);
    // The blob, changed at known places: magic 6, version 4, then the fields.
    let blob = blob_of(&armor);
    let with_blob = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut blob = blob.clone();
        change(&mut blob);
        with_armor(armor_of(&blob))
    };
    assert_eq!(with_blob(&|b| b[9] = 2), Fault::BlobMalformed);
    assert_eq!(with_blob(&|b| b.push(0)), Fault::BlobMalformed);
    assert_eq!(with_blob(&|b| b.truncate(30)), Fault::BlobMalformed);
    let at = |needle: &[u8]| blob.windows(needle.len()).position(|w| w == needle).unwrap();
    assert_eq!(with_blob(&|b| b[at(b"decision@")] = b'D'), Fault::Namespace);
    assert_eq!(with_blob(&|b| b[at(b"sha512") + 3] = b'9'), Fault::HashAlgorithm);
    assert_eq!(with_blob(&|b| b[at(b"ssh-ed25519")] = b'x'), Fault::KeyType);
    assert_eq!(with_blob(&|b| *b.last_mut().unwrap() ^= 1), Fault::SignatureInvalid);
    // A reserved field that is not empty: length 0 → 1 and a byte more.
    let reserved = at(b"decision@undersign") + "decision@undersign".len();
    assert_eq!(
        with_blob(&|b| {
            b[reserved + 3] = 1;
            b.insert(reserved + 4, b'x');
        }),
        Fault::BlobMalformed
    );
    let mut other = good.clone();
    other.payload.extend_from_slice(b" ");
    assert_eq!(fault(&other.encode()), Fault::SignatureInvalid);
}

fn blob_of(armor: &str) -> Vec<u8> {
    use base64ct::Encoding as _;
    let body: String = armor.lines().filter(|line| !line.starts_with("-----")).collect();
    base64ct::Base64::decode_vec(&body).unwrap()
}

fn armor_of(blob: &[u8]) -> String {
    use base64ct::Encoding as _;
    let text = base64ct::Base64::encode_string(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

fn link(statement: &Statement) -> Option<Link> {
    Some(Link { envelope: signed(statement.encode()).encode(), manifest: Vec::new(), findings: Vec::new() })
}

fn chain(links: Vec<Option<Link>>) -> Chain {
    let id =
        ChainId { key: KeyId::of(&KeyData::Ed25519(public(&key()))).to_string(), device: "0123456789abcdef".into() };
    Chain::read(id, links)
}

#[test]
fn a_chain_is_read_to_its_first_fault() {
    let first = statement(1, "");
    let second = statement(2, &Digest::of(&first.encode()).to_string());
    let whole = chain(vec![link(&first), link(&second)]);
    assert_eq!((whole.records.len(), whole.fault), (2, None));
    assert_eq!(chain(vec![link(&second)]).fault, Some((1, Fault::ChainSeq)));
    assert_eq!(chain(vec![link(&first), link(&first)]).fault, Some((2, Fault::ChainSeq)));
    assert_eq!(chain(vec![link(&first), link(&statement(2, &"0".repeat(64)))]).fault, Some((2, Fault::ChainPrev)));
    assert_eq!(chain(vec![link(&first), None, link(&second)]).fault, Some((2, Fault::ChainLayout)));
    let attached = link(&first).map(|link| Link { manifest: b"x".to_vec(), ..link });
    assert_eq!(chain(vec![attached]).fault, Some((1, Fault::ChainLayout)));
    let mut elsewhere = first.clone();
    elsewhere.predicate.chain.id = "f".repeat(16);
    assert_eq!(chain(vec![link(&elsewhere)]).fault, Some((1, Fault::ChainKey)));
}

/// Whether `ssh-keygen -Y verify` accepts an armor over a message by our test key.
fn openssh_accepts(armor: &[u8], message: &[u8]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let public = ssh_key::PublicKey::from(KeyData::Ed25519(public(&key()))).to_openssh().unwrap();
    std::fs::write(dir.path().join("signers"), format!("dana namespaces=\"decision@undersign\" {public}\n")).unwrap();
    std::fs::write(dir.path().join("sig"), armor).unwrap();
    let mut child = Command::new("ssh-keygen")
        .current_dir(dir.path())
        .args(["-Y", "verify", "-f", "signers", "-I", "dana", "-n", "decision@undersign", "-s", "sig"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ssh-keygen of OpenSSH is needed for this test");
    // It may leave before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(message);
    child.wait().unwrap().success()
}

#[test]
fn openssh_accepts_what_we_sign_and_refuses_another_message() {
    let envelope = signed(statement(1, "").encode());
    assert!(openssh_accepts(&envelope.armor, &pae(&envelope.payload)));
    assert!(!openssh_accepts(&envelope.armor, &pae(b"another")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_we_accept_openssh_accepts(at in 0usize..250, byte: u8) {
        let good = signed(statement(1, "").encode());
        let mut blob = blob_of(std::str::from_utf8(&good.armor).unwrap());
        let at = at % blob.len();
        blob[at] = byte;
        let envelope = Envelope { armor: armor_of(&blob).into_bytes(), ..good };
        if verify(&envelope.encode()).is_ok() {
            prop_assert!(openssh_accepts(&envelope.armor, &pae(&envelope.payload)));
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = verify(&bytes);
        let _ = Statement::decode(&bytes);
    }

    #[test]
    fn a_flipped_bit_never_verifies(at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = signed(statement(1, "").encode()).encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(verify(&bytes).is_err());
    }
}
