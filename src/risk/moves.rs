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

/// Extensions under which the same text is read, run and built in the same way: other names of one format, without
/// those that say how a file is loaded, such as `.mjs`, and those that a tool picks by a glob, such as `.conf`.
const RUN_ALIKE: &[&[&str]] =
    &[&["yaml", "yml"], &["js", "jsx", "ts", "tsx"], &["htm", "html"], &["cpp", "cc", "cxx"], &["hpp", "hh", "hxx"]];

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
        self.kind_of(a) == self.kind_of(b) && self.are_run_alike(a, b) && self.look_alike_at(a, b)
    }

    /// What decides how a file at this path is read, but for its extension.
    fn kind_of<'p>(&'p self, path: &'p str) -> impl PartialEq {
        let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let folder = self.goes_by_folder(path).then_some(folder);
        // Files of one class may be run by different machines, each for a different reason. Code that is shared and
        // code that is not are run in the same way: they differ only in who uses them.
        let (class, why) = self.class_of(path);
        let is_ordinary = folder.is_none() && matches!(class, BlastClass::B1 | BlastClass::B2);
        let reach = (!is_ordinary).then_some((class, why));
        ((reach, is_test(path), is_sample(path)), kind_of_machine_file(path), checks::manifest(path), folder)
    }

    /// Whether two paths have extensions under which the same text means the same. Where a tool looks for a file by its
    /// name, which is where its folder decides, in hidden folders, and in the root, only the same extension will do.
    fn are_run_alike(&self, a: &str, b: &str) -> bool {
        let (of_a, of_b) = (extension(a), extension(b));
        let is_sought = |path: &str| {
            self.goes_by_folder(path) || !path.contains('/') || path.split('/').any(|part| part.starts_with('.'))
        };
        let is_known = RUN_ALIKE.iter().any(|names| names.contains(&of_a) && names.contains(&of_b));
        of_a == of_b || is_known && !is_sought(a) && !is_sought(b)
    }
}
