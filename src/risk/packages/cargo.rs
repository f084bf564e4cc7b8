//! Cargo: packages and their paths, also by way of the workspace. Dependencies of tests only are left out.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{Book, Builder, ManifestText, folder_of, joined_path, upwards};

pub(super) fn read(texts: &[&ManifestText], book: &mut Book) {
    let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
    for manifest in texts {
        match toml::from_str::<Table>(&manifest.text) {
            Ok(table) => _ = tables.insert(folder_of(&manifest.path), table),
            Err(_) => book.broken += 1,
        }
    }
    for (folder, table) in &tables {
        let Some(package) = table.get("package").and_then(Value::as_table) else { continue };
        let name = package.get("name").and_then(Value::as_str).unwrap_or(folder);
        let workspace = workspace_of(&tables, folder, package);
        let needs: BTreeSet<String> = dependencies(table)
            .filter_map(|(name, entry)| {
                place(name, entry, folder, workspace.as_ref().map(|(at, of)| (at.as_str(), *of)))
            })
            .collect();
        book.add(Builder::Cargo, folder, name, needs);
    }
}

/// The folder and manifest of the workspace of a package.
fn workspace_of<'t>(tables: &'t BTreeMap<&str, Table>, folder: &str, package: &Table) -> Option<(String, &'t Table)> {
    let at = |folder: &str| {
        let table = tables.get(folder).filter(|table| table.contains_key("workspace"))?;
        Some((folder.to_owned(), table))
    };
    match package.get("workspace").and_then(Value::as_str) {
        Some(told) => at(&joined_path(folder, told)?),
        None => upwards(folder).find_map(at),
    }
}

/// All dependencies that a package needs to be built or run.
fn dependencies(table: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = table.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = std::iter::once(table).chain(targets.filter_map(|(_, target)| target.as_table()));
    tables.flat_map(|table| {
        let groups = ["dependencies", "build-dependencies", "build_dependencies"];
        groups.into_iter().filter_map(|group| table.get(group)?.as_table()).flatten()
    })
}

/// The folder of a dependency, if it is in the repository.
fn place(name: &str, entry: &Value, folder: &str, workspace: Option<(&str, &Table)>) -> Option<String> {
    let path = |entry: &Value| entry.get("path").and_then(Value::as_str).map(str::to_owned);
    if let Some(path) = path(entry) {
        return joined_path(folder, &path);
    }
    let (root, table) = workspace?;
    let under = |keys: &[&str]| keys.iter().try_fold(table, |table, key| table.get(*key)?.as_table());
    let is_inherited = entry.get("workspace").and_then(Value::as_bool).unwrap_or(false);
    let entry = if is_inherited { under(&["workspace", "dependencies"])?.get(name)? } else { entry };
    if let Some(path) = path(entry) {
        return joined_path(root, &path);
    }
    // From a registry or a repository, unless the workspace puts a folder in its place.
    let name = entry.get("package").and_then(Value::as_str).unwrap_or(name);
    let patches = under(&["patch"])?.iter().filter_map(|(_, of)| of.as_table()?.get(name));
    joined_path(root, &patches.filter_map(path).next()?)
}
