//! What the state of a gate says of it: restored, ahead of the clock, on several hosts, and whether its log is whole.

use std::path::Path;

use super::Finding::{self, Bad, Good, Note};
use super::hook::others_may_write;
use crate::change::{counted, visible};
use crate::gate::CLOCK_SKEW;
use crate::gate_state;

/// Hosts that are told apart in a log.
const MAX_HOSTS: usize = 1_000;
/// Two hosts that take turns within so many seconds are no move: a week.
const TURNS: i64 = 7 * 24 * 3600;

/// A state that was restored, and stops the gate until somebody answers.
pub(super) fn restored(dir: &Path) -> Option<Finding> {
    let made = gate_state::restored(dir).ok()??;
    let made = timestamp(made);
    Some(Bad(format!(
        "The gate's state is from a backup of {made}, and nobody answered yet for what it may lack, so nothing lands \
         (RESTORED). Look at what protected refs show, then: `undersign gate accept --restored --because …`."
    )))
}

/// A clock that ran ahead when something was let through, and stops the gate until then.
pub(super) fn clock(dir: &Path) -> Option<Finding> {
    let (seen, now) = (gate_state::clock(dir).ok()?, crate::clock::now());
    (now.saturating_add(CLOCK_SKEW) < seen).then(|| {
        Bad(format!(
            "The gate last let a push through at {}, and it is {} now, so nothing lands (TIME). If the clock is wrong \
             now, set it. If it was wrong then, take it back: `undersign gate accept --clock --because …`.",
            timestamp(seen),
            timestamp(now)
        ))
    })
}

fn timestamp(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}

/// A second state of the same repository: each gate knows only what it judged itself.
pub(super) fn other_state(state: &Path, own: &Path) -> Option<Finding> {
    let is_other = std::fs::canonicalize(state).ok() != std::fs::canonicalize(own).ok();
    (is_other && own.join("log.jsonl").exists()).then(|| {
        Note(format!(
            "There is another state of a gate in {}, beside the one that the hook uses. Whatever a gate with that state \
             judged, this one did not see: one repository has one state. Set the other one aside if nothing uses it.",
            visible::line(own.as_os_str().as_encoded_bytes())
        ))
    })
}

/// Whether a host went on with a state that another had gone on with meanwhile.
#[derive(Default)]
struct Hosts {
    /// Until when each had it.
    left: std::collections::HashMap<String, i64>,
    now: Option<String>,
    turn: Option<(String, i64)>,
}

impl Hosts {
    fn line(&mut self, at: i64, note: &str, host: String) {
        let before = self.now.take().or_else(|| first_host(note));
        if let Some(before) = before.filter(|_| self.left.len() < MAX_HOSTS) {
            self.left.insert(before, at);
        }
        if self.left.get(&host).is_some_and(|left| at - left <= TURNS) {
            self.turn = Some((host.clone(), at));
        }
        self.now = Some(host);
    }

    fn told(self) -> Option<Finding> {
        let (host, at) = self.turn?;
        let at = timestamp(at);
        Some(Bad(format!(
            "Several hosts take turns at this state: {} went on with it at {at}, after another had. Locks may not hold \
             between hosts, so let one host run the gate. `undersign gate log` lists them as `moved`.",
            visible::text(&host)
        )))
    }
}

/// The first line about hosts also names the one before.
fn first_host(note: &str) -> Option<String> {
    let (_, before) = note.split_once("; before, it ran on ")?;
    Some(before.strip_suffix(". One state belongs to one host.")?.to_owned())
}

pub(super) fn log(dir: &Path) -> Vec<Finding> {
    if !dir.exists() {
        return Vec::new();
    }
    let mut found: Vec<_> = others_may_write(dir, "the gate's state").into_iter().collect();
    let mut hosts = Hosts::default();
    let mut look = |entry: gate_state::Entry, _: &_| {
        if let (Some(host), Some(note)) = (entry.host, entry.note) {
            hosts.line(entry.at, &note, host);
        }
    };
    let read = gate_state::log_of(dir).and_then(|log| log.visit(&mut look));
    // A log can be read without the memory; no gate goes on without it.
    found.extend(gate_state::has_memory(dir).err().filter(|_| read.is_ok()).map(Bad));
    found.push(match read {
        Err(why) => Bad(why),
        Ok(log) => {
            let lines = counted(usize::try_from(log.lines).unwrap_or(usize::MAX), "line");
            match log.missing.last() {
                None => Good(format!("The log of verdicts is whole: {lines}.")),
                Some((1, last)) => Note(format!(
                    "The log of verdicts begins after line {last}: earlier parts were put away, or deleted. From there \
                     on it is whole: {lines}."
                )),
                Some((first, last)) => Bad(format!(
                    "Lines {first} to {last} of the log of verdicts were deleted. Restore them from a backup; the rest \
                     is whole: {lines}."
                )),
            }
        }
    });
    found.extend(hosts.told());
    found
}
