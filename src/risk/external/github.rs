//! GitHub's annotations: of check runs, as its API has them, and as workflow commands in a log.

use serde_json::Value;

use super::json::{self, List, Object};
use super::paths::plain;
use super::{Diagnostic, MAX_MESSAGE, MAX_RESULTS, MAX_RUNS, Region, Report, Run, Unit, by_word, cut, name, redact};

/// The annotations of one check run of a review server, as its API gives them: the run with `head_sha`, `name` and
/// `app`, and the array that its `annotations_url` leads to. The error is a sentence.
pub fn check_run(run: &str, annotations: &str) -> Result<Report, String> {
    let run = json::parse(run).map_err(|error| json::syntax(&error))?;
    let annotations = json::parse(annotations).map_err(|error| json::syntax(&error))?;
    let mut read = of_run(&Object::of(run), "a check");
    take(&json::list(annotations, MAX_RESULTS), &mut read);
    Ok(Report { runs: vec![read], remarks: Vec::new() })
}

/// An array of annotations.
pub fn read_annotations(list: &List<'_>, default: &str, revision: &str) -> Report {
    let mut run = Run { tool: default.to_owned(), revision: revision.to_owned(), ..Run::default() };
    take(list, &mut run);
    Report { runs: vec![run], remarks: Vec::new() }
}

/// An object that has annotations, or check runs that have.
pub fn read_check_runs(root: &Object<'_>, default: &str) -> Report {
    let runs = root.list("check_runs", MAX_RUNS);
    let mut report = Report::default();
    if root.has("annotations") {
        let mut run = of_run(root, default);
        take(&root.list("annotations", MAX_RESULTS), &mut run);
        report.runs.push(run);
    }
    if runs.more > 0 {
        report.remarks.push(format!("It has {} more check runs than the {MAX_RUNS} that are read.", runs.more));
    }
    for raw in runs.items {
        let object = Object::of(raw);
        let mut run = of_run(&object, default);
        let own = object.list("annotations", MAX_RESULTS);
        let list = if own.items.is_empty() { object.object("output").list("annotations", MAX_RESULTS) } else { own };
        take(&list, &mut run);
        report.runs.push(run);
    }
    report
}

fn of_run(object: &Object<'_>, default: &str) -> Run {
    let tool = object.text("name").map(|tool| name(&tool)).filter(|tool| !tool.is_empty());
    let conclusion = object.text("conclusion").unwrap_or_default();
    let failed = matches!(&conclusion[..], "cancelled" | "timed_out" | "startup_failure" | "stale" | "action_required");
    Run {
        tool: tool.unwrap_or_else(|| default.to_owned()),
        revision: name(&object.text("head_sha").unwrap_or_default()),
        failures: failed.then(|| format!("The check ended as {}.", name(&conclusion))).into_iter().collect(),
        ..Run::default()
    }
}

fn take(list: &List<'_>, run: &mut Run) {
    run.more += list.more;
    for raw in &list.items {
        match json::value(raw).filter(|one| one["message"].is_string() || one["title"].is_string()) {
            Some(one) => run.diagnostics.push(annotation(&one)),
            None => run.unreadable += 1,
        }
    }
}

fn annotation(one: &Value) -> Diagnostic {
    let (title, message) = (name(json::text(one, "/title")), cut(json::text(one, "/message"), MAX_MESSAGE));
    let number = |member: &str| json::number(&one[member]);
    let line = number("start_line");
    found(
        title,
        message,
        &one["annotation_level"],
        json::text(one, "/path"),
        Region {
            line,
            end_line: number("end_line").max(line),
            column: number("start_column"),
            end_column: number("end_column"),
            unit: Unit::Utf16,
            offset: None,
        },
    )
}

/// A title is the closest thing to the name of a rule.
fn found(title: String, message: String, level: &Value, path: &str, region: Region) -> Diagnostic {
    Diagnostic {
        severity: by_word(level.as_str().unwrap_or_default()),
        is_about_secret: redact::speaks_of_secrets(&format!("{title} {message}")),
        rule: if title.is_empty() { "annotation".to_owned() } else { title },
        message,
        path: plain(path.as_bytes()),
        region,
        ..Diagnostic::default()
    }
}

/// The workflow commands in a log: `::error file=a.py,line=3::text`. None where there is none.
pub fn read_log(text: &str, default: &str) -> Option<Report> {
    let mut run = Run { tool: default.to_owned(), ..Run::default() };
    for one in text.lines().filter_map(command) {
        if run.diagnostics.len() < MAX_RESULTS {
            run.diagnostics.push(one);
        } else {
            run.more += 1;
        }
    }
    (!run.diagnostics.is_empty()).then(|| Report { runs: vec![run], remarks: Vec::new() })
}

fn command(line: &str) -> Option<Diagnostic> {
    // In a log, the time is in front of it.
    let at = ["::error", "::warning", "::notice"].iter().find_map(|command| line.find(command))?;
    let (head, message) = line[at + 2..].split_once("::")?;
    let (level, properties) = head.split_once(' ').unwrap_or((head, ""));
    if !matches!(level, "error" | "warning" | "notice") {
        return None;
    }
    let properties: Vec<(&str, String)> = properties
        .split(',')
        .take(16)
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim(), unescaped(value)))
        .collect();
    let property = |name: &str| properties.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value);
    let number = |name: &str| property(name).parse().unwrap_or(0);
    let line = number("line");
    let region = Region {
        line,
        end_line: number("endLine").max(line),
        column: number("col"),
        end_column: number("endColumn"),
        ..Region::default()
    };
    let message = cut(&unescaped(message), MAX_MESSAGE);
    Some(found(name(property("title")), message, &Value::from(level), property("file"), region))
}

/// The escapes of workflow commands.
fn unescaped(text: &str) -> String {
    let signs = [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")];
    signs.iter().fold(text.to_owned(), |text, (code, sign)| text.replace(code, sign))
}
