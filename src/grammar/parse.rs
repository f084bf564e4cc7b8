//! A text as a tree, in bounded time.

use std::cell::Cell;
use std::ops::ControlFlow;

use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

use super::Grammar;
use super::known::tree_of;
use super::scanners::shown;

/// How often the parser may report before it is stopped: for any text, and additionally once per this many bytes. It
/// reports after each hundred steps, so this bounds the work without a clock.
const REPORTS: usize = 5_000;
const BYTES_PER_REPORT: usize = 25;

/// How many bytes are handed out at once. Repeated reading by a scanner shows in the number of bytes handed out.
const CHUNK: usize = 4 << 10;
/// How many bytes may be handed out: for any text, and for each of its bytes.
const HANDED_OUT: usize = 1 << 20;
const HANDED_OUT_PER_BYTE: usize = 20;

/// As [`parse`], for texts that may be read again and again. Whoever reads most texts once keeps no trees of them.
pub fn parse_again(grammar: &Grammar, text: &str) -> Option<Tree> {
    let language = grammar.language();
    tree_of(&language, text, || parse(grammar, text))
}

/// Nothing if the text would take too long, or harm the scanner of the grammar.
pub fn parse(grammar: &Grammar, text: &str) -> Option<Tree> {
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
    let tree = parser.parse_with_options(&mut read, None, Some(ParseOptions::new().progress_callback(&mut watch)));
    tree.filter(|_| bytes_left.get() > 0)
}
