//! Zones as YAML, in the form of octoDNS: names, and under each its records.

use super::out::{Out, Place};
use super::tree::{Node, Shape, clip};
use super::walk::walk;
use super::zone::TYPES;

/// How many names of a zone are examined to distinguish it from other maps.
const LOOKED_AT: usize = 20;

/// Whether each of the first entries contains records.
pub(super) fn is_zone(document: &Node) -> bool {
    let entries = document.entries();
    !entries.is_empty() && entries.iter().take(LOOKED_AT).all(|entry| records(&entry.value).iter().all(is_record))
}

fn records(node: &Node) -> &[Node] {
    match &node.shape {
        Shape::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

fn is_record(node: &Node) -> bool {
    let has_data = node.get(&["value", "values", "geo", "dynamic"]).is_some();
    has_data && node.text_of(&["type"]).is_some_and(|kind| TYPES.contains(&kind))
}

pub(super) fn facts(document: &Node, out: &mut Out) {
    for entry in document.entries() {
        let name = if entry.key.is_empty() { "@" } else { entry.key.as_str() };
        let list = records(&entry.value);
        for each in list {
            // A single record begins with its name.
            let lines = if list.len() == 1 { &entry.lines } else { &each.lines };
            let object = clip(&format!("{} {name}", each.text_of(&["type"]).unwrap_or_default()));
            out.block(&object, &each.normalised(), lines, &Place::TOP);
            record(each, &Place { object: &object, scope: &object, opens: *lines.start() }, out);
        }
    }
}

fn record(node: &Node, place: &Place, out: &mut Out) {
    for entry in node.entries() {
        match entry.key.as_str() {
            "type" => {}
            "ttl" => out.set(&place.child("ttl"), "ttl_seconds", entry.value.text().unwrap_or(""), &entry.lines, place),
            "value" | "values" => {
                for value in records(&entry.value) {
                    let lines = if entry.value.items().is_empty() { &entry.lines } else { &value.lines };
                    out.set(&place.child("value"), "value", &value.normalised(), lines, place);
                }
            }
            key => walk(
                &entry.value,
                &Place { object: &place.child(key), opens: *entry.lines.start(), ..*place },
                key,
                out,
            ),
        }
    }
}
