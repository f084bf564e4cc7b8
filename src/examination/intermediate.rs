//! Text that no file of the change shows, but that everyone who fetches the commits gets: what is added and removed
//! again inside a branch, and the messages. It is searched for secrets, with the rules that find them in a file.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::{FileMaterial, text_of};
use crate::change::compare::compare;
use crate::change::diff::{Content, Diff, FileDiff, Location, Mode, Side, TreeEntry};
use crate::change::digest::Digest;
use crate::change::{Change, Commit, ObjectId, RepoPath, counted};
use crate::risk::{Assessor, FileUnderReview, Finding, Rules, Severity};
use crate::source::git::{self, GitError, Repository};

/// The most commits of one change, and files and bytes in them, that are searched; if there are more, the finding says
/// so.
const MAX_COMMITS: usize = 200;
const MAX_FILES: usize = 2_000;
const MAX_BYTES: u64 = 16 << 20;
/// The most places that one finding names.
const MAX_NAMED: usize = 5;

/// The rule that reports an incomplete search.
pub(super) const PARTIAL: &str = "secret.not-looked-for";

/// The rule that reports secrets in messages, whichever rule knows them.
const IN_MESSAGE: &str = "secret.in-message";

/// What one rule found in the commits.
struct Seen {
    finding: Finding,
    places: Vec<String>,
    evidence: Vec<String>,
    texts: Vec<String>,
}

/// Secrets that some commit of a change adds and that exist neither before nor after the change. They are reported at
/// their file, or at the first file of the change if that is not among them. Findings of the change as a whole are not
/// repeated. If objects are missing, as below the cut of a shallow clone, the incomplete search is a finding, too.
pub fn secrets(
    repository: &Repository,
    rules: &Rules,
    change: &Change,
    diff: &Diff,
    is_known: impl Fn(&Finding) -> bool,
) -> Vec<Finding> {
    let commits = &change.revision.commits;
    if commits.len() < 2 {
        return Vec::new();
    }
    let first = diff.files.first().map(|file| &file.path);
    let mut search = Search { repository, rules, change, diff, looked_at: HashSet::new(), bytes: 0, is_partial: false };
    search.is_partial = commits.len() > MAX_COMMITS;
    let mut seen: BTreeMap<(RepoPath, String), Seen> = BTreeMap::new();
    for commit in commits.iter().take(MAX_COMMITS) {
        let found = search.of_commit(commit).unwrap_or_else(|_| {
            search.is_partial = true;
            Vec::new()
        });
        for finding in found.into_iter().filter(|finding| !is_known(finding)) {
            let is_in_change = diff.files.iter().any(|file| file.path == finding.location.path);
            let path = first.filter(|_| !is_in_change).unwrap_or(&finding.location.path);
            let place = format!("commit {} puts it into {}", commit.id.short(), finding.location);
            let entry = seen.entry((path.clone(), finding.rule.clone()));
            let first = || Seen { finding: at(&finding, path), places: vec![], evidence: vec![], texts: vec![] };
            let seen = entry.or_insert_with(first);
            seen.places.push(place);
            seen.evidence.push(finding.evidence);
            seen.texts.push(finding.text);
        }
    }
    let mut found: Vec<Finding> = seen.into_values().map(told).collect();
    found.extend(search.is_partial.then(|| partial(&first_path(repository, change, diff))));
    found
}

/// Secrets in the messages of the commits, reported at the first file of the change.
pub fn in_messages(repository: &Repository, rules: &Rules, change: &Change, diff: &Diff) -> Vec<Finding> {
    let first = &first_path(repository, change, diff);
    let (mut text, mut starts, mut line) = (Vec::new(), Vec::new(), 1);
    for commit in change.revision.commits.iter().take(MAX_COMMITS) {
        let message = commit.message.as_bytes();
        if text.len() + message.len() > MAX_BYTES as usize {
            break;
        }
        starts.push((line, commit.id));
        text.extend_from_slice(message);
        text.push(b'\n');
        line += message.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
    }
    let mut seen: Option<Seen> = None;
    for finding in secrets_in(rules, text) {
        let own = starts.iter().rev().find(|(start, _)| *start <= finding.location.line);
        let Some((start, commit)) = own else { continue };
        let place = format!("line {} of the message of commit {}", finding.location.line - start + 1, commit.short());
        let empty = || Seen { finding: at(&finding, first), places: vec![], evidence: vec![], texts: vec![] };
        let seen = seen.get_or_insert_with(empty);
        seen.places.push(place);
        seen.evidence.push(finding.evidence);
        seen.texts.push(finding.text);
    }
    seen.map(told_in_message).into_iter().collect()
}

/// Where to report what is in no file: the first file of the change, or the first that its commits touch if they come
/// to nothing.
fn first_path(repository: &Repository, change: &Change, diff: &Diff) -> RepoPath {
    let touched = |commit: &Arc<Commit>| {
        let before = commit.parents.first().map(|parent| repository.tree_of(*parent)).transpose().ok()?;
        let done = git::diff_from(repository, before, repository.tree_of(commit.id).ok()?).ok()?;
        done.files.into_iter().next().map(|file| file.path)
    };
    let own = diff.files.first().map(|file| file.path.clone());
    let path = own.or_else(|| change.revision.commits.iter().take(MAX_COMMITS).find_map(touched));
    path.unwrap_or_else(|| RepoPath::from("message"))
}

/// The secrets in a text that is in no file.
fn secrets_in(rules: &Rules, text: Vec<u8>) -> Vec<Finding> {
    let comparison = compare(&[], &text);
    let content = Content::Text(text);
    let path = RepoPath::from("message");
    let new = Some(TreeEntry { mode: Mode::File, id: ObjectId::ZERO });
    let diff = FileDiff { path, from: None, counterpart: None, old: None, new };
    let mut assessor = Assessor::new(rules);
    assessor.read(&FileUnderReview::new(&diff, None, Some(&content), &comparison));
    let mut found = assessor.found();
    found.retain(|finding| rules.finds_secrets(&finding.rule) && finding.location.line > 0);
    found
}

struct Search<'s> {
    repository: &'s Repository,
    rules: &'s Rules,
    change: &'s Change,
    diff: &'s Diff,
    /// The contents examined so far, by path.
    looked_at: HashSet<(RepoPath, ObjectId)>,
    bytes: u64,
    is_partial: bool,
}

impl Search<'_> {
    /// Against the first parent; for a root commit, against nothing. For a merge, only what none of its parents has.
    fn of_commit(&mut self, commit: &Commit) -> Result<Vec<Finding>, GitError> {
        let repository = self.repository;
        let parents = commit.parents.iter().map(|parent| repository.tree_of(*parent));
        let parents = parents.collect::<Result<Vec<_>, _>>()?;
        let done = git::diff_from(repository, parents.first().copied(), repository.tree_of(commit.id)?)?;
        let (mut assessor, mut read) = (Assessor::new(self.rules), Vec::new());
        for file in &done.files {
            if !is_brought(repository, &parents, file)? && self.is_passing(file)? && self.has_room(file)? {
                let material = FileMaterial::read(repository, file)?;
                assessor.read(&material.under_review());
                read.push(material);
            }
        }
        let mut found = assessor.found();
        found.retain(|finding| self.rules.finds_secrets(&finding.rule) && finding.location.side == Side::New);
        for parent in parents.iter().skip(1) {
            let mut own = Vec::new();
            for finding in found {
                if !is_said_in(repository, *parent, &finding, &read)? {
                    own.push(finding);
                }
            }
            found = own;
        }
        Ok(found)
    }

    /// Whether the content that a commit adds is neither in the base nor in the head.
    fn is_passing(&mut self, file: &FileDiff) -> Result<bool, GitError> {
        let Some(new) = file.new else { return Ok(false) };
        if !self.looked_at.insert((file.path.clone(), new.id)) {
            return Ok(false);
        }
        let revision = &self.change.revision;
        let is_kept = match self.diff.files.iter().find(|own| own.path == file.path) {
            Some(own) => [own.old, own.new].iter().flatten().any(|entry| entry.id == new.id),
            None => {
                let there = git::entry_at(self.repository, revision.head_tree, &file.path)?;
                there.is_some_and(|entry| entry.id == new.id)
            }
        };
        Ok(!is_kept)
    }

    fn has_room(&mut self, file: &FileDiff) -> Result<bool, GitError> {
        let size = |entry: Option<TreeEntry>| entry.map_or(Ok(0), |entry| git::size_of(self.repository, entry));
        self.bytes += size(file.old)? + size(file.new)?;
        let has_room = self.bytes <= MAX_BYTES && self.looked_at.len() <= MAX_FILES;
        self.is_partial |= !has_room;
        Ok(has_room)
    }
}

/// Whether another parent of a merge than the first has exactly this file: then it was written there.
fn is_brought(repository: &Repository, parents: &[ObjectId], file: &FileDiff) -> Result<bool, GitError> {
    for parent in parents.iter().skip(1) {
        if file.new.is_some() && git::entry_at(repository, *parent, &file.path)? == file.new {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a tree has the line of a finding in the same file: a text merged from both sides contains lines of both.
fn is_said_in(
    repository: &Repository,
    tree: ObjectId,
    finding: &Finding,
    read: &[FileMaterial],
) -> Result<bool, GitError> {
    let path = &finding.location.path;
    let Some(file) = read.iter().find(|file| file.diff.path == *path) else { return Ok(false) };
    let Some(entry) = git::entry_at(repository, tree, path)? else { return Ok(false) };
    let Some(line) = finding.location.line.checked_sub(1) else { return Ok(false) };
    let line = file.comparison.new.get(text_of(&file.new), line);
    let there = git::content(repository, entry)?;
    Ok(there.text().is_some_and(|text| text.split(|byte| *byte == b'\n').any(|own| own == line)))
}

fn at(finding: &Finding, path: &RepoPath) -> Finding {
    let location = Location { path: path.clone(), side: Side::New, line: 0 };
    Finding { location, ..finding.clone() }
}

fn told(seen: Seen) -> Finding {
    let (finding, places) = seen.joined();
    Finding {
        title: format!("{}, in a commit of the branch", finding.title),
        why: format!(
            "It is not in the result of the change, but in its history: {places}. Anyone who fetches the commits has it."
        ),
        ask: "Was it revoked? Squash the branch or rewrite its history, so that it does not land.".to_owned(),
        ..finding
    }
}

fn told_in_message(seen: Seen) -> Finding {
    let (finding, places) = seen.joined();
    Finding {
        rule: IN_MESSAGE.to_owned(),
        title: format!("{}, in the message of a commit", finding.title),
        why: format!("It is in {places}. Anyone who fetches the commits has it, and every log shows it."),
        ask: "Was it revoked? Reword the message, so that it does not land.".to_owned(),
        ..finding
    }
}

impl Seen {
    /// What all of its places have in common, and the places.
    fn joined(self) -> (Finding, String) {
        let Seen { finding, places, evidence, texts } = self;
        let more = places.len().saturating_sub(MAX_NAMED);
        let mut places: Vec<String> = places.into_iter().take(MAX_NAMED).collect();
        places.extend((more > 0).then(|| format!("and {more} more")));
        let mut evidence = evidence.join(" ");
        evidence.truncate(evidence.char_indices().nth(200).map_or(evidence.len(), |(at, _)| at));
        let text = Digest::of(texts.concat().as_bytes()).key();
        (Finding { evidence, text, ..finding }, places.join("; "))
    }
}

fn partial(path: &RepoPath) -> Finding {
    Finding {
        rule: PARTIAL.to_owned(),
        severity: Severity::Low,
        title: "Not all commits were searched".to_owned(),
        why: format!(
            "Secrets that come and go inside a branch are searched for in {}, {} and {} MiB; this branch has more, or \
             objects are missing.",
            counted(MAX_COMMITS, "commit"),
            counted(MAX_FILES, "file"),
            MAX_BYTES >> 20
        ),
        ask: "Is there anything in the commits that should not be in the history?".to_owned(),
        location: Location { path: path.clone(), side: Side::New, line: 0 },
        evidence: String::new(),
        text: String::new(),
        within: String::new(),
        ordinal: 0,
        places: Vec::new(),
    }
}
