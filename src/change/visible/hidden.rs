//! What is invisible in a text: the only definition, for drawing, for risk rules and for the gate.
//!
//! A character is invisible if it has no glyph of its own by Unicode's data, unless it shapes visible characters around
//! it: inside an emoji (UTS 51), as a joiner between letters (UAX 31, 2.3), as the selector of a variant that Unicode
//! lists, or between words of scripts that are written without blanks.

use std::sync::LazyLock;

use regex_syntax::hir::{self, Hir, HirKind};
use unicode_joining_type::{JoiningType, get_joining_type};

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
/// Before a final A or E of Mongolian, whose form it selects.
const VOWEL_SEPARATOR: char = '\u{180E}';
/// Variation selectors 15 and 16: as text, as a picture.
const AS_TEXT: char = '\u{FE0E}';
const AS_PICTURE: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';
const BYTE_ORDER_MARK: char = '\u{FEFF}';
/// Selectors of variants of ideographs in actual use: of 240, those that registered collections need. An ASCII letter
/// encoded as a selector is outside of this range.
const OF_IDEOGRAPHS: std::ops::RangeInclusive<char> = '\u{E0100}'..='\u{E011F}';
/// The most variants of ideographs in a text (usually a line): names have one or two, a payload has many.
const MOST_VARIANTS: usize = 16;
/// A possible line break between words.
const BREAK: char = '\u{200B}';
/// The most pictures joined into one: a family of four is the longest in common use.
const MOST_JOINED: usize = 4;

/// Controls, formats, separators of lines and paragraphs, private use, what is ignorable by default (fillers, variation
/// selectors, tags and more), and letters and signs that are drawn as a blank: braille, an object that is not there,
/// two hieroglyphs, the Khitan filler, the null notehead. Signs that enclose digits are formats that show.
static HIDDEN: LazyLock<Class> = LazyLock::new(|| {
    Class::of(
        r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}
           \x{2800}\x{FFFC}\x{13441}\x{13442}\x{16FE4}\x{1D159}--\p{Prepended_Concatenation_Mark}]",
    )
});
/// Characters that joiners combine into one picture; not those that exist only as a part of one.
static PICTURE: LazyLock<Class> =
    LazyLock::new(|| Class::of(r"[\p{Emoji}--[\x00-\x7F\p{Emoji_Modifier}\p{Regional_Indicator}]]"));
/// The characters that have variants, by the selector that chooses one: as text and as a picture, for example. On any
/// other character a selector would be an invisible change.
static VARIANTS: LazyLock<Vec<(char, Class)>> = LazyLock::new(|| variants(include_str!("variants.txt")));
static IDEOGRAPH: LazyLock<Class> =
    LazyLock::new(|| Class::of(r"[\p{Unified_Ideograph}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"));
/// Scripts without blanks between words.
static UNSPACED: LazyLock<Class> = LazyLock::new(|| {
    Class::of(
        r"[[\p{L}\p{M}\p{N}]&&[\p{Khmer}\p{Thai}\p{Lao}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}
           \p{Javanese}\p{Balinese}]--\p{Default_Ignorable_Code_Point}]",
    )
});
/// Letters and marks whose form joiners affect.
static LETTER: LazyLock<Class> =
    LazyLock::new(|| Class::of(r"[\p{L}\p{M}--[\x00-\x7F\p{Grapheme_Link}\p{Default_Ignorable_Code_Point}]]"));
/// Letters of scripts in which a non-joiner divides words of their own, whether or not it changes a form: Persian, Urdu
/// and others spell `هزار‌ها`, `۱۰‌تا` and `CSS‌های` with it.
static ARABIC: LazyLock<Class> = LazyLock::new(|| Class::of(r"[\p{Arabic}&&\p{L}]"));
/// What may be on the other side of it.
static OF_WORD: LazyLock<Class> =
    LazyLock::new(|| Class::of(r"[[[\p{Arabic}\p{Latin}]&&\p{L}]\p{N}--\p{Default_Ignorable_Code_Point}]"));
/// The letter after which a non-joiner ends a word: Kurdish spells its vowel `ـه` so where nothing may join it.
const HEH: char = '\u{0647}';
/// The variant of zero with a short stroke, the only one of a digit.
const STROKED: char = '\u{FE00}';
/// Signs that build a group of hieroglyphs, and the two that begin and end one.
const BUILDS_GROUP: std::ops::RangeInclusive<char> = '\u{13430}'..='\u{13436}';
const GROUP: [char; 2] = ['\u{13437}', '\u{13438}'];
static HIEROGLYPH: LazyLock<Class> = LazyLock::new(|| Class::of(r"[\p{Egyptian_Hieroglyphs}&&\p{Lo}]"));
static SHORTHAND: LazyLock<Class> = LazyLock::new(|| Class::of(r"[\p{Duployan}&&\p{Lo}]"));
static MONGOLIAN: LazyLock<Class> = LazyLock::new(|| Class::of(r"[\p{Mongolian}&&\p{L}]"));
/// The signs that remove the vowel of a letter.
static VIRAMA: LazyLock<Class> = LazyLock::new(|| Class::of(r"\p{Grapheme_Link}"));

/// The three flags of parts of a country that all systems draw; others appear as a black flag with an invisible text.
const FLAGS: [&str; 3] = [
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];

/// A set of characters as sorted ranges, both ends included.
struct Class(Vec<(char, char)>);

impl Class {
    /// The characters of a regular expression's class (UTS 18): this uses the tables that `regex` contains anyway.
    fn of(class: &str) -> Class {
        let parsed = regex_syntax::ParserBuilder::new().ignore_whitespace(true).build().parse(class);
        match parsed.map(Hir::into_kind) {
            Ok(HirKind::Class(hir::Class::Unicode(set))) => {
                Class(set.iter().map(|range| (range.start(), range.end())).collect())
            }
            other => unreachable!("{class} is a class of characters: {other:?}"),
        }
    }

    fn contains(&self, c: char) -> bool {
        let after = self.0.partition_point(|&(start, _)| start <= c);
        after > 0 && c <= self.0[after - 1].1
    }
}

/// Reads [`VARIANTS`]: a selector on its own line, then characters and ranges of them on lines that begin with a blank.
fn variants(table: &str) -> Vec<(char, Class)> {
    let sign = |hex: &str| u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((sign(first)?, sign(last)?))
    };
    let mut found: Vec<(char, Class)> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        match found.last_mut() {
            Some((_, class)) if line.starts_with(' ') => class.0.extend(line.split_whitespace().filter_map(range)),
            _ => found.extend(sign(line.trim()).map(|selector| (selector, Class(Vec::new())))),
        }
    }
    found
}

/// A character that must not reach a terminal, or that would not be visible there, wherever it occurs.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        // Nearly all text: no need to search the ranges.
        return c.is_ascii_control();
    }
    HIDDEN.contains(c)
}

/// The invisible characters of a text in their context, with their byte positions. All control characters are included:
/// for names of files and refs, and for what is drawn.
pub fn hidden(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut variants = 0;
    let mut shown = move |at: usize, c: char| {
        variants += usize::from(OF_IDEOGRAPHS.contains(&c));
        variants <= MOST_VARIANTS && shapes(&text[..at], c, &text[at + c.len_utf8()..])
    };
    text.char_indices().filter(move |&(at, c)| is_hidden(c) && !shown(at, c))
}

/// As [`hidden`], in one line of a file, without its line feed: tabs, a carriage return at the end, a form feed at the
/// start and a byte order mark at the start of the file are normal in plain text, and icons of fonts in literals.
pub fn hidden_in_line(line: &str, is_first: bool) -> impl Iterator<Item = char> + '_ {
    let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first).unwrap_or(line);
    let is_habit = |at: usize, c: char| match c {
        '\t' => true,
        '\r' => at + 1 == line.len(),
        '\u{0C}' => at == 0,
        c => is_icon(&line[..at], c, &line[at + c.len_utf8()..]),
    };
    hidden(line).filter(move |&(at, c)| !is_habit(at, c)).map(|(_, c)| c)
}

/// Whether a character is an icon of a font, a literal of its own: `content: "\u{E900}"`. It is drawn as a mark all the
/// same: nobody knows what it looks like without the font. One beside others may be anything.
fn is_icon(before: &str, c: char, after: &str) -> bool {
    let is_private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}');
    is_private && ['"', '\''].iter().any(|quote| before.ends_with(*quote) && after.starts_with(*quote))
}

/// The number of invisible characters in a file's text.
pub fn hidden_in(text: &[u8]) -> usize {
    let lines = text.split(|&byte| byte == b'\n').enumerate();
    lines.map(|(index, line)| hidden_in_line(&String::from_utf8_lossy(line), index == 0).count()).sum()
}

/// Whether a character without a glyph shapes the text around it.
fn shapes(before: &str, c: char, after: &str) -> bool {
    match c {
        AS_TEXT | AS_PICTURE => selects(before, c, after),
        '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0D}' => selects(before, c, after),
        BREAK => before.ends_with(|c| UNSPACED.contains(c)) && after.starts_with(|c| UNSPACED.contains(c)),
        c if OF_IDEOGRAPHS.contains(&c) => before.ends_with(|c| IDEOGRAPH.contains(c)),
        ZWJ => joins_pictures(before, after) || joins_letters(before, c, after),
        ZWNJ => joins_letters(before, c, after) || divides_arabic(before, after) || ends_kurdish(before, after),
        VOWEL_SEPARATOR => separates_vowel(before, after),
        '\u{E0020}'..='\u{E007F}' => is_of_flag(before, c, after),
        c if GROUP.contains(&c) || BUILDS_GROUP.contains(&c) => builds_group(before, c, after),
        '\u{1BCA0}'..='\u{1BCA3}' => {
            before.ends_with(|c| SHORTHAND.contains(c)) && after.starts_with(|c| SHORTHAND.contains(c))
        }
        _ => false,
    }
}

/// A selector after a character that has the variant, or between a digit and the keycap around it. A zero has one in
/// numbers: in a word, a name would look like another one.
fn selects(before: &str, c: char, after: &str) -> bool {
    let is_of_number = || {
        let digits = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == STROKED);
        let is_of_word = |c: char| c.is_alphabetic() || c == '_' || is_hidden(c);
        !digits.ends_with(is_of_word) && !after.starts_with(|c: char| is_of_word(c) && !c.is_ascii_control())
    };
    before.chars().next_back().is_some_and(|base| match base {
        '0' if c == STROKED => is_of_number(),
        '0'..='9' | '#' | '*' => c == AS_PICTURE && after.starts_with(KEYCAP),
        base => VARIANTS.iter().any(|(selector, bases)| *selector == c && bases.contains(base)),
    })
}

/// A joiner between pictures, if there are not too many.
fn joins_pictures(before: &str, after: &str) -> bool {
    let mut rest = before;
    for _ in 1..MOST_JOINED {
        let Some(start) = without_picture(rest) else { return false };
        let Some(further) = start.strip_suffix(ZWJ) else {
            return after.starts_with(|next| PICTURE.contains(next));
        };
        rest = further;
    }
    false
}

/// The text before the picture at the end of a text, if there is one: possibly with a skin tone, or with a selector
/// that the picture has. Any other selector is drawn as a mark, and nothing joins a mark.
fn without_picture(text: &str) -> Option<&str> {
    let is_selected = |base: &&str| selects(base, AS_PICTURE, "");
    let text = match text.strip_suffix(AS_PICTURE) {
        Some(base) => Some(base).filter(is_selected)?,
        None => text.strip_suffix(|c| matches!(c, '\u{1F3FB}'..='\u{1F3FF}')).unwrap_or(text),
    };
    text.strip_suffix(|c| PICTURE.contains(c))
}

fn is_of_flag(before: &str, c: char, after: &str) -> bool {
    FLAGS.iter().any(|flag| {
        let stands = |(at, tag): (usize, char)| {
            tag == c && before.ends_with(&flag[..at]) && after.starts_with(&flag[at + tag.len_utf8()..])
        };
        flag.char_indices().any(stands)
    })
}

/// Between letters that join, where it changes their form; or beside a virama, where it selects the form of a cluster.
fn joins_letters(before: &str, c: char, after: &str) -> bool {
    let is_letter = |c: char| LETTER.contains(c);
    if let Some(cluster) = before.strip_suffix(|c| VIRAMA.contains(c)) {
        // At the end of a word, it keeps a virama visible where a font would draw another form of the letter.
        return cluster.ends_with(is_letter) && (c == ZWJ || after.starts_with(is_letter) || is_end_of_word(after));
    }
    if after.starts_with(|c| VIRAMA.contains(c)) {
        return before.ends_with(is_letter);
    }
    let joins_on = |left| matches!(left, JoiningType::LeftJoining | JoiningType::DualJoining);
    let is_joined = |right| matches!(right, JoiningType::RightJoining | JoiningType::DualJoining);
    neighbour(before.chars().rev()).map(get_joining_type).is_some_and(joins_on)
        && (c == ZWJ || neighbour(after.chars()).map(get_joining_type).is_some_and(is_joined))
}

/// Whether no word goes on, and nothing that is drawn as a mark.
fn is_end_of_word(after: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || LETTER.contains(c) || VIRAMA.contains(c);
    !after.starts_with(|c: char| goes_on(c) || (is_hidden(c) && !c.is_ascii_control()))
}

/// After a heh of Arabic, at the end of a word.
fn ends_kurdish(before: &str, after: &str) -> bool {
    before.ends_with(HEH) && is_end_of_word(after)
}

/// Between hieroglyphs or groups of them; at the start and the end of a group.
fn builds_group(before: &str, c: char, after: &str) -> bool {
    let [begins, ends] = GROUP;
    let (left, right) = (before.chars().next_back(), after.chars().next());
    let is_sign = |c: Option<char>| c.is_some_and(|c| HIEROGLYPH.contains(c));
    match c {
        c if c == begins => is_sign(right),
        c if c == ends => is_sign(left),
        _ => (is_sign(left) || left == Some(ends)) && (is_sign(right) || right == Some(begins)),
    }
}

/// The next letter or sign. Combining marks above and below do not count; what is drawn as a mark of its own does, and
/// is none.
fn neighbour(mut others: impl Iterator<Item = char>) -> Option<char> {
    let next = others.find(|c| is_hidden(*c) || get_joining_type(*c) != JoiningType::Transparent);
    next.filter(|c| !is_hidden(*c))
}

/// Between an Arabic letter and another letter or a digit. Never two in a row: the first is not a letter to the second.
fn divides_arabic(before: &str, after: &str) -> bool {
    let (Some(left), Some(right)) = (neighbour(before.chars().rev()), neighbour(after.chars())) else { return false };
    let is_word = OF_WORD.contains(left) && OF_WORD.contains(right);
    is_word && (ARABIC.contains(left) || ARABIC.contains(right))
}

/// Between a Mongolian letter, possibly with the selector of its form, and A or E.
fn separates_vowel(before: &str, after: &str) -> bool {
    let selector = before.char_indices().next_back().filter(|(_, c)| matches!(c, '\u{180B}'..='\u{180D}' | '\u{180F}'));
    let before = match selector {
        Some((at, c)) if selects(&before[..at], c, "") => &before[..at],
        _ => before,
    };
    before.ends_with(|c| MONGOLIAN.contains(c)) && after.starts_with(['\u{1820}', '\u{1821}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The invisible characters of a line in the middle of a file.
    fn found(line: &str) -> Vec<char> {
        hidden_in_line(line, false).collect()
    }

    #[test]
    fn what_has_no_glyph_is_found_wherever_it_hides() {
        let rows: &[(&str, &[char])] = &[
            ("a carriage return, over which the rest is drawn", &['\r']),
            ("other controls", &['\0', '\u{8}', '\u{B}', '\u{1B}', '\u{7F}', '\u{85}', '\u{9B}']),
            ("separators of lines", &['\u{2028}', '\u{2029}']),
            ("overrides and isolates", &['\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}']),
            ("direction marks", &['\u{200E}', '\u{200F}', '\u{61C}']),
            ("without width", &['\u{200B}', '\u{200C}', '\u{200D}', '\u{2060}', '\u{2064}', '\u{FEFF}']),
            ("soft hyphen and grapheme joiner", &['\u{AD}', '\u{34F}']),
            ("deprecated formats", &['\u{206A}', '\u{206F}']),
            ("interlinear annotation", &['\u{FFF9}', '\u{FFFA}', '\u{FFFB}', '\u{FFFC}']),
            ("fillers", &['\u{115F}', '\u{1160}', '\u{3164}', '\u{FFA0}', '\u{17B4}', '\u{180E}', '\u{16FE4}']),
            ("signs that are blank", &['\u{2800}', '\u{1D159}', '\u{1D173}', '\u{13441}', '\u{13442}']),
            ("selectors", &['\u{FE00}', '\u{FE0E}', '\u{FE0F}', '\u{E0100}', '\u{E01EF}', '\u{180B}']),
            ("tags", &['\u{E0001}', '\u{E0041}', '\u{E007F}']),
            ("shorthand and hieroglyph formats", &['\u{1BCA0}', '\u{13430}']),
            ("nothing that is agreed upon", &['\u{E000}', '\u{FDD0}', '\u{FFFE}', '\u{F0000}', '\u{10FFFF}']),
        ];
        for (what, characters) in rows {
            for &c in *characters {
                assert_eq!(found(&format!("let a{c}b = 1;")), [c], "{what}: U+{:04X}", c as u32);
            }
        }
    }

    #[test]
    fn what_people_write_in_their_scripts_and_with_pictures_is_not() {
        let rows = [
            ("plain", "\tlet café = \"漢字 ✓ \u{3000}\u{A0}\";"),
            ("a carriage return at the end", "line\r"),
            ("a page", "\u{C}"),
            ("a person at work, with a tone", "👩\u{200D}💻 👩🏽\u{200D}💻"),
            ("a family of four", "👨\u{200D}👩\u{200D}👧\u{200D}👦"),
            ("a kiss, and a heart on fire", "👩\u{200D}❤\u{FE0F}\u{200D}💋\u{200D}👨 ❤\u{FE0F}\u{200D}🔥"),
            ("pictures of signs, and signs of pictures", "⚠\u{FE0F} ⚡\u{FE0F} ✔\u{FE0F} ©\u{FE0E} ☎\u{FE0E}"),
            ("pictures that have a form as text", "🌍\u{FE0F} 🎧\u{FE0F} 🌍\u{FE0E} 🈚\u{FE0F}"),
            ("names in Japanese", "葛\u{E0100}城市 渡邉\u{E010E} 辻\u{E0101}"),
            ("Mongolian", "ᠮᠣᠩᠭᠤᠯ ᠪᠣᠯᠠ\u{180B} ᠭ\u{180B}"),
            ("Khmer", "សូម\u{200B}អរគុណ"),
            ("Thai and Lao", "ภาษา\u{200B}ไทย ສະ\u{200B}ບາຍ"),
            ("Burmese", "မြန်မာ\u{200B}စာ"),
            ("keycaps", "1\u{FE0F}\u{20E3} #\u{FE0F}\u{20E3}"),
            ("flags", "🇩🇪 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} 🏳\u{FE0F}\u{200D}🌈"),
            ("Persian", "می\u{200C}خواهم داده\u{200C}ها"),
            ("Persian after a letter that joins nothing on", "هزار\u{200C}ها کار\u{200C}ها"),
            ("Persian after digits and Latin", "۱۰\u{200C}تا 10\u{200C}تا CSS\u{200C}های"),
            ("a vowel of Mongolian apart", "ᠰᠠᠷ\u{180E}ᠠ"),
            ("Persian with marks between", "مِی\u{200C}ِخ"),
            ("an abbreviation in Persian", "ه\u{200D}.ش"),
            ("Hindi", "क्\u{200D}ष क्\u{200C}ष"),
            ("Sinhala", "ශ්\u{200D}රී"),
            ("Bengali", "র\u{200D}্যাম"),
            ("icons of fonts", ".a:before{content:\"\u{F113}\"} const icon = '\u{E900}'; [\"\u{F0001}\"]"),
            ("the end of a word in Telugu", "ఫైల్\u{200C} <a>ఫైల్\u{200C}</a> \"ఫైల్\u{200C}\"\tఫైల్\u{200C}\r"),
            ("the end of a word in Kannada and Malayalam", "ಫೈಲ್\u{200C} ഫയല്\u{200C},"),
            ("the end of a word in Sinhala and Hindi", "ෆයිල්\u{200C} विद्\u{200C}"),
            ("the end of a word in Kurdish", "ئه\u{200C}وه\u{200C} ئه\u{200C}وه\u{200C}، ئه\u{200C}"),
            ("a zero with a stroke", "x 0\u{FE00} 10\u{FE00}, 10\u{FE00}0\u{FE00}\r"),
            ("two hieroglyphs as one", "\u{13153}\u{13430}\u{133CF}"),
            ("hieroglyphs in a group", "\u{13437}\u{13153}\u{13431}\u{133CF}\u{13438}\u{13430}\u{133CF}"),
            ("shorthand", "\u{1BC02}\u{1BCA2}\u{1BC03}"),
            ("a sign over digits", "\u{600}١٢ \u{6DD}"),
        ];
        for (what, text) in rows {
            assert!(found(text).is_empty(), "{what}: {:?}", found(text));
        }
    }

    #[test]
    fn the_same_characters_out_of_their_places_are_found() {
        let rows = [
            ("a selector on a letter", "a\u{FE0F}", 1),
            ("a selector on a digit without keycap", "1\u{FE0F}2", 1),
            ("a selector on what is a picture anyway", "👩\u{FE0F} 🔥\u{FE0E}", 2),
            ("a selector of ideographs that no collection has", "葛\u{E0151}", 1),
            ("a second one", "葛\u{E0100}\u{E0101}", 1),
            ("one on a letter", "a\u{E0100} か\u{E0100}", 2),
            ("a Mongolian selector on what has no such variant", "ᠠ\u{180D} a\u{180B}", 2),
            ("a zero with another form, in a word and twice", "t0\u{FE00}ken 0\u{FE00}x 0\u{FE00}\u{FE00}", 4),
            ("another digit with that form", "1\u{FE00}", 1),
            ("icons beside others", "'\u{E900}\u{E901}' \"\u{E900} $\" '\u{E900}\" \u{E900}", 5),
            ("two joiners at the end of a word", "ఫైల్\u{200C}\u{200C} ئه\u{200C}\u{200C}", 4),
            ("a joiner before Latin and a digit", "ఫైల్\u{200C}x ఫైల్\u{200C}1", 2),
            ("a joiner between two viramas", "క్\u{200C}్", 1),
            ("hieroglyph formats elsewhere", "a\u{13430}b \u{13153}\u{13430}", 2),
            ("two of them", "\u{13153}\u{13430}\u{13430}\u{133CF}", 2),
            ("shorthand formats elsewhere", "a\u{1BCA0}b \u{1BC02}\u{1BCA0}", 2),
            ("two of those", "\u{1BC02}\u{1BCA0}\u{1BCA0}\u{1BC02}", 2),
            ("a break in Latin, and beside a blank", "a\u{200B}b ไทย\u{200B} ก\u{200B}\u{200B}ข", 4),
            ("a second selector", "⚠\u{FE0F}\u{FE0F}", 1),
            ("another selector on a picture", "⚠\u{FE01}", 1),
            ("bytes as selectors", "😀\u{E0101}\u{E0102}\u{FE05}", 3),
            ("a joiner after a picture", "👩\u{200D} x", 1),
            ("a joiner after a selector that is none of the picture's", "🚀\u{FE0F}\u{200D}🚀", 2),
            ("two joiners", "👩\u{200D}\u{200D}💻", 2),
            ("a fifth picture", "👩\u{200D}👩\u{200D}👩\u{200D}👩\u{200D}👩", 1),
            ("a flag that is nowhere drawn", "🏴\u{E0068}\u{E0069}\u{E007F}", 3),
            ("a flag without its end", "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}", 5),
            ("tags after the flag", "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}\u{E0061}", 1),
            ("a joiner in Latin", "a\u{200C}b é\u{200D}é", 2),
            ("a joiner at the end of a Persian word", "می\u{200C} x", 1),
            ("two joiners in Persian", "می\u{200C}\u{200C}خ", 2),
            ("another joiner after a letter that joins nothing on", "ر\u{200D}ر", 1),
            ("two after a letter that joins nothing on, and beside digits", "ر\u{200C}\u{200C}ر ۱\u{200C}۰", 3),
            ("a joiner of Persian beside a blank or a sign", "ر\u{200C} ر \u{200C}ر (\u{200C}ر", 3),
            ("a separator of Mongolian elsewhere", "ᠰᠠᠷ\u{180E}ᠰ a\u{180E}ᠠ ᠷ\u{180E}", 3),
            ("a joiner without a virama", "क\u{200D}ष", 1),
            ("a virama on nothing", "x्\u{200D}ष", 1),
            ("a page in the middle", "x\u{C}", 1),
            ("a carriage return before the end", "safe()\rrm()\r", 1),
            ("two at the end", "x\r\r", 1),
            ("a mark of byte order in the middle of a file", "\u{FEFF}x", 1),
        ];
        for (what, text, count) in rows {
            assert_eq!(found(text).len(), count, "{what}");
        }
        assert_eq!(hidden("a\tb\r").count(), 2, "a name holds neither");
    }

    #[test]
    fn a_payload_that_is_spread_over_ideographs_is_found() {
        let spread: String = (0..64).map(|n| format!("字{}", char::from_u32(0xE0100 + n % 16).unwrap())).collect();
        assert_eq!(found(&spread).len(), 64 - MOST_VARIANTS);
        let bytes: String = "rm -rf /".bytes().map(|b| char::from_u32(0xE0100 + u32::from(b) - 16).unwrap()).collect();
        assert_eq!(found(&format!("字{bytes}")).len(), 8);
    }

    #[test]
    fn the_table_of_variants_is_read_whole() {
        let selectors: Vec<u32> = VARIANTS.iter().map(|(selector, _)| *selector as u32).collect();
        assert_eq!(selectors, [0x180B, 0x180C, 0x180D, 0xFE00, 0xFE01, 0xFE02, 0xFE0E, 0xFE0F]);
        let count = |at: usize| VARIANTS[at].1.0.iter().map(|(a, b)| *b as u32 - *a as u32 + 1).sum::<u32>();
        assert_eq!((count(0), count(3), count(7)), (40, 1042, 342));
        assert!(VARIANTS.iter().all(|(_, class)| class.0.is_sorted()));
    }

    #[test]
    fn a_mark_of_byte_order_starts_a_file_and_nothing_else() {
        assert_eq!(hidden_in("\u{FEFF}one\r\ntwo\r\n".as_bytes()), 0);
        assert_eq!(hidden_in("\u{FEFF}\u{FEFF}one\n\u{FEFF}two\n".as_bytes()), 2);
        assert_eq!(hidden_in(b"caf\xe9\r\nold\rnew\n"), 1);
    }
}
