//! Authorship logs of git-ai (`specs/git_ai_standard_v3.0.0.md` in git-ai-project/git-ai): one note per commit in
//! `refs/notes/ai`. A note has paths and ranges of lines, a line `---`, and JSON that says what the keys of the ranges
//! stand for.
//!
//! ```text
//! src/main.rs
//!   s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-10,15
//!   h_31dce776f88375 20
//! ---
//! { "schema_version": "authorship/3.0.0", "sessions": { "s_c9883b05a2487d": { "agent_id": … } }, … }
//! ```
//!
//! From 1.6.20 on, git-ai attributes lines that it saw nobody write to a person, against its own standard, and does not
//! distinguish them from those that it saw typed. In such a note no line is accepted as a person's.
//!
//! If entries of one note overlap, git-ai uses the last; here a line that two hands claim is mixed. Of some 10,700
//! notes in git-ai's own repository 74 have keys that the standard does not define: `human`, `ai_agent`, a UUID.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Claim, Claims, Hand, Malformed, Ranges, Writer, lines, name, shown, text};
use crate::change::RepoPath;

/// The most sessions without lines that are kept.
const MAX_ABSENT: usize = 100;

const SCHEMA: &str = "authorship/3.";

/// Fields that are not needed are ignored: transcripts, statistics, and `base_commit_sha`, which names the parent after
/// a rebase and the commit itself after an amend.
#[derive(Deserialize)]
struct Metadata {
    schema_version: String,
    git_ai_version: Option<String>,
    #[serde(default)]
    prompts: BTreeMap<String, Session>,
    #[serde(default)]
    sessions: BTreeMap<String, Session>,
    #[serde(default)]
    humans: BTreeMap<String, Human>,
}

/// A session, or a prompt from a version before 1.4.0.
#[derive(Deserialize)]
struct Session {
    agent_id: Option<Agent>,
    human_author: Option<String>,
}

#[derive(Deserialize)]
struct Agent {
    tool: Option<String>,
    id: Option<String>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Human {
    author: String,
}

/// Reads a note.
///
/// # Errors
/// Too large, not UTF-8, another schema, or anything else that violates the format: one mistake invalidates the note.
/// Unknown fields, longer ids, blank lines, ranges out of order and CR before LF are not mistakes.
pub fn parse(bytes: &[u8]) -> Result<Claims, Malformed> {
    let (attested, metadata) = sections(text(bytes)?).ok_or(Malformed::NoDivider)?;
    let metadata: Metadata = serde_json::from_str(metadata)?;
    if !metadata.schema_version.starts_with(SCHEMA) {
        return Err(Malformed::Schema(shown(&metadata.schema_version)));
    }
    let (mut writers, mut claims, mut ranges) = (Writers::of(&metadata), BTreeMap::new(), Ranges::default());
    let (mut file, mut left_out, mut guessed): (Option<&mut Vec<Claim>>, _, _) = (None, 0, 0);
    let guesses = metadata.git_ai_version.as_deref().is_some_and(guesses);
    for (index, line) in attested.lines().enumerate() {
        let mistake = |what| Malformed::Line(index + 1, what);
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        let Some(entry) = line.strip_prefix("  ") else {
            let path = path(line).ok_or_else(|| mistake("a path is not quoted as paths are"))?;
            file = Some(claims.entry(path).or_default());
            continue;
        };
        let file = file.as_deref_mut().ok_or_else(|| mistake("lines without a path"))?;
        let (key, listed) = entry.split_once(' ').ok_or_else(|| mistake("a key without lines"))?;
        let is_guess = key.starts_with("h_") && guesses;
        guessed += usize::from(is_guess);
        let written = if is_guess { None } else { writers.find(key) };
        left_out += usize::from(written.is_none() && !is_guess);
        for range in listed.split(',') {
            ranges.another()?;
            let lines = range_of(range).ok_or_else(|| mistake("no range of lines"))?;
            file.extend(written.map(|(hand, writer)| Claim { lines, hand, writer }));
        }
    }
    claims.retain(|_, claims| !claims.is_empty());
    let absent = writers.absent();
    Ok(Claims { writers: writers.list, files: claims, absent, left_out, guessed })
}

/// Whether this version of git-ai attributes lines to people by elimination: 1.6.20 and later, and anything that is not
/// a version.
fn guesses(version: &str) -> bool {
    let digits = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse::<u64>().ok()
    };
    let numbers: Option<Vec<u64>> = version.trim().trim_start_matches('v').splitn(3, '.').map(digits).collect();
    numbers.is_none_or(|numbers| numbers.len() < 3 || numbers >= vec![1, 6, 20])
}

/// The text before and after the first line that is `---`.
fn sections(text: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end_matches(['\r', '\n']) == "---" {
            return Some((&text[..at], &text[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// Quoted paths have no escapes, and the format forbids paths that contain quotes.
fn path(line: &str) -> Option<RepoPath> {
    let Some(quoted) = line.strip_prefix('"') else {
        return (!line.starts_with([' ', '\t'])).then(|| RepoPath::from(line));
    };
    quoted.strip_suffix('"').filter(|path| !path.is_empty()).map(RepoPath::from)
}

fn range_of(text: &str) -> Option<std::ops::Range<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    lines(number(first)?, number(last)?)
}

/// The writers for whom keys stand, each once.
struct Writers<'m> {
    metadata: &'m Metadata,
    list: Vec<Writer>,
    known: HashMap<String, (Hand, usize)>,
}

impl<'m> Writers<'m> {
    fn of(metadata: &'m Metadata) -> Writers<'m> {
        Writers { metadata, list: Vec::new(), known: HashMap::new() }
    }

    /// Sessions in the metadata that no longer have any lines.
    fn absent(&self) -> Vec<Writer> {
        let Metadata { prompts, sessions, .. } = self.metadata;
        let told = prompts.iter().chain(sessions).filter(|(id, _)| !self.known.contains_key(*id));
        told.take(MAX_ABSENT).map(|(id, record)| session(id, Some(record))).collect()
    }

    /// None for a key of an unknown kind, and for a person whom the note does not name: tools that rewrite history lose
    /// records, and an unnamed person does not count as human. A session that is not named is still a tool's, by its
    /// key.
    fn find(&mut self, key: &str) -> Option<(Hand, usize)> {
        let id = key.split_once("::").filter(|_| key.starts_with("s_")).map_or(key, |(session, _)| session);
        if let Some(&known) = self.known.get(id) {
            return Some(known);
        }
        let Metadata { prompts, sessions, humans, .. } = self.metadata;
        let of_tool = |record: Option<&Session>| (Hand::Ai, session(id, record));
        let (hand, writer) = if let Some(digits) = id.strip_prefix("s_") {
            is_id(digits).then(|| of_tool(sessions.get(id)))?
        } else if id.starts_with("h_") {
            (Hand::Human, Writer { person: name(Some(&humans.get(id)?.author)), ..Writer::default() })
        } else {
            (is_id(id) || prompts.contains_key(id)).then(|| of_tool(prompts.get(id)))?
        };
        self.list.push(writer);
        let found = (hand, self.list.len() - 1);
        self.known.insert(id.to_owned(), found);
        Some(found)
    }
}

/// Digits of a hash: 7 at first, 14 or 16 by now, and never more than a whole SHA-256.
fn is_id(digits: &str) -> bool {
    (7..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

fn session(id: &str, record: Option<&Session>) -> Writer {
    let agent = record.and_then(|record| record.agent_id.as_ref());
    Writer {
        tool: name(agent.and_then(|agent| agent.tool.as_deref())),
        model: name(agent.and_then(|agent| agent.model.as_deref())),
        session: name(agent.and_then(|agent| agent.id.as_deref())).or_else(|| name(Some(id))),
        person: name(record.and_then(|record| record.human_author.as_deref())),
    }
}
