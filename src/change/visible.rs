//! The only place where untrusted bytes become text that may be shown: control characters, escape sequences, bidi and
//! zero-width characters become visible marks. Nothing else in the program may print text that does not come from here.

mod hidden;

use std::borrow::Cow;

pub use hidden::{hidden, hidden_in, hidden_in_line, is_hidden};

/// C0, DEL and C1. Tab counts as a control character too; expand tabs before calling this.
pub fn is_control(c: char) -> bool {
    c.is_control()
}

/// Characters that reorder what follows (Trojan Source): U+202A–E, U+2066–9, and the marks U+200E, U+200F, U+061C.
pub fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// Blanks that look like the ASCII one but differ from it: in code they are not whitespace.
pub fn is_odd_blank(c: char) -> bool {
    matches!(c, '\u{00A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}')
}

/// The visible mark of a hidden character: `␛` for escape and similar ones, `<U+202E>` for the rest.
pub fn mark(c: char) -> Cow<'static, str> {
    match c as u32 {
        code @ 0..=0x1F => char::from_u32(0x2400 + code).map_or(Cow::Borrowed("?"), |c| Cow::Owned(c.to_string())),
        0x7F => Cow::Borrowed("␡"),
        code => Cow::Owned(format!("<U+{code:04X}>")),
    }
}

/// The mark of a byte that is not UTF-8: `<FF>`.
pub fn byte_mark(byte: u8) -> String {
    format!("<{byte:02X}>")
}

/// One line of untrusted bytes as text for a screen, a log or a message to a person.
pub fn line(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push_text(chunk.valid(), &mut out);
        chunk.invalid().iter().for_each(|&byte| out.push_str(&byte_mark(byte)));
    }
    out
}

/// As [`line()`], for text; returned unchanged if it contains nothing hidden. Characters that shape visible ones stay:
/// an emoji remains an emoji.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) && hidden(text).next().is_some() {
        let mut out = String::with_capacity(text.len() + 8);
        push_text(text, &mut out);
        Cow::Owned(out)
    } else {
        Cow::Borrowed(text)
    }
}

/// As [`text()`], with line feeds kept and tabs as two spaces: for messages and reasons of several lines.
pub fn lines(text: &str) -> String {
    text.lines().map(|l| self::text(&l.replace('\t', "  ")).into_owned()).collect::<Vec<_>>().join("\n")
}

/// A text in a Markdown fence that it cannot close, escaped as [`lines()`]; ends with a line feed.
pub fn fenced(text: &str, info: &str) -> String {
    let text = lines(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{info}\n{text}\n{fence}\n")
}

/// A text as code within a line of Markdown, which it cannot end; escaped as [`text()`].
pub fn code_span(text: &str) -> String {
    let text = self::text(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A backtick beside the fence would be a part of it.
    let blank = if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

fn push_text(text: &str, out: &mut String) {
    let mut from = 0;
    for (at, c) in hidden(text) {
        out.push_str(&text[from..at]);
        out.push_str(&mark(c));
        from = at + c.len_utf8();
    }
    out.push_str(&text[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_shows_every_text_as_it_is_and_none_ends_it() {
        for (text, span) in [
            ("a.rs", "`a.rs`"),
            ("a`b", "``a`b``"),
            ("`a``b`.py", "``` `a``b`.py ```"),
            ("", "`  `"),
            ("a\n`b", "``a␊`b``"),
        ] {
            assert_eq!(code_span(text), span);
        }
    }

    #[test]
    fn what_would_act_or_hide_is_drawn() {
        assert_eq!(line(b"a\x1b[31mb\x07"), "a␛[31mb␇");
        assert_eq!(line("x\u{202E}y\u{200B}z\u{9b}".as_bytes()), "x<U+202E>y<U+200B>z<U+009B>");
        assert_eq!(line(b"caf\xe9\xff"), "caf<E9><FF>");
        assert_eq!(text("plain ✓ 漢字"), "plain ✓ 漢字");
    }

    #[test]
    fn what_is_well_formed_is_drawn_as_it_is_meant() {
        for plain in ["⚡\u{FE0F} faster", "👩\u{200D}🚀", "👨\u{200D}👩\u{200D}👧", "می\u{200C}خواهم", "葛\u{E0100}城"]
        {
            assert_eq!(text(plain), plain);
            assert_eq!(line(plain.as_bytes()), plain);
        }
        assert_eq!(text("a\u{FE0F} x\u{200D}y ⚡\u{FE0F}\u{FE0F}"), "a<U+FE0F> x<U+200D>y ⚡\u{FE0F}<U+FE0F>");
        assert_eq!(text("👩\u{200D} \u{202E}x"), "👩<U+200D> <U+202E>x");
    }

    #[test]
    fn a_fenced_text_stays_in_its_fence() {
        assert_eq!(fenced("a\n```\nb\u{1b}", "text"), "````text\na\n```\nb␛\n````\n");
        assert_eq!(fenced("", ""), "```\n\n```\n");
    }

    proptest::proptest! {
        #[test]
        fn no_control_character_survives(bytes: Vec<u8>) {
            let shown = line(&bytes);
            proptest::prop_assert!(!shown.chars().any(is_control) && hidden(&shown).next().is_none());
        }

        /// Characters that shape others are hidden or not by what is beside them: that is what is drawn, not what was.
        #[test]
        fn what_is_drawn_is_drawn_the_same_again(
            text in "[ab\u{644}\u{627}\u{915}\u{94D}\u{E01}\u{845B}\u{1F469}\u{1F680}\u{2764}\u{1F3F4}\u{1F3FB}\
                     \u{200B}-\u{200D}\u{FE0E}\u{FE0F}\u{E0100}\u{E0067}\u{E007F}\u{A8FA}]{0,12}",
        ) {
            let shown = super::text(&text).into_owned();
            proptest::prop_assert_eq!(super::text(&shown), &*shown, "{:?}", text);
        }
    }
}
