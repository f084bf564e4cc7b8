//! Which program a server is.

use serde::{Deserialize, Serialize};

use super::http::{Client, Kept, Secret, ServerError, Transport};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    GitHub,
    /// Also Forgejo.
    Gitea,
    GitLab,
    Gerrit,
    #[serde(rename = "review-board")]
    ReviewBoard,
}

impl ServerKind {
    pub const ALL: [ServerKind; 5] =
        [ServerKind::GitHub, ServerKind::Gitea, ServerKind::GitLab, ServerKind::Gerrit, ServerKind::ReviewBoard];

    /// In the configuration.
    pub fn name(self) -> &'static str {
        match self {
            ServerKind::GitHub => "github",
            ServerKind::Gitea => "gitea",
            ServerKind::ReviewBoard => "review-board",
            ServerKind::GitLab => "gitlab",
            ServerKind::Gerrit => "gerrit",
        }
    }

    /// By its name in the configuration.
    pub fn named(name: &str) -> Option<ServerKind> {
        let name = if name == "forgejo" { "gitea" } else { name };
        ServerKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it tracks review requests of repositories on other servers: the address of a remote does not lead to it.
    pub fn is_apart(self) -> bool {
        self == ServerKind::ReviewBoard
    }

    /// The base URL of its API.
    pub(super) fn api(self, url: &str) -> String {
        let url = url.trim_end_matches('/');
        match self {
            ServerKind::GitHub if is_github_com(url) => "https://api.github.com".to_owned(),
            ServerKind::GitHub => format!("{url}/api/v3"),
            ServerKind::Gitea => format!("{url}/api/v1"),
            ServerKind::ReviewBoard => format!("{url}/api"),
            // Both of its APIs are below this.
            ServerKind::GitLab => format!("{url}/api"),
            ServerKind::Gerrit => format!("{url}/a"),
        }
    }

    /// The authorization header's value for a token.
    pub(super) fn authorization(self, token: &Secret) -> Secret {
        match self {
            // In this form GitLab accepts tokens of all kinds, including those of git's credential managers.
            ServerKind::GitHub | ServerKind::GitLab => token.after("Bearer "),
            ServerKind::Gitea | ServerKind::ReviewBoard => token.after("token "),
            ServerKind::Gerrit => token.basic(),
        }
    }
}

fn is_github_com(url: &str) -> bool {
    matches!(url.trim_start_matches("https://").trim_end_matches('/'), "github.com" | "www.github.com")
}

/// Asks a server which program it is, without an account.
///
/// # Errors
/// It does not answer, or is of no known kind.
pub fn recognise(url: &str, transport: &dyn Transport) -> Result<ServerKind, ServerError> {
    if is_github_com(url) {
        return Ok(ServerKind::GitHub);
    }
    let client = Client::new(transport, url, None, Kept::default())?;
    let mut refusals = Vec::new();
    // A server that does not answer here would not answer at the other addresses: wait for it only once.
    for (path, field, kind) in [
        ("/api/v1/version", "/version", ServerKind::Gitea),
        ("/api/v3/meta", "/installed_version", ServerKind::GitHub),
        ("/api/", "/product/package_version", ServerKind::ReviewBoard),
    ] {
        match client.get::<serde_json::Value>(path) {
            Ok(answer) if answer.pointer(field).is_some() => return Ok(kind),
            Err(why @ ServerError::Unreachable(..)) => return Err(why),
            Err(why) => refusals.push(why),
            Ok(_) => {}
        }
    }
    for (is_it, kind) in
        [(gitlab as fn(&Client<'_>) -> Result<bool, ServerError>, ServerKind::GitLab), (gerrit, ServerKind::Gerrit)]
    {
        match is_it(&client) {
            Ok(true) => return Ok(kind),
            Err(why @ ServerError::Unreachable(..)) => return Err(why),
            Err(why) => refusals.push(why),
            Ok(false) => {}
        }
    }
    Err(unknown(url, client.host(), refusals))
}

/// Why the kind of a server that answers is not known. That it failed, or asks to wait, comes first: it may tell later.
fn unknown(url: &str, host: &str, refusals: Vec<ServerError>) -> ServerError {
    let is_passing = |why: &ServerError| matches!(why, ServerError::Failed(..) | ServerError::Busy(..));
    let is_elsewhere = |why: &ServerError| matches!(why, ServerError::Redirected(..));
    let status = refusals.iter().find_map(|why| match why {
        ServerError::Account(_) => Some(401),
        ServerError::Forbidden(..) => Some(403),
        _ => None,
    });
    let told = refusals.iter().find(|why| is_passing(why)).or(refusals.iter().find(|why| is_elsewhere(why)));
    if let Some(why) = told {
        return why.clone();
    }
    let names = ServerKind::ALL.map(ServerKind::name).join(", ");
    if let Some(status) = status {
        let what = format!(
            "it says what it is to nobody without an account ({status}); write kind = one of {names} in config.toml"
        );
        return ServerError::Refused(host.to_owned(), what);
    }
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let path = path.filter(|path| !path.is_empty()).map(|path| format!(" at /{path}, which may be too much of it"));
    let path = path.unwrap_or_default();
    let what = format!("it is no server of a known kind{path}; if it is, write kind = one of {names} in config.toml");
    ServerError::Unreadable(host.to_owned(), what)
}

/// It tells its version only to accounts; the error message for others is specific to GitLab.
fn gitlab(client: &Client<'_>) -> Result<bool, ServerError> {
    let response = client.look("/api/v4/version")?;
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    Ok(match response.status {
        200 => json.get("version").is_some() && json.get("revision").is_some(),
        401 => json.get("message").is_some_and(|message| message == "401 Unauthorized"),
        _ => false,
    })
}

fn gerrit(client: &Client<'_>) -> Result<bool, ServerError> {
    let response = client.look("/config/server/version")?;
    let json = response.body.strip_prefix(b")]}'").and_then(|body| serde_json::from_slice::<String>(body).ok());
    Ok(response.status == 200 && json.is_some())
}
