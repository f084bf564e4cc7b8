//! Characters that reorder, hide or control text: in added lines and in the path itself.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::left_over::is_prose;
use super::unescaped;
use crate::change::diff::Side;
use crate::change::visible;
use crate::risk::blast::{is_sample, is_test};
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let (mut found, mut imitations) = (Vec::new(), BTreeMap::new());
    let path = file.path();
    if visible::hidden(&path).next().is_some() {
        found.extend(rules.of_check("path.hidden", file, Side::New, 0, &path));
    }
    // Text for people mixes alphabets; names for machines do not.
    let is_text = is_test(&path) || is_sample(&path) || path.split('/').any(|part| TEXTS.contains(&part));
    let is_code = !is_text && !is_prose(&path);
    // A formatter that moves a line hides nothing.
    let is_new = |number: &u32, line: &str| line.is_ascii() || file.news(Side::New).is_said(*number);
    let written = unescaped::Written::of_path(&path).filter(|_| !is_text);
    for (number, line) in file.added().iter().filter(|(number, line)| is_new(number, line)) {
        if let Some(title) = written.and_then(|written| written.hidden_in(line, &quoted(line))) {
            let found = rules.of_check("uni.confusable", file, Side::New, *number, line);
            imitations.entry(title.clone()).or_insert(found.map(|found| Finding { title, ..found }));
        }
        for (what, title, severity) in odd_in_code(line).into_iter().filter(|_| is_code) {
            let id = if severity == Severity::Low { "uni.invisible" } else { "uni.confusable" };
            let found = rules.of_check(id, file, Side::New, *number, line);
            imitations.entry(what).or_insert(found.map(|found| Finding { title, severity, ..found }));
        }
        let is_comment = || file.stated(Side::New).is_some_and(|stated| stated.comments.contains(number));
        if let Some((word, seems)) = imitation(line).filter(|_| !is_text && !is_comment()) {
            let found = rules.of_check("uni.confusable", file, Side::New, *number, line);
            let title = |found: &Finding| format!("{}: {word} is not {seems}", found.title);
            // One for each name, however often it occurs.
            let found = found.map(|found| Finding { title: title(&found), ..found });
            imitations.entry(word).or_insert(found);
        }
        let hidden: Vec<char> = visible::hidden_in_line(line, *number == 1).collect();
        let say = |id| rules.of_check(id, file, Side::New, *number, line);
        if hidden.iter().copied().any(reorders) {
            found.extend(say("uni.bidi"));
        } else if hidden.iter().copied().any(visible::is_control) {
            found.extend(say("term.escape"));
        } else if hidden.iter().copied().any(|c| !visible::is_bidi(c)) {
            found.extend(say("uni.invisible"));
        } else if !hidden.is_empty() {
            // A direction mark has little effect, and texts in Arabic and Hebrew need it.
            found.extend(say("uni.bidi").map(|finding| Finding { severity: Severity::Low, ..finding }));
        }
    }
    found.extend(imitations.into_values().flatten());
    found.extend(unescaped::encoding(file, rules).filter(|_| !is_text));
    found
}

/// Folders of texts in many languages.
const TEXTS: &[&str] = &["locale", "locales", "i18n", "l10n", "lang", "langs", "translations", "intl"];

/// Letters that look like an ASCII letter, in pairs with it.
const LOOK_ALIKE: &str = "аaеeоoрpсcуyхxіiјjѕsԁdһhӏlԛqԝwАAВBЕEКKМMНHОOРPСCТTУYХXІIЈJЅSԌGοoΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX";

/// The ASCII letter that a letter looks like.
fn looks_like(c: char) -> Option<char> {
    match c {
        // Full-width letters are the ASCII letters at an offset.
        '\u{FF21}'..='\u{FF3A}' | '\u{FF41}'..='\u{FF5A}' => char::from_u32(c as u32 - 0xFEE0),
        _ => {
            let mut letters = LOOK_ALIKE.chars();
            std::iter::from_fn(|| letters.next().zip(letters.next())).find(|(own, _)| *own == c).map(|(_, seems)| seems)
        }
    }
}

/// The first word of a line that is ASCII except for lookalike letters, and what it appears to be.
fn imitation(line: &str) -> Option<(String, String)> {
    if line.is_ascii() {
        return None;
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.split(|c: char| !is_name(c)).find_map(|word| {
        let seems: Option<String> = word.chars().map(|c| if c.is_ascii() { Some(c) } else { looks_like(c) }).collect();
        let is_mixed = word.chars().filter(char::is_ascii_alphabetic).count() > 1 && !word.is_ascii();
        seems.filter(|_| is_mixed).map(|seems| (word.to_owned(), seems))
    })
}

/// What of a line of code a compiler reads otherwise than people do: the thing itself, a title, and how grave it is.
fn odd_in_code(line: &str) -> Vec<(String, String, Severity)> {
    if line.is_ascii() {
        return Vec::new();
    }
    let quoted = quoted(line);
    let is_quoted = |at: usize| quoted.iter().any(|range| range.contains(&at));
    let mut found = Vec::new();
    for (at, word) in words(line) {
        let after = &line[at + word.len()..];
        // An interpolated string contains code.
        if is_quoted(at) && !after.starts_with('(') {
            continue;
        }
        if let Some(seems) = folded(word).filter(|_| !is_of_east_asian_text(line, at, word)) {
            let title = format!("Letters that a compiler may read as others: {word} is {seems}");
            found.push((word.to_owned(), title, Severity::High));
        } else if let Some(seems) = whole_imitation(line, word) {
            let title = format!("A name in letters of another alphabet: {word} is not {seems}");
            found.push((word.to_owned(), title, Severity::High));
        }
    }
    let is_comment = ["//", "#", "*", "/*", "--", ";"].iter().any(|start| line.trim_start().starts_with(start));
    for (at, c) in line.char_indices().filter(|(at, c)| !c.is_ascii() && !is_quoted(*at)) {
        let is_ascii = |c: char| c.is_ascii() && c != ' ';
        let follows = line[..at].ends_with(is_ascii);
        let seems = SIGNS.iter().find(|(sign, _)| *sign == c).filter(|_| follows);
        if let Some((_, seems)) = seems {
            let title =
                format!("A character that is not the sign that it looks like: {} is not {seems}", code_point(c));
            found.push((c.to_string(), title, Severity::High));
        }
        // The wide blank divides words of East Asian text.
        let is_wide = c == '\u{3000}' && follows && line[at + c.len_utf8()..].starts_with(is_ascii);
        if (visible::is_odd_blank(c) || is_wide) && !is_comment {
            let title = format!("A blank that no compiler takes for one: {}", code_point(c));
            found.push((c.to_string(), title, Severity::Low));
        }
    }
    found
}

fn code_point(c: char) -> String {
    format!("U+{:04X}", c as u32)
}

/// Letters, and others that are not quite signs, that look like a sign of a programming language.
const SIGNS: &[(char, &str)] = &[
    ('\u{1C0}', "|"),
    ('\u{1C1}', "||"),
    ('\u{1C2}', "="),
    ('\u{1C3}', "!"),
    ('\u{37E}', ";"),
    ('\u{A4F8}', "."),
    ('\u{A4F9}', ","),
    ('\u{A4FA}', ".."),
    ('\u{A4FB}', ".,"),
    ('\u{A4FC}', ";"),
    ('\u{A4FD}', ":"),
    ('\u{A789}', ":"),
    ('\u{A78A}', "="),
    ('\u{A78B}', "'"),
    ('\u{A78C}', "'"),
];

/// The words of a line, with their byte positions.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| !word.is_empty()).map(|word| (word.as_ptr() as usize - line.as_ptr() as usize, word))
}

/// What is in quotes that are closed in the line. A quote without another is none: an apostrophe, a lifetime.
fn quoted(line: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = line[from..].find(['"', '\'', '`']).map(|at| from + at) {
        let quote = line.as_bytes()[start];
        let mut is_escaped = false;
        let end = line.bytes().enumerate().skip(start + 1).find(|&(_, byte)| {
            let ends = byte == quote && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        from = start + 1;
        if let Some((end, _)) = end {
            found.push(start..end);
            from = end + 1;
        }
    }
    found
}

/// What a name in other letters is for a language that folds them by NFKC, as Python does, if that is plain ASCII.
fn folded(word: &str) -> Option<String> {
    if word.is_ascii() || word.chars().filter(|c| !c.is_ascii_digit()).count() < 2 {
        return None;
    }
    let seems: String = word.nfkc().collect();
    // Indices, exponents and ordinals: `xᵢ`, `m²`, `10ᵗʰ`.
    let base = word.trim_end_matches(is_raised);
    let is_index = base.is_ascii() && (base.len() <= 2 || base.bytes().all(|byte| byte.is_ascii_digit()));
    let no_letter = |c: char| !c.is_ascii() && !c.is_alphabetic();
    (seems.is_ascii() && !is_index && !word.contains(no_letter)).then_some(seems)
}

fn is_raised(c: char) -> bool {
    matches!(c, 'ª' | 'º' | '²' | '³' | '¹' | '\u{2B0}'..='\u{2B8}' | '\u{2E0}'..='\u{2E4}')
        || matches!(c, '\u{1D2C}'..='\u{1D6A}' | '\u{1D9B}'..='\u{1DBF}' | '\u{2070}'..='\u{209C}')
}

/// Whether a full-width word is one of East Asian text, which writes ASCII so, and not of code.
fn is_of_east_asian_text(line: &str, at: usize, word: &str) -> bool {
    let is_full_width = word.chars().all(|c| c.is_ascii() || matches!(c, '\u{FF10}'..='\u{FF5A}'));
    let is_sign = |c: char| c.is_ascii_punctuation();
    let is_code = line[..at].ends_with(is_sign) || line[at + word.len()..].starts_with(is_sign);
    let is_east_asian =
        |c: char| matches!(c, '\u{3041}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}');
    is_full_width && !is_code && line.contains(is_east_asian)
}

/// What a word wholly of lookalike letters appears to be, where the line has no other word of their alphabets.
fn whole_imitation(line: &str, word: &str) -> Option<String> {
    let foreign = line.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()).all(|c| looks_like(c).is_some());
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let seems: Option<String> = word.chars().map(|c| if c.is_ascii() { Some(c) } else { looks_like(c) }).collect();
    // More than one ASCII letter: the other check says so, in text as well.
    let is_mixed = word.chars().filter(char::is_ascii_alphabetic).count() > 1;
    seems.filter(|_| foreign && letters > 1 && !word.is_ascii() && !is_mixed)
}

/// Embeddings, overrides and isolates: the means of Trojan Source.
fn reorders(c: char) -> bool {
    visible::is_bidi(c) && !matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}')
}
