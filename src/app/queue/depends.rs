//! What changes of the queue say that they depend on: claims, which arrange rows and are told.

use std::collections::HashMap;

use super::{Entry, Queue};
use crate::change::references::Reference;

/// A change that another one says it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// As it says.
    pub on: Reference,
    /// The id of the pending change that this means; none if none here does.
    pub pending: Option<String>,
}

impl Dependency {
    /// In words.
    pub fn told(&self) -> String {
        match &self.pending {
            Some(id) => format!("{}, which is pending: {id}", self.on),
            None => format!("{}, which is not pending here", self.on),
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

    /// What an entry depends on, with the position of what is meant.
    fn dependencies<'e>(
        &'e self,
        at: usize,
        entries: &'e [Entry],
    ) -> impl Iterator<Item = (&'e Reference, Option<usize>)> + 'e {
        let repository = entries[at].change.repository;
        entries[at].depends_on().filter_map(move |on| {
            let is_here = move |other: usize| entries[other].change.repository == repository;
            let named = self.0.get(on).into_iter().flatten().copied();
            let meant: Vec<usize> = named.filter(|&other| is_here(other) || !on.is_local()).collect();
            // One request in two clones, or a change proposed to two branches: the nearest. Nothing depends on itself.
            let nearest = meant.iter().copied().min_by_key(|&other| !is_here(other));
            (!meant.contains(&at)).then_some((on, nearest))
        })
    }

    /// The first pending change that an entry depends on.
    pub(super) fn first(&self, at: usize, entries: &[Entry]) -> Option<usize> {
        self.dependencies(at, entries).find_map(|(_, meant)| meant)
    }
}

impl Queue {
    /// What an entry says that it depends on.
    pub fn dependencies(&self, entry: &Entry) -> Vec<Dependency> {
        let Some(&at) = self.by_id.get(&entry.change.id) else { return Vec::new() };
        let known = |(on, meant): (&Reference, Option<usize>)| Dependency {
            on: on.clone(),
            pending: meant.map(|at| self.entries[at].change.id.clone()),
        };
        self.names.dependencies(at, &self.entries).map(known).collect()
    }
}
