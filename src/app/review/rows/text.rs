//! A line of text → pieces to draw, and the byte ranges that fit into a width.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::MAX_LINE_BYTES;
use crate::app::text::columns;
use crate::change::visible;

/// A piece of a line ready to be drawn: printable text, its columns, and whether it is a mark for something hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'l> {
    pub text: Cow<'l, str>,
    pub width: usize,
    pub hidden: bool,
    /// Where it starts in the line, in bytes.
    pub at: usize,
    /// How many bytes of the line it stands for.
    pub len: usize,
}

/// The pieces of a line up to [`MAX_LINE_BYTES`]: graphemes, marks for hidden characters, tabs as blanks.
pub fn pieces(line: &[u8], tab: usize) -> Box<dyn Iterator<Item = Piece<'_>> + '_> {
    let shown = &line[..line.len().min(MAX_LINE_BYTES)];
    match std::str::from_utf8(shown) {
        Ok(text) if is_plain(shown) => Box::new(plain_pieces(text, tab)),
        _ => Box::new(any_pieces(shown, tab)),
    }
}

/// Printable ASCII and tabs: nearly all code, without the cost of searching for hidden characters.
fn is_plain(line: &[u8]) -> bool {
    line.iter().all(|b| matches!(b, b'\t' | 0x20..0x7F))
}

fn plain_pieces(text: &str, tab: usize) -> impl Iterator<Item = Piece<'_>> {
    plain(text.as_bytes(), tab).map(move |(at, len, width)| {
        let text = match &text[at..at + len] {
            "\t" => Cow::Owned(" ".repeat(width)),
            text => Cow::Borrowed(text),
        };
        Piece { text, width, hidden: false, at, len }
    })
}

fn any_pieces(line: &[u8], tab: usize) -> impl Iterator<Item = Piece<'_>> {
    let (mut at, mut column) = (0, 0);
    line.utf8_chunks()
        .flat_map(|chunk| {
            let valid = graphemes(chunk.valid()).map(|(g, hidden)| (Cow::Borrowed(g), g.len(), hidden));
            let invalid = chunk.invalid().iter().map(|&byte| (Cow::Owned(visible::byte_mark(byte)), 1, true));
            valid.chain(invalid).collect::<Vec<_>>()
        })
        .map(move |(grapheme, len, hidden)| {
            let piece = piece(grapheme, at, len, hidden, tab - column % tab);
            at += len;
            column += piece.width;
            piece
        })
}

/// The graphemes of a text, and whether they are invisible. A grapheme with invisible characters is split, so that each
/// of them is seen.
fn graphemes(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut hidden = visible::hidden(text).map(|(at, _)| at).peekable();
    text.grapheme_indices(true).flat_map(move |(at, grapheme)| {
        let mut falls_apart = false;
        while hidden.next_if(|&hidden| hidden < at + grapheme.len()).is_some() {
            falls_apart = true;
        }
        let parts = if falls_apart { grapheme.split_inclusive(|_| true).collect() } else { vec![grapheme] };
        let is_hidden = move |part: &str| falls_apart && part.chars().any(visible::is_hidden);
        parts.into_iter().map(move |part| (part, is_hidden(part)))
    })
}

fn piece(text: Cow<'_, str>, at: usize, len: usize, hidden: bool, to_stop: usize) -> Piece<'_> {
    if text == "\t" {
        return Piece { text: Cow::Owned(" ".repeat(to_stop)), width: to_stop, hidden: false, at, len };
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        // Where a line may break between words of a script without blanks.
        (Some('\u{200B}'), None) if !hidden => Piece { text: Cow::Borrowed(""), width: 0, hidden, at, len },
        (Some(c), None) if visible::is_hidden(c) || visible::is_odd_blank(c) => {
            let text = visible::mark(c);
            Piece { width: text.width(), text, hidden: true, at, len }
        }
        // A combining mark alone has no width: it is shown on a dotted circle.
        _ if columns(&text) == 0 => Piece { text: Cow::Owned(format!("◌{text}")), width: 1, hidden: true, at, len },
        _ => Piece { width: columns(&text), text, hidden, at, len },
    }
}

/// Place, bytes and columns of the pieces of a line.
fn measures(line: &[u8], tab: usize) -> Box<dyn Iterator<Item = (usize, usize, usize)> + '_> {
    let shown = &line[..line.len().min(MAX_LINE_BYTES)];
    if is_plain(shown) {
        Box::new(plain(shown, tab))
    } else {
        Box::new(any_pieces(shown, tab).map(|piece| (piece.at, piece.len, piece.width)))
    }
}

/// [`measures`] of a plain line.
fn plain(line: &[u8], tab: usize) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
    let mut column = 0;
    line.iter().enumerate().map(move |(at, &byte)| {
        let width = if byte == b'\t' { tab - column % tab } else { 1 };
        column += width;
        (at, 1, width)
    })
}

/// Cuts a line into byte ranges that fit into `width` columns each. An empty line is one empty range.
pub fn wrap(line: &[u8], width: usize, tab: usize) -> Vec<Range<usize>> {
    let width = width.max(8);
    if line.len() <= width && line.iter().all(|b| (0x20..0x7F).contains(b)) {
        return std::iter::once(0..line.len()).collect();
    }
    parts(measures(line, tab), width)
}

fn parts(pieces: impl Iterator<Item = (usize, usize, usize)>, width: usize) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut end, mut used) = (Vec::new(), 0, 0, 0);
    for (at, len, columns) in pieces {
        if used + columns > width && end > start {
            parts.push(start..end);
            (start, used) = (end, 0);
        }
        used += columns;
        end = at + len;
    }
    parts.push(start..end);
    parts
}

/// The bytes of a line that are entirely within `width` columns from column `left` on.
pub fn window(line: &[u8], left: usize, width: usize, tab: usize) -> Range<usize> {
    let (mut column, mut inside): (usize, Option<Range<usize>>) = (0, None);
    for (at, len, columns) in measures(line, tab) {
        if column + columns > left + width {
            break;
        }
        if column >= left {
            let start = inside.as_ref().map_or(at, |inside| inside.start);
            inside = Some(start..at + len);
        }
        column += columns;
    }
    inside.unwrap_or(0..0)
}

/// Columns of a line.
pub fn width(line: &[u8], tab: usize) -> usize {
    measures(line, tab).map(|(_, _, columns)| columns).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hidden_characters_are_marks_and_tabs_are_blanks() {
        let text: String = pieces(b"a\tb\x1b[0m\xe2\x80\xaex\xff", 4).map(|p| p.text).collect();
        assert_eq!(text, "a   b␛[0m<U+202E>x<FF>");
    }

    #[test]
    fn wide_and_joined_characters_have_the_columns_that_a_terminal_gives_them() {
        assert_eq!(width("漢字".as_bytes(), 4), 4);
        assert_eq!(width("e\u{301}".as_bytes(), 4), 1);
        assert_eq!(pieces("👩\u{200d}💻".as_bytes(), 4).count(), 1);
        assert_eq!(width("⚠\u{fe0f}".as_bytes(), 4), 2);
        assert_eq!(width("ไทย\u{200b}ไทย".as_bytes(), 4), 6);
        let text: String = pieces("a\u{200b}b".as_bytes(), 4).map(|p| p.text).collect();
        assert_eq!(text, "a<U+200B>b");
        let text: String = pieces("#\u{fe0f}\u{fe0f} a\u{a0}b".as_bytes(), 4).map(|p| p.text).collect();
        assert_eq!(text, "#<U+FE0F><U+FE0F> a<U+00A0>b");
        assert_eq!(pieces("می\u{200c}خ".as_bytes(), 4).filter(|piece| piece.hidden).count(), 0);
        assert_eq!(wrap("漢字漢字漢".as_bytes(), 8, 4), [0..12, 12..15]);
    }

    proptest! {
        #[test]
        fn plain_lines_are_wrapped_as_all_others_are(line in "[ -~\t]{0,200}", width in 8usize..60, tab in 1usize..9) {
            let slow = parts(any_pieces(line.as_bytes(), tab).map(|piece| (piece.at, piece.len, piece.width)), width);
            prop_assert_eq!(wrap(line.as_bytes(), width, tab), slow);
            prop_assert!(pieces(line.as_bytes(), tab).eq(any_pieces(line.as_bytes(), tab)));
        }

        #[test]
        fn a_wrapped_line_loses_nothing_and_fits(
            line in "[ab \t漢é\u{202e}\u{301}\u{200d}👩]{0,120}", width in 8usize..60, tab in 1usize..9
        ) {
            let line = line.as_bytes();
            let parts = wrap(line, width, tab);
            let drawn = |part: &Range<usize>| -> Vec<Piece<'_>> {
                pieces(line, tab).filter(|piece| part.contains(&piece.at)).collect()
            };
            let all: Vec<Piece<'_>> = parts.iter().flat_map(drawn).collect();
            prop_assert_eq!(all, pieces(line, tab).collect::<Vec<_>>());
            let fits = |part: &Range<usize>| drawn(part).iter().map(|piece| piece.width).sum::<usize>() <= width;
            prop_assert!(parts.iter().all(fits), "{parts:?}");
        }

        #[test]
        fn what_is_drawn_holds_no_control_character(line: Vec<u8>) {
            prop_assert!(pieces(&line, 4).all(|p| !p.text.chars().any(visible::is_control)));
        }

        #[test]
        fn windows_side_by_side_cover_a_line_of_narrow_characters(line in "[ -~]{1,90}", width in 8usize..40) {
            let line = line.as_bytes();
            let windows = (0..line.len().div_ceil(width)).map(|n| window(line, n * width, width, 4));
            let covered: Vec<usize> = windows.flatten().collect();
            prop_assert_eq!(covered, (0..line.len()).collect::<Vec<_>>());
        }
    }
}
