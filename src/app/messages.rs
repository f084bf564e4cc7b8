//! The messages between the state and the world: what happened, and what the program wants to be done.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use super::TextLine;
use super::command::{CommandEffect, CommandEvent};
use super::keymap::Stroke;
use super::mouse::Mouse;
use super::queue::Again;
use super::review::layout::Shape;
use super::review::parts::{ChangePart, View};
use super::review::search::{Found, Pattern};
use super::review::{Compared, Kinds};
use crate::authorizing::PendingCommand;
use crate::change::diff::{Diff, FileDiff};
use crate::change::moved::Moves;
use crate::change::{Change, ObjectId, RepoPath};
use crate::decision::{Draft, Revised, Verdict};
use crate::delivery::Hosted;
use crate::examination::background::Progress;
use crate::examination::comments::Remark;
use crate::examination::decided::History;
use crate::examination::team::Team;
use crate::examination::{Examination, FileMaterial, RepositorySnapshot};
use crate::highlight::Colours;
use crate::policy::Ask;
use crate::provenance::attribution::Attribution;
use crate::risk::external::Report;
use crate::risk::external::test_coverage::TestCoverage;
use crate::signing::{Moved, Prepared, Seen, SigningError};
use crate::source::server::Told;
use crate::waiting::WaitingSince;

/// What happened.
#[derive(Debug)]
pub enum Event {
    Stroke(Stroke),
    Paste(String),
    Mouse(Mouse),
    Resize(u16, u16),
    /// A signal asks the program to end.
    Leave,
    /// A signal asks it to suspend.
    Stop,
    Now(i64),
    /// Time passed while nothing happened.
    Tick,
    Listed {
        repository: usize,
        result: Result<Box<Listing>, String>,
    },
    Examined {
        id: String,
        result: Result<Arc<Examination>, String>,
    },
    /// The progress of reading the history of a repository.
    Learning {
        repository: usize,
        progress: Progress,
    },
    /// Its history was read; whether the queue changes.
    Learned {
        repository: usize,
        result: Result<bool, String>,
    },
    Opened {
        ticket: u64,
        result: Result<Box<Opened>, String>,
    },
    /// Whether the change with this head moved while it is read.
    Watched {
        head: ObjectId,
        moved: Option<Moved>,
    },
    /// The change as it is now, which is opened next.
    Renewed {
        ticket: u64,
        result: Result<(Arc<RepositorySnapshot>, Arc<Change>), String>,
    },
    Compared {
        ticket: u64,
        index: usize,
        result: Result<Compared, String>,
    },
    ReviewExamined {
        ticket: u64,
        result: Result<Arc<Examination>, String>,
    },
    /// Decisions on an open change were read again; comes before its examination.
    DecisionsRead {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
    },
    /// Which files of a change mean the same; comes before the examination.
    Kinds {
        ticket: u64,
        kinds: Kinds,
    },
    /// The colours of the next lines of a file.
    Highlighted {
        ticket: u64,
        index: usize,
        /// The texts to which these colours belong: they may have been dropped and read again.
        file: Arc<FileMaterial>,
        colours: Colours,
    },
    /// Lines that a search found.
    Found {
        ticket: u64,
        found: Found,
    },
    /// What moved within the change, and its attribution.
    Traced {
        ticket: u64,
        moves: Arc<Moves>,
        attribution: Arc<Attribution>,
    },
    /// What a review server has at the lines of the change; none if no server has the change.
    Remarked {
        ticket: u64,
        result: Result<Option<Box<Remarked>>, String>,
    },
    /// The notes of rejections of the change that are in force.
    Rejected {
        ticket: u64,
        remarks: Vec<Remark>,
    },
    /// What became of an answer to a comment.
    Replied {
        ticket: u64,
        result: Result<crate::delivery::Receipt, String>,
    },
    /// Which lines of the change were run by tests.
    Tested {
        ticket: u64,
        coverage: Arc<TestCoverage>,
    },
    /// What changed since the person looked or decided.
    Came {
        id: String,
        told: String,
    },
    /// A part of the change, or why it cannot be shown.
    Viewed {
        ticket: u64,
        part: ChangePart,
        result: Result<Box<View>, String>,
    },
    /// The commits of two revisions side by side.
    Ranged {
        ticket: u64,
        result: Result<Vec<TextLine>, String>,
    },
    /// All paths of the head.
    Paths {
        ticket: u64,
        result: Result<Vec<RepoPath>, String>,
    },
    /// What the person wrote in their editor.
    Written(Result<String, String>),
    /// A sentence for the footer.
    Told(String),
    /// What was written, and what is on disk now: another desk may have written as well.
    DraftSaved {
        written: Box<Draft>,
        result: Result<Box<Draft>, String>,
    },
    /// For the sheet with this number.
    Prepared {
        ticket: u64,
        sheet: u64,
        result: Result<Box<Prepared>, SigningError>,
    },
    Signed {
        ticket: u64,
        sheet: u64,
        snapshot: Arc<RepositorySnapshot>,
        result: Result<String, SigningError>,
    },
    Command(CommandEvent),
    /// What was decided, newest first; and why some repositories are missing from it.
    History {
        history: History,
        problems: Vec<String>,
    },
    /// Until when a change is claimed now; none if it was given back.
    Claimed {
        repository: usize,
        result: Result<Option<i64>, String>,
    },
    /// The chains of a repository were synchronised with its remote: what was done, and warnings.
    Synced {
        repository: usize,
        result: Result<Synced, String>,
    },
    /// A server listed its open requests, or its last answer was read from disk.
    Answered {
        server: String,
        result: Result<Arc<Told>, String>,
        is_fresh: bool,
    },
    /// The branches of a repository's remotes were fetched; whether any ref moved.
    Fetched {
        repository: usize,
        name: String,
        result: Result<bool, String>,
    },
}

/// What a review server has at the lines of a change.
#[derive(Debug)]
pub struct Remarked {
    /// The server's name in the configuration.
    pub server: String,
    pub remarks: Vec<Remark>,
    /// What programs and checks found.
    pub reports: Vec<Report>,
    /// What is not here; a sentence each.
    pub missing: Vec<String>,
}

#[derive(Debug)]
pub struct Synced {
    /// Repository and remote, for people.
    pub route: String,
    pub report: crate::sync::Report,
    /// The result of sending verdicts to review servers.
    pub receipt: crate::delivery::Receipt,
}

/// What is pending in a repository.
#[derive(Debug)]
pub struct Listing {
    pub snapshot: Arc<RepositorySnapshot>,
    pub changes: Vec<Arc<Change>>,
    /// What is already known about them, by id.
    pub examined: HashMap<String, Arc<Examination>>,
    /// Ids of changes that moved since the person looked at them or decided.
    pub again: HashMap<String, Again>,
    /// Where the review requests among them are, by id.
    pub hosted: HashMap<String, Hosted>,
    /// Names of servers that have the repository, and its name there.
    pub at_servers: Vec<(String, String)>,
    /// Branches that could not be read, and why.
    pub broken: Vec<(String, String)>,
    /// Claims, and what the people of the repository have to read.
    pub team: Team,
    /// Whom to ask for what is already known, by id.
    pub asks: HashMap<String, Ask>,
    /// Since when heads wait.
    pub since: WaitingSince,
    /// Pending commands, and those that ended recently.
    pub commands: Vec<PendingCommand>,
    /// How many of the unsent records are about commands.
    pub undelivered: usize,
    /// The number of records that the remote does not have yet; none if there is no remote.
    pub outbox: Option<usize>,
    /// When its remotes were last fetched, if ever. Seconds since the epoch.
    pub fetched: Option<i64>,
}

impl Event {
    /// The ticket of what it opens, or says cannot be opened.
    pub(super) fn opens(&self) -> Option<u64> {
        match self {
            Event::Opened { ticket, .. }
            | Event::Viewed { ticket, .. }
            | Event::Ranged { ticket, .. }
            | Event::Renewed { ticket, result: Err(_) }
            | Event::Command(CommandEvent::Opened { ticket, .. }) => Some(*ticket),
            _ => None,
        }
    }
}

/// An opened change: what it touches, and the draft of an earlier session.
#[derive(Debug)]
pub struct Opened {
    pub snapshot: Arc<RepositorySnapshot>,
    pub change: Arc<Change>,
    pub diff: Arc<Diff>,
    pub draft: Option<Draft>,
    /// The draft as it is on disk, before its notes follow their lines.
    pub saved: Option<Draft>,
    /// How many files with marks were renamed since the draft was written.
    pub renamed: usize,
    /// Why an existing draft could not be used.
    pub draft_problem: Option<String>,
    pub read_only: bool,
}

/// What the program wants to be done outside of the state.
#[derive(Debug, Clone)]
pub enum Effect {
    List {
        repository: usize,
        path: PathBuf,
    },
    /// Also says what changed since an earlier revision, if there is one.
    Examine {
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        then: Option<Revised>,
    },
    /// Read what the history of a target says about its changes.
    Learn {
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
        changes: Vec<Arc<Change>>,
    },
    Open {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        read_only: bool,
    },
    /// Ask the server that has a change what is written at its lines.
    Remarks {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        diff: Arc<Diff>,
    },
    /// Send an answer to a comment there.
    Reply {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        /// The server's name for the comment.
        answers: String,
        text: String,
    },
    /// Examine an open change again, with what a server's programs found.
    Reexamine {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        diff: Arc<Diff>,
        reports: Vec<Report>,
    },
    /// Judge an open change by the decisions that are here now.
    Judge {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        diff: Arc<Diff>,
    },
    /// Read what was decided, with the pending heads of each repository.
    History {
        repositories: Vec<(Arc<RepositorySnapshot>, BTreeSet<ObjectId>)>,
    },
    /// Claim a change for a person, or give it back.
    Claim {
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
        person: String,
        head: ObjectId,
        /// Whether to claim it, or to give it back.
        is_taken: bool,
    },
    /// Remember since when what is pending waits.
    KeepWaiting {
        snapshot: Arc<RepositorySnapshot>,
        pending: BTreeSet<ObjectId>,
        since: WaitingSince,
    },
    /// Look whether an open change has moved.
    Watch {
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
    },
    /// Find an open change as it is now; after its draft was written.
    Renew {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
    },
    /// Compare all files, those on view first, then examine the whole.
    Read {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        diff: Arc<Diff>,
        order: Vec<usize>,
        shape: Shape,
        /// How many bytes of texts to return; of the files after that, only their inventory and height.
        room: usize,
    },
    View {
        ticket: u64,
        change: Arc<Change>,
        snapshot: Arc<RepositorySnapshot>,
        part: ChangePart,
        shape: Shape,
    },
    Range {
        ticket: u64,
        change: Arc<Change>,
        snapshot: Arc<RepositorySnapshot>,
        then: Revised,
    },
    /// Read the texts of one file that somebody wants to see.
    Compare {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        index: usize,
        file: FileDiff,
        shape: Shape,
    },
    /// Until `search` is cancelled.
    Search {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        diff: Arc<Diff>,
        order: Vec<usize>,
        /// Texts that could not be read again.
        held: BTreeMap<usize, Arc<FileMaterial>>,
        pattern: Pattern,
        search: Weak<()>,
    },
    /// The colours of the first lines of a file.
    Highlight {
        ticket: u64,
        index: usize,
        file: Arc<FileMaterial>,
        /// How many, of both sides together.
        until: usize,
    },
    /// All paths of the head, to choose one for a note.
    Paths {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
    },
    /// Into the clipboard.
    Copy(String),
    /// A read-only copy of a file in the person's editor, at a line. The program waits for it.
    Edit {
        name: String,
        text: Vec<u8>,
        line: u32,
    },
    /// Edit a text of the person in their editor. The program waits for it.
    Write {
        text: String,
    },
    /// Suspend to the shell, until the program is resumed.
    Suspend,
    /// Merge what was done since `base` into the draft on disk.
    SaveDraft {
        snapshot: Arc<RepositorySnapshot>,
        base: Box<Draft>,
        draft: Draft,
    },
    Sync {
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
    },
    /// Read the last answers of servers from disk.
    Recall,
    /// Query the open requests of a server, for its repositories.
    Ask {
        server: String,
        repositories: Vec<String>,
    },
    /// Fetch the objects of the requests that a server listed.
    Bring {
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
        server: String,
    },
    /// Fetch the branches of its remotes.
    Fetch {
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
    },
    Prepare {
        ticket: u64,
        sheet: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        examination: Arc<Examination>,
        draft: Draft,
        verdict: Verdict,
        seen: Seen,
    },
    Sign {
        ticket: u64,
        sheet: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        prepared: Box<Prepared>,
        passphrase: Option<String>,
    },
    Command(CommandEffect),
}
