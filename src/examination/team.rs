//! Whom to ask for what is open, who claimed it: what a team needs to know beside the change itself. It is advice, and
//! depends on the policy, the records, claims, what is touched and the time, never on the change's own words.

use std::collections::{BTreeMap, BTreeSet};

use super::blockers::{to_look_again, to_sign_again};
use super::{ChangeStatus, Examination, RepositorySnapshot};
use crate::change::digest::Digest;
use crate::change::{Change, ObjectId};
use crate::claims::{self, Claim};
use crate::policy::{Ask, Load, OpenChange, Policy, ask};
use crate::source::git::Repository;

/// For how many seconds what somebody read counts as load: 14 days.
const RECENT: i64 = 14 * 86_400;

/// What is known of the people of a repository.
#[derive(Debug, Clone, Default)]
pub struct Team {
    pub claims: Vec<Claim>,
    /// Heads of the changes that are pending.
    pending: BTreeSet<ObjectId>,
    /// Hunks that each person read.
    read: BTreeMap<String, u64>,
}

impl Team {
    /// With the heads of what is pending: a claim of any other counts as no load, since whoever can push can write
    /// such claims in any name.
    pub fn of(
        repository: &Repository,
        snapshot: &RepositorySnapshot,
        pending: impl IntoIterator<Item = ObjectId>,
        now: i64,
    ) -> Team {
        let claims = snapshot.policy().map(|policy| claims::read(repository, policy, now)).unwrap_or_default();
        Team { claims, pending: pending.into_iter().collect(), read: read(snapshot, now) }
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
        status: &ChangeStatus,
        now: i64,
    ) -> Ask {
        let (Some(policy), Some(standing)) = (snapshot.policy(), &examination.standing) else { return Ask::default() };
        if !status.waits() {
            return Ask::default();
        }
        let again = to_sign_again(standing);
        if !again.is_empty() {
            return Ask::of(again);
        }
        let head = change.revision.head;
        let claimed: Vec<String> = self.claims_of(head).map(|claim| claim.by.clone()).collect();
        let open = OpenChange {
            tie: tie(policy, change, examination),
            slots: &standing.slots,
            authors: &standing.authors,
            signed: &standing.approved_by,
            rejected: &to_look_again(policy, standing, now),
            claimed: &claimed,
        };
        ask(policy, &open, &self.loads(head), now)
    }

    /// What everybody has to read besides this head.
    fn loads(&self, besides: ObjectId) -> BTreeMap<String, Load> {
        let of = |(id, hunks): (&String, &u64)| (id.clone(), Load { claims: 0, hunks: *hunks });
        let mut loads: BTreeMap<String, Load> = self.read.iter().map(of).collect();
        for claim in self.claims.iter().filter(|claim| claim.head != besides && self.pending.contains(&claim.head)) {
            loads.entry(claim.by.clone()).or_default().claims += 1;
        }
        loads
    }
}

/// What orders people who have as much to read. It is the same in every clone, and the author of the change has little
/// choice in it: no name of a branch and no id of a commit counts, but the policy, and the files and compartments that
/// must be touched. Files that are new have the names that the author gave them, and do not count.
fn tie(policy: &Policy, change: &Change, examination: &Examination) -> Digest {
    let mut parts = vec![policy.digest.to_string().into_bytes(), change.target.clone().into_bytes()];
    parts.extend(examination.compartments.iter().map(|(name, _)| name.clone().into_bytes()));
    let old = examination.manifest.iter().filter(|(_, old, _)| old.is_some());
    parts.extend(old.map(|(path, ..)| path.0.clone()));
    Digest::of(&parts.join(&0))
}

/// What the records say was read: hunks, which a record counts. Lines are in no record, and counting them would mean to
/// compare again all that was read.
fn read(snapshot: &RepositorySnapshot, now: i64) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    let Some(policy) = snapshot.policy() else { return all };
    for chain in &snapshot.chains {
        let Some(person) = policy.roster.by_key_id(&chain.id.key) else { continue };
        let recent = chain.records.iter().rev().map(|link| &link.verified.statement().predicate);
        for decision in recent.take_while(|decision| decision.issued_at.seconds() > now.saturating_sub(RECENT)) {
            let sum = all.entry(person.id.clone()).or_default();
            *sum = sum.saturating_add(decision.coverage.read_anew());
        }
    }
    all
}
