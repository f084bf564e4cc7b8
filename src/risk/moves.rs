//! Which moves of a file do not change its meaning.

use super::blast::{extension, is_sample, is_test};
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
        let folder = |path: &str| {
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            self.goes_by_folder(path).then_some(folder)
        };
        let kind = |path: &str| {
            // Files of one class may be run by different machines, each for a different reason.
            let by_rules = (self.class_of(path), is_test(path), is_sample(path), extension(path).to_owned());
            (by_rules, kind_of_machine_file(path), checks::manifest(path), folder(path))
        };
        kind(a) == kind(b) && self.look_alike_at(a, b)
    }
}
