//! Sign sheets: what is missing, what will be signed, and prompts. [`change`] is that of a change, [`command`] that of
//! a command.

pub mod change;
pub mod command;

use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr as _;

use super::paint::{Line, Paint, clip, fold};
use crate::app::signing_steps::{Ceremony, Scroll, Stage};
use crate::app::text::TextField;
use crate::change::counted;
use crate::tui::theme::Role;

/// The widest box: longer lines are hard to read.
const WIDEST: u16 = 100;
/// Rows that every page has: the frame, title and route, a blank on either side of the body, the footer.
const CHROME: u16 = 7;

/// What is between the header and the footer of a sheet.
#[derive(Default)]
struct Page<'s> {
    lines: Vec<Line>,
    foot: Line,
    /// The position of an input: on this line of the page, or in its footer.
    field: Option<(Option<usize>, String, &'s TextField, bool)>,
}

/// The width inside a box, and the height of a page.
#[derive(Clone, Copy)]
struct Room {
    columns: usize,
    rows: usize,
}

/// Draws a sheet, as high as its text; returns the position of the cursor. The page is made for the space that is left.
fn draw<'s, V>(
    ceremony: &Ceremony<V>,
    head: [Line; 2],
    page_of: impl FnOnce(Room) -> Page<'s>,
    area: Rect,
    paint: &mut Paint<'_>,
) -> Option<Position> {
    let width = area.width.min(WIDEST);
    let columns = usize::from(width.saturating_sub(4));
    let message = ceremony.message.as_ref().map(|message| fold(message, columns)).unwrap_or_default();
    let message: Vec<_> = message.iter().map(|part| Line::new().add(Role::Warning, part)).collect();
    let most = area.height.saturating_sub(2);
    // A message is above the footer, from its beginning, even if the page has to be cut for it.
    let room = usize::from(most.saturating_sub(CHROME)).saturating_sub(message.len());
    let page = squeezed(page_of(Room { columns, rows: room }), room);
    let height = (page.lines.len().min(room) + message.len()) as u16 + CHROME;
    let window = Rect { x: area.x + (area.width - width) / 2, y: area.y + 1, width, height: height.min(most) };
    let title = if matches!(ceremony.stage, Stage::Confirm { .. }) { "sign: read it, then its code" } else { "sign" };
    // Partial rows beside the box would be noise; rows below it stay.
    paint.clear(Rect { y: window.y, height: window.height, ..area });
    let inner = paint.frame(window, title);
    head.into_iter().enumerate().for_each(|(row, line)| paint.line(inner, row as u16, line));
    let body = Rect { y: inner.y + 3, height: inner.height.saturating_sub(5), ..inner };
    let foot = Rect { y: inner.y + inner.height.saturating_sub(1), height: 1, ..inner };
    let start = usize::from(body.height).saturating_sub(message.len());
    page.lines.into_iter().take(start).enumerate().for_each(|(row, line)| paint.line(body, row as u16, line));
    message.into_iter().enumerate().for_each(|(row, line)| paint.line(body, (start + row) as u16, line));
    paint.line(foot, 0, page.foot);
    let (row, label, field, is_secret) = page.field?;
    let at = match row {
        Some(row) => Rect { y: body.y + row as u16, height: 1, ..body },
        None => foot,
    };
    Some(paint.field(at, &label, field, is_secret))
}

/// A page that is too high for its room: first without its blank lines, then so that its input stays in sight.
fn squeezed(page: Page<'_>, room: usize) -> Page<'_> {
    let Page { mut lines, foot, mut field } = page;
    let mut row = field.as_ref().and_then(|(row, ..)| *row);
    while lines.len() > room
        && let Some(blank) = (0..lines.len()).rev().find(|at| lines[*at].width() == 0 && Some(*at) != row)
    {
        lines.remove(blank);
        row = row.map(|row| row - usize::from(blank < row));
    }
    let above = row.map_or(0, |row| (row + 1).saturating_sub(room.max(1)));
    lines.drain(..above.min(lines.len()));
    if let Some((at, ..)) = &mut field {
        *at = row.map(|row| row - above);
    }
    Page { lines, foot, field }
}

/// The pages that every sheet has. `what` names what is confirmed, `in_words` derives the sentences from the bytes.
fn common<'s, V: Copy>(
    stage: &'s Stage<V>,
    what: impl Fn(V) -> String,
    in_words: impl Fn(&[u8], usize) -> Vec<Line>,
    room: Room,
) -> Page<'s> {
    let lines = |payload: &[u8], scroll: &Scroll| statement(in_words(payload, room.columns), payload, scroll, room);
    match stage {
        Stage::Confirm { prepared, field, scroll } => {
            let label = format!("type {} to {}: ", prepared.challenge, what(prepared.verdict));
            Page {
                lines: lines(&prepared.payload, scroll),
                field: Some((None, label, field, false)),
                ..Page::default()
            }
        }
        Stage::Passphrase { prepared, field } => {
            let label = "passphrase of the key: ".to_owned();
            Page {
                lines: lines(&prepared.payload, &Scroll::default()),
                field: Some((None, label, field, true)),
                ..Page::default()
            }
        }
        Stage::Signing { prepared } => Page {
            lines: lines(&prepared.payload, &Scroll::default()),
            foot: Line::new().add(Role::Accent, "signing … touch your security key, if it blinks"),
            field: None,
        },
        _ => Page { lines: vec![Line::new().add(Role::Faint, "fixing the statement …")], ..Page::default() },
    }
}

fn told(role: Role, text: &str, columns: usize) -> Vec<Line> {
    fold(text, columns).iter().map(|part| Line::new().add(role, part)).collect()
}

/// What will be signed: in a few sentences, and below them the bytes as they are, ASCII and indented. The sentences are
/// derived from the bytes and from nothing else. On a screen too low for both, they are scrolled together.
fn statement(mut lines: Vec<Line>, payload: &[u8], scroll: &Scroll, room: Room) -> Vec<Line> {
    let Room { columns, rows: room } = room;
    let length = payload.len();
    let bytes = bytes(payload, columns);
    let rules = [
        format!("── these {length} bytes are signed; the lines above are read from them "),
        format!("── these {length} bytes are signed; the above is read from them "),
        format!("── these {length} bytes are signed "),
    ];
    if room < 9 {
        let rule = rules.iter().find(|rule| rule.width() <= columns).unwrap_or(&rules[2]);
        let rule =
            Line::new().add(Role::Border, &format!("{rule}{}", "─".repeat(columns.saturating_sub(rule.width()))));
        let all: Vec<Line> = lines.into_iter().chain([rule]).chain(bytes).collect();
        // The last row says that there is more, as long as there is.
        let shown = room.saturating_sub(1).max(1);
        let scroll = scroll.within(all.len().saturating_sub(shown));
        let below = all.len().saturating_sub(scroll + shown);
        let more = match below {
            0 => "end of the bytes · ↑".to_owned(),
            n => format!("↓ {} of what is signed", counted(n, "more line")),
        };
        let more = (room > 1).then(|| Line::new().add(Role::Warning, &clip(&more, columns)));
        return all.into_iter().skip(scroll).take(shown).chain(more).collect();
    }
    // The bytes always have space, however long a reason.
    let most = room.saturating_sub(6).max(1);
    if lines.len() > most {
        lines.truncate(most - 1);
        lines.push(Line::new().add(Role::Warning, "  … and more, which stands in the bytes below"));
    }
    let page = room.saturating_sub(lines.len() + 1).max(1);
    let scroll = scroll.within(bytes.len().saturating_sub(page));
    let until = (scroll + page).min(bytes.len());
    let place = format!(" {}–{until} of {} · ↓ ↑", scroll + 1, bytes.len());
    let fits = |rule: &&String| rule.width() + place.width() <= columns;
    let rule = rules.iter().find(fits).unwrap_or(&rules[2]);
    let rest = columns.saturating_sub(rule.width() + place.width());
    let rule = Line::new().add(Role::Border, &format!("{rule}{}", "─".repeat(rest)));
    lines.push(rule.add(Role::Faint, &place));
    lines.extend(bytes.into_iter().skip(scroll).take(until - scroll));
    lines
}

/// The bytes of a statement, wrapped, its members told from their values.
fn bytes(payload: &[u8], columns: usize) -> Vec<Line> {
    let text = String::from_utf8_lossy(payload);
    let parts = text.lines().flat_map(|line| fold(line, columns));
    let line = |line: String| match line.split_once(": ") {
        Some((key, rest)) if !rest.is_empty() => {
            Line::new().add(Role::Faint, &format!("{key}: ")).add(Role::Text, rest)
        }
        Some((key, _)) => Line::new().add(Role::Text, key),
        None => Line::new().add(Role::Text, &line),
    };
    parts.map(line).collect()
}

/// A label with a text beside it, wrapped.
fn row(label: &str, text: &str, columns: usize) -> Vec<Line> {
    let folded = fold(text, columns.saturating_sub(14));
    let label = |at: usize| if at == 0 { format!("  {label:<12}") } else { " ".repeat(14) };
    let lines = folded.into_iter().enumerate();
    lines.map(|(at, part)| Line::new().add(Role::Faint, &label(at)).add(Role::Text, &part)).collect()
}

/// A time in a statement, for display.
fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "no date that there is".to_owned(), |time| time.strftime("%-d %b %Y, %H:%M UTC").to_string())
}

/// The page on which a reason is written.
fn reason<'s>(verdict: &str, ask: &str, note: &str, field: &'s TextField, columns: usize) -> Page<'s> {
    let mut lines = vec![Line::new().add(Role::Title, verdict)];
    lines.extend(told(Role::Text, ask, columns));
    lines.push(Line::new());
    let row = lines.len();
    lines.extend([Line::new(), Line::new()]);
    lines.extend(told(Role::Faint, note, columns));
    Page { lines, foot: Line::new(), field: Some((Some(row), "reason: ".to_owned(), field, false)) }
}

/// The page that says what was recorded.
fn done<'s>(word: &str, record: &str, place: &str, columns: usize) -> Page<'s> {
    let mut lines = told(Role::Ok, &format!("✓ {word}, signed, recorded, read back and verified."), columns);
    let record = told(Role::Text, record, columns.saturating_sub(7)).into_iter().enumerate();
    let label = |at: usize| Line::new().add(Role::Faint, if at == 0 { "record " } else { "       " });
    let record = record.map(|(at, part)| label(at).join(part));
    lines.extend(std::iter::once(Line::new()).chain(record).chain([Line::new()]));
    lines.extend(told(Role::Muted, place, columns));
    let foot = Line::new().add(Role::Key, "any key").add(Role::Text, " closes");
    Page { lines, foot, field: None }
}
