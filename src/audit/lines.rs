//! What of each ref's line belongs to it: what landed on it by a move of its own. The rest it has from another ref,
//! which showed it first and which it was created from; there it is listed. Pure.
//!
//! The guarantee: each commit that a ref shows is listed for that ref, unless the gate let the ref begin with it, or
//! the ref showed it before the log; then it is listed for another ref that showed it before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::forest::Forest;
use super::moves::{Move, Sighting};
use crate::change::ObjectId;

/// One line: what a ref shows, or what it once showed.
pub struct Line<'l> {
    /// The index of its ref.
    pub name: usize,
    pub moves: &'l [Move<'l>],
    /// Where the log saw the ref, in its order.
    pub seen: Vec<Sighting>,
    /// The number of commits that the ref showed before the log's first line about it, as far as that is known.
    pub before: usize,
}

/// How a ref got its commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// By this move of the log, by its index.
    By(usize),
    /// By a move that made the ref begin with what another ref showed.
    Inherited,
    /// Before the log, or there is none.
    Before,
    /// The log should tell, and does not.
    Past,
}

/// Consecutive places of a line that belong to its ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub line: usize,
    pub places: Range<usize>,
    /// How they came, from the bottom.
    pub came: Vec<(Range<usize>, Came)>,
}

/// What is known besides the moves.
pub struct Evidence<'e> {
    /// Whether a policy protected a ref, given by its index, when a move landed.
    pub was_protected: &'e dyn Fn(usize, &Move<'_>) -> bool,
    /// Approvals: when, for which ref, and from which commit to which they lead.
    pub approvals: &'e [(i64, usize, ObjectId, ObjectId)],
    /// The ref from which the others are taken to be cut, if nothing says anything else.
    pub first: Option<usize>,
    /// What landed later must not change a report up to this time.
    pub until: Option<i64>,
}

/// What belongs to each line, from the bottom. Of several lines of one ref, what the first of them shows is left out of
/// the others.
pub fn runs(forest: &Forest, lines: &[Line<'_>], evidence: &Evidence<'_>) -> Vec<Run> {
    let owners = owners_before(forest, lines, evidence);
    let of = |line: usize| {
        let spans = spans(forest, lines, evidence, line);
        let same = (0..line).filter(|other| lines[*other].name == lines[line].name);
        let above = same.map(|other| forest.shared(other, line)).max().unwrap_or(0);
        let own = spans.cut_at(above).cut_by(&owners, line, forest);
        let is_own = |(range, came): &(Range<usize>, Came)| match came {
            Came::Inherited => false,
            Came::Before => range.start >= above && owners.of(forest, line, range) == Some(lines[line].name),
            Came::By(_) | Came::Past => range.start >= above,
        };
        let mut runs: Vec<Run> = Vec::new();
        for (range, came) in own.all().filter(is_own) {
            match runs.last_mut().filter(|run| run.places.end == range.start) {
                Some(run) => {
                    run.places.end = range.end;
                    run.came.push((range, came));
                }
                None => runs.push(Run { line, places: range.clone(), came: vec![(range, came)] }),
            }
        }
        runs
    };
    (0..lines.len()).flat_map(of).collect()
}

/// How each place of a line came, the first time that its ref showed it.
fn spans(forest: &Forest, lines: &[Line<'_>], evidence: &Evidence<'_>, line: usize) -> Spans {
    let (own, mut spans, height) = (&lines[line], Spans::default(), forest.height(line));
    let shared = |commit: Option<ObjectId>| commit.and_then(|commit| forest.meets(line, commit)).map_or(0, |own| own.0);
    spans.fill(0..own.before.min(height), Came::Before);
    let mut seen = own.seen.iter().peekable();
    if own.before == 0 && seen.peek().is_none_or(|first| first.commit.is_some()) {
        // It was created past the gate, which is told of the ref. Of its commits, what others had is listed there.
        let until = seen.peek().map_or(u64::MAX, |first| first.seq);
        spans.fill(0..shown_until(forest, lines, evidence, line, until), Came::Inherited);
    }
    for (at, one) in own.moves.iter().enumerate().filter(|(_, one)| one.has_landed()) {
        // What the ref was seen to show before this move came by no move that is known.
        while let Some(before) = seen.next_if(|seen| seen.seq < one.head.seq) {
            spans.fill(0..shared(before.commit), Came::Past);
        }
        spans.fill(0..shared(one.old), Came::Past);
        let (Some(new), end) = (one.new, shared(one.new)) else { continue };
        let asked_for_nothing = one.is_allowed() && one.moved.records.is_empty();
        if asked_for_nothing || !one.old.is_some_and(|old| forest.leads(old, new)) {
            // The gate asks for the approval of what no protected ref showed; the rest is there already.
            let shown = shown_before(forest, lines, evidence, line, at).min(end);
            spans.fill(0..shown, Came::Inherited);
        }
        spans.fill(0..end, Came::By(at));
    }
    seen.for_each(|seen| spans.fill(0..shared(seen.commit), Came::Past));
    spans.fill(0..height, Came::Past);
    spans
}

/// How many commits of a line other protected refs showed before a move of it, by what the gate let through or its
/// operator recorded.
fn shown_before(forest: &Forest, lines: &[Line<'_>], evidence: &Evidence<'_>, line: usize, at: usize) -> usize {
    let own = &lines[line].moves[at];
    let of = |(other, theirs): (usize, &Line<'_>)| {
        let common = forest.shared(line, other);
        if theirs.name == lines[line].name || common == 0 || !(evidence.was_protected)(theirs.name, own) {
            return 0;
        }
        let shared = |commit: Option<ObjectId>| commit.and_then(|commit| forest.meets(other, commit)).map(|own| own.0);
        // Of one push, refs that exist are judged before those that it creates, and each after those before it.
        let order = |one: &Move<'_>| (one.head.seq, one.creates(), one.position());
        let is_earlier = |one: &&Move<'_>| order(one) < order(own);
        let moves = theirs.moves.iter().filter(is_earlier).filter(|one| one.has_landed() && one.is_allowed());
        let moves = moves.filter(|one| (evidence.was_protected)(theirs.name, one)).map(|one| one.new);
        let recorded = theirs.seen.iter().filter(|seen| seen.is_recorded && seen.seq < own.head.seq);
        let ends = moves.chain(recorded.map(|seen| seen.commit)).filter_map(shared);
        common.min(ends.max().unwrap_or(0).max(theirs.before))
    };
    lines.iter().enumerate().map(of).max().unwrap_or(0)
}

/// How many commits of a line other refs showed before a line of the log, by what the gate let through.
fn shown_until(forest: &Forest, lines: &[Line<'_>], evidence: &Evidence<'_>, line: usize, until: u64) -> usize {
    let of = |(other, theirs): (usize, &Line<'_>)| {
        if theirs.name == lines[line].name {
            return 0;
        }
        let is_before = |one: &&Move<'_>| one.head.seq < until && evidence.until.is_none_or(|until| one.at() <= until);
        let moves = theirs.moves.iter().filter(is_before).filter(|one| one.has_landed() && one.is_allowed());
        let moves = moves.filter(|one| (evidence.was_protected)(theirs.name, one));
        let ends = moves.filter_map(|one| Some(forest.meets(other, one.new?)?.0));
        forest.shared(line, other).min(ends.max().unwrap_or(0).max(theirs.before))
    };
    lines.iter().enumerate().map(of).max().unwrap_or(0)
}

/// To which ref what several showed before the log belongs.
struct Owners<'o> {
    lines: &'o [Line<'o>],
    first: Option<usize>,
    /// The earliest approval of each commit, by the ref for which it is.
    approved: HashMap<ObjectId, (i64, usize)>,
}

fn owners_before<'o>(forest: &Forest, lines: &'o [Line<'o>], evidence: &Evidence<'o>) -> Owners<'o> {
    let mut approved: HashMap<ObjectId, (i64, usize)> = HashMap::new();
    for &(at, name, from, to) in evidence.approvals {
        for (line, _) in lines.iter().enumerate().filter(|(_, line)| line.name == name) {
            let Some((start, true)) = forest.meets(line, from) else { continue };
            // What landed by a merge or a squash has no approval of its own commit: it is at least above its base.
            let end = match forest.meets(line, to) {
                Some((end, true)) => end,
                _ => start + 1,
            };
            let above = forest.places(line, start..end);
            above.for_each(|place| _ = approved.entry(place.commit).or_insert((at, name)));
        }
    }
    Owners { lines, first: evidence.first, approved }
}

impl Owners<'_> {
    /// The ref to which places of a line belong that the same refs show.
    fn of(&self, forest: &Forest, line: usize, places: &Range<usize>) -> Option<usize> {
        let at = places.start;
        let shows = |(other, theirs): &(usize, &Line<'_>)| theirs.before > at && forest.shared(line, *other) > at;
        let refs: BTreeSet<usize> =
            self.lines.iter().enumerate().filter(shows).map(|(_, theirs)| theirs.name).collect();
        if let Some(first) = self.first.filter(|first| refs.contains(first)) {
            return Some(first);
        }
        let approved = || {
            let all = forest.places(line, places.clone()).filter_map(|place| self.approved.get(&place.commit));
            all.filter(|(_, name)| refs.contains(name)).min().map(|(_, name)| *name)
        };
        (refs.len() > 1).then(approved).flatten().or_else(|| refs.first().copied())
    }

    /// The places of a line at which the owner may change. What the first ref has is all its own; so the many tags on
    /// it have none.
    fn borders(&self, forest: &Forest, line: usize) -> BTreeSet<usize> {
        let of_first = self.lines.iter().enumerate().filter(|(_, theirs)| Some(theirs.name) == self.first);
        let low = of_first.map(|(other, theirs)| forest.shared(line, other).min(theirs.before)).max().unwrap_or(0);
        if low >= self.lines[line].before {
            return BTreeSet::new();
        }
        let others = (0..self.lines.len()).filter(|other| forest.shared(line, *other) > low);
        let borders = others.flat_map(|other| [forest.shared(line, other), self.lines[other].before]);
        borders.chain([low]).filter(|border| *border >= low).collect()
    }
}

/// Ranges of places without overlap, each with how it came.
#[derive(Debug, Default)]
struct Spans(BTreeMap<usize, (usize, Came)>);

impl Spans {
    /// Says how places came of which that is not known yet.
    fn fill(&mut self, range: Range<usize>, came: Came) {
        let below = self.0.range(..range.start).next_back().map_or(0, |(_, (end, _))| *end);
        let mut at = range.start.max(below);
        let within: Vec<(usize, usize)> = self
            .0
            .range(range.start..)
            .map(|(start, (end, _))| (*start, *end))
            .take_while(|(s, _)| *s < range.end)
            .collect();
        for (start, end) in within {
            if at < start {
                self.0.insert(at, (start, came));
            }
            at = at.max(end);
        }
        if at < range.end {
            self.0.insert(at, (range.end, came));
        }
    }

    fn all(&self) -> impl Iterator<Item = (Range<usize>, Came)> {
        self.0.iter().map(|(start, (end, came))| (*start..*end, *came))
    }

    /// The same with no span over a place.
    fn cut_at(mut self, place: usize) -> Spans {
        let over = self.0.range(..place).next_back().map(|(start, (end, came))| (*start, *end, *came));
        if let Some((start, end, came)) = over.filter(|(_, end, _)| *end > place) {
            self.0.insert(start, (place, came));
            self.0.insert(place, (end, came));
        }
        self
    }

    /// The same with what came before the log cut where its owner may change.
    fn cut_by(self, owners: &Owners<'_>, line: usize, forest: &Forest) -> Spans {
        if self.all().all(|(_, came)| came != Came::Before) {
            return self;
        }
        owners.borders(forest, line).into_iter().fold(self, Spans::cut_at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::forest::Piece;
    use super::super::line::Place;
    use super::super::moves::Moves;
    use super::super::moves::tests::{entry, id};
    use super::*;
    use crate::gate::AuditHead;
    use crate::gate_state::Entry;

    fn piece(commits: Range<u8>, base: Option<u8>) -> Piece {
        let places = commits.map(|n| Place { commit: id(n), time: i64::from(n) }).collect();
        Piece { places, base: base.map(id) }
    }

    /// The refs `main`, with 1 to 9; `a`, with 1 to 5 and 11 to 13; `b`, with `a` up to 12, and 21.
    fn forest() -> Forest {
        let mut forest = Forest::default();
        for piece in [piece(1..10, None), piece(11..14, Some(5)), piece(21..22, Some(12))] {
            forest.add(piece);
        }
        forest
    }

    const TIPS: [(&str, u8); 3] = [("main", 9), ("a", 13), ("b", 21)];

    /// What belongs to each ref, by the byte of the commits, and whether the log told of it.
    fn of(log: &[(Entry, AuditHead)], before: [usize; 3], approvals: &[(i64, usize, u8, u8)]) -> Vec<(usize, Vec<u8>)> {
        let forest = forest();
        let tip = |name: &str| TIPS.iter().find(|(own, _)| *own == name).map(|(_, tip)| id(*tip));
        let moves = Moves::of(log, Some, tip, |_, _| false);
        let line = |name: usize| {
            let (moves, seen) = (moves.of_ref(TIPS[name].0), moves.sightings(TIPS[name].0).collect());
            Line { name, moves, seen, before: before[name] }
        };
        let lines = [line(0), line(1), line(2)];
        let approvals: Vec<_> = approvals.iter().map(|&(at, name, from, to)| (at, name, id(from), id(to))).collect();
        let evidence = Evidence { was_protected: &|_, _| true, approvals: &approvals, first: Some(0), until: None };
        let own = |run: &Run| {
            let places = forest.places(run.line, run.places.clone());
            (run.line, places.map(|place| place.commit.0[0]).collect())
        };
        runs(&forest, &lines, &evidence).iter().map(own).collect()
    }

    const ALL: [usize; 3] = [usize::MAX; 3];

    #[test]
    fn without_a_log_what_several_show_is_of_the_first_or_of_the_one_for_which_it_was_approved_first() {
        assert_eq!(of(&[], ALL, &[]), [(0, (1..10).collect()), (1, vec![11, 12, 13]), (2, vec![21])]);
        let by_records = [(0, (1..10).collect()), (1, vec![13]), (2, vec![11, 12, 21])];
        assert_eq!(of(&[], ALL, &[(400, 2, 5, 12), (500, 1, 5, 12)]), by_records);
        let squashed = of(&[], ALL, &[(400, 2, 5, 99), (500, 1, 5, 12)]);
        assert_eq!(squashed, by_records, "the base alone is on the line");
        let above = of(&[], ALL, &[(400, 1, 2, 5), (500, 2, 5, 12)]);
        assert_eq!(above, by_records, "an approval of what is below says nothing of what is above");
        assert_eq!(of(&[], ALL, &[(400, 2, 1, 3)])[0], (0, (1..10).collect()), "no ref takes anything from the first");
    }

    #[test]
    fn what_a_ref_is_created_with_is_of_the_one_that_showed_it_before() {
        let log = [
            entry(1, "allow", "a", 5, 11),
            entry(2, "allow", "a", 11, 12),
            entry(3, "allow", "b", 0, 12),
            entry(4, "allow", "b", 12, 21),
            entry(5, "allow", "a", 12, 13),
        ];
        let before = [9, 5, 0];
        assert_eq!(of(&log, before, &[]), [(0, (1..10).collect()), (1, vec![11, 12, 13]), (2, vec![21])]);
        // Nothing says that another ref showed 12 before: it landed on both.
        assert_eq!(of(&log[2..4], [9, 5, 0], &[])[1..], [(1, vec![11, 12, 13]), (2, vec![11, 12, 21])]);
        // It was created when the other was at 11.
        let early = [log[0].clone(), entry(2, "allow", "b", 0, 12), entry(3, "allow", "a", 11, 12)];
        assert_eq!(of(&early, before, &[])[1..], [(1, vec![11, 12, 13]), (2, vec![12, 21])]);
    }

    #[test]
    fn what_landed_on_two_refs_is_listed_for_both() {
        let log = [entry(1, "allow", "a", 5, 12), entry(2, "allow", "b", 5, 12), entry(3, "allow", "b", 12, 21)];
        assert_eq!(of(&log, [9, 5, 5], &[])[1..], [(1, vec![11, 12, 13]), (2, vec![11, 12, 21])]);
        // Approved for the one, refused on the other, and put there past the gate.
        let refused = [entry(1, "deny", "a", 5, 13), entry(2, "allow", "b", 5, 12)];
        assert_eq!(of(&refused, [9, 5, 5], &[])[1], (1, vec![11, 12, 13]));
    }

    #[test]
    fn a_ref_that_is_created_past_the_gate_has_what_no_other_has() {
        assert_eq!(of(&[], [9, 0, 0], &[])[1..], [(1, vec![11, 12, 13]), (2, vec![11, 12, 21])]);
        assert_eq!(of(&[], [9, 8, 0], &[])[1..], [(1, vec![11, 12, 13]), (2, vec![21])]);
        assert_eq!(of(&[], [0, 0, 0], &[])[0], (0, (1..10).collect()));
    }

    #[test]
    fn gaps_are_filled_and_nothing_twice() {
        let mut spans = Spans::default();
        spans.fill(3..5, Came::By(0));
        spans.fill(7..9, Came::By(1));
        spans.fill(4..8, Came::Inherited);
        spans.fill(0..10, Came::Past);
        let all: Vec<_> = spans.cut_at(2).all().collect();
        let expected = [
            (0..2, Came::Past),
            (2..3, Came::Past),
            (3..5, Came::By(0)),
            (5..7, Came::Inherited),
            (7..9, Came::By(1)),
            (9..10, Came::Past),
        ];
        assert_eq!(all, expected);
    }
}
