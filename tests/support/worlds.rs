//! Worlds that a promise is held against, each made from a seed. `UNDERSIGN_WORLDS` sets how many are made, and
//! `UNDERSIGN_WORLD` makes the one of a seed again.
#![allow(dead_code, reason = "shared by several suites")]

use std::collections::BTreeMap;

/// Choices that follow from a seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// The next 64 bits, by SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn of<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }
}

/// Holds a promise against the worlds of many seeds: first of those that found a fault once, then of new ones.
pub fn in_each_world(default: u64, kept: &[u64], mut holds: impl FnMut(&mut Chance) -> Result<(), String>) {
    let told = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match told("UNDERSIGN_WORLD") {
        Some(seed) => vec![seed],
        None => kept.iter().copied().chain(0..told("UNDERSIGN_WORLDS").unwrap_or(default)).collect(),
    };
    for seed in seeds {
        if let Err(broken) = holds(&mut Chance::new(seed)) {
            panic!("The promise is broken in the world of UNDERSIGN_WORLD={seed}: {broken}");
        }
    }
}

/// How often each of a few things was met: worlds that never come to it show nothing.
#[derive(Default)]
pub struct Met(pub BTreeMap<&'static str, usize>);

impl Met {
    pub fn count(&mut self, what: &'static str, is_so: bool) {
        *self.0.entry(what).or_default() += usize::from(is_so);
    }

    pub fn at_least(&self, least: usize) {
        let is_alone = std::env::var_os("UNDERSIGN_WORLD").is_some();
        assert!(is_alone || self.0.values().all(|n| *n >= least), "{:?}", self.0);
    }
}

pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
