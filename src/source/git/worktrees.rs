//! Worktrees with a detached HEAD. Agents work in them, and what they commit there may be on no branch at all.

use std::path::{Path, PathBuf};

use super::{Repository, oid};
use crate::change::{BranchRef, ObjectId};

/// git's own names of worktrees, before `/HEAD`: of the one beside the git directory, and of the others.
const MAIN: &str = "main-worktree";
const LINKED: &str = "worktrees/";
/// What is in the directory of a worktree while git itself has detached its HEAD for a time.
const UNDER_WAY: [&str; 3] = ["rebase-merge", "rebase-apply", "BISECT_LOG"];
/// The most worktrees that are looked at.
const MOST: usize = 500;

/// A HEAD at commits that no branch contains.
pub(super) struct Detached {
    pub at: BranchRef,
    pub tip: ObjectId,
    /// Where its files are.
    pub root: PathBuf,
}

impl Detached {
    /// For people: its folder and the commit, since it has no other name.
    pub fn name(&self) -> String {
        let folder = self.root.file_name().unwrap_or_default().to_string_lossy();
        format!("{folder}@{}", self.tip.short())
    }

    pub fn stands(&self) -> String {
        format!("on no branch: detached HEAD of the worktree {}", self.root.display())
    }
}

impl Repository {
    /// The worktrees whose commits are on none of these branches, one for each commit. What is unreadable, has lost its
    /// folder or is being rebased is none.
    pub(super) fn detached(&self, branches: &[ObjectId]) -> Vec<Detached> {
        let linked = std::fs::read_dir(self.common_dir().join(LINKED)).into_iter().flatten().flatten();
        let mut names: Vec<_> = linked.filter_map(|entry| entry.file_name().into_string().ok()).take(MOST).collect();
        names.sort();
        let names = names.into_iter().map(|name| format!("{LINKED}{name}"));
        let mut found: Vec<Detached> = Vec::new();
        for branch in std::iter::once(MAIN.to_owned()).chain(names) {
            let Some(root) = self.root_of_worktree(&branch) else { continue };
            let at = BranchRef { full: format!("{branch}/HEAD"), remote: None, branch };
            let Some(tip) = self.detached_head(&at.branch) else { continue };
            if found.iter().all(|other| other.tip != tip) && !self.is_on_a_branch(tip, branches) {
                found.push(Detached { at, tip, root });
            }
        }
        found
    }

    /// The commit at which a proposal is now.
    pub fn tip_of(&self, at: &BranchRef) -> Option<ObjectId> {
        if at.full.starts_with("refs/") { self.tip(&at.full) } else { self.detached_head(&at.branch) }
    }

    /// The directory in which git keeps the HEAD of a worktree.
    fn dir_of_worktree(&self, name: &str) -> PathBuf {
        if name == MAIN { self.common_dir().to_path_buf() } else { self.common_dir().join(name) }
    }

    /// The folder with the files of a worktree, if it is there.
    fn root_of_worktree(&self, name: &str) -> Option<PathBuf> {
        let file = if name == MAIN {
            self.common_dir().to_path_buf()
        } else {
            let text = std::fs::read_to_string(self.dir_of_worktree(name).join("gitdir")).ok()?;
            // Since git 2.48 it may be relative to where it is written.
            self.dir_of_worktree(name).join(text.trim_end_matches('\n'))
        };
        let is_of_a_worktree = file.file_name().is_some_and(|name| name == ".git") && file.exists();
        is_of_a_worktree.then(|| file.parent().map(Path::to_path_buf))?
    }

    /// The commit at which a worktree is if it is on no branch.
    fn detached_head(&self, name: &str) -> Option<ObjectId> {
        let dir = self.dir_of_worktree(name);
        if UNDER_WAY.iter().any(|state| dir.join(state).exists()) {
            return None;
        }
        let text = std::fs::read_to_string(dir.join("HEAD")).ok()?;
        self.commit_named(text.trim().parse().ok()?)
    }

    fn is_on_a_branch(&self, commit: ObjectId, branches: &[ObjectId]) -> bool {
        let Ok(mut walk) = self.raw.revwalk() else { return true };
        if walk.push(oid(commit)).is_err() {
            return true;
        }
        for tip in branches {
            // What cannot be read contains nothing that is known.
            let _ = walk.hide(oid(*tip));
        }
        walk.next().is_none()
    }
}
