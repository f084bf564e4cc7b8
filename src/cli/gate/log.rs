//! `undersign gate log`: what the gate answered, and whether the log is intact.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::change::visible;
use crate::enforcement;
use crate::gate::Decided;
use crate::gate_state::{self, Entries, EntryRef, PROBE};
use crate::record::json;
use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    /// Where the gate keeps its state; by default in the git directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Print the entries as they are written, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Digest of a line that must be there: `audit.digest` of an answer that you kept. What was cut off at the end is
    /// missed
    #[arg(long, value_name = "SHA256")]
    holds: Option<String>,
}

/// An installation pushes a ref to see whether git asks the gate. A denial proves that it was asked; it is not an
/// attack.
fn shown_outcome(moved: &EntryRef) -> &str {
    if moved.name == PROBE && moved.outcome == Decided::Deny.name() { "probe" } else { &moved.outcome }
}

pub fn run(options: &Options, repository: &Path) -> Result<(), String> {
    let dir = match &options.state {
        Some(dir) => dir.clone(),
        None => enforcement::default_state(&Repository::open_exactly(repository).map_err(|error| error.to_string())?),
    };
    let Entries { entries, missing } = gate_state::log_of(&dir)?.read()?;
    for (entry, head) in &entries {
        if options.json {
            outln!("{}", json::ascii(serde_json::to_string(entry).map_err(|error| error.to_string())?));
            continue;
        }
        let time = jiff::Timestamp::from_second(entry.at).map(|time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        let pusher = visible::text(entry.pusher.as_deref().unwrap_or("-"));
        if let Some(note) = &entry.note {
            let line = format!("{:>5}  {}  {:<11}  {note}", head.seq, time.as_deref().unwrap_or("?"), entry.outcome);
            outln!("{}", visible::text(&line));
        }
        for moved in &entry.refs {
            let line = format!(
                "{:>5}  {}  {:<11}  {:<12}  {:>7}..{}  {}  {}",
                head.seq,
                time.as_deref().unwrap_or("?"),
                shown_outcome(moved),
                pusher,
                moved.old.get(..7).unwrap_or_default(),
                moved.new.get(..7).unwrap_or_default(),
                moved.name,
                moved.reasons.join(" ")
            );
            // Whoever can write to the log can write anything into it.
            outln!("{}", visible::text(line.trim_end()));
        }
    }
    if let Some(digest) =
        options.holds.as_ref().filter(|digest| !entries.iter().any(|(_, head)| head.digest == **digest))
    {
        return Err(format!(
            "The log does not hold a line with digest {}: it was cut off or replaced.",
            visible::text(digest)
        ));
    }
    for (first, last) in missing {
        eprintln!("undersign: Lines {first} to {last} are not here: put away, or deleted.");
    }
    match entries.len() {
        0 => eprintln!("undersign: The log is empty."),
        1 => eprintln!("undersign: 1 entry."),
        n => eprintln!("undersign: {n} entries, each follows the one before."),
    }
    Ok(())
}
