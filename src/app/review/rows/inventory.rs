//! Everything of a file that asks to be looked at, however it is laid out: hunks to mark, omissions to acknowledge,
//! sentences to read.

use std::collections::HashMap;

use super::{MAX_LINE_BYTES, bytes_of, omissions};
use crate::change::compare::{Block, Hunk, Line, differ_in_blanks};
use crate::change::diff::{FileDiff, TreeEntry};
use crate::change::enclosing::enclosing;
use crate::change::manifest::Digest;
use crate::survey::{FileMaterial, text_of};

/// Something that is not shown line by line, to be acknowledged with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    pub key: String,
    pub what: String,
    pub spot: Spot,
}

/// Where an omission is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Above the lines of the file.
    Top,
    /// In their place, while the file is folded.
    Fold,
    /// Below a line that is too long.
    Line { hunk: u32, line: u32 },
}

/// What a file asks of its reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Keys of its hunks; of the file itself where it changed without lines and without omissions. A key comes from path,
    /// modes, the hunk's lines with their context, what encloses them, and which of equal ones it is: it survives a rebase, and falls where the
    /// content changed.
    pub hunks: Vec<String>,
    pub omissions: Vec<Omission>,
    pub sentences: Vec<String>,
    /// By hunk: whether only blanks differ in it.
    pub blanks_only: Vec<bool>,
}

impl Inventory {
    /// Costs the length of both texts: made once for a file, away from the screen.
    pub fn of(file: &FileMaterial) -> Inventory {
        let hunks = &file.comparison.hunks;
        let mut omissions = omissions::of_contents(file);
        let only_sentences = hunks.is_empty() && omissions.is_empty();
        omissions.extend(omissions::of_fold(file));
        omissions.extend(long_lines(file));
        Inventory {
            hunks: if only_sentences { vec![file_key(&file.diff)] } else { hunk_keys(file) },
            omissions,
            sentences: omissions::sentences(file),
            blanks_only: hunks.iter().map(|hunk| hunk.blocks().all(|block| blanks_only(file, hunk, &block))).collect(),
        }
    }

    /// Whether the file is folded where nobody opened it.
    pub fn folds(&self) -> bool {
        self.omissions.iter().any(|omission| omission.spot == Spot::Fold)
    }

    /// The keys to mark.
    pub fn marks(&self, folded: bool) -> &[String] {
        if folded { &[] } else { &self.hunks }
    }

    /// The omissions to acknowledge, with their places in the list of all.
    pub fn asked(&self, folded: bool) -> impl Iterator<Item = (usize, &Omission)> {
        let is_asked = move |omission: &Omission| match omission.spot {
            Spot::Top => true,
            Spot::Fold => folded,
            Spot::Line { .. } => !folded,
        };
        self.omissions.iter().enumerate().filter(move |(_, omission)| is_asked(omission))
    }
}

/// Whether only blanks differ between the two sides of a block.
pub fn blanks_only(file: &FileMaterial, hunk: &Hunk, block: &Block) -> bool {
    let side = |lines: &std::ops::Range<usize>| hunk.lines[lines.clone()].iter().map(|line| bytes_of(file, *line));
    differ_in_blanks(side(&block.removed), side(&block.added))
}

fn long_lines(file: &FileMaterial) -> Vec<Omission> {
    let mut found = Vec::new();
    for (hunk, lines) in file.comparison.hunks.iter().enumerate() {
        for (at, &line) in lines.lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Context { .. })) {
            let bytes = bytes_of(file, line);
            if bytes.len() > MAX_LINE_BYTES {
                let spot = Spot::Line { hunk: hunk as u32, line: at as u32 };
                found.push(omissions::of_long_line(file, line, bytes, spot));
            }
        }
    }
    found
}

fn file_key(diff: &FileDiff) -> String {
    let id = |entry: Option<TreeEntry>| entry.map(|e| e.id.to_string()).unwrap_or_default();
    key_of(diff, &format!("file {} {}", id(diff.old), id(diff.new)))
}

fn hunk_keys(file: &FileMaterial) -> Vec<String> {
    let mut equal: HashMap<Digest, usize> = HashMap::new();
    let key = |hunk: &Hunk| {
        let digest = Digest::of(&signed_lines(file, hunk));
        let place = Digest::of(&place(file, hunk));
        let ordinal = equal.entry(digest).or_default();
        *ordinal += 1;
        key_of(&file.diff, &format!("hunk {ordinal} {digest} {place}"))
    };
    file.comparison.hunks.iter().map(key).collect()
}

fn signed_lines(file: &FileMaterial, hunk: &Hunk) -> Vec<u8> {
    let mut text = Vec::new();
    for line in &hunk.lines {
        text.push(match line {
            Line::Context { .. } => b' ',
            Line::Removed { .. } => b'-',
            Line::Added { .. } => b'+',
        });
        text.extend_from_slice(bytes_of(file, *line));
        let lines = if matches!(line, Line::Removed { .. }) { &file.comparison.old } else { &file.comparison.new };
        let (_, number) = super::place_of(*line);
        if number < lines.count() || !lines.lacks_final_newline() {
            text.push(b'\n');
        }
    }
    text
}

/// What encloses a hunk: the same lines somewhere else are not the same change.
fn place(file: &FileMaterial, hunk: &Hunk) -> Vec<u8> {
    let comparison = &file.comparison;
    let found = match hunk.new.is_empty() {
        true => enclosing(&comparison.old, text_of(&file.old), hunk.old.start),
        false => enclosing(&comparison.new, text_of(&file.new), hunk.new.start),
    };
    found.join(&b'\n')
}

/// A key from path, modes and what it is about.
pub fn key_of(diff: &FileDiff, rest: &str) -> String {
    let mode = |entry: Option<TreeEntry>| entry.map_or("000000", |e| e.mode.octal());
    let mut text = format!("{} {} {rest}\0", mode(diff.old), mode(diff.new)).into_bytes();
    text.extend_from_slice(&diff.path.0);
    Digest::of(&text).to_string()[..24].to_owned()
}
