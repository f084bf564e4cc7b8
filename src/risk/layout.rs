//! Lines that only have another layout: a formatter breaks, joins and indents them, and changes quotes and commas.

use std::collections::BTreeSet;

use super::NumberedLine;
use crate::change::compare::{Line, compare};

/// The most bytes of the lines of a side that are compared by words.
const MAX_COMPARED: usize = 1 << 20;

/// What is new on lines, apart from their layout.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Lines with a word that is not on the lines that they replace, in the same order.
    added: BTreeSet<u32>,
    /// Lines beside a word that is gone: what was a comment before has lost the sign of it.
    beside: BTreeSet<u32>,
    /// Nothing was compared: all lines are new.
    is_all: bool,
}

impl News {
    /// Compares the changed lines of a side with those of the other side by words.
    pub fn of(lines: &[NumberedLine], others: &[NumberedLine]) -> News {
        let size = |lines: &[NumberedLine]| lines.iter().map(|(_, line)| line.len()).sum::<usize>();
        if others.is_empty() || size(lines) > MAX_COMPARED || size(others) > MAX_COMPARED {
            return News { is_all: true, ..News::default() };
        }
        let (own, theirs) = (Words::of(lines), Words::of(others));
        let line = |word: u32| own.lines.get(word as usize).copied();
        let mut news = News::default();
        for hunk in compare(&theirs.text, &own.text).hunks {
            let mut before = None;
            for (at, word) in hunk.lines.iter().enumerate() {
                match word {
                    Line::Context { new, .. } => before = line(*new),
                    Line::Added { new } => {
                        before = line(*new);
                        news.added.extend(before);
                    }
                    Line::Removed { .. } => {
                        let after = hunk.lines[at..].iter().find_map(|word| match word {
                            Line::Context { new, .. } | Line::Added { new } => line(*new),
                            Line::Removed { .. } => None,
                        });
                        news.beside.extend(before.into_iter().chain(after));
                    }
                }
            }
        }
        news
    }

    /// Whether a changed line has a word that was not there.
    pub fn has_words(&self, line: u32) -> bool {
        self.is_all || self.added.contains(&line)
    }

    /// Whether a changed line says something else than before.
    pub fn is_said(&self, line: u32) -> bool {
        self.has_words(line) || self.beside.contains(&line)
    }
}

/// The words of lines.
#[derive(Default)]
struct Words {
    /// One on each line.
    text: Vec<u8>,
    /// The line of each.
    lines: Vec<u32>,
}

impl Words {
    fn of(lines: &[NumberedLine]) -> Words {
        let mut words = Words::default();
        for (number, line) in lines {
            let mut is_in_word = false;
            for c in line.chars().map(|c| if matches!(c, '\'' | '`') { '"' } else { c }) {
                let is_name = c.is_ascii_alphanumeric() || c == '_';
                let is_layout = matches!(c, ' ' | '\t' | '\r' | ',' | ';');
                if is_layout || matches!(c, '(' | ')' | '[' | ']' | '{' | '}') {
                    is_in_word = false;
                    continue;
                }
                if !(is_name && is_in_word) {
                    words.end();
                    words.lines.push(*number);
                }
                words.text.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                is_in_word = is_name;
            }
            // What follows on the next line is no part of the comment.
            if ["//", "#", "--"].iter().any(|sign| line.contains(sign)) {
                words.end();
                words.lines.push(*number);
                words.text.push(0);
            }
        }
        words.end();
        words
    }

    fn end(&mut self) {
        if !self.lines.is_empty() {
            self.text.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relaid_of(old: &str, new: &str) -> Vec<u32> {
        let lines = |text: &str| (1..).zip(text.lines().map(str::to_owned)).collect::<Vec<NumberedLine>>();
        let news = News::of(&lines(new), &lines(old));
        lines(new).into_iter().map(|(number, _)| number).filter(|number| !news.is_said(*number)).collect()
    }

    #[test]
    fn what_is_broken_joined_or_quoted_otherwise_is_only_laid_out_anew() {
        assert_eq!(relaid_of("run('rm -rf', path)", "run(\n    \"rm -rf\",\n    path,\n)"), [1, 2, 3, 4]);
        assert_eq!(relaid_of("f(\n  a,\n  b\n)", "f(a, b);"), [1]);
        assert_eq!(relaid_of("", "a"), [0_u32; 0]);
    }

    #[test]
    fn a_word_more_or_less_is_no_layout() {
        assert_eq!(relaid_of("f(a, b)", "f(\n  a,\n  c,\n)"), [1, 4]);
        assert_eq!(relaid_of("# eval(x)", "eval(x)"), [0_u32; 0]);
        assert_eq!(relaid_of("f(\"eval(x)\")", "f(eval(x))"), [0_u32; 0]);
        assert_eq!(relaid_of("// why\nif (!ok) return;", "// why if (!ok) return;"), [0_u32; 0]);
        assert_eq!(relaid_of("if not ok: stop()", "if ok:\n    stop()"), [2]);
        assert_eq!(relaid_of("a\nb", "a\nb\nb"), [1, 2]);
        assert_eq!(relaid_of("admin", "adm\u{200b}in"), [0_u32; 0]);
    }
}
