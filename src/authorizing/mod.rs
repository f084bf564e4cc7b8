//! FLOOR 3: commands that wait for a person: read from the ledger, presented to a person, authorized or refused. The
//! broker decides by the same rule (`command::may_start`); the answers here are what it would answer.

mod hazards;
mod page;
mod prepare;

pub use page::{PageRow, RequestPage};
pub use prepare::{CommandDecision, prepare, sign};

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::change::visible;
use crate::command::preview::Document;
use crate::command::receipt::{Ended, Event, Outcome, YesNo};
use crate::command::{
    Answer, AuthorizationChain, AuthorizationRecord, Code, Decided, Knowledge, Received, Request, RunChain, RunRecord,
    ShownRefusal, ShownRefusals, Verdict, is_owed, may_start, shown_refusals,
};
use crate::datafile::clock;
use crate::ledger::families::{Keys, read_family_of};
use crate::policy::{PersonKind, Policy, SlotState, Target};
use crate::record::{Heads, RecordId};
use crate::source::git::{GitError, Repository};

/// How long the result of a request stays listed, in seconds.
const LISTED: i64 = 3_600;

/// The records about commands in a repository's ledger, with what its remotes were last seen to have. Read completely:
/// these chains are short.
#[derive(Debug, Default)]
pub struct CommandLedger {
    runs: Vec<RunChain>,
    people: Vec<AuthorizationChain>,
}

/// The status of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for signatures, or for time to pass.
    Waits,
    /// It was authorized; nobody has started it yet.
    MayStart,
    /// It has been running since then, in seconds since the epoch.
    Runs(i64),
    Ended {
        outcome: Outcome,
        code: u64,
        at: i64,
    },
    /// A person refused it: a sentence.
    Refused(String),
    /// It cannot start any more, or no decision is possible: a sentence.
    Stopped(String),
    /// It has expired.
    RanOut,
}

/// A request with its status.
#[derive(Debug, Clone)]
pub struct PendingCommand {
    pub id: RecordId,
    /// The record that admitted it.
    pub record: Arc<RunRecord>,
    request: Request,
    pub standing: RequestState,
    /// What the broker would answer now.
    pub answer: Answer,
    /// The verdict in force that the owner of the key signed on it.
    pub own: Option<Verdict>,
    /// A slot is open that this person can fill.
    pub needs_me: bool,
    /// Why an authorization by this person would not count.
    pub futile: Option<String>,
    /// This person's signature in an emergency would count.
    pub may_break_glass: bool,
    /// It ran in an emergency, and its authorization is owed.
    pub is_owed: bool,
    /// This person is one of those who may take over somebody else's refusal.
    pub may_take_over: bool,
    pub refusals: ShownRefusals,
    /// What it would do, item by item, as its broker computed it.
    pub preview: Option<Arc<Document>>,
    /// The earliest end of its cooling time, in seconds since the epoch; none if it is not cooling.
    cools_until: Option<i64>,
    roles: Vec<RoleNeeded>,
    me: Option<String>,
}

/// The signatures that the slots require from people of one role: one signature may fill a slot of each requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RoleNeeded {
    role: String,
    need: usize,
    have: usize,
    /// Its people, without the operator for whom it runs.
    people: Vec<String>,
}

/// `✗ 1 senior of dana, rahim; nobody signed`
impl std::fmt::Display for RoleNeeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.have >= self.need { "✓" } else { "✗" };
        let signed = if self.have == 0 { "nobody signed".to_owned() } else { format!("{} signed", self.have) };
        let people = match &self.people[..] {
            [] => "nobody has that role".to_owned(),
            people => people.join(", "),
        };
        write!(f, "{mark} {} {} of {people}; {signed}", self.need, self.role)
    }
}

impl PendingCommand {
    pub fn target(&self) -> &str {
        &self.record.run().target
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The program and its arguments in a line, with the role instead of an input. Escaped.
    pub fn line(&self) -> String {
        let command = &self.request.command;
        let word = |argument: &String| {
            let role = command.inputs.iter().find(|input| input.path == *argument).map(|input| &input.role);
            role.map_or_else(|| argument.clone(), |role| format!("{{{role}}}"))
        };
        let words: Vec<String> = command.argv.iter().map(word).collect();
        visible::text(words.join(" ").trim_start_matches("/usr/bin/")).into_owned()
    }

    /// Whether it can still be started.
    pub fn is_open(&self) -> bool {
        matches!(self.standing, RequestState::Waits | RequestState::MayStart)
    }

    /// Whether people have something to do about it: it can still be started, or its authorization is owed.
    pub fn is_for_people(&self) -> bool {
        self.is_open() || self.is_owed
    }

    /// Why it can no longer be authorized; none if it can. A person who refused may reconsider.
    pub fn closed(&self) -> Option<String> {
        let is_refused = matches!(self.standing, RequestState::Refused(_));
        let is_own = self.own == Some(Verdict::Refuse) && self.refused_by_others().next().is_none();
        if self.is_for_people() || (is_refused && is_own) {
            return None;
        }
        Some(match &self.standing {
            RequestState::Refused(why) | RequestState::Stopped(why) => why.clone(),
            RequestState::RanOut => "Its time is over.".to_owned(),
            RequestState::Ended { .. } => format!("It ran already: {}.", self.word()),
            _ => "It runs already.".to_owned(),
        })
    }

    /// Until when it may start, in seconds since the epoch.
    pub fn until(&self) -> i64 {
        self.request().not_after.seconds()
    }

    /// Its status in a few words.
    pub fn word(&self) -> String {
        match &self.standing {
            _ if self.is_owed => "owed".to_owned(),
            RequestState::Waits if self.needs_me && self.people_missing() > 1 => {
                format!("you +{}", self.people_missing() - 1)
            }
            RequestState::Waits if self.needs_me => "you".to_owned(),
            RequestState::Waits if self.people_missing() > 0 => format!("{} more", self.people_missing()),
            RequestState::Waits => {
                self.cools_until.map_or("waits".to_owned(), |until| format!("at {}", &clock(until)[..5]))
            }
            RequestState::MayStart => "may start".to_owned(),
            RequestState::Runs(_) => "runs".to_owned(),
            RequestState::Ended { outcome: Outcome::Exit, code, .. } => format!("exit {code}"),
            RequestState::Ended { outcome: Outcome::Signal, code, .. } => format!("signal {code}"),
            RequestState::Ended { outcome, .. } => outcome.to_string(),
            RequestState::Refused(_) => "refused".to_owned(),
            RequestState::Stopped(_) => "stopped".to_owned(),
            RequestState::RanOut => "ran out".to_owned(),
        }
    }

    /// Who must sign, one sentence per role.
    pub fn slots(&self) -> Vec<String> {
        if self.answer.slots.is_empty() && self.is_open() {
            return vec!["nobody must sign: the policy lets it run unasked".to_owned()];
        }
        let cools = self.cools_until.filter(|_| self.is_open());
        let cools = cools.map(|until| format!("may start from {} on, by the broker's clock", clock(until)));
        cools.into_iter().chain(self.roles.iter().map(ToString::to_string)).collect()
    }

    /// Refusals of this very command by other people, still in force.
    pub fn refused_by_others(&self) -> impl Iterator<Item = &ShownRefusal> {
        self.refusals.holding.iter().filter(|refusal| Some(&refusal.by) != self.me.as_ref())
    }

    /// The number of missing signatures, each slot counted separately.
    pub fn people_missing(&self) -> usize {
        self.roles.iter().map(|role| role.need.saturating_sub(role.have)).max().unwrap_or(0)
    }
}

impl CommandLedger {
    /// Reads the chains of the people and brokers of a policy; other chains are not read.
    pub fn read(repository: &Repository, policy: &Policy) -> Result<CommandLedger, GitError> {
        let keys = Keys::of(policy);
        let (runs, people) = (read_family_of(repository, true, &keys)?, read_family_of(repository, true, &keys)?);
        Ok(CommandLedger { runs, people })
    }

    pub fn people(&self) -> &[AuthorizationChain] {
        &self.people
    }

    pub fn runs(&self) -> &[RunChain] {
        &self.runs
    }

    /// The requests of this policy's brokers that can still be decided, that ended recently, or whose authorization is
    /// owed.
    pub fn pending(&self, policy: &Policy, me: Option<&str>, now: i64) -> Vec<PendingCommand> {
        let mut found: Vec<PendingCommand> = Vec::new();
        for chain in self.runs.iter().filter(|chain| policy.brokers.iter().any(|broker| is_of(broker, chain))) {
            let emergencies: BTreeSet<String> =
                chain.records.iter().filter_map(|record| in_emergency(record)).collect();
            let is_recent = |request: &Request| request.not_after.seconds() > now.saturating_sub(LISTED);
            let is_listed = |record: &&Arc<RunRecord>| {
                record.run().admitted().is_some_and(is_recent) || emergencies.contains(&record.id().to_string())
            };
            let listed = chain.records.iter().filter(is_listed);
            let listed = listed.filter_map(|record| self.one(policy, chain, record, me, now));
            found.extend(listed.filter(|one| one.is_owed || is_recent(&one.request)));
        }
        found
    }

    /// One of them, in its current state.
    pub fn find(&self, policy: &Policy, id: RecordId, me: Option<&str>, now: i64) -> Option<PendingCommand> {
        let chains = self.runs.iter().filter(|chain| policy.brokers.iter().any(|broker| is_of(broker, chain)));
        chains
            .flat_map(|chain| chain.records.iter().map(move |record| (chain, record)))
            .find(|(_, record)| record.id() == id)
            .and_then(|(chain, record)| self.one(policy, chain, record, me, now))
    }

    fn one(
        &self,
        policy: &Policy,
        chain: &RunChain,
        record: &Arc<RunRecord>,
        me: Option<&str>,
        now: i64,
    ) -> Option<PendingCommand> {
        let (id, request) = (record.id(), record.run().admitted()?);
        let target = policy.target(&record.run().target)?;
        let known = Heads::of(&self.people);
        let received = known_since(policy, &self.people, now);
        let knowledge = Knowledge {
            policy,
            policy_fault: None,
            own: chain,
            known: &known,
            authorizations: &self.people,
            received: &received,
            // What is between this clone and the broker is not known here: ask as if nothing was.
            ledger_age: Some(0),
            has_remote: false,
            now,
            level: target.level,
            settings: &request.settings,
        };
        let answer = may_start(&knowledge, id);
        let standing = standing(chain, id, request, &answer, now);
        let cools_until = cools_until(&answer, target, &self.people, id);
        let own = me.and_then(|me| own_verdict(policy, &self.people, record, me, now));
        let nobody = || Some("the roster does not have your key".to_owned());
        let futile = me.map_or_else(nobody, |me| futile(policy, target, request, me, now));
        let fills = |me: &str| {
            let roles = policy.roster.by_id(me).map(|person| person.roles.as_slice()).unwrap_or_default();
            answer.slots.iter().any(|slot| slot.have < slot.need && roles.contains(&slot.slot))
        };
        let can = futile.is_none() && own != Some(Verdict::Authorize) && me.is_some_and(fills);
        let is_owed = is_owed(&knowledge, id);
        let needs_me = (standing == RequestState::Waits || is_owed) && can;
        let may_break_glass = me.is_some_and(|me| may_break_glass(target, policy, request, me));
        let refusals = shown_refusals(&knowledge, id);
        let may_take_over = me.is_some_and(|me| may_take_over(policy, &refusals, request, me));
        let roles = roles(policy, &answer.slots, &request.asked.operator);
        let (record, request) = (record.clone(), request.clone());
        let preview = record.link.files.get(&request.preview.sha256);
        let preview = preview.and_then(|bytes| Document::decode(bytes, &request.preview)).map(Arc::new);
        Some(PendingCommand {
            id,
            record,
            request,
            standing,
            answer,
            own,
            needs_me,
            futile,
            may_break_glass,
            is_owed,
            may_take_over,
            refusals,
            preview,
            cools_until,
            roles,
            me: me.map(str::to_owned),
        })
    }

    /// The last run of the same entry that ended before a request was admitted: its request, how it ended, and when.
    fn last_run(&self, record: &RunRecord) -> Option<(&Request, &Ended, i64)> {
        let (own, request) = (record.run(), record.run().admitted()?);
        let entry = &request.command.entry;
        let chain = self.runs.iter().find(|chain| chain.id.key == own.broker && chain.id.device == own.chain.id)?;
        let earlier = |record: &&Arc<RunRecord>| record.run().target == own.target;
        let mut last = None;
        for record in chain.records.iter().filter(earlier) {
            let Event::Ended(ended) = &record.run().event else { continue };
            let asked = chain.records.iter().find(|record| record.id().to_string() == ended.request);
            let asked = asked.and_then(|record| record.run().admitted());
            if let Some(asked) = asked.filter(|asked| asked.command.entry == *entry && !entry.is_empty()) {
                last = Some((asked, ended, record.run().issued_at.seconds()));
            }
        }
        last
    }
}

/// The request that a record started in an emergency.
fn in_emergency(record: &RunRecord) -> Option<String> {
    match &record.run().event {
        Event::Started(started) if started.emergency == YesNo::Yes => Some(started.request.clone()),
        _ => None,
    }
}

/// The earliest time at which each record can be known, by the signer's clock. The broker counts from when it received
/// the record. For a key that was given up, nobody here knows what came before that.
fn known_since(policy: &Policy, people: &[AuthorizationChain], now: i64) -> Received {
    let is_in_use = |record: &&Arc<AuthorizationRecord>| {
        let enrolment = policy.roster.enrolment(record.verified.key());
        enrolment.is_some_and(|(_, own)| own.revoked.is_none_or(|end| end.time() > now))
    };
    let records = people.iter().flat_map(|chain| &chain.records).filter(is_in_use);
    records.map(|record| (record.id(), record.authorization().issued_at.seconds().min(now))).collect()
}

/// Until when a request cools, if that delays it: this long after its last authorization.
fn cools_until(answer: &Answer, target: &Target, people: &[AuthorizationChain], id: RecordId) -> Option<i64> {
    answer.reasons.iter().find(|reason| reason.code == Code::Cooling)?;
    let own = people.iter().flat_map(|chain| &chain.records).map(|record| record.authorization());
    let own = own.filter(|own| own.verdict == Verdict::Authorize && own.request.id == id.to_string());
    own.map(|own| own.issued_at.seconds().saturating_add(target.cooling)).max()
}

/// The slots, grouped by role.
fn roles(policy: &Policy, slots: &[SlotState], operator: &str) -> Vec<RoleNeeded> {
    let mut roles: Vec<RoleNeeded> = Vec::new();
    for slot in slots {
        match roles.iter_mut().find(|known| known.role == slot.slot) {
            Some(known) => {
                // The requirement that lacks more signatures represents the role.
                if slot.need.saturating_sub(slot.have) > known.need.saturating_sub(known.have) {
                    (known.need, known.have) = (slot.need, slot.have);
                }
            }
            None => {
                let has = |person: &&crate::policy::Person| {
                    person.roles.contains(&slot.slot) && person.kind == PersonKind::Human && person.id != operator
                };
                let people = policy.roster.people().filter(has).map(|person| person.id.clone()).collect();
                roles.push(RoleNeeded { role: slot.slot.clone(), need: slot.need, have: slot.have, people });
            }
        }
    }
    roles
}

fn is_of(broker: &crate::policy::Broker, chain: &RunChain) -> bool {
    broker.key.id().to_string() == chain.id.key
}

fn standing(chain: &RunChain, id: RecordId, request: &Request, answer: &Answer, now: i64) -> RequestState {
    let own = id.to_string();
    let mut about = chain.records.iter().map(|record| record.run()).filter(|run| run.about() == Some(own.as_str()));
    match about.next_back().map(|run| (&run.event, run.issued_at.seconds())) {
        Some((Event::Ended(ended), at)) => {
            return RequestState::Ended { outcome: ended.outcome, code: ended.code.0, at };
        }
        Some((_, at)) => return RequestState::Runs(at),
        None if now >= request.not_after.seconds() => return RequestState::RanOut,
        None => {}
    }
    let said = || answer.reasons.first().map(|reason| reason.detail.clone()).unwrap_or_default();
    match answer.decided {
        Decided::Start => RequestState::MayStart,
        Decided::NotYet => RequestState::Waits,
        Decided::Refused if answer.reasons.iter().any(|reason| reason.code == Code::Vetoed) => {
            RequestState::Refused(said())
        }
        Decided::Refused | Decided::Undecidable => RequestState::Stopped(said()),
    }
}

/// The verdicts in force that a person signed on a request, or on the same command.
fn own_records<'c>(
    policy: &'c Policy,
    people: &'c [AuthorizationChain],
    record: &RunRecord,
    me: &str,
    now: i64,
) -> Vec<&'c AuthorizationRecord> {
    let (id, command) = (record.id().to_string(), record.run().command_digest().map(|digest| digest.to_string()));
    let counted = crate::command::in_force(policy, people, &Received::new(), now);
    let own = counted.into_iter().filter(|one| one.person.id == me).map(|one| one.record);
    own.filter(|record| {
        let own = record.authorization();
        match own.verdict {
            Verdict::Authorize | Verdict::BreakGlass => own.request.id == id,
            Verdict::Refuse => Some(&own.command) == command.as_ref(),
            _ => false,
        }
    })
    .collect()
}

fn own_verdict(
    policy: &Policy,
    people: &[AuthorizationChain],
    record: &RunRecord,
    me: &str,
    now: i64,
) -> Option<Verdict> {
    let own = own_records(policy, people, record, me, now);
    let verdicts = || own.iter().map(|record| record.authorization().verdict);
    // A refusal outweighs the person's other verdicts.
    verdicts().find(|verdict| *verdict == Verdict::Refuse).or_else(|| verdicts().next())
}

/// Why an authorization by a person would fill no slot; none if it would fill one.
fn futile(policy: &Policy, target: &Target, request: &Request, me: &str, now: i64) -> Option<String> {
    let person = policy.roster.by_id(me)?;
    if person.kind != PersonKind::Human {
        return Some("only people fill slots, and the roster lists you as a bot".to_owned());
    }
    if request.asked.operator == me {
        return Some("it runs for you, so somebody else must sign".to_owned());
    }
    (!policy.may_authorize(target, person, now)).then(|| {
        format!("no slot of {} asks for a role of yours with a key that proves {}", target.name, target.presence)
    })
}

fn may_break_glass(target: &Target, policy: &Policy, request: &Request, me: &str) -> bool {
    let (Some(terms), Some(person)) = (&target.break_glass, policy.roster.by_id(me)) else { return false };
    let is_own = request.asked.operator == me;
    let fills = terms.sign.iter().any(|slot| person.roles.contains(&slot.role));
    person.kind == PersonKind::Human && fills && (terms.operator || !is_own)
}

/// Whether a person has a role of those who could change the policy, and there is a refusal by somebody else.
fn may_take_over(policy: &Policy, refusals: &ShownRefusals, request: &Request, me: &str) -> bool {
    let Some(person) = policy.roster.by_id(me).filter(|person| person.kind == PersonKind::Human) else { return false };
    let required = policy.hand_over();
    let fills = required.iter().flat_map(|own| &own.slots).any(|slot| person.roles.contains(&slot.role));
    fills && request.asked.operator != me && refusals.holding.iter().any(|refusal| refusal.by != me)
}
