//! `record-statement-*` and `record-sound-*`: what a verdict asks for and forbids, and odd statements that are sound.

use undersign::decision::Verdict;
use undersign::record::statement::*;

use super::people::note;
use super::statements::Form;

/// An id of a record.
fn id() -> String {
    "a".repeat(64)
}

/// Each misses what its verdict asks for, or holds what it forbids.
pub(super) fn refused() -> Vec<Form> {
    vec![
        ("approve-forks", "An approval that names forks", Box::new(|s| s.predicate.chain.forks = vec![id()])),
        (
            "reject-no-reason",
            "A rejection without reason",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Reject;
                s.predicate.reason = " \n".into();
            }),
        ),
        (
            "human-only-no-reason",
            "A claim that no AI was used, without reason",
            Box::new(|s| {
                s.predicate.verdict = Verdict::HumanOnly;
                s.predicate.reason = String::new();
            }),
        ),
        (
            "human-only-answers",
            "A claim that no AI was used, which answers a rejection",
            Box::new(|s| {
                s.predicate.verdict = Verdict::HumanOnly;
                s.predicate.answers = vec![id()];
            }),
        ),
        (
            "break-glass-no-reason",
            "Break-glass without reason",
            Box::new(|s| {
                s.predicate.verdict = Verdict::BreakGlass;
                s.predicate.reason = " ".into();
            }),
        ),
        (
            "break-glass-forks",
            "Break-glass that names forks",
            Box::new(|s| {
                s.predicate.verdict = Verdict::BreakGlass;
                s.predicate.chain.forks = vec![id()];
            }),
        ),
        (
            "reject-answers",
            "A rejection that answers one",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Reject;
                s.predicate.answers = vec![id()];
            }),
        ),
        (
            "reject-forks",
            "A rejection that names forks",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Reject;
                s.predicate.chain.forks = vec![id()];
            }),
        ),
        ("withdraw-nothing", "A withdrawal of nothing", Box::new(|s| s.predicate.verdict = Verdict::Withdraw)),
        (
            "withdraw-no-reason",
            "A withdrawal without reason",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Withdraw;
                s.predicate.supersedes = vec![id()];
                s.predicate.reason.clear();
            }),
        ),
        (
            "withdraw-answers",
            "A withdrawal that answers a rejection",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Withdraw;
                s.predicate.supersedes = vec![id()];
                s.predicate.answers = vec![id()];
            }),
        ),
        (
            "withdraw-forks",
            "A withdrawal that names forks",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Withdraw;
                s.predicate.supersedes = vec![id()];
                s.predicate.chain.forks = vec![id()];
            }),
        ),
        ("handover-nothing", "A handover of nothing", Box::new(|s| s.predicate.verdict = Verdict::HandOver)),
        (
            "handover-no-reason",
            "A handover without reason",
            Box::new(|s| {
                s.predicate.verdict = Verdict::HandOver;
                s.predicate.answers = vec![id()];
                s.predicate.reason.clear();
            }),
        ),
        (
            "handover-forks",
            "A handover that names forks",
            Box::new(|s| {
                s.predicate.verdict = Verdict::HandOver;
                s.predicate.answers = vec![id()];
                s.predicate.chain.forks = vec![id()];
            }),
        ),
        (
            "handover-id",
            "A handover of what is no record id",
            Box::new(|s| {
                s.predicate.verdict = Verdict::HandOver;
                s.predicate.answers = vec!["x".into()];
            }),
        ),
        ("repair-nothing", "A repair that names no fork", Box::new(|s| s.predicate.verdict = Verdict::Repair)),
        (
            "repair-answers",
            "A repair that answers a rejection",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Repair;
                s.predicate.chain.forks = vec![id()];
                s.predicate.answers = vec![id()];
            }),
        ),
        (
            "repair-supersedes",
            "A repair that supersedes",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Repair;
                s.predicate.chain.forks = vec![id()];
                s.predicate.supersedes = vec![id()];
            }),
        ),
        (
            "repair-id",
            "A repair of what is no record id",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Repair;
                s.predicate.chain.forks = vec!["x".into()];
            }),
        ),
    ]
}

/// The nearest that is sound, and forms at the edge of what may be.
pub(super) fn sound() -> Vec<Form> {
    vec![
        (
            "notes",
            "A rejection with notes on both sides",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Reject;
                s.predicate.notes = vec![note("old", "why was this?\n"), note("new", "caf\u{e9}")];
            }),
        ),
        (
            "approve-answers",
            "An approval that answers another person's rejection of an earlier version",
            Box::new(|s| s.predicate.answers = vec![id()]),
        ),
        ("human-only", "A claim that no AI was used", Box::new(|s| s.predicate.verdict = Verdict::HumanOnly)),
        (
            "break-glass",
            "Break-glass that answers a rejection",
            Box::new(|s| {
                s.predicate.verdict = Verdict::BreakGlass;
                s.predicate.answers = vec![id()];
            }),
        ),
        (
            "withdraw",
            "A withdrawal",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Withdraw;
                s.predicate.supersedes = vec![id()];
            }),
        ),
        (
            "handover",
            "A handover",
            Box::new(|s| {
                s.predicate.verdict = Verdict::HandOver;
                s.predicate.answers = vec![id()];
            }),
        ),
        (
            "repair",
            "A repair",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Repair;
                s.predicate.chain.forks = vec![id()];
            }),
        ),
        (
            "longest",
            "Texts as long as they may be",
            Box::new(|s| {
                s.predicate.reason = "x".repeat(16 << 10);
                s.predicate.tool = "x".repeat(4 << 10);
                s.predicate.principal = "d".repeat(32);
            }),
        ),
        (
            "times-widest",
            "It ends at the last time that there is",
            Box::new(|s| s.predicate.not_after = Decimal((1 << 63) - 1)),
        ),
        (
            "integers-widest",
            "Other integers go on to 64 bits",
            Box::new(|s| s.predicate.coverage.hidden_characters = Decimal(u64::MAX)),
        ),
        (
            "reason-separator",
            "A rejection whose reason is no White_Space, though some programs strip it",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Reject;
                s.predicate.reason = "\u{1c}\u{1f}".into();
            }),
        ),
        (
            "ref-odd",
            "A ref with a name that git allows",
            Box::new(|s| s.predicate.target.name = "refs/@/a.LOCK/-x.y\u{85}\u{e9}".into()),
        ),
        (
            "free-texts",
            "Answers and omissions have no form and no limit of their own",
            Box::new(|s| {
                s.predicate.findings.answered = vec![AnsweredFinding {
                    rule: String::new(),
                    severity: "whatever".into(),
                    path: "caf\u{e9}".into(),
                    line: Decimal(0),
                    answer: "x".repeat((4 << 10) + 1),
                }];
                s.predicate.coverage.omissions = vec![Omission {
                    path: String::new(),
                    what: "x".repeat((4 << 10) + 1),
                    acknowledged: String::new(),
                }];
            }),
        ),
        ("momentary", "It ends when it was made", Box::new(|s| s.predicate.not_after = s.predicate.issued_at)),
        (
            "second",
            "A second record",
            Box::new(|s| {
                s.predicate.chain.seq = Decimal(2);
                s.predicate.chain.prev = id();
            }),
        ),
        (
            "approve-no-reason",
            "An approval without reason: where one is needed, the signer's program asks for it",
            Box::new(|s| s.predicate.reason.clear()),
        ),
    ]
}
