//! The last answers of a server, kept on disk: a queue shown without the network is as old as they are, and says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Account, Checks, Pending};
use crate::change::ObjectId;
use crate::change::request::Request;
use crate::disk::write_atomically;

const SCHEMA: &str = "undersign-server/v0";

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

    /// The file is inside the directory, whatever the name of the server contains.
    fn path(&self, server: &str) -> PathBuf {
        self.dir.join(format!("{}.json", super::http::escaped(server).replace('.', "%2E")))
    }
}
