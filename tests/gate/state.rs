//! What lies in the state directory: whoever can write there, and has not the gate's key, lets nothing through by it.
//! In `docs/threat-model.md` its rows are under State and service.

use std::path::{Path, PathBuf};

use undersign::decision::Verdict;
use undersign::gate_state::StateKey;

use crate::scene::*;
use crate::support::{Fixture, now, policy};

const TAG: &str = "refs/tags/v1";
const ZERO: &str = "0000000000000000000000000000000000000000";

fn guarded(repository: &str) -> String {
    let text = once(&policy(""), "protected = [", "protected = [\"refs/tags/v*\", ");
    once(&text, "fixture-1", repository)
}

/// A gate whose states are recorded, and a branch `evil` that nobody approved.
fn recorded() -> Fixture {
    let f = Fixture::with_policy(&guarded("fixture-1"));
    propose(&f, "mina", "evil", &[("evil.txt", "x\n")]);
    record(&f);
    f
}

/// A new tag at a branch.
fn tagged(f: &Fixture, branch: &str) -> Answer {
    Gate::of(f).push(&[(TAG, ZERO, &f.id(branch))])
}

fn state(f: &Fixture) -> PathBuf {
    f.repo.join(".git/undersign/gate")
}

fn own_key(f: &Fixture) -> PathBuf {
    f.repo.join(".git/undersign/state.key")
}

fn edit_file(path: &Path, edit: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, edit(text)).unwrap();
}

#[test]
fn a_state_that_somebody_wrote_in_is_none() {
    type Forgery = fn(String, &str) -> String;
    let forgeries: [Forgery; 5] = [
        |text, line| text + line,
        |text, line| format!("{text}{line}{}\n", text.lines().last().unwrap()),
        |text, line| text.replace("tag ", &format!("{line}tag ")),
        |text, line| format!("{}\n{line}tag {}\n", text.lines().next().unwrap(), "0".repeat(64)),
        |_, line| line.to_owned(),
    ];
    for forge in forgeries {
        let f = recorded();
        let line = format!("{} {MAIN}\n", f.id("evil"));
        edit_file(&state(&f).join("states"), |text| forge(text, &line));
        // What our key wrote before it still holds; where nothing is left of that, nothing is decided.
        let (exit, codes) = tagged(&f, "evil");
        assert!(exit != 0 && codes.contains(&"NOT_A_STATE".to_owned()), "{exit} {codes:?}");
    }
}

#[test]
fn states_that_were_recorded_and_are_gone_stop_the_gate_until_the_operator_answers_for_what_refs_show() {
    let f = recorded();
    std::fs::remove_file(state(&f).join("states")).unwrap();
    undecided(tagged(&f, "main"), "NOT_A_STATE");
    record(&f);
    allowed(tagged(&f, "main"));
}

/// A gate that saw a rejection, which somebody then deleted behind it.
fn rejection_gone() -> Fixture {
    let f = recorded();
    f.decide("rahim", "evil", Verdict::Reject);
    assert_ne!(Gate::of(&f).push(&[(MAIN, &f.id("main"), &f.id("evil"))]).0, 0);
    let chains = f.git("mina", &["for-each-ref", "--format=%(refname)", "refs/undersign/decisions"]);
    let of_rahim = chains.lines().find(|name| name.contains(&f.key("rahim").public.id().to_string())).unwrap();
    f.git("mina", &["update-ref", "-d", of_rahim]);
    f
}

#[test]
fn a_memory_that_is_gone_or_elsewhere_beside_its_states_and_log_is_not_an_empty_one() {
    type Loss = fn(&Path);
    let gone: Loss = |path| std::fs::remove_file(path).unwrap();
    let linked: Loss = |path| {
        std::fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/nowhere/memory.json", path).unwrap();
    };
    let a_fifo: Loss = |path| {
        std::fs::remove_file(path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    for lose in [gone, linked, a_fifo] {
        let f = rejection_gone();
        let path = state(&f).join("memory.json");
        lose(&path);
        let (exit, codes) = Gate::of(&f).push(&[(MAIN, &f.id("main"), &f.id("evil"))]);
        assert!(exit == 4, "{exit} {codes:?}");
        assert!(std::fs::symlink_metadata(&path).map_or(true, |meta| !meta.is_file()), "it is left as it is");
    }
    // With its memory it says what is missing, and a gate that never was there begins.
    let f = rejection_gone();
    let (exit, codes) = Gate::of(&f).push(&[(MAIN, &f.id("main"), &f.id("evil"))]);
    assert!(exit != 0 && codes.contains(&"LEDGER_ROLLBACK".to_owned()), "{codes:?}");
    std::fs::remove_dir_all(state(&f)).unwrap();
    record(&f);
    allowed(tagged(&f, "main"));
}

#[test]
fn whatever_is_left_beside_a_memory_that_is_gone_nothing_is_decided() {
    let left = ["states", "log.jsonl", "log-000000000007.jsonl"];
    for (are_recorded, kept) in [true, false].into_iter().flat_map(|own| (0..8_u8).map(move |kept| (own, kept))) {
        let f = Fixture::with_policy(&guarded("fixture-1"));
        propose(&f, "mina", "evil", &[("evil.txt", "x\n")]);
        if are_recorded {
            record(&f);
        }
        let answer = Gate::of(&f).push(&[(MAIN, &f.id("main"), &f.id("evil"))]);
        assert!(answer.0 != 0, "{answer:?}");
        std::fs::copy(state(&f).join("log.jsonl"), state(&f).join("log-000000000007.jsonl")).unwrap();
        std::fs::remove_file(state(&f).join("memory.json")).unwrap();
        let is_kept = |at: usize| kept >> at & 1 == 1;
        for (_, name) in left.iter().enumerate().filter(|(at, _)| !is_kept(*at)) {
            let _ = std::fs::remove_file(state(&f).join(name));
        }
        let is_any_left = left.iter().any(|name| state(&f).join(name).exists());
        let (exit, codes) = Gate::of(&f).push(&[(MAIN, &f.id("main"), &f.id("evil"))]);
        assert_eq!(exit == 4, is_any_left, "{are_recorded} {kept:03b}: {exit} {codes:?}");
        assert_eq!(state(&f).join("memory.json").exists(), !is_any_left, "{are_recorded} {kept:03b}");
        assert_eq!(undersign::gate_state::has_memory(&state(&f)).is_err(), is_any_left, "{are_recorded} {kept:03b}");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_blocks_no_gate() {
    let refused = ["lock", "memory.json", "states", "log.jsonl", "log-000000000007.jsonl"];
    for name in refused.into_iter().chain(["ledger.cache", "verified.cache", "commands.cache", "unlogged"]) {
        let f = recorded();
        allowed(tagged(&f, "main"));
        let path = state(&f).join(name);
        let _ = std::fs::remove_file(&path);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (exit, codes) = tagged(&f, "main");
        // What only saves time is read as if it were not there; a part of the log is not read by a push.
        let is_refused = ["lock", "memory.json", "states", "log.jsonl"].contains(&name);
        assert_eq!(exit, if is_refused { 4 } else { 0 }, "{name}: {codes:?}");
    }
}

#[test]
fn a_state_that_the_operator_recorded_is_one() {
    let f = recorded();
    f.git("mina", &["update-ref", MAIN, "evil"]);
    denied(tagged(&f, "evil"), "UNSIGNED");
    record(&f);
    allowed(tagged(&f, "evil"));
}

/// As if a push of main to where it stands had been let through, with `evil` on its way.
fn await_evil(f: &Fixture, memory: &mut serde_json::Value) {
    let (main, evil) = (f.id("main"), f.id("evil"));
    memory["waiting"] = serde_json::json!([{
        "moves": [[MAIN, main]],
        "states": [{ "ref": MAIN, "new": main, "commits": [evil, main], "records": [] }],
        "heads": {},
        "time": now(),
    }]);
}

#[test]
fn a_push_that_somebody_wrote_in_as_let_through_makes_no_states() {
    for has_tag in [true, false] {
        let f = recorded();
        forge_memory(&state(&f), |memory| {
            await_evil(&f, memory);
            if !has_tag {
                memory.as_object_mut().unwrap().remove("tag");
            }
        });
        denied(tagged(&f, "evil"), "UNSIGNED");
    }
}

#[test]
fn a_push_that_the_gate_wrote_in_as_let_through_makes_states() {
    let f = recorded();
    edit_memory(&f, &state(&f), |memory| await_evil(&f, memory));
    allowed(tagged(&f, "evil"));
}

/// What was forged is not believed for the operator's word on where refs stand.
#[test]
fn who_answers_for_a_ref_answers_for_nothing_else_that_lies_there() {
    let f = recorded();
    forge_memory(&state(&f), |memory| await_evil(&f, memory));
    record(&f);
    denied(tagged(&f, "evil"), "UNSIGNED");
}

/// dana approved, and her key turned out to be compromised since yesterday.
fn compromised() -> (Fixture, PathBuf) {
    let revoked = format!(", revoked = {{ reason = \"compromised\", since = {} }}", from_now(-DAY));
    let f = Fixture::with_policy(&with_keys(&guarded("fixture-1"), "dana", &[key_line("dana", &revoked)]));
    f.decide_at("dana", WORK, Verdict::Approve, now() - 2 * DAY);
    denied(Gate::of(&f).judged(WORK), "KEY_REVOKED");
    let state = state(&f);
    (f, state)
}

/// All records came two days ago.
fn receive_earlier(memory: &mut serde_json::Value) {
    let receipts = memory["receipts"].as_object_mut().unwrap().values_mut();
    receipts.for_each(|receipts| receipts[0]["time"] = (now() - 2 * DAY).into());
}

#[test]
fn a_receipt_that_somebody_wrote_in_makes_no_compromised_key_good() {
    let (f, state) = compromised();
    forge_memory(&state, receive_earlier);
    denied(Gate::of(&f).judged(WORK), "KEY_REVOKED");
    let (f, state) = compromised();
    forge_memory(&state, receive_earlier);
    record(&f);
    denied(Gate::of(&f).judged(WORK), "KEY_REVOKED");
    let (f, state) = compromised();
    edit_memory(&f, &state, receive_earlier);
    allowed(Gate::of(&f).judged(WORK));
}

#[test]
fn what_a_key_wrote_that_is_gone_is_not_believed_either() {
    let (f, state) = compromised();
    forge_memory(&state, receive_earlier);
    std::fs::remove_file(own_key(&f)).unwrap();
    denied(Gate::of(&f).judged(WORK), "KEY_REVOKED");
    let f = recorded();
    forge_memory(&self::state(&f), |memory| await_evil(&f, memory));
    std::fs::remove_file(own_key(&f)).unwrap();
    undecided(tagged(&f, "evil"), "NOT_A_STATE");
    record(&f);
    denied(tagged(&f, "evil"), "UNSIGNED");
}

#[test]
fn another_key_or_none_that_can_be_read_lets_nothing_through() {
    let f = recorded();
    std::fs::write(own_key(&f), "1".repeat(64)).unwrap();
    edit_file(&state(&f).join("states"), |text| text + &format!("{} {MAIN}\n", f.id("evil")));
    undecided(tagged(&f, "evil"), "NOT_A_STATE");
    std::fs::write(own_key(&f), "no key\n").unwrap();
    undecided(tagged(&f, "main"), "UNREADABLE");
}

/// An approval whose signature is broken, and what the gate digested of the ledger before, in a file of its state, says
/// that the chain is sound; `seal` vouches for that or does not.
fn digested(file: &str, seal: impl Fn(&StateKey, String) -> String) -> Answer {
    let f = approved_under(&guarded("fixture-1"));
    allowed(Gate::of(&f).judged(WORK));
    broken(&f, file, seal);
    Gate::of(&f).judged(WORK)
}

/// Breaks the signature, and has the file say that what is there now was read.
fn broken(f: &Fixture, file: &str, seal: impl Fn(&StateKey, String) -> String) {
    let chain = chain_of(f, "dana");
    let before = f.id(&chain);
    tamper(f, &chain, |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let at = text.find("\"sig\":\"").unwrap() + 30;
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &text[..at], &text[at + 1..]).into_bytes()
    });
    let key = StateKey::read(&own_key(f)).unwrap();
    edit_file(&state(f).join(file), |text| seal(&key, text.replace(&before, &f.id(&chain))));
}

fn sealed(key: &StateKey, file: &str, text: &str) -> String {
    let body = &text[..text.len() - 64];
    format!("{body}{}", key.tag(&format!("{file} of fixture-1"), &[body.as_bytes()]))
}

/// Another policy is in force from now on: what was kept for this one says nothing any more.
fn other_policy(text: &str) -> String {
    text.replacen(&format!("\"policy\":\"{}", policy_of(text)), &format!("\"policy\":\"{}", "0".repeat(64)), 1)
}

fn policy_of(text: &str) -> &str {
    text.split("\"policy\":\"").nth(1).and_then(|rest| rest.get(..64)).unwrap()
}

#[test]
fn under_another_policy_no_signature_is_verified_again_and_none_that_somebody_wrote_in_is_believed() {
    let changed = |seal: &dyn Fn(&StateKey, String) -> String| {
        let f = approved_under(&guarded("fixture-1"));
        allowed(Gate::of(&f).judged(WORK));
        edit_file(&state(&f).join("ledger.cache"), |text| {
            sealed(&StateKey::read(&own_key(&f)).unwrap(), "ledger.cache", &other_policy(&text))
        });
        broken(&f, "verified.cache", seal);
        Gate::of(&f).judged(WORK)
    };
    let answer = changed(&|_, text| text);
    assert_ne!(answer.0, 0, "{answer:?}");
    allowed(changed(&|key, text| sealed(key, "verified.cache", &text)));
}

#[test]
fn a_signature_that_somebody_wrote_in_as_valid_is_verified() {
    let answer = digested("ledger.cache", |_, text| text);
    assert_ne!(answer.0, 0, "{answer:?}");
    allowed(digested("ledger.cache", |key, text| sealed(key, "ledger.cache", &text)));
}

/// A gate of one key for two repositories; what the other one showed is fetched here, and its state copied.
fn copied_from(repository: &str) -> Answer {
    let (f, other) = (recorded(), Fixture::with_policy(&guarded(repository)));
    other.write("evil.txt", "x\n");
    other.commit("mina", "Evil");
    std::fs::copy(own_key(&f), other.dir.path().join("key")).unwrap();
    let (dir, key) = (other.dir.path().join("state"), other.dir.path().join("key"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_undersign"));
    command.arg("--repo").arg(&other.repo).args(["gate", "record", "--state"]).arg(&dir).arg("--state-key").arg(&key);
    assert_eq!(piped(&mut command, b"").0, 0);
    f.git("mina", &["fetch", "-q", other.repo.to_str().unwrap(), "main:foreign"]);
    Gate::of(&f).state(&dir).push(&[(TAG, ZERO, &f.id("foreign"))])
}

#[test]
fn what_another_repository_showed_under_the_same_key_is_no_state_here() {
    let answer = copied_from("fixture-2");
    assert_ne!(answer.0, 0, "{answer:?}");
    allowed(copied_from("fixture-1"));
}

/// Files below a folder with their contents.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![(path.clone(), std::fs::read(path).unwrap())] })
        .collect();
    found.sort();
    found
}

fn look_back(f: &Fixture) -> i32 {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_undersign"));
    let (old, new, at) = (f.id("main"), f.id(WORK), jiff::Timestamp::from_second(now()).unwrap().to_string());
    command.arg("--repo").arg(&f.repo).args(["verify", "--ref", MAIN, "--old", &old, "--new", &new]);
    command.args(["--audit", "--at", &at]);
    piped(&mut command, b"").0
}

#[test]
fn a_look_back_writes_nothing() {
    let f = approved_under(&guarded("fixture-1"));
    std::fs::create_dir_all(f.repo.join(".git/undersign")).unwrap();
    let before = files(&f.repo.join(".git/undersign"));
    assert_ne!(look_back(&f), 70);
    assert_eq!(files(&f.repo.join(".git/undersign")), before, "nothing is made where no gate was");
    allowed(Gate::of(&f).judged(WORK));
    let before = files(&state(&f));
    assert_ne!(look_back(&f), 70);
    assert_eq!(files(&state(&f)), before);
}

#[test]
fn what_killed_runs_left_behind_is_swept_and_nothing_else() {
    let f = recorded();
    let left = ["memory.tmp-4711", "ledger.tmp-1", "verified.tmp-99"];
    let others = ["memory.tmp-", "notes.tmp-x", "log.jsonl.bak"];
    left.iter().chain(&others).for_each(|name| std::fs::write(state(&f).join(name), "x").unwrap());
    denied(tagged(&f, "evil"), "UNSIGNED");
    assert!(left.iter().all(|name| !state(&f).join(name).exists()));
    assert!(others.iter().all(|name| state(&f).join(name).exists()));
}

#[test]
fn what_a_killed_restore_left_behind_is_swept() {
    let f = recorded();
    let left = state(&f).join(".restore-x1y2z3");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("memory.json"), "{}").unwrap();
    Gate::of(&f).judged(WORK);
    assert!(!left.exists());
}

#[test]
fn a_state_of_a_newer_version_is_left_as_it_is() {
    let f = recorded();
    let memory = state(&f).join("memory.json");
    edit_file(&memory, |text| text.replacen('{', "{\"of_tomorrow\":1,", 1));
    let before = std::fs::read(&memory).unwrap();
    undecided(Gate::of(&f).judged(WORK), "UNREADABLE");
    assert_eq!(std::fs::read(&memory).unwrap(), before);
}
