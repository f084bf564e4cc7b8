//! Whom to ask for what is open, who claimed it: what a team needs to know beside the change itself. It is advice, and
//! depends on the policy, the records, claims and the time, never on the change's own words.

use std::collections::BTreeMap;

use super::{Examination, RepositorySnapshot, waits};
use crate::change::{Change, ObjectId};
use crate::claims::{self, Claim};
use crate::policy::{Ask, Load, OpenChange, ask};
use crate::source::git::Repository;

/// For how many seconds what somebody read counts as load: 14 days.
const RECENT: i64 = 14 * 86_400;

/// What is known of the people of a repository.
#[derive(Debug, Clone, Default)]
pub struct Team {
    pub claims: Vec<Claim>,
    loads: BTreeMap<String, Load>,
}

impl Team {
    pub fn of(repository: &Repository, snapshot: &RepositorySnapshot, now: i64) -> Team {
        let claims = snapshot.policy().map(|policy| claims::read(repository, policy, now)).unwrap_or_default();
        let loads = loads(snapshot, &claims, now);
        Team { claims, loads }
    }

    /// Who claimed a head; of several, the one whose claim lasts longest comes last.
    pub fn claims_of(&self, head: ObjectId) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(move |claim| claim.head == head)
    }

    /// Whom to ask for a change; nobody if it does not wait for anybody.
    pub fn ask(
        &self,
        snapshot: &RepositorySnapshot,
        examination: &Examination,
        change: &Change,
        need: &str,
        now: i64,
    ) -> Ask {
        let (Some(policy), Some(standing)) = (snapshot.policy(), &examination.standing) else { return Ask::default() };
        if !waits(need) {
            return Ask::default();
        }
        let open = OpenChange {
            id: &change.id,
            slots: &standing.slots,
            authors: &standing.authors,
            signed: &standing.approved_by,
        };
        ask(policy, &open, &self.loads, now)
    }
}

/// What the records say was read: hunks, which a record counts. Lines are in no record, and counting them would mean to
/// compare again all that was read.
fn loads(snapshot: &RepositorySnapshot, claims: &[Claim], now: i64) -> BTreeMap<String, Load> {
    let mut loads: BTreeMap<String, Load> = BTreeMap::new();
    let Some(policy) = snapshot.policy() else { return loads };
    for claim in claims {
        loads.entry(claim.by.clone()).or_default().claims += 1;
    }
    for chain in &snapshot.chains {
        let Some(person) = policy.roster.by_key_id(&chain.id.key) else { continue };
        let recent = chain.records.iter().rev().map(|link| &link.verified.statement().predicate);
        for decision in recent.take_while(|decision| decision.issued_at.seconds() > now.saturating_sub(RECENT)) {
            let coverage = &decision.coverage;
            let read = coverage.hunks_seen.0.saturating_sub(coverage.carried_over.0);
            let load = loads.entry(person.id.clone()).or_default();
            load.hunks = load.hunks.saturating_add(read);
        }
    }
    loads
}
