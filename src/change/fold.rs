//! Names compared without regard to letter case, Unicode form, and blanks.

use unicode_normalization::UnicodeNormalization as _;

use super::visible;

/// A name without the differences that readers do not see: letter case, Unicode compatibility forms, blanks, and
/// characters without a glyph. Letters of different scripts stay different, however similar they look.
pub fn folded(name: &str) -> String {
    let shows = |c: &char| !c.is_whitespace() && !visible::is_hidden(*c) && !visible::is_odd_blank(*c);
    let cased = name.nfkc().filter(shows).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    cased.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn letter_case_unicode_form_and_blanks_fold_and_letters_do_not() {
        for same in ["DANA", " dana ", "d\u{200B}ana", "ｄａｎａ", "da\u{A0}na", "da\u{AD}na"] {
            assert_eq!(folded(same), "dana", "{same:?}");
        }
        assert_eq!(folded("STRASSE"), folded("straße"));
        assert_eq!(folded("J\u{F6}rg"), folded("jO\u{308}rg"));
        assert_eq!(folded("\u{212A}ai"), "kai", "the sign for Kelvin is a K");
        for other in ["dena", "d.ana", "dаna"] {
            assert_ne!(folded(other), "dana", "{other:?}");
        }
    }
}
