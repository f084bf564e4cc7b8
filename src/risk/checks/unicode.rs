//! Characters that reorder, hide or act: in added lines and in the path itself.

use crate::change::diff::Side;
use crate::change::visible;
use crate::risk::{FileUnderReview, Finding, Rules};

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = file.path();
    if path.chars().any(visible::is_hidden) {
        found.extend(rules.of_check("path.hidden", file, Side::New, 0, &path));
    }
    for (number, line) in file.added() {
        let id = if line.chars().any(visible::is_bidi) {
            "uni.bidi"
        } else if line.chars().any(|c| visible::is_control(c) && !matches!(c, '\t' | '\r')) {
            "term.escape"
        } else if has_invisible(&line) {
            "uni.invisible"
        } else {
            continue;
        };
        found.extend(rules.of_check(id, file, Side::New, number, &line));
    }
    found
}

/// Emoji join with U+200D and end in U+FE0F: after something that is no ASCII these two are no disguise.
fn has_invisible(line: &str) -> bool {
    let mut before = 'a';
    line.char_indices().any(|(at, c)| {
        let joins = matches!(c, '\u{200D}' | '\u{FE0F}') && !before.is_ascii();
        let mark = c == '\u{FEFF}' && at == 0;
        before = c;
        visible::is_invisible(c) && !joins && !mark
    })
}
