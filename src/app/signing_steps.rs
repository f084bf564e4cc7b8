//! The steps of signing, for anything that is signed. Nothing is preselected, Enter never means yes, and the
//! confirmation is typed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use super::action::{Action, Context};
use super::keymap::{Key, Keymap, Meaning, Stroke};
use super::text::{TextField, did_not_fit};
use crate::change::visible;
use crate::risk::{MASK, masked};
use crate::signing::{Prepared, SigningError};

/// The most characters of a line about which is asked.
const MAX_ASKED: usize = 60;

/// The step that a sheet is at. `V` is a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage<V> {
    /// Shows what is missing; the person chooses a verdict.
    Choose,
    /// The person writes the reason.
    Reason {
        verdict: V,
        field: TextField,
    },
    /// The bytes are being fixed.
    Freezing {
        verdict: V,
    },
    /// The statement is shown; the person types its code.
    Confirm {
        prepared: Box<Prepared<V>>,
        field: TextField,
        scroll: Scroll,
    },
    Passphrase {
        prepared: Box<Prepared<V>>,
        field: TextField,
    },
    Signing {
        prepared: Box<Prepared<V>>,
    },
    /// Recorded.
    Done {
        record: String,
        verdict: V,
    },
}

/// How far a text is scrolled. How many rows it has depends on the width, so that only drawing knows where it ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scroll {
    at: usize,
    most: Cell<usize>,
}

impl Scroll {
    /// The first row to draw, where at most this many can be above it.
    pub fn within(&self, most: usize) -> usize {
        self.most.set(most);
        self.at.min(most)
    }

    fn by(&mut self, rows: isize) {
        let most = self.most.get();
        self.at = self.at.min(most).saturating_add_signed(rows).min(most);
    }
}

/// What a sheet wants the program to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask<V> {
    Nothing,
    Close,
    /// Closes, and goes to what is left.
    Lead(Action),
    SaveDraft,
    Prepare(V),
    Sign(Box<Prepared<V>>, Option<String>),
}

/// A stage, with what all of them share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony<V> {
    /// The number of this sheet: answers to an earlier sheet are ignored.
    pub number: u64,
    pub stage: Stage<V>,
    pub message: Option<String>,
    /// The key that would sign, or why there is none.
    pub key: Result<String, String>,
    pub needs_passphrase: bool,
    /// The words that look like a secret and were asked about.
    asked_about: Option<String>,
}

/// The first line in which the rules find a secret, without it.
fn secret_in(words: &str) -> Option<String> {
    let shown = masked(words);
    if shown == words {
        return None;
    }
    let line = shown.lines().find(|line| line.contains(MASK)).unwrap_or_default();
    Some(visible::text(&line.chars().take(MAX_ASKED).collect::<String>()).into_owned())
}

/// Keeps the reason for a verdict; an empty one is none.
fn keep<V: Ord>(kept: &mut BTreeMap<V, String>, verdict: V, reason: &str) {
    match reason.is_empty() {
        true => _ = kept.remove(&verdict),
        false => _ = kept.insert(verdict, reason.to_owned()),
    }
}

impl<V: Copy + Ord + fmt::Display> Ceremony<V> {
    pub fn new(number: u64, key: Result<String, String>, needs_passphrase: bool) -> Ceremony<V> {
        Ceremony { number, stage: Stage::Choose, message: None, key, needs_passphrase, asked_about: None }
    }

    /// What a stroke means that chooses nothing: the sheet names the strokes that lead to what is left.
    pub fn led_by(stroke: Stroke, context: Context, keymap: &Keymap) -> Ask<V> {
        match keymap.meaning(context, &[stroke]) {
            Meaning::Action(action @ (Action::NextUnseen | Action::NextFinding)) => Ask::Lead(action),
            _ => Ask::Nothing,
        }
    }

    /// Whether a stroke closes the sheet, at any step.
    pub fn is_left_by(stroke: Stroke) -> bool {
        stroke.key == Key::Esc || (stroke.key == Key::Char('c') && stroke.ctrl)
    }

    /// Closes the sheet, but not while the key signs: a signature cannot be cancelled, and the person would not see the
    /// result.
    pub fn leave(&mut self) -> Ask<V> {
        if self.signing().is_none() {
            return Ask::Close;
        }
        let told = "It is being signed, and that cannot be cancelled. Wait for the key; withdraw it afterwards.";
        self.message = Some(told.to_owned());
        Ask::Nothing
    }

    /// Begins the reason for a verdict, with what was kept of it.
    pub fn ask_reason(&mut self, verdict: V, kept: &BTreeMap<V, String>) {
        let own = kept.get(&verdict);
        if own.is_none()
            && let Some(other) = kept.keys().next()
        {
            self.message = Some(format!("What you wrote for “{other}” is not offered here; it is kept for that."));
        }
        let field = own.map_or_else(TextField::default, |words| TextField::with(words));
        self.stage = Stage::Reason { verdict, field };
    }

    /// Whether a reason is being written, which is signed as it is.
    pub fn asks_reason(&self) -> bool {
        matches!(self.stage, Stage::Reason { .. })
    }

    /// A stroke while the reason is written, which is kept with its verdict; `is_needed`: it may not be blank;
    /// `beside`: other words that are signed with it.
    pub fn reason(
        &mut self,
        stroke: Stroke,
        kept: &mut BTreeMap<V, String>,
        is_needed: impl Fn(V) -> bool,
        beside: impl Fn(V) -> String,
    ) -> Ask<V> {
        let Stage::Reason { verdict, field } = &mut self.stage else { return Ask::Nothing };
        let (verdict, before) = (*verdict, field.text().to_owned());
        let is_done = stroke.key == Key::Enter;
        if !is_done {
            field.take(stroke);
            if field.text() == before {
                return Ask::Nothing;
            }
        }
        let text = field.text().trim().to_owned();
        if is_done && text.is_empty() && is_needed(verdict) {
            self.message = Some("A reason is needed, in your own words.".to_owned());
            return Ask::Nothing;
        }
        keep(kept, verdict, &text);
        if !is_done {
            return Ask::SaveDraft;
        }
        let words = format!("{}\n{}", kept.get(&verdict).map(String::as_str).unwrap_or_default(), beside(verdict));
        if let Some(line) = secret_in(&words)
            && self.asked_about.as_ref() != Some(&words)
        {
            let told = format!("Is there a secret in “{line}”? What is signed cannot be taken back. Enter goes on.");
            (self.message, self.asked_about) = (Some(told), Some(words));
            return Ask::SaveDraft;
        }
        self.stage = Stage::Freezing { verdict };
        Ask::Prepare(verdict)
    }

    /// Text is pasted: it is taken into a reason, which is kept, and nowhere else. What confirms a signature is typed.
    pub fn pasted(&mut self, text: &str, kept: &mut BTreeMap<V, String>) {
        self.message = match &mut self.stage {
            Stage::Reason { verdict, field } => {
                let left_out = field.insert(text);
                keep(kept, *verdict, field.text().trim());
                (left_out > 0).then(|| did_not_fit(left_out))
            }
            Stage::Confirm { .. } | Stage::Passphrase { .. } => {
                Some("Pasted text is not taken here: type it.".to_owned())
            }
            _ => return,
        };
    }

    /// Forgets a passphrase that is half typed.
    pub fn forget_passphrase(&mut self) {
        if let Stage::Passphrase { field, .. } = &mut self.stage {
            *field = TextField::default();
        }
    }

    /// A stroke after the verdict was chosen and the reason given.
    pub fn stroke(&mut self, stroke: Stroke) -> Ask<V> {
        match std::mem::replace(&mut self.stage, Stage::Choose) {
            Stage::Confirm { prepared, field, scroll } => self.confirm(prepared, field, scroll, stroke),
            Stage::Passphrase { prepared, field } => self.passphrase(prepared, field, stroke),
            Stage::Done { .. } => Ask::Close,
            stage => {
                self.stage = stage;
                Ask::Nothing
            }
        }
    }

    fn confirm(
        &mut self,
        prepared: Box<Prepared<V>>,
        mut field: TextField,
        mut scroll: Scroll,
        stroke: Stroke,
    ) -> Ask<V> {
        match stroke.key {
            Key::Down => scroll.by(1),
            Key::Up => scroll.by(-1),
            Key::PageDown => scroll.by(10),
            Key::PageUp => scroll.by(-10),
            Key::Enter => return self.confirmed(prepared, field, scroll),
            _ => _ = field.take(stroke),
        }
        self.stage = Stage::Confirm { prepared, field, scroll };
        Ask::Nothing
    }

    fn confirmed(&mut self, prepared: Box<Prepared<V>>, field: TextField, scroll: Scroll) -> Ask<V> {
        if field.text().trim() != prepared.challenge {
            self.message = Some(format!("Type {} to sign; Esc leaves without signing.", prepared.challenge));
            self.stage = Stage::Confirm { prepared, field, scroll };
            return Ask::Nothing;
        }
        if self.needs_passphrase {
            self.stage = Stage::Passphrase { prepared, field: TextField::default() };
            return Ask::Nothing;
        }
        self.stage = Stage::Signing { prepared: prepared.clone() };
        Ask::Sign(prepared, None)
    }

    fn passphrase(&mut self, prepared: Box<Prepared<V>>, mut field: TextField, stroke: Stroke) -> Ask<V> {
        if stroke.key == Key::Enter && !field.text().is_empty() {
            self.stage = Stage::Signing { prepared: prepared.clone() };
            return Ask::Sign(prepared, Some(field.text().to_owned()));
        }
        field.take(stroke);
        self.stage = Stage::Passphrase { prepared, field };
        Ask::Nothing
    }

    /// The bytes are fixed, or could not be. Accepted only while the sheet waits for exactly these bytes: at any other
    /// step, the code would be typed under other words. If a text is returned, the sheet is closed and the text is
    /// shown.
    pub fn prepared(&mut self, number: u64, result: Result<Box<Prepared<V>>, SigningError>) -> Option<String> {
        let Stage::Freezing { verdict } = &self.stage else { return None };
        if number != self.number || result.as_ref().is_ok_and(|prepared| prepared.verdict != *verdict) {
            return None;
        }
        match result {
            Ok(prepared) => {
                self.stage = Stage::Confirm { prepared, field: TextField::default(), scroll: Scroll::default() }
            }
            Err(SigningError::Moved(why)) => return Some(why),
            Err(SigningError::LostPlace(why) | SigningError::Refused(why)) => {
                self.stage = Stage::Choose;
                self.message = Some(why);
            }
            Err(SigningError::PassphraseNeeded) => self.stage = Stage::Choose,
        }
        None
    }

    /// The verdict that is being signed.
    pub fn signing(&self) -> Option<V> {
        match &self.stage {
            Stage::Signing { prepared } => Some(prepared.verdict),
            _ => None,
        }
    }

    /// Whether this sheet waits for the signature with a number.
    pub fn waits_for(&self, number: u64) -> bool {
        number == self.number && self.signing().is_some()
    }

    /// The answer of the signing lane. If a text is returned, the sheet is closed and the text is shown.
    pub fn signed(&mut self, result: Result<String, SigningError>) -> Option<String> {
        let Stage::Signing { prepared } = &self.stage else { return None };
        let prepared = prepared.clone();
        match result {
            Ok(record) => self.stage = Stage::Done { record, verdict: prepared.verdict },
            Err(SigningError::Moved(why)) => return Some(why),
            Err(SigningError::PassphraseNeeded) => {
                self.stage = Stage::Passphrase { prepared, field: TextField::default() }
            }
            Err(SigningError::LostPlace(why)) => {
                // Goes back to a step from which everything must be prepared and confirmed again: the sheet never signs
                // by itself.
                self.stage = Stage::Choose;
                self.message = Some(why);
            }
            Err(SigningError::Refused(why)) => {
                self.message = Some(why);
                self.stage = if self.needs_passphrase {
                    Stage::Passphrase { prepared, field: TextField::default() }
                } else {
                    Stage::Confirm { prepared, field: TextField::default(), scroll: Scroll::default() }
                };
            }
        }
        None
    }
}
