//! FLOOR 2: what a gate remembers between pushes: for each chain the highest record that it saw. Facts, never verdicts.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk::write_atomically;
use crate::record::Heads;

const SCHEMA: &str = "undersign-memory/v0";
const FILE: &str = "memory.json";
/// Bytes; some hundred thousand chains.
const MAX_FILE: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: String,
    heads: Heads,
}

/// A state directory, locked until it is dropped.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    heads: Heads,
    _lock: File,
}

impl Memory {
    /// Opens a state directory, makes it if need be, and waits for who else has it.
    ///
    /// # Errors
    /// A sentence; a directory that cannot be used and a file that is damaged are never taken for an empty memory.
    pub fn open(dir: &Path) -> Result<Memory, String> {
        let unusable =
            |error: std::io::Error| format!("The gate's state in {} cannot be used: {error}.", dir.display());
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let lock = File::options().create(true).append(true).open(dir.join("lock")).map_err(unusable)?;
        lock.lock().map_err(unusable)?;
        let path = dir.join(FILE);
        let heads = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Heads::default(),
            Err(error) => return Err(unusable(error)),
            Ok(meta) if meta.len() > MAX_FILE => return Err(damaged(&path, "it is too large")),
            Ok(_) => decode(&path, &std::fs::read(&path).map_err(unusable)?)?,
        };
        Ok(Memory { path, heads, _lock: lock })
    }

    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// Takes in heads; what it knows only grows. Written whole or not at all.
    pub fn learn(&mut self, heads: &Heads) -> Result<(), String> {
        let before = self.heads.clone();
        heads.iter().for_each(|(chain, head)| self.heads.learn(chain.clone(), Some(*head)));
        if self.heads == before {
            return Ok(());
        }
        let written = Written { schema: SCHEMA.to_owned(), heads: self.heads.clone() };
        let mut bytes = serde_json::to_vec_pretty(&written).expect("plain data always serialises into memory");
        bytes.push(b'\n');
        write_atomically(&self.path, &bytes)
            .map_err(|error| format!("The gate's state {} cannot be written: {error}.", self.path.display()))
    }
}

fn decode(path: &Path, bytes: &[u8]) -> Result<Heads, String> {
    let written: Written = serde_json::from_slice(bytes).map_err(|error| damaged(path, &error.to_string()))?;
    if written.schema != SCHEMA {
        return Err(damaged(path, "another version wrote it"));
    }
    Ok(written.heads)
}

fn damaged(path: &Path, why: &str) -> String {
    format!(
        "The gate's state {} is damaged: {why}. Restore it; without it, records that went missing are not noticed.",
        path.display()
    )
}
