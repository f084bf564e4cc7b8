//! What is enforced in a local repository: hook, policy, ledger, keys.

use std::path::{Path, PathBuf};

use super::Finding::{self, Bad, Good, Note};
use super::hook::{hook, others_may_write};
use super::records::ledger_state;
use super::state::{clock, log, other_state, restored};
use super::tell;
use crate::change::{counted, visible};
use crate::cli::gate::hook::Hook;
#[cfg(feature = "tui")]
use crate::datafile::date;
use crate::enforcement::{self, Settings};
#[cfg(feature = "tui")]
use crate::policy::Revocation;
use crate::policy::{Policy, RefProtection};
use crate::source::git::{PolicyState, Repository, TargetBranch, organization};

/// A key that ends within this many seconds is told: 30 days.
#[cfg(feature = "tui")]
const SOON: i64 = 30 * 24 * 3600;
/// What a gate here judges by, as its hook says, or what is asked for.
struct Rules {
    /// The branch of the policy, where it can be told.
    branch: Option<TargetBranch>,
    read: Option<Read>,
}

/// The policy, as it was read.
enum Read {
    Branch(PolicyState),
    /// From the file that an operator gave; or why it cannot be used.
    File(PathBuf, Result<Box<Policy>, String>),
}

impl Rules {
    fn of(repository: &Repository, settings: &Settings) -> Rules {
        let named = |name: &String| Some(TargetBranch { name: name.clone(), tip: repository.tip(name)? });
        let branch = match &settings.branch {
            Some(name) => named(name),
            None => repository.target().ok(),
        };
        let read = match &settings.policy {
            Some(file) => {
                let policy = enforcement::policy_file(repository, file).map(Box::new).map_err(|reason| reason.detail);
                Some(Read::File(file.clone(), policy))
            }
            None => branch.as_ref().and_then(|branch| repository.policy_at(branch.tip).ok()).map(Read::Branch),
        };
        Rules { branch, read }
    }

    fn policy(&self) -> Option<&Policy> {
        match &self.read {
            Some(Read::Branch(PolicyState::Found(policy))) => Some(policy),
            Some(Read::File(_, Ok(policy))) => Some(policy),
            _ => None,
        }
    }
}

/// Looks at a repository; what is asked for stands above what its hook says. With `below`, all repositories below that
/// directory are looked through for the same id, otherwise those beside this one.
///
/// Returns the exit code: 2 if something is not enforced.
pub fn run(repository: &Repository, asked: &Settings, below: Option<&Path>) -> u8 {
    let mut found = Vec::new();
    let settings = settings(repository, asked);
    let rules = Rules::of(repository, &settings);
    let (gate, refuses) = hook(repository, rules.policy());
    found.extend(gate);
    found.extend(policy_place(repository, &rules));
    if let Some(policy) = rules.policy() {
        found.extend(refuses.then(|| states(repository, policy, &settings)));
        found.extend(ledger_state(repository, policy, refuses));
        found.extend(keys(repository, policy));
        #[cfg(feature = "tui")]
        found.extend((!repository.is_bare()).then(|| own_key(repository, policy)));
        found.extend(repository.is_bare().then(|| others_of_this_id(repository, policy, below)).flatten());
        found.extend(rules.branch.as_ref().into_iter().flat_map(|branch| pipelines(repository, policy, branch)));
    }
    let own = enforcement::default_state(repository);
    found.extend(settings.state.as_ref().and_then(|state| other_state(state, &own)));
    let state = settings.state.as_ref().unwrap_or(&own);
    found.extend(restored(state));
    found.extend(clock(state));
    found.extend(log(state));
    tell(&found)
}

/// Folders that are looked into for repositories of the same id.
const MAX_FOLDERS: usize = 20_000;
/// Folders between a directory of repositories and one of them.
const MAX_DEPTH: usize = 4;

/// The git directories in a folder; with `depth`, also in the folders below it.
fn repositories_in(folder: &Path, depth: usize, left: &mut usize, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|at| at.path()).collect();
    paths.sort();
    for path in paths {
        let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        if !is_folder || *left == 0 {
            continue;
        }
        *left -= 1;
        if path.join("HEAD").is_file() && path.join("objects").is_dir() {
            found.push(path);
        } else if depth > 0 {
            repositories_in(&path, depth - 1, left, found);
        }
    }
}

/// Repositories beside this one, or below a directory that was named, that are pushed to and whose policy gives the
/// same id, such as a fork: what is approved in one of them counts in the other.
fn others_of_this_id(repository: &Repository, policy: &Policy, below: Option<&Path>) -> Option<Finding> {
    let own = std::fs::canonicalize(repository.common_dir()).ok()?;
    let (mut others, mut left) = (Vec::new(), MAX_FOLDERS);
    match below {
        Some(dir) => repositories_in(dir, MAX_DEPTH, &mut left, &mut others),
        None => repositories_in(own.parent()?, 0, &mut left, &mut others),
    }
    let has_id = |path: &PathBuf| {
        let other = Repository::open_exactly(path).ok().filter(Repository::is_bare)?;
        // A copy of the organization has its id by nature, and nothing is pushed to it.
        if organization::accepted(&other).is_some() && !organization::is_gated(&other) {
            return None;
        }
        let policy_of = other.policy_at(other.target().ok()?.tip).ok()?;
        let is_same = matches!(policy_of, PolicyState::Found(other) if other.repository == policy.repository);
        (is_same && std::fs::canonicalize(other.common_dir()).ok()? != own).then_some(())
    };
    others.retain(|path| has_id(path).is_some());
    let first = visible::line(others.first()?.as_os_str().as_encoded_bytes());
    let more = if others.len() > 1 { format!(" and {} more", others.len() - 1) } else { String::new() };
    Some(Bad(format!(
        "{first}{more} has the same repository id, {}: what is approved there counts here. Give each its own.",
        visible::text(&policy.repository)
    )))
}

/// Why the gate of a repository does not stop what it should, as far as its hook shows that.
pub fn faults_of_hook(repository: &Repository) -> Vec<String> {
    let bad = |finding| match finding {
        Bad(text) => Some(text),
        Good(_) | Note(_) => None,
    };
    let rules = Rules::of(repository, &settings(repository, &Settings::default()));
    hook(repository, rules.policy()).0.into_iter().filter_map(bad).collect()
}

/// Whether the policy is read from where nobody changes it unsigned.
fn policy_place(repository: &Repository, rules: &Rules) -> Vec<Finding> {
    let state = match &rules.read {
        Some(Read::File(file, policy)) => return policy_given(repository, file, policy),
        Some(Read::Branch(state)) => Some(state),
        None => None,
    };
    let (Some(policy_branch), Some(state)) = (&rules.branch, state) else {
        return vec![Bad("There is no policy branch, so there is no policy and nothing may land.".to_owned())];
    };
    let branch = visible::text(&policy_branch.name);
    let policy = match state {
        PolicyState::Absent => return vec![Bad(format!("There is no policy on {branch}: nothing may land."))],
        PolicyState::Invalid(error) => {
            return vec![Bad(format!(
                "The policy on {branch} has mistakes, so nothing may land: {}",
                visible::lines(&error.to_string())
            ))];
        }
        PolicyState::Found(policy) => policy,
    };
    let mut found = Vec::new();
    found.push(match policy.refs.protection(&policy_branch.name) {
        RefProtection::Protected { rewrite: false, delete: false } => {
            Good(format!("The policy is version {}, on {branch}, which is protected.", policy.version))
        }
        RefProtection::Protected { .. } => {
            Bad(format!("The policy lies on {branch}, which may be rewritten or deleted."))
        }
        _ => Bad(format!("The policy lies on {branch}, which is not protected: who pushes there makes the rules.")),
    });
    found.extend(given_away(policy));
    found
}

/// Whether a file that an operator gave can be judged by, and stays theirs.
fn policy_given(repository: &Repository, file: &Path, policy: &Result<Box<Policy>, String>) -> Vec<Finding> {
    let name = visible::line(file.as_os_str().as_encoded_bytes());
    let policy = match policy {
        Err(why) => return vec![Bad(format!("The policy {name} cannot be used, so nothing may land: {why}"))],
        Ok(policy) => policy,
    };
    let mut found = vec![if repository.is_in_work_tree(file) {
        Bad(format!("The policy {name} lies in the work tree, where what is checked out puts its own."))
    } else {
        Good(format!("The policy is version {} of {}, in {name}.", policy.version, visible::text(&policy.repository)))
    }];
    found.extend(others_may_write(file, "the policy"));
    found.extend(given_away(policy));
    found
}

/// What a policy does without, and when it ends.
fn given_away(policy: &Policy) -> Vec<Finding> {
    let mut found = Vec::new();
    if policy.self_review {
        found.push(Note("An author's own signature counts (self_review).".to_owned()));
    }
    if !policy.ai.presume {
        found
            .push(Note("A change without a sign of AI needs nothing more; such signs are easily left out.".to_owned()));
    }
    if let Some(expires) = policy.expires {
        let left = expires - crate::clock::now();
        if left <= 0 {
            found.push(Bad("The policy has expired: only a change of it may land.".to_owned()));
        } else if left < 30 * 24 * 3600 {
            let days = (left as usize).div_ceil(86_400);
            found.push(Note(format!("The policy expires in {}.", counted(days, "day"))));
        }
    }
    for pattern in policy
        .refs
        .open_patterns()
        .iter()
        .filter(|pattern| pattern.starts_with("refs/undersign") || *pattern == "refs/**")
    {
        found.push(Note(format!("{} is open; records stay protected all the same.", visible::text(pattern))));
    }
    found
}

/// Whether the gate knows what protected refs showed, and whether they stand where it let them.
fn states(repository: &Repository, policy: &Policy, settings: &Settings) -> Finding {
    match enforcement::unrecorded(repository, policy, settings) {
        Err(why) => Bad(why),
        Ok(None) => Bad(
            "The states of protected refs were not recorded yet, so what they show is taken on trust: run `undersign \
             gate install` again."
                .to_owned(),
        ),
        Ok(Some(unknown)) => match &unknown[..] {
            [] => {
                Good("All protected refs point where the gate allowed, or where an operator recorded them.".to_owned())
            }
            [first, more @ ..] => Note(format!(
                "{}{} stands where this gate did not let it. Have that approved, or answer for it: `undersign gate \
                 record REF`.",
                visible::text(first),
                if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) }
            )),
        },
    }
}

/// Keys whose signatures could be taken for something else.
fn keys(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(file) = repository.file_setting("gpg.ssh.allowedSignersFile") {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let roster: Vec<String> =
            policy.roster.people().flat_map(|p| p.keys.iter().map(|own| own.key.to_openssh())).collect();
        let bare = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.contains("namespaces="));
        let ours = bare.filter(|line| roster.iter().any(|key| line.contains(key.as_str()))).count();
        if ours > 0 {
            found.push(Bad(format!(
                "{} of {} {} keys of the roster without a namespace: there, a signature made for one purpose passes \
                 for another. Write namespaces=\"git\" before the key.",
                counted(ours, "line"),
                visible::line(file.as_os_str().as_encoded_bytes()),
                if ours == 1 { "names" } else { "name" }
            )));
        }
    }
    let shared: Vec<_> = policy
        .roster
        .people()
        .flat_map(|person| person.keys.iter().map(move |own| (person, own)))
        .filter(|(_, own)| own.key.kind().is_security_key() && own.key.application() == "ssh:")
        .map(|(person, _)| person.id.clone())
        .collect();
    if !shared.is_empty() {
        found.push(Note(format!(
            "The security keys of {} were made for ssh as a whole (application `ssh:`): a touch for a login and one \
             for a decision are alike. Make one with -O application=ssh:undersign.",
            shared.join(", ")
        )));
    }
    found
}

/// Whose key would sign here. It enforces nothing; where it cannot sign, the commands that help are below.
#[cfg(feature = "tui")]
fn own_key(repository: &Repository, policy: &Policy) -> Finding {
    let fingerprint = match crate::config::fingerprint(&repository.root) {
        Ok(fingerprint) => fingerprint,
        Err(why) => return Note(why.text),
    };
    let mut keys = policy.roster.people().flat_map(|person| person.keys.iter().map(move |own| (person, own)));
    let now = crate::clock::now();
    match keys.find(|(_, own)| own.key.fingerprint() == fingerprint) {
        Some((person, own)) if own.unfit(now, Some(now), now).is_some() => {
            Bad(format!("Your key {fingerprint} of {} does not count now: {}.", person.id, own.told(now)))
        }
        Some((person, own)) => match own.revoked.map(Revocation::time).into_iter().chain(own.valid.1).min() {
            Some(end) if end < now + SOON => Note(format!(
                "You sign as {}, with {fingerprint}, until {}. Try the key that follows it: `undersign key check --key`.",
                person.id,
                date(end)
            )),
            _ => Good(format!("You sign as {}, with {fingerprint}.", person.id)),
        },
        None => {
            Note(format!("Your key {fingerprint} is in no roster of this policy: what it signs counts for nothing."))
        }
    }
}

/// Gates that run in a pipeline which the change itself can write.
fn pipelines(repository: &Repository, policy: &Policy, policy_branch: &TargetBranch) -> Vec<Finding> {
    let mut found = Vec::new();
    for path in repository
        .files_under(policy_branch.tip, &[".github/workflows", ".gitlab-ci.yml", ".woodpecker", ".forgejo/workflows"])
    {
        let Some(text) = repository.text_at(policy_branch.tip, &path) else { continue };
        if !text.contains("undersign verify") && !text.contains("undersign gate") {
            continue;
        }
        let solo = policy.compartments_of(&path).iter().any(|compartment| compartment.solo);
        let instead = match path.0.starts_with(b".github/") || path.0.starts_with(b".forgejo/") {
            true if !runs_on_pull_request(&text) => None,
            true => Some("Use pull_request_target, or a required workflow from another repository."),
            false => Some("Bring it in from another repository, or put the gate before this one as its hook."),
        };
        if let Some(instead) = instead {
            found.push(Bad(format!(
                "{path} runs the gate from the change's own copy of the file: a change can take it out. {instead}"
            )));
        } else if !solo {
            found.push(Bad(format!(
                "{path} runs the gate, and is in no compartment that stands alone: a change can alter its own judge. \
                 Add it to [compartment.policy]."
            )));
        } else {
            found.push(Note(format!(
                "{path} runs the gate: require its check on the host, pinned to the app that reports it, and from the \
                 target's copy."
            )));
        }
    }
    found
}

/// Whether a workflow names the event whose runs take the file from the change. Comments, `github.event.pull_request.…`
/// and questions for the event's name are none.
fn runs_on_pull_request(workflow: &str) -> bool {
    const EVENT: &str = "pull_request";
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let code = workflow.lines().map(|line| line.split('#').next().unwrap_or_default());
    code.filter(|line| !line.contains("event_name")).any(|line| {
        line.match_indices(EVENT)
            .any(|(at, _)| !line[..at].ends_with(inner) && !line[at + EVENT.len()..].starts_with(inner))
    })
}

/// How the gate is set up: as asked for, otherwise as far as its hook says.
fn settings(repository: &Repository, asked: &Settings) -> Settings {
    let given = Hook::of_repository(repository).map(|hook| hook.settings()).unwrap_or_default();
    let asked = asked.clone();
    Settings {
        policy: asked.policy.or(given.policy),
        branch: asked.branch.or(given.branch),
        state: asked.state.or(given.state),
        state_key: asked.state_key.or(given.state_key),
        ..Settings::default()
    }
}
