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

/// The most changes that are kept of one name: several are as good as none.
const MAX_NAMED: usize = 8;

/// The changes of a queue by the names that others call them: those of one repository, and those of all.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(HashMap<(Option<usize>, Reference), Vec<usize>>);

impl Names {
    pub(super) fn of(entries: &[Entry]) -> Names {
        let mut names = Names::default();
        // Nobody asks for them otherwise.
        if entries.iter().any(|entry| entry.depends_on().next().is_some()) {
            for (at, entry) in entries.iter().enumerate() {
                for name in entry.known_as().flat_map(Reference::shorter) {
                    names.add((Some(entry.change.repository), name.clone()), at);
                    if !name.is_local() {
                        names.add((None, name), at);
                    }
                }
            }
        }
        names
    }

    fn add(&mut self, name: (Option<usize>, Reference), at: usize) {
        let named = self.0.entry(name).or_default();
        if named.len() < MAX_NAMED && named.last() != Some(&at) {
            named.push(at);
        }
    }

    /// What an entry depends on, with the positions of what may be meant: what is in the same repository, or else in
    /// another one. Nothing depends on itself.
    fn dependencies<'e>(
        &'e self,
        at: usize,
        entries: &'e [Entry],
    ) -> impl Iterator<Item = (&'e Reference, &'e [usize])> + 'e {
        let entry = &entries[at];
        let is_own = |on: &&Reference| entry.known_as().flat_map(Reference::shorter).any(|name| name == **on);
        entry.depends_on().filter(move |on| !is_own(on)).map(|on| {
            let named = |place| self.0.get(&(place, on.clone()));
            let meant = named(Some(entry.change.repository)).or_else(|| named(None));
            (on, meant.map_or(&[][..], Vec::as_slice))
        })
    }

    /// The first pending change that an entry depends on. Anybody can give a change the Change-Id of another one: where
    /// several are called the same, none is taken.
    pub(super) fn first(&self, at: usize, entries: &[Entry]) -> Option<usize> {
        self.dependencies(at, entries).find_map(|(_, meant)| if let [one] = meant { Some(*one) } else { None })
    }
}

impl Queue {
    /// What an entry says that it depends on.
    pub fn dependencies(&self, entry: &Entry) -> Vec<Dependency> {
        let Some(&at) = self.by_id.get(&entry.change.id) else { return Vec::new() };
        let known = |(on, meant): (&Reference, &[usize])| Dependency {
            on: on.clone(),
            pending: meant.iter().map(|at| self.entries[*at].change.id.clone()).collect(),
        };
        self.names.dependencies(at, &self.entries).map(known).collect()
    }
}
