//! What a gate asks of objects beyond the manifest: lines, hidden characters, what stands for something else, names that
//! collide, and whether a place was left alone.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use git2::Oid;
use unicode_normalization::UnicodeNormalization as _;

use super::objects::TREE;
use super::{GitError, Repository, content, diff, oid};
use crate::change::compare::{Line, compare};
use crate::change::diff::{Content, Diff, FileDiff, Location, Side, TreeEntry};
use crate::change::manifest::Manifest;
use crate::change::{ObjectId, RepoPath, visible};
use crate::gate::{Contents, MAX_PLACES, Opaque, Rest, Step};

/// Commits along first parents that are looked at to see whether a place was left alone.
const MAX_LINE: usize = 50_000;

/// The objects of a repository, asked by a gate.
pub struct Objects<'r> {
    repository: &'r Repository,
    diffs: RefCell<HashMap<(ObjectId, ObjectId), Rc<Diff>>>,
    names: RefCell<HashMap<Oid, Rc<Names>>>,
}

/// The entries of one tree by what is left of their names without letter case and Unicode form.
type Names = HashMap<String, Vec<Vec<u8>>>;

impl<'r> Objects<'r> {
    pub fn of(repository: &'r Repository) -> Objects<'r> {
        Objects { repository, diffs: RefCell::default(), names: RefCell::default() }
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

    fn sides(&self, file: &FileDiff) -> Result<[Option<Content>; 2], GitError> {
        let side = |entry: Option<TreeEntry>| entry.map(|entry| content(self.repository, entry)).transpose();
        Ok([side(file.old)?, side(file.new)?])
    }

    fn changed_lines(&self, file: &FileDiff) -> Result<u64, GitError> {
        let [old, new] = self.sides(file)?;
        let text = |side: &Option<Content>| side.as_ref().and_then(Content::text).unwrap_or_default().to_vec();
        let comparison = compare(&text(&old), &text(&new));
        Ok(u64::from(comparison.added) + u64::from(comparison.removed))
    }

    /// In lines that are new, since what was there already was somebody else's to see; and in the name.
    fn hidden_in(&self, file: &FileDiff) -> Result<Vec<Location>, GitError> {
        let [old, new] = self.sides(file)?;
        let Some(new) = new else { return Ok(Vec::new()) };
        let at = |line| Location { path: file.path.clone(), side: Side::New, line };
        let mut found: Vec<Location> = hides(&file.path.0).then(|| at(0)).into_iter().collect();
        let Some(text) = new.text() else { return Ok(found) };
        // A target is a name too: it has no lines.
        if matches!(new, Content::Symlink(_)) {
            found.extend(hides(text).then(|| at(1)));
            return Ok(found);
        }
        let comparison = compare(old.as_ref().and_then(Content::text).unwrap_or_default(), text);
        let added = comparison.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(|line| match line {
            Line::Added { new } => Some(*new),
            _ => None,
        });
        let hides = |&line: &u32| {
            let shown = String::from_utf8_lossy(comparison.new.get(text, line));
            visible::hidden_in_line(&shown, line == 0).next().is_some()
        };
        found.extend(added.filter(hides).take(MAX_PLACES + 1).map(|line| at(line + 1)));
        Ok(found)
    }

    fn opaque_side(&self, entry: TreeEntry) -> Result<Option<Opaque>, GitError> {
        Ok(match content(self.repository, entry)? {
            Content::Submodule(_) | Content::LfsPointer(_) => Some(Opaque::Elsewhere),
            Content::Binary { .. } | Content::TooLarge { .. } => Some(Opaque::NoText),
            Content::Text(_) | Content::Symlink(_) => None,
        })
    }

    /// Another name in the tree that a new path cannot live beside.
    fn alias(&self, root: Oid, path: &RepoPath) -> Result<Option<RepoPath>, GitError> {
        let mut at = root;
        let mut above: Vec<&[u8]> = Vec::new();
        for part in path.0.split(|&b| b == b'/') {
            let names = self.names(at)?;
            let same = names.get(&folded(part)).map(Vec::as_slice).unwrap_or_default();
            if let Some(other) = same.iter().find(|name| name.as_slice() != part) {
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
        let mut names = Names::new();
        for entry in &self.repository.raw.find_tree(tree)? {
            names.entry(folded(entry.name_bytes())).or_default().push(entry.name_bytes().to_vec());
        }
        let names = Rc::new(names);
        self.names.borrow_mut().insert(tree, Rc::clone(&names));
        Ok(names)
    }

    /// First parents from `until` back to `since`, both included; none where `since` is not among them.
    fn line(&self, since: ObjectId, until: ObjectId) -> Result<Option<Vec<Oid>>, GitError> {
        let (mut trees, mut at) = (Vec::new(), oid(until));
        while trees.len() < MAX_LINE {
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

/// A name without letter case and Unicode form. Bytes that are no UTF-8 stand for themselves.
fn folded(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.nfkc().flat_map(char::to_lowercase).nfkc().collect(),
        Err(_) => name.iter().map(|&b| char::from(b)).collect(),
    }
}

impl Contents for Objects<'_> {
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        let diff = self.diff(steps).map_err(sentence)?;
        let counted = |file: &FileDiff| Ok((file.path.clone(), self.changed_lines(file)?));
        diff.files.iter().map(counted).collect::<Result<_, GitError>>().map_err(sentence)
    }

    fn hidden(&self, steps: &[Step]) -> Result<Vec<Location>, String> {
        let diff = self.diff(steps).map_err(sentence)?;
        let mut found = Vec::new();
        for file in &diff.files {
            found.extend(self.hidden_in(file).map_err(sentence)?);
            if found.len() > MAX_PLACES {
                break;
            }
        }
        found.truncate(MAX_PLACES + 1);
        Ok(found)
    }

    fn opaque(&self, steps: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String> {
        let diff = self.diff(steps).map_err(sentence)?;
        let mut found = Vec::new();
        for file in &diff.files {
            let why = file.new.map(|new| self.opaque_side(new)).transpose().map_err(sentence)?;
            found.extend(why.flatten().map(|why| (file.path.clone(), why)));
        }
        Ok(found)
    }

    fn aliases(&self, steps: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String> {
        let diff = self.diff(steps).map_err(sentence)?;
        let Some(last) = steps.last() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for file in diff.files.iter().filter(|file| file.old.is_none()) {
            let other = self.alias(oid(last.compared.1), &file.path).map_err(sentence)?;
            found.extend(other.map(|other| (file.path.clone(), other)));
        }
        Ok(found)
    }

    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String> {
        let Some(trees) = self.line(since, until).map_err(sentence)? else { return Ok(Rest::Elsewhere) };
        let places = Places::of(manifest);
        let mut rested = true;
        for pair in trees.windows(2) {
            rested &= same(self.repository, Some(pair[0]), Some(pair[1]), &places).map_err(sentence)?;
        }
        Ok(if rested { Rest::Rested } else { Rest::Returned })
    }
}

/// Whether a name holds characters that do not show.
fn hides(name: &[u8]) -> bool {
    visible::hidden(&String::from_utf8_lossy(name)).next().is_some()
}

fn sentence(error: GitError) -> String {
    error.to_string()
}

/// Paths as a tree, so that two git trees are compared only along them.
#[derive(Default)]
struct Places<'m> {
    below: BTreeMap<&'m [u8], Places<'m>>,
    is_path: bool,
}

impl<'m> Places<'m> {
    fn of(manifest: &'m Manifest) -> Places<'m> {
        let mut root = Places::default();
        for path in manifest.paths() {
            let mut at = &mut root;
            for part in path.0.split(|&b| b == b'/') {
                at = at.below.entry(part).or_default();
            }
            at.is_path = true;
        }
        root
    }
}

/// Whether two trees hold the same at all places. Costs what differs between them along the way.
fn same(repository: &Repository, a: Option<Oid>, b: Option<Oid>, places: &Places<'_>) -> Result<bool, GitError> {
    if a == b {
        return Ok(true);
    }
    let tree = |id: Option<Oid>| id.map(|id| repository.raw.find_tree(id)).transpose();
    let (a, b) = (tree(a)?, tree(b)?);
    for (name, below) in &places.below {
        let side = |tree: &Option<git2::Tree<'_>>| {
            let entry = tree.as_ref()?.get_name_bytes(name)?;
            Some((entry.id(), entry.filemode()))
        };
        let (left, right) = (side(&a), side(&b));
        // What is no tree holds nothing below it.
        let below_it = |side: Option<(Oid, i32)>| side.filter(|(_, mode)| *mode == TREE).map(|(id, _)| id);
        let differs = below.is_path && left != right;
        if differs || !same(repository, below_it(left), below_it(right), below)? {
            return Ok(false);
        }
    }
    Ok(true)
}
