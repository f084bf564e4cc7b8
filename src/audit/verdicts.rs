//! By which line of the gate's log each step of a ref landed. Pure.

use std::collections::HashMap;

use super::report::{Shown, Time, Verdict};
use crate::gate::{AuditHead, Decided};
use crate::gate_state::{Entry, EntryRef, LANDED};

/// Where an object of the log is, relative to the line of a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// At this place of the line, from 0.
    On(usize),
    /// Below its first place, or nowhere yet: zeros.
    Below,
    Elsewhere,
}

/// What the log says about one ref.
#[derive(Debug, Default)]
pub struct Verdicts {
    verdicts: Vec<Verdict>,
    /// For each verdict, the ids of the records that it is based on, and its policy.
    rests: Vec<(Vec<String>, Option<String>)>,
    /// For each verdict, the place at which its move starts.
    starts: Vec<usize>,
    /// For each place, the index of its verdict.
    by_place: Vec<Option<usize>>,
    /// The log knows the ref from this place on.
    floor: usize,
    /// When it last was below its first place, according to the log.
    pub below: Option<i64>,
    /// What was seen to have landed, and is no longer on the line.
    pub gone: Vec<(String, Verdict)>,
}

/// A verdict on a move of the ref.
struct Move {
    start: usize,
    end: usize,
    verdict: usize,
}

impl Verdicts {
    pub fn of(log: &[(Entry, AuditHead)], name: &str, places: usize, find: impl Fn(&str) -> Whereabouts) -> Verdicts {
        let own = || {
            let moved = log.iter().flat_map(|(entry, head)| entry.refs.iter().map(move |moved| (entry, head, moved)));
            moved.filter(|(.., moved)| moved.name == name)
        };
        // The line that saw a verdict's move land: of several to one commit, the last before.
        let (mut waiting, mut landed): (HashMap<&str, u64>, HashMap<u64, u64>) = Default::default();
        for (entry, head, moved) in own() {
            if moved.outcome == LANDED {
                landed.extend(waiting.remove(&*moved.new).map(|line| (line, head.seq)));
            } else if entry.let_through() {
                waiting.insert(&moved.new, head.seq);
            }
        }
        let mut found = Verdicts { by_place: vec![None; places], floor: places, ..Verdicts::default() };
        let mut moves = Vec::new();
        // Where each move ends that was let through, and what it led from. A ref that is created anew, or moved over
        // from another line, was let through up to the highest of them before; a push that is tried again was not.
        let mut covered: Vec<(usize, &str, Option<u64>)> = Vec::new();
        for (entry, head, moved) in own().filter(|(.., moved)| moved.outcome != LANDED) {
            let verdict = verdict(entry, head, moved, landed.get(&head.seq).copied());
            let end = match find(&moved.new) {
                Whereabouts::On(end) => end,
                Whereabouts::Elsewhere => {
                    found.gone.extend(verdict.landed.is_some().then(|| (moved.new.clone(), verdict)));
                    continue;
                }
                Whereabouts::Below => {
                    let is_deleted = moved.new.bytes().all(|digit| digit == b'0');
                    if verdict.let_through() && !is_deleted {
                        // It was cut from another ref: all of its own came later.
                        (found.floor, found.below) = (0, found.below.max(Some(entry.at)));
                    }
                    continue;
                }
            };
            let start = match find(&moved.old) {
                Whereabouts::On(old) => old + 1,
                Whereabouts::Below | Whereabouts::Elsewhere => {
                    let is_before = |(_, old, landed): &&(usize, &str, Option<u64>)| {
                        landed.is_some_and(|line| line < head.seq) || *old != moved.old
                    };
                    covered.iter().filter(is_before).map(|(end, ..)| end + 1).max().unwrap_or(0)
                }
            };
            if start > end {
                // It leads back, or nowhere: nothing landed by it, whatever the gate said.
                continue;
            }
            if verdict.let_through() {
                covered.push((end, &moved.old, verdict.landed));
            }
            found.floor = found.floor.min(start);
            moves.push(Move { start, end, verdict: found.verdicts.len() });
            found.starts.push(start);
            found.verdicts.push(verdict);
            found.rests.push((moved.records.clone(), entry.policy.clone()));
        }
        // First what was seen to land, then what was let through. What was only refused landed past the gate.
        for has_landed in [true, false] {
            found.cover(&moves, |verdict| verdict.is_allowed() && verdict.landed.is_some() == has_landed);
            found.cover(&moves, |verdict| {
                verdict.let_through() && !verdict.is_allowed() && verdict.landed.is_some() == has_landed
            });
        }
        found.cover(&moves, |verdict| !verdict.let_through());
        found
    }

    /// Sets the verdict of places that have none. What was let through, but not seen to land, lost the race if any of
    /// it landed otherwise.
    fn cover(&mut self, moves: &[Move], is_meant: impl Fn(&Verdict) -> bool) {
        for one in moves.iter().filter(|one| is_meant(&self.verdicts[one.verdict])) {
            let verdict = &self.verdicts[one.verdict];
            let own = &mut self.by_place[one.start..=one.end];
            if verdict.let_through() && verdict.landed.is_none() && own.iter().any(Option::is_some) {
                continue;
            }
            own.iter_mut().for_each(|place| _ = place.get_or_insert(one.verdict));
        }
    }

    /// The verdict by which a place landed.
    pub fn at(&self, place: usize) -> Option<&Verdict> {
        self.by_place.get(place).copied().flatten().map(|at| &self.verdicts[at])
    }

    /// When a place landed, if a verdict let it through: a refusal tells nothing about that.
    pub fn told(&self, place: usize) -> Option<i64> {
        self.at(place).filter(|verdict| verdict.let_through()).map(|verdict| verdict.at.0)
    }

    /// The place at which the move of a place's verdict starts.
    pub fn start(&self, place: usize) -> Option<usize> {
        self.by_place.get(place).copied().flatten().map(|at| self.starts[at])
    }

    /// Whether places landed in one move by one verdict; none if no verdict covers any of them.
    pub fn are_one_move(&self, places: std::ops::Range<usize>) -> Option<bool> {
        let own = self.by_place.get(places)?;
        let is_covered = own.iter().any(Option::is_some);
        is_covered.then(|| own.iter().all(|one| *one == own[0]))
    }

    /// The ids of the records that its verdict is based on, and the policy of the verdict.
    pub fn rests(&self, place: usize) -> Option<&(Vec<String>, Option<String>)> {
        self.by_place.get(place).copied().flatten().map(|at| &self.rests[at])
    }

    /// Whether the log must contain a verdict on a place.
    pub fn knows(&self, place: usize) -> bool {
        place >= self.floor
    }
}

impl Verdict {
    pub fn is_allowed(&self) -> bool {
        self.outcome.as_str() == Decided::Allow.name()
    }

    /// Whether the gate stopped nothing: it allowed the push, or was only reporting.
    pub fn let_through(&self) -> bool {
        self.is_allowed() || !self.enforced
    }
}

fn verdict(entry: &Entry, head: &AuditHead, moved: &EntryRef, landed: Option<u64>) -> Verdict {
    // A push is let through as a whole or not at all.
    let outcome = if entry.outcome == Decided::Allow.name() { &moved.outcome } else { &entry.outcome };
    Verdict {
        line: head.seq,
        digest: head.digest.clone(),
        outcome: Shown::of(outcome),
        enforced: entry.enforced,
        at: Time(entry.at),
        pusher: entry.pusher.as_deref().map(Shown::of),
        reasons: moved.reasons.iter().map(|reason| Shown::of(reason)).collect(),
        landed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, outcome: &str, enforced: bool, old: &str, new: &str) -> (Entry, AuditHead) {
        let moved = EntryRef {
            name: "main".into(),
            old: old.into(),
            new: new.into(),
            outcome: outcome.into(),
            reasons: Vec::new(),
            records: vec![format!("r{seq}")],
        };
        let entry = Entry {
            seq,
            prev: String::new(),
            at: seq as i64,
            pusher: None,
            outcome: outcome.into(),
            enforced,
            policy: None,
            refs: vec![moved],
            cut: None,
            missing: None,
            note: None,
        };
        (entry, AuditHead { seq, digest: format!("d{seq}") })
    }

    /// A line of four places, `0` to `3`, above `base`.
    fn of(log: &[(Entry, AuditHead)]) -> Verdicts {
        Verdicts::of(log, "main", 4, |id| match id {
            "base" => Whereabouts::Below,
            _ => id.parse().map_or(Whereabouts::Elsewhere, Whereabouts::On),
        })
    }

    fn lines(verdicts: &Verdicts) -> Vec<Option<u64>> {
        (0..4).map(|place| verdicts.at(place).map(|verdict| verdict.line)).collect()
    }

    #[test]
    fn a_move_is_the_verdict_of_all_its_steps_and_what_no_move_covers_has_none() {
        let log = [entry(1, "allow", true, "base", "1"), entry(2, "allow", true, "2", "3")];
        let verdicts = of(&log);
        assert_eq!(lines(&verdicts), [Some(1), Some(1), None, Some(2)]);
        assert!(verdicts.knows(2));
        let late = of(&log[1..]);
        assert_eq!((lines(&late), late.knows(2), late.knows(3)), (vec![None, None, None, Some(2)], false, true));
    }

    #[test]
    fn a_move_that_leads_back_and_a_ref_that_is_made_anew_let_nothing_through() {
        let up = [entry(1, "allow", true, "base", "0"), entry(2, "allow", true, "1", "2")];
        let refused = [&up[..], &[entry(3, "deny", true, "2", "0")]].concat();
        assert_eq!(lines(&of(&refused)), [Some(1), None, Some(2), None]);
        let (back, gone) = (entry(3, "allow", true, "2", "0"), entry(3, "allow", true, "2", "gone"));
        for (first, second) in [
            (back, entry(4, "allow", true, "0", "0")),
            (gone.clone(), entry(4, "allow", true, "base", "3")),
            (gone, entry(4, "allow", true, "elsewhere", "3")),
        ] {
            let moved = second.0.refs[0].new == "3";
            let found = lines(&of(&[&up[..], &[first, second]].concat()));
            assert_eq!(found, [Some(1), None, Some(2), moved.then_some(4)], "what landed past the gate is not covered");
        }
    }

    #[test]
    fn a_refusal_counts_only_where_nothing_let_it_through() {
        let log = [entry(1, "deny", true, "base", "0"), entry(2, "allow", true, "base", "0")];
        assert_eq!(lines(&of(&log))[0], Some(2));
        assert_eq!(lines(&of(&log[..1]))[0], Some(1));
        let reported = [entry(1, "deny", true, "base", "0"), entry(2, "deny", false, "base", "0")];
        assert_eq!(lines(&of(&reported))[0], Some(2), "it landed while the gate only reported");
    }

    #[test]
    fn of_the_same_push_tried_again_the_last_before_it_landed_counts() {
        let log = [
            entry(1, "allow", true, "base", "0"),
            entry(2, "allow", true, "base", "0"),
            entry(3, LANDED, true, "", "0"),
            entry(4, "allow", true, "base", "0"),
        ];
        let verdicts = of(&log);
        assert_eq!(lines(&verdicts)[0], Some(2));
        assert_eq!(verdicts.at(0).unwrap().landed, Some(3));
    }

    #[test]
    fn what_landed_and_is_not_on_the_line_is_gone() {
        let log = [entry(1, "allow", true, "base", "other"), entry(2, LANDED, true, "", "other")];
        assert_eq!(of(&log).gone.len(), 1);
        assert_eq!(of(&log[..1]).gone.len(), 0, "it was let through and never landed");
    }
}
