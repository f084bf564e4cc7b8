//! The vendors' own descriptions of their APIs. The servers in memory are held to them, so that nothing is sent to a
//! server, and nothing expected of one, that it does not have.
//!
//! * GitHub: its OpenAPI, trimmed to what is used of it; `schemas/trim.py` says how.
//! * Gitea and Forgejo: the swagger of Forgejo, as a package ships it (`swagger.rs`).
//! * GitLab: `gitlab.json`, written by hand after the declarations in its source from which its OpenAPI is generated.
//! * Gerrit: `gerrit.json`, written by hand after the types of its own web client.

mod notation;
mod swagger;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use undersign::source::server::ServerKind;
use undersign::source::server::http::Method;

static GITHUB: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("schemas/github.json")).unwrap());
static GITEA: LazyLock<Option<Value>> = LazyLock::new(swagger::forgejo);
static GITLAB: LazyLock<Value> = LazyLock::new(|| notation::described(include_str!("schemas/gitlab.json")));
static GERRIT: LazyLock<Value> = LazyLock::new(|| notation::described(include_str!("schemas/gerrit.json")));
static READ: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

/// The description of a vendor's API, and below which path it is served.
#[derive(Clone, Copy)]
struct Vendor {
    kind: ServerKind,
    base: &'static str,
    whole: &'static Value,
}

/// None where its description cannot be had.
fn vendor(kind: ServerKind) -> Option<Vendor> {
    let (base, whole) = match kind {
        ServerKind::GitHub => ("/api/v3", &*GITHUB),
        ServerKind::Gitea => ("/api/v1", GITEA.as_ref()?),
        ServerKind::GitLab => ("", &*GITLAB),
        ServerKind::Gerrit => ("", &*GERRIT),
        // A real one is asked.
        ServerKind::ReviewBoard => unreachable!(),
    };
    Some(Vendor { kind, base, whole })
}

/// Checks a request, completes its answer with what the server always tells besides, and checks that, too.
///
/// # Panics
/// The vendor's API has no such request, or no such answer.
pub fn checked(kind: ServerKind, method: Method, path: &str, body: &Value, status: u16, answer: &Value) -> Value {
    let Some(vendor) = vendor(kind) else { return answer.clone() };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let method = format!("{method:?}").to_lowercase();
    let found = path.strip_prefix(vendor.base).and_then(|path| vendor.operation(&method, path));
    let (name, operation) = found.unwrap_or_else(|| panic!("{kind:?} has no {method} {path}"));
    for (parameter, text) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let wanted = &operation["query"][parameter];
        assert!(wanted.is_object(), "{name} has no parameter {parameter}");
        vendor.is_valid(&format!("{name} ?{parameter}"), wanted, &by_type(vendor.resolved(wanted), text));
    }
    match &operation["body"] {
        // Some clients send an empty object where nothing is read.
        Value::Null => assert!(body.is_null() || *body == json!({}), "{name} takes nothing"),
        wanted => vendor.is_valid(&format!("{name} body"), wanted, body),
    }
    if status >= 400 {
        return answer.clone();
    }
    let wanted = &operation["answers"][status.to_string()];
    assert!(wanted.is_object(), "{name} does not answer {status}");
    let whole = vendor.completed(wanted, answer);
    vendor.is_valid(&format!("{name} {status}"), wanted, &whole);
    whole
}

/// What a text of a query is.
fn by_type(wanted: &Value, text: &str) -> Value {
    match wanted["type"].as_str() {
        Some("integer") => text.parse::<u64>().map_or_else(|_| json!(text), Value::from),
        Some("boolean") => text.parse::<bool>().map_or_else(|_| json!(text), Value::from),
        _ => json!(text),
    }
}

impl Vendor {
    /// A path without variables comes before one with them.
    fn operation(self, method: &str, path: &str) -> Option<(String, &'static Value)> {
        let is_at = |template: &str| {
            let (wanted, found): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
            let fits =
                |(wanted, found): (&&str, &&str)| wanted == found || wanted.starts_with('{') && !found.is_empty();
            wanted.len() == found.len() && wanted.iter().zip(&found).all(fits)
        };
        let paths = self.whole["paths"].as_object().unwrap();
        let fitting = paths.iter().filter(|(template, _)| is_at(template));
        let (template, methods) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        Some((format!("{method} {template}"), methods.get(method)?))
    }

    fn is_valid(self, what: &str, schema: &Value, value: &Value) {
        let what = format!("{:?}: {what}", self.kind);
        let mut read = READ.lock().unwrap();
        let validator = read.entry(what.clone()).or_insert_with(|| {
            let whole = json!({"components": self.whole["components"], "allOf": [schema]});
            Arc::new(jsonschema::draft202012::new(&whole).unwrap())
        });
        let validator = Arc::clone(validator);
        drop(read);
        let wrong: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(wrong.is_empty(), "{what}: {}\n{value:#}", wrong.join("\n"));
    }

    /// Where a schema leads: through references, and to the one of several that is an object or a list.
    fn resolved(self, schema: &'static Value) -> &'static Value {
        if let Some(name) = schema["$ref"].as_str() {
            return self.resolved(self.whole.pointer(name.trim_start_matches('#')).unwrap());
        }
        let several = ["anyOf", "oneOf"].iter().find_map(|word| schema[*word].as_array());
        let is_null = |one: &&Value| one["type"] == "null";
        several.and_then(|all| all.iter().find(|one| !is_null(one))).map_or(schema, |one| self.resolved(one))
    }

    /// A value with all that its schema asks for besides.
    fn completed(self, schema: &'static Value, own: &Value) -> Value {
        let schema = self.resolved(schema);
        match own {
            Value::Array(all) => all.iter().map(|one| self.completed(&schema["items"], one)).collect(),
            Value::Object(own) => {
                let mut whole: Map<String, Value> = self.required(schema).collect();
                let own = own.iter().map(|(name, value)| {
                    let known = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                    (name.clone(), self.completed(known, value))
                });
                whole.extend(own);
                Value::from(whole)
            }
            plain => plain.clone(),
        }
    }

    fn required(self, schema: &'static Value) -> impl Iterator<Item = (String, Value)> {
        let names = schema["required"].as_array().into_iter().flatten();
        names.map(move |name| {
            let name = name.as_str().unwrap();
            (name.to_owned(), self.least(&schema["properties"][name]))
        })
    }

    /// The least that a schema takes.
    fn least(self, schema: &'static Value) -> Value {
        let may_be_null = |schema: &Value| {
            let several = schema["anyOf"].as_array().into_iter().flatten().any(|one| one["type"] == "null");
            several || schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
        };
        if may_be_null(schema) || schema["$ref"].as_str().is_some() && may_be_null(self.resolved(schema)) {
            return Value::Null;
        }
        let schema = self.resolved(schema);
        if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
            return first.clone();
        }
        match schema["type"].as_str() {
            Some("string") => json!(""),
            Some("integer" | "number") => json!(0),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            _ => self.required(schema).collect::<Map<String, Value>>().into(),
        }
    }
}

/// An exchange that a vendor's description has.
fn is_of(kind: ServerKind) -> impl Fn(Method, &str, Value, u16, Value) {
    move |method, path, body, status, answer| _ = checked(kind, method, path, &body, status, &answer)
}

/// One that it does not have.
fn is_not_of(kind: ServerKind) -> impl Fn(Method, &str, Value, u16, Value) {
    move |method, path, body, status, answer| {
        let outcome = std::panic::catch_unwind(|| checked(kind, method, path, &body, status, &answer));
        assert!(outcome.is_err(), "{kind:?} {method:?} {path} {body} {answer}");
    }
}

#[test]
fn what_github_does_not_have_is_not_taken_for_its_api() {
    let (github, refused) = (is_of(ServerKind::GitHub), is_not_of(ServerKind::GitHub));
    let reviews = "/api/v3/repos/ann/shop/pulls/12/reviews";
    let review = |event: &str| json!({"commit_id": "0".repeat(40), "event": event, "body": "no"});
    github(Method::Post, reviews, review("APPROVE"), 200, json!({"state": "APPROVED"}));
    refused(Method::Post, reviews, review("APPROVED"), 200, json!({"state": "APPROVED"}));
    refused(Method::Post, reviews, json!({"commit": "0".repeat(40)}), 200, json!({}));
    refused(Method::Get, "/api/v3/repos/ann/shop/pull/12", Value::Null, 200, json!({}));
    refused(Method::Get, "/api/v3/repos/ann/shop/pulls?stat=open", Value::Null, 200, json!([]));
    refused(Method::Get, "/api/v3/repos/ann/shop/pulls?state=opened", Value::Null, 200, json!([]));
    refused(Method::Get, "/api/v3/repos/ann/shop/pulls", Value::Null, 200, json!([{"sha": "0".repeat(40)}]));
    let status = |state: &str| json!({"state": state, "context": "undersign/signed-review"});
    github(Method::Post, "/api/v3/repos/ann/shop/statuses/0", status("success"), 201, json!({}));
    refused(Method::Post, "/api/v3/repos/ann/shop/statuses/0", status("failed"), 201, json!({}));
    refused(Method::Post, "/api/v3/repos/ann/shop/statuses/0", status("success"), 200, json!({}));
}

#[test]
fn what_forgejo_does_not_have_is_not_taken_for_its_api() {
    if GITEA.is_none() {
        return;
    }
    let (forgejo, refused) = (is_of(ServerKind::Gitea), is_not_of(ServerKind::Gitea));
    let reviews = "/api/v1/repos/ann/shop/pulls/12/reviews";
    let review = |note: Value| json!({"commit_id": "0".repeat(40), "event": "APPROVED", "comments": [note]});
    let note = || json!({"path": "till.txt", "new_position": 3, "old_position": 0, "body": "no"});
    forgejo(Method::Post, reviews, review(note()), 200, json!({"state": "APPROVED", "team": null}));
    refused(Method::Post, reviews, review(json!({"path": "till.txt", "line": 3, "side": "RIGHT"})), 200, json!({}));
    refused(Method::Post, reviews, review(json!({"path": "till.txt", "new_position": "3"})), 200, json!({}));
    refused(Method::Post, reviews, review(json!({"path": null})), 200, json!({}));
    refused(Method::Post, reviews, review(note()), 201, json!({}));
    refused(Method::Post, "/api/v1/repos/ann/shop/pulls/12", Value::Null, 200, json!({}));
    refused(Method::Get, "/api/v3/repos/ann/shop/pulls", Value::Null, 200, json!([]));
    refused(Method::Get, "/api/v1/repos/ann/shop/pulls?per_page=100", Value::Null, 200, json!([]));
    refused(Method::Get, "/api/v1/repos/issues/search?review_requested=me", Value::Null, 200, json!([]));
    // Where it says whether a request that was searched for is a draft.
    let found = |issue: Value| json!([issue]);
    let search = "/api/v1/repos/issues/search?type=pulls&state=open&review_requested=true";
    forgejo(Method::Get, search, Value::Null, 200, found(json!({"pull_request": {"draft": true}})));
    refused(Method::Get, search, Value::Null, 200, found(json!({"draft": true})));
    let statuses = "/api/v1/repos/ann/shop/statuses/0";
    forgejo(Method::Post, statuses, json!({"state": "failure", "context": "a"}), 201, json!({"status": "failure"}));
    refused(Method::Post, statuses, json!({"state": "failed", "context": "a"}), 201, json!({}));
    refused(Method::Post, statuses, json!({"state": "failure"}), 201, json!({"state": "failure"}));
    let comments = "/api/v1/repos/ann/shop/issues/12/comments";
    forgejo(Method::Post, comments, json!({"body": "Well."}), 201, json!({"id": 1}));
    refused(Method::Post, comments, json!({}), 201, json!({"id": 1}));
}

#[test]
fn what_gitlab_does_not_have_is_not_taken_for_its_api() {
    let (gitlab, refused) = (is_of(ServerKind::GitLab), is_not_of(ServerKind::GitLab));
    let one = "/api/v4/projects/shops%2Ftill/merge_requests/12";
    let at = |rest: &str| format!("{one}{rest}");
    gitlab(Method::Post, &at("/approve"), json!({"sha": "0".repeat(40)}), 201, json!({"approved_by": []}));
    refused(Method::Put, &at("/approve"), json!({"sha": "0".repeat(40)}), 201, json!({"approved_by": []}));
    refused(Method::Post, &at("/approve"), json!({"commit_id": "0".repeat(40)}), 201, json!({"approved_by": []}));
    refused(Method::Post, &at("/approve"), json!({}), 201, Value::Null);
    refused(Method::Post, &at("/request_changes"), json!({}), 201, json!({}));
    gitlab(Method::Get, &at("/reviewers"), Value::Null, 200, json!([{"state": "requested_changes"}]));
    refused(Method::Get, &at("/reviewers"), Value::Null, 200, json!([{"state": "rejected"}]));
    let position = |base: Value| json!({"position_type": "text", "base_sha": base, "start_sha": "1", "head_sha": "2"});
    let thread = |position: Value| json!({"body": "no", "position": position});
    let discussions = at("/discussions");
    gitlab(Method::Post, &discussions, thread(position(json!("0"))), 201, json!({"id": "d", "notes": []}));
    refused(Method::Post, &discussions, thread(position(Value::Null)), 201, json!({"id": "d", "notes": []}));
    refused(Method::Post, &discussions, thread(json!({"position_type": "text"})), 201, json!({"id": "d"}));
    refused(Method::Post, &discussions, json!({"note": "no"}), 201, json!({"id": "d", "notes": []}));
    refused(Method::Get, &discussions, Value::Null, 200, json!([{"id": "d", "notes": [{"text": "no"}]}]));
    let list = "/api/v4/merge_requests?scope=reviews_for_me&state=opened&per_page=100";
    gitlab(Method::Get, list, Value::Null, 200, json!([{"iid": 12}]));
    refused(Method::Get, "/api/v4/merge_requests?scope=reviews", Value::Null, 200, json!([]));
    refused(Method::Get, "/api/v4/merge_requests?state=open", Value::Null, 200, json!([]));
    refused(Method::Get, list, Value::Null, 200, json!([{"number": 12}]));
    refused(Method::Get, list, Value::Null, 200, json!([{"iid": 12, "head_pipeline": null}]));
    let statuses = "/api/v4/projects/shops%2Ftill/statuses/0";
    gitlab(Method::Post, statuses, json!({"state": "failed", "name": "a"}), 201, json!({"status": "failed"}));
    refused(Method::Post, statuses, json!({"state": "failure", "name": "a"}), 201, json!({}));
    refused(Method::Post, statuses, json!({"name": "a"}), 201, json!({}));
    let asked = |variables: Value| json!({"query": "mutation", "variables": variables});
    let done = || json!({"data": {"mergeRequestRequestChanges": {"errors": []}}});
    gitlab(Method::Post, "/api/graphql", asked(json!({"path": "shops/till", "iid": "12"})), 200, done());
    refused(Method::Post, "/api/graphql", json!({"variables": {}}), 200, done());
}

#[test]
fn what_gerrit_does_not_have_is_not_taken_for_its_api() {
    let (gerrit, refused) = (is_of(ServerKind::Gerrit), is_not_of(ServerKind::Gerrit));
    let review = format!("/a/changes/till~12/revisions/{}/review", "0".repeat(40));
    let body =
        |comment: Value| json!({"message": "no", "labels": {"Code-Review": -2}, "comments": {"till.txt": [comment]}});
    gerrit(Method::Post, &review, body(json!({"line": 3, "message": "no", "unresolved": true})), 200, json!({}));
    refused(Method::Put, &review, body(json!({"line": 3, "message": "no"})), 200, json!({}));
    refused(Method::Post, &review, body(json!({"line": 3, "body": "no"})), 200, json!({}));
    refused(Method::Post, &review, body(json!({"line": 3, "side": "LEFT"})), 200, json!({}));
    refused(Method::Post, &review, json!({"labels": {"Code-Review": "-2"}}), 200, json!({}));
    refused(Method::Post, &review, json!({"msg": "no"}), 200, json!({}));
    refused(Method::Post, "/a/changes/till~12/review", json!({"message": "no"}), 200, json!({}));
    let one = "/a/changes/till~12?o=CURRENT_REVISION&o=DETAILED_LABELS";
    gerrit(Method::Get, one, Value::Null, 200, json!({"_number": 12, "status": "NEW"}));
    refused(Method::Get, "/a/changes/till~12?o=HEAD", Value::Null, 200, json!({}));
    refused(Method::Get, one, Value::Null, 200, json!({"number": 12}));
    refused(Method::Get, one, Value::Null, 200, json!({"status": "OPEN"}));
    refused(Method::Get, "/changes/till~12", Value::Null, 200, json!({}));
    let comments = "/a/changes/till~12/comments";
    gerrit(Method::Get, comments, Value::Null, 200, json!({"till.txt": [{"line": 3, "side": "PARENT"}]}));
    refused(Method::Get, comments, Value::Null, 200, json!({"till.txt": [{"line": 3, "path": null}]}));
    refused(Method::Get, comments, Value::Null, 200, json!([{"path": "till.txt", "line": 3}]));
    // A range names all of its ends, so that one that lacks an end is none.
    let range = json!({"start_line": 1, "start_character": 0, "end_line": 2, "end_character": "x"});
    refused(Method::Get, comments, Value::Null, 200, json!({"till.txt": [{"range": range}]}));
}
