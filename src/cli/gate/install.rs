//! `undersign gate install`: the gate as the pre-receive hook of a repository.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::change::visible;
use crate::cli::verify::GateOptions;
use crate::disk::write_atomically;
use crate::enforcement::{Settings, policy_in_force};
use crate::gate_state::StateKey;
use crate::policy::Organization;
use crate::source::git::{PolicyState, Repository, organization};

/// What our hooks begin with, so that `doctor` and a second `install` know them.
pub const MARK: &str = "# undersign gate";
/// The hook that was there before, run after ours agreed.
pub const NEXT: &str = "pre-receive.after-undersign";

#[derive(Args)]
pub struct Options {
    /// The repository that is pushed to
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Keep a pre-receive hook that is there already, and run it after the gate agreed
    #[arg(long)]
    chain: bool,
    /// Record everything on the first-parent line of a ref, for those who tag older commits
    #[arg(long, value_name = "REF")]
    line: Vec<String>,
    #[command(flatten)]
    gate: GateOptions,
}

pub fn run(options: &Options) -> Result<(), String> {
    let repository = Repository::open_exactly(&options.dir).map_err(|error| error.to_string())?;
    let hooks = repository.common_dir().join("hooks");
    refuse_other_hooks(&repository, &hooks)?;
    let settings = options.gate.settings();
    refuse_unusable_files(&repository, &options.dir, &settings)?;
    if let Some(place) = &settings.organization {
        // For the commands that are run here by hand; the gate has it from its hook.
        let place = here()?.join(place).display().to_string();
        repository.set("undersign.organization", &place).map_err(|error| error.to_string())?;
    }
    let repository = Repository::open(&options.dir).map_err(|error| error.to_string())?;
    let hook = hooks.join("pre-receive");
    let failed = |error: std::io::Error| format!("The hook {} cannot be written: {error}.", hook.display());
    let ours = std::fs::read(&hook).ok().map(|bytes| is_ours(&bytes));
    if ours == Some(false) {
        if !options.chain {
            return Err(format!(
                "There is a hook already: {}. With --chain the gate runs before it; or move it away.",
                hook.display()
            ));
        }
        let next = hooks.join(NEXT);
        if next.exists() {
            return Err(format!("{} is there already; look which of the two is yours.", next.display()));
        }
        std::fs::rename(&hook, &next).map_err(failed)?;
    }
    let program = std::env::current_exe()
        .and_then(std::fs::canonicalize)
        .map_err(|error| format!("Where this program lies cannot be found out: {error}."))?;
    let script = script(&program, &options.gate.as_arguments(&here()?));
    write_atomically(&hook, script.as_bytes()).map_err(failed)?;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    super::probe::ask(&options.dir, options.gate.is_report_only())?;
    outln!("The gate is the pre-receive hook of {}; git asks it.", repository.root.display());
    told(&repository, options);
    // Without a policy nothing is protected yet, and nothing may land: there is nothing to record, and nothing to wait
    // for.
    if let Err(why) = super::record::record(&options.dir, &settings, &[], &options.line) {
        outln!(
            "What protected refs show was not recorded: {why}\nRun this again when that is mended; `doctor` reminds \
             you."
        );
    }
    outln!("`undersign --repo {} doctor` says what is enforced.", repository.root.display());
    Ok(())
}

/// With a key or a policy file that cannot be used, the hook would refuse every push.
fn refuse_unusable_files(repository: &Repository, dir: &Path, settings: &Settings) -> Result<(), String> {
    if let Some(file) = &settings.state_key {
        StateKey::read(file)?;
    }
    if let Some(place) = &settings.organization {
        let organization = organization::read(place, Some(crate::cli::now()))?;
        refuse_home(repository, place, &organization)?;
    }
    if settings.policy.is_some() {
        policy_in_force(&dir.to_string_lossy(), settings, crate::cli::now()).map_err(|reason| reason.detail)?;
    }
    Ok(())
}

/// The organization's own repository, whose policy inherits from nowhere, could never change that again.
fn refuse_home(repository: &Repository, place: &Path, organization: &Organization) -> Result<(), String> {
    let head = repository.head_branch().and_then(|branch| repository.tip(&branch));
    let own = head.and_then(|head| organization::at(repository, head).ok());
    if own.is_none_or(|own| own.id() != organization.id()) || organization::is_of(place, repository) {
        return Ok(());
    }
    Err(format!(
        "This is the repository of the organization {} itself, whose policy inherits from nowhere. Install its gate \
         without --organization.",
        organization.id()
    ))
}

/// Git may run hooks from elsewhere, by its configuration here, of the user or of the system: then a hook of this
/// repository is never asked.
fn refuse_other_hooks(repository: &Repository, hooks: &Path) -> Result<(), String> {
    let Some(path) = repository.file_setting("core.hooksPath") else { return Ok(()) };
    let there = std::fs::canonicalize(repository.common_dir().join(&path)).ok();
    if there.is_some() && there == std::fs::canonicalize(hooks).ok() {
        return Ok(());
    }
    Err(format!(
        "git runs hooks from {} (core.hooksPath), so a gate in {} would never be asked. Let git run those of this \
         repository, `git -C {} config core.hooksPath {}`, and install again.",
        visible::line(path.as_os_str().as_encoded_bytes()),
        hooks.display(),
        repository.root.display(),
        hooks.display()
    ))
}

/// What whoever installs it should know now and not at the first push.
fn told(repository: &Repository, options: &Options) {
    let policy = repository.target().ok().map(|trunk| (trunk.name.clone(), repository.policy_at(trunk.tip)));
    match policy {
        _ if options.gate.has_policy() => {}
        Some((_, Ok(PolicyState::Found(policy)))) => {
            outln!("It judges by version {} of the policy.", policy.version);
            if policy.inherited.is_some() && !options.gate.has_organization() {
                outln!(
                    "The policy inherits, and the gate was not told where the organization is, so nothing may land: \
                     install it again with --organization."
                );
            }
        }
        Some((branch, Ok(PolicyState::Invalid(_)))) => {
            let branch = visible::text(&branch);
            outln!("The policy on {branch} has mistakes, so nothing may land: `undersign policy check` lists them.");
        }
        _ => {
            outln!("There is no policy yet, so nothing may land: remove the hook and push one, or give --policy FILE.")
        }
    }
    if options.gate.is_report_only() {
        outln!("It only reports: everything lands.");
    }
}

pub fn is_ours(hook: &[u8]) -> bool {
    String::from_utf8_lossy(hook).lines().nth(1).is_some_and(|line| line.starts_with(MARK))
}

/// What one of our hooks gives to an option of the gate, such as `--state`; none where it does not name it.
pub fn given(hook: &str, option: &str) -> Option<PathBuf> {
    let (_, rest) = hook.split_once(&format!(" {option} "))?;
    let word = match rest.strip_prefix('\'') {
        // The inverse of `quoted`: a quote inside is `'\''`.
        Some(rest) => rest
            .split("'\\''")
            .scan(false, |ended, part| {
                let (text, tail) = part.split_once('\'').map_or((part, None), |(text, tail)| (text, Some(tail)));
                let next = (!*ended).then(|| text.to_owned());
                *ended |= tail.is_some();
                next
            })
            .collect::<Vec<_>>()
            .join("'"),
        None => rest.split_whitespace().next()?.to_owned(),
    };
    Some(PathBuf::from(word))
}

fn here() -> Result<PathBuf, String> {
    std::env::current_dir().map_err(|error| format!("The current folder cannot be found out: {error}."))
}

/// Git runs it in the repository with the moves on standard input. Whatever fails in it refuses the push.
fn script(program: &Path, arguments: &[String]) -> String {
    let command: Vec<String> =
        ["verify", "--pre-receive"].map(str::to_owned).into_iter().chain(arguments.to_vec()).collect();
    let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    format!(
        "#!/bin/sh\n{MARK}: `undersign gate install` wrote this and may write it anew; `undersign doctor` reads it.\n\
         set -eu\n\
         moves=$(cat && echo .)\nmoves=${{moves%.}}\n\
         printf '%s' \"$moves\" | {} --repo \"${{GIT_DIR:-.}}\" {}\n\
         next=$(dirname \"$0\")/{NEXT}\nif [ -x \"$next\" ]; then\n  printf '%s' \"$moves\" | \"$next\"\nfi\n",
        quoted(&program.display().to_string()),
        command.join(" "),
    )
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-:=+@".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_as_they_are() {
        assert_eq!(quoted("/usr/bin/undersign"), "/usr/bin/undersign");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn what_a_hook_was_given_is_found_again() {
        for path in ["/srv/state", "/srv/a b", "/srv/it's one's", "/srv/'"] {
            let hook = script(Path::new("/bin/undersign"), &["--state".into(), path.into(), "--report-only".into()]);
            assert_eq!(given(&hook, "--state"), Some(PathBuf::from(path)));
            assert_eq!(given(&hook, "--state-key"), None);
        }
    }

    #[test]
    fn our_hook_is_known_again() {
        assert!(is_ours(script(Path::new("/bin/undersign"), &[]).as_bytes()));
        assert!(!is_ours(b"#!/bin/sh\nexit 0\n"));
    }
}
