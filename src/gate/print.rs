//! A cheap number for what a manifest says, to be kept up to date entry by entry.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::change::RepoPath;
use crate::change::manifest::{Image, Manifest};

pub(super) type Sides = (Option<Image>, Option<Image>);

/// A sum over the entries of a manifest: two that differ in it are different. Two that do not are compared by digest.
pub(super) fn print_of(manifest: &Manifest) -> u64 {
    manifest.iter().fold(0, |sum: u64, (path, old, new)| sum.wrapping_add(print(path, (old, new))))
}

pub(super) fn print(path: &RepoPath, sides: Sides) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, sides).hash(&mut hasher);
    hasher.finish()
}
