//! The packages of a base, read once for each tree: most changes of a queue have the same few bases.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cache::{self, Cache};
use crate::change::ObjectId;
use crate::risk::Packages;
use crate::source::git::{self, Repository};

/// The most trees whose packages are held in memory.
const MAX_HELD: usize = 16;

/// The packages that were read since the repository was opened.
#[derive(Debug, Default)]
pub struct PackagesOf(Mutex<HashMap<(ObjectId, bool), Arc<Packages>>>);

impl PackagesOf {
    /// The packages of a tree, for a list: what is kept on disk is not read again.
    pub(super) fn listed(&self, repository: &Repository, tree: ObjectId, cache: &Cache) -> Arc<Packages> {
        self.held((tree, false), || {
            let key = cache::key("packages", &[&tree.0]);
            if let Some(known) = cache.get::<Packages>(&key) {
                return known;
            }
            let packages = read(repository, tree);
            // If objects are missing, they may be there later.
            if !packages.is_failed() {
                cache.put(key, &packages);
            }
            packages
        })
    }

    /// The packages of a tree, from the objects.
    pub(super) fn read(&self, repository: &Repository, tree: ObjectId) -> Arc<Packages> {
        self.held((tree, true), || read(repository, tree))
    }

    fn held(&self, key: (ObjectId, bool), read: impl FnOnce() -> Packages) -> Arc<Packages> {
        let held = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held().get(&key) {
            return Arc::clone(known);
        }
        let packages = Arc::new(read());
        let mut held = held();
        if held.len() >= MAX_HELD {
            held.clear();
        }
        held.insert(key, Arc::clone(&packages));
        packages
    }
}

fn read(repository: &Repository, tree: ObjectId) -> Packages {
    let read = git::manifests(repository, tree);
    read.map_or_else(|_| Packages::unreadable(), |manifests| Packages::of(&manifests))
}
