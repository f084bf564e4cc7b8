//! Characters that reorder, hide or act: in added lines and in the path itself.

use crate::change::diff::Side;
use crate::change::visible;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = file.path();
    if visible::hidden(&path).next().is_some() {
        found.extend(rules.of_check("path.hidden", file, Side::New, 0, &path));
    }
    for (number, line) in file.added() {
        let hidden: Vec<char> = visible::hidden_in_line(line, *number == 1).collect();
        let say = |id| rules.of_check(id, file, Side::New, *number, line);
        if hidden.iter().copied().any(reorders) {
            found.extend(say("uni.bidi"));
        } else if hidden.iter().copied().any(visible::is_control) {
            found.extend(say("term.escape"));
        } else if hidden.iter().copied().any(|c| !visible::is_bidi(c)) {
            found.extend(say("uni.invisible"));
        } else if !hidden.is_empty() {
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
