//! Plans of Terraform and OpenTofu, as `show -json` writes them (JSON output format 1.x,
//! <https://developer.hashicorp.com/terraform/internals/json-format>).
//!
//! Values go into a preview only where they force a replacement, and never those that the plan marks as sensitive: a
//! preview stays in the ledger for ever.
//!
//! A saved plan is the requester's work in all its parts. It brings the state from which its changes are computed and
//! says where the state is written, and neither is compared with anything real: so it is never surely harmless.

mod address;
mod change;
mod read;
mod value;

use std::collections::HashSet;

use super::{Act, Document, Row, cut_to, grouped, input_at};
use crate::command::request::{Command, Input};
use address::{of_kind, shown};
use read::{Module, Plan, Provisioner};
use value::Kind;

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
/// A sentence: it is not a plain `apply` of a saved plan.
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
    input_at(command, plan).ok_or_else(|| "its last argument is not an input".to_owned())
}

/// Whether these bytes may be a saved plan: an archive. What HCP Terraform saves is a bookmark of a remote run instead,
/// which binds nothing.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The preview of a plan in JSON.
///
/// # Errors
/// A sentence: it is not a plan, one of a failed run, or one of a format that is not known here.
pub fn preview(json: &[u8], tool: &str) -> Result<Document, String> {
    let plan: Plan = serde_json::from_slice(json).map_err(|error| format!("its plan cannot be read: {error}"))?;
    if plan.format_version.split('.').next() != Some("1") {
        return Err(format!("the format of its plan is {}, and 1 is known", cut_to(&plan.format_version, 20)));
    }
    if plan.is_errored {
        return Err("the plan is one of a run that failed".to_owned());
    }
    let mut rows = grouped(plan.changes.rows.clone(), of_kind);
    rows.push(Row::new(Act::Unclear, OWN_STATE.0, OWN_STATE.1));
    rows.extend(runs(&plan));
    rows.extend(plan.invoked.iter().map(|own| Row::new(Act::Unclear, &shown(own), "an action is run")));
    let unknown = plan.unknown.iter().map(|name| {
        Row::new(Act::Unclear, name, "a part of the plan that is not known here; a newer undersign may know it")
    });
    rows.extend(unknown);
    let drifted = plan.drifted.iter().map(|own| Row::new(Act::Drift, &shown(own), "changed since the last run"));
    rows.extend(grouped(drifted.collect(), of_kind));
    rows.extend(plan.deferred.iter().map(|own| Row::new(Act::Later, &shown(own), "left for a later plan")));
    if !plan.is_complete && plan.deferred.is_empty() {
        rows.push(Row::new(Act::Later, "the rest", "the plan is not complete"));
    }
    let version = if plan.terraform_version.is_empty() { "" } else { " " };
    Document::new(&format!("{tool}{version}{}", plan.terraform_version), rows)
}

/// What a plan does not tell, though it acts on it. Both are the requester's, as everything in a saved plan is.
const OWN_STATE: (&str, &str) = (
    "state and backend",
    "a saved plan brings its own: which real objects its names stand for, and where the state is, is not compared",
);

/// What runs besides, or may: a plan does not say what that does.
fn runs(plan: &Plan) -> Vec<Row> {
    let mut found = Found::default();
    found.module(&plan.configuration, "", &plan.changes.acting);
    let gone = plan.changes.destroyed.iter().filter(|own| !found.blocks.contains(*own)).count();
    if gone > 0 {
        let note = format!("a `removed` block may run programs for what is gone from the configuration: {gone}");
        found.rows.push(Row::new(Act::Unclear, "provisioners", &note));
    }
    found.rows
}

/// What the configuration holds.
#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    /// The addresses of all blocks.
    blocks: HashSet<String>,
}

impl Found {
    fn module(&mut self, module: &Module, prefix: &str, acting: &HashSet<String>) {
        for block in &module.resources.0 {
            let address = format!("{prefix}{}", block.address);
            if acting.contains(&address) {
                let run = block.provisioners.0.iter().map(|own| Row::new(Act::Unclear, &shown(&address), &note(own)));
                self.rows.extend(run);
            }
            self.blocks.insert(address);
        }
        for (name, call) in &module.module_calls.0 {
            self.module(&call.module, &format!("{prefix}module.{name}."), acting);
        }
    }
}

fn note(provisioner: &Provisioner) -> String {
    let kind = cut_to(&provisioner.kind, 60);
    let others: Vec<&str> = provisioner.expressions.others.keys().map(String::as_str).collect();
    match provisioner.expressions.command.as_ref().map(|own| &own.constant_value.kind) {
        Some(Kind::Text(command)) if others.is_empty() => format!("{kind} runs: {}", cut_to(command, 160)),
        Some(Kind::Text(command)) => {
            format!("{kind} runs, by its own {}: {}", cut_to(&others.join(", "), 60), cut_to(command, 90))
        }
        _ => format!("{kind} runs what is decided while it is applied, or is too long to show"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::preview::MAX_TEXT;

    fn rows(changes: &str, rest: &str) -> Vec<(Act, String, u64, String)> {
        let json =
            format!(r#"{{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[{changes}]{rest}}}"#);
        let document = preview(json.as_bytes(), "terraform").unwrap();
        let (own, rows): (Vec<Row>, Vec<Row>) = document.rows.into_iter().partition(|row| row.what == OWN_STATE.0);
        assert_eq!((own.len(), own[0].act), (1, Act::Unclear), "no plan is surely harmless");
        rows.into_iter().map(|row| (row.act, row.what, row.count.0, row.note)).collect()
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
        assert_eq!(
            rows(&both, "").iter().map(|row| row.1.as_str()).collect::<Vec<_>>(),
            ["a.old", "provisioners", "a.new"]
        );
        assert_eq!(rows("", r#","inventions":[1]"#)[0].0, Act::Unclear);
        assert_eq!(rows("", r#","complete":false"#)[0].0, Act::Later);
    }

    #[test]
    fn what_forces_a_replacement_is_told_with_both_values_and_never_a_sensitive_one() {
        let sides = r#","before":{"name":"a","key":"s3cr3t"},"after":{"name":"b","key":"t0ps3cr3t"},
            "after_unknown":{},"before_sensitive":{},"after_sensitive":{"key":true},
            "replace_paths":[["name"],["key"]]"#;
        let told = rows(&change("a.b", "\"delete\",\"create\"", sides), "");
        assert_eq!(told[0].3, "name \"a\" → \"b\", key (sensitive) forces it; destroyed first, made after");
        let update = rows(&change("a.b", "\"update\"", sides), "");
        assert_eq!(update[0].3, "key, name", "of what only changes, names alone");
        for whole in [
            "\"before_sensitive\":true",
            "\"before_sensitive\":{\"name\":[{\"x\":true}]}",
            "\"before_sensitive\":[true]",
            "\"before_sensitive\":{\"name\":\"yes\"}",
            "\"before_sensitive\":\"all\"",
        ] {
            let sides = sides.replace("\"before_sensitive\":{}", whole);
            let told = rows(&change("a.b", "\"delete\",\"create\"", &sides), "");
            assert!(told[0].3.starts_with("name (sensitive)"), "{told:?}");
        }
    }

    #[test]
    fn of_a_part_of_what_is_sensitive_not_even_the_name_is_told() {
        let sides = r#","before":{"m":{"k":1}},"after":{"m":{"k":2}},"before_sensitive":{"m":true},
            "replace_paths":[["m","s3cr3t"],["m","s3cr3t",0],["n","k",0]]"#;
        let told = rows(&change("a.b", "\"delete\",\"create\"", sides), "");
        assert!(told[0].3.starts_with("m (sensitive), n.k.0 forces it"), "{told:?}");
    }

    #[test]
    fn what_is_gone_from_the_configuration_may_run_programs() {
        let configuration = r#","configuration":{"root_module":{"resources":[{"address":"a.here"}]}}"#;
        for (address, is_told) in [("a.here[3]", false), ("a.gone", true), ("module.m.a.here", true)] {
            let told = rows(&change(address, "\"delete\"", ""), configuration);
            assert_eq!(told.iter().any(|row| row.0 == Act::Unclear && row.1 == "provisioners"), is_told, "{address}");
        }
    }

    #[test]
    fn of_a_long_address_its_type_and_name_and_both_ends_of_its_keys_are_shown() {
        let key = "tmp ".repeat(120);
        let long = |end: &str| shown(&format!("module.m[\"{key}{end}\"].aws_db_instance.prod[0]"));
        assert_eq!(long("1"), "module.m[\"tmp tmp tmp tmp… tmp tmp tmp tmp 1\"].aws_db_instance.prod[0]");
        assert_ne!(long("1"), long("2"));
        let deep = shown(&format!("module.{}.aws_db_instance.prod", "é".repeat(400)));
        assert!(deep.len() <= MAX_TEXT && deep.ends_with(".aws_db_instance.prod") && deep.starts_with("module."));
    }

    #[test]
    fn a_plan_is_read_within_bounds() {
        let json = |rest: &str| format!(r#"{{"format_version":"1.2"{rest}}}"#);
        let many = |item: &str| vec![item; 100_001].join(",");
        let attributes: Vec<String> = (0..10_001).map(|at| format!(r#""a{at}":0"#)).collect();
        let big = change("a.b", "\"update\"", &format!(r#","before":{{{}}}"#, attributes.join(",")));
        for rest in [
            format!(r#","resource_changes":[{}]"#, many(r#"{"address":"a.b","change":{"actions":["no-op"]}}"#)),
            format!(r#","resource_changes":[{big}]"#),
            format!(r#","resource_drift":[{}]"#, many("{}")),
            r#","unknown":1,"unknown":2"#.to_owned(),
            r#","configuration":{"root_module":{"module_calls":{"m":{},"m":{}}}}"#.to_owned(),
        ] {
            assert!(preview(json(&rest).as_bytes(), "terraform").unwrap_err().contains("cannot be read"));
        }
        let marks = format!(r#","after_unknown":{{"x":[{}]}}"#, many("{\"a\":0}"));
        assert_eq!(rows(&change("a.b", "\"update\"", &marks), "")[0].0, Act::Change);
    }

    #[test]
    fn a_provisioner_runs_something_where_its_resource_is_made() {
        let configuration = r#","configuration":{"root_module":{"module_calls":{"m":{"module":{"resources":[
            {"address":"n.r","provisioners":[
            {"type":"local-exec","expressions":{"command":{"constant_value":"rm -rf /"}}}]}
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
    fn a_provisioner_with_its_own_interpreter_is_not_told_by_its_command_alone() {
        let configuration = r#","configuration":{"root_module":{"resources":[{"address":"n.r","provisioners":[
            {"type":"local-exec","expressions":{"command":{"constant_value":"echo done"},
            "interpreter":{"constant_value":["/bin/sh","-c","touch x; #"]},"environment":{}}}]}]}}"#;
        let told = rows(&change("n.r", "\"create\"", ""), configuration);
        let own = "local-exec runs, by its own environment, interpreter: echo done";
        assert!(told.iter().any(|row| row.0 == Act::Unclear && row.3 == own), "{told:?}");
    }

    #[test]
    fn many_instances_are_one_row_with_their_keys() {
        let all: Vec<String> = (0..24).map(|at| change(&format!("ce_widget.panel[{at}]"), "\"delete\"", "")).collect();
        let mut told = rows(&all.join(","), "");
        told.retain(|row| row.0 == Act::Destroy);
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
