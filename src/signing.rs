//! FLOOR 3: a prepared decision: every byte that will be signed is fixed before the reviewer reads it on the sign
//! sheet.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::change::diff::{Content, Location};
use crate::change::digest::Digest;
use crate::change::manifest::escape;
use crate::change::{Change, Identity, ObjectId, visible};
use crate::decision::{Draft, Note, Verdict};
use crate::examination::{Examination, RepositorySnapshot};
use crate::gate::{Answerable, Signer};
use crate::ledger::families::Family;
use crate::ledger::{self, LedgerError};
use crate::policy::{Person, Policy};
use crate::record::chain::{FINDINGS_FILE, Link, MANIFEST_FILE, file_name};
use crate::record::statement::{
    AnsweredFinding, Coverage, Decimal, Findings, Link as ChainLink, ManifestDigest, Omission, Point, PolicyName,
    Predicate, ProvenanceClaim, RepositoryName, SeenHead, SignedNote, Statement, Subject, SubjectDigest, Target,
};
use crate::record::{Chain, ChainId, Entry, Fault, Record, Signable, chain, json};
use crate::risk;
use crate::signer::{KeyError, SigningKey};
use crate::source::git::Repository;

/// How long an approval is valid, unless the policy shortens it: 14 days, in seconds.
pub const VALIDITY: i64 = 14 * 24 * 3600;
pub(crate) const TOOL: &str = concat!("undersign ", env!("CARGO_PKG_VERSION"));

/// What the reader counted: the reviewer's side of the coverage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub files: usize,
    pub files_seen: usize,
    pub hunks: usize,
    pub hunks_seen: usize,
    pub carried_over: usize,
    pub hidden_characters: usize,
    /// Path, what, and why it was acknowledged (empty: it was not).
    pub omissions: Vec<(String, String, String)>,
}

/// Counts the characters in the texts of a change that are drawn as marks.
pub fn hidden_characters<'c>(contents: impl Iterator<Item = &'c Content>) -> usize {
    contents.filter_map(Content::text).map(visible::hidden_in).sum()
}

/// What is known when a reviewer decides.
pub struct Case<'c> {
    pub change: &'c Change,
    pub examination: &'c Examination,
    pub draft: &'c Draft,
    pub verdict: Verdict,
    pub seen: &'c Seen,
}

/// A statement whose bytes are fixed: a decision on a change, or a person's statement about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared<V = Verdict> {
    pub verdict: V,
    pub payload: Vec<u8>,
    pub chain: ChainId,
    /// What the reviewer types to sign it.
    pub challenge: String,
    seq: u64,
    /// The files that accompany the record, by name.
    files: BTreeMap<String, Vec<u8>>,
}

/// The owner of a key who is about to sign: who it is according to the policy, the state of the chain, and which other
/// records are known.
pub struct Signatory<'p> {
    pub policy: &'p Policy,
    pub person: &'p Person,
    chain: ChainLink,
    seen: Vec<SeenHead>,
}

impl<V> Prepared<V> {
    /// Fixes the bytes of a statement. `challenge` derives what must be typed from its code, the first six hex digits
    /// of the record id.
    ///
    /// # Errors
    /// It could not be read again.
    pub(crate) fn fix<S: Signable>(
        verdict: V,
        statement: &S,
        files: BTreeMap<String, Vec<u8>>,
        challenge: impl FnOnce(&str) -> String,
    ) -> Result<Self, SigningError> {
        let payload = statement.encode();
        if let Err(fault) = S::decode(&payload) {
            return Err(SigningError::Refused(format!(
                "The statement cannot be signed: {fault}. Shorten answers and reason, if they are long."
            )));
        }
        let place = statement.place();
        let chain = ChainId { key: place.key.clone(), device: place.id.clone() };
        let challenge = challenge(&code(&payload));
        Ok(Prepared { verdict, payload, chain, challenge, seq: place.seq.0, files })
    }

    /// The first six hex digits of the record id.
    pub fn code(&self) -> String {
        code(&self.payload)
    }

    /// Signs, verifies, appends to the chain, reads back and verifies again.
    pub(crate) fn append<R: Family>(
        &self,
        repository: &Repository,
        key: &SigningKey,
        passphrase: Option<&str>,
        now: i64,
    ) -> Result<Arc<R>, SigningError> {
        let namespace = <R::Statement as Signable>::NAMESPACE;
        let envelope = key.sign_for(namespace, self.payload.clone(), passphrase).map_err(|error| match error {
            KeyError::PassphraseNeeded => SigningError::PassphraseNeeded,
            other => SigningError::Refused(other.to_string()),
        })?;
        let link = Link { name: file_name(self.seq), envelope: envelope.encode(), files: self.files.clone() };
        ledger::append_to::<R>(repository, &self.chain, link, now).map_err(|error| match error {
            LedgerError::LostPlace => SigningError::LostPlace(error.to_string()),
            other => SigningError::Refused(other.to_string()),
        })
    }
}

fn code(payload: &[u8]) -> String {
    Digest::of(payload).to_string()[..6].to_owned()
}

/// Why a decision could not be prepared or signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningError {
    /// The change is not what was reviewed: the sheet closes.
    Moved(String),
    /// The chain grew meanwhile: prepare and sign again.
    LostPlace(String),
    PassphraseNeeded,
    /// The sheet stays open and shows the reason.
    Refused(String),
}

/// Finds the owner of a key.
pub fn signer_of<'p>(policy: &'p Policy, key: &SigningKey) -> Option<&'p Person> {
    policy.roster.by_key(&key.public)
}

/// Fixes the bytes: reads repository and ledger again, so that anything that moved meanwhile is noticed now.
pub fn prepare(
    case: &Case<'_>,
    snapshot: &RepositorySnapshot,
    key: &SigningKey,
    device: &str,
    nonce: [u8; 16],
    now: i64,
) -> Result<Prepared, SigningError> {
    // What is kept on disk for the queue could have been written by anyone with write access there.
    if !case.examination.from_objects {
        let detail = "What is known of the change was not read from its objects. Open it. Nothing was signed.";
        return Err(SigningError::Refused(detail.to_owned()));
    }
    let (repository, fresh) =
        snapshot.reopened(Some(&case.change.target)).map_err(|error| SigningError::Refused(error.to_string()))?;
    unmoved(case.change, &repository, &fresh)?;
    unrejected(case, snapshot, &fresh)?;
    let signatory = Signatory::of(&repository, &fresh, key, device)?;
    let findings = findings_file(case.examination);
    let statement = statement(case, &fresh, &signatory, &findings, nonce, now);
    Prepared::of(&statement, case.examination.manifest.encode(), findings)
}

impl<'p> Signatory<'p> {
    /// Finds the owner of a key, and checks whether the own chain can be extended.
    pub fn of(
        repository: &Repository,
        snapshot: &'p RepositorySnapshot,
        key: &SigningKey,
        device: &str,
    ) -> Result<Self, SigningError> {
        let Some(policy) = snapshot.policy() else {
            return Err(SigningError::Refused(
                "This repository has no valid policy, so there is no roster that names you. `undersign init` writes \
                 one."
                    .to_owned(),
            ));
        };
        let Some(person) = signer_of(policy, key) else {
            let detail = format!(
                "Your key {} belongs to nobody in the policy's roster: your signature would not count. Nothing was \
                 signed.",
                key.fingerprint()
            );
            return Err(SigningError::Refused(detail));
        };
        let id = ChainId { key: key.public.id().to_string(), device: device.to_owned() };
        let own = ledger::read_chain(repository, &id);
        let known = snapshot.chains.iter().find(|chain| chain.id == id);
        sound(&own).and_then(|()| known.map_or(Ok(()), sound))?;
        if known.is_some_and(|known| known.records.len() > own.records.len()) {
            return Err(SigningError::Refused(
                "A remote holds more of your own chain than this repository. `undersign sync` brings it here; then \
                 sign."
                    .to_owned(),
            ));
        }
        let (seq, prev) = own.next();
        let chain = ChainLink { key: id.key, id: id.device, seq: Decimal(seq), prev, forks: Vec::new() };
        let seen = heads(&snapshot.chains, &chain);
        Ok(Signatory { policy, person, chain, seen })
    }
}

/// Whether the own chain can be extended.
fn sound(chain: &Chain) -> Result<(), SigningError> {
    let Some((position, fault)) = chain.fault else { return Ok(()) };
    let way = match fault {
        Fault::Forked => "`undersign record repair` says which branch holds".to_owned(),
        _ => format!("restore {}{} from another clone", ledger::PREFIX, chain.id),
    };
    Err(SigningError::Refused(format!(
        "Your own chain is damaged at record {position}: {fault}; {way}. Nothing was signed."
    )))
}

impl Prepared {
    fn of(statement: &Statement, manifest: Vec<u8>, findings: Vec<u8>) -> Result<Prepared, SigningError> {
        let verdict = statement.predicate.verdict;
        let files = [(MANIFEST_FILE.to_owned(), manifest), (FINDINGS_FILE.to_owned(), findings)];
        let lands = matches!(verdict, Verdict::Approve | Verdict::BreakGlass);
        let challenge = |code: &str| if lands { code.to_owned() } else { verdict.to_string() };
        Prepared::fix(verdict, statement, files.into(), challenge)
    }

    /// Signs, verifies, appends to the chain, reads back and verifies again.
    pub fn record(
        &self,
        repository: &Repository,
        key: &SigningKey,
        passphrase: Option<&str>,
        now: i64,
    ) -> Result<Record, SigningError> {
        self.append::<Record>(repository, key, passphrase, now).map(|record| Record::clone(&record))
    }
}

/// A decision about an earlier record, not about a change: to withdraw it, to take it over, or to say which branch is
/// valid.
pub struct FollowUp<'r> {
    pub verdict: Verdict,
    /// Base, head, manifest and attachments are those of this record.
    pub about: &'r Record,
    pub supersedes: Vec<String>,
    pub answers: Vec<String>,
    pub forks: Vec<String>,
    pub reason: String,
}

/// Fixes the bytes of a follow-up. Nothing was looked at for it, and its coverage says so.
pub fn follow_up(
    what: FollowUp<'_>,
    signatory: Signatory<'_>,
    nonce: [u8; 16],
    now: i64,
) -> Result<Prepared, SigningError> {
    let earlier = what.about.predicate().clone();
    let predicate = Predicate {
        verdict: what.verdict,
        principal: signatory.person.id.clone(),
        roles: signatory.person.roles.clone(),
        policy: policy_name(signatory.policy),
        findings: Findings { answered: Vec::new(), ..earlier.findings },
        notes: Vec::new(),
        coverage: coverage(&Seen::default()),
        supersedes: what.supersedes,
        answers: what.answers,
        seen: signatory.seen,
        chain: ChainLink { forks: what.forks, ..signatory.chain },
        issued_at: seconds(now),
        not_after: seconds(now + VALIDITY),
        nonce: base16ct::lower::encode_string(&nonce),
        tool: TOOL.to_owned(),
        reason: what.reason,
        ..earlier
    };
    let [subject] = &what.about.verified.statement().subject[..] else {
        return Err(SigningError::Refused("The record that this is about has no subject.".to_owned()));
    };
    let statement = Statement::new(subject.clone(), predicate);
    let link = &what.about.link;
    Prepared::of(&statement, link.file(MANIFEST_FILE).to_vec(), link.file(FINDINGS_FILE).to_vec())
}

/// What moved since a change was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// To this commit.
    Branch(ObjectId),
    /// No ref shows it any more: it was deleted, or its worktree was put on a branch.
    Gone,
    Target(ObjectId),
}

/// Whether the change is still what was read. A range without a ref of its own is not proposed by anything that moves.
pub fn moved(change: &Change, repository: &Repository) -> Option<Moved> {
    let target = || repository.target_named(&change.target).ok().map(|target| target.tip);
    let is_moved = |tip: &ObjectId| *tip != change.revision.target_tip;
    change.refs.first()?;
    stands(change, repository).or_else(|| target().filter(is_moved).map(Moved::Target))
}

/// A rejection that came since the change was opened is not on the screen: whoever lets the change land must know of
/// it, also if it is their own, from another terminal.
fn unrejected(case: &Case<'_>, opened: &RepositorySnapshot, fresh: &RepositorySnapshot) -> Result<(), SigningError> {
    if !matches!(case.verdict, Verdict::Approve | Verdict::HumanOnly | Verdict::BreakGlass) {
        return Ok(());
    }
    let records = |snapshot: &RepositorySnapshot| -> Vec<Arc<Record>> {
        snapshot.chains.iter().flat_map(|chain| chain.records.iter().cloned()).collect()
    };
    let known: HashSet<_> = records(opened).iter().map(|record| record.id()).collect();
    let paths: HashSet<_> = case.examination.manifest.paths().collect();
    let is_news = |record: &&Arc<Record>| {
        let what = record.predicate();
        what.verdict == Verdict::Reject
            && what.target.name == case.change.target
            && !known.contains(&record.id())
            && record.manifest.paths().any(|path| paths.contains(path))
    };
    let signer = |record: &Arc<Record>| Signer::of(fresh.policy(), record);
    let by = records(fresh).iter().filter(is_news).map(signer).find_map(|signer| match signer {
        Signer::Person(id) => Some(id),
        _ => None,
    });
    let Some(by) = by else { return Ok(()) };
    Err(SigningError::Moved(format!(
        "{by} rejected this meanwhile: open it again to see why. Nothing was signed; what you wrote is kept."
    )))
}

fn stands(change: &Change, repository: &Repository) -> Option<Moved> {
    let at = change.refs.first()?;
    match repository.tip_of(at) {
        Some(tip) if tip == change.revision.head => None,
        Some(tip) => Some(Moved::Branch(tip)),
        None => Some(Moved::Gone),
    }
}

fn unmoved(change: &Change, repository: &Repository, fresh: &RepositorySnapshot) -> Result<(), SigningError> {
    let (branch, target) = (stands(change, repository), fresh.target.tip);
    if matches!(branch, Some(Moved::Branch(_))) {
        return Err(SigningError::Moved(
            "The branch moved; what you saw is kept. Open it again to see what changed.".to_owned(),
        ));
    }
    if branch.is_some() {
        return Err(SigningError::Moved(
            "Nothing was signed: the branch was deleted. What you wrote is kept.".to_owned(),
        ));
    }
    if target != change.revision.target_tip {
        return Err(SigningError::Moved(
            "The target moved while you read. Open the change again; your marks are kept.".to_owned(),
        ));
    }
    Ok(())
}

/// Signs a prepared decision, verifies it, appends it to the chain, reads it back and verifies it again.
pub fn sign(
    prepared: &Prepared,
    change: &Change,
    snapshot: &RepositorySnapshot,
    key: &SigningKey,
    passphrase: Option<&str>,
    now: i64,
) -> Result<Record, SigningError> {
    let (repository, fresh) =
        snapshot.reopened(Some(&change.target)).map_err(|error| SigningError::Refused(error.to_string()))?;
    unmoved(change, &repository, &fresh)?;
    prepared.record(&repository, key, passphrase, now)
}

/// `findings.json`: the findings that the reviewer was shown, a row for each place.
fn findings_file(examination: &Examination) -> Vec<u8> {
    let rows = |finding| risk::Finding::locations(finding).map(move |place| row(finding, place, String::new()));
    let rows: Vec<_> = examination.assessment.findings.iter().flat_map(rows).collect();
    json::encode(&rows)
}

fn row(finding: &risk::Finding, place: &Location, answer: String) -> AnsweredFinding {
    AnsweredFinding {
        rule: finding.rule.clone(),
        severity: finding.severity.name().to_owned(),
        path: escape(&place.path),
        line: Decimal(u64::from(place.line)),
        answer,
    }
}

/// An answer at the first place to which it applies. It says that there are others: the record has no member for them,
/// and `findings.json` lists them.
fn answered(finding: &risk::Finding, answer: &str) -> AnsweredFinding {
    let answer = match finding.count() {
        1 => answer.to_owned(),
        count => format!("{answer} [one answer for {count} places]"),
    };
    row(finding, &finding.location, answer)
}

fn statement(
    case: &Case<'_>,
    snapshot: &RepositorySnapshot,
    signatory: &Signatory<'_>,
    findings: &[u8],
    nonce: [u8; 16],
    now: i64,
) -> Statement {
    let (policy, person) = (signatory.policy, signatory.person);
    let (change, examination, draft) = (case.change, case.examination, case.draft);
    let revision = &change.revision;
    let result_tree = examination.result_tree.map(|tree| tree.to_string()).unwrap_or_default();
    let gate_tree = examination.result_tree.unwrap_or(revision.head_tree);
    let subject = Subject {
        name: policy.repository.clone(),
        digest: SubjectDigest { git_commit: revision.head.to_string(), git_tree: gate_tree.to_string() },
    };
    let answers =
        examination.assessment.findings.iter().filter_map(|f| Some(answered(f, draft.answers.get(&f.key())?)));
    let evidence = examination.provenance.evidence.iter().map(|e| format!("{}: {}", e.rule, risk::masked(&e.raw)));
    let authors = examination.authors.iter().map(|author| named(author, policy));
    let predicate = Predicate {
        verdict: case.verdict,
        principal: person.id.clone(),
        roles: person.roles.clone(),
        repository: RepositoryName { id: policy.repository.clone(), uri: snapshot.uri.clone() },
        target: Target { name: change.target.clone(), tip: revision.target_tip.to_string() },
        base: Point { commit: revision.base.to_string(), tree: revision.base_tree.to_string() },
        head: Point { commit: revision.head.to_string(), tree: revision.head_tree.to_string() },
        result_tree,
        manifest: ManifestDigest {
            sha256: examination.manifest.digest().to_string(),
            paths: count(examination.manifest.len()),
        },
        authors: authors.collect(),
        policy: policy_name(policy),
        findings: Findings {
            rules: examination.rules.to_string(),
            sha256: Digest::of(findings).to_string(),
            total: count(examination.assessment.findings.iter().map(risk::Finding::count).sum()),
            answered: answers.collect(),
        },
        notes: notes(case),
        provenance: ProvenanceClaim {
            status: examination.provenance.status.name().to_owned(),
            evidence: evidence.collect(),
        },
        coverage: coverage(case.seen),
        supersedes: superseded(snapshot, policy, person, case),
        answers: answered_rejections(case),
        seen: signatory.seen.clone(),
        chain: signatory.chain.clone(),
        issued_at: seconds(now),
        not_after: seconds(now + VALIDITY.min(policy.limits.validity)),
        challenge: String::new(),
        nonce: base16ct::lower::encode_string(&nonce),
        tool: TOOL.to_owned(),
        reason: draft.reason(case.verdict).trim().to_owned(),
    };
    Statement::new(subject, predicate)
}

/// An author, as a record names one: without a secret, which machines have in an address, unless somebody of the
/// roster is meant: those may not count as approvers.
fn named(author: &Identity, policy: &Policy) -> String {
    let whole = format!("{} <{}>", author.name, author.email);
    if !policy.roster.people_of(author).is_empty() {
        return whole;
    }
    format!("{} <{}>", risk::masked(&author.name), risk::masked(&author.email))
}

/// Notes are included in a rejection, since author and agent act on them. With an approval they stay private.
fn notes(case: &Case<'_>) -> Vec<SignedNote> {
    let signed = |note: &Note| SignedNote {
        path: note.path.clone(),
        side: if note.old_side { "old" } else { "new" }.to_owned(),
        // If the line no longer exists, only the file is named.
        line: Decimal(if note.is_outdated() { 0 } else { u64::from(note.line) }),
        // The record has one line number for a note; the rest is given in words.
        text: match note.until {
            _ if note.is_outdated() => format!("Outdated, about {}: {}", note.quote(), note.text),
            Some(until) => format!("Lines {} to {until}: {}", note.line, note.text),
            None => match &note.whole {
                Some(whole) => format!("On {whole}: {}", note.text),
                None => note.text.clone(),
            },
        },
    };
    case.draft.notes.iter().map(signed).collect()
}

/// Other people's rejections that this decision overrides: an approval those of earlier versions, break-glass all of
/// them.
fn answered_rejections(case: &Case<'_>) -> Vec<String> {
    let standing = case.examination.standing.iter().flat_map(|standing| &standing.to_answer);
    let answers = |answerable: &&Answerable| match case.verdict {
        Verdict::Approve => !answerable.is_veto,
        Verdict::BreakGlass => true,
        _ => false,
    };
    standing.filter(answers).map(|answerable| answerable.record.clone()).collect()
}

pub(crate) fn policy_name(policy: &Policy) -> PolicyName {
    PolicyName { version: Decimal(policy.version), sha256: policy.digest.to_string() }
}

pub(crate) fn seconds(time: i64) -> Decimal {
    Decimal(time.max(0) as u64)
}

pub(crate) fn count(n: usize) -> Decimal {
    Decimal(n as u64)
}

fn coverage(seen: &Seen) -> Coverage {
    let omission = |(path, what, acknowledged): &(String, String, String)| Omission {
        path: path.clone(),
        what: what.clone(),
        acknowledged: acknowledged.clone(),
    };
    Coverage {
        files: count(seen.files),
        files_seen: count(seen.files_seen),
        hunks: count(seen.hunks),
        hunks_seen: count(seen.hunks_seen),
        carried_over: count(seen.carried_over),
        hidden_characters: count(seen.hidden_characters),
        omissions: seen.omissions.iter().map(omission).collect(),
    }
}

/// The signer's own decisions in force about the same content, or about an earlier head of what is decided now: the new
/// one replaces them. Without the second, a rejection would outlive the commit that answered it.
fn superseded(snapshot: &RepositorySnapshot, policy: &Policy, person: &Person, case: &Case<'_>) -> Vec<String> {
    let manifest = case.examination.manifest.digest().to_string();
    let heads: Vec<_> = case.change.revision.commits.iter().map(|commit| commit.id.to_string()).collect();
    let records = snapshot.chains.iter().flat_map(|chain| &chain.records);
    let own: Vec<&Record> = records
        .map(Arc::as_ref)
        .filter(|record| policy.roster.by_key(record.verified.key()).is_some_and(|owner| owner.id == person.id))
        .filter(|record| record.predicate().principal == person.id)
        .collect();
    let same = |record: &&Record| {
        let earlier = record.predicate();
        replaces(case.verdict, earlier.verdict)
            && (earlier.manifest.sha256 == manifest || heads.contains(&earlier.head.commit))
    };
    chain::in_force(&own).into_iter().filter(same).map(|record| record.id().to_string()).collect()
}

/// Whether a person's decision replaces an earlier one of theirs: a claim about how a change was made does not affect
/// what was decided about it, and vice versa.
fn replaces(verdict: Verdict, earlier: Verdict) -> bool {
    use Verdict::{Approve, BreakGlass, HumanOnly, Reject, Withdraw};
    match verdict {
        Approve => matches!(earlier, Approve | Reject),
        Reject => matches!(earlier, Approve | Reject | BreakGlass),
        HumanOnly => earlier == HumanOnly,
        BreakGlass => matches!(earlier, BreakGlass | Reject),
        Withdraw => matches!(earlier, Approve | Reject | HumanOnly | BreakGlass),
        _ => false,
    }
}

/// The heads of all other chains: what the signer knew of, so that a record that is dropped later is missed.
pub(crate) fn heads<'c, R: Entry + 'c>(
    chains: impl IntoIterator<Item = &'c Chain<R>>,
    own: &ChainLink,
) -> Vec<SeenHead> {
    let others = chains.into_iter().filter(|chain| chain.id.key != own.key || chain.id.device != own.id);
    let head = |chain: &Chain<R>| {
        let head = chain.head()?;
        Some(SeenHead { chain: chain.id.to_string(), seq: Decimal(head.seq), record: head.record.to_string() })
    };
    // A ref whose name is not a chain's holds nothing that could be signed.
    others.filter(|chain| chain.id.to_string().parse::<ChainId>().is_ok()).filter_map(head).collect()
}
