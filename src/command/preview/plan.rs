//! Plans of Terraform and OpenTofu, as `show -json` writes them (JSON output format 1.x,
//! <https://developer.hashicorp.com/terraform/internals/json-format>).
//!
//! Values go into a preview only where they force a replacement, and never those that the plan marks as sensitive: a
//! preview stays in the ledger for ever.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Act, Document, Row, cut_to, grouped, input_at};
use crate::command::request::{Command, Input};

/// Options of `apply` that change nothing of what a saved plan does.
const HARMLESS: [&str; 8] = [
    "-input=false",
    "-input=true",
    "-no-color",
    "-auto-approve",
    "-compact-warnings",
    "-json",
    "-lock=true",
    "-concise",
];
/// The same, with a value.
const HARMLESS_VALUES: [&str; 2] = ["-lock-timeout=", "-parallelism="];
/// Variables by which a command would do something else than its arguments say.
const REDIRECTS: [&str; 2] = ["TF_CLI_ARGS", "TF_REATTACH_PROVIDERS"];

/// The saved plan that a command applies.
///
/// # Errors
/// A sentence: it is no plain `apply` of a saved plan.
pub fn applied(command: &Command) -> Result<&Input, String> {
    let refused = |why: &str| Err(format!("only `apply` of a saved plan has a preview, and {why}"));
    let [_, verb, options @ .., plan] = &command.argv[..] else { return refused("this is none") };
    if verb != "apply" {
        return refused(&format!("this is `{}`", cut_to(verb, 40)));
    }
    let is_harmless =
        |own: &&String| HARMLESS.contains(&own.as_str()) || HARMLESS_VALUES.iter().any(|o| own.starts_with(o));
    if let Some(option) = options.iter().find(|own| !is_harmless(own)) {
        return refused(&format!("`{}` may change what it does", cut_to(option, 60)));
    }
    let mut names = command.env.iter().map(|variable| &variable.name).chain(&command.secrets);
    if let Some(name) = names.find(|name| REDIRECTS.iter().any(|start| name.starts_with(start))) {
        return refused(&format!("the variable {name} may change what it does"));
    }
    input_at(command, plan).ok_or_else(|| "its last argument is no input".to_owned())
}

/// Whether these bytes may be a saved plan: an archive. What HCP Terraform saves is a bookmark of a remote run instead,
/// which binds nothing.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The preview of a plan in JSON.
///
/// # Errors
/// A sentence: it is no plan, one of a failed run, or one of a format that is not known here.
pub fn preview(json: &[u8], tool: &str) -> Result<Document, String> {
    let plan: Plan = serde_json::from_slice(json).map_err(|error| format!("its plan cannot be read: {error}"))?;
    if plan.format_version.split('.').next() != Some("1") {
        return Err(format!("the format of its plan is {}, and 1 is known", cut_to(&plan.format_version, 20)));
    }
    if plan.errored {
        return Err("the plan is one of a run that failed".to_owned());
    }
    let mut rows: Vec<Row> = plan.resource_changes.iter().filter_map(Change::row).collect();
    rows = grouped(rows, of_kind);
    rows.extend(plan.configuration.root_module.runs(&plan.resource_changes, ""));
    rows.extend(plan.action_invocations.iter().map(|own| Row::new(Act::Unclear, &own.address, "an action is run")));
    let unknown = plan.unknown.keys().map(|name| {
        Row::new(Act::Unclear, name, "a part of the plan that is not known here; a newer undersign may know it")
    });
    rows.extend(unknown);
    let drifted =
        plan.resource_drift.iter().map(|own| Row::new(Act::Drift, &own.address, "changed since the last run"));
    rows.extend(grouped(drifted.collect(), of_kind));
    let later = plan.deferred_changes.iter().map(|own| Row::new(Act::Later, own.address(), "left for a later plan"));
    rows.extend(later);
    if plan.complete == Some(false) && plan.deferred_changes.is_empty() {
        rows.push(Row::new(Act::Later, "the rest", "the plan is not complete"));
    }
    let version = if plan.terraform_version.is_empty() { "" } else { " " };
    Document::new(&format!("{tool}{version}{}", plan.terraform_version), rows)
}

#[derive(Deserialize)]
struct Plan {
    format_version: String,
    #[serde(default)]
    terraform_version: String,
    #[serde(default)]
    resource_changes: Vec<Change>,
    #[serde(default)]
    resource_drift: Vec<Change>,
    #[serde(default)]
    deferred_changes: Vec<Deferred>,
    #[serde(default)]
    action_invocations: Vec<Invocation>,
    #[serde(default)]
    configuration: Configuration,
    #[serde(default)]
    errored: bool,
    complete: Option<bool>,
    // Known, and nothing that happens. They hold most of a large plan, and are not kept.
    #[serde(default, rename = "variables")]
    _variables: IgnoredAny,
    #[serde(default, rename = "planned_values")]
    _planned_values: IgnoredAny,
    #[serde(default, rename = "output_changes")]
    _output_changes: IgnoredAny,
    #[serde(default, rename = "prior_state")]
    _prior_state: IgnoredAny,
    #[serde(default, rename = "relevant_attributes")]
    _relevant_attributes: IgnoredAny,
    #[serde(default, rename = "checks")]
    _checks: IgnoredAny,
    #[serde(default, rename = "timestamp")]
    _timestamp: IgnoredAny,
    #[serde(default, rename = "applyable")]
    _applyable: IgnoredAny,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Change {
    address: String,
    previous_address: Option<String>,
    #[serde(default)]
    mode: String,
    #[serde(default, rename = "type")]
    kind: String,
    deposed: Option<String>,
    change: Sides,
    action_reason: Option<String>,
}

#[derive(Deserialize)]
struct Sides {
    actions: Vec<String>,
    before: Option<Attributes>,
    after: Option<Attributes>,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    before_sensitive: Value,
    #[serde(default)]
    after_sensitive: Value,
    #[serde(default)]
    replace_paths: Vec<Value>,
    importing: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Deferred {
    resource_change: Option<Change>,
}

impl Deferred {
    fn address(&self) -> &str {
        self.resource_change.as_ref().map_or("a resource", |own| own.address.as_str())
    }
}

#[derive(Deserialize)]
struct Invocation {
    #[serde(default)]
    address: String,
}

impl Change {
    /// The row of a change; none if nothing happens.
    fn row(&self) -> Option<Row> {
        let actions: Vec<&str> = self.change.actions.iter().map(String::as_str).collect();
        let (act, how) = match actions[..] {
            ["no-op"] if self.previous_address.is_some() || self.change.importing.is_some() => (Act::Change, ""),
            ["no-op"] => return None,
            ["create"] => (Act::Create, ""),
            ["read"] if self.kind == "external" => (Act::Unclear, "runs a program while it is applied"),
            ["read"] => (Act::Read, ""),
            ["update"] => (Act::Change, ""),
            ["delete", "create"] => (Act::Replace, "destroyed first, made after"),
            ["create", "delete"] => (Act::Replace, "made first, destroyed after"),
            ["create", "forget"] => (Act::Replace, "made anew; the old one stays, and is no longer managed"),
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
        notes.extend(self.previous_address.as_ref().map(|from| format!("was {from}")));
        notes.extend(self.change.importing.as_ref().map(|_| "taken over from outside".to_owned()));
        Some(Row::new(act, &self.address, &notes.join("; ")))
    }
}

impl Sides {
    /// What forces a replacement, with both values where they may be shown.
    fn forced(&self) -> Option<String> {
        let paths: Vec<String> = self.replace_paths.iter().map(|path| self.forcing(path)).collect();
        if paths.is_empty() { None } else { Some(format!("{} forces it", paths.join(", "))) }
    }

    fn forcing(&self, path: &Value) -> String {
        let parts: Vec<String> = path.as_array().map(|parts| parts.iter().map(part).collect()).unwrap_or_default();
        let [name] = &parts[..] else { return cut_to(&parts.join("."), 80) };
        if hides(&self.before_sensitive, name) || hides(&self.after_sensitive, name) {
            return format!("{name} (sensitive)");
        }
        let old = value(self.before.as_ref(), name);
        let new = if is_unknown(&self.after_unknown, name) { None } else { value(self.after.as_ref(), name) };
        match (old, new) {
            (Some(old), Some(new)) => format!("{name} {old} → {new}"),
            (Some(old), None) => format!("{name} {old} → not known yet"),
            _ => name.clone(),
        }
    }

    /// The names of the attributes that change.
    fn names(&self) -> Option<String> {
        let (before, after) = (self.before.as_ref()?, self.after.as_ref()?);
        let differs =
            |name: &&String| before.0.get(*name) != after.0.get(*name) || is_unknown(&self.after_unknown, name);
        let unknown = self.after_unknown.as_object().into_iter().flat_map(|own| own.keys());
        let all: std::collections::BTreeSet<&String> = before.0.keys().chain(after.0.keys()).chain(unknown).collect();
        let names: Vec<&str> = all.into_iter().filter(differs).map(String::as_str).collect();
        (!names.is_empty()).then(|| cut_to(&names.join(", "), 200))
    }
}

/// Whether the marks of one side cover an attribute, or a part of it.
fn hides(marks: &Value, name: &str) -> bool {
    match marks {
        Value::Bool(is_hidden) => *is_hidden,
        Value::Object(marks) => marks.get(name).is_some_and(is_set),
        _ => false,
    }
}

/// Whether anything of an attribute is known only after the run.
fn is_unknown(marks: &Value, name: &str) -> bool {
    hides(marks, name)
}

fn is_set(mark: &Value) -> bool {
    match mark {
        Value::Bool(is) => *is,
        Value::Array(parts) => parts.iter().any(is_set),
        Value::Object(parts) => parts.values().any(is_set),
        _ => false,
    }
}

fn part(step: &Value) -> String {
    step.as_str().map_or_else(|| step.to_string(), str::to_owned)
}

/// The attributes of an object: the short ones as they are, the others only to be compared.
struct Attributes(BTreeMap<String, Attribute>);

#[derive(PartialEq, Eq)]
enum Attribute {
    Short(String),
    Other(u64),
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attributes, D::Error> {
        BTreeMap::deserialize(deserializer).map(Attributes)
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attribute, D::Error> {
        use std::hash::{Hash as _, Hasher as _};
        const SHORT: usize = 60;
        let value = Value::deserialize(deserializer)?;
        let (is_plain, text) = (!value.is_array() && !value.is_object(), value.to_string());
        if is_plain && text.len() <= SHORT {
            return Ok(Attribute::Short(text));
        }
        let mut hasher = std::hash::DefaultHasher::new();
        text.hash(&mut hasher);
        Ok(Attribute::Other(hasher.finish()))
    }
}

fn value<'a>(side: Option<&'a Attributes>, name: &str) -> Option<&'a str> {
    match side?.0.get(name)? {
        Attribute::Short(text) => Some(text),
        Attribute::Other(_) => None,
    }
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

#[derive(Deserialize, Default)]
struct Configuration {
    #[serde(default)]
    root_module: Module,
}

#[derive(Deserialize, Default)]
struct Module {
    #[serde(default)]
    resources: Vec<Block>,
    #[serde(default)]
    module_calls: BTreeMap<String, Call>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    module: Module,
}

#[derive(Deserialize)]
struct Block {
    address: String,
    #[serde(default)]
    provisioners: Vec<Provisioner>,
}

#[derive(Deserialize)]
struct Provisioner {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    expressions: Value,
}

impl Module {
    /// What provisioners run on resources that are created or destroyed: a plan does not say what that does.
    fn runs(&self, changes: &[Change], prefix: &str) -> Vec<Row> {
        let acts = |address: &str| {
            let is_of = |own: &&Change| plain(&own.address) == address;
            changes
                .iter()
                .filter(is_of)
                .any(|own| own.change.actions.iter().any(|act| act != "no-op" && act != "update"))
        };
        let mut rows = Vec::new();
        for block in self.resources.iter().filter(|block| !block.provisioners.is_empty()) {
            let address = format!("{prefix}{}", block.address);
            if acts(&address) {
                rows.extend(block.provisioners.iter().map(|own| Row::new(Act::Unclear, &address, &own.note())));
            }
        }
        for (name, call) in &self.module_calls {
            rows.extend(call.module.runs(changes, &format!("{prefix}module.{name}.")));
        }
        rows
    }
}

impl Provisioner {
    fn note(&self) -> String {
        let kind = &self.kind;
        let command = self.expressions.get("command").and_then(|own| own.get("constant_value")).and_then(Value::as_str);
        match command {
            Some(command) => format!("{kind} runs: {}", cut_to(command, 160)),
            None => format!("{kind} runs what is decided while it is applied"),
        }
    }
}

/// An address without the keys of instances: `module.a["x"].b.c[0]` is `module.a.b.c`.
fn plain(address: &str) -> String {
    outside_of_keys(address).map(|(_, c)| c).collect()
}

/// The kind of a resource, and its own name: `module.a["x"].b` and `c[0]`.
fn of_kind(address: &str) -> (String, String) {
    let dot = outside_of_keys(address).filter(|(_, c)| *c == '.').last();
    match dot {
        Some((at, _)) => (address[..at].to_owned(), address[at + 1..].to_owned()),
        None => (String::new(), address.to_owned()),
    }
}

/// The characters of an address that belong to no key of an instance, with their positions. A key may be any text.
fn outside_of_keys(address: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let (mut is_key, mut is_quoted, mut is_escaped) = (false, false, false);
    address.char_indices().filter(move |&(_, c)| {
        let was_key = is_key;
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' if is_key => is_quoted = !is_quoted,
            '[' if !is_quoted => is_key = true,
            ']' if !is_quoted => is_key = false,
            _ => {}
        }
        !was_key && !is_key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(changes: &str, rest: &str) -> Vec<(Act, String, u64, String)> {
        let json =
            format!(r#"{{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[{changes}]{rest}}}"#);
        let document = preview(json.as_bytes(), "terraform").unwrap();
        document.rows.into_iter().map(|row| (row.act, row.what, row.count.0, row.note)).collect()
    }

    fn change(address: &str, actions: &str, rest: &str) -> String {
        format!(r#"{{"address":"{address}","mode":"managed","type":"x","change":{{"actions":[{actions}]{rest}}}}}"#)
    }

    #[test]
    fn what_is_destroyed_stands_first_and_what_is_not_known_is_never_harmless() {
        let acts = [
            ("\"no-op\"", None),
            ("\"create\"", Some(Act::Create)),
            ("\"update\"", Some(Act::Change)),
            ("\"delete\"", Some(Act::Destroy)),
            ("\"delete\",\"create\"", Some(Act::Replace)),
            ("\"create\",\"delete\"", Some(Act::Replace)),
            ("\"forget\"", Some(Act::Forget)),
            ("\"explode\"", Some(Act::Unclear)),
            ("\"delete\",\"delete\"", Some(Act::Unclear)),
            ("", Some(Act::Unclear)),
            ("\"read\"", Some(Act::Unclear)),
        ];
        for (actions, act) in acts {
            assert_eq!(rows(&change("a.b", actions, ""), "").first().map(|row| row.0), act, "{actions}");
        }
        let both = [change("a.new", "\"create\"", ""), change("a.old", "\"delete\"", "")].join(",");
        assert_eq!(rows(&both, "").iter().map(|row| row.1.as_str()).collect::<Vec<_>>(), ["a.old", "a.new"]);
        assert_eq!(rows("", r#","inventions":[1]"#)[0].0, Act::Unclear);
        assert_eq!(rows("", r#","complete":false"#)[0].0, Act::Later);
    }

    #[test]
    fn what_forces_a_replacement_is_told_with_both_values_and_never_a_sensitive_one() {
        let sides = r#","before":{"name":"a","key":"s3cr3t"},"after":{"name":"b","key":"t0ps3cr3t"},
            "after_unknown":{},"before_sensitive":{},"after_sensitive":{"key":true},"replace_paths":[["name"],["key"]]"#;
        let told = rows(&change("a.b", "\"delete\",\"create\"", sides), "");
        assert_eq!(told[0].3, "name \"a\" → \"b\", key (sensitive) forces it; destroyed first, made after");
        let update = rows(&change("a.b", "\"update\"", sides), "");
        assert_eq!(update[0].3, "key, name", "of what only changes, names alone");
        for whole in ["\"before_sensitive\":true", "\"before_sensitive\":{\"name\":[{\"x\":true}]}"] {
            let sides = sides.replace("\"before_sensitive\":{}", whole);
            let told = rows(&change("a.b", "\"delete\",\"create\"", &sides), "");
            assert!(told[0].3.starts_with("name (sensitive)"), "{told:?}");
        }
    }

    #[test]
    fn a_provisioner_runs_something_where_its_resource_is_made() {
        let configuration = r#","configuration":{"root_module":{"module_calls":{"m":{"module":{"resources":[
            {"address":"n.r","provisioners":[{"type":"local-exec","expressions":{"command":{"constant_value":"rm -rf /"}}}]}
            ]}}}}}"#;
        for (actions, is_run) in
            [("\"create\"", true), ("\"delete\"", true), ("\"no-op\"", false), ("\"update\"", false)]
        {
            let told = rows(&change(r#"module.m[\"a]b\"].n.r[0]"#, actions, ""), configuration);
            let runs = told.iter().any(|row| row.0 == Act::Unclear && row.3.contains("rm -rf /"));
            assert_eq!(runs, is_run, "{actions} {told:?}");
        }
    }

    #[test]
    fn many_instances_are_one_row_with_their_keys() {
        let all: Vec<String> = (0..24).map(|at| change(&format!("ce_widget.panel[{at}]"), "\"delete\"", "")).collect();
        let told = rows(&all.join(","), "");
        assert_eq!((told.iter().map(|row| row.2).sum::<u64>(), told[0].1.as_str()), (24, "ce_widget"));
        assert!(told[0].3.starts_with("panel[0] panel[1]") && told.len() < 4, "{told:?}");
    }

    #[test]
    fn what_is_no_plan_of_a_known_format_has_no_preview() {
        for (json, why) in [
            ("", "cannot be read"),
            ("[]", "cannot be read"),
            (r#"{"format_version":"2.0"}"#, "is 2.0"),
            (r#"{"format_version":"1.2","errored":true}"#, "failed"),
            (r#"{"format_version":"1.2","format_version":"1.2"}"#, "cannot be read"),
        ] {
            let said = preview(json.as_bytes(), "terraform").unwrap_err();
            assert!(said.contains(why), "{json}: {said}");
        }
    }
}
