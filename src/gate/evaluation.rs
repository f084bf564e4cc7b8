//! Policy, records and clock, prepared to judge segments of a push to one ref.

use std::collections::{HashMap, HashSet};

use super::break_glass::{self, BreakGlassUse};
use super::counted_decision::CountedDecision;
use super::record_status::Validity;
use super::{Input, Lands};
use crate::change::manifest::Manifest;
use crate::decision::Verdict;
use crate::provenance;

pub(super) struct Evaluation<'g> {
    pub input: Input<'g>,
    /// Full name of the ref.
    pub target: String,
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
    /// What decisions allow: the SHA-256 of a manifest by its rolling hash.
    known: HashMap<u64, &'g str>,
    /// Those of other manifests with the same rolling hash.
    colliding: HashSet<&'g str>,
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
        let (mut known, mut colliding) = (HashMap::with_capacity(decisions.len()), HashSet::new());
        for decision in lands {
            let sha256 = decision.predicate().manifest.sha256.as_str();
            if *known.entry(decision.record.rolling_hash()).or_insert(sha256) != sha256 {
                colliding.insert(sha256);
            }
        }
        let rules = provenance::Rules::shipped();
        Evaluation {
            input: *input,
            target: target.to_owned(),
            rules,
            decisions,
            elsewhere,
            void,
            break_glass_uses,
            lands: None,
            known,
            colliding,
        }
    }

    pub(super) fn of_proposal(input: &Input<'g>, target: &str, lands: Lands) -> Evaluation<'g> {
        Evaluation { lands: Some(lands), ..Evaluation::new(input, target) }
    }

    /// Whether a decision could be about a manifest with this rolling hash: a cheap check before the costly one.
    pub(super) fn may_know(&self, rolling_hash: u64) -> bool {
        self.known.contains_key(&rolling_hash)
    }

    /// Whether any decision allows this manifest.
    pub(super) fn knows(&self, manifest: &Manifest) -> bool {
        let Some(known) = self.known.get(&manifest.rolling_hash()) else { return false };
        let digest = manifest.digest().to_string();
        *known == digest || self.colliding.contains(&*digest)
    }
}
