//! Gerrit's API, below `/a/`, with basic authentication.
//!
//! A vote and the message that names the record are one call, which identifies the patch set by its commit.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Client, ServerError, escaped};
use super::{Abilities, Account, Checks, Decided, Now, Observed, Pending, ReviewServer};
use crate::change::ObjectId;
use crate::change::request::{Request, RequestKind};
use crate::decision::Verdict;

/// The label of people's votes.
const VOTES: &str = "Code-Review";
/// The label on which the checks of most servers vote.
const CHECKS: &str = "Verified";
/// A vote that counts for submitting.
const FULL: i64 = 2;

pub struct Server<'t> {
    pub client: Client<'t>,
    /// As seen in a browser.
    pub url: String,
}

#[derive(Deserialize)]
struct Person {
    #[serde(rename = "_account_id")]
    id: Option<u64>,
    username: Option<String>,
    /// In a list of votes.
    value: Option<i64>,
}

impl Person {
    /// Not everybody has a user name.
    fn login(&self) -> String {
        let number = || self.id.map(|id| format!("account {id}")).unwrap_or_default();
        self.username.clone().unwrap_or_else(number)
    }
}

#[derive(Deserialize)]
struct Attention {
    account: Option<Person>,
}

#[derive(Deserialize)]
struct Revision {
    #[serde(rename = "_number")]
    number: Option<u64>,
    #[serde(rename = "ref")]
    full: Option<String>,
}

#[derive(Deserialize)]
struct Label {
    all: Option<Vec<Person>>,
}

#[derive(Deserialize)]
struct Message {
    author: Option<Person>,
    #[serde(default)]
    message: String,
    #[serde(rename = "_revision_number")]
    revision: Option<u64>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "_number")]
    number: u64,
    #[serde(default)]
    project: String,
    #[serde(default)]
    branch: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    status: String,
    owner: Option<Person>,
    #[serde(default)]
    work_in_progress: bool,
    attention_set: Option<BTreeMap<String, Attention>>,
    current_revision: Option<String>,
    revisions: Option<BTreeMap<String, Revision>>,
    messages: Option<Vec<Message>>,
    labels: Option<BTreeMap<String, Label>>,
    permitted_labels: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default, rename = "_more_changes")]
    goes_on: bool,
}

impl Change {
    fn asks(&self, login: &str) -> bool {
        let asked = self.attention_set.iter().flat_map(BTreeMap::values);
        asked.filter_map(|attention| attention.account.as_ref()).any(|person| person.login() == login)
    }

    fn head(&self) -> Option<ObjectId> {
        self.current_revision.as_ref()?.parse().ok()
    }

    /// The ref of the newest patch set.
    fn full(&self) -> Option<String> {
        self.revisions.as_ref()?.get(self.current_revision.as_ref()?)?.full.clone()
    }

    fn votes(&self, label: &str) -> impl Iterator<Item = &Person> {
        let found = self.labels.as_ref().and_then(|labels| labels.get(label));
        found.and_then(|label| label.all.as_ref()).into_iter().flatten()
    }

    /// The commit of a patch set.
    fn commit(&self, patch_set: u64) -> Option<ObjectId> {
        let mut all = self.revisions.iter().flatten();
        all.find(|(_, revision)| revision.number == Some(patch_set)).and_then(|(id, _)| id.parse().ok())
    }

    /// The votes that the account may give.
    fn permitted(&self) -> Vec<i64> {
        let permitted = self.permitted_labels.as_ref().and_then(|labels| labels.get(VOTES));
        // A plus sign, or a space before a zero.
        let number = |text: &String| text.trim().trim_start_matches('+').parse().ok();
        permitted.into_iter().flatten().filter_map(number).collect()
    }
}

impl Server<'_> {
    fn query(&self, query: &str, options: &str) -> Result<Vec<Change>, ServerError> {
        let path = |known| format!("/changes/?q={}&n=100&S={known}{options}", escaped(query));
        self.client.get_skipping(path, |change: &Change| change.goes_on)
    }

    fn change(&self, repository: &str, request: Request, options: &str) -> Result<Change, ServerError> {
        self.client.get(&format!("{}?o=DETAILED_ACCOUNTS{options}", path(repository, request)))
    }

    fn me(&self) -> Result<Person, ServerError> {
        self.client.get("/accounts/self")
    }

    fn pending(&self, change: Change, asked: Option<String>) -> Pending {
        let (head, full) = (change.head(), change.full());
        let url = self.url.trim_end_matches('/');
        Pending {
            request: Request { kind: RequestKind::Change, number: change.number },
            page: format!("{url}/c/{}/+/{}", change.project, change.number),
            repository: change.project,
            title: change.subject,
            author: change.owner.map(|owner| owner.login()).unwrap_or_default(),
            is_draft: change.work_in_progress,
            asked,
            target: change.branch,
            head,
            full,
        }
    }

    /// The strongest vote for a verdict that the account may give; none if the verdict is not a vote.
    fn vote(&self, decided: &Decided<'_>) -> Result<Option<i64>, ServerError> {
        let sign = match decided.verdict {
            Verdict::Approve => 1,
            Verdict::Reject => -1,
            Verdict::Withdraw => 0,
            Verdict::HumanOnly | Verdict::BreakGlass | Verdict::HandOver | Verdict::Repair => return Ok(None),
        };
        let change = self.change(decided.repository, decided.request, "&o=DETAILED_LABELS")?;
        let fitting = change.permitted().into_iter().filter(|vote| vote.signum() == sign && vote.abs() <= FULL);
        let strongest = fitting.max_by_key(|vote| vote.abs());
        let none = || {
            let what = format!("this account may not cast that vote in {VOTES}. Nothing was sent");
            ServerError::Refused(self.client.host().to_owned(), what)
        };
        if sign == 0 { Ok(strongest) } else { strongest.map(Some).ok_or_else(none) }
    }
}

/// The path of a change, by its project and its number. A project name may contain slashes.
fn path(repository: &str, request: Request) -> String {
    format!("/changes/{}~{}", escaped(repository), request.number)
}

/// A name quoted for a query; quotes inside it are removed.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace(['"', '\\'], ""))
}

const LISTED: &str = "&o=CURRENT_REVISION&o=DETAILED_ACCOUNTS";

impl ReviewServer for Server<'_> {
    fn account(&self) -> Result<Account, ServerError> {
        Ok(Account { login: self.me()?.login(), version: self.client.get("/config/server/version")? })
    }

    fn open(&self, repository: &str, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let mut open = self.query(&format!("is:open project:{}", quoted(repository)), LISTED)?;
        // The server may read a name as a pattern.
        open.retain(|change| change.project == repository);
        let pending = open.into_iter().map(|change| {
            let asked = change.asks(&account.login).then(|| account.login.clone());
            self.pending(change, asked)
        });
        Ok(pending.collect())
    }

    fn asked(&self, account: &Account) -> Result<Vec<Pending>, ServerError> {
        let found = match self.query("is:open attention:self", LISTED) {
            // The attention set exists since 3.3.
            Err(ServerError::Refused(..)) => self.query("is:open reviewer:self -owner:self", LISTED)?,
            found => found?,
        };
        Ok(found.into_iter().map(|change| self.pending(change, Some(account.login.clone()))).collect())
    }

    fn now(&self, repository: &str, request: Request) -> Result<Now, ServerError> {
        let change = self.change(repository, request, "&o=CURRENT_REVISION")?;
        let unreadable = || ServerError::Unreadable(self.client.host().to_owned(), "an object id is none".to_owned());
        let head = change.head().ok_or_else(unreadable)?;
        let owner = change.owner.as_ref().ok_or_else(unreadable)?;
        // By the account number if the server does not give the user name.
        let me = if owner.username.is_none() { Some(self.me()?) } else { None };
        let author = me.filter(|me| me.id == owner.id).map_or_else(|| owner.login(), |me| me.login());
        let is_whole = change.branch.starts_with("refs/");
        let target = if is_whole { change.branch } else { format!("refs/heads/{}", change.branch) };
        Ok(Now { head, is_open: change.status == "NEW", author, target: Some(target) })
    }

    fn checks(&self, repository: &str, _: Request, head: ObjectId) -> Result<Checks, ServerError> {
        let mut checks = Checks::default();
        let query = format!("commit:{head} project:{}", quoted(repository));
        let found = self.query(&query, "&o=CURRENT_REVISION&o=DETAILED_LABELS")?;
        // The server reports votes only for the newest patch set.
        let newest = found.iter().filter(|change| change.project == repository && change.head() == Some(head));
        for vote in newest.flat_map(|change| change.votes(CHECKS)) {
            match vote.value.unwrap_or_default() {
                1.. => checks.passed += 1,
                0 => {}
                _ => checks.failed += 1,
            }
        }
        Ok(checks)
    }

    fn give_verdict(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        let mut body = json!({"message": decided.text});
        if let Some(vote) = self.vote(decided)? {
            body["labels"] = json!({VOTES: vote});
        }
        let path = path(decided.repository, decided.request);
        let path = format!("{path}/revisions/{}/review", decided.head);
        self.client.post::<Value>(&path, &body).map(|_| ())
    }

    fn verdict(&self, decided: &Decided<'_>, account: &Account) -> Result<Option<Observed>, ServerError> {
        let options = "&o=MESSAGES&o=ALL_REVISIONS&o=DETAILED_LABELS";
        let change = self.change(decided.repository, decided.request, options)?;
        let is_ours = |message: &&Message| {
            let by_us = message.author.as_ref().is_some_and(|author| author.login() == account.login);
            by_us && message.message.contains(decided.record)
        };
        let Some(message) = change.messages.iter().flatten().rfind(is_ours) else { return Ok(None) };
        let own = change.votes(VOTES).find(|vote| vote.login() == account.login);
        let vote = own.and_then(|vote| vote.value).unwrap_or_default();
        let is_as_given = match decided.verdict {
            Verdict::Approve => vote > 0,
            Verdict::Reject => vote < 0,
            Verdict::Withdraw => vote == 0,
            Verdict::HumanOnly | Verdict::BreakGlass | Verdict::HandOver | Verdict::Repair => true,
        };
        let is_vote = matches!(decided.verdict, Verdict::Approve | Verdict::Reject);
        let is_weak = is_vote && vote != 0 && vote.abs() < FULL;
        let instead = is_weak.then(|| format!("by {VOTES} {vote:+} only, as this account may vote no more"));
        Ok(Some(Observed { is_as_given, commit: message.revision.and_then(|set| change.commit(set)), instead }))
    }

    fn set_status(&self, _: &Decided<'_>) -> Result<(), ServerError> {
        Err(ServerError::Refused(self.client.host().to_owned(), "it has no status at a commit".to_owned()))
    }

    fn status(&self, _: &Decided<'_>) -> Result<Option<Observed>, ServerError> {
        Ok(None)
    }

    fn abilities(&self) -> Abilities {
        Abilities { has_status: false, ..Abilities::default() }
    }
}
