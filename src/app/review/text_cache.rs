//! Which texts are loaded: those near the screen. Of all other files only the inventory and the height are kept, so
//! that memory depends on the screen and not on the change.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Review;
use super::document::{Body, Compared};
use super::rows::Row;
use crate::change::compare::Line;
use crate::examination::FileMaterial;
use crate::highlight::Colours;

/// How many bytes of texts and rows are kept. What is on the screen and next to it is kept in any case.
pub const ROOM: usize = 3 << 20;

/// Colours are requested for this many lines at a time, of both sides together.
const COLOURED: usize = 512;

/// A change with no more files and no more bytes of texts is sorted by risk in a moment.
const FEW_FILES: usize = 32;
const FEW_BYTES: usize = 4 << 20;

/// A file is read separately only if it is at least this many files ahead of the reading of all files when somebody
/// views it.
const NEXT_IN_TURN: usize = 64;

/// Which texts are loaded, and which are being loaded.
#[derive(Debug, Clone)]
pub struct TextCache {
    /// The least number of bytes of texts that are kept; see [`ROOM`].
    pub room: usize,
    /// The size of the loaded texts in bytes.
    held: usize,
    /// How many files were read so far.
    pub(super) read: usize,
    /// The size of their texts in bytes.
    arrived: usize,
    /// Somebody pressed a key: the files may not be sorted any more.
    pub(super) is_touched: bool,
    /// By index: its number in the first reading.
    turns: Vec<usize>,
    /// Files whose texts are being read separately, by index.
    pub(super) asked: HashSet<usize>,
    /// Positions of files that were read, and could not be read again.
    pub(super) failed_again: Vec<usize>,
}

impl TextCache {
    pub(super) fn new(turns: Vec<usize>) -> TextCache {
        let (asked, failed_again) = Default::default();
        TextCache { room: ROOM, held: 0, read: 0, arrived: 0, is_touched: false, turns, asked, failed_again }
    }
}

impl Review {
    /// Files whose texts should be read now: those near the screen and at the target of a stroke, each requested once.
    pub fn wanted_texts(&mut self) -> Vec<usize> {
        self.forgive();
        let visible = self.visible_positions();
        let is_wanted = |position: &usize| {
            let index = self.document.order()[*position];
            let file = &self.document.files()[index];
            let is_read = file.inventory.is_some();
            // Before all are read: only files that would wait long for their turn.
            let is_far = visible.contains(position) && index_in_turn(self, index) > self.text_cache.read + NEXT_IN_TURN;
            file.body.is_none()
                && file.failed.is_none()
                && (is_read || is_far || !self.is_reading())
                && !self.text_cache.asked.contains(&index)
        };
        let mut wanted: Vec<usize> = self.near().filter(is_wanted).collect();
        // First what is viewed, and the target of a stroke; then what is only near.
        let leads = self.jumps.target().and_then(|index| self.document.position_of(index));
        wanted.sort_by_key(|position| !(visible.contains(position) || leads == Some(*position)));
        let indices = wanted.into_iter().map(|position| self.document.order()[position]);
        let (asked, indices) = (&mut self.text_cache.asked, indices.collect::<Vec<_>>());
        indices.into_iter().filter(|index| asked.insert(*index)).collect()
    }

    /// How long the next stroke waits for the result of the last one: for texts as long as reading the largest takes,
    /// for a search an imperceptible time.
    pub fn patience(&self) -> Duration {
        let is_asked = |position: usize| {
            self.document.order().get(position).is_some_and(|index| self.text_cache.asked.contains(index))
        };
        // A first frame has something to read in it.
        let is_empty = self.text_cache.read == 0 && self.is_reading();
        if self.jumps.pending.is_some() || is_empty || self.visible_positions().any(is_asked) {
            Duration::from_secs(2)
        } else if self.search.as_ref().is_some_and(|search| search.is_waiting()) {
            Duration::from_millis(100)
        } else {
            Duration::ZERO
        }
    }

    /// Whether files of the change are still arriving.
    pub fn is_reading(&self) -> bool {
        self.text_cache.read < self.document.files().len()
    }

    /// Whether everything on the screen was read.
    pub fn is_filled(&self) -> bool {
        self.visible_files().iter().all(|index| {
            let file = &self.document.files()[*index];
            file.inventory.is_some() || file.failed.is_some()
        })
    }

    /// Whether colours wait for the rules: as long as nobody pressed a key, those sort the files in a moment, and
    /// colours of what is on the screen until then would be written in vain. They are computed meanwhile.
    pub fn holds_colours(&self) -> bool {
        let is_examined = self.findings.examination().is_some() || self.findings.is_failed;
        let is_short = self.diff.files.len() <= FEW_FILES && self.text_cache.arrived <= FEW_BYTES;
        !is_examined && is_short && !self.text_cache.is_touched && self.part.shown().is_none()
    }

    /// Whether a file is on the screen, or waited for to be.
    pub fn is_looked_at(&self, index: usize) -> bool {
        let leads = self.jumps.target() == Some(index);
        leads || self.text_cache.read == 0 || self.visible_files().contains(&index)
    }

    /// Texts of which colours should be computed now, and for how many of their lines, of both sides together; each is
    /// requested once. Those on the screen come last, since the last request is handled first.
    pub fn wanted_colours(&mut self) -> Vec<(usize, Arc<FileMaterial>, usize)> {
        let wanted = |position: usize| {
            let index = self.document.order()[position];
            let body = self.document.files()[index].body.as_ref()?;
            let until = self.lines_near(position, &body.texts);
            (until > body.asked_colours).then(|| (index, body.texts.clone(), until.next_multiple_of(COLOURED)))
        };
        let visible = self.visible_positions();
        let near: BTreeSet<usize> = self.near().collect();
        let (shown, hidden): (Vec<usize>, Vec<usize>) = near.into_iter().partition(|at| visible.contains(at));
        let wanted: Vec<_> = hidden.into_iter().chain(shown).filter_map(wanted).collect();
        for (index, _, until) in &wanted {
            let body = &mut self.document.file_mut(*index).body;
            body.iter_mut().for_each(|body| body.asked_colours = *until);
        }
        wanted
    }

    /// The colours of the next lines of a file have arrived, unless its texts were dropped and read again meanwhile.
    pub fn coloured(&mut self, index: usize, texts: &Arc<FileMaterial>, colours: Colours) {
        let body = self.document.file_mut(index).body.as_mut();
        if let Some(body) = body.filter(|body| Arc::ptr_eq(&body.texts, texts)) {
            body.colours.extend(colours);
        }
    }

    /// How many lines of a file, of both sides together, reach as far as what may soon be on the screen.
    fn lines_near(&self, position: usize, texts: &FileMaterial) -> usize {
        let (rows, start) = (&self.document.rows()[position].rows, self.document.start_of(position));
        let (scroll, page) = (self.viewport.scroll(), self.viewport.page());
        let is_above = start + rows.len() < scroll.saturating_sub(2 * page);
        let below = (scroll + 4 * page).saturating_sub(start);
        let last = if is_above { page } else { below.max(page) };
        let shown = &rows[..last.min(rows.len())];
        shown.iter().rev().find_map(|row| lines_above(*row, texts)).unwrap_or_default()
    }

    /// Whether some of these lines of the new side of a file are in a hunk on the screen, or border on one.
    pub fn shows_lines(&self, index: usize, lines: &Range<u32>) -> bool {
        let Some(position) = self.document.position_of(index) else { return false };
        let (rows, start) = (&self.document.rows()[position].rows, self.document.start_of(position));
        let at = |row: usize| row.saturating_sub(start).min(rows.len());
        let Some(body) = &self.document.files()[index].body else { return false };
        let is_in = |new: &Range<u32>| new.start <= lines.end && lines.start <= new.end;
        let shown = self.viewport.rows();
        rows[at(shown.start)..at(shown.end + 1)].iter().any(|row| match *row {
            Row::Beyond { new, .. } => is_in(&(new..new)),
            row => row.hunk().is_some_and(|hunk| is_in(&body.texts.comparison.hunks[hunk as usize].new)),
        })
    }

    /// Positions of the files around the screen, of the neighbours of the current one, and of the target of a stroke.
    /// There may be duplicates.
    pub(super) fn near(&self) -> impl Iterator<Item = usize> {
        let (last, here) = (self.document.order().len().saturating_sub(1), self.current_file());
        let at = |row: usize| self.document.locate(row).map_or(last, |(position, _)| position);
        let (scroll, page) = (self.viewport.scroll(), self.viewport.page());
        let around = at(scroll.saturating_sub(2 * page))..=at(scroll + 3 * page);
        let target = self.jumps.target().and_then(|index| self.document.position_of(index));
        let count = self.document.order().len();
        let near = around.chain(here.saturating_sub(1)..=here + 1).chain(target);
        near.filter(move |position| *position < count && !self.document.is_hidden(*position))
    }

    /// What could not be read again is retried when somebody comes back.
    fn forgive(&mut self) {
        let far: Vec<usize> =
            self.text_cache.failed_again.iter().copied().filter(|at| !self.near().any(|near| near == *at)).collect();
        for position in far {
            self.text_cache.failed_again.retain(|at| *at != position);
            self.document.file_mut(self.document.order()[position]).failed = None;
            self.put_gone(position, self.document.height_of(position));
        }
    }

    /// Adds a file that was read, for the first time or again.
    pub(super) fn take_in(&mut self, position: usize, Compared { inventory, body, height, shape, weight }: Compared) {
        let index = self.document.order()[position];
        if self.document.files()[index].inventory.is_none() {
            self.text_cache.read += 1;
            self.text_cache.arrived += weight;
            self.work.shown.resume(index, &inventory, &self.work.draft.shown);
            let is_marked = inventory.hunks.iter().any(|key| self.work.is_seen(key));
            let file = self.document.file_mut(index);
            // A file that was open before is not folded again.
            file.opening.is_open = (inventory.folds() && is_marked).then_some(true);
            file.inventory = Some(inventory);
            file.height = Some(height);
            self.put_gone(position, height);
            self.join_group(index);
            if let Some(height) = self.document.closed_height(index) {
                self.put_gone(position, height);
            }
        }
        if self.document.is_hidden(position) {
            return;
        }
        let Some((texts, rows)) = body.filter(|_| self.document.files()[index].body.is_none()) else { return };
        let is_kept = self.part.shown().is_some()
            || self.text_cache.held + weight <= self.text_cache.room
            || self.near().any(|near| near == position);
        if !is_kept {
            return;
        }
        self.text_cache.held += weight;
        let file = self.document.file_mut(index);
        file.failed = None;
        file.body = Some(Body { texts, colours: Colours::default(), asked_colours: 0, weight });
        if shape == self.document.shape() && self.is_as_it_came(index) {
            self.put(position, rows);
        } else {
            self.build(position);
        }
    }

    /// Whether a file has no remarks and nothing opened in it, so that its rows are the default ones.
    fn is_as_it_came(&self, index: usize) -> bool {
        let file = &self.document.files()[index];
        !self.findings.are_in(index)
            && file.opening == Default::default()
            && !self.is_noted(index)
            && !self.is_commented(index)
            && self.document.inventory_of_group(index).is_none()
    }

    /// Drops the texts that are farthest from the screen, until there is room again.
    pub(super) fn let_go(&mut self) {
        if self.text_cache.held <= self.text_cache.room || self.part.shown().is_some() {
            return;
        }
        let (near, here): (BTreeSet<usize>, _) = (self.near().collect(), self.current_file());
        let is_here = |position: &usize| {
            self.document.files()[self.document.order()[*position]].body.is_some() && !near.contains(position)
        };
        let mut far: Vec<usize> = (0..self.document.order().len()).filter(is_here).collect();
        far.sort_by_key(|position| position.abs_diff(here));
        // Drops more than needed, so that not every arriving file causes another pass.
        while self.text_cache.held > self.text_cache.room / 4 * 3 {
            let Some(position) = far.pop() else { return };
            let body = self.document.file_mut(self.document.order()[position]).body.take();
            self.text_cache.held -= body.map_or(0, |body| body.weight);
            self.put_gone(position, self.document.height_of(position));
        }
    }
}

/// How many lines, of both sides together, end with those of a row, or somewhat later in its hunk; none if it shows no
/// lines.
fn lines_above(row: Row, texts: &FileMaterial) -> Option<usize> {
    if let Row::Beyond { old, new, .. } = row {
        return Some(old as usize + new as usize + 2);
    }
    let hunk = texts.comparison.hunks.get(row.hunk()? as usize)?;
    let lines = row.lines().map(|(line, _)| match hunk.lines[line as usize] {
        Line::Context { old, new } => old as usize + new as usize + 2,
        Line::Removed { old } => old as usize + 1 + hunk.new.end as usize,
        Line::Added { new } => hunk.old.end as usize + new as usize + 1,
    });
    lines.max()
}

/// Where a file is in the order of the first reading.
fn index_in_turn(review: &Review, index: usize) -> usize {
    review.text_cache.turns.get(index).copied().unwrap_or(0)
}
