//! The reader: files by risk on the left, the diff in the middle, how the whole stands at the right edge.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::diff;
use super::paint::{Line, Paint, clip, clip_start};
use super::queue::severity_role;
use super::{footer, rule};
use crate::app::State;
use crate::app::action::Action;
use crate::app::review::Review;
use crate::app::review::rows::Row;
use crate::risk::Severity;
use crate::tui::theme::Role;

pub fn draw(state: &State, review: &Review, area: Rect, paint: &mut Paint<'_>) {
    header(state, review, area, paint);
    let list = state.file_list_width() as u16;
    sticky(review, list, area, paint);
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area };
    if list > 0 {
        files(review, Rect { width: list - 1, ..body }, paint);
        for row in 0..body.height {
            paint.line(Rect { x: body.x + list - 1, width: 1, ..body }, row, Line::new().add(Role::Border, "│"));
        }
    }
    let columns = body.width.saturating_sub(list + 1);
    diff::draw(review, Rect { x: body.x + list, width: columns, ..body }, paint);
    overview(review, Rect { x: body.x + list + columns, width: 1, ..body }, paint);
    rule(paint, area, area.height - 2);
    let part: &[(Action, &str)] = &[
        (Action::NextHunk, "hunk"),
        (Action::NextFile, "file"),
        (Action::Again, "since, all"),
        (Action::NextCommit, "commit"),
        (Action::RangeDiff, "commits then and now"),
        (Action::Back, "back to all"),
        (Action::Help, "help"),
        (Action::Search, "search"),
    ];
    if review.lens().is_some() {
        return footer(state, part, area, paint);
    }
    footer(
        state,
        &[
            (Action::NextHunk, "hunk"),
            (Action::NextFile, "file"),
            (Action::NextFinding, "finding"),
            (Action::Advance, "seen, on"),
            (Action::Answer, "answer"),
            (Action::Sign, "sign"),
            (Action::Help, "help"),
            (Action::Back, "back"),
            (Action::Note, "note"),
            (Action::Items, "open"),
            (Action::Palette, "commands"),
            (Action::Search, "search"),
            (Action::FindFile, "find file"),
            (Action::Layout, "layout"),
        ],
        area,
        paint,
    );
}

fn header(state: &State, review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let (back, right) = match review.lens_name() {
        Some(name) => (" ‹ All   ", Line::new().add(Role::Warning, &format!("{name} "))),
        None if state.is_only_review() => (" ‹ Leave   ", counters(review, width)),
        None => (" ‹ Queue   ", counters(review, width)),
    };
    let title = match review.told() {
        [] => review.change.title().to_owned(),
        told => told.join(" "),
    };
    let title = clip(&title, width.saturating_sub(right.width() + back.width() + 2));
    let left = Line::new().add(Role::Muted, back).add(Role::Title, &title);
    let gap = width.saturating_sub(left.width() + right.width());
    paint.line(area, 0, left.add(Role::Text, &" ".repeat(gap)).join(right));
}

fn counters(review: &Review, width: usize) -> Line {
    let progress = review.progress();
    let mut line = Line::new();
    if width >= 100 {
        let agent = review.examination.as_ref().map_or("…", |e| e.provenance.word());
        line = line.add(Role::Muted, &format!("{agent} · {}   ", review.change.revision.head.short()));
    }
    let count = |line: Line, label: &str, (have, all): (usize, usize)| {
        let role = if have == all { Role::Ok } else { Role::Warning };
        line.add(Role::Muted, &format!("{label} ")).add(role, &format!("{have}/{all}")).add(Role::Muted, "  ")
    };
    line = count(line, "seen", progress.hunks);
    // Findings draw the eye: what none points at must not be forgotten over them.
    if width >= 140 && progress.unflagged > 0 && progress.findings.1 > 0 {
        line = line.add(Role::Muted, "unflagged ").add(Role::Warning, &progress.unflagged.to_string());
        line = line.add(Role::Muted, "  ");
    }
    line = if review.blind {
        line.add(Role::Warning, "findings hidden  ")
    } else {
        count(line, "answered", progress.findings)
    };
    if review.draft.is_decided() {
        line = line.add(Role::Ok, "✓ decided  ");
    }
    if progress.omissions.1 > 0 {
        line = count(line, "omitted", progress.omissions);
    }
    if review.read_only {
        line = line.add(Role::Warning, "read-only ");
    }
    line
}

/// The rule below the header says which file is on the screen, and what encloses its first line, once the file's own row
/// is out of sight.
fn sticky(review: &Review, list: u16, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let Some((position, row)) = review.locate(review.scroll).filter(|(_, row)| *row > 0) else {
        return rule(paint, area, 1);
    };
    let index = review.order[position];
    let room = width.saturating_sub(usize::from(list) + 8);
    let path = clip_start(&review.diff.files[index].path.to_string(), room);
    let mut line =
        Line::new().add(Role::Border, &"─".repeat(usize::from(list) + 2)).add(Role::FileHeader, &format!(" {path} "));
    let room = width.saturating_sub(line.width() + 8);
    if let Some(enclosing) = review.enclosing(position, row).filter(|_| room >= 16) {
        line = line.add(Role::Border, "──").add(Role::Muted, &format!(" {} ", clip(&enclosing, room)));
    }
    let rest = width.saturating_sub(line.width());
    paint.line(area, 1, line.add(Role::Border, &"─".repeat(rest)));
}

fn files(review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let current = review.current_file();
    let order = if review.examination.is_some() { "by risk" } else { "by path" };
    let head = Line::new().add(Role::Faint, &format!(" {}", crate::change::counted(review.order.len(), "file")));
    paint.line(area, 0, head.pad_to(width.saturating_sub(order.len() + 1)).add(Role::Faint, order));
    let room = usize::from(area.height).saturating_sub(1).max(1);
    let first = review.first_listed(room);
    for (row, position) in (first..review.order.len()).take(room).enumerate() {
        let line = listed(review, position, position == current, width);
        paint.line_on(area, 1 + row as u16, line, (position == current).then_some(Role::Selected));
    }
}

fn listed(review: &Review, position: usize, is_current: bool, width: usize) -> Line {
    let index = review.order[position];
    let worst = review.findings_in(index).map(|(_, finding)| finding.severity).next().filter(|_| !review.blind);
    let open = if review.blind { 0 } else { review.open_findings_in(position) };
    let seen = review.is_file_done(position);
    let folded = review.rows[position].folded;
    let omits = review.inventory_at(position).is_some_and(|inventory| inventory.asked(folded).next().is_some());
    let state = if seen {
        "✓".to_owned()
    } else if omits {
        "⊘".to_owned()
    } else if open == 0 {
        String::new()
    } else {
        open.to_string()
    };
    let letter = worst.map_or('·', Severity::letter);
    let mark = if is_current { "▸" } else { " " };
    let line = Line::new().add(Role::Accent, mark).add(worst.map_or(Role::Faint, severity_role), &format!("{letter} "));
    let path = review.diff.files[index].path.to_string();
    let name = clip_start(&path, width.saturating_sub(state.width() + 5));
    let line = line.add(if seen { Role::Faint } else { Role::Text }, &name);
    let role = if seen { Role::Seen } else { Role::Warning };
    line.pad_to(width.saturating_sub(state.width() + 1)).add(role, &state)
}

/// The whole diff in one column: findings by their letter, what is not seen as `·`, what is as a line; and where one is.
fn overview(review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let (height, total) = (usize::from(area.height), review.height());
    if total <= height {
        return;
    }
    for cell in 0..height {
        let rows = cell * total / height..((cell + 1) * total / height).max(cell * total / height + 1);
        let is_here = rows.start < review.scroll + review.page() && review.scroll < rows.end;
        let (role, symbol) = summary(review, rows);
        let at = Rect { y: area.y + cell as u16, height: 1, ..area };
        paint.line_on(at, 0, Line::new().add(role, &symbol.to_string()), is_here.then_some(Role::Selected));
    }
}

/// What a stretch of the diff holds: the gravest that is open in it.
fn summary(review: &Review, rows: std::ops::Range<usize>) -> (Role, char) {
    let Some((first, row)) = review.locate(rows.start) else { return (Role::Faint, ' ') };
    let last = review.locate(rows.end.saturating_sub(1)).map_or(first, |(position, _)| position);
    let inside = |position: usize| first == last && position == first;
    let worst = (first..=last).filter_map(|position| {
        if !inside(position) {
            return review.worst_open(position);
        }
        // Only rows on this stretch; a file without any finding has none on it.
        let worst = review.worst_open(position)?;
        if review.read_at(position).is_none() {
            // Where in the file is not known: at its start.
            return Some(worst).filter(|_| row < rows.len());
        }
        let shown = review.rows[position].rows.get(row..row + rows.len()).unwrap_or_default();
        let open = shown.iter().filter_map(|row| match row {
            Row::Finding { finding } if !review.is_answered(*finding as usize) => {
                review.findings().get(*finding as usize)
            }
            _ => None,
        });
        open.map(|finding| finding.severity).max()
    });
    match worst.max().filter(|_| !review.blind) {
        Some(severity) => (severity_role(severity), severity.letter()),
        None if (first..=last).all(|position| review.is_file_done(position)) => (Role::Seen, '│'),
        None if first == last => match review.rows[first].mark_at(row) {
            Some(mark) if review.is_seen(first, mark) => (Role::Seen, '│'),
            _ => (Role::Faint, '·'),
        },
        None => (Role::Faint, '·'),
    }
}
