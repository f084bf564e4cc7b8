//! FLOOR 2: keys that sign. A signer signs the bytes that it is given; `record` defines their meaning.

pub mod agent;
pub mod key_file;
pub mod openssh;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::record::envelope::{Envelope, pae};
use crate::record::{Fault, Key, sshsig};

/// Why nothing was signed; each a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("The key is encrypted; its passphrase is needed.")]
    PassphraseNeeded,
    #[error("The passphrase does not open the key. Nothing was signed; try again.")]
    WrongPassphrase,
    #[error("{0}")]
    Unusable(String),
    /// The file that a setting names does not exist.
    #[error("{0}")]
    Absent(String),
    /// Of a key that an agent could hold.
    #[error("{0}")]
    NotInAgent(String),
    /// Of a key whose agent is gone, or does not answer.
    #[error("{0}")]
    NoAgent(String),
    /// The file of a key that this account may not read.
    #[error("{0}")]
    Denied(String),
}

/// Why there is no key to sign with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoKey {
    /// In a few words, for a line with little room.
    pub brief: String,
    /// Sentences, then commands that can be pasted unchanged.
    pub text: String,
    /// A setting names a key; otherwise this person may be one who never signs.
    pub is_named: bool,
}

impl From<NoKey> for String {
    fn from(why: NoKey) -> String {
        why.text
    }
}

/// The key that a reviewer signs with: its public half, and where the private half is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    pub public: Key,
    pub location: KeyLocation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    /// A private key file in OpenSSH format that we open ourselves.
    File { path: PathBuf, encrypted: bool },
    /// The ssh-agent that listens on this socket.
    Agent(PathBuf),
    /// A key file that `ssh-keygen` opens: of a security key, or in another format.
    Openssh(PathBuf),
}

impl SigningKey {
    /// Finds the private half of a key: a file next to its `.pub`, otherwise the agent. `name` is the value of git's
    /// `user.signingkey`: the path of a private or public key, or a public key itself, with or without the prefix
    /// `key::`.
    pub fn find(name: &str, agent: Option<&Path>, home: Option<&Path>) -> Result<SigningKey, KeyError> {
        let literal = name.strip_prefix("key::").unwrap_or(name);
        if literal.split_ascii_whitespace().count() >= 2 && !expand(name, home).exists() {
            return in_agent(usable(literal, "")?, agent);
        }
        let path = expand(name, home);
        let private = if path.extension().is_some_and(|e| e == "pub") { path.with_extension("") } else { path.clone() };
        if !private.is_file() {
            return in_agent(public_beside(&private, &path)?, agent);
        }
        let (public, encrypted) = match key_file::public(&private) {
            Ok((public, encrypted)) => (public?, encrypted),
            Err(denied @ KeyError::Denied(_)) => return Err(denied),
            // Not OpenSSH's own format: OpenSSH may still be able to open it.
            Err(error) => {
                let beside = PathBuf::from(format!("{}.pub", private.display())).exists();
                let public = public_beside(&private, &path).map_err(|why| if beside { why } else { error })?;
                return Ok(SigningKey { public, location: KeyLocation::Openssh(private) });
            }
        };
        let by_itself = public.kind().is_security_key();
        let location =
            if by_itself { KeyLocation::Openssh(private) } else { KeyLocation::File { path: private, encrypted } };
        Ok(SigningKey { public, location })
    }

    pub fn fingerprint(&self) -> String {
        self.public.fingerprint()
    }

    /// Whether signing needs a passphrase from the caller.
    pub fn needs_passphrase(&self) -> bool {
        matches!(self.location, KeyLocation::File { encrypted: true, .. })
    }

    /// Whether signing asks the person on the terminal by itself.
    pub fn needs_terminal(&self) -> bool {
        matches!(self.location, KeyLocation::Openssh(_))
    }

    /// Signs a payload into an envelope. The passphrase is only used for an encrypted key file.
    pub fn sign(&self, payload: Vec<u8>, passphrase: Option<&str>) -> Result<Envelope, KeyError> {
        self.sign_for(sshsig::NAMESPACE, payload, passphrase)
    }

    /// [`SigningKey::sign`] in the namespace of another kind of statement.
    pub fn sign_for(&self, namespace: &str, payload: Vec<u8>, passphrase: Option<&str>) -> Result<Envelope, KeyError> {
        let armor = self.armored(namespace, &pae(&payload), passphrase)?;
        Ok(Envelope { payload, key_hint: self.fingerprint(), armor })
    }

    /// The armored signature over the bytes of a message.
    pub fn armored(&self, namespace: &str, message: &[u8], passphrase: Option<&str>) -> Result<Vec<u8>, KeyError> {
        let bytes = sshsig::to_be_signed_for(namespace, message);
        let armor_of = |signature: Vec<u8>| sshsig::armor_for(namespace, &self.public, &signature).into_bytes();
        let armor = match &self.location {
            KeyLocation::File { path, .. } => armor_of(key_file::sign(path, passphrase, &self.public, &bytes)?),
            KeyLocation::Agent(socket) => armor_of(agent::sign(socket, &self.public, &bytes)?),
            KeyLocation::Openssh(path) => openssh::sign(path, namespace, message)?,
        };
        // Whoever signed: this function only returns what verifies with the intended key.
        match sshsig::verify_for(namespace, &armor, message) {
            Ok((key, _)) if key == self.public => Ok(armor),
            Ok(_) => Err(KeyError::Unusable(
                "Another key signed than the one that was chosen. Nothing was recorded.".to_owned(),
            )),
            Err(fault) => Err(KeyError::Unusable(format!(
                "What the key returned is not a sound signature: {fault}. Nothing was recorded."
            ))),
        }
    }
}

fn in_agent(public: Key, agent: Option<&Path>) -> Result<SigningKey, KeyError> {
    let Some(socket) = agent else {
        return Err(KeyError::NotInAgent(format!(
            "The private half of the signing key {} is in no file here, and no ssh-agent runs (SSH_AUTH_SOCK is not \
             set).",
            public.fingerprint()
        )));
    };
    if !agent::holds(socket, &public)? {
        return Err(KeyError::NotInAgent(format!(
            "The private half of the signing key {} is in no file here, and the ssh-agent does not hold it.",
            public.fingerprint()
        )));
    }
    Ok(SigningKey { public, location: KeyLocation::Agent(socket.to_path_buf()) })
}

/// The public key in the `.pub` next to a private one; a setting named one of both.
fn public_beside(private: &Path, named: &Path) -> Result<Key, KeyError> {
    let path = PathBuf::from(format!("{}.pub", private.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| cannot_read(named, &error))?;
    usable(&text, &format!(" {}", private.display()))
}

fn cannot_read(path: &Path, error: &std::io::Error) -> KeyError {
    let told = format!("The signing key {} cannot be read: {error}.", path.display());
    match error.kind() {
        ErrorKind::NotFound => KeyError::Absent(format!("The signing key {} does not exist.", path.display())),
        ErrorKind::PermissionDenied => KeyError::Denied(told),
        _ => KeyError::Unusable(told),
    }
}

/// Reads the line of a public key that can sign records; `file` is its file after a blank, if it has one.
fn usable(line: &str, file: &str) -> Result<Key, KeyError> {
    Key::from_openssh(line).map_err(|fault| match fault {
        Fault::KeyType => {
            let kind = line.split_ascii_whitespace().next().unwrap_or_default().escape_debug();
            KeyError::Unusable(format!("The signing key{file} is of type {kind}, which signs no records."))
        }
        _ => KeyError::Unusable(format!("The signing key{file} is not an OpenSSH public key.")),
    })
}

fn expand(name: &str, home: Option<&Path>) -> PathBuf {
    match (name.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(name),
    }
}
