//! How often each risk rule fires on the history of a real repository: `cargo bench --bench firing -- DIR [COMMITS]`.
//! A rule that fires often says little: high and critical ones have a budget of 1 % of the commits. With
//! `UNDERSIGN_SAMPLES=N` it prints up to N findings of each such rule, for a person to judge; with `UNDERSIGN_RULES=DIR`
//! it reads the rules from a folder laid out as `assets/rules`.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use undersign::examination::FileMaterial;
use undersign::risk::{Assessor, Rules, Severity};
use undersign::source::git::{Repository, diff};

/// Commits that touch more files than this are imports and vendoring; they are left out and counted.
const MAX_FILES: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let Some(dir) = arguments.first() else {
        println!("Name a repository: cargo bench --bench firing -- DIR [COMMITS]");
        return;
    };
    let wanted: usize = arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let repository = Repository::open(Path::new(dir)).unwrap();
    let raw = git2::Repository::open(dir).unwrap();
    let mut walk = raw.revwalk().unwrap();
    walk.push_head().unwrap();
    let rules = rules();
    let samples: usize = std::env::var("UNDERSIGN_SAMPLES").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    let started = std::time::Instant::now();
    let (mut commits, mut left_out, mut any) = (0, 0, 0);
    let mut fired: BTreeMap<(Severity, String), usize> = BTreeMap::new();
    for id in walk {
        let commit = raw.find_commit(id.unwrap()).unwrap();
        if commit.parent_count() != 1 {
            continue;
        }
        if commits == wanted {
            break;
        }
        let tree = |id: git2::Oid| id.to_string().parse().unwrap();
        let Ok(diff) = diff(&repository, tree(commit.parent(0).unwrap().tree_id()), tree(commit.tree_id())) else {
            continue;
        };
        if diff.files.len() > MAX_FILES {
            left_out += 1;
            continue;
        }
        let mut assessor = Assessor::new(&rules);
        for file in diff.files.iter().filter_map(|file| FileMaterial::read(&repository, file).ok()) {
            assessor.read(&file.under_review());
        }
        let findings = assessor.finish(&diff.files).findings;
        for finding in findings.iter().filter(|finding| finding.severity >= Severity::High) {
            let count = shown.entry(finding.rule.clone()).or_default();
            *count += 1;
            if *count <= samples {
                let (place, line) = (finding.location.path.lossy(), finding.location.line);
                let id = &commit.id().to_string()[..10];
                println!(
                    "{} {}: {}\n    {id} {place}:{line}  {}",
                    finding.severity, finding.rule, finding.title, finding.evidence
                );
            }
        }
        let kinds: BTreeSet<_> = findings.into_iter().map(|f| (f.severity, f.rule)).collect();
        any += usize::from(kinds.iter().any(|(severity, _)| *severity >= Severity::High));
        kinds.into_iter().for_each(|kind| *fired.entry(kind).or_default() += 1);
        commits += 1;
    }
    println!("{:.0} commits a second", f64::from(u32::try_from(commits).unwrap()) / started.elapsed().as_secs_f64());
    println!("{commits} commits of {dir}; {left_out} with over {MAX_FILES} files left out; high or critical: {any}");
    for ((severity, rule), count) in fired.iter().rev() {
        println!(
            "{:<9} {rule:<24} {count:>5}  {:>6.2} %",
            severity.name(),
            100.0 * *count as f64 / commits.max(1) as f64
        );
    }
}

fn rules() -> Rules {
    let Ok(folder) = std::env::var("UNDERSIGN_RULES") else { return Rules::shipped().clone() };
    let mut files = Vec::new();
    for folder in [Path::new(&folder).to_owned(), Path::new(&folder).join("facts")] {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|end| end == "toml") {
                files.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    files.sort();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Rules::parse(&files).unwrap_or_else(|error| panic!("{error}"))
}
