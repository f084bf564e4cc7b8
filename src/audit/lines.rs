//! To which ref each commit belongs, where several show it: a release branch shows what landed on the branch from which
//! it was cut, and a row of one ref must not become one of another because somebody cuts a third. Pure.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::line::Place;
use crate::change::ObjectId;

/// What a ref shows that no ref before it in the list shows.
pub struct Piece {
    /// The index of the ref.
    pub name: usize,
    pub places: Vec<Place>,
    /// The commit below the first of them.
    pub base: Option<ObjectId>,
}

/// What speaks for a ref, from the strongest evidence to the weakest: by the index of a ref.
pub struct Evidence<'e> {
    /// Moves that landed according to the log, in its order: the ref, from where, and to where.
    pub moves: &'e [(usize, ObjectId, ObjectId)],
    /// For a commit that is the base or head of records: the earliest of them for each ref, and its ref.
    pub records: &'e HashMap<ObjectId, Vec<(i64, usize)>>,
}

/// Commits in a row that belong to one ref.
pub struct Run {
    pub name: usize,
    pub places: Vec<Place>,
    pub base: Option<ObjectId>,
}

/// Places of one piece that the same refs show.
struct Block {
    piece: usize,
    places: Range<usize>,
    /// By the index of the refs.
    shown_by: BTreeSet<usize>,
}

/// All commits of the pieces, each in one run: it belongs to the ref on which it landed first.
///
/// That is the ref that the log says. What nothing in the log is about belongs to the ref of those above it, or below
/// it; what landed before the log, to the one for which a record of it was signed first. Without any of these, it
/// belongs to the one that was created first, or else to the first in the list.
pub fn runs(pieces: &[Piece], evidence: &Evidence<'_>) -> Vec<Run> {
    let at: HashMap<ObjectId, (usize, usize)> = pieces
        .iter()
        .enumerate()
        .flat_map(|(piece, own)| own.places.iter().enumerate().map(move |(at, place)| (place.commit, (piece, at))))
        .collect();
    let depths = Depths::of(pieces, &at);
    let owners = by_log(pieces, &at, &depths, evidence.moves);
    // A ref that is created shows what landed on another: how much, and in which order they were created.
    let created = evidence.moves.iter().enumerate().filter(|(_, (_, old, _))| old.is_zero());
    let created: HashMap<usize, (usize, usize)> = created
        .filter_map(|(order, (name, _, new))| Some((*name, (depths.of_place(*at.get(new)?), order + 1))))
        .rev()
        .collect();
    let mut runs: Vec<Run> = Vec::new();
    // The run that ends with a commit, by its ref.
    let mut ends: HashMap<(usize, ObjectId), usize> = HashMap::new();
    for block in blocks(pieces, &at) {
        let piece = &pieces[block.piece];
        let top = depths.of_place((block.piece, block.places.end.saturating_sub(1)));
        let order = |name: &usize| created.get(name).filter(|(depth, _)| top <= *depth).map_or(0, |(_, order)| *order);
        let first = block.shown_by.iter().copied().min_by_key(order).unwrap_or(piece.name);
        let own = owners_of(piece, &block, &owners[block.piece], evidence, first);
        for (at, name) in block.places.zip(own) {
            let place = piece.places[at];
            let below = at.checked_sub(1).map(|below| piece.places[below].commit).or(piece.base);
            let run = below.and_then(|below| ends.remove(&(name, below))).unwrap_or_else(|| {
                runs.push(Run { name, places: Vec::new(), base: below });
                runs.len() - 1
            });
            runs[run].places.push(place);
            ends.insert((name, place.commit), run);
        }
    }
    runs
}

/// The number of commits below each piece. It stands on one before it in the list.
struct Depths(Vec<usize>);

impl Depths {
    fn of(pieces: &[Piece], at: &HashMap<ObjectId, (usize, usize)>) -> Depths {
        let mut depths = Depths(Vec::with_capacity(pieces.len()));
        for piece in pieces {
            let base = piece.base.and_then(|base| at.get(&base));
            depths.0.push(base.map_or(0, |place| depths.of_place(*place) + 1));
        }
        depths
    }

    /// The number of commits below a place.
    fn of_place(&self, (piece, place): (usize, usize)) -> usize {
        self.0[piece] + place
    }
}

/// The ref on which each place landed first, as far as the log says so.
fn by_log(
    pieces: &[Piece],
    at: &HashMap<ObjectId, (usize, usize)>,
    depths: &Depths,
    moves: &[(usize, ObjectId, ObjectId)],
) -> Vec<Vec<Option<usize>>> {
    let mut owners: Vec<Vec<Option<usize>>> = pieces.iter().map(|piece| vec![None; piece.places.len()]).collect();
    for &(name, old, new) in moves {
        // A ref that is created, or moved over from elsewhere, shows what is there already.
        let Some(bottom) = at.get(&old).map(|place| depths.of_place(*place)) else { continue };
        let (mut next, mut found) = (Some(new), Vec::new());
        while let Some(&(own, place)) = next.and_then(|commit| at.get(&commit)) {
            if depths.of_place((own, place)) <= bottom || owners[own][place].is_some() {
                break;
            }
            found.push((own, place));
            next = place.checked_sub(1).map(|under| pieces[own].places[under].commit).or(pieces[own].base);
        }
        let is_owned = |&(own, place): &(usize, usize)| owners[own][place].is_some();
        if next == Some(old) || next.and_then(|commit| at.get(&commit)).is_some_and(is_owned) {
            found.into_iter().for_each(|(own, place)| owners[own][place] = Some(name));
        }
    }
    owners
}

/// The blocks of all pieces, those below first.
fn blocks(pieces: &[Piece], at: &HashMap<ObjectId, (usize, usize)>) -> Vec<Block> {
    // Which pieces stand on a piece, and on which of its places.
    let mut above: Vec<Vec<(usize, usize)>> = vec![Vec::new(); pieces.len()];
    for (own, piece) in pieces.iter().enumerate() {
        if let Some(&(below, place)) = piece.base.and_then(|base| at.get(&base)) {
            above[below].push((place, own));
        }
    }
    let mut shown_by: Vec<BTreeSet<usize>> = pieces.iter().map(|piece| BTreeSet::from([piece.name])).collect();
    // A piece stands on one before it in the list.
    for own in (0..pieces.len()).rev() {
        let all: Vec<usize> = above[own].iter().flat_map(|(_, piece)| shown_by[*piece].clone()).collect();
        shown_by[own].extend(all);
    }
    let mut blocks = Vec::new();
    for (own, piece) in pieces.iter().enumerate() {
        let mut joints: BTreeSet<usize> = above[own].iter().map(|(place, _)| place + 1).collect();
        joints.insert(piece.places.len());
        let mut start = 0;
        for end in joints.into_iter().filter(|end| *end > 0) {
            let mut of = BTreeSet::from([piece.name]);
            for (_, other) in above[own].iter().filter(|(place, _)| *place + 1 >= end) {
                of.extend(&shown_by[*other]);
            }
            blocks.push(Block { piece: own, places: start..end, shown_by: of });
            start = end;
        }
    }
    blocks
}

/// The owner of each place of a block.
fn owners_of(
    piece: &Piece,
    block: &Block,
    owners: &[Option<usize>],
    evidence: &Evidence<'_>,
    first: usize,
) -> Vec<usize> {
    let is_shown = |name: &usize| block.shown_by.contains(name);
    let mut own: Vec<Option<usize>> =
        owners[block.places.clone()].iter().map(|owner| owner.filter(|name| is_shown(name))).collect();
    // Below the first that the log knows, records tell more than the log.
    let unlogged = own.iter().take_while(|owner| owner.is_none()).count();
    let commits = piece.places[block.places.clone()].iter().take(unlogged);
    let records = commits.filter_map(|place| evidence.records.get(&place.commit)).flatten();
    let told = records.filter(|(_, name)| is_shown(name)).min().map(|(_, name)| *name);
    own[..unlogged].fill(told);
    // From above: the next move of a ref began where the ref was.
    let mut above = None;
    for owner in own.iter_mut().rev() {
        above = owner.or(above);
        *owner = above;
    }
    // Only the last of them are left.
    let below = own.iter().rev().flatten().next().copied().unwrap_or(first);
    own.into_iter().map(|owner| owner.unwrap_or(below)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        format!("{n:040x}").parse().unwrap()
    }

    fn piece(name: usize, commits: Range<u8>, base: Option<u8>) -> Piece {
        let places = commits.map(|n| Place { commit: id(n), time: i64::from(n) }).collect();
        Piece { name, places, base: base.map(id) }
    }

    /// Three refs: the first shows 1 to 9, the second what the first shows up to 5 and 11 to 13, the third what the
    /// second shows up to 12, and 21.
    fn pieces() -> [Piece; 3] {
        [piece(0, 1..10, None), piece(1, 11..14, Some(5)), piece(2, 21..22, Some(12))]
    }

    /// The runs: the ref, and the last byte of its commits.
    fn of(moves: &[(usize, u8, u8)], records: &[(u8, i64, usize)]) -> Vec<(usize, Vec<u8>)> {
        let moves: Vec<_> = moves.iter().map(|&(name, old, new)| (name, id(old), id(new))).collect();
        let mut by_commit: HashMap<ObjectId, Vec<(i64, usize)>> = HashMap::new();
        records.iter().for_each(|&(commit, at, name)| by_commit.entry(id(commit)).or_default().push((at, name)));
        let found = runs(&pieces(), &Evidence { moves: &moves, records: &by_commit });
        let last = |place: &Place| place.time as u8;
        found.iter().map(|run| (run.name, run.places.iter().map(last).collect())).collect()
    }

    #[test]
    fn without_evidence_what_several_show_is_of_the_first_of_them() {
        assert_eq!(of(&[], &[]), [(0, (1..10).collect()), (1, vec![11, 12, 13]), (2, vec![21])]);
    }

    #[test]
    fn what_landed_on_a_ref_stays_there_whatever_is_cut_from_it() {
        // 11 and 12 landed on the third, and the second was cut from it.
        let expected = [(0, (1..10).collect()), (2, vec![11, 12, 21]), (1, vec![13])];
        assert_eq!(of(&[(2, 5, 11), (2, 11, 12), (1, 0, 12), (1, 12, 13)], &[]), expected);
        assert_eq!(of(&[(2, 11, 12)], &[]), expected, "what no line is about is of the ref of those next to it");
        assert_eq!(of(&[], &[(12, 500, 1), (11, 400, 2)]), expected, "without a log, by the earlier record");
        assert_eq!(of(&[(1, 5, 12)], &[(11, 400, 2)])[1], (1, vec![11, 12, 13]), "the log is the better evidence");
        assert_eq!(of(&[(2, 0, 5), (1, 0, 12)], &[])[1..], expected[1..], "11 was there when the second was created");
    }

    #[test]
    fn what_is_moved_over_from_elsewhere_or_created_did_not_land_by_that() {
        for moves in [[(2, 0, 12)], [(2, 99, 12)], [(2, 9, 12)], [(2, 13, 12)]] {
            assert_eq!(of(&moves, &[])[1], (1, vec![11, 12, 13]), "{moves:?}");
        }
    }

    #[test]
    fn a_run_has_no_gap_and_each_commit_is_in_one() {
        // The first was moved to what landed on the second, and went on; the second followed it later.
        let moves = [(1, 2, 4), (0, 2, 4), (0, 4, 5), (1, 4, 5), (1, 5, 12)];
        assert_eq!(of(&moves, &[(2, 400, 0)])[..2], [(0, vec![1, 2]), (1, vec![3, 4])]);
        let all = of(&moves, &[]);
        let ends = [(0, (5..10).collect()), (1, vec![11, 12, 13]), (2, vec![21])];
        assert_eq!(all, [&[(1, vec![1, 2, 3, 4])], &ends[..]].concat());
    }
}
