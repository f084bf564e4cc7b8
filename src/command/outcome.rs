//! The broker's answer to a requester: whether the command starts, and why not.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::policy::SlotState;
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

/// Reason codes; those that a gate also has share their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// `REQUEST_UNKNOWN`: this broker admitted no such request.
    RequestUnknown,
    /// `TARGET_UNKNOWN`: the policy has no such target, or gives it to another broker.
    TargetUnknown,
    /// `STARTED`: the request is burnt.
    Started,
    /// `BUSY`: something else is running at the target, or an earlier run there was not inspected.
    Busy,
    /// `ARGV`: the command may not be requested in this form.
    Argv,
    /// `ENV`: the environment may not be requested, or the broker's settings have changed since.
    Env,
    /// `LEVEL`: the proven separation between agent and target is less than the policy demands.
    Level,
    /// `OPERATOR_UNPROVEN`: the operator is only claimed, so one more person must sign.
    OperatorUnproven,
    /// `LEDGER_STALE`: the ledger was not read recently.
    LedgerStale,
    /// `LEDGER_FAULT`: a chain is not valid.
    LedgerFault,
    /// `LEDGER_MISSING`: a record that somebody signed to have seen is missing.
    LedgerMissing,
    /// `LEDGER_ROLLBACK`: a chain went back; for the broker's own, a copy contains more.
    LedgerRollback,
    /// `POLICY_STALE`: the policy has expired, or its organization cannot be relied on.
    PolicyStale,
    /// `TIME`: the clock went back, or the authorization is dated ahead of it.
    Time,
    /// `EXPIRED`: the request or the authorization has expired.
    Expired,
    /// `UNSIGNED`: a slot is open.
    Unsigned,
    /// `VETOED`: a refusal is in force.
    Vetoed,
    /// `SELF_APPROVAL`: signed by the operator.
    SelfApproval,
    /// `NOT_HUMAN`: signed by a bot.
    NotHuman,
    /// `ROLE`: the signer has no role that a slot requires.
    Role,
    /// `PRESENCE`: the signature proves less presence of the signer than is required.
    Presence,
    /// `COVERAGE`: signed without having seen everything.
    Coverage,
    /// `COOLING`: the cooling time is not over.
    Cooling,
    /// `FREEZE`: nothing starts at this time.
    Freeze,
    /// `BREAK_GLASS`: an emergency lets it through, or does not, or its authorization is owed.
    BreakGlass,
}

impl Code {
    /// All of them, in order of declaration.
    pub const ALL: [Code; 25] = [
        Code::RequestUnknown,
        Code::TargetUnknown,
        Code::Started,
        Code::Busy,
        Code::Argv,
        Code::Env,
        Code::Level,
        Code::OperatorUnproven,
        Code::LedgerStale,
        Code::LedgerFault,
        Code::LedgerMissing,
        Code::LedgerRollback,
        Code::PolicyStale,
        Code::Time,
        Code::Expired,
        Code::Unsigned,
        Code::Vetoed,
        Code::SelfApproval,
        Code::NotHuman,
        Code::Role,
        Code::Presence,
        Code::Coverage,
        Code::Cooling,
        Code::Freeze,
        Code::BreakGlass,
    ];

    /// Its name in the JSON and in the manual.
    pub fn name(self) -> &'static str {
        match self {
            Code::RequestUnknown => "REQUEST_UNKNOWN",
            Code::TargetUnknown => "TARGET_UNKNOWN",
            Code::Started => "STARTED",
            Code::Busy => "BUSY",
            Code::Argv => "ARGV",
            Code::Env => "ENV",
            Code::Level => "LEVEL",
            Code::OperatorUnproven => "OPERATOR_UNPROVEN",
            Code::LedgerStale => "LEDGER_STALE",
            Code::LedgerFault => "LEDGER_FAULT",
            Code::LedgerMissing => "LEDGER_MISSING",
            Code::LedgerRollback => "LEDGER_ROLLBACK",
            Code::PolicyStale => "POLICY_STALE",
            Code::Time => "TIME",
            Code::Expired => "EXPIRED",
            Code::Unsigned => "UNSIGNED",
            Code::Vetoed => "VETOED",
            Code::SelfApproval => "SELF_APPROVAL",
            Code::NotHuman => "NOT_HUMAN",
            Code::Role => "ROLE",
            Code::Presence => "PRESENCE",
            Code::Coverage => "COVERAGE",
            Code::Cooling => "COOLING",
            Code::Freeze => "FREEZE",
            Code::BreakGlass => "BREAK_GLASS",
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
