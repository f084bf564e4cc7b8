//! Changes that are not text but affect what runs: executable bits, symlinks, submodules, binaries.

use crate::change::diff::{Content, Mode, Side};
use crate::risk::facts::Delta;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, is_source, without_logins};

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let old = file.diff.old.map(|entry| entry.mode);
    let new = file.diff.new.map(|entry| entry.mode);
    let mut found = sources(file, rules);
    let before = file.diff.old.map(|entry| entry.id).or(file.diff.counterpart.as_ref().map(|other| other.id));
    let is_same = file.diff.new.is_some_and(|new| before == Some(new.id));
    let mut say = |id: &str, evidence: &str| found.extend(rules.of_check(id, file, Side::New, 0, evidence));
    match (old, new) {
        (old, Some(Mode::Symlink)) if old != Some(Mode::Symlink) => say("mode.symlink", "now a symlink"),
        (Some(Mode::Symlink), Some(Mode::Symlink)) => say("mode.symlink", "the symlink changed"),
        (Some(Mode::Symlink), Some(_)) => say("mode.symlink-gone", "no symlink any more"),
        // It is only at another path.
        (None | Some(Mode::Submodule), Some(Mode::Submodule)) if is_same => {}
        (None, Some(Mode::Submodule)) => say("mode.submodule", "a new submodule"),
        (Some(Mode::Submodule), Some(Mode::Submodule)) => say("mode.submodule", "the submodule moved"),
        (Some(Mode::File), Some(Mode::Executable)) => say("mode.executable", "now executable"),
        _ => {}
    }
    if let Some(Content::Binary { kind, readable, .. }) = file.new {
        let is_script = readable.as_ref().is_some_and(|text| text.starts_with(b"#!")) || is_named_as_source(file, kind);
        let is_only_moved = file.diff.old.is_some() && file.diff.old == file.diff.new;
        if is_only_moved && !is_script {
            return found;
        }
        say("blob.binary", "binary content");
        if let Some(binary) = found.last_mut().filter(|_| is_script) {
            // Whatever runs it may read more of it than can be shown here.
            binary.title = "A script or source that is not text".to_owned();
            binary.severity = Severity::High;
        }
    }
    found
}

/// Where submodules are fetched from, which branch they follow and what updates them, if that is new.
fn sources(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    if file.path() != ".gitmodules" {
        return Vec::new();
    }
    let said = file.deltas().iter().filter_map(|delta| {
        let (before, now) = match delta {
            Delta::Came(fact) => (None, fact),
            Delta::Changed { old, new } => (Some(old), new),
            Delta::Went { .. } => return None,
        };
        let (name, key) = now.object.strip_prefix("submodule.")?.rsplit_once('.')?;
        let value = without_logins(&now.text);
        let title = match (key, before) {
            ("url", None) => format!("The submodule {name} is fetched from {value}"),
            ("url", Some(old)) => {
                format!("The submodule {name} is fetched from {value} now, not from {}", without_logins(&old.text))
            }
            ("branch", _) => format!("The submodule {name} follows the branch {value}"),
            ("update", _) => format!("The submodule {name} is updated by {value}"),
            _ => return None,
        };
        let (side, line) = file.place_of(delta)?;
        let found = rules.of_check("mode.submodule-source", file, side, line, &file.line(side, line))?;
        Some(Finding { title, ..found })
    });
    said.collect()
}

/// Whether the name says that a program reads it as a text. Videos have the same ending as TypeScript.
fn is_named_as_source(file: &FileUnderReview<'_>, kind: &str) -> bool {
    const MORE: &[&str] = &[
        "bat", "cmd", "vbs", "psd1", "zsh", "fish", "ksh", "csh", "awk", "tf", "mk", "cmake", "gradle", "groovy",
        "yml", "yaml", "toml", "json",
    ];
    const NAMES: &[&str] = &["makefile", "dockerfile", "containerfile", "jenkinsfile", "vagrantfile", "rakefile"];
    let path = file.path().to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_more = name.rsplit_once('.').is_some_and(|(_, ending)| MORE.contains(&ending));
    (is_source(&path) || is_more || NAMES.contains(&name)) && kind != "MPEG transport stream"
}
