//! The passphrase of the signing key for one session, if the reviewer wants that: `remember_passphrase` in
//! `config.toml`. It is kept in memory only, and forgotten when the desk is locked, suspended or quit, and when it was
//! wrong.

use std::fmt;

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sitting {
    /// Whether the reviewer wants it.
    pub remembers: bool,
    passphrase: Option<Vec<u8>>,
    /// Typed, and not known to be right yet.
    tried: Option<Vec<u8>>,
}

/// Never prints the passphrase.
impl fmt::Debug for Sitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sitting {{ remembers: {}, is_open: {} }}", self.remembers, self.is_open())
    }
}

impl Sitting {
    pub fn is_open(&self) -> bool {
        self.passphrase.is_some()
    }

    /// What unlocks the key without asking.
    pub fn passphrase(&self) -> Option<String> {
        self.passphrase.as_ref().and_then(|bytes| String::from_utf8(bytes.clone()).ok())
    }

    /// A passphrase was typed; it is kept once it has unlocked the key.
    pub fn tried(&mut self, passphrase: Option<&str>) {
        if let (true, Some(typed)) = (self.remembers, passphrase) {
            wipe(&mut self.tried);
            self.tried = Some(typed.as_bytes().to_vec());
        }
    }

    /// What was typed unlocked the key, or did not: then nothing is kept.
    pub fn was_right(&mut self, right: bool) {
        if !right {
            return self.forget();
        }
        if let Some(tried) = self.tried.take() {
            wipe(&mut self.passphrase);
            self.passphrase = Some(tried);
        }
    }

    pub fn forget(&mut self) {
        wipe(&mut self.passphrase);
        wipe(&mut self.tried);
    }
}

/// Overwrites the memory, as far as a program can.
fn wipe(secret: &mut Option<Vec<u8>>) {
    if let Some(mut bytes) = secret.take() {
        bytes.fill(0);
        std::hint::black_box(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_passphrase_that_signed_is_kept_and_only_where_that_is_wished() {
        let mut sitting = Sitting::default();
        sitting.tried(Some("secret"));
        sitting.was_right(true);
        assert!(!sitting.is_open());
        sitting.remembers = true;
        sitting.tried(Some("wrong"));
        sitting.was_right(false);
        assert!(!sitting.is_open());
        sitting.tried(Some("secret"));
        assert!(!sitting.is_open());
        sitting.was_right(true);
        assert_eq!(sitting.passphrase().as_deref(), Some("secret"));
        assert!(!format!("{sitting:?}").contains("secret"));
        sitting.forget();
        assert_eq!(sitting.passphrase(), None);
    }
}
