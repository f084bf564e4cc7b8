use super::*;
use crate::change::enclosing::stays_within;

/// A form of two blocks, each with the line `same`: what stands before, between, and after them.
struct Form {
    path: &'static str,
    /// The heads, with the first lines of the blocks if these tell them apart.
    heads: [&'static str; 2],
    end: [&'static str; 2],
}

const fn form(path: &'static str, heads: [&'static str; 2], end: [&'static str; 2]) -> Form {
    Form { path, heads, end }
}

const SAME: &str = "limit same = 1,";

/// Two blocks that each have a head and an end of their own.
const APART: &[Form] = &[
    form("a.c", ["#if ALPHA\n", "#if BETA\n"], ["#endif\n", "#endif\n"]),
    form("a.yaml", ["{{- if .alpha }}\n", "{{- if .beta }}\n"], ["{{- end }}\n", "{{- end }}\n"]),
    form("a.yaml", ["{% if alpha %}\n", "{% if beta %}\n"], ["{% endif %}\n", "{% endif %}\n"]),
    form("a.erb", ["<% if alpha %>\n", "<% if beta %>\n"], ["<% end %>\n", "<% end %>\n"]),
    form("a.hbs", ["{{#each alpha}}\n", "{{#each beta}}\n"], ["{{/each}}\n", "{{/each}}\n"]),
    form("nginx.conf", ["server {\n  server_name alpha;\n", "server {\n  server_name beta;\n"], ["}\n", "}\n"]),
    form("nginx.conf", ["server {\nserver_name alpha;\n", "server {\nserver_name beta;\n"], ["}\n", "}\n"]),
    form(
        "nginx.conf",
        ["server {\n  server_name alpha;\n  location / {\n", "server {\n  server_name beta;\n  location / {\n"],
        ["  }\n}\n", "  }\n}\n"],
    ),
    form("a.sh", ["alpha() {\n", "beta() {\n"], ["}\n", "}\n"]),
    form("a.sh", ["if alpha; then\n", "if beta; then\n"], ["fi\n", "fi\n"]),
    form("a.sh", ["for x in alpha\ndo\n", "for x in beta\ndo\n"], ["done\n", "done\n"]),
    form("a.rb", ["def alpha\n", "def beta\n"], ["end\n", "end\n"]),
    form("Makefile", ["ifeq ($(A),alpha)\n", "ifeq ($(A),beta)\n"], ["endif\n", "endif\n"]),
    form("a.sql", ["UPDATE alpha\n", "UPDATE beta\n"], [";\n", ";\n"]),
    form("a.sql", ["-- alpha\nUPDATE t\n", "-- beta\nUPDATE t\n"], [";\n\n", ";\n\n"]),
    form(".env", ["# Alpha\n", "# Beta\n"], ["\n", "\n"]),
    form(".env.prod", ["# Alpha\n", "# Beta\n"], ["", ""]),
    form("a.cs", ["#region Alpha\n", "#region Beta\n"], ["#endregion\n", "#endregion\n"]),
    form("a.ts", ["//#region Alpha\n", "//#region Beta\n"], ["//#endregion\n", "//#endregion\n"]),
    form("a.swift", ["// MARK: - Alpha\n", "// MARK: - Beta\n"], ["\n", "\n"]),
    form("a.py", ["# ---- alpha ----\n", "# ---- beta ----\n"], ["\n", "\n"]),
    form("a.py", ["# --------\n# alpha\n# --------\n", "# --------\n# beta\n# --------\n"], ["\n", "\n"]),
    form("a.md", ["**Alpha**\n\n", "**Beta**\n\n"], ["\n", "\n"]),
    form("a.md", ["## Alpha\n\n**Note**\n\n", "## Beta\n\n**Note**\n\n"], ["\n", "\n"]),
    form("a.md", ["**Alpha:**\n\n", "__Beta__\n\n"], ["\n", "\n"]),
];

/// Two branches of one choice: its start, what is between them, and its end.
const BRANCHES: &[(&str, [&str; 3])] = &[
    ("a.c", ["#if ALPHA\n", "#else\n", "#endif\n"]),
    ("a.c", ["#if ALPHA\n", "#elif BETA\n", "#endif\n"]),
    ("a.c", ["#ifdef ALPHA\n", "#else // not ALPHA\n", "#endif\n"]),
    ("a.yaml", ["{{ if .alpha }}\n", "{{ else }}\n", "{{ end }}\n"]),
    ("a.yaml", ["{{- if .alpha -}}\n", "{{- else if .beta -}}\n", "{{- end -}}\n"]),
    ("a.j2", ["{% if alpha %}\n", "{% elif beta %}\n", "{% endif %}\n"]),
    ("a.erb", ["<% if alpha %>\n", "<% else %>\n", "<% end %>\n"]),
    ("a.ejs", ["<% if (alpha) { %>\n", "<% } else { %>\n", "<% } %>\n"]),
    ("a.hbs", ["{{#if alpha}}\n", "{{else}}\n", "{{/if}}\n"]),
    ("a.sh", ["if alpha; then\n", "else\n", "fi\n"]),
    ("run", ["#!/bin/sh\nif alpha; then\n", "elif beta; then\n", "fi\n"]),
    ("a.sh", ["case $1 in\nalpha)\n", ";;\nbeta)\n", ";;\nesac\n"]),
    ("a.ts", ["const a = alpha ? {\n", "} : {\n", "};\n"]),
    ("a.js", ["if (alpha) {\n", "} else {\n", "}\n"]),
    ("a.js", ["const all = [{\n", "}, {\n", "}];\n"]),
    ("Makefile", ["ifdef ALPHA\n", "else\n", "endif\n"]),
    ("Makefile", ["ifeq ($(A),alpha)\n", "else ifeq ($(A),beta)\n", "endif\n"]),
];

const BODIES: [&str; 2] = ["first = 1,\nlimit same = 1,\n", "limit same = 1,\nsecond = 2,\n"];

fn place(text: &str, nth: usize) -> Option<u32> {
    let mut found = text.lines().enumerate().filter(|(_, line)| line.trim() == SAME);
    found.nth(nth).map(|(at, _)| at as u32)
}

/// Whether the line that was the `was`th of its kind can be what is the `is`th now.
fn stays(path: &str, (old, was): (&str, usize), (new, is): (&str, usize)) -> bool {
    let lines = (Lines::of(old.as_bytes()), Lines::of(new.as_bytes()));
    let (Some(was), Some(is)) = (place(old, was), place(new, is)) else { panic!("{path}: no such line\n{new}") };
    let blocks = Blocks::of(path, (&lines.0, old.as_bytes()), (&lines.1, new.as_bytes()));
    let sides = ((&lines.0, old.as_bytes(), was), (&lines.1, new.as_bytes(), is));
    stays_within(path, sides.0, sides.1) && blocks.stays(was, is)
}

#[test]
fn a_line_is_not_taken_for_the_equal_one_of_another_block() {
    for Form { path, heads: [one, other], end: [end, last] } in APART {
        let old = format!("{one}{}{end}{other}{}{last}", BODIES[0], BODIES[1]);
        let swapped = format!("{other}{}{last}{one}{}{end}", BODIES[1], BODIES[0]);
        assert!(!stays(path, (&old, 0), (&swapped, 0)), "{path}: the blocks changed places\n{swapped}");
        assert!(stays(path, (&old, 0), (&swapped, 1)), "{path}: it went with its block\n{swapped}");
        assert!(stays(path, (&old, 1), (&swapped, 0)), "{path}: the other went with its block\n{swapped}");
        let heads = format!("{other}{}{end}{one}{}{last}", BODIES[0], BODIES[1]);
        assert!(!stays(path, (&old, 0), (&heads, 0)), "{path}: the heads changed places\n{heads}");
        let alone = format!("{other}{}{last}", BODIES[1]);
        assert!(!stays(path, (&old, 0), (&alone, 0)), "{path}: its block is gone\n{alone}");
        assert!(stays(path, (&old, 1), (&alone, 0)), "{path}: the other block is gone\n{alone}");
        is_left_alone(path, &old);
        for head in ["alpha", "Alpha", "ALPHA"] {
            let renamed = old.replace(head, "gamma");
            assert!(stays(path, (&old, 0), (&renamed, 0)), "{path}: named anew\n{renamed}");
        }
    }
}

#[test]
fn a_line_is_not_taken_for_the_equal_one_of_another_branch() {
    for (path, [start, between, end]) in BRANCHES {
        let old = format!("{start}{}{between}{}{end}", BODIES[0], BODIES[1]);
        let swapped = format!("{start}{}{between}{}{end}", BODIES[1], BODIES[0]);
        for is in 0..2 {
            assert!(!stays(path, (&old, 0), (&swapped, is)), "{path}: the branches changed places, {is}\n{swapped}");
        }
        let negated = swapped.replace("alpha", "not alpha").replace("ALPHA", "!ALPHA");
        assert!(!stays(path, (&old, 0), (&negated, 0)), "{path}: and the question was turned round\n{negated}");
        let one = format!("{start}{}{end}", BODIES[1]);
        assert!(!stays(path, (&old, 0), (&one, 0)), "{path}: only the other is left, in its place\n{one}");
        let bare = BODIES[1];
        assert!(!stays(path, (&old, 0), (bare, 0)), "{path}: only what was in the other is left");
        is_left_alone(path, &old);
        let renamed = old.replace("alpha", "gamma").replace("ALPHA", "GAMMA");
        for at in 0..2 {
            assert!(stays(path, (&old, at), (&renamed, at)), "{path}: another question, {at}\n{renamed}");
        }
    }
}

/// An unrelated edit above, below or inside leaves both lines where they are.
fn is_left_alone(path: &str, old: &str) {
    let start = if old.starts_with("#!") { "" } else { "above = 0;\n\n" };
    let edits = [
        format!("{start}{old}"),
        format!("{old}below = 0;\n"),
        old.replace("first = 1,", "first = 3,"),
        old.replace("second = 2,", "second = 3,"),
        old.replace("first = 1,\n", "first = 1,\nmore = 1,\n"),
        old.replace("first = 1,\n", ""),
        old.replace("second = 2,\n", ""),
        old.replace("second = 2,", "first = 1,"),
        old.replace("first = 1,", "second = 2,"),
    ];
    for new in edits {
        for at in 0..2 {
            assert!(stays(path, (old, at), (&new, at)), "{path}: an edit elsewhere, {at}\n{new}");
        }
    }
}

#[test]
fn hostile_depth_costs_no_more_than_its_lines() {
    for deep in [
        "{{ if a }} {\n#if A\n".repeat(30_000),
        format!("a {}\n", "{".repeat(1_000_000)),
        format!("a {}\n", "}".repeat(1_000_000)),
        format!("#if {}\n{}", "a".repeat(1_000_000), "#else\n".repeat(30_000)),
        format!("{}\n", "{{ if a }}".repeat(100_000)),
    ] {
        let text = deep + SAME + "\n";
        assert!(stays("a.c", (&text, 0), (&text, 0)));
    }
    for text in
        ["", "}\n}\n", "{{", "<%", "{%%}\n{{}}", "#else\n#endif\n{{ end }}\n", "fi\n)\n", "\u{fffd}**\n**\n****"]
    {
        let lines = Lines::of(text.as_bytes());
        for path in ["a.c", "a.sh", "a.sql", "a.md", ".env"] {
            let side = (&lines, text.as_bytes());
            assert!(Blocks::of(path, side, side).stays(0, 0), "{text}");
            let _ = Blocks::of(path, side, side).stays(u32::MAX, u32::MAX);
        }
    }
}
