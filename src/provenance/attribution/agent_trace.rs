//! Agent Trace 0.1.0 (cursor/agent-trace, an RFC): JSON records, one per line, in notes at `refs/notes/agent-trace` and
//! in the file `.agent-trace/traces.jsonl`.
//!
//! Lines are counted in the file at the record's `vcs.revision`, so everything depends on that being the right commit.
//! The record of a note applies to the annotated commit, and is ignored if it names another. A record in the file must
//! name a commit; the reference writer, recognisable by the version `1.0` that its own RFC does not allow, names the
//! one *before* its lines and is ignored. `content_hash` could tell, but the RFC specifies neither which bytes it
//! covers (line ends, the last one) nor the seed, so it is not used.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Claim, Claims, Hand, Malformed, Ranges, Writer, lines, name, text};
use crate::change::{ObjectId, RepoPath};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The revision in which its lines are counted.
    pub revision: Stated,
    /// Whether `version` is three numbers, as the RFC demands.
    pub has_proper_version: bool,
    /// What it says about these lines.
    pub claims: Claims,
}

/// The revision that a record names for its line numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stated {
    /// Nothing at all.
    Nothing,
    /// A commit, by its full id.
    Commit(ObjectId),
    /// A change of jj, an abbreviation, or anything else that is not a commit.
    NoCommit,
}

impl Trace {
    /// Whether the record of a note applies to the annotated commit.
    pub fn fits(&self, commit: ObjectId) -> bool {
        matches!(self.revision, Stated::Nothing) || self.revision == Stated::Commit(commit)
    }

    /// The commit named by a record in a file.
    pub fn commit(&self) -> Option<ObjectId> {
        match self.revision {
            Stated::Commit(commit) => Some(commit),
            Stated::Nothing | Stated::NoCommit => None,
        }
    }
}

#[derive(Deserialize)]
struct Record {
    version: Option<String>,
    vcs: Option<Vcs>,
    tool: Option<Tool>,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Vcs {
    r#type: Option<String>,
    revision: String,
}

#[derive(Deserialize)]
struct Tool {
    name: Option<String>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    conversations: Vec<Conversation>,
}

#[derive(Deserialize)]
struct Conversation {
    url: Option<String>,
    contributor: Option<Contributor>,
    ranges: Vec<Lines>,
}

#[derive(Deserialize)]
struct Lines {
    start_line: u32,
    end_line: u32,
    contributor: Option<Contributor>,
}

#[derive(Deserialize)]
struct Contributor {
    r#type: String,
    model_id: Option<String>,
}

impl Contributor {
    /// None if the record says that it does not know, or has a value that only later versions may define.
    fn hand(&self) -> Option<Hand> {
        match self.r#type.as_str() {
            "ai" => Some(Hand::Ai),
            "human" => Some(Hand::Human),
            "mixed" => Some(Hand::Mixed),
            _ => None,
        }
    }
}

/// Reads consecutive records, on one line each or not, or in an array.
///
/// # Errors
/// Too large, not UTF-8, not JSON, or without what the RFC requires for attribution (`files`, `path`, `conversations`,
/// `ranges`, numbers from 1 in order): one mistake invalidates the whole. Unknown fields are not mistakes.
pub fn parse(bytes: &[u8]) -> Result<Vec<Trace>, Malformed> {
    let text = text(bytes)?;
    let records: Vec<Record> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)?
    } else {
        serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>()?
    };
    let mut ranges = Ranges::default();
    records.iter().map(|record| trace(record, &mut ranges)).collect()
}

fn trace(record: &Record, ranges: &mut Ranges) -> Result<Trace, Malformed> {
    let (mut claims, mut known) = (Claims::default(), HashMap::new());
    let tool = name(record.tool.as_ref().and_then(|tool| tool.name.as_deref()));
    for file in &record.files {
        for conversation in &file.conversations {
            for range in &conversation.ranges {
                ranges.another()?;
                let lines = lines(range.start_line, range.end_line).ok_or(Malformed::Range)?;
                let contributor = range.contributor.as_ref().or(conversation.contributor.as_ref());
                let Some((contributor, hand)) = contributor.and_then(|who| Some((who, who.hand()?))) else { continue };
                let is_human = hand == Hand::Human;
                let writer = Writer {
                    tool: tool.clone().filter(|_| !is_human),
                    model: name(contributor.model_id.as_deref()),
                    session: name(conversation.url.as_deref()),
                    person: None,
                };
                let writer = *known.entry(writer).or_insert_with_key(|writer| {
                    claims.writers.push(writer.clone());
                    claims.writers.len() - 1
                });
                let path = RepoPath::from(file.path.as_str());
                claims.files.entry(path).or_default().push(Claim { lines, hand, writer });
            }
        }
    }
    let has_proper_version = record.version.as_deref().is_some_and(is_three_numbers);
    Ok(Trace { revision: stated(record.vcs.as_ref()), has_proper_version, claims })
}

fn stated(vcs: Option<&Vcs>) -> Stated {
    let Some(vcs) = vcs else { return Stated::Nothing };
    let is_git = vcs.r#type.as_deref().is_none_or(|kind| kind == "git");
    vcs.revision.parse().ok().filter(|_| is_git).map_or(Stated::NoCommit, Stated::Commit)
}

fn is_three_numbers(version: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    version.split('.').count() == 3 && version.split('.').all(is_number)
}
