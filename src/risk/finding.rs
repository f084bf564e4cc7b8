//! A finding: what a rule or check saw, where, why it matters, and what to ask.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::diff::Location;
use crate::change::digest::Digest;

/// How grave a finding is. Ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing, nothing to answer.
    #[default]
    Note,
    /// Seldom a mistake.
    Low,
    /// Worth a question.
    Medium,
    /// Often a mistake, or a costly one.
    High,
    /// Harm is likely where nobody meant it.
    Critical,
}

impl Severity {
    /// One letter: colour never speaks alone.
    pub fn letter(self) -> char {
        match self {
            Severity::Note => '·',
            Severity::Low => 'L',
            Severity::Medium => 'M',
            Severity::High => 'H',
            Severity::Critical => 'C',
        }
    }

    /// In one word, as records and files have it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Severity> {
        [Severity::Note, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a rule saw at a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the rule in the file of rules.
    pub rule: String,
    /// How grave it is.
    pub severity: Severity,
    /// What, in a few words.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// The question to the reviewer.
    pub ask: String,
    /// Where it was seen.
    pub location: Location,
    /// The text of the line, at most 200 characters, secrets masked; not escaped.
    pub evidence: String,
    /// Key of the whole line: evidence is cut, and does not tell one secret from another.
    pub text: String,
    /// Tells equal findings of one file apart.
    pub ordinal: u32,
}

impl Finding {
    /// Stable while rule, path, side and text stay the same, so that an answer survives a rebase.
    pub fn key(&self) -> String {
        let side = self.location.side as u8;
        let (rule, ordinal, evidence) = (&self.rule, self.ordinal, &self.evidence);
        let mut text = format!("{rule}\0{side}\0{ordinal}\0{evidence}\0{}\0", self.text).into_bytes();
        text.extend_from_slice(&self.location.path.0);
        Digest::of(&text).key()
    }
}

/// Sorts findings, numbers equal ones, and drops what says the same of the same line twice.
pub(super) fn settle(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| a.location.cmp(&b.location)).then_with(|| a.rule.cmp(&b.rule))
    });
    findings.dedup_by(|a, b| a.rule == b.rule && a.location == b.location);
    let mut seen: BTreeMap<_, u32> = BTreeMap::new();
    for finding in findings {
        let count =
            seen.entry((finding.rule.clone(), finding.location.path.clone(), finding.evidence.clone())).or_default();
        finding.ordinal = *count;
        *count += 1;
    }
}
