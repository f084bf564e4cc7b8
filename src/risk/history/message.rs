//! What the message of a commit says about others: that it undoes or redoes one, or fixes what one broke.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The most commits that one message names.
const MAX_NAMED: usize = 16;

/// The signs in a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signs {
    /// It reverts an earlier change.
    pub undoes: bool,
    /// It brings back what was reverted.
    pub redoes: bool,
    /// The length of the message in characters.
    pub length: u32,
    /// Commit ids, as 7 to 40 hex digits, that it says were wrong: reverted, or named by `Fixes:` or as the subject of
    /// a follow-up.
    pub named: Vec<String>,
}

macro_rules! pattern {
    ($($text:literal)+) => {
        LazyLock::new(|| Regex::new(concat!("(?im)", $($text),+)).expect("a literal, tried by tests"))
    };
}

static UNDOES: LazyLock<Regex> = pattern!(r"^\s*This reverts commit|\A\s*\[?revert\b");
static REDOES: LazyLock<Regex> =
    pattern!(r#"\A\s*(?:re-?apply|re-?land|revert[ :"']+revert)\b|reverts? (?:the|a|this) revert"#);
static NAMED: LazyLock<Regex> = pattern!(
    r"^\s*(?:This reverts commit|Fixes|Follow-?up (?:to|for|from)|(?:Bug|Regression)s? (?:[a-z]+ )?(?:from|since|in|by))"
    r":?\s+(?:commit\s+)?([0-9a-f]{7,40})\b"
);

impl Signs {
    /// Reads a message.
    pub fn of(message: &str) -> Signs {
        let named = NAMED.captures_iter(message).filter_map(|captures| Some(captures.get(1)?.as_str().to_lowercase()));
        Signs {
            undoes: UNDOES.is_match(message),
            redoes: REDOES.is_match(message),
            length: u32::try_from(message.chars().count()).unwrap_or(u32::MAX),
            named: named.take(MAX_NAMED).collect(),
        }
    }

    /// The combined signs of the messages of several commits.
    pub fn of_all<'m>(messages: impl IntoIterator<Item = &'m str>) -> Signs {
        messages.into_iter().map(Signs::of).fold(Signs::default(), |all, one| Signs {
            undoes: all.undoes || one.undoes,
            redoes: all.redoes || one.redoes,
            length: all.length.saturating_add(one.length),
            named: all.named.into_iter().chain(one.named).take(MAX_NAMED).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_takes_back_another_commit_says_which() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let signs = Signs::of(&format!("Revert \"Raise the limit\"\n\nThis reverts commit {id}.\n"));
        assert!(signs.undoes && !signs.redoes);
        assert_eq!(signs.named, [id]);
        assert!(Signs::of("Reapply \"Raise the limit\"").redoes);
        assert!(Signs::of("Revert \"Revert \"Raise the limit\"\"").redoes);
    }

    #[test]
    fn what_a_commit_mends_is_named_by_its_trailers_alone() {
        let named = |message: &str| Signs::of(message).named;
        assert_eq!(named("x\n\nFixes: 0123456789ab (\"tc: y\")\nFixes: abcdef1"), ["0123456789ab", "abcdef1"]);
        assert_eq!(named("x\n\nFollow-up to ABCDEF12"), ["abcdef12"]);
        for none in ["Fixes: #1234567", "x fixes: 0123456789ab", "Fixes: 012345", "Do not revert 0123456789ab"] {
            assert_eq!(named(none), Vec::<String>::new(), "{none}");
        }
        assert!(!Signs::of("Say why we never revert").undoes);
    }
}
