//! GitLab in memory, as its documentation has it: what it takes and gives, by its names.

use serde_json::{Value, json};
use undersign::source::server::http::Method;

use crate::forge::{Said, State, URL};

const PROJECT: &str = "/projects/shops%2Ftill%2Fshop";

pub fn answer(state: &mut State, method: Method, path: &str, body: &Value) -> (u16, Value) {
    if path == "/api/graphql" {
        return graphql(state, body);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.strip_prefix("/api/v4").unwrap_or("elsewhere");
    if let Some(rest) = path.strip_prefix(&format!("{PROJECT}/merge_requests/12")) {
        return merge_request(state, method, rest, body);
    }
    if let Some(answer) = pipeline(state, method, path) {
        return answer;
    }
    let statuses = format!("{PROJECT}/repository/commits/{}/statuses", state.head);
    match (method, path) {
        (Method::Get, "/user") => (200, json!({"id": 7, "username": "dana-at-work"})),
        (Method::Get, "/personal_access_tokens/self") => (200, access_token()),
        (Method::Get, "/version") => (200, json!({"version": "17.5.1", "revision": "0a1b2c3"})),
        (Method::Get, _) if path == format!("{PROJECT}/merge_requests") => {
            assert!(query.contains("state=opened"), "{query}");
            (200, json!(vec![listed(one(state)); state.listed.unwrap_or(1)]))
        }
        (Method::Get, "/merge_requests") if state.is_old && query.contains("reviews_for_me") => {
            (400, json!({"error": "scope does not have a valid value"}))
        }
        (Method::Get, "/merge_requests") => {
            let is_known = query.contains("scope=reviews_for_me") || query.contains("reviewer_username=dana-at-work");
            assert!(is_known && query.contains("state=opened"), "{query}");
            (200, json!([elsewhere()]))
        }
        (Method::Get, _) if path == statuses => (200, given(state, query)),
        (Method::Post, _) if path == format!("{PROJECT}/statuses/{}", state.head) => {
            assert!(["success", "failed", "pending"].contains(&body["state"].as_str().unwrap()), "{body}");
            let status = json!({
                "name": body["name"],
                "status": body["state"],
                "description": body["description"],
                "sha": state.head,
                "allow_failure": false,
            });
            state.statuses.insert(0, status.clone());
            (201, status)
        }
        _ => (404, json!({"message": "404 Not Found"})),
    }
}

fn user(name: &str) -> Value {
    json!({"id": 7, "username": name, "name": name, "state": "active"})
}

/// It may read, and neither approve nor write.
fn access_token() -> Value {
    json!({
        "id": 42,
        "name": "laptop",
        "revoked": false,
        "created_at": "2026-11-01T08:00:00.000Z",
        "scopes": ["read_api", "read_user"],
        "user_id": 7,
        "active": true,
        "expires_at": "2027-01-31",
    })
}

fn one(state: &State) -> Value {
    json!({
        "iid": 12,
        "title": state.title,
        "description": state.description,
        "state": if state.is_closed { "closed" } else { "opened" },
        "author": user(&state.author),
        "draft": state.is_draft,
        "reviewers": [user("dana-at-work")],
        "source_branch": "rework",
        "target_branch": state.base,
        "sha": state.head,
        "user_notes_count": state.said().count(),
        "web_url": format!("{URL}/shops/till/shop/-/merge_requests/12"),
        "references": {"short": "!12", "full": "shops/till/shop!12"},
        "diff_refs": {"base_sha": "b".repeat(40), "start_sha": "c".repeat(40), "head_sha": state.head},
        "head_pipeline": state.code_quality.as_ref().map(|(_, sha)| json!({"id": 77, "sha": sha, "status": "failed"})),
    })
}

/// As it is in a list.
fn listed(mut request: Value) -> Value {
    let own = request.as_object_mut().unwrap();
    own.remove("diff_refs");
    own.remove("head_pipeline");
    request
}

fn elsewhere() -> Value {
    json!({
        "iid": 7,
        "title": "Bump the lib",
        "state": "opened",
        "author": user("zoe"),
        "draft": true,
        "reviewers": [user("dana-at-work")],
        "target_branch": "main",
        "sha": "5".repeat(40),
        "web_url": format!("{URL}/zoe/lib/-/merge_requests/7"),
        "references": {"short": "!7", "full": "zoe/lib!7"},
    })
}

fn merge_request(state: &mut State, method: Method, rest: &str, body: &Value) -> (u16, Value) {
    match (method, rest) {
        (Method::Get, "") => (200, one(state)),
        (Method::Get, "/approvals") => (200, approvals(state)),
        (Method::Post, "/approve") if body["sha"] != state.head.as_str() => {
            (409, json!({"message": format!("SHA does not match HEAD of source branch: {}", state.head)}))
        }
        (Method::Post, "/approve") if state.is_approved => (401, json!({"message": "401 Unauthorized"})),
        (Method::Post, "/approve") => {
            state.is_approved = true;
            state.asks_for_changes = false;
            (201, approvals(state))
        }
        (Method::Post, "/unapprove") if !state.is_approved => (404, json!({"message": "404 Not Found"})),
        (Method::Post, "/unapprove") => {
            state.is_approved = false;
            (201, approvals(state))
        }
        (Method::Get, "/reviewers") => {
            let said = if state.asks_for_changes { "requested_changes" } else { "unreviewed" };
            (200, json!([{"user": user("dana-at-work"), "state": said, "created_at": "2026-01-01T00:00:00Z"}]))
        }
        (Method::Post, _) if rest.starts_with("/discussions/c") && rest.ends_with("/notes") => {
            let first = rest["/discussions/c".len()..].trim_end_matches("/notes").parse().unwrap();
            // A thread is there as long as one of its notes is.
            if !state.said().any(|(at, said)| at == first || said.answers == Some(first)) {
                return (404, json!({"message": "404 Discussion Not Found"}));
            }
            let text = body["body"].as_str().unwrap();
            if text.lines().any(|line| line.starts_with('/')) {
                return (400, json!({"message": "400 Bad request - Note {:base=>[\"Commands were run\"]}"}));
            }
            state.answered(first, text);
            (201, note(state.comments.len() - 1, state.comments.last().unwrap()))
        }
        (Method::Get, "/discussions") => {
            let other = json!({"notes": [{"body": "added 1 commit", "system": true, "author": user("dana-at-work")}]});
            let thread =
                |note: &Value| json!({"id": "d1", "individual_note": note["resolvable"] != true, "notes": [note]});
            let own = state.reviews.iter().map(thread);
            (
                200,
                std::iter::once(other).chain(own).chain(threads(state)).chain(state.notes.iter().map(thread)).collect(),
            )
        }
        (Method::Post, "/discussions") if body["position"].is_object() => {
            let at = &body["position"];
            assert!(at["position_type"] == "text" && at["base_sha"].is_string() && at["old_path"].is_string(), "{at}");
            if state.refuses_notes {
                return (400, json!({"message": "400 Bad request - Note {:line_code=>[\"can't be blank\"]}"}));
            }
            let mut note = body.clone();
            note["author"] = user("dana-at-work");
            note["resolvable"] = json!(true);
            state.notes.push(note.clone());
            (201, json!({"id": "n", "notes": [note]}))
        }
        (Method::Post, "/notes" | "/discussions") => {
            let is_thread = rest == "/discussions";
            state.asks_for_changes &= !state.is_old;
            let note = json!({
                "body": body["body"].as_str().unwrap(),
                "author": user("dana-at-work"),
                "system": false,
                "resolvable": is_thread,
                "resolved": false,
            });
            state.reviews.push(note.clone());
            (201, if is_thread { json!({"id": "d1", "notes": [note]}) } else { note })
        }
        _ => (404, json!({"message": "404 Not Found"})),
    }
}

/// The pipeline of the head, of which one job keeps a report.
fn pipeline(state: &State, method: Method, path: &str) -> Option<(u16, Value)> {
    let (report, _) = state.code_quality.as_ref()?;
    let rest = path.strip_prefix(PROJECT)?;
    match (method, rest) {
        (Method::Get, "/pipelines/77/jobs") => {
            let kept = json!([{"file_type": "codequality", "filename": "gl-code-quality-report.json", "size": 9}]);
            let jobs = json!([
                {"id": 8, "name": "build", "artifacts": [{"file_type": "trace", "filename": "job.log", "size": 9}]},
                {"id": 9, "name": "lint", "artifacts": kept},
            ]);
            Some((200, jobs))
        }
        (Method::Get, "/jobs/9/artifacts/gl-code-quality-report.json") if *report == Value::Null => {
            Some((404, json!({"message": "404 Not Found"})))
        }
        (Method::Get, "/jobs/9/artifacts/gl-code-quality-report.json") => Some((200, report.clone())),
        _ => None,
    }
}

/// Threads at lines, each with its answers.
fn threads(state: &State) -> Vec<Value> {
    let all = || state.said();
    let first = (0..state.comments.len()).filter(|at| state.comments[*at].answers.is_none());
    let first = first.filter(|at| all().any(|(own, said)| own == *at || said.answers == Some(*at)));
    let thread = |at: usize| {
        let own = all().filter(|(own, said)| *own == at || said.answers == Some(at));
        let notes: Vec<Value> = own.map(|(own, said)| note(own, said)).collect();
        json!({"id": format!("c{at}"), "individual_note": false, "notes": notes})
    };
    first.map(thread).collect()
}

fn note(at: usize, said: &Said) -> Value {
    let (old, new) = if said.old_side { (json!(said.line), Value::Null) } else { (Value::Null, json!(said.line)) };
    let end = |line: u64| if said.old_side { json!({"old_line": line}) } else { json!({"new_line": line}) };
    let name = if said.is_program { format!("project_7_bot_{}", said.who) } else { said.who.clone() };
    if said.path.is_empty() {
        // It can be a thread, too, and is one once somebody answered.
        return json!({"id": 100 + at, "type": "DiscussionNote", "body": said.text, "author": user(&name)});
    }
    json!({
        "id": 100 + at,
        "type": "DiffNote",
        "body": said.text,
        "author": user(&name),
        "system": false,
        "resolvable": true,
        "resolved": said.is_resolved,
        "position": {
            "head_sha": said.head,
            "old_path": said.path,
            "new_path": said.path,
            "position_type": "text",
            "old_line": old,
            "new_line": new,
            "line_range": said.from.map(|from| json!({"start": end(from), "end": end(said.line)})),
        },
    })
}

fn approvals(state: &State) -> Value {
    let ours = state.is_approved.then(|| json!({"user": user("dana-at-work")}));
    let all: Vec<Value> = ours.into_iter().chain([json!({"user": user("zoe")})]).collect();
    json!({"iid": 12, "approvals_required": 1, "approved_by": all})
}

/// Statuses of the head, ours among them.
fn given(state: &State, query: &str) -> Value {
    let said = match state.checks.as_str() {
        "failure" => "failed",
        "pending" => "running",
        other => other,
    };
    let job = |name: &str, status: &str| json!({"name": name, "status": status, "sha": state.head});
    let mut all = vec![job("ci/build", said), job("lint", "success")];
    all.extend(state.statuses.iter().cloned());
    if query.contains("name=undersign%2Fsigned-review") {
        all.retain(|status| status["name"] == "undersign/signed-review");
    }
    Value::from(all)
}

/// It answers 200 whatever becomes of it.
fn graphql(state: &mut State, body: &Value) -> (u16, Value) {
    let is_ours = body["query"].as_str().unwrap().contains("mergeRequestRequestChanges");
    assert!(is_ours && body["variables"] == json!({"path": "shops/till/shop", "iid": "12"}), "{body}");
    let errors = if state.takes_requests { json!([]) } else { json!(["Invalid permissions"]) };
    state.asks_for_changes |= state.takes_requests;
    (200, json!({"data": {"mergeRequestRequestChanges": {"errors": errors}}}))
}
