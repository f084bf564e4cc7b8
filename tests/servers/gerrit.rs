//! Gerrit in memory, by the names of its TypeScript types; of a change it gives what was asked for, and no more.

use serde_json::{Value, json};
use undersign::source::server::http::{Method, escaped};

use crate::forge::State;

const ONE: &str = "/a/changes/till~12";

pub fn answer(state: &mut State, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match (method, path) {
        (Method::Get, "/a/accounts/self") => (200, person(7, "dana-at-work", "o=DETAILED_ACCOUNTS")),
        (Method::Get, "/a/config/server/version") => (200, json!("3.11.1")),
        (Method::Get, "/a/changes/") => changes(state, query),
        (Method::Get, ONE) => (200, one(state, query)),
        (Method::Post, _) if path == format!("{ONE}/revisions/{}/review", state.head) => review(state, body),
        _ => (404, json!("Not found")),
    }
}

fn person(id: u64, name: &str, query: &str) -> Value {
    let mut person = json!({"_account_id": id});
    if query.contains("o=DETAILED_ACCOUNTS") {
        person["username"] = json!(name);
    }
    person
}

/// A server gives a list in pages of one, so that the second is asked for.
fn changes(state: &State, query: &str) -> (u16, Value) {
    let asks = |text: &str| query.contains(&format!("q={}&", escaped(text)));
    let other = json!({
        "_number": 7,
        "project": "zoe/lib",
        "branch": "main",
        "subject": "Bump the lib",
        "status": "NEW",
        "owner": person(9, "zoe", query),
    });
    let more = |mut change: Value| {
        change["_more_changes"] = json!(true);
        change
    };
    if asks("is:open project:\"till\"") {
        return (200, if query.contains("&S=0") { json!([more(other)]) } else { json!([one(state, query)]) });
    }
    if asks(&format!("commit:{} project:\"till\"", state.head)) {
        return (200, json!([one(state, query)]));
    }
    match state.is_old {
        true if asks("is:open attention:self") => (400, json!("Unsupported operator attention:self")),
        true if asks("is:open reviewer:self -owner:self") => (200, json!([other])),
        false if asks("is:open attention:self") => (200, json!([other])),
        _ => panic!("what is asked for is not expected: {query}"),
    }
}

fn one(state: &State, query: &str) -> Value {
    let asks = |option: &str| query.contains(&format!("o={option}"));
    let own = if state.author == "dana-at-work" { 7 } else { 8 };
    let dana = || person(7, "dana-at-work", query);
    let mut change = json!({
        "_number": 12,
        "project": "till",
        "branch": state.base,
        "subject": state.title,
        "status": if state.is_closed { "ABANDONED" } else { "NEW" },
        "owner": person(own, &state.author, query),
        "attention_set": {"7": {"account": dana()}},
    });
    if state.is_draft {
        change["work_in_progress"] = json!(true);
    }
    if asks("CURRENT_REVISION") || asks("ALL_REVISIONS") {
        change["current_revision"] = json!(state.head);
        change["revisions"] = json!({(state.head.as_str()): {"_number": 3, "ref": state.full}});
    }
    if asks("MESSAGES") {
        let message = |text: &Value| {
            let text = format!("Patch Set 3:\n\n{}", text["message"].as_str().unwrap());
            json!({"id": "m", "author": dana(), "message": text, "_revision_number": 3})
        };
        change["messages"] = state.reviews.iter().map(message).collect();
    }
    if asks("DETAILED_LABELS") {
        let ours = dana().as_object().unwrap().clone();
        let vote = |value: i64| {
            let mut vote = ours.clone();
            vote.insert("value".to_owned(), json!(value));
            vote
        };
        let checks = if state.checks == "failure" { -1 } else { 1 };
        change["labels"] = json!({
            "Code-Review": {"all": [vote(state.vote)]},
            "Verified": {"all": [{"_account_id": 90, "value": checks}, {"_account_id": 91, "value": 1}]},
        });
        change["permitted_labels"] = json!({"Code-Review": state.permitted, "Verified": [" 0"]});
    }
    change
}

fn review(state: &mut State, body: &Value) -> (u16, Value) {
    let names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(names.iter().all(|name| ["message", "labels"].contains(name)), "{names:?}");
    if let Some(vote) = body["labels"]["Code-Review"].as_i64() {
        let word = if vote == 0 { " 0".to_owned() } else { format!("{vote:+}") };
        if !state.permitted.contains(&word) {
            return (403, json!(format!("Applying label \"Code-Review\": {vote} is restricted")));
        }
        state.vote = vote;
    }
    assert!(body["message"].is_string(), "{body}");
    state.reviews.push(body.clone());
    (200, json!({"labels": body["labels"]}))
}
