//! Changes of a file that are not lines, as sentences; and what is not shown, to be acknowledged.

use super::{MAX_LINE_BYTES, place_of};
use crate::change::compare::Line;
use crate::change::counted;
use crate::change::diff::{Content, FileDiff, Mode, TreeEntry, recoded};
use crate::change::digest::Digest;
use crate::examination::FileMaterial;

/// Something that is not shown line by line, to be acknowledged with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    pub key: String,
    pub what: String,
    pub kind: Kind,
    pub spot: Spot,
}

/// Why something is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Binary,
    TooLarge,
    Submodule,
    Lfs,
    LongLine,
    Folded,
}

/// Where an omission is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Above the lines of the file.
    Top,
    /// In their place while the file is folded.
    Fold,
    /// Below a line that is too long.
    Line { hunk: u32, line: u32 },
}

/// The least number of changed lines for folding a generated file: more than a screen.
const FOLDED_FROM: u32 = 60;
/// The least average line length, in bytes, of a text that counts as minified.
const MINIFIED_LINE: usize = 400;

/// The content of both sides of a file that is not shown as lines; none where it is only at another path.
pub fn of_contents(file: &FileMaterial) -> Vec<Omission> {
    let mut found = Vec::new();
    if is_only_moved(&file.diff) {
        return found;
    }
    for (content, entry, side) in [(&file.old, file.diff.old, " before"), (&file.new, file.diff.new, " after")] {
        let Some((kind, what)) = content.as_ref().and_then(|content| told(content, entry, side)) else { continue };
        let id = entry.map(|entry| entry.id.to_string()).unwrap_or_default();
        let key = key_of(&file.diff, &format!("omission {what} {id}"));
        found.push(Omission { key, what, kind, spot: Spot::Top });
    }
    found
}

/// What is not shown of a file that is only at another path, and why nothing needs to be said to it. Records name such
/// files too: a gate reads each path by itself.
pub fn of_move(file: &FileMaterial) -> Option<(String, String)> {
    let from = file.diff.from.as_ref().filter(|_| is_only_moved(&file.diff))?;
    let (_, what) = told(file.new.as_ref()?, file.diff.new, MOVED)?;
    Some((what, format!("It is the same object, in the same mode, as {from} in the base.")))
}

/// The same object in the same mode was in the base, at another path.
fn is_only_moved(diff: &FileDiff) -> bool {
    diff.old.is_some() && diff.old == diff.new
}

/// What is said of a content that only moved, instead of its side.
const MOVED: &str = ", moved";

/// A content that is not shown as lines, in words.
fn told(content: &Content, entry: Option<TreeEntry>, side: &str) -> Option<(Kind, String)> {
    Some(match content {
        Content::Binary { size, digest, kind, readable } => {
            let shown = if readable.is_some() && side != MOVED { "; what can be read of it is below" } else { "" };
            (Kind::Binary, format!("{kind}{side}: {}, sha256 {}{shown}", bytes_text(*size), digest.short()))
        }
        Content::TooLarge { size } => {
            let id = entry.map(|entry| entry.id.to_string()).unwrap_or_default();
            let what = format!("too large to compare{side}: {}, object {}", bytes_text(*size), &id[..id.len().min(12)]);
            (Kind::TooLarge, what)
        }
        Content::Submodule(commit) => {
            let what = format!("submodule{side}: commit {commit}; its files are not in this repository");
            (Kind::Submodule, what)
        }
        Content::LfsPointer(_) => (Kind::Lfs, format!("Git LFS pointer{side}: the content itself is elsewhere")),
        _ => return None,
    })
}

/// The rest of a line beyond the part that is laid out. Its key depends on that of its hunk: the same line somewhere
/// else is another omission.
pub fn of_long_line(file: &FileMaterial, line: Line, bytes: &[u8], spot: Spot, hunk: &str) -> Omission {
    let (_, number) = place_of(line);
    let what =
        format!("line {number} goes on for {} more than is shown", bytes_text((bytes.len() - MAX_LINE_BYTES) as u64));
    let key = key_of(&file.diff, &format!("long {hunk} {}", Digest::of(bytes)));
    Omission { key, what, kind: Kind::LongLine, spot }
}

/// A long generated file, as one row; none if it must be read like any other.
pub fn of_fold(file: &FileMaterial) -> Option<Omission> {
    let comparison = &file.comparison;
    let changed = comparison.added + comparison.removed;
    let lines = if file.new.is_some() { &comparison.new } else { &comparison.old };
    let text = file.new.as_ref().or(file.old.as_ref()).and_then(Content::text).unwrap_or_default();
    let is_minified = text.len() / (lines.count().max(1) as usize) > MINIFIED_LINE && text.len() > 20_000;
    let kind = crate::risk::kind_of_machine_file(&file.diff.path.lossy()).or(is_minified.then_some("minified"))?;
    if changed < FOLDED_FROM && !is_minified {
        return None;
    }
    let hunks = counted(comparison.hunks.len(), "hunk");
    let what = format!("{kind}, folded: +{} −{} in {hunks}; enter opens it", comparison.added, comparison.removed);
    let id = |entry: Option<TreeEntry>| entry.map(|entry| entry.id.to_string()).unwrap_or_default();
    let key = key_of(&file.diff, &format!("fold {} {}", id(file.diff.old), id(file.diff.new)));
    Some(Omission { key, what, kind: Kind::Folded, spot: Spot::Fold })
}

/// A number of bytes for display.
pub fn bytes_text(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{}.{} KB", size / 1_000, size % 1_000 / 100),
        _ => format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

/// The remarks on a file beyond its lines.
pub fn sentences(file: &FileMaterial) -> Vec<String> {
    let mut sentences: Vec<String> = [
        moved(file),
        modes(file),
        emptiness(file),
        final_newline(file),
        line_ends(file),
        encoding(file),
        form(file),
        coarse(file),
    ]
    .into_iter()
    .flatten()
    .collect();
    sentences.extend(file.passed.iter().cloned());
    if file.comparison.hunks.is_empty() && sentences.is_empty() && of_contents(file).is_empty() {
        sentences.push("no line of text changed".to_owned());
    }
    sentences
}

/// Its old or new path; a file that only moved is not read again.
fn moved(file: &FileMaterial) -> Option<String> {
    if let Some(counterpart) = &file.diff.counterpart {
        let (path, change) = (&counterpart.path, if file.diff.changed_across() { ", and changed" } else { "" });
        return Some(match file.diff.new {
            Some(_) => format!("moved from {path}{change}; here it means something else: read it as new"),
            None => format!("moved to {path}{change}; there it means something else"),
        });
    }
    let from = file.diff.from.as_ref()?;
    let is_equal = file.diff.old.map(|entry| entry.id) == file.diff.new.map(|entry| entry.id);
    let what = if is_equal { "; the same content, byte for byte" } else { "; below is what changed besides" };
    Some(format!("moved from {from}{what}"))
}

fn modes(file: &FileMaterial) -> Option<String> {
    let noun = |mode: Mode| match mode {
        Mode::File => "an ordinary file",
        Mode::Executable => "an executable file",
        Mode::Symlink => "a symlink",
        Mode::Submodule => "a submodule",
    };
    match (file.diff.old, file.diff.new) {
        (Some(old), Some(new)) if old.mode != new.mode => {
            let (was, is) = (noun(old.mode), noun(new.mode));
            Some(format!("mode {} → {}: was {was}, is {is}", old.mode.octal(), new.mode.octal()))
        }
        (None, Some(new)) if new.mode != Mode::File => Some(format!("new, {}", noun(new.mode))),
        (Some(old), None) if old.mode != Mode::File => Some(format!("was {}", noun(old.mode))),
        _ => None,
    }
}

fn emptiness(file: &FileMaterial) -> Option<String> {
    let is_empty = |content: &Option<Content>| content.as_ref().and_then(Content::text).is_some_and(<[u8]>::is_empty);
    if is_empty(&file.new) {
        Some("the file is empty now".to_owned())
    } else if is_empty(&file.old) && file.new.is_none() {
        Some("the file was empty, and is gone".to_owned())
    } else {
        None
    }
}

fn final_newline(file: &FileMaterial) -> Option<String> {
    file.new.as_ref()?;
    let (old, new) = (file.comparison.old.lacks_final_newline(), file.comparison.new.lacks_final_newline());
    if new && !file.comparison.hunks.is_empty() {
        Some("no newline at the end of the file".to_owned())
    } else if old && !new {
        Some("the newline at the end of the file was missing before".to_owned())
    } else {
        None
    }
}

/// Changes of line endings between LF and CRLF: every such line is in the diff, with its ␍.
pub fn line_ends(file: &FileMaterial) -> Option<String> {
    let ends = |content: &Option<Content>| {
        let text = content.as_ref().and_then(Content::text)?;
        let lines = text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
        Some(lines.fold(
            (0usize, 0usize),
            |(lf, crlf), line| {
                if line.ends_with(b"\r\n") { (lf, crlf + 1) } else { (lf + 1, crlf) }
            },
        ))
    };
    let name = |(lf, crlf): (usize, usize)| match (lf, crlf) {
        (0, 0) => None,
        (_, 0) => Some("LF"),
        (0, _) => Some("CRLF"),
        _ => Some("LF and CRLF mixed"),
    };
    let (old, new) = (ends(&file.old).and_then(name), ends(&file.new).and_then(name));
    match (old, new) {
        (Some(old), Some(new)) if old != new => Some(format!("line endings: were {old}, are {new}")),
        (None, Some(new)) if new != "LF" && file.old.is_none() => Some(format!("line endings: {new}")),
        _ => None,
    }
}

/// The comparison gave up: a small edit may hide in what is shown as replaced.
fn coarse(file: &FileMaterial) -> Option<String> {
    let text = "too large and too repetitive to compare line by line: a stretch is shown as replaced whole, also what is the same";
    file.comparison.coarse.then(|| text.to_owned())
}

/// The encoding of a text, if it is not UTF-8.
fn form(file: &FileMaterial) -> Option<String> {
    let name = |content: &Option<Content>| content.as_ref()?.encoding().map(|encoding| encoding.name());
    let shown = || name(&file.new).or(name(&file.old)).map(|name| format!("the text is {name}, shown as UTF-8"));
    recoded(file.old.as_ref(), file.new.as_ref()).or_else(shown)
}

/// Bytes that are not UTF-8: drawn as `<FF>`, one by one.
fn encoding(file: &FileMaterial) -> Option<String> {
    let invalid = |content: &Option<Content>| {
        let text = content.as_ref().and_then(Content::text).unwrap_or_default();
        text.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>()
    };
    match (invalid(&file.old), invalid(&file.new)) {
        (0, 0) => None,
        (old, 0) if file.new.is_some() => Some(format!("the text is UTF-8 now; {} were not", counted(old, "byte"))),
        (old, new) => Some(format!("the text is not UTF-8: {} drawn in hex, like <FF>", counted(old.max(new), "byte"))),
    }
}

/// A key from path, modes and what it is about: long enough a digest that an author cannot find two contents with the
/// same.
pub fn key_of(diff: &FileDiff, rest: &str) -> String {
    let mode = |entry: Option<TreeEntry>| entry.map_or("000000", |e| e.mode.octal());
    let mut text = format!("{} {} {rest}\0", mode(diff.old), mode(diff.new)).into_bytes();
    text.extend_from_slice(&diff.path.0);
    if let Some(from) = &diff.from {
        text.push(0);
        text.extend_from_slice(&from.0);
    }
    Digest::of(&text).key()
}
