//! The reader: a change, file by file, with what was shown, seen, answered and noted.

mod alike;
mod colleagues;
mod coverage;
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

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::change::Change;
use crate::change::diff::Diff;
use crate::change::manifest::escape;
use crate::decision::{Draft, Note};
use crate::examination::{Examination, FileMaterial, RepositorySnapshot};
use crate::highlight::Colours;
use crate::policy::Crossing;
use alike::Alike;
pub use alike::{EditId, Kinds, SameEdit, kinds};
use findings::Findings;
pub use groups::Group;
use groups::Groups;
use heights::Heights;
use jumps::Jumps;
use layout::{Opening, Shape, ViewOptions};
use line_facts::LineFacts;
pub use lists::{Goal, MAX_ITEMS};
pub use marks::{Noted, Progress, Subject};
use parts::CurrentPart;
use rows::{FileRows, Inventory, Located, Remarks, Row};
pub use search::Search;
use tally::Tallies;
use text_cache::TextCache;
use viewport::Viewport;
use work::Work;

#[derive(Debug, Clone)]
pub struct Review {
    pub ticket: u64,
    pub change: Arc<Change>,
    pub snapshot: Arc<RepositorySnapshot>,
    pub diff: Arc<Diff>,
    /// Positions on the screen → indices into `diff.files`.
    pub order: Vec<usize>,
    /// Indices → positions.
    positions: Vec<usize>,
    /// By index.
    pub files: Vec<File>,
    pub findings: Findings,
    pub work: Work,
    /// By position.
    pub rows: Vec<FileRows>,
    heights: Heights,
    tallies: Tallies,
    /// Files whose rows were laid out for another width or lack new data, by index.
    stale: HashSet<usize>,
    shape: Shape,
    pub viewport: Viewport,
    pub search: Option<Search>,
    pub jumps: Jumps,
    /// Which texts in `files` are loaded, and which are being loaded.
    pub text_cache: TextCache,
    pub part: CurrentPart,
    /// Groups of files that form one item.
    groups: Groups,
    /// Hunks that make the same edit.
    alike: Alike,
    pub line_facts: LineFacts,
}

/// The rows of a file that was not read yet: its name, a remark that it is being read, and a gap.
const UNREAD: usize = 3;

/// What is known of a file.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// Its inventory, once it was read.
    pub inventory: Option<Arc<Inventory>>,
    /// Its texts, while they are loaded.
    pub body: Option<Body>,
    /// Why it could not be read.
    pub failed: Option<String>,
    pub opening: Opening,
    /// How many rows it had when it was read; none before.
    height: Option<usize>,
    /// Hunks that a finding is about.
    flagged: HashSet<u32>,
}

/// The part of a file that is kept only while it is near the screen.
#[derive(Debug, Clone)]
pub struct Body {
    pub texts: Arc<FileMaterial>,
    /// Of its first lines, as far as they are known.
    pub colours: Colours,
    /// Of how many lines, of both sides together, colours were requested.
    pub asked_colours: usize,
    /// The size of texts and rows in bytes.
    weight: usize,
}

/// A file that was read, laid out without remarks.
#[derive(Debug, Clone)]
pub struct Compared {
    inventory: Arc<Inventory>,
    /// Rows.
    height: usize,
    shape: Shape,
    body: Option<(Arc<FileMaterial>, FileRows)>,
}

impl Compared {
    /// Lays out a file, in a worker: the largest take as long as many frames.
    pub fn of(texts: Arc<FileMaterial>, shape: Shape) -> Compared {
        let inventory = Arc::new(Inventory::of(&texts));
        let rows = FileRows::build(&texts, &inventory, &Remarks::default(), &Opening::default(), shape);
        Compared { inventory, height: rows.rows.len(), shape, body: Some((texts, rows)) }
    }

    /// Drops its texts, which can be read again.
    pub fn without_texts(self) -> Compared {
        Compared { body: None, ..self }
    }

    /// Whether a hunk of it makes an edit that others may make too.
    pub fn has_edits(&self) -> bool {
        self.inventory.outlines.iter().any(|outline| outline.edit.is_some())
    }

    /// The size of its texts and rows in bytes.
    pub fn weight(&self) -> usize {
        self.body.as_ref().map_or(0, |(texts, rows)| text_cache::weight(texts, rows))
    }
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
        let count = diff.files.len();
        let groups = Groups::of(&diff, &work.draft);
        let order = groups.together(by_paths(&diff));
        let mut review = Review {
            ticket,
            change,
            snapshot,
            diff,
            positions: inverse(&order),
            files: vec![File::default(); count],
            findings: Findings::default(),
            work,
            heights: Heights::new(vec![UNREAD; count]),
            rows: vec![FileRows::default(); count],
            tallies: Tallies::new(count),
            stale: HashSet::new(),
            shape: ViewOptions::default().shape(80),
            viewport: Viewport::default(),
            search: None,
            jumps: Jumps::default(),
            text_cache: TextCache::new(inverse(&order)),
            order,
            part: CurrentPart::default(),
            groups,
            alike: Alike::default(),
            line_facts: LineFacts::default(),
        };
        let hidden: Vec<usize> = (0..count).filter(|&at| review.is_hidden(at)).collect();
        hidden.into_iter().for_each(|at| review.put_gone(at, 0));
        review
    }

    /// Lays out for a screen area, as the person chose; called before every frame.
    pub fn lay_out(&mut self, columns: usize, page: usize, look: ViewOptions) {
        self.viewport.resize(page, look);
        let shape = look.shape(columns);
        if shape != self.shape {
            self.shape = shape;
            self.work.shown.forget_sentences();
            // What is on the screen at once, everything else when it is viewed.
            self.stale.extend((0..self.files.len()).filter(|&index| self.files[index].body.is_some()));
        }
        self.follow();
        self.freshen();
    }

    /// Lays out again what is near the screen and was laid out for another width or without its remarks.
    fn freshen(&mut self) {
        while !self.stale.is_empty() {
            let Some(position) = self.near().find(|&position| self.is_stale(position)) else { return };
            self.rebuild(position);
        }
    }

    fn is_stale(&self, position: usize) -> bool {
        self.order.get(position).is_some_and(|index| self.stale.contains(index))
    }

    /// A file was read. The text on the screen stays where it is. Returns the message of a stroke that waited for the
    /// file.
    pub fn compared(&mut self, index: usize, result: Result<Compared, String>) -> Option<String> {
        let position = self.position_of(index)?;
        self.text_cache.asked.remove(&index);
        let at = self.anchor();
        match result {
            Ok(compared) => self.take_in(position, compared),
            Err(why) => {
                match self.files[index].inventory {
                    Some(_) => self.text_cache.failed_again.push(position),
                    None => self.text_cache.read += 1,
                }
                self.files[index].failed = Some(why);
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
            self.reorder(self.groups.together(examination.assessment.file_order.clone()));
        }
        self.findings.arrive(examination, &self.diff);
        self.flag_hunks();
        self.leave_groups_for_findings();
        // Rows are laid out again only if there are remarks, and when they are viewed.
        self.freshen_findings();
        let found: Vec<usize> = (0..self.order.len()).filter(|&at| self.is_stale(at)).collect();
        found.into_iter().for_each(|at| self.count(at));
        if !untouched {
            self.restore(at);
        }
        self.follow();
    }

    /// How the file at this position moved from one compartment into another, if it did.
    pub fn crossing(&self, position: usize) -> Option<&Crossing> {
        let path = &self.diff.files[self.order[position]].path;
        self.findings.examination()?.crossings.iter().find(|crossing| crossing.to == *path)
    }

    /// The change could not be examined: nothing more is read.
    pub fn not_examined(&mut self) {
        self.text_cache.read = self.files.len();
    }

    /// Where a file is on the screen.
    pub fn position_of(&self, index: usize) -> Option<usize> {
        self.positions.get(index).copied()
    }

    /// Reorders the files together with their layouts.
    fn reorder(&mut self, order: Vec<usize>) {
        let heights = order.iter().map(|&index| self.heights.of(self.positions[index])).collect();
        self.text_cache.failed_again.clear();
        if !self.work.draft.notes.is_empty() || self.line_facts.colleagues.has_strays() {
            // Notes on no file of the change are at the first file.
            self.stale.extend(self.order.first().into_iter().chain(order.first()));
        }
        let mut rows: HashMap<usize, FileRows> = self.order.drain(..).zip(self.rows.drain(..)).collect();
        self.rows = order.iter().map(|index| rows.remove(index).unwrap_or_default()).collect();
        self.positions = inverse(&order);
        self.order = order;
        self.heights = Heights::new(heights);
        (0..self.order.len()).for_each(|position| self.count(position));
    }

    /// Which hunks a finding is about, in the files that were read.
    fn flag_hunks(&mut self) {
        for (index, file) in self.files.iter_mut().enumerate().filter(|(index, _)| self.findings.are_in(*index)) {
            let Some(inventory) = &file.inventory else { continue };
            let places = self.findings.places_in(index).iter();
            let places = places.filter_map(|&(at, place)| Some(self.findings.get(at)?.location_at(place)));
            file.flagged = places.filter_map(|place| inventory.hunk_at(place)).map(|hunk| hunk as u32).collect();
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
        let index = self.order[position];
        let Some((texts, inventory)) = self.read_at(position) else {
            // It is laid out when its texts come.
            self.stale.remove(&index);
            return self.count(position);
        };
        let is_noted = self.is_noted(index);
        let name = if is_noted { escape(&texts.diff.path) } else { String::new() };
        let is_here = |note: &Note| note.path == name || position == 0 && self.is_stray(note);
        let notes = self.work.draft.notes.iter().enumerate().filter(|(_, note)| is_noted && is_here(note));
        let findings = self.places_in(index).filter(|_| !self.findings.blind);
        let mut remarks = Remarks::new(findings, notes, &name, self.shape);
        let comments = self.line_facts.colleagues.at(index, position == 0).filter(|_| !self.findings.blind);
        remarks.add_comments(comments, &escape(&texts.diff.path), self.shape);
        let rows = FileRows::build(texts, inventory, &remarks, &self.files[index].opening, self.shape);
        let stands_for_all = self.group_at(position).is_some();
        self.put(position, if stands_for_all { groups::closed(rows) } else { rows });
    }

    /// Whether there is a note in a file.
    fn is_noted(&self, index: usize) -> bool {
        let path = || escape(&self.diff.files[index].path);
        let is_first = self.order.first() == Some(&index);
        let is_here = |note: &Note| note.path == path() || is_first && self.is_stray(note);
        !self.work.draft.notes.is_empty() && self.work.draft.notes.iter().any(is_here)
    }

    fn put(&mut self, position: usize, rows: FileRows) {
        self.stale.remove(&self.order[position]);
        let rows = if self.is_hidden(position) { FileRows::default() } else { rows };
        self.heights.set(position, rows.rows.len());
        self.rows[position] = rows;
        self.count(position);
    }

    /// Keeps only the height of a file.
    fn put_gone(&mut self, position: usize, height: usize) {
        let index = self.order[position];
        let file = &self.files[index];
        let folds = file.inventory.as_ref().is_some_and(|inventory| inventory.folds());
        self.stale.remove(&index);
        self.rows[position] = FileRows::gone(folds && !file.opening.is_open.unwrap_or(false));
        self.heights.set(position, if self.is_hidden(position) { 0 } else { height });
        self.count(position);
    }

    /// A row of a file; while its texts are being loaded, a row that says so.
    pub fn row(&self, position: usize, at: usize) -> Row {
        let is_last = at + 1 == self.heights.of(position);
        let waiting = if at == 0 {
            Row::File
        } else if is_last {
            Row::Gap
        } else {
            Row::Waiting
        };
        self.rows.get(position).and_then(|file| file.rows.get(at)).copied().unwrap_or(waiting)
    }

    /// Hides the findings until a first pass is done, or shows them.
    pub fn toggle_blind(&mut self) {
        self.findings.blind = !self.findings.blind;
        self.freshen_findings();
    }

    /// Files with findings are laid out again when they are viewed.
    fn freshen_findings(&mut self) {
        let has_remarks = |index: &usize| self.findings.are_in(*index) || self.is_commented(*index);
        let remarked: Vec<usize> = (0..self.files.len()).filter(has_remarks).collect();
        self.stale.extend(remarked);
    }

    /// The texts of the file at a position, while they are loaded, and its inventory.
    pub fn read_at(&self, position: usize) -> Option<(&Arc<FileMaterial>, &Arc<Inventory>)> {
        let &index = self.order.get(position)?;
        Some((self.texts_of(index)?, self.inventory_at(position)?))
    }

    /// The inventory of the file at a position, once it was read.
    pub fn inventory_at(&self, position: usize) -> Option<&Arc<Inventory>> {
        let &index = self.order.get(position)?;
        self.inventory_of_group(index).or(self.files.get(index)?.inventory.as_ref())
    }

    /// Changes what is opened in the file under the cursor.
    fn open_with(&mut self, change: impl FnOnce(&mut Opening)) {
        let position = self.current_file();
        if let Some(&index) = self.order.get(position) {
            if self.group_at(position).is_some() && self.open_group(index, true) {
                return;
            }
            change(&mut self.files[index].opening);
            self.rebuild(position);
        }
    }

    /// Enter: opens what the row under the cursor hides, or folds it again.
    fn unfold(&mut self) -> Option<String> {
        let position = self.current_file();
        let is_head = matches!(self.current_row()?, Row::File | Row::Sentence { .. });
        if is_head && self.unfold_group(self.order[position]) {
            self.viewport.make_room(self.height());
            return None;
        }
        let (_, inventory) = self.read_at(position)?;
        let folds = inventory.folds();
        match self.current_row()? {
            Row::Omission { omission, .. } if inventory.omissions[omission as usize].spot == rows::Spot::Fold => {
                self.open_with(|opening| opening.is_open = Some(true));
                self.viewport.make_room(self.height());
            }
            Row::File if folds => {
                let folded = self.rows[position].folded;
                self.open_with(|opening| opening.is_open = Some(folded));
            }
            Row::Hunk { hunk } => self.open_with(|opening| opening.before(hunk)),
            Row::Rest => {
                let after = self.rows[position].marks.len() as u32;
                self.open_with(|opening| opening.before(after));
                self.viewport.make_room(self.height());
            }
            Row::Line { hunk, .. } | Row::Pair { hunk, .. } => self.open_with(|opening| opening.around(hunk, true)),
            _ => return Some("nothing is left out here".to_owned()),
        }
        None
    }

    fn context(&mut self, more: bool) -> Option<String> {
        let (position, row) = self.here()?;
        let Some(mark) = self.rows[position].mark_at(row) else { return Some("the cursor is on no hunk".to_owned()) };
        self.open_with(|opening| opening.around(mark as u32, more));
        None
    }

    /// Files whose rows are on the screen, for highlighting.
    pub fn visible_files(&self) -> Vec<usize> {
        let shown = self.order.get(self.visible_positions()).unwrap_or_default();
        shown.iter().copied().filter(|index| !self.is_hidden_file(*index)).collect()
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }
}

/// The order until the rules have read the texts: files written by tools come last.
fn by_paths(diff: &Diff) -> Vec<usize> {
    let mut order: Vec<usize> = (0..diff.files.len()).collect();
    order.sort_by_cached_key(|&index| crate::risk::is_generated(&diff.files[index].path.lossy()));
    order
}

fn inverse(order: &[usize]) -> Vec<usize> {
    let mut positions = vec![0; order.len()];
    order.iter().enumerate().for_each(|(position, &index)| positions[index] = position);
    positions
}
