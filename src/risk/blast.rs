//! Blast radius: the class is the maximum over reasons, each of which is printed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Rules;
use crate::change::RepoPath;
use crate::change::diff::FileDiff;

/// How far the effect of a mistake would spread.
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

/// A reason for the reach of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlastReason {
    /// The class by this reason alone.
    pub class: BlastClass,
    /// A sentence for people, without the final full stop.
    pub sentence: String,
    /// A path to which it applies.
    pub path: RepoPath,
}

/// How far the effect of a mistake in a change would spread.
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
            // The first two folders: a file is no package of its own.
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            packages.insert(folder.split('/').take(2).map(str::to_owned).collect::<Vec<_>>());
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

/// Whether a path leads through these folders.
fn is_below(path: &str, folders: &str) -> bool {
    path.starts_with(folders) || path.contains(&format!("/{folders}"))
}

/// Formats that define what runs, in which a folder called `test` is a real environment.
const INFRASTRUCTURE: &[&str] = &["tf", "tfvars", "hcl", "tofu", "yaml", "yml", "bicep", "nomad", "jsonnet"];

pub(super) fn is_test(path: &str) -> bool {
    const FOLDERS: &[&str] = &["tests", "__tests__", "testdata", "fixtures", "mocks"];
    const OF_CODE: &[&str] = &["test", "testing", "spec", "e2e", "integration-tests"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_folder = |names: &[&str]| path.split('/').any(|part| names.contains(&part));
    let is_named_so = name.starts_with("test_")
        || name == "conftest.py"
        || [".test.", ".spec.", "_test.", "_tests.", "_spec.rb", "Test.java", "Tests.cs"]
            .iter()
            .any(|m| name.contains(m));
    // .NET names the projects of its tests so.
    let is_project =
        path.split('/').any(|part| [".Tests", "UnitTests", "IntegrationTests"].iter().any(|end| part.ends_with(end)));
    // Cargo treats nothing below `src` as a test because of its name; Maven and Gradle, nothing below `src/main`.
    let is_source = name.ends_with(".rs") && in_folder(&["src"]) || is_below(path, "src/main/");
    // `helm test` runs these in a cluster.
    let is_run = is_below(path, "templates/tests/");
    !is_run && in_folder(FOLDERS)
        || (is_named_so || is_project) && !is_source
        || in_folder(OF_CODE) && !is_source && !INFRASTRUCTURE.contains(&extension(path))
}

/// Examples and documentation: nothing is deployed from there.
pub(super) fn is_sample(path: &str) -> bool {
    const FOLDERS: &[&str] = &["example", "examples", "sample", "samples"];
    const OF_TEXTS: &[&str] = &["demo", "doc", "docs", "website", "blog"];
    // In these, each folder is a program, whatever it is about.
    const OF_PROGRAMS: &[&str] = &["apps", "cmd", "packages", "services"];
    let name = path.rsplit('/').next().unwrap_or(path);
    // Texts that tools read by these names.
    let is_read = ["requirements", "constraints", "CMakeLists"].iter().any(|read| name.starts_with(read));
    let in_folder = |names: &[&str]| path.split('/').any(|part| names.contains(&part));
    in_folder(FOLDERS)
        || in_folder(OF_TEXTS) && !in_folder(OF_PROGRAMS) && !INFRASTRUCTURE.contains(&extension(path))
        || [".md", ".rst", ".adoc"].iter().any(|ending| name.ends_with(ending))
        || name.ends_with(".txt") && !is_read
}

/// Configuration of a test environment: what is dangerous in production is seldom grave there.
pub(super) fn is_rehearsal(path: &str) -> bool {
    const WORDS: &[&str] = &["dev", "local", "sandbox", "staging", "qa", "demo", "preview", "minikube", "playground"];
    let of_configuration = ["json", "toml", "ini", "cfg", "conf", "properties", "env", "xml"];
    let extension = extension(path);
    let is_configuration = INFRASTRUCTURE.contains(&extension) || of_configuration.contains(&extension);
    let says = |words: &[&str]| path.split(['/', '.', '-', '_']).any(|word| words.contains(&word));
    // The configuration of a developers' portal in production is none of a rehearsal.
    is_configuration && says(WORDS) && !says(&["prod", "production", "live"]) && !path.starts_with(".git")
}

/// The extension of a path.
pub(super) fn extension(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
}
