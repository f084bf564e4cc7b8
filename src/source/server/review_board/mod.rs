//! Review Board 8.1. It keeps review requests of repositories that are elsewhere, as patches.
//!
//! All of this was observed on a server, since its API responses are not documented. Links are followed as the server
//! gives them, except `latest_diff`, which uses the host of the site's settings and omits the port. A verdict is a
//! review: with its mark "Ship It!", or with an open issue, as there is no other way to reject. A published review can
//! no longer be changed by its author, and neither can its `extra_data`, where the signed record goes.

mod diffed;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::comments::{Comment as Remark, Comments};
use super::http::{Client, Method, ServerError, brief, escaped};
use super::{
    Abilities, Account, Checks, Decided, Listed, Now, Observed, Patched, Pending, ReviewServer, STATUS, Series,
    Signature, Source,
};
use crate::change::ObjectId;
use crate::change::request::Request;
use crate::decision::Verdict;
use diffed::{DiffComment, Diffed, Part, Rendered, Rows, Said, TOP, remark};
use shapes::{
    Change, Comment, Commit, Diff, File, Page, Repository, Review, ReviewRequest, Root, Session, StatusUpdate, href,
    ours, title,
};

/// The most review requests of a repository whose heads are fetched with the list; if there are more, each is fetched
/// when needed.
const MAX_HEADS: usize = 100;
/// For one review request.
const MAX_COMMITS: usize = 250;
/// The most files of which a diff is read to find the lines of comments.
const MAX_COMMENTED: usize = 50;
/// The most reviews whose comments are read.
const MAX_REVIEWS: usize = 50;
/// The most answers, or series of them, that are read: each takes a request of its own.
const MAX_REPLIES: usize = 100;
/// The media type of a rendered diff.
const DIFF_DATA: &str = "application/vnd.reviewboard.org.diff.data+json";
/// Bytes of the patches of one review request.
const MAX_PATCHES: usize = 64 << 20;
/// The largest page size.
const PAGE: &str = "max-results=200";

pub struct Server<'t> {
    client: Client<'t>,
    root: OnceLock<Root>,
}

fn with_query(url: &str, query: &str) -> String {
    format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' })
}

impl<'t> Server<'t> {
    pub fn new(client: Client<'t>) -> Server<'t> {
        Server { client, root: OnceLock::new() }
    }

    fn root(&self) -> Result<&Root, ServerError> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        let root = self.client.get("/")?;
        Ok(self.root.get_or_init(|| root))
    }

    fn unreadable(&self, what: impl Into<String>) -> ServerError {
        ServerError::Unreadable(self.client.host().to_owned(), what.into())
    }

    fn list<T: DeserializeOwned>(&self, url: &str, name: &str) -> Result<Vec<T>, ServerError> {
        let next = |page: &Page| page.links.get("next").map(|link| link.href.clone());
        let mut all = Vec::new();
        for mut page in self.client.get_linked(&with_query(self.given(url)?, PAGE), next)? {
            all.extend(self.named::<Vec<T>>(&mut page, name)?);
        }
        Ok(all)
    }

    fn one<T: DeserializeOwned>(&self, url: &str, name: &str) -> Result<T, ServerError> {
        let mut page: Page = self.client.get_at(self.given(url)?)?;
        self.named(&mut page, name)
    }

    fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        fields: &[(&str, &str)],
        name: &str,
    ) -> Result<T, ServerError> {
        let mut page: Page = self.client.send_form(method, self.given(url)?, fields)?;
        self.named(&mut page, name)
    }

    fn named<T: DeserializeOwned>(&self, page: &mut Page, name: &str) -> Result<T, ServerError> {
        let found = page.rest.remove(name).unwrap_or_default();
        let unreadable = |error: serde_json::Error| {
            self.unreadable(format!("its `{name}` is not as Review Board has it ({})", brief(&error.to_string())))
        };
        serde_json::from_value(found).map_err(unreadable)
    }

    /// Checks that the server gave this link.
    fn given<'u>(&self, url: &'u str) -> Result<&'u str, ServerError> {
        let is_given = !url.is_empty() && !url.starts_with('?');
        is_given.then_some(url).ok_or_else(|| self.unreadable("it gives no link where Review Board 8.1 has one"))
    }

    fn id(&self, text: &str) -> Result<ObjectId, ServerError> {
        text.parse().map_err(|_| self.unreadable("an object id is none"))
    }

    /// The open review requests of the whole server that match a query.
    fn pending(&self, query: &str) -> Result<Vec<ReviewRequest>, ServerError> {
        let url = href(&self.root()?.links, "review_requests");
        self.list(&with_query(url, &format!("status=pending&{query}")), "review_requests")
    }

    /// A URL of a review request, from one of the server's URI templates.
    fn template(&self, name: &str, number: u64) -> Result<String, ServerError> {
        let template = self.root()?.uri_templates.get(name).map(String::as_str).unwrap_or_default();
        Ok(template.replace("{review_request_id}", &number.to_string()))
    }

    /// A review request by its number, which is unique on the server, not only in the repository.
    fn review_request(&self, repository: &str, request: Request) -> Result<ReviewRequest, ServerError> {
        let found: ReviewRequest = self.one(&self.template("review_request", request.number)?, "review_request")?;
        if title(&found.links, "repository") != repository {
            return Err(self.unreadable(format!("{} is of another repository there", request.sign())));
        }
        Ok(found)
    }

    fn repository_id(&self, name: &str) -> Result<u64, ServerError> {
        let all = href(&self.root()?.links, "repositories");
        // A comma would separate two names.
        let is_one = !name.contains(',');
        let url = if is_one { with_query(all, &format!("name={}", escaped(name))) } else { all.to_owned() };
        let found: Vec<Repository> = self.list(&url, "repositories")?;
        let found = found.into_iter().find(|repository| repository.name == name).map(|repository| repository.id);
        found.ok_or_else(|| ServerError::NotFound(self.client.host().to_owned(), "repositories/".to_owned()))
    }

    /// Does not use `latest_diff`: see above.
    fn newest_diff(&self, request: &ReviewRequest) -> Result<Option<Diff>, ServerError> {
        let diffs: Vec<Diff> = self.list(href(&request.links, "diffs"), "diffs")?;
        Ok(diffs.into_iter().max_by_key(|diff| diff.revision))
    }

    fn commits(&self, diff: &Diff) -> Result<Vec<Commit>, ServerError> {
        let commits: Vec<Commit> = self.list(href(&diff.links, "commits"), "commits")?;
        if commits.len() > MAX_COMMITS {
            return Err(self.unreadable(format!("a review request has more than {MAX_COMMITS} commits")));
        }
        Ok(commits)
    }

    /// None if it was posted without its commits, as with other version control systems.
    fn head(&self, request: &ReviewRequest) -> Result<Option<ObjectId>, ServerError> {
        let commits = self.newest_diff(request)?.map(|diff| self.commits(&diff)).transpose()?.unwrap_or_default();
        let last = commits.last().map(|commit| &commit.commit_id);
        last.or(request.commit_id.as_ref()).map(|id| self.id(id)).transpose()
    }

    fn without_commits(&self, request: Request) -> ServerError {
        let sign = request.sign();
        self.unreadable(format!(
            "{sign} was posted without its commits, so that nothing says what to sign: its author posts them with \
             `rbt post --with-history -r {}`",
            request.number
        ))
    }

    /// The change of a review request that added a diff; none for its first diff.
    fn change(&self, request: &ReviewRequest, diff: &Diff) -> Result<Option<Change>, ServerError> {
        let changes: Vec<Change> = self.list(href(&request.links, "changes"), "changes")?;
        let brought = |change: &Change| change.fields_changed.pointer("/diff/added/id").and_then(Value::as_u64);
        Ok(changes.into_iter().find(|change| brought(change) == Some(diff.id)))
    }

    fn status_updates(&self, request: &ReviewRequest) -> Result<Vec<StatusUpdate>, ServerError> {
        self.list(href(&request.links, "status_updates"), "status_updates")
    }

    fn reviews(&self, request: &ReviewRequest) -> Result<Vec<Review>, ServerError> {
        self.list(href(&request.links, "reviews"), "reviews")
    }

    /// The comments of a review, or of an answer to it. What is about the request as a whole is left out of a review
    /// that brought a signed record: it tells the verdict.
    fn said(&self, of: &Review, first: &Review, service: Option<&String>) -> Result<Vec<Said>, ServerError> {
        let mut all = Vec::new();
        for part in Part::ALL.into_iter().filter(|part| *part == Part::Diff || is_without_record(of)) {
            let (name, _) = part.names();
            let list: Vec<DiffComment> = self.list(href(&of.links, name), name)?;
            let (account, review) = (title(&of.links, "user"), first.id);
            let said = |comment| Said { account: account.clone(), service: service.cloned(), review, part, comment };
            all.extend(list.into_iter().map(said));
        }
        Ok(all)
    }

    /// Adds what answers a review; returns how many answers are not read.
    fn add_replies(
        &self,
        review: &Review,
        said: &mut Vec<Said>,
        whole: &mut Vec<Remark>,
    ) -> Result<usize, ServerError> {
        let replies: Vec<Review> = self.list(href(&review.links, "replies"), "replies")?;
        let public: Vec<Review> = replies.into_iter().filter(|reply| reply.public).collect();
        for reply in public.iter().take(MAX_REPLIES) {
            said.extend(self.said(reply, review, None)?);
            let answer = top(reply, None).map(|answer| Remark { answers: Some(top_of(review)), ..answer });
            whole.extend(answer);
        }
        Ok(public.len().saturating_sub(MAX_REPLIES))
    }

    /// The account's unpublished review: a server keeps one per account and review request.
    fn draft(&self, request: &ReviewRequest) -> Result<Option<Review>, ServerError> {
        match self.one(&self.template("review_draft", request.id)?, "review") {
            Ok(draft) => Ok(Some(draft)),
            Err(ServerError::NotFound(..)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The files of all diffs, by their links: first those of whole diffs, and if one that is wanted is not among them,
    /// those of single commits.
    fn files(&self, request: &ReviewRequest, wanted: &BTreeSet<&str>) -> Result<BTreeMap<String, Diffed>, ServerError> {
        let mut found = BTreeMap::new();
        let diffs: Vec<Diff> = self.list(href(&request.links, "diffs"), "diffs")?;
        for diff in diffs {
            let commits = self.commits(&diff)?;
            let all = href(&diff.links, "files").to_owned();
            let head = commits.last().map(|commit| commit.commit_id.clone());
            self.files_of(&all, head.as_deref(), wanted, &mut found)?;
            if found.len() == wanted.len() {
                break;
            }
            for commit in &commits {
                let list = with_query(&all, &format!("commit-id={}", escaped(&commit.commit_id)));
                self.files_of(&list, Some(&commit.commit_id), wanted, &mut found)?;
            }
        }
        Ok(found)
    }

    fn files_of(
        &self,
        list: &str,
        head: Option<&str>,
        wanted: &BTreeSet<&str>,
        found: &mut BTreeMap<String, Diffed>,
    ) -> Result<(), ServerError> {
        let head = head.map(|id| self.id(id)).transpose()?;
        for file in self.list::<File>(list, "files")? {
            let link = href(&file.links, "self").to_owned();
            if wanted.contains(link.as_str()) && !found.contains_key(&link) {
                let rows = self.rows(&link)?;
                found.insert(link, Diffed { head, old_path: file.source_file, path: file.dest_file, rows });
            }
        }
        Ok(())
    }

    fn rows(&self, file: &str) -> Result<BTreeMap<u32, Rows>, ServerError> {
        let bytes = self.client.get_as(self.given(file)?, DIFF_DATA)?;
        let rendered: Rendered = serde_json::from_slice(&bytes).map_err(|error| {
            self.unreadable(format!("a diff is not as Review Board has it ({})", brief(&error.to_string())))
        })?;
        Ok(rendered.rows())
    }

    /// The service that reports by a review, by the link of the review.
    fn services(&self, request: &ReviewRequest) -> Result<BTreeMap<String, String>, ServerError> {
        let updates = self.status_updates(request)?.into_iter();
        Ok(updates.map(|update| (href(&update.links, "review").to_owned(), update.service_id)).collect())
    }

    fn has_issue(&self, review: &Review) -> Result<bool, ServerError> {
        let comments: Vec<Comment> = self.list(href(&review.links, "general_comments"), "general_comments")?;
        Ok(comments.iter().any(|comment| comment.issue_opened))
    }

    fn note_texts(&self, review: &Review) -> Result<Vec<String>, ServerError> {
        let list: Vec<DiffComment> = self.list(href(&review.links, "diff_comments"), "diff_comments")?;
        Ok(list.into_iter().map(|comment| comment.text).collect())
    }

    /// Adds the notes to the draft, at the rows of the newest diff that show their lines.
    fn add_notes(&self, decided: &Decided<'_>, request: &ReviewRequest, draft: &Review) -> Result<(), ServerError> {
        if decided.notes.is_empty() {
            return Ok(());
        }
        let found = self.note_texts(draft)?;
        let refused = |what: &str| ServerError::Refused(self.client.host().to_owned(), what.to_owned());
        let diff = self.newest_diff(request)?.ok_or_else(|| refused("it has no diff"))?;
        let files: Vec<File> = self.list(href(&diff.links, "files"), "files")?;
        for note in decided.notes.iter().filter(|note| !found.iter().any(|text| text.contains(note.name()))) {
            let file = files.iter().find(|file| file.dest_file == note.path);
            let file = file.ok_or_else(|| refused("a note is on a file that its diff does not have"))?;
            let rows = self.rows(href(&file.links, "self"))?;
            let shows = |rows: &Rows| if note.old_side { rows.old } else { rows.new } == Some(note.line);
            let row = rows.iter().find(|(_, rows)| shows(rows)).map(|(row, _)| row.to_string());
            let row = row.ok_or_else(|| refused("a note is on a line that its diff does not show"))?;
            let fields = [
                ("filediff_id", file.id.to_string()),
                ("first_line", row),
                ("num_lines", "1".to_owned()),
                ("text", note.text.clone()),
                ("text_type", "markdown".to_owned()),
            ];
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let url = href(&draft.links, "diff_comments");
            self.send::<Value>(Method::Post, url, &fields, "diff_comment")?;
        }
        Ok(())
    }

    /// Adds notes and an issue to the draft, then publishes it: an issue is a separate comment.
    fn reject(&self, decided: &Decided<'_>, request: &ReviewRequest, draft: &Review) -> Result<(), ServerError> {
        self.add_notes(decided, request, draft)?;
        if !self.has_issue(draft)? {
            let fields = [("text", decided.summary), ("text_type", "plain"), ("issue_opened", "1")];
            let url = href(&draft.links, "general_comments");
            self.send::<Value>(Method::Post, url, &fields, "general_comment")?;
        }
        let url = href(&draft.links, "update");
        // An earlier try may have meant to put notes at lines.
        let fields = [("body_top", decided.text), ("body_top_text_type", "markdown"), ("public", "1")];
        self.send::<Review>(Method::Put, url, &fields, "review").map(|_| ())
    }
}

/// Whether a review is no verdict of undersign.
fn is_without_record(review: &Review) -> bool {
    ours(&review.extra_data, "record").is_empty()
}

fn top_of(review: &Review) -> String {
    format!("{}/{TOP}", review.id)
}

/// What a review says above its comments.
fn top(review: &Review, service: Option<&String>) -> Option<Remark> {
    let text = review.body_top.trim();
    let remark = || Remark::of_whole(top_of(review), title(&review.links, "user"), service.cloned(), text.to_owned());
    (!text.is_empty()).then(remark)
}

/// A rejection needs an issue: in Review Board, a review without "Ship It!" means nothing by itself.
fn needs_issue(verdict: Verdict) -> bool {
    verdict == Verdict::Reject
}

fn ship_it(verdict: Verdict) -> bool {
    verdict == Verdict::Approve
}

fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "done-success",
        Verdict::Reject => "done-failure",
        _ => "pending",
    }
}

impl ReviewServer for Server<'_> {
    fn account(&self) -> Result<Account, ServerError> {
        let root = self.root()?;
        let session: Session = self.one(href(&root.links, "session"), "session")?;
        let login = title(&session.links, "user");
        // By default, anonymous users may read.
        if !session.authenticated || login.is_empty() {
            return Err(ServerError::Account(self.client.host().to_owned()));
        }
        Ok(Account { login, version: root.product.package_version.clone() })
    }

    fn open(&self, repository: &str, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let of_this = format!("repository={}", self.repository_id(repository)?);
        let asking = self.pending(&format!("{of_this}&to-users={}", escaped(&account.login)))?;
        let asking: BTreeSet<u64> = asking.iter().map(|request| request.id).collect();
        let mut all = Vec::new();
        for (position, request) in self.pending(&of_this)?.into_iter().enumerate() {
            let asked = asking.contains(&request.id).then(|| request.asked(&account.login));
            let head = if position < MAX_HEADS { self.head(&request)? } else { None };
            all.push(request.pending(repository.to_owned(), asked, head));
        }
        Ok(all)
    }

    fn asked(&self, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let asking = self.pending(&format!("to-users={}", escaped(&account.login)))?;
        let pending = asking.into_iter().filter_map(|request| {
            let repository = title(&request.links, "repository");
            let asked = request.asked(&account.login);
            // Files without a repository.
            (!repository.is_empty()).then(|| request.pending(repository, Some(asked), None))
        });
        Ok(pending.collect())
    }

    fn now(&self, repository: &str, request: Request) -> Result<Now, ServerError> {
        let found = self.review_request(repository, request)?;
        Ok(Now {
            head: self.head(&found)?.ok_or_else(|| self.without_commits(request))?,
            is_open: found.status == "pending" && found.public,
            author: title(&found.links, "submitter"),
            // The field "Branch" is free text: some people enter the target, others the source branch.
            target: None,
        })
    }

    fn checks(&self, repository: &str, request: Request, head: ObjectId) -> Result<Checks, ServerError> {
        let (found, mut checks) = (self.review_request(repository, request)?, Checks::default());
        let Some(diff) = self.newest_diff(&found)? else { return Ok(checks) };
        let commits = self.commits(&diff)?;
        if commits.last().is_some_and(|commit| commit.commit_id != head.to_string()) {
            return Ok(checks);
        }
        let change = self.change(&found, &diff)?;
        let own = change.as_ref().map_or("", |change| href(&change.links, "self"));
        let updates = self.status_updates(&found)?;
        let of_diff = |update: &&StatusUpdate| href(&update.links, "change") == own && update.service_id != STATUS;
        for update in updates.iter().filter(of_diff) {
            match update.state.as_str() {
                "done-success" => checks.passed += 1,
                "done-failure" | "error" | "timeout" => checks.failed += 1,
                _ => checks.running += 1,
            }
        }
        Ok(checks)
    }

    /// Comments on diffs and on the request as a whole. A review that a status update names is a program's.
    fn comments(&self, repository: &str, request: Request) -> Result<Comments, ServerError> {
        let found = self.review_request(repository, request)?;
        let services = self.services(&found)?;
        let mut reviews: Vec<Review> = self.reviews(&found)?.into_iter().filter(|review| review.public).collect();
        let (mut comments, mut said, mut whole) = (Comments::default(), Vec::new(), Vec::new());
        let earlier = reviews.len().saturating_sub(MAX_REVIEWS);
        comments.leave_out_reviews(earlier);
        let mut unread = 0;
        for review in reviews.split_off(earlier) {
            let service = services.get(href(&review.links, "self")).filter(|service| *service != STATUS);
            let own = self.said(&review, &review, service)?;
            let top = top(&review, service).filter(|_| is_without_record(&review));
            if !own.is_empty() || top.is_some() {
                said.extend(own);
                whole.extend(top);
                unread += self.add_replies(&review, &mut said, &mut whole)?;
            }
        }
        comments.list = whole;
        // A comment on the difference of two diffs has its lines there.
        let is_between = |comment: &DiffComment| !href(&comment.links, "interfilediff").is_empty();
        let file = |comment: &DiffComment| href(&comment.links, "filediff").to_owned();
        let links: Vec<String> =
            said.iter().filter(|said: &&Said| said.part == Part::Diff).map(|said| file(&said.comment)).collect();
        let wanted: BTreeSet<&str> = links.iter().map(String::as_str).take(MAX_COMMENTED).collect();
        let files = if wanted.is_empty() { BTreeMap::new() } else { self.files(&found, &wanted)? };
        let mut elsewhere = 0;
        for said in said {
            if said.part == Part::General {
                comments.list.push(remark(said, None));
                continue;
            }
            let Some(diffed) = files.get(&file(&said.comment)).filter(|_| !is_between(&said.comment)) else {
                elsewhere += 1;
                continue;
            };
            comments.list.push(remark(said, Some(diffed)));
        }
        comments.leave_out(unread, "answers beyond those that are read");
        comments.leave_out(elsewhere, "on the difference of two diffs, or on more files than are read");
        Ok(comments)
    }

    /// Creates an answer to the review that has the comment, adds ours, and publishes it. The server keeps one that is
    /// not published for each account: what an earlier try left is published, and nothing else.
    fn reply(&self, repository: &str, request: Request, to: &Remark, text: &str) -> Result<(), ServerError> {
        let found = self.review_request(repository, request)?;
        let first = to.answers.as_ref().unwrap_or(&to.id);
        let (review, comment) = first.split_once('/').unwrap_or_default();
        let reviews = self.reviews(&found)?;
        let review = reviews.iter().find(|one| one.id.to_string() == review);
        let review = review.ok_or_else(|| self.unreadable("a review of which it gave a comment is not there"))?;
        let replies = href(&review.links, "replies");
        let reply: Review = match self.one(&format!("{replies}draft/"), "reply") {
            Err(ServerError::NotFound(..)) => self.send(Method::Post, replies, &[], "reply")?,
            there => there?,
        };
        let mut there = Vec::new();
        for (name, _) in Part::ALL.map(Part::names) {
            let list: Vec<DiffComment> = self.list(href(&reply.links, name), name)?;
            there.extend(list.into_iter().map(|one| one.text));
        }
        there.extend((!reply.body_top.is_empty()).then(|| reply.body_top.clone()));
        if there.iter().any(|own| own != text) {
            let what = "you have an answer there that is not published; publish or discard it on its page";
            return Err(ServerError::Conflict(self.client.host().to_owned(), what.to_owned()));
        }
        let mut publish = vec![("public", "1")];
        if there.is_empty() && comment == TOP {
            publish.extend([("body_top", text), ("body_top_text_type", "plain")]);
        } else if there.is_empty() {
            let (part, number) = Part::named(comment);
            let ((list, one), fields) =
                (part.names(), [("reply_to_id", number), ("text", text), ("text_type", "plain")]);
            self.send::<Value>(Method::Post, href(&reply.links, list), &fields, one)?;
        }
        self.send::<Review>(Method::Put, href(&reply.links, "self"), &publish, "reply").map(|_| ())
    }

    fn give_verdict(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let found = self.review_request(decided.repository, decided.request)?;
        let draft = self.draft(&found)?;
        match draft {
            Some(draft) if needs_issue(decided.verdict) && ours(&draft.extra_data, "record") == decided.record => {
                return self.reject(decided, &found, &draft);
            }
            // Our review would be merged into it, and all of it would be published.
            Some(_) => {
                let what = "you have a review there that is not published; publish or discard it on its page";
                return Err(ServerError::Conflict(self.client.host().to_owned(), what.to_owned()));
            }
            None => {}
        }
        let own = json!({"undersign": {
            "record": decided.record,
            "head": decided.head.to_string(),
            "envelope": decided.envelope,
        }});
        let is_draft = needs_issue(decided.verdict);
        let fields = [
            ("ship_it", if ship_it(decided.verdict) { "1" } else { "0" }),
            ("body_top", decided.text),
            ("body_top_text_type", "markdown"),
            ("extra_data:json", &own.to_string()),
            ("public", if is_draft { "0" } else { "1" }),
        ];
        let given: Review = self.send(Method::Post, href(&found.links, "reviews"), &fields, "review")?;
        if is_draft { self.reject(decided, &found, &given) } else { Ok(()) }
    }

    fn verdict(&self, decided: &Decided<'_>, account: &Account) -> Result<Option<Observed>, ServerError> {
        let found = self.review_request(decided.repository, decided.request)?;
        let reviews = self.reviews(&found)?;
        let is_ours = |review: &&Review| {
            let by_us = title(&review.links, "user") == account.login;
            by_us && review.public && ours(&review.extra_data, "record") == decided.record
        };
        let Some(review) = reviews.iter().rfind(is_ours) else { return Ok(None) };
        let says_no = !needs_issue(decided.verdict) || self.has_issue(review)?;
        let is_whole = ours(&review.extra_data, "envelope") == decided.envelope;
        let notes = if decided.notes.is_empty() { Vec::new() } else { self.note_texts(review)? };
        let (at_lines, is_all) = decided.notes_among(&review.body_top, notes.iter().map(String::as_str));
        Ok(Some(Observed {
            is_as_given: review.ship_it == ship_it(decided.verdict) && says_no && is_whole && is_all,
            commit: ours(&review.extra_data, "head").parse().ok(),
            instead: None,
            at_lines,
        }))
    }

    fn set_status(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let found = self.review_request(decided.repository, decided.request)?;
        let diff = self.newest_diff(&found)?;
        let change = diff.map(|diff| self.change(&found, &diff)).transpose()?.flatten();
        let change = change.map(|change| change.id.to_string());
        let own = json!({"undersign": {"record": decided.record, "head": decided.head.to_string()}}).to_string();
        let mut fields = vec![
            ("service_id", STATUS),
            ("summary", "undersign"),
            ("description", decided.summary),
            ("state", state(decided.verdict)),
            ("extra_data:json", &own),
        ];
        fields.extend(change.as_deref().map(|id| ("change_id", id)));
        let url = href(&found.links, "status_updates");
        self.send::<StatusUpdate>(Method::Post, url, &fields, "status_update").map(|_| ())
    }

    fn status(&self, decided: &Decided<'_>) -> Result<Option<Observed>, ServerError> {
        let found = self.review_request(decided.repository, decided.request)?;
        let updates = self.status_updates(&found)?;
        let is_ours = |update: &&StatusUpdate| {
            update.service_id == STATUS && ours(&update.extra_data, "record") == decided.record
        };
        Ok(updates.iter().rfind(is_ours).map(|update| Observed {
            is_as_given: update.state == state(decided.verdict) && update.description == decided.summary,
            commit: ours(&update.extra_data, "head").parse().ok(),
            ..Observed::default()
        }))
    }

    fn abilities(&self) -> Abilities {
        Abilities { binds_commits: false, holds_records: true, ..Abilities::default() }
    }

    fn repositories(&self) -> Result<Vec<Listed>, ServerError> {
        let all: Vec<Repository> = self.list(href(&self.root()?.links, "repositories"), "repositories")?;
        let listed = all.into_iter().map(|repository| {
            let addresses = [repository.path, repository.mirror_path].into_iter().filter(|address| !address.is_empty());
            Listed { name: repository.name, addresses: addresses.collect() }
        });
        Ok(listed.collect())
    }

    fn source(&self, repository: &str, request: Request) -> Result<Source, ServerError> {
        let found = self.review_request(repository, request)?;
        let diff = self.newest_diff(&found)?.ok_or_else(|| self.without_commits(request))?;
        let (mut commits, mut bytes) = (Vec::new(), 0);
        for commit in self.commits(&diff)? {
            let patch = self.client.get_as(self.given(href(&commit.links, "self"))?, "text/x-patch")?;
            bytes += patch.len();
            if bytes > MAX_PATCHES {
                let sign = request.sign();
                return Err(self.unreadable(format!("the patches of {sign} are over {} MiB", MAX_PATCHES >> 20)));
            }
            commits.push(self.patched(commit, patch)?);
        }
        let base = commits.first().map(|commit: &Patched| commit.parent);
        let base = base.ok_or_else(|| self.without_commits(request))?;
        Ok(Source::Patches(Series { base, commits }))
    }
}

impl Server<'_> {
    fn patched(&self, commit: Commit, patch: Vec<u8>) -> Result<Patched, ServerError> {
        let no_date = || self.unreadable("the date of a commit is none");
        let (name, email, date) = (commit.author_name, commit.author_email, &commit.author_date);
        let author = Signature::dated(name, email, date).ok_or_else(no_date)?;
        let (name, email, date) = (commit.committer_name, commit.committer_email, &commit.committer_date);
        let committer = Signature::dated(name, email, date).ok_or_else(no_date)?;
        let (id, parent) = (self.id(&commit.commit_id)?, self.id(&commit.parent_id)?);
        Ok(Patched { id, parent, author, committer, message: commit.commit_message, patch })
    }
}
