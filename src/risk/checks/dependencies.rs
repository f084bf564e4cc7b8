//! `dep.phantom` and `dep.typosquat`: a dependency that no lock file of the change knows, or a letter away from a known
//! one.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::diff::Side;
use crate::risk::blast::{is_sample, is_test};
use crate::risk::{FileUnderReview, Finding, Rules};

/// A kind of manifest: its name, the lock files that would know what it asks for, and its list of well-known names.
struct Manifest {
    name: &'static str,
    locks: &'static [&'static str],
    known: &'static str,
    names: fn(&str) -> BTreeSet<String>,
}

const MANIFESTS: &[Manifest] = &[
    Manifest {
        name: "package.json",
        locks: &["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "npm-shrinkwrap.json"],
        known: "npm",
        names: json_names,
    },
    Manifest { name: "Cargo.toml", locks: &["Cargo.lock"], known: "crates", names: toml_names },
    Manifest {
        name: "pyproject.toml",
        locks: &["poetry.lock", "uv.lock", "pdm.lock"],
        known: "pypi",
        names: toml_names,
    },
    Manifest { name: "requirements.txt", locks: &[], known: "pypi", names: requirements },
    Manifest { name: "go.mod", locks: &["go.sum"], known: "go", names: go_names },
];

/// The name of the manifest or lock file that a path is.
pub(in crate::risk) fn manifest(path: &str) -> Option<&'static str> {
    let own = path.rsplit('/').next().unwrap_or(path);
    let names = MANIFESTS.iter().flat_map(|manifest| std::iter::once(&manifest.name).chain(manifest.locks));
    names.copied().find(|name| *name == own)
}

/// New names that no lock file has been seen to know yet, and the lock files that were seen.
#[derive(Default)]
pub(super) struct Dependencies {
    unlocked: Vec<Unlocked>,
    /// By file name: the texts in lower case.
    locks: BTreeMap<&'static str, Vec<String>>,
}

struct Unlocked {
    name: String,
    locks: &'static [&'static str],
    finding: Finding,
}

impl Dependencies {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let path = file.path();
        let name = path.rsplit('/').next().unwrap_or(&path);
        if let Some(lock) = MANIFESTS.iter().flat_map(|manifest| manifest.locks).find(|lock| **lock == name) {
            let text = String::from_utf8_lossy(file.new_text()).to_ascii_lowercase();
            self.locks.entry(lock).or_default().push(text);
        }
        let manifest = MANIFESTS.iter().find(|manifest| manifest.name == name);
        match manifest.filter(|_| !is_test(&path) && !is_sample(&path)) {
            Some(manifest) => self.of_manifest(manifest, file, rules),
            None => Vec::new(),
        }
    }

    fn of_manifest(&mut self, manifest: &Manifest, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let old_text = String::from_utf8_lossy(file.old_text());
        let before = (manifest.names)(&old_text);
        let after = (manifest.names)(&String::from_utf8_lossy(file.new_text()));
        let mut found = Vec::new();
        for new in after.difference(&before) {
            let names_it = |line: &str| line.to_ascii_lowercase().contains(new.as_str());
            let Some((number, line)) = file.added().iter().find(|(_, line)| names_it(line)) else { continue };
            // A direct dependency that go.mod had as an indirect one is not new.
            if line.contains("// indirect") || old_text.contains(new.as_str()) {
                continue;
            }
            let say = |id| rules.of_check(id, file, Side::New, *number, line);
            if has_neighbour(new, &before, rules.known_packages(manifest.known)) {
                found.extend(say("dep.typosquat"));
            } else if !manifest.locks.is_empty() {
                let unlocked = |finding| Unlocked { name: new.clone(), locks: manifest.locks, finding };
                self.unlocked.extend(say("dep.phantom").map(unlocked));
            }
        }
        found
    }

    pub fn finish(self) -> Vec<Finding> {
        let Dependencies { mut unlocked, locks } = self;
        // A lock file that the change does not touch cannot know a new name.
        let knows = |lock: &&str, name: &str| locks.get(lock).into_iter().flatten().any(|text| text.contains(name));
        unlocked.retain(|new| !new.locks.iter().any(|lock| knows(lock, &new.name)));
        unlocked.into_iter().map(|new| new.finding).collect()
    }
}

/// Whether a new name could be taken for another of this manifest or a well-known one: one edit away, or only the
/// separators differ. Short names are near to everything; `v2` and `v3` are versions, not look-alikes.
fn has_neighbour(name: &str, before: &BTreeSet<String>, known: &[String]) -> bool {
    if known.iter().any(|own| own == name) {
        return false;
    }
    let bare = |name: &str| name.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    before
        .iter()
        .chain(known)
        .filter(|own| own.len() >= 6 && name.len() >= 6 && bare(own) != bare(name))
        .any(|own| is_one_edit(own, name) || joined(own) == joined(name))
}

fn joined(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect()
}

/// One letter added, dropped, changed, or two neighbours swapped.
fn is_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let prefix = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (&a[prefix..], &b[prefix..]);
    let suffix = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(x, y)| x == y).count();
    match (&rest_a[..rest_a.len() - suffix], &rest_b[..rest_b.len() - suffix]) {
        ([], []) => false,
        ([x, y], [z, w]) => x == w && y == z,
        (x, y) => x.len() <= 1 && y.len() <= 1,
    }
}

// Manifests are read leniently: one that does not parse yields no names.

fn json_names(text: &str) -> BTreeSet<String> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return BTreeSet::new() };
    let groups = ["dependencies", "devDependencies", "optionalDependencies"];
    let entries = groups.iter().filter_map(|group| value.get(group)?.as_object()).flatten();
    entries.filter(|(_, from)| !is_local(from.as_str().unwrap_or_default())).map(|(name, _)| name.clone()).collect()
}

fn is_local(from: &str) -> bool {
    ["workspace:", "file:", "link:", "portal:"].iter().any(|start| from.starts_with(start))
}

fn toml_names(text: &str) -> BTreeSet<String> {
    let Ok(root) = toml::from_str::<toml::Table>(text) else { return BTreeSet::new() };
    let under = |path: &[&str]| {
        path.iter().try_fold(&root, |table, key| table.get(*key)?.as_table()).into_iter().flat_map(crates).collect()
    };
    let mut names: BTreeSet<String> = under(&[]);
    names.extend::<BTreeSet<String>>(under(&["workspace"]));
    names.extend::<BTreeSet<String>>(under(&["tool", "poetry"]));
    let project = root.get("project").and_then(|project| project.get("dependencies")?.as_array());
    names.extend(project.into_iter().flatten().filter_map(|entry| requirement(entry.as_str()?)));
    names
}

/// Names under `dependencies` and its kin; those of this workspace, by path, are ours.
fn crates(table: &toml::Table) -> Vec<String> {
    let groups = ["dependencies", "dev-dependencies", "build-dependencies"];
    let entries = groups.iter().filter_map(|group| table.get(*group)?.as_table()).flatten();
    let is_ours = |entry: &toml::Value| entry.get("path").is_some() || entry.get("workspace").is_some();
    entries.filter(|(_, entry)| !is_ours(entry)).map(|(name, _)| name.to_ascii_lowercase()).collect()
}

fn requirements(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(requirement).collect()
}

/// The name at the start of `name[extra]>=1.0 ; marker`, as PyPI compares names.
fn requirement(line: &str) -> Option<String> {
    let line = line.trim();
    let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    (!name.is_empty() && !line.starts_with(['#', '-'])).then(|| name.to_ascii_lowercase())
}

/// Modules that are required, without `/v2` at the end: the same module in another version is not a new one.
fn go_names(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("require "));
    let entries = lines.filter(|line| !line.starts_with("//") && !line.contains("=>"));
    let names = entries.filter_map(|line| line.split_once(" v")).map(|(name, _)| name);
    let bare = |name: &str| match name.rsplit_once("/v") {
        Some((bare, version)) if version.bytes().all(|b| b.is_ascii_digit()) => bare.to_ascii_lowercase(),
        _ => name.to_ascii_lowercase(),
    };
    names.map(bare).collect()
}
