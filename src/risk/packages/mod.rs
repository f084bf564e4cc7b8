//! Packages, and which depend on which, by the manifests of a tree: Cargo, npm and its kin, Go, Maven, Gradle, Bazel,
//! Terraform. Manifests are read leniently: what does not parse is counted, and has no packages. Nothing is run, and no
//! dependency is looked up anywhere else.

mod bazel;
mod cargo;
mod go;
mod gradle;
mod maven;
mod node;
mod reach;
mod terraform;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::blast::{is_sample, is_test};
use super::kind_of_machine_file;
pub use reach::PackageReach;

/// The most packages, and dependencies between them, that are kept: some hundred KB, and more than people divide a
/// repository into.
const MAX_PACKAGES: usize = 5_000;
const MAX_NEEDS: usize = 40_000;
/// The most folders that manifests name, before it is known which of them have packages.
const MAX_NAMED: usize = 100_000;
/// The most bytes of a name or a path that a manifest gives.
const MAX_NAME: usize = 512;

/// What builds a package, and says what it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Builder {
    /// `Cargo.toml`.
    Cargo,
    /// `package.json`, with the workspaces of npm, yarn and pnpm.
    Node,
    /// `go.mod`, `go.work`.
    Go,
    /// `pom.xml`.
    Maven,
    /// `settings.gradle`, `build.gradle`.
    Gradle,
    /// `BUILD`, below a `MODULE.bazel` or `WORKSPACE`.
    Bazel,
    /// A folder with `*.tf` or `terragrunt.hcl`.
    Terraform,
}

impl Builder {
    /// What it calls one package.
    pub fn noun(self) -> &'static str {
        match self {
            Builder::Cargo | Builder::Node | Builder::Bazel => "package",
            Builder::Go | Builder::Maven | Builder::Terraform => "module",
            Builder::Gradle => "project",
        }
    }

    /// Which kind of manifest a path is, by its name.
    fn of(path: &str) -> Option<Builder> {
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(match name {
            "Cargo.toml" => Builder::Cargo,
            "package.json" | "pnpm-workspace.yaml" => Builder::Node,
            "go.mod" | "go.work" => Builder::Go,
            "pom.xml" => Builder::Maven,
            "settings.gradle" | "settings.gradle.kts" | "build.gradle" | "build.gradle.kts" => Builder::Gradle,
            "BUILD" | "BUILD.bazel" | "MODULE.bazel" | "WORKSPACE" | "WORKSPACE.bazel" => Builder::Bazel,
            "terragrunt.hcl" => Builder::Terraform,
            name if name.ends_with(".tf") => Builder::Terraform,
            _ => return None,
        })
    }
}

/// Whether a path is a manifest that is read. Tests and samples may depend on anything without a consequence.
pub fn is_manifest(path: &str) -> bool {
    Builder::of(path).is_some() && !is_test(path) && !is_sample(path) && kind_of_machine_file(path).is_none()
}

/// A manifest of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestText {
    /// Its path.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// The manifests of a tree, as far as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifests {
    /// In any order.
    pub texts: Vec<ManifestText>,
    /// How many were found and not read: beyond the limits, no text, or too large.
    pub left_out: usize,
    /// The tree has more folders than are walked.
    pub is_cut: bool,
    /// Some objects could not be read: they may be there later.
    pub is_failed: bool,
}

/// The packages of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    list: Vec<Package>,
    /// Manifests that were read.
    read: usize,
    left_out: usize,
    /// Manifests that do not parse.
    broken: usize,
    is_cut: bool,
    is_failed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Package {
    builder: Builder,
    /// As its manifest has it; not escaped.
    name: String,
    /// Empty for the root.
    folder: String,
    /// Positions of the packages that it depends on, sorted.
    needs: Vec<usize>,
}

/// What the manifests say, before they are joined: packages by builder and folder, with the folders of the packages
/// that they depend on.
#[derive(Debug, Default)]
struct Book {
    packages: BTreeMap<(Builder, String), (String, BTreeSet<String>)>,
    /// How many folders they name.
    named: usize,
    /// Whether they name more than are kept.
    is_cut: bool,
    broken: usize,
}

impl Book {
    fn add(&mut self, builder: Builder, folder: &str, name: &str, mut needs: BTreeSet<String>) {
        let room = MAX_NAMED - self.named;
        if needs.len() > room {
            self.is_cut = true;
            needs = needs.into_iter().take(room).collect();
        }
        self.named += needs.len();
        self.packages.insert((builder, folder.to_owned()), (cut(name).to_owned(), needs));
    }
}

impl Packages {
    /// Reads manifests. Their order changes nothing.
    pub fn of(manifests: &Manifests) -> Packages {
        let mut by_builder: BTreeMap<Builder, Vec<&ManifestText>> = BTreeMap::new();
        for text in &manifests.texts {
            by_builder.entry(Builder::of(&text.path).unwrap_or(Builder::Node)).or_default().push(text);
        }
        let mut book = Book::default();
        for (builder, mut texts) in by_builder {
            texts.sort_by(|a, b| a.path.cmp(&b.path));
            match builder {
                Builder::Cargo => cargo::read(&texts, &mut book),
                Builder::Node => node::read(&texts, &mut book),
                Builder::Go => go::read(&texts, &mut book),
                Builder::Maven => maven::read(&texts, &mut book),
                Builder::Gradle => gradle::read(&texts, &mut book),
                Builder::Bazel => bazel::read(&texts, &mut book),
                Builder::Terraform => terraform::read(&texts, &mut book),
            }
        }
        let Manifests { texts, left_out, is_cut, is_failed } = manifests;
        Packages { read: texts.len(), left_out: *left_out, is_failed: *is_failed, ..joined(book, *is_cut) }
    }

    /// Of a tree that could not be read at all.
    pub fn unreadable() -> Packages {
        Packages { is_failed: true, ..Packages::default() }
    }

    /// Whether objects were missing, so that more may be known later.
    pub fn is_failed(&self) -> bool {
        self.is_failed
    }

    /// Why more may depend on a package than is known, as a clause; none if all was read.
    pub(super) fn remark(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.left_out > 0 {
            parts.push(format!("{} of {} manifests were read", self.read, self.read + self.left_out));
        }
        if self.is_cut || self.is_failed {
            parts.push("not all folders were read".to_owned());
        }
        if self.broken > 0 {
            let verb = if self.broken == 1 { "does" } else { "do" };
            parts.push(format!("{} {verb} not parse", crate::change::counted(self.broken, "manifest")));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Numbers the packages, and drops dependencies on folders that have none.
fn joined(book: Book, is_cut: bool) -> Packages {
    let Book { packages, broken, .. } = book;
    let mut is_cut = is_cut || book.is_cut || packages.len() > MAX_PACKAGES;
    let kept: Vec<_> = packages.into_iter().take(MAX_PACKAGES).collect();
    let at: HashMap<(Builder, &str), usize> =
        kept.iter().enumerate().map(|(at, ((builder, folder), _))| ((*builder, folder.as_str()), at)).collect();
    let (mut room, mut needs) = (MAX_NEEDS, Vec::with_capacity(kept.len()));
    for (own, ((builder, _), (_, folders))) in kept.iter().enumerate() {
        let found = folders.iter().filter_map(|folder| at.get(&(*builder, folder.as_str())).copied());
        let mut found: Vec<usize> = found.filter(|other| *other != own).collect();
        is_cut |= found.len() > room;
        found.truncate(room);
        found.sort_unstable();
        room -= found.len();
        needs.push(found);
    }
    let package = |(((builder, folder), (name, _)), needs)| Package { builder, name, folder, needs };
    let list = kept.into_iter().zip(needs).map(package).collect();
    Packages { list, broken, is_cut, ..Packages::default() }
}

/// The folder of a path.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A folder, and those that contain it, the innermost first; the root is empty, and last.
fn upwards(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| (!folder.is_empty()).then(|| folder_of(folder)))
}

/// A folder by its path from another one; none if it is not in the repository.
fn joined_path(folder: &str, relative: &str) -> Option<String> {
    if relative.len() > MAX_NAME || relative.starts_with('/') || relative.contains(['\\', '\0']) {
        return None;
    }
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in relative.split('/') {
        match name {
            "" | "." => {}
            ".." => _ = names.pop()?,
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// As much of a name as is kept.
fn cut(name: &str) -> &str {
    let end = name.char_indices().map(|(at, _)| at).nth(MAX_NAME / 4).unwrap_or(name.len());
    &name[..end]
}

#[cfg(test)]
mod tests;
