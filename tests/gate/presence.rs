//! Rows 31 to 33 of `docs/threat-model.md`: whether somebody was there. The security key is software behind a real
//! agent socket, and sets whatever flags and counter it is told to; it counts as what the roster enrolled it as.

use std::process::{Command, Stdio};

use undersign::decision::Verdict;
use undersign::record::key::KeyType;
use undersign::signer::SigningKey;

use crate::agent::Agent;
use crate::scene::*;
use crate::support::{Decision, Fixture, now, wait};
use crate::token::Token;

/// `src` asks for a presence; dana has her key in a file and a security key, enrolled as said, and ines a way out.
fn asking(presence: &str, token: &Token, enrolled: &str) -> Fixture {
    let enrol =
        |token: &Token, level: &str| format!("{{ key = \"{}\", presence = \"{level}\" }}", token.key().to_openssh());
    let way_out = enrol(&Token::new(KeyType::SkEcdsaP256, 99), "pin+touch");
    let text = src(&format!("presence = \"{presence}\""));
    let text = with_keys(&text, "dana", &[key_line("dana", ""), enrol(token, enrolled)]);
    Fixture::with_policy(&(text + &format!("[people.ines]\nroles = [\"senior\"]\nkeys = [{way_out}]\n")))
}

fn approve_with(f: &Fixture, key: SigningKey, at: i64) {
    f.take(Decision { at, key: Some(key), ..Decision::new("dana", WORK, Verdict::Approve) });
}

/// One approval by dana's security key, with these flags.
fn touched(presence: &str, enrolled: &str, flags: u8) -> Answer {
    let token = Token::new(KeyType::SkEd25519, 5);
    let f = asking(presence, &token, enrolled);
    let agent = Agent::new(token);
    agent.set(flags, 1);
    approve_with(&f, agent.key(), now());
    judged(&f, WORK)
}

/// Who drives the terminal has what lies on the machine: the key in its file.
#[test]
fn row_31_a_key_in_a_file_proves_nobody_there() {
    let f = asking("touch", &Token::new(KeyType::SkEd25519, 5), "touch");
    approve_with(&f, f.key("dana"), now());
    denied(judged(&f, WORK), "PRESENCE");
}

#[test]
fn row_31_twin_a_security_key_that_was_touched() {
    allowed(touched("touch", "touch", 0x01));
}

/// Whoever reaches OpenSSH's own agent can have it sign.
#[test]
fn row_32_a_key_in_an_agent_proves_nobody_there() {
    let f = asking("touch", &Token::new(KeyType::SkEd25519, 5), "touch");
    let socket = f.dir.path().join("agent");
    let file = f.key_file("dana");
    let mut agent = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    // The socket is there before anybody listens at it.
    let listens = || std::os::unix::net::UnixStream::connect(&socket).is_ok();
    wait::until(|| "ssh-agent does not listen".into(), listens);
    let added =
        Command::new("ssh-add").arg("-q").arg(&file).env("SSH_AUTH_SOCK", &socket).stderr(Stdio::null()).status();
    let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    let key = SigningKey::find(&public, Some(&socket), None);
    let taken = std::panic::catch_unwind(|| approve_with(&f, key.unwrap(), now()));
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(added.unwrap().success() && taken.is_ok());
    denied(judged(&f, WORK), "PRESENCE");
}

/// A security key that the roster takes for software's, whatever its flags say.
#[test]
fn row_32_a_security_key_that_software_minted_is_worth_what_it_was_enrolled_as() {
    denied(touched("touch", "none", 0x05), "PRESENCE");
}

#[test]
fn row_32_twin_a_security_key_that_was_enrolled_as_one() {
    allowed(touched("touch", "touch", 0x05));
}

#[test]
fn row_33_nobody_touched_the_key() {
    denied(touched("touch", "touch", 0x00), "PRESENCE");
}

#[test]
fn row_33_verified_and_not_touched_is_nobody() {
    denied(touched("touch", "touch", 0x04), "PRESENCE");
}

#[test]
fn row_33_touched_without_the_pin_that_is_asked_for() {
    denied(touched("pin+touch", "pin+touch", 0x01), "PRESENCE");
}

#[test]
fn row_33_twin_touched_with_the_pin() {
    allowed(touched("pin+touch", "pin+touch", 0x05));
}

/// Another decision at 40, and then the approval at this.
fn counted(counter: u32) -> Answer {
    let token = Token::new(KeyType::SkEd25519, 5);
    let f = asking("touch", &token, "touch");
    propose(&f, "mina", "other", &[("docs/a.txt", "x\n")]);
    let agent = Agent::new(token);
    agent.set(0x01, 40);
    f.take(Decision { key: Some(agent.key()), ..Decision::new("dana", "other", Verdict::Approve) });
    agent.set(0x01, counter);
    approve_with(&f, agent.key(), now());
    judged(&f, WORK)
}

#[test]
fn row_33_a_counter_that_went_back_is_a_clone() {
    denied(counted(39), "CLONE");
}

#[test]
fn row_33_a_counter_that_stood_still_is_a_clone() {
    denied(counted(40), "CLONE");
}

#[test]
fn row_33_twin_a_counter_that_grew() {
    allowed(counted(41));
}
