//! What a person sees on an emulator, cell by cell.

/// Of a blank its ground alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub text: String,
    pub fg: Option<vt100::Color>,
    pub bg: vt100::Color,
    /// Bold, dim, italic, underlined, reversed.
    pub modifiers: [bool; 5],
}

/// Rows of cells; none for the second half of what is wide.
pub type Look = Vec<Vec<Option<Seen>>>;

pub fn emulator(width: u16, height: u16) -> vt100::Parser {
    vt100::Parser::new(cells(height), cells(width), 0)
}

pub fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}

pub fn seen(emulator: &vt100::Parser) -> Look {
    let screen = emulator.screen();
    let (rows, columns) = screen.size();
    let cell = |row: u16, column: u16| {
        let cell = screen.cell(row, column).unwrap();
        if cell.is_wide_continuation() {
            return None;
        }
        let is_blank = matches!(cell.contents(), "" | " ");
        let is_ground = is_blank && !cell.underline() && !cell.inverse();
        let modifiers = [cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse()];
        Some(Seen {
            text: if is_blank { " ".to_owned() } else { cell.contents().to_owned() },
            fg: (!is_ground).then(|| cell.fgcolor()),
            bg: cell.bgcolor(),
            modifiers: modifiers.map(|modifier| modifier && !is_ground),
        })
    };
    (0..rows.get()).map(|row| (0..columns.get()).map(|column| cell(row, column)).collect()).collect()
}

/// Tells the first cell that differs: all of them say nothing.
pub fn assert_alike(left: &Look, right: &Look) {
    for (y, (left, right)) in left.iter().zip(right).enumerate() {
        for (x, (left, right)) in left.iter().zip(right).enumerate() {
            assert_eq!(left, right, "row {y}, column {x}");
        }
    }
    assert_eq!((left.len(), left[0].len()), (right.len(), right[0].len()));
}
