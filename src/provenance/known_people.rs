//! What the rules say of the authors and committers that were met before: the commits of a queue are by the same few,
//! and each is asked about whenever a change is judged.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Channel, Evidence};
use crate::change::Identity;

/// The most that are remembered; beyond it, all are forgotten.
const MAX_PEOPLE: usize = 1_024;
/// The most bytes of a name with its address; whoever has longer ones is looked at again.
const MAX_BYTES: usize = 256;

/// A copy of the rules begins without it.
#[derive(Debug, Default)]
pub(super) struct KnownPeople(Mutex<HashMap<(Identity, Channel), Option<Evidence>>>);

impl Clone for KnownPeople {
    fn clone(&self) -> KnownPeople {
        KnownPeople::default()
    }
}

impl KnownPeople {
    /// What `find` says, which must depend on nothing else.
    pub fn evidence_of(
        &self,
        who: &Identity,
        channel: Channel,
        find: impl FnOnce() -> Option<Evidence>,
    ) -> Option<Evidence> {
        if who.name.len() + who.email.len() > MAX_BYTES {
            return find();
        }
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (who.clone(), channel);
        if let Some(found) = known().get(&key) {
            return found.clone();
        }
        let found = find();
        let mut known = known();
        if known.len() >= MAX_PEOPLE {
            known.clear();
        }
        known.insert(key, found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::{Class, Strength};

    fn person(name: String) -> Identity {
        Identity { name, email: "mina@example.com".to_owned() }
    }

    #[test]
    fn who_was_met_is_not_looked_at_again_and_nobody_is_taken_for_another() {
        let known = KnownPeople::default();
        let new = |text: &str| Evidence::new("test", Strength::Weak, Class::Assisted, Channel::Author, text);
        let ask = |name: &str, channel, says: Option<&str>| {
            known.evidence_of(&person(name.to_owned()), channel, || says.map(new)).map(|evidence| evidence.raw)
        };
        assert_eq!(ask("Mina", Channel::Author, Some("one")).as_deref(), Some("one"));
        assert_eq!(ask("Mina", Channel::Author, Some("two")).as_deref(), Some("one"));
        assert_eq!(ask("Mina", Channel::Committer, None), None);
        assert_eq!(ask("Mina", Channel::Committer, Some("two")), None, "that nothing is said is remembered too");
        assert_eq!(ask("mina", Channel::Author, Some("two")).as_deref(), Some("two"));
        assert_eq!(known.clone().0.lock().unwrap().len(), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = KnownPeople::default();
        (0..3 * MAX_PEOPLE).for_each(|n| _ = known.evidence_of(&person(n.to_string()), Channel::Author, || None));
        known.evidence_of(&person("x".repeat(MAX_BYTES)), Channel::Author, || None);
        let held = known.0.lock().unwrap();
        assert!(held.len() <= MAX_PEOPLE && held.keys().all(|(who, _)| who.name.len() < MAX_BYTES));
    }
}
