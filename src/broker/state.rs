//! The broker's files besides the ledger: key, settings, the pinned policy, and what it saw.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::change::digest::Digest;
use crate::change::{ObjectId, shown_path};
use crate::command::{AuthorizationChain, Received};
use crate::disk::{write_atomically, write_until_restart};
use crate::gate::SeenOrganization;
use crate::policy::Inherited;
use crate::random::random;
use crate::record::{Heads, RecordId};
use crate::signer::SigningKey;

/// Where the remote's policy branch is kept.
pub(super) const POLICY_REF: &str = "refs/undersign/policy";

/// The directory of a broker.
pub struct State {
    pub dir: PathBuf,
    /// Held while the broker runs: two on one directory would contradict each other.
    _lock: File,
    memory: Mutex<Kept>,
}

/// What was seen, and whether all of it is on the disk.
struct Kept {
    memory: Memory,
    is_saved: bool,
}

/// The records that were seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// The highest record of each chain.
    pub heads: Heads,
    /// When each authorization was received.
    #[serde(with = "received")]
    pub received: Received,
}

/// By ids in hex.
mod received {
    use super::{BTreeMap, Received, RecordId};
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(received: &Received, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(received.iter().map(|(id, at)| (id.to_string(), at)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Received, D::Error> {
        let read = BTreeMap::<String, i64>::deserialize(deserializer)?;
        let one = |(id, at): (String, i64)| Ok((id.parse::<RecordId>().map_err(|_| D::Error::custom("no id"))?, at));
        read.into_iter().map(one).collect()
    }
}

impl State {
    /// Creates the directory of a new broker: a key, which nobody else has unless it is given, and a chain id.
    ///
    /// # Errors
    /// A sentence: something is already there, or cannot be written, or the given key is not one.
    pub fn init(dir: &Path, settings: &str, given: Option<&Path>) -> Result<SigningKey, String> {
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}.", dir.display());
        if dir.join("key").exists() {
            return Err(format!("{} is the directory of a broker already.", dir.display()));
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o711).create(dir).map_err(failed)?;
        let key = match given {
            Some(path) => given_key(path)?,
            None => ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&random()?)),
        };
        let text = key.to_openssh(ssh_key::LineEnding::LF).map_err(|error| error.to_string())?;
        let mut file =
            File::options().write(true).create_new(true).mode(0o600).open(dir.join("key")).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        for closed in ["kept", "runs"] {
            std::fs::DirBuilder::new().mode(0o700).create(dir.join(closed)).map_err(failed)?;
        }
        let write = |name: &str, text: &str| write_atomically(&dir.join(name), text.as_bytes()).map_err(failed);
        write("settings.toml", settings)?;
        let key = key_in(dir)?;
        let device = match given {
            Some(_) => device_of(&key),
            None => base16ct::lower::encode_string(&random::<8>()?),
        };
        write("chain", &device)?;
        Ok(key)
    }

    /// # Errors
    /// A sentence: it is not a broker's directory, somebody else could write there, or another broker is running on it.
    pub fn open(dir: &Path) -> Result<State, String> {
        let about = std::fs::metadata(dir).map_err(|error| {
            format!("{}: {error}. `undersign broker init DIRECTORY` makes a broker.", dir.display())
        })?;
        let own = nix::unistd::geteuid().as_raw();
        if about.uid() != own || about.mode() & 0o022 != 0 {
            return Err(format!("{} belongs to somebody else, or others may write there.", dir.display()));
        }
        let path = dir.join("lock");
        let lock = File::options().create(true).append(true).mode(0o600).open(&path);
        let lock = lock.map_err(|error| format!("{}: {error}.", path.display()))?;
        lock.try_lock().map_err(|_| format!("Another broker runs on {}.", dir.display()))?;
        let memory = match std::fs::read(dir.join("memory.json")) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| format!("memory.json is damaged: {error}."))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Memory::default(),
            Err(error) => return Err(format!("memory.json cannot be read: {error}.")),
        };
        Ok(State { dir: dir.to_owned(), _lock: lock, memory: Mutex::new(Kept { memory, is_saved: true }) })
    }

    pub fn settings(&self) -> Result<Settings, String> {
        settings_in(&self.dir)
    }

    pub fn key(&self) -> Result<SigningKey, String> {
        key_in(&self.dir)
    }

    pub fn device(&self) -> Result<String, String> {
        self.text("chain")
    }

    pub fn pinned(&self) -> Result<ObjectId, String> {
        pinned_in(&self.dir)
    }

    pub fn pin(&self, commit: ObjectId) -> Result<(), String> {
        let written = write_atomically(&self.dir.join("policy"), commit.to_string().as_bytes());
        written.map_err(|error| format!("The policy cannot be pinned: {error}."))
    }

    /// Keeps the version of the organization by which this broker judges.
    ///
    /// # Errors
    /// A sentence: it is older than the one before, another file of the same version, or another organization.
    pub(super) fn learn_organization(&self, inherited: &Inherited) -> Result<(), String> {
        let path = self.dir.join("organization.json");
        let before: Option<SeenOrganization> = match std::fs::read(&path) {
            Ok(text) => {
                Some(serde_json::from_slice(&text).map_err(|error| format!("organization.json is damaged: {error}."))?)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("organization.json cannot be read: {error}.")),
        };
        let now = SeenOrganization::of(inherited);
        match before {
            Some(before) if before == now => return Ok(()),
            Some(before) if !before.is_before(inherited) => {
                return Err(format!(
                    "This broker has judged by version {} of the organization {} (SHA-256 {}), and now version {} of \
                     {} (SHA-256 {}) is there. It takes newer versions of the same organization only; to change to another one, stop it and remove \
                     {}.",
                    before.version,
                    before.id,
                    before.digest,
                    now.version,
                    now.id,
                    now.digest,
                    path.display()
                ));
            }
            _ => {}
        }
        let text = serde_json::to_vec(&now).map_err(|error| error.to_string())?;
        let written = write_atomically(&path, &text);
        written.map_err(|error| format!("The version of the organization cannot be kept: {error}."))
    }

    /// Removes files of runs that a killed broker left behind: they contain secrets.
    pub(super) fn clear_specs(&self) -> Result<(), String> {
        let dir = self.dir.join("runs");
        let files = std::fs::read_dir(&dir).map_err(|error| format!("{}: {error}.", dir.display()))?;
        for path in files.flatten().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "spec"))
        {
            std::fs::remove_file(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
        }
        Ok(())
    }

    /// Where the directory of a run's control group is written down while it runs.
    pub(super) fn group_note(&self, id: RecordId) -> PathBuf {
        self.dir.join("runs").join(format!("{id}.group"))
    }

    /// Writes a control group down before anything runs in it. It is gone once the machine restarts.
    pub(super) fn note_group(&self, id: RecordId, group: &Path) -> Result<(), String> {
        let path = self.group_note(id);
        let written = write_until_restart(&path, group.as_os_str().as_bytes());
        written.map_err(|error| format!("{} cannot be written: {error}.", path.display()))
    }

    /// The control groups of runs that a killed broker left, each with its note.
    pub(super) fn groups(&self) -> Result<Vec<(PathBuf, PathBuf)>, String> {
        let dir = self.dir.join("runs");
        let files = std::fs::read_dir(&dir).map_err(|error| format!("{}: {error}.", dir.display()))?;
        let notes =
            files.flatten().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "group"));
        let read = |note: PathBuf| {
            let text = std::fs::read(&note).map_err(|error| format!("{}: {error}.", note.display()))?;
            Ok((note, PathBuf::from(std::ffi::OsString::from_vec(text))))
        };
        notes.map(read).collect()
    }

    fn text(&self, name: &str) -> Result<String, String> {
        text_in(&self.dir, name)
    }

    pub(super) fn memory(&self) -> Memory {
        self.memory.lock().map(|kept| kept.memory.clone()).unwrap_or_default()
    }

    /// Learns what was seen. Returns the authorizations that were not seen before. Before anything depends on it, it is
    /// [saved](State::save).
    pub(super) fn learn(
        &self,
        chains: &[AuthorizationChain],
        heads: &Heads,
        now: i64,
    ) -> Result<Vec<RecordId>, String> {
        let Ok(mut kept) = self.memory.lock() else { return Err(BROKEN.to_owned()) };
        let Kept { memory, is_saved } = &mut *kept;
        let before = memory.heads.clone();
        heads.iter().for_each(|(chain, head)| memory.heads.learn(chain.clone(), Some(*head)));
        let all = chains.iter().flat_map(|chain| &chain.records).map(|record| record.id());
        let new: Vec<RecordId> = all.filter(|id| !memory.received.contains_key(id)).collect();
        memory.received.extend(new.iter().map(|id| (*id, now)));
        *is_saved &= memory.heads == before && new.is_empty();
        Ok(new)
    }

    /// Keeps on the disk what was learnt, if that is not there yet.
    pub(super) fn save(&self) -> Result<(), String> {
        let Ok(mut kept) = self.memory.lock() else { return Err(BROKEN.to_owned()) };
        if kept.is_saved {
            return Ok(());
        }
        let text = serde_json::to_vec(&kept.memory).map_err(|error| error.to_string())?;
        let written = write_atomically(&self.dir.join("memory.json"), &text);
        written.map_err(|error| format!("What was seen cannot be kept: {error}."))?;
        kept.is_saved = true;
        Ok(())
    }
}

/// A thread ended while it held what was seen.
const BROKEN: &str = "The broker's memory is broken.";

/// The settings of a broker, whether it is running or not.
pub fn settings_in(dir: &Path) -> Result<Settings, String> {
    let path = dir.join("settings.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
    Settings::parse(&path.display().to_string(), &text).map_err(|error| error.to_string())
}

/// A private key that can be used without a passphrase.
fn given_key(path: &Path) -> Result<ssh_key::PrivateKey, String> {
    let wrong = |why: String| format!("{} is not a private key for a broker: {why}.", path.display());
    let key = ssh_key::PrivateKey::read_openssh_file(path).map_err(|error| wrong(error.to_string()))?;
    if key.is_encrypted() {
        return Err(wrong("it has a passphrase, and nobody is there to type it".to_owned()));
    }
    if key.algorithm() != ssh_key::Algorithm::Ed25519 {
        return Err(wrong("it is not of the kind ed25519".to_owned()));
    }
    Ok(key)
}

/// The chain id of all jobs that have a key: only if they write to the same chain can one of them lose the race.
fn device_of(key: &SigningKey) -> String {
    let digest = Digest::of(format!("undersign chain of {}", key.public.id()).as_bytes());
    digest.to_string()[..16].to_owned()
}

/// The pinned policy of a broker, whether it is running or not.
pub(super) fn pinned_in(dir: &Path) -> Result<ObjectId, String> {
    let pinned = text_in(dir, "policy").map_err(|_| {
        format!("No policy is pinned. Look at it, then run `undersign broker pin {}`.", shown_path(dir))
    })?;
    pinned.parse().map_err(|_| "The pinned policy is not a commit.".to_owned())
}

fn text_in(dir: &Path, name: &str) -> Result<String, String> {
    let path = dir.join(name);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
    Ok(text.trim_end().to_owned())
}

pub(super) fn key_in(dir: &Path) -> Result<SigningKey, String> {
    let path = dir.join("key").display().to_string();
    SigningKey::find(&path, None, None).map_err(|error| error.to_string())
}

/// 32 hex digits.
pub(super) fn nonce() -> Result<String, String> {
    random::<16>().map(|bytes| base16ct::lower::encode_string(&bytes))
}
