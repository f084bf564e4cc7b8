//! Whether the hook of a repository is there, is ours, and runs.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::Finding::{self, Bad, Good, Note};
use crate::change::visible;
use crate::cli::gate::hook::{Hook, NEXT};
use crate::policy::Policy;
use crate::source::git::Repository;

/// Whether the hook is there, is ours, and runs; and whether all of that makes it refuse anything.
pub(super) fn hook(repository: &Repository, policy: Option<&Policy>) -> (Vec<Finding>, bool) {
    let hooks = repository.hooks();
    let hook = repository.pre_receive();
    let Ok(bytes) = std::fs::read(&hook) else {
        return (vec![no_hook(repository)], false);
    };
    let Some(ours) = Hook::read(&bytes) else {
        let passed = passed_over(repository).map(|passed| format!("{passed}, so the gate in hooks/ never runs. "));
        let found = Bad(format!(
            "{}The pre-receive hook is somebody else's: `undersign gate install --chain DIR` puts the gate before it.",
            passed.unwrap_or_default()
        ));
        return (vec![found], false);
    };
    let mode = std::fs::metadata(&hook).map_or(0, |meta| meta.permissions().mode());
    if mode & 0o111 == 0 {
        return (vec![Bad("The pre-receive hook is not executable, so git skips it.".to_owned())], false);
    }
    if ours.is_changed() {
        let found = Bad(format!(
            "The pre-receive hook is no longer as `undersign gate install` wrote it, so it may let everything land. \
             Install it again; a check of your own belongs in {NEXT}."
        ));
        return (vec![found], false);
    }
    let refuses = !ours.has("--report-only");
    let mut found = vec![if refuses {
        Good("The gate is the pre-receive hook.".to_owned())
    } else {
        Bad("The gate only reports: everything lands.".to_owned())
    }];
    found.extend(others_may_write(&hook, "the hook"));
    if policy.is_some_and(|policy| policy.inherited.is_some()) && ours.given("--organization").is_none() {
        found.push(Bad(
            "The gate was not told where the organization is, so nothing may land: `undersign gate install \
             --organization PATH DIR`."
                .to_owned(),
        ));
    }
    if !ours.has("--pusher") {
        found.push(Note(
            "The gate is not told who pushes (--pusher-env): authorship can only be proven by signed commits."
                .to_owned(),
        ));
    }
    if hooks.join(NEXT).exists() {
        found.push(Note("Another pre-receive hook runs after the gate agreed.".to_owned()));
    }
    (found, refuses)
}

/// What it means that git has no pre-receive hook to run here.
fn no_hook(repository: &Repository) -> Finding {
    if let Some(passed) = passed_over(repository) {
        return Bad(format!("{passed}, so the gate in hooks/ never runs."));
    }
    if !repository.is_bare() {
        return Note(
            "No gate here; this is a working copy. Gates belong on repositories that are pushed to; `--remote NAME` \
             tests one."
                .to_owned(),
        );
    }
    Bad(match repository.file_setting("core.hooksPath") {
        None => "No gate: there is no pre-receive hook. `undersign gate install DIR` puts one there.".to_owned(),
        Some(path) => format!(
            "No gate: git runs hooks from {} (core.hooksPath), and there is no pre-receive hook.",
            visible::line(path.as_os_str().as_encoded_bytes())
        ),
    })
}

/// From where git runs hooks, if a gate lies in hooks/ and that is not the folder.
fn passed_over(repository: &Repository) -> Option<String> {
    let path = repository.file_setting("core.hooksPath")?;
    let own = repository.common_dir().join("hooks");
    let is_own = std::fs::canonicalize(&own).ok() == std::fs::canonicalize(repository.hooks()).ok();
    let is_ours = std::fs::read(own.join("pre-receive")).is_ok_and(|bytes| Hook::read(&bytes).is_some());
    let path = visible::line(path.as_os_str().as_encoded_bytes());
    (!is_own && is_ours).then(|| format!("git runs hooks from {path} (core.hooksPath)"))
}

/// A file that others than its owner may write is no place for a rule.
pub(super) fn others_may_write(path: &Path, what: &str) -> Option<Finding> {
    let meta = std::fs::metadata(path).ok()?;
    (meta.mode() & 0o022 != 0).then(|| Bad(format!("Group or others may write {what}, {}.", path.display())))
}
