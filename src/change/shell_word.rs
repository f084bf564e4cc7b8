//! A text as one word of a shell's command line.

use std::path::Path;

use crate::change::visible;

/// A word that sh, bash, zsh and fish read back as this text; without quotes if none are needed. A backslash stands
/// outside of the quotes: fish reads one between them as an escape.
pub fn shell_word(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut word = String::new();
    for part in text.split_inclusive(['\'', '\\']) {
        let quoted = part.strip_suffix(['\'', '\\']).unwrap_or(part);
        if !quoted.is_empty() {
            word.push_str(&format!("'{quoted}'"));
        }
        let escaped = &part[quoted.len()..];
        if !escaped.is_empty() {
            word.push_str(&format!("\\{escaped}"));
        }
    }
    if word.is_empty() { "''".to_owned() } else { word }
}

/// Whether all of these shells read the text as itself. zsh looks up a program behind a leading `=`, and fish has
/// `%self`; braces must be around a single name.
fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-{}".contains(c);
    let is_name = |inner: &str| inner.chars().all(|c| c.is_ascii_alphanumeric() || ":_-".contains(c));
    let mut open = text.split('{');
    let has_names = !open.next().is_some_and(|before| before.contains('}'))
        && open.all(|own| own.split_once('}').is_some_and(|(name, rest)| is_name(name) && !rest.contains('}')));
    !text.is_empty() && text.chars().all(is_plain) && !text.starts_with(['=', '%']) && has_names
}

/// A name that a repository, a server or the command line chose, in a command that is printed to be pasted. It is
/// escaped for the screen first: what is pasted then may name nothing, but runs nothing of its own.
pub fn shown_word(name: &str) -> String {
    shell_word(&visible::text(name))
}

/// The same as an operand, before or after the options of a command: git would take `--upload-pack=x` for an option,
/// however it is quoted.
pub fn shown_operand(name: &str) -> String {
    let end = if name.starts_with('-') { "-- " } else { "" };
    format!("{end}{}", shown_word(name))
}

/// The same for a path.
pub fn shown_path(path: &Path) -> String {
    shell_word(&visible::line(path.as_os_str().as_encoded_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_something_else() {
        for (text, word) in [
            ("refs/heads/main", "refs/heads/main"),
            ("{input:sql}", "{input:sql}"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            (r"a\b", r"'a'\\'b'"),
            (r"\'", r"\\\'"),
            ("=ls", "'=ls'"),
            ("%self", "'%self'"),
            ("a}", "'a}'"),
            ("--input={sql}", "--input={sql}"),
            ("x;$(id)", "'x;$(id)'"),
            ("{a,b}", "'{a,b}'"),
            ("{1..3}", "'{1..3}'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn what_a_repository_chose_is_one_harmless_word_of_a_command_to_paste() {
        for (name, word) in [
            ("origin", "origin"),
            ("x;id", "'x;id'"),
            ("$(id)`id`", "'$(id)`id`'"),
            ("a'; id; '", r"'a'\''; id; '\'"),
            ("a\nid", "'a␊id'"),
            ("\u{1b}[2J", "'␛[2J'"),
        ] {
            assert_eq!(shown_word(name), word);
            assert_eq!((shown_path(Path::new(name)), shown_operand(name)), (word.to_owned(), word.to_owned()));
        }
        assert_eq!(shown_operand("--upload-pack=touch x"), "-- '--upload-pack=touch x'");
    }
}
