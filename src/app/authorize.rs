//! Strokes on an open command and its sheet.

use super::action::Action;
use super::command::delivery::Delivery;
use super::command::sheet::CommandSheet;
use super::command::{
    AskedRemote, CommandEffect, CommandEvent, CommandListing, CommandView, OpenedCommand, ShownCommand,
};
use super::keymap::Stroke;
use super::prompt::{self, Prompt, Purpose};
use super::queue::QueuedCommand;
use super::signing_steps::Ask;
use super::text::TextField;
use super::{Effect, Overlay, Screen, State, why};
use crate::authorizing::PageRow;
use crate::change::counted;
use crate::command::Verdict;
use crate::signing::SigningError;

/// Reads a command of the queue again, and opens it.
pub fn open(state: &mut State, command: &QueuedCommand) -> Vec<Effect> {
    let Some(snapshot) = state.queue.ready(command.repository).cloned() else { return Vec::new() };
    let (repository, id) = (command.repository, command.pending.id);
    state.queue.selected = Some(command.key());
    vec![Effect::Command(CommandEffect::Open { ticket: state.opens(), repository, snapshot, id })]
}

/// Updates the state with what workers found about commands.
pub fn arrived(state: &mut State, event: CommandEvent) -> Vec<Effect> {
    match event {
        CommandEvent::Opened { ticket, repository, result } => opened(state, ticket, repository, result),
        CommandEvent::Listed { repository, result } => listed(state, repository, result),
        CommandEvent::Delivered { repository, result } => return delivered(state, repository, result),
        CommandEvent::Output { id, result } => {
            if let Some(Overlay::Text(text)) = &mut state.overlay {
                why::output_came(text, id, result);
            }
        }
        CommandEvent::Signed { sheet, about, verdict, result } => {
            return signed(state, sheet, &about, verdict, result);
        }
        CommandEvent::Prepared { sheet: number, result } => {
            if let Some(Overlay::Authorize(sheet)) = &mut state.overlay {
                let told = sheet.ceremony.prepared(number, result);
                close(state, told);
            }
        }
    }
    Vec::new()
}

fn opened(state: &mut State, ticket: u64, repository: usize, result: Result<Box<OpenedCommand>, String>) {
    if ticket != state.ticket {
        return;
    }
    match result {
        Ok(opened) => {
            let draft = state.command_drafts.remove(&(repository, opened.pending.id)).unwrap_or_default();
            state.screen = Screen::Command(Box::new(CommandView::new(ticket, repository, *opened, draft)));
        }
        Err(why) => state.status = Some(why),
    }
}

/// Fetches pending commands, where there can be some, and resends what did not arrive; never two at a time per
/// repository.
pub fn look_for_commands(state: &mut State) -> Vec<Effect> {
    state.looked = Some(state.now);
    let mut effects = state.deliveries.send_stuck();
    for repository in (0..state.queue.sources.len()).filter(|at| state.has_targets(*at)).collect::<Vec<_>>() {
        let Some(snapshot) = state.queue.ready(repository).cloned() else { continue };
        if state.listing_commands.insert(repository) {
            effects.push(CommandEffect::List { repository, snapshot });
        }
    }
    effects.into_iter().map(Effect::Command).collect()
}

/// They arrived in the background: the cursor stays where it was, and an open request shows its new status.
fn listed(state: &mut State, repository: usize, result: Result<CommandListing, String>) {
    state.listing_commands.remove(&repository);
    let is_in_sight = matches!(state.screen, Screen::Queue);
    match result {
        Ok(CommandListing { commands, remote }) => {
            if is_in_sight {
                state.queue.hold();
            }
            state.queue.remote_said(repository, remote, state.now);
            state.queue.commands_came(repository, commands);
            renew_open(state);
        }
        // This was not requested by the person: it must not replace a message to them.
        Err(why) => state.queue.remote_said(repository, AskedRemote::Silent(why), state.now),
    }
}

/// The result of sending what was signed. A failure is reported, also on the sheet.
fn delivered(state: &mut State, repository: usize, result: Result<Option<String>, String>) -> Vec<Effect> {
    let is_known = matches!(state.deliveries.of(repository), Some(Delivery::UnderWay { is_retry: true, .. }));
    if let (Err(why), true) = (&result, !is_known || state.status.is_none()) {
        state.status = Some(format!("NOT SENT, and tried again every ten seconds: {why}"));
    }
    let is_there = matches!(result, Ok(Some(_)));
    let again = state.deliveries.came(repository, result).map(Effect::Command);
    // The remote has more than was known.
    let path = state.paths.get(repository).filter(|_| is_there && !state.only_review).cloned();
    again.into_iter().chain(path.map(|path| Effect::List { repository, path })).collect()
}

/// Gives the open request the status that it has in the queue. Its page stays: that is what was read.
pub fn renew_open(state: &mut State) {
    let Screen::Command(open) = &mut state.screen else { return };
    let is_it =
        |command: &&QueuedCommand| (command.repository, command.pending.id) == (open.repository, open.pending.id);
    if let Some(now) = state.queue.commands.iter().find(is_it) {
        open.pending = now.pending.clone();
    }
}

/// The person leaves the command: their draft is kept for when it is opened again.
pub fn left(state: &mut State) {
    if let Screen::Command(command) = &state.screen {
        let key = (command.repository, command.pending.id);
        state.command_drafts.insert(key, command.draft.clone());
    }
}

/// Asks before what was written about commands is lost, which only the program holds; once.
pub fn asks_before_leaving(state: &mut State) -> bool {
    let count = state.unsigned_commands().len();
    if count == 0 || state.asked_to_leave {
        return false;
    }
    let back = state.keymap.first(Action::Back);
    let requests = counted(count, "request");
    state.asked_to_leave = true;
    state.status = Some(format!("what you wrote about {requests} is not signed, and not kept; {back} leaves anyway"));
    true
}

pub fn act(state: &mut State, action: Action, count: Option<usize>) -> Vec<Effect> {
    let Screen::Command(command) = &mut state.screen else { return Vec::new() };
    match action {
        Action::Sign => {
            let sheet = CommandSheet::new(state.ceremony());
            state.overlay = Some(Overlay::Authorize(Box::new(sheet)));
        }
        Action::Answer => return answer(state),
        Action::Copy => {
            let text = command.row().map(|row| command.page.words(row).1);
            return text.map(Effect::Copy).into_iter().collect();
        }
        _ => state.status = command.update(action, count.unwrap_or(1)),
    }
    Vec::new()
}

/// Prompts for an answer to the row under the cursor, or else to the next open one.
fn answer(state: &mut State) -> Vec<Effect> {
    let Screen::Command(command) = &mut state.screen else { return Vec::new() };
    let asks = |row: &PageRow| matches!(row, PageRow::Finding(_) | PageRow::Omission(_));
    if !command.row().is_some_and(asks) {
        state.status = command.update(Action::NextFinding, 1);
    }
    let Some(row) = command.row().filter(|row| asks(row)).cloned() else { return Vec::new() };
    let label = match &row {
        PageRow::Omission(at) => format!("{}. Why is it fine all the same?", command.page.omissions[*at]),
        PageRow::Finding(at) => command.page.findings[*at].ask.clone(),
        _ => return Vec::new(),
    };
    let field = TextField::with(command.answer(&row).unwrap_or_default());
    prompt::open(state, Prompt::new(label, field, Purpose::AnswerOfCommand(row)));
    Vec::new()
}

/// Text is pasted on the sheet.
pub fn pasted_on_sheet(state: &mut State, mut sheet: Box<CommandSheet>, text: &str) {
    let Screen::Command(command) = &mut state.screen else { return };
    sheet.ceremony.pasted(text, &mut command.draft.reasons);
    state.overlay = Some(Overlay::Authorize(sheet));
}

pub fn sheet_stroke(state: &mut State, mut sheet: Box<CommandSheet>, stroke: Stroke) -> Vec<Effect> {
    let Screen::Command(command) = &mut state.screen else { return Vec::new() };
    let asked = sheet.stroke(stroke, command, &state.keymap);
    let (number, about) = (sheet.ceremony.number, command.shown());
    let effect = match asked {
        Ask::Close => return Vec::new(),
        Ask::Lead(action) => return act(state, action, None),
        Ask::Nothing | Ask::SaveDraft => None,
        Ask::Prepare(verdict) => {
            Some(CommandEffect::Prepare { sheet: number, about, decision: command.decision(verdict) })
        }
        Ask::Sign(prepared, passphrase) => {
            state.sitting.tried(passphrase.as_deref());
            let passphrase = passphrase.or_else(|| state.sitting.passphrase());
            Some(CommandEffect::Sign { sheet: number, about, prepared, passphrase })
        }
    };
    state.overlay = Some(Overlay::Authorize(sheet));
    effect.map(Effect::Command).into_iter().collect()
}

/// The answer of the signing lane. What was signed is recorded, whatever is on the screen by then: it is reported, and
/// sent at once, since a broker waits for it.
fn signed(
    state: &mut State,
    number: u64,
    about: &ShownCommand,
    verdict: Verdict,
    result: Result<String, SigningError>,
) -> Vec<Effect> {
    state.sitting.was_right(result.is_ok());
    let mut effects = Vec::new();
    if let Ok(record) = &result {
        state.signed.push((about.snapshot.root.clone(), record.clone()));
        match &mut state.screen {
            Screen::Command(command) if (command.repository, command.pending.id) == (about.repository, about.id) => {
                command.draft.reasons.clear();
                command.draft.is_signed = true;
                state.queue.selected = None;
            }
            _ => {
                let draft = state.command_drafts.get_mut(&(about.repository, about.id));
                if let Some(draft) = draft {
                    draft.reasons.clear();
                    draft.is_signed = true;
                }
            }
        }
        state.deliveries.signed(about.repository, verdict, about.id);
        effects.extend(state.deliveries.send(about.repository, &about.snapshot).map(Effect::Command));
        effects.push(Effect::List { repository: about.repository, path: about.snapshot.root.clone() });
    }
    match &mut state.overlay {
        Some(Overlay::Authorize(sheet)) if sheet.ceremony.waits_for(number) => {
            let told = sheet.ceremony.signed(result);
            close(state, told);
        }
        _ => {
            let request = &about.id.to_string()[..12];
            state.status = Some(told_late(&format!("`{verdict}` of request {request}"), &result));
        }
    }
    effects
}

/// The result of a signature for which no sheet waits any more.
pub fn told_late(what: &str, result: &Result<String, SigningError>) -> String {
    match result {
        Ok(record) => format!("{what} was signed: record {}.", record.get(..12).unwrap_or(record)),
        Err(SigningError::Moved(why) | SigningError::LostPlace(why) | SigningError::Refused(why)) => why.clone(),
        Err(SigningError::PassphraseNeeded) => format!("{what} was not signed: the key asks for its passphrase."),
    }
}

/// If a sheet returns a text, the sheet is closed and the text is shown.
fn close(state: &mut State, told: Option<String>) {
    if told.is_some() {
        state.overlay = None;
        state.status = told;
    }
}
