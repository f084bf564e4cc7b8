//! GitHub's own description of its API, trimmed to what is used of it: `schemas/trim.py` says how. The server in memory
//! is held to it, so that nothing is sent to GitHub, and nothing expected of it, that it does not have.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use undersign::source::server::http::Method;

static GITHUB: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("schemas/github.json")).unwrap());
static READ: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

/// Checks a request, completes its answer with what GitHub always tells besides, and checks that, too.
///
/// # Panics
/// GitHub has no such request, or no such answer.
pub fn github(method: Method, path: &str, body: &Value, status: u16, answer: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let method = format!("{method:?}").to_lowercase();
    let (name, operation) = operation(&method, path).unwrap_or_else(|| panic!("GitHub has no {method} {path}"));
    for (parameter, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let wanted = &operation["query"][parameter];
        assert!(wanted.is_object(), "{name} has no parameter {parameter}");
        let value = value.parse::<u64>().map_or_else(|_| json!(value), Value::from);
        let value = if wanted["type"] == "string" { json!(value.to_string().trim_matches('"')) } else { value };
        is_valid(&format!("{name} ?{parameter}"), wanted, &value);
    }
    match &operation["body"] {
        Value::Null => assert!(body.is_null(), "{name} takes nothing"),
        wanted => is_valid(&format!("{name} body"), wanted, body),
    }
    if status >= 400 {
        return answer.clone();
    }
    let wanted = &operation["answers"][status.to_string()];
    assert!(wanted.is_object(), "{name} does not answer {status}");
    let whole = completed(wanted, answer);
    is_valid(&format!("{name} {status}"), wanted, &whole);
    whole
}

fn operation(method: &str, path: &str) -> Option<(String, &'static Value)> {
    let is_at = |template: &str| {
        let (wanted, found): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
        let fits = |(wanted, found): (&&str, &&str)| wanted == found || wanted.starts_with('{') && !found.is_empty();
        wanted.len() == found.len() && wanted.iter().zip(&found).all(fits)
    };
    let paths = GITHUB["paths"].as_object().unwrap();
    let (template, methods) = paths.iter().find(|(template, _)| is_at(template))?;
    Some((format!("{method} {template}"), methods.get(method)?))
}

fn is_valid(what: &str, schema: &Value, value: &Value) {
    let mut read = READ.lock().unwrap();
    let validator = read.entry(what.to_owned()).or_insert_with(|| {
        let whole = json!({"components": GITHUB["components"], "allOf": [schema]});
        Arc::new(jsonschema::draft202012::new(&whole).unwrap())
    });
    let validator = Arc::clone(validator);
    drop(read);
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(wrong.is_empty(), "{what}: {}\n{value:#}", wrong.join("\n"));
}

/// Where a schema leads: through references, and to the one of several that is an object or a list.
fn resolved(schema: &'static Value) -> &'static Value {
    if let Some(name) = schema["$ref"].as_str() {
        return resolved(GITHUB.pointer(name.trim_start_matches('#')).unwrap());
    }
    let several = ["anyOf", "oneOf"].iter().find_map(|word| schema[*word].as_array());
    let is_null = |one: &&Value| one["type"] == "null";
    several.and_then(|all| all.iter().find(|one| !is_null(one))).map_or(schema, resolved)
}

/// A value with all that its schema asks for besides.
fn completed(schema: &'static Value, own: &Value) -> Value {
    let schema = resolved(schema);
    match own {
        Value::Array(all) => all.iter().map(|one| completed(&schema["items"], one)).collect(),
        Value::Object(own) => {
            let properties = &schema["properties"];
            let mut whole: Map<String, Value> = required(schema).collect();
            let own = own.iter().map(|(name, value)| {
                let value =
                    if properties[name].is_null() { value.clone() } else { completed(&properties[name], value) };
                (name.clone(), value)
            });
            whole.extend(own);
            Value::from(whole)
        }
        plain => plain.clone(),
    }
}

fn required(schema: &'static Value) -> impl Iterator<Item = (String, Value)> {
    let names = schema["required"].as_array().into_iter().flatten();
    names.map(|name| {
        let name = name.as_str().unwrap();
        (name.to_owned(), least(&schema["properties"][name]))
    })
}

/// The least that a schema takes.
fn least(schema: &'static Value) -> Value {
    let may_be_null = |schema: &Value| {
        let several = schema["anyOf"].as_array().into_iter().flatten().any(|one| one["type"] == "null");
        several || schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
    };
    if may_be_null(schema) || schema["$ref"].as_str().is_some() && may_be_null(resolved(schema)) {
        return Value::Null;
    }
    let schema = resolved(schema);
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!(""),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        _ => required(schema).collect::<Map<String, Value>>().into(),
    }
}

#[test]
fn what_github_does_not_have_is_not_taken_for_its_api() {
    let refused = |method, path: &str, body: Value, status, answer: Value| {
        let outcome = std::panic::catch_unwind(|| github(method, path, &body, status, &answer));
        assert!(outcome.is_err(), "{method:?} {path} {body} {answer}");
    };
    let reviews = "/repos/ann/shop/pulls/12/reviews";
    let review = |event: &str| json!({"commit_id": "0".repeat(40), "event": event, "body": "no"});
    github(Method::Post, reviews, &review("APPROVE"), 200, &json!({"state": "APPROVED"}));
    refused(Method::Post, reviews, review("APPROVED"), 200, json!({"state": "APPROVED"}));
    refused(Method::Post, reviews, json!({"commit": "0".repeat(40)}), 200, json!({}));
    refused(Method::Get, "/repos/ann/shop/pull/12", Value::Null, 200, json!({}));
    refused(Method::Get, "/repos/ann/shop/pulls?stat=open", Value::Null, 200, json!([]));
    refused(Method::Get, "/repos/ann/shop/pulls?state=opened", Value::Null, 200, json!([]));
    refused(Method::Get, "/repos/ann/shop/pulls", Value::Null, 200, json!([{"sha": "0".repeat(40)}]));
    let status = |state: &str| json!({"state": state, "context": "undersign/signed-review"});
    github(Method::Post, "/repos/ann/shop/statuses/0", &status("success"), 201, &json!({}));
    refused(Method::Post, "/repos/ann/shop/statuses/0", status("failed"), 201, json!({}));
    refused(Method::Post, "/repos/ann/shop/statuses/0", status("success"), 200, json!({}));
}
