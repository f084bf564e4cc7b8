//! How often each risk rule fires on the history of a real repository: `cargo bench --bench firing -- DIR [COMMITS]`.
//! A rule that fires often says little: high and critical ones have a budget of 1 % of the commits.
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
        let mut assessor = Assessor::new(Rules::shipped());
        for file in diff.files.iter().filter_map(|file| FileMaterial::read(&repository, file).ok()) {
            assessor.read(&file.under_review());
        }
        let findings = assessor.finish(&diff.files).findings;
        let kinds: BTreeSet<_> = findings.into_iter().map(|f| (f.severity, f.rule)).collect();
        any += usize::from(kinds.iter().any(|(severity, _)| *severity >= Severity::High));
        kinds.into_iter().for_each(|kind| *fired.entry(kind).or_default() += 1);
        commits += 1;
    }
    println!("{commits} commits of {dir}; {left_out} with over {MAX_FILES} files left out; high or critical: {any}");
    for ((severity, rule), count) in fired.iter().rev() {
        println!(
            "{:<9} {rule:<24} {count:>5}  {:>6.2} %",
            severity.name(),
            100.0 * *count as f64 / commits.max(1) as f64
        );
    }
}
