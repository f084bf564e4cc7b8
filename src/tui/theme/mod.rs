//! Themes: TOML → a style for each role. The roles are a closed list; a file must fill all of them, or inherit them.

mod depth;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use crate::datafile::{self, FileError, Placed, Table};
pub use depth::Depth;

macro_rules! roles {
    ($($section:literal { $($role:ident $name:literal)* })*) => {
        /// The meaning of a part of the screen; the theme defines its appearance.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($($role,)*)* }

        impl Role {
            /// Every role, in the order of theme files.
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
        Moved "moved" Whitespace "whitespace" Match "match"
    }
    "risk" { Critical "critical" High "high" Medium "medium" Low "low" RiskNote "note" Finding "finding" }
    "syntax" {
        Keyword "keyword" String "string" Comment "comment" Literal "number" Function "function" Type "type" Constant "constant"
        Tag "tag" Attribute "attribute"
    }
}

/// A name, and a style for each role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    pub name: String,
    styles: BTreeMap<Role, Style>,
    /// The same by the number of each role: a frame asks for thousands.
    by_role: Vec<Style>,
}

const SHIPPED: &[(&str, &str)] = &[
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../../themes/colour-blind.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

impl Theme {
    /// The names of the shipped themes.
    pub fn names() -> Vec<&'static str> {
        SHIPPED.iter().map(|(name, _)| *name).collect()
    }

    /// A shipped theme.
    pub fn shipped(name: &str) -> Option<Theme> {
        let (file, source) = SHIPPED.iter().find(|(own, _)| *own == name)?;
        Some(Theme::parse(file, source).expect("a test reads the shipped themes"))
    }

    /// Reads a theme, or reports all of its mistakes.
    pub fn parse(file: &str, source: &str) -> Result<Theme, FileError> {
        datafile::read(file, source, |root| {
            // A user's theme is named after its file.
            let stem = std::path::Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = root.string("name").map_or(stem, |name| name.value);
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
            Some(Theme::of(name, styles))
        })
    }

    fn of(name: String, styles: BTreeMap<Role, Style>) -> Theme {
        let by_role = Role::ALL.iter().map(|role| styles.get(role).copied().unwrap_or_default()).collect();
        Theme { name, styles, by_role }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.by_role[role as usize]
    }

    /// This theme in the colours of a terminal.
    pub fn with_depth(mut self, depth: Depth) -> Theme {
        depth::reduce(&mut self.styles, depth);
        Theme::of(self.name, self.styles)
    }

    /// This theme on the terminal's own background. After [`Theme::with_depth`], which checks whether the background is
    /// dark.
    pub fn with_terminal_background(mut self) -> Theme {
        if let Some(ground) = self.styles.get_mut(&Role::Ground) {
            ground.bg = None;
        }
        Theme::of(self.name, self.styles)
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
