//! The key by which a gate authenticates its own state. It is never stored next to what it authenticates: a state
//! directory is cached, copied and shared, and anyone who can write there must not be able to forge what was signed or
//! what landed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::change::digest::Digest;
use crate::disk::{give_away, sync_dir};

const LENGTH: usize = 32;

/// A secret of 32 bytes, stored in its file as 64 hex digits. HMAC-SHA-256 with it authenticates what the gate wrote
/// itself.
#[derive(Clone, PartialEq, Eq)]
pub struct StateKey([u8; LENGTH]);

impl std::fmt::Debug for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StateKey(…)")
    }
}

impl StateKey {
    /// Reads a key.
    ///
    /// # Errors
    /// A sentence: there is no such file, or it contains no valid key.
    pub fn read(path: &Path) -> Result<StateKey, String> {
        let failed = |why: &str, advice: &str| {
            format!("The key of the gate's state, {}, cannot be used: {why}.{advice}", path.display())
        };
        // Whoever replaces a key that only cannot be read loses the state.
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => failed(&error.to_string(), " `openssl rand -hex 32` makes one."),
            io::ErrorKind::PermissionDenied => {
                failed(&error.to_string(), " Give it, and its directory, to the account of the gate.")
            }
            _ => failed(&error.to_string(), ""),
        })?;
        StateKey::parse(&text).map_err(|why| failed(why, " Restore it; `openssl rand -hex 32` makes the first one."))
    }

    /// Reads the text of a key.
    pub(super) fn parse(text: &str) -> Result<StateKey, &'static str> {
        let key = text.trim_end().parse().map(|Digest(bytes)| StateKey(bytes));
        key.map_err(|_| "it is not 64 lower-case hex digits")
    }

    /// Writes the key where there is none, for its owner alone.
    ///
    /// # Errors
    /// A sentence: something is there, or it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let write = || -> io::Result<()> {
            let dir = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(dir)?;
            give_away(dir);
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
            writeln!(file, "{}", Digest(self.0))?;
            give_away(path);
            file.sync_all()?;
            sync_dir(dir)
        };
        write().map_err(|error| format!("The key of the gate's state, {}, cannot be written: {error}.", path.display()))
    }

    /// Reads a key, or creates one that only its owner can read. None if it cannot be created: then nothing is stored
    /// that would need authentication.
    ///
    /// # Errors
    /// A sentence: the file contains no valid key.
    pub fn at(path: &Path) -> Result<Option<StateKey>, String> {
        if path.exists() {
            return StateKey::read(path).map(Some);
        }
        let make = || -> io::Result<()> {
            let mut seed = [0; LENGTH];
            getrandom::fill(&mut seed)?;
            let dir = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(dir)?;
            give_away(dir);
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
            writeln!(file, "{}", Digest(seed))?;
            give_away(path);
            file.sync_all()?;
            sync_dir(dir)
        };
        match make() {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Ok(None),
            // Another gate created it meanwhile, and may still be writing it: then it is not a valid key yet, and
            // nothing is judged.
            _ => StateKey::read(path).map(Some),
        }
    }

    /// Authenticates bytes for a purpose, with an HMAC; a tag for one purpose is invalid for any other.
    pub fn tag(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        let mut mac = self.mac(purpose);
        parts.iter().for_each(|part| mac.update(part));
        Digest(mac.finalize().into_bytes().into())
    }

    /// Authenticates bytes while it writes them.
    pub fn marking<W: Write>(&self, purpose: &str, out: W) -> Marking<W> {
        Marking { mac: self.mac(purpose), out }
    }

    fn mac(&self, purpose: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac
    }

    /// Whether a tag is the one for these bytes, compared in constant time.
    pub fn vouches(&self, told: Digest, purpose: &str, parts: &[&[u8]]) -> bool {
        let Digest(own) = self.tag(purpose, parts);
        own.iter().zip(told.0).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// The result of [`StateKey::marking`].
pub struct Marking<W> {
    mac: Hmac<Sha256>,
    out: W,
}

impl<W: Write> Marking<W> {
    /// The tag of everything that was written, as by [`StateKey::tag`], and the inner writer.
    pub fn end(self) -> (Digest, W) {
        (Digest(self.mac.finalize().into_bytes().into()), self.out)
    }
}

impl<W: Write> Write for Marking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.mac.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
