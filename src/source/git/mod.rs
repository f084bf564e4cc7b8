//! A local git repository, read from its objects alone: configuration, attributes, filters and hooks of the repository
//! do not influence what is shown or judged. git2's check of object hashes stays on: what is read here becomes
//! evidence.

mod ancestry;
mod attribution;
mod blobs;
mod commit;
mod contents;
mod deadline;
mod error;
mod export;
mod formats;
mod landed;
mod landed_commits;
mod landings;
mod linear;
mod links;
mod manifests;
mod merges;
mod merging;
mod names;
mod objects;
pub mod organization;
mod origins;
mod packs;
mod patch;
mod policy;
mod proposals;
pub mod push;
mod reflog;
mod refs;
mod settings;
mod shared;
mod stacks;
mod submodule;
mod target;
mod trees;
mod worktrees;

pub use attribution::{NotesRefs, attribution, note, testimony};
pub use contents::Objects;
pub use deadline::Deadline;
pub use error::GitError;
pub use export::{LeftOut, export};
pub use landed_commits::{CommitSelection, PastCommit};
pub use landings::Landings;
pub use manifests::manifests;
pub use merging::{applied, still_new};
pub use names::Names;
pub use objects::{blob_id, content, diff, diff_from, entry_at, manifest, size_of, small_text};
pub use packs::PACKS;
pub use patch::{is_same_place, patch};
pub use policy::PolicyState;
pub use proposals::{Broken, Pending, Resolved, ambiguous};
pub use reflog::RefLog;
pub use submodule::passed_by_submodule;
pub use target::TargetBranch;

use std::borrow::Borrow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::Oid;

use crate::cache::Cache;
use crate::change::{Commit, ObjectId, RepoPath, Revision, visible};
use crate::policy::Organization;
use ancestry::Ancestry;
use error::refusal;
use formats::unsupported;
use organization::Known;

/// The path of the policy in the tree of the policy branch.
pub const POLICY_PATH: &str = crate::policy::POLICY_FILE;
/// The prefix of a repository's own branches.
const BRANCHES: &str = "refs/heads/";
/// The most commits of one change or push. More are refused, never truncated: an author could hide among the omitted
/// ones.
const MAX_COMMITS: usize = 100_000;
/// The most bytes of a commit, and of the messages of all commits of one change: they are held in memory.
const MAX_COMMIT: usize = 16 << 20;
const MAX_MESSAGES: usize = 256 << 20;

/// An opened repository.
pub struct Repository {
    pub(crate) raw: git2::Repository,
    pub root: PathBuf,
    pub name: String,
    /// Additional object directories.
    quarantine: Vec<PathBuf>,
    pub(crate) deadline: Deadline,
    blobs: blobs::Blobs,
    trees: trees::Trees,
    /// Where a queue keeps results that stay valid as long as the objects exist.
    cache: Option<Arc<Cache>>,
    /// What policies inherit from; read when one is.
    organization: OnceCell<Known>,
    /// Whether it is where git's configuration says, which counts for no verdict.
    follows_settings: bool,
}

impl Repository {
    /// Opens the repository that contains `path`, as git does for whoever works there: at `path` or above it.
    pub fn open(path: &Path) -> Result<Repository, GitError> {
        let repository = Repository::opened(path, git2::Repository::discover(path))?;
        Ok(repository.following_settings())
    }

    /// Opens the repository at exactly `path`: a bare one, a work tree, its `.git`, or a linked work tree. For a gate,
    /// which must not judge by another one that happens to enclose the named path. Neither the environment nor a
    /// directory above matters; a repository of another user is refused, as in git.
    pub fn open_exactly(path: &Path) -> Result<Repository, GitError> {
        let opened = Repository::opened(path, git2::Repository::open(path));
        opened.map_err(|error| match error {
            GitError::NotARepository(shown) => GitError::NotTheRepository(shown),
            other => other,
        })
    }

    fn opened(path: &Path, found: Result<git2::Repository, git2::Error>) -> Result<Repository, GitError> {
        // Objects are kept by caches of our own, with bounds of their own. That of libgit2 would keep up to 256 MiB of
        // them for as long as the program runs, most of them for nothing.
        git2::opts::enable_caching(false);
        let shown = visible::line(path.as_os_str().as_encoded_bytes());
        let raw = found.map_err(|error| refusal(&error, &shown))?;
        if let Some(format) = unsupported(&raw) {
            return Err(GitError::Unsupported(format));
        }
        let root = raw.workdir().unwrap_or(raw.path()).to_path_buf();
        let name = root.file_name().map_or(shown, |name| visible::line(name.as_encoded_bytes()));
        let name = name.strip_suffix(".git").filter(|rest| !rest.is_empty()).unwrap_or(&name).to_owned();
        Ok(Repository {
            raw,
            root,
            name,
            quarantine: Vec::new(),
            deadline: Deadline::default(),
            blobs: blobs::Blobs::default(),
            trees: trees::Trees::default(),
            cache: None,
            organization: OnceCell::new(),
            follows_settings: false,
        })
    }

    /// Policies inherit from the organization that git's setting names: for those to whom the configuration belongs.
    pub fn following_settings(self) -> Repository {
        Repository { follows_settings: true, ..self }
    }

    /// Shown under this name; otherwise it is the one of its folder.
    pub fn named_as(self, name: String) -> Repository {
        Repository { name, ..self }
    }

    /// Policies inherit from this organization.
    pub fn with_organization(self, organization: impl Into<Arc<Organization>>) -> Repository {
        Repository { organization: OnceCell::from(Ok(Some(organization.into()))), ..self }
    }

    /// The organization that policies inherit from: the one that was given, or where people work the one that git's
    /// setting `undersign.organization` names. None if there is none.
    ///
    /// # Errors
    /// A sentence: it cannot be read.
    pub fn organization(&self) -> Known {
        let read =
            || self.organization_setting().map(|place| organization::read(&place, None).map(Arc::new)).transpose();
        self.organization.get_or_init(read).clone()
    }

    /// Where git's setting says that the organization is, for those who follow it.
    pub fn organization_setting(&self) -> Option<PathBuf> {
        self.file_setting("undersign.organization").filter(|_| self.follows_settings)
    }

    /// Also reads the objects in these directories: those of a push that is not yet accepted.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn with_objects(mut self, dirs: &[PathBuf]) -> Result<Repository, GitError> {
        self.quarantine = dirs.to_vec();
        add_objects(&self.raw, dirs)?;
        Ok(self)
    }

    /// Stops reading at the deadline: later requests return [`GitError::Limit`].
    pub fn within(self, deadline: Deadline) -> Repository {
        Repository { deadline, ..self }
    }

    /// Keeps on disk what it finds out for a list of changes. For a queue only: whoever opens, signs or judges a change
    /// reads the objects. In a shallow clone, more may be there later, and nothing is kept.
    pub fn with_cache(self, cache: &Arc<Cache>) -> Repository {
        let cache = (!self.is_shallow()).then(|| Arc::clone(cache));
        Repository { cache, ..self }
    }

    /// Another handle on the same repository, for another thread.
    pub(crate) fn again(&self) -> Result<git2::Repository, GitError> {
        let raw = git2::Repository::open(self.raw.path())?;
        add_objects(&raw, &self.quarantine)?;
        Ok(raw)
    }

    /// A handle for reading many of the objects once. A pack is mapped into memory as long as any handle has it open,
    /// and libgit2 identifies packs by the spelling of their path: with another spelling, they are mapped only for
    /// handles of this kind, and their memory is released with the last of them.
    pub(crate) fn apart(&self) -> Result<git2::Repository, GitError> {
        let Some(objects) = self.raw.commondir().to_str() else { return self.again() };
        let odb = git2::Odb::new()?;
        odb.add_disk_alternate(&format!("{objects}/objects/."))?;
        let raw = git2::Repository::from_odb(odb)?;
        add_objects(&raw, &self.quarantine)?;
        Ok(raw)
    }

    /// The directory of refs and objects, shared by all worktrees.
    pub fn common_dir(&self) -> &Path {
        self.raw.commondir()
    }

    /// The directory of its own refs: the path with which it can be opened again.
    pub fn git_dir(&self) -> &Path {
        self.raw.path()
    }

    pub fn is_shallow(&self) -> bool {
        // git2 looks in the git directory of a linked worktree, and the file is in that of the main one.
        self.raw.is_shallow() || self.cut_commits().is_ok_and(|cut| !cut.is_empty())
    }

    /// First parents from a commit back, starting with itself, up to a limit.
    pub fn first_parents(&self, tip: ObjectId, limit: usize) -> Result<Vec<ObjectId>, GitError> {
        let mut line = vec![tip];
        while line.len() < limit
            && let Some(parent) = self.raw.find_commit(oid(line[line.len() - 1]))?.parent_ids().next()
        {
            line.push(object_id(parent));
        }
        Ok(line)
    }

    /// The commits whose parents a shallow file hides.
    pub(crate) fn cut_commits(&self) -> Result<HashSet<ObjectId>, GitError> {
        let unreadable =
            |why: String| GitError::Other(format!("the file `shallow` in the git directory is unreadable: {why}"));
        match std::fs::read_to_string(self.raw.commondir().join("shallow")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
            Err(error) => Err(unreadable(error.to_string())),
            Ok(text) => {
                text.lines().map(|line| line.parse().map_err(|_| unreadable("a line is not an id".into()))).collect()
            }
        }
    }

    /// The nearest commit of a first-parent line that matches.
    pub fn on_line(&self, tip: ObjectId, wanted: impl Fn(ObjectId) -> bool) -> Result<Option<ObjectId>, GitError> {
        let mut at = Some(tip);
        while let Some(id) = at.filter(|id| !wanted(*id)) {
            self.deadline.check()?;
            at = self.raw.find_commit(oid(id))?.parent_ids().next().map(object_id);
        }
        Ok(at)
    }

    /// Whether a commit is on the first-parent line of another.
    pub fn is_on_line(&self, tip: ObjectId, commit: ObjectId) -> Result<bool, GitError> {
        self.on_line(tip, |id| id == commit).map(|found| found.is_some())
    }

    /// The files at or directly below some paths in a commit's tree.
    pub fn files_under(&self, commit: ObjectId, paths: &[&str]) -> Vec<RepoPath> {
        let Some(tree) = self.raw.find_commit(oid(commit)).and_then(|commit| commit.tree()).ok() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for path in paths {
            let Ok(entry) = tree.get_path(Path::new(path)) else { continue };
            match self.raw.find_tree(entry.id()) {
                Err(_) => found.push(RepoPath::from(*path)),
                Ok(below) => {
                    let file =
                        |entry: git2::TreeEntry<'_>| RepoPath([path.as_bytes(), b"/", entry.name_bytes()].concat());
                    found.extend(below.iter().map(file));
                }
            }
        }
        found
    }

    /// A file of a commit's tree as text; invalid UTF-8 becomes U+FFFD.
    pub fn text_at(&self, commit: ObjectId, path: &RepoPath) -> Option<String> {
        let tree = self.raw.find_commit(oid(commit)).ok()?.tree().ok()?;
        let entry = objects::entry(&tree, path)?;
        Some(String::from_utf8_lossy(content(self, entry).ok()?.text()?).into_owned())
    }

    /// Whether a path leads through the work tree, by its names or through links; the git directory does not count as
    /// part of it.
    pub fn is_in_work_tree(&self, path: &Path) -> bool {
        let Some(tree) = self.raw.workdir().and_then(|tree| std::fs::canonicalize(tree).ok()) else { return false };
        let own = [self.raw.path(), self.raw.commondir()].map(|dir| std::fs::canonicalize(dir).unwrap_or_default());
        let is_inside =
            |place: PathBuf| place.starts_with(&tree) && place != tree && !own.iter().any(|dir| place.starts_with(dir));
        let Ok(path) = std::path::absolute(path) else { return true };
        let named = path.ancestors().filter_map(|step| {
            let dir = std::fs::canonicalize(step.parent()?).ok()?;
            Some(dir.join(step.file_name()?))
        });
        named.chain(std::fs::canonicalize(&path)).any(is_inside)
    }

    /// The parents of a merge, but for the first; none of what cannot be read.
    pub fn sides(&self, commit: ObjectId) -> Vec<ObjectId> {
        let commit = self.raw.find_commit(oid(commit));
        commit.map_or_else(|_| Vec::new(), |commit| commit.parent_ids().skip(1).map(object_id).collect())
    }

    /// Whether a commit has another among its ancestors, or is that commit.
    pub fn is_descendant(&self, of: ObjectId, ancestor: ObjectId) -> bool {
        of == ancestor || self.raw.graph_descendant_of(oid(of), oid(ancestor)).unwrap_or(false)
    }

    /// Whether a commit's tree is empty.
    pub fn is_empty(&self, commit: ObjectId) -> bool {
        self.raw.find_commit(oid(commit)).and_then(|commit| commit.tree()).is_ok_and(|tree| tree.is_empty())
    }

    /// The bytes of a blob, without reading it; none for any other object.
    pub fn bytes_of_blob(&self, id: ObjectId) -> Option<usize> {
        let (size, kind) = self.raw.odb().ok()?.read_header(oid(id)).ok()?;
        (kind == git2::ObjectType::Blob).then_some(size)
    }

    /// The revision from `base` to `head`, for a target tip.
    pub fn revision(&self, base: ObjectId, head: ObjectId, target_tip: ObjectId) -> Result<Revision, GitError> {
        let commits = self.commits_between(&[base, target_tip], head)?;
        self.revision_of(base, head, target_tip, commits.into_iter().map(Arc::new).collect())
    }

    /// As [`Repository::revision`], if the commits are known.
    fn revision_of(
        &self,
        base: ObjectId,
        head: ObjectId,
        target_tip: ObjectId,
        commits: Vec<Arc<Commit>>,
    ) -> Result<Revision, GitError> {
        Ok(Revision {
            base,
            base_tree: self.tree_of(base)?,
            head,
            head_tree: self.tree_of(head)?,
            target_tip,
            target_tree: self.tree_of(target_tip)?,
            commits,
        })
    }

    pub(crate) fn tree_of(&self, commit: ObjectId) -> Result<ObjectId, GitError> {
        Ok(object_id(self.raw.find_commit(oid(commit))?.tree_id()))
    }

    /// Commits reachable from `head` and from none of `without`, newest first.
    pub(crate) fn commits_between(&self, without: &[ObjectId], head: ObjectId) -> Result<Vec<Commit>, GitError> {
        self.commits_beyond(&mut Ancestry::of(self), without, head)
    }

    /// As [`Repository::commits_between`], with what earlier questions have read.
    fn commits_beyond(
        &self,
        ancestry: &mut Ancestry<'_>,
        without: &[ObjectId],
        head: ObjectId,
    ) -> Result<Vec<Commit>, GitError> {
        // The most frequent case needs no walk.
        let own = self.commit(head)?;
        if own.parents.len() == 1 && !without.is_empty() && without.iter().all(|id| *id == own.parents[0]) {
            return Ok(vec![own]);
        }
        self.commits_of_change(ancestry.beyond(without, head)?, |id| self.commit(id))
    }

    /// Reads the commits of one change, none left out.
    fn commits_of_change<C: Borrow<Commit>>(
        &self,
        ids: Vec<ObjectId>,
        mut read: impl FnMut(ObjectId) -> Result<C, GitError>,
    ) -> Result<Vec<C>, GitError> {
        if ids.len() > MAX_COMMITS {
            let detail = format!("More than {MAX_COMMITS} commits in one change are not read. Split it.");
            return Err(GitError::Unsupported(detail));
        }
        let mut messages = 0;
        let bounded = |id| {
            self.deadline.check()?;
            let commit = read(id)?;
            messages += commit.borrow().message.len();
            if messages > MAX_MESSAGES {
                let detail = format!(
                    "The messages of the commits are more than {} MiB. Make them shorter, or push in parts.",
                    MAX_MESSAGES >> 20
                );
                return Err(GitError::Limit(detail));
            }
            Ok(commit)
        };
        ids.into_iter().map(bounded).collect()
    }

    /// # Errors
    /// It is missing, not a commit, or its author cannot be determined for certain.
    pub(crate) fn commit(&self, id: ObjectId) -> Result<Commit, GitError> {
        if self.raw.odb()?.read_header(oid(id))?.0 > MAX_COMMIT {
            let detail = format!("Commit {id} is larger than {} MiB, which is more than is read.", MAX_COMMIT >> 20);
            return Err(GitError::Limit(detail));
        }
        let odb = self.raw.odb()?;
        let object = odb.read(oid(id))?;
        if object.kind() != git2::ObjectType::Commit {
            return Err(GitError::Unsupported(format!("Object {id} is not a commit. Name one.")));
        }
        commit::parse(id, object.data()).map_err(|why| {
            GitError::Unsupported(format!(
                "Commit {id} cannot be read for certain: {why}. Make it again with `git commit --amend \
                 --reset-author` or `git rebase`."
            ))
        })
    }
}

/// The git directory of the repository at exactly this path, and the one that it shares with its other worktrees, both
/// canonical. Unlike [`Repository::open`], does not look into parent directories.
pub fn git_dirs(path: &Path) -> Result<(PathBuf, PathBuf), GitError> {
    let raw = git2::Repository::open(path)?;
    let canonical = |dir: &Path| std::fs::canonicalize(dir).map_err(|error| GitError::Other(error.to_string()));
    Ok((canonical(raw.path())?, canonical(raw.commondir())?))
}

fn add_objects(raw: &git2::Repository, dirs: &[PathBuf]) -> Result<(), GitError> {
    let odb = raw.odb()?;
    for dir in dirs {
        odb.add_disk_alternate(dir.to_str().ok_or_else(|| {
            GitError::Unsupported("The directory of the pushed objects has a name that is not UTF-8.".to_owned())
        })?)?;
    }
    Ok(())
}

pub(crate) fn oid(id: ObjectId) -> Oid {
    Oid::from_bytes(&id.0).expect("20 bytes are an object id")
}

pub(crate) fn object_id(oid: Oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(oid.as_bytes());
    ObjectId(bytes)
}

pub(crate) fn as_path(path: &RepoPath) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(&path.0))
}
