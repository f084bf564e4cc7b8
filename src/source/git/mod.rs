//! A local git repository, read from its objects alone: configuration, attributes, filters and hooks of the repository
//! do not influence what is shown or judged. git2's check of object hashes stays on: what is read here becomes
//! evidence.

mod ancestry;
mod attribution;
mod blobs;
mod commit;
mod contents;
mod deadline;
mod export;
mod landed;
mod landings;
mod links;
mod manifests;
mod merges;
mod merging;
mod names;
mod objects;
pub mod organization;
mod origins;
mod packs;
mod past;
mod patch;
mod proposals;
pub mod push;
mod reflog;
mod stacks;
mod straight;
mod submodule;
mod target;
mod trees;
mod worktrees;

pub use attribution::{NotesRefs, attribution, note, testimony};
pub use contents::Objects;
pub use deadline::Deadline;
pub use export::{LeftOut, export};
pub use landings::Landings;
pub use manifests::manifests;
pub use merging::applied;
pub use names::Names;
pub use objects::{blob_id, content, diff, diff_from, entry_at, manifest, size_of, small_text};
pub use packs::PACKS;
pub use past::{CommitSelection, PastCommit};
pub use patch::{is_same_place, patch};
pub use proposals::{Broken, Pending, Resolved, ambiguous};
pub use reflog::RefLog;
pub use submodule::passed_by_submodule;
pub use target::TargetBranch;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::Oid;

use crate::cache::Cache;
use crate::change::diff::Mode;
use crate::change::digest::Digest;
use crate::change::{Commit, ObjectId, RepoPath, Revision, address, visible};
use crate::datafile::FileError;
use crate::gate::ref_names::RefFacts;
use crate::policy::{self, Organization, Policy, SERVICES_FILE, Services};
use organization::Known;

/// The path of the policy in the tree of the policy branch.
pub const POLICY_PATH: &str = crate::policy::POLICY_FILE;
/// The prefix of a repository's own branches.
const BRANCHES: &str = "refs/heads/";
/// The most commits of one change or push. More are refused, never truncated: an author could hide among the omitted
/// ones.
const MAX_COMMITS: usize = 100_000;
/// The most tags of tags on the way to a commit. People create one, or a tag of a tag.
const MAX_TAGS: usize = 16;
/// The most bytes of a commit, and of the messages of all commits of one change: they are held in memory.
const MAX_COMMIT: usize = 16 << 20;
const MAX_MESSAGES: usize = 256 << 20;

/// Why a repository cannot be read: a sentence that also says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    #[error("{0} is not a git repository. Name a folder that is, or run `git init` there.")]
    NotARepository(String),
    #[error(
        "{0} is not itself a git repository, and a gate looks in no directory above it. Name the repository with \
         --repo."
    )]
    NotTheRepository(String),
    #[error("{0}")]
    Unsupported(String),
    /// There is more to read than the limit allows.
    #[error("{0}")]
    Limit(String),
    #[error("The repository has no commit yet; there is nothing to review.")]
    Empty,
    #[error(
        "No target branch was found: no branch here is called main, master or trunk, and no remote says which one \
         changes land on. Run `git remote set-head origin --auto` where there is a remote, or read a range: \
         `undersign review BASE..HEAD --target BRANCH`."
    )]
    NoTarget,
    #[error(
        "Which branch of {0} changes land on is not known here: {0}/HEAD names none that is here, and no single one \
         is called main, master or trunk. Run `git remote set-head {0} --auto`."
    )]
    NoDefault(String),
    #[error(
        "Of the branches of {0}, only {1} is fetched here, so changes on others are not seen. To fetch all of them: \
         `git remote set-branches {0} '*'`, then `git fetch {0}`."
    )]
    Narrow(String, String),
    #[error(
        "This repository borrows objects from {0}, which is not there. Bring it back, or write its new place into \
         {1}."
    )]
    NoAlternate(String, String),
    #[error("The commit of {0} is missing: the repository is damaged. `git fsck` says what is missing.")]
    NoCommit(String),
    /// The missing part of the history may contain the base.
    #[error("A shallow clone, cut before its base. Run `git fetch --unshallow`.")]
    Cut,
    #[error("It shares no commit with {0}. To propose it: `git rebase --root --onto {0} BRANCH`.")]
    Unrelated(String),
    #[error("It and {0} have criss-cross merges: {1} merge bases. Merge again: `git merge {0}`.")]
    Crossed(String, usize),
    #[error("The ref or revision `{0}` does not exist here.")]
    NoSuchRevision(String),
    #[error(
        "Object {0} is missing: an incomplete clone, or damage. Run `git fetch --refetch`, or `git fetch --unshallow` \
         in a shallow clone, then `git fsck`."
    )]
    Missing(String),
    #[error("The ref {0} points to nothing that is here. Run `git fetch`, or delete the ref.")]
    Dangling(String),
    #[error("git could not read the repository: {0}.")]
    Other(String),
}

impl GitError {
    fn other(error: git2::Error) -> GitError {
        let message = visible::text(error.message().trim_end_matches('.')).into_owned();
        if error.code() == git2::ErrorCode::NotFound && error.class() == git2::ErrorClass::Odb {
            let id = message.split(['(', ')']).nth(1).map_or(message.clone(), str::to_owned);
            return GitError::Missing(id);
        }
        GitError::Other(message)
    }
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        GitError::other(error)
    }
}

/// The state of the policy of a repository.
#[derive(Debug, Clone)]
pub enum PolicyState {
    Found(Box<Policy>),
    Absent,
    Invalid(FileError),
}

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

    /// Writes a setting into the configuration of this repository.
    pub(crate) fn set(&self, key: &str, value: &str) -> Result<(), GitError> {
        let mut config = self.raw.config()?.open_level(git2::ConfigLevel::Local)?;
        config.set_str(key, value)?;
        Ok(())
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
        self.raw.is_shallow()
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
                text.lines().map(|line| line.parse().map_err(|_| unreadable("a line is no id".into()))).collect()
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

    pub fn is_bare(&self) -> bool {
        self.raw.is_bare()
    }

    /// A setting of git's configuration, to show to people; nothing is judged by it.
    pub fn setting(&self, key: &str) -> Option<String> {
        self.raw.config().ok()?.snapshot().ok()?.get_string(key).ok()
    }

    /// As [`Repository::setting`], for a boolean setting.
    pub fn switch(&self, key: &str) -> bool {
        self.raw.config().and_then(|config| config.get_bool(key)).unwrap_or(false)
    }

    /// As [`Repository::setting`], for a path: `~` is the home directory.
    pub fn file_setting(&self, key: &str) -> Option<PathBuf> {
        self.raw.config().ok()?.get_path(key).ok()
    }

    /// The folder from which git runs the hooks of a push to this repository, by the configuration of whoever asks:
    /// theirs and the system's may name one for all repositories.
    pub fn hooks(&self) -> PathBuf {
        // Git takes a relative path from where it runs these hooks, which is the git directory.
        let named = self.file_setting("core.hooksPath").map(|path| self.common_dir().join(path));
        named.unwrap_or_else(|| self.common_dir().join("hooks"))
    }

    /// Whether that folder is the one of this repository, or its own configuration names it: nobody's hooks for all of
    /// their repositories.
    pub fn has_own_hooks(&self) -> bool {
        let own = std::fs::canonicalize(self.common_dir().join("hooks")).ok();
        let level = || {
            let config = self.raw.config().ok()?;
            Some(config.get_entry("core.hooksPath").ok()?.level())
        };
        match level() {
            None | Some(git2::ConfigLevel::Local | git2::ConfigLevel::Worktree) => true,
            Some(_) => own.is_some() && own == std::fs::canonicalize(self.hooks()).ok(),
        }
    }

    /// The hook that judges a push to this repository, where git would run it.
    pub fn pre_receive(&self) -> PathBuf {
        self.hooks().join("pre-receive")
    }

    /// Whether refs here are the ones that people push to, even if the repository was cloned.
    pub fn is_pushed_to(&self) -> bool {
        self.is_bare() || (self.has_own_hooks() && self.pre_receive().exists())
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

    /// The address of `origin`, to show to people; empty if there is none. Nothing else reads the URL of a remote: a
    /// token in it goes no further.
    pub fn uri(&self) -> String {
        let remote = self.raw.find_remote("origin").ok();
        remote.and_then(|r| r.url().ok().map(address::without_user)).unwrap_or_default()
    }

    /// The branch that HEAD names, whether or not it exists. No push changes that.
    pub fn head_branch(&self) -> Option<String> {
        self.raw.find_reference("HEAD").ok().and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned))
    }

    pub fn has_remotes(&self) -> bool {
        self.raw.remotes().is_ok_and(|remotes| !remotes.is_empty())
    }

    /// Whether it has remotes that are not only pushed to, as `git remote add --mirror=push` sets up a backup.
    pub fn has_upstream(&self) -> bool {
        let names = self.raw.remotes().ok();
        let mut names = names.iter().flat_map(|names| names.iter()).flatten().flatten();
        let config = self.raw.config().ok();
        let is_pushed_to = |name: &str| config.as_ref()?.get_bool(&format!("remote.{name}.mirror")).ok();
        names.any(|name| is_pushed_to(name) != Some(true))
    }

    /// Whether fetched branches are stored as the repository's own branches, as with `git clone --mirror`.
    pub fn is_mirror(&self) -> bool {
        let is_own = |spec: git2::Refspec<'_>| {
            let dst = spec.dst().unwrap_or_default();
            let place = dst.trim_end_matches('*');
            spec.direction() == git2::Direction::Fetch
                && (place.starts_with(BRANCHES) || (!place.is_empty() && BRANCHES.starts_with(place)))
        };
        let names = self.raw.remotes().ok();
        let names = names.iter().flat_map(|names| names.iter()).flatten().flatten();
        names.filter_map(|name| self.raw.find_remote(name).ok()).any(|remote| remote.refspecs().any(is_own))
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

    /// The name inside an annotated tag; none for any other object.
    pub fn tag_name(&self, id: ObjectId) -> Option<Vec<u8>> {
        self.raw.find_tag(oid(id)).ok().map(|tag| tag.name_bytes().to_vec())
    }

    /// The commit that a ref points to; none if it is absent, dangling or not a commit.
    pub fn tip(&self, name: &str) -> Option<ObjectId> {
        let reference = self.raw.find_reference(name).ok()?;
        reference.peel_to_commit().ok().map(|commit| object_id(commit.id()))
    }

    /// The commit that an object is, or that it tags.
    pub fn commit_named(&self, id: ObjectId) -> Option<ObjectId> {
        self.peeled(id).ok().flatten()
    }

    /// As [`Repository::commit_named`]; none if it is something else, or the chain of tags is too long.
    ///
    /// # Errors
    /// An object is missing, or the time is over.
    pub(crate) fn peeled(&self, id: ObjectId) -> Result<Option<ObjectId>, GitError> {
        self.deadline.check()?;
        let mut object = self.raw.find_object(oid(id), None)?;
        for _ in 0..MAX_TAGS {
            let Some(tag) = object.as_tag() else { break };
            object = tag.target()?;
        }
        Ok(object.as_commit().map(|commit| object_id(commit.id())))
    }

    /// Whether the server's refs are known from `origin`, rather than being the refs here. Not while a push is being
    /// received.
    fn is_clone(&self, ahead: bool) -> bool {
        !ahead && !self.raw.is_bare() && self.raw.find_remote("origin").is_ok()
    }

    /// The object to which a ref of the server points, as far as known here: in a clone, where `origin` was last seen
    /// to have it; tags are as they are here.
    pub fn shown(&self, name: &str, ahead: bool) -> Option<ObjectId> {
        let held = |name: &str| self.raw.refname_to_id(name).ok().map(object_id);
        let branch = name.strip_prefix("refs/heads/").filter(|_| self.is_clone(ahead));
        branch.and_then(|branch| held(&format!("refs/remotes/origin/{branch}"))).or_else(|| held(name))
    }

    /// The refs of the server that match, with their commits, as far as known here. In a clone only the branches of
    /// `origin`: tags and branches of a clone may be anybody's.
    pub fn shown_refs(&self, ahead: bool, wanted: impl Fn(&str) -> bool) -> Vec<(String, ObjectId)> {
        let (prefix, own) =
            if self.is_clone(ahead) { ("refs/remotes/origin/", "refs/heads/") } else { ("refs/", "refs/") };
        let Ok(references) = self.raw.references_glob(&format!("{prefix}*")) else { return Vec::new() };
        let shown = references.flatten().filter_map(|reference| {
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            let rest = name.strip_prefix(prefix)?;
            let name = format!("{own}{rest}");
            let ours = name.starts_with("refs/undersign/") || name.starts_with("refs/remotes/");
            if ours || !wanted(&name) {
                return None;
            }
            // A symbolic ref shows what another one shows.
            let commit = self.commit_named(object_id(reference.target()?))?;
            Some((name, commit))
        });
        shown.collect()
    }

    /// The parents of a merge, but for the first; none of what cannot be read.
    pub fn sides(&self, commit: ObjectId) -> Vec<ObjectId> {
        let commit = self.raw.find_commit(oid(commit));
        commit.map_or_else(|_| Vec::new(), |commit| commit.parent_ids().skip(1).map(object_id).collect())
    }

    /// The symbolic refs of the server that match, each with the ref that it names, and that one's commit.
    pub fn symbolic_refs(&self, ahead: bool, wanted: impl Fn(&str) -> bool) -> Vec<(String, String, ObjectId)> {
        let (prefix, own) =
            if self.is_clone(ahead) { ("refs/remotes/origin/", "refs/heads/") } else { ("refs/", "refs/") };
        let Ok(references) = self.raw.references_glob(&format!("{prefix}*")) else { return Vec::new() };
        let named = |name: &[u8]| {
            let name = String::from_utf8_lossy(name).into_owned();
            name.strip_prefix(prefix).map(|rest| format!("{own}{rest}"))
        };
        let found = references.flatten().filter_map(|reference| {
            let name = named(reference.name_bytes()).filter(|name| wanted(name))?;
            let target = named(reference.symbolic_target_bytes()?)?;
            let commit = self.commit_named(object_id(reference.resolve().ok()?.target()?))?;
            Some((name, target, commit))
        });
        found.collect()
    }

    /// The ref that a symbolic ref names.
    pub fn stands_for(&self, name: &str) -> Option<String> {
        let reference = self.raw.find_reference(name).ok()?;
        reference.symbolic_target_bytes().map(|target| String::from_utf8_lossy(target).into_owned())
    }

    /// Whether a ref points to this object; for the zero id, whether it does not exist.
    pub fn stands_at(&self, name: &str, id: ObjectId) -> bool {
        match self.raw.refname_to_id(name) {
            Ok(held) => object_id(held) == id,
            Err(error) => error.code() == git2::ErrorCode::NotFound && id.is_zero(),
        }
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

    /// Resolves what a person typed: a ref, an abbreviation, `HEAD~2`.
    pub fn resolve(&self, text: &str) -> Result<ObjectId, GitError> {
        let missing = || GitError::NoSuchRevision(visible::text(text).into_owned());
        let object = self.raw.revparse_single(text).map_err(|_| missing())?;
        object.peel_to_commit().map(|commit| object_id(commit.id())).map_err(|_| missing())
    }

    /// The full name of the ref that a person means, if it is one and no expression; of a detached `HEAD` the name by
    /// which [`Repository::tip_of`] knows it.
    pub fn ref_named(&self, text: &str) -> Option<String> {
        let (_, reference) = self.raw.revparse_ext(text).ok()?;
        let name = String::from_utf8_lossy(reference?.resolve().ok()?.name_bytes()).into_owned();
        if name != "HEAD" {
            return Some(name);
        }
        let worktree = self.git_dir().strip_prefix(self.common_dir()).ok()?.to_str()?;
        let worktree = worktree.trim_end_matches('/');
        Some(format!("{}/HEAD", if worktree.is_empty() { "main-worktree" } else { worktree }))
    }

    /// As [`Repository::resolve`], and a branch that only a remote has by its plain name.
    pub fn named(&self, text: &str) -> Option<ObjectId> {
        let of_remote = |remote: String| self.resolve(&format!("refs/remotes/{remote}/{text}")).ok();
        self.resolve(text).ok().or_else(|| self.remotes().into_iter().find_map(of_remote))
    }

    /// The SHA-256 of the policy file of a commit, which costs less than reading the policy; none if there is no such
    /// file.
    pub fn policy_digest(&self, commit: ObjectId) -> Option<Digest> {
        self.digest_at(commit, POLICY_PATH)
    }

    /// SHA-256 of a file of a commit that is no larger than a policy may be; none if there is none.
    pub fn digest_at(&self, commit: ObjectId, path: &str) -> Option<Digest> {
        let id = self.file_at(commit, path)?;
        let is_read = self.blob_size(id).ok()? <= policy::MAX_FILE as u64;
        is_read.then(|| self.facts(id).ok().map(|facts| facts.digest)).flatten()
    }

    /// The blob at a path of a commit, read from the trees that are read anyway; none if there is no ordinary file.
    fn file_at(&self, commit: ObjectId, path: &str) -> Option<ObjectId> {
        let mut at = (trees::TREE, oid(self.tree_of(commit).ok()?));
        for part in path.split('/') {
            let entries = (at.0 == trees::TREE).then(|| self.entries(at.1).ok()).flatten()?;
            let found = entries.binary_search_by(|(name, ..)| name.as_slice().cmp(part.as_bytes())).ok()?;
            at = (entries[found].1, entries[found].2);
        }
        matches!(trees::mode(at.0), Some(Mode::File | Mode::Executable)).then(|| object_id(at.1))
    }

    /// Lets a ref of ours point to a commit.
    pub(crate) fn point(&self, name: &str, commit: ObjectId) -> Result<(), GitError> {
        self.raw.reference(name, oid(commit), true, "undersign")?;
        Ok(())
    }

    /// The bytes of an ordinary file of a commit that is no larger than a policy may be; none if there is none.
    fn file_text(&self, commit: ObjectId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let Some(id) = self.file_at(commit, path) else { return Ok(None) };
        if self.blob_size(id)? > policy::MAX_FILE as u64 {
            return Err(GitError::Limit(format!("{path} is larger than 1 MiB.")));
        }
        Ok(Some(self.raw.find_blob(oid(id))?.content().to_vec()))
    }

    /// The policy in a commit, with what it has from the organization.
    pub fn policy_at(&self, commit: ObjectId) -> Result<PolicyState, GitError> {
        self.policy_under(commit, &self.organization())
    }

    /// The policy in a commit, with what it has from an organization; or why that cannot be read.
    pub fn policy_under(&self, commit: ObjectId, organization: &Known) -> Result<PolicyState, GitError> {
        let tree = self.raw.find_commit(oid(commit))?.tree()?;
        let entry = match tree.get_path(Path::new(POLICY_PATH)) {
            Ok(entry) => entry,
            Err(error) if error.code() == git2::ErrorCode::NotFound && error.class() != git2::ErrorClass::Odb => {
                return Ok(PolicyState::Absent);
            }
            Err(error) => return Err(error.into()),
        };
        if entry.kind() != Some(git2::ObjectType::Blob) || entry.filemode() == 0o120_000 {
            let text = "the policy must be an ordinary file".to_owned();
            let mistakes = vec![crate::datafile::Mistake { line: 1, text }];
            return Ok(PolicyState::Invalid(FileError { file: POLICY_PATH.to_owned(), mistakes }));
        }
        let known = organization.as_ref().ok().and_then(Option::as_deref);
        Ok(match Policy::read(POLICY_PATH, self.raw.find_blob(entry.id())?.content(), known) {
            Ok(policy) => PolicyState::Found(Box::new(policy)),
            Err(mut error) => {
                let unread = organization.as_ref().err();
                error.mistakes.extend(unread.map(|text| crate::datafile::Mistake { line: 1, text: text.clone() }));
                PolicyState::Invalid(error)
            }
        })
    }

    /// The services in a commit, none if it has no file of them; or the mistakes of the file.
    ///
    /// # Errors
    /// The commit or one of its trees is missing.
    pub fn services_at(&self, commit: ObjectId) -> Result<Result<Services, FileError>, GitError> {
        let tree = self.raw.find_commit(oid(commit))?.tree()?;
        let entry = match tree.get_path(Path::new(SERVICES_FILE)) {
            Ok(entry) => entry,
            Err(error) if error.code() == git2::ErrorCode::NotFound && error.class() != git2::ErrorClass::Odb => {
                return Ok(Ok(Services::default()));
            }
            Err(error) => return Err(error.into()),
        };
        let refused = |text: &str| {
            let mistakes = vec![crate::datafile::Mistake { line: 1, text: text.to_owned() }];
            Ok(Err(FileError { file: SERVICES_FILE.to_owned(), mistakes }))
        };
        if entry.kind() != Some(git2::ObjectType::Blob) || entry.filemode() == 0o120_000 {
            return refused("it must be an ordinary file");
        }
        // A blob of any size must not be read to find out that it is too large.
        let (size, _) = self.raw.odb()?.read_header(entry.id())?;
        if size > policy::MAX_FILE {
            return refused("the file is larger than 1 MiB");
        }
        Ok(Services::read(SERVICES_FILE, self.raw.find_blob(entry.id())?.content()))
    }

    /// The revision from `base` to `head`, for a target tip.
    pub fn revision(&self, base: ObjectId, head: ObjectId, target_tip: ObjectId) -> Result<Revision, GitError> {
        let commits = self.commits_between(&[base, target_tip], head)?;
        self.revision_of(base, head, target_tip, commits)
    }

    /// As [`Repository::revision`], if the commits are known.
    fn revision_of(
        &self,
        base: ObjectId,
        head: ObjectId,
        target_tip: ObjectId,
        commits: Vec<Commit>,
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
        // Depending on the dates of the commits, a walk continues far behind the commits that it hides: avoid it for a
        // single commit.
        let own = self.commit(head)?;
        if own.parents.len() == 1 && without.iter().all(|id| *id == own.parents[0]) {
            return Ok(vec![own]);
        }
        let mut walk = self.raw.revwalk()?;
        walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::TIME)?;
        walk.push(oid(head))?;
        for id in without {
            walk.hide(oid(*id))?;
        }
        self.commits_of_change(walk.map(|id| Ok(object_id(id?))))
    }

    /// Reads the commits of one change, none left out.
    fn commits_of_change(
        &self,
        ids: impl Iterator<Item = Result<ObjectId, GitError>>,
    ) -> Result<Vec<Commit>, GitError> {
        let mut messages = 0;
        let read = |id: Result<ObjectId, GitError>| {
            self.deadline.check()?;
            let commit = self.commit(id?)?;
            messages += commit.message.len();
            if messages > MAX_MESSAGES {
                let detail = format!(
                    "The messages of the commits are more than {} MiB. Make them shorter, or push in parts.",
                    MAX_MESSAGES >> 20
                );
                return Err(GitError::Limit(detail));
            }
            Ok(commit)
        };
        let commits: Vec<Commit> = ids.take(MAX_COMMITS + 1).map(read).collect::<Result<_, _>>()?;
        if commits.len() > MAX_COMMITS {
            let detail = format!("More than {MAX_COMMITS} commits in one change are not read. Split it.");
            return Err(GitError::Unsupported(detail));
        }
        Ok(commits)
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
            return Err(GitError::Unsupported(format!("Object {id} is no commit. Name one.")));
        }
        commit::parse(id, object.data()).map_err(|why| {
            GitError::Unsupported(format!(
                "Commit {id} cannot be read for certain: {why}. Make it again with `git commit --amend \
                 --reset-author` or `git rebase`."
            ))
        })
    }
}

fn refusal(error: &git2::Error, shown: &str) -> GitError {
    let message = error.message();
    let format = if message.contains("object format") || message.contains("objectformat") {
        "names its objects by SHA-256, which cannot be read here yet. Use one with `git init --object-format=sha1`"
    } else if message.contains("refstorage") {
        "keeps its refs as a reftable, which cannot be read here yet. `git refs migrate --ref-format=files` puts \
         them back into files"
    } else if message.contains("extension") || message.contains("version") {
        "has an extension that cannot be read here yet, such as a partial clone. Use a full clone"
    } else {
        ""
    };
    if !format.is_empty() {
        let what = visible::text(message.trim_end_matches('.'));
        return GitError::Unsupported(format!("The repository {format} ({what})."));
    }
    if error.code() == git2::ErrorCode::Owner {
        return GitError::Unsupported(
            "The repository belongs to another user. If you trust it, run `git config --global --add safe.directory \
             DIR`."
                .to_owned(),
        );
    }
    match error.code() {
        git2::ErrorCode::NotFound => match unreadable_above(shown) {
            Some(dir) => GitError::Unsupported(format!(
                "{} may not be read by you, so nothing can be said of the repository there.",
                visible::text(&dir.display().to_string())
            )),
            None => GitError::NotARepository(shown.to_owned()),
        },
        _ => GitError::Other(visible::text(message.trim_end_matches('.')).into_owned()),
    }
}

/// The git directory at or above a path that exists but may not be read: git2 reports that there is none.
fn unreadable_above(path: &str) -> Option<PathBuf> {
    let path = std::fs::canonicalize(path).ok()?;
    path.ancestors().map(|dir| dir.join(".git")).find(|git| {
        let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
        std::fs::metadata(git).is_ok() && std::fs::metadata(git.join("HEAD")).is_err_and(refused)
    })
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
            GitError::Unsupported("The directory of the pushed objects has a name that is no UTF-8.".to_owned())
        })?)?;
    }
    Ok(())
}

/// Formats that libgit2 opens but does not read correctly.
fn unsupported(raw: &git2::Repository) -> Option<String> {
    let config = raw.config().ok()?.snapshot().ok()?;
    let is = |key: &str, value: &str| config.get_str(key).is_ok_and(|v| v.eq_ignore_ascii_case(value));
    let grafts = raw.commondir().join("info").join("grafts");
    let what = if std::fs::metadata(&grafts).is_ok_and(|meta| meta.len() > 0) {
        "grafts, which put another history in place of the one that commits name"
    } else if is("extensions.objectformat", "sha256") {
        "SHA-256 objects"
    } else if is("extensions.refstorage", "reftable") {
        "reftable"
    } else {
        return partial(&config);
    };
    Some(format!("This repository uses {what}, which cannot be read here yet. Use a full SHA-1 clone."))
}

/// What to do with a partial clone: a remote promised to provide missing objects later.
fn partial(config: &git2::Config) -> Option<String> {
    let of_extension = config.get_str("extensions.partialclone").ok().map(str::to_owned);
    let remote = promisor(config).or(of_extension)?;
    let shown = visible::text(&remote).into_owned();
    let shown = if shown.chars().all(is_plain) { shown } else { format!("'{}'", shown.replace('\'', "'\\''")) };
    // What begins with a hyphen is an option unless something ends the options.
    let end = if remote.starts_with('-') { "-- " } else { "" };
    let keys = [
        (format!("remote.{remote}.partialclonefilter"), format!("remote.{shown}.partialclonefilter")),
        (format!("remote.{remote}.promisor"), format!("remote.{shown}.promisor")),
        ("extensions.partialclone".to_owned(), "extensions.partialclone".to_owned()),
    ];
    let set = keys.into_iter().filter(|(key, _)| config.get_str(key).is_ok());
    let unset: String = set.map(|(_, shown)| format!(" && git config --unset {shown}")).collect();
    Some(format!(
        "A partial clone, which cannot be read here: objects are missing until git fetches them. To fetch all of them: \
         `git fetch --refetch --no-filter {end}{shown}{unset}`."
    ))
}

/// Whether a character means itself to a shell.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
}

/// The remote that promised to provide missing objects later.
fn promisor(config: &git2::Config) -> Option<String> {
    let mut entries = config.entries(Some(r"^remote\..*\.promisor$")).ok()?;
    while let Some(entry) = entries.next() {
        let Ok(entry) = entry else { continue };
        // The last of several values counts; `yes` and `1` are true, too, and a key without a value.
        if entry.name().is_ok_and(|key| config.get_bool(key).unwrap_or(false)) {
            let name = entry.name().ok()?.strip_prefix("remote.")?.strip_suffix(".promisor")?.to_owned();
            return Some(name);
        }
    }
    None
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

impl RefFacts for Repository {
    fn stands_for(&self, name: &str) -> Option<String> {
        self.stands_for(name)
    }

    fn stands_at(&self, name: &str, id: ObjectId) -> bool {
        self.stands_at(name, id)
    }

    fn shown(&self, name: &str) -> Option<ObjectId> {
        self.shown(name, false)
    }

    fn tag_name(&self, id: ObjectId) -> Option<Vec<u8>> {
        self.tag_name(id)
    }

    fn is_descendant(&self, of: ObjectId, ancestor: ObjectId) -> bool {
        self.is_descendant(of, ancestor)
    }

    fn is_empty(&self, commit: ObjectId) -> bool {
        self.is_empty(commit)
    }

    fn bytes_of_blob(&self, id: ObjectId) -> Option<usize> {
        self.bytes_of_blob(id)
    }
}
