//! The broker's answer to a requester: whether the command starts, and why not.

use serde::{Serialize, Serializer};

use crate::policy::SlotState;
use crate::policy::reason_codes::reason_codes;
use crate::record::RecordId;

/// Whether a run starts. Only the first variant lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// It may start, now and by this broker.
    Start,
    /// Not yet: it may once somebody signs, or time passes.
    NotYet,
    /// It never will.
    Refused,
    /// The basis of the decision is missing, damaged or stale.
    Undecidable,
}

impl Decided {
    /// The exit code of a command that waits for the answer: 75 not yet, 2 refused, 4 cannot decide. 0 if the run has
    /// its own code.
    pub fn exit_code(self) -> u8 {
        match self {
            Decided::Start => 0,
            Decided::NotYet => 75,
            Decided::Refused => 2,
            Decided::Undecidable => 4,
        }
    }
}

reason_codes! {
    /// Reason codes; those that a gate also has share their names.
    pub enum Code {
        /// this broker admitted no such request.
        RequestUnknown = "REQUEST_UNKNOWN",
        /// the policy has no such target, or gives it to another broker.
        TargetUnknown = "TARGET_UNKNOWN",
        /// the request is burnt.
        Started = "STARTED",
        /// something else is running at the target, or an earlier run there was not inspected.
        Busy = "BUSY",
        /// the command may not be requested in this form.
        Argv = "ARGV",
        /// the environment may not be requested, or the broker's settings have changed since.
        Env = "ENV",
        /// the proven separation between agent and target is less than the policy demands.
        Level = "LEVEL",
        /// the operator is only claimed, so one more person must sign.
        OperatorUnproven = "OPERATOR_UNPROVEN",
        /// the ledger was not read recently.
        LedgerStale = "LEDGER_STALE",
        /// a chain is not valid.
        LedgerFault = "LEDGER_FAULT",
        /// a record that somebody signed to have seen is missing.
        LedgerMissing = "LEDGER_MISSING",
        /// a chain went back; for the broker's own, a copy contains more.
        LedgerRollback = "LEDGER_ROLLBACK",
        /// the policy has expired, or its organization cannot be relied on.
        PolicyStale = "POLICY_STALE",
        /// the clock went back, or the authorization is dated ahead of it.
        Time = "TIME",
        /// the request or the authorization has expired.
        Expired = "EXPIRED",
        /// a slot is open.
        Unsigned = "UNSIGNED",
        /// a refusal is in force.
        Vetoed = "VETOED",
        /// signed by the operator.
        SelfApproval = "SELF_APPROVAL",
        /// signed by a bot.
        NotHuman = "NOT_HUMAN",
        /// the signer has no role that a slot requires.
        Role = "ROLE",
        /// the signature proves less presence of the signer than is required.
        Presence = "PRESENCE",
        /// signed without having seen everything.
        Coverage = "COVERAGE",
        /// the cooling time is not over.
        Cooling = "COOLING",
        /// nothing starts at this time.
        Freeze = "FREEZE",
        /// an emergency lets it through, or does not, or its authorization is owed.
        BreakGlass = "BREAK_GLASS",
        /// what an emergency would have been told, if people practise one; nothing runs by it.
        Drill = "DRILL",
    }
}

/// The effect of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Every answer that depends on it repeats it.
    Said,
    /// A near miss: something that was almost enough.
    Explains,
    /// Delays it until somebody signs or time passes.
    Waits,
    /// Ends it.
    Refuses,
    /// No decision is possible, so nothing starts.
    Undecidable,
}

/// Why: a code for machines and a sentence for people, with what to do about it. Texts in it are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The cause; scripts depend on this alone.
    pub code: Code,
    /// Its effect on the answer.
    pub effect: Effect,
    /// Not a contract: it may change between versions.
    pub detail: String,
}

impl Reason {
    /// A reason with its effect.
    pub fn new(code: Code, effect: Effect, detail: impl Into<String>) -> Reason {
        Reason { code, effect, detail: detail.into() }
    }

    /// Whether an emergency waives it: open slots, cooling, freezes and a ledger that was not read recently.
    pub(super) fn is_waived(&self) -> bool {
        matches!(self.code, Code::Unsigned | Code::Cooling | Code::Freeze | Code::LedgerStale)
    }
}

/// Where `started` must be before the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// On the disk of the broker and on the ledger's remote, which is append-only: a restored or copied disk finds it
    /// there.
    Published,
    /// On the disk of the broker: there is no remote, or an emergency does not wait for an unreachable one. A reachable
    /// one that has another record in its place still stops it.
    Local,
}

/// Whether a run starts, why, and on which records that depends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The worst of the reasons.
    pub decided: Decided,
    /// The most important first.
    pub reasons: Vec<Reason>,
    /// Who fills which slot.
    pub slots: Vec<SlotState>,
    /// The records on which the start depends, if it may start.
    #[serde(serialize_with = "ids")]
    pub authorizations: Vec<RecordId>,
    /// An emergency lets it through.
    pub is_emergency: bool,
    /// When the answer changes, in seconds since the epoch; 0 if nothing starts.
    pub until: i64,
    /// Where `started` must be stored first.
    pub claim: Claim,
}

fn ids<S: Serializer>(ids: &[RecordId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ids.iter().map(ToString::to_string))
}

impl Answer {
    /// The answer that follows from these reasons, without records on which it depends.
    pub(super) fn of(mut reasons: Vec<Reason>, slots: Vec<SlotState>) -> Answer {
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.effect));
        let decided = match reasons.first().map(|reason| reason.effect) {
            Some(Effect::Undecidable) => Decided::Undecidable,
            Some(Effect::Refuses) => Decided::Refused,
            Some(Effect::Waits) => Decided::NotYet,
            _ => Decided::Start,
        };
        let (authorizations, is_emergency, until) = (Vec::new(), false, 0);
        Answer { decided, reasons, slots, authorizations, is_emergency, until, claim: Claim::Published }
    }
}
