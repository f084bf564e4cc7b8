//! Commits that several protected refs show, or that a ref shows no longer: nothing that landed on one of them without
//! approval is hidden by what another shows.

use std::collections::BTreeMap;
use std::process::Command;

use undersign::audit::Query;
use undersign::audit::render::{self, Format};
use undersign::audit::report::{Decision, Report, Shown};
use undersign::gate_state::RECORDED;

use super::logs::{Dice, Moved, NINE, TEN, landed, period, refused, seeds, with_log, with_releases};
use super::worlds::{POLICY, begun, of_kind, shown};
use super::year::{Change, How, Mark, START, Word, Year};
use super::{asked, query, terms};
use crate::scene::{DAY, HOUR, MAIN};

/// Rows as ref without its folder, subject and decision.
fn rows(report: &Report) -> Vec<(&str, &str, Decision)> {
    fn name(one: &Shown) -> &str {
        one.as_str().rsplit('/').next().unwrap()
    }
    report.landings.iter().map(|one| (name(&one.name), one.subject.as_str(), one.decision)).collect()
}

fn removed(year: &Year, name: &str) {
    let done = Command::new("git").current_dir(year.repo()).args(["update-ref", "-d", name]).status();
    assert!(done.unwrap().success());
}

fn moved(at: i64, name: &str, old: Option<Mark>, new: Mark, outcome: &'static str) -> Moved {
    Moved { at, name: name.to_owned(), old, new, outcome, policy: None, organization: None, is_proposal: false }
}

/// A policy that protects main and releases, on main, and the log of its landing.
fn with_two_refs() -> (Year, Mark, Vec<Moved>) {
    let mut year = Year::new();
    let start = year.push("rahim", START, "Start", &[(POLICY, &with_releases(&terms()))]).landed;
    let mut moves = Vec::new();
    landed(&mut moves, START + HOUR, MAIN, None, start);
    (year, start, moves)
}

fn on(change: &Change, target: &'static str, year: &mut Year) {
    year.sign(change, Word { target, ..Word::new("dana", change.head_at + HOUR) });
}

#[test]
fn what_was_refused_on_one_ref_and_approved_later_for_another_stays_refused_on_the_first() {
    let (mut year, start, mut moves) = with_two_refs();
    landed(&mut moves, START + DAY, NINE, None, start);
    let change = year.land("mina", START + 9 * DAY, "Change", &[("a.txt", "a\n")], How::Squash);
    refused(&mut moves, START + 9 * DAY, MAIN, Some(start), change.landed);
    landed(&mut moves, START + 12 * DAY, NINE, Some(start), change.landed);
    year.told();
    on(&change, NINE, &mut year);
    year.signed();
    shown(&year, NINE, &year.id(change.landed));
    let report = asked(&with_log(&year, &moves));
    let expected = [
        ("main", "Start", Decision::Ungoverned),
        ("main", "Change", Decision::Unapproved),
        ("1.9", "Change", Decision::Approved),
    ];
    assert_eq!(rows(&report), expected);
    assert_eq!(of_kind(&report, "refused"), [year.id(change.landed)]);
}

#[test]
fn a_merge_of_another_ref_needs_no_approval_only_where_that_has_one() {
    for is_approved in [true, false] {
        let (mut year, start, _) = with_two_refs();
        let side = year.land("mina", START + 5 * DAY, "On the release", &[("r.txt", "r\n")], How::Squash);
        let after = year.files.clone();
        let same = year.commit("mina", START + 7 * DAY, "The same here", &[start], &after);
        let merge = year.commit("mina", START + 9 * DAY, "Merge the release", &[same, side.landed], &after);
        year.tip = Some(merge);
        year.told();
        if is_approved {
            on(&side, NINE, &mut year);
        }
        year.signed();
        shown(&year, NINE, &year.id(side.landed));
        let report = asked(&query(&year));
        let (of_side, of_merge) = match is_approved {
            true => (Decision::Approved, Decision::Nothing),
            false => (Decision::Unapproved, Decision::Unapproved),
        };
        let all = rows(&report);
        assert!(all.contains(&("1.9", "On the release", of_side)), "{all:?}");
        assert!(all.contains(&("main", "Merge the release", of_merge)), "{all:?}");
    }
}

#[test]
fn what_landed_on_a_ref_that_was_renamed_is_listed_for_the_name_under_which_it_landed() {
    let (mut year, start, mut moves) = with_two_refs();
    landed(&mut moves, START + DAY, NINE, None, start);
    let change = year.land("mina", START + 9 * DAY, "Fix", &[("a.txt", "a\n")], How::Squash);
    landed(&mut moves, START + 9 * DAY, NINE, Some(start), change.landed);
    landed(&mut moves, START + 40 * DAY, TEN, None, change.landed);
    year.told();
    on(&change, NINE, &mut year);
    year.signed();
    let tip = year.id(change.landed);
    shown(&year, MAIN, &year.id(start));
    shown(&year, TEN, &tip);
    let query = with_log(&year, &moves);
    let report = period(&query, 2, 30);
    assert_eq!(rows(&report), [("1.9", "Fix", Decision::Approved)]);
    assert_eq!(of_kind(&report, "rewritten"), [tip], "the policy lets nobody delete it");
    assert!(period(&query, 31, 60).landings.is_empty());
}

#[test]
fn what_a_ref_was_set_back_from_is_a_row_of_the_period_in_which_it_landed() {
    let (mut year, start, mut moves) = with_two_refs();
    let gone = year.land("mina", START + 9 * DAY, "Gone", &[("a.txt", "a\n")], How::Squash);
    landed(&mut moves, START + 9 * DAY, MAIN, Some(start), gone.landed);
    let files = year.files.clone();
    let next = year.commit("mina", START + 20 * DAY, "Next", &[start], &files);
    landed(&mut moves, START + 21 * DAY, MAIN, Some(start), next);
    year.told();
    shown(&year, MAIN, &year.id(next));
    // Another ref shows it, and takes nothing of that away.
    shown(&year, NINE, &year.id(gone.landed));
    let query = with_log(&year, &moves);
    let report = period(&query, 5, 15);
    assert!(rows(&report).contains(&("main", "Gone", Decision::Unapproved)), "{:?}", rows(&report));
    assert_eq!(of_kind(&report, "rewritten"), [year.id(gone.landed)]);
    assert_eq!(of_kind(&period(&query, 18, 30), "rewritten"), [] as [String; 0]);
}

#[test]
fn an_allowed_push_that_never_landed_or_was_only_a_proposal_is_no_landing() {
    for is_proposal in [false, true] {
        let (mut year, start, mut moves) = with_two_refs();
        let change = year.land("mina", START + 9 * DAY, "Change", &[("a.txt", "a\n")], How::Squash);
        let above = year.land("mina", START + 50 * DAY, "Above", &[("b.txt", "b\n")], How::Squash);
        moves.push(Moved { is_proposal, ..moved(START + 9 * DAY, MAIN, Some(start), change.landed, "allow") });
        year.told();
        let query = with_log(&year, &moves);
        for commit in [change.landed, above.landed] {
            let report = period(&query, 60, 90);
            assert!(of_kind(&report, "no-verdict").contains(&year.id(commit)), "{is_proposal} {:?}", rows(&report));
        }
    }
}

#[test]
fn a_ref_that_an_operator_did_not_record_is_told_whatever_its_commits_are_dated() {
    for date in [-2_500 * DAY, 1_500 * DAY] {
        let (mut year, start, mut moves) = with_two_refs();
        moves.push(moved(START + 2 * HOUR, MAIN, None, start, RECORDED));
        let files = year.files.clone();
        let hidden = year.commit("mina", START + date, "Nobody saw this", &[start], &files);
        year.told();
        let commit = year.id(hidden);
        shown(&year, NINE, &commit);
        let query = with_log(&year, &moves);
        for from in [10, 200] {
            let report = period(&query, from, from + 30);
            assert_eq!(rows(&report), [("1.9", "Nobody saw this", Decision::Unapproved)]);
            assert_eq!(of_kind(&report, "no-verdict"), [commit.as_str()]);
        }
    }
}

#[test]
fn what_was_let_through_under_a_wrong_clock_is_in_each_period_that_it_may_belong_to() {
    let (mut year, start, mut moves) = with_two_refs();
    let change = year.land("mina", START + 9 * DAY, "Change", &[("a.txt", "a\n")], How::Squash);
    let next = year.land("mina", START + 12 * DAY, "Next", &[("b.txt", "b\n")], How::Squash);
    moves.push(moved(START + 400 * DAY, MAIN, Some(start), change.landed, "allow"));
    landed(&mut moves, START + 12 * DAY, MAIN, Some(change.landed), next.landed);
    year.told();
    let report = period(&with_log(&year, &moves), 11, 20);
    assert!(rows(&report).contains(&("main", "Change", Decision::Unapproved)), "{:?}", rows(&report));
    let gaps: Vec<_> = report.exceptions.iter().filter(|one| one.kind.name() == "log-gap").collect();
    assert!(gaps[0].detail.as_str().contains("the gate's clock was wrong"), "{gaps:?}");
}

#[test]
fn a_protected_ref_that_stands_for_another_is_reported_as_that_is() {
    let mut year = begun();
    let change = year.land("mina", START + 9 * DAY, "Change", &[("a.txt", "a\n")], How::Squash);
    year.told();
    shown(&year, "refs/heads/trunk", &year.id(change.landed));
    removed(&year, MAIN);
    let set =
        Command::new("git").current_dir(year.repo()).args(["symbolic-ref", MAIN, "refs/heads/trunk"]).status().unwrap();
    assert!(set.success());
    let settings = undersign::enforcement::Settings { branch: Some(MAIN.into()), ..query(&year).settings };
    let report = asked(&Query { settings, ..query(&year) });
    assert_eq!(of_kind(&report, "unapproved"), [year.id(change.landed)], "{:?}", rows(&report));
}

#[test]
fn a_ref_that_is_deleted_and_made_anew_keeps_what_landed_on_it_before() {
    let (mut year, start, mut moves) = with_two_refs();
    moves.push(moved(START + 2 * HOUR, MAIN, None, start, RECORDED));
    landed(&mut moves, START + DAY, NINE, None, start);
    let hidden = year.land("mina", START + 9 * DAY, "Nobody saw this", &[("x.txt", "x\n")], How::Squash);
    moves.push(moved(START + 10 * DAY, NINE, None, hidden.landed, RECORDED));
    let above = year.land("mina", START + 12 * DAY, "Above", &[("a.txt", "a\n")], How::Squash);
    landed(&mut moves, START + 12 * DAY, NINE, Some(hidden.landed), above.landed);
    landed(&mut moves, START + 20 * DAY, TEN, None, above.landed);
    year.told();
    let (commit, tip) = (year.id(hidden.landed), year.id(above.landed));
    shown(&year, MAIN, &year.id(start));
    for name in [NINE, TEN] {
        shown(&year, name, &tip);
    }
    for is_made_anew in [false, true] {
        if is_made_anew {
            landed(&mut moves, START + 30 * DAY, NINE, None, above.landed);
            std::fs::remove_dir_all(year.dir.path().join("state")).unwrap();
        }
        let report = period(&with_log(&year, &moves), 2, 15);
        assert_eq!(of_kind(&report, "no-verdict"), [commit.as_str()], "{is_made_anew} {:?}", rows(&report));
        assert_eq!(rows(&report).len(), 2, "{:?}", rows(&report));
    }
}

#[test]
fn an_exception_without_a_landing_is_a_line_of_the_spreadsheet() {
    let (mut year, start, mut moves) = with_two_refs();
    moves.push(moved(START + 2 * HOUR, MAIN, None, start, RECORDED));
    year.told();
    shown(&year, NINE, &year.id(start));
    let report = asked(&with_log(&year, &moves));
    let mut out = Vec::new();
    render::write(&report, Format::Csv, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let line = text.lines().find(|line| line.starts_with(NINE)).expect(&text);
    assert!(line.contains("no-verdict") && line.contains("does not tell how this ref came to be here"), "{line}");
}

/// Something that landed on a ref, in truth.
struct Landed {
    name: String,
    commit: Mark,
    at: i64,
    is_past_the_gate: bool,
}

/// Refs that are pushed to, cut, renamed, deleted, set back and moved past the gate.
struct Refs {
    year: Year,
    moves: Vec<Moved>,
    landed: Vec<Landed>,
    tips: BTreeMap<String, Mark>,
    below: BTreeMap<Mark, Mark>,
}

impl Refs {
    /// The first parents of a commit, including itself.
    fn line(&self, tip: Mark) -> Vec<Mark> {
        std::iter::successors(Some(tip), |mark| self.below.get(mark).copied()).collect()
    }

    fn commit(&mut self, on: Mark, at: i64, dice: &mut Dice) -> Mark {
        let path = self.year.path();
        let mut files = self.year.files.clone();
        files.insert(path, "x\n".to_owned());
        let date = [at - HOUR, at - 400 * DAY, at + 400 * DAY][if dice.of(4) == 0 { dice.of(3) as usize } else { 0 }];
        let new = self.year.commit("mina", date, "Change", &[on], &files);
        self.below.insert(new, on);
        new
    }

    fn advance(&mut self, name: &str, at: i64, dice: &mut Dice) {
        let old = self.tips[name];
        let commits = 1 + dice.of(2);
        let new = (0..commits).fold(old, |on, _| self.commit(on, at, dice));
        let is_past_the_gate = dice.of(3) == 0;
        if !is_past_the_gate {
            landed(&mut self.moves, at, name, Some(old), new);
        } else if dice.of(2) == 0 {
            refused(&mut self.moves, at, name, Some(old), new);
        }
        for commit in self.line(new).into_iter().take_while(|commit| *commit != old) {
            self.landed.push(Landed { name: name.to_owned(), commit, at: at + 60, is_past_the_gate });
        }
        self.tips.insert(name.to_owned(), new);
    }

    /// One thing that happens.
    fn step(&mut self, at: i64, dice: &mut Dice) {
        let name = self.tips.keys().nth(dice.of(self.tips.len() as u64) as usize).unwrap().clone();
        let tip = self.tips[&name];
        let other = [NINE, TEN, "refs/heads/release/2"][dice.of(3) as usize];
        match dice.of(9) {
            0 | 1 if !self.tips.contains_key(other) => {
                // The gate lets no ref begin with what came past it.
                let on_it = |one: &Landed| self.line(tip).contains(&one.commit);
                if !self.landed.iter().any(|one| one.is_past_the_gate && on_it(one)) {
                    landed(&mut self.moves, at, other, None, tip);
                    self.tips.insert(other.to_owned(), tip);
                }
            }
            2 if name != MAIN => _ = self.tips.remove(&name),
            3 => {
                // Set back to an earlier commit, as with update-ref.
                let line = self.line(tip);
                let back = line[(dice.of(3) as usize).min(line.len() - 1)];
                self.tips.insert(name, back);
            }
            4 => {
                // Allowed, and never landed.
                let new = self.commit(tip, at, dice);
                self.moves.push(moved(at, &name, Some(tip), new, "allow"));
            }
            _ => self.advance(&name, at, dice),
        }
    }
}

fn refs(seed: u64) -> Refs {
    let mut dice = Dice(seed);
    let (year, start, mut moves) = with_two_refs();
    moves.push(moved(START + 2 * HOUR, MAIN, None, start, RECORDED));
    let tips = BTreeMap::from([(MAIN.to_owned(), start)]);
    let mut refs = Refs { year, moves, landed: Vec::new(), tips, below: BTreeMap::new() };
    for n in 1..18 {
        refs.step(START + 7 * DAY * n, &mut dice);
    }
    refs.year.tip = Some(refs.tips[MAIN]);
    refs.year.told();
    refs.tips.iter().for_each(|(name, tip)| shown(&refs.year, name, &refs.year.id(*tip)));
    refs
}

#[test]
fn whatever_happens_to_refs_what_landed_on_each_is_in_the_report_of_its_period() {
    for seed in seeds() {
        let refs = refs(seed);
        let query = with_log(&refs.year, &refs.moves);
        let is_shown = |one: &Landed| refs.tips.get(&one.name).is_some_and(|tip| refs.line(*tip).contains(&one.commit));
        for one in refs.landed.iter().filter(|one| !one.is_past_the_gate || is_shown(one)) {
            let (at, commit) = (one.at, refs.year.id(one.commit));
            let report = asked(&Query { from: Some(at - DAY), to: Some(at + DAY), ..query.clone() });
            let own =
                |name: Option<&Shown>, other: &str| name.is_some_and(|n| n.as_str() == one.name) && other == commit;
            let case = format!("seed {seed}: {commit} of {} at {at}: {:?}", one.name, rows(&report));
            assert!(report.landings.iter().any(|row| own(Some(&row.name), &row.to)), "{case}");
            let told = report.exceptions.iter().any(|exception| {
                ["refused", "no-verdict"].contains(&exception.kind.name())
                    && own(exception.name.as_ref(), exception.commit.as_deref().unwrap_or_default())
            });
            // What landed a second time, past the gate, after it was let through, is not told of; nor the reverse.
            let again = refs.landed.iter().filter(|other| other.commit == one.commit && other.name == one.name).count();
            assert!(told == one.is_past_the_gate || again > 1, "{case} {told}");
        }
    }
}
