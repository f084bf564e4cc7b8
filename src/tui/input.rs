//! Terminal events → what the program knows.

use crossterm::event::{Event as Raw, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use crate::app::Event;
use crate::app::keymap::{Key, Stroke};
use crate::app::mouse::{Mouse, MouseKind};

/// The event for a raw one; none for those that are ignored (key releases, focus, other buttons).
pub fn event(raw: Raw) -> Option<Event> {
    match raw {
        Raw::Key(key) if key.kind != KeyEventKind::Release => {
            let stroke = Stroke {
                key: code(key.code)?,
                ctrl: key.modifiers.contains(KeyModifiers::CONTROL),
                alt: key.modifiers.contains(KeyModifiers::ALT),
            };
            Some(Event::Stroke(stroke))
        }
        Raw::Paste(text) => Some(Event::Paste(text)),
        Raw::Mouse(mouse) => {
            let kind = match mouse.kind {
                MouseEventKind::ScrollDown => MouseKind::WheelDown,
                MouseEventKind::ScrollUp => MouseKind::WheelUp,
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Press,
                MouseEventKind::Drag(MouseButton::Left) => MouseKind::Drag,
                _ => return None,
            };
            Some(Event::Mouse(Mouse { kind, column: mouse.column, row: mouse.row }))
        }
        Raw::Resize(columns, rows) => {
            let (columns, rows) = super::known(columns, rows);
            Some(Event::Resize(columns, rows))
        }
        _ => None,
    }
}

fn code(code: KeyCode) -> Option<Key> {
    Some(match code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(n) => Key::F(n),
        _ => return None,
    })
}
