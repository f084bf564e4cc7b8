//! FLOOR 5: arguments → command → exit code. One file per sub-command.

/// `print!` that fails at the end of the program, and not in the middle of a panic; see [`written`].
macro_rules! out {
    ($($part:tt)*) => { $crate::cli::write_out(format_args!($($part)*)) };
}

/// `println!`, likewise.
macro_rules! outln {
    ($($part:tt)*) => { $crate::cli::write_out(format_args!("{}\n", format_args!($($part)*))) };
}

/// What stands below the options of a command: its own exit codes, each before the column of their texts, and how it is
/// called.
macro_rules! help {
    ([$($code:literal),+ $(,)?] $(, $example:literal)+ $(,)?) => {
        concat!(
            "Exit codes:"
            $(, "\n  ", $code)+,
            "\n  64  usage error\n  70  failure; the reason is on standard error\n\nExamples:"
            $(, "\n  ", $example)+
        )
    };
}

mod comments;
mod doctor;
mod drill_rows;
mod evidence;
mod find_change;
mod gate;
mod history;
mod hook;
mod manual;
mod org;
mod policy;
mod queue;
mod record;
mod report;
mod risk;
mod rules;
mod show;
mod summary;
mod sync;
mod verify;

#[cfg(all(feature = "tui", target_os = "linux"))]
mod broker;
#[cfg(feature = "tui")]
mod demo;
#[cfg(feature = "tui")]
mod desk;
#[cfg(all(feature = "tui", target_os = "linux"))]
mod exec;
#[cfg(feature = "tui")]
mod init;
#[cfg(feature = "tui")]
mod key;
#[cfg(feature = "tui")]
mod keys;
#[cfg(all(feature = "tui", target_os = "linux"))]
mod mcp;
#[cfg(feature = "tui")]
mod theme;

use std::fmt::Arguments as Text;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::examination::{self, RepositorySnapshot};
use crate::risk::{PackFile, Rulebook, without_logins};
use crate::source::git::{Names, Repository};

/// Usage errors, as in sysexits.h. Never 1, which some hooks take for a warning.
const USAGE: u8 = 64;
/// Something outside of a verdict failed.
const FAILED: u8 = 70;

/// Review AI-assisted changes in your terminal, and undersign them: a signed decision that every gate can verify
#[derive(Parser)]
#[command(name = "undersign", version)]
#[command(after_help = help!(
    ["0   after quitting"],
    "undersign",
    "undersign --repo ~/src/infra --repo ~/src/shop",
    "undersign review main..agent/work",
    "undersign queue --json"
))]
struct Arguments {
    /// A repository, instead of the current directory; may be given several times
    #[arg(long, value_name = "DIR", global = true)]
    repo: Vec<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Open the desk on sample repositories
    #[cfg(feature = "tui")]
    #[command(after_help = help!(["0   after quitting"], "undersign demo --dir /tmp/demo"))]
    Demo(demo::Options),
    /// Write a policy for this repository from git's identity and signing key
    #[cfg(feature = "tui")]
    #[command(after_help = help!(["0   the policy is written"], "undersign init --id dana"))]
    Init(init::Options),
    /// Open a range of commits in the reader
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   after quitting"],
        "undersign review agent/work",
        "undersign review main..agent/work --target main"
    ))]
    Review(desk::ReviewOptions),
    /// Enrol, rotate and end signing keys: each writes an edit of the policy for somebody else to sign
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   success", "2   a request is not accepted, or a key does not sign here"],
        "undersign key enrol --out dana.request",
        "undersign key accept dana.request --role senior",
        "undersign key lost --person dana --since 2026-11-20T08:00:00Z"
    ))]
    Key(key::Options),
    /// Print the key bindings of the desk: yours, or those of a preset
    #[cfg(feature = "tui")]
    #[command(alias = "keys", after_help = help!(["0   success"], "undersign keymap --preset vim"))]
    Keymap(keys::Options),
    /// Print a sample of the themes
    #[cfg(feature = "tui")]
    #[command(after_help = help!(["0   success"], "undersign theme light"))]
    Theme(theme::Options),
    /// Say whether a push may land: 0 yes, 2 no, 4 cannot decide
    #[command(after_help = help!(
        [
            "0   it may land",
            "2   it may not",
            "3   a look back found nothing wrong",
            "4   it cannot be decided",
        ],
        "undersign verify --policy-branch refs/heads/main --ref refs/heads/main \\\n      --old $(git rev-parse main) \
         --new $(git rev-parse work)"
    ))]
    Verify(verify::Options),
    /// Install the gate, serve it, and read its log
    #[command(after_help = help!(["0   success"], "undersign gate install /srv/git/shop.git"))]
    Gate(gate::Options),
    /// Check, explain and try out policies; take over CODEOWNERS
    #[command(after_help = help!(
        ["0   success", "2   `check`: the policy has mistakes"],
        "undersign policy explain src/lib.rs"
    ))]
    Policy(policy::Options),
    /// Keep a copy of an organization's rules, check them, and say which repositories keep to them
    #[command(after_help = help!(
        [
            "0   success",
            "2   `check`: the file has mistakes",
            "2   `status`: a repository does not keep to them",
        ],
        "undersign org fetch /var/lib/undersign/acme.git",
        "undersign org status --organization /var/lib/undersign/acme.git /srv/git/*.git"
    ))]
    Org(org::Options),
    /// Print the queue of pending changes, riskiest first
    #[command(after_help = help!(
        [
            "0   it could be read",
            "1   `--late`: something is late",
            "4   `--late`: it cannot be said whether anything is",
        ],
        "undersign --repo ~/src/infra queue --json",
        "undersign queue --fetch --late --json"
    ))]
    Queue(queue::Options),
    /// Send decisions to a remote, and fetch those of others
    #[command(after_help = help!(["0   all was sent and fetched"], "undersign sync --remote origin"))]
    Sync(sync::Options),
    /// Print what was decided, newest first: by whom, having seen what, and whether it landed
    #[command(after_help = help!(["0   a repository could be read"], "undersign history --json"))]
    History(history::Options),
    /// List, show, export, verify and follow up signed decisions
    #[command(after_help = help!(["0   success", "2   `verify`: a record does not hold"], "undersign record list"))]
    Record(record::Options),
    /// Sign and list weaker evidence: results of checks, and approvals on review servers, which a policy may ask for
    #[command(after_help = help!(
        ["0   success"],
        "undersign evidence ci --check build --result pass --key /run/secrets/evidence",
        "undersign evidence list"
    ))]
    Evidence(evidence::Options),
    /// Report what landed and who answered for it, for an auditor; and what a gate on trial would have refused
    #[command(after_help = help!(["0   the report is written"], "undersign report audit --from 2026-07-01"))]
    Report(report::Options),
    /// Say what is really enforced: hook, policy, ledger, keys; or what a remote allows
    #[command(after_help = help!(
        ["0   nothing is wrong", "2   something is not enforced"],
        "undersign --repo /srv/git/shop.git doctor",
        "undersign doctor --remote origin"
    ))]
    Doctor(doctor::Options),
    /// Ask a broker to run a command in production, and run it once people authorized it
    #[cfg(all(feature = "tui", target_os = "linux"))]
    #[command(after_help = help!(
        [
            "0   success",
            "2   refused",
            "4   it cannot be decided",
            "75  not yet",
            "    otherwise `run` exits as the command does, once that started",
        ],
        "undersign exec request --target shop-prod -- /usr/bin/kubectl get pods -n shop",
        "undersign exec run ID"
    ))]
    Exec(exec::Options),
    /// Make and serve a broker, which runs commands that people authorized
    #[cfg(all(feature = "tui", target_os = "linux"))]
    #[command(after_help = help!(["0   success"], "undersign broker serve /var/lib/undersign"))]
    Broker(broker::Options),
    /// Serve agents by the Model Context Protocol: they ask for commands in production, and run what was authorized
    #[cfg(all(feature = "tui", target_os = "linux"))]
    #[command(after_help = help!(["0   the client left"], "undersign mcp --broker /run/undersign/broker.sock"))]
    Mcp(mcp::Options),
    /// Answer an agent that is about to run something: what reaches production waits for a person
    #[command(after_help = help!(
        ["0   the call goes on, or the answer says that it may not", "2   it may not go on"],
        "undersign hook claude-code",
        "undersign hook install claude-code",
        "undersign hook check 'kubectl delete ns shop'"
    ))]
    Hook(hook::Options),
    /// Print one pending change: what it does, what was found, what it needs
    #[command(after_help = help!(["0   there is such a change"], "undersign show agent/work --json"))]
    Show(show::Options),
    /// Score commits that landed: tier, points with their reasons, findings, reach
    #[command(after_help = help!(
        ["0   all could be scored"],
        "undersign risk HEAD",
        "undersign risk --range v1.0..main --jsonl"
    ))]
    Risk(risk::Options),
    /// List, explain and try the rules that find risks; print the facts that rules read
    #[command(after_help = help!(
        ["0   success", "2   `test`: the file has mistakes, or its examples do not hold"],
        "undersign rules list",
        "undersign rules explain resil.timeout-lost",
        "undersign rules test rules.toml",
        "undersign rules facts deploy/app.yaml"
    ))]
    Rules(rules::Options),
    /// Print completions for a shell
    #[command(after_help = help!(
        ["0   success"],
        "undersign completions bash > ~/.local/share/bash-completion/completions/undersign",
        "undersign completions zsh > ~/.zfunc/_undersign",
        "undersign completions fish > ~/.config/fish/completions/undersign.fish"
    ))]
    Completions(manual::CompletionsOptions),
    /// Write the manual pages, or print the first of them
    #[command(after_help = help!(
        ["0   they are written"],
        "undersign man ~/.local/share/man/man1",
        "undersign man | man -l -"
    ))]
    Man(manual::ManOptions),
}

/// What the commands are for, in the order of `--help`.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Review", &["demo", "init", "review", "queue", "show", "risk", "rules"]),
    ("Decisions", &["sync", "record", "evidence", "history"]),
    ("Policy and gate", &["policy", "org", "key", "verify", "gate", "report", "doctor"]),
    ("Commands in production", &["exec", "broker", "hook", "mcp"]),
    ("Terminal and shell", &["keymap", "theme", "completions", "man"]),
];

/// The commands that take `--repo` several times, besides the desk.
const OF_REPOSITORIES: [&str; 3] = ["queue", "show", "history"];

/// All other commands are about one repository, and say so at `--repo`.
fn with_one_repository(command: clap::Command) -> clap::Command {
    let Some(several) = command.get_arguments().find(|own| own.get_id() == "repo").cloned() else { return command };
    let one = several.help("The repository, instead of the current directory");
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let of_one = names.into_iter().filter(|name| !OF_REPOSITORIES.contains(&name.as_str()));
    of_one.fold(command, |command, name| command.mut_subcommand(name, |below| below.arg(one.clone())))
}

/// The program's arguments, with its commands in groups.
fn command() -> clap::Command {
    let command = with_one_repository(Arguments::command());
    let is_here = |name: &str| command.find_subcommand(name);
    let width = GROUPS.iter().flat_map(|(_, names)| *names).map(|name| name.len()).max().unwrap_or(0);
    let mut groups = String::new();
    for (heading, names) in GROUPS {
        groups.push_str(&format!("{heading}:\n"));
        for found in names.iter().filter_map(|name| is_here(name)) {
            let about = found.get_about().map(ToString::to_string).unwrap_or_default();
            groups.push_str(&format!("  {:<width$}  {about}\n", found.get_name()));
        }
        groups.push('\n');
    }
    let alone = if cfg!(feature = "tui") {
        "Without a command it opens the desk on the current repository, and on those of config.toml.\n\n"
    } else {
        ""
    };
    let usage = "{about-with-newline}\n{usage-heading} {usage}\n\n";
    command.help_template(format!("{usage}{alone}{groups}Options:\n{{options}}{{after-help}}"))
}

/// Reads the arguments; a mistake is told with the usage of the command that it is in.
fn parsed() -> Result<Arguments, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    let repositories = matches.get_many::<PathBuf>("repo").map_or(0, Iterator::count);
    if repositories > 1 && matches.subcommand_name().is_some_and(|name| !OF_REPOSITORIES.contains(&name)) {
        let why =
            format!("This command is about one repository, and --repo names {repositories}. Run it once for each.");
        return Err(clap::Error::raw(ErrorKind::TooManyValues, why).format(&mut command));
    }
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Runs the program.
pub fn run() -> ExitCode {
    #[cfg(all(feature = "tui", target_os = "linux"))]
    if let Some(code) = broker::as_child() {
        return code;
    }
    let arguments = match parsed() {
        Ok(arguments) => arguments,
        Err(error) => {
            // What was typed as an address may hold a token, which logs would keep.
            let text = error.to_string();
            let shown = without_logins(&text);
            let _ = match shown == text {
                true => error.print(),
                false => write!(std::io::stderr(), "{shown}"),
            };
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    #[cfg(feature = "tui")]
    tell_of_configuration(arguments.command.as_ref());
    let code = carried_out(&arguments).unwrap_or_else(|message| {
        // A terminal that is gone is no reason to panic.
        let _ = writeln!(std::io::stderr(), "undersign: {}", without_logins(&message));
        FAILED
    });
    ExitCode::from(written(code))
}

/// The exit code of a command, or why it failed.
fn carried_out(arguments: &Arguments) -> Result<u8, String> {
    let repositories = &arguments.repo;
    let of_environment = git_dir().filter(|_| arguments.command.as_ref().is_some_and(Command::follows_environment));
    let first = repositories.first().or(of_environment.as_ref()).map(PathBuf::as_path);
    if let Some(command) = &arguments.command {
        return command.carried_out(repositories, first);
    }
    #[cfg(feature = "tui")]
    return desk::open(repositories);
    #[cfg(not(feature = "tui"))]
    Err("This build has no desk: it was made for a gate. Name a command; --help lists them.".to_owned())
}

impl Command {
    /// Whether it means the repository that git would mean. A gate, and what checks by its rules, means the one that it
    /// is given.
    fn follows_environment(&self) -> bool {
        !matches!(self, Command::Gate(_) | Command::Verify(_))
    }

    fn carried_out(&self, repositories: &[PathBuf], first: Option<&Path>) -> Result<u8, String> {
        let done = match self {
            #[cfg(feature = "tui")]
            Command::Demo(options) => return demo::run(options),
            #[cfg(feature = "tui")]
            Command::Init(options) => init::run(options, first),
            #[cfg(feature = "tui")]
            Command::Review(options) => return desk::review(options, first),
            #[cfg(feature = "tui")]
            Command::Key(options) => return key::run(options, first),
            #[cfg(feature = "tui")]
            Command::Keymap(options) => keys::run(options),
            #[cfg(feature = "tui")]
            Command::Theme(options) => theme::run(options),
            #[cfg(all(feature = "tui", target_os = "linux"))]
            Command::Exec(options) => return exec::run(options, first),
            #[cfg(all(feature = "tui", target_os = "linux"))]
            Command::Broker(options) => broker::run(options),
            #[cfg(all(feature = "tui", target_os = "linux"))]
            Command::Mcp(options) => mcp::run(options),
            Command::Hook(options) => return hook::run(options),
            Command::Verify(options) => return Ok(verify::run(options, first)),
            Command::Gate(options) => gate::run(options, first),
            Command::Queue(options) => return queue::run(options, repositories),
            Command::Show(options) => show::run(options, repositories),
            Command::Risk(options) => risk::run(options, first),
            Command::Report(options) => return report::run(options, first),
            Command::Sync(options) => sync::run(options, first),
            Command::History(options) => history::run(options, repositories),
            Command::Doctor(options) => return doctor::run(options, first),
            Command::Completions(options) => manual::completions(options, command()),
            Command::Man(options) => manual::man(options, command()),
            Command::Rules(options) => return rules::run(options, first),
            Command::Policy(options) => return policy::run(options, first),
            Command::Org(options) => return org::run(options),
            Command::Record(options) => return record::run(options, first),
            Command::Evidence(options) => evidence::run(options, first),
        };
        done.map(|()| 0)
    }
}

/// A broken `config.toml` is told by every command, or somebody waits for what it says. Those that read all of the
/// configuration tell it themselves.
#[cfg(feature = "tui")]
fn tell_of_configuration(command: Option<&Command>) {
    let tells = matches!(command, None | Some(Command::Demo(_) | Command::Review(_) | Command::Theme(_)));
    if !tells {
        crate::config::file_problems().iter().for_each(|problem| eprintln!("undersign: {problem}"));
    }
}

/// Why standard output could not be written, of the first time.
static UNWRITTEN: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Writes to standard output. A reader may have left, as `head` does: what it does not want is not printed, and that is
/// no failure. Any other is kept for [`written`].
fn write_out(text: Text<'_>) {
    let result = std::io::stdout().write_fmt(text);
    keep_failure(result);
}

/// The same for what writes by itself, and much.
fn pour(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let result = write(&mut out).and_then(|()| out.flush());
    keep_failure(result);
}

fn keep_failure(result: std::io::Result<()>) {
    if let Err(error) = result
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The exit code, once it is certain that all was written: on a full disk nothing is a success, and no gate that could
/// not say what it allowed has allowed it.
fn written(code: u8) -> u8 {
    keep_failure(std::io::stdout().flush());
    match &*UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => {
            eprintln!("undersign: What there was to print could not be written: {error}.");
            if code == 0 { FAILED } else { code }
        }
        None => code,
    }
}

/// One JSON object on standard output, in ASCII: it may end up on a terminal too.
fn print_json<T: serde::Serialize>(value: &T) {
    out!("{}", String::from_utf8_lossy(&crate::record::json::encode(value)));
}

/// A repository as it stands, with the rules that hold in it: also those of who runs the program.
fn opened(names: &Names, path: &Path, target: Option<&str>) -> Result<(Repository, RepositorySnapshot), String> {
    let opened = Repository::open(path).and_then(|it| RepositorySnapshot::of(names.name(it), target));
    let (repository, snapshot) = opened.map_err(|error| error.to_string())?;
    Ok((repository, snapshot.with_packs(&own_packs())))
}

/// The named repositories, as they are called beside those of the configuration: an id means the same everywhere.
fn names(listed: &[PathBuf]) -> Names {
    #[cfg(feature = "tui")]
    let configured = crate::config::repositories();
    #[cfg(not(feature = "tui"))]
    let configured: Vec<PathBuf> = Vec::new();
    Names::of(listed).beside(&configured)
}

/// The rules that hold in a repository.
fn rulebook(repository: &Repository) -> Result<Rulebook, String> {
    let rules = examination::rulebook(repository).map_err(|error| error.to_string())?;
    Ok(rules.and(&own_packs()))
}

/// The packs of rules of who runs the program. Without a desk nothing of theirs is read.
fn own_packs() -> Vec<PackFile> {
    #[cfg(feature = "tui")]
    return crate::examination::packs::in_folder(&crate::config::rules_directory());
    #[cfg(not(feature = "tui"))]
    Vec::new()
}

/// The repository that the environment names, as git reads it.
fn git_dir() -> Option<PathBuf> {
    std::env::var_os("GIT_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

/// Where git would look for the repository if none is named.
fn here() -> PathBuf {
    git_dir().unwrap_or_else(|| PathBuf::from("."))
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, command};

    #[test]
    fn every_help_says_how_a_command_exits_and_gives_an_example_that_is_one() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (codes, examples) = help.split_once("\n\nExamples:\n").expect("every help has examples");
            let mut codes = codes.lines();
            assert_eq!(codes.next(), Some("Exit codes:"), "{}: {help}", command.get_name());
            for line in codes {
                let (code, text) = line.split_at(6);
                assert!(code.starts_with("  ") && code.ends_with(' ') && !text.starts_with(' '), "{line}");
                assert!(line.chars().count() <= 80, "no terminal wraps it: {line}");
            }
            let examples = examples.replace(" \\\n", "");
            let object = "0".repeat(40);
            for example in examples.lines() {
                // As a shell reads it: quoted text is one word, and other programs or files are not part of it.
                let example = example.split(['|', '>']).next().unwrap_or_default().trim();
                let example =
                    example.replace("$(git rev-parse main)", &object).replace("$(git rev-parse work)", &object);
                let words: Vec<&str> = example
                    .split('\'')
                    .enumerate()
                    .flat_map(|(at, part)| if at % 2 == 0 { part.split_whitespace().collect() } else { vec![part] })
                    .collect();
                let parsed = super::command().try_get_matches_from(&words);
                assert!(
                    parsed.is_ok(),
                    "{example}: {}",
                    parsed.err().map(|error| error.to_string()).unwrap_or_default()
                );
            }
            command.get_subcommands().filter(|below| !below.is_hide_set()).for_each(check);
        }
        check(&command());
    }

    #[test]
    fn every_command_is_in_a_group_of_the_help() {
        let command = command();
        let help = command.clone().render_help().to_string();
        for own in command.get_subcommands() {
            let name = own.get_name();
            assert!(GROUPS.iter().any(|(_, names)| names.contains(&name)), "{name}");
            assert!(help.contains(&format!("\n  {name}  ")), "{name}: {help}");
        }
        assert!(
            help.contains("--repo") && help.contains("Exit codes:\n  0 ") && !help.contains("\nCommands:"),
            "{help}"
        );
    }
}
