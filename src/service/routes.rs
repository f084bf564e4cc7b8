//! The requests: JSON → the gate → JSON. The repository is named below a directory, or is the only one that is served;
//! no name leads anywhere else.

use std::collections::HashSet;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, HttpError, Request};
use super::workers::Workers;
use super::{Tally, metrics};
use crate::change::visible;
use crate::enforcement::{self, Settings, Update};
use crate::gate::Lands;
use crate::source::git::{self, GitError};

/// Characters of the message about a mistake in a request.
const MAX_SAID: usize = 300;
/// Directories with the objects of one push; git has one, and its alternates.
const MAX_QUARANTINE: usize = 16;
/// Repositories whose git directory is remembered; beyond that, all are forgotten.
const MAX_KNOWN: usize = 10_000;

/// What is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// One repository, requested by exactly this text.
    One(String),
    /// All repositories below a directory, which is canonical.
    Below(PathBuf),
}

impl Served {
    /// # Errors
    /// A sentence: there is no such directory.
    pub fn below(dir: &Path) -> Result<Served, String> {
        let found = std::fs::canonicalize(dir).and_then(|dir| std::fs::read_dir(&dir).map(|_| dir));
        found.map(Served::Below).map_err(|error| format!("The directory {} cannot be read: {error}.", dir.display()))
    }
}

pub struct Routes<'r> {
    pub served: Served,
    pub settings: Settings,
    pub tally: &'r Tally,
    pub workers: Workers,
    /// Host names by which it may be requested, without port; none if any client that can connect may use any name.
    pub hosts: Option<Vec<String>>,
    /// Whether it serves its metrics.
    pub has_metrics: bool,
    /// Seconds since the epoch.
    pub clock: fn() -> i64,
    /// The repositories that were requested.
    pub git_dirs: GitDirs,
}

/// The directories that are their own git directory, by path, device and inode: finding that out takes as long as
/// opening the repository, which a judgement does anyway.
#[derive(Default)]
pub struct GitDirs(Mutex<HashSet<(PathBuf, u64, u64)>>);

impl GitDirs {
    /// As [`git::git_dirs`].
    fn of(&self, path: &Path) -> Result<(PathBuf, PathBuf), GitError> {
        let path = std::fs::canonicalize(path).map_err(|error| GitError::Other(error.to_string()))?;
        let key = std::fs::metadata(&path).ok().map(|meta| (path.clone(), meta.dev(), meta.ino()));
        let is_known = |key| self.0.lock().is_ok_and(|known| known.contains(key));
        if key.as_ref().is_some_and(is_known) && is_still_its_own(&path) {
            return Ok((path.clone(), path));
        }
        let (own, shared) = git::git_dirs(&path)?;
        if own == path
            && shared == path
            && let (Some(key), Ok(mut known)) = (key, self.0.lock())
        {
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(key);
        }
        Ok((own, shared))
    }
}

/// Whether a bare repository has become nothing else: what is called `.git` in it would be the git directory, and
/// `commondir` names another one for refs and objects.
fn is_still_its_own(path: &Path) -> bool {
    let lacks = |name: &str| std::fs::symlink_metadata(path.join(name)).is_err();
    lacks(".git") && lacks("commondir") && !lacks("HEAD")
}

/// The body of `POST /v1/verify`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repository: String,
    updates: Vec<Moved>,
    #[serde(default)]
    pusher: Option<String>,
    #[serde(default)]
    quarantine: Vec<PathBuf>,
    /// Each `new` is the head of a proposal.
    #[serde(default)]
    proposal: bool,
    /// How the host lands a proposal: merge, squash or rebase.
    #[serde(default)]
    lands: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    #[serde(rename = "ref")]
    name: String,
    old: String,
    new: String,
}

/// A repository that may be requested.
struct ServedRepository {
    repository: String,
    settings: Settings,
    /// Its git directory; none if it cannot be read.
    git_dir: Option<PathBuf>,
}

impl Routes<'_> {
    pub fn answer(&self, request: &Request) -> Answer {
        // A page in a person's browser must not act as a host. Browsers send the origin of a page, hosts never do.
        if request.head.all("origin").next().is_some() {
            return HttpError::new(403, "Browsers may not ask here.").into();
        }
        if !self.is_own_name(request) {
            return HttpError::new(421, "The service does not accept this host name; allow it with --host NAME.")
                .into();
        }
        match (request.head.method.as_str(), request.head.target.as_str()) {
            ("POST", "/v1/verify") => self.verify(&request.body).unwrap_or_else(Answer::from),
            (_, "/v1/verify") => not_allowed("POST"),
            ("GET" | "HEAD", "/healthz") => self.health(),
            (_, "/healthz") => not_allowed("GET, HEAD"),
            ("GET" | "HEAD", "/metrics") if self.has_metrics => {
                Answer::text(200, metrics::TYPE, self.tally.metrics.text(self.workers.load()))
            }
            (_, "/metrics") if self.has_metrics => not_allowed("GET, HEAD"),
            _ => HttpError::new(404, "There are POST /v1/verify and GET /healthz.").into(),
        }
    }

    /// A page whose domain name was made to resolve to loopback sends that name. Only HTTP/1.0, which no browser uses,
    /// may omit it.
    fn is_own_name(&self, request: &Request) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        request.head.all("host").all(|host| {
            let host = std::str::from_utf8(host).unwrap_or_default();
            let name = without_port(host);
            let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
            let is_loopback = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            is_loopback
                || name.eq_ignore_ascii_case("localhost")
                || hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
        })
    }

    fn verify(&self, body: &[u8]) -> Result<Answer, HttpError> {
        let asked: Asked = serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
        if asked.updates.is_empty() {
            return Err(malformed("updates is empty"));
        }
        let updates: Vec<_> = asked.updates.into_iter().map(update).collect::<Result<_, _>>()?;
        // Git never moves a ref twice in one push, and the meaning of that is undefined.
        let names: HashSet<_> = updates.iter().map(|update| &update.name).collect();
        if names.len() < updates.len() {
            return Err(malformed("updates names a ref twice"));
        }
        let served = self.repository(&asked.repository)?;
        let request = enforcement::Request {
            repository: &served.repository,
            ahead: !asked.quarantine.is_empty(),
            quarantine: served.quarantine(&asked.quarantine)?,
            updates,
            pusher: asked.pusher.filter(|name| !name.trim().is_empty()),
            proposal: asked.proposal,
            lands: asked
                .lands
                .map_or(Ok(Lands::default()), |way| way.parse())
                .map_err(|known| malformed(&format!("lands is {known}")))?,
            at: None,
        };
        let _worker = self.workers.take(served.git_dir.as_deref().unwrap_or(Path::new(&served.repository)))?;
        let started = Instant::now();
        let outcome = enforcement::judge(&request, &served.settings, (self.clock)());
        self.tally.metrics.judged(&outcome, started.elapsed());
        self.tally.judged.fetch_add(1, Ordering::Relaxed);
        let body = serde_json::to_string(&outcome).expect("plain data always serialises into memory");
        Ok(Answer::new(200, body).with("undersign-exit", outcome.exit_code().to_string()))
    }

    fn repository(&self, name: &str) -> Result<ServedRepository, HttpError> {
        match &self.served {
            Served::One(repository) if repository == name => {
                let git_dir = self.git_dirs.of(Path::new(name)).ok().map(|(_, shared)| shared);
                Ok(ServedRepository { repository: name.to_owned(), settings: self.settings.clone(), git_dir })
            }
            Served::One(_) => Err(absent()),
            Served::Below(root) => self.repository_below(root, name),
        }
    }

    fn repository_below(&self, root: &Path, name: &str) -> Result<ServedRepository, HttpError> {
        if !is_plain(name) {
            return Err(malformed("repository is not a plain name below the directory that is served"));
        }
        // What lies outside is reported like what does not exist: names must not serve to look around.
        let path = std::fs::canonicalize(root.join(name)).map_err(|_| absent())?;
        let inside = |path: &Path| path.starts_with(root) && path != root;
        if !inside(&path) {
            return Err(absent());
        }
        let (own, shared) = self.git_dirs.of(&path).map_err(|_| absent())?;
        let (true, true, Some(repository)) = (inside(&own), inside(&shared), own.to_str()) else {
            return Err(absent());
        };
        // One state per repository, whatever name or worktree is requested; otherwise the gate would forget.
        let beside = shared.strip_prefix(root).unwrap_or(&shared);
        let state = self.settings.state.as_ref().map(|state| state.join(beside));
        let settings = Settings { state, ..self.settings.clone() };
        Ok(ServedRepository { repository: repository.to_owned(), settings, git_dir: Some(shared) })
    }

    fn health(&self) -> Answer {
        let mut body = json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "judged": self.tally.judged.load(Ordering::Relaxed),
            "refused": self.tally.refused.load(Ordering::Relaxed),
            "uptime_s": self.tally.since.elapsed().as_secs(),
        });
        let Served::One(repository) = &self.served else { return Answer::new(200, body.to_string()) };
        match enforcement::policy_in_force(repository, &self.settings, (self.clock)()) {
            Ok(policy) => {
                body["policy"] = serde_json::to_value(policy).unwrap_or(Value::Null);
                Answer::new(200, body.to_string())
            }
            Err(reason) => {
                body["status"] = json!("no policy");
                body["error"] = json!(reason.detail);
                Answer::new(503, body.to_string()).with("retry-after", "10")
            }
        }
    }
}

impl ServedRepository {
    /// Directories of objects that are not accepted yet, each inside the git directory.
    fn quarantine(&self, dirs: &[PathBuf]) -> Result<Vec<PathBuf>, HttpError> {
        if dirs.len() > MAX_QUARANTINE {
            return Err(malformed(&format!("quarantine names more than {MAX_QUARANTINE} directories")));
        }
        let outside = || malformed("quarantine names what is not a directory inside the repository's git directory");
        let inside = |dir: &PathBuf| {
            let git_dir = self.git_dir.as_ref()?;
            let path = std::fs::canonicalize(git_dir.join(dir)).ok()?;
            (path.starts_with(git_dir) && path.is_dir()).then_some(path)
        };
        dirs.iter().map(|dir| inside(dir).ok_or_else(outside)).collect()
    }
}

/// The name in `name:port`, `[::1]:port` or without a port.
fn without_port(host: &str) -> &str {
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name)
}

fn update(moved: Moved) -> Result<Update, HttpError> {
    let id = |text: &str| text.parse().map_err(|error| malformed(&format!("old and new: {error}")));
    Ok(Update { old: id(&moved.old)?, new: id(&moved.new)?, name: moved.name })
}

/// Whether a name only goes down: no root, no `..`, no `.`, no empty component.
fn is_plain(name: &str) -> bool {
    let path = Path::new(name);
    let normal = path.components().all(|part| matches!(part, Component::Normal(_)));
    // As components, `a//b` and `a/./b` are `a/b`; as text they are different names for it.
    normal && !name.contains('\0') && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn malformed(why: &str) -> HttpError {
    let why: String = visible::line(why.as_bytes()).chars().take(MAX_SAID).collect();
    HttpError::new(400, format!("The request is not understood: {why}."))
}

fn absent() -> HttpError {
    HttpError::new(404, "No repository of that name is served here.")
}

fn not_allowed(methods: &'static str) -> Answer {
    let error = HttpError::new(405, format!("This path takes {methods} only."));
    Answer::from(error).with("allow", methods)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_a_name() {
        for (host, name) in [("a", "a"), ("a:80", "a"), ("[::1]:7117", "[::1]"), ("[::1]", "[::1]"), ("a:b", "a:b")] {
            assert_eq!(without_port(host), name);
        }
    }

    #[test]
    fn a_plain_name_goes_down_only() {
        for good in ["shop.git", "team/shop.git", "..shop", "a..b/c"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "/", "/srv/shop.git", "..", "a/../b", "./a", "a/.", "a//b", "a/", "a\0b"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }
}
