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

    /// The class in one word, for a column.
    pub fn word(self) -> &'static str {
        ["leaf", "package", "several", "service", "fleet"][self as usize]
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

/// What paths alone say of a change.
pub(super) struct ByPaths<'f> {
    /// Without how many packages there are.
    pub blast: Blast,
    /// The paths that are no leaf.
    pub felt: Vec<&'f RepoPath>,
    /// That there are several packages, by their folders.
    pub several: Option<BlastReason>,
}

pub(super) fn of<'f>(files: &'f [FileDiff], rules: &Rules) -> ByPaths<'f> {
    let mut reasons: Vec<BlastReason> = Vec::new();
    let (mut packages, mut felt) = (BTreeSet::new(), Vec::new());
    for own in files.iter().flat_map(FileDiff::paths) {
        let path = own.lossy();
        let (class, sentence) = rules.class_of(&path);
        if class >= BlastClass::B1 && !is_test(&path) {
            // The first two folders: a file is no package of its own.
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            packages.insert(folder.split('/').take(2).map(str::to_owned).collect::<Vec<_>>());
            felt.push(own);
        }
        reasons.push(BlastReason { class, sentence: sentence.to_owned(), path: own.clone() });
    }
    let several = (packages.len() >= 4).then(|| BlastReason {
        class: BlastClass::B2,
        sentence: format!("touches {} packages", packages.len()),
        path: files.first().map_or_else(|| RepoPath(Vec::new()), |file| file.path.clone()),
    });
    let mut blast = Blast::default();
    blast.widen(reasons.into_iter());
    ByPaths { blast, felt, several }
}

impl Blast {
    /// Adds reasons, each sentence once.
    pub(super) fn widen(&mut self, reasons: impl Iterator<Item = BlastReason>) {
        for reason in reasons {
            if !self.reasons.iter().any(|own| own.sentence == reason.sentence) {
                self.reasons.push(reason);
            }
        }
        self.reasons.sort_by(|a, b| b.class.cmp(&a.class).then_with(|| a.path.cmp(&b.path)));
        self.class = self.reasons.first().map_or(BlastClass::B0, |reason| reason.class);
    }
}

/// Whether a path leads through these folders.
fn is_below(path: &str, folders: &str) -> bool {
    path.starts_with(folders) || path.contains(&format!("/{folders}"))
}

/// Formats that define what runs, in which a folder called `test` is a real environment.
pub(super) const INFRASTRUCTURE: &[&str] = &["tf", "tfvars", "hcl", "tofu", "yaml", "yml", "bicep", "nomad", "jsonnet"];

/// Whether tools run or apply a file where it lies, so that a folder called `tests` does not say that nobody does:
/// rules speak of it there, too.
pub(super) fn is_run_by_place(path: &str) -> bool {
    INFRASTRUCTURE.contains(&extension(path))
}

/// Whether a file only tries or shows something, and no tool runs it by its place.
pub(super) fn is_for_trial(path: &str) -> bool {
    (is_test(path) || is_sample(path)) && !is_run_by_place(path)
}

/// Folders whose scripts people and pipelines run, whatever these are called.
const OF_SCRIPTS: &[&str] = &["bin", "scripts", "deploy", "ops", "ci"];
const SHELLS: &[&str] = &["sh", "bash", "zsh", "ksh", "dash", "ps1"];

/// Whether a path is that of a shell script below a folder of those that are run, and not below one of tests.
fn is_script_to_run(path: &str) -> bool {
    const OF_TESTS: &[&str] = &["test", "tests", "testing", "spec", "e2e", "testdata", "fixtures"];
    let lower = path.to_ascii_lowercase();
    let mut folders = lower.rsplit_once('/').map_or("", |(folders, _)| folders).split('/');
    let known = folders.find(|folder| OF_SCRIPTS.contains(folder) || OF_TESTS.contains(folder));
    SHELLS.contains(&extension(&lower)) && known.is_some_and(|folder| OF_SCRIPTS.contains(&folder))
}

/// Folders below which the code of a program lies, whatever they and those in them are called.
const SOURCES: &[&str] = &["src", "app", "lib", "internal", "pkg", "cmd"];
/// Folders in which frameworks look for programs by their names.
const OF_PROGRAMS: &[&str] = &["commands", "controllers", "handlers", "routes", "views", "bin", "jobs", "services"];

/// Folders of services that run what lies there.
const OF_PIPELINES: &[&str] =
    &[".github", ".gitlab", ".gitea", ".forgejo", ".circleci", ".buildkite", ".woodpecker", ".tekton"];

/// Whether a path is that of a test, or of what only tests use.
pub(super) fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let folders: Vec<&str> = folders.split('/').filter(|folder| !folder.is_empty()).collect();
    // `helm test` runs these in a cluster; Maven and Gradle build the program from what is below `src/main`.
    let is_of_program = is_below(&lower, "templates/tests/") || is_below(&lower, "src/main/");
    let is_of_pipeline = folders.iter().any(|folder| OF_PIPELINES.contains(folder));
    if is_of_program || is_of_pipeline || is_script_to_run(path) {
        return false;
    }
    // Cargo treats nothing below `src` as a test because of its name.
    let is_of_cargo = name.ends_with(".rs") && folders.contains(&"src");
    is_test_tree(path, &folders)
        || has_test_name(path, name, &folders) && !is_of_cargo && !is_found_by_place(name, &folders)
        || is_in_test_folder(name, &folders) && (!is_of_cargo || folders.contains(&"tests"))
}

/// Whether tools run whatever lies there with this ending: Terraform, a cluster and whatever migrates a database do not
/// ask what a file is called.
fn is_found_by_place(name: &str, folders: &[&str]) -> bool {
    const OF_MIGRATIONS: &[&str] = &["migrations", "migration", "migrate"];
    let ending = extension(name);
    let is_migration = folders.iter().any(|folder| OF_MIGRATIONS.contains(folder));
    INFRASTRUCTURE.contains(&ending) || ending == "sql" || is_migration
}

fn has_test_name(path: &str, name: &str, folders: &[&str]) -> bool {
    let own = path.rsplit('/').next().unwrap_or(path);
    let is_program = folders.iter().any(|folder| OF_PROGRAMS.contains(folder)) && !folders.contains(&"tests");
    name.starts_with("test_") && !is_program
        || name == "conftest.py"
        || name.ends_with(".bats")
        || folders.contains(&"t") && [".t", ".sh", ".pl", ".pm"].iter().any(|end| name.ends_with(end))
        || [".test.", ".spec.", "_test.", "_tests.", "_spec.rb", "Test.java", "Test.kt", "Test.php", "Tests.cs"]
            .iter()
            .any(|mark| own.contains(mark))
}

/// Folders that tools know as those of tests, wherever they are.
fn is_test_tree(path: &str, folders: &[&str]) -> bool {
    const TREES: &[&str] = &[
        "__tests__",
        "__mocks__",
        "__fixtures__",
        "testdata",
        "mocks",
        "molecule",
        ".snapshots",
        "cypress",
        "playwright",
        "androidtest",
        "integrationtest",
        "functionaltest",
        "testfixtures",
        "integration-tests",
        "step_definitions",
        "testhelper",
        "testhelpers",
        "testutil",
        "testutils",
        "test-utils",
    ];
    const OF_FIXTURES: &[&str] = &["testdata", "__fixtures__", "testfixtures", "molecule", "integration-tests"];
    // .NET and Xcode name the projects of their tests so, Gradle the other sets of sources: `src/smokeTest`.
    let is_project =
        |part: &str| [".Tests", "UnitTests", "UITests", "IntegrationTests"].iter().any(|end| part.ends_with(end));
    let is_set = |pair: &[&str]| pair[0] == "src" && (pair[1] == "it" || pair[1].ends_with("Test"));
    let parts: Vec<&str> = path.split('/').collect();
    // Terraform and a cluster run what lies in folders that only tools of other languages know.
    let is_any_run = is_run_by_place(path);
    folders.iter().any(|folder| TREES.contains(folder) && (!is_any_run || OF_FIXTURES.contains(folder)))
        || parts.iter().any(|part| is_project(part)) && !is_any_run
        || parts.windows(2).any(is_set)
        || parts.windows(2).any(|pair| pair == ["src", "test"] || pair == ["src", "tests"])
}

/// Whether a folder with the name of tests is one: a word such as `spec` or `testing` may be what a program is about,
/// if its folder lies in the sources of one.
fn is_in_test_folder(name: &str, folders: &[&str]) -> bool {
    const OF_CODE: &[&str] = &["test", "testing", "spec", "e2e"];
    let source = folders.iter().position(|folder| SOURCES.contains(folder)).unwrap_or(folders.len());
    let ends = |endings: &[&str]| endings.contains(&extension(name));
    // Ruby, PHP and Go have their tests outside of these, or by the names of files.
    let has_none = ends(&["rb", "php", "go"]);
    let is_whole = |at: usize| at < source || !has_none;
    let of_folder = |(at, folder): (usize, &&str)| match *folder {
        "tests" => is_whole(at),
        "fixtures" if ends(&["py", "go", "rs", "java", "kt", "cs"]) => at == 0 || folders[..at].contains(&"tests"),
        "fixtures" => at < source || !ends(&["js", "ts", "tsx", "jsx", "rb", "php"]),
        word if OF_CODE.contains(&word) => at < source && !INFRASTRUCTURE.contains(&extension(name)),
        _ => false,
    };
    folders.iter().enumerate().any(of_folder)
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
    let parts: Vec<&str> = path.split('/').collect();
    // `org.example` is what tools call a package whose author gave no name.
    let is_package = |at: usize| {
        let is_of_domain = at > 0 && ["org", "com", "net", "io"].contains(&parts[at - 1]);
        is_of_domain || parts[..at].windows(2).any(|pair| pair == ["src", "main"])
    };
    let in_folder = |names: &[&str]| parts.iter().enumerate().any(|(at, part)| names.contains(part) && !is_package(at));
    in_folder(FOLDERS)
        || in_folder(OF_TEXTS) && !in_folder(OF_PROGRAMS) && !INFRASTRUCTURE.contains(&extension(path))
        || [".md", ".rst", ".adoc"].iter().any(|ending| name.ends_with(ending))
        || name.ends_with(".txt") && !is_read
}

/// Configuration of a test environment: what is dangerous in production is seldom grave there.
pub(super) fn is_rehearsal(path: &str) -> bool {
    const WORDS: &[&str] = &[
        "dev",
        "devel",
        "development",
        "local",
        "sandbox",
        "e2e",
        "staging",
        "qa",
        "demo",
        "preview",
        "minikube",
        "playground",
    ];
    let of_configuration = ["json", "toml", "ini", "cfg", "conf", "properties", "env", "xml"];
    let extension = extension(path);
    let is_environment = path.rsplit('/').next().is_some_and(|name| name.starts_with(".env."));
    let is_configuration =
        is_environment || INFRASTRUCTURE.contains(&extension) || of_configuration.contains(&extension);
    let says = |words: &[&str]| path.split(['/', '.', '-', '_']).any(|word| words.contains(&word));
    // What the manual of a program shows.
    let is_of_manual = ["docs/", "doc/"].iter().any(|folder| path.starts_with(folder));
    if is_configuration && is_of_manual {
        return true;
    }
    // The configuration of a developers' portal in production is none of a rehearsal.
    is_configuration && says(WORDS) && !says(&["prod", "production", "live"]) && !path.starts_with(".git")
}

/// The extension of a path.
pub(super) fn extension(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
}
