//! Our findings as a SARIF 2.1.0 log, for tools that show or compare what scanners found.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::change::diff::{Location, Side};
use crate::change::visible;
use crate::change::{ObjectId, RepoPath};
use crate::risk::{Finding, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// The base of paths.
const ROOT: &str = "SRCROOT";

/// A log with one run. `repository` is the address of the repository; empty or not a URI if it is unknown. Texts are
/// escaped as on the screen, and contain no secrets.
pub fn log(findings: &[Finding], head: ObjectId, repository: &str) -> Value {
    let rules = rules(findings);
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(index, id)| (*id, index)).collect();
    let results = findings.iter().flat_map(|finding| {
        // Other tools count by places.
        let index = index[&finding.rule[..]];
        finding.locations().enumerate().map(move |at| result(finding, at, index))
    });
    let results: Vec<Value> = results.collect();
    let mut run = json!({
        "tool": {"driver": {
            "name": "undersign",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.into_values().collect::<Vec<_>>(),
        }},
        "invocations": [{"executionSuccessful": true}],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "utf16CodeUnits",
        "results": results,
    });
    if repository.contains("://") {
        run["versionControlProvenance"] = json!([{
            "repositoryUri": repository,
            "revisionId": head.to_string(),
            "mappedTo": {"uriBaseId": ROOT},
        }]);
    }
    json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})
}

/// By their ids. A text of a finding is used for its rule only if all of its findings have it.
fn rules(findings: &[Finding]) -> BTreeMap<&str, Value> {
    let mut first: BTreeMap<&str, (&Finding, bool)> = BTreeMap::new();
    for finding in findings {
        let (first, is_same) = first.entry(&finding.rule).or_insert((finding, true));
        *is_same &= first.title == finding.title && first.why == finding.why;
    }
    let rule = |(id, (finding, is_same)): (_, (&Finding, bool))| {
        let mut rule = json!({"id": id, "defaultConfiguration": {"level": level(finding.severity)}});
        if is_same {
            rule["shortDescription"] = text(&format!("{}.", finding.title));
            rule["fullDescription"] = text(&finding.why);
        }
        (id, rule)
    };
    first.into_iter().map(rule).collect()
}

fn result(finding: &Finding, (at, location): (usize, &Location), index: usize) -> Value {
    let is_old = location.side == Side::Old;
    let mut said = format!("{}. {} {}", finding.title_at(at), finding.why, finding.ask);
    let key = if at == 0 { finding.key() } else { format!("{}:{at}", finding.key()) };
    let mut place = json!({"artifactLocation": {"uri": uri(&location.path), "uriBaseId": ROOT}});
    // A log is about one revision, the head: a removed line has no number there.
    if is_old && location.line > 0 {
        said = format!("{said} It was in line {} before the change.", location.line);
    } else if location.line > 0 {
        place["region"] = json!({"startLine": location.line});
    }
    json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": level(finding.severity),
        "rank": rank(finding.severity),
        "message": text(&said),
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"undersign/v1": key},
        "properties": {"severity": finding.severity.name()},
    })
}

fn text(text: &str) -> Value {
    json!({"text": visible::text(text.trim())})
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}

/// From 0 to 100, by the thresholds of scores.
fn rank(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 95.0,
        Severity::High => 80.0,
        Severity::Medium => 55.0,
        Severity::Low => 20.0,
        Severity::Note => 0.0,
    }
}

/// A path as a relative URI.
fn uri(path: &RepoPath) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let byte = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.0.iter().map(byte).collect()
}
