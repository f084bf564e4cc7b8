//! A text as one word of a shell's command line.

use std::path::Path;

use crate::change::visible;

/// A word that POSIX shells, zsh and fish read back as this text; without quotes if none are needed. A backslash is
/// never within quotes, where it means something in fish alone.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-{}".contains(c);
    // Inside braces, a comma or two dots make several words.
    let is_list = text.contains('{') && (text.contains(',') || text.contains(".."));
    // zsh puts the path of a program in the place of `=ls`, and shells with jobs take `%1` for one.
    let is_special = text.starts_with(['=', '%']);
    if text.is_empty() {
        return "''".to_owned();
    }
    if text.chars().all(is_plain) && !is_list && !is_special {
        return text.to_owned();
    }
    let mut word = String::new();
    for piece in text.split_inclusive(['\'', '\\']) {
        let (plain, mark) = piece.split_at(piece.find(['\'', '\\']).unwrap_or(piece.len()));
        if !plain.is_empty() {
            word.extend(["'", plain, "'"]);
        }
        if !mark.is_empty() {
            word.extend(["\\", mark]);
        }
    }
    word
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
            ("x;$(id)", "'x;$(id)'"),
            ("{a,b}", "'{a,b}'"),
            ("{1..3}", "'{1..3}'"),
            ("=ls", "'=ls'"),
            (r"a\' b", r"'a'\\\'' b'"),
            (r"\", r"\\"),
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
