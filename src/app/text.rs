//! Text without a screen: a line that is being typed, and the wrapping of sentences.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::keymap::{Key, Stroke};
use crate::change::{counted, visible};

/// The most bytes in a field, and in one of several lines: a record can contain no longer note or answer, with its
/// prefix.
const MAX_TEXT: usize = 8 << 10;
const MAX_LINES: usize = 3_600;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextField {
    text: String,
    /// Byte position, always between graphemes.
    cursor: usize,
    /// Whether it may have several lines. Otherwise a line break becomes a space.
    has_lines: bool,
}

impl TextField {
    pub fn with(text: &str) -> TextField {
        TextField { text: text.to_owned(), cursor: text.len(), has_lines: false }
    }

    /// Like [`TextField::with`], for several lines.
    pub fn with_lines(text: &str) -> TextField {
        TextField { has_lines: true, ..TextField::with(text) }
    }

    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    fn room(&self) -> usize {
        let most = if self.has_lines { MAX_LINES } else { MAX_TEXT };
        most.saturating_sub(self.text.len())
    }

    /// Whether it is full.
    pub fn is_full(&self) -> bool {
        self.room() == 0
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor and after it.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Inserts a text as it is, except for what would control a terminal. Returns how many characters did not fit.
    pub fn insert(&mut self, text: &str) -> usize {
        let text = cleaned(text, self.has_lines);
        let mut end = text.len().min(self.room());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.insert_str(self.cursor, &text[..end]);
        self.cursor += end;
        text[end..].chars().count()
    }

    /// Handles an editing stroke; false for any other.
    pub fn take(&mut self, stroke: Stroke) -> bool {
        match (stroke.key, stroke.ctrl) {
            (Key::Char(c), false) if !stroke.alt => _ = self.insert(c.encode_utf8(&mut [0; 4])),
            (Key::Enter, _) if self.has_lines && stroke.alt => _ = self.insert("\n"),
            (Key::Char('j'), true) if self.has_lines => _ = self.insert("\n"),
            (Key::Backspace, _) => {
                let start = self.before();
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            (Key::Delete, _) => {
                let end = self.after();
                self.text.replace_range(self.cursor..end, "");
            }
            (Key::Char('u'), true) => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            (Key::Char('w'), true) => {
                let start = self.text[..self.cursor].trim_end().rfind([' ', '\n']).map_or(0, |at| at + 1);
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            (Key::Left, _) => self.cursor = self.before(),
            (Key::Right, _) => self.cursor = self.after(),
            (Key::Home, _) | (Key::Char('a'), true) => self.cursor = 0,
            (Key::End, _) | (Key::Char('e'), true) => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |g| self.cursor + g.len())
    }
}

/// Text that a person wrote or pasted: terminals send a carriage return for each line end. Control characters are
/// removed; joiners, tabs and other invisible characters are intended, and are drawn as marks where they could deceive.
fn cleaned(text: &str, has_lines: bool) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = if has_lines { text } else { text.replace('\n', " ") };
    text.chars().filter(|&c| !visible::is_control(c) || matches!(c, '\n' | '\t')).collect()
}

/// What is said of a paste that was too long for its field.
pub fn did_not_fit(characters: usize) -> String {
    format!("{} of what was pasted did not fit; see the end of it.", counted(characters, "character"))
}

/// The width of a grapheme where it is drawn. The widths of the graphemes must be added up where all of a text must be
/// drawn, since ligatures are drawn apart.
pub fn columns(grapheme: &str) -> usize {
    // Half-width voicing marks take a separate cell.
    let marks = if grapheme.is_ascii() { 0 } else { grapheme.matches(['\u{FF9E}', '\u{FF9F}']).count() };
    grapheme.width() + marks
}

/// A grapheme of zero width, or one that looks like a space: the mark of each of its characters.
fn marked(paragraph: &str) -> Cow<'_, str> {
    if paragraph.is_ascii() {
        return Cow::Borrowed(paragraph);
    }
    let mut shown = String::with_capacity(paragraph.len() + 8);
    for grapheme in paragraph.graphemes(true) {
        match grapheme {
            // Where a line may break between words of a script without blanks.
            "\u{200B}" => {}
            _ if columns(grapheme) == 0 || grapheme.contains(visible::is_odd_blank) => {
                grapheme.chars().for_each(|c| shown.push_str(&visible::mark(c)));
            }
            _ => shown.push_str(grapheme),
        }
    }
    Cow::Owned(shown)
}

/// Wraps text into lines of at most this many columns, at spaces where possible. Each line fits when it is drawn.
pub fn fold(text: &str, columns: usize) -> Vec<String> {
    let room = columns.max(4);
    let width = |graphemes: &[&str]| graphemes.iter().map(|grapheme| self::columns(grapheme)).sum::<usize>();
    let mut lines = Vec::new();
    for paragraph in visible::lines(text).split('\n').map(marked) {
        let (mut line, mut used) = (String::new(), 0);
        let graphemes: Vec<&str> = paragraph.graphemes(true).collect();
        for word in graphemes.split_inclusive(|grapheme| *grapheme == " ") {
            let letters = word.strip_suffix(&[" "]).unwrap_or(word);
            if used + width(letters) > room && used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            for grapheme in word {
                let own = self::columns(grapheme);
                if used + own > room {
                    // The space after a word that fills its line is not part of the next line.
                    if *grapheme == " " {
                        continue;
                    }
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(grapheme);
                used += own;
            }
        }
        lines.push(line);
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// Like [`fold`]; continuation lines are indented a little.
pub fn hanging(text: &str, columns: usize) -> Vec<String> {
    let begin = (text.len() - text.trim_start().len()).min(columns / 2);
    let folded = fold(text.trim_start(), columns.saturating_sub(begin + 2));
    let blanks = |at: usize| " ".repeat(if at == 0 { begin } else { begin + 2 });
    folded.iter().enumerate().map(|(at, line)| format!("{}{line}", blanks(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_no_column_and_a_blank_that_is_none_are_marks() {
        assert_eq!(fold("a\u{1161}b \u{A0}c", 40), ["a<U+1161>b <U+00A0>c"]);
        assert_eq!(fold("\u{301}e\u{301}", 40), ["<U+0301>e\u{301}"]);
    }

    #[test]
    fn letters_that_are_drawn_apart_count_apart() {
        assert_eq!(fold(&"\u{644}\u{627}".repeat(3), 4), ["\u{644}\u{627}".repeat(2), "\u{644}\u{627}".to_owned()]);
    }

    #[test]
    fn a_folded_sentence_begins_no_line_with_a_blank() {
        assert_eq!(fold("four five six", 4), ["four", "five", "six"]);
        assert_eq!(fold("a bc  d", 4), ["a bc", "d"]);
        assert_eq!(fold("abcdef g", 4), ["abcd", "ef g"]);
    }

    #[test]
    fn what_is_pasted_keeps_its_lines_tabs_and_joiners_and_what_does_not_fit_is_counted() {
        let mut field = TextField::with_lines("");
        assert_eq!(field.insert("one\r\ntwo\rthree\tfour 👩\u{200d}🚀 می\u{200c}خواهم\u{1b}"), 0);
        assert_eq!(field.text(), "one\ntwo\nthree\tfour 👩\u{200d}🚀 می\u{200c}خواهم");
        let room = (MAX_LINES - field.text().len()) / 2;
        assert_eq!(field.insert(&"é".repeat(MAX_LINES)), MAX_LINES - room);
        let mut line = TextField::default();
        line.insert("one\ntwo");
        assert_eq!(line.text(), "one two");
    }

    #[test]
    fn what_is_before_the_cursor_goes_and_the_field_keeps_its_lines_and_the_cursor_its_place() {
        let mut field = TextField::with_lines("wrong\nrest");
        (0..4).for_each(|_| _ = field.take(Stroke::plain(Key::Left)));
        field.take(Stroke { ctrl: true, ..Stroke::plain(Key::Char('u')) });
        assert_eq!(field.parts(), ("", "rest"));
        field.insert("one\ntwo\n");
        assert_eq!((field.parts(), field.has_lines()), (("one\ntwo\n", "rest"), true));
    }

    #[test]
    fn editing_goes_by_what_people_see_as_a_character() {
        let mut field = TextField::default();
        field.insert("ae\u{301}\u{1b}x");
        assert_eq!(field.text(), "ae\u{301}x", "an escape does not get in");
        field.take(Stroke::plain(Key::Left));
        field.take(Stroke::plain(Key::Backspace));
        assert_eq!(field.parts(), ("a", "x"));
    }
}
