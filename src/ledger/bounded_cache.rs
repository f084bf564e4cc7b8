//! What a long-running process keeps in memory up to a bound, so that its cost grows with what is beyond that and does
//! not jump: of values that are asked for in turn, those that fit stay, and are not driven out by the others.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key, up to a number of bytes, and the last one that is larger than that.
pub(super) struct Recent<K, V> {
    held: HashMap<K, Held<V>>,
    large: Option<(K, V)>,
    bytes: usize,
    max: usize,
    /// How often something was asked for or kept.
    turn: usize,
}

struct Held<V> {
    value: V,
    bytes: usize,
    /// The turn in which it was last asked for.
    used: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    pub fn within(max: usize) -> Recent<K, V> {
        Recent { held: HashMap::new(), large: None, bytes: 0, max, turn: 0 }
    }

    pub fn get(&mut self, key: &K) -> Option<V> {
        self.turn += 1;
        let large = || self.large.as_ref().filter(|(held, _)| held == key).map(|(_, value)| value.clone());
        match self.held.get_mut(key) {
            Some(held) => {
                held.used = self.turn;
                Some(held.value.clone())
            }
            None => large(),
        }
    }

    /// Keeps a value in the place of an earlier one, if there is room or something that was not asked for in a long
    /// time makes some.
    pub fn keep(&mut self, key: K, value: V, bytes: usize) {
        self.turn += 1;
        self.forget(&key);
        if bytes > self.max {
            self.large = Some((key, value));
            return;
        }
        while self.bytes + bytes > self.max {
            let Some(idle) = self.idle() else { return };
            self.forget(&idle);
        }
        self.bytes += bytes;
        self.held.insert(key, Held { value, bytes, used: self.turn });
    }

    fn forget(&mut self, key: &K) {
        self.bytes -= self.held.remove(key).map_or(0, |held| held.bytes);
        self.large = self.large.take().filter(|(held, _)| held != key);
    }

    /// The one that was not asked for in the longest time, if that is so long that others are asked for instead.
    fn idle(&self) -> Option<K> {
        let (key, held) = self.held.iter().min_by_key(|(_, held)| held.used)?;
        // Where all take turns, each that is held and as many others are asked for meanwhile, and kept: three turns.
        (self.turn - held.used > 3 * self.held.len().max(8)).then(|| key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these are found when each is asked for in turn, and kept if it was not.
    fn round(recent: &mut Recent<usize, usize>, keys: std::ops::Range<usize>) -> usize {
        let mut found = 0;
        for key in keys {
            match recent.get(&key) {
                Some(value) => {
                    assert_eq!(value, key);
                    found += 1;
                }
                None => recent.keep(key, key, 10),
            }
        }
        found
    }

    #[test]
    fn past_the_bound_what_fits_is_found_as_before() {
        let mut recent = Recent::within(1_000);
        assert_eq!(round(&mut recent, 0..100), 0);
        assert_eq!(round(&mut recent, 0..100), 100);
        for _ in 0..20 {
            assert_eq!(round(&mut recent, 0..101), 100, "one more, and one is read each time");
        }
        for _ in 0..20 {
            assert_eq!(round(&mut recent, 0..150), 100);
        }
        assert!(recent.bytes <= 1_000);
    }

    #[test]
    fn what_nobody_asks_for_any_more_makes_room() {
        let mut recent = Recent::within(1_000);
        round(&mut recent, 0..100);
        for _ in 0..20 {
            round(&mut recent, 1_000..1_100);
        }
        assert_eq!(round(&mut recent, 1_000..1_100), 100);
        assert_eq!((recent.held.len(), recent.bytes), (100, 1_000));
    }

    #[test]
    fn one_that_is_larger_than_the_bound_is_kept_beside_the_others() {
        let mut recent = Recent::within(1_000);
        round(&mut recent, 0..50);
        recent.keep(1_000, 1_000, 5_000);
        assert_eq!(recent.get(&1_000), Some(1_000));
        assert_eq!(round(&mut recent, 0..50), 50);
        recent.keep(1_000, 1_001, 20);
        assert_eq!((recent.get(&1_000), recent.large.is_none()), (Some(1_001), true), "it shrank");
        recent.keep(2_000, 2_000, 5_000);
        recent.keep(3_000, 3_000, 5_000);
        assert_eq!((recent.get(&2_000), recent.get(&3_000)), (None, Some(3_000)), "the last of them");
    }
}
