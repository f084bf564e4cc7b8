//! The git program, with a deadline if no person is present: a host that does not answer never blocks for good.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Prompts;
use crate::change::visible;
use crate::risk::without_logins;
use crate::source::git::Repository;

/// The time limit for fetching or sending chains: they are short.
pub(super) const CHAINS: Duration = Duration::from_secs(30);
/// The time limit if a branch is fetched, too.
pub(super) const BRANCH: Duration = Duration::from_secs(120);
/// The time limit for fetching all branches and review requests of a remote.
pub(super) const ALL: Duration = Duration::from_secs(900);
/// git's message if the other side has no such ref.
#[cfg(feature = "tui")]
const NO_REF: &str = "couldn't find remote ref";
/// How long git may take to remove its locks when it is ended.
const GRACE: Duration = Duration::from_secs(1);

/// Why git did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitFailed {
    #[error("git cannot be run: {0}. Is it installed?")]
    NotRun(std::io::Error),
    #[error("`git {command}` had no answer within {seconds} seconds, and was ended.")]
    NoAnswer { command: String, seconds: f32 },
    /// It ended with an error, and gave this reason.
    #[error("`git {command}` failed: {reason}.")]
    Failed { command: String, reason: String },
}

impl GitFailed {
    /// Whether the other side has no such ref.
    #[cfg(feature = "tui")]
    pub fn is_no_ref(&self) -> bool {
        matches!(self, GitFailed::Failed { reason, .. } if reason.contains(NO_REF))
    }
}

/// Most callers only show it.
impl From<GitFailed> for String {
    fn from(failed: GitFailed) -> String {
        failed.to_string()
    }
}

/// A git that ended.
pub(super) struct Ended {
    command: String,
    pub is_ok: bool,
    pub stdout: String,
    stderr: String,
}

impl Ended {
    /// Its output, if it succeeded.
    pub fn output(self) -> Result<String, GitFailed> {
        if self.is_ok { Ok(self.stdout) } else { Err(self.failure()) }
    }

    /// The reason that it gave for an error.
    pub fn failure(self) -> GitFailed {
        // The first line names the subject; the others the result.
        let says_why = |line: &&str| ["fatal:", "error:", "ssh:"].iter().any(|start| line.starts_with(start));
        let said = self.stderr.lines().find(says_why).or_else(|| self.stderr.lines().last());
        let said = without_logins(said.unwrap_or("no reason given").trim_end_matches('.'));
        GitFailed::Failed { reason: visible::text(&said).into_owned(), command: self.command }
    }
}

/// Runs git to its end. If a person may be asked, that person ends it.
pub(super) fn run_git(
    repository: &Repository,
    prompts: Prompts,
    patience: Duration,
    arguments: &[&str],
) -> Result<Ended, GitFailed> {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(repository.raw.path()).args(arguments).stdin(Stdio::null());
    command.env("LC_ALL", "C");
    let output = match prompts {
        Prompts::Allowed => command.output().map(Some),
        Prompts::Never => {
            command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "true").env("SSH_ASKPASS_REQUIRE", "never");
            if std::env::var_os("GIT_SSH_COMMAND").is_none() {
                command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
            }
            within(patience, &mut command)
        }
    };
    let command = named(arguments).to_owned();
    let Some(output) = output.map_err(GitFailed::NotRun)? else {
        return Err(GitFailed::NoAnswer { command, seconds: patience.as_secs_f32().ceil() });
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    Ok(Ended { command, is_ok: output.status.success(), stdout, stderr })
}

/// The command among the arguments of git: settings come before it.
fn named<'a>(arguments: &[&'a str]) -> &'a str {
    let mut rest = arguments;
    while let ["-c", _, more @ ..] = rest {
        rest = more;
    }
    rest.first().unwrap_or(&"")
}

/// Runs a program to its end; none if it took too long. Then all processes that it started are ended with it: they are
/// a group.
fn within(patience: Duration, command: &mut Command) -> std::io::Result<Option<Output>> {
    let until = Instant::now() + patience;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let (out, err) = (collected(child.stdout.take()), collected(child.stderr.take()));
    let read = |from: &Receiver<Vec<u8>>| from.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
    let (Some(stdout), Some(stderr)) = (read(&out), read(&err)) else {
        end(&mut child)?;
        return Ok(None);
    };
    Ok(Some(Output { status: child.wait()?, stdout, stderr }))
}

/// The output of a program, once all of it was read.
fn collected(from: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn end(child: &mut Child) -> std::io::Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let _ = killpg(group, Signal::SIGTERM);
    let until = Instant::now() + GRACE;
    while child.try_wait()?.is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = killpg(group, Signal::SIGKILL);
    child.wait().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_that_does_not_end_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let repository = Repository::open(dir.path()).unwrap();
        let mark = dir.path().join("mark");
        let alias = format!("alias.hang=!(sleep 2; touch {}) & sleep 60", mark.display());
        let began = Instant::now();
        let patience = Duration::from_millis(300);
        let said = run_git(&repository, Prompts::Never, patience, &["-c", &alias, "hang"]);
        let said = said.err().unwrap().to_string();
        assert!(said.contains("had no answer within 1 seconds"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_secs(3));
        assert!(!mark.exists(), "what it started went on");
        let ended = run_git(&repository, Prompts::Never, CHAINS, &["rev-parse", "--is-bare-repository"]).unwrap();
        assert_eq!(ended.output().unwrap(), "false\n");
    }
}
