//! Themes: TOML → a style for each role. The roles are a closed list; a file must fill all of them, or inherit them.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use crate::datafile::{self, Placed, Refused, Table};

macro_rules! roles {
    ($($section:literal { $($role:ident $name:literal)* })*) => {
        /// What a part of the screen means; what it looks like, the theme says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($($role,)*)* }

        impl Role {
            pub const ALL: &[Role] = &[$($(Role::$role,)*)*];

            /// Section and name in a theme file.
            pub fn path(self) -> (&'static str, &'static str) {
                match self { $($(Role::$role => ($section, $name),)*)* }
            }
        }
    };
}

roles! {
    "ui" {
        Ground "ground" Text "text" Muted "muted" Faint "faint" Title "title" Accent "accent" Selected "selected" Border "border" Bar "bar"
        Key "key" Ok "ok" Warning "warning" Error "error" Claim "claim"
    }
    "diff" {
        Added "added" Removed "removed" AddedWord "added_word" RemovedWord "removed_word" Context "context" Number "number"
        HunkHeader "hunk" FileHeader "file" Hidden "hidden" Omission "omission" Seen "seen" Note "note"
    }
    "risk" { Critical "critical" High "high" Medium "medium" Low "low" RiskNote "note" Finding "finding" }
    "syntax" {
        Keyword "keyword" String "string" Comment "comment" Literal "number" Function "function" Type "type" Constant "constant"
        Tag "tag" Attribute "attribute"
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    pub name: String,
    styles: BTreeMap<Role, Style>,
}

const SHIPPED: &[(&str, &str)] = &[
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    True,
    /// The 256 colours of xterm.
    Indexed,
}

impl Theme {
    pub fn names() -> Vec<&'static str> {
        SHIPPED.iter().map(|(name, _)| *name).collect()
    }

    pub fn shipped(name: &str) -> Option<Theme> {
        let (file, source) = SHIPPED.iter().find(|(own, _)| *own == name)?;
        Some(Theme::parse(file, source).expect("a test reads the shipped themes"))
    }

    pub fn parse(file: &str, source: &str) -> Result<Theme, Refused> {
        datafile::read(file, source, |root| {
            let name = root.need_string("name")?.value;
            let mut styles = BTreeMap::new();
            if let Some(parent) = root.string("inherits") {
                match Theme::shipped(&parent.value) {
                    Some(theme) => styles = theme.styles,
                    None => parent.mistake(format!(
                        "there is no theme `{}`; shipped are {}",
                        parent.value,
                        Theme::names().join(", ")
                    )),
                }
            }
            let palette = palette(root);
            for section in ["ui", "diff", "risk", "syntax"] {
                let Some(table) = root.table(section) else { continue };
                for role in Role::ALL.iter().filter(|role| role.path().0 == section) {
                    if let Some(style) = style(&table, role.path().1, &palette) {
                        styles.insert(*role, style);
                    }
                }
            }
            for role in Role::ALL.iter().filter(|role| !styles.contains_key(role)) {
                root.mistake(format!("[{}] needs `{}`", role.path().0, role.path().1));
            }
            Some(Theme { name, styles })
        })
    }

    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }

    /// The nearest colours of a terminal with fewer.
    pub fn with_depth(mut self, depth: Depth) -> Theme {
        if depth == Depth::Indexed {
            for style in self.styles.values_mut() {
                style.fg = style.fg.map(indexed);
                style.bg = style.bg.map(indexed);
            }
        }
        self
    }
}

fn palette(root: &Table<'_>) -> BTreeMap<String, Color> {
    let Some(table) = root.table("palette") else { return BTreeMap::new() };
    let keys = table.keys();
    let colour = |key: Placed<'_, String>| {
        let text = table.string(&key.value)?;
        let parsed = hex(&text.value);
        if parsed.is_none() {
            text.mistake(format!("`{}` is no colour; write \"#rrggbb\"", text.value));
        }
        Some((key.value, parsed?))
    };
    keys.into_iter().filter_map(colour).collect()
}

fn hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = value.to_be_bytes();
    Some(Color::Rgb(r, g, b))
}

/// `role = { fg = "blue", bg = "#102030", mods = ["bold"] }`
fn style(table: &Table<'_>, role: &str, palette: &BTreeMap<String, Color>) -> Option<Style> {
    if !table.has(role) {
        return None;
    }
    let entry = table.table(role)?;
    let colour = |key: &str| {
        let text = entry.string(key)?;
        let found = palette.get(&text.value).copied().or_else(|| hex(&text.value));
        if found.is_none() {
            text.mistake(format!("`{}` is neither in [palette] nor \"#rrggbb\"", text.value));
        }
        found
    };
    let mut style = Style { fg: colour("fg"), bg: colour("bg"), ..Style::default() };
    for word in entry.strings("mods") {
        style = style.add_modifier(match word.value.as_str() {
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underline" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            other => {
                word.mistake(format!("`{other}` is none of bold, dim, italic, underline, reverse"));
                continue;
            }
        });
    }
    Some(style)
}

/// The nearest entry of the 6×6×6 cube and the grey ramp of xterm.
fn indexed(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |v: u8| (0..6).min_by_key(|&i| LEVELS[i].abs_diff(v)).unwrap_or(0);
    let distance = |x: [u8; 3]| [r, g, b].iter().zip(x).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum::<u32>();
    let (ri, gi, bi) = (nearest(r), nearest(g), nearest(b));
    let grey = (0..24u8).min_by_key(|&i| distance([8 + 10 * i; 3])).unwrap_or(0);
    if distance([8 + 10 * grey; 3]) < distance([LEVELS[ri], LEVELS[gi], LEVELS[bi]]) {
        Color::Indexed(232 + grey)
    } else {
        Color::Indexed((16 + 36 * ri + 6 * gi + bi) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_theme_is_whole_and_a_wrong_one_is_refused_with_its_lines() {
        for (name, source) in SHIPPED {
            assert_eq!(Theme::parse(name, source).unwrap().name, *name);
        }
        let refused =
            Theme::parse("t", "name = \"t\"\ninherits = \"dark\"\n[ui]\ntext = { fg = \"nope\" }\nbogus = {}\n")
                .unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("line 4") && text.contains("line 5"), "{text}");
    }

    /// WCAG 2 contrast of every text on the backgrounds that it stands on.
    #[test]
    fn text_on_diff_backgrounds_can_be_read() {
        for name in ["dark", "light"] {
            let theme = Theme::shipped(name).unwrap();
            let ground = theme.style(Role::Ground).bg.unwrap();
            let texts = Role::ALL.iter().filter(|role| role.path().0 == "syntax").chain(&[Role::Text]);
            for text in texts {
                for on in
                    [Role::Context, Role::Added, Role::Removed, Role::AddedWord, Role::RemovedWord, Role::Selected]
                {
                    let (fg, bg) = (theme.style(*text).fg, theme.style(on).bg.unwrap_or(ground));
                    let ratio = contrast(fg.unwrap(), bg);
                    let wanted = if *text == Role::Comment { 3.5 } else { 4.5 };
                    assert!(ratio >= wanted, "{name}: {text:?} on {on:?} has {ratio:.2}");
                }
            }
        }
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(colour: Color) -> f64 {
        let Color::Rgb(r, g, b) = colour else { panic!("{colour:?}") };
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }
}
