//! What a gate keeps of the chains about commands that it verified: a broker adds to its chain with each run, and each
//! push of it would otherwise have all of it verified again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::families::Family;
use super::{VerifiedChains, id_of};
use crate::record::{Chain, Outline};

/// How many records may be verified again each time before what is kept is written anew.
const MAX_UNKEPT: usize = 64;

/// Chains of any families that were verified, by ref, each at the commit in which it ended. A commit never changes, and
/// a chain that does not continue the one that is kept is read from its first link on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlines {
    refs: BTreeMap<String, OutlinedRef>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutlinedRef {
    tip: String,
    chain: Outline,
}

impl Outlines {
    /// The chains of a family, as if they had just been verified.
    pub fn verified<R: Family>(&self) -> VerifiedChains<R> {
        let of_family = self.refs.iter().filter_map(|(name, kept)| Some((name.strip_prefix(R::PREFIX)?, kept)));
        let verified = VerifiedChains::default();
        for (name, kept) in of_family {
            if let (Ok(tip), Some(chain)) = (kept.tip.parse(), kept.chain.chain::<R>(id_of(name))) {
                verified.recall(tip, chain);
            }
        }
        verified
    }

    /// Takes over the chains of a family as the repository holds them and as they were verified just now. Whether so
    /// much of them was not kept that it must be written.
    pub fn update<R: Family>(&mut self, verified: &VerifiedChains<R>, held: &[Chain<R>]) -> bool {
        let unkept = |chain: &Chain<R>| {
            let kept = self.refs.get(&format!("{}{}", R::PREFIX, chain.id));
            let kept = kept.and_then(|kept| kept.chain.chain::<R>(chain.id.clone()));
            let shared = kept.as_ref().map_or(0, |kept| kept.shared_with(chain));
            // What was kept of a chain that went back is of no use.
            let is_continued = kept.is_none_or(|kept| kept.len() == shared);
            if is_continued { chain.len() - shared } else { MAX_UNKEPT }
        };
        let sound = || held.iter().filter(|chain| chain.fault.is_none());
        if sound().map(unkept).sum::<usize>() < MAX_UNKEPT {
            return false;
        }
        let outlined = sound().filter_map(|chain| {
            let name = format!("{}{}", R::PREFIX, chain.id);
            Some((name, OutlinedRef { tip: verified.tip_of(chain)?.to_string(), chain: Outline::of(chain)? }))
        });
        let outlined: Vec<_> = outlined.collect();
        self.refs.retain(|name, _| !name.starts_with(R::PREFIX));
        self.refs.extend(outlined);
        true
    }
}
