//! The signed records that a repository has, and their owners.

use std::path::Path;

use super::only;
use crate::change::visible;
use crate::examination::RepositorySnapshot;
use crate::gate::{self, Receipts, RecordStatus};
use crate::policy::Policy;
use crate::source::git::{GitError, PolicyState};

/// The records of a repository and of its remotes, and the policy that says whose they are.
pub(super) struct Book {
    pub snapshot: RepositorySnapshot,
}

impl Book {
    pub fn open(path: &Path) -> Result<Book, String> {
        let (_, snapshot) = RepositorySnapshot::open(path).map_err(|error: GitError| error.to_string())?;
        Ok(Book { snapshot })
    }

    pub fn policy(&self) -> Result<&Policy, String> {
        match &self.snapshot.policy {
            PolicyState::Found(policy) => Ok(policy),
            PolicyState::Absent => {
                Err("There is no policy on the policy branch, so nobody's key is known. `undersign init` writes one."
                    .to_owned())
            }
            PolicyState::Invalid(error) => Err(visible::lines(&error.to_string())),
        }
    }

    /// All records by the time they claim, then by chain and number.
    pub fn record_statuses(&self) -> Result<Vec<RecordStatus<'_>>, String> {
        let chains = &self.snapshot.chains;
        let mut statuses =
            gate::record_statuses(self.policy()?, chains, &Receipts::claimed(chains), crate::clock::now());
        statuses.sort_by_key(|status| status.predicate().issued_at);
        Ok(statuses)
    }

    /// The record whose id begins so.
    pub fn find(&self, id: &str) -> Result<RecordStatus<'_>, String> {
        let begins = |status: &RecordStatus<'_>| status.record.id().to_string().starts_with(id);
        let found = only(id, self.record_statuses()?.into_iter().filter(begins))?;
        let missing =
            || format!("There is no record `{}` here; `undersign record list` lists them.", visible::text(id));
        found.ok_or_else(missing)
    }
}
