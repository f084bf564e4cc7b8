//! The floors drawn in `src/lib.rs`, checked against what the files use: every module has a floor and says it,
//! dependencies go down, none is circular, and the pure floors use no file, clock or environment. The manual draws the
//! same floors, and the files that it names exist.

#![allow(clippy::unwrap_used)]

mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use uses::Source;

/// Floors up to this one read no file, clock or environment. Crates are held by the features, the standard library
/// here.
const PURE: u32 = 1;
const WORLD: &[&str] =
    &["std::fs", "std::env", "std::net", "std::process", "std::thread", "SystemTime", "Instant::now"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Module → floor, as drawn: a line of the drawing begins with a number and names modules, two blanks between them.
fn drawing() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(root().join("lib.rs")).unwrap();
    let mut floors = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//!  ")) {
        let Some((floor, names)) = line.split_once("  ") else { continue };
        let Ok(floor) = floor.parse() else { continue };
        let names = names.split("  ").take_while(|name| !name.is_empty());
        floors.extend(names.map(|name| (name.trim().to_owned(), floor)));
    }
    floors
}

#[test]
fn every_module_is_drawn_and_says_its_floor() {
    let (floors, sources) = (drawing(), uses::sources(&root()));
    let modules: BTreeSet<&String> = sources.keys().filter_map(|module| module.first()).collect();
    assert_eq!(modules, floors.keys().collect(), "src/lib.rs draws other modules than there are");
    for (module, floor) in &floors {
        let text = &sources[std::slice::from_ref(module)].text;
        assert!(text.starts_with(&format!("//! FLOOR {floor}: ")), "{module} does not begin with its floor, {floor}");
    }
}

#[test]
fn the_manual_draws_the_same_floors() {
    let mut drawn = BTreeMap::new();
    for cells in rows_of_the_manual() {
        let Ok(floor) = cells[0].parse::<u32>() else { continue };
        drawn.extend(cells[1].split(", ").map(|name| (name.trim_matches('`').to_owned(), floor)));
    }
    assert_eq!(drawn, drawing());
}

#[test]
fn the_manual_lists_every_folder_of_tests() {
    let listed: BTreeSet<String> = (rows_of_the_manual().into_iter())
        .filter(|cells| cells[0].starts_with('`'))
        .flat_map(|cells| cells[0].split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>())
        .collect();
    let has_main = |folder: &std::fs::DirEntry| folder.path().join("main.rs").exists();
    let folders = std::fs::read_dir(root().with_file_name("tests")).unwrap().map(Result::unwrap).filter(has_main);
    let folders: BTreeSet<String> = folders.map(|folder| folder.file_name().into_string().unwrap()).collect();
    let missing: Vec<_> = folders.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/architecture.md does not list tests/{missing:?}");
}

/// The cells of each row of each table in `docs/architecture.md`.
fn rows_of_the_manual() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().with_file_name("docs").join("architecture.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn files_that_the_manual_names_exist() {
    let root = root().parent().unwrap().to_owned();
    let mut missing = Vec::new();
    for chapter in std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()) {
        if chapter.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&chapter).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        let is_ours = |name: &&str| ["src/", "tests/", "benches/", "fuzz/"].iter().any(|start| name.starts_with(start));
        // A pattern names no file.
        let names = quoted.filter(is_ours).filter(|name| !name.contains(['*', '{', ' ', '<']));
        let gone = names.filter(|name| !root.join(name).exists());
        missing.extend(gone.map(|name| format!("{}: {name}", chapter.display())));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The formatter keeps code to it, and leaves comments alone.
#[test]
fn no_comment_is_wider_than_120_columns() {
    let mut wide = Vec::new();
    for (module, source) in uses::sources(&root()) {
        let lines = source.text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("//"));
        let over = lines.filter(|(_, line)| line.chars().count() > 120);
        wide.extend(over.map(|(at, _)| format!("{}, line {}", module.join("::"), at + 1)));
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

#[test]
fn arrows_between_floors_go_down() {
    let floors = drawing();
    let mut up = Vec::new();
    for (module, source) in uses::sources(&root()) {
        for used in &source.uses {
            let (from, to) = (&module[0], &used[0]);
            if floors[to] > floors[from] {
                up.push(format!("{} (floor {}) uses {to} (floor {})", module.join("::"), floors[from], floors[to]));
            }
        }
    }
    assert!(up.is_empty(), "{}", up.join("\n"));
}

/// A module and what is in it are one: in every folder, what stands side by side.
#[test]
fn no_modules_use_each_other_in_a_circle() {
    let sources = uses::sources(&root());
    let folders: BTreeSet<&[String]> =
        sources.keys().flat_map(|module| (0..module.len()).map(|depth| &module[..depth])).collect();
    let mut circles = Vec::new();
    for folder in folders {
        let beside = uses::beside(&sources, folder);
        for start in beside.keys() {
            let (mut seen, mut ahead) = (BTreeSet::new(), vec![start]);
            while let Some(used) = ahead.pop().and_then(|module| beside.get(module)) {
                for used in used.iter().filter(|used| seen.insert(*used)) {
                    ahead.push(used);
                }
            }
            if seen.contains(start) {
                circles.push(format!("{}::{start} uses itself over {seen:?}", folder.join("::")));
            }
        }
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// Who writes a pack of rules has no say in what lands.
#[test]
fn what_judges_a_push_asks_no_risk_rule() {
    const JUDGES: &[&str] = &["command", "enforcement", "gate", "gate_state", "policy", "record", "service"];
    let sources = uses::sources(&root());
    let judges: Vec<_> = sources.iter().filter(|(module, _)| JUDGES.contains(&&*module[0])).collect();
    assert!(JUDGES.iter().all(|name| judges.iter().any(|(module, _)| module[0] == *name)), "some are called otherwise");
    for (module, source) in judges {
        let asked: Vec<_> = source.uses.iter().filter(|used| matches!(&*used[0], "risk" | "examination")).collect();
        assert!(asked.is_empty(), "{} asks {asked:?}", module.join("::"));
    }
}

#[test]
fn the_pure_floors_do_not_reach_for_the_world() {
    let floors = drawing();
    let is_pure = |module: &[String]| floors[&module[0]] <= PURE;
    for (module, Source { text, .. }) in uses::sources(&root()).iter().filter(|(module, _)| is_pure(module)) {
        let found: Vec<_> = WORLD.iter().filter(|name| text.contains(**name)).collect();
        assert!(found.is_empty(), "{} reaches for {found:?}", module.join("::"));
    }
}
