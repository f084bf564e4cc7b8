//! The answer of the gate: a JSON object for machines, sentences for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{SeenOrganization, Standing};
use crate::change::ObjectId;
use crate::policy::reason_codes::reason_codes;
use crate::policy::{AI, HIDDEN, SlotState, Unfit};
use crate::record::evidence::EvidenceKind;

/// Allow, deny, or cannot decide. Only the first permits a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decided {
    /// There are no objections, and every slot that the policy requires is filled.
    Allow,
    /// There is an objection, or a slot is open.
    Deny,
    /// Something needed for the judgement is missing, damaged or unclear; it permits as little as a denial.
    Undecidable,
}

impl Decided {
    /// The word for it in the JSON: `allow`, `deny`, `undecidable`.
    pub fn name(self) -> &'static str {
        match self {
            Decided::Allow => "allow",
            Decided::Deny => "deny",
            Decided::Undecidable => "undecidable",
        }
    }

    /// 0 allow, 2 deny, 4 cannot decide. 2 on purpose: a wrapper may treat 1 as a mere warning.
    pub fn exit_code(self) -> u8 {
        match self {
            Decided::Allow => 0,
            Decided::Deny => 2,
            Decided::Undecidable => 4,
        }
    }
}

reason_codes! {
    /// Reason codes. Scripts may rely on their names; the manual says what each means.
    pub enum Code {
        /// there is no policy.
        PolicyAbsent = "POLICY_ABSENT",
        /// the policy has mistakes.
        PolicyInvalid = "POLICY_INVALID",
        /// the policy is older than before, has expired, or its version did not increase.
        PolicyStale = "POLICY_STALE",
        /// the policy is changed together with something else.
        PolicyMixed = "POLICY_MIXED",
        /// a chain of a key in the roster is damaged.
        LedgerFault = "LEDGER_FAULT",
        /// a record that somebody saw, according to their signature, is missing.
        LedgerMissing = "LEDGER_MISSING",
        /// a chain lost records, compared with the gate's memory or with the ref that it would replace.
        LedgerRollback = "LEDGER_ROLLBACK",
        /// the gate's state is from a backup, and nobody answered yet for what it may lack.
        Restored = "RESTORED",
        /// a chain of a key that is not in the roster.
        Stranger = "STRANGER",
        /// an object is missing, damaged, or ambiguous.
        Unreadable = "UNREADABLE",
        /// the policy does not name the ref, or git would not accept its name.
        RefUncovered = "REF_UNCOVERED",
        /// a protected ref may not be deleted.
        RefDeleted = "REF_DELETED",
        /// a protected ref may not be rewritten, neither by the push nor without the gate.
        Rewrite = "REWRITE",
        /// no commit on the line is a state, or the ref points where this gate never allowed it.
        NotAState = "NOT_A_STATE",
        /// a shallow history lacks commits that are needed.
        CutHistory = "CUT_HISTORY",
        /// the result of merging a proposal cannot be determined.
        MergeUnclear = "MERGE_UNCLEAR",
        /// it exceeds what the policy allows for one change or signature, or what is read for one push.
        Limit = "LIMIT",
        /// a slot of a compartment is open.
        Unsigned = "UNSIGNED",
        /// a slot for AI assistance is open.
        AiUnsigned = "AI_UNSIGNED",
        /// nobody vouches for who wrote it.
        AuthorUnproven = "AUTHOR_UNPROVEN",
        /// a slot for invisible characters is open, or the name of a new ref has such characters.
        Hidden = "BIDI",
        /// a rejection of this or of an earlier version is in force, and no approval answers it.
        Vetoed = "VETOED",
        /// signed by an author, or by the person who ran the agent.
        SelfApproval = "SELF_APPROVAL",
        /// the signer does not have the role that the slot requires.
        Role = "ROLE",
        /// signed by a bot.
        NotHuman = "NOT_HUMAN",
        /// the approval has expired.
        Expired = "EXPIRED",
        /// the approval is dated more than [`super::CLOCK_SKEW`] seconds ahead, or the gate's clock went back.
        Time = "TIME",
        /// the key was not valid when it signed.
        KeyTime = "KEY_TIME",
        /// the key is retired or compromised.
        KeyRevoked = "KEY_REVOKED",
        /// the cooling time of the compartment is not over.
        Cooling = "COOLING",
        /// the policy allows nothing to land at this time.
        Freeze = "FREEZE",
        /// different content was approved, of this change or of the same lines.
        ChangedAfter = "CHANGED_AFTER",
        /// different file modes were approved.
        TypeChange = "TYPECHANGE",
        /// the merge does more than was approved.
        MergeDelta = "MERGE_DELTA",
        /// it was approved from a base that the compartment's binding does not permit.
        BaseMoved = "BASE_MOVED",
        /// it was approved for another place, or before a touched path was changed and changed back.
        Context = "CONTEXT",
        /// the approval is bound to something other than what lands: see [`crate::policy::Binding`].
        Binding = "BINDING",
        /// the signature proves less presence than required.
        Presence = "PRESENCE",
        /// the counter of the security key did not increase: `SPEC.md`, section 5.
        Clone = "CLONE",
        /// approved without having seen all of it.
        Coverage = "COVERAGE",
        /// a submodule, LFS pointer or other unreadable content that nobody acknowledged, or a link that leads out of
        /// the repository.
        Opaque = "OPAQUE",
        /// confusable names, names reserved by git, or a tag object under a name other than its own.
        Confusable = "CONFUSABLE",
        /// the compartment must land alone, and something else is in the same change.
        Solo = "SOLO",
        /// an emergency allowed it, or was claimed and did not, or its review is still owed.
        BreakGlass = "BREAK_GLASS",
        /// people practise an emergency; what it would be told.
        Drill = "DRILL",
        /// the policy lets authors sign for their own changes.
        SelfReview = "SELF_REVIEW",
        /// intermediate commits were not reviewed individually.
        Intermediate = "INTERMEDIATE",
        /// many lines were approved within seconds.
        TooFast = "REVIEW_TOO_FAST",
        /// a result of a check, or approvals on a forge, are asked for and missing, or why one does not count.
        Evidence = "EVIDENCE",
    }
}

impl Code {
    /// Why a key does not sign.
    pub fn of_unfit(unfit: Unfit) -> Code {
        match unfit {
            Unfit::Time => Code::KeyTime,
            Unfit::Retired | Unfit::Compromised => Code::KeyRevoked,
        }
    }

    /// That a slot is open.
    pub fn of_open_slot(slot: &SlotState) -> Code {
        match slot.compartment.as_str() {
            AI => Code::AiUnsigned,
            HIDDEN => Code::Hidden,
            _ => Code::Unsigned,
        }
    }
}

/// The effect of a reason. Why an approval did not count only explains: an approval that is not needed must never turn
/// an allowed push into a denied one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasonEffect {
    /// Every outcome that depends on it repeats it.
    Said,
    /// Explains what was close, but not enough.
    Explains,
    /// Denies, unless an emergency allows the change.
    Holds,
    /// Denies, whatever was approved.
    Denies,
    /// Nothing can be decided, so the push is stopped.
    Undecidable,
}

/// Why: a code for machines and a sentence for people. Texts in it are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is wrong; scripts should use only this.
    pub code: Code,
    /// What it does to the outcome.
    pub effect: ReasonEffect,
    /// The compartment that it is about; none if it is not about exactly one.
    pub compartment: Option<String>,
    /// The path that it is about, escaped as [`crate::change::RepoPath`] is displayed.
    pub path: Option<String>,
    /// One or more sentences for people, with what to do about it. It may change between versions.
    pub detail: String,
}

impl Reason {
    /// A reason about no compartment and no path in particular.
    pub fn new(code: Code, effect: ReasonEffect, detail: impl Into<String>) -> Reason {
        Reason { code, effect, compartment: None, path: None, detail: detail.into() }
    }

    /// One of [`ReasonEffect::Said`].
    pub fn said(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, ReasonEffect::Said, detail)
    }

    /// Whether it says just this: that the slot is open.
    pub fn is_of(&self, slot: &SlotState) -> bool {
        self.effect == ReasonEffect::Holds
            && self.code == Code::of_open_slot(slot)
            && self.compartment.as_ref() == Some(&slot.compartment)
    }

    /// One of [`ReasonEffect::Explains`].
    pub fn explains(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, ReasonEffect::Explains, detail)
    }

    /// One of [`ReasonEffect::Holds`].
    pub fn holds(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, ReasonEffect::Holds, detail)
    }

    /// One of [`ReasonEffect::Denies`].
    pub fn deny(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, ReasonEffect::Denies, detail)
    }

    /// One of [`ReasonEffect::Undecidable`].
    pub fn undecidable(code: Code, detail: impl Into<String>) -> Reason {
        Reason::new(code, ReasonEffect::Undecidable, detail)
    }

    /// The same, about one compartment, by name.
    pub fn in_compartment(mut self, compartment: &str) -> Reason {
        self.compartment = Some(compartment.to_owned());
        self
    }

    /// The same, about one path or place, as it is displayed.
    pub fn at(mut self, path: impl fmt::Display) -> Reason {
        self.path = Some(path.to_string());
        self
    }
}

/// Weaker evidence that is asked for, and what there is of it. None of it is a signature of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceState {
    /// Whose requirement it is.
    pub compartment: String,
    /// The source, as the policy names it.
    pub source: String,
    /// `ci`: results of checks; `forge`: approvals that an account read on a forge.
    pub kind: EvidenceKind,
    /// The check, or the role of those who approve; empty for any person of the roster.
    pub what: String,
    /// How many are needed.
    pub need: usize,
    /// How many there are.
    pub have: usize,
    /// Of approvals, the ids of people of the roster, by their accounts.
    pub by: Vec<String>,
    /// Ids of the records of evidence that count.
    pub records: Vec<String>,
}

impl EvidenceState {
    /// Whether there is enough of it.
    pub fn is_met(&self) -> bool {
        self.have >= self.need
    }
}

/// The verdict on one ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefOutcome {
    /// The full name of the ref: `refs/heads/main`.
    #[serde(rename = "ref")]
    pub name: String,
    /// The outcome of this ref alone; the push as a whole gets the worst of all its refs.
    pub outcome: Decided,
    /// The tip for which a verdict on a proposal was given, and on which alone it is valid; none for a push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
    /// Everything that was found, in no fixed order; an allowed ref may have reasons that inform or explain.
    pub reasons: Vec<Reason>,
    /// Every required slot, filled or not.
    pub requirements: Vec<SlotState>,
    /// The evidence that is required, there or not; left out if none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceState>,
    /// An emergency allowed it; the review is owed.
    pub break_glass: bool,
    /// Ids of the records that it depends on.
    pub records: Vec<String>,
    /// The weakest presence that any of these proves.
    pub presence: Option<String>,
    /// Digests of the manifests of the segments that the push was cut into.
    pub manifest: Vec<String>,
    /// The strictest binding that was required.
    pub binding: Option<String>,
    /// Seconds since the epoch: when the first counted approval expires.
    pub valid_until: Option<i64>,
    /// The commits at which what was approved ends, oldest first, even if not all of the push is allowed. For whoever
    /// follows a branch; not part of the answer.
    #[serde(skip)]
    pub ends: Vec<ObjectId>,
}

impl RefOutcome {
    /// A denied or undecidable outcome with one reason.
    pub fn refused(name: &str, reason: Reason) -> RefOutcome {
        RefOutcome::allowed(name).and(reason)
    }

    /// There are no objections, and nothing had to be approved.
    pub fn allowed(name: &str) -> RefOutcome {
        RefOutcome::of(name, Vec::new())
    }

    /// The same, with one more reason against it.
    pub(super) fn and(mut self, reason: Reason) -> RefOutcome {
        let decided = if reason.effect == ReasonEffect::Undecidable { Decided::Undecidable } else { Decided::Deny };
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
        self.evidence.extend(next.evidence);
        self.reasons.extend(next.reasons);
        self
    }

    /// Without objections, it is allowed.
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
            ends: Vec::new(),
            requirements: way.iter().flat_map(|s| s.slots.clone()).collect(),
            evidence: way.iter().flat_map(|s| s.evidence.clone()).collect(),
            reasons: way.into_iter().flat_map(|s| s.reasons).collect(),
        }
    }
}

/// The policy that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySummary {
    /// Its `version`, which increases with every change.
    pub version: u64,
    /// SHA-256 of the bytes of the file, in hex.
    pub digest: String,
    /// What it inherits from, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<SeenOrganization>,
}

/// How much of the ledger was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LedgerSummary {
    /// All chains, whoever their keys belong to.
    pub chains: usize,
    /// Sound records in all of these chains, of known keys or not.
    pub records: usize,
}

/// The content of the gate's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemorySummary {
    /// Chains whose highest seen record is stored.
    pub chains: usize,
}

/// This answer as the last line of the gate's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// From 1.
    pub seq: u64,
    /// SHA-256 of the line.
    pub digest: String,
}

/// The whole answer of `undersign verify`: one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// `undersign-outcome/v1`: members may be added under this name; none is removed or changes its meaning.
    pub schema: &'static str,
    /// The worst of all refs.
    pub outcome: Decided,
    /// Whether the exit code should stop anything: false if the gate only reports, or audits the past.
    pub enforced: bool,
    /// One for each ref of the push, in the order in which they were pushed.
    pub refs: Vec<RefOutcome>,
    /// None if none could be read; the reasons say why.
    pub policy: Option<PolicySummary>,
    /// The chains that were used, including those of the push.
    pub ledger: LedgerSummary,
    /// What the gate remembers of earlier pushes; none if it has no state.
    pub memory: Option<MemorySummary>,
    /// The line of this answer in the gate's log; none if it keeps none.
    pub audit: Option<AuditHead>,
    /// When it was judged by the gate's clock, in seconds since the epoch.
    pub evaluated_at: i64,
    /// The earliest of those of the refs, in seconds since the epoch; none if nothing that expires was counted.
    pub valid_until: Option<i64>,
    /// How long judging took, in milliseconds.
    pub elapsed_ms: u64,
    /// The version of this crate.
    pub version: &'static str,
}

impl Outcome {
    /// The exit code for a hook: 0 if the gate only reports.
    pub fn exit_code(&self) -> u8 {
        if self.enforced { self.outcome.exit_code() } else { 0 }
    }
}
