//! A private key in a file, in OpenSSH format, encrypted or not.

use std::path::Path;

use ed25519_dalek::Signer as _;
use ssh_key::PrivateKey;
use ssh_key::private::{EcdsaKeypair, KeypairData};

use super::KeyError;
use crate::record::Key;
use crate::record::key::KeyType;
use crate::record::wire::put;

/// Bytes; no OpenSSH private key comes near this.
const MAX_KEY_FILE: u64 = 64 << 10;

/// What the file says about its key without decryption: the public half, and whether it is encrypted.
pub(super) fn public(path: &Path) -> Result<(Result<Key, KeyError>, bool), KeyError> {
    let key = read(path)?;
    let line = key.public_key().to_openssh().map_err(|error| unreadable(path, &error))?;
    Ok((super::usable(&line, &format!(" {}", path.display())), key.is_encrypted()))
}

/// The signature blob over a message.
pub(super) fn sign(path: &Path, passphrase: Option<&str>, expected: &Key, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut key = read(path)?;
    if key.is_encrypted() {
        let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
        key = key.decrypt(passphrase).map_err(|_| KeyError::WrongPassphrase)?;
    }
    let signature = match key.key_data() {
        KeypairData::Ed25519(pair) => {
            let signing = ed25519_dalek::SigningKey::try_from(pair).map_err(|error| unreadable(path, &error))?;
            signing.sign(message).to_bytes().to_vec()
        }
        KeypairData::Ecdsa(EcdsaKeypair::NistP256 { private, .. }) => {
            let signing =
                p256::ecdsa::SigningKey::from_slice(private.as_slice()).map_err(|error| unreadable(path, &error))?;
            ecdsa_value(&signing.sign(message))
        }
        _ => return Err(unreadable(path, &"it holds no ed25519 or P-256 key")),
    };
    if expected.kind() == KeyType::Ed25519 || expected.kind() == KeyType::EcdsaP256 {
        let mut blob = Vec::new();
        put(&mut blob, expected.kind().name().as_bytes());
        put(&mut blob, &signature);
        return Ok(blob);
    }
    Err(unreadable(path, &"it is the file of a security key, which signs by itself"))
}

/// `mpint r, mpint s`
fn ecdsa_value(signature: &p256::ecdsa::Signature) -> Vec<u8> {
    let mut out = Vec::new();
    for scalar in [signature.r().to_bytes(), signature.s().to_bytes()] {
        let digits: Vec<u8> = scalar.iter().copied().skip_while(|&digit| digit == 0).collect();
        let sign: &[u8] = if digits.first().is_some_and(|&first| first >= 0x80) { &[0] } else { &[] };
        put(&mut out, &[sign, &digits].concat());
    }
    out
}

fn read(path: &Path) -> Result<PrivateKey, KeyError> {
    let size = std::fs::metadata(path).map_err(|error| super::cannot_read(path, &error))?.len();
    if size > MAX_KEY_FILE {
        return Err(unreadable(path, &"it is too large for a key"));
    }
    let text = std::fs::read(path).map_err(|error| super::cannot_read(path, &error))?;
    PrivateKey::from_openssh(text).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> KeyError {
    KeyError::Unusable(format!("The key file {} cannot be used: {error}.", path.display()))
}
