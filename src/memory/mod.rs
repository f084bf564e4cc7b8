//! FLOOR 2: what a gate remembers between pushes, and its log. Facts, never verdicts: what the refs held, when it came, and
//! what was answered.

mod lock;
mod log;

pub use lock::{Lock, LockError};
pub use log::{Entry, EntryRef, Log};

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::disk::write_atomically;
use crate::gate::{Expected, Remembered};
use crate::ledger::Digested;
use crate::policy::Policy;
use crate::record::Chain;

const SCHEMA: &str = "undersign-memory/v1";
const FILE: &str = "memory.json";
const LEDGER: &str = "ledger.json";
/// Bytes; some hundred thousand chains.
const MAX_FILE: u64 = 64 << 20;
/// Seconds that the clock may run on before it alone is worth writing.
const COARSE: i64 = 60;

#[derive(Serialize, Deserialize)]
struct Written {
    schema: String,
    #[serde(flatten)]
    remembered: Remembered,
}

/// A state directory, locked until it is dropped.
#[derive(Debug)]
pub struct Memory {
    dir: PathBuf,
    remembered: Remembered,
    _lock: Lock,
}

impl Memory {
    /// Opens a state directory, makes it if need be, and waits for who else has it, so long.
    ///
    /// # Errors
    /// A sentence; a directory that cannot be used and a file that is damaged are never taken for an empty memory.
    pub fn open(dir: &Path, patience: Option<Duration>) -> Result<Memory, String> {
        let lock = Lock::take(dir, patience).map_err(|error| error.to_string())?;
        let unusable =
            |error: std::io::Error| format!("The gate's state in {} cannot be used: {error}.", dir.display());
        let path = dir.join(FILE);
        let remembered = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Remembered::default(),
            Err(error) => return Err(unusable(error)),
            Ok(meta) if meta.len() > MAX_FILE => return Err(damaged(&path, "it is too large")),
            Ok(_) => decode(&path, &std::fs::read(&path).map_err(unusable)?)?,
        };
        Ok(Memory { dir: dir.to_path_buf(), remembered, _lock: lock })
    }

    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Takes in what the refs hold: chains of people in the roster, and the policy that is judged by. What it knows only
    /// grows. `arriving` are chains as a push would leave them: they may never land, so of them only the time is kept.
    /// Written whole or not at all.
    /// `landed` says whether a ref holds an id now.
    pub fn learn(
        &mut self,
        policy: &Policy,
        held: &[Chain],
        arriving: &[Chain],
        landed: impl Fn(&str, &str) -> bool,
        now: i64,
    ) -> Result<(), String> {
        let before = self.remembered.clone();
        let known = &mut self.remembered;
        known.settle(landed, now);
        // Chains of unknown keys are nobody's, and anyone could fill the memory with them.
        let own = |chain: &&Chain| policy.roster.by_key_id(&chain.id.key).is_some();
        for chain in held.iter().filter(own) {
            known.heads.learn(chain.id.clone(), chain.head());
        }
        for chain in held.iter().chain(arriving).filter(own) {
            known.receipts.learn(chain, now);
        }
        if known.policy.as_ref().is_none_or(|(version, _)| *version < policy.version) {
            known.policy = Some((policy.version, policy.digest.to_string()));
        }
        known.clock = known.clock.max(now);
        let older = Remembered { clock: known.clock, ..before.clone() };
        if older == *known && known.clock - before.clock < COARSE {
            return Ok(());
        }
        self.write()
    }

    /// Takes in what must be there once a push has landed that is let through now.
    pub fn expect(&mut self, expected: Expected) -> Result<(), String> {
        self.remembered.expected.push(expected);
        self.write()
    }

    fn write(&self) -> Result<(), String> {
        let written = Written { schema: SCHEMA.to_owned(), remembered: self.remembered.clone() };
        let mut bytes = serde_json::to_vec(&written).expect("plain data always serialises into memory");
        bytes.push(b'\n');
        let path = self.dir.join(FILE);
        write_atomically(&path, &bytes)
            .map_err(|error| format!("The gate's state {} cannot be written: {error}.", path.display()))
    }

    /// What was read of the ledger before, for a policy; none where nothing was, or it cannot be used. It only saves time.
    pub fn digested(&self, policy: &Policy) -> Option<Digested> {
        let bytes = std::fs::read(self.dir.join(LEDGER)).ok()?;
        let digested: Digested = serde_json::from_slice(&bytes).ok()?;
        (digested.policy == policy.digest.to_string()).then_some(digested)
    }

    pub fn keep(&self, digested: &Digested) -> Result<(), String> {
        let path = self.dir.join(LEDGER);
        let bytes = serde_json::to_vec(digested).expect("plain data always serialises into memory");
        write_atomically(&path, &bytes)
            .map_err(|error| format!("The gate's state {} cannot be written: {error}.", path.display()))
    }

    /// The log beside it.
    pub fn log(&self) -> Log {
        Log::in_dir(&self.dir)
    }
}

fn decode(path: &Path, bytes: &[u8]) -> Result<Remembered, String> {
    let written: Written = serde_json::from_slice(bytes).map_err(|error| damaged(path, &error.to_string()))?;
    if written.schema != SCHEMA {
        return Err(damaged(path, "another version wrote it"));
    }
    Ok(written.remembered)
}

fn damaged(path: &Path, why: &str) -> String {
    format!(
        "The gate's state {} is damaged: {why}. Restore it; without it, records that went missing are not noticed.",
        path.display()
    )
}
