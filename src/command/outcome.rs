//! What a broker says to who wants something run: whether it starts, and why not.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::policy::SlotState;
use crate::record::RecordId;

/// Whether a run starts. Only the first lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// It may start, now and by this broker.
    Start,
    /// Not yet: it may where somebody signs, or time passes.
    NotYet,
    /// It never will.
    Refused,
    /// What it would be judged by is missing, damaged or stale.
    Undecidable,
}

impl Decided {
    /// Of a command that waits for the answer: 75 not yet, 2 refused, 4 cannot decide. 0 where the run has a code of
    /// its own.
    pub fn exit_code(self) -> u8 {
        match self {
            Decided::Start => 0,
            Decided::NotYet => 75,
            Decided::Refused => 2,
            Decided::Undecidable => 4,
        }
    }
}

/// Reason codes; those that a gate has too are called the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// `REQUEST_UNKNOWN`: this broker admitted no such request.
    RequestUnknown,
    /// `TARGET_UNKNOWN`: the policy has no such target, or gives it to another broker.
    TargetUnknown,
    /// `STARTED`: the request is burnt.
    Started,
    /// `BUSY`: something else runs at the target, or what ran there was not looked at.
    Busy,
    /// `ARGV`: the command is none that may be asked so.
    Argv,
    /// `ENV`: the environment is not one that may be asked, or the broker's settings changed since.
    Env,
    /// `LEVEL`: less is proven to stand between agent and target than the policy demands.
    Level,
    /// `OPERATOR_UNPROVEN`: for whom it runs is only claimed, so one person more must sign.
    OperatorUnproven,
    /// `LEDGER_STALE`: the ledger was not read lately.
    LedgerStale,
    /// `LEDGER_FAULT`: a chain does not hold together.
    LedgerFault,
    /// `LEDGER_MISSING`: a record that somebody signed to have seen is not here.
    LedgerMissing,
    /// `LEDGER_ROLLBACK`: a chain went back; of the broker's own, a copy holds more.
    LedgerRollback,
    /// `POLICY_STALE`: the policy has expired.
    PolicyStale,
    /// `TIME`: the clock went back, or the authorization is dated ahead of it.
    Time,
    /// `EXPIRED`: the time of request or authorization is over.
    Expired,
    /// `UNSIGNED`: a slot is open.
    Unsigned,
    /// `VETOED`: a refusal is in force.
    Vetoed,
    /// `SELF_APPROVAL`: signed by the operator.
    SelfApproval,
    /// `NOT_HUMAN`: signed by a bot.
    NotHuman,
    /// `ROLE`: the signer has no role that a slot asks for.
    Role,
    /// `PRESENCE`: the signature proves less of the signer being there than is asked for.
    Presence,
    /// `COVERAGE`: signed without having seen all of it.
    Coverage,
    /// `COOLING`: the cooling time is not over.
    Cooling,
    /// `FREEZE`: nothing starts at this time.
    Freeze,
    /// `BREAK_GLASS`: an emergency lets it through, does not, or its authorization is owed.
    BreakGlass,
}

impl Code {
    /// All of them, in the order of their declaration.
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

    /// The name in the JSON and in the manual.
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

/// What a reason does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Every answer that rests on it repeats it.
    Said,
    /// What came near, and was not enough.
    Explains,
    /// Holds it up until somebody signs or time passes.
    Waits,
    /// Ends it.
    Refuses,
    /// Nothing can be said; so nothing starts.
    Undecidable,
}

/// Why: a code for machines and a sentence for people, with what to do about it. Texts in it are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is the matter; scripts go by this alone.
    pub code: Code,
    /// What it does to the answer.
    pub effect: Effect,
    /// Not a contract: it may change between versions.
    pub detail: String,
}

impl Reason {
    /// A reason with what it does.
    pub fn new(code: Code, effect: Effect, detail: impl Into<String>) -> Reason {
        Reason { code, effect, detail: detail.into() }
    }

    /// Whether an emergency passes it: open slots, cooling, freezes and a ledger that was not read lately.
    pub(super) fn is_waived(&self) -> bool {
        matches!(self.code, Code::Unsigned | Code::Cooling | Code::Freeze | Code::LedgerStale)
    }
}

/// Where `started` must be before the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// On the disk of the broker and on the ledger's remote, where it may only be added: a disk that was restored, or
    /// copied, finds it there.
    Published,
    /// On the disk of the broker: there is no remote, or an emergency does not wait for one that is away. One that is
    /// there and has another record in its place stops it all the same.
    Local,
}

/// Whether a run starts, why, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The worst of the reasons.
    pub decided: Decided,
    /// What matters first stands first.
    pub reasons: Vec<Reason>,
    /// Who fills which slot.
    pub slots: Vec<SlotState>,
    /// What it rests on, where it may start.
    #[serde(serialize_with = "ids")]
    pub authorizations: Vec<RecordId>,
    /// An emergency lets it through.
    pub is_emergency: bool,
    /// From then on the answer is another, in seconds since the epoch; 0 where nothing starts.
    pub until: i64,
    /// Where `started` must be first.
    pub claim: Claim,
}

fn ids<S: Serializer>(ids: &[RecordId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ids.iter().map(ToString::to_string))
}

impl Answer {
    /// What these reasons come to, with nothing that it rests on.
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
