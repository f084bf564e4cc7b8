//! FLOOR 4: arguments → command → exit code. One file a sub-command.

/// `print!` to a reader that may have left, as `head` does: what it does not want is not printed, and that is no failure.
macro_rules! out {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($part)*);
    }};
}

/// `println!`, likewise.
macro_rules! outln {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($part)*);
    }};
}

mod doctor;
mod gate;
mod meant;
mod policy;
mod queue;
mod record;
mod show;
mod summary;
mod sync;
mod verify;

#[cfg(feature = "tui")]
mod demo;
#[cfg(feature = "tui")]
mod desk;
#[cfg(feature = "tui")]
mod init;
#[cfg(feature = "tui")]
mod keys;
#[cfg(feature = "tui")]
mod theme;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Usage errors, as in sysexits.h. Never 1, which some hooks take for a warning.
const USAGE: u8 = 64;
/// Something outside of a verdict failed.
const FAILED: u8 = 70;

/// Review AI-assisted changes in your terminal, and undersign them: a signed decision that every gate can verify
#[derive(Parser)]
#[command(name = "undersign", version, disable_help_subcommand = true)]
struct Arguments {
    /// A repository to review; may be given several times
    #[arg(long, value_name = "DIR", global = true)]
    repo: Vec<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Open the desk on sample repositories
    #[cfg(feature = "tui")]
    Demo(demo::Options),
    /// Write a policy for this repository from git's identity and signing key
    #[cfg(feature = "tui")]
    Init(init::Options),
    /// Open a range of commits in the reader
    #[cfg(feature = "tui")]
    Review(desk::ReviewOptions),
    /// Print which stroke does what, by your keymap or a preset
    #[cfg(feature = "tui")]
    Keys(keys::Options),
    /// Print a sample of the themes
    #[cfg(feature = "tui")]
    Theme(theme::Options),
    /// Say whether a push may land: 0 yes, 2 no, 4 cannot decide
    Verify(verify::Options),
    /// Install the gate, serve it, and read its log
    Gate(gate::Options),
    /// Check, explain and try out policies; take over CODEOWNERS
    Policy(policy::Options),
    /// Print the queue of pending changes, riskiest first
    Queue(queue::Options),
    /// Send decisions to a remote, and fetch those of others
    Sync(sync::Options),
    /// List, show, export, verify and follow up signed decisions
    Record(record::Options),
    /// Say what is really enforced: hook, policy, ledger, keys; or what a remote allows
    Doctor(doctor::Options),
    /// Print one pending change: what it does, what was found, what it needs
    Show(show::Options),
}

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let done = match arguments.command {
        #[cfg(feature = "tui")]
        None => desk::open(&arguments.repo),
        #[cfg(not(feature = "tui"))]
        None => Err("This build has no desk: it was made for a gate. Name a command; --help lists them.".to_owned()),
        #[cfg(feature = "tui")]
        Some(Command::Demo(options)) => demo::run(&options),
        #[cfg(feature = "tui")]
        Some(Command::Init(options)) => init::run(&options, arguments.repo.first().map(PathBuf::as_path)),
        #[cfg(feature = "tui")]
        Some(Command::Review(options)) => desk::review(&options, arguments.repo.first().map(PathBuf::as_path)),
        #[cfg(feature = "tui")]
        Some(Command::Keys(options)) => keys::run(&options),
        #[cfg(feature = "tui")]
        Some(Command::Theme(options)) => theme::run(&options),
        Some(Command::Verify(options)) => {
            return ExitCode::from(verify::run(&options, arguments.repo.first().map(PathBuf::as_path)));
        }
        Some(Command::Gate(options)) => gate::run(&options, arguments.repo.first().map(PathBuf::as_path)),
        Some(Command::Queue(options)) => queue::run(&options, &arguments.repo),
        Some(Command::Show(options)) => show::run(&options, &arguments.repo),
        Some(Command::Sync(options)) => sync::run(&options, arguments.repo.first().map(PathBuf::as_path)),
        Some(Command::Doctor(options)) => doctor::run(&options, arguments.repo.first().map(PathBuf::as_path)),
        Some(Command::Policy(options)) => match policy::run(&options, arguments.repo.first().map(PathBuf::as_path)) {
            Ok(code) => return ExitCode::from(code),
            Err(message) => Err(message),
        },
        Some(Command::Record(options)) => match record::run(&options, arguments.repo.first().map(PathBuf::as_path)) {
            Ok(code) => return ExitCode::from(code),
            Err(message) => Err(message),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("undersign: {message}");
            ExitCode::from(FAILED)
        }
    }
}

/// One JSON object on standard output, in ASCII: it may end up on a terminal too.
fn print_json<T: serde::Serialize>(value: &T) {
    out!("{}", String::from_utf8_lossy(&crate::record::json::encode(value)));
}

/// The time, in seconds since the epoch.
fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Bytes from the operating system's generator.
fn random() -> Result<u64, String> {
    let mut bytes = [0; 8];
    let read =
        std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    read.map_err(|error| format!("The operating system gives no random bytes: {error}."))?;
    Ok(u64::from_be_bytes(bytes))
}
