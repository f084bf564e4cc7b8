//! Signed outcomes: which are read, which of them count, and what must be said of them. Keys that ended are judged by
//! the rule that decisions are judged by.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::report::{ChainInput, Shown, Time};
use crate::audit::{KnownKey, Looked};
use crate::change::ObjectId;
use crate::datafile::date;
use crate::ledger::families::{Family as _, Keys, read_outcomes};
use crate::record::Index;
use crate::record::outcome::{MAX_OF_KEY, MAX_RECORDS, OutcomeChain, OutcomeKind, OutcomeRecord, in_force};
use crate::source::git::{self, GitError, Repository};

/// Signed outcomes that count, the chains that they come from, and what must be said of them.
#[derive(Debug, Default)]
pub struct SignedOutcomes {
    pub records: Vec<SignedOutcome>,
    pub chains: Vec<ChainInput>,
    pub notes: Vec<Shown>,
}

/// A record that counts.
#[derive(Debug)]
pub struct SignedOutcome {
    pub record: Arc<OutcomeRecord>,
    /// How its key ended, if it did: the record was signed before.
    pub key_end: Option<String>,
}

/// Whose signed outcomes count, and until when.
struct Signers<'s> {
    keys: &'s BTreeMap<String, KnownKey>,
    repository: &'s Shown,
    watch_to: Option<i64>,
}

impl Signers<'_> {
    fn key(&self, record: &OutcomeRecord) -> Option<&KnownKey> {
        self.keys.get(&record.verified.key().id().to_string())
    }

    /// Of a key of its principal.
    fn is_own(&self, record: &OutcomeRecord) -> bool {
        self.key(record).is_some_and(|key| key.owners.contains(&record.outcome().principal))
    }

    /// About this repository, and signed while outcomes were looked for.
    fn is_meant(&self, record: &OutcomeRecord) -> bool {
        let outcome = record.outcome();
        Shown::of(&outcome.repository.id) == *self.repository
            && self.watch_to.is_none_or(|end| outcome.issued_at.seconds() <= end)
    }

    /// Signed while its key held. Nobody keeps receipts of outcomes, so the signer's date stands for one, as on a desk;
    /// a gate takes nothing of a key that has ended.
    fn is_fit(&self, record: &OutcomeRecord) -> bool {
        let issued = record.outcome().issued_at.seconds();
        self.key(record).is_some_and(|key| key.enrolment.unfit_when_signed(issued).is_none())
    }

    fn counts(&self, record: &OutcomeRecord) -> bool {
        self.is_own(record) && self.is_meant(record) && self.is_fit(record)
    }

    /// How the key of a record ended, if it did.
    fn key_end(&self, record: &OutcomeRecord) -> Option<String> {
        let key = self.key(record)?;
        match (key.enrolment.revoked, key.enrolment.valid.1) {
            (Some(end), _) => Some(end.to_string()),
            (None, Some(until)) => Some(format!("valid until {}", date(until))),
            (None, None) => (!key.is_in_roster).then(|| "no longer in the policy".to_owned()),
        }
    }
}

/// Reads signed outcomes of the keys that any policy ever had. `end` is the time up to which outcomes are looked for.
///
/// # Errors
/// A ref cannot be read.
pub fn read(
    repository: &Repository,
    looked: &Looked,
    watch_to: Option<i64>,
    end: Option<i64>,
) -> Result<SignedOutcomes, GitError> {
    // Anybody can add chains of other keys.
    let keys = Keys::these(looked.keys.keys().cloned());
    let (chains, unread) = read_outcomes(repository, !looked.is_host, &keys)?;
    let signers = Signers { keys: &looked.keys, repository: &looked.report.repository, watch_to };
    let (mut own, mut notes) = (SignedOutcomes::default(), Vec::new());
    let mut contents: BTreeMap<String, Result<String, String>> = BTreeMap::new();
    for record in in_force(&chains, |record| signers.counts(record)) {
        // Many may be about one commit, and its content may be large.
        let commit = &record.outcome().commit;
        let content = contents.entry(commit.clone()).or_insert_with(|| content_of(repository, commit));
        match content.as_ref().map(|content| *content == record.outcome().manifest.sha256) {
            Ok(true) => {
                own.records.push(SignedOutcome { record: Arc::clone(record), key_end: signers.key_end(record) })
            }
            Ok(false) => notes.push(format!("The commit of the signed outcome {} has other content.", record.id())),
            Err(error) => notes.push(format!("The signed outcome {} cannot be checked: {error}", record.id())),
        }
    }
    notes.extend(told(&chains, &signers, end));
    notes.extend((unread > 0).then(|| {
        let chains = were(unread, "chain of signed outcomes", "chains of signed outcomes");
        format!("{chains} not read: at most {MAX_RECORDS} records of one chain are, and {MAX_OF_KEY} of one key.")
    }));
    let input = |chain: &OutcomeChain| ChainInput {
        chain: Shown::of(&chain.id.to_string()),
        records: chain.len(),
        head: chain.head().map(|head| head.record.to_string()),
    };
    own.chains = chains.iter().map(input).collect();
    own.notes = notes.iter().map(|note| Shown::of(note)).collect();
    Ok(own)
}

/// What must be said of records that do not count, and of chains that are not whole.
fn told(chains: &[OutcomeChain], signers: &Signers<'_>, end: Option<i64>) -> Vec<String> {
    let all = || chains.iter().flat_map(|chain| &chain.records).filter(|record| signers.is_own(record));
    let mut notes = Vec::new();
    let late = all().filter(|record| signers.is_meant(record) && !signers.is_fit(record)).count();
    if late > 0 {
        notes.push(format!(
            "{} signed when their keys had ended, or did not hold yet: they count for nothing.",
            were(late, "record of outcomes", "records of outcomes")
        ));
    }
    for record in all().filter(|record| signers.counts(record) && !record.outcome().supersedes.is_empty()) {
        if let (OutcomeKind::Withdraw, Some(end)) = (record.outcome().kind, signers.key_end(record)) {
            let (id, person) = (record.id(), &record.outcome().principal);
            notes.push(format!("The withdrawal {id} by {person} counts; its key is {end}."));
        }
    }
    // No clock is read here, so what is dated in the future can only be told by the newest landing.
    let ahead = |end: i64| all().filter(|own| signers.counts(own) && own.outcome().issued_at.seconds() > end).count();
    if let Some(end) = end
        && let count @ 1.. = ahead(end)
    {
        let end = Time(end);
        notes.push(format!(
            "{} dated after the newest landing in this report ({end}), by the signers' clocks.",
            were(count, "signed outcome", "signed outcomes")
        ));
    }
    for chain in chains {
        if let Some((position, fault)) = chain.fault {
            let (id, own) = (&chain.id, OutcomeRecord::PREFIX);
            notes.push(format!("Record {position} of the chain of outcomes {own}{id} does not hold: {fault}."));
        }
    }
    notes.extend(lost(chains, signers));
    notes
}

fn were(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one} is") } else { format!("{count} {several} are") }
}

/// Records that a signer saw, and that are not here: each chain once.
fn lost(chains: &[OutcomeChain], signers: &Signers<'_>) -> Vec<String> {
    let index = Index::of(chains);
    let losses = chains.iter().flat_map(|chain| chain.seen.losses(&index));
    let known = losses.filter(|loss| signers.keys.contains_key(&loss.chain.key));
    let seen: BTreeMap<String, u64> = known.map(|loss| (loss.chain.to_string(), loss.head.seq)).collect();
    let told = |(chain, seq): (String, u64)| {
        format!("Somebody signed after record {seq} of the chain of outcomes {chain}, which is not here.")
    };
    seen.into_iter().map(told).collect()
}

/// The SHA-256 of what a commit does to each path.
fn content_of(repository: &Repository, commit: &str) -> Result<String, String> {
    let commit = commit.parse::<ObjectId>().map_err(|error| error.to_string())?;
    let manifest = || -> Result<_, GitError> {
        let diff = repository.past_commit(commit)?.diff(repository)?;
        git::manifest(repository, &diff)
    };
    manifest().map(|manifest| manifest.digest().to_string()).map_err(|error| error.to_string())
}
