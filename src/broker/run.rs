//! The order of a run: judge, lock, open and hash, judge again, burn here and at the remote, and only then execute; the
//! end is signed, whatever it was. The process that becomes the command is there before the request is burnt, and
//! waits.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::admit::refuse_present;
use super::certificate::Prepared;
use super::child::{Failed, Spec, Start};
use super::files::OpenProgram;
use super::group::Group;
use super::settings::TargetSettings;
use super::wire::{Refusal, Reply};
use super::{Broker, Captured, Known, ended, level, policy_name, starts};
use crate::change::digest::Digest;
use crate::clock::now;
use crate::command::receipt::{Ended, Event, Outcome, Started, YesNo};
use crate::command::request::{Request, bytes};
use crate::command::{Answer, Claim, Code, Effect};
use crate::record::RecordId;
use crate::sync::families::Sent;

/// The time between TERM and KILL.
const GRACE: Duration = Duration::from_secs(5);
/// How often a run is checked.
const TICK: Duration = Duration::from_millis(10);
/// How often in its first moments: most commands are short.
const FIRST_TICK: Duration = Duration::from_millis(1);
/// How long these moments are.
const FIRST: Duration = Duration::from_millis(100);

/// How many times processes left by a run are searched for; any that remain then block the next run.
const SWEEPS: usize = 100;

/// A run that is ready to start.
struct Ready {
    /// The digest of the program.
    program: Digest,
    spec: PathBuf,
    /// The process that becomes the command; none once it may.
    waiting: Option<Waiting>,
    time: Duration,
    keep: u64,
    /// The account that must have no processes before and after; none if it is the broker's own.
    uid: Option<u32>,
    /// Its control group, or why it has none.
    group: Result<Group, String>,
    /// Where the group is written down.
    note: PathBuf,
    /// How it logs in, if it does.
    login: Option<Prepared>,
}

/// A process that becomes a command once it is told to. Until then it is ended with this.
struct Waiting {
    /// None once it was told.
    child: Option<Child>,
    id: i32,
    start: Start,
}

impl Waiting {
    fn new(child: Child, start: Start) -> Waiting {
        Waiting { id: i32::try_from(child.id()).unwrap_or_default(), child: Some(child), start }
    }

    /// Lets it become the command.
    ///
    /// # Errors
    /// It may not have been told.
    fn go(mut self) -> std::io::Result<Child> {
        self.start.go()?;
        self.child.take().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Ready {
    /// The spec holds secrets. The note stays if something in the group does not end.
    fn drop(&mut self) {
        self.waiting = None;
        let _ = std::fs::remove_file(&self.spec);
        if self.group.as_ref().map_or(Ok(()), Group::kill).is_ok() {
            let _ = std::fs::remove_file(&self.note);
        }
    }
}

impl Ready {
    /// What a receipt says of its control group.
    fn surroundings(&self) -> String {
        match &self.group {
            Ok(_) => "its processes are in a control group of their own, which is killed as a whole".to_owned(),
            Err(why) => format!("it has no control group: {why}"),
        }
    }
}

impl Broker {
    /// Starts a request, if it may start, and waits for its end.
    pub fn run(&self, id: RecordId) -> Reply {
        // Before git takes its time: a stop from here on counts.
        let _under_way = self.runs.begin(id);
        let mut known = self.known();
        self.look(&mut known);
        if !starts(&self.judge(&known, id)) {
            return self.not_started(known, id);
        }
        let (target, request) = match request_of(&known, id) {
            Some(found) => found,
            None => return *Reply::refused(2, "REQUEST_UNKNOWN", "This broker admitted no such request."),
        };
        self.runs.asked_by(id, &request.asked.by);
        let brought = if self.settings.is_ci { self.take_from_ledger(&known, id) } else { Ok(()) };
        // The disk takes its time, and so does what is prepared. Before the request is burnt, both must be done.
        let (saved, ready) = std::thread::scope(|scope| {
            let saving = scope.spawn(|| self.state.save());
            let ready = brought.and_then(|()| self.prepare(id, &target, &request));
            (saving.join().unwrap_or_else(|_| Err("What was seen cannot be kept.".to_owned())), ready)
        });
        if saved.is_err() {
            drop(ready);
            self.inputs.clear(&target);
            return self.not_started(known, id);
        }
        let ready = match ready {
            Ok(ready) => ready,
            Err(reply) => {
                self.inputs.clear(&target);
                return *reply;
            }
        };
        // Opening and copying took time: only the current judgement decides.
        let answer = self.judge(&known, id);
        if !starts(&answer) {
            self.inputs.clear(&target);
            return self.reply(&known, id, &answer);
        }
        if let Err(reply) = self.burn(&mut known, id, &target, &answer, &ready) {
            self.inputs.clear(&target);
            return *reply;
        }
        drop(known);
        self.ran(id, &target, ready)
    }

    /// Why a request does not start: by what is known now, once that is saved.
    fn not_started(&self, mut known: MutexGuard<'_, Known>, id: RecordId) -> Reply {
        let saved = self.state.save();
        known.saved(saved, None);
        let answer = self.judge(&known, id);
        match starts(&answer) {
            // It became allowed only now, or what was seen could not be saved. The caller has to try again.
            true => Reply { code: 75, ..self.reply(&known, id, &answer) },
            false => self.explained(known, id, answer),
        }
    }

    /// Executes a request that is burnt, and signs its end.
    fn ran(&self, id: RecordId, target: &str, mut ready: Ready) -> Reply {
        let began = now();
        let (mut outcome, mut code, output) = self.execute(id, &mut ready);
        self.inputs.clear(target);
        // If the process could not become the command, it reports that here instead.
        let failed = std::fs::read(&ready.spec).ok().and_then(|text| serde_json::from_slice::<Failed>(&text).ok());
        if failed.is_some() {
            (outcome, code) = (Outcome::NotRun, 0);
        }
        drop(ready);
        let mut reply = result(id, outcome, code, &output);
        if let Some(Failed { failed }) = failed {
            reply.text.push_str(&format!(" It could not be executed: {failed}."));
        }
        if outcome != Outcome::Stopped && self.runs.is_stopped(id) {
            let when = if outcome == Outcome::NotRun { "before it started" } else { "too late to end it" };
            reply.text.push_str(&format!(" Somebody stopped it, {when}."));
        }
        let end = ended(&id.to_string(), outcome, code, (began, now()), &output);
        // Each waits for the disk, and neither for the other.
        let said = std::thread::scope(|scope| {
            scope.spawn(|| self.keep_output(id, &output));
            self.say_ended(id, target, end)
        });
        reply.text.push_str(&said);
        reply
    }

    /// Signs the end of a run, and sends it. Returns what did not work.
    fn say_ended(&self, id: RecordId, target: &str, end: Ended) -> String {
        let mut known = self.known();
        if self.settings.is_ci {
            let shared = self.share(&mut known, target, &[], |_| Ok(Event::Ended(end.clone())));
            return shared
                .err()
                .map(|reply| format!(" Its end could not be signed: {}", reply.text))
                .unwrap_or_default();
        }
        let mut told = String::new();
        self.runs.ended(id, end);
        if let Err(why) = self.sign_ends(&mut known) {
            told.push_str(&format!(" Its end could not be signed, and is tried again: {why}"));
        }
        if let Sent::Overtaken(why) | Sent::Declined(why) | Sent::Away(why) = self.publish() {
            told.push_str(&format!(" The receipt did not reach the remote yet: {why}"));
        }
        told
    }

    /// Makes sure that the account of the run is free, and puts everything that it needs into place.
    fn prepare(&self, id: RecordId, target: &str, request: &Request) -> Result<Ready, Refusal> {
        let command = &request.command;
        let mismatch = |code: &str, text: String| Reply::refused(2, code, text);
        let Some(settings) = self.settings.targets.get(target) else {
            return Err(mismatch("ENV", format!("The settings have no [target.{target}] any more.")));
        };
        let is_own = level::proven(&self.settings, settings).0 >= crate::policy::Level::L2;
        let uid = is_own.then_some(settings.uid);
        if let Some(uid) = uid {
            level::nothing_lives(uid)
                .map_err(|why| Reply::refused(75, "BUSY", format!("Nothing starts while {why}.")))?;
        }
        let program = self.place(target, request, settings)?;
        let failed = |why: String| Reply::refused(4, "ENV", why);
        let group = Group::new(&id.to_string());
        if let Ok(group) = &group {
            self.state.note_group(id, group.dir()).map_err(failed)?;
        }
        let procs = group.as_ref().ok().map(Group::procs);
        let login = self.login(id, target, request, settings).map_err(failed)?;
        let (spec, start) = self.write_spec(id, request, settings, (procs, login.as_ref())).map_err(failed)?;
        let mut ready = Ready {
            program: program.digest,
            spec,
            waiting: None,
            time: Duration::from_secs(command.limits.time.0),
            keep: command.limits.output.0,
            uid,
            group,
            note: self.state.group_note(id),
            login,
        };
        let child = spawn(&program.file, &ready.spec);
        let child = child.map_err(|error| failed(format!("Its process cannot be started: {error}.")))?;
        ready.waiting = Some(Waiting::new(child, start));
        Ok(ready)
    }

    /// What a command needs that logs in at its target.
    fn login(
        &self,
        id: RecordId,
        target: &str,
        request: &Request,
        settings: &TargetSettings,
    ) -> Result<Option<Prepared>, String> {
        let Some(login) = &settings.ssh else { return Ok(None) };
        let dir = self.inputs.folder(target).map_err(|error| format!("The directory of {target}: {error}."))?;
        let account = level::group(settings).map(|gid| (settings.uid, gid));
        let prepared = Prepared::new(login, (id, target, &request.command), &dir, account);
        prepared.map(Some).map_err(|why| format!("There is no login: {why}."))
    }

    /// Opens and hashes the program, and puts its inputs into place.
    pub(super) fn place(
        &self,
        target: &str,
        request: &Request,
        settings: &TargetSettings,
    ) -> Result<OpenProgram, Refusal> {
        let command = &request.command;
        let mismatch = |code: &str, text: String| Reply::refused(2, code, text);
        let path = bytes(&command.program.path).and_then(|path| String::from_utf8(path).ok()).unwrap_or_default();
        let program = self.hashed.open(path.as_ref()).map_err(|why| mismatch("EXE_MISMATCH", why))?;
        if program.digest.to_string() != command.program.sha256 {
            let text = format!("{path} is no longer the requested program. Submit the request again.");
            return Err(mismatch("EXE_MISMATCH", text));
        }
        if command.entry.is_empty() {
            refuse_present(settings, &command.argv)?;
        }
        for input in &command.inputs {
            let digest: RecordId = input.sha256.parse().map_err(|_| mismatch("INPUT_MISMATCH", input.role.clone()))?;
            let placed = self.inputs.place(target, &input.role, digest, level::group(settings));
            let is_same = placed.as_ref().is_ok_and(|placed| *placed == digest);
            if !is_same || self.inputs.path(target, &input.role).display().to_string() != input.path {
                let why = placed.err().unwrap_or_else(|| "it differs from the requested file".to_owned());
                return Err(mismatch("INPUT_MISMATCH", format!("The input {}: {why}. Ask again.", input.role)));
            }
        }
        Ok(program)
    }

    fn write_spec(
        &self,
        id: RecordId,
        request: &Request,
        settings: &TargetSettings,
        (group, login): (Option<PathBuf>, Option<&Prepared>),
    ) -> Result<(PathBuf, Start), String> {
        let command = &request.command;
        let argv = match login {
            Some(login) => Some(login.argv.clone()),
            None => command.argv.iter().map(|argument| bytes(argument)).collect::<Option<Vec<_>>>(),
        };
        let mut env: Vec<Vec<u8>> =
            command.env.iter().map(|own| format!("{}={}", own.name, own.value).into_bytes()).collect();
        for name in &command.secrets {
            let path = settings.secrets.get(name).ok_or_else(|| format!("The secret {name} is not there any more."))?;
            let value = std::fs::read(path).map_err(|error| format!("The secret {name} cannot be read: {error}."))?;
            env.push([name.as_bytes(), b"=", value.strip_suffix(b"\n").unwrap_or(&value)].concat());
        }
        let stdin =
            command.inputs.iter().find(|input| input.role == command.stdin).map(|input| PathBuf::from(&input.path));
        let spec = Spec {
            argv: argv.ok_or("An argument is written in a way that it must not be.")?,
            env,
            cwd: PathBuf::from(&command.cwd),
            stdin,
            account: level::group(settings).map(|gid| (settings.uid, gid)),
            limits: None,
            group,
            waits: true,
        };
        let path = self.state.dir.join("runs").join(format!("{id}.spec"));
        let _ = std::fs::remove_file(&path);
        let start = spec.write_waiting(&path)?;
        Ok((path, start))
    }

    /// Records that the request is started: from here on it never starts again.
    fn burn(
        &self,
        known: &mut Known,
        id: RecordId,
        target: &str,
        answer: &Answer,
        ready: &Ready,
    ) -> Result<(), Refusal> {
        let program = ready.program;
        if self.settings.is_ci {
            return self.share_started(known, (id, target), program, &ready.surroundings()).map(|_| ());
        }
        let started = self.started(known, (id, target), answer, (program, &ready.surroundings()));
        let failed = |why: String| Reply::refused(4, "LEDGER_FAULT", format!("Nothing was started: {why}"));
        self.sign(known, target, Event::Started(started), Vec::new()).map_err(failed)?;
        let why = match (self.publish(), answer.claim) {
            (Sent::Taken, _) | (Sent::Away(_), Claim::Local) => return Ok(()),
            (Sent::Overtaken(why) | Sent::Declined(why), _) => {
                format!("the remote has another record in its place ({why})")
            }
            (Sent::Away(why), Claim::Published) => format!("the remote was not reached ({why})"),
        };
        let end = ended(&id.to_string(), Outcome::NotRun, 0, (0, now()), &Captured::default());
        self.runs.ended(id, end);
        // If it cannot be signed now, it is tried again.
        let _ = self.sign_ends(known);
        let text = format!("The request is burnt and was not started: {why}. Look at the ledger, then ask again.");
        Err(Reply::refused(4, "LEDGER_ROLLBACK", text))
    }

    /// The record of a start.
    pub(super) fn started(
        &self,
        known: &Known,
        (id, target): (RecordId, &str),
        answer: &Answer,
        (program, surroundings): (Digest, &str),
    ) -> Started {
        let settings = self.settings.targets.get(target);
        let (level, mut proofs) = settings.map_or_else(Default::default, |own| {
            let (level, proofs) = level::proven(&self.settings, own);
            (level.name().to_owned(), proofs)
        });
        proofs.extend(Some(surroundings.to_owned()).filter(|text| !text.is_empty()));
        Started {
            request: id.to_string(),
            authorizations: answer.authorizations.iter().map(ToString::to_string).collect(),
            emergency: if answer.is_emergency { YesNo::Yes } else { YesNo::No },
            policy: policy_name(&known.policy),
            level,
            proofs,
            program: program.to_string(),
        }
    }

    fn execute(&self, id: RecordId, ready: &mut Ready) -> (Outcome, u8, Captured) {
        let not_run = (Outcome::NotRun, 0, Captured::default());
        if self.runs.is_stopped(id) {
            return not_run;
        }
        let Some(waiting) = ready.waiting.take() else { return not_run };
        // Without an agent ssh cannot log in, and says so itself. The key is gone when this ends.
        let _agent = ready.login.take().map(|login| login.serve(waiting.id, now()));
        let Ok(mut child) = waiting.go() else { return (Outcome::Unknown, 0, Captured::default()) };
        let pipes = Pipes::of(&mut child, ready.keep);
        let (outcome, code) = self.wait(id, &mut child, ready);
        (outcome, code, pipes.captured())
    }

    /// Waits for the end, and kills what is left of it.
    fn wait(&self, id: RecordId, child: &mut Child, ready: &Ready) -> (Outcome, u8) {
        let began = Instant::now();
        let mut ending: Option<Ending> = None;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Err(_) => break None,
                Ok(None) => {}
            }
            if ending.is_none() {
                let is_over = began.elapsed() > ready.time;
                let why =
                    if self.runs.is_stopped(id) { Some(Outcome::Stopped) } else { is_over.then_some(Outcome::Timeout) };
                ending = why.map(|why| Ending { why, since: Instant::now(), is_told: false });
            }
            if let Some(ending) = &mut ending {
                ending.go_on(child);
            }
            std::thread::sleep(if began.elapsed() < FIRST { FIRST_TICK } else { TICK });
        };
        // Processes left in its groups, or in its account, must not see the next run.
        end(child, Signal::SIGKILL);
        if let Ok(group) = &ready.group {
            let _ = group.kill();
        }
        if let Some(uid) = ready.uid {
            sweep(uid);
        }
        match (ending, status) {
            // What was told to end and reports success ended by itself.
            (Some(ending), Some(status)) if ending.is_told && !status.success() => (ending.why, 0),
            (_, Some(status)) => how(status),
            (_, None) => (Outcome::Unknown, 0),
        }
    }

    /// Keeps what a command wrote. Of standard output there is always a file: it says that the command is over.
    fn keep_output(&self, id: RecordId, output: &Captured) {
        let dir = self.state.dir.join("runs");
        let written = [("stdout", &output.stdout), ("stderr", &output.stderr)];
        for (name, bytes) in written.into_iter().filter(|(name, bytes)| *name == "stdout" || !bytes.is_empty()) {
            let path = dir.join(format!("{id}.{name}"));
            let _ = crate::disk::write_atomically(&path, bytes);
            let _ = std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600));
        }
    }

    /// The output of a run that was kept.
    pub fn log(&self, id: RecordId) -> Reply {
        let known = self.known();
        let Some((outcome, code)) = end_of(&known, id) else {
            return *Reply::refused(75, "BUSY", "It has not ended.");
        };
        let read =
            |name: &str| std::fs::read(self.state.dir.join("runs").join(format!("{id}.{name}"))).unwrap_or_default();
        result(id, outcome, code, &Captured { stdout: read("stdout"), stderr: read("stderr"), bytes: 0 })
    }

    /// Asks for a run to stop.
    pub fn stop(&self, id: RecordId) -> Reply {
        if self.settings.is_ci {
            return *Reply::refused(2, "REQUEST_UNKNOWN", "A job runs it: cancel that job.");
        }
        if !self.runs.stop(id) {
            return *Reply::refused(2, "REQUEST_UNKNOWN", "It does not run now.");
        }
        Reply { text: "It is being ended.".to_owned(), id: id.to_string(), ..Reply::default() }
    }

    /// The status of a request.
    pub fn status(&self, id: RecordId) -> Reply {
        let mut known = self.known();
        if self.settings.is_ci {
            self.refresh(&mut known);
        }
        if let Some((outcome, code)) = end_of(&known, id) {
            return Reply {
                stdout: String::new(),
                stderr: String::new(),
                ..result(id, outcome, code, &Captured::default())
            };
        }
        if super::unfinished(&known.own).iter().any(|(request, _)| *request == id.to_string()) {
            if self.settings.is_ci {
                return self.started_elsewhere(&known.own, id);
            }
            let is_under_way = self.runs.is_under_way(id);
            let text = if is_under_way { "It runs now." } else { "It has ended, and its end is not signed yet." };
            return Reply {
                code: 75,
                text: text.to_owned(),
                id: id.to_string(),
                state: "running".to_owned(),
                ..Reply::default()
            };
        }
        if !self.settings.is_ci {
            self.refresh(&mut known);
        }
        let answer = self.judge(&known, id);
        if starts(&answer) { self.reply(&known, id, &answer) } else { self.explained(known, id, answer) }
    }

    pub(super) fn reply(&self, known: &Known, id: RecordId, answer: &Answer) -> Reply {
        let told = answer.reasons.iter().filter(|reason| reason.effect != Effect::Said || starts(answer));
        let mut lines: Vec<String> = told.map(|reason| format!("{}: {}", reason.code, reason.detail)).collect();
        lines.extend(known.alarms.iter().map(|alarm| format!("ALARM: {alarm}")));
        let state = match answer.decided.exit_code() {
            0 => "ready",
            75 => "waiting",
            2 => "over",
            _ => "undecidable",
        };
        if starts(answer) {
            lines.insert(0, format!("It may start: `undersign exec run {id}`."));
        }
        Reply {
            code: answer.decided.exit_code(),
            text: lines.join("\n"),
            id: id.to_string(),
            reasons: answer
                .reasons
                .iter()
                .map(|reason: &crate::command::Reason| Code::name(reason.code).to_owned())
                .collect(),
            state: state.to_owned(),
            ..Reply::default()
        }
    }
}

pub(super) fn request_of(known: &Known, id: RecordId) -> Option<(String, Request)> {
    let record = known.own.records.iter().find(|record| record.id() == id)?;
    Some((record.run().target.clone(), record.run().admitted()?.clone()))
}

pub(super) fn end_of(known: &Known, id: RecordId) -> Option<(Outcome, u8)> {
    known.own.records.iter().find_map(|record| match &record.run().event {
        Event::Ended(end) if end.request == id.to_string() => {
            Some((end.outcome, u8::try_from(end.code.0).unwrap_or(u8::MAX)))
        }
        _ => None,
    })
}

/// The result of a run, in the codes of `exec run`.
fn result(id: RecordId, outcome: Outcome, code: u8, output: &Captured) -> Reply {
    let (code, text) = match outcome {
        Outcome::Exit => (code, format!("It ended with exit code {code}.")),
        Outcome::Signal => (code.saturating_add(128), format!("It was ended by signal {code}.")),
        Outcome::Timeout => (124, "Its time was over, and it was ended.".to_owned()),
        Outcome::Stopped => (143, "Somebody stopped it.".to_owned()),
        Outcome::Unknown => (125, "Nobody knows what it did: the broker was cut off. Look.".to_owned()),
        Outcome::NotRun => (125, "It was burnt and did not run. Ask again.".to_owned()),
    };
    Reply {
        code,
        text,
        id: id.to_string(),
        state: "ended".to_owned(),
        outcome: outcome.name().to_owned(),
        stdout: Base64::encode_string(&output.stdout),
        stderr: Base64::encode_string(&output.stderr),
        ..Reply::default()
    }
}

fn how(status: ExitStatus) -> (Outcome, u8) {
    match (status.code(), status.signal()) {
        (Some(code), _) => (Outcome::Exit, u8::try_from(code).unwrap_or(u8::MAX)),
        (None, Some(signal)) => (Outcome::Signal, u8::try_from(signal).unwrap_or(u8::MAX)),
        (None, None) => (Outcome::Unknown, 0),
    }
}

/// Starts the process that becomes a command, of which the program is open and the rest in a spec file.
pub(super) fn spawn(program: &File, spec: &Path) -> std::io::Result<Child> {
    std::process::Command::new("/proc/self/exe")
        .args(["broker", "child"])
        .arg(spec)
        .env_clear()
        .stdin(Stdio::from(program.try_clone()?))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// What was kept of an output so far, and its total size.
type Kept = Arc<Mutex<(Vec<u8>, u64)>>;

/// The output of a process, read while it runs.
pub(super) struct Pipes([(JoinHandle<()>, Kept); 2]);

impl Pipes {
    /// Keeps up to a limit of each.
    pub fn of(child: &mut Child, keep: u64) -> Pipes {
        fn read(pipe: Option<impl Read + Send + 'static>, keep: u64) -> (JoinHandle<()>, Kept) {
            let output = Kept::default();
            let kept = output.clone();
            (std::thread::spawn(move || _ = pipe.map(|pipe| bounded(pipe, keep, &kept))), output)
        }
        Pipes([read(child.stdout.take(), keep), read(child.stderr.take(), keep)])
    }

    /// What was kept of standard output and standard error.
    pub fn join(self) -> (Vec<u8>, Vec<u8>) {
        let Captured { stdout, stderr, .. } = self.captured();
        (stdout, stderr)
    }

    /// Of a process that has ended. Something that it left behind may hold its output open: nobody waits long for that.
    fn captured(self) -> Captured {
        let since = Instant::now();
        while self.0.iter().any(|(thread, _)| !thread.is_finished()) && since.elapsed() < GRACE {
            std::thread::sleep(FIRST_TICK);
        }
        let taken = |output: &Mutex<(Vec<u8>, u64)>| {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            (std::mem::take(&mut output.0), output.1)
        };
        let [(stdout, one), (stderr, two)] = self.0.each_ref().map(|(_, output)| taken(output));
        Captured { stdout, stderr, bytes: one + two }
    }
}

/// Reads to the end, and keeps up to a limit.
fn bounded(mut pipe: impl Read, keep: u64, output: &Mutex<(Vec<u8>, u64)>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = pipe.read(&mut buffer) {
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        let room = usize::try_from(keep).unwrap_or(usize::MAX).saturating_sub(output.0.len());
        output.0.extend_from_slice(&buffer[..n.min(room)]);
        output.1 += n as u64;
    }
}

/// How a run is being ended.
struct Ending {
    why: Outcome,
    since: Instant,
    /// Whether a signal has arrived: not before the run has its session.
    is_told: bool,
}

impl Ending {
    fn go_on(&mut self, child: &mut Child) {
        if !self.is_told {
            self.is_told = end(child, Signal::SIGTERM);
        }
        if self.since.elapsed() > GRACE {
            self.is_told |= end(child, Signal::SIGKILL) || child.kill().is_ok();
        }
    }
}

/// Sends a signal to a run and to what it started in its group, which is the run's own as soon as it has a session.
/// Returns whether there is such a group.
pub(super) fn end(child: &Child, signal: Signal) -> bool {
    i32::try_from(child.id()).is_ok_and(|id| killpg(Pid::from_raw(id), signal).is_ok())
}

/// Kills all processes of an account, including those that dying processes create meanwhile.
fn sweep(uid: u32) {
    for _ in 0..SWEEPS {
        let alive = level::alive(uid).unwrap_or_default();
        if alive.is_empty() {
            return;
        }
        for id in alive {
            let _ = nix::sys::signal::kill(Pid::from_raw(id), Signal::SIGKILL);
        }
        std::thread::sleep(TICK);
    }
}
