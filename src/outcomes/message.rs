//! What a commit's message says about other commits: which it reverts, and which it fixes. Pure. Whoever wrote the
//! commit wrote the message: it is evidence that is named by its source, and nothing is decided by it.

use crate::change::ObjectId;

/// The fewest hex digits of an abbreviated id: fewer name too many commits of a large history.
pub const MIN_DIGITS: usize = 8;
/// What git writes for an abbreviated id in a small repository. It is counted, and not looked up.
const SHORT: usize = 7;
/// The most commits that one message may name; the rest is counted.
pub const MAX_NAMED: usize = 32;

/// What is said of the other commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// `This reverts commit …`, as `git revert` writes it.
    Reverts,
    /// `This partially reverts commit …`.
    PartlyReverts,
    /// `Fixes: …`.
    Fixes,
}

/// The line with which `git merge --squash` begins.
const SQUASHED: &str = "Squashed commit of the following:";

/// What one message says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Says {
    /// Ids as 8 to 40 hex digits in lower case, each once.
    pub named: Vec<(Word, String)>,
    /// The first line of the commit that the first line of this one says to revert.
    pub reverted_title: Option<String>,
    /// Ids of too few digits.
    pub short: usize,
    /// Ids beyond the most that are looked up.
    pub more: usize,
}

impl Says {
    /// Reads a message. Only the beginning of a line counts, so that text which is quoted or mentioned does not. Git
    /// indents the messages of the commits that it squashes.
    pub fn of(message: &str) -> Says {
        let mut says = Says { reverted_title: reverted_title(message), ..Says::default() };
        let is_squashed = message.lines().any(|line| line == SQUASHED);
        let mut listed = None;
        for (at, line) in message.lines().enumerate() {
            let line = if is_squashed { line.trim() } else { line.trim_end() };
            let mut all = named(line);
            if at == 0 && all.is_empty() {
                all = named_by_title(line);
            }
            match listed {
                _ if line.is_empty() => {}
                Some(word) if all.is_empty() => {
                    all = ids(without_bullet(line.trim_start()), true).map(|id| (word, id)).collect();
                    listed = listed.filter(|_| !all.is_empty());
                }
                _ => listed = begins_a_list(line),
            }
            for (word, id) in all {
                match id.len() {
                    MIN_DIGITS.. => says.take(word, id.to_ascii_lowercase()),
                    SHORT => says.short += 1,
                    _ => {}
                }
            }
        }
        says
    }

    fn take(&mut self, word: Word, id: String) {
        if self.named.contains(&(word, id.clone())) {
            return;
        }
        if self.named.len() < MAX_NAMED {
            self.named.push((word, id));
        } else {
            self.more += 1;
        }
    }

    /// Whether it names a commit that it reverts.
    pub fn names_a_revert(&self) -> bool {
        self.named.iter().any(|(word, _)| *word != Word::Fixes)
    }

    /// Whether it says nothing about another commit.
    pub fn is_silent(&self) -> bool {
        self.named.is_empty() && self.reverted_title.is_none() && self.short == 0
    }
}

/// How a line begins that names commits, in lower case. What ends in a blank must name an id with a digit, since some
/// words have only letters of ids.
const BEGINNINGS: [(&str, Word); 9] = [
    ("this reverts commit ", Word::Reverts),
    ("this reverts commits ", Word::Reverts),
    ("reverts:", Word::Reverts),
    ("reverts commit ", Word::Reverts),
    ("reverts commits ", Word::Reverts),
    ("reverts ", Word::Reverts),
    ("this partially reverts commit ", Word::PartlyReverts),
    ("this partially reverts commits ", Word::PartlyReverts),
    ("fixes:", Word::Fixes),
];
/// The same for a list of ids on the lines that follow.
const LISTS: [(&str, Word); 2] =
    [("this reverts commits:", Word::Reverts), ("this partially reverts commits:", Word::PartlyReverts)];
/// The same for the first line.
const TITLES: [(&str, Word); 3] =
    [("revert commit ", Word::Reverts), ("revert commits ", Word::Reverts), ("revert ", Word::Reverts)];

/// The rest of a line after one of some beginnings, with that.
fn after<'t>(line: &'t str, beginnings: &[(&'static str, Word)]) -> Option<(&'static str, Word, &'t str)> {
    beginnings.iter().find_map(|(prefix, word)| {
        let own = line.get(..prefix.len()).filter(|own| own.eq_ignore_ascii_case(prefix))?;
        Some((*prefix, *word, line.get(own.len()..)?))
    })
}

/// A line without what stands before an entry of a list, as hosts write it when they squash.
fn without_bullet(line: &str) -> &str {
    line.strip_prefix("* ").or_else(|| line.strip_prefix("- ")).unwrap_or(line)
}

/// The ids that a line names. Of `This reverts commit A, reversing changes made to B` it is A: B was not reverted.
fn named(line: &str) -> Vec<(Word, &str)> {
    let Some((prefix, word, rest)) = after(without_bullet(line), &BEGINNINGS) else { return Vec::new() };
    let is_bare = prefix == "reverts ";
    ids(rest, prefix.ends_with("commits ")).filter(|id| !is_bare || has_digit(id)).map(|id| (word, id)).collect()
}

/// The ids of `Revert 0123456789ab`, as people write it.
fn named_by_title(title: &str) -> Vec<(Word, &str)> {
    let Some((_, word, rest)) = after(title, &TITLES) else { return Vec::new() };
    ids(rest, false).filter(|id| has_digit(id)).map(|id| (word, id)).collect()
}

fn begins_a_list(line: &str) -> Option<Word> {
    let (_, word, rest) = after(without_bullet(line), &LISTS)?;
    rest.is_empty().then_some(word)
}

fn has_digit(id: &str) -> bool {
    id.bytes().any(|b| b.is_ascii_digit())
}

/// The ids at the beginning of a text, with commas or `and` between them; among several commits a blank will do.
fn ids(rest: &str, are_several: bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(rest);
    std::iter::from_fn(move || {
        let (id, after) = id_in(rest?.trim_start())?;
        let next = after.trim_start_matches([']', '>', ')', '"', '\'', '`']);
        let cut = next.trim_start();
        let comma = cut.strip_prefix(',').map(str::trim_start);
        let and = comma.unwrap_or(cut).strip_prefix("and ");
        rest = and.or(comma).or_else(|| Some(cut).filter(|_| are_several && cut.len() < next.len()));
        Some(id)
    })
}

/// The id at the beginning of a text, and what follows: alone, after the word `commit`, in brackets or quotation marks,
/// or at the end of the address at which a host shows the commit.
fn id_in(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_prefix("commit ").unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix(['<', '(', '[', '"', '\'', '`']).unwrap_or(rest);
    if rest.starts_with("https://") || rest.starts_with("http://") {
        let address = rest.split_whitespace().next()?.trim_end_matches([',', '>', ')', ']', '"', '.']);
        let (_, id) = address.rsplit_once("/commit/")?;
        return id_at(id).filter(|own| own.len() == id.len() && !own.is_empty()).map(|id| (id, &rest[address.len()..]));
    }
    id_at(rest).filter(|id| !id.is_empty()).map(|id| (id, &rest[id.len()..]))
}

/// The hex digits at the beginning of a text, if they are a word.
fn id_at(rest: &str) -> Option<&str> {
    let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    let is_word = rest[digits..].chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
    (is_word && digits <= 2 * ObjectId::ZERO.0.len()).then(|| &rest[..digits])
}

/// `X` of `Revert "X"`, and `Revert "X"` of `Reapply "X"`: so git names what it reverts, and what brings that back.
fn reverted_title(message: &str) -> Option<String> {
    let title = without_number(message.lines().next()?.trim());
    let inside = |prefix: &str| title.strip_prefix(prefix)?.strip_suffix('"');
    let own = inside("Revert \"").map(str::to_owned);
    let own = own.or_else(|| inside("Reapply \"").map(|title| format!("Revert \"{title}\"")));
    own.filter(|title| !title.trim().is_empty())
}

/// A title without the number of a review request that a host adds when it squashes: `Add a limit (#12)`.
pub fn without_number(title: &str) -> &str {
    let cut = title.strip_suffix(')').and_then(|rest| {
        let (own, number) = rest.rsplit_once(" (")?;
        let digits = number.strip_prefix(['#', '!'])?;
        (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| own.trim_end())
    });
    cut.unwrap_or(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";
    const B: &str = "89abcdef0123456789abcdef0123456789abcdef";

    fn named_by(message: &str) -> Vec<(Word, String)> {
        Says::of(message).named
    }

    #[test]
    fn a_revert_names_what_it_reverts_and_not_what_stayed() {
        let plain = format!("Revert \"Raise the limit\"\n\nThis reverts commit {A}.\n");
        assert_eq!(named_by(&plain), [(Word::Reverts, A.to_owned())]);
        let merge = format!("Revert \"x\"\n\nThis reverts commit {A}, reversing\nchanges made to {B}.");
        assert_eq!(named_by(&merge), [(Word::Reverts, A.to_owned())]);
        let squashed = format!(
            "Back out two (#9)\n\n* Revert \"a\"\n\nThis reverts commit {A}.\n\n* Revert \"b\"\n\n\
             this reverts commit {B}\n"
        );
        assert_eq!(named_by(&squashed), [(Word::Reverts, A.to_owned()), (Word::Reverts, B.to_owned())]);
        let by_git =
            format!("Back out\n\n{SQUASHED}\n\ncommit {B}\n\n    Revert \"a\"\n\n    This reverts commit {A}.\n");
        assert_eq!(named_by(&by_git), [(Word::Reverts, A.to_owned())]);
        assert_eq!(named_by(&format!("Say more\n\nThe message was:\n    This reverts commit {A}.\n")), []);
        assert_eq!(named_by("x\n\nThis reverts commit 0123456789AB (\"y\", 2026-07-01)").len(), 1);
    }

    #[test]
    fn a_title_may_name_the_commit_itself() {
        assert_eq!(named_by("Revert 0123456789ab (close #4)"), [(Word::Reverts, "0123456789ab".to_owned())]);
        assert_eq!(Says::of("Revert 0123456").short, 1);
        for none in ["Revert defaced", "Revert deadbeefs", "x\n\nRevert 0123456789ab", "Reverted 0123456789ab"] {
            assert!(Says::of(none).is_silent(), "{none}");
        }
    }

    #[test]
    fn a_trailer_names_what_it_fixes_and_an_issue_is_no_commit() {
        let kernel = "tc: check it\n\nFixes: 0123456789ab (\"tc: take it\")\nfixes: abcdef0123\n";
        let expected = ["0123456789ab", "abcdef0123"].map(|id| (Word::Fixes, id.to_owned()));
        assert_eq!(named_by(kernel), expected);
        for none in [
            "x\n\nFixes: #12345678",
            "x\n\nFixes: https://example.com/0123456789ab",
            "x\n\nFixes: https://example.com/commit/0123456789ab?x=1",
            "x\n\nThis reverts commits of 0123456789ab",
            "x\n\nFixes 0123456789ab",
            "x\n\nThis fixes: 0123456789ab",
            "x\n\n> This reverts commit 0123456789ab",
            "x\n\nThis reverts commit 0123456789abz",
            "x\n\nFixes: 01234567-89ab-cdef-0123-456789abcdef",
            "x\n\nDo not think that this reverts commit 0123456789ab",
        ] {
            assert!(Says::of(none).is_silent(), "{none}");
        }
    }

    #[test]
    fn what_people_and_hosts_write_around_an_id_does_not_hide_it() {
        for line in [
            format!("Fixes: commit {A}"),
            format!("Fixes: <{A}>"),
            format!("fixes: ({A})"),
            format!("Fixes: https://example.com/o/r/commit/{A}"),
            format!("Fixes: https://example.com/o/r/-/commit/{A} (\"x\")"),
        ] {
            assert_eq!(named_by(&format!("x\n\n{line}")), [(Word::Fixes, A.to_owned())], "{line}");
        }
        assert_eq!(named_by(&format!("x\n\nReverts: {A}")), [(Word::Reverts, A.to_owned())]);
        let partly = format!("x\n\nThis partially reverts commit {A}.");
        assert_eq!(named_by(&partly), [(Word::PartlyReverts, A.to_owned())]);
        for line in [format!("This reverts commits {A} and {B}."), format!("This reverts commits {A}, {B}, too")] {
            let both = [A, B].map(|id| (Word::Reverts, id.to_owned()));
            assert_eq!(named_by(&format!("x\n\n{line}")), both, "{line}");
        }
    }

    #[test]
    fn several_commits_in_one_line_or_a_list_are_all_named() {
        let both = |word| [A, B].map(|id| (word, id.to_owned()));
        for (text, word) in [
            (format!("x\n\nFixes: {A}, {B}"), Word::Fixes),
            (format!("x\n\nFixes: [{A}], <{B}>"), Word::Fixes),
            (format!("x\n\nFixes: https://example.com/commit/{A}, https://example.com/commit/{B}"), Word::Fixes),
            (format!("x\n\nThis partially reverts commits {A} and {B}"), Word::PartlyReverts),
            (format!("x\n\nThis reverts commit {A} and commit {B}."), Word::Reverts),
            (format!("x\n\nThis reverts commits {A} {B}"), Word::Reverts),
            (format!("x\n\nThis reverts commits:\n\n- {A}\n- {B} (\"y\")\n"), Word::Reverts),
            (format!("x\n\nThis reverts commits:\n{A}\n{B}\n\nThat was too slow, as {A}\n"), Word::Reverts),
            (format!("Revert commits {A} and {B}"), Word::Reverts),
        ] {
            assert_eq!(named_by(&text), both(word), "{text}");
        }
        for line in [format!("Reverts commit {A}"), format!("Reverts {A}"), format!("* This reverts commit {A}.")] {
            assert_eq!(named_by(&format!("x\n\n{line}")), [(Word::Reverts, A.to_owned())], "{line}");
        }
        assert_eq!(named_by(&format!("Revert commit {A}")), [(Word::Reverts, A.to_owned())]);
        assert_eq!(named_by(&format!("x\n\nFixes: \"{A}\"")), [(Word::Fixes, A.to_owned())]);
        for none in [
            "x\n\nReverts defaced pages",
            "x\n\nThis reverts commits:\nnot these\n0123456789ab",
            "Revert commit deadbeefs",
        ] {
            assert!(Says::of(none).is_silent(), "{none}");
        }
    }

    #[test]
    fn an_id_that_is_too_short_or_too_long_is_not_looked_up() {
        let says = Says::of("x\n\nFixes: 0123456\nFixes: 012345");
        assert_eq!((says.named.len(), says.short), (0, 1));
        assert!(Says::of(&format!("x\n\nThis reverts commit {A}{A}")).named.is_empty());
    }

    #[test]
    fn one_message_names_a_bounded_number_of_commits_and_each_once() {
        let many: String = (0..200).map(|n| format!("Fixes: {n:012x}\nFixes: {n:012x}\n")).collect();
        let says = Says::of(&many);
        assert_eq!((says.named.len(), says.more), (MAX_NAMED, 2 * (200 - MAX_NAMED)));
    }

    #[test]
    fn a_title_says_which_title_it_reverts() {
        for (title, expected) in [
            ("Revert \"Add a limit\"", Some("Add a limit")),
            ("Revert \"Add a limit (#12)\" (#13)", Some("Add a limit (#12)")),
            ("Revert \"Revert \"Add a limit\"\"", Some("Revert \"Add a limit\"")),
            ("Reapply \"Add a limit\" (!7)", Some("Revert \"Add a limit\"")),
            ("Revert the limit", None),
            ("Revert 0123456789ab", None),
            ("Revert \"\"", None),
            ("Revert \"half", None),
        ] {
            assert_eq!(Says::of(title).reverted_title.as_deref(), expected, "{title}");
        }
        assert_eq!(without_number("Add (a) limit (#12)"), "Add (a) limit");
        assert_eq!(without_number("Add a limit (12)"), "Add a limit (12)");
    }

    #[test]
    fn no_message_breaks_the_reader() {
        for text in [
            "",
            "\n\n",
            "é",
            "Fixes:",
            "Fixes: (",
            "Fixes: https://",
            "Fixes: http:///commit/é",
            "This reverts commits é and",
            "This reverts commit ",
            "fixes:é",
            "This reverts commitü",
            "Revert \"",
        ] {
            assert!(Says::of(text).named.is_empty(), "{text}");
        }
    }
}
