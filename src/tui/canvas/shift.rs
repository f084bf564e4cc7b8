//! Finds where a frame is the previous one moved up or down: a band of rows that the terminal can scroll itself.
//!
//! A terminal scrolls whole rows. With panes side by side, the one that stays is moved too and must be rewritten; only
//! comparing the bytes shows whether that is shorter. So this finds the most likely band, without any guarantee.

use std::ops::Range;

use ratatui::buffer::{Buffer, Cell};

/// How many columns are compared as one piece.
const PIECE: usize = 16;
/// How many pieces must have moved by the same number of rows.
const ENOUGH: usize = 4;

/// Rows that move together: rows that leave at one end are lost, rows that enter at the other are blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    pub band: Range<usize>,
    /// How many rows towards the top; towards the bottom if negative.
    pub up: isize,
    /// It leaves less than half of what differs: writing the frame without it would take more bytes.
    pub is_clear: bool,
}

impl Shift {
    /// Which row is at this row's position afterwards; none if it is blank.
    pub fn source(&self, row: usize) -> Option<usize> {
        if !self.band.contains(&row) {
            return Some(row);
        }
        row.checked_add_signed(self.up).filter(|row| self.band.contains(row))
    }

    /// The most likely one between two frames of the same size.
    pub fn between(old: &Pieces, new: &Pieces) -> Option<Shift> {
        let up = likeliest(old, new)?;
        let (band, gain) = best_band(old, new, up)?;
        let apart: isize = (0..new.height()).map(|row| new.apart(row, old, row)).sum();
        Some(Shift { band, up, is_clear: 2 * gain > apart })
    }
}

/// A hash of each piece of each row; zero if all of it is blank.
pub struct Pieces {
    all: Vec<u64>,
    /// How many there are in a row.
    per_row: usize,
}

impl Pieces {
    pub fn of(buffer: &Buffer) -> Pieces {
        let width = usize::from(buffer.area.width).max(1);
        let per_row = width.div_ceil(PIECE);
        let mut all = Vec::with_capacity(per_row * usize::from(buffer.area.height));
        buffer.content.chunks(width).for_each(|row| all.extend(row.chunks(PIECE).map(number)));
        Pieces { all, per_row }
    }

    fn height(&self) -> usize {
        self.all.len() / self.per_row
    }

    fn row(&self, row: usize) -> &[u64] {
        &self.all[row * self.per_row..(row + 1) * self.per_row]
    }

    /// Pieces that differ between a row of these and one of others.
    fn apart(&self, row: usize, others: &Pieces, other: usize) -> isize {
        self.row(row).iter().zip(others.row(other)).filter(|(a, b)| a != b).count() as isize
    }
}

/// Of the texts only: the cursor row changes their background. Different texts may have the same hash; the cells are
/// compared before anything is skipped.
fn number(cells: &[Cell]) -> u64 {
    let mut sum: u64 = 0;
    for (at, cell) in cells.iter().enumerate() {
        let text = match cell.symbol().as_bytes() {
            b" " => continue,
            [byte] => (at as u64 + 1) << 8 ^ u64::from(*byte),
            bytes => bytes.iter().fold(at as u64 + 1, |sum, byte| sum << 8 ^ sum >> 56 ^ u64::from(*byte)),
        };
        sum = (sum.rotate_left(5) ^ text).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    sum
}

/// The number of rows by which most pieces moved.
fn likeliest(old: &Pieces, new: &Pieces) -> Option<isize> {
    let height = new.height();
    // By distance, from the farthest down to the farthest up.
    let mut votes = vec![0_usize; 2 * height];
    for row in 0..height {
        for (at, &piece) in new.row(row).iter().enumerate().filter(|(_, piece)| **piece != 0) {
            if old.row(row)[at] == piece {
                continue;
            }
            for from in (0..height).filter(|from| old.row(*from)[at] == piece) {
                votes[height + from - row] += 1;
            }
        }
    }
    let (at, most) = votes.iter().enumerate().max_by_key(|(_, votes)| **votes)?;
    (*most >= ENOUGH).then_some(at as isize - height as isize)
}

/// The band for which scrolling leaves the least to write, and how many pieces fewer that are.
fn best_band(old: &Pieces, new: &Pieces, up: isize) -> Option<(Range<usize>, isize)> {
    let (mut best, mut most, mut sum, mut start) = (None, 0, 0, 0);
    for row in 0..new.height() {
        let Some(from) = row.checked_add_signed(up).filter(|from| *from < old.height()) else {
            (sum, start) = (0, row + 1);
            continue;
        };
        sum += new.apart(row, old, row) - new.apart(row, old, from);
        if sum <= 0 {
            (sum, start) = (0, row + 1);
        } else if sum > most {
            (best, most) = (Some(start..row + 1), sum);
        }
    }
    let rows = best?;
    let by = up.unsigned_abs();
    Some((if up > 0 { rows.start..rows.end + by } else { rows.start - by..rows.end }, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(rows: &[String]) -> Pieces {
        Pieces::of(&Buffer::with_lines(rows.iter().map(String::as_str)))
    }

    fn lines(range: Range<usize>) -> Vec<String> {
        range.map(|n| format!("line {n} of a text that goes on for a while, and ends {}", n * 7919)).collect()
    }

    #[test]
    fn a_text_between_two_bars_moves_by_itself() {
        let with_bars = |range| [vec!["head".to_owned()], lines(range), vec!["foot".to_owned()]].concat();
        let (before, after) = (screen(&with_bars(0..20)), screen(&with_bars(3..23)));
        assert_eq!(Shift::between(&before, &after), Some(Shift { band: 1..21, up: 3, is_clear: true }));
        assert_eq!(Shift::between(&after, &before), Some(Shift { band: 1..21, up: -3, is_clear: true }));
    }

    #[test]
    fn nothing_moves_between_texts_that_have_nothing_in_common_or_are_the_same() {
        let before = screen(&lines(0..20));
        let other = lines(0..20).iter().map(|line| line.replace(|letter: char| letter != ' ', "x")).collect::<Vec<_>>();
        assert_eq!(Shift::between(&before, &screen(&other)), None);
        assert_eq!(Shift::between(&before, &before), None);
    }

    #[test]
    fn a_row_comes_from_inside_of_the_band() {
        let up = Shift { band: 2..8, up: 2, is_clear: true };
        let sources: Vec<_> = (0..10).map(|row| up.source(row)).collect();
        let blank = None;
        assert_eq!(
            sources,
            [0, 1, 4, 5, 6, 7].map(Some).into_iter().chain([blank, blank, Some(8), Some(9)]).collect::<Vec<_>>()
        );
        let down = Shift { band: 2..5, up: -1, is_clear: true };
        assert_eq!((1..6).map(|row| down.source(row)).collect::<Vec<_>>(), [Some(1), None, Some(2), Some(3), Some(5)]);
    }
}
