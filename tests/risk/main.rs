//! Dangerous acts in real-looking files, and harmless changes that look alike, through the rules: how many are flagged,
//! by kind. What the acts are, README.md beside this file says. With `--nocapture` the tables are printed.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;
use undersign::change::compare::{Comparison, compare};
use undersign::change::diff::{Content, FileDiff, Mode, TreeEntry};
use undersign::change::{ObjectId, RepoPath};
use undersign::risk::{Assessment, Assessor, FileUnderReview, Finding, Rules, Severity};

/// Read from the files, which are in the program, too: to try a rule needs no build.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
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
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Rules::parse(&files).unwrap_or_else(|error| panic!("{error}"))
});

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
        let found = assess(&self.texts()).findings;
        found.into_iter().filter(|finding| finding.severity > Severity::Note).collect()
    }
}

fn assess(texts: &[Text]) -> Assessment {
    let content = |text: &Option<String>| text.clone().map(|text| Content::Text(text.into_bytes()));
    let entry =
        |text: &Option<String>, id| text.as_ref().map(|_| TreeEntry { mode: Mode::File, id: ObjectId([id; 20]) });
    let mut assessor = Assessor::new(&RULES);
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
    assert!(sum.high * 100 >= sum.all * 70, "{}", sum.say());
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
