//! `undersign broker`: the program that runs what was authorized.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::broker::{Broker, Settings, State, child, serve, settings_in, wire};
use crate::change::shown_path;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the directory of a broker, and print what goes into the policy
    #[command(after_help = help!(
        ["0   it is made"],
        "undersign broker init /var/lib/undersign --settings broker.toml"
    ))]
    Init(InitOptions),
    /// Pin the policy as it stands; the broker then takes a newer one only where this one lets it land
    #[command(after_help = help!(["0   it is pinned"], "undersign broker pin /var/lib/undersign"))]
    Pin(PinOptions),
    /// Take requests in, and run what was authorized
    #[command(after_help = help!(
        ["0   never: it serves until a signal ends it"],
        "undersign broker serve /var/lib/undersign"
    ))]
    Serve(ServeOptions),
    /// Print lines for the authorized_keys of the account `ssh_uid`: one for each key of an agent
    #[command(after_help = help!(
        ["0   success"],
        "undersign broker keys /var/lib/undersign > ~ask/.ssh/authorized_keys"
    ))]
    Keys(ServeOptions),
    /// What sshd runs for the key of an agent: passes one message on to the broker
    #[command(hide = true)]
    Relay {
        #[arg(long, value_name = "SOCKET")]
        socket: PathBuf,
        /// The fingerprint of the key
        key: String,
    },
    /// What a broker starts to become a command
    #[command(hide = true)]
    Child { spec: PathBuf },
}

#[derive(Args)]
struct InitOptions {
    /// The directory to make
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Its settings: repository, socket, operators, and how commands of each target run
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// For a job of CI: its private key, of the kind ed25519; by default a new one is made
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Args)]
struct PinOptions {
    /// What `broker init` made
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The commit of the policy branch whose policy is pinned; by default where it stands
    #[arg(long, value_name = "COMMIT")]
    commit: Option<String>,
}

#[derive(Args)]
struct ServeOptions {
    /// What `broker init` made
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub fn run(options: &Options) -> Result<(), String> {
    match &options.command {
        Command::Init(options) => init(options),
        Command::Pin(options) => {
            let id = |text: &String| text.parse().map_err(|_| format!("{text} is not a commit id (40 hex digits)."));
            let told = options.commit.as_ref().map(id).transpose()?;
            let (commit, policy) = Broker::pin(&options.dir, told)?;
            outln!(
                "Version {} of the policy of {} is pinned, from {}.",
                policy.version,
                policy.repository,
                commit.short()
            );
            Ok(())
        }
        Command::Serve(options) => {
            let broker = Broker::open(&options.dir)?;
            if broker.settings.is_ci {
                return Err("This broker is a job of CI (`ci = true`): use `undersign exec --state`.".to_owned());
            }
            eprintln!("undersign: the broker listens at {}.", broker.settings.socket.display());
            serve::serve(broker)
        }
        Command::Keys(options) => keys(&options.dir),
        Command::Relay { socket, key } => wire::relay(socket, key),
        Command::Child { spec } => child::become_command(spec).map(|never| match never {}),
    }
}

fn init(options: &InitOptions) -> Result<(), String> {
    let text = read(&options.settings)?;
    let settings = Settings::parse(&options.settings.display().to_string(), &text);
    let is_ci = settings.map_err(|error| error.to_string())?.is_ci;
    match (is_ci, &options.key) {
        (true, None) => return Err("A job of CI has the key of all of its jobs: --key FILE names it.".to_owned()),
        (false, Some(_)) => {
            return Err("--key is for jobs of CI (`ci = true`). Any other broker makes its own.".to_owned());
        }
        _ => {}
    }
    let key = State::init(&options.dir, &text, options.key.as_deref())?;
    outln!("For the policy:\n\n[broker.NAME]\nkey = \"{}\"\n", key.public.to_openssh());
    outln!("Once that has landed: `undersign broker pin {}`.", shown_path(&options.dir));
    Ok(())
}

/// Becomes the command of a run if this process was started for that, before anything else is set up: a person waits.
pub(super) fn as_child() -> Option<std::process::ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let is_child = words.next()? == "broker" && words.next()? == "child";
    let (Some(spec), None) = (words.next().filter(|_| is_child), words.next()) else { return None };
    if spec.as_encoded_bytes().starts_with(b"-") {
        return None;
    }
    Some(match child::become_command(spec.as_ref()) {
        Ok(never) => match never {},
        Err(why) => {
            eprintln!("undersign: {why}");
            std::process::ExitCode::from(super::FAILED)
        }
    })
}

/// Each key may do one thing: have this program relay. `restrict` takes forwarding, terminals and `~/.ssh/rc` away.
fn keys(dir: &Path) -> Result<(), String> {
    let settings = settings_in(dir)?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let words = [&program.display().to_string(), &settings.socket.display().to_string()].map(|path| quoted(path));
    let [program, socket] =
        words.map(|word| word.ok_or("A path with quotation marks cannot stand in authorized_keys."));
    let (program, socket) = (program?, socket?);
    for (fingerprint, own) in &settings.keys {
        let command = format!("{program} broker relay --socket {socket} {fingerprint}");
        outln!("restrict,command=\"{command}\" {} {}", own.key.to_openssh(), own.operator);
    }
    Ok(())
}

/// A path as the shell of an account reads it, inside a command in quotation marks.
fn quoted(path: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    match path {
        plain if plain.chars().all(is_plain) => Some(plain.to_owned()),
        odd if odd.contains(['\'', '"', '\\', '\n']) => None,
        odd => Some(format!("'{odd}'")),
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))
}
