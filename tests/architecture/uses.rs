//! Which modules a file uses, by its paths that begin with `crate`, `super` or `self`. What is only there for tests is
//! left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names from the crate down.
pub type Module = Vec<String>;

#[derive(Debug, Default)]
pub struct Source {
    /// Without its tests.
    pub text: String,
    /// Other modules.
    pub uses: BTreeSet<Module>,
}

/// All modules of a crate but its root.
pub fn sources(root: &Path) -> BTreeMap<Module, Source> {
    let mut texts = BTreeMap::new();
    read(root, &mut Vec::new(), &mut texts);
    let modules: BTreeSet<Module> = texts.keys().cloned().collect();
    let source = |(module, text): (Module, String)| {
        let mut uses: BTreeSet<Module> =
            paths(&text).iter().filter_map(|path| resolved(&module, path, &modules)).collect();
        uses.remove(&module);
        (module, Source { text, uses })
    };
    texts.into_iter().map(source).collect()
}

/// In a folder, which of the modules side by side uses which others, with all that is in them.
pub fn beside<'s>(sources: &'s BTreeMap<Module, Source>, folder: &[String]) -> BTreeMap<&'s str, BTreeSet<&'s str>> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let name = |module: &'s Module| module.strip_prefix(folder).and_then(<[String]>::first).map(String::as_str);
    for (module, source) in sources {
        let Some(own) = name(module) else { continue };
        let others = source.uses.iter().filter_map(name).filter(|other| *other != own);
        uses.entry(own).or_default().extend(others);
    }
    uses
}

fn read(folder: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            module.push(name);
            read(&entry, module, texts);
            module.pop();
        } else if entry.extension().is_some_and(|kind| kind == "rs") && name != "tests" {
            let is_root = module.is_empty() && matches!(&*name, "lib" | "main");
            let own: Module = module.iter().cloned().chain((name != "mod").then_some(name)).collect();
            if !is_root {
                let text = std::fs::read_to_string(&entry).unwrap();
                texts.insert(own, text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned());
            }
        }
    }
}

/// Every path in a text, `use` trees written out.
fn paths(text: &str) -> Vec<Vec<String>> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let is_whole = code[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
            if is_whole {
                tree(&code[at..], Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Reads a path, or a tree of paths, from where it begins; gives how many bytes it took.
fn tree(code: &str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        let name: String = code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        at += name.len();
        if !name.is_empty() {
            path.push(name);
        } else if code[at..].starts_with('{') {
            at += 1;
            while !code[at..].trim_start().starts_with('}') && at < code.len() {
                at += tree(&code[at..], path.clone(), found).max(1);
                at += code[at..].find([',', '}']).unwrap_or(0);
                at += usize::from(code[at..].starts_with(','));
            }
            return (at + code[at..].find('}').unwrap_or(0) + 1).min(code.len());
        }
        if !code[at..].starts_with("::") {
            found.push(path);
            return at;
        }
        at += 2;
    }
}

/// The module that a path leads to, or that holds what it leads to.
fn resolved(own: &Module, path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let from = match path[0].as_str() {
        "crate" => Vec::new(),
        "self" => own.clone(),
        _ => own[..own.len().checked_sub(ups)?].to_vec(),
    };
    let rest = &path[ups.max(1)..];
    (0..=rest.len()).rev().map(|end| [&from[..], &rest[..end]].concat()).find(|module| modules.contains(module))
}

#[test]
fn trees_of_paths_are_written_out() {
    let found =
        paths("use crate::{a::{b, c as d, e::*}, f};\nlet x = super::g::h(1); // crate::no\nfn my_crate::z() {}");
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::a::b", "crate::a::c", "crate::a::e", "crate::f", "super::g::h"]);
}
