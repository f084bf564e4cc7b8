//! What a gate that only reports would have refused, as its log tells it. Pure: lines come in one by one, and what is
//! kept of them does not grow with the log.
//!
//! The promise: each push of the period that was judged and let through without permission is counted once, and
//! nothing else is. A push that builds on one of those is told apart: whether it alone would have landed is not known.

mod render;
mod tally;

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

use super::report::{Shown, Time};
use crate::gate::{AuditHead, Code, Decided};
use crate::gate_state::{Entry, EntryRef, Extent, LANDED, PROBE, RECORDED};
use tally::Tally;

pub use render::{Format, write};

/// Members may be added under this name; none is removed or changes its meaning.
const SCHEMA: &str = "undersign-trial/v1";
/// The days before the last push of a trial by which it is said whether a team is ready.
pub const WINDOW: i64 = 14;
/// The fewest pushes of these days that needed a signature.
pub const ENOUGH: u64 = 20;
/// The most of them that may be refused, in percent.
pub const PERCENT: u64 = 5;
/// How many refused pushes are listed one by one, the newest.
const MAX_LISTED: usize = 500;
/// How many refs of one push are listed.
const MAX_REFS: usize = 20;
/// How many refs that show what would have been refused are followed.
const MAX_TIPS: usize = 10_000;
/// The longest name of a ref that is followed, in bytes.
const MAX_NAME: usize = 1_024;
const DAY: i64 = 86_400;

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    /// Allowed by records.
    Signed,
    /// Allowed, and nothing had to be signed.
    Free,
    /// Refused.
    Refused,
    /// It could not be judged.
    Undecidable,
    /// Refused, and it builds on what would have been refused before.
    BuildsOn,
}

/// How many pushes were of which kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    pub signed: u64,
    pub free: u64,
    pub refused: u64,
    pub undecidable: u64,
    pub builds_on: u64,
}

impl Counts {
    fn add(&mut self, class: Class) {
        *match class {
            Class::Signed => &mut self.signed,
            Class::Free => &mut self.free,
            Class::Refused => &mut self.refused,
            Class::Undecidable => &mut self.undecidable,
            Class::BuildsOn => &mut self.builds_on,
        } += 1;
    }

    fn plus(self, other: Counts) -> Counts {
        Counts {
            signed: self.signed + other.signed,
            free: self.free + other.free,
            refused: self.refused + other.refused,
            undecidable: self.undecidable + other.undecidable,
            builds_on: self.builds_on + other.builds_on,
        }
    }

    /// Everything that would not have landed.
    fn stopped(self) -> u64 {
        self.refused + self.undecidable + self.builds_on
    }

    fn all(self) -> u64 {
        self.stopped() + self.signed + self.free
    }

    /// What was judged by itself, and needed a signature.
    fn telling(self) -> u64 {
        self.signed + self.refused + self.undecidable
    }
}

/// Whether the team can enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    NoTrial,
    TooEarly,
    NotReady,
    Ready,
}

/// All pushes that have one reason in common; of several reasons, each counts.
#[derive(Debug, Clone, Serialize)]
struct Group {
    reason: Shown,
    pushes: u64,
    builds_on: u64,
    first: Time,
    last: Time,
    missing: Tally,
    refs: Tally,
    people: Tally,
}

/// One push that would have been refused.
#[derive(Debug, Clone, Serialize)]
struct Stopped {
    line: u64,
    at: Time,
    pusher: Option<Shown>,
    class: Class,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    proposal: bool,
    refs: Vec<StoppedRef>,
    more_refs: usize,
}

#[derive(Debug, Clone, Serialize)]
struct StoppedRef {
    #[serde(rename = "ref")]
    name: Shown,
    old: Shown,
    new: Shown,
    outcome: Shown,
    reasons: Vec<Shown>,
    why: Vec<Shown>,
}

/// The log that was read.
#[derive(Debug, Clone, Serialize)]
struct Read {
    lines: u64,
    head: Option<AuditHead>,
    missing: Vec<(u64, u64)>,
}

/// The report.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    version: &'static str,
    repository: Shown,
    from: Option<Time>,
    to: Option<Time>,
    first: Option<Time>,
    last: Option<Time>,
    pushes: Counts,
    proposals: u64,
    enforced: u64,
    pub readiness: Readiness,
    says: Vec<String>,
    reasons: Vec<Group>,
    people: Tally,
    stopped: VecDeque<Stopped>,
    not_listed: u64,
    log: Read,
}

/// A report that is being made.
pub struct Trial {
    from: Option<i64>,
    to: Option<i64>,
    counts: Counts,
    proposals: u64,
    enforced: u64,
    span: Option<(i64, i64)>,
    /// The last days.
    days: BTreeMap<i64, Counts>,
    groups: BTreeMap<String, Group>,
    people: Tally,
    stopped: VecDeque<Stopped>,
    not_listed: u64,
    /// Refs that show what would have been refused.
    tips: HashMap<String, String>,
}

impl Trial {
    /// Of all pushes from a second to a second, both included.
    pub fn new(from: Option<i64>, to: Option<i64>) -> Trial {
        Trial {
            from,
            to,
            counts: Counts::default(),
            proposals: 0,
            enforced: 0,
            span: None,
            days: BTreeMap::new(),
            groups: BTreeMap::new(),
            people: Tally::default(),
            stopped: VecDeque::new(),
            not_listed: 0,
            tips: HashMap::new(),
        }
    }

    /// The next line of the log.
    pub fn line(&mut self, entry: &Entry, head: &AuditHead) {
        let is_verdict = ![LANDED, RECORDED].contains(&entry.outcome.as_str()) && entry.note.is_none();
        let is_probe = !entry.refs.is_empty() && entry.refs.iter().all(|moved| moved.name == PROBE);
        let is_within = self.from.is_none_or(|from| from <= entry.at) && self.to.is_none_or(|to| entry.at <= to);
        if is_verdict && !is_probe && is_within {
            if entry.enforced { self.enforced += 1 } else { self.count(entry, head) }
        }
        if !entry.proposal && entry.outcome != LANDED {
            self.follow(entry);
        }
    }

    fn count(&mut self, entry: &Entry, head: &AuditHead) {
        let class = self.class(entry);
        self.counts.add(class);
        self.proposals += u64::from(entry.proposal);
        let (first, last) = self.span.unwrap_or((entry.at, entry.at));
        self.span = Some((first.min(entry.at), last.max(entry.at)));
        self.days.entry(entry.at.div_euclid(DAY)).or_default().add(class);
        let newest = self.days.last_key_value().map_or(0, |(day, _)| *day);
        self.days.retain(|day, _| *day > newest.saturating_sub(WINDOW));
        if matches!(class, Class::Signed | Class::Free) {
            return;
        }
        self.people.add(entry.pusher.as_deref().unwrap_or("not named"));
        self.group(entry, class);
        if self.stopped.len() == MAX_LISTED {
            self.stopped.pop_front();
            self.not_listed += 1;
        }
        self.stopped.push_back(Stopped::of(entry, head, class));
    }

    fn class(&self, entry: &Entry) -> Class {
        if entry.outcome == Decided::Allow.name() {
            let is_signed = entry.refs.iter().any(|moved| !moved.records.is_empty());
            return if is_signed { Class::Signed } else { Class::Free };
        }
        let builds_on = |moved: &EntryRef| {
            self.tips.get(&moved.name) == Some(&moved.old)
                && moved.reasons.iter().any(|reason| reason == Code::NotAState.name())
        };
        if refused(entry).count() > 0 && refused(entry).all(builds_on) {
            return Class::BuildsOn;
        }
        if entry.outcome == Decided::Undecidable.name() { Class::Undecidable } else { Class::Refused }
    }

    /// Each reason once for a push, with each of the refs that have it.
    fn group(&mut self, entry: &Entry, class: Class) {
        let mut counted: Vec<&str> = Vec::new();
        for moved in refused(entry) {
            let mut of_ref: Vec<&str> = Vec::new();
            for (at, reason) in moved.reasons.iter().enumerate() {
                // There are few codes; whoever wrote another into the log makes no more groups than these.
                let name = Code::ALL.iter().map(|code| code.name()).find(|name| name == reason).unwrap_or("OTHER");
                let group = self.groups.entry(name.to_owned()).or_insert_with(|| Group::new(name, entry.at));
                if !counted.contains(&name) {
                    counted.push(name);
                    group.push(entry, class);
                }
                if !of_ref.contains(&name) {
                    of_ref.push(name);
                    group.refs.add(&moved.name);
                }
                if let Some(why) = moved.why.get(at) {
                    group.missing.add(why);
                }
            }
        }
    }

    /// Everything lands on trial: what a ref shows then, and that it would have been refused.
    fn follow(&mut self, entry: &Entry) {
        for moved in &entry.refs {
            let is_gone = moved.new.bytes().all(|b| b == b'0');
            let is_let = [Decided::Allow.name(), RECORDED].contains(&moved.outcome.as_str());
            if is_let || is_gone {
                self.tips.remove(&moved.name);
            } else if !entry.enforced
                && moved.name.len() <= MAX_NAME
                && moved.new.len() <= 64
                && (self.tips.len() < MAX_TIPS || self.tips.contains_key(&moved.name))
            {
                self.tips.insert(moved.name.clone(), moved.new.clone());
            }
        }
    }

    /// The report, after the last line.
    pub fn report(self, repository: &str, log: Extent) -> Report {
        let recent = self.days.values().fold(Counts::default(), |sum, day| sum.plus(*day));
        let mut reasons: Vec<Group> = self.groups.into_values().collect();
        reasons.sort_by(|a, b| b.pushes.cmp(&a.pushes).then_with(|| a.reason.cmp(&b.reason)));
        let readiness = readiness(self.counts, recent);
        let mut says = vec![headline(self.counts, self.proposals)];
        says.extend(others(self.counts));
        says.push(verdict(readiness, recent, self.span));
        Report {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            repository: Shown::of(repository),
            from: self.from.map(Time),
            to: self.to.map(Time),
            first: self.span.map(|(first, _)| Time(first)),
            last: self.span.map(|(_, last)| Time(last)),
            pushes: self.counts,
            proposals: self.proposals,
            enforced: self.enforced,
            readiness,
            says,
            reasons,
            people: self.people,
            stopped: self.stopped,
            not_listed: self.not_listed,
            log: Read { lines: log.lines, head: log.head, missing: log.missing },
        }
    }
}

/// The refs of a push that stopped it.
fn refused(entry: &Entry) -> impl Iterator<Item = &EntryRef> {
    entry.refs.iter().filter(|moved| moved.outcome != Decided::Allow.name())
}

impl Group {
    fn new(name: &str, at: i64) -> Group {
        Group {
            reason: Shown::of(name),
            pushes: 0,
            builds_on: 0,
            first: Time(at),
            last: Time(at),
            missing: Tally::default(),
            refs: Tally::default(),
            people: Tally::default(),
        }
    }

    fn push(&mut self, entry: &Entry, class: Class) {
        self.pushes += 1;
        self.builds_on += u64::from(class == Class::BuildsOn);
        self.first = self.first.min(Time(entry.at));
        self.last = self.last.max(Time(entry.at));
        self.people.add(entry.pusher.as_deref().unwrap_or("not named"));
    }
}

impl Stopped {
    fn of(entry: &Entry, head: &AuditHead, class: Class) -> Stopped {
        let short = |texts: &[String]| texts.iter().take(MAX_REFS).map(|text| Shown::of(text)).collect();
        let of = |moved: &EntryRef| StoppedRef {
            name: Shown::of(&moved.name),
            old: Shown::of(&moved.old),
            new: Shown::of(&moved.new),
            outcome: Shown::of(&moved.outcome),
            reasons: short(&moved.reasons),
            why: short(&moved.why),
        };
        Stopped {
            line: head.seq,
            at: Time(entry.at),
            pusher: entry.pusher.as_deref().map(Shown::of),
            class,
            proposal: entry.proposal,
            refs: refused(entry).take(MAX_REFS).map(of).collect(),
            more_refs: refused(entry).count().saturating_sub(MAX_REFS),
        }
    }
}

fn readiness(all: Counts, recent: Counts) -> Readiness {
    let is_too_much = (recent.refused + recent.undecidable) * 100 > recent.telling() * PERCENT;
    match () {
        () if all.all() == 0 => Readiness::NoTrial,
        () if recent.undecidable > 0 => Readiness::NotReady,
        () if recent.telling() < ENOUGH => Readiness::TooEarly,
        () if is_too_much => Readiness::NotReady,
        () => Readiness::Ready,
    }
}

fn pushes(n: u64) -> String {
    if n == 1 { "1 push".to_owned() } else { format!("{n} pushes") }
}

fn headline(counts: Counts, proposals: u64) -> String {
    let what = if proposals > 0 { " and proposals" } else { "" };
    let mut parts = Vec::new();
    let mut part = |n: u64, why: &str| parts.extend((n > 0).then(|| format!("{n} {why}")));
    part(counts.refused, "for what they bring");
    part(counts.undecidable, "because the gate could not judge them");
    part(counts.builds_on, "because they build on what would have been refused before");
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("{} of {}{what} would have been refused{parts}.", counts.stopped(), pushes(counts.all()))
}

fn others(counts: Counts) -> Option<String> {
    let landed = counts.signed + counts.free;
    (landed > 0).then(|| {
        format!("Of the other {landed}, {} rest on signatures, and {} needed none.", counts.signed, counts.free)
    })
}

/// The sentence that says whether the team can enforce, and what to do.
fn verdict(readiness: Readiness, recent: Counts, span: Option<(i64, i64)>) -> String {
    let last = span.map_or_else(String::new, |(_, last)| Time(last).to_string());
    let day = last.get(..10).unwrap_or(&last);
    let telling = recent.telling();
    let stopped = recent.refused + recent.undecidable;
    match readiness {
        Readiness::NoTrial => {
            "Nothing can be said: the log has no push of this period that was judged with --report-only. `undersign \
             gate install DIR --report-only` begins a trial."
                .to_owned()
        }
        Readiness::TooEarly => {
            let built = if recent.builds_on > 0 {
                " After `undersign gate record`, the next push is judged for what it brings alone."
            } else {
                ""
            };
            format!(
                "It is too early to say: in the {WINDOW} days to {day}, {telling} of {} needed a signature and were \
                 judged for what they bring; at least {ENOUGH} must.{built}",
                pushes(recent.all())
            )
        }
        Readiness::NotReady if recent.undecidable > 0 => format!(
            "Not ready to enforce: in the {WINDOW} days to {day}, the gate could not judge {}. The reasons below say \
             what to put right.",
            pushes(recent.undecidable)
        ),
        Readiness::NotReady => format!(
            "Not ready to enforce: of {} in the {WINDOW} days to {day} that needed a signature, {stopped} would have \
             been refused, which is more than {PERCENT} %.",
            pushes(telling)
        ),
        Readiness::Ready => format!(
            "Ready to enforce: of {} in the {WINDOW} days to {day} that needed a signature, {stopped} would have been \
             refused. `undersign gate install DIR`, without --report-only, does it.",
            pushes(telling)
        ),
    }
}

#[cfg(test)]
mod tests;
