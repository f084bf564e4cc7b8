//! FLOOR 2: keys that sign. A signer makes 64 bytes of ed25519 over what it is given; what that is, `record` decides.

pub mod agent;
pub mod key_file;

use std::path::{Path, PathBuf};

use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, PublicKey};

use crate::record::envelope::{Envelope, pae};
use crate::record::sshsig;

/// Why nothing was signed; each a sentence with a way on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("The key is encrypted; its passphrase is needed.")]
    PassphraseNeeded,
    #[error("The passphrase does not open the key. Nothing was signed; try again.")]
    WrongPassphrase,
    #[error("{0}")]
    Unusable(String),
}

/// The key that a reviewer signs with: its public half, and where the private half is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    pub public: PublicKey,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A private key file in OpenSSH format.
    File(PathBuf),
    /// The ssh-agent that listens on this socket.
    Agent(PathBuf),
}

impl SigningKey {
    /// Finds the private half of a key: a file beside its `.pub`, else the agent. `name` is what git's
    /// `user.signingkey` holds: the path of a private or public key, or a public key itself, `key::` before it or not.
    pub fn find(name: &str, agent: Option<&Path>, home: Option<&Path>) -> Result<SigningKey, SignError> {
        let literal = name.strip_prefix("key::").unwrap_or(name);
        if let Ok(public) = PublicKey::from_openssh(literal) {
            return in_agent(public, agent);
        }
        let path = expand(name, home);
        let private = if path.extension().is_some_and(|e| e == "pub") { path.with_extension("") } else { path };
        let public_path = PathBuf::from(format!("{}.pub", private.display()));
        if private.is_file() {
            let public = key_file::public(&private)?;
            return Ok(SigningKey { public: usable(public)?, place: Place::File(private) });
        }
        let text = std::fs::read_to_string(&public_path).map_err(|error| {
            SignError::Unusable(format!(
                "The signing key {} cannot be read: {error}. Set git's user.signingkey to an ed25519 key.",
                private.display()
            ))
        })?;
        let public = PublicKey::from_openssh(text.trim()).map_err(|error| {
            SignError::Unusable(format!("{} holds no OpenSSH public key: {error}.", public_path.display()))
        })?;
        in_agent(public, agent)
    }

    pub fn fingerprint(&self) -> String {
        self.public.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether signing will ask for a passphrase.
    pub fn needs_passphrase(&self) -> bool {
        match &self.place {
            Place::File(path) => key_file::is_encrypted(path),
            Place::Agent(_) => false,
        }
    }

    /// Signs a payload into an envelope. The passphrase is only used for an encrypted key file.
    pub fn sign(&self, payload: Vec<u8>, passphrase: Option<&str>) -> Result<Envelope, SignError> {
        let KeyData::Ed25519(key) = *self.public.key_data() else { return Err(wrong_kind(&self.public)) };
        let message = sshsig::to_be_signed(&pae(&payload));
        let signature = match &self.place {
            Place::File(path) => key_file::sign(path, passphrase, &key, &message)?,
            Place::Agent(socket) => agent::sign(socket, &key, &message)?,
        };
        Ok(Envelope::new(payload, &key, &signature))
    }
}

fn in_agent(public: PublicKey, agent: Option<&Path>) -> Result<SigningKey, SignError> {
    let public = usable(public)?;
    let Some(socket) = agent else {
        return Err(SignError::Unusable(
            "The private half of the signing key is in no file here, and no ssh-agent runs (SSH_AUTH_SOCK is not set). Start one and `ssh-add` the key.".to_owned(),
        ));
    };
    let KeyData::Ed25519(key) = public.key_data() else { return Err(wrong_kind(&public)) };
    if !agent::holds(socket, key)? {
        return Err(SignError::Unusable(format!(
            "The ssh-agent does not hold the signing key {}. Add it with `ssh-add`.",
            public.fingerprint(HashAlg::Sha256)
        )));
    }
    Ok(SigningKey { public, place: Place::Agent(socket.to_path_buf()) })
}

fn usable(public: PublicKey) -> Result<PublicKey, SignError> {
    if matches!(public.key_data(), KeyData::Ed25519(Ed25519PublicKey(_))) {
        Ok(public)
    } else {
        Err(wrong_kind(&public))
    }
}

fn wrong_kind(public: &PublicKey) -> SignError {
    SignError::Unusable(format!(
        "The signing key is of type {}; this version signs with ed25519 keys only. Make one with `ssh-keygen -t ed25519`.",
        public.algorithm()
    ))
}

fn expand(name: &str, home: Option<&Path>) -> PathBuf {
    match (name.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(name),
    }
}
