#![allow(clippy::unwrap_used)]

use ed25519_dalek::Signer as _;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::attestation::{self, AttestationFault};
use super::request::{MAX_REQUEST, NAMESPACE, SCHEMA, VALIDITY};
use super::*;
use crate::record::key::token_message;
use crate::record::sshsig;
use crate::record::statement::Decimal;
use crate::record::wire::put;

const NOW: i64 = 1_790_000_000;

/// A private key in software: plain, or one that says that it is a security key.
#[derive(Clone)]
struct Private {
    seed: u8,
    token: Option<TokenUse>,
}

fn plain(seed: u8) -> Private {
    Private { seed, token: None }
}

fn security(seed: u8, flags: u8) -> Private {
    Private { seed, token: Some(TokenUse { flags, counter: 7 }) }
}

impl Private {
    fn signing(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&[self.seed; 32])
    }

    fn name(&self) -> &'static str {
        if self.token.is_some() { "sk-ssh-ed25519@openssh.com" } else { "ssh-ed25519" }
    }

    fn key(&self) -> Key {
        let mut blob = Vec::new();
        put(&mut blob, self.name().as_bytes());
        put(&mut blob, self.signing().verifying_key().as_bytes());
        if self.token.is_some() {
            put(&mut blob, b"ssh:undersign");
        }
        Key::parse(&blob).unwrap()
    }

    fn line(&self) -> String {
        self.key().to_openssh()
    }

    fn armored(&self, namespace: &str, payload: &[u8]) -> Vec<u8> {
        let bytes = sshsig::to_be_signed_for(namespace, payload);
        let mut blob = Vec::new();
        put(&mut blob, self.name().as_bytes());
        let message = self.token.map_or_else(|| bytes.clone(), |token| token_message("ssh:undersign", token, &bytes));
        put(&mut blob, &self.signing().sign(&message).to_bytes());
        if let Some(token) = self.token {
            blob.push(token.flags);
            blob.extend(token.counter.to_be_bytes());
        }
        sshsig::armor_for(namespace, &self.key(), &blob).into_bytes()
    }
}

fn text(asks: Asks, person: &str, key: &Private, by: Option<&Private>) -> Request {
    Request {
        schema: SCHEMA.to_owned(),
        asks,
        repository: "shop".to_owned(),
        person: person.to_owned(),
        name: "Omar Haddad".to_owned(),
        emails: vec![format!("{person}@example.com")],
        key: key.line(),
        by: by.map(Private::line).unwrap_or_default(),
        overlap: Decimal(if asks == Asks::Rotate { 14 * 86_400 } else { 0 }),
        attestation: String::new(),
        issued_at: Decimal(NOW as u64),
        nonce: "7".repeat(32),
    }
}

fn signed(text: &Request, signers: &[&Private]) -> Vec<u8> {
    let payload = text.encode();
    text.with(&signers.iter().map(|own| own.armored(NAMESPACE, &payload)).collect::<Vec<_>>())
}

fn enrolment(person: &str, key: &Private) -> KeyRequest {
    KeyRequest::read(&signed(&text(Asks::Enrol, person, key, None), &[key])).unwrap()
}

fn policy_text(keys: &str) -> String {
    format!(
        "schema = \"undersign-policy/v1\"\nversion = 3 # counts\nrepository = \"shop\"\n\
         [refs]\nprotected = [\"refs/heads/main\"]\n\n# Who is who.\n\
         [people.anna] # since 2019\nroles = [\"senior\", \"policy\"]\nemails = [\"anna@example.com\"]\n{keys}\n\
         # The rules.\n[compartment.policy]\npaths = [\".undersign/**\"]\nsolo = true\n\
         sign = [{{ role = \"policy\", n = 1 }}]\n[compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n"
    )
}

fn policy(keys: &str) -> Policy {
    Policy::parse("p", &policy_text(keys)).unwrap_or_else(|error| panic!("{error}"))
}

/// Edits of a policy file.
fn applied(source: &str, edits: &[Edit], version: u64) -> Result<(String, Policy), EditError> {
    edit::apply(RosterFile::Policy, source, edits, version)
}

fn terms(file: &Policy) -> Terms<'_> {
    Terms {
        file,
        in_force: Some(file),
        beside: &[],
        had_key: false,
        roles: &[],
        code: None,
        attestation: None,
        is_attested: false,
        now: NOW + 60,
    }
}

#[test]
fn a_request_is_read_as_it_was_signed() {
    let (old, new) = (security(1, 1), security(2, 5));
    let bytes = signed(&text(Asks::Rotate, "anna", &new, Some(&old)), &[&new, &old]);
    let request = KeyRequest::read(&bytes).unwrap();
    assert_eq!((request.key(), request.by()), (&new.key(), Some(&old.key())));
    assert_eq!(request.token().map(|token| token.presence()), Some(Presence::PinTouch));
    let shown = request.code().to_string();
    assert!(shown.len() == 19 && request.code().is(&shown) && request.code().is(&shown.replace('-', "")));
    assert!(!request.code().is("") && !request.code().is(&shown[..9]));
}

#[test]
fn only_the_keys_that_it_names_sign_a_request_each_in_its_place() {
    let (old, new, other) = (plain(1), plain(2), plain(3));
    let (one, both) = (text(Asks::Enrol, "anna", &new, None), text(Asks::Rotate, "anna", &new, Some(&old)));
    let fault = |text: &Request, by: &[&Private]| KeyRequest::read(&signed(text, by)).unwrap_err();
    assert_eq!(fault(&one, &[&other]), RequestFault::Signers);
    assert_eq!(fault(&one, &[&new, &old]), RequestFault::Signers);
    assert_eq!(fault(&both, &[&new]), RequestFault::Signers);
    assert_eq!(fault(&both, &[&old, &new]), RequestFault::Signers);
    assert_eq!(fault(&both, &[&new, &new]), RequestFault::Signers);
    assert_eq!(fault(&both, &[&new, &old, &old]), RequestFault::Trailing);
    assert_eq!(fault(&one, &[]), RequestFault::NotARequest);
    let same = text(Asks::Rotate, "anna", &security(1, 1), Some(&old));
    assert_eq!(fault(&same, &[&security(1, 1), &old]), RequestFault::SameKey);
}

#[test]
fn no_signature_of_another_kind_is_one_of_a_request_nor_the_other_way_round() {
    let key = plain(1);
    let text = text(Asks::Enrol, "anna", &key, None);
    for namespace in [sshsig::NAMESPACE, "git", "command@undersign", "run@undersign"] {
        let bytes = text.with(&[key.armored(namespace, &text.encode())]);
        assert_eq!(KeyRequest::read(&bytes).unwrap_err(), RequestFault::Signature(crate::record::Fault::Namespace));
        let armor = key.armored(NAMESPACE, b"a decision");
        assert!(sshsig::verify_for(namespace, &armor, b"a decision").is_err());
    }
}

#[test]
fn what_a_name_or_address_must_not_have_in_a_policy_is_in_no_request() {
    let key = plain(1);
    type Change = fn(&mut Request);
    let table: [(Change, &str); 14] = [
        (|own| own.name = "Omar\u{1b}[2J".into(), "`name` has characters"),
        (|own| own.name = "Omar\n[people.eve]".into(), "`name` has characters"),
        (|own| own.name = "Omar\u{202E}".into(), "`name` has characters"),
        (|own| own.name = " ".into(), "`name` is not"),
        (|own| own.name = "a".repeat(129), "`name` is not"),
        (|own| own.emails = vec!["o\u{1b}@example.com".into()], "`emails` has characters"),
        (|own| own.emails = vec!["omar".into()], "`emails` is not"),
        (|own| own.emails = vec!["a@example.com".into(); 9], "`emails` is not"),
        (|own| own.person = "Omar".into(), "`person` is not"),
        (|own| own.repository = "../shop".into(), "`repository` is not"),
        (|own| own.overlap = Decimal(1), "`overlap` is not"),
        (|own| own.attestation = "AB".into(), "`attestation` is not"),
        (|own| own.nonce = "7".into(), "`nonce` is not"),
        (|own| own.schema = "undersign-key-request/v2".into(), "another version"),
    ];
    for (change, said) in table {
        let mut text = text(Asks::Enrol, "omar", &key, None);
        change(&mut text);
        let fault = KeyRequest::read(&signed(&text, &[&key])).unwrap_err().to_string();
        assert!(fault.contains(said), "{said}: {fault}");
        assert!(!fault.contains('\u{1b}'));
    }
}

#[test]
fn keys_that_the_gate_refuses_are_refused_here() {
    let key = plain(1);
    let with = |line: String| {
        let mut text = text(Asks::Enrol, "omar", &key, None);
        text.key = line;
        KeyRequest::read(&signed(&text, &[&key])).unwrap_err()
    };
    // The type and two integers; nothing of it is looked at.
    let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAwEAAQ==".to_owned();
    assert_eq!(with(rsa), RequestFault::Key(crate::record::Fault::KeyType));
    assert_eq!(with(format!("{} omar@laptop", key.line())), RequestFault::Key(crate::record::Fault::KeyMalformed));
    assert!(matches!(with("nonsense".to_owned()), RequestFault::Key(_)));
}

#[test]
fn what_mail_does_to_a_text_is_said() {
    let key = plain(1);
    let sound = String::from_utf8(signed(&text(Asks::Enrol, "omar", &key, None), &[&key])).unwrap();
    let fault = |text: String| KeyRequest::read(text.as_bytes()).unwrap_err();
    assert_eq!(fault(sound.replace('\n', "\r\n")), RequestFault::LineEnds);
    assert_eq!(fault(format!("{sound}--\nSent from my phone\n")), RequestFault::Trailing);
    assert_eq!(fault(format!("Hello,\n{sound}")), RequestFault::NotARequest);
    assert_eq!(fault(format!("{sound}{}", "\n".repeat(MAX_REQUEST))), RequestFault::TooLarge);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = KeyRequest::read(&bytes);
        let _ = KeyRequest::read(&[b"{\n-----BEGIN SSH SIGNATURE-----\n", &bytes[..]].concat());
        let _ = attestation::digest(&bytes, &plain(1).key());
    }

    #[test]
    fn a_request_with_one_changed_byte_is_refused(at: prop::sample::Index, to: u8) {
        let key = security(1, 5);
        let mut bytes = signed(&text(Asks::Enrol, "omar", &key, None), &[&key]);
        let at = at.index(bytes.len());
        let place = &mut bytes[at];
        prop_assume!(*place != to);
        *place = to;
        prop_assert!(KeyRequest::read(&bytes).is_err());
    }

    #[test]
    fn a_request_that_lacks_its_end_is_refused(at: prop::sample::Index) {
        let (old, new) = (plain(1), plain(2));
        let bytes = signed(&text(Asks::Rotate, "anna", &new, Some(&old)), &[&new, &old]);
        prop_assert!(KeyRequest::read(&bytes[..at.index(bytes.len())]).is_err());
    }
}

#[test]
fn a_request_is_for_one_repository_one_person_and_two_weeks() {
    let key = plain(2);
    let file = policy(&format!("keys = [\"{}\"]\n", plain(1).line()));
    let (request, sound) = (enrolment("omar", &key), terms(&file));
    assert!(accept(&request, &sound).is_ok());
    let elsewhere = Policy { repository: "infra".to_owned(), ..file.clone() };
    let refused = |terms: Terms<'_>| accept(&request, &terms).unwrap_err();
    assert!(matches!(refused(Terms { file: &elsewhere, ..sound }), Refusal::OtherRepository(..)));
    assert!(accept(&request, &Terms { now: NOW + VALIDITY - 1, ..sound }).is_ok());
    assert!(matches!(refused(Terms { now: NOW + VALIDITY, ..sound }), Refusal::Expired(..)));
    assert!(matches!(refused(Terms { now: NOW - 3600, ..sound }), Refusal::Ahead(_)));
    assert_eq!(refused(Terms { code: Some("0000-0000-0000-0000"), ..sound }), Refusal::Code);
    assert_eq!(refused(Terms { had_key: true, ..sound }), Refusal::TakenOff);
}

#[test]
fn a_key_is_enrolled_once_for_one_person_and_never_again_once_it_ended() {
    let anna = plain(1);
    let file = policy(&format!("keys = [\"{}\"]\n", anna.line()));
    let refused = |request: &KeyRequest, file: &Policy| accept(request, &terms(file)).unwrap_err();
    assert_eq!(refused(&enrolment("anna", &anna), &file), Refusal::Known("anna".into()));
    assert_eq!(refused(&enrolment("omar", &anna), &file), Refusal::Owned("anna".into()));
    // The same private key, said to be in a security key.
    assert_eq!(refused(&enrolment("omar", &security(1, 5)), &file), Refusal::Owned("anna".into()));
    for end in ["reason = \"retired\", at", "reason = \"compromised\", since"] {
        let ended = format!("{{ key = \"{}\", revoked = {{ {end} = 2026-01-01T00:00:00Z }} }}", anna.line());
        let ended = policy(&format!("keys = [{ended}, \"{}\"]\n", plain(9).line()));
        assert!(matches!(refused(&enrolment("anna", &anna), &ended), Refusal::Ended(..)));
        assert!(matches!(refused(&enrolment("omar", &anna), &ended), Refusal::Ended(..)));
        // A file in which somebody brought it back does not hide what is in force.
        let without = policy(&format!("keys = [\"{}\"]\n", plain(9).line()));
        let terms = Terms { in_force: Some(&ended), ..terms(&without) };
        assert!(matches!(accept(&enrolment("anna", &anna), &terms).unwrap_err(), Refusal::Ended(..)));
    }
}

#[test]
fn a_further_key_of_somebody_known_needs_a_key_of_theirs_or_the_code_that_they_read_out() {
    let (old, new) = (plain(1), plain(2));
    let file = policy(&format!("keys = [\"{}\"]\n", old.line()));
    let alone = enrolment("anna", &new);
    assert_eq!(accept(&alone, &terms(&file)).unwrap_err(), Refusal::Unconfirmed("anna".into()));
    let code = alone.code().to_string();
    assert!(accept(&alone, &Terms { code: Some(&code), ..terms(&file) }).is_ok());
    let both =
        |by: &Private| KeyRequest::read(&signed(&text(Asks::Enrol, "anna", &new, Some(by)), &[&new, by])).unwrap();
    let edits = accept(&both(&old), &terms(&file)).unwrap();
    assert!(matches!(&edits[..], [Edit::AddKey { person, .. }] if person == "anna"), "{edits:?}");
    assert!(matches!(accept(&both(&plain(5)), &terms(&file)).unwrap_err(), Refusal::UnknownOld(..)));
    let roles = ["senior".to_owned()];
    let more = Terms { roles: &roles, ..terms(&file) };
    assert_eq!(accept(&both(&old), &more).unwrap_err(), Refusal::RolesKept("anna".into()));
}

#[test]
fn a_key_that_ended_vouches_for_no_other() {
    let (old, new) = (plain(1), plain(2));
    let bytes = signed(&text(Asks::Rotate, "anna", &new, Some(&old)), &[&new, &old]);
    let request = KeyRequest::read(&bytes).unwrap();
    let of =
        |revoked: &str| policy(&format!("keys = [{{ key = \"{}\"{revoked} }}, \"{}\"]\n", old.line(), plain(9).line()));
    let (sound, lost) = (of(""), of(", revoked = { reason = \"compromised\", since = 2026-01-01T00:00:00Z }"));
    let [Edit::AddKey { .. }, Edit::EndKey { key, end, .. }] = &accept(&request, &terms(&sound)).unwrap()[..] else {
        panic!("it adds one and ends one");
    };
    assert_eq!((key, *end), (&old.key(), Revocation::Retired { at: NOW + 60 + 14 * 86_400 }));
    assert!(matches!(accept(&request, &terms(&lost)).unwrap_err(), Refusal::OldUnfit(..)));
    let late = Terms { in_force: Some(&lost), ..terms(&sound) };
    assert!(matches!(accept(&request, &late).unwrap_err(), Refusal::OldUnfit(..)));
}

fn attested(key: &Private, application: &str) -> Vec<u8> {
    let mut data = Sha256::digest(application.as_bytes()).to_vec();
    data.extend([0x45, 0, 0, 0, 0]);
    data.extend(key.key().point());
    let mut bytes = Vec::new();
    put(&mut bytes, b"ssh-sk-attest-v01");
    put(&mut bytes, b"a certificate");
    put(&mut bytes, b"a signature");
    put(&mut bytes, &[&[0x58, data.len() as u8], &data[..]].concat());
    bytes.extend([0; 4]);
    put(&mut bytes, b"");
    bytes
}

#[test]
fn an_attestation_is_of_the_key_that_is_enrolled_and_came_along() {
    let (key, other) = (security(2, 5), security(3, 5));
    let sound = attested(&key, "ssh:undersign");
    let digest = attestation::digest(&sound, &key.key()).unwrap();
    assert_eq!(attestation::digest(&sound, &other.key()), Err(AttestationFault::OtherKey));
    assert_eq!(attestation::digest(&attested(&key, "ssh:login"), &key.key()), Err(AttestationFault::OtherKey));
    assert_eq!(attestation::digest(&sound, &plain(2).key()), Err(AttestationFault::OtherKey));
    assert_eq!(attestation::digest(&sound[..sound.len() - 1], &key.key()), Err(AttestationFault::Malformed));
    let file = policy(&format!("keys = [\"{}\"]\n", plain(1).line()));
    let of = |key: &Private, named: String| {
        let named = Request { attestation: named, ..text(Asks::Enrol, "omar", key, None) };
        KeyRequest::read(&signed(&named, &[key])).unwrap()
    };
    let given = |is_attested| Terms { attestation: Some(digest), is_attested, ..terms(&file) };
    let request = of(&key, digest.to_string());
    let presence = |terms: Terms<'_>| match &accept(&request, &terms).unwrap()[0] {
        Edit::AddPerson { key, .. } => (key.presence, key.attestation.is_some()),
        other => panic!("{other:?}"),
    };
    assert_eq!(presence(terms(&file)), (Presence::PinTouch, false), "nobody has looked at it");
    assert_eq!(presence(given(false)), (Presence::PinTouch, true));
    assert_eq!(presence(given(true)), (Presence::Attested, true));
    let refused = |request: &KeyRequest| accept(request, &given(true)).unwrap_err();
    assert_eq!(refused(&of(&key, String::new())), Refusal::NoAttestation);
    assert!(matches!(refused(&of(&key, "a".repeat(64))), Refusal::OtherAttestation(_)));
    let touched = security(2, 1);
    assert_eq!(refused(&of(&touched, digest.to_string())), Refusal::NotVerified(Presence::Touch));
}

#[test]
fn a_lost_key_ends_once_and_only_ever_earlier() {
    let key = plain(1);
    let one = policy(&format!("keys = [\"{}\"]\n", key.line()));
    let end = |edit: Edit| match edit {
        Edit::EndKey { key, end, .. } => (key, end.time()),
        other => panic!("{other:?}"),
    };
    assert_eq!(end(lost(&one, "anna", None, NOW - 9, NOW).unwrap().1), (key.key(), NOW - 9));
    assert_eq!(lost(&one, "eve", None, NOW, NOW).unwrap_err(), Refusal::Nobody("eve".into()));
    assert!(matches!(lost(&one, "anna", Some("SHA256:x"), NOW, NOW).unwrap_err(), Refusal::NoKey(..)));
    assert!(matches!(lost(&one, "anna", None, NOW + 3600, NOW).unwrap_err(), Refusal::Future(_)));
    let two = policy(&format!("keys = [\"{}\", \"{}\"]\n", key.line(), plain(2).line()));
    assert_eq!(lost(&two, "anna", None, NOW, NOW).unwrap_err(), Refusal::WhichKey("anna".into()));
    let print = key.key().fingerprint();
    assert_eq!(end(lost(&two, "anna", Some(&print), NOW, NOW).unwrap().1).0, key.key());
    let ended = "revoked = { reason = \"compromised\", since = 2026-01-01T00:00:00Z }";
    let ended = policy(&format!("keys = [{{ key = \"{}\", {ended} }}]\n", key.line()));
    let then = 1_767_225_600;
    assert!(matches!(lost(&ended, "anna", Some(&print), NOW, NOW).unwrap_err(), Refusal::Earlier(_)));
    assert_eq!(end(lost(&ended, "anna", Some(&print), then - 1, NOW).unwrap().1).1, then - 1);
    assert!(matches!(lost(&ended, "anna", None, NOW, NOW).unwrap_err(), Refusal::NoLivingKey(_)));
    // What it signed after it was retired does not count again because the key is lost now.
    let retired = "revoked = { reason = \"retired\", at = 2026-01-01T00:00:00Z }";
    let retired = policy(&format!("keys = [{{ key = \"{}\", {retired} }}]\n", key.line()));
    let edit = lost(&retired, "anna", Some(&print), NOW, NOW).unwrap().1;
    assert!(matches!(edit, Edit::EndKey { end: Revocation::Compromised { since }, .. } if since == then));
}

#[test]
fn who_leaves_with_a_key_in_other_hands_leaves_it_compromised() {
    let (key, other) = (plain(1), plain(2));
    let then = 1_767_225_600;
    let text = policy_text(&format!(
        "keys = [{{ key = \"{}\", revoked = {{ reason = \"compromised\", since = 2026-01-01T00:00:00Z }} }}, \"{}\"]\n",
        key.line(),
        other.line()
    ));
    let file = Policy::parse("p", &text).unwrap();
    let ended = |at: i64| {
        let (_, new) = applied(&text, &leave(&file, "anna", at, NOW).unwrap(), 4).unwrap();
        new.roster.by_id("anna").unwrap().keys.iter().map(|own| own.revoked.unwrap()).collect::<Vec<_>>()
    };
    let retired = |at: i64| Revocation::Retired { at };
    assert_eq!(ended(then - 9), [Revocation::Compromised { since: then - 9 }, retired(then - 9)]);
    assert_eq!(ended(then + 9), [Revocation::Compromised { since: then }, retired(then + 9)]);
}

#[test]
fn no_edit_lets_count_again_what_a_key_that_ended_signed() {
    let (key, then) = (plain(1), 1_767_225_600);
    let to = |end: Revocation| [Edit::EndKey { person: "anna".into(), key: key.key(), end }];
    let text = |end: &str| policy_text(&format!("keys = [{{ key = \"{}\", revoked = {end} }}]\n", key.line()));
    let compromised = text("{ reason = \"compromised\", since = 2026-01-01T00:00:00Z }");
    let retired = text("{ reason = \"retired\", at = 2026-01-01T00:00:00Z }");
    for (source, end) in [
        (&compromised, Revocation::Retired { at: then - 9 }),
        (&compromised, Revocation::Retired { at: then }),
        (&compromised, Revocation::Compromised { since: then + 1 }),
        (&retired, Revocation::Retired { at: then + 1 }),
        (&retired, Revocation::Compromised { since: then + 1 }),
    ] {
        let refused = applied(source, &to(end), 4).unwrap_err();
        assert!(matches!(refused, EditError::Weaker(..)), "{end}: {refused}");
    }
    for (source, end) in [
        (&compromised, Revocation::Compromised { since: then - 1 }),
        (&retired, Revocation::Compromised { since: then }),
        (&retired, Revocation::Retired { at: then - 1 }),
    ] {
        applied(source, &to(end), 4).unwrap();
    }
}

#[test]
fn whom_the_policy_in_force_knows_is_nobody_new_in_a_file_without_them() {
    let key = format!("keys = [\"{}\"]\n", plain(1).line());
    let (in_force, text) = (policy(&key), policy_text(&key));
    let file = Policy::parse("p", &text.replace("people.anna", "people.omar")).unwrap();
    let request = enrolment("anna", &plain(2));
    let terms = Terms { in_force: Some(&in_force), ..terms(&file) };
    assert!(matches!(accept(&request, &terms), Err(Refusal::Unconfirmed(..))));
}

#[test]
fn a_security_key_that_nobody_touched_vouches_for_no_other_without_a_code() {
    let new = plain(2);
    for (flags, is_enough) in [(0, false), (1, false), (5, true)] {
        let old = security(1, flags);
        let file = policy(&format!("keys = [{{ key = \"{}\", presence = \"pin+touch\" }}]\n", old.line()));
        let bytes = signed(&text(Asks::Enrol, "anna", &new, Some(&old)), &[&new, &old]);
        let request = KeyRequest::read(&bytes).unwrap();
        let told = accept(&request, &terms(&file));
        assert_eq!(told.is_ok(), is_enough, "{flags}: {told:?}");
        assert!(is_enough || matches!(told, Err(Refusal::Untouched(..))));
        let code = request.code().to_string();
        assert!(accept(&request, &Terms { code: Some(&code), ..terms(&file) }).is_ok(), "its code was read out");
    }
}

#[test]
fn a_rotation_makes_no_key_last_longer_than_it_would() {
    let (old, new) = (plain(1), plain(2));
    for ends in [
        "revoked = { reason = \"retired\", at = 2026-09-25T00:00:00Z }".to_owned(),
        "valid = { until = 2026-09-25T00:00:00Z }".to_owned(),
    ] {
        let file = policy(&format!("keys = [{{ key = \"{}\", {ends} }}]\n", old.line()));
        let bytes = signed(&text(Asks::Rotate, "anna", &new, Some(&old)), &[&new, &old]);
        let request = KeyRequest::read(&bytes).unwrap();
        let edits = accept(&request, &terms(&file)).unwrap();
        let [_, Edit::EndKey { end: Revocation::Retired { at }, .. }] = &edits[..] else { panic!("{edits:?}") };
        assert!(*at < NOW + 14 * 86_400, "{at}");
    }
}

fn added(seed: u8) -> NewKey {
    let key = plain(seed).key();
    NewKey { key, comment: "anna-2026".into(), presence: Presence::None, attestation: None }
}

/// The lines that an edit takes out, and those that it puts in.
fn difference(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let without = |these: &str, others: &str| {
        let mut others: Vec<&str> = others.lines().collect();
        let is_gone = |line: &&str| match others.iter().position(|other| other == line) {
            Some(at) => {
                others.remove(at);
                false
            }
            None => true,
        };
        these.lines().filter(is_gone).map(str::to_owned).collect::<Vec<_>>()
    };
    (without(old, new), without(new, old))
}

#[test]
fn an_edit_keeps_comments_order_and_layout() {
    let (one, two) = (plain(1).line(), plain(2).line());
    let new = format!("\"{} anna-2026\"", plain(5).line());
    let bob = format!("[people.bob]\nroles = [\"senior\", \"policy\"]\nkeys = [\"{one}\"]\n");
    let layouts = [
        (format!("keys = [\"{one}\"] # hers\n"), format!("keys = [\"{one}\", {new}] # hers\n")),
        (bob.clone(), format!("keys = [{new}]\n{bob}")),
        (
            format!("keys = [\n    \"{one}\", # laptop\n    # at home\n    \"{two}\", # desk\n]\n"),
            format!("keys = [\n    \"{one}\", # laptop\n    # at home\n    \"{two}\", # desk\n    {new},\n]\n"),
        ),
        (format!("keys = [\n  \"{one}\"\n]\n"), format!("keys = [\n  \"{one}\",\n  {new},\n]\n")),
        // A comment stays behind its bracket, or its key.
        (format!("keys = [ # hers\n    \"{one}\",\n]\n"), format!("keys = [ # hers\n    \"{one}\",\n    {new},\n]\n")),
        (format!("keys = [\"{one}\", # laptop\n]\n"), format!("keys = [\"{one}\", # laptop\n    {new},\n]\n")),
        (format!("keys = [\"{one}\" # laptop\n  ]\n"), format!("keys = [\"{one}\", # laptop\n      {new},\n  ]\n")),
    ];
    for (before, after) in layouts {
        let source = policy_text(&before);
        let edit = Edit::AddKey { person: "anna".into(), key: added(5) };
        let (text, policy) = applied(&source, &[edit], 4).unwrap();
        assert_eq!(text, policy_text(&after).replace("version = 3 ", "version = 4 "));
        assert_eq!(policy.version, 4);
    }
}

#[test]
fn a_key_that_ends_keeps_its_place_and_its_comment() {
    let (one, two) = (plain(1).line(), plain(2).line());
    let end = Revocation::Compromised { since: NOW };
    let edit = Edit::EndKey { person: "anna".into(), key: plain(1).key(), end };
    let revoked = "revoked = { reason = \"compromised\", since = 2026-09-21T14:13:20Z }";
    for (before, after) in [
        (
            format!("keys = [\n    \"{one} anna@laptop\", # laptop\n    \"{two}\",\n]\n"),
            format!("keys = [\n    {{ key = \"{one} anna@laptop\", {revoked} }}, # laptop\n    \"{two}\",\n]\n"),
        ),
        (
            format!("keys = [{{ key = '{one}', valid = {{ from = 2026-01-01T00:00:00Z }} }}]\n"),
            format!("keys = [{{ key = '{one}', valid = {{ from = 2026-01-01T00:00:00Z }}, {revoked} }}]\n"),
        ),
        (
            format!("[[people.anna.keys]]\nkey = \"{one}\" # laptop\n"),
            format!("[[people.anna.keys]]\nkey = \"{one}\" # laptop\n{revoked}\n"),
        ),
    ] {
        let (text, _) = applied(&policy_text(&before), std::slice::from_ref(&edit), 3).unwrap();
        assert_eq!(text, policy_text(&after));
    }
}

#[test]
fn somebody_new_stands_behind_the_last_person_whatever_their_name_is() {
    let source = policy_text(&format!("keys = [\"{}\"]\n", plain(1).line()));
    let name = "Omar \"O'Neil\" \\ ]\n[people.eve]".to_owned();
    let edit = |name: String, id: &str, email: &str| Edit::AddPerson {
        id: id.into(),
        name,
        emails: vec![email.to_owned()],
        roles: vec!["senior".into()],
        key: added(5),
    };
    let (text, policy) = applied(&source, &[edit(name.clone(), "o.mar", "omar@example.com")], 4).unwrap();
    assert_eq!(policy.roster.by_id("o.mar").unwrap().name, name);
    assert!(policy.roster.by_id("eve").is_none());
    let (gone, came) = difference(&source, &text);
    assert_eq!(gone, ["version = 3 # counts"], "{text}");
    assert!(came.iter().any(|line| line == "[people.\"o.mar\"]"), "{came:?}");
    let place = |what: &str| text.find(what).unwrap();
    assert!(place("[people.anna] # since 2019") < place("o.mar") && place("o.mar") < place("# The rules."), "{text}");
    // The policy's own parser has the last word.
    let taken = edit("Omar".into(), "omar", "ANNA@example.com");
    assert!(matches!(applied(&source, &[taken], 4), Err(EditError::Mistakes(why)) if why.contains("anna")));
    let again = Edit::AddKey { person: "anna".into(), key: added(1) };
    assert!(matches!(applied(&source, &[again], 4), Err(EditError::Mistakes(_))));
    let nobody = Edit::AddKey { person: "eve".into(), key: added(5) };
    assert!(matches!(applied(&source, &[nobody], 4), Err(EditError::Place(_))));
}

#[test]
fn what_a_weaker_key_can_no_longer_sign_for_is_known() {
    let keys = format!("keys = [{{ key = \"{}\", presence = \"pin+touch\" }}]\n", security(1, 5).line());
    let file = Policy::parse("p", &(policy_text(&keys) + "presence = \"touch\"\n")).unwrap();
    let anna = file.roster.by_id("anna").unwrap();
    let names = |new| -> Vec<_> {
        given_up(&file, anna, Presence::PinTouch, new).iter().map(|compartment| compartment.name.as_str()).collect()
    };
    assert_eq!(names(Presence::None), ["default"]);
    assert_eq!(names(Presence::Touch), [""; 0]);
}

#[test]
fn an_end_that_replaces_an_end_keeps_what_is_written_beside_it() {
    let key = plain(1);
    let (one, then) = (key.line(), "2026-01-01T00:00:00Z");
    let end = Revocation::Compromised { since: 1_767_225_600 - 86_400 };
    let edit = [Edit::EndKey { person: "anna".into(), key: key.key(), end }];
    let now = "reason = \"compromised\", since = 2025-12-31T00:00:00Z";
    let head = format!("[[people.anna.keys]]\nkey = \"{one}\"\n");
    for (before, after) in [
        (
            format!("{head}revoked = {{ reason = \"retired\", at = {then} }} # HR ticket 4711\n"),
            format!("{head}revoked = {{ {now} }} # HR ticket 4711\n"),
        ),
        (
            format!("{head}[people.anna.keys.revoked]\nreason = \"retired\" # HR\n# ticket\nat = {then} # 4711\n"),
            format!(
                "{head}[people.anna.keys.revoked]\nreason = \"compromised\" # HR\n# ticket\n\
                 since = 2025-12-31T00:00:00Z # 4711\n"
            ),
        ),
        (
            format!("keys = [{{ key = \"{one}\", revoked = {{ reason = \"retired\", at = {then} }} }}] # one\n"),
            format!("keys = [{{ key = \"{one}\", revoked = {{ {now} }} }}] # one\n"),
        ),
    ] {
        let (text, _) = applied(&policy_text(&before), &edit, 3).unwrap();
        assert_eq!(text, policy_text(&after));
    }
}

#[test]
fn an_edit_keeps_the_line_ends_of_the_file_and_takes_no_mixture() {
    let key = plain(1);
    let source = policy_text(&format!("keys = [\n  \"{}\", # one\n]\n", key.line()));
    let end = Revocation::Retired { at: NOW };
    let edit = [Edit::EndKey { person: "anna".into(), key: key.key(), end }];
    let (plain, _) = applied(&source, &edit, 4).unwrap();
    let windows = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(applied(&windows(&source), &edit, 4).unwrap().0, windows(&plain));
    let marked = |text: &str| format!("\u{feff}{text}");
    assert_eq!(applied(&marked(&source), &edit, 4).unwrap().0, marked(&plain));
    assert_eq!(applied(&source.replacen('\n', "\r\n", 1), &edit, 4).unwrap_err(), EditError::LineEnds);
}

#[test]
fn whom_another_file_knows_is_nobody_new_unless_by_the_same_key() {
    let there = policy(&format!("keys = [\"{}\"]\n", plain(1).line()));
    let text = policy_text(&format!("keys = [\"{}\"]\n", plain(3).line())).replace("anna", "omar");
    let file = Policy::parse("p", &text).unwrap();
    let beside = [&there];
    let terms = Terms { beside: &beside, ..terms(&file) };
    let request = enrolment("anna", &plain(2));
    assert!(matches!(accept(&request, &terms).unwrap_err(), Refusal::Unconfirmed(_)));
    let code = request.code().to_string();
    assert!(matches!(accept(&request, &Terms { code: Some(&code), ..terms }).unwrap()[..], [Edit::AddPerson { .. }]));
    assert!(matches!(accept(&enrolment("anna", &plain(1)), &terms).unwrap()[..], [Edit::AddPerson { .. }]));
}
