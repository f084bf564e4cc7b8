//! The scanners of some grammars are written by hand, in C, and fail on malicious texts: they read or write out of
//! bounds, or end the program. This module rejects such texts beforehand.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// The text for grammars: each byte beyond ASCII as a letter, a byte order mark as blanks. The scanner of
/// tree-sitter-bash looks characters up in a table of bytes.
pub(super) fn shown(text: &str) -> Cow<'_, [u8]> {
    const BYTE_ORDER_MARK: &str = "\u{feff}";
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = text.replacen(BYTE_ORDER_MARK, "   ", usize::from(text.starts_with(BYTE_ORDER_MARK))).into_bytes();
    bytes.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'x');
    Cow::Owned(bytes)
}

/// For grammars whose scanner keeps no state, or checks its bounds.
pub(super) fn fits_any(_text: &str) -> bool {
    true
}

/// tree-sitter-python keeps the width of each block around, two bytes each, and up to 257 more: together they have to
/// stay below 1024. Widths grow from block to block, so there are no more of them than there are different ones; a
/// line that ends in a backslash adds its blanks to those of the next.
pub(super) fn fits_python(text: &str) -> bool {
    const MAX_WIDTHS: usize = 300;
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t', '\r', '\x0c']).len();
    let mut widths = BTreeSet::new();
    let mut joined = 0;
    for line in text.split('\n') {
        let width = indent(line);
        widths.insert(&line[..width]);
        joined += usize::from(line[width..].starts_with('\\'));
        if widths.len() + joined > MAX_WIDTHS {
            return false;
        }
    }
    true
}

/// tree-sitter-ruby keeps five bytes for each literal around, and four and its word for each heredoc that is open:
/// together they have to stay below 1024, and a word below 256. A literal is in another one by an interpolation, and
/// each of these may open the heredocs of one line.
pub(super) fn fits_ruby(text: &str) -> bool {
    const MAX_KEPT: usize = 1_000;
    const MAX_WORD: usize = 200;
    let mut most = 0;
    for line in text.split('\n') {
        let words = line.match_indices("<<").map(|(at, _)| word_of_heredoc(&line[at + 2..]));
        let (mut kept, mut longest) = (0, 0);
        for word in words.filter(|word| *word > 0) {
            kept += word + 4;
            longest = longest.max(word);
        }
        if longest > MAX_WORD {
            return false;
        }
        most = most.max(kept);
    }
    let nested = text.match_indices("#{").filter(|(at, _)| !ends_soon(&text[at + 2..])).count();
    (nested + 1) * (5 + most) < MAX_KEPT
}

/// Bytes of the word that ends a heredoc; with an unclosed quote, more than allowed.
fn word_of_heredoc(text: &str) -> usize {
    let text = text.trim_start_matches(['-', '~']);
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_' || !c.is_ascii();
    match text.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => text[1..].find(quote).unwrap_or(text.len()),
        _ => text.find(|c| !is_of_word(c)).unwrap_or(text.len()),
    }
}

/// Whether an interpolation has only names in it: then no literal begins before it ends.
fn ends_soon(text: &str) -> bool {
    let is_of_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '@' | '(' | ')' | ' ' | ',' | '!' | '=');
    text[text.find(|c| !is_of_name(c)).unwrap_or(text.len())..].starts_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_are_shown_as_many_bytes_as_there_are_and_none_beyond_ascii() {
        let text = "\u{feff}a = \"é𐀀\" # ü";
        let shown = shown(text);
        assert_eq!(shown.len(), text.len());
        assert!(shown.is_ascii() && shown.starts_with(b"   a"));
    }

    #[test]
    fn what_people_write_fits() {
        assert!(fits_python(&"if x:\n    if y:\n        f(a,\n          b)\n".repeat(1_000)));
        assert!(fits_ruby(&"x = \"#{a.b}, #{c}\"\nexecute <<~SQL\n  DROP TABLE x\nSQL\na << b\n".repeat(1_000)));
    }

    #[test]
    fn what_would_run_over_does_not_fit() {
        let blocks: String = (0..600).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
        assert!(!fits_python(&blocks));
        assert!(!fits_ruby(&format!("f <<{}\nx\n", "A".repeat(300))));
        assert!(!fits_ruby(&format!("f <<'{}'\nx\n", "A ".repeat(300))));
        assert!(!fits_ruby(&"\"#{".repeat(300)));
    }
}
