//! Go: modules that replace each other by folder, or are used together by a `go.work`. Any other requirement is met by
//! a published version.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, Builder, ManifestText, folder_of, joined_path};

#[derive(Default)]
struct Module {
    path: String,
    requires: Vec<String>,
    /// Modules in whose place a folder is used.
    replaces: BTreeMap<String, String>,
    /// The folders of a workspace.
    uses: Vec<String>,
}

pub(super) fn read(texts: &[&ManifestText], book: &mut Book) {
    let is_work = |manifest: &&&ManifestText| manifest.path.ends_with("go.work");
    let works: Vec<Module> = texts.iter().filter(is_work).map(|manifest| module(manifest)).collect();
    let mut modules: BTreeMap<&str, Module> = BTreeMap::new();
    for manifest in texts.iter().filter(|manifest| !is_work(manifest)) {
        let own = module(manifest);
        if own.path.is_empty() {
            book.broken += 1;
        } else {
            modules.insert(folder_of(&manifest.path), own);
        }
    }
    let mut of_folder: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, work) in works.iter().enumerate() {
        work.uses.iter().for_each(|folder| of_folder.entry(folder).or_default().push(at));
    }
    // By workspace: the modules that it uses, by their paths.
    let used = |work: &Module| -> BTreeMap<String, String> {
        let own =
            work.uses.iter().filter_map(|folder| Some((modules.get(folder.as_str())?.path.clone(), folder.clone())));
        own.chain(work.replaces.clone()).collect()
    };
    let used: Vec<BTreeMap<String, String>> = works.iter().map(used).collect();
    for (folder, own) in &modules {
        let shared: &[usize] = of_folder.get(folder).map_or(&[], Vec::as_slice);
        let mut needs = BTreeSet::new();
        for required in &own.requires {
            needs.extend(own.replaces.get(required).cloned());
            needs.extend(shared.iter().filter_map(|at| used[*at].get(required).cloned()));
        }
        // In one repository, the folder says as much and is shorter.
        book.add(Builder::Go, folder, if folder.is_empty() { &own.path } else { folder }, needs);
    }
}

/// `module a`, `require a v1`, `replace a v1 => ./b`, `use ./a`, each also in the form of a block.
fn module(manifest: &ManifestText) -> Module {
    let folder = folder_of(&manifest.path);
    let (mut module, mut block): (Module, &str) = (Module::default(), "");
    for line in manifest.text.lines() {
        let line = line.split("//").next().unwrap_or(line).trim();
        let mut words = line.split_whitespace().map(|word| word.trim_matches(['"', '`']));
        let verb = match block {
            "" => words.next().unwrap_or_default(),
            block => block,
        };
        let rest: Vec<&str> = words.take(6).collect();
        match (verb, &rest[..]) {
            (_, [")", ..]) => block = "",
            (")", _) => block = "",
            (verb, ["("]) => {
                let blocks = ["require", "replace", "use", "exclude", "retract", "tool"];
                block = blocks.into_iter().find(|own| *own == verb).unwrap_or("other");
            }
            ("module", [path, ..]) => module.path = super::cut(path).to_owned(),
            ("require", [path, _, ..]) => module.requires.push((*path).to_owned()),
            ("use", [path]) => module.uses.extend(joined_path(folder, path)),
            ("replace", [old, "=>", new, ..] | [old, _, "=>", new, ..]) if new.starts_with('.') => {
                module.replaces.extend(joined_path(folder, new).map(|new| ((*old).to_owned(), new)));
            }
            _ => {}
        }
    }
    module
}
