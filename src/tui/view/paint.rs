//! Draws lines of styled text to the buffer. The last barrier: any control character is drawn as a mark.

use std::borrow::Cow;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::text::TextField;
pub use crate::app::text::fold;
use crate::change::visible;
use crate::tui::theme::{Role, Theme};

/// Spans of one line, left to right. All texts are in one buffer: a frame has thousands of spans.
#[derive(Debug, Clone, Default)]
pub struct Line {
    text: String,
    spans: Vec<Span>,
    width: usize,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    role: Role,
    ground: Option<Role>,
    /// The end of its text in the buffer.
    end: usize,
}

impl Line {
    pub fn new() -> Line {
        Line::default()
    }

    pub fn add(self, role: Role, text: &str) -> Line {
        self.push(role, None, &escaped(text))
    }

    /// Text of one role on the background of another.
    pub fn add_on(self, role: Role, ground: Role, text: &str) -> Line {
        self.push(role, Some(ground), &escaped(text))
    }

    /// Text from pieces ([`crate::app::review::rows::text`]): hidden characters are already marks, and joiners within
    /// an emoji stay, so that the width matches the layout. Control characters are still replaced.
    pub fn add_pieces(self, role: Role, ground: Role, text: &str) -> Line {
        let text = if text.chars().any(visible::is_control) { visible::text(text) } else { Cow::Borrowed(text) };
        self.push(role, Some(ground), &text)
    }

    fn push(mut self, role: Role, ground: Option<Role>, text: &str) -> Line {
        self.width += if is_plain(text) { text.len() } else { text.width() };
        self.text.push_str(text);
        self.spans.push(Span { role, ground, end: self.text.len() });
        self
    }

    /// This line followed by another.
    pub fn join(mut self, other: Line) -> Line {
        let begin = self.text.len();
        self.text.push_str(&other.text);
        self.width += other.width;
        self.spans.extend(other.spans.into_iter().map(|span| Span { end: begin + span.end, ..span }));
        self
    }

    /// In columns: the sum of its spans, as they are drawn.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pads with blanks up to a column.
    pub fn pad_to(self, column: usize) -> Line {
        let blanks = column.saturating_sub(self.width);
        self.add(Role::Text, &" ".repeat(blanks))
    }

    fn spans(&self) -> impl Iterator<Item = (Role, Option<Role>, &str)> {
        let mut begin = 0;
        self.spans.iter().map(move |span| {
            let text = &self.text[std::mem::replace(&mut begin, span.end)..span.end];
            (span.role, span.ground, text)
        })
    }
}

/// Printable ASCII, most of all text: it hides nothing, nothing in it joins, and each character is one cell.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn escaped(text: &str) -> Cow<'_, str> {
    if is_plain(text) { Cow::Borrowed(text) } else { visible::text(text) }
}

pub struct Paint<'p> {
    buffer: &'p mut Buffer,
    theme: &'p Theme,
}

impl<'p> Paint<'p> {
    pub fn new(buffer: &'p mut Buffer, theme: &'p Theme) -> Paint<'p> {
        Paint { buffer, theme }
    }

    /// Draws a line at a row of an area, cut at its right edge.
    pub fn line(&mut self, area: Rect, row: u16, line: Line) {
        self.line_on(area, row, line, None);
    }

    /// Like [`Paint::line`], over the whole width, on the background of a role.
    pub fn line_on(&mut self, area: Rect, row: u16, line: Line, ground: Option<Role>) {
        if row >= area.height {
            return;
        }
        let (mut x, y, end) = (area.x, area.y + row, area.x + area.width);
        // Sets everything in a cell, whatever was drawn there before.
        let blank = Style::reset().patch(self.theme.style(Role::Ground));
        for (role, on, text) in line.spans() {
            let mut style = self.theme.style(role);
            if let Some(on) = on {
                let base = self.theme.style(on);
                style = Style {
                    bg: base.bg,
                    fg: style.fg.or(base.fg),
                    add_modifier: style.add_modifier | base.add_modifier,
                    ..style
                };
            }
            x = self.put((x, end), y, text, blank.patch(style));
        }
        self.cells((x, end), y).fill(cell_of(blank));
        if let Some(ground) = ground {
            self.buffer.set_style(Rect { y, height: 1, ..area }, self.under(ground));
        }
    }

    /// Puts a text into a range of columns; returns the first free column. Plain text does not need the lookups of
    /// `set_stringn`.
    fn put(&mut self, (x, end): (u16, u16), y: u16, text: &str, style: Style) -> u16 {
        if !is_plain(text) {
            let room = usize::from(end.saturating_sub(x));
            return self.buffer.set_stringn(x, y, text, room, style).0;
        }
        let plain = cell_of(style);
        let mut cells = 0;
        for (cell, byte) in self.cells((x, end), y).iter_mut().zip(text.bytes()) {
            cell.set_char(byte.into());
            (cell.fg, cell.bg, cell.modifier) = (plain.fg, plain.bg, plain.modifier);
            cells += 1;
        }
        x + cells
    }

    /// The cells of a row in a range of columns, as far as they are on the screen.
    fn cells(&mut self, (x, end): (u16, u16), y: u16) -> &mut [Cell] {
        let area = self.buffer.area;
        let (x, end) = (x.max(area.left()), end.min(area.right()));
        if x >= end || !(area.top()..area.bottom()).contains(&y) {
            return &mut [];
        }
        let at = self.buffer.index_of(x, y);
        &mut self.buffer.content[at..at + usize::from(end - x)]
    }

    /// The cells of a row of an area as they are now.
    pub fn painted(&self, area: Rect, row: u16) -> Vec<Cell> {
        let (left, right, y) = (area.x, area.x + area.width, area.y + row);
        let all = self.buffer.area;
        if left >= right || right > all.right() || !(all.top()..all.bottom()).contains(&y) {
            return Vec::new();
        }
        let at = self.buffer.index_of(left, y);
        self.buffer.content[at..at + usize::from(area.width)].to_vec()
    }

    /// Paints a row of an area as it was; false if that was of another width.
    pub fn copy(&mut self, area: Rect, row: u16, painted: &[Cell]) -> bool {
        let cells = self.cells((area.x, area.x + area.width), area.y + row);
        let fits = cells.len() == painted.len();
        if fits {
            cells.clone_from_slice(painted);
        }
        fits
    }

    /// Sets the background of a role behind columns of a row that are already drawn.
    pub fn ground(&mut self, area: Rect, columns: std::ops::Range<u16>, row: u16, role: Role) {
        let under = self.under(role);
        for x in area.x + columns.start..area.x + columns.end.min(area.width) {
            self.buffer[(x, area.y + row)].set_style(under);
        }
    }

    /// A background role changes only the background of a drawn cell. One with reverse video sets both colours, since
    /// the sixteen colours of a terminal are not legible on each other.
    fn under(&self, ground: Role) -> Style {
        let style = self.theme.style(ground);
        let keeps_text = style.bg.is_none() || !style.add_modifier.contains(Modifier::REVERSED);
        Style { fg: style.fg.filter(|_| !keeps_text), ..style }
    }

    pub fn clear(&mut self, area: Rect) {
        for row in 0..area.height {
            self.line(area, row, Line::new());
        }
    }

    /// A box with a title; returns the area inside.
    pub fn frame(&mut self, area: Rect, title: &str) -> Rect {
        self.clear(area);
        let inner = usize::from(area.width.saturating_sub(2));
        let title = clip(&format!(" {title} "), inner.saturating_sub(2));
        let rest = inner.saturating_sub(title.width() + 1);
        let top = Line::new()
            .add(Role::Border, "╭─")
            .add(Role::Title, &title)
            .add(Role::Border, &"─".repeat(rest))
            .add(Role::Border, "╮");
        self.line(area, 0, top);
        for row in 1..area.height.saturating_sub(1) {
            self.line(area, row, Line::new().add(Role::Border, "│").pad_to(inner + 1).add(Role::Border, "│"));
        }
        self.line(
            area,
            area.height.saturating_sub(1),
            Line::new().add(Role::Border, &format!("╰{}╯", "─".repeat(inner))),
        );
        Rect {
            x: area.x + 2,
            y: area.y + 1,
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        }
    }

    /// A text field; returns the position of the cursor. The text scrolls so that the cursor is in view.
    pub fn field(&mut self, area: Rect, label: &str, field: &TextField, secret: bool) -> Position {
        let label = clip(label, usize::from(area.width).saturating_sub(8));
        let room = usize::from(area.width).saturating_sub(label.width() + 1).max(1);
        let (before, after) = field.parts();
        let hide = |text: &str| match secret {
            true => "•".repeat(text.graphemes(true).count()),
            false => visible::text(&text.replace('\n', "⏎").replace('\t', "→")).into_owned(),
        };
        let (before, after) = (hide(before), hide(after));
        let (before, used) = last_columns(&before, room - 1);
        let x = area.x + (label.width() + used) as u16;
        self.line(area, 0, Line::new().add(Role::Accent, &label).add(Role::Text, before).add(Role::Text, &after));
        Position { x: x.min(area.x + area.width.saturating_sub(1)), y: area.y }
    }
}

/// The end of a text that fits into this many columns, and its width. In one pass: a field is drawn at each stroke.
fn last_columns(text: &str, columns: usize) -> (&str, usize) {
    let (mut start, mut used) = (text.len(), 0);
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        let own = crate::app::text::columns(grapheme);
        if used + own > columns {
            break;
        }
        (start, used) = (at, used + own);
    }
    (&text[start..], used)
}

/// A blank of a style that sets everything in a cell.
fn cell_of(style: Style) -> Cell {
    let mut cell = Cell::EMPTY;
    cell.set_style(style);
    cell
}

/// Wrapped lines, all but the first indented.
pub fn hanging(text: &str, indent: usize, columns: usize) -> Vec<String> {
    let begin = text.len() - text.trim_start().len();
    let folded = fold(text.trim_start(), columns.saturating_sub(indent.max(begin)));
    let blanks = |at: usize| " ".repeat(if at == 0 { begin } else { indent });
    folded.iter().enumerate().map(|(at, line)| format!("{}{line}", blanks(at))).collect()
}

/// Like [`clip`], cut in the middle: names differ at their ends.
pub fn clip_middle(text: &str, columns: usize) -> String {
    let text = visible::text(text);
    if text.width() <= columns {
        return text.into_owned();
    }
    let tail = clip_start(&text, columns.div_ceil(2));
    let mut out = String::new();
    for grapheme in text.graphemes(true) {
        if out.width() + grapheme.width() + tail.width() > columns {
            break;
        }
        out.push_str(grapheme);
    }
    out + &tail
}

/// A path shortened by folders in the middle: never its last part, nor those in which it differs from its neighbours.
pub fn clip_folders(path: &str, neighbours: &[&str], columns: usize) -> String {
    let path = visible::text(path);
    if path.width() <= columns {
        return path.into_owned();
    }
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.len().saturating_sub(1);
    let differs = |other: &&str| {
        let same = parts.iter().zip(other.split('/')).take_while(|(own, theirs)| **own == *theirs).count();
        same.min(last)
    };
    let mut kept = std::collections::BTreeSet::from([last]);
    let wanted = neighbours.iter().map(differs).chain([0]).chain((0..last).rev());
    for part in wanted.collect::<Vec<_>>() {
        let more = kept.iter().copied().chain([part]).collect();
        if with_gaps(&parts, &more).width() <= columns {
            kept = more;
        }
    }
    clip_start(&with_gaps(&parts, &kept), columns)
}

/// The parts of a path that are kept, and an ellipsis for each run that is not.
fn with_gaps(parts: &[&str], kept: &std::collections::BTreeSet<usize>) -> String {
    let mut shown: Vec<&str> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if kept.contains(&at) {
            shown.push(part);
        } else if shown.last() != Some(&"…") {
            shown.push("…");
        }
    }
    shown.join("/")
}

/// Like [`clip`], cut at the start: the end of a path is more telling.
pub fn clip_start(text: &str, columns: usize) -> String {
    let text = visible::text(text);
    if text.width() <= columns {
        return text.into_owned();
    }
    let (mut kept, mut used) = (Vec::new(), 1);
    for grapheme in text.graphemes(true).rev() {
        used += grapheme.width();
        if used > columns {
            break;
        }
        kept.push(grapheme);
    }
    std::iter::once("…").chain(kept.into_iter().rev()).collect()
}

/// At most this many columns, with an ellipsis if something is cut.
pub fn clip(text: &str, columns: usize) -> String {
    let text = visible::text(text);
    if text.width() <= columns {
        return text.into_owned();
    }
    let mut out = String::new();
    for grapheme in text.graphemes(true) {
        if out.width() + grapheme.width() + 1 > columns {
            break;
        }
        out.push_str(grapheme);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::CellWidth as _;

    use super::*;
    use crate::app::review::rows::text::pieces;
    use crate::tui::theme::Theme;

    /// What a row of the screen shows after a line was drawn into this many columns.
    fn drawn(line: Line, columns: usize) -> String {
        let area = Rect::new(0, 0, columns as u16, 1);
        let (mut buffer, theme) = (Buffer::empty(area), Theme::shipped("dark").expect("a shipped theme"));
        Paint::new(&mut buffer, &theme).line(area, 0, line);
        let (mut shown, mut x) = (String::new(), 0);
        while x < area.width {
            shown.push_str(buffer[(x, 0)].symbol());
            x += buffer[(x, 0)].symbol().cell_width().max(1);
        }
        shown.trim_end().to_owned()
    }

    proptest! {
        /// Text that is wrapped or cut for a width is drawn completely within it: what counts as shown depends on that.
        #[test]
        fn all_that_is_folded_for_a_width_is_drawn_in_it(
            text in "([ -~]|[\u{644}\u{627}\u{FF76}\u{FF9E}\u{FF9F}\u{1100}\u{1161}\u{11A8}\u{A4F8}-\u{A4FD}]\
                     |[\u{300}\u{200B}-\u{200D}\u{FE0F}\u{A0}\u{A8FA}\u{D7B0}\u{1F469}\u{1F680}\u{1F1E6}\u{e9}]\
                     |\\PC){0,60}",
            columns in 4_usize..40,
        ) {
            for line in fold(&text, columns) {
                prop_assert_eq!(drawn(Line::new().add(Role::Text, &line), columns), line.trim_end(), "{:?}", text);
            }
            for piece in pieces(text.as_bytes(), 4) {
                let marks = piece.text.strip_prefix('◌').filter(|_| piece.hidden);
                let shown = if marks.is_some() { "◌" } else { &*piece.text };
                // As the reader draws it: whether a joiner shapes its neighbours was decided with the whole line.
                let line = match piece.hidden {
                    true => Line::new().add(Role::Hidden, &piece.text),
                    false => Line::new().add_pieces(Role::Text, Role::Context, &piece.text),
                };
                prop_assert!(drawn(line, piece.width).starts_with(shown.trim_end()), "{:?}", piece);
            }
        }
    }

    #[test]
    fn of_a_long_field_the_end_is_drawn_and_the_cursor_is_behind_it() {
        assert_eq!(last_columns("abc", 2), ("bc", 2));
        assert_eq!(last_columns("a漢字", 3), ("字", 2));
        assert_eq!(last_columns("xe\u{301}", 1), ("e\u{301}", 1));
        assert_eq!(last_columns("", 0), ("", 0));
        let area = Rect::new(0, 0, 20, 1);
        let (mut buffer, theme) = (Buffer::empty(area), Theme::shipped("dark").expect("a shipped theme"));
        let field = TextField::with(&"é字 ".repeat(1_365));
        let begun = std::time::Instant::now();
        let cursor = Paint::new(&mut buffer, &theme).field(area, "Note: ", &field, false);
        // Far above what a pass over the text takes, far below a pass for each of its characters.
        assert!(begun.elapsed() < std::time::Duration::from_millis(500), "{:?}", begun.elapsed());
        assert_eq!((cursor.x, buffer[(15, 0)].symbol()), (18, "字"));
    }

    #[test]
    fn a_path_keeps_its_last_part_and_what_tells_it_from_its_neighbours() {
        let (alpha, beta) = ("services/alpha/definition/in/bar/src", "services/beta/definition/in/bar/src");
        assert_eq!(clip_folders(alpha, &[beta], 28), "services/alpha/…/in/bar/src");
        assert_eq!(clip_folders(beta, &[alpha, ""], 14), "…/beta/…/src");
        assert_eq!(clip_folders(alpha, &[], 24), "services/…/in/bar/src");
        assert_eq!(clip_folders("a/b", &[], 3), "a/b");
        assert_eq!(clip_folders("one-name-that-is-long", &["x"], 8), "…is-long");
        assert_eq!(clip_folders("", &[], 0), "");
        assert_eq!(clip_middle("a-long-name-of-a-file.rs", 12), "a-long…le.rs");
    }
}
