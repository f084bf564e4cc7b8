//! SHA-256 as a value.

use sha2::{Digest as _, Sha256};

use super::{from_hex, write_hex};

/// SHA-256, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of the bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The first twelve hex digits, to show to people.
    pub fn short(self) -> String {
        self.to_string()[..12].to_owned()
    }

    /// The first forty hex digits, as a key for what a person did with a content. With fewer, the author of the
    /// contents could find two with the same key: 2³² tries for sixteen digits, 2⁴⁸ for twenty-four.
    pub fn key(self) -> String {
        self.to_string()[..40].to_owned()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_hex(&self.0, &mut [0; 64], f)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        from_hex(text).map(Digest).ok_or(NotADigest)
    }
}

/// Not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 lower-case hex digits")]
pub struct NotADigest;
