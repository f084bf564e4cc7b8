//! Dependencies: names that nobody published or that imitate others (`dep.phantom`, `dep.typosquat`), new ones that no
//! lock file pins (`dep.new`), packages with a new source (`dep.source`), and lock files that change what they say
//! about the same version (`dep.lock`).

mod imports;
mod lock;
mod manifest;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use crate::change::diff::Side;
use crate::risk::blast::{is_sample, is_test};
use crate::risk::finding::as_one;
use crate::risk::{FileUnderReview, Finding, Place, Rules, Severity};
use imports::Imports;
use lock::Locked;
use manifest::{Asked, MANIFESTS, Manifest, Source};

/// The name of the manifest or lock file that a path is.
pub(in crate::risk) fn manifest(path: &str) -> Option<&'static str> {
    manifest::of_path(path).map(|manifest| manifest.name).or_else(|| lock_name(path))
}

fn lock_name(path: &str) -> Option<&'static str> {
    let own = path.rsplit('/').next().unwrap_or(path);
    MANIFESTS.iter().flat_map(|manifest| manifest.locks).copied().find(|name| *name == own)
}

/// New names that no lock file seen so far contains, and the lock files that were seen.
#[derive(Default)]
pub(super) struct Dependencies {
    unlocked: Vec<Unlocked>,
    /// By file name: the texts in lower case.
    locks: BTreeMap<&'static str, Vec<String>>,
    imports: Imports,
    /// Packages with a new source, and what lock files say otherwise.
    sources: Vec<Sourced>,
    locked: Vec<Locked>,
}

/// A package with a new source.
struct Sourced {
    name: String,
    host: Option<String>,
    finding: Finding,
}

struct Unlocked {
    name: String,
    locks: &'static [&'static str],
    /// The texts for: the lock files of the change do not contain it, and there is no lock file.
    phantom: Option<Finding>,
    new: Option<Finding>,
}

/// Hosts of the default registries of each tool, and of their mirrors by the same operators.
const REGISTRIES: &[&str] = &[
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "npm.jsr.io",
    "pypi.org",
    "pypi.python.org",
    "files.pythonhosted.org",
    "test.pypi.org",
    "download.pytorch.org",
    "rubygems.org",
    "index.rubygems.org",
    "repo.maven.apache.org",
    "repo1.maven.org",
    "maven.google.com",
    "dl.google.com",
    "plugins.gradle.org",
    "index.crates.io",
    "static.crates.io",
    "crates.io",
    "proxy.golang.org",
    "repo.packagist.org",
    "packagist.org",
    "api.nuget.org",
    "repo.spring.io",
    "central.sonatype.com",
    "oss.sonatype.org",
    "s01.oss.sonatype.org",
];

impl Dependencies {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let path = file.path();
        self.imports.read(file, rules);
        if let Some(lock) = lock_name(&path) {
            let text = String::from_utf8_lossy(file.new_text()).to_ascii_lowercase();
            self.imports.declare(lock, &text);
            self.locks.entry(lock).or_default().push(text);
            self.locked.extend(lock::check(file, lock, rules));
            return Vec::new();
        }
        match manifest::of_path(&path).filter(|_| !is_test(&path) && !is_sample(&path)) {
            Some(manifest) => self.of_manifest(manifest, file, rules),
            None => Vec::new(),
        }
    }

    fn of_manifest(&mut self, manifest: &Manifest, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let (old, new) = (String::from_utf8_lossy(file.old_text()), String::from_utf8_lossy(file.new_text()));
        let (before, after) = (manifest.read(&old), manifest.read(&new));
        self.imports.declare(manifest.name, &new.to_ascii_lowercase());
        let look = Look { file, rules, before: &before, after: &after };
        self.sources.extend(look.sources());
        let mut found = look.registries();
        let names: BTreeSet<String> = before.packages.keys().cloned().collect();
        let lower = old.to_ascii_lowercase();
        for (name, _) in after.packages.iter().filter(|(name, source)| {
            **source == Source::Registry && !before.packages.contains_key(*name) && !mentions(&lower, name)
        }) {
            match names::imitated(name, &names, (manifest.known, rules.known_packages(manifest.known))) {
                Some(other) => found.extend(look.say("dep.typosquat", name, &format!("{name}, {other}"))),
                None => self.unlocked.push(Unlocked {
                    name: name.to_ascii_lowercase(),
                    locks: manifest.locks,
                    phantom: look.say("dep.phantom", name, name).filter(|_| !is_builder(manifest, name)),
                    // All of a manifest that is new would be new.
                    new: look.say("dep.new", name, name).filter(|_| file.old.is_some()),
                }),
            }
        }
        found
    }

    pub fn finish(self) -> Vec<Finding> {
        let Dependencies { unlocked, locks, imports, sources, locked } = self;
        // A lock file that the change does not touch may already contain the name.
        let say = |new: Unlocked| {
            let mut seen = new.locks.iter().filter_map(|lock| locks.get(lock)).flatten().peekable();
            if seen.peek().is_none() {
                return new.new;
            }
            new.phantom.filter(|_| !seen.any(|text| mentions(text, &new.name)))
        };
        let mut found: Vec<Finding> = unlocked.into_iter().filter_map(say).collect();
        found.extend(imports.finish());
        found.extend(with_locks(sources, locked));
        found
    }
}

/// Packages with a new source, each with what a lock file says of it: it comes from there, and has no hash or another
/// one. What a lock file says of another host, or of others, is a finding of its own.
fn with_locks(sources: Vec<Sourced>, mut locked: Vec<Locked>) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in sources {
        let is_of_it = |own: &Locked| {
            own.package.as_ref() == Some(&source.name) && (own.host.is_none() || own.host == source.host)
        };
        let (own, others) = locked.into_iter().partition(is_of_it);
        locked = others;
        found.extend(with_lock(source.finding, own));
    }
    found.extend(locked.into_iter().map(|own| own.finding));
    found
}

fn with_lock(source: Finding, locked: Vec<Locked>) -> Option<Finding> {
    let Finding { rule, title, why, ask, .. } = source.clone();
    let all: Vec<Finding> = std::iter::once(source).chain(locked.into_iter().map(|own| own.finding)).collect();
    let one = as_one(all)?;
    let of = |at: usize| Place { location: one.location_at(at).clone(), title: one.title_at(at).to_owned() };
    let places = (0..one.places.len()).map(of).collect();
    Some(Finding { rule, title, why, ask, places, ..one })
}

/// What builds a package of Python: no lock file names it.
const BUILDERS: &[&str] = &[
    "cython",
    "flit-core",
    "flit_core",
    "hatch-vcs",
    "hatchling",
    "maturin",
    "pdm-backend",
    "poetry-core",
    "setuptools",
    "setuptools-scm",
    "wheel",
];

/// Whether what is named builds a package, and is not part of it.
fn is_builder(manifest: &Manifest, name: &str) -> bool {
    manifest.known == "pypi" && BUILDERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a text, in lower case, contains the name as a whole; for `group:artifact`, both parts.
fn mentions(text: &str, name: &str) -> bool {
    name.split(':').all(|part| has_word(text, part))
}

fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let whole = |name: &str| {
        text.match_indices(name)
            .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part))
    };
    whole(name) || name.contains('-') && whole(&name.replace('-', "_"))
}

/// A manifest before and after.
struct Look<'a, 'f> {
    file: &'a FileUnderReview<'f>,
    rules: &'a Rules,
    before: &'a Asked,
    after: &'a Asked,
}

impl Look<'_, '_> {
    /// Packages with a new source, and new ones that do not come from the registry.
    fn sources(&self) -> Vec<Sourced> {
        let said = |(name, source): (&String, &Source)| {
            let before = self.before.packages.get(name);
            let severity = match (before, source) {
                (Some(Source::Elsewhere { .. }), Source::Elsewhere { .. }) if before?.place() == source.place() => {
                    return None;
                }
                (Some(Source::Registry), Source::Folder) => Severity::Medium,
                (None, Source::Elsewhere { pinned: true, .. }) => Severity::Medium,
                (_, Source::Elsewhere { .. }) => Severity::High,
                _ => return None,
            };
            let at = source.place().unwrap_or("a folder");
            let found = self.say("dep.source", name, &format!("{name} from {at}"))?;
            let host = source.place().and_then(host).map(str::to_owned);
            Some(Sourced { name: name.clone(), host, finding: Finding { severity, ..found } })
        };
        self.after.packages.iter().filter_map(said).collect()
    }

    fn registries(&self) -> Vec<Finding> {
        let is_own = |address: &&String| {
            let host = host(address);
            address.starts_with("http://") || !host.is_some_and(|host| REGISTRIES.contains(&host))
        };
        let new = self.after.registries.difference(&self.before.registries).filter(is_own);
        // If the host is the same as before, only the path differs.
        let known: BTreeSet<&str> = self.before.registries.iter().filter_map(|address| host(address)).collect();
        let new = new.filter(|address| {
            address.starts_with("http://") || !host(address).is_some_and(|host| known.contains(host))
        });
        new.filter_map(|address| self.say("dep.source", address, &format!("packages from {address}"))).collect()
    }

    /// At the first added line that has the name.
    fn say(&self, id: &str, name: &str, what: &str) -> Option<Finding> {
        let added = self.file.added();
        let short = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
        let has = |text: &str, line: &str| line.to_ascii_lowercase().contains(text);
        let group = name.split(':').next().unwrap_or(name).to_ascii_lowercase();
        let spelled = [short.clone(), group, short.replace('-', "_")];
        let (number, line) = spelled.iter().find_map(|text| added.iter().find(|(_, line)| has(text, line)))?;
        let found = self.rules.of_check(id, self.file, Side::New, *number, line)?;
        Some(Finding { title: format!("{}: {what}", found.title), ..found })
    }
}

/// The host of an address.
fn host(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.split(':').next().unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use crate::risk::tests::findings;

    #[test]
    fn a_package_with_a_new_source_is_one_finding_with_its_lock_unless_that_names_another_host() {
        let manifest = |of: &str| format!("{{\n  \"dependencies\": {{\n    \"left\": \"{of}\"\n  }}\n}}\n");
        let lock = |of: &str| {
            format!(
                "{{\n  \"lockfileVersion\": 3,\n  \"packages\": {{\n    \"node_modules/left\": {{\n\
                    \x20     \"version\": \"1.0.0\",\n{of}    }}\n  }}\n}}\n"
            )
        };
        let usual = lock(
            "      \"resolved\": \"https://registry.npmjs.org/left/-/left-1.0.0.tgz\",\n\
                \x20     \"integrity\": \"sha512-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n",
        );
        let rules = |host: &str| {
            let new = lock(&format!(
                "      \"resolved\": \"git+ssh://git@{host}/x/left.git#0123456789012345678901234567890123456789\"\n"
            ));
            let (old, now) = (manifest("1.0.0"), manifest("git+https://github.com/x/left.git#main"));
            let found = findings(&[("package.json", &old, &now), ("package-lock.json", &usual, &new)]);
            found.into_iter().map(|found| (found.rule.clone(), found.count())).collect::<Vec<_>>()
        };
        assert_eq!(rules("github.com"), [("dep.source".to_owned(), 3)]);
        assert!(rules("evil.example").iter().any(|(rule, _)| rule == "dep.lock"));
    }
}
