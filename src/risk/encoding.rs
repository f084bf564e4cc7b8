//! Texts that are not UTF-8, for those who parse them: one byte in a comment must not hide the rest of a file.

/// A text with each byte that is not UTF-8 as the character of Latin-1 that has its number: lines stay, and what
/// differs still differs.
pub(super) fn decoded(text: &[u8]) -> String {
    let mut decoded = String::with_capacity(text.len() + text.len() / 8);
    for chunk in text.utf8_chunks() {
        decoded.push_str(chunk.valid());
        decoded.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    decoded
}

/// Whether a byte that is not UTF-8 comes before a sign of code. In Shift-JIS, GBK and Big5 the sign may be the second
/// byte of a letter: a backslash that escapes nothing, a brace that closes nothing.
pub(super) fn may_be_misread(text: &[u8]) -> bool {
    let is_sign = |byte: &u8| matches!(byte, b'\\' | b'`' | b'{' | b'|' | b'}' | b'[' | b']');
    let mut at = 0;
    text.utf8_chunks().any(|chunk| {
        at += chunk.valid().len() + chunk.invalid().len();
        !chunk.invalid().is_empty() && text.get(at).is_some_and(is_sign)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_latin_1_keeps_its_lines_and_its_words() {
        assert_eq!(decoded(b"a\n# Gr\xfc\xdfe\nb\n"), "a\n# Gr\u{fc}\u{df}e\nb\n");
        assert_eq!(decoded("Gr\u{fc}\u{df}e \u{6f22}".as_bytes()), "Gr\u{fc}\u{df}e \u{6f22}");
        assert_ne!(decoded(b"\xfc"), decoded(b"\xe4"));
    }

    #[test]
    fn only_where_a_sign_may_be_half_of_a_letter_may_a_text_be_misread() {
        assert!(may_be_misread(b"x = \"\x95\\\"\n"));
        assert!(!may_be_misread(b"# Gr\xfc\xdfe\nx = {}\n"));
        assert!(!may_be_misread("# Gr\u{fc}\u{df}e \\".as_bytes()));
    }
}
