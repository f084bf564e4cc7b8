//! `undersign gate install`: the gate as the pre-receive hook of a repository.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::hook::{Hook, NEXT};
use crate::change::{shown_path, visible};
use crate::cli::verify::GateOptions;
use crate::disk::write_atomically;
use crate::enforcement::{self, Settings, policy_in_force};
use crate::gate_state::{self, StateKey};
use crate::policy::Organization;
use crate::source::git::{PolicyState, Repository, organization};

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
    refuse_hooks_of_others(&repository)?;
    let hooks = repository.hooks();
    if hooks != repository.common_dir().join("hooks") && !hooks.is_dir() {
        return Err(format!(
            "git runs hooks from {} (core.hooksPath), and that is not a directory. Make it, or take the setting out, \
             and install again.",
            visible::line(hooks.as_os_str().as_encoded_bytes())
        ));
    }
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
    let ours = std::fs::read(&hook).ok().map(|bytes| Hook::read(&bytes).is_some());
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
        .map_err(|error| format!("Where this program is installed cannot be determined: {error}."))?;
    let script = Hook::of(&program, &options.gate.as_arguments(&here()?));
    write_atomically(&hook, script.text().as_bytes()).map_err(failed)?;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    super::probe::ask(&options.dir, options.gate.is_report_only())?;
    outln!("The gate is the pre-receive hook of {}; git asks it.", repository.root.display());
    if !is_in(&hooks, repository.common_dir()) {
        outln!(
            "It lies in {} (core.hooksPath). Every repository whose hooks git runs from there asks it too, with these \
             options.",
            visible::line(hooks.as_os_str().as_encoded_bytes())
        );
    }
    told(&repository, options);
    let state = settings.state.clone().unwrap_or_else(|| enforcement::default_state(&repository));
    if gate_state::restored(&state)?.is_some() {
        outln!(
            "The gate's state is from a backup, and nobody answered yet for what it may lack, so what protected refs \
             show was not recorded. Look at that, record what is right by its name (`undersign gate record REF`), and \
             answer for the rest: `undersign gate accept --restored --because …`."
        );
        return Ok(());
    }
    // Without a policy nothing is protected yet, and nothing may land: there is nothing to record, and nothing to wait
    // for.
    if let Err(why) = super::record::record(&options.dir, &settings, &[], &options.line) {
        if gate_state::has_recorded(&state) {
            return Err(why);
        }
        outln!(
            "What protected refs show was not recorded: {why}\nRun this again when that is fixed; `doctor` reminds \
             you."
        );
    }
    outln!("`undersign --repo {} doctor` says what is enforced.", shown_path(&repository.root));
    Ok(())
}

/// With a key or a policy file that cannot be used, the hook would refuse every push.
fn refuse_unusable_files(repository: &Repository, dir: &Path, settings: &Settings) -> Result<(), String> {
    if let Some(file) = &settings.state_key {
        StateKey::read(file)?;
    }
    if let Some(place) = &settings.organization {
        let organization = organization::read(place, Some(crate::clock::now()))?;
        refuse_home(repository, place, &organization)?;
    }
    if settings.policy.is_some() {
        policy_in_force(&dir.to_string_lossy(), settings, crate::clock::now()).map_err(|reason| reason.detail)?;
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

/// Git may run hooks from elsewhere, by the configuration of its user or of the system: there a gate of this repository
/// would be asked for every other one.
fn refuse_hooks_of_others(repository: &Repository) -> Result<(), String> {
    if repository.has_own_hooks() {
        return Ok(());
    }
    let hooks = repository.common_dir().join("hooks");
    Err(format!(
        "git runs hooks from {} (core.hooksPath, which the configuration of a user or of the system sets for every \
         repository), so a gate in {} would never be asked. Let git run those of this repository, `git -C {} config \
         core.hooksPath {}`, and install again.",
        visible::line(repository.hooks().as_os_str().as_encoded_bytes()),
        hooks.display(),
        shown_path(&repository.root),
        shown_path(&hooks)
    ))
}

/// What whoever installs it should know now and not at the first push.
fn told(repository: &Repository, options: &Options) {
    let policy = repository
        .target()
        .ok()
        .map(|policy_branch| (policy_branch.name.clone(), repository.policy_at(policy_branch.tip)));
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

fn is_in(path: &Path, dir: &Path) -> bool {
    let real = std::fs::canonicalize(path).ok().zip(std::fs::canonicalize(dir).ok());
    real.is_some_and(|(path, dir)| path.starts_with(dir))
}

fn here() -> Result<PathBuf, String> {
    std::env::current_dir().map_err(|error| format!("The current directory cannot be determined: {error}."))
}
