//! FLOOR 3: copies of an organization's repository. What is fetched counts once the organization's own gate let it
//! through, judged here by the policy and the records that the copy has: whoever serves the repository is not believed.

use std::path::Path;

use crate::change::{ObjectId, RepoPath, visible};
use crate::enforcement::{self, Request, Settings, Update};
use crate::gate::Decided;
use crate::ledger::{BRANCH_PREFIX, PREFIX};
use crate::policy::{ORGANIZATION_FILE, Organization, Policy};
use crate::source::git::organization;
use crate::source::git::{PolicyState, Repository};
use crate::sync::{Prompts, Remote, fetch_ref};

/// Where the newest commit of the remote is kept until it is accepted.
const OFFERED: &str = "refs/undersign/organization-offered";

/// What a fetch of a copy came to.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The organization as the copy has it now.
    pub organization: Organization,
    /// The version that the copy had before; none if this is the first.
    pub before: Option<u64>,
    /// Where it stands.
    pub commit: ObjectId,
}

/// Fetches what is new in the repository of an organization into a copy of it, and accepts it if the policy of that
/// repository, as it was accepted last, lets it land. The first time there is nothing to judge by: what is there is
/// accepted, for the operator to compare.
///
/// # Errors
/// A sentence: nothing was fetched, or what was is not accepted. The copy then stays as it was, and goes stale.
pub fn fetch(copy: &Path, now: i64) -> Result<Fetched, String> {
    let repository = organization::open(copy)?;
    if !repository.is_bare() {
        return Err(format!(
            "{} has a work tree. A copy of an organization is a repository of its own: `git clone --bare URL DIR`.",
            visible::line(copy.as_os_str().as_encoded_bytes())
        ));
    }
    if repository.is_mirror() {
        return Err(
            "Whoever serves a mirror writes all of its refs, also what was accepted. Clone with --bare, without \
                    --mirror."
                .to_owned(),
        );
    }
    let branch = repository.head_branch().ok_or("HEAD of this repository names no branch.")?;
    let remote = Remote::find(&repository, None, Prompts::Allowed)?.name;
    // Whatever was offered before does not bind what is offered now: it was not accepted.
    fetch_ref(&repository, &remote, &format!("+{branch}"), OFFERED, Prompts::Allowed)?;
    for chains in [PREFIX, BRANCH_PREFIX].map(|prefix| format!("{prefix}*")) {
        fetch_ref(&repository, &remote, &chains, &chains, Prompts::Allowed)?;
    }
    let offered = repository.tip(OFFERED).ok_or("The branch of the organization is gone.")?;
    let before = match organization::accepted(&repository) {
        None => {
            accept(&repository, &branch, None, offered)?;
            None
        }
        Some(accepted) => {
            let before = organization::read(copy, None)?;
            follow(copy, &branch, accepted, offered, now)?;
            Some(before.version())
        }
    };
    organization::note_fetched(&repository, now)?;
    Ok(Fetched { organization: organization::at(&repository, offered)?, before, commit: offered })
}

/// Accepts what was offered, as one push or as several: where the policy of that repository changes on the way, what
/// follows may have been signed by whom the new one asks for.
fn follow(copy: &Path, branch: &str, accepted: ObjectId, offered: ObjectId, now: i64) -> Result<(), String> {
    let mut at = accepted;
    while at != offered {
        // Opened anew: a handle keeps what it has read.
        let repository = organization::open(copy)?;
        let whole = judge(copy, branch, at, offered, now);
        let next = match (&whole, next_policy(&repository, at, offered)?) {
            (Ok(()), _) => offered,
            (Err(_), Some(next)) if next != offered && judge(copy, branch, at, next, now).is_ok() => next,
            _ => return whole,
        };
        accept(&repository, branch, Some(at), next)?;
        at = next;
    }
    Ok(())
}

/// The first commit after `from`, along first parents to `to`, with another policy.
fn next_policy(repository: &Repository, from: ObjectId, to: ObjectId) -> Result<Option<ObjectId>, String> {
    let line = repository.first_parents(to, usize::MAX).map_err(|error| error.to_string())?;
    let policy = repository.policy_digest(from);
    let new = line.iter().take_while(|commit| **commit != from);
    Ok(new.filter(|commit| repository.policy_digest(**commit) != policy).last().copied())
}

/// Takes over a commit that its own policy let land; the first, nothing vouches for.
fn accept(repository: &Repository, branch: &str, before: Option<ObjectId>, commit: ObjectId) -> Result<(), String> {
    let next = organization::at(repository, commit)?;
    refuse_ungoverned(repository, branch, commit)?;
    if let Some(before) = before {
        refuse_older(&organization::at(repository, before)?, &next)?;
    }
    // The branch first: the gate judges the next move from where it stands.
    repository.point(branch, commit).map_err(|error| error.to_string())?;
    organization::note_accepted(repository, commit)
}

/// The next change is judged by the policy of this commit: without a sound one of its own, nothing could follow.
fn refuse_ungoverned(repository: &Repository, branch: &str, commit: ObjectId) -> Result<(), String> {
    let why = match repository.policy_at(commit).map_err(|error| error.to_string())? {
        PolicyState::Found(policy) if !policy.refs.protects(branch) => {
            format!("its policy does not protect {}", visible::text(branch))
        }
        PolicyState::Found(policy) if !guards(&policy) => {
            format!("no compartment of its policy that is `solo` holds {ORGANIZATION_FILE}")
        }
        PolicyState::Found(_) => return Ok(()),
        PolicyState::Absent => "it has no policy of its own".to_owned(),
        PolicyState::Invalid(error) => visible::lines(&error.to_string()),
    };
    Err(format!("What the organization offers cannot be followed: {why}. It was not accepted."))
}

/// Whether whoever signs for the policy signs for the file of the organization, too, and for nothing else with it.
fn guards(policy: &Policy) -> bool {
    policy.compartments_of(&RepoPath::from(ORGANIZATION_FILE)).iter().any(|compartment| compartment.solo)
}

fn judge(copy: &Path, branch: &str, old: ObjectId, new: ObjectId, now: i64) -> Result<(), String> {
    let path = copy.to_string_lossy();
    let updates = vec![Update { name: branch.to_owned(), old, new }];
    let request = Request { repository: &path, updates, ..Request::default() };
    let settings = Settings { branch: Some(branch.to_owned()), ..Settings::default() };
    let outcome = enforcement::judge(&request, &settings, now);
    if outcome.outcome == Decided::Allow {
        return Ok(());
    }
    let reasons = outcome.refs.iter().flat_map(|judged| &judged.reasons);
    let why: Vec<_> = reasons.map(|reason| format!("{}: {}", reason.code, reason.detail)).collect();
    Err(format!(
        "The organization offers {}, and its own policy does not let that land. {}\nThe copy stays at {}.",
        new.short(),
        why.join("\n"),
        old.short()
    ))
}

fn refuse_older(before: &Organization, next: &Organization) -> Result<(), String> {
    let is_same = next.digest() == before.digest();
    if next.id() == before.id() && (is_same || next.version() > before.version()) {
        return Ok(());
    }
    Err(format!(
        "The organization {} offers version {}, after version {} of {}. Each change of its file raises the version, \
         and the id stays. It was not accepted.",
        next.id(),
        next.version(),
        before.version(),
        before.id()
    ))
}
