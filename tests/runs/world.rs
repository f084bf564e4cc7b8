//! A small world: people who sign, a host that keeps what they send, and brokers with disks that are restored and
//! copied. Everything signed is signed truly; the rule that decides is the one that ships.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use ed25519_dalek::{Signer as _, SigningKey};
use undersign::change::digest::Digest;
use undersign::command::authorization::{Authorization, RUNS, RequestText, Verdict, View};
use undersign::command::drill;
use undersign::command::drill_statement::{CommandDrill, CommandDrillChain};
use undersign::command::receipt::{Event, Run, Started, YesNo};
use undersign::command::records::{AuthorizationChain, CommandRecord, Received, RunChain};
use undersign::command::request::*;
use undersign::command::statement::{Predicate, Statement};
use undersign::command::{Answer, Claim, Decided, Knowledge, may_start};
use undersign::policy::{Level, Policy};
use undersign::record::chain::{Link, file_name};
use undersign::record::drill::DrillStep;
use undersign::record::envelope::{Envelope, pae};
use undersign::record::statement::{Decimal, Link as Place, PolicyName, RepositoryName, SeenHead};
use undersign::record::wire::put;
use undersign::record::{Chain, ChainId, Entry, Heads, Key, RecordId, Signable, Verified, sshsig, verify_as};

/// When a world begins.
pub const START: i64 = 1_790_000_000;
const DEVICE: &str = "0123456789abcdef";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// For whom the agent runs; a senior all the same.
    Mina,
    Dana,
    Rahim,
    /// On call.
    Ines,
}

impl Who {
    pub const ALL: [Who; 4] = [Who::Mina, Who::Dana, Who::Rahim, Who::Ines];

    pub fn id(self) -> &'static str {
        ["mina", "dana", "rahim", "ines"][self as usize]
    }

    fn roles(self) -> Vec<String> {
        let roles: &[&str] = match self {
            Who::Mina | Who::Dana => &["senior"],
            Who::Rahim => &["senior", "policy"],
            Who::Ines => &["oncall"],
        };
        roles.iter().map(|&role| role.to_owned()).collect()
    }
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key_of(seed: u8) -> Key {
    let mut blob = Vec::new();
    [b"ssh-ed25519", &secret(seed).verifying_key().to_bytes()[..]].iter().for_each(|field| put(&mut blob, field));
    Key::parse(&blob).unwrap()
}

pub const BROKER: u8 = 100;

pub fn policy(target: &str) -> Policy {
    let person = |who: Who| {
        let roles: Vec<String> = who.roles().iter().map(|role| format!("\"{role}\"")).collect();
        let (id, key) = (who.id(), key_of(who as u8 + 1).to_openssh());
        format!("[people.{id}]\nroles = [{}]\nemails = [\"{id}@example.com\"]\nkeys = [\"{key}\"]\n", roles.join(", "))
    };
    let people: String = Who::ALL.map(person).concat();
    let source = format!(
        "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"shop\"\n[refs]\nprotected = [\"refs/heads/main\"]\n\
         {people}[compartment.policy]\npaths = [\".undersign/**\"]\nsolo = true\nsign = [{{ role = \"policy\", n = 1 }}]\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n\
         [broker.ops]\nkey = \"{}\"\n{target}",
        key_of(BROKER).to_openssh()
    );
    Policy::parse("policy.toml", &source).unwrap_or_else(|error| panic!("{error}"))
}

/// One senior signs; what was read last is at most a minute old.
pub const PLAIN: &str = "[target.prod]\nbroker = \"ops\"\nlevel = \"L1\"\npresence = \"none\"\ncooling = \"0s\"\n\
    sign = [{ role = \"senior\", n = 1 }]\n\
    break_glass = { sign = [{ role = \"oncall\", n = 1 }], presence = \"none\", max_per_30d = 2, debt_after = \"24h\" }\n\
    [[target.prod.command]]\nname = \"restart\"\nargv = [\"/usr/bin/restart\", \"{word}\"]\n";

/// A request, by what makes it another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask {
    /// The argument: another one is another command.
    pub word: &'static str,
    /// Asked for the how-many-eth time.
    pub time: u8,
    pub proof: Proof,
    pub operator: &'static str,
    pub destroys: u64,
}

pub const A: Ask = Ask { word: "web", time: 1, proof: Proof::Proven, operator: "mina", destroys: 0 };

type Signed = (Vec<u8>, RecordId);

thread_local! {
    static SIGNED: RefCell<HashMap<(u8, Vec<u8>), Signed>> = RefCell::default();
    static VERIFIED: RefCell<HashMap<RecordId, Box<dyn std::any::Any>>> = RefCell::default();
}

/// Adds a record to a chain, signed and verified; the same one is signed once.
fn append<P: Predicate + 'static>(chain: &mut Chain<CommandRecord<Statement<P>>>, seed: u8, predicate: P) -> RecordId
where
    CommandRecord<Statement<P>>: Entry<Statement = Statement<P>>,
{
    let statement = Statement::new(predicate);
    let payload = statement.encode();
    let (envelope, id) = SIGNED.with_borrow_mut(|signed| {
        signed
            .entry((seed, payload.clone()))
            .or_insert_with(|| {
                let message = sshsig::to_be_signed_for(P::NAMESPACE, &pae(&payload));
                let mut blob = Vec::new();
                put(&mut blob, b"ssh-ed25519");
                put(&mut blob, &secret(seed).sign(&message).to_bytes());
                let id = Digest::of(&payload);
                (Envelope::new_for(P::NAMESPACE, payload, &key_of(seed), &blob).encode(), id)
            })
            .clone()
    });
    let verified = VERIFIED.with_borrow_mut(|known| {
        let one = known.entry(id).or_insert_with(|| Box::new(verify_as::<Statement<P>>(&envelope).unwrap()));
        one.downcast_ref::<Verified<Statement<P>>>().unwrap().clone()
    });
    let link = Link { name: file_name(chain.next().0), envelope, ..Link::default() };
    chain.extend_verified([Some((Ok(verified), link))]);
    assert_eq!(chain.fault, None, "{statement:?}");
    id
}

fn repository() -> RepositoryName {
    RepositoryName { id: "shop".into(), uri: String::new() }
}

fn chain_id(seed: u8) -> ChainId {
    ChainId { key: key_of(seed).id().to_string(), device: DEVICE.into() }
}

fn place<R: Entry>(chain: &Chain<R>) -> Place {
    let (seq, prev) = chain.next();
    Place { key: chain.id.key.clone(), id: chain.id.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() }
}

fn heads(heads: &Heads) -> Vec<SeenHead> {
    let head = |(chain, head): (&ChainId, &undersign::record::Head)| SeenHead {
        chain: chain.to_string(),
        seq: Decimal(head.seq),
        record: head.record.to_string(),
    };
    heads.iter().map(head).collect()
}

fn command(ask: Ask) -> Command {
    Command {
        entry: "restart".into(),
        argv: vec!["/usr/bin/restart".into(), ask.word.into()],
        program: Program { path: "/usr/bin/restart".into(), sha256: "1".repeat(64) },
        cwd: "/".into(),
        env: Vec::new(),
        secrets: Vec::new(),
        stdin: String::new(),
        inputs: Vec::new(),
        uid: Decimal(900),
        limits: Limits { time: Decimal(60), output: Decimal(1 << 20) },
    }
}

fn policy_name(policy: &Policy) -> PolicyName {
    PolicyName { version: Decimal(policy.version), sha256: policy.digest.to_string() }
}

/// A disk of a broker, and what the program on it has in memory.
#[derive(Clone)]
pub struct Instance {
    pub chain: RunChain,
    /// Highest records known of any chain, on the disk.
    known: Heads,
    received: Received,
    /// What was read of the host, and when by a clock that only goes forward.
    read: Vec<AuthorizationChain>,
    pub read_at: Option<i64>,
    /// Seconds that its clock is off.
    pub skew: i64,
    /// It or a disk that it comes from saw these refusals.
    pub saw: Vec<RecordId>,
}

/// A program that was started in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    pub request: RecordId,
    pub ask: Ask,
    pub at: i64,
    pub instance: usize,
    pub is_emergency: bool,
    pub rests_on: Vec<RecordId>,
}

#[derive(Clone)]
pub struct World {
    pub policy: std::sync::Arc<Policy>,
    pub now: i64,
    pub people: BTreeMap<Who, AuthorizationChain>,
    /// What the host has: of people, and of the broker.
    pub host: BTreeMap<Who, AuthorizationChain>,
    pub host_runs: Option<RunChain>,
    pub has_remote: bool,
    pub is_offline: bool,
    /// The broker does not wait for the host, whatever the rule says.
    pub ignores_claims: bool,
    pub brokers: Vec<Instance>,
    pub snapshots: Vec<Instance>,
    pub requests: BTreeMap<Ask, RecordId>,
    pub texts: BTreeMap<RecordId, String>,
    pub execs: Vec<Exec>,
    /// When each refusal or withdrawal came to the host.
    pub sent: BTreeMap<RecordId, i64>,
    pub answers: Vec<Answer>,
    /// What people signed in drills, by whose key it is.
    pub drills: BTreeMap<Who, CommandDrillChain>,
}

/// How far a broker comes before it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// `started` is on its own disk.
    Written,
    /// It is with the host, too.
    Published,
    /// The program runs.
    Ran,
}

/// What became of a chain that was sent to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Taken,
    /// The host has another record in its place.
    Refused,
    Away,
}

impl World {
    pub fn new(target: &str) -> World {
        World::of(std::sync::Arc::new(policy(target)))
    }

    pub fn of(policy: std::sync::Arc<Policy>) -> World {
        let broker = Instance {
            chain: Chain::empty(chain_id(BROKER)),
            known: Heads::default(),
            received: Received::new(),
            read: Vec::new(),
            read_at: None,
            skew: 0,
            saw: Vec::new(),
        };
        World {
            policy,
            now: START,
            people: Who::ALL.map(|who| (who, Chain::empty(chain_id(who as u8 + 1)))).into(),
            host: BTreeMap::new(),
            host_runs: None,
            has_remote: true,
            is_offline: false,
            ignores_claims: false,
            brokers: vec![broker],
            snapshots: Vec::new(),
            requests: BTreeMap::new(),
            texts: BTreeMap::new(),
            execs: Vec::new(),
            sent: BTreeMap::new(),
            answers: Vec::new(),
            drills: Who::ALL.map(|who| (who, Chain::empty(chain_id(who as u8 + 1)))).into(),
        }
    }

    fn run(&self, at: usize, event: Event) -> Run {
        let broker = &self.brokers[at];
        Run {
            repository: repository(),
            target: "prod".into(),
            broker: broker.chain.id.key.clone(),
            event,
            chain: place(&broker.chain),
            seen: heads(&Heads::of(&broker.read)),
            issued_at: Decimal(self.clock(at) as u64),
            nonce: format!("{:032x}", broker.chain.len()),
            tool: String::new(),
        }
    }

    pub fn clock(&self, at: usize) -> i64 {
        self.now + self.brokers[at].skew
    }

    /// The broker takes a request in, and its chain goes to the host.
    pub fn admit(&mut self, ask: Ask) -> RecordId {
        self.admit_until(ask, START + 3600)
    }

    /// As [`World::admit`], for as long as is said.
    pub fn admit_until(&mut self, ask: Ask, until: i64) -> RecordId {
        let event = Event::Admitted(Box::new(Request {
            command: command(ask),
            preview: Preview {
                tool: "sample".into(),
                by: PreviewBy::Broker,
                sha256: Digest::of(b"").to_string(),
                destroys: Decimal(ask.destroys),
                replaces: Decimal(0),
                unclear: Decimal(0),
            },
            asked: Asked { operator: ask.operator.into(), proof: ask.proof, by: "uid 1000".into(), claims: Vec::new() },
            why: format!("{}", ask.time),
            ticket: String::new(),
            way_back: String::new(),
            replaces: String::new(),
            not_before: Decimal(0),
            not_after: Decimal(until as u64),
            policy: policy_name(&self.policy),
            settings: "5".repeat(64),
        }));
        let run = self.run(0, event);
        let statement = Statement::new(run.clone());
        let id = append_with_preview(&mut self.brokers[0].chain, run);
        self.texts.insert(id, String::from_utf8(statement.encode()).unwrap());
        self.requests.insert(ask, id);
        self.publish(0);
        id
    }

    /// The broker's chain goes to the host, where it may only be added to.
    pub fn publish(&mut self, at: usize) -> Sent {
        if !self.has_remote || self.is_offline {
            return Sent::Away;
        }
        let own = &self.brokers[at].chain;
        let may = self.host_runs.as_ref().and_then(Chain::head).is_none_or(|head| own.holds(head).is_ok());
        if may {
            self.host_runs = Some(own.clone());
        }
        if may { Sent::Taken } else { Sent::Refused }
    }

    pub fn sign(&mut self, who: Who, verdict: Verdict, ask: Option<Ask>, change: impl FnOnce(&mut Authorization)) {
        let request = ask.map(|ask| self.requests[&ask]);
        let text = request.map(|id| self.texts[&id].clone()).unwrap_or_default();
        let command = ask.map(|ask| command_digest("shop", "prod", &command(ask)).to_string()).unwrap_or_default();
        let own = &self.people[&who];
        let seen = self.host.iter().filter(|(other, _)| **other != who).map(|(_, chain)| chain);
        let mut known = Heads::of(seen);
        if let Some(runs) = &self.host_runs {
            known.learn(runs.id.clone(), runs.head());
        }
        let mut authorization = Authorization {
            verdict,
            principal: who.id().into(),
            roles: who.roles(),
            repository: repository(),
            target: "prod".into(),
            broker: chain_id(BROKER).key,
            request: RequestText { id: request.map(|id| id.to_string()).unwrap_or_default(), text },
            command,
            view: View { sha256: "7".repeat(64), rows: Decimal(9), seen: Decimal(9), omissions: Vec::new() },
            findings: Vec::new(),
            policy: policy_name(&self.policy),
            runs: Decimal(RUNS),
            issued_at: Decimal(self.now as u64),
            not_before: Decimal(0),
            not_after: Decimal(self.now as u64 + 3600),
            supersedes: Vec::new(),
            answers: Vec::new(),
            chain: place(own),
            seen: heads(&known),
            nonce: format!("{:032x}", own.len()),
            tool: String::new(),
            reason: "said so".into(),
        };
        change(&mut authorization);
        append(self.people.get_mut(&who).unwrap(), who as u8 + 1, authorization);
    }

    /// A step of a drill of a request; `drill` is the record that began it.
    pub fn practise(
        &mut self,
        who: Who,
        ask: Ask,
        (step, drill): (DrillStep, Option<RecordId>),
        change: impl FnOnce(&mut CommandDrill),
    ) -> RecordId {
        let own = &self.drills[&who];
        let mut drill = CommandDrill {
            step,
            drill: drill.map(|id| id.to_string()).unwrap_or_default(),
            principal: who.id().into(),
            roles: who.roles(),
            repository: repository(),
            target: "prod".into(),
            broker: chain_id(BROKER).key,
            request: self.requests[&ask].to_string(),
            command: command_digest("shop", "prod", &command(ask)).to_string(),
            answers: Vec::new(),
            issued_at: Decimal(self.now as u64),
            not_after: Decimal(self.now as u64 + 3600),
            chain: place(own),
            nonce: format!("{:032x}", own.len()),
            tool: String::new(),
            reason: "the drill of May".into(),
        };
        change(&mut drill);
        append(self.drills.get_mut(&who).unwrap(), who as u8 + 1, drill)
    }

    /// What an emergency would be told, by drills.
    pub fn told(&self, at: usize, ask: Ask) -> Vec<String> {
        let drills: Vec<CommandDrillChain> = self.drills.values().cloned().collect();
        let told = self.knowing(at, |knowledge| drill::told(knowledge, &drills, self.requests[&ask]));
        told.into_iter().map(|reason| reason.detail).collect()
    }

    /// What a person signed goes to the host.
    pub fn send(&mut self, who: Who) {
        if !self.is_offline {
            let own = self.people[&who].clone();
            for record in &own.records {
                self.sent.entry(record.id()).or_insert(self.now);
            }
            self.host.insert(who, own);
        }
    }

    /// What a person refused and did not take back, in a person's own chain.
    pub fn refusals(chain: &AuthorizationChain) -> Vec<(RecordId, &Authorization)> {
        let ended =
            |id: RecordId| chain.records.iter().any(|other| other.authorization().supersedes.contains(&id.to_string()));
        let refusal = |record: &std::sync::Arc<_>| {
            let record: &undersign::command::AuthorizationRecord = record;
            record.authorization().verdict == Verdict::Refuse && !ended(record.id())
        };
        let refused = chain.records.iter().filter(|record| refusal(record));
        refused.map(|record| (record.id(), record.authorization())).collect()
    }

    pub fn read(&mut self, at: usize) {
        if self.is_offline {
            return;
        }
        let (host, clock, now) = (self.host.values().cloned().collect::<Vec<_>>(), self.clock(at), self.now);
        let broker = &mut self.brokers[at];
        for chain in &host {
            broker.known.learn(chain.id.clone(), chain.head());
            for record in &chain.records {
                broker.received.entry(record.id()).or_insert(clock);
            }
            broker.saw.extend(World::refusals(chain).iter().map(|(id, _)| *id));
        }
        if let Some(runs) = &self.host_runs {
            broker.known.learn(runs.id.clone(), runs.head());
        }
        broker.read = host;
        broker.read_at = Some(now);
    }

    pub fn ask(&self, at: usize, ask: Ask) -> Answer {
        self.knowing(at, |knowledge| may_start(knowledge, self.requests[&ask]))
    }

    fn knowing<T>(&self, at: usize, rule: impl FnOnce(&Knowledge<'_>) -> T) -> T {
        let broker = &self.brokers[at];
        rule(&Knowledge {
            policy: &self.policy,
            policy_fault: None,
            own: &broker.chain,
            known: &broker.known,
            authorizations: &broker.read,
            received: &broker.received,
            ledger_age: broker.read_at.map(|at| self.now - at),
            has_remote: self.has_remote,
            now: self.clock(at),
            level: Level::L1,
            settings: &"5".repeat(64),
        })
    }

    /// The broker's order from the decision on; it may be killed on the way.
    pub fn start(&mut self, at: usize, ask: Ask, reach: Reach) -> bool {
        let answer = self.ask(at, ask);
        self.answers.push(answer.clone());
        if answer.decided != Decided::Start {
            return false;
        }
        let started = Started {
            request: self.requests[&ask].to_string(),
            authorizations: answer.authorizations.iter().map(ToString::to_string).collect(),
            emergency: if answer.is_emergency { YesNo::Yes } else { YesNo::No },
            policy: policy_name(&self.policy),
            level: "L1".into(),
            proofs: Vec::new(),
            program: "1".repeat(64),
        };
        let run = self.run(at, Event::Started(started));
        append(&mut self.brokers[at].chain, BROKER, run);
        if reach == Reach::Written {
            return false;
        }
        let may_run = match self.publish(at) {
            Sent::Taken => true,
            Sent::Away => answer.claim == Claim::Local || self.ignores_claims,
            Sent::Refused => self.ignores_claims,
        };
        if reach == Reach::Published || !may_run {
            return false;
        }
        self.execs.push(Exec {
            request: self.requests[&ask],
            ask,
            at: self.now,
            instance: at,
            is_emergency: answer.is_emergency,
            rests_on: answer.authorizations,
        });
        let ended = undersign::command::receipt::Ended {
            request: self.requests[&ask].to_string(),
            outcome: undersign::command::receipt::Outcome::Exit,
            code: Decimal(0),
            began: Decimal(0),
            finished: Decimal(self.clock(at) as u64),
            output: undersign::command::receipt::Output {
                stdout: Digest::of(b"").to_string(),
                stderr: Digest::of(b"").to_string(),
                bytes: Decimal(0),
            },
        };
        let run = self.run(at, Event::Ended(ended));
        append(&mut self.brokers[at].chain, BROKER, run);
        self.publish(at);
        true
    }

    /// The program is killed and begins again: what is on the disk stays, what was in memory is read anew.
    pub fn restart(&mut self, at: usize) {
        let broker = &mut self.brokers[at];
        (broker.read, broker.read_at) = (Vec::new(), None);
    }

    pub fn snapshot(&mut self) {
        self.snapshots.push(self.brokers[0].clone());
    }

    pub fn restore(&mut self) {
        if let Some(snapshot) = self.snapshots.last() {
            let skew = self.brokers[0].skew;
            self.brokers[0] = Instance { skew, ..snapshot.clone() };
            self.restart(0);
        }
    }

    /// A second machine with a copy of the disk, that lives beside the first.
    pub fn copy(&mut self) {
        if self.brokers.len() == 1 {
            self.brokers.push(self.brokers[0].clone());
            self.restart(1);
        }
    }
}

fn append_with_preview(chain: &mut RunChain, run: Run) -> RecordId {
    let statement = Statement::new(run);
    let payload = statement.encode();
    let message = sshsig::to_be_signed_for(Run::NAMESPACE, &pae(&payload));
    let mut blob = Vec::new();
    put(&mut blob, b"ssh-ed25519");
    put(&mut blob, &secret(BROKER).sign(&message).to_bytes());
    let id = Digest::of(&payload);
    let envelope = Envelope::new_for(Run::NAMESPACE, payload, &key_of(BROKER), &blob).encode();
    let files = [(Digest::of(b"").to_string(), Vec::new())].into();
    chain.extend([Some(Link { name: file_name(chain.next().0), envelope, files })]);
    assert_eq!(chain.fault, None);
    id
}
