//! The preview of a command: made by the broker, from the bytes that it bound, before anybody is asked.
//!
//! A plan is shown by the requested program itself, in an account of its own that has no secrets and runs no commands:
//! nobody has authorized anything yet, and a run must not be disturbed or observed.

use std::fs::File;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Broker;
use super::child::{Limits, Spec};
use super::group::Group;
use super::run::{Pipes, end, spawn};
use super::settings::TargetSettings;
use crate::command::preview::{Document, Method, plan, sql};
use crate::command::request::{Command, Input};

/// How long a program may take to show a plan.
const TIME: Duration = Duration::from_secs(60);
/// The most memory that each process of it may map, in bytes. A saved plan is compressed, and may hold anything.
const MAX_MEMORY: u64 = 4 << 30;
/// The limit for a plan in JSON, in bytes.
const MAX_JSON: u64 = 64 << 20;
/// How much of an error message is told.
const MAX_ERROR: usize = 200;

impl Broker {
    /// The preview of a command with these inputs.
    ///
    /// # Errors
    /// Why there is none: a sentence without a capital and a full stop, for people.
    pub(super) fn preview(
        &self,
        command: &Command,
        settings: &TargetSettings,
        inputs: &[(Input, Vec<u8>)],
    ) -> Result<Document, String> {
        let bytes = |wanted: &Input| {
            let own = inputs.iter().find(|(input, _)| input.role == wanted.role);
            own.map(|(_, bytes)| bytes.as_slice()).unwrap_or_default()
        };
        match Method::of(command)? {
            Method::Statements(script) => sql::preview(bytes(script)),
            Method::Plan(input) if !plan::is_archive(bytes(input)) => {
                Err("the plan is not a saved plan, but perhaps the name of one that is elsewhere".to_owned())
            }
            Method::Plan(input) => {
                let json = self.shown(command, settings, bytes(input))?;
                let name = command.program.path.rsplit('/').next().unwrap_or_default();
                plan::preview(&json, name)
            }
        }
    }

    /// What `show -json` writes about a plan.
    fn shown(&self, command: &Command, settings: &TargetSettings, plan: &[u8]) -> Result<Vec<u8>, String> {
        let account = self.previewer(settings)?;
        // One at a time: a requester could otherwise fill the machine with them.
        let _turn = self.previewing.lock().unwrap_or_else(PoisonError::into_inner);
        let program = self.hashed.open(Path::new(&command.program.path))?;
        if program.digest.to_string() != command.program.sha256 {
            return Err("the program changed meanwhile".to_owned());
        }
        let folder = PlanFolder::of(&self.state.dir, plan, account.map(|(_, gid)| gid))?;
        let group = Group::new("preview");
        let argv = [&command.program.path, "show", "-json", "-no-color", &folder.plan.display().to_string()];
        let spec = Spec {
            argv: argv.iter().map(|argument| argument.as_bytes().to_vec()).collect(),
            // No secret, and nothing that a draft may set.
            env: settings.env.iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect(),
            cwd: PathBuf::from(&settings.cwd),
            stdin: None,
            account,
            limits: Some(Limits { memory: MAX_MEMORY, seconds: TIME.as_secs() }),
            group: group.as_ref().ok().map(Group::procs),
            waits: false,
        };
        spec.write(&folder.spec)?;
        let failed = |error: std::io::Error| format!("`show` cannot be run: {error}");
        let mut child = spawn(&program.file, &folder.spec).map_err(failed)?;
        let pipes = Pipes::of(&mut child, MAX_JSON + 1);
        let is_ended = wait(&mut child);
        // Whatever it left behind holds its pipes open.
        drop(group);
        let (out, err) = pipes.join();
        if !is_ended {
            return Err(format!("`show` took more than {} s", TIME.as_secs()));
        }
        match child.wait() {
            Ok(status) if status.success() && out.len() as u64 <= MAX_JSON => Ok(out),
            Ok(status) if status.success() => Err(format!("the plan is more than {} MiB of JSON", MAX_JSON >> 20)),
            _ => Err(format!("`show` failed: {}", in_a_line(&err))),
        }
    }

    /// The account that shows plans; none if everything runs in the broker's own.
    fn previewer(&self, settings: &TargetSettings) -> Result<Option<(u32, u32)>, String> {
        if super::level::group(settings).is_none() {
            return Ok(None);
        }
        let Some((uid, gid)) = settings.preview else {
            return Err("the settings of the broker name no account that shows plans (`preview_uid`)".to_owned());
        };
        let is_taken = self.settings.operators.contains_key(&uid)
            || self.settings.ssh_uid == Some(uid)
            || self.settings.targets.values().any(|target| target.uid == uid);
        match is_taken || uid == 0 {
            true => Err(format!("account {uid} of `preview_uid` is that of somebody else")),
            false => Ok(Some((uid, gid))),
        }
    }
}

/// A folder for one preview, removed afterwards.
struct PlanFolder {
    dir: PathBuf,
    plan: PathBuf,
    spec: PathBuf,
}

impl PlanFolder {
    fn of(state: &Path, plan: &[u8], group: Option<u32>) -> Result<PlanFolder, String> {
        let dir = state.join("preview");
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", dir.display());
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).map_err(failed)?;
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o711)).map_err(failed)?;
        let folder = PlanFolder { plan: dir.join("plan"), spec: dir.join("spec"), dir: dir.clone() };
        let mut file = File::options().write(true).create_new(true).mode(0o440).open(&folder.plan).map_err(failed)?;
        std::io::Write::write_all(&mut file, plan).map_err(failed)?;
        if group.is_some() {
            std::os::unix::fs::fchown(&file, Some(0), group).map_err(failed)?;
        }
        Ok(folder)
    }
}

impl Drop for PlanFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Waits for the end, and kills what is left; false if it took too long.
fn wait(child: &mut Child) -> bool {
    const TICK: Duration = Duration::from_millis(10);
    let began = Instant::now();
    let is_ended = loop {
        match child.try_wait() {
            Ok(None) if began.elapsed() < TIME => std::thread::sleep(TICK),
            Ok(None) => break false,
            _ => break true,
        }
    };
    end(child, Signal::SIGKILL);
    is_ended
}

/// The start of an error message, in one line.
fn in_a_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || "│╷╵".contains(c)).filter(|w| !w.is_empty()).collect();
    let text = words.join(" ");
    text.chars().take(MAX_ERROR).collect()
}
