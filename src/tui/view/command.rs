//! An open pending command: first what it does, then the command, what is not bound, its history, the requester, and
//! the inputs in full.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::paint::{Line, Paint, clip};
use super::queue::{has_several, severity_role, time_left};
use super::{footer, rule};
use crate::app::State;
use crate::app::action::Action;
use crate::app::command::{CommandView, LABEL, Left, Part};
use crate::authorizing::{PageRow, RequestState};
use crate::change::{counted, visible};
use crate::datafile::clock;
use crate::tui::theme::Role;

pub fn draw(state: &State, view: &CommandView, area: Rect, paint: &mut Paint<'_>) {
    header(state, view, area, paint);
    needs(view, area, paint);
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area };
    let shown = view.parts.iter().enumerate().skip(view.scroll).take(usize::from(body.height));
    for (row, (at, part)) in shown.enumerate() {
        let is_here = at == view.cursor;
        let is_first = at == 0 || view.parts[at - 1].row != part.row;
        let line = part_line(view, part, is_here, is_first);
        paint.line_on(body, row as u16, line, is_here.then_some(Role::Selected));
    }
    rule(paint, area, area.height - 2);
    footer(
        state,
        &[
            (Action::Advance, "page down"),
            (Action::NextFinding, "finding"),
            (Action::NextHunk, "part"),
            (Action::Answer, "answer"),
            (Action::Sign, "decide"),
            (Action::Help, "help"),
            (Action::Back, "back"),
            (Action::Copy, "copy"),
            (Action::Palette, "commands"),
        ],
        area,
        paint,
    );
}

fn header(state: &State, view: &CommandView, area: Rect, paint: &mut Paint<'_>) {
    let (pending, width) = (&view.pending, usize::from(area.width));
    let (role, fresh) = freshness(state, view.repository);
    let right = match &pending.standing {
        RequestState::Waits | RequestState::MayStart => {
            let (text, is_short) = time_left(state.now, pending.until());
            let left = if is_short { Role::Warning } else { Role::Text };
            let fresh = if fresh.is_empty() { "nothing ran yet" } else { &fresh };
            Line::new().add(left, &format!("{text} left")).add(role, &format!(" · {fresh} "))
        }
        _ if fresh.is_empty() => Line::new().add(Role::Accent, &format!("{} ", pending.word())),
        _ => Line::new().add(Role::Accent, &pending.word()).add(role, &format!(" · {fresh} ")),
    };
    let mut target = visible::text(pending.target()).into_owned();
    if has_several(state) {
        target.push_str(&format!(" of {}", visible::text(&view.snapshot.name)));
    }
    let left = Line::new().add(Role::Muted, " ‹ ").add(Role::Title, &format!("Command for {target}   "));
    let room = width.saturating_sub(left.width() + right.width() + 2);
    let left = left.add(Role::Text, &clip(&pending.line(), room));
    paint.line(area, 0, left.pad_to(width.saturating_sub(right.width())).join(right));
}

/// The time of the shown data; nothing if it is current.
fn freshness(state: &State, repository: usize) -> (Role, String) {
    /// In seconds: three times the polling interval.
    const FRESH: i64 = 30;
    let ledger = state.queue.ledgers.get(&repository);
    let answered = ledger.and_then(|ledger| ledger.answered);
    if let Some((since, _)) = ledger.and_then(|ledger| ledger.silent.as_ref()) {
        return (Role::Warning, format!("the remote does not answer since {}", clock(*since)));
    }
    match answered {
        Some(at) if state.now.saturating_sub(at) > FRESH => (Role::Warning, format!("as of {}", clock(at))),
        None if state.queue.outbox.contains_key(&repository) => {
            (Role::Warning, "the remote was not asked yet".to_owned())
        }
        _ => (Role::Muted, String::new()),
    }
}

/// Who must sign, and what is left to see and to answer.
fn needs(view: &CommandView, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let left = view.left();
    let mut words = Vec::new();
    words.extend((left.rows > 0).then(|| counted(left.rows, "row")));
    words.extend((left.findings > 0).then(|| counted(left.findings, "finding")));
    words.extend((left.omissions > 0).then(|| counted(left.omissions, "omission")));
    let right = match left == Left::default() {
        true => Line::new().add(Role::Ok, "all of it was shown and answered "),
        false => Line::new().add(Role::Faint, "left: ").add(Role::Text, &format!("{} ", words.join(" · "))),
    };
    let slots = view.pending.slots().join("   ");
    let room = width.saturating_sub(right.width() + 5);
    let line = Line::new().add(Role::Muted, &format!("   {}", clip(&slots, room)));
    paint.line(area, 1, line.pad_to(width.saturating_sub(right.width())).join(right));
}

fn part_line(view: &CommandView, part: &Part, is_here: bool, is_first: bool) -> Line {
    let row = &view.page.rows[part.row];
    let line = Line::new().add(Role::Accent, if is_here { "▸" } else { " " });
    if matches!(row, PageRow::Heading(_)) {
        return line.add(Role::Title, &format!(" {}", part.text));
    }
    let is_answered = is_first && view.answer(row).is_some_and(|answer| !answer.trim().is_empty());
    let line = line.add(Role::Ok, if is_answered { "✓" } else { " " });
    let (label, text) = match row {
        PageRow::Warning(..) | PageRow::Omission(_) => (Role::Warning, Role::Warning),
        PageRow::Finding(at) => (severity_role(view.page.findings[*at].severity), Role::Text),
        PageRow::Claim(..) => (Role::Faint, Role::Claim),
        _ => (Role::Faint, Role::Text),
    };
    let shown = clip(&part.label, LABEL - 1);
    let blanks = " ".repeat(LABEL.saturating_sub(shown.width()));
    line.add(label, &format!("{shown}{blanks}")).add(text, &part.text)
}
