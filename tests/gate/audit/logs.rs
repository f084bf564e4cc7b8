//! What a gate's log tells about when and where something landed, and what it cannot tell: then a report of each period
//! in which it may have landed names it.

use std::collections::{BTreeMap, BTreeSet};

use undersign::audit::Query;
use undersign::audit::report::{Decision, Report};
use undersign::enforcement::Settings;
use undersign::gate_state::{Entry, EntryRef, LANDED, Log, RECORDED};

use super::worlds::{POLICY, begun, of_kind, rows, shown};
use super::year::{Change, Files, How, Mark, START, Word, Year};
use super::{asked, query, terms, version};
use crate::scene::{DAY, HOUR, MAIN, once};

pub const NINE: &str = "refs/heads/release/1.9";
pub const TEN: &str = "refs/heads/release/1.10";

/// A move of a ref, in a log: by marks, since commits have no ids yet.
#[derive(Debug, Clone)]
pub struct Moved {
    pub at: i64,
    pub name: String,
    pub old: Option<Mark>,
    pub new: Mark,
    pub outcome: &'static str,
    pub policy: Option<String>,
    pub organization: Option<String>,
    pub is_proposal: bool,
}

/// Writes a log; returns the query that reads it.
pub fn with_log(year: &Year, moves: &[Moved]) -> Query {
    let state = year.dir.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let log = Log::in_dir(&state);
    let id = |mark: Option<Mark>| mark.map_or_else(|| "0".repeat(40), |mark| year.id(mark));
    for moved in moves {
        let own = EntryRef {
            name: moved.name.clone(),
            old: if [LANDED, RECORDED].contains(&moved.outcome) { String::new() } else { id(moved.old) },
            new: id(Some(moved.new)),
            outcome: moved.outcome.to_owned(),
            reasons: Vec::new(),
            records: Vec::new(),
            why: Vec::new(),
        };
        let (prev, outcome, refs) = (String::new(), moved.outcome.to_owned(), vec![own]);
        let (pusher, proposal) = (Some("mina".to_owned()), moved.is_proposal);
        let (at, policy, enforced, cut, missing, note) = (moved.at, moved.policy.clone(), true, None, None, None);
        let entry = Entry {
            seq: 0,
            prev,
            at,
            pusher,
            outcome,
            enforced,
            policy,
            organization: moved.organization.clone(),
            refs,
            proposal,
            cut,
            missing,
            note,
            host: None,
        };
        log.append(entry).unwrap();
    }
    Query { settings: Settings { state: Some(state), ..Settings::default() }, ..query(year) }
}

/// What the gate let through, and saw to have landed.
pub fn landed(moves: &mut Vec<Moved>, at: i64, name: &str, old: Option<Mark>, new: Mark) {
    for (at, outcome) in [(at, "allow"), (at + 60, LANDED)] {
        moves.push(Moved {
            at,
            name: name.to_owned(),
            old,
            new,
            outcome,
            policy: None,
            organization: None,
            is_proposal: false,
        });
    }
}

pub fn refused(moves: &mut Vec<Moved>, at: i64, name: &str, old: Option<Mark>, new: Mark) {
    moves.push(Moved {
        at,
        name: name.to_owned(),
        old,
        new,
        outcome: "deny",
        policy: None,
        organization: None,
        is_proposal: false,
    });
}

/// The terms, also for releases.
pub fn with_releases(text: &str) -> String {
    once(text, "protected = [\"refs/heads/main\"]", "protected = [\"refs/heads/main\", \"refs/heads/release/*\"]")
}

pub fn period(query: &Query, from: i64, to: i64) -> Report {
    asked(&Query { from: Some(START + from * DAY), to: Some(START + to * DAY), ..query.clone() })
}

/// Numbers that look random, from a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn of(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Something that landed: when in truth, on which ref, and whether past the gate.
struct Truth {
    commit: Mark,
    at: i64,
    is_past_the_gate: bool,
}

/// A world: refs that are pushed to, cut from each other and pushed past the gate, with true and false dates.
struct World {
    year: Year,
    moves: Vec<Moved>,
    truths: Vec<Truth>,
    tips: BTreeMap<String, Mark>,
}

fn world(seed: u64) -> World {
    let mut dice = Dice(seed);
    let mut year = Year::new();
    let start = year.push("rahim", START, "Start", &[(POLICY, &with_releases(&terms()))]);
    let mut files: Files = year.files.clone();
    let (mut moves, mut truths, mut tips) = (Vec::new(), Vec::new(), BTreeMap::new());
    landed(&mut moves, START + HOUR, MAIN, None, start.landed);
    tips.insert(MAIN.to_owned(), start.landed);
    let mut at = START + DAY;
    for n in 0..12 {
        at += (1 + dice.of(9) as i64) * DAY;
        let name = tips.keys().nth(dice.of(tips.len() as u64) as usize).unwrap().clone();
        let old = tips[&name];
        let mut commit = |year: &mut Year, date: i64, on: Mark| {
            files.insert(format!("f{}.txt", files.len()), "x\n".to_owned());
            year.commit("mina", date, &format!("Change {n}"), &[on], &files)
        };
        match dice.of(8) {
            0 => {
                let other = [NINE, TEN, "refs/heads/release/2"][dice.of(3) as usize];
                if !tips.contains_key(other) {
                    landed(&mut moves, at, other, None, old);
                    tips.insert(other.to_owned(), old);
                }
            }
            1 | 2 => {
                let date = [at - DAY, at - 300 * DAY, at + 300 * DAY][dice.of(3) as usize];
                let new = commit(&mut year, date, old);
                if dice.of(2) == 0 {
                    refused(&mut moves, at - 3 * HOUR, &name, Some(old), new);
                    at += dice.of(20) as i64 * DAY;
                }
                truths.push(Truth { commit: new, at, is_past_the_gate: true });
                tips.insert(name, new);
            }
            3 => {
                // Both were let through at once, and did not land; then one by one they did.
                let first = commit(&mut year, at - DAY, old);
                let second = commit(&mut year, at - DAY + 1, first);
                let (name, outcome) = (name.clone(), "allow");
                moves.push(Moved {
                    at,
                    name: name.clone(),
                    old: Some(old),
                    new: second,
                    outcome,
                    policy: None,
                    organization: None,
                    is_proposal: false,
                });
                for (old, new) in [(old, first), (first, second)] {
                    at += (1 + dice.of(30) as i64) * DAY;
                    landed(&mut moves, at, &name, Some(old), new);
                    truths.push(Truth { commit: new, at, is_past_the_gate: false });
                }
                tips.insert(name, second);
            }
            _ => {
                let new = commit(&mut year, at - DAY, old);
                landed(&mut moves, at, &name, Some(old), new);
                truths.push(Truth { commit: new, at, is_past_the_gate: false });
                tips.insert(name, new);
            }
        }
    }
    year.tip = Some(tips[MAIN]);
    year.told();
    tips.iter().filter(|(name, _)| *name != MAIN).for_each(|(name, tip)| shown(&year, name, &year.id(*tip)));
    World { year, moves, truths, tips }
}

/// More worlds with `UNDERSIGN_STRESS=1`.
pub fn seeds() -> std::ops::Range<u64> {
    0..if std::env::var_os("UNDERSIGN_STRESS").is_some() { 2_000 } else { 20 }
}

#[test]
fn a_report_of_any_period_names_all_that_landed_in_it_and_all_that_landed_past_the_gate() {
    for seed in seeds() {
        let World { year, moves, truths, tips } = world(seed);
        let query = with_log(&year, &moves);
        let whole = asked(&query);
        // Each in one row of a ref: a ref that began with what came past the gate on another has it, too.
        let of: Vec<_> = whole.landings.iter().map(|one| (one.name.as_str(), &*one.to)).collect();
        assert_eq!(of.iter().collect::<BTreeSet<_>>().len(), of.len(), "seed {seed}: {of:?}");
        let rows: BTreeSet<&str> = of.iter().map(|(_, to)| *to).collect();
        assert_eq!(rows.len(), truths.len() + 1, "seed {seed}: {of:?} {:?}", tips.keys());
        for from in (0..400).step_by(20) {
            let report = period(&query, from, from + 20);
            let is_within = |truth: &&Truth| (START + from * DAY..=START + (from + 20) * DAY).contains(&truth.at);
            for truth in truths.iter().filter(is_within) {
                let commit = year.id(truth.commit);
                let row = report.landings.iter().find(|one| one.to == commit);
                assert!(row.is_some(), "seed {seed}, from {from}: {commit} is missing");
                let told = ["refused", "no-verdict"].iter().any(|kind| of_kind(&report, kind).contains(&commit));
                assert_eq!(told, truth.is_past_the_gate, "seed {seed}, from {from}: {commit} {row:?}");
            }
        }
    }
}

/// A release with three changes, approved for it; and another that is cut from it later.
fn releases() -> (Year, Vec<Change>, Vec<Moved>) {
    let mut year = Year::new();
    let start = year.push("rahim", START, "Start", &[(POLICY, &with_releases(&terms()))]);
    let mut moves = Vec::new();
    landed(&mut moves, START, MAIN, None, start.landed);
    landed(&mut moves, START + DAY, NINE, None, start.landed);
    let mut changes = Vec::new();
    for n in 0..3 {
        let at = START + (5 + 3 * n) * DAY;
        let (old, path) = (year.tip, year.path());
        let change = year.land("mina", at, "Fix", &[(&path, "x\n")], How::Squash);
        landed(&mut moves, at, NINE, old, change.landed);
        changes.push(change);
    }
    landed(&mut moves, START + 40 * DAY, TEN, None, changes[2].landed);
    year.told();
    for change in &changes {
        year.sign(change, Word { target: NINE, ..Word::new("dana", change.head_at + HOUR) });
    }
    year.signed();
    let (tip, first) = (year.id(changes[2].landed), year.id(start.landed));
    shown(&year, MAIN, &first);
    shown(&year, NINE, &tip);
    (year, changes, moves)
}

#[test]
fn a_branch_that_is_cut_from_another_takes_nothing_of_it() {
    let (year, _, moves) = releases();
    for query in [query(&year), with_log(&year, &moves)] {
        let before = period(&query, 2, 30);
        assert_eq!(rows(&before), [("Fix", Decision::Approved); 3]);
        shown(&year, TEN, &before.landings[2].to);
        let of = |report: &Report| {
            let landing =
                |one: &undersign::audit::report::Landing| (one.name.to_string(), one.to.clone(), one.decision);
            report.landings.iter().map(landing).collect::<Vec<_>>()
        };
        assert_eq!(of(&period(&query, 2, 30)), of(&before));
        assert!(period(&query, 31, 60).landings.is_empty());
        let asked_for = asked(&Query { refs: vec![TEN.to_owned()], ..query.clone() });
        assert!(asked_for.landings.is_empty());
        let notes: Vec<&str> = asked_for.inputs.notes.iter().map(|note| note.as_str()).collect();
        assert!(notes[0].contains(&format!("What {TEN} shares with {NINE}")), "{notes:?}");
        let removed =
            std::process::Command::new("git").current_dir(year.repo()).args(["update-ref", "-d", TEN]).status();
        assert!(removed.unwrap().success());
    }
}

#[test]
fn what_the_log_saw_land_on_a_protected_ref_that_was_deleted_is_told() {
    let (year, changes, moves) = releases();
    let query = with_log(&year, &moves);
    let removed = std::process::Command::new("git").current_dir(year.repo()).args(["update-ref", "-d", NINE]).status();
    assert!(removed.unwrap().success());
    let expected: Vec<String> = changes.iter().map(|change| year.id(change.landed)).collect();
    let mut told = of_kind(&period(&query, 2, 30), "rewritten");
    told.sort();
    assert_eq!(told, {
        let mut all = expected;
        all.sort();
        all
    });
}

#[test]
fn a_push_that_changes_the_policy_and_more_is_judged_by_the_policy_before_it() {
    for has_policy in [false, true] {
        let mut year = begun();
        let (start, before) = (year.tip, terms());
        let after = version(&before, 2);
        let policy = year.push("rahim", START + 5 * DAY, "Another policy", &[(POLICY, &after)]);
        let change = year.push("mina", START + 5 * DAY + 1, "Change", &[("a.txt", "a\n")]);
        year.told();
        year.approve(&policy, "dana");
        year.approve(&change, "dana");
        year.signed();
        let at = START + 6 * DAY;
        let digest = undersign::change::digest::Digest::of(before.as_bytes()).to_string();
        let (name, new, outcome) = (MAIN.to_owned(), change.landed, "allow");
        let policy = has_policy.then_some(digest);
        let query = with_log(
            &year,
            &[Moved { at, name, old: start, new, outcome, policy, organization: None, is_proposal: false }],
        );
        let versions: Vec<_> = asked(&query).landings.iter().filter_map(|one| Some(one.policy.clone()?.0)).collect();
        assert_eq!(versions, [1, 1], "both by the policy before the push");
    }
}

#[test]
fn the_review_of_an_emergency_is_owed_by_the_policy_under_which_it_landed() {
    let mut year = begun();
    let change = year.land("mina", START + 3 * DAY, "Now", &[("core/a.txt", "a\n")], How::Merge);
    // The policy knows no emergencies any more.
    let text = terms();
    let end = text.find("[compartment.core]").unwrap();
    let without = format!("{}{}", &text[..text.find("[break_glass]").unwrap()], &text[end..]);
    let policy = year.push("rahim", START + 9 * DAY, "No more", &[(POLICY, &version(&without, 2))]);
    year.told();
    let glass = undersign::decision::Verdict::BreakGlass;
    year.sign(&change, Word { verdict: glass, ..Word::new("dana", change.at - HOUR) });
    year.approve(&policy, "dana");
    year.signed();
    let report = asked(&query(&year));
    assert_eq!(of_kind(&report, "review-owed"), [year.id(change.landed)], "{:?}", rows(&report));
}

#[test]
fn a_log_without_lines_is_told_and_a_short_name_is_refused() {
    let mut year = begun();
    year.told();
    let query = with_log(&year, &[]);
    assert_eq!(of_kind(&asked(&query), "log-gap").len(), 1);
    let short = Query { refs: vec!["HEAD".to_owned()], ..query };
    let why = undersign::audit::report(&short, &|_, _, _| {}).unwrap_err();
    assert!(why.contains("refs/heads/main"), "{why}");
}
