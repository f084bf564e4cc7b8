//! Which program a server is.

use serde::{Deserialize, Serialize};

use super::http::{Client, Kept, Secret, ServerError, Transport};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    GitHub,
    /// Forgejo, too.
    Gitea,
    #[serde(rename = "review-board")]
    ReviewBoard,
}

impl ServerKind {
    pub const ALL: [ServerKind; 3] = [ServerKind::GitHub, ServerKind::Gitea, ServerKind::ReviewBoard];

    /// In the configuration.
    pub fn name(self) -> &'static str {
        match self {
            ServerKind::GitHub => "github",
            ServerKind::Gitea => "gitea",
            ServerKind::ReviewBoard => "review-board",
        }
    }

    /// By its name in the configuration.
    pub fn named(name: &str) -> Option<ServerKind> {
        let name = if name == "forgejo" { "gitea" } else { name };
        ServerKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it keeps review requests of repositories that other servers have: the address of a remote says nothing
    /// of it.
    pub fn is_apart(self) -> bool {
        self == ServerKind::ReviewBoard
    }

    /// Where its API is.
    pub(super) fn api(self, url: &str) -> String {
        let url = url.trim_end_matches('/');
        match self {
            ServerKind::GitHub if is_github_com(url) => "https://api.github.com".to_owned(),
            ServerKind::GitHub => format!("{url}/api/v3"),
            ServerKind::Gitea => format!("{url}/api/v1"),
            ServerKind::ReviewBoard => format!("{url}/api"),
        }
    }

    /// How it is told of a token.
    pub(super) fn authorization(self, token: &Secret) -> Secret {
        match self {
            ServerKind::GitHub => token.after("Bearer "),
            ServerKind::Gitea | ServerKind::ReviewBoard => token.after("token "),
        }
    }
}

fn is_github_com(url: &str) -> bool {
    matches!(url.trim_start_matches("https://").trim_end_matches('/'), "github.com" | "www.github.com")
}

/// Asks a server what it is, without an account.
///
/// # Errors
/// It does not answer, or is of no known kind.
pub fn recognise(url: &str, transport: &dyn Transport) -> Result<ServerKind, ServerError> {
    if is_github_com(url) {
        return Ok(ServerKind::GitHub);
    }
    let client = Client::new(transport, url, None, Kept::default())?;
    let mut failed = None;
    for (path, field, kind) in [
        ("/api/v1/version", "/version", ServerKind::Gitea),
        ("/api/v3/meta", "/installed_version", ServerKind::GitHub),
        ("/api/", "/product/package_version", ServerKind::ReviewBoard),
    ] {
        match client.get::<serde_json::Value>(path) {
            Ok(answer) if answer.pointer(field).is_some() => return Ok(kind),
            Err(why @ ServerError::Unreachable(..)) => failed = Some(why),
            _ => {}
        }
    }
    let names = ServerKind::ALL.map(ServerKind::name).join(", ");
    let unknown = || {
        let what = format!("it is no server of a known kind; if it is, write kind = one of {names} in config.toml");
        ServerError::Unreadable(client.host().to_owned(), what)
    };
    Err(failed.unwrap_or_else(unknown))
}
