//! Lists of the content of a change: its files, what is still open, what it says about itself; and texts to copy.

use super::rows::{Outline, Row, bytes_of};
use super::target::{Anchor, Wanted};
use super::{Group, Review};
use crate::app::TextLine;
use crate::app::picker::{Badge, PickerEntry};
use crate::change::compare::Line;
use crate::change::diff::{Content, Side};
use crate::change::enclosing::enclosing;
use crate::change::manifest::escape;
use crate::change::{RepoPath, visible};
use crate::risk::masked;

/// A place that a list leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    File(usize),
    Hunk { index: usize, hunk: usize },
    Finding { index: usize, finding: usize },
    Omission { index: usize, omission: usize },
    Note(usize),
    Comment(usize),
    Place(Anchor),
}

/// Entries of a list of what is open.
pub const MAX_ITEMS: usize = 20_000;

/// A row of the file list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// The folder of the file at this position, which is on the next row.
    Folder(usize),
    File(usize),
}

/// The rows of the legend below the file list.
pub const LEGEND: usize = 3;

/// The rows for files in a list with this many rows, of which the first is its header.
pub fn list_room(page: usize) -> usize {
    page.saturating_sub(if page >= 16 { 2 + LEGEND } else { 1 }).max(1)
}

impl Review {
    /// Goes to the place of a list entry.
    pub fn reach(&mut self, goal: Goal) {
        match goal {
            Goal::File(index) => self.go_to_file(index),
            Goal::Place(anchor) => self.go_to(anchor),
            Goal::Hunk { index, hunk } => self.head_for(index, Wanted::Hunk(hunk as u32)),
            Goal::Finding { index, finding } => self.head_for(index, Wanted::Finding(finding as u32)),
            Goal::Omission { index, omission } => self.head_for(index, Wanted::Omission(omission as u32)),
            Goal::Comment(comment) => {
                let index = self.line_facts.colleagues.home(comment).or(self.document.order().first().copied());
                if let Some(index) = index {
                    self.head_for(index, Wanted::Comment(comment as u32));
                }
            }
            Goal::Note(note) => {
                let path = self.work.draft.notes.get(note).map(|note| note.path.clone()).unwrap_or_default();
                let index = self.diff.files.iter().position(|file| escape(&file.path) == path);
                let index = index.or(self.document.order().first().copied());
                if let Some(index) = index {
                    self.head_for(index, Wanted::Note(note as u32));
                }
            }
        }
    }

    /// The rows of the file list around the file under the cursor: a folder, then its files, as long as the order stays
    /// in that folder.
    pub fn listed(&self, room: usize) -> Vec<Listed> {
        let last = self.document.order().len();
        let height = |position: usize| match self.document.is_hidden(position) {
            true => 0,
            false => 1 + usize::from(self.begins_folder(position)),
        };
        let (mut first, mut used) = (self.current_file().min(last.saturating_sub(1)), 1);
        while first > 0 && used + height(first - 1) < room / 2 {
            first -= 1;
            used += height(first);
        }
        let shown = |position: &usize| !self.document.is_hidden(*position);
        let mut below: usize = (first..last).filter(shown).take(room).map(height).sum();
        while first > 0 && below + height(first - 1) < room {
            first -= 1;
            below += height(first);
        }
        let rows = (first..last).filter(shown).flat_map(|position| {
            let is_headed = self.begins_folder(position) || (position == first && !self.folder(position).is_empty());
            is_headed.then_some(Listed::Folder(position)).into_iter().chain([Listed::File(position)])
        });
        rows.take(room).collect()
    }

    /// The folder of a file, without the last slash; empty for the root.
    pub fn folder(&self, position: usize) -> String {
        if let Some(folder) = self.document.group_at(position).and_then(Group::folder) {
            return folder.trim_end_matches('/').to_owned();
        }
        let path = self.diff.files[self.document.order()[position]].path.to_string();
        path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
    }

    /// The folders before and after that of a file, as the list has them.
    pub fn folders_beside(&self, position: usize) -> Vec<String> {
        let own = self.folder(position);
        // In a folder with thousands of files the neighbour is too far away to search for.
        let near = |positions: &mut dyn Iterator<Item = usize>| {
            positions.take(100).map(|at| self.folder(at)).find(|folder| *folder != own)
        };
        let before = near(&mut (0..position).rev());
        before.into_iter().chain(near(&mut (position + 1..self.document.order().len()))).collect()
    }

    fn begins_folder(&self, position: usize) -> bool {
        let folder = self.folder(position);
        let before = (0..position).rev().find(|before| !self.document.is_hidden(*before));
        before.map_or_else(|| !folder.is_empty(), |before| folder != self.folder(before))
    }

    /// The number of seen hunks of a file, and of all.
    pub fn marks_of(&self, position: usize) -> (usize, usize) {
        let Some(inventory) = self.document.inventory_at(position) else { return (0, 0) };
        if let Some(group) = self.document.group_at(position) {
            return (usize::from(self.is_group_seen(group)), 1);
        }
        let marks = inventory.marks(self.document.rows()[position].folded);
        (marks.iter().filter(|key| self.work.is_seen(key)).count(), marks.len())
    }

    /// Goes to a file by its row in the file list, whose first row is a header.
    pub fn go_to_listed(&mut self, row: usize, page: usize) {
        let rows = self.listed(list_room(page));
        let listed = row.checked_sub(1).and_then(|row| rows.get(row));
        if let Some(Listed::File(position) | Listed::Folder(position)) = listed {
            self.go_to_file(self.document.order()[*position]);
        }
    }

    /// Rows of the selection.
    pub fn selected_rows(&self) -> std::ops::Range<usize> {
        let start = self.viewport.selection.as_ref().and_then(|start| self.document.row_at(start));
        let Some((position, row)) = start else { return 0..0 };
        let start = self.document.start_of(position) + row;
        start.min(self.viewport.cursor())..start.max(self.viewport.cursor()) + 1
    }

    /// All files, in the order of the screen.
    pub fn file_entries(&self) -> Vec<PickerEntry<Goal>> {
        let entry = |(position, &index): (usize, &usize)| {
            let inventory = self.document.files()[index].inventory.as_ref();
            let worst = self.findings.in_file(index).map(|(_, finding)| finding.severity).max();
            let seen = if self.is_file_seen(position) { Badge::Seen } else { Badge::Unseen };
            PickerEntry {
                label: self.diff.files[index].path.to_string(),
                detail: inventory.map(|i| format!("+{} −{}", i.added, i.removed)).unwrap_or_default(),
                badge: worst.filter(|_| seen == Badge::Unseen && !self.findings.blind).map_or(seen, Badge::Severity),
                choice: Goal::File(index),
            }
        };
        self.document.order().iter().enumerate().map(entry).collect()
    }

    /// Everything that is still open, and the reviewer's own notes: findings first, then omissions, hunks, notes,
    /// bookmarks.
    pub fn items(&self) -> Vec<PickerEntry<Goal>> {
        let mut items: Vec<PickerEntry<Goal>> = if self.findings.blind { Vec::new() } else { self.open_findings() };
        items.extend(self.open_omissions());
        items.extend(self.unseen_hunks());
        items.extend(
            self.work.draft.notes.iter().enumerate().map(|(at, note)| {
                entry(Badge::Note, format!("{}  {}", note.place(), note.text), "note", Goal::Note(at))
            }),
        );
        let colleagues = self.line_facts.colleagues.all().iter().enumerate().filter(|_| !self.findings.blind);
        items.extend(colleagues.filter(|(_, remark)| !remark.is_resolved).map(|(at, remark)| {
            let label = format!("{}  {}: {}", visible::text(&remark.note.place()), remark.by, remark.note.text);
            let what = if remark.is_signed { "rejection" } else { "comment" };
            entry(Badge::Note, label.replace('\n', " "), what, Goal::Comment(at))
        }));
        items.extend(self.jumps.bookmarks().iter().map(|mark| {
            let path = self.diff.files.get(mark.index).map(|file| file.path.to_string()).unwrap_or_default();
            entry(Badge::Bookmark, path, "marked", Goal::Place(*mark))
        }));
        items.truncate(MAX_ITEMS);
        items
    }

    /// The first finding without an answer, or else the first omission without one.
    pub fn first_open_item(&self) -> Option<Goal> {
        let findings = if self.findings.blind { Vec::new() } else { self.open_findings() };
        findings.into_iter().chain(self.open_omissions()).next().map(|entry| entry.choice)
    }

    fn open_findings(&self) -> Vec<PickerEntry<Goal>> {
        let mut open = Vec::new();
        for &index in self.document.order() {
            for (finding, f) in self.findings.counted_in(index).filter(|(finding, _)| !self.is_answered(*finding)) {
                let gone = if f.location.side == Side::Old && f.location.line > 0 { " (removed)" } else { "" };
                let label = format!("{}{gone}  {}", f.whereabouts(), f.title);
                open.push(entry(Badge::Severity(f.severity), label, "answer", Goal::Finding { index, finding }));
            }
        }
        open
    }

    fn open_omissions(&self) -> Vec<PickerEntry<Goal>> {
        let mut open = Vec::new();
        for (position, &index) in self.document.order().iter().enumerate() {
            let Some(inventory) = self.document.inventory_at(position) else { continue };
            for (omission, o) in inventory.asked(self.document.rows()[position].folded) {
                if !self.work.is_acknowledged(&o.key) {
                    let label = format!("{}  {}", self.diff.files[index].path, o.what);
                    let goal = Goal::Omission { index, omission };
                    open.push(entry(Badge::Omission, label, "acknowledge", goal));
                }
            }
        }
        open
    }

    fn unseen_hunks(&self) -> Vec<PickerEntry<Goal>> {
        let mut open = Vec::new();
        for (position, &index) in self.document.order().iter().enumerate() {
            let Some(inventory) = self.document.inventory_at(position).filter(|_| !self.document.is_hidden(position))
            else {
                continue;
            };
            for hunk in 0..inventory.marks(self.document.rows()[position].folded).len() {
                if !self.is_seen(position, hunk) {
                    let label = self.label_of_hunk(position, inventory.outlines.get(hunk));
                    open.push(entry(Badge::Unseen, label, "not seen", Goal::Hunk { index, hunk }));
                }
            }
            if open.len() >= MAX_ITEMS {
                break;
            }
        }
        open
    }

    /// Where a hunk is: its line, or the file or the folder that it stands for.
    fn label_of_hunk(&self, position: usize, outline: Option<&Outline>) -> String {
        let path = &self.diff.files[self.document.order()[position]].path;
        let folder = self.document.group_at(position).and_then(|group| Some((group.folder()?, group.headline())));
        match (folder, outline) {
            (Some((folder, headline)), _) => format!("{folder}  {headline}"),
            (None, Some(hunk)) => format!("{path}:{}", hunk.new.start + 1),
            (None, None) => path.to_string(),
        }
    }

    /// Messages of the commits, and the identities of who made them. All of this is claimed.
    pub fn intent(&self) -> Vec<TextLine> {
        let mut lines = Vec::new();
        for evidence in self.findings.examination().into_iter().flat_map(|examination| &examination.provenance.evidence)
        {
            let tool = evidence.tool.as_deref().unwrap_or("no known tool");
            lines.push(TextLine::Plain(format!(
                "{tool}: {} ({})",
                visible::text(&masked(evidence.raw.trim())),
                evidence.rule
            )));
        }
        for commit in self.change.revision.commits.iter().rev() {
            let author = masked(&commit.author.to_string());
            lines.push(TextLine::Heading(format!("{}  {author}", commit.id.short())));
            lines.extend(visible::lines(&masked(&commit.message)).lines().map(|line| TextLine::Claim(line.to_owned())));
        }
        lines
    }

    /// `path:line` under the cursor.
    pub fn location(&self) -> Option<String> {
        let (position, row) = self.here()?;
        let path = &self.diff.files.get(*self.document.order().get(position)?)?.path;
        Some(match self.line_of(position, self.document.row(position, row)) {
            Some((_, line)) => format!("{path}:{line}"),
            None => path.to_string(),
        })
    }

    /// The hunk under the cursor with its findings and notes, as Markdown. Its text is fenced and escaped: it may
    /// attack whoever it is pasted to.
    pub fn digest(&self) -> Option<String> {
        let (position, row) = self.here()?;
        let (file, _) = self.document.read_at(position)?;
        let mark = self.document.rows()[position].mark_at(row)?;
        let hunk = file.comparison.hunks.get(mark)?;
        let line = |line: &Line| {
            let sign = match line {
                Line::Context { .. } => ' ',
                Line::Removed { .. } => '-',
                Line::Added { .. } => '+',
            };
            format!("{sign}{}", visible::line(bytes_of(file, *line)))
        };
        let body = hunk.lines.iter().map(line).collect::<Vec<_>>().join("\n");
        let body = visible::fenced(&body, "diff");
        let mut out = format!("`{}:{}`\n\n{body}", file.diff.path, hunk.new.start + 1);
        let rows = &self.document.rows()[position].rows[self.document.rows()[position].marks[mark].clone()];
        for row in rows {
            match row {
                Row::Finding { finding, place } => {
                    let Some(f) = self.findings.get(*finding as usize) else { continue };
                    let title = visible::text(f.title_at(*place as usize));
                    out.push_str(&format!("\n- {} {}: {title}", f.severity.name(), f.rule));
                }
                Row::Note { note, part: 0 } => {
                    let Some(note) = self.work.draft.notes.get(*note as usize) else { continue };
                    out.push_str(&format!("\n- note on line {}: {}", note.line, visible::text(&note.text)));
                }
                Row::Comment { comment, part: 0 } => {
                    let Some(remark) = self.line_facts.colleagues.get(*comment as usize) else { continue };
                    let text = visible::text(&remark.note.text).into_owned();
                    let place = match remark.note.line {
                        0 => visible::text(&remark.note.place()).into_owned(),
                        line => format!("line {line}"),
                    };
                    out.push_str(&format!("\n- {} on {place}: {text}", remark.by));
                }
                _ => {}
            }
        }
        Some(out)
    }

    /// Name, text and 1-based line of the file under the cursor: the new side, or the old one if the file is deleted.
    pub fn copy_for_editor(&self) -> Option<(String, Vec<u8>, u32)> {
        let (position, row) = self.here()?;
        let (file, _) = self.document.read_at(position)?;
        let text = [&file.new, &file.old].into_iter().flatten().find_map(Content::text)?;
        let line = self.line_for_editor(position, row, file.new.is_some()).unwrap_or(1);
        Some((file_name(&file.diff.path), text.to_vec(), line.max(1)))
    }

    /// The line at which an editor opens the side: for a removed line, the next line that exists.
    fn line_for_editor(&self, position: usize, row: usize, new_side: bool) -> Option<u32> {
        let (file, _) = self.document.read_at(position)?;
        let row = self.document.row(position, row);
        if let Some((_, line)) = self.line_of(position, row).filter(|(old, _)| *old != new_side) {
            return Some(line);
        }
        let hunk = file.comparison.hunks.get(row.hunk()? as usize)?;
        let from = row.lines().last().map_or(0, |(line, _)| line as usize);
        let is_change = |line: &&Line| row.lines().next().is_some() || !matches!(line, Line::Context { .. });
        let there = |line: &Line| match *line {
            Line::Added { new } | Line::Context { new, .. } if new_side => Some(new + 1),
            Line::Removed { old } | Line::Context { old, .. } if !new_side => Some(old + 1),
            _ => None,
        };
        hunk.lines[from..].iter().skip_while(|line| !is_change(line)).find_map(there)
    }

    /// The definitions that enclose what a row shows: the innermost, and the one around it.
    pub fn enclosing(&self, position: usize, row: usize) -> Option<String> {
        let (file, _) = self.document.read_at(position)?;
        let text = [&file.new, &file.old].into_iter().flatten().find_map(Content::text)?;
        let lines = if file.new.is_some() { &file.comparison.new } else { &file.comparison.old };
        let hunk = self.document.row(position, row).hunk()?;
        let hunk = file.comparison.hunks.get(hunk as usize)?;
        let from = match self.line_of(position, self.document.row(position, row)) {
            Some((old, line)) if old == file.new.is_none() => line - 1,
            _ if file.new.is_some() => hunk.new.start,
            _ => hunk.old.start,
        };
        let found = enclosing(lines, text, from);
        let name = |line: &&[u8]| {
            let text = visible::line(&line[..line.len().min(200)]);
            text.trim_end_matches(['{', ':']).trim_end().to_owned()
        };
        let names: Vec<_> = found.iter().take(2).rev().map(name).collect();
        Some(names.join(" › ")).filter(|names| !names.is_empty())
    }
}

fn entry(badge: Badge, label: String, detail: &str, goal: Goal) -> PickerEntry<Goal> {
    PickerEntry { label: visible::text(&label).into_owned(), detail: detail.to_owned(), badge, choice: goal }
}

/// The last part of a path as a name that is safe on a command line and on a disk.
fn file_name(path: &RepoPath) -> String {
    let lossy = path.lossy();
    let name = lossy.rsplit('/').next().unwrap_or_default().trim_start_matches(['-', '.']);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let name: String = name.chars().map(safe).take(80).collect();
    if name.is_empty() { "file".to_owned() } else { name }
}
