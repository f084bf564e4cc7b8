//! Answers of the person to what colleagues wrote about a review request. They are not signed, and decide
//! nothing: they are sent as soon as the server answers, once, and read back.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Hosts, Receipt, ServerAccess};
use crate::change::digest::Digest;
use crate::change::request::Request;
use crate::change::{Change, visible};
use crate::source::git::Repository;
use crate::source::server::{Account, Comment, ReviewServer, ServerError};

/// An answer that a server does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The server's name in the configuration.
    pub server: String,
    /// The server's name for the repository.
    pub repository: String,
    pub request: Request,
    /// The path of the repository on this disk.
    pub root: PathBuf,
    /// The server's name for the comment that it answers.
    pub answers: String,
    pub text: String,
    /// Seconds since the epoch.
    pub written_at: i64,
}

impl Reply {
    /// The same words to the same comment are one answer.
    pub(super) fn key(&self) -> String {
        let about = format!("{}\0{}\0{}\0{}", self.server, self.repository, self.request.number, self.answers);
        Digest::of(format!("{about}\0{}", self.text).as_bytes()).to_string()
    }

    /// The usual name of the request: `ann/shop #12`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.repository, self.request.sign())
    }

    /// Sends it, unless it is there already, and reads it back.
    ///
    /// # Errors
    /// A sentence: the server does not have it.
    pub(super) fn send(&self, server: &dyn ReviewServer, account: &Account) -> Result<String, String> {
        let plain = |error: ServerError| error.to_string();
        let read = || server.comments(&self.repository, self.request).map_err(plain);
        let before = read()?.list;
        let to = before.iter().find(|comment| comment.id == self.answers);
        let to = to.ok_or("the comment that you answered is not there any more.")?;
        let text = server.reply_text(to, &self.text);
        let has_threads = server.has_threads(&to.place);
        let is_it = |comment: &Comment| {
            let is_answer = comment.account == account.login && comment.answers(to, has_threads);
            is_answer && same_words(&comment.text, &text)
        };
        if !before.iter().any(is_it) {
            let given = server.reply(&self.repository, self.request, to, &text);
            // A lost response does not say what was done.
            if let Err(error) = given.as_ref().map_err(Clone::clone)
                && !error.may_be_done()
            {
                return Err(error.to_string());
            }
            if !read()?.list.iter().any(is_it) {
                let silent = "the server said that it took your answer, and does not have it.";
                return Err(given.err().map_or(silent.to_owned(), plain));
            }
        }
        Ok(format!("your answer to {} is there.", visible::text(&to.account)))
    }
}

/// Servers store line ends in their own way, and cut blanks at the end.
fn same_words(a: &str, b: &str) -> bool {
    let words = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
    words(a) == words(b)
}

impl ServerAccess {
    /// Notes an answer to a comment of the request of a change, and sends what is waiting for that repository.
    ///
    /// # Errors
    /// A sentence: no server has the request, or the answer cannot be noted.
    pub fn reply(
        &self,
        repository: &Repository,
        change: &Change,
        (answers, text): (&str, &str),
        now: i64,
    ) -> Result<Receipt, String> {
        let hosted = Hosts::of(repository, &self.servers).hosted(&change.refs);
        let hosted = hosted.ok_or("No server of config.toml has a review request of this change.")?;
        self.outbox.put_reply(&Reply {
            server: hosted.server,
            repository: hosted.repository,
            request: hosted.request,
            root: repository.root.clone(),
            answers: answers.to_owned(),
            text: text.to_owned(),
            written_at: now,
        })?;
        Ok(self.deliver(repository))
    }
}
