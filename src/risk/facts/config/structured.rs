//! The kinds of YAML, JSON and HCL documents: manifests, workflows, zones, and how their paths begin.

use super::out::{Out, Place};
use super::tree::{Entry, Node};
use super::walk::{block, walk};
use super::{dns, firewall, identity, openapi, scripts, zones};

/// Dependencies are read elsewhere.
const DEPENDENCIES: &[&str] =
    &["dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "require", "require-dev"];

#[cfg(feature = "syntax")]
pub(super) fn yaml(name: &str, path: &str, text: &str, out: &mut Out) -> Option<()> {
    for mut document in super::yaml::documents(text, out)? {
        if name.ends_with("gitlab-ci.yml") || path.contains("gitlab-ci/") || path.contains(".gitlab/ci/") {
            document = jobs(document);
        }
        root(&document, out);
    }
    Some(())
}

#[cfg(feature = "syntax")]
pub(super) fn json(name: &str, text: &str, out: &mut Out) -> Option<()> {
    let mut document = super::json::document(text, out)?;
    if matches!(name, "package.json" | "composer.json")
        && let super::tree::Shape::Map(entries) = &mut document.shape
    {
        entries.retain(|entry| !DEPENDENCIES.contains(&entry.key.as_str()));
        let own = Place { object: "scripts", scope: "scripts", opens: 0 };
        let all = entries.iter().filter(|entry| entry.key == "scripts").flat_map(|entry| entry.value.entries());
        all.for_each(|script| scripts::scripts(&script.value, &own, out));
    }
    root(&document, out);
    Some(())
}

#[cfg(feature = "syntax")]
pub(super) fn hcl(text: &str, out: &mut Out) -> Option<()> {
    let document = super::hcl::document(text, out)?;
    walk(&document, &Place::TOP, "", out);
    Some(())
}

#[cfg(feature = "syntax")]
pub(super) fn toml(name: &str, text: &str, out: &mut Out) -> Option<()> {
    let mut document = super::toml::document(text, out)?;
    if matches!(name, "cargo.toml" | "pyproject.toml" | "pipfile")
        && let super::tree::Shape::Map(entries) = &mut document.shape
    {
        entries.retain(|entry| !entry.key.contains("dependencies"));
    }
    walk(&document, &Place::TOP, "", out);
    Some(())
}

#[cfg(feature = "syntax")]
pub(super) fn xml(name: &str, text: &str, out: &mut Out) -> Option<()> {
    let mut document = super::xml::document(text, out)?;
    if name == "pom.xml"
        && let super::tree::Shape::Map(roots) = &mut document.shape
        && let Some(Entry { value: Node { shape: super::tree::Shape::Map(entries), .. }, .. }) = roots.first_mut()
    {
        entries.retain(|entry| !matches!(entry.key.as_str(), "dependencies" | "dependencyManagement"));
    }
    zones::facts(&document, out);
    walk(&document, &Place::TOP, "", out);
    Some(())
}

/// A manifest's paths begin with its kind and name, so that the order of documents does not matter.
pub(super) fn root(document: &Node, out: &mut Out) {
    openapi::facts(document, out);
    if dns::is_zone(document) {
        return dns::facts(document, out);
    }
    if declares(document) {
        return openapi::declared(document, out);
    }
    let Some(name) = identity::manifest(document) else { return walk(document, &Place::TOP, "", out) };
    block(document, &name, &document.lines, &Place::TOP, out);
    firewall::of_manifest(document, &name, out);
    let place = Place { object: &name, scope: &name, opens: *document.lines.start() };
    walk(document, &place, "", out);
}

/// Whether a document only declares what others may contain: a JSON Schema. Its defaults and names set nothing.
fn declares(document: &Node) -> bool {
    let is_schema = document.text_of(&["$schema"]).is_some_and(|schema| schema.contains("json-schema.org"));
    let has_parts =
        document.get(&["properties", "definitions", "$defs"]).is_some_and(|parts| !parts.entries().is_empty());
    has_parts && (is_schema || document.text_of(&["type"]) == Some("object"))
}

/// The jobs of a GitLab pipeline are at its top; here they are put under `jobs`, as in others.
fn jobs(document: Node) -> Node {
    let lines = document.lines.clone();
    let super::tree::Shape::Map(entries) = document.shape else { return document };
    let is_job = |entry: &Entry| {
        let does = ["script", "trigger", "extends", "stage", "run", "rules", "needs"];
        !matches!(entry.key.as_str(), "default" | "workflow" | "include" | "variables")
            && does.iter().any(|key| entry.value.get(&[key]).is_some())
    };
    let (jobs, mut others): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_job);
    if let (Some(first), Some(last)) = (jobs.first(), jobs.last()) {
        let lines = *first.lines.start()..=*last.lines.end();
        let value = Node::map(jobs, lines.clone());
        others.push(Entry { key: "jobs".to_owned(), lines, is_block: false, value });
    }
    Node::map(others, lines)
}
