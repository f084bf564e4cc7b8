//! Notes of a draft and their lines in git: where the lines moved, and what they were.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::renamed::Renamed;
use crate::change::blocks::Blocks;
use crate::change::compare::{compare, lines_after};
use crate::change::diff::Diff;
use crate::change::enclosing::stays_within;
use crate::change::lines::Lines;
use crate::change::manifest::{escape, unescape};
use crate::change::{ObjectId, RepoPath, Revision, renames};
use crate::decision::anchor::Anchor;
use crate::decision::{Draft, Note};
use crate::risk::{MASK, masked};
use crate::source::git::{self, GitError, Repository};

/// The empty tree, which every repository has.
const EMPTY_TREE: ObjectId = ObjectId([
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee, 0x49,
    0x04,
]);
/// The most lines and bytes that are quoted for a note.
const MAX_QUOTED: usize = 40;
const MAX_LINE: usize = 400;

/// Makes the notes of a draft follow their lines into the open revision, and their files across renames. A note of an
/// earlier version has no text: it is read from the revision at which it was written, if that is available.
pub fn follow(repository: &Repository, draft: &mut Draft, revision: &Revision, diff: &Diff, renamed: &Renamed) {
    let (then_base, then_head) = (draft.base.parse().ok(), draft.head.parse().ok());
    for note in draft.notes.iter_mut() {
        let Some(path) = unescape(&note.path).filter(|_| !note.path.is_empty()) else { continue };
        let way = if note.old_side { Way::of_old_side(path, diff, renamed) } else { Way::of_new_side(path, renamed) };
        note.path = escape(&way.file);
        if note.line == 0 {
            // Which files a folder's row stood for is not known of another head.
            let is_of_other_head = note.whole.is_some() && (note.is_outdated() || then_head != Some(revision.head));
            match is_of_other_head {
                true => note.stand_on_file(false, &revision.head.to_string()),
                false => follow_file(repository, note, revision),
            }
            continue;
        }
        let (then, now) = if note.old_side { (then_base, revision.base) } else { (then_head, revision.head) };
        if note.anchor.is_none() {
            note.anchor = Some(anchor(repository, note, then.map(|then| (then, &way.then)), now));
        }
        if !note.is_at_commit(&now.to_string()) {
            // Where the anchor's commit has the file under yet another name, the lines do not agree, and do not count.
            let at = note.anchor.as_ref().and_then(|anchor| anchor.at.parse().ok());
            let then = at.and_then(|at| repository.text_at(at, &way.then));
            let text = repository.text_at(now, &way.now);
            follow_text(note, then.as_deref(), text.as_deref(), &now.to_string());
        }
        if note.old_side && (!note.is_outdated() || note.is_back()) {
            note.set_back(!is_removed(repository, note, revision, &way, diff));
        }
    }
}

/// A note on a file that neither base nor head has is about nothing that the change does.
pub(super) fn follow_file(repository: &Repository, note: &mut Note, revision: &Revision) {
    let Some(path) = unescape(&note.path).filter(|path| !path.0.is_empty()) else { return };
    // What cannot be read is taken for there.
    let has = |tree: ObjectId| git::entry_at(repository, tree, &path).map_or(true, |entry| entry.is_some());
    let exists = has(revision.head_tree) || has(revision.base_tree);
    note.stand_on_file(exists, &revision.head.to_string());
}

/// Moves a note to where its lines are in the text of a commit, by how that differs from the text that the note refers
/// to. Lines that are gone from there, or whose text is not here any more, are looked for by what is around them.
pub(super) fn follow_text(note: &mut Note, then: Option<&str>, now: Option<&str>, at: &str) {
    let Some(now) = now else { return note.set_gone() };
    let (first, last) = (note.line, note.until.unwrap_or(note.line).max(note.line));
    let is_of = |then: &&str| note.anchor.as_ref().is_some_and(|anchor| anchor.is_of(then.as_bytes(), first, last));
    match then.filter(is_of) {
        Some(then) => match place_after(note, then, now) {
            Some((first, last)) => note.stand_at(first, last, now.as_bytes(), at),
            None => note.set_gone(),
        },
        None => note.follow(Some(now.as_bytes()), at),
    }
}

/// The first and the last line of a note in another text, 1-based: as the comparison has it, unless another block than
/// theirs encloses the lines there, or they rather went elsewhere; else by what is around them. Blocks that change
/// places have equal lines, which a comparison takes for the same.
fn place_after(note: &Note, then: &str, now: &str) -> Option<(u32, u32)> {
    let anchor = note.anchor.as_ref()?;
    let (first, last) = (note.line.checked_sub(1)?, note.until.unwrap_or(note.line).max(note.line));
    let texts = (with_line_feeds(then), with_line_feeds(now));
    let (old, new) = (texts.0.as_bytes(), texts.1.as_bytes());
    let lines = (Lines::of(old), Lines::of(new));
    let path = unescape(&note.path).map(|path| path.lossy().into_owned()).unwrap_or_default();
    let blocks = Blocks::of(&path, (&lines.0, old), (&lines.1, new));
    let may_be = |line: u32| {
        stays_within(&path, (&lines.0, old, first), (&lines.1, new, line - 1)) && blocks.stays(first, line - 1)
    };
    let stays = |lines: &Range<u32>| {
        let count = lines.end - lines.start;
        let moves = || anchor.is_likelier_elsewhere((old, first + 1), (new, lines.start + 1), count);
        may_be(lines.start + 1) && (count != note.count() || !moves())
    };
    match lines_after(old, new, first..last).filter(stays) {
        Some(lines) => Some((lines.start + 1, lines.end)),
        None => {
            let line = anchor.find_where(new, note.count(), may_be)?;
            Some((line, line.saturating_add(note.count() - 1)))
        }
    }
}

/// A text in which each line ends with a line feed alone: line ends make no other line.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') && text.ends_with('\n') {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let text = text.strip_suffix(['\n', '\r']).unwrap_or(&text);
    Cow::Owned(format!("{text}\n"))
}

/// Whether the change still removes one of the lines that a note on the old side is about.
fn is_removed(repository: &Repository, note: &Note, revision: &Revision, way: &Way, now: &Diff) -> bool {
    let file = now.files.iter().find(|file| file.old.is_some() && *file.from.as_ref().unwrap_or(&file.path) == way.now);
    // Without a new side that can be compared, all of it is removed.
    let Some(file) = file else { return false };
    let texts = (repository.text_at(revision.base, &way.now), repository.text_at(revision.head, &file.path));
    let (Some(old), Some(new)) = texts else { return true };
    let lines = note.line.saturating_sub(1)..note.until.unwrap_or(note.line);
    let removed = compare(old.as_bytes(), new.as_bytes()).edited();
    file.new.is_none() || removed.iter().any(|run| run.start.max(lines.start) < run.end.min(lines.end))
}

/// The old and the new path of a note's text, and the path of its file in the change: the old side of a moved file has
/// another path.
struct Way {
    then: RepoPath,
    now: RepoPath,
    file: RepoPath,
}

impl Way {
    fn of_new_side(path: RepoPath, renamed: &Renamed) -> Way {
        let now = renamed.names.get(&path).unwrap_or(&path).clone();
        Way { then: path, file: now.clone(), now }
    }

    fn of_old_side(path: RepoPath, now: &Diff, renamed: &Renamed) -> Way {
        let before = if renamed.then.files.is_empty() { now } else { &renamed.then };
        let then = old_path(before, &path);
        let same =
            now.files.iter().find(|file| file.old.is_some() && *file.from.as_ref().unwrap_or(&file.path) == then);
        let file = same.map(|file| &file.path).or_else(|| renamed.names.get(&path)).unwrap_or(&path).clone();
        Way { then, now: old_path(now, &file), file }
    }
}

/// The path of a file's old side.
fn old_path(diff: &Diff, path: &RepoPath) -> RepoPath {
    diff.at(path).and_then(|file| file.from.as_ref()).unwrap_or(path).clone()
}

fn anchor(repository: &Repository, note: &Note, then: Option<(ObjectId, &RepoPath)>, now: ObjectId) -> Anchor {
    let read = then.and_then(|(then, path)| Some((then, repository.text_at(then, path)?)));
    match read {
        Some((then, text)) => {
            Anchor::of(text.as_bytes(), note.line, note.until.unwrap_or(note.line), &then.to_string())
        }
        None => Anchor::lost(&now.to_string()),
    }
}

/// The path of a signed note at the base: for a moved file, the path of its old side. Records name files by their paths
/// in the head.
pub fn path_at_base(repository: &Repository, base: &str, head: &str, path: &str) -> Option<String> {
    let (path, base, head) = (unescape(path)?, base.parse().ok()?, head.parse().ok()?);
    if repository.text_at(base, &path).is_some() {
        return None;
    }
    let diff = git::diff(repository, repository.tree_of(base).ok()?, repository.tree_of(head).ok()?).ok()?;
    let text = |entry, most| git::small_text(repository, entry, most);
    Some(escape(&old_path(&renames::paired(diff, |_, _| true, text), &path)))
}

/// Lines of a path at a commit, 1-based, to show to people: bounded, not escaped, without secrets. None if they do not
/// exist.
pub fn quoted(repository: &Repository, commit: &str, path: &str, first: u64, last: u64) -> Option<String> {
    let text = repository.text_at(commit.parse().ok()?, &unescape(path)?)?;
    let (first, last) = (usize::try_from(first).ok()?, usize::try_from(last).ok()?);
    let all = last.saturating_sub(first.checked_sub(1)?);
    // The body of a key is known by its first line alone, which need not be among these.
    let safe = masked(&text);
    let safe: HashSet<&str> = safe.lines().collect();
    let shown = |line: &str| {
        let line = masked(line);
        if safe.contains(line.as_str()) { line } else { MASK.to_owned() }
    };
    let cut = |line: String| {
        let end = line.char_indices().nth(MAX_LINE).map_or(line.len(), |(at, _)| at);
        if end < line.len() { format!("{} …", &line[..end]) } else { line }
    };
    let mut lines: Vec<String> = text.lines().skip(first - 1).take(all.min(MAX_QUOTED)).map(shown).map(cut).collect();
    if lines.is_empty() {
        return None;
    }
    if all > MAX_QUOTED {
        lines.push(format!("… ({} more lines)", all - MAX_QUOTED));
    }
    Some(lines.join("\n"))
}

/// All paths in the head of a change, for a note on any of them.
///
/// # Errors
/// There are more than the limit, or an object is missing.
pub fn paths(repository: &Repository, revision: &Revision) -> Result<Vec<RepoPath>, GitError> {
    let all = git::diff(repository, EMPTY_TREE, revision.head_tree)?;
    Ok(all.files.into_iter().map(|file| file.path).collect())
}
