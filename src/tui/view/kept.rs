//! What was painted of the reader, for the next frame. While a person only moves, a row looks as it did, wherever it is
//! on the screen now: it is copied, and neither laid out nor coloured again. Whatever else happens, all is forgotten.

use std::collections::HashMap;

use ratatui::buffer::Cell;
use ratatui::layout::Rect;

use super::paint::Paint;
use crate::app::State;
use crate::app::review::Review;
use crate::app::review::rows::Row;

/// The most rows that are kept: those of a few screens.
const MAX_ROWS: usize = 256;

/// A row, and whether the texts of its file are there: they may be dropped and read again.
pub type Shown = (Row, bool);

/// For one theme.
#[derive(Default)]
pub struct Kept {
    /// What all of it depends on besides.
    of: Option<Basis>,
    /// By the position of a file and the row in it.
    rows: HashMap<(usize, usize), (Shown, Vec<Cell>)>,
    /// Parts that stay where they are, each with the file that is the current one in it.
    parts: HashMap<Part, (usize, Vec<Cell>)>,
}

/// A part of the reader that stays where it is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    Header,
    Files,
    Footer,
}

/// All that rows depend on and that no stroke that only moves changes, and whether colours are drawn, which the first
/// stroke decides.
#[derive(PartialEq, Eq)]
struct Basis {
    changes: u64,
    ticket: u64,
    area: Rect,
    has_colours: bool,
}

impl Kept {
    /// Forgets what was painted of anything else.
    pub fn turn_to(&mut self, state: &State, review: &Review, area: Rect) {
        let has_colours = !review.holds_colours();
        let basis = Basis { changes: state.changes, ticket: review.ticket, area, has_colours };
        if self.of.as_ref() != Some(&basis) {
            *self = Kept { of: Some(basis), ..Kept::default() };
        }
    }

    /// Paints a row of the document as it was painted before; false if it was not.
    pub fn row(&self, at: (usize, usize), row: Shown, (area, y): (Rect, u16), paint: &mut Paint<'_>) -> bool {
        let kept = self.rows.get(&at).filter(|(own, _)| *own == row);
        kept.is_some_and(|(_, cells)| paint.copy(area, y, cells))
    }

    /// Keeps a row that was painted: without a cursor, and outside a selection.
    pub fn keep_row(&mut self, at: (usize, usize), row: Shown, (area, y): (Rect, u16), paint: &Paint<'_>) {
        if self.rows.len() >= MAX_ROWS {
            self.rows.clear();
        }
        self.rows.insert(at, (row, paint.painted(area, y)));
    }

    /// A part of the screen, painted by `draw` unless it is kept.
    pub fn part(
        &mut self,
        (part, current): (Part, usize),
        area: Rect,
        paint: &mut Paint<'_>,
        draw: impl FnOnce(&mut Paint<'_>),
    ) {
        if let Some((_, cells)) = self.parts.get(&part).filter(|(own, _)| *own == current) {
            let rows = cells.chunks(usize::from(area.width).max(1));
            (0..area.height).zip(rows).for_each(|(y, cells)| _ = paint.copy(area, y, cells));
            return;
        }
        draw(paint);
        let cells = (0..area.height).flat_map(|y| paint.painted(area, y)).collect();
        self.parts.insert(part, (current, cells));
    }
}
