//! Review servers: what waits there, and the verdicts that go back. Adapters are URLs and fields only; in what order a
//! verdict is given, and that it was taken, is the business of one driver for all of them.
//!
//! What a server tells is a claim: git objects come from git, or are rebuilt until their id is equal.

mod credentials;
mod gerrit;
mod github;
mod gitlab;
pub mod http;
mod kind;
mod review_board;
mod series;
mod told;

pub use credentials::{Credentials, token, variable};
pub use http::{Kept, Network, NoAnswer, Secret, ServerError, Transport};
pub use kind::ServerKind;
pub use series::{Patched, Series, Signature};
pub use told::{Memory, Told, checked};

use serde::{Deserialize, Serialize};

use crate::change::ObjectId;
use crate::change::address::Remote;
use crate::change::request::Request;
use crate::decision::Verdict;
use crate::risk::external::Report;
use http::Client;

/// A server as the person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// In the configuration.
    pub name: String,
    /// As a browser has it: `https://git.example.com`.
    pub url: String,
    /// Absent: it is asked what it is.
    pub kind: Option<ServerKind>,
    /// Prints the token.
    pub token_command: Option<String>,
}

/// Who we are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub login: String,
    /// As the server says it; empty where it does not.
    pub version: String,
}

/// A review request that is open, as the server tells of it: claims, not escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// As the server names it: `ann/shop`.
    pub repository: String,
    pub request: Request,
    pub title: String,
    /// The account that opened it.
    pub author: String,
    pub is_draft: bool,
    /// Who of mine is asked to review it: my own login, or the name of a team.
    pub asked: Option<String>,
    /// The branch that it would land on; empty where the server did not say.
    pub target: String,
    /// Where it stands, says the server.
    pub head: Option<ObjectId>,
    /// Full name of its ref there, where that does not follow from its number.
    #[serde(default)]
    pub full: Option<String>,
    /// Its page for people.
    pub page: String,
}

/// Where a review request stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    pub head: ObjectId,
    pub is_open: bool,
    pub author: String,
    /// Full name of the ref that it would land on; none where the server does not know.
    pub target: Option<String>,
}

/// A repository as a server lists it: claims, not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// Where its git repository is, as a remote has it.
    pub addresses: Vec<String>,
}

/// How the objects of a review request come here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// By git, from a ref of the remote.
    Refs,
    /// The server has patches only: what they make is to be proved by its id.
    Patches(Series),
}

/// What not every server can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// It says of a verdict by itself for which commit it is.
    pub binds_commits: bool,
    /// Commits have statuses there. Where they have none, [`ReviewServer::set_status`] is not called.
    pub has_status: bool,
    /// A verdict carries the signed record besides its text.
    pub holds_records: bool,
}

impl Default for Abilities {
    fn default() -> Abilities {
        Abilities { binds_commits: true, has_status: true, holds_records: false }
    }
}

/// What automated checks say of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checks {
    pub passed: usize,
    pub failed: usize,
    pub running: usize,
}

/// A signed decision that is told to a server.
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
    /// For people, as Markdown. It names the record.
    pub text: &'d str,
    /// In one line of at most 140 characters.
    pub summary: &'d str,
}

/// What of a decision a server holds, read back from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether it is the verdict that was given.
    pub is_as_given: bool,
    /// The commit that the server has it for; none where it binds verdicts to none.
    pub commit: Option<ObjectId>,
    /// What stands there in place of the verdict, where the server took only that; a part of a sentence.
    pub instead: Option<String>,
}

/// One server, one account. Calls block; each is repeatable but [`ReviewServer::give_verdict`] and
/// [`ReviewServer::set_status`], before which it is looked whether they were done.
pub trait ReviewServer: Send + Sync {
    /// # Errors
    /// As [`ServerError`] says, here and below.
    fn account(&self) -> Result<Account, ServerError>;

    /// The open review requests of a repository.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn open(&self, repository: &str, account: &Account) -> Result<Vec<Pending>, ServerError>;

    /// The open review requests of the whole server that ask for this account, as far as it is known without their
    /// repositories.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn asked(&self, account: &Account) -> Result<Vec<Pending>, ServerError>;

    /// # Errors
    /// See [`ReviewServer::account`].
    fn now(&self, repository: &str, request: Request) -> Result<Now, ServerError>;

    /// What automated checks say of a review request at a commit.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn checks(&self, repository: &str, request: Request, head: ObjectId) -> Result<Checks, ServerError>;

    /// What automated checks found in a commit, line by line. Of a server whose checks are not read, that is said: it
    /// would look as if they had found nothing.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn findings(&self, _repository: &str, _request: Request, _head: ObjectId) -> Result<Vec<Report>, ServerError> {
        Ok(vec![Report::of_nobody()])
    }

    /// # Errors
    /// See [`ReviewServer::account`].
    fn give_verdict(&self, decided: &Decided<'_>) -> Result<(), ServerError>;

    /// What it holds of our verdict; none where it holds nothing of it.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn verdict(&self, decided: &Decided<'_>, account: &Account) -> Result<Option<Observed>, ServerError>;

    /// Says at the commit that there is a signed decision.
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

    /// The repositories of a server that is apart from them; none of one that has them itself.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn repositories(&self) -> Result<Vec<Listed>, ServerError> {
        Ok(Vec::new())
    }

    /// How the objects of a review request come here.
    ///
    /// # Errors
    /// See [`ReviewServer::account`].
    fn source(&self, _repository: &str, _request: Request) -> Result<Source, ServerError> {
        Ok(Source::Refs)
    }
}

/// The name of a status at a commit.
pub const STATUS: &str = "undersign/signed-review";

/// Speaks to a server with an account, by what kind it is.
///
/// # Errors
/// As [`ServerError`] says; also where it is of no known kind.
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

/// What kind a server is: as configured, else by asking it.
///
/// # Errors
/// It does not answer, or is of no known kind.
pub fn kind_of(server: &Server, transport: &dyn Transport) -> Result<ServerKind, ServerError> {
    server.kind.map_or_else(|| kind::recognise(&server.url, transport), Ok)
}

impl Server {
    /// With its kind, which is asked for where it is not configured.
    ///
    /// # Errors
    /// As [`kind_of`].
    pub fn with_kind(&self, transport: &dyn Transport) -> Result<Server, ServerError> {
        Ok(Server { kind: Some(kind_of(self, transport)?), ..self.clone() })
    }

    /// What the server calls the repository of a remote; none where it is not this server's.
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
            // Over ssh, Gerrit's names begin at once.
            _ if is_gerrit && remote.is_ssh => remote.path.as_str(),
            prefix => remote.path.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        let name = path.trim_end_matches(".git").trim_matches('/');
        if is_gerrit {
            // Below `/a/`, Gerrit asks for the account.
            let name = if remote.is_ssh { name } else { name.strip_prefix("a/").unwrap_or(name) };
            return (!name.is_empty()).then(|| name.to_owned());
        }
        name.contains('/').then(|| name.to_owned())
    }
}
