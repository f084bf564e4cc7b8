//! Windows over the screen: a list to choose from, and a text to read.

use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr as _;

use super::paint::{Line, Paint, clip, clip_start};
use super::queue::severity_role;
use crate::app::picker::{Badge, Picker, PickerEntry};
use crate::app::{Text, TextLine};
use crate::tui::theme::Role;

/// A window in the middle of the screen.
fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width.saturating_sub(2)), height.min(area.height.saturating_sub(2)));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Draws a list to choose from; returns the position of the cursor.
pub fn picker<C: Clone>(picker: &Picker<C>, area: Rect, paint: &mut Paint<'_>) -> Position {
    let (matching, all) = picker.counts();
    let wanted = u16::try_from(picker.height())
        .unwrap_or(u16::MAX)
        .saturating_add(3)
        .clamp(8, area.height.saturating_sub(4).max(8));
    let window = middle(area, 110, wanted);
    let count = if matching == all { all.to_string() } else { format!("{matching} of {all}") };
    let inner = paint.frame(window, &format!("{} · {count}", picker.title));
    let cursor = paint.field(Rect { height: 1, ..inner }, "› ", &picker.field, false);
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    for (row, (selected, entry, characters)) in picker.rows(usize::from(list.height)).iter().enumerate() {
        let line = entry_line(entry, characters, *selected, usize::from(list.width));
        paint.line_on(list, row as u16, line, selected.then_some(Role::Selected));
    }
    if matching == 0 {
        let text = if all == 0 { "there is nothing" } else { "nothing matches" };
        paint.line(list, 0, Line::new().add(Role::Muted, &format!("  {text}")));
    }
    cursor
}

fn entry_line<C>(entry: &PickerEntry<C>, characters: &[u32], selected: bool, width: usize) -> Line {
    let mut line = Line::new().add(Role::Accent, if selected { "▸ " } else { "  " });
    line = match entry.badge {
        Badge::None => line,
        Badge::Severity(severity) => line.add(severity_role(severity), &format!("{} ", severity.letter())),
        Badge::Seen => line.add(Role::Seen, "✓ "),
        Badge::Unseen => line.add(Role::Faint, "· "),
        Badge::Omission => line.add(Role::Omission, "⊘ "),
        Badge::Unknown => line.add(Role::Warning, "? "),
        Badge::Note => line.add(Role::Note, "✎ "),
        Badge::Bookmark => line.add(Role::Accent, "◆ "),
    };
    // The name of an entry is always visible.
    let detail = clip(&entry.detail, width / 2);
    let room = width.saturating_sub(line.width() + detail.width() + 2);
    if entry.label.width() > room {
        // Commands and words are recognised by their beginning, paths by their end.
        let text = match entry.label.split_once("  ") {
            _ if entry.badge == Badge::None => clip(&entry.label, room),
            Some((place, words)) => clip(&format!("{}  {words}", clip_start(place, room / 2)), room),
            None => clip_start(&entry.label, room),
        };
        line = line.add(Role::Text, &text);
    } else {
        for (at, c) in entry.label.chars().enumerate() {
            let role = if characters.contains(&(at as u32)) { Role::Accent } else { Role::Text };
            line = line.add(role, &c.to_string());
        }
    }
    line.pad_to(width.saturating_sub(detail.width())).add(Role::Faint, &detail)
}

/// Draws something to read.
pub fn text(text: &Text, area: Rect, paint: &mut Paint<'_>) {
    let rows = text.rows(area.width);
    let width = area.width.saturating_sub(2).min(110);
    let height = (rows.len() as u16).saturating_add(2);
    let window = middle(area, width, height);
    let page = usize::from(window.height.saturating_sub(2));
    let scroll = text.scroll.min(rows.len().saturating_sub(page));
    let place = match rows.len() > page {
        true => format!("{}–{} of {} · j k scroll, any other key closes", scroll + 1, scroll + page, rows.len()),
        false => "any key closes".to_owned(),
    };
    let room = usize::from(window.width).saturating_sub(place.width() + 10);
    let inner = paint.frame(window, &format!("{} · {place}", clip(&text.title, room)));
    for (row, (line, shown)) in rows.iter().skip(scroll).take(page).enumerate() {
        let role = match text.lines[*line] {
            _ if shown.is_empty() => Role::Text,
            TextLine::Heading(_) => Role::Title,
            TextLine::Plain(_) => Role::Text,
            TextLine::Claim(_) => Role::Claim,
            TextLine::Added(_) => Role::Ok,
            TextLine::Removed(_) => Role::Error,
            TextLine::Muted(_) => Role::Muted,
            TextLine::Warning(_) => Role::Warning,
            TextLine::Risk(severity, _) => severity_role(severity),
        };
        paint.line(inner, row as u16, Line::new().add(role, shown));
    }
}
