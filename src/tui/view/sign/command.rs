//! The sign sheet of a pending command.

use ratatui::layout::{Position, Rect};

use super::{Page, Room, common, date, row, told};
use crate::app::action::Action;
use crate::app::command::delivery::Delivery;
use crate::app::command::sheet::{CommandSheet, needs_reason};
use crate::app::command::{CommandView, Left};
use crate::app::keymap::Keymap;
use crate::app::signing_steps::Stage;
use crate::authorizing::RequestState;
use crate::change::{counted, visible};
use crate::command::receipt::RunStatement;
use crate::command::{AuthorizationStatement, Verdict};
use crate::record::Signable as _;
use crate::tui::theme::Role;
use crate::tui::view::paint::{Line, Paint, clip, fold, hanging};

/// Draws the sheet; returns the position of the cursor.
pub fn draw(
    sheet: &CommandSheet,
    (view, delivery): (&CommandView, Option<&Delivery>),
    keymap: &Keymap,
    area: Rect,
    paint: &mut Paint<'_>,
) -> Option<Position> {
    let columns = usize::from(area.width.min(super::WIDEST).saturating_sub(4));
    let pending = &view.pending;
    let (name, policy) = (&view.snapshot.name, view.snapshot.policy());
    let id = policy.map(|policy| policy.repository.as_str()).filter(|id| id != name);
    let id = id.map(|id| format!(" ({id})")).unwrap_or_default();
    let repository = visible::text(&format!("{name}{id}")).into_owned();
    let (target, request) = (visible::text(pending.target()), &pending.id.to_string()[..12]);
    let place = format!("at {target} of {repository}   request {request}");
    let head = [
        Line::new().add(Role::Title, &clip(&pending.line(), columns)),
        Line::new().add(Role::Muted, &clip(&place, columns)),
    ];
    super::draw(&sheet.ceremony, head, |room| page_of(sheet, (view, delivery), keymap, room), area, paint)
}

fn page_of<'s>(
    sheet: &'s CommandSheet,
    (view, delivery): (&CommandView, Option<&Delivery>),
    keymap: &Keymap,
    room: Room,
) -> Page<'s> {
    match &sheet.ceremony.stage {
        Stage::Choose => choose(sheet, view, keymap, room),
        Stage::Reason { verdict, field } => {
            let note = "Enter shows the statement; it does not sign. Esc leaves.";
            super::reason(&verdict.to_string(), ask(*verdict, view), note, field, room.columns)
        }
        Stage::Done { record, verdict } => {
            let mut page = super::done(word(*verdict), record, "", room.columns);
            page.lines.extend(place(delivery, room.columns));
            page
        }
        stage => common(stage, |verdict| verdict.to_string(), |bytes, columns| in_words(bytes, view, columns), room),
    }
}

/// The delivery status of what was signed.
fn place(delivery: Option<&Delivery>, columns: usize) -> Vec<Line> {
    match delivery {
        Some(Delivery::Arrived(remote)) => {
            let text = format!("✓ It is at {}, and counts as soon as the broker reads it.", visible::text(remote));
            told(Role::Ok, &text, columns)
        }
        Some(Delivery::Here) => {
            told(Role::Muted, "This repository has no remote: it counts for a broker that reads it here.", columns)
        }
        Some(Delivery::Stuck(why)) => {
            let text = format!("NOT SENT, and tried again every ten seconds: {why}");
            told(Role::Warning, &text, columns)
        }
        Some(Delivery::UnderWay { .. }) | None => told(Role::Accent, "It is being sent to the remote …", columns),
    }
}

fn ask(verdict: Verdict, view: &CommandView) -> &'static str {
    match verdict {
        Verdict::Authorize if needs_reason(verdict, view.page.is_destructive) => {
            "In your own words: what could it destroy, and how would that be undone?"
        }
        Verdict::Authorize => "A reason, if you like. Enter continues.",
        Verdict::Refuse => "Why not, and what to ask instead? The agent will read it.",
        Verdict::BreakGlass => "What is the emergency? An authorization is owed afterwards.",
        Verdict::Handover => "Why do you answer for it, instead of who refused?",
        Verdict::Withdraw | Verdict::Repair => "Why do you take it back?",
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Authorize => "Authorized",
        Verdict::Refuse => "Refused",
        Verdict::BreakGlass => "Emergency declared",
        Verdict::Withdraw => "Withdrawn",
        Verdict::Handover => "Taken over",
        Verdict::Repair => "Repaired",
    }
}

fn choose<'s>(sheet: &'s CommandSheet, view: &CommandView, keymap: &Keymap, room: Room) -> Page<'s> {
    let (pending, columns) = (&view.pending, room.columns);
    // Refusals come before text that may be cut.
    let mut lines = left_lines(view, keymap);
    lines.extend(refusals(view, columns));
    lines.push(Line::new());
    if view.page.is_destructive {
        let text = "It may destroy something: also type the name of the target.";
        lines.extend(told(Role::Warning, text, columns));
    }
    lines.extend(too_late(&pending.standing).into_iter().flat_map(|text| told(Role::Warning, text, columns)));
    for slot in pending.slots() {
        let role = if slot.starts_with('✓') { Role::Ok } else { Role::Text };
        lines.extend(hanging(&slot, 2, columns).iter().map(|part| Line::new().add(role, part)));
    }
    if let Some(why) = pending.futile.as_ref().filter(|_| sheet.ceremony.key.is_ok()) {
        lines.extend(told(Role::Warning, &format!("Your authorization would not count: {why}."), columns));
    }
    let key = match &sheet.ceremony.key {
        Ok(key) => vec![Line::new().add(Role::Muted, &clip(&format!("key {key}"), columns))],
        Err(why) => told(Role::Warning, why, columns),
    };
    // The key comes last; omitted entries are counted, never dropped silently.
    let most = room.rows.saturating_sub(1 + key.len());
    if lines.len() > most {
        let kept = most.saturating_sub(1);
        let more = counted(lines.len() - kept, "more line");
        let (back, why) = (keymap.first(Action::Back), keymap.first(Action::Why));
        lines.truncate(kept);
        let text = format!("… {more}: Esc, {back}, then {why} in the queue");
        lines.push(Line::new().add(Role::Warning, &clip(&text, columns)));
    }
    lines.push(Line::new());
    lines.extend(key);
    Page { lines, foot: keys(sheet, view, keymap), field: None }
}

/// What a refusal can no longer do.
fn too_late(standing: &RequestState) -> Option<&'static str> {
    match standing {
        RequestState::Runs(_) => {
            Some("It runs: a refusal does not stop it, `undersign exec stop` does. It holds the next one.")
        }
        RequestState::Ended { .. } => {
            Some("It already ran: a refusal only stops the same command if it is requested again.")
        }
        _ => None,
    }
}

/// Who refused it, or another request that is answered with it, each in at most two rows; only the names of the rest.
fn refusals(view: &CommandView, columns: usize) -> Vec<Line> {
    /// How many are shown with their reasons.
    const TOLD: usize = 3;
    let pending = &view.pending;
    let holding =
        pending.refused_by_others().map(|refusal| (refusal, "refused it, and it does not run before that is ended"));
    let answered = pending.refusals.to_answer.iter();
    let all: Vec<_> = holding
        .chain(answered.map(|refusal| (refusal, "refused another request, which an authorization answers")))
        .collect();
    let mut lines = Vec::new();
    for (refusal, what) in all.iter().take(TOLD) {
        let text = format!("{} {what}: “{}”", refusal.by, visible::text(&refusal.reason));
        let mut parts = fold(&text, columns);
        if parts.len() > 2 {
            parts.truncate(2);
            parts[1] = format!("{} …", clip(&parts[1], columns.saturating_sub(2)));
        }
        lines.extend(parts.iter().map(|part| Line::new().add(Role::Warning, part)));
    }
    if let Some(rest) = all.get(TOLD..).filter(|rest| !rest.is_empty()) {
        let names = names(rest.iter().map(|(refusal, _)| refusal.by.as_str()));
        let text = format!("… and {} by {names}, on the page", counted(rest.len(), "refusal"));
        lines.push(Line::new().add(Role::Warning, &clip(&text, columns)));
    }
    lines
}

/// Each name once.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: std::collections::BTreeSet<&str> = names.collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// What is left before an authorization, each with the stroke that goes there.
fn left_lines(view: &CommandView, keymap: &Keymap) -> Vec<Line> {
    let left = view.left();
    if left == Left::default() {
        let seen = counted(view.page.rows.len(), "row");
        return vec![
            Line::new().add(Role::Title, "Nothing is left to see or to answer:"),
            Line::new().add(Role::Ok, "  ✓ ").add(Role::Text, &format!("{seen} shown")),
        ];
    }
    let (unseen, item) = (keymap.first(Action::NextUnseen), keymap.first(Action::NextFinding));
    let items = [
        (left.rows, format!("{} not shown", counted(left.rows, "row")), &unseen),
        (left.findings, format!("{} not answered", counted(left.findings, "finding")), &item),
        (left.omissions, format!("{} not acknowledged", counted(left.omissions, "omission")), &item),
    ];
    let mut lines = vec![Line::new().add(Role::Title, "What is left before you can authorize:")];
    for (_, text, stroke) in items.iter().filter(|(n, ..)| *n > 0) {
        let line = Line::new().add(Role::Warning, "  ✗ ").add(Role::Text, text).pad_to(44);
        lines.push(line.add(Role::Key, stroke).add(Role::Faint, " goes there"));
    }
    lines
}

/// The choices.
fn keys(sheet: &CommandSheet, view: &CommandView, keymap: &Keymap) -> Line {
    let pending = &view.pending;
    let signs = sheet.ceremony.key.is_ok();
    let offered = [
        (CommandSheet::in_the_way(view, keymap).is_none(), "a", "authorize"),
        (true, "r", "refuse"),
        (pending.may_break_glass && pending.is_open(), "b", "break glass"),
        (pending.own.is_some(), "w", "withdraw yours"),
        (pending.may_take_over, "t", "take over"),
    ];
    let line = offered
        .iter()
        .filter(|(is, ..)| *is && signs)
        .fold(Line::new(), |line, (_, key, what)| line.add(Role::Key, key).add(Role::Text, &format!(" {what}   ")));
    line.add(Role::Key, "Esc").add(Role::Text, " leave")
}

/// Refusals by their ids, with their signers: the names come from the page, and are in no statement.
fn answered(ids: &[String], view: &CommandView) -> String {
    let refusals = &view.pending.refusals;
    let by = |id: &String| {
        refusals.holding.iter().chain(&refusals.to_answer).find(|refusal| refusal.record.to_string() == *id)
    };
    let names = names(ids.iter().map(|id| by(id).map_or("somebody", |refusal| refusal.by.as_str())));
    format!("{} by {names}", counted(ids.len(), "refusal"))
}

/// Who decides what about which command, why, having seen what, until when; derived from the bytes.
fn in_words(payload: &[u8], view: &CommandView, columns: usize) -> Vec<Line> {
    let own = match AuthorizationStatement::decode(payload) {
        Ok(statement) => statement.predicate,
        Err(fault) => return told(Role::Error, &format!("These bytes are not a sound statement: {fault}."), columns),
    };
    let says = match own.verdict {
        Verdict::Authorize => "AUTHORIZES one run",
        Verdict::Refuse => "REFUSES this command",
        Verdict::BreakGlass => "BREAKS THE GLASS for one run",
        Verdict::Withdraw => "WITHDRAWS what was signed",
        Verdict::Handover => "TAKES OVER a refusal",
        Verdict::Repair => "REPAIRS a chain",
    };
    let who = format!("{} ({}) {says} at {} of {}", own.principal, own.roles.join(", "), own.target, own.repository.id);
    let mut lines = told(Role::Title, &who, columns);
    let run = RunStatement::decode(own.request.text.as_bytes()).ok().map(|statement| statement.predicate);
    if let Some(request) = run.as_ref().and_then(|run| run.admitted()) {
        let argv = request.command.argv.join(" ");
        lines.extend(row("command", &visible::text(&argv), columns));
    }
    let because = match own.reason.is_empty() {
        true => "no reason is given".to_owned(),
        false => format!("“{}”", visible::text(&own.reason)),
    };
    lines.extend(row("because", &because, columns));
    if !own.view.sha256.is_empty() {
        let answered = own.findings.iter().filter(|finding| !finding.answer.is_empty()).count();
        let mut seen = vec![format!("{} of {} rows", own.view.seen.0, own.view.rows.0)];
        let known = own.view.omissions.iter().filter(|omission| !omission.acknowledged.trim().is_empty()).count();
        let (findings, omissions) = (own.findings.len(), own.view.omissions.len());
        seen.extend((findings > 0).then(|| format!("{answered} of {} answered", counted(findings, "finding"))));
        seen.extend((omissions > 0).then(|| format!("{known} of {} acknowledged", counted(omissions, "omission"))));
        lines.extend(row("having seen", &seen.join(" · "), columns));
    }
    if !own.answers.is_empty() {
        lines.extend(row("answering", &answered(&own.answers, view), columns));
    }
    let until = date(own.not_after.seconds());
    match own.verdict {
        Verdict::Authorize | Verdict::BreakGlass => lines.extend(row("good until", &until, columns)),
        Verdict::Refuse => {
            lines.extend(row("holds", "this command, until it is withdrawn", columns));
            lines.extend(row("and others", &format!("of the same operator, unless answered, until {until}"), columns));
        }
        Verdict::Withdraw | Verdict::Handover | Verdict::Repair => {}
    }
    lines
}
