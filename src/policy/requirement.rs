//! What a change requires, and whether that is fulfilled. Requirements are the union over all compartments that it
//! touches; within each, slots are filled by distinct people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::{
    AI, BREAK_GLASS, Binding, BreakGlass, Compartment, Criticality, EvidenceNeed, HIDDEN, POLICY_FILE, Person,
    PersonKind, Policy, Rank, Slot,
};
use crate::change::links::Link;
use crate::change::{Identity, RepoPath};
use crate::record::Presence;

/// What one compartment, or one table of the policy, requires of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Its name; [`AI`] and [`super::HIDDEN`] are tables.
    pub compartment: String,
    /// Where it is stated.
    pub source: Source,
    /// How much depends on it.
    pub criticality: Criticality,
    /// Whose signatures it needs.
    pub slots: Vec<Slot>,
    /// The evidence that it needs as well.
    pub evidence: Vec<EvidenceNeed>,
    /// How strictly each of them is tied to what lands.
    pub binding: Binding,
    /// The least that each of them must prove about the presence of the signer.
    pub presence: Presence,
    /// Seconds for which the gate must have known the last needed approval.
    pub cooling: i64,
}

/// Where a requirement is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In a compartment of the repository's own policy.
    Repository,
    /// In a compartment of the organization.
    Organization,
    /// In a table that repository and organization fill together, or in that of emergencies.
    Table,
}

/// A compartment that must change alone was touched together with something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The one that must change alone.
    pub compartment: String,
    /// A path outside of it.
    pub path: RepoPath,
    /// Whether it is the one of the policy file: the reason is then `POLICY_MIXED`, not `SOLO`.
    pub compartment_holds_policy: bool,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Compartment {} must land alone, but {} is touched in the same change. Split the change.",
            self.compartment, self.path
        )
    }
}

/// What is known about AI in a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ai {
    /// A sign of it was found; no claim overrides that.
    Detected,
    /// No sign, which proves nothing.
    Unknown,
    /// No sign, and an authorised person signed that no AI was used.
    Denied,
}

/// Everything that a change requires.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// One for each touched compartment, and one for AI assistance if that requires something.
    pub requirements: Vec<Requirement>,
    /// Violations that no signature can fix: the change must be split.
    pub violations: Vec<Violation>,
    /// The touched compartments, by name.
    pub compartments: Vec<String>,
}

/// One slot: how many are needed, and who fills it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotState {
    /// Whose requirement it is: a compartment, or [`super::AI`], [`super::HIDDEN`] or [`super::BREAK_GLASS`].
    pub compartment: String,
    /// The required role.
    pub slot: String,
    /// How many people of the role must sign.
    pub need: usize,
    /// How many of the signers fill it.
    pub have: usize,
    /// Ids of people of the roster.
    pub by: Vec<String>,
}

impl Asked {
    /// The roles of its slots: of the repository's own compartments and of the organization's apart, if it inherits.
    pub fn roles(&self) -> Vec<BTreeSet<&str>> {
        let roles = |is_of: &dyn Fn(Source) -> bool| -> BTreeSet<&str> {
            let requirements = self.requirements.iter().filter(|requirement| is_of(requirement.source));
            requirements.flat_map(|requirement| &requirement.slots).map(|slot| slot.role.as_str()).collect()
        };
        let apart = [Source::Repository, Source::Organization].map(|source| roles(&|other| other == source));
        match apart.iter().all(|roles| !roles.is_empty()) {
            true => apart.into(),
            false => vec![roles(&|_| true)],
        }
    }
}

impl SlotState {
    /// Whether enough people have signed.
    pub fn is_filled(&self) -> bool {
        self.have >= self.need
    }
}

impl Policy {
    /// What touching these paths requires.
    pub fn requirements<'p>(&self, paths: impl Iterator<Item = &'p RepoPath>, authors: &[Identity], ai: Ai) -> Asked {
        self.requirements_with_links(paths, &[], authors, ai)
    }

    /// As [`Policy::requirements`], including the destinations of the links among the paths.
    pub fn requirements_with_links<'p>(
        &self,
        paths: impl Iterator<Item = &'p RepoPath>,
        links: &[&'p Link],
        authors: &[Identity],
        ai: Ai,
    ) -> Asked {
        let mut touched: BTreeMap<&str, (&Compartment, &RepoPath)> = BTreeMap::new();
        let mut places: Vec<(&RepoPath, Vec<&str>)> = Vec::new();
        let finder = self.finder();
        let of_paths = paths.map(|path| (path, finder.compartments_of(path)));
        let of_places = links.iter().flat_map(|link| link.places()).map(|place| (place, self.compartments_at(place)));
        let of_below = links.iter().flat_map(|link| &link.below).map(|path| (path, finder.compartments_of(path)));
        for (path, compartments) in of_paths.chain(of_places).chain(of_below) {
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
                compartment_holds_policy: compartment.holds(&POLICY_FILE.into()),
            })
        });
        let violations = violations.collect();
        let mut requirements: Vec<_> = touched.values().map(|(compartment, _)| Requirement::of(compartment)).collect();
        requirements.extend(self.ai_requirement(authors, ai));
        let compartments = touched.keys().map(|&name| name.to_owned()).collect();
        Asked { requirements, violations, compartments }
    }

    /// The links in a compartment that lead out of it, to something others sign for, or out of the repository; each
    /// with the compartment that would have to allow it.
    pub fn leading_out<'l>(&self, links: &[&'l Link]) -> Vec<(&'l Link, String)> {
        let landing = links.iter().filter(|link| link.lands);
        let out = landing.flat_map(|link| {
            let compartments = self.compartments_at(&link.path).into_iter();
            compartments.filter(|c| c.lets_out(link)).map(|c| (*link, c.name.clone()))
        });
        out.collect()
    }

    /// What taking over another person's rejection requires: the signers of the compartment that contains the policy,
    /// since they could change the rules as well.
    pub fn hand_over(&self) -> Vec<Requirement> {
        self.own_compartments().into_iter().map(Requirement::of).collect()
    }

    fn ai_requirement(&self, authors: &[Identity], ai: Ai) -> Option<Requirement> {
        let lowest = authors.iter().map(|author| self.roster.rank(author)).min().unwrap_or(Rank::Unknown);
        let n = match lowest {
            Rank::Unknown => self.ai.none,
            Rank::Junior => self.ai.junior,
            Rank::Mid => self.ai.mid,
            Rank::Senior => self.ai.senior,
        };
        let asked = ai == Ai::Detected || (self.ai.presume && ai == Ai::Unknown);
        (asked && n > 0)
            .then(|| Requirement { slots: vec![Slot { role: "senior".to_owned(), n }], ..Requirement::named(AI) })
    }

    /// What invisible characters require in addition.
    pub fn hidden_requirement(&self) -> Option<Requirement> {
        (!self.hidden.is_empty()).then(|| Requirement { slots: self.hidden.clone(), ..Requirement::named(HIDDEN) })
    }

    /// What a signature must prove for the slots of a compartment, or of a table, which asks for nothing.
    pub fn presence_in(&self, compartment: &str) -> Presence {
        self.compartments.iter().find(|c| c.name == compartment).map(|c| c.presence).unwrap_or_default()
    }

    /// What replaces every compartment's requirement in an emergency.
    pub fn emergency(&self) -> Option<Requirement> {
        self.break_glass.as_ref().map(Requirement::of_emergency)
    }
}

impl Requirement {
    /// A requirement that does not come from a compartment.
    pub(super) fn named(name: &str) -> Requirement {
        Requirement {
            compartment: name.to_owned(),
            source: Source::Table,
            criticality: Criticality::Normal,
            slots: Vec::new(),
            evidence: Vec::new(),
            binding: Binding::Manifest,
            presence: Presence::None,
            cooling: 0,
        }
    }

    pub(crate) fn of_emergency(terms: &BreakGlass) -> Requirement {
        Requirement { slots: terms.sign.clone(), presence: terms.presence, ..Requirement::named(BREAK_GLASS) }
    }

    pub(crate) fn of(compartment: &Compartment) -> Requirement {
        Requirement {
            compartment: compartment.name.clone(),
            source: if compartment.is_inherited { Source::Organization } else { Source::Repository },
            criticality: compartment.criticality,
            slots: compartment.sign.clone(),
            evidence: compartment.evidence.clone(),
            binding: compartment.binding,
            presence: compartment.presence,
            cooling: compartment.cooling,
        }
    }

    /// Assigns people to slots so that as many places as possible are filled, each person in one.
    pub fn fill(&self, signers: &[Signer<'_>]) -> Vec<SlotState> {
        let places: Vec<usize> =
            self.slots.iter().enumerate().flat_map(|(slot, s)| std::iter::repeat_n(slot, s.n)).collect();
        let fits = |person: usize, place: usize| signers[person].fits(&self.slots[places[place]]);
        let mut taken: Vec<Option<usize>> = vec![None; places.len()];
        for person in 0..signers.len() {
            seat(person, &mut taken, &mut vec![false; places.len()], &fits);
        }
        let filled = |(slot, s): (usize, &Slot)| {
            let by: Vec<_> = taken.iter().zip(&places).filter(|(_, at)| **at == slot).filter_map(|(p, _)| *p).collect();
            SlotState {
                compartment: self.compartment.clone(),
                slot: s.role.clone(),
                need: s.n,
                have: by.len(),
                by: by.iter().map(|&p| signers[p].person.id.clone()).collect(),
            }
        };
        self.slots.iter().enumerate().map(filled).collect()
    }

    /// Whether these people fill all slots, with nobody in two.
    pub fn is_filled_by(&self, signers: &[Signer<'_>]) -> bool {
        self.fill(signers).iter().all(SlotState::is_filled)
    }
}

/// Somebody who could fill a slot.
#[derive(Debug, Clone)]
pub struct Signer<'p> {
    /// A person in the roster; a bot fills no slot.
    pub person: &'p Person,
    /// The roles that count: those in the roster that the person also had when signing.
    pub roles: BTreeSet<&'p str>,
}

impl<'p> From<&'p Person> for Signer<'p> {
    fn from(person: &'p Person) -> Self {
        Signer { person, roles: person.roles.iter().map(String::as_str).collect() }
    }
}

impl Signer<'_> {
    fn fits(&self, slot: &Slot) -> bool {
        self.person.kind == PersonKind::Human && self.roles.contains(slot.role.as_str())
    }
}

/// Finds a place for a person, reassigning others if necessary (augmenting paths of a bipartite matching).
pub(super) fn seat(
    person: usize,
    taken: &mut [Option<usize>],
    tried: &mut [bool],
    fits: &impl Fn(usize, usize) -> bool,
) -> bool {
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
