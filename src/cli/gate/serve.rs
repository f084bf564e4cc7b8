//! `undersign gate serve`: the gate as a service, for hosts that call a service rather than run hooks.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::cli::verify::GateOptions;
use crate::enforcement::Settings;
use crate::service::routes::{GitDirs, Routes, Served};
use crate::service::socket::{Address, Listener};
use crate::service::workers::Workers;
use crate::service::{self, Limits, Tally};

/// Seconds that one push may take, unless told otherwise: others wait for the same workers.
const DEADLINE: u64 = 30;
/// Seconds over the limits that ending may take.
const SPARE: u64 = 5;

#[derive(Args)]
pub struct Options {
    /// Where to listen: a loopback address such as 127.0.0.1:7117 (port 0: any that is free), or unix:FILE
    #[arg(long, value_name = "ADDRESS")]
    listen: Address,
    /// Serve all repositories below a directory, each by its path from there; without it, the one of --repo by that
    /// text
    #[arg(long, value_name = "DIR")]
    repositories: Option<PathBuf>,
    /// Pushes that are judged at a time, 1 to 64, of one among several repositories half as many; by default as many as
    /// there are cores, at least 2
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: Option<u8>,
    /// Bytes of a request's body, up to 64 MiB; up to 128 may be in memory at a time
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, value_parser = clap::value_parser!(u64).range(1..=64 << 20))]
    max_body: u64,
    /// Seconds for a request to arrive, for a worker to be free, and for the answer to be taken: each
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// A name by which a proxy on this machine asks, besides those of loopback; may be given several times. A socket
    /// file is asked by any name
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Tell numbers for Prometheus at /metrics: verdicts, reasons, times, waiting, ledger, memory
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    gate: GateOptions,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    if options.gate.names_pusher() {
        return Err("Who pushes is said in each request; --pusher and --pusher-env would say it for all.".to_owned());
    }
    let tally = Tally::default();
    let served = served(options, repository)?;
    let settings = Settings { lasting: true, ..options.gate.settings_within(DEADLINE) };
    // The longest judgement: a request arrives, waits for a worker, is judged, and its answer is fetched.
    let longest = settings.deadline.unwrap_or_default() + Duration::from_secs(3 * options.timeout + SPARE);
    let routes = Routes {
        workers: workers(options, &served),
        hosts: matches!(options.listen, Address::Loopback(_)).then(|| options.hosts.clone()),
        has_metrics: options.metrics,
        served,
        settings,
        tally: &tally,
        clock: crate::clock::now,
        git_dirs: GitDirs::default(),
    };
    let listener = Listener::bind(&options.listen)?;
    let stop = Arc::new(AtomicBool::new(false));
    wake_on_signal(&listener, &stop, longest).map_err(|error| format!("Signals cannot be caught: {error}."))?;
    outln!("listening on {listener}");
    let _ = std::io::stdout().flush();
    service::run(listener, &limits(options), &stop, &tally, &|request| routes.answer(request));
    Ok(())
}

fn limits(options: &Options) -> Limits {
    Limits { max_body: options.max_body, timeout: Duration::from_secs(options.timeout) }
}

fn workers(options: &Options, served: &Served) -> Workers {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from).max(2);
    let (count, patience) = (options.workers.map_or_else(cores, usize::from), Duration::from_secs(options.timeout));
    match served {
        Served::One(_) => Workers::of_one(count, patience),
        Served::Below(_) => Workers::shared(count, patience),
    }
}

fn served(options: &Options, repository: Option<&Path>) -> Result<Served, String> {
    match (&options.repositories, repository) {
        (Some(_), Some(_)) => Err("--repo and --repositories exclude each other.".to_owned()),
        (Some(dir), None) => Served::below(dir),
        (None, one) => {
            let text = one.unwrap_or(Path::new(".")).to_str().ok_or("The repository's path is not UTF-8.")?;
            Ok(Served::One(text.to_owned()))
        }
    }
}

/// The first signal ends the service when what has begun is finished, and that within a stated time; the second ends
/// the program.
fn wake_on_signal(listener: &Listener, stop: &Arc<AtomicBool>, longest: Duration) -> std::io::Result<()> {
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_shutdown(signal, crate::cli::FAILED.into(), stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    let waker = listener.waker()?;
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            waker.wake();
            std::thread::sleep(longest);
            // No answer has been sent yet, so nothing is let through.
            std::process::exit(crate::cli::FAILED.into());
        }
    });
    Ok(())
}
