//! Repositories in which somebody hides what landed: each shows one way to do it, and that the report finds it.

use std::process::Command;

use undersign::audit::Query;
use undersign::audit::report::{Decision, Report};
use undersign::decision::Verdict;
use undersign::enforcement::Settings;
use undersign::gate_state::{Entry, EntryRef, Log};

use super::year::{Change, Files, How, START, Word, Year};
use super::{Found, asked, found, query, terms, version};
use crate::scene::{DAY, HOUR, MAIN, once, with_top};

pub const POLICY: &str = ".undersign/policy.toml";

/// A history that begins with a policy.
pub fn begun() -> Year {
    let mut year = Year::new();
    year.push("rahim", START, "Start", &[(POLICY, &*terms())]);
    year
}

/// Sets a ref without asking anybody.
pub fn shown(year: &Year, name: &str, commit: &str) {
    let set = Command::new("git").current_dir(year.repo()).args(["update-ref", name, commit]).status();
    assert!(set.unwrap().success());
}

/// Reverts a change, with a separate commit.
fn reverted(year: &mut Year, before: &Files, at: i64) -> Change {
    let tip = year.tip.unwrap();
    let head = year.commit("mina", at, "Revert that", &[tip], before);
    year.files = before.clone();
    year.tip = Some(head);
    Change { base: tip, head, landed: head, head_at: at, at, manifest: Default::default(), steps: 1 }
}

/// Something approved, something that nobody signed, and its revert a month later.
struct Sandwich {
    year: Year,
    start: Change,
    good: Change,
    bad: Change,
    back: Change,
}

fn sandwich() -> Sandwich {
    sandwich_below(false)
}

/// With something else on top, if that is wanted.
fn sandwich_below(is_covered: bool) -> Sandwich {
    let mut year = begun();
    let start = year.push("rahim", START + 2 * DAY, "Second", &[("b.txt", "b\n")]);
    let good = year.land("mina", START + 10 * DAY, "Good", &[("a.txt", "one\n")], How::Squash);
    let before = year.files.clone();
    let bad = year.land("mina", START + 12 * DAY, "Nobody saw this", &[("x.txt", "evil\n")], How::Squash);
    let back = reverted(&mut year, &before, START + 40 * DAY);
    if is_covered {
        year.land("mina", START + 50 * DAY, "Next", &[("n.txt", "n\n")], How::Squash);
    }
    year.told();
    year.approve(&start, "dana");
    year.approve(&good, "dana");
    year.signed();
    Sandwich { year, start, good, bad, back }
}

pub fn rows(report: &Report) -> Vec<(&str, Decision)> {
    report.landings.iter().map(|one| (one.subject.as_str(), one.decision)).collect()
}

pub fn of_kind(report: &Report, kind: &str) -> Vec<String> {
    let found: Found = found(report);
    found.into_iter().filter(|(own, _)| own == kind).map(|(_, commit)| commit).collect()
}

#[test]
fn what_was_taken_back_afterwards_is_a_row_of_its_own_beside_what_was_approved() {
    let Sandwich { year, bad, good, .. } = sandwich();
    let report = asked(&query(&year));
    let steps: Vec<usize> = report.landings.iter().map(|one| one.steps).collect();
    assert_eq!(steps, [1; 5], "{:?}", rows(&report));
    let decision = |change: &Change| {
        let commit = year.id(change.landed);
        report.landings.iter().find(|one| one.to == commit).unwrap().decision
    };
    assert_eq!((decision(&good), decision(&bad)), (Decision::Approved, Decision::Unapproved));
    assert!(of_kind(&report, "unapproved").contains(&year.id(bad.landed)));
}

#[test]
fn who_signs_afterwards_or_in_the_name_of_another_joins_nothing_and_rejects_nothing() {
    for (who, key, verdict, days) in [
        ("mina", None, Verdict::Reject, 70),
        ("rahim", None, Verdict::Approve, 70),
        ("dana", Some("mina"), Verdict::Approve, 11),
        ("rahim", Some("mina"), Verdict::Reject, 70),
    ] {
        let Sandwich { mut year, start, good, bad, back } = sandwich_below(true);
        let base = if verdict == Verdict::Reject && who == "rahim" { good.base } else { start.landed };
        let all = Change { base, head: back.landed, steps: 3, ..good.clone() };
        year.sign(&all, Word { key, verdict, ..Word::new(who, START + days * DAY) });
        year.signed();
        let report = asked(&query(&year));
        let case = format!("{who} {key:?} {verdict:?}: {:?}", rows(&report));
        assert_eq!(report.landings.len(), 6, "{case}");
        assert!(of_kind(&report, "unapproved").contains(&year.id(bad.landed)), "{case}");
        let told = |kind: &str| of_kind(&report, kind).contains(&year.id(good.landed));
        assert!(!told("withdrawn") && !told("unapproved"), "{case}: {:?}", report.exceptions);
    }
}

#[test]
fn a_gates_log_borders_each_push_and_a_refusal_stays_one_after_the_revert() {
    let Sandwich { year, start, good, bad, back } = sandwich();
    let state = year.dir.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let (zeros, id) = ("0".repeat(40), |change: &Change| year.id(change.landed));
    let first = year.id(start.base);
    for (at, old, new, outcome) in [
        (0, &zeros, &first, "allow"),
        (2, &first, &id(&start), "allow"),
        (10, &id(&start), &id(&good), "allow"),
        (12, &id(&good), &id(&bad), "deny"),
        (40, &id(&bad), &id(&back), "allow"),
    ] {
        logged(&state, START + at * DAY, outcome, old, new);
    }
    let settings = Settings { state: Some(state), ..Settings::default() };
    let report = asked(&Query { settings, ..query(&year) });
    assert_eq!(report.landings.len(), 5, "{:?}", rows(&report));
    assert_eq!(of_kind(&report, "refused"), [id(&bad)]);
}

fn logged(state: &std::path::Path, at: i64, outcome: &str, old: &str, new: &str) {
    let moved = EntryRef {
        name: MAIN.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        outcome: outcome.to_owned(),
        reasons: Vec::new(),
        records: Vec::new(),
        why: Vec::new(),
    };
    let (pusher, policy, prev) = (None, None, String::new());
    let (outcome, refs) = (outcome.to_owned(), vec![moved]);
    let (enforced, proposal, cut, missing, note) = (true, false, None, None, None);
    let entry = Entry {
        seq: 0,
        prev,
        at,
        pusher,
        outcome,
        enforced,
        policy,
        organization: None,
        refs,
        proposal,
        cut,
        missing,
        note,
        host: None,
    };
    Log::in_dir(state).append(entry).unwrap();
}

/// The landings and exceptions of a period, which must not change.
fn told(report: &Report) -> Vec<String> {
    let landings = report.landings.iter().map(|one| format!("{} {} {:?}", one.to, one.steps, one.decision));
    let exceptions = report.exceptions.iter().map(|one| format!("{} {:?}", one.kind.name(), one.commit));
    landings.chain(exceptions).collect()
}

#[test]
fn what_lands_later_takes_nothing_out_of_the_report_of_an_earlier_period() {
    // Many histories from a few numbers: who signs, how it lands, what is reverted, and false dates.
    for seed in 0..8u64 {
        let mut year = begun();
        let (mut tips, mut befores, mut signed) = (Vec::new(), Vec::new(), Vec::new());
        for n in 1..9u64 {
            let dice = (seed * 7 + n * n * 5 + n) % 11;
            let at = START + 5 * DAY * n as i64;
            let path = year.path();
            befores.push(year.files.clone());
            let change = match dice {
                0 | 1 if n > 1 => {
                    let before = befores[befores.len() - 2].clone();
                    reverted(&mut year, &before, at)
                }
                2 => year.land("mina", START - 900 * DAY, "Long ago", &[(&path, "x\n")], How::Squash),
                3 | 4 => year.land("mina", at, "Several", &[(&path, "x\n")], How::Series),
                _ => year.land("mina", at, "One", &[(&path, "x\n")], How::Squash),
            };
            if dice % 3 != 0 && dice > 1 {
                signed.push(change);
            }
            tips.push(year.tip.unwrap());
        }
        year.told();
        for change in signed {
            year.approve(&change, "dana");
        }
        year.signed();
        let period = Query { from: Some(START), to: Some(START + 22 * DAY), ..query(&year) };
        let mut before: Vec<String> = Vec::new();
        for tip in &tips[4..] {
            shown(&year, MAIN, &year.id(*tip));
            let report = asked(&period);
            let now = told(&report);
            let gone: Vec<_> = before.iter().filter(|one| !now.contains(one)).collect();
            assert!(gone.is_empty(), "seed {seed}: {gone:?}");
            before = now;
            // Each commit of the line is in one row of the report on the whole history.
            let whole = asked(&query(&year));
            let line = Command::new("git")
                .current_dir(year.repo())
                .args(["rev-list", "--first-parent", "--count", MAIN])
                .output()
                .unwrap();
            let count: usize = String::from_utf8(line.stdout).unwrap().trim().parse().unwrap();
            assert_eq!(whole.landings.iter().map(|one| one.steps).sum::<usize>(), count, "seed {seed}");
        }
    }
}

#[test]
fn a_policy_that_was_loosened_for_one_push_is_told_though_it_was_restored() {
    let mut year = begun();
    let text = terms();
    let second = year.land("mina", START + 3 * DAY, "Add", &[("a.txt", "one\n")], How::Squash);
    let loose = version(&with_top(&text, "self_review = true"), 2);
    let loosened = year.push("mina", START + 6 * DAY, "Loosen", &[(POLICY, &loose)]);
    year.push("mina", START + 9 * DAY, "Restore", &[(POLICY, &text)]);
    year.told();
    year.approve(&second, "dana");
    year.signed();
    let report = asked(&query(&year));
    let commit = year.id(loosened.landed);
    assert_eq!(of_kind(&report, "policy-weakened"), std::slice::from_ref(&commit));
    assert!(of_kind(&report, "unapproved").contains(&commit));
}

#[test]
fn a_chain_that_a_counted_approval_saw_and_that_is_gone_is_told() {
    let mut year = begun();
    let change = year.land("mina", START + 3 * DAY, "Add", &[("a.txt", "one\n")], How::Merge);
    year.told();
    let reject = Word { verdict: Verdict::Reject, ..Word::new("rahim", change.head_at + HOUR) };
    let rejection = year.sign(&change, reject);
    let saw = Word { seen: Some(("rahim", rejection)), ..Word::new("dana", change.head_at + 2 * HOUR) };
    year.sign(&change, saw);
    year.signed();
    let chain = year.chain("rahim");
    let told = of_kind(&asked(&query(&year)), "record-lost");
    assert!(told.is_empty(), "{told:?}");
    let gone = Command::new("git").current_dir(year.repo()).args(["update-ref", "-d", &chain]).status();
    assert!(gone.unwrap().success());
    let told = of_kind(&asked(&query(&year)), "record-lost");
    assert_eq!(told, [String::new(), year.id(change.landed)]);
}

#[test]
fn a_policy_that_is_dated_back_judges_nothing_that_landed_before_it() {
    let mut year = Year::new();
    let text = once(
        &terms(),
        "protected = [\"refs/heads/main\"]",
        "protected = [\"refs/heads/main\", \"refs/heads/release/*\"]",
    );
    let start = year.push("rahim", START, "Start", &[(POLICY, &text)]);
    let main = year.land("mina", START + 20 * DAY, "Main", &[("m.txt", "one\n")], How::Squash);
    let files = year.files.clone();
    // No longer protected, with a date before what landed on the release.
    let open = version(&once(&text, ", \"refs/heads/release/*\"", ", \"refs/heads/other\""), 2);
    year.push("mina", START + 3 * DAY, "Open", &[(POLICY, &open)]);
    let release = year.commit("mina", START + 9 * DAY, "Nobody saw this", &[start.landed], &files);
    year.told();
    year.approve(&main, "dana");
    year.signed();
    let commit = year.id(release);
    shown(&year, "refs/heads/release/1", &commit);
    let report = asked(&Query { refs: vec!["refs/heads/release/1".into()], ..query(&year) });
    assert_eq!(of_kind(&report, "unapproved"), [commit]);
    assert_eq!(of_kind(&asked(&query(&year)), "backdated").len(), 1);
}

#[test]
fn a_commit_that_is_dated_years_ago_is_in_the_report_of_the_time_of_what_it_stands_on() {
    let mut year = begun();
    let path = year.path();
    let change = year.land("mina", START + 30 * DAY, "Add", &[(&path, "one\n")], How::Squash);
    let hidden = year.land("mina", START - 900 * DAY, "Long ago", &[("x.txt", "x\n")], How::Squash);
    year.told();
    year.approve(&change, "dana");
    year.signed();
    let (from, to) = (Some(START + 20 * DAY), Some(START + 40 * DAY));
    let report = asked(&Query { from, to, ..query(&year) });
    assert_eq!(of_kind(&report, "backdated"), [year.id(hidden.landed)]);
    assert_eq!(report.landings.len(), 2);
}

#[test]
fn a_history_of_its_own_on_a_protected_ref_is_unapproved() {
    let mut year = Year::new();
    let text = once(
        &terms(),
        "protected = [\"refs/heads/main\"]",
        "protected = [\"refs/heads/main\", \"refs/heads/release/*\"]",
    );
    year.push("rahim", START, "Start", &[(POLICY, &text)]);
    let files = year.files.clone();
    let orphan = year.commit("mina", START + 9 * DAY, "All of it", &[], &files);
    year.told();
    let commit = year.id(orphan);
    shown(&year, "refs/heads/release/9", &commit);
    assert_eq!(of_kind(&asked(&query(&year)), "unapproved"), [commit]);
}
