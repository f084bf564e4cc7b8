//! Pushes of chains about commands, outcomes, evidence and drills: each is judged by the rules of its own kind, and
//! none can pass for a chain of decisions. What is held here is read at most once for a push, and only of keys that the
//! policy knows; of outcomes and drills nothing is read but what is pushed, since no gate judges by them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};

use crate::command::drill_statement::CommandDrillRecord;
use crate::command::{AuthorizationRecord, RunRecord};
use crate::datafile::date;
use crate::gate::{self, CLOCK_SKEW, Code, Reason, RefOutcome, Update};
use crate::gate_state::GateState;
use crate::ledger::drills::DrillFamily;
use crate::ledger::families::{Family, Keys, Room, TooMuch, chain_within, names};
use crate::ledger::{Outlines, VerifiedChains, id_of};
use crate::policy::{Enrolment, Policy};
use crate::record::drill::{self, DrillRecord};
use crate::record::evidence::{self, EvidenceRecord, out_of_order};
use crate::record::outcome::{MAX_CHAINS, MAX_RECORDS, OutcomeRecord};
use crate::record::{Chain, ChainId};
use crate::source::git::{Repository, oid};

/// What is read of outcomes for one push: so long is any other push kept waiting.
const ROOM: Room = Room { records: 5_000, bytes: 64 << 20 };

/// What a gate takes of a kind of chains of which it reads nothing but what is pushed.
struct Bounded {
    noun: &'static str,
    /// What to do about a key that is not in the policy.
    stranger: &'static str,
    max_records: usize,
    max_chains: usize,
}

const OF_OUTCOMES: Bounded = Bounded {
    noun: "outcomes",
    stranger: "Add its owner to the policy first.",
    max_records: MAX_RECORDS,
    max_chains: MAX_CHAINS,
};

const OF_EVIDENCE: Bounded = Bounded {
    noun: "evidence",
    stranger: "Name it in an [evidence.NAME] of the policy first.",
    max_records: evidence::MAX_RECORDS,
    max_chains: evidence::MAX_CHAINS,
};

const OF_DRILLS: Bounded = Bounded {
    noun: "drills",
    stranger: "Add its owner to the policy first.",
    max_records: drill::MAX_RECORDS,
    max_chains: drill::MAX_CHAINS,
};

/// What is known of such chains while one push is judged.
pub(super) struct Chains<'g> {
    /// None if nothing is kept, such as in a look back.
    gate_state: Option<&'g GateState>,
    /// What was kept of chains that were verified for earlier pushes.
    outlines: OnceCell<RefCell<Outlines>>,
    runs: OnceCell<Result<Both<RunRecord>, Reason>>,
    authorizations: OnceCell<Result<Both<AuthorizationRecord>, Reason>>,
    room: Cell<Room>,
    counts: Counts,
    now: i64,
}

/// The number of chains of each key, by the prefix of their names.
type Counts = RefCell<HashMap<String, usize>>;

/// The chains of a family as they are held, and with the pushed ones in their place.
struct Both<R> {
    held: Vec<Chain<R>>,
    pushed: Vec<Chain<R>>,
}

/// A key by its id, and whether chains of it are taken.
type Known<'k> = &'k dyn Fn(&str) -> bool;

impl<'g> Chains<'g> {
    pub fn at(now: i64, gate_state: Option<&'g GateState>) -> Chains<'g> {
        Chains {
            gate_state,
            outlines: OnceCell::new(),
            runs: OnceCell::new(),
            authorizations: OnceCell::new(),
            room: Cell::new(ROOM),
            counts: Counts::default(),
            now,
        }
    }

    /// The result for an update of such a ref; none for any other ref.
    pub fn decide(
        &self,
        repository: &Repository,
        policy: &Policy,
        updates: &[Update],
        update: &Update,
    ) -> Option<RefOutcome> {
        let is_broker = |key: &str| policy.brokers.iter().any(|broker| broker.key.id().to_string() == key);
        let is_person = |key: &str| policy.roster.by_key_id(key).is_some();
        let push = Push { repository, updates, update };
        push.of_family((&self.runs, self), &is_broker, policy)
            .or_else(|| push.of_family((&self.authorizations, self), &is_person, policy))
            .or_else(|| push.of_outcomes(self, policy))
            .or_else(|| push.of_evidence(self, policy))
            .or_else(|| push.of_drills::<DrillRecord>(self, policy, too_large))
            .or_else(|| push.of_drills::<CommandDrillRecord>(self, policy, |_| None))
    }

    /// The chains of a family that the repository holds, and all that was verified of them.
    fn held<R: Family>(
        &self,
        repository: &Repository,
        is_known: Known<'_>,
        policy: &Policy,
    ) -> Result<(VerifiedChains<R>, Vec<Chain<R>>), Reason> {
        let outlines = || RefCell::new(self.gate_state.map(GateState::outlines).unwrap_or_default());
        let mut outlines = self.outlines.get_or_init(outlines).borrow_mut();
        let verified = outlines.verified::<R>();
        let held = verified.family(repository, false, &Keys::of(policy)).map_err(super::unread)?;
        let held: Vec<Chain<R>> = held.into_iter().filter(|chain| is_known(&chain.id.key)).collect();
        if let Some(gate_state) = self.gate_state
            && outlines.update(&verified, &held)
        {
            gate_state.keep_outlines(&outlines).map_err(super::unreadable)?;
        }
        Ok((verified, held))
    }
}

/// One update of a push.
struct Push<'p> {
    repository: &'p Repository,
    updates: &'p [Update],
    update: &'p Update,
}

impl Push<'_> {
    fn of_family<R: Family>(
        &self,
        (both, chains): (&OnceCell<Result<Both<R>, Reason>>, &Chains<'_>),
        is_known: Known<'_>,
        policy: &Policy,
    ) -> Option<RefOutcome> {
        let (id, update) = (id_of(self.update.name.strip_prefix(R::PREFIX)?), self.update);
        // A stranger's chain is refused by its name, without being read, and so is what was taken away.
        let refused = |chain: Option<&Chain<R>>| gate::decide_chain(update, chain, &[], &[], is_known);
        if !self.is_kept(update) {
            return Some(refused(None));
        }
        if !is_known(&id.key) {
            return Some(refused(Some(&Chain::empty(id))));
        }
        if let Err(reason) = self.refuse_too_many::<R>(&id, &chains.counts, MAX_CHAINS) {
            return Some(RefOutcome::refused(&update.name, reason));
        }
        let both = match both.get_or_init(|| self.read(chains, is_known, policy)) {
            Ok(both) => both,
            Err(reason) => return Some(RefOutcome::refused(&update.name, reason.clone())),
        };
        let chain = both.pushed.iter().find(|chain| chain.id == id);
        Some(gate::decide_chain(update, chain, &both.held, &both.pushed, is_known))
    }

    /// A chain only grows.
    fn is_kept(&self, update: &Update) -> bool {
        let is_kept = || update.old.is_zero() || self.repository.is_descendant(update.new, update.old);
        !update.new.is_zero() && is_kept()
    }

    /// Nothing that was verified for an earlier push is verified again, nor what is held for what is pushed.
    fn read<R: Family>(&self, chains: &Chains<'_>, is_known: Known<'_>, policy: &Policy) -> Result<Both<R>, Reason> {
        let (verified, held) = chains.held::<R>(self.repository, is_known, policy)?;
        let mut pushed = held.clone();
        for update in self.updates.iter().filter(|update| update.name.starts_with(R::PREFIX)) {
            self.repository.deadline.check().map_err(super::unread)?;
            let id = id_of(&update.name[R::PREFIX.len()..]);
            if is_known(&id.key) && self.is_kept(update) {
                pushed.retain(|chain| chain.id != id);
                pushed.push(verified.chain_from(self.repository, &id, oid(update.new)));
            }
        }
        self.repository.deadline.check().map_err(super::unread)?;
        Ok(Both { held, pushed })
    }

    /// An outcome is evidence for reports: a chain must be of somebody whose key holds, sound, and bounded. Whether
    /// what its signer saw is here does not matter for any verdict; the report says so.
    fn of_outcomes(&self, chains: &Chains<'_>, policy: &Policy) -> Option<RefOutcome> {
        let id = id_of(self.update.name.strip_prefix(OutcomeRecord::PREFIX)?);
        let owner = policy.roster.enrolment_by_id(&id.key).map(|(_, enrolment)| enrolment);
        Some(self.answered(self.judge_bounded::<OutcomeRecord>(&id, &OF_OUTCOMES, chains, owner)))
    }

    /// The same of evidence, by a key that the policy names for it. A chain that would not count is not taken, and so
    /// no stranger fills the host.
    fn of_evidence(&self, chains: &Chains<'_>, policy: &Policy) -> Option<RefOutcome> {
        let id = id_of(self.update.name.strip_prefix(EvidenceRecord::PREFIX)?);
        let owner = policy.evidence_by(&id.key).map(|(_, enrolment)| enrolment).next();
        let judged = self.judge_bounded::<EvidenceRecord>(&id, &OF_EVIDENCE, chains, owner);
        let judged = judged.and_then(|chain| match out_of_order(&chain) {
            None => Ok(chain),
            Some(position) => Err(dated_back(position, OF_EVIDENCE.noun)),
        });
        Some(self.answered(judged))
    }

    /// The same of drills of a kind, by people of the roster. What is taken lets nothing land or run.
    fn of_drills<R: DrillFamily>(
        &self,
        chains: &Chains<'_>,
        policy: &Policy,
        useless: impl Fn(&Chain<R>) -> Option<Reason>,
    ) -> Option<RefOutcome> {
        let id = id_of(self.update.name.strip_prefix(R::PREFIX)?);
        let owner = policy.roster.enrolment_by_id(&id.key).map(|(_, enrolment)| enrolment);
        let judged = self.judge_bounded::<R>(&id, &OF_DRILLS, chains, owner);
        let judged = judged.and_then(|chain| {
            let dated_back = drill::out_of_order(&chain).map(|position| dated_back(position, OF_DRILLS.noun));
            let why = dated_back.or_else(|| ahead(&chain, chains.now)).or_else(|| useless(&chain));
            why.map_or(Ok(chain), Err)
        });
        Some(self.answered(judged))
    }

    fn answered<T>(&self, judged: Result<T, Reason>) -> RefOutcome {
        let name = &self.update.name;
        judged.map_or_else(|reason| RefOutcome::refused(name, reason), |_| RefOutcome::allowed(name))
    }

    /// A chain of which nothing is read but what is pushed. `owner`: how its key was enrolled for that.
    fn judge_bounded<R: Family>(
        &self,
        id: &ChainId,
        kind: &Bounded,
        chains: &Chains<'_>,
        owner: Option<&Enrolment>,
    ) -> Result<Chain<R>, Reason> {
        let deny = |code, detail: String| Err(Reason::deny(code, detail));
        let Bounded { noun, stranger, max_records, max_chains } = kind;
        if !self.is_kept(self.update) {
            let detail = format!(
                "Records of {noun} are only ever added, and this would take some away. Run `undersign sync` to fetch \
                 the records of the ref; it says what to do."
            );
            return deny(Code::LedgerRollback, detail);
        }
        let Some(enrolment) = owner else {
            return deny(Code::Stranger, format!("The key of this chain of {noun} is not in the policy. {stranger}"));
        };
        if let Some(unfit) = enrolment.unfit(chains.now, Some(chains.now), chains.now) {
            let detail = format!(
                "The key of this chain of {noun} no longer signs ({}), so nothing is added to it. Sign with a key \
                 that holds.",
                enrolment.told(chains.now)
            );
            return deny(Code::of_unfit(unfit), detail);
        }
        self.refuse_too_many::<R>(id, &chains.counts, *max_chains)?;
        self.repository.deadline.check().map_err(super::unread)?;
        let mut room = chains.room.get();
        let read = chain_within::<R>(self.repository, id, oid(self.update.new), *max_records, &mut room);
        chains.room.set(room);
        let chain = match read {
            Ok(chain) => chain,
            Err(TooMuch::Long) => {
                let detail = format!("A chain of {noun} has at most {max_records} records. Begin a new one.");
                return deny(Code::Limit, detail);
            }
            Err(TooMuch::Full) => {
                let detail = format!(
                    "The chains of {noun} in one push have at most {} records and {} MiB. Push them in parts.",
                    ROOM.records,
                    ROOM.bytes >> 20
                );
                return deny(Code::Limit, detail);
            }
        };
        match chain.fault {
            None => Ok(chain),
            Some((position, fault)) => deny(
                Code::LedgerFault,
                format!("Record {position} of the pushed chain of {noun} does not hold: {fault}. It would not count."),
            ),
        }
    }

    /// A chain that is not there yet must not be one too many of its key.
    fn refuse_too_many<R: Family>(&self, id: &ChainId, counts: &Counts, most: usize) -> Result<(), Reason> {
        if !self.update.old.is_zero() {
            return Ok(());
        }
        let prefix = format!("{}{}/", R::PREFIX, id.key);
        let known = counts.borrow().get(&prefix).copied();
        let count = match known {
            Some(count) => count,
            None => self.count(&prefix, most)?,
        };
        counts.borrow_mut().insert(prefix.clone(), count);
        if count <= most {
            return Ok(());
        }
        let detail = format!(
            "One key has at most {most} chains of this kind. Whoever runs the host can delete those below \
             {prefix} that are not needed."
        );
        Err(Reason::deny(Code::Limit, detail))
    }

    /// The chains below a prefix once the push has landed; after the fact, they are here already.
    fn count(&self, prefix: &str, most: usize) -> Result<usize, Reason> {
        let new = self.updates.iter().map(|update| update.name.as_str()).filter(|name| name.starts_with(prefix));
        let new: BTreeSet<&str> = new.collect();
        if new.len() > most {
            return Ok(new.len());
        }
        let held = names(self.repository, prefix).map_err(super::unread)?;
        Ok(new.len() + held.iter().filter(|(_, name)| !new.contains(name.as_str())).count())
    }
}

/// Why drills of changes with so much in them are of no use: pushes that are refused read them.
fn too_large(chain: &Chain<DrillRecord>) -> Option<Reason> {
    let is_large = |record: &DrillRecord| record.manifest.encode().len() > drill::MAX_MANIFEST;
    let at = chain.records.iter().position(|record| is_large(record))?;
    let detail = format!(
        "Record {} of the pushed chain of drills is of a change with more than {} KiB of paths. Practise with a smaller \
         one.",
        at + 1,
        drill::MAX_MANIFEST >> 10
    );
    Some(Reason::deny(Code::Limit, detail))
}

/// Why nothing after a record dated ahead counts: those of a chain are in the order of their times.
fn ahead<R: DrillFamily>(chain: &Chain<R>, now: i64) -> Option<Reason> {
    let is_ahead = |record: &R| record.issued() > now.saturating_add(CLOCK_SKEW);
    let at = chain.records.iter().position(|record| is_ahead(record))?;
    let detail = format!(
        "Record {} of the pushed chain of drills is dated {}, ahead of this gate's clock. It would not count. Set the \
         clock where it was signed and delete {}{} there; the next drill begins a new chain.",
        at + 1,
        date(chain.records[at].issued()),
        R::PREFIX,
        chain.id
    );
    Some(Reason::deny(Code::LedgerFault, detail))
}

fn dated_back(position: usize, noun: &str) -> Reason {
    let detail = format!("Record {position} of the pushed chain of {noun} is dated before the one below it.");
    Reason::deny(Code::LedgerFault, detail)
}
