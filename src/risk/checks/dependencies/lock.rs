//! Lock files: whether they give a known version a new source or another hash. Texts that do not parse are ignored.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{REGISTRIES, host};
use crate::change::diff::Side;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// The entries of a lock file, by package and version.
type Entries = BTreeMap<String, Entry>;

#[derive(Debug, Default, Clone, PartialEq)]
struct Entry {
    /// The addresses of its sources.
    from: BTreeSet<String>,
    hashes: BTreeSet<String>,
}

/// What is wrong with an entry.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Hash,
    NoHash,
    Host(String, String),
    NewHost(String),
}

/// What is wrong in a lock file.
pub(super) struct Locked {
    pub finding: Finding,
    /// The only package that it is about.
    pub package: Option<String>,
    /// Where it comes from since.
    pub host: Option<String>,
}

pub(super) fn check(file: &FileUnderReview<'_>, kind: &str, rules: &Rules) -> Vec<Locked> {
    if file.old.is_none() || file.new.is_none() {
        return Vec::new();
    }
    let (before, after) = (entries(kind, file.decoded(Side::Old)), entries(kind, file.decoded(Side::New)));
    let mut wrong: BTreeMap<Wrong, Vec<&str>> = BTreeMap::new();
    for (name, what) in differences(&before, &after) {
        wrong.entry(what).or_default().push(name);
    }
    let locked = |(what, names): (&Wrong, &Vec<&str>)| {
        let host = match what {
            Wrong::Host(_, host) | Wrong::NewHost(host) => Some(host.clone()),
            Wrong::Hash | Wrong::NoHash => None,
        };
        let package = names.first().filter(|_| names.len() == 1).map(|name| without_version(name).to_owned());
        Some(Locked { finding: say(file, what, names, rules)?, package, host })
    };
    wrong.iter().filter_map(locked).collect()
}

/// The name of an entry, which has its version behind it.
fn without_version(entry: &str) -> &str {
    entry.rsplit_once([' ', '@']).map_or(entry, |(name, _)| name)
}

/// One finding for all packages with the same problem: they share one answer.
fn say(file: &FileUnderReview<'_>, what: &Wrong, names: &[&str], rules: &Rules) -> Option<Finding> {
    let first = names.first()?;
    let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
    let said = match what {
        Wrong::Hash => format!("{first}{more}: another hash"),
        Wrong::NoHash => format!("{first}{more}: the hash is gone"),
        Wrong::Host(old, new) => format!("{first}{more}: from {new}, not from {old}"),
        Wrong::NewHost(host) => format!("{first}{more}: from {host}"),
    };
    let name = without_version(first);
    let by_host = match what {
        Wrong::Host(_, host) | Wrong::NewHost(host) => Some(host.as_str()),
        _ => None,
    };
    let has = |(_, line): &&(u32, String)| line.contains(by_host.unwrap_or(name));
    let added = file.added();
    let line = added.iter().find(has).or(added.first()).map(|(number, line)| (Side::New, *number, line.as_str()));
    let removed = || file.removed().first().map(|(number, line)| (Side::Old, *number, line.as_str()));
    let (side, number, line) = line.or_else(removed)?;
    let found = rules.of_check("dep.lock", file, side, number, line)?;
    // Back to where everybody takes it from.
    let is_usual = matches!(what, Wrong::Host(_, host) if REGISTRIES.iter().any(|usual| host.ends_with(usual)));
    let most = if is_usual { Severity::Medium } else { found.severity };
    Some(Finding { title: format!("{}: {said}", found.title), severity: most.min(found.severity), ..found })
}

fn differences<'e>(before: &Entries, after: &'e Entries) -> Vec<(&'e str, Wrong)> {
    let known: BTreeSet<&str> = before.values().flat_map(hosts).collect();
    let mut found = Vec::new();
    for (name, new) in after {
        let news = hosts(new);
        match before.get(name) {
            Some(old) => {
                let olds = hosts(old);
                if let (Some(old), Some(new), true) = (olds.first(), news.first(), olds.is_disjoint(&news)) {
                    found.push((name.as_str(), Wrong::Host((*old).to_owned(), (*new).to_owned())));
                }
                found.extend(hash_differs(old, new).map(|what| (name.as_str(), what)));
            }
            None => {
                let is_strange =
                    |host: &&&str| !known.is_empty() && !known.contains(**host) && !REGISTRIES.contains(*host);
                found.extend(
                    news.iter().find(is_strange).map(|host| (name.as_str(), Wrong::NewHost((*host).to_owned()))),
                );
            }
        }
    }
    // A file without any hashes has a different format, which its tool chose.
    let has_hashes = after.values().any(|entry| !entry.hashes.is_empty());
    found.retain(|(_, what)| *what != Wrong::NoHash || has_hashes || after.len() == 1);
    found
}

fn hosts(entry: &Entry) -> BTreeSet<&str> {
    entry.from.iter().filter_map(|at| host(at)).map(same_host).collect()
}

/// One name for two hosts of the same operator.
fn same_host(host: &str) -> &str {
    if host == "registry.yarnpkg.com" { "registry.npmjs.org" } else { host }
}

/// Hashes of one algorithm are compared with one another; a version may gain files, and with them hashes.
fn hash_differs(old: &Entry, new: &Entry) -> Option<Wrong> {
    let algorithm = |hash: &str| hash.split(['-', ':']).next().filter(|name| name.len() < 9).unwrap_or("").to_owned();
    let of = |entry: &Entry| entry.hashes.iter().map(|hash| algorithm(hash)).collect::<BTreeSet<_>>();
    // The hash of a repository is that of its commit, which moves.
    let is_of_git = |entry: &Entry| entry.from.iter().any(|from| from.starts_with("git") || from.contains(".git#"));
    if is_of_git(old) && is_of_git(new) || old.hashes.is_empty() || !old.hashes.is_disjoint(&new.hashes) {
        return None;
    }
    if new.hashes.is_empty() {
        return Some(Wrong::NoHash);
    }
    (!of(old).is_disjoint(&of(new))).then_some(Wrong::Hash)
}

fn entries(kind: &str, text: &str) -> Entries {
    match kind {
        "package-lock.json" | "npm-shrinkwrap.json" => npm(text),
        "yarn.lock" => blocks(text, 0),
        "pnpm-lock.yaml" => blocks(text, 2),
        "Cargo.lock" | "poetry.lock" | "uv.lock" | "pdm.lock" => tables(text),
        "go.sum" => go(text),
        "Pipfile.lock" => pipfile(text),
        "Gemfile.lock" => gems(text),
        "composer.lock" => composer(text),
        _ => Entries::new(),
    }
}

fn add(entries: &mut Entries, name: String, from: Option<&str>, hashes: impl IntoIterator<Item = String>) {
    let entry = entries.entry(name).or_default();
    entry.from.extend(from.filter(|from| from.contains("://")).map(str::to_owned));
    entry.hashes.extend(hashes);
}

fn npm(text: &str) -> Entries {
    let mut all = Entries::new();
    let Ok(root) = serde_json::from_str::<Json>(text) else { return all };
    // A stack of our own: dependencies of version 1 are nested.
    let mut open: Vec<&Json> = ["packages", "dependencies"].iter().filter_map(|key| root.get(key)).collect();
    while let Some(group) = open.pop() {
        for (path, entry) in group.as_object().into_iter().flatten() {
            let get = |key: &str| entry.get(key).and_then(Json::as_str);
            let name = path.rsplit("node_modules/").next().unwrap_or(path);
            if let Some(version) = get("version").filter(|_| !name.is_empty()) {
                let hash = get("integrity").map(str::to_owned);
                add(&mut all, format!("{name}@{version}"), get("resolved"), hash);
            }
            open.extend(
                entry
                    .get("dependencies")
                    .filter(|inner| inner.as_object().is_some_and(|inner| inner.values().any(Json::is_object))),
            );
        }
    }
    all
}

/// Blocks of lines: of Yarn, `name@range:` with `version`, `resolved` and `integrity` below it; of pnpm,
/// `name@version:` with `resolution: {integrity: …, tarball: …}`. They begin `depth` blanks from the left: packages
/// that are indented further are only mentioned, as dependencies of a block.
fn blocks(text: &str, depth: usize) -> Entries {
    let mut all = Entries::new();
    let (mut name, mut version) = (String::new(), String::new());
    let value = |line: &str, key: &str| {
        let rest = &line[line.find(key)? + key.len()..];
        let rest = rest.trim_start_matches([':', ' ', '"', '\'']);
        Some(rest.split(['"', '\'', ' ', ',', '}']).next().unwrap_or(rest).to_owned())
    };
    for line in text.lines() {
        let bare = line.trim();
        let is_head = line.len() - line.trim_start().len() == depth;
        if is_head && bare.ends_with(':') && bare.contains('@') {
            let head = bare.trim_end_matches(':').trim_matches(['"', '\'']);
            let head = head.split(',').next().unwrap_or(head).trim().trim_start_matches('/').trim_matches('"');
            let at = head.rfind('@').filter(|at| *at > 0).unwrap_or(head.len());
            name = head[..at].to_owned();
            version = head[at..].trim_start_matches('@').to_owned();
        } else if bare.starts_with("version") {
            version = value(bare, "version").unwrap_or_default();
        }
        let of_line = |key: &str| bare.contains(key).then(|| value(bare, key)).flatten();
        let from = of_line("resolved").or_else(|| of_line("tarball"));
        let hash = of_line("integrity").or_else(|| of_line("checksum"));
        let is_known = (from.is_some() || hash.is_some()) && !name.is_empty();
        if is_known {
            let (from, in_from) = split_hash(from.as_deref());
            let hash = hash.or(in_from);
            add(&mut all, format!("{name}@{version}"), from, hash);
        }
    }
    all
}

/// Yarn puts a hash after the address: for an archive, a SHA-1 without the name of the algorithm.
fn split_hash(from: Option<&str>) -> (Option<&str>, Option<String>) {
    match from.and_then(|from| from.split_once('#')) {
        Some((from, hash)) => (Some(from), Some(format!("sha1-of-address:{hash}"))),
        None => (from, None),
    }
}

/// `[[package]]`, as Cargo, Poetry, uv and PDM write it.
fn tables(text: &str) -> Entries {
    let mut all = Entries::new();
    let Ok(root) = toml::from_str::<Table>(text) else { return all };
    for package in root.get("package").and_then(Value::as_array).into_iter().flatten() {
        let get = |key: &str| package.get(key).and_then(Value::as_str);
        let (Some(name), version) = (get("name"), get("version").unwrap_or_default()) else { continue };
        let files = package.get("files").and_then(Value::as_array).into_iter().flatten();
        let wheels = package.get("wheels").and_then(Value::as_array).into_iter().flatten();
        let files: Vec<&Value> = files.chain(wheels).chain(package.get("sdist")).collect();
        let of = |key: &str| files.iter().filter_map(|file| file.get(key)?.as_str()).collect::<Vec<_>>();
        let source = package.get("source");
        let registry = source.and_then(|source| source.get("registry").or(source.get("url"))?.as_str());
        let from = source.and_then(Value::as_str).or(registry);
        let hashes = of("hash").into_iter().chain(get("checksum")).map(str::to_owned);
        let name = format!("{name} {version}");
        add(&mut all, name.clone(), from, hashes);
        for url in of("url") {
            add(&mut all, name.clone(), Some(url), None);
        }
    }
    all
}

fn go(text: &str) -> Entries {
    let mut all = Entries::new();
    for line in text.lines() {
        let mut parts = line.split_whitespace();
        if let (Some(name), Some(version), Some(hash)) = (parts.next(), parts.next(), parts.next()) {
            add(&mut all, format!("{name} {version}"), None, Some(hash.to_owned()));
        }
    }
    all
}

fn pipfile(text: &str) -> Entries {
    let mut all = Entries::new();
    let Ok(root) = serde_json::from_str::<Json>(text) else { return all };
    for (name, entry) in ["default", "develop"].iter().filter_map(|group| root.get(group)?.as_object()).flatten() {
        let version = entry.get("version").and_then(Json::as_str).unwrap_or_default();
        let hashes = entry.get("hashes").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let from = entry.get("git").or(entry.get("file")).and_then(Json::as_str);
        add(&mut all, format!("{name} {version}"), from, hashes.map(str::to_owned));
    }
    let sources = root.pointer("/_meta/sources").and_then(Json::as_array).into_iter().flatten();
    for source in sources {
        let name = source.get("name").and_then(Json::as_str).unwrap_or("source");
        add(&mut all, format!("source {name}"), source.get("url").and_then(Json::as_str), None);
    }
    all
}

/// Specs are below the `remote:` that they come from; hashes are in a separate section.
fn gems(text: &str) -> Entries {
    let mut all = Entries::new();
    let mut remote = None;
    let mut section = "";
    for line in text.lines() {
        if !line.starts_with(' ') {
            section = line.trim();
            remote = None;
        }
        if let Some(at) = line.trim().strip_prefix("remote: ") {
            remote = Some(at);
        }
        let is_spec = line.starts_with("    ") && !line.starts_with("      ");
        let is_hash = section == "CHECKSUMS" && line.starts_with("  ");
        let Some((name, rest)) = line.trim().split_once(" (").filter(|_| is_spec || is_hash) else { continue };
        let (version, hash) = rest.split_once(')').unwrap_or((rest, ""));
        let hash = hash.trim().replacen('=', ":", 1);
        let hash = Some(hash).filter(|hash| is_hash && !hash.is_empty());
        add(&mut all, format!("{name} {version}"), remote, hash);
    }
    all
}

fn composer(text: &str) -> Entries {
    let mut all = Entries::new();
    let Ok(root) = serde_json::from_str::<Json>(text) else { return all };
    for package in ["packages", "packages-dev"].iter().filter_map(|group| root.get(group)?.as_array()).flatten() {
        let get = |pointer: &str| package.pointer(pointer).and_then(Json::as_str);
        let (Some(name), Some(version)) = (get("/name"), get("/version")) else { continue };
        let hash = get("/dist/shasum").or(get("/dist/reference")).filter(|hash| !hash.is_empty());
        add(&mut all, format!("{name} {version}"), get("/dist/url").or(get("/source/url")), hash.map(str::to_owned));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(kind: &str, old: &str, new: &str) -> Vec<Wrong> {
        let (old, new) = (entries(kind, old), entries(kind, new));
        assert!(!old.is_empty() && !new.is_empty(), "{kind}: {old:?} {new:?}");
        differences(&old, &new).into_iter().map(|(_, what)| what).collect()
    }

    #[test]
    fn a_package_that_a_block_only_names_has_no_hash_of_its_own() {
        let yarn = |checksum: &str| {
            format!(
                "\"a@npm:^1.0.0\":\n  version: {checksum}\n  peerDependencies:\n    \"@x/b\": 1\n  \
                 peerDependenciesMeta:\n    \"@x/b\":\n      optional: true\n  checksum: 10c0/{checksum}\n"
            )
        };
        assert_eq!(wrong("yarn.lock", &yarn("1111"), &yarn("2222")), []);
    }

    #[test]
    fn another_hash_of_the_same_version_is_found_in_every_format_and_of_another_version_in_none() {
        let texts = [
            (
                "package-lock.json",
                "{\"packages\": {\"node_modules/a\": {\"version\": \"1.0.0\", \"integrity\": \"sha512-AAAAAAAAAAAA\"}}}",
            ),
            (
                "yarn.lock",
                "a@^1.0.0:\n  version \"1.0.0\"\n  resolved \"https://registry.yarnpkg.com/a.tgz\"\n  integrity sha512-AAAAAAAAAAAA\n",
            ),
            (
                "yarn.lock",
                "\"a@npm:^1.0.0\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  checksum: AAAAAAAAAAAA\n",
            ),
            ("pnpm-lock.yaml", "packages:\n  a@1.0.0:\n    resolution: {integrity: sha512-AAAAAAAAAAAA}\n"),
            ("Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"AAAAAAAAAAAA\"\n"),
            (
                "poetry.lock",
                "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nfiles = [{file = \"a\", hash = \"sha256:AAAAAAAAAAAA\"}]\n",
            ),
            (
                "uv.lock",
                "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsdist = { url = \"https://a.b/c\", hash = \"sha256:AAAAAAAAAAAA\" }\n",
            ),
            ("go.sum", "a.b/c v1.0.0 h1:AAAAAAAAAAAA=\n"),
            (
                "Pipfile.lock",
                "{\"default\": {\"a\": {\"version\": \"==1.0.0\", \"hashes\": [\"sha256:AAAAAAAAAAAA\"]}}}",
            ),
            (
                "Gemfile.lock",
                "GEM\n  remote: https://rubygems.org/\n  specs:\n    a (1.0.0)\n\nCHECKSUMS\n  a (1.0.0) sha256=AAAAAAAAAAAA\n",
            ),
            (
                "composer.lock",
                "{\"packages\": [{\"name\": \"a/a\", \"version\": \"1.0.0\", \"dist\": {\"shasum\": \"AAAAAAAAAAAA\"}}]}",
            ),
        ];
        for (kind, text) in texts {
            assert_eq!(wrong(kind, text, &text.replace("AAAAAAAAAAAA", "BBBBBBBBBBBB")), [Wrong::Hash], "{kind}");
            let raised = text.replace("AAAAAAAAAAAA", "BBBBBBBBBBBB").replace("1.0.0", "1.0.1");
            assert_eq!(wrong(kind, text, &raised), [], "{kind}");
        }
    }

    #[test]
    fn another_host_and_a_hash_that_is_gone_are_found() {
        let entry = |host: &str, hash: &str| {
            format!(
                "{{\"packages\": {{\"node_modules/a\": {{\"version\": \"1.0.0\", \"resolved\": \"https://{host}/a.tgz\"{hash}}}}}}}"
            )
        };
        let old = entry("registry.npmjs.org", ", \"integrity\": \"sha512-A\"");
        let new = entry("x.example", "");
        let host = Wrong::Host("registry.npmjs.org".to_owned(), "x.example".to_owned());
        assert_eq!(wrong("package-lock.json", &old, &new), [host, Wrong::NoHash]);
        assert_eq!(wrong("package-lock.json", &old, &old.replace("registry.npmjs.org", "registry.yarnpkg.com")), []);
        let gem = "GEM\n  remote: https://rubygems.org/\n  specs:\n    a (1.0.0)\n";
        assert_eq!(wrong("Gemfile.lock", gem, &gem.replace("rubygems.org", "g.example")).len(), 1);
    }
}
