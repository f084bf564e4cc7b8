//! `scope.owner-lost` in files of owners by path: compared entry by entry, since most changes of a line add somebody,
//! or follow files that moved.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::diff::Side;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// The most entries that are looked at for one that is gone.
const MAX_TRIED: usize = 2_000;

/// The entries that files of owners lost, and the files that the change deletes.
#[derive(Default)]
pub(super) struct Owners {
    lost: Vec<Lost>,
    deleted: BTreeSet<String>,
}

/// An entry without some of its owners.
struct Lost {
    pattern: String,
    /// An entry that was added names the same owners.
    has_heir: bool,
    finding: Finding,
}

impl Owners {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) {
        let path = file.path();
        if file.new.is_none() && file.diff.new.is_none() {
            self.deleted.insert(path.clone());
        }
        if path.rsplit('/').next() != Some("CODEOWNERS") {
            return;
        }
        let entries = |lines: &[(u32, String)]| -> Vec<(u32, String, BTreeSet<String>)> {
            lines.iter().filter_map(|(number, line)| entry(line).map(|(of, who)| (*number, of, who))).collect()
        };
        let text = String::from_utf8_lossy(file.new_text());
        // Of several entries for the same files, the last one counts.
        let now: BTreeMap<String, BTreeSet<String>> = text.lines().filter_map(entry).collect();
        let added = entries(file.added());
        for (line, pattern, owners) in entries(file.removed()) {
            let left = now.get(&pattern);
            if owners.is_empty() || left.is_some_and(|left| left.is_superset(&owners)) {
                continue;
            }
            let gone: Vec<&str> =
                owners.iter().filter(|own| left.is_none_or(|left| !left.contains(*own))).map(String::as_str).collect();
            let Some(found) = rules.of_check("scope.owner-lost", file, Side::Old, line, &file.line(Side::Old, line))
            else {
                continue;
            };
            let is_of_all = matches!(pattern.as_str(), "*" | "/" | "**" | "/**" | ".*" | "^.*$")
                && left.is_none_or(BTreeSet::is_empty);
            let severity = if is_of_all { Severity::High } else { found.severity };
            let title = format!("{}: {pattern} {}", found.title, gone.join(" "));
            let finding = Finding { title, severity, ..found };
            let is_heir = |(_, of, who): &(u32, String, BTreeSet<String>)| *of != pattern && who.is_superset(&owners);
            let has_heir = left.is_none() && added.iter().take(MAX_TRIED).any(is_heir);
            self.lost.push(Lost { pattern, has_heir, finding });
        }
    }

    pub fn finish(self) -> Vec<Finding> {
        let Owners { lost, deleted } = self;
        let weighed = lost.into_iter().map(|Lost { pattern, has_heir, finding }| {
            let folder = pattern.trim_start_matches('/').trim_end_matches('*').trim_end_matches('/');
            let is_of = |path: &String| {
                // Of a folder, others may be left.
                !folder.is_empty() && path == folder
            };
            let (most, how) = match (deleted.iter().any(is_of), has_heir) {
                (true, _) => (Severity::Low, "; its file is deleted"),
                (_, true) => (Severity::Medium, "; another entry names the same"),
                _ => return finding,
            };
            Finding { title: format!("{}{how}", finding.title), severity: finding.severity.min(most), ..finding }
        });
        weighed.collect()
    }
}

/// The pattern of a line and its owners; none of a comment, or of the head of a section.
fn entry(line: &str) -> Option<(String, BTreeSet<String>)> {
    let said = line.split(" #").next().unwrap_or_default().trim();
    let mut words = said.split_whitespace();
    let pattern = words.next().filter(|word| !word.starts_with('#') && !word.starts_with('['))?;
    Some((pattern.to_owned(), words.map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use crate::risk::Severity;
    use crate::risk::tests::findings;

    fn worst(files: &[(&str, &str, &str)]) -> Option<Severity> {
        let found = findings(files).into_iter().filter(|found| found.rule == "scope.owner-lost");
        found.map(|found| found.severity).max()
    }

    #[test]
    fn an_owner_is_missed_and_one_more_is_not() {
        let path = ".github/CODEOWNERS";
        let of = |owners: &str| format!("# payments\n/pay/ {owners}\n/web/ @c\n");
        assert_eq!(worst(&[(path, &of("@a @b"), &of("@a @b @d"))]), None);
        assert_eq!(worst(&[(path, &of("@a @b"), &of("@b @a"))]), None, "their order says nothing");
        assert_eq!(worst(&[(path, &of("@a @b"), &of("@a @d"))]), Some(Severity::Medium));
        assert_eq!(worst(&[(path, &of("@a"), "/web/ @c\n")]), Some(Severity::Medium));
        assert_eq!(worst(&[(path, &of("@a"), &of(""))]), Some(Severity::Medium), "nobody is asked any more");
    }

    #[test]
    fn an_entry_that_follows_its_files_is_no_loss() {
        let path = "CODEOWNERS";
        let (old, wider) = ("/src/pay @a\n/web/ @c\n", "**/Pay* @a\n/web/ @c\n");
        assert_eq!(worst(&[(path, old, wider)]), Some(Severity::Medium));
        let gone = |entry: &str| {
            let old = format!("{entry} @a\n/web/ @c\n");
            worst(&[(path, &old, "/web/ @c\n"), ("src/pay/a.rs", "fn a() {}\n", "")])
        };
        assert_eq!(gone("/src/pay/a.rs"), Some(Severity::Low));
        assert_eq!(gone("/src/pay"), Some(Severity::Medium), "others may be left of the folder");
    }
}
