//! FLOOR 1: how a reviewer reaches a decision: what was looked at, what was answered, what is still missing.

#![warn(missing_docs)]

pub mod anchor;
pub mod draft;
mod merge;

pub use draft::{Draft, Note, Revised};

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Lets a change land, as far as this person's signature is concerned.
    Approve,
    /// Blocks a change until the same person withdraws it, or others take it over.
    Reject,
    /// Claims that no AI was used. It lowers the requirement, if the policy lets the signer claim it.
    #[serde(rename = "human-only")]
    HumanOnly,
    /// Lets a change through in an emergency, possibly unread. The review is owed.
    #[serde(rename = "break-glass")]
    BreakGlass,
    /// Withdraws own decisions without a replacement.
    Withdraw,
    /// Takes over another person's rejection, which ends it: the signer is now responsible for that.
    HandOver,
    /// Says which of two branches of the signer's own chain is valid, after a restored backup.
    Repair,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Approve => "approve",
            Verdict::Reject => "reject",
            Verdict::HumanOnly => "human-only",
            Verdict::BreakGlass => "break-glass",
            Verdict::Withdraw => "withdraw",
            Verdict::HandOver => "handover",
            Verdict::Repair => "repair",
        })
    }
}

/// Everything in a revision that needs the reviewer's attention, by stable keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checklist {
    /// Of all changes.
    pub hunks: Vec<String>,
    /// Those that need an answer.
    pub findings: Vec<String>,
    /// For what cannot be read line by line.
    pub omissions: Vec<String>,
    /// An approval of this change needs the reviewer's own words.
    pub approval_needs_reason: bool,
}

/// What is still missing before a verdict may be signed. If nothing is missing, all counts are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missing {
    /// Hunks that are not seen.
    pub hunks: usize,
    /// Findings without an answer.
    pub findings: usize,
    /// Omissions that are not acknowledged.
    pub omissions: usize,
    /// The reviewer's own words are needed and missing.
    pub reason: bool,
}

impl Missing {
    /// Whether it may be signed.
    pub fn is_nothing(self) -> bool {
        self == Missing::default()
    }
}

impl Checklist {
    /// A rejection needs less than an approval: only a reason.
    pub fn missing(&self, draft: &Draft, verdict: Verdict) -> Missing {
        let reason = draft.reason(verdict).trim().is_empty();
        match verdict {
            Verdict::Reject | Verdict::HumanOnly | Verdict::BreakGlass | Verdict::Withdraw | Verdict::HandOver => {
                Missing { reason, ..Missing::default() }
            }
            Verdict::Repair => Missing::default(),
            Verdict::Approve => Missing {
                hunks: self.hunks.iter().filter(|key| !draft.seen.contains(*key)).count(),
                findings: self.findings.iter().filter(|key| !draft.answers.contains_key(*key)).count(),
                omissions: self.omissions.iter().filter(|key| !draft.acknowledged.contains_key(*key)).count(),
                reason: reason && self.approval_needs_reason,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approving_needs_everything_and_rejecting_only_a_reason() {
        let checklist = Checklist {
            hunks: vec!["h1".into(), "h2".into()],
            findings: vec!["f".into()],
            omissions: vec!["o".into()],
            approval_needs_reason: true,
        };
        let mut draft = Draft::default();
        let all = Missing { hunks: 2, findings: 1, omissions: 1, reason: true };
        assert_eq!(checklist.missing(&draft, Verdict::Approve), all);
        assert_eq!(checklist.missing(&draft, Verdict::Reject), Missing { reason: true, ..Missing::default() });
        draft.seen.extend(["h1".to_owned(), "h2".to_owned()]);
        draft.answers.insert("f".into(), "checked".into());
        draft.acknowledged.insert("o".into(), "opened elsewhere".into());
        draft.reasons.insert(Verdict::Approve, "rollback is a revert".into());
        assert!(checklist.missing(&draft, Verdict::Approve).is_nothing());
    }
}
