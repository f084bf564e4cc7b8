//! Entries of a tree that stand for a folder or a file elsewhere, and what they lead to.

use super::RepoPath;

/// A symlink or submodule among the touched paths, on one side of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it lies itself.
    pub path: RepoPath,
    /// It is there after the change; else it was there before.
    pub lands: bool,
    /// Symlinks on the way, and folders that it enters and leaves by `..`: a change of these leads it elsewhere.
    pub way: Vec<RepoPath>,
    /// Where it leads to in the end.
    pub end: LinkEnd,
    /// What lies below its end, there and as a path through the link.
    pub below: Vec<RepoPath>,
}

/// Where a link ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEnd {
    /// A path of the repository, whether there is anything; empty for its root.
    Within(RepoPath),
    /// Outside of the repository. What it says there could be paths of the repository all the same (`/srv/shop/envs`,
    /// `/proc/self/cwd/envs`): each tail of it.
    Outside(Vec<RepoPath>),
    /// A submodule: what it holds is not in this repository.
    Submodule,
    /// Nobody can say; why, as the end of a sentence about the link.
    Unknown(String),
}

impl Link {
    /// All places that it leads to or over, its own among them.
    pub fn places(&self) -> impl Iterator<Item = &RepoPath> {
        let ends: &[RepoPath] = match &self.end {
            LinkEnd::Within(end) => std::slice::from_ref(end),
            LinkEnd::Outside(tails) => tails,
            LinkEnd::Submodule | LinkEnd::Unknown(_) => &[],
        };
        std::iter::once(&self.path).chain(&self.way).chain(ends)
    }
}
