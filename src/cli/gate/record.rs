//! `undersign gate record`: the operator answers for what protected refs show.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::change::{counted, visible};
use crate::gatekeeper::{self, Settings};

#[derive(Args)]
pub struct Options {
    /// Full names of protected refs; by default all of them
    #[arg(value_name = "REF")]
    refs: Vec<String>,
    /// Record everything on the first-parent line of a ref, for those who tag older commits
    #[arg(long, value_name = "REF")]
    line: Vec<String>,
    /// Where the gate keeps its state; by default in the git directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The key that vouches for that state; by default in the git directory
    #[arg(long, value_name = "FILE")]
    state_key: Option<PathBuf>,
    /// A policy file to judge by, instead of the one on the policy branch
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Full name of the branch that holds the policy; by default the default branch
    #[arg(long, value_name = "REF")]
    policy_branch: Option<String>,
}

pub fn run(options: &Options, repository: &Path) -> Result<(), String> {
    let settings = Settings {
        policy: options.policy.clone(),
        branch: options.policy_branch.clone(),
        state: options.state.clone(),
        state_key: options.state_key.clone(),
        ..Settings::default()
    };
    record(repository, &settings, &options.refs, &options.line)
}

/// Records, and says what.
pub(super) fn record(repository: &Path, settings: &Settings, refs: &[String], lines: &[String]) -> Result<(), String> {
    let recorded = gatekeeper::record(repository, settings, refs, lines)?;
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
