//! The help of the screen that is open, as wide and as high as there is room.

use ratatui::layout::Rect;

use super::paint::{Line, Paint};
use crate::app::State;
use crate::app::help::{self, HelpRow};
use crate::tui::theme::Role;

pub fn draw(state: &State, scroll: usize, area: Rect, paint: &mut Paint<'_>) {
    let columns = help::columns(state);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let height = (rows as u16).saturating_add(2).min(area.height.saturating_sub(2));
    let window =
        Rect { x: area.x + 1, y: area.y + (area.height - height) / 2, width: area.width.saturating_sub(2), height };
    let page = usize::from(height.saturating_sub(2));
    let scroll = scroll.min(rows.saturating_sub(page));
    let hint = match rows > page {
        true => format!("{}–{} of {rows} · j k space scroll, any other key closes", scroll + 1, scroll + page),
        false => "any other key closes".to_owned(),
    };
    let name = match state.screen {
        crate::app::Screen::Queue => "the queue",
        crate::app::Screen::Review(_) => "the reader",
        crate::app::Screen::Command(_) => "a command",
    };
    let inner = paint.frame(window, &format!("help: {name} · {hint}"));
    let width = inner.width / columns.len().max(1) as u16;
    for (at, column) in columns.iter().enumerate() {
        let place = Rect { x: inner.x + at as u16 * width, width, ..inner };
        for (row, shown) in column.iter().skip(scroll).take(page).enumerate() {
            let line = match shown {
                HelpRow::Blank => Line::new(),
                HelpRow::Heading(name) => Line::new().add(Role::Title, name),
                HelpRow::Entry(keys, text) => Line::new().add(Role::Key, keys).add(Role::Text, text),
            };
            paint.line(place, row as u16, line);
        }
    }
}
