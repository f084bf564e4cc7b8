//! The world of the model: commits of three paths, refs, and what was approved. No git: a commit has parents and a
//! tree, and a tree is what each path holds, 0 for nothing.

use std::collections::BTreeMap;
use std::fmt;

/// The number of a commit, in the order in which they are made.
pub type Id = usize;
/// Commits as a bit mask.
pub type Ids = u64;
pub type Tree = [u8; 3];

pub const EMPTY: Tree = [0; 3];
/// What a merge leaves where two sides contradict each other.
const CONFLICT: u8 = 99;

pub fn bit(id: Id) -> Ids {
    1 << id
}

pub fn ids(mut mask: Ids) -> impl Iterator<Item = Id> {
    std::iter::from_fn(move || {
        let id = (mask != 0).then(|| mask.trailing_zeros() as Id)?;
        mask &= mask - 1;
        Some(id)
    })
}

/// What a change does to each path that it touches: from, to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delta(pub [Option<(u8, u8)>; 3]);

impl Delta {
    pub const NOTHING: Delta = Delta([None; 3]);

    pub fn between(old: Tree, new: Tree) -> Delta {
        Delta(std::array::from_fn(|path| (old[path] != new[path]).then_some((old[path], new[path]))))
    }

    pub fn is_nothing(self) -> bool {
        self == Delta::NOTHING
    }

    pub fn touches(self, path: usize) -> bool {
        self.0[path].is_some()
    }

    pub fn fits(self, tree: Tree) -> bool {
        (0..3).all(|path| self.0[path].is_none_or(|(old, _)| tree[path] == old))
    }

    pub fn apply(self, tree: Tree) -> Option<Tree> {
        self.fits(tree).then(|| std::array::from_fn(|path| self.0[path].map_or(tree[path], |(_, new)| new)))
    }
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing() {
            return f.write_str("nothing");
        }
        let touched = self.0.iter().zip("abc".chars()).filter_map(|(sides, path)| Some((path, (*sides)?)));
        let told: Vec<String> = touched.map(|(path, (old, new))| format!("{path} {old}→{new}")).collect();
        f.write_str(&told.join(", "))
    }
}

struct Commit {
    parents: Vec<Id>,
    tree: Tree,
    /// Itself and its ancestors.
    above: Ids,
}

/// Commits as somebody sees them.
#[derive(Default)]
pub struct View(Vec<Option<Commit>>);

impl View {
    fn add(&mut self, id: Id, parents: Vec<Id>, tree: Tree) {
        let above = parents.iter().fold(bit(id), |above, &parent| above | self.above(parent));
        self.0.resize_with(self.0.len().max(id + 1), || None);
        self.0[id] = Some(Commit { parents, tree, above });
    }

    pub fn has(&self, id: Id) -> bool {
        self.0.get(id).is_some_and(Option::is_some)
    }

    pub fn all(&self) -> Vec<Id> {
        (0..self.0.len()).filter(|&id| self.has(id)).collect()
    }

    fn commit(&self, id: Id) -> &Commit {
        self.0[id].as_ref().expect("only commits that were made are asked for")
    }

    pub fn tree(&self, id: Id) -> Tree {
        self.commit(id).tree
    }

    pub fn parents(&self, id: Id) -> &[Id] {
        &self.commit(id).parents
    }

    pub fn above(&self, id: Id) -> Ids {
        self.commit(id).above
    }

    pub fn is_ancestor(&self, id: Id, of: Id) -> bool {
        self.above(of) & bit(id) != 0
    }

    pub fn delta(&self, old: Id, new: Id) -> Delta {
        Delta::between(self.tree(old), self.tree(new))
    }

    /// What a commit does to its first parent.
    pub fn own(&self, id: Id) -> Delta {
        let before = self.parents(id).first().map_or(EMPTY, |&parent| self.tree(parent));
        Delta::between(before, self.tree(id))
    }

    /// First parents from a commit downwards, itself first.
    pub fn line(&self, id: Id) -> Vec<Id> {
        std::iter::successors(Some(id), |&at| self.parents(at).first().copied()).collect()
    }

    /// The line from `start`, left out, to `end`, oldest first; none where `start` is not on it.
    pub fn steps(&self, start: Id, end: Id) -> Option<Vec<Id>> {
        let line = self.line(end);
        let at = line.iter().position(|&id| id == start)?;
        Some(line[..at].iter().rev().copied().collect())
    }

    /// The best common ancestors.
    pub fn bases(&self, a: Id, b: Id) -> Vec<Id> {
        let common = self.above(a) & self.above(b);
        let lower = ids(common).fold(0, |lower, id| lower | (self.above(id) & !bit(id)));
        ids(common & !lower).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ref {
    Main,
    Release,
    Tag,
    /// May be rewritten and deleted.
    Next,
    /// Anybody's until the policy begins to protect it.
    Late,
}

impl Ref {
    pub const ALL: [Ref; 5] = [Ref::Main, Ref::Release, Ref::Tag, Ref::Next, Ref::Late];

    /// It may only go forward.
    pub fn is_fixed(self) -> bool {
        self != Ref::Next
    }

    pub fn name(self) -> &'static str {
        match self {
            Ref::Main => "refs/heads/main",
            Ref::Release => "refs/heads/release",
            Ref::Tag => "refs/tags/v1",
            Ref::Next => "refs/heads/next",
            Ref::Late => "refs/heads/late",
        }
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().rsplit('/').next().unwrap_or_default())
    }
}

/// How much of its place the policy binds an approval to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    Manifest,
    Tree,
    Exact,
}

/// How a host lands a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    FastForward,
    Merge,
    Squash,
    Rebase,
}

/// A decision in force that meets all that the policy asks for this delta on this ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Approval {
    pub of: Ref,
    pub delta: Delta,
    /// Where the ref stood when it was signed.
    pub tip: Id,
    pub head: Id,
    /// The tree that landing it on the tip gives, if it can land there.
    pub result: Option<Tree>,
    /// How often the same was approved and withdrawn before.
    pub again: usize,
}

/// A move of a ref: none is where it does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub of: Ref,
    pub old: Option<Id>,
    pub new: Option<Id>,
}

pub struct World {
    /// What there is.
    pub real: View,
    /// What the gate sees of it: a cut commit, as by a shallow file, has no parents here.
    pub seen: View,
    pub cut: Ids,
    pub refs: BTreeMap<Ref, Id>,
    pub is_late_protected: bool,
    pub binding: Binding,
    /// In force.
    pub approvals: Vec<Approval>,
    pub withdrawn: Vec<Approval>,
}

impl World {
    /// Two commits; main and next stand at the second.
    pub fn new() -> World {
        let mut world = World {
            real: View::default(),
            seen: View::default(),
            cut: 0,
            refs: BTreeMap::from([(Ref::Main, 1), (Ref::Next, 1)]),
            is_late_protected: false,
            binding: Binding::Manifest,
            approvals: Vec::new(),
            withdrawn: Vec::new(),
        };
        world.commit(0, &[], [1, 0, 0], false);
        world.commit(1, &[0], [1, 1, 0], false);
        world
    }

    pub fn commit(&mut self, id: Id, parents: &[Id], tree: Tree, is_cut: bool) {
        self.real.add(id, parents.to_vec(), tree);
        self.seen.add(id, if is_cut { Vec::new() } else { parents.to_vec() }, tree);
        self.cut |= if is_cut { bit(id) } else { 0 };
    }

    pub fn is_protected(&self, of: Ref) -> bool {
        of != Ref::Late || self.is_late_protected
    }

    /// Protected refs that exist, and where they stand.
    pub fn protected(&self) -> Vec<(Ref, Id)> {
        self.refs.iter().map(|(&of, &tip)| (of, tip)).filter(|(of, _)| self.is_protected(*of)).collect()
    }
}

fn three_way(base: Tree, ours: Tree, theirs: Tree, conflict: Option<u8>) -> Option<Tree> {
    let mut merged = EMPTY;
    for path in 0..3 {
        let (base, ours, theirs) = (base[path], ours[path], theirs[path]);
        merged[path] = match () {
            () if ours == theirs || theirs == base => ours,
            () if ours == base => theirs,
            () => conflict?,
        };
    }
    Some(merged)
}

/// As in git's recursive merge: the bases merged with one another, conflicts left in as text.
fn virtual_base(view: &View, bases: &[Id]) -> Tree {
    let (mut tree, mut last) = (view.tree(bases[0]), bases[0]);
    for &base in &bases[1..] {
        let below = view.bases(last, base);
        let below = if below.is_empty() { EMPTY } else { virtual_base(view, &below) };
        tree = three_way(below, tree, view.tree(base), Some(CONFLICT)).unwrap_or(tree);
        last = base;
    }
    tree
}

/// The tree that a host makes of a proposal; none where it refuses.
pub fn host_merge(view: &View, tip: Id, head: Id, method: Method) -> Option<Tree> {
    let bases = view.bases(tip, head);
    if bases.is_empty() {
        return None;
    }
    match method {
        Method::FastForward => view.is_ancestor(tip, head).then(|| view.tree(head)),
        Method::Merge | Method::Squash => three_way(virtual_base(view, &bases), view.tree(tip), view.tree(head), None),
        // Commit by commit, in the order in which they were made. Left out are merges, and what the target has a twin
        // of.
        Method::Rebase => {
            let others = view.above(tip) & !view.above(head);
            let has_twin =
                |id: Id| ids(others).any(|other| view.parents(other).len() < 2 && view.own(other) == view.own(id));
            let picked =
                ids(view.above(head) & !view.above(tip)).filter(|&id| view.parents(id).len() < 2 && !has_twin(id));
            picked.into_iter().try_fold(view.tree(tip), |tree, id| {
                let before = view.parents(id).first().map_or(EMPTY, |&parent| view.tree(parent));
                three_way(before, tree, view.tree(id), None)
            })
        }
    }
}
