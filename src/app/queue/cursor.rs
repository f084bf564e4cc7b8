//! The cursor of the queue: it moves over rows that arrive, and stays on what the person selected.

use super::{Entry, Preview, Queue, QueueRow, QueuedCommand};
use crate::app::action::Action;
use crate::change::visible;

impl Queue {
    pub fn current(&self) -> Option<QueueRow> {
        self.rows().get(self.cursor).copied()
    }

    pub fn selected_entry(&self) -> Option<&Entry> {
        match self.current()? {
            QueueRow::Change(at) => self.entries.get(at),
            _ => None,
        }
    }

    /// The id of the entry of a row.
    fn id_of(&self, row: QueueRow) -> Option<String> {
        match row {
            QueueRow::Change(at) => self.entries.get(at).map(|entry| entry.change.id.clone()),
            QueueRow::Command(at) => self.commands.get(at).map(QueuedCommand::key),
            _ => None,
        }
    }

    /// Selects the command under the cursor even if nobody moved there, so that arriving commands do not put another
    /// one under a stroke.
    pub fn hold(&mut self) {
        if let (None, Some(row @ QueueRow::Command(_))) = (&self.selected, self.current()) {
            self.selected = self.id_of(row);
        }
    }

    /// Rows may have moved: the cursor follows the selected change. Before anything was selected it stays at the top.
    pub(super) fn keep_selection(&mut self) {
        let rows = self.rows();
        let place = self
            .selected
            .as_ref()
            .and_then(|id| rows.iter().position(|row| self.id_of(*row).is_some_and(|own| own == *id)));
        self.cursor = on_a_row(&rows, place.unwrap_or(self.cursor), true);
    }

    /// Moves and toggles; `page` is the number of rows on the screen. Returns a sentence if there is something to
    /// report. `wide`: there is room for a preview at the right.
    pub fn update(&mut self, action: Action, times: usize, page: usize, wide: bool) -> Option<String> {
        let last = self.rows().len().saturating_sub(1);
        let down = !matches!(action, Action::Up | Action::HalfUp | Action::PageUp);
        let cursor = match action {
            Action::Down => self.cursor.saturating_add(times),
            Action::Up => self.cursor.saturating_sub(times),
            Action::HalfDown => self.cursor.saturating_add(page / 2 * times),
            Action::HalfUp => self.cursor.saturating_sub(page / 2 * times),
            Action::PageDown => self.cursor.saturating_add(page * times),
            Action::PageUp => self.cursor.saturating_sub(page * times),
            Action::Top => 0,
            Action::Bottom => last,
            Action::NextAgain => match self.next_again() {
                Some(at) => at,
                None => return Some("nothing moved since you looked or decided".to_owned()),
            },
            Action::Preview => {
                self.preview = match self.preview {
                    Preview::Auto if wide => Preview::Below,
                    Preview::Auto | Preview::Below => Preview::Off,
                    Preview::Off => Preview::Auto,
                };
                return None;
            }
            Action::Sort => {
                self.sort = self.sort.next(self.has_clock());
                self.arrange();
                self.keep_selection();
                return None;
            }
            _ => return None,
        };
        self.choose(cursor.min(last), down);
        self.follow(page);
        None
    }

    pub fn select(&mut self, row: usize) {
        self.choose(row, true);
    }

    fn choose(&mut self, row: usize, down: bool) {
        self.cursor = on_a_row(&self.rows(), row, down);
        self.selected = self.current().and_then(|row| self.id_of(row));
    }

    /// Scrolls; the selection stays as long as it is on the screen.
    pub fn wheel(&mut self, rows: isize, page: usize) {
        let end = self.rows().len().saturating_sub(page);
        self.scroll = self.scroll.saturating_add_signed(rows).min(end);
        self.select(self.cursor.clamp(self.scroll + 1, self.scroll + page.saturating_sub(1)));
    }

    fn next_again(&self) -> Option<usize> {
        let rows = self.rows();
        let is_again = |at: &usize| matches!(rows[*at], QueueRow::Change(entry) if self.entries[entry].again.is_some());
        (self.cursor + 1..rows.len()).chain(0..rows.len().min(self.cursor + 1)).find(is_again)
    }

    pub fn set_filter(&mut self, filter: &str, page: usize) {
        self.filter = visible::text(filter).into_owned();
        self.cursor = 0;
        self.keep_selection();
        self.follow(page);
    }

    /// Scrolls so that the cursor is on the screen, with the heading of its section above it.
    pub fn follow(&mut self, page: usize) {
        let page = page.max(2);
        self.scroll = self.scroll.clamp(self.cursor.saturating_sub(page - 1), self.cursor.saturating_sub(1));
    }
}

/// The nearest row that is not a heading: the next in the direction of a move, or else the one on the other side.
fn on_a_row(rows: &[QueueRow], at: usize, down: bool) -> usize {
    let at = at.min(rows.len().saturating_sub(1));
    let is_row = |at: &usize| !matches!(rows[*at], QueueRow::Heading(..) | QueueRow::Columns);
    let (mut below, above) = (at..rows.len(), (0..=at).rev());
    let (mut below, mut above) = (below.find(is_row), above.filter(|at| *at < rows.len()).find(is_row));
    if !down {
        std::mem::swap(&mut below, &mut above);
    }
    below.or(above).unwrap_or(at)
}
