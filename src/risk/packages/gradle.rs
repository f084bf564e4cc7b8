//! Gradle: the projects of a `settings.gradle`, in Groovy or Kotlin, and which of them a build file names. What a
//! script computes is not known. Dependencies of tests only are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Book, Builder, ManifestText, folder_of, joined_path};

static INCLUDE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\binclude\b\s*\(?((?:\s*["'][^"'\n]{1,200}["']\s*,?)+)"#).ok());
static TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"["']([^"'\n]+)["']"#).ok());
static FOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"project\(\s*["'](:[^"'\n]+)["']\s*\)\.projectDir\s*=\s*(?:new\s+)?[Ff]ile\((?:\s*[\w.]+\s*,)?\s*["']([^"'\n]+)["']"#,
    )
    .ok()
});
static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\brootProject\.name\s*=\s*["']([^"'\n]+)["']"#).ok());
static PROJECT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bproject\(\s*(?:path\s*[:=]\s*)?["'](:[^"'\n]+)["']"#).ok());
static ACCESSOR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bprojects\.([A-Za-z0-9_.]+)").ok());
static OF_TESTS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\s*\w*[tT]est\w*\s*[( ]").ok());

pub(super) fn read(texts: &[&ManifestText], book: &mut Book) {
    let is_settings = |manifest: &&&ManifestText| manifest.path.contains("settings.gradle");
    let mut scripts: BTreeMap<&str, String> = BTreeMap::new();
    for manifest in texts.iter().filter(|manifest| !is_settings(manifest)) {
        scripts.insert(folder_of(&manifest.path), without_comments(&manifest.text));
    }
    for manifest in texts.iter().filter(is_settings) {
        let root = folder_of(&manifest.path);
        let text = without_comments(&manifest.text);
        let projects = projects(root, &text);
        let accessors: BTreeMap<String, &String> =
            projects.iter().map(|(path, folder)| (accessor(path, ':'), folder)).collect();
        for (path, folder) in &projects {
            let script = scripts.get(folder.as_str()).map_or("", String::as_str);
            let name = if path == ":" { root_name(&text).unwrap_or_else(|| ":".to_owned()) } else { path.clone() };
            book.add(Builder::Gradle, folder, &name, needs(script, &projects, &accessors));
        }
    }
}

/// The folders of the projects, by their paths; `:` is the root.
fn projects(root: &str, settings: &str) -> BTreeMap<String, String> {
    let mut projects = BTreeMap::from([(":".to_owned(), root.to_owned())]);
    let lists = INCLUDE.iter().flat_map(|regex| regex.captures_iter(settings)).filter_map(|found| found.get(1));
    for name in lists.flat_map(|list| texts_in(list.as_str())) {
        let path = format!(":{}", name.trim_start_matches(':'));
        if let Some(folder) = joined_path(root, &path[1..].replace(':', "/")) {
            projects.insert(path, folder);
        }
    }
    for found in FOLDER.iter().flat_map(|regex| regex.captures_iter(settings)) {
        let told = found[2].trim_start_matches("$rootDir/").trim_start_matches("${rootDir}/");
        if let Some((folder, own)) = joined_path(root, told).zip(projects.get_mut(&found[1])) {
            *own = folder;
        }
    }
    projects
}

fn texts_in(list: &str) -> Vec<String> {
    TEXT.iter().flat_map(|regex| regex.captures_iter(list)).map(|found| found[1].to_owned()).collect()
}

fn root_name(settings: &str) -> Option<String> {
    NAME.as_ref()?.captures(settings).map(|found| found[1].to_owned())
}

/// The folders of the projects that a build file names.
fn needs(script: &str, projects: &BTreeMap<String, String>, accessors: &BTreeMap<String, &String>) -> BTreeSet<String> {
    let mut needs = BTreeSet::new();
    for line in script.lines().filter(|line| !OF_TESTS.as_ref().is_some_and(|regex| regex.is_match(line))) {
        let named = PROJECT.iter().flat_map(|regex| regex.captures_iter(line));
        needs.extend(named.filter_map(|found| projects.get(&found[1]).cloned()));
        let accessed = ACCESSOR.iter().flat_map(|regex| regex.captures_iter(line));
        needs.extend(accessed.filter_map(|found| {
            // A property of the project may follow.
            let whole = accessor(&found[1], '.');
            let shorter = std::iter::successors(Some(whole.as_str()), |path| Some(path.rsplit_once('.')?.0));
            shorter.take(3).find_map(|path| accessors.get(path)).map(|folder| (*folder).clone())
        }));
    }
    needs
}

/// The path of a project as an accessor spells it, without letter case: `:core:my-lib` is `projects.core.myLib`.
fn accessor(path: &str, between: char) -> String {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    path.split(between).map(plain).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(".")
}

/// Without comments; lines stay lines.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut quote) = (text, None);
    while let Some(c) = rest.chars().next() {
        let skipped = match quote {
            None if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            None if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => 0,
        };
        if skipped > 0 {
            plain.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
            continue;
        }
        quote = match (quote, c) {
            (None, '"' | '\'') => Some(c),
            (Some(own), c) if c == own || c == '\n' => None,
            (quote, _) => quote,
        };
        plain.push(c);
        rest = &rest[c.len_utf8()..];
    }
    plain
}
