//! Which moves of a file do not change its meaning.

use super::blast::{BlastClass, extension, is_sample, is_test};
use super::{Rules, checks, facts, kind_of_machine_file};
use crate::change::RepoPath;

/// Extensions that are other names of a format.
const SAME: &[(&str, &[&str])] = &[
    ("yaml", &["yml"]),
    ("json", &["json5", "jsonc"]),
    ("js", &["ts", "mjs", "cjs", "mts", "cts", "jsx", "tsx"]),
    ("conf", &["cfg", "cnf"]),
    ("sh", &["bash"]),
    ("tf", &["tofu"]),
    ("md", &["markdown"]),
    ("html", &["htm"]),
    ("sql", &["psql", "pgsql"]),
    ("cpp", &["cc", "cxx"]),
    ("hpp", &["hh", "hxx"]),
];

/// Names of folders that only hold the code of a program: no tool runs, loads or serves a file because it is in one.
const ORDINARY: &[&str] = &["src", "lib", "libs", "pkg", "core", "common", "shared", "util", "utils", "internal"];

/// The format of a path by its extension; a template has that of what it makes.
fn format(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = facts::without_template(name);
    let extension = extension(name);
    SAME.iter().find(|(_, others)| others.contains(&extension)).map_or(extension, |(format, _)| format)
}

/// Whether two paths are of one format, so that a text may be read as either.
pub fn are_of_one_format(a: &RepoPath, b: &RepoPath) -> bool {
    format(&a.lossy()) == format(&b.lossy())
}

impl Rules {
    /// Whether a file that moved from one path to the other means the same: rules and checks treat both paths alike,
    /// and so does whatever runs, applies or follows the file.
    pub fn mean_the_same_by(&self, a: &RepoPath, b: &RepoPath) -> bool {
        let (a, b) = (&*a.lossy(), &*b.lossy());
        let kind = |path: &str| {
            let (class, why) = self.class_of(path);
            // Code that is shared and code that is not run in the same way, and differ only in who uses them. Other
            // files of one class may be run by different machines, each for a different reason.
            let is_free = are_ordinary(a, b) && matches!(class, BlastClass::B1 | BlastClass::B2);
            let reach = (!is_free).then(|| (class, why.to_owned()));
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            let folder = self.goes_by_folder(path).then_some(folder);
            let by_rules = (reach, is_test(path), is_sample(path), extension(path).to_owned());
            (by_rules, kind_of_machine_file(path), checks::manifest(path), folder)
        };
        kind(a) == kind(b) && self.look_alike_at(a, b)
    }
}

/// Whether two paths differ only in folders with ordinary names.
fn are_ordinary(a: &str, b: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
    let differ = || a.iter().zip(&b).filter(|(a, b)| a != b);
    a.len() == b.len() && differ().all(|(a, b)| ORDINARY.contains(a) && ORDINARY.contains(b))
}
