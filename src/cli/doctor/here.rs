//! What is enforced in a local repository: hook, policy, ledger, keys.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Finding::{self, Bad, Good, Note};
use super::{commands, tell};
use crate::change::{address, counted, visible};
use crate::cli::gate::hook::{Hook, NEXT};
#[cfg(feature = "tui")]
use crate::datafile::date;
use crate::enforcement::{self, Settings};
use crate::gate::{CLOCK_SKEW, drill};
use crate::gate_state;
use crate::ledger;
use crate::ledger::commands::{Family as _, Keys, read_outcomes};
use crate::ledger::evidence;
#[cfg(feature = "tui")]
use crate::policy::Revocation;
use crate::policy::{Enrolment, Policy, RefProtection};
use crate::record::drill::DrillChain;
use crate::record::evidence::{EvidenceRecord, out_of_order};
use crate::record::{Chain, Fault};
use crate::source::git::{PolicyState, Repository, TargetBranch, organization};

/// A key that ends within this many seconds is told: 30 days.
#[cfg(feature = "tui")]
const SOON: i64 = 30 * 24 * 3600;
/// Ids of records that one line names.
const MAX_IDS: usize = 20;

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
/// # Errors
/// Something is not as it should be.
pub fn run(repository: &Repository, asked: &Settings, below: Option<&Path>) -> Result<(), String> {
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

/// Whether the hook is there, is ours, and runs; and whether all of that makes it refuse anything.
fn hook(repository: &Repository, policy: Option<&Policy>) -> (Vec<Finding>, bool) {
    let hooks = repository.hooks();
    let hook = repository.pre_receive();
    let Ok(bytes) = std::fs::read(&hook) else {
        return (vec![no_hook(repository)], false);
    };
    let Some(ours) = Hook::read(&bytes) else {
        let passed = passed_over(repository).map(|passed| format!("{passed}, so the gate in hooks/ never runs. "));
        let found = Bad(format!(
            "{}The pre-receive hook is somebody else's: `undersign gate install --chain DIR` puts the gate before it.",
            passed.unwrap_or_default()
        ));
        return (vec![found], false);
    };
    let mode = std::fs::metadata(&hook).map_or(0, |meta| meta.permissions().mode());
    if mode & 0o111 == 0 {
        return (vec![Bad("The pre-receive hook is not executable, so git skips it.".to_owned())], false);
    }
    if ours.is_changed() {
        let found = Bad(format!(
            "The pre-receive hook is no longer as `undersign gate install` wrote it, so it may let everything land. \
             Install it again; a check of your own belongs in {NEXT}."
        ));
        return (vec![found], false);
    }
    let refuses = !ours.has("--report-only");
    let mut found = vec![if refuses {
        Good("The gate is the pre-receive hook.".to_owned())
    } else {
        Bad("The gate only reports: everything lands.".to_owned())
    }];
    found.extend(others_may_write(&hook, "the hook"));
    if policy.is_some_and(|policy| policy.inherited.is_some()) && ours.given("--organization").is_none() {
        found.push(Bad(
            "The gate was not told where the organization is, so nothing may land: `undersign gate install \
             --organization PATH DIR`."
                .to_owned(),
        ));
    }
    if !ours.has("--pusher") {
        found.push(Note(
            "The gate is not told who pushes (--pusher-env): authorship can only be proven by signed commits."
                .to_owned(),
        ));
    }
    if hooks.join(NEXT).exists() {
        found.push(Note("Another pre-receive hook runs after the gate agreed.".to_owned()));
    }
    (found, refuses)
}

/// What it means that git has no pre-receive hook to run here.
fn no_hook(repository: &Repository) -> Finding {
    if let Some(passed) = passed_over(repository) {
        return Bad(format!("{passed}, so the gate in hooks/ never runs."));
    }
    if !repository.is_bare() {
        return Note(
            "No gate here; this is a working copy. Gates belong on repositories that are pushed to; `--remote NAME` \
             tests one."
                .to_owned(),
        );
    }
    Bad(match repository.file_setting("core.hooksPath") {
        None => "No gate: there is no pre-receive hook. `undersign gate install DIR` puts one there.".to_owned(),
        Some(path) => format!(
            "No gate: git runs hooks from {} (core.hooksPath), and there is no pre-receive hook.",
            visible::line(path.as_os_str().as_encoded_bytes())
        ),
    })
}

/// From where git runs hooks, if a gate lies in hooks/ and that is not the folder.
fn passed_over(repository: &Repository) -> Option<String> {
    let path = repository.file_setting("core.hooksPath")?;
    let own = repository.common_dir().join("hooks");
    let is_own = std::fs::canonicalize(&own).ok() == std::fs::canonicalize(repository.hooks()).ok();
    let is_ours = std::fs::read(own.join("pre-receive")).is_ok_and(|bytes| Hook::read(&bytes).is_some());
    let path = visible::line(path.as_os_str().as_encoded_bytes());
    (!is_own && is_ours).then(|| format!("git runs hooks from {path} (core.hooksPath)"))
}

/// A file that others than its owner may write is no place for a rule.
fn others_may_write(path: &Path, what: &str) -> Option<Finding> {
    let meta = std::fs::metadata(path).ok()?;
    (meta.mode() & 0o022 != 0).then(|| Bad(format!("Group or others may write {what}, {}.", path.display())))
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
        let left = expires - crate::cli::now();
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

/// Whether what is signed can be made to vanish, and whether it is whole.
fn ledger_state(repository: &Repository, policy: &Policy, gated: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let kept = ["receive.denyNonFastForwards", "receive.denyDeletes"].map(|key| repository.switch(key));
    if repository.is_bare() {
        found.push(match (gated, kept) {
            (true, _) => Good("The gate refuses to rewind or delete records.".to_owned()),
            (false, [true, true]) => Good("git refuses rewinds and deletions of any ref (receive.deny…).".to_owned()),
            _ => Bad(
                "Whoever pushes can rewind and delete records: no gate refuses it, and receive.denyNonFastForwards and \
                 receive.denyDeletes are not both on."
                    .to_owned(),
            ),
        });
    }
    // In a clone, count the same records as the clone's other commands do.
    let read = if repository.is_bare() { ledger::read } else { ledger::read_with_remotes };
    match read(repository) {
        Err(error) => found.push(Bad(format!("The ledger cannot be read: {error}"))),
        Ok(chains) => {
            let faults: Vec<_> = chains.iter().filter_map(|chain| Some((chain, chain.fault?))).collect();
            for (chain, (position, fault)) in &faults {
                let owner = policy.roster.by_key_id(&chain.id.key).map_or("nobody in the roster", |person| &person.id);
                let fault: &Fault = fault;
                let text = format!("Record {position} of a chain of {owner} does not hold: {fault}.");
                found.push(if policy.roster.by_key_id(&chain.id.key).is_some() { Bad(text) } else { Note(text) });
            }
            if faults.is_empty() {
                let records: usize = chains.iter().map(Chain::len).sum();
                found.push(Good(match records {
                    0 => "The ledger is whole: no record yet.".to_owned(),
                    n => {
                        format!("The ledger is whole: {} in {}.", counted(n, "record"), counted(chains.len(), "chain"))
                    }
                }));
            }
            found.extend(secrets(&chains));
        }
    }
    found.extend(commands::state(repository, policy));
    found.extend(outcomes_state(repository, policy));
    found.extend(evidence_state(repository, policy));
    found.extend(drills_state(repository, policy));
    found
}

/// How long ago everybody who may declare an emergency should have practised it.
const PRACTISED: i64 = 365 * 24 * 3600;

/// Whether drills are whole, whose reviews are owed, and who has practised. No gate depends on any of it.
fn drills_state(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let (chains, unread) = match ledger::drills::read(repository, !repository.is_bare(), &Keys::of(policy)) {
        Ok(read) => read,
        Err(error) => return vec![Bad(format!("The chains of drills cannot be read: {error}"))],
    };
    let now = crate::cli::now();
    let mut found: Vec<Finding> = chains.iter().filter_map(|chain| damaged_drills(policy, chain)).collect();
    if unread > 0 {
        let unread = counted(unread, "chain");
        found.push(Bad(format!("{unread} of drills left out, which are too much to read: what they owe is not seen.")));
    }
    let all = drill::drills(policy, &chains, now);
    for owed in all.iter().filter(|own| own.owes()) {
        let people = owed.people.join(" and ");
        found.push(Note(format!("The drill {} by {people}: {}.", &owed.id[..12], owed.review(now))));
    }
    let practice = drill::practice(policy, &chains, now);
    let is_stale = |one: &&drill::Practice| one.last.is_none_or(|last| last < now.saturating_sub(PRACTISED));
    let stale: Vec<&str> = practice.iter().filter(is_stale).map(|one| one.person.as_str()).collect();
    if !practice.is_empty() && stale.len() == practice.len() {
        found.push(Note(format!(
            "Nobody who may declare an emergency practised it within a year ({}): `undersign record drill`.",
            stale.join(", ")
        )));
    } else if !stale.is_empty() {
        found.push(Note(format!("Not practised an emergency within a year, though they may: {}.", stale.join(", "))));
    } else if !practice.is_empty() {
        found.push(Good("Everybody who may declare an emergency practised it within a year.".to_owned()));
    }
    found
}

fn damaged_drills(policy: &Policy, chain: &DrillChain) -> Option<Finding> {
    let (position, fault) = chain.fault?;
    let owner = policy.roster.by_key_id(&chain.id.key).map_or("somebody", |person| &person.id);
    Some(Bad(format!(
        "Record {position} of a chain of drills of {owner} does not hold: {fault}. Restore it from another clone: {}.",
        chain.id
    )))
}

/// Whether what is signed about outcomes is whole. No gate depends on it.
fn outcomes_state(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let (chains, _) = match read_outcomes(repository, !repository.is_bare(), &Keys::of(policy)) {
        Ok(read) => read,
        Err(error) => return vec![Bad(format!("The chains of outcomes cannot be read: {error}"))],
    };
    let faulty = chains.iter().filter_map(|chain| Some((chain, chain.fault?)));
    let told = faulty.map(|(chain, (position, fault))| {
        let owner = policy.roster.by_key_id(&chain.id.key).map_or("somebody", |person| &person.id);
        let way = match fault {
            Fault::Forked => "Who signs with that key runs `undersign record repair` where it differs from the remote",
            _ => "Restore it from another clone",
        };
        Bad(format!("Record {position} of a chain of outcomes of {owner} does not hold: {fault}. {way}: {}.", chain.id))
    });
    let mut found: Vec<Finding> = told.collect();
    if found.is_empty() && !chains.is_empty() {
        let records = counted(chains.iter().map(Chain::len).sum(), "record");
        found.push(Good(format!(
            "What is signed about outcomes is whole: {records} in {}.",
            counted(chains.len(), "chain")
        )));
    }
    found
}

/// Whether what machines signed is whole: of a damaged chain nothing counts, and so nothing lands that asks for it.
fn evidence_state(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let keys = policy.evidence.iter().flat_map(|source| &source.keys).map(|own| own.key.id().to_string()).collect();
    let now = crate::cli::now();
    let scope = evidence::Scope { with_remotes: !repository.is_bare(), now, ..evidence::Scope::default() };
    let chains = match evidence::read(repository, &keys, &scope) {
        Ok(chains) => chains,
        Err(error) => return vec![Bad(format!("The chains of evidence cannot be read: {error}"))],
    };
    let mut found = Vec::new();
    for chain in &chains {
        let sources: Vec<_> = policy.evidence_by(&chain.id.key).map(|(source, _)| source.name.as_str()).collect();
        let why = match (chain.fault, out_of_order(chain)) {
            (Some((position, fault)), _) => format!("Record {position} of a chain of it does not hold: {fault}"),
            (None, Some(position)) => format!("Record {position} of a chain of it is dated before the one below it"),
            (None, None) => continue,
        };
        found.push(Bad(format!(
            "Nothing of the evidence {} counts. {why}. Restore it from another clone, or have the operator delete it: \
             {}{}.",
            sources.join(", "),
            EvidenceRecord::PREFIX,
            chain.id
        )));
    }
    for source in &policy.evidence {
        let holds = |own: &&Enrolment| own.unfit(now, None, now).is_none();
        if !source.keys.iter().any(|own| holds(&own)) {
            found.push(Bad(format!("No key signs the evidence {} now: what asks for it does not land.", source.name)));
        }
    }
    if found.is_empty() && !chains.is_empty() {
        let records = counted(chains.iter().map(Chain::len).sum(), "record");
        let chains = counted(chains.len(), "chain");
        found.push(Good(format!("What is signed as evidence is whole: {records} in {chains}.")));
    }
    found
}

/// Records of earlier versions, which signed the URL of `origin` as it stood in the configuration. The secret itself is
/// not said again.
fn secrets(chains: &[Chain]) -> Option<Finding> {
    let held = chains.iter().flat_map(|chain| &chain.records);
    let held = held.filter(|record| address::may_hold_secret(&record.verified.statement().predicate.repository.uri));
    let ids: BTreeSet<String> = held.map(|record| record.id().short()).collect();
    let shown: Vec<&str> = ids.iter().take(MAX_IDS).map(String::as_str).collect();
    let more = ids.len() - shown.len();
    (!ids.is_empty()).then(|| {
        Note(format!(
            "{} signed a URL with a user or password in it: {}{}. A record is never rewritten: have that password or \
             token revoked on the host.",
            counted(ids.len(), "record"),
            shown.join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() }
        ))
    })
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
    let now = crate::cli::now();
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

/// A state that was restored, and stops the gate until somebody answers.
fn restored(dir: &Path) -> Option<Finding> {
    let made = gate_state::restored(dir).ok()??;
    let made = timestamp(made);
    Some(Bad(format!(
        "The gate's state is from a backup of {made}, and nobody answered yet for what it may lack, so nothing lands \
         (RESTORED). Look at what protected refs show, then: `undersign gate accept --restored --because …`."
    )))
}

/// A clock that ran ahead when something was let through, and stops the gate until then.
fn clock(dir: &Path) -> Option<Finding> {
    let (seen, now) = (gate_state::clock(dir).ok()?, crate::cli::now());
    (now.saturating_add(CLOCK_SKEW) < seen).then(|| {
        Bad(format!(
            "The gate last let a push through at {}, and it is {} now, so nothing lands (TIME). If the clock is wrong \
             now, set it. If it was wrong then, take it back: `undersign gate accept --clock --because …`.",
            timestamp(seen),
            timestamp(now)
        ))
    })
}

fn timestamp(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}

/// A second state of the same repository: each gate knows only what it judged itself.
fn other_state(state: &Path, own: &Path) -> Option<Finding> {
    let is_other = std::fs::canonicalize(state).ok() != std::fs::canonicalize(own).ok();
    (is_other && own.join("log.jsonl").exists()).then(|| {
        Note(format!(
            "There is another state of a gate in {}, beside the one that the hook uses. Whatever a gate with that state \
             judged, this one did not see: one repository has one state. Set the other one aside if nothing uses it.",
            visible::line(own.as_os_str().as_encoded_bytes())
        ))
    })
}

/// Hosts that are told apart in a log.
const MAX_HOSTS: usize = 1_000;
/// Two hosts that take turns within so many seconds are no move: a week.
const TURNS: i64 = 7 * 24 * 3600;

/// Whether a host went on with a state that another had gone on with meanwhile.
#[derive(Default)]
struct Hosts {
    /// Until when each had it.
    left: std::collections::HashMap<String, i64>,
    now: Option<String>,
    turn: Option<(String, i64)>,
}

impl Hosts {
    fn line(&mut self, at: i64, note: &str, host: String) {
        let before = self.now.take().or_else(|| first_host(note));
        if let Some(before) = before.filter(|_| self.left.len() < MAX_HOSTS) {
            self.left.insert(before, at);
        }
        if self.left.get(&host).is_some_and(|left| at - left <= TURNS) {
            self.turn = Some((host.clone(), at));
        }
        self.now = Some(host);
    }

    fn told(self) -> Option<Finding> {
        let (host, at) = self.turn?;
        let at = timestamp(at);
        Some(Bad(format!(
            "Several hosts take turns at this state: {} went on with it at {at}, after another had. Locks may not hold \
             between hosts, so let one host run the gate. `undersign gate log` lists them as `moved`.",
            visible::text(&host)
        )))
    }
}

/// The first line about hosts also names the one before.
fn first_host(note: &str) -> Option<String> {
    let (_, before) = note.split_once("; before, it ran on ")?;
    Some(before.strip_suffix(". One state belongs to one host.")?.to_owned())
}

fn log(dir: &Path) -> Vec<Finding> {
    if !dir.exists() {
        return Vec::new();
    }
    let mut found: Vec<_> = others_may_write(dir, "the gate's state").into_iter().collect();
    let mut hosts = Hosts::default();
    let mut look = |entry: gate_state::Entry, _: &_| {
        if let (Some(host), Some(note)) = (entry.host, entry.note) {
            hosts.line(entry.at, &note, host);
        }
    };
    let read = gate_state::log_of(dir).and_then(|log| log.visit(&mut look));
    found.push(match read {
        Err(why) => Bad(why),
        Ok(log) => {
            let lines = counted(usize::try_from(log.lines).unwrap_or(usize::MAX), "line");
            match log.missing.last() {
                None => Good(format!("The log of verdicts is whole: {lines}.")),
                Some((1, last)) => Note(format!(
                    "The log of verdicts begins after line {last}: earlier parts were put away, or deleted. From there \
                     on it is whole: {lines}."
                )),
                Some((first, last)) => Bad(format!(
                    "Lines {first} to {last} of the log of verdicts were deleted. Restore them from a backup; the rest \
                     is whole: {lines}."
                )),
            }
        }
    });
    found.extend(hosts.told());
    found
}
