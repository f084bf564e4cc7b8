//! FLOOR 2: unfinished reviews on disk, one file a change, outside every repository. Written whole or not at all.

use std::path::{Path, PathBuf};

use crate::change::manifest::Digest;
use crate::decision::Draft;
use crate::disk::write_atomically;

/// The directory of drafts, and this device's chain id beside them.
#[derive(Debug, Clone)]
pub struct Drafts {
    dir: PathBuf,
}

impl Drafts {
    pub fn at(dir: PathBuf) -> Drafts {
        Drafts { dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The draft of a change, if there is one. A damaged one is set aside under another name, and the error says where.
    pub fn load(&self, repository: &Path, change: &str) -> Result<Option<Draft>, String> {
        let path = self.path(repository, change);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("The draft {} cannot be read: {error}.", path.display())),
        };
        match Draft::decode(&bytes) {
            Ok(draft) => Ok(Some(draft)),
            Err(why) => {
                let aside = path.with_extension("damaged");
                let kept = std::fs::rename(&path, &aside).map(|()| aside).unwrap_or(path);
                Err(format!(
                    "The draft of this review could not be used: {why}. It is kept as {}; the review starts anew.",
                    kept.display()
                ))
            }
        }
    }

    /// The draft of a change, if there is one that can be read; a damaged one is left alone.
    pub fn peek(&self, repository: &Path, change: &str) -> Option<Draft> {
        Draft::decode(&std::fs::read(self.path(repository, change)).ok()?).ok()
    }

    /// Saves a draft: temporary file, sync, rename. An empty draft removes the file.
    pub fn save(&self, repository: &Path, draft: &Draft) -> Result<(), String> {
        let path = self.path(repository, &draft.change);
        let failed = |error: std::io::Error| {
            format!(
                "The draft cannot be saved in {}: {error}. It lives only as long as this program.",
                self.dir.display()
            )
        };
        if draft.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        write_atomically(&path, &draft.encode()).map_err(failed)
    }

    /// This device's chain id: 16 hex digits, made once from `random` and kept.
    pub fn chain_id(&self, random: impl FnOnce() -> [u8; 8]) -> Result<String, String> {
        let path = self.dir.join("chain-id");
        if let Ok(id) = std::fs::read_to_string(&path) {
            let id = id.trim().to_owned();
            if id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return Ok(id);
            }
            return Err(format!(
                "{} does not hold a chain id of 16 hex digits. Restore it, or remove it to begin a new chain.",
                path.display()
            ));
        }
        let id: String = random().iter().map(|byte| format!("{byte:02x}")).collect();
        write_atomically(&path, format!("{id}\n").as_bytes()).map_err(|error| {
            format!("This device's chain id cannot be saved in {}: {error}. Nothing was signed.", self.dir.display())
        })?;
        Ok(id)
    }

    fn path(&self, repository: &Path, change: &str) -> PathBuf {
        let place = std::fs::canonicalize(repository).unwrap_or_else(|_| repository.to_path_buf());
        let mut name = place.into_os_string().into_encoded_bytes();
        name.push(0);
        name.extend_from_slice(change.as_bytes());
        self.dir.join(format!("{}.json", Digest::of(&name).short()))
    }
}
