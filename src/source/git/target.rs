//! The branch on which changes land, for the desk and the commands: a remote's default branch, as far as it is known
//! here. If there are remotes, the verdicts of a gate use none of this.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{BranchType, Direction};

use super::{GitError, Repository};
use crate::change::{BranchRef, ObjectId, shown_operand, visible};

/// The usual names of a default branch, if nothing else says which one it is.
const USUAL: [&str; 3] = ["main", "master", "trunk"];
/// The remote with the target, if there are several and nothing else says which one it is.
const HOMES: [&str; 2] = ["origin", "upstream"];
/// The setting that says which remote it is.
const SETTING: &str = "undersign.remote";

/// The branch on which changes land: the server's name for it, and its tip as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetBranch {
    /// `refs/heads/main`
    pub name: String,
    pub tip: ObjectId,
}

impl TargetBranch {
    /// `main`
    pub fn short(&self) -> &str {
        self.name.strip_prefix("refs/heads/").unwrap_or(&self.name)
    }
}

impl Repository {
    /// The branch on which changes land, which is also the policy branch. In a clone: the branch to which the HEAD of
    /// its remote resolves, else the one branch there with a usual default name, or of several the one that is followed
    /// here. In a bare repository: HEAD. Otherwise main, master or trunk, or the only branch there is.
    pub fn target(&self) -> Result<TargetBranch, GitError> {
        let target = match self.home() {
            Some(remote) if !self.remotes().contains(&remote) && !self.has_branches(&remote) => {
                Err(GitError::NoRemote(visible::text(&remote).into_owned()))
            }
            Some(remote) => self.default_of(&remote),
            None => self.local_target(),
        };
        // No setting helps where the commits of the branches are gone.
        target.map_err(|why| self.lost_commits().unwrap_or(why))
    }

    /// Why the commits of branches are not here, if some are not.
    fn lost_commits(&self) -> Option<GitError> {
        let is_lost = |name: &str| {
            let id = self.raw.find_reference(name).ok()?.target()?;
            self.raw.odb().ok().map(|objects| !objects.exists(id))
        };
        let refs = self.branch_refs().ok()?;
        let (lost, _) = refs.into_iter().find(|(at, _)| is_lost(&at.full) == Some(true))?;
        let no_commit = GitError::NoCommit(visible::text(&lost.full).into_owned());
        Some(self.lost_alternate().unwrap_or(no_commit))
    }

    /// A store of objects that this one borrows from and that is not there.
    fn lost_alternate(&self) -> Option<GitError> {
        let objects = self.raw.commondir().join("objects");
        let list = objects.join("info/alternates");
        let text = std::fs::read_to_string(&list).ok()?;
        let places = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let gone = places.map(|place| objects.join(place)).find(|place| !place.is_dir())?;
        let name = |path: &Path| visible::text(&path.display().to_string()).into_owned();
        Some(GitError::NoAlternate(name(&gone), name(&list)))
    }

    /// The remote on which changes land, if not all of its branches are fetched into where branches are looked for.
    pub(super) fn narrow_home(&self) -> Option<GitError> {
        let name = self.home()?;
        let remote = self.raw.find_remote(&name).ok()?;
        let specs: Vec<_> = remote.refspecs().filter(|spec| spec.direction() == Direction::Fetch).collect();
        let is_wide = specs.iter().any(|spec| {
            let to = spec.dst().unwrap_or_default();
            let is_seen = to.starts_with("refs/remotes/") || to.starts_with("refs/heads/") || to == "refs/*";
            is_seen && matches!(spec.src(), Ok("refs/heads/*" | "refs/*"))
        });
        if is_wide {
            return None;
        }
        let fetched = specs.iter().filter(|spec| spec.dst().is_ok_and(|to| to.starts_with("refs/remotes/")));
        let short = |from: &str| from.strip_prefix("refs/heads/").unwrap_or(from).to_owned();
        let fetched: Vec<_> = fetched.filter_map(|spec| spec.src().ok().map(short)).collect();
        let fetched = match &fetched[..] {
            [] => "none is".to_owned(),
            [one] => format!("only {one} is"),
            several => format!("only {} are", several.join(", ")),
        };
        Some(GitError::Narrow(name, fetched))
    }

    /// A target by its full name; its tip is the remote-tracking one, if there is one. Not so in a bare repository: a
    /// repository that receives pushes has its own refs, and anyone who may push can create other refs there.
    pub fn target_named(&self, name: &str) -> Result<TargetBranch, GitError> {
        let tip = self.tip(&self.target_ref(name));
        let tip = tip.ok_or_else(|| GitError::NoSuchRevision(visible::text(name).into_owned()))?;
        Ok(TargetBranch { name: name.to_owned(), tip })
    }

    /// The local ref that shows the tip of a target.
    pub(super) fn target_ref(&self, name: &str) -> String {
        let tracking = name
            .strip_prefix("refs/heads/")
            .and_then(|branch| Some(format!("refs/remotes/{}/{branch}", self.home()?)))
            .filter(|tracking| self.tip(tracking).is_some());
        tracking.unwrap_or_else(|| name.to_owned())
    }

    /// The remote on which changes land: the one that `git config undersign.remote` names, or that a fork was made
    /// from, as far as that is known; else `origin`, `upstream`, or the only one. None in a bare repository.
    pub fn home(&self) -> Option<String> {
        if self.is_bare() {
            return None;
        }
        let remotes = self.remotes();
        let config = self.raw.config().and_then(|mut config| config.snapshot()).ok();
        let chosen = config.and_then(|config| chosen(&config, &remotes));
        if chosen.is_some() {
            return chosen;
        }
        let usual = HOMES.into_iter().find(|name| remotes.contains(*name) || self.has_branches(name));
        match usual {
            Some(name) => Some(name.to_owned()),
            None if remotes.len() == 1 => remotes.into_iter().next(),
            None => None,
        }
    }

    /// The remote that is the project: decisions are sent to it, and its address is signed. It is the one on which
    /// changes land, else the only one; in a bare repository `origin`, unless the setting names another.
    ///
    /// # Errors
    /// The setting names none that is there.
    pub fn project(&self) -> Result<Option<String>, GitError> {
        let remotes = self.remotes();
        let only = remotes.first().filter(|_| remotes.len() == 1);
        match self.setting(SETTING) {
            Some(name) if remotes.contains(&name) => return Ok(Some(name)),
            Some(name) => return Err(GitError::NoRemote(visible::text(&name).into_owned())),
            None => {}
        }
        let known = if self.is_bare() { Some(HOMES[0].to_owned()) } else { self.home() };
        Ok(known.filter(|name| remotes.contains(name)).or_else(|| only.cloned()))
    }

    /// The names of the remotes, as configured.
    pub(crate) fn remotes(&self) -> BTreeSet<String> {
        let Ok(names) = self.raw.remotes() else { return BTreeSet::new() };
        names.iter().flatten().flatten().map(str::to_owned).collect()
    }

    fn has_branches(&self, remote: &str) -> bool {
        self.raw.references_glob(&format!("refs/remotes/{remote}/*")).is_ok_and(|mut found| found.next().is_some())
    }

    /// The default branch of a remote. Its HEAD is as of the last time it was queried: a branch renamed since does not
    /// exist, and a local branch with the old name is no longer where changes land.
    fn default_of(&self, remote: &str) -> Result<TargetBranch, GitError> {
        let prefix = format!("refs/remotes/{remote}/");
        let named = |branch: &str| self.target_named(&format!("refs/heads/{branch}"));
        let is_there = |branch: &&str| self.tip(&format!("{prefix}{branch}")).is_some();
        let head = self.stands_for(&format!("{prefix}HEAD"));
        if let Some(branch) = head.as_deref().and_then(|name| name.strip_prefix(&prefix)).filter(is_there) {
            return named(branch);
        }
        // A branch that is called HEAD was pushed: git keeps it where HEAD of the remote would be.
        if head.is_none() && self.tip(&format!("{prefix}HEAD")).is_some() {
            return Err(self.no_default(remote));
        }
        let usual: Vec<&str> = USUAL.into_iter().filter(is_there).collect();
        if let Some(branch) = self.meant(remote, &usual) {
            return named(branch);
        }
        // That a branch is the only one here does not make it the default: a checkout of CI has just the one it builds.
        let local = match head {
            None if self.branches_of(remote)?.is_empty() => self.local_target().ok(),
            None if usual.is_empty() => self.usual_branch(),
            _ => None,
        };
        local.ok_or_else(|| self.no_default(remote))
    }

    /// What to run depends on whether its default branch is fetched at all.
    fn no_default(&self, remote: &str) -> GitError {
        let narrow = self.narrow_home();
        if narrow.is_none() && self.branches_of(remote).is_ok_and(|branches| branches.is_empty()) {
            return GitError::NoBranch(remote.to_owned());
        }
        let name = shown_operand(remote);
        let widen = match narrow {
            Some(_) => format!("`git remote set-branches {name} '*'`, "),
            None => String::new(),
        };
        let advice = format!("{widen}`git fetch {name}`, then `git remote set-head --auto {name}`");
        GitError::NoDefault(visible::text(remote).into_owned(), advice)
    }

    /// The only one of these branches of a remote; of several the only one that the local branch of its name follows.
    /// Which of them contains the others does not matter: that is up to whoever may push any of them.
    fn meant<'b>(&self, remote: &str, branches: &[&'b str]) -> Option<&'b str> {
        if let [only] = branches {
            return Some(only);
        }
        let config = self.raw.config().and_then(|mut config| config.snapshot()).ok()?;
        let is = |key: String, value: &str| config.get_str(&key).is_ok_and(|found| found == value);
        let mut followed = branches.iter().filter(|branch| {
            is(format!("branch.{branch}.remote"), remote)
                && is(format!("branch.{branch}.merge"), &format!("refs/heads/{branch}"))
        });
        followed.next().filter(|_| followed.next().is_none()).copied()
    }

    fn branches_of(&self, remote: &str) -> Result<Vec<BranchRef>, GitError> {
        let refs = self.branch_refs()?.into_iter().map(|(at, _)| at);
        Ok(refs.filter(|at| at.remote.as_deref() == Some(remote)).collect())
    }

    fn local_target(&self) -> Result<TargetBranch, GitError> {
        let bare = self.head_branch().filter(|_| self.is_bare());
        let bare = bare.and_then(|name| self.target_named(&name).ok());
        bare.or_else(|| self.usual_branch()).map_or_else(|| self.only_branch(), Ok)
    }

    fn usual_branch(&self) -> Option<TargetBranch> {
        USUAL.into_iter().find_map(|branch| self.target_named(&format!("refs/heads/{branch}")).ok())
    }

    fn only_branch(&self) -> Result<TargetBranch, GitError> {
        let mut names = Vec::new();
        for branch in self.raw.branches(Some(BranchType::Local))? {
            names.extend(branch?.0.get().name().ok().map(str::to_owned));
        }
        match &names[..] {
            [] => Err(GitError::Empty),
            [name] => self.target_named(name),
            _ => Err(GitError::NoTarget),
        }
    }
}

/// The remote that the repository's settings mean: by our own setting, as GitHub's command notes it
/// for a fork, or where the local main is fetched from one remote and pushed to another.
fn chosen(config: &git2::Config, remotes: &BTreeSet<String>) -> Option<String> {
    let text = |key: &str| config.get_string(key).ok();
    let own = text(SETTING);
    let of_fork = || {
        let mut bases =
            remotes.iter().filter(|name| text(&format!("remote.{name}.gh-resolved")).as_deref() == Some("base"));
        bases.next().filter(|_| bases.next().is_none()).cloned()
    };
    let followed = || {
        USUAL.into_iter().find_map(|branch| {
            let from = text(&format!("branch.{branch}.remote"))?;
            let to = text(&format!("branch.{branch}.pushRemote")).or_else(|| text("remote.pushDefault"))?;
            (from != to).then_some(from)
        })
    };
    // If it names none that is there, that is said, instead of another one being taken.
    own.or_else(|| of_fork().or_else(followed).filter(|name| remotes.contains(name)))
}
