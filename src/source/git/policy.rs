//! The policy and the services in a commit, as ordinary files of bounded size.

use std::path::Path;

use super::organization::Known;
use super::{GitError, POLICY_PATH, Repository, object_id, oid, trees};
use crate::change::ObjectId;
use crate::change::diff::Mode;
use crate::change::digest::Digest;
use crate::datafile::{FileError, Mistake};
use crate::policy::{self, Policy, SERVICES_FILE, Services};

/// The state of the policy of a repository.
#[derive(Debug, Clone)]
pub enum PolicyState {
    Found(Box<Policy>),
    Absent,
    Invalid(FileError),
}

/// The most commits in which a policy of before is looked for, and the most versions of it that are read.
const MAX_LINE: usize = 5_000;
const MAX_VERSIONS: usize = 50;

impl Repository {
    /// The SHA-256 of the policy file of a commit, which costs less than reading the policy; none if there is no such
    /// file.
    pub fn policy_digest(&self, commit: ObjectId) -> Option<Digest> {
        self.digest_at(commit, POLICY_PATH)
    }

    /// SHA-256 of a file of a commit that is no larger than a policy may be; none if there is none.
    pub fn digest_at(&self, commit: ObjectId, path: &str) -> Option<Digest> {
        let id = self.file_at(commit, path)?;
        let is_read = self.blob_size(id).ok()? <= policy::MAX_FILE as u64;
        is_read.then(|| self.facts(id).ok().map(|facts| facts.digest)).flatten()
    }

    /// The blob at a path of a commit, read from the trees that are read anyway; none if there is no ordinary file.
    pub(super) fn file_at(&self, commit: ObjectId, path: &str) -> Option<ObjectId> {
        let mut at = (trees::TREE, oid(self.tree_of(commit).ok()?));
        for part in path.split('/') {
            let entries = (at.0 == trees::TREE).then(|| self.entries(at.1).ok()).flatten()?;
            let found = entries.binary_search_by(|(name, ..)| name.as_slice().cmp(part.as_bytes())).ok()?;
            at = (entries[found].1, entries[found].2);
        }
        matches!(trees::mode(at.0), Some(Mode::File | Mode::Executable)).then(|| object_id(at.1))
    }

    /// The bytes of an ordinary file of a commit that is no larger than a policy may be; none if there is none.
    pub(super) fn file_text(&self, commit: ObjectId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let Some(id) = self.file_at(commit, path) else { return Ok(None) };
        if self.blob_size(id)? > policy::MAX_FILE as u64 {
            return Err(GitError::Limit(format!("{path} is larger than 1 MiB.")));
        }
        Ok(Some(self.raw.find_blob(oid(id))?.content().to_vec()))
    }

    /// The commit below a tip with which the policy gave up an id of the repository: the one after the last that had
    /// it, on the line of first parents. None if none is found among the newest.
    pub fn id_given_up(&self, tip: ObjectId, id: &str) -> Option<ObjectId> {
        let (mut after, mut last, mut read) = (None, None, 0);
        for commit in self.first_parents(tip, MAX_LINE).ok()? {
            self.deadline.check().ok()?;
            let file = self.file_at(commit, POLICY_PATH);
            if last.replace(file) != Some(file) && file.is_some() {
                read += 1;
                let policy = (read <= MAX_VERSIONS).then(|| self.policy_at(commit).ok()).flatten()?;
                if matches!(policy, PolicyState::Found(policy) if policy.repository == id) {
                    return after;
                }
            }
            after = Some(commit);
        }
        None
    }

    /// The policy in a commit, with what it has from the organization.
    pub fn policy_at(&self, commit: ObjectId) -> Result<PolicyState, GitError> {
        self.policy_under(commit, &self.organization())
    }

    /// The policy in a commit, with what it has from an organization; or why that cannot be read.
    pub fn policy_under(&self, commit: ObjectId, organization: &Known) -> Result<PolicyState, GitError> {
        let tree = self.raw.find_commit(oid(commit))?.tree()?;
        let entry = match tree.get_path(Path::new(POLICY_PATH)) {
            Ok(entry) => entry,
            Err(error) if error.code() == git2::ErrorCode::NotFound && error.class() != git2::ErrorClass::Odb => {
                return Ok(PolicyState::Absent);
            }
            Err(error) => return Err(error.into()),
        };
        if entry.kind() != Some(git2::ObjectType::Blob) || entry.filemode() == 0o120_000 {
            let text = "the policy must be an ordinary file".to_owned();
            let mistakes = vec![Mistake { line: 1, text }];
            return Ok(PolicyState::Invalid(FileError { file: POLICY_PATH.to_owned(), mistakes }));
        }
        let known = organization.as_ref().ok().and_then(Option::as_deref);
        Ok(match Policy::read(POLICY_PATH, self.raw.find_blob(entry.id())?.content(), known) {
            Ok(policy) => PolicyState::Found(Box::new(policy)),
            Err(mut error) => {
                let unread = organization.as_ref().err();
                error.mistakes.extend(unread.map(|text| Mistake { line: 1, text: text.clone() }));
                PolicyState::Invalid(error)
            }
        })
    }

    /// The services in a commit, none if it has no file of them; or the mistakes of the file.
    ///
    /// # Errors
    /// The commit or one of its trees is missing.
    pub fn services_at(&self, commit: ObjectId) -> Result<Result<Services, FileError>, GitError> {
        let tree = self.raw.find_commit(oid(commit))?.tree()?;
        let entry = match tree.get_path(Path::new(SERVICES_FILE)) {
            Ok(entry) => entry,
            Err(error) if error.code() == git2::ErrorCode::NotFound && error.class() != git2::ErrorClass::Odb => {
                return Ok(Ok(Services::default()));
            }
            Err(error) => return Err(error.into()),
        };
        let refused = |text: &str| {
            let mistakes = vec![Mistake { line: 1, text: text.to_owned() }];
            Ok(Err(FileError { file: SERVICES_FILE.to_owned(), mistakes }))
        };
        if entry.kind() != Some(git2::ObjectType::Blob) || entry.filemode() == 0o120_000 {
            return refused("it must be an ordinary file");
        }
        // A blob of any size must not be read to find out that it is too large.
        let (size, _) = self.raw.odb()?.read_header(entry.id())?;
        if size > policy::MAX_FILE {
            return refused("the file is larger than 1 MiB");
        }
        Ok(Services::read(SERVICES_FILE, self.raw.find_blob(entry.id())?.content()))
    }
}
