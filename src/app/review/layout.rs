//! How the diff is laid out: the person's choice, and what follows from the width of the screen.

use std::collections::BTreeMap;

/// The least width at which the diff is side by side by default.
const WIDE: usize = 150;
/// How many lines one stroke shows above and below.
const STEP: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// By the width of the screen.
    #[default]
    Auto,
    Unified,
    SideBySide,
}

/// What a person chose; it outlives the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewOptions {
    pub layout: Layout,
    /// Long lines are wrapped; otherwise the diff scrolls horizontally.
    pub wrap: bool,
    /// Blanks are drawn.
    pub blanks: bool,
    /// The attribution of each line is shown.
    pub attribution: bool,
    /// Columns of a tab stop.
    pub tab: usize,
}

impl Default for ViewOptions {
    fn default() -> ViewOptions {
        ViewOptions { layout: Layout::Auto, wrap: true, blanks: false, attribution: false, tab: 4 }
    }
}

impl ViewOptions {
    pub fn shape(self, columns: usize) -> Shape {
        let side_by_side = match self.layout {
            Layout::Auto => columns >= WIDE,
            Layout::Unified => false,
            Layout::SideBySide => columns >= 2 * Shape::MIN_HALF,
        };
        Shape { columns, side_by_side, wrap: self.wrap, attribution: self.attribution, tab: self.tab }
    }
}

/// The parameters of a layout of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Of the diff.
    pub columns: usize,
    pub side_by_side: bool,
    pub wrap: bool,
    pub attribution: bool,
    pub tab: usize,
}

impl Shape {
    /// The least useful width of half of the diff.
    const MIN_HALF: usize = 30;
    /// The cursor, and a sign with a space on either side.
    const MARKS: usize = 4;

    /// Columns before the text of a line.
    pub fn gutter(self, cells: Cells) -> usize {
        usize::from(self.attribution) + Shape::MARKS + cells.numbers * if cells.halves { 1 } else { 2 }
    }

    /// Columns of the left half, without the rule between the halves.
    pub fn half(self) -> usize {
        self.columns.saturating_sub(1) / 2
    }

    /// Columns for the text of a line.
    pub fn text(self, cells: Cells) -> usize {
        let columns = if cells.halves { self.half() } else { self.columns };
        columns.saturating_sub(self.gutter(cells)).max(8)
    }
}

/// How the lines of a file are arranged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cells {
    /// Side by side.
    pub halves: bool,
    /// Columns of a line number, with a blank before it.
    pub numbers: usize,
}

impl Cells {
    /// For line numbers up to one.
    pub fn of(halves: bool, lines: u32) -> Cells {
        Cells { halves, numbers: (lines.max(1).ilog10() as usize + 2).max(5) }
    }
}

/// What is opened in a file beyond its hunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// Whether an automatically folded file is open, if somebody chose.
    pub is_open: Option<bool>,
    /// All lines.
    pub whole: bool,
    /// By the hunk that follows the unchanged lines (the number of hunks: after the last one): how many are shown at
    /// their start, and at their end.
    pub gaps: BTreeMap<u32, (u32, u32)>,
}

impl Opening {
    /// Shows more, or less, of the unchanged lines around a hunk.
    pub fn around(&mut self, hunk: u32, more: bool) {
        let step = |n: &mut u32| *n = if more { n.saturating_add(STEP) } else { n.saturating_sub(STEP) };
        step(&mut self.gaps.entry(hunk).or_default().1);
        step(&mut self.gaps.entry(hunk + 1).or_default().0);
    }

    /// Shows more of the unchanged lines before a hunk.
    pub fn before(&mut self, hunk: u32) {
        let (above, below) = self.gaps.entry(hunk).or_default();
        if hunk > 0 {
            *above = above.saturating_add(STEP);
        }
        *below = below.saturating_add(STEP);
    }

    /// How many of the given number of lines before a hunk are shown at their start, and at their end.
    pub fn shown(&self, hunk: u32, lines: u32) -> (u32, u32) {
        if self.whole {
            return (0, lines);
        }
        let (above, below) = self.gaps.get(&hunk).copied().unwrap_or_default();
        let above = above.min(lines);
        (above, below.min(lines - above))
    }
}
