//! Where the token of an account comes from. It is never stored on disk, and never passed as a program argument.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::http::Secret;
use super::{Server, ServerKind};
use crate::change::visible;

/// A token and where it was found, to show to people.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub token: Secret,
    pub from: String,
}

/// Looks for the token of a server: in `UNDERSIGN_TOKEN_NAME`, with the configured command, from `gh` for GitHub, and
/// from git's credential helpers, which never prompt on the terminal here.
///
/// # Errors
/// A sentence: the command failed, or the variable does not contain a valid token. Having no token is not an error.
pub fn token(server: &Server) -> Result<Option<Credentials>, String> {
    let variable = variable(&server.name);
    if let Some(text) = std::env::var_os(&variable).filter(|text| !text.to_string_lossy().trim().is_empty()) {
        let token = Secret::new(&text.to_string_lossy());
        let token = token.ok_or_else(|| format!("{variable} holds no token: one word, and nothing else."))?;
        return Ok(Some(Credentials { token, from: format!("the environment, {variable}") }));
    }
    if let Some(command) = &server.token_command {
        let token = by_command(command)?;
        return Ok(Some(Credentials { token, from: "token_command".to_owned() }));
    }
    let host = server.url.split("://").last().unwrap_or_default().split('/').next().unwrap_or_default();
    if server.kind.is_none_or(|kind| kind == ServerKind::GitHub)
        && let Some(token) = by_gh(host)
    {
        return Ok(Some(Credentials { token, from: "gh auth token".to_owned() }));
    }
    Ok(by_git(server).map(|token| Credentials { token, from: "git credential fill".to_owned() }))
}

/// `UNDERSIGN_TOKEN_WORK` for `work`.
pub fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("UNDERSIGN_TOKEN_{}", name.chars().map(letter).collect::<String>())
}

fn by_command(command: &str) -> Result<Secret, String> {
    let output = Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("token_command cannot be run: {error}."))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = visible::text(said.trim()).into_owned();
        return Err(format!("token_command failed ({}): {said}", output.status));
    }
    Secret::new(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| "token_command did not print a token: one word, and nothing else.".to_owned())
}

fn by_gh(host: &str) -> Option<Secret> {
    let mut gh = Command::new("gh");
    gh.args(["auth", "token", "--hostname", host]).stdin(Stdio::null());
    // `gh` uses these as the token for any host.
    if !std::env::var("GH_HOST").is_ok_and(|own| own == host) {
        gh.env_remove("GH_ENTERPRISE_TOKEN").env_remove("GITHUB_ENTERPRISE_TOKEN");
    }
    let output = gh.output().ok()?;
    output.status.success().then(|| Secret::new(&String::from_utf8_lossy(&output.stdout))).flatten()
}

/// Asks the credential helpers that git uses when it fetches over HTTP.
fn by_git(server: &Server) -> Option<Secret> {
    let mut git = Command::new("git")
        .args(["credential", "fill"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let url = server.url.lines().next().unwrap_or_default();
    // It may have exited before reading.
    let _ = git.stdin.take()?.write_all(format!("url={url}\n\n").as_bytes());
    let output = git.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let password = text.lines().find_map(|line| line.strip_prefix("password="))?;
    // Gerrit accepts passwords only together with the user name.
    let user = text.lines().find_map(|line| line.strip_prefix("username="));
    let user = user.filter(|_| server.kind == Some(ServerKind::Gerrit)).map(|user| format!("{user}:"));
    let whole = user.unwrap_or_default() + password;
    output.status.success().then(|| Secret::new(&whole)).flatten()
}
