//! GitHub's API, and that of Gitea and Forgejo, which has the same structure but not all of the same words.
//!
//! Based on GitHub's description of its REST API (`@octokit/openapi`, 2022-11-28) and the swagger file of Forgejo. What
//! neither documents was observed on a server: Gitea accepts GitHub's `APPROVE` with status 200 and leaves the review
//! unsubmitted, its own word is `APPROVED`; a review without an `event` stays unsubmitted on GitHub.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::comments::{Comment, CommentCount, Comments, Place, reported_by};
use super::http::{Client, ServerError, escaped};
use super::{
    Account, AccountReview, Checks, Decided, LineNote, Now, Observed, Pending, ReviewServer, STATUS, TokenRights,
};
use crate::change::ObjectId;
use crate::change::references::depends_on;
use crate::change::request::{Request, RequestKind};
use crate::decision::Verdict;
use crate::risk::external::{Report, check_run};

/// The most check runs of a commit whose annotations are read.
const MAX_ANNOTATED: usize = 20;
/// The most reviews whose comments are read; Gitea has a list for each.
const MAX_REVIEWS: usize = 50;
/// The most annotations read from one check run: one page.
const MAX_ANNOTATIONS: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    GitHub,
    Gitea,
}

impl Dialect {
    /// The query parameter for the largest page size.
    fn page(self) -> &'static str {
        match self {
            Dialect::GitHub => "per_page=100",
            Dialect::Gitea => "limit=50",
        }
    }

    /// A verdict as it is submitted.
    fn event(self, verdict: Verdict) -> &'static str {
        match (self, verdict) {
            (Dialect::GitHub, Verdict::Approve) => "APPROVE",
            (Dialect::Gitea, Verdict::Approve) => "APPROVED",
            (_, Verdict::Reject) => "REQUEST_CHANGES",
            (_, _) => "COMMENT",
        }
    }

    /// A note as it is submitted. Each counts lines on its own side.
    fn note(self, note: &LineNote) -> serde_json::Value {
        match self {
            Dialect::GitHub => json!({
                "path": note.path,
                "line": note.line,
                "side": if note.old_side { "LEFT" } else { "RIGHT" },
                "body": note.text,
            }),
            Dialect::Gitea => json!({
                "path": note.path,
                "new_position": if note.old_side { 0 } else { note.line },
                "old_position": if note.old_side { note.line } else { 0 },
                "body": note.text,
            }),
        }
    }

    /// A verdict as the server reports it.
    fn state(self, verdict: Verdict) -> &'static str {
        match (self, verdict) {
            (_, Verdict::Approve) => "APPROVED",
            (Dialect::GitHub, Verdict::Reject) => "CHANGES_REQUESTED",
            (Dialect::Gitea, Verdict::Reject) => "REQUEST_CHANGES",
            (Dialect::GitHub, _) => "COMMENTED",
            (Dialect::Gitea, _) => "COMMENT",
        }
    }
}

pub struct Server<'t> {
    pub client: Client<'t>,
    pub dialect: Dialect,
}

#[derive(Deserialize)]
struct User {
    /// Gitea: negative for the accounts of the server itself, one of which reports for its actions.
    #[serde(default)]
    id: i64,
    #[serde(default)]
    login: String,
    /// GitHub: `Bot`, for apps.
    #[serde(default, rename = "type")]
    kind: String,
}

impl User {
    /// The empty name of a program, if the account is one's.
    fn program(&self) -> Option<String> {
        (self.kind == "Bot" || self.id < 0 || self.login.ends_with("[bot]")).then(String::new)
    }
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default, rename = "ref")]
    name: String,
    #[serde(default)]
    sha: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    #[serde(default)]
    title: String,
    user: Option<User>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    state: String,
    head: Branch,
    base: Branch,
    #[serde(default)]
    html_url: String,
    body: Option<String>,
    requested_reviewers: Option<Vec<User>>,
    /// Gitea: its list counts comments, on the page and at lines.
    comments: Option<u64>,
    review_comments: Option<u64>,
}

/// A result of a search over the whole server.
#[derive(Deserialize)]
struct Issue {
    number: u64,
    #[serde(default)]
    title: String,
    user: Option<User>,
    /// GitHub; Gitea says it of the pull request that the issue is.
    #[serde(default)]
    draft: bool,
    pull_request: Option<PullOfIssue>,
    #[serde(default)]
    html_url: String,
    body: Option<String>,
    /// GitHub: `https://api.github.com/repos/ann/shop`.
    #[serde(default)]
    repository_url: String,
    /// Gitea.
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct PullOfIssue {
    #[serde(default)]
    draft: bool,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Deserialize)]
struct FoundIssues {
    items: Vec<Issue>,
}

#[derive(Deserialize)]
struct Review {
    /// It grows with each review.
    #[serde(default)]
    id: u64,
    user: Option<User>,
    /// Gitea: an approval keeps its state.
    #[serde(default)]
    dismissed: bool,
    #[serde(default)]
    state: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    html_url: String,
    commit_id: Option<String>,
    /// Gitea.
    #[serde(default)]
    comments_count: u64,
}

impl Review {
    /// One of ours that is not submitted is for nobody yet.
    fn is_public(&self) -> bool {
        self.state != "PENDING"
    }

    /// What it says about the request as a whole.
    fn remark(&self) -> Option<Comment> {
        if self.body.trim().is_empty() || !self.is_public() {
            return None;
        }
        let of_url = self.html_url.rsplit_once('#').map(|(_, anchor)| anchor).filter(|anchor| is_anchor(anchor));
        let id = of_url.map_or_else(|| format!("pullrequestreview-{}", self.id), str::to_owned);
        let account = self.user.as_ref().map(|user| user.login.clone()).unwrap_or_default();
        Some(Comment::of_whole(id, account, self.user.as_ref().and_then(User::program), self.body.clone()))
    }
}

/// How the anchor of a comment begins on the page of its request.
const ISSUE_COMMENT: &str = "issuecomment-";

/// A server gives it, and it goes into the text of an answer.
fn is_anchor(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= 60 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_plain)
}

/// GitHub: a comment at lines. `line` and `commit_id` are where the server believes that the lines are by now; what
/// became of them is for git to say.
#[derive(Deserialize)]
struct LineComment {
    id: u64,
    in_reply_to_id: Option<u64>,
    user: Option<User>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    path: String,
    original_commit_id: Option<String>,
    original_line: Option<u32>,
    original_start_line: Option<u32>,
    side: Option<String>,
    /// `file` if it is about no line.
    subject_type: Option<String>,
}

impl LineComment {
    fn comment(self) -> Comment {
        let line = self.original_line.filter(|_| self.subject_type.as_deref() != Some("file")).unwrap_or_default();
        let place = Place {
            head: self.original_commit_id.and_then(|id| id.parse().ok()),
            base: None,
            path: self.path,
            old_side: self.side.as_deref() == Some("LEFT"),
            line: self.original_start_line.filter(|first| *first < line).unwrap_or(line),
            until: line,
        };
        Comment {
            id: self.id.to_string(),
            answers: self.in_reply_to_id.map(|id| id.to_string()),
            program: self.user.as_ref().and_then(User::program),
            account: login(self.user),
            text: self.body,
            place,
            ..Comment::default()
        }
    }
}

/// A comment on the request as a whole.
#[derive(Deserialize)]
struct WholeComment {
    id: u64,
    user: Option<User>,
    body: Option<String>,
}

impl WholeComment {
    fn comment(self) -> Comment {
        let (id, program) = (format!("{ISSUE_COMMENT}{}", self.id), self.user.as_ref().and_then(User::program));
        Comment::of_whole(id, login(self.user), program, self.body.unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct NoteText {
    #[serde(default)]
    body: String,
}

/// Gitea: a comment of a review. Its `commit_id` is the commit that last changed the line, so the head is the review's.
#[derive(Deserialize)]
struct ReviewComment {
    id: u64,
    user: Option<User>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    path: String,
    /// The line on the new side; 0 if it is on the old one.
    #[serde(default)]
    position: u32,
    #[serde(default)]
    original_position: u32,
    /// Who marked it as resolved.
    resolver: Option<User>,
}

impl ReviewComment {
    fn comment(self, head: Option<ObjectId>) -> Comment {
        let old_side = self.position == 0 && self.original_position > 0;
        let line = if old_side { self.original_position } else { self.position };
        Comment {
            id: self.id.to_string(),
            program: self.user.as_ref().and_then(User::program),
            account: login(self.user),
            text: self.body,
            place: Place { head, base: None, path: self.path, old_side, line, until: line },
            is_resolved: self.resolver.is_some(),
            ..Comment::default()
        }
    }
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    context: String,
    description: Option<String>,
    /// GitHub; Gitea expects `state` and returns `status`.
    state: Option<String>,
    status: Option<String>,
}

impl Status {
    fn state(&self) -> &str {
        self.state.as_deref().or(self.status.as_deref()).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Combined {
    statuses: Option<Vec<Status>>,
}

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    conclusion: Option<String>,
}

/// Check runs, with the fields needed to find their annotations.
#[derive(Deserialize)]
struct AnnotatedRuns {
    check_runs: Vec<Annotated>,
}

#[derive(Deserialize, Serialize)]
struct Annotated {
    id: u64,
    #[serde(default)]
    name: String,
    /// If it differs from the requested commit, the run is stale.
    #[serde(default)]
    head_sha: String,
    conclusion: Option<String>,
    #[serde(default, skip_serializing)]
    output: Output,
    #[serde(skip_serializing)]
    app: Option<App>,
}

#[derive(Deserialize, Default)]
struct Output {
    #[serde(default)]
    annotations_count: u64,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
    owner: Option<User>,
}

impl Annotated {
    /// The app that reports, and the account that owns it.
    fn reporter(&self) -> (&str, &str) {
        let app = self.app.as_ref();
        let slug = app.and_then(|app| app.slug.as_deref()).unwrap_or_default();
        (slug, app.and_then(|app| app.owner.as_ref()).map_or("", |owner| &owner.login))
    }
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl Server<'_> {
    /// A path below a repository. `ann/shop` has two parts; both are escaped, so neither can lead elsewhere.
    fn path(&self, repository: &str, rest: &str) -> String {
        let parts: Vec<String> = repository.split('/').map(escaped).collect();
        format!("/repos/{}{rest}", parts.join("/"))
    }

    fn pull(&self, repository: &str, request: Request, rest: &str) -> String {
        self.path(repository, &format!("/pulls/{}{rest}", request.number))
    }

    fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ServerError> {
        self.client.get_pages(&self.paged(path))
    }

    /// The pages of a list that is nested in an object.
    fn pages<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ServerError> {
        self.client.get_each_page(&self.paged(path))
    }

    fn paged(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("{path}{sign}{}", self.dialect.page())
    }

    fn id(&self, text: &str) -> Result<ObjectId, ServerError> {
        let unreadable = |_| ServerError::Unreadable(self.client.host().to_owned(), "an object id is none".to_owned());
        text.parse().map_err(unreadable)
    }

    /// What one check run reports. The name of the tool contains the reporter, so it is shown beside each finding.
    fn annotations(&self, repository: &str, run: &Annotated, author: &str) -> Result<Report, ServerError> {
        let path = self.path(repository, &format!("/check-runs/{}/annotations", run.id));
        // One page only: a check may have thousands.
        let list: serde_json::Value = self.client.get(&self.paged(&path))?;
        let unreadable = |why| ServerError::Unreadable(self.client.host().to_owned(), why);
        let head = serde_json::to_string(run).map_err(|error| unreadable(error.to_string()))?;
        let mut report = check_run(&head, &list.to_string()).map_err(unreadable)?;
        let (app, owner) = run.reporter();
        // An app opens requests with its own account, which is called `SLUG[bot]`.
        let is_own = (!owner.is_empty() && owner.eq_ignore_ascii_case(author))
            || author.strip_suffix("[bot]").is_some_and(|slug| slug.eq_ignore_ascii_case(app));
        let reporter = if is_own { author } else { app };
        for one in &mut report.runs {
            one.tool = reported_by(&one.tool, reporter, is_own);
        }
        if run.output.annotations_count > MAX_ANNOTATIONS {
            let all = run.output.annotations_count;
            report.remarks.push(format!("A check has {all} annotations; the first {MAX_ANNOTATIONS} are read."));
        }
        Ok(report)
    }

    /// The texts of the comments of our review, if notes were sent with it.
    fn texts_of(&self, decided: &Decided<'_>, review: &Review) -> Result<Vec<String>, ServerError> {
        if decided.notes.is_empty() {
            return Ok(Vec::new());
        }
        let path = self.pull(decided.repository, decided.request, &format!("/reviews/{}/comments", review.id));
        let list: Vec<NoteText> = match self.dialect {
            Dialect::GitHub => self.list(&path)?,
            Dialect::Gitea => self.client.get(&path)?,
        };
        Ok(list.into_iter().map(|note| note.body).collect())
    }

    /// Comments on the request as a whole. Gitea gives them all at once.
    fn whole_comments(&self, repository: &str, request: Request) -> Result<Vec<Comment>, ServerError> {
        let path = self.path(repository, &format!("/issues/{}/comments", request.number));
        let list: Vec<WholeComment> = match self.dialect {
            Dialect::GitHub => self.list(&path)?,
            Dialect::Gitea => self.client.get(&path)?,
        };
        Ok(list.into_iter().map(WholeComment::comment).collect())
    }

    /// Comments at lines. Gitea has a list for each review.
    fn line_comments(&self, repository: &str, request: Request, reviews: &[Review]) -> Result<Comments, ServerError> {
        let mut comments = Comments::default();
        if self.dialect == Dialect::GitHub {
            let list: Vec<LineComment> = self.list(&self.pull(repository, request, "/comments"))?;
            comments.list.extend(list.into_iter().map(LineComment::comment));
            return Ok(comments);
        }
        let mut commented: Vec<&Review> =
            reviews.iter().filter(|review| review.comments_count > 0 && review.is_public()).collect();
        commented.sort_by_key(|review| review.id);
        let earlier = commented.len().saturating_sub(MAX_REVIEWS);
        comments.leave_out_reviews(earlier);
        for review in commented.split_off(earlier) {
            let path = self.pull(repository, request, &format!("/reviews/{}/comments", review.id));
            let head = review.commit_id.as_deref().and_then(|id| id.parse().ok());
            let list: Vec<ReviewComment> = self.client.get(&path)?;
            comments.list.extend(list.into_iter().map(|comment| comment.comment(head)));
        }
        Ok(comments)
    }

    fn found(&self, account: &Account) -> Result<Vec<Issue>, ServerError> {
        match self.dialect {
            Dialect::GitHub => {
                let query = format!("is:pr is:open archived:false review-requested:{}", account.login);
                let pages: Vec<FoundIssues> = self.pages(&format!("/search/issues?q={}", escaped(&query)))?;
                Ok(pages.into_iter().flat_map(|page| page.items).collect())
            }
            Dialect::Gitea => self.list("/repos/issues/search?type=pulls&state=open&review_requested=true"),
        }
    }
}

/// The sum of two counts, if any of them is known.
fn total(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    }
}

fn request(number: u64) -> Request {
    Request { kind: RequestKind::Pull, number }
}

fn login(user: Option<User>) -> String {
    user.map(|user| user.login).unwrap_or_default()
}

impl ReviewServer for Server<'_> {
    fn account(&self) -> Result<Account, ServerError> {
        let user: User = self.client.get("/user")?;
        let version = match self.dialect {
            Dialect::GitHub => String::new(),
            Dialect::Gitea => self.client.get::<Version>("/version")?.version,
        };
        Account::named(&self.client, user.login, version)
    }

    fn rights(&self) -> Result<TokenRights, ServerError> {
        match self.dialect {
            Dialect::GitHub => Ok(TokenRights::of_github(&self.client.look("/user")?)),
            Dialect::Gitea => Ok(TokenRights::default()),
        }
    }

    fn open(&self, repository: &str, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let pulls: Vec<Pull> = self.list(&self.path(repository, "/pulls?state=open"))?;
        let pending = pulls.into_iter().map(|pull| {
            let by_name = pull.requested_reviewers.iter().flatten().any(|user| user.login == account.login);
            Pending {
                repository: repository.to_owned(),
                request: request(pull.number),
                title: pull.title,
                author: login(pull.user),
                is_draft: pull.draft,
                // The list does not say whether the account is in a team; the search does.
                asked: by_name.then(|| account.login.clone()),
                target: pull.base.name,
                head: pull.head.sha.parse().ok(),
                full: None,
                page: pull.html_url,
                depends_on: depends_on(&pull.body.unwrap_or_default()),
                comments: CommentCount::listed(total(pull.comments, pull.review_comments), None),
            }
        });
        Ok(pending.collect())
    }

    fn asked(&self, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let pending = self.found(account)?.into_iter().filter_map(|issue| {
            let of_url = || Some(issue.repository_url.split_once("/repos/")?.1.to_owned());
            let repository =
                issue.repository.as_ref().map(|repository| repository.full_name.clone()).or_else(of_url)?;
            Some(Pending {
                repository,
                request: request(issue.number),
                title: issue.title,
                author: login(issue.user),
                is_draft: issue.draft || issue.pull_request.is_some_and(|pull| pull.draft),
                asked: Some(account.login.clone()),
                target: String::new(),
                head: None,
                full: None,
                page: issue.html_url,
                depends_on: depends_on(&issue.body.unwrap_or_default()),
                // The search counts those on the page alone.
                comments: None,
            })
        });
        Ok(pending.collect())
    }

    fn now(&self, repository: &str, request: Request) -> Result<Now, ServerError> {
        let pull: Pull = self.client.get(&self.pull(repository, request, ""))?;
        Ok(Now {
            head: self.id(&pull.head.sha)?,
            is_open: pull.state == "open",
            author: login(pull.user),
            target: Some(format!("refs/heads/{}", pull.base.name)),
        })
    }

    fn checks(&self, repository: &str, _request: Request, head: ObjectId) -> Result<Checks, ServerError> {
        let mut checks = Checks::default();
        let mut count = |word: &str| match word {
            "success" | "neutral" | "skipped" | "warning" => checks.passed += 1,
            "" | "pending" | "queued" | "in_progress" => checks.running += 1,
            _ => checks.failed += 1,
        };
        let combined: Vec<Combined> = self.pages(&self.path(repository, &format!("/commits/{head}/status")))?;
        let statuses = combined.iter().flat_map(|page| page.statuses.iter().flatten());
        statuses.filter(|status| status.context != STATUS).for_each(|status| count(status.state()));
        if self.dialect == Dialect::GitHub {
            let pages: Vec<CheckRuns> = self.pages(&self.path(repository, &format!("/commits/{head}/check-runs")))?;
            let runs = pages.iter().flat_map(|page| &page.check_runs);
            runs.for_each(|run| count(run.conclusion.as_deref().unwrap_or_default()));
        }
        Ok(checks)
    }

    fn findings(&self, repository: &str, request: Request, head: ObjectId) -> Result<Vec<Report>, ServerError> {
        // The checks of Gitea have a state and a page, and no results by line.
        if self.dialect != Dialect::GitHub {
            return Ok(Vec::new());
        }
        let path = self.path(repository, &format!("/commits/{head}/check-runs"));
        let pages: Vec<AnnotatedRuns> = self.pages(&path)?;
        let runs = pages.into_iter().flat_map(|page| page.check_runs);
        let annotated: Vec<Annotated> = runs.filter(|run| run.output.annotations_count > 0).collect();
        if annotated.is_empty() {
            return Ok(Vec::new());
        }
        let author = self.now(repository, request)?.author;
        let read = annotated.iter().take(MAX_ANNOTATED).map(|run| self.annotations(repository, run, &author));
        let mut reports = read.collect::<Result<Vec<_>, _>>()?;
        if annotated.len() > MAX_ANNOTATED {
            let more = annotated.len() - MAX_ANNOTATED;
            let remark = format!("{more} more checks have annotations than the {MAX_ANNOTATED} that are read.");
            reports.push(Report { runs: Vec::new(), remarks: vec![remark] });
        }
        Ok(reports)
    }

    fn comments(&self, repository: &str, request: Request) -> Result<Comments, ServerError> {
        let reviews: Vec<Review> = self.list(&self.pull(repository, request, "/reviews"))?;
        let mut comments = self.line_comments(repository, request, &reviews)?;
        match self.whole_comments(repository, request) {
            // On Gitea they need a scope of their own.
            Err(ServerError::Forbidden(..)) => {
                let why = "The comments on the page of the request are not read: the token may not read issues (403).";
                comments.missing.push(why.to_owned());
            }
            whole => comments.list.extend(whole?),
        }
        comments.list.extend(reviews.iter().filter_map(Review::remark));
        Ok(comments)
    }

    fn reply(&self, repository: &str, request: Request, to: &Comment, text: &str) -> Result<(), ServerError> {
        let place = &to.place;
        let (path, body) = match self.dialect {
            // Comments on the request as a whole are one conversation.
            _ if !place.is_in_file() => {
                let path = self.path(repository, &format!("/issues/{}/comments", request.number));
                (path, json!({"body": text}))
            }
            // An answer to an answer is one to the first.
            Dialect::GitHub => {
                let first = to.answers.as_ref().unwrap_or(&to.id);
                (self.pull(repository, request, &format!("/comments/{first}/replies")), json!({"body": text}))
            }
            // It shows comments on a line as one conversation, and has no other answers.
            Dialect::Gitea => {
                if place.line == 0 {
                    let why = "the line of the comment is gone there, and it takes answers at lines only";
                    return Err(ServerError::Refused(self.client.host().to_owned(), why.to_owned()));
                }
                let Place { path, old_side, line, .. } = place.clone();
                let (old_path, text) = (path.clone(), text.to_owned());
                let note = self.dialect.note(&LineNote { path, old_path, old_side, line, beside: None, text });
                let body = json!({"event": "COMMENT", "comments": [note]});
                (self.pull(repository, request, "/reviews"), body)
            }
        };
        self.client.post::<serde_json::Value>(&path, &body).map(|_| ())
    }

    fn has_threads(&self, place: &Place) -> bool {
        self.dialect == Dialect::GitHub && place.is_in_file()
    }

    /// It names the comment by its anchor on the page, which stays when the comment is edited: an answer is found again
    /// by its text.
    fn reply_text(&self, to: &Comment, text: &str) -> String {
        if to.place.is_in_file() {
            return text.to_owned();
        }
        format!("In reply to [this comment](#{}):\n\n{text}", to.id)
    }

    fn reviews(&self, repository: &str, request: Request) -> Result<Option<Vec<AccountReview>>, ServerError> {
        let mut reviews: Vec<Review> = self.list(&self.pull(repository, request, "/reviews"))?;
        reviews.sort_by_key(|review| review.id);
        let mut last: BTreeMap<String, AccountReview> = BTreeMap::new();
        for review in reviews {
            let is_approval = review.state == self.dialect.state(Verdict::Approve);
            // A comment takes nothing back.
            let says =
                is_approval || review.state == self.dialect.state(Verdict::Reject) || review.state == "DISMISSED";
            let account = login(review.user);
            if says && !account.is_empty() {
                let approves = is_approval && !review.dismissed;
                let commit = review.commit_id.as_deref().and_then(|id| id.parse().ok());
                last.insert(account.to_ascii_lowercase(), AccountReview { account, approves, commit });
            }
        }
        Ok(Some(last.into_values().collect()))
    }

    fn give_verdict(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let mut body = json!({
            "commit_id": decided.head.to_string(),
            "event": self.dialect.event(decided.verdict),
            "body": decided.text,
        });
        if !decided.notes.is_empty() {
            body["comments"] = decided.notes.iter().map(|note| self.dialect.note(note)).collect();
        }
        let path = self.pull(decided.repository, decided.request, "/reviews");
        self.client.post::<serde_json::Value>(&path, &body).map(|_| ())
    }

    fn verdict(&self, decided: &Decided<'_>, account: &Account) -> Result<Option<Observed>, ServerError> {
        let reviews: Vec<Review> = self.list(&self.pull(decided.repository, decided.request, "/reviews"))?;
        let is_ours = |review: &&Review| {
            let by_us = review.user.as_ref().is_some_and(|user| user.login == account.login);
            by_us && review.body.contains(decided.record)
        };
        let Some(review) = reviews.iter().rfind(is_ours) else { return Ok(None) };
        let notes = self.texts_of(decided, review)?;
        let (at_lines, is_all) = decided.notes_among(&review.body, notes.iter().map(String::as_str));
        Ok(Some(Observed {
            is_as_given: is_all && review.state == self.dialect.state(decided.verdict),
            commit: review.commit_id.as_ref().and_then(|id| id.parse().ok()),
            instead: None,
            at_lines,
        }))
    }

    fn set_status(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let body = json!({
            "state": state(decided.verdict),
            "context": STATUS,
            "description": decided.summary,
        });
        let path = self.path(decided.repository, &format!("/statuses/{}", decided.head));
        self.client.post::<serde_json::Value>(&path, &body).map(|_| ())
    }

    fn status(&self, decided: &Decided<'_>) -> Result<Option<Observed>, ServerError> {
        let path = self.path(decided.repository, &format!("/commits/{}/statuses", decided.head));
        let statuses: Vec<Status> = self.list(&path)?;
        let is_ours = |status: &&Status| {
            status.context == STATUS && status.description.as_deref().is_some_and(|text| text == decided.summary)
        };
        Ok(statuses.iter().find(is_ours).map(|status| Observed {
            is_as_given: status.state() == state(decided.verdict),
            commit: Some(decided.head),
            ..Observed::default()
        }))
    }
}

fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "success",
        Verdict::Reject => "failure",
        _ => "pending",
    }
}
