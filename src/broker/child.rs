//! The process that becomes a command: it starts as this program, gives up its privileges, and executes the program
//! whose file is already open.

use std::ffi::CString;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid};
use serde::{Deserialize, Serialize};

/// What a command runs as. It is in a file that only the broker reads, since it contains secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Each argument, as bytes.
    pub argv: Vec<Vec<u8>>,
    /// `NAME=value`.
    pub env: Vec<Vec<u8>>,
    pub cwd: PathBuf,
    /// Its standard input; nothing if there is none.
    pub stdin: Option<PathBuf>,
    /// The account and group, if they are to change.
    pub account: Option<(u32, u32)>,
    pub limits: Option<Limits>,
    /// A file to which the process ID is written before anything else: that of a control group.
    pub group: Option<PathBuf>,
    /// Whether it goes on only once it is told to: [`Spec::write_waiting`].
    pub waits: bool,
}

/// What the broker adds to the spec file of a process that waits: it may go on.
const GO: &[u8] = b"\n";

/// A spec file that is held: a process that was started with it enters its control group, and waits there. If the
/// broker dies first, the process ends, since nothing was added to the file.
pub struct Start(File);

impl Start {
    /// Lets the process go on.
    ///
    /// # Errors
    /// It may not have been told.
    pub fn go(&mut self) -> std::io::Result<()> {
        self.0.write_all(GO)?;
        // It has been told. If unlocking fails, closing the file releases the lock.
        let _ = self.0.unlock();
        Ok(())
    }
}

/// The limits for each process of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most memory that it may map, in bytes.
    pub memory: u64,
    /// The most processor time, in seconds.
    pub seconds: u64,
}

impl Spec {
    /// Writes it to a new file that only the broker reads.
    ///
    /// # Errors
    /// A sentence: it cannot be written, or something is there already.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        self.written(path).map(|_| ())
    }

    /// Writes it for a process that waits.
    ///
    /// # Errors
    /// As for [`Spec::write`].
    pub fn write_waiting(self, path: &Path) -> Result<Start, String> {
        let file = Spec { waits: true, ..self }.written(path)?;
        file.lock().map_err(|error| format!("{} cannot be locked: {error}", path.display()))?;
        Ok(Start(file))
    }

    fn written(&self, path: &Path) -> Result<File, String> {
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
        // What is added later comes after what the process says meanwhile.
        let mut file = File::options().append(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        let text = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        file.write_all(&text).map_err(failed)?;
        Ok(file)
    }
}

/// The content of a spec file after the command failed to run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    pub failed: String,
}

/// Becomes the command. Standard input is the open file of the program.
///
/// # Errors
/// A sentence that says why it failed. Nothing of the command has run then, and the spec file says so.
pub fn become_command(path: &Path) -> Result<std::convert::Infallible, String> {
    let opened = File::options().read(true).write(true).open(path);
    let mut file = opened.map_err(|error| format!("{} cannot be opened: {error}", path.display()))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(|error| error.to_string())?;
    let why = match execute(&text, &mut file) {
        Ok(never) => match never {},
        Err(why) => why,
    };
    // Uses the file that is already open: the account may have changed by now.
    let told = serde_json::to_vec(&Failed { failed: why.clone() }).unwrap_or_default();
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&told));
    Err(why)
}

fn execute(text: &[u8], file: &mut File) -> Result<std::convert::Infallible, String> {
    let spec: Spec = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let program = program_file()?;
    let failed = |what: &'static str| move |error: nix::Error| format!("{what}: {error}");
    if let Some(group) = &spec.group {
        let entered = File::options().write(true).open(group).and_then(|mut file| file.write_all(b"0"));
        entered.map_err(|error| format!("the control group takes no process: {error}"))?;
    }
    if spec.waits {
        wait(file, text)?;
    }
    // Its own session: it has no terminal to read from or to inject characters into.
    nix::unistd::setsid().map_err(failed("setsid"))?;
    replace_stdin(spec.stdin.as_deref())?;
    std::env::set_current_dir(&spec.cwd).map_err(|error| format!("{}: {error}", spec.cwd.display()))?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    if let Some((uid, gid)) = spec.account {
        nix::unistd::setgroups(&[]).map_err(failed("setgroups"))?;
        nix::unistd::setgid(Gid::from_raw(gid)).map_err(failed("setgid"))?;
        nix::unistd::setuid(Uid::from_raw(uid)).map_err(failed("setuid"))?;
    }
    if let Some(Limits { memory, seconds }) = spec.limits {
        setrlimit(Resource::RLIMIT_AS, memory, memory).map_err(failed("the limit of memory"))?;
        setrlimit(Resource::RLIMIT_CPU, seconds, seconds).map_err(failed("the limit of processor time"))?;
    }
    nix::sys::prctl::set_no_new_privs().map_err(failed("no new privileges"))?;
    let (argv, env) = (texts(&spec.argv)?, texts(&spec.env)?);
    nix::unistd::fexecve(program.as_fd(), &argv, &env).map_err(failed("the program cannot be executed"))
}

/// Waits until the broker lets go of the spec file, of which this much was read: it may have been told already.
fn wait(file: &mut File, read: &[u8]) -> Result<(), String> {
    if read.ends_with(GO) {
        return Ok(());
    }
    file.lock_shared().map_err(|error| format!("the spec cannot be locked: {error}"))?;
    let mut told = Vec::new();
    file.read_to_end(&mut told).map_err(|error| error.to_string())?;
    if told == GO { Ok(()) } else { Err("the broker ended before it said that this may start".to_owned()) }
}

fn texts(texts: &[Vec<u8>]) -> Result<Vec<CString>, String> {
    let all: Result<Vec<CString>, _> = texts.iter().map(|text| CString::new(text.clone())).collect();
    all.map_err(|_| "an argument or variable holds NUL".to_owned())
}

/// The file passed as standard input, moved to a higher descriptor. The interpreter of a script opens it again, so the
/// descriptor must stay open.
fn program_file() -> Result<OwnedFd, String> {
    let closing = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    let mut start = [0; 2];
    let file = File::from(closing.try_clone().map_err(|error| error.to_string())?);
    // Not where the broker stopped reading: it may just have hashed it.
    let is_script = file.read_at(&mut start, 0).is_ok_and(|n| n == 2) && start == *b"#!";
    if !is_script {
        return Ok(closing);
    }
    nix::unistd::dup(closing.as_fd()).map_err(|error| error.to_string())
}

fn replace_stdin(path: Option<&Path>) -> Result<(), String> {
    let path = path.unwrap_or(Path::new("/dev/null"));
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    nix::unistd::dup2_stdin(file.as_fd()).map_err(|error| error.to_string())
}
