//! From the paths of a change to the packages that they are in, and from there to all that depend on them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Builder, Package, Packages};
use crate::change::{RepoPath, counted, visible};
use crate::risk::blast::extension;
use crate::risk::{BlastClass, BlastReason};

/// The most packages of a change whose dependents are followed: those with the most direct ones.
const MAX_FOLLOWED: usize = 20;
/// The most of them that are told.
const MAX_TOLD: usize = 5;
/// The most names in a sentence, and of one kind in all.
const MAX_NAMED: usize = 3;
const MAX_NAMES: usize = 20;
/// The most dependents of one package whose folders are kept.
const MAX_FOLDERS: usize = 100;
/// The most characters of a name.
const MAX_NAME: usize = 48;
/// From how many dependents on, and which share of all packages in percent, a mistake is felt by a whole service.
const MANY: usize = 5;
const LARGE_SHARE: usize = 30;

/// A package that a change touches, and those that depend on it. Names are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageReach {
    /// What builds it.
    pub builder: Builder,
    /// Its name.
    pub name: String,
    /// Its folder; empty for the root.
    pub folder: RepoPath,
    /// The first path of the change in it.
    pub path: RepoPath,
    /// The first of those that depend on it directly, by name.
    pub direct: Vec<String>,
    /// The first of those that depend on these.
    pub further: Vec<String>,
    /// Names and folders of those that depend on it, the direct ones first; as many as are kept.
    pub needed_by: Vec<(String, RepoPath)>,
    /// How many depend on it directly.
    pub direct_count: usize,
    /// How many depend on it in all.
    pub count: usize,
    /// How many packages the builder has.
    pub of: usize,
    /// Whether there may be more: not all manifests were read.
    pub is_at_least: bool,
}

/// What the packages say of a change.
pub(in crate::risk) struct Reach {
    /// Those that it touches and on which others depend, most dependents first.
    pub packages: Vec<PackageReach>,
    /// How far that is.
    pub reasons: Vec<BlastReason>,
    /// That it touches several.
    pub several: Option<BlastReason>,
}

/// A package that a change touches.
struct Touched<'p> {
    at: usize,
    package: &'p Package,
    path: &'p RepoPath,
}

impl Packages {
    /// What depends on the packages of these paths.
    pub(in crate::risk) fn reach_of(&self, paths: &[&RepoPath]) -> Reach {
        let touched = self.touched(paths);
        let (packages, more) = self.dependents(&touched);
        let mut reasons = reasons(&packages, more);
        // A manifest that does not parse is no reason to say so of every change.
        let remark = self.remark().filter(|_| self.left_out > 0 || self.is_cut || self.is_failed);
        reasons.extend(remark.zip(paths.iter().min()).map(|(remark, path)| BlastReason {
            class: BlastClass::B1,
            sentence: format!("may be in more packages' reach: {remark}"),
            path: (*path).clone(),
        }));
        Reach { packages, reasons, several: across(&touched) }
    }

    /// The packages that paths are in, by builder and folder, each with its first path.
    fn touched<'p>(&'p self, paths: &[&'p RepoPath]) -> Vec<Touched<'p>> {
        let mut by_folder: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, package) in self.list.iter().enumerate() {
            by_folder.entry(&package.folder).or_default().push(at);
        }
        let mut touched: BTreeMap<usize, &RepoPath> = BTreeMap::new();
        for path in paths {
            for at in self.innermost(&by_folder, &path.lossy()) {
                let first = touched.entry(at).or_insert(path);
                *first = (*first).min(path);
            }
        }
        touched.into_iter().map(|(at, path)| Touched { at, package: &self.list[at], path }).collect()
    }

    /// The packages of the innermost folder that has some. Bazel's count besides: it has one in every second folder.
    fn innermost(&self, by_folder: &HashMap<&str, Vec<usize>>, path: &str) -> Vec<usize> {
        let own = |folder: &str, is_bazel: bool| -> Vec<usize> {
            let here = by_folder.get(folder).into_iter().flatten().copied();
            here.filter(|at| (self.list[*at].builder == Builder::Bazel) == is_bazel && self.list[*at].holds(path))
                .collect()
        };
        let find = |is_bazel| {
            let folders = super::upwards(super::folder_of(path));
            folders.map(|folder| own(folder, is_bazel)).find(|found| !found.is_empty()).unwrap_or_default()
        };
        [find(false), find(true)].concat()
    }

    /// What depends on the touched packages, most dependents first; the second is how many more have some and were not
    /// followed.
    fn dependents(&self, touched: &[Touched<'_>]) -> (Vec<PackageReach>, usize) {
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); self.list.len()];
        for (at, package) in self.list.iter().enumerate() {
            package.needs.iter().for_each(|other| needed_by[*other].push(at));
        }
        let mut needed: Vec<&Touched<'_>> = touched.iter().filter(|own| !needed_by[own.at].is_empty()).collect();
        needed.sort_by_key(|own| (std::cmp::Reverse(needed_by[own.at].len()), own.at));
        let more = needed.len().saturating_sub(MAX_FOLLOWED);
        let mut of: BTreeMap<Builder, usize> = BTreeMap::new();
        self.list.iter().for_each(|package| *of.entry(package.builder).or_default() += 1);
        let followed = needed.into_iter().take(MAX_FOLLOWED);
        let mut found: Vec<PackageReach> =
            followed.map(|own| self.followed(own, &needed_by, of[&own.package.builder])).collect();
        found.sort_by(|a, b| (b.count, a.builder, &a.folder).cmp(&(a.count, b.builder, &b.folder)));
        (found, more)
    }

    fn followed(&self, own: &Touched<'_>, needed_by: &[Vec<usize>], of: usize) -> PackageReach {
        let direct = &needed_by[own.at];
        // What depends on itself in a circle is met once.
        let mut seen: BTreeSet<usize> = [own.at].into();
        let mut ahead = vec![own.at];
        while let Some(at) = ahead.pop() {
            ahead.extend(needed_by[at].iter().copied().filter(|other| seen.insert(*other)));
        }
        let sorted = |mut all: Vec<usize>| {
            all.sort_by_key(|at| (&self.list[*at].name, *at));
            all
        };
        // In the order of the list.
        let is_direct = |at: &usize| direct.binary_search(at).is_ok();
        let further = seen.iter().copied().filter(|at| *at != own.at && !is_direct(at)).collect();
        let (direct, further) = (sorted(direct.clone()), sorted(further));
        let named = |all: &[usize]| all.iter().take(MAX_NAMES).map(|at| shown(&self.list[*at].name)).collect();
        let folder = |at: &usize| (shown(&self.list[*at].name), self.list[*at].folder.as_str().into());
        PackageReach {
            builder: own.package.builder,
            name: shown(&own.package.name),
            folder: own.package.folder.as_str().into(),
            path: own.path.clone(),
            direct: named(&direct),
            further: named(&further),
            needed_by: direct.iter().chain(&further).take(MAX_FOLDERS).map(folder).collect(),
            direct_count: direct.len(),
            count: seen.len() - 1,
            of,
            is_at_least: self.remark().is_some(),
        }
    }
}

impl Package {
    /// Whether a path below its folder belongs to it. Terraform at the root does not make a module of all else there.
    fn holds(&self, path: &str) -> bool {
        const OF_TERRAFORM: &[&str] = &["tf", "tfvars", "hcl", "tftpl"];
        self.builder != Builder::Terraform || !self.folder.is_empty() || OF_TERRAFORM.contains(&extension(path))
    }
}

/// Names are written by whoever can change a manifest.
fn shown(name: &str) -> String {
    let name = visible::text(name);
    let cut = name.char_indices().nth(MAX_NAME).map(|(at, _)| at);
    cut.map_or_else(|| name.to_string(), |at| format!("{}…", &name[..at]))
}

/// The first names, and how many more there are.
fn list(names: &[String], count: usize) -> String {
    let shown = &names[..names.len().min(MAX_NAMED)];
    let more = if count > shown.len() { format!(" and {} more", count - shown.len()) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

impl PackageReach {
    /// The class by this alone.
    pub fn class(&self) -> BlastClass {
        let is_large = self.count >= MANY && self.count * 100 > self.of * LARGE_SHARE;
        if is_large { BlastClass::B3 } else { BlastClass::B2 }
    }

    /// `is in core; 3 packages depend on this one: api, cli, web`.
    pub fn sentence(&self) -> String {
        let noun = self.builder.noun();
        let verb = if self.count == 1 { "depends" } else { "depend" };
        let at_least = if self.is_at_least { "at least " } else { "" };
        let directly = match self.direct_count {
            direct if direct == self.count => String::new(),
            direct => format!(", {direct} of them directly"),
        };
        let names: Vec<String> = self.direct.iter().chain(&self.further).cloned().collect();
        let count = counted(self.count, noun);
        format!("is in {}; {at_least}{count} {verb} on this one{directly}: {}", self.name, list(&names, self.count))
    }

    /// The package, those that depend on it, and those that depend on these: `core ← api, cli ← web`.
    pub fn picture(&self) -> String {
        let further = self.count - self.direct_count;
        let beyond = if further > 0 { format!(" ← {}", list(&self.further, further)) } else { String::new() };
        format!("{} ← {}{beyond}", self.name, list(&self.direct, self.direct_count))
    }
}

/// The reasons by what depends on the touched packages.
fn reasons(reach: &[PackageReach], more: usize) -> Vec<BlastReason> {
    let told = reach.iter().take(MAX_TOLD);
    let mut reasons: Vec<BlastReason> =
        told.map(|own| BlastReason { class: own.class(), sentence: own.sentence(), path: own.path.clone() }).collect();
    let rest = reach.len() - reasons.len() + more;
    if let Some(next) = reach.get(MAX_TOLD) {
        let one_of = if rest == 1 { "1 more package".to_owned() } else { format!("one of {rest} more packages") };
        let sentence = format!("is in {one_of} on which others depend");
        reasons.push(BlastReason { class: next.class(), sentence, path: next.path.clone() });
    }
    reasons
}

/// The reason that a change touches several packages: each with its own manifest, and not at the root.
fn across(touched: &[Touched<'_>]) -> Option<BlastReason> {
    let own = touched.iter().filter(|own| !own.package.folder.is_empty());
    let mut by_folder: BTreeMap<&str, &Touched<'_>> = BTreeMap::new();
    own.for_each(|own| _ = by_folder.entry(&own.package.folder).or_insert(own));
    let path = by_folder.values().map(|own| own.path).min().filter(|_| by_folder.len() > 1)?;
    let names: Vec<String> = by_folder.values().take(MAX_NAMED).map(|own| shown(&own.package.name)).collect();
    let sentence = format!("touches {} packages: {}", by_folder.len(), list(&names, by_folder.len()));
    Some(BlastReason { class: BlastClass::B2, sentence, path: path.clone() })
}
