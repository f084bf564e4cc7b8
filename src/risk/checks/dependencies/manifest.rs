//! Manifests: the dependencies of a text, and their sources. Read leniently: one that does not parse has none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;
use toml::{Table, Value};

/// A kind of manifest: the lock files that would contain its dependencies, and its list of well-known names.
pub(super) struct Manifest {
    pub name: &'static str,
    pub locks: &'static [&'static str],
    pub known: &'static str,
    read: fn(&str) -> Asked,
}

/// Where packages come from, by name.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub packages: BTreeMap<String, Source>,
    /// Addresses of registries, mirrors and indexes.
    pub registries: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Registry,
    /// A folder of this repository or machine.
    Folder,
    /// A repository, an archive, another package: where, and whether a commit or hash pins the content.
    Elsewhere {
        at: String,
        pinned: bool,
    },
}

pub(super) const MANIFESTS: &[Manifest] = &[
    Manifest {
        name: "package.json",
        locks: &["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "npm-shrinkwrap.json"],
        known: "npm",
        read: npm,
    },
    Manifest { name: "Cargo.toml", locks: &["Cargo.lock"], known: "crates", read: cargo },
    Manifest { name: "pyproject.toml", locks: &["poetry.lock", "uv.lock", "pdm.lock"], known: "pypi", read: pyproject },
    Manifest { name: "Pipfile", locks: &["Pipfile.lock"], known: "pypi", read: pyproject },
    Manifest { name: "requirements.txt", locks: &[], known: "pypi", read: requirements },
    Manifest { name: "go.mod", locks: &["go.sum"], known: "go", read: go },
    Manifest { name: "Gemfile", locks: &["Gemfile.lock"], known: "gems", read: gems },
    Manifest { name: "pom.xml", locks: &[], known: "maven", read: maven },
    Manifest { name: "build.gradle", locks: &["gradle.lockfile"], known: "maven", read: gradle },
    Manifest { name: "composer.json", locks: &["composer.lock"], known: "packagist", read: composer },
    // Files that only say where packages come from.
    Manifest { name: ".npmrc", locks: &[], known: "npm", read: addresses },
    Manifest { name: "pip.conf", locks: &[], known: "pypi", read: addresses },
    Manifest { name: "config.toml", locks: &[], known: "crates", read: addresses },
    Manifest { name: "settings.xml", locks: &[], known: "maven", read: maven },
];

/// The kind of manifest that a path is.
pub(super) fn of_path(path: &str) -> Option<&'static Manifest> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = folder.rsplit('/').next().unwrap_or(folder);
    let lower = name.to_ascii_lowercase();
    let is_list = lower.ends_with(".txt")
        && (lower.contains("requirements") || lower.starts_with("constraints") || folder == "requirements");
    let kind = match name {
        _ if is_list => "requirements.txt",
        "build.gradle.kts" | "settings.gradle" | "settings.gradle.kts" => "build.gradle",
        ".yarnrc" | ".yarnrc.yml" | "bunfig.toml" | ".pnpmrc" => ".npmrc",
        "pip.ini" | ".pip.conf" => "pip.conf",
        "config" | "config.toml" if folder != ".cargo" => return None,
        "config" => "config.toml",
        "settings.xml" if folder != ".m2" && folder != ".mvn" => return None,
        _ if lower.ends_with(".gemspec") => "Gemfile",
        name => name,
    };
    MANIFESTS.iter().find(|manifest| manifest.name == kind)
}

impl Manifest {
    pub fn read(&self, text: &str) -> Asked {
        (self.read)(text)
    }
}

impl Source {
    fn elsewhere(at: &str) -> Source {
        let fixed = at.rsplit(['#', '@']).next().unwrap_or_default();
        let is_commit = fixed.len() == 40 && fixed.bytes().all(|byte| byte.is_ascii_hexdigit());
        Source::Elsewhere { at: at.to_owned(), pinned: is_commit || at.contains("sha256=") }
    }

    /// The source without the part that only pins its version.
    pub fn place(&self) -> Option<&str> {
        match self {
            Source::Elsewhere { at, .. } => {
                let at = at.split('#').next().unwrap_or(at);
                // A version of the same repository, `…/name.git@v2`, is no other place.
                let name = at.rfind('/').map_or(0, |slash| slash + 1);
                let end = at[name..].find('@').map_or(at.len(), |sign| name + sign);
                Some(at[..end].trim_end_matches(".git"))
            }
            _ => None,
        }
    }
}

impl Asked {
    fn add(&mut self, name: &str, source: Source) {
        self.packages.insert(name.to_ascii_lowercase(), source);
    }

    fn add_registry(&mut self, address: &str) {
        self.registries.insert(address.trim_matches(['"', '\'', '/', ' ']).to_owned());
    }
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

fn npm(text: &str) -> Asked {
    let mut asked = Asked::default();
    let Ok(root) = serde_json::from_str::<Json>(text) else { return asked };
    let groups = ["dependencies", "devDependencies", "optionalDependencies", "overrides", "resolutions"];
    for (name, from) in groups.iter().filter_map(|group| root.get(group)?.as_object()).flatten() {
        if let Some(from) = from.as_str() {
            let (own, source) = (npm_name(name), npm_source(npm_name(name), from));
            // One of two sources must not hide the other.
            let is_other = asked.packages.get(own).is_some_and(|known| *known != source);
            asked.packages.insert(if is_other { name } else { own }.to_owned(), source);
        }
    }
    asked
}

/// The package of an entry: `resolutions` names it after those that ask for it (`parent/name`, `**/@scope/name`), and
/// with the version that is asked for (`name@npm:^1`).
fn npm_name(entry: &str) -> &str {
    let end = entry.char_indices().find(|(at, c)| *c == '@' && *at > 0 && !entry[..*at].ends_with('/'));
    let path = end.map_or(entry, |(at, _)| &entry[..at]);
    let name = path.rfind('/').map_or(0, |slash| {
        let owner = path[..slash].rfind('/').map_or(0, |before| before + 1);
        if path[owner..].starts_with('@') { owner } else { slash + 1 }
    });
    &path[name..]
}

fn npm_source(name: &str, from: &str) -> Source {
    let starts = |list: &[&str]| list.iter().any(|start| from.starts_with(start));
    if starts(&["workspace:", "file:", "link:", "portal:", "catalog:", "patch:"]) {
        return Source::Folder;
    }
    let is_short = from.contains('/') && !from.starts_with(['@', '.', '/', '~']) && !from.contains([' ', ':']);
    if starts(&["git+", "git:", "git@", "ssh:", "http:", "https:", "github:", "gitlab:", "bitbucket:", "gist:"])
        || is_short
    {
        return Source::elsewhere(from);
    }
    match from.strip_prefix("npm:").map(|other| other.rfind('@').filter(|at| *at > 0).map_or(other, |at| &other[..at]))
    {
        Some(other) if other != name => Source::elsewhere(&format!("npm:{other}")),
        _ => Source::Registry,
    }
}

fn cargo(text: &str) -> Asked {
    let mut asked = Asked::default();
    let Ok(root) = toml::from_str::<Table>(text) else { return asked };
    let of_targets =
        root.get("target").and_then(Value::as_table).into_iter().flatten().filter_map(|(_, of)| of.as_table());
    let workspace = root.get("workspace").and_then(Value::as_table);
    for table in std::iter::once(&root).chain(workspace).chain(of_targets) {
        for group in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, entry) in table.get(group).and_then(Value::as_table).into_iter().flatten() {
                asked.add(name, table_source(entry, name));
            }
        }
    }
    let patches = root.get("patch").and_then(Value::as_table).into_iter().flatten().filter_map(|(_, of)| of.as_table());
    let replaced = root.get("replace").and_then(Value::as_table);
    for (name, entry) in patches.chain(replaced).flatten() {
        // Under the name of the package: it no longer comes from the registry.
        let name = name.split(':').next().unwrap_or(name);
        if let source @ Source::Elsewhere { .. } = table_source(entry, name) {
            asked.add(name, source);
        }
    }
    asked
}

/// Where an entry of TOML comes from: `{ git = "…", rev = "…" }`, `{ path = "…" }`.
fn table_source(entry: &Value, name: &str) -> Source {
    let get = |key: &str| entry.get(key).and_then(Value::as_str);
    let fixed = get("rev").filter(|rev| rev.len() >= 7);
    match get("git").or(get("url")).or(get("registry-index")) {
        Some(at) => match fixed {
            Some(rev) => Source::Elsewhere { at: format!("{at}#{rev}"), pinned: true },
            None => Source::elsewhere(at),
        },
        None if get("path").is_some() || entry.get("workspace").is_some() => Source::Folder,
        None => match get("package").filter(|package| *package != name) {
            // A local alias: the dependency is the package itself.
            Some(package) if package.replace('-', "_") != name.replace('-', "_") => Source::Registry,
            _ => Source::Registry,
        },
    }
}

fn pyproject(text: &str) -> Asked {
    let mut asked = Asked::default();
    let Ok(root) = toml::from_str::<Table>(text) else { return asked };
    let under = |path: &[&str]| path.iter().try_fold(&root, |table, key| table.get(*key)?.as_table());
    let project = under(&["project"]);
    let mut lists: Vec<&Value> = project.and_then(|project| project.get("dependencies")).into_iter().collect();
    for groups in [under(&["project", "optional-dependencies"]), under(&["dependency-groups"])] {
        lists.extend(groups.into_iter().flatten().map(|(_, list)| list));
    }
    lists.extend(under(&["build-system"]).and_then(|system| system.get("requires")));
    for entry in lists.iter().filter_map(|list| list.as_array()).flatten().filter_map(Value::as_str) {
        add_requirement(&mut asked, entry);
    }
    let poetry = under(&["tool", "poetry"]);
    let of_groups = poetry.and_then(|poetry| poetry.get("group")?.as_table()).into_iter().flatten();
    let mut tables: Vec<&Table> = of_groups.filter_map(|(_, group)| group.get("dependencies")?.as_table()).collect();
    for (table, keys) in [(poetry, ["dependencies", "dev-dependencies"]), (Some(&root), ["packages", "dev-packages"])] {
        tables.extend(keys.iter().filter_map(|key| table?.get(*key)?.as_table()));
    }
    tables.extend(under(&["tool", "uv", "sources"]));
    for (name, entry) in tables.into_iter().flatten().filter(|(name, _)| *name != "python") {
        asked.add(&name.replace('_', "-"), table_source(entry, name));
    }
    let indexes =
        [poetry.and_then(|poetry| poetry.get("source")), under(&["tool", "uv"]).and_then(|uv| uv.get("index"))];
    let indexes = indexes.into_iter().chain([root.get("source")]).flatten().filter_map(Value::as_array).flatten();
    for address in indexes.filter_map(|index| index.get("url")?.as_str()) {
        asked.add_registry(address);
    }
    asked
}

fn requirements(text: &str) -> Asked {
    let mut asked = addresses(text);
    text.lines().for_each(|line| add_requirement(&mut asked, line));
    asked
}

/// `name[extra]>=1.0 ; marker`, `name @ git+https://…`, `-e git+https://…#egg=name`, as PyPI compares names.
fn add_requirement(asked: &mut Asked, line: &str) {
    let line = line.split(" #").next().unwrap_or(line).trim();
    let line = line.strip_prefix("-e ").or(line.strip_prefix("--editable ")).unwrap_or(line).trim();
    let is_address = ["git+", "hg+", "http://", "https://", "git://"].iter().any(|start| line.starts_with(start));
    if is_address {
        let named = line.split_once("#egg=").map(|(_, name)| name.split(['&', '[']).next().unwrap_or(name));
        let last = line.split(['#', '?', '@']).next().and_then(|at| at.rsplit('/').next());
        let name = named.or(last).unwrap_or(line).trim_end_matches(".git");
        return asked.add(name, Source::elsewhere(line));
    }
    let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    if name.is_empty() || line.starts_with(['#', '-', '.', '/']) {
        return;
    }
    let source = match line.split_once(" @ ").or_else(|| line.split_once("@ ")) {
        Some((_, at)) if at.trim().starts_with("file:") => Source::Folder,
        Some((_, at)) => Source::elsewhere(at.trim()),
        None => Source::Registry,
    };
    asked.add(&name.replace('_', "-"), source);
}

/// Modules without `/v2` at the end: the same module in another version is not new.
pub(super) fn bare_module(name: &str) -> &str {
    match name.rsplit_once("/v") {
        Some((bare, version)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => name,
    }
}

fn go(text: &str) -> Asked {
    let mut asked = Asked::default();
    let lines = || text.lines().map(|line| line.trim()).filter(|line| !line.starts_with("//"));
    for line in lines().filter(|line| !line.contains("=>")) {
        let required = line.trim_start_matches("require ").trim();
        if let Some((name, _)) = required.split_once(" v").filter(|_| !line.contains("// indirect")) {
            asked.add(bare_module(name), Source::Registry);
        }
    }
    for (old, new) in lines().filter_map(|line| line.split_once("=>")) {
        let old = old.trim().trim_start_matches("replace ").trim();
        let old = bare_module(old.split(' ').next().unwrap_or(old));
        let new = new.trim();
        let at = bare_module(new.split(' ').next().unwrap_or(new));
        let source = if at.starts_with(['.', '/']) {
            Source::Folder
        } else if at.eq_ignore_ascii_case(old) {
            Source::Registry
        } else {
            Source::Elsewhere { at: at.to_owned(), pinned: false }
        };
        asked.add(old, source);
    }
    asked
}

static GEM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r#"^\s*(?:gem|\w+\.add_(?:runtime_|development_)?dependency)[\s(]+["']([\w.-]+)["'](.*)$"#)
});
static GEM_FROM: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"\b(git|github|gitlab|bitbucket|gist|source|path)(?::|"?\s*=>)\s*["']([^"']+)["']"#));
static GEM_REV: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r#"\bref(?::|"?\s*=>)\s*["'][0-9a-f]{40}["']"#));

fn gems(text: &str) -> Asked {
    let mut asked = addresses(text);
    let captures = text.lines().filter_map(|line| GEM.as_ref()?.captures(line));
    for (name, rest) in captures.map(|captures| captures.extract()).map(|(_, [name, rest])| (name, rest)) {
        let from = GEM_FROM.as_ref().and_then(|regex| regex.captures(rest)).map(|captures| captures.extract().1);
        let pinned = GEM_REV.as_ref().is_some_and(|regex| regex.is_match(rest));
        let source = match from {
            None => Source::Registry,
            Some(["path", _]) => Source::Folder,
            Some([_, at]) => Source::Elsewhere { at: at.to_owned(), pinned },
        };
        asked.add(name, source);
    }
    asked
}

static MAVEN_PACKAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"<(?:dependency|plugin)>\s*<groupId>\s*([\w.-]+)\s*</groupId>\s*<artifactId>\s*([\w.-]+)\s*</artifactId>")
});
static MAVEN_PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?s)<(?:repository|pluginRepository|mirror|snapshotRepository)>.{0,800}?<url>\s*([^<\s]+)\s*</url>")
});

fn maven(text: &str) -> Asked {
    let mut asked = Asked::default();
    for captures in MAVEN_PACKAGE.iter().flat_map(|regex| regex.captures_iter(text)) {
        let (_, [group, artifact]) = captures.extract();
        asked.add(&format!("{group}:{artifact}"), Source::Registry);
    }
    for captures in MAVEN_PLACE.iter().flat_map(|regex| regex.captures_iter(text)) {
        asked.add_registry(captures.extract::<1>().1[0]);
    }
    asked
}

static GRADLE_PACKAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?m)^\s*\w*(?:[iI]mplementation|[aA]pi|[cC]lasspath|[oO]nly|[pP]rocessor|compile|kapt|ksp)\b[\s(]+(?:\w+\()?["']([\w.-]+):([\w.-]+)(?::[^"']*)?["']"#,
    )
});
static GRADLE_PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?m)(?:\burl\b\s*[=(]?\s*(?:uri\s*\(\s*)?|\bmaven\s*\(\s*)["'](\w+://[^"']+)["']"#));

fn gradle(text: &str) -> Asked {
    let mut asked = Asked::default();
    for captures in GRADLE_PACKAGE.iter().flat_map(|regex| regex.captures_iter(text)) {
        let (_, [group, artifact]) = captures.extract();
        asked.add(&format!("{group}:{artifact}"), Source::Registry);
    }
    for captures in GRADLE_PLACE.iter().flat_map(|regex| regex.captures_iter(text)) {
        asked.add_registry(captures.extract::<1>().1[0]);
    }
    asked
}

fn composer(text: &str) -> Asked {
    let mut asked = Asked::default();
    let Ok(root) = serde_json::from_str::<Json>(text) else { return asked };
    for (name, _) in ["require", "require-dev"].iter().filter_map(|group| root.get(group)?.as_object()).flatten() {
        if name.contains('/') {
            asked.add(name, Source::Registry);
        }
    }
    let places = root.get("repositories").into_iter().flat_map(|places| match places {
        Json::Array(list) => list.iter().collect::<Vec<_>>(),
        Json::Object(map) => map.values().collect(),
        _ => Vec::new(),
    });
    for place in places.filter(|place| place.get("type").and_then(Json::as_str) != Some("path")) {
        if let Some(address) = place.get("url").and_then(Json::as_str) {
            asked.add_registry(address);
        }
    }
    asked
}

static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?mi)^\s*(?:(?:@[\w.-]+:)?registry|"?npmRegistryServer"?|--?(?:extra-)?index-url|-i|--find-links|(?:extra-)?index-url|find-links|source|index|\[?install\]?\.registry)\s*[=:\s(]\s*["']?((?:sparse\+|git\+)?https?://[^\s"',)]+)"#,
    )
});
static UNCHECKED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r#"(?mi)^\s*(?:--?)?(strict-ssl\s*[=:\s]\s*"?false|trusted-host[\s=]+\S+|enableStrictSsl:\s*false)"#)
});

/// Addresses of registries in line-based texts, and options that switch off their checks.
fn addresses(text: &str) -> Asked {
    let mut asked = Asked::default();
    for captures in [&ADDRESS, &UNCHECKED].iter().filter_map(|regex| regex.as_ref()).flat_map(|r| r.captures_iter(text))
    {
        asked.add_registry(captures.extract::<1>().1[0]);
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> Asked {
        of_path(path).unwrap().read(text)
    }

    fn elsewhere(asked: &Asked) -> Vec<&str> {
        let of =
            |(name, source): (&'_ String, &Source)| matches!(source, Source::Elsewhere { .. }).then_some(name.clone());
        let names: BTreeSet<String> = asked.packages.iter().filter_map(of).collect();
        asked.packages.keys().filter(|name| names.contains(*name)).map(String::as_str).collect()
    }

    #[test]
    fn a_resolution_is_of_the_package_that_it_ends_with_and_hides_no_other_source() {
        for (entry, name) in [
            ("lodash", "lodash"),
            ("@scope/a", "@scope/a"),
            ("i18next-parser/i18next", "i18next"),
            ("**/@scope/a", "@scope/a"),
            ("@scope/a/@other/b", "@other/b"),
            ("@scope/a/b", "b"),
            ("ws@npm:~8.17.1", "ws"),
            ("@scope/a@npm:^1", "@scope/a"),
            ("x/ws@1/y", "ws"),
            ("", ""),
        ] {
            assert_eq!(npm_name(entry), name, "{entry}");
        }
        let text = r#"{"dependencies": {"a": "git://h/a"}, "resolutions": {"p/a": "^1", "p/b": "git://h/b"}}"#;
        assert_eq!(elsewhere(&of("package.json", text)), ["a", "b"]);
    }

    #[test]
    fn what_comes_from_elsewhere_than_the_registry_is_told_in_every_kind_of_manifest() {
        let texts = [
            (
                "a/package.json",
                "{\"dependencies\": {\"a\": \"^1\", \"b\": \"me/b\", \"c\": \"npm:d@1\", \"e\": \"file:e\"}}",
                "b c",
            ),
            ("Cargo.toml", "[dependencies]\na = \"1\"\nb = { git = \"https://h/b\" }\nc = { path = \"c\" }\n", "b"),
            ("Cargo.toml", "[dependencies]\na = \"1\"\n[patch.crates-io]\na = { git = \"https://h/a\" }\n", "a"),
            ("pyproject.toml", "[project]\ndependencies = [\"a>1\", \"b @ git+https://h/b\"]\n", "b"),
            (
                "pyproject.toml",
                "[project]\ndependencies = [\"a>1\"]\n[tool.uv.sources]\na = { git = \"https://h/a\" }\n",
                "a",
            ),
            ("requirements/dev.txt", "a==1\n-e git+https://h/b.git#egg=b\nhttps://h/c.whl\n", "b c.whl"),
            ("go.mod", "require (\n\ta.b/c v1.0.0\n)\nreplace a.b/c => d.e/c v1.0.1\nreplace x.y/z => ../z\n", "a.b/c"),
            ("Gemfile", "gem 'a', '~> 1'\ngem \"b\", github: \"me/b\"\ngem 'c', path: 'c'\n", "b"),
        ];
        for (path, text, names) in texts {
            assert_eq!(elsewhere(&of(path, text)).join(" "), names, "{path}: {text}");
        }
    }

    #[test]
    fn addresses_of_registries_are_told_and_others_are_not() {
        let texts = [
            (".npmrc", "registry=https://r.example/\n@me:registry=http://m.example\n//r.example/:_authToken=x\n", 2),
            ("requirements.txt", "--extra-index-url https://p.example/simple\na==1  # https://a.example\n", 1),
            (
                "pom.xml",
                "<url>https://home.example</url><repository><id>x</id><url>http://r.example</url></repository>",
                1,
            ),
            ("build.gradle.kts", "repositories { maven { url = uri(\"https://r.example\") } }", 1),
            ("Gemfile", "source 'https://rubygems.org'\ngem 'a'\n", 1),
            ("pyproject.toml", "[[tool.poetry.source]]\nname = \"x\"\nurl = \"https://r.example\"\n", 1),
        ];
        for (path, text, count) in texts {
            assert_eq!(of(path, text).registries.len(), count, "{path}");
        }
    }
}
