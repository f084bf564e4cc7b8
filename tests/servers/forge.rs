//! A server in memory, of any kind, that can be told to fail. Those of GitHub's shape answer here.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use undersign::source::server::http::{Method, Request, Response};
use undersign::source::server::{NoAnswer, Server, ServerKind, Transport};

use crate::faults::{self, Fault};
use crate::{gerrit, gitlab, schemas};

pub const URL: &str = "https://git.example";

/// A comment at lines, which each kind of server tells in its own shape.
#[derive(Debug, Clone, Default)]
pub struct Said {
    pub who: String,
    pub text: String,
    /// Empty if it is about the request as a whole.
    pub path: String,
    /// The head that was there.
    pub head: String,
    pub old_side: bool,
    pub line: u64,
    /// The first of several lines.
    pub from: Option<u64>,
    /// The position of the one that it answers.
    pub answers: Option<usize>,
    pub is_program: bool,
    pub is_resolved: bool,
    /// Somebody deleted it.
    pub is_gone: bool,
}

impl State {
    /// The comments that are there, with their positions.
    pub fn said(&self) -> impl DoubleEndedIterator<Item = (usize, &Said)> {
        self.comments.iter().enumerate().filter(|(_, said)| !said.is_gone)
    }

    pub fn has(&self, comment: usize) -> bool {
        self.comments.get(comment).is_some_and(|said| !said.is_gone)
    }

    /// We answer a comment.
    pub fn answered(&mut self, first: usize, text: &str) {
        let (who, text) = ("dana-at-work".to_owned(), text.to_owned());
        self.comments.push(Said { who, text, answers: Some(first), ..self.comments[first].clone() });
    }
}

#[derive(Default)]
pub struct State {
    pub head: String,
    pub base: String,
    pub author: String,
    pub is_closed: bool,
    /// How often the list of open requests has it, if not once: it changes while its pages are read.
    pub listed: Option<usize>,
    pub is_draft: bool,
    pub asks_nobody: bool,
    /// What the checks of the head say: `success`, `failure`, `pending`.
    pub checks: String,
    pub reviews: Vec<Value>,
    pub statuses: Vec<Value>,
    /// GitHub: of its check, and the account whose app reports them.
    pub annotations: Vec<Value>,
    pub reporter: String,
    pub comments: Vec<Said>,
    /// Notes that it was told for lines, as they came; and whether it takes any.
    pub notes: Vec<Value>,
    pub refuses_notes: bool,
    /// GitLab: of its last pipeline, and the commit of that.
    pub code_quality: Option<(Value, String)>,
    /// `POST /path`, as they came.
    pub log: Vec<String>,
    /// Heads that the request moves to once a verdict was given.
    pub moves_to: Option<String>,
    pub title: String,
    pub description: String,
    /// It does not know what newer ones do.
    pub is_old: bool,
    /// GitLab: by us.
    pub is_approved: bool,
    pub asks_for_changes: bool,
    /// Whether we may ask for changes there.
    pub takes_requests: bool,
    /// Gerrit: ours, and what we may vote.
    pub vote: i64,
    pub permitted: Vec<String>,
    /// Where it says that the change is.
    pub full: String,
    pub pretends: Option<String>,
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
            title: "Rework the till".to_owned(),
            takes_requests: true,
            permitted: ["-2", "-1", " 0", "+1", "+2"].map(str::to_owned).to_vec(),
            full: "refs/changes/12/12/3".to_owned(),
            ..State::default()
        };
        Forge { kind, state: Arc::new(Mutex::new(state)) }
    }

    pub fn server(&self) -> Server {
        let token_command = Some("echo dana:s3cret".to_owned());
        Server { name: "work".to_owned(), url: URL.to_owned(), kind: Some(self.kind), token_command }
    }

    /// What it calls the repository.
    pub fn repository(&self) -> &'static str {
        match self.kind {
            ServerKind::GitHub | ServerKind::Gitea => "ann/shop",
            ServerKind::GitLab => "shops/till/shop",
            ServerKind::Gerrit => "till",
            // A real one is asked.
            ServerKind::ReviewBoard => unreachable!(),
        }
    }

    /// As a clone has it.
    pub fn remote(&self) -> String {
        let below = if self.kind == ServerKind::Gerrit { "/a" } else { "" };
        format!("{URL}{below}/{}.git", self.repository())
    }

    /// Its review request, as a clone has it: `pull/12`.
    pub fn request(&self) -> &'static str {
        match self.kind {
            ServerKind::GitHub | ServerKind::Gitea => "pull/12",
            ServerKind::GitLab => "merge-requests/12",
            ServerKind::Gerrit => "changes/12",
            // A real one is asked.
            ServerKind::ReviewBoard => unreachable!(),
        }
    }

    /// As people call it.
    pub fn name(&self) -> &'static str {
        match self.kind {
            ServerKind::GitHub | ServerKind::Gitea => "ann/shop #12",
            ServerKind::GitLab => "shops/till/shop !12",
            ServerKind::Gerrit => "till 12",
            // A real one is asked.
            ServerKind::ReviewBoard => unreachable!(),
        }
    }

    /// What people read there of the verdict, whatever its word is: `approved`, `rejected` or `nothing`.
    pub fn says_of_it(&self) -> &'static str {
        let state = self.state.lock().unwrap();
        let last = state.reviews.last().map(|review| &review["state"]).and_then(Value::as_str);
        let is_thread = state.reviews.iter().any(|note| note["resolvable"] == true);
        match (self.kind, last) {
            (ServerKind::GitHub | ServerKind::Gitea, Some("APPROVED")) => "approved",
            (ServerKind::GitHub, Some("CHANGES_REQUESTED")) | (ServerKind::Gitea, Some("REQUEST_CHANGES")) => {
                "rejected"
            }
            (ServerKind::GitLab, _) if state.is_approved => "approved",
            (ServerKind::GitLab, _) if state.asks_for_changes || is_thread => "rejected",
            (ServerKind::Gerrit, _) if state.vote > 0 => "approved",
            (ServerKind::Gerrit, _) if state.vote < 0 => "rejected",
            _ => "nothing",
        }
    }

    /// The texts that it was told.
    pub fn texts(&self) -> Vec<String> {
        let word = if self.kind == ServerKind::Gerrit { "message" } else { "body" };
        self.reviews().iter().map(|review| review[word].as_str().unwrap().to_owned()).collect()
    }

    /// The next request whose method and path begin so goes wrong.
    pub fn fails(&self, what: &str, fault: Fault) {
        self.state.lock().unwrap().fault = Some((what.to_owned(), fault));
    }

    /// The next thing that is sent there is answered as if it were done.
    pub fn pretends(&self, place: &str) {
        let mut state = self.state.lock().unwrap();
        state.pretends = Some(place.to_owned());
    }

    /// What it was told.
    pub fn forgets(&self) {
        let mut state = self.state.lock().unwrap();
        (state.reviews, state.statuses, state.notes) = Default::default();
        (state.is_approved, state.asks_for_changes, state.vote) = Default::default();
    }

    pub fn lands_on(&self, base: &str) {
        self.state.lock().unwrap().base = base.to_owned();
    }

    pub fn says(&self, is_draft: bool, checks: &str) {
        let mut state = self.state.lock().unwrap();
        (state.is_draft, state.checks) = (is_draft, checks.to_owned());
    }

    pub fn reviews(&self) -> Vec<Value> {
        self.state.lock().unwrap().reviews.clone()
    }

    /// What it was told for lines: path, side, line, text.
    pub fn notes(&self) -> Vec<(String, &'static str, u64, String)> {
        let one = |note: &Value| {
            let text = |name: &str| note[name].as_str().unwrap().to_owned();
            let number = |name: &str| note[name].as_u64().unwrap_or_default();
            let side = |is_old: bool| if is_old { "old" } else { "new" };
            match self.kind {
                ServerKind::GitHub => (text("path"), side(note["side"] == "LEFT"), number("line"), text("body")),
                ServerKind::Gitea => {
                    let (old, new) = (number("old_position"), number("new_position"));
                    (text("path"), side(new == 0), old.max(new), text("body"))
                }
                ServerKind::GitLab => {
                    let at = &note["position"];
                    assert_eq!(at["head_sha"], self.state.lock().unwrap().head.as_str());
                    let is_old = at["new_line"].is_null();
                    let line = if is_old { &at["old_line"] } else { &at["new_line"] };
                    (at["new_path"].as_str().unwrap().to_owned(), side(is_old), line.as_u64().unwrap(), text("body"))
                }
                _ => (text("path"), "new", number("line"), text("message")),
            }
        };
        let notes = self.state.lock().unwrap().notes.clone();
        notes.iter().map(one).collect()
    }

    pub fn statuses(&self) -> Vec<Value> {
        self.state.lock().unwrap().statuses.clone()
    }

    fn api(&self) -> &'static str {
        if self.kind == ServerKind::GitHub { "/api/v3" } else { "/api/v1" }
    }

    fn pull(&self, state: &State) -> Value {
        let mut pull = json!({
            "number": 12,
            "title": state.title,
            "body": state.description,
            "state": if state.is_closed { "closed" } else { "open" },
            "user": {"login": state.author},
            "draft": state.is_draft,
            "head": {"ref": "rework", "sha": state.head},
            "base": {"ref": state.base, "sha": "0".repeat(40)},
            "html_url": format!("{URL}/ann/shop/pull/12"),
            "requested_reviewers": if state.asks_nobody { json!([]) } else { json!([{"login": "dana-at-work"}]) },
        });
        if self.kind == ServerKind::Gitea {
            let at_lines = state.said().filter(|(_, said)| !said.path.is_empty()).count();
            (pull["comments"], pull["review_comments"]) = (json!(state.said().count() - at_lines), json!(at_lines));
        }
        pull
    }

    fn answer(&self, state: &mut State, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let pull = "/repos/ann/shop/pulls/12";
        let path = path.strip_prefix(self.api()).unwrap_or("elsewhere").split('?').next().unwrap();
        match (method, path) {
            (Method::Get, "/user") => (200, json!({"login": "dana-at-work", "id": 7})),
            (Method::Get, "/version") => (200, json!({"version": "1.22.3"})),
            (Method::Get, "/repos/ann/shop/pulls") => (200, json!(vec![self.pull(state); state.listed.unwrap_or(1)])),
            (Method::Get, _) if path == pull => (200, self.pull(state)),
            (Method::Get, _) if path == format!("{pull}/reviews") => {
                let all: Vec<Value> = state.reviews.iter().cloned().chain(self.commented(state)).collect();
                (200, Value::from(all))
            }
            (Method::Get, _) if path == format!("{pull}/comments") && self.kind == ServerKind::GitHub => {
                (200, at_lines(state).map(|(at, said)| line_comment(at, said)).collect())
            }
            (Method::Get, "/repos/ann/shop/issues/12/comments") => {
                let whole = state.said().filter(|(_, said)| said.path.is_empty());
                (200, whole.map(|(at, said)| whole_comment(at, said)).collect())
            }
            (Method::Post, "/repos/ann/shop/issues/12/comments") => {
                let (who, text) = ("dana-at-work".to_owned(), body["body"].as_str().unwrap().to_owned());
                state.comments.push(Said { who, text, ..Said::default() });
                (201, whole_comment(state.comments.len() - 1, state.comments.last().unwrap()))
            }
            (Method::Get, _) if path == format!("{pull}/reviews/0/comments") => {
                (200, state.notes.iter().map(|note| json!({"id": 1, "body": note["body"]})).collect())
            }
            (Method::Get, _) if path.starts_with(&format!("{pull}/reviews/5")) && self.kind == ServerKind::Gitea => {
                let id: usize = path.split('/').nth_back(1).unwrap().parse().unwrap();
                (200, json!([review_comment(id - 500, &state.comments[id - 500])]))
            }
            (Method::Post, _) if path == format!("{pull}/reviews") => self.review(state, body),
            (Method::Post, _) if path.starts_with(&format!("{pull}/comments/")) && self.kind == ServerKind::GitHub => {
                let id = path.trim_end_matches("/replies").rsplit('/').next().unwrap();
                let first: usize = id.parse::<usize>().unwrap() - 100;
                if !state.has(first) {
                    return (404, json!({"message": "Not Found"}));
                }
                if state.comments[first].answers.is_some() {
                    return (422, json!({"message": "replies to replies are not supported"}));
                }
                state.answered(first, body["body"].as_str().unwrap());
                (201, line_comment(state.comments.len() - 1, state.comments.last().unwrap()))
            }
            (Method::Get, _) if path == format!("/repos/ann/shop/commits/{}/statuses", state.head) => {
                (200, Value::from(state.statuses.clone()))
            }
            (Method::Get, _) if path == format!("/repos/ann/shop/commits/{}/status", state.head) => {
                let word = if self.kind == ServerKind::GitHub { "state" } else { "status" };
                let own = json!({"context": "undersign/signed-review", (word): "failure"});
                (200, json!({"state": state.checks, "statuses": [{"context": "ci/build", (word): state.checks}, own]}))
            }
            (Method::Get, _) if path == format!("/repos/ann/shop/commits/{}/check-runs", state.head) => {
                let output = json!({"annotations_count": state.annotations.len()});
                let app = json!({"slug": "lint-app", "owner": {"login": state.reporter}});
                let mut run = json!({"id": 5, "name": "lint", "head_sha": state.head, "conclusion": "success"});
                if !state.annotations.is_empty() {
                    (run["output"], run["app"]) = (output, app);
                }
                (200, json!({"total_count": 1, "check_runs": [run]}))
            }
            (Method::Get, "/repos/ann/shop/check-runs/5/annotations") => {
                let page = state.annotations.iter().take(100).cloned().collect::<Vec<_>>();
                (200, Value::from(page))
            }
            (Method::Get, "/repos/issues/search") if self.kind == ServerKind::Gitea => {
                let own = json!({
                    "number": 12,
                    "title": state.title,
                    "body": state.description,
                    "user": {"login": state.author},
                    "repository": {"full_name": "ann/shop"},
                    "html_url": format!("{URL}/ann/shop/pulls/12"),
                });
                let mut other = other();
                other["repository"] = json!({"full_name": "zoe/lib"});
                other["pull_request"] = json!({"draft": true});
                (200, if state.is_closed { json!([other]) } else { json!([own, other]) })
            }
            (Method::Get, "/search/issues") => {
                let mut other = other();
                other["repository_url"] = json!(format!("{URL}/api/v3/repos/zoe/lib"));
                other["draft"] = json!(true);
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

    /// Gitea: a review for each comment.
    fn commented(&self, state: &State) -> Vec<Value> {
        let review = |(at, said): (usize, &Said)| {
            json!({
                "id": 500 + at,
                "user": {"login": said.who, "id": 9},
                "state": "COMMENT",
                "body": "",
                "commit_id": said.head,
                "comments_count": 1,
            })
        };
        at_lines(state).filter(|_| self.kind == ServerKind::Gitea).map(review).collect()
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
            (ServerKind::GitLab | ServerKind::Gerrit, _) => return (404, json!({"message": "not of that shape"})),
            (ServerKind::ReviewBoard, _) => return (404, json!({"message": "a real one is asked"})),
        };
        let notes = body["comments"].as_array().cloned().unwrap_or_default();
        // Gitea takes a comment that has only notes: there it is how a note is answered.
        if self.kind == ServerKind::Gitea && event == "COMMENT" && body["body"].is_null() && !notes.is_empty() {
            for note in notes {
                let text = |name: &str| note[name].as_str().unwrap().to_owned();
                let (old, new) = (note["old_position"].as_u64().unwrap(), note["new_position"].as_u64().unwrap());
                state.comments.push(Said {
                    who: "dana-at-work".to_owned(),
                    text: text("body"),
                    path: text("path"),
                    head: state.head.clone(),
                    old_side: old > 0,
                    line: old.max(new),
                    ..Said::default()
                });
            }
            return (200, json!({"id": 500 + state.comments.len() - 1}));
        }
        if body["body"].as_str().is_none_or(str::is_empty) {
            return (422, json!({"message": "a body is needed"}));
        }
        if state.refuses_notes && !notes.is_empty() {
            return (422, json!({"message": "line must be part of the diff"}));
        }
        state.notes.extend(notes);
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

fn at_lines(state: &State) -> impl Iterator<Item = (usize, &Said)> {
    state.said().filter(|(_, said)| !said.path.is_empty())
}

fn whole_comment(at: usize, said: &Said) -> Value {
    let name = if said.is_program { format!("{}[bot]", said.who) } else { said.who.clone() };
    json!({"id": 100 + at, "user": {"login": name, "id": 9}, "body": said.text})
}

fn line_comment(at: usize, said: &Said) -> Value {
    let mut comment = json!({
        "id": 100 + at,
        "user": {"login": said.who, "type": if said.is_program { "Bot" } else { "User" }},
        "body": said.text,
        "path": said.path,
        // Where the server believes that the line is by now.
        "commit_id": "9".repeat(40),
        "line": 7,
        "original_commit_id": said.head,
        "original_line": said.line,
        "side": if said.old_side { "LEFT" } else { "RIGHT" },
        "subject_type": "line",
    });
    if let Some(from) = said.from {
        comment["original_start_line"] = json!(from);
    }
    if let Some(first) = said.answers {
        comment["in_reply_to_id"] = json!(100 + first);
    }
    comment
}

fn review_comment(at: usize, said: &Said) -> Value {
    let (old, new) = if said.old_side { (said.line, 0) } else { (0, said.line) };
    json!({
        "id": 100 + at,
        "user": {"login": said.who, "id": if said.is_program { -2 } else { 9 }},
        "body": said.text,
        "path": said.path,
        // The commit that last changed the line.
        "commit_id": "9".repeat(40),
        "position": new,
        "original_position": old,
        "resolver": if said.is_resolved { json!({"login": "zoe", "id": 9}) } else { Value::Null },
    })
}

/// What asks for us in another repository.
fn other() -> Value {
    json!({
        "number": 7,
        "title": "Bump the lib",
        "user": {"login": "zoe"},
        "html_url": format!("{URL}/zoe/lib/pull/7"),
    })
}

impl Transport for Forge {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let mut state = self.state.lock().unwrap();
        let path = request.url.strip_prefix(URL).expect("no other host is asked").to_owned();
        let told = format!("{:?} {path}", request.method);
        let (header, secret) = request.authorization.as_ref().expect("each request has the token");
        assert_eq!(*header, "authorization");
        assert_eq!(format!("{secret:?}"), "(secret)");
        state.log.push(told.clone());
        let fault = state.fault.take_if(|(what, _)| told.contains(what.as_str())).map(|(_, fault)| fault);
        let is_sent = request.method != Method::Get;
        let pretended = state.pretends.take_if(|place| is_sent && told.contains(place.as_str()));
        let fault = fault.or(pretended.map(|_| Fault::Pretended));
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let prefix = if self.kind == ServerKind::Gerrit { ")]}'\n" } else { "" };
        faults::play(fault, || {
            let (status, answer) = match self.kind {
                ServerKind::GitLab => gitlab::answer(&mut state, request.method, &path, &body),
                ServerKind::Gerrit => gerrit::answer(&mut state, request.method, &path, &body),
                _ => self.answer(&mut state, request.method, &path, &body),
            };
            let answer = schemas::checked(self.kind, request.method, &path, &body, status, &answer);
            Ok(Response { status, headers: Vec::new(), body: format!("{prefix}{answer}").into_bytes() })
        })
    }
}
