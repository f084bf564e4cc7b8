//! What a change needs, and whether it has it. The union over all compartments that it touches; within each, slots are
//! filled by distinct people.

use std::collections::BTreeMap;
use std::fmt;

use super::{Binding, Compartment, Criticality, Kind, POLICY_FILE, Person, Policy, Rank, Slot};
use crate::change::{Identity, RepoPath};
use crate::record::Presence;

/// The name under which the demand of the `[ai]` table is listed.
pub const AI_COMPARTMENT: &str = "ai";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub compartment: String,
    pub criticality: Criticality,
    pub slots: Vec<Slot>,
    pub binding: Binding,
    pub presence: Presence,
}

/// A compartment that stands alone was touched together with something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub compartment: String,
    /// A path outside of it.
    pub path: RepoPath,
    pub compartment_holds_policy: bool,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Compartment {} stands alone, but {} is touched in the same change. Split the change.",
            self.compartment, self.path
        )
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub requirements: Vec<Requirement>,
    pub violations: Vec<Violation>,
}

/// One slot: how many are needed, and who fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub role: String,
    pub need: usize,
    pub have: usize,
    pub by: Vec<String>,
}

impl Policy {
    /// What touching these paths requires. `detected`: there is a sign of AI assistance.
    pub fn requirements<'p>(
        &self,
        paths: impl Iterator<Item = &'p RepoPath>,
        authors: &[Identity],
        detected: bool,
    ) -> Asked {
        let mut touched: BTreeMap<&str, (&Compartment, &RepoPath)> = BTreeMap::new();
        let mut places: Vec<(&RepoPath, Vec<&str>)> = Vec::new();
        for path in paths {
            let compartments = self.compartments_of(path);
            places.push((path, compartments.iter().map(|c| c.name.as_str()).collect()));
            for compartment in compartments {
                touched.entry(&compartment.name).or_insert((compartment, path));
            }
        }
        let solo = touched.values().filter(|(compartment, _)| compartment.solo);
        let violations = solo.filter_map(|(compartment, _)| {
            let (path, _) = places.iter().find(|(_, names)| !names.contains(&compartment.name.as_str()))?;
            Some(Violation {
                compartment: compartment.name.clone(),
                path: (*path).clone(),
                compartment_holds_policy: compartment.holds(POLICY_FILE),
            })
        });
        let violations = violations.collect();
        let mut requirements: Vec<_> = touched.values().map(|(compartment, _)| Requirement::of(compartment)).collect();
        requirements.extend(self.ai_requirement(authors, detected));
        Asked { requirements, violations }
    }

    /// What taking over another person's rejection requires: the signers of the compartment that holds the policy, who
    /// could change the rules as well.
    pub fn hand_over(&self) -> Vec<Requirement> {
        self.compartments_of(&RepoPath::from(POLICY_FILE)).into_iter().map(Requirement::of).collect()
    }

    fn ai_requirement(&self, authors: &[Identity], detected: bool) -> Option<Requirement> {
        let lowest = authors.iter().map(|author| self.roster.rank(author)).min().unwrap_or(Rank::Unknown);
        let n = match lowest {
            Rank::Unknown => self.ai.none,
            Rank::Junior => self.ai.junior,
            Rank::Mid => self.ai.mid,
            Rank::Senior => self.ai.senior,
        };
        ((self.ai.presume || detected) && n > 0).then(|| Requirement {
            compartment: AI_COMPARTMENT.to_owned(),
            criticality: Criticality::Normal,
            slots: vec![Slot { role: "senior".to_owned(), n }],
            binding: Binding::Manifest,
            presence: Presence::None,
        })
    }
}

impl Requirement {
    pub(super) fn of(compartment: &Compartment) -> Requirement {
        Requirement {
            compartment: compartment.name.clone(),
            criticality: compartment.criticality,
            slots: compartment.sign.clone(),
            binding: compartment.binding,
            presence: compartment.presence,
        }
    }

    /// Gives people to slots so that as many places as possible are filled, each person in one.
    pub fn fill(&self, signers: &[&Person]) -> Vec<Filled> {
        let places: Vec<usize> =
            self.slots.iter().enumerate().flat_map(|(slot, s)| std::iter::repeat_n(slot, s.n)).collect();
        let fits = |person: usize, place: usize| {
            signers[person].kind == Kind::Human && signers[person].roles.contains(&self.slots[places[place]].role)
        };
        let mut taken: Vec<Option<usize>> = vec![None; places.len()];
        for person in 0..signers.len() {
            seat(person, &mut taken, &mut vec![false; places.len()], &fits);
        }
        let filled = |(slot, s): (usize, &Slot)| {
            let by: Vec<_> = taken.iter().zip(&places).filter(|(_, at)| **at == slot).filter_map(|(p, _)| *p).collect();
            Filled {
                role: s.role.clone(),
                need: s.n,
                have: by.len(),
                by: by.iter().map(|&p| signers[p].id.clone()).collect(),
            }
        };
        self.slots.iter().enumerate().map(filled).collect()
    }
}

/// Finds a place for a person, moving others where that helps (augmenting paths of a bipartite matching).
fn seat(person: usize, taken: &mut [Option<usize>], tried: &mut [bool], fits: &impl Fn(usize, usize) -> bool) -> bool {
    for place in 0..taken.len() {
        if tried[place] || !fits(person, place) {
            continue;
        }
        tried[place] = true;
        if taken[place].is_none_or(|other| seat(other, taken, tried, fits)) {
            taken[place] = Some(person);
            return true;
        }
    }
    false
}
