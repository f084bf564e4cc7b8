//! Review requests as git hosts keep them in refs: pull requests, merge requests, changes. Anything else about them is
//! available only through the host's API: the refs alone do not show which requests are open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::ObjectId;

/// Where they are kept in a clone, by remote: `refs/undersign/requests/origin/pull/12`. Not among the remote-tracking
/// branches: `git fetch --prune` removes everything there that is not a branch of the remote.
pub const REQUESTS: &str = "refs/undersign/requests/";

/// For `git ls-remote`: all refs of hosts that [`offered`] examines.
pub const PATTERNS: [&str; 4] = ["refs/pull/*", "refs/pull-requests/*", "refs/merge-requests/*", "refs/changes/*"];

/// The host's name for them, and where it keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// GitHub, Gitea, Forgejo, Kallithea, Pagure: `refs/pull/12/head`.
    Pull,
    /// Bitbucket Data Center: `refs/pull-requests/12/from`.
    PullRequest,
    /// GitLab: `refs/merge-requests/12/head`.
    MergeRequest,
    /// Gerrit: `refs/changes/34/1234/5`, where 5 is the patch set.
    Change,
    /// Review Board, which has no refs: it is rebuilt from patches.
    ReviewRequest,
}

impl RequestKind {
    const ALL: [RequestKind; 5] = [
        RequestKind::Pull,
        RequestKind::PullRequest,
        RequestKind::MergeRequest,
        RequestKind::Change,
        RequestKind::ReviewRequest,
    ];

    /// Its folder in a clone.
    fn folder(self) -> &'static str {
        match self {
            RequestKind::Pull => "pull",
            RequestKind::PullRequest => "pull-requests",
            RequestKind::MergeRequest => "merge-requests",
            RequestKind::Change => "changes",
            RequestKind::ReviewRequest => "r",
        }
    }
}

/// A review request of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// The host's name for its kind.
    pub kind: RequestKind,
    /// Assigned by the host.
    pub number: u64,
}

impl Request {
    /// From its name below the remote in [`REQUESTS`]: `pull/12`.
    pub fn named(name: &str) -> Option<Request> {
        let (folder, digits) = name.rsplit_once('/')?;
        let kind = RequestKind::ALL.into_iter().find(|kind| kind.folder() == folder)?;
        Some(Request { kind, number: number(digits)? })
    }

    /// From a ref of a host, with the patch set if there are several; none for other refs.
    fn on_host(name: &str) -> Option<(Request, u64)> {
        let rest = name.strip_prefix("refs/")?;
        let at = |folder: &str, leaf: &str| number(rest.strip_prefix(folder)?.strip_suffix(leaf)?);
        let request = |kind, number| Request { kind, number };
        if let Some(change) = rest.strip_prefix("changes/") {
            let [shard, digits, patch_set] = change.split('/').collect::<Vec<_>>()[..] else { return None };
            let found = number(digits)?;
            let is_sharded = shard == format!("{:02}", found % 100);
            return number(patch_set).filter(|_| is_sharded).map(|set| (request(RequestKind::Change, found), set));
        }
        let pull = at("pull/", "/head").map(|number| request(RequestKind::Pull, number));
        let pull = pull.or_else(|| Some(request(RequestKind::PullRequest, at("pull-requests/", "/from")?)));
        let found = pull.or_else(|| Some(request(RequestKind::MergeRequest, at("merge-requests/", "/head")?)));
        found.map(|request| (request, 0))
    }

    /// Whether a host could assign this number: for any other, there would be refs that nobody recognises as a review
    /// request.
    pub fn is_counted(self) -> bool {
        Request::named(&self.to_string()) == Some(self)
    }

    /// Whether this is a ref in which a host keeps it.
    pub fn is_at(self, full: &str) -> bool {
        Request::on_host(full).is_some_and(|(request, _)| request == self)
    }

    /// Its ref on the host, if it follows from its number.
    pub fn on_its_host(self) -> Option<String> {
        let Request { kind, number } = self;
        match kind {
            RequestKind::Pull => Some(format!("refs/pull/{number}/head")),
            RequestKind::PullRequest => Some(format!("refs/pull-requests/{number}/from")),
            RequestKind::MergeRequest => Some(format!("refs/merge-requests/{number}/head")),
            RequestKind::Change | RequestKind::ReviewRequest => None,
        }
    }

    /// The usual notation: `#12`, `!12` on GitLab, `1234` on Gerrit, `r/12` on Review Board.
    pub fn sign(self) -> String {
        match self.kind {
            RequestKind::Pull | RequestKind::PullRequest => format!("#{}", self.number),
            RequestKind::MergeRequest => format!("!{}", self.number),
            RequestKind::Change => self.number.to_string(),
            RequestKind::ReviewRequest => format!("r/{}", self.number),
        }
    }
}

/// Its name below the remote in [`REQUESTS`].
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.folder(), self.number)
    }
}

impl serde::Serialize for Request {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Request {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Request, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Request::named(&text).ok_or_else(|| serde::de::Error::custom("a review request is `pull/12` or the like"))
    }
}

/// A number assigned by a host: decimal, without leading zeros, of at most 18 digits.
fn number(digits: &str) -> Option<u64> {
    let is_plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_plain && *number > 0 && !digits.starts_with('0'))
}

/// A review request that a host offers, and its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Which one.
    pub request: Request,
    /// Full name of its ref on the host; for the newest patch set.
    pub full: String,
    /// Its head commit.
    pub head: ObjectId,
}

/// The review requests among the refs of a host, the newest first, at most `most`.
///
/// A host keeps the refs of closed ones. For an open one, GitHub also makes a ref of its result once merged
/// (`refs/pull/12/merge`): if a host has any of these, pull requests without one are omitted.
pub fn offered<'r>(refs: impl IntoIterator<Item = (&'r str, ObjectId)>, most: usize) -> Vec<Offered> {
    let mut newest: BTreeMap<Request, (u64, Offered)> = BTreeMap::new();
    let mut merged = BTreeSet::new();
    for (full, head) in refs {
        if let Some(digits) = full.strip_prefix("refs/pull/").and_then(|rest| rest.strip_suffix("/merge")) {
            merged.extend(number(digits));
        }
        let Some((request, patch_set)) = Request::on_host(full) else { continue };
        if newest.get(&request).is_none_or(|(known, _)| *known < patch_set) {
            newest.insert(request, (patch_set, Offered { request, full: full.to_owned(), head }));
        }
    }
    let is_closed = |request: &Request| {
        request.kind == RequestKind::Pull && !merged.is_empty() && !merged.contains(&request.number)
    };
    let mut offered: Vec<Offered> = newest.into_values().map(|(_, offered)| offered).collect();
    offered.retain(|offered| !is_closed(&offered.request));
    offered.sort_by_key(|offered| std::cmp::Reverse((offered.request.number, offered.request.kind)));
    offered.truncate(most);
    offered
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: ObjectId = ObjectId([7; 20]);

    fn names(refs: &[&str], most: usize) -> Vec<String> {
        let offered = offered(refs.iter().map(|name| (*name, HEAD)), most);
        offered
            .iter()
            .map(|offered| format!("{} {} {}", offered.request, offered.request.sign(), offered.full))
            .collect()
    }

    #[test]
    fn each_host_keeps_its_review_requests_where_it_does() {
        let refs = [
            "refs/heads/main",
            "refs/pull/12/head",
            "refs/pull-requests/8/from",
            "refs/merge-requests/7/head",
            "refs/changes/34/1234/5",
            "refs/changes/34/1234/16",
            "refs/changes/34/1234/meta",
        ];
        let wanted = [
            "changes/1234 1234 refs/changes/34/1234/16",
            "pull/12 #12 refs/pull/12/head",
            "pull-requests/8 #8 refs/pull-requests/8/from",
            "merge-requests/7 !7 refs/merge-requests/7/head",
        ];
        assert_eq!(names(&refs, 9), wanted);
        assert_eq!(names(&refs, 2), wanted[..2]);
        for wanted in wanted {
            let name = wanted.split(' ').next().unwrap();
            let request = Request::named(name).unwrap();
            assert_eq!(request.to_string(), name);
            let full = wanted.rsplit(' ').next().unwrap();
            assert!(request.is_at(full) && !request.is_at(&format!("{full}:refs/heads/main")), "{full}");
            assert!(!Request { number: 1, ..request }.is_at(full), "{full}");
        }
        let rebuilt = Request { kind: RequestKind::ReviewRequest, number: 12 };
        assert_eq!((Request::named("r/12"), rebuilt.sign()), (Some(rebuilt), "r/12".to_owned()));
        assert_eq!(names(&["refs/r/12/head", "refs/r/12"], 9), <[String; 0]>::default(), "no host has a ref of it");
    }

    #[test]
    fn what_no_host_writes_is_no_review_request() {
        let refs = [
            "refs/pull/012/head",
            "refs/pull/0/head",
            "refs/pull/-1/head",
            "refs/pull//head",
            "refs/pull/1/head/head",
            "refs/pull/1/2/head",
            "refs/pull/9999999999999999999/head",
            "refs/changes/35/1234/5",
            "refs/changes/34/1234/0",
            "refs/changes/1234/5",
            "refs/heads/refs/pull/1/head",
        ];
        assert_eq!(names(&refs, 99), <[String; 0]>::default());
        for name in ["pull/", "pull/x", "12", "heads/12", "pull/12/head"] {
            assert_eq!(Request::named(name), None, "{name}");
        }
    }

    #[test]
    fn where_a_host_says_what_an_open_one_would_be_once_merged_the_others_are_closed() {
        let refs = ["refs/pull/1/head", "refs/pull/2/head", "refs/pull/2/merge", "refs/merge-requests/1/head"];
        assert_eq!(names(&refs, 9), ["pull/2 #2 refs/pull/2/head", "merge-requests/1 !1 refs/merge-requests/1/head"]);
    }
}
