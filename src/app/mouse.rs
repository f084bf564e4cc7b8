//! The mouse: wheel, click, and the edge of the file list. It never decides anything.

use super::{Effect, Overlay, Screen, State, input};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    pub kind: MouseKind,
    pub column: u16,
    pub row: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    WheelDown,
    WheelUp,
    Press,
    Drag,
}

/// Rows per step of the wheel.
const WHEEL: isize = 3;
/// Rows above the list and the diff.
const HEAD: u16 = 2;

pub fn moved(state: &mut State, mouse: Mouse) -> Vec<Effect> {
    let rows = match mouse.kind {
        MouseKind::WheelDown => WHEEL,
        MouseKind::WheelUp => -WHEEL,
        MouseKind::Press | MouseKind::Drag => return pressed(state, mouse),
    };
    match &mut state.overlay {
        None => wheel(state, rows),
        Some(Overlay::Text(text)) => text.scroll = text.scroll.saturating_add_signed(rows),
        Some(Overlay::Help { scroll }) => *scroll = scroll.saturating_add_signed(rows),
        Some(_) => {}
    }
    Vec::new()
}

fn wheel(state: &mut State, rows: isize) {
    let page = state.page();
    match &mut state.screen {
        Screen::Review(review) => review.wheel(rows),
        Screen::Queue => state.queue.wheel(rows, page),
        Screen::Command(command) => command.wheel(rows),
    }
}

fn pressed(state: &mut State, mouse: Mouse) -> Vec<Effect> {
    if state.overlay.is_some() {
        return Vec::new();
    }
    let (list, page) = (state.file_list_width() as u16, state.page());
    let row = usize::from(mouse.row.saturating_sub(HEAD));
    let in_body = mouse.row >= HEAD && row < page;
    state.dragging &= mouse.kind == MouseKind::Drag;
    match &mut state.screen {
        Screen::Review(_) if state.dragging && mouse.kind == MouseKind::Drag => {
            state.divider = Some(mouse.column + 1);
        }
        // The edge includes one column on either side.
        Screen::Review(_) if list > 0 && mouse.column + 2 >= list && mouse.column <= list && in_body => {
            state.dragging = true;
        }
        Screen::Review(review) if in_body && mouse.kind == MouseKind::Press => {
            if mouse.column < list {
                review.go_to_listed(row, page);
            } else {
                review.go(review.viewport.scroll() + row);
            }
        }
        Screen::Queue if in_body && mouse.kind == MouseKind::Press => {
            // The heading of a section stays at the top, and ignores clicks.
            let at = state.queue.scroll + row;
            // A second click on the selected row opens it.
            if at == state.queue.cursor {
                return input::open_selected(state);
            }
            state.queue.select(at);
        }
        Screen::Command(command) if in_body && mouse.kind == MouseKind::Press => command.go(command.scroll + row),
        _ => {}
    }
    Vec::new()
}
