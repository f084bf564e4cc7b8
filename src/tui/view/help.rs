//! The help of the screen that is open, from the live keymap.

use ratatui::layout::Rect;

use super::paint::{Line, Paint, clip};
use crate::app::State;
use crate::app::action::{Action, Context};
use crate::tui::theme::Role;

pub fn draw(state: &State, scroll: usize, area: Rect, paint: &mut Paint<'_>) {
    let context = state.context();
    let here = |action: &&Action| action.context() == context || action.context() == Context::Everywhere;
    let mut actions: Vec<_> = Action::ALL.iter().filter(here).collect();
    actions.sort_by_key(|action| action.context() == Context::Everywhere);
    let height = (actions.len() as u16 + 3).min(area.height - 2);
    let width = 76.min(area.width - 2);
    let window = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let is_cut = actions.len() + 2 > usize::from(window.height);
    let hint = if is_cut { "↓ scrolls, any other key closes" } else { "any other key closes" };
    let inner = paint.frame(window, &format!("{} · {hint}", context.name()));
    let scroll = scroll.min(actions.len().saturating_sub(usize::from(inner.height)));
    for (row, action) in actions.iter().skip(scroll).take(usize::from(inner.height)).enumerate() {
        let line = Line::new().add(Role::Key, &format!("{:<18}", state.keymap.strokes(**action)));
        paint.line(
            inner,
            row as u16,
            line.add(Role::Text, &clip(action.sentence(), usize::from(inner.width).saturating_sub(19))),
        );
    }
}
