//! A text as one word of a shell's command line.

/// A word that every POSIX shell reads back as this text; without quotes if none are needed.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-{}".contains(c);
    // Inside braces, a comma or two dots make several words.
    let is_list = text.contains('{') && (text.contains(',') || text.contains(".."));
    if !text.is_empty() && text.chars().all(is_plain) && !is_list {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
