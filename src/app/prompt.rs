//! A line of text that is asked for at the foot of the screen.

use super::keymap::{Key, Stroke};
use super::reading::save_if_changed;
use super::review::Subject;
use super::text::TextField;
use super::{Effect, Overlay, Screen, State};
use crate::decision::Note;

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

pub fn stroke(state: &mut State, mut prompt: Prompt, stroke: Stroke) -> Vec<Effect> {
    let page = state.page();
    match stroke.key {
        Key::Esc => {
            if matches!(prompt.purpose, Purpose::Filter) {
                state.queue.set_filter("", page);
            }
            return Vec::new();
        }
        Key::Char('c') if stroke.ctrl => return Vec::new(),
        Key::Enter => return done(state, prompt),
        _ => _ = prompt.field.take(stroke),
    }
    if matches!(prompt.purpose, Purpose::Filter) {
        state.queue.set_filter(prompt.field.text(), page);
    }
    state.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

fn done(state: &mut State, prompt: Prompt) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let before = review.draft.clone();
    let text = prompt.field.text();
    match prompt.purpose {
        Purpose::Filter => {}
        Purpose::Search => state.status = review.search_for(text),
        Purpose::Answer(subject) => review.answer(subject, text),
        Purpose::Note(place, at) => review.set_note(place, at, text),
    }
    save_if_changed(state, &before)
}
