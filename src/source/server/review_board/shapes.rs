//! What Review Board sends: resources with their links.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::{Pending, comments::CommentCount};
use crate::change::ObjectId;
use crate::change::references::Reference;
use crate::change::request::{Request, RequestKind};

pub(super) type Links = BTreeMap<String, Link>;

#[derive(Deserialize, Default)]
pub(super) struct Link {
    #[serde(default)]
    pub(super) href: String,
    /// The name of the linked resource.
    #[serde(default)]
    pub(super) title: String,
}

impl Link {
    /// The review request that it leads to: `…/api/review-requests/12/`.
    fn request(&self) -> Option<Reference> {
        let (_, number) = self.href.trim_end_matches('/').rsplit_once("/review-requests/")?;
        Reference::parse(&format!("#{number}"))
    }
}

#[derive(Deserialize)]
pub(super) struct Root {
    pub(super) links: Links,
    pub(super) uri_templates: BTreeMap<String, String>,
    pub(super) product: Product,
}

#[derive(Deserialize)]
pub(super) struct Product {
    pub(super) package_version: String,
}

/// One page, or one resource: the requested data is in a field of its own beside the links.
#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) links: Links,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Session {
    #[serde(default)]
    pub(super) authenticated: bool,
    pub(super) links: Links,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) name: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) mirror_path: String,
}

#[derive(Deserialize)]
pub(super) struct ReviewRequest {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) public: bool,
    /// None if the review request was posted without its commits.
    pub(super) commit_id: Option<String>,
    /// Comments that somebody has to answer.
    pub(super) issue_open_count: Option<u64>,
    #[serde(default)]
    pub(super) absolute_url: String,
    #[serde(default)]
    pub(super) target_people: Vec<Link>,
    #[serde(default)]
    pub(super) target_groups: Vec<Link>,
    #[serde(default)]
    pub(super) depends_on: Vec<Link>,
    pub(super) links: Links,
}

#[derive(Deserialize)]
pub(super) struct Diff {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) revision: u64,
    pub(super) links: Links,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) commit_id: String,
    pub(super) parent_id: String,
    pub(super) author_name: String,
    pub(super) author_email: String,
    pub(super) author_date: String,
    pub(super) committer_name: String,
    pub(super) committer_email: String,
    pub(super) committer_date: String,
    pub(super) commit_message: String,
    pub(super) links: Links,
}

#[derive(Deserialize)]
pub(super) struct Review {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) body_top: String,
    #[serde(default)]
    pub(super) ship_it: bool,
    #[serde(default)]
    pub(super) public: bool,
    #[serde(default)]
    pub(super) extra_data: Value,
    pub(super) links: Links,
}

#[derive(Deserialize)]
pub(super) struct Comment {
    #[serde(default)]
    pub(super) issue_opened: bool,
}

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) source_file: String,
    #[serde(default)]
    pub(super) dest_file: String,
    pub(super) links: Links,
}

#[derive(Deserialize)]
pub(super) struct StatusUpdate {
    #[serde(default)]
    pub(super) service_id: String,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) extra_data: Value,
    #[serde(default)]
    pub(super) links: Links,
}

#[derive(Deserialize)]
pub(super) struct Change {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) fields_changed: Value,
    pub(super) links: Links,
}

/// The target of a link; empty if the server gave none.
pub(super) fn href<'l>(links: &'l Links, name: &str) -> &'l str {
    links.get(name).map_or("", |link| &link.href)
}

pub(super) fn title(links: &Links, name: &str) -> String {
    links.get(name).map(|link| link.title.clone()).unwrap_or_default()
}

/// A field of ours in the data of a review or a status.
pub(super) fn ours<'v>(extra_data: &'v Value, field: &str) -> &'v str {
    extra_data.get("undersign").and_then(|own| own.get(field)).and_then(Value::as_str).unwrap_or_default()
}

impl ReviewRequest {
    pub(super) fn request(&self) -> Request {
        Request { kind: RequestKind::ReviewRequest, number: self.id }
    }

    /// Who is asked: the account itself, or else groups, including one that the account belongs to.
    pub(super) fn asked(&self, login: &str) -> String {
        if self.target_people.iter().any(|person| person.title == login) {
            return login.to_owned();
        }
        self.target_groups.iter().map(|group| group.title.as_str()).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn pending(self, repository: String, asked: Option<String>, head: Option<ObjectId>) -> Pending {
        Pending {
            repository,
            request: self.request(),
            author: title(&self.links, "submitter"),
            is_draft: !self.public,
            title: self.summary,
            asked,
            target: String::new(),
            head,
            full: None,
            page: self.absolute_url,
            depends_on: self.depends_on.iter().filter_map(Link::request).collect(),
            // Comments that open no issue are in no list.
            comments: CommentCount::listed(None, self.issue_open_count),
        }
    }
}
