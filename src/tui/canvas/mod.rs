//! What the terminal shows, and the bytes that make it show the next frame: as few as are sure.
//!
//! Only cells that look different are written, colours only where they change, blanks are erased where every terminal
//! of this kind erases alike (`terminfo`), and a band of rows that moved is scrolled by the terminal where that is
//! less to write (`shift`). Each frame says anew where it writes and how: what something else wrote between two
//! frames harms its own cells alone.

mod pen;
mod shift;
mod terminfo;
#[cfg(test)]
mod tests;

use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;

use pen::{Ink, Pen};
use shift::Shift;
pub use terminfo::Erasing;

/// Below so many bytes a frame is short enough as it is.
const SHORT: usize = 400;
/// Blanks from which on erasing them is shorter: so many that the sequence, and the one that goes on behind them, are.
const MANY_BLANKS: usize = 10;
const BLANKS_TO_END: usize = 3;
/// Stands for what may be wider than what is left of its row: on the last row it would scroll the screen.
const BEYOND: &str = "?";
/// Cells that are written again rather than leapt over.
const STEP: usize = 4;

pub struct Canvas {
    erasing: Erasing,
    /// What the terminal shows; none where that is not known.
    shown: Option<Buffer>,
    /// Where the next frame is painted.
    next: Buffer,
    /// Whether the cursor is shown, and where; none where that is not known.
    cursor: Option<Option<Position>>,
    /// The shortest way to the next frame so far, and another that is tried.
    pen: Pen,
    other: Pen,
    runs: Vec<Run>,
    /// Of a row: how wide what begins in a cell is, zero where something goes on.
    widths: Vec<u16>,
}

impl Canvas {
    /// For a terminal of which nothing is known but how it erases.
    pub fn new(erasing: Erasing) -> Canvas {
        Canvas {
            erasing,
            shown: None,
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
        (self.shown, self.cursor) = (None, None);
    }

    /// The bytes that make the terminal show a frame; none where it does. `paint` fills the whole buffer, and gives the
    /// place of the cursor, if it is to be seen.
    pub fn draw(&mut self, (width, height): (u16, u16), paint: impl FnOnce(&mut Buffer) -> Option<Position>) -> &[u8] {
        let area = Rect { x: 0, y: 0, width, height };
        self.next.resize(area);
        self.next.reset();
        let cursor = paint(&mut self.next);
        self.pen.begin();
        match self.shown.take().filter(|shown| shown.area == area) {
            Some(shown) => {
                self.change(&shown);
                self.shown = Some(shown);
            }
            None => self.fill(area),
        }
        self.place(cursor);
        // What is written was `next`; what was shown is painted over in turn.
        let painted = std::mem::take(&mut self.next);
        self.next = self.shown.replace(painted).unwrap_or_default();
        &self.pen.bytes
    }

    /// Erases the screen, and writes all that is not blank then.
    fn fill(&mut self, area: Rect) {
        let bg = if self.erasing.paints { commonest(&self.next) } else { Color::Reset };
        let blank = vec![blank(bg); usize::from(area.width)];
        self.plan(|_| &blank);
        self.try_both(|pen| {
            pen.dip(Ink { bg, ..Ink::PLAIN });
            pen.csi(&[2], b'J');
            // Some emulators paint nothing where no cell was ever written, unless a row is erased by itself.
            for y in (0..area.height).filter(|_| bg != Color::Reset) {
                pen.go(0, y);
                pen.csi(&[], b'K');
            }
        });
    }

    fn change(&mut self, shown: &Buffer) {
        let width = usize::from(shown.area.width).max(1);
        let row = |y: usize| &shown.content[y * width..(y + 1) * width];
        let changed = self.plan(row);
        self.try_both(|_| {});
        if changed < 4 || self.pen.bytes.len() < SHORT {
            return;
        }
        let Some(shift) = Shift::between(shown, &self.next) else { return };
        let blank = vec![blank(Color::Reset); width];
        self.plan(|y| shift.source(y).map_or(&blank[..], row));
        self.try_both(|pen| scroll(pen, &shift));
    }

    /// Finds the runs that are to be written where a terminal shows these rows; gives how many rows differ.
    fn plan<'s>(&mut self, shown: impl Fn(usize) -> &'s [Cell]) -> usize {
        self.runs.clear();
        let width = usize::from(self.next.area.width).max(1);
        let mut changed = 0;
        for (y, new) in self.next.content.chunks(width).enumerate() {
            let old = shown(y);
            if old.iter().zip(new).all(|(old, new)| looks_same(old, new)) {
                continue;
            }
            changed += 1;
            let is_sure = measure(new, &mut self.widths) & measure(old, &mut self.widths);
            let (erasing, widths, runs) = (self.erasing, &self.widths[..], &mut self.runs);
            let begin = runs.len();
            Row { erasing, y: y as u16, old, new, widths, is_sure, runs, begin }.plan();
        }
        changed
    }

    /// Writes the runs after a beginning, row by row and ink by ink: one of them is shorter than what there was.
    fn try_both(&mut self, begin: impl Fn(&mut Pen)) {
        for layered in [false, true] {
            if layered {
                if self.runs.len() < 4 {
                    return;
                }
                layer(&mut self.runs);
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

/// Has the terminal scroll a band, in a way that all know since the VT102: lines are deleted or inserted at its top.
/// With a plain pen, for what comes in takes its background on some terminals and not on others.
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

/// Puts together what has the same ink: to say a colour takes more bytes than to leap over what has another one. What
/// hangs on its order, because something in it is wide, comes last.
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

/// Notes how wide what begins in each cell is; whether all terminals agree on that.
fn measure(row: &[Cell], widths: &mut Vec<u16>) -> bool {
    widths.clear();
    widths.resize(row.len(), 0);
    let (mut at, mut is_sure) = (0, true);
    while at < row.len() {
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

/// Whether all terminals draw it so wide: one character of one cell, or one that was wide before there were emoji.
/// Where several make one, terminals have tables of their own.
fn is_sure_of(symbol: &str, width: u16) -> bool {
    let mut characters = symbol.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else { return false };
    width == 1
        || matches!(character, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{303E}' | '\u{3041}'..='\u{A4CF}'
            | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF01}'..='\u{FF60}')
}

/// How wide it is where each character is drawn by itself.
fn widest(symbol: &str) -> u16 {
    symbol.chars().map(|character| character.encode_utf8(&mut [0; 4]).cell_width()).sum()
}

fn looks_same(old: &Cell, new: &Cell) -> bool {
    let (was, is) = (Ink::of(old), Ink::of(new));
    old.symbol() == new.symbol() && (was == is || new.symbol() == " " && was.is_same_on_blank(is))
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

/// Cells beside each other that are written in one go.
#[derive(Debug, Clone, Copy)]
struct Run {
    y: u16,
    from: u16,
    to: u16,
    ink: Ink,
    /// Of the ink only the ground shows.
    is_blank: bool,
    way: Way,
    /// What is left of it in its row must have been written before.
    in_order: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Written,
    Erased,
    ErasedToEnd,
    /// One thing of which terminals disagree how wide it is.
    Odd,
}

impl Run {
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
        // Where it is narrower than we think, nothing else would write over the rest.
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

/// A row in which something is to be written.
struct Row<'r> {
    erasing: Erasing,
    y: u16,
    old: &'r [Cell],
    new: &'r [Cell],
    /// How wide what begins in each cell of `old` is.
    widths: &'r [u16],
    /// Otherwise nothing tells where the cells of it really are, and all are written.
    is_sure: bool,
    runs: &'r mut Vec<Run>,
    /// Where its own begin among the runs.
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

    /// Whether a cell looks as before. Half of something wide never does: writing over the other half takes it away.
    fn stays(&self, x: usize, cells: u16) -> bool {
        self.is_sure && self.widths[x] == cells && looks_same(&self.old[x], &self.new[x])
    }

    /// The blanks that begin in a cell, as far as they change; gives the column after them.
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

    /// Adds cells to the run before, over a few that are written again, where it is of the same ink.
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
