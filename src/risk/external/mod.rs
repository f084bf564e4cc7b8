//! Findings of other tools: reports as scanners and linters write them → runs → findings at the lines of a change.
//!
//! A report is read leniently, since tools differ in what they omit, and within bounds, since anybody may have written
//! it: what is cut or cannot be read is counted and reported, never dropped silently.
//!
//! ```text
//!  bytes  → read() → Report → Run → Diagnostic       by format: sarif, rdjson, code_quality, github, checkstyle
//!  paths  → paths::resolved() → paths of the tree    absolute, relative, percent-encoded
//!  lines  → Import → Finding                         what is new, what the change touches; the rest is counted
//! ```

mod anchor;
mod checkstyle;
mod code_quality;
mod github;
mod identity;
mod import;
mod json;
mod paths;
mod rdjson;
mod redact;
mod rows;
mod sarif;
pub mod sarif_log;
mod source;
pub mod test_coverage;
mod told;

pub use github::check_run;
pub use import::{Import, Trees};

use super::Severity;
use crate::change::wide;

/// The most bytes of a report: 64 MiB.
pub const MAX_BYTES: usize = 64 << 20;
/// The most results that are read of one report.
const MAX_RESULTS: usize = 50_000;
/// The most runs that are read of one report.
const MAX_RUNS: usize = 100;
/// The most bytes of a message, and of the description of a rule.
const MAX_MESSAGE: usize = 2_048;
/// The most bytes of a name: of a tool, a rule, a version.
const MAX_NAME: usize = 120;

/// The content of a report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// One per tool, or one each time that it ran.
    pub runs: Vec<Run>,
    /// What was not read, as sentences.
    pub remarks: Vec<String>,
}

/// One run of a tool. All texts are as the tool wrote them, cut in length, not escaped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// The name of the tool.
    pub tool: String,
    /// Its version; empty if it is not given.
    pub version: String,
    /// The commit that it examined; empty if it is not given.
    pub revision: String,
    /// Why it did not do everything; one sentence each.
    pub failures: Vec<String>,
    /// Files that it did not read, as it names them, with the reason.
    pub skipped: Vec<(ReportedPath, String)>,
    /// Files that it read, if it lists them.
    pub targets: Vec<ReportedPath>,
    /// What it found.
    pub diagnostics: Vec<Diagnostic>,
    /// Results of a check that passed, or did not apply.
    pub passed: usize,
    /// Results that could not be read.
    pub unreadable: usize,
    /// Results beyond the limit.
    pub more: usize,
}

/// One result of a tool at one place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnostic {
    /// Id of its rule.
    pub rule: String,
    /// Its severity, as far as the tool says.
    pub severity: Severity,
    /// The message for this place.
    pub message: String,
    /// The description of the rule.
    pub description: String,
    /// The file; none if it names none.
    pub path: Option<ReportedPath>,
    /// Where in the file.
    pub region: Region,
    /// Its status in the tool's own baseline files.
    pub state: State,
    /// The code that the tool quotes; never shown, since it may be a secret.
    pub snippet: String,
    /// Whether it is about something that must not be shown.
    pub is_about_secret: bool,
}

/// A path as a tool wrote it, percent-decoded if it was a URI, with slashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportedPath(pub Vec<u8>);

/// Where in a file. Lines and columns count from 1; 0 is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Region {
    /// The first line; 0 for the file as a whole.
    pub line: u32,
    /// The last line.
    pub end_line: u32,
    /// The first column.
    pub column: u32,
    /// The column after the last.
    pub end_column: u32,
    /// The unit of columns.
    pub unit: Unit,
    /// If the tool counts from the beginning of the file, not by lines: offset and length.
    pub offset: Option<(u64, u64)>,
}

/// The unit of columns and offsets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// UTF-16 code units, the default of SARIF.
    #[default]
    Utf16,
    /// Code points.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// What the tool, or its baseline files, say about a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// It is in force.
    #[default]
    Active,
    /// It existed in the run that it was compared with.
    Unchanged,
    /// It existed, and is gone.
    Absent,
    /// Somebody suppressed it, and why.
    Suppressed {
        /// By a comment in the source, not by a separate file.
        in_source: bool,
        /// As it was written.
        why: String,
    },
}

/// Reads a report of any known format, which is detected from its content. `name` is used if it names no tool, such as
/// the name of its file without extension. The error is a sentence.
pub fn read(bytes: &[u8], name: &str) -> Result<Report, String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("It is larger than {} MiB, which is not read.", MAX_BYTES >> 20));
    }
    let decoded = wide::decoded(bytes).map(|(_, text)| text.into_bytes());
    let text = String::from_utf8_lossy(decoded.as_deref().unwrap_or(bytes));
    let text = text.trim_start_matches('\u{feff}').trim();
    let name = cut(name, MAX_NAME);
    match text.as_bytes().first() {
        None => Err("It is empty: the tool wrote nothing, not even that it found nothing.".to_owned()),
        Some(b'<') => checkstyle::read(text, &name),
        Some(b'[') => array(text, &name),
        Some(b'{') => object(text, &name),
        Some(_) => github::read_log(text, &name).ok_or_else(unknown),
    }
}

fn unknown() -> String {
    "It is not a report in a known format: SARIF 2.1.0, rdjson, GitLab Code Quality, annotations of GitHub, checkstyle."
        .to_owned()
}

fn array(text: &str, name: &str) -> Result<Report, String> {
    let raw = json::parse(text).map_err(|error| json::syntax(&error))?;
    let list = json::list(raw, MAX_RESULTS);
    let first = list.items.first().map(|raw| json::Object::of(raw)).unwrap_or_default();
    if list.items.is_empty() || first.has("check_name") || first.has("description") {
        Ok(code_quality::read(&list, name))
    } else if first.has("annotation_level") {
        Ok(github::read_annotations(&list, name, ""))
    } else {
        Err(unknown())
    }
}

fn object(text: &str, name: &str) -> Result<Report, String> {
    let raw = match json::parse(text) {
        Ok(raw) => raw,
        // One object per line is not JSON as a whole.
        Err(error) => return rdjson::read_lines(text, name).ok_or_else(|| json::syntax(&error)),
    };
    let root = json::Object::of(raw);
    if root.has("runs") {
        Ok(sarif::read(&root))
    } else if root.has("diagnostics") {
        Ok(rdjson::read(&root, name))
    } else if root.has("annotations") || root.has("check_runs") {
        Ok(github::read_check_runs(&root, name))
    } else {
        rdjson::read_lines(text, name).ok_or_else(unknown)
    }
}

/// At most this many bytes of a text, cut between characters and marked.
fn cut(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// A name in one line.
fn name(text: &str) -> String {
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), MAX_NAME)
}

/// A security score from 0 to 10 as given by tools, with the common thresholds.
fn by_score(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Note,
    }
}

/// Words of tools for severities, in any letter case; medium if the word is unknown.
pub fn by_word(word: &str) -> Severity {
    match word.to_ascii_lowercase().as_str() {
        "blocker" => Severity::Critical,
        "critical" | "error" | "failure" | "high" => Severity::High,
        "major" | "warning" | "medium" => Severity::Medium,
        "minor" | "note" | "notice" | "low" => Severity::Low,
        "info" | "none" | "ignore" => Severity::Note,
        _ => Severity::Medium,
    }
}

#[cfg(test)]
mod tests;
