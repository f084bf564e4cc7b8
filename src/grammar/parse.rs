//! A text as a tree, in bounded time.

use std::cell::Cell;
use std::ops::{ControlFlow, Range};

use tree_sitter::{InputEdit, ParseOptions, ParseState, Parser, Point, Tree};

use super::Grammar;
use super::scanners::shown;
use crate::change::compare::{Comparison, Line};
use crate::change::lines::Lines;

/// How often the parser may report before it is stopped: for any text, and additionally once per this many bytes. It
/// reports after each hundred steps, so this bounds the work without a clock.
const REPORTS: usize = 5_000;
const BYTES_PER_REPORT: usize = 25;

/// How many bytes are handed out at once. Repeated reading by a scanner shows in the number of bytes handed out.
const CHUNK: usize = 4 << 10;
/// How many bytes may be handed out: for any text, and for each of its bytes.
const HANDED_OUT: usize = 1 << 20;
const HANDED_OUT_PER_BYTE: usize = 20;

/// More edits than this are not worth applying.
const MAX_EDITS: usize = 2_000;

/// Nothing if the text would take too long, or harm the scanner of the grammar.
pub fn parse(grammar: &Grammar, text: &str) -> Option<Tree> {
    parse_with(grammar, text, None)
}

/// The tree of the new text of a comparison by that of the old one: only what differs is parsed. It is the tree that
/// [`parse`] makes: where either text has an error, it could depend on the way there, and the whole is parsed.
pub fn parse_edited(grammar: &Grammar, comparison: &Comparison, (old, tree): (&str, &Tree), new: &str) -> Option<Tree> {
    edited(comparison, (old, tree), new)
        .and_then(|tree| parse_with(grammar, new, Some(&tree)))
        .filter(|tree| !tree.root_node().has_error())
        .or_else(|| parse(grammar, new))
}

/// The old tree at the places of the new text; nothing if it is of no use.
fn edited(comparison: &Comparison, (old, tree): (&str, &Tree), new: &str) -> Option<Tree> {
    let edits: Vec<Edit> = runs(comparison).into_iter().map(|rows| Edit::of(comparison, rows)).collect();
    let is_of_use = edits.len() <= MAX_EDITS && !tree.root_node().has_error() && are_equal_around(&edits, old, new);
    let mut tree = is_of_use.then(|| tree.clone())?;
    // From the last to the first: what is before an edit keeps its place.
    edits.iter().rev().for_each(|edit| tree.edit(&edit.input()));
    Some(tree)
}

/// What is replaced, and by what.
struct Edit {
    old: Range<usize>,
    new: Range<usize>,
    /// Their lines, 0-based.
    rows: (Range<u32>, Range<u32>),
}

impl Edit {
    fn of(comparison: &Comparison, rows: (Range<u32>, Range<u32>)) -> Edit {
        let bytes = |lines: &Lines, rows: &Range<u32>| lines.start(rows.start)..lines.start(rows.end);
        Edit { old: bytes(&comparison.old, &rows.0), new: bytes(&comparison.new, &rows.1), rows }
    }

    /// As if nothing before it were edited.
    fn input(&self) -> InputEdit {
        let (old, new) = &self.rows;
        let at = |row: u32| Point::new(row as usize, 0);
        InputEdit {
            start_byte: self.old.start,
            old_end_byte: self.old.end,
            new_end_byte: self.old.start + self.new.len(),
            start_position: at(old.start),
            old_end_position: at(old.end),
            new_end_position: at(old.start + (new.end - new.start)),
        }
    }
}

/// The lines that differ, of the old text and of the new one.
fn runs(comparison: &Comparison) -> Vec<(Range<u32>, Range<u32>)> {
    let mut runs: Vec<(Range<u32>, Range<u32>)> = Vec::new();
    for hunk in &comparison.hunks {
        let (mut old, mut new) = (hunk.old.start, hunk.new.start);
        for line in &hunk.lines {
            let (before, after) = (
                (old, new),
                match line {
                    Line::Context { .. } => (old + 1, new + 1),
                    Line::Removed { .. } => (old + 1, new),
                    Line::Added { .. } => (old, new + 1),
                },
            );
            (old, new) = after;
            match (line, runs.last_mut()) {
                (Line::Context { .. }, _) => {}
                (_, Some(last)) if last.0.end == before.0 && last.1.end == before.1 => (last.0.end, last.1.end) = after,
                _ => runs.push((before.0..old, before.1..new)),
            }
        }
    }
    runs
}

/// Whether the texts are the same but for the edits.
fn are_equal_around(edits: &[Edit], old: &str, new: &str) -> bool {
    let ends = (old.len()..old.len(), new.len()..new.len());
    let mut at = (0, 0);
    edits.iter().map(|edit| (edit.old.clone(), edit.new.clone())).chain([ends]).all(|edit| {
        let before = (old.as_bytes().get(at.0..edit.0.start), new.as_bytes().get(at.1..edit.1.start));
        at = (edit.0.end, edit.1.end);
        before.0.is_some() && before.0 == before.1
    })
}

fn parse_with(grammar: &Grammar, text: &str, before: Option<&Tree>) -> Option<Tree> {
    if !(grammar.fits_scanner)(text) {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&grammar.language()).ok()?;
    let bytes = shown(text);
    let reports_left = Cell::new(REPORTS + text.len() / BYTES_PER_REPORT);
    let bytes_left = Cell::new(HANDED_OUT + HANDED_OUT_PER_BYTE * text.len());
    let mut watch = |_: &ParseState| {
        reports_left.set(reports_left.get().saturating_sub(1));
        let is_spent = reports_left.get() == 0 || bytes_left.get() == 0;
        if is_spent { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut read = |at: usize, _| {
        bytes_left.set(bytes_left.get().saturating_sub(CHUNK));
        let end = if bytes_left.get() == 0 { at } else { bytes.len().min(at.saturating_add(CHUNK)) };
        bytes.get(at..end).unwrap_or_default()
    };
    let tree = parser.parse_with_options(&mut read, before, Some(ParseOptions::new().progress_callback(&mut watch)));
    tree.filter(|_| bytes_left.get() > 0)
}
