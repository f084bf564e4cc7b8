//! The last answers of a server, kept on disk: a queue shown without the network is as old as they are, and says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Account, Checks, Comments, Pending};
use crate::change::ObjectId;
use crate::change::digest::Digest;
use crate::change::request::Request;
use crate::disk::write_atomically;

const SCHEMA: &str = "undersign-server/v0";
const COMMENTS_SCHEMA: &str = "undersign-comments/v0";
/// The most review requests whose comments are kept.
const MAX_KEPT: usize = 300;

/// The open review requests of a server, as far as they were requested from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    schema: String,
    /// The server's name in the configuration.
    pub server: String,
    /// When the server was last asked, in seconds since the epoch.
    pub time: i64,
    pub account: Account,
    /// By the server's names: the repositories of which the last answer listed everything that is open.
    pub repositories: Vec<String>,
    /// Each once; may be of other repositories too: those where this account is asked, and those from earlier answers.
    pub pending: Vec<Pending>,
    /// By repository and head: checks of the same commit in a fork do not count here.
    pub checks: BTreeMap<String, Checks>,
    /// What the server did not report, one sentence each.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Told {
    pub fn new(server: String, time: i64, account: Account) -> Told {
        let repositories = Vec::new();
        let (pending, checks, missing) = Default::default();
        Told { schema: SCHEMA.to_owned(), server, time, account, repositories, pending, checks, missing }
    }

    /// A request, as the server reported it.
    pub fn request(&self, repository: &str, request: Request) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.repository == repository && pending.request == request)
    }

    /// The checks of a commit; none if they were not requested.
    pub fn checks_at(&self, repository: &str, head: ObjectId) -> Option<Checks> {
        self.checks.get(&checked(repository, head)).copied()
    }
}

/// The comments of a review request as they were last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptComments {
    schema: String,
    /// Server, repository and request: what the file is called after.
    about: String,
    /// Seconds since the epoch.
    pub time: i64,
    /// Our account, and that of who opened the request.
    pub login: String,
    pub author: String,
    pub comments: Comments,
}

impl KeptComments {
    pub fn new(about: String, time: i64, login: String, author: String, comments: Comments) -> KeptComments {
        KeptComments { schema: COMMENTS_SCHEMA.to_owned(), about, time, login, author, comments }
    }
}

/// The key for the checks of a commit of a repository.
pub fn checked(repository: &str, head: ObjectId) -> String {
    format!("{repository}@{head}")
}

/// The directory with the kept answers.
#[derive(Debug, Clone)]
pub struct Memory {
    dir: PathBuf,
}

impl Memory {
    pub fn at(dir: PathBuf) -> Memory {
        Memory { dir }
    }

    /// The last answers of a server; none if nothing readable is kept.
    pub fn load(&self, server: &str) -> Option<Told> {
        let told: Told = serde_json::from_slice(&std::fs::read(self.path(server)).ok()?).ok()?;
        (told.schema == SCHEMA && told.server == server).then_some(told)
    }

    /// The file is a convenience: failing to write it is not an error.
    pub fn save(&self, told: &Told) {
        if let Ok(bytes) = serde_json::to_vec(told) {
            let _ = write_atomically(&self.path(&told.server), &bytes);
        }
    }

    /// The comments of a review request as they were last read; none if nothing readable is kept.
    pub fn comments(&self, about: &str) -> Option<KeptComments> {
        let kept: KeptComments = serde_json::from_slice(&std::fs::read(self.comments_path(about)).ok()?).ok()?;
        (kept.schema == COMMENTS_SCHEMA && kept.about == about).then_some(kept)
    }

    /// As [`Memory::save`]. The oldest go if there are too many.
    pub fn save_comments(&self, kept: &KeptComments) {
        let path = self.comments_path(&kept.about);
        let Some((bytes, dir)) = serde_json::to_vec(kept).ok().zip(path.parent()) else { return };
        let _ = write_atomically(&path, &bytes);
        let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let mut files: Vec<_> = files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file))).collect();
        files.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        files.iter().skip(MAX_KEPT).for_each(|(_, file)| _ = std::fs::remove_file(file.path()));
    }

    /// A name of a repository may be longer than a name of a file.
    fn comments_path(&self, about: &str) -> PathBuf {
        self.dir.join("comments").join(format!("{}.json", Digest::of(about.as_bytes())))
    }

    /// The file is inside the directory, whatever the name of the server contains.
    fn path(&self, server: &str) -> PathBuf {
        self.dir.join(format!("{}.json", super::http::escaped(server).replace('.', "%2E")))
    }
}
