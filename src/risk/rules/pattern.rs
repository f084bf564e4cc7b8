//! The patterns of rules: compiling all of them takes longer, and more memory, than reading a change.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::needed::Needed;
use crate::datafile::Placed;

/// The most bytes of a compiled pattern.
pub(super) const MAX_PATTERN: usize = 1 << 20;

/// When patterns are compiled.
#[derive(Debug, Clone, Copy)]
pub(in crate::risk) enum Compiling {
    /// As they are read, each to at most this many bytes: whoever wrote one is told what is wrong with it.
    AtOnce(usize),
    /// When they are first matched. Only for the shipped ones, all of which a test compiles.
    WhenNeeded,
}

/// A pattern in which `\w`, `\d`, `\s`, `\b` and letter case are ASCII.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    needed: OnceLock<Needed>,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// The value of a key that may be absent; reports a mistake if it is no pattern.
    pub fn read(text: Option<Placed<'_, String>>, compiling: Compiling) -> Option<Pattern> {
        let text = text?;
        let compiled = OnceLock::new();
        if let Compiling::AtOnce(size) = compiling {
            let regex = bounded(&text.value, size);
            let regex = regex.inspect_err(|error| text.mistake(format!("this is no pattern: {error}"))).ok()?;
            compiled.get_or_init(|| regex);
        }
        Some(Pattern { text: text.value, needed: OnceLock::new(), compiled })
    }

    pub fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| ascii(&self.text).expect("a test compiles the shipped patterns"))
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        self.may_match(text) && self.regex().is_match(text)
    }

    /// What it matches first in a text.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t [u8]> {
        let text = text.as_bytes();
        self.may_match(text).then(|| self.regex().find(text))?.map(|found| found.as_bytes())
    }

    /// All that it matches in a text.
    pub fn matches<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t [u8]> {
        self.regex().find_iter(text.as_bytes()).map(|found| found.as_bytes())
    }

    /// Whether it is worth compiling for a text. A compiled one knows as much by itself.
    pub fn may_match(&self, text: &[u8]) -> bool {
        self.compiled.get().is_some() || self.needed.get_or_init(|| Needed::of(&self.text)).may_be_in(text)
    }
}

/// A pattern in which `\w`, `\d`, `\s`, `\b` and letter case are ASCII, like the words of source code: Unicode's tables
/// would take megabytes, and a slower engine on lines that are not ASCII.
pub(in crate::risk) fn ascii(pattern: &str) -> Result<Regex, regex::Error> {
    bounded(pattern, MAX_PATTERN)
}

fn bounded(pattern: &str, size: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).size_limit(size).build()
}
