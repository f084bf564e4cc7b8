//! A person's decision about a request: fixed, shown, and signed with their own key, like a decision on a change.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CommandLedger, PendingCommand, RequestPage, own_records};
use crate::command::authorization::{Authorization, Finding, Omission, RUNS, RequestText, View};
use crate::command::statement::Statement;
use crate::command::{AuthorizationRecord, Verdict};
use crate::examination::RepositorySnapshot;
use crate::ledger::families::Family;
use crate::policy::{Person, Policy};
use crate::record::statement::{Decimal, Link, RepositoryName, SeenHead};
use crate::record::{Chain, ChainId, Fault, RecordId};
use crate::signer::SigningKey;
use crate::signing::{self, Prepared, SigningError, TOOL, VALIDITY, heads, policy_name, signer_of};
use crate::source::git::Repository;

/// How long a person who authorizes another command of the same operator must answer a refusal: a day, in seconds. A
/// refusal blocks its own command until it is ended.
const REFUSAL: i64 = 24 * 3600;

/// The number of chains of one key that a record names: the owner of a key can create any number of chains.
const HEADS: usize = 8;

/// A person's decision, and how much of the page they had seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandDecision {
    pub verdict: Verdict,
    pub reason: String,
    /// Rows of the page that were on the screen.
    pub seen: usize,
    /// One for each finding of the page; blank if it was not answered.
    pub answers: Vec<String>,
    /// One for each omission, likewise.
    pub acknowledged: Vec<String>,
}

/// Fixes the bytes: reads repository and ledger again, so that what arrived meanwhile is noticed now.
///
/// # Errors
/// The page is no longer the one that was read; or the reason why nothing can be signed.
pub fn prepare(
    decision: &CommandDecision,
    (id, page): (RecordId, &RequestPage),
    snapshot: &RepositorySnapshot,
    (key, device): (&SigningKey, &str),
    nonce: [u8; 16],
    now: i64,
) -> Result<Prepared<Verdict>, SigningError> {
    let found = Found::anew(snapshot, (id, page), decision.verdict, key, now)?;
    let authorization = found.authorization(decision, page, (key, device), nonce, now)?;
    let verdict = decision.verdict;
    let (target, is_destructive) = (authorization.target.clone(), page.is_destructive);
    let challenge = |code: &str| match verdict {
        Verdict::Authorize | Verdict::BreakGlass if is_destructive => format!("{target} {code}"),
        Verdict::Authorize | Verdict::BreakGlass => code.to_owned(),
        other => other.to_string(),
    };
    Prepared::fix(verdict, &Statement::new(authorization), BTreeMap::new(), challenge)
}

/// Signs what was prepared, verifies it, appends it to the chain, reads it back and verifies it again.
///
/// # Errors
/// Like [`prepare`], or it could not be signed or written.
pub fn sign(
    prepared: &Prepared<Verdict>,
    (id, page): (RecordId, &RequestPage),
    snapshot: &RepositorySnapshot,
    key: &SigningKey,
    passphrase: Option<&str>,
    now: i64,
) -> Result<Arc<AuthorizationRecord>, SigningError> {
    let found = Found::anew(snapshot, (id, page), prepared.verdict, key, now)?;
    prepared.append::<AuthorizationRecord>(&found.repository, key, passphrase, now)
}

/// The current state of a request, for a person who is about to sign.
struct Found {
    repository: Repository,
    snapshot: RepositorySnapshot,
    policy: Policy,
    person: Person,
    ledger: CommandLedger,
    pending: PendingCommand,
}

impl Found {
    fn anew(
        snapshot: &RepositorySnapshot,
        (id, page): (RecordId, &RequestPage),
        verdict: Verdict,
        key: &SigningKey,
        now: i64,
    ) -> Result<Found, SigningError> {
        let refused = |error: crate::source::git::GitError| SigningError::Refused(error.to_string());
        // By the rules that made the page for the reader: new rules do not change the request.
        let rules = snapshot.rules();
        let (repository, snapshot) = snapshot.reopened(None).map_err(refused)?;
        let Some(policy) = snapshot.policy().cloned() else {
            let told = "This repository has no valid policy, so there is no target and no roster.";
            return Err(SigningError::Refused(told.to_owned()));
        };
        let Some(person) = signer_of(&policy, key).cloned() else {
            let detail = format!(
                "Your key {} belongs to nobody in the policy's roster: your signature would not count. Nothing was \
                 signed.",
                key.fingerprint()
            );
            return Err(SigningError::Refused(detail));
        };
        let ledger = CommandLedger::read(&repository, &policy).map_err(refused)?;
        let pending = ledger.find(&policy, id, Some(&person.id), now);
        let moved = |why: &str| Err(SigningError::Moved(format!("{why} Open it again. Nothing was signed.")));
        let Some(pending) = pending else {
            return moved("The policy no longer has such a target, or another broker serves it.");
        };
        // A refusal is about the command, whatever else has changed.
        let is_same = || RequestPage::of(&pending, &ledger, &policy, rules).digest() == page.digest();
        if verdict != Verdict::Refuse && !is_same() {
            return moved("This request has changed since you read it.");
        }
        if let (Verdict::Authorize | Verdict::BreakGlass, Some(why)) = (verdict, pending.closed()) {
            return moved(&why);
        }
        Ok(Found { repository, snapshot, policy, person, ledger, pending })
    }

    fn authorization(
        &self,
        decision: &CommandDecision,
        page: &RequestPage,
        (key, device): (&SigningKey, &str),
        nonce: [u8; 16],
        now: i64,
    ) -> Result<Authorization, SigningError> {
        let (run, verdict) = (self.pending.record.run(), decision.verdict);
        let chain = self.place(key, device)?;
        let seen = self.seen(&chain);
        let is_about_request = matches!(verdict, Verdict::Authorize | Verdict::Refuse | Verdict::BreakGlass);
        let text = String::from_utf8(self.pending.record.verified.payload())
            .map_err(|_| SigningError::Refused("The request is not text. Nothing was signed.".to_owned()))?;
        let request = RequestText { id: self.pending.id.to_string(), text };
        let digest = run.command_digest().map(|digest| digest.to_string()).unwrap_or_default();
        let nothing = RequestText { id: String::new(), text: String::new() };
        let (request, command) = if is_about_request { (request, digest) } else { (nothing, String::new()) };
        Ok(Authorization {
            verdict,
            principal: self.person.id.clone(),
            roles: self.person.roles.clone(),
            repository: RepositoryName { id: self.policy.repository.clone(), uri: self.snapshot.uri.clone() },
            target: run.target.clone(),
            broker: run.broker.clone(),
            request,
            command,
            view: view(decision, page),
            findings: findings(decision, page),
            policy: policy_name(&self.policy),
            runs: Decimal(RUNS),
            issued_at: signing::seconds(now),
            not_before: signing::seconds(now),
            not_after: signing::seconds(now.saturating_add(self.validity(verdict))),
            supersedes: self.superseded(verdict, now),
            answers: self.answered(verdict),
            chain,
            seen,
            nonce: base16ct::lower::encode_string(&nonce),
            tool: TOOL.to_owned(),
            reason: decision.reason.trim().to_owned(),
        })
    }

    /// What is known of the other chains of people and brokers of the policy: the longest ones of each key.
    fn seen(&self, own: &Link) -> Vec<SeenHead> {
        let mut seen = heads(self.ledger.people(), own);
        seen.extend(heads(self.ledger.runs(), own));
        let key = |head: &SeenHead| head.chain.split('/').next().unwrap_or_default().to_owned();
        seen.sort_by_key(|head| (key(head), Reverse(head.seq.0)));
        let per_key = seen.chunk_by(|a, b| key(a) == key(b)).flat_map(|heads| heads.iter().take(HEADS));
        per_key.cloned().collect()
    }

    fn validity(&self, verdict: Verdict) -> i64 {
        let own = self.policy.target(self.pending.target()).map_or(0, |target| target.valid);
        match verdict {
            Verdict::Authorize | Verdict::BreakGlass => own,
            Verdict::Refuse => REFUSAL.max(own),
            Verdict::Withdraw | Verdict::Handover | Verdict::Repair => VALIDITY,
        }
    }

    /// Own records that this one replaces.
    fn superseded(&self, verdict: Verdict, now: i64) -> Vec<String> {
        let people = self.ledger.people();
        let own = own_records(&self.policy, people, &self.pending.record, &self.person.id, now);
        let replaces = |earlier: Verdict| match verdict {
            Verdict::Authorize => matches!(earlier, Verdict::Authorize | Verdict::Refuse),
            Verdict::BreakGlass => matches!(earlier, Verdict::BreakGlass | Verdict::Refuse),
            Verdict::Refuse | Verdict::Withdraw => true,
            Verdict::Handover | Verdict::Repair => false,
        };
        let replaced = own.iter().filter(|record| replaces(record.authorization().verdict));
        replaced.map(|record| record.id().to_string()).collect()
    }

    /// Refusals by others that the signer answers for. The page shows them all.
    fn answered(&self, verdict: Verdict) -> Vec<String> {
        let refusals = &self.pending.refusals;
        let ids = |refusals: &[crate::command::ShownRefusal]| {
            let others = refusals.iter().filter(|refusal| refusal.by != self.person.id);
            others.map(|refusal| refusal.record.to_string()).collect()
        };
        match verdict {
            // An own refusal of another command must be answered as well.
            Verdict::Authorize | Verdict::BreakGlass => {
                refusals.to_answer.iter().map(|refusal| refusal.record.to_string()).collect()
            }
            Verdict::Handover => ids(&refusals.holding),
            Verdict::Refuse | Verdict::Withdraw | Verdict::Repair => Vec::new(),
        }
    }

    /// The next position in the signer's own chain.
    fn place(&self, key: &SigningKey, device: &str) -> Result<Link, SigningError> {
        let id = ChainId { key: key.public.id().to_string(), device: device.to_owned() };
        let own: Chain<AuthorizationRecord> = AuthorizationRecord::chain(&self.repository, &id);
        let known = self.ledger.people().iter().find(|chain| chain.id == id);
        // What somebody adds to the copy at a remote prevents nobody from signing here.
        let forked = known.and_then(|known| known.fault).filter(|(_, fault)| *fault == Fault::Forked);
        if let Some((position, fault)) = own.fault.or(forked) {
            return Err(SigningError::Refused(format!(
                "Your own chain about commands is damaged at record {position}: {fault}; restore {}{id} from another \
                 clone. Nothing was signed.",
                AuthorizationRecord::PREFIX
            )));
        }
        if known.is_some_and(|known| known.len() > own.len()) {
            return Err(SigningError::Refused(
                "A remote holds more of your own chain than this repository. `undersign sync` brings it here; then \
                 sign."
                    .to_owned(),
            ));
        }
        let (seq, prev) = own.next();
        Ok(Link { key: id.key, id: id.device, seq: Decimal(seq), prev, forks: Vec::new() })
    }
}

fn view(decision: &CommandDecision, page: &RequestPage) -> View {
    let omission = |(at, what): (usize, &String)| Omission {
        what: what.clone(),
        acknowledged: decision.acknowledged.get(at).cloned().unwrap_or_default(),
    };
    View {
        sha256: page.digest().to_string(),
        rows: signing::count(page.rows.len()),
        seen: signing::count(decision.seen),
        omissions: page.omissions.iter().enumerate().map(omission).collect(),
    }
}

fn findings(decision: &CommandDecision, page: &RequestPage) -> Vec<Finding> {
    let finding = |(at, finding): (usize, &crate::risk::Finding)| Finding {
        rule: finding.rule.clone(),
        severity: finding.severity.name().to_owned(),
        answer: decision.answers.get(at).cloned().unwrap_or_default(),
    };
    page.findings.iter().enumerate().map(finding).collect()
}
