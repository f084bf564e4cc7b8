//! Entries of a tree that refer to a folder or a file elsewhere, and their targets.

use super::RepoPath;

/// A symlink or submodule among the touched paths, on one side of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The path of the link itself.
    pub path: RepoPath,
    /// It exists after the change; otherwise it existed before.
    pub lands: bool,
    /// Symlinks along the path, and folders that it enters and leaves by `..`: a change of these redirects it.
    pub way: Vec<RepoPath>,
    /// Where it finally leads.
    pub end: LinkEnd,
    /// What is below its end, there and as a path through the link.
    pub below: Vec<RepoPath>,
}

/// Where a link ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEnd {
    /// A path in the repository, whether or not it exists; empty for the root.
    Within(RepoPath),
    /// Outside of the repository. The target may still end with a path of the repository (`/srv/shop/envs`,
    /// `/proc/self/cwd/envs`): this lists each tail of it.
    Outside(Vec<RepoPath>),
    /// A submodule: its content is not in this repository.
    Submodule,
    /// It cannot be determined; why, as the end of a sentence about the link.
    Unknown(String),
}

impl Link {
    /// All paths that it leads to or through, including its own.
    pub fn places(&self) -> impl Iterator<Item = &RepoPath> {
        let ends: &[RepoPath] = match &self.end {
            LinkEnd::Within(end) => std::slice::from_ref(end),
            LinkEnd::Outside(tails) => tails,
            LinkEnd::Submodule | LinkEnd::Unknown(_) => &[],
        };
        std::iter::once(&self.path).chain(&self.way).chain(ends)
    }
}
