//! Findings and notes as rows below the lines that they are about.

use std::collections::{BTreeMap, BTreeSet};

use unicode_width::UnicodeWidthStr as _;

use super::super::layout::Shape;
use super::{Omission, Row, place_of};
use crate::app::text::fold;
use crate::change::diff::Side;
use crate::decision::Note;
use crate::examination::FileMaterial;
use crate::examination::comments::Remark;
use crate::risk::Finding;

/// A finding at one of its places: its index in the list of all findings, and the index of the place in its own list.
#[derive(Debug, Clone, Copy)]
pub struct Located<'r> {
    pub finding: usize,
    pub place: usize,
    pub of: &'r Finding,
    pub answer: Option<&'r String>,
}

/// Rows by side and 1-based line; line 0 is the file as a whole.
#[derive(Debug, Clone, Default)]
pub struct Remarks {
    rows: BTreeMap<(bool, u32), Vec<Row>>,
}

impl Remarks {
    /// From findings and notes with their indices in the lists of all, and the name of the file in notes. A finding
    /// with several places has its details at the first of them in the file.
    pub fn new<'r>(
        findings: impl Iterator<Item = Located<'r>>,
        notes: impl Iterator<Item = (usize, &'r Note)>,
        name: &str,
        shape: Shape,
    ) -> Remarks {
        let mut rows: BTreeMap<_, Vec<Row>> = BTreeMap::new();
        let mut before = None;
        for Located { finding, place, of, answer } in findings {
            let location = of.location_at(place);
            let at = rows.entry((location.side == Side::Old, location.line)).or_default();
            let is_first = before.replace(finding) != Some(finding);
            let (finding, place) = (finding as u32, place as u32);
            at.push(Row::Finding { finding, place });
            if is_first {
                let answer = answer.map_or(0, |answer| answer_lines(answer, shape).len());
                let parts = 0..(detail(of, answer > 0, shape).len() + answer) as u32;
                at.extend(parts.map(|part| Row::FindingDetail { finding, part }));
            }
        }
        for (note, n) in notes {
            // Below the last line of what it is about; on the file, if the lines do not exist.
            let is_here = n.path == name && !n.is_outdated();
            let place = if is_here { (n.old_side, n.until.unwrap_or(n.line)) } else { (false, 0) };
            let parts = 0..note_lines(n, name, shape).len() as u32;
            rows.entry(place).or_default().extend(parts.map(|part| Row::Note { note: note as u32, part }));
        }
        Remarks { rows }
    }

    /// Adds what colleagues wrote, below the notes of one's own at the same place.
    pub fn add_comments<'r>(&mut self, comments: impl Iterator<Item = (usize, &'r Remark)>, name: &str, shape: Shape) {
        for (comment, remark) in comments {
            let note = &remark.note;
            let is_here = note.path == name && !note.is_outdated();
            let place = if is_here { (note.old_side, note.until.unwrap_or(note.line)) } else { (false, 0) };
            let parts = 0..comment_lines(remark, name, shape).len() as u32;
            let rows = parts.map(|part| Row::Comment { comment: comment as u32, part });
            self.rows.entry(place).or_default().extend(rows);
        }
    }

    pub fn push(&self, old: bool, line: u32, rows: &mut Vec<Row>) {
        rows.extend(self.rows.get(&(old, line)).into_iter().flatten());
    }

    /// Those that are at no line of a hunk: on the file, and on lines that are folded or outside all hunks.
    pub fn push_top(&self, file: &FileMaterial, folded: bool, rows: &mut Vec<Row>) {
        if self.rows.is_empty() {
            return;
        }
        let lines = file.comparison.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|_| !folded);
        let shown: BTreeSet<(bool, u32)> =
            lines.map(|line| place_of(*line)).filter(|place| self.rows.contains_key(place)).collect();
        rows.extend(self.rows.iter().filter(|(place, _)| !shown.contains(place)).flat_map(|(_, rows)| rows));
    }
}

/// The indent of the wrapped texts of findings and notes.
const INDENT: usize = 8;

/// The columns of the cursor, and of the mark of severity before the rule.
const BEFORE_RULE: usize = 7;

/// The columns behind the title of a finding: which of its places it is, and how to answer it, or that it is answered.
pub fn behind_title(place_of: &str, is_answered: bool) -> usize {
    place_of.width() + if is_answered { 20 } else { 14 }
}

/// Which of its places a finding is at; empty if it has only one. Counts from 0.
pub fn place_of_all(finding: &Finding, place: usize) -> String {
    if finding.count() > 1 { format!("  {} of {}", place + 1, finding.count()) } else { String::new() }
}

/// Whether the title of a finding is too long for its row, and is below it.
pub fn title_is_cut(finding: &Finding, is_answered: bool, shape: Shape) -> bool {
    // The longest of them: the first place in a file need not be the first of all.
    let behind = behind_title(&place_of_all(finding, finding.count() - 1), is_answered);
    BEFORE_RULE + finding.rule.width() + 2 + finding.title_at(0).width() + behind > shape.columns
}

/// What is said below the title of a finding: the title in full if its row cuts it, since the object and its values are
/// at the end; then why it matters and what to ask, wrapped.
pub fn detail(finding: &Finding, is_answered: bool, shape: Shape) -> Vec<String> {
    let columns = shape.columns.saturating_sub(INDENT).max(20);
    let mut rows =
        if title_is_cut(finding, is_answered, shape) { fold(finding.title_at(0), columns) } else { Vec::new() };
    rows.extend(fold(&format!("{} {}", finding.why, finding.ask), columns));
    rows
}

/// The reviewer's answer to a finding, wrapped.
pub fn answer_lines(answer: &str, shape: Shape) -> Vec<String> {
    fold(&format!("✓ {answer}"), shape.columns.saturating_sub(INDENT).max(20))
}

/// A sentence about the file, wrapped.
pub fn sentence_lines(sentence: &str, shape: Shape) -> Vec<String> {
    fold(sentence, shape.columns.saturating_sub(5).max(20))
}

/// The columns beside the text of an omission: its sign, and how it is acknowledged.
const BESIDE_OMISSION: usize = 24;
/// The columns that it gets even without room beside its longest line.
const OMISSION: usize = 32;

/// The text of an omission, wrapped.
pub fn omission_lines(omission: &Omission, shape: Shape) -> Vec<String> {
    let (beside, whole) = (shape.columns.saturating_sub(BESIDE_OMISSION), shape.columns.saturating_sub(5));
    fold(&omission.what, beside.max(OMISSION).min(whole).max(20))
}

/// A note in the named file, wrapped; with its place, if that is not the line above.
pub fn note_lines(note: &Note, name: &str, shape: Shape) -> Vec<String> {
    let place = match note.until {
        _ if note.path != name => format!("{}: ", note.place()),
        _ if note.is_outdated() => format!("outdated, about {}: ", note.quote()),
        Some(until) if until != note.line => format!("lines {}–{until}: ", note.line),
        _ => note.whole.as_ref().map_or_else(String::new, |whole| format!("on {whole}: ")),
    };
    fold(&format!("{place}{}", note.text), shape.columns.saturating_sub(INDENT).max(20))
}

/// What a colleague wrote, wrapped: who, what it is about if that is not the line above, and the words in quotes.
pub fn comment_lines(remark: &Remark, name: &str, shape: Shape) -> Vec<String> {
    fold(&remark.said(name), shape.columns.saturating_sub(INDENT).max(20))
}
