//! Whether lines changed only by replacing one sequence of words with another, wherever it occurred in them.

use super::digest::Digest;

/// The most lines of one hunk that are examined; a longer one is read separately.
const MAX_LINES: usize = 200;
/// The most bytes of a line that is examined.
const MAX_LINE: usize = 2_000;
/// The most words and other characters that are replaced, or that replace them.
const MAX_TOKENS: usize = 6;
/// The most bytes of either.
const MAX_BYTES: usize = 80;

/// What was replaced, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The old text; never empty.
    pub old: Vec<u8>,
    /// Empty if the old text was only removed.
    pub new: Vec<u8>,
}

/// Identifies a replacement: half of a SHA-256, so that nobody can construct another one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplacementId([u8; 16]);

impl Replacement {
    /// The one replacement that turns every old line into its new one; none if there is none, or if more has changed.
    pub fn of(pairs: &[(&[u8], &[u8])]) -> Option<Replacement> {
        let (old, new) = pairs.first()?;
        if pairs.iter().all(|(old, new)| loses_return(old, new)) {
            return Some(Replacement { old: RETURN.to_vec(), new: Vec::new() });
        }
        if pairs.len() > MAX_LINES || pairs.iter().any(|(old, new)| old.len().max(new.len()) > MAX_LINE) {
            return None;
        }
        let (old, new) = (tokens(old), tokens(new));
        let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        // The longest candidate may replace more than one thing; so the shortest is tried first.
        let sizes = (1..=MAX_TOKENS).flat_map(|from| (0..=MAX_TOKENS).map(move |to| (from, to)));
        let candidates = sizes.filter_map(|(from, to)| {
            let (gone, come) = (old.get(start..start + from)?, new.get(start..start + to)?);
            // What follows must be equal, or the replacement does not end here.
            (old.get(start + from) == new.get(start + to)).then_some((gone, come))
        });
        let is_whole = |(gone, come): &(&[&[u8]], &[&[u8]])| {
            gone != come && pairs.iter().all(|(old, new)| replaces(gone, come, &tokens(old), &tokens(new)))
        };
        let (gone, come) = candidates.into_iter().find(is_whole)?;
        let found = Replacement { old: gone.concat(), new: come.concat() };
        let is_named = found.old.iter().copied().any(is_word) && found.old.len().max(found.new.len()) <= MAX_BYTES;
        is_named.then_some(found)
    }

    /// Whether lines lost the carriage return at their end, and nothing else. The other way round is read hunk by hunk:
    /// a shell takes it for a part of the line.
    pub fn is_of_line_ends(&self) -> bool {
        self.old == RETURN
    }

    /// Equal for the same pair of texts, in any file; for values, only for the same lines in the same context, which is
    /// computed only then.
    pub fn id(&self, pairs: &[(&[u8], &[u8])], is_data: bool, place: impl FnOnce() -> Vec<u8>) -> ReplacementId {
        let mut texts: Vec<&[u8]> = vec![&self.old, &self.new];
        let place = (!self.is_of_line_ends() && self.is_of_values(pairs, is_data)).then(place);
        if let Some(place) = &place {
            texts.extend(pairs.iter().flat_map(|(old, new)| [old, new]));
            texts.push(place);
        }
        let sized = texts.iter().flat_map(|text| [text.len().to_be_bytes().to_vec(), text.to_vec()]);
        let mut id = [0; 16];
        id.copy_from_slice(&Digest::of(&sized.collect::<Vec<_>>().concat()).0[..16]);
        ReplacementId(id)
    }

    /// Whether the replaced text is a value and not a name: its effect depends on what it is the value of.
    fn is_of_values(&self, pairs: &[(&[u8], &[u8])], is_data: bool) -> bool {
        let is_value = |text: &[u8]| tokens(text).into_iter().any(is_literal) || text.iter().copied().any(is_quote);
        let holds_value = |line: &[u8]| {
            let (quoted, start) = (quoted(line), start_of_value(line).filter(|_| is_data));
            let mut places = (0..line.len()).filter(|at| line[*at..].starts_with(&self.old));
            places.any(|at| quoted[at] || start.is_some_and(|start| at >= start))
        };
        is_value(&self.old) || is_value(&self.new) || pairs.iter().any(|(old, _)| holds_value(old))
    }
}

/// Words for values that are on, off or absent; and those that negate a condition.
const LITERALS: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "enabled",
    "disabled",
    "enable",
    "disable",
    "allow",
    "deny",
    "null",
    "nil",
    "none",
    "undefined",
    "nan",
    "inf",
    "infinity",
    "and",
    "or",
    "not",
];

/// Whether a token is a number, or one of [`LITERALS`] in any letter case.
fn is_literal(token: &[u8]) -> bool {
    token[0].is_ascii_digit() || LITERALS.iter().any(|word| token.eq_ignore_ascii_case(word.as_bytes()))
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// For each byte of a line, whether it is after an open quote, as far as the line shows: an apostrophe counts as one,
/// too.
fn quoted(line: &[u8]) -> Vec<bool> {
    let (mut open, mut is_escaped) = (None, false);
    let is_inside = |&byte: &u8| {
        let is_inside = open.is_some();
        open = match open {
            _ if is_escaped => open,
            None if is_quote(byte) => Some(byte),
            Some(quote) if quote == byte => None,
            open => open,
        };
        is_escaped = byte == b'\\' && !is_escaped;
        is_inside
    };
    line.iter().map(is_inside).collect()
}

/// Where the value of a line of data begins: after `key:`, `key =` or the dash of a list.
fn start_of_value(line: &[u8]) -> Option<usize> {
    let text = line.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let is_item = line[text..].starts_with(b"- ");
    let separator = line.iter().position(|byte| matches!(byte, b':' | b'='));
    separator.map(|at| at + 1).or(is_item.then_some(text))
}

/// What a line of a text from Windows has at its end.
const RETURN: &[u8] = b"\r";

fn loses_return(old: &[u8], new: &[u8]) -> bool {
    old.strip_suffix(RETURN) == Some(new) && !new.contains(&b'\r')
}

/// Whether replacing every occurrence turns one line into another, with at least one occurrence.
fn replaces(gone: &[&[u8]], come: &[&[u8]], old: &[&[u8]], new: &[&[u8]]) -> bool {
    let (mut at, mut out, mut count) = (0, 0, 0);
    while at < old.len() {
        let (from, to) = if old[at..].starts_with(gone) {
            count += 1;
            (gone, come)
        } else {
            (&old[at..=at], &old[at..=at])
        };
        if !new[out..].starts_with(to) {
            return false;
        }
        (at, out) = (at + from.len(), out + to.len());
    }
    out == new.len() && count > 0
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Words, and every other byte separately.
fn tokens(line: &[u8]) -> Vec<&[u8]> {
    line.chunk_by(|a, b| is_word(*a) && is_word(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pairs: &[(&str, &str)]) -> Option<(String, String)> {
        let pairs: Vec<_> = pairs.iter().map(|(old, new)| (old.as_bytes(), new.as_bytes())).collect();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Replacement::of(&pairs).map(|found| (text(found.old), text(found.new)))
    }

    #[test]
    fn a_word_or_a_run_of_words_that_is_replaced_everywhere_is_found() {
        for (pairs, old, new) in [
            (&[("let user = 1;", "let account = 1;")][..], "user", "account"),
            (&[("f(user, user)", "f(account, account)"), ("  user.id", "  account.id")], "user", "account"),
            (&[("log.warn(x)", "tracing::warn(x)")], "log.", "tracing::"),
            (&[("let a = await get();", "let a = get();")], "await ", ""),
            (&[("x = self.user", "x = self.session.user")], "user", "session.user"),
        ] {
            assert_eq!(found(pairs), Some((old.to_owned(), new.to_owned())), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_not_the_same_on_every_line_or_not_everywhere_is_no_replacement() {
        for pairs in [
            &[("user", "account"), ("user", "accounts")][..],
            &[("user", "account"), ("other", "other2")],
            &[("users", "accounts"), ("user", "account")],
            &[("a, b", "a; b")],
            &[("same", "same")],
            &[("", "new")],
            &[],
        ] {
            assert_eq!(found(pairs), None, "{pairs:?}");
        }
    }

    #[test]
    fn lines_that_lose_only_their_carriage_returns_are_one_edit_of_any_length() {
        let long = "key: 'value' ".repeat(400);
        let line = (format!("{long}\r"), long);
        let many = vec![(line.0.as_str(), line.1.as_str()); MAX_LINES + 1];
        assert_eq!(found(&many), Some(("\r".to_owned(), String::new())));
        assert!(is_same(("a: 1\r", "a: 1"), ("b = \"x\"\r", "b = \"x\""), true));
        for pairs in [&[("a", "a\r")][..], &[("a\r\r", "a\r")], &[("a\rb\r", "a\rb")], &[("a\r", "a"), ("b", "b ")]] {
            assert_eq!(found(pairs), None, "{pairs:?}");
        }
    }

    #[test]
    fn a_word_that_stays_somewhere_on_the_line_makes_it_another_replacement() {
        assert_eq!(found(&[("f(user, user)", "f(account, user)")]), Some(("user,".to_owned(), "account,".to_owned())));
    }

    /// Whether two lines with the same replacement count as the same edit.
    fn is_same(a: (&str, &str), b: (&str, &str), is_data: bool) -> bool {
        let id = |(old, new): (&str, &str)| {
            let pairs = [(old.as_bytes(), new.as_bytes())];
            let found = Replacement::of(&pairs).unwrap();
            (found.id(&pairs, is_data, Vec::new), found)
        };
        let (a, b) = (id(a), id(b));
        assert_eq!(a.1, b.1);
        a.0 == b.0
    }

    #[test]
    fn a_value_is_the_same_edit_only_where_its_whole_line_is_the_same() {
        for (a, b) in [
            (("keep = true", "keep = false"), ("check = true", "check = false")),
            (("keep(True)", "keep(False)"), ("check(True)", "check(False)")),
            (("retries: 1", "retries: 0"), ("workers: 1", "workers: 0")),
            (("listen 8080;", "listen 80;"), ("limit 8080;", "limit 80;")),
            (("a = user", "a = 0"), ("b = user", "b = 0")),
            (("a = nil", "a = user"), ("b = nil", "b = user")),
            (("if not a", "if a"), ("if not b", "if b")),
            (("a = \"dev\"", "a = \"prod\""), ("b = \"dev\"", "b = \"prod\"")),
            (("a = 'x dev'", "a = 'x prod'"), ("b = 'x dev'", "b = 'x prod'")),
            (("f(dev, `dev`)", "f(prod, `prod`)"), ("g(dev, `dev`)", "g(prod, `prod`)")),
            (("a(\"\\\"dev\")", "a(\"\\\"prod\")"), ("b(\"\\\"dev\")", "b(\"\\\"prod\")")),
        ] {
            assert!(!is_same(a, b, false), "{a:?} {b:?}");
            assert!(is_same(a, a, false) && is_same(b, b, false), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_value_is_the_same_edit_only_at_the_same_place_and_a_name_at_any() {
        let ids = |old: &str, new: &str| {
            let pairs = [(old.as_bytes(), new.as_bytes())];
            let found = Replacement::of(&pairs).unwrap();
            ["dev:", "prod:"].map(|place| found.id(&pairs, true, || place.into()))
        };
        let [dev, prod] = ids("replicas: 3", "replicas: 1");
        assert!(dev != prod);
        let [dev, prod] = ids("replicas: 3", "count: 3");
        assert!(dev == prod);
    }

    #[test]
    fn a_name_is_the_same_edit_on_any_line_and_in_data_only_as_a_key() {
        for (a, b, as_data) in [
            (("let user = 1;", "let account = 1;"), ("f(\"x\", user)", "f(\"x\", account)"), true),
            (("user: a", "account: a"), ("user: b", "account: b"), true),
            (("[user]", "[account]"), ("[user.b]", "[account.b]"), true),
            (("a: user", "a: account"), ("b: user", "b: account"), false),
            (("a = user", "a = account"), ("b = user", "b = account"), false),
            (("- user", "- account"), ("  - user", "  - account"), false),
        ] {
            assert!(is_same(a, b, false), "{a:?} {b:?}");
            assert_eq!(is_same(a, b, true), as_data, "{a:?} {b:?}");
        }
    }

    proptest! {
        /// Any replacement found turns every old line into the new one.
        #[test]
        fn what_is_found_is_all_that_changed(
            pairs in prop::collection::vec(("[ab (.]{0,8}", "[abc (.]{0,8}"), 1..4),
        ) {
            let lines: Vec<_> = pairs.iter().map(|(old, new)| (old.as_bytes(), new.as_bytes())).collect();
            if let Some(found) = Replacement::of(&lines) {
                let (gone, come) = (tokens(&found.old), tokens(&found.new));
                for (old, new) in lines {
                    let (mut left, mut made) = (&tokens(old)[..], Vec::new());
                    while let Some((first, rest)) = left.split_first() {
                        match left.strip_prefix(&gone[..]) {
                            Some(after) => { made.extend(&come); left = after; }
                            None => { made.push(*first); left = rest; }
                        }
                    }
                    prop_assert_eq!(made.concat(), new);
                }
            }
        }
    }
}
