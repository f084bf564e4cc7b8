//! Lines of keys and values: INI, properties, environments, systemd units.

use super::lines::{comments, entry, logical, unquoted};
use super::out::Out;
use super::tree::{Entry, Lines, Node, Shape};

/// How keys and values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Sections, `key = value`, comments after a value.
    Ini,
    /// `a.b.c=value`, `a.b.c: value`.
    Properties,
    /// `key value`.
    Words,
}

pub(super) fn document(text: &str, style: Style, out: &mut Out) -> Node {
    let signs: &[&str] = if style == Style::Properties { &["#", "!"] } else { &["#", ";"] };
    out.comments = comments(text, signs);
    let mut sections = Sections::default();
    for line in logical(text, "#") {
        let is_indented = line.text.starts_with([' ', '\t']);
        let text = line.text.trim();
        if text.is_empty() || signs.iter().any(|sign| text.starts_with(sign)) {
            continue;
        }
        if let Some(name) = text.strip_prefix('[').and_then(|text| text.split(']').next()).filter(|_| is_ini(style)) {
            sections.open(name, &line.lines);
        } else if is_indented && is_ini(style) && !text.contains('=') && sections.goes_on(text, &line.lines) {
        } else {
            let (key, value) = pair(text, style);
            sections.add(entry(key, value, &line.lines));
        }
    }
    let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    Node::map(sections.all, 1..=last.max(1))
}

fn is_ini(style: Style) -> bool {
    style == Style::Ini
}

#[derive(Default)]
struct Sections {
    all: Vec<Entry>,
    is_open: bool,
}

impl Sections {
    fn open(&mut self, name: &str, lines: &Lines) {
        let name = name.trim_matches('[').split_whitespace().map(|word| word.trim_matches('"')).collect::<Vec<_>>();
        let value = Node::map(Vec::new(), lines.clone());
        self.all.push(Entry { key: name.join("."), lines: lines.clone(), is_block: false, value });
        self.is_open = true;
    }

    fn add(&mut self, entry: Entry) {
        let last = *entry.lines.end();
        match self.all.last_mut().filter(|_| self.is_open) {
            Some(section) => {
                section.lines = *section.lines.start()..=last;
                section.value.lines = section.lines.clone();
                if let Shape::Map(entries) = &mut section.value.shape {
                    entries.push(entry);
                }
            }
            None => self.all.push(entry),
        }
    }

    /// An indented line continues the value before it.
    fn goes_on(&mut self, text: &str, lines: &Lines) -> bool {
        let Some(section) = self.all.last_mut().filter(|_| self.is_open) else { return false };
        let Shape::Map(entries) = &mut section.value.shape else { return false };
        let Some(Entry {
            value: Node { shape: Shape::Scalar { text: value, .. }, lines: of_value },
            lines: of_entry,
            ..
        }) = entries.last_mut()
        else {
            return false;
        };
        value.push('\n');
        value.push_str(text);
        *of_entry = *of_entry.start()..=*lines.end();
        *of_value = of_entry.clone();
        section.lines = *section.lines.start()..=*lines.end();
        section.value.lines = section.lines.clone();
        true
    }
}

fn pair(text: &str, style: Style) -> (&str, &str) {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let at = match style {
        Style::Words => text.find(|c: char| c.is_whitespace() || c == '='),
        _ => text.find('=').or_else(|| text.find(": ")).or_else(|| text.find(':')),
    };
    let at = at.or_else(|| text.find(char::is_whitespace));
    let Some(at) = at else { return (text, "true") };
    let (key, rest) = text.split_at(at);
    let mut rest = rest.chars();
    rest.next();
    let value = rest.as_str().trim_start_matches([' ', '\t', '=']).trim();
    let value = if style == Style::Ini { without_comment(value) } else { value };
    (key.trim(), unquoted(value))
}

/// A value ends at a comment with a blank before it; one in quotes ends with its quote.
fn without_comment(value: &str) -> &str {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(end) = quote.and_then(|quote| value[1..].find(quote)) {
        return &value[..end + 2];
    }
    let end = [" #", " ;", "\t#", "\t;"].iter().filter_map(|sign| value.find(sign)).min();
    end.map_or(value, |end| value[..end].trim_end())
}
