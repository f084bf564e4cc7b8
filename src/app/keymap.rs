//! Strokes → actions, from `keymap.toml`. A user's file replaces single entries; a wrong one is refused with all mistakes.

use std::fmt;

use super::action::{Action, Context};
use crate::datafile::{self, Placed, Refused};

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
    ("f5", Key::F(5)),
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

/// What a run of strokes means so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Action(Action),
    /// The start of a longer run.
    Prefix,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(Action, Vec<Stroke>)>,
}

const SHIPPED: &str = include_str!("../../assets/keymap.toml");

impl Keymap {
    pub fn shipped() -> Keymap {
        Keymap { bindings: Vec::new() }.with("keymap.toml", SHIPPED).expect("a test reads the shipped keymap")
    }

    /// This keymap with the entries of a file in place of its own.
    pub fn with(&self, file: &str, source: &str) -> Result<Keymap, Refused> {
        datafile::read(file, source, |root| {
            let mut bindings = self.bindings.clone();
            for context in Context::ALL {
                let Some(table) = root.table(context.name()) else { continue };
                for action in Action::ALL.iter().filter(|action| action.context() == context) {
                    if !table.has(action.name()) {
                        continue;
                    }
                    bindings.retain(|(bound, _)| bound != action);
                    bindings.extend(table.strings(action.name()).iter().filter_map(run).map(|run| (*action, run)));
                }
            }
            if let Some((one, other, run)) = conflict(&bindings) {
                root.mistake(format!(
                    "`{}` means both {} and {}; give one of them another stroke",
                    shown(&run),
                    one.name(),
                    other.name()
                ));
            }
            Some(Keymap { bindings })
        })
    }

    pub fn meaning(&self, context: Context, strokes: &[Stroke]) -> Meaning {
        let here = |action: Action| action.context() == Context::Everywhere || action.context() == context;
        let mut matching =
            self.bindings.iter().filter(|(action, run)| here(*action) && run.starts_with(strokes)).peekable();
        if matching.peek().is_none() {
            return Meaning::Nothing;
        }
        matching
            .find(|(_, run)| run.len() == strokes.len())
            .map_or(Meaning::Prefix, |(action, _)| Meaning::Action(*action))
    }

    /// The strokes of an action as people read them: `j, ↓`.
    pub fn strokes(&self, action: Action) -> String {
        let runs: Vec<_> =
            self.bindings.iter().filter(|(bound, _)| *bound == action).map(|(_, run)| shown(run)).collect();
        runs.join(", ")
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
            "`{}` is no stroke; write j, G, ctrl-d, space, enter, or several with blanks between",
            text.value
        ));
    }
    known
}

fn shown(run: &[Stroke]) -> String {
    run.iter().map(Stroke::to_string).collect()
}

/// Two actions that one screen would hear in the same strokes, or one that hides another by being its start.
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
    }
}
