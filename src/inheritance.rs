//! FLOOR 3: copies of an organization's repository. What is fetched counts once the organization's own gate let it
//! through, judged here by the policy and the records that the copy has: whoever serves the repository is not believed.

use std::path::Path;

use crate::change::{ObjectId, visible};
use crate::datafile::MAX_NUMBER;
use crate::enforcement::{Settings, follow};
use crate::ledger::{BRANCH_PREFIX, PREFIX};
use crate::policy::Organization;
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
    if organization::is_gated(&repository) {
        return Err(format!(
            "{} has a gate: it is a repository to which changes are pushed, and no copy. Nothing was fetched.",
            visible::line(copy.as_os_str().as_encoded_bytes())
        ));
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
            refuse_moving_back(&repository, &branch, offered)?;
            accept(&repository, &branch, None, offered)?;
            None
        }
        Some(accepted) => {
            let before = organization::read(copy, None)?;
            advance(copy, &branch, accepted, offered, now)?;
            Some(before.version())
        }
    };
    organization::note_fetched(&repository, now)?;
    Ok(Fetched { organization: organization::at(&repository, offered)?, before, commit: offered })
}

/// Accepts what was offered, if the policy of that repository lets it land.
fn advance(copy: &Path, branch: &str, accepted: ObjectId, offered: ObjectId, now: i64) -> Result<(), String> {
    let settings = Settings { branch: Some(branch.to_owned()), ..Settings::default() };
    let mut stays = accepted;
    let followed = follow(copy, branch, (accepted, offered), (&settings, now), |repository, at, next| {
        accept(repository, branch, Some(at), next)?;
        stays = next;
        Ok(())
    });
    followed.map_err(|why| {
        format!(
            "The organization offers {}, which is not accepted. {why}\nThe copy stays at {}. If what it offers is right, as \
             somebody told you who knows, clone it again: `git clone --bare URL DIR`.",
            offered.short(),
            stays.short()
        )
    })
}

/// The first time nothing judges what is offered. A copy may go on by it, but what stands here is not to be taken back.
fn refuse_moving_back(repository: &Repository, branch: &str, offered: ObjectId) -> Result<(), String> {
    match repository.tip(branch) {
        Some(tip) if tip != offered && !repository.is_descendant(offered, tip) => Err(format!(
            "{} stands at {} here, which the remote, at {}, does not contain. If changes are pushed to this repository, \
             it is not a copy; otherwise clone it again.",
            visible::text(branch),
            tip.short(),
            offered.short()
        )),
        _ => Ok(()),
    }
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

/// The next change is judged by the policy of this commit: without a sound one of its own, nothing could follow. And
/// whoever signs for the policy must sign for the file of the organization, too.
fn refuse_ungoverned(repository: &Repository, branch: &str, commit: ObjectId) -> Result<(), String> {
    let why = match repository.policy_at(commit).map_err(|error| error.to_string())? {
        PolicyState::Found(policy) if !policy.refs.protects(branch) => {
            format!("its policy does not protect {}", visible::text(branch))
        }
        PolicyState::Found(policy) => match policy.unguarded() {
            Some(why) => why,
            None => return Ok(()),
        },
        PolicyState::Absent => "it has no policy of its own".to_owned(),
        PolicyState::Invalid(error) => visible::lines(&error.to_string()),
    };
    Err(format!("What the organization offers cannot be followed: {why}."))
}

fn refuse_older(before: &Organization, next: &Organization) -> Result<(), String> {
    let is_same = next.digest() == before.digest();
    let (then, now) = (before.version(), next.version());
    if next.id() == before.id() && (is_same || now > then && now - then <= (MAX_NUMBER - then) / 2) {
        return Ok(());
    }
    Err(format!(
        "The organization {} offers version {}, after version {} of {}. Each change of its file raises the version, \
         by at most half of what is left up to 2^53, and the id stays. It was not accepted.",
        next.id(),
        next.version(),
        before.version(),
        before.id()
    ))
}
