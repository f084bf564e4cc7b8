//! The pen of a terminal: its position and style, so that only changes are sent.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// Modifiers that are visible on a blank.
const SEEN_ON_BLANK: Modifier = Modifier::REVERSED
    .union(Modifier::UNDERLINED)
    .union(Modifier::SLOW_BLINK)
    .union(Modifier::RAPID_BLINK)
    .union(Modifier::CROSSED_OUT);

/// Modifiers, with the codes that set and reset each. Two of them share a reset code.
const SIGNS: [(Modifier, u16, u16); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// How a cell is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    pub fg: Color,
    pub bg: Color,
    pub modifier: Modifier,
}

impl Ink {
    pub const PLAIN: Ink = Ink { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    pub fn of(cell: &Cell) -> Ink {
        Ink { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether a blank shows only its background.
    pub fn is_ground(self) -> bool {
        !self.modifier.intersects(SEEN_ON_BLANK)
    }

    /// Whether a blank looks the same in both.
    pub fn is_same_on_blank(self, other: Ink) -> bool {
        self == other || self.bg == other.bg && self.is_ground() && other.is_ground()
    }
}

/// Bytes for a terminal, as they are written.
#[derive(Debug, Default)]
pub struct Pen {
    pub bytes: Vec<u8>,
    /// Unknown at the start: a message of the system, or another program, may have changed it.
    ink: Option<Ink>,
    /// Row and column, each if it is known.
    row: Option<u16>,
    column: Option<u16>,
    /// Parameters that are compared by length with others.
    scratch: [Vec<u8>; 2],
}

impl Pen {
    /// Forgets the state of the terminal, and keeps the allocated memory.
    pub fn begin(&mut self) {
        self.bytes.clear();
        (self.ink, self.row, self.column) = (None, None, None);
    }

    /// Moves to a cell by the shortest safe sequence. A line feed only moves down: the terminal is in raw mode, and the
    /// last row is never left.
    pub fn go(&mut self, x: u16, y: u16) {
        let column = self.column.filter(|_| self.row.is_some_and(|row| row <= y));
        let down = self.row.and_then(|row| y.checked_sub(row)).filter(|down| *down == 0 || column.is_some());
        let absolute = if x == 0 { 3 + digits(y + 1) } else { 4 + digits(y + 1) + digits(x + 1) };
        let relative = down.map(|down| usize::from(down) + Sideways::to(x, column).bytes());
        match (down, relative) {
            (Some(down), Some(bytes)) if bytes <= absolute => {
                self.bytes.extend((0..down).map(|_| b'\n'));
                self.turn(Sideways::to(x, column));
            }
            _ if x == 0 => self.csi(&[y + 1], b'H'),
            _ => self.csi(&[y + 1, x + 1], b'H'),
        }
        (self.row, self.column) = (Some(y), Some(x));
    }

    fn turn(&mut self, sideways: Sideways) {
        match sideways {
            Sideways::Stay => {}
            Sideways::Return => self.bytes.push(b'\r'),
            Sideways::Backspaces(cells) => self.bytes.extend((0..cells).map(|_| b'\x08')),
            Sideways::Back(cells) => self.csi(&[cells], b'D'),
            Sideways::Forward(cells) => self.csi(&[cells], b'C'),
            Sideways::Column(column) => self.csi(&[column + 1], b'G'),
        }
    }

    /// Sets the parts of the ink that differ.
    pub fn dip(&mut self, ink: Ink) {
        if self.ink == Some(ink) {
            return;
        }
        let [changes, anew] = &mut self.scratch;
        changes.clear();
        anew.clear();
        parameters(Ink::PLAIN, ink, anew);
        if let Some(from) = self.ink {
            parameters(from, ink, changes);
        }
        self.bytes.extend(b"\x1b[");
        if self.ink.is_some() && changes.len() <= anew.len() + 2 {
            self.bytes.extend(&changes[..]);
        } else if !anew.is_empty() {
            self.bytes.extend(b"0;");
            self.bytes.extend(&anew[..]);
        }
        self.bytes.push(b'm');
        self.ink = Some(ink);
    }

    /// Sets the ink for a blank: parts that are invisible on a blank may stay.
    pub fn dip_for_blank(&mut self, ink: Ink) {
        if let Some(now) = self.ink.filter(|_| ink.is_ground()) {
            let modifier = if now.is_ground() { now.modifier } else { ink.modifier };
            return self.dip(Ink { modifier, bg: ink.bg, fg: now.fg });
        }
        self.dip(ink);
    }

    /// Writes a text that is this many cells wide.
    pub fn write(&mut self, text: &str, cells: u16) {
        self.bytes.extend(text.as_bytes());
        self.column = self.column.map(|column| column + cells);
    }

    /// The cursor is somewhere in this row: the width of what was written depends on the terminal.
    pub fn lose_column(&mut self) {
        self.column = None;
    }

    /// The cursor is after the last cell of a row, where terminals disagree.
    pub fn lose_place(&mut self) {
        (self.row, self.column) = (None, None);
    }

    /// A control sequence; a final parameter of one is omitted.
    pub fn csi(&mut self, parameters: &[u16], end: u8) {
        self.bytes.extend(b"\x1b[");
        for (at, &parameter) in parameters.iter().enumerate() {
            if at > 0 {
                self.bytes.push(b';');
            }
            if parameter != 1 || at + 1 < parameters.len() {
                number(parameter, &mut self.bytes);
            }
        }
        self.bytes.push(end);
    }
}

/// The shortest way to another column of the same row.
#[derive(Debug, Clone, Copy)]
enum Sideways {
    Stay,
    Return,
    Backspaces(u16),
    Back(u16),
    Forward(u16),
    Column(u16),
}

impl Sideways {
    fn to(x: u16, from: Option<u16>) -> Sideways {
        let by_distance = match from {
            Some(from) if from == x => Some(Sideways::Stay),
            Some(from) if from < x => Some(Sideways::Forward(x - from)),
            Some(from) if from - x < 5 => Some(Sideways::Backspaces(from - x)),
            Some(from) => Some(Sideways::Back(from - x)),
            None => None,
        };
        let anywhere = if x == 0 { Sideways::Return } else { Sideways::Column(x) };
        by_distance.filter(|way| way.bytes() <= anywhere.bytes()).unwrap_or(anywhere)
    }

    fn bytes(self) -> usize {
        match self {
            Sideways::Stay => 0,
            Sideways::Return => 1,
            Sideways::Backspaces(cells) => usize::from(cells),
            Sideways::Back(1) | Sideways::Forward(1) => 3,
            Sideways::Back(cells) | Sideways::Forward(cells) => 3 + digits(cells),
            Sideways::Column(column) => 3 + digits(column + 1),
        }
    }
}

/// How many digits a number has.
fn digits(number: u16) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// The SGR parameters that change one ink into another.
fn parameters(from: Ink, to: Ink, out: &mut Vec<u8>) {
    let mut now = from.modifier;
    for (modifier, _, off) in SIGNS {
        if now.contains(modifier) && !to.modifier.contains(modifier) {
            parameter(off, out);
            SIGNS.iter().filter(|sign| sign.2 == off).for_each(|sign| now.remove(sign.0));
        }
    }
    for (modifier, on, _) in SIGNS {
        if to.modifier.contains(modifier) && !now.contains(modifier) {
            parameter(on, out);
        }
    }
    for (base, was, is) in [(30, from.fg, to.fg), (40, from.bg, to.bg)] {
        if was != is {
            colour(base, is, out);
        }
    }
}

/// The sixteen are written as crossterm does, by their number among the 256.
fn colour(base: u16, colour: Color, out: &mut Vec<u8>) {
    let index = match colour {
        Color::Reset => return parameter(base + 9, out),
        Color::Rgb(r, g, b) => {
            parameter(base + 8, out);
            return [2, r, g, b].into_iter().for_each(|part| parameter(u16::from(part), out));
        }
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    [base + 8, 5, u16::from(index)].into_iter().for_each(|part| parameter(part, out));
}

fn parameter(value: u16, out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b';');
    }
    number(value, out);
}

fn number(value: u16, out: &mut Vec<u8>) {
    let mut digits = [0; 5];
    let (mut rest, mut at) = (value, digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return out.extend(&digits[at..]);
        }
    }
}
