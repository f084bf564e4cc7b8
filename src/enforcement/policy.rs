//! Which policy applies: the operator says where it is, never the change.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use super::{Settings, unread};
use crate::change::{ObjectId, visible};
use crate::gate::{Code, PolicySummary, Reason, SeenOrganization};
use crate::policy::Policy;
use crate::source::git::{PolicyState, Repository, TargetBranch, organization};

/// Opens the repository of a gate, with the organization that its operator named. With a clock, in seconds since the
/// epoch, a copy of that which is too old is refused; a look back has none.
///
/// # Errors
/// Either cannot be read, or the organization is not to be relied on now.
pub(super) fn open(path: &Path, settings: &Settings, now: Option<i64>) -> Result<Repository, Reason> {
    let repository = Repository::open_exactly(path).map_err(unread)?;
    let Some(place) = &settings.organization else { return Ok(repository) };
    let organization = organization::read_for(&repository, place, now, settings.lasting);
    Ok(match organization.map_err(|why| Reason::undecidable(Code::PolicyInvalid, why))? {
        Some(organization) => repository.with_organization(organization),
        // The organization's repository has a policy of its own, which inherits from nowhere.
        None => repository,
    })
}

/// The policy by which a push would be judged now.
///
/// # Errors
/// Why every push would be undecidable.
pub fn policy_in_force(repository: &str, settings: &Settings, now: i64) -> Result<PolicySummary, Reason> {
    let repository = open(Path::new(repository), settings, Some(now))?;
    let tip = policy_branch(&repository, settings, false)?.map(|branch| branch.tip);
    policy(&repository, settings, tip).map(|policy| summary(&policy))
}

pub(super) fn summary(policy: &Policy) -> PolicySummary {
    PolicySummary {
        version: policy.version,
        digest: policy.digest.to_string(),
        organization: policy.inherited.as_ref().map(SeenOrganization::of),
    }
}

/// The policy branch, named by the operator: by an option, or by HEAD of a repository that people push to. The branches
/// of a clone are named by whoever pushed them, so anybody may have made its `main`. None if the operator gave the
/// policy itself, and nothing names the branch.
///
/// # Errors
/// Why nothing can be judged: no branch is named, or it does not exist here.
pub fn policy_branch(
    repository: &Repository,
    settings: &Settings,
    ahead: bool,
) -> Result<Option<TargetBranch>, Reason> {
    let name = match &settings.branch {
        Some(name) => Some(name.clone()),
        // HEAD of a mirror names a branch of its origin: if that is renamed there, another may take the name.
        None if !ahead && repository.is_bare() && repository.is_mirror() => None,
        None if ahead || repository.is_bare() => repository.head_branch(),
        None if repository.has_remotes() => None,
        None => repository.target().ok().map(|target| target.name),
    };
    // A timeout does not mean that it is absent.
    repository.deadline.check().map_err(unread)?;
    let tip = |name: &String| repository.commit_named(repository.shown(name, ahead)?);
    let absent = |detail: String| match settings.policy {
        Some(_) => Ok(None),
        None => Err(Reason::undecidable(Code::PolicyAbsent, detail)),
    };
    match name {
        None => absent(
            "Nothing here that only an operator can write says which branch holds the policy. Give --policy-branch \
             refs/heads/NAME, or the policy itself with --policy FILE."
                .to_owned(),
        ),
        Some(name) => match tip(&name) {
            Some(tip) => Ok(Some(TargetBranch { name, tip })),
            None => absent(format!(
                "The policy branch {} is not here. Push it with the gate away, let HEAD name the one that is, or give \
                 --policy-branch.",
                visible::text(&name)
            )),
        },
    }
}

/// Anyone with push access controls a policy branch that its own policy does not protect, and so the policy.
///
/// # Errors
/// The branch is not protected.
pub(super) fn refuse_open_branch(
    settings: &Settings,
    policy_branch: Option<&str>,
    policy: &Policy,
) -> Result<(), Reason> {
    let Some(name) = policy_branch.filter(|_| settings.policy.is_none()) else { return Ok(()) };
    if policy.refs.protects(name) {
        return Ok(());
    }
    let detail = format!(
        "The policy is read from {}, which it does not protect: who may push there would choose the policy. Protect \
         that branch, or give the one that is with --policy-branch.",
        visible::text(name)
    );
    Err(Reason::undecidable(Code::PolicyInvalid, detail))
}

/// Files that the operator named must not be where checking out a change would write them.
///
/// # Errors
/// One is.
pub(super) fn refuse_files_of_the_work_tree(repository: &Repository, settings: &Settings) -> Result<(), Reason> {
    let given = [
        ("--organization", &settings.organization),
        ("--policy", &settings.policy),
        ("--state", &settings.state),
        ("--state-key", &settings.state_key),
    ];
    for (option, path) in given.iter().filter_map(|(option, path)| Some((option, path.as_ref()?))) {
        if repository.is_in_work_tree(path) {
            let detail = format!(
                "{option} {} lies in the work tree of the repository, where what is checked out puts its own. Keep it \
                 elsewhere.",
                visible::line(path.as_os_str().as_encoded_bytes())
            );
            return Err(Reason::undecidable(Code::Unreadable, detail));
        }
    }
    Ok(())
}

/// The file that the operator of the gate named; otherwise the content of a commit of the policy branch.
pub(super) fn policy(
    repository: &Repository,
    settings: &Settings,
    commit: Option<ObjectId>,
) -> Result<Arc<Policy>, Reason> {
    let policy = match (&settings.policy, commit) {
        (Some(file), _) => policy_file(repository, file).map(Arc::new),
        (None, Some(commit)) if settings.lasting => policy_at_hand(repository, commit),
        (None, Some(commit)) => policy_of(repository, commit).map(Arc::new),
        (None, None) => Err(Reason::undecidable(Code::PolicyAbsent, "There is no policy branch.")),
    }?;
    match &settings.repository_id {
        Some(id) if *id != policy.repository => {
            let (own, pinned) = (visible::text(&policy.repository), visible::text(id));
            let detail = match commit.and_then(|commit| repository.id_given_up(commit, id)) {
                Some(changed) => format!(
                    "The id of this repository has been {own} since {}, but this gate was set up for {pinned}. If the \
                     change was intended, give the gate --repository-id {own}; if not, reset the policy branch on the \
                     host.",
                    changed.short()
                ),
                None => format!("The policy is for the repository {own}, but this gate protects {pinned}."),
            };
            Err(Reason::undecidable(Code::PolicyInvalid, detail))
        }
        _ if settings.has_landed => Ok(Arc::new(Policy { freezes: Vec::new(), ..Policy::clone(&policy) })),
        _ => Ok(policy),
    }
}

/// Policies that a long-running process has read, the most recently used last: reading one takes longer than judging by
/// it, and its digest identifies it completely.
static AT_HAND: LazyLock<Mutex<VecDeque<Arc<Policy>>>> = LazyLock::new(Mutex::default);
/// A file of 1 MiB takes about 20 MiB in memory.
const MAX_AT_HAND: usize = 8;

fn policy_at_hand(repository: &Repository, commit: ObjectId) -> Result<Arc<Policy>, Reason> {
    let organization = repository.organization().ok().flatten();
    let is_current = |policy: &Policy| match (&policy.inherited, &organization) {
        (None, _) => true,
        (Some(inherited), Some(organization)) => inherited.digest == organization.digest(),
        (Some(_), None) => false,
    };
    let known = repository.policy_digest(commit).and_then(|digest| {
        let mut held = AT_HAND.lock().ok()?;
        let at = held.iter().position(|policy| policy.digest == digest && is_current(policy))?;
        let policy = held.remove(at)?;
        held.push_back(policy.clone());
        Some(policy)
    });
    if let Some(policy) = known {
        return Ok(policy);
    }
    let policy = Arc::new(policy_of(repository, commit)?);
    if let Ok(mut held) = AT_HAND.lock() {
        held.push_back(policy.clone());
        let beyond = held.len().saturating_sub(MAX_AT_HAND);
        held.drain(..beyond);
    }
    Ok(policy)
}

fn policy_of(repository: &Repository, commit: ObjectId) -> Result<Policy, Reason> {
    match repository.policy_at(commit) {
        Ok(PolicyState::Found(policy)) => Ok(*policy),
        Ok(PolicyState::Absent) => {
            let detail = "There is no .undersign/policy.toml on the policy branch. `undersign init` writes one; commit \
                          it, and push it there.";
            Err(Reason::undecidable(Code::PolicyAbsent, detail))
        }
        Ok(PolicyState::Invalid(error)) => {
            Err(Reason::undecidable(Code::PolicyInvalid, visible::lines(&error.to_string())))
        }
        Err(error) => Err(unread(error)),
    }
}

/// The policy in a file of an operator.
///
/// # Errors
/// It cannot be read, or has mistakes.
pub fn policy_file(repository: &Repository, file: &Path) -> Result<Policy, Reason> {
    let source = std::fs::read(file).map_err(|error| {
        Reason::undecidable(Code::PolicyAbsent, format!("The policy file {} cannot be read: {error}.", file.display()))
    })?;
    let organization = repository.organization().map_err(|why| Reason::undecidable(Code::PolicyInvalid, why))?;
    Policy::read(&file.display().to_string(), &source, organization.as_deref())
        .map_err(|error| Reason::undecidable(Code::PolicyInvalid, visible::lines(&error.to_string())))
}
