//! The one place that decides what a line of the reader is. Navigation, marks, coverage, search and drawing read these
//! rows. Every changed line is in exactly one hunk and has at least one row; a long line has several.

use std::collections::BTreeMap;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::text::fold;
use crate::change::compare::{Hunk, Line};
use crate::change::diff::{Content, FileDiff, Mode};
use crate::change::manifest::Digest;
use crate::change::visible;
use crate::decision::Note;
use crate::risk::Finding;
use crate::survey::FileMaterial;

/// Bytes of one line that are laid out; the rest is an omission to acknowledge.
pub const MAX_LINE_BYTES: usize = 20_000;
/// Columns of a tab stop.
const TAB: usize = 4;

/// One line of the screen. Numbers are positions in the file's own lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    File,
    /// A sentence about the file: mode changes, missing newlines, moved content.
    Info {
        mark: usize,
        text: usize,
    },
    Omission {
        omission: usize,
    },
    Hunk {
        hunk: usize,
    },
    /// Bytes `from..to` of a line; `from` is 0 on its first row.
    Line {
        hunk: usize,
        line: usize,
        from: u32,
        to: u32,
    },
    Finding {
        finding: usize,
    },
    /// Why it matters and what to ask: one line of the folded text.
    FindingDetail {
        finding: usize,
        part: usize,
    },
    Note {
        note: usize,
    },
    Waiting,
    Failed,
    Gap,
}

/// Something that is not shown line by line, to be acknowledged with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    pub key: String,
    pub what: String,
}

/// Something to mark as seen: a hunk, or a file that changed without lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// From path, modes, lines and ordinal: survives a rebase, falls where the content changed.
    pub key: String,
    /// Its rows in the file.
    pub rows: Range<usize>,
}

/// The rows of one file with what they refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRows {
    pub rows: Vec<Row>,
    pub marks: Vec<Mark>,
    pub omissions: Vec<Omission>,
    pub infos: Vec<String>,
}

impl FileRows {
    /// A file whose texts are not here yet.
    pub fn waiting() -> FileRows {
        FileRows { rows: vec![Row::File, Row::Waiting, Row::Gap], ..FileRows::default() }
    }

    pub fn failed() -> FileRows {
        FileRows { rows: vec![Row::File, Row::Failed, Row::Gap], ..FileRows::default() }
    }

    /// Lays out a file. `findings` are those of this file with their places in the caller's list.
    pub fn build(
        file: &FileMaterial,
        findings: &[(usize, &Finding)],
        notes: &[(usize, &Note)],
        width: usize,
    ) -> FileRows {
        let mut out = FileRows { rows: vec![Row::File], ..FileRows::default() };
        out.omissions = omissions(file);
        out.infos = infos(file);
        let remarks = Remarks::new(findings, notes, width);
        remarks.push(true, 0, &mut out.rows);
        remarks.push(false, 0, &mut out.rows);
        (0..out.omissions.len()).for_each(|omission| out.rows.push(Row::Omission { omission }));
        let start = out.rows.len();
        (0..out.infos.len()).for_each(|text| out.rows.push(Row::Info { mark: 0, text }));
        let (hunks, long) = (&file.comparison.hunks, &mut Vec::new());
        if hunks.is_empty() && out.omissions.is_empty() {
            out.marks.push(Mark { key: file_key(&file.diff), rows: start..out.rows.len() });
        }
        for (index, hunk) in hunks.iter().enumerate() {
            let start = out.rows.len();
            out.rows.push(Row::Hunk { hunk: index });
            for (at, line) in hunk.lines.iter().enumerate() {
                let bytes = bytes_of(file, *line);
                for part in wrap(bytes, width) {
                    out.rows.push(Row::Line { hunk: index, line: at, from: part.start as u32, to: part.end as u32 });
                }
                if bytes.len() > MAX_LINE_BYTES && !matches!(line, Line::Context { .. }) {
                    long.push(omission_of_long_line(file, *line, bytes));
                    out.rows.push(Row::Omission { omission: out.omissions.len() + long.len() - 1 });
                }
                let (old, number) = place_of(*line);
                remarks.push(old, number, &mut out.rows);
            }
            out.marks.push(Mark { key: hunk_key(file, hunk, index), rows: start..out.rows.len() });
        }
        out.omissions.append(long);
        out.rows.push(Row::Gap);
        out
    }

    /// The mark that a row belongs to.
    pub fn mark_at(&self, row: usize) -> Option<usize> {
        // Marks are in the order of their rows.
        let at = self.marks.partition_point(|mark| mark.rows.end <= row);
        self.marks.get(at).filter(|mark| mark.rows.contains(&row)).map(|_| at)
    }
}

/// Findings and notes by side and line, for the rows below a line.
struct Remarks {
    rows: BTreeMap<(bool, u32), Vec<Row>>,
}

impl Remarks {
    fn new(findings: &[(usize, &Finding)], notes: &[(usize, &Note)], width: usize) -> Remarks {
        let mut rows: BTreeMap<_, Vec<Row>> = BTreeMap::new();
        for (finding, f) in findings {
            let old = f.location.side == crate::change::diff::Side::Old;
            let at = rows.entry((old, f.location.line)).or_default();
            at.push(Row::Finding { finding: *finding });
            at.extend((0..detail(f, width).len()).map(|part| Row::FindingDetail { finding: *finding, part }));
        }
        for (note, n) in notes {
            rows.entry((n.old_side, n.line)).or_default().push(Row::Note { note: *note });
        }
        Remarks { rows }
    }

    fn push(&self, old: bool, line: u32, rows: &mut Vec<Row>) {
        rows.extend(self.rows.get(&(old, line)).into_iter().flatten());
    }
}

/// Why a finding matters and what to ask, folded for a text width.
pub fn detail(finding: &Finding, width: usize) -> Vec<String> {
    fold(&format!("{} {}", finding.why, finding.ask), (width + super::GUTTER).saturating_sub(8))
}

/// Side and 1-based number that remarks on a line carry: a removed line is on the old side, all others on the new one.
pub fn place_of(line: Line) -> (bool, u32) {
    match line {
        Line::Removed { old } => (true, old + 1),
        Line::Added { new } | Line::Context { new, .. } => (false, new + 1),
    }
}

/// The bytes of a line of a file.
pub fn bytes_of(file: &FileMaterial, line: Line) -> &[u8] {
    match line {
        Line::Removed { old } => {
            file.comparison.old.get(file.old.as_ref().and_then(Content::text).unwrap_or_default(), old)
        }
        Line::Added { new } | Line::Context { new, .. } => {
            file.comparison.new.get(file.new.as_ref().and_then(Content::text).unwrap_or_default(), new)
        }
    }
}

/// A piece of a line ready to be drawn: printable text, its columns, and whether it is a mark for something hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub width: usize,
    pub hidden: bool,
    /// Where it starts in the line, in bytes.
    pub at: usize,
    /// How many bytes of the line it stands for.
    pub len: usize,
}

/// The pieces of a line from byte `from` on, up to [`MAX_LINE_BYTES`]: graphemes, marks for what is hidden, tabs as blanks.
pub fn pieces(line: &[u8], from: usize) -> impl Iterator<Item = Piece> + '_ {
    let end = line.len().min(MAX_LINE_BYTES);
    let mut at = from.min(end);
    let mut column = 0;
    line[at..end]
        .utf8_chunks()
        .flat_map(|chunk| {
            let valid = chunk.valid().graphemes(true).flat_map(split).map(|g| (g.to_owned(), g.len(), false));
            let invalid = chunk.invalid().iter().map(|&byte| (visible::byte_mark(byte), 1, true));
            valid.chain(invalid).collect::<Vec<_>>()
        })
        .map(move |(grapheme, len, hidden)| {
            let piece = piece(grapheme, at, len, hidden, column);
            at += len;
            column += piece.width;
            piece
        })
}

/// A grapheme with hidden characters in it falls apart, so that each of them is seen.
fn split(grapheme: &str) -> Vec<&str> {
    let emoji =
        !grapheme.is_ascii() && grapheme.chars().next().is_some_and(|c| !visible::is_hidden(c) && !c.is_alphanumeric());
    let only_joins = emoji && grapheme.chars().all(|c| matches!(c, '\u{200D}' | '\u{FE0F}') || !visible::is_hidden(c));
    if only_joins || !grapheme.chars().any(visible::is_hidden) {
        vec![grapheme]
    } else {
        grapheme.split_inclusive(|_| true).collect()
    }
}

fn piece(text: String, at: usize, len: usize, hidden: bool, column: usize) -> Piece {
    if text == "\t" {
        let width = TAB - column % TAB;
        return Piece { text: " ".repeat(width), width, hidden: false, at, len };
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if visible::is_hidden(c) => {
            let text = visible::mark(c).into_owned();
            Piece { width: text.width(), text, hidden: true, at, len }
        }
        // A combining mark alone has no column of its own: shown on a dotted circle.
        _ if text.width() == 0 => Piece { text: format!("◌{text}"), width: 1, hidden: true, at, len },
        _ => Piece { width: text.width(), text, hidden, at, len },
    }
}

/// Cuts a line into byte ranges that fit into `width` columns each. An empty line is one empty range.
fn wrap(line: &[u8], width: usize) -> Vec<Range<usize>> {
    let width = width.max(8);
    if line.len() <= width && line.iter().all(|b| (0x20..0x7F).contains(b)) {
        return std::iter::once(0..line.len()).collect();
    }
    let shown = &line[..line.len().min(MAX_LINE_BYTES)];
    if shown.iter().all(|b| matches!(b, b'\t' | 0x20..0x7F)) {
        return parts(plain_pieces(shown), width);
    }
    parts(pieces(line, 0).map(|piece| (piece.at, piece.len, piece.width)), width)
}

/// Place, bytes and columns of the pieces of a line of printable ASCII and tabs: nearly all code, without the cost of
/// looking for what hides in it.
fn plain_pieces(line: &[u8]) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
    let mut column = 0;
    line.iter().enumerate().map(move |(at, &byte)| {
        let width = if byte == b'\t' { TAB - column % TAB } else { 1 };
        column += width;
        (at, 1, width)
    })
}

fn parts(pieces: impl Iterator<Item = (usize, usize, usize)>, width: usize) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut end, mut used) = (Vec::new(), 0, 0, 0);
    for (at, len, columns) in pieces {
        if used + columns > width && end > start {
            parts.push(start..end);
            (start, used) = (end, 0);
        }
        used += columns;
        end = at + len;
    }
    parts.push(start..end);
    parts
}

fn omissions(file: &FileMaterial) -> Vec<Omission> {
    let mut found = Vec::new();
    for (content, side) in [(&file.old, "before"), (&file.new, "after")] {
        let what = match content {
            Some(Content::Binary { size }) => format!("binary {side}: {}", bytes_text(*size)),
            Some(Content::TooLarge { size }) => format!("too large to compare {side}: {}", bytes_text(*size)),
            Some(Content::Submodule(commit)) => {
                format!("submodule {side}: commit {commit}, whose files are not in this repository")
            }
            Some(Content::LfsPointer(_)) => format!("Git LFS pointer {side}: the content itself is elsewhere"),
            _ => continue,
        };
        let id = if side == "before" { file.diff.old } else { file.diff.new }
            .map(|entry| entry.id.to_string())
            .unwrap_or_default();
        found.push(Omission { key: key_of(&file.diff, &format!("omission {what} {id}")), what });
    }
    found
}

fn omission_of_long_line(file: &FileMaterial, line: Line, bytes: &[u8]) -> Omission {
    let (_, number) = place_of(line);
    let what =
        format!("line {number} goes on for {} more than is shown", bytes_text((bytes.len() - MAX_LINE_BYTES) as u64));
    Omission { key: key_of(&file.diff, &format!("long {}", Digest::of(bytes))), what }
}

/// Bytes for people.
pub fn bytes_text(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{}.{} KB", size / 1_000, size % 1_000 / 100),
        _ => format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

fn infos(file: &FileMaterial) -> Vec<String> {
    let mut infos = Vec::new();
    let mode = |mode: Mode| match mode {
        Mode::File => "an ordinary file",
        Mode::Executable => "an executable file",
        Mode::Symlink => "a symlink",
        Mode::Submodule => "a submodule",
    };
    match (file.diff.old, file.diff.new) {
        (Some(old), Some(new)) if old.mode != new.mode => {
            infos.push(format!(
                "mode {} → {}: was {}, is {}",
                old.mode.octal(),
                new.mode.octal(),
                mode(old.mode),
                mode(new.mode)
            ));
        }
        (None, Some(new)) if new.mode != Mode::File => infos.push(format!("new, {}", mode(new.mode))),
        (Some(old), None) if old.mode != Mode::File => infos.push(format!("was {}", mode(old.mode))),
        _ => {}
    }
    let is_empty = |content: &Option<Content>| content.as_ref().and_then(Content::text).is_some_and(<[u8]>::is_empty);
    if is_empty(&file.new) {
        infos.push("the file is empty now".to_owned());
    } else if is_empty(&file.old) && file.new.is_none() {
        infos.push("the file was empty, and is gone".to_owned());
    }
    let (old, new) = (file.comparison.old.lacks_final_newline(), file.comparison.new.lacks_final_newline());
    if new && file.new.is_some() && !file.comparison.hunks.is_empty() {
        infos.push("no newline at the end of the file".to_owned());
    } else if old && !new && file.new.is_some() {
        infos.push("the newline at the end of the file was missing before".to_owned());
    }
    if file.comparison.hunks.is_empty() && infos.is_empty() {
        infos.push("no line of text changed".to_owned());
    }
    infos
}

fn file_key(diff: &FileDiff) -> String {
    let id = |entry: Option<crate::change::diff::TreeEntry>| entry.map(|e| e.id.to_string()).unwrap_or_default();
    key_of(diff, &format!("file {} {}", id(diff.old), id(diff.new)))
}

fn hunk_key(file: &FileMaterial, hunk: &Hunk, ordinal: usize) -> String {
    let mut text = format!("hunk {ordinal}\n").into_bytes();
    for line in &hunk.lines {
        text.push(match line {
            Line::Context { .. } => b' ',
            Line::Removed { .. } => b'-',
            Line::Added { .. } => b'+',
        });
        text.extend_from_slice(bytes_of(file, *line));
        text.push(b'\n');
    }
    key_of(&file.diff, &Digest::of(&text).to_string())
}

fn key_of(diff: &FileDiff, rest: &str) -> String {
    let mode = |entry: Option<crate::change::diff::TreeEntry>| entry.map_or("000000", |e| e.mode.octal());
    let mut text = format!("{} {} {rest}\0", mode(diff.old), mode(diff.new)).into_bytes();
    text.extend_from_slice(&diff.path.0);
    Digest::of(&text).to_string()[..24].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::ObjectId;
    use crate::change::compare::compare;
    use crate::change::diff::TreeEntry;
    use proptest::prelude::*;

    fn file(old: &[u8], new: &[u8]) -> FileMaterial {
        let entry = |byte| Some(TreeEntry { mode: Mode::File, id: ObjectId([byte; 20]) });
        FileMaterial {
            diff: FileDiff { path: "a".into(), old: entry(1), new: entry(2) },
            old: Some(Content::Text(old.to_vec())),
            new: Some(Content::Text(new.to_vec())),
            comparison: compare(old, new),
        }
    }

    #[test]
    fn hidden_characters_are_marks_and_tabs_are_blanks() {
        let text: String = pieces(b"a\tb\x1b[0m\xe2\x80\xaex\xff", 0).map(|p| p.text).collect();
        assert_eq!(text, "a   b␛[0m<U+202E>x<FF>");
    }

    proptest! {
        #[test]
        fn rows_cover_every_changed_line_whole_and_once(old: Vec<u8>, new: Vec<u8>, width in 8usize..80) {
            let file = file(&old, &new);
            let rows = FileRows::build(&file, &[], &[], width);
            for (h, hunk) in file.comparison.hunks.iter().enumerate() {
                for (l, line) in hunk.lines.iter().enumerate() {
                    let parts: Vec<_> = rows.rows.iter().filter_map(|row| match *row {
                        Row::Line { hunk, line, from, to } if hunk == h && line == l => Some((from, to)),
                        _ => None,
                    }).collect();
                    prop_assert_eq!(parts[0].0, 0);
                    prop_assert_eq!(parts[parts.len() - 1].1 as usize, bytes_of(&file, *line).len());
                    prop_assert!(parts.windows(2).all(|pair| pair[0].1 == pair[1].0));
                }
            }
        }

        #[test]
        fn plain_lines_are_wrapped_as_all_others_are(line in "[ -~\t]{0,200}", width in 8usize..60) {
            let slow = parts(pieces(line.as_bytes(), 0).map(|piece| (piece.at, piece.len, piece.width)), width);
            prop_assert_eq!(wrap(line.as_bytes(), width), slow);
        }

        #[test]
        fn what_is_drawn_holds_no_control_character(line: Vec<u8>) {
            prop_assert!(pieces(&line, 0).all(|p| !p.text.chars().any(visible::is_control)));
        }
    }
}
