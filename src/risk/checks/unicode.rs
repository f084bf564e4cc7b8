//! Characters that reorder, hide or act: in added lines and in the path itself.

use crate::change::diff::Side;
use crate::change::visible;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = file.path();
    if path.chars().any(visible::is_hidden) {
        found.extend(rules.of_check("path.hidden", file, Side::New, 0, &path));
    }
    for (number, line) in file.added() {
        if line.is_ascii() && !line.bytes().any(|b| b.is_ascii_control()) {
            continue;
        }
        let say = |id| rules.of_check(id, file, Side::New, *number, line);
        if line.chars().any(reorders) {
            found.extend(say("uni.bidi"));
        } else if acts(line) {
            found.extend(say("term.escape"));
        } else if has_invisible(line) {
            found.extend(say("uni.invisible"));
        } else if line.chars().any(visible::is_bidi) {
            // A direction mark moves little, and texts in Arabic and Hebrew need it.
            found.extend(say("uni.bidi").map(|finding| Finding { severity: Severity::Low, ..finding }));
        }
    }
    found
}

/// Embeddings, overrides and isolates: what Trojan Source is made of.
fn reorders(c: char) -> bool {
    visible::is_bidi(c) && !matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// A control character that a terminal obeys. Tab and form feed are old habits of source text, CR may end a line.
fn acts(line: &str) -> bool {
    line.strip_suffix('\r').unwrap_or(line).chars().any(|c| visible::is_control(c) && !matches!(c, '\t' | '\u{0C}'))
}

/// Emoji join with U+200D and end in U+FE0F: after something that is no ASCII these two are no disguise. Neither is a
/// mark of byte order at the start.
fn has_invisible(line: &str) -> bool {
    let mut before = 'a';
    line.char_indices().any(|(at, c)| {
        let joins = matches!(c, '\u{200D}' | '\u{FE0F}') && !before.is_ascii();
        let keycap = c == '\u{FE0F}' && (before.is_ascii_digit() || matches!(before, '#' | '*'));
        let mark = c == '\u{FEFF}' && at == 0;
        before = c;
        visible::is_invisible(c) && !joins && !keycap && !mark
    })
}
