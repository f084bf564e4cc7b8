//! The key that would sign in a repository, by the settings that the desk reads: what a row says to "you".

#[cfg(feature = "tui")]
use std::collections::BTreeMap;
use std::path::Path;
#[cfg(feature = "tui")]
use std::path::PathBuf;
#[cfg(feature = "tui")]
use std::sync::{Mutex, PoisonError};

use crate::examination::{Examination, RepositorySnapshot};
use crate::gate::advice;
use crate::policy::{Person, Policy};
use crate::record::Key;
#[cfg(feature = "tui")]
use crate::{config, signer::NoKey};

/// The id of the person whose key that is.
pub fn person(snapshot: &RepositorySnapshot) -> Option<&str> {
    let fingerprint = fingerprint(&snapshot.root)?;
    owner(snapshot.policy()?, &fingerprint).map(|(person, _)| person.id.as_str())
}

/// Why an approval by that key would fill no slot, if there is one.
pub fn futile(snapshot: &RepositorySnapshot, examination: &Examination) -> Option<String> {
    let fingerprint = fingerprint(&snapshot.root)?;
    let (policy, standing) = (snapshot.policy()?, examination.standing.as_ref()?);
    let key = owner(policy, &fingerprint).map(|(_, key)| key);
    advice::futile(policy, standing, key, crate::clock::now())
}

/// Who has the key in the roster.
fn owner<'p>(policy: &'p Policy, fingerprint: &str) -> Option<(&'p Person, &'p Key)> {
    let mut keys = policy.roster.people().flat_map(|person| person.keys.iter().map(move |own| (person, &own.key)));
    keys.find(|(_, key)| key.fingerprint() == fingerprint)
}

/// Remembered by repository, since a key may lie in an agent that has to be asked.
#[cfg(feature = "tui")]
fn fingerprint(near: &Path) -> Option<String> {
    static KEYS: Mutex<BTreeMap<PathBuf, Result<String, NoKey>>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    let found = keys.entry(near.to_owned()).or_insert_with(|| config::fingerprint(near));
    found.as_ref().ok().cloned()
}

/// A gate's host has no key of a person.
#[cfg(not(feature = "tui"))]
fn fingerprint(_: &Path) -> Option<String> {
    None
}

/// Why the key that a setting names cannot sign. Nothing is said where none is named: not everybody signs.
#[cfg(feature = "tui")]
pub fn unusable(near: &Path) -> Option<String> {
    config::fingerprint(near).err().filter(|why| why.is_named).map(String::from)
}

/// A gate's host has no key of a person.
#[cfg(not(feature = "tui"))]
pub fn unusable(_: &Path) -> Option<String> {
    None
}
