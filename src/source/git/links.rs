//! Where symlinks lead: read in the tree that contains them, as the file systems of those who check it out follow them.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use git2::Oid;

use super::trees::TREE;
use super::{GitError, Repository, oid};
use crate::change::diff::{Diff, Mode, TreeEntry};
use crate::change::links::{Link, LinkEnd};
use crate::change::spelling::Names;
use crate::change::{ObjectId, RepoPath};

/// The most symlinks followed on one path, as in Linux.
const MAX_HOPS: usize = 40;
/// The most bytes of a target; no system follows a longer one.
const MAX_TARGET: usize = 4095;
/// The most names of one target outside of the repository.
const MAX_TAILS: usize = 64;
/// The most paths below the targets of the links of a push.
const MAX_BELOW: usize = 20_000;
/// The most names looked up for the links of a push.
const MAX_LOOKUPS: usize = 1_000_000;

const SYMLINK: i32 = 0o120_000;

/// Follows the links of one push, with a bound on the total effort.
pub(super) struct Links<'r> {
    repository: &'r Repository,
    trees: HashMap<Oid, Rc<Folder>>,
    lookups: usize,
    below: usize,
}

/// The entries of one tree.
struct Folder {
    entries: HashMap<Vec<u8>, (i32, Oid)>,
    /// Computed when a name is not found directly.
    names: OnceCell<Names>,
}

impl Folder {
    fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(self.entries.keys().map(Vec::as_slice)))
    }
}

/// Why a path is not followed to its end.
enum Stop {
    Git(GitError),
    /// The end of a sentence about the link.
    Unknown(String),
}

impl<E: Into<GitError>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Git(error.into())
    }
}

/// The actual name of an entry, its mode without permissions, and its id.
type Entry = (Vec<u8>, i32, Oid);

/// The current position while following a path.
struct Way {
    at: Vec<Vec<u8>>,
    /// How many leading names of `at` are the folder of the last link, rather than folders entered since.
    own: usize,
    passed: Vec<RepoPath>,
}

impl<'r> Links<'r> {
    pub(super) fn of(repository: &'r Repository) -> Links<'r> {
        Links { repository, trees: HashMap::new(), lookups: 0, below: 0 }
    }

    /// The symlinks and submodules among the touched paths, before and after. If one cannot be followed within bounds,
    /// the link says so; that is not an error.
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
        let (size, _) = self.repository.raw.odb()?.read_header(oid(entry.id))?;
        let target = match size <= MAX_TARGET {
            true => self.repository.link_target(entry.id)?,
            false => {
                let why = format!("has a target of more than {MAX_TARGET} bytes");
                return Ok(vec![link(path, lands, Vec::new(), LinkEnd::Unknown(why))]);
            }
        };
        let mut readings = vec![target.clone()];
        if target.contains(&b'\\') {
            // On Windows, a backslash is also a separator.
            readings.push(target.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect());
        }
        readings.iter().map(|target| self.read(path, target, root, lands)).collect()
    }

    fn read(&mut self, path: &RepoPath, target: &[u8], root: Oid, lands: bool) -> Result<Link, GitError> {
        let mut link = link(path, lands, Vec::new(), LinkEnd::Submodule);
        match self.lead(&mut link, target, root) {
            Ok(()) => {}
            Err(Stop::Git(error)) => return Err(error),
            Err(Stop::Unknown(why)) => link.end = LinkEnd::Unknown(why),
        }
        Ok(link)
    }

    fn lead(&mut self, link: &mut Link, target: &[u8], root: Oid) -> Result<(), Stop> {
        (link.way, link.end) = self.follow(&link.path, target, root)?;
        if let LinkEnd::Within(end) = link.end.clone() {
            self.list(link, &end, root)?;
        }
        Ok(())
    }

    /// Follows a target as the kernel does, from the folder of the link: the paths that it passes, and where it ends.
    fn follow(&mut self, path: &RepoPath, target: &[u8], root: Oid) -> Result<(Vec<RepoPath>, LinkEnd), Stop> {
        let mut at: Vec<Vec<u8>> = names(&path.0).collect();
        at.pop();
        let mut way = Way { own: at.len(), at, passed: Vec::new() };
        let mut ahead: VecDeque<Vec<u8>> = names(target).collect();
        let mut hops = 1;
        if is_absolute(target) {
            return Ok((way.passed, outside(ahead)?));
        }
        while let Some(name) = ahead.pop_front() {
            self.count_lookup()?;
            match &name[..] {
                b"" | b"." => continue,
                b".." if way.at.is_empty() => return Ok((way.passed, outside(ahead)?)),
                b".." => {
                    way.leave();
                    continue;
                }
                odd if odd.iter().all(|b| matches!(b, b'.' | b' ')) => {
                    let why = "has a name of dots and blanks alone in its target, which Windows reads as another";
                    return Err(Stop::Unknown(why.to_owned()));
                }
                _ => {}
            }
            let found = self.entry(root, &way.at, &name)?;
            let Some((own_name, SYMLINK, id)) = found else {
                way.at.push(found.map_or(name, |(own_name, ..)| own_name));
                continue;
            };
            hops += 1;
            if hops > MAX_HOPS {
                return Err(Stop::Unknown(format!("leads over more than {MAX_HOPS} symlinks")));
            }
            way.passed.push(join(&way.at, Some(&own_name)));
            way.own = way.at.len();
            let next = self.target(id)?;
            for name in names(&next).rev() {
                ahead.push_front(name);
            }
            if is_absolute(&next) {
                return Ok((way.passed, outside(ahead)?));
            }
        }
        Ok((way.passed, LinkEnd::Within(join(&way.at, None))))
    }

    fn count_lookup(&mut self) -> Result<(), Stop> {
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS {
            let why = format!("is one of links with more than {MAX_LOOKUPS} names to look up in one push");
            return Err(Stop::Unknown(why));
        }
        Ok(())
    }

    /// The target of a link along the path.
    fn target(&self, id: Oid) -> Result<Vec<u8>, Stop> {
        let (size, _) = self.repository.raw.odb()?.read_header(id)?;
        if size > MAX_TARGET {
            let why = format!("leads over a symlink with a target of more than {MAX_TARGET} bytes");
            return Err(Stop::Unknown(why));
        }
        Ok(self.repository.raw.find_blob(id)?.content().to_vec())
    }

    /// The entry of a folder with a name, as any file system would find it.
    fn entry(&mut self, root: Oid, at: &[Vec<u8>], name: &[u8]) -> Result<Option<Entry>, Stop> {
        let Some(id) = self.tree_at(root, at)? else { return Ok(None) };
        let folder = self.folder(id)?;
        let found = folder.entries.get_key_value(name).or_else(|| {
            let own_name = folder.names().alike(name)?;
            folder.entries.get_key_value(own_name)
        });
        if let Some((own_name, &(mode, id))) = found {
            return Ok(Some((own_name.clone(), mode, id)));
        }
        if let Some(long) = folder.names().shortened(name) {
            let long = join(at, Some(long));
            let why = format!("has a name in its target that may be the short name of {long} on Windows");
            return Err(Stop::Unknown(why));
        }
        Ok(None)
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
        let folder = Rc::new(Folder { entries, names: OnceCell::new() });
        self.trees.insert(id, Rc::clone(&folder));
        Ok(folder)
    }

    /// What is below the end of a link, there and as a path through the link; and the symlinks through which the path
    /// continues.
    fn list(&mut self, link: &mut Link, end: &RepoPath, root: Oid) -> Result<(), Stop> {
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
                    return Err(Stop::Unknown(format!(
                        "leads to a directory, and below what links of this push lead to lie more than {MAX_BELOW} paths"
                    )));
                }
                let path = join(&at, Some(name));
                match mode {
                    TREE => folders.push(path),
                    SYMLINK => folders.extend(self.pass(link, path, id, root)?),
                    _ => {
                        link.below.extend(through(&link.path, end, &path));
                        link.below.push(path);
                    }
                }
            }
        }
        Ok(())
    }

    /// Follows a symlink that is below the end of a link; returns its end if that is in the repository.
    fn pass(&mut self, link: &mut Link, path: RepoPath, id: Oid, root: Oid) -> Result<Option<RepoPath>, Stop> {
        let followed = self.target(id).and_then(|target| self.follow(&path, &target, root));
        link.way.push(path);
        match followed {
            Ok((passed, end)) => {
                link.way.extend(passed);
                match end {
                    LinkEnd::Within(end) => {
                        link.way.push(end.clone());
                        return Ok(Some(end));
                    }
                    LinkEnd::Outside(tails) => link.way.extend(tails),
                    LinkEnd::Submodule | LinkEnd::Unknown(_) => {}
                }
                Ok(None)
            }
            // It leads nowhere, and was judged when it landed.
            Err(Stop::Unknown(_)) if self.lookups <= MAX_LOOKUPS => Ok(None),
            Err(stop) => Err(stop),
        }
    }
}

impl Way {
    /// Goes up one folder. A folder that was entered counts as passed, since it could be replaced by a symlink; the
    /// folders of the last link are passed with the link itself.
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

/// A path below the end of a link, as seen through the link.
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

/// The end of a path whose remaining names are outside.
fn outside(ahead: VecDeque<Vec<u8>>) -> Result<LinkEnd, Stop> {
    let names: Vec<_> = ahead.into_iter().filter(|name| !matches!(&name[..], b"" | b"." | b"..")).collect();
    if names.len() > MAX_TAILS {
        return Err(Stop::Unknown(format!("leads out of the repository by more than {MAX_TAILS} names")));
    }
    Ok(LinkEnd::Outside((0..names.len()).map(|from| join(&names[from..], None)).collect()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::objects::index_entry;
    use super::*;

    /// A repository with one tree of these entries: `path`, or `path -> target`.
    struct Scene {
        _dir: tempfile::TempDir,
        repository: Repository,
        root: ObjectId,
    }

    fn scene(entries: &[&str]) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let mut index = git2::Index::new().unwrap();
        for entry in entries {
            let (path, mode, text) = match entry.split_once(" -> ") {
                Some((path, target)) => (path, Mode::Symlink, target),
                None => (*entry, Mode::File, "x"),
            };
            let id = super::super::object_id(raw.blob(text.as_bytes()).unwrap());
            let path = RepoPath(path.as_bytes().to_vec());
            index.add(&index_entry(&path, TreeEntry { mode, id })).unwrap();
        }
        let root = super::super::object_id(index.write_tree_to(&raw).unwrap());
        drop(raw);
        Scene { repository: Repository::open(dir.path()).unwrap(), _dir: dir, root }
    }

    /// Where following a link ends, after what it passes, each with a `>`.
    fn followed(scene: &Scene, path: &str, target: &str) -> String {
        let mut links = Links::of(&scene.repository);
        let (way, end) = match links.follow(&path.into(), target.as_bytes(), oid(scene.root)) {
            Ok(followed) => followed,
            Err(Stop::Unknown(why)) => return format!("unknown: {why}"),
            Err(Stop::Git(error)) => panic!("{error}"),
        };
        let way: String = way.iter().map(|place| format!("{place} > ")).collect();
        way + &match end {
            LinkEnd::Within(end) => end.to_string(),
            LinkEnd::Outside(tails) => format!("out {}", tails.first().map(ToString::to_string).unwrap_or_default()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_link_is_followed_as_file_systems_follow_it() {
        let tree = scene(&[
            "envs/prod/main.tf",
            "lib/hop -> ../envs",
            "lib/out -> /srv/x",
            "lib/loop -> loop",
            "lib/two -> hop/prod",
            "lib/up -> ../..",
            "environments/x",
        ]);
        for (path, target, wanted) in [
            ("docs/x", "../envs/prod/main.tf", "envs/prod/main.tf"),
            ("x", "./a//b/", "a/b"),
            ("docs/x", "..", ""),
            ("docs/x", "../ENVS/Prod", "envs/prod"),
            ("docs/x", "../lib/hop/prod", "lib/hop > envs/prod"),
            ("docs/x", "../Lib/HOP/prod", "lib/hop > envs/prod"),
            ("docs/x", "../lib/two", "lib/two > lib/hop > envs/prod"),
            ("docs/x", "../lib/hop/..", "lib/hop > envs > "),
            ("docs/x", "../app/../envs", "app > envs"),
            ("docs/x", "../docs/../envs", "docs > envs"),
            ("docs/x", "../envs:s/prod. ", "envs/prod"),
            ("docs/x", "../lib/out/y", "lib/out > out srv/x/y"),
            ("docs/x", "../lib/up", "lib/up > out "),
            ("docs/x", "../lib/up/shop/envs", "lib/up > out shop/envs"),
            ("docs/x", "../../etc/passwd", "out etc/passwd"),
            ("docs/x", "/proc/self/cwd/envs", "out proc/self/cwd/envs"),
            ("docs/x", "C:/envs", "out C:/envs"),
        ] {
            assert_eq!(followed(&tree, path, target), wanted, "{path} -> {target}");
        }
        for (target, why) in [
            ("../lib/loop", "more than 40 symlinks"),
            ("../ENVIRO~1/x", "short name of environments"),
            ("../.. /x", "dots and blanks"),
            (".../x", "dots and blanks"),
        ] {
            assert!(followed(&tree, "docs/x", target).contains(why), "{target}");
        }
        let far = "/a".repeat(MAX_TAILS + 1);
        assert!(followed(&tree, "x", &far).contains("by more than 64 names"));
        assert!(followed(&tree, "x", &far[2..]).contains("out a/"));
    }

    #[test]
    fn forty_hops_are_followed_and_no_more() {
        let chain: Vec<String> =
            (0..50).map(|n| format!("l{n} -> {}", if n == 0 { "end".into() } else { format!("l{}", n - 1) })).collect();
        let tree = scene(&chain.iter().map(String::as_str).collect::<Vec<_>>());
        // The link itself counts as one.
        assert!(followed(&tree, "x", "l38").ends_with("> end"));
        assert!(followed(&tree, "x", "l39").contains("unknown"));
    }

    fn touched(scene: &Scene, target: &str) -> Link {
        let blob = scene.repository.raw.blob(target.as_bytes()).unwrap();
        let entry = TreeEntry { mode: Mode::Symlink, id: super::super::object_id(blob) };
        let mut links = Links::of(&scene.repository).symlink(&"app/x".into(), entry, oid(scene.root), true).unwrap();
        links.pop().unwrap()
    }

    #[test]
    fn what_lies_below_is_listed_there_and_through_the_link_over_further_links() {
        let tree = scene(&["lib/a/b", "lib/l -> ../other", "other/c"]);
        let link = touched(&tree, "../lib");
        let mut below: Vec<_> = link.below.iter().map(ToString::to_string).collect();
        below.sort();
        assert_eq!(below, ["app/x/a/b", "lib/a/b", "other/c"]);
        assert_eq!(link.way, ["lib/l".into(), "other".into()]);
    }

    #[test]
    fn a_target_too_long_and_one_with_backslashes() {
        let tree = scene(&["envs/prod/a"]);
        assert!(matches!(touched(&tree, &"a".repeat(MAX_TARGET)).end, LinkEnd::Within(_)));
        assert!(matches!(touched(&tree, &"a".repeat(MAX_TARGET + 1)).end, LinkEnd::Unknown(_)));
        assert_eq!(touched(&tree, "..\\envs\\prod").end, LinkEnd::Within("envs/prod".into()));
    }

    #[test]
    fn what_is_looked_up_and_listed_for_one_push_is_bounded() {
        let tree = scene(&["a"]);
        let unknown = |lookups: usize, below: usize| {
            let mut links = Links::of(&tree.repository);
            (links.lookups, links.below) = (lookups, below);
            let link = links.read(&"x".into(), b".", oid(tree.root), true).unwrap();
            matches!(link.end, LinkEnd::Unknown(_))
        };
        assert!(unknown(MAX_LOOKUPS, 0) && unknown(0, MAX_BELOW));
        assert!(!unknown(MAX_LOOKUPS - 1, MAX_BELOW - 1));
    }
}
