//! `undersign theme`: a sample of each theme, in the colours of this terminal.

mod sample;

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::app::State;
use crate::change::visible;
use crate::config::Themes;
use crate::tui::theme::{Depth, Theme};
use crate::tui::view;

#[derive(Args)]
pub struct Options {
    /// Only this one
    name: Option<String>,
    /// When to print samples; otherwise only names are
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// On a terminal with colours
    Auto,
    Always,
    Never,
}

pub fn run(options: &Options) -> Result<(), String> {
    let mut problems = Vec::new();
    let themes = Themes::read(&mut problems);
    let names = match &options.name {
        Some(name) => vec![name.clone()],
        None => themes.names(),
    };
    let samples = match options.color {
        When::Auto => std::io::stdout().is_terminal() && themes.depth().is_some(),
        When::Always => true,
        When::Never => false,
    };
    for name in &names {
        match themes.get(name, &mut problems) {
            Some(theme) if samples => outln!("{}", sample(&theme, &visible::text(name), themes.in_use() == name)?),
            Some(_) => outln!("{}", visible::text(name)),
            // If one exists but cannot be used, its reader has already reported why.
            None if !themes.names().contains(name) => {
                problems.push(format!("There is no theme `{name}`; there are {}.", themes.names().join(", ")));
            }
            None => {}
        }
    }
    eprintln!("{}", explanation(&themes));
    problems.extend(themes.unknown());
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn explanation(themes: &Themes) -> String {
    let colours = match themes.depth() {
        Some(Depth::True) => "24-bit colours",
        Some(Depth::Indexed) => "256 colours",
        Some(Depth::Ansi) => "16 colours",
        None => "no colours: the terminal has none, or NO_COLOR is set",
    };
    format!(
        "In use: {}, with {colours}. `theme` of config.toml or UNDERSIGN_THEME chooses another; your own go into {} as \
         NAME.toml.",
        themes.in_use(),
        Themes::directory().display()
    )
}

/// The queue and the reader as the desk draws them, on changes that are made up.
fn sample(theme: &Theme, name: &str, in_use: bool) -> Result<String, String> {
    let remark = if in_use { "   in use" } else { "" };
    let mut state = sample::queue();
    let queue = drawn(&state, theme, QUEUE)?;
    sample::open(&mut state);
    Ok(format!("{name}{remark}\n{queue}{}", drawn(&state, theme, READER)?))
}

/// Columns and rows of the samples.
const QUEUE: (u16, u16) = (100, 20);
const READER: (u16, u16) = (100, 30);

fn drawn(state: &State, theme: &Theme, (width, height): (u16, u16)) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("The sample cannot be drawn: {error}.");
    let mut terminal = Terminal::new(TestBackend::new(width, height)).map_err(|error| failed(&error))?;
    terminal.draw(|frame| view::draw(state, theme, frame)).map_err(|error| failed(&error))?;
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..height {
        let mut last = None;
        let mut covered = 0;
        for x in 0..width {
            let cell = &buffer[(x, y)];
            // The second column of a wide character is not a separate cell.
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = cell.symbol().width().saturating_sub(1);
            let style = cell.style();
            if last != Some(style) {
                out.push_str(&escape(style));
                last = Some(style);
            }
            out.push_str(cell.symbol());
        }
        out.push_str("\x1b[0m\n");
    }
    Ok(out)
}

fn escape(style: Style) -> String {
    const MODIFIERS: [(Modifier, u8); 5] = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
    ];
    let mut codes = vec!["0".to_owned()];
    codes.extend(MODIFIERS.iter().filter(|(m, _)| style.add_modifier.contains(*m)).map(|(_, code)| code.to_string()));
    codes.extend(style.fg.and_then(|colour| code(colour, 30)));
    codes.extend(style.bg.and_then(|colour| code(colour, 40)));
    format!("\x1b[{}m", codes.join(";"))
}

/// The code of a colour; `base` is 30 for text, 40 for the ground.
fn code(colour: Color, base: u8) -> Option<String> {
    match colour {
        Color::Rgb(r, g, b) => Some(format!("{};2;{r};{g};{b}", base + 8)),
        Color::Indexed(index @ 0..8) => Some((base + index).to_string()),
        Color::Indexed(index @ 8..16) => Some((base + 52 + index).to_string()),
        Color::Indexed(index) => Some(format!("{};5;{index}", base + 8)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_the_real_view_with_code_findings_and_a_note() {
        let theme = Theme::shipped("dark").expect("it is shipped");
        let text = sample(&theme, "dark", true).expect("it is drawn");
        for wanted in ["Needs you", "reach", "cost-explorer", "Kiro", "left: ", "answer", "✎", "<U+202E>", "resource"]
        {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        let keyword = escape(theme.style(crate::tui::theme::Role::String));
        assert!(text.contains(keyword.trim_start_matches("\x1b[0;").trim_end_matches('m')), "code has its colours");
    }

    #[test]
    fn colours_are_said_in_codes_that_the_terminal_knows() {
        assert_eq!(code(Color::Indexed(1), 30).as_deref(), Some("31"));
        assert_eq!(code(Color::Indexed(12), 40).as_deref(), Some("104"));
        assert_eq!(code(Color::Indexed(22), 40).as_deref(), Some("48;5;22"));
        assert_eq!(code(Color::Rgb(1, 2, 3), 30).as_deref(), Some("38;2;1;2;3"));
    }
}
