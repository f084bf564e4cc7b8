//! Where jumps lead: to the target that waits for its texts, back along the trail, and round the bookmarks.

use super::pending_jump::PendingJump;
use super::rows::Row;
use super::target::Anchor;

/// How many positions are kept to jump back to.
pub(super) const MAX_TRAIL: usize = 100;

#[derive(Debug, Clone, Default)]
pub struct Jumps {
    /// The target of a stroke that waits for texts; a later stroke replaces it.
    pub(super) pending: Option<PendingJump>,
    /// The positions to jump back to, the latest last, none twice in a row.
    trail: Vec<Anchor>,
    bookmarks: Vec<Anchor>,
}

impl Jumps {
    /// The file, by index, whose texts a stroke waits for.
    pub(super) fn target(&self) -> Option<usize> {
        self.pending.map(|pending| pending.index)
    }

    /// The person jumps away from here.
    pub(super) fn leave(&mut self, here: Anchor) {
        if self.trail.last().is_none_or(|last| (last.index, last.at) != (here.index, here.at)) {
            self.trail.push(here);
        }
        if self.trail.len() > MAX_TRAIL {
            self.trail.remove(0);
        }
    }

    pub(super) fn back(&mut self) -> Option<Anchor> {
        self.trail.pop()
    }

    pub fn bookmarks(&self) -> &[Anchor] {
        &self.bookmarks
    }

    /// Marks a row, or removes its mark. Returns whether it is marked now.
    pub(super) fn toggle_bookmark(&mut self, here: Anchor) -> bool {
        // Rows that are not loaded all look alike.
        let is_row = |own: &Anchor| own.row == here.row && (own.row != Row::Waiting || own.at == here.at);
        let same = self.bookmarks.iter().position(|own| own.index == here.index && is_row(own));
        match same {
            Some(at) => _ = self.bookmarks.remove(at),
            None => self.bookmarks.push(here),
        }
        same.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: usize, at: usize) -> Anchor {
        Anchor { index, row: Row::File, at, above: 0 }
    }

    #[test]
    fn the_trail_leads_back_in_reverse_and_repeats_no_position() {
        let mut jumps = Jumps::default();
        [at(0, 0), at(1, 2), at(1, 2), at(0, 0)].into_iter().for_each(|here| jumps.leave(here));
        let back: Vec<_> = std::iter::from_fn(|| jumps.back()).collect();
        assert_eq!(back, [at(0, 0), at(1, 2), at(0, 0)]);
    }

    #[test]
    fn a_long_trail_forgets_its_oldest_positions() {
        let mut jumps = Jumps::default();
        (0..MAX_TRAIL + 5).for_each(|row| jumps.leave(at(0, row)));
        let back: Vec<_> = std::iter::from_fn(|| jumps.back()).collect();
        assert_eq!((back.len(), back.last()), (MAX_TRAIL, Some(&at(0, 5))));
    }

    #[test]
    fn marking_a_row_twice_removes_its_mark_and_unread_rows_are_told_apart_by_their_place() {
        let (mut jumps, waiting) = (Jumps::default(), |row: usize| Anchor { row: Row::Waiting, ..at(0, row) });
        assert!(jumps.toggle_bookmark(waiting(3)));
        assert!(jumps.toggle_bookmark(waiting(4)));
        assert!(!jumps.toggle_bookmark(waiting(3)));
        assert_eq!(jumps.bookmarks(), [waiting(4)]);
    }
}
