//! Templates in a configuration, which interfere with its syntax.

/// Private-use characters around the number of a template that was removed.
const OPENS: char = '\u{E000}';
const CLOSES: char = '\u{E001}';

/// A text with its templates replaced: those for values by a word, those on separate lines (`{{- if … }}`) by a
/// comment. Line breaks are kept.
pub(super) struct Plain<'t> {
    pub text: String,
    templates: Vec<&'t str>,
}

pub(super) fn without(text: &str) -> Plain<'_> {
    let mut plain = Plain { text: String::with_capacity(text.len()), templates: Vec::new() };
    let mut rest = text;
    while let Some(start) = next_template(rest) {
        let end = end_of(&rest[start..]).map_or(rest.len(), |end| start + end);
        plain.text.push_str(&rest[..start]);
        plain.take(&rest[start..end], &rest[end..]);
        rest = &rest[end..];
    }
    plain.text.push_str(rest);
    plain
}

impl<'t> Plain<'t> {
    fn take(&mut self, template: &'t str, after: &str) {
        let line_before = self.text.rsplit('\n').next().unwrap_or_default();
        let line_after = after.split('\n').next().unwrap_or_default();
        if is_blank(line_before) && is_blank(line_after) {
            let breaks = template.matches('\n').count();
            self.text.push('#');
            (0..breaks).for_each(|_| self.text.push_str("\n#"));
            return;
        }
        self.text.push_str(&format!("{OPENS}{}{CLOSES}", self.templates.len()));
        self.templates.push(template);
        template.matches('\n').for_each(|_| self.text.push('\n'));
    }

    /// A piece of the text with its templates restored.
    pub fn restored(&self, piece: &str) -> String {
        if self.templates.is_empty() || !piece.contains(OPENS) {
            return piece.to_owned();
        }
        let mut parts = piece.split(OPENS);
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let numbered = part.split_once(CLOSES);
            let template = numbered.and_then(|(number, _)| self.templates.get(number.parse::<usize>().ok()?));
            text.push_str(template.copied().unwrap_or_default());
            text.push_str(numbered.map_or(part, |(_, after)| after));
        }
        text
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty() || text.trim_start().starts_with('#')
}

fn next_template(text: &str) -> Option<usize> {
    text.match_indices('{').map(|(at, _)| at).find(|at| text[*at..].starts_with("{{") || text[*at..].starts_with("{%"))
}

fn end_of(template: &str) -> Option<usize> {
    let end = if template.starts_with("{{") { "}}" } else { "%}" };
    template.find(end).map(|at| at + end.len())
}
