//! Strokes → what they mean on the current screen: an overlay, a number, an action.

use super::action::{Action, Context};
use super::choice::Choice;
use super::command::CommandEffect;
use super::keymap::{Key, Meaning, Stroke};
use super::picker::{Badge, Picked, Picker, PickerEntry};
use super::prompt::{self, Prompt, Purpose};
use super::queue::Source;
use super::review::Review;
use super::servers::ServerSource;
use super::text::TextField;
use super::{Effect, Event, Overlay, Screen, State, Text, authorize, help, history, reading, why};
use crate::authorizing::RequestState;

/// The largest number accepted before an action.
const MAX_COUNT: usize = 1_000_000;

pub fn pasted(state: &mut State, text: &str) -> Vec<Effect> {
    match state.overlay.take() {
        Some(Overlay::Prompt(prompt)) => prompt::pasted(state, prompt, text),
        Some(Overlay::Picker(mut picker)) => {
            picker.paste(text);
            state.overlay = Some(Overlay::Picker(picker));
        }
        Some(Overlay::Sign(sheet)) => return reading::pasted_on_sheet(state, sheet, text),
        Some(Overlay::Authorize(sheet)) => authorize::pasted_on_sheet(state, sheet, text),
        other => state.overlay = other,
    }
    Vec::new()
}

pub fn pressed(state: &mut State, stroke: Stroke) -> Vec<Effect> {
    state.status = None;
    // An overlay gets all other strokes first: in a text field, a bound letter is text.
    let is_no_text = stroke.ctrl || stroke.alt || matches!(stroke.key, Key::F(_));
    if is_no_text && state.keymap.meaning(state.context(), &[stroke]) == Meaning::Action(Action::Suspend) {
        state.pending.clear();
        return suspended(state);
    }
    match state.overlay.take() {
        Some(Overlay::Help { scroll }) => help_stroke(state, scroll, stroke),
        Some(Overlay::Text(text)) => text_stroke(state, text, stroke),
        Some(Overlay::Prompt(prompt)) => prompt::stroke(state, *prompt, stroke),
        Some(Overlay::Picker(picker)) => picker_stroke(state, picker, stroke),
        Some(Overlay::Sign(sheet)) => reading::sheet_stroke(state, sheet, stroke),
        Some(Overlay::Authorize(sheet)) => authorize::sheet_stroke(state, sheet, stroke),
        None => screen_stroke(state, stroke),
    }
}

/// Whether an event only moves the reader over what it shows: of the rows of the document, none looks different
/// afterwards, except where the cursor was and where it is.
pub fn only_moves(state: &State, event: &Event) -> bool {
    let Event::Stroke(stroke) = event else { return false };
    let is_alone = state.overlay.is_none() && state.pending.is_empty() && state.count.is_none();
    let moves = [Action::Down, Action::Up, Action::HalfDown, Action::HalfUp, Action::PageDown, Action::PageUp];
    let meaning = || state.keymap.meaning(state.context(), &[*stroke]);
    let is_move = || matches!(meaning(), Meaning::Action(action) if moves.contains(&action));
    is_alone && matches!(state.screen, Screen::Review(_)) && is_move()
}

/// How far a stroke scrolls a text overlay; none if it closes it.
fn scrolled(scroll: usize, stroke: Stroke) -> Option<usize> {
    Some(match stroke.key {
        Key::Down | Key::Char('j') => scroll.saturating_add(1),
        Key::Up | Key::Char('k') => scroll.saturating_sub(1),
        Key::PageDown | Key::Char(' ') => scroll + 10,
        Key::PageUp => scroll.saturating_sub(10),
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => usize::MAX,
        _ => return None,
    })
}

fn help_stroke(state: &mut State, scroll: usize, stroke: Stroke) -> Vec<Effect> {
    let (end, page) = (help::height(state), usize::from(state.size.1).saturating_sub(4));
    let scroll = scrolled(scroll, stroke).map(|scroll| scroll.min(end.saturating_sub(page)));
    state.overlay = scroll.map(|scroll| Overlay::Help { scroll });
    Vec::new()
}

fn text_stroke(state: &mut State, text: Box<Text>, stroke: Stroke) -> Vec<Effect> {
    let end = text.rows(state.size.0).len().saturating_sub(usize::from(state.size.1).saturating_sub(4));
    let scroll = scrolled(text.scroll, stroke).map(|scroll| scroll.min(end));
    state.overlay = scroll.map(|scroll| Overlay::Text(Box::new(Text { scroll, ..*text })));
    Vec::new()
}

fn picker_stroke(state: &mut State, mut picker: Box<Picker<Choice>>, stroke: Stroke) -> Vec<Effect> {
    picker.page = usize::from(state.size.1 / 2).max(1);
    match picker.stroke(stroke) {
        Picked::Open => state.overlay = Some(Overlay::Picker(picker)),
        Picked::Closed => {}
        Picked::Chosen(Choice::Act(action)) => return act(state, action),
        Picked::Chosen(Choice::Decision(at)) => {
            state.overlay = state.history.get(at).map(|own| Overlay::Text(Box::new(history::text(own))));
        }
        Picked::Chosen(Choice::Drill(at)) => {
            state.overlay = state.drills.get(at).map(|own| Overlay::Text(Box::new(history::of_drill(own))));
        }
        Picked::Chosen(Choice::SeeAlike(edit)) => return reading::see_alike(state, edit),
        Picked::Chosen(Choice::Note(path)) => reading::note_on(state, &path),
        Picked::Chosen(Choice::Go(goal)) => {
            if let Screen::Review(review) = &mut state.screen {
                review.reach(goal);
            }
        }
    }
    Vec::new()
}

fn screen_stroke(state: &mut State, stroke: Stroke) -> Vec<Effect> {
    if stroke.ctrl && stroke.key == Key::Char('c') {
        state.quit = true;
        reading::back_to_all(state);
        let effects = reading::left(state);
        authorize::left(state);
        return effects;
    }
    if stroke.key == Key::Esc {
        state.pending.clear();
        state.count = None;
        let page = state.page();
        match &mut state.screen {
            Screen::Review(review) => (review.viewport.selection, review.search) = (None, None),
            Screen::Queue => state.queue.set_filter("", page),
            Screen::Command(_) => {}
        }
        return Vec::new();
    }
    if let Some(count) = counted(state, stroke) {
        state.count = Some(count);
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
            state.count = None;
            let strokes: String = std::mem::take(&mut state.pending).iter().map(Stroke::to_string).collect();
            state.status =
                Some(format!("{strokes} is not bound here; {} lists the keys", state.keymap.first(Action::Help)));
            Vec::new()
        }
    }
}

/// The number before an action, with one more digit; none if the stroke is not a digit of it.
fn counted(state: &State, stroke: Stroke) -> Option<usize> {
    let Key::Char(c) = stroke.key else { return None };
    let digit = c.to_digit(10).filter(|_| !stroke.ctrl && !stroke.alt && state.pending.is_empty())? as usize;
    // A person may have bound a digit.
    if state.keymap.meaning(state.context(), &[stroke]) != Meaning::Nothing || (digit == 0 && state.count.is_none()) {
        return None;
    }
    Some((state.count.unwrap_or(0) * 10 + digit).min(MAX_COUNT))
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let count = state.count.take();
    state.asked_to_leave &= action == Action::Back;
    match action {
        Action::Help => state.overlay = Some(Overlay::Help { scroll: 0 }),
        Action::Palette => state.overlay = Some(Overlay::Picker(Box::new(palette(state)))),
        Action::Redraw => state.redraw = true,
        Action::Suspend => return suspended(state),
        Action::Lock => state.status = Some(locked(state).to_owned()),
        Action::Back => return back(state),
        _ => {
            return match state.screen {
                Screen::Queue => queue_action(state, action, count),
                Screen::Review(_) => reading::act(state, action, count),
                Screen::Command(_) => authorize::act(state, action, count),
            };
        }
    }
    Vec::new()
}

/// To the shell: somebody else may come back.
pub fn suspended(state: &mut State) -> Vec<Effect> {
    state.sitting.forget();
    match &mut state.overlay {
        Some(Overlay::Sign(sheet)) => sheet.ceremony.forget_passphrase(),
        Some(Overlay::Authorize(sheet)) => sheet.ceremony.forget_passphrase(),
        _ => {}
    }
    vec![Effect::Suspend]
}

fn locked(state: &mut State) -> &'static str {
    let was_open = state.sitting.is_open();
    state.sitting.forget();
    match (was_open, state.sitting.remembers) {
        (true, _) => "the passphrase is forgotten; the next signature asks for it",
        (false, true) => "no passphrase is kept; the next signature asks for it",
        (false, false) => "no passphrase is ever kept; remember_passphrase in config.toml keeps it for a sitting",
    }
}

/// All commands of the current screen, with their strokes.
fn palette(state: &State) -> Picker<Choice> {
    let context = state.context();
    let here = |action: &&Action| action.is_in(context);
    let entry = |action: &Action| PickerEntry {
        label: format!("{}: {}", action.name(), action.sentence()),
        detail: state.keymap.strokes(*action),
        badge: Badge::None,
        choice: Choice::Act(*action),
    };
    let mut actions: Vec<_> = Action::ALL.iter().filter(here).filter(|action| **action != Action::Palette).collect();
    actions.sort_by_key(|action| action.context() == Context::Everywhere);
    Picker::new("commands", actions.into_iter().map(entry).collect())
}

fn back(state: &mut State) -> Vec<Effect> {
    if state.aside.is_some() {
        reading::back_to_all(state);
        return Vec::new();
    }
    let effects = reading::left(state);
    authorize::left(state);
    if !matches!(state.screen, Screen::Queue) && !state.only_review {
        state.screen = Screen::Queue;
        // Answers to pending requests of the review are dropped when they arrive.
        state.ticket += 1;
    } else if !authorize::asks_before_leaving(state) {
        state.quit = true;
    }
    effects
}

fn queue_action(state: &mut State, action: Action, count: Option<usize>) -> Vec<Effect> {
    match action {
        Action::Open => return open_selected(state),
        Action::Filter => {
            let field = TextField::with(&state.queue.filter);
            state.overlay = Some(Overlay::Prompt(Box::new(Prompt::new("filter".to_owned(), field, Purpose::Filter))));
        }
        Action::Why => {
            let entry = || state.queue.selected_entry().map(|entry| why::text(state, entry));
            let text = state.queue.selected_command().map(|command| why::of_command(&command.pending)).or_else(entry);
            state.overlay = text.map(|text| Overlay::Text(Box::new(text)));
            let command = state.queue.selected_command().map(|command| &command.pending);
            let ended = command.filter(|pending| matches!(pending.standing, RequestState::Ended { .. }));
            return ended
                .map(|pending| Effect::Command(CommandEffect::Output { id: pending.id }))
                .into_iter()
                .collect();
        }
        Action::Claim => return claim(state),
        Action::History => return history::asked(state),
        Action::Sync => return sync_all(state),
        Action::Refresh => {
            return refresh(state);
        }
        _ => {
            let (page, wide) = (state.page(), state.has_room_beside());
            state.status = state.queue.update(action, count.unwrap_or(1), page, wide);
        }
    }
    Vec::new()
}

/// Local data is read at once; remote data arrives as each remote answers.
fn refresh(state: &mut State) -> Vec<Effect> {
    let mut effects = state.list_all();
    let read = effects.len();
    let with_remotes = state.queue.sources.iter().enumerate().filter_map(|(repository, source)| match source {
        Source::Ready(snapshot)
            if state.queue.outbox.contains_key(&repository) || state.queue.fetched.contains_key(&repository) =>
        {
            Some((repository, Effect::Fetch { repository, snapshot: snapshot.clone() }))
        }
        _ => None,
    });
    // With a slow remote, pressing R again does not queue a second fetch, which pending sends would wait for too.
    let mut fetching = state.queue.fetching.clone();
    effects.extend(with_remotes.filter(|(repository, _)| fetching.insert(*repository)).map(|(_, fetch)| fetch));
    let is_under_way = !fetching.is_empty();
    state.queue.fetching = fetching;
    effects.extend(ask(state, |_| true));
    let told = if is_under_way || effects.len() > read { ", fetching from their remotes …" } else { "" };
    state.status = Some(format!("reading all repositories again{told}"));
    effects
}

/// Queries servers about the local repositories; none while it is not known yet which of them they have.
pub(super) fn ask(state: &State, which: impl Fn(&str) -> bool) -> Vec<Effect> {
    if state.queue.sources.iter().any(|source| matches!(source, Source::Reading { .. })) {
        return Vec::new();
    }
    let about = |server: &ServerSource| {
        let at = state.queue.at_servers.values().flatten();
        let mut repositories: Vec<String> =
            at.filter(|(name, _)| *name == server.name).map(|(_, repository)| repository.clone()).collect();
        repositories.sort();
        repositories.dedup();
        Effect::Ask { server: server.name.clone(), repositories }
    };
    state.queue.servers.iter().filter(|server| which(&server.name)).map(about).collect()
}

/// Claims bind nobody, so no key signs them; whose they are, the roster says.
fn claim(state: &mut State) -> Vec<Effect> {
    let entry = state.queue.selected_entry().filter(|entry| entry.is_examined());
    let Some(change) = entry.map(|entry| entry.change.clone()) else {
        state.status = Some("Only a change that has been examined can be claimed.".to_owned());
        return Vec::new();
    };
    let Some(snapshot) = state.queue.snapshot(&change).cloned() else { return Vec::new() };
    let Some(person) = state.me(&snapshot).map(|person| person.id.clone()) else {
        state.status = Some("A claim says who reads a change, and your key is in no roster here.".to_owned());
        return Vec::new();
    };
    // What the row shows decides, and what was pressed since: what was claimed elsewhere meanwhile is not given back
    // unseen.
    let is_claimed = state.queue.claims_of(&change).any(|claim| claim.by == person);
    let is_taken = state.claiming.next(change.repository, change.revision.head, is_claimed);
    state.queue.selected = Some(change.id.clone());
    vec![Effect::Claim { repository: change.repository, snapshot, person, head: change.revision.head, is_taken }]
}

fn sync_all(state: &mut State) -> Vec<Effect> {
    let syncs = state.queue.sources.iter().enumerate().filter_map(|(repository, source)| match source {
        Source::Ready(snapshot) if state.queue.outbox.contains_key(&repository) => {
            Some(Effect::Sync { repository, snapshot: snapshot.clone() })
        }
        _ => None,
    });
    let effects: Vec<_> = syncs.collect();
    let text =
        if effects.is_empty() { "No repository here has a remote to sync with." } else { "syncing decisions …" };
    state.status = Some(text.to_owned());
    effects
}

pub fn open_selected(state: &mut State) -> Vec<Effect> {
    if let Some(command) = state.queue.selected_command().cloned() {
        return authorize::open(state, &command);
    }
    let Some(entry) = state.queue.selected_entry() else {
        // Why it cannot be opened.
        let problem = state.queue.current().and_then(|row| state.queue.problem(row));
        state.status = problem.map(|(what, why)| format!("{what}: {why}"));
        return Vec::new();
    };
    let (change, snapshot) = (entry.change.clone(), state.queue.snapshot(&entry.change).cloned());
    let Some(snapshot) = snapshot else { return Vec::new() };
    state.queue.selected = Some(change.id.clone());
    vec![Effect::Open { ticket: state.opens(), snapshot, change, read_only: false }]
}

/// The review that a ticket belongs to: the one on the screen, or the whole change while a part of it is shown.
impl State {
    pub(super) fn review_of(&mut self, ticket: u64) -> Option<&mut Review> {
        let open = match &mut self.screen {
            Screen::Review(review) => Some(review.as_mut()),
            Screen::Queue | Screen::Command(_) => None,
        };
        [open, self.aside.as_deref_mut()].into_iter().flatten().find(|review| review.ticket == ticket)
    }
}
