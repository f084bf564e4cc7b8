use proptest::prelude::*;

use super::*;
use crate::change::compare::compare;

/// The lines of a text as they are read alone.
fn alone(path: &str, text: &[u8]) -> Vec<Tokens> {
    let colours = together(path, b"", text, usize::MAX).unwrap_or_default();
    (0..colours.lines().end).map(|new| colours.of(Line::Added { new }).into()).collect()
}

/// Both sides together, some lines at a time.
fn together(path: &str, old: &[u8], new: &[u8], step: usize) -> Option<Colours> {
    let comparison = compare(old, new);
    let texts = Texts { old, new, comparison: &comparison };
    let mut highlighter = Highlighter::of(path, texts)?;
    let mut all = Colours::default();
    loop {
        let next = highlighter.lines(texts, step);
        if next.is_empty() {
            return Some(all);
        }
        all.extend(next);
    }
}

#[test]
fn a_string_over_several_lines_is_one() {
    let text = b"x = \"\"\"one\ntwo\n\"\"\"\n";
    let colours = together("a.py", b"", text, 1).unwrap();
    assert_eq!(colours.of(Line::Added { new: 1 }), [Token { from: 0, to: 4, class: TokenClass::String }]);
    assert_eq!(colours.lines(), 0..3);
}

#[test]
fn terraform_rust_and_typescript_are_known_and_no_bytes_panic() {
    for (path, text) in
        [("main.tf", "resource \"a\" \"b\" {}\n"), ("a.rs", "fn main() {}\n"), ("a.ts", "const x = 1;\n")]
    {
        let colours = together(path, b"", text.as_bytes(), 1).unwrap();
        assert!(!colours.of(Line::Added { new: 0 }).is_empty(), "{path}");
    }
    assert!(together("a.rs", b"\xff\x00\"", b"\xff", 9).is_none());
}

/// A file, a line of it, and some of its words with their classes.
type Example = (&'static str, &'static str, &'static [(&'static str, TokenClass)]);

const LINES: &[Example] = {
    use TokenClass::{Attribute, Comment, Constant, Function, Keyword, Number, String, Tag, Type};
    &[
        ("a.sh", "if grep -q \"a $b\" f; then # why", &[("if", Keyword), ("grep", Function), ("# why", Comment)]),
        ("a.c", "static int f(char *s) { return 0x1f; }", &[("f", Function), ("return", Keyword), ("0x1f", Number)]),
        ("a.cpp", "class A { bool b = true; };", &[("class", Keyword), ("A", Type), ("true", Constant)]),
        ("a.cs", "var s = $\"a {b.C()}\";", &[("C", Function), ("a ", String)]),
        ("a.go", "x := time.Sleep(3) // why", &[("Sleep", Function), ("3", Number), ("// why", Comment)]),
        ("A.java", "@Get String a() { return b(\"c\"); }", &[("Get", Attribute), ("b", Function), ("\"c\"", String)]),
        (
            "a.js",
            "const A_B = `x ${f(y)} z`;",
            &[("const", Keyword), ("A_B", Constant), ("f", Function), (" z", String)],
        ),
        ("a.kt", "fun a(): Int { return 3 }", &[("fun", Keyword), ("3", Number)]),
        ("a.php", "<?php function a() { return b('c'); }", &[("a", Function), ("b", Function), ("'c'", String)]),
        ("a.py", "async def go(b): return f\"x {c.go(1)}\"", &[("async", Keyword), ("go", Function), ("x ", String)]),
        ("a.rb", "def a; B.new(:c, \"d\") end", &[("def", Keyword), ("B", Type), (":c", Constant), ("\"d\"", String)]),
        ("a.rs", "fn a<'b>() -> u8 { c!(\"d\\n\"); 3 }", &[("'b", Keyword), ("u8", Type), ("\\n", Constant)]),
        ("a.tsx", "const x = <div id=\"y\">z</div>;", &[("div", Tag), ("id", Attribute), ("\"y\"", String)]),
        ("a.ts", "interface A { b?: string }", &[("interface", Keyword), ("A", Type), ("string", Type)]),
    ]
};

#[test]
fn words_of_each_language_have_their_class() {
    assert_eq!(LINES.len(), crate::grammar::Grammar::ALL.len());
    for (path, text, words) in LINES {
        let colours = together(path, b"", text.as_bytes(), 1).unwrap();
        let tokens = colours.of(Line::Added { new: 0 });
        for (word, class) in *words {
            let at = text.find(word).unwrap();
            let token = tokens.iter().find(|token| token.contains(at));
            assert_eq!(token.map(|token| token.class), Some(*class), "{word} of {path}: {tokens:?}");
            assert!(token.unwrap().contains(at + word.len() - 1), "{word} of {path}: {tokens:?}");
        }
    }
}

#[test]
fn what_cannot_be_parsed_in_bounded_time_is_read_line_by_line() {
    let blocks: String = (0..600).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
    let colours = together("a.py", b"", blocks.as_bytes(), 9).unwrap();
    assert_eq!(colours.of(Line::Added { new: 599 })[0].class, TokenClass::Keyword);
}

fn code() -> impl Strategy<Value = Vec<&'static str>> {
    let lines = ["x = 1\n", "\"\"\"\n", "def f(a):\n", "# note\n", "'''\n", "return \"a\"\n", "\n", "last"];
    prop::collection::vec(prop::sample::select(lines.to_vec()), 0..30)
}

proptest! {
    #[test]
    fn both_sides_together_are_coloured_as_each_of_them_alone(
        old in code(), edits in prop::collection::vec((0..30_usize, 0..3_usize, code()), 0..4), step in 1..9_usize,
        path in prop::sample::select(vec!["a.py", "a.lua"]),
    ) {
        let mut new = old.clone();
        for (at, gone, come) in edits {
            let at = at.min(new.len());
            new.splice(at..(at + gone).min(new.len()), come.into_iter().take(3));
        }
        let (old, new) = (old.concat().into_bytes(), new.concat().into_bytes());
        let Some(colours) = together(path, &old, &new, step) else { return Ok(()) };
        let (alone_old, alone_new) = (alone(path, &old), alone(path, &new));
        for (line, tokens) in (0..).zip(&alone_new) {
            prop_assert_eq!(colours.of(Line::Added { new: line }), &tokens[..], "new line {}", line);
        }
        for line in compare(&old, &new).hunks.iter().flat_map(|hunk| &hunk.lines) {
            if let Line::Removed { old } = *line {
                prop_assert_eq!(colours.of(*line), &alone_old[old as usize][..], "old line {}", old);
            }
        }
    }
}
