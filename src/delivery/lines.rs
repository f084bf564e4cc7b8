//! Which notes of a rejection can stand at their lines on a server: those on lines that the change shows, since servers
//! accept no others.

use std::collections::BTreeMap;

use crate::change::compare::Line;
use crate::change::diff::{Diff, FileDiff};
use crate::change::manifest::escape;
use crate::change::{ObjectId, RepoPath, renames, visible};
use crate::examination::FileMaterial;
use crate::record::Record;
use crate::record::statement::SignedNote;
use crate::source::git::{self, Repository};
use crate::source::server::{LineNote, NOTE_OF};

/// The most notes of one decision that are put at their lines; more are in the text.
const MAX_NOTES: usize = 50;

/// For each note of a record, in their order, how it is put at its line; none if it is not.
pub fn placed(repository: &Repository, record: &Record, on_old_side: bool) -> Vec<Option<LineNote>> {
    let notes = &record.predicate().notes;
    let diff = if notes.iter().any(|note| note.line.0 > 0) { diff(repository, record) } else { None };
    let Some(diff) = diff else { return vec![None; notes.len()] };
    let files: BTreeMap<String, &FileDiff> = diff.files.iter().map(|file| (escape(&file.path), file)).collect();
    let (mut read, mut count) = (BTreeMap::new(), 0);
    let mut place = |(at, note): (usize, &SignedNote)| {
        let old_side = note.side == "old";
        if note.line.0 == 0 || count == MAX_NOTES || old_side && !on_old_side {
            return None;
        }
        let file = *files.get(&note.path)?;
        let material = read.entry(note.path.clone()).or_insert_with(|| FileMaterial::read(repository, file).ok());
        let beside = beside(material.as_ref()?, old_side, u32::try_from(note.line.0).ok()?)?;
        let text = |path: &RepoPath| String::from_utf8(path.0.clone()).ok();
        count += 1;
        Some(LineNote {
            path: text(&file.path)?,
            old_path: text(file.from.as_ref().unwrap_or(&file.path))?,
            old_side,
            line: u32::try_from(note.line.0).ok()?,
            beside,
            text: format!("{}\n{NOTE_OF}{}`, note {}.", visible::fenced(&note.text, "text"), record.id(), at + 1),
        })
    };
    notes.iter().enumerate().map(&mut place).collect()
}

/// What was signed, with moves as servers show them.
fn diff(repository: &Repository, record: &Record) -> Option<Diff> {
    let tree = |id: &str| repository.tree_of(id.parse::<ObjectId>().ok()?).ok();
    let predicate = record.predicate();
    let diff = git::diff(repository, tree(&predicate.base.commit)?, tree(&predicate.head.commit)?).ok()?;
    Some(renames::paired(diff, |_, _| true, |entry, most| git::small_text(repository, entry, most)))
}

/// Whether a hunk shows a line, and its number on the other side if the change leaves it as it is.
fn beside(file: &FileMaterial, old_side: bool, line: u32) -> Option<Option<u32>> {
    let wanted = line.checked_sub(1)?;
    let lines = file.comparison.hunks.iter().flat_map(|hunk| &hunk.lines);
    let found = |shown: &Line| match *shown {
        Line::Context { old, new } if old_side && old == wanted => Some(Some(new + 1)),
        Line::Context { old, new } if !old_side && new == wanted => Some(Some(old + 1)),
        Line::Removed { old } if old_side && old == wanted => Some(None),
        Line::Added { new } if !old_side && new == wanted => Some(None),
        _ => None,
    };
    lines.filter_map(found).next()
}
