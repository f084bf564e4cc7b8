//! Folders that a change deletes: what they lost with everything else in them is one finding, the gravest.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileUnderReview, Finding, Severity};

/// As many files make a folder that is deleted, rather than some files of it.
const MANY: usize = 3;
/// The rules about what a whole loses with its parts. A check, a test or an owner may be missed all the same.
const OF_PARTS: &[&str] = &[
    "api.",
    "auth.",
    "cfg.",
    "conc.",
    "container.",
    "destr.",
    "dns.",
    "flag.",
    "guard.",
    "iam.",
    "net.",
    "ops.",
    "resil.",
    "tls.",
];

/// The rule about a list that nobody needs once its folder is gone, even if nothing else is lost with it.
const OF_FOLDER: &str = "secret.not-ignored";

/// The files that a change deletes.
#[derive(Debug, Default)]
pub(super) struct Removed(BTreeSet<String>);

impl Removed {
    pub fn read(&mut self, file: &FileUnderReview<'_>) {
        if file.new.is_none() && file.diff.new.is_none() {
            self.0.insert(file.path());
        }
    }

    /// The paths of these files.
    pub fn paths(&self) -> &BTreeSet<String> {
        &self.0
    }

    /// The findings, of which those of a deleted folder are low except for the gravest.
    pub fn weigh(&self, found: Vec<Finding>) -> Vec<Finding> {
        if self.0.len() < MANY {
            return found;
        }
        let folders: BTreeSet<&str> = self.0.iter().map(|path| folder_of(path)).collect();
        let top = |path: &str| {
            let ends = path.match_indices('/').map(|(at, _)| &path[..at]);
            ends.into_iter().find(|folder| folders.contains(folder)).unwrap_or("").to_owned()
        };
        let mut files: BTreeMap<String, usize> = BTreeMap::new();
        for path in &self.0 {
            *files.entry(top(path)).or_default() += 1;
        }
        let home = |finding: &Finding| {
            let path = finding.location.path.lossy();
            let folder = self.0.contains(&*path).then(|| top(&path)).filter(|folder| !folder.is_empty())?;
            let is_part = finding.rule == OF_FOLDER || OF_PARTS.iter().any(|start| finding.rule.starts_with(start));
            (is_part && finding.severity > Severity::Medium && files.get(&folder)? >= &MANY).then_some(folder)
        };
        let mut gravest: BTreeMap<String, usize> = BTreeMap::new();
        for (at, finding) in found.iter().enumerate() {
            let Some(folder) = home(finding).filter(|_| finding.rule != OF_FOLDER) else { continue };
            // What is destroyed cannot be had back, and a critical finding comes first.
            let rank = |finding: &Finding| (finding.severity, finding.rule.starts_with("destr."));
            let best = gravest.entry(folder).or_insert(at);
            if rank(finding) > rank(&found[*best]) {
                *best = at;
            }
        }
        let is_kept = |at: usize, folder: &str| gravest.get(folder) == Some(&at);
        let weighed = found.iter().enumerate().map(|(at, finding)| match home(finding) {
            Some(folder) if !is_kept(at, &folder) => Finding {
                title: format!("{}; it went with the rest of {folder}", finding.title),
                severity: Severity::Low,
                ..finding.clone()
            },
            _ => finding.clone(),
        });
        weighed.collect()
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::OF_FOLDER;
    use crate::risk::Severity;
    use crate::risk::tests::findings;

    #[test]
    fn a_list_of_what_git_leaves_out_is_missed_alone_and_not_with_its_folder() {
        let gone = [
            ("apps/a/.gitignore", "node_modules\n.env\n", ""),
            ("apps/a/b.ts", "export const b = 1;\n", ""),
            ("apps/a/c.ts", "export const c = 1;\n", ""),
        ];
        let worst = |files: &[(&str, &str, &str)]| {
            let found = findings(files).into_iter().filter(|found| found.rule == OF_FOLDER);
            found.map(|found| found.severity).max()
        };
        assert_eq!(worst(&gone), Some(Severity::Low));
        assert!(worst(&gone[..1]) >= Some(Severity::High));
    }

    #[test]
    fn a_folder_that_is_deleted_as_a_whole_is_one_grave_finding() {
        let manifest = |kind: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: a\n");
        let texts = ["Namespace", "LimitRange", "NetworkPolicy"].map(manifest);
        let [a, b, c] = &texts;
        let gone =
            [("k/team/a.yaml", a.as_str(), ""), ("k/team/b.yaml", b.as_str(), ""), ("k/team/c.yaml", c.as_str(), "")];
        let grave = |files: &[(&str, &str, &str)]| {
            findings(files)
                .into_iter()
                .filter(|found| found.severity >= Severity::High)
                .map(|found| found.rule)
                .collect::<Vec<_>>()
        };
        assert_eq!(grave(&gone), ["destr.module-removed"]);
        assert_eq!(grave(&gone[1..]).len(), 2, "two files are no folder");
    }
}
