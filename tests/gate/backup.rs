//! Backups of a gate's state: whatever is backed up and restored, nothing lands because of it.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use undersign::decision::Verdict;
use undersign::enforcement::{self, Accepted, Backup, Settings};

use crate::scene::*;
use crate::support::{Fixture, now};

fn state(f: &Fixture) -> PathBuf {
    f.repo.join(".git/undersign/gate")
}

fn own_key(f: &Fixture) -> PathBuf {
    f.repo.join(".git/undersign/state.key")
}

fn back_up(f: &Fixture, name: &str, with_key: bool) -> PathBuf {
    let file = f.dir.path().join(name);
    enforcement::back_up(&f.repo, &Settings::default(), &file, with_key, now()).map(|_| ()).unwrap();
    file
}

fn restore(f: &Fixture, file: &Path, with_key: bool) -> Result<Backup, String> {
    enforcement::restore(&f.repo, &Settings::default(), file, with_key, now())
}

fn checked(f: &Fixture, file: &Path) -> Result<Backup, String> {
    enforcement::check_backup(&f.repo, &Settings::default(), file, now())
}

fn accept(f: &Fixture) -> Result<String, String> {
    enforcement::accept(&f.repo, &Settings::default(), &Accepted::Restored, "the disk died", now())
}

/// A gate that let something through: main stands at it.
fn at_work() -> Fixture {
    let f = approved();
    record(&f);
    allowed(Gate::of(&f).judged(WORK));
    f.git("rahim", &["update-ref", MAIN, WORK]);
    propose(&f, "mina", "next", &[("next.txt", "x\n")]);
    f
}

fn log(f: &Fixture) -> String {
    std::fs::read_to_string(state(f).join("log.jsonl")).unwrap()
}

/// What is in a state directory, but for its lock.
fn files_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !path.ends_with("lock"));
    let mut files: Vec<_> = entries.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

/// The error of a restore that changed nothing.
fn refused(f: &Fixture, file: &Path, why: &str) {
    std::fs::create_dir_all(state(f)).unwrap();
    let before = files_of(&state(f));
    let told = restore(f, file, false).map(|_| ()).unwrap_err();
    assert!(told.contains(why), "{why}: {told}");
    assert!(before == files_of(&state(f)), "{told}");
}

#[test]
fn a_backup_holds_what_the_gate_knows_and_nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let f = at_work();
    let file = back_up(&f, "backup", false);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let backup = checked(&f, &file).unwrap();
    assert!(backup.is_vouched && !backup.has_key && backup.checked.states == 1 && backup.checked.chains == 1);
    assert_eq!((backup.line, backup.checked.lines, backup.checked.policy), (2, 2, Some(1)));
    let key = std::fs::read_to_string(own_key(&f)).unwrap();
    assert!(!std::fs::read_to_string(&file).unwrap().contains(key.trim()), "the key is not in it");
    assert!(std::fs::read_to_string(back_up(&f, "whole", true)).unwrap().contains(key.trim()));
    // The copy changed nothing.
    f.decide("dana", "next", Verdict::Approve);
    allowed(Gate::of(&f).judged("next"));
}

#[test]
fn after_a_restore_nothing_lands_until_the_operator_answers_for_what_may_be_missing() {
    let f = at_work();
    f.decide("dana", "next", Verdict::Approve);
    denied(Gate::of(&f).push(&[(MAIN, &f.id("main"), &f.id("main~1"))]), "REWRITE");
    let file = back_up(&f, "backup", false);
    std::fs::remove_dir_all(state(&f)).unwrap();
    restore(&f, &file, false).unwrap();
    undecided(Gate::of(&f).judged("next"), "RESTORED");
    undecided(Gate::of(&f).judged("next"), "RESTORED");
    // Records still come in: without them nobody could put right what is missing.
    let chain = chain_of(&f, "dana");
    let tip = f.id(&chain);
    f.git("dana", &["update-ref", &chain, &format!("{tip}~1")]);
    allowed(Gate::of(&f).push(&[(&chain, &f.id(&chain), &tip)]));
    f.git("dana", &["update-ref", &chain, &tip]);
    let said = accept(&f).unwrap();
    assert!(said.starts_with("The gate goes on with what the backup of "), "{said}");
    allowed(Gate::of(&f).judged("next"));
    assert!(log(&f).contains("\"outcome\":\"restored\"") && log(&f).contains("the disk died"));
    assert!(accept(&f).unwrap_err().contains("from no backup"));
}

#[test]
fn an_older_backup_does_not_take_the_place_of_a_newer_state() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    f.decide("dana", "next", Verdict::Approve);
    allowed(Gate::of(&f).judged("next"));
    refused(&f, &file, "the backup only to line 2: the gate would forget");
    allowed(Gate::of(&f).judged("next"));
    // Nor where its log is gone, which the memory knows.
    std::fs::remove_file(state(&f).join("log.jsonl")).unwrap();
    refused(&f, &file, "the gate would forget");
    // Where nothing can be told of it, the operator sets it aside.
    std::fs::write(state(&f).join("memory.json"), "{").unwrap();
    refused(&f, &file, "set the directory aside");
}

#[test]
fn a_state_that_went_another_way_is_not_replaced() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    std::fs::rename(state(&f), f.dir.path().join("aside")).unwrap();
    denied(Gate::of(&f).judged("next"), "UNSIGNED");
    refused(&f, &file, "they are of different gates, or went different ways");
}

#[test]
fn what_is_damaged_is_replaced_by_a_backup_that_has_all_of_its_log() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    std::fs::remove_file(state(&f).join("states")).unwrap();
    undecided(Gate::of(&f).judged("next"), "NOT_A_STATE");
    let file_of_now = f.dir.path().join("now");
    let said = enforcement::back_up(&f.repo, &Settings::default(), &file_of_now, false, now()).map(|_| ()).unwrap_err();
    assert!(said.contains("are gone"), "{said}");
    restore(&f, &file, false).unwrap();
    undecided(Gate::of(&f).judged("next"), "RESTORED");
    accept(&f).unwrap();
    denied(Gate::of(&f).judged("next"), "UNSIGNED");
}

#[test]
fn a_lost_key_is_taken_from_a_backup_only_if_it_is_in_it_and_the_operator_asks_for_it() {
    let f = at_work();
    let (without, with) = (back_up(&f, "without", false), back_up(&f, "with", true));
    std::fs::remove_dir_all(state(&f)).unwrap();
    let key = std::fs::read_to_string(own_key(&f)).unwrap();
    std::fs::remove_file(own_key(&f)).unwrap();
    refused(&f, &without, "is gone, and nothing else can say");
    refused(&f, &with, "--with-key");
    assert!(restore(&f, &without, true).map(|_| ()).unwrap_err().contains("does not have the gate's key"));
    restore(&f, &with, true).unwrap();
    assert!(!state(&f).join("state.key").exists(), "never beside what it authenticates");
    assert_eq!(std::fs::read_to_string(own_key(&f)).unwrap(), key);
    accept(&f).unwrap();
    denied(Gate::of(&f).judged("next"), "UNSIGNED");
}

#[test]
fn a_backup_of_another_gate_is_not_restored() {
    let (f, other) = (at_work(), at_work());
    let file = back_up(&other, "backup", false);
    std::fs::remove_dir_all(state(&f)).unwrap();
    refused(&f, &file, "does not vouch for the backup");
    land_policy(&f, &crate::support::policy("").replace("fixture-1", "fixture-2"));
    refused(&f, &file, "is of the gate of fixture-1, and the policy here is of fixture-2");
}

/// The backup with another list, and with the tag of whoever has the key.
fn with_list(f: &Fixture, file: &Path, edit: impl FnOnce(String) -> String) -> PathBuf {
    use undersign::gate_state::StateKey;
    let bytes = std::fs::read(file).unwrap();
    let first = bytes.iter().position(|&b| b == b'\n').unwrap();
    let second = first + 1 + bytes[first + 1..].iter().position(|&b| b == b'\n').unwrap();
    let line = edit(String::from_utf8(bytes[..first].to_vec()).unwrap());
    let tag = StateKey::read(&own_key(f)).unwrap().tag("backup of fixture-1", &[line.as_bytes()]);
    let path = f.dir.path().join("edited");
    std::fs::write(&path, [format!("{line}\ntag {tag}").as_bytes(), &bytes[second..]].concat()).unwrap();
    path
}

#[test]
fn a_list_of_hostile_names_and_sizes_is_no_backup_even_with_the_right_tag() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    checked(&f, &with_list(&f, &file, |line| line)).unwrap();
    type Edit = fn(String) -> String;
    let edits: [(Edit, &str); 9] = [
        (|line| line.replace("\"states\"", "\"../../hooks/pre-receive\""), "not a file of a gate's state"),
        (|line| line.replace("\"states\"", "\"/etc/passwd\""), "not a file of a gate's state"),
        (|line| line.replace("\"states\"", "\"log-7.jsonl\""), "not a file of a gate's state"),
        (|line| line.replace("\"states\"", "\"log-+00000000007.jsonl\""), "not a file of a gate's state"),
        (|line| line.replace("\"states\"", "\"\\u001b[31m\""), "not a file of a gate's state"),
        (|line| line.replace("\"states\"", "\"log.jsonl\""), "lists a file twice"),
        (|line| line.replace("\"size\":", "\"size\":99999999999"), "or is too large"),
        (|line| line.replace("\"made\":", "\"more\":1,\"made\":"), "unknown field"),
        (|line| line.replace("backup/v1", "backup/v2"), "not one that this version of undersign knows"),
    ];
    for (edit, why) in edits {
        let told = checked(&f, &with_list(&f, &file, edit)).map(|_| ()).unwrap_err();
        assert!(told.contains(why) && !told.contains('\u{1b}'), "{why}: {told}");
    }
    let digest = with_list(&f, &file, |line| line.replace("\"sha256\":\"", "\"sha256\":\"0"));
    assert!(checked(&f, &digest).map(|_| ()).unwrap_err().contains("is not what its list says"));
    assert!(checked(&f, f.dir.path()).map(|_| ()).unwrap_err().contains("not a regular file"));
}

#[test]
fn a_backup_with_any_byte_changed_added_or_taken_away_does_not_hold() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    let (bytes, changed) = (std::fs::read(&file).unwrap(), f.dir.path().join("changed"));
    let holds = |bytes: &[u8]| {
        std::fs::write(&changed, bytes).unwrap();
        checked(&f, &changed).is_ok_and(|backup| backup.is_vouched)
    };
    assert!(holds(&bytes));
    // All of the list, and some of the rest.
    let list = bytes.iter().position(|&b| b == b'\n').unwrap();
    for at in (0..list + 80).chain((list + 80..bytes.len()).step_by(97)) {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert!(!holds(&other), "byte {at}");
    }
    for end in (0..bytes.len()).step_by(131) {
        assert!(!holds(&bytes[..end]), "the first {end} bytes");
    }
    assert!(!holds(&[&bytes[..], b"\n"].concat()));
}

#[test]
fn a_gate_at_work_writes_nothing_to_a_state_that_was_put_in_the_place_of_its_own() {
    use undersign::gate_state::{Access, Entry, GateState, StateKey};
    let f = at_work();
    let file = back_up(&f, "backup", false);
    let access = Access {
        key: Some(StateKey::read(&own_key(&f)).unwrap()),
        repository: "fixture-1",
        patience: None,
        lasting: false,
    };
    let mut in_flight = GateState::open(&state(&f), access).unwrap();
    let aside = f.dir.path().join("aside");
    std::fs::rename(state(&f), &aside).unwrap();
    restore(&f, &file, false).unwrap();
    let before = (files_of(&state(&f)), files_of(&aside));
    type Act = fn(&mut GateState) -> Result<(), String>;
    let acts: [Act; 5] = [
        |gate| gate.enter_and_keep(Entry::noted("allow", 1, String::new())).map(|_| ()),
        |gate| gate.tick(i64::MAX / 2),
        |gate| gate.stand([]),
        |gate| gate.record([("1".repeat(40).parse().unwrap(), MAIN.to_owned())]).map(|_| ()),
        |gate| gate.snapshot(None).map(|_| ()),
    ];
    for act in acts {
        let told = act(&mut in_flight).unwrap_err();
        assert!(told.contains("was moved or replaced while it was in use"), "{told}");
    }
    assert!(in_flight.check_place().is_err());
    drop(in_flight);
    assert!((files_of(&state(&f)), files_of(&aside)) == before);
    undecided(Gate::of(&f).judged("next"), "RESTORED");
}

#[test]
fn twin_a_gate_whose_state_stays_in_its_place_writes_to_it() {
    let f = at_work();
    let before = files_of(&state(&f));
    denied(Gate::of(&f).judged("next"), "UNSIGNED");
    assert!(files_of(&state(&f)) != before);
}

/// A gate of which the log cannot have another line, while an operator acts.
fn unlogged(f: &Fixture, what: &Accepted) {
    let memory = std::fs::read(state(f).join("memory.json")).unwrap();
    let whole = log(f);
    let at = whole.trim_end().rfind("\"at\":1").unwrap();
    let altered = format!("{}2{}", &whole[..at + 5], &whole[at + 6..]);
    std::fs::write(state(f).join("log.jsonl"), altered).unwrap();
    let told = enforcement::accept(&f.repo, &Settings::default(), what, "by mistake", now()).unwrap_err();
    assert!(told.contains("Nothing was accepted."), "{told}");
    assert!(std::fs::read(state(f).join("memory.json")).unwrap() == memory, "{what:?}");
    std::fs::write(state(f).join("log.jsonl"), whole).unwrap();
}

#[test]
fn what_an_operator_answers_takes_no_effect_if_the_log_cannot_have_it() {
    let f = at_work();
    f.decide("dana", "next", Verdict::Approve);
    denied(Gate::of(&f).push(&[(MAIN, &f.id("main"), &f.id("main~1"))]), "REWRITE");
    let file = back_up(&f, "backup", false);
    std::fs::remove_dir_all(state(&f)).unwrap();
    restore(&f, &file, false).unwrap();
    let chain = chain_of(&f, "dana");
    let chain = chain.rsplit("decisions/").next().unwrap().parse().unwrap();
    for what in [Accepted::Restored, Accepted::Clock, Accepted::Loss(chain)] {
        unlogged(&f, &what);
    }
    undecided(Gate::of(&f).judged("next"), "RESTORED");
    accept(&f).unwrap();
    allowed(Gate::of(&f).judged("next"));
}

#[test]
fn the_line_of_what_an_operator_did_is_missed_if_it_is_cut_off() {
    use undersign::gate_state::log_of;
    let f = at_work();
    let file = back_up(&f, "backup", false);
    std::fs::remove_dir_all(state(&f)).unwrap();
    restore(&f, &file, false).unwrap();
    let acts: [fn(&Fixture); 3] = [
        |f| _ = accept(f).unwrap(),
        |f| _ = enforcement::accept(&f.repo, &Settings::default(), &Accepted::Clock, "NTP", now()).unwrap(),
        |f| {
            f.git("rahim", &["update-ref", MAIN, "main~1"]);
            enforcement::record(&f.repo, &Settings::default(), &[MAIN.to_owned()], &[], now()).unwrap();
        },
    ];
    for act in acts {
        act(&f);
        let whole = log(&f);
        let cut = whole[..whole.trim_end().rfind('\n').unwrap()].to_owned() + "\n";
        std::fs::write(state(&f).join("log.jsonl"), cut).unwrap();
        let lines = whole.lines().count() as u64;
        assert_eq!(log_of(&state(&f)).unwrap().read().unwrap().missing, [(lines, lines)]);
        std::fs::write(state(&f).join("log.jsonl"), whole).unwrap();
        assert_eq!(log_of(&state(&f)).unwrap().read().unwrap().missing, []);
    }
}

#[test]
fn a_ref_that_was_taken_back_is_recorded_only_by_its_name_and_the_log_says_from_where() {
    let f = at_work();
    denied(Gate::of(&f).judged("next"), "UNSIGNED");
    let (from, to) = (f.id("main"), f.id("main~1"));
    f.git("rahim", &["update-ref", MAIN, &to]);
    f.git("rahim", &["checkout", "-q", "-f", "main"]);
    propose(&f, "mina", "again", &[("again.txt", "x\n")]);
    f.decide("dana", "again", Verdict::Approve);
    undecided(Gate::of(&f).judged("again"), "REWRITE");
    let before = log(&f);
    let recorded = enforcement::record(&f.repo, &Settings::default(), &[], &[], now()).unwrap();
    assert_eq!((recorded.tips.len(), recorded.back.len()), (0, 1));
    assert_eq!(recorded.back[0].0, MAIN);
    assert_eq!(log(&f), before);
    undecided(Gate::of(&f).judged("again"), "REWRITE");
    enforcement::record(&f.repo, &Settings::default(), &[MAIN.to_owned()], &[], now()).unwrap();
    let last: serde_json::Value = serde_json::from_str(log(&f).lines().last().unwrap()).unwrap();
    assert_eq!(last["outcome"], "recorded");
    assert_eq!((&last["refs"][0]["old"], &last["refs"][0]["new"]), (&from.into(), &to.into()));
    allowed(Gate::of(&f).judged("again"));
}

#[test]
fn a_backup_that_does_not_hold_leaves_the_last_good_one_in_its_place() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    let good = std::fs::read(&file).unwrap();
    let again = || enforcement::back_up(&f.repo, &Settings::default(), &file, false, now()).map(|_| ());
    let whole = log(&f);
    std::fs::write(state(&f).join("log.jsonl"), whole.replacen("\"at\":1", "\"at\":2", 1)).unwrap();
    let told = again().unwrap_err();
    assert!(told.contains("is as it was") && told.contains("line 2 does not follow"), "{told}");
    assert!(std::fs::read(&file).unwrap() == good);
    assert_eq!(
        std::fs::read_dir(f.dir.path())
            .unwrap()
            .flatten()
            .filter(|one| one.path().extension().is_some_and(|ext| ext == "new"))
            .count(),
        0
    );
    // A copy that somebody left beside the log is no part of it.
    std::fs::write(state(&f).join("log.jsonl"), &whole).unwrap();
    std::fs::write(state(&f).join("log-1.jsonl"), &whole).unwrap();
    again().unwrap();
    checked(&f, &file).unwrap();
}

#[test]
fn a_backup_takes_the_place_of_nothing_but_a_backup() {
    let f = at_work();
    let key = std::fs::read(own_key(&f)).unwrap();
    let pipe = f.dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let config = f.repo.join(".git/config");
    let dir = f.dir.path().to_path_buf();
    for to in [own_key(&f), state(&f).join("memory.json"), state(&f).join("new"), pipe, dir, config.clone()] {
        let told = enforcement::back_up(&f.repo, &Settings::default(), &to, false, now()).map(|_| ()).unwrap_err();
        assert!(told.contains("Name another file"), "{told}");
    }
    assert!(std::fs::read(own_key(&f)).unwrap() == key);
    assert!(std::fs::read_to_string(config).unwrap().contains("[core]"));
    // Of one that is there, or of a file that somebody made for it.
    let to = f.dir.path().join("empty");
    std::fs::write(&to, "").unwrap();
    for _ in 0..2 {
        enforcement::back_up(&f.repo, &Settings::default(), &to, false, now()).map(|_| ()).unwrap();
    }
}

#[test]
fn a_backup_whose_tag_was_taken_off_is_neither_restored_nor_said_to_hold() {
    let f = at_work();
    let file = back_up(&f, "backup", true);
    let text = String::from_utf8(std::fs::read(&file).unwrap()).unwrap();
    let (tag, _) = text[text.find("\ntag ").unwrap() + 5..].split_once('\n').unwrap();
    let bare = f.dir.path().join("bare");
    std::fs::write(&bare, text.replacen(tag, "none", 1)).unwrap();
    assert!(checked(&f, &bare).map(|_| ()).unwrap_err().contains("without the gate's key"));
    std::fs::remove_dir_all(state(&f)).unwrap();
    refused(&f, &bare, "without the gate's key");
    std::fs::remove_file(own_key(&f)).unwrap();
    refused(&f, &bare, "is gone, and nothing else can say");
    assert!(restore(&f, &bare, true).map(|_| ()).unwrap_err().contains("without the gate's key"));
}

#[test]
fn a_state_of_a_newer_format_is_not_replaced_by_a_backup() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    forge_memory(&state(&f), |memory| memory["format"] = 1_000.into());
    refused(&f, &file, "was written by a newer version");
    std::fs::write(state(&f).join("memory.json"), "{").unwrap();
    refused(&f, &file, "set the directory aside");
}

#[test]
fn what_the_place_knows_of_tips_is_kept_if_no_line_was_written_since_the_backup() {
    let f = at_work();
    let file = back_up(&f, "backup", false);
    propose(&f, "mina", "other", &[("other.txt", "x\n")]);
    edit_memory(&f, &state(&f), |memory| memory["tips"][MAIN] = f.id("other").into());
    restore(&f, &file, false).unwrap();
    accept(&f).unwrap();
    undecided(Gate::of(&f).judged("next"), "REWRITE");
}

#[test]
fn a_state_that_was_restored_again_before_anybody_answered_lacks_what_came_after_the_first_backup() {
    let f = at_work();
    let made = |file: &Path| enforcement::restore(&f.repo, &Settings::default(), file, false, now()).unwrap().made;
    let first = f.dir.path().join("first");
    enforcement::back_up(&f.repo, &Settings::default(), &first, false, 1_000).map(|_| ()).unwrap();
    std::fs::remove_dir_all(state(&f)).unwrap();
    assert_eq!(made(&first), 1_000);
    let second = back_up(&f, "second", false);
    std::fs::remove_dir_all(state(&f)).unwrap();
    assert!(made(&second) > 1_000);
    assert!(accept(&f).unwrap().contains("1970-01-01T00:16:40Z"));
}

/// What happens to a repository and its gate.
#[derive(Debug, Clone, Copy)]
enum Step {
    Push { signed: bool },
    Rewind,
    LoseRecords,
    BackUp,
    Restore { which: usize, lost: bool },
    Answer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => any::<bool>().prop_map(|signed| Step::Push { signed }),
        1 => Just(Step::Rewind),
        1 => Just(Step::LoseRecords),
        3 => Just(Step::BackUp),
        3 => (0..4_usize, any::<bool>()).prop_map(|(which, lost)| Step::Restore { which, lost }),
        1 => Just(Step::Answer),
    ]
}

/// A world with two gates: one whose state is backed up, lost and restored, and one that never lost anything.
struct World {
    f: Fixture,
    kept: PathBuf,
    backups: Vec<PathBuf>,
    is_restored: bool,
    was_restored: bool,
    was_answered: bool,
    is_tampered: bool,
    n: usize,
}

impl World {
    fn new() -> World {
        let f = approved();
        let kept = f.dir.path().join("kept");
        record(&f);
        let settings = Settings { state: Some(kept.clone()), ..Settings::default() };
        enforcement::record(&f.repo, &settings, &[], &[], now()).unwrap();
        f.decide("rahim", WORK, Verdict::Approve);
        World {
            f,
            kept,
            backups: Vec::new(),
            is_restored: false,
            was_restored: false,
            was_answered: false,
            is_tampered: false,
            n: 0,
        }
    }

    fn step(&mut self, step: Step) {
        let f = &self.f;
        self.n += 1;
        match step {
            Step::Push { signed } => self.push(signed),
            Step::Rewind => {
                if f.git("mina", &["rev-list", "--count", "--first-parent", "main"]) != "1" {
                    f.git("mina", &["update-ref", MAIN, "main~1"]);
                    self.is_tampered = true;
                }
            }
            Step::LoseRecords => {
                let key = f.key("rahim").public.id().to_string();
                for chain in chain_refs(f).iter().filter(|chain| chain.contains(&key)) {
                    f.git("mina", &["update-ref", "-d", chain]);
                    self.is_tampered = true;
                }
            }
            Step::BackUp => self.backups.push(back_up(f, &format!("backup-{}", self.n), false)),
            Step::Restore { which, lost } => {
                let Some(file) = self.backups.get(which).cloned() else { return };
                if lost {
                    std::fs::remove_dir_all(state(f)).unwrap();
                }
                let done = restore(f, &file, false).map(|_| ());
                assert!(done.is_ok() || !lost, "{done:?}");
                self.is_restored |= done.is_ok();
                self.was_restored |= done.is_ok();
            }
            Step::Answer => {
                assert_eq!(accept(f).is_ok(), self.is_restored);
                self.was_answered |= self.is_restored;
                self.is_restored = false;
            }
        }
    }

    fn push(&mut self, signed: bool) {
        let (f, branch) = (&self.f, format!("work-{}", self.n));
        propose(f, "mina", &branch, &[(&format!("{}.txt", self.n), "x\n")]);
        if signed {
            f.decide("dana", &branch, Verdict::Approve);
        }
        let answer = Gate::of(f).judged(&branch);
        let other = Gate::of(f).state(&self.kept).judged(&branch);
        if !self.was_restored {
            assert_eq!(answer, other, "a backup changes nothing");
        }
        if self.is_restored {
            said(answer.clone(), 4, "RESTORED");
        }
        // What the operator answered for is what somebody may have taken away behind the gate.
        if !(self.was_answered && self.is_tampered) {
            assert!(answer.0 != 0 || other.0 == 0, "{answer:?} {other:?}");
        }
        if answer.0 == 0 {
            f.git("mina", &["update-ref", MAIN, &branch]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// The promise of backups.
    #[test]
    fn no_sequence_of_pushes_backups_and_restores_lets_through_what_would_have_been_refused(
        steps in prop::collection::vec(step(), 1..12)
    ) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
    }
}
