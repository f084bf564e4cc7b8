//! What identifies an item of a list, so that its position does not matter.

use super::tree::{Node, Shape};

/// The most bytes of an identity; anything longer is a text, not a name.
const MAX_NAME: usize = 80;

/// Keys that name an item of a list, the best first.
const NAMES: &[&str] = &[
    "name",
    "Name",
    "id",
    "Id",
    "ID",
    "key",
    "Key",
    "Sid",
    "sid",
    "alert",
    "record",
    "job_name",
    "uses",
    "task",
    "port",
    "containerPort",
    "from_port",
    "FromPort",
    "host",
    "path",
    "domain",
    "mountPath",
    "repo",
    "metric",
    "artifactId",
    "filter-name",
    "servlet-name",
    "user",
    "type",
    "kind",
];

/// Attributes that name one of several blocks without a label. A type is not one: it is content of the block.
const BLOCK_NAMES: &[&str] = &[
    "sid",
    "Sid",
    "id",
    "name",
    "from_port",
    "port",
    "key",
    "namespace",
    "description",
    "path_pattern",
    "host",
    "artifactId",
    "filter-name",
    "servlet-name",
    "server_name",
    "ref",
];

/// The identity of an item of a list, if it has one.
pub(super) fn of(item: &Node) -> Option<String> {
    manifest(item).or_else(|| first(item, NAMES)).or_else(|| of_list(item, &["resources"])).or_else(|| only_key(item))
}

/// Blocks that have a name even if there is only one.
const NUMEROUS: &[&str] = &[
    "add",
    "arg",
    "bean",
    "constant",
    "dynamic",
    "egress",
    "entry",
    "env",
    "execution",
    "filter",
    "ingress",
    "lifecycle_rule",
    "listener",
    "logger",
    "origin",
    "param",
    "plugin",
    "profile",
    "property",
    "rule",
    "server",
    "servlet",
    "set",
    "setting",
    "statement",
    "upstream",
    "variable",
];

/// Whether a block is typically one of several.
pub(super) fn comes_in_numbers(key: &str) -> bool {
    NUMEROUS.contains(&key)
}

/// The identity of a block that may be repeated.
pub(super) fn of_block(body: &Node) -> Option<String> {
    first(body, BLOCK_NAMES)
}

/// Kind and name of a Kubernetes manifest: `Deployment.checkout`.
pub(super) fn manifest(node: &Node) -> Option<String> {
    let kind = name(node.get(&["kind"])?)?;
    node.get(&["apiVersion"])?;
    let metadata = node.get(&["metadata"])?;
    let name = name(metadata.get(&["name", "generateName"])?)?;
    Some(format!("{kind}.{name}"))
}

fn first(node: &Node, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| {
        let name = name(node.get(&[key])?)?;
        // Another version of an action is not another action.
        Some(if *key == "uses" { name.split('@').next().unwrap_or_default().to_owned() } else { name })
    })
}

fn name(node: &Node) -> Option<String> {
    let text = node.text()?.trim();
    let is_name = !text.is_empty() && text.len() <= MAX_NAME && !text.contains('\n');
    is_name.then(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A rule is identified by its subject: `resources: [pods, secrets]`.
fn of_list(node: &Node, keys: &[&str]) -> Option<String> {
    let names = node.get(keys)?.items().iter().map(name).collect::<Option<Vec<_>>>()?;
    let joined = names.join(",");
    (!joined.is_empty() && joined.len() <= MAX_NAME).then_some(joined)
}

/// `- include: x`: an item with one key is identified by it.
fn only_key(node: &Node) -> Option<String> {
    match &node.shape {
        Shape::Map(entries) if entries.len() == 1 && entries[0].key.len() <= MAX_NAME => Some(entries[0].key.clone()),
        _ => None,
    }
}
