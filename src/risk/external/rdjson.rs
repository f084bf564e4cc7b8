//! reviewdog's rdjson, and rdjsonl: one diagnostic a line.

use serde_json::Value;

use super::json::{self, Object};
use super::paths::plain;
use super::{Diagnostic, MAX_MESSAGE, MAX_RESULTS, Region, Report, Run, Unit, by_word, cut, name, redact};

/// An object with `diagnostics`.
pub fn read(root: &Object<'_>, default: &str) -> Report {
    let list = root.list("diagnostics", MAX_RESULTS);
    let (source, severity) = (root.value("source"), root.value("severity"));
    let tool = Some(name(json::text(&source, "/name"))).filter(|name| !name.is_empty());
    let mut run = Run { tool: tool.unwrap_or_else(|| default.to_owned()), more: list.more, ..Run::default() };
    for raw in list.items {
        match json::value(raw).filter(Value::is_object) {
            Some(one) => run.diagnostics.push(diagnostic(&one, severity.as_str())),
            None => run.unreadable += 1,
        }
    }
    Report { runs: vec![run], remarks: Vec::new() }
}

/// One diagnostic per line, each with its tool. None if no line is one.
pub fn read_lines(text: &str, default: &str) -> Option<Report> {
    let (mut runs, mut unreadable, mut more): (Vec<Run>, _, _) = (Vec::new(), 0, 0);
    for (index, line) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        if index >= MAX_RESULTS {
            more += 1;
            continue;
        }
        let value = json::parse(line).ok().and_then(json::value);
        let Some(one) = value.filter(|one| one["message"].is_string() && one["location"].is_object()) else {
            unreadable += 1;
            continue;
        };
        let tool = name(json::text(&one, "/source/name"));
        let tool = if tool.is_empty() { default } else { &tool };
        let at = runs.iter().position(|run| run.tool == tool);
        let at = at.unwrap_or_else(|| {
            // Tools beyond the limit are reported as the last one.
            if runs.len() < super::MAX_RUNS {
                runs.push(Run { tool: tool.to_owned(), ..Run::default() });
            }
            runs.len() - 1
        });
        runs[at].diagnostics.push(diagnostic(&one, None));
    }
    let first = runs.first_mut()?;
    (first.unreadable, first.more) = (unreadable, more);
    Some(Report { runs, remarks: Vec::new() })
}

fn diagnostic(one: &Value, default: Option<&str>) -> Diagnostic {
    let (message, rule) = (cut(json::text(one, "/message"), MAX_MESSAGE), name(json::text(one, "/code/value")));
    let severity = one["severity"].as_str().or(default).unwrap_or_default();
    let number = |pointer| json::number(json::at(one, pointer));
    let line = number("/location/range/start/line");
    Diagnostic {
        severity: by_word(severity),
        is_about_secret: redact::speaks_of_secrets(&format!("{rule} {message}")),
        rule: if rule.is_empty() { "no-rule".to_owned() } else { rule },
        path: plain(json::text(one, "/location/path").as_bytes()),
        region: Region {
            line,
            end_line: number("/location/range/end/line").max(line),
            column: number("/location/range/start/column"),
            end_column: number("/location/range/end/column"),
            unit: Unit::Bytes,
            offset: None,
        },
        message,
        ..Diagnostic::default()
    }
}
