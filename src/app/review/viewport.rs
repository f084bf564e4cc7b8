//! The window on the document: which of its rows are on the screen, and the cursor among them.

use std::ops::Range;

use super::layout::ViewOptions;
use super::target::Anchor;

/// Columns that one stroke scrolls sideways.
pub(super) const SIDEWAYS: usize = 8;

/// After each move the cursor is on a row of the document, and that row on the screen. The height of the document is an
/// argument, since files are laid out at any time.
#[derive(Debug, Clone)]
pub struct Viewport {
    cursor: usize,
    scroll: usize,
    /// The first column of text on the screen, where lines are not wrapped.
    left: usize,
    /// Rows of the screen; at least one.
    page: usize,
    look: ViewOptions,
    pub show_files: bool,
    /// Where a selection of lines began; it ends at the cursor.
    pub selection: Option<Anchor>,
}

impl Default for Viewport {
    fn default() -> Viewport {
        let look = ViewOptions::default();
        Viewport { cursor: 0, scroll: 0, left: 0, page: 1, look, show_files: true, selection: None }
    }
}

impl Viewport {
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The first row on the screen.
    pub fn scroll(&self) -> usize {
        self.scroll
    }

    /// Rows of the screen above the cursor.
    pub fn above(&self) -> usize {
        self.cursor.saturating_sub(self.scroll)
    }

    pub fn left(&self) -> usize {
        self.left
    }

    pub fn page(&self) -> usize {
        self.page
    }

    pub fn look(&self) -> ViewOptions {
        self.look
    }

    /// The rows on the screen, if the document is long enough.
    pub fn rows(&self) -> Range<usize> {
        self.scroll..self.scroll + self.page
    }

    /// Whether nobody has moved yet.
    pub fn is_at_start(&self) -> bool {
        self.cursor == 0 && self.scroll == 0
    }

    /// Whether a row is on the screen, and not at its end.
    pub fn is_well_visible(&self, row: usize) -> bool {
        (self.scroll..self.scroll + self.page.saturating_sub(2)).contains(&row)
    }

    /// Another size of the screen, or another choice of the person.
    pub(super) fn resize(&mut self, page: usize, look: ViewOptions) {
        (self.page, self.look) = (page.max(1), look);
        if look.wrap {
            self.left = 0;
        }
    }

    pub(super) fn follow(&mut self, height: usize) {
        let last = height.saturating_sub(1);
        self.cursor = self.cursor.min(last);
        self.scroll = self.scroll.clamp(self.cursor.saturating_sub(self.page - 1), self.cursor);
        self.scroll = self.scroll.min((last + 1).saturating_sub(self.page));
    }

    pub(super) fn go(&mut self, row: usize, height: usize) {
        self.cursor = row.min(height.saturating_sub(1));
        self.follow(height);
    }

    /// Puts a row at the top of the screen.
    pub(super) fn go_to_top(&mut self, row: usize, height: usize) {
        self.cursor = row.min(height.saturating_sub(1));
        self.scroll = self.cursor;
        self.follow(height);
    }

    /// Puts the cursor on a row with so many rows of the screen above it, before the document is laid out for good.
    pub(super) fn restore(&mut self, row: usize, above: usize) {
        (self.cursor, self.scroll) = (row, row.saturating_sub(above));
    }

    /// Scrolls no further than needed to show so many rows from the cursor on.
    pub(super) fn show(&mut self, rows: usize) {
        let lowest = (self.cursor + rows).saturating_sub(self.page).min(self.cursor);
        self.scroll = self.scroll.clamp(lowest, self.cursor);
    }

    /// Puts a row of the document at the top of the screen, before the cursor goes there.
    pub(super) fn scroll_to(&mut self, row: usize) {
        self.scroll = row;
    }

    pub(super) fn centre(&mut self) {
        self.scroll = self.cursor.saturating_sub(self.page / 2);
    }

    /// Scrolls so that what was opened below the cursor is on the screen.
    pub(super) fn make_room(&mut self, height: usize) {
        if self.cursor > self.scroll + self.page * 2 / 3 {
            self.scroll = self.cursor.saturating_sub(self.page / 4);
            self.follow(height);
        }
    }

    pub(super) fn scroll_by(&mut self, rows: isize, height: usize) {
        let last = height.saturating_sub(1);
        let moved = |at: usize| at.saturating_add_signed(rows).min(last);
        self.scroll = moved(self.scroll);
        self.go(moved(self.cursor), height);
    }

    /// Scrolls; the cursor stays where it is as long as that is on the screen.
    pub(super) fn wheel(&mut self, rows: isize, height: usize) {
        let end = height.saturating_sub(self.page);
        self.scroll = self.scroll.saturating_add_signed(rows).min(end);
        self.cursor = self.cursor.clamp(self.scroll, self.scroll + self.page.saturating_sub(1));
        self.follow(height);
    }

    pub(super) fn scroll_left(&mut self, columns: usize) {
        self.left = self.left.saturating_sub(columns);
    }

    /// Scrolls until the end of the widest row is on the screen.
    pub(super) fn scroll_right(&mut self, columns: usize, widest: usize) {
        self.left = (self.left + columns).min(widest.saturating_sub(SIDEWAYS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Move {
        Go(usize),
        Top(usize),
        By(isize),
        Wheel(isize),
        Room,
        Page(usize),
    }

    fn moves() -> impl Strategy<Value = Move> {
        let by = -30isize..30;
        prop_oneof![
            (0usize..60).prop_map(Move::Go),
            (0usize..60).prop_map(Move::Top),
            by.clone().prop_map(Move::By),
            by.prop_map(Move::Wheel),
            Just(Move::Room),
            (0usize..20).prop_map(Move::Page),
        ]
    }

    proptest! {
        #[test]
        fn after_each_move_the_cursor_is_in_the_document_and_on_the_screen(
            each in prop::collection::vec((moves(), 1usize..40), 1..30)
        ) {
            let mut view = Viewport::default();
            for (step, height) in each {
                match step {
                    Move::Go(row) => view.go(row, height),
                    Move::Top(row) => view.go_to_top(row, height),
                    Move::By(rows) => view.scroll_by(rows, height),
                    Move::Wheel(rows) => view.wheel(rows, height),
                    Move::Room => view.make_room(height),
                    Move::Page(page) => view.resize(page, ViewOptions::default()),
                }
                view.follow(height);
                prop_assert!(view.cursor() < height);
                prop_assert!(view.rows().contains(&view.cursor()), "{view:?}");
                prop_assert!(view.scroll() == 0 || view.rows().end <= height, "{view:?} leaves rows empty");
            }
        }
    }
}
