use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::change::RepoPath;
use crate::policy::{DEFAULT, Policy};

const SAMPLE: &str = include_str!("../../../assets/policy.toml");

/// Lines with keys of twenty people: the most that a slot may ask for.
fn keys() -> &'static [String] {
    static KEYS: OnceLock<Vec<String>> = OnceLock::new();
    KEYS.get_or_init(|| {
        use base64ct::{Base64, Encoding};
        let key = |seed: u8| {
            let point = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
            let blob = [b"\0\0\0\x0bssh-ed25519\0\0\0\x20".as_slice(), &point].concat();
            format!("ssh-ed25519 {}", Base64::encode_string(&blob))
        };
        (1..=20).map(key).collect()
    })
}

/// The head of the sample (schema, repository, refs), people who have all roles, and the tables.
fn whole(imported: &Imported) -> String {
    let head = SAMPLE.split("[people.").next().unwrap();
    let roles: Vec<_> = imported.roles.iter().map(|role| format!("\"{}\"", role.split_once(':').unwrap().0)).collect();
    let person =
        |(at, key): (usize, &String)| format!("[people.p-{at}]\nroles = [{}]\nkeys = [\"{key}\"]\n", roles.join(", "));
    let people: String = keys().iter().enumerate().map(person).collect();
    format!("{head}\n{people}\n{}", imported.policy)
}

fn policy(imported: &Imported) -> Policy {
    Policy::parse("policy.toml", &whole(imported)).unwrap_or_else(|error| panic!("{error}\n{}", imported.policy))
}

fn names(policy: &Policy, path: &str) -> Vec<String> {
    policy.compartments_of(&RepoPath::from(path)).iter().map(|c| c.name.clone()).collect()
}

/// The needs of a path: sets of owners and how many of them, with the role looked up in the list.
fn needs(imported: &Imported, policy: &Policy, path: &str) -> BTreeSet<(String, usize)> {
    let of: BTreeMap<&str, &str> = imported.roles.iter().map(|role| role.split_once(": ").unwrap()).collect();
    let owners = |role: &str| of[role].split(" (").next().unwrap().to_owned();
    let compartments = policy.compartments_of(&RepoPath::from(path));
    compartments.iter().flat_map(|c| c.sign.iter().map(|slot| (owners(&slot.role), slot.n))).collect()
}

fn asked(text: &str, dialect: Dialect, path: &str) -> Vec<String> {
    let imported = import(text.as_bytes(), dialect);
    let show = |(owners, n): (String, usize)| if n == 1 { owners } else { format!("{n} of {owners}") };
    needs(&imported, &policy(&imported), path).into_iter().map(show).collect::<BTreeSet<_>>().into_iter().collect()
}

fn lost(text: &str, dialect: Dialect) -> Vec<(usize, String)> {
    import(text.as_bytes(), dialect).lost.into_iter().map(|lost| (lost.line, lost.why)).collect()
}

fn lost_lines(text: &str, dialect: Dialect) -> Vec<usize> {
    lost(text, dialect).into_iter().map(|(line, _)| line).collect()
}

/// The example in GitHub's documentation, without its comments.
const GITHUB: &str = "\
# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
/apps/ @octocat
/apps/github @doctocat
";

/// The example in GitLab's documentation.
const GITLAB: &str = "\
# Specify a default Code Owner by using a wildcard:
* @default-codeowner
* @multiple @code @owners
*.rb @ruby-owner
\\#file_with_pound.rb @owner-file-with-pound
LICENSE @legal janedoe@gitlab.com
README @group @group/with-nested/subgroup
/docs/ @all-docs
/docs/* @root-docs
/docs/**/*.md @root-docs
lib/ @lib-owner
/config/ @config-owner
path\\ with\\ spaces/ @space-owner

[Documentation]
ee/docs    @docs
docs       @docs

[Database]
README.md  @database
model/db   @database

[DOCUMENTATION]
README.md  @docs

^[Optional Group]
*.txt @optional

[Two approvals][2] @docs @legal
/terms/
/privacy/ @@maintainers

[Exclusions]
/gen/ @generators
!/gen/out.rb
";

#[test]
fn the_example_of_github_becomes_a_policy() {
    let imported = import(GITHUB.as_bytes(), Dialect::GitHub);
    let policy = policy(&imported);
    let table = [
        ("main.c", &["default"][..]),
        ("src/x.js", &["js"]),
        ("x.go", &["go"]),
        ("build/logs/a/b", &["apps", "build-logs"]),
        ("sub/build/logs/a", &["apps"]),
        ("docs/getting-started.md", &["go", "build-logs"]),
        ("docs/build-app/troubleshooting.md", &["build-logs"]),
        ("sub/docs/x", &["default"]),
        ("sub/apps/x", &["apps"]),
        ("apps/github/x", &["apps", "build-logs"]),
        ("scripts/x", &["scripts"]),
        (".undersign/policy.toml", &["policy", "policy-files"]),
        (".github/CODEOWNERS", &["policy", "policy-files"]),
    ];
    for (path, wanted) in table {
        let got: BTreeSet<String> = names(&policy, path).into_iter().collect();
        let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(got, wanted, "{path}\n{}", imported.policy);
    }
    assert!(policy.compartments.iter().find(|c| c.name == "policy").unwrap().solo);
    assert_eq!(
        imported.roles,
        [
            "js-owner: @js-owner",
            "docs-example-com: docs@example.com",
            "octo-org-octocats: @octo-org/octocats",
            "doctocat: @doctocat",
            "octocat: @octocat",
            "doctocat-or-octocat: @doctocat or @octocat",
            "global-owner1-or-global-owner2: @global-owner1 or @global-owner2",
            "policy: nobody in CODEOWNERS; who may change the rules",
        ]
    );
    let lines: BTreeSet<usize> = imported.lost.iter().map(|lost| lost.line).collect();
    // 12 is repeated by 14; 13 has no owners; the rest overlap with earlier lines. 3, 4 and 5 each have files of their
    // own.
    assert_eq!(lines, BTreeSet::from([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
}

#[test]
fn the_example_of_gitlab_becomes_a_policy() {
    let asked = |path| asked(GITLAB, Dialect::GitLab, path);
    let everybody = "@code or @multiple or @owners";
    assert_eq!(asked("x.c"), [everybody], "the second `*` replaces the first");
    assert_eq!(asked("x.rb"), [everybody, "@ruby-owner"]);
    assert_eq!(asked("a/#file_with_pound.rb"), [everybody, "@owner-file-with-pound", "@ruby-owner"]);
    assert_eq!(asked("LICENSE"), [everybody, "@legal or janedoe@gitlab.com"]);
    assert_eq!(asked("a/README"), [everybody, "@group or @group/with-nested/subgroup"]);
    assert_eq!(asked("docs/a/b.md"), ["@all-docs", everybody, "@root-docs"]);
    assert_eq!(asked("docs/a/b.c"), ["@all-docs", everybody]);
    assert_eq!(asked("path with spaces/x"), [everybody, "@space-owner"]);
    assert_eq!(asked("README.md"), [everybody, "@database", "@docs"], "sections are asked side by side");
    assert_eq!(asked("x.txt"), [everybody], "an optional section asks nobody");
    assert_eq!(asked("terms/x"), ["2 of @docs or @legal", everybody]);
    assert_eq!(asked("privacy/x"), ["2 of @@maintainer", everybody]);
    assert_eq!(asked("gen/out.rb"), [everybody, "@generators", "@ruby-owner"]);
    let lost = lost(GITLAB, Dialect::GitLab);
    for (line, why) in [(2, "asks nobody"), (27, "optional"), (35, "lets off")] {
        assert!(lost.iter().any(|(at, text)| *at == line && text.contains(why)), "{line} {why}: {lost:?}");
    }
}

#[test]
fn each_form_of_pattern_matches_as_its_dialect_has_it() {
    use Dialect::{GitHub, GitLab};
    let table = [
        (GitHub, "*.js", "x.js a/b.js x.js/y", "x.jsx"),
        (GitHub, "docs", "docs docs/x a/docs a/docs/x/y", "docs2 xdocs"),
        (GitHub, "/docs", "docs docs/x/y", "a/docs a/docs/x"),
        (GitHub, "docs/", "docs/x a/docs/x/y", "docs a/docs"),
        (GitHub, "/docs/", "docs/x/y", "docs a/docs/x"),
        (GitHub, "docs/*", "docs/x", "docs/x/y a/docs/x docs"),
        (GitHub, "/*", "x .x", "a/x"),
        (GitHub, "a/b", "a/b a/b/c", "x/a/b"),
        (GitHub, "a/b/", "a/b/c", "a/b x/a/b/c"),
        (GitHub, "**/logs", "logs logs/x a/b/logs", "logs2"),
        (GitHub, "a/**", "a/x a/x/y", "a b/a/x"),
        (GitHub, "a/**/b", "a/b a/x/b a/x/y/b/c", "b a/xb"),
        (GitHub, "**/", "a/x a/b/x", "x"),
        (GitHub, "a?c", "abc x/abc", "ac a/c"),
        (GitHub, "a**c", "ac abbc", "a/c"),
        (GitHub, "a\\ b", "a\u{20}b", "a"),
        (GitHub, "/a\\*b", "a*b", "axb"),
        (GitHub, "{a,b}", "{a,b}", "a b"),
        (GitHub, "/näh", "näh", "nah"),
        (GitHub, "/a#b", "a#b", "a"),
        (GitLab, "*.js", "x.js a/.b.js", "x.js/y"),
        (GitLab, "docs", "docs a/docs", "docs/x a/docs/x"),
        (GitLab, "docs/", "docs/x a/docs/x/y", "docs"),
        (GitLab, "/docs/*", "docs/x docs/.x", "docs/x/y"),
        (GitLab, "/docs/**", "docs/x", "docs/x/y"),
        (GitLab, "/docs/**/*", "docs/x docs/x/y", "docs"),
        (GitLab, "a/b", "a/b x/a/b", "a/b/c"),
        (GitLab, "\\#x", "#x a/#x", "x"),
        (GitLab, "x[a-c]y", "xay a/xcy", "xdy x/y"),
        (GitLab, "x[^a]y", "xby", "xay x/y"),
        (GitLab, "**/**/x", "x a/b/x", "xx"),
    ];
    for (dialect, pattern, yes, no) in table {
        let imported = import(format!("{pattern} @o\n").as_bytes(), dialect);
        assert_eq!(imported.lost.len(), 1, "only that the rest has no owner: {pattern} {:?}", imported.lost);
        let policy = policy(&imported);
        let held = |path: &str| names(&policy, path) != [DEFAULT];
        let paths = |text: &str| match text.contains('\u{20}') && pattern.contains(' ') {
            true => vec![text.to_owned()],
            false => text.split(' ').map(str::to_owned).collect(),
        };
        paths(yes)
            .iter()
            .for_each(|path| assert!(held(path), "{dialect:?} {pattern} holds {path}\n{}", imported.policy));
        paths(no)
            .iter()
            .for_each(|path| assert!(!held(path), "{dialect:?} {pattern} lets {path} be\n{}", imported.policy));
    }
}

#[test]
fn what_is_no_line_of_the_dialect_is_reported() {
    use Dialect::{GitHub, GitLab};
    let table = [
        (GitHub, "!docs @a", "no `!`"),
        (GitHub, "x[ab] @a", "no `[ ]`"),
        (GitHub, "[Docs] @a", "no `[ ]`"),
        (GitHub, "\\#x @a", "no `\\#`"),
        (GitHub, "/docs", "No owner"),
        (GitHub, "/docs # @a", "No owner"),
        (GitHub, "/docs bob @a", "not an owner"),
        (GitHub, "/docs @@developer", "not an owner"),
        (GitHub, "/ @a", "matches nothing"),
        (GitHub, "a//b @a", "matches nothing"),
        (GitHub, "./a @a", "matches nothing"),
        (GitHub, "a\\", "lone backslash"),
        (GitLab, "!docs/", "lets off"),
        (GitLab, "x[[:alpha:]] @a", "set of characters"),
        (GitLab, "x[a @a", "set of characters"),
        (GitLab, "x[+-9] @a", "set of characters"),
        (GitLab, "/docs/ @a # ask @b", "no comments"),
        (GitLab, "/docs/ @a bob", "left out"),
        (GitLab, "[A][two] @a", "counts as 1"),
        (GitLab, "[A][999999999999999999999999] @a", "20 people at most"),
    ];
    for (dialect, line, why) in table {
        let lost = lost(line, dialect);
        assert!(lost.iter().any(|(at, text)| *at == 1 && text.contains(why)), "{line}: {lost:?}");
    }
    let bytes = import(b"caf\xe9 @a\n*\x1b.x @b\n", GitHub);
    assert_eq!(bytes.lost[1].text, "caf<E9> @a");
    assert!(bytes.lost[1].why.contains("UTF-8"));
    assert!(bytes.policy.contains("\"**/*\\U0000001B.x\""));
    policy(&bytes);
}

#[test]
fn what_nobody_owned_now_needs_a_senior_and_that_is_said() {
    for dialect in [Dialect::GitHub, Dialect::GitLab] {
        let imported = import(b"/docs/ @docs\n", dialect);
        assert_eq!(imported.lost[0].line, 0);
        assert!(imported.lost[0].why.contains("`senior`"));
        assert_eq!(names(&policy(&imported), "x"), [DEFAULT]);
        assert!(imported.roles.iter().any(|role| role.starts_with("senior: ")));
        assert_eq!(lost_lines("* @all\n", dialect), [] as [usize; 0]);
    }
    policy(&import(b"", Dialect::GitHub));
}

#[test]
fn a_line_for_everything_leaves_nothing_to_those_before_it() {
    let text = "/docs/ @docs\n* @all\n/src/ @src\n";
    assert_eq!(asked(text, Dialect::GitHub, "docs/x"), ["@all"]);
    assert_eq!(asked(text, Dialect::GitHub, "src/x"), ["@src"]);
    assert_eq!(lost_lines(text, Dialect::GitHub), [1]);
    let unowned = "/docs/ @docs\n*\n";
    assert_eq!(asked(unowned, Dialect::GitHub, "docs/x"), ["@docs"], "what lets off is not kept");
}

#[test]
fn gitlab_puts_a_repeated_pattern_where_it_stood_first() {
    // So `*.md` still applies after the second `*`.
    let text = "* @a\n*.md @b\n* @c\n";
    assert_eq!(asked(text, Dialect::GitLab, "x.md"), ["@b"]);
    assert_eq!(asked(text, Dialect::GitLab, "x"), ["@c"]);
    assert_eq!(asked(text, Dialect::GitHub, "x.md"), ["@c"]);
}

#[test]
fn a_section_with_one_required_heading_is_required() {
    let text = "[Docs]\n*.go @a\n^[DOCS]\n*.rb @b\n^[Other]\n*.c @c\n";
    assert_eq!(asked(text, Dialect::GitLab, "x.rb"), ["@b"]);
    assert_eq!(asked(text, Dialect::GitLab, "x.c"), ["nobody in CODEOWNERS; who signs for what it left unowned"]);
    assert_eq!(lost_lines(text, Dialect::GitLab), [0, 6]);
}

#[test]
fn lines_are_told_apart_by_directory_and_ending() {
    let shadows = |text| lost_lines(&format!("* @all\n{text}"), Dialect::GitHub);
    let none: [usize; 0] = [];
    assert_eq!(shadows("*.js @a\n*.go @b\n"), none);
    assert_eq!(shadows("/a/ @a\n/b/ @b\n"), none);
    assert_eq!(shadows("/a/x.rs @a\n*.go @b\n/a/y.rs @b\n"), none);
    assert_eq!(shadows("/a/ @a\n/a/b/ @a\n"), none, "the same owners");
    assert_eq!(shadows("/a/ @a\n/a/b/ @b\n/a/b/c @a\n"), [3, 4]);
    assert_eq!(shadows("/a/b/ @a\n/a/ @b\n"), [3]);
    assert_eq!(shadows("*.js @a\n/a/ @b\n/b/x.js @c\n"), [3, 4]);
    assert_eq!(shadows("x.js @a\n*.js @b\n"), [3]);
    assert_eq!(
        lost_lines("* @all\n[A]\n/a/ @a\n[B]\n/a/ @b\n", Dialect::GitLab),
        none,
        "sections are asked side by side"
    );
}

#[test]
fn names_are_ids_and_never_those_with_a_meaning() {
    let text =
        "/default/ @senior\n/policy @policy\n/ai @a\nai/ @b\n/ÄÖ/ @ä.example\n/ÖÄ/ ä@example.com\n*.c @c-d\n*.h @c/d\n";
    let imported = import(text.as_bytes(), Dialect::GitHub);
    let policy = policy(&imported);
    let names: Vec<_> = policy.compartments.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        ["paths-default", "paths-policy", "paths-ai", "paths-ai-2", "paths", "paths-c", "paths-h", "policy", "default"]
    );
    let roles: Vec<_> = imported.roles.iter().map(|role| role.split_once(':').unwrap().0).collect();
    assert_eq!(
        roles,
        ["owner-senior", "owner-policy", "owner-a", "owner-b", "example-com", "c-d", "c-d-2", "senior", "policy"]
    );
}

#[test]
fn a_large_file_is_refused_by_github_alone() {
    let text = "/a @a\n".repeat(GITHUB_BYTES / 6 + 1);
    let refused = import(text.as_bytes(), Dialect::GitHub);
    assert_eq!((refused.policy.as_str(), refused.lost.len(), refused.lost[0].line), ("", 1, 0));
    assert!(import(text.as_bytes(), Dialect::GitLab).policy.contains("[compartment.paths-a]"));
}

#[test]
fn many_lines_take_no_longer_each_than_few() {
    let line = |at: usize| format!("/src/d{}/f{at} @t{}\n", at % 1000, at % 5000);
    let text: String = (0..60_000).map(line).collect();
    let imported = import(text.as_bytes(), Dialect::GitLab);
    assert!(imported.roles.len() >= 5000);
    // All have the same name and different owners, and each line overlaps with the one before.
    let text: String = (0..20_000).map(|at| format!("same/ @t{at}\n*.x @u{at}\n")).collect();
    import(text.as_bytes(), Dialect::GitLab);
}

#[test]
fn many_patterns_of_one_team_still_compile() {
    // A single set of globs this large would not compile, and would match nothing.
    let text: String = (0..8_000).map(|at| format!("/a/directory/**/*{at}*/of/long/names-{at} @team\n")).collect();
    let imported = import(text.as_bytes(), Dialect::GitHub);
    let policy = policy(&imported);
    for path in ["a/directory/x/0/of/long/names-0", "a/directory/x/y7999z/of/long/names-7999/q"] {
        assert!(needs(&imported, &policy, path).contains(&("@team".to_owned(), 1)), "{path}");
    }
}

/// Patterns with what they match, written by hand.
type Case = (&'static str, fn(&str) -> bool);

const GITHUB_CASES: [Case; 11] = [
    ("*", |_| true),
    ("**", |_| true),
    ("*.js", |p| p.split('/').any(|part| part.ends_with(".js"))),
    ("/docs/", |p| p.starts_with("docs/")),
    ("docs", |p| p.split('/').any(|part| part == "docs")),
    ("docs/*", |p| p.strip_prefix("docs/").is_some_and(|rest| !rest.contains('/'))),
    ("apps/", |p| p.starts_with("apps/") || p.contains("/apps/")),
    ("/src/main.rs", |p| p == "src/main.rs"),
    ("**/logs", |p| p.split('/').any(|part| part == "logs")),
    ("/apps/**/x.js", |p| p.starts_with("apps/") && p.ends_with("/x.js")),
    ("CODEOWNERS", |p| p.split('/').any(|part| part == "CODEOWNERS")),
];

const GITLAB_CASES: [Case; 9] = [
    ("*", |_| true),
    ("/", |_| true),
    ("*.js", |p| p.ends_with(".js")),
    ("/docs/", |p| p.starts_with("docs/")),
    ("docs", |p| p == "docs" || p.ends_with("/docs")),
    ("docs/*", |p| p.rsplit('/').nth(1) == Some("docs")),
    ("apps/", |p| p.starts_with("apps/") || p.contains("/apps/")),
    ("/src/main.rs", |p| p == "src/main.rs"),
    ("/docs/**", |p| p.strip_prefix("docs/").is_some_and(|rest| !rest.contains('/'))),
];

const PATHS: [&str; 16] = [
    "x",
    "x.js",
    "docs",
    "docs/x",
    "docs/x.js",
    "docs/apps/x.js",
    "a/docs/x",
    "a/docs",
    "apps/x",
    "apps/a/x.js",
    "apps/x.js",
    "src/main.rs",
    "src/logs/docs",
    "logs",
    "CODEOWNERS",
    ".undersign/policy.toml",
];

/// A line for the evaluator: section, pattern, owners as bits.
type Written = (usize, usize, u8);

fn shown(bits: u8) -> String {
    ["@a", "@b", "@c"]
        .iter()
        .enumerate()
        .filter(|(at, _)| bits >> at & 1 == 1)
        .map(|(_, o)| *o)
        .collect::<Vec<_>>()
        .join(" or ")
}

fn written(lines: &[Written], cases: &[Case]) -> String {
    let mut out = String::new();
    for (section, pattern, owners) in lines {
        if *section > 0 {
            out.push_str(&format!("[S{section}][{section}]\n"));
        }
        out.push_str(&format!("{} {}\n", cases[*pattern].0, shown(*owners).replace(" or ", " ")));
    }
    out
}

fn holds(
    lines: &[Written],
    cases: &[Case],
    dialect: Dialect,
    last: impl Fn(usize, &str) -> Option<u8>,
) -> Result<(), TestCaseError> {
    let text = written(lines, cases);
    let imported = import(text.as_bytes(), dialect);
    let policy = policy(&imported);
    for path in PATHS {
        let got = needs(&imported, &policy, path);
        for section in 0..3 {
            if let Some(bits) = last(section, path).filter(|bits| *bits > 0) {
                let wanted = (shown(bits), section.max(1));
                prop_assert!(got.contains(&wanted), "{path}: {wanted:?} not in {got:?}\n{text}\n{}", imported.policy);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whom_codeowners_asks_the_union_asks_too(lines in prop::collection::vec((Just(0usize), 0..GITHUB_CASES.len(), 0u8..8), 0..8)) {
        holds(&lines, &GITHUB_CASES, Dialect::GitHub, |section, path| {
            lines.iter().rev().find(|(of, at, _)| *of == section && GITHUB_CASES[*at].1(path)).map(|(_, _, owners)| *owners)
        })?;
    }

    #[test]
    fn whom_sections_ask_the_union_asks_too(mut lines in prop::collection::vec((0usize..3, 0..GITLAB_CASES.len(), 0u8..8), 0..9)) {
        // Before any heading, or under one.
        lines.sort_by_key(|(section, ..)| *section > 0);
        holds(&lines, &GITLAB_CASES, Dialect::GitLab, |section, path| {
            // A table by pattern that keeps the position of the first, as Ruby's hashes do.
            let mut table: Vec<(usize, u8)> = Vec::new();
            for (_, at, owners) in lines.iter().filter(|(of, ..)| *of == section) {
                // `*` and `/` are the same in GitLab.
                let at = if *at == 1 { 0 } else { *at };
                match table.iter_mut().find(|(known, _)| *known == at) {
                    Some(entry) => entry.1 = *owners,
                    None => table.push((at, *owners)),
                }
            }
            table.iter().rev().find(|(at, _)| GITLAB_CASES[*at].1(path)).map(|(_, owners)| *owners)
        })?;
    }

    #[test]
    fn any_bytes_become_a_policy_that_parses(bytes: Vec<u8>, gitlab: bool) {
        let imported = import(&bytes, if gitlab { Dialect::GitLab } else { Dialect::GitHub });
        policy(&imported);
    }

    #[test]
    fn any_words_become_a_policy_that_parses_and_hide_nothing(
        words in prop::collection::vec(prop::sample::select(vec![
            "*", "**", "/", "a", "B", "é", "\u{202E}", "\x1b", "[", "]", "^", "!", "{", "}", "\\", "#", "?", ".", " ", " ", " @x", " @X/y",
            " z@q.io", " @@owners", "\n", "\n", "\r", "\t", "\"", "'", "2", "-", "[S]", "[S][2]", "^[S]", "\u{FEFF}", "=", "\"\"\"",
        ]), 0..60),
        gitlab: bool,
    ) {
        let imported = import(words.concat().as_bytes(), if gitlab { Dialect::GitLab } else { Dialect::GitHub });
        policy(&imported);
        let hidden = |text: &str| text.chars().any(|c| c != '\n' && visible::is_hidden(c));
        prop_assert!(!hidden(&imported.policy));
        prop_assert!(!imported.lost.iter().any(|lost| hidden(&lost.text) || hidden(&lost.why)));
        prop_assert!(!imported.roles.iter().any(|role| hidden(role)));
        prop_assert!(imported.lost.is_sorted_by_key(|lost| lost.line));
    }
}
