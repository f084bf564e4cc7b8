//! The picture of the front page: a frame of the program itself on the demo, as SVG. `UPDATE_DOCS=1` draws it anew.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use undersign::signer::SigningKey;
use undersign::tui::theme::{Role, Theme};

use crate::desk::{Session, ports};
use crate::root;
use crate::support::now;

/// Columns and rows.
const SIZE: (u16, u16) = (112, 30);
/// Of a cell, in units of the picture.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
/// Around all cells.
const MARGIN: f32 = 16.0;
/// What the picture shows: the riskiest change of the demo, below the command that waits, at its first finding.
const STROKES: &str = "j<enter>)";

/// The desk of dana on the demo.
fn on_the_demo(dir: &Path) -> Session {
    let demo = dir.join("demo");
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
    command.args(["demo", "--dir"]).arg(&demo).env("TERM", "dumb").env("HOME", dir);
    assert!(command.output().unwrap().status.success());
    let key = SigningKey::find(&demo.join("keys/dana").display().to_string(), None, None).unwrap();
    let repositories = ["infra", "storefront", "billing"].map(|name| demo.join(name)).into();
    Session::over(repositories, ports(&demo.join("drafts"), key), now(), SIZE)
}

fn hex(color: Color, other: Color) -> String {
    match (color, other) {
        (Color::Rgb(r, g, b), _) | (_, Color::Rgb(r, g, b)) => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => panic!("the shipped themes have 24 bits: {color:?}"),
    }
}

/// How a cell looks: its letter, its ground, and what is set on it.
#[derive(Clone, PartialEq)]
struct ViewOptions {
    letter: String,
    ground: String,
    modifier: Modifier,
}

impl ViewOptions {
    fn of(cell: &Cell, theme: &Theme) -> ViewOptions {
        let (text, ground) = (theme.style(Role::Text).fg.unwrap(), theme.style(Role::Ground).bg.unwrap());
        let (letter, own) = (hex(cell.fg, text), hex(cell.bg, ground));
        let is_reversed = cell.modifier.contains(Modifier::REVERSED);
        let (letter, ground) = if is_reversed { (own, letter) } else { (letter, own) };
        ViewOptions { letter, ground, modifier: cell.modifier }
    }
}

/// Rules of boxes are drawn: as letters they would have gaps in most fonts.
fn rule(symbol: &str, x: f32, y: f32, look: &ViewOptions) -> Option<String> {
    let (middle, centre) = (x + WIDTH / 2.0, y + HEIGHT / 2.0);
    let (across, down) = (format!("M{x:.1} {centre}h{WIDTH}"), format!("M{middle:.1} {y}v{HEIGHT}"));
    let half = HEIGHT / 2.0;
    let (path, width) = match symbol {
        "─" => (across, 1.0),
        "│" => (down, 1.0),
        "┃" => (down, 2.5),
        "┬" => (format!("{across}M{middle:.1} {centre}v{half}"), 1.0),
        "┴" => (format!("{across}M{middle:.1} {y}v{half}"), 1.0),
        "┼" => (format!("{across}{down}"), 1.0),
        _ => return None,
    };
    Some(format!("<path d=\"{path}\" stroke=\"{}\" stroke-width=\"{width}\"/>\n", look.letter))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn letters(text: &str, x: f32, y: f32, cells: usize, look: &ViewOptions) -> String {
    let trimmed = text.trim_end();
    if trimmed.is_empty() {
        return String::new();
    }
    let lead = trimmed.chars().take_while(|c| *c == ' ').count();
    // Runs have whole cells: blanks at their ends are no part of the text, so that its length is that of its letters.
    let used = cells - (text.chars().count() - trimmed.chars().count()) - lead;
    let mut set = String::new();
    for (modifier, text) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.7\""),
    ] {
        if look.modifier.contains(modifier) {
            set.push_str(text);
        }
    }
    format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" fill=\"{}\"{set}>{}</text>\n",
        x + lead as f32 * WIDTH,
        y + HEIGHT * 0.72,
        used as f32 * WIDTH,
        look.letter,
        escaped(&trimmed[lead..])
    )
}

fn svg(buffer: &Buffer, theme: &Theme, title: &str) -> String {
    let (width, height) = (f32::from(SIZE.0) * WIDTH + 2.0 * MARGIN, f32::from(SIZE.1) * HEIGHT + 2.0 * MARGIN);
    let ground = hex(theme.style(Role::Ground).bg.unwrap(), Color::Reset);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.1} {height:.1}\" role=\"img\" fill=\"none\" xml:space=\"preserve\" \
         style=\"white-space: pre\" font-size=\"14\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n\
         <title>{title}</title>\n<rect x=\"0.5\" y=\"0.5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{ground}\" \
         stroke=\"{}\"/>\n",
        width - 1.0,
        height - 1.0,
        hex(theme.style(Role::Border).fg.unwrap(), Color::Reset)
    );
    let (mut grounds, mut texts) = (String::new(), String::new());
    for row in 0..SIZE.1 {
        let y = MARGIN + f32::from(row) * HEIGHT;
        let mut column = 0;
        while column < SIZE.0 {
            let x = MARGIN + f32::from(column) * WIDTH;
            let look = ViewOptions::of(&buffer[(column, row)], theme);
            let (mut text, mut cells) = (String::new(), 0_u16);
            // A run of cells that look alike.
            while column < SIZE.0 && ViewOptions::of(&buffer[(column, row)], theme) == look {
                let symbol = buffer[(column, row)].symbol();
                let at = MARGIN + f32::from(column) * WIDTH;
                match rule(symbol, at, y, &look) {
                    Some(path) => {
                        texts.push_str(&path);
                        text.push(' ');
                    }
                    None => text.push_str(symbol),
                }
                (column, cells) = (column + 1, cells + 1);
            }
            if look.ground != ground {
                let (wide, fill) = (f32::from(cells) * WIDTH, &look.ground);
                writeln!(
                    grounds,
                    "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{wide:.1}\" height=\"{HEIGHT}\" fill=\"{fill}\"/>"
                )
                .unwrap();
            }
            texts.push_str(&letters(&text, x, y, usize::from(cells), &look));
        }
    }
    out.push_str(&grounds);
    out.push_str(&texts);
    out + "</svg>\n"
}

/// Without what differs each time: ids of commits.
fn masked(svg: &str) -> String {
    let is_id = |word: &str| word.len() == 7 && word.chars().all(|c| c.is_ascii_hexdigit());
    let words = svg.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_id(bare) { word.replace(bare, "0000000") } else { word.to_owned() }
        })
        .collect()
}

#[test]
fn the_picture_is_a_screen_of_the_program_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = on_the_demo(dir.path());
    desk.press(STROKES);
    for name in ["dark", "light"] {
        let theme = Theme::shipped(name).unwrap();
        let drawn = svg(desk.terminal(&theme).backend().buffer(), &theme, "The reader of undersign, at a finding");
        let path = root().join(format!("docs/pictures/reader-{name}.svg"));
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        if masked(&kept) == masked(&drawn) {
            continue;
        }
        assert!(
            std::env::var_os("UPDATE_DOCS").is_some(),
            "{} is not current; UPDATE_DOCS=1 cargo test --test manual draws it anew",
            path.display()
        );
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, drawn).unwrap();
    }
}
