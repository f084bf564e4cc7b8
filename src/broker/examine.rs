//! What an operator should know of a broker, whether it runs or not: which level it proves, and what is missing.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::group::Group;
use super::level::{self, account};
use super::settings::{Settings, TargetSettings};
use super::state::{self, key_in, pinned_in};
use super::{open, own_target, policy_at, settings_in};
use crate::policy::{Policy, Target};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Good(String),
    /// Worth knowing.
    Note(String),
    /// Nothing runs because of it, or it opens something.
    Bad(String),
}

use Found::{Bad, Good, Note};

/// A broker, and what was found of it.
pub struct Examined {
    /// Its directory and its key.
    pub about: String,
    pub found: Vec<Found>,
}

/// Looks at the directory of a broker.
///
/// # Errors
/// A sentence: it is none, or cannot be read.
pub fn examine(dir: &Path) -> Result<Examined, String> {
    let settings = settings_in(dir)?;
    let key = key_in(dir)?;
    let about = format!("Broker {} with the key {}", dir.display(), key.public.fingerprint());
    let repository = open(&settings.repository)?;
    let mut found = vec![directory(dir)];
    found.extend(place(&settings));
    let policy = pinned_in(dir).and_then(|commit| Ok((commit, policy_at(&repository, commit)?)));
    let (commit, policy) = match policy {
        Ok(pinned) => pinned,
        Err(why) => {
            found.push(Bad(why));
            return Ok(Examined { about, found });
        }
    };
    let name = if settings.remote.is_some() { state::POLICY_REF } else { &settings.policy_branch };
    found.push(match repository.resolve(name) {
        Ok(tip) if tip == commit => {
            Good(format!("Version {} of the policy is pinned, the newest seen.", policy.version))
        }
        _ => Note(format!("Version {} of the policy is pinned, from {}.", policy.version, commit.short())),
    });
    let id = key.public.id().to_string();
    let own: Vec<&Target> = policy.targets.iter().filter_map(|target| own_target(&policy, &id, &target.name)).collect();
    if own.is_empty() {
        found.push(Bad("The policy gives no target to this broker's key.".to_owned()));
    }
    for target in &own {
        found.extend(one(&settings, target));
    }
    found.push(match Group::new("probe") {
        Ok(_) => Good("Each run gets a control group of its own, which is killed as a whole.".to_owned()),
        Err(why) => Note(format!("Runs get no control group, so at L1 processes may stay behind: {why}.")),
    });
    found.extend(unused(&settings, &policy, &own));
    Ok(Examined { about, found })
}

fn directory(dir: &Path) -> Found {
    let about = std::fs::metadata(dir);
    let own = nix::unistd::geteuid().as_raw();
    match about {
        Ok(about) if about.uid() == own && about.mode() & 0o022 == 0 => {
            Good(format!("Only account {own} may write to {}.", dir.display()))
        }
        _ => Bad(format!("{} belongs to somebody else, or others may write there: it does not start.", dir.display())),
    }
}

/// Whether a copy of its disk would be noticed, and who may ask.
fn place(settings: &Settings) -> Vec<Found> {
    let mut found = Vec::new();
    if settings.remote.is_none() {
        found.push(Note("There is no remote: a disk that is restored may run again what it ran.".to_owned()));
    }
    if settings.is_ci {
        found.push(Note("It is a job of CI: what it runs is level L1, whoever runs the job.".to_owned()));
    }
    if settings.operators.is_empty() && settings.keys.is_empty() {
        found.push(Note(
            "No account and no key is an operator's: every request needs one person more (`[operator.NAME]`)."
                .to_owned(),
        ));
    }
    if !settings.keys.is_empty() && settings.ssh_uid.is_none() {
        found.push(Bad("There are keys of agents, and no `ssh_uid`: nobody may relay for them.".to_owned()));
    }
    found
}

/// The level of one target, and what its commands would meet.
fn one(settings: &Settings, target: &Target) -> Vec<Found> {
    let name = &target.name;
    let Some(own) = settings.targets.get(name) else {
        return vec![Bad(format!("{name}: the settings have no [target.{name}], so nothing can be requested."))];
    };
    let (level, proofs) = level::proven(settings, own);
    let proofs = proofs.join("; ");
    let mut found = vec![match level >= target.level {
        true => Good(format!("{name}: {level} is proven, {} is demanded: {proofs}.", target.level)),
        false => {
            Bad(format!("{name}: {} is demanded, and only {level} is proven, so nothing runs: {proofs}.", target.level))
        }
    }];
    let uid = nix::unistd::Uid::from_raw(account(own.uid));
    if own.ssh.is_some() && !nix::unistd::User::from_uid(uid).is_ok_and(|user| user.is_some()) {
        found.push(Bad(format!("{name}: account {uid} has no entry in /etc/passwd, so ssh does not run there.")));
    }
    found.extend(secrets(name, own));
    found.extend(folder(name, own));
    if level::group(own).is_some() && own.preview.is_none() {
        found.push(Note(format!("{name}: without `preview_uid`, plans have no preview and count as destructive.")));
    }
    found
}

fn secrets(name: &str, own: &TargetSettings) -> Vec<Found> {
    let unreadable = own.secrets.iter().filter(|(_, path)| std::fs::File::open(path).is_err());
    unreadable
        .map(|(variable, path)| Bad(format!("{name}: the secret {variable} cannot be read from {path}.")))
        .collect()
}

/// A command may read what its arguments name relative to its folder.
fn folder(name: &str, own: &TargetSettings) -> Option<Found> {
    let Ok(about) = std::fs::metadata(&own.cwd) else {
        return Some(Bad(format!("{name}: there is no directory {}, in which its commands run.", own.cwd)));
    };
    let is_open = about.mode() & 0o022 != 0 || (about.uid() != 0 && about.uid() != account(own.uid));
    is_open.then(|| Note(format!("{name}: others than root may write to {}, in which its commands run.", own.cwd)))
}

/// Tables of the settings that nothing uses.
fn unused(settings: &Settings, policy: &Policy, own: &[&Target]) -> Vec<Found> {
    let is_unused = |name: &&String| !own.iter().any(|target| target.name == **name);
    let told = settings.targets.keys().filter(is_unused).map(|name| match policy.target(name) {
        Some(_) => Note(format!("{name}: the policy gives it to another broker.")),
        None => Note(format!("{name}: the policy has no such target.")),
    });
    told.collect()
}
