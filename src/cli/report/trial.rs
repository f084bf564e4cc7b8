//! `undersign report trial`: what a gate that only reports would have refused.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{moment, put};
use crate::audit::trial::{self, Readiness, Trial};
use crate::change::visible;
use crate::enforcement;
use crate::gate_state;
use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    /// Where the gate keeps its state; by default in the git directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The first day, 2026-07-01, or a time, 2026-07-01T09:30:00Z; from the beginning where none is given
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, false))]
    from: Option<i64>,
    /// The last day, or a time; to the end where none is given
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, true))]
    to: Option<i64>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A file to write, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 1 unless the report says that the team is ready: for a loop over many repositories
    #[arg(long)]
    ready: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// Markdown
    Md,
    /// As docs/gate.md describes it
    Json,
}

impl From<Format> for trial::Format {
    fn from(format: Format) -> trial::Format {
        match format {
            Format::Text => trial::Format::Text,
            Format::Md => trial::Format::Markdown,
            Format::Json => trial::Format::Json,
        }
    }
}

pub fn run(options: &Options, repository: &Path) -> Result<u8, String> {
    let (name, dir) = match &options.state {
        Some(dir) => (dir.clone(), dir.clone()),
        None => {
            let repository = Repository::open_exactly(repository).map_err(|error| error.to_string())?;
            (repository.root.clone(), enforcement::default_state(&repository))
        }
    };
    if options.state.is_some() && !dir.is_dir() {
        let dir = visible::line(dir.as_os_str().as_encoded_bytes());
        return Err(format!("{dir} is no directory of a gate's state."));
    }
    let mut trial = Trial::new(options.from, options.to);
    let extent = gate_state::log_of(&dir)?.visit(&mut |entry, head| trial.line(&entry, head))?;
    let report = trial.report(&String::from_utf8_lossy(name.as_os_str().as_encoded_bytes()), extent);
    put(options.output.as_deref(), |out| trial::write(&report, options.format.into(), out))?;
    Ok(u8::from(options.ready && report.readiness != Readiness::Ready))
}
