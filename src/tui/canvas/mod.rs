//! What the terminal shows, and the bytes that make it show the next frame: as few as are sure.
//!
//! Only cells that look different are written, colours only where they change, blanks are erased where every terminal
//! of this kind erases alike ([`terminfo`]), and a band of rows that moved is scrolled by the terminal where that is
//! less to write ([`shift`]). Each frame says anew where it writes and how: what something else wrote between two frames
//! harms its own cells alone.

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
const STEP: u16 = 4;

pub struct Canvas {
    erasing: Erasing,
    /// What the terminal shows; none where that is not known.
    shown: Option<Buffer>,
    /// Where the next frame is painted.
    next: Buffer,
    /// Whether the cursor is shown, and where; none where that is not known.
    cursor: Option<Option<Position>>,
    pen: Pen,
    other: Pen,
    /// Of a row: how wide what begins in a cell is, zero where something goes on.
    widths: Vec<u16>,
}

impl Canvas {
    /// For a terminal of which nothing is known but how it erases.
    pub fn new(erasing: Erasing) -> Canvas {
        let next = Buffer::empty(Rect::ZERO);
        let (pen, other) = (Pen::default(), Pen::default());
        Canvas { erasing, shown: None, next, cursor: None, pen, other, widths: Vec::new() }
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
            Some(shown) => self.change(&shown),
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
        let ink = Ink { bg, ..Ink::PLAIN };
        self.pen.dip(ink);
        self.pen.csi(&[2], b'J');
        let blank = vec![blank(bg); usize::from(area.width)];
        rows(&mut self.pen, self.erasing, &mut self.widths, &self.next, |_| &blank);
    }

    fn change(&mut self, shown: &Buffer) {
        let width = usize::from(shown.area.width).max(1);
        let row = |y: usize| &shown.content[y * width..(y + 1) * width];
        let changed = rows(&mut self.pen, self.erasing, &mut self.widths, &self.next, row);
        if changed < 4 || self.pen.bytes.len() < SHORT {
            return;
        }
        let Some(shift) = Shift::between(shown, &self.next) else { return };
        self.other.begin();
        scroll(&mut self.other, &shift);
        let blank = vec![blank(Color::Reset); width];
        let moved = |y: usize| shift.source(y).map_or(&blank[..], row);
        rows(&mut self.other, self.erasing, &mut self.widths, &self.next, moved);
        if self.other.bytes.len() < self.pen.bytes.len() {
            std::mem::swap(&mut self.pen, &mut self.other);
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

/// Writes the rows of a frame over what is there; gives how many differ.
fn rows<'s>(
    pen: &mut Pen,
    erasing: Erasing,
    widths: &mut Vec<u16>,
    next: &Buffer,
    shown: impl Fn(usize) -> &'s [Cell],
) -> usize {
    let width = usize::from(next.area.width).max(1);
    let mut changed = 0;
    for (y, new) in next.content.chunks(width).enumerate() {
        let old = shown(y);
        if old.iter().zip(new).all(|(old, new)| looks_same(old, new)) {
            continue;
        }
        changed += 1;
        let is_sure = measure(new, widths) & measure(old, widths);
        Row { pen, erasing, y: y as u16, old, new, widths, is_sure }.write();
    }
    changed
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

/// A row that is being written.
struct Row<'r> {
    pen: &'r mut Pen,
    erasing: Erasing,
    y: u16,
    old: &'r [Cell],
    new: &'r [Cell],
    /// How wide what begins in each cell of `old` is.
    widths: &'r [u16],
    /// Otherwise nothing tells where the cells of it really are, and all are written.
    is_sure: bool,
}

impl Row<'_> {
    fn write(mut self) {
        let mut x = 0;
        while x < self.new.len() {
            let cells = width(&self.new[x]).min((self.new.len() - x) as u16);
            x = if self.stays(x, cells) {
                x + usize::from(cells)
            } else if is_blank(&self.new[x]) {
                self.blanks(x)
            } else {
                self.glyph(x, cells)
            };
        }
    }

    /// Whether a cell looks as before. Half of something wide never does: writing over the other half takes it away.
    fn stays(&self, x: usize, cells: u16) -> bool {
        self.is_sure && self.widths[x] == cells && looks_same(&self.old[x], &self.new[x])
    }

    /// Writes the blanks that begin in a cell, as far as they change; gives the column after them.
    fn blanks(&mut self, x: usize) -> usize {
        let bg = self.new[x].bg;
        let more = self.new[x..].iter().take_while(|cell| is_blank(cell) && cell.bg == bg).count();
        let changed = (x..x + more).rposition(|at| !self.stays(at, 1)).map_or(1, |last| last + 1);
        self.go(x);
        self.pen.dip_for_blank(Ink::of(&self.new[x]));
        let can_erase = self.erasing.paints || bg == Color::Reset;
        if can_erase && x + more == self.new.len() && changed > BLANKS_TO_END {
            self.pen.csi(&[], b'K');
        } else if can_erase && self.erasing.counts && changed > MANY_BLANKS {
            self.pen.csi(&[changed as u16], b'X');
        } else {
            (x..x + changed).for_each(|_| self.pen.write(" ", 1));
            self.leave_end(x + changed);
        }
        x + changed
    }

    /// Writes what begins in a cell; gives the column after it.
    fn glyph(&mut self, x: usize, cells: u16) -> usize {
        let (cell, end) = (&self.new[x], x + usize::from(cells));
        self.go(x);
        self.pen.dip(Ink::of(cell));
        let is_sure = is_sure_of(cell.symbol(), cells);
        if width(cell) > cells || !is_sure && x + usize::from(widest(cell.symbol()).max(cells)) >= self.new.len() {
            self.pen.write(BEYOND, 1);
            (x + 1..end).for_each(|_| self.pen.write(" ", 1));
            self.leave_end(end);
            return end;
        }
        if !is_sure {
            // Where it is narrower than we think, nothing else would write over the rest.
            (x..end).for_each(|_| self.pen.write(" ", 1));
            self.leave_end(end);
            self.pen.go(x as u16, self.y);
        }
        self.pen.write(cell.symbol(), cells);
        if !is_sure {
            self.pen.lose_column();
        }
        self.leave_end(end);
        end
    }

    /// Goes to a cell: over a few by writing them again, where that takes no other ink.
    fn go(&mut self, x: usize) {
        let (to, from) = (x as u16, self.pen.column_in(self.y));
        if let Some(from) = from.filter(|from| *from < to && to - *from <= STEP) {
            let between = &self.new[usize::from(from)..x];
            if between.iter().all(|cell| cell.symbol().len() == 1 && self.pen.fits(cell)) {
                between.iter().for_each(|cell| self.pen.write(cell.symbol(), 1));
                return;
            }
        }
        self.pen.go(to, self.y);
    }

    fn leave_end(&mut self, x: usize) {
        if x >= self.new.len() {
            self.pen.lose_place();
        }
    }
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && Ink::of(cell).is_ground()
}
