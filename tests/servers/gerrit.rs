//! Gerrit in memory, by the names of its TypeScript types; of a change it gives what was asked for, and no more.

use serde_json::{Value, json};
use undersign::source::server::http::{Method, escaped};

use crate::forge::{Said, State};

const ONE: &str = "/a/changes/till~12";

pub fn answer(state: &mut State, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match (method, path) {
        (Method::Get, "/a/accounts/self") => (200, person(7, "dana-at-work", "o=DETAILED_ACCOUNTS")),
        (Method::Get, "/a/config/server/version") => (200, json!("3.11.1")),
        (Method::Get, "/a/changes/") => changes(state, query),
        (Method::Get, ONE) => (200, one(state, query)),
        (Method::Get, _) if path == format!("{ONE}/comments") => (200, comments(state, false)),
        // Newer ones have none.
        (Method::Get, _) if path == format!("{ONE}/robotcomments") && state.is_old => (200, comments(state, true)),
        (Method::Post, _) if path == format!("{ONE}/revisions/{}/review", state.head) => review(state, body),
        // An answer is at the patch set of what it answers.
        (Method::Post, _) if path.starts_with(&format!("{ONE}/revisions/")) && body["message"].is_null() => {
            review(state, body)
        }
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
        "work_in_progress": true,
        "owner": person(9, "zoe", query),
    });
    let more = |mut change: Value| {
        change["_more_changes"] = json!(true);
        change
    };
    if asks("is:open project:\"till\"") {
        let rest = vec![one(state, query); state.listed.unwrap_or(1)];
        return (200, if query.contains("&S=0") { json!([more(other)]) } else { json!(rest) });
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
        "total_comment_count": state.said().count(),
        "unresolved_comment_count": state.said().filter(|(_, said)| !said.is_resolved).count(),
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

/// By path. Where robots have comments of their own, those of programs are among these, otherwise they have a tag.
fn comments(state: &State, of_robots: bool) -> Value {
    let mut all = json!({});
    for note in state.notes.iter().filter(|_| !of_robots) {
        let mut note = note.clone();
        let path = note.as_object_mut().unwrap().remove("path").unwrap();
        let path = path.as_str().unwrap().to_owned();
        (note["author"], note["commit_id"]) = (person(7, "dana-at-work", "o=DETAILED_ACCOUNTS"), json!(state.head));
        note["id"] = json!("n");
        let list = &mut all[path.as_str()];
        if list.is_null() {
            *list = json!([]);
        }
        list.as_array_mut().unwrap().push(note);
    }
    for (at, said) in state.said() {
        if (said.is_program && state.is_old) != of_robots {
            continue;
        }
        let mut comment = json!({
            "id": format!("c{at}"),
            "author": {"_account_id": 9, "username": said.who, "name": said.who},
            "message": said.text,
            "patch_set": 1,
            "commit_id": said.head,
            "unresolved": !said.is_resolved,
            "updated": "2026-01-01 00:00:00.000000000",
        });
        if said.line > 0 {
            comment["line"] = json!(said.line);
        }
        if let Some(from) = said.from {
            let (first, last) = ("start_character", "end_character");
            comment["range"] = json!({"start_line": from, (first): 0, "end_line": said.line, (last): 1});
        }
        if said.old_side {
            comment["side"] = json!("PARENT");
        }
        if let Some(first) = said.answers {
            comment["in_reply_to"] = json!(format!("c{first}"));
        }
        if of_robots {
            comment["robot_id"] = json!("lint-bot");
            comment["properties"] = json!({"severity": "critical", "rule": "no-till"});
        } else if said.is_program {
            comment["tag"] = json!("autogenerated:lint-bot");
        }
        let list = &mut all[place(said)];
        if list.is_null() {
            *list = json!([]);
        }
        list.as_array_mut().unwrap().push(comment);
    }
    all
}

fn place(said: &Said) -> &str {
    if said.path.is_empty() { "/PATCHSET_LEVEL" } else { &said.path }
}

fn review(state: &mut State, body: &Value) -> (u16, Value) {
    let names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(names.iter().all(|name| ["message", "labels", "comments"].contains(name)), "{names:?}");
    let notes = body["comments"].as_object().into_iter().flatten();
    let notes = notes.flat_map(|(path, notes)| notes.as_array().unwrap().iter().map(move |note| (path, note)));
    let (answers, notes): (Vec<_>, Vec<_>) = notes.partition(|(_, note)| note["in_reply_to"].is_string());
    for (path, answer) in &answers {
        let first: usize = answer["in_reply_to"].as_str().unwrap()[1..].parse().unwrap();
        if !state.has(first) {
            return (400, json!("Invalid inReplyTo, comment not found"));
        }
        let said = state.comments[first].clone();
        assert_eq!((path.as_str(), answer["line"].as_u64().unwrap_or_default()), (place(&said), said.line));
        assert_eq!(answer["unresolved"], !said.is_resolved, "an answer settles nothing by itself");
        state.answered(first, answer["message"].as_str().unwrap());
    }
    if !answers.is_empty() {
        return (200, json!({}));
    }
    let notes: Vec<Value> = notes
        .into_iter()
        .map(|(path, note)| {
            let mut note = note.clone();
            note["path"] = json!(path);
            note
        })
        .collect();
    if state.refuses_notes && !notes.is_empty() {
        return (400, json!("line is not in the patch set"));
    }
    if let Some(vote) = body["labels"]["Code-Review"].as_i64() {
        let word = if vote == 0 { " 0".to_owned() } else { format!("{vote:+}") };
        if !state.permitted.contains(&word) {
            return (403, json!(format!("Applying label \"Code-Review\": {vote} is restricted")));
        }
        state.vote = vote;
    }
    assert!(body["message"].is_string(), "{body}");
    state.notes.extend(notes);
    state.reviews.push(body.clone());
    (200, json!({"labels": body["labels"]}))
}
