//! What the gate says: to machines a JSON object, to people sentences.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::Standing;
use crate::policy::SlotState;

/// Allow, deny, or cannot decide. Only the first lets anything through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decided {
    Allow,
    Deny,
    Undecidable,
}

impl Decided {
    pub fn name(self) -> &'static str {
        match self {
            Decided::Allow => "allow",
            Decided::Deny => "deny",
            Decided::Undecidable => "undecidable",
        }
    }

    /// 0 allow, 2 deny, 4 cannot decide. 2 on purpose: what wraps us may read 1 as a mere warning.
    pub fn exit_code(self) -> u8 {
        match self {
            Decided::Allow => 0,
            Decided::Deny => 2,
            Decided::Undecidable => 4,
        }
    }
}

/// Reason codes. Their names are a contract with scripts; the manual says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    PolicyAbsent,
    PolicyInvalid,
    PolicyStale,
    PolicyMixed,
    LedgerFault,
    LedgerMissing,
    LedgerRollback,
    Stranger,
    Unreadable,
    RefUncovered,
    RefDeleted,
    Rewrite,
    NotAState,
    CutHistory,
    MergeUnclear,
    Limit,
    Unsigned,
    AiUnsigned,
    AuthorUnproven,
    Hidden,
    Vetoed,
    SelfApproval,
    Role,
    NotHuman,
    Expired,
    Time,
    KeyTime,
    KeyRevoked,
    Cooling,
    Freeze,
    ChangedAfter,
    TypeChange,
    MergeDelta,
    BaseMoved,
    Context,
    Binding,
    Presence,
    Clone,
    Coverage,
    Opaque,
    Confusable,
    Solo,
    BreakGlass,
    SelfReview,
    Intermediate,
    TooFast,
}

impl Code {
    pub const ALL: [Code; 46] = [
        Code::PolicyAbsent,
        Code::PolicyInvalid,
        Code::PolicyStale,
        Code::PolicyMixed,
        Code::LedgerFault,
        Code::LedgerMissing,
        Code::LedgerRollback,
        Code::Stranger,
        Code::Unreadable,
        Code::RefUncovered,
        Code::RefDeleted,
        Code::Rewrite,
        Code::NotAState,
        Code::CutHistory,
        Code::MergeUnclear,
        Code::Limit,
        Code::Unsigned,
        Code::AiUnsigned,
        Code::AuthorUnproven,
        Code::Hidden,
        Code::Vetoed,
        Code::SelfApproval,
        Code::Role,
        Code::NotHuman,
        Code::Expired,
        Code::Time,
        Code::KeyTime,
        Code::KeyRevoked,
        Code::Cooling,
        Code::Freeze,
        Code::ChangedAfter,
        Code::TypeChange,
        Code::MergeDelta,
        Code::BaseMoved,
        Code::Context,
        Code::Binding,
        Code::Presence,
        Code::Clone,
        Code::Coverage,
        Code::Opaque,
        Code::Confusable,
        Code::Solo,
        Code::BreakGlass,
        Code::SelfReview,
        Code::Intermediate,
        Code::TooFast,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Code::PolicyAbsent => "POLICY_ABSENT",
            Code::PolicyInvalid => "POLICY_INVALID",
            Code::PolicyStale => "POLICY_STALE",
            Code::PolicyMixed => "POLICY_MIXED",
            Code::LedgerFault => "LEDGER_FAULT",
            Code::LedgerMissing => "LEDGER_MISSING",
            Code::LedgerRollback => "LEDGER_ROLLBACK",
            Code::Stranger => "STRANGER",
            Code::Unreadable => "UNREADABLE",
            Code::RefUncovered => "REF_UNCOVERED",
            Code::RefDeleted => "REF_DELETED",
            Code::Rewrite => "REWRITE",
            Code::NotAState => "NOT_A_STATE",
            Code::CutHistory => "CUT_HISTORY",
            Code::MergeUnclear => "MERGE_UNCLEAR",
            Code::Limit => "LIMIT",
            Code::Unsigned => "UNSIGNED",
            Code::AiUnsigned => "AI_UNSIGNED",
            Code::AuthorUnproven => "AUTHOR_UNPROVEN",
            Code::Hidden => "BIDI",
            Code::Vetoed => "VETOED",
            Code::SelfApproval => "SELF_APPROVAL",
            Code::Role => "ROLE",
            Code::NotHuman => "NOT_HUMAN",
            Code::Expired => "EXPIRED",
            Code::Time => "TIME",
            Code::KeyTime => "KEY_TIME",
            Code::KeyRevoked => "KEY_REVOKED",
            Code::Cooling => "COOLING",
            Code::Freeze => "FREEZE",
            Code::ChangedAfter => "CHANGED_AFTER",
            Code::TypeChange => "TYPECHANGE",
            Code::MergeDelta => "MERGE_DELTA",
            Code::BaseMoved => "BASE_MOVED",
            Code::Context => "CONTEXT",
            Code::Binding => "BINDING",
            Code::Presence => "PRESENCE",
            Code::Clone => "CLONE",
            Code::Coverage => "COVERAGE",
            Code::Opaque => "OPAQUE",
            Code::Confusable => "CONFUSABLE",
            Code::Solo => "SOLO",
            Code::BreakGlass => "BREAK_GLASS",
            Code::SelfReview => "SELF_REVIEW",
            Code::Intermediate => "INTERMEDIATE",
            Code::TooFast => "REVIEW_TOO_FAST",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a reason does. Why an approval did not count only explains: one that is not needed must never turn an allowed
/// push into a denied one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Every outcome that rests on it repeats it.
    Said,
    /// What came near, and was not enough.
    Explains,
    /// Denies, unless an emergency lets the change through.
    Holds,
    /// Denies, whatever was approved.
    Denies,
    /// Nothing can be said; so it denies.
    Undecidable,
}

/// Why: a code for machines and a sentence for people. Texts in it are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    pub code: Code,
    pub effect: Effect,
    pub compartment: Option<String>,
    pub path: Option<String>,
    pub detail: String,
}

impl Reason {
    pub fn new(code: Code, effect: Effect, detail: impl Into<String>) -> Reason {
        Reason { code, effect, compartment: None, path: None, detail: detail.into() }
    }

    pub fn said(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, Effect::Said, detail)
    }

    pub fn explains(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, Effect::Explains, detail)
    }

    pub fn holds(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, Effect::Holds, detail)
    }

    pub fn deny(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, Effect::Denies, detail)
    }

    pub fn undecidable(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, Effect::Undecidable, detail)
    }

    pub fn in_compartment(mut self, compartment: &str) -> Reason {
        self.compartment = Some(compartment.to_owned());
        self
    }

    pub fn at(mut self, path: impl fmt::Display) -> Reason {
        self.path = Some(path.to_string());
        self
    }
}

/// The verdict on one ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefOutcome {
    #[serde(rename = "ref")]
    pub name: String,
    pub outcome: Decided,
    /// The tip that a verdict on a proposal was given for, and is worth nothing on any other; none of a push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
    pub reasons: Vec<Reason>,
    pub requirements: Vec<SlotState>,
    /// An emergency let it through; the review is owed.
    pub break_glass: bool,
    /// Ids of the records that it rests on.
    pub records: Vec<String>,
    /// The weakest presence that any of these proves.
    pub presence: Option<String>,
    /// Digests of the manifests of the segments that the push was cut into.
    pub manifest: Vec<String>,
    /// The strictest binding that was asked for.
    pub binding: Option<String>,
    /// Seconds since the epoch: when the first counted approval expires.
    pub valid_until: Option<i64>,
}

impl RefOutcome {
    pub fn refused(name: &str, reason: Reason) -> RefOutcome {
        RefOutcome::allowed(name).and(reason)
    }

    /// Nothing stands against it, and nothing had to be approved.
    pub fn allowed(name: &str) -> RefOutcome {
        RefOutcome::of(name, Vec::new())
    }

    /// The same, with one reason more against it.
    pub(super) fn and(mut self, reason: Reason) -> RefOutcome {
        let decided = if reason.effect == Effect::Undecidable { Decided::Undecidable } else { Decided::Deny };
        self.outcome = self.outcome.max(decided);
        self.reasons.push(reason);
        self
    }

    /// This, and then another move of the same ref.
    pub(super) fn then(mut self, next: RefOutcome) -> RefOutcome {
        self.outcome = self.outcome.max(next.outcome);
        self.break_glass |= next.break_glass;
        self.manifest.extend(next.manifest);
        self.binding = self.binding.max(next.binding);
        self.valid_until = self.valid_until.into_iter().chain(next.valid_until).min();
        self.presence = self.presence.into_iter().chain(next.presence).min();
        self.records.extend(next.records);
        self.requirements.extend(next.requirements);
        self.reasons.extend(next.reasons);
        self
    }

    /// Where nothing stands against it, it is allowed.
    pub(super) fn of(name: &str, way: Vec<Standing>) -> RefOutcome {
        RefOutcome {
            name: name.to_owned(),
            tip: None,
            outcome: way.iter().map(Standing::decided).max().unwrap_or(Decided::Allow),
            break_glass: way.iter().any(|s| s.emergency),
            manifest: way.iter().map(|s| s.manifest.to_string()).collect(),
            binding: way.iter().filter_map(|s| s.binding).max().map(|b| b.to_string()),
            valid_until: way.iter().filter_map(|s| s.valid_until).min(),
            presence: way.iter().filter_map(|s| s.presence).min().map(|presence| presence.to_string()),
            records: way.iter().flat_map(|s| s.records.clone()).collect(),
            requirements: way.iter().flat_map(|s| s.slots.clone()).collect(),
            reasons: way.into_iter().flat_map(|s| s.reasons).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySummary {
    pub version: u64,
    pub digest: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LedgerSummary {
    pub chains: usize,
    pub records: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemorySummary {
    /// Chains of which the highest record seen is kept.
    pub chains: usize,
}

/// The last line of the gate's log, which this answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// From 1.
    pub seq: u64,
    /// SHA-256 of the line.
    pub digest: String,
}

/// The whole answer of `undersign verify`: DESIGN's contract, one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub schema: &'static str,
    pub outcome: Decided,
    pub enforced: bool,
    pub refs: Vec<RefOutcome>,
    pub policy: Option<PolicySummary>,
    pub ledger: LedgerSummary,
    /// What the gate remembers of earlier pushes; none where it has no place to.
    pub memory: Option<MemorySummary>,
    /// Where this answer stands in the gate's log; none where it keeps none.
    pub audit: Option<AuditHead>,
    pub evaluated_at: i64,
    pub valid_until: Option<i64>,
    pub elapsed_ms: u64,
    pub version: &'static str,
}

impl Outcome {
    /// What a hook does: a report only is 0 whatever it says.
    pub fn exit_code(&self) -> u8 {
        if self.enforced { self.outcome.exit_code() } else { 0 }
    }
}
