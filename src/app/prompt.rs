//! A prompt for a line of text, at the bottom of the screen.

use std::path::PathBuf;

use unicode_width::UnicodeWidthStr as _;

use super::keymap::{Key, Stroke};
use super::review::{Noted, Subject};
use super::saving::save_if_changed;
use super::text::{TextField, did_not_fit, fold};
use super::{Effect, Overlay, Screen, State};
use crate::authorizing::PageRow;
use crate::change::visible;
use crate::decision::Note;
use crate::record::RecordId;

/// How many earlier answers are offered.
const MOST_ANSWERS: usize = 100;

/// The rows of a question; the rest of a longer one is cut.
const MOST_ROWS: usize = 3;

#[derive(Debug, Clone)]
pub struct Prompt {
    pub label: String,
    pub field: TextField,
    pub purpose: Purpose,
    /// What of a paste did not fit: said until the prompt closes, since the next stroke would otherwise take it away.
    pub left_out: Option<String>,
    /// The text that it began with.
    before: String,
    /// What was answered before, the latest first: for many findings of one kind.
    earlier: Vec<String>,
    /// Which of them is in the field, counted from 1; 0: what was written here, which is kept meanwhile.
    at: usize,
    own: TextField,
}

impl Prompt {
    pub fn new(label: String, field: TextField, purpose: Purpose) -> Prompt {
        let before = field.text().to_owned();
        Prompt { label, field, purpose, left_out: None, before, earlier: Vec::new(), at: 0, own: TextField::default() }
    }

    /// With texts that the arrow keys put into the field.
    pub fn with_earlier(self, earlier: Vec<String>) -> Prompt {
        Prompt { earlier, ..self }
    }

    /// Whether there are texts that the arrow keys put into the field.
    pub fn has_earlier(&self) -> bool {
        !self.earlier.is_empty()
    }

    /// Puts an earlier text into the field, or the one after it.
    fn recall(&mut self, is_earlier: bool) {
        let at = if is_earlier { (self.at + 1).min(self.earlier.len()) } else { self.at.saturating_sub(1) };
        if self.at == 0 && at > 0 {
            self.own = self.field.clone();
        }
        if at != self.at {
            self.field = match at {
                0 => self.own.clone(),
                _ => TextField::with_lines(&self.earlier[at - 1]),
            };
        }
        self.at = at;
    }

    /// What is asked, in rows above the field if half of the width is not enough for it beside the field.
    pub fn question(&self, width: usize) -> Vec<String> {
        if self.label.width() + 3 <= width / 2 {
            return Vec::new();
        }
        let mut rows = fold(&visible::text(&self.label), width.saturating_sub(2));
        if rows.len() > MOST_ROWS {
            let rest = rows.split_off(MOST_ROWS - 1);
            rows.push(rest.join(" "));
        }
        rows
    }

    /// Whether something was written that is worth keeping.
    fn is_unfinished(&self) -> bool {
        let is_remark = !matches!(self.purpose, Purpose::Filter | Purpose::Search);
        is_remark && !self.field.text().trim().is_empty() && self.field.text() != self.before
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    Filter,
    Search,
    /// One answer to each of these.
    Answer(Vec<Subject>),
    /// An answer to a row of the page of a pending command.
    AnswerOfCommand(PageRow),
    Note(Box<Note>, Noted),
    /// An answer to a comment at a server, by the server's name for it.
    Reply(String),
}

/// A text that was left unfinished, and where it belongs.
#[derive(Debug, Clone)]
pub struct Unfinished {
    about: About,
    prompt: Prompt,
}

impl Unfinished {
    /// The request that it is about, if it is an answer about a command, and the text.
    pub fn about_command(&self) -> Option<(RecordId, &str)> {
        match self.about {
            About::Command(_, request) => Some((request, self.prompt.field.text().trim())),
            _ => None,
        }
    }
}

/// What is open on the screen: a change of a repository, or a command. Texts for one are not offered at another.
#[derive(Debug, Clone, PartialEq)]
enum About {
    Change(PathBuf, String),
    Command(usize, RecordId),
    Nothing,
}

impl About {
    fn of(state: &State) -> About {
        match &state.screen {
            Screen::Review(review) => About::Change(review.snapshot.common_dir.clone(), review.change.id.clone()),
            Screen::Command(command) => About::Command(command.repository, command.pending.id),
            Screen::Queue => About::Nothing,
        }
    }
}

/// Opens a prompt; with the text that was left unfinished for the same purpose.
pub fn open(state: &mut State, mut prompt: Prompt) {
    let about = About::of(state);
    let is_it = |own: &Unfinished| own.about == about && own.prompt.purpose == prompt.purpose;
    if let Some(at) = state.unfinished.iter().position(is_it) {
        prompt.field = state.unfinished.remove(at).prompt.field;
        state.status = Some("This is the unfinished text from before.".to_owned());
    }
    state.overlay = Some(Overlay::Prompt(Box::new(prompt)));
}

/// Leaves a prompt without what was written; that is kept, since a key pressed by mistake must not lose it.
fn leave(state: &mut State, prompt: Prompt) {
    if prompt.is_unfinished() {
        state.status = Some("Not saved. To continue with this text, open it here again.".to_owned());
        let about = About::of(state);
        state.unfinished.push(Unfinished { about, prompt });
    }
}

/// Keeps the note that is being written when the program ends without being asked to: nobody else can write it again.
/// What was left with Esc is not kept, whichever way the program ends, nor is a half-written answer, since it would
/// count as one; an answer about a command stays unfinished, to be printed.
pub fn kept(state: &mut State) -> Vec<Effect> {
    let prompt = match state.overlay.take() {
        Some(Overlay::Prompt(prompt)) if prompt.is_unfinished() => *prompt,
        other => {
            state.overlay = other;
            return Vec::new();
        }
    };
    match prompt.purpose {
        Purpose::Note(..) => return done(state, prompt),
        Purpose::AnswerOfCommand(_) => state.unfinished.push(Unfinished { about: About::of(state), prompt }),
        _ => {}
    }
    Vec::new()
}

pub fn stroke(state: &mut State, mut prompt: Prompt, stroke: Stroke) -> Vec<Effect> {
    let page = state.page();
    match stroke.key {
        Key::Esc => {
            if matches!(prompt.purpose, Purpose::Filter) {
                state.queue.set_filter("", page);
            }
            leave(state, prompt);
            return Vec::new();
        }
        Key::Char('c') if stroke.ctrl => {
            leave(state, prompt);
            return Vec::new();
        }
        Key::Up | Key::Down => prompt.recall(stroke.key == Key::Up),
        Key::Enter if !(stroke.alt && prompt.field.has_lines()) => return done(state, prompt),
        Key::Char('o') if stroke.ctrl && prompt.field.has_lines() => {
            let text = prompt.field.text().to_owned();
            state.overlay = Some(Overlay::Prompt(Box::new(prompt)));
            return vec![Effect::Write { text }];
        }
        Key::Char(_) if prompt.field.is_full() && !stroke.ctrl => {
            state.status = Some("There is no room for more in this text.".to_owned());
        }
        _ => _ = prompt.field.take(stroke),
    }
    if prompt.field.text().is_empty() {
        prompt.left_out = None;
    }
    typed(state, &prompt);
    state.overlay = Some(Overlay::Prompt(Box::new(prompt)));
    Vec::new()
}

/// What was typed or pasted into a filter holds at once.
fn typed(state: &mut State, prompt: &Prompt) {
    if matches!(prompt.purpose, Purpose::Filter) {
        let page = state.page();
        state.queue.set_filter(prompt.field.text(), page);
    }
}

/// Text is pasted into the prompt.
pub fn pasted(state: &mut State, mut prompt: Box<Prompt>, text: &str) {
    let left_out = prompt.field.insert(text);
    if left_out > 0 {
        state.status = None;
        prompt.left_out = Some(did_not_fit(left_out));
    }
    typed(state, &prompt);
    state.overlay = Some(Overlay::Prompt(prompt));
}

/// Puts the text from the person's editor into the prompt.
pub fn written(state: &mut State, result: Result<String, String>) {
    match (&mut state.overlay, result) {
        (Some(Overlay::Prompt(prompt)), Ok(text)) if prompt.field.has_lines() => {
            let mut field = TextField::with_lines("");
            let left_out = field.insert(text.trim_end());
            // A text that is too long for a record must be shortened by its author, not here.
            prompt.field = if left_out > 0 { TextField::with_lines(text.trim_end()) } else { field };
            prompt.left_out = None;
            if left_out > 0 {
                state.status = Some(format!("The text is too long for a record by {left_out} characters: shorten it."));
            }
        }
        (_, Err(why)) => state.status = Some(why),
        _ => {}
    }
}

fn done(state: &mut State, prompt: Prompt) -> Vec<Effect> {
    if let (Screen::Command(command), Purpose::AnswerOfCommand(row)) = (&mut state.screen, &prompt.purpose) {
        command.set_answer(row, prompt.field.text());
        return Vec::new();
    }
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let before = review.work.draft.clone();
    let text = prompt.field.text();
    if matches!(prompt.purpose, Purpose::Answer(_)) && !text.trim().is_empty() {
        state.answers.retain(|own| own != text);
        state.answers.insert(0, text.to_owned());
        state.answers.truncate(MOST_ANSWERS);
    }
    match prompt.purpose {
        Purpose::Filter | Purpose::AnswerOfCommand(_) => {}
        Purpose::Search => state.status = review.search_for(text),
        Purpose::Answer(subjects) => subjects.into_iter().for_each(|subject| review.answer(subject, text)),
        Purpose::Note(place, noted) => review.set_note(*place, noted, text),
        Purpose::Reply(_) if text.trim().is_empty() => {}
        Purpose::Reply(answers) => {
            let (ticket, snapshot, change) = (review.ticket, review.snapshot.clone(), review.change.clone());
            let text = text.trim().to_owned();
            state.status = Some("Sending your answer…".to_owned());
            return vec![Effect::Reply { ticket, snapshot, change, answers, text }];
        }
    }
    save_if_changed(state, &before)
}
