//! The rule as it was and the rule as it is meant to be, each in a page: a second opinion on what the gate says.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::*;

/// Whatever judges pushes and proposals.
pub trait Judge {
    /// The refs that are protected now count as let through.
    fn install(&mut self, _: &World) {}

    fn judge(&mut self, world: &World, moves: &[Move]) -> bool;

    /// What was judged last is let through: it may land now.
    fn let_through(&mut self) {}

    fn propose(&mut self, world: &World, of: Ref, tip: Id, head: Id, method: Method) -> bool;

    /// An operator records where a ref stands.
    fn record(&mut self, _of: Ref, _tip: Id) {}
}

fn is_rested(view: &View, approval: &Approval, until: Id) -> bool {
    let line = view.line(until);
    let Some(at) = line.iter().position(|&id| id == approval.tip) else { return false };
    let is_same = |path: usize| line[..=at].iter().all(|&id| view.tree(id)[path] == view.tree(until)[path]);
    (0..3).filter(|&path| approval.delta.touches(path)).all(is_same)
}

fn is_bound(world: &World, approval: &Approval, start: Id, end: Id) -> bool {
    let view = &world.seen;
    let is_same_tree = approval.result == Some(view.tree(end));
    let brought = view.above(end) & !view.above(start);
    match world.binding {
        Binding::Manifest => true,
        Binding::Tree => is_same_tree,
        Binding::Exact => is_same_tree && approval.tip == start && brought & bit(approval.head) != 0,
    }
}

/// Approvals of this delta whose paths have rested.
fn approvals(world: &World, of: Ref, delta: Delta, until: Id) -> Vec<Approval> {
    let is_of = |a: &&Approval| a.of == of && a.delta == delta && is_rested(&world.seen, a, until);
    world.approvals.iter().filter(is_of).copied().collect()
}

/// The rule as it was at first: ancestors are trusted, and what changes nothing needs nobody.
pub struct Today;

impl Today {
    fn is_segment(&self, world: &World, of: Ref, start: Id, steps: &[Id]) -> bool {
        let (view, Some(&end)) = (&world.seen, steps.last()) else { return false };
        if steps.iter().any(|&id| view.parents(id).len() > 2) {
            return false;
        }
        let delta = view.delta(start, end);
        if delta.is_nothing() {
            return steps.len() == 1;
        }
        approvals(world, of, delta, start).iter().any(|a| is_bound(world, a, start, end))
    }

    /// Where a history leaves the line of a tip.
    fn leaves(&self, view: &View, new: Id, tip: Id) -> Option<Id> {
        let base = *view.bases(new, tip).last()?;
        let line = view.line(tip);
        view.line(base).into_iter().find(|id| line.contains(id))
    }

    fn allows(&self, world: &World, Move { of, old, new }: Move) -> bool {
        let view = &world.seen;
        if !world.is_protected(of) {
            return true;
        }
        let Some(new) = new else { return !of.is_fixed() };
        let trunk = world.refs[&Ref::Main];
        let start = match old {
            Some(_) if of == Ref::Tag => None,
            None => self.leaves(view, new, trunk),
            Some(old) if view.is_ancestor(old, new) => Some(old),
            Some(_) if of.is_fixed() => None,
            Some(old) => self.leaves(view, new, old).or_else(|| self.leaves(view, new, trunk)),
        };
        let Some(start) = start else { return false };
        let steps = view.steps(start, new).unwrap_or_else(|| vec![new]);
        let segment = |start: Id, steps: &[Id]| self.is_segment(world, of, start, steps).then(Vec::new);
        start == new || ends(start, &steps, segment).0.contains(&new)
    }
}

impl Judge for Today {
    fn judge(&mut self, world: &World, moves: &[Move]) -> bool {
        moves.iter().all(|&m| self.allows(world, m))
    }

    fn propose(&mut self, world: &World, of: Ref, tip: Id, head: Id, method: Method) -> bool {
        if method == Method::FastForward {
            return self.allows(world, Move { of, old: Some(tip), new: Some(head) });
        }
        let view = &world.seen;
        let Some(&base) = view.bases(tip, head).last() else { return false };
        let delta = view.delta(base, head);
        let is_bound = world.binding == Binding::Manifest;
        let is_approved = || is_bound && !approvals(world, of, delta, tip).is_empty();
        !world.is_protected(of) || (delta.fits(view.tree(tip)) && (delta.is_nothing() || is_approved()))
    }
}

type Segment = Option<Vec<Approval>>;

/// All ends that can be reached from `start` by segments that are each let through, and the approvals that did so.
fn ends(start: Id, steps: &[Id], segment: impl Fn(Id, &[Id]) -> Segment) -> (Vec<Id>, Vec<Approval>) {
    let at = |place: usize| if place == 0 { start } else { steps[place - 1] };
    let (mut reached, mut used) = (BTreeSet::from([0]), Vec::new());
    for from in 0..steps.len() {
        for to in from + 1..=steps.len() {
            if reached.contains(&from)
                && let Some(by) = segment(at(from), &steps[from..to])
            {
                reached.insert(to);
                used.extend(by);
            }
        }
    }
    (reached.into_iter().map(at).collect(), used)
}

/// The same on one way only: depth first, with the shortest segments.
fn ends_of_one_way(start: Id, steps: &[Id], segment: impl Fn(Id, &[Id]) -> Segment) -> (Vec<Id>, Vec<Approval>) {
    let at = |place: usize| if place == 0 { start } else { steps[place - 1] };
    let mut from: Vec<Option<(usize, Vec<Approval>)>> = vec![None; steps.len() + 1];
    let mut stack = vec![(0, 0)];
    while from[steps.len()].is_none()
        && let Some((start, end)) = stack.last_mut()
    {
        *end += 1;
        let (start, end) = (*start, *end);
        if end > steps.len() {
            stack.pop();
        } else if from[end].is_none()
            && let Some(by) = segment(at(start), &steps[start..end])
        {
            from[end] = Some((start, by));
            stack.push((end, end));
        }
    }
    let (mut way, mut used, mut place) = (Vec::new(), Vec::new(), steps.len());
    while let Some((before, by)) = from[place].take() {
        way.push(at(place));
        used.extend(by);
        place = before;
    }
    (way.into_iter().rev().collect(), used)
}

/// In what the gate is stricter than the rule, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stricter {
    /// A forward-only ref is judged from the nearest state of its own at or below its tip, or else from the nearest of
    /// any; not from further down, from where what was taken back since would look as if it had rested.
    NearestStart,
    /// Where a ref stands, if the gate never let it there, is itself an end on the way: what it showed was not approved
    /// because what follows puts it right.
    OldIsAnEnd,
    /// What waits becomes a state only while what it was let through on still stands.
    StillApproved,
    /// A ref that was taken back behind the gate is for the operator to speak of.
    WentBack,
    /// A rebase leaves out a commit whose twin the target has, and what the target did to it since is then kept.
    Twin,
    /// A proposal lands on a state: else what the merge keeps of the tip was approved by nobody.
    TipIsState,
    /// A merge inside an approved segment, itself unsigned, must not drop what it merges: it would count as merged for
    /// ever.
    DroppingMerge,
    /// Merging back what is there already would only make approvals of this very tip worthless.
    SideIsNew,
    /// A host that squashes or rebases lands another commit than the one that was approved as changing nothing.
    EmptyByMergeOnly,
    /// An approval of nothing was given on a tip like any other.
    EmptyRestsOnLine,
    /// An approval of nothing is bound like any other.
    EmptyIsBound,
    /// Eight states are tried; more would only cost.
    EightStarts,
    /// The states that a push leaves are those of the way that was found, not of all ways that there are.
    OneWay,
    /// Behind a cut that lies beside, another merge base may hide.
    CutBeside,
    /// A ref without a state of its own does not start from what moves beside it.
    NotAlong,
    /// A merge of three is not reviewed, proposed or pushed.
    Octopus,
}

impl Stricter {
    pub const ALL: [Stricter; 16] = {
        use Stricter::*;
        [
            NearestStart,
            OldIsAnEnd,
            StillApproved,
            WentBack,
            Twin,
            TipIsState,
            DroppingMerge,
            SideIsNew,
            EmptyByMergeOnly,
            EmptyRestsOnLine,
            EmptyIsBound,
            EightStarts,
            OneWay,
            CutBeside,
            NotAlong,
            Octopus,
        ]
    };
}

/// What becomes of a ref once it is seen to stand where it was let through to.
#[derive(Clone)]
struct Landing {
    of: Ref,
    new: Id,
    ends: Vec<Id>,
    used: Vec<Approval>,
}

#[derive(Clone)]
struct Waiting {
    moves: Vec<(Ref, Id)>,
    landings: Vec<Landing>,
}

/// The rule: judging begins at states, which are what protected refs were seen to show after they were let through.
pub struct Rule {
    parts: Vec<Stricter>,
    states: BTreeMap<Id, BTreeSet<Ref>>,
    tips: BTreeMap<Ref, Id>,
    waiting: Vec<Waiting>,
    pending: Option<Waiting>,
}

impl Rule {
    pub fn with(parts: &[Stricter]) -> Rule {
        let (states, tips, waiting) = Default::default();
        Rule { parts: parts.to_vec(), states, tips, waiting, pending: None }
    }

    fn is(&self, part: Stricter) -> bool {
        self.parts.contains(&part)
    }

    fn is_of(&self, id: Id, of: Ref) -> bool {
        self.states.get(&id).is_some_and(|refs| refs.contains(&of))
    }

    /// Before each judgement: what was let through and now stands there has landed.
    fn observe(&mut self, world: &World) {
        self.tips.retain(|of, _| world.is_protected(*of) && of.is_fixed() && world.refs.contains_key(of));
        let mut landed = Vec::new();
        for waiting in &mut self.waiting {
            let Waiting { moves, landings } = waiting;
            moves.retain(|&(of, new)| match world.refs.get(&of) {
                Some(&tip) if tip == new => {
                    landed.extend(landings.iter().filter(|landing| landing.of == of).cloned());
                    false
                }
                Some(&tip) => !world.seen.is_ancestor(new, tip),
                None => true,
            });
        }
        // Git moves a ref only from where it was judged to stand: what else waited for it cannot land any more.
        for waiting in &mut self.waiting {
            waiting.moves.retain(|(of, _)| landed.iter().all(|landing| landing.of != *of));
        }
        self.waiting.retain(|waiting| !waiting.moves.is_empty());
        for landing in landed {
            let stands = landing.used.iter().all(|approval| world.approvals.contains(approval));
            if stands || !self.is(Stricter::StillApproved) {
                self.take(landing.of, &landing.ends, landing.new);
            }
        }
    }

    fn take(&mut self, of: Ref, ends: &[Id], tip: Id) {
        ends.iter().for_each(|&id| _ = self.states.entry(id).or_default().insert(of));
        if of != Ref::Tag {
            self.tips.insert(of, tip);
        }
    }

    /// Whether a ref was seen further on than on the line on which it stands.
    fn went_back(&self, world: &World, of: Ref, stands: Id) -> bool {
        let tip = self.tips.get(&of).filter(|_| self.is(Stricter::WentBack));
        tip.is_some_and(|tip| !world.seen.line(stands).contains(tip))
    }

    /// How a ref came to where it stands, asked after the fact.
    fn catch_up(&mut self, world: &World, of: Ref) {
        let Some(&tip) = world.refs.get(&of).filter(|tip| world.is_protected(of) && !self.is_of(**tip, of)) else {
            return;
        };
        if self.went_back(world, of, tip) {
            return;
        }
        let start = world.seen.line(tip).into_iter().find(|&id| self.is_of(id, of));
        if let Some((ends, _)) = start.and_then(|start| self.between(world, of, start, tip)) {
            self.take(of, &ends, tip);
        }
    }

    /// The ends on the way from a state to where a ref would stand, if it may, and what it rests on.
    fn ends(&self, world: &World, m: Move, along: &BTreeMap<Id, BTreeSet<Ref>>) -> Option<(Vec<Id>, Vec<Approval>)> {
        let (view, Move { of, old, new }) = (&world.seen, m);
        let Some(new) = new else { return (!of.is_fixed()).then(Default::default) };
        if of == Ref::Tag && old.is_some() {
            return None;
        }
        let line = view.line(new);
        match old {
            Some(old) if of.is_fixed() => {
                if !line.contains(&old) || self.went_back(world, of, old) {
                    return None;
                }
                let starts: Vec<Id> = if self.is_of(old, of) { vec![old] } else { self.below(world, of, old, along) };
                starts.into_iter().find_map(|start| {
                    if start == old || !self.is(Stricter::OldIsAnEnd) {
                        return self.between(world, of, start, new);
                    }
                    let (before, after) = (self.between(world, of, start, old)?, self.between(world, of, old, new)?);
                    Some(([before.0, after.0].concat(), [before.1, after.1].concat()))
                })
            }
            _ => {
                let known = |id: &Id| self.states.contains_key(id) || along.contains_key(id);
                let most = if self.is(Stricter::EightStarts) { 8 } else { usize::MAX };
                line.into_iter().filter(known).take(most).find_map(|start| self.between(world, of, start, new))
            }
        }
    }

    /// Where judging may begin for a ref that stands where it was never let.
    fn below(&self, world: &World, of: Ref, old: Id, along: &BTreeMap<Id, BTreeSet<Ref>>) -> Vec<Id> {
        let beside = |id: &Id| along.contains_key(id) && !self.is(Stricter::NotAlong);
        let known = |id: &Id| self.states.contains_key(id) || beside(id);
        let starts: Vec<Id> = world.seen.line(old).into_iter().filter(known).collect();
        if !self.is(Stricter::NearestStart) {
            return starts;
        }
        let own = starts.iter().find(|id| self.is_of(**id, of));
        own.or(starts.first()).copied().into_iter().collect()
    }

    fn between(&self, world: &World, of: Ref, start: Id, end: Id) -> Option<(Vec<Id>, Vec<Approval>)> {
        if start == end {
            return Some((vec![end], Vec::new()));
        }
        let steps = world.seen.steps(start, end)?;
        if world.cut & world.seen.above(end) & !world.seen.above(start) != 0 {
            return None;
        }
        let segment = |start: Id, steps: &[Id]| self.segment(world, of, start, steps);
        let found = if self.is(Stricter::OneWay) {
            ends_of_one_way(start, &steps, segment)
        } else {
            ends(start, &steps, segment)
        };
        found.0.contains(&end).then_some(found)
    }

    /// The approvals by which a segment is let through, if it is.
    fn segment(&self, world: &World, of: Ref, start: Id, steps: &[Id]) -> Segment {
        let (view, end) = (&world.seen, *steps.last()?);
        if steps.iter().any(|&id| view.parents(id).len() > 2) {
            return None;
        }
        let delta = view.delta(start, end);
        let brought = view.above(end) & !view.above(start);
        if !delta.is_nothing() {
            let by = approvals(world, of, delta, start);
            let is_approved = by.iter().any(|a| is_bound(world, a, start, end));
            return (is_approved && self.keeps_what_it_merges(world, brought, &by)).then_some(by);
        }
        if steps.len() > 1 {
            return None;
        }
        if self.merges_back(world, start, end) {
            return Some(Vec::new());
        }
        let by = self.signed_empty(world, of, start, end);
        let is_approved = by.iter().any(|a| !self.is(Stricter::EmptyIsBound) || is_bound(world, a, start, end));
        (is_approved && self.keeps_what_it_merges(world, brought, &by)).then_some(by)
    }

    /// Approvals of this very head with nothing in it, where the step brings in nothing else. The digest of an empty
    /// manifest is the same for all that are empty, so the head is what it binds.
    fn signed_empty(&self, world: &World, of: Ref, start: Id, end: Id) -> Vec<Approval> {
        let view = &world.seen;
        let landing = if view.parents(end).len() > 1 { bit(end) } else { 0 };
        let brought = view.above(end) & !view.above(start);
        let is_all = |a: &&Approval| {
            brought & bit(a.head) != 0 && brought & !landing & !view.above(a.head) == 0
                // The tip must be on the line; with nothing in it, nothing can have moved.
                && (is_rested(view, a, start) || !self.is(Stricter::EmptyRestsOnLine))
        };
        let of_nothing = world.approvals.iter().filter(|a| a.of == of && a.delta.is_nothing());
        of_nothing.filter(is_all).copied().collect()
    }

    /// A merge of what protected refs have shown, whose content is here already.
    fn merges_back(&self, world: &World, start: Id, end: Id) -> bool {
        let sides = world.seen.parents(end).get(1..).unwrap_or_default();
        let is_back = |&side: &Id| {
            let is_new = !world.seen.is_ancestor(side, start) || !self.is(Stricter::SideIsNew);
            self.states.contains_key(&side) && is_new && self.keeps_all(world, start, side, end)
        };
        !sides.is_empty() && sides.iter().all(is_back)
    }

    /// Whether a merge holds all that a side changed since it forked from the first parent.
    fn keeps_all(&self, world: &World, first: Id, side: Id, merge: Id) -> bool {
        let view = &world.seen;
        let [base] = view.bases(first, side)[..] else { return false };
        let beside = (view.above(first) | view.above(side)) & !view.above(base);
        if world.cut & beside != 0 && self.is(Stricter::CutBeside) {
            return false;
        }
        let brings = view.delta(base, side);
        (0..3).all(|path| brings.0[path].is_none_or(|(_, new)| view.tree(merge)[path] == new))
    }

    fn keeps_what_it_merges(&self, world: &World, brought: Ids, by: &[Approval]) -> bool {
        if !self.is(Stricter::DroppingMerge) {
            return true;
        }
        let view = &world.seen;
        let is_in = |a: &&Approval| brought & bit(a.head) != 0;
        let signed = by.iter().filter(is_in).fold(0, |signed, a| signed | view.above(a.head));
        ids(brought & !signed).all(|merge| {
            let Some((&first, sides)) = view.parents(merge).split_first() else { return true };
            sides.iter().all(|&side| self.keeps_all(world, first, side, merge))
        })
    }
}

impl Judge for Rule {
    fn install(&mut self, world: &World) {
        world.protected().into_iter().for_each(|(of, tip)| self.take(of, &[tip], tip));
    }

    fn judge(&mut self, world: &World, moves: &[Move]) -> bool {
        self.observe(world);
        self.pending = None;
        let (mut along, mut landings) = (BTreeMap::<Id, BTreeSet<Ref>>::new(), Vec::new());
        let mut moves: Vec<Move> = moves.iter().copied().filter(|m| world.is_protected(m.of)).collect();
        // What is new may rest on what moves beside it.
        moves.sort_by_key(|m| m.old.is_none());
        for &m in &moves {
            let Some((ends, used)) = self.ends(world, m, &along) else { return false };
            ends.iter().for_each(|&id| _ = along.entry(id).or_default().insert(m.of));
            landings.extend(m.new.map(|new| Landing { of: m.of, new, ends, used }));
        }
        let moves = moves.iter().filter_map(|m| Some((m.of, m.new?))).collect();
        self.pending = Some(Waiting { moves, landings });
        true
    }

    fn let_through(&mut self) {
        let Some(pending) = self.pending.take() else { return };
        self.waiting.retain(|waiting| waiting.moves != pending.moves);
        self.waiting.push(pending);
    }

    fn propose(&mut self, world: &World, of: Ref, tip: Id, head: Id, method: Method) -> bool {
        self.observe(world);
        self.catch_up(world, Ref::Main);
        self.catch_up(world, of);
        let view = &world.seen;
        if !world.is_protected(of) {
            return true;
        }
        if method == Method::FastForward {
            return tip == head
                || self.ends(world, Move { of, old: Some(tip), new: Some(head) }, &BTreeMap::new()).is_some();
        }
        // It has landed: merging it would do nothing.
        let [base] = view.bases(tip, head)[..] else { return false };
        if base == head {
            return true;
        }
        if self.is(Stricter::TipIsState) && !self.is_of(tip, of) {
            return false;
        }
        if self.went_back(world, of, tip) {
            return false;
        }
        let range = view.above(head) & !view.above(base);
        if world.cut & (view.above(tip) | view.above(head)) & !view.above(base) != 0 {
            return false;
        }
        let delta = view.delta(base, head);
        let mut touched: Vec<bool> = (0..3).map(|path| delta.touches(path)).collect();
        if method == Method::Rebase {
            if ids(range).any(|id| view.parents(id).len() > 1) {
                return false;
            }
            ids(range).for_each(|id| (0..3).for_each(|path| touched[path] |= view.own(id).touches(path)));
            let target = view.above(tip) & !view.above(base);
            let is_twin = |id: Id| (0..3).any(|path| touched[path] && view.own(id).touches(path));
            if self.is(Stricter::Twin) && ids(target).any(|id| view.parents(id).len() < 2 && is_twin(id)) {
                return false;
            }
        }
        if (0..3).any(|path| touched[path] && view.tree(tip)[path] != view.tree(base)[path]) {
            return false;
        }
        if self.is(Stricter::Octopus) && view.parents(head).len() > 2 {
            return false;
        }
        let mut by = approvals(world, of, delta, tip);
        if delta.is_nothing() {
            if self.is(Stricter::EmptyByMergeOnly) && method != Method::Merge {
                return false;
            }
            by = world
                .approvals
                .iter()
                .filter(|a| a.of == of && a.delta.is_nothing() && a.head == head)
                .copied()
                .collect();
            by.retain(|a| is_rested(view, a, tip) || !self.is(Stricter::EmptyRestsOnLine));
        }
        let result = delta.apply(view.tree(tip));
        let is_bound = |a: &Approval| match world.binding {
            Binding::Manifest => true,
            _ if delta.is_nothing() && !self.is(Stricter::EmptyIsBound) => true,
            Binding::Tree => a.result == result,
            Binding::Exact => method == Method::Merge && a.result == result && a.tip == tip && range & bit(a.head) != 0,
        };
        by.iter().any(is_bound) && self.keeps_what_it_merges(world, range, &by)
    }

    fn record(&mut self, of: Ref, tip: Id) {
        self.take(of, &[tip], tip);
    }
}
