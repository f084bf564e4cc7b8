//! Converts text in UTF-16 and UTF-32 with a byte order mark to UTF-8, to be compared and examined like all other text.

/// The encoding of such a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-16, little-endian: mark FF FE.
    Utf16Le,
    /// UTF-16, big-endian: mark FE FF.
    Utf16Be,
    /// UTF-32, little-endian: mark FF FE 00 00.
    Utf32Le,
    /// UTF-32, big-endian: mark 00 00 FE FF.
    Utf32Be,
}

impl Encoding {
    /// Its name for people: `UTF-16 (little-endian)` and the like.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf16Le => "UTF-16 (little-endian)",
            Encoding::Utf16Be => "UTF-16 (big-endian)",
            Encoding::Utf32Le => "UTF-32 (little-endian)",
            Encoding::Utf32Be => "UTF-32 (big-endian)",
        }
    }
}

/// This many consecutive plain-text bytes in a text in UTF-16 make it a different text for programs that read bytes.
const OTHER_TEXT: usize = 8;

/// Whether a byte order mark says that it is not UTF-8. The one of UTF-32 (little-endian) begins like the one of
/// UTF-16.
pub fn is_marked(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\0\0\xfe\xff")
}

/// The text, without its mark. None if it has no mark, if any of it is invalid, or if its bytes contain a piece of
/// plain text: a shell would read that, and a reader of the characters would not see it.
pub fn decoded(bytes: &[u8]) -> Option<(Encoding, String)> {
    utf_32(bytes).or_else(|| utf_16(bytes))
}

/// Whether [`decoded`] returns a text, without keeping it in memory.
pub fn is_decodable(bytes: &[u8]) -> bool {
    is_marked(bytes) && decoded(bytes).is_some()
}

/// The units of an invalid text among which one may be invalid.
const FEW: usize = 16;

/// The text of bytes that say they are UTF-16 or UTF-32 and nearly are: what is invalid is U+FFFD in it. For people and
/// rules; programs take it differently. None if there is more that is invalid, or if it is valid.
pub fn mostly(bytes: &[u8]) -> Option<String> {
    let (units, rest): (Vec<Option<char>>, _) = match bytes {
        [0xFF, 0xFE, 0, 0, text @ ..] => units_of_32(text, u32::from_le_bytes),
        [0, 0, 0xFE, 0xFF, text @ ..] => units_of_32(text, u32::from_be_bytes),
        [0xFF, 0xFE, text @ ..] => units_of_16(text, u16::from_le_bytes),
        [0xFE, 0xFF, text @ ..] => units_of_16(text, u16::from_be_bytes),
        _ => return None,
    };
    let invalid = units.iter().filter(|unit| unit.is_none()).count() + usize::from(rest);
    let text = units.iter().map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>();
    let end = if rest { "\u{FFFD}" } else { "" };
    (invalid > 0 && invalid * FEW <= units.len()).then(|| text + end)
}

/// The characters of UTF-32, and whether bytes are left over.
fn units_of_32(text: &[u8], read: fn([u8; 4]) -> u32) -> (Vec<Option<char>>, bool) {
    let (units, rest) = text.as_chunks::<4>();
    (units.iter().map(|unit| char::from_u32(read(*unit))).collect(), !rest.is_empty())
}

/// The characters of UTF-16, and whether a byte is left over.
fn units_of_16(text: &[u8], read: fn([u8; 2]) -> u16) -> (Vec<Option<char>>, bool) {
    let (units, rest) = text.as_chunks::<2>();
    (char::decode_utf16(units.iter().map(|unit| read(*unit))).map(Result::ok).collect(), !rest.is_empty())
}

fn utf_32(bytes: &[u8]) -> Option<(Encoding, String)> {
    let (encoding, read): (_, fn([u8; 4]) -> u32) = match bytes.get(..4)? {
        b"\xff\xfe\0\0" => (Encoding::Utf32Le, u32::from_le_bytes),
        b"\0\0\xfe\xff" => (Encoding::Utf32Be, u32::from_be_bytes),
        _ => return None,
    };
    let (units, rest) = bytes[4..].as_chunks::<4>();
    let text = units.iter().map(|unit| char::from_u32(read(*unit))).collect::<Option<String>>()?;
    rest.is_empty().then_some((encoding, text))
}

fn utf_16(bytes: &[u8]) -> Option<(Encoding, String)> {
    let (encoding, read): (_, fn([u8; 2]) -> u16) = match bytes.get(..2)? {
        b"\xff\xfe" => (Encoding::Utf16Le, u16::from_le_bytes),
        b"\xfe\xff" => (Encoding::Utf16Be, u16::from_be_bytes),
        _ => return None,
    };
    let (units, rest) = bytes[2..].as_chunks::<2>();
    let text = char::decode_utf16(units.iter().map(|unit| read(*unit))).collect::<Result<String, _>>().ok()?;
    (rest.is_empty() && !holds_other_text(units, read)).then_some((encoding, text))
}

/// Whether several consecutive units are plain text byte by byte. Kana alone may be: every other byte of them is `0`.
fn holds_other_text(units: &[[u8; 2]], read: fn([u8; 2]) -> u16) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..0x7F);
    let is_kana = |unit: &[u8; 2]| (0x3000..0x3100).contains(&read(*unit));
    let mut run: Vec<[u8; 2]> = Vec::new();
    units.iter().any(|unit| {
        if unit.iter().all(|&byte| is_plain(byte)) {
            run.push(*unit);
        } else {
            run.clear();
        }
        let last = &run[run.len().saturating_sub(OTHER_TEXT / 2)..];
        last.len() == OTHER_TEXT / 2 && !last.iter().all(is_kana)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(encoding: Encoding, text: &str) -> Vec<u8> {
        let text = format!("\u{FEFF}{text}");
        let wide = |to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect();
        let widest = |to: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| to(c as u32)).collect();
        match encoding {
            Encoding::Utf16Le => wide(u16::to_le_bytes),
            Encoding::Utf16Be => wide(u16::to_be_bytes),
            Encoding::Utf32Le => widest(u32::to_le_bytes),
            Encoding::Utf32Be => widest(u32::to_be_bytes),
        }
    }

    const ALL: [Encoding; 4] = [Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Utf32Le, Encoding::Utf32Be];

    #[test]
    fn text_with_a_mark_is_read_in_each_of_its_forms() {
        for encoding in ALL {
            for text in
                ["", "rm -rf /\r\n", "Привет\n", "漢字を読む\nかなだけのぎょうもある\n", "👩\u{200D}🚀 e\u{301}", "x\0"]
            {
                assert_eq!(decoded(&written(encoding, text)), Some((encoding, text.to_owned())), "{encoding:?} {text}");
            }
        }
    }

    #[test]
    fn what_is_invalid_or_has_no_mark_is_no_text() {
        let bytes: &[&[u8]] = &[
            b"",
            b"\xff",
            b"a\0b\0",
            b"\xff\xfea",
            b"\xff\xfe\0\xd8",
            b"\xff\xfe\0\xd8a\0",
            b"\xfe\xff\xdc\0",
            b"\0\0\xfe\xff\0\x11\0\0",
            b"\0\0\xfe\xff\0\0\xd8\0",
            b"\0\0\xfe\xff\0",
            b"\xef\xbb\xbfa",
        ];
        for bytes in bytes {
            assert_eq!(decoded(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_a_shell_would_read_in_the_same_bytes_is_not_hidden_behind_characters() {
        for text in [&b"\nrm -rf ~\n"[..], b"#!/bin/sh\n", b"\nreboot\n"] {
            for mark in [b"\xff\xfe", b"\xfe\xff"] {
                assert_eq!(decoded(&[mark, text].concat()), None, "{text:?}");
                assert_eq!(decoded(&[mark, &b"a\0"[..], text, b"b\0"].concat()), None, "{text:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_left(bytes: Vec<u8>) {
            for mark in [&b"\xff\xfe"[..], b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff"] {
                let bytes = [mark, &bytes].concat();
                if let Some((encoding, text)) = decoded(&bytes) {
                    proptest::prop_assert_eq!(written(encoding, &text), bytes);
                }
            }
        }
    }
}
