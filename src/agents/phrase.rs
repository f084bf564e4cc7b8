//! Patterns for words, as written in rule files.

use globset::{GlobBuilder, GlobMatcher};

use super::shell::Word;

/// A word, or a glob for one. Most are words, and a hook has no time to compile globs that it does not need.
#[derive(Debug, Clone)]
pub enum Pattern {
    Word(String),
    Glob(String, GlobMatcher),
}

impl Pattern {
    pub fn parse(text: &str) -> Option<Pattern> {
        if !text.contains(['*', '?', '[', ']', '{', '}', '\\']) {
            return Some(Pattern::Word(text.to_owned()));
        }
        let glob = GlobBuilder::new(text).literal_separator(false).backslash_escape(true).build();
        glob.ok().map(|glob| Pattern::Glob(text.to_owned(), glob.compile_matcher()))
    }

    pub fn is_match(&self, text: &str) -> bool {
        match self {
            Pattern::Word(word) => word == text,
            Pattern::Glob(_, glob) => glob.is_match(text),
        }
    }

    pub fn text(&self) -> &str {
        let (Pattern::Word(text) | Pattern::Glob(text, _)) = self;
        text
    }
}

/// The leading words of a command, without options; `-x` is an option that must be present, `!-x` one that must not.
#[derive(Debug, Clone, Default)]
pub struct Phrase {
    words: Vec<Pattern>,
    with: Vec<Pattern>,
    without: Vec<Pattern>,
}

impl Phrase {
    /// None if a word is not a valid pattern.
    pub fn parse(text: &str) -> Option<Phrase> {
        let mut phrase = Phrase::default();
        for word in text.split_whitespace() {
            match word.strip_prefix('!') {
                Some(word) => phrase.without.push(Pattern::parse(word)?),
                None if word.starts_with('-') => phrase.with.push(Pattern::parse(word)?),
                None => phrase.words.push(Pattern::parse(word)?),
            }
        }
        Some(phrase)
    }

    /// The index after the phrase; none if the words do not begin with it, or if one of those words contains an
    /// expansion.
    pub fn end(&self, words: &[Word], valued: &[String]) -> Option<usize> {
        self.end_after(&self.words, words, valued)
    }

    /// Like [`Phrase::end`], for a whole command whose program has this name.
    pub fn end_of(&self, name: &str, words: &[Word], valued: &[String]) -> Option<usize> {
        let (first, rest) = self.words.split_first()?;
        let arguments = words.get(1..).filter(|_| first.is_match(name))?;
        self.end_after(rest, arguments, valued).map(|end| end + 1)
    }

    fn end_after(&self, patterns: &[Pattern], words: &[Word], valued: &[String]) -> Option<usize> {
        let mut own = positional(words, valued);
        let mut end = 0;
        for pattern in patterns {
            let (at, word) = own.next()?;
            if !word.is_literal || !pattern.is_match(&word.text) {
                return None;
            }
            end = at + 1;
        }
        let is_there = |pattern: &Pattern| options(words).any(|option| pattern.is_match(&option.text));
        (self.with.iter().all(is_there) && !self.without.iter().any(|pattern| self.may_be_there(pattern, words)))
            .then_some(end)
    }

    /// An expansion may be the very option, unless it follows an option.
    fn may_be_there(&self, pattern: &Pattern, words: &[Word]) -> bool {
        let is_open = |word: &Word| !word.is_literal && word.text.starts_with(['$', '`']);
        let is_free = |at: usize| at == 0 || !words[at - 1].text.starts_with('-');
        options(words).any(|option| has(pattern, option))
            || (0..words.len()).any(|at| is_open(&words[at]) && is_free(at))
    }
}

fn options(words: &[Word]) -> impl Iterator<Item = &Word> {
    words.iter().take_while(|word| word.text != "--").filter(|word| word.text.starts_with('-'))
}

/// With or without a value.
fn has(pattern: &Pattern, option: &Word) -> bool {
    pattern.is_match(&option.text) || option.text.split_once('=').is_some_and(|(name, _)| pattern.is_match(name))
}

/// The arguments that are neither options nor values of options, with their indices.
pub fn positional<'w>(words: &'w [Word], valued: &'w [String]) -> impl Iterator<Item = (usize, &'w Word)> {
    let mut is_value = false;
    words.iter().enumerate().filter(move |(_, word)| {
        let is_own = is_value;
        is_value = !is_own && valued.contains(&word.text);
        !is_own && !word.text.starts_with('-')
    })
}
