//! Policy, records and clock, made ready to judge segments of a push to one ref.

use std::collections::HashSet;

use super::ballot::{Ballot, BallotStanding, ballots};
use super::emergency::{self, Emergency};
use super::vote::Vote;
use super::{Grounds, Lands};
use crate::change::manifest::Manifest;
use crate::decision::Verdict;
use crate::provenance;

pub(super) struct Court<'g> {
    pub grounds: Grounds<'g>,
    pub rules: &'static provenance::Rules,
    /// Decisions in force, or expired, for this repository and ref.
    pub votes: Vec<Vote<'g>>,
    /// Approvals for another repository or ref: they explain, and never count.
    pub elsewhere: Vec<Vote<'g>>,
    /// By a cloned or revoked key, or one outside of its time: they explain, and never count.
    pub void: Vec<Vote<'g>>,
    /// What was ever let through by break-glass in this repository.
    pub emergencies: Vec<Emergency<'g>>,
    /// How a host lands what is judged, where it is a proposal.
    pub lands: Option<Lands>,
    known: HashSet<&'g str>,
    rolling_hashes: HashSet<u64>,
}

impl<'g> Court<'g> {
    pub(super) fn new(grounds: &Grounds<'g>, target: &str) -> Court<'g> {
        let (policy, now) = (grounds.policy, grounds.now);
        let all = ballots(policy, grounds.chains, &grounds.remembered.receipts, now);
        let all: Vec<Vote<'g>> = all
            .into_iter()
            .filter_map(|ballot| {
                let (person, received) = (ballot.person?, ballot.received.unwrap_or(now));
                let Ballot { record, presence, expires, standing, .. } = ballot;
                Some(Vote { person, record, presence, received, expires, standing })
            })
            .collect();
        let emergencies = emergency::all(policy, &all, now);
        let (mut votes, mut elsewhere, mut void) = (Vec::new(), Vec::new(), Vec::new());
        for vote in all {
            let predicate = vote.predicate();
            let here = predicate.repository.id == policy.repository && predicate.target.name == target;
            match vote.standing {
                BallotStanding::InForce | BallotStanding::Expired if here => votes.push(vote),
                BallotStanding::InForce | BallotStanding::Expired => elsewhere.push(vote),
                BallotStanding::Clone | BallotStanding::Unfit(_) if here => void.push(vote),
                _ => {}
            }
        }
        let lands = votes.iter().filter(|vote| vote.is(Verdict::Approve) || vote.is(Verdict::BreakGlass));
        let known = lands.clone().map(|vote| vote.predicate().manifest.sha256.as_str()).collect();
        let rolling_hashes = lands.map(|vote| vote.record.rolling_hash()).collect();
        let rules = provenance::Rules::shipped();
        Court { grounds: *grounds, rules, votes, elsewhere, void, emergencies, lands: None, known, rolling_hashes }
    }

    pub(super) fn of_proposal(grounds: &Grounds<'g>, target: &str, lands: Lands) -> Court<'g> {
        Court { lands: Some(lands), ..Court::new(grounds, target) }
    }

    /// Whether a decision could speak of a manifest with this rolling hash; a cheap question before the costly one.
    pub(super) fn may_know(&self, rolling_hash: u64) -> bool {
        self.rolling_hashes.contains(&rolling_hash)
    }

    /// Whether any decision lets this manifest land.
    pub(super) fn knows(&self, manifest: &Manifest) -> bool {
        self.known.contains(manifest.digest().to_string().as_str())
    }
}
