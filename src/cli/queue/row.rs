//! A row of the queue: what is known of a pending change, for scripts and for people.

#[cfg(feature = "tui")]
use std::path::PathBuf;

use serde::Serialize;

use super::own_key;
use crate::change::references::Reference;
use crate::change::{Change, ObjectId, RepoPath, visible};
use crate::claims::Claim;
use crate::examination::team::Team;
use crate::examination::{self, ChangeStatus, Examination, RepositorySnapshot, Urgency};
use crate::gate::advice;
#[cfg(feature = "tui")]
use crate::notices::Fact;
use crate::risk::BlastClass;
#[cfg(feature = "tui")]
use crate::source::server::CommentCount;
use crate::waiting::{self, WaitingSince};

/// A change as `undersign queue --json` has it.
#[derive(Serialize)]
pub struct Row {
    pub id: String,
    pub repository: String,
    pub branch: String,
    /// The branch for people: with its remote where others hold a branch of that name.
    pub name: String,
    /// Full names of the refs that stand at its head.
    pub refs: Vec<String>,
    /// How it stands to its counterpart and to what landed.
    pub stands: Vec<String>,
    /// What its commits and its description on the server say that it depends on.
    pub depends_on: Vec<String>,
    pub target: String,
    pub title: String,
    pub base: String,
    pub head: String,
    pub tier: u8,
    pub points: u32,
    pub blast: String,
    /// The same, for people.
    #[serde(skip)]
    pub reach: BlastClass,
    /// The agent in a word, also if none is named.
    #[serde(skip)]
    pub made_by: String,
    pub agent: Option<String>,
    pub provenance: &'static str,
    pub files: usize,
    pub added: u32,
    pub removed: u32,
    /// Texts that are written in another encoding than before: no line says it.
    pub encodings: Vec<ShownEncoding>,
    pub compartments: Vec<String>,
    pub finding_count: usize,
    pub time: i64,
    /// Its place in the queue.
    #[serde(skip)]
    pub urgency: Urgency,
    /// For whoever runs this.
    #[serde(rename = "need")]
    pub status: ChangeStatus,
    /// Since when it waits for a person, as seen here; then when it is due and late, if the policy has a clock.
    pub since: Option<i64>,
    pub due: Option<i64>,
    pub late: Option<i64>,
    /// Ids of the people to ask for what is open, those with least to read.
    pub ask: Vec<String>,
    /// The same in words, with what nobody who is there can fill, and who is away.
    #[serde(rename = "ask_text")]
    pub told_ask: String,
    /// What nobody who is there can fill, in words.
    #[serde(skip)]
    pub left_open: Option<String>,
    /// Who says to be reading it.
    pub claims: Vec<ShownClaim>,
    /// Who rejected another change of the same paths: an approval answers them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// The review request that it is: `#12`.
    pub request: Option<String>,
    /// Who of this person's is asked to review it, says its server.
    pub asked: Option<String>,
    /// The branch on which its server would land it, if that is another one than `target`.
    pub told_target: Option<String>,
    /// How many comments it has, as far as its server's list says so.
    #[cfg(feature = "tui")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_count: Option<CommentCount>,
    /// Why nobody need read it yet, by what its server said last.
    pub not_ready: Option<&'static str>,
    /// For the user's own command.
    #[cfg(feature = "tui")]
    #[serde(skip)]
    pub source: Source,
}

/// From where a row comes.
#[cfg(feature = "tui")]
#[derive(Default)]
pub struct Source {
    /// Names the change among all repositories.
    pub key: String,
    /// Where its repository is.
    pub root: PathBuf,
    /// Its page on its server.
    pub page: Option<String>,
}

/// Who says to be reading a change.
#[derive(Serialize)]
pub struct ShownClaim {
    pub by: String,
    /// When it ends, in seconds since the epoch.
    pub until: i64,
    #[serde(skip)]
    pub told: String,
}

impl ShownClaim {
    fn of(claim: &Claim) -> ShownClaim {
        ShownClaim { by: claim.by.clone(), until: claim.until, told: claim.told() }
    }
}

impl Row {
    /// Whether it waits for a person.
    pub fn waits(&self) -> bool {
        self.not_ready.is_none() && self.status.waits()
    }

    /// Says since when it waits, and by when it is due, if it is among these.
    pub fn tell_clock(&mut self, snapshot: &RepositorySnapshot, head: ObjectId, since: &WaitingSince) {
        let Some(since) = since.get(&head).filter(|_| self.waits()) else { return };
        let clock = snapshot.policy().and_then(|policy| policy.clock.as_ref());
        let deadlines = clock.and_then(|clock| clock.deadlines(self.tier, *since));
        self.since = Some(*since);
        (self.due, self.late) = (deadlines.map(|own| own.due), deadlines.map(|own| own.late));
    }

    /// By when it is to be signed, as far as a queue has seen it wait.
    pub fn with_clock(mut self, snapshot: &RepositorySnapshot, head: ObjectId) -> Row {
        let since = waiting::since(waiting::home().as_deref(), &snapshot.common_dir, crate::clock::now());
        self.tell_clock(snapshot, head, &since);
        self
    }
}

/// That of a change, before its server and its clock are asked.
pub fn row(snapshot: &RepositorySnapshot, team: &Team, change: &Change, examination: &Examination) -> Row {
    let text = |text: &str| visible::text(text).into_owned();
    let now = crate::clock::now();
    let status = ChangeStatus::of(snapshot, examination, own_key::person(snapshot), now);
    let ask = team.ask(snapshot, examination, change, &status, now);
    let claims = team.claims_of(change.revision.head);
    let answered = examination.standing.as_ref().map(|standing| advice::answered(standing));
    let answered = answered.map(|by| by.into_iter().map(text).collect());
    Row {
        id: text(&change.id),
        repository: snapshot.name.clone(),
        branch: text(&change.branch),
        name: text(&change.name),
        refs: change.refs.iter().map(|at| text(&at.full)).collect(),
        stands: change.stands.iter().cloned().chain(change.builds_on()).map(|stands| text(&stands)).collect(),
        depends_on: change.references.depends_on.iter().map(Reference::to_string).collect(),
        target: text(&change.target),
        title: text(change.title()),
        base: change.revision.base.to_string(),
        head: change.revision.head.to_string(),
        tier: examination.assessment.tier,
        points: examination.assessment.points,
        blast: examination.assessment.blast.class.name().to_owned(),
        reach: examination.assessment.blast.class,
        agent: examination.provenance.agent().map(text),
        made_by: text(examination.provenance.word()),
        provenance: examination.provenance.status.name(),
        files: examination.files,
        added: examination.added,
        removed: examination.removed,
        encodings: examination.recoded.iter().map(ShownEncoding::of).collect(),
        compartments: examination.compartments.iter().map(|(name, _)| name.clone()).collect(),
        finding_count: examination.assessment.findings.len(),
        time: change.revision.commits.first().map_or(0, |commit| commit.time),
        urgency: examination::urgency(change, examination),
        since: None,
        due: None,
        late: None,
        told_ask: ask.to_string(),
        left_open: ask.left_open(),
        ask: ask.people.into_iter().map(|person| person.id).collect(),
        claims: claims.map(ShownClaim::of).collect(),
        answers: answered.unwrap_or_default(),
        status,
        request: change.request().map(|request| request.sign()),
        asked: None,
        told_target: None,
        not_ready: None,
        #[cfg(feature = "tui")]
        comment_count: None,
        #[cfg(feature = "tui")]
        source: Source { key: Fact::key(&snapshot.common_dir, &change.id), root: snapshot.root.clone(), page: None },
    }
}

/// A file whose text is written in another encoding than before.
#[derive(Debug, Clone, Serialize)]
pub struct ShownEncoding {
    pub path: String,
    /// Both encodings, as the reader says it.
    pub told: String,
}

impl ShownEncoding {
    fn of((path, told): &(RepoPath, String)) -> ShownEncoding {
        ShownEncoding { path: path.to_string(), told: told.clone() }
    }
}
