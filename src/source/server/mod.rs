//! Review servers: the review requests pending there, and the verdicts sent back. Adapters only know URLs and fields;
//! one driver for all of them decides in which order a verdict is sent, and checks that it was accepted.
//!
//! What a server reports is a claim: git objects come from git, or are rebuilt until their id matches.

mod comments;
mod credentials;
mod gerrit;
mod github;
mod gitlab;
pub mod http;
mod kind;
mod review_board;
mod rights;
mod series;
mod told;

pub use comments::{Comment, CommentCount, Comments, Place, Sorted, is_same_account};
pub use credentials::{Credentials, token, variable};
pub use http::{Kept, Network, NoAnswer, Secret, ServerError, Transport};
pub use kind::ServerKind;
pub use rights::TokenRights;
pub use series::{Patched, Series, Signature};
pub use told::{KeptComments, Memory, Told, checked};

use serde::{Deserialize, Serialize};

use crate::change::ObjectId;
use crate::change::address::Remote;
use crate::change::references::Reference;
use crate::change::request::Request;
use crate::decision::Verdict;
use crate::risk::external::Report;
use http::Client;

/// A server as the user configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name in the configuration.
    pub name: String,
    /// The URL for a browser: `https://git.example.com`.
    pub url: String,
    /// If absent, the server is asked.
    pub kind: Option<ServerKind>,
    /// A command that prints the token.
    pub token_command: Option<String>,
}

/// Our account on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub login: String,
    /// As the server reports it; empty if it does not.
    pub version: String,
}

/// An open review request as the server reports it: claims, not escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The server's name for it: `ann/shop`.
    pub repository: String,
    pub request: Request,
    pub title: String,
    /// The account that opened it.
    pub author: String,
    pub is_draft: bool,
    /// Who is asked to review it on my side: my own login, or the name of a team.
    pub asked: Option<String>,
    /// The branch on which it would land; empty if the server did not say.
    pub target: String,
    /// The head that the server reports.
    pub head: Option<ObjectId>,
    /// The full name of its ref there, if it does not follow from its number.
    #[serde(default)]
    pub full: Option<String>,
    /// Its page for people.
    pub page: String,
    /// What its description says that it depends on.
    #[serde(default)]
    pub depends_on: Vec<Reference>,
    /// Its comments, if the list that has the request counts them.
    #[serde(default)]
    pub comments: Option<CommentCount>,
}

/// The current state of a review request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    pub head: ObjectId,
    pub is_open: bool,
    pub author: String,
    /// The full name of the ref on which it would land; none if the server does not know.
    pub target: Option<String>,
}

/// A repository in a server's list: claims, not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// The addresses of its git repository, as a remote would name them.
    pub addresses: Vec<String>,
}

/// How to get the objects of a review request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// By git, from a ref of the remote.
    Refs,
    /// The server has patches only: the rebuilt commits must be proved by their id.
    Patches(Series),
}

/// Features that not every server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// A verdict there names its commit by itself.
    pub binds_commits: bool,
    /// Commits have statuses there. If they do not, [`ReviewServer::set_status`] is not called.
    pub has_status: bool,
    /// A verdict carries the signed record besides its text.
    pub holds_records: bool,
    /// Notes can stand at lines of the old side as well as of the new one.
    pub notes_on_old_side: bool,
}

impl Default for Abilities {
    fn default() -> Abilities {
        Abilities { binds_commits: true, has_status: true, holds_records: false, notes_on_old_side: true }
    }
}

/// The results of automated checks of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checks {
    pub passed: usize,
    pub failed: usize,
    pub running: usize,
}

/// What an account last said of a review request: a claim of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountReview {
    pub account: String,
    /// Otherwise it asked for changes, or its approval was dismissed.
    pub approves: bool,
    /// The commit to which the server attaches it.
    pub commit: Option<ObjectId>,
}

/// A signed decision to report to a server.
#[derive(Debug, Clone)]
pub struct Decided<'d> {
    pub repository: &'d str,
    pub request: Request,
    /// What was reviewed.
    pub head: ObjectId,
    pub verdict: Verdict,
    /// Id of the record: 64 hex digits.
    pub record: &'d str,
    /// The record itself, as JSON.
    pub envelope: &'d str,
    /// To show to people, as Markdown. It names the record, and contains all notes that are not in `notes`.
    pub text: &'d str,
    /// Notes to put at their lines, with the verdict.
    pub notes: &'d [LineNote],
    /// In one line of at most 140 characters.
    pub summary: &'d str,
}

/// A note of the reviewer for a line that the change shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineNote {
    /// In the head, and in the base; the same unless the file moved.
    pub path: String,
    pub old_path: String,
    pub old_side: bool,
    /// Counts from 1 on its side.
    pub line: u32,
    /// The number of the line on the other side, if the change leaves it as it is.
    pub beside: Option<u32>,
    /// As Markdown. It names the record and its own number in it, so that it is found again.
    pub text: String,
}

impl Account {
    /// # Errors
    /// The server does not name the account: then nothing there could be told to be ours, and all of it would be sent
    /// again.
    fn named(client: &Client<'_>, login: String, version: String) -> Result<Account, ServerError> {
        if login.is_empty() {
            let what = "it does not say which account this is".to_owned();
            return Err(ServerError::Unreadable(client.host().to_owned(), what));
        }
        Ok(Account { login, version })
    }
}

impl Decided<'_> {
    /// The sentence that is in the text if notes stand at their lines.
    pub fn at_lines(&self) -> String {
        at_lines(self.notes.len())
    }

    /// How many of the notes are among some texts of the server, if a text says that they stand at their lines; and
    /// whether that is all of them. If it does not say so, the server did not take them, and they are in the text.
    pub fn notes_among<'t>(&self, text: &str, texts: impl Iterator<Item = &'t str>) -> (usize, bool) {
        if self.notes.is_empty() || !text.contains(&self.at_lines()) {
            return (0, true);
        }
        let texts: Vec<&str> = texts.collect();
        let is_there = |note: &&LineNote| texts.iter().any(|text| text.contains(note.name()));
        let found = self.notes.iter().filter(is_there).count();
        (found, found == self.notes.len())
    }
}

impl LineNote {
    /// The line of its text that names it.
    pub fn name(&self) -> &str {
        self.text.trim_end().rsplit('\n').next().unwrap_or_default()
    }
}

/// How the line begins that names the record of a note at a line.
pub const NOTE_OF: &str = "Undersign record `";

/// How the line begins that names the record in the text of a verdict.
pub const RECORD_OF: &str = "Signed: undersign record `";

/// Says that this many notes stand at their lines.
pub fn at_lines(count: usize) -> String {
    format!("Notes at their lines: {count}.")
}

/// A decision as a server has it, read back from there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether it is the verdict that was sent.
    pub is_as_given: bool,
    /// The commit to which the server attaches it; none if it binds verdicts to no commit.
    pub commit: Option<ObjectId>,
    /// What the server has instead of the verdict, if it accepted only that; a part of a sentence.
    pub instead: Option<String>,
    /// Notes that it has at their lines.
    #[serde(default)]
    pub at_lines: usize,
}

/// One server, one account. Calls block; each can be repeated except [`ReviewServer::give_verdict`] and
/// [`ReviewServer::set_status`]: before these, callers check whether they were already done.
pub trait ReviewServer: Send + Sync {
    /// # Errors
    /// As [`ServerError`] says, here and below.
    fn account(&self) -> Result<Account, ServerError>;

    /// The open review requests of a repository.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn open(&self, repository: &str, account: &Account) -> Result<Vec<Pending>, ServerError>;

    /// The open review requests of the whole server that ask this account to review, as far as they can be found
    /// without naming their repositories.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn asked(&self, account: &Account) -> Result<Vec<Pending>, ServerError>;

    /// # Errors
    /// See [`ReviewServer::account`].
    fn now(&self, repository: &str, request: Request) -> Result<Now, ServerError>;

    /// The results of automated checks of a review request at a commit.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn checks(&self, repository: &str, request: Request, head: ObjectId) -> Result<Checks, ServerError>;

    /// What automated checks found in a commit, line by line, apart from comments; nothing on a server that has no such
    /// results. What is not read is a remark of a report: otherwise a check would seem to have found nothing.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn findings(&self, _repository: &str, _request: Request, _head: ObjectId) -> Result<Vec<Report>, ServerError> {
        Ok(Vec::new())
    }

    /// What people and programs wrote at its lines and about it as a whole, in the order of the server.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn comments(&self, repository: &str, request: Request) -> Result<Comments, ServerError>;

    /// Answers a comment where it is.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn reply(&self, repository: &str, request: Request, to: &Comment, text: &str) -> Result<(), ServerError>;

    /// Whether an answer there says which comment it answers.
    fn has_threads(&self, _: &Place) -> bool {
        true
    }

    /// An answer as this server stores it: some would read lines of it as commands, and some have no threads, so that
    /// it says itself what it answers.
    fn reply_text(&self, _to: &Comment, text: &str) -> String {
        text.to_owned()
    }

    /// What each account last said of a review request; none if the server ties approvals to no commit.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn reviews(&self, _repository: &str, _request: Request) -> Result<Option<Vec<AccountReview>>, ServerError> {
        Ok(None)
    }

    /// # Errors
    /// See [`ReviewServer::account`].
    fn give_verdict(&self, decided: &Decided<'_>) -> Result<(), ServerError>;

    /// Our verdict as the server has it; none if it has none.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn verdict(&self, decided: &Decided<'_>, account: &Account) -> Result<Option<Observed>, ServerError>;

    /// Sets a status on the commit that says that there is a signed decision.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn set_status(&self, decided: &Decided<'_>) -> Result<(), ServerError>;

    /// # Errors
    /// See [`ReviewServer::account`].
    fn status(&self, decided: &Decided<'_>) -> Result<Option<Observed>, ServerError>;

    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    /// What the token may do, as far as the server tells.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn rights(&self) -> Result<TokenRights, ServerError> {
        Ok(TokenRights::default())
    }

    /// The repositories of a server that is separate from them; empty for a server that hosts them itself.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn repositories(&self) -> Result<Vec<Listed>, ServerError> {
        Ok(Vec::new())
    }

    /// How to get the objects of a review request.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn source(&self, _repository: &str, _request: Request) -> Result<Source, ServerError> {
        Ok(Source::Refs)
    }
}

/// The name of a status on a commit.
pub const STATUS: &str = "undersign/signed-review";

/// Opens a connection to a server with an account, by the kind of server.
///
/// # Errors
/// As [`ServerError`] says; also if it is of no known kind.
pub fn connect<'t>(
    server: &Server,
    token: Option<Secret>,
    transport: &'t dyn Transport,
    kept: Kept,
) -> Result<Box<dyn ReviewServer + 't>, ServerError> {
    let kind = kind_of(server, transport)?;
    let authorization = token.map(|token| ("authorization", kind.authorization(&token)));
    let client = Client::new(transport, &kind.api(&server.url), authorization, kept)?;
    Ok(match kind {
        ServerKind::GitHub => Box::new(github::Server { client, dialect: github::Dialect::GitHub }),
        ServerKind::Gitea => Box::new(github::Server { client, dialect: github::Dialect::Gitea }),
        ServerKind::ReviewBoard => Box::new(review_board::Server::new(client)),
        ServerKind::GitLab => Box::new(gitlab::Server { client }),
        ServerKind::Gerrit => Box::new(gerrit::Server { client, url: server.url.clone() }),
    })
}

/// The kind of a server: as configured, otherwise by asking it.
///
/// # Errors
/// It does not answer, or is of no known kind.
pub fn kind_of(server: &Server, transport: &dyn Transport) -> Result<ServerKind, ServerError> {
    server.kind.map_or_else(|| kind::recognise(&server.url, transport), Ok)
}

impl Server {
    /// The server with its kind, asking it if the kind is not configured.
    ///
    /// # Errors
    /// As [`kind_of`].
    pub fn with_kind(&self, transport: &dyn Transport) -> Result<Server, ServerError> {
        Ok(Server { kind: Some(kind_of(self, transport)?), ..self.clone() })
    }

    /// The server's name for the repository of a remote; none if it is not on this server.
    pub fn repository_of(&self, remote: &Remote) -> Option<String> {
        if self.kind.is_some_and(ServerKind::is_apart) {
            return None;
        }
        let own = Remote::of(&self.url)?;
        let same_port = remote.is_ssh || remote.port == own.port;
        if !remote.host.eq_ignore_ascii_case(&own.host) || !same_port {
            return None;
        }
        let is_gerrit = self.kind == Some(ServerKind::Gerrit);
        let path = match own.path.as_str() {
            "" => remote.path.as_str(),
            // Over ssh, Gerrit's paths start directly with the name.
            _ if is_gerrit && remote.is_ssh => remote.path.as_str(),
            prefix => remote.path.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        let name = path.trim_end_matches(".git").trim_matches('/');
        if is_gerrit {
            // Below `/a/`, Gerrit requires an account.
            let name = if remote.is_ssh { name } else { name.strip_prefix("a/").unwrap_or(name) };
            return (!name.is_empty()).then(|| name.to_owned());
        }
        name.contains('/').then(|| name.to_owned())
    }
}
