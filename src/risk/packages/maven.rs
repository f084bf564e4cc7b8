//! Maven: modules by group and artifact. A module also depends on its parent. Read as a stream, without any entity.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::Reader;
use quick_xml::events::Event;

use super::{Book, Builder, ManifestText, folder_of};

/// The greatest depth of elements that is read.
const MAX_DEPTH: usize = 64;

/// Group and artifact.
type Coordinates = (String, String);

#[derive(Default)]
struct Pom {
    own: Coordinates,
    parent: Coordinates,
    dependencies: Vec<Coordinates>,
}

pub(super) fn read(texts: &[&ManifestText], book: &mut Book) {
    let mut poms: BTreeMap<&str, Pom> = BTreeMap::new();
    for manifest in texts {
        match pom(&manifest.text).filter(|pom| !pom.own.1.is_empty()) {
            Some(pom) => _ = poms.insert(folder_of(&manifest.path), pom),
            None => book.broken += 1,
        }
    }
    let mut by_name: BTreeMap<Coordinates, &str> = BTreeMap::new();
    for (folder, pom) in &poms {
        by_name.entry((pom.group().to_owned(), pom.own.1.clone())).or_insert(folder);
    }
    for (folder, pom) in &poms {
        let named = |name: &Coordinates| by_name.get(&pom.resolved(name)).map(|folder| (*folder).to_owned());
        let needs: BTreeSet<String> = pom.dependencies.iter().chain([&pom.parent]).filter_map(named).collect();
        book.add(Builder::Maven, folder, &pom.own.1, needs);
    }
}

impl Pom {
    /// Its own group, or else that of its parent.
    fn group(&self) -> &str {
        if self.own.0.is_empty() { &self.parent.0 } else { &self.own.0 }
    }

    /// With what stands for its own group.
    fn resolved(&self, (group, artifact): &Coordinates) -> Coordinates {
        let group = match group.as_str() {
            "${project.groupId}" | "${pom.groupId}" | "${groupId}" => self.group(),
            "${project.parent.groupId}" | "${parent.groupId}" => &self.parent.0,
            group => group,
        };
        (group.to_owned(), artifact.clone())
    }
}

fn pom(text: &str) -> Option<Pom> {
    let (mut reader, mut pom) = (Reader::from_str(text), Pom::default());
    let (mut path, mut has_root): (Vec<String>, bool) = Default::default();
    let (mut named, mut scope) = (Coordinates::default(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                path.push(element.local_name().as_ref().to_owned());
                has_root |= path == ["project"];
                if path.len() > MAX_DEPTH || !has_root {
                    return None;
                }
                if path.last().is_some_and(|name| name == "dependency") {
                    (named, scope) = Default::default();
                }
            }
            Event::End(_) => {
                if path.last().is_some_and(|name| name == "dependency") && is_needed(&path, &scope) {
                    pom.dependencies.push(std::mem::take(&mut named));
                }
                path.pop()?;
            }
            Event::Text(text) => {
                let text = super::cut(text.trim());
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                match names[..] {
                    _ if text.is_empty() => {}
                    ["project", "groupId"] => pom.own.0 = text.to_owned(),
                    ["project", "artifactId"] => pom.own.1 = text.to_owned(),
                    ["project", "parent", "groupId"] => pom.parent.0 = text.to_owned(),
                    ["project", "parent", "artifactId"] => pom.parent.1 = text.to_owned(),
                    [.., "dependency", "groupId"] => named.0 = text.to_owned(),
                    [.., "dependency", "artifactId"] => named.1 = text.to_owned(),
                    [.., "dependency", "scope"] => scope = text.to_owned(),
                    _ => {}
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    (has_root && path.is_empty()).then_some(pom)
}

/// Whether a dependency is one of the module itself, and of more than its tests. What it only manages is none, unless
/// it is imported.
fn is_needed(path: &[String], scope: &str) -> bool {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match names[..] {
        ["project", "dependencies", "dependency"]
        | ["project", "profiles", "profile", "dependencies", "dependency"] => scope != "test",
        ["project", "dependencyManagement", "dependencies", "dependency"] => scope == "import",
        _ => false,
    }
}
