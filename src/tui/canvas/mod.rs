//! What the terminal shows, and the bytes that make it show the next frame: as few as are safe.
//!
//! Only cells that look different are written, colours only where they change, blanks are erased if every terminal of
//! this kind erases the same way (`terminfo`), and a band of rows that moved is scrolled by the terminal if that takes
//! fewer bytes (`shift`). Each frame sets position and style again: output of other programs between two frames damages
//! only its own cells.

mod pen;
mod shift;
mod terminfo;
#[cfg(test)]
mod tests;

use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;

use pen::{Ink, Pen};
use shift::{Pieces, Shift};
pub use terminfo::Erasing;

/// A frame with fewer bytes than this is not optimised further.
const SHORT: usize = 400;
/// A frame in which fewer rows differ is not scrolled.
const FEW_ROWS: usize = 4;
/// The least number of blanks for which erasing is shorter, including the sequence that continues after them.
const MANY_BLANKS: usize = 10;
const BLANKS_TO_END: usize = 3;
/// Replaces a character that may be wider than the rest of its row: on the last row it would scroll the screen.
const BEYOND: &str = "?";
/// With fewer runs, their order makes no difference.
const FEW_RUNS: usize = 4;
/// The most cells to go back for a run in the next row: as many bytes as skipping the cells up to the next run takes.
const FEW_BACK: u16 = 4;
/// The most unchanged cells that are written again rather than skipped.
const STEP: usize = 4;

pub struct Canvas {
    erasing: Erasing,
    /// What the terminal shows; none if that is not known.
    shown: Option<Buffer>,
    /// Of what it shows, if that was compared.
    pieces: Option<Pieces>,
    /// Where the next frame is painted.
    next: Buffer,
    /// Whether the cursor is shown, and where; none if that is not known.
    cursor: Option<Option<Position>>,
    /// The shortest output for the next frame so far, and another that is being tried.
    pen: Pen,
    other: Pen,
    runs: Vec<Run>,
    /// For a row: the width of what begins in each cell; zero for continuation cells.
    widths: Vec<u16>,
}

impl Canvas {
    /// For a terminal of which only the way it erases is known.
    pub fn new(erasing: Erasing) -> Canvas {
        Canvas {
            erasing,
            shown: None,
            pieces: None,
            next: Buffer::empty(Rect::ZERO),
            cursor: None,
            pen: Pen::default(),
            other: Pen::default(),
            runs: Vec::new(),
            widths: Vec::new(),
        }
    }

    /// The terminal may show anything now.
    pub fn forget(&mut self) {
        (self.shown, self.pieces, self.cursor) = (None, None, None);
    }

    /// The bytes that make the terminal show a frame; none if it already does. `paint` fills the whole buffer, and
    /// returns the position of the cursor, if it is visible.
    pub fn draw(&mut self, (width, height): (u16, u16), paint: impl FnOnce(&mut Buffer) -> Option<Position>) -> &[u8] {
        let area = Rect { x: 0, y: 0, width, height };
        self.next.resize(area);
        let cursor = paint(&mut self.next);
        self.pen.begin();
        match self.shown.take().filter(|shown| shown.area == area) {
            Some(shown) => {
                self.change(&shown);
                self.shown = Some(shown);
            }
            None => {
                self.pieces = None;
                self.fill(area);
            }
        }
        self.place(cursor);
        // What is written was `next`; the buffer of the old frame is reused.
        let painted = std::mem::take(&mut self.next);
        self.next = self.shown.replace(painted).unwrap_or_default();
        &self.pen.bytes
    }

    /// Erases the screen, and writes everything that is not blank.
    fn fill(&mut self, area: Rect) {
        let bg = if self.erasing.paints { commonest(&self.next) } else { Color::Reset };
        let blank = vec![blank(bg); usize::from(area.width)];
        self.plan(|_| &blank, |_| true);
        self.try_orders(|pen| {
            pen.dip(Ink { bg, ..Ink::PLAIN });
            pen.csi(&[2], b'J');
            // Some emulators paint nothing where no cell was ever written, unless each row is erased separately.
            for y in (0..area.height).filter(|_| bg != Color::Reset) {
                pen.go(0, y);
                pen.csi(&[], b'K');
            }
        });
    }

    fn change(&mut self, shown: &Buffer) {
        let width = usize::from(shown.area.width).max(1);
        let row = |y: usize| &shown.content[y * width..(y + 1) * width];
        let rows = self.next.content.chunks(width).enumerate();
        let differs: Vec<bool> = rows.map(|(y, new)| !are_same(row(y), new)).collect();
        let is_small = differs.iter().filter(|differs| **differs).count() < FEW_ROWS;
        // Those of a frame that differs little are not computed, and then the next one begins anew.
        let before = self.pieces.take();
        let shift = (!is_small).then(|| {
            let next = Pieces::of(&self.next);
            let shift = Shift::between(&before.unwrap_or_else(|| Pieces::of(shown)), &next);
            self.pieces = Some(next);
            shift
        });
        let shift = shift.flatten();
        if !shift.as_ref().is_some_and(|shift| shift.is_clear) {
            self.plan(row, |y| differs[y]);
            self.try_orders(|_| {});
        }
        let Some(shift) = shift.filter(|_| self.pen.bytes.is_empty() || self.pen.bytes.len() >= SHORT) else { return };
        let blank = vec![blank(Color::Reset); width];
        self.plan(|y| shift.source(y).map_or(&blank[..], row), |y| shift.source(y) != Some(y) || differs[y]);
        self.try_orders(|pen| scroll(pen, &shift));
    }

    /// Finds the runs to write if a terminal shows these rows, of which only some may differ.
    fn plan<'s>(&mut self, shown: impl Fn(usize) -> &'s [Cell], may_differ: impl Fn(usize) -> bool) {
        self.runs.clear();
        let width = usize::from(self.next.area.width).max(1);
        for (y, new) in self.next.content.chunks(width).enumerate().filter(|(y, _)| may_differ(*y)) {
            let old = shown(y);
            if are_same(old, new) {
                continue;
            }
            let is_sure = measure(new, &mut self.widths) & measure(old, &mut self.widths);
            let (erasing, widths, runs) = (self.erasing, &self.widths[..], &mut self.runs);
            let begin = runs.len();
            Row { erasing, y: y as u16, old, new, widths, is_sure, runs, begin }.plan();
        }
    }

    /// Writes the runs after a prefix: row by row, ink by ink, and ink by ink with columns written downwards. Keeps
    /// whichever is the shortest so far.
    fn try_orders(&mut self, begin: impl Fn(&mut Pen)) {
        for order in [Order::Rows, Order::Inks, Order::Columns] {
            match order {
                Order::Rows => {}
                _ if self.runs.len() < FEW_RUNS => return,
                Order::Inks => layer(&mut self.runs),
                Order::Columns => {
                    let width = self.next.area.width;
                    let groups = self.runs.chunk_by_mut(|one, next| one.ink == next.ink && !next.in_order);
                    groups.filter(|group| !group[0].in_order).for_each(|group| downwards(group, width));
                }
            }
            self.other.begin();
            begin(&mut self.other);
            self.runs.iter().for_each(|run| run.write(&self.next, &mut self.other));
            if self.pen.bytes.is_empty() || self.other.bytes.len() < self.pen.bytes.len() {
                std::mem::swap(&mut self.pen, &mut self.other);
            }
        }
    }

    /// Ends a frame: the pen is plain, the cursor where it belongs.
    fn place(&mut self, cursor: Option<Position>) {
        let is_idle = self.pen.bytes.is_empty();
        if !is_idle {
            self.pen.dip(Ink::PLAIN);
        }
        let was_shown = self.cursor.map(|cursor| cursor.is_some());
        if let Some(at) = cursor.filter(|_| !is_idle || self.cursor != Some(cursor)) {
            self.pen.go(at.x, at.y);
        }
        if was_shown != Some(cursor.is_some()) {
            self.pen.bytes.extend(if cursor.is_some() { b"\x1b[?25h" } else { b"\x1b[?25l" });
        }
        self.cursor = Some(cursor);
    }
}

/// Makes the terminal scroll a band, in a way that all terminals since the VT102 support: lines are deleted or inserted
/// at its top. With a plain pen, since new lines take its background on some terminals and not on others.
fn scroll(pen: &mut Pen, shift: &Shift) {
    let (top, bottom) = (shift.band.start as u16, shift.band.end as u16);
    pen.dip(Ink::PLAIN);
    pen.csi(&[top + 1, bottom], b'r');
    pen.lose_place();
    pen.go(0, top);
    pen.csi(&[shift.up.unsigned_abs() as u16], if shift.up > 0 { b'M' } else { b'L' });
    pen.csi(&[], b'r');
    pen.lose_place();
}

/// Groups runs of the same ink: setting a colour takes more bytes than skipping cells of another one. Runs whose order
/// matters, because they contain something wide, come last.
fn layer(runs: &mut [Run]) {
    let mut inks: Vec<Ink> = Vec::new();
    for run in &*runs {
        if !inks.contains(&run.ink) {
            inks.push(run.ink);
        }
    }
    let first = |same: &dyn Fn(&Ink) -> bool| inks.iter().position(same);
    let rank = |ink: Ink| {
        let ground = first(&|other| other.bg == ink.bg);
        (ground, ink.modifier.bits(), first(&|other| *other == ink))
    };
    let ranks: Vec<_> = inks.iter().map(|ink| rank(*ink)).collect();
    runs.sort_by_cached_key(|run| match run.in_order {
        true => (true, None),
        false => (false, inks.iter().position(|ink| *ink == run.ink).map(|at| ranks[at])),
    });
}

/// Puts runs of one ink, which come row by row, into an order in which what is below a run comes next to it: a line
/// feed and a few cells back are shorter than skipping a pane.
fn downwards(runs: &mut [Run], width: u16) {
    let by_row = runs.to_vec();
    let mut is_taken = vec![false; by_row.len()];
    let mut slots = runs.iter_mut();
    for first in 0..by_row.len() {
        let mut next = Some(first);
        while let Some(at) = next.filter(|at| !is_taken[*at]) {
            is_taken[at] = true;
            slots.next().into_iter().for_each(|slot| *slot = by_row[at]);
            next = by_row[at].end(width).and_then(|(x, y)| {
                let row = by_row.partition_point(|run| run.y <= y);
                let is_below = |run: &Run| run.y == y + 1 && run.from <= x && x - run.from <= FEW_BACK;
                by_row[row..].iter().take_while(|run| run.y == y + 1).position(is_below).map(|index| row + index)
            });
        }
    }
}

/// Computes the width of what begins in each cell; returns whether all terminals agree on it.
fn measure(row: &[Cell], widths: &mut Vec<u16>) -> bool {
    widths.clear();
    widths.resize(row.len(), 0);
    let (mut at, mut is_sure) = (0, true);
    while at < row.len() {
        // Most cells hold one byte.
        if row[at].symbol().len() == 1 {
            widths[at] = 1;
            at += 1;
            continue;
        }
        let width = width(&row[at]).min((row.len() - at) as u16);
        is_sure &= is_sure_of(row[at].symbol(), width);
        widths[at] = width;
        at += usize::from(width);
    }
    is_sure
}

fn width(cell: &Cell) -> u16 {
    if cell.symbol().len() == 1 { 1 } else { cell.cell_width().max(1) }
}

/// Whether all terminals draw it with this width: one character of one cell, or one that was wide before there were
/// emoji. For combined characters, terminals have different tables.
fn is_sure_of(symbol: &str, width: u16) -> bool {
    let mut characters = symbol.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else { return false };
    width == 1
        || matches!(character, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{303E}' | '\u{3041}'..='\u{A4CF}'
            | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF01}'..='\u{FF60}')
}

/// Its width if each character is drawn separately.
fn widest(symbol: &str) -> u16 {
    symbol.chars().map(|character| character.encode_utf8(&mut [0; 4]).cell_width()).sum()
}

fn are_same(old: &[Cell], new: &[Cell]) -> bool {
    old.iter().zip(new).all(|(old, new)| looks_same(old, new))
}

fn looks_same(old: &Cell, new: &Cell) -> bool {
    // Most cells hold one byte: comparing those calls nothing.
    let are_equal = match (old.symbol().as_bytes(), new.symbol().as_bytes()) {
        ([old], [new]) => old == new,
        (old, new) => old == new,
    };
    are_equal && (Ink::of(old) == Ink::of(new) || new.symbol() == " " && Ink::of(old).is_same_on_blank(Ink::of(new)))
}

fn blank(bg: Color) -> Cell {
    let mut cell = Cell::EMPTY;
    cell.bg = bg;
    cell
}

/// The background of most cells.
fn commonest(frame: &Buffer) -> Color {
    let mut counts: Vec<(Color, usize)> = Vec::new();
    for cell in &frame.content {
        match counts.iter_mut().find(|(bg, _)| *bg == cell.bg) {
            Some((_, count)) => *count += 1,
            None => counts.push((cell.bg, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(Color::Reset, |(bg, _)| bg)
}

/// Adjacent cells that are written together.
#[derive(Debug, Clone, Copy)]
struct Run {
    y: u16,
    from: u16,
    to: u16,
    ink: Ink,
    /// Only the background of the ink is visible.
    is_blank: bool,
    way: Way,
    /// Everything to the left of it in its row must be written first.
    in_order: bool,
}

/// The order in which runs are written.
#[derive(Debug, Clone, Copy)]
enum Order {
    Rows,
    Inks,
    /// Of one ink, what is below each other.
    Columns,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Written,
    Erased,
    ErasedToEnd,
    /// A grapheme on whose width terminals disagree.
    Odd,
}

impl Run {
    /// Where the cursor is after it, if that is known.
    fn end(&self, width: u16) -> Option<(u16, u16)> {
        match self.way {
            Way::Written => Some((self.to, self.y)).filter(|(x, _)| *x < width),
            Way::Erased | Way::ErasedToEnd => Some((self.from, self.y)),
            Way::Odd => None,
        }
    }

    fn write(&self, frame: &Buffer, pen: &mut Pen) {
        pen.go(self.from, self.y);
        if self.is_blank {
            pen.dip_for_blank(self.ink);
        } else {
            pen.dip(self.ink);
        }
        let width = frame.area.width;
        let row = usize::from(self.y) * usize::from(width);
        let row = &frame.content[row..row + usize::from(width)];
        match self.way {
            Way::ErasedToEnd => pen.csi(&[], b'K'),
            Way::Erased => pen.csi(&[self.to - self.from], b'X'),
            Way::Odd => self.write_odd(row, pen),
            Way::Written => {
                let mut x = self.from;
                while x < self.to {
                    let cell = &row[usize::from(x)];
                    let cells = self::width(cell);
                    pen.write(cell.symbol(), cells);
                    x += cells;
                }
                if self.to >= width {
                    pen.lose_place();
                }
            }
        }
    }

    fn write_odd(&self, row: &[Cell], pen: &mut Pen) {
        let (symbol, cells) = (row[usize::from(self.from)].symbol(), self.to - self.from);
        let is_last = usize::from(self.to) >= row.len();
        let may_leave = usize::from(self.from + widest(symbol).max(width(&row[usize::from(self.from)])));
        // If it is narrower than assumed, nothing else would overwrite the rest.
        let is_beyond = may_leave >= row.len();
        let symbol = if is_beyond { BEYOND } else { symbol };
        (0..cells).for_each(|_| pen.write(" ", 1));
        if is_last {
            pen.lose_place();
        }
        pen.go(self.from, self.y);
        pen.write(symbol, 1);
        pen.lose_column();
        if is_last {
            pen.lose_place();
        }
    }
}

/// A row with something to write.
struct Row<'r> {
    erasing: Erasing,
    y: u16,
    old: &'r [Cell],
    new: &'r [Cell],
    /// The width of what begins in each cell of `old`.
    widths: &'r [u16],
    /// Otherwise the real positions of its cells are unknown, and all are written.
    is_sure: bool,
    runs: &'r mut Vec<Run>,
    /// The index of its first run among all runs.
    begin: usize,
}

impl Row<'_> {
    fn plan(mut self) {
        let mut x = 0;
        let mut is_wide = !self.is_sure || self.widths.contains(&0);
        while x < self.new.len() {
            let cell = &self.new[x];
            let cells = width(cell).min((self.new.len() - x) as u16);
            is_wide |= cells > 1;
            let end = x + usize::from(cells);
            if self.stays(x, cells) {
                x = end;
            } else if is_blank(cell) {
                x = self.blanks(x);
            } else {
                let is_odd = !is_sure_of(cell.symbol(), cells) || width(cell) > cells;
                self.add(x, end, Ink::of(cell), false, if is_odd { Way::Odd } else { Way::Written });
                x = end;
            }
        }
        self.runs[self.begin..].iter_mut().for_each(|run| run.in_order = is_wide);
    }

    /// Whether a cell looks the same as before. Half of a wide character never does: overwriting the other half removes
    /// it.
    fn stays(&self, x: usize, cells: u16) -> bool {
        self.is_sure && self.widths[x] == cells && looks_same(&self.old[x], &self.new[x])
    }

    /// The blanks that begin in a cell, as far as they change; returns the column after them.
    fn blanks(&mut self, x: usize) -> usize {
        let (bg, ink) = (self.new[x].bg, Ink::of(&self.new[x]));
        let more = self.new[x..].iter().take_while(|cell| is_blank(cell) && cell.bg == bg).count();
        let changed = (x..x + more).rposition(|at| !self.stays(at, 1)).map_or(1, |last| last + 1);
        let can_erase = self.erasing.paints || bg == Color::Reset;
        let way = if can_erase && x + more == self.new.len() && changed > BLANKS_TO_END {
            Way::ErasedToEnd
        } else if can_erase && self.erasing.counts && changed > MANY_BLANKS {
            Way::Erased
        } else {
            Way::Written
        };
        self.add(x, x + changed, ink, true, way);
        x + changed
    }

    /// Extends the previous run, rewriting a few cells in between, if it has the same ink.
    fn add(&mut self, from: usize, to: usize, ink: Ink, is_blank: bool, way: Way) {
        let (y, begin) = (self.y, self.begin);
        let new = self.new;
        if let Some(last) = self.runs[begin..].last_mut().filter(|last| (last.way, way) == (Way::Written, Way::Written))
        {
            let both = match (last.is_blank, is_blank) {
                (true, _) => ink,
                (false, _) => last.ink,
            };
            let fits = |cell: &Cell| {
                let own = Ink::of(cell);
                own == both || cell.symbol() == " " && own.is_same_on_blank(both)
            };
            let shows_as = |own: Ink, blank: bool| own == both || blank && own.is_same_on_blank(both);
            let gap = &new[usize::from(last.to)..from];
            if shows_as(last.ink, last.is_blank)
                && shows_as(ink, is_blank)
                && gap.len() <= STEP
                && gap.iter().all(|cell| cell.symbol().len() == 1 && fits(cell))
            {
                (last.to, last.ink, last.is_blank) = (to as u16, both, last.is_blank && is_blank);
                return;
            }
        }
        self.runs.push(Run { y, from: from as u16, to: to as u16, ink, is_blank, way, in_order: false });
    }
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && Ink::of(cell).is_ground()
}
