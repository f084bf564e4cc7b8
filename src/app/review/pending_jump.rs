//! The target of a stroke. Its row is found at once if the texts of its file are loaded, otherwise as soon as they are.

use super::Review;
use super::rows::Row;
use super::search::Search;
use super::target::Wanted;

/// How the target is placed on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// Further down on the screen, if there is something to read above it.
    Inside,
    /// At the top of the screen, with the remarks on the file if they are near.
    Top,
    /// The same, unless it is on the screen.
    Step,
}

/// A row that waits for its texts.
#[derive(Debug, Clone, Copy)]
pub struct PendingJump {
    pub index: usize,
    wanted: Wanted,
    forward: bool,
    /// Only rows after this one, or before it.
    beyond: Option<usize>,
    arrival: Arrival,
    /// The number of steps after this one.
    then: usize,
    /// The message if there are not that many.
    none: &'static str,
}

impl Review {
    /// Goes to a row of a file, as soon as it is loaded.
    pub fn head_for(&mut self, index: usize, wanted: Wanted) {
        self.leave_trail();
        self.head(index, wanted);
    }

    /// The same, with a known position to jump back to.
    pub(super) fn head(&mut self, index: usize, wanted: Wanted) {
        let (arrival, none) = (Arrival::Inside, "");
        self.set_out(PendingJump { index, wanted, forward: true, beyond: None, arrival, then: 0, none });
    }

    fn set_out(&mut self, pending_jump: PendingJump) -> Option<String> {
        let position = self.document.position_of(pending_jump.index)?;
        if self.document.is_hidden(position) {
            self.open_group(pending_jump.index, true);
        }
        let is_known = self.document.texts_of(pending_jump.index).is_some()
            || self.document.files()[pending_jump.index].failed.is_some();
        if is_known || pending_jump.wanted == Wanted::File {
            return self.arrive(position, pending_jump);
        }
        // The screen stays as it is until then.
        self.jumps.pending = Some(pending_jump);
        None
    }

    /// A later stroke replaces the target.
    pub fn turn_away(&mut self) {
        self.jumps.pending = None;
        self.text_cache.is_touched = true;
        self.search.iter_mut().for_each(Search::stay);
    }

    /// Continues a pending jump if what it waited for is loaded; otherwise it keeps waiting.
    pub(super) fn go_on(&mut self) -> Option<String> {
        let pending_jump = self.jumps.pending.take()?;
        self.set_out(pending_jump)
    }

    fn arrive(&mut self, position: usize, pending_jump: PendingJump) -> Option<String> {
        let PendingJump { wanted, forward, beyond, arrival, then, none, .. } = pending_jump;
        if self.document.is_stale(position) {
            self.build(position);
        }
        if let Wanted::Place(anchor) = wanted {
            self.restore(anchor);
            self.follow();
            return None;
        }
        let rows = match (beyond, forward) {
            (None, _) => 0..self.document.height_of(position),
            (Some(row), true) => row + 1..self.document.height_of(position),
            (Some(row), false) => 0..row,
        };
        let row = self.find_in(position, wanted, rows, forward);
        if row.is_none() && beyond.is_some() {
            // The row was not in this file after all: the step remains.
            return self.jump(forward, then + 1, none, wanted);
        }
        self.land(position, row.unwrap_or(0), arrival);
        self.jump(forward, then, none, wanted)
    }

    /// Goes to the next rows of a kind, or to the previous ones. Returns a message if there is none.
    pub(super) fn jump(&mut self, forward: bool, times: usize, none: &'static str, wanted: Wanted) -> Option<String> {
        for step in 1..=times.min(self.document.height()) {
            let Some((position, row)) = self.next_row(forward, wanted) else {
                return Some(none.to_owned()).filter(|_| wanted != Wanted::AnyItem).or_else(|| self.go_round(forward));
            };
            match row {
                Some(row) => self.land(position, row, Arrival::Step),
                None => {
                    let (index, then) = (self.document.order()[position], times - step);
                    let beyond = self.here().filter(|(here, _)| *here == position).map(|(_, row)| row);
                    let arrival = Arrival::Step;
                    return self.set_out(PendingJump { index, wanted, forward, beyond, arrival, then, none });
                }
            }
        }
        None
    }

    /// Continues from the other end: the last finding below the cursor must not be mistaken for the last of all.
    fn go_round(&mut self, forward: bool) -> Option<String> {
        let here = self.anchor();
        self.go(if forward { 0 } else { self.document.height() });
        let Some((position, row)) = self.next_row(forward, Wanted::AnyItem) else {
            self.restore(here);
            self.follow();
            let none = match self.findings.examination() {
                Some(_) => "there is no finding and no omission",
                None => "no finding yet: the change is still being examined",
            };
            return Some(none.to_owned());
        };
        let told = self.told_of_round(forward);
        match row {
            Some(row) => self.land(position, row, Arrival::Step),
            None => {
                let (index, wanted, arrival) = (self.document.order()[position], Wanted::AnyItem, Arrival::Step);
                let pending_jump = PendingJump { index, wanted, forward, beyond: None, arrival, then: 0, none: "" };
                return self.set_out(pending_jump).or(Some(told));
            }
        }
        Some(told)
    }

    fn told_of_round(&self, forward: bool) -> String {
        let from = if forward { "from the start" } else { "from the end" };
        let progress = self.progress();
        let left =
            |(have, all): (usize, usize), what: &str| (have < all).then(|| crate::change::counted(all - have, what));
        let left: Vec<_> =
            [left(progress.findings, "finding"), left(progress.omissions, "omission")].into_iter().flatten().collect();
        match left.is_empty() {
            true if self.findings.examination().is_none() => format!("{from}; the change is still being examined"),
            true => format!("{from}; all are answered"),
            false => format!("{from}; {} not answered", left.join(" and ")),
        }
    }

    /// The next row that is not seen yet, after the cursor or else from the start; a message if there is none.
    pub(super) fn next_unseen(&mut self) -> Option<String> {
        let from_here = self.next_row(true, Wanted::Unseen);
        let from_start =
            || (0..self.document.order().len()).find(|&position| self.is_open_at(position)).map(|at| (at, None));
        let Some((position, row)) = from_here.or_else(from_start) else {
            return Some("everything is marked as seen".to_owned());
        };
        self.leave_trail();
        if let Some(row) = row {
            self.land(position, row, Arrival::Top);
            return None;
        }
        let (index, wanted, arrival) = (self.document.order()[position], Wanted::Unseen, Arrival::Top);
        self.set_out(PendingJump { index, wanted, forward: true, beyond: None, arrival, then: 0, none: "" })
    }

    /// Searches file by file, without computing the position of each row. Without a row if that is not known yet.
    fn next_row(&mut self, forward: bool, wanted: Wanted) -> Option<(usize, Option<usize>)> {
        let (here, at) = self.here()?;
        let ways: Box<dyn Iterator<Item = usize>> =
            if forward { Box::new(here..self.document.rows().len()) } else { Box::new((0..=here).rev()) };
        let read_from = self.anchor();
        let mut found = None;
        for position in ways {
            // Files inside a closed group are skipped: the group itself is found.
            if self.document.is_hidden(position) {
                continue;
            }
            if self.document.is_stale(position) {
                self.build(position);
            }
            let height = self.document.height_of(position);
            let range = match (forward, position == here) {
                (true, true) => at + 1..height,
                (false, true) => 0..at.min(height),
                (_, false) => 0..height,
            };
            let is_away = self.document.rows()[position].rows.is_empty() && wanted != Wanted::File;
            if is_away && self.may_hold(position, wanted) {
                found = Some((position, None));
            } else if !is_away {
                let row = self.find_in(position, wanted, range, forward);
                found = row.map(|row| (position, Some(row)));
            }
            if found.is_some() {
                break;
            }
        }
        // Files in between may have been laid out again.
        self.restore(read_from);
        found
    }

    /// The first row that is wanted in a range of a file's rows, or the last.
    fn find_in(&self, position: usize, wanted: Wanted, range: std::ops::Range<usize>, forward: bool) -> Option<usize> {
        let file = &self.document.rows()[position];
        // As long as anything is open, what has an answer is passed.
        let is_any_open = self.has_open_item();
        let is_wanted = |finding: u32| !is_any_open || !self.is_answered(finding as usize);
        if let Wanted::Line(hunk, line) = wanted {
            return file.row_of(hunk, line);
        }
        let mut rows = range.clone();
        let is_it = |at: usize| match (wanted, self.document.row(position, at)) {
            (Wanted::File, row) => row == Row::File,
            (Wanted::AnyHunk, _) => file.mark_starting_at(at).is_some(),
            // If there are several places in a file, the first, which has the details: a finding may have thousands.
            (Wanted::AnyItem, Row::Finding { finding, .. }) => {
                is_wanted(finding) && matches!(self.document.row(position, at + 1), Row::FindingDetail { .. })
            }
            (Wanted::AnyItem, Row::Omission { omission, part: 0 }) => {
                !is_any_open || self.is_unacknowledged(position, omission)
            }
            (Wanted::Hunk(wanted), Row::Hunk { hunk }) => hunk == wanted,
            (Wanted::Finding(wanted), Row::Finding { finding, .. }) => finding == wanted,
            (Wanted::Omission(wanted), Row::Omission { omission, .. }) => omission == wanted,
            (Wanted::Note(wanted), Row::Note { note, .. }) => note == wanted,
            (Wanted::Comment(wanted), Row::Comment { comment, .. }) => comment == wanted,
            (Wanted::Unseen, Row::Omission { omission, part: 0 }) => self.is_unacknowledged(position, omission),
            (Wanted::Unseen, _) => file.mark_starting_at(at).is_some_and(|mark| !self.is_seen(position, mark)),
            _ => false,
        };
        if forward { rows.find(|at| is_it(*at)) } else { rows.rfind(|at| is_it(*at)) }
    }

    /// Whether a file whose rows are not loaded has a wanted row.
    fn may_hold(&self, position: usize, wanted: Wanted) -> bool {
        let index = self.document.order()[position];
        let Some(inventory) = self.document.inventory_at(position) else { return false };
        let folded = self.document.rows()[position].folded;
        match wanted {
            Wanted::AnyHunk => !inventory.marks(folded).is_empty(),
            Wanted::AnyItem if self.has_open_item() => {
                let is_open = |finding: usize| !self.findings.blind && !self.is_answered(finding);
                self.findings.in_file(index).any(|(finding, _)| is_open(finding))
                    || inventory.asked(folded).any(|(_, own)| !self.work.is_acknowledged(&own.key))
            }
            Wanted::AnyItem => {
                inventory.asked(folded).next().is_some() || (!self.findings.blind && self.findings.are_in(index))
            }
            Wanted::Unseen => self.is_open_at(position),
            _ => true,
        }
    }

    /// Whether a finding or an omission has no answer yet.
    fn has_open_item(&self) -> bool {
        let progress = self.progress();
        progress.omissions.0 < progress.omissions.1
            || (!self.findings.blind && progress.findings.0 < progress.findings.1)
    }

    /// Whether a file has something that is not seen, or not acknowledged.
    pub(super) fn is_open_at(&self, position: usize) -> bool {
        self.document.files()[self.document.order()[position]].inventory.is_some() && !self.is_file_seen(position)
    }

    fn is_unacknowledged(&self, position: usize, omission: u32) -> bool {
        let omission =
            self.document.inventory_at(position).and_then(|inventory| inventory.omissions.get(omission as usize));
        omission.is_some_and(|omission| !self.work.is_acknowledged(&omission.key))
    }

    fn land(&mut self, position: usize, row: usize, arrival: Arrival) {
        let (start, page) = (self.document.start_of(position), self.viewport.page());
        let height = self.height_of_item(position, row);
        let is_whole = self.viewport.rows().contains(&(start + row + height - 1));
        let stays = arrival != Arrival::Top && self.viewport.is_well_visible(start + row) && is_whole;
        if !stays {
            self.viewport.scroll_to(match arrival {
                Arrival::Inside => (start + row).saturating_sub(page / 4),
                _ if row < page / 2 && row + height <= page => start,
                _ => start + row,
            });
        }
        self.go(start + row);
    }

    /// How many rows a finding or an omission takes from its first on; any other row is one.
    fn height_of_item(&self, position: usize, row: usize) -> usize {
        let first = self.document.row(position, row);
        let is_of_it = |at: &usize| match (first, self.document.row(position, *at)) {
            (Row::Finding { finding, .. }, Row::FindingDetail { finding: own, .. }) => finding == own,
            (Row::Omission { omission, .. }, Row::Omission { omission: own, .. }) => omission == own,
            _ => false,
        };
        1 + (row + 1..self.document.height_of(position)).take_while(is_of_it).count()
    }

    /// Keeps what the cursor is on in sight while something is asked about it.
    pub fn keep_in_sight(&mut self) {
        if let Some((position, row)) = self.here() {
            let height = self.height_of_item(position, row);
            self.viewport.show(height);
        }
    }

    /// Goes to a row of a file, further down on the screen if there is something to read above it.
    pub(super) fn put_inside(&mut self, position: usize, row: usize) {
        self.land(position, row, Arrival::Inside);
    }
}
