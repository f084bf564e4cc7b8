//! The reader: a change, file by file, with what was shown, seen, answered and noted.

mod alike;
mod colleagues;
mod coverage;
pub mod document;
pub mod findings;
mod groups;
mod heights;
mod jumps;
pub mod layout;
pub mod line_facts;
pub mod lists;
mod marks;
mod motion;
pub mod parts;
mod pending_jump;
pub mod rows;
pub mod search;
mod tally;
mod target;
pub mod text_cache;
pub mod viewport;
pub mod work;

use std::sync::Arc;

use crate::change::Change;
use crate::change::diff::Diff;
use crate::change::manifest::escape;
use crate::decision::{Draft, Note};
use crate::examination::{Examination, RepositorySnapshot};
use crate::policy::Crossing;
use alike::Alike;
pub use alike::{EditId, Kinds, SameEdit, kinds};
pub use document::{Body, Compared, File};
use document::{Document, inverse};
use findings::Findings;
pub use groups::Group;
use groups::Groups;
use jumps::Jumps;
use layout::{Opening, ViewOptions};
use line_facts::LineFacts;
pub use lists::{Goal, MAX_ITEMS};
pub use marks::{Noted, Progress};
use parts::CurrentPart;
use rows::{FileRows, Located, Remarks, Row};
pub use search::Search;
use tally::Tallies;
use text_cache::TextCache;
use viewport::Viewport;
pub use work::Subject;
use work::Work;

#[derive(Debug, Clone)]
pub struct Review {
    pub ticket: u64,
    pub change: Arc<Change>,
    pub snapshot: Arc<RepositorySnapshot>,
    pub diff: Arc<Diff>,
    pub document: Document,
    pub findings: Findings,
    pub work: Work,
    tallies: Tallies,
    pub viewport: Viewport,
    pub search: Option<Search>,
    pub jumps: Jumps,
    /// Which texts are loaded, and which are being loaded.
    pub text_cache: TextCache,
    pub part: CurrentPart,
    /// Hunks that make the same edit.
    alike: Alike,
    pub line_facts: LineFacts,
}

impl Review {
    pub fn new(
        ticket: u64,
        change: Arc<Change>,
        snapshot: Arc<RepositorySnapshot>,
        diff: Arc<Diff>,
        draft: Option<Draft>,
        read_only: bool,
    ) -> Review {
        let work = Work::on(&change, draft, read_only);
        let document = Document::new(&diff, Groups::of(&diff, &work.draft));
        Review {
            ticket,
            change,
            snapshot,
            tallies: Tallies::new(diff.files.len()),
            text_cache: TextCache::new(inverse(document.order())),
            diff,
            document,
            findings: Findings::default(),
            work,
            viewport: Viewport::default(),
            search: None,
            jumps: Jumps::default(),
            part: CurrentPart::default(),
            alike: Alike::default(),
            line_facts: LineFacts::default(),
        }
    }

    /// Lays out for a screen area, as the person chose; called before every frame.
    pub fn lay_out(&mut self, columns: usize, page: usize, look: ViewOptions) {
        self.viewport.resize(page, look);
        if self.document.take_shape(look.shape(columns)) {
            self.work.shown.forget_sentences();
        }
        self.follow();
        self.freshen();
    }

    /// Lays out again what is near the screen and was laid out for another width or without its remarks.
    fn freshen(&mut self) {
        while !self.document.is_fresh() {
            let Some(position) = self.near().find(|&position| self.document.is_stale(position)) else { return };
            self.rebuild(position);
        }
    }

    /// A file was read. The text on the screen stays where it is. Returns the message of a stroke that waited for the
    /// file.
    pub fn compared(&mut self, index: usize, result: Result<Compared, String>) -> Option<String> {
        let position = self.document.position_of(index)?;
        self.text_cache.asked.remove(&index);
        let at = self.anchor();
        match result {
            Ok(compared) => self.take_in(position, compared),
            Err(why) => {
                match self.document.files()[index].inventory {
                    Some(_) => self.text_cache.failed_again.push(position),
                    None => self.text_cache.read += 1,
                }
                self.document.file_mut(index).failed = Some(why);
                self.put(position, FileRows::failed());
            }
        }
        self.restore(at);
        self.follow();
        self.let_go();
        self.go_on()
    }

    /// Rules and policy have finished. Files are sorted by risk only if nothing was touched yet: rows never move while
    /// somebody reads.
    pub fn examined(&mut self, examination: Arc<Examination>) {
        let untouched = self.viewport.is_at_start();
        let at = self.anchor();
        if untouched {
            self.search.iter_mut().for_each(Search::reordered);
            self.reorder(self.document.groups.together(examination.assessment.file_order.clone()));
        }
        self.findings.arrive(examination, &self.diff);
        self.flag_hunks();
        self.leave_groups_for_findings();
        // Rows are laid out again only if there are remarks, and when they are viewed.
        self.freshen_findings();
        let found: Vec<usize> = (0..self.document.order().len()).filter(|&at| self.document.is_stale(at)).collect();
        found.into_iter().for_each(|at| self.count(at));
        if !untouched {
            self.restore(at);
        }
        self.follow();
    }

    /// How the file at this position moved from one compartment into another, if it did.
    pub fn crossing(&self, position: usize) -> Option<&Crossing> {
        let path = &self.diff.files[self.document.order()[position]].path;
        self.findings.examination()?.crossings.iter().find(|crossing| crossing.to == *path)
    }

    /// The change could not be examined: nothing more is read.
    pub fn not_examined(&mut self) {
        self.text_cache.read = self.document.files().len();
        self.findings.is_failed = true;
    }

    /// Reorders the files together with their layouts.
    fn reorder(&mut self, order: Vec<usize>) {
        self.text_cache.failed_again.clear();
        if !self.work.draft.notes.is_empty() || self.line_facts.colleagues.has_strays() {
            // Notes on no file of the change are at the first file.
            let firsts = [self.document.order().first(), order.first()].map(Option::<&usize>::copied);
            self.document.make_stale(firsts.into_iter().flatten());
        }
        self.document.reorder(order);
        (0..self.document.order().len()).for_each(|position| self.count(position));
    }

    /// Which hunks a finding is about, in the files that were read.
    fn flag_hunks(&mut self) {
        for index in (0..self.document.files().len()).filter(|index| self.findings.are_in(*index)) {
            let Some(inventory) = &self.document.files()[index].inventory else { continue };
            let places = self.findings.places_in(index).iter();
            let places = places.filter_map(|&(at, place)| Some(self.findings.get(at)?.location_at(place)));
            let flagged = places.filter_map(|place| inventory.hunk_at(place)).map(|hunk| hunk as u32).collect();
            self.document.file_mut(index).flagged = flagged;
        }
    }

    /// Where the findings are in a file, with their answers.
    fn places_in(&self, index: usize) -> impl Iterator<Item = Located<'_>> {
        self.findings.places_in(index).iter().filter_map(|&(finding, place)| {
            let of = self.findings.get(finding)?;
            Some(Located { finding, place, of, answer: self.answer_to(finding) })
        })
    }

    /// The answer to a finding, by its index in the list of all.
    pub fn answer_to(&self, finding: usize) -> Option<&String> {
        self.findings.key(finding).and_then(|key| self.work.draft.answers.get(key))
    }

    /// Lays out a file again; the text on the screen stays where it is.
    fn rebuild(&mut self, position: usize) {
        let at = self.anchor();
        self.build(position);
        self.restore(at);
        self.follow();
    }

    fn build(&mut self, position: usize) {
        let index = self.document.order()[position];
        let Some((texts, inventory)) = self.document.read_at(position) else {
            // It is laid out when its texts come.
            self.document.is_laid_out(position);
            return self.count(position);
        };
        let is_noted = self.is_noted(index);
        let name = if is_noted { escape(&texts.diff.path) } else { String::new() };
        let is_here = |note: &Note| note.path == name || position == 0 && self.is_stray(note);
        let notes = self.work.draft.notes.iter().enumerate().filter(|(_, note)| is_noted && is_here(note));
        let findings = self.places_in(index).filter(|_| !self.findings.blind);
        let mut remarks = Remarks::new(findings, notes, &name, self.document.shape());
        let comments = self.line_facts.colleagues.at(index, position == 0).filter(|_| !self.findings.blind);
        remarks.add_comments(comments, &escape(&texts.diff.path), self.document.shape());
        let rows =
            FileRows::build(texts, inventory, &remarks, &self.document.files()[index].opening, self.document.shape());
        let stands_for_all = self.document.group_at(position).is_some();
        self.put(position, if stands_for_all { groups::closed(rows) } else { rows });
    }

    /// Whether there is a note in a file.
    fn is_noted(&self, index: usize) -> bool {
        let path = || escape(&self.diff.files[index].path);
        let is_first = self.document.order().first() == Some(&index);
        let is_here = |note: &Note| note.path == path() || is_first && self.is_stray(note);
        !self.work.draft.notes.is_empty() && self.work.draft.notes.iter().any(is_here)
    }

    fn put(&mut self, position: usize, rows: FileRows) {
        self.document.put(position, rows);
        self.count(position);
    }

    /// Keeps only the height of a file.
    fn put_gone(&mut self, position: usize, height: usize) {
        self.document.put_gone(position, height);
        self.count(position);
    }

    /// Hides the findings until a first pass is done, or shows them.
    pub fn toggle_blind(&mut self) {
        self.findings.blind = !self.findings.blind;
        self.freshen_findings();
    }

    /// Files with findings are laid out again when they are viewed.
    fn freshen_findings(&mut self) {
        let has_remarks = |index: &usize| self.findings.are_in(*index) || self.is_commented(*index);
        let remarked: Vec<usize> = (0..self.document.files().len()).filter(has_remarks).collect();
        self.document.make_stale(remarked);
    }

    /// Changes what is opened in the file under the cursor.
    fn open_with(&mut self, change: impl FnOnce(&mut Opening)) {
        let position = self.current_file();
        if let Some(&index) = self.document.order().get(position) {
            if self.document.group_at(position).is_some() && self.open_group(index, true) {
                return;
            }
            change(&mut self.document.file_mut(index).opening);
            self.rebuild(position);
        }
    }

    /// Enter: opens what the row under the cursor hides, or folds it again.
    fn unfold(&mut self) -> Option<String> {
        let position = self.current_file();
        let is_head = matches!(self.current_row()?, Row::File | Row::Sentence { .. });
        if is_head && self.unfold_group(self.document.order()[position]) {
            self.viewport.make_room(self.document.height());
            return None;
        }
        let (_, inventory) = self.document.read_at(position)?;
        let folds = inventory.folds();
        match self.current_row()? {
            Row::Omission { omission, .. } if inventory.omissions[omission as usize].spot == rows::Spot::Fold => {
                self.open_with(|opening| opening.is_open = Some(true));
                self.viewport.make_room(self.document.height());
            }
            Row::File if folds => {
                let folded = self.document.rows()[position].folded;
                self.open_with(|opening| opening.is_open = Some(folded));
            }
            Row::Hunk { hunk } => self.open_with(|opening| opening.before(hunk)),
            Row::Rest => {
                let after = self.document.rows()[position].marks.len() as u32;
                self.open_with(|opening| opening.before(after));
                self.viewport.make_room(self.document.height());
            }
            Row::Line { hunk, .. } | Row::Pair { hunk, .. } => self.open_with(|opening| opening.around(hunk, true)),
            _ => return Some("nothing is left out here".to_owned()),
        }
        None
    }

    fn context(&mut self, more: bool) -> Option<String> {
        let (position, row) = self.here()?;
        let Some(mark) = self.document.rows()[position].mark_at(row) else {
            return Some("the cursor is on no hunk".to_owned());
        };
        self.open_with(|opening| opening.around(mark as u32, more));
        None
    }

    /// Files whose rows are on the screen, for highlighting.
    pub fn visible_files(&self) -> Vec<usize> {
        let shown = self.document.order().get(self.visible_positions()).unwrap_or_default();
        shown.iter().copied().filter(|index| !self.document.is_hidden_file(*index)).collect()
    }
}
