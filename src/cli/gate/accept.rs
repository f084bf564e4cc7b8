//! `undersign gate accept`: the operator takes responsibility for what stopped the gate. This is logged.

use std::path::Path;

use clap::Args;

use super::record::StateOptions;
use crate::enforcement::{self, Accepted};

#[derive(Args)]
pub struct Options {
    /// The clock ran ahead when a push was let through (TIME): take it back to now
    #[arg(long, required_unless_present_any = ["lost", "restored"], conflicts_with = "lost")]
    clock: bool,
    /// The state was restored from a backup (RESTORED): go on with what it knows
    #[arg(long, conflicts_with_all = ["clock", "lost"])]
    restored: bool,
    /// Records of this chain, KEY-ID/CHAIN-ID, are gone for good (LEDGER_ROLLBACK): miss them no more
    #[arg(long, value_name = "CHAIN")]
    lost: Option<String>,
    /// Why, in words, for the log
    #[arg(long, value_name = "REASON")]
    because: String,
    #[command(flatten)]
    state: StateOptions,
}

pub fn run(options: &Options, repository: &Path) -> Result<(), String> {
    if options.because.trim().is_empty() {
        return Err("Say why with --because: the log keeps it.".to_owned());
    }
    let what = match &options.lost {
        None if options.restored => Accepted::Restored,
        None => Accepted::Clock,
        Some(chain) => {
            let id = chain.rsplit("decisions/").next().unwrap_or(chain);
            Accepted::Loss(id.parse().map_err(|_| {
                "A chain is named as the gate names it: the key id, a slash, and 16 hex digits.".to_owned()
            })?)
        }
    };
    let settings = options.state.settings_at(repository)?;
    let done = enforcement::accept(repository, &settings, &what, options.because.trim(), crate::clock::now())?;
    outln!("{done}");
    Ok(())
}
