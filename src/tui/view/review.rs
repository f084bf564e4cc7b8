//! The reader: files by risk on the left, the diff in the middle, an overview at the right edge.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::diff;
use super::kept::{Kept, Part};
use super::paint::{Line, Paint, clip, clip_folders, clip_middle};
use super::queue::severity_role;
use super::{footer, rule};
use crate::app::State;
use crate::app::action::Action;
use crate::app::review::Review;
use crate::app::review::lists::{LEGEND, Listed, list_room};
use crate::app::review::rows::Row;
use crate::change::Change;
use crate::change::counted;
use crate::risk::Severity;
use crate::signing::Moved;
use crate::tui::theme::Role;

/// Draws each cell of the area.
pub fn draw(state: &State, review: &Review, area: Rect, paint: &mut Paint<'_>, kept: &mut Kept) {
    kept.turn_to(state, review, area);
    let (current, page) = (review.current_file(), Rect { height: 1, ..area });
    kept.part((Part::Header, 0), page, paint, |paint| header(state, review, area, paint));
    let list = state.file_list_width() as u16;
    sticky(review, list, area, paint);
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area };
    if list > 0 {
        let at = Rect { width: list, ..body };
        kept.part((Part::Files, current), at, paint, |paint| {
            files(review, Rect { width: list - 1, ..body }, paint);
            for row in 0..body.height {
                paint.line(Rect { x: body.x + list - 1, width: 1, ..body }, row, Line::new().add(Role::Border, "│"));
            }
        });
    }
    let columns = body.width.saturating_sub(list + 1);
    diff::draw(review, &state.keymap, Rect { x: body.x + list, width: columns, ..body }, paint, kept);
    overview(review, Rect { x: body.x + list + columns, width: 1, ..body }, paint);
    let foot = Rect { y: area.y + area.height - 2, height: 2, ..area };
    kept.part((Part::Footer, 0), foot, paint, |paint| hints(state, review, area, paint));
}

/// The last two rows.
fn hints(state: &State, review: &Review, area: Rect, paint: &mut Paint<'_>) {
    rule(paint, area, area.height - 2);
    let part: &[(Action, &str)] = &[
        (Action::NextHunk, "hunk"),
        (Action::NextFile, "file"),
        (Action::Again, "since, all"),
        (Action::NextCommit, "commit"),
        (Action::RangeDiff, "compare commits"),
        (Action::Back, "back to all"),
        (Action::Help, "help"),
        (Action::Search, "search"),
    ];
    if review.part.shown().is_some() {
        return footer(state, part, area, paint);
    }
    // The way back is to fit, also on a narrow screen.
    let advance = if area.width < 90 { "mark" } else { "mark, page down" };
    footer(
        state,
        &[
            (Action::NextHunk, "hunk"),
            (Action::NextFile, "file"),
            (Action::NextFinding, "finding"),
            (Action::Advance, advance),
            (Action::Answer, "answer"),
            (Action::Sign, "sign"),
            (Action::Help, "help"),
            (Action::Back, "back"),
            (Action::Note, "note"),
            (Action::Items, "left"),
            (Action::Palette, "commands"),
            (Action::Search, "search"),
            (Action::FindFile, "find file"),
            (Action::Layout, "layout"),
        ],
        area,
        paint,
    );
}

/// The title, after the number of the review request.
fn titled(change: &Change) -> String {
    let title = change.title();
    change.request().map_or_else(|| title.to_owned(), |request| format!("{} {title}", request.sign()))
}

fn header(state: &State, review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let (back, right) = match review.part_name() {
        Some(name) => (" ‹ All   ", moved(state).add(Role::Warning, &format!("{name} "))),
        None if state.is_only_review() => (" ‹ Leave   ", counters(state, review, width)),
        None => (" ‹ Queue   ", counters(state, review, width)),
    };
    let title = match review.part.told() {
        [] => titled(&review.change),
        told => told.join(" "),
    };
    let title = clip(&title, width.saturating_sub(right.width() + back.width() + 2));
    let left = Line::new().add(Role::Muted, back).add(Role::Title, &title);
    let gap = width.saturating_sub(left.width() + right.width());
    paint.line(area, 0, left.add(Role::Text, &" ".repeat(gap)).join(right));
}

/// That what is read has moved meanwhile.
fn moved(state: &State) -> Line {
    let reread = state.keymap.first(Action::Reread);
    match state.moved {
        Some(Moved::Branch(_)) => Line::new().add(Role::Accent, &format!("↻ moved ({reread})   ")),
        Some(Moved::Target(_)) => Line::new().add(Role::Accent, &format!("↻ target moved ({reread})   ")),
        Some(Moved::Gone) => Line::new().add(Role::Warning, "↻ branch is gone   "),
        None => Line::new(),
    }
}

/// What is left. Zero counts are omitted; when nothing is left, the line says so and names the next step.
fn counters(state: &State, review: &Review, width: usize) -> Line {
    let progress = review.progress();
    let mut line = moved(state);
    if width >= 100 {
        let agent = review.findings.examination().map_or("…", |e| e.provenance.word());
        line = line.add(Role::Muted, &format!("{agent} · {}   ", review.change.revision.head.short()));
    }
    // The sign sheet says it in any case.
    if let Some(told) = review.rejected_by().filter(|_| width >= 100) {
        line = line.add(Role::Error, &format!("{told}   "));
    }
    let open = |(have, all): (usize, usize), what: &str| (have < all).then(|| counted(all - have, what));
    let hunks = open(progress.hunks, "hunk").map(|hunks| {
        // Findings attract attention: hunks without findings must not be forgotten.
        let says = width >= 140 && progress.unflagged > 0 && progress.findings.1 > 0;
        if says { format!("{hunks} ({} without a finding)", progress.unflagged) } else { hunks }
    });
    let findings = open(progress.findings, "finding").filter(|_| !review.findings.blind);
    let left = [hunks, findings, open(progress.omissions, "omission")];
    let left: Vec<_> = left.into_iter().flatten().collect();
    line = match left.is_empty() {
        false => line.add(Role::Muted, "left: ").add(Role::Warning, &left.join(" · ")),
        true if review.is_being_read() => line.add(Role::Faint, "reading …"),
        true if !review.is_complete() => line,
        true if review.diff.files.is_empty() => line.add(Role::Muted, "nothing to read"),
        true => line.add(Role::Ok, "nothing left"),
    };
    if !left.is_empty() && review.is_being_read() {
        line = line.add(Role::Faint, " so far …");
    }
    let failed = review.failed_files();
    if failed > 0 {
        let gap = if left.is_empty() { "" } else { " · " };
        line = line.add(Role::Warning, &format!("{gap}{} cannot be read", counted(failed, "file")));
    }
    if review.findings.blind {
        line = line.add(Role::Warning, " · findings hidden");
    }
    if review.work.draft.is_decided() {
        line = line.add(Role::Ok, " · ✓ decided");
    } else if left.is_empty() && review.is_complete() && !review.work.read_only {
        line = match &state.key {
            Ok(_) => line.add(Role::Muted, &format!(" · {} signs", state.keymap.first(Action::Sign))),
            Err(why) => line.add(Role::Warning, &format!(" · {}", why.brief)),
        };
    }
    if review.work.read_only {
        line = line.add(Role::Warning, " · read-only");
    }
    line.add(Role::Text, " ")
}

/// The rule below the header says which file is on the screen, and what encloses its first line, once the file's own
/// row is out of sight.
fn sticky(review: &Review, list: u16, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let Some((position, row)) = review.document.locate(review.viewport.scroll()).filter(|(_, row)| *row > 0) else {
        return rule(paint, area, 1);
    };
    let index = review.document.order()[position];
    let room = width.saturating_sub(usize::from(list) + 8);
    let path = clip_folders(&review.diff.files[index].path.to_string(), &[], room);
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
    let order = if review.findings.examination().is_some() { "by risk" } else { "by path" };
    let head = Line::new().add(Role::Faint, &format!(" {} {order}", counted(review.document.order().len(), "file")));
    paint.line(area, 0, head.pad_to(width.saturating_sub(5)).add(Role::Faint, "seen"));
    let page = usize::from(area.height);
    let room = list_room(page);
    let mut free = 1;
    for (row, listed) in review.listed(room).into_iter().enumerate() {
        let row = 1 + row as u16;
        free = row + 1;
        match listed {
            Listed::Folder(position) => {
                let folder = review.folder(position);
                let name = if folder.is_empty() { "." } else { &folder };
                let beside = review.folders_beside(position);
                let beside: Vec<_> = beside.iter().map(String::as_str).collect();
                let name = clip_folders(name, &beside, width.saturating_sub(2));
                paint.line(area, row, Line::new().add(Role::Muted, &format!(" {name}")));
            }
            Listed::File(position) => {
                let line = file_line(review, position, position == current, width);
                paint.line_on(area, row, line, (position == current).then_some(Role::Selected));
            }
        }
    }
    (free..area.height).for_each(|row| paint.line(area, row, Line::new()));
    if room + 1 < page {
        let rows = Rect { y: area.y + (page - LEGEND) as u16, height: LEGEND as u16, ..area };
        legend(width).into_iter().enumerate().for_each(|(row, line)| paint.line(rows, row as u16, line));
    }
}

/// The meaning of the signs of the list: [`LEGEND`] rows.
fn legend(width: usize) -> [Line; LEGEND] {
    let severity = |line: Line, severity: Severity| {
        let line = line.add(severity_role(severity), &format!(" {}", severity.letter()));
        line.add(Role::Faint, &format!(" {}", severity.name()))
    };
    let first = [Severity::Critical, Severity::High].into_iter().fold(Line::new(), severity);
    let second = [Severity::Medium, Severity::Low].into_iter().fold(Line::new(), severity);
    let second = second.add(Role::Omission, " ⊘").add(Role::Faint, " no lines");
    let seen = if width >= 28 { " · not seen  1/2 some  ✓ all" } else { " · not seen  ✓ seen" };
    [first, second, Line::new().add(Role::Faint, seen)]
}

/// A file: its worst open finding and their number, its name, what happened to it, how much was seen.
fn file_line(review: &Review, position: usize, is_current: bool, width: usize) -> Line {
    let index = review.document.order()[position];
    let worst = review.worst_open(position).filter(|_| !review.findings.blind);
    let open = if review.findings.blind { 0 } else { review.open_findings_in(position) };
    let is_done = review.is_file_done(position);
    let folded = review.document.rows()[position].folded;
    let omits =
        review.document.inventory_at(position).is_some_and(|inventory| inventory.asked(folded).next().is_some());
    let state = match review.marks_of(position) {
        _ if is_done => "✓".to_owned(),
        (0, _) => "·".to_owned(),
        (seen, all) => format!("{seen}/{all}"),
    };
    let line = Line::new().add(Role::Accent, if is_current { "▸" } else { " " });
    let line = match worst {
        Some(severity) => {
            // A place of a finding that another file counts.
            let count = if open > 9 { "+".to_owned() } else { open.max(1).to_string() };
            line.add(severity_role(severity), &format!(" {}{count} ", severity.letter()))
        }
        None if omits => line.add(Role::Omission, " ⊘  "),
        None => line.add(Role::Faint, "    "),
    };
    let diff = &review.diff.files[index];
    let (path, word) = match (review.document.group_at(position), diff.old, diff.new) {
        (Some(group), ..) if group.folder().is_some() => (group.headline(), ""),
        (_, None, _) => (diff.path.to_string(), " new"),
        (.., None) => (diff.path.to_string(), " deleted"),
        _ => (diff.path.to_string(), ""),
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let room = width.saturating_sub(line.width() + state.width() + 2);
    let word = if name.width() + word.width() <= room { word } else { "" };
    let line = line.add(if is_done { Role::Faint } else { Role::Text }, &clip_middle(name, room));
    let line = line.add(Role::Faint, word).pad_to(width.saturating_sub(state.width() + 1));
    line.add(if is_done { Role::Seen } else { Role::Warning }, &state)
}

/// The whole diff in one column: findings by their letter, unseen parts as `·`, seen parts as a line; and the present
/// position.
fn overview(review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let (height, total) = (usize::from(area.height), review.document.height());
    if total <= height {
        return paint.clear(area);
    }
    for cell in 0..height {
        let rows = cell * total / height..((cell + 1) * total / height).max(cell * total / height + 1);
        let is_here =
            rows.start < review.viewport.scroll() + review.viewport.page() && review.viewport.scroll() < rows.end;
        let (role, symbol) = summary(review, rows);
        let at = Rect { y: area.y + cell as u16, height: 1, ..area };
        paint.line_on(at, 0, Line::new().add(role, &symbol.to_string()), is_here.then_some(Role::Selected));
    }
}

/// The content of a part of the diff: its gravest open finding.
fn summary(review: &Review, rows: std::ops::Range<usize>) -> (Role, char) {
    let Some((first, row)) = review.document.locate(rows.start) else { return (Role::Faint, ' ') };
    let last = review.document.locate(rows.end.saturating_sub(1)).map_or(first, |(position, _)| position);
    let inside = |position: usize| first == last && position == first;
    let worst = (first..=last).filter_map(|position| {
        if !inside(position) {
            return review.worst_open(position);
        }
        // Only rows in this part; a file without findings has none.
        let worst = review.worst_open(position)?;
        if review.document.read_at(position).is_none() {
            // The position in the file is not known: use its start.
            return Some(worst).filter(|_| row < rows.len());
        }
        let shown = review.document.rows()[position].rows.get(row..row + rows.len()).unwrap_or_default();
        let open = shown.iter().filter_map(|row| match row {
            Row::Finding { finding, .. } if !review.is_answered(*finding as usize) => {
                review.findings.get(*finding as usize)
            }
            _ => None,
        });
        open.map(|finding| finding.severity).max()
    });
    match worst.max().filter(|_| !review.findings.blind) {
        Some(severity) => (severity_role(severity), severity.letter()),
        None if (first..=last).all(|position| review.is_file_done(position)) => (Role::Seen, '│'),
        None if first == last => match review.document.rows()[first].mark_at(row) {
            Some(mark) if review.is_seen(first, mark) => (Role::Seen, '│'),
            _ => (Role::Faint, '·'),
        },
        None => (Role::Faint, '·'),
    }
}
