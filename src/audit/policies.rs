//! Which policy was in force when: the one that the policy branch showed before a landing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::line::Place;
use super::organizations::{Organizations, VersionRef};
use crate::change::digest::Digest;
use crate::change::{ObjectId, visible};
use crate::gate_state::Entry;
use crate::policy::{Enrolment, Policy};
use crate::source::git::{GitError, PolicyState, Repository};

/// The state of a policy.
#[derive(Debug, Clone)]
pub enum Held {
    Found(Arc<Policy>),
    Absent,
    /// It has mistakes: a sentence.
    Invalid(String),
}

/// The policy by which the gate judged, as its log names it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'t> {
    /// SHA-256 of its file.
    pub policy: &'t str,
    /// SHA-256 of the file of the organization that it inherited from.
    pub organization: Option<&'t str>,
    /// In seconds since the epoch.
    pub at: i64,
}

impl<'t> Told<'t> {
    /// None if the line names no policy.
    pub fn of(entry: &'t Entry) -> Option<Told<'t>> {
        Some(Told { policy: entry.policy.as_deref()?, organization: entry.organization.as_deref(), at: entry.at })
    }
}

/// The people to whom policies gave a key, by its id.
pub type Owners = BTreeMap<String, BTreeSet<String>>;

/// The policies of a repository over time.
pub struct Policies<'r> {
    repository: &'r Repository,
    organizations: Organizations,
    /// Given by the operator: then it applies to all times.
    fixed: Option<Arc<Policy>>,
    pub branch: Option<String>,
    places: HashMap<ObjectId, usize>,
    line: Vec<Place>,
    /// Since when each place was on the branch.
    since: Vec<i64>,
    /// Where along the policy branch its file changes, and to what; including the first place.
    changes: Vec<(usize, Option<Digest>)>,
    read: RefCell<HashMap<(Option<Digest>, VersionRef), Held>>,
}

impl<'r> Policies<'r> {
    /// # Errors
    /// A sentence: the file cannot be read, or has mistakes.
    pub fn of_file(
        repository: &'r Repository,
        organizations: Organizations,
        file: &Path,
        branch: Option<String>,
    ) -> Result<Policies<'r>, String> {
        let source = std::fs::read(file)
            .map_err(|error| format!("The policy file {} cannot be read: {error}.", file.display()))?;
        let policy = Policy::read(&file.display().to_string(), &source, organizations.newest())
            .map_err(|error| visible::lines(&error.to_string()))?;
        let own = Policies::of_line(repository, organizations, branch, Vec::new());
        Ok(Policies { fixed: Some(Arc::new(policy)), ..own })
    }

    /// `line` is the line of the policy branch, oldest first.
    pub fn of_line(
        repository: &'r Repository,
        organizations: Organizations,
        branch: Option<String>,
        line: Vec<Place>,
    ) -> Policies<'r> {
        let mut changes: Vec<(usize, Option<Digest>)> = Vec::new();
        for (at, place) in line.iter().enumerate() {
            let digest = repository.policy_digest(place.commit);
            if changes.last().is_none_or(|(_, last)| *last != digest) {
                changes.push((at, digest));
            }
        }
        let places = line.iter().enumerate().map(|(at, place)| (place.commit, at)).collect();
        let (fixed, read) = Default::default();
        let since = Vec::new();
        let own = Policies { repository, organizations, fixed, branch, places, line, since, changes, read };
        own.dated_by(|_| None)
    }

    /// The same policies, dated by what a log says about when each place landed. For other places, the committer's date
    /// is used within bounds: no place landed before those below it, or after those above it.
    pub fn dated_by(mut self, log: impl Fn(usize) -> Option<i64>) -> Policies<'r> {
        let mut upper = i64::MAX;
        let mut since = vec![0; self.line.len()];
        for (at, place) in self.line.iter().enumerate().rev() {
            let told = log(at);
            since[at] = told.unwrap_or(place.time).min(upper);
            upper = told.map_or(upper, |told| told.min(upper));
        }
        let mut latest = i64::MIN;
        for time in &mut since {
            latest = latest.max(*time);
            *time = latest;
        }
        self.since = since;
        self
    }

    /// The position of a commit on the line of the policy branch.
    pub fn place(&self, commit: ObjectId) -> Option<usize> {
        self.places.get(&commit).copied()
    }

    /// Whether it was given by the operator, and so is the same for all times.
    pub fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// The line of the policy branch, oldest first.
    pub fn line(&self) -> &[Place] {
        &self.line
    }

    /// What policies inherited from over time.
    pub fn organizations(&self) -> &Organizations {
        &self.organizations
    }

    /// The policy at the tip.
    pub fn newest(&self) -> Result<Held, GitError> {
        self.at_place(self.line.len().checked_sub(1), self.organizations.at(i64::MAX))
    }

    /// The policy at a commit of the policy branch, with the organization at a time.
    pub fn at_commit(&self, commit: Option<ObjectId>, time: i64) -> Result<Held, GitError> {
        self.at_place(commit.and_then(|commit| self.place(commit)), self.organizations.at(time))
    }

    /// The policy at a time, as far as that is known.
    pub fn at_time(&self, time: i64) -> Result<Held, GitError> {
        let place = self.since.partition_point(|since| *since <= time).checked_sub(1);
        self.at_place(place, self.organizations.at(time))
    }

    /// The policy that a log names, if the policy branch ever had it.
    pub fn told(&self, told: &Told<'_>) -> Option<Result<Held, GitError>> {
        if let Some(fixed) = &self.fixed {
            return (fixed.digest.to_string() == told.policy).then(|| Ok(Held::Found(fixed.clone())));
        }
        let is_it = |(_, own): &&(usize, Option<Digest>)| own.is_some_and(|own| own.to_string() == told.policy);
        let (at, _) = self.changes.iter().rev().find(is_it)?;
        Some(match self.version(told.organization, told.at) {
            Ok(version) => self.at_place(Some(*at), version),
            Err(why) => Ok(Held::Invalid(why)),
        })
    }

    /// The organization that a log names, otherwise the one at a time.
    ///
    /// # Errors
    /// A sentence: it is not here.
    pub fn version(&self, digest: Option<&str>, time: i64) -> Result<VersionRef, String> {
        let Some(digest) = digest else { return Ok(self.organizations.at(time)) };
        self.organizations.of_digest(digest).ok_or_else(|| {
            format!(
                "The gate judged by a version of the organization (SHA-256 {}) that is not here: --organization names \
                 its repository, which has all of them.",
                visible::text(digest)
            )
        })
    }

    fn at_place(&self, place: Option<usize>, version: VersionRef) -> Result<Held, GitError> {
        if let Some(fixed) = &self.fixed {
            return Ok(Held::Found(fixed.clone()));
        }
        let Some(place) = place else { return Ok(Held::Absent) };
        let change = self.changes.partition_point(|(at, _)| *at <= place);
        let Some((at, digest)) = change.checked_sub(1).map(|change| self.changes[change]) else {
            return Ok(Held::Absent);
        };
        if let Some(held) = self.read.borrow().get(&(digest, version)).filter(|_| digest.is_some()) {
            return Ok(held.clone());
        }
        let held = match self.repository.policy_under(self.line[at].commit, &self.organizations.known(version))? {
            PolicyState::Found(policy) => Held::Found(Arc::from(policy)),
            PolicyState::Absent => Held::Absent,
            PolicyState::Invalid(mistakes) => Held::Invalid(visible::lines(&mistakes.to_string())),
        };
        self.read.borrow_mut().insert((digest, version), held.clone());
        Ok(held)
    }

    /// All policies that ever were, as far as they can be read: each as it came, with each version of the organization
    /// that came while it was there, and as a log names them.
    ///
    /// # Errors
    /// An object is missing.
    pub fn all<'t>(&self, told: impl Iterator<Item = Told<'t>>) -> Result<Vec<Arc<Policy>>, GitError> {
        let came = self.changes.iter().map(|(at, _)| self.at_place(Some(*at), self.organizations.at(self.since[*at])));
        let inherited = self.organizations.since().map(|(since, _)| self.at_time(since));
        let told = told.filter_map(|told| self.told(&told));
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        for held in came.chain(inherited).chain(told).chain([self.newest()]) {
            if let Held::Found(policy) = held?
                && seen.insert(policy.whole)
            {
                all.push(policy);
            }
        }
        Ok(all)
    }
}

/// The ids of all keys in policies, and whose they were.
pub fn owners(policies: &[Arc<Policy>]) -> Owners {
    let mut keys = Owners::new();
    for person in policies.iter().flat_map(|policy| policy.roster.people()) {
        for own in &person.keys {
            keys.entry(own.key.id().to_string()).or_default().insert(person.id.clone());
        }
    }
    keys
}

/// How each key was enrolled last, by its id: a key that was revoked and then taken off the roster stays revoked.
pub fn enrolments(policies: &[Arc<Policy>], newest: &Policy) -> BTreeMap<String, Enrolment> {
    let mut known: BTreeMap<String, Enrolment> = BTreeMap::new();
    for own in policies.iter().flat_map(|policy| policy.roster.people()).flat_map(|person| &person.keys) {
        let is_revoked = |id: &String| known.get(id).is_some_and(|known| known.revoked.is_some());
        let id = own.key.id().to_string();
        if own.revoked.is_some() || !is_revoked(&id) {
            known.insert(id, own.clone());
        }
    }
    let current = newest.roster.people().flat_map(|person| &person.keys);
    known.extend(current.map(|own| (own.key.id().to_string(), own.clone())));
    known
}

/// The roles that policies asked for.
pub fn roles(policies: &[Arc<Policy>]) -> BTreeSet<String> {
    let compartments = policies.iter().flat_map(|policy| &policy.compartments);
    compartments.flat_map(|one| &one.sign).map(|slot| slot.role.clone()).collect()
}
