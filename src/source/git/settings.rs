//! What git's configuration says of a repository: hooks and remotes. Nothing is judged by it.

use std::path::PathBuf;

use super::{BRANCHES, GitError, Repository};
use crate::change::address;
use crate::risk::masked;

impl Repository {
    /// Writes a setting into the configuration of this repository.
    pub(crate) fn set(&self, key: &str, value: &str) -> Result<(), GitError> {
        let mut config = self.raw.config()?.open_level(git2::ConfigLevel::Local)?;
        config.set_str(key, value)?;
        Ok(())
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

    /// The address of the project, to show to people; empty if no remote is it. Nothing else reads the URL of a remote:
    /// a token in it goes no further.
    pub fn uri(&self) -> String {
        let name = self.project().ok().flatten();
        let remote = name.and_then(|name| self.raw.find_remote(&name).ok());
        remote.and_then(|r| r.url().ok().map(|url| masked(&address::without_user(url)))).unwrap_or_default()
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
}
