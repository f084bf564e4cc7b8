//! Which version of the organization policies inherited from when.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use crate::policy::Organization;
use crate::source::git::Repository;
use crate::source::git::organization::{self, Known, Version};

/// The versions of an organization over time, each read when it is asked for.
pub struct Organizations {
    /// As it is now; none if the repository inherits from nowhere.
    newest: Known,
    /// Where its versions are; none if it was given as a file, which has only one.
    history: Option<(Repository, Vec<Version>)>,
    read: RefCell<HashMap<usize, Known>>,
}

/// Which version of the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionRef {
    Newest,
    /// By its position.
    At(usize),
}

impl Organizations {
    /// Those at a place that the operator named; else those where the settings of the repository say.
    ///
    /// # Errors
    /// A sentence: they cannot be read.
    pub fn of(repository: &Repository, place: Option<&Path>) -> Result<Organizations, String> {
        let setting = repository.organization_setting();
        let place = place.map(Path::to_path_buf).or(setting);
        let place = place.filter(|place| !organization::is_of(place, repository));
        let Some(place) = place else {
            return Ok(Organizations { newest: Ok(None), history: None, read: RefCell::default() });
        };
        let newest = organization::read(&place, None)?;
        let history = match place.is_file() {
            true => None,
            false => {
                let repository = organization::open(&place)?;
                let versions = organization::versions(&repository)?;
                Some((repository, versions))
            }
        };
        Ok(Organizations { newest: Ok(Some(newest.into())), history, read: RefCell::default() })
    }

    fn versions(&self) -> &[Version] {
        self.history.as_ref().map_or(&[], |(_, versions)| versions)
    }

    /// When versions began to count, the oldest first.
    pub fn since(&self) -> impl Iterator<Item = (i64, VersionRef)> + '_ {
        self.versions().iter().enumerate().map(|(at, version)| (version.since, VersionRef::At(at)))
    }

    /// The version at a time. Before the first, that one: nothing could inherit before, whatever a commit is dated.
    pub fn at(&self, time: i64) -> VersionRef {
        let versions = self.versions();
        if versions.is_empty() {
            return VersionRef::Newest;
        }
        VersionRef::At(versions.partition_point(|version| version.since <= time).saturating_sub(1))
    }

    /// The version whose file has this SHA-256.
    pub fn of_digest(&self, digest: &str) -> Option<VersionRef> {
        let is_it = |version: &Version| version.digest.is_some_and(|own| own.to_string() == digest);
        let newest = || self.newest.as_ref().ok()?.as_ref().filter(|newest| newest.digest().to_string() == digest);
        self.versions().iter().rposition(is_it).map(VersionRef::At).or_else(|| newest().map(|_| VersionRef::Newest))
    }

    /// What policies inherited from then.
    pub fn known(&self, version: VersionRef) -> Known {
        let (VersionRef::At(at), Some((repository, versions))) = (version, &self.history) else {
            return self.newest.clone();
        };
        let Some(own) = versions.get(at) else { return self.newest.clone() };
        let read = || organization::at(repository, own.commit).map(|known| Some(known.into()));
        self.read.borrow_mut().entry(at).or_insert_with(read).clone()
    }

    /// As it is now.
    pub fn newest(&self) -> Option<&Organization> {
        self.newest.as_ref().ok()?.as_deref()
    }
}
