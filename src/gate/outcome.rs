//! What the gate says: to machines a JSON object, to people sentences.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Push, Standing};

/// Allow, deny, or cannot decide. Only the first lets anything through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decided {
    Allow,
    Deny,
    Undecidable,
}

impl Decided {
    /// 0 allow, 2 deny, 4 cannot decide. 2 on purpose: what wraps us may read 1 as a mere warning.
    pub fn exit_code(self) -> u8 {
        match self {
            Decided::Allow => 0,
            Decided::Deny => 2,
            Decided::Undecidable => 4,
        }
    }
}

/// Reason codes. Their names are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    PolicyAbsent,
    PolicyInvalid,
    LedgerFault,
    LedgerMissing,
    LedgerRollback,
    Unreadable,
    RefUncovered,
    RefDeleted,
    Rewrite,
    Limit,
    Unsigned,
    Vetoed,
    SelfApproval,
    Role,
    NotHuman,
    Expired,
    Time,
    ChangedAfter,
    BaseMoved,
    Context,
    Binding,
    Presence,
    Clone,
    PolicyMixed,
    Solo,
    SelfReview,
}

impl Code {
    /// Whether it denies by itself, whatever was approved. The others say why an approval did not count: an approval that
    /// is not needed must never turn an allowed push into a denied one.
    pub fn blocks(self) -> bool {
        matches!(self, Code::Vetoed | Code::PolicyMixed | Code::Solo)
    }

    pub fn name(self) -> &'static str {
        match self {
            Code::PolicyAbsent => "POLICY_ABSENT",
            Code::PolicyInvalid => "POLICY_INVALID",
            Code::LedgerFault => "LEDGER_FAULT",
            Code::LedgerMissing => "LEDGER_MISSING",
            Code::LedgerRollback => "LEDGER_ROLLBACK",
            Code::Unreadable => "UNREADABLE",
            Code::RefUncovered => "REF_UNCOVERED",
            Code::RefDeleted => "REF_DELETED",
            Code::Rewrite => "REWRITE",
            Code::Limit => "LIMIT",
            Code::Unsigned => "UNSIGNED",
            Code::Vetoed => "VETOED",
            Code::SelfApproval => "SELF_APPROVAL",
            Code::Role => "ROLE",
            Code::NotHuman => "NOT_HUMAN",
            Code::Expired => "EXPIRED",
            Code::Time => "TIME",
            Code::ChangedAfter => "CHANGED_AFTER",
            Code::BaseMoved => "BASE_MOVED",
            Code::Context => "CONTEXT",
            Code::Binding => "BINDING",
            Code::Presence => "PRESENCE",
            Code::Clone => "CLONE",
            Code::PolicyMixed => "POLICY_MIXED",
            Code::Solo => "SOLO",
            Code::SelfReview => "SELF_REVIEW",
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

/// Why: a code for machines and a sentence for people. Texts in it are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    pub code: Code,
    pub compartment: Option<String>,
    pub path: Option<String>,
    pub detail: String,
}

impl Reason {
    pub fn new(code: Code, detail: impl Into<String>) -> Reason {
        Reason { code, compartment: None, path: None, detail: detail.into() }
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

/// One slot of a requirement: how many of which role, and who fills it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotState {
    pub compartment: String,
    pub slot: String,
    pub need: usize,
    pub have: usize,
    pub by: Vec<String>,
}

/// The verdict on one ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefOutcome {
    #[serde(rename = "ref")]
    pub name: String,
    pub outcome: Decided,
    pub reasons: Vec<Reason>,
    pub requirements: Vec<SlotState>,
    /// Digests of the manifests of the segments that the push was cut into.
    pub manifest: Vec<String>,
    /// The strictest binding that was asked for.
    pub binding: Option<String>,
    /// Seconds since the epoch: when the first counted approval expires.
    pub valid_until: Option<i64>,
}

impl RefOutcome {
    pub fn refused(push: &Push, outcome: Decided, reason: Reason) -> RefOutcome {
        RefOutcome {
            name: push.name.clone(),
            outcome,
            reasons: vec![reason],
            requirements: Vec::new(),
            manifest: Vec::new(),
            binding: None,
            valid_until: None,
        }
    }

    pub(super) fn of(push: &Push, way: Vec<Standing>) -> RefOutcome {
        let allowed = way.iter().all(Standing::is_allowed);
        RefOutcome {
            name: push.name.clone(),
            outcome: if allowed { Decided::Allow } else { Decided::Deny },
            manifest: way.iter().map(|s| s.manifest.to_string()).collect(),
            binding: way.iter().filter_map(|s| s.binding).max().map(|b| b.to_string()),
            valid_until: way.iter().filter_map(|s| s.valid_until).min(),
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
    pub evaluated_at: i64,
    pub valid_until: Option<i64>,
    pub elapsed_ms: u64,
    pub version: &'static str,
}
