//! FLOOR 2: the program without a screen. [`State`] is what is true; [`update`] takes what happened and says what to ask
//! of the world. Nothing here reads a file, draws, or waits.

pub mod action;
pub mod keymap;
pub mod queue;
pub mod review;
pub mod sign;
pub mod text;

use std::path::PathBuf;
use std::sync::Arc;

use crate::change::Change;
use crate::change::diff::Diff;
use crate::decision::{Draft, Note, Verdict};
use crate::frozen::{Failure, Frozen, Seen};
use crate::gate::counsel;
use crate::highlight::Tokens;
use crate::survey::{Examination, FileMaterial, Place};
use action::{Action, Context};
use keymap::{Key, Keymap, Meaning, Stroke};
use queue::{Queue, Source};
use review::{Compared, Review, Subject};
use sign::{Ask, Counsel, Sheet};
use text::TextField;

/// The narrowest and lowest screen that is drawn; below it, a sentence says so.
pub const MIN_SIZE: (u16, u16) = (40, 10);

#[derive(Debug)]
pub enum Screen {
    Queue,
    Review(Box<Review>),
}

/// What lies over the screen; at most one.
#[derive(Debug, Clone)]
pub enum Overlay {
    Help { scroll: usize },
    Why,
    Prompt(Prompt),
    Sign(Box<Sheet>),
}

/// A line of text that is asked for at the foot of the screen.
#[derive(Debug, Clone)]
pub struct Prompt {
    pub label: String,
    pub field: TextField,
    pub purpose: Purpose,
}

#[derive(Debug, Clone)]
pub enum Purpose {
    Filter,
    Search,
    Answer(Subject),
    Note(Note, Option<usize>),
}

#[derive(Debug)]
pub struct State {
    pub size: (u16, u16),
    pub screen: Screen,
    pub queue: Queue,
    pub overlay: Option<Overlay>,
    /// One sentence at the foot of the screen, until the next stroke.
    pub status: Option<String>,
    pub keymap: Keymap,
    pub pending: Vec<Stroke>,
    /// The signing key's fingerprint, or why there is none.
    pub key: Result<String, String>,
    pub key_needs_passphrase: bool,
    /// Seconds since the epoch.
    pub now: i64,
    pub quit: bool,
    /// The whole screen is to be written again.
    pub redraw: bool,
    /// Ids of records that were signed, with their repositories.
    pub signed: Vec<(PathBuf, String)>,
    /// What syncs found that must not be overlooked; told again on leaving.
    pub alarms: Vec<String>,
    /// Opened straight in the reader: leaving it leaves the program.
    only_review: bool,
    ticket: u64,
    paths: Vec<PathBuf>,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    Stroke(Stroke),
    Paste(String),
    Resize(u16, u16),
    Now(i64),
    Listed {
        repository: usize,
        result: Result<Listing, String>,
    },
    Examined {
        id: String,
        result: Result<Arc<Examination>, String>,
    },
    Opened {
        ticket: u64,
        result: Result<Box<Opened>, String>,
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
    Highlighted {
        ticket: u64,
        index: usize,
        tokens: Arc<[Vec<Tokens>; 2]>,
    },
    DraftSaved(Result<(), String>),
    Frozen {
        ticket: u64,
        result: Result<Box<Frozen>, Failure>,
    },
    Signed {
        ticket: u64,
        result: Result<String, Failure>,
    },
    /// Chains of a repository went to and came from its remote: what was done, and what must not be overlooked.
    Synced {
        repository: usize,
        result: Result<Synced, String>,
    },
}

#[derive(Debug)]
pub struct Synced {
    /// Repository and remote, for people.
    pub route: String,
    pub report: crate::sync::Report,
}

/// What is pending in a repository.
#[derive(Debug)]
pub struct Listing {
    pub place: Arc<Place>,
    pub changes: Vec<Arc<Change>>,
    /// Branches that could not be read, and why.
    pub broken: Vec<(String, String)>,
    /// Records that the remote does not have yet; none where there is no remote.
    pub outbox: Option<usize>,
}

/// A change that was opened: what it touches, and the draft of an earlier sitting.
#[derive(Debug)]
pub struct Opened {
    pub place: Arc<Place>,
    pub change: Arc<Change>,
    pub diff: Arc<Diff>,
    pub draft: Option<Draft>,
    /// Why a draft that was there could not be used.
    pub draft_trouble: Option<String>,
    pub read_only: bool,
}

/// What is asked of the world.
#[derive(Debug, Clone)]
pub enum Effect {
    List {
        repository: usize,
        path: PathBuf,
    },
    Examine {
        place: Arc<Place>,
        change: Arc<Change>,
    },
    Open {
        ticket: u64,
        place: Arc<Place>,
        change: Arc<Change>,
        read_only: bool,
    },
    /// Compare all files, those on view first, then examine the whole.
    Read {
        ticket: u64,
        place: Arc<Place>,
        change: Arc<Change>,
        diff: Arc<Diff>,
        order: Vec<usize>,
        /// Columns that lines are laid out for.
        width: usize,
    },
    Highlight {
        ticket: u64,
        index: usize,
        file: Arc<FileMaterial>,
    },
    SaveDraft {
        place: Arc<Place>,
        draft: Draft,
    },
    Sync {
        repository: usize,
        place: Arc<Place>,
    },
    Freeze {
        ticket: u64,
        place: Arc<Place>,
        change: Arc<Change>,
        examination: Arc<Examination>,
        draft: Draft,
        verdict: Verdict,
        seen: Seen,
    },
    Sign {
        ticket: u64,
        place: Arc<Place>,
        change: Arc<Change>,
        frozen: Box<Frozen>,
        passphrase: Option<String>,
    },
}

impl State {
    /// A desk over repositories; the effects begin their reading.
    pub fn new(
        paths: Vec<PathBuf>,
        keymap: Keymap,
        key: Result<String, String>,
        key_needs_passphrase: bool,
        now: i64,
    ) -> (State, Vec<Effect>) {
        let state = State {
            size: (80, 24),
            screen: Screen::Queue,
            queue: Queue::new(&paths),
            overlay: None,
            status: None,
            keymap,
            pending: Vec::new(),
            key,
            key_needs_passphrase,
            now,
            quit: false,
            redraw: false,
            signed: Vec::new(),
            alarms: Vec::new(),
            only_review: false,
            ticket: 0,
            paths,
        };
        let effects = state.list_all();
        (state, effects)
    }

    /// A reader over one range, without a queue.
    pub fn only(
        place: Arc<Place>,
        change: Arc<Change>,
        read_only: bool,
        keymap: Keymap,
        key: Result<String, String>,
        needs: bool,
        now: i64,
    ) -> (State, Vec<Effect>) {
        let (mut state, _) = State::new(vec![place.root.clone()], keymap, key, needs, now);
        state.queue.sources = vec![Source::Ready(place.clone())];
        state.only_review = true;
        state.ticket = 1;
        (state, vec![Effect::Open { ticket: 1, place, change, read_only }])
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
        }
    }

    /// The person that the signing key belongs to, by a repository's policy.
    pub fn me<'s>(&self, place: &'s Place) -> Option<&'s crate::policy::Person> {
        let fingerprint = self.key.as_ref().ok()?;
        let policy = place.policy()?;
        policy.roster.people().find(|p| p.keys.iter().any(|own| own.key.fingerprint() == *fingerprint))
    }

    /// The key that would sign, as the roster of a place has it.
    pub fn my_key<'s>(&self, place: &'s Place) -> Option<&'s crate::record::Key> {
        let fingerprint = self.key.as_ref().ok()?;
        let me = self.me(place)?;
        me.keys.iter().map(|own| &own.key).find(|key| key.fingerprint() == *fingerprint)
    }

    /// Rows of the queue's list and of the reader.
    pub fn page(&self) -> usize {
        let (_, height) = self.size;
        let chrome = match &self.screen {
            Screen::Queue if self.has_preview() => 4 + preview_height(height),
            Screen::Queue => 4,
            Screen::Review(_) => 4,
        };
        usize::from(height.saturating_sub(chrome)).max(1)
    }

    pub fn has_preview(&self) -> bool {
        self.queue.preview && self.size.1 >= 18
    }

    /// Columns of the diff.
    pub fn diff_width(&self) -> usize {
        usize::from(self.size.0) - self.file_list_width()
    }

    /// Columns of the file list with its border; 0 where it is hidden or there is no room.
    pub fn file_list_width(&self) -> usize {
        let width = usize::from(self.size.0);
        match &self.screen {
            Screen::Review(review) if review.show_files && width >= 100 => (width / 4).clamp(28, 44),
            _ => 0,
        }
    }

    fn lay_out(&mut self) {
        let (width, page) = (self.diff_width(), self.page());
        self.queue.follow(page);
        if let Screen::Review(review) = &mut self.screen {
            review.resize(width, page);
            review.note_shown();
        }
    }
}

/// Rows of the queue's preview.
pub fn preview_height(height: u16) -> u16 {
    if height >= 30 { 8 } else { 6 }
}

/// Takes what happened into the state. Pure: what is to be done in the world comes back as effects.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = match event {
        Event::Stroke(stroke) => stroke_pressed(state, stroke),
        Event::Paste(text) => pasted(state, &text),
        Event::Resize(width, height) => {
            state.size = (width.max(1), height.max(1));
            Vec::new()
        }
        Event::Now(now) => {
            state.now = now;
            Vec::new()
        }
        Event::Listed { repository, result } => listed(state, repository, result),
        Event::Examined { id, result } => {
            let me = me_for(state, &id);
            state.queue.examined(&id, result, me.as_deref(), state.now);
            Vec::new()
        }
        Event::DraftSaved(result) => {
            state.status = result.err().or(state.status.take());
            Vec::new()
        }
        Event::Opened { ticket, result } => opened(state, ticket, result),
        Event::Synced { repository, result } => synced(state, repository, result),
        other => for_review(state, other),
    };
    // An examination may end after the sheet was opened.
    let counsel = advise(state);
    if let Some(Overlay::Sign(sheet)) = &mut state.overlay {
        sheet.counsel = counsel;
    }
    state.lay_out();
    effects.extend(wanted_highlights(state));
    effects
}

fn me_for(state: &State, id: &str) -> Option<String> {
    let entry = state.queue.entries.iter().find(|entry| entry.change.id == id)?;
    let place = state.queue.place(&entry.change)?;
    state.me(place).map(|person| person.id.clone())
}

/// What can be known before signing the change that is open.
fn advise(state: &State) -> Counsel {
    if !matches!(state.overlay, Some(Overlay::Sign(_))) {
        return Counsel::default();
    }
    let Screen::Review(review) = &state.screen else { return Counsel::default() };
    let standing = review.examination.as_ref().and_then(|examination| examination.standing.as_ref());
    let place = state.queue.place(&review.change);
    let (Some(standing), Some(place), Some(policy)) = (standing, place, place.and_then(|place| place.policy())) else {
        return Counsel::default();
    };
    let me = state.me(place).filter(|me| me.kind == crate::policy::Kind::Human);
    let holds = |role: &String| me.is_some_and(|me| me.roles.contains(role));
    let mut glass = policy.break_glass.iter().flat_map(|glass| &glass.sign);
    Counsel {
        needs: counsel::needs(policy, standing, state.now),
        futile: counsel::futile(policy, standing, state.my_key(place), state.now),
        answers: standing.to_answer.iter().filter(|answerable| !answerable.is_veto).cloned().collect(),
        may_claim: policy.ai.human_only_by.iter().any(holds),
        may_break_glass: glass.any(|slot| holds(&slot.role)) && !standing.is_allowed(),
    }
}

fn listed(state: &mut State, repository: usize, result: Result<Listing, String>) -> Vec<Effect> {
    match result {
        Ok(listing) => {
            // What was examined before is examined again all the same: policy or ledger may have moved.
            let examine =
                |change: &Arc<Change>| Effect::Examine { place: listing.place.clone(), change: change.clone() };
            let effects = listing.changes.iter().map(examine).collect();
            state.queue.listed(repository, listing);
            effects
        }
        Err(why) => {
            state.queue.failed(repository, why);
            Vec::new()
        }
    }
}

fn synced(state: &mut State, repository: usize, result: Result<Synced, String>) -> Vec<Effect> {
    match result {
        Ok(Synced { route, report }) => {
            let first = report.alarms.first().map(|alarm| format!("{alarm} (all of it when you leave)"));
            state.status = Some(first.unwrap_or_else(|| format!("{route}: {report}")));
            state.alarms.extend(report.alarms);
        }
        Err(why) => state.status = Some(why),
    }
    // Other people's decisions may have come.
    let path = state.paths.get(repository).cloned();
    path.map(|path| Effect::List { repository, path }).into_iter().collect()
}

fn opened(state: &mut State, ticket: u64, result: Result<Box<Opened>, String>) -> Vec<Effect> {
    if ticket != state.ticket {
        return Vec::new();
    }
    match result {
        Ok(opened) => {
            let Opened { place, change, diff, draft, draft_trouble, read_only } = *opened;
            let review = Review::new(ticket, change.clone(), place.clone(), diff.clone(), draft, read_only);
            state.status = draft_trouble;
            if !review.carried_over.is_empty() {
                state.status =
                    Some("The branch moved since you were here. Marks of what did not change are kept.".to_owned());
            }
            let order = review.order.clone();
            state.screen = Screen::Review(Box::new(review));
            let width = Review::text_width(state.diff_width());
            vec![Effect::Read { ticket, place, change, diff, order, width }]
        }
        Err(why) => {
            state.status = Some(why);
            Vec::new()
        }
    }
}

/// Events that belong to the review that is open; late ones of another are dropped.
fn for_review(state: &mut State, event: Event) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    match event {
        Event::Compared { ticket, index, result } if ticket == review.ticket => review.compared(index, result),
        Event::ReviewExamined { ticket, result } if ticket == review.ticket => match result {
            Ok(examination) => review.examined(examination),
            Err(why) => state.status = Some(why),
        },
        Event::Highlighted { ticket, index, tokens } if ticket == review.ticket => {
            _ = review.tokens.insert(index, tokens)
        }
        Event::Frozen { ticket, result } if ticket == review.ticket => {
            if let Some(Overlay::Sign(sheet)) = &mut state.overlay {
                let told = sheet.frozen(result);
                close_sheet(state, told);
            }
        }
        Event::Signed { ticket, result } if ticket == review.ticket => return signed(state, result),
        _ => {}
    }
    Vec::new()
}

fn close_sheet(state: &mut State, told: Option<String>) {
    if told.is_some() {
        state.overlay = None;
        state.status = told;
    }
}

fn signed(state: &mut State, result: Result<String, Failure>) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let (place, repository) = (review.place.clone(), review.change.repository);
    let mut effects = Vec::new();
    if let Ok(record) = &result {
        state.signed.push((place.root.clone(), record.clone()));
        // The draft has become the record.
        review.renew_draft();
        effects.push(Effect::SaveDraft { place: place.clone(), draft: review.draft.clone() });
        if !state.only_review {
            effects.push(Effect::List { repository, path: place.root.clone() });
        }
    }
    if let Some(Overlay::Sign(sheet)) = &mut state.overlay {
        let told = sheet.signed(result);
        close_sheet(state, told);
    }
    effects
}

fn pasted(state: &mut State, text: &str) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.field.insert(text),
        Some(Overlay::Sign(_)) => state.status = Some("Pasted text is not taken here: type it.".to_owned()),
        _ => {}
    }
    Vec::new()
}

fn stroke_pressed(state: &mut State, stroke: Stroke) -> Vec<Effect> {
    state.status = None;
    match state.overlay.take() {
        Some(Overlay::Help { scroll }) => help_stroke(state, scroll, stroke),
        Some(Overlay::Why) => Vec::new(),
        Some(Overlay::Prompt(prompt)) => prompt_stroke(state, prompt, stroke),
        Some(Overlay::Sign(sheet)) => sheet_stroke(state, sheet, stroke),
        None => screen_stroke(state, stroke),
    }
}

fn help_stroke(state: &mut State, scroll: usize, stroke: Stroke) -> Vec<Effect> {
    let scroll = match stroke.key {
        Key::Down | Key::Char('j') => scroll + 1,
        Key::Up | Key::Char('k') => scroll.saturating_sub(1),
        Key::PageDown | Key::Char(' ') => scroll + 10,
        Key::PageUp => scroll.saturating_sub(10),
        _ => return Vec::new(),
    };
    state.overlay = Some(Overlay::Help { scroll: scroll.min(Action::ALL.len()) });
    Vec::new()
}

fn screen_stroke(state: &mut State, stroke: Stroke) -> Vec<Effect> {
    if stroke.ctrl && stroke.key == Key::Char('c') {
        // Drafts are on disk already; nothing is lost.
        state.quit = true;
        return Vec::new();
    }
    if stroke.key == Key::Esc {
        state.pending.clear();
        return Vec::new();
    }
    state.pending.push(stroke);
    match state.keymap.meaning(state.context(), &state.pending) {
        Meaning::Prefix => Vec::new(),
        Meaning::Action(action) => {
            state.pending.clear();
            act(state, action)
        }
        Meaning::Nothing => {
            let strokes: String = std::mem::take(&mut state.pending).iter().map(Stroke::to_string).collect();
            state.status =
                Some(format!("{strokes} means nothing here; {} shows what does", state.keymap.first(Action::Help)));
            Vec::new()
        }
    }
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Help => state.overlay = Some(Overlay::Help { scroll: 0 }),
        Action::Redraw => state.redraw = true,
        Action::Back => back(state),
        _ => {
            return if matches!(state.screen, Screen::Queue) {
                queue_action(state, action)
            } else {
                review_action(state, action)
            };
        }
    }
    Vec::new()
}

fn back(state: &mut State) {
    if matches!(state.screen, Screen::Review(_)) && !state.only_review {
        state.screen = Screen::Queue;
        // What the review asked for and is still under way is dropped when it comes.
        state.ticket += 1;
    } else {
        state.quit = true;
    }
}

fn queue_action(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Open => return open_selected(state),
        Action::Filter => {
            let field = TextField::with(&state.queue.filter);
            state.overlay =
                Some(Overlay::Prompt(Prompt { label: "filter".to_owned(), field, purpose: Purpose::Filter }));
        }
        Action::Why if state.queue.selected_entry().is_some() => state.overlay = Some(Overlay::Why),
        Action::Sync => return sync_all(state),
        Action::Refresh => {
            state.status = Some("reading all repositories again".to_owned());
            return state.list_all();
        }
        _ => {
            let page = state.page();
            state.queue.update(action, page);
        }
    }
    Vec::new()
}

fn sync_all(state: &mut State) -> Vec<Effect> {
    let places = state.queue.sources.iter().enumerate().filter_map(|(repository, source)| match source {
        Source::Ready(place) if state.queue.outbox.contains_key(&repository) => {
            Some(Effect::Sync { repository, place: place.clone() })
        }
        _ => None,
    });
    let effects: Vec<_> = places.collect();
    let text =
        if effects.is_empty() { "No repository here has a remote to sync with." } else { "syncing decisions …" };
    state.status = Some(text.to_owned());
    effects
}

fn open_selected(state: &mut State) -> Vec<Effect> {
    let Some(entry) = state.queue.selected_entry() else { return Vec::new() };
    let (change, place) = (entry.change.clone(), state.queue.place(&entry.change).cloned());
    let Some(place) = place else { return Vec::new() };
    state.queue.selected = Some(change.id.clone());
    state.ticket += 1;
    vec![Effect::Open { ticket: state.ticket, place, change, read_only: false }]
}

fn review_action(state: &mut State, action: Action) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let prompt = |label: String, field, purpose| Some(Overlay::Prompt(Prompt { label, field, purpose }));
    let before = review.draft.clone();
    match action {
        Action::Search => state.overlay = prompt("search".to_owned(), TextField::default(), Purpose::Search),
        Action::Answer | Action::Note | Action::Sign if review.read_only => {
            state.status = Some("This review is read-only; name where it would land with --target.".to_owned());
        }
        Action::Answer => match review.subject() {
            Some((subject, question)) => {
                let field = TextField::with(review.answered(&subject).map_or("", String::as_str));
                state.overlay = prompt(question, field, Purpose::Answer(subject));
            }
            None => state.status = Some("Put the cursor on a finding or an omission; ) goes to the next.".to_owned()),
        },
        Action::Note => match review.note_place() {
            Some((place, at)) => {
                let text = at.map_or("", |at| review.draft.notes[at].text.as_str());
                let field = TextField::with(text);
                state.overlay = prompt("note".to_owned(), field, Purpose::Note(place, at));
            }
            None => state.status = Some("This file is still being read.".to_owned()),
        },
        Action::Sign => {
            let own = own_decision(state);
            let sheet = Sheet::new(state.key.clone(), state.key_needs_passphrase, own);
            state.overlay = Some(Overlay::Sign(Box::new(sheet)));
        }
        _ => state.status = review.update(action),
    }
    save_if_changed(state, &before)
}

/// What the owner of the key decided on the open change, if that is in force.
fn own_decision(state: &State) -> Option<Verdict> {
    let Screen::Review(review) = &state.screen else { return None };
    let me = &state.me(&review.place)?.id;
    let standing = review.examination.as_ref()?.standing.as_ref()?;
    if standing.rejected_by.contains(me) {
        return Some(Verdict::Reject);
    }
    standing.approved_by.contains(me).then_some(Verdict::Approve)
}

/// Drafts are on disk after every change of theirs.
fn save_if_changed(state: &State, before: &Draft) -> Vec<Effect> {
    match &state.screen {
        Screen::Review(review) if review.draft != *before && !review.read_only => {
            vec![Effect::SaveDraft { place: review.place.clone(), draft: review.draft.clone() }]
        }
        _ => Vec::new(),
    }
}

fn prompt_stroke(state: &mut State, mut prompt: Prompt, stroke: Stroke) -> Vec<Effect> {
    let page = state.page();
    match stroke.key {
        Key::Esc => {
            if matches!(prompt.purpose, Purpose::Filter) {
                state.queue.set_filter("", page);
            }
            return Vec::new();
        }
        Key::Char('c') if stroke.ctrl => return Vec::new(),
        Key::Enter => return prompt_done(state, prompt),
        _ => _ = prompt.field.take(stroke),
    }
    if matches!(prompt.purpose, Purpose::Filter) {
        state.queue.set_filter(prompt.field.text(), page);
    }
    state.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

fn prompt_done(state: &mut State, prompt: Prompt) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let before = review.draft.clone();
    let text = prompt.field.text();
    match prompt.purpose {
        Purpose::Filter => {}
        Purpose::Search => {
            review.search = Some(text.to_owned());
            if !text.is_empty() && !review.find(true) {
                state.status = Some("no match".to_owned());
            }
        }
        Purpose::Answer(subject) => review.answer(subject, text),
        Purpose::Note(place, at) => review.set_note(place, at, text),
    }
    save_if_changed(state, &before)
}

fn sheet_stroke(state: &mut State, mut sheet: Box<Sheet>, stroke: Stroke) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let before = review.draft.clone();
    let asked = sheet.stroke(stroke, review);
    let (ticket, place, change) = (review.ticket, review.place.clone(), review.change.clone());
    let effects = match asked {
        Ask::Close => return save_if_changed(state, &before),
        Ask::Nothing | Ask::SaveDraft => Vec::new(),
        Ask::Freeze(verdict) => match review.examination.clone() {
            Some(examination) => {
                let (draft, seen) = (review.draft.clone(), review.seen());
                vec![Effect::Freeze { ticket, place, change, examination, draft, verdict, seen }]
            }
            None => Vec::new(),
        },
        Ask::Sign(frozen, passphrase) => vec![Effect::Sign { ticket, place, change, frozen, passphrase }],
    };
    state.overlay = Some(Overlay::Sign(sheet));
    effects.into_iter().chain(save_if_changed(state, &before)).collect()
}

/// Colours for the files on view that have none yet.
fn wanted_highlights(state: &mut State) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let ticket = review.ticket;
    let mut effects = Vec::new();
    for index in review.visible_files() {
        if let (Some(file), false) = (&review.files[index], review.tokens.contains_key(&index)) {
            effects.push(Effect::Highlight { ticket, index, file: file.clone() });
            // An empty answer stands for the one under way.
            review.tokens.insert(index, Arc::default());
        }
    }
    effects
}
