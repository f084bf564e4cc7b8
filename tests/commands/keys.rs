//! `undersign key`: keys come, rotate and are lost, by edits of the policy that somebody else signs.

use std::path::{Path, PathBuf};

use undersign::decision::Verdict;
use undersign::record::key::KeyType;
use undersign::signer::SigningKey;

use crate::agent::Agent;
use crate::support::{Decision, Fixture, key_of, now, policy};
use crate::token::Token;
use crate::{Said, WORK, beside, codes, run, run_with, verify};

const FILE: &str = ".undersign/policy.toml";

fn text(f: &Fixture) -> String {
    std::fs::read_to_string(f.repo.join(FILE)).unwrap()
}

fn print_of(who: &str) -> String {
    key_of(who).public_key().fingerprint(ssh_key::HashAlg::Sha256).to_string()
}

fn key_file(f: &Fixture, who: &str) -> String {
    f.key_file(who).display().to_string()
}

/// A request by somebody with a key in a file; its path, and the code that they would read out.
fn request(f: &Fixture, who: &str, more: &[&str]) -> (String, String) {
    let out = f
        .dir
        .path()
        .join(format!("{who}-{}.request", std::fs::read_dir(f.dir.path()).unwrap().count()))
        .display()
        .to_string();
    let email = format!("{who}@example.com");
    let key = key_file(f, who);
    let own = ["key", "enrol", "--name", who, "--email", &email, "--key", &key, "--out", &out];
    let said = run(f, &[&own, more].concat()).exits(0);
    (out, code(&said))
}

fn code(said: &Said) -> String {
    let is_code = |word: &&str| word.len() == 19 && word.matches('-').count() == 3;
    said.err.split_whitespace().find(is_code).unwrap_or_else(|| panic!("{said:?}")).to_owned()
}

/// dana commits what is in the working tree, rahim signs it, and it lands on main.
fn land(f: &Fixture, branch: &str) {
    f.git("dana", &["checkout", "-q", "-b", branch]);
    f.commit("dana", "Edit the policy");
    f.git("dana", &["checkout", "-q", "main"]);
    verify(f, "main", branch, &[]).exits(2);
    f.decide("rahim", branch, Verdict::Approve);
    verify(f, "main", branch, &[]).exits(0);
    f.git("dana", &["merge", "-q", "--ff-only", branch]);
}

fn untouched(f: &Fixture, before: &str, said: Said, why: &str) {
    said.exits(2).complains(why).complains("Nothing was written.");
    assert_eq!(text(f), before);
}

#[test]
fn somebody_new_signs_only_once_somebody_else_let_the_policy_land() {
    let f = Fixture::new();
    let before = text(&f);
    let (file, code) = request(&f, "omar", &[]);
    assert_eq!(text(&f), before, "a request changes nothing here");
    run(&f, &["key", "accept", &file, "--role", "senior", "--dry-run"]).exits(0).says("Nothing was written");
    assert_eq!(text(&f), before);
    let said = run(&f, &["key", "accept", &file, "--role", "senior", "--code", &code]).exits(0);
    let said = said.says(&print_of("omar")).says("▼ omar joins as senior").says("policy needs 1 of role policy");
    said.says("rahim can").says("does not count").says(&format!("git add {FILE}")).says("undersign review key-omar");
    assert!(text(&f).contains("version = 2\n") && text(&f).contains("[people.omar]"), "{}", text(&f));
    assert_eq!(f.git("mina", &["status", "--porcelain"]), format!("M {FILE}"), "nothing was committed");
    run(&f, &["key", "check", "--key", &key_file(&f, "omar")]).exits(2).complains("which has not landed");
    land(&f, "key-omar");
    run(&f, &["key", "check", "--key", &key_file(&f, "omar")]).exits(0).says("signs for omar");
    // mina's change, rebased onto the new policy, with omar's signature alone.
    f.git("mina", &["checkout", "-q", WORK]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("omar", WORK, Verdict::Approve);
    verify(&f, "main", WORK, &[]).exits(0);
    // By the policy before, the same signature counts for nothing.
    let old = beside(&f, "before.toml", &before);
    // A gate that has seen the new one refuses it for that alone.
    let state = f.dir.path().join("state").display().to_string();
    let denied = verify(&f, "main", WORK, &["--policy", &old, "--state", &state]).exits(2);
    assert!(codes(&denied).contains(&"UNSIGNED".to_owned()), "{denied:?}");
}

#[test]
fn a_rotation_is_signed_by_both_keys_and_the_old_one_ends_after_the_overlap() {
    let f = Fixture::new();
    let out = f.dir.path().join("rotate.request").display().to_string();
    let (old, new) = (key_file(&f, "dana"), key_file(&f, "dana-new"));
    let made = ["key", "rotate", "--key", &old, "--to", &new, "--overlap", "3d", "--out", &out];
    run(&f, &made).exits(0).complains("undersign key check --key");
    let said = run(&f, &["key", "accept", &out]).exits(0).says(&format!("So did {}", print_of("dana")));
    let said = said.says(&format!("▼ dana has a key more: {}", print_of("dana-new")));
    said.says(&format!("▲ the key {} of dana is revoked: retired from ", print_of("dana")))
        .says("The old key signs until ");
    land_by(&f, "rotate", "mina");
    // Both count during the overlap.
    for key in [&old, &new] {
        run(&f, &["key", "check", "--key", key]).exits(0).says("signs for dana");
    }
    f.git("dana", &["config", "gpg.format", "ssh"]);
    f.git("dana", &["config", "user.signingkey", &old]);
    let told = format!("· You sign as dana, with {}, until ", print_of("dana"));
    assert!(run(&f, &["doctor"]).out.contains(&told));
    run(&f, &["key", "list", "--person", "dana"]).exits(0).says("signs until ").says(&print_of("dana-new"));
    f.git("mina", &["checkout", "-q", WORK]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let renewed = SigningKey::find(&new, None, None).unwrap();
    f.take(Decision { key: Some(renewed), ..Decision::new("dana", WORK, Verdict::Approve) });
    verify(&f, "main", WORK, &[]).exits(0);
    // After the overlap, the policy says so itself.
    let ended = text(&f).replace(&end_of(&text(&f)), "at = 2026-01-01T00:00:00Z");
    f.write(FILE, &ended);
    land_by(&f, "over", "mina");
    run(&f, &["key", "check", "--key", &old]).exits(2).complains("retired from 2026-01-01");
    run(&f, &["doctor"]).exits(2).says("of dana does not count now: retired from 2026-01-01");
    run(&f, &["key", "check", "--key", &new]).exits(0);
}

fn end_of(text: &str) -> String {
    let at = text.find("at = 20").unwrap();
    text[at..at + "at = 2026-01-01T00:00:00Z".len()].to_owned()
}

/// Lands without the gate, where that is not what is asked.
fn land_by(f: &Fixture, message: &str, who: &str) {
    f.commit(who, message);
}

#[test]
fn a_lost_key_ends_and_what_falls_with_it_is_said() {
    let f = Fixture::new();
    let record = f.decide_at("dana", WORK, Verdict::Approve, now() - 60);
    verify(&f, "main", WORK, &[]).exits(0);
    let since = jiff::Timestamp::from_second(now() - 3600).unwrap().to_string();
    let said = run(&f, &["key", "lost", "--person", "dana", "--since", &since]).exits(0);
    let said = said.says(&format!("The key {} of dana ends as of ", print_of("dana")));
    let said = said.says("is revoked: compromised since ").says("1 record: falls: dated since then");
    let said = said.says(&record.id().to_string()[..12]).says("approve of ").says("dana has no key left that signs");
    said.says("rahim can").says("git switch -c key-dana-lost");
    assert!(text(&f).contains("reason = \"compromised\", since = ") && text(&f).contains("version = 2\n"));
    land(&f, "key-dana-lost");
    f.git("mina", &["checkout", "-q", WORK]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let denied = verify(&f, "main", WORK, &[]).exits(2);
    let codes = codes(&denied);
    assert!(codes.contains(&"UNSIGNED".to_owned()) && codes.contains(&"KEY_REVOKED".to_owned()), "{denied:?}");
    // It cannot come back by a request, nor as somebody else's.
    let (file, _) = in_another_roster(&f, "dana");
    let before = text(&f);
    untouched(&f, &before, run(&f, &["key", "accept", &file]), "was ended for dana");
}

/// A request for a key that this roster knows: made where it is not known.
fn in_another_roster(f: &Fixture, who: &str) -> (String, String) {
    let whole = text(f);
    let line = key_of(who).public_key().to_openssh().unwrap();
    f.write(FILE, &whole.replace(&line, &key_of("nobody").public_key().to_openssh().unwrap()));
    let head = f.id("HEAD");
    f.git("mina", &["commit", "-q", "-a", "-m", "Another roster"]);
    let made = request(f, who, &["--id", who]);
    f.git("mina", &["reset", "-q", "--hard", &head]);
    f.write(FILE, &whole);
    made
}

#[test]
fn a_rejection_and_what_a_gate_had_in_time_outlast_a_lost_key() {
    let f = Fixture::new();
    f.decide_at("dana", WORK, Verdict::Reject, now() - 60);
    let said = run(&f, &["key", "lost", "--person", "dana"]).exits(0);
    let said = said.says("Then one of them signs it");
    said.says("1 record: stays: a rejection stands").says("say since when, with --since");
    let f = Fixture::new();
    f.decide_at("dana", WORK, Verdict::Approve, now() - 7200);
    let since = jiff::Timestamp::from_second(now() - 3600).unwrap().to_string();
    let said = run(&f, &["key", "lost", "--person", "dana", "--since", &since]).exits(0);
    said.says("1 record: stays only where a gate had received it before ");
}

#[test]
fn the_last_who_signs_for_the_policy_learns_that_nobody_is_left() {
    let f = Fixture::new();
    let said =
        run(&f, &["key", "lost", "--person", "rahim"]).exits(0).says("policy needs 1 of role policy to sign: nobody");
    said.complains("only the operator of the gate").says_not("Then one of them signs it");
}

#[test]
fn who_lost_a_key_among_several_says_which() {
    let f = Fixture::new();
    let before = text(&f);
    let (out, _) = request(&f, "dana-two", &["--with", &key_file(&f, "dana")]);
    run(&f, &["key", "accept", &out]).exits(0).says("dana has a key more");
    f.commit("mina", "Two keys");
    let before_lost = text(&f);
    assert_ne!(before, before_lost);
    let said = run(&f, &["key", "lost", "--person", "dana"]);
    let said = said.says(&print_of("dana")).says(&print_of("dana-two"));
    untouched(&f, &before_lost, said, "say which, with --key");
    let said = run(&f, &["key", "lost", "--person", "dana", "--key", &print_of("dana-two")]).exits(0);
    said.says_not("no key left");
    untouched(&f, &text(&f), run(&f, &["key", "lost", "--person", "eve"]), "nobody has the id eve");
    untouched(&f, &text(&f), run(&f, &["key", "lost", "--person", "dana", "--key", "SHA256:x"]), "has no key SHA256:x");
}

#[test]
fn what_must_not_come_in_is_refused_with_a_sentence_and_nothing_is_written() {
    let f = Fixture::new();
    let before = text(&f);
    let (file, _) = request(&f, "omar", &[]);
    let sound = std::fs::read_to_string(&file).unwrap();
    let refuse = |name: &str, bytes: &[u8], why: &str| {
        let file = beside(&f, name, bytes);
        untouched(&f, &before, run(&f, &["key", "accept", &file]), why);
    };
    refuse("crlf", sound.replace('\n', "\r\n").as_bytes(), "line endings were changed");
    refuse("signed-off", format!("{sound}-- \nOmar\n").as_bytes(), "besides its signatures");
    refuse("other", sound.replace("\"omar\"", "\"rahim\"").as_bytes(), "a signature does not hold");
    refuse("huge", &vec![b'{'; 1 << 20], "larger than 16 KiB");
    refuse("empty", b"", "not a request for a key");
    refuse("elf", b"\x7fELF\xff\xfe", "not a request for a key");
    let odd = run(&f, &["key", "accept", "/dev/zero"]);
    assert_eq!(odd.exits(70).complains("not an ordinary file").out, "");
    untouched(
        &f,
        &before,
        run(&f, &["key", "accept", &file, "--code", "0000-0000-0000-0000"]),
        "the code does not belong",
    );
    // Keys of others, of this person, and for somebody who is known.
    let (own, code) = request(&f, "omar", &["--id", "rahim"]);
    untouched(&f, &before, run(&f, &["key", "accept", &own]), "rahim is in the roster already");
    run(&f, &["key", "accept", &own, "--code", &code, "--dry-run"]).exits(0);
    run(&f, &["key", "accept", &file, "--role", "snior", "--dry-run"]).exits(0).complains("is it a slip?");
    run(&f, &["key", "accept", &file]).exits(0).complains("has no role yet");
    let with_omar = text(&f);
    untouched(&f, &with_omar, run(&f, &["key", "accept", &file]), "enrolled already for omar");
    let (other, _) = in_another_roster(&f, "omar");
    untouched(&f, &with_omar, run(&f, &["key", "accept", &other]), "enrolled already for omar");
    // Nobody signs a request for a key that others have, or of a kind that signs nothing.
    run(&f, &["key", "enrol", "--key", &key_file(&f, "dana")])
        .exits(70)
        .complains("in the roster already, as one of dana");
    let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAwEAAQ== x";
    run(&f, &["key", "enrol", "--key", rsa]).exits(70).complains("ssh-rsa, which signs no records");
    let eve = key_file(&f, "eve");
    let named = |name: &str| run(&f, &["key", "enrol", "--key", &eve, "--name", name, "--email", "e@example.com"]);
    let said = named("Eve\u{1b}[2J").exits(70).complains("`name` has characters that do not show");
    assert!(!said.err.contains('\u{1b}'));
    run(&f, &["key", "rotate", "--key", &eve, "--to", &key_file(&f, "ev2")])
        .exits(70)
        .complains("is nobody's in the roster");
    run(&f, &["key", "rotate", "--to", &eve, "--overlap", "91d"]).exits(64);
    run(&f, &["key", "lost", "--since", "yesterday"]).exits(64);
    assert_eq!(text(&f), with_omar);
}

#[test]
fn a_request_is_good_in_one_repository_and_not_for_a_key_that_was_taken_out() {
    let f = Fixture::new();
    let (file, _) = request(&f, "omar", &[]);
    let other = Fixture::with_policy(&policy("").replace("fixture-1", "other-1"));
    let before = text(&other);
    untouched(&other, &before, run(&other, &["key", "accept", &file]), "it is for the repository fixture-1");
    run(&f, &["key", "accept", &file]).exits(0);
    f.commit("mina", "Know omar");
    let without = policy("").replacen("version = 1\n", "version = 3\n", 1);
    f.write(FILE, &without);
    f.commit("mina", "Know omar no more");
    untouched(&f, &without, run(&f, &["key", "accept", &file]), "taken out of it");
}

#[test]
fn an_edit_is_made_on_what_is_in_force_and_in_the_working_tree_alone() {
    let f = Fixture::new();
    let (file, _) = request(&f, "omar", &[]);
    f.write(FILE, &policy("").replacen("version = 1\n", "version = 4\n", 1));
    f.commit("mina", "Newer");
    let old = policy("");
    f.write(FILE, &old);
    run(&f, &["key", "accept", &file]).exits(70).complains("version 1, and version 4 is in force");
    assert_eq!(text(&f), old);
    f.write(FILE, "schema = 1\n");
    run(&f, &["key", "accept", &file]).exits(70).complains("has ").complains("No edit of it is certain");
    let elsewhere = beside(&f, "elsewhere.toml", policy(""));
    std::fs::remove_file(f.repo.join(FILE)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, f.repo.join(FILE)).unwrap();
    run(&f, &["key", "accept", &file]).exits(70).complains("not an ordinary file of the working tree");
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), policy(""));
    std::fs::remove_file(f.repo.join(FILE)).unwrap();
    run(&f, &["key", "accept", &file]).exits(70).complains("undersign init");
}

#[test]
fn several_edits_in_one_change_count_as_one_version() {
    let f = Fixture::with_policy(&format!("# Ours\n{}", policy("# The end\n")));
    for who in ["omar", "nora"] {
        let (file, _) = request(&f, who, &[]);
        run(&f, &["key", "accept", &file, "--role", "senior"]).exits(0);
    }
    let said = run(&f, &["key", "lost", "--person", "mina"]).exits(0);
    said.says("Version 2 of the policy would mean:").complains("from earlier edits");
    let text = text(&f);
    assert!(text.starts_with("# Ours\n") && text.ends_with("# The end\n") && text.contains("version = 2\n"), "{text}");
    run(&f, &["policy", "check"]).exits(0).says("5 people");
}

#[test]
fn what_a_security_key_proves_is_read_from_its_signature() {
    for (flags, said) in [(0x00, None), (0x01, Some("touch")), (0x05, Some("pin+touch")), (0x04, None)] {
        let f = Fixture::new();
        let agent = Agent::new(Token::new(KeyType::SkEcdsaP256, 33));
        agent.set(flags, 1);
        let key = format!("key::{}", agent.key().public.to_openssh());
        let out = f.dir.path().join("sk.request").display().to_string();
        let socket = [("SSH_AUTH_SOCK", agent.socket.to_str().unwrap())];
        let made = ["key", "enrol", "--name", "Omar", "--email", "omar@example.com", "--key", &key, "--out", &out];
        run_with(&f, &made, &socket).exits(0).complains("Touch the security key");
        let accepted = run(&f, &["key", "accept", &out, "--role", "senior"]).exits(0);
        match said {
            Some(level) => {
                assert!(text(&f).contains(&format!("presence = \"{level}\", application = \"ssh:undersign\"")));
                accepted.complains("software can set these flags too");
            }
            None => {
                assert!(!text(&f).contains("presence = "), "{}", text(&f));
                accepted.complains("enrolled to prove nothing");
            }
        }
        f.commit("mina", "Know omar");
        let level = said.unwrap_or("none");
        let said = run_with(&f, &["key", "check", "--key", &key], &socket).exits(0);
        said.says(&format!("signs for omar and proves presence {level}"));
    }
}

#[test]
fn a_request_verifies_with_openssh_alone() {
    let f = Fixture::new();
    let (file, _) = request(&f, "omar", &[]);
    let whole = std::fs::read_to_string(&file).unwrap();
    let (payload, signature) = whole.split_at(whole.find("-----BEGIN").unwrap());
    let signature = beside(&f, "request.sig", signature);
    let payload = std::fs::File::open(beside(&f, "request.json", payload)).unwrap();
    let status = std::process::Command::new("ssh-keygen")
        .args(["-Y", "check-novalidate", "-n", "key-request@undersign", "-s", &signature])
        .stdin(payload)
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_request_is_written_once_and_goes_to_standard_output_otherwise() {
    let f = Fixture::new();
    let key = key_file(&f, "omar");
    let own = ["key", "enrol", "--name", "Omar", "--email", "omar@example.com", "--key", &key];
    let said = run(&f, &own).exits(0);
    assert!(said.out.starts_with("{\n  \"schema\": \"undersign-key-request/v1\"") && said.out.is_ascii());
    let piped = crate::run_on(&f, &f.repo, &["key", "accept", "-", "--dry-run"], &said.out);
    piped.exits(0).says("omar joins without a role");
    let there: PathBuf = beside(&f, "there", "mine").into();
    run(&f, &[&own[..], &["--out", there.to_str().unwrap()]].concat()).exits(70).complains("cannot be written");
    assert_eq!(std::fs::read(Path::new(&there)).unwrap(), b"mine");
}

const ACME: &str = ".undersign/organization.toml";

/// Where an organization is worked on, under a policy of its own; its file has dana, rahim, and ines, whom the policy
/// does not have.
fn home() -> Fixture {
    let f = Fixture::new();
    let person = |id: &str, roles: &str| {
        let key = key_of(id).public_key().to_openssh().unwrap();
        format!("[people.{id}]\nroles = [{roles}]\nemails = [\"{id}@example.com\"]\nkeys = [\"{key}\"]\n")
    };
    let people = [person("dana", "\"senior\""), person("rahim", "\"policy\""), person("ines", "\"senior\"")].concat();
    let head =
        "# Ours\nschema = \"undersign-organization/v1\"\nversion = 1\norganization = \"acme\"\nstale = \"24h\"\n";
    f.write(ACME, &format!("{head}{people}# The end\n"));
    f.commit("rahim", "Begin");
    f
}

/// A repository that inherits from the file in the working tree of the home.
fn inheriting(home: &Fixture) -> Fixture {
    let f = Fixture::with_policy(
        "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"fixture-1\"\ninherits = \"acme\"\n\
         [refs]\nprotected = [\"refs/heads/main\"]\n\
         [people.dana]\nroles = [\"docs\"]\n\
         [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{ role = \"policy\", n = 1 }]\nsolo = true\n\
         [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n",
    );
    let place = home.repo.join(ACME).display().to_string();
    f.git("dana", &["config", "undersign.organization", &place]);
    f
}

fn organization(f: &Fixture) -> String {
    std::fs::read_to_string(f.repo.join(ACME)).unwrap()
}

#[test]
fn a_request_from_a_repository_that_inherits_is_accepted_where_its_people_are() {
    let home = home();
    let shop = inheriting(&home);
    let (before, policy) = (organization(&home), text(&home));
    let (file, _) = request(&shop, "omar", &[]);
    let (again, _) = request(&shop, "omar", &["--id", "nora"]);
    let said = run(&shop, &["key", "accept", &file, "--role", "senior"]).exits(70);
    said.complains("omar is not in it")
        .complains("of the organization acme (version 1)")
        .complains("Run this in a clone");
    assert_eq!((organization(&home), text(&home)), (before, policy.clone()));
    let said = run(&home, &["key", "accept", &file, "--role", "senior"]).exits(0);
    let said = said.says("Version 2 of the organization acme would mean:").says("▼ omar joins as senior");
    said.says(&format!("git add {ACME}\n")).says("rahim can").says("org fetch");
    let after = organization(&home);
    assert!(after.starts_with("# Ours\n") && after.ends_with("# The end\n"), "{after}");
    assert!(after.contains("version = 2\n") && after.contains("[people.omar]"), "{after}");
    assert_eq!(text(&home), policy, "the policy of the home is another file");
    // It lands like any change there: signed by somebody else, for the policy of the home.
    land(&home, "key-omar");
    run(&shop, &["key", "list", "--person", "omar"]).exits(0).says(&print_of("omar")).says("defined in");
    // The same checks as for a policy: here it is a key that somebody has.
    run(&home, &["key", "accept", &again])
        .exits(2)
        .complains("the key is that of omar")
        .complains("Nothing was written.");
}

#[test]
fn a_request_for_an_organization_is_made_in_its_home_too_and_not_taken_for_one_of_the_policy() {
    let home = home();
    let (policy, before) = (text(&home), organization(&home));
    let (file, _) = request(&home, "omar", &["--organization"]);
    let said = run(&home, &["key", "accept", &file, "--dry-run"]).exits(0).says("of the organization acme");
    said.says("Nothing was written");
    assert_eq!((text(&home), organization(&home)), (policy, before.clone()));
    // One for the policy edits that alone, and says so.
    let (file, _) = request(&home, "omar", &[]);
    let said = run(&home, &["key", "accept", &file]).exits(0).says("Version 2 of the policy would mean:");
    said.complains("key enrol --organization").says(&format!("git add {FILE}\n"));
    assert_eq!(organization(&home), before);
    let plain = Fixture::new();
    let key = key_file(&plain, "omar");
    let asked = ["key", "enrol", "--organization", "--name", "omar", "--email", "o@example.com", "--key", &key];
    run(&plain, &asked).exits(70).complains(&format!("Here is no {ACME}"));
}

#[test]
fn a_policy_and_an_organization_of_one_id_leave_it_open_which_is_meant() {
    let home = home();
    home.write(ACME, &organization(&home).replace("\"acme\"", "\"fixture-1\""));
    let before = text(&home);
    let (file, _) = request(&home, "omar", &[]);
    run(&home, &["key", "accept", &file]).exits(70).complains("have the same id, fixture-1");
    assert_eq!(text(&home), before);
}

#[test]
fn a_lost_key_ends_in_each_file_of_the_home_that_has_it() {
    let home = home();
    let said = run(&home, &["key", "lost", "--person", "dana", "--since", "2026-01-20T08:00:00Z"]).exits(0);
    said.says("Version 2 of the policy would mean:")
        .says("Version 2 of the organization acme would mean:")
        .says(&format!("git add {FILE} {ACME}"));
    for file in [text(&home), organization(&home)] {
        assert_eq!(file.matches("reason = \"compromised\"").count(), 1, "{file}");
        assert!(file.contains("version = 2\n"), "{file}");
    }
    run(&home, &["key", "lost", "--person", "dana"]).exits(2).complains("has no key that still signs");
    // Who is in one file only loses it there.
    let (policy, before) = (text(&home), organization(&home));
    run(&home, &["key", "lost", "--person", "ines"]).exits(0).says("In repositories that inherit");
    assert_eq!(text(&home), policy);
    assert_eq!(organization(&home).matches("compromised").count(), before.matches("compromised").count() + 1);
    run(&home, &["org", "check", home.repo.join(ACME).to_str().unwrap()]).exits(0);
    run(&home, &["key", "lost", "--person", "nora"]).exits(2).complains("nobody has the id nora");
}

#[test]
fn who_has_a_key_that_the_other_file_ended_is_not_enrolled_with_it() {
    let home = home();
    run(&home, &["key", "lost", "--person", "ines"]).exits(0);
    let (policy, before) = (text(&home), organization(&home));
    let (file, _) = request(&home, "ines", &[]);
    run(&home, &["key", "accept", &file]).exits(2).complains("an ended key is never enrolled again");
    assert_eq!((text(&home), organization(&home)), (policy, before));
    // With a living key in the other file, nothing is against it, if it is their own.
    let other = self::home();
    let (nora, _) = request(&other, "ines", &["--id", "nora"]);
    run(&other, &["key", "accept", &nora]).exits(2).complains("the key is that of ines");
    let (file, _) = request(&other, "ines", &[]);
    run(&other, &["key", "accept", &file, "--role", "senior"]).exits(0).says("▼ ines joins as senior");
}

#[test]
fn who_leaves_signs_nothing_more_and_keeps_what_was_signed() {
    let home = home();
    let said = run(&home, &["key", "leave", "--person", "dana"]).exits(0);
    said.says(&format!("▲ the key {} of dana is revoked: retired from ", print_of("dana")))
        .says("They stay in the roster")
        .says(&format!("git add {FILE} {ACME}"))
        .says("undersign review key-dana-leaves");
    for file in [text(&home), organization(&home)] {
        assert!(file.contains("[people.dana]") && file.matches("reason = \"retired\"").count() == 1, "{file}");
    }
    let (policy, before) = (text(&home), organization(&home));
    run(&home, &["key", "leave", "--person", "dana"]).exits(2).complains("no key that signs after that");
    run(&home, &["key", "leave", "--person", "ines", "--at", "2999-01-01T00:00:00Z"])
        .exits(2)
        .complains("more than 90 days");
    run(&home, &["key", "leave", "--person", "nora"]).exits(2).complains("nobody has the id nora");
    assert_eq!((text(&home), organization(&home)), (policy, before));
    home.git("mina", &["checkout", "-q", "-b", "leaves"]);
    home.commit("mina", "End the keys of dana");
    home.git("mina", &["checkout", "-q", "main"]);
    home.decide("rahim", "leaves", Verdict::Approve);
    verify(&home, "main", "leaves", &[]).exits(0);
    home.git("mina", &["merge", "-q", "--ff-only", "leaves"]);
    home.git("mina", &["checkout", "-q", WORK]);
    home.git("mina", &["rebase", "-q", "main"]);
    home.git("mina", &["checkout", "-q", "main"]);
    home.decide("dana", WORK, Verdict::Approve);
    let denied = verify(&home, "main", WORK, &[]).exits(2);
    assert!(codes(&denied).contains(&"KEY_REVOKED".to_owned()), "{denied:?}");
}

#[test]
fn in_a_repository_that_inherits_it_is_said_where_somebody_is_defined() {
    let home = home();
    let shop = inheriting(&home);
    let before = (text(&shop), text(&home), organization(&home));
    for command in ["lost", "leave"] {
        let said = run(&shop, &["key", command, "--person", "dana"]).exits(70);
        said.complains(&format!("dana is defined in {ACME} of the organization acme (version 1)"))
            .complains("gives people roles, and no keys")
            .complains(&home.repo.join(ACME).display().to_string());
        run(&shop, &["key", command, "--person", "nora"]).exits(70).complains("nora is not in it");
    }
    run(&shop, &["key", "list", "--person", "dana"]).exits(0).says("dana is defined in");
    assert_eq!((text(&shop), text(&home), organization(&home)), before);
}

#[test]
fn a_file_of_an_organization_that_lies_where_a_policy_inherits_is_not_edited() {
    let home = home();
    let shop = inheriting(&home);
    shop.write(ACME, &organization(&home).replace("\"acme\"", "\"other\""));
    shop.commit("mina", "Bring a file of another organization");
    let before = (text(&shop), organization(&shop), organization(&home));
    for command in ["lost", "leave"] {
        run(&shop, &["key", command, "--person", "dana"])
            .exits(70)
            .complains(&format!("dana is defined in {ACME} of the organization acme"))
            .complains(&format!("{ACME} in this working tree counts for nothing"));
    }
    assert_eq!((text(&shop), organization(&shop), organization(&home)), before);
    // Where the policy does not inherit, the file is meant.
    run(&home, &["key", "lost", "--person", "dana"]).exits(0);
    assert!(organization(&home).contains("compromised"));
}

#[test]
fn a_file_of_the_organization_that_is_in_force_and_not_here_is_not_passed_over() {
    let home = home();
    let (policy, file) = (text(&home), organization(&home));
    std::fs::remove_file(home.repo.join(ACME)).unwrap();
    for command in ["lost", "leave"] {
        let said = run(&home, &["key", command, "--person", "dana"]).exits(70);
        said.complains(&format!("{ACME} is in force and not in your working tree"));
    }
    assert_eq!(text(&home), policy);
    home.write(ACME, &file);
    run(&home, &["key", "lost", "--person", "dana"]).exits(0);
}

#[test]
fn what_must_land_alone_is_proposed_alone() {
    let home = home();
    let said = run(&home, &["key", "lost", "--person", "dana"]).exits(0);
    said.says(&format!("git add {FILE} {ACME}"));
    home.git("mina", &["checkout", "-q", "--", "."]);
    let both = text(&home);
    let at = both.find("[compartment.").unwrap();
    let rule = |name: &str, path: &str| {
        format!("[compartment.{name}]\npaths = [\"{path}\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n")
    };
    let apart = format!("{}{}{}", &both[..at], rule("organization", ACME), &both[at..]);
    home.write(FILE, &apart.replacen("version = 1", "version = 2", 1).replace(".undersign/**", FILE));
    home.commit("rahim", "Keep the two files apart");
    let said = run(&home, &["key", "lost", "--person", "dana"]).exits(0);
    said.says("Each file lands alone, so propose one after the other:")
        .says(&format!("  git switch -c key-dana-lost\n  git add {FILE}\n"))
        .says(&format!("  git switch -\n  git switch -c key-dana-lost-organization\n  git add {ACME}\n"));
}
