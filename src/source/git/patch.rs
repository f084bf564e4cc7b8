//! What is done to some paths, as removed and inserted lines: the same wherever it is applied.

use super::{GitError, Repository, content};
use crate::change::compare::{Comparison, Line, compare};
use crate::change::diff::{Content, Diff, FileDiff, TreeEntry};
use crate::change::digest::Digest;
use crate::change::enclosing::enclosing;
use crate::change::merge::merge;

/// Two diffs are the same patch if they do the same: to the same paths and modes, in the same definitions, the same
/// lines, including whitespace. Content without lines is compared by its objects. Unlike git's patch id, it ignores the
/// surrounding lines.
pub fn patch(repository: &Repository, diff: &Diff) -> Result<Digest, GitError> {
    let mut bytes = Vec::new();
    for file in &diff.files {
        repository.deadline.check()?;
        add(repository, file, &mut bytes)?;
        // Memory is needed for one file, not for all of them.
        bytes = Digest::of(&bytes).to_string().into_bytes();
    }
    Ok(Digest::of(&bytes))
}

/// Whether two diffs of one patch have their effect at the same places: applying one to the other's old text gives the
/// other's new text, and what they replace occurs there only once. In a list of similar blocks, the same lines in
/// another block are a different change.
pub fn is_same_place(repository: &Repository, one: &Diff, other: &Diff) -> Result<bool, GitError> {
    for file in &one.files {
        repository.deadline.check()?;
        let Some(there) = other.at(&file.path) else { return Ok(false) };
        let id = |entry: Option<TreeEntry>| entry.map(|entry| entry.id);
        if id(there.old) == id(file.old) {
            if id(there.new) != id(file.new) {
                return Ok(false);
            }
            continue;
        }
        let side = |entry: Option<TreeEntry>| entry.map(|entry| content(repository, entry)).transpose();
        let (base, theirs) = (side(file.old)?, side(file.new)?);
        let (ours, made) = (side(there.old)?, side(there.new)?);
        let [Some(base), Some(theirs), Some(ours), Some(made)] = [&base, &theirs, &ours, &made].map(text) else {
            // Content without lines is compared by its objects.
            continue;
        };
        let is_clear = |old: &[u8], new: &[u8]| compare(old, new).stand_once(old).into_iter().all(|once| once);
        if merge(base, ours, theirs).as_deref() != Some(made) || !is_clear(base, theirs) || !is_clear(ours, made) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn add(repository: &Repository, file: &FileDiff, bytes: &mut Vec<u8>) -> Result<(), GitError> {
    let mode = |entry: Option<TreeEntry>| entry.map_or("000000", |entry| entry.mode.octal());
    bytes.extend_from_slice(&file.path.0);
    bytes.push(0);
    bytes.extend_from_slice(format!("{} {}", mode(file.old), mode(file.new)).as_bytes());
    if file.old.map(|entry| entry.id) == file.new.map(|entry| entry.id) {
        return Ok(());
    }
    let side = |entry: Option<TreeEntry>| entry.map(|entry| content(repository, entry)).transpose();
    let (old, new) = (side(file.old)?, side(file.new)?);
    let (Some(old), Some(new)) = (text(&old), text(&new)) else {
        bytes.extend_from_slice(format!("{:?} {:?}", file.old, file.new).as_bytes());
        return Ok(());
    };
    lines(&compare(old, new), old, new, bytes);
    Ok(())
}

/// None if it has no lines.
fn text(content: &Option<Content>) -> Option<&[u8]> {
    content.as_ref().map_or(Some(&[]), Content::text)
}

fn lines(comparison: &Comparison, old: &[u8], new: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend([u8::from(comparison.old.lacks_final_newline()), u8::from(comparison.new.lacks_final_newline())]);
    for hunk in &comparison.hunks {
        let context = hunk.lines.iter().take_while(|line| matches!(line, Line::Context { .. })).count();
        let first = hunk.new.start + u32::try_from(context).unwrap_or(u32::MAX - hunk.new.start);
        let within = enclosing(&comparison.new, new, first).join(&b'\n');
        bytes.extend_from_slice(&(within.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&within);
        for line in &hunk.lines {
            let (sign, line) = match *line {
                Line::Removed { old: line } => (b'-', comparison.old.get(old, line)),
                Line::Added { new: line } => (b'+', comparison.new.get(new, line)),
                Line::Context { .. } => continue,
            };
            bytes.push(sign);
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
    }
}
