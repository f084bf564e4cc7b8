//! What a gate asks about objects beyond the manifest: lines, hidden characters, names that stand for something else,
//! names that collide, and whether a place was left unchanged.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use git2::Oid;

use super::trees::TREE;
use super::{GitError, PolicyState, Repository, diff, oid, organization};
use crate::change::compare::{Comparison, Line, compare};
use crate::change::diff::{ContentKind, Diff, FileDiff, Location, Mode, Side, TreeEntry};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::spelling::Names;
use crate::change::{ObjectId, RepoPath, visible};
use crate::gate::{Contents, MAX_PLACES, NextPolicy, Opaque, Rest, Step};
use crate::policy::{ORGANIZATION_FILE, Organization, Policy};
use crate::record::drill::DrillChain;
use crate::record::evidence::EvidenceChain;

/// The most commits along first parents that are checked to see whether a place was left unchanged.
const MAX_LINE: usize = 50_000;
/// Bytes of the texts that are compared line by line for one push, each pair once. A text at many paths, each changed
/// differently, means many comparisons of the whole text.
const MAX_COMPARED: u64 = 1 << 30;

/// Bytes of two texts compared for an explanation.
const MAX_EXPLAINED: usize = 2 << 20;

/// The objects of a repository, as a gate queries them.
pub struct Objects<'r> {
    repository: &'r Repository,
    /// For a look back: where the ref stood, and the organization of then.
    then: Option<(ObjectId, organization::Known)>,
    diffs: RefCell<HashMap<(ObjectId, ObjectId), Rc<Diff>>>,
    names: RefCell<HashMap<Oid, Rc<Names>>>,
    comparisons: RefCell<HashMap<[Option<ObjectId>; 2], Compared>>,
    /// Bytes compared so far.
    compared: Cell<u64>,
    exceeded: RefCell<Option<String>>,
    /// Reads chains of evidence, which are kept in refs.
    evidence: Option<Box<EvidenceReader<'r>>>,
    /// What it read, by the keys that were asked for.
    read: RefCell<HashMap<BTreeSet<String>, Arc<Vec<EvidenceChain>>>>,
    /// Reads the chains of people with drills.
    drills: Option<Box<DrillReader<'r>>>,
    /// What it read.
    drills_read: OnceCell<Result<Arc<Vec<DrillChain>>, String>>,
}

/// Reads the chains of evidence of some keys, by their ids.
type EvidenceReader<'r> = dyn Fn(&BTreeSet<String>) -> Result<Arc<Vec<EvidenceChain>>, GitError> + 'r;

/// Reads the chains of drills of everybody in the policy.
type DrillReader<'r> = dyn Fn() -> Result<Arc<Vec<DrillChain>>, GitError> + 'r;

/// How two texts differ, as far as a gate asks.
#[derive(Debug, Clone, Default)]
struct Compared {
    /// The number of added and removed lines.
    lines: u64,
    /// The numbers of new lines with invisible characters, from 1, the first few: those that were there before were an
    /// earlier reviewer's to notice.
    hidden: Rc<[u32]>,
}

impl Compared {
    fn of(old: &[u8], new: &[u8]) -> Compared {
        let comparison = compare(old, new);
        let added = comparison.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(|line| match line {
            Line::Added { new } => Some(*new),
            _ => None,
        });
        let hides = |&line: &u32| {
            let shown = String::from_utf8_lossy(comparison.new.get(new, line));
            visible::hidden_in_line(&shown, line == 0).next().is_some()
        };
        let hidden = added.filter(hides).take(MAX_PLACES + 1).map(|line| line + 1).collect();
        Compared { lines: u64::from(comparison.added) + u64::from(comparison.removed), hidden }
    }
}

impl<'r> Objects<'r> {
    pub fn of(repository: &'r Repository) -> Objects<'r> {
        Objects {
            repository,
            then: None,
            diffs: RefCell::default(),
            names: RefCell::default(),
            comparisons: RefCell::default(),
            compared: Cell::default(),
            exceeded: RefCell::default(),
            evidence: None,
            read: RefCell::default(),
            drills: None,
            drills_read: OnceCell::new(),
        }
    }

    /// The same with evidence, which is read if a requirement asks for it; otherwise there is none.
    pub fn with_evidence(
        self,
        read: impl Fn(&BTreeSet<String>) -> Result<Arc<Vec<EvidenceChain>>, GitError> + 'r,
    ) -> Objects<'r> {
        Objects { evidence: Some(Box::new(read)), ..self }
    }

    /// The same with drills, which are read to explain a refusal; otherwise there are none.
    pub fn with_drills(self, read: impl Fn() -> Result<Arc<Vec<DrillChain>>, GitError> + 'r) -> Objects<'r> {
        Objects { drills: Some(Box::new(read)), ..self }
    }

    /// The same for a look back, to when the ref stood at a commit and policies inherited from this organization.
    pub fn of_then(repository: &'r Repository, stood: ObjectId, organization: organization::Known) -> Objects<'r> {
        Objects { then: Some((stood, organization)), ..Objects::of(repository) }
    }

    /// As the sentence that the rules expect; remembers exceeded limits, for them to ask.
    fn sentence(&self, error: GitError) -> String {
        let sentence = error.to_string();
        if let GitError::Limit(_) = error {
            self.exceeded.replace(Some(sentence.clone()));
        }
        sentence
    }

    fn diff(&self, steps: &[Step]) -> Result<Rc<Diff>, GitError> {
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return Ok(Rc::default()) };
        let between = (first.compared.0, last.compared.1);
        if let Some(diff) = self.diffs.borrow().get(&between) {
            return Ok(Rc::clone(diff));
        }
        let found = Rc::new(diff(self.repository, between.0, between.1)?);
        self.diffs.borrow_mut().insert(between, Rc::clone(&found));
        Ok(found)
    }

    /// How the texts of a path differ; empty if neither side is a text. The same pair is compared once, whatever its
    /// paths and modes.
    fn compared(&self, file: &FileDiff) -> Result<Compared, GitError> {
        let sides = [self.text_id(file.old)?, self.text_id(file.new)?];
        if let Some(known) = self.comparisons.borrow().get(&sides) {
            return Ok(known.clone());
        }
        self.repository.deadline.check()?;
        let text = |id: Option<ObjectId>| id.map(|id| self.repository.text(id)).transpose();
        let (old, new) = (text(sides[0])?.unwrap_or_default(), text(sides[1])?.unwrap_or_default());
        self.pay((old.len() + new.len()) as u64)?;
        let found = Compared::of(&old, &new);
        self.comparisons.borrow_mut().insert(sides, found.clone());
        Ok(found)
    }

    fn pay(&self, bytes: u64) -> Result<(), GitError> {
        self.compared.set(self.compared.get() + bytes);
        if self.compared.get() <= MAX_COMPARED {
            return Ok(());
        }
        let detail = format!(
            "The texts that are to be compared line by line are more than {} MiB together, so the push is not \
             decided. Push it in parts.",
            MAX_COMPARED >> 20
        );
        Err(GitError::Limit(detail))
    }

    /// Hidden characters in new lines, since those that were there before were an earlier reviewer's to notice; and in
    /// the name.
    fn hidden_in(&self, file: &FileDiff) -> Result<Vec<Location>, GitError> {
        let Some(new) = file.new else { return Ok(Vec::new()) };
        let at = |line| Location { path: file.path.clone(), side: Side::New, line };
        let mut found: Vec<Location> = hides(&file.path.0).then(|| at(0)).into_iter().collect();
        // The target of a symlink is a name too: it has no lines.
        if new.mode == Mode::Symlink {
            let target = self.repository.link_target(new.id)?;
            found.extend(hides(&target).then(|| at(1)));
        } else if self.text_id(Some(new))?.is_some() {
            found.extend(self.compared(file)?.hidden.iter().map(|line| at(*line)));
        }
        Ok(found)
    }

    /// The blob that is compared line by line; none if it is not a text.
    fn text_id(&self, side: Option<TreeEntry>) -> Result<Option<ObjectId>, GitError> {
        let Some(entry) = side.filter(|entry| entry.mode != Mode::Submodule) else { return Ok(None) };
        let is_text = match (entry.mode, self.repository.kind(entry.id)?) {
            (_, ContentKind::TooLarge) => false,
            (Mode::Symlink, _) => true,
            (_, kind) => kind != ContentKind::Binary,
        };
        Ok(is_text.then_some(entry.id))
    }

    /// The lines of the old text of a path that are edited between two trees; all of it if it is not a text or too
    /// large.
    fn edits(&self, trees: (ObjectId, ObjectId), path: &RepoPath) -> Option<Vec<Range<u32>>> {
        let side = |tree| super::entry_at(self.repository, tree, path).ok();
        let (old, new) = (side(trees.0)?, side(trees.1)?);
        let text = |entry: Option<TreeEntry>| match entry {
            None => Some(Vec::new()),
            Some(entry) => super::content(self.repository, entry).ok()?.text().map(<[u8]>::to_vec),
        };
        let whole = vec![Range { start: 0, end: u32::MAX }];
        let (Some(old), Some(new)) = (text(old), text(new)) else { return Some(whole) };
        if old.is_empty() || new.is_empty() || old.len() + new.len() > MAX_EXPLAINED {
            return Some(whole);
        }
        Some(edited(&compare(&old, &new)))
    }

    fn opaque_side(&self, entry: TreeEntry) -> Result<Option<Opaque>, GitError> {
        if entry.mode == Mode::Submodule {
            return Ok(Some(Opaque::Elsewhere));
        }
        Ok(match (entry.mode, self.repository.kind(entry.id)?) {
            (_, ContentKind::TooLarge) => Some(Opaque::NoText),
            (Mode::Symlink, _) | (_, ContentKind::Text | ContentKind::Wide) => None,
            (_, ContentKind::LfsPointer) => Some(Opaque::Elsewhere),
            (_, ContentKind::Binary) => Some(Opaque::NoText),
        })
    }

    /// Another name in the tree with which a new path would collide.
    fn alias(&self, root: Oid, path: &RepoPath) -> Result<Option<RepoPath>, GitError> {
        let mut at = root;
        let mut above: Vec<&[u8]> = Vec::new();
        for part in path.0.split(|&b| b == b'/') {
            let names = self.names(at)?;
            if let Some(other) = names.alike(part).or_else(|| names.shortened(part)) {
                return Ok(Some(RepoPath([&above[..], &[other]].concat().join(&b'/'))));
            }
            above.push(part);
            let tree = self.repository.raw.find_tree(at)?;
            match tree.get_name_bytes(part).filter(|entry| entry.kind() == Some(git2::ObjectType::Tree)) {
                Some(entry) => at = entry.id(),
                None => break,
            }
        }
        Ok(None)
    }

    fn names(&self, tree: Oid) -> Result<Rc<Names>, GitError> {
        if let Some(names) = self.names.borrow().get(&tree) {
            return Ok(Rc::clone(names));
        }
        let entries = self.repository.raw.find_tree(tree)?;
        let entries: Vec<_> = entries.iter().map(|entry| entry.name_bytes().to_vec()).collect();
        let names = Rc::new(Names::of(entries.iter().map(Vec::as_slice)));
        self.names.borrow_mut().insert(tree, Rc::clone(&names));
        Ok(names)
    }

    /// First parents from `until` back to `since`, both included; none if `since` is not among them.
    fn line(&self, since: ObjectId, until: ObjectId) -> Result<Option<Vec<Oid>>, GitError> {
        let (mut trees, mut at) = (Vec::new(), oid(until));
        while trees.len() < MAX_LINE {
            self.repository.deadline.check()?;
            let commit = self.repository.raw.find_commit(at)?;
            trees.push(commit.tree_id());
            if at == oid(since) {
                return Ok(Some(trees));
            }
            match commit.parent_ids().next() {
                Some(parent) => at = parent,
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// Ranges of old lines that are removed, or between which something is inserted.
fn edited(comparison: &Comparison) -> Vec<Range<u32>> {
    let mut edits: Vec<Range<u32>> = Vec::new();
    for hunk in &comparison.hunks {
        let mut at = hunk.old.start;
        for line in &hunk.lines {
            let end = if let Line::Added { .. } = line { at } else { at + 1 };
            if !matches!(line, Line::Context { .. }) {
                edits.push(at..end);
            }
            at = end;
        }
    }
    edits
}

/// Whether any two have a line in common, or insert at the same place.
fn meet(a: &[Range<u32>], b: &[Range<u32>]) -> bool {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        if x == y || (x.start < y.end && y.start < x.end) {
            return true;
        } else if x.end <= y.start {
            a.next();
        } else {
            b.next();
        }
    }
    false
}

impl Contents for Objects<'_> {
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        let diff = self.diff(steps).map_err(|error| self.sentence(error))?;
        let counted = |file: &FileDiff| Ok((file.path.clone(), self.compared(file)?.lines));
        diff.files.iter().map(counted).collect::<Result<_, GitError>>().map_err(|error| self.sentence(error))
    }

    fn hidden(&self, steps: &[Step]) -> Result<Vec<Location>, String> {
        let diff = self.diff(steps).map_err(|error| self.sentence(error))?;
        let mut found = Vec::new();
        for file in &diff.files {
            found.extend(self.hidden_in(file).map_err(|error| self.sentence(error))?);
            if found.len() > MAX_PLACES {
                break;
            }
        }
        found.truncate(MAX_PLACES + 1);
        Ok(found)
    }

    fn opaque(&self, steps: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String> {
        let diff = self.diff(steps).map_err(|error| self.sentence(error))?;
        let mut found = Vec::new();
        for file in &diff.files {
            let why = file.new.map(|new| self.opaque_side(new)).transpose().map_err(|error| self.sentence(error))?;
            found.extend(why.flatten().map(|why| (file.path.clone(), why)));
        }
        Ok(found)
    }

    fn aliases(&self, steps: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String> {
        let diff = self.diff(steps).map_err(|error| self.sentence(error))?;
        let Some(last) = steps.last() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for file in diff.files.iter().filter(|file| file.old.is_none()) {
            self.repository.deadline.check().map_err(|error| self.sentence(error))?;
            let other = self.alias(oid(last.compared.1), &file.path).map_err(|error| self.sentence(error))?;
            found.extend(other.map(|other| (file.path.clone(), other)));
        }
        Ok(found)
    }

    fn exceeded(&self) -> Option<String> {
        let late = || self.repository.deadline.check().err().map(|error| error.to_string());
        self.exceeded.borrow().clone().or_else(late)
    }

    fn is_same_place(&self, then: (ObjectId, ObjectId), paths: &[&RepoPath], steps: &[Step]) -> Option<bool> {
        let (first, last) = (steps.first()?, steps.last()?);
        let then = (self.repository.tree_of(then.0).ok()?, self.repository.tree_of(then.1).ok()?);
        let now = (first.compared.0, last.compared.1);
        // Whoever deletes or renames a file edits no line of it.
        let stays = |tree: ObjectId, path: &RepoPath| super::entry_at(self.repository, tree, path).ok()?;
        let alike = |path: &&&RepoPath| stays(then.1, path).is_some() == stays(now.1, path).is_some();
        let mut edits = paths.iter().filter(alike).map(|path| Some((self.edits(then, path)?, self.edits(now, path)?)));
        edits.try_fold(false, |is_same, pair| {
            let (then, now) = pair?;
            Some(is_same || meet(&then, &now))
        })
    }

    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String> {
        let Some(trees) = self.line(since, until).map_err(|error| self.sentence(error))? else {
            return Ok(Rest::Elsewhere);
        };
        let places = Places::of(manifest.paths());
        let mut rested = true;
        for pair in trees.windows(2) {
            self.repository.deadline.check().map_err(|error| self.sentence(error))?;
            rested &=
                places.are_same(self.repository, Some(pair[0]), Some(pair[1])).map_err(|error| self.sentence(error))?;
        }
        Ok(if rested { Rest::Rested } else { Rest::Returned })
    }

    fn evidence(&self, keys: &BTreeSet<String>) -> Result<Arc<Vec<EvidenceChain>>, String> {
        if let Some(read) = self.read.borrow().get(keys) {
            return Ok(Arc::clone(read));
        }
        let Some(read) = &self.evidence else { return Ok(Arc::default()) };
        let chains = read(keys).map_err(|error| self.sentence(error))?;
        self.read.borrow_mut().insert(keys.clone(), Arc::clone(&chains));
        Ok(chains)
    }

    /// Nothing is decided by them, so that no limit is remembered as exceeded.
    fn drills(&self) -> Result<Arc<Vec<DrillChain>>, String> {
        let read = || self.drills.as_ref().map_or_else(|| Ok(Arc::default()), |read| read());
        self.drills_read.get_or_init(|| read().map_err(|error| error.to_string())).clone()
    }

    fn next_policy(&self, commit: ObjectId, now: Digest) -> Result<Option<NextPolicy>, String> {
        let head = || self.repository.head_branch().and_then(|branch| self.repository.tip(&branch));
        let (stood, known) = match &self.then {
            Some((stood, known)) => (Some(*stood), known.clone()),
            None => (head(), self.repository.organization()),
        };
        if let Some(why) = next_organization(self.repository, stood, commit) {
            return Ok(Some(Err(why)));
        }
        let is_home = organization::is_at(self.repository, commit);
        let begins = is_home && stood.is_none_or(|stood| !organization::is_at(self.repository, stood));
        if self.repository.policy_digest(commit) == Some(now) && !begins {
            return Ok(None);
        }
        let next = self.repository.policy_under(commit, &known).map_err(|error| self.sentence(error))?;
        Ok(Some(match next {
            PolicyState::Found(policy) if is_home && policy.inherited.is_none() && policy.unguarded().is_some() => {
                let why = policy.unguarded().unwrap_or_default();
                Err(format!("{why}, so that no copy of this repository could follow it."))
            }
            PolicyState::Found(policy) => match weakened(&policy, known?.as_deref()) {
                Some(why) => Err(why),
                None => Ok((policy.version, policy.digest)),
            },
            PolicyState::Absent => Err("it is gone. Without it nothing could land.".to_owned()),
            PolicyState::Invalid(error) => Err(visible::lines(&error.to_string())),
        }))
    }
}

/// Why the file of an organization must not land so, after the one where the branch stood: every repository that
/// inherits would refuse everything.
fn next_organization(repository: &Repository, stood: Option<ObjectId>, commit: ObjectId) -> Option<String> {
    let before = stood.and_then(|stood| organization::at(repository, stood).ok());
    match (before, organization::at(repository, commit)) {
        (_, Err(why)) if organization::is_at(repository, commit) => Some(why),
        (Some(before), Err(why)) => Some(format!("{why} The repositories of {} judge by it.", before.id())),
        (Some(before), Ok(next)) if next.id() != before.id() => {
            Some(format!("the organization is called {}, and would be another one for all.", before.id()))
        }
        (Some(before), Ok(next)) if next.digest() != before.digest() && next.version() <= before.version() => Some(
            format!("{ORGANIZATION_FILE} changes, and its version does not grow: raise it above {}.", before.version()),
        ),
        _ => None,
    }
}

/// Where a policy would ask for less than its organization, as sentences.
fn weakened(policy: &Policy, organization: Option<&Organization>) -> Option<String> {
    match (&policy.inherited, organization) {
        (None, Some(organization)) => Some(format!(
            "it does not inherit from the organization of this gate: write `inherits = \"{}\"`.",
            organization.id()
        )),
        (Some(inherited), _) if !inherited.weaker.is_empty() => {
            let lines = inherited.weaker.iter().map(|weaker| format!("line {}: {}", weaker.line, weaker.text));
            Some(format!("it asks for less than the organization.\n  {}", lines.collect::<Vec<_>>().join("\n  ")))
        }
        _ => None,
    }
}

/// Whether a name contains invisible characters.
fn hides(name: &[u8]) -> bool {
    visible::hidden(&String::from_utf8_lossy(name)).next().is_some()
}

/// Paths as a tree, so that two git trees are compared only along them.
#[derive(Default)]
pub(super) struct Places<'m> {
    below: BTreeMap<&'m [u8], Places<'m>>,
    is_path: bool,
}

impl<'m> Places<'m> {
    pub fn of(paths: impl Iterator<Item = &'m RepoPath>) -> Places<'m> {
        let mut root = Places::default();
        for path in paths {
            let mut at = &mut root;
            for part in path.0.split(|&b| b == b'/') {
                at = at.below.entry(part).or_default();
            }
            at.is_path = true;
        }
        root
    }

    /// Whether two trees have the same content at all places. The cost depends on how much differs along these paths.
    pub fn are_same(&self, repository: &Repository, a: Option<Oid>, b: Option<Oid>) -> Result<bool, GitError> {
        if a == b {
            return Ok(true);
        }
        let tree = |id: Option<Oid>| id.map(|id| repository.raw.find_tree(id)).transpose();
        let (a, b) = (tree(a)?, tree(b)?);
        for (name, below) in &self.below {
            let side = |tree: &Option<git2::Tree<'_>>| {
                let entry = tree.as_ref()?.get_name_bytes(name)?;
                Some((entry.id(), entry.filemode()))
            };
            let (left, right) = (side(&a), side(&b));
            // Only a tree has entries below it.
            let below_it = |side: Option<(Oid, i32)>| side.filter(|(_, mode)| *mode == TREE).map(|(id, _)| id);
            let differs = below.is_path && left != right;
            if differs || !below.are_same(repository, below_it(left), below_it(right))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_texts_than_are_compared_for_one_push_are_a_limit_that_stays_met() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let repository = Repository::open_exactly(dir.path()).unwrap();
        let objects = Objects::of(&repository);
        assert_eq!(objects.pay(MAX_COMPARED), Ok(()));
        assert_eq!(objects.exceeded(), None);
        let limit = objects.pay(1).unwrap_err();
        let sentence = objects.sentence(limit);
        assert!(sentence.contains("1024 MiB") && sentence.contains("in parts"), "{sentence}");
        assert_eq!(objects.exceeded(), Some(sentence));
    }
}
