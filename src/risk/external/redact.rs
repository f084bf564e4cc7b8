//! Secrets that other tools found are not shown, whatever the tool writes about them.

use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::risk::rules;

/// The mask of a secret.
const MASK: &str = "▒▒▒▒▒▒▒▒";
/// The least length of a text that is treated as a secret.
const SHORTEST: usize = 4;

/// Whether a rule is about something that must not be shown, by its names and its description.
pub(super) fn speaks_of_secrets(words: &str) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        let words = "(?i)secret|passw|passphrase|credential|api.?key|access.?key|private.?key|token|gitleaks|kingfisher|\
                     noseyparker|ggshield|CWE-?(259|321|522|798)";
        rules::ascii(words).expect("a test reads the pattern")
    });
    WORDS.is_match(words.as_bytes())
}

/// A line without the possible secret: the region that the tool points at, and all quoted texts; if there is neither,
/// everything after the first assignment sign. Also returns what was removed, to remove it from messages.
pub(super) fn line<'t>(line: &'t str, pointed: Option<&'t str>) -> (String, Vec<&'t str>) {
    let mut secrets: Vec<&str> = pointed.into_iter().chain(quoted(line)).collect();
    secrets.retain(|secret| secret.chars().count() >= SHORTEST);
    if secrets.is_empty() {
        let value = line.find(['=', ':']).map_or(line, |at| &line[at + 1..]).trim();
        secrets.extend((!value.is_empty()).then_some(value));
    }
    (without(line, &secrets), secrets)
}

/// A text with each of the secrets masked, longest first.
pub(super) fn without(text: &str, secrets: &[&str]) -> String {
    let mut secrets = secrets.to_vec();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().filter(|secret| !secret.is_empty()).fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

/// The texts between quotes of one kind.
fn quoted(line: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), line);
    while let Some(start) = rest.find(['"', '\'', '`']) {
        let quote = &rest[start..=start];
        let inner = &rest[start + 1..];
        let Some(end) = inner.find(quote) else { break };
        found.push(&inner[..end]);
        rest = &inner[end + 1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pointed_at_quoted_or_assigned_is_masked_and_known_for_messages() {
        assert_eq!(line("key = \"hunter22\"", None).0, format!("key = \"{MASK}\""));
        assert_eq!(line("aws ABCD1234 x", Some("ABCD1234")).0, format!("aws {MASK} x"));
        assert_eq!(line("PASSWORD=hunter22", None).0, format!("PASSWORD={MASK}"));
        assert_eq!(line("hunter22", None).0, MASK);
        let (_, secrets) = line("login('root', 'hunter22')", None);
        assert_eq!(without("Possible password: 'hunter22'", &secrets), format!("Possible password: '{MASK}'"));
    }

    #[test]
    fn rules_about_secrets_are_told_by_their_words() {
        for words in ["hardcoded_password_string", "AWS Access Key", "generic-api-key", "x [\"CWE-798\"]", "SECRET_1"] {
            assert!(speaks_of_secrets(words), "{words}");
        }
        assert!(!speaks_of_secrets("sql-injection F401 unused import"));
    }
}
