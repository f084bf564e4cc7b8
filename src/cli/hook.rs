//! `undersign hook`: what an agent asks before it calls a tool.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::agents::dialect::{self, MAX_CALL};
use crate::agents::{Agent, Answer, Judgement, ProductionRules, Reach, install, judge};
use crate::change::visible;

/// How long a call may take to be judged: agents wait longer, and some go on when they have waited enough.
const DEADLINE: Duration = Duration::from_secs(10);
/// What an administrator says reaches production; where it stands, nobody's own file is read.
const MANAGED: &str = "/etc/undersign/hook.toml";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
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
        "0 it is printed or written",
        "undersign hook install claude-code",
        "undersign hook install codex --write"
    ))]
    Install(InstallOptions),
    /// Say what is held of a command line
    #[command(after_help = help!(
        "0 it does not reach production, 2 it does, or nobody can say",
        "undersign hook check 'kubectl delete ns shop'"
    ))]
    Check(CheckOptions),
}

#[derive(Args)]
struct InstallOptions {
    /// The agent
    agent: Name,
    /// Write the file where it belongs; one that is there already is left as it is
    #[arg(long)]
    write: bool,
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
        (Some(Command::Install(own)), _) => set_up(own).map(|()| 0),
        (Some(Command::Check(own)), _) => check(&own.line, rules),
        (None, Some(Name(agent))) => Ok(answer(agent, rules)),
        (None, None) => Err("Name the agent that asks: `undersign hook claude-code`; --help lists them.".to_owned()),
    }
}

/// Answers an agent. Whatever is no clean pass stops the call: what panics, hangs or cannot be read, too.
fn answer(agent: Agent, rules: Option<&Path>) -> u8 {
    let (tell, told) = channel();
    let rules = rules.map(Path::to_path_buf);
    std::thread::spawn(move || tell.send(considered(agent, rules.as_deref())));
    let answer = told.recv_timeout(DEADLINE).unwrap_or_else(|_| {
        stopped(agent, None, "undersign could not judge the call in time. It was not run; try it once more.")
    });
    out!("{}", answer.stdout);
    if !answer.stderr.is_empty() {
        eprint!("{}", answer.stderr);
    }
    answer.code
}

fn considered(agent: Agent, rules: Option<&Path>) -> Answer {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(MAX_CALL as u64 + 1).read_to_end(&mut text);
    let call = read.map_err(|error| format!("The call cannot be read: {error}.")).and_then(|_| agent.call(&text));
    let call = match call {
        Ok(call) => call,
        Err(why) => return stopped(agent, None, &format!("{why} Nobody can say what it does, so it was not run.")),
    };
    // A tool that runs nothing passes whatever is wrong with the rules: else nobody could mend them with it.
    let judged = match production_rules(rules) {
        Ok(rules) => judge(&call, &rules),
        Err(_) if call.commands.is_empty() => Judgement::Elsewhere,
        Err(why) => return stopped(agent, Some(&call), &format!("{why}\nUntil that is mended no command runs.")),
    };
    match judged {
        Judgement::Elsewhere => agent.passes(),
        Judgement::Production(reach) => stopped(agent, Some(&call), &dialect::refusal(&with_path(reach))),
    }
}

/// What an agent wrote is in the text, and the agent may show it on a terminal.
fn stopped(agent: Agent, call: Option<&dialect::Call>, text: &str) -> Answer {
    agent.stops(call, &visible::lines(text))
}

fn production_rules(given: Option<&Path>) -> Result<ProductionRules, String> {
    let managed = Path::new(MANAGED);
    let path = match given {
        Some(path) => Some(path.to_path_buf()),
        None if managed.exists() => Some(managed.to_path_buf()),
        None => own_file().filter(|path| path.exists()),
    };
    let text = path.map(|path| {
        let text = std::fs::read_to_string(&path);
        text.map(|text| (path.display().to_string(), text))
            .map_err(|error| format!("{} cannot be read: {error}.", path.display()))
    });
    let text = text.transpose()?;
    let own = text.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    ProductionRules::with(own).map_err(|error| error.to_string())
}

#[cfg(feature = "tui")]
fn own_file() -> Option<PathBuf> {
    Some(crate::config::directory().join("hook.toml"))
}

#[cfg(not(feature = "tui"))]
fn own_file() -> Option<PathBuf> {
    None
}

/// The program by its whole path, as a broker wants it, where it is found.
fn with_path(mut reach: Reach) -> Reach {
    let Some(name) = reach.command.first_mut().filter(|name| !name.contains('/')) else { return reach };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(&*name)).find(|path| path.is_file());
    if let Some(path) = found.as_ref().and_then(|path| path.to_str()) {
        *name = path.to_owned();
    }
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
    let place = match setup.place.strip_prefix("~/") {
        Some(below) => Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(below),
        None => PathBuf::from(setup.place),
    };
    if options.write {
        write(&place, &setup.text)?;
        eprintln!("undersign: {} is written.", place.display());
    } else {
        eprintln!("undersign: this belongs into {}:", place.display());
        out!("{}", setup.text);
    }
    for note in setup.notes {
        eprintln!("undersign: {note}");
    }
    eprintln!("undersign: a hook stops accidents (level L0). Give the agent no credentials for what it must not do.");
    Ok(())
}

/// Never over a file that says something else: others have their settings there.
fn write(place: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}.", place.display());
    match std::fs::read_to_string(place) {
        Ok(there) if there == text => return Ok(()),
        Ok(_) => {
            return Err(format!(
                "{} is there already. Add to it by hand what is printed without --write.",
                place.display()
            ));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // Readable for whoever the agent runs for.
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(place);
    file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map_err(failed)
}
