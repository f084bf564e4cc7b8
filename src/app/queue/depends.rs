//! What changes of the queue say that they depend on: claims, which arrange rows and are told.

use std::collections::HashMap;

use super::{Entry, Queue};
use crate::change::references::Reference;

/// A change that another one says it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// As it says.
    pub on: Reference,
    /// The ids of the pending changes that are called so.
    pub pending: Vec<String>,
}

impl Dependency {
    /// In words.
    pub fn told(&self) -> String {
        match &self.pending[..] {
            [] => format!("{}, which is not pending here", self.on),
            [id] => format!("{}, which is pending: {id}", self.on),
            ids => format!("{}, as several pending changes are called: {}", self.on, ids.join(", ")),
        }
    }
}

/// What the change of an entry is known as, and which ones it says it depends on, by its commits and on its server.
impl Entry {
    fn known_as(&self) -> impl Iterator<Item = Reference> {
        let page = self.request_info.as_ref().and_then(|info| Reference::parse(&info.pending.page));
        let own = self.change.request().map(|request| Reference::local(request.number));
        self.change.references.known_as.iter().cloned().chain(page).chain(own)
    }

    fn depends_on(&self) -> impl Iterator<Item = &Reference> {
        let told = self.request_info.iter().flat_map(|info| &info.pending.depends_on);
        let stated = &self.change.references.depends_on;
        stated.iter().chain(told.filter(|told| !stated.contains(told)))
    }
}

/// The changes of a queue by the names that others call them.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(HashMap<Reference, Vec<usize>>);

impl Names {
    pub(super) fn of(entries: &[Entry]) -> Names {
        let mut names: HashMap<Reference, Vec<usize>> = HashMap::new();
        // Nobody asks for them otherwise.
        if entries.iter().any(|entry| entry.depends_on().next().is_some()) {
            for (at, entry) in entries.iter().enumerate() {
                entry
                    .known_as()
                    .flat_map(|name| name.shorter())
                    .for_each(|name| names.entry(name).or_default().push(at));
            }
        }
        Names(names)
    }

    /// What an entry depends on, with the positions of what may be meant.
    fn dependencies<'e>(
        &'e self,
        at: usize,
        entries: &'e [Entry],
    ) -> impl Iterator<Item = (&'e Reference, Vec<usize>)> + 'e {
        let repository = entries[at].change.repository;
        entries[at].depends_on().filter_map(move |on| {
            let is_here = |other: &usize| entries[*other].change.repository == repository;
            let mut meant = self.0.get(on).cloned().unwrap_or_default();
            meant.sort_unstable();
            meant.dedup();
            // One request in two clones, or a change proposed to two repositories: the nearest.
            if on.is_local() || meant.iter().any(is_here) {
                meant.retain(is_here);
            }
            // Nothing depends on itself.
            (!meant.contains(&at)).then_some((on, meant))
        })
    }

    /// The first pending change that an entry depends on. Anybody can give a change the Change-Id of another one: where
    /// several are called the same, none is taken.
    pub(super) fn first(&self, at: usize, entries: &[Entry]) -> Option<usize> {
        self.dependencies(at, entries).find_map(|(_, meant)| <[usize; 1]>::try_from(meant).ok().map(|[one]| one))
    }
}

impl Queue {
    /// What an entry says that it depends on.
    pub fn dependencies(&self, entry: &Entry) -> Vec<Dependency> {
        let Some(&at) = self.by_id.get(&entry.change.id) else { return Vec::new() };
        let known = |(on, meant): (&Reference, Vec<usize>)| Dependency {
            on: on.clone(),
            pending: meant.into_iter().map(|at| self.entries[at].change.id.clone()).collect(),
        };
        self.names.dependencies(at, &self.entries).map(known).collect()
    }
}
