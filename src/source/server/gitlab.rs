//! GitLab's API, version 4, and its GraphQL for the one thing that version 4 lacks.
//!
//! GitLab ties an approval to a commit only when it accepts it: it refuses one for another head (409), but may keep it
//! when commits are pushed. So the approval is sent first, with the commit, and then the note that names the record: if
//! the note is there, everything before it was accepted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::comments::{Comment, CommentCount, Comments, Place};
use super::http::{Client, ServerError, escaped};
use super::{Abilities, Account, Checks, Decided, Now, Observed, Pending, ReviewServer, STATUS, TokenRights};
use crate::change::ObjectId;
use crate::change::references::depends_on;
use crate::change::request::{Request, RequestKind};
use crate::decision::Verdict;
use crate::risk::external::{Report, read};

/// Changes can be requested only through GraphQL.
const REQUEST_CHANGES: &str = "mutation($path: ID!, $iid: String!) { mergeRequestRequestChanges(input: {projectPath: \
                               $path, iid: $iid}) { errors } }";

/// The name by which GitLab keeps a Code Quality report, whatever the job called it.
const CODE_QUALITY: &str = "gl-code-quality-report.json";
/// The most jobs of a pipeline whose reports are read.
const MAX_REPORTS: usize = 20;

/// How a rejection is expressed if the server accepts no request for changes.
const THREAD: &str = "by an open thread and a failed status, as the server took no request for changes from you";

/// How a withdrawal is expressed while a request for changes remains.
const STANDS: &str = "only by a note: your request for changes remains until you remove it on its page";

pub struct Server<'t> {
    pub client: Client<'t>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct References {
    /// `shops/till!12`.
    #[serde(default)]
    full: String,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    #[serde(default)]
    title: String,
    description: Option<String>,
    #[serde(default)]
    state: String,
    author: Option<User>,
    #[serde(default)]
    draft: bool,
    reviewers: Option<Vec<User>>,
    #[serde(default)]
    target_branch: String,
    sha: Option<String>,
    user_notes_count: Option<u64>,
    #[serde(default)]
    web_url: String,
    references: Option<References>,
    head_pipeline: Option<Pipeline>,
    diff_refs: Option<DiffRefs>,
}

#[derive(Deserialize)]
struct Pipeline {
    id: u64,
    /// A commit that the server made, if it runs on the merged result.
    #[serde(default)]
    sha: String,
}

#[derive(Deserialize)]
struct Job {
    id: u64,
    #[serde(default)]
    name: String,
    artifacts: Option<Vec<Artifact>>,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(default)]
    file_type: String,
}

impl MergeRequest {
    /// The repository, as the list of all merge requests names it.
    fn repository(&self) -> Option<&str> {
        let full = &self.references.as_ref()?.full;
        full.rsplit_once('!').map(|(repository, _)| repository)
    }

    fn asks(&self, login: &str) -> bool {
        self.reviewers.iter().flatten().any(|user| user.username == login)
    }

    fn pending(self, repository: String, asked: Option<String>) -> Pending {
        Pending {
            repository,
            request: Request { kind: RequestKind::MergeRequest, number: self.iid },
            title: self.title,
            author: username(self.author),
            is_draft: self.draft,
            asked,
            target: self.target_branch,
            head: self.sha.and_then(|sha| sha.parse().ok()),
            full: None,
            page: self.web_url,
            depends_on: depends_on(&self.description.unwrap_or_default()),
            comments: CommentCount::listed(self.user_notes_count, None),
        }
    }
}

#[derive(Deserialize)]
struct Approvals {
    approved_by: Option<Vec<Approver>>,
}

#[derive(Deserialize)]
struct Approver {
    user: Option<User>,
}

/// A reviewer and the last state of their review.
#[derive(Deserialize)]
struct Reviewer {
    user: Option<User>,
    #[serde(default)]
    state: String,
}

/// A thread, or a single note.
#[derive(Deserialize)]
struct Discussion {
    #[serde(default)]
    id: String,
    notes: Option<Vec<Note>>,
}

impl Note {
    fn is_ours(&self, decided: &Decided<'_>, login: &str) -> bool {
        let by_us = self.author.as_ref().is_some_and(|user| user.username == login);
        by_us && !self.system && self.body.contains(decided.record)
    }
}

/// The commits of the newest diff.
#[derive(Deserialize)]
struct DiffRefs {
    #[serde(default)]
    base_sha: String,
    #[serde(default)]
    start_sha: String,
    #[serde(default)]
    head_sha: String,
}

/// Where a note is. A line that the change leaves as it is has a number on both sides.
#[derive(Deserialize)]
struct Position {
    base_sha: Option<String>,
    head_sha: Option<String>,
    old_path: Option<String>,
    new_path: Option<String>,
    old_line: Option<u32>,
    new_line: Option<u32>,
    line_range: Option<LineRange>,
}

#[derive(Deserialize)]
struct LineRange {
    start: Option<RangeEnd>,
}

#[derive(Deserialize)]
struct RangeEnd {
    old_line: Option<u32>,
    new_line: Option<u32>,
}

impl Position {
    fn place(self) -> Place {
        let old_side = self.new_line.is_none() && self.old_line.is_some();
        let start = self.line_range.and_then(|range| range.start);
        let (path, line, first) = if old_side {
            (self.old_path.or(self.new_path), self.old_line, start.and_then(|start| start.old_line))
        } else {
            (self.new_path, self.new_line, start.and_then(|start| start.new_line))
        };
        let (line, id) = (line.unwrap_or_default(), |id: Option<String>| id.and_then(|id| id.parse().ok()));
        Place {
            head: id(self.head_sha),
            base: id(self.base_sha),
            path: path.unwrap_or_default(),
            old_side,
            line: first.filter(|first| *first > 0 && *first < line).unwrap_or(line),
            until: line,
        }
    }
}

/// Accounts of projects' and groups' access tokens are called so: `project_7_bot_1f2e3d`.
fn is_program(login: &str) -> bool {
    ["project_", "group_"].iter().any(|kind| login.starts_with(kind)) && login.contains("_bot")
}

#[derive(Deserialize)]
struct Note {
    #[serde(default)]
    id: u64,
    /// None if it is about no line or file.
    position: Option<Position>,
    #[serde(default)]
    body: String,
    author: Option<User>,
    /// Written by the server about an event.
    #[serde(default)]
    system: bool,
    #[serde(default)]
    resolvable: bool,
    #[serde(default)]
    resolved: bool,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    description: Option<String>,
    sha: Option<String>,
    #[serde(default)]
    allow_failure: bool,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl Server<'_> {
    fn list<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ServerError> {
        let sign = if path.contains('?') { '&' } else { '?' };
        self.client.get_pages(&format!("{path}{sign}per_page=100"))
    }

    fn me(&self) -> Result<String, ServerError> {
        let user: User = self.client.get("/v4/user")?;
        Ok(Account::named(&self.client, user.username, String::new())?.login)
    }

    fn has_approved(&self, decided: &Decided<'_>, login: &str) -> Result<bool, ServerError> {
        let approvals: Approvals = self.client.get(&merge_request(decided, "/approvals"))?;
        let mut by = approvals.approved_by.into_iter().flatten().filter_map(|approver| approver.user);
        Ok(by.any(|user| user.username == login))
    }

    fn asks_for_changes(&self, decided: &Decided<'_>, login: &str) -> Result<bool, ServerError> {
        // All at once: this list has no pages.
        let reviewers: Vec<Reviewer> = self.client.get(&merge_request(decided, "/reviewers"))?;
        let mut ours = reviewers.iter().filter(|reviewer| reviewer.user.as_ref().is_some_and(|u| u.username == login));
        Ok(ours.any(|reviewer| reviewer.state == "requested_changes"))
    }

    /// A report that a job kept as a Code Quality report. The server gives a file of a job's artifacts only if the job
    /// also lists it as a plain one.
    fn code_quality(&self, repository: &str, job: &Job, revision: &str) -> Result<Report, ServerError> {
        let path = project(repository, &format!("/jobs/{}/artifacts/{CODE_QUALITY}", job.id));
        let name: String = job.name.chars().take(60).collect();
        let bytes = match self.client.get_raw_bytes(&path) {
            Err(ServerError::NotFound(..)) => {
                let remark = format!(
                    "The Code Quality report of the job {name} is not given out: its job must list {CODE_QUALITY} \
                     under artifacts:paths as well."
                );
                return Ok(Report { runs: Vec::new(), remarks: vec![remark] });
            }
            bytes => bytes?,
        };
        let unreadable = |why| ServerError::Unreadable(self.client.host().to_owned(), why);
        let mut report = read(&bytes, &name).map_err(unreadable)?;
        report.runs.iter_mut().for_each(|run| revision.clone_into(&mut run.revision));
        Ok(report)
    }

    /// Our last note that names the record.
    fn note(&self, decided: &Decided<'_>, login: &str) -> Result<Option<Note>, ServerError> {
        let discussions: Vec<Discussion> = self.list(&merge_request(decided, "/discussions"))?;
        let mut notes = discussions.into_iter().filter_map(|discussion| discussion.notes).flatten();
        // Those at lines name it, too.
        Ok(notes.rfind(|note| note.position.is_none() && note.is_ours(decided, login)))
    }

    fn approve(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let body = json!({"sha": decided.head.to_string()});
        match self.client.post::<Value>(&merge_request(decided, "/approve"), &body) {
            // The same token was accepted for everything before.
            Err(ServerError::Account(host)) => {
                let what = "this account may not approve it (401): who opened it may not, who committed to it may not \
                            either if the project says so, and only some people may if it has rules for that";
                Err(ServerError::Refused(host, what.to_owned()))
            }
            answer => answer.map(|_| ()),
        }
    }

    /// Opens a thread for each note at its line, unless it is there.
    fn write_notes(&self, decided: &Decided<'_>, login: &str) -> Result<(), ServerError> {
        if decided.notes.is_empty() {
            return Ok(());
        }
        let found = self.our_notes(decided, login)?;
        let path = merge_request(decided, "");
        let refs: MergeRequest = self.client.get(&path)?;
        let unreadable = || ServerError::Unreadable(self.client.host().to_owned(), "a diff has no commits".to_owned());
        let refs = refs.diff_refs.ok_or_else(unreadable)?;
        // The notes are about this commit only.
        if refs.head_sha != decided.head.to_string() {
            let what = "its head is another than what was reviewed".to_owned();
            return Err(ServerError::Conflict(self.client.host().to_owned(), what));
        }
        for note in decided.notes.iter().filter(|note| !found.iter().any(|text| text.contains(note.name()))) {
            let (own, beside) = (Some(note.line), note.beside);
            let (old, new) = if note.old_side { (own, beside) } else { (beside, own) };
            let position = json!({
                "position_type": "text",
                "base_sha": refs.base_sha,
                "start_sha": refs.start_sha,
                "head_sha": refs.head_sha,
                "old_path": note.old_path,
                "new_path": note.path,
                "old_line": old,
                "new_line": new,
            });
            let body = json!({"body": harmless(&note.text), "position": position});
            self.client.post::<Value>(&merge_request(decided, "/discussions"), &body)?;
        }
        Ok(())
    }

    /// The texts of our notes that name the record.
    fn our_notes(&self, decided: &Decided<'_>, login: &str) -> Result<Vec<String>, ServerError> {
        let discussions: Vec<Discussion> = self.list(&merge_request(decided, "/discussions"))?;
        let notes = discussions.into_iter().filter_map(|discussion| discussion.notes).flatten();
        Ok(notes.filter(|note| note.is_ours(decided, login)).map(|note| note.body).collect())
    }

    fn write(&self, decided: &Decided<'_>, place: &str) -> Result<(), ServerError> {
        let body = json!({"body": harmless(decided.text)});
        self.client.post::<Value>(&merge_request(decided, place), &body).map(|_| ())
    }

    fn unapprove(&self, decided: &Decided<'_>, login: &str) -> Result<(), ServerError> {
        if self.has_approved(decided, login)? {
            self.client.post::<Value>(&merge_request(decided, "/unapprove"), &json!({}))?;
        }
        Ok(())
    }

    /// Requests changes; returns whether the server counts it as a request for changes: in most versions only a
    /// requested reviewer may make one, and older versions do not support it. The response says less than the state
    /// that the server reports afterwards.
    fn request_changes(&self, decided: &Decided<'_>, login: &str) -> Result<bool, ServerError> {
        if self.asks_for_changes(decided, login)? {
            return Ok(true);
        }
        let variables = json!({"path": decided.repository, "iid": decided.request.number.to_string()});
        let asked = self.client.post("/graphql", &json!({"query": REQUEST_CHANGES, "variables": variables}));
        match asked.map(|_: Value| ()) {
            Ok(()) => self.asks_for_changes(decided, login),
            Err(ServerError::Forbidden(..) | ServerError::NotFound(..) | ServerError::Refused(..)) => Ok(false),
            Err(why) => Err(why),
        }
    }
}

/// The path of a project: `shops/till` is escaped as one part.
fn project(repository: &str, rest: &str) -> String {
    format!("/v4/projects/{}{rest}", escaped(repository))
}

fn merge_request(decided: &Decided<'_>, rest: &str) -> String {
    project(decided.repository, &format!("/merge_requests/{}{rest}", decided.request.number))
}

/// GitLab may read a line that begins with a slash as a command.
fn harmless(text: &str) -> String {
    let first = if text.starts_with('/') { " " } else { "" };
    format!("{first}{}", text.replace("\n/", "\n /"))
}

fn username(user: Option<User>) -> String {
    user.map(|user| user.username).unwrap_or_default()
}

impl ReviewServer for Server<'_> {
    fn account(&self) -> Result<Account, ServerError> {
        let login = self.me()?;
        Ok(Account { login, version: self.client.get::<Version>("/v4/version")?.version })
    }

    fn rights(&self) -> Result<TokenRights, ServerError> {
        TokenRights::of_gitlab(&self.client)
    }

    fn open(&self, repository: &str, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let open: Vec<MergeRequest> = self.list(&project(repository, "/merge_requests?state=opened"))?;
        let pending = open.into_iter().map(|request| {
            let asked = request.asks(&account.login).then(|| account.login.clone());
            request.pending(repository.to_owned(), asked)
        });
        Ok(pending.collect())
    }

    fn asked(&self, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let found = self.list("/v4/merge_requests?scope=reviews_for_me&state=opened");
        let found: Vec<MergeRequest> = match found {
            // Older versions do not know this scope.
            Err(ServerError::Refused(..)) => {
                let login = escaped(&account.login);
                self.list(&format!("/v4/merge_requests?scope=all&state=opened&reviewer_username={login}"))?
            }
            found => found?,
        };
        let pending = found.into_iter().filter_map(|request| {
            let repository = request.repository()?.to_owned();
            Some(request.pending(repository, Some(account.login.clone())))
        });
        Ok(pending.collect())
    }

    fn now(&self, repository: &str, request: Request) -> Result<Now, ServerError> {
        let path = project(repository, &format!("/merge_requests/{}", request.number));
        let found: MergeRequest = self.client.get(&path)?;
        let unreadable = || ServerError::Unreadable(self.client.host().to_owned(), "an object id is none".to_owned());
        Ok(Now {
            head: found.sha.and_then(|sha| sha.parse().ok()).ok_or_else(unreadable)?,
            is_open: found.state == "opened",
            author: username(found.author),
            target: Some(format!("refs/heads/{}", found.target_branch)),
        })
    }

    fn checks(&self, repository: &str, _: Request, head: ObjectId) -> Result<Checks, ServerError> {
        let mut checks = Checks::default();
        let statuses: Vec<Status> = self.list(&project(repository, &format!("/repository/commits/{head}/statuses")))?;
        for status in statuses.iter().filter(|status| status.name != STATUS) {
            match status.status.as_str() {
                "success" | "skipped" | "manual" => checks.passed += 1,
                "failed" if status.allow_failure => checks.passed += 1,
                "failed" | "canceled" => checks.failed += 1,
                _ => checks.running += 1,
            }
        }
        Ok(checks)
    }

    /// Those of the last pipeline: its commit says of which head they are.
    fn findings(&self, repository: &str, request: Request, _: ObjectId) -> Result<Vec<Report>, ServerError> {
        let path = project(repository, &format!("/merge_requests/{}", request.number));
        let Some(pipeline) = self.client.get::<MergeRequest>(&path)?.head_pipeline else { return Ok(Vec::new()) };
        let jobs: Vec<Job> = self.list(&project(repository, &format!("/pipelines/{}/jobs", pipeline.id)))?;
        let has_report = |job: &&Job| job.artifacts.iter().flatten().any(|one| one.file_type == "codequality");
        let jobs: Vec<&Job> = jobs.iter().filter(has_report).collect();
        let read = jobs.iter().take(MAX_REPORTS).map(|job| self.code_quality(repository, job, &pipeline.sha));
        let mut reports = read.collect::<Result<Vec<_>, _>>()?;
        if jobs.len() > MAX_REPORTS {
            let more = jobs.len() - MAX_REPORTS;
            let remark = format!("{more} more jobs have a Code Quality report than the {MAX_REPORTS} that are read.");
            reports.push(Report { runs: Vec::new(), remarks: vec![remark] });
        }
        Ok(reports)
    }

    fn comments(&self, repository: &str, request: Request) -> Result<Comments, ServerError> {
        let path = project(repository, &format!("/merge_requests/{}/discussions", request.number));
        let discussions: Vec<Discussion> = self.list(&path)?;
        let mut comments = Comments::default();
        for discussion in discussions {
            let mut first: Option<String> = None;
            for note in discussion.notes.into_iter().flatten().filter(|note| !note.system) {
                let account = username(note.author);
                let id = format!("{}/{}", discussion.id, note.id);
                comments.list.push(Comment {
                    answers: first.clone(),
                    program: is_program(&account).then(String::new),
                    account,
                    text: note.body,
                    // Without a position it is about the request as a whole.
                    place: note.position.map(Position::place).unwrap_or_default(),
                    is_resolved: note.resolved,
                    id: id.clone(),
                    ..Comment::default()
                });
                first.get_or_insert(id);
            }
        }
        Ok(comments)
    }

    fn reply(&self, repository: &str, request: Request, to: &Comment, text: &str) -> Result<(), ServerError> {
        let (discussion, _) = to.id.split_once('/').unwrap_or((&to.id, ""));
        let path = format!("/merge_requests/{}/discussions/{}/notes", request.number, escaped(discussion));
        self.client.post::<Value>(&project(repository, &path), &json!({"body": text})).map(|_| ())
    }

    fn reply_text(&self, _: &Comment, text: &str) -> String {
        harmless(text)
    }

    fn give_verdict(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let login = self.me()?;
        self.write_notes(decided, &login)?;
        match decided.verdict {
            Verdict::Approve => {
                // Without our note it may be an approval of another commit: only a new one is certain to be for this
                // commit.
                self.unapprove(decided, &login)?;
                self.approve(decided)?;
                if !self.has_approved(decided, &login)? {
                    return Ok(());
                }
            }
            Verdict::Reject => {
                self.unapprove(decided, &login)?;
                if !self.request_changes(decided, &login)? {
                    return self.write(decided, "/discussions");
                }
                self.write(decided, "/notes")?;
                // Some versions treat a note as a review without a verdict, which replaces an earlier verdict.
                return self.request_changes(decided, &login).map(|_| ());
            }
            Verdict::Withdraw => self.unapprove(decided, &login)?,
            Verdict::HumanOnly | Verdict::BreakGlass | Verdict::HandOver | Verdict::Repair => {}
        }
        self.write(decided, "/notes")
    }

    fn verdict(&self, decided: &Decided<'_>, account: &Account) -> Result<Option<Observed>, ServerError> {
        let Some(note) = self.note(decided, &account.login)? else { return Ok(None) };
        let is_thread = note.resolvable && !note.resolved;
        let (is_as_given, instead) = match decided.verdict {
            Verdict::Approve => (self.has_approved(decided, &account.login)?, None),
            Verdict::Reject if self.asks_for_changes(decided, &account.login)? => (true, None),
            Verdict::Reject => (is_thread, Some(THREAD.to_owned())),
            Verdict::Withdraw => {
                let stands = self.asks_for_changes(decided, &account.login)?;
                (!self.has_approved(decided, &account.login)?, stands.then(|| STANDS.to_owned()))
            }
            Verdict::HumanOnly | Verdict::BreakGlass | Verdict::HandOver | Verdict::Repair => (true, None),
        };
        let notes = if decided.notes.is_empty() { Vec::new() } else { self.our_notes(decided, &account.login)? };
        let (at_lines, is_all) = decided.notes_among(&note.body, notes.iter().map(String::as_str));
        Ok(Some(Observed { is_as_given: is_as_given && is_all, commit: None, instead, at_lines }))
    }

    fn set_status(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let body = json!({"state": state(decided.verdict), "name": STATUS, "description": decided.summary});
        let path = project(decided.repository, &format!("/statuses/{}", decided.head));
        self.client.post::<Value>(&path, &body).map(|_| ())
    }

    fn status(&self, decided: &Decided<'_>) -> Result<Option<Observed>, ServerError> {
        let path = format!("/repository/commits/{}/statuses?name={}", decided.head, escaped(STATUS));
        let statuses: Vec<Status> = self.list(&project(decided.repository, &path))?;
        let is_ours = |status: &&Status| {
            status.name == STATUS && status.description.as_deref().is_some_and(|text| text == decided.summary)
        };
        Ok(statuses.iter().find(is_ours).map(|status| Observed {
            is_as_given: status.status == state(decided.verdict),
            commit: status.sha.as_ref().and_then(|sha| sha.parse().ok()),
            ..Observed::default()
        }))
    }

    fn abilities(&self) -> Abilities {
        Abilities { binds_commits: false, ..Abilities::default() }
    }
}

fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "success",
        Verdict::Reject => "failed",
        _ => "pending",
    }
}
