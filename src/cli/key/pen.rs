//! The keys that sign a request.

use std::path::Path;

use crate::config::{self, Config};
use crate::enrolment::request::NAMESPACE;
use crate::signer::{KeyLocation, SigningKey};

/// The key of a name, or the one that signs here.
pub(super) fn key(name: Option<&str>, near: &Path) -> Result<SigningKey, String> {
    match name {
        Some(name) => config::key_named(name),
        None => Ok(Config::read(Some(near)).key?),
    }
}

/// Signs in the namespace of requests. The terminal is free here: `ssh-keygen` asks for passphrase, PIN and touch
/// itself.
pub(super) fn armored(key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, String> {
    let mut key = key.clone();
    if let KeyLocation::File { path, encrypted: true } = &key.location {
        key.location = KeyLocation::Openssh(path.clone());
    }
    if key.public.kind().is_security_key() {
        eprintln!("Touch the security key {}.", key.fingerprint());
    }
    key.armored(NAMESPACE, message, None).map_err(|error| crate::change::visible::text(&error.to_string()).into_owned())
}
