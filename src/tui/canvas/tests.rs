//! What stands on an emulator after many frames is what a fresh one shows after the last of them alone.

#[path = "../../../tests/support/looks.rs"]
mod looks;

use proptest::prelude::*;
use ratatui::style::{Modifier, Style};

use super::*;
use looks::{Look, Seen, assert_alike, cells, emulator, seen};

/// What a buffer says is to be seen.
fn wanted(buffer: &Buffer) -> Look {
    let colour = |colour: Color| match colour {
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Indexed(index) => vt100::Color::Idx(index),
        _ => vt100::Color::Default,
    };
    let row = |row: &[Cell]| {
        let (mut out, mut widths) = (Vec::new(), Vec::new());
        measure(row, &mut widths);
        for (at, (cell, cells)) in row.iter().zip(&widths).enumerate() {
            let is_cut = width(cell) > (widths.len() - at) as u16;
            let shows = !is_blank(cell);
            let modifiers = [Modifier::BOLD, Modifier::DIM, Modifier::ITALIC, Modifier::UNDERLINED, Modifier::REVERSED];
            out.push((*cells > 0).then(|| Seen {
                text: if is_cut { BEYOND } else { cell.symbol() }.to_owned(),
                fg: shows.then(|| colour(cell.fg)),
                bg: colour(cell.bg),
                modifiers: modifiers.map(|modifier| shows && cell.modifier.contains(modifier)),
            }));
        }
        out
    };
    buffer.content.chunks(usize::from(buffer.area.width)).map(row).collect()
}

/// What happens to a frame before it is drawn again.
#[derive(Debug, Clone)]
enum Edit {
    Write {
        at: (u16, u16),
        text: String,
        style: Style,
    },
    Ground {
        at: Rect,
        style: Style,
    },
    Blank {
        at: Rect,
        style: Style,
    },
    /// Rows of a rectangle move up, or down.
    Move {
        at: Rect,
        up: i16,
    },
    Resize {
        size: (u16, u16),
    },
    Cursor {
        at: Option<(u16, u16)>,
    },
    Forget,
    Draw,
}

const AREA: Rect = Rect { x: 0, y: 0, width: 70, height: 18 };

impl Edit {
    fn apply(&self, buffer: &mut Buffer) {
        let area = buffer.area;
        match self {
            Edit::Write { at: (x, y), text, style } if *x < area.width && *y < area.height => {
                buffer.set_stringn(*x, *y, text, usize::from(area.width - x), *style);
            }
            Edit::Ground { at, style } => buffer.set_style(at.intersection(area), *style),
            Edit::Blank { at, style } => {
                for place in at.intersection(area).positions() {
                    buffer[place].set_symbol(" ").set_style(*style);
                }
            }
            Edit::Move { at, up } => {
                let (at, from) = (at.intersection(area), buffer.clone());
                for place in at.positions() {
                    let y = place.y.checked_add_signed(*up).filter(|y| (at.top()..at.bottom()).contains(y));
                    buffer[place] = y.map_or(Cell::EMPTY, |y| from[(place.x, y)].clone());
                }
            }
            Edit::Resize { size: (width, height) } => buffer.resize(Rect { width: *width, height: *height, ..area }),
            Edit::Write { .. } | Edit::Cursor { .. } | Edit::Forget | Edit::Draw => {}
        }
    }
}

fn style() -> impl Strategy<Value = Style> {
    let colour = || {
        prop_oneof![
            Just(Color::Reset),
            (0..4_u8).prop_map(|n| Color::Rgb(n * 60, 20, 100)),
            (0..20_u8).prop_map(Color::Indexed)
        ]
    };
    // The emulator has either bold or dim.
    let modifiers = [Modifier::BOLD, Modifier::ITALIC, Modifier::UNDERLINED, Modifier::REVERSED];
    let modifiers = proptest::sample::subsequence(modifiers.to_vec(), 0..=2)
        .prop_map(|modifiers| modifiers.into_iter().collect::<Modifier>());
    (colour(), colour(), modifiers).prop_map(|(fg, bg, modifiers)| Style::reset().fg(fg).bg(bg).add_modifier(modifiers))
}

/// Texts as they are in code, with what is wide; `odd` adds what terminals do not agree on.
fn text(odd: bool) -> impl Strategy<Value = String> {
    let sure = prop_oneof![6 => "[a-z(){};=]{1,9}", 3 => Just("  ".to_owned()), 1 => Just("─│·".to_owned()),
        1 => Just("日本".to_owned()), 1 => Just("ﾊ語".to_owned())];
    let unsure = [
        "e\u{301}",
        "\u{1F600}",
        "\u{2764}\u{FE0F}",
        "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
        "\u{1F1E9}\u{1F1EA}",
        "\u{200B}",
        "\u{0E33}",
        "\u{FF9E}",
        "\u{1100}\u{1161}\u{11A8}",
        "\u{0600}1",
        "a\u{20DD}",
        "\u{1F44B}\u{1F3FD}",
    ];
    let unsure = proptest::sample::select(unsure.to_vec()).prop_map(str::to_owned);
    let part = prop_oneof![(if odd { 4 } else { 1 }) => sure, (if odd { 1 } else { 0 }) => unsure];
    proptest::collection::vec(part, 1..14).prop_map(|parts| parts.concat())
}

fn edit(odd: bool) -> impl Strategy<Value = Edit> {
    let place = || (0..AREA.width, 0..AREA.height);
    let rect =
        || (place(), 1..=AREA.width, 1..=AREA.height).prop_map(|((x, y), width, height)| Rect { x, y, width, height });
    prop_oneof![
        12 => (place(), text(odd), style()).prop_map(|(at, text, style)| Edit::Write { at, text, style }),
        2 => (rect(), style()).prop_map(|(at, style)| Edit::Ground { at, style }),
        2 => (rect(), style()).prop_map(|(at, style)| Edit::Blank { at, style }),
        3 => (rect(), -6..=6_i16).prop_map(|(at, up)| Edit::Move { at, up }),
        3 => (1..AREA.height, -4..=4_i16).prop_map(|(y, up)| Edit::Move {
            at: Rect { y, height: AREA.height - y, ..AREA },
            up
        }),
        1 => (1..=AREA.width, 1..=AREA.height).prop_map(|size| Edit::Resize { size }),
        1 => proptest::option::of(place()).prop_map(|at| Edit::Cursor { at }),
        1 => Just(Edit::Forget),
        6 => Just(Edit::Draw),
    ]
}

fn erasing() -> impl Strategy<Value = Erasing> {
    (any::<bool>(), any::<bool>()).prop_map(|(paints, counts)| Erasing { paints, counts })
}

/// One that shows a frame from nothing, by a terminal of which nothing is known.
fn fresh(frame: &Buffer, cursor: Option<Position>) -> vt100::Parser {
    let mut emulator = emulator(frame.area.width, frame.area.height);
    emulator.process(Canvas::new(Erasing::default()).draw(size(frame), |buffer| paint(buffer, frame, cursor)));
    emulator
}

fn size(frame: &Buffer) -> (u16, u16) {
    (frame.area.width, frame.area.height)
}

fn paint(buffer: &mut Buffer, frame: &Buffer, cursor: Option<Position>) -> Option<Position> {
    buffer.content.clone_from(&frame.content);
    cursor
}

/// Draws what the edits make, and compares what is seen after each frame.
fn check(edits: &[Edit], erasing: Erasing, is_sure: bool) {
    let (mut frame, mut cursor) = (Buffer::empty(AREA), None);
    let (mut canvas, mut terminal) = (Canvas::new(erasing), emulator(AREA.width, AREA.height));
    for edit in edits.iter().chain([&Edit::Draw]) {
        edit.apply(&mut frame);
        match edit {
            Edit::Resize { size: (width, height) } => {
                terminal.screen_mut().set_size(cells(*height), cells(*width));
                cursor = None;
            }
            Edit::Cursor { at } => {
                let at = at.map(|(x, y)| Position { x, y });
                cursor = at.filter(|at| frame.area.contains(*at));
            }
            Edit::Forget => {
                canvas.forget();
                terminal.process("\x1b[3;9r\x1b[5;5Hwhat another program left\x1b[r\x1b[31;44;4m".as_bytes());
            }
            Edit::Draw => {
                terminal.process(canvas.draw(size(&frame), |buffer| paint(buffer, &frame, cursor)));
                let again = fresh(&frame, cursor);
                assert_alike(&seen(&terminal), &seen(&again));
                assert_eq!(terminal.screen().hide_cursor(), cursor.is_none());
                if let Some(at) = cursor {
                    assert_eq!(terminal.screen().cursor_position(), (at.y, at.x));
                }
                if is_sure {
                    assert_alike(&seen(&terminal), &wanted(&frame));
                }
                assert!(canvas.draw(size(&frame), |buffer| paint(buffer, &frame, cursor)).is_empty());
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_screen_after_many_frames_is_as_the_last_of_them_says(
        edits in proptest::collection::vec(edit(false), 1..40),
        erasing in erasing(),
    ) {
        check(&edits, erasing, true);
    }

    #[test]
    fn what_terminals_disagree_on_leaves_nothing_behind(
        edits in proptest::collection::vec(edit(true), 1..40),
        erasing in erasing(),
    ) {
        check(&edits, erasing, false);
    }
}

const MODERN: Erasing = Erasing { paints: true, counts: true };

/// Lines of code on a ground, between a bar at the top and one at the bottom, with a list at the left that stays.
fn reader(first: usize, list: &str) -> Buffer {
    let mut buffer = Buffer::empty(Rect { x: 0, y: 0, width: 120, height: 40 });
    let ground = Style::reset().bg(Color::Rgb(22, 24, 29));
    buffer.set_style(buffer.area, ground);
    for y in 0..40 {
        let line = first + usize::from(y);
        match y {
            0 | 39 => buffer.set_string(0, y, "─".repeat(120), ground.fg(Color::Rgb(79, 85, 99))),
            _ => {
                buffer.set_string(1, y, list, ground);
                let text = format!("{line:>5}   let value_{line} = compute({}, \"{}\");", line * 31, line % 7);
                buffer.set_string(24, y, text, ground.fg(Color::Rgb(232, 234, 240)));
            }
        }
    }
    buffer
}

fn bytes(canvas: &mut Canvas, frame: &Buffer) -> Vec<u8> {
    canvas.draw(size(frame), |buffer| paint(buffer, frame, None)).to_vec()
}

#[test]
fn a_frame_that_moved_by_a_row_is_scrolled_by_the_terminal() {
    for list in ["", "main.rs"] {
        let mut canvas = Canvas::new(MODERN);
        bytes(&mut canvas, &reader(100, list));
        let moved = bytes(&mut canvas, &reader(101, list));
        let text = String::from_utf8_lossy(&moved);
        assert!(text.contains("\x1b[2;39r") && text.contains("\x1b[2H\x1b[M\x1b[r"), "{text:?}");
        assert!(moved.len() < 250, "{}: {text:?}", moved.len());
        let back = bytes(&mut canvas, &reader(100, list));
        assert!(String::from_utf8_lossy(&back).contains("\x1b[2H\x1b[L\x1b[r"));
    }
}

#[test]
fn a_frame_without_a_change_writes_nothing() {
    let mut canvas = Canvas::new(MODERN);
    assert!(!bytes(&mut canvas, &reader(1, "")).is_empty());
    assert_eq!(bytes(&mut canvas, &reader(1, "")), b"");
}

#[test]
fn what_has_the_same_ink_in_many_places_is_written_together() {
    let mut canvas = Canvas::new(MODERN);
    let mut frame = Buffer::empty(Rect { x: 0, y: 0, width: 80, height: 30 });
    bytes(&mut canvas, &frame);
    for y in 0..30 {
        for (at, (word, colour)) in [("let", 100), ("value", 200), ("let", 100), ("other", 200)].into_iter().enumerate()
        {
            frame.set_string(8 * at as u16, y, word, Style::reset().fg(Color::Rgb(colour, 150, 250)));
        }
    }
    let text = String::from_utf8(bytes(&mut canvas, &frame)).unwrap();
    assert_eq!(text.matches("38;2;").count(), 2, "{text:?}");
}

#[test]
fn what_is_below_each_other_is_reached_by_line_feeds() {
    let mut canvas = Canvas::new(MODERN);
    let mut frame = Buffer::empty(Rect { x: 0, y: 0, width: 80, height: 30 });
    bytes(&mut canvas, &frame);
    for y in 0..30 {
        frame.set_string(10, y, "│", Style::reset());
        frame.set_string(60, y, (100 + y).to_string(), Style::reset());
    }
    let text = String::from_utf8(bytes(&mut canvas, &frame)).unwrap();
    assert_eq!(text.matches("│\n\x08").count(), 29, "{text:?}");
    assert!(text.contains("100\n\x08\x08\x08101"), "{text:?}");
    assert!(text.len() < 30 * (5 + 7) + 30, "{}: {text:?}", text.len());
}

#[test]
fn colours_are_said_where_they_change_and_blanks_are_erased() {
    let mut canvas = Canvas::new(MODERN);
    let mut frame = Buffer::empty(Rect { x: 0, y: 0, width: 80, height: 3 });
    bytes(&mut canvas, &frame);
    let (red, green) = (Color::Indexed(1), Color::Indexed(2));
    frame.set_string(0, 1, "one", Style::reset().fg(red));
    frame.set_string(4, 1, "two", Style::reset().fg(red));
    frame.set_string(8, 1, "three", Style::reset().fg(green).add_modifier(Modifier::BOLD));
    frame.set_style(Rect { x: 13, y: 1, width: 67, height: 1 }, Style::reset().bg(green));
    let text = String::from_utf8(bytes(&mut canvas, &frame)).unwrap();
    assert_eq!(text, "\x1b[2H\x1b[0;38;5;1mone two\x1b[C\x1b[1;38;5;2mthree\x1b[48;5;2m\x1b[K\x1b[m");
    // Where an erased cell keeps the background of the terminal, blanks of another one are written.
    let mut plain = Canvas::new(Erasing::default());
    let text = String::from_utf8(bytes(&mut plain, &frame)).unwrap();
    assert!(text.contains(&" ".repeat(67)) && !text.contains('K'), "{text:?}");
}
