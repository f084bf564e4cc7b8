//! `undersign gate backup` and `undersign gate restore`: copies of a gate's state.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::hook::Hook;
use super::record::StateOptions;
use crate::change::{counted, visible};
use crate::enforcement::{self, Backup};
use crate::source::git::Repository;

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
    let now = crate::clock::now();
    // A backup is also checked where there is no gate.
    let settings =
        if options.check.is_some() { options.state.settings() } else { options.state.settings_at(repository)? };
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
    let settings = options.state.settings_at(repository)?;
    let backup = enforcement::restore(repository, &settings, &options.file, options.with_key, crate::clock::now())?;
    outln!("Restored from {}.", options.file.display());
    tell(&backup);
    let place = Repository::open_exactly(repository).map_err(|error| error.to_string())?;
    outln!("{}", said_of_hook(&place, &settings.state.clone().unwrap_or_else(|| enforcement::default_state(&place))));
    outln!(
        "What the gate saw after the backup may be missing. Let everybody send the records they have (`undersign sync \
         --restore`), look at what protected refs show (`undersign doctor`, `undersign gate record REF`), then answer \
         for the rest: `undersign gate accept --restored --because …`."
    );
    Ok(())
}

/// Whether the hook that is there makes the restored state stop pushes, as far as it shows.
fn said_of_hook(repository: &Repository, dir: &Path) -> String {
    let shown = |path: &Path| visible::line(path.as_os_str().as_encoded_bytes());
    let Some(hook) = Hook::of_repository(repository) else {
        return format!(
            "THERE IS NO GATE HERE, so everything lands: a gate that is asked after the fact must be given --state {}; \
             `undersign gate install DIR` puts one before the repository.",
            shown(dir)
        );
    };
    let looked = hook.state(repository);
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    if real(&looked).is_none() || real(&looked) != real(dir) {
        return format!(
            "THE HOOK DOES NOT USE THIS STATE: it looks in {}, and this is {}. What is restored here stops nothing.",
            shown(&looked),
            shown(dir)
        );
    }
    match &faults_of_hook(repository, &hook)[..] {
        [] => format!(
            "The hook looks in {}. Nothing lands yet, but for records, and refs that the policy leaves open.",
            shown(&looked)
        ),
        faults => format!(
            "The hook looks in {}, and may let everything land all the same: {}",
            shown(&looked),
            faults.join(" ")
        ),
    }
}

/// Why the hook may stop nothing, as far as it shows; the doctor looks at more.
fn faults_of_hook(repository: &Repository, hook: &Hook) -> Vec<&'static str> {
    let is_executable =
        std::fs::metadata(repository.pre_receive()).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0);
    let faults = [
        (!is_executable, "It is not executable."),
        (hook.is_changed(), "Somebody changed it after it was installed."),
        (hook.has("--report-only"), "It only reports."),
    ];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, why)| why).collect()
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
