//! What a change says that it depends on, and by which names others refer to it: `Depends-On:` in the message of a
//! commit or the description of a request, as Zuul reads it, with what people write instead.
//!
//! These are claims: they arrange rows and are told, and decide nothing. What is compared, signed or let through
//! follows from git alone.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Commit;
use super::address::Remote;

/// The most references that are read of one text.
const MAX_REFERENCES: usize = 16;
/// The most bytes of a text that is searched.
const MAX_TEXT: usize = 64 << 10;
/// The most bytes of a host, and of a path on it.
const MAX_NAME: usize = 200;
/// The hexadecimal digits of a `Change-Id`, after its `I`.
const CHANGE_ID: usize = 40;

/// A name of a change, as others write it. Holds no characters but letters, digits and those of paths.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reference {
    /// Gerrit's `Change-Id`, `I` and 40 hexadecimal digits: the same on each branch that a change is proposed to.
    ChangeId(String),
    /// A review request: `https://github.com/ann/shop/pull/12`, `ann/shop#12`, `#12`.
    Request {
        /// The host, in lower case and without port; none if the text leaves it open.
        host: Option<String>,
        /// The repository on the host, in lower case; none if the text leaves it open.
        path: Option<String>,
        /// Assigned by the host.
        number: u64,
    },
}

impl Reference {
    /// A review request of a remote.
    pub fn at(remote: &Remote, number: u64) -> Reference {
        let path = remote.path.strip_suffix(".git").unwrap_or(&remote.path);
        Reference::Request { host: Some(remote.host.to_lowercase()), path: Some(path.to_lowercase()), number }
    }

    /// From a text without blanks; none if it is not a reference.
    pub fn parse(text: &str) -> Option<Reference> {
        if let Some(digits) = text.strip_prefix('I').filter(|digits| digits.len() == CHANGE_ID) {
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            return is_hex.then(|| Reference::ChangeId(format!("I{}", digits.to_lowercase())));
        }
        if let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
            return page(rest);
        }
        let (path, digits) = text.rsplit_once(['#', '!'])?;
        let path = if path.is_empty() { None } else { Some(named(path).filter(|path| path.contains('/'))?) };
        Some(Reference::Request { host: None, path, number: number(digits)? })
    }

    /// `#12`: one of the same repository.
    pub fn local(number: u64) -> Reference {
        Reference::Request { host: None, path: None, number }
    }

    /// This name of a change and the shorter ones by which it may be called too: without its host, its repository or
    /// both.
    pub fn shorter(self) -> impl Iterator<Item = Reference> {
        let mut all = vec![self];
        if let Reference::Request { host, path, number } = &all[0] {
            let (host, path, number) = (host.clone(), path.clone(), *number);
            let shorter = [(host, None), (None, path), (None, None)];
            let shorter = shorter.map(|(host, path)| Reference::Request { host, path, number });
            all.extend(shorter.into_iter().filter(|shorter| *shorter != all[0]).collect::<Vec<_>>());
        }
        all.into_iter()
    }

    /// Whether it says neither host nor repository, `#12`: it means one of the same repository.
    pub fn is_local(&self) -> bool {
        matches!(self, Reference::Request { host: None, path: None, .. })
    }
}

/// `github.com/ann/shop#12`, `#12`, `I0123456789`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::ChangeId(id) => f.write_str(&id[..11]),
            Reference::Request { host, path, number } => {
                let place: Vec<&str> = [host, path].into_iter().flatten().map(String::as_str).collect();
                write!(f, "{}#{number}", place.join("/"))
            }
        }
    }
}

/// The changes that a text says it depends on. A line counts if it begins with `Depends-On` or `Depends on`, and as far
/// as references follow.
pub fn depends_on(text: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut left = MAX_TEXT;
    let is_read = |line: &&str| {
        left = left.saturating_sub(line.len() + 1);
        left > 0
    };
    for stated in text.lines().take_while(is_read).filter_map(statement) {
        let words = stated.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty() && *word != "and");
        for reference in words.map_while(|word| Reference::parse(bare(word))) {
            if found.len() < MAX_REFERENCES && !found.contains(&reference) {
                found.push(reference);
            }
        }
    }
    found
}

/// What follows `Depends-On:` in a line.
fn statement(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '*' | '>' | '_'));
    let (key, rest) = (line.get(..10)?, &line[10..]);
    let is_key = key.eq_ignore_ascii_case("depends-on") || key.eq_ignore_ascii_case("depends on");
    let rest = rest.trim_start_matches(['*', '_']);
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    is_key.then(|| rest.trim_start_matches(['*', '_']))
}

/// A word without what Markdown and prose put around it: `<https://…>`, `[#12](https://…)`, `#12.`
fn bare(word: &str) -> &str {
    let target = word.strip_prefix('[').and_then(|rest| rest.split_once("](")).map(|(_, target)| target);
    target.unwrap_or(word).trim_matches(['<', '>', '(', ')', '.', '`'])
}

/// From the address of a page without its scheme: a pull or merge request, a change of Gerrit or a request of Review
/// Board.
fn page(rest: &str) -> Option<Reference> {
    let rest = rest.split(['?', '#']).next().filter(|plain| !plain.is_empty() && !rest.contains('@'))?;
    let (host, path) = rest.split_once('/')?;
    let host = named(host.split(':').next()?)?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let kinds = ["pull", "pulls", "pull-requests", "pullrequests", "merge_requests", "+", "r"];
    let (repository, digits) = match parts.iter().rposition(|part| kinds.contains(part)) {
        Some(at) => (&parts[..at], *parts.get(at + 1)?),
        // `https://review.example.com/1234`.
        None if parts.len() == 1 => (&parts[..0], parts[0]),
        None => return None,
    };
    // GitLab's `-` and Gerrit's `c` are not of the repository's name.
    let repository = repository.strip_suffix(&["-"]).unwrap_or(repository);
    let repository =
        if parts.contains(&"+") { repository.strip_prefix(&["c"]).unwrap_or(repository) } else { repository };
    let path = if repository.is_empty() { None } else { Some(named(&repository.join("/"))?) };
    Some(Reference::Request { host: Some(host), path, number: number(digits)? })
}

/// A name of a host or a path, in lower case; none if it has other characters.
fn named(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~' | b'/');
    let is_name = !text.is_empty() && text.len() <= MAX_NAME && text.bytes().all(is_plain);
    is_name.then(|| text.to_lowercase())
}

fn number(digits: &str) -> Option<u64> {
    let is_plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_plain && *number > 0)
}

/// The `Change-Id` that each of these commits has in its last lines.
fn change_ids<'c>(commits: &'c [impl Borrow<Commit>]) -> impl Iterator<Item = Reference> + 'c {
    let of_line = |line: &str| Reference::parse(line.strip_prefix("Change-Id:")?.trim());
    commits.iter().filter_map(move |commit| commit.borrow().message.lines().rev().find_map(of_line))
}

/// What a change says about others, and what others call it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// According to the messages of its commits.
    pub depends_on: Vec<Reference>,
    /// Its own names.
    pub known_as: Vec<Reference>,
}

impl References {
    /// Of the commits that a change adds; `at` is its request, if it is one.
    pub fn of(commits: &[impl Borrow<Commit>], at: Option<Reference>) -> References {
        let known_as: Vec<Reference> = at.into_iter().chain(change_ids(commits)).collect();
        let mut stated = Vec::new();
        for reference in commits.iter().flat_map(|commit| depends_on(&commit.borrow().message)) {
            let is_own = known_as.contains(&reference);
            if !is_own && stated.len() < MAX_REFERENCES && !stated.contains(&reference) {
                stated.push(reference);
            }
        }
        References { depends_on: stated, known_as }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        depends_on(text).iter().map(Reference::to_string).collect()
    }

    #[test]
    fn what_zuul_reads_and_what_people_write_instead_is_read() {
        let id = "I0123456789abcdef0123456789abcdef01234567";
        for (line, reads) in [
            ("Depends-On: https://github.com/Ann/shop/pull/12", vec!["github.com/ann/shop#12"]),
            (
                "depends-on: https://gitlab.example.com/a/b/shop/-/merge_requests/7#note_1",
                vec!["gitlab.example.com/a/b/shop#7"],
            ),
            (
                "Depends-On: https://review.example.com/c/infra/shop/+/1234/5",
                vec!["review.example.com/infra/shop#1234"],
            ),
            ("Depends-On: https://review.example.com/1234", vec!["review.example.com#1234"]),
            ("Depends-On: http://reviews.example.com/r/8/", vec!["reviews.example.com#8"]),
            (&format!("Depends-On: {id}"), vec!["I0123456789"]),
            ("Depends on #12 and ann/infra!3.", vec!["#12", "ann/infra#3"]),
            (
                "- **Depends on:** [#4](https://codeberg.org/ann/shop/pulls/4), #5",
                vec!["codeberg.org/ann/shop#4", "#5"],
            ),
        ] {
            assert_eq!(shown(line), reads, "{line}");
        }
    }

    #[test]
    fn prose_and_what_is_no_name_is_no_reference() {
        for line in [
            "It depends on #12.",
            "Depends on the weather",
            "Depends-On: https://user:secret@github.com/ann/shop/pull/12",
            "Depends-On: https://github.com/ann/shop/issues/12",
            "Depends-On: https://github.com/ann/sh\u{202e}op/pull/12",
            "Depends-On: shop#12",
            "Depends-On: #0",
            "Depends-On: #99999999999999999999",
            "Depends-On: I0123",
            "Depends-On",
            "Depends-Onéé #1",
        ] {
            assert_eq!(shown(line), Vec::<String>::new(), "{line}");
        }
        assert_eq!(shown(&"Depends-On: #1 #1\n".repeat(9)), ["#1"]);
        let many: String = (1..99).map(|n| format!("Depends-On: #{n}\n")).collect();
        assert_eq!(shown(&many).len(), MAX_REFERENCES);
    }

    #[test]
    fn a_change_has_shorter_names_too() {
        let called = |text: &str| {
            let remote = Remote::of("git@github.com:Ann/Shop.git").unwrap();
            Reference::at(&remote, 12).shorter().any(|name| Some(name) == Reference::parse(text))
        };
        assert!(called("https://GitHub.com/ann/shop/pull/12") && called("ann/shop#12") && called("#12"));
        assert!(!called("#13") && !called("bob/shop#12") && !called("https://gitlab.com/ann/shop/pull/12"));
        assert!(Reference::local(12).is_local() && !Reference::parse("ann/shop#12").unwrap().is_local());
    }

    #[test]
    fn a_change_is_known_by_the_ids_of_its_commits_and_does_not_depend_on_itself() {
        let id = "I0123456789abcdef0123456789abcdef01234567";
        let commit = |message: String| Commit {
            id: super::super::ObjectId([1; 20]),
            parents: Vec::new(),
            author: super::super::Identity { name: String::new(), email: String::new() },
            committer: super::super::Identity { name: String::new(), email: String::new() },
            message,
            time: 0,
        };
        let commits = [
            commit(format!("Second\n\nDepends-On: {id}\nDepends-On: #3\n")),
            commit(format!("First\n\nChange-Id: {id}\n")),
        ];
        let found = References::of(&commits, None);
        assert_eq!(found.known_as, [Reference::ChangeId(id.to_owned())]);
        assert_eq!(found.depends_on, [Reference::parse("#3").unwrap()]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_and_what_is_shown_of_it_is_plain(text in "(Depends-On: |[#!/:.?@a-zI0-9\\PC]){0,40}") {
            for reference in depends_on(&text) {
                let shown = reference.to_string();
                proptest::prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{shown}");
            }
        }
    }
}
