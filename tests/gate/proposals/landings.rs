//! Ways in which hosts land a proposal, by real git and by libgit2.

use std::path::Path;
use std::process::{Command, Output};

use git2::{Oid, RebaseOptions};
use undersign::gate::Lands;

/// How a proposal is landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the host's server does, with `merge.directoryRenames` set so.
    MergeTree(&'static str),
    /// As people do it in a checkout.
    Merge,
    Squash,
    /// With these options, and `merge.directoryRenames` set so.
    Rebase(&'static str, &'static str),
    MergeInLibgit2,
    RebaseInLibgit2,
}

/// These need no checkout. A squash makes the tree that a merge does, and what a rebase lands exactly, a merge does
/// too.
pub const BARE: [Way; 5] = [
    Way::MergeTree("true"),
    Way::MergeTree("conflict"),
    Way::MergeTree("false"),
    Way::MergeInLibgit2,
    Way::RebaseInLibgit2,
];
pub const CHECKOUTS: [Way; 2] = [Way::Merge, Way::Squash];
pub const REBASES: [Way; 6] = [
    Way::Rebase("--merge", "true"),
    Way::Rebase("--merge", "conflict"),
    Way::Rebase("--apply", "true"),
    Way::Rebase("--apply", "conflict"),
    Way::Rebase("--rebase-merges", "true"),
    Way::Rebase("--merge", "false"),
];

pub fn git(dir: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .current_dir(dir)
        .args(["-c", "core.fsync=none", "-c", "gc.auto=0", "-c", "advice.detachedHead=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "host"), ("GIT_AUTHOR_EMAIL", "host@example.com")])
        .envs([("GIT_COMMITTER_NAME", "host"), ("GIT_COMMITTER_EMAIL", "host@example.com"), ("GIT_EDITOR", "true")])
        .output()
        .unwrap()
}

fn said(output: &Output) -> Option<Oid> {
    let first = std::str::from_utf8(&output.stdout).ok()?.lines().next()?;
    output.status.success().then(|| Oid::from_str(first).ok())?
}

impl Way {
    /// The tree that the target would hold; none where git lands nothing.
    pub fn land(self, repository: &git2::Repository, tip: Oid, head: Oid) -> Option<Oid> {
        let dir = repository.workdir().unwrap();
        let (onto, from) = (tip.to_string(), head.to_string());
        let run = |args: &[&str]| git(dir, args);
        let tree_of = |name: &str| said(&run(&["rev-parse", &format!("{name}^{{tree}}")]));
        let in_checkout = |start: &str, args: &[&str]| {
            clean(dir);
            assert!(run(&["checkout", "-q", "-f", "--detach", start]).status.success());
            run(args).status.success()
        };
        match self {
            Way::MergeTree(renames) => {
                let config = format!("merge.directoryRenames={renames}");
                said(&run(&["-c", &config, "merge-tree", "--write-tree", &onto, &from]))
            }
            Way::Merge => {
                in_checkout(&onto, &["merge", "-q", "--no-ff", "-m", "Merge", &from]).then(|| tree_of("HEAD")).flatten()
            }
            Way::Squash => {
                in_checkout(&onto, &["merge", "-q", "--squash", &from]).then(|| said(&run(&["write-tree"]))).flatten()
            }
            Way::Rebase(kind, renames) => {
                let config = format!("merge.directoryRenames={renames}");
                in_checkout(&from, &["-c", &config, "rebase", "-q", kind, &onto]).then(|| tree_of("HEAD")).flatten()
            }
            Way::MergeInLibgit2 => {
                let commit = |id| repository.find_commit(id).unwrap();
                let mut index = repository.merge_commits(&commit(tip), &commit(head), None).ok()?;
                index.write_tree_to(repository).ok()
            }
            Way::RebaseInLibgit2 => rebased(repository, tip, head).ok(),
        }
    }

    /// The method that a verdict on it is asked for.
    pub fn method(self) -> Lands {
        match self {
            Way::MergeTree(_) | Way::Merge | Way::MergeInLibgit2 => Lands::Merge,
            Way::Squash => Lands::Squash,
            Way::Rebase(..) | Way::RebaseInLibgit2 => Lands::Rebase,
        }
    }

    /// As a person would type it.
    pub fn command(self, tip: usize, head: usize) -> String {
        match self {
            Way::MergeTree(renames) => {
                format!("git -c merge.directoryRenames={renames} merge-tree --write-tree c{tip} c{head}")
            }
            Way::Merge => format!("git checkout c{tip} && git merge --no-ff c{head}"),
            Way::Squash => format!("git checkout c{tip} && git merge --squash c{head} && git write-tree"),
            Way::Rebase(kind, renames) => {
                format!("git checkout --detach c{head} && git -c merge.directoryRenames={renames} rebase {kind} c{tip}")
            }
            Way::MergeInLibgit2 => format!("git_merge_commits(c{tip}, c{head})"),
            Way::RebaseInLibgit2 => format!("git_rebase_init(c{head}, upstream c{tip}), in memory"),
        }
    }
}

/// Whatever the last attempt left there.
fn clean(dir: &Path) {
    let git_dir = dir.join(".git");
    for (state, args) in [("rebase-merge", ["rebase", "--quit"]), ("rebase-apply", ["rebase", "--quit"])] {
        if git_dir.join(state).exists() {
            git(dir, &args);
        }
    }
    git(dir, &["reset", "-q", "--hard"]);
    git(dir, &["clean", "-ffdqx"]);
}

fn rebased(repository: &git2::Repository, tip: Oid, head: Oid) -> Result<Oid, git2::Error> {
    let host = git2::Signature::now("host", "host@example.com")?;
    let (branch, upstream) = (repository.find_annotated_commit(head)?, repository.find_annotated_commit(tip)?);
    let mut options = RebaseOptions::new();
    options.inmemory(true);
    let mut rebase = repository.rebase(Some(&branch), Some(&upstream), None, Some(&mut options))?;
    let mut last = tip;
    while let Some(operation) = rebase.next() {
        operation?;
        match rebase.commit(None, &host, None) {
            Ok(commit) => last = commit,
            Err(error) if error.code() == git2::ErrorCode::Applied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(repository.find_commit(last)?.tree_id())
}
