//! `undersign theme`: a sample of each theme, in the colours of this terminal.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::change::visible;
use crate::config::Themes;
use crate::tui::theme::{Depth, Role, Theme};

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
    let mut troubles = Vec::new();
    let themes = Themes::read(&mut troubles);
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
        match themes.get(name, &mut troubles) {
            Some(theme) if samples => outln!("{}", sample(&theme, &visible::text(name), themes.in_use() == name)),
            Some(_) => outln!("{}", visible::text(name)),
            None => troubles.push(format!("There is no theme `{name}`; there are {}.", themes.names().join(", "))),
        }
    }
    eprintln!("{}", explanation(&themes));
    if troubles.is_empty() { Ok(()) } else { Err(troubles.join("\n")) }
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

const WIDTH: usize = 78;

/// A line: pieces of text by role, and the ground under all of it.
type SampleLine<'s> = (Option<Role>, Vec<(Role, Option<Role>, &'s str)>);

/// A queue and a diff in small, with every role.
fn sample(theme: &Theme, name: &str, in_use: bool) -> String {
    let remark = if in_use { "in use" } else { "" };
    let lines = [chrome(name, remark), diff(), remarks()].concat();
    lines.iter().map(|line| printed(theme, line) + "\n").collect()
}

fn chrome<'s>(name: &'s str, remark: &'s str) -> Vec<SampleLine<'s>> {
    use Role::*;
    vec![
        (
            None,
            vec![
                (Title, None, " "),
                (Title, None, name),
                (Accent, None, "   Queue 4"),
                (Bar, None, "   "),
                (Ok, None, remark),
            ],
        ),
        (None, vec![(Border, None, RULE)]),
        (
            Some(Selected),
            vec![
                (Accent, None, "▸"),
                (Faint, None, "  1 "),
                (Critical, None, "B4 █████ "),
                (Muted, None, "infra     "),
                (Text, None, "Rename the environment   Kiro    "),
                (Ok, None, "+1 "),
                (Error, None, "−5 "),
                (Faint, None, " 2h "),
                (Accent, None, "needs you"),
            ],
        ),
        (
            None,
            vec![
                (Faint, None, "   2 "),
                (High, None, "B3 ████  "),
                (Medium, None, "███ "),
                (Low, None, "██ "),
                (RiskNote, None, "█  "),
                (Claim, None, "“Rounds money in one place”   "),
                (Warning, None, "filter: money  "),
                (Key, None, "/"),
                (Muted, None, " filter"),
            ],
        ),
        (None, vec![(Border, None, RULE)]),
    ]
}

fn diff<'s>() -> Vec<SampleLine<'s>> {
    use Role::*;
    let (r, rw, a, aw) = (Some(Removed), Some(RemovedWord), Some(Added), Some(AddedWord));
    vec![
        (None, vec![(FileHeader, None, "  src/money.rs"), (Muted, None, "   modified   +3 −1")]),
        (None, vec![(HunkHeader, None, "   @@ −10,4 +10,6"), (Seen, None, "   ✓ seen")]),
        (
            None,
            vec![
                (Number, None, "   10   10     "),
                (Comment, None, "// Half to even; "),
                (Comment, Some(Match), "match"),
                (Comment, None, " of a search"),
            ],
        ),
        (
            r,
            vec![
                (Number, None, "   11        "),
                (Removed, r, "− "),
                (Keyword, r, "fn "),
                (Function, r, "round"),
                (Removed, r, "(x: "),
                (RemovedWord, rw, "f64"),
                (Removed, r, ") -> "),
                (Type, r, "i64"),
                (Removed, r, " { x "),
                (Keyword, r, "as "),
                (Type, r, "i64"),
                (Removed, r, " }"),
            ],
        ),
        (
            a,
            vec![
                (Number, None, "        11   "),
                (Added, a, "+ "),
                (Keyword, a, "fn "),
                (Function, a, "round"),
                (Added, a, "(x: "),
                (AddedWord, aw, "Decimal"),
                (Added, a, ") -> "),
                (Type, a, "i64"),
                (Added, a, " { x.to("),
                (Constant, a, "EVEN"),
                (Added, a, ", "),
                (Literal, a, "2"),
                (Added, a, ") }"),
                (Whitespace, a, "···→"),
            ],
        ),
        (
            a,
            vec![
                (Number, None, "        12   "),
                (Added, a, "+ "),
                (Attribute, a, "#[cfg] "),
                (String, a, "\"EUR\" "),
                (Tag, a, "<b>"),
                (Added, a, " "),
                (Hidden, None, "<U+202E>"),
                (Moved, a, "  ↕ moved from line 80"),
            ],
        ),
        (None, vec![(Number, None, "   12   13     "), (Context, None, "context of the change")]),
    ]
}

fn remarks<'s>() -> Vec<SampleLine<'s>> {
    use Role::*;
    vec![
        (
            None,
            vec![
                (Critical, None, "  C ┃ money.rounding"),
                (Finding, None, "  Rounding changes"),
                (Faint, None, "  [a] answer"),
                (High, None, "   H ┃ high"),
                (Medium, None, "   M ┃ medium"),
            ],
        ),
        (None, vec![(Note, None, "  ✎ Who asked for this?"), (Omission, None, "   ⊘ binary file, 4 KiB")]),
    ]
}

const RULE: &str = "──────────────────────────────────────────────────────────────────────────────";

fn printed(theme: &Theme, (ground, pieces): &SampleLine<'_>) -> String {
    let mut line = String::new();
    for (role, on, text) in pieces {
        let on = on.or(ground.filter(|ground| *ground == Role::Selected));
        line.push_str(&format!("{}{text}", escape(style(theme, *role, on))));
    }
    let used: usize = pieces.iter().map(|(_, _, text)| text.width()).sum();
    let rest = " ".repeat(WIDTH.saturating_sub(used));
    format!("{line}{}{rest}\x1b[0m", escape(style(theme, Role::Text, *ground)))
}

/// As the desk does: a role's own ground, else the one it stands on, else that of the screen.
fn style(theme: &Theme, role: Role, on: Option<Role>) -> Style {
    let (own, screen) = (theme.style(role), theme.style(Role::Ground));
    let on = on.map(|on| theme.style(on)).unwrap_or_default();
    Style {
        fg: own.fg.or(on.fg).or(screen.fg),
        bg: on.bg.or(own.bg).or(screen.bg),
        add_modifier: own.add_modifier | on.add_modifier,
        ..Style::default()
    }
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
    fn the_sample_shows_every_role_and_each_line_is_as_wide() {
        let lines = [chrome("dark", "in use"), diff(), remarks()].concat();
        let shows = |role: Role| {
            let on = |(own, under, _): &(Role, Option<Role>, &str)| *own == role || *under == Some(role);
            lines.iter().any(|(ground, pieces)| *ground == Some(role) || pieces.iter().any(on))
        };
        for role in Role::ALL.iter().filter(|role| **role != Role::Ground) {
            assert!(shows(*role), "{role:?}");
        }
        for (_, pieces) in &lines {
            let width: usize = pieces.iter().map(|(_, _, text)| text.width()).sum();
            assert!(width <= WIDTH, "{width}: {pieces:?}");
        }
    }

    #[test]
    fn colours_are_said_in_codes_that_the_terminal_knows() {
        assert_eq!(code(Color::Indexed(1), 30).as_deref(), Some("31"));
        assert_eq!(code(Color::Indexed(12), 40).as_deref(), Some("104"));
        assert_eq!(code(Color::Indexed(22), 40).as_deref(), Some("48;5;22"));
        assert_eq!(code(Color::Rgb(1, 2, 3), 30).as_deref(), Some("38;2;1;2;3"));
    }
}
