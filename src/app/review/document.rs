//! The document: the files of the change in the order of the screen, and the rows of each.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;
use std::sync::Arc;

use super::groups::{Group, Groups};
use super::heights::{Heights, UNREAD};
use super::layout::{Opening, Shape, ViewOptions};
use super::rows::{FileRows, Inventory, Remarks, Row, sentence_lines};
use super::target::Anchor;
use crate::change::diff::Diff;
use crate::examination::{FileMaterial, text_of};
use crate::highlight::Colours;

/// The approximate size of a file besides texts, lines and rows.
const OWN: usize = 1 << 10;

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
    pub(super) height: Option<usize>,
    /// Hunks that a finding is about.
    pub(super) flagged: HashSet<u32>,
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
    pub(super) weight: usize,
}

/// A file that was read, laid out without remarks.
#[derive(Debug, Clone)]
pub struct Compared {
    pub(super) inventory: Arc<Inventory>,
    /// Rows.
    pub(super) height: usize,
    pub(super) shape: Shape,
    /// The size of its texts and rows in bytes, also if they were dropped.
    pub weight: usize,
    pub(super) body: Option<(Arc<FileMaterial>, FileRows)>,
}

impl Compared {
    /// Lays out a file, in a worker: the largest take as long as many frames.
    pub fn of(texts: Arc<FileMaterial>, shape: Shape) -> Compared {
        let inventory = Arc::new(Inventory::of(&texts));
        let rows = FileRows::build(&texts, &inventory, &Remarks::default(), &Opening::default(), shape);
        let weight = weight(&texts, &rows);
        Compared { inventory, height: rows.rows.len(), shape, weight, body: Some((texts, rows)) }
    }

    /// Drops its texts, which can be read again.
    pub fn without_texts(self) -> Compared {
        Compared { body: None, ..self }
    }

    /// Whether a hunk of it makes an edit that others may make too.
    pub fn has_edits(&self) -> bool {
        self.inventory.outlines.iter().any(|outline| outline.edit.is_some())
    }
}

/// The files of a change, by index, and their places on the screen, by position. The order and its inverse agree; the
/// height of a file is that of its rows while its texts are loaded, the last one known otherwise, and nothing while
/// another file stands for it.
#[derive(Debug, Clone)]
pub struct Document {
    files: Vec<File>,
    /// Positions on the screen → indices.
    order: Vec<usize>,
    /// Indices → positions.
    positions: Vec<usize>,
    /// By position.
    rows: Vec<FileRows>,
    heights: Heights,
    /// Files whose rows were laid out for another width or lack new data, by index.
    stale: HashSet<usize>,
    shape: Shape,
    /// Groups of files that form one item.
    pub(super) groups: Groups,
}

impl Document {
    pub(super) fn new(diff: &Diff, groups: Groups) -> Document {
        let count = diff.files.len();
        let order = groups.together(by_paths(diff));
        let mut document = Document {
            files: vec![File::default(); count],
            positions: inverse(&order),
            order,
            rows: vec![FileRows::default(); count],
            heights: Heights::new(vec![UNREAD; count]),
            stale: HashSet::new(),
            shape: ViewOptions::default().shape(80),
            groups,
        };
        let hidden: Vec<usize> = (0..count).filter(|&position| document.is_hidden(position)).collect();
        hidden.into_iter().for_each(|position| document.put_gone(position, 0));
        document
    }

    /// Indices of the files, in the order of the screen.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// By index.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    pub(super) fn file_mut(&mut self, index: usize) -> &mut File {
        &mut self.files[index]
    }

    /// By position.
    pub fn rows(&self) -> &[FileRows] {
        &self.rows
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Where a file is on the screen.
    pub fn position_of(&self, index: usize) -> Option<usize> {
        self.positions.get(index).copied()
    }

    /// Rows of the whole document.
    pub fn height(&self) -> usize {
        self.heights.total()
    }

    pub(super) fn height_of(&self, position: usize) -> usize {
        self.heights.of(position)
    }

    /// Position of the file and row in it.
    pub fn locate(&self, row: usize) -> Option<(usize, usize)> {
        self.heights.locate(row)
    }

    pub fn start_of(&self, position: usize) -> usize {
        self.heights.start_of(position)
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

    /// The position of the file of an anchor, and the row in it.
    pub(super) fn row_at(&self, anchor: &Anchor) -> Option<(usize, usize)> {
        let position = self.position_of(anchor.index)?;
        let file = &self.rows[position];
        let same = file.rows.get(anchor.at) == Some(&anchor.row);
        let line = anchor.row.lines().last().zip(anchor.row.hunk());
        let found = if same {
            Some(anchor.at)
        } else if let Some(((line, _), hunk)) = line {
            file.row_of(hunk, line)
        } else if let Row::Beyond { new: wanted, .. } = anchor.row {
            file.rows.iter().position(|row| matches!(row, Row::Beyond { new, .. } if *new == wanted))
        } else {
            file.rows.iter().position(|row| *row == anchor.row)
        };
        Some((position, found.unwrap_or(anchor.at).min(self.heights.of(position).saturating_sub(1))))
    }

    /// The loaded texts of a file.
    pub fn texts_of(&self, index: usize) -> Option<&Arc<FileMaterial>> {
        Some(&self.files.get(index)?.body.as_ref()?.texts)
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

    /// Whether the rows of a file must be laid out again.
    pub(super) fn is_stale(&self, position: usize) -> bool {
        self.order.get(position).is_some_and(|index| self.stale.contains(index))
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.stale.is_empty()
    }

    /// Lays files out again when they are viewed, by index.
    pub(super) fn make_stale(&mut self, indices: impl IntoIterator<Item = usize>) {
        self.stale.extend(indices);
    }

    /// The same, for files whose texts are loaded: the others are laid out when their texts come.
    pub(super) fn make_loaded_stale(&mut self) {
        self.stale.extend((0..self.files.len()).filter(|&index| self.files[index].body.is_some()));
    }

    pub(super) fn is_laid_out(&mut self, position: usize) {
        self.stale.remove(&self.order[position]);
    }

    /// Takes another width, or another choice of the person. Returns whether it differs from the last one.
    pub(super) fn take_shape(&mut self, shape: Shape) -> bool {
        if shape == self.shape {
            return false;
        }
        self.shape = shape;
        // What is on the screen at once, everything else when it is viewed.
        self.make_loaded_stale();
        true
    }

    /// Reorders the files together with their layouts.
    pub(super) fn reorder(&mut self, order: Vec<usize>) {
        let heights = order.iter().map(|&index| self.heights.of(self.positions[index])).collect();
        let mut rows: HashMap<usize, FileRows> = self.order.drain(..).zip(self.rows.drain(..)).collect();
        self.rows = order.iter().map(|index| rows.remove(index).unwrap_or_default()).collect();
        self.positions = inverse(&order);
        self.order = order;
        self.heights = Heights::new(heights);
    }

    pub(super) fn put(&mut self, position: usize, rows: FileRows) {
        self.is_laid_out(position);
        let rows = if self.is_hidden(position) { FileRows::default() } else { rows };
        self.heights.set(position, rows.rows.len());
        self.rows[position] = rows;
    }

    /// Keeps only the height of a file.
    pub(super) fn put_gone(&mut self, position: usize, height: usize) {
        self.is_laid_out(position);
        let file = &self.files[self.order[position]];
        let folds = file.inventory.as_ref().is_some_and(|inventory| inventory.folds());
        self.rows[position] = FileRows::gone(folds && !file.opening.is_open.unwrap_or(false));
        self.heights.set(position, if self.is_hidden(position) { 0 } else { height });
    }
}

impl Document {
    /// The group that the file at a position represents.
    pub fn group_at(&self, position: usize) -> Option<&Group> {
        self.groups.led_by(*self.order().get(position)?)
    }

    /// Whether another file represents this one.
    pub fn is_hidden(&self, position: usize) -> bool {
        self.order().get(position).is_some_and(|index| self.groups.is_hidden(*index))
    }

    pub(super) fn is_hidden_file(&self, index: usize) -> bool {
        self.groups.is_hidden(index)
    }

    /// The inventory of the first file of a group, on behalf of all.
    pub(super) fn inventory_of_group(&self, index: usize) -> Option<&Arc<Inventory>> {
        self.groups.inventory_led_by(index)
    }

    /// The height of the file that represents a closed group, with or without its texts.
    pub(super) fn closed_height(&self, index: usize) -> Option<usize> {
        let inventory = self.inventory_of_group(index)?;
        let lines = |sentence: &String| sentence_lines(sentence, self.shape()).len();
        Some(1 + inventory.sentences.iter().map(lines).sum::<usize>() + 1)
    }
}

/// The size of texts with their rows in bytes.
fn weight(file: &FileMaterial, rows: &FileRows) -> usize {
    let comparison = &file.comparison;
    let lines = comparison.old.count() as usize + comparison.new.count() as usize;
    let shown: usize = comparison.hunks.iter().map(|hunk| hunk.lines.len()).sum();
    // Lines of hunks are three numbers each, starts of lines one.
    text_of(&file.old).len()
        + text_of(&file.new).len()
        + 4 * lines
        + 12 * shown
        + size_of::<Row>() * rows.rows.len()
        + OWN
}

/// The order until the rules have read the texts: files written by tools come last.
fn by_paths(diff: &Diff) -> Vec<usize> {
    let mut order: Vec<usize> = (0..diff.files.len()).collect();
    order.sort_by_cached_key(|&index| crate::risk::is_generated(&diff.files[index].path.lossy()));
    order
}

/// By index, the position.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut positions = vec![0; order.len()];
    order.iter().enumerate().for_each(|(position, &index)| positions[index] = position);
    positions
}
