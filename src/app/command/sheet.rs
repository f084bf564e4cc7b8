//! The sheet on which a command is authorized or refused. Refusing needs less than authorizing; nothing is preselected.

use super::{CommandView, Left};
use crate::app::action::{Action, Context};
use crate::app::keymap::{Key, Keymap, Stroke};
use crate::app::signing_steps::{Ask, Ceremony, Stage};
use crate::command::Verdict;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSheet {
    pub ceremony: Ceremony<Verdict>,
}

impl CommandSheet {
    pub fn new(ceremony: Ceremony<Verdict>) -> CommandSheet {
        CommandSheet { ceremony }
    }

    /// Why an authorization is not available now; none if it is.
    pub fn in_the_way(view: &CommandView, keymap: &Keymap) -> Option<String> {
        if let Some(why) = view.pending.closed() {
            return Some(why);
        }
        let left = view.left();
        (left != Left::default()).then(|| {
            let (unseen, item) = (keymap.first(Action::NextUnseen), keymap.first(Action::NextFinding));
            format!("An authorization needs all of it shown and answered: {unseen} and {item} lead there.")
        })
    }

    pub fn stroke(&mut self, stroke: Stroke, view: &mut CommandView, keymap: &Keymap) -> Ask<Verdict> {
        if Ceremony::<Verdict>::is_left_by(stroke) {
            return self.ceremony.leave();
        }
        self.ceremony.message = None;
        match &self.ceremony.stage {
            Stage::Choose => self.choose(stroke, view, keymap),
            Stage::Reason { .. } => {
                let is_destructive = view.page.is_destructive;
                let is_needed = |verdict| needs_reason(verdict, is_destructive);
                self.ceremony.reason(stroke, &mut view.draft.reasons, is_needed, |_| String::new())
            }
            _ => self.ceremony.stroke(stroke),
        }
    }

    fn choose(&mut self, stroke: Stroke, view: &CommandView, keymap: &Keymap) -> Ask<Verdict> {
        let pending = &view.pending;
        let verdict = match stroke.key {
            Key::Char('a') => Verdict::Authorize,
            Key::Char('r') => Verdict::Refuse,
            Key::Char('w') if pending.own.is_some() => Verdict::Withdraw,
            Key::Char('b') if pending.may_break_glass && pending.is_open() => Verdict::BreakGlass,
            Key::Char('t') if pending.may_take_over => Verdict::Handover,
            Key::Char('q') => return Ask::Close,
            _ => return Ceremony::led_by(stroke, Context::Command, keymap),
        };
        if self.ceremony.key.is_err() {
            self.ceremony.message = Some("Without a signing key nothing can be signed.".to_owned());
            return Ask::Nothing;
        }
        if let (Verdict::Authorize, Some(why)) = (verdict, CommandSheet::in_the_way(view, keymap)) {
            self.ceremony.message = Some(why);
            return Ask::Nothing;
        }
        // Both answer for refusals by others, which must have been read.
        if matches!(verdict, Verdict::BreakGlass | Verdict::Handover) && view.unread_refusals() > 0 {
            let part = keymap.first(Action::NextHunk);
            let told = format!("Read first who refused, and why: Esc, then {part} leads to “before”.");
            self.ceremony.message = Some(told);
            return Ask::Nothing;
        }
        self.ceremony.ask_reason(verdict, &view.draft.reasons);
        Ask::Nothing
    }
}

/// Whether a verdict needs a reason.
pub fn needs_reason(verdict: Verdict, is_destructive: bool) -> bool {
    verdict != Verdict::Authorize || is_destructive
}
