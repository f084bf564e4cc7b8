//! The first-parent lines of several refs, each commit once. Two lines share their beginning, and nothing above it: so
//! a place on a line is the number of commits below it, and the same on each line that shows it. Pure.

use std::collections::HashMap;

use super::line::Place;
use crate::change::ObjectId;

/// What a line shows that no line before it in the list shows.
pub struct Piece {
    pub places: Vec<Place>,
    /// The commit below the first of them.
    pub base: Option<ObjectId>,
}

/// The lines, by the index of their piece.
#[derive(Default)]
pub struct Forest {
    pieces: Vec<Piece>,
    at: HashMap<ObjectId, (usize, usize)>,
    /// The number of commits below each piece.
    depths: Vec<usize>,
    /// The parts of each line, from the bottom: a piece, and how many commits are below it or in that part of it.
    paths: Vec<Vec<(usize, usize)>>,
}

impl Forest {
    /// Adds a line, with what no line before it shows. Returns its index.
    pub fn add(&mut self, piece: Piece) -> usize {
        let own = self.pieces.len();
        let below = piece.base.and_then(|base| self.at.get(&base)).copied();
        let depth = below.map_or(0, |(piece, place)| self.depths[piece] + place + 1);
        let mut path: Vec<(usize, usize)> = below.map_or_else(Vec::new, |(piece, _)| {
            let under = self.paths[piece].iter().filter(|(part, _)| self.depths[*part] < depth);
            under.map(|&(part, end)| (part, end.min(depth))).collect()
        });
        path.push((own, depth + piece.places.len()));
        self.at.extend(piece.places.iter().enumerate().map(|(at, place)| (place.commit, (own, at))));
        self.pieces.push(piece);
        self.depths.push(depth);
        self.paths.push(path);
        own
    }

    /// The number of commits on a line.
    pub fn height(&self, line: usize) -> usize {
        self.paths[line].last().map_or(0, |&(_, end)| end)
    }

    /// The commit at a place of a line.
    pub fn place(&self, line: usize, at: usize) -> Option<Place> {
        let &(piece, _) = self.paths[line].iter().find(|&&(piece, end)| (self.depths[piece]..end).contains(&at))?;
        self.pieces[piece].places.get(at - self.depths[piece]).copied()
    }

    /// The commits of a line between two places.
    pub fn places(&self, line: usize, range: std::ops::Range<usize>) -> impl Iterator<Item = Place> {
        let parts = self.paths[line].iter().flat_map(move |&(piece, end)| {
            let depth = self.depths[piece];
            let (low, high) = (range.start.max(depth), range.end.min(end));
            if low < high { &self.pieces[piece].places[low - depth..high - depth] } else { &[] }
        });
        parts.copied()
    }

    /// Whether any line shows a commit.
    pub fn contains(&self, commit: ObjectId) -> bool {
        self.at.contains_key(&commit)
    }

    /// The number of commits that a line shares with the first parents of a commit, including that commit; and whether
    /// that commit is on the line. None if no line shows it.
    pub fn meets(&self, line: usize, commit: ObjectId) -> Option<(usize, bool)> {
        let &(piece, place) = self.at.get(&commit)?;
        let end = self.depths[piece] + place + 1;
        let shared = self.common(&self.paths[piece], &self.paths[line]).min(end);
        Some((shared, shared == end))
    }

    /// Whether a commit is among the first parents of another, or is that one.
    pub fn leads(&self, from: ObjectId, to: ObjectId) -> bool {
        let below = || {
            let &(piece, place) = self.at.get(&to)?;
            let (shared, is_on) = self.meets(piece, from)?;
            Some(is_on && shared <= self.depths[piece] + place + 1)
        };
        below().unwrap_or(false)
    }

    /// The number of commits that two lines share.
    pub fn shared(&self, a: usize, b: usize) -> usize {
        self.common(&self.paths[a], &self.paths[b])
    }

    fn common(&self, a: &[(usize, usize)], b: &[(usize, usize)]) -> usize {
        let both = a.iter().zip(b).take_while(|(a, b)| a.0 == b.0);
        both.last().map_or(0, |(a, b)| a.1.min(b.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId([n; 20])
    }

    fn piece(commits: std::ops::Range<u8>, base: Option<u8>) -> Piece {
        let places = commits.map(|n| Place { commit: id(n), time: i64::from(n) }).collect();
        Piece { places, base: base.map(id) }
    }

    /// The first line shows 1 to 9; the second 1 to 5 and 11 to 13; the third the second's up to 12, and 21; the fourth
    /// ends at 3; the fifth is a history of its own.
    fn forest() -> Forest {
        let mut forest = Forest::default();
        forest.add(piece(1..10, None));
        forest.add(piece(11..14, Some(5)));
        forest.add(piece(21..22, Some(12)));
        forest.add(piece(0..0, Some(3)));
        forest.add(piece(31..33, None));
        forest
    }

    #[test]
    fn two_lines_share_their_beginning() {
        let forest = forest();
        let heights: Vec<usize> = (0..5).map(|line| forest.height(line)).collect();
        assert_eq!(heights, [9, 8, 8, 3, 2]);
        let shared = [(0, 1), (1, 2), (0, 2), (2, 3), (0, 4)].map(|(a, b)| (forest.shared(a, b), forest.shared(b, a)));
        assert_eq!(shared, [(5, 5), (7, 7), (5, 5), (3, 3), (0, 0)]);
    }

    #[test]
    fn a_place_is_the_number_of_commits_below_it() {
        let forest = forest();
        let line: Vec<ObjectId> = forest.places(2, 4..9).map(|place| place.commit).collect();
        assert_eq!(line, [5, 11, 12, 21].map(id));
        assert_eq!(forest.place(2, 5).unwrap().commit, id(11));
        assert_eq!(forest.place(2, 8).map(|place| place.commit), None);
        assert_eq!(forest.meets(2, id(12)), Some((7, true)));
        assert_eq!(forest.meets(2, id(13)), Some((7, false)));
        assert_eq!(forest.meets(3, id(9)), Some((3, false)));
        assert_eq!(forest.meets(0, id(31)), Some((0, false)));
        assert_eq!(forest.meets(0, id(99)), None);
        let leads = [(5, 12), (12, 12), (12, 5), (9, 12), (31, 32), (99, 12)];
        let leads = leads.map(|(from, to)| forest.leads(id(from), id(to)));
        assert_eq!(leads, [true, true, false, false, true, false]);
    }
}
