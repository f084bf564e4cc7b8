//! A security key in software behind a real agent socket: what each value of its flags and counter is worth at the
//! gate.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;

use undersign::decision::Verdict;
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::wire::{put, take};
use undersign::signer::SigningKey;

use crate::agent::Agent;
use crate::support::{Decision, Fixture, now, policy};
use crate::token::Token;

/// A repository whose sources ask for a presence, with dana's security key enrolled as said, and ines as a way out.
fn fixture(token: &Token, enrolled: &str, asked: &str) -> Fixture {
    let other = Token::new(KeyType::SkEcdsaP256, 99);
    let enrolment = |token: &Token, how: &str| {
        format!(
            "{{ key = \"{}\", presence = \"{how}\", application = \"ssh:undersign\", attestation = \"{}\" }}",
            token.key().to_openssh(),
            "a".repeat(64)
        )
    };
    let extra = format!(
        "[people.ines]\nroles = [\"senior\"]\nkeys = [{}]\n[compartment.src]\npaths = [\"src/**\"]\n\
         sign = [{{ role = \"senior\", n = 1 }}]\npresence = \"{asked}\"\n",
        enrolment(&other, "attested")
    );
    let mut text = policy(&extra);
    let start = text.find("keys = [").unwrap();
    let end = start + text[start..].find('\n').unwrap();
    text.replace_range(start..end, &format!("keys = [{}]", enrolment(token, enrolled)));
    Fixture::with_policy(&text)
}

fn approve(fixture: &Fixture, agent: &Agent, at: i64) {
    fixture.take(Decision { at, key: Some(agent.key()), ..Decision::new("dana", "agent/work", Verdict::Approve) });
}

#[test]
fn flags_count_as_much_as_the_roster_enrolled_the_key_and_no_more() {
    for kind in [KeyType::SkEd25519, KeyType::SkEcdsaP256] {
        let token = Token::new(kind, 5);
        let agent = Agent::new(token.clone());
        // What is asked for, how the key is enrolled, flags; whether it may land.
        let table = [
            ("touch", "touch", 0x00, false),
            ("touch", "touch", 0x01, true),
            ("touch", "touch", 0x04, false),
            ("touch", "none", 0x05, false),
            ("pin+touch", "pin+touch", 0x01, false),
            ("pin+touch", "pin+touch", 0x05, true),
            ("pin+touch", "pin+touch", 0x45, true),
            ("pin+touch", "touch", 0x05, false),
            ("attested", "pin+touch", 0x05, false),
            ("attested", "attested", 0x05, true),
            ("attested", "attested", 0x01, false),
        ];
        for (asked, enrolled, flags, lands) in table {
            let fixture = fixture(&token, enrolled, asked);
            agent.set(flags, 1);
            approve(&fixture, &agent, now());
            let (code, reasons) = fixture.verify(&fixture.id("main"), &fixture.id("agent/work"));
            assert_eq!(code, if lands { 0 } else { 2 }, "{asked} of {enrolled}, flags {flags:#04x}: {reasons:?}");
            assert!(lands || reasons.contains(&"PRESENCE".to_owned()), "{reasons:?}");
        }
    }
}

#[test]
fn a_counter_that_fell_is_a_clone_and_counts_for_nothing() {
    let token = Token::new(KeyType::SkEd25519, 5);
    let agent = Agent::new(token.clone());
    let fixture = fixture(&token, "touch", "touch");
    agent.set(1, 40);
    approve(&fixture, &agent, now() - 30 * 24 * 3600);
    agent.set(1, 39);
    approve(&fixture, &agent, now());
    let (code, reasons) = fixture.verify(&fixture.id("main"), &fixture.id("agent/work"));
    assert_eq!((code, reasons.contains(&"CLONE".to_owned())), (2, true), "{reasons:?}");
    agent.set(1, 41);
    approve(&fixture, &agent, now());
    assert_eq!(fixture.verify(&fixture.id("main"), &fixture.id("agent/work")).0, 0);
}

#[test]
fn an_agent_that_drops_flags_and_counter_has_signed_nothing() {
    let token = Token::new(KeyType::SkEd25519, 5);
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    let served = token.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).unwrap();
            let mut request = vec![0; u32::from_be_bytes(request) as usize];
            stream.read_exact(&mut request).unwrap();
            let mut reply = vec![12, 0, 0, 0, 1];
            if request[0] == 13 {
                let mut rest = &request[1..];
                take(&mut rest);
                let signature = served.sign(take(&mut rest).unwrap(), TokenUse { flags: 1, counter: 1 });
                reply = vec![14];
                put(&mut reply, &signature[..signature.len() - 5]);
            } else {
                put(&mut reply, &served.blob());
                put(&mut reply, b"");
            }
            let mut framed = Vec::new();
            put(&mut framed, &reply);
            stream.write_all(&framed).unwrap();
        }
    });
    let key = SigningKey::find(&token.key().to_openssh(), Some(&socket), None).unwrap();
    let error = key.sign(b"{}\n".to_vec(), None).unwrap_err().to_string();
    assert!(error.contains("not a sound signature"), "{error}");
}
