//! The drawing of floors in `src/lib.rs`, held against what the files use: every module has a floor and says it, arrows
//! go down, nothing goes in a circle, and the pure floors do not reach for the world.

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
    let rooms: BTreeSet<&String> = sources.keys().filter_map(|module| module.first()).collect();
    assert_eq!(rooms, floors.keys().collect(), "src/lib.rs draws other modules than there are");
    for (room, floor) in &floors {
        let text = &sources[std::slice::from_ref(room)].text;
        assert!(text.starts_with(&format!("//! FLOOR {floor}: ")), "{room} does not begin with its floor, {floor}");
    }
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
