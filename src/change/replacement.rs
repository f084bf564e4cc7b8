//! Whether lines changed by nothing but one run of words that was replaced by another, wherever it stood in them.

use super::digest::Digest;

/// Lines of one hunk that are looked at; a longer one is read on its own.
const MAX_LINES: usize = 200;
/// Bytes of a line that is looked at.
const MAX_LINE: usize = 2_000;
/// Words and other characters that are replaced, and that stand in their place.
const MAX_TOKENS: usize = 6;
/// Bytes of either.
const MAX_BYTES: usize = 80;

/// What was replaced, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// What was there; never empty.
    pub old: Vec<u8>,
    /// Empty where it was only taken out.
    pub new: Vec<u8>,
}

/// Names a replacement: half of a SHA-256, so that nobody makes another with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplacementId([u8; 16]);

impl Replacement {
    /// The one replacement that makes every old line the new one beside it; none where there is none, or more to it.
    pub fn of(pairs: &[(&[u8], &[u8])]) -> Option<Replacement> {
        let (old, new) = pairs.first()?;
        if pairs.len() > MAX_LINES || pairs.iter().any(|(old, new)| old.len().max(new.len()) > MAX_LINE) {
            return None;
        }
        let (old, new) = (tokens(old), tokens(new));
        let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        // What is longest may be the replacement of more than one thing; what is shortest is tried first.
        let sizes = (1..=MAX_TOKENS).flat_map(|from| (0..=MAX_TOKENS).map(move |to| (from, to)));
        let candidates = sizes.filter_map(|(from, to)| {
            let (gone, come) = (old.get(start..start + from)?, new.get(start..start + to)?);
            // The rest goes on alike, or this is not where it ends.
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

    /// The same for the same pair of texts, in whatever file it is found.
    pub fn id(&self) -> ReplacementId {
        let text = [&self.old.len().to_be_bytes()[..], &self.old, &self.new].concat();
        let mut id = [0; 16];
        id.copy_from_slice(&Digest::of(&text).0[..16]);
        ReplacementId(id)
    }
}

/// Whether a line becomes another by replacing something everywhere it stands, and it stands there at all.
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

/// Words, and every other byte on its own.
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
    fn a_word_that_stays_somewhere_on_the_line_makes_it_another_replacement() {
        assert_eq!(found(&[("f(user, user)", "f(account, user)")]), Some(("user,".to_owned(), "account,".to_owned())));
    }

    proptest! {
        /// Whatever is found turns every old line into the new one.
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
