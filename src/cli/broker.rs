//! `undersign broker`: the program that runs what was authorized.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::broker::{Broker, Settings, State, child, serve};

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the directory of a broker, and print what goes into the policy
    #[command(after_help = help!("0 when it is made", "undersign broker init /var/lib/undersign --settings broker.toml"))]
    Init(InitOptions),
    /// Pin the policy as it stands; the broker then takes a newer one only where this one lets it land
    #[command(after_help = help!("0 when it is pinned", "undersign broker pin /var/lib/undersign"))]
    Pin(ServeOptions),
    /// Take requests in, and run what was authorized
    #[command(after_help = help!("0 never: it serves until a signal ends it", "undersign broker serve /var/lib/undersign"))]
    Serve(ServeOptions),
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
            let (commit, policy) = Broker::pin(&options.dir)?;
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
            eprintln!("undersign: the broker listens at {}.", broker.settings.socket.display());
            serve::serve(broker)
        }
        Command::Child { spec } => child::become_command(spec).map(|never| match never {}),
    }
}

fn init(options: &InitOptions) -> Result<(), String> {
    let text = read(&options.settings)?;
    Settings::parse(&options.settings.display().to_string(), &text).map_err(|error| error.to_string())?;
    let key = State::init(&options.dir, &text)?;
    outln!("For the policy:\n\n[broker.NAME]\nkey = \"{}\"\n", key.public.to_openssh());
    outln!("Once that has landed: `undersign broker pin {}`.", options.dir.display());
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))
}
