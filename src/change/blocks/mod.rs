//! Blocks that indentation does not show: branches of preprocessors and templates, scripts without indentation,
//! braces, regions, statements, and headings in comments. Whether a line is still in the block in which it was.
//!
//! Each kind of sign makes a tree of its own, since one need not be nested in another. All texts are read once, line by
//! line, without recursion.

mod signs;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::lines::Lines;
use signs::{Event, Kind, MAX_NAME};

/// The most blocks around a line that are compared.
const MAX_DEPTH: usize = 16;
/// The most other places of a line that are looked at.
const MAX_EQUAL: usize = 64;
/// The lines of a block that are compared: so many at its start, and on each side of the line.
const NEAR: u32 = 24;

/// The blocks of two texts of one file.
pub struct Blocks<'t> {
    kinds: Vec<[Tree; 2]>,
    texts: [(&'t Lines, &'t [u8]); 2],
    /// A number for each line that is the same for equal lines.
    own: [Vec<u64>; 2],
}

/// The blocks of one kind in a text.
#[derive(Default)]
struct Tree {
    blocks: Vec<Block>,
    /// The innermost block of each line.
    of: Vec<Option<usize>>,
    /// The names of all blocks, each with those around it.
    paths: HashSet<u64>,
}

struct Block {
    /// From the line that opens it.
    lines: Range<u32>,
    name: Vec<u8>,
    path: u64,
    parent: Option<usize>,
    /// The first of the branches to which it belongs.
    first: usize,
    has_arms: bool,
}

impl<'t> Blocks<'t> {
    /// Reads both texts of a file; its path says which signs it may have.
    pub fn of(path: &str, old: (&'t Lines, &'t [u8]), new: (&'t Lines, &'t [u8])) -> Blocks<'t> {
        let kinds = Kind::of_path(path, old.1).into_iter().chain(Kind::of_path(path, new.1));
        let kinds: Vec<Kind> = kinds.fold(Vec::new(), |mut all, kind| {
            if !all.contains(&kind) {
                all.push(kind);
            }
            all
        });
        let numbers =
            |(lines, text): (&Lines, &[u8])| (0..lines.count()).map(|at| number(lines.get(text, at))).collect();
        Blocks {
            kinds: kinds.into_iter().map(|kind| [Tree::of(kind, old), Tree::of(kind, new)]).collect(),
            own: [numbers(old), numbers(new)],
            texts: [old, new],
        }
    }

    /// Whether a line (0-based) of the new text can be that line of the old one: it is in no other block that was there
    /// before, its own is not elsewhere, and what is in its block is not rather in another with an equal line.
    pub fn stays(&self, old: u32, new: u32) -> bool {
        self.kinds.iter().all(|trees| names_stay(trees, old, new)) && self.content_stays(old, new)
    }

    fn content_stays(&self, old: u32, new: u32) -> bool {
        let others = [self.others(0, old), self.others(1, new)];
        let is_alone = others.iter().all(Vec::is_empty);
        is_alone || self.kinds.iter().all(|trees| self.is_likest(trees, (old, new), &others))
    }

    /// Other places of a line.
    fn others(&self, side: usize, line: u32) -> Vec<u32> {
        let Some(own) = self.own[side].get(line as usize) else { return Vec::new() };
        let is_other = |at: &u32| *at != line && self.own[side][*at as usize] == *own;
        (0..self.texts[side].0.count()).filter(is_other).take(MAX_EQUAL).collect()
    }

    /// Whether at no level what is around the line is rather around an equal one: now what was around it, or before
    /// what is around it now. Blocks that were as alike before, or are so still, tell nothing.
    fn is_likest(&self, trees: &[Tree; 2], (old, new): (u32, u32), others: &[Vec<u32>; 2]) -> bool {
        let deepest = trees[0].chain(old).len().max(trees[1].chain(new).len());
        (0..deepest).all(|level| {
            let (was, is) = (self.content(trees, 0, old, level), self.content(trees, 1, new, level));
            let (block_was, block_is) = (trees[0].at(old, level), trees[1].at(new, level));
            let contents = |side: usize, own: Option<usize>| {
                let elsewhere = others[side].iter().filter(move |at| trees[side].at(**at, level) != own);
                elsewhere.map(|at| self.content(trees, side, *at, level)).collect::<Vec<_>>()
            };
            let (before, now) = (contents(0, block_was), contents(1, block_is));
            let most = |all: &[HashSet<u64>], own: &HashSet<u64>| all.iter().map(|one| common(one, own)).max();
            let here = Some(common(&was, &is));
            let went = most(&now, &was) > here.max(most(&before, &was));
            let came = most(&before, &is) > here.max(most(&now, &is));
            !went && !came && !self.is_label_elsewhere(trees, (old, new), &others[1], level)
        })
    }

    /// Whether the first line of a block, which tells it from others with the same head, is in one of these now.
    fn is_label_elsewhere(&self, trees: &[Tree; 2], (old, new): (u32, u32), others: &[u32], level: usize) -> bool {
        let Some(block) = trees[0].at(old, level).map(|at| &trees[0].blocks[at]) else { return false };
        let label = (block.lines.start + 1 < block.lines.end).then(|| self.own[0][block.lines.start as usize + 1]);
        let has = |at: u32| label.is_some_and(|label| self.content(trees, 1, at, level).contains(&label));
        let is_alike = |at: &u32| trees[1].at(*at, level).is_some_and(|at| trees[1].blocks[at].name == block.name);
        !has(new) && others.iter().any(|at| is_alike(at) && has(*at))
    }

    /// The lines around a line in its block of a level, from the innermost: all of the text if it is in none.
    fn content(&self, trees: &[Tree; 2], side: usize, line: u32, level: usize) -> HashSet<u64> {
        let (lines, text) = self.texts[side];
        let block = trees[side].at(line, level).map(|block| trees[side].blocks[block].lines.clone());
        // Not the line that opens it: it stays where two blocks exchange what is in them.
        let block = block.map(|lines| lines.start + 1..lines.end);
        let head = block.as_ref().map_or(0..0, |block| block.start..block.end.min(block.start + NEAR));
        let block = block.unwrap_or(0..lines.count());
        let near = line.saturating_sub(NEAR).max(block.start)..line.saturating_add(NEAR).min(block.end);
        let says_something = |at: &u32| lines.get(text, *at).iter().any(|b| b.is_ascii_alphanumeric() || !b.is_ascii());
        head.chain(near).filter(says_something).filter_map(|at| self.own[side].get(at as usize).copied()).collect()
    }
}

fn common(one: &HashSet<u64>, other: &HashSet<u64>) -> usize {
    one.intersection(other).count()
}

/// Whether no other block that was there before encloses a line now, and none that enclosed it is elsewhere.
fn names_stay([then, now]: &[Tree; 2], old: u32, new: u32) -> bool {
    let (was, is) = (then.chain(old), now.chain(new));
    let has = |all: &[&Block], block: &Block| all.iter().any(|own| own.name == block.name);
    let went = |block: &&Block| !has(&is, block) && now.paths.contains(&block.path);
    let came = |block: &&Block| !has(&was, block) && then.paths.contains(&block.path);
    !was.iter().any(went) && !is.iter().any(came)
}

impl Tree {
    fn of(kind: Kind, (lines, text): (&Lines, &[u8])) -> Tree {
        let (mut tree, mut open, mut above) = (Tree::default(), Vec::new(), &b""[..]);
        for at in 0..lines.count() {
            let line = lines.get(text, at).trim_ascii();
            let has_arms = open.last().is_some_and(|block: &usize| tree.blocks[*block].has_arms);
            let mut innermost = open.last().copied();
            for event in kind.events(line, above, !open.is_empty(), has_arms) {
                let is_end = matches!(event, Event::Close | Event::End);
                tree.take(event, at, &mut open);
                // A line that closes a block is in it, as the one that opens it is.
                innermost = if is_end { innermost } else { open.last().copied() };
            }
            tree.of.push(innermost);
            above = line;
        }
        open.into_iter().for_each(|block| tree.blocks[block].lines.end = lines.count());
        tree.paths = tree.blocks.iter().map(|block| block.path).collect();
        tree
    }

    fn take(&mut self, event: Event, at: u32, open: &mut Vec<usize>) {
        match event {
            Event::Open { name, has_arms } => self.open(name, at, (None, has_arms), open),
            Event::Branch(name) => match self.close(at, open) {
                Some(before) => {
                    let (first, has_arms) = (self.blocks[before].first, self.blocks[before].has_arms);
                    let name = name.unwrap_or_else(|| [b"otherwise ", &self.blocks[first].name[..]].concat());
                    self.open(name, at, (Some(first), has_arms), open);
                }
                None => self.open(name.unwrap_or_default(), at, (None, false), open),
            },
            Event::Close => {
                self.close(at, open);
            }
            Event::Section(name) => {
                while self.close(at, open).is_some() {}
                self.open(name, at, (None, false), open);
            }
            Event::End => while self.close(at + 1, open).is_some() {},
        }
    }

    fn open(&mut self, mut name: Vec<u8>, at: u32, (first, has_arms): (Option<usize>, bool), open: &mut Vec<usize>) {
        // Branches copy the name of the first of them.
        name.truncate(MAX_NAME);
        let (parent, own) = (open.last().copied(), self.blocks.len());
        let path = hash(&(parent.map(|parent| self.blocks[parent].path), &name));
        let block = Block { lines: at..at + 1, name, path, parent, first: first.unwrap_or(own), has_arms };
        self.blocks.push(block);
        open.push(own);
    }

    fn close(&mut self, at: u32, open: &mut Vec<usize>) -> Option<usize> {
        let block = open.pop()?;
        let lines = &mut self.blocks[block].lines;
        lines.end = at.max(lines.start + 1);
        Some(block)
    }

    /// The blocks around a line, innermost first.
    fn chain(&self, line: u32) -> Vec<&Block> {
        let innermost = self.of.get(line as usize).copied().flatten().map(|at| &self.blocks[at]);
        std::iter::successors(innermost, |block| block.parent.map(|at| &self.blocks[at])).take(MAX_DEPTH).collect()
    }

    fn at(&self, line: u32, level: usize) -> Option<usize> {
        let innermost = self.of.get(line as usize).copied().flatten();
        std::iter::successors(innermost, |at| self.blocks[*at].parent).nth(level)
    }
}

fn number(line: &[u8]) -> u64 {
    hash(&line.trim_ascii())
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
