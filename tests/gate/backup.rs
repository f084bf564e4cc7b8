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

/// The error of a restore that changed nothing.
fn refused(f: &Fixture, file: &Path, why: &str) {
    let files = || {
        let entries = std::fs::read_dir(state(f)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
        files.sort();
        files
    };
    std::fs::create_dir_all(state(f)).unwrap();
    let before = files().into_iter().filter(|(path, _)| !path.ends_with("lock")).collect::<Vec<_>>();
    let told = restore(f, file, false).map(|_| ()).unwrap_err();
    assert!(told.contains(why), "{why}: {told}");
    let after = files().into_iter().filter(|(path, _)| !path.ends_with("lock")).collect::<Vec<_>>();
    assert!(before == after, "{told}");
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
        (|line| line.replace("\"states\"", "\"../../hooks/pre-receive\""), "no file of a gate's state"),
        (|line| line.replace("\"states\"", "\"/etc/passwd\""), "no file of a gate's state"),
        (|line| line.replace("\"states\"", "\"log-7.jsonl\""), "no file of a gate's state"),
        (|line| line.replace("\"states\"", "\"log-+00000000007.jsonl\""), "no file of a gate's state"),
        (|line| line.replace("\"states\"", "\"\\u001b[31m\""), "no file of a gate's state"),
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
    assert!(checked(&f, f.dir.path()).map(|_| ()).unwrap_err().contains("no regular file"));
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
