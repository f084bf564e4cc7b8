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

/// Names of folders in which frameworks run, load or serve whatever they find, besides those that the table of reaches
/// knows.
const LOADED: &[&str] = &[
    "addons",
    "admin",
    "agents",
    "api",
    "app",
    "apps",
    "assets",
    "autoload",
    "automations",
    "autostart",
    "bin",
    "boot",
    "cgi-bin",
    "cmd",
    "commands",
    "conf",
    "config",
    "consumers",
    "controllers",
    "cookbooks",
    "cron",
    "cronjobs",
    "crons",
    "dags",
    "deploy",
    "events",
    "extensions",
    "functions",
    "group_vars",
    "handlers",
    "hooks",
    "host_vars",
    "htdocs",
    "init",
    "initializers",
    "inventory",
    "jobs",
    "lambda",
    "lambdas",
    "launchagents",
    "launchdaemons",
    "layouts",
    "listeners",
    "middleware",
    "migrate",
    "migrations",
    "mixins",
    "models",
    "modules",
    "mu-plugins",
    "observers",
    "pages",
    "playbooks",
    "plugins",
    "prompts",
    "public",
    "public_html",
    "recipes",
    "roles",
    "routes",
    "sbin",
    "schedules",
    "scripts",
    "seeders",
    "seeds",
    "server",
    "services",
    "site-packages",
    "skills",
    "static",
    "subscribers",
    "tasks",
    "templates",
    "templatetags",
    "themes",
    "triggers",
    "views",
    "webroot",
    "workers",
    "workflows",
    "wwwroot",
    "www",
];

/// Those among them whose files are of use only to a program that names them, so that within one class they may move.
const IN_USE: &[&str] = &["assets", "conf", "config", "static"];

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
            let is_free = differ_in_nothing_loaded(a, b) && matches!(class, BlastClass::B1 | BlastClass::B2);
            let reach = (!is_free).then(|| (class, why.to_owned()));
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            let folder = self.goes_by_folder(path).then_some(folder);
            // The name of a directory may decide alone that a file is run, whatever its class.
            let loaded = folders(path)
                .filter(|own| !is_plain(own) && !IN_USE.contains(own))
                .map(str::to_owned)
                .collect::<Vec<_>>();
            let by_rules = (reach, loaded, is_test(path), is_sample(path), extension(path).to_owned());
            (by_rules, kind_of_machine_file(path), checks::manifest(path), folder)
        };
        kind(a) == kind(b) && self.look_alike_at(a, b)
    }
}

/// Whether two paths of one file name differ only in folders whose names mean nothing to any tool, however many there
/// are: `src` and `packages/core/src`.
fn differ_in_nothing_loaded(a: &str, b: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
    let shortest = a.len().min(b.len());
    let head = a.iter().zip(&b).take(shortest - 1).take_while(|(a, b)| a == b).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take(shortest - head).take_while(|(a, b)| a == b).count();
    let own = |path: &[&str]| path[head..path.len() - tail].iter().all(|folder| is_plain(folder));
    tail > 0 && own(&a) && own(&b)
}

fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit_once('/').into_iter().flat_map(|(folders, _)| folders.split('/'))
}

/// A name that is no framework's: those also use signs, as in `[id]`, `_layouts` and `.husky`, or say by their end that
/// all in them is loaded, as `sudoers.d` and `filter_plugins` do.
fn is_plain(folder: &str) -> bool {
    let is_sign = |c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.');
    let name = folder.to_ascii_lowercase();
    folder.starts_with(char::is_alphanumeric)
        && !folder.contains(is_sign)
        && !name.ends_with(".d")
        && !name.ends_with("_plugins")
        && !LOADED.contains(&name.as_str())
}
