//! What people and programs wrote about a review request, at its lines or about it as a whole. Adapters map fields.
//! Whose a comment is, what it is about, and how much is read is decided here, for all servers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RECORD_OF;
use crate::change::{ObjectId, counted};
use crate::risk::external::{Diagnostic, Region, Report, ReportedPath, Run, by_word};

/// The most comments of one review request that are read.
pub const MAX_COMMENTS: usize = 1_000;
/// The most bytes of one comment; the rest is on its page.
const MAX_TEXT: usize = 8 << 10;
/// The same, of a program about the change as a whole: many write long tables.
const MAX_TABLE: usize = 600;
/// The most characters of the name of an account or of a tool: it is shown in each row.
const MAX_NAME: usize = 60;
/// In place of the commit that a program examined, if its server does not name one.
const NO_COMMIT: &str = "unknown";

/// A comment as a server reports it: claims, not escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// The server's name for it.
    pub id: String,
    /// The comment that it answers.
    #[serde(default)]
    pub answers: Option<String>,
    pub account: String,
    /// The tool, if the server says that a program wrote it; empty if the tool has no name but the account's.
    #[serde(default)]
    pub program: Option<String>,
    pub text: String,
    pub place: Place,
    /// Somebody marked it as settled: whoever may, which includes the author of the change.
    #[serde(default)]
    pub is_resolved: bool,
    /// What a program says of it, if it says so apart from its text.
    #[serde(default)]
    pub rule: String,
    #[serde(default)]
    pub severity: String,
}

/// What a comment is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The head at which its lines are counted; none if the server does not say.
    pub head: Option<ObjectId>,
    /// The base at that time, if the server says it: lines of the old side are counted there.
    #[serde(default)]
    pub base: Option<ObjectId>,
    /// Empty for the change as a whole. A server may have names that are of no file; they begin with a slash.
    pub path: String,
    #[serde(default)]
    pub old_side: bool,
    /// Counts from 1; 0 is the file as a whole.
    pub line: u32,
    /// The last line.
    pub until: u32,
}

impl Place {
    /// Otherwise it is about the change as a whole.
    pub fn is_in_file(&self) -> bool {
        !self.path.is_empty() && !self.path.starts_with('/')
    }
}

/// The comments of a review request, and sentences about those that were not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comments {
    pub list: Vec<Comment>,
    pub missing: Vec<String>,
}

/// How many comments a review request has. What counts as one is a matter of its server: a list of requests may count
/// those of programs, or not say which are resolved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentCount {
    /// None if it is not known, here and below.
    pub all: Option<u64>,
    pub open: Option<u64>,
}

impl CommentCount {
    /// None if a list says neither.
    pub(super) fn listed(all: Option<u64>, open: Option<u64>) -> Option<CommentCount> {
        (all.is_some() || open.is_some()).then_some(CommentCount { all, open })
    }

    /// Of comments that were read, each resolved or not.
    pub fn of(are_resolved: impl Iterator<Item = bool>) -> CommentCount {
        let (mut all, mut open) = (0, 0);
        for is_resolved in are_resolved {
            all += 1;
            open += u64::from(!is_resolved);
        }
        CommentCount { all: Some(all), open: Some(open) }
    }

    /// In words; none if there are none.
    pub fn told(self) -> Option<String> {
        let comments = |count| counted(usize::try_from(count).unwrap_or(usize::MAX), "comment");
        match (self.all, self.open) {
            (None | Some(0), None | Some(0)) => None,
            (None | Some(0), Some(open)) => Some(format!("{} not resolved", comments(open))),
            (Some(all), None) => Some(comments(all)),
            (Some(all), Some(open)) => Some(format!("{}, {open} not resolved", comments(all))),
        }
    }

    /// In the few columns of a row: those that are not resolved, or all where that is not known; empty for none.
    pub fn sign(self) -> String {
        match self.open.or(self.all) {
            None | Some(0) => String::new(),
            Some(count) => format!("✎{}", count.min(99)),
        }
    }
}

/// Comments by what becomes of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sorted {
    /// Of people, an answer after what it answers; and of programs, if they are about lines of the old side or about
    /// the change as a whole.
    pub of_people: Vec<Comment>,
    /// What programs found in heads.
    pub of_programs: Vec<Report>,
    pub missing: Vec<String>,
}

impl Comments {
    /// Adds comments that are not read: they are counted only.
    pub fn leave_out(&mut self, count: usize, what: &str) {
        if count > 0 {
            let are = if count == 1 { "is" } else { "are" };
            let comments = counted(count, "comment");
            self.missing.push(format!("{comments} {are} {what}: see the page of the request."));
        }
    }

    /// Says that the comments of earlier reviews are not read.
    pub fn leave_out_reviews(&mut self, count: usize) {
        if count > 0 {
            let reviews = counted(count, "earlier review");
            self.missing.push(format!("The comments of {reviews} are not read: they are on the page of the request."));
        }
    }

    /// Cuts what is too long, and tells what programs found from what people say. `author` opened the request.
    pub fn sorted(mut self, author: &str) -> Sorted {
        // What was signed is read from its record, and not from what a server has for people.
        self.list.retain(|comment| {
            comment.place.is_in_file() || !comment.text.lines().any(|line| line.starts_with(RECORD_OF))
        });
        let more = self.list.len().saturating_sub(MAX_COMMENTS);
        self.list.truncate(MAX_COMMENTS);
        self.leave_out(more, &format!("more than the {MAX_COMMENTS} that are read"));
        self.list.iter_mut().for_each(Comment::cut);
        let is_finding =
            |comment: &Comment| comment.program.is_some() && !comment.place.old_side && comment.place.is_in_file();
        let (found, said): (Vec<Comment>, Vec<Comment>) = self.list.into_iter().partition(is_finding);
        let of_programs = if found.is_empty() { Vec::new() } else { vec![report(found, author)] };
        Sorted { of_people: threads(said), of_programs, missing: self.missing }
    }
}

impl Comment {
    /// About a change as a whole.
    pub fn of_whole(id: String, account: String, program: Option<String>, text: String) -> Comment {
        Comment { id, account, program, text, ..Comment::default() }
    }

    /// Whether it is in the thread of another one: as its server names threads, or else at the same line.
    pub fn answers(&self, other: &Comment, has_threads: bool) -> bool {
        let thread = |comment: &Comment| comment.answers.clone().unwrap_or_else(|| comment.id.clone());
        let line = |comment: &Comment| (comment.place.path.clone(), comment.place.old_side, comment.place.line);
        let is_with = if has_threads { thread(self) == thread(other) } else { line(self) == line(other) };
        self.answers.as_ref() == Some(&other.id) || self.id != other.id && is_with
    }

    fn cut(&mut self) {
        let is_table = self.program.is_some() && !self.place.is_in_file();
        let most = if is_table { MAX_TABLE } else { MAX_TEXT };
        if self.text.len() > most {
            let end = (0..=most).rev().find(|&end| self.text.is_char_boundary(end)).unwrap_or(0);
            self.text.truncate(end);
            self.text.push_str(" … (the rest is on its page)");
        }
        for name in [Some(&mut self.account), self.program.as_mut()].into_iter().flatten() {
            *name = short(name);
        }
        self.place.until = self.place.until.max(self.place.line);
    }
}

/// The name of a tool with the account that reports for it. If that account opened the request, it says so: an author
/// must not pass for a second opinion.
pub fn reported_by(tool: &str, reporter: &str, is_author: bool) -> String {
    let (tool, reporter) = (short(tool), short(reporter));
    match () {
        () if is_author => format!("{tool} (by {reporter}, the author)"),
        () if reporter.is_empty() || reporter == tool => tool,
        () => format!("{tool} (by {reporter})"),
    }
}

/// Servers compare names of accounts in any letter case.
pub fn is_same_account(a: &str, b: &str) -> bool {
    !a.is_empty() && a.eq_ignore_ascii_case(b)
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// One run for each tool, account and commit.
fn report(found: Vec<Comment>, author: &str) -> Report {
    let mut runs: BTreeMap<(String, String), Run> = BTreeMap::new();
    for comment in found {
        let named = comment.program.as_deref().filter(|name| !name.is_empty());
        let is_author = is_same_account(&comment.account, author);
        let tool = reported_by(named.unwrap_or(&comment.account), &comment.account, is_author);
        let revision = comment.place.head.map_or_else(|| NO_COMMIT.to_owned(), |head| head.to_string());
        let run =
            runs.entry((tool.clone(), revision.clone())).or_insert_with(|| Run { tool, revision, ..Run::default() });
        run.diagnostics.push(diagnostic(comment));
    }
    Report { runs: runs.into_values().collect(), remarks: Vec::new() }
}

fn diagnostic(comment: Comment) -> Diagnostic {
    let Place { path, line, until, .. } = comment.place;
    // Whoever resolved it may be who wrote the change, so it still counts.
    let resolved = if comment.is_resolved { "(marked as resolved there) " } else { "" };
    Diagnostic {
        severity: by_word(&comment.severity),
        rule: if comment.rule.is_empty() { "comment".to_owned() } else { short(&comment.rule) },
        message: format!("{resolved}{}", comment.text),
        path: Some(ReportedPath(path.into_bytes())),
        region: Region { line, end_line: until, ..Region::default() },
        ..Diagnostic::default()
    }
}

/// Each answer after what it answers, otherwise in their order.
fn threads(comments: Vec<Comment>) -> Vec<Comment> {
    let roots: BTreeMap<String, String> =
        comments.iter().filter_map(|one| Some((one.id.clone(), one.answers.clone()?))).collect();
    let root = |id: &str| {
        // A server may have comments that answer each other in a circle.
        let mut at = id.to_owned();
        for _ in 0..comments.len() {
            match roots.get(&at) {
                Some(above) if *above != at => at.clone_from(above),
                _ => break,
            }
        }
        at
    };
    let first: BTreeMap<String, usize> =
        comments.iter().enumerate().rev().map(|(at, one)| (one.id.clone(), at)).collect();
    let place = |at: usize| (first.get(&root(&comments[at].id)).copied().unwrap_or(at), at);
    let mut order: Vec<usize> = (0..comments.len()).collect();
    order.sort_by_key(|&at| place(at));
    order.into_iter().map(|at| comments[at].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: &str, answers: Option<&str>) -> Comment {
        Comment { id: id.to_owned(), answers: answers.map(str::to_owned), ..Comment::default() }
    }

    #[test]
    fn an_answer_stands_after_what_it_answers_and_a_circle_of_answers_ends() {
        let list = vec![said("a", None), said("b", None), said("c", Some("a")), said("d", Some("c"))];
        let ids = |list| threads(list).into_iter().map(|one: Comment| one.id).collect::<String>();
        assert_eq!(ids(list), "acdb");
        assert_eq!(ids(vec![said("a", Some("b")), said("b", Some("a")), said("c", Some("c"))]).len(), 3);
    }

    #[test]
    fn a_count_says_what_is_known_of_it() {
        let of = |all, open| CommentCount { all, open };
        let told = |all, open| (of(all, open).told().unwrap_or_default(), of(all, open).sign());
        assert_eq!(told(Some(5), Some(2)), ("5 comments, 2 not resolved".to_owned(), "✎2".to_owned()));
        assert_eq!(told(Some(1), Some(0)), ("1 comment, 0 not resolved".to_owned(), String::new()));
        assert_eq!(told(Some(u64::MAX), None).1, "✎99");
        assert_eq!(told(None, Some(1)), ("1 comment not resolved".to_owned(), "✎1".to_owned()));
        assert_eq!(told(Some(0), Some(0)), Default::default());
        assert_eq!(CommentCount::listed(None, None), None);
    }

    #[test]
    fn too_many_and_too_long_comments_are_cut_and_counted() {
        let long = Comment { text: "é".repeat(MAX_TEXT), account: "z".repeat(500), ..Comment::default() };
        let all = Comments { list: vec![long; MAX_COMMENTS + 2], missing: Vec::new() }.sorted("mina");
        assert_eq!((all.of_people.len(), all.of_people[0].account.len()), (MAX_COMMENTS, MAX_NAME));
        assert!(all.of_people[0].text.len() < MAX_TEXT + 50 && all.of_people[0].text.ends_with("on its page)"));
        assert!(all.missing[0].starts_with("2 comments are more than the 1000 that are read"), "{:?}", all.missing);
    }

    #[test]
    fn what_is_about_the_change_as_a_whole_is_no_finding_and_names_no_signed_record() {
        let said = |program: Option<&str>, text: &str| {
            Comment::of_whole("1".to_owned(), "ci".to_owned(), program.map(str::to_owned), text.to_owned())
        };
        let table = "coverage ".repeat(1_000);
        let list =
            vec![said(None, "Why?"), said(Some("ci"), &table), said(None, &format!("**Approved**\n{RECORD_OF}1`"))];
        let all = Comments { list, missing: Vec::new() }.sorted("mina");
        assert_eq!((all.of_people.len(), all.of_programs.len()), (2, 0));
        assert!(all.of_people[1].text.len() < MAX_TABLE + 50, "{}", all.of_people[1].text.len());
    }

    #[test]
    fn what_a_program_says_is_a_finding_and_names_its_author_if_that_is_who_opened_the_request() {
        let one = |account: &str, program: &str| Comment {
            account: account.to_owned(),
            program: Some(program.to_owned()),
            place: Place { path: "till.txt".to_owned(), line: 2, ..Place::default() },
            ..Comment::default()
        };
        let all = Comments { list: vec![one("Mina", "lint"), one("ci", "lint"), one("ci", "")], ..Comments::default() };
        let runs = all.sorted("mina").of_programs.remove(0).runs;
        let tools: Vec<&str> = runs.iter().map(|run| run.tool.as_str()).collect();
        assert_eq!(tools, ["ci", "lint (by Mina, the author)", "lint (by ci)"]);
        assert!(runs.iter().all(|run| run.revision == NO_COMMIT), "that no commit is named is not that it is this one");
    }
}
