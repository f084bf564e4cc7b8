//! What happens to one resource, as a row.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::address::shown;
use super::value::{Kind, List, Object, Value};
use crate::command::preview::{Act, Row, cut_to};

/// Longer values, in bytes of JSON, are not shown.
const MAX_SHOWN: usize = 60;

#[derive(Deserialize)]
pub struct Change {
    pub address: String,
    previous_address: Option<String>,
    #[serde(default)]
    mode: String,
    #[serde(default, rename = "type")]
    kind: String,
    deposed: Option<String>,
    pub change: Sides,
    action_reason: Option<String>,
}

#[derive(Deserialize)]
pub struct Sides {
    actions: List<String>,
    before: Option<Object<Value>>,
    after: Option<Object<Value>>,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    before_sensitive: Value,
    #[serde(default)]
    after_sensitive: Value,
    #[serde(default)]
    replace_paths: List<List<Value>>,
    importing: Option<IgnoredAny>,
}

impl Change {
    /// The row of a change; none if nothing happens.
    pub fn row(&self) -> Option<Row> {
        let actions: Vec<&str> = self.change.actions.0.iter().map(String::as_str).collect();
        let (act, how) = match actions[..] {
            ["no-op"] if self.previous_address.is_some() || self.change.importing.is_some() => (Act::Change, ""),
            ["no-op"] => return None,
            ["create"] => (Act::Create, ""),
            ["read"] if self.kind == "external" => (Act::Unclear, "runs a program while it is applied"),
            ["read"] => (Act::Read, ""),
            ["update"] => (Act::Change, ""),
            ["delete", "create"] => (Act::Replace, "destroyed first, made after"),
            ["create", "delete"] => (Act::Replace, "made first, destroyed after"),
            ["create", "forget"] => (Act::Replace, "created again; the old one stays and is no longer managed"),
            ["delete"] => (Act::Destroy, ""),
            ["forget"] => (Act::Forget, "stays, and is no longer managed"),
            _ => (Act::Unclear, "an action that is not known here"),
        };
        // What is read is decided by the mode: a resource of another kind is not only read.
        let act = if act == Act::Read && self.mode != "data" { Act::Unclear } else { act };
        let mut notes: Vec<String> = Vec::new();
        notes.extend(self.deposed.as_ref().map(|_| "an earlier object that was left over".to_owned()));
        notes.extend(self.action_reason.as_deref().and_then(reason).map(str::to_owned));
        match act {
            Act::Replace => notes.extend(self.change.forced()),
            Act::Change => notes.extend(self.change.names()),
            _ => {}
        }
        if act == Act::Unclear && how.starts_with("an action") {
            notes.push(cut_to(&actions.join(", "), 60));
        }
        notes.extend(Some(how.to_owned()).filter(|how| !how.is_empty()));
        notes.extend(self.previous_address.as_ref().map(|from| format!("was {}", shown(from))));
        notes.extend(self.change.importing.as_ref().map(|_| "taken over from outside".to_owned()));
        Some(Row::new(act, &shown(&self.address), &notes.join("; ")))
    }
}

impl Sides {
    /// Whether anything is created or destroyed, or may be.
    pub fn acts(&self) -> bool {
        self.actions.0.iter().any(|act| act != "no-op" && act != "update")
    }

    /// Whether it is destroyed, and nothing takes its place.
    pub fn is_destroyed(&self) -> bool {
        matches!(&self.actions.0[..], [act] if act == "delete")
    }

    /// What forces a replacement, with both values where they may be shown.
    fn forced(&self) -> Option<String> {
        let mut paths: Vec<String> = self.replace_paths.0.iter().map(|path| self.forcing(&path.0)).collect();
        paths.dedup();
        if paths.is_empty() { None } else { Some(format!("{} forces it", paths.join(", "))) }
    }

    fn forcing(&self, path: &[Value]) -> String {
        let Some(name) = path.first().map(step) else { return "…".to_owned() };
        if covers(&self.before_sensitive, &name) || covers(&self.after_sensitive, &name) {
            return format!("{name} (sensitive)");
        }
        if path.len() > 1 {
            return cut_to(&path.iter().map(step).collect::<Vec<_>>().join("."), 80);
        }
        let old = value(self.before.as_ref(), &name);
        let new = if covers(&self.after_unknown, &name) { None } else { value(self.after.as_ref(), &name) };
        match (old, new) {
            (Some(old), Some(new)) => format!("{name} {old} → {new}"),
            (Some(old), None) => format!("{name} {old} → not known yet"),
            _ => name,
        }
    }

    /// The names of the attributes that change.
    fn names(&self) -> Option<String> {
        let (before, after) = (&self.before.as_ref()?.0, &self.after.as_ref()?.0);
        let hash = |side: &BTreeMap<String, Value>, name: &str| side.get(name).map(|own| own.hash);
        let differs = |name: &&String| hash(before, name) != hash(after, name) || covers(&self.after_unknown, name);
        let unknown = match &self.after_unknown.kind {
            Kind::Marks(names) => Some(names),
            _ => None,
        };
        let all: BTreeSet<&String> = before.keys().chain(after.keys()).chain(unknown.into_iter().flatten()).collect();
        let names: Vec<&str> = all.into_iter().filter(differs).map(String::as_str).collect();
        (!names.is_empty()).then(|| cut_to(&names.join(", "), 200))
    }
}

/// Whether the marks of one side cover an attribute, or a part of it. Marks of a form that is not known cover
/// everything.
fn covers(marks: &Value, name: &str) -> bool {
    match &marks.kind {
        Kind::Marks(names) => names.contains(name),
        _ => marks.is_set,
    }
}

fn step(step: &Value) -> String {
    match &step.kind {
        Kind::Text(text) | Kind::Number(text) => text.clone(),
        _ => "…".to_owned(),
    }
}

/// A value in JSON, if it is a short one.
fn value(side: Option<&Object<Value>>, name: &str) -> Option<String> {
    let text = match &side?.0.get(name)?.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(own) => own.to_string(),
        Kind::Number(own) => own.clone(),
        Kind::Text(own) => serde_json::to_string(own).ok()?,
        Kind::Marks(_) | Kind::Other => return None,
    };
    (text.len() <= MAX_SHOWN).then_some(text)
}

/// The tool's reason in words.
fn reason(code: &str) -> Option<&'static str> {
    Some(match code {
        "delete_because_no_resource_config" => "its block is gone from the configuration",
        "delete_because_no_module" => "its module is gone from the configuration",
        "delete_because_count_index" => "beyond its count",
        "delete_because_each_key" => "its key is gone",
        "delete_because_wrong_repetition" => "its block has count or for_each now, or no longer",
        "delete_because_no_move_target" => "it was moved to where nothing is",
        "replace_because_tainted" => "it is tainted",
        "replace_by_request" => "asked for by -replace",
        "replace_by_triggers" => "replace_triggered_by",
        "read_because_config_unknown" => "its arguments are not known yet",
        "read_because_dependency_pending" => "it depends on what changes",
        _ => return None,
    })
}
