//! Changes that are not text but affect what runs: executable bits, symlinks, submodules, binaries.

use crate::change::diff::{Content, Mode, Side};
use crate::risk::{FileUnderReview, Finding, Rules};

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let old = file.diff.old.map(|entry| entry.mode);
    let new = file.diff.new.map(|entry| entry.mode);
    let mut found = Vec::new();
    let mut say = |id: &str, evidence: &str| found.extend(rules.of_check(id, file, Side::New, 0, evidence));
    match (old, new) {
        (old, Some(Mode::Symlink)) if old != Some(Mode::Symlink) => say("mode.symlink", "now a symlink"),
        (Some(Mode::Symlink), Some(_)) => say("mode.symlink", "the symlink changed"),
        (None, Some(Mode::Submodule)) => say("mode.submodule", "a new submodule"),
        (Some(Mode::Submodule), Some(Mode::Submodule)) => say("mode.submodule", "the submodule moved"),
        (Some(Mode::File), Some(Mode::Executable)) => say("mode.executable", "now executable"),
        _ => {}
    }
    if matches!(file.new, Some(Content::Binary { .. })) {
        say("blob.binary", "binary content");
    }
    found
}
