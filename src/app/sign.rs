//! The sign sheet of a change. Rejecting needs less than approving; pasted text is accepted for the reason only.

use std::collections::BTreeMap;

use super::action::{Action, Context};
use super::keymap::{Key, Keymap, Stroke};
use super::review::Review;
use super::signing_steps::{Ask, Ceremony, Stage};
use crate::change::any_of;
use crate::change::manifest::escape;
use crate::decision::{Draft, Missing, Verdict};
use crate::gate::Answerable;
use crate::gate::advice::Need;
use crate::signing::Seen;

const STILL_READ: &str = "The change is still being read; wait a moment.";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    pub ceremony: Ceremony<Verdict>,
    /// The signer's own decision on this change that is in force and could be withdrawn.
    pub own: Option<Verdict>,
    pub advice: Advice,
    /// Notes are also part of an approval. They are always part of a rejection.
    pub with_notes: bool,
}

/// What can be known before signing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advice {
    pub needs: Vec<Need>,
    /// Why it cannot land, whoever signs.
    pub refusals: Vec<String>,
    /// What the gate says of it that keeps nothing from landing, and where hidden text asks for a signature.
    pub remarks: Vec<String>,
    /// What keeps it from landing for some time.
    pub delays: Vec<String>,
    /// The signer's own rejections of exactly this, and those of others.
    pub vetoes: (Vec<Answerable>, Vec<Answerable>),
    /// Why an approval would fill no slot.
    pub futile: Option<String>,
    /// Those who can end the rejections of others that are in force; empty if it is whoever signed them.
    pub enders: Vec<String>,
    /// Why nothing that this key signs counts.
    pub mute: Option<String>,
    /// Rejections that an approval answers.
    pub answers: Vec<Answerable>,
    /// Why nobody can sign here at all.
    pub unsignable: Option<String>,
    /// The policy lets the signer claim that no AI was used.
    pub may_claim: bool,
    /// The policy lets the signer sign a break-glass record.
    pub may_break_glass: bool,
}

impl Advice {
    /// What must happen to a rejection whose signer cannot end it.
    pub fn taken_over(&self) -> String {
        format!("{} takes it over (undersign record hand-over)", any_of(&self.enders))
    }
}

impl Sheet {
    pub fn new(ceremony: Ceremony<Verdict>, own: Option<Verdict>) -> Sheet {
        Sheet { ceremony, own, advice: Advice::default(), with_notes: false }
    }

    pub fn stroke(&mut self, stroke: Stroke, review: &mut Review, keymap: &Keymap) -> Ask<Verdict> {
        if Ceremony::<Verdict>::is_left_by(stroke) {
            return self.ceremony.leave();
        }
        self.ceremony.message = None;
        match &self.ceremony.stage {
            Stage::Choose => self.choose(stroke, review, keymap),
            Stage::Reason { .. } => {
                let blank = Draft { reasons: BTreeMap::new(), ..review.work.draft.clone() };
                let checklist = review.checklist();
                let is_needed = |verdict| checklist.missing(&blank, verdict).reason;
                let notes = review.work.draft.notes.iter().map(|note| note.text.as_str());
                let notes = notes.collect::<Vec<_>>().join("\n");
                let with_notes = self.with_notes;
                let beside = |verdict| if signs_notes(verdict, with_notes) { notes.clone() } else { String::new() };
                self.ceremony.reason(stroke, &mut review.work.draft.reasons, is_needed, beside)
            }
            _ => self.ceremony.stroke(stroke),
        }
    }

    /// More of the change was read: once that is all, nobody has to wait any more.
    pub fn go_on(&mut self, review: &Review) {
        if !review.is_being_read() && self.ceremony.message.as_deref() == Some(STILL_READ) {
            self.ceremony.message = None;
        }
    }

    fn choose(&mut self, stroke: Stroke, review: &Review, keymap: &Keymap) -> Ask<Verdict> {
        let verdict = match stroke.key {
            Key::Char('a') => Verdict::Approve,
            Key::Char('r') => Verdict::Reject,
            Key::Char('h') if self.advice.may_claim => Verdict::HumanOnly,
            Key::Char('b') if self.advice.may_break_glass => Verdict::BreakGlass,
            Key::Char('w') if self.own.is_some() => Verdict::Withdraw,
            Key::Char('q') => return Ask::Close,
            Key::Char('n') if !review.work.draft.notes.is_empty() => {
                self.with_notes = !self.with_notes;
                return Ask::Nothing;
            }
            _ => return Ceremony::led_by(stroke, Context::Review, keymap),
        };
        if self.ceremony.key.is_err() {
            // The sheet shows the commands that help.
            self.ceremony.message = Some("Without a signing key nothing can be signed.".to_owned());
            return Ask::Nothing;
        }
        if let Some(why) = &self.advice.unsignable {
            self.ceremony.message = Some(format!("Nobody can sign here: {why}."));
            return Ask::Nothing;
        }
        if let (Verdict::Withdraw, Some(why)) = (verdict, &self.advice.mute) {
            self.ceremony.message =
                Some(format!("A withdrawal would count for nothing: {why}. Others may take it over."));
            return Ask::Nothing;
        }
        if let (Verdict::Approve, Some(why)) = (verdict, self.advice.refusals.first()) {
            self.ceremony.message = Some(format!("No signature makes this land. {why}"));
            return Ask::Nothing;
        }
        if let (Verdict::Approve, Some(veto)) = (verdict, self.advice.vetoes.1.first()) {
            let who = match self.advice.enders.is_empty() {
                true => "they take that back".to_owned(),
                false => self.advice.taken_over(),
            };
            self.ceremony.message = Some(format!("{} rejected this: no approval makes it land until {who}.", veto.by));
            return Ask::Nothing;
        }
        if !review.is_complete() {
            self.ceremony.message = Some(match review.is_being_read() {
                true => STILL_READ.to_owned(),
                false => "Not all of the change can be read here, so it cannot be decided here.".to_owned(),
            });
            return Ask::Nothing;
        }
        let missing = review.checklist().missing(&review.work.draft, verdict);
        if (Missing { reason: false, ..missing }) != Missing::default() {
            let (unseen, finding) = (keymap.first(Action::NextUnseen), keymap.first(Action::NextFinding));
            self.ceremony.message = Some(format!(
                "An approval needs everything seen and answered: {unseen} and {finding} lead to what is missing."
            ));
            return Ask::Nothing;
        }
        self.ceremony.ask_reason(verdict, &review.work.draft.reasons);
        Ask::Nothing
    }

    /// Whether the notes are signed with a verdict.
    pub fn signs_notes(&self, verdict: Verdict) -> bool {
        signs_notes(verdict, self.with_notes)
    }
}

fn signs_notes(verdict: Verdict, with_notes: bool) -> bool {
    match verdict {
        Verdict::Reject => true,
        Verdict::Withdraw => false,
        _ => with_notes,
    }
}

impl Review {
    /// What was looked at, for the statement.
    pub fn seen(&self) -> Seen {
        let progress = self.progress();
        let read = |position: usize| Some((position, self.document.inventory_at(position)?));
        let files = || (0..self.document.order().len()).filter_map(read);
        let omissions = files().flat_map(|(position, inventory)| {
            let path = escape(&self.diff.files[self.document.order()[position]].path);
            let text = |key: &String| self.work.draft.acknowledged.get(key).cloned().unwrap_or_default();
            let asked = inventory.asked(self.document.rows()[position].folded);
            let asked = asked.map(|(_, o)| (path.clone(), o.what.clone(), text(&o.key)));
            let moved = inventory.moved.iter().map(|(what, why)| {
                let why = if self.is_own_mark_seen(position) { why.clone() } else { String::new() };
                (path.clone(), what.clone(), why)
            });
            asked.chain(moved).collect::<Vec<_>>()
        });
        let paths = |positions: &mut dyn Iterator<Item = usize>| -> usize {
            positions.map(|position| self.diff.files[self.document.order()[position]].paths().count()).sum()
        };
        Seen {
            // As paths; a moved file has two.
            files: paths(&mut (0..self.document.order().len())),
            files_seen: paths(&mut (0..self.document.order().len()).filter(|&position| self.is_file_seen(position))),
            hunks: progress.hunks.1,
            hunks_seen: progress.hunks.0,
            carried_over: self.carried_over(),
            hidden_characters: files().map(|(_, inventory)| inventory.hidden).sum(),
            omissions: omissions.collect(),
        }
    }
}
