//! A command of the broker's operator is told what waits for people, was refused, or ended: requests live for minutes.
//!
//! It gets JSON on its standard input, as that of `undersign queue --notify`. Nothing in it authorizes anything, and
//! nothing waits for it.

use std::sync::mpsc::{SyncSender, sync_channel};

use serde::Serialize;

use super::run::request_of;
use super::{Broker, Known};
use crate::change::visible;
use crate::clock::now;
use crate::command::receipt::{Ended, Run};
use crate::command::request::{PreviewBy, Request};
use crate::command::{Counted, Verdict, in_force};
use crate::notices;
use crate::policy::Policy;
use crate::record::RecordId;

const SCHEMA: &str = "undersign-command-notice/v0";
/// Notices that wait for the command; of more, none is told.
const MOST: usize = 64;
/// Characters of any one text.
const MAX_TEXT: usize = 300;

/// Where notices go: to a thread that runs the command for one after the other.
pub(super) type Notices = SyncSender<Vec<u8>>;

#[derive(Default, Serialize)]
struct Notice {
    schema: &'static str,
    kind: &'static str,
    request: String,
    target: String,
    /// The entry of the policy; empty if none fits.
    entry: String,
    argv: String,
    operator: String,
    why: String,
    preview: bool,
    destroys: u64,
    replaces: u64,
    unclear: u64,
    /// Seconds since the epoch.
    until: u64,
    /// Who refused it.
    by: String,
    /// Why it was refused, or could not be started.
    reason: String,
    /// How it ended.
    outcome: String,
    code: u64,
}

/// Starts the thread that tells a command; none if there is none.
pub(super) fn start(command: &[String]) -> Option<Notices> {
    if command.is_empty() {
        return None;
    }
    let (sender, notices) = sync_channel::<Vec<u8>>(MOST);
    let command = command.to_vec();
    std::thread::spawn(move || {
        for notice in notices {
            if let Err(why) = notices::tell_once(&command, &notice) {
                eprintln!("undersign: no notice of a request was sent: {}", visible::lines(&why));
            }
        }
    });
    Some(sender)
}

impl Broker {
    /// A request was admitted, and waits for people.
    pub(super) fn tell_waits(&self, policy: &Policy, id: RecordId, target: &str, request: &Request) {
        self.tell(policy, Notice { kind: "waits", ..about(id, target, request) }, request);
    }

    /// A run ended.
    pub(super) fn tell_ended(&self, known: &Known, id: RecordId, end: &Ended) {
        let Some((target, request)) = request_of(known, id) else { return };
        let (outcome, code) = (end.outcome.name().to_owned(), end.code.0);
        self.tell(&known.policy, Notice { kind: "ended", outcome, code, ..about(id, &target, &request) }, &request);
    }

    /// A request that may start could not be started, and waits.
    pub(super) fn tell_failed(&self, known: &Known, id: RecordId, why: &str) {
        let Some((target, request)) = request_of(known, id) else { return };
        self.tell(
            &known.policy,
            Notice { kind: "failed", reason: text(why), ..about(id, &target, &request) },
            &request,
        );
    }

    /// Somebody refused an open request, and it counts. `new` are the records that just arrived.
    pub(super) fn tell_refused(&self, known: &Known, new: &[RecordId]) {
        if new.is_empty() || self.notices.is_none() {
            return;
        }
        let (now, received) = (now(), self.state.memory().received);
        let counted = in_force(&known.policy, &known.authorizations, &received, now);
        for one in counted.iter().filter(|one| new.contains(&one.record.id())) {
            let own = one.authorization();
            let Some((id, run, request)) = refused(known, one) else { continue };
            if request.not_after.seconds() > now {
                let (by, reason) = (text(&own.principal), text(&own.reason));
                let notice = Notice { kind: "refused", by, reason, ..about(id, &run.target, request) };
                self.tell(&known.policy, notice, request);
            }
        }
    }

    /// What runs unasked is nobody's concern.
    fn tell(&self, policy: &Policy, notice: Notice, request: &Request) {
        let target = policy.target(&notice.target);
        let entry = target.and_then(|target| target.entry(&request.command.argv, &request.command.input_paths()));
        let Some(notices) = self.notices.as_ref().filter(|_| entry.is_none_or(|entry| !entry.unasked)) else { return };
        let mut bytes = serde_json::to_vec(&notice).unwrap_or_default();
        bytes.push(b'\n');
        if notices.try_send(bytes).is_err() {
            eprintln!("undersign: no notice of a request was sent: {MOST} notices wait for the command.");
        }
    }
}

/// The request that a record in force refuses, unless it was started.
fn refused<'k>(known: &'k Known, one: &Counted<'_>) -> Option<(RecordId, &'k Run, &'k Request)> {
    let own = one.authorization();
    let id: RecordId = own.request.id.parse().ok().filter(|_| one.is(Verdict::Refuse))?;
    let run = known.own.records.iter().find(|record| record.id() == id)?.run();
    let digest = run.command_digest().map(|digest| digest.to_string());
    let is_of_it = run.target == own.target && digest.as_ref() == Some(&own.command);
    let is_started = known.own.records.iter().any(|record| record.run().about() == Some(own.request.id.as_str()));
    Some((id, run, run.admitted().filter(|_| is_of_it && !is_started)?))
}

fn about(id: RecordId, target: &str, request: &Request) -> Notice {
    let preview = &request.preview;
    let argv: Vec<&str> = request.command.argv.iter().map(String::as_str).collect();
    Notice {
        schema: SCHEMA,
        request: id.to_string(),
        target: text(target),
        entry: text(&request.command.entry),
        argv: text(&argv.join(" ")),
        operator: text(&request.asked.operator),
        why: text(&request.why),
        preview: preview.by == PreviewBy::Broker,
        destroys: preview.destroys.0,
        replaces: preview.replaces.0,
        unclear: preview.unclear.0,
        until: request.not_after.0,
        ..Notice::default()
    }
}

fn text(text: &str) -> String {
    visible::text(text).chars().take(MAX_TEXT).collect()
}
