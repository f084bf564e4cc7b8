//! FLOOR 3: looks back: what landed on protected refs in a period, who is responsible for it, and what of it is wrong.
//!
//! ```text
//! population  what landed: the first-parent lines of all protected refs, also of those that are gone
//! forest      these lines, each commit once
//! moves       what the gate's log tells about each ref, and what of it landed
//! lines       what of each line belongs to its ref: what landed on it by a move of its own
//! states      the commits of other refs that a merge may bring in without an approval;  merges  which these are
//! verdicts    the line of the gate's log by which each step landed, where there is one
//! dates       when each step landed, as far as that is known
//! cut         the steps, cut into segments as the gate cuts a push
//! policies    the policy that was in force when;  organizations  the organization that it inherited from
//! judge       what the gate's own rules say of a segment, by the policy and the records of then
//! row         a segment as a row;  exceptions  what of it must be looked at
//! later       what became of decisions afterwards;  loosening  what a change of the policy newly lets land
//! drills      the emergencies that people practised, and who did not
//! report      all of that as plain values;  render  the same as a page, a table, JSON
//! ```
//!
//! The guarantee: everything on the first-parent line of a protected ref is in a row of that ref, or in one of a ref
//! that showed it before and with which the gate let it begin. The row says what the rules of that time, given what was
//! known then, say of exactly what landed in one move; and what lands later removes no row and no exception from the
//! report of an earlier period.
//!
//! Nothing is decided here, no clock is read, and nothing is written: the same inputs produce the same bytes.

mod book;
pub mod controls;
mod cut;
mod dates;
mod drills;
mod exceptions;
mod forest;
mod judge;
mod later;
mod line;
mod lines;
mod loosening;
mod merges;
mod moves;
mod organizations;
mod policies;
mod population;
pub mod render;
pub mod report;
mod row;
mod segments;
mod states;
pub mod trial;
mod verdicts;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::change::digest::Digest;
use crate::change::{ObjectId, visible};
use crate::enforcement::{self, MAX_LEDGER, Settings};
use crate::gate::{Decided, Emergency, RECEIPTS_KEPT, Remembered, States, emergencies, gone_back, withheld_of};
use crate::gate_state::{self, Entries};
use crate::ledger::{self, Scope};
use crate::policy::{Enrolment, Policy, Refs};
use crate::record::{Chain, ChainId, Record};
use crate::source::git::{GitError, Repository};
use book::Book;
pub use drills::DRILLED_WITHIN;
use moves::{Move, Moves};
use organizations::Organizations;
use policies::{Held, Owners, Policies, Told};
use population::{Head, Population};
use report::{
    ChainInput, Exception, Inputs, Kind, Landing, LedgerInput, LogInput, Month, OrganizationInput, PolicyInput,
    RefInput, Report, SCHEMA, Shown, Summary, Time,
};
use segments::OfRef;
use states::ShownStates;

/// By default, an approval within this many seconds of its commit is an exception.
pub const HASTY: i64 = 60;

/// The question.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub repository: PathBuf,
    /// Policy, policy branch, state and its key, like those of a gate; the rest is ignored.
    pub settings: Settings,
    /// The first and the last second of the period, in seconds since the epoch.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Full names; empty for all protected refs.
    pub refs: Vec<String>,
    pub hasty: i64,
    /// Whoever may declare an emergency should have practised it within so many days; zero for [`DRILLED_WITHIN`].
    pub drilled_within: u32,
}

/// Reports the progress: what is being read, how much of it is read, and how much there is.
pub type Progress<'p> = &'p (dyn Fn(&'static str, usize, usize) + Sync);

/// The data of the repository and the gate, read once.
struct AuditInput<'g> {
    repository: &'g Repository,
    policies: Policies<'g>,
    newest: Arc<Policy>,
    log: Option<Log>,
    book: Book,
    /// Chains of evidence, read once a policy asked for some.
    evidence: ledger::evidence::Book,
    /// The keys that any policy ever had.
    keys: Owners,
    /// How each of them was enrolled last.
    enrolments: BTreeMap<String, Enrolment>,
    /// The refs that any policy ever protected.
    protections: Vec<Refs>,
    /// The roles that any policy ever asked for.
    roles: BTreeSet<String>,
    /// Emergencies, by the digest of the policy that judges them and the time as of which it does.
    emergencies: RefCell<HashMap<(Digest, i64), Emergencies>>,
}

/// Emergencies by the digest of their manifest.
type Emergencies = HashMap<String, Emergency>;

/// The most times at which the review of one emergency may have been done that are looked at.
const MAX_REVIEWS: usize = 64;

/// The gate's log, and when it received records.
struct Log {
    entries: Entries,
    remembered: Remembered,
    /// What protected refs showed, if the gate's key vouches for it.
    states: Option<States>,
}

/// An approval, or an emergency, of somebody whose key it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signed {
    pub person: String,
    /// By the signer's clock.
    pub at: i64,
}

/// Looks back.
///
/// # Errors
/// A sentence: there is no policy, or something cannot be read that everything depends on.
pub fn report(query: &Query, progress: Progress<'_>) -> Result<Report, String> {
    look(query, progress).map(|looked| looked.report)
}

/// A key that some policy had.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// The people to whom policies gave it.
    pub owners: BTreeSet<String>,
    /// As it is in the current policy; if it is not there, as it was last, or as it was when it was revoked.
    pub enrolment: Enrolment,
    pub is_in_roster: bool,
}

/// What a look back finds besides the report.
#[derive(Debug)]
pub struct Looked {
    pub report: Report,
    /// All approvals of the ledger, of whatever time and ref.
    pub signed: Vec<Signed>,
    /// The keys that any policy ever had, by their ids.
    pub keys: BTreeMap<String, KnownKey>,
    /// The current policy.
    pub newest: Arc<Policy>,
    /// Whether the refs here are the ones that people push to.
    pub is_host: bool,
}

/// Looks back, for another report over the same population.
///
/// # Errors
/// As [`report()`].
pub fn look(query: &Query, progress: Progress<'_>) -> Result<Looked, String> {
    if let (Some(from), Some(to)) = (query.from, query.to)
        && from > to
    {
        return Err(format!("The period ends ({}) before it begins ({}).", Time(to), Time(from)));
    }
    let repository = Repository::open(&query.repository).map_err(|error| error.to_string())?;
    let input = AuditInput::read(&repository, query, progress)?;
    let population = Population::of(&input, query)?;
    let optimistic = ShownStates::let_through(&input, &population);
    let of_refs = |states| (0..population.runs.len()).map(|at| OfRef::of(&population, states, at)).collect::<Vec<_>>();
    let first = of_refs(&optimistic);
    // The clock is never used: without a given end, the period ends with the newest landing.
    let newest = first.iter().filter_map(OfRef::newest).max();
    let to = query.to.or(newest);
    let states = merges::approved_states(&input, query, to, &population, &first, progress)?;
    let all = of_refs(&states);
    let (mut landings, mut found) = (Vec::new(), Vec::new());
    // Commits that are gone are not in the newest landing.
    let is_within = |one: &Exception| {
        let is_within = |at: Time| query.from.is_none_or(|from| at.0 >= from) && query.to.is_none_or(|to| at.0 <= to);
        one.at.is_none_or(is_within)
    };
    for of_ref in all.iter().filter(|of_ref| of_ref.is_meant()) {
        let (own, exceptions) = of_ref.landings(&input, query, to, progress)?;
        landings.extend(own);
        found.extend(exceptions);
    }
    found.extend(input.lost_landings(query, &population).into_iter().filter(is_within));
    found.extend(population.created_past_the_gate().map(created_past_the_gate));
    found.extend(input.exceptions());
    found.sort_by(|a, b| (a.kind, a.at, &a.name, &a.commit).cmp(&(b.kind, b.at, &b.name, &b.commit)));
    let drills::Held { drills, notes } = input.drills(query, to)?;
    let mut inputs = input.inputs(&population, query, to);
    inputs.notes.extend(notes.iter().map(|note| Shown::of(note)));
    let report = Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        repository: Shown::of(&input.newest.repository),
        query: report::Query {
            from: query.from.map(Time),
            to: to.map(Time),
            to_is_given: query.to.is_some(),
            refs: named(&population)
                .into_iter()
                .filter(|(head, _)| head.is_meant)
                .map(|(head, _)| Shown::of(&head.name))
                .collect(),
            refs_are_given: !query.refs.is_empty(),
            hasty_seconds: query.hasty,
        },
        inputs,
        summary: summary(&landings, &found),
        exceptions: found,
        drills,
        landings,
        controls: BTreeMap::new(),
    };
    let signed = input.signed();
    let keys = input.known_keys();
    Ok(Looked { report, signed, keys, newest: input.newest, is_host: repository.is_pushed_to() })
}

impl<'g> AuditInput<'g> {
    /// Whether a record is signed with a key that some policy gave to the person whom it names: anybody in the roster
    /// can sign a record that names somebody else. The gate does not count it, and no sentence may be based on it.
    fn is_of_its_principal(&self, record: &Record) -> bool {
        let owners = self.keys.get(&record.verified.key().id().to_string());
        owners.is_some_and(|owners| owners.contains(&record.predicate().principal))
    }

    fn known_keys(&self) -> BTreeMap<String, KnownKey> {
        let of = |(key, enrolment): (&String, &Enrolment)| {
            let known = KnownKey {
                owners: self.keys.get(key).cloned().unwrap_or_default(),
                enrolment: enrolment.clone(),
                is_in_roster: self.newest.roster.by_key_id(key).is_some(),
            };
            (key.clone(), known)
        };
        self.enrolments.iter().map(of).collect()
    }

    fn signed(&self) -> Vec<Signed> {
        let landing = self.book.landing().filter(|(record, _)| self.is_of_its_principal(record));
        let of = |predicate: &crate::record::statement::Predicate| Signed {
            person: predicate.principal.clone(),
            at: predicate.issued_at.seconds(),
        };
        let mut all: Vec<Signed> = landing.map(|(record, _)| of(record.predicate())).collect();
        all.sort();
        all
    }

    fn read(repository: &'g Repository, query: &Query, progress: Progress<'_>) -> Result<AuditInput<'g>, String> {
        let branch = enforcement::policy_branch(repository, &query.settings, repository.is_pushed_to());
        let branch = branch.map_err(|reason| reason.detail)?;
        if let Some(copy) = branch.as_ref().filter(|branch| branch.name.starts_with("refs/remotes/")) {
            // Its commits would be taken for its own, and then be missing of the branch that they landed on.
            let name = visible::text(&copy.name);
            return Err(format!(
                "Nothing lands on {name}: it is a copy. Name the branch itself, as refs/heads/main, and fetch it first."
            ));
        }
        let organizations = Organizations::of(repository, query.settings.organization.as_deref())?;
        let policies = match (&query.settings.policy, &branch) {
            (Some(file), _) => Policies::of_file(repository, organizations, file, branch.map(|branch| branch.name))?,
            (None, Some(branch)) => {
                let (line, _) = line::line(repository, branch.tip, |_| false).map_err(|error| error.to_string())?;
                progress("policies", 0, line.len());
                Policies::of_line(repository, organizations, Some(branch.name.clone()), line)
            }
            (None, None) => return Err("There is no policy branch. Give --policy-branch.".to_owned()),
        };
        let newest = match policies.newest().map_err(|error| error.to_string())? {
            Held::Found(policy) => policy,
            Held::Absent => return Err("There is no .undersign/policy.toml on the policy branch.".to_owned()),
            Held::Invalid(why) => return Err(why),
        };
        let log = query.settings.state.as_deref().map(|dir| Log::read(repository, query, dir, &newest)).transpose()?;
        let policies = match &log {
            Some(log) => log.dates(repository, policies),
            None => policies,
        };
        progress("decisions", 0, 0);
        let entries = log.iter().flat_map(|log| &log.entries.entries);
        let told = entries.filter_map(|(entry, _)| Told::of(entry));
        let all = policies.all(told).map_err(|error| error.to_string())?;
        let keys = policies::owners(&all);
        let enrolments = policies::enrolments(&all, &newest);
        let roles = policies::roles(&all);
        let patterns = |refs: &Refs| refs.rules().iter().map(|rule| rule.pattern.clone()).collect::<Vec<_>>();
        let protections: BTreeMap<_, _> =
            all.iter().map(|policy| (patterns(&policy.refs), policy.refs.clone())).collect();
        let protections = protections.into_values().collect();
        let chains = read_ledger(repository, &keys).map_err(|error| error.to_string())?;
        let times = Times::of(&chains, log.as_ref());
        let book = Book::of(chains, |chain, record| times.known(chain, record));
        let emergencies = RefCell::default();
        let evidence = ledger::evidence::Book::default();
        Ok(AuditInput {
            repository,
            policies,
            newest,
            log,
            book,
            evidence,
            keys,
            enrolments,
            protections,
            roles,
            emergencies,
        })
    }

    /// What protected refs showed, if the gate's state is here.
    fn states(&self) -> Option<&States> {
        self.log.as_ref()?.states.as_ref()
    }

    /// Whether any policy protected a ref.
    fn was_protected(&self, name: &str) -> bool {
        self.protections.iter().any(|refs| refs.protects(name))
    }

    /// Until when the review of an emergency was owed that landed at a time, if nobody had done it by the end. When it
    /// was due follows from the policy under which it landed; who could review it, from that of when they did. What the
    /// gate of the end would take for reviewed is reviewed, too.
    fn review_due(&self, policy: &Arc<Policy>, manifest: &str, (landed, to): (i64, i64)) -> Option<i64> {
        let is_done = |policy: &Arc<Policy>, at: i64| {
            self.emergency(policy, manifest, at).is_some_and(|emergency| emergency.is_reviewed)
        };
        let own = self.emergency(policy, manifest, to)?;
        let since = |(record, known): (&Record, i64)| known.max(record.predicate().issued_at.seconds()).max(landed);
        let signed = self.book.of_manifest(manifest).map(since).filter(|at| *at <= to);
        let is_done_then = |at: i64| {
            // By a policy that cannot be read, nobody did.
            let Ok(Held::Found(then)) = self.policies.at_time(at) else { return false };
            // It must not have been taken back since.
            is_done(&then, to) && is_done(&then, at)
        };
        let times: BTreeSet<i64> = signed.collect();
        let is_reviewed = is_done(&self.newest, to) || times.into_iter().take(MAX_REVIEWS).any(is_done_then);
        (!is_reviewed).then_some(own.due)
    }

    fn emergency(&self, policy: &Arc<Policy>, manifest: &str, to: i64) -> Option<Emergency> {
        let mut known = self.emergencies.borrow_mut();
        let of = known.entry((policy.whole, to)).or_insert_with(|| {
            let (chains, receipts) = self.book.all_as_of(to);
            let all = emergencies(policy, &chains, &receipts, to).into_iter();
            all.map(|one| (one.manifest.clone(), one)).collect()
        });
        of.get(manifest).cloned()
    }

    /// What the log saw land on protected refs, and of which not even the commits are here.
    fn lost_landings(&self, query: &Query, population: &Population<'_>) -> Vec<Exception> {
        let is_meant = |name: &str| match query.refs.is_empty() {
            true => self.was_protected(name),
            false => query.refs.iter().any(|own| own == name),
        };
        let is_shown = |name: &str, commit: ObjectId| {
            let own = population.heads.iter().enumerate().filter(|(_, head)| head.name == name);
            own.clone().any(|(line, _)| population.forest.meets(line, commit).is_some_and(|(_, is_on)| is_on))
        };
        let landed = population.moves.refs().filter(|(name, _)| is_meant(name)).flat_map(|(name, moves)| {
            moves.iter().filter(|one| one.has_landed() && !one.deletes()).map(move |one| (name, one))
        });
        let is_deleted = |name: &str| !population.heads.iter().any(|head| head.name == name && !head.is_gone);
        let lost = landed.filter(|(name, one)| {
            let is_lost = !one.new.is_some_and(|commit| is_shown(name, commit));
            is_lost && !self.may_go(name, one.entry, is_deleted(name))
        });
        let of = |(name, one): (&str, &Move<'_>)| Exception {
            kind: Kind::Rewritten,
            name: Some(Shown::of(name)),
            commit: Some(one.moved.new.clone()),
            at: Some(Time(one.at())),
            subject: Shown::default(),
            detail: Shown::of(&format!(
                "Line {} of the gate's log let it land, and the ref shows it no longer, nor is it here.",
                one.head.seq
            )),
        };
        lost.map(of).collect()
    }

    /// Exceptions of the data itself.
    fn exceptions(&self) -> Vec<Exception> {
        let of = |kind, detail: String| Exception {
            kind,
            name: None,
            commit: None,
            at: None,
            subject: Shown::default(),
            detail: Shown::of(&detail),
        };
        let mut found = Vec::new();
        for chain in self.book.chains() {
            if let Some((position, fault)) = chain.fault {
                let text = format!("Record {position} of the chain {} does not hold: {fault}.", chain.id);
                found.push(of(Kind::RecordLost, text));
            }
        }
        found.extend(self.gone().into_values().map(|detail| of(Kind::RecordLost, detail)));
        for (first, last) in self.log.iter().flat_map(|log| &log.entries.missing) {
            found.push(of(Kind::LogGap, format!("Lines {first} to {last} are not here: put away, or deleted.")));
        }
        let entries = self.log.as_ref().map_or(&[][..], |log| &log.entries.entries);
        for (first, last, own, since) in moves::misdated(entries) {
            let lines = if first == last { format!("Line {first} is") } else { format!("Lines {first} to {last} are") };
            let text =
                format!("{lines} dated {}, and the next of {}: the gate's clock was wrong.", Time(own), Time(since));
            found.push(of(Kind::LogGap, text));
        }
        if self.log.as_ref().is_some_and(|log| log.entries.entries.is_empty()) {
            let text = "The log has no line: the gate has judged nothing yet, or somebody deleted it.";
            found.push(of(Kind::LogGap, text.to_owned()));
        }
        found
    }

    /// Records that signers or the gate saw, but that are not here, by the same check as the gate's: each once.
    fn gone(&self) -> BTreeMap<String, String> {
        let owner = |key: &str| {
            let person = self.newest.roster.by_key_id(key).map(|person| person.id.clone());
            person.or_else(|| self.keys.contains_key(key).then(|| "somebody who has left the roster".to_owned()))
        };
        let chains = self.book.chains();
        let remembered = self.log.iter().flat_map(|log| gone_back(&log.remembered.heads, chains, &owner));
        let all = withheld_of(chains, &owner).into_iter().chain(remembered);
        all.map(|(loss, detail)| (loss.chain.to_string(), detail)).collect()
    }

    fn inputs(&self, population: &Population<'_>, query: &Query, to: Option<i64>) -> Inputs {
        let chain = |chain: &Chain| ChainInput {
            chain: Shown::of(&chain.id.to_string()),
            records: chain.len(),
            head: chain.head().map(|head| head.record.to_string()),
        };
        let log = |log: &Log| LogInput {
            entries: log.entries.entries.len(),
            head: log.entries.entries.last().map(|(_, head)| (head.seq, head.digest.clone())),
            missing: log.entries.missing.clone(),
            has_receipts: log.has_receipts(),
        };
        let of_ref =
            |(one, line): (&Head, usize)| RefInput { name: Shown::of(&one.name), tip: one.tip.to_string(), line };
        let branch = self.policies.branch.as_deref().filter(|_| query.settings.policy.is_none());
        Inputs {
            policy: PolicyInput {
                branch: branch.map(Shown::of),
                version: self.newest.version,
                digest: self.newest.digest.to_string(),
                organization: self.newest.inherited.as_ref().map(|inherited| OrganizationInput {
                    id: Shown::of(&inherited.organization),
                    version: inherited.version,
                    digest: inherited.digest.to_string(),
                }),
            },
            refs: named(population).into_iter().map(of_ref).collect(),
            ledger: LedgerInput {
                records: self.book.chains().iter().map(Chain::len).sum(),
                chains: self.book.chains().iter().map(chain).collect(),
            },
            log: self.log.as_ref().map(log),
            controls: None,
            notes: self.notes(population, query, to),
        }
    }

    /// What could not be seen.
    fn notes(&self, population: &Population<'_>, query: &Query, to: Option<i64>) -> Vec<Shown> {
        let mut notes = Vec::new();
        let mut note = |text: &str| notes.push(Shown::of(text));
        for (name, other) in population.listed_elsewhere(query) {
            note(&format!("What {name} shares with {other} landed there first, and is listed there."));
        }
        if let Some((later, last, name)) = to.and_then(|to| population.dated_after(to)) {
            let commits = if later == 1 { "1 commit".to_owned() } else { format!("{later} commits") };
            note(&format!(
                "After the period, by dates that no log confirms: {commits}, the last of {}, on {name}.",
                Time(last)
            ));
        }
        if !self.repository.is_pushed_to() {
            note("This is a clone: it has only what it fetched, and not the refs that were deleted on its server.");
        }
        match &self.log {
            None => note(
                "No log of a gate was given: when something landed is what its committer's clock says, and that it \
                 landed past the gate cannot be seen. --state names the gate's state.",
            ),
            Some(log) if !log.has_receipts() => note(
                "The key of the gate's state was not given, or the gate remembers no receipts: when decisions came is \
                 what their signers say, or the first line of the log that names them.",
            ),
            Some(_) => {}
        }
        if self.repository.is_shallow() {
            note("This is a shallow clone: what landed before its cut is not in it.");
        }
        note("Unnamed is not clean: that nothing names a tool does not mean that none was used.");
        notes
    }
}

/// A ref that the log should tell of, and does not.
fn created_past_the_gate(head: &Head) -> Exception {
    Exception {
        kind: Kind::NoVerdict,
        name: Some(Shown::of(&head.name)),
        commit: Some(head.tip.to_string()),
        at: None,
        subject: Shown::default(),
        detail: Shown::of("The gate's log does not tell how this ref came to be here."),
    }
}

/// Each ref once, with the number of commits that belong to it.
fn named<'p>(population: &'p Population<'_>) -> Vec<(&'p Head, usize)> {
    let mut named: Vec<(&Head, usize)> = Vec::new();
    for (line, head) in population.heads.iter().enumerate() {
        let own = population.runs.iter().filter(|run| run.line == line).map(|run| run.places.len()).sum::<usize>();
        match named.iter_mut().find(|(first, _)| first.name == head.name) {
            Some((_, commits)) => *commits += own,
            None => named.push((head, own)),
        }
    }
    named
}

/// The chains of keys that any policy ever had; there may be any number of others.
fn read_ledger(repository: &Repository, keys: &Owners) -> Result<Vec<Chain>, GitError> {
    let wanted = |key: &str| keys.contains_key(key);
    // The files of records are dropped after verification: nothing here needs them.
    let none = |_: &Record| false;
    let scope =
        Scope { wanted: &wanted, max_bytes: MAX_LEDGER, with_remotes: !repository.is_pushed_to(), over: Some(&none) };
    ledger::read_with(repository, &[], None, &scope)
}

impl Log {
    fn read(repository: &Repository, query: &Query, dir: &Path, policy: &Policy) -> Result<Log, String> {
        if !dir.is_dir() {
            return Err(format!(
                "{} is no directory of a gate's state.",
                visible::line(dir.as_os_str().as_encoded_bytes())
            ));
        }
        let entries = gate_state::log_of(dir)?.read()?;
        if gate_state::is_only_log(dir) {
            return Ok(Log { entries, remembered: Remembered::default(), states: None });
        }
        let state = enforcement::look_into_state(repository, &query.settings, dir, &policy.repository)?;
        let states = (state.is_vouched() && state.states().are_recorded).then(|| state.states().clone());
        Ok(Log { entries, remembered: state.remembered().clone(), states })
    }

    /// When the gate first read the ledger, if the log goes back to that.
    fn first_verdict(&self) -> Option<i64> {
        let is_whole = self.entries.entries.first().is_some_and(|(_, head)| head.seq == 1);
        let verdict = self.entries.entries.iter().map(|(entry, _)| entry).find(|entry| moves::is_verdict(entry));
        verdict.filter(|_| is_whole).map(|entry| entry.at)
    }

    /// Whether the log has a line about a ref.
    fn names(&self, name: &str) -> bool {
        self.entries.entries.iter().any(|(entry, _)| entry.refs.iter().any(|moved| moved.name == name))
    }

    /// Dates policies by when the gate let them land.
    fn dates<'r>(&self, repository: &Repository, policies: Policies<'r>) -> Policies<'r> {
        let Some(branch) = policies.branch.clone() else { return policies };
        let tip = policies.line().last().map(|place| place.commit);
        let commit = |id: ObjectId| repository.commit_named(id);
        let moves = Moves::of(
            &self.entries.entries,
            commit,
            |name| tip.filter(|_| name == branch),
            |name, commit| name == branch && policies.place(commit).is_some(),
        );
        let mut told: Vec<Option<i64>> = vec![None; policies.line().len()];
        for one in moves.of_ref(&branch).iter().filter(|one| one.has_landed()) {
            let Some(end) = one.new.and_then(|new| policies.place(new)) else { continue };
            // A branch that is created, or moved over from elsewhere, shows what may have been there before.
            let start = one.old.and_then(|old| policies.place(old)).map_or(end, |old| old + 1);
            let own = told.get_mut(start..=end).unwrap_or_default();
            own.iter_mut().for_each(|place| _ = place.get_or_insert(one.at()));
        }
        policies.dated_by(|place| told[place])
    }

    fn has_receipts(&self) -> bool {
        self.remembered.receipts != crate::gate::Receipts::default()
    }
}

/// Since when records are known: the earlier of when the gate first saw them, and when it first let something land
/// because of them; otherwise the time that their signers claim.
struct Times {
    received: HashMap<ChainId, crate::gate::Received>,
    /// What the gate found when it first looked had arrived by then, and nobody knows when.
    first_look: i64,
    /// Receipts from before this time are thinned out, and only say that a record had arrived by then.
    thinned: i64,
    named: HashMap<String, i64>,
}

impl Times {
    fn of(chains: &[Chain], log: Option<&Log>) -> Times {
        let mut named: HashMap<String, i64> = HashMap::new();
        let entries = log.into_iter().flat_map(|log| &log.entries.entries);
        for (entry, _) in entries.filter(|(entry, _)| entry.outcome == Decided::Allow.name()) {
            for record in entry.refs.iter().flat_map(|moved| &moved.records) {
                let first = named.entry(record.clone()).or_insert(entry.at);
                *first = entry.at.min(*first);
            }
        }
        let of = |log: &Log| {
            let receipts = &log.remembered.receipts;
            chains.iter().map(|chain| (chain.id.clone(), receipts.of(chain))).collect()
        };
        let thinned = log.map_or(0, |log| log.remembered.clock - RECEIPTS_KEPT);
        let received: HashMap<ChainId, crate::gate::Received> = log.map(of).unwrap_or_default();
        let seqs =
            |chain: &Chain| chain.records.iter().map(|record| record.predicate().chain.seq.0).collect::<Vec<_>>();
        let times = chains.iter().filter_map(|chain| Some((received.get(&chain.id)?, seqs(chain))));
        let times = times.flat_map(|(own, seqs)| seqs.into_iter().filter_map(|seq| own.time(seq)).collect::<Vec<_>>());
        let earliest = times.min().unwrap_or(i64::MIN);
        let first_look = log.and_then(Log::first_verdict).map_or(earliest, |verdict| verdict.min(earliest));
        Times { first_look, received, thinned, named }
    }

    fn known(&self, chain: &Chain, record: &Record) -> i64 {
        let predicate = record.predicate();
        let received = self.received.get(&chain.id).and_then(|received| received.time(predicate.chain.seq.0));
        let is_arrival = |time: &i64| *time >= self.thinned && *time > self.first_look;
        let known = received.filter(is_arrival).unwrap_or(predicate.issued_at.seconds());
        self.named.get(&record.id().to_string()).map_or(known, |named| known.min(*named))
    }
}

fn summary(landings: &[Landing], exceptions: &[Exception]) -> Summary {
    let mut summary = Summary { landings: landings.len(), ..Summary::default() };
    for landing in landings {
        let (is_ai, has_exceptions) = (landing.ai.is_ai(), !landing.exceptions.is_empty());
        summary.commits += landing.commits;
        summary.with_exceptions += usize::from(has_exceptions);
        *summary.decisions.entry(landing.decision.name()).or_default() += 1;
        *summary.ai.entry(landing.ai.status).or_default() += 1;
        *summary.times.entry(landing.at_by.name()).or_default() += 1;
        let month: &mut Month = summary.months.entry(landing.at.month()).or_default();
        month.landings += 1;
        month.approved += usize::from(landing.decision == report::Decision::Approved);
        month.break_glass += usize::from(landing.decision == report::Decision::BreakGlass);
        month.ai += usize::from(is_ai);
        month.with_exceptions += usize::from(has_exceptions);
    }
    for exception in exceptions {
        *summary.exceptions.entry(exception.kind.name()).or_default() += 1;
    }
    summary
}

/// Adds a mapping of columns to controls to a report.
pub fn with_controls(mut report: Report, controls: controls::Controls, digest: Digest) -> Report {
    report.inputs.controls = Some(digest.to_string());
    report.controls = controls.columns;
    report
}
