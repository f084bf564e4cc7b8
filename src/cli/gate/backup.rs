//! `undersign gate backup` and `undersign gate restore`: copies of a gate's state.

use std::path::{Path, PathBuf};

use clap::Args;

use super::record::StateOptions;
use crate::change::counted;
use crate::enforcement::{self, Backup};

#[derive(Args)]
pub struct BackupOptions {
    /// The file to write; one that is there is replaced
    #[arg(long, value_name = "FILE", required_unless_present = "check", conflicts_with = "check")]
    to: Option<PathBuf>,
    /// Check that a backup holds, and say what is in it
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Put the gate's key into it too: whoever has the file can then write a state that the gate believes
    #[arg(long, requires = "to")]
    with_key: bool,
    #[command(flatten)]
    state: StateOptions,
}

#[derive(Args)]
pub struct RestoreOptions {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// If the gate's key is gone, take the one in the backup: then nothing but the file itself says whose it is
    #[arg(long)]
    with_key: bool,
    #[command(flatten)]
    state: StateOptions,
}

pub fn back_up(options: &BackupOptions, repository: &Path) -> Result<(), String> {
    let (settings, now) = (options.state.settings(), crate::cli::now());
    let (done, file, backup) = match (&options.to, &options.check) {
        (Some(to), _) => {
            let backup = enforcement::back_up(repository, &settings, to, options.with_key, now)?;
            ("Written, and read back", to, backup)
        }
        (None, Some(file)) => ("The backup holds", file, enforcement::check_backup(repository, &settings, file, now)?),
        (None, None) => return Err("Say where to with --to FILE.".to_owned()),
    };
    outln!("{done}: {}", file.display());
    tell(&backup);
    if !backup.is_vouched {
        outln!("  Whether it is the gate's own was not checked: no key of the gate was there, or it had none.");
    }
    if backup.has_key {
        outln!("  It has the gate's key: keep it as you keep that.");
    }
    Ok(())
}

pub fn restore(options: &RestoreOptions, repository: &Path) -> Result<(), String> {
    let settings = options.state.settings();
    let backup = enforcement::restore(repository, &settings, &options.file, options.with_key, crate::cli::now())?;
    outln!("Restored from {}.", options.file.display());
    tell(&backup);
    outln!(
        "Nothing lands yet: what the gate saw after the backup may be missing. Let everybody send the records they \
         have (`undersign sync`), look at what protected refs show (`undersign doctor`, `undersign gate record`), then \
         answer for the rest: `undersign gate accept --restored --because …`."
    );
    Ok(())
}

fn tell(backup: &Backup) {
    let made = jiff::Timestamp::from_second(backup.made).map_or_else(|_| "?".to_owned(), |made| made.to_string());
    let checked = &backup.checked;
    let policy = checked.policy.map_or_else(|| "no policy".to_owned(), |version| format!("policy version {version}"));
    outln!(
        "  made {made}, up to line {} of the log; it has {}, {}, the heads of {}, {policy}",
        backup.line,
        counted(usize::try_from(checked.lines).unwrap_or(usize::MAX), "line"),
        counted(checked.states, "state"),
        counted(checked.chains, "chain")
    );
    for (first, last) in &checked.missing {
        outln!("  Lines {first} to {last} are not in it: put away, or deleted.");
    }
}
