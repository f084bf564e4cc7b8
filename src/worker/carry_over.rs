//! What a person did to a file is carried over to a new name of it, and to a new text of its base: marks of hunks,
//! answers to findings, reasons for long lines. Their keys depend on the path and on that text, and so are computed
//! again for the current ones, from what was read then.
//!
//! Carried over to a new name only if rules and policy treat both paths alike: otherwise the whole file is read as new.
//! And only what is identical to the byte, on the same old side. Marks for the file as a whole are not carried over,
//! since its name is what changed: the first hunk, with which the name and the statements about the file are seen, must
//! be marked again, though its lines count as shown.

use std::collections::{BTreeMap, HashMap};

use crate::app::review::rows::{Inventory, Omission, Spot, hunks_by_content};
use crate::change::RepoPath;
use crate::change::diff::{Diff, FileDiff};
use crate::change::digest::Digest;
use crate::change::enclosing::is_nested;
use crate::decision::Draft;
use crate::examination::renamed::Renamed;
use crate::examination::{self, FileMaterial, RepositorySnapshot, text_of};
use crate::risk::Assessor;
use crate::source::git::{GitError, Repository};

/// Bytes of texts that are read for this; beyond that, the person must read again.
const MAX_BYTES: usize = 16 << 20;

/// Carries marks and answers of a draft over to the current names. Returns how many files had some.
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

/// Marks of files whose base has a new text: of hunks that are identified in both by their content and what encloses
/// them. If the texts contain identical blocks, it is unknown which of them was seen; and in data, the name of a block
/// is next to a line and not around it, so all of it is read again.
fn follow_bases(
    repository: &Repository,
    draft: &mut Draft,
    now: &Diff,
    renamed: &Renamed,
    mut left: usize,
) -> Result<(), GitError> {
    for file in &now.files {
        let earlier = renamed.then.at(&file.path).filter(|then| then.old != file.old && then.from == file.from);
        let is_asked_again = renamed.names.contains_key(&file.path) || is_nested(&file.path.lossy());
        let Some(earlier) = earlier.filter(|_| !is_asked_again) else { continue };
        let then = FileMaterial::read(repository, earlier)?;
        let Some(rest) = left.checked_sub(text_of(&then.old).len() + text_of(&then.new).len()) else { break };
        left = rest;
        let was = Inventory::of(&then);
        if is_known(draft, &was) {
            let is = FileMaterial::read(repository, file)?;
            over(draft, (&was, hunks_by_content(&then)), (&Inventory::of(&is), hunks_by_content(&is)));
        }
    }
    Ok(())
}

/// Carries marks, shown lines and reasons for long lines over to the hunks with the same content.
fn over(draft: &mut Draft, was: (&Inventory, Vec<Option<Digest>>), is: (&Inventory, Vec<Option<Digest>>)) {
    let ((was, contents), (is, of_now)) = (was, is);
    let places: HashMap<Digest, usize> =
        of_now.into_iter().enumerate().filter_map(|(at, content)| Some((content?, at))).collect();
    for (at, content) in contents.into_iter().enumerate() {
        let Some(&new) = content.and_then(|content| places.get(&content)) else { continue };
        let (Some(old_key), Some(new_key)) = (was.hunks.get(at), is.hunks.get(new)) else { continue };
        // The statements about the whole file are seen with its first hunk.
        let is_whole = new > 0 || at == 0 && was.sentences == is.sentences;
        if draft.seen.contains(old_key) && is_whole {
            draft.seen.insert(new_key.clone());
        } else if let Some(lines) = draft.shown.get(old_key).cloned() {
            draft.shown.entry(new_key.clone()).or_insert(lines);
        }
        let line_of = |omission: &&Omission, hunk: usize| match omission.spot {
            Spot::Line { hunk: own, line } if own as usize == hunk => Some(line),
            _ => None,
        };
        for old in &was.omissions {
            let Some(line) = line_of(&old, at) else { continue };
            let same = is.omissions.iter().find(|omission| line_of(omission, new) == Some(line));
            if let Some((same, reason)) = same.zip(draft.acknowledged.get(&old.key).cloned()) {
                draft.acknowledged.entry(same.key.clone()).or_insert(reason);
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

/// The same finding at the same lines keeps its answer.
fn answers(draft: &mut Draft, assessor: Assessor<'_>, names: &BTreeMap<RepoPath, RepoPath>) {
    // An answer for several places is valid for exactly these: otherwise the finding must be answered again.
    for mut finding in assessor.found() {
        let answer = draft.answers.get(&finding.key()).cloned();
        let Some((answer, path)) = answer.zip(names.get(&finding.location.path)) else { continue };
        finding.location.path = path.clone();
        draft.answers.entry(finding.key()).or_insert(answer);
    }
}
