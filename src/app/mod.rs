//! FLOOR 4: the program without a screen. [`State`] is the whole state; [`update`] takes an event and returns effects
//! to perform. Nothing here reads a file, draws, or waits.

pub mod action;
mod authorize;
pub mod choice;
mod claiming;
pub mod command;
mod events;
pub mod help;
mod history;
mod input;
pub mod keymap;
mod messages;
pub mod mouse;
pub mod picker;
pub mod prompt;
pub mod queue;
mod reading;
pub mod remembered_passphrase;
pub mod review;
mod saving;
pub mod servers;
pub mod sign;
pub mod signing_steps;
pub mod text;
mod why;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::change::Change;
use crate::examination::RepositorySnapshot;
use crate::examination::decided::{Decided, Drilled};
use crate::record::RecordId;
use crate::risk::Severity;
use crate::signer::NoKey;
use crate::signing::Moved;
use action::Context;
use choice::Choice;
pub use claiming::Claiming;
use command::delivery::Deliveries;
use command::sheet::CommandSheet;
use command::{CommandDraft, CommandView};
use keymap::{Keymap, Stroke};
pub use messages::{Effect, Event, Listing, Opened, Remarked, Synced};
use picker::Picker;
use prompt::{Prompt, Unfinished};
use queue::{Preview, Queue, Source};
use remembered_passphrase::Sitting;
use review::Review;
use review::layout::ViewOptions;
use review::text_cache::ROOM;
use sign::Sheet;
use signing_steps::Ceremony;

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
    /// How many events came that may have changed more of the reader than its position.
    pub changes: u64,
    /// Ids of records that were signed, with their repositories.
    pub signed: Vec<(PathBuf, String)>,
    /// Warnings of syncs; repeated on quitting.
    pub alarms: Vec<String>,
    /// What the list of decisions shows.
    history: Vec<Decided>,
    /// And what of drills beside them.
    drills: Vec<Drilled>,
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
            changes: 0,
            signed: Vec::new(),
            alarms: Vec::new(),
            history: Vec::new(),
            drills: Vec::new(),
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
        // A question covers the last rows, and never what it is about.
        let asked = match &self.overlay {
            Some(Overlay::Prompt(prompt)) => Some(prompt.question(columns).len()),
            _ => None,
        };
        let page = page.saturating_sub(asked.unwrap_or(0)).max(1);
        match &mut self.screen {
            Screen::Review(review) => {
                review.lay_out(width, page, self.look);
                if asked.is_some() {
                    review.keep_in_sight();
                }
            }
            Screen::Command(command) => {
                // The cursor, and a space at the right edge.
                command.lay_out(columns.saturating_sub(4), page);
                if asked.is_some() {
                    command.keep_in_sight();
                }
            }
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

    /// Whether everything on the screen was read.
    pub fn is_filled(&self) -> bool {
        match &self.screen {
            Screen::Review(review) => review.is_filled(),
            Screen::Queue | Screen::Command(_) => true,
        }
    }

    /// Whether an event changes something visible: not files off the screen, of which only counts are drawn.
    pub fn is_looked_at(&self, event: &Event) -> bool {
        match (event, &self.screen) {
            (Event::Compared { index, .. }, Screen::Review(review)) => review.is_looked_at(*index),
            (Event::Highlighted { index, colours, .. }, Screen::Review(review)) => {
                !review.holds_colours() && review.shows_lines(*index, &colours.lines())
            }
            // What it changes is shown once the change is examined.
            (Event::Kinds { .. }, _) => false,
            _ => true,
        }
    }

    /// Whether a reason is being written, which is signed as it is.
    pub fn writes_reason(&self) -> bool {
        match &self.overlay {
            Some(Overlay::Sign(sheet)) => sheet.ceremony.asks_reason(),
            Some(Overlay::Authorize(sheet)) => sheet.ceremony.asks_reason(),
            _ => false,
        }
    }

    /// What was typed before the field of the reason was there is not in it.
    pub fn tell_of_left_out(&mut self) {
        let message = match &mut self.overlay {
            Some(Overlay::Sign(sheet)) => &mut sheet.ceremony.message,
            Some(Overlay::Authorize(sheet)) => &mut sheet.ceremony.message,
            _ => return,
        };
        *message = Some("What was typed before this field was there is left out.".to_owned());
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
    state.changes += u64::from(!input::only_moves(state, &event));
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
