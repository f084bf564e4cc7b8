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

    /// The index after the phrase, if the words begin with it however the options among them are read; an expansion is
    /// no word of a phrase.
    pub fn surely(&self, words: &[Word], options: Options<'_>) -> Option<usize> {
        self.read(&self.words, words, options, Reading::Every)
    }

    /// The index after the phrase, if the words may begin with it: an option that is not known may take the next word
    /// as its value, or may not.
    pub fn possibly(&self, words: &[Word], options: Options<'_>) -> Option<usize> {
        self.read(&self.words, words, options, Reading::Any)
    }

    /// Like [`Phrase::surely`], for a whole command whose program has this name.
    pub fn surely_of(&self, name: &str, words: &[Word], options: Options<'_>) -> Option<usize> {
        self.read_of(name, words, options, Reading::Every)
    }

    /// Like [`Phrase::possibly`], for a whole command; an expansion in it may be anything.
    pub fn possibly_of(&self, name: &str, words: &[Word], options: Options<'_>) -> Option<usize> {
        self.read_of(name, words, options, Reading::AnyFilledIn)
    }

    /// Whether it is about a program of this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.words.first().is_some_and(|first| first.is_match(name))
    }

    fn read_of(&self, name: &str, words: &[Word], options: Options<'_>, reading: Reading) -> Option<usize> {
        let (first, rest) = self.words.split_first()?;
        let arguments = words.get(1..).filter(|_| first.is_match(name))?;
        self.read(rest, arguments, options, reading).map(|end| end + 1)
    }

    fn read(&self, patterns: &[Pattern], words: &[Word], own: Options<'_>, reading: Reading) -> Option<usize> {
        let end = end_of(patterns, words, reading, |option| match self.with.iter().any(|own| own.is_match(option)) {
            true => (true, false),
            false => own.takes(option),
        })?;
        let is_there = |pattern: &Pattern| match reading {
            Reading::Every => is_settled(pattern, words, own),
            _ => options(words).any(|option| pattern.is_match(&option.text)),
        };
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

/// Which readings of the options among the words must have the phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// All: what a phrase lets pass must be there however an unknown option is read.
    Every,
    /// One is enough: what a phrase stops may be there.
    Any,
    /// The same, and an expansion may be any words, or none.
    AnyFilledIn,
}

/// What is known of the options of a program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'o> {
    /// Those that take the next word as their value.
    pub valued: &'o [String],
    /// Those that do not.
    pub flags: &'o [String],
}

impl Options<'_> {
    /// How many words an option takes: itself, with or without the next one; both if nobody knows.
    fn takes(&self, option: &str) -> (bool, bool) {
        let is_of = |own: &[String]| own.iter().any(|own| own == option);
        let is_glued = || option.len() > 2 && option.is_char_boundary(2) && is_bundled(option, self.valued);
        if is_of(self.valued) {
            return (false, true);
        }
        let is_alone = option.contains('=') || matches!(option, "-" | "--") || is_of(self.flags) || is_glued();
        (true, !is_alone)
    }
}

/// `-nshop`, where `-n` takes a value.
fn is_bundled(option: &str, valued: &[String]) -> bool {
    !option.starts_with("--") && valued.iter().any(|own| own.len() == 2 && *own == option[..2])
}

/// The index after the last pattern. Follows all readings of the words at once: each bit is a number of patterns found
/// so far, in the readings that come to this word, to the next one, and to the one after that.
fn end_of(
    patterns: &[Pattern],
    words: &[Word],
    reading: Reading,
    takes: impl Fn(&str) -> (bool, bool),
) -> Option<usize> {
    let all: u32 = 1 << patterns.len().min(31);
    let (mut here, mut next, mut after, mut end) = (1_u32, 0, 0, None);
    for at in 0..=words.len() {
        if here & all != 0 {
            end = end.or(Some(at));
            here &= !all;
        }
        if reading != Reading::Every && end.is_some() || here | next == 0 {
            return end;
        }
        let Some(word) = words.get(at).filter(|_| here != 0) else {
            // In some reading the words end too early.
            if here != 0 && reading == Reading::Every {
                return None;
            }
            (here, next, after) = (next, after, 0);
            continue;
        };
        if word.text.starts_with('-') {
            let (is_alone, is_valued) = takes(&word.text);
            next |= if is_alone { here } else { 0 };
            after |= if is_valued { here } else { 0 };
        } else {
            let is_found = |k: usize| patterns.get(k).is_some_and(|own| word.is_literal && own.is_match(&word.text));
            let found = (0..patterns.len().min(31)).filter(|k| here & 1 << k != 0 && is_found(*k));
            let found = found.fold(0, |found, k| found | 1 << k);
            if reading == Reading::Every && found != here {
                return None;
            }
            let is_open = reading == Reading::AnyFilledIn && !word.is_literal;
            next |= found << 1 | if is_open { here | here << 1 } else { 0 };
        }
        (here, next, after) = (next, after, 0);
    }
    // In some reading the value of the last option is missing.
    if reading == Reading::Every && here | next != 0 { None } else { end }
}

fn options(words: &[Word]) -> impl Iterator<Item = &Word> {
    words.iter().take_while(|word| word.text != "--").filter(|word| word.text.starts_with('-'))
}

/// Whether an option is there for certain: it is no value of another one, and is not taken back by a second one.
fn is_settled(pattern: &Pattern, words: &[Word], own: Options<'_>) -> bool {
    let name = |text: &'_ str| text.split('=').next().unwrap_or_default().to_owned();
    let asked = name(pattern.text());
    let is_value = |at: usize| at > 0 && own.takes(&words[at - 1].text) == (false, true);
    let mut same = options(words).filter(|option| pattern.is_match(&option.text) || name(&option.text) == asked);
    let all = words.iter().take_while(|word| word.text != "--").enumerate();
    let is_there = all.into_iter().any(|(at, word)| pattern.is_match(&word.text) && !is_value(at));
    is_there && same.all(|option| pattern.is_match(&option.text))
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
