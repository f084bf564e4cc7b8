//! Ids, digests and paths as text, for JSON.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digest::Digest;
use super::manifest::{escape, unescape};
use super::{ObjectId, RepoPath};

/// Parses a text with a function, without a copy if the format allows it.
struct Text<T> {
    read: fn(&str) -> Option<T>,
    what: &'static str,
    of: PhantomData<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).ok_or_else(|| E::custom(self.what))
    }
}

fn read<'de, T, D: Deserializer<'de>>(from: D, read: fn(&str) -> Option<T>, what: &'static str) -> Result<T, D::Error> {
    from.deserialize_str(Text { read, what, of: PhantomData })
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ObjectId, D::Error> {
        read(from, |text| ObjectId::from_str(text).ok(), "40 hex digits")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        read(from, |text| Digest::from_str(text).ok(), "64 hex digits")
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&escape(self))
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<RepoPath, D::Error> {
        read(from, unescape, "an escaped path")
    }
}
