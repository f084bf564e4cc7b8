//! A finding: what a rule or check reports, where, why it matters, and what to ask.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::diff::{Location, Side};
use crate::change::digest::Digest;
use crate::change::{RepoPath, counted, visible};

/// How grave a finding is. Ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing; needs no answer.
    #[default]
    Note,
    /// Seldom a mistake.
    Low,
    /// Worth a question.
    Medium,
    /// Often a mistake, or a costly one.
    High,
    /// Likely to do harm if it is not intended.
    Critical,
}

impl Severity {
    /// One letter: colour alone never carries meaning.
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

/// The most findings of a change that need separate answers: the rest are answered together.
pub const MAX_ASKED: usize = 50;
/// The rule id of what is answered together if there are even too many rules.
const MORE: &str = "findings.more";

/// What a rule reports at a line, or at several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the rule in the file of rules.
    pub rule: String,
    /// How grave it is.
    pub severity: Severity,
    /// What was found, in a few words. Hidden characters are drawn as marks, here, in `why` and in `ask`.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// The question to the reviewer.
    pub ask: String,
    /// Where it was found; the first of several places.
    pub location: Location,
    /// All places, if there are several: one answer covers all of them. If it combines several findings, their places.
    pub places: Vec<Place>,
    /// The text of the line, at most 200 characters, secrets masked; not escaped.
    pub evidence: String,
    /// Key of the whole line: evidence is cut, and does not distinguish secrets.
    pub text: String,
    /// Key of what encloses the line: the same line in another definition, or below other keys, needs its own answer.
    pub within: String,
    /// Distinguishes equal findings of one file.
    pub ordinal: u32,
}

/// One of several places of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where it is.
    pub location: Location,
    /// The text at this place; empty if it is that of the finding.
    pub title: String,
}

impl Finding {
    /// A finding in a text that was at another path before: what is about the old side is at that path.
    pub(super) fn of_old_path(mut self, from: &RepoPath) -> Finding {
        if self.location.side == Side::Old {
            self.location.path = from.clone();
        }
        self
    }

    /// With the hidden characters of its sentences drawn as marks. They quote names and values of the change, and go to
    /// terminals, servers, records and reports.
    pub(super) fn made_visible(mut self) -> Finding {
        let titles = self.places.iter_mut().map(|place| &mut place.title);
        for text in [&mut self.title, &mut self.why, &mut self.ask].into_iter().chain(titles) {
            if let Cow::Owned(shown) = visible::text(text) {
                *text = shown;
            }
        }
        self
    }

    /// The same, not graver than that.
    pub(super) fn at_most(self, most: Severity) -> Finding {
        Finding { severity: self.severity.min(most), ..self }
    }

    /// Whether it needs an answer: a note needs none.
    pub fn asks(&self) -> bool {
        self.severity > Severity::Note
    }

    /// The number of its places.
    pub fn count(&self) -> usize {
        self.places.len().max(1)
    }

    /// Where it was found, sorted by paths and lines.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        let only = Some(&self.location).filter(|_| self.places.is_empty());
        only.into_iter().chain(self.places.iter().map(|place| &place.location))
    }

    /// One of its places; the first if the index is out of range.
    pub fn location_at(&self, place: usize) -> &Location {
        self.places.get(place).map_or(&self.location, |place| &place.location)
    }

    /// The text at one of its places.
    pub fn title_at(&self, place: usize) -> &str {
        self.places
            .get(place)
            .map(|place| place.title.as_str())
            .filter(|title| !title.is_empty())
            .unwrap_or(&self.title)
    }

    /// Its first place, and how many more there are.
    pub fn whereabouts(&self) -> String {
        match self.count() - 1 {
            0 => self.location.to_string(),
            more => format!("{} and {}", self.location, counted(more, "other place")),
        }
    }

    /// Stable while rule, path, side, text and what encloses it stay the same, so that an answer survives a rebase.
    /// With several places it changes as soon as one is added or removed: an answer covers what was shown.
    pub fn key(&self) -> String {
        let side = self.location.side as u8;
        let (rule, ordinal, evidence) = (&self.rule, self.ordinal, &self.evidence);
        let mut text = format!("{rule}\0{side}\0{ordinal}\0{evidence}\0{}\0{}\0", self.text, self.within).into_bytes();
        text.extend_from_slice(&self.location.path.0);
        Digest::of(&text).key()
    }
}

fn by_gravity(a: &Finding, b: &Finding) -> Ordering {
    let by_words = || (&a.rule, &a.title, &a.why).cmp(&(&b.rule, &b.title, &b.why));
    b.severity.cmp(&a.severity).then_with(|| a.location.cmp(&b.location)).then_with(by_words)
}

/// What a title says behind the words of its rule: the object of a fact. Several may be on one line.
fn object_in(title: &str) -> &str {
    let said = title.split_once(": ").map_or("", |(_, said)| said);
    said.split_once("; ").map_or(said, |(object, _)| object)
}

/// Sorts findings, numbers equal ones, and drops those of one rule that are about the same object of the same line.
pub(super) fn settle(findings: &mut Vec<Finding>) {
    findings.sort_by(by_gravity);
    let mut places = BTreeSet::new();
    findings.retain(|finding| {
        let object = object_in(&finding.title).to_owned();
        places.insert((finding.rule.clone(), object, finding.location.clone()))
    });
    let mut seen: BTreeMap<_, u32> = BTreeMap::new();
    for finding in findings {
        let count =
            seen.entry((finding.rule.clone(), finding.location.path.clone(), finding.evidence.clone())).or_default();
        finding.ordinal = *count;
        *count += 1;
    }
}

/// Combines findings that report the same about the same object into one with several places. `names_it`: whether the
/// text of a finding, together with its line, identifies its object.
pub(super) fn joined(findings: Vec<Finding>, names_it: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    let (mut at, mut parts): (BTreeMap<_, usize>, Vec<Vec<Finding>>) = Default::default();
    for finding in findings {
        let Finding { rule, severity, title, why, text, .. } = &finding;
        let same = (rule.clone(), *severity, title.clone(), why.clone(), text.clone());
        let known = if names_it(&finding) { *at.entry(same).or_insert(parts.len()) } else { parts.len() };
        match parts.get_mut(known) {
            Some(part) => part.push(finding),
            None => parts.push(vec![finding]),
        }
    }
    parts.into_iter().flat_map(as_one).collect()
}

/// What is asked for each separately: each secret may be another's, and each name may be a trap.
const APART: &[&str] = &["secret.", "dep.", "uni.", "term."];

/// Rules that speak of the same act: a statement that drops a table in a migration is one loss.
const OF_ONE_ACT: &[&str] = &["destr.call", "destr.migration", "destr.sql"];

/// Combines findings of one rule, or about one act, that are on one line, or are all of deleted files, or about whole
/// files with the same words, into one with several places: nobody answers them differently. Only those that are the
/// program's own.
pub(super) fn adjoined(
    findings: Vec<Finding>,
    is_own: impl Fn(&Finding) -> bool,
    is_deleted: impl Fn(&RepoPath) -> bool,
) -> Vec<Finding> {
    let (mut at, mut parts): (BTreeMap<_, usize>, Vec<Vec<Finding>>) = Default::default();
    for finding in findings {
        let Location { path, side, line } = &finding.location;
        let is_at_one_place = finding.places.iter().all(|place| place.location == finding.location);
        let is_one = (is_at_one_place || *line == 0)
            && finding.severity > Severity::Note
            && !APART.iter().any(|start| finding.rule.starts_with(start))
            && is_own(&finding);
        let is_gone = *side == Side::Old && is_deleted(path);
        let (of, said) = match (line, is_gone) {
            (0, false) => (String::new(), finding.title.clone()),
            (_, true) => (String::new(), String::new()),
            (line, _) => (path.lossy().into_owned(), line.to_string()),
        };
        // What deleted files take with them is one loss, whichever rule says so: `destr.`, `resil.`.
        let family = finding.rule.split_once('.').map(|(family, _)| family);
        let family = family.filter(|_| is_gone).map(str::to_owned);
        let act = OF_ONE_ACT.contains(&finding.rule.as_str()) && *line > 0;
        let family = family.or_else(|| act.then(|| "an act".to_owned()));
        let severity = if family.is_some() { Severity::Note } else { finding.severity };
        let same = (family.unwrap_or_else(|| finding.rule.clone()), severity, of, said, *side == Side::Old);
        let known = if is_one { *at.entry(same).or_insert(parts.len()) } else { parts.len() };
        match parts.get_mut(known) {
            Some(part) => part.push(finding),
            None => parts.push(vec![finding]),
        }
    }
    parts.into_iter().flat_map(as_one).collect()
}

/// The rules of which the findings in one file are one from as many on: a collection of keys, a recorded output, the
/// statements of one migration or policy, the rights of one workflow.
const ONE_IN_A_FILE: &[(&str, usize)] = &[
    ("agent.restraint-lost", 2),
    ("api.contract-broken", 5),
    ("api.contract-changed", 5),
    ("ci.permission", 2),
    ("destr.infra-verb", 2),
    ("destr.migration", 2),
    ("destr.replace", 2),
    ("destr.resource-removed", 2),
    ("destr.schema-table", 2),
    ("dns.record-lost", 2),
    ("iam.widen", 2),
    ("mig.sql-breaks", 2),
    ("net.public-bucket", 2),
    ("ops.alarm-lost", 2),
    ("ops.alarm-off", 2),
    ("secret.key", 5),
    ("secret.log", 2),
    ("term.escape", 2),
    ("uni.invisible", 2),
];

/// The findings, those of one file of which one answer is enough as one.
pub(super) fn of_one_file(findings: Vec<Finding>) -> Vec<Finding> {
    let least =
        |finding: &Finding| ONE_IN_A_FILE.iter().find(|(rule, _)| finding.rule == *rule).map(|(_, least)| *least);
    let mut count: BTreeMap<(String, RepoPath, Severity), usize> = BTreeMap::new();
    let of = |finding: &Finding| (finding.rule.clone(), finding.location.path.clone(), finding.severity);
    findings.iter().filter(|own| least(own).is_some()).for_each(|own| *count.entry(of(own)).or_default() += 1);
    let (mut at, mut parts): (BTreeMap<_, usize>, Vec<Vec<Finding>>) = Default::default();
    for finding in findings {
        let is_one = least(&finding).is_some_and(|least| count.get(&of(&finding)) >= Some(&least));
        let known = if is_one { *at.entry(of(&finding)).or_insert(parts.len()) } else { parts.len() };
        match parts.get_mut(known) {
            Some(part) => part.push(finding),
            None => parts.push(vec![finding]),
        }
    }
    parts.into_iter().flat_map(as_one).collect()
}

/// Reduces sorted findings to at most [`MAX_ASKED`] that need an answer: the gravest stay separate, the others are
/// combined for each rule. Notes need no answer, and stay as they are.
pub(super) fn grouped(mut findings: Vec<Finding>) -> Vec<Finding> {
    let asked = findings.iter().take_while(|finding| finding.asks()).count();
    if asked <= MAX_ASKED {
        return findings;
    }
    let notes = findings.split_off(asked);
    let rest = findings.split_off(alone(&findings));
    let mut of_rule: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    let mut rules: Vec<String> = Vec::new();
    for finding in rest {
        let is_known = of_rule.contains_key(&finding.rule);
        rules.extend((!is_known).then(|| finding.rule.clone()));
        of_rule.entry(finding.rule.clone()).or_default().push(finding);
    }
    // If there are more rules than answers, the gravest get separate answers.
    let own = if rules.len() > MAX_ASKED { MAX_ASKED - 1 } else { rules.len() };
    let mut group = |rules: &[String]| rules.iter().filter_map(|rule| of_rule.remove(rule)).flatten().collect();
    for rule in &rules[..own] {
        findings.extend(together(group(std::slice::from_ref(rule)), asked));
    }
    findings.extend(together(group(&rules[own..]), asked));
    findings.sort_by(by_gravity);
    findings.extend(notes);
    findings
}

/// How many of them can stay separate, so that with one answer for each rule of the others there are not too many.
fn alone(findings: &[Finding]) -> usize {
    let (mut rules, mut alone) = (BTreeSet::new(), findings.len());
    while let Some(last) = findings[..alone].last() {
        if alone + rules.len() <= MAX_ASKED {
            break;
        }
        rules.insert(&last.rule);
        alone -= 1;
    }
    alone
}

/// Findings that are answered together; a single one stays as it is.
fn together(findings: Vec<Finding>, asked: usize) -> Option<Finding> {
    let is_one = findings.len() == 1;
    let one_rule = findings.windows(2).all(|pair| pair[0].rule == pair[1].rule);
    let one = as_one(findings)?;
    if is_one {
        return Some(one);
    }
    let (count, of) = (one.count(), if one_rule { "of this rule" } else { "of several rules" });
    // Each place keeps its own text.
    let places = one.places.iter().enumerate().map(|(at, place)| {
        let title = one.title_at(at).to_owned();
        Place { title, ..place.clone() }
    });
    let why = format!(
        "{asked} findings of this change want an answer. Beyond the gravest, those of a rule are answered together; each \
         stands at its line."
    );
    let (rule, why, ask) = match one_rule {
        true => (one.rule.clone(), format!("{why} {}", one.why), one.ask.clone()),
        false => (MORE.to_owned(), why, "Is each of them meant?".to_owned()),
    };
    let title = format!("{} {of}", counted(count, "more finding"));
    Some(Finding { rule, title, why, ask, evidence: String::new(), places: places.collect(), ..one })
}

/// One finding at all places of several findings, as grave as the gravest of them.
pub(super) fn as_one(mut findings: Vec<Finding>) -> Option<Finding> {
    if findings.len() < 2 {
        return findings.into_iter().next();
    }
    findings.sort_by(by_gravity);
    let mut keys: Vec<String> = findings.iter().map(Finding::key).collect();
    keys.sort();
    let severity = findings.iter().map(|finding| finding.severity).max().unwrap_or_default();
    let mut places: Vec<Place> = findings.iter().flat_map(places_of).collect();
    places.sort_by(|a, b| a.location.cmp(&b.location));
    let first = findings.into_iter().next()?;
    places.iter_mut().filter(|place| place.title == first.title).for_each(|place| place.title.clear());
    let (text, location) = (Digest::of(keys.concat().as_bytes()).key(), places.first()?.location.clone());
    Some(Finding { severity, places, text, location, ordinal: 0, ..first })
}

fn places_of(finding: &Finding) -> Vec<Place> {
    let place = |(at, location): (usize, &Location)| Place {
        location: location.clone(),
        title: finding.title_at(at).to_owned(),
    };
    finding.locations().enumerate().map(place).collect()
}
