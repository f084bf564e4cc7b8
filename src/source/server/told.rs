//! What a server told last, kept on disk: a queue without the network is as old as that, and says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Account, Checks, Pending};
use crate::change::ObjectId;
use crate::change::request::Request;
use crate::disk::write_atomically;

const SCHEMA: &str = "undersign-server/v0";

/// The open review requests of a server, as far as somebody here asked for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    schema: String,
    /// As the configuration names it.
    pub server: String,
    /// When it was asked, in seconds since the epoch.
    pub time: i64,
    pub account: Account,
    /// As it names them: those of which it told all that is open when it was asked last.
    pub repositories: Vec<String>,
    /// Each once; also of other repositories: where this account is asked, and what was told before.
    pub pending: Vec<Pending>,
    /// By repository and head: what runs in a fork says nothing here.
    pub checks: BTreeMap<String, Checks>,
    /// What it did not tell, a sentence each.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Told {
    pub fn new(server: String, time: i64, account: Account) -> Told {
        let repositories = Vec::new();
        let (pending, checks, missing) = Default::default();
        Told { schema: SCHEMA.to_owned(), server, time, account, repositories, pending, checks, missing }
    }

    /// A request, as the server told of it.
    pub fn request(&self, repository: &str, request: Request) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.repository == repository && pending.request == request)
    }

    /// What checks say of a commit; none where they were not asked for.
    pub fn checks_at(&self, repository: &str, head: ObjectId) -> Option<Checks> {
        self.checks.get(&checked(repository, head)).copied()
    }
}

/// Where it is kept what checks say of a commit of a repository.
pub fn checked(repository: &str, head: ObjectId) -> String {
    format!("{repository}@{head}")
}

/// The directory in which it is kept.
#[derive(Debug, Clone)]
pub struct Memory {
    dir: PathBuf,
}

impl Memory {
    pub fn at(dir: PathBuf) -> Memory {
        Memory { dir }
    }

    /// What a server told last; none where nothing is kept of it that can be read.
    pub fn load(&self, server: &str) -> Option<Told> {
        let told: Told = serde_json::from_slice(&std::fs::read(self.path(server)).ok()?).ok()?;
        (told.schema == SCHEMA && told.server == server).then_some(told)
    }

    /// It is a convenience: that it cannot be written is no error of anything else.
    pub fn save(&self, told: &Told) {
        if let Ok(bytes) = serde_json::to_vec(told) {
            let _ = write_atomically(&self.path(&told.server), &bytes);
        }
    }

    /// Whatever the name of a server holds, the file is in the directory.
    fn path(&self, server: &str) -> PathBuf {
        self.dir.join(format!("{}.json", super::http::escaped(server).replace('.', "%2E")))
    }
}
