//! Which lines of a file a comment is about: Review Board counts the rows of its rendered side-by-side diff.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::comments::{Comment as Remark, Place};
use super::shapes::{Links, href};
use crate::change::ObjectId;

/// A comment on a diff: its lines are rows of the rendered side-by-side diff. Also one on the request as a whole, which
/// has none.
#[derive(Deserialize)]
pub(super) struct DiffComment {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) first_line: u32,
    #[serde(default)]
    pub(super) num_lines: u32,
    #[serde(default)]
    pub(super) text: String,
    /// `open`, `resolved`, `dropped`; empty if it opened no issue.
    pub(super) issue_status: Option<String>,
    #[serde(default)]
    pub(super) extra_data: Value,
    pub(super) links: Links,
}

impl DiffComment {
    /// The number of the comment that it answers.
    fn answers(&self) -> Option<u64> {
        let link = href(&self.links, "reply_to").trim_end_matches('/');
        link.rsplit_once('/')?.1.parse().ok()
    }
}

#[derive(Deserialize)]
pub(super) struct Rendered {
    pub(super) diff_data: DiffData,
}

impl Rendered {
    /// By row, the lines that it shows.
    pub(super) fn rows(self) -> BTreeMap<u32, Rows> {
        let number =
            |line: &[Value], at: usize| line.get(at).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let lines = self.diff_data.chunks.into_iter().flatten().flat_map(|chunk| chunk.lines);
        let row = |line: Vec<Value>| Some((number(&line, 0)?, Rows { old: number(&line, 1), new: number(&line, 4) }));
        lines.filter_map(row).collect()
    }
}

#[derive(Deserialize)]
pub(super) struct DiffData {
    pub(super) chunks: Option<Vec<Chunk>>,
}

#[derive(Deserialize)]
pub(super) struct Chunk {
    /// Row, line before, its text, …, line after, its text, …; a line that does not exist is an empty text.
    pub(super) lines: Vec<Vec<Value>>,
}

/// The lines before and after that a row shows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rows {
    pub(super) old: Option<u32>,
    pub(super) new: Option<u32>,
}

/// A file of a diff, with the commit whose text is on its new side.
pub(super) struct Diffed {
    pub(super) head: Option<ObjectId>,
    pub(super) old_path: String,
    pub(super) path: String,
    /// By row.
    pub(super) rows: BTreeMap<u32, Rows>,
}

impl Diffed {
    /// Where a comment is: on the new side, if the first of its rows has a line there.
    pub(super) fn place(&self, comment: &DiffComment) -> Place {
        let last = comment.first_line.saturating_add(comment.num_lines.max(1) - 1);
        let rows: Vec<Rows> = self.rows.range(comment.first_line..=last).map(|(_, rows)| *rows).collect();
        let old_side = rows.iter().all(|rows| rows.new.is_none()) && rows.iter().any(|rows| rows.old.is_some());
        let line = |rows: &Rows| if old_side { rows.old } else { rows.new };
        let path = if old_side { &self.old_path } else { &self.path };
        Place {
            head: self.head,
            base: None,
            path: path.clone(),
            old_side,
            line: rows.iter().find_map(line).unwrap_or_default(),
            until: rows.iter().rev().find_map(line).unwrap_or_default(),
        }
    }
}

/// A comment with whose it is, and what it answers.
pub(super) struct Said {
    pub(super) account: String,
    pub(super) service: Option<String>,
    /// The review that it belongs to, or the one that its own answers.
    pub(super) review: u64,
    pub(super) part: Part,
    pub(super) comment: DiffComment,
}

/// The lists of comments of a review. Each numbers its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Diff,
    General,
}

impl Part {
    pub(super) const ALL: [Part; 2] = [Part::Diff, Part::General];

    /// The name of its list, and that of one of it.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Part::Diff => ("diff_comments", "diff_comment"),
            Part::General => ("general_comments", "general_comment"),
        }
    }

    /// A comment of a review, as it is called here.
    fn id(self, review: u64, comment: u64) -> String {
        format!("{review}/{}{comment}", if self == Part::General { "g" } else { "" })
    }

    /// The part, and the number, of what is called so within its review.
    pub(super) fn named(name: &str) -> (Part, &str) {
        name.strip_prefix('g').map_or((Part::Diff, name), |number| (Part::General, number))
    }
}

/// The text above the comments of a review is called so within it.
pub(super) const TOP: &str = "top";

/// None of a file: it is about the request as a whole.
pub(super) fn remark(said: Said, diffed: Option<&Diffed>) -> Remark {
    let Said { account, service, review, part, comment } = said;
    // Programs put it beside the text: `severity`, or the same below `risk`.
    let data = |name: &str| {
        let own = comment.extra_data.get(name).or_else(|| comment.extra_data.get("risk")?.get(name));
        own.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    Remark {
        id: part.id(review, comment.id),
        answers: comment.answers().map(|first| part.id(review, first)),
        account,
        program: service,
        place: diffed.map(|diffed| diffed.place(&comment)).unwrap_or_default(),
        is_resolved: comment.issue_status.as_deref().is_some_and(|status| matches!(status, "resolved" | "dropped")),
        rule: data("rule"),
        severity: data("severity"),
        text: comment.text,
    }
}
