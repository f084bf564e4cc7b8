//! Which rules apply to a path. Hundreds of lists of patterns are asked for each file of each change, and the changes
//! of a queue are about the same files: what is found out is remembered for as many paths as a queue has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use globset::Candidate;

use super::{About, Rules, is_test};
use crate::risk::blast::is_run_by_place;
use crate::risk::is_code;

/// The most paths that are remembered; beyond it, all are forgotten.
const MAX_PATHS: usize = 2_048;

/// A path, as the patterns of rules are matched with it.
pub(super) struct PathOfRules<'p> {
    candidate: Candidate<'p>,
    is_test: bool,
    is_code: bool,
}

impl PathOfRules<'_> {
    pub fn of(path: &str) -> PathOfRules<'_> {
        let is_test = is_test(path) && !is_run_by_place(path);
        PathOfRules { candidate: Candidate::new(path), is_test, is_code: is_code(path) }
    }
}

impl About {
    pub(super) fn takes_in(&self, path: &PathOfRules<'_>) -> bool {
        (self.in_tests || !path.is_test)
            && self.code.is_none_or(|code| code == path.is_code)
            && self.paths.as_ref().is_none_or(|globs| globs.is_match_candidate(&path.candidate))
            && !self.not_paths.is_match_candidate(&path.candidate)
    }
}

/// The rules that apply to a path, by their positions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Applicable {
    /// Patterns over lines and paths.
    pub patterns: Vec<usize>,
    /// Rules over facts.
    pub facts: Vec<usize>,
    /// Its reach, if one is known.
    pub reach: Option<usize>,
}

impl Applicable {
    fn of(rules: &Rules, path: &str) -> Applicable {
        let own = PathOfRules::of(path);
        let positions = |about: &mut dyn Iterator<Item = &About>| {
            about.enumerate().filter(|(_, about)| about.takes_in(&own)).map(|(at, _)| at).collect()
        };
        Applicable {
            patterns: positions(&mut rules.rules.iter().map(|rule| &rule.about)),
            facts: positions(&mut rules.facts.iter().map(|rule| &rule.about)),
            reach: rules.reaches.iter().position(|reach| reach.takes_in(path)),
        }
    }
}

/// What was found out; a copy of the rules, to which others may be added, begins without it.
#[derive(Debug, Default)]
pub(super) struct KnownPaths(Mutex<HashMap<String, Arc<Applicable>>>);

impl Clone for KnownPaths {
    fn clone(&self) -> KnownPaths {
        KnownPaths::default()
    }
}

impl Rules {
    pub(super) fn applicable(&self, path: &str) -> Arc<Applicable> {
        let known = || self.known_paths.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = known().get(path) {
            return own.clone();
        }
        let own = Arc::new(Applicable::of(self, path));
        let mut known = known();
        if known.len() >= MAX_PATHS {
            known.clear();
        }
        known.insert(path.to_owned(), own.clone());
        own
    }
}
