//! The sign sheet. Nothing is preselected, Enter never means yes, the digest is typed, pasted text is not taken;
//! rejecting asks for less than approving.

use super::action::Action;
use super::keymap::{Key, Keymap, Stroke};
use super::review::Review;
use super::text::TextField;
use crate::change::manifest::escape;
use crate::decision::{Missing, Verdict};
use crate::gate::Answerable;
use crate::gate::advice::Need;
use crate::signing::{Prepared, Seen, SigningError};

/// Where the sheet stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Says what is missing; a verdict is chosen.
    Choose,
    /// The reason is written.
    Reason {
        verdict: Verdict,
        field: TextField,
    },
    /// The bytes are being fixed.
    Freezing {
        verdict: Verdict,
    },
    /// The statement is shown; its code is typed.
    Confirm {
        prepared: Box<Prepared>,
        field: TextField,
        scroll: usize,
    },
    Passphrase {
        prepared: Box<Prepared>,
        field: TextField,
    },
    Signing {
        prepared: Box<Prepared>,
    },
    /// Recorded.
    Done {
        record: String,
        verdict: Verdict,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    pub stage: Stage,
    pub message: Option<String>,
    /// The key that would sign, or why there is none.
    pub key: Result<String, String>,
    pub needs_passphrase: bool,
    /// The signer's own decision on this change that is in force and could be taken back.
    pub own: Option<Verdict>,
    pub advice: Advice,
    /// Notes are part of an approval, too. They are of a rejection in any case.
    pub with_notes: bool,
}

/// What can be known before signing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advice {
    pub needs: Vec<Need>,
    /// Why it cannot land, whoever signs for it.
    pub refusals: Vec<String>,
    /// Why an approval would fill no slot.
    pub futile: Option<String>,
    /// Rejections that an approval answers for.
    pub answers: Vec<Answerable>,
    /// Why nobody can sign here at all.
    pub unsignable: Option<String>,
    /// The policy lets the signer claim that no AI was used.
    pub may_claim: bool,
    /// The policy lets the signer break the glass.
    pub may_break_glass: bool,
}

/// What the sheet asks of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Nothing,
    Close,
    SaveDraft,
    Prepare(Verdict),
    Sign(Box<Prepared>, Option<String>),
}

impl Sheet {
    pub fn new(key: Result<String, String>, needs_passphrase: bool, own: Option<Verdict>) -> Sheet {
        Sheet {
            stage: Stage::Choose,
            message: None,
            key,
            needs_passphrase,
            own,
            advice: Advice::default(),
            with_notes: false,
        }
    }

    /// What to type to confirm: the code of the record for what lets something land, else the word.
    pub fn challenge(prepared: &Prepared) -> String {
        let lands = matches!(prepared.verdict, Verdict::Approve | Verdict::BreakGlass);
        if lands { prepared.code() } else { prepared.verdict.to_string() }
    }

    pub fn stroke(&mut self, stroke: Stroke, review: &mut Review, keymap: &Keymap) -> Ask {
        if stroke.key == Key::Esc || (stroke.key == Key::Char('c') && stroke.ctrl) {
            return Ask::Close;
        }
        self.message = None;
        match self.stage.clone() {
            Stage::Choose => self.choose(stroke, review, keymap),
            Stage::Reason { verdict, field } => self.reason(verdict, field, stroke, review),
            Stage::Confirm { prepared, field, scroll } => self.confirm(prepared, field, scroll, stroke),
            Stage::Passphrase { prepared, field } => self.passphrase(prepared, field, stroke),
            Stage::Freezing { .. } | Stage::Signing { .. } => Ask::Nothing,
            Stage::Done { .. } => Ask::Close,
        }
    }

    fn choose(&mut self, stroke: Stroke, review: &Review, keymap: &Keymap) -> Ask {
        let verdict = match stroke.key {
            Key::Char('a') => Verdict::Approve,
            Key::Char('r') => Verdict::Reject,
            Key::Char('h') if self.advice.may_claim => Verdict::HumanOnly,
            Key::Char('b') if self.advice.may_break_glass => Verdict::BreakGlass,
            Key::Char('w') if self.own.is_some() => Verdict::Withdraw,
            Key::Char('q') => return Ask::Close,
            Key::Char('n') if !review.draft.notes.is_empty() => {
                self.with_notes = !self.with_notes;
                return Ask::Nothing;
            }
            _ => return Ask::Nothing,
        };
        if self.key.is_err() {
            // The commands that help stand on the sheet.
            self.message = Some("Without a signing key nothing can be signed.".to_owned());
            return Ask::Nothing;
        }
        if let Some(why) = &self.advice.unsignable {
            self.message = Some(format!("Nobody can sign here: {why}."));
            return Ask::Nothing;
        }
        if let (Verdict::Approve, Some(why)) = (verdict, self.advice.refusals.first()) {
            self.message = Some(format!("Nothing that is signed makes this land. {why}"));
            return Ask::Nothing;
        }
        if !review.is_complete() {
            self.message = Some("The change is still being read; wait a moment.".to_owned());
            return Ask::Nothing;
        }
        let missing = review.checklist().missing(&review.draft, verdict);
        if (Missing { reason: false, ..missing }) != Missing::default() {
            let (unseen, finding) = (keymap.first(Action::NextUnseen), keymap.first(Action::NextFinding));
            self.message = Some(format!(
                "An approval needs everything seen and answered: Esc, then {unseen} and {finding} lead to what is \
                 missing."
            ));
            return Ask::Nothing;
        }
        self.stage = Stage::Reason { verdict, field: TextField::with(&review.draft.reason) };
        Ask::Nothing
    }

    fn reason(&mut self, verdict: Verdict, mut field: TextField, stroke: Stroke, review: &mut Review) -> Ask {
        if stroke.key == Key::Enter {
            review.draft.reason = field.text().trim().to_owned();
            if review.checklist().missing(&review.draft, verdict).reason {
                self.message = Some("A reason is needed, in your own words.".to_owned());
                return Ask::Nothing;
            }
            self.stage = Stage::Freezing { verdict };
            return Ask::Prepare(verdict);
        }
        field.take(stroke);
        review.draft.reason = field.text().trim().to_owned();
        self.stage = Stage::Reason { verdict, field };
        Ask::SaveDraft
    }

    fn confirm(&mut self, prepared: Box<Prepared>, mut field: TextField, scroll: usize, stroke: Stroke) -> Ask {
        let lines = prepared.payload.iter().filter(|&&b| b == b'\n').count();
        let scrolled = match stroke.key {
            Key::Down => scroll + 1,
            Key::Up => scroll.saturating_sub(1),
            Key::PageDown => scroll + 10,
            Key::PageUp => scroll.saturating_sub(10),
            Key::Enter => return self.confirmed(prepared, field, scroll),
            _ => {
                field.take(stroke);
                scroll
            }
        };
        self.stage = Stage::Confirm { prepared, field, scroll: scrolled.min(lines.saturating_sub(1)) };
        Ask::Nothing
    }

    fn confirmed(&mut self, prepared: Box<Prepared>, field: TextField, scroll: usize) -> Ask {
        if field.text().trim() != Sheet::challenge(&prepared) {
            self.message = Some(format!("Type {} to sign; Esc leaves without signing.", Sheet::challenge(&prepared)));
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

    fn passphrase(&mut self, prepared: Box<Prepared>, mut field: TextField, stroke: Stroke) -> Ask {
        if stroke.key == Key::Enter && !field.text().is_empty() {
            self.stage = Stage::Signing { prepared: prepared.clone() };
            return Ask::Sign(prepared, Some(field.text().to_owned()));
        }
        field.take(stroke);
        self.stage = Stage::Passphrase { prepared, field };
        Ask::Nothing
    }

    /// Whether the notes are signed with a verdict.
    pub fn signs_notes(&self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Reject => true,
            Verdict::Withdraw => false,
            _ => self.with_notes,
        }
    }

    pub fn prepared(&mut self, result: Result<Box<Prepared>, SigningError>) -> Option<String> {
        match result {
            Ok(prepared) => self.stage = Stage::Confirm { prepared, field: TextField::default(), scroll: 0 },
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
    pub fn signing(&self) -> Option<Verdict> {
        match &self.stage {
            Stage::Signing { prepared } => Some(prepared.verdict),
            _ => None,
        }
    }

    /// The answer of the signing lane. A text that comes back closes the sheet and is told.
    pub fn signed(&mut self, result: Result<String, SigningError>) -> Option<String> {
        let Stage::Signing { prepared } = self.stage.clone() else { return None };
        match result {
            Ok(record) => self.stage = Stage::Done { record, verdict: prepared.verdict },
            Err(SigningError::Moved(why)) => return Some(why),
            Err(SigningError::PassphraseNeeded) => {
                self.stage = Stage::Passphrase { prepared, field: TextField::default() }
            }
            Err(SigningError::LostPlace(why)) => {
                // Back to a sheet that must be prepared and confirmed anew: it never signs by itself.
                self.stage = Stage::Choose;
                self.message = Some(why);
            }
            Err(SigningError::Refused(why)) => {
                self.message = Some(why);
                self.stage = if self.needs_passphrase {
                    Stage::Passphrase { prepared, field: TextField::default() }
                } else {
                    Stage::Confirm { prepared, field: TextField::default(), scroll: 0 }
                };
            }
        }
        None
    }
}

impl Review {
    /// What was looked at, for the statement.
    pub fn seen(&self) -> Seen {
        let progress = self.progress();
        let read = |position: usize| Some((position, self.inventory_at(position)?));
        let files = || (0..self.order.len()).filter_map(read);
        let omissions = files().flat_map(|(position, inventory)| {
            let path = escape(&self.diff.files[self.order[position]].path);
            let text = |key: &String| self.draft.acknowledged.get(key).cloned().unwrap_or_default();
            let asked = inventory.asked(self.rows[position].folded);
            asked.map(move |(_, o)| (path.clone(), o.what.clone(), text(&o.key)))
        });
        let marks = files().flat_map(|(position, inventory)| inventory.marks(self.rows[position].folded));
        let paths = |positions: &mut dyn Iterator<Item = usize>| -> usize {
            positions.map(|position| self.diff.files[self.order[position]].paths().count()).sum()
        };
        Seen {
            // As paths, of which a file that moved has two.
            files: paths(&mut (0..self.order.len())),
            files_seen: paths(&mut (0..self.order.len()).filter(|&position| self.is_file_seen(position))),
            hunks: progress.hunks.1,
            hunks_seen: progress.hunks.0,
            carried_over: marks
                .filter(|key| self.carried_over.contains(*key) && self.draft.seen.contains(*key))
                .count(),
            hidden_characters: files().map(|(_, inventory)| inventory.hidden).sum(),
            omissions: omissions.collect(),
        }
    }
}
