//! What a server has at the lines of a review request: comments of people, findings of programs and of checks.

use crate::change::{Change, ObjectId, visible};
use crate::risk::external::Report;
use crate::source::git::Repository;
use crate::source::server::{Comment, Comments, KeptComments, ReviewServer, Sorted};

use super::{Hosted, Hosts, ServerAccess};

/// What a server has at the lines of a review request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Remarks {
    /// The server's name in the configuration.
    pub server: String,
    /// Our account there, and that of who opened the request.
    pub login: String,
    pub author: String,
    /// Of people.
    pub comments: Vec<Comment>,
    /// Of programs and of checks.
    pub reports: Vec<Report>,
    /// What is not here, or not from now; a sentence each.
    pub missing: Vec<String>,
}

impl Remarks {
    fn of(hosted: &Hosted, login: String, author: String, comments: Comments) -> Remarks {
        let Sorted { of_people, of_programs, missing } = comments.sorted(&author);
        let server = hosted.server.clone();
        Remarks { server, login, author, comments: of_people, reports: of_programs, missing }
    }
}

impl ServerAccess {
    /// What checks and other programs found in the head of a change, according to the server that has its review
    /// request.
    ///
    /// # Errors
    /// A sentence: no server has it, or the server does not answer.
    pub fn findings(&self, repository: &Repository, change: &Change) -> Result<Vec<Report>, String> {
        let hosted = Hosts::of(repository, &self.servers).hosted(&change.refs);
        let none = "No server of config.toml has a review request of this change. `undersign doctor --server NAME` says \
                    which repositories it has, and R in the desk fetches its requests.";
        let hosted = hosted.ok_or_else(|| none.to_owned())?;
        let (server, _) = self.connect(self.server(&hosted.server)?)?;
        let found = server.findings(&hosted.repository, hosted.request, change.revision.head);
        let mut found = found.map_err(|error| error.to_string())?;
        let (author, comments) = comments(&*server, &hosted)?;
        let Sorted { of_programs, missing, .. } = comments.sorted(&author);
        found.extend(of_programs);
        found.push(Report { runs: Vec::new(), remarks: missing });
        Ok(found)
    }

    /// What the server that has the review request of a change has at its lines; none if no server has it. If the
    /// server does not answer, what it had when it last did.
    ///
    /// # Errors
    /// A sentence: it does not answer, and never did.
    pub fn remarks(&self, repository: &Repository, change: &Change, now: i64) -> Result<Option<Remarks>, String> {
        let Some(hosted) = Hosts::of(repository, &self.servers).hosted(&change.refs) else { return Ok(None) };
        let about = format!("{} {} {}", hosted.server, hosted.repository, hosted.request);
        match self.fresh(&hosted, change.revision.head, &about, now) {
            Ok(remarks) => Ok(Some(remarks)),
            Err(why) => {
                let why = format!("{}: {why}", visible::text(&hosted.server));
                let KeptComments { login, author, comments, .. } = self.memory.comments(&about).ok_or(why.clone())?;
                let mut remarks = Remarks::of(&hosted, login, author, comments);
                remarks.missing.insert(0, format!("{why} Its comments are shown as they were."));
                Ok(Some(remarks))
            }
        }
    }

    fn fresh(&self, hosted: &Hosted, head: ObjectId, about: &str, now: i64) -> Result<Remarks, String> {
        let (server, account) = self.connect(self.server(&hosted.server)?)?;
        let (author, comments) = comments(&*server, hosted)?;
        let kept = KeptComments::new(about.to_owned(), now, account.login.clone(), author.clone(), comments.clone());
        self.memory.save_comments(&kept);
        let mut remarks = Remarks::of(hosted, account.login, author, comments);
        match server.findings(&hosted.repository, hosted.request, head) {
            Ok(reports) => remarks.reports.extend(reports),
            Err(why) => remarks.missing.push(format!("What checks found is not here. {why}")),
        }
        Ok(remarks)
    }
}

/// Who opened a request, and its comments.
fn comments(server: &dyn ReviewServer, hosted: &Hosted) -> Result<(String, Comments), String> {
    let author = server.now(&hosted.repository, hosted.request).map_err(|error| error.to_string())?.author;
    let comments = server.comments(&hosted.repository, hosted.request).map_err(|error| error.to_string())?;
    Ok((author, comments))
}
