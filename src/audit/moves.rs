//! What the gate's log tells about each ref: the moves that it judged, which of them it saw to have landed, and where
//! the ref was. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::change::ObjectId;
use crate::gate::{AuditHead, CLOCK_SKEW, Decided};
use crate::gate_state::{Entry, EntryRef, LANDED, PROBE, RECORDED};

/// Seconds for which refs may still be about to move after the gate allowed it. A verdict that comes later than that is
/// preceded by the line of what landed.
const RACE: i64 = 120;

/// One verdict on a move of a ref.
#[derive(Debug, Clone, Copy)]
pub struct Move<'l> {
    pub entry: &'l Entry,
    pub head: &'l AuditHead,
    pub moved: &'l EntryRef,
    /// The commits that it leads from and to; none for zeros, and for what is not here.
    pub old: Option<ObjectId>,
    pub new: Option<ObjectId>,
    /// The line that saw it land.
    pub landed: Option<u64>,
    /// The ref was seen at its end: by that line, or because the next move leads from there, or because it is there.
    pub is_seen: bool,
    /// No line after it has an earlier time than this, which is before its own if the gate's clock was wrong.
    pub not_before: i64,
}

impl Move<'_> {
    pub fn at(&self) -> i64 {
        self.entry.at
    }

    /// The gate allowed it.
    pub fn is_allowed(&self) -> bool {
        // A push is let through as a whole or not at all.
        self.entry.outcome == Decided::Allow.name()
    }

    /// The gate stopped nothing, and the ref was seen at its end.
    pub fn has_landed(&self) -> bool {
        self.entry.let_through() && self.is_seen
    }

    pub fn creates(&self) -> bool {
        is_zero(&self.moved.old)
    }

    /// Its place in the push.
    pub fn position(&self) -> usize {
        self.entry.refs.iter().position(|own| std::ptr::eq(own, self.moved)).unwrap_or(usize::MAX)
    }

    pub fn deletes(&self) -> bool {
        is_zero(&self.moved.new)
    }
}

fn is_zero(id: &str) -> bool {
    id.parse::<ObjectId>().is_ok_and(|id| id.is_zero())
}

/// A commit at which the log saw a ref, or none: then the ref was not there.
#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    pub seq: u64,
    pub at: i64,
    pub not_before: i64,
    pub commit: Option<ObjectId>,
    /// An operator recorded what the ref shows.
    pub is_recorded: bool,
}

/// The moves of all refs, each in the order of the log.
#[derive(Debug, Default)]
pub struct Moves<'l> {
    by_ref: BTreeMap<&'l str, Vec<Move<'l>>>,
    recorded: BTreeMap<&'l str, Vec<Sighting>>,
    /// The line by which an operator first recorded what refs show: all protected ones.
    pub first_record: Option<&'l Entry>,
    /// When the log begins; none if there is no log.
    pub begins: Option<i64>,
}

impl<'l> Moves<'l> {
    /// `commit` finds the commit that an id stands for, if it is here; `tip` the one that a ref shows now; `is_on` says
    /// whether it is on its line.
    pub fn of(
        log: &'l [(Entry, AuditHead)],
        commit: impl Fn(ObjectId) -> Option<ObjectId>,
        tip: impl Fn(&str) -> Option<ObjectId>,
        is_on: impl Fn(&str, ObjectId) -> bool,
    ) -> Moves<'l> {
        let not_before = earliest_since(log);
        // Only a gate that is asked before a ref moves writes what landed: git asked it when it was installed.
        let is_asked_before = |moved: &EntryRef| moved.outcome == LANDED || moved.name == PROBE;
        let tells_landings = log.iter().any(|(entry, _)| entry.refs.iter().any(is_asked_before));
        let verdicts = log.iter().map(|(entry, _)| entry).filter(|entry| is_verdict(entry) && !entry.proposal);
        let last_verdict = verdicts.map(|entry| entry.at).max();
        let mut known: HashMap<&str, Option<ObjectId>> = HashMap::new();
        let mut find = |text: &'l str| {
            let of = || text.parse().ok().filter(|id: &ObjectId| !id.is_zero()).and_then(&commit);
            *known.entry(text).or_insert_with(of)
        };
        let mut by_ref: BTreeMap<&str, Vec<Move<'_>>> = BTreeMap::new();
        let mut recorded: BTreeMap<&str, Vec<Sighting>> = BTreeMap::new();
        let mut first_record: Option<&Entry> = None;
        // The last move of a ref to an id that was not seen to have landed yet.
        let mut waiting: HashMap<(&str, &str), usize> = HashMap::new();
        let pushed = log.iter().zip(not_before).filter(|((entry, _), _)| !entry.proposal);
        let of = |((entry, head), before): (&'l (Entry, AuditHead), i64)| {
            entry.refs.iter().map(move |own| (entry, head, own, before))
        };
        let all = pushed.flat_map(of);
        for (entry, head, moved, not_before) in all {
            let (old, new) = (find(&moved.old), find(&moved.new));
            if moved.outcome == RECORDED {
                first_record.get_or_insert(entry);
                let (seq, at, commit) = (head.seq, entry.at, new);
                let seen = Sighting { seq, at, not_before, commit, is_recorded: true };
                recorded.entry(&*moved.name).or_default().push(seen);
                continue;
            }
            let own = by_ref.entry(&moved.name).or_default();
            let is_landed = moved.outcome == LANDED;
            let before = if is_landed { &moved.new } else { &moved.old };
            // What git says about where a ref is was true, if the gate let it move from there.
            if (is_landed || entry.let_through())
                && let Some(at) = waiting.remove(&(&moved.name, before))
            {
                own[at].is_seen = true;
                own[at].landed = is_landed.then_some(head.seq).or(own[at].landed);
            }
            if is_landed {
                continue;
            }
            if entry.let_through() {
                waiting.insert((&moved.name, &moved.new), own.len());
            }
            // Of what a gate only reported, it never says that it landed.
            let is_told = tells_landings && entry.outcome == Decided::Allow.name();
            let is_seen = entry.let_through() && !is_told && new.is_some_and(|new| is_on(&moved.name, new));
            own.push(Move { entry, head, moved, old, new, landed: None, is_seen, not_before });
        }
        for ((name, _), at) in waiting {
            let own = by_ref.entry(name).or_default();
            // Any later verdict would have been preceded by the line that it landed.
            let is_told = tells_landings && own[at].entry.outcome == Decided::Allow.name();
            let judged_since = is_told && last_verdict.is_some_and(|last| last > own[at].at().saturating_add(RACE));
            own[at].is_seen |= !judged_since && own[at].new.is_some() && own[at].new == tip(name);
        }
        Moves { by_ref, recorded, first_record, begins: log.iter().map(|(entry, _)| entry.at).min() }
    }

    /// The moves of a ref.
    pub fn of_ref(&self, name: &str) -> &[Move<'l>] {
        self.by_ref.get(name).map_or(&[], Vec::as_slice)
    }

    /// Where the log saw a ref, the earliest first: before and after each move that landed, and what was recorded.
    pub fn sightings(&self, name: &str) -> impl Iterator<Item = Sighting> {
        let of = |one: &Move<'l>| {
            let (seq, at, not_before) = (one.head.seq, one.at(), one.not_before);
            [one.old, one.new].map(|commit| Sighting { seq, at, not_before, commit, is_recorded: false })
        };
        let landed = self.of_ref(name).iter().filter(|one| one.has_landed()).flat_map(of);
        let recorded = self.recorded.get(name).into_iter().flatten().copied();
        let mut all: Vec<Sighting> = landed.chain(recorded).collect();
        all.sort_by_key(|seen| seen.seq);
        all.into_iter()
    }

    /// Where the log saw a ref first.
    pub fn first(&self, name: &str) -> Option<Sighting> {
        self.sightings(name).next()
    }

    /// The refs that the log saw.
    pub fn names(&self) -> BTreeSet<&'l str> {
        self.by_ref.keys().chain(self.recorded.keys()).copied().collect()
    }

    /// The refs that the log names, with their moves.
    pub fn refs(&self) -> impl Iterator<Item = (&'l str, &[Move<'l>])> {
        self.by_ref.iter().map(|(name, moves)| (*name, moves.as_slice()))
    }
}

/// Whether a line is a verdict, and neither what landed nor what an operator did.
pub fn is_verdict(entry: &Entry) -> bool {
    entry.note.is_none() && entry.refs.iter().any(|moved| moved.outcome != LANDED && moved.outcome != RECORDED)
}

/// For each line, the earliest time of it and all later ones that the gate's clock was trusted at.
fn earliest_since(log: &[(Entry, AuditHead)]) -> Vec<i64> {
    let mut earliest = i64::MAX;
    let mut all: Vec<i64> = log
        .iter()
        .rev()
        .map(|(entry, _)| {
            if is_trusted(entry) {
                earliest = earliest.min(entry.at);
            }
            entry.at.min(earliest)
        })
        .collect();
    all.reverse();
    all
}

/// A gate whose clock goes back judges nothing, and says so with that clock.
fn is_trusted(entry: &Entry) -> bool {
    entry.let_through() || entry.note.is_some()
}

/// Lines whose time is after that of a later line: the first and the last in a row, the time of the first, and the
/// earlier time that follows.
pub fn misdated(log: &[(Entry, AuditHead)]) -> Vec<(u64, u64, i64, i64)> {
    let mut found: Vec<(u64, u64, i64, i64)> = Vec::new();
    for ((entry, head), earliest) in log.iter().zip(earliest_since(log)) {
        if entry.at <= earliest.saturating_add(CLOCK_SKEW) {
            continue;
        }
        match found.last_mut().filter(|(_, last, _, before)| last + 1 == head.seq && *before == earliest) {
            Some((_, last, ..)) => *last = head.seq,
            None => found.push((head.seq, head.seq, entry.at, earliest)),
        }
    }
    found
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn id(n: u8) -> ObjectId {
        ObjectId([n; 20])
    }

    /// A line of a log about one ref: from where, to where, by the byte of their ids; 0 is nowhere.
    pub fn entry(seq: u64, outcome: &str, name: &str, old: u8, new: u8) -> (Entry, AuditHead) {
        let moved = EntryRef {
            name: name.into(),
            old: if outcome == LANDED { String::new() } else { id(old).to_string() },
            new: id(new).to_string(),
            outcome: outcome.trim_start_matches("report ").into(),
            reasons: Vec::new(),
            records: vec![format!("r{seq}")],
            why: Vec::new(),
        };
        let entry = Entry {
            seq,
            prev: String::new(),
            at: seq as i64 * 1_000,
            pusher: None,
            outcome: outcome.trim_start_matches("report ").into(),
            enforced: !outcome.starts_with("report "),
            policy: None,
            organization: None,
            refs: vec![moved],
            proposal: false,
            cut: None,
            missing: None,
            note: None,
            host: None,
        };
        (entry, AuditHead { seq, digest: format!("d{seq}") })
    }

    fn seen(log: &[(Entry, AuditHead)], tip: u8) -> Vec<(u64, bool)> {
        let moves = Moves::of(log, Some, |_| Some(id(tip)), |_, _| true);
        moves.of_ref("main").iter().map(|one| (one.head.seq, one.has_landed())).collect()
    }

    #[test]
    fn what_was_allowed_and_never_landed_is_no_landing() {
        let log = [
            entry(1, "allow", "main", 0, 1),
            entry(2, LANDED, "main", 0, 1),
            entry(3, "allow", "main", 1, 2),
            entry(4, "allow", "main", 1, 3),
            entry(5, "allow", "main", 3, 4),
            entry(6, "allow", "main", 4, 5),
        ];
        assert_eq!(seen(&log, 5), [(1, true), (3, false), (4, true), (5, true), (6, true)]);
        assert_eq!(seen(&log, 6), [(1, true), (3, false), (4, true), (5, true), (6, false)]);
        let mut proposed = log.clone();
        proposed[5].0.proposal = true;
        assert_eq!(seen(&proposed, 5).len(), 4, "a proposal moves nothing");
    }

    #[test]
    fn of_the_same_push_tried_again_the_last_before_it_landed_counts() {
        let log = [
            entry(1, "allow", "main", 9, 1),
            entry(2, "allow", "main", 9, 1),
            entry(3, LANDED, "main", 0, 1),
            entry(4, "allow", "main", 9, 1),
        ];
        assert_eq!(seen(&log, 7), [(1, false), (2, true), (4, false)]);
    }

    #[test]
    fn a_refusal_is_no_landing_unless_the_gate_only_reported() {
        let log = [entry(1, "deny", "main", 0, 1), entry(2, "report deny", "main", 1, 2), entry(3, LANDED, "x", 0, 1)];
        assert_eq!(seen(&log, 2), [(1, false), (2, true)]);
    }

    #[test]
    fn a_line_that_is_dated_after_a_later_one_is_told_and_may_be_as_old_as_that() {
        let mut log = [1, 2, 3, 4, 5].map(|seq| entry(seq, "allow", "main", seq as u8 - 1, seq as u8));
        log[1].0.at = 9_000_000;
        log[2].0.at = 9_000_100;
        assert_eq!(misdated(&log), [(2, 3, 9_000_000, 4_000)]);
        let moves = Moves::of(&log, Some, |_| None, |_, _| true);
        let not_before: Vec<i64> = moves.of_ref("main").iter().map(|one| one.not_before).collect();
        assert_eq!(not_before, [1_000, 4_000, 4_000, 4_000, 5_000]);
    }
}
