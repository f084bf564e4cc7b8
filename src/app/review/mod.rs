//! The reader: a change, file by file, with what was shown, seen, answered and noted.

mod heights;
pub mod rows;
mod search;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::action::Action;
use crate::change::Change;
use crate::change::diff::Diff;
use crate::decision::{Checklist, Draft, Note};
use crate::highlight::Tokens;
use crate::risk::Finding;
use crate::survey::{Examination, FileMaterial, Place};
use heights::Heights;
use rows::{FileRows, Row};

/// Tiers up to this one ask an approver for a reason.
const REASON_UP_TO_TIER: u8 = 2;
/// Columns of sign and line numbers before the text.
pub const GUTTER: usize = 14;

#[derive(Debug, Clone)]
pub struct Review {
    pub ticket: u64,
    pub change: Arc<Change>,
    pub place: Arc<Place>,
    pub diff: Arc<Diff>,
    /// Positions on the screen → indices into `diff.files`.
    pub order: Vec<usize>,
    pub files: Vec<Option<Arc<FileMaterial>>>,
    pub failed: HashMap<usize, String>,
    pub examination: Option<Arc<Examination>>,
    pub draft: Draft,
    /// Marks that came from a draft of another head.
    pub carried_over: BTreeSet<String>,
    pub read_only: bool,
    pub rows: Vec<FileRows>,
    heights: Heights,
    /// By position: what is counted of each file.
    tallies: Vec<Tally>,
    /// Their sum.
    tally: Tally,
    /// Positions in the list of findings, by index into `diff.files`.
    findings_of: HashMap<usize, Vec<usize>>,
    /// Files that findings are known of and whose rows do not show them yet, by index.
    stale: HashSet<usize>,
    /// Keys of the findings that are to be answered.
    finding_keys: Vec<String>,
    pub cursor: usize,
    pub scroll: usize,
    pub show_files: bool,
    pub search: Option<String>,
    /// By index into `diff.files`; old and new side.
    pub tokens: HashMap<usize, Arc<[Vec<Tokens>; 2]>>,
    /// Rows that were on the screen, by index of the file. A row says what it shows, so rows that come in between or
    /// another width do not blur what was shown.
    shown: HashSet<(usize, Row)>,
    /// Rows and columns for the diff.
    page: usize,
    width: usize,
}

/// What is counted: seen and all, acknowledged and all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    hunks: (usize, usize),
    omissions: (usize, usize),
}

impl Tally {
    fn of(rows: &FileRows, draft: &Draft) -> Tally {
        let seen = rows.marks.iter().filter(|mark| draft.seen.contains(&mark.key)).count();
        let known = rows.omissions.iter().filter(|omission| draft.acknowledged.contains_key(&omission.key)).count();
        Tally { hunks: (seen, rows.marks.len()), omissions: (known, rows.omissions.len()) }
    }

    /// This sum, with one part of it replaced.
    fn with(self, old: Tally, new: Tally) -> Tally {
        let pair = |sum: (usize, usize), old: (usize, usize), new: (usize, usize)| {
            (sum.0 + new.0 - old.0, sum.1 + new.1 - old.1)
        };
        Tally {
            hunks: pair(self.hunks, old.hunks, new.hunks),
            omissions: pair(self.omissions, old.omissions, new.omissions),
        }
    }
}

/// A file whose texts are here, laid out as long as nothing is to be said of it.
#[derive(Debug, Clone)]
pub struct Compared {
    pub file: Arc<FileMaterial>,
    rows: FileRows,
    width: usize,
}

impl Compared {
    /// Lays out a file, away from the screen: the largest take as long as many frames.
    pub fn of(file: Arc<FileMaterial>, width: usize) -> Compared {
        Compared { rows: FileRows::build(&file, &[], &[], width), file, width }
    }
}

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Finding(String),
    Omission(String),
}

impl Review {
    pub fn new(
        ticket: u64,
        change: Arc<Change>,
        place: Arc<Place>,
        diff: Arc<Diff>,
        draft: Option<Draft>,
        read_only: bool,
    ) -> Review {
        let head = change.revision.head.to_string();
        let mut draft = draft.unwrap_or_else(|| Draft::new(&change.id, &head));
        let carried_over = if draft.head == head { BTreeSet::new() } else { draft.seen.clone() };
        draft.head = head;
        let count = diff.files.len();
        let mut order: Vec<usize> = (0..count).collect();
        // By paths alone until the rules have read the texts: what a tool writes goes last.
        order.sort_by_key(|&index| crate::risk::is_generated(&diff.files[index].path.lossy()));
        Review {
            ticket,
            change,
            place,
            diff,
            order,
            files: vec![None; count],
            failed: HashMap::new(),
            examination: None,
            draft,
            carried_over,
            read_only,
            heights: Heights::new(vec![FileRows::waiting().rows.len(); count]),
            rows: vec![FileRows::waiting(); count],
            tallies: vec![Tally::default(); count],
            tally: Tally::default(),
            findings_of: HashMap::new(),
            stale: HashSet::new(),
            finding_keys: Vec::new(),
            cursor: 0,
            scroll: 0,
            show_files: true,
            search: None,
            tokens: HashMap::new(),
            shown: HashSet::new(),
            page: 1,
            width: 80,
        }
    }

    /// Columns of text in so many columns for the diff.
    pub fn text_width(columns: usize) -> usize {
        columns.saturating_sub(GUTTER)
    }

    /// Lays out for a screen area; called when its size changes.
    pub fn resize(&mut self, width: usize, page: usize) {
        let text = Review::text_width(width);
        self.page = page.max(1);
        if text != self.width {
            self.width = text;
            let at = self.anchor();
            (0..self.order.len()).for_each(|position| self.build(position));
            self.restore(at);
        }
        self.follow();
        self.freshen();
    }

    /// Lays out anew what is on the screen and was laid out before something was said of it.
    fn freshen(&mut self) {
        while let Some(position) = self.visible_positions().find(|&position| self.is_stale(position)) {
            let at = self.anchor();
            self.build(position);
            self.restore(at);
            self.follow();
        }
    }

    fn is_stale(&self, position: usize) -> bool {
        self.order.get(position).is_some_and(|index| self.stale.contains(index))
    }

    /// The texts of a file arrived.
    pub fn compared(&mut self, index: usize, result: Result<Compared, String>) {
        let Some(position) = self.order.iter().position(|&at| at == index) else { return };
        let at = self.anchor();
        match result {
            Ok(Compared { file, rows, width }) => {
                let name = crate::change::manifest::escape(&file.diff.path);
                self.files[index] = Some(file);
                let is_noted = self.draft.notes.iter().any(|note| note.path == name);
                if width == self.width && !is_noted && !self.findings_of.contains_key(&index) {
                    self.put(position, rows);
                } else {
                    self.build(position);
                }
            }
            Err(why) => {
                self.failed.insert(index, why);
                self.put(position, FileRows::failed());
            }
        }
        self.restore(at);
        self.follow();
    }

    /// Rules and policy have spoken. The order by risk is taken only while nothing was touched: rows never move under
    /// the reader's eyes.
    pub fn examined(&mut self, examination: Arc<Examination>) {
        let untouched = self.cursor == 0 && self.scroll == 0;
        let at = self.anchor();
        if untouched {
            self.reorder(examination.assessment.file_order.clone());
        }
        self.examination = Some(examination);
        self.sort_findings();
        // Rows come in only where there is something to say, and when they are looked at.
        self.stale = self.findings_of.keys().copied().collect();
        if !untouched {
            self.restore(at);
        }
        self.follow();
    }

    /// Puts the files into another order, with what was laid out of each.
    fn reorder(&mut self, order: Vec<usize>) {
        let mut rows: HashMap<usize, FileRows> = self.order.drain(..).zip(self.rows.drain(..)).collect();
        self.rows = order.iter().map(|index| rows.remove(index).unwrap_or_else(FileRows::waiting)).collect();
        self.order = order;
        self.heights = Heights::new(self.rows.iter().map(|file| file.rows.len()).collect());
        self.tallies = self.rows.iter().map(|file| Tally::of(file, &self.draft)).collect();
    }

    /// Which findings are in which file, so that a file is laid out without looking at those of all others.
    fn sort_findings(&mut self) {
        let paths: HashMap<_, _> =
            self.diff.files.iter().enumerate().map(|(index, file)| (&file.path, index)).collect();
        let mut findings_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, finding) in self.findings().iter().enumerate() {
            if let Some(&index) = paths.get(&finding.location.path) {
                findings_of.entry(index).or_default().push(at);
            }
        }
        let asked = self.findings().iter().filter(|finding| finding.severity > crate::risk::Severity::Note);
        self.finding_keys = asked.map(Finding::key).collect();
        self.findings_of = findings_of;
    }

    /// The findings of a file, gravest first, with their places in the list of all.
    pub fn findings_in(&self, index: usize) -> impl Iterator<Item = (usize, &Finding)> {
        let places = self.findings_of.get(&index).into_iter().flatten();
        places.filter_map(|&at| Some((at, self.findings().get(at)?)))
    }

    fn build(&mut self, position: usize) {
        let index = self.order[position];
        let Some(file) = &self.files[index] else {
            let failed = self.failed.contains_key(&index);
            self.put(position, if failed { FileRows::failed() } else { FileRows::waiting() });
            return;
        };
        let findings: Vec<_> = self.findings_in(index).collect();
        let notes: Vec<_> = if self.draft.notes.is_empty() {
            Vec::new()
        } else {
            let name = crate::change::manifest::escape(&file.diff.path);
            self.draft.notes.iter().enumerate().filter(|(_, n)| n.path == name).collect()
        };
        let rows = FileRows::build(file, &findings, &notes, self.width);
        self.put(position, rows);
    }

    fn put(&mut self, position: usize, rows: FileRows) {
        self.stale.remove(&self.order[position]);
        self.heights.set(position, rows.rows.len());
        self.rows[position] = rows;
        self.count(position);
    }

    /// Counts a file anew, after its rows or marks changed.
    fn count(&mut self, position: usize) {
        let counted = Tally::of(&self.rows[position], &self.draft);
        let before = std::mem::replace(&mut self.tallies[position], counted);
        self.tally = self.tally.with(before, counted);
    }

    pub fn findings(&self) -> &[Finding] {
        self.examination.as_ref().map_or(&[], |examination| &examination.assessment.findings)
    }

    /// Rows of the whole document.
    pub fn height(&self) -> usize {
        self.heights.total()
    }

    /// Position of the file and row in it.
    pub fn locate(&self, row: usize) -> Option<(usize, usize)> {
        self.heights.locate(row)
    }

    pub fn start_of(&self, position: usize) -> usize {
        self.heights.start_of(position)
    }

    /// The position of the file under the cursor.
    pub fn current_file(&self) -> usize {
        self.locate(self.cursor).map_or(0, |(position, _)| position)
    }

    pub fn current_row(&self) -> Option<Row> {
        let (position, row) = self.locate(self.cursor)?;
        self.rows[position].rows.get(row).copied()
    }

    /// Columns for the text of lines.
    pub fn width(&self) -> usize {
        self.width
    }

    pub fn page(&self) -> usize {
        self.page
    }

    /// What is being read, by file and line, so that late results do not move it.
    fn anchor(&self) -> (usize, usize, usize) {
        let (position, row) = self.locate(self.cursor).unwrap_or((0, 0));
        (self.order.get(position).copied().unwrap_or(0), row, self.cursor.saturating_sub(self.scroll))
    }

    fn restore(&mut self, (index, row, above): (usize, usize, usize)) {
        let position = self.order.iter().position(|&at| at == index).unwrap_or(0);
        let rows = self.rows.get(position).map_or(1, |file| file.rows.len());
        self.cursor = self.start_of(position) + row.min(rows.saturating_sub(1));
        self.scroll = self.cursor.saturating_sub(above);
    }

    pub fn go(&mut self, row: usize) {
        self.cursor = row.min(self.height().saturating_sub(1));
        self.follow();
    }

    fn follow(&mut self) {
        let last = self.height().saturating_sub(1);
        self.cursor = self.cursor.min(last);
        let page = self.page.max(1);
        self.scroll = self.scroll.clamp(self.cursor.saturating_sub(page - 1), self.cursor);
        self.scroll = self.scroll.min((last + 1).saturating_sub(page));
    }

    /// Puts a row at the top of the screen.
    fn go_to_top(&mut self, row: usize) {
        self.cursor = row.min(self.height().saturating_sub(1));
        self.scroll = self.cursor;
        self.follow();
    }

    /// Remembers what is on the screen now. Called after every event, before the frame is drawn from the same state.
    pub fn note_shown(&mut self) {
        for row in self.scroll..(self.scroll + self.page).min(self.height()) {
            if let Some((position, row)) = self.locate(row) {
                let index = self.order[position];
                if self.files[index].is_some() {
                    self.shown.insert((index, self.rows[position].rows[row]));
                }
            }
        }
    }

    /// Whether every row of a mark was on the screen.
    fn was_shown(&self, position: usize, mark: usize) -> bool {
        let index = self.order[position];
        let file = &self.rows[position];
        file.rows[file.marks[mark].rows.clone()].iter().all(|row| self.shown.contains(&(index, *row)))
    }

    pub fn is_seen(&self, position: usize, mark: usize) -> bool {
        self.draft.seen.contains(&self.rows[position].marks[mark].key)
    }

    /// Whether all marks of a file are seen; a file without any (only omissions) is when they are acknowledged.
    pub fn is_file_seen(&self, position: usize) -> bool {
        let Tally { hunks, omissions } = self.tallies[position];
        self.files[self.order[position]].is_some() && hunks.0 == hunks.1 && omissions.0 == omissions.1
    }

    /// The texts of all files are here and the rules have spoken.
    pub fn is_complete(&self) -> bool {
        self.examination.is_some() && self.files.iter().all(Option::is_some)
    }

    pub fn checklist(&self) -> Checklist {
        Checklist {
            hunks: self.rows.iter().flat_map(|file| &file.marks).map(|mark| mark.key.clone()).collect(),
            findings: self.finding_keys.clone(),
            omissions: self.rows.iter().flat_map(|file| &file.omissions).map(|omission| omission.key.clone()).collect(),
            approval_needs_reason: self.examination.as_ref().is_none_or(|e| e.assessment.tier <= REASON_UP_TO_TIER),
        }
    }

    /// Moves and marks. A message comes back where something could not be done.
    pub fn update(&mut self, action: Action) -> Option<String> {
        match action {
            Action::Down => self.go(self.cursor + 1),
            Action::Up => self.go(self.cursor.saturating_sub(1)),
            Action::HalfDown => self.scroll_by((self.page / 2) as isize),
            Action::HalfUp => self.scroll_by(-((self.page / 2) as isize)),
            Action::PageDown => self.scroll_by(self.page as isize),
            Action::PageUp => self.scroll_by(-(self.page as isize)),
            Action::Top => self.go(0),
            Action::Bottom => self.go(self.height()),
            Action::NextHunk => return self.jump(true, "no further hunk", |_, _, row| matches!(row, Row::Hunk { .. })),
            Action::PreviousHunk => {
                return self.jump(false, "no hunk before", |_, _, row| matches!(row, Row::Hunk { .. }));
            }
            Action::NextFile => return self.jump(true, "this is the last file", |_, _, row| row == Row::File),
            Action::PreviousFile => return self.jump(false, "this is the first file", |_, _, row| row == Row::File),
            Action::NextFinding => return self.jump(true, "no further finding", |_, _, row| is_item(row)),
            Action::PreviousFinding => return self.jump(false, "no finding before", |_, _, row| is_item(row)),
            Action::NextUnseen => return self.next_unseen(),
            Action::Advance => return self.advance(),
            Action::SeenFile => return self.toggle_file(),
            Action::SeenHunk => return self.toggle_hunk(),
            Action::Files => self.show_files = !self.show_files,
            Action::SearchNext | Action::SearchPrevious => {
                let found = self.find(action == Action::SearchNext);
                return (!found).then(|| "no match".to_owned());
            }
            _ => {}
        }
        None
    }

    fn scroll_by(&mut self, rows: isize) {
        let last = self.height().saturating_sub(1);
        let moved = |at: usize| at.saturating_add_signed(rows).min(last);
        self.scroll = moved(self.scroll);
        self.go(moved(self.cursor));
    }

    fn jump(&mut self, forward: bool, none: &str, wanted: impl Fn(&Review, usize, Row) -> bool) -> Option<String> {
        let Some((here, at)) = self.locate(self.cursor) else { return Some(none.to_owned()) };
        let ways: Box<dyn Iterator<Item = usize>> =
            if forward { Box::new(here..self.rows.len()) } else { Box::new((0..=here).rev()) };
        // File by file: rows are found without asking for each where it lies.
        let (mut found, seen_from) = (None, self.anchor());
        for position in ways {
            if self.is_stale(position) {
                self.build(position);
            }
            let is_wanted = |row: &usize| wanted(self, position, self.rows[position].rows[*row]);
            let all = self.rows[position].rows.len();
            let row = match (forward, position == here) {
                (true, true) => (at + 1..all).find(is_wanted),
                (true, false) => (0..all).find(is_wanted),
                (false, true) => (0..at).rev().find(is_wanted),
                (false, false) => (0..all).rev().find(is_wanted),
            };
            if let Some(row) = row {
                found = Some((position, row));
                break;
            }
        }
        // Files on the way may have been laid out anew.
        self.restore(seen_from);
        let Some((position, row)) = found else { return Some(none.to_owned()) };
        let row = self.start_of(position) + row;
        let visible = (self.scroll..self.scroll + self.page.saturating_sub(2)).contains(&row);
        if visible {
            self.go(row)
        } else {
            self.go_to_top(row)
        }
        None
    }

    fn next_unseen(&mut self) -> Option<String> {
        let here = self.cursor;
        let rows = self.unseen_rows();
        let next = rows.iter().find(|&&row| row > here).or(rows.first()).copied();
        match next {
            Some(row) => self.go_to_top(row),
            None => return Some("everything is marked as seen".to_owned()),
        }
        None
    }

    /// First rows of marks that are not seen and of omissions that are not acknowledged.
    fn unseen_rows(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut start = 0;
        for (position, file) in self.rows.iter().enumerate() {
            for (mark, at) in file.marks.iter().enumerate() {
                if !self.is_seen(position, mark) {
                    found.push(start + at.rows.start);
                }
            }
            for (row, at) in file.rows.iter().enumerate() {
                let open = |omission: usize| !self.draft.acknowledged.contains_key(&file.omissions[omission].key);
                if matches!(at, Row::Omission { omission } if open(*omission)) {
                    found.push(start + row);
                }
            }
            start += file.rows.len();
        }
        found.sort_unstable();
        found
    }

    /// Space: what was wholly shown and ends on this page is marked as seen, then a page on.
    fn advance(&mut self) -> Option<String> {
        let end = self.scroll + self.page;
        for position in self.visible_positions() {
            let (file, start) = (&self.rows[position], self.start_of(position));
            let ends_here = |(mark, at): &(usize, &rows::Mark)| {
                let ends = start + at.rows.end;
                let inside = ends <= end && start + at.rows.start < end && ends >= self.scroll;
                inside && self.was_shown(position, *mark)
            };
            let keys = file.marks.iter().enumerate().filter(ends_here).map(|(_, at)| at.key.clone()).collect();
            self.see(position, keys);
        }
        if end >= self.height() {
            return Some(if self.unseen_rows().is_empty() {
                "the end; everything is seen".into()
            } else {
                "the end; u goes to what is not seen".into()
            });
        }
        self.scroll_by(self.page.saturating_sub(1).max(1) as isize);
        None
    }

    fn see(&mut self, position: usize, keys: Vec<String>) {
        if !self.read_only && !keys.is_empty() {
            self.draft.seen.extend(keys);
            self.count(position);
        }
    }

    fn toggle_hunk(&mut self) -> Option<String> {
        let (position, row) = self.locate(self.cursor)?;
        let Some(mark) = self.rows[position].mark_at(row) else { return Some("the cursor is on no hunk".to_owned()) };
        self.toggle(position, vec![mark])
    }

    fn toggle_file(&mut self) -> Option<String> {
        let position = self.current_file();
        let marks = (0..self.rows[position].marks.len()).collect();
        self.toggle(position, marks)
    }

    fn toggle(&mut self, position: usize, marks: Vec<usize>) -> Option<String> {
        if self.read_only {
            return Some("this review is read-only; name where it would land with --target".to_owned());
        }
        let keys: Vec<_> = marks.iter().map(|&mark| self.rows[position].marks[mark].key.clone()).collect();
        if keys.iter().all(|key| self.draft.seen.contains(key)) {
            keys.iter().for_each(|key| _ = self.draft.seen.remove(key));
            self.count(position);
            return None;
        }
        let hidden =
            marks.iter().filter(|&&mark| !self.is_seen(position, mark) && !self.was_shown(position, mark)).count();
        if hidden > 0 {
            return Some(format!("not marked: {hidden} of its hunks were not wholly on the screen yet"));
        }
        self.see(position, keys);
        None
    }

    /// What `answer` is about at the cursor.
    pub fn subject(&self) -> Option<(Subject, String)> {
        let position = self.current_file();
        match self.current_row()? {
            Row::Finding { finding } | Row::FindingDetail { finding, .. } => {
                let f = self.findings().get(finding)?;
                Some((Subject::Finding(f.key()), f.ask.clone()))
            }
            Row::Omission { omission } => {
                let omission = self.rows[position].omissions.get(omission)?;
                Some((
                    Subject::Omission(omission.key.clone()),
                    format!("Why is it acceptable not to see this? {}", omission.what),
                ))
            }
            _ => None,
        }
    }

    /// Records an answer; an empty one takes it back.
    pub fn answer(&mut self, subject: Subject, text: &str) {
        let (map, key) = match subject {
            Subject::Finding(key) => (&mut self.draft.answers, key),
            Subject::Omission(key) => (&mut self.draft.acknowledged, key),
        };
        if text.trim().is_empty() {
            map.remove(&key);
        } else {
            map.insert(key, text.trim().to_owned());
        }
        self.count(self.current_file());
    }

    /// Begins anew, after the draft has become a record.
    pub fn renew_draft(&mut self) {
        self.draft = Draft::new(&self.change.id, &self.draft.head);
        (0..self.order.len()).for_each(|position| self.count(position));
    }

    pub fn answered(&self, subject: &Subject) -> Option<&String> {
        match subject {
            Subject::Finding(key) => self.draft.answers.get(key),
            Subject::Omission(key) => self.draft.acknowledged.get(key),
        }
    }

    /// The place that a note at the cursor would have, and the note that is there.
    pub fn note_place(&self) -> Option<(Note, Option<usize>)> {
        let (position, row) = self.locate(self.cursor)?;
        let file = self.files[self.order[position]].as_ref()?;
        let path = crate::change::manifest::escape(&file.diff.path);
        let (old_side, line) = match self.rows[position].rows[row] {
            Row::Line { hunk, line, .. } => rows::place_of(*file.comparison.hunks.get(hunk)?.lines.get(line)?),
            Row::Note { note } => return self.draft.notes.get(note).map(|n| (n.clone(), Some(note))),
            _ => (false, 0),
        };
        let at = self.draft.notes.iter().position(|n| n.path == path && n.old_side == old_side && n.line == line);
        Some((Note { path, old_side, line, text: String::new() }, at))
    }

    /// Writes, changes or (with an empty text) removes a note.
    pub fn set_note(&mut self, place: Note, existing: Option<usize>, text: &str) {
        let text = text.trim();
        let file = place.path.clone();
        match existing {
            Some(at) if text.is_empty() => _ = self.draft.notes.remove(at),
            Some(at) => self.draft.notes[at].text = text.to_owned(),
            None if text.is_empty() => {}
            None => self.draft.notes.push(Note { text: text.to_owned(), ..place }),
        }
        let at = self.anchor();
        // Taking one out moves the others' places in the list of all.
        let noted: HashSet<_> = self.draft.notes.iter().map(|note| note.path.clone()).chain([file]).collect();
        for position in 0..self.order.len() {
            let path = &self.diff.files[self.order[position]].path;
            if noted.contains(&crate::change::manifest::escape(path)) {
                self.build(position);
            }
        }
        self.restore(at);
        self.follow();
    }

    /// Positions of the files whose rows are on the screen.
    fn visible_positions(&self) -> std::ops::RangeInclusive<usize> {
        let first = self.locate(self.scroll).map_or(0, |(position, _)| position);
        let last =
            self.locate(self.scroll + self.page).map_or(self.order.len().saturating_sub(1), |(position, _)| position);
        first..=last
    }

    /// Files whose rows are on the screen, for highlighting.
    pub fn visible_files(&self) -> Vec<usize> {
        self.order.get(self.visible_positions()).unwrap_or_default().to_vec()
    }

    /// Seen and all: hunks, findings, omissions.
    pub fn progress(&self) -> Progress {
        let answered = self.finding_keys.iter().filter(|key| self.draft.answers.contains_key(*key)).count();
        Progress {
            hunks: self.tally.hunks,
            findings: (answered, self.finding_keys.len()),
            omissions: self.tally.omissions,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub hunks: (usize, usize),
    pub findings: (usize, usize),
    pub omissions: (usize, usize),
}

fn is_item(row: Row) -> bool {
    matches!(row, Row::Finding { .. } | Row::Omission { .. })
}
