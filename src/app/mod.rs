//! FLOOR 4: the program without a screen. [`State`] is the whole state; [`update`] takes an event and returns effects
//! to perform. Nothing here reads a file, draws, or waits.

pub mod action;
mod authorize;
pub mod ceremony;
pub mod choice;
mod claiming;
pub mod command;
mod events;
pub mod help;
mod history;
mod input;
pub mod keymap;
pub mod mouse;
pub mod picker;
pub mod prompt;
pub mod queue;
mod reading;
pub mod review;
mod saving;
pub mod servers;
pub mod sign;
pub mod sitting;
pub mod text;
mod why;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::authorizing::PendingCommand;
use crate::change::diff::{Diff, FileDiff};
use crate::change::moved::Moves;
use crate::change::{Change, ObjectId, RepoPath};
use crate::decision::{Draft, Revised, Verdict};
use crate::delivery::Hosted;
use crate::examination::background::Progress;
use crate::examination::comments::Remark;
use crate::examination::decided::{Decided, History};
use crate::examination::team::Team;
use crate::examination::{Examination, FileMaterial, RepositorySnapshot};
use crate::highlight::Colours;
use crate::policy::Ask;
use crate::provenance::attribution::Attribution;
use crate::record::RecordId;
use crate::risk::Severity;
use crate::risk::external::Report;
use crate::risk::external::test_coverage::TestCoverage;
use crate::signer::NoKey;
use crate::signing::{Moved, Prepared, Seen, SigningError};
use crate::source::server::Told;
use crate::waiting::WaitingSince;
use action::Context;
use ceremony::Ceremony;
use choice::Choice;
pub use claiming::Claiming;
use command::delivery::Deliveries;
use command::sheet::CommandSheet;
use command::{CommandDraft, CommandEffect, CommandEvent, CommandView};
use keymap::{Keymap, Stroke};
use mouse::Mouse;
use picker::Picker;
use prompt::{Prompt, Unfinished};
use queue::{Again, Preview, Queue, Source};
use review::layout::{Shape, ViewOptions};
use review::parts::{ChangePart, View};
use review::search::{Found, Pattern};
use review::text_cache::ROOM;
use review::{Compared, Kinds, Review};
use sign::Sheet;
use sitting::Sitting;

/// The least number of columns with room for a file list beside the diff.
pub const FILE_LIST_FROM: u16 = 100;

/// The least number of columns with room for the preview at the right of the queue.
pub const BESIDE_FROM: u16 = 170;

/// How long strokes wait for a change or a part of it to open. Ctrl-C takes them back at any time.
const OPENING: Duration = Duration::from_secs(5);

/// How many seconds pass before a stroke in the reader asks again whether what is read has moved.
const WATCH: i64 = 2;

/// How often the desk fetches commands.
const TICK: Duration = Duration::from_secs(10);

/// The smallest screen that is drawn; on a smaller one, a sentence says so.
pub const MIN_SIZE: (u16, u16) = (40, 10);

#[derive(Debug)]
pub enum Screen {
    Queue,
    Review(Box<Review>),
    Command(Box<CommandView>),
}

/// The overlay on the screen; at most one.
#[derive(Debug, Clone)]
pub enum Overlay {
    Help { scroll: usize },
    Prompt(Box<Prompt>),
    Picker(Box<Picker<Choice>>),
    Text(Box<Text>),
    Sign(Box<Sheet>),
    Authorize(Box<CommandSheet>),
}

/// Something to read, over the screen.
#[derive(Debug, Clone, Default)]
pub struct Text {
    pub title: String,
    pub lines: Vec<TextLine>,
    pub scroll: usize,
}

/// A line of a [`Text`]; it is wrapped to the width of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextLine {
    Heading(String),
    Plain(String),
    /// Text of the change itself: untrusted.
    Claim(String),
    Added(String),
    Removed(String),
    Muted(String),
    Warning(String),
    Risk(Severity, String),
}

impl Text {
    /// Its wrapped rows on a screen with this many columns, each with the line it belongs to.
    pub fn rows(&self, columns: u16) -> Vec<(usize, String)> {
        let width = usize::from(columns.saturating_sub(6).min(106));
        let mut rows = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            if matches!(line, TextLine::Heading(_)) && !rows.is_empty() {
                rows.push((at, String::new()));
            }
            rows.extend(text::hanging(line.text(), width).into_iter().map(|row| (at, row)));
        }
        rows
    }
}

impl TextLine {
    pub fn text(&self) -> &str {
        match self {
            TextLine::Heading(text)
            | TextLine::Plain(text)
            | TextLine::Claim(text)
            | TextLine::Added(text)
            | TextLine::Removed(text)
            | TextLine::Muted(text)
            | TextLine::Warning(text)
            | TextLine::Risk(_, text) => text,
        }
    }
}

#[derive(Debug)]
pub struct State {
    pub size: (u16, u16),
    pub screen: Screen,
    pub queue: Queue,
    pub overlay: Option<Overlay>,
    /// The ticket of what is being opened. What is typed meanwhile is for that, and waits.
    pub opening: Option<u64>,
    /// What was answered in this sitting, the latest first.
    pub answers: Vec<String>,
    /// What was asked of claims and is not in the queue yet.
    pub claiming: Claiming,
    /// Notes and answers that were left without being taken.
    pub unfinished: Vec<Unfinished>,
    /// What moved while the open change is read, and when that was last looked for.
    pub moved: Option<Moved>,
    watched: i64,
    /// A sentence in the footer, until the next stroke.
    pub status: Option<String>,
    pub keymap: Keymap,
    pub pending: Vec<Stroke>,
    /// The number typed before an action.
    pub count: Option<usize>,
    pub look: ViewOptions,
    /// The width of the file list, if a person dragged its edge.
    pub divider: Option<u16>,
    dragging: bool,
    /// The signing key's fingerprint, or why there is none.
    pub key: Result<String, NoKey>,
    pub key_needs_passphrase: bool,
    /// The passphrase for the session, if the person wants it to be remembered.
    pub sitting: Sitting,
    /// Seconds since the epoch.
    pub now: i64,
    pub quit: bool,
    /// The whole screen must be redrawn.
    pub redraw: bool,
    /// Ids of records that were signed, with their repositories.
    pub signed: Vec<(PathBuf, String)>,
    /// Warnings of syncs; repeated on quitting.
    pub alarms: Vec<String>,
    /// What the list of decisions shows.
    history: Vec<Decided>,
    /// Opened directly in the reader: leaving it quits the program.
    only_review: bool,
    /// Drafts for commands that were left undecided, by the id of the request.
    command_drafts: HashMap<(usize, RecordId), CommandDraft>,
    /// The person was just told what is lost by leaving.
    asked_to_leave: bool,
    /// Repositories whose commands are being fetched.
    listing_commands: BTreeSet<usize>,
    /// When all of them were last fetched. Seconds since the epoch.
    looked: Option<i64>,
    /// The delivery of records about commands.
    pub deliveries: Deliveries,
    /// The whole change, while a part of it is shown.
    aside: Option<Box<Review>>,
    /// Bytes of texts that a review keeps; see [`ROOM`].
    pub room: usize,
    ticket: u64,
    /// The number of sign sheets opened so far, which is the number of the next.
    sheets: u64,
    paths: Vec<PathBuf>,
}

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
    fn opens(&self) -> Option<u64> {
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
    /// Examine an open change again, with what a server's programs found.
    Reexamine {
        ticket: u64,
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        diff: Arc<Diff>,
        reports: Vec<Report>,
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

impl State {
    /// What was written about pending commands and not signed, by request: it ends with the program.
    pub fn unsigned_commands(&self) -> Vec<(RecordId, Vec<&str>)> {
        let mut all: BTreeMap<RecordId, Vec<&str>> = BTreeMap::new();
        for (key, draft) in &self.command_drafts {
            all.entry(key.1).or_default().extend(draft.unsigned_words());
        }
        for (request, words) in self.unfinished.iter().filter_map(Unfinished::about_command) {
            all.entry(request).or_default().push(words);
        }
        all.retain(|_, words| !words.is_empty());
        all.into_iter().collect()
    }

    /// A desk over repositories; the effects start reading them.
    pub fn new(
        paths: Vec<PathBuf>,
        keymap: Keymap,
        key: Result<String, NoKey>,
        key_needs_passphrase: bool,
        now: i64,
    ) -> (State, Vec<Effect>) {
        let state = State {
            size: (80, 24),
            screen: Screen::Queue,
            queue: Queue::new(&paths),
            overlay: None,
            answers: Vec::new(),
            claiming: Claiming::default(),
            unfinished: Vec::new(),
            opening: None,
            moved: None,
            watched: now,
            status: None,
            keymap,
            pending: Vec::new(),
            count: None,
            look: ViewOptions::default(),
            divider: None,
            dragging: false,
            key,
            key_needs_passphrase,
            sitting: Sitting::default(),
            now,
            quit: false,
            redraw: false,
            signed: Vec::new(),
            alarms: Vec::new(),
            history: Vec::new(),
            only_review: false,
            command_drafts: HashMap::new(),
            asked_to_leave: false,
            listing_commands: BTreeSet::new(),
            looked: None,
            deliveries: Deliveries::default(),
            aside: None,
            room: ROOM,
            ticket: 0,
            sheets: 0,
            paths,
        };
        let effects = state.list_all();
        (state, effects)
    }

    /// A reader over one range, without a queue.
    pub fn only(
        snapshot: Arc<RepositorySnapshot>,
        change: Arc<Change>,
        read_only: bool,
        keymap: Keymap,
        key: Result<String, NoKey>,
        needs: bool,
        now: i64,
    ) -> (State, Vec<Effect>) {
        let (mut state, _) = State::new(vec![snapshot.root.clone()], keymap, key, needs, now);
        state.queue.sources = vec![Source::Ready(snapshot.clone())];
        state.only_review = true;
        let ticket = state.opens();
        (state, vec![Effect::Open { ticket, snapshot, change, read_only }])
    }

    /// The ticket for something that is to be opened.
    fn opens(&mut self) -> u64 {
        self.ticket += 1;
        self.opening = Some(self.ticket);
        self.ticket
    }

    /// The number for a new sheet.
    fn ceremony<V: Copy + Ord + std::fmt::Display>(&mut self) -> Ceremony<V> {
        self.sheets += 1;
        let asks = self.key_needs_passphrase && !self.sitting.is_open();
        Ceremony::new(self.sheets, self.key.clone().map_err(String::from), asks)
    }

    fn list_all(&self) -> Vec<Effect> {
        self.paths
            .iter()
            .enumerate()
            .map(|(repository, path)| Effect::List { repository, path: path.clone() })
            .collect()
    }

    pub fn context(&self) -> Context {
        match self.screen {
            Screen::Queue => Context::Queue,
            Screen::Review(_) => Context::Review,
            Screen::Command(_) => Context::Command,
        }
    }

    /// The person to whom the signing key belongs, according to a repository's policy.
    pub fn me<'s>(&self, snapshot: &'s RepositorySnapshot) -> Option<&'s crate::policy::Person> {
        let fingerprint = self.key.as_ref().ok()?;
        let policy = snapshot.policy()?;
        policy.roster.people().find(|p| p.keys.iter().any(|own| own.key.fingerprint() == *fingerprint))
    }

    /// Whom to ask for a change, in words for the person at the desk.
    pub fn told_ask(&self, entry: &queue::Entry) -> String {
        let me = self.queue.snapshot(&entry.change).and_then(|snapshot| self.me(snapshot));
        entry.ask.told(me.map(|me| me.id.as_str()))
    }

    /// The key that would sign, as the roster of its repository has it.
    pub fn my_key<'s>(&self, snapshot: &'s RepositorySnapshot) -> Option<&'s crate::record::Key> {
        let fingerprint = self.key.as_ref().ok()?;
        let me = self.me(snapshot)?;
        me.keys.iter().map(|own| &own.key).find(|key| key.fingerprint() == *fingerprint)
    }

    /// Whether there is no queue to return to.
    pub fn is_only_review(&self) -> bool {
        self.only_review
    }

    /// Rows of the queue's list and of the reader.
    pub fn page(&self) -> usize {
        let (_, height) = self.size;
        let chrome = match &self.screen {
            Screen::Queue if self.preview() == Preview::Below => 4 + preview_height(height),
            Screen::Queue => 4,
            Screen::Review(_) | Screen::Command(_) => 4,
        };
        usize::from(height.saturating_sub(chrome)).max(1)
    }

    /// Where the preview of the queue is on this screen: at the right ([`Preview::Auto`]), below or nowhere.
    pub fn preview(&self) -> Preview {
        match self.queue.preview {
            Preview::Auto if self.has_room_beside() => Preview::Auto,
            Preview::Off => Preview::Off,
            _ if self.size.1 < 18 => Preview::Off,
            _ => Preview::Below,
        }
    }

    /// Whether the queue has room for a preview at its right.
    pub fn has_room_beside(&self) -> bool {
        self.size.0 >= BESIDE_FROM
    }

    /// Columns of the diff.
    pub fn diff_width(&self) -> usize {
        // The last column holds the overview.
        usize::from(self.size.0).saturating_sub(self.file_list_width() + 1)
    }

    /// The width of the file list with its border; 0 if it is hidden or there is no room.
    pub fn file_list_width(&self) -> usize {
        let width = usize::from(self.size.0);
        let own = self.divider.map(|own| usize::from(own).clamp(12, width.saturating_sub(40).max(12)));
        match &self.screen {
            Screen::Review(review) if review.viewport.show_files && width >= usize::from(FILE_LIST_FROM) => {
                own.unwrap_or((width / 4).clamp(28, 44))
            }
            _ => 0,
        }
    }

    fn lay_out(&mut self) {
        let (width, page) = (self.diff_width(), self.page());
        self.queue.follow(page);
        let columns = usize::from(self.size.0);
        match &mut self.screen {
            Screen::Review(review) => review.lay_out(width, page, self.look),
            // The cursor, and a space at the right edge.
            Screen::Command(command) => command.lay_out(columns.saturating_sub(4), page),
            Screen::Queue => {}
        }
    }

    /// How long the next stroke waits for the result of the last one.
    pub fn patience(&self) -> Duration {
        if self.opening == Some(self.ticket) {
            return OPENING;
        }
        match &self.screen {
            Screen::Review(review) => review.patience(),
            Screen::Queue | Screen::Command(_) => Duration::ZERO,
        }
    }

    /// How long until the desk next fetches commands automatically, whatever else happens: they wait for a person and
    /// expire soon. Never if no policy has a target and there is nothing to send.
    pub fn tick(&self) -> Option<Duration> {
        let is_asked = (0..self.queue.sources.len()).any(|at| self.has_targets(at));
        let since = self.looked.map(|at| Duration::from_secs(self.now.saturating_sub(at).max(0).unsigned_abs()));
        let wait = since.map_or(Duration::ZERO, |since| TICK.saturating_sub(since));
        (is_asked || self.deliveries.are_stuck()).then_some(wait)
    }

    fn has_targets(&self, repository: usize) -> bool {
        self.queue.ready(repository).is_some_and(|snapshot| snapshot.has_targets())
    }

    /// Whether files of a change are still arriving.
    pub fn is_reading(&self) -> bool {
        match &self.screen {
            Screen::Review(review) => review.is_reading(),
            Screen::Queue | Screen::Command(_) => false,
        }
    }

    /// Whether an event changes something visible: not files off the screen, of which only counts are drawn.
    pub fn is_looked_at(&self, event: &Event) -> bool {
        match (event, &self.screen) {
            (Event::Compared { index, .. }, Screen::Review(review)) => review.is_looked_at(*index),
            (Event::Highlighted { index, colours, .. }, Screen::Review(review)) => {
                review.shows_lines(*index, &colours.lines())
            }
            // What it changes is shown once the change is examined.
            (Event::Kinds { .. }, _) => false,
            _ => true,
        }
    }

    /// The present layout was drawn: it counts as shown, except if the screen is too small to draw it, or a window may
    /// cover it.
    pub fn drawn(&mut self) {
        let is_drawn = self.size.0 >= MIN_SIZE.0 && self.size.1 >= MIN_SIZE.1;
        let is_open = match &self.overlay {
            None => true,
            Some(Overlay::Prompt(prompt)) => prompt.question(usize::from(self.size.0)).is_empty(),
            Some(_) => false,
        };
        match &mut self.screen {
            Screen::Review(review) if is_drawn && is_open => review.note_shown(),
            Screen::Command(command) if is_drawn && is_open => command.note_shown(),
            _ => {}
        }
    }
}

/// Rows of the queue's preview.
pub fn preview_height(height: u16) -> u16 {
    if height >= 30 { 10 } else { 7 }
}

/// Updates the state with an event. Pure: whatever must be done outside is returned as effects.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    state.opening.take_if(|ticket| event.opens() == Some(*ticket));
    if let (Event::Stroke(_) | Event::Mouse(_), Screen::Review(review)) = (&event, &mut state.screen) {
        review.turn_away();
    }
    let asks = matches!(event, Event::Stroke(_) | Event::Mouse(_) | Event::Listed { .. } | Event::Fetched { .. });
    let mut effects = match event {
        Event::Stroke(stroke) => input::pressed(state, stroke),
        Event::Paste(text) => input::pasted(state, &text),
        Event::Mouse(mouse) => mouse::moved(state, mouse),
        Event::Resize(width, height) => {
            state.size = (width.max(1), height.max(1));
            Vec::new()
        }
        Event::Leave => {
            state.sitting.forget();
            state.quit = true;
            reading::back_to_all(state);
            let mut effects = prompt::kept(state);
            effects.extend(reading::left(state));
            authorize::left(state);
            effects
        }
        Event::Stop => input::suspended(state),
        Event::Now(now) => {
            state.now = now;
            Vec::new()
        }
        Event::Tick => authorize::look_for_commands(state),
        other => events::arrived(state, other),
    };
    // An examination may end after the sheet was opened.
    let advice = events::advise(state);
    if let Some(Overlay::Sign(sheet)) = &mut state.overlay {
        sheet.advice = advice;
    }
    if matches!(state.screen, Screen::Queue) {
        state.queue.look_beside();
    }
    state.lay_out();
    effects.extend(events::wanted(state));
    effects.extend(asks.then(|| reading::watch(state)).flatten());
    effects
}
