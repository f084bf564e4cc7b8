//! Where symlinks lead: read in the tree that they stand in, as the file systems of those who check it out would follow them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use git2::Oid;

use super::objects::TREE;
use super::{GitError, Repository, content, oid};
use crate::change::diff::{Content, Diff, Mode, TreeEntry};
use crate::change::links::{Link, LinkEnd};
use crate::change::spelling::{likeness, may_be_short_for};
use crate::change::{ObjectId, RepoPath};

/// Symlinks followed on one way, as many as Linux follows.
const MAX_HOPS: usize = 40;
/// Bytes of a target; no system follows a longer one.
const MAX_TARGET: usize = 4095;
/// Names of one target outside of the repository.
const MAX_TAILS: usize = 64;
/// Paths below what the links of a push lead to.
const MAX_BELOW: usize = 20_000;
/// Names that are looked up for the links of a push.
const MAX_LOOKUPS: usize = 1_000_000;

const SYMLINK: i32 = 0o120_000;

/// Follows the links of one push, whose effort is bounded in all.
pub(super) struct Links<'r> {
    repository: &'r Repository,
    trees: HashMap<Oid, Rc<Folder>>,
    lookups: usize,
    below: usize,
}

/// The entries of one tree.
struct Folder {
    entries: HashMap<Vec<u8>, (i32, Oid)>,
    /// By what is left of them on file systems that tell fewer names apart.
    alike: HashMap<String, Vec<u8>>,
}

/// How far a way has come.
struct Way {
    at: Vec<Vec<u8>>,
    /// So many names of `at` are where the last link lies, and not entered since.
    own: usize,
    passed: Vec<RepoPath>,
}

impl<'r> Links<'r> {
    pub(super) fn of(repository: &'r Repository) -> Links<'r> {
        Links { repository, trees: HashMap::new(), lookups: 0, below: 0 }
    }

    /// The symlinks and submodules among the touched paths, before and after. What cannot be followed within bounds is said
    /// of the link; it is no error.
    ///
    /// # Errors
    /// An object is missing.
    pub(super) fn touched(&mut self, diff: &Diff, old: ObjectId, new: ObjectId) -> Result<Vec<Link>, GitError> {
        let mut links = Vec::new();
        for file in &diff.files {
            for (entry, tree, lands) in [(file.old, old, false), (file.new, new, true)] {
                match entry {
                    Some(entry) if entry.mode == Mode::Symlink => {
                        links.extend(self.symlink(&file.path, entry, oid(tree), lands)?);
                    }
                    Some(entry) if entry.mode == Mode::Submodule => {
                        links.push(link(&file.path, lands, Vec::new(), LinkEnd::Submodule));
                    }
                    _ => {}
                }
            }
        }
        Ok(links)
    }

    /// One link for each way in which its target can be read.
    fn symlink(&mut self, path: &RepoPath, entry: TreeEntry, root: Oid, lands: bool) -> Result<Vec<Link>, GitError> {
        let target = match content(self.repository, entry)? {
            Content::Symlink(target) if target.len() <= MAX_TARGET => target,
            _ => {
                let why = format!("has a target of more than {MAX_TARGET} bytes");
                return Ok(vec![link(path, lands, Vec::new(), LinkEnd::Unknown(why))]);
            }
        };
        let mut readings = vec![target.clone()];
        if target.contains(&b'\\') {
            // On Windows, a backslash separates names as well.
            readings.push(target.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect());
        }
        readings.iter().map(|target| self.read(path, target, root, lands)).collect()
    }

    fn read(&mut self, path: &RepoPath, target: &[u8], root: Oid, lands: bool) -> Result<Link, GitError> {
        let (way, end) = self.follow(path, target, root)?;
        let mut link = link(path, lands, way, end);
        if let LinkEnd::Within(end) = &link.end {
            match self.list(path, end, root)? {
                Ok((way, below)) => {
                    link.way.extend(way);
                    link.below = below;
                }
                Err(why) => link.end = LinkEnd::Unknown(why),
            }
        }
        Ok(link)
    }

    /// Follows a target as the kernel does, from the folder that the link lies in.
    fn follow(&mut self, path: &RepoPath, target: &[u8], root: Oid) -> Result<(Vec<RepoPath>, LinkEnd), GitError> {
        let mut at: Vec<Vec<u8>> = path.0.split(|&b| b == b'/').map(<[u8]>::to_vec).collect();
        at.pop();
        let mut way = Way { own: at.len(), at, passed: Vec::new() };
        let mut ahead: VecDeque<Vec<u8>> = names(target).collect();
        let mut hops = 1;
        if is_absolute(target) {
            return Ok((way.passed, outside(target)));
        }
        while let Some(name) = ahead.pop_front() {
            self.lookups += 1;
            if self.lookups > MAX_LOOKUPS {
                let why = format!("is one of links with more than {MAX_LOOKUPS} names to look up in one push");
                return Ok((way.passed, LinkEnd::Unknown(why)));
            }
            match &name[..] {
                b"" | b"." => continue,
                b".." if way.at.is_empty() => return Ok((way.passed, outside(target))),
                b".." => {
                    way.leave();
                    continue;
                }
                odd if odd.iter().all(|b| matches!(b, b'.' | b' ')) => {
                    let why =
                        "has a name of dots and blanks alone in its target, which Windows reads as another".to_owned();
                    return Ok((way.passed, LinkEnd::Unknown(why)));
                }
                _ => {}
            }
            let found = match self.entry(root, &way.at, &name)? {
                Ok(found) => found,
                Err(why) => return Ok((way.passed, LinkEnd::Unknown(why))),
            };
            let Some((own_name, SYMLINK, id)) = found else {
                way.at.push(found.map_or(name, |(own_name, ..)| own_name));
                continue;
            };
            hops += 1;
            if hops > MAX_HOPS {
                return Ok((way.passed, LinkEnd::Unknown(format!("leads over more than {MAX_HOPS} symlinks"))));
            }
            let next = self.repository.raw.find_blob(id)?.content().to_vec();
            way.passed.push(join(&way.at, Some(&own_name)));
            way.own = way.at.len();
            // The same link can be passed at any length of what is still ahead.
            if next.len() > MAX_TARGET || ahead.len() > MAX_TARGET {
                let why = format!("leads over a symlink with a target of more than {MAX_TARGET} bytes");
                return Ok((way.passed, LinkEnd::Unknown(why)));
            }
            if is_absolute(&next) {
                return Ok((way.passed, outside(&next)));
            }
            for name in names(&next).rev() {
                ahead.push_front(name);
            }
        }
        Ok((way.passed, LinkEnd::Within(join(&way.at, None))))
    }

    /// What a folder of the tree holds by a name, as any file system would find it: its own name, mode and id.
    fn entry(
        &mut self,
        root: Oid,
        at: &[Vec<u8>],
        name: &[u8],
    ) -> Result<Result<Option<(Vec<u8>, i32, Oid)>, String>, GitError> {
        let Some(id) = self.tree_at(root, at)? else { return Ok(Ok(None)) };
        let folder = self.folder(id)?;
        let found = folder.entries.get_key_value(name).or_else(|| {
            let own_name = folder.alike.get(&likeness(name))?;
            folder.entries.get_key_value(own_name)
        });
        if let Some((own_name, &(mode, id))) = found {
            return Ok(Ok(Some((own_name.clone(), mode, id))));
        }
        if let Some(long) = folder.entries.keys().find(|long| may_be_short_for(name, long)) {
            let long = join(at, Some(long));
            return Ok(Err(format!("has a name in its target that may be the short name of {long} on Windows")));
        }
        Ok(Ok(None))
    }

    fn tree_at(&mut self, root: Oid, at: &[Vec<u8>]) -> Result<Option<Oid>, GitError> {
        let mut tree = root;
        for name in at {
            match self.folder(tree)?.entries.get(name) {
                Some(&(TREE, id)) => tree = id,
                _ => return Ok(None),
            }
        }
        Ok(Some(tree))
    }

    fn folder(&mut self, id: Oid) -> Result<Rc<Folder>, GitError> {
        if let Some(folder) = self.trees.get(&id) {
            return Ok(Rc::clone(folder));
        }
        let tree = self.repository.raw.find_tree(id)?;
        let entries: HashMap<_, _> = tree
            .iter()
            .map(|entry| (entry.name_bytes().to_vec(), (entry.filemode_raw() & 0o170_000, entry.id())))
            .collect();
        let alike = entries.keys().map(|name| (likeness(name), name.clone())).collect();
        let folder = Rc::new(Folder { entries, alike });
        self.trees.insert(id, Rc::clone(&folder));
        Ok(folder)
    }

    /// What lies below the end of a link, there and as a path through the link; and over what symlinks the way goes on there.
    fn list(
        &mut self,
        link: &RepoPath,
        end: &RepoPath,
        root: Oid,
    ) -> Result<Result<(Vec<RepoPath>, Vec<RepoPath>), String>, GitError> {
        let (mut way, mut below) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let mut folders = vec![end.clone()];
        while let Some(folder) = folders.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            let at: Vec<Vec<u8>> = names(&folder.0).filter(|name| !name.is_empty()).collect();
            let Some(tree) = self.tree_at(root, &at)? else { continue };
            let entries = self.folder(tree)?;
            for (name, &(mode, id)) in &entries.entries {
                self.below += 1;
                if self.below > MAX_BELOW {
                    return Ok(Err(format!(
                        "leads to a folder, and below what links of this push lead to lie more than {MAX_BELOW} paths"
                    )));
                }
                let path = join(&at, Some(name));
                match mode {
                    TREE => folders.push(path),
                    SYMLINK => {
                        let target = self.repository.raw.find_blob(id)?.content().to_vec();
                        let (passed, next) = self.follow(&path, &target, root)?;
                        way.push(path);
                        way.extend(passed);
                        // What leads out or nowhere was judged when it landed.
                        if let LinkEnd::Within(next) = next {
                            way.push(next.clone());
                            folders.push(next);
                        }
                    }
                    _ => {
                        below.extend(through(link, end, &path));
                        below.push(path);
                    }
                }
            }
        }
        Ok(Ok((way, below)))
    }
}

impl Way {
    /// Goes up. A folder that the way entered could be made a symlink; one that the last link lies in is one already passed.
    fn leave(&mut self) {
        if self.at.len() > self.own {
            self.passed.push(join(&self.at, None));
        } else {
            self.own = self.own.saturating_sub(1);
        }
        self.at.pop();
    }
}

fn link(path: &RepoPath, lands: bool, way: Vec<RepoPath>, end: LinkEnd) -> Link {
    Link { path: path.clone(), lands, way, end, below: Vec::new() }
}

/// A path below the end of a link as it is seen through the link.
fn through(link: &RepoPath, end: &RepoPath, path: &RepoPath) -> Option<RepoPath> {
    let rest = path.0.strip_prefix(&end.0[..])?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    Some(RepoPath([&link.0, &b"/"[..], rest].concat()))
}

fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> {
    path.split(|&b| b == b'/').map(<[u8]>::to_vec)
}

fn join(at: &[Vec<u8>], name: Option<&[u8]>) -> RepoPath {
    let names: Vec<&[u8]> = at.iter().map(Vec::as_slice).chain(name).collect();
    RepoPath(names.join(&b'/'))
}

/// On Unix, or with a drive on Windows.
fn is_absolute(target: &[u8]) -> bool {
    matches!(target, [b'/', ..] | [b'a'..=b'z' | b'A'..=b'Z', b':', ..])
}

fn outside(target: &[u8]) -> LinkEnd {
    let names: Vec<_> = names(target).filter(|name| !matches!(&name[..], b"" | b"." | b"..")).collect();
    if names.len() > MAX_TAILS {
        return LinkEnd::Unknown(format!("leads out of the repository by more than {MAX_TAILS} names"));
    }
    LinkEnd::Outside((0..names.len()).map(|from| join(&names[from..], None)).collect())
}
