//! What an audit comes to, as plain values: what is drawn, printed and read by machines. Texts of a repository stand in
//! it as [`Shown`], so that none reaches a page as it was written.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::change::visible;

/// Members may be added under this name, none is taken away or changes its meaning.
pub const SCHEMA: &str = "undersign-audit/v1";

/// A text that came from a repository, its hidden characters drawn as marks. The one way of such a text into a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Shown(String);

/// Characters of one text; what is longer is cut, and says so.
const MAX_SHOWN: usize = 1_000;

impl Shown {
    pub fn of(text: &str) -> Shown {
        let shown = visible::text(text);
        Shown(match shown.char_indices().nth(MAX_SHOWN) {
            None => shown.into_owned(),
            Some((end, _)) => format!("{}… (cut)", &shown[..end]),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Seconds since the epoch; written as `2026-11-24T09:30:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Time {
    /// `2026-11`, for what is counted by month.
    pub fn month(self) -> String {
        self.to_string().get(..7).unwrap_or("?").to_owned()
    }
}

/// The whole of it.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    /// Of the program that wrote it.
    pub version: &'static str,
    /// Id of the repository, by the policy.
    pub repository: Shown,
    pub query: Query,
    pub inputs: Inputs,
    pub summary: Summary,
    /// What an auditor must look at, the gravest first.
    pub exceptions: Vec<Exception>,
    /// All that landed in the period, by ref, the oldest first.
    pub landings: Vec<Landing>,
    /// By column, the ids of the controls that it is evidence for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, Vec<Shown>>,
}

/// What was asked, completed: asked so again over the same inputs, it gives the same bytes.
#[derive(Debug, Serialize)]
pub struct Query {
    /// None for the beginning.
    pub from: Option<Time>,
    /// None only where nothing landed.
    pub to: Option<Time>,
    /// Whether `to` was given; else it is when the newest of all landed.
    pub to_is_given: bool,
    pub refs: Vec<Shown>,
    /// Whether these were named; else they are what the policy protects.
    pub refs_are_given: bool,
    /// An approval within so many seconds of the commit that it is of is an exception.
    pub hasty_seconds: i64,
}

/// What it rests on.
#[derive(Debug, Serialize)]
pub struct Inputs {
    pub policy: PolicyInput,
    pub refs: Vec<RefInput>,
    pub ledger: LedgerInput,
    /// None where no log of a gate was given.
    pub log: Option<LogInput>,
    /// SHA-256 of the file that maps columns to controls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<String>,
    /// What could not be seen, in sentences.
    pub notes: Vec<Shown>,
}

/// The policy by which it is looked back; each landing was judged by the one of its own time.
#[derive(Debug, Serialize)]
pub struct PolicyInput {
    /// Full name of the policy branch; none where the policy was given as a file.
    pub branch: Option<Shown>,
    pub version: u64,
    /// SHA-256 of the file.
    pub digest: String,
}

/// A ref, where it stood.
#[derive(Debug, Serialize)]
pub struct RefInput {
    #[serde(rename = "ref")]
    pub name: Shown,
    pub tip: String,
    /// Commits on its own first-parent line.
    pub line: usize,
}

/// The decisions that were read.
#[derive(Debug, Serialize)]
pub struct LedgerInput {
    pub records: usize,
    pub chains: Vec<ChainInput>,
}

#[derive(Debug, Serialize)]
pub struct ChainInput {
    pub chain: Shown,
    pub records: usize,
    /// Id of the last record; none where none holds.
    pub head: Option<String>,
}

/// The gate's log, as far as it goes.
#[derive(Debug, Serialize)]
pub struct LogInput {
    pub entries: usize,
    /// Number and SHA-256 of its last line.
    pub head: Option<(u64, String)>,
    /// First and last of lines that are not here.
    pub missing: Vec<(u64, u64)>,
    /// When records came is known from what the gate remembers; else it is what their signers say.
    pub has_receipts: bool,
}

/// In numbers.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub landings: usize,
    pub commits: usize,
    /// By name of the decision.
    pub decisions: BTreeMap<&'static str, usize>,
    /// By name of the kind.
    pub exceptions: BTreeMap<&'static str, usize>,
    /// Landings with at least one exception.
    pub with_exceptions: usize,
    /// By status of provenance: `declared`, `detected` and the like.
    pub ai: BTreeMap<&'static str, usize>,
    /// By where it is known from when they landed.
    pub times: BTreeMap<&'static str, usize>,
    pub months: BTreeMap<String, Month>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Month {
    pub landings: usize,
    pub approved: usize,
    pub break_glass: usize,
    /// With a sign of AI.
    pub ai: usize,
    pub with_exceptions: usize,
}

/// What became of a landing by the gate's rules, as of when it landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// The people whom the policy asks for approved exactly this.
    Approved,
    /// An emergency let it through.
    BreakGlass,
    /// There was nothing to approve: a merge of what protected refs showed.
    Nothing,
    /// It was not approved.
    Unapproved,
    /// The rules could not be applied.
    Undecidable,
    /// There was no policy, or it did not protect the ref.
    Ungoverned,
}

impl Decision {
    pub const ALL: [Decision; 6] = [
        Decision::Approved,
        Decision::BreakGlass,
        Decision::Nothing,
        Decision::Unapproved,
        Decision::Undecidable,
        Decision::Ungoverned,
    ];

    /// As outputs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Decision::Approved => "approved",
            Decision::BreakGlass => "break-glass",
            Decision::Nothing => "nothing-to-approve",
            Decision::Unapproved => "unapproved",
            Decision::Undecidable => "undecidable",
            Decision::Ungoverned => "ungoverned",
        }
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Kinds of exceptions, the gravest first. Their names are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Unapproved,
    Refused,
    Rewritten,
    RecordLost,
    Undecidable,
    ReviewOwed,
    Withdrawn,
    KeyEnded,
    PolicyWeakened,
    ApprovedLate,
    Backdated,
    Hasty,
    SelfReview,
    NoVerdict,
    ReportOnly,
    NoPolicy,
    LogGap,
}

impl Kind {
    pub const ALL: [Kind; 17] = [
        Kind::Unapproved,
        Kind::Refused,
        Kind::Rewritten,
        Kind::RecordLost,
        Kind::Undecidable,
        Kind::ReviewOwed,
        Kind::Withdrawn,
        Kind::KeyEnded,
        Kind::PolicyWeakened,
        Kind::ApprovedLate,
        Kind::Backdated,
        Kind::Hasty,
        Kind::SelfReview,
        Kind::NoVerdict,
        Kind::ReportOnly,
        Kind::NoPolicy,
        Kind::LogGap,
    ];

    /// As outputs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Unapproved => "unapproved",
            Kind::Refused => "refused",
            Kind::Rewritten => "rewritten",
            Kind::RecordLost => "record-lost",
            Kind::Undecidable => "undecidable",
            Kind::ReviewOwed => "review-owed",
            Kind::Withdrawn => "withdrawn",
            Kind::KeyEnded => "key-ended",
            Kind::PolicyWeakened => "policy-weakened",
            Kind::ApprovedLate => "approved-late",
            Kind::Backdated => "backdated",
            Kind::Hasty => "hasty",
            Kind::SelfReview => "self-review",
            Kind::NoVerdict => "no-verdict",
            Kind::ReportOnly => "report-only",
            Kind::NoPolicy => "no-policy",
            Kind::LogGap => "log-gap",
        }
    }

    /// What it is, for the head of a group.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Unapproved => "Landed without approval",
            Kind::Refused => "Landed although the gate refused it",
            Kind::Rewritten => "Landed, and is no longer there",
            Kind::RecordLost => "Records that are gone or do not hold",
            Kind::Undecidable => "Cannot be judged",
            Kind::ReviewOwed => "Emergency whose review is owed",
            Kind::Withdrawn => "Taken back or rejected since",
            Kind::KeyEnded => "Approved with a key that has ended since",
            Kind::PolicyWeakened => "Loosened the policy",
            Kind::ApprovedLate => "Approved after it landed",
            Kind::Backdated => "Dated before what it stands on",
            Kind::Hasty => "Approved within seconds",
            Kind::SelfReview => "Approved by an author",
            Kind::NoVerdict => "Landed past the gate: its log has no verdict",
            Kind::ReportOnly => "Landed while the gate only reported",
            Kind::NoPolicy => "Landed where no policy held",
            Kind::LogGap => "Lines of the gate's log are missing",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    pub kind: Kind,
    /// The landing that it is about; none where it is about the repository.
    #[serde(rename = "ref")]
    pub name: Option<Shown>,
    pub commit: Option<String>,
    pub at: Option<Time>,
    pub subject: Shown,
    /// A sentence.
    pub detail: Shown,
}

/// Where it is known from when something landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The gate's log: when it let it through.
    Log,
    /// The committer's clock: a claim.
    Committer,
}

impl When {
    pub fn name(self) -> &'static str {
        match self {
            When::Log => "gate-log",
            When::Committer => "committer-date",
        }
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A segment of a ref's first-parent line.
#[derive(Debug, Clone, Serialize)]
pub struct Landing {
    #[serde(rename = "ref")]
    pub name: Shown,
    /// Where the ref stood before; none at the beginning of its line.
    pub from: Option<String>,
    pub to: String,
    /// Commits on the first-parent line, and in all.
    pub steps: usize,
    pub commits: usize,
    /// Paths that it changes.
    pub paths: usize,
    pub subject: Shown,
    pub author: Shown,
    pub at: Time,
    pub at_by: When,
    pub decision: Decision,
    /// As of when that was judged.
    pub judged_at: Time,
    /// Version and SHA-256 of the policy by which; none where there was none.
    pub policy: Option<(u64, String)>,
    pub approvals: Vec<Approval>,
    pub requirements: Vec<Requirement>,
    /// Codes and sentences of the gate's rules.
    pub reasons: Vec<Reason>,
    pub ai: Ai,
    /// What the gate answered then; none without its log.
    pub gate: Option<Verdict>,
    pub exceptions: Vec<Kind>,
}

/// A decision that was counted.
#[derive(Debug, Clone, Serialize)]
pub struct Approval {
    /// Its id.
    pub record: String,
    pub verdict: String,
    pub person: Shown,
    pub roles: Vec<Shown>,
    pub presence: String,
    /// When, by the signer's clock.
    pub signed_at: Time,
    /// What was on the screen, as the signer's program counted.
    pub files: (u64, u64),
    pub hunks: (u64, u64),
    pub carried_over: u64,
    /// What nobody reads line by line, and what was said to it.
    pub omitted: Vec<Shown>,
    /// Findings in all, how many were answered, and what was said to them.
    pub findings: u64,
    pub answered: usize,
    pub answers: Vec<Shown>,
    pub reason: Shown,
}

/// A slot that the policy asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Requirement {
    pub compartment: Shown,
    pub slot: Shown,
    pub need: usize,
    pub have: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct Reason {
    pub code: &'static str,
    pub detail: Shown,
}

/// What is known of how it was made. Unnamed is not clean.
#[derive(Debug, Clone, Serialize)]
pub struct Ai {
    pub status: &'static str,
    pub tool: Option<Shown>,
    pub evidence: Vec<Shown>,
}

impl Ai {
    pub fn is_ai(&self) -> bool {
        matches!(self.status, "declared" | "detected")
    }
}

/// A line of the gate's log.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub line: u64,
    /// SHA-256 of the line.
    pub digest: String,
    pub outcome: Shown,
    pub enforced: bool,
    pub at: Time,
    pub pusher: Option<Shown>,
    pub reasons: Vec<Shown>,
    /// Number of the line that says that it was seen to have landed.
    pub landed: Option<u64>,
}
