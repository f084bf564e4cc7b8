//! Terraform: folders with `*.tf`, and the modules that they use by path; Terragrunt's units and what they depend on.
//! A module that comes from a registry or a repository is not in the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Book, Builder, ManifestText, folder_of, joined_path};

static PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^\s*(?:source|config_path)\s*=\s*"([^"\n]{1,500})""#).ok());
/// What Terragrunt writes for the root of the repository.
const ROOT: &str = "${get_repo_root()}/";

pub(super) fn read(texts: &[&ManifestText], book: &mut Book) {
    let mut modules: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for manifest in texts {
        let folder = folder_of(&manifest.path);
        let needs = modules.entry(folder).or_default();
        let places =
            manifest.text.lines().filter_map(|line| PLACE.as_ref()?.captures(line)).map(|found| found[1].to_owned());
        needs.extend(places.filter_map(|place| local(folder, &place)));
    }
    for (folder, needs) in modules {
        book.add(Builder::Terraform, folder, if folder.is_empty() { "." } else { folder }, needs);
    }
}

/// The folder of a module in the repository: `../modules/network`, `../modules//network`.
fn local(folder: &str, place: &str) -> Option<String> {
    match place.strip_prefix(ROOT) {
        Some(rest) => joined_path("", rest),
        None => joined_path(folder, place).filter(|_| place.starts_with("./") || place.starts_with("../")),
    }
}
