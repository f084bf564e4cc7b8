//! Policy, records and clock, made ready to judge segments of a push to one ref.

use std::collections::HashSet;

use super::ballot::{Ballot, BallotStanding, ballots};
use super::emergency::{self, Emergency};
use super::search::print_of;
use super::segment::{Segment, Standing};
use super::{Grounds, Step};
use crate::change::manifest::Manifest;
use crate::change::visible;
use crate::decision::Verdict;
use crate::policy::Person;
use crate::provenance;
use crate::record::statement::Predicate;
use crate::record::{Presence, Record};

/// A decision with the person whose key signed it.
#[derive(Clone, Copy)]
pub(super) struct Vote<'g> {
    pub person: &'g Person,
    pub record: &'g Record,
    /// What the signature proves of the person being there.
    pub presence: Presence,
    /// When the gate first saw it; now, where it has not before.
    pub received: i64,
    pub standing: BallotStanding,
}

impl<'g> Vote<'g> {
    pub fn predicate(self) -> &'g Predicate {
        self.record.predicate()
    }

    pub fn is(self, verdict: Verdict) -> bool {
        self.predicate().verdict == verdict
    }

    pub fn issued(self) -> i64 {
        self.predicate().issued_at.0 as i64
    }

    pub fn expires(self) -> i64 {
        self.predicate().not_after.0 as i64
    }

    /// What the record itself says was not looked at of what it decides.
    pub fn unseen(self) -> Option<String> {
        let (coverage, paths) = (&self.predicate().coverage, self.record.manifest.len());
        let (files, hunks) = (coverage.files_seen.0, coverage.hunks_seen.0);
        if files < paths as u64 {
            return Some(format!("{files} of {paths} files"));
        }
        if hunks < coverage.hunks.0 {
            return Some(format!("{hunks} of {} hunks", coverage.hunks.0));
        }
        let open = coverage.omissions.iter().find(|omission| omission.acknowledged.trim().is_empty())?;
        Some(format!("nothing is said to the omission in {}", visible::text(&open.path)))
    }
}

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
    known: HashSet<&'g str>,
    prints: HashSet<u64>,
}

impl<'g> Court<'g> {
    pub(super) fn new(grounds: &Grounds<'g>, target: &str) -> Court<'g> {
        let (policy, now) = (grounds.policy, grounds.now);
        let all = ballots(policy, grounds.chains, &grounds.remembered.receipts, now);
        let all: Vec<Vote<'g>> = all
            .into_iter()
            .filter_map(|ballot| {
                let (person, received) = (ballot.person?, ballot.received.unwrap_or(now));
                let Ballot { record, presence, standing, .. } = ballot;
                Some(Vote { person, record, presence, received, standing })
            })
            .collect();
        let emergencies = emergency::all(policy, &all);
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
        let prints = lands.map(|vote| print_of(&vote.record.manifest)).collect();
        let rules = provenance::Rules::shipped();
        Court { grounds: *grounds, rules, votes, elsewhere, void, emergencies, known, prints }
    }

    /// Whether a decision could speak of a manifest with this print; a cheap question before the dear one.
    pub(super) fn may_know(&self, print: u64) -> bool {
        self.prints.contains(&print)
    }

    /// Whether any decision lets this manifest land.
    pub(super) fn knows(&self, manifest: &Manifest) -> bool {
        self.known.contains(manifest.digest().to_string().as_str())
    }

    /// Judges steps that together do what `manifest` says.
    pub(super) fn judge(&self, steps: &[Step], manifest: &Manifest) -> Standing {
        Segment::new(self, steps, manifest).judge()
    }
}
