//! npm, yarn and pnpm: packages of one workspace by their names, and packages by their folders.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::Value;

use super::{Book, Builder, ManifestText, folder_of, joined_path, upwards};

/// The most patterns of one workspace, and packages of one name.
const MAX_PATTERNS: usize = 200;
const MAX_NAMESAKES: usize = 8;

/// The folders of a workspace.
struct Workspace {
    include: GlobSet,
    exclude: GlobSet,
}

pub(super) fn read(texts: &[&ManifestText], book: &mut Book) {
    let (mut manifests, mut workspaces): (BTreeMap<&str, Value>, BTreeMap<&str, Workspace>) = Default::default();
    for manifest in texts {
        let folder = folder_of(&manifest.path);
        if manifest.path.ends_with(".yaml") {
            workspaces.insert(folder, Workspace::of(&pnpm(&manifest.text)));
            continue;
        }
        match serde_json::from_str::<Value>(manifest.text.trim_start_matches('\u{feff}')) {
            Ok(value) if value.is_object() => {
                let patterns = patterns(&value);
                if !patterns.is_empty() {
                    workspaces.entry(folder).or_insert_with(|| Workspace::of(&patterns));
                }
                manifests.insert(folder, value);
            }
            _ => book.broken += 1,
        }
    }
    let root_of = |folder: &str| -> Option<String> {
        let has = |root: &&str| workspaces.get(root).is_some_and(|workspace| workspace.has(root, folder));
        upwards(folder).find(has).map(str::to_owned)
    };
    let roots: BTreeMap<&str, Option<String>> = manifests.keys().map(|folder| (*folder, root_of(folder))).collect();
    let name_of =
        |value: &Value| value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
    let mut named: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for (folder, value) in &manifests {
        let Some((root, name)) = roots[folder].clone().zip(name_of(value)) else { continue };
        let folders = named.entry((root, name)).or_default();
        if folders.len() < MAX_NAMESAKES {
            folders.push(folder);
        }
    }
    for (folder, value) in &manifests {
        let mut needs = BTreeSet::new();
        for (name, spec) in dependencies(value) {
            let path = ["file:", "link:", "portal:", "workspace:"].iter().find_map(|scheme| spec.strip_prefix(scheme));
            let path =
                path.filter(|path| path.starts_with('.') || spec.starts_with("file:") || spec.starts_with("link:"));
            match (path, &roots[folder]) {
                (Some(path), _) => needs.extend(joined_path(folder, path)),
                (None, Some(root)) if is_version(spec) => {
                    let own = named.get(&(root.clone(), name.clone()));
                    needs.extend(own.into_iter().flatten().map(|folder| (*folder).to_owned()));
                }
                _ => {}
            }
        }
        let name =
            name_of(value).unwrap_or_else(|| if folder.is_empty() { "package.json".into() } else { (*folder).into() });
        book.add(Builder::Node, folder, &name, needs);
    }
}

fn dependencies(value: &Value) -> impl Iterator<Item = (&String, &str)> {
    let groups = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
    let entries = groups.into_iter().filter_map(|group| value.get(group)?.as_object()).flatten();
    entries.filter_map(|(name, spec)| Some((name, spec.as_str()?)))
}

/// Whether a dependency is on a version, which a workspace provides, and not on an address or another package.
fn is_version(spec: &str) -> bool {
    spec.starts_with("workspace:") || spec.starts_with("catalog:") || !spec.contains([':', '/'])
}

/// The patterns of `workspaces`, in either form.
fn patterns(value: &Value) -> Vec<String> {
    let told = value.get("workspaces");
    let list = told.and_then(|told| told.as_array().or_else(|| told.get("packages")?.as_array()));
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The list `packages` of a `pnpm-workspace.yaml`, which is all that is read of it.
fn pnpm(text: &str) -> Vec<String> {
    let plain = |item: &str| {
        let item = item.trim();
        let quoted = ['\'', '"'].iter().find_map(|quote| item.strip_prefix(*quote)?.split(*quote).next());
        quoted.unwrap_or_else(|| item.split(" #").next().unwrap_or(item).trim()).to_owned()
    };
    let mut lines = text.lines().skip_while(|line| !line.starts_with("packages:"));
    let inline = lines.next().and_then(|line| line.split_once('[')).map(|(_, list)| list);
    if let Some(list) = inline {
        let list = list.split(']').next().unwrap_or(list);
        return list.split(',').map(plain).filter(|item| !item.is_empty()).collect();
    }
    let is_of_list = |line: &&str| line.trim().is_empty() || line.starts_with([' ', '\t', '-', '#']);
    lines.take_while(is_of_list).filter_map(|line| line.trim_start().strip_prefix("- ")).map(plain).collect()
}

impl Workspace {
    fn of(patterns: &[String]) -> Workspace {
        let (mut include, mut exclude) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns.iter().take(MAX_PATTERNS).filter(|pattern| pattern.len() <= super::MAX_NAME) {
            let (set, pattern) = match pattern.strip_prefix('!') {
                Some(pattern) => (&mut exclude, pattern),
                None => (&mut include, pattern.as_str()),
            };
            let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
            if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).empty_alternates(true).build() {
                set.add(glob);
            }
        }
        Workspace { include: include.build().unwrap_or_default(), exclude: exclude.build().unwrap_or_default() }
    }

    /// Whether a folder belongs to the workspace of a root.
    fn has(&self, root: &str, folder: &str) -> bool {
        let below = if root.is_empty() {
            Some(folder)
        } else {
            folder.strip_prefix(root).map(|rest| rest.trim_start_matches('/'))
        };
        below.is_some_and(|below| below.is_empty() || self.include.is_match(below) && !self.exclude.is_match(below))
    }
}
