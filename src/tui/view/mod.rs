//! State → frame. Nothing here changes the state. Same names as in `app/`: knowing one path, you know the other.

mod command;
mod diff;
mod help;
mod kept;
mod paint;
mod queue;
mod review;
mod sign;
mod window;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr as _;

use crate::app::prompt::Prompt;
use crate::app::{MIN_SIZE, Overlay, Screen, State};
use crate::tui::theme::{Role, Theme};
pub use kept::Kept;
use paint::{Line, Paint};

/// Like [`paint()`], on a frame of ratatui's own terminal.
pub fn draw(state: &State, theme: &Theme, frame: &mut Frame<'_>) {
    if let Some(at) = paint(state, theme, frame.buffer_mut()) {
        frame.set_cursor_position(at);
    }
}

/// Paints all of a buffer; returns the position of the text cursor, if any.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer) -> Option<Position> {
    paint_again(state, theme, buffer, &mut Kept::default())
}

/// Like [`paint()`], with what was painted of the frames before, in the same theme.
pub fn paint_again(state: &State, theme: &Theme, buffer: &mut Buffer, kept: &mut Kept) -> Option<Position> {
    let area = buffer.area;
    let mut paint = Paint::new(buffer, theme);
    // The reader draws every cell itself: a frame of it is due with each stroke.
    let is_filled = matches!(state.screen, Screen::Review(_)) && is_large_enough(area);
    if !is_filled {
        paint.clear(area);
    }
    if !is_large_enough(area) {
        let text = format!("undersign needs {}×{}; this is {}×{}", MIN_SIZE.0, MIN_SIZE.1, area.width, area.height);
        for (row, part) in paint::fold(&text, usize::from(area.width)).iter().enumerate().take(usize::from(area.height))
        {
            paint.line(area, row as u16, Line::new().add(Role::Warning, part));
        }
        return None;
    }
    match &state.screen {
        Screen::Queue => queue::draw(state, area, &mut paint),
        Screen::Review(review) => review::draw(state, review, area, &mut paint, kept),
        Screen::Command(command) => command::draw(state, command, area, &mut paint),
    }
    let foot = area.height - 1;
    let mut cursor = None;
    match &state.overlay {
        Some(Overlay::Help { scroll }) => help::draw(state, *scroll, area, &mut paint),
        Some(Overlay::Picker(picker)) => cursor = Some(window::picker(picker, area, &mut paint)),
        Some(Overlay::Text(text)) => window::text(text, area, &mut paint),
        Some(Overlay::Sign(sheet)) => {
            // The strokes of the screen below mean nothing here.
            paint.clear(Rect { y: foot, height: 1, ..area });
            if let Screen::Review(review) = &state.screen {
                cursor = sign::change::draw(sheet, review, &state.keymap, area, &mut paint);
            }
        }
        Some(Overlay::Authorize(sheet)) => {
            paint.clear(Rect { y: foot, height: 1, ..area });
            if let Screen::Command(command) = &state.screen {
                let delivery = state.deliveries.of(command.repository);
                cursor = sign::command::draw(sheet, (command, delivery), &state.keymap, area, &mut paint);
            }
        }
        Some(Overlay::Prompt(prompt)) => cursor = Some(asked(state, prompt, area, &mut paint)),
        None => {
            let typed: String = state.pending.iter().map(ToString::to_string).collect();
            let typed = format!("{}{typed}", state.count.map(|count| count.to_string()).unwrap_or_default());
            if let Some(status) = &state.status {
                told(state, status, area, &mut paint);
            } else if !typed.is_empty() {
                paint.line(area, foot, Line::new().add(Role::Key, &format!(" {typed}")));
            }
        }
    }
    // A message during an overlay is below it; a prompt uses that row itself.
    if let (Some(status), Some(overlay)) = (&state.status, &state.overlay)
        && !matches!(overlay, Overlay::Prompt(_))
    {
        let status = paint::clip(&format!(" {status}"), usize::from(area.width));
        paint.line(area, foot, Line::new().add(Role::Warning, &status));
    }
    cursor
}

/// A prompt in the last row, below its question if that is long.
fn asked(state: &State, prompt: &Prompt, area: Rect, paint: &mut Paint<'_>) -> Position {
    let (foot, width) = (area.height - 1, usize::from(area.width));
    let question = prompt.question(width);
    let top = foot - question.len() as u16;
    let status = state.status.as_ref().or(prompt.left_out.as_ref());
    if let Some(status) = status {
        let status = paint::clip(&format!(" {status}"), width);
        paint.line(area, top - 1, Line::new().add(Role::Warning, &status));
    } else if !question.is_empty() {
        rule(paint, area, top - 1);
    }
    for (row, text) in (top..).zip(&question) {
        paint.line(area, row, Line::new().add(Role::Accent, &paint::clip(&format!(" {text}"), width)));
    }
    // A question ends with a sign of its own, and what is written after it begins with one.
    let mark = if prompt.label.ends_with('?') { " ›" } else { ":" };
    if prompt.has_earlier() && !question.is_empty() && status.is_none() {
        let told = " ↑ earlier answers ";
        let at = Rect { x: area.x + area.width - 2 - told.width() as u16, width: told.width() as u16, ..area };
        paint.line(at, top - 1, Line::new().add(Role::Faint, told));
    }
    let label = if question.is_empty() { format!(" {}{mark} ", prompt.label) } else { " › ".to_owned() };
    paint.field(Rect { y: foot, height: 1, ..area }, &label, &prompt.field, false)
}

fn is_large_enough(area: Rect) -> bool {
    area.width >= MIN_SIZE.0 && area.height >= MIN_SIZE.1
}

/// The message in the last row. In the queue it is wrapped upwards until the next stroke: the result of sending is
/// shown nowhere else. In the reader it covers no line of a change.
fn told(state: &State, status: &str, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    let mut rows = paint::fold(status, width.saturating_sub(2));
    if !matches!(state.screen, Screen::Queue) || rows.len() == 1 {
        rows = vec![status.to_owned()];
    }
    let room = usize::from(area.height / 4);
    if rows.len() > room {
        let rest = rows.split_off(room - 1);
        rows.push(rest.join(" "));
    }
    let first = area.height - rows.len() as u16;
    if rows.len() > 1 {
        rule(paint, area, first - 1);
    }
    for (row, text) in (first..).zip(&rows) {
        paint.clear(Rect { y: area.y + row, height: 1, ..area });
        let text = paint::clip(&format!(" {text}"), width);
        paint.line(area, row, Line::new().add(Role::Warning, &text));
    }
}

/// The rule between two parts of the screen.
fn rule(paint: &mut Paint<'_>, area: Rect, row: u16) {
    paint.line(area, row, Line::new().add(Role::Border, &"─".repeat(usize::from(area.width))));
}

/// `⏎ open   / filter`: as many as fit, from the keymap in use.
fn footer(state: &State, hints: &[(crate::app::action::Action, &str)], area: Rect, paint: &mut Paint<'_>) {
    let mut line = Line::new().add(Role::Bar, " ");
    for (action, word) in hints {
        let key = state.keymap.first(*action);
        if line.width() + key.chars().count() + word.len() + 1 > usize::from(area.width) {
            break;
        }
        line = line.add(Role::Key, &key).add(Role::Bar, &format!(" {word}   "));
    }
    paint.line(area, area.height - 1, line);
}
