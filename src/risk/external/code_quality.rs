//! GitLab Code Quality: an array of objects. It names no tool, except if the writer follows Code Climate.

use serde_json::Value;

use super::json::{self, List};
use super::paths::plain;
use super::{Diagnostic, MAX_MESSAGE, Region, Report, Run, Severity, by_word, cut, name, redact};

/// All of them are one run, since tools are not separated.
pub fn read(list: &List<'_>, default: &str) -> Report {
    let mut run = Run { tool: default.to_owned(), more: list.more, ..Run::default() };
    for raw in &list.items {
        match json::value(raw).filter(|one| one["description"].is_string() || one["check_name"].is_string()) {
            Some(one) => run.diagnostics.push(diagnostic(&one)),
            None => run.unreadable += 1,
        }
    }
    Report { runs: vec![run], remarks: Vec::new() }
}

fn diagnostic(one: &Value) -> Diagnostic {
    let first = |pointers: &[&str]| pointers.iter().map(|at| json::number(json::at(one, at))).find(|&line| line > 0);
    let rule = [name(json::text(one, "/engine_name")), name(json::text(one, "/check_name"))];
    let rule = rule.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let message = cut(json::text(one, "/description"), MAX_MESSAGE);
    let line = first(&["/location/lines/begin", "/location/positions/begin/line"]).unwrap_or(0);
    let end_line = first(&["/location/lines/end", "/location/positions/end/line"]).unwrap_or(0);
    Diagnostic {
        severity: severity(json::text(one, "/severity")),
        description: cut(json::text(one, "/content/body"), MAX_MESSAGE),
        is_about_secret: redact::speaks_of_secrets(&format!("{rule} {message}")),
        rule: if rule.is_empty() { "no-rule".to_owned() } else { rule },
        message,
        path: plain(json::text(one, "/location/path").as_bytes()),
        region: Region {
            line,
            end_line: end_line.max(line),
            column: first(&["/location/positions/begin/column"]).unwrap_or(0),
            end_column: first(&["/location/positions/end/column"]).unwrap_or(0),
            ..Region::default()
        },
        ..Diagnostic::default()
    }
}

/// Here `critical` is the second of five.
fn severity(word: &str) -> Severity {
    match word {
        "critical" => Severity::High,
        "blocker" => Severity::Critical,
        other => by_word(other),
    }
}
