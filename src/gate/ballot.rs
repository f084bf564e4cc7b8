//! Whose each record is by the roster, and whether it counts at all. The one place that decides this.

use std::collections::HashSet;
use std::fmt;

use crate::decision::Verdict;
use crate::policy::{Person, Policy};
use crate::record::statement::Predicate;
use crate::record::{Chain, Presence, Record, chain};

/// A record with what the roster says of it.
#[derive(Debug, Clone, Copy)]
pub struct Ballot<'c> {
    pub record: &'c Record,
    /// The owner of the key; none where the roster knows no such key, or gives it to somebody else than the principal.
    pub person: Option<&'c Person>,
    /// What the signature proves of the person being there.
    pub presence: Presence,
    pub standing: BallotStanding,
}

/// Whether a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BallotStanding {
    InForce,
    /// An approval whose time is over.
    Expired,
    /// Its principal put another record in its place, or took it back.
    Superseded,
    /// By a security key whose counter went back.
    Clone,
    /// By a key that the roster does not know.
    Stranger,
    /// By a key of somebody else than it says.
    Impostor,
}

impl fmt::Display for BallotStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BallotStanding::InForce => "in force",
            BallotStanding::Expired => "expired",
            BallotStanding::Superseded => "superseded",
            BallotStanding::Clone => "of a cloned key",
            BallotStanding::Stranger => "of no known key",
            BallotStanding::Impostor => "of another's key",
        })
    }
}

impl<'c> Ballot<'c> {
    pub fn predicate(&self) -> &'c Predicate {
        self.record.predicate()
    }
}

/// All sound records, each with its standing at a time, chain by chain.
pub fn ballots<'c>(policy: &'c Policy, chains: &'c [Chain], now: i64) -> Vec<Ballot<'c>> {
    let mut all: Vec<Ballot<'c>> =
        chains.iter().flat_map(|chain| &chain.records).map(|record| ballot(policy, record, now)).collect();
    let counting = |ballot: &&Ballot<'c>| matches!(ballot.standing, BallotStanding::InForce | BallotStanding::Expired);
    let trusted: Vec<&Record> = all.iter().filter(counting).map(|ballot| ballot.record).collect();
    let live: HashSet<_> = chain::in_force(&trusted).into_iter().map(Record::id).collect();
    for ballot in all.iter_mut().filter(|ballot| counting(&&**ballot)) {
        if !live.contains(&ballot.record.id()) {
            ballot.standing = BallotStanding::Superseded;
        }
    }
    all
}

fn ballot<'c>(policy: &'c Policy, record: &'c Record, now: i64) -> Ballot<'c> {
    let Some((owner, enrolment)) = policy.roster.enrolment(record.verified.key()) else {
        return Ballot { record, person: None, presence: Presence::None, standing: BallotStanding::Stranger };
    };
    let predicate = record.predicate();
    let own = owner.id == predicate.principal;
    let standing = if !own {
        BallotStanding::Impostor
    } else if record.clone {
        BallotStanding::Clone
    } else if predicate.verdict == Verdict::Approve && predicate.not_after.0 as i64 <= now {
        BallotStanding::Expired
    } else {
        BallotStanding::InForce
    };
    Ballot { record, person: own.then_some(owner), presence: enrolment.level(record.verified.token()), standing }
}
