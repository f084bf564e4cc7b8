//! What a gate that only reports would have refused, as its log tells it. Pure: lines come in one by one, and what is
//! kept of them does not grow with the log.
//!
//! The promise: each push of the period that was asked without enforcement is counted once, by its last verdict, also
//! if it could not be judged; and nothing else is. A push that builds on a refused one is told apart: whether it alone
//! would have landed is not known, so it counts as one that would have been refused. Nothing is called ready of which
//! something is not known.

mod render;
mod tally;

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

use super::report::{Shown, Time};
use crate::change::digest::Digest;
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
/// How many days are told apart; a log with more was not written by one clock.
const MAX_DAYS: usize = 20_000;
/// How many of the newest pushes are compared with those that follow, since the same may be tried again, and the bytes
/// that are kept for that.
const MAX_PENDING: usize = 20_000;
const MAX_PENDING_BYTES: usize = 32 << 20;

/// What is true of the gate when the report is made.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// SHA-256 of the policy in force, and that of the organization's file that it inherits from; none if nobody knows.
    pub policy: Option<(String, Option<String>)>,
    /// Why the gate would let nothing land if it refused, in sentences.
    pub faults: Vec<String>,
    /// When pushes were asked about which the log could not have a line.
    pub unlogged: Vec<i64>,
}

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

    /// What needed a signature, as far as anybody knows.
    fn asked(self) -> u64 {
        self.telling() + self.builds_on
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
    /// Verdicts on pushes that were asked again later, and count by the last.
    again: u64,
    /// Pushes about which the log has no line.
    unlogged: usize,
    /// Pushes of the last days that another policy judged.
    other_policy: u64,
    enforced: u64,
    pub readiness: Readiness,
    /// What keeps the team from enforcing.
    pub why: Vec<String>,
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
    now: Now,
    counts: Counts,
    proposals: u64,
    again: u64,
    enforced: u64,
    span: Option<(i64, i64)>,
    /// When the last push in the order of the log was asked: a date before it may be greater, if a clock was wrong.
    newest: i64,
    /// By the policy in force, and by others.
    days: BTreeMap<i64, (Counts, u64)>,
    /// The newest pushes; none where one was tried again. And the number of the first of them, of all.
    pending: VecDeque<Option<Push>>,
    first: usize,
    pending_bytes: usize,
    /// Where a push is in them.
    places: HashMap<Digest, usize>,
    /// The last line, and the greatest date of a line before which some are missing.
    seq: u64,
    after_gap: Option<i64>,
    groups: BTreeMap<String, Group>,
    people: Tally,
    stopped: VecDeque<Stopped>,
    not_listed: u64,
    /// Refs that show what would have been refused, and from where that moved them, if that was refused too.
    tips: HashMap<String, (String, Option<String>)>,
}

/// A push that counts, unless it is tried again.
struct Push {
    key: Digest,
    entry: Entry,
    head: AuditHead,
    class: Class,
    bytes: usize,
}

impl Trial {
    /// Of all pushes from a second to a second, both included.
    pub fn new(from: Option<i64>, to: Option<i64>, now: Now) -> Trial {
        Trial {
            from,
            to,
            now,
            counts: Counts::default(),
            proposals: 0,
            again: 0,
            enforced: 0,
            span: None,
            newest: 0,
            days: BTreeMap::new(),
            pending: VecDeque::new(),
            first: 0,
            pending_bytes: 0,
            places: HashMap::new(),
            seq: 0,
            after_gap: None,
            groups: BTreeMap::new(),
            people: Tally::default(),
            stopped: VecDeque::new(),
            not_listed: 0,
            tips: HashMap::new(),
        }
    }

    /// The next line of the log.
    pub fn line(&mut self, entry: &Entry, head: &AuditHead) {
        if head.seq != self.seq + 1 {
            self.after_gap = self.after_gap.max(Some(entry.at));
        }
        self.seq = head.seq;
        let is_verdict = ![LANDED, RECORDED].contains(&entry.outcome.as_str()) && entry.note.is_none();
        let is_probe = !entry.refs.is_empty() && entry.refs.iter().all(|moved| moved.name == PROBE);
        let is_within = self.from.is_none_or(|from| from <= entry.at) && self.to.is_none_or(|to| entry.at <= to);
        if is_verdict && !is_probe && is_within {
            if entry.enforced { self.enforced += 1 } else { self.keep(entry, head) }
        }
        if !entry.proposal && entry.outcome != LANDED {
            self.follow(entry);
        }
    }

    /// The same push may be tried again: another hook refused it, or a pipeline ran twice. The last verdict counts.
    fn keep(&mut self, entry: &Entry, head: &AuditHead) {
        let (key, class) = (key(entry), self.class(entry));
        let is_let = matches!(class, Class::Signed | Class::Free);
        let entry = if is_let { Entry { refs: Vec::new(), ..entry.clone() } } else { entry.clone() };
        let bytes = entry.refs.iter().map(size).sum::<usize>() + size_of::<Push>();
        let place = self.first + self.pending.len();
        if let Some(before) = self.places.insert(key, place)
            && let Some(before) = self.pending[before - self.first].take()
        {
            self.again += 1;
            self.pending_bytes -= before.bytes;
        }
        self.pending_bytes += bytes;
        self.pending.push_back(Some(Push { key, entry, head: head.clone(), class, bytes }));
        while self.pending.len() > MAX_PENDING || self.pending_bytes > MAX_PENDING_BYTES {
            self.count_first();
        }
    }

    fn count_first(&mut self) {
        let Some(first) = self.pending.pop_front() else { return };
        self.first += 1;
        if let Some(Push { key, entry, head, class, bytes }) = first {
            self.places.remove(&key);
            self.pending_bytes -= bytes;
            self.count(&entry, &head, class);
        }
    }

    fn count(&mut self, entry: &Entry, head: &AuditHead, class: Class) {
        self.counts.add(class);
        self.proposals += u64::from(entry.proposal);
        let (first, last) = self.span.unwrap_or((entry.at, entry.at));
        self.span = Some((first.min(entry.at), last.max(entry.at)));
        self.newest = entry.at;
        let policy = self.now.policy.as_ref();
        let is_of = |(policy, organization): &(String, Option<String>)| {
            entry.policy.as_ref() == Some(policy) && entry.organization == *organization
        };
        let (counts, others) = self.days.entry(entry.at.div_euclid(DAY)).or_default();
        if class == Class::Undecidable || policy.is_none_or(is_of) {
            counts.add(class)
        } else {
            *others += 1
        }
        if self.days.len() > MAX_DAYS {
            self.days.pop_first();
        }
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
            let (tip, before) =
                self.tips.get(&moved.name).map_or((None, None), |(tip, before)| (Some(tip), before.as_ref()));
            // Where the push is tried again, the ref did not move.
            [tip, before].contains(&Some(&moved.old))
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
                let is_on =
                    |(tip, before): &(String, Option<String>)| *tip == moved.old || before.as_ref() == Some(&moved.old);
                let before = self.tips.get(&moved.name).is_some_and(is_on).then(|| moved.old.clone());
                self.tips.insert(moved.name.clone(), (moved.new.clone(), before));
            }
        }
    }

    /// The report, after the last line.
    pub fn report(mut self, repository: &str, log: Extent) -> Report {
        while !self.pending.is_empty() {
            self.count_first();
        }
        let unlogged = self.unlogged();
        let since = self.newest.div_euclid(DAY).saturating_sub(WINDOW);
        let recent = self
            .days
            .range(since + 1..)
            .fold((Counts::default(), 0), |(sum, others), (_, (day, other))| (sum.plus(*day), others + other));
        let (recent, other_policy) = recent;
        let why = self.obstacles(recent, &log, since);
        let readiness = readiness(self.counts, recent, &why);
        let day = self.day();
        let mut reasons: Vec<Group> = self.groups.into_values().collect();
        reasons.sort_by(|a, b| b.pushes.cmp(&a.pushes).then_with(|| a.reason.cmp(&b.reason)));
        let mut says = vec![headline(self.counts, self.proposals)];
        says.extend(others(self.counts));
        says.push(verdict(readiness, recent, other_policy, &day, &why));
        says.extend((unlogged > 0).then(|| {
            format!(
                "Of {} the log has no line: it could not be used, or the gate waited too long.",
                pushes(unlogged as u64)
            )
        }));
        says.extend(
            (self.again > 0).then(|| format!("{} asked again; only the last one counts.", verdicts(self.again))),
        );
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
            again: self.again,
            unlogged,
            other_policy,
            enforced: self.enforced,
            readiness,
            why,
            says,
            reasons,
            people: self.people,
            stopped: self.stopped,
            not_listed: self.not_listed,
            log: Read { lines: log.lines, head: log.head, missing: log.missing },
        }
    }
}

impl Trial {
    /// Counts the pushes about which the log has no line.
    fn unlogged(&mut self) -> usize {
        let (from, to) = (self.from, self.to);
        let is_within = |at: &i64| from.is_none_or(|from| from <= *at) && to.is_none_or(|to| *at <= to);
        let times: Vec<i64> = self.now.unlogged.iter().copied().filter(is_within).collect();
        for at in &times {
            self.counts.add(Class::Undecidable);
            let (first, last) = self.span.unwrap_or((*at, *at));
            self.span = Some((first.min(*at), last.max(*at)));
            self.days.entry(at.div_euclid(DAY)).or_default().0.add(Class::Undecidable);
        }
        times.len()
    }

    fn day(&self) -> String {
        let last = Time(self.newest).to_string();
        last.get(..10).unwrap_or(&last).to_owned()
    }

    /// What keeps the team from enforcing, whatever else was counted.
    fn obstacles(&self, recent: Counts, log: &Extent, since: i64) -> Vec<String> {
        let day = self.day();
        let mut why = self.now.faults.clone();
        if self.now.policy.is_none() && why.is_empty() {
            why.push("Nobody knows by which policy the gate would refuse.".to_owned());
        }
        let is_cut = log.missing.last().is_some_and(|(_, last)| *last > log.head.as_ref().map_or(0, |head| head.seq));
        if is_cut || self.after_gap.is_some_and(|at| at.div_euclid(DAY) > since) {
            why.push(format!("Lines of the log of the {WINDOW} days to {day} are not here, or may be of these."));
        }
        if recent.undecidable > 0 {
            why.push(format!(
                "In the {WINDOW} days to {day}, the gate could not judge {}. The reasons below say what to put right.",
                pushes(recent.undecidable)
            ));
        }
        let stopped = recent.stopped();
        if recent.telling() >= ENOUGH && stopped * 100 > recent.asked() * PERCENT {
            let built = match recent.builds_on {
                0 => String::new(),
                n => format!(
                    " ({n} of them because they build on others, which `undersign gate record` after a refusal avoids)"
                ),
            };
            why.push(format!(
                "Of {} in the {WINDOW} days to {day} that needed a signature, {stopped} would have been refused{built}, \
                 which is more than {PERCENT} %.",
                pushes(recent.asked())
            ));
        }
        why
    }
}

/// What is tried again: the same move of the same refs by the same person, of a proposal to whatever its target shows.
fn key(entry: &Entry) -> Digest {
    let mut parts = vec![entry.pusher.as_deref().unwrap_or_default(), if entry.proposal { "proposal" } else { "push" }];
    for moved in &entry.refs {
        parts.extend([&*moved.name, if entry.proposal { "" } else { &*moved.old }, &*moved.new]);
    }
    let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    Digest::of(text.as_bytes())
}

fn size(moved: &EntryRef) -> usize {
    let texts = moved.reasons.iter().chain(&moved.records).chain(&moved.why);
    size_of::<EntryRef>() + moved.name.len() + texts.map(|text| size_of::<String>() + text.len()).sum::<usize>()
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

fn readiness(all: Counts, recent: Counts, why: &[String]) -> Readiness {
    match () {
        () if all.all() == 0 => Readiness::NoTrial,
        () if !why.is_empty() => Readiness::NotReady,
        () if recent.telling() < ENOUGH => Readiness::TooEarly,
        () => Readiness::Ready,
    }
}

fn pushes(n: u64) -> String {
    if n == 1 { "1 push".to_owned() } else { format!("{n} pushes") }
}

fn verdicts(n: u64) -> String {
    if n == 1 { "1 verdict is of a push that was".to_owned() } else { format!("{n} verdicts are of pushes that were") }
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
fn verdict(readiness: Readiness, recent: Counts, other_policy: u64, day: &str, why: &[String]) -> String {
    let telling = recent.telling();
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
            let other = match other_policy {
                0 => String::new(),
                n => format!(" Another policy judged {}.", pushes(n)),
            };
            format!(
                "It is too early to say: in the {WINDOW} days to {day}, {telling} of {} needed a signature and were \
                 judged for what they bring, by the policy in force now; at least {ENOUGH} must.{built}{other}",
                pushes(recent.all())
            )
        }
        Readiness::NotReady => format!("Not ready to enforce. {}", why.join(" ")),
        Readiness::Ready => format!(
            "Ready to enforce: of {} in the {WINDOW} days to {day} that needed a signature, {} would have been refused. \
             `undersign gate install DIR`, without --report-only, does it.",
            pushes(recent.asked()),
            recent.stopped()
        ),
    }
}

#[cfg(test)]
mod tests;
