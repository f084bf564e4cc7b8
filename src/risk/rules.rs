//! Rules as data (`assets/rules/*.toml`): patterns over one added or removed line, or over a path. Linear-time regular
//! expressions only; no rule can run anything.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::Regex;

use super::blast::is_test;
use super::{BlastClass, FileUnderReview, Finding, Severity};
use crate::change::diff::{Location, Side};
use crate::change::manifest::Digest;
use crate::datafile::{self, Placed, Refused, Table};

const SHIPPED: &[(&str, &str)] = &[
    ("rules/hazards.toml", include_str!("../../assets/rules/hazards.toml")),
    ("rules/blast.toml", include_str!("../../assets/rules/blast.toml")),
    ("rules/packages.toml", include_str!("../../assets/rules/packages.toml")),
];
/// Characters of evidence.
const MAX_EVIDENCE: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Added,
    Removed,
    Path,
}

/// What a rule or a check says when it fires.
#[derive(Debug, Clone)]
pub(super) struct Wording {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    pub why: String,
    pub ask: String,
}

#[derive(Debug, Clone)]
struct Rule {
    wording: Wording,
    scope: Scope,
    paths: Option<GlobSet>,
    not_paths: GlobSet,
    in_tests: bool,
    regex: Option<Regex>,
    unless: Option<Regex>,
    secret: bool,
    /// Examples that must and must not fire: run by a test.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the test of the rules runs them"))]
    examples: (Vec<String>, Vec<String>),
}

/// All rules, and a digest of their sources.
#[derive(Debug, Clone)]
pub struct Rules {
    rules: Vec<Rule>,
    checks: Vec<Wording>,
    blast: Vec<(GlobSet, BlastClass, String)>,
    /// Names of well-known packages, for what is a letter away from one.
    pub(super) packages: Vec<String>,
    digest: Digest,
}

impl Rules {
    /// The rules of this version, read once.
    pub fn shipped() -> &'static Rules {
        static RULES: LazyLock<Rules> =
            LazyLock::new(|| Rules::parse(SHIPPED).expect("a test reads the shipped rules"));
        &RULES
    }

    /// Reads rule files; the first that has mistakes is refused whole.
    pub fn parse(files: &[(&str, &str)]) -> Result<Rules, Refused> {
        let mut all = Rules {
            rules: Vec::new(),
            checks: Vec::new(),
            blast: Vec::new(),
            packages: Vec::new(),
            digest: Digest([0; 32]),
        };
        let mut sources = String::new();
        for (name, source) in files {
            sources.push_str(source);
            datafile::read(name, source, |root| {
                all.rules.extend(root.tables("rule").iter().filter_map(rule));
                all.checks.extend(root.tables("check").iter().filter_map(wording));
                all.blast.extend(root.tables("blast").iter().filter_map(blast));
                all.packages.extend(root.strings("packages").into_iter().map(|name| name.value));
                Some(())
            })?;
        }
        all.digest = Digest::of(sources.as_bytes());
        Ok(all)
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How far a path reaches, and why: the first rule that matches.
    pub(super) fn class_of(&self, path: &str) -> (BlastClass, &str) {
        let known = self.blast.iter().find(|(globs, _, _)| globs.is_match(path));
        match known {
            Some((_, class, sentence)) => (*class, sentence),
            None if is_test(path) => (BlastClass::B0, "tests only"),
            None => (BlastClass::B1, "ordinary code of one package"),
        }
    }

    pub(super) fn findings(&self, files: &[FileUnderReview<'_>]) -> Vec<Finding> {
        let mut found = Vec::new();
        for file in files {
            let path = file.path();
            let rules: Vec<&Rule> = self.rules.iter().filter(|rule| rule.is_about(&path)).collect();
            if rules.is_empty() {
                continue;
            }
            found.extend(
                rules.iter().filter(|r| r.scope == Scope::Path).map(|r| finding(&r.wording, file, Side::New, 0, &path)),
            );
            for (side, scope, lines) in
                [(Side::Old, Scope::Removed, file.removed()), (Side::New, Scope::Added, file.added())]
            {
                for (number, line) in &lines {
                    let firing = rules.iter().filter(|rule| rule.scope == scope && rule.fires(line));
                    found.extend(firing.map(|rule| finding(&rule.wording, file, side, *number, &rule.shown(line))));
                }
            }
        }
        found
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
        Some(finding(wording, file, side, line, evidence))
    }
}

fn finding(wording: &Wording, file: &FileUnderReview<'_>, side: Side, line: u32, evidence: &str) -> Finding {
    Finding {
        rule: wording.id.clone(),
        severity: wording.severity,
        title: wording.title.clone(),
        why: wording.why.clone(),
        ask: wording.ask.clone(),
        location: Location { path: file.diff.path.clone(), side, line },
        evidence: evidence.trim().chars().take(MAX_EVIDENCE).collect(),
        ordinal: 0,
    }
}

impl Rule {
    fn is_about(&self, path: &str) -> bool {
        self.paths.as_ref().is_none_or(|globs| globs.is_match(path))
            && !self.not_paths.is_match(path)
            && (self.in_tests || !is_test(path))
    }

    fn fires(&self, line: &str) -> bool {
        self.regex.as_ref().is_some_and(|re| re.is_match(line))
            && !self.unless.as_ref().is_some_and(|re| re.is_match(line))
    }

    /// The line as evidence; of a secret, only that it is there.
    fn shown(&self, line: &str) -> String {
        match (&self.regex, self.secret) {
            (Some(re), true) => re.replace_all(line, "▒▒▒▒▒▒▒▒").into_owned(),
            _ => line.to_owned(),
        }
    }
}

fn wording(table: &Table<'_>) -> Option<Wording> {
    let severity = table.need_string("severity")?;
    let parsed = Severity::parse(&severity.value);
    if parsed.is_none() {
        severity.mistake("`severity` is critical, high, medium, low or note");
    }
    Some(Wording {
        id: table.need_string("id")?.value,
        title: table.need_string("title")?.value,
        severity: parsed?,
        why: table.need_string("why")?.value,
        ask: table.need_string("ask")?.value,
    })
}

fn rule(table: &Table<'_>) -> Option<Rule> {
    let side = table.need_string("side")?;
    let scope = match side.value.as_str() {
        "added" => Scope::Added,
        "removed" => Scope::Removed,
        "path" => Scope::Path,
        other => {
            side.mistake(format!("`side` is added, removed or path, not `{other}`"));
            return None;
        }
    };
    let paths = table.strings("paths");
    Some(Rule {
        wording: wording(table)?,
        scope,
        paths: if paths.is_empty() { None } else { Some(globs(&paths)) },
        not_paths: globs(&table.strings("not_paths")),
        in_tests: table.boolean("in_tests").is_some_and(|flag| flag.value),
        regex: pattern(table.string("regex")),
        unless: pattern(table.string("unless")),
        secret: table.boolean("secret").is_some_and(|flag| flag.value),
        examples: (plain(table.strings("hits")), plain(table.strings("misses"))),
    })
}

fn plain(texts: Vec<Placed<'_, String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

fn blast(table: &Table<'_>) -> Option<(GlobSet, BlastClass, String)> {
    let class = table.need_string("class")?;
    let parsed = BlastClass::parse(&class.value);
    if parsed.is_none() {
        class.mistake("`class` is B0, B1, B2, B3 or B4");
    }
    Some((globs(&table.strings("paths")), parsed?, table.need_string("sentence")?.value))
}

fn pattern(text: Option<Placed<'_, String>>) -> Option<Regex> {
    let text = text?;
    let built = regex::RegexBuilder::new(&text.value).size_limit(1 << 20).build();
    built.inspect_err(|error| text.mistake(format!("this is no pattern: {error}"))).ok()
}

fn globs(patterns: &[Placed<'_, String>]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match GlobBuilder::new(&pattern.value).literal_separator(true).case_insensitive(true).build() {
            Ok(glob) => _ = set.add(glob),
            Err(error) => pattern.mistake(format!("`{}` is no pattern: {}", pattern.value, error.kind())),
        }
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_fires_on_its_hits_and_on_none_of_its_misses() {
        let rules = Rules::parse(SHIPPED).unwrap();
        assert!(rules.rules.len() >= 20);
        for rule in &rules.rules {
            let fires = |text: &String| match rule.scope {
                Scope::Path => rule.is_about(text),
                _ => rule.fires(text),
            };
            let (hits, misses) = &rule.examples;
            assert!(!hits.is_empty() && !misses.is_empty(), "{} needs examples", rule.wording.id);
            hits.iter().for_each(|text| assert!(fires(text), "{} must fire on {text}", rule.wording.id));
            misses.iter().for_each(|text| assert!(!fires(text), "{} must not fire on {text}", rule.wording.id));
        }
    }
}
