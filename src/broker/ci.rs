//! The broker as a job of CI: nothing stays on its disk, so its chain is the one at the remote, and a record counts
//! only once the remote took it. The push of `started` burns a request: of several jobs with the same key, one wins it.

use std::path::PathBuf;
use std::time::Duration;

use super::admit::Asker;
use super::run::{end_of, request_of};
use super::wire::{Refusal, Reply};
use super::{Broker, Captured, Known, ended, starts};
use crate::change::digest::Digest;
use crate::clock::now;
use crate::command::receipt::{Event, Outcome};
use crate::command::request::{Request, print};
use crate::command::{RunChain, RunRecord};
use crate::disk::write_atomically;
use crate::ledger::families::{Family as _, damaged_prefix_of, remote_prefix_of};
use crate::record::RecordId;
use crate::source::git::Repository;
use crate::sync::families::Sent;

/// How often a record is signed anew because another job was faster.
const TRIES: u32 = 5;
/// The pause before that, which grows: two jobs that lock the same ref may both fail.
const PAUSE: Duration = Duration::from_millis(200);

/// How a job says that a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The job that verified it ran it, and this is its exit code.
    Exit(u8),
    /// Nobody knows what it did, and somebody looked.
    Unknown,
}

impl Broker {
    /// Who asks within the job: its account belongs to nobody.
    pub fn asker() -> Asker {
        Asker::of_account(nix::unistd::geteuid().as_raw(), None)
    }

    /// Keeps an input that a job brings. It is used only if a request names its content.
    ///
    /// # Errors
    /// A sentence: it cannot be written.
    pub fn supply(&self, bytes: &[u8]) -> Result<(), String> {
        self.inputs.keep(Digest::of(bytes), bytes)
    }

    /// Burns a request that may start, for a job that runs the command itself. The arguments that it states must be
    /// those of the request.
    ///
    /// # Errors
    /// The answer to the job: nothing may run.
    pub fn verify(&self, id: RecordId, stated: Option<&[Vec<u8>]>) -> Result<Request, Refusal> {
        let mut known = self.known();
        self.refresh(&mut known);
        let answer = self.judge(&known, id);
        if !starts(&answer) {
            return Err(Box::new(self.reply(&known, id, &answer)));
        }
        let unknown = || Reply::refused(2, "REQUEST_UNKNOWN", "This broker admitted no such request.");
        let (target, request) = request_of(&known, id).ok_or_else(unknown)?;
        if stated.is_some_and(|stated| !is_stated(stated, &request)) {
            let text = format!("The job would run another command than the one requested: {}.", printed(&request));
            return Err(Reply::refused(2, "ARGV", text));
        }
        let settings = self.settings.targets.get(&target);
        let settings =
            settings.ok_or_else(|| Reply::refused(2, "ENV", "The settings have no such target any more."))?;
        self.take_from_ledger(&known, id)?;
        let placed = self.place(&target, &request, settings);
        let burnt = placed.and_then(|program| self.share_started(&mut known, (id, &target), program.digest, ""));
        let noted = burnt.and_then(|started| {
            let written = write_atomically(&self.mark(id), started.to_string().as_bytes());
            written.map_err(|error| {
                let text = format!("It is burnt and must not be run: {error}. Then `exec done {id} --unknown`.");
                Reply::refused(4, "LEDGER_FAULT", text)
            })
        });
        if let Err(reply) = noted {
            self.inputs.clear(&target);
            return Err(reply);
        }
        Ok(request)
    }

    /// Signs how a command ended that a job ran itself. Only where it was verified can anybody know.
    pub fn done(&self, id: RecordId, end: End) -> Reply {
        let mut known = self.known();
        self.refresh(&mut known);
        let refused = |text: &str| *Reply::refused(2, "REQUEST_UNKNOWN", text);
        let Some((target, _)) = request_of(&known, id) else {
            return refused("This broker admitted no such request.");
        };
        let own = std::fs::read_to_string(self.mark(id)).unwrap_or_default();
        let event = |known: &Known| {
            let no = |text: &str| Err(Reply::refused(2, "STARTED", text));
            let Some((started, began)) = start_of(&known.own, id) else { return no("It was not started.") };
            if end_of(known, id).is_some() {
                return no("How it ended is signed already.");
            }
            let (outcome, code, began) = match end {
                End::Exit(_) if own != started.to_string() => {
                    return no("Another job started it, so this one cannot say how it ended.");
                }
                End::Exit(code) => (Outcome::Exit, code, began),
                End::Unknown => (Outcome::Unknown, 0, 0),
            };
            Ok(Event::Ended(ended(&id.to_string(), outcome, code, (began, now()), &Captured::default())))
        };
        if let Err(reply) = self.share(&mut known, &target, &[], event) {
            return *reply;
        }
        let _ = std::fs::remove_file(self.mark(id));
        self.inputs.clear(&target);
        Reply { text: "How it ended is signed.".to_owned(), id: id.to_string(), ..Reply::default() }
    }

    /// Where it stands that this job, and no other, may run a request.
    fn mark(&self, id: RecordId) -> PathBuf {
        self.state.dir.join("runs").join(format!("{id}.started"))
    }

    /// Burns a request at the remote. It is judged anew before each try, since whoever was faster may have burnt it.
    pub(super) fn share_started(
        &self,
        known: &mut Known,
        (id, target): (RecordId, &str),
        program: Digest,
        surroundings: &str,
    ) -> Result<RecordId, Refusal> {
        self.share(known, target, &[], |known| {
            let answer = self.judge(known, id);
            match starts(&answer) {
                true => Ok(Event::Started(self.started(known, (id, target), &answer, (program, surroundings)))),
                false => Err(Box::new(self.reply(known, id, &answer))),
            }
        })
    }

    /// Signs an event that counts once the remote took it, and anew if another job was faster. What the remote did not
    /// take does not stay in the chain.
    pub(super) fn share(
        &self,
        known: &mut Known,
        target: &str,
        files: &[(Digest, Vec<u8>)],
        event: impl Fn(&Known) -> Result<Event, Refusal>,
    ) -> Result<RecordId, Refusal> {
        let failed = |why: String| Reply::refused(4, "LEDGER_FAULT", format!("Nothing was done: {why}"));
        let mut last = String::new();
        for pause in 0..TRIES {
            if pause > 0 {
                std::thread::sleep(PAUSE * pause);
                self.refresh(known);
            }
            let before = self.tip().map_err(failed)?;
            let id = self.sign(known, target, event(known)?, files.to_vec()).map_err(failed)?;
            let signed = self.tip().map_err(failed)?;
            let sent = match self.publish() {
                // Another job in the same repository may have put the chain back before it was sent.
                Sent::Taken if self.sent_tip().map_err(failed)? != signed => {
                    Sent::Overtaken("another job works in the same repository".to_owned())
                }
                sent => sent,
            };
            if sent == Sent::Taken {
                return Ok(id);
            }
            self.set_tip(known, before).map_err(failed)?;
            match sent {
                Sent::Overtaken(why) | Sent::Declined(why) => last = why,
                Sent::Away(why) => {
                    let text = format!("The remote may have taken the record or not ({why}). Look at the ledger.");
                    return Err(Reply::refused(4, "LEDGER_STALE", text));
                }
                Sent::Taken => {}
            }
        }
        Err(failed(format!("the remote did not take the record: {last}")))
    }

    /// Takes the remote's copy of the own chain, which was just fetched: that is all there is.
    pub(super) fn adopt(&self, repository: &Repository, known: &mut Known) -> Result<(), String> {
        let Some(remote) = &self.settings.remote else { return Err("There is no remote.".to_owned()) };
        let tip = |prefix: String| repository.raw.refname_to_id(&format!("{prefix}{}", self.id)).ok();
        // A copy with a fault is kept apart, and counts as it is: what it hides may be a run.
        let there = tip(damaged_prefix_of::<RunRecord>(remote)).or_else(|| tip(remote_prefix_of::<RunRecord>(remote)));
        self.set_tip(known, there)
    }

    fn name(&self) -> String {
        format!("{}{}", RunRecord::PREFIX, self.id)
    }

    fn tip(&self) -> Result<Option<git2::Oid>, String> {
        Ok(self.repository()?.raw.refname_to_id(&self.name()).ok())
    }

    /// What of the own chain the remote holds, as far as this repository has sent or seen it.
    fn sent_tip(&self) -> Result<Option<git2::Oid>, String> {
        let Some(remote) = &self.settings.remote else { return Err("There is no remote.".to_owned()) };
        let name = format!("{}{}", remote_prefix_of::<RunRecord>(remote), self.id);
        Ok(self.repository()?.raw.refname_to_id(&name).ok())
    }

    fn set_tip(&self, known: &mut Known, tip: Option<git2::Oid>) -> Result<(), String> {
        let (repository, name) = (self.repository()?, self.name());
        let done = match tip {
            Some(tip) => repository.raw.reference(&name, tip, true, "undersign: sync").map(|_| ()),
            None => match repository.raw.find_reference(&name) {
                Ok(mut reference) => reference.delete(),
                Err(_) => Ok(()),
            },
        };
        done.map_err(|error| format!("{name} cannot be written: {}", error.message()))?;
        known.own = self.chains.runs.own(&repository, &self.id);
        Ok(())
    }

    /// The status of a request that a job started and whose end nobody signed.
    pub(super) fn started_elsewhere(&self, own: &RunChain, id: RecordId) -> Reply {
        let began = start_of(own, id).map_or(0, |(_, began)| began);
        let record = own.records.iter().find(|record| record.id() == id);
        let time = record.and_then(|record| record.run().admitted()).map_or(0, |request| request.command.limits.time.0);
        let until = began.saturating_add(i64::try_from(time).unwrap_or(i64::MAX));
        let id = id.to_string();
        if now() <= until {
            let text = "A job started it, and it may run now.".to_owned();
            return Reply { code: 75, text, id, state: "running".to_owned(), ..Reply::default() };
        }
        let text = format!(
            "Unknown: a job started it at {}, and nobody signed how it ended. Look whether that job still runs and what the \
             command did. Nothing else starts at the target until `undersign exec done {id} --unknown`.",
            crate::datafile::date(began)
        );
        let (state, outcome) = ("ended".to_owned(), Outcome::Unknown.name().to_owned());
        Reply { code: 125, text, id, state, outcome, ..Reply::default() }
    }

    /// Keeps the inputs of a request that are stored with it.
    pub(super) fn take_from_ledger(&self, known: &Known, id: RecordId) -> Result<(), Refusal> {
        let record = known.own.records.iter().find(|record| record.id() == id);
        for bytes in record.iter().flat_map(|record| record.link.files.values()) {
            self.supply(bytes).map_err(|why| Reply::refused(4, "INPUT_MISMATCH", why))?;
        }
        Ok(())
    }
}

/// The record that started a request, and when.
fn start_of(own: &RunChain, id: RecordId) -> Option<(RecordId, i64)> {
    own.records.iter().find_map(|record| match &record.run().event {
        Event::Started(started) if started.request == id.to_string() => {
            Some((record.id(), record.run().issued_at.seconds()))
        }
        _ => None,
    })
}

/// Whether a job states the command of a request, with `{input:ROLE}` or the path itself for an input.
fn is_stated(stated: &[Vec<u8>], request: &Request) -> bool {
    let command = &request.command;
    let place = |argument: &Vec<u8>| {
        let text = print(argument);
        let role = text.strip_prefix("{input:").and_then(|rest| rest.strip_suffix('}'));
        let input = role.and_then(|role| command.inputs.iter().find(|input| input.role == role));
        input.map_or(text.clone(), |input| input.path.clone())
    };
    command.argv == stated.iter().map(place).collect::<Vec<_>>()
}

fn printed(request: &Request) -> String {
    crate::change::visible::text(&request.command.argv.join(" ")).into_owned()
}
