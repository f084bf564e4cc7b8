//! Policy, records and clock, prepared to judge segments of a push to one ref.

use std::collections::HashSet;

use super::break_glass::{self, BreakGlassUse};
use super::counted_decision::CountedDecision;
use super::record_status::Validity;
use super::{Input, Lands};
use crate::change::manifest::Manifest;
use crate::decision::Verdict;
use crate::provenance;

pub(super) struct Evaluation<'g> {
    pub input: Input<'g>,
    pub rules: &'static provenance::Rules,
    /// Decisions in force, or expired, for this repository and ref.
    pub decisions: Vec<CountedDecision<'g>>,
    /// Approvals for another repository or ref: they serve as explanations, and never count.
    pub elsewhere: Vec<CountedDecision<'g>>,
    /// Approvals by a cloned or revoked key, or one outside its validity: they serve as explanations, and never count.
    pub void: Vec<CountedDecision<'g>>,
    /// Everything that was ever allowed by break-glass in this repository.
    pub break_glass_uses: Vec<BreakGlassUse<'g>>,
    /// How the host lands what is judged, if it is a proposal.
    pub lands: Option<Lands>,
    known: HashSet<&'g str>,
    rolling_hashes: HashSet<u64>,
}

impl<'g> Evaluation<'g> {
    pub(super) fn new(input: &Input<'g>, target: &str) -> Evaluation<'g> {
        let (policy, now) = (input.policy, input.now);
        let all = CountedDecision::all(policy, input.chains, &input.remembered.receipts, now);
        let break_glass_uses = break_glass::all(policy, &all, now);
        let (mut decisions, mut elsewhere, mut void) = (Vec::new(), Vec::new(), Vec::new());
        for decision in all {
            let predicate = decision.predicate();
            let here = predicate.repository.id == policy.repository && predicate.target.name == target;
            match decision.validity {
                Validity::InForce | Validity::Expired if here => decisions.push(decision),
                Validity::InForce | Validity::Expired => elsewhere.push(decision),
                Validity::Clone | Validity::Unfit(_) if here => void.push(decision),
                _ => {}
            }
        }
        let lands =
            decisions.iter().filter(|decision| decision.is(Verdict::Approve) || decision.is(Verdict::BreakGlass));
        let known = lands.clone().map(|decision| decision.predicate().manifest.sha256.as_str()).collect();
        let rolling_hashes = lands.map(|decision| decision.record.rolling_hash()).collect();
        let rules = provenance::Rules::shipped();
        Evaluation {
            input: *input,
            rules,
            decisions,
            elsewhere,
            void,
            break_glass_uses,
            lands: None,
            known,
            rolling_hashes,
        }
    }

    pub(super) fn of_proposal(input: &Input<'g>, target: &str, lands: Lands) -> Evaluation<'g> {
        Evaluation { lands: Some(lands), ..Evaluation::new(input, target) }
    }

    /// Whether a decision could be about a manifest with this rolling hash: a cheap check before the costly one.
    pub(super) fn may_know(&self, rolling_hash: u64) -> bool {
        self.rolling_hashes.contains(&rolling_hash)
    }

    /// Whether any decision allows this manifest.
    pub(super) fn knows(&self, manifest: &Manifest) -> bool {
        self.known.contains(manifest.digest().to_string().as_str())
    }
}
