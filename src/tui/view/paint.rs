//! Lines of styled text onto the buffer. The last barrier: what arrives here with a control character is drawn as a mark.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::text::TextField;
pub use crate::app::text::fold;
use crate::change::visible;
use crate::tui::theme::{Role, Theme};

/// Spans of one line, left to right.
#[derive(Debug, Clone, Default)]
pub struct Line {
    spans: Vec<(Role, Option<Role>, String)>,
}

impl Line {
    pub fn new() -> Line {
        Line::default()
    }

    pub fn add(mut self, role: Role, text: &str) -> Line {
        self.spans.push((role, None, visible::text(text).into_owned()));
        self
    }

    /// Text of one role on the background of another.
    pub fn add_on(mut self, role: Role, ground: Role, text: &str) -> Line {
        self.spans.push((role, Some(ground), visible::text(text).into_owned()));
        self
    }

    /// Text that was made of pieces ([`crate::app::review::rows::text`]): what hides is a mark in it already, and joiners
    /// inside of an emoji stay, so that it is as wide as it was laid out. Control characters never pass.
    pub fn add_pieces(mut self, role: Role, ground: Role, text: String) -> Line {
        let text = if text.chars().any(visible::is_control) { visible::text(&text).into_owned() } else { text };
        self.spans.push((role, Some(ground), text));
        self
    }

    /// This line with another after it.
    pub fn join(mut self, other: Line) -> Line {
        self.spans.extend(other.spans);
        self
    }

    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, _, text)| text.width()).sum()
    }

    /// Pads with blanks up to a column.
    pub fn pad_to(self, column: usize) -> Line {
        let blanks = column.saturating_sub(self.width());
        self.add(Role::Text, &" ".repeat(blanks))
    }
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

    /// As [`Paint::line`], over the whole width on the background of a role.
    pub fn line_on(&mut self, area: Rect, row: u16, line: Line, ground: Option<Role>) {
        if row >= area.height {
            return;
        }
        let (mut x, y, end) = (area.x, area.y + row, area.x + area.width);
        // Says all there is to say of a cell, whatever was drawn there before.
        let blank = Style::reset().patch(self.theme.style(Role::Ground));
        for (role, on, text) in &line.spans {
            let mut style = self.theme.style(*role);
            if let Some(on) = on {
                let base = self.theme.style(*on);
                style = Style {
                    bg: base.bg,
                    fg: style.fg.or(base.fg),
                    add_modifier: style.add_modifier | base.add_modifier,
                    ..style
                };
            }
            let room = usize::from(end.saturating_sub(x));
            (x, _) = self.buffer.set_stringn(x, y, text, room, blank.patch(style));
        }
        for x in x..end {
            self.buffer[(x, y)].set_symbol(" ").set_style(blank);
        }
        if let Some(ground) = ground {
            let style = self.theme.style(ground);
            let under = Style { fg: None, ..style };
            self.buffer.set_style(Rect { y, height: 1, ..area }, under);
        }
    }

    /// The background of a role behind columns of a row that are drawn already.
    pub fn ground(&mut self, area: Rect, columns: std::ops::Range<u16>, row: u16, role: Role) {
        let style = self.theme.style(role);
        for x in area.x + columns.start..area.x + columns.end.min(area.width) {
            self.buffer[(x, area.y + row)].set_style(Style { fg: None, ..style });
        }
    }

    pub fn clear(&mut self, area: Rect) {
        for row in 0..area.height {
            self.line(area, row, Line::new());
        }
    }

    /// A box with a title; gives the area inside.
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

    /// A text field; gives the place of the cursor. The text scrolls so that the cursor is in view.
    pub fn field(&mut self, area: Rect, label: &str, field: &TextField, secret: bool) -> Position {
        let label = clip(label, usize::from(area.width).saturating_sub(8));
        let room = usize::from(area.width).saturating_sub(label.width() + 1).max(1);
        let (before, after) = field.parts();
        let hide = |text: &str| match secret {
            true => "•".repeat(text.graphemes(true).count()),
            false => visible::text(&text.replace('\n', "⏎").replace('\t', "→")).into_owned(),
        };
        let (mut before, after) = (hide(before), hide(after));
        while before.width() >= room {
            before = before.graphemes(true).skip(1).collect();
        }
        let x = area.x + (label.width() + before.width()) as u16;
        self.line(area, 0, Line::new().add(Role::Accent, &label).add(Role::Text, &before).add(Role::Text, &after));
        Position { x: x.min(area.x + area.width.saturating_sub(1)), y: area.y }
    }
}

/// Folded lines, of which all but the first are indented.
pub fn hanging(text: &str, indent: usize, columns: usize) -> Vec<String> {
    let begin = text.len() - text.trim_start().len();
    let folded = fold(text.trim_start(), columns.saturating_sub(indent.max(begin)));
    let blanks = |at: usize| " ".repeat(if at == 0 { begin } else { indent });
    folded.iter().enumerate().map(|(at, line)| format!("{}{line}", blanks(at))).collect()
}

/// As [`clip`], cut at the start: the end of a path tells more.
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

/// At most so many columns, with an ellipsis where something is cut.
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
