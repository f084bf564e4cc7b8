//! checkstyle's XML, which many tools write. Read as a stream: only the results are kept, and only the five entities of
//! XML itself are known.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::paths::plain;
use super::{Diagnostic, MAX_MESSAGE, MAX_RESULTS, Region, Report, Run, by_word, cut, name, redact};

/// The greatest depth of elements: `checkstyle`, `file`, `error`, and something in them.
const MAX_DEPTH: usize = 16;

/// A document whose root is `checkstyle`. The error is a sentence.
pub fn read(text: &str, default: &str) -> Result<Report, String> {
    let mut reader = Reader::from_str(text);
    let mut run = Run { tool: default.to_owned(), ..Run::default() };
    let (mut depth, mut file, mut has_root) = (0usize, String::new(), false);
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("It is no XML from byte {}: {error}.", reader.error_position()))?;
        let (element, is_open) = match &event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        match element.local_name().as_ref() {
            "checkstyle" if depth == 0 => has_root = true,
            _ if depth == 0 => return Err("It is XML, and no report of checkstyle.".to_owned()),
            "file" => file = attribute(element, "name"),
            "error" if run.diagnostics.len() >= MAX_RESULTS => run.more += 1,
            "error" => run.diagnostics.push(diagnostic(element, &file)),
            _ => {}
        }
        depth += usize::from(is_open);
        if depth > MAX_DEPTH {
            return Err(format!("Its elements nest deeper than {MAX_DEPTH}."));
        }
    }
    let is_whole = has_root && depth == 0;
    if is_whole { Ok(Report { runs: vec![run], remarks: Vec::new() }) } else { Err("It breaks off.".to_owned()) }
}

/// Empty if it is missing or cannot be read.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let found = element.attributes().with_checks(false).flatten().find(|own| own.key.as_ref() == name);
    found
        .and_then(|own| own.normalized_value(XmlVersion::Implicit1_0).ok().map(|value| value.into_owned()))
        .unwrap_or_default()
}

fn diagnostic(element: &BytesStart<'_>, file: &str) -> Diagnostic {
    let number = |name| attribute(element, name).trim().parse().unwrap_or(0);
    let (message, source) = (cut(&attribute(element, "message"), MAX_MESSAGE), name(&attribute(element, "source")));
    Diagnostic {
        severity: by_word(&attribute(element, "severity")),
        is_about_secret: redact::speaks_of_secrets(&format!("{source} {message}")),
        rule: if source.is_empty() { "no-rule".to_owned() } else { source },
        message,
        path: plain(file.as_bytes()),
        region: Region {
            line: number("line"),
            end_line: number("line"),
            column: number("column"),
            ..Region::default()
        },
        ..Diagnostic::default()
    }
}
