//! Everything in a file that a reviewer must look at, however it is laid out: hunks to mark, omissions to acknowledge,
//! sentences to read.

use std::ops::Range;

use super::omissions::{Omission, Spot, key_of};
use super::{MAX_LINE_BYTES, bytes_of, omissions};
use crate::change::compare::{Block, Hunk, Line, differ_in_blanks};
use crate::change::diff::{Content, FileDiff, Location, Side, TreeEntry};
use crate::change::digest::Digest;
use crate::change::enclosing::{data_path, is_data, is_nested, whereabouts};
use crate::change::lines::Lines;
use crate::change::replacement::{Replacement, ReplacementId};
use crate::change::visible;
use crate::examination::{FileMaterial, text_of};
use crate::highlight::MAX_TEXT;
use crate::signing::hidden_characters;

/// What a reviewer must look at in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Keys of its hunks; of the file itself where it changed without lines and without omissions. A key comes from
    /// path, modes, encodings, the hunk's lines with their context, the text that it changes and where in it: it
    /// changes with the content.
    pub hunks: Vec<String>,
    pub omissions: Vec<Omission>,
    /// What is not shown of a file that is only at another path, and why nothing needs to be said to it.
    pub moved: Option<(String, String)>,
    pub sentences: Vec<String>,
    /// By hunk; none where no line changed.
    pub outlines: Vec<Outline>,
    pub added: u32,
    pub removed: u32,
    /// Characters of both texts that reorder, hide or control text.
    pub hidden: usize,
    /// The texts are too large for highlighting.
    pub is_plain: bool,
}

/// What is known of a hunk without the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The lines of each side, as in [`Hunk`].
    pub old: Range<u32>,
    pub new: Range<u32>,
    /// How many lines it shows.
    pub lines: u32,
    /// Only blanks differ in it.
    pub blanks_only: bool,
    /// What it replaces, if it does nothing else, and no remark on its file is seen with it.
    pub edit: Option<Edit>,
}

/// The single replacement that a hunk makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub id: ReplacementId,
    /// The first line that it produces, as far as a list shows it, escaped; and the number of lines.
    pub line: Box<str>,
}

impl Inventory {
    /// Its cost is linear in both texts: made once for a file, in a worker.
    pub fn of(file: &FileMaterial) -> Inventory {
        let hunks = &file.comparison.hunks;
        let mut omissions = omissions::of_contents(file);
        let only_sentences = hunks.is_empty() && omissions.is_empty();
        let keys = if only_sentences { vec![file_key(&file.diff)] } else { hunk_keys(file) };
        omissions.extend(omissions::of_fold(file));
        omissions.extend(long_lines(file, &keys));
        let sentences = omissions::sentences(file);
        // The remarks on the file are seen with its first hunk. That of its line ends says no more than such an edit.
        let says_ends = sentences.len() == 1 && omissions::line_ends(file).is_some();
        let is_of_ends = |hunk| replacement(file, hunk).is_some_and(|edit| edit.is_of_line_ends());
        let outline = |(at, hunk)| {
            let is_all = at > 0 || sentences.is_empty() || says_ends && is_of_ends(hunk);
            Outline { edit: is_all.then(|| edit(file, hunk)).flatten(), ..outline(file, hunk) }
        };
        let outlines = hunks.iter().enumerate().map(outline).collect();
        let contents = || [&file.old, &file.new].into_iter().flatten();
        Inventory {
            hunks: keys,
            omissions,
            moved: omissions::of_move(file),
            sentences,
            outlines,
            added: file.comparison.added,
            removed: file.comparison.removed,
            hidden: hidden_characters(contents()),
            is_plain: contents().filter_map(Content::text).any(|text| text.len() > MAX_TEXT),
        }
    }

    /// The hunk that shows a place; none if it is outside all of them.
    pub fn hunk_at(&self, location: &Location) -> Option<usize> {
        let line = location.line.checked_sub(1)?;
        let lines = |hunk: &Outline| if location.side == Side::Old { hunk.old.clone() } else { hunk.new.clone() };
        let at = self.outlines.partition_point(|hunk| lines(hunk).end <= line);
        self.outlines.get(at).filter(|hunk| lines(hunk).contains(&line)).map(|_| at)
    }

    /// Whether the file is folded by default.
    pub fn folds(&self) -> bool {
        self.omissions.iter().any(|omission| omission.spot == Spot::Fold)
    }

    /// The keys to mark.
    pub fn marks(&self, folded: bool) -> &[String] {
        if folded { &[] } else { &self.hunks }
    }

    /// The omissions to acknowledge, with their indices in the list of all.
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
    let side = |lines: &Range<usize>| hunk.lines[lines.clone()].iter().map(|line| bytes_of(file, *line));
    differ_in_blanks(side(&block.removed), side(&block.added))
}

fn outline(file: &FileMaterial, hunk: &Hunk) -> Outline {
    Outline {
        old: hunk.old.clone(),
        new: hunk.new.clone(),
        lines: hunk.lines.len() as u32,
        blanks_only: hunk.blocks().all(|block| blanks_only(file, hunk, &block)),
        edit: None,
    }
}

/// The one replacement that is everything a hunk does, byte for byte: in a file that keeps its type, and in lines that
/// keep their endings.
pub fn replacement(file: &FileMaterial, hunk: &Hunk) -> Option<Replacement> {
    Replacement::of(&changed_pairs(file, hunk)?)
}

/// What a hunk removes and adds, line by line; none if it may contain more than one replacement.
fn changed_pairs<'f>(file: &'f FileMaterial, hunk: &Hunk) -> Option<Vec<(&'f [u8], &'f [u8])>> {
    let blocks: Vec<Block> = hunk.blocks().collect();
    let is_even = blocks.iter().all(|block| block.removed.len() == block.added.len());
    let lines = |range: &Range<usize>| hunk.lines[range.clone()].iter().map(|line| bytes_of(file, *line));
    let pairs = blocks.iter().flat_map(|block| lines(&block.removed).zip(lines(&block.added)));
    let is_plain = is_even && stays_text(file) && keeps_last_end(file, hunk);
    is_plain.then(|| pairs.collect())
}

/// How many characters of a line a list shows, and how many of them before the change.
const MAX_SHOWN: usize = 60;
const BEFORE: usize = 24;

fn edit(file: &FileMaterial, hunk: &Hunk) -> Option<Edit> {
    let pairs = changed_pairs(file, hunk)?;
    let found = Replacement::of(&pairs)?;
    let more = if pairs.len() > 1 { format!("  1 of {}", pairs.len()) } else { String::new() };
    let (old, new) = pairs.first()?;
    let path = file.diff.path.lossy();
    let place = || if is_nested(&path) { data_places(file, hunk) } else { Vec::new() };
    let id = found.id(&pairs, is_data(&path), place);
    Some(Edit { id, line: format!("{}{more}", excerpt(old, new)).into() })
}

/// The position in data of the lines that a hunk removes.
fn data_places(file: &FileMaterial, hunk: &Hunk) -> Vec<u8> {
    let removed = hunk.lines.iter().filter_map(|line| match line {
        Line::Removed { old } => Some(*old),
        _ => None,
    });
    let place = |line| data_path(&file.comparison.old, text_of(&file.old), line).join(&b'\n');
    removed.map(place).collect::<Vec<_>>().join(&b"\n\n"[..])
}

/// The new text of a line, around its first change.
fn excerpt(old: &[u8], new: &[u8]) -> String {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    // No character is cut in two.
    let start = (0..=same).rev().find(|at| new.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80)).unwrap_or(0);
    let (before, after) = new.split_at(start);
    let (before, after) = (visible::line(before.trim_ascii_start()), visible::line(after.trim_ascii_end()));
    let hidden = before.chars().count().saturating_sub(BEFORE);
    let (start, before) = match hidden {
        0 => ("", before),
        _ => ("…", before.chars().skip(hidden).collect()),
    };
    let room = MAX_SHOWN - before.chars().count();
    let end = if after.chars().count() > room { "…" } else { "" };
    format!("{start}{before}{}{end}", after.chars().take(room).collect::<String>())
}

/// Whether a file keeps its mode, is not a symlink, and its bytes are shown as they are.
fn stays_text(file: &FileMaterial) -> bool {
    let mode = |entry: Option<TreeEntry>| entry.map(|entry| entry.mode);
    let is_text = |content: &Option<Content>| matches!(content, Some(Content::Text(_)));
    mode(file.diff.old) == mode(file.diff.new) && is_text(&file.old) && is_text(&file.new)
}

/// Whether the last line of the file, if it is in a hunk, ends the same way on both sides.
fn keeps_last_end(file: &FileMaterial, hunk: &Hunk) -> bool {
    let (old, new) = (&file.comparison.old, &file.comparison.new);
    let lacks_end = |lines: &Lines, shown: &Range<u32>| shown.end == lines.count() && lines.lacks_final_newline();
    lacks_end(old, &hunk.old) == lacks_end(new, &hunk.new)
}

fn long_lines(file: &FileMaterial, keys: &[String]) -> Vec<Omission> {
    let mut found = Vec::new();
    for (hunk, lines) in file.comparison.hunks.iter().enumerate() {
        for (at, &line) in lines.lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Context { .. })) {
            let bytes = bytes_of(file, line);
            if bytes.len() > MAX_LINE_BYTES {
                let spot = Spot::Line { hunk: hunk as u32, line: at as u32 };
                found.push(omissions::of_long_line(file, line, bytes, spot, &keys[hunk]));
            }
        }
    }
    found
}

fn file_key(diff: &FileDiff) -> String {
    let id = |entry: Option<TreeEntry>| entry.map(|e| e.id.to_string()).unwrap_or_default();
    key_of(diff, &format!("file {} {}", id(diff.old), id(diff.new)))
}

/// A key includes the text that a hunk changes, and the position in it: in a list of similar blocks, the same lines in
/// another block are another change. A different base text gives different keys; its marks are carried over hunk by
/// hunk.
fn hunk_keys(file: &FileMaterial) -> Vec<String> {
    let base = file.diff.old.map(|entry| entry.id.to_string()).unwrap_or_default();
    let key = |(at, hunk): (usize, &Hunk)| {
        let digest = Digest::of(&signed_lines(file, hunk));
        // If two hunks begin at the same line, one of them removes nothing.
        let twin = file.comparison.hunks[..at].iter().filter(|other| other.old.start == hunk.old.start).count();
        key_of(&file.diff, &format!("hunk {twin} {digest} at {} of {base}{}", hunk.old.start, encodings(file)))
    };
    file.comparison.hunks.iter().enumerate().map(key).collect()
}

/// By hunk: its content, with the lines around it and what encloses it; none if the replaced lines occur more than
/// once. In two versions of a file on different base texts, equal ones are the same hunk.
pub fn hunks_by_content(file: &FileMaterial) -> Vec<Option<Digest>> {
    let once = file.comparison.stand_once(text_of(&file.old));
    let content = |hunk: &Hunk| [signed_lines(file, hunk), place(file, hunk)].map(|text| Digest::of(&text).0).concat();
    let hunks = file.comparison.hunks.iter().zip(once);
    hunks.map(|(hunk, once)| once.then(|| Digest::of(&content(hunk)))).collect()
}

/// The encodings of both sides, if not UTF-8: the same lines are then different bytes.
fn encodings(file: &FileMaterial) -> String {
    let name = |content: &Option<Content>| content.as_ref()?.encoding().map(|encoding| encoding.name());
    match (name(&file.old), name(&file.new)) {
        (None, None) => String::new(),
        (old, new) => format!(" {} {}", old.unwrap_or("UTF-8"), new.unwrap_or("UTF-8")),
    }
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
        text.push(b'\n');
        if number == lines.count() && lines.lacks_final_newline() {
            // In a form in which no line begins, so that it cannot merge with the next.
            text.extend_from_slice(b"\\\n");
        }
    }
    text
}

/// What encloses a hunk: the same lines somewhere else are not the same change.
fn place(file: &FileMaterial, hunk: &Hunk) -> Vec<u8> {
    let (comparison, path) = (&file.comparison, file.diff.path.lossy());
    match hunk.new.is_empty() {
        true => whereabouts(&path, &comparison.old, text_of(&file.old), hunk.old.start),
        false => whereabouts(&path, &comparison.new, text_of(&file.new), hunk.new.start),
    }
}
