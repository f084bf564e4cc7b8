//! Histories: acts that are carried out one after the other, made at random, made smaller, and told to a reader.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::cases;
use crate::promise::{Broken, Kind, Promise};
use crate::rule::Judge;
use crate::world::*;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Commit {
        id: Id,
        parents: Vec<Id>,
        tree: Tree,
        is_cut: bool,
    },
    /// Of what lies between two commits, on the tip that the ref has, or on the one before.
    Approve {
        of: Ref,
        base: Id,
        head: Id,
        stale: bool,
    },
    /// Of the approvals in force, by position.
    Withdraw(usize),
    /// The policy begins to protect late.
    Protect,
    /// The policy asks for another binding.
    Bind(Binding),
    /// An administrator sets a ref.
    Behind(Ref, Id),
    /// An operator says that a ref stands where it should.
    Record(Ref),
    /// Asks whether a host may land a head on a ref.
    Propose {
        of: Ref,
        head: Id,
        method: Method,
    },
    /// Where refs would stand, and a bit for each that git then moves, where it may.
    Push {
        moves: Vec<(Ref, Option<Id>)>,
        landing: u8,
    },
}

/// What all judges said to one act: the first of them leads.
pub type Said = Vec<bool>;

/// Carries out acts. What cannot be done any more, after others were left out, is skipped.
pub struct Run {
    pub world: World,
    pub judges: Vec<Box<dyn Judge>>,
    promise: Promise,
    /// To each push and each proposal.
    pub said: Vec<Said>,
    /// What happened, a line an act, where it is asked for.
    story: Option<String>,
}

impl Run {
    pub fn new(judges: Vec<Box<dyn Judge>>, only: Option<Kind>) -> Run {
        let (world, mut promise) = (World::new(), Promise::new(only));
        world.protected().into_iter().for_each(|(of, tip)| promise.begin(&world, of, tip));
        let mut run = Run { world, judges, promise, said: Vec::new(), story: None };
        run.judges.iter_mut().for_each(|judge| judge.install(&run.world));
        run
    }

    pub fn act(&mut self, act: &Act) -> Result<(), Broken> {
        let has = |id: Id| self.world.real.has(id);
        match act {
            Act::Commit { id, parents, tree, is_cut } if parents.iter().all(|id| has(*id)) => {
                self.world.commit(*id, parents, *tree, *is_cut);
                let cut = if *is_cut { "; the gate does not see its parents" } else { "" };
                let parents: Vec<String> = parents.iter().map(|id| format!("c{id}")).collect();
                self.tell(|| format!("commit   c{id} on [{}] holding {tree:?}{cut}", parents.join(" ")));
            }
            &Act::Approve { of, base, head, stale } if has(base) && has(head) => self.approve(of, base, head, stale),
            &Act::Withdraw(which) if which < self.world.approvals.len() => {
                let approval = self.world.approvals.remove(which);
                self.world.withdrawn.push(approval);
                self.tell(|| format!("withdraw for {} of {}", approval.of, approval.delta));
            }
            Act::Protect => {
                self.world.is_late_protected = true;
                self.tell(|| "policy   late is protected from now on".to_owned());
            }
            &Act::Bind(binding) => {
                self.world.binding = binding;
                self.tell(|| format!("policy   approvals bind {binding:?}"));
            }
            &Act::Behind(of, to) if has(to) => {
                self.world.refs.insert(of, to);
                self.promise.moved_behind(of);
                self.tell(|| format!("behind   an administrator sets {of} to c{to}"));
            }
            &Act::Record(of) if self.world.is_protected(of) => {
                let Some(&tip) = self.world.refs.get(&of) else { return Ok(()) };
                self.promise.begin(&self.world, of, tip);
                self.judges.iter_mut().for_each(|judge| judge.record(of, tip));
                self.tell(|| format!("record   {of} stands at c{tip}, says the operator"));
            }
            &Act::Propose { of, head, method } if has(head) => return self.propose(of, head, method),
            Act::Push { moves, landing } => return self.push(moves, *landing),
            _ => {}
        }
        Ok(())
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            _ = writeln!(story, "  {}", line());
        }
    }

    fn approve(&mut self, of: Ref, base: Id, head: Id, stale: bool) {
        let world = &mut self.world;
        let tip = self.promise.tip(world, of, stale).unwrap_or(base);
        let delta = world.real.delta(base, head);
        let result = delta.apply(world.real.tree(tip));
        let approval = Approval { of, delta, tip, head, result, again: 0 };
        let again = world.withdrawn.iter().filter(|old| Approval { again: 0, ..**old } == approval).count();
        let approval = Approval { again, ..approval };
        if !world.approvals.contains(&approval) {
            world.approvals.push(approval);
            self.promise.signed(approval);
        }
        self.tell(|| format!("approve  for {of}, on tip c{tip}: {delta} (c{base}..c{head})"));
    }

    fn ask(&mut self, mut question: impl FnMut(&mut dyn Judge, &World) -> bool) -> bool {
        self.promise.looked(&self.world);
        let said: Said = self.judges.iter_mut().map(|judge| question(judge.as_mut(), &self.world)).collect();
        let is_allowed = said[0];
        self.said.push(said);
        is_allowed
    }

    fn propose(&mut self, of: Ref, head: Id, method: Method) -> Result<(), Broken> {
        let Some(&tip) = self.world.refs.get(&of).filter(|tip| **tip != head) else { return Ok(()) };
        let is_allowed = self.ask(|judge, world| judge.propose(world, of, tip, head, method));
        let verdict = if is_allowed { "allowed" } else { "refused" };
        self.tell(|| format!("propose  c{head} for {of} at c{tip}, landed by {method:?}: {verdict}"));
        match method {
            _ if !is_allowed => Ok(()),
            Method::FastForward => self.promise.check(&self.world, &[Move { of, old: Some(tip), new: Some(head) }]),
            _ => self.promise.check_proposal(&self.world, of, tip, head, method),
        }
    }

    fn push(&mut self, moves: &[(Ref, Option<Id>)], landing: u8) -> Result<(), Broken> {
        let world = &self.world;
        let of = |&(of, new): &(Ref, Option<Id>)| Move { of, old: world.refs.get(&of).copied(), new };
        let is_move = |m: &Move| m.new != m.old && m.new.is_none_or(|new| world.real.has(new));
        let moves: Vec<Move> = moves.iter().map(of).filter(is_move).collect();
        if moves.is_empty() {
            return Ok(());
        }
        let is_allowed = self.ask(|judge, world| judge.judge(world, &moves));
        let landed: Vec<Move> =
            moves.iter().enumerate().filter(|(at, _)| landing >> at & 1 == 1).map(|(_, m)| *m).collect();
        self.tell(|| told(&moves, is_allowed, &landed));
        if !is_allowed {
            return Ok(());
        }
        self.judges.iter_mut().for_each(|judge| judge.let_through());
        self.promise.check(&self.world, &moves)?;
        for Move { of, old, new } in landed {
            match new {
                None => {
                    self.world.refs.remove(&of);
                    self.promise.deleted(of);
                }
                Some(new) => {
                    self.world.refs.insert(of, new);
                    if self.world.is_protected(of) {
                        self.promise.note(&self.world, of, old, new);
                    }
                }
            }
        }
        Ok(())
    }
}

fn told(moves: &[Move], is_allowed: bool, landed: &[Move]) -> String {
    let name = |id: Option<Id>| id.map_or_else(|| "nothing".to_owned(), |id| format!("c{id}"));
    let told: Vec<String> = moves.iter().map(|m| format!("{} from {} to {}", m.of, name(m.old), name(m.new))).collect();
    let verdict = match landed.len() {
        _ if !is_allowed => "refused".to_owned(),
        n if n == moves.len() => "allowed".to_owned(),
        0 => "allowed, and none moves".to_owned(),
        _ => format!("allowed, and only {} moves", landed[0].of),
    };
    format!("push     {}: {verdict}", told.join(", "))
}

/// What became of acts under one judge.
pub fn replay(make: &dyn Fn() -> Box<dyn Judge>, acts: &[Act], only: Option<Kind>) -> (Run, Option<Broken>) {
    let mut run = Run::new(vec![make()], only);
    let broken = acts.iter().find_map(|act| run.act(act).err());
    (run, broken)
}

/// The acts as sentences, with how they end.
pub fn story(make: &dyn Fn() -> Box<dyn Judge>, acts: &[Act], only: Option<Kind>) -> String {
    let mut run = Run::new(vec![make()], only);
    run.story = Some("  start    c0 [1, 0, 0] ← c1 [1, 1, 0]; main and next stand at c1\n".to_owned());
    let broken = acts.iter().find_map(|act| run.act(act).err());
    let end = broken.map_or_else(|| "keeps all promises".to_owned(), |broken| broken.to_string());
    format!("{}  {end}\n", run.story.unwrap_or_default())
}

/// Fewer and simpler acts of which the same can be said.
pub fn shrink(mut acts: Vec<Act>, is_same: impl Fn(&[Act]) -> bool) -> Vec<Act> {
    let mut again = true;
    while again {
        again = false;
        for at in (0..acts.len()).rev() {
            let without = [&acts[..at], &acts[at + 1..]].concat();
            let with = |act: Act| [&acts[..at], &[act], &acts[at + 1..]].concat();
            let simpler = std::iter::once(without).chain(simpler(&acts[at]).into_iter().map(with));
            if let Some(less) = simpler.collect::<Vec<_>>().into_iter().find(|less| is_same(less)) {
                (acts, again) = (less, true);
            }
        }
    }
    acts
}

fn simpler(act: &Act) -> Vec<Act> {
    match act {
        Act::Commit { id, parents, tree, is_cut } => {
            let less = |gone: &Id| parents.iter().copied().filter(|parent| parent != gone).collect();
            let fewer =
                parents.iter().map(|gone| Act::Commit { id: *id, parents: less(gone), tree: *tree, is_cut: *is_cut });
            let whole = Act::Commit { id: *id, parents: parents.clone(), tree: *tree, is_cut: false };
            fewer.chain(is_cut.then_some(whole)).collect()
        }
        Act::Approve { of, base, head, stale: true } => {
            vec![Act::Approve { of: *of, base: *base, head: *head, stale: false }]
        }
        Act::Push { moves, .. } if moves.len() > 1 => {
            moves.iter().map(|&one| Act::Push { moves: vec![one], landing: 3 }).collect()
        }
        _ => Vec::new(),
    }
}

/// What the histories of a search are made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mix {
    /// Administrators move refs behind the gate, and operators record them.
    pub behind: bool,
    /// The policy begins to protect a ref.
    pub protect: bool,
}

/// Makes histories: acts are chosen where the world stands, so that much of what is pushed is nearly right.
pub struct Inventor {
    random: TestRng,
    mix: Mix,
    next: Id,
    pub acts: Vec<Act>,
}

impl Inventor {
    pub fn new(seed: u64, mix: Mix) -> Inventor {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Inventor { random: TestRng::from_seed(RngAlgorithm::ChaCha, &bytes), mix, next: 2, acts: Vec::new() }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.random.random_range(0..from.len())].clone()
    }

    fn recent(&mut self, world: &World) -> Id {
        let all = world.real.all();
        let last = &all[all.len().saturating_sub(4)..];
        if self.chance(60) { self.pick(last) } else { self.pick(&all) }
    }

    fn some_ref(&mut self) -> Ref {
        self.pick(&[Ref::Main, Ref::Main, Ref::Main, Ref::Release, Ref::Next, Ref::Tag, Ref::Late])
    }

    /// Carries out a whole history as it makes it.
    pub fn history(&mut self, run: &mut Run) -> Result<(), Broken> {
        if self.chance(20) {
            let binding = self.pick(&[Binding::Tree, Binding::Exact]);
            self.act(run, Act::Bind(binding))?;
        }
        // Sometimes it begins with most of a known attack.
        if self.chance(25) {
            let (_, known) = self.pick(cases::attacks());
            for act in known {
                let is_left_out = match act {
                    Act::Protect => !self.mix.protect,
                    Act::Behind(..) | Act::Record(_) => !self.mix.behind,
                    _ => false,
                };
                if self.chance(93) && !is_left_out {
                    self.act(run, act)?;
                }
            }
        }
        self.next = run.world.real.all().len().max(run.world.real.all().last().map_or(0, |last| last + 1));
        for _ in 0..self.random.random_range(6..=18) {
            if let Some(act) = self.invent(&run.world) {
                self.act(run, act)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, run: &mut Run, act: Act) -> Result<(), Broken> {
        self.acts.push(act.clone());
        run.act(&act)
    }

    fn invent(&mut self, world: &World) -> Option<Act> {
        match self.random.random_range(0..1000) {
            0..330 if self.next < 14 => Some(self.commit(world)),
            ..540 => Some(self.approval(world)),
            540..570 => {
                let count = world.approvals.len();
                (count > 0).then(|| Act::Withdraw(self.random.random_range(0..count)))
            }
            570..585 => self.mix.protect.then_some(Act::Protect),
            585..615 => {
                let (of, to) = (self.some_ref(), self.recent(world));
                self.mix.behind.then_some(Act::Behind(of, to))
            }
            615..625 => {
                let of = self.some_ref();
                self.mix.behind.then_some(Act::Record(of))
            }
            625..720 => {
                let (of, head) = (self.pick(&[Ref::Main, Ref::Main, Ref::Next]), self.recent(world));
                let method =
                    self.pick(&[Method::Merge, Method::Merge, Method::Rebase, Method::Squash, Method::FastForward]);
                Some(Act::Propose { of, head, method })
            }
            _ => Some(self.push(world)),
        }
    }

    fn commit(&mut self, world: &World) -> Act {
        let (view, tips) = (&world.real, world.refs.values().copied().collect::<Vec<_>>());
        let any = |this: &mut Inventor| if this.chance(50) { this.pick(&tips) } else { this.recent(world) };
        let count = match self.random.random_range(0..100) {
            ..55 => 1,
            55..93 => 2,
            93..97 => 3,
            _ => 0,
        };
        let mut parents: Vec<Id> = Vec::new();
        for _ in 0..count {
            let parent = any(self);
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        let tree = match (self.random.random_range(0..100), &parents[..]) {
            (..35, _) | (_, []) => {
                let from = parents.first().copied().unwrap_or_else(|| self.recent(world));
                let mut tree = view.tree(from);
                tree[self.random.random_range(0..3)] = self.random.random_range(0..4);
                tree
            }
            (35..70, _) => view.tree(self.pick(&parents)),
            (70..85, &[ours, theirs, ..]) => {
                host_merge(view, ours, theirs, Method::Merge).unwrap_or_else(|| view.tree(ours))
            }
            _ => view.tree(any(self)),
        };
        let is_cut = !parents.is_empty() && self.chance(3);
        let id = self.next;
        self.next += 1;
        Act::Commit { id, parents, tree, is_cut }
    }

    fn approval(&mut self, world: &World) -> Act {
        let (of, head) = (self.some_ref(), self.recent(world));
        let tip = world.refs.get(&of).copied().unwrap_or(world.refs[&Ref::Main]);
        let base = world.real.bases(tip, head).first().copied().filter(|_| self.chance(80));
        let base = base.unwrap_or_else(|| self.recent(world));
        Act::Approve { of, base, head, stale: self.chance(20) }
    }

    fn push(&mut self, world: &World) -> Act {
        let mut moves: Vec<(Ref, Option<Id>)> = Vec::new();
        for _ in 0..if self.chance(80) { 1 } else { 2 } {
            let of = self.some_ref();
            let heads: Vec<Id> = world.approvals.iter().filter(|a| a.of == of).map(|a| a.head).collect();
            let new = match () {
                () if !heads.is_empty() && self.chance(40) => Some(self.pick(&heads)),
                () if self.chance(3) => None,
                () => Some(self.recent(world)),
            };
            if moves.iter().all(|(other, _)| *other != of) {
                moves.push((of, new));
            }
        }
        let landing = if self.chance(15) { self.random.random_range(0..4) } else { 3 };
        Act::Push { moves, landing }
    }
}
