//! States that other versions of the program wrote: older ones are taken over, newer ones are not touched. `states/`
//! has one of each format, with the key that it was written with: `first` has no number, `second` is what this version
//! writes.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use undersign::gate_state::{Access, GateState, StateKey, log_of};

use crate::scene::*;

const FILES: [&str; 3] = ["memory.json", "states", "log.jsonl"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate/states").join(name)
}

/// A state directory as a version left it.
fn copied(name: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in FILES {
        std::fs::copy(fixture(name).join(file), dir.path().join(file)).unwrap();
    }
    dir
}

fn open(name: &str, dir: &Path) -> Result<GateState, String> {
    let key = StateKey::read(&fixture(name).join("state.key")).unwrap();
    GateState::open(dir, Access { key: Some(key), repository: "fixture-1", patience: None, lasting: false })
        .map_err(|error| error.to_string())
}

fn memory(dir: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(dir.join("memory.json")).unwrap()).unwrap()
}

fn outcomes(dir: &Path) -> Vec<String> {
    log_of(dir).unwrap().read().unwrap().entries.into_iter().map(|(entry, _)| entry.outcome).collect()
}

#[test]
fn a_state_of_an_older_format_is_taken_over_and_the_log_says_so() {
    let dir = copied("first");
    assert_eq!(memory(dir.path()).get("format"), None);
    for _ in 0..2 {
        let state = open("first", dir.path()).unwrap();
        assert!(state.is_vouched() && state.states().are_recorded && state.states().len() == 1);
        assert_eq!(outcomes(dir.path()), ["deny", "recorded", "deny", "upgraded"], "once");
    }
    assert_eq!(memory(dir.path())["format"], 2);
    let entries = log_of(dir.path()).unwrap().read().unwrap().entries;
    let note = entries.last().unwrap().0.note.clone().unwrap();
    assert!(note.starts_with("The state was of format 1; undersign ") && note.contains("writes format 2"), "{note}");
}

#[test]
fn a_backup_of_an_older_state_leaves_it_as_it_is() {
    use undersign::enforcement::{Settings, back_up, check_backup};
    let (dir, f) = (copied("first"), approved());
    let settings = Settings {
        state: Some(dir.path().to_path_buf()),
        state_key: Some(fixture("first").join("state.key")),
        ..Settings::default()
    };
    let bytes = || FILES.map(|file| std::fs::read(dir.path().join(file)).unwrap());
    let (before, to) = (bytes(), f.dir.path().join("backup"));
    back_up(&f.repo, &settings, &to, false, crate::support::now()).map(|_| ()).unwrap();
    assert!(before == bytes());
    assert!(check_backup(&f.repo, &settings, &to, crate::support::now()).is_ok_and(|backup| backup.is_vouched));
}

#[test]
fn a_state_of_an_older_format_that_the_key_does_not_vouch_for_is_not_taken_over() {
    let dir = copied("first");
    let key = StateKey::read(&fixture("second").join("state.key")).unwrap();
    GateState::open(dir.path(), Access { key: Some(key), repository: "fixture-1", patience: None, lasting: false })
        .unwrap();
    assert_eq!(memory(dir.path()).get("format"), None);
}

#[test]
fn the_state_that_this_version_writes_is_kept_here_for_those_that_follow() {
    let dir = copied("second");
    let state = open("second", dir.path()).unwrap();
    assert!(state.is_vouched() && state.states().are_recorded && state.states().len() == 1);
    assert_eq!(outcomes(dir.path()), ["deny", "recorded", "deny"]);
    let f = approved();
    allowed(Gate::of(&f).judged(WORK));
    let written = memory(&f.repo.join(".git/undersign/gate"));
    assert_eq!(
        written["format"],
        memory(dir.path())["format"],
        "a new format needs a state of it in tests/gate/states"
    );
}

#[test]
fn a_newer_state_is_refused_with_one_sentence_and_not_touched() {
    type Edit = fn(String) -> String;
    let edits: [(&str, Edit); 5] = [
        ("memory.json", |text| text.replace("\"format\":2", "\"format\":3")),
        ("memory.json", |text| text.replace("\"format\":2", "\"format\":4294967296")),
        ("memory.json", |text| text.replace("\"clock\":", "\"moons\":2,\"clock\":")),
        ("memory.json", |text| text.replace("undersign-memory/v1", "undersign-memory/v2")),
        ("states", |text| text.replace("undersign-states/v1", "undersign-states/v2")),
    ];
    for (file, edit) in edits {
        let dir = copied("second");
        let path = dir.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, edit(text.clone())).unwrap();
        assert_ne!(std::fs::read_to_string(&path).unwrap(), text);
        let bytes = || FILES.map(|file| std::fs::read(dir.path().join(file)).unwrap());
        let before = bytes();
        let why = open("second", dir.path()).map(|_| ()).unwrap_err();
        assert!(why.contains("a newer version of undersign") && why.contains("Run that version"), "{why}");
        assert_eq!(why.lines().count(), 1);
        assert!(before == bytes(), "{file}");
    }
}

#[test]
fn a_gate_that_meets_a_newer_state_lets_nothing_land() {
    let f = approved();
    allowed(Gate::of(&f).judged(WORK));
    let path = f.repo.join(".git/undersign/gate/memory.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"format\":2", "\"format\":3")).unwrap();
    undecided(Gate::of(&f).judged(WORK), "UNREADABLE");
}

#[test]
fn a_state_that_goes_on_on_another_host_says_so_in_its_log() {
    let dir = copied("second");
    let mut state = open("second", dir.path()).unwrap();
    for (at, host) in ["ops1", "ops1", "ops2", "ops2", "ops1"].into_iter().enumerate() {
        state.on_host(host, at as i64).unwrap();
    }
    drop(state);
    assert_eq!(outcomes(dir.path()), ["deny", "recorded", "deny", "moved", "moved"], "the first is not a move");
    let entries = log_of(dir.path()).unwrap().read().unwrap().entries;
    let hosts: Vec<_> = entries.iter().filter_map(|(entry, _)| entry.host.as_deref()).collect();
    assert_eq!(hosts, ["ops2", "ops1"]);
    assert!(entries[3].0.note.as_ref().unwrap().contains("on ops2 now; before, it ran on ops1."));
    assert!(open("second", dir.path()).unwrap().is_vouched());
}

#[test]
fn a_log_that_a_newer_version_went_on_with_is_not_said_to_be_damaged() {
    let dir = copied("second");
    let path = dir.path().join("log.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().next_back().unwrap().replace("\"pusher\":", "\"weather\":\"rain\",\"pusher\":");
    std::fs::write(&path, format!("{text}{line}\n")).unwrap();
    let why = log_of(dir.path()).unwrap().read().map(|_| ()).unwrap_err();
    assert!(why.contains("newer version of undersign, which says more in line 4"), "{why}");
}
