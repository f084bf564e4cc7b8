//! Recipes, prerequisites and variables of a Makefile.

use super::lines::{Logical, comments, logical};
use super::out::{Out, Place};
use super::{scripts, shell};

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    let (mut target, mut opens) = (String::new(), 0);
    for line in logical(text, "") {
        let trimmed = line.text.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if line.text.starts_with('\t') {
            recipe(trimmed, &line, &Place { object: &target, scope: &target, opens }, out);
        } else if let Some((key, value)) = variable(trimmed) {
            out.set(key, key, value, &line.lines, &Place::TOP);
        } else if let Some((name, needs)) = trimmed.split_once(':') {
            target = super::tree::clip(name.trim());
            opens = *line.lines.start();
            prerequisites(&target, needs, &line, out);
        }
    }
}

/// What is made before a target, each with its name as the key: it is needed or not.
fn prerequisites(target: &str, needs: &str, line: &Logical, out: &mut Out) {
    const MAX_NEEDS: usize = 200;
    let needs = needs.trim_start_matches(':').split(['#', ';']).next().unwrap_or_default();
    let place = Place { object: target, scope: target, opens: *line.lines.start() };
    for name in needs.split_whitespace().filter(|name| *name != "|").take(MAX_NEEDS) {
        out.set(&format!("{target}.needs[{name}]"), "needs", name, &line.lines, &place);
    }
}

/// `A = 1`, `A := 1`, `A ?= 1`.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim_end_matches([':', '?', '+']).trim();
    let key = key.strip_prefix("export ").unwrap_or(key).trim();
    (!key.is_empty() && !key.contains([':', ' ', '$'])).then_some((key, value.trim()))
}

/// A dash before a command means that its failure is ignored.
fn recipe(line: &str, logical: &Logical, place: &Place, out: &mut Out) {
    let script = line.trim_start_matches(['@', '-', '+']);
    if line[..line.len() - script.len()].contains('-') {
        shell::ignored(script, &logical.lines, place, out);
    }
    scripts::joined(script, &logical.lines, place, out);
}
