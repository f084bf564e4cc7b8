//! Whether an earlier line may match a path that a later one matches, without comparing all pairs.
//!
//! Lines are indexed by the directories at the beginning of their paths and by what is known about their file names. In
//! doubt the answer is yes, except for a directory with a dot in its name, which is treated as a file.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::pattern::{Shape, Tail, extension};

/// Deeper directories count as this deep: the answer is coarser, but the index is bounded.
const MAX_DEPTH: usize = 12;

/// The lines so far. Keys are hashes: if two collide, a line is reported unnecessarily.
#[derive(Default)]
pub(super) struct Seen {
    lines: HashMap<u64, Two>,
}

/// The first line with a key, and the first one of another group. One of the two is always of a different group than a
/// given line.
struct Two {
    first: (usize, usize),
    other: Option<(usize, usize)>,
}

impl Two {
    fn not(&self, group: usize) -> Option<usize> {
        [Some(self.first), self.other].into_iter().flatten().find(|(_, of)| *of != group).map(|(line, _)| line)
    }
}

/// Where the prefix of a line ends.
#[derive(Hash, Clone, Copy)]
enum PrefixEnd {
    /// In this directory.
    Here,
    /// In this one or beneath it.
    Within,
}

/// Lines by what is known about their file names.
#[derive(Hash, Clone, Copy)]
enum Kind<'s> {
    All,
    Any,
    /// All files with this extension.
    Extension(&'s str),
    /// Some files with this extension, or a name that has it.
    SomeWith(&'s str),
    Name(&'s str),
}

impl Seen {
    pub(super) fn add(&mut self, section: usize, shape: &Shape, line: usize, group: usize) {
        let nodes = nodes(section, shape);
        let (ends, kinds) = (nodes.iter().map(|node| (node, PrefixEnd::Within)), listed(&shape.tail));
        for (node, end) in ends.chain(nodes.last().map(|node| (node, PrefixEnd::Here))) {
            for &kind in &kinds {
                let two = self.lines.entry(key(node, end, kind)).or_insert(Two { first: (line, group), other: None });
                if two.other.is_none() && two.first.1 != group {
                    two.other = Some((line, group));
                }
            }
        }
    }

    /// The first line of the section, of another group, that may share a path with this one.
    pub(super) fn earlier(&self, section: usize, shape: &Shape, group: usize) -> Option<usize> {
        let nodes = nodes(section, shape);
        let ends =
            nodes.iter().map(|node| (node, PrefixEnd::Here)).chain(nodes.last().map(|node| (node, PrefixEnd::Within)));
        let kinds = met(&shape.tail);
        let keys = ends.flat_map(|(node, end)| kinds.iter().map(move |&kind| key(node, end, kind)));
        keys.filter_map(|key| self.lines.get(&key)?.not(group)).min()
    }
}

/// The kinds under which a line is listed.
fn listed(tail: &Tail) -> Vec<Kind<'_>> {
    match tail {
        Tail::Any => vec![Kind::All, Kind::Any],
        Tail::Extension(e) => vec![Kind::All, Kind::Extension(e), Kind::SomeWith(e)],
        Tail::Name(name) => {
            let with = extension(name).map(Kind::SomeWith);
            [Kind::All, Kind::Name(name)].into_iter().chain(with).collect()
        }
    }
}

/// The kinds that may have files in common with a line.
fn met(tail: &Tail) -> Vec<Kind<'_>> {
    match tail {
        Tail::Any => vec![Kind::All],
        Tail::Extension(e) => vec![Kind::Any, Kind::SomeWith(e)],
        Tail::Name(name) => {
            let with = extension(name).map(Kind::Extension);
            [Kind::Any, Kind::Name(name)].into_iter().chain(with).collect()
        }
    }
}

/// The root and each directory down to the end of the prefix.
fn nodes(section: usize, shape: &Shape) -> Vec<DefaultHasher> {
    let mut node = DefaultHasher::new();
    section.hash(&mut node);
    let mut nodes = vec![node];
    for name in shape.prefix.iter().take(MAX_DEPTH) {
        let mut node = nodes[nodes.len() - 1].clone();
        name.hash(&mut node);
        nodes.push(node);
    }
    nodes
}

fn key(node: &DefaultHasher, end: PrefixEnd, kind: Kind<'_>) -> u64 {
    let mut hash = node.clone();
    (end, kind).hash(&mut hash);
    hash.finish()
}
