//! The reader: files by risk on the left, the diff on the right, findings and notes where they belong.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::paint::{Line, Paint, clip};
use super::queue::severity_role;
use super::{footer, rule};
use crate::app::State;
use crate::app::action::Action;
use crate::app::review::rows::{Row, bytes_of, detail, pieces};
use crate::app::review::{Review, Subject};
use crate::change::compare::{Line as DiffLine, partner, word_spans};
use crate::highlight::TokenClass;
use crate::survey::FileMaterial;
use crate::tui::theme::Role;

pub fn draw(state: &State, review: &Review, area: Rect, paint: &mut Paint<'_>) {
    header(review, area, paint);
    rule(paint, area, 1);
    let list = state.file_list_width() as u16;
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area };
    if list > 0 {
        files(review, Rect { width: list - 1, ..body }, paint);
        for row in 0..body.height {
            paint.line(Rect { x: body.x + list - 1, width: 1, ..body }, row, Line::new().add(Role::Border, "│"));
        }
    }
    diff(review, Rect { x: body.x + list, width: body.width - list, ..body }, paint);
    rule(paint, area, area.height - 2);
    footer(
        state,
        &[
            (Action::NextHunk, "hunk"),
            (Action::NextFile, "file"),
            (Action::NextFinding, "finding"),
            (Action::Advance, "seen, on"),
            (Action::Answer, "answer"),
            (Action::Note, "note"),
            (Action::Search, "search"),
            (Action::Sign, "sign"),
            (Action::Help, "help"),
            (Action::Back, "back"),
        ],
        area,
        paint,
    );
}

fn header(review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let progress = review.progress();
    let agent = review.examination.as_ref().map_or("…", |e| e.provenance.agent().unwrap_or("undeclared"));
    let mut right = Line::new();
    if width >= 100 {
        right = right.add(Role::Muted, &format!("{agent} · {}   ", review.change.revision.head.short()));
    }
    let count = |line: Line, label: &str, (have, all): (usize, usize)| {
        let role = if have == all { Role::Ok } else { Role::Warning };
        line.add(Role::Muted, &format!("{label} ")).add(role, &format!("{have}/{all}")).add(Role::Muted, "  ")
    };
    right = count(right, "seen", progress.hunks);
    right = count(right, "answered", progress.findings);
    if progress.omissions.1 > 0 {
        right = count(right, "omitted", progress.omissions);
    }
    if review.read_only {
        right = right.add(Role::Warning, "read-only ");
    }
    let title = clip(review.change.title(), width.saturating_sub(right.width() + 13));
    let left = Line::new().add(Role::Muted, " ‹ Queue   ").add(Role::Title, &title);
    let gap = width.saturating_sub(left.width() + right.width());
    let mut line = left.add(Role::Text, &" ".repeat(gap));
    line = line.join(right);
    paint.line(area, 0, line);
}

fn files(review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let current = review.current_file();
    let order = if review.examination.is_some() { "by risk" } else { "by path" };
    let head = Line::new().add(
        Role::Faint,
        &format!(" {} {}", review.order.len(), if review.order.len() == 1 { "file" } else { "files" }),
    );
    paint.line(area, 0, head.pad_to(width.saturating_sub(order.len() + 1)).add(Role::Faint, order));
    let room = usize::from(area.height).saturating_sub(1).max(1);
    let first = current.saturating_sub(room / 2).min(review.order.len().saturating_sub(room));
    for (row, position) in (first..review.order.len()).take(room).enumerate() {
        let index = review.order[position];
        let path = &review.diff.files[index].path;
        let findings: Vec<_> = review.findings_in(index).map(|(_, finding)| finding).collect();
        let state = if review.is_file_seen(position) {
            "✓".to_owned()
        } else if !review.rows[position].omissions.is_empty() {
            "⊘".to_owned()
        } else if findings.is_empty() {
            String::new()
        } else {
            findings.len().to_string()
        };
        let worst = findings.first().map(|f| f.severity);
        let mark = if position == current { "▸" } else { " " };
        let letter = worst.map_or('·', crate::risk::Severity::letter);
        let mut line =
            Line::new().add(Role::Accent, mark).add(worst.map_or(Role::Faint, severity_role), &format!("{letter} "));
        let name = clip_start(&path.to_string(), width.saturating_sub(state.width() + 5));
        line = line.add(if review.is_file_seen(position) { Role::Faint } else { Role::Text }, &name);
        let role = if state == "✓" { Role::Seen } else { Role::Warning };
        line = line.pad_to(width.saturating_sub(state.width() + 1)).add(role, &state);
        paint.line_on(area, 1 + row as u16, line, (position == current).then_some(Role::Selected));
    }
}

/// Cuts at the start: the end of a path tells more.
fn clip_start(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = 1;
    for c in text.chars().rev() {
        used += c.to_string().width();
        if used > columns {
            break;
        }
        kept.push(c);
    }
    std::iter::once('…').chain(kept.into_iter().rev()).collect()
}

fn diff(review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let total = review.height();
    for screen in 0..area.height {
        let at = review.scroll + usize::from(screen);
        if at >= total {
            break;
        }
        let Some((position, row)) = review.locate(at) else { break };
        let selected = at == review.cursor;
        let drawn = draw_row(review, position, row, usize::from(area.width), selected);
        paint.line(area, screen, drawn.line);
        if let Some(ground) = drawn.ground {
            paint.ground(area, drawn.end, screen, ground);
        }
        if selected && !drawn.is_line {
            paint.ground(area, 0, screen, Role::Selected);
        }
    }
}

/// A row, and the background of what is right of its text.
struct Drawn {
    line: Line,
    ground: Option<Role>,
    end: u16,
    is_line: bool,
}

impl Drawn {
    fn plain(line: Line) -> Drawn {
        Drawn { line, ground: None, end: 0, is_line: false }
    }
}

fn draw_row(review: &Review, position: usize, row: usize, width: usize, selected: bool) -> Drawn {
    let index = review.order[position];
    let rows = &review.rows[position];
    let file = review.files[index].as_deref();
    let cursor = if selected { "▸" } else { " " };
    match rows.rows[row] {
        Row::File => Drawn::plain(file_line(review, position, file, width, cursor)),
        Row::Info { text, .. } => Drawn::plain(
            Line::new().add(Role::Accent, cursor).add(Role::Omission, &format!("  ≡ {}", rows.infos[text])),
        ),
        Row::Omission { omission } => {
            let omission = &rows.omissions[omission];
            let line = Line::new()
                .add(Role::Accent, cursor)
                .add(Role::Omission, &clip(&format!("  ⊘ {}", omission.what), width.saturating_sub(26)));
            Drawn::plain(match review.draft.acknowledged.get(&omission.key) {
                Some(why) => line.add(Role::Seen, &clip(&format!("   ✓ {why}"), 60)),
                None => line.add(Role::Faint, "   [a] acknowledge"),
            })
        }
        Row::Hunk { hunk } => Drawn::plain(hunk_line(review, position, row, file, hunk, cursor)),
        Row::Line { hunk, line, from, to } => match file {
            Some(file) => text_line(review, index, file, (hunk, line, from as usize, to as usize), selected),
            None => Drawn::plain(Line::new()),
        },
        Row::Finding { finding } => Drawn::plain(finding_line(review, finding, width, cursor)),
        Row::FindingDetail { finding, part } => Drawn::plain(detail_line(review, finding, part, cursor)),
        Row::Note { note } => {
            let text = review.draft.notes.get(note).map_or("", |note| note.text.as_str());
            Drawn::plain(
                Line::new()
                    .add(Role::Accent, cursor)
                    .add(Role::Note, &clip(&format!("  ✎ {text}"), width.saturating_sub(2))),
            )
        }
        Row::Waiting => Drawn::plain(Line::new().add(Role::Faint, "   reading …")),
        Row::Failed => {
            let why = review.failed.get(&index).map_or("", String::as_str);
            Drawn::plain(
                Line::new()
                    .add(Role::Accent, cursor)
                    .add(Role::Error, &clip(&format!("  ⊘ {why}"), width.saturating_sub(2))),
            )
        }
        Row::Gap => Drawn::plain(Line::new().add(Role::Accent, cursor)),
    }
}

fn file_line(review: &Review, position: usize, file: Option<&FileMaterial>, width: usize, cursor: &str) -> Line {
    let diff = &review.diff.files[review.order[position]];
    let state = match (diff.old, diff.new) {
        (None, _) => "added",
        (_, None) => "deleted",
        (Some(old), Some(new)) if old.id == new.id => "mode changed",
        _ => "modified",
    };
    let size =
        file.map(|file| format!("   +{} −{}", file.comparison.added, file.comparison.removed)).unwrap_or_default();
    let seen = if review.is_file_seen(position) { "   ✓ seen" } else { "" };
    let right = format!("{state}{size}{seen} ");
    let path = clip_start(&diff.path.to_string(), width.saturating_sub(right.width() + 3));
    let line = Line::new().add(Role::Accent, cursor).add(Role::FileHeader, &format!(" {path}"));
    line.pad_to(width.saturating_sub(right.width())).add(Role::Muted, &right)
}

fn hunk_line(
    review: &Review,
    position: usize,
    row: usize,
    file: Option<&FileMaterial>,
    hunk: usize,
    cursor: &str,
) -> Line {
    let place = file.and_then(|file| file.comparison.hunks.get(hunk)).map(|hunk| {
        let range = |range: &std::ops::Range<u32>| {
            format!("{},{}", range.start + u32::from(range.end > range.start), range.end - range.start)
        };
        format!("@@ −{} +{}", range(&hunk.old), range(&hunk.new))
    });
    let line =
        Line::new().add(Role::Accent, cursor).add(Role::HunkHeader, &format!("   {}", place.unwrap_or_default()));
    let mark = review.rows[position].mark_at(row).filter(|&mark| review.is_seen(position, mark));
    match mark {
        Some(mark) if review.carried_over.contains(&review.rows[position].marks[mark].key) => {
            line.add(Role::Seen, "   ✓ seen before")
        }
        Some(_) => line.add(Role::Seen, "   ✓ seen"),
        None => line,
    }
}

fn finding_line(review: &Review, finding: usize, width: usize, cursor: &str) -> Line {
    let Some(f) = review.findings().get(finding) else { return Line::new() };
    let role = severity_role(f.severity);
    let line = Line::new().add(Role::Accent, cursor).add(role, &format!("  {} ┃ {}", f.severity.letter(), f.rule));
    let answer = review.answered(&Subject::Finding(f.key()));
    let room = width.saturating_sub(line.width());
    let title = clip(&format!("  {}", f.title), room.saturating_sub(if answer.is_some() { 20 } else { 14 }));
    let line = line.add(Role::Finding, &title);
    match answer {
        Some(answer) => {
            let room = width.saturating_sub(line.width() + 2);
            line.add(Role::Seen, &clip(&format!("  ✓ {answer}"), room))
        }
        None => line.add(Role::Faint, "  [a] answer"),
    }
}

fn detail_line(review: &Review, finding: usize, part: usize, cursor: &str) -> Line {
    let Some(f) = review.findings().get(finding) else { return Line::new() };
    let line = Line::new().add(Role::Accent, cursor).add(severity_role(f.severity), "    ┃ ");
    let text = detail(f, review.width());
    line.add(Role::Muted, text.get(part).map_or("", String::as_str))
}

fn text_line(
    review: &Review,
    index: usize,
    file: &FileMaterial,
    (hunk, line, from, to): (usize, usize, usize, usize),
    selected: bool,
) -> Drawn {
    let hunk = &file.comparison.hunks[hunk];
    let diff_line = hunk.lines[line];
    let (sign, base, word) = match diff_line {
        DiffLine::Context { .. } => (" ", Role::Context, Role::Context),
        DiffLine::Removed { .. } => ("−", Role::Removed, Role::RemovedWord),
        DiffLine::Added { .. } => ("+", Role::Added, Role::AddedWord),
    };
    let number = |n: Option<u32>| n.map_or("     ".to_owned(), |n| format!("{:>5}", n + 1));
    let (old, new) = match diff_line {
        DiffLine::Context { old, new } => (Some(old), Some(new)),
        DiffLine::Removed { old } => (Some(old), None),
        DiffLine::Added { new } => (None, Some(new)),
    };
    let numbers = if from == 0 { format!("{}{}", number(old), number(new)) } else { format!("{:>10}", "↪") };
    let cursor = if selected { "▸" } else { " " };
    let mut out =
        Line::new().add(Role::Accent, cursor).add(if selected { Role::Accent } else { Role::Number }, &numbers);
    out = out.add_on(base, base, &format!(" {sign} "));
    let bytes = bytes_of(file, diff_line);
    let words = emphasised(file, hunk, line);
    let tokens = tokens(review, index, diff_line);
    for piece in pieces(bytes, 0).filter(|piece| piece.at >= from && piece.at < to.max(from)) {
        let is_word = words.iter().any(|span| span.contains(&piece.at));
        let ground = if is_word { word } else { base };
        let role = if piece.hidden {
            Role::Hidden
        } else {
            tokens.iter().find(|(range, _)| range.contains(&piece.at)).map_or(base, |(_, class)| token_role(*class))
        };
        out = if piece.hidden { out.add(role, &piece.text) } else { out.add_on(role, ground, &piece.text) };
    }
    let end = out.width() as u16;
    let ground = (base != Role::Context).then_some(base);
    Drawn { line: out, ground, end, is_line: true }
}

/// Byte ranges of the words that changed against the partner line.
fn emphasised(file: &FileMaterial, hunk: &crate::change::compare::Hunk, line: usize) -> Vec<std::ops::Range<usize>> {
    let Some(other) = partner(hunk, line) else { return Vec::new() };
    let (removed, added) = if other > line { (line, other) } else { (other, line) };
    let text = |at: usize| std::str::from_utf8(bytes_of(file, hunk.lines[at])).unwrap_or_default();
    let (old, new) = word_spans(text(removed), text(added));
    if line == removed { old } else { new }
}

fn tokens(review: &Review, index: usize, line: DiffLine) -> &[(std::ops::Range<usize>, TokenClass)] {
    let (side, number) = match line {
        DiffLine::Removed { old } => (0, old),
        DiffLine::Added { new } | DiffLine::Context { new, .. } => (1, new),
    };
    let lines = review.tokens.get(&index).map(|sides| &sides[side]);
    lines.and_then(|lines| lines.get(number as usize)).map_or(&[], Vec::as_slice)
}

fn token_role(class: TokenClass) -> Role {
    match class {
        TokenClass::Keyword => Role::Keyword,
        TokenClass::String => Role::String,
        TokenClass::Comment => Role::Comment,
        TokenClass::Number => Role::Literal,
        TokenClass::Function => Role::Function,
        TokenClass::Type => Role::Type,
        TokenClass::Constant => Role::Constant,
        TokenClass::Tag => Role::Tag,
        TokenClass::Attribute => Role::Attribute,
    }
}
