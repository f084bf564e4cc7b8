//! A server of GitHub's shape in memory, in either dialect, that can be told to fail.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use undersign::source::server::http::{Method, Request, Response};
use undersign::source::server::{NoAnswer, Server, ServerKind, Transport};

use crate::faults::{self, Fault};

pub const URL: &str = "https://git.example";

#[derive(Default)]
pub struct State {
    pub head: String,
    pub base: String,
    pub author: String,
    pub is_closed: bool,
    pub is_draft: bool,
    /// What the checks of the head say: `success`, `failure`, `pending`.
    pub checks: String,
    pub reviews: Vec<Value>,
    pub statuses: Vec<Value>,
    /// `POST /path`, as they came.
    pub log: Vec<String>,
    /// Heads that the request moves to once a verdict was given.
    pub moves_to: Option<String>,
    /// For the next request that this says is meant.
    pub fault: Option<(String, Fault)>,
}

#[derive(Clone)]
pub struct Forge {
    pub kind: ServerKind,
    pub state: Arc<Mutex<State>>,
}

impl Forge {
    pub fn new(kind: ServerKind, head: &str) -> Forge {
        let state = State {
            head: head.to_owned(),
            base: "main".to_owned(),
            author: "mina".to_owned(),
            checks: "success".to_owned(),
            ..State::default()
        };
        Forge { kind, state: Arc::new(Mutex::new(state)) }
    }

    pub fn server(&self) -> Server {
        let token_command = Some("echo s3cret".to_owned());
        Server { name: "work".to_owned(), url: URL.to_owned(), kind: Some(self.kind), token_command }
    }

    /// The next request whose method and path begin so goes wrong.
    pub fn fails(&self, what: &str, fault: Fault) {
        self.state.lock().unwrap().fault = Some((what.to_owned(), fault));
    }

    /// What it was told.
    pub fn forgets(&self) {
        let mut state = self.state.lock().unwrap();
        (state.reviews, state.statuses) = Default::default();
    }

    pub fn says(&self, is_draft: bool, checks: &str) {
        let mut state = self.state.lock().unwrap();
        (state.is_draft, state.checks) = (is_draft, checks.to_owned());
    }

    pub fn reviews(&self) -> Vec<Value> {
        self.state.lock().unwrap().reviews.clone()
    }

    pub fn statuses(&self) -> Vec<Value> {
        self.state.lock().unwrap().statuses.clone()
    }

    fn api(&self) -> &'static str {
        if self.kind == ServerKind::GitHub { "/api/v3" } else { "/api/v1" }
    }

    fn pull(&self, state: &State) -> Value {
        json!({
            "number": 12,
            "title": "Rework the till",
            "state": if state.is_closed { "closed" } else { "open" },
            "user": {"login": state.author},
            "draft": state.is_draft,
            "head": {"ref": "rework", "sha": state.head},
            "base": {"ref": state.base, "sha": "0".repeat(40)},
            "html_url": format!("{URL}/ann/shop/pull/12"),
            "requested_reviewers": [{"login": "dana-at-work"}],
        })
    }

    fn answer(&self, state: &mut State, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let pull = "/repos/ann/shop/pulls/12";
        let path = path.strip_prefix(self.api()).unwrap_or("elsewhere").split('?').next().unwrap();
        match (method, path) {
            (Method::Get, "/user") => (200, json!({"login": "dana-at-work", "id": 7})),
            (Method::Get, "/version") => (200, json!({"version": "1.22.3"})),
            (Method::Get, "/repos/ann/shop/pulls") => (200, json!([self.pull(state)])),
            (Method::Get, _) if path == pull => (200, self.pull(state)),
            (Method::Get, _) if path == format!("{pull}/reviews") => (200, Value::from(state.reviews.clone())),
            (Method::Post, _) if path == format!("{pull}/reviews") => self.review(state, body),
            (Method::Get, _) if path == format!("/repos/ann/shop/commits/{}/statuses", state.head) => {
                (200, Value::from(state.statuses.clone()))
            }
            (Method::Get, _) if path == format!("/repos/ann/shop/commits/{}/status", state.head) => {
                let word = if self.kind == ServerKind::GitHub { "state" } else { "status" };
                let own = json!({"context": "undersign/signed-review", (word): "failure"});
                (200, json!({"state": state.checks, "statuses": [{"context": "ci/build", (word): state.checks}, own]}))
            }
            (Method::Get, _) if path == format!("/repos/ann/shop/commits/{}/check-runs", state.head) => {
                (200, json!({"total_count": 1, "check_runs": [{"name": "lint", "conclusion": "success"}]}))
            }
            (Method::Get, "/repos/issues/search") => {
                let own = json!({
                    "number": 12,
                    "title": "Rework the till",
                    "user": {"login": state.author},
                    "repository": {"full_name": "ann/shop"},
                    "html_url": format!("{URL}/ann/shop/pulls/12"),
                });
                (200, json!([own]))
            }
            (Method::Get, "/search/issues") => {
                let other = json!({
                    "number": 7,
                    "title": "Bump the lib",
                    "user": {"login": "zoe"},
                    "repository_url": format!("{URL}/api/v3/repos/zoe/lib"),
                    "html_url": format!("{URL}/zoe/lib/pull/7"),
                });
                (200, json!({"total_count": 1, "incomplete_results": false, "items": [other]}))
            }
            (Method::Post, _) if path == format!("/repos/ann/shop/statuses/{}", state.head) => {
                let mut status = body.clone();
                if self.kind == ServerKind::Gitea {
                    status["status"] = status["state"].take();
                    status.as_object_mut().unwrap().remove("state");
                }
                state.statuses.insert(0, status.clone());
                (201, status)
            }
            _ => (404, json!({"message": "Not Found"})),
        }
    }

    /// As each of them takes a review: the words are not the same, and a wrong one is no error on Gitea.
    fn review(&self, state: &mut State, body: &Value) -> (u16, Value) {
        let event = body["event"].as_str().unwrap_or_default();
        let taken = match (self.kind, event) {
            (ServerKind::GitHub, "APPROVE") => "APPROVED",
            (ServerKind::GitHub, "REQUEST_CHANGES") => "CHANGES_REQUESTED",
            (ServerKind::GitHub, "COMMENT") => "COMMENTED",
            (ServerKind::GitHub, _) => return (422, json!({"message": "Validation Failed"})),
            (ServerKind::Gitea, "APPROVED") => "APPROVED",
            (ServerKind::Gitea, "REQUEST_CHANGES") => "REQUEST_CHANGES",
            (ServerKind::Gitea, "COMMENT") => "COMMENT",
            (ServerKind::Gitea, _) => "PENDING",
            (ServerKind::ReviewBoard, _) => return (404, json!({"message": "a real one is asked"})),
        };
        if body["body"].as_str().is_none_or(str::is_empty) {
            return (422, json!({"message": "a body is needed"}));
        }
        let review = json!({
            "user": {"login": "dana-at-work"},
            "state": taken,
            "body": body["body"],
            "commit_id": body["commit_id"],
        });
        state.reviews.push(review.clone());
        if let Some(there) = state.moves_to.take() {
            state.head = there;
        }
        (200, review)
    }
}

impl Transport for Forge {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let mut state = self.state.lock().unwrap();
        let path = request.url.strip_prefix(URL).expect("no other host is asked").to_owned();
        let told = format!("{:?} {path}", request.method);
        let (_, secret) = request.authorization.as_ref().expect("each request has the token");
        assert_eq!(format!("{secret:?}"), "(secret)");
        state.log.push(told.clone());
        let fault = state.fault.take_if(|(what, _)| told.contains(what.as_str())).map(|(_, fault)| fault);
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        faults::play(fault, || {
            let (status, answer) = self.answer(&mut state, request.method, &path, &body);
            Ok(Response { status, headers: Vec::new(), body: answer.to_string().into_bytes() })
        })
    }
}
