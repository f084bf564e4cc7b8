//! Dangerous acts in real-looking files, and harmless changes that look alike, through the rules: how many are flagged,
//! by kind. What the acts are, README.md beside this file says. With `--nocapture` the tables are printed.

#![allow(clippy::unwrap_used)]

mod layout;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;
use undersign::change::compare::{Comparison, Hunk, compare};
use undersign::change::diff::{Content, FileDiff, Mode, Side, TreeEntry};
use undersign::change::{ObjectId, RepoPath};
use undersign::risk::{Assessment, Assessor, FileUnderReview, Finding, Rules, Severity};

/// Read from the files, which are in the program, too: to try a rule needs no build.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let files = rule_files();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Rules::parse(&files).unwrap_or_else(|error| panic!("{error}"))
});

/// Names and texts, in the order of their names.
fn rule_files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["assets/rules", "assets/rules/facts"] {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "toml") {
                files.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[derive(Deserialize)]
struct Family {
    #[serde(default)]
    act: Vec<Act>,
}

#[derive(Deserialize)]
struct Act {
    kind: String,
    name: String,
    #[serde(default)]
    grave: bool,
    #[serde(default)]
    file: Vec<Text>,
    path: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Deserialize, Clone)]
struct Text {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

impl Act {
    fn texts(&self) -> Vec<Text> {
        let own = self.path.clone().map(|path| Text { path, before: self.before.clone(), after: self.after.clone() });
        own.into_iter().chain(self.file.iter().cloned()).collect()
    }

    fn findings(&self) -> Vec<Finding> {
        let found = assess(&self.texts(), &RULES).findings;
        found.into_iter().filter(|finding| finding.severity > Severity::Note).collect()
    }
}

fn assess(texts: &[Text], rules: &Rules) -> Assessment {
    let content = |text: &Option<String>| text.clone().map(|text| Content::Text(text.into_bytes()));
    let entry =
        |text: &Option<String>, id| text.as_ref().map(|_| TreeEntry { mode: Mode::File, id: ObjectId([id; 20]) });
    let mut assessor = Assessor::new(rules);
    let mut diffs = Vec::new();
    for text in texts {
        let (old, new) = (content(&text.before), content(&text.after));
        let bytes = |side: &Option<String>| side.clone().unwrap_or_default().into_bytes();
        let comparison: Comparison = compare(&bytes(&text.before), &bytes(&text.after));
        let diff = FileDiff {
            path: RepoPath::from(text.path.as_str()),
            from: None,
            counterpart: None,
            old: entry(&text.before, 1),
            new: entry(&text.after, 2),
        };
        assessor.read(&FileUnderReview::new(&diff, old.as_ref(), new.as_ref(), &comparison));
        diffs.push(diff);
    }
    assessor.finish(&diffs)
}

/// Families that were written down last, and that no rule was shaped on: of these only the counts are printed.
const HELD_BACK: &[&str] = &["spellings", "mixed", "lookalikes"];

/// The changes of a folder; of one file, whatever the folder, if `RISK_FILE` names one.
fn acts(folder: &str, held_back: bool) -> Vec<Act> {
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        toml::from_str::<Family>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).act
    };
    if let Some(file) = std::env::var_os("RISK_FILE") {
        return read(&file.into());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/risk").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    files.retain(|path| HELD_BACK.contains(&&*path.file_stem().unwrap().to_string_lossy()) == held_back);
    files.iter().flat_map(read).collect()
}

fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}

/// How many acts there are, how many are flagged, and how many as high or critical.
#[derive(Default, Clone, Copy)]
struct Counts {
    all: u32,
    flagged: u32,
    high: u32,
}

impl Counts {
    fn add(&mut self, found: &[Finding]) {
        self.all += 1;
        self.flagged += u32::from(!found.is_empty());
        self.high += u32::from(worst(found) >= Some(Severity::High));
    }

    fn of(acts: &[Act]) -> Counts {
        let mut counts = Counts::default();
        acts.iter().for_each(|act| counts.add(&act.findings()));
        counts
    }

    fn say(self) -> String {
        let share = |part: u32| f64::from(part) * 100.0 / f64::from(self.all.max(1));
        let (flagged, high) = (share(self.flagged), share(self.high));
        format!(
            "{:3} of {:3} flagged ({flagged:.0} %), {:3} high or critical ({high:.0} %)",
            self.flagged, self.all, self.high
        )
    }
}

#[test]
fn dangerous_acts_are_flagged_in_every_kind() {
    let (mut kinds, mut missed) = (BTreeMap::<String, Counts>::new(), Vec::new());
    let own = acts("acts", false);
    for act in &own {
        let found = act.findings();
        kinds.entry(act.kind.clone()).or_default().add(&found);
        if found.is_empty() || act.grave && worst(&found) < Some(Severity::High) {
            let rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
            missed.push(format!("{}: {} ({}) {rules:?}", act.kind, act.name, act.texts()[0].path));
        }
    }
    println!("missed or too low:\n{}\n", missed.join("\n"));
    kinds.iter().for_each(|(kind, counts)| println!("{}  {kind}", counts.say()));
    let (sum, held_back) = (Counts::of(&own), Counts::of(&acts("acts", true)));
    println!("{}  all\n{}  held back", sum.say(), held_back.say());
    let none: Vec<&String> = kinds.iter().filter(|(_, counts)| counts.flagged == 0).map(|(kind, _)| kind).collect();
    assert!(none.is_empty(), "no act of these kinds is flagged: {none:?}");
    assert!(sum.flagged * 100 >= sum.all * 85, "{}", sum.say());
    assert!(sum.high * 100 >= sum.all * 60, "{}", sum.say());
    assert!(held_back.flagged * 100 >= held_back.all * 60, "{}", held_back.say());
    assert!(held_back.high * 100 >= held_back.all * 45, "{}", held_back.say());
}

#[test]
fn harmless_changes_that_look_alike_raise_nothing_grave() {
    let (mut alarms, mut some) = (Vec::new(), 0);
    let all = acts("harmless", false);
    for act in &all {
        let found = act.findings();
        some += u32::from(!found.is_empty());
        if worst(&found) >= Some(Severity::High) {
            let titles: Vec<String> = found.iter().map(|f| format!("{}: {}", f.rule, f.title)).collect();
            alarms.push(format!("{}: {} ({})\n    {}", act.kind, act.name, act.texts()[0].path, titles.join("\n    ")));
        }
    }
    println!("{}\n{some} of {} have a finding, {} a grave one", alarms.join("\n"), all.len(), alarms.len());
    let held_back = Counts::of(&acts("harmless", true));
    println!("{}  held back", held_back.say());
    assert!(alarms.len() * 100 <= all.len() * 6, "{}", alarms.join("\n"));
    assert!(held_back.high * 100 <= held_back.all * 10, "{}", held_back.say());
}

#[test]
fn changes_like_those_before_public_outages_are_flagged() {
    let all = acts("outages", false);
    let missed: Vec<&str> = all.iter().filter(|act| act.findings().is_empty()).map(|act| act.name.as_str()).collect();
    println!("{}  outages; missed: {missed:#?}", Counts::of(&all).say());
    assert!(missed.len() <= 5, "{missed:#?}");
}

/// All changes of the three folders.
fn all() -> Vec<Act> {
    let folders = [("acts", false), ("acts", true), ("harmless", false), ("harmless", true), ("outages", false)];
    folders.into_iter().flat_map(|(folder, held_back)| acts(folder, held_back)).collect()
}

/// Lines around a hunk that are shown with it.
const CONTEXT: u32 = 3;

#[test]
fn a_finding_points_at_what_the_change_shows() {
    for act in all() {
        let texts = act.texts();
        for finding in assess(&texts, &RULES).findings {
            for location in finding.locations().filter(|location| location.line > 0) {
                let text = texts.iter().find(|text| text.path == location.path.lossy()).unwrap();
                let [old, new] = [&text.before, &text.after].map(|side| side.clone().unwrap_or_default().into_bytes());
                let hunks = compare(&old, &new).hunks;
                let range = |hunk: &Hunk| if location.side == Side::Old { hunk.old.clone() } else { hunk.new.clone() };
                let is_shown = |range: std::ops::Range<u32>| {
                    (range.start.saturating_sub(CONTEXT)..range.end + CONTEXT).contains(&(location.line - 1))
                };
                assert!(
                    hunks.iter().any(|hunk| is_shown(range(hunk))),
                    "{}: {} at {location}, {hunks:?}",
                    act.name,
                    finding.rule
                );
            }
        }
    }
}

/// The same rules, the last first. Of the table of reaches the first entry that matches is meant.
fn turned_round() -> Rules {
    let mut files = rule_files();
    files.reverse();
    for (_, text) in &mut files {
        let is_ordered = |table: &&str| ["rule]]", "fact]]", "check]]"].iter().all(|own| !table.starts_with(own));
        let (head, tables) = text.split_once("\n\n[[").unwrap_or((text, ""));
        let (ordered, mut turned): (Vec<&str>, Vec<&str>) = tables.split("\n\n[[").partition(is_ordered);
        turned.reverse();
        let tables = turned.iter().chain(&ordered).filter(|table| !table.is_empty());
        *text = tables.fold(head.to_owned(), |text, table| text + "\n\n[[" + table);
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Rules::parse(&files).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_order_of_the_rules_changes_nothing() {
    let (turned, mut differ) = (turned_round(), Vec::new());
    for act in all() {
        let [one, other] = [&*RULES, &turned].map(|rules| assess(&act.texts(), rules));
        if one.findings != other.findings {
            let say = |found: &[Finding]| found.iter().map(|f| format!("{} {}", f.rule, f.title)).collect::<Vec<_>>();
            differ.push(format!("{}: {:?}\n    {:?}", act.name, say(&one.findings), say(&other.findings)));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
