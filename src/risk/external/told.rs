//! One result of a tool → a finding, or an increment of a count.

use super::anchor::{Anchor, ChangedLines};
use super::identity::Spot;
use super::rows::{Tally, rule_id, tool_and_version};
use super::source::{Source, pointed};
use super::{Diagnostic, Run, State, cut, redact};
use crate::change::diff::{Location, Side};
use crate::change::digest::Digest;
use crate::change::visible;
use crate::risk::rules::MAX_EVIDENCE;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, lossy};

/// The most bytes of the title of a finding.
const MAX_TITLE: usize = 160;

/// A candidate finding.
pub(super) struct Candidate {
    pub tool: String,
    pub spot: Spot,
    pub finding: Finding,
    pub counts: bool,
}

/// The context of a result.
pub(super) struct Told<'a> {
    pub rules: &'a Rules,
    pub run: &'a Run,
    pub file: &'a FileUnderReview<'a>,
    /// Its new side.
    pub source: &'a Source<'a>,
    pub changed: &'a ChangedLines<'a>,
    /// The commit that the run examined, if the file differs there.
    pub revision: Option<String>,
    pub has_base: bool,
}

impl Told<'_> {
    /// None if it is only counted.
    pub fn candidate(&self, found: Diagnostic, spot: Spot, known: bool, tally: &mut Tally) -> Option<Candidate> {
        match found.state {
            State::Absent => {
                tally.gone += 1;
                return None;
            }
            _ if known || found.state == State::Unchanged => {
                tally.known += 1;
                return None;
            }
            _ => {}
        }
        let anchor = self.anchor(&found);
        let is_near = anchor <= Anchor::ChangedHunk;
        if matches!(found.state, State::Suppressed { in_source, .. } if !in_source || !is_near) {
            tally.suppressed += 1;
            return None;
        }
        let counts = self.has_base || anchor <= Anchor::ChangedBlock;
        let finding = self.finding(&found, anchor, &spot);
        Some(Candidate { tool: self.run.tool.clone(), spot, finding, counts })
    }

    /// Nothing is known about the lines of another revision. A result on a new file as a whole is about its lines.
    fn anchor(&self, found: &Diagnostic) -> Anchor {
        let lines = self.source.lines_of(&found.region);
        match lines.filter(|_| self.revision.is_none()) {
            Some(lines) => self.changed.anchor(lines.start, lines.end.saturating_sub(1)),
            None if self.file.diff.old.is_none() => Anchor::AddedLine,
            None => Anchor::ChangedFile,
        }
    }

    fn finding(&self, found: &Diagnostic, anchor: Anchor, spot: &Spot) -> Finding {
        let line = spot.line.filter(|_| self.revision.is_none());
        let text = line.map_or(&b""[..], |line| self.source.lines.get(self.source.text, line));
        let text = lossy(text);
        let (evidence, message) = self.redacted(found, &text);
        let (mark, severity, ask) = self.marks(found);
        let title = cut(first_sentence(&message), MAX_TITLE);
        let more =
            [&message, &found.description].into_iter().filter(|text| !title.contains(text.trim_end_matches('.')));
        let mut why: Vec<String> = more.map(|text| sentence(text)).collect();
        why.dedup();
        why.extend(
            line.filter(|_| anchor > Anchor::ChangedHunk)
                .map(|line| format!("It is said of line {}, which the change does not touch.", line + 1)),
        );
        why.push(format!("From {}.", tool_and_version(&self.run.tool, &self.run.version)));
        let shown = |text: &str| visible::text(text).into_owned();
        Finding {
            rule: shown(&rule_id(&self.run.tool, &found.rule)),
            severity,
            title: shown(&format!("{mark}{title}")),
            why: shown(&why.join(" ")),
            ask: ask.to_owned(),
            location: Location {
                path: self.file.diff.path.clone(),
                side: if self.file.diff.new.is_none() { Side::Old } else { Side::New },
                line: line.map_or(0, |line| line + 1),
            },
            evidence,
            text: Digest::of(spot.around.to_string().as_bytes()).key(),
            within: String::new(),
            ordinal: 0,
            places: Vec::new(),
        }
    }

    /// The prefix of the title, the severity, and the question.
    fn marks(&self, found: &Diagnostic) -> (String, Severity, &'static str) {
        match (&found.state, &self.revision) {
            (State::Suppressed { why, .. }, _) => {
                let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
                let severity = found.severity.max(Severity::Low);
                (format!("Suppressed in the source{why}: "), severity, "Was it agreed that this does not count?")
            }
            (_, Some(revision)) => {
                let short = cut(revision, 12);
                (format!("Stale, of {short}: "), Severity::Low.min(found.severity), "Does it still hold? Run it again.")
            }
            _ => (String::new(), found.severity, "Is it right here, and does it matter?"),
        }
    }

    /// The line and the message, without what may be a secret.
    fn redacted(&self, found: &Diagnostic, line: &str) -> (String, String) {
        let message = found.message.split_whitespace().collect::<Vec<_>>().join(" ");
        let (line, message) = if found.is_about_secret {
            let (line, mut secrets) = redact::line(line.trim(), pointed(&found.region, line));
            let snippet = redact::line(&found.snippet, None).1;
            secrets.extend(snippet.into_iter().chain([found.snippet.trim()]).filter(|text| text.len() >= 4));
            (line, redact::without(&message, &secrets))
        } else {
            (line.trim().to_owned(), message)
        };
        let evidence = self.rules.redacted(&line).chars().take(MAX_EVIDENCE).collect();
        (evidence, self.rules.redacted(&message))
    }
}

/// In one line, ending like a sentence.
fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let has_end = text.ends_with(['.', '!', '?', ':', '…']);
    if has_end { text } else { format!("{text}.") }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}
