//! What a gate asks of objects beyond the manifest: lines, hidden characters, what stands for something else, names that
//! collide, and whether a place was left alone.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use git2::Oid;

use super::objects::TREE;
use super::{GitError, Repository, content, diff, oid};
use crate::change::compare::{Line, compare};
use crate::change::diff::{Content, Diff, FileDiff, MAX_TEXT_BYTES, TreeEntry};
use crate::change::manifest::Manifest;
use crate::change::spelling::Names;
use crate::change::{ObjectId, RepoPath, visible};
use crate::gate::{Contents, Opaque, Rest, Step};

/// Commits along first parents that are looked at to see whether a place was left alone.
const MAX_LINE: usize = 50_000;
/// Bytes that a text may have for its hidden characters to be counted; of a larger one no text is shown either.
const MAX_COUNTED: u64 = MAX_TEXT_BYTES;

/// The objects of a repository, asked by a gate.
pub struct Objects<'r> {
    repository: &'r Repository,
    diffs: RefCell<HashMap<(ObjectId, ObjectId), Rc<Diff>>>,
    names: RefCell<HashMap<Oid, Rc<Names>>>,
}

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

    /// In lines that are new: what was there already was somebody else's to see.
    fn hidden_characters(&self, file: &FileDiff) -> Result<usize, GitError> {
        let [old, new] = self.sides(file)?;
        let Some(new) = new.as_ref().and_then(Content::text).filter(|text| text.len() as u64 <= MAX_COUNTED) else {
            return Ok(0);
        };
        let old = old.as_ref().and_then(Content::text).unwrap_or_default();
        let comparison = compare(old, new);
        let added = comparison.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(|line| match line {
            Line::Added { new } => Some(*new),
            _ => None,
        });
        Ok(added.map(|line| visible::hidden_in(comparison.new.get(new, line))).sum())
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

impl Contents for Objects<'_> {
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        let diff = self.diff(steps).map_err(sentence)?;
        let counted = |file: &FileDiff| Ok((file.path.clone(), self.changed_lines(file)?));
        diff.files.iter().map(counted).collect::<Result<_, GitError>>().map_err(sentence)
    }

    fn hidden(&self, steps: &[Step]) -> Result<usize, String> {
        let diff = self.diff(steps).map_err(sentence)?;
        diff.files.iter().map(|file| self.hidden_characters(file)).sum::<Result<usize, _>>().map_err(sentence)
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
