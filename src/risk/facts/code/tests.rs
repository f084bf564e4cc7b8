//! Compares the facts of each language with the expected ones.

// The lint does not recognise helpers that only tests call.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::{ChangedLines, Fact, Facts, Kind, MAX_FACTS, MAX_PARSED, MAX_TEXT};

fn read(path: &str, text: &str) -> Facts {
    let lines = u32::try_from(text.lines().count()).unwrap();
    super::facts(path, text, &ChangedLines::of(1..=lines.max(1))).unwrap()
}

fn show(fact: &Fact) -> String {
    match fact.value.say().as_str() {
        "nothing" => format!("{:?} {}", fact.kind, fact.object),
        value => format!("{:?} {} = {value}", fact.kind, fact.object),
    }
}

/// A source, a line of `=`, and what it states.
const TABLES: &[(&str, &str)] = &[
    ("checkout.py", include_str!("tests/python.txt")),
    ("checkout.go", include_str!("tests/go.txt")),
    ("checkout.tsx", include_str!("tests/typescript.txt")),
    ("checkout.js", include_str!("tests/javascript.txt")),
    ("Checkout.java", include_str!("tests/java.txt")),
    ("checkout.rb", include_str!("tests/ruby.txt")),
    ("checkout.rs", include_str!("tests/rust.txt")),
    ("Checkout.cs", include_str!("tests/csharp.txt")),
    ("checkout.php", include_str!("tests/php.txt")),
    ("Checkout.kt", include_str!("tests/kotlin.txt")),
    ("checkout.c", include_str!("tests/c.txt")),
    ("checkout.cpp", include_str!("tests/cpp.txt")),
    ("checkout.sh", include_str!("tests/shell.txt")),
];

fn rewrite(table: &str, new: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/risk/facts/code/tests");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let own = paths.filter(|path| std::fs::read_to_string(path).is_ok_and(|text| text == table));
    own.for_each(|path| std::fs::write(path, new).unwrap());
}

fn parted(table: &str) -> (&str, &str) {
    table.split_once("\n=====\n").unwrap()
}

/// `UPDATE_FACTS=1` updates the tables: review the diff.
#[test]
fn each_language_states_what_its_table_says() {
    let update = std::env::var_os("UPDATE_FACTS").is_some();
    for (path, table) in TABLES {
        let (source, expected) = parted(table);
        let found: Vec<String> = read(path, source).facts.iter().map(show).collect();
        if update {
            rewrite(table, &format!("{source}\n=====\n{}\n", found.join("\n")));
            continue;
        }
        assert_eq!(found.join("\n"), expected.trim_end(), "{path}");
    }
}

/// Sources as two people wrote them, or a person and a formatter: a line with the name of the file, one way to write
/// it, a line of `=`, the other.
const FORMATTED: &str = include_str!("tests/formatted.txt");

#[test]
fn what_a_formatter_changes_is_in_no_fact() {
    for pair in FORMATTED.split("##### ").skip(1) {
        let (path, sources) = pair.split_once('\n').unwrap();
        let (before, after) = parted(sources);
        assert!(!said(path, before).is_empty(), "{path}");
        assert_eq!(said(path, before), said(path, after), "{path}");
    }
}

fn said(path: &str, source: &str) -> String {
    let facts = read(path, source).facts.into_iter();
    facts.map(|fact| format!("{} | {} | {}", show(&fact), fact.scope, fact.text)).collect::<Vec<_>>().join("\n")
}

#[test]
fn only_what_touches_a_changed_line_is_told() {
    let text = "a(1)\nb(\n    2,\n    timeout=5,\n)\nc(3)\n";
    let found = super::facts("a.py", text, &ChangedLines::of([4].into_iter())).unwrap().facts;
    let found: Vec<String> = found.iter().map(show).collect();
    assert_eq!(found, ["Call b = 2", "Setting b.timeout = 5"]);
}

#[test]
fn a_setting_knows_where_its_call_begins() {
    let facts = read("a.py", "def f():\n    g(\n        timeout=5,\n    )\n").facts;
    let setting = facts.iter().find(|fact| fact.kind == Kind::Setting).unwrap();
    assert_eq!((setting.scope.as_str(), setting.lines.clone(), setting.opens), ("f", 3..=3, 2));
}

#[test]
fn lines_that_are_nothing_but_comment_are_known() {
    let comments = read("a.py", "# a\nx = 1  # b\n\n\ndef f():\n    \"\"\"c\n    d\n    \"\"\"\n").comments;
    assert_eq!(comments.into_iter().collect::<Vec<_>>(), [1, 6, 7, 8]);
    let comments = read("a.go", "package a\n/* a\nb */ var x = 1\n// c\n").comments;
    assert_eq!(comments.into_iter().collect::<Vec<_>>(), [2, 4]);
    let comments = read("a.rs", "/// a\n/// b\nfn f() {}\n").comments;
    assert_eq!(comments.into_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_is_nested_too_deeply_is_said_to_be_cut() {
    let deep = format!("x = {}1{}\n", "(".repeat(5_000), ")".repeat(5_000));
    assert!(read("a.py", &deep).is_cut);
}

/// Repeated pieces: unclosed brackets and texts, very many siblings.
const PARTS: &[&str] = &[
    "(",
    "a.b(",
    "f(x)\n",
    "{",
    "x = \"",
    "if x: ",
    "a + ",
    "${",
    "<<EOF\n",
    "/*",
    "[1,",
    "#[a]\n",
    "fn a() {}\n",
    "/*a*/ ",
    "@a\n",
    "if (a) b;\n",
    "bash -c '",
    "'drop table [[[",
    ".a(b)",
];

/// Hand-written scanners of grammars ended the program on these.
#[test]
fn texts_that_harm_a_scanner_are_not_given_to_it() {
    let blocks: String = (0..600).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
    let harmful = [
        ("a.sh", "echo {𐀀..é}\n{𠀀1..𠀀}".to_owned()),
        ("a.py", format!("{blocks}{}f(f\"{{x", " ".repeat(601))),
        ("a.rb", format!("f <<{}\nx\n", "A".repeat(300))),
        ("a.rb", format!("{}<<{}\n", "\"#{".repeat(199), "A".repeat(19))),
    ];
    for (path, text) in harmful {
        assert!(read(path, &text).facts.len() < 20, "{path}");
    }
}

#[test]
fn hostile_texts_end() {
    let repeated = |part: &str| part.repeat(MAX_PARSED / 128 / part.len());
    for part in PARTS {
        for (path, _) in TABLES {
            let found = read(path, &repeated(part));
            assert!(found.facts.len() <= MAX_FACTS + 100, "{path} {part}");
        }
    }
}

/// Pieces that begin, end or break something in one of the languages.
const SIGNS: &[&str] = &[
    "{", "}", "(", ")", "[", "]", "<<A", "<<~'b'", "<<<A", "A\n", "b\n", "\n", "\n  ", "\n\t", "\\\n", "#{", "${",
    "$(", "`", "'", "\"", "\"\"\"", "f\"", "r#\"", "\"#", "R\"x(", "$\"", "$@\"", "%w(", "%q", "/", "//", "/*", "*/",
    "#", "<?php ", "?>", "<div>", "</", "=>", "->", "::", "?.", "if ", "then", "do ", "end\n", "def ", "fn ", "class ",
    "return ", "case ", "1", "x", "é", "𐀀", "\u{feff}", "\0", "..", ";", ":", ",", "=", "@", "&&", "||", "!", "~", "%",
    "=begin", "__END__", "\r\n", "*", "?", "+",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,300}", at in 0..TABLES.len()) {
        read(TABLES[at].0, &text);
    }

    #[test]
    fn signs_in_any_order_are_read_without_a_panic(
        signs in prop::collection::vec(prop::sample::select(SIGNS), 0..120),
        at in 0..TABLES.len(),
    ) {
        read(TABLES[at].0, &signs.concat());
    }

    #[test]
    fn a_source_with_a_part_torn_out_is_read_without_a_panic(
        at in 0..TABLES.len(),
        from in 0usize..2_000,
        len in 0usize..80,
    ) {
        let (path, table) = TABLES[at];
        let (source, _) = parted(table);
        let kept = source.chars().enumerate().filter(|(at, _)| !(from..from + len).contains(at));
        for fact in read(path, &kept.map(|(_, c)| c).collect::<String>()).facts {
            prop_assert!(fact.text.len() <= MAX_TEXT && !fact.object.is_empty());
            prop_assert!(fact.lines.start() <= fact.lines.end());
        }
    }
}
