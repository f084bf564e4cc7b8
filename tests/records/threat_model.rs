//! `docs/threat-model.md` names a test for each attack and one for its allowed twin: that they are there, and that none
//! is missing there that is called after a row.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The head of an attack table.
const HEAD: [&str; 4] = ["attack", "what the gate says", "test", "allowed twin"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The text of all Rust files below a folder.
fn sources(folder: &Path) -> String {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| match path.extension() {
        Some(extension) if extension == "rs" => std::fs::read_to_string(&path).unwrap(),
        _ if path.is_dir() => sources(&path),
        _ => String::new(),
    };
    paths.map(text).collect()
}

/// The names of all functions in Rust text.
fn functions(source: &str) -> BTreeSet<&str> {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    source.split("fn ").skip(1).filter_map(|rest| rest.split(is_end).next()).collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The rows of the attack tables.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if cells(line) == HEAD {
            rows.extend(lines.by_ref().skip(1).take_while(|line| line.starts_with('|')).map(cells));
        }
    }
    rows
}

/// Whether a test is called after a row: `row_07_...`, `twin_row_07_...`.
fn is_numbered(name: &str) -> bool {
    let row = name.strip_prefix("twin_").unwrap_or(name).strip_prefix("row_");
    row.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The tests that are called after a row and stand in none.
fn in_no_row<'f>(page: &str, functions: &BTreeSet<&'f str>) -> Vec<&'f str> {
    let rows = rows(page);
    let named: BTreeSet<&str> = rows.iter().flatten().flat_map(|cell| quoted(cell)).collect();
    functions.iter().copied().filter(|name| is_numbered(name) && !named.contains(name)).collect()
}

/// What is wrong with the tables, a sentence each.
fn mistakes(page: &str, functions: &BTreeSet<&str>, codes: &BTreeSet<&str>) -> Vec<String> {
    let mut mistakes = Vec::new();
    for row in rows(page) {
        let [attack, says, test, twin] = row[..] else {
            mistakes.push(format!("{} columns: {row:?}", row.len()));
            continue;
        };
        for (column, cell) in [("test", test), ("allowed twin", twin)] {
            let names = quoted(cell);
            if names.is_empty() {
                mistakes.push(format!("no {column}: {attack}"));
            }
            let absent = names.into_iter().filter(|name| !functions.contains(name));
            mistakes.extend(absent.map(|name| format!("no such {column}, {name}: {attack}")));
        }
        let is_code = |word: &&str| word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let unknown = quoted(says).into_iter().filter(is_code).filter(|code| !codes.contains(code));
        mistakes.extend(unknown.map(|code| format!("no such code, {code}: {attack}")));
    }
    mistakes
}

#[test]
fn each_attack_in_the_threat_model_has_a_test_and_an_allowed_twin() {
    let source = sources(&root().join("src")) + &sources(&root().join("tests"));
    let outcome = read("src/gate/outcome.rs")
        + &read("src/command/outcome.rs")
        + &read("src/broker/run.rs")
        + &read("src/broker/serve.rs");
    let codes = outcome.split('"').skip(1).step_by(2).collect();
    let page = read("docs/threat-model.md");
    assert!(rows(&page).len() >= 150, "{} rows were found", rows(&page).len());
    assert_eq!(mistakes(&page, &functions(&source), &codes), Vec::<String>::new());
}

#[test]
fn each_test_that_is_called_after_a_row_stands_in_one() {
    let source = sources(&root().join("src")) + &sources(&root().join("tests"));
    let functions = functions(&source);
    assert!(functions.iter().filter(|name| is_numbered(name)).count() >= 300, "they are called otherwise now");
    assert_eq!(in_no_row(&read("docs/threat-model.md"), &functions), Vec::<&str>::new());
    let head = "| attack | what the gate says | test | allowed twin |\n|---|---|---|---|\n";
    let page = format!("{head}| x | 4 `LIMIT` | `row_01_a` | `twin_row_01_a` |\n");
    let all = ["row_01_a", "twin_row_01_a", "row_02_b", "rows", "row_of_them"].into();
    assert_eq!(in_no_row(&page, &all), ["row_02_b"]);
}

#[test]
fn a_row_that_names_no_test_or_an_absent_one_or_no_known_code_is_found() {
    let head = "| attack | what the gate says | test | allowed twin |\n|---|---|---|---|\n";
    let wrong = |row: &str| mistakes(&format!("{head}{row}\n"), &["a", "b"].into(), &["LIMIT"].into());
    assert_eq!(wrong("| x | 4 `LIMIT` | `a` | `a` `b` |"), Vec::<String>::new());
    assert_eq!(wrong("| x | 4 `LIMIT` | a | `b` |"), ["no test: x"]);
    assert_eq!(wrong("| x | 4 `LIMIT` | `a` |  |"), ["no allowed twin: x"]);
    assert_eq!(wrong("| x | 4 `LIMIT` | `a` `c` | `b` |"), ["no such test, c: x"]);
    assert_eq!(wrong("| x | 4 `LIMIT` | `a` | `c` |"), ["no such allowed twin, c: x"]);
    assert_eq!(wrong("| x | 4 `LIMITS` | `a` | `b` |"), ["no such code, LIMITS: x"]);
    assert_eq!(wrong("| x | 4 `LIMIT` | `a` |").len(), 1);
}
