//! Random histories: small trees, and everything that people and tools do to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use undersign::change::diff::Mode;
use undersign::change::digest::Digest;
use undersign::change::manifest::{Image, Manifest};

/// Numbers that a seed determines.
pub struct Random {
    state: u64,
    /// Few paths, which more happens to.
    is_narrow: bool,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed, is_narrow: seed % 2 == 1 }
    }

    fn path(&mut self) -> &'static str {
        if self.is_narrow { self.of(&NARROW_PATHS) } else { self.of(&PATHS) }
    }

    fn folder(&mut self) -> &'static str {
        if self.is_narrow { self.of(&NARROW_FOLDERS) } else { self.of(&FOLDERS) }
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

/// What a path holds: the mode, and which of the contents that its kind knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    mode: Mode,
    content: usize,
}

impl Held {
    /// The bytes of a blob; none for a submodule.
    pub fn bytes(self, path: &str) -> Option<Vec<u8>> {
        let n = self.content;
        Some(match self.mode {
            Mode::Submodule => return None,
            Mode::Symlink => ["x", "a/x", "../lib"][n].as_bytes().to_vec(),
            _ if path.ends_with(ATTRIBUTES) => {
                ["* text=auto\n", "* merge=union -diff\n", "x merge=ours eol=crlf\n"][n].as_bytes().to_vec()
            }
            // Of an empty file, git takes none for its new name.
            _ if n == 0 => Vec::new(),
            _ => text(n / 5, n % 5),
        })
    }

    pub fn commit(self) -> String {
        format!("{:040x}", 0xabc + self.content)
    }

    fn image(self, path: &str) -> Image {
        match self.bytes(path) {
            Some(bytes) => Image { mode: self.mode, content: Digest::of(&bytes) },
            None => Image::of_submodule(self.commit().parse().unwrap()),
        }
    }

    pub fn octal(self) -> &'static str {
        self.mode.octal()
    }
}

/// Texts of one family are alike enough to be taken for one another under a new name, and to be merged line by line.
fn text(family: usize, variant: usize) -> Vec<u8> {
    let end = if variant == 4 { "\r\n" } else { "\n" };
    let line = |n: usize| format!("{family} {n}{}{end}", if n == variant * 2 { " changed" } else { "" });
    (0..9).map(line).collect::<String>().into_bytes()
}

pub type Tree = BTreeMap<String, Held>;

#[derive(Debug, Clone)]
pub struct Commit {
    pub parents: Vec<usize>,
    pub tree: Tree,
    /// Seconds after the first; clocks differ.
    date: i64,
}

/// Commits, each after its parents.
#[derive(Debug, Clone)]
pub struct History(pub Vec<Commit>);

const PATHS: [&str; 16] = [
    "a/x", "a/y", "a/z", "a/s/x", "a/s/t", "b/x", "b/w", "c/x", "c/s/q", "lib", "lib/x", "lib/y", "x", "y", "z/x",
    ATTRIBUTES,
];
const NARROW_PATHS: [&str; 6] = ["a/x", "a/y", "a/new", "b/w", "b/x", "y"];
const NARROW_FOLDERS: [&str; 3] = ["a", "b", "d/e"];
const ATTRIBUTES: &str = ".gitattributes";
const FOLDERS: [&str; 7] = ["a", "a/s", "b", "c", "lib", "z", "d/e"];

impl History {
    /// A history of about ten commits on a line and two branches, and the tips of all three.
    pub fn random(random: &mut Random) -> (History, [usize; 3]) {
        let mut root = Tree::new();
        for _ in 0..3 + random.below(5) {
            let path = random.path();
            put(&mut root, path, held(random));
        }
        let mut history = History(vec![Commit { parents: vec![], tree: root, date: 0 }]);
        let mut tips = [0; 3];
        for _ in 0..4 + random.below(7) {
            let branch = random.of(&[0, 0, 1, 1, 1, 2]);
            // A branch begins late, or anywhere.
            if tips[branch] == 0 && random.chance(50) {
                tips[branch] = random.below(history.0.len());
            }
            tips[branch] = history.grow(tips[branch], &tips, random);
        }
        (history, tips)
    }

    fn grow(&mut self, mut parent: usize, tips: &[usize; 3], random: &mut Random) -> usize {
        let other = if random.chance(60) { random.of(tips) } else { random.below(self.0.len()) };
        let mut tree = self.0[parent].tree.clone();
        if random.chance(15) {
            // What is gone with the next commit.
            let mut passing = tree.clone();
            let (path, held) = (random.path(), held(random));
            put(&mut passing, path, if random.chance(50) { Held { content: 0, ..held } } else { held });
            parent = self.push(vec![parent], passing, random);
        }
        let mut parents = vec![parent];
        match random.below(100) {
            0..26 => (0..=random.below(3)).for_each(|_| edit(&mut tree, random)),
            26..34 => rename(&mut tree, random),
            34..54 => move_folder(&mut tree, random),
            54..58 => {}
            58..66 => self.apply(&mut tree, other, false),
            66..74 => {
                let line = self.line(parent);
                self.apply(&mut tree, random.of(&line[..line.len().min(3)]), true);
            }
            74..76 => {
                parents.clear();
                edit(&mut tree, random);
            }
            76..79 if other != parent => {
                parents.extend([other].into_iter().chain(tips.iter().copied().filter(|&t| t != parent && t != other)));
            }
            _ if other == parent || self.ancestors(parent).contains(&other) => edit(&mut tree, random),
            kind => {
                parents.push(other);
                match kind {
                    79..83 => {}
                    83..85 => tree = self.0[other].tree.clone(),
                    _ => tree = self.merged(parent, other),
                }
                if kind >= 98 {
                    edit(&mut tree, random);
                }
            }
        }
        self.push(parents, tree, random)
    }

    fn push(&mut self, parents: Vec<usize>, tree: Tree, random: &mut Random) -> usize {
        let skew = if random.chance(20) { random.below(2000) as i64 - 1000 } else { 0 };
        self.0.push(Commit { parents, tree, date: self.0.len() as i64 * 100 + skew });
        self.0.len() - 1
    }

    /// Does to a tree what a commit did to its first parent, or takes that back.
    fn apply(&self, tree: &mut Tree, commit: usize, back: bool) {
        let Some(&below) = self.0[commit].parents.first() else { return };
        let (old, new) = (&self.0[below].tree, &self.0[commit].tree);
        let (old, new) = if back { (new, old) } else { (old, new) };
        overlay(tree, old, new);
    }

    /// Path by path what either side changed; where both did, the other's.
    fn merged(&self, ours: usize, theirs: usize) -> Tree {
        let mut tree = self.0[ours].tree.clone();
        if let Some(&base) = self.bases(ours, theirs).first() {
            overlay(&mut tree, &self.0[base].tree, &self.0[theirs].tree);
        }
        tree
    }

    /// First parents from a commit down.
    fn line(&self, from: usize) -> Vec<usize> {
        std::iter::successors(Some(from), |&commit| self.0[commit].parents.first().copied()).collect()
    }

    /// A commit and all that it holds.
    pub fn ancestors(&self, of: usize) -> BTreeSet<usize> {
        let (mut found, mut todo) = (BTreeSet::new(), vec![of]);
        while let Some(commit) = todo.pop() {
            if found.insert(commit) {
                todo.extend(&self.0[commit].parents);
            }
        }
        found
    }

    /// The best common ancestors.
    pub fn bases(&self, a: usize, b: usize) -> Vec<usize> {
        let common: BTreeSet<_> = self.ancestors(a).intersection(&self.ancestors(b)).copied().collect();
        let is_best = |&base: &usize| !common.iter().any(|&c| c != base && self.ancestors(c).contains(&base));
        common.iter().copied().filter(is_best).collect()
    }

    /// What one commit changes in another.
    pub fn manifest(&self, from: usize, to: usize) -> Manifest {
        let (old, new) = (&self.0[from].tree, &self.0[to].tree);
        let mut manifest = Manifest::default();
        for path in old.keys().chain(new.keys()) {
            let image = |tree: &Tree| tree.get(path).map(|held| held.image(path));
            manifest.insert(path.as_str().into(), image(old), image(new));
        }
        manifest
    }

    /// The tree of a commit with what `from` to `to` changes, path by path; none where that is not a tree.
    pub fn with(&self, onto: usize, from: usize, to: usize) -> Option<Tree> {
        let mut tree = self.0[onto].tree.clone();
        let (old, new) = (&self.0[from].tree, &self.0[to].tree);
        for path in old.keys().chain(new.keys()).filter(|path| old.get(*path) != new.get(*path)) {
            match new.get(path) {
                Some(held) => _ = tree.insert(path.clone(), *held),
                None => _ = tree.remove(path),
            }
        }
        let is_tree = tree.keys().all(|path| !tree.keys().any(|other| other.starts_with(&format!("{path}/"))));
        is_tree.then_some(tree)
    }

    /// As `git fast-import` reads it: commit n is `refs/heads/c<n>`, and mark n + 1.
    pub fn stream(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (n, commit) in self.0.iter().enumerate() {
            let who = format!("mina <mina@example.com> {} +0000", 1_789_000_000 + commit.date);
            let mut head = format!("commit refs/heads/c{n}\nmark :{}\nauthor {who}\ncommitter {who}\n", n + 1);
            let message = format!("c{n}\n");
            write!(head, "data {}\n{message}", message.len()).unwrap();
            for (at, parent) in commit.parents.iter().enumerate() {
                writeln!(head, "{} :{}", if at == 0 { "from" } else { "merge" }, parent + 1).unwrap();
            }
            head.push_str("deleteall\n");
            out.extend(head.into_bytes());
            for (path, held) in &commit.tree {
                match held.bytes(path) {
                    None => out.extend(format!("M 160000 {} {path}\n", held.commit()).into_bytes()),
                    Some(bytes) => {
                        out.extend(format!("M {} inline {path}\ndata {}\n", held.octal(), bytes.len()).into_bytes());
                        out.extend(bytes);
                        out.push(b'\n');
                    }
                }
            }
            out.push(b'\n');
        }
        out
    }

    /// Without one commit: what was built on it is built on its first parent. None where something has no parent any
    /// more.
    pub fn without(&self, gone: usize) -> History {
        let instead = self.0[gone].parents.first().copied();
        let shift = |commit: usize| if commit > gone { commit - 1 } else { commit };
        let adapt = |commit: &Commit| {
            let mut parents = Vec::new();
            for parent in commit.parents.iter().filter_map(|&p| if p == gone { instead } else { Some(p) }) {
                if !parents.contains(&shift(parent)) {
                    parents.push(shift(parent));
                }
            }
            Commit { parents, ..commit.clone() }
        };
        History(self.0.iter().enumerate().filter(|(n, _)| *n != gone).map(|(_, commit)| adapt(commit)).collect())
    }

    /// Without a path in any tree.
    pub fn without_path(&self, path: &str) -> History {
        let mut history = self.clone();
        history.0.iter_mut().for_each(|commit| _ = commit.tree.remove(path));
        history
    }

    pub fn paths(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|commit| commit.tree.keys().cloned()).collect()
    }
}

fn held(random: &mut Random) -> Held {
    let mode = random.of(&[
        Mode::File,
        Mode::File,
        Mode::File,
        Mode::File,
        Mode::File,
        Mode::File,
        Mode::Executable,
        Mode::Symlink,
        Mode::Submodule,
    ]);
    Held { mode, content: if random.chance(20) { 0 } else { random.below(15) } }
}

/// A path gets this, whatever was at it, above it or below it.
fn put(tree: &mut Tree, path: &str, held: Held) {
    tree.retain(|other, _| !other.starts_with(&format!("{path}/")) && !path.starts_with(&format!("{other}/")));
    let is_one_of_three = matches!(held.mode, Mode::Symlink | Mode::Submodule) || path.ends_with(ATTRIBUTES);
    let content = if is_one_of_three { held.content % 3 } else { held.content };
    tree.insert(path.to_owned(), Held { content, ..held });
}

fn overlay(tree: &mut Tree, old: &Tree, new: &Tree) {
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        tree.remove(path);
    }
    for (path, held) in new.iter().filter(|(path, held)| old.get(*path) != Some(held)) {
        put(tree, path, *held);
    }
}

fn edit(tree: &mut Tree, random: &mut Random) {
    let there: Vec<String> = tree.keys().cloned().collect();
    let path = if there.is_empty() || random.chance(50) { random.path().to_owned() } else { random.of(&there) };
    if random.chance(25) {
        tree.remove(&path);
        return;
    }
    let held = match tree.get(&path) {
        // Another text of the same family, or the same with another mode.
        Some(held) if random.chance(40) => Held { content: held.content / 5 * 5 + random.below(5), ..*held },
        Some(held) if random.chance(20) => Held { mode: Mode::Executable, ..*held },
        _ => held(random),
    };
    put(tree, &path, held);
}

fn rename(tree: &mut Tree, random: &mut Random) {
    let there: Vec<String> = tree.keys().cloned().collect();
    if there.is_empty() {
        return;
    }
    let held = tree.remove(&random.of(&there)).unwrap();
    put(tree, random.path(), held);
    if random.chance(50) {
        edit(tree, random);
    }
}

/// A folder under another name; once in a while everything goes below one.
fn move_folder(tree: &mut Tree, random: &mut Random) {
    let (from, to) = (format!("{}/", random.folder()), random.folder());
    let from = if random.chance(10) { "" } else { from.as_str() };
    let moved: Vec<(String, Held)> =
        tree.iter().filter(|(path, _)| path.starts_with(from)).map(|(path, held)| (path.clone(), *held)).collect();
    moved.iter().for_each(|(path, _)| _ = tree.remove(path));
    moved.into_iter().for_each(|(path, held)| put(tree, &format!("{to}/{}", &path[from.len()..]), held));
    if random.chance(50) {
        edit(tree, random);
    }
}
