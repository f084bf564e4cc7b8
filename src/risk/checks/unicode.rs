//! Characters that reorder, hide or control text: in added lines and in the path itself.

use std::collections::BTreeMap;

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
    for (number, line) in file.added() {
        if let Some((word, seems)) = imitation(line).filter(|_| !is_text) {
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
    found
}

/// Folders of texts in many languages.
const TEXTS: &[&str] = &["locale", "locales", "i18n", "l10n", "lang", "langs", "translations", "intl"];

/// Letters that look like an ASCII letter, in pairs with it.
const LOOK_ALIKE: &str = "аaеeоoрpсcуyхxіiјjѕsԁdһhӏlԛqԝwАAВBЕEКKМMНHОOРPСCТTУYХXІIЈJЅSԌGοoΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX";

/// The first word of a line that is ASCII except for lookalike letters, and what it appears to be.
fn imitation(line: &str) -> Option<(String, String)> {
    if line.is_ascii() {
        return None;
    }
    let pairs: Vec<char> = LOOK_ALIKE.chars().collect();
    let looks = |c: char| match c {
        // Full-width letters are the ASCII letters at an offset.
        '\u{FF21}'..='\u{FF3A}' | '\u{FF41}'..='\u{FF5A}' => char::from_u32(c as u32 - 0xFEE0),
        _ => pairs.chunks_exact(2).find(|pair| pair[0] == c).map(|pair| pair[1]),
    };
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.split(|c: char| !is_name(c)).find_map(|word| {
        let seems: Option<String> = word.chars().map(|c| if c.is_ascii() { Some(c) } else { looks(c) }).collect();
        let is_mixed = word.chars().filter(char::is_ascii_alphabetic).count() > 1 && !word.is_ascii();
        seems.filter(|_| is_mixed).map(|seems| (word.to_owned(), seems))
    })
}

/// Embeddings, overrides and isolates: the means of Trojan Source.
fn reorders(c: char) -> bool {
    visible::is_bidi(c) && !matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}')
}
