//! Defaults of options by which a program is built: Kconfig, CMake.

use super::lines::{comments, logical, numbered};
use super::out::{Out, Place};
use super::tree::{Lines, MAX_NODES, clip_to};

/// The most bytes of a name.
const MAX_NAME: usize = 120;

/// An option of Kconfig: a truth is off unless it has a default.
#[derive(Default)]
struct Choice {
    name: String,
    lines: Option<Lines>,
    is_truth: bool,
    has_default: bool,
}

impl Choice {
    fn end(self, out: &mut Out) {
        if let Some(lines) = self.lines.filter(|_| self.is_truth && !self.has_default) {
            tell(&self.name, "false", &lines, out);
        }
    }
}

pub(super) fn kconfig(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    let mut own = Choice::default();
    let mut help: Option<usize> = None;
    for (number, line) in numbered(text).take(MAX_NODES) {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        // A text of help goes on as long as its lines are indented further.
        if help.is_some_and(|of| words.is_empty() || indent > of) {
            continue;
        }
        help = None;
        match words.as_slice() {
            ["config" | "menuconfig", name, ..] => {
                std::mem::take(&mut own).end(out);
                let name = clip_to(name, MAX_NAME).to_owned();
                own = Choice { name, lines: Some(number..=number), ..Choice::default() };
            }
            ["help" | "---help---", ..] => help = Some(indent),
            ["bool" | "tristate" | "boolean", ..] => own.is_truth = true,
            [word @ ("default" | "def_bool" | "def_tristate"), value, ..] => {
                own.is_truth |= *word != "default";
                own.has_default = true;
                let value = match *value {
                    "y" => "true",
                    "n" => "false",
                    value => value,
                };
                if !words.contains(&"if") {
                    tell(&own.name, value, &(number..=number), out);
                }
            }
            ["choice" | "menu" | "endchoice" | "endmenu" | "if" | "endif" | "source", ..] => {
                std::mem::take(&mut own).end(out);
            }
            _ => {}
        }
    }
    own.end(out);
}

fn tell(name: &str, value: &str, lines: &Lines, out: &mut Out) {
    if !name.is_empty() {
        out.set(&format!("default.{name}"), name, value, lines, &Place::TOP);
    }
}

/// `option(NAME "what it does" ON)`; the rest of CMake is not read.
pub(super) fn cmake(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    out.is_partial = true;
    let mut open: Option<(u32, String)> = None;
    for line in logical(text, "#") {
        let code = line.text.trim();
        let (first, said) = match open.take() {
            Some((first, said)) => (first, said + " " + code),
            None => (*line.lines.start(), code.to_owned()),
        };
        let lower = said.get(..8).unwrap_or_default().to_ascii_lowercase();
        let is_option = lower.starts_with("option(") || lower.starts_with("option (");
        match closing(&said) {
            _ if !is_option => {}
            None if said.len() < super::super::MAX_TEXT => open = Some((first, said)),
            None => {}
            Some(end) => {
                let inner = said[..end].split_once('(').map_or("", |(_, inner)| inner);
                let words = super::firewall::quoted_words(inner);
                if let [name, .., value] = words.as_slice() {
                    let value = if words.len() < 3 { "OFF" } else { value };
                    let value = if value.eq_ignore_ascii_case("on") { "true" } else { "false" };
                    tell(clip_to(name, MAX_NAME), value, &(first..=*line.lines.end()), out);
                }
            }
        }
    }
}

/// The first closing bracket outside of quotes.
fn closing(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    let mut places = text.char_indices();
    let found = places.find(|(_, c)| {
        is_quoted ^= *c == '"';
        *c == ')' && !is_quoted
    });
    found.map(|(at, _)| at)
}
