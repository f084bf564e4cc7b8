//! What a gate promises. It looks at what refs show and at what was approved, and at nothing that a gate keeps or
//! computes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::world::*;

/// The kinds of promise; in the order of the letters A to F.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A ref that may only go forward moves from its tree to that tree plus deltas approved for it, each fitting
    /// exactly.
    Content,
    /// An approval lands once: its paths rested on all that the ref showed since the tip that it was signed on.
    Twice,
    /// A ref that is new, made again or rewritten shows a state plus deltas approved for it.
    State,
    /// All that a forward-only ref ever showed stays on its first-parent line.
    Line,
    /// A move that changes no content brings in only what somebody signed for, for this ref, or what protected refs
    /// have shown.
    Nobody,
    /// A host that lands a proposal, on the tip and by the method that were judged, makes the tip plus an approved
    /// delta.
    Proposal,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Content, Kind::Twice, Kind::State, Kind::Line, Kind::Nobody, Kind::Proposal];
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub kind: Kind,
    pub sentence: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BREAKS {:?}: {}", self.kind, self.sentence)
    }
}

pub struct Promise {
    /// The one kind that is asked about; all of them where none is given.
    only: Option<Kind>,
    /// What each ref showed, by what was let through, since it began.
    shown: BTreeMap<Ref, Vec<Id>>,
    /// As `shown` was before the last move of a ref, until the gate is asked again and what moved is still approved: a
    /// commit that is taken away behind it before that was never seen as let through.
    before: BTreeMap<Ref, Vec<Id>>,
    /// Trees that protected refs showed, or passed through by approved deltas on the way.
    good: BTreeSet<Tree>,
    /// What protected refs showed, with its ancestors.
    ever: Ids,
    /// From which place in `shown` on the paths of an approval must rest.
    since: BTreeMap<Approval, usize>,
}

impl Promise {
    pub fn new(only: Option<Kind>) -> Promise {
        Promise {
            only,
            shown: BTreeMap::new(),
            before: BTreeMap::new(),
            good: BTreeSet::new(),
            ever: 0,
            since: BTreeMap::new(),
        }
    }

    fn broken(&self, kind: Kind, sentence: String) -> Result<(), Broken> {
        if self.only.is_none_or(|only| only == kind) { Err(Broken { kind, sentence }) } else { Ok(()) }
    }

    /// A ref begins where it stands, by the word of an operator.
    pub fn begin(&mut self, world: &World, of: Ref, tip: Id) {
        self.before.remove(&of);
        self.shown.insert(of, vec![tip]);
        self.good.insert(world.real.tree(tip));
        self.ever |= world.real.above(tip);
        for (approval, since) in self.since.iter_mut().filter(|(approval, _)| approval.of == of) {
            *since = usize::from(approval.tip != tip);
        }
    }

    pub fn signed(&mut self, approval: Approval) {
        let shown = self.shown.get(&approval.of).map_or(&[][..], Vec::as_slice);
        let since = shown.iter().position(|&id| id == approval.tip).unwrap_or(shown.len());
        self.since.insert(approval, since);
    }

    /// The gate is asked, and sees what refs show now. What was put there behind the gate counts as let through, after
    /// the fact, if it was approved all the same; what landed and is approved no more may still be taken away.
    pub fn looked(&mut self, world: &World) {
        let only = self.only.take();
        for (of, before) in std::mem::take(&mut self.before) {
            let came = Move { of, old: before.last().copied(), new: self.last(of) };
            let shown = self.shown.insert(of, before.clone()).unwrap_or_default();
            if self.check(world, &[came]).is_err() {
                self.before.insert(of, before);
            }
            self.shown.insert(of, shown);
        }
        for (of, tip) in
            world.protected().into_iter().filter(|(of, tip)| self.last(*of) != Some(*tip)).collect::<Vec<_>>()
        {
            let came = Move { of, old: self.last(of), new: Some(tip) };
            if self.check(world, &[came]).is_ok() {
                self.note(world, of, came.old, tip);
                self.before.remove(&of);
            }
        }
        self.only = only;
    }

    /// Where the gate last let a ref be.
    fn last(&self, of: Ref) -> Option<Id> {
        self.shown.get(&of)?.last().copied()
    }

    /// An administrator moved a ref behind the gate.
    pub fn moved_behind(&mut self, of: Ref) {
        if let Some(before) = self.before.remove(&of) {
            self.shown.insert(of, before);
        }
    }

    pub fn deleted(&mut self, of: Ref) {
        self.shown.remove(&of);
        self.before.remove(&of);
    }

    fn rested(&self, world: &World, approval: &Approval) -> bool {
        let shown = self.shown.get(&approval.of).map_or(&[][..], Vec::as_slice);
        let since = self.since.get(approval).copied().unwrap_or(0);
        shown.get(since..).unwrap_or_default().iter().all(|&id| approval.delta.fits(world.real.tree(id)))
    }

    /// Trees that approved deltas lead to, by one at least. Fresh: each only while its paths rested, which landing it
    /// ends.
    fn reach(&self, world: &World, of: Ref, tree: Tree, fresh: bool) -> BTreeSet<Tree> {
        let is_usable = |a: &&Approval| a.of == of && !a.delta.is_nothing() && (!fresh || self.rested(world, a));
        let usable: Vec<Delta> = world.approvals.iter().filter(is_usable).map(|a| a.delta).collect();
        let (mut seen, mut todo) = (BTreeSet::from([(tree, usable.clone())]), vec![(tree, usable)]);
        let mut found = BTreeSet::new();
        while let Some((at, usable)) = todo.pop() {
            for to in usable.iter().filter_map(|delta| delta.apply(at)) {
                found.insert(to);
                let rest: Vec<Delta> = usable.iter().copied().filter(|delta| !fresh || delta.fits(to)).collect();
                if seen.insert((to, rest.clone())) {
                    todo.push((to, rest));
                }
            }
        }
        found
    }

    /// Of a push that was let through; before what `landed` of it is noted.
    pub fn check(&self, world: &World, moves: &[Move]) -> Result<(), Broken> {
        let (view, mut through, mut places) = (&world.real, self.good.clone(), Vec::new());
        for &Move { of, old, new } in moves.iter().filter(|m| world.is_protected(m.of)) {
            let Some(new) = new else { continue };
            match (old, self.last(of)) {
                (Some(old), Some(last)) if of.is_fixed() => {
                    self.check_line(world, of, new)?;
                    // Where it stands elsewhere than the gate let it, how it came there is part of what was let
                    // through.
                    if old != last {
                        self.check_step(world, of, last, old)?;
                    }
                    self.check_step(world, of, old, new)?;
                    through.extend(self.passed(world, of, new));
                }
                _ => places.push((of, new)),
            }
        }
        // Of several that are new at once, each may rest on another, but not in a circle.
        loop {
            let rests = |&(of, new): &(Ref, Id)| {
                let tree = view.tree(new);
                through.contains(&tree)
                    || through.iter().any(|&from| self.reach(world, of, from, false).contains(&tree))
            };
            let Some(at) = places.iter().position(rests) else { break };
            let (of, new) = places.remove(at);
            through.extend(self.passed(world, of, new));
        }
        places.first().map_or(Ok(()), |(of, _)| {
            let what = "shows a tree that was never let through, nor is one plus what was approved for it";
            self.broken(Kind::State, format!("{of} {what}"))
        })
    }

    fn check_line(&self, world: &World, of: Ref, new: Id) -> Result<(), Broken> {
        let line = world.real.line(new);
        match self.shown.get(&of).into_iter().flatten().find(|id| !line.contains(id)) {
            None => Ok(()),
            Some(id) => {
                self.broken(Kind::Line, format!("{of} showed c{id}, which is no longer on its first-parent line"))
            }
        }
    }

    fn check_step(&self, world: &World, of: Ref, old: Id, new: Id) -> Result<(), Broken> {
        let view = &world.real;
        let (from, to) = (view.tree(old), view.tree(new));
        if self.reach(world, of, from, true).contains(&to) {
            return Ok(());
        }
        if from != to {
            return if self.reach(world, of, from, false).contains(&to) {
                self.broken(Kind::Twice, format!("{of} came from c{old} to c{new} by an approval that landed already"))
            } else {
                self.broken(Kind::Content, format!("{of} came from c{old} to c{new}, which is not what was approved"))
            };
        }
        self.check_nobody(world, of, old, new)
    }

    /// Of a move that changes no content.
    fn check_nobody(&self, world: &World, of: Ref, old: Id, new: Id) -> Result<(), Broken> {
        let view = &world.real;
        let signed = world.approvals.iter().filter(|a| a.of == of && a.delta.is_nothing());
        let vouched = signed.fold(self.ever, |vouched, a| vouched | view.above(a.head));
        let landing = view.line(new).into_iter().filter(|&id| view.parents(id).len() > 1).fold(0, |m, id| m | bit(id));
        let brought = view.above(new) & !view.above(old) & !landing & !vouched;
        match ids(brought).next() {
            None => Ok(()),
            Some(id) => {
                self.broken(Kind::Nobody, format!("{of} took in c{id}, which nobody signed for, and nothing else"))
            }
        }
    }

    /// The tree of `new`, and those on its line that good ones below lead to by approved deltas.
    fn passed(&self, world: &World, of: Ref, new: Id) -> BTreeSet<Tree> {
        let (view, line) = (&world.real, world.real.line(new));
        let mut found = BTreeSet::from([view.tree(new)]);
        for (at, &start) in line.iter().enumerate().skip(1).filter(|(_, id)| self.good.contains(&view.tree(**id))) {
            let reached = self.reach(world, of, view.tree(start), false);
            found.extend(line[..at].iter().map(|&id| view.tree(id)).filter(|tree| reached.contains(tree)));
        }
        found
    }

    /// It landed.
    pub fn note(&mut self, world: &World, of: Ref, old: Option<Id>, new: Id) {
        self.ever |= world.real.above(new);
        let passed = self.passed(world, of, new);
        self.good.extend(passed);
        let shown = self.shown.entry(of).or_default();
        self.before.insert(of, shown.clone());
        if old.is_none() || !of.is_fixed() {
            shown.clear();
            self.since.iter_mut().filter(|(approval, _)| approval.of == of).for_each(|(_, since)| *since = 0);
        }
        shown.push(new);
    }

    /// Of a proposal that was let through.
    pub fn check_proposal(&self, world: &World, of: Ref, tip: Id, head: Id, method: Method) -> Result<(), Broken> {
        let before = world.real.tree(tip);
        let Some(made) = host_merge(&world.real, tip, head, method) else { return Ok(()) };
        let is_approved = |a: &Approval| a.of == of && a.delta.apply(before) == Some(made);
        if !world.is_protected(of) || world.approvals.iter().any(is_approved) {
            return Ok(());
        }
        if made == before {
            return if method == Method::Merge { self.check_nobody(world, of, tip, head) } else { Ok(()) };
        }
        let made = Delta::between(before, made);
        self.broken(
            Kind::Proposal,
            format!("a {method:?} of c{head} on {of} would bring {made}, which nobody approved"),
        )
    }

    /// Where a desk finds that a ref stood: now, or one move before.
    pub fn tip(&self, world: &World, of: Ref, stale: bool) -> Option<Id> {
        let shown = self.shown.get(&of).map_or(&[][..], Vec::as_slice);
        let now = world.refs.get(&of).copied();
        let earlier = shown.len().checked_sub(2).map(|at| shown[at]);
        if stale { earlier.or(now) } else { now }
    }
}
