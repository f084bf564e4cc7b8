//! `dep.phantom` and `dep.typosquat`: a dependency that no lock file of the change knows, or a letter away from a known one.

use std::collections::BTreeSet;

use crate::change::diff::Side;
use crate::risk::{FileUnderReview, Finding, Rules};

/// Manifest name and the lock files that would know what it asks for.
const MANIFESTS: &[(&str, &[&str])] = &[
    ("package.json", &["package-lock.json", "yarn.lock", "pnpm-lock.yaml"]),
    ("Cargo.toml", &["Cargo.lock"]),
    ("pyproject.toml", &["poetry.lock", "uv.lock"]),
    ("requirements.txt", &[]),
    ("go.mod", &["go.sum"]),
];

pub(super) fn check(files: &[FileUnderReview<'_>], rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files {
        let path = file.path();
        let name = path.rsplit('/').next().unwrap_or(&path);
        let Some((manifest, locks)) = MANIFESTS.iter().find(|(manifest, _)| *manifest == name) else { continue };
        let before: BTreeSet<String> = names(manifest, FileUnderReview::text(file.old));
        let after = names(manifest, FileUnderReview::text(file.new));
        for new in after.difference(&before) {
            let Some((number, line)) = file.added().into_iter().find(|(_, line)| line.contains(new.as_str())) else {
                continue;
            };
            if neighbour(new, &before, &rules.packages).is_some() {
                found.extend(rules.of_check("dep.typosquat", file, Side::New, number, &line));
            } else if !locks.is_empty() && !is_locked(new, locks, files) {
                found.extend(rules.of_check("dep.phantom", file, Side::New, number, &line));
            }
        }
    }
    found
}

/// Whether a lock file in the change mentions the name. One that the change does not touch cannot know a new name.
fn is_locked(name: &str, locks: &[&str], files: &[FileUnderReview<'_>]) -> bool {
    files.iter().any(|file| {
        let path = file.path();
        locks.iter().any(|lock| path.rsplit('/').next() == Some(lock))
            && file.added().iter().any(|(_, line)| line.contains(name))
    })
}

/// The known name that a new one could be taken for: one edit away, both of five letters or more.
fn neighbour<'n>(name: &str, before: &'n BTreeSet<String>, known: &'n [String]) -> Option<&'n String> {
    if known.iter().any(|own| own == name) {
        return None;
    }
    before.iter().chain(known).find(|own| own.len() >= 5 && name.len() >= 5 && is_one_edit(own, name))
}

/// One letter added, dropped, changed, or two neighbours swapped.
fn is_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let prefix = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (&a[prefix..], &b[prefix..]);
    let suffix = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (mid_a, mid_b) = (&rest_a[..rest_a.len() - suffix], &rest_b[..rest_b.len() - suffix]);
    match (mid_a, mid_b) {
        ([], []) => false,
        ([x, y], [z, w]) => x == w && y == z,
        (x, y) => x.len() <= 1 && y.len() <= 1,
    }
}

/// Names of dependencies in a manifest, read leniently: a manifest that does not parse yields none.
fn names(manifest: &str, text: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(text);
    match manifest {
        "package.json" => json_names(&text),
        "Cargo.toml" | "pyproject.toml" => toml_names(&text),
        "go.mod" => text
            .lines()
            .filter_map(|l| l.trim().trim_start_matches("require ").split_once(" v"))
            .map(|(n, _)| n.to_owned())
            .collect(),
        _ => text.lines().filter_map(requirement).collect(),
    }
}

fn json_names(text: &str) -> BTreeSet<String> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return BTreeSet::new() };
    let groups = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
    groups.iter().filter_map(|group| value.get(group)?.as_object()).flat_map(|map| map.keys().cloned()).collect()
}

fn toml_names(text: &str) -> BTreeSet<String> {
    let Ok(value) = toml::from_str::<toml::Table>(text) else { return BTreeSet::new() };
    let mut names = BTreeSet::new();
    for group in ["dependencies", "dev-dependencies", "build-dependencies"] {
        names.extend(value.get(group).and_then(|v| v.as_table()).into_iter().flat_map(|table| table.keys().cloned()));
    }
    let project = value.get("project").and_then(|p| p.get("dependencies")).and_then(|d| d.as_array());
    names.extend(project.into_iter().flatten().filter_map(|v| requirement(v.as_str()?)));
    names
}

/// The name at the start of `name[extra]>=1.0 ; marker`.
fn requirement(line: &str) -> Option<String> {
    let line = line.trim();
    let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    (!name.is_empty() && !line.starts_with(['#', '-'])).then(|| name.to_ascii_lowercase())
}
