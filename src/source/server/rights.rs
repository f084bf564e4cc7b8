//! What the token of an account may do, as far as its server tells.

use serde::Deserialize;

use super::ServerError;
use super::http::{Client, Response};

/// What the token of an account may do, as far as its server tells: none of them tells all, and some nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenRights {
    /// Its scopes, by the names that the server has for them; none if the server does not tell.
    pub scopes: Option<Vec<String>>,
    /// A scope that undersign needs, and that the token lacks; as part of a sentence.
    pub missing: Option<&'static str>,
    /// When it expires, as the server writes it; none if it never does, or if the server does not tell.
    pub expires: Option<String>,
}

impl TokenRights {
    /// Of GitHub, from a response to any request. A classic token has scopes; a fine-grained one has permissions, which
    /// no response names. Source: "Scopes for OAuth apps" and "Managing your personal access tokens" in GitHub's docs.
    pub(super) fn of_github(response: &Response) -> TokenRights {
        let scopes = response.header("x-oauth-scopes").filter(|scopes| !scopes.trim().is_empty());
        let scopes: Option<Vec<String>> =
            scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect());
        // `public_repo` is enough for public repositories.
        let is_enough = |scopes: &Vec<String>| scopes.iter().any(|scope| scope == "repo" || scope == "public_repo");
        let missing = scopes.as_ref().filter(|scopes| !is_enough(scopes)).map(|_| "repo");
        let expires = response.header("github-authentication-token-expiration").map(str::to_owned);
        TokenRights { scopes, missing, expires }
    }

    /// Of GitLab, of an access token; it tells nothing of others. Source: "Personal access tokens API" in its docs.
    ///
    /// # Errors
    /// There is no response.
    pub(super) fn of_gitlab(client: &Client<'_>) -> Result<TokenRights, ServerError> {
        let response = client.look("/v4/personal_access_tokens/self")?;
        let told: Option<AccessToken> = Some(&response)
            .filter(|response| response.status == 200)
            .and_then(|own| serde_json::from_slice(&own.body).ok());
        Ok(told.map_or_else(TokenRights::default, |told| TokenRights {
            missing: (!told.scopes.iter().any(|scope| scope == "api")).then_some("api"),
            scopes: Some(told.scopes),
            expires: told.expires_at,
        }))
    }
}

#[derive(Deserialize)]
struct AccessToken {
    scopes: Vec<String>,
    expires_at: Option<String>,
}
