//! The lines of CODEOWNERS → rules: section, pattern, owners.

use std::collections::HashMap;

use super::pattern::{self, Pattern};
use super::{Dialect, Lost};

/// As in policies, which refuse a slot for more people.
const MAX_NEED: usize = 20;

/// A parsed file.
#[derive(Default)]
pub(super) struct Source<'t> {
    /// The lines that ask somebody, in the order of evaluation: the last match of a section counts.
    pub rules: Vec<Rule<'t>>,
    pub lost: Vec<Lost>,
    /// The first has no name: it contains everything before the first heading.
    pub sections: Vec<Section>,
    /// Sets of owners, each once, sorted.
    pub sets: Vec<Vec<String>>,
}

pub(super) struct Rule<'t> {
    pub line: usize,
    pub text: &'t [u8],
    pub section: usize,
    pub pattern: Pattern,
    /// Index of its owners in [`Source::sets`].
    pub set: usize,
    /// How many of them must approve.
    pub need: usize,
    place: usize,
}

#[derive(Default)]
pub(super) struct Section {
    pub name: String,
    /// Some line of it is under a heading without `^`, which makes all of it required.
    required: bool,
}

/// What a heading says about the lines below it.
#[derive(Clone, Copy)]
struct Heading {
    section: usize,
    optional: bool,
    need: usize,
    /// The owners of lines that name none.
    set: Option<usize>,
}

#[derive(Default)]
struct Parser<'t> {
    source: Source<'t>,
    sets: HashMap<Vec<String>, usize>,
    sections: HashMap<String, usize>,
    /// Where each pattern of a section first occurred: GitLab puts a repeated one there.
    places: HashMap<(usize, String), usize>,
}

pub(super) fn read(text: &[u8], dialect: Dialect) -> Source<'_> {
    let mut parser = Parser::default();
    parser.source.sections.push(Section::default());
    let mut heading = Heading { section: 0, optional: false, need: 1, set: None };
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    for (at, raw) in text.split(|&byte| byte == b'\n').enumerate() {
        let raw = raw.trim_ascii();
        if raw.is_empty() || raw.starts_with(b"#") {
            continue;
        }
        let line = Line { number: at + 1, raw, text: &String::from_utf8_lossy(raw), dialect };
        match (dialect, split_heading(line.text)) {
            (Dialect::GitLab, Some(parts)) => heading = parser.heading(&line, &parts),
            _ => parser.entry(&line, heading),
        }
    }
    parser.finish()
}

struct Line<'t, 's> {
    number: usize,
    raw: &'t [u8],
    text: &'s str,
    dialect: Dialect,
}

impl<'t> Parser<'t> {
    fn heading(&mut self, line: &Line<'t, '_>, parts: &HeadingParts<'_>) -> Heading {
        let sections = &mut self.source.sections;
        let section = *self.sections.entry(parts.name.to_ascii_lowercase()).or_insert_with(|| {
            sections.push(Section { name: parts.name.to_owned(), required: false });
            sections.len() - 1
        });
        let need = match parts.count.map(approvals) {
            None => 1,
            Some(Ok(need)) => need,
            Some(Err((need, why))) => {
                self.lose(line, why);
                need
            }
        };
        let owners = owners(parts.owners, line.dialect);
        if owners.strange {
            self.lose(line, STRANGE);
        }
        let set = (!owners.known.is_empty()).then(|| self.intern(owners.known));
        Heading { section, optional: parts.optional, need, set }
    }

    fn entry(&mut self, line: &Line<'t, '_>, heading: Heading) {
        let (text, rest) = split_pattern(line.text);
        let (excluded, text) = match text.strip_prefix('!') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let place = match line.dialect {
            Dialect::GitHub => line.number,
            Dialect::GitLab => *self.places.entry((heading.section, gitlab_key(text))).or_insert(line.number),
        };
        self.source.sections[heading.section].required |= !heading.optional;
        if excluded {
            return self.lose(line, excluded_why(line.dialect));
        }
        if line.dialect == Dialect::GitHub && text.starts_with("\\#") {
            return self
                .lose(line, "GitHub knows no `\\#` and skips the line. Begin the pattern with `?` or `/` instead.");
        }
        let pattern = match pattern::translate(text, line.dialect) {
            Ok(pattern) => pattern,
            Err(why) => return self.lose(line, why),
        };
        let owners = owners(rest, line.dialect);
        // If kept, such a line would take paths from [compartment.default] that it does not own.
        if owners.strange && line.dialect == Dialect::GitHub {
            return self.lose(line, STRANGE_TO_GITHUB);
        }
        if owners.strange {
            self.lose(line, STRANGE);
        }
        if owners.in_comment && line.dialect == Dialect::GitLab {
            self.lose(line, COMMENT);
        }
        let named = (!owners.known.is_empty()).then(|| self.intern(owners.known));
        let Some(set) = named.or(heading.set) else {
            return self.lose(line, UNOWNED);
        };
        if text.chars().any(char::is_uppercase) {
            self.lose(line, CASE);
        }
        let (number, section, need) = (line.number, heading.section, heading.need);
        self.source.rules.push(Rule { line: number, text: line.raw, section, pattern, set, need, place });
    }

    fn intern(&mut self, mut owners: Vec<String>) -> usize {
        owners.sort_unstable();
        owners.dedup();
        let sets = &mut self.source.sets;
        *self.sets.entry(owners).or_insert_with_key(|owners| {
            sets.push(owners.clone());
            sets.len() - 1
        })
    }

    fn lose(&mut self, line: &Line<'t, '_>, why: impl Into<String>) {
        self.source.lost.push(Lost::new(line.number, line.raw, why));
    }

    /// Drops the lines of optional sections, which are known only at the end, and sorts the rest.
    fn finish(self) -> Source<'t> {
        let mut source = self.source;
        let sections = &source.sections;
        let (mut rules, optional): (Vec<_>, Vec<_>) =
            source.rules.into_iter().partition(|rule| sections[rule.section].required);
        let why = "The section is optional: its owners are told, not asked. A policy has only what is required; take the \
                   `^` away and import again if they shall sign.";
        source.lost.extend(optional.iter().map(|rule| Lost::of(rule, why)));
        rules.sort_by_key(|rule| rule.place);
        source.rules = rules;
        source
    }
}

const STRANGE: &str = "A word among the owners is not an owner: `@user`, `@group/team`, an address, `@@developer`, \
                       `@@maintainer` or `@@owner`. It is left out; fix it and import again.";
const STRANGE_TO_GITHUB: &str = "A word among the owners is not an owner: `@user`, `@org/team` or an address. GitHub skips \
                            such a line, and so does the policy; fix it and import again.";
const COMMENT: &str = "GitLab has no comments after a pattern and takes each `@name` in them for an owner. The policy asks \
                       only those before the `#`; give the others the role if they were meant.";
const UNOWNED: &str = "No owner: CODEOWNERS asks nobody for what this line matches. Nothing takes away from a policy's \
                       compartments, so an earlier line that matches it too is still asked; give that one narrower patterns.";

const CASE: &str = "CODEOWNERS matches capitals only as they are written, a policy in any letter case: these owners are \
                    asked for other spellings too, in place of whom `*` names. If such paths exist and are another's, \
                    write a compartment for them.";

fn excluded_why(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::GitHub => "GitHub knows no `!` and skips the line. Delete it.",
        Dialect::GitLab => {
            "GitLab lets off what this line matches. Nothing takes away from a policy's compartments, so the other lines \
             of the section still ask their owners for it; give those narrower patterns."
        }
    }
}

/// GitLab's key of a pattern within a section.
fn gitlab_key(pattern: &str) -> String {
    match pattern {
        "*" => "/**/*".to_owned(),
        _ => {
            let start = if pattern.starts_with('/') { "" } else { "/**/" };
            let end = if pattern.ends_with('/') { "**/*" } else { "" };
            format!("{start}{pattern}{end}")
        }
    }
}

struct HeadingParts<'s> {
    optional: bool,
    name: &'s str,
    count: Option<&'s str>,
    owners: &'s str,
}

/// `[Name]`, `^[Name]`, `[Name][2] @owner`.
fn split_heading(line: &str) -> Option<HeadingParts<'_>> {
    let (optional, rest) = match line.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (name, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let (count, owners) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((count, owners)) => (Some(count), owners),
        None => (None, rest),
    };
    Some(HeadingParts { optional, name, count, owners })
}

/// The number of approvals that a heading asks for, or the nearest number that can be kept.
fn approvals(count: &str) -> Result<usize, (usize, &'static str)> {
    if !count.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err((1, "The number of approvals is none, so it counts as 1. Write it in digits."));
    }
    match count.trim_start_matches('0') {
        "" => Ok(1),
        digits => digits.parse().ok().filter(|&need| need <= MAX_NEED).ok_or((
            MAX_NEED,
            "A slot of a policy takes 20 people at most; the section asks for 20. Split it into several roles.",
        )),
    }
}

/// Splits at the first white space that is not escaped by a backslash.
fn split_pattern(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if c.is_ascii_whitespace() && !escaped {
            return line.split_at(at);
        }
        escaped = c == '\\' && !escaped;
    }
    (line, "")
}

#[derive(Default)]
struct Owners {
    known: Vec<String>,
    /// Some word is not an owner.
    strange: bool,
    in_comment: bool,
}

/// The owners before a `#`, in lower case, as their names are case-insensitive.
fn owners(text: &str, dialect: Dialect) -> Owners {
    let (text, comment) = text.split_once('#').unwrap_or((text, ""));
    let mut out = Owners { in_comment: comment.contains('@'), ..Owners::default() };
    for word in text.split_ascii_whitespace() {
        match owner(word, dialect) {
            Some(owner) => out.known.push(owner),
            None => out.strange = true,
        }
    }
    out
}

fn owner(word: &str, dialect: Dialect) -> Option<String> {
    let word = word.to_ascii_lowercase();
    if let Some(role) = word.strip_prefix("@@") {
        let role = role.strip_suffix('s').unwrap_or(role);
        let known = dialect == Dialect::GitLab && ["developer", "maintainer", "owner"].contains(&role);
        return known.then(|| format!("@@{role}"));
    }
    let is_owner = match word.strip_prefix('@') {
        Some(name) => {
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
            let deep = name.bytes().filter(|&b| b == b'/').count() > 1;
            let named = name.split('/').all(|part| part.bytes().any(|b| b.is_ascii_alphanumeric()));
            plain && named && !(deep && dialect == Dialect::GitHub)
        }
        None => word.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.contains('@') && domain.ends_with(|c: char| c.is_alphanumeric())
        }),
    };
    is_owner.then_some(word)
}
