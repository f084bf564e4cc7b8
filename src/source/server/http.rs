//! HTTP to a review server: one place for limits, conditional requests, paging, redirects and errors. A server is
//! treated as hostile: no redirect or link is followed to another host, nothing is read without a bound, and nothing is
//! shown unescaped.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64ct::Encoding as _;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::de::DeserializeOwned;

use crate::change::visible;

/// Bytes of one response.
const MAX_BODY: usize = 16 << 20;
/// Bytes of responses kept for one server.
const MAX_KEPT: usize = 64 << 20;
/// Pages of one list.
const MAX_PAGES: usize = 100;
/// Bytes of one list, over all its pages.
const MAX_LIST: usize = 64 << 20;
/// Seconds for one whole response.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most characters of a server's error message that are passed on.
const MAX_SAID: usize = 200;

/// A token or a password. It never appears in errors, logs or debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, trimmed of surrounding whitespace.
    pub fn new(text: &str) -> Option<Secret> {
        let text = text.trim();
        let is_one_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one_word.then(|| Secret(text.to_owned()))
    }

    /// Adds a prefix that names its scheme.
    pub(super) fn after(&self, word: &str) -> Secret {
        Secret(format!("{word}{}", self.0))
    }

    /// A user and a password separated by a colon, encoded for basic authentication.
    pub(super) fn basic(&self) -> Secret {
        Secret(format!("Basic {}", base64ct::Base64::encode_string(self.0.as_bytes())))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// All forms in which it may occur in a text: without its prefix, and, if it is encoded, decoded, whole and in its
    /// parts.
    fn spellings(&self) -> Vec<String> {
        let own = self.0.rsplit(' ').next().unwrap_or_default();
        let plain = self.0.strip_prefix("Basic ").and_then(|text| base64ct::Base64::decode_vec(text).ok());
        let plain = plain.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let password = plain.split_once(':').map_or("", |(_, password)| password);
        let all = [own, &plain, password].into_iter().filter(|text| !text.is_empty());
        all.map(str::to_owned).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
}

/// A request, complete.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: String,
    /// Without the authorization header.
    pub headers: Vec<(&'static str, String)>,
    /// The header that authenticates the account.
    pub authorization: Option<(&'static str, Secret)>,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// No response, or an incomplete one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer(pub String);

/// Sends requests to a server. Tests use one that plays servers and their faults.
pub trait Transport: Send + Sync {
    /// Sends one request and reads its response, without following a redirect.
    ///
    /// # Errors
    /// There is no complete response within 30 seconds and 16 MiB. Whether the server acted is then unknown.
    fn send(&self, request: &Request) -> Result<Response, NoAnswer>;
}

/// The network. TLS certificates are checked with the system's trust store, so that the roots of a company are known.
pub struct Network {
    agent: ureq::Agent,
    /// For this machine: a proxy would see tokens in plain text.
    direct: ureq::Agent,
}

impl Default for Network {
    fn default() -> Network {
        let direct = Network::agent().proxy(None).build();
        Network { agent: Network::agent().build().into(), direct: direct.into() }
    }
}

impl Network {
    fn agent() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
        let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
        ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("undersign/", env!("CARGO_PKG_VERSION")))
    }
}

impl Transport for Network {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let no_answer = |error: ureq::Error| NoAnswer(said_of(&error));
        let own = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let account = request.authorization.iter().map(|(name, secret)| (*name, secret.reveal()));
        let headers: Vec<(&str, &str)> = own.chain(account).collect();
        let agent = if request.url.starts_with("https://") { &self.agent } else { &self.direct };
        let answer = match request.method {
            Method::Get => {
                headers.iter().fold(agent.get(&request.url), |it, (name, value)| it.header(*name, *value)).call()
            }
            Method::Post => {
                let empty = agent.post(&request.url);
                headers.iter().fold(empty, |it, (name, value)| it.header(*name, *value)).send(&request.body[..])
            }
            Method::Put => {
                let empty = agent.put(&request.url);
                headers.iter().fold(empty, |it, (name, value)| it.header(*name, *value)).send(&request.body[..])
            }
        };
        let mut answer = answer.map_err(no_answer)?;
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_BODY as u64).read_to_vec().map_err(no_answer)?;
        Ok(Response { status, headers, body })
    }
}

/// What went wrong, without the library's wording and the system's error numbers.
fn said_of(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    }
}

/// Why a server did not do what was requested: a sentence that also says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    #[error("{0} does not answer: {1}.")]
    Unreachable(String, String),
    #[error(
        "The address of the server {0} has a user before it, or what looks like one. Write it as a browser shows it."
    )]
    Address(String),
    #[error("{0} takes no plain HTTP from here: tokens would be readable on the way. Give its https:// address.")]
    Plain(String),
    #[error(
        "{0} does not accept the account (401). `undersign doctor --server NAME` says where it looks for the token."
    )]
    Account(String),
    #[error("{0} refuses: {1} (403). The token may lack a right: the manual has those that it needs, for each server.")]
    Forbidden(String, String),
    #[error("{0} knows nothing at {1} (404). The address may be wrong, or the account may not see it.")]
    NotFound(String, String),
    #[error("{0} says that it changed meanwhile: {1} (409). Nothing was done.")]
    Conflict(String, String),
    #[error("{0} asks to wait: too many requests (429). Try again {1}.")]
    Busy(String, String),
    #[error("{0} failed by itself: {1}. Try again later.")]
    Failed(String, String),
    #[error("{0} refuses: {1}.")]
    Refused(String, String),
    #[error("{0} sends the client to another host, {1}; it is not followed there. Check the address of the server.")]
    Redirected(String, String),
    #[error("What {0} answered cannot be read: {1}.")]
    Unreadable(String, String),
}

impl ServerError {
    /// Whether the server may have acted on the request in spite of the error.
    pub fn may_be_done(&self) -> bool {
        matches!(self, ServerError::Unreachable(..) | ServerError::Failed(..) | ServerError::Unreadable(..))
    }
}

/// Responses by request, with their validators: for one account, shared by several clients.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<Mutex<Answers>>);

type Answers = HashMap<String, (String, Vec<u8>)>;

impl Kept {
    fn get(&self, key: &str) -> Option<(String, Vec<u8>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: String, tag: String, body: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let size: usize = kept.values().map(|(_, body)| body.len()).sum();
        if size + body.len() > MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, (tag, body));
    }
}

/// One server and one account.
pub struct Client<'t> {
    transport: &'t dyn Transport,
    /// Without a trailing slash.
    base: String,
    /// To show to people.
    host: String,
    authorization: Option<(&'static str, Secret)>,
    kept: Kept,
}

impl<'t> Client<'t> {
    /// Creates a client for requests below a URL.
    ///
    /// # Errors
    /// Plain HTTP, unless to this machine; an address with a user, which may be a password.
    pub fn new(
        transport: &'t dyn Transport,
        base: &str,
        authorization: Option<(&'static str, Secret)>,
        kept: Kept,
    ) -> Result<Client<'t>, ServerError> {
        let base = base.trim_end_matches('/').to_owned();
        let host = host_of(&base).to_owned();
        if host.contains(['@', '\\']) {
            let host = host.rsplit(['@', '\\']).next().unwrap_or_default();
            return Err(ServerError::Address(visible::text(host).into_owned()));
        }
        let is_secret = base.starts_with("https://") || base.starts_with("http://") && is_loopback(&host);
        if !is_secret {
            return Err(ServerError::Plain(visible::text(&host).into_owned()));
        }
        let host = visible::text(&host).into_owned();
        Ok(Client { transport, base, host, authorization, kept })
    }

    /// The host, to show to people.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Reads one resource.
    ///
    /// # Errors
    /// As [`ServerError`] says.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ServerError> {
        let response = self.get_raw(&self.url(path), &[])?;
        self.parsed(&response.body)
    }

    /// Reads one resource, from a URL that this server gave or from a path.
    ///
    /// # Errors
    /// As [`ServerError`] says.
    pub fn get_at<T: DeserializeOwned>(&self, url: &str) -> Result<T, ServerError> {
        let response = self.get_raw(&self.same_host(url)?, &[])?;
        self.parsed(&response.body)
    }

    /// Reads a list of several pages, 100 pages at most. The header `Link` names the next one.
    ///
    /// # Errors
    /// As [`ServerError`] says; also if the pages form a cycle.
    pub fn get_pages<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ServerError> {
        Ok(self.get_each_page::<Vec<T>>(path)?.into_iter().flatten().collect())
    }

    /// As [`Client::get_pages`], if a page contains more than its part of the list.
    ///
    /// # Errors
    /// As [`Client::get_pages`].
    pub fn get_each_page<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ServerError> {
        let next = |response: &Response, _: &T| response.header("link").and_then(next_link).map(str::to_owned);
        self.chain(self.url(path), next)
    }

    /// Reads pages from a URL that this server gave, 100 pages at most. Each names the next one.
    ///
    /// # Errors
    /// As [`Client::get_pages`].
    pub fn get_linked<T: DeserializeOwned>(
        &self,
        url: &str,
        next: impl Fn(&T) -> Option<String>,
    ) -> Result<Vec<T>, ServerError> {
        self.chain(self.same_host(url)?, |_, page| next(page))
    }

    fn chain<T: DeserializeOwned>(
        &self,
        first: String,
        next: impl Fn(&Response, &T) -> Option<String>,
    ) -> Result<Vec<T>, ServerError> {
        let (mut pages, mut urls, mut bytes) = (Vec::new(), vec![first], 0);
        loop {
            let response = self.get_raw(&urls[urls.len() - 1], &[])?;
            self.counted(&mut bytes, &response)?;
            let page = self.parsed(&response.body)?;
            let next = next(&response, &page);
            pages.push(page);
            let Some(next) = next else { return Ok(pages) };
            let next = self.same_host(&next)?;
            if urls.contains(&next) || urls.len() == MAX_PAGES {
                let what =
                    if urls.len() == MAX_PAGES { "there is no end to a list" } else { "a list goes in a circle" };
                return Err(ServerError::Unreadable(self.host.clone(), what.to_owned()));
            }
            urls.push(next);
        }
    }

    /// Counts a page towards the size of its list.
    fn counted(&self, bytes: &mut usize, page: &Response) -> Result<(), ServerError> {
        *bytes += page.body.len();
        let too_large = || format!("a list is over {} MiB", MAX_LIST >> 20);
        if *bytes > MAX_LIST { Err(ServerError::Unreadable(self.host.clone(), too_large())) } else { Ok(()) }
    }

    /// The response at a path, whatever its status.
    ///
    /// # Errors
    /// There is no response.
    pub fn look(&self, path: &str) -> Result<Response, ServerError> {
        let headers = vec![("accept", "application/json".to_owned())];
        let authorization = self.authorization.clone();
        self.once(&Request { method: Method::Get, url: self.url(path), headers, authorization, body: Vec::new() })
    }

    /// Reads a list in which the last entry of a page says whether there are more; `path` gives the path of a page from
    /// the number of entries read so far. 100 pages at most.
    ///
    /// # Errors
    /// As [`ServerError`] says.
    pub fn get_skipping<T: DeserializeOwned>(
        &self,
        path: impl Fn(usize) -> String,
        goes_on: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, ServerError> {
        let (mut all, mut bytes): (Vec<T>, usize) = (Vec::new(), 0);
        for _ in 0..MAX_PAGES {
            let response = self.get_raw(&self.url(&path(all.len())), &[])?;
            self.counted(&mut bytes, &response)?;
            let page: Vec<T> = self.parsed(&response.body)?;
            let is_last = !page.last().is_some_and(&goes_on);
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
        Err(ServerError::Unreadable(self.host.clone(), "there is no end to a list".to_owned()))
    }

    /// Sends JSON, and reads JSON. It is sent once: if the response is lost, the caller must find out whether the
    /// server acted.
    ///
    /// # Errors
    /// As [`ServerError`] says.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, ServerError> {
        let headers = vec![("accept", "application/json".to_owned()), ("content-type", "application/json".to_owned())];
        let response = self.send(Method::Post, &self.url(path), headers, body.to_string().into_bytes())?;
        self.parsed(&response.body)
    }

    /// Sends a form, as `application/x-www-form-urlencoded`, and reads JSON.
    ///
    /// # Errors
    /// As [`ServerError`] says.
    pub fn send_form<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        fields: &[(&str, &str)],
    ) -> Result<T, ServerError> {
        let body = fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        let body = body.collect::<Vec<_>>().join("&");
        let form = "application/x-www-form-urlencoded".to_owned();
        let headers = vec![("accept", "application/json".to_owned()), ("content-type", form)];
        let response = self.send(method, &self.same_host(url)?, headers, body.into_bytes())?;
        self.parsed(&response.body)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// As [`ServerError`] says.
    pub fn get_raw_bytes(&self, path: &str) -> Result<Vec<u8>, ServerError> {
        Ok(self.get_raw(&self.url(path), &[("accept", "*/*".to_owned())])?.body)
    }

    /// Reads bytes of a media type, from a URL of this server or from a path.
    ///
    /// # Errors
    /// As [`ServerError`] says.
    pub fn get_as(&self, url: &str, accept: &str) -> Result<Vec<u8>, ServerError> {
        Ok(self.get_raw(&self.same_host(url)?, &[("accept", accept.to_owned())])?.body)
    }

    /// A full URL of this server, from a path or from a URL that it gave.
    ///
    /// # Errors
    /// It belongs to another server.
    pub fn same_host(&self, url: &str) -> Result<String, ServerError> {
        if url.starts_with('/') && !url.starts_with("//") {
            return Ok(format!("{}{url}", &self.base[..origin_of(&self.base).len()]));
        }
        if origin_of(url) == origin_of(&self.base) {
            return Ok(url.to_owned());
        }
        Err(ServerError::Redirected(self.host.clone(), self.brief(host_of(url))))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The server's message, shortened and without the token: some servers echo what they were sent, and errors are
    /// shown and stored.
    fn brief(&self, text: &str) -> String {
        let secrets = self.authorization.iter().flat_map(|(_, secret)| secret.spellings());
        brief(&secrets.fold(text.to_owned(), |text, secret| text.replace(&secret, "(secret)")))
    }

    /// Revalidates a kept response, and reads it again only if it changed.
    fn get_raw(&self, url: &str, more: &[(&'static str, String)]) -> Result<Response, ServerError> {
        let mut headers = more.to_vec();
        if headers.is_empty() {
            headers.push(("accept", "application/json".to_owned()));
        }
        let key = format!("{} {url}", headers[0].1);
        let kept = self.kept.get(&key);
        headers.extend(kept.iter().map(|(tag, _)| ("if-none-match", tag.clone())));
        let response = self.send(Method::Get, url, headers, Vec::new())?;
        if let (304, Some((_, body))) = (response.status, kept) {
            return Ok(Response { body, ..response });
        }
        if let Some(tag) = response.header("etag") {
            self.kept.put(key, tag.to_owned(), response.body.clone());
        }
        Ok(response)
    }

    fn send(
        &self,
        method: Method,
        url: &str,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Response, ServerError> {
        let mut request =
            Request { method, url: url.to_owned(), headers, authorization: self.authorization.clone(), body };
        let response = self.once(&request)?;
        // A server may have moved within its host. Only reads are repeated at the new address.
        let moved = response.header("location").filter(|_| matches!(response.status, 301 | 302 | 307 | 308));
        let Some(there) = moved else { return self.accepted(&request, response) };
        request.url = self.same_host(there)?;
        if method != Method::Get {
            let what = format!("it has moved to {}", self.brief(&request.url));
            return Err(ServerError::Refused(self.host.clone(), what));
        }
        let response = self.once(&request)?;
        self.accepted(&request, response)
    }

    fn once(&self, request: &Request) -> Result<Response, ServerError> {
        let answer = self.transport.send(request);
        answer.map_err(|NoAnswer(why)| ServerError::Unreachable(self.host.clone(), self.brief(&why)))
    }

    fn accepted(&self, request: &Request, response: Response) -> Result<Response, ServerError> {
        if matches!(response.status, 200..=299 | 304) {
            return Ok(response);
        }
        let (host, said) = (self.host.clone(), self.said(&response.body));
        Err(match response.status {
            401 => ServerError::Account(host),
            // GitHub's equivalent of 429.
            403 if response.header("x-ratelimit-remaining") == Some("0") => ServerError::Busy(host, wait(&response)),
            403 => ServerError::Forbidden(host, said),
            404 => {
                let path = request.url.strip_prefix(origin_of(&request.url)).unwrap_or_default();
                ServerError::NotFound(host, self.brief(path.split('?').next().unwrap_or_default()))
            }
            409 => ServerError::Conflict(host, said),
            429 => ServerError::Busy(host, wait(&response)),
            300..=399 => ServerError::Refused(host, format!("it answers with status {}", response.status)),
            500..=599 => ServerError::Failed(host, format!("{said} (status {})", response.status)),
            status => ServerError::Refused(host, format!("{said} (status {status})")),
        })
    }

    fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ServerError> {
        // Gerrit puts this line before its JSON, so that no browser executes it.
        let body = body.strip_prefix(b")]}'").unwrap_or(body);
        let body = if body.trim_ascii().is_empty() { b"null" } else { body };
        serde_json::from_slice(body).map_err(|error| {
            let why = self.brief(&error.to_string());
            ServerError::Unreadable(self.host.clone(), format!("it is not the JSON that was asked for ({why})"))
        })
    }

    /// The server's message about an error.
    fn said(&self, body: &[u8]) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let message = json.as_ref().and_then(|json| {
            let nested = json.pointer("/err/msg").or_else(|| json.pointer("/errors/0/message"));
            json.get("message").or(nested).or_else(|| json.get("error")).and_then(|text| text.as_str())
        });
        let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
        let text = self.brief(text.trim().trim_end_matches('.'));
        if text.is_empty() { "it does not say why".to_owned() } else { text }
    }
}

/// When to try again: `Retry-After` is a number of seconds or a time (RFC 9110, 10.2.3). A time is compared with that
/// of the response itself, since the clock of the server may differ from ours by any amount.
fn wait(response: &Response) -> String {
    let parse = |text: &str| DateTimeParser::new().parse_timestamp(text.trim()).ok().map(Timestamp::as_second);
    let time = |name: &str| response.header(name).and_then(parse);
    let until = || u64::try_from(time("retry-after")?.checked_sub(time("date")?)?).ok();
    let seconds = response.header("retry-after").and_then(|text| text.trim().parse::<u64>().ok()).or_else(until);
    seconds.map_or("in a while".to_owned(), |seconds| format!("in {seconds} s"))
}

/// The beginning of a text of any length.
pub(super) fn brief(text: &str) -> String {
    visible::text(text).chars().take(MAX_SAID).collect()
}

/// Scheme and host, with the port.
fn origin_of(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    &url[..end]
}

fn host_of(url: &str) -> &str {
    origin_of(url).split("://").last().unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    matches!(name.map_or(host, |(name, _)| name), "127.0.0.1" | "localhost" | "[::1]")
}

/// The next page, in the format of RFC 8288.
fn next_link(header: &str) -> Option<&str> {
    let is_next = |link: &&str| link.contains("rel=\"next\"") || link.contains("rel=next");
    header.split(',').find(is_next)?.split_once('<')?.1.split_once('>').map(|(url, _)| url)
}

/// Escapes a text for a URL's path or query, or for a form: everything except letters, digits and `-._~` becomes `%XX`.
pub fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_told_as_basic_authentication_has_them() {
        let secret = Secret::new("dana:s3cret").map(|secret| secret.basic());
        assert_eq!(secret.as_ref().map(Secret::reveal), Some("Basic ZGFuYTpzM2NyZXQ="));
        assert_eq!(format!("{secret:?}"), "Some((secret))");
    }
}
