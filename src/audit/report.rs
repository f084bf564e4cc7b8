//! The result of an audit, as plain values: drawn, printed and read by machines. Texts of a repository are stored as
//! [`Shown`], so that none reaches a page in raw form.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::change::visible;

/// Members may be added under this name; none is removed or changes its meaning.
pub const SCHEMA: &str = "undersign-audit/v1";

/// A text from a repository, with hidden characters replaced by visible marks. Repository texts enter a report only so.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Shown(String);

/// The most characters of one text; a longer one is cut, and marked as cut.
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
    /// `2026-11`, for counts by month.
    pub fn month(self) -> String {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) if (0..253_402_300_800).contains(&self.0) => time.to_string().get(..7).unwrap_or("?").to_owned(),
            _ => "no known month".to_owned(),
        }
    }
}

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    /// The version of the program that wrote it.
    pub version: &'static str,
    /// The id of the repository, from the policy.
    pub repository: Shown,
    pub query: Query,
    pub inputs: Inputs,
    pub summary: Summary,
    /// What an auditor must check, the gravest first.
    pub exceptions: Vec<Exception>,
    /// Emergencies that people practised; none if nobody may declare one, and nobody practised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drills: Option<Drills>,
    /// Everything that landed in the period, by ref, the oldest first.
    pub landings: Vec<Landing>,
    /// The ids of the controls that each column is evidence for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, Vec<Shown>>,
}

/// Drills of emergencies. Nothing landed by any of them.
#[derive(Debug, Serialize)]
pub struct Drills {
    /// Who has not practised within so many days before the end of the period is listed.
    pub within_days: u32,
    /// Those that began in the period, the oldest first.
    pub held: Vec<DrillRow>,
    /// Who may declare an emergency by the current policy, and has not practised it for so long.
    pub not_practised: Vec<NotPractised>,
    /// The chains that were read.
    pub chains: Vec<ChainInput>,
}

/// One drill.
#[derive(Debug, Serialize)]
pub struct DrillRow {
    /// `drill` of a change, or `command-drill`.
    pub kind: &'static str,
    /// The id of the record that began it.
    pub id: String,
    /// The ref of the change, or the target of the command.
    #[serde(rename = "ref")]
    pub name: Shown,
    /// The head of the change; empty for a command.
    pub commit: String,
    /// The id of the request; empty for a change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// Who signed as for an emergency.
    pub people: Vec<Shown>,
    pub began: Time,
    pub until: Time,
    /// What an emergency would have lacked; none if nothing.
    pub lacking: Option<Shown>,
    /// When the review was due; none if an emergency would not have been let through.
    pub due: Option<Time>,
    pub reviewed: Option<Time>,
    pub reviewers: Vec<Shown>,
    /// How the review stood at the end of the period, in words.
    pub review: Shown,
    pub reason: Shown,
}

/// Somebody who should practise.
#[derive(Debug, Serialize)]
pub struct NotPractised {
    pub person: Shown,
    /// The target of commands; none for changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Shown>,
    /// The last drill; none if there was none.
    pub last: Option<Time>,
}

/// The query, completed: the same query over the same inputs produces the same bytes.
#[derive(Debug, Serialize)]
pub struct Query {
    /// None for the beginning.
    pub from: Option<Time>,
    /// None only if nothing landed.
    pub to: Option<Time>,
    /// Whether `to` was given; otherwise it is the time of the newest landing.
    pub to_is_given: bool,
    pub refs: Vec<Shown>,
    /// Whether these were given; otherwise they are the refs that the policy protects.
    pub refs_are_given: bool,
    /// An approval within this many seconds of its commit is an exception.
    pub hasty_seconds: i64,
}

/// The inputs of the report.
#[derive(Debug, Serialize)]
pub struct Inputs {
    pub policy: PolicyInput,
    pub refs: Vec<RefInput>,
    pub ledger: LedgerInput,
    /// None if no log of a gate was given.
    pub log: Option<LogInput>,
    /// The SHA-256 of the file that maps columns to controls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<String>,
    /// What could not be seen, in sentences.
    pub notes: Vec<Shown>,
}

/// The current policy; each landing was judged by the policy of its own time.
#[derive(Debug, Serialize)]
pub struct PolicyInput {
    /// The full name of the policy branch; none if the policy was given as a file.
    pub branch: Option<Shown>,
    pub version: u64,
    /// The SHA-256 of the file.
    pub digest: String,
    /// What it inherits from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationInput>,
}

/// The current file of an organization.
#[derive(Debug, Serialize)]
pub struct OrganizationInput {
    pub id: Shown,
    pub version: u64,
    /// The SHA-256 of the file.
    pub digest: String,
}

/// A ref and its tip.
#[derive(Debug, Serialize)]
pub struct RefInput {
    #[serde(rename = "ref")]
    pub name: Shown,
    pub tip: String,
    /// The number of commits on its own first-parent line.
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
    /// The id of the last record; none if no record is valid.
    pub head: Option<String>,
}

/// The gate's log, as far as it is here.
#[derive(Debug, Serialize)]
pub struct LogInput {
    pub entries: usize,
    /// The number and SHA-256 of its last line.
    pub head: Option<(u64, String)>,
    /// The first and last of each range of missing lines.
    pub missing: Vec<(u64, u64)>,
    /// The gate remembers when records came; otherwise the time is the claim of their signers.
    pub has_receipts: bool,
}

/// The counts.
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
    /// By the source of their time.
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

/// The decision of the gate's rules on a landing, as of when it landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// The people whom the policy requires approved exactly this.
    Approved,
    /// An emergency let it through.
    BreakGlass,
    /// There was nothing to approve: a merge of what protected refs had shown.
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

    /// The spelling in outputs.
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

/// Kinds of exceptions, the gravest first. Scripts depend on their names.
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

    /// The spelling in outputs.
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

    /// The heading of a group.
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

/// Something to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    pub kind: Kind,
    /// The ref of the landing; none if the exception is about the repository.
    #[serde(rename = "ref")]
    pub name: Option<Shown>,
    pub commit: Option<String>,
    pub at: Option<Time>,
    pub subject: Shown,
    /// A sentence.
    pub detail: Shown,
}

/// The source of the time at which something landed.
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
    /// The previous tip of the ref; none at the beginning of its line.
    pub from: Option<String>,
    pub to: String,
    /// The number of commits on the first-parent line, and in total.
    pub steps: usize,
    pub commits: usize,
    /// The number of paths that it changes.
    pub paths: usize,
    pub subject: Shown,
    pub author: Shown,
    pub at: Time,
    pub at_by: When,
    pub decision: Decision,
    /// The time at which it was judged.
    pub judged_at: Time,
    /// The version and SHA-256 of the policy by which it was judged; none if there was no policy.
    pub policy: Option<(u64, String)>,
    /// Version and SHA-256 of the organization's file from which that policy inherited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<(u64, String)>,
    pub approvals: Vec<Approval>,
    pub requirements: Vec<Requirement>,
    /// Weaker evidence that was required; left out if none was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Codes and sentences of the gate's rules.
    pub reasons: Vec<Reason>,
    pub ai: Ai,
    /// The gate's answer at that time; none without its log.
    pub gate: Option<Verdict>,
    pub exceptions: Vec<Kind>,
}

/// Weaker evidence that was required, and what there was of it: no signature of a person.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    pub compartment: Shown,
    /// As the policy named it.
    pub source: Shown,
    /// `ci` or `forge`.
    pub kind: &'static str,
    /// The check, or the role; empty for any person.
    pub what: Shown,
    pub need: usize,
    pub have: usize,
    /// Of approvals on a forge, the people of the roster.
    pub by: Vec<Shown>,
    /// Ids of the records.
    pub records: Vec<String>,
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
    /// The content that nobody reads line by line, and the reasons given for it.
    pub omitted: Vec<Shown>,
    /// The number of findings, how many were answered, and the answers.
    pub findings: u64,
    pub answered: usize,
    pub answers: Vec<Shown>,
    pub reason: Shown,
}

/// A slot that the policy required.
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

/// What is known of how it was made. A change without a named tool is not proved free of AI.
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
    /// The SHA-256 of the line.
    pub digest: String,
    pub outcome: Shown,
    pub enforced: bool,
    pub at: Time,
    pub pusher: Option<Shown>,
    pub reasons: Vec<Shown>,
    /// The number of the line that says that it was seen to have landed.
    pub landed: Option<u64>,
}
