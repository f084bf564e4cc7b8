//! The user's tools, run on what is under review: its files are written to a separate folder, and a command of the
//! configuration prints a report on them. Or their reports are in notes. Nothing in a change determines what is run.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::change::{Change, ObjectId, counted, visible};
use crate::examination::external::{self, Reports};
use crate::risk::external::{MAX_BYTES, Report, Run, read};
use crate::source::git::{self, LeftOut, Repository};

/// Bytes of a tool's standard error that are read.
const MAX_SAID: usize = 64 << 10;
/// How often to check whether a tool is done.
const STEP: Duration = Duration::from_millis(20);
/// How long a tool may take unless configured otherwise.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A command of the user that prints a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    /// The user's name for it.
    pub name: String,
    /// The repository to which it applies.
    pub repository: PathBuf,
    /// How its report is obtained.
    pub way: Way,
    /// How long it may take on one side.
    pub timeout: Duration,
    /// Whether it also looks at the base.
    pub on_base: bool,
}

/// How a report is obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A command for a shell, in the folder with the files.
    Command(String),
    /// A ref of notes, by its full name, in which another program stored it.
    Notes(String),
}

/// Who finds something after a change was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// The tools that are run here.
    Scanners,
    /// A review server.
    Server,
}

/// What other tools found, and how to run them.
#[derive(Debug, Default)]
pub struct Tools {
    /// Given on the command line.
    pub reports: Reports,
    /// From the configuration.
    pub scanners: Vec<Scanner>,
    /// What was found since in the change that is open, by its ticket.
    found: Mutex<(u64, BTreeMap<FoundBy, Reports>)>,
    /// Whether they are running.
    busy: AtomicBool,
    /// The leader of the running process group; 0 if nothing is running.
    running: AtomicI32,
}

impl Tools {
    /// Given reports, and tools to run.
    pub fn new(reports: Reports, scanners: Vec<Scanner>) -> Tools {
        Tools { reports, scanners, ..Tools::default() }
    }

    /// Adds what was found in an open change: all that is known of it by now.
    pub fn with(&self, ticket: u64, by: FoundBy, reports: Reports) -> Reports {
        self.known(ticket, Some((by, reports)))
    }

    /// All that is known of an open change by now.
    pub fn of(&self, ticket: u64) -> Reports {
        self.known(ticket, None)
    }

    fn known(&self, ticket: u64, more: Option<(FoundBy, Reports)>) -> Reports {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.0 != ticket {
            *found = (ticket, BTreeMap::new());
        }
        found.1.extend(more);
        let mut all = self.reports.clone();
        found.1.values().for_each(|own| all.add(own.clone()));
        all
    }

    /// Ends what is running, and waits a moment until its files are removed. No more work may be wanted.
    pub fn end(&self) {
        let until = Instant::now() + Duration::from_secs(1);
        while self.busy.load(Ordering::Relaxed) && Instant::now() < until {
            kill(self.running.load(Ordering::Relaxed));
            std::thread::sleep(STEP);
        }
    }

    /// Those that apply to a repository.
    pub fn scanners_of(&self, root: &Path) -> Vec<&Scanner> {
        let is_of =
            |scanner: &&Scanner| Repository::open(&scanner.repository).is_ok_and(|repository| repository.root == root);
        self.scanners.iter().filter(is_of).collect()
    }
}

/// A change that tools look at.
pub struct Scan<'s> {
    pub tools: &'s Tools,
    pub scanners: Vec<&'s Scanner>,
    pub repository: &'s Repository,
    pub change: &'s Change,
    /// Whether nobody waits any more.
    pub is_over: &'s dyn Fn() -> bool,
}

/// The reports of the tools on one side, in their order.
type Said = Vec<Result<Report, String>>;

impl Scan<'_> {
    /// Runs the tools on the head, and on the base. None if nobody waits any more. Failures are in the reports.
    pub fn run(&self) -> Option<Reports> {
        self.tools.busy.store(true, Ordering::Relaxed);
        let reports = self.both();
        self.tools.busy.store(false, Ordering::Relaxed);
        reports
    }

    fn both(&self) -> Option<Reports> {
        let revision = &self.change.revision;
        let mut head = self.side(&self.scanners, (revision.head, revision.head_tree), "head")?;
        let on_base: Vec<&Scanner> = self.scanners.iter().copied().filter(|scanner| scanner.on_base).collect();
        let said = self.side(&on_base, (revision.base, revision.base_tree), "base")?;
        let mut base = Vec::new();
        for (scanner, said) in on_base.iter().zip(said) {
            match said {
                Ok(report) => base.push(report),
                // Few commits have notes: a base without any means nothing.
                Err(_) if matches!(scanner.way, Way::Notes(_)) => {}
                Err(why) => self.note(&mut head, scanner, &format!("On the base: {why}")),
            }
        }
        let head = head.into_iter().zip(&self.scanners);
        let head = head.map(|(said, scanner)| said.unwrap_or_else(|why| failed(scanner, why))).collect();
        Some(Reports { head, base: (!base.is_empty()).then_some(base), ..Reports::default() })
    }

    /// A tool that did not run on the base is reported with its run on the head: without the base, more findings count.
    fn note(&self, head: &mut Said, scanner: &Scanner, why: &str) {
        let own = self.scanners.iter().position(|other| *other == scanner).and_then(|at| head.get_mut(at));
        if let Some(Ok(report)) = own
            && let Some(run) = report.runs.first_mut()
        {
            run.failures.push(why.to_owned());
        }
    }

    /// None if nobody waits any more.
    fn side(&self, scanners: &[&Scanner], (commit, tree): (ObjectId, ObjectId), name: &str) -> Option<Said> {
        if scanners.is_empty() {
            return Some(Vec::new());
        }
        let needs_files = scanners.iter().any(|scanner| matches!(scanner.way, Way::Command(_)));
        let tree = Some(tree).filter(|_| needs_files);
        let written = tempfile::tempdir().map_err(|error| format!("No directory can be made for its files: {error}."));
        let written = written.and_then(|folder| {
            let export = |tree| git::export(self.repository, tree, folder.path()).map_err(|error| error.to_string());
            let left_out = tree.map(export).transpose()?.unwrap_or_default();
            Ok((folder, left_out))
        });
        let mut said = Vec::new();
        for scanner in scanners {
            if (self.is_over)() {
                return None;
            }
            said.push(match (&scanner.way, &written) {
                (Way::Notes(notes), _) => self.noted(notes, commit),
                (Way::Command(command), Ok((folder, left_out))) => {
                    let report = self.report(scanner, command, folder.path(), (commit, name));
                    report.map(|report| without(report, *left_out))
                }
                (Way::Command(_), Err(why)) => Err(why.clone()),
            });
        }
        (!(self.is_over)()).then_some(said)
    }

    fn noted(&self, notes: &str, commit: ObjectId) -> Result<Report, String> {
        let report = external::from_note(self.repository, notes, commit)?;
        report.ok_or_else(|| format!("There is no note of {} on {}.", visible::text(notes), commit.short()))
    }

    fn report(
        &self,
        scanner: &Scanner,
        command: &str,
        folder: &Path,
        (commit, side): (ObjectId, &str),
    ) -> Result<Report, String> {
        let environment = [("UNDERSIGN_SIDE", side.to_owned()), ("UNDERSIGN_COMMIT", commit.to_string())];
        let ran = self.start((command, scanner.timeout), folder, &environment)?;
        read(&ran.out, &scanner.name).map_err(|why| {
            let said = String::from_utf8_lossy(&ran.err);
            let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            let last = last.chars().take(200).collect::<String>();
            let last = if last.is_empty() { last } else { format!(" It says: {}", visible::text(&last)) };
            format!("It ended with {} and printed no report. {why}{last}", status(ran.status))
        })
    }

    /// Runs a command until it ends, or its time is up.
    fn start(
        &self,
        (command, timeout): (&str, Duration),
        folder: &Path,
        environment: &[(&str, String)],
    ) -> Result<Ran, String> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(folder).envs(environment.iter().cloned());
        // It must not see the repository of the person who runs this desk.
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"].iter().for_each(|name| _ = shell.env_remove(name));
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let child = shell.spawn().map_err(|error| format!("It cannot be run: {error}."))?;
        let mut group = Group::of(child, &self.tools.running);
        let out = group.child.stdout.take().map(|out| collect(out, MAX_BYTES + 1));
        let err = group.child.stderr.take().map(|err| collect(err, MAX_SAID));
        let until = Instant::now() + timeout;
        let status = loop {
            let ended = group.child.try_wait().map_err(|error| format!("It cannot be waited for: {error}."))?;
            if let Some(status) = ended {
                break status;
            }
            if (self.is_over)() || Instant::now() >= until {
                return Err(format!("It took longer than {} seconds, and was ended.", timeout.as_secs()));
            }
            std::thread::sleep(STEP);
        };
        // Any process that it left running holds the other end of what is read.
        drop(group);
        let text = |reader: Option<JoinHandle<Vec<u8>>>| reader.and_then(|reader| reader.join().ok());
        Ok(Ran { status, out: text(out).unwrap_or_default(), err: text(err).unwrap_or_default() })
    }
}

fn failed(scanner: &Scanner, why: String) -> Report {
    let run = Run { tool: scanner.name.clone(), failures: vec![why], ..Run::default() };
    Report { runs: vec![run], remarks: Vec::new() }
}

/// What no tool could look at is reported as incomplete work.
fn without(mut report: Report, left_out: LeftOut) -> Report {
    let LeftOut { links, names } = left_out;
    let said = [(links, "symbolic link"), (names, "name that no checkout writes")];
    let said = said.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(count, what));
    let said = said.collect::<Vec<_>>().join(", ");
    if !said.is_empty() {
        report.remarks.push(format!("Tools did not see all of it: {said}."));
    }
    report
}

fn status(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// What a command printed.
struct Ran {
    status: ExitStatus,
    out: Vec<u8>,
    err: Vec<u8>,
}

/// A command and all processes that it starts: they end with it.
struct Group<'t> {
    child: Child,
    running: &'t AtomicI32,
}

impl Group<'_> {
    fn of(child: Child, running: &AtomicI32) -> Group<'_> {
        running.store(i32::try_from(child.id()).unwrap_or_default(), Ordering::Relaxed);
        Group { child, running }
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        kill(self.running.swap(0, Ordering::Relaxed));
        let _ = self.child.wait();
    }
}

/// Ends a process group by its leader; if it has already ended, or is 0, there is nothing to end.
fn kill(leader: i32) {
    if leader > 1 {
        let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
    }
}

/// Reads to the end, and keeps this many bytes.
fn collect(mut from: impl Read + Send + 'static, most: usize) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = from.by_ref().take(most as u64).read_to_end(&mut kept);
        let _ = std::io::copy(&mut from, &mut std::io::sink());
        kept
    })
}
