//! The meaning of a change of the policy for weaker evidence: who may newly sign it, and where it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Direction, Found, Length, added, listed};
use crate::policy::{EvidenceNeed, EvidenceSource, Policy};

impl Found {
    /// What a compartment asks of evidence.
    pub(super) fn needs(&mut self, name: &str, old: &[EvidenceNeed], new: &[EvidenceNeed]) {
        let count = |needs: &[EvidenceNeed]| -> BTreeMap<(bool, String), usize> {
            let key = |need: &EvidenceNeed| (matches!(need, EvidenceNeed::Check { .. }), need.what());
            needs.iter().map(|need| (key(need), need.n())).collect()
        };
        let (before, after) = (count(old), count(new));
        for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let (is_check, what) = key;
            match (before.get(key).copied(), after.get(key).copied()) {
                (None, Some(_)) if *is_check => {
                    self.add(Direction::Stricter, format!("{name} needs the result {what} as well"));
                }
                (Some(_), None) if *is_check => {
                    self.add(Direction::Looser, format!("{name} no longer needs the result {what}"));
                }
                (then, now) if !is_check && then != now => {
                    let (then, now) = (then.unwrap_or_default(), now.unwrap_or_default());
                    self.more(&format!("approvals on {what} that {name} needs:"), then, now);
                }
                _ => {}
            }
        }
    }

    pub(super) fn evidence(&mut self, old: &Policy, new: &Policy) {
        for gone in old.evidence.iter().filter(|source| new.evidence_source(&source.name).is_none()) {
            self.add(Direction::Stricter, format!("the evidence {} is gone: its keys sign none any more", gone.name));
        }
        for source in &new.evidence {
            match old.evidence_source(&source.name) {
                Some(before) => self.source(before, source),
                None => {
                    let keys: Vec<String> = source.keys.iter().map(|own| own.key.fingerprint()).collect();
                    let (kind, keys) = (source.kind.name(), listed(keys.iter()));
                    let text = format!("the evidence {} is new: {kind}, signed by {keys}", source.name);
                    self.add(Direction::Shifted, text);
                }
            }
        }
    }

    fn source(&mut self, old: &EvidenceSource, new: &EvidenceSource) {
        let name = format!("the evidence {}", new.name);
        if (old.kind, &old.server) != (new.kind, &new.server) {
            let what = |source: &EvidenceSource| format!("{} {}", source.kind.name(), source.server).trim().to_owned();
            self.add(Direction::Shifted, format!("{name} is {} instead of {}", what(new), what(old)));
        }
        for check in added(&old.checks, &new.checks) {
            self.add(Direction::Looser, format!("{name} may sign the result {check}"));
        }
        for check in added(&new.checks, &old.checks) {
            self.add(Direction::Stricter, format!("{name} may no longer sign the result {check}"));
        }
        for own in &new.keys {
            let print = own.key.fingerprint();
            match old.keys.iter().find(|other| other.key == own.key) {
                None => self.add(Direction::Looser, format!("{name} has a key more: {print}")),
                Some(before) if before.revoked != own.revoked => {
                    let direction = match (before.revoked, own.revoked) {
                        (None, Some(_)) => Direction::Stricter,
                        (Some(_), None) => Direction::Looser,
                        (Some(then), Some(now)) if now.weakens(then) => Direction::Looser,
                        _ => Direction::Shifted,
                    };
                    let state = own.revoked.map_or("no longer revoked".to_owned(), |end| format!("revoked: {end}"));
                    self.add(direction, format!("the key {print} of {name} is {state}"));
                }
                Some(before) if before.valid != own.valid => {
                    self.add(Direction::Shifted, format!("the key {print} of {name} is valid at other times"));
                }
                Some(_) => {}
            }
        }
        for gone in old.keys.iter().filter(|own| !new.keys.iter().any(|other| other.key == own.key)) {
            // What failed by that key no longer counts either.
            self.add(Direction::Shifted, format!("{name} has a key less: {}", gone.key.fingerprint()));
        }
        self.less(&format!("{name} counts for"), Length(old.valid), Length(new.valid));
        self.more(&format!("{name} binds"), old.binding, new.binding);
    }
}
