//! Why a repository cannot be read: every sentence also says what to do.

use std::path::{Path, PathBuf};

use crate::change::{shown_operand, shown_word, visible};
use crate::risk::without_logins;

/// The longest `.git` file that is read, in bytes.
const MAX_GIT_FILE: usize = 4_096;

/// Why a repository cannot be read: a sentence that also says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    #[error("{0} is not a git repository. Name a directory that is, or run `git init` there.")]
    NotARepository(String),
    #[error("{0} does not exist.")]
    NoSuchPlace(String),
    /// A `.git` file, and what it names.
    #[error(
        "{0} names {1}, which does not exist. After a worktree or its repository was moved, run `git worktree repair` \
         in the repository; a submodule comes back with `git submodule update --init`."
    )]
    LostGitDir(String, String),
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
         changes land on. Run `git remote set-head --auto origin` where there is a remote, or read a range: \
         `undersign review BASE..HEAD --target BRANCH`."
    )]
    NoTarget,
    #[error(
        "Which branch of {0} changes land on is not known here: {0}/HEAD names none that is here, and no single one \
         is called main, master or trunk. Run {1}."
    )]
    NoDefault(String, String),
    #[error(
        "No branch of {} is here: it has none yet, or none was fetched. Push a first commit there, or run `git fetch \
         {}`.",
        visible::text(.0), shown_operand(.0)
    )]
    NoBranch(String),
    #[error(
        "`git config undersign.remote` says that changes land on {0}, and no remote is called so. Correct it, or \
         forget it: `git config --unset undersign.remote`."
    )]
    NoRemote(String),
    #[error(
        "Of the branches of {}, {} fetched here, so changes on others are not seen. To fetch all of them: \
         `git remote set-branches {word} '*'`, then `git fetch {word}`.",
        visible::text(.0), visible::text(.1), word = shown_operand(.0)
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
    #[error(
        "It shares no commit with {}. To propose it: `git rebase --root --onto {} BRANCH`.",
        visible::text(.0), shown_word(.0)
    )]
    Unrelated(String),
    #[error(
        "It and {} have criss-cross merges: {} merge bases. Merge again: `git merge {}`.",
        visible::text(.0), .1, shown_operand(.0)
    )]
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
    #[error("The file of the ref {0} holds no commit id. Delete it, or run `git fetch` to have it written again.")]
    Unreadable(String),
    #[error("git could not read the repository: {0}.")]
    Other(String),
}

impl GitError {
    pub(super) fn other(error: git2::Error) -> GitError {
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

/// Why git2 could not open a repository, which is shown under this name.
pub(super) fn refusal(error: &git2::Error, shown: &str) -> GitError {
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
            None => nothing_at(shown),
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

/// Why there is no repository at a path.
fn nothing_at(shown: &str) -> GitError {
    let path = match std::fs::canonicalize(shown) {
        Ok(path) => path,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return GitError::NoSuchPlace(without_logins(shown));
        }
        Err(_) => return GitError::NotARepository(without_logins(shown)),
    };
    match path.ancestors().find_map(lost_git_dir) {
        Some((file, named)) => {
            let [file, named] = [file, named].map(|path| visible::line(path.as_os_str().as_encoded_bytes()));
            GitError::LostGitDir(file, named)
        }
        None => GitError::NotARepository(without_logins(shown)),
    }
}

/// The `.git` file of a worktree or submodule, and the directory that it names, if that is gone.
fn lost_git_dir(dir: &Path) -> Option<(PathBuf, PathBuf)> {
    let file = dir.join(".git");
    let text = std::fs::read_to_string(&file).ok().filter(|text| text.len() <= MAX_GIT_FILE)?;
    let named = dir.join(text.strip_prefix("gitdir:")?.trim());
    (!named.exists()).then_some((file, named))
}
