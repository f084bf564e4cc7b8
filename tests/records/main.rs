//! The record by itself, and the gate's summary, built with no features: published vectors, other people's vectors,
//! stock OpenSSH and other stock tools as the judges of what is sound.
#![allow(clippy::unwrap_used)]

#[path = "../support/plain.rs"]
mod plain;

mod chains;
mod make;
mod openssh;
mod oracles;
mod published;
mod summary;
mod threat_model;
mod token;
mod wycheproof;

use proptest::prelude::*;
use undersign::change::digest::Digest;
use undersign::record::envelope::Envelope;
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::statement::{MAX_PAYLOAD, Statement};
use undersign::record::{Fault, verify};

use make::{dana, jonas, rahim, sign, statement};

const TOUCHED: TokenUse = TokenUse { flags: 1, counter: 7 };

#[test]
fn the_payload_is_ascii_and_reads_back_as_it_was() {
    let payload = statement(&dana()).encode();
    assert!(payload.iter().all(|b| matches!(b, b'\n' | 0x20..=0x7E)));
    assert!(String::from_utf8_lossy(&payload).contains("\\u6f22\\u5b57 \\ud83d\\ude00"));
    let verified = verify(&sign(&dana(), &payload, TOUCHED)).unwrap();
    assert_eq!((verified.payload(), verified.statement()), (payload.clone(), &statement(&dana())));
    assert_eq!(verified.id(), Digest::of(&payload));
    assert_eq!(verified.key().kind(), KeyType::Ed25519);
    assert_eq!(verified.token(), None);
}

#[test]
fn a_security_key_says_what_it_signed_along() {
    let use_of_it = TokenUse { flags: 0x45, counter: 0x0102_0304 };
    let verified = verify(&sign(&jonas(), &statement(&jonas()).encode(), use_of_it)).unwrap();
    assert_eq!(verified.token(), Some(use_of_it));
}

#[test]
fn what_we_write_is_what_the_vectors_hold() {
    let person = rahim();
    let payload = statement(&person).encode();
    let message = undersign::record::sshsig::to_be_signed(&undersign::record::envelope::pae(&payload));
    let envelope = Envelope::new(payload.clone(), &person.token.key(), &person.token.sign(&message, TOUCHED));
    assert_eq!(envelope.encode(), sign(&person, &payload, TOUCHED));
    assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
}

#[test]
fn a_payload_may_be_256_kib_and_no_byte_more() {
    let sized = |size: usize| {
        let mut statement = statement(&dana());
        // A member without a limit of its own.
        let start = statement.encode().len();
        statement.predicate.coverage.omissions.push(undersign::record::statement::Omission {
            path: String::new(),
            what: String::new(),
            acknowledged: String::new(),
        });
        let empty = statement.encode().len();
        assert!(empty > start);
        statement.predicate.coverage.omissions[0].path = "x".repeat(size - empty);
        sign(&dana(), &statement.encode(), TOUCHED)
    };
    assert!(verify(&sized(MAX_PAYLOAD)).is_ok());
    assert_eq!(verify(&sized(MAX_PAYLOAD + 1)).unwrap_err(), Fault::TooLarge);
    assert_eq!(Statement::decode(&vec![b' '; MAX_PAYLOAD + 1]).unwrap_err(), Fault::TooLarge);
    assert_eq!(Statement::decode(&vec![b' '; MAX_PAYLOAD]).unwrap_err(), Fault::JsonMalformed);
}

#[test]
fn an_envelope_may_be_1_mib_and_no_byte_more() {
    assert_eq!(verify(&vec![b' '; 1 << 20]).unwrap_err(), Fault::EnvelopeMalformed);
    assert_eq!(verify(&vec![b' '; (1 << 20) + 1]).unwrap_err(), Fault::TooLarge);
}

/// The vector of <https://github.com/secure-systems-lab/dsse>, `protocol.md`, for the encoding that is signed.
#[test]
fn the_encoding_that_is_signed_is_that_of_dsse() {
    let ours = undersign::record::envelope::pae(b"hello world");
    assert_eq!(ours, b"DSSEv1 28 application/vnd.in-toto+json 11 hello world");
    // The published one is for the type http://example.com/HelloWorld, of 29 bytes.
    let published = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
    let theirs = String::from_utf8_lossy(published)
        .replace("29 http://example.com/HelloWorld", "28 application/vnd.in-toto+json");
    assert_eq!(ours, theirs.as_bytes());
}

#[test]
fn every_fault_has_a_sentence_of_its_own_and_a_row_in_the_specification() {
    let specification = include_str!("../../src/record/SPEC.md");
    let sentences: std::collections::BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.to_string()).collect();
    assert_eq!(sentences.len(), Fault::ALL.len());
    for fault in Fault::ALL {
        assert!(specification.contains(&format!("| `{}` |", fault.name())), "{} is not in SPEC.md", fault.name());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = verify(&bytes);
        let _ = Statement::decode(&bytes);
        let _ = undersign::record::Key::parse(&bytes);
    }

    #[test]
    fn a_flipped_bit_never_verifies(at: prop::sample::Index, bit in 0u8..8, who in 0usize..3) {
        let person = [dana(), rahim(), jonas()][who].clone();
        let mut bytes = sign(&person, &statement(&person).encode(), TOUCHED);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(verify(&bytes).is_err());
    }
}
