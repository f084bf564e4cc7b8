//! Moving through the diff. The position is kept by file and line, so that late results do not move it.

use super::Review;
use super::jumps::MAX_TRAIL;
use super::rows::Row;
use super::target::{Anchor, Wanted};
use super::viewport::SIDEWAYS;
use crate::app::action::Action;
use crate::app::keymap::Keymap;

impl Review {
    /// The position of the file under the cursor, and the row in it; none in an empty document.
    pub fn here(&self) -> Option<(usize, usize)> {
        self.document.locate(self.viewport.cursor())
    }

    /// The position of the file under the cursor.
    pub fn current_file(&self) -> usize {
        self.here().map_or(0, |(position, _)| position)
    }

    pub fn current_row(&self) -> Option<Row> {
        let (position, row) = self.here()?;
        Some(self.document.row(position, row))
    }

    /// The position on the screen.
    pub fn anchor(&self) -> Anchor {
        let (position, at) = self.here().unwrap_or((0, 0));
        let index = self.document.order().get(position).copied().unwrap_or(0);
        Anchor { index, row: self.document.row(position, at), at, above: self.viewport.above() }
    }

    pub(super) fn restore(&mut self, anchor: Anchor) {
        let (position, row) = self.document.row_at(&anchor).unwrap_or((0, 0));
        self.viewport.restore(self.document.start_of(position) + row, anchor.above);
    }

    pub fn go(&mut self, row: usize) {
        self.viewport.go(row, self.document.height());
    }

    pub(super) fn follow(&mut self) {
        self.viewport.follow(self.document.height());
    }

    /// Goes to a file, given by its index.
    pub fn go_to_file(&mut self, index: usize) {
        if let Some(position) = self.document.position_of(index) {
            self.leave_trail();
            if self.document.is_hidden(position) {
                self.open_group(index, true);
            }
            self.viewport.go_to_top(self.document.start_of(position), self.document.height());
        }
    }

    /// Goes to a place, as it was on the screen.
    pub fn go_to(&mut self, anchor: Anchor) {
        self.head_for(anchor.index, Wanted::Place(anchor));
    }

    pub(super) fn leave_trail(&mut self) {
        self.jumps.leave(self.anchor());
    }

    fn go_back(&mut self) -> Option<String> {
        let Some(anchor) = self.jumps.back() else { return Some("you have not jumped yet".to_owned()) };
        self.head(anchor.index, Wanted::Place(anchor));
        None
    }

    /// Moves and marks. Returns a message if something could not be done.
    pub fn update(&mut self, action: Action, count: Option<usize>, keymap: &Keymap) -> Option<String> {
        let key = |action: Action| keymap.first(action);
        let times = count.unwrap_or(1);
        match action {
            Action::Down => self.go(self.viewport.cursor().saturating_add(times)),
            Action::Up => self.go(self.viewport.cursor().saturating_sub(times)),
            Action::HalfDown => self.scroll_by((self.viewport.page() / 2 * times) as isize),
            Action::HalfUp => self.scroll_by(-((self.viewport.page() / 2 * times) as isize)),
            Action::PageDown => self.scroll_by((self.viewport.page() * times) as isize),
            Action::PageUp => self.scroll_by(-((self.viewport.page() * times) as isize)),
            Action::Top | Action::Bottom if count.is_some() => return self.go_to_line(times as u32, keymap),
            Action::Top => {
                self.leave_trail();
                self.go(0);
            }
            Action::Bottom => {
                self.leave_trail();
                // The very last row is the gap below the last file.
                self.go(self.document.height().saturating_sub(2));
            }
            Action::Left => self.viewport.scroll_left(SIDEWAYS * times),
            Action::Right => return self.scroll_right(SIDEWAYS * times, keymap),
            Action::Centre => self.viewport.centre(),
            Action::NextHunk => return self.jump(true, times, "no further hunk", Wanted::AnyHunk),
            Action::PreviousHunk => return self.jump(false, times, "no previous hunk", Wanted::AnyHunk),
            Action::NextFile => return self.jump(true, times, "this is the last file", Wanted::File),
            Action::PreviousFile => return self.jump(false, times, "this is the first file", Wanted::File),
            Action::NextFinding | Action::PreviousFinding if self.findings.blind => {
                return Some(format!("findings are hidden; {} shows them", key(Action::Blind)));
            }
            Action::NextFinding => return self.jump(true, times, "", Wanted::AnyItem),
            Action::PreviousFinding => return self.jump(false, times, "", Wanted::AnyItem),
            Action::NextUnseen => return self.next_unseen(),
            Action::Advance => return self.advance(keymap),
            Action::SeenFile => return self.toggle_file(keymap),
            Action::SeenHunk => return self.toggle_hunk(keymap),
            Action::Unfold => return self.unfold(),
            Action::MoreContext => return self.context(true),
            Action::LessContext => return self.context(false),
            Action::WholeFile => self.open_with(|opening| opening.whole = !opening.whole),
            Action::Blind => self.toggle_blind(),
            Action::Select => {
                let here = self.anchor();
                self.viewport.selection = self.viewport.selection.is_none().then_some(here);
            }
            Action::JumpBack => return self.go_back(),
            Action::Bookmark => return Some(self.toggle_bookmark(keymap)),
            Action::NextBookmark => return self.next_bookmark(keymap),
            Action::Files => self.viewport.show_files = !self.viewport.show_files,
            Action::SearchNext | Action::SearchPrevious => {
                let forward = action == Action::SearchNext;
                return (0..times.min(MAX_TRAIL)).map(|_| self.find(forward)).last().flatten();
            }
            _ => {}
        }
        None
    }

    fn scroll_right(&mut self, columns: usize, keymap: &Keymap) -> Option<String> {
        if self.viewport.look().wrap {
            return Some(format!("long lines are wrapped; {} lets them run on", keymap.first(Action::Wrap)));
        }
        let widest = self.shown_rows().filter_map(|row| self.width_of(row)).max();
        self.viewport.scroll_right(columns, widest.unwrap_or(0));
        None
    }

    /// Columns of the text in a row of the document.
    fn width_of(&self, row: usize) -> Option<usize> {
        let (position, row) = self.document.locate(row)?;
        let (file, _) = self.document.read_at(position)?;
        let row = self.document.row(position, row);
        let hunk = file.comparison.hunks.get(row.hunk()? as usize)?;
        let lines = row.lines().filter_map(|(line, _)| hunk.lines.get(line as usize));
        lines.map(|line| super::rows::text::width(super::rows::bytes_of(file, *line), self.viewport.look().tab)).max()
    }

    pub fn scroll_by(&mut self, rows: isize) {
        self.viewport.scroll_by(rows, self.document.height());
    }

    pub fn wheel(&mut self, rows: isize) {
        self.viewport.wheel(rows, self.document.height());
    }

    /// Goes to a line of the file under the cursor, or to the nearest shown line below.
    fn go_to_line(&mut self, number: u32, keymap: &Keymap) -> Option<String> {
        let hidden = || {
            let key = keymap.first(Action::WholeFile);
            Some(format!("line {number} is not shown; {key} shows the whole file"))
        };
        let position = self.current_file();
        let rows = 0..self.document.rows().get(position)?.rows.len();
        let line = |row: &usize| self.line_of(position, self.document.row(position, *row));
        let found = rows.clone().find(|row| line(row).is_some_and(|(old, at)| !old && at >= number));
        match found {
            Some(row) => {
                let shown = line(&row).map_or(number, |(_, line)| line);
                self.leave_trail();
                self.put_inside(position, row);
                if shown != number {
                    return hidden();
                }
            }
            None => return hidden(),
        }
        None
    }

    /// Space: marks as seen what was entirely shown and ends on this page, then moves a page down.
    fn advance(&mut self, keymap: &Keymap) -> Option<String> {
        for position in self.visible_positions() {
            if position < self.document.rows().len() {
                let keys = self.ended_on_page(position);
                self.see(position, keys);
            }
        }
        if self.viewport.rows().end >= self.document.height() {
            return Some(self.at_the_end(keymap));
        }
        self.scroll_by(self.viewport.page().saturating_sub(1).max(1) as isize);
        None
    }

    fn at_the_end(&mut self, keymap: &Keymap) -> String {
        let key = |action: Action| keymap.first(action);
        if self.part.shown().is_some() {
            return "the end of this part".into();
        }
        if (0..self.document.order().len()).any(|position| self.is_open_at(position)) {
            return format!("the end; {} goes to what is not seen", key(Action::NextUnseen));
        }
        if std::mem::take(&mut self.findings.blind) {
            self.freshen_findings();
            let next = key(Action::NextFinding);
            return format!("the first pass is done; here are the findings, {next} goes to the next");
        }
        let (answered, all) = self.progress().findings;
        if answered < all {
            let left = crate::change::counted(all - answered, "finding");
            let next = key(Action::NextFinding);
            return format!("the end; everything is seen, {left} not answered: {next} goes to the next");
        }
        format!("the end; everything is seen, {} opens the sign sheet", key(Action::Sign))
    }

    fn toggle_bookmark(&mut self, keymap: &Keymap) -> String {
        if !self.jumps.toggle_bookmark(self.anchor()) {
            return "the mark is taken away".to_owned();
        }
        let next = keymap.first(Action::NextBookmark);
        format!("marked; {} of yours here, {next} goes to the next", self.jumps.bookmarks().len())
    }

    fn next_bookmark(&mut self, keymap: &Keymap) -> Option<String> {
        let row = |anchor: &Anchor| {
            self.document.row_at(anchor).map(|(position, row)| self.document.start_of(position) + row)
        };
        let mut rows: Vec<_> = self.jumps.bookmarks().iter().filter_map(|mark| Some((row(mark)?, *mark))).collect();
        rows.sort_by_key(|(row, _)| *row);
        let next = rows.iter().find(|(row, _)| *row > self.viewport.cursor()).or(rows.first());
        let Some((_, anchor)) = next.copied() else {
            return Some(format!("you have marked nothing; {} marks a row", keymap.first(Action::Bookmark)));
        };
        self.go_to(anchor);
        None
    }

    /// Rows of the document that are on the screen.
    pub(super) fn shown_rows(&self) -> std::ops::Range<usize> {
        let rows = self.viewport.rows();
        rows.start..rows.end.min(self.document.height())
    }

    /// Positions of the files whose rows are on the screen.
    pub(super) fn visible_positions(&self) -> std::ops::RangeInclusive<usize> {
        let rows = self.viewport.rows();
        let first = self.document.locate(rows.start).map_or(0, |(position, _)| position);
        let last = self
            .document
            .locate(rows.end)
            .map_or(self.document.order().len().saturating_sub(1), |(position, _)| position);
        first..=last
    }
}
