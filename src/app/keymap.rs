//! Strokes → actions, from `keymap.toml`. A preset, and then the user's file, replace single entries; a file with
//! mistakes is refused, and all of them are reported.

use std::fmt;

use super::action::{Action, Context};
use crate::datafile::{self, FileError, Placed, Table};

/// A key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stroke {
    pub key: Key,
    pub ctrl: bool,
    pub alt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

const NAMED: &[(&str, Key)] = &[
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("backtab", Key::BackTab),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("home", Key::Home),
    ("end", Key::End),
    ("pageup", Key::PageUp),
    ("pagedown", Key::PageDown),
    ("space", Key::Char(' ')),
    ("f1", Key::F(1)),
    ("f2", Key::F(2)),
    ("f3", Key::F(3)),
    ("f4", Key::F(4)),
    ("f5", Key::F(5)),
    ("f6", Key::F(6)),
    ("f7", Key::F(7)),
    ("f8", Key::F(8)),
    ("f9", Key::F(9)),
    ("f10", Key::F(10)),
    ("f11", Key::F(11)),
    ("f12", Key::F(12)),
];

impl Stroke {
    pub fn plain(key: Key) -> Stroke {
        Stroke { key, ctrl: false, alt: false }
    }

    /// Reads `j`, `G`, `ctrl-d`, `alt-j`, `space`, `pagedown`.
    pub fn parse(text: &str) -> Option<Stroke> {
        let (ctrl, rest) = text.strip_prefix("ctrl-").map_or((false, text), |rest| (true, rest));
        let (alt, rest) = rest.strip_prefix("alt-").map_or((false, rest), |rest| (true, rest));
        let named = NAMED.iter().find(|(name, _)| *name == rest).map(|(_, key)| *key);
        let mut chars = rest.chars();
        let single = chars.next().filter(|_| chars.next().is_none()).map(Key::Char);
        named.or(single).map(|key| Stroke { key, ctrl, alt })
    }

    /// In the form that [`Stroke::parse`] reads.
    pub fn name(self) -> String {
        let named = NAMED.iter().find(|(_, key)| *key == self.key).map(|(name, _)| (*name).to_owned());
        let key = match self.key {
            Key::Char(c) => named.unwrap_or_else(|| c.to_string()),
            _ => named.unwrap_or_default(),
        };
        format!("{}{}{key}", if self.ctrl { "ctrl-" } else { "" }, if self.alt { "alt-" } else { "" })
    }

    /// Why a binding of this stroke would never take effect.
    fn unheard(self) -> Option<&'static str> {
        match (self.ctrl, self.key) {
            (true, Key::Char('i')) => Some("a terminal sends tab for it; write tab"),
            (true, Key::Char('m')) => Some("a terminal sends enter for it; write enter"),
            (true, Key::Char('[')) | (_, Key::Esc) => Some("esc always cancels"),
            (true, Key::Char('c')) => Some("it always leaves"),
            _ => None,
        }
    }
}

impl fmt::Display for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match self.key {
            Key::Char(' ') => f.write_str("␣"),
            Key::Char(c) => write!(f, "{c}"),
            Key::Enter => f.write_str("⏎"),
            Key::Up => f.write_str("↑"),
            Key::Down => f.write_str("↓"),
            key => f.write_str(NAMED.iter().find(|(_, k)| *k == key).map_or("?", |(name, _)| name)),
        }
    }
}

/// The meaning of a sequence of strokes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Action(Action),
    /// The start of a longer sequence.
    Prefix,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(Action, Vec<Stroke>)>,
}

const SHIPPED: &str = include_str!("../../assets/keymap.toml");

/// Keymaps of other tools, each applied on top of the default keymap.
const PRESETS: &[(&str, &str)] = &[
    ("default", ""),
    ("gerrit", include_str!("../../assets/keymaps/gerrit.toml")),
    ("vim", include_str!("../../assets/keymaps/vim.toml")),
    ("lazygit", include_str!("../../assets/keymaps/lazygit.toml")),
    ("arrows", include_str!("../../assets/keymaps/arrows.toml")),
];

impl Keymap {
    /// The default.
    pub fn shipped() -> Keymap {
        Keymap { bindings: Vec::new() }.with("keymap.toml", SHIPPED).expect("a test reads the shipped keymap")
    }

    /// The names of the presets.
    pub fn presets() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// A preset by name.
    pub fn preset(name: &str) -> Option<Keymap> {
        let (file, source) = PRESETS.iter().find(|(own, _)| *own == name)?;
        Some(Keymap::shipped().with(file, source).expect("a test reads the presets"))
    }

    /// The keymap of a user's file: its entries override those of the preset that it names.
    pub fn user(file: &str, source: &str) -> Result<Keymap, FileError> {
        datafile::read(file, source, |root| {
            let base = root.string("preset").and_then(|name| {
                let found = Keymap::preset(&name.value);
                if found.is_none() {
                    let names: Vec<_> = Keymap::presets().collect();
                    name.mistake(format!("there is no preset `{}`; there are {}", name.value, names.join(", ")));
                }
                found
            });
            Some(base.unwrap_or_else(Keymap::shipped).with_entries(root))
        })
    }

    /// This keymap, overridden by the entries of a file.
    pub fn with(&self, file: &str, source: &str) -> Result<Keymap, FileError> {
        datafile::read(file, source, |root| Some(self.with_entries(root)))
    }

    fn with_entries(&self, root: &Table<'_>) -> Keymap {
        let mut bindings = self.bindings.clone();
        let mut own = Vec::new();
        for context in Context::ALL {
            let Some(table) = root.table(context.name()) else { continue };
            for action in Action::ALL.iter().filter(|action| action.context() == context) {
                if !table.has_value(action.name()) {
                    continue;
                }
                bindings.retain(|(bound, _)| bound != action);
                for text in table.strings(action.name()) {
                    let Some(run) = run(&text) else { continue };
                    bindings.push((*action, run.clone()));
                    own.push((*action, run, text));
                }
            }
        }
        if let Some((one, other, both)) = conflict(&bindings) {
            let (stroke, one_name, other_name) = (shown(&both), one.name(), other.name());
            let why = format!("`{stroke}` means both {one_name} and {other_name}; give one of them another stroke");
            let is_meant = |action: Action, run: &[Stroke]| {
                [one, other].contains(&action) && (run.starts_with(&both) || both.starts_with(run))
            };
            match own.iter().rfind(|(action, run, _)| is_meant(*action, run)) {
                Some((_, _, text)) => text.mistake(why),
                None => root.mistake(why),
            }
        }
        Keymap { bindings }
    }

    pub fn meaning(&self, context: Context, strokes: &[Stroke]) -> Meaning {
        let here = |action: Action| action.is_in(context);
        let mut matching =
            self.bindings.iter().filter(|(action, run)| here(*action) && run.starts_with(strokes)).peekable();
        if matching.peek().is_none() {
            return Meaning::Nothing;
        }
        matching
            .find(|(_, run)| run.len() == strokes.len())
            .map_or(Meaning::Prefix, |(action, _)| Meaning::Action(*action))
    }

    /// The strokes of an action for display: `j, ↓`.
    pub fn strokes(&self, action: Action) -> String {
        let runs: Vec<_> =
            self.bindings.iter().filter(|(bound, _)| *bound == action).map(|(_, run)| shown(run)).collect();
        runs.join(", ")
    }

    /// The strokes of an action in the syntax of a file: `j`, `down`, `g g`.
    pub fn names(&self, action: Action) -> Vec<String> {
        let runs = self.bindings.iter().filter(|(bound, _)| *bound == action);
        runs.map(|(_, run)| run.iter().map(|stroke| stroke.name()).collect::<Vec<_>>().join(" ")).collect()
    }

    /// This keymap as a `keymap.toml`.
    pub fn to_toml(&self) -> String {
        let quoted = |name: &String| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        let mut out = String::new();
        for context in Context::ALL {
            let entries = Action::ALL.iter().filter(|action| action.context() == context);
            out.push_str(&format!("{}[{}]\n", if out.is_empty() { "" } else { "\n" }, context.name()));
            for action in entries {
                let strokes: Vec<_> = self.names(*action).iter().map(quoted).collect();
                let entry = format!("{} = [{}]", action.name(), strokes.join(", "));
                out.push_str(&format!("{entry:<40} # {}\n", action.sentence()));
            }
        }
        out
    }

    /// The first stroke of an action, for the footer.
    pub fn first(&self, action: Action) -> String {
        self.bindings.iter().find(|(bound, _)| *bound == action).map(|(_, run)| shown(run)).unwrap_or_default()
    }
}

fn run(text: &Placed<'_, String>) -> Option<Vec<Stroke>> {
    let strokes: Option<Vec<_>> = text.value.split(' ').map(Stroke::parse).collect();
    let known = strokes.filter(|run| !run.is_empty());
    if known.is_none() {
        text.mistake(format!(
            "`{}` is not a stroke; write j, G, ctrl-d, space, enter, or several with blanks between",
            text.value
        ));
    }
    for stroke in known.iter().flatten() {
        if let Some(why) = stroke.unheard() {
            text.mistake(format!("`{}` cannot be bound: {why}", stroke.name()));
        }
    }
    known
}

fn shown(run: &[Stroke]) -> String {
    run.iter().map(Stroke::to_string).collect()
}

/// Two actions with the same strokes on one screen, or one whose strokes are the start of another's.
fn conflict(bindings: &[(Action, Vec<Stroke>)]) -> Option<(Action, Action, Vec<Stroke>)> {
    let meet = |a: Action, b: Action| {
        a.context() == b.context() || a.context() == Context::Everywhere || b.context() == Context::Everywhere
    };
    bindings.iter().enumerate().find_map(|(index, (one, run))| {
        let other = bindings[index + 1..].iter().find(|(other, their)| {
            one != other && meet(*one, *other) && (their.starts_with(run) || run.starts_with(their))
        })?;
        Some((*one, other.0, run.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_stroke_and_runs_are_heard() {
        let keymap = Keymap::shipped();
        for action in Action::ALL {
            assert!(!keymap.strokes(*action).is_empty(), "{}", action.name());
        }
        let g = Stroke::parse("g").unwrap();
        assert_eq!(keymap.meaning(Context::Queue, &[g]), Meaning::Prefix);
        assert_eq!(keymap.meaning(Context::Queue, &[g, g]), Meaning::Action(Action::Top));
        assert_eq!(keymap.meaning(Context::Queue, &[Stroke::parse("S").unwrap()]), Meaning::Nothing);
    }

    #[test]
    fn a_wrong_file_is_refused_with_all_its_mistakes() {
        let refused = Keymap::shipped()
            .with("k", "[queue]\nopen = [\"nokey\"]\nflyaway = [\"x\"]\n[review]\nsign = [\"j\"]\n")
            .unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("line 2") && text.contains("flyaway") && text.contains("means both"), "{text}");
        let conflict = text.lines().find(|line| line.contains("means both")).unwrap();
        assert!(conflict.contains("line 5"), "the line of the user's own entry: {text}");
        let unknown = text.lines().find(|line| line.contains("flyaway")).unwrap();
        assert!(unknown.contains("`filter`"), "all names that there are, not those of this file: {text}");
    }
    #[test]
    fn every_preset_is_whole_and_without_conflict() {
        for name in Keymap::presets() {
            let keymap = Keymap::preset(name).unwrap();
            for action in Action::ALL {
                assert!(!keymap.names(*action).is_empty(), "{name}: {}", action.name());
            }
            assert_eq!(name == "default", keymap == Keymap::shipped(), "{name}");
        }
    }

    #[test]
    fn a_user_lays_entries_over_a_preset() {
        let keymap = Keymap::user("k", "preset = \"gerrit\"\n[review]\nnext-file = [\"alt-f\"]\n").unwrap();
        assert_eq!(keymap.names(Action::NextFile), ["alt-f"]);
        assert_eq!(keymap.names(Action::NextHunk), Keymap::preset("gerrit").unwrap().names(Action::NextHunk));
        let refused = Keymap::user("k", "\npreset = \"emacs\"\n").unwrap_err().to_string();
        assert!(refused.contains("line 2") && refused.contains("gerrit, vim"), "{refused}");
    }

    #[test]
    fn a_keymap_is_written_as_a_file_that_means_the_same() {
        for name in Keymap::presets() {
            let keymap = Keymap::preset(name).unwrap();
            let again = Keymap::user("k", &keymap.to_toml()).unwrap();
            for action in Action::ALL {
                assert_eq!(keymap.names(*action), again.names(*action), "{name}: {}", action.name());
            }
        }
        for text in ["\"", "\\", "space", "ctrl-alt-x", "-", "f12", "é"] {
            assert_eq!(Stroke::parse(text).unwrap().name(), text);
        }
    }

    /// On the way to a signature, only opening the sheet is in the keymap. The strokes of the sheet are fixed.
    #[test]
    fn no_preset_and_no_file_can_bind_a_decision() {
        let decisions = [
            "approve",
            "reject",
            "needs-changes",
            "confirm",
            "withdraw",
            "hand-over",
            "break-glass",
            "human",
            "freeze",
        ];
        for decision in decisions {
            assert!(Action::ALL.iter().all(|action| action.name() != decision), "{decision}");
            for context in ["everywhere", "queue", "review", "sign", "sheet"] {
                let file = format!("[{context}]\n{decision} = [\"x\"]\n");
                let refused = Keymap::user("k", &file).unwrap_err().to_string();
                assert!(refused.contains("unknown key"), "{refused}");
            }
        }
        for name in Keymap::presets() {
            let strokes = Keymap::preset(name).unwrap().names(Action::Sign);
            assert_eq!(strokes, ["S"], "{name}: a hand that knows one preset must not meet the sheet by chance");
        }
        let refused = Keymap::user("k", "[queue]\nsign = [\"S\"]\n").unwrap_err().to_string();
        assert!(refused.contains("unknown key `sign`"), "the queue signs nothing: {refused}");
    }

    #[test]
    fn strokes_that_are_never_heard_are_refused() {
        for stroke in ["ctrl-i", "ctrl-m", "ctrl-[", "ctrl-c", "esc"] {
            let refused = Keymap::user("k", &format!("[review]\nfiles = [\"{stroke}\"]\n")).unwrap_err().to_string();
            assert!(refused.contains("cannot be bound"), "{refused}");
        }
    }
}
