//! Rules as data (`assets/rules/*.toml`): patterns over one added or removed line, or over a path, and rules over
//! facts. Linear-time regular expressions only; no rule can run anything.

mod applicable;
mod book;
mod fact;
mod needed;
mod pack;
mod pattern;

use applicable::{KnownPaths, PathOfRules};
pub use book::{RuleText, facts_of};
pub(super) use fact::FactRule;
use pack::Quiet;
pub use pack::{Origin, PackFile, PackText, Rulebook};
pub(super) use pattern::ascii;
use pattern::{Compiling, MAX_PATTERN, Pattern};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::bytes::Captures;

use super::blast::BlastReason;
use super::blast::{is_rehearsal, is_run_by_place, is_sample, is_test};
use super::facts::{Delta, Fact};
use super::machine::{Author, LONG_LINE};
use super::{BlastClass, FileUnderReview, Finding, Severity, is_code};
use crate::change::diff::{Location, Side};
use crate::change::digest::Digest;
use crate::datafile::{self, FileError, Placed, Table};

const SHIPPED: &[(&str, &str)] = &[
    ("rules/hazards.toml", include_str!("../../../assets/rules/hazards.toml")),
    ("rules/facts/resilience.toml", include_str!("../../../assets/rules/facts/resilience.toml")),
    ("rules/facts/concurrency.toml", include_str!("../../../assets/rules/facts/concurrency.toml")),
    ("rules/facts/defaults.toml", include_str!("../../../assets/rules/facts/defaults.toml")),
    ("rules/facts/contracts.toml", include_str!("../../../assets/rules/facts/contracts.toml")),
    ("rules/facts/data.toml", include_str!("../../../assets/rules/facts/data.toml")),
    ("rules/facts/access.toml", include_str!("../../../assets/rules/facts/access.toml")),
    ("rules/facts/network.toml", include_str!("../../../assets/rules/facts/network.toml")),
    ("rules/facts/code.toml", include_str!("../../../assets/rules/facts/code.toml")),
    ("rules/facts/delivery.toml", include_str!("../../../assets/rules/facts/delivery.toml")),
    ("rules/blast.toml", include_str!("../../../assets/rules/blast.toml")),
    ("rules/known_packages.toml", include_str!("../../../assets/rules/known_packages.toml")),
];
/// The most characters of evidence.
pub(super) const MAX_EVIDENCE: usize = 200;
/// What stands in place of a secret.
pub const MASK: &str = "▒▒▒▒▒▒▒▒";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Added,
    Removed,
    Path,
}

/// The texts of a rule or a check when it fires.
#[derive(Debug, Clone, Default)]
pub(super) struct Wording {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    pub why: String,
    pub ask: String,
}

/// To which paths a rule applies.
#[derive(Debug, Clone)]
pub(super) struct About {
    paths: Option<GlobSet>,
    not_paths: GlobSet,
    pub in_tests: bool,
    /// Only to code, or only to other files.
    code: Option<bool>,
}

#[derive(Debug, Clone)]
struct Rule {
    wording: Wording,
    scope: Scope,
    about: About,
    /// Only if the path is new: deleting a file with secrets does no harm.
    only_new: bool,
    /// The severity if the path existed before.
    when_changed: Option<Severity>,
    /// Not in lines that contain only a comment.
    code_only: bool,
    /// Only if the format is not read for facts; otherwise a rule over facts applies.
    unread_only: bool,
    /// Not if as many lines of the other side match: what is said in other words is still said.
    unless_again: bool,
    /// What excuses a match must be in it: the rest of the line says nothing of a real secret.
    unless_in_match: bool,
    regex: Option<Pattern>,
    unless: Option<Pattern>,
    /// For a rule over paths: what the new text must contain.
    contains: Option<Pattern>,
    secret: bool,
    /// Examples that must and must not fire: run by a test.
    examples: (Vec<String>, Vec<String>),
}

/// The reach of a path.
#[derive(Debug, Clone)]
struct Reach {
    paths: GlobSet,
    /// Instead of paths: the object of a fact that a file states where it changed.
    states: Option<Pattern>,
    class: BlastClass,
    sentence: String,
    /// The folder decides what is run, applied or followed.
    by_folder: bool,
    /// Only tests, so that code which merely has such a word in its path is not meant.
    tests: bool,
    /// Agents follow it, or it says what they may run.
    agents: bool,
}

/// All rules, and a digest of their sources.
#[derive(Debug, Clone)]
pub struct Rules {
    rules: Vec<Rule>,
    facts: Vec<FactRule>,
    checks: Vec<Wording>,
    reaches: Vec<Reach>,
    /// Names of well-known packages by ecosystem, to find names that are one letter off.
    packages: BTreeMap<String, Vec<String>>,
    /// From packs: which shipped rules only make notes, and on which paths.
    quiets: Vec<Quiet>,
    /// Refused packs.
    refused: Vec<FileError>,
    digest: Digest,
    known_paths: KnownPaths,
}

impl Rules {
    /// The shipped rules, read once.
    pub fn shipped() -> &'static Rules {
        static RULES: LazyLock<Rules> =
            LazyLock::new(|| Rules::read(SHIPPED, Compiling::WhenNeeded).expect("a test reads the shipped rules"));
        &RULES
    }

    /// Reads rule files; fails with all mistakes of the first bad file.
    pub fn parse(files: &[(&str, &str)]) -> Result<Rules, FileError> {
        Rules::read(files, Compiling::AtOnce(MAX_PATTERN))
    }

    fn read(files: &[(&str, &str)], compiling: Compiling) -> Result<Rules, FileError> {
        let mut all = Rules::none();
        let mut sources = String::new();
        for (name, source) in files {
            sources.push_str(source);
            datafile::read(name, source, |root| {
                all.rules.extend(root.tables("rule").iter().filter_map(|table| rule(table, compiling)));
                all.facts.extend(root.tables("fact").iter().filter_map(|table| FactRule::read(table, compiling)));
                all.checks.extend(root.tables("check").iter().filter_map(wording));
                all.reaches.extend(root.tables("blast").iter().filter_map(|table| reach(table, compiling)));
                for (ecosystem, list) in root.table("packages").iter().flat_map(Table::named_tables) {
                    all.packages.entry(ecosystem.value).or_default().extend(plain(list.strings("names")));
                }
                Some(())
            })?;
        }
        all.digest = Digest::of(sources.as_bytes());
        Ok(all)
    }

    /// SHA-256 of the files that the rules were read from, by which a record identifies its rules.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The reach of a path, and why: the first rule that matches.
    pub(super) fn class_of(&self, path: &str) -> (BlastClass, &str) {
        match self.reach_of(path) {
            Some(reach) => (reach.class, &reach.sentence),
            None if is_test(path) => (BlastClass::B0, "tests only"),
            None => (BlastClass::B1, "ordinary code of one package"),
        }
    }

    /// How far a file reaches by what it states where it changed, if its path does not make it a leaf.
    pub(super) fn reach_by_content(&self, file: &FileUnderReview<'_>) -> Option<BlastReason> {
        let sides = [Side::Old, Side::New].into_iter().filter_map(|side| file.stated(side));
        let facts: Vec<&Fact> = sides.flat_map(|stated| &stated.facts).collect();
        let states = |reach: &&Reach| {
            let pattern = reach.states.as_ref();
            pattern.is_some_and(|pattern| facts.iter().any(|fact| pattern.is_match(fact.object.as_bytes())))
        };
        let reach = self.reaches.iter().find(states).filter(|_| self.class_of(&file.path()).0 > BlastClass::B0)?;
        let path = file.diff.path.clone();
        Some(BlastReason { class: reach.class, sentence: reach.sentence.clone(), path })
    }

    /// Whether its folder decides that a path is run, applied or followed.
    pub(super) fn goes_by_folder(&self, path: &str) -> bool {
        self.reach_of(path).is_some_and(|reach| reach.by_folder)
    }

    /// Whether agents follow what a path holds, wherever it lies.
    pub(super) fn steers_agents(&self, path: &str) -> bool {
        self.reach_of(path).is_some_and(|reach| reach.agents)
    }

    /// Whether the same rules apply to both paths.
    pub(super) fn look_alike_at(&self, a: &str, b: &str) -> bool {
        let (a, b) = (self.applicable(a), self.applicable(b));
        (&a.patterns, &a.facts) == (&b.patterns, &b.facts)
    }

    /// The first entry of the table of reaches that matches.
    fn reach_of(&self, path: &str) -> Option<&Reach> {
        self.applicable(path).reach.map(|at| &self.reaches[at])
    }

    pub(super) fn known_packages(&self, ecosystem: &str) -> &[String] {
        self.packages.get(ecosystem).map_or(&[], Vec::as_slice)
    }

    pub(super) fn findings_in(&self, file: &FileUnderReview<'_>) -> Vec<Finding> {
        let path = file.path();
        let about: Vec<&Rule> = self.applicable(&path).patterns.iter().map(|&at| &self.rules[at]).collect();
        let side = if file.new.is_none() { Side::Old } else { Side::New };
        let is_new = (file.diff.old.is_none() || file.diff.from.is_some()) && file.diff.new.is_some();
        let holds = |rule: &Rule| rule.contains.as_ref().is_none_or(|regex| regex.is_match(file.new_text()));
        let speaks = |rule: &&&Rule| rule.scope == Scope::Path && (is_new || !rule.only_new) && holds(rule);
        let of_path = about.iter().filter(speaks).map(|rule| {
            let severity = rule.when_changed.filter(|_| !is_new).unwrap_or(rule.wording.severity);
            Finding { severity, ..self.finding(&rule.wording, file, side, 0, &path) }
        });
        let mut found: Vec<_> = of_path.collect();
        if about.is_empty() {
            return found;
        }
        let (removed, added) = (file.differing(Side::Old), file.differing(Side::New));
        let is_of_packer = file.author() == Author::Packer;
        for (side, scope, lines, others) in
            [(Side::Old, Scope::Removed, &removed, &added), (Side::New, Scope::Added, &added, &removed)]
        {
            // A line that is on both sides, with any indentation, was only moved.
            let moved: BTreeSet<&str> = others.iter().map(|(_, line)| line.trim()).collect();
            let facts = file.stated(side);
            let undo = if facts.is_none() { undoing(file, side) } else { BTreeSet::new() };
            for (number, line) in lines.iter().filter(|(_, line)| !moved.contains(line.trim())) {
                let is_comment = facts.is_some_and(|facts| facts.comments.contains(number));
                let is_undo = |rule: &Rule| undo.contains(number) && rule.wording.id.starts_with("destr.");
                let is_looked_at = |rule: &&&Rule| {
                    rule.scope == scope
                        && !(rule.unless_again && is_said_again(rule, lines, others))
                        && !(rule.code_only && is_comment)
                        && !(rule.unread_only && (facts.is_some_and(|facts| !facts.is_partial) || is_undo(rule)))
                };
                let is_for_people = |rule: &&&Rule| rule.secret || !is_of_packer || line.len() < LONG_LINE;
                let looking = about.iter().filter(is_looked_at).filter(is_for_people);
                let turner = file.turner(side, *number);
                let is_said = || turner.is_some() || file.news(side).is_said(*number);
                let firing = looking.filter(|rule| rule.fires(line)).filter(|_| is_said());
                let (side, at) = turner.map_or((side, *number), |(place, _)| place);
                let say = |rule: &&Rule| {
                    let finding = self.finding(&rule.wording, file, side, at, line);
                    let finding = if rule.secret { finding } else { of_author(finding, file) };
                    match turner {
                        Some((_, how)) => Finding { title: format!("{}: {how}", finding.title), ..finding },
                        None => finding,
                    }
                };
                found.extend(firing.map(say));
            }
        }
        found
    }

    /// The rules over facts that apply to a path.
    pub(super) fn over_facts_at(&self, path: &str) -> Vec<&FactRule> {
        if is_sample(path) && !is_run_by_place(path) {
            return Vec::new();
        }
        self.applicable(path).facts.iter().map(|&at| &self.facts[at]).collect()
    }

    /// The finding of a rule for a delta of a file, at its first changed line.
    pub(super) fn finding_of(&self, rule: &FactRule, delta: &Delta, file: &FileUnderReview<'_>) -> Option<Finding> {
        if !rule.fires(delta) {
            return None;
        }
        let (side, line) = file.place_of(delta)?;
        let turner = file.turner(side, line);
        let place = turner.map_or((side, line), |(place, _)| place);
        let found = self.finding_at(rule, delta, file, (place, &file.text_of(delta)))?;
        Some(match turner {
            Some((_, how)) => Finding { title: format!("{}; {how}", found.title), ..found },
            None => found,
        })
    }

    /// The finding of a rule for a setting that went from one file and came into another, with its line in this one.
    pub(super) fn finding_apart(
        &self,
        rule: &FactRule,
        (old, new): (&Fact, &Fact),
        file: &FileUnderReview<'_>,
        side: Side,
    ) -> Option<Finding> {
        let delta = Delta::Changed { old: old.clone(), new: new.clone() };
        if !rule.fires(&delta) {
            return None;
        }
        let here = if side == Side::Old { old } else { new };
        let line = file.changed(side).first_in(&here.lines)?;
        self.finding_at(rule, &delta, file, ((side, line), &[old.text.as_str(), &new.text].join("\n")))
    }

    fn finding_at(
        &self,
        rule: &FactRule,
        delta: &Delta,
        file: &FileUnderReview<'_>,
        ((side, line), text): ((Side, u32), &str),
    ) -> Option<Finding> {
        if !rule.about.in_tests && is_of_unit_tests(&file.path(), &delta.fact().scope) {
            return None;
        }
        let title = self.redacted(&rule.title(delta));
        let evidence = file.line(side, line);
        let secret = rule.secret_in(delta);
        let shown = secret.as_ref().map_or_else(|| evidence.clone(), |secret| evidence.replace(secret, MASK));
        let found = self.finding(&rule.wording, file, side, line, &shown);
        let most = if is_rehearsal(&file.path()) { Severity::Medium } else { Severity::Critical };
        let severity = found.severity.min(most);
        // An answer covers the whole text and line, not only the part that is shown.
        let whole = [title.as_str(), evidence.trim(), text].join("\0");
        let found = Finding { text: Digest::of(whole.as_bytes()).key(), title, severity, ..found };
        Some(if secret.is_some() { found } else { of_author(found, file) })
    }

    /// A finding of a check in code, worded in the rule files.
    pub(super) fn of_check(
        &self,
        id: &str,
        file: &FileUnderReview<'_>,
        side: Side,
        line: u32,
        evidence: &str,
    ) -> Option<Finding> {
        let wording = self.checks.iter().find(|wording| wording.id == id)?;
        Some(self.finding(wording, file, side, line, evidence))
    }

    /// Whether the text of a finding, together with its line, identifies its object. That is so for patterns and facts.
    /// A check in code knows more about its object than it says, and other tools have their own objects.
    pub(super) fn names_its_object(&self, finding: &Finding) -> bool {
        let id = &finding.rule;
        let is_own = self.rules.iter().map(|rule| &rule.wording).chain(self.facts.iter().map(|rule| &rule.wording));
        let says_as_much = |check: &&Wording| check.id == *id && check.title == finding.title;
        is_own.into_iter().any(|own| own.id == *id) && !self.checks.iter().any(|check| says_as_much(&check))
    }

    /// Whether a finding is of a rule or check of these, and not of another tool.
    pub(super) fn is_own(&self, finding: &Finding) -> bool {
        let of_rules = self.rules.iter().map(|rule| &rule.wording).chain(self.facts.iter().map(|rule| &rule.wording));
        of_rules.chain(&self.checks).any(|wording| wording.id == finding.rule)
    }

    /// Whether a rule finds secrets, by its id: these are searched for in every commit of a change.
    pub fn finds_secrets(&self, id: &str) -> bool {
        let is_own = |rule: &&Rule| rule.wording.id == id && pack::is_of_pack(id);
        id.starts_with("secret.") || self.rules.iter().filter(is_own).any(|rule| rule.secret)
    }

    fn finding(&self, wording: &Wording, file: &FileUnderReview<'_>, side: Side, line: u32, evidence: &str) -> Finding {
        Finding {
            rule: wording.id.clone(),
            severity: wording.severity,
            title: wording.title.clone(),
            why: wording.why.clone(),
            ask: wording.ask.clone(),
            location: Location { path: file.diff.path.clone(), side, line },
            evidence: self.redacted(evidence.trim()).chars().take(MAX_EVIDENCE).collect(),
            text: Digest::of(evidence.trim().as_bytes()).key(),
            within: file.within(side, line),
            ordinal: 0,
            places: Vec::new(),
        }
    }

    /// Masks anything that looks like a secret in a line, whichever rule shows it: evidence ends up in logs and
    /// screenshots.
    pub(super) fn redacted(&self, line: &str) -> String {
        let mask = |captures: &Captures<'_>| {
            let text = |group: regex::bytes::Match<'_>| String::from_utf8_lossy(group.as_bytes()).into_owned();
            match (captures.get(0).map(text), captures.name("secret").map(text)) {
                (Some(all), Some(secret)) => all.replace(&secret, MASK).into_bytes(),
                _ => MASK.as_bytes().to_vec(),
            }
        };
        let secrets = self.rules.iter().filter(|rule| rule.secret).filter_map(|rule| rule.regex.as_ref());
        let masked = secrets.fold(line.as_bytes().to_vec(), |line, pattern| match pattern.may_match(&line) {
            true => pattern.regex().replace_all(&line, mask).into_owned(),
            false => line,
        });
        String::from_utf8_lossy(&masked).into_owned()
    }
}

/// A finding as it is in a file that a tool writes again, from what is reviewed elsewhere.
fn of_author(finding: Finding, file: &FileUnderReview<'_>) -> Finding {
    if file.author() != Author::Tool || finding.severity <= Severity::Medium {
        return finding;
    }
    Finding { title: format!("{}; a tool writes this file", finding.title), severity: Severity::Medium, ..finding }
}

/// The lines of a migration in a language that is not read for facts, Elixir, that undo what another half does.
fn undoing(file: &FileUnderReview<'_>, side: Side) -> BTreeSet<u32> {
    if !file.path().ends_with(".exs") {
        return BTreeSet::new();
    }
    let text = if side == Side::Old { file.old_text() } else { file.new_text() };
    let mut is_down = false;
    let mut lines = BTreeSet::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.starts_with(b"def ") {
            is_down = line.starts_with(b"def down");
        }
        lines.extend(is_down.then_some(number));
    }
    lines
}

/// Whether as many lines of the other side match a rule.
fn is_said_again(rule: &Rule, lines: &[(u32, String)], others: &[(u32, String)]) -> bool {
    let count = |lines: &[(u32, String)]| lines.iter().filter(|(_, line)| rule.fires(line)).count();
    count(others) >= count(lines)
}

/// Whether a path is that of code which is no test.
fn is_source_of_program(path: &str) -> bool {
    is_code(path) && !is_test(path)
}

/// Whether a scope is the test module at the end of a Rust file.
fn is_of_unit_tests(path: &str, scope: &str) -> bool {
    path.ends_with(".rs") && scope.split('.').any(|part| matches!(part, "test" | "tests"))
}

impl Reach {
    fn takes_in(&self, path: &str) -> bool {
        // Code that merely has the name of a leaf in its path, such as a package `org.example`, is none.
        let is_misnamed = || match self.tests {
            true => is_source_of_program(path),
            false => self.class == BlastClass::B0 && is_code(path) && !is_sample(path),
        };
        self.paths.is_match(path) && !is_misnamed()
    }
}

impl Rule {
    fn is_about(&self, path: &str) -> bool {
        self.about.takes_in(&PathOfRules::of(path))
    }

    fn is_hit_by(&self, example: &str) -> bool {
        if self.scope == Scope::Path { self.is_about(example) } else { self.fires(example) }
    }

    fn fires(&self, line: &str) -> bool {
        let Some(regex) = self.regex.as_ref().filter(|regex| regex.is_match(line.as_bytes())) else { return false };
        let is_excused = |text: &[u8]| self.unless.as_ref().is_some_and(|unless| unless.is_match(text));
        match self.unless_in_match {
            true => regex.matches(line).any(|found| !is_excused(found)),
            false => !is_excused(line.as_bytes()),
        }
    }
}

/// All keys are read before reporting a missing one: otherwise the others would be reported as unknown.
fn wording(table: &Table<'_>) -> Option<Wording> {
    let text = |key| table.need_string(key).map(|text| text.value);
    let (severity, id, title) = (table.need_string("severity").and_then(severity), text("id"), text("title"));
    let (why, ask) = (text("why"), text("ask"));
    Some(Wording { id: id?, title: title?, severity: severity?, why: why?, ask: ask? })
}

fn severity(name: Placed<'_, String>) -> Option<Severity> {
    let severity = Severity::parse(&name.value);
    if severity.is_none() {
        name.mistake(format!("a severity is critical, high, medium, low or note, not `{}`", name.value));
    }
    severity
}

fn scope(side: Placed<'_, String>) -> Option<Scope> {
    let scope = match side.value.as_str() {
        "added" => Some(Scope::Added),
        "removed" => Some(Scope::Removed),
        "path" => Some(Scope::Path),
        _ => None,
    };
    if scope.is_none() {
        side.mistake(format!("`side` is added, removed or path, not `{}`", side.value));
    }
    scope
}

fn rule(table: &Table<'_>, compiling: Compiling) -> Option<Rule> {
    let (scope, wording) = (table.need_string("side").and_then(scope), wording(table));
    let (about, when_changed) = (About::read(table), table.string("when_changed").and_then(severity));
    let flag = |key| table.boolean(key).is_some_and(|flag| flag.value);
    let (only_new, unread_only, code_only, secret) =
        (flag("only_new"), flag("unread_only"), flag("code_only"), flag("secret"));
    let [regex, unless, contains] =
        ["regex", "unless", "contains"].map(|key| Pattern::read(table.string(key), compiling));
    let examples = (plain(table.strings("hits")), plain(table.strings("misses")));
    Some(Rule {
        wording: wording?,
        scope: scope?,
        about,
        only_new,
        when_changed,
        code_only,
        unread_only,
        unless_again: flag("unless_again"),
        unless_in_match: flag("unless_in_match"),
        regex,
        unless,
        contains,
        secret,
        examples,
    })
}

fn plain(texts: Vec<Placed<'_, String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

fn reach(table: &Table<'_>, compiling: Compiling) -> Option<Reach> {
    let (class, sentence) = (table.need_string("class"), table.need_string("sentence"));
    let parsed = class.as_ref().and_then(|class| BlastClass::parse(&class.value));
    if let Some(class) = class.filter(|_| parsed.is_none()) {
        class.mistake("`class` is B0, B1, B2, B3 or B4");
    }
    let flag = |key| table.boolean(key).is_some_and(|flag| flag.value);
    let (paths, by_folder) = (globs(&table.strings("paths")), flag("by_folder"));
    let (tests, agents) = (flag("tests"), flag("agents"));
    let states = Pattern::read(table.string("states"), compiling);
    Some(Reach { paths, states, class: parsed?, sentence: sentence?.value, by_folder, tests, agents })
}

fn globs(patterns: &[Placed<'_, String>]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let mut builder = GlobBuilder::new(&pattern.value);
        // `y{,a}ml` also matches `yml`, which the library does not support by itself.
        match builder.literal_separator(true).case_insensitive(true).empty_alternates(true).build() {
            Ok(glob) => _ = set.add(glob),
            Err(error) => pattern.mistake(format!("`{}` is no pattern: {}", pattern.value, error.kind())),
        }
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::fact::Example;
    use super::*;

    #[test]
    fn a_pattern_whose_part_may_be_left_out_matches_without_it() {
        let rules = Rules::shipped();
        for ending in ["yml", "yaml"] {
            let class = |path: &str| rules.class_of(&format!("{path}.{ending}")).0;
            assert_eq!(class("web/values-prod"), BlastClass::B4, "{ending}");
            assert_eq!(class("web/kustomization"), BlastClass::B3, "{ending}");
            let is_about = |rule: &&Rule| rule.wording.id == "destr.rm-rf" && rule.is_about(&format!("a.{ending}"));
            assert_eq!(rules.rules.iter().filter(is_about).count(), 1, "{ending}");
        }
    }

    /// The examples of the rules over facts, with the ids of the rules.
    #[test]
    fn every_rule_over_facts_fires_on_its_hits_and_on_none_of_its_misses() {
        let mut wrong = Vec::new();
        for rule in &Rules::shipped().facts {
            let id = &rule.wording.id;
            for Example { path, old, new, fires } in &rule.examples {
                let found = super::super::tests::fired(path, old, new);
                // What yields may leave it to another rule.
                let is_told = found.contains(id) || *fires && rule.yields && !found.is_empty();
                if is_told != *fires {
                    let must = if *fires { "must" } else { "must not" };
                    wrong.push(format!("{id} {must} fire on {path}:\n{old}\n→\n{new}\n  found: {found:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    }

    #[test]
    fn every_shipped_pattern_compiles() {
        let rules = Rules::parse(SHIPPED).unwrap();
        assert_eq!(rules.digest(), Rules::shipped().digest());
    }

    #[test]
    fn every_rule_fires_on_its_hits_and_on_none_of_its_misses() {
        let rules = Rules::shipped();
        assert!(rules.rules.len() >= 20);
        for rule in &rules.rules {
            let fires = |text: &String| rule.is_hit_by(text);
            let (hits, misses) = &rule.examples;
            assert!(!hits.is_empty() && !misses.is_empty(), "{} needs examples", rule.wording.id);
            hits.iter().for_each(|text| assert!(fires(text), "{} must fire on {text}", rule.wording.id));
            misses.iter().for_each(|text| assert!(!fires(text), "{} must not fire on {text}", rule.wording.id));
        }
    }
}
