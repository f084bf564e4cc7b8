//! What a person did to a file carries over to another name of it, and to another text of its base: marks of hunks,
//! answers to findings, reasons for long lines. Their keys depend on the path and on that text, and so are made anew
//! for those of now, from what was read then.
//!
//! To another name only where the two paths mean the same to rules and policy: else all of the file is read as new. And only what is
//! the same to the byte, on the same old side. What speaks for the file as a whole does not carry over, since its name
//! is what changed: the first hunk, with which the name and what is said of the file are seen, is to be marked again,
//! though its lines count as shown.

use std::collections::{BTreeMap, HashMap};

use crate::app::review::rows::{Inventory, Omission, Spot, have_same_hunks};
use crate::change::RepoPath;
use crate::change::diff::{Diff, FileDiff};
use crate::decision::Draft;
use crate::examination::renamed::Renamed;
use crate::examination::{self, FileMaterial, RepositorySnapshot, interdiff, text_of};
use crate::risk::Assessor;
use crate::source::git::{GitError, Repository};

/// Bytes of texts that are read for this; what is beyond is to be read again by the person.
const MAX_BYTES: usize = 16 << 20;

/// Carries marks and answers of a draft over to the names of now. Gives how many files had some.
pub(super) fn carry(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    draft: &mut Draft,
    now: &Diff,
    renamed: &Renamed,
) -> Result<usize, GitError> {
    if draft.seen.is_empty() && draft.shown.is_empty() && draft.answers.is_empty() && draft.acknowledged.is_empty() {
        return Ok(0);
    }
    let (mut left, mut count) = (MAX_BYTES, 0);
    let mut assessor = Assessor::new(snapshot.rules());
    for (was, is) in renamed.names.iter().filter(|(was, is)| examination::mean_the_same(snapshot, was, is)) {
        let Some((then, now)) = file(&renamed.then, was).zip(file(now, is)) else { continue };
        let then = FileMaterial::read(repository, then)?;
        let Some(rest) = left.checked_sub(text_of(&then.old).len() + text_of(&then.new).len()) else { break };
        left = rest;
        assessor.read(&then.under_review());
        let inventory = Inventory::of(&then);
        if is_known(draft, &inventory) {
            let now = FileMaterial::read(repository, now)?;
            count += usize::from(marks(draft, &inventory, then, &now));
        }
    }
    if !draft.answers.is_empty() {
        answers(draft, assessor, &renamed.names);
    }
    follow_bases(repository, draft, now, renamed, left)?;
    Ok(count)
}

/// Marks of files whose base has another text now, where what the earlier revision would be on it has the same hunks.
/// Which like block of the text of now is the one that was seen, is so known and not guessed.
fn follow_bases(
    repository: &Repository,
    draft: &mut Draft,
    now: &Diff,
    renamed: &Renamed,
    mut left: usize,
) -> Result<(), GitError> {
    for file in &now.files {
        let earlier = renamed.then.at(&file.path).filter(|then| then.old != file.old && then.from == file.from);
        let Some(earlier) = earlier.filter(|_| !renamed.names.contains_key(&file.path)) else { continue };
        let then = FileMaterial::read(repository, earlier)?;
        let Some(rest) = left.checked_sub(text_of(&then.old).len() + text_of(&then.new).len()) else { break };
        left = rest;
        let was = Inventory::of(&then);
        if !is_known(draft, &was) {
            continue;
        }
        let moved = interdiff::on_base(repository, earlier, file.old)?;
        if let Some(moved) = moved.filter(|moved| have_same_hunks(&then, moved)) {
            over(draft, &was, &Inventory::of(&moved));
        }
    }
    Ok(())
}

/// What was done to one inventory holds for another with the same hunks.
fn over(draft: &mut Draft, was: &Inventory, is: &Inventory) {
    // What is said of the file as a whole is seen with its first hunk.
    let first = usize::from(was.sentences != is.sentences);
    for (old, new) in was.hunks.iter().zip(&is.hunks).skip(first) {
        if draft.seen.contains(old) {
            draft.seen.insert(new.clone());
        } else if let Some(lines) = draft.shown.get(old).cloned() {
            draft.shown.entry(new.clone()).or_insert(lines);
        }
    }
    let lines =
        |inventory: &Inventory| inventory.omissions.iter().filter(is_of_line).map(|own| own.key.clone()).collect();
    let (old, new): (Vec<String>, Vec<String>) = (lines(was), lines(is));
    if old.len() == new.len() {
        for (old, new) in old.iter().zip(new) {
            if let Some(reason) = draft.acknowledged.get(old).cloned() {
                draft.acknowledged.entry(new).or_insert(reason);
            }
        }
    }
}

fn is_of_line(omission: &&Omission) -> bool {
    matches!(omission.spot, Spot::Line { .. })
}

fn file<'d>(diff: &'d Diff, path: &RepoPath) -> Option<&'d FileDiff> {
    diff.at(path).filter(|file| file.new.is_some())
}

/// Whether the draft says anything of a file's hunks or long lines.
fn is_known(draft: &Draft, inventory: &Inventory) -> bool {
    let hunk = |key: &String| draft.seen.contains(key) || draft.shown.contains_key(key);
    let reason = |omission: &Omission| draft.acknowledged.contains_key(&omission.key);
    inventory.hunks.iter().any(hunk) || inventory.omissions.iter().any(reason)
}

/// Whether any hunk of the file was seen.
fn marks(draft: &mut Draft, was: &Inventory, then: FileMaterial, now: &FileMaterial) -> bool {
    let diff = FileDiff { path: now.diff.path.clone(), from: now.diff.from.clone(), ..then.diff.clone() };
    let (renamed, is) = (Inventory::of(&FileMaterial { diff, ..then }), Inventory::of(now));
    let places: HashMap<&String, usize> = (0..).zip(&is.hunks).map(|(at, key)| (key, at)).collect();
    let mut any = false;
    for ((old, new), hunk) in was.hunks.iter().zip(&renamed.hunks).zip(&was.outlines) {
        let Some(&at) = places.get(new) else { continue };
        let is_seen = draft.seen.contains(old);
        any |= is_seen;
        if is_seen && at > 0 {
            draft.seen.insert(new.clone());
        } else if is_seen {
            draft.shown.entry(new.clone()).or_insert_with(|| std::iter::once(0..hunk.lines).collect());
        } else if let Some(lines) = draft.shown.get(old).cloned() {
            draft.shown.entry(new.clone()).or_insert(lines);
        }
    }
    for (old, new) in was.omissions.iter().zip(&renamed.omissions) {
        let is_line = is_of_line(&old);
        let is_asked = is.omissions.iter().any(|omission| omission.key == new.key);
        let reason = draft.acknowledged.get(&old.key).filter(|_| is_line && is_asked).cloned();
        if let Some(reason) = reason {
            draft.acknowledged.entry(new.key.clone()).or_insert(reason);
        }
    }
    any
}

/// The same finding at the same lines has the same answer.
fn answers(draft: &mut Draft, assessor: Assessor<'_>, names: &BTreeMap<RepoPath, RepoPath>) {
    // What has several places has its answer for just these: it is to be answered anew.
    for mut finding in assessor.found() {
        let answer = draft.answers.get(&finding.key()).cloned();
        let Some((answer, path)) = answer.zip(names.get(&finding.location.path)) else { continue };
        finding.location.path = path.clone();
        draft.answers.entry(finding.key()).or_insert(answer);
    }
}
