//! `undersign gate record`: the operator takes responsibility for the current state of protected refs.

use std::path::{Path, PathBuf};

use clap::Args;

use super::hook::Hook;
use crate::change::{counted, shown_word, visible};
use crate::enforcement::{self, Settings};
use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    /// Full names of protected refs; by default all of them
    #[arg(value_name = "REF")]
    refs: Vec<String>,
    /// Record everything on the first-parent line of a ref, for those who tag older commits
    #[arg(long, value_name = "REF")]
    line: Vec<String>,
    #[command(flatten)]
    state: StateOptions,
}

/// Where a gate keeps its state, and by which policy.
#[derive(Args)]
pub struct StateOptions {
    /// Where the gate keeps its state; by default in the git directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The key that vouches for that state; by default in the git directory
    #[arg(long, value_name = "FILE")]
    state_key: Option<PathBuf>,
    /// The organization that policies inherit from; by default as git's setting undersign.organization says
    #[arg(long, value_name = "PATH")]
    organization: Option<PathBuf>,
    /// A policy file to judge by, instead of the one on the policy branch
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Full name of the branch that holds the policy; by default the one that HEAD of a repository that is pushed to
    /// names
    #[arg(long, value_name = "REF")]
    policy_branch: Option<String>,
}

impl StateOptions {
    pub fn settings(&self) -> Settings {
        Settings {
            organization: self.organization.clone(),
            policy: self.policy.clone(),
            branch: self.policy_branch.clone(),
            state: self.state.clone(),
            state_key: self.state_key.clone(),
            ..Settings::default()
        }
    }
}

impl StateOptions {
    /// The settings, for a gate whose hook may keep its state elsewhere: who does not say where is asked to.
    ///
    /// # Errors
    /// A sentence: the hook names what the options do not.
    pub fn settings_at(&self, repository: &Path) -> Result<Settings, String> {
        let hook = Repository::open_exactly(repository).ok().and_then(|repository| Hook::of_repository(&repository));
        let differs = |option: &str, own: &Option<PathBuf>| {
            let given = hook.as_ref()?.given(option)?;
            own.is_none().then(|| format!("{option} {}", visible::line(given.as_os_str().as_encoded_bytes())))
        };
        let state = differs("--state", &self.state);
        let left: Vec<String> = state.into_iter().chain(differs("--state-key", &self.state_key)).collect();
        match &left[..] {
            [] => Ok(self.settings()),
            left => Err(format!(
                "The gate's hook here was installed with {0}, so nothing was done with another state. Give {0} too, or \
                 name another place with --state and --state-key.",
                left.join(" ")
            )),
        }
    }
}

pub fn run(options: &Options, repository: &Path) -> Result<(), String> {
    record(repository, &options.state.settings_at(repository)?, &options.refs, &options.line)
}

/// Records, and says what.
pub(super) fn record(repository: &Path, settings: &Settings, refs: &[String], lines: &[String]) -> Result<(), String> {
    let recorded = enforcement::record(repository, settings, refs, lines, crate::clock::now())?;
    for (name, commit) in &recorded.tips {
        outln!("  {}  {}", commit.short(), visible::text(name));
    }
    outln!(
        "Recorded: {} of {}. From now on a protected ref begins only at what one showed.",
        counted(recorded.new, "new state"),
        counted(recorded.tips.len(), "ref")
    );
    let Some((first, known, tip)) = recorded.back.first() else { return Ok(()) };
    let more = if recorded.back.len() > 1 { format!(" (and {} more)", recorded.back.len() - 1) } else { String::new() };
    Err(format!(
        "{}{more} stood at {} after this gate let it there, and shows {}: it was taken back behind the gate, and was \
         not recorded. If that was meant, name it: `undersign gate record {}`.",
        visible::text(first),
        known.short(),
        tip.short(),
        shown_word(first)
    ))
}
