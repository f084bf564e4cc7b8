//! Logs that are made up, and what the report says of them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const MAIN: &str = "refs/heads/main";
/// 2026-11-02T00:00:00Z.
const START: i64 = 1_793_577_600;

/// A verdict of a trial on one ref.
fn verdict(at: i64, outcome: &str, (old, new): (&str, &str), reasons: &[&str]) -> Entry {
    Entry {
        seq: 0,
        prev: String::new(),
        at,
        pusher: Some("mina".to_owned()),
        outcome: outcome.to_owned(),
        enforced: false,
        policy: Some("p".to_owned()),
        organization: None,
        refs: vec![EntryRef {
            name: MAIN.to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
            outcome: outcome.to_owned(),
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
            records: if outcome == "allow" { vec!["r".to_owned()] } else { Vec::new() },
            why: reasons.iter().map(|reason| format!("{reason} is open.")).collect(),
        }],
        proposal: false,
        cut: None,
        missing: None,
        note: None,
        host: None,
    }
}

fn report(entries: &[Entry]) -> Report {
    report_of(entries, None, None)
}

fn report_of(entries: &[Entry], from: Option<i64>, to: Option<i64>) -> Report {
    let now = Now { policy: Some(("p".to_owned(), None)), ..Now::default() };
    report_now(entries, from, to, now)
}

fn report_now(entries: &[Entry], from: Option<i64>, to: Option<i64>, now: Now) -> Report {
    let mut trial = Trial::new(from, to, now);
    for (at, entry) in entries.iter().enumerate() {
        trial.line(entry, &AuditHead { seq: at as u64 + 1, digest: String::new() });
    }
    trial.report("shop", Extent::default())
}

fn text(report: &Report, format: Format) -> String {
    let mut out = Vec::new();
    write(report, format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn allowed(n: i64) -> Vec<Entry> {
    (0..n).map(|at| verdict(START + at * 3_600, "allow", ("a", &format!("b{at}")), &[])).collect()
}

#[test]
fn a_push_that_builds_on_one_that_would_have_been_refused_is_told_apart() {
    let report = report(&[
        verdict(START, "deny", ("a", "b"), &["UNSIGNED"]),
        verdict(START + 1, "deny", ("b", "c"), &["UNSIGNED", "NOT_A_STATE"]),
        verdict(START + 2, "deny", ("x", "y"), &["UNSIGNED", "NOT_A_STATE"]),
    ]);
    assert_eq!(report.pushes, Counts { refused: 2, builds_on: 1, ..Counts::default() });
    assert!(report.says[0].starts_with("3 of 3 pushes would have been refused: 2 for what they bring, 1 because"));
    let text = text(&report, Format::Text);
    assert!(text.contains("UNSIGNED: 3 pushes, 1 of them built on others, 2026-11-02T00:00:00Z to "), "{text}");
    assert!(text.contains("missing  UNSIGNED is open. (3)") && text.contains("people   mina (3)"), "{text}");
    assert!(text.contains("line 2  2026-11-02T00:00:01Z  mina  refs/heads/main  b..c"), "{text}");
}

#[test]
fn what_the_operator_recorded_or_the_gate_allowed_is_built_on_by_nobody() {
    for outcome in [RECORDED, "allow"] {
        let mut between = verdict(START, outcome, ("a0", "b"), &[]);
        between.enforced = outcome == RECORDED;
        let report = report(&[
            verdict(START, "deny", ("a", "b"), &["UNSIGNED"]),
            between,
            verdict(START + 1, "deny", ("b", "c"), &["UNSIGNED", "NOT_A_STATE"]),
        ]);
        assert_eq!((report.pushes.refused, report.pushes.builds_on), (2, 0), "{outcome}");
    }
}

#[test]
fn the_probe_of_an_installation_what_was_enforced_and_what_landed_are_no_pushes_of_a_trial() {
    let mut probe = verdict(START, "deny", ("a", "b"), &["LEDGER_ROLLBACK"]);
    probe.refs[0].name = PROBE.to_owned();
    let mut enforced = verdict(START, "deny", ("a", "b"), &["UNSIGNED"]);
    enforced.enforced = true;
    let landed = Entry { enforced: true, ..verdict(START, LANDED, ("", "b"), &[]) };
    let accepted = Entry { enforced: true, note: Some("why".to_owned()), ..verdict(START, "accepted", ("", "b"), &[]) };
    let report = report(&[probe, enforced, landed, accepted]);
    assert_eq!((report.pushes.all(), report.enforced, report.readiness), (0, 1, Readiness::NoTrial));
    assert!(text(&report, Format::Text).contains("1 of the period were judged with enforcement"));
}

#[test]
fn the_sentence_says_whether_the_team_is_ready() {
    let few = report(&allowed(19));
    assert!(few.readiness == Readiness::TooEarly && few.says[2].contains("19 of 19 pushes needed a signature"));
    let refused = |n: i64| -> Vec<Entry> {
        let one = |at| verdict(START + at, "deny", (&format!("x{at}"), &format!("y{at}")), &["UNSIGNED"]);
        allowed(19).into_iter().chain((0..n).map(one)).collect()
    };
    let ready = report(&refused(1));
    assert!(ready.readiness == Readiness::Ready && ready.says[2].contains("20 pushes in the 14 days to 2026-11-02"));
    let not = report(&refused(2));
    assert!(not.readiness == Readiness::NotReady && not.says[2].contains("2 would have been refused"));
    let mut unclear = refused(0);
    unclear.push(verdict(START + 9, "undecidable", ("q", "r"), &["POLICY_INVALID"]));
    assert!(report(&unclear).says[2].contains("the gate could not judge 1 push."));
    // What is longer ago no longer counts for this, and is still reported.
    let mut later = refused(5);
    later.extend(on_day(20, allowed(20)));
    let later = report(&later);
    assert!(later.readiness == Readiness::Ready && later.pushes.refused == 5);
}

/// The same pushes some days later, to other tips.
fn on_day(day: i64, mut entries: Vec<Entry>) -> Vec<Entry> {
    for entry in &mut entries {
        entry.at += day * DAY;
        entry.refs[0].new.push_str(&format!("-{day}"));
    }
    entries
}

#[test]
fn nothing_is_ready_that_builds_on_what_would_have_been_refused() {
    let mut entries = allowed(20);
    for at in 0..40 {
        let reasons = ["UNSIGNED", "NOT_A_STATE"];
        entries.push(verdict(START + DAY, "deny", (&format!("x{at}"), &format!("x{}", at + 1)), &reasons));
    }
    let report = report(&entries);
    assert_eq!(report.pushes, Counts { signed: 20, refused: 1, builds_on: 39, ..Counts::default() });
    assert_eq!(report.readiness, Readiness::NotReady);
    assert!(report.why[0].contains("Of 60 pushes") && report.why[0].contains("40 would have been refused (39 of them"));
}

#[test]
fn nothing_is_ready_while_lines_of_these_days_are_missing() {
    let heads = |entries: &[Entry], gap: usize, extent: Extent| {
        let mut trial = Trial::new(None, None, Now { policy: Some(("p".to_owned(), None)), ..Now::default() });
        for (at, entry) in entries.iter().enumerate() {
            let seq = at as u64 + 1 + if at >= gap { 5 } else { 0 };
            trial.line(entry, &AuditHead { seq, digest: String::new() });
        }
        trial.report("shop", extent).readiness
    };
    let mut entries = allowed(20);
    assert_eq!(heads(&entries, 99, Extent::default()), Readiness::Ready);
    for gap in [0, 7, 19] {
        assert_eq!(heads(&entries, gap, Extent::default()), Readiness::NotReady, "{gap}");
    }
    let cut = |last| Extent {
        head: Some(AuditHead { seq: 20, digest: String::new() }),
        missing: vec![(21, last)],
        ..Extent::default()
    };
    assert_eq!(heads(&entries, 99, cut(30)), Readiness::NotReady);
    // What is missing longer ago does not matter.
    entries.extend(on_day(30, allowed(20)));
    assert_eq!(heads(&entries, 7, Extent::default()), Readiness::Ready);
    assert_eq!(heads(&entries, 20, Extent::default()), Readiness::NotReady);
}

#[test]
fn only_what_the_policy_in_force_judged_tells_whether_a_team_is_ready() {
    let of = |policy: &str, organization: Option<&str>, faults: &[&str]| {
        let policy = Some((policy.to_owned(), organization.map(str::to_owned)));
        let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
        report_now(&allowed(20), None, None, Now { policy, faults, unlogged: Vec::new() })
    };
    assert_eq!(of("p", None, &[]).readiness, Readiness::Ready);
    for (policy, organization) in [("q", None), ("p", Some("o"))] {
        let report = of(policy, organization, &[]);
        assert_eq!((report.readiness, report.other_policy), (Readiness::TooEarly, 20));
        assert!(report.says[2].contains("Another policy judged 20 pushes."), "{:?}", report.says);
    }
    let report = of("p", None, &["The policy has mistakes."]);
    assert!(report.readiness == Readiness::NotReady && report.says[2].ends_with("The policy has mistakes."));
    assert_eq!(report_now(&allowed(20), None, None, Now::default()).readiness, Readiness::NotReady);
}

#[test]
fn a_push_that_left_no_line_in_the_log_is_one_that_could_not_be_judged() {
    let now = Now { policy: Some(("p".to_owned(), None)), unlogged: vec![START + 5, START + 9], ..Now::default() };
    let report = report_now(&allowed(20), None, None, now);
    assert_eq!(report.pushes, Counts { signed: 20, undecidable: 2, ..Counts::default() });
    assert_eq!(report.readiness, Readiness::NotReady);
    assert!(text(&report, Format::Text).contains("Of 2 pushes the log has no line"));
}

#[test]
fn a_push_that_is_tried_again_counts_once_by_its_last_verdict() {
    let again = |n: i64, outcome: &str, reasons: &[&str]| -> Vec<Entry> {
        (0..n).map(|at| verdict(START + at, outcome, ("a", "b"), reasons)).collect()
    };
    let mut entries = again(10, "deny", &["UNSIGNED"]);
    assert_eq!(report(&entries).pushes.refused, 1);
    entries.extend(again(200, "allow", &[]));
    let report_of_both = report(&entries);
    assert_eq!(report_of_both.pushes, Counts { signed: 1, ..Counts::default() });
    assert_eq!((report_of_both.again, report_of_both.readiness), (209, Readiness::TooEarly));
    assert!(report_of_both.reasons.is_empty() && report_of_both.stopped.is_empty());
    // Another person, and a proposal whose target moved meanwhile.
    entries.push(Entry { pusher: Some("dana".to_owned()), ..entries[0].clone() });
    assert_eq!(report(&entries).pushes.all(), 2);
    let of = |old: &str| Entry { proposal: true, ..verdict(START, "allow", (old, "b"), &[]) };
    assert_eq!(report(&[of("a"), of("c"), of("d")]).pushes.all(), 1);
    // What builds on another one still does when it is tried again.
    let built = || verdict(START, "deny", ("b", "c"), &["NOT_A_STATE"]);
    let report = report(&[verdict(START, "deny", ("a", "b"), &["UNSIGNED"]), built(), built(), built()]);
    assert_eq!(report.pushes, Counts { refused: 1, builds_on: 1, ..Counts::default() });
}

#[test]
fn a_clock_that_was_wrong_hides_nothing_that_came_after() {
    let mut entries = on_day(31, allowed(20));
    let late = |at: i64| verdict(START + at, "undecidable", ("q", &format!("r{at}")), &["TIME"]);
    entries.extend((0..30).map(late));
    assert_eq!(report(&entries).readiness, Readiness::NotReady);
    // Nor does one that was behind hide what came before.
    let mut entries: Vec<Entry> = (0..30).map(late).collect();
    entries.push(Entry { at: 0, ..verdict(0, "allow", ("x", "y"), &[]) });
    entries.extend(on_day(1, allowed(20)));
    assert_eq!(report(&entries).readiness, Readiness::NotReady);
}

#[test]
fn a_period_has_the_pushes_of_its_first_and_last_second_and_knows_what_came_before() {
    let entries = [
        verdict(START, "deny", ("a", "b"), &["UNSIGNED"]),
        verdict(START + 10, "deny", ("b", "c"), &["NOT_A_STATE"]),
        verdict(START + 20, "deny", ("c", "d"), &["NOT_A_STATE"]),
    ];
    let report = report_of(&entries, Some(START + 10), Some(START + 10));
    assert_eq!(report.pushes, Counts { builds_on: 1, ..Counts::default() });
}

#[test]
fn whatever_is_written_into_a_log_is_escaped_and_little_of_it_is_kept() {
    let mut entries = Vec::new();
    for at in 0..2_000 {
        let mut entry = verdict(START + at, "deny", ("a", "b"), &["UNSIGNED", "EVIL\u{1b}[31m"]);
        entry.pusher = Some(format!("eve|{at}\u{202e}\u{1b}]0;x\u{7}"));
        entry.refs[0].name = format!("refs/heads/{at}{}", "x".repeat(5_000));
        entries.push(entry);
    }
    let report = report(&entries);
    assert_eq!((report.stopped.len(), report.not_listed), (MAX_LISTED, 1_500));
    for format in [Format::Text, Format::Markdown, Format::Json] {
        let text = text(&report, format);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']) && text.len() < 4_000_000, "{}", text.len());
    }
    assert!(text(&report, Format::Markdown).contains("eve\\|"));
    assert_eq!(report.reasons.len(), 2, "unknown codes are one group");
}

proptest! {
    /// The promise: each judged push is counted once, by its last verdict.
    #[test]
    fn every_push_of_the_period_is_counted_once_and_every_stopped_one_has_its_reasons(
        steps in prop::collection::vec((0..30_i64, 0..4_usize, 0..5_u8, 0..5_u8, any::<bool>()), 0..60),
        from in prop::option::of(0..30_i64),
    ) {
        let outcomes = ["allow", "deny", "undecidable", RECORDED];
        let reasons = [&["UNSIGNED", "NOT_A_STATE"][..], &["VETOED"][..]];
        let entries: Vec<Entry> = steps.iter().map(|(day, outcome, old, new, enforced)| {
            let outcome = outcomes[*outcome];
            let reasons = if outcome == "allow" { &[][..] } else { reasons[usize::from(old % 2)] };
            let one = verdict(START + day * DAY, outcome, (&old.to_string(), &new.to_string()), reasons);
            Entry { enforced: *enforced || outcome == RECORDED, ..one }
        }).collect();
        let from = from.map(|day| START + day * DAY);
        let report = report_of(&entries, from, None);
        let mut judged: Vec<&Entry> = entries.iter()
            .filter(|entry| !entry.enforced && from.is_none_or(|from| from <= entry.at)).collect();
        let all = judged.clone();
        let is_same = |a: &Entry, b: &Entry| (&a.refs[0].old, &a.refs[0].new) == (&b.refs[0].old, &b.refs[0].new);
        let mut at = 0;
        judged.retain(|entry| {
            at += 1;
            !all[at..].iter().any(|later| is_same(entry, later))
        });
        prop_assert_eq!(report.pushes.all(), judged.len() as u64);
        let stopped = judged.iter().filter(|entry| entry.outcome != "allow").count();
        prop_assert_eq!(report.pushes.stopped(), stopped as u64);
        prop_assert_eq!(report.stopped.len(), stopped);
        for group in &report.reasons {
            let with = judged.iter().filter(|entry| entry.refs[0].outcome != "allow"
                && entry.refs[0].reasons.iter().any(|reason| reason == group.reason.as_str())).count();
            prop_assert_eq!(group.pushes, with as u64);
        }
        let json: Value = serde_json::from_str(&text(&report, Format::Json)).unwrap();
        prop_assert_eq!(json["schema"].as_str(), Some(SCHEMA));
        prop_assert!(text(&report, Format::Text).contains("would have been refused"));
    }
}
