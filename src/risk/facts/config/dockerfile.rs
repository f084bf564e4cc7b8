//! Instructions of a Dockerfile or Containerfile.

use super::super::{Kind, Value};
use super::lines::{Logical, comments, logical, unquoted};
use super::out::{Out, Place};
use super::{scripts, shell};

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    let mut lines = logical(&without_documents(text), "#");
    lines.retain(is_said);
    let starts = lines.iter().enumerate().filter(|(_, line)| word(line).eq_ignore_ascii_case("FROM"));
    let mut starts: Vec<usize> = starts.map(|(at, _)| at).collect();
    preamble(&lines[..starts.first().copied().unwrap_or(lines.len())], out);
    starts.push(lines.len());
    for (number, ends) in starts.windows(2).enumerate() {
        stage(&lines[ends[0]..ends[1]], number, out);
    }
}

fn is_said(line: &Logical) -> bool {
    let text = line.text.trim();
    !text.is_empty() && !text.starts_with('#')
}

fn word(line: &Logical) -> &str {
    line.text.split_whitespace().next().unwrap_or_default()
}

/// A document (`RUN <<EOF`) is a continued line, its own lines joined by semicolons.
fn without_documents(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut end: Option<String> = None;
    for line in text.lines() {
        match &end {
            Some(mark) if line.trim() == mark => {
                end = None;
                plain.push_str("true\n");
            }
            Some(_) => {
                plain.push_str(line.trim_end_matches('\\'));
                plain.push_str(" ;\\\n");
            }
            None => {
                let opens = line.split_once("<<").filter(|(_, rest)| !rest.starts_with('<'));
                let mark = opens.map(|(_, rest)| rest.trim_start_matches(['-', '"', '\'']));
                let mark =
                    mark.and_then(|rest| rest.split([' ', '"', '\'', '>']).next()).filter(|mark| !mark.is_empty());
                end = mark.filter(|_| line.trim_start().len() == line.len()).map(str::to_owned);
                match opens.filter(|_| end.is_some()) {
                    Some((before, _)) => plain.push_str(&format!("{before}\\\n")),
                    None => plain.push_str(&format!("{line}\n")),
                }
            }
        }
    }
    plain
}

fn preamble(lines: &[Logical], out: &mut Out) {
    lines.iter().for_each(|line| instruction(line, &Place::TOP, out));
}

/// A stage is identified by its name, or else by its number.
fn stage(lines: &[Logical], number: usize, out: &mut Out) {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
    let words: Vec<&str> = first.text.split_whitespace().collect();
    let name = words.windows(2).find(|pair| pair[0].eq_ignore_ascii_case("as")).map(|pair| pair[1].to_owned());
    let object = format!("stage[{}]", name.unwrap_or_else(|| number.to_string()));
    let text = lines.iter().map(|line| line.text.as_str()).take(200).collect::<Vec<_>>().join("; ");
    let range = *first.lines.start()..=*last.lines.end();
    out.block(&object, &text, &range, &Place::TOP);
    let place = Place { object: &object, scope: &object, opens: *range.start() };
    lines.iter().for_each(|line| instruction(line, &place, out));
}

fn instruction(line: &Logical, place: &Place, out: &mut Out) {
    let (name, rest) = line.text.trim().split_once(char::is_whitespace).unwrap_or((line.text.trim(), ""));
    let (name, rest) = (name.to_ascii_lowercase(), rest.trim());
    match name.as_str() {
        "from" => {
            let image = rest.split_whitespace().find(|word| !word.starts_with("--")).unwrap_or_default();
            out.set(&place.child("from"), "from", image, &line.lines, place);
        }
        "env" | "arg" | "label" => pairs(&name, rest, line, place, out),
        "expose" | "volume" | "copy" | "add" => {
            let object = format!("{}[]", place.child(&name));
            out.set(&object, &name, rest, &line.lines, place);
        }
        "run" | "cmd" | "entrypoint" => command(&name, rest, line, place, out),
        "healthcheck" => {
            options("healthcheck", rest, line, place, out);
            out.set(&place.child("healthcheck"), "healthcheck", rest, &line.lines, place);
        }
        _ => out.set(&place.child(&name), &name, rest, &line.lines, place),
    }
}

/// `--interval=30s` before the command of a check.
fn options(name: &str, rest: &str, line: &Logical, place: &Place, out: &mut Out) {
    let options = rest.split_whitespace().map_while(|word| word.strip_prefix("--"));
    for (option, value) in options.filter_map(|option| option.split_once('=')) {
        out.set(&place.child(&format!("{name}.{option}")), option, value, &line.lines, place);
    }
}

/// `A=1 B="x y"`, or `A 1` of one name.
fn pairs(name: &str, rest: &str, line: &Logical, place: &Place, out: &mut Out) {
    let words = shell::words(rest);
    let first = words.first().map(String::as_str).unwrap_or_default();
    if !first.contains('=') {
        let value = rest.strip_prefix(first).unwrap_or_default().trim();
        return out.set(&place.child(&format!("{name}.{first}")), first, unquoted(value), &line.lines, place);
    }
    for (key, value) in words.iter().filter_map(|word| word.split_once('=')) {
        out.set(&place.child(&format!("{name}.{key}")), key, value, &line.lines, place);
    }
}

/// A list of words in brackets, or a script.
fn command(name: &str, rest: &str, line: &Logical, place: &Place, out: &mut Out) {
    let script = rest.trim_start_matches(|c: char| c.is_whitespace());
    let script = script
        .split_whitespace()
        .take_while(|word| word.starts_with("--"))
        .fold(script, |rest, flag| rest.trim_start().strip_prefix(flag).unwrap_or(rest));
    let inside = Place { opens: *line.lines.start(), ..*place };
    if out.wants(&line.lines) && name != "run" {
        out.add(Kind::Setting, &place.child(name), Value::Text(script.trim().to_owned()), script, &line.lines, place);
    }
    match serde_json::from_str::<Vec<String>>(script.trim()) {
        Ok(words) => shell::command(&words, &line.lines, &inside, out),
        Err(_) => scripts::joined(script, &line.lines, &inside, out),
    }
}
