//! FLOOR 0: plain data about what is under review. No rules, no I/O.
//!
//! A [`Change`] is a proposal to a target ref; its [`Revision`] names the trees that are compared. A [`diff::Diff`] is
//! what a revision does to each path; its [`manifest::Manifest`] is what a decision binds to.

#![warn(missing_docs)]

pub mod address;
#[cfg(feature = "git")]
mod anchors;
#[cfg(feature = "git")]
pub mod blocks;
#[cfg(feature = "git")]
pub mod compare;
pub mod diff;
pub mod digest;
#[cfg(feature = "git")]
pub mod enclosing;
pub mod fold;
pub mod lines;
pub mod links;
pub mod manifest;
#[cfg(feature = "git")]
pub mod merge;
#[cfg(feature = "git")]
pub mod moved;
pub mod ref_name;
pub mod references;
#[cfg(feature = "git")]
pub mod renames;
#[cfg(feature = "git")]
pub mod replacement;
pub mod request;
mod shell_word;
pub mod spelling;
pub mod visible;
pub mod wide;
mod written;

pub use shell_word::{shell_word, shown_operand, shown_path, shown_word};

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use references::References;
use request::Request;

/// The id of a git object: 20 bytes of SHA-1. SHA-256 repositories are refused where they are opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 20]);

impl ObjectId {
    /// All zeros: in a push, a ref that does not exist.
    pub const ZERO: ObjectId = ObjectId([0; 20]);

    /// Whether it is [`ObjectId::ZERO`].
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The first seven hex digits, to show to people.
    pub fn short(self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, &mut [0; 40], f)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not 40 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an object id is 40 lower-case hex digits, written in full")]
pub struct NotAnObjectId;

impl FromStr for ObjectId {
    type Err = NotAnObjectId;

    fn from_str(text: &str) -> Result<Self, NotAnObjectId> {
        from_hex(text).map(ObjectId).ok_or(NotAnObjectId)
    }
}

/// Bytes of exactly `2 * N` lower-case hex digits.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_whole = text.len() == 2 * N && base16ct::lower::decode(text, &mut bytes).is_ok();
    is_whole.then_some(bytes)
}

/// Writes bytes as lower-case hex digits in one call, using a buffer that must be large enough: a gate writes thousands
/// of them.
fn write_hex(bytes: &[u8], digits: &mut [u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(base16ct::lower::encode_str(bytes, digits).map_err(|_| fmt::Error)?)
}

/// A path inside a repository: bytes, as in git, not necessarily UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(pub Vec<u8>);

impl RepoPath {
    /// The path as text for rules and globs; bytes that are not UTF-8 become U+FFFD.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The folders that contain it, the outermost first, without the root.
    pub fn folders(&self) -> impl Iterator<Item = RepoPath> {
        self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| RepoPath(self.0[..at].to_vec()))
    }
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> Self {
        RepoPath(text.as_bytes().to_vec())
    }
}

/// Escaped: safe to print, and two different paths never look the same.
impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible::line(&self.0))
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `1 path`, `2 paths`.
pub fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `a`, `a or b`, `a, b or c`.
pub fn any_of<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// A name and an address as a commit states them: a claim, nothing more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// As the commit has it; not escaped, and it proves nothing.
    pub name: String,
    /// As the commit has it; not escaped, and it proves nothing.
    pub email: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.email.is_empty() { self.name.clone() } else { format!("{} <{}>", self.name, self.email) };
        f.write_str(&visible::line(text.as_bytes()))
    }
}

/// One commit of a revision, as far as the rules need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// SHA-1 of the commit object.
    pub id: ObjectId,
    /// The first is the previous tip of the branch; none for a root.
    pub parents: Vec<ObjectId>,
    /// The author that the commit states.
    pub author: Identity,
    /// The committer that the commit states.
    pub committer: Identity,
    /// The whole message. Invalid UTF-8 becomes U+FFFD.
    pub message: String,
    /// Seconds since the epoch by the committer's clock: a claim.
    pub time: i64,
}

impl Commit {
    /// The first line of the message.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default().trim()
    }

    /// The text of the message below its title: paragraphs, each as one line, without the trailers at the end.
    pub fn says(&self) -> Vec<String> {
        let body: Vec<&str> = self.message.lines().skip(1).collect();
        let mut paragraphs: Vec<&[&str]> =
            body.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty()).collect();
        while paragraphs.last().is_some_and(|lines| lines.iter().all(|line| is_trailer(line))) {
            paragraphs.pop();
        }
        paragraphs.iter().map(|lines| lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")).collect()
    }
}

/// `Key: value`, its continuation, or a line that a tool writes instead.
fn is_trailer(line: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_generated = line.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).starts_with("Generated with");
    let pair = line.split_once(": ").is_some_and(|(key, _)| is_key(key) && key.contains('-'));
    pair || line.starts_with(' ') || line.starts_with("(cherry picked from") || is_generated
}

/// What is compared, and where it would land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit from which head forked: the merge base with the target tip.
    pub base: ObjectId,
    /// The tree of `base`.
    pub base_tree: ObjectId,
    /// The commit under review.
    pub head: ObjectId,
    /// The tree of `head`.
    pub head_tree: ObjectId,
    /// The tip of the target ref when this was read.
    pub target_tip: ObjectId,
    /// The tree of `target_tip`.
    pub target_tree: ObjectId,
    /// The commits of base..head, newest first. Changes that build on each other share them.
    pub commits: Vec<Arc<Commit>>,
}

impl Revision {
    /// The first line of its oldest commit, if it says anything: not one of a branch that it merged, unless it has no
    /// other.
    pub fn title(&self) -> Option<&str> {
        let oldest = self.own_oldest().or(self.commits.last().map(|commit| &**commit));
        oldest.map(Commit::title).filter(|title| !title.is_empty())
    }

    /// The oldest commit of its own line that is not a merge, if it has merges at all.
    fn own_oldest(&self) -> Option<&Commit> {
        self.commits.iter().find(|commit| commit.parents.len() > 1)?;
        let by_id: BTreeMap<ObjectId, &Commit> = self.commits.iter().map(|commit| (commit.id, &**commit)).collect();
        let parent = |commit: &&Commit| commit.parents.first().and_then(|id| by_id.get(id).copied());
        let line = std::iter::successors(by_id.get(&self.head).copied(), parent);
        line.filter(|commit| commit.parents.len() < 2).last()
    }
}

/// A branch as it is known here: a remote or a local one, or the head of a review request of a remote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BranchRef {
    /// Full name of the ref: `refs/remotes/ann/patch-1`.
    pub full: String,
    /// None for a local branch.
    pub remote: Option<String>,
    /// Its name at its origin: `patch-1`; for a review request `pull/12`.
    pub branch: String,
}

impl BranchRef {
    /// The review request of which this is the head.
    pub fn request(&self) -> Option<Request> {
        Request::named(&self.branch).filter(|_| self.full.starts_with(request::REQUESTS))
    }

    /// The name for git's command line: `ann/patch-1`, `patch-1`.
    pub fn short(&self) -> String {
        self.remote.as_ref().map_or_else(|| self.branch.clone(), |remote| format!("{remote}/{}", self.branch))
    }
}

/// A proposal to a target ref: a branch, remote or local, that is not merged into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Unique in a repository and stable between runs: `infra:kiro/recreate-env`; with the remote if another one has
    /// the plain name, `infra:ann/patch-1`, and `infra:heads/patch-1` for local work. `infra:pull/12` for a review
    /// request, whatever its branch.
    pub id: String,
    /// Position of the repository in the desk's list.
    pub repository: usize,
    /// The branch without `refs/heads/` or `refs/remotes/<name>/`.
    pub branch: String,
    /// The name of the branch for people: with its remote if others have a branch of that name.
    pub name: String,
    /// The refs that point to its head, the one of the id first; empty for a range of commits.
    pub refs: Vec<BranchRef>,
    /// Its relation to its counterpart and to what landed, in words: `local is 2 ahead of origin/feat`.
    pub stands: Vec<String>,
    /// The first line of its oldest commit, as in pull requests; else the branch. Without secrets, as it is drawn.
    pub title: String,
    /// The server's full name of the ref on which it would land: `refs/heads/main`.
    pub target: String,
    /// The pending change that it builds on, if that lands first.
    pub below: Option<Below>,
    /// What its commits say that it depends on, and what others call it.
    pub references: References,
    /// What is compared.
    pub revision: Revision,
}

/// The change below another one: its head is the base of the other, which is read and signed for what it adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Below {
    /// As [`Change::id`].
    pub id: String,
    /// Its name for people: `#12`.
    pub name: String,
    /// The branches of its remote that show its head.
    pub branches: Vec<String>,
    /// The commit from which all of it forked from the target: what is above it may land as one with it.
    pub base: ObjectId,
    /// Its commits, with those of all changes below it.
    pub commits: LowerCommits,
}

/// The oldest commits of a list, by their ids. Changes that build on each other share the list: one for each of a
/// thousand would have half a million commits.
#[derive(Debug, Clone)]
pub struct LowerCommits {
    places: Arc<HashMap<ObjectId, usize>>,
    from: usize,
}

impl LowerCommits {
    /// Of a list with the newest first.
    pub fn new(ids: impl IntoIterator<Item = ObjectId>) -> LowerCommits {
        let places = ids.into_iter().enumerate().map(|(place, id)| (id, place)).collect();
        LowerCommits { places: Arc::new(places), from: 0 }
    }

    /// Without the newest of them.
    pub fn without(&self, first: usize) -> LowerCommits {
        LowerCommits { from: self.from + first, ..self.clone() }
    }

    /// Whether a commit is one of them.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.places.get(id).is_some_and(|place| *place >= self.from)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &ObjectId> {
        self.places.iter().filter(|(_, place)| **place >= self.from).map(|(id, _)| id)
    }
}

impl PartialEq for LowerCommits {
    fn eq(&self, other: &LowerCommits) -> bool {
        self.iter().count() == other.iter().count() && self.iter().all(|id| other.contains(id))
    }
}

impl Eq for LowerCommits {}

impl Change {
    /// A range of commits, for a target.
    pub fn of_range(id: String, branch: String, target: String, revision: Revision) -> Change {
        let (name, title) = (branch.clone(), revision.title().unwrap_or(&branch).to_owned());
        let (refs, stands) = (Vec::new(), Vec::new());
        Change {
            id,
            repository: 0,
            branch,
            name,
            refs,
            stands,
            title,
            target,
            below: None,
            references: References::default(),
            revision,
        }
    }

    /// Whether it is what some ref proposes, and not a range that somebody named.
    pub fn is_proposal(&self) -> bool {
        !self.refs.is_empty()
    }

    /// What it builds on, in words.
    pub fn builds_on(&self) -> Option<String> {
        let below = self.below.as_ref()?;
        Some(format!("builds on {}, which lands first: this is what it adds", below.name))
    }

    /// The title of a change.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The review request, if it is one.
    pub fn request(&self) -> Option<Request> {
        self.refs.first().and_then(BranchRef::request)
    }

    /// The names of its branch, according to all refs that point to its head.
    pub fn branches(&self) -> impl Iterator<Item = &str> {
        let others = self.refs.iter().map(|at| at.branch.as_str()).filter(|branch| *branch != self.branch);
        std::iter::once(self.branch.as_str()).chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_of_a_change_is_that_of_its_own_oldest_commit_and_not_of_a_branch_that_it_merged() {
        let id = |n: u8| ObjectId([n; 20]);
        let who = Identity { name: String::new(), email: String::new() };
        let commit = |n: u8, parents: &[u8], title: &str| Commit {
            id: id(n),
            parents: parents.iter().copied().map(id).collect(),
            author: who.clone(),
            committer: who.clone(),
            message: title.to_owned(),
            time: 0,
        };
        let title = |head: u8, commits: Vec<Commit>| {
            let tip = id(head);
            let (base, tree) = (id(0), id(0));
            let (base_tree, head_tree, target_tip, target_tree) = (tree, tree, base, tree);
            let commits = commits.into_iter().map(Arc::new).collect();
            let revision = Revision { base, base_tree, head: tip, head_tree, target_tip, target_tree, commits };
            revision.title().map(str::to_owned)
        };
        let own =
            [commit(5, &[3, 2], "Merge"), commit(3, &[1], "Own 2"), commit(1, &[0], "Own"), commit(2, &[0], "Feat")];
        assert_eq!(title(5, own.to_vec()).as_deref(), Some("Own"));
        assert_eq!(title(3, vec![own[1].clone(), own[2].clone()]).as_deref(), Some("Own"));
        // It has nothing but the merge.
        assert_eq!(title(6, vec![commit(6, &[0, 2], "Merge"), own[3].clone()]).as_deref(), Some("Feat"));
    }

    #[test]
    fn an_object_id_is_read_strictly() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(text.parse::<ObjectId>().unwrap().to_string(), text);
        for bad in ["", "0123", &text.to_uppercase(), &format!("{text}0"), "g123456789abcdef0123456789abcdef01234567"] {
            assert_eq!(bad.parse::<ObjectId>(), Err(NotAnObjectId), "{bad}");
        }
    }
}
