//! Rules for their authors: which rules exist, what a rule says, whether its examples are right, and which facts are
//! read from a text.

use super::fact::Example;
use super::{Rules, Severity, Wording};
use crate::change::compare::compare;
use crate::change::diff::{Content, FileDiff, Mode, TreeEntry};
use crate::change::{ObjectId, RepoPath};
use crate::risk::facts::{self, ChangedLines, Fact};
use crate::risk::{Assessor, FileUnderReview};

/// The description of a rule, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// Its id in findings.
    pub id: String,
    /// The severity of its findings.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// The question to the reviewer.
    pub ask: String,
    /// Examples on which it fires, and on which it does not; none for a check in code.
    pub hits: Vec<String>,
    /// Like `hits`.
    pub misses: Vec<String>,
    /// Why its findings are only notes, and the pack that says so.
    pub quieted: Vec<String>,
}

impl RuleText {
    fn of(wording: &Wording, hits: Vec<String>, misses: Vec<String>) -> RuleText {
        let Wording { id, title, severity, why, ask } = wording.clone();
        RuleText { id, severity, title, why, ask, hits, misses, quieted: Vec::new() }
    }
}

impl Rules {
    /// All rules and checks by their ids; one with several wordings has several entries.
    pub fn texts(&self) -> Vec<RuleText> {
        let lines = self.rules.iter().map(|rule| {
            let (hits, misses) = rule.examples.clone();
            RuleText::of(&rule.wording, hits, misses)
        });
        let facts = self.facts.iter().map(|rule| {
            let (hits, misses): (Vec<_>, Vec<_>) = rule.examples.iter().partition(|example| example.fires);
            let shown = |examples: Vec<&Example>| examples.into_iter().map(shown).collect();
            RuleText::of(&rule.wording, shown(hits), shown(misses))
        });
        let checks = self.checks.iter().map(|wording| RuleText::of(wording, Vec::new(), Vec::new()));
        let mut all: Vec<RuleText> = lines.chain(facts).chain(checks).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.iter_mut().for_each(|rule| rule.quieted = self.quieting(&rule.id));
        all
    }

    /// Tries the examples of rules; returns a sentence for each wrong one. A rule over lines needs examples of both
    /// kinds; a rule over facts cannot be read without them.
    pub(super) fn trial(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for rule in &self.rules {
            let (hits, misses) = &rule.examples;
            let id = &rule.wording.id;
            if hits.is_empty() || misses.is_empty() {
                wrong.push(format!(
                    "{id} needs an example that it fires on (`hits`) and one that it does not (`misses`)"
                ));
            }
            let fires = |text: &&String| rule.is_hit_by(text);
            wrong.extend(hits.iter().filter(|text| !fires(text)).map(|text| sentence(id, true, text)));
            wrong.extend(misses.iter().filter(fires).map(|text| sentence(id, false, text)));
        }
        for rule in &self.facts {
            let id = &rule.wording.id;
            let wrongly = |example: &&Example| self.fires_on(id, example) != example.fires;
            let examples = rule.examples.iter().filter(wrongly);
            wrong.extend(examples.map(|example| sentence(id, example.fires, &shown(example))));
        }
        wrong
    }

    fn fires_on(&self, id: &str, example: &Example) -> bool {
        let entry = |text: &str| (!text.is_empty()).then_some(TreeEntry { mode: Mode::File, id: ObjectId([1; 20]) });
        let content = |text: &str| (!text.is_empty()).then(|| Content::Text(text.as_bytes().to_vec()));
        let Example { path, old, new, .. } = example;
        let path = RepoPath::from(path.as_str());
        let diff = FileDiff { path, from: None, counterpart: None, old: entry(old), new: entry(new) };
        let (comparison, old, new) = (compare(old.as_bytes(), new.as_bytes()), content(old), content(new));
        let mut assessor = Assessor::new(self);
        assessor.read(&FileUnderReview::new(&diff, old.as_ref(), new.as_ref(), &comparison));
        assessor.finish(std::slice::from_ref(&diff)).findings.iter().any(|finding| finding.rule == id)
    }
}

fn sentence(id: &str, must: bool, text: &str) -> String {
    let must = if must { "must fire, and does not, on" } else { "must not fire, and does, on" };
    format!("{id} {must} {text}")
}

fn shown(Example { path, old, new, .. }: &Example) -> String {
    format!("{path}:\n{}{}", marked("- ", old), marked("+ ", new)).trim_end().to_owned()
}

fn marked(mark: &str, text: &str) -> String {
    text.lines().map(|line| format!("{mark}{line}\n")).collect()
}

/// The facts that are read from a text, one per line: kind, object, value, then place; none if its format is not read.
pub fn facts_of(path: &str, text: &str) -> Option<Vec<String>> {
    let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX / 2);
    let whole = ChangedLines::in_runs(std::iter::once(1..=lines + 1));
    let found = facts::facts(path, text, &whole)?;
    let mut said: Vec<String> = found.facts.iter().map(line).collect();
    if found.is_cut {
        said.push("There is more than is read: the rest of this text states nothing to a rule.".to_owned());
    }
    Some(said)
}

fn line(fact: &Fact) -> String {
    let Fact { kind, object, value, scope, lines, .. } = fact;
    let kind = super::fact::name_of(*kind);
    let scope = if scope.is_empty() { String::new() } else { format!(" in {scope}") };
    format!("{kind:<10}  {object} = {}  (line {}{scope})", value.say(), lines.start())
}
