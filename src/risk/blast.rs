//! Blast radius: the class is the maximum over reasons, each of which is printed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Rules;
use crate::change::RepoPath;
use crate::change::diff::FileDiff;

/// How far a mistake would reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BlastClass {
    /// A leaf: documentation, tests.
    #[default]
    B0,
    /// One package.
    B1,
    /// Several packages.
    B2,
    /// A whole service and its users.
    B3,
    /// The fleet: production environments, access, deployment.
    B4,
}

impl BlastClass {
    /// `B0` up to `B4`.
    pub fn name(self) -> &'static str {
        ["B0", "B1", "B2", "B3", "B4"][self as usize]
    }

    /// The class in words.
    pub fn meaning(self) -> &'static str {
        ["a leaf", "one package", "several packages", "a whole service", "the fleet"][self as usize]
    }

    pub(super) fn parse(name: &str) -> Option<BlastClass> {
        use BlastClass::{B0, B1, B2, B3, B4};
        [B0, B1, B2, B3, B4].into_iter().find(|class| class.name() == name)
    }
}

/// Why a change reaches so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlastReason {
    /// How far by this reason alone.
    pub class: BlastClass,
    /// For people, without its end.
    pub sentence: String,
    /// A path that it was seen at.
    pub path: RepoPath,
}

/// How far a mistake in a change would reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blast {
    /// The widest of its reasons.
    pub class: BlastClass,
    /// Widest first, one for each sentence.
    pub reasons: Vec<BlastReason>,
}

pub(super) fn of(files: &[FileDiff], rules: &Rules) -> Blast {
    let mut reasons: Vec<BlastReason> = Vec::new();
    let mut packages = BTreeSet::new();
    for own in files.iter().flat_map(FileDiff::paths) {
        let path = own.lossy();
        let (class, sentence) = rules.class_of(&path);
        if class >= BlastClass::B1 && !is_test(&path) {
            packages.insert(path.split('/').take(2).map(str::to_owned).collect::<Vec<_>>());
        }
        if !reasons.iter().any(|reason| reason.sentence == sentence) {
            reasons.push(BlastReason { class, sentence: sentence.to_owned(), path: own.clone() });
        }
    }
    if packages.len() >= 4 {
        let path = files.first().map_or_else(|| RepoPath(Vec::new()), |file| file.path.clone());
        reasons.push(BlastReason {
            class: BlastClass::B2,
            sentence: format!("touches {} packages", packages.len()),
            path,
        });
    }
    reasons.sort_by(|a, b| b.class.cmp(&a.class).then_with(|| a.path.cmp(&b.path)));
    Blast { class: reasons.first().map_or(BlastClass::B0, |reason| reason.class), reasons }
}

pub(super) fn is_test(path: &str) -> bool {
    const FOLDERS: &[&str] =
        &["test", "tests", "testing", "__tests__", "spec", "testdata", "fixtures", "e2e", "integration-tests", "mocks"];
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| FOLDERS.contains(&part))
        || name.starts_with("test_")
        || [".test.", ".spec.", "_test.", "_tests.", "Test.java", "Tests.cs"].iter().any(|mark| name.contains(mark))
}

/// What shows how it could be done, or tells of it: nothing is deployed from there.
pub(super) fn is_sample(path: &str) -> bool {
    const FOLDERS: &[&str] = &["example", "examples", "sample", "samples", "demo", "doc", "docs", "website", "blog"];
    let name = path.rsplit('/').next().unwrap_or(path);
    // Texts that tools read by these names.
    let is_read = ["requirements", "constraints", "CMakeLists"].iter().any(|read| name.starts_with(read));
    path.split('/').any(|part| FOLDERS.contains(&part))
        || [".md", ".rst", ".adoc", ".html"].iter().any(|ending| name.ends_with(ending))
        || name.ends_with(".txt") && !is_read
}
