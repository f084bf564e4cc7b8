//! `undersign gate record`: the operator takes responsibility for the current state of protected refs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::change::{counted, visible};
use crate::enforcement::{self, Settings};

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

pub fn run(options: &Options, repository: &Path) -> Result<(), String> {
    record(repository, &options.state.settings(), &options.refs, &options.line)
}

/// Records, and says what.
pub(super) fn record(repository: &Path, settings: &Settings, refs: &[String], lines: &[String]) -> Result<(), String> {
    let recorded = enforcement::record(repository, settings, refs, lines, crate::cli::now())?;
    for (name, commit) in &recorded.tips {
        outln!("  {}  {}", commit.short(), visible::text(name));
    }
    outln!(
        "Recorded: {} of {}. From now on a protected ref begins only at what one showed.",
        counted(recorded.new, "new state"),
        counted(recorded.tips.len(), "ref")
    );
    Ok(())
}
