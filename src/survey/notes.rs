//! Notes of a draft and the lines that they are about, in git: where those went, and what they were.

use crate::change::manifest::unescape;
use crate::change::{ObjectId, RepoPath, Revision};
use crate::decision::anchor::Anchor;
use crate::decision::{Draft, Note};
use crate::source::git::{self, GitError, Repository};

/// The tree without entries, which every repository has.
const EMPTY_TREE: ObjectId = ObjectId([
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee, 0x49,
    0x04,
]);
/// Lines and bytes that are quoted of what a note is about.
const MAX_QUOTED: usize = 40;
const MAX_LINE: usize = 400;

/// Lets the notes of a draft follow their lines into the revision that is open now. A note of an earlier version kept
/// no text: it is read from the revision that it was written at, as long as that is here.
pub fn follow(repository: &Repository, draft: &mut Draft, revision: &Revision) {
    let (then_base, then_head) = (draft.base.parse().ok(), draft.head.parse().ok());
    for note in draft.notes.iter_mut().filter(|note| note.line > 0) {
        let (then, now) = if note.old_side { (then_base, revision.base) } else { (then_head, revision.head) };
        if note.anchor.is_none() {
            note.anchor = Some(anchor(repository, note, then, now));
        }
        if note.anchor.as_ref().is_some_and(|anchor| anchor.at != now.to_string()) {
            let text = text(repository, note, now);
            note.follow(text.as_deref().map(str::as_bytes), &now.to_string());
        }
    }
}

fn anchor(repository: &Repository, note: &Note, then: Option<ObjectId>, now: ObjectId) -> Anchor {
    let read = then.and_then(|then| Some((then, text(repository, note, then)?)));
    match read {
        Some((then, text)) => {
            Anchor::of(text.as_bytes(), note.line, note.until.unwrap_or(note.line), &then.to_string())
        }
        None => Anchor::lost(&now.to_string()),
    }
}

fn text(repository: &Repository, note: &Note, commit: ObjectId) -> Option<String> {
    repository.text_at(commit, &unescape(&note.path)?)
}

/// Lines of a path at a commit, 1-based, for people: bounded, not escaped. None where they are not there.
pub fn quoted(repository: &Repository, commit: &str, path: &str, first: u64, last: u64) -> Option<String> {
    let text = repository.text_at(commit.parse().ok()?, &unescape(path)?)?;
    let (first, last) = (usize::try_from(first).ok()?, usize::try_from(last).ok()?);
    let all = last.saturating_sub(first.checked_sub(1)?);
    let cut = |line: &str| {
        let end = line.char_indices().nth(MAX_LINE).map_or(line.len(), |(at, _)| at);
        if end < line.len() { format!("{} …", &line[..end]) } else { line.to_owned() }
    };
    let mut lines: Vec<String> = text.lines().skip(first - 1).take(all.min(MAX_QUOTED)).map(cut).collect();
    if lines.is_empty() {
        return None;
    }
    if all > MAX_QUOTED {
        lines.push(format!("… ({} more lines)", all - MAX_QUOTED));
    }
    Some(lines.join("\n"))
}

/// All paths of the head of a change, for a note on any of them.
///
/// # Errors
/// There are more than are read, or an object is missing.
pub fn paths(repository: &Repository, revision: &Revision) -> Result<Vec<RepoPath>, GitError> {
    let all = git::diff(repository, EMPTY_TREE, revision.head_tree)?;
    Ok(all.files.into_iter().map(|file| file.path).collect())
}
