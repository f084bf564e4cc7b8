//! `undersign hook`: what an agent calls before it uses a tool.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::agents::dialect::{self, MAX_CALL};
use crate::agents::{Agent, Answer, Judgement, ProductionRules, Reach, install, judge};
use crate::change::visible;
use crate::command::entry::hides_code;

/// How long a call may take to be judged: agents wait longer, and some go on when they have waited enough.
const DEADLINE: Duration = Duration::from_secs(10);
/// The largest file of rules that is read, in bytes.
const MAX_RULES: u64 = 1 << 20;
/// What every agent takes for a refusal.
const REFUSED: u8 = 2;
/// What an administrator says reaches production; where it stands, nobody's own file is read.
const MANAGED: &str = "/etc/undersign/hook.toml";

#[derive(Args)]
pub struct Options {
    /// The agent that asks; the call is read from standard input
    agent: Option<Name>,
    /// What reaches production; by default /etc/undersign/hook.toml, else hook.toml beside config.toml
    #[arg(long, value_name = "FILE", global = true)]
    rules: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print what makes an agent ask, and where that belongs
    #[command(after_help = help!(
        ["0   it is printed or written"],
        "undersign hook install claude-code",
        "undersign hook install codex --write"
    ))]
    Install(InstallOptions),
    /// Take away what `install --write` wrote
    #[command(after_help = help!(
        ["0   it is not there any more, or never was"],
        "undersign hook uninstall opencode"
    ))]
    Uninstall(UninstallOptions),
    /// Say what is held of a command line
    #[command(after_help = help!(
        ["0   it does not reach production", "2   it does, or nobody can say"],
        "undersign hook check 'kubectl delete ns shop'"
    ))]
    Check(CheckOptions),
}

#[derive(Args)]
struct InstallOptions {
    /// The agent
    agent: Name,
    /// Write the file where it belongs; one that somebody else wrote is left as it is
    #[arg(long)]
    write: bool,
}

#[derive(Args)]
struct UninstallOptions {
    /// The agent
    agent: Name,
}

#[derive(Args)]
struct CheckOptions {
    /// The command line
    line: String,
}

/// An agent, by its name.
#[derive(Clone, Copy)]
struct Name(Agent);

impl ValueEnum for Name {
    fn value_variants<'a>() -> &'a [Name] {
        const NAMES: [Name; Agent::ALL.len()] = {
            let mut names = [Name(Agent::ClaudeCode); Agent::ALL.len()];
            let mut at = 0;
            while at < names.len() {
                names[at] = Name(Agent::ALL[at]);
                at += 1;
            }
            names
        };
        &NAMES
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}

pub fn run(options: &Options) -> Result<u8, String> {
    let rules = options.rules.as_deref();
    match (&options.command, options.agent) {
        (Some(_), Some(_)) => Err("Name an agent, or `install`, `uninstall` or `check`, and not both.".to_owned()),
        (Some(Command::Install(own)), _) => set_up(own).map(|()| 0),
        (Some(Command::Uninstall(own)), _) => take_away(own.agent.0).map(|()| 0),
        (Some(Command::Check(own)), _) => check(&own.line, rules),
        (None, Some(Name(agent))) => Ok(answer(agent, rules)),
        (None, None) => Err("Name the agent that asks: `undersign hook claude-code`; --help lists them.".to_owned()),
    }
}

/// Answers an agent. Whatever is not a clean pass stops the call: what panics, hangs or cannot be read, too.
fn answer(agent: Agent, rules: Option<&Path>) -> u8 {
    let (tell, told) = channel();
    let rules = rules.map(Path::to_path_buf);
    std::thread::spawn(move || tell.send(considered(agent, rules.as_deref())));
    let answer = told.recv_timeout(DEADLINE).unwrap_or_else(|_| {
        stopped(agent, None, "undersign could not judge the call in time. It was not run; try it once more.")
    });
    given(&answer)
}

/// Says it. What an agent cannot have read must not look like anything but a refusal.
fn given(answer: &Answer) -> u8 {
    _ = std::io::stderr().lock().write_all(answer.stderr.as_bytes());
    let mut out = std::io::stdout().lock();
    match out.write_all(answer.stdout.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => answer.code,
        Err(_) => REFUSED,
    }
}

fn considered(agent: Agent, rules: Option<&Path>) -> Answer {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(MAX_CALL as u64 + 1).read_to_end(&mut text);
    let call = read.map_err(|error| format!("The call cannot be read: {error}.")).and_then(|_| agent.call(&text));
    let call = match call {
        Ok(call) => call,
        Err(why) => return stopped(agent, None, &format!("{why} Nobody can say what it does, so it was not run.")),
    };
    // Files are read and changed even if the rules are faulty: otherwise no agent could fix them.
    let judged = match production_rules(rules) {
        Ok(rules) => judge(&call, &rules),
        Err(_) if call.is_of_files() => Judgement::Elsewhere,
        Err(why) => {
            let until = "Until that is fixed, only the agent's own tools for files run.";
            return stopped(agent, Some(&call), &format!("{why}\n{until}"));
        }
    };
    match judged {
        Judgement::Elsewhere => agent.passes(),
        Judgement::Production(reach) => stopped(agent, Some(&call), &dialect::refusal(&askable(reach))),
    }
}

/// What an agent wrote is in the text, and the agent may show it on a terminal.
fn stopped(agent: Agent, call: Option<&dialect::Call>, text: &str) -> Answer {
    agent.stops(call, &visible::lines(text))
}

fn production_rules(given: Option<&Path>) -> Result<ProductionRules, String> {
    let text = match given {
        Some(path) => there(path)?.ok_or_else(|| format!("{} is not there.", path.display())).map(Some)?,
        // Fall back only if the file is certainly absent: otherwise whoever hides it could decide.
        None => match there(Path::new(MANAGED))? {
            Some(text) => Some(text),
            None => own_file().map(|path| there(&path)).transpose()?.flatten(),
        },
    };
    let own = text.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let rules = ProductionRules::with(own).map_err(|error| error.to_string())?;
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(rules.within(variables))
}

/// The name and the text of a file, if there is one. A link to nowhere is there.
fn there(path: &Path) -> Result<Option<(String, String)>, String> {
    let is_missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}.", path.display());
    match std::fs::symlink_metadata(path) {
        Err(error) if is_missing(&error) => return Ok(None),
        found => found.map_err(failed)?,
    };
    // Reading a pipe would wait, and a device may never end.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("{} is not a regular file. Put the rules into one.", path.display()));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_RULES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_RULES {
        return Err(format!("{} is larger than {} MiB, and was not read.", path.display(), MAX_RULES >> 20));
    }
    Ok(Some((path.display().to_string(), text)))
}

#[cfg(feature = "tui")]
fn own_file() -> Option<PathBuf> {
    Some(crate::config::directory().join("hook.toml"))
}

#[cfg(not(feature = "tui"))]
fn own_file() -> Option<PathBuf> {
    None
}

/// What a broker would take: the program by its whole path, and no command that it refuses.
fn askable(mut reach: Reach) -> Reach {
    if let Some(why) = hides_code(&reach.command) {
        reach.why = format!("{} Unless the policy lists it, a request for that is refused. {why}", reach.why);
        reach.command.clear();
    }
    let Some(name) = reach.command.first_mut().filter(|name| !name.starts_with('/')) else { return reach };
    let folders = std::env::var_os("PATH").filter(|_| !name.contains('/')).unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(&*name)).find(|path| path.is_file());
    *name = match found.as_ref().and_then(|path| path.to_str()) {
        Some(path) => path.to_owned(),
        None => format!("/PATH/OF/{}", name.rsplit('/').next().unwrap_or_default()),
    };
    reach
}

fn check(line: &str, rules: Option<&Path>) -> Result<u8, String> {
    match production_rules(rules)?.judge_line(line) {
        Judgement::Elsewhere => {
            outln!("It does not reach production, as far as can be seen.");
            Ok(0)
        }
        Judgement::Production(reach) => {
            outln!("{}", visible::lines(&reach.why));
            Ok(2)
        }
    }
}

fn set_up(options: &InstallOptions) -> Result<(), String> {
    let Name(agent) = options.agent;
    let program = std::env::current_exe().map_err(|error| format!("This program does not know its path: {error}."))?;
    let setup = install::setup(agent, &program.display().to_string());
    let place = place(setup.place)?;
    if options.write {
        write(agent, &place, &setup.text)?;
        eprintln!("undersign: {} is written.", place.display());
    } else {
        eprintln!("undersign: put this into {}:", place.display());
        out!("{}", setup.text);
    }
    for note in setup.notes {
        eprintln!("undersign: {note}");
    }
    eprintln!("undersign: a hook stops accidents (level L0). Give the agent no credentials for what it must not do.");
    Ok(())
}

fn take_away(agent: Agent) -> Result<(), String> {
    let place = place(install::setup(agent, "").place)?;
    let failed = |error: std::io::Error| format!("{} cannot be taken away: {error}.", place.display());
    let is_missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    match std::fs::read_to_string(&place) {
        Ok(there) if install::is_own(agent, &there) => std::fs::remove_file(&place).map_err(failed)?,
        Ok(_) => return Err(format!("{} says other things, too. Take the hook out of it by hand.", place.display())),
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(failed(error)),
    }
    eprintln!("undersign: {} is not there any more.", place.display());
    Ok(())
}

/// Where a file belongs, of whoever calls this.
pub(super) fn place(place: &str) -> Result<PathBuf, String> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let Some(below) = place.strip_prefix("~/") else { return Ok(PathBuf::from(place)) };
    if let (Some(below), Some(config)) = (below.strip_prefix(".config/"), folder("XDG_CONFIG_HOME")) {
        return Ok(config.join(below));
    }
    let home = folder("HOME").ok_or("HOME is not set, so nobody knows where the file belongs. Set it to your home.")?;
    Ok(home.join(below))
}

/// Never over a file that somebody else wrote: others have their settings there.
fn write(agent: Agent, place: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}.", place.display());
    match std::fs::read_to_string(place) {
        Ok(there) if there == text => return readable(place, false).map_err(failed),
        Ok(there) if there.trim().is_empty() || install::is_own(agent, &there) => {}
        Ok(_) => {
            return Err(format!(
                "{} is there already. Add to it by hand what is printed without --write.",
                place.display()
            ));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !place.is_symlink() => {}
        Err(error) => return Err(failed(error)),
    }
    let folders: Vec<&Path> = place.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    folders
        .iter()
        .rev()
        .try_for_each(|folder| std::fs::create_dir(folder).and_then(|()| readable(folder, true)).map_err(failed))?;
    // Write under another name first: an agent may read it at any time.
    let beside = place.with_extension("undersign-new");
    let file = std::fs::File::create_new(&beside);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    let placed = written.and_then(|()| readable(&beside, false)).and_then(|()| std::fs::rename(&beside, place));
    placed.map_err(|error| {
        _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

/// Readable for whoever the agent runs for, and written by its owner alone.
fn readable(path: &Path, is_folder: bool) -> std::io::Result<()> {
    let mode = if is_folder { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}
