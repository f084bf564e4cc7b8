//! Left-over conflict markers that git writes into a file with a merge conflict.

use crate::change::diff::Side;
use crate::risk::blast::is_test;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// As git writes them, unless an attribute says otherwise.
const LENGTH: usize = 7;
/// Texts for people, in which the same characters are quotes, tables and headings.
const PROSE: &[&str] = &[".md", ".markdown", ".mdx", ".rst", ".adoc", ".txt", ".org", ".eml"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    /// What both sides had, in the styles diff3 and zdiff3.
    Base,
    Split,
    Theirs,
}

/// A line that has the form of a marker.
#[derive(Clone, Copy)]
struct Marker<'t> {
    /// Counts from 0.
    at: usize,
    kind: Kind,
    label: &'t str,
}

impl<'t> Marker<'t> {
    fn of(at: usize, line: &'t str) -> Option<Marker<'t>> {
        let kind = match line.as_bytes().first()? {
            b'<' => Kind::Ours,
            b'|' => Kind::Base,
            b'=' => Kind::Split,
            b'>' => Kind::Theirs,
            _ => return None,
        };
        let rest = line.trim_end_matches('\r').strip_prefix(&line[..1].repeat(LENGTH))?;
        let label = if rest.is_empty() { rest } else { rest.strip_prefix(' ')?.trim() };
        (kind != Kind::Split || label.is_empty()).then_some(Marker { at, kind, label })
    }
}

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    if is_test(&path) || !file.added().iter().any(|(_, line)| Marker::of(0, line).is_some()) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(file.new_text());
    let lines: Vec<&str> = text.split('\n').collect();
    let is_prose = PROSE.iter().any(|ending| path.to_ascii_lowercase().ends_with(ending));
    let markers = if is_prose { outside_of_fences(&lines) } else { all(&lines) };
    let others = markers.iter().any(|marker| marker.kind != Kind::Split);
    let say = |marker: &Marker<'_>| {
        let (_, line) = file.added().iter().find(|(number, _)| *number as usize == marker.at + 1)?;
        let sure = match marker.kind {
            Kind::Split => !others && !is_prose && !is_heading(&lines, marker.at),
            _ => !is_prose || is_surely(*marker, &markers, &lines),
        };
        let found = rules.of_check("merge.left-over", file, Side::New, marker.at as u32 + 1, line).filter(|_| sure)?;
        // Alone it may be a drawn line.
        let severity = if marker.kind == Kind::Split { Severity::Medium } else { found.severity };
        Some(Finding { severity, ..found })
    };
    markers.iter().filter_map(say).collect()
}

fn all<'t>(lines: &[&'t str]) -> Vec<Marker<'t>> {
    lines.iter().enumerate().filter_map(|(at, line)| Marker::of(at, line)).collect()
}

/// Text in a fence is an example.
fn outside_of_fences<'t>(lines: &[&'t str]) -> Vec<Marker<'t>> {
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let start = line.trim_start();
        match fence {
            Some(open) if start.starts_with(open) => fence = None,
            Some(_) => {}
            None if start.starts_with("```") || start.starts_with("~~~") => fence = Some(&start[..3]),
            None => found.extend(Marker::of(at, line)),
        }
    }
    found
}

/// Whether a marker in a text for people is real, and not a nested quote or a table row.
fn is_surely(marker: Marker<'_>, markers: &[Marker<'_>], lines: &[&str]) -> bool {
    let neighbours = [marker.at.wrapping_sub(1), marker.at + 1];
    let sign = lines[marker.at].chars().next();
    let alone = neighbours.iter().filter_map(|&at| lines.get(at)).all(|line| line.chars().next() != sign);
    let in_company = markers.iter().any(|other| other.kind != marker.kind);
    let label = marker.label;
    let one_word = !label.is_empty() && !label.contains([' ', '|']);
    let of_commit =
        label.split_once(' ').is_some_and(|(id, _)| id.len() >= 7 && id.chars().all(|c| c.is_ascii_hexdigit()));
    match marker.kind {
        Kind::Ours => !label.is_empty() || in_company,
        _ => alone && (in_company || one_word || of_commit || label == "merged common ancestors"),
    }
}

/// Whether a line is the underline or overline of a short title.
fn is_heading(lines: &[&str], at: usize) -> bool {
    let is_title = |line: &&str| {
        let line = line.trim_end();
        line.chars().count() <= LENGTH && line.starts_with(char::is_alphanumeric)
    };
    let above = at.checked_sub(1).and_then(|above| lines.get(above)).is_some_and(is_title);
    above || lines.get(at + 1).is_some_and(is_title)
}
