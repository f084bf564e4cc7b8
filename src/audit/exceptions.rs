//! What an auditor must check about a landing. Pure: it depends only on its arguments.

use super::report::{Decision, Exception, Kind, Landing, Shown, Time};

/// Facts about a landing beyond its row.
#[derive(Debug, Default)]
pub struct Facts<'f> {
    pub approvals: Vec<ApprovalFacts<'f>>,
    /// Until when the review of its emergency is owed; none if none is.
    pub review_due: Option<i64>,
    /// How it loosens the policy, in sentences.
    pub loosens: Vec<String>,
    /// A log was given that must contain it.
    pub is_log_expected: bool,
    /// A sentence, if the ref shows it no longer.
    pub gone: Option<String>,
    /// Records that its verdict is based on, but that are not in the ledger.
    pub lost: Vec<String>,
    /// Somebody approved exactly this, but the approval became known only at this time.
    pub approved_later: Option<(String, i64)>,
    /// A sentence about what its approvals came too late for.
    pub late: Option<String>,
    /// A sentence, if its date is before that of a commit below it.
    pub backdated: Option<String>,
    /// If it landed past the gate: after which time, and before which, if that is known.
    pub bypassed: Option<(i64, Option<i64>)>,
    /// A sentence, if it was approved only together with its neighbours.
    pub together: Option<String>,
    /// Sentences about chains that its counted decisions name, and of which records are missing.
    pub unheard: Vec<String>,
    /// The rules found a self-review.
    pub is_self_review: bool,
}

/// Facts about a counted decision beyond its row.
#[derive(Debug, Default)]
pub struct ApprovalFacts<'f> {
    pub person: &'f str,
    pub signed_at: i64,
    /// When the commit that it approves was made; none if that commit is not here.
    pub head_at: Option<i64>,
    /// Everything that was seen of it was seen in an earlier revision.
    pub is_carried_over: bool,
    /// What became of its key, as the end of a sentence.
    pub key_ended: Option<String>,
    /// Who ended it later, as the end of a sentence.
    pub ended: Option<String>,
}

/// All exceptions of a landing, the gravest first.
pub fn of(landing: &Landing, facts: &Facts<'_>, hasty: i64) -> Vec<Exception> {
    let mut found: Vec<(Kind, String)> = Vec::new();
    found.extend(decision(landing, facts));
    found.extend(verdict(landing, facts));
    found.extend(review(facts));
    for approval in &facts.approvals {
        found.extend(approval_kinds(approval, hasty));
    }
    if !facts.lost.is_empty() {
        let text = format!("The gate let it land on records that are not in the ledger: {}.", facts.lost.join(", "));
        found.push((Kind::RecordLost, text));
    }
    if !facts.loosens.is_empty() {
        found.push((Kind::PolicyWeakened, format!("From then on, {}.", facts.loosens.join("; "))));
    }
    if facts.is_self_review {
        found.push((Kind::SelfReview, "The policy let an author's own signature count (self_review).".to_owned()));
    }
    found.extend(facts.gone.clone().map(|text| (Kind::Rewritten, text)));
    found.extend(facts.late.clone().map(|text| (Kind::ApprovedLate, text)));
    found.extend(facts.backdated.clone().map(|text| (Kind::Backdated, text)));
    found.extend(facts.unheard.iter().map(|text| (Kind::RecordLost, text.clone())));
    found.sort_by_key(|(kind, _)| *kind);
    found.dedup_by(|later, first| {
        let is_same = later.0 == first.0;
        if is_same {
            first.1 = format!("{} {}", first.1, later.1);
        }
        is_same
    });
    found.into_iter().map(|(kind, detail)| exception(landing, kind, &detail)).collect()
}

fn exception(landing: &Landing, kind: Kind, detail: &str) -> Exception {
    Exception {
        kind,
        name: Some(landing.name.clone()),
        commit: Some(landing.to.clone()),
        at: Some(landing.at),
        subject: landing.subject.clone(),
        detail: Shown::of(detail),
    }
}

fn decision(landing: &Landing, facts: &Facts<'_>) -> Option<(Kind, String)> {
    let why = || landing.reasons.iter().map(|reason| reason.code).collect::<std::collections::BTreeSet<_>>();
    let codes = || why().into_iter().collect::<Vec<_>>().join(", ");
    match landing.decision {
        Decision::Unapproved => {
            let mut text = format!("The policy of that time did not let it land ({}).", codes());
            if let Some((who, at)) = &facts.approved_later {
                text.push_str(&format!(" {who} approved exactly this, {}.", Time(*at)));
            }
            if let Some(together) = &facts.together {
                text.push_str(&format!(" {together}"));
            }
            if let Some(verdict) = landing.gate.as_ref().filter(|verdict| verdict.is_allowed()) {
                text.push_str(&format!(
                    " The gate allowed it (line {}), and what is here no longer bears that out.",
                    verdict.line
                ));
            }
            Some((Kind::Unapproved, text))
        }
        Decision::Undecidable => {
            let why = landing.reasons.first().map(|reason| format!(" {}", reason.detail)).unwrap_or_default();
            Some((Kind::Undecidable, format!("The rules cannot be applied ({}).{why}", codes())))
        }
        Decision::Ungoverned => {
            let text = match landing.policy {
                Some(_) => "The policy of that time did not protect the ref.",
                None => "There was no policy yet.",
            };
            Some((Kind::NoPolicy, text.to_owned()))
        }
        Decision::Approved | Decision::BreakGlass | Decision::Nothing => None,
    }
}

fn verdict(landing: &Landing, facts: &Facts<'_>) -> Option<(Kind, String)> {
    let when = || match facts.bypassed {
        Some((first, Some(last))) => format!(" It landed between {} and {}.", Time(first), Time(last)),
        Some((first, None)) => format!(" It landed after {}.", Time(first)),
        None => String::new(),
    };
    match &landing.gate {
        None if facts.is_log_expected => {
            let text = "The gate's log has no verdict on it: it came by another way, or the gate was off.";
            Some((Kind::NoVerdict, format!("{text}{}", when())))
        }
        None => None,
        Some(verdict) if verdict.enforced && verdict.is_allowed() => None,
        Some(verdict) if verdict.enforced => {
            let text = format!("Line {} of the gate's log refuses it ({}).", verdict.line, verdict.outcome);
            Some((Kind::Refused, format!("{text}{}", when())))
        }
        Some(verdict) => {
            let text = format!(
                "Line {} of the gate's log was a report ({}): it stopped nothing.",
                verdict.line, verdict.outcome
            );
            Some((Kind::ReportOnly, text))
        }
    }
}

fn review(facts: &Facts<'_>) -> Option<(Kind, String)> {
    let due = facts.review_due?;
    Some((
        Kind::ReviewOwed,
        format!("It landed in an emergency, and nobody has reviewed it. That is due {}.", Time(due)),
    ))
}

fn approval_kinds(approval: &ApprovalFacts<'_>, hasty: i64) -> Vec<(Kind, String)> {
    let who = approval.person;
    let mut found = Vec::new();
    if let Some(head_at) = approval.head_at.filter(|_| !approval.is_carried_over) {
        let seconds = approval.signed_at.saturating_sub(head_at);
        if seconds < hasty {
            let text = match seconds {
                0.. => format!("{who} signed {seconds} s after the commit was made."),
                _ => format!("{who} signed {} s before the commit says that it was made.", -seconds),
            };
            found.push((Kind::Hasty, text));
        }
    }
    found.extend(approval.key_ended.as_ref().map(|how| (Kind::KeyEnded, format!("The key of {who} {how}."))));
    found.extend(approval.ended.as_ref().map(|how| (Kind::Withdrawn, format!("The approval of {who} {how}."))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::report::{Ai, Verdict, When};

    fn landing(decision: Decision, gate: Option<Verdict>) -> Landing {
        Landing {
            name: Shown::of("refs/heads/main"),
            from: None,
            to: "1".repeat(40),
            steps: 1,
            commits: 1,
            paths: 1,
            subject: Shown::default(),
            author: Shown::default(),
            at: Time(1_000),
            at_by: When::Committer,
            decision,
            judged_at: Time(1_000),
            policy: Some((1, "d".repeat(64))),
            organization: None,
            approvals: Vec::new(),
            requirements: Vec::new(),
            evidence: Vec::new(),
            reasons: Vec::new(),
            ai: Ai { status: "undeclared", tool: None, evidence: Vec::new() },
            gate,
            exceptions: Vec::new(),
        }
    }

    fn verdict(outcome: &str, enforced: bool) -> Option<Verdict> {
        Some(Verdict {
            line: 3,
            digest: String::new(),
            outcome: Shown::of(outcome),
            enforced,
            at: Time(1_000),
            pusher: None,
            reasons: Vec::new(),
            landed: None,
        })
    }

    fn kinds(landing: &Landing, facts: &Facts<'_>) -> Vec<&'static str> {
        of(landing, facts, 60).into_iter().map(|exception| exception.kind.name()).collect()
    }

    #[test]
    fn each_fact_is_an_exception_and_its_twin_is_none() {
        let sound = landing(Decision::Approved, verdict("allow", true));
        assert_eq!(kinds(&sound, &Facts { is_log_expected: true, ..Facts::default() }), [] as [&str; 0]);
        assert_eq!(kinds(&landing(Decision::Unapproved, None), &Facts::default()), ["unapproved"]);
        assert_eq!(kinds(&landing(Decision::Approved, verdict("deny", true)), &Facts::default()), ["refused"]);
        assert_eq!(kinds(&landing(Decision::Approved, verdict("allow", false)), &Facts::default()), ["report-only"]);
        let unlogged = landing(Decision::Approved, None);
        assert_eq!(kinds(&unlogged, &Facts { is_log_expected: true, ..Facts::default() }), ["no-verdict"]);
        assert_eq!(kinds(&unlogged, &Facts::default()), [] as [&str; 0]);
        assert_eq!(kinds(&sound, &Facts { review_due: Some(5), ..Facts::default() }), ["review-owed"]);
    }

    #[test]
    fn haste_is_counted_from_the_commit_unless_what_was_seen_was_seen_before() {
        let of = |signed_at, head_at, is_carried_over| {
            let approval = ApprovalFacts { person: "dana", signed_at, head_at, is_carried_over, ..Default::default() };
            let facts = Facts { approvals: vec![approval], ..Facts::default() };
            kinds(&landing(Decision::Approved, None), &facts)
        };
        assert_eq!(of(1_059, Some(1_000), false), ["hasty"]);
        assert_eq!(of(1_060, Some(1_000), false), [] as [&str; 0]);
        assert_eq!(of(1_001, Some(1_000), true), [] as [&str; 0], "a rebase of what was read");
        assert_eq!(of(1_001, None, false), [] as [&str; 0]);
        assert_eq!(of(900, Some(1_000), false), ["hasty"]);
    }
}
