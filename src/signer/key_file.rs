//! A private key in a file, in OpenSSH format, encrypted or not.

use std::path::Path;

use ed25519_dalek::Signer as _;
use ssh_key::private::KeypairData;
use ssh_key::public::Ed25519PublicKey;
use ssh_key::{PrivateKey, PublicKey};

use super::SignError;

/// Bytes; no OpenSSH private key is near it.
const MAX_KEY_FILE: u64 = 64 << 10;

pub(super) fn public(path: &Path) -> Result<PublicKey, SignError> {
    Ok(read(path)?.public_key().clone())
}

pub(super) fn is_encrypted(path: &Path) -> bool {
    read(path).is_ok_and(|key| key.is_encrypted())
}

pub(super) fn sign(
    path: &Path,
    passphrase: Option<&str>,
    expected: &Ed25519PublicKey,
    message: &[u8],
) -> Result<[u8; 64], SignError> {
    let mut key = read(path)?;
    if key.is_encrypted() {
        let passphrase = passphrase.ok_or(SignError::PassphraseNeeded)?;
        key = key.decrypt(passphrase).map_err(|_| SignError::WrongPassphrase)?;
    }
    let KeypairData::Ed25519(pair) = key.key_data() else { return Err(super::wrong_kind(key.public_key())) };
    if pair.public != *expected {
        return Err(SignError::Unusable(
            "The key file changed since it was first read. Nothing was signed.".to_owned(),
        ));
    }
    let signing = ed25519_dalek::SigningKey::try_from(pair).map_err(|error| unreadable(path, &error))?;
    Ok(signing.sign(message).to_bytes())
}

fn read(path: &Path) -> Result<PrivateKey, SignError> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > MAX_KEY_FILE {
        return Err(unreadable(path, &"it is too large for a key"));
    }
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    PrivateKey::from_openssh(text).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> SignError {
    SignError::Unusable(format!("The key file {} cannot be used: {error}.", path.display()))
}
