//! What counts as seen, attacked: edits that look the same and are not, and rows that nobody could have read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use undersign::app::keymap::Stroke;
use undersign::app::mouse::{Mouse, MouseKind};
use undersign::app::{Effect, Screen, update};
use undersign::change::compare::{Line, compare};

use super::*;

/// Three files or more of which each becomes another text in a change; with what else is done before its commit.
fn changed(files: &[(&str, &str, &str)], besides: impl Fn(&Fixture)) -> Fixture {
    let f = Fixture::new();
    files.iter().for_each(|(path, old, _)| f.write(path, old));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "rename", "main"]);
    files.iter().for_each(|(path, _, new)| f.write(path, new));
    besides(&f);
    f.commit("mina", "Say account");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

const OLD: &str = "first\n\nlet user = find();\n\nlast\n";
const NEW: &str = "first\n\nlet account = find();\n\nlast\n";

/// Five plain files with the same edit, the last one as given.
fn with_odd(path: &str, old: &str, new: &str, besides: impl Fn(&Fixture)) -> Fixture {
    let plain: Vec<String> = (0..4).map(|n| format!("a/part{n}.txt")).collect();
    let mut files: Vec<_> = plain.iter().map(|path| (path.as_str(), OLD, NEW)).collect();
    files.push((path, old, new));
    changed(&files, besides)
}

/// Marks all that make the edit of the first hunk; what is left then.
fn marked_at_once(f: &Fixture) -> String {
    let mut session = Session::new(f, (120, 24));
    session.press("<enter>").press("tpart0<enter>").press("]");
    assert!(session.frame().contains("[&]"), "{}", session.frame());
    session.press("&").press("<enter>");
    session.frame()
}

#[test]
fn a_file_that_becomes_executable_with_the_same_edit_is_read_on_its_own() {
    use std::os::unix::fs::PermissionsExt as _;
    let f = with_odd("z/odd.txt", OLD, NEW, |f| {
        std::fs::set_permissions(f.repo.join("z/odd.txt"), std::fs::Permissions::from_mode(0o755)).unwrap();
    });
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen") && frame.contains("left: 1 hunk"), "{frame}");
}

#[test]
fn a_file_that_moves_with_the_same_edit_is_read_on_its_own() {
    let long = |text: &str| format!("{}{text}", "something that stays\n".repeat(20));
    let f = with_odd("z/odd.txt", &long(OLD), &long(NEW), |f| {
        f.git("mina", &["mv", "z/odd.txt", "z/other.txt"]);
    });
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen") && frame.contains("left: 1 hunk"), "{frame}");
}

#[test]
fn a_line_that_loses_its_end_with_the_same_edit_is_read_on_its_own() {
    let f = with_odd("z/odd.txt", "first\n\nlet user = find();\n", "first\n\nlet account = find();", |_| {});
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen") && frame.contains("left: 1 hunk"), "{frame}");
}

#[test]
fn a_text_in_another_encoding_with_the_same_edit_is_read_on_its_own() {
    let f = with_odd("z/odd.txt", OLD, NEW, |f| {
        let wide: Vec<u8> = std::iter::once(0xFEFF).chain(NEW.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        std::fs::write(f.repo.join("z/odd.txt"), wide).unwrap();
    });
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen") && frame.contains("left: 1 hunk"), "{frame}");
}

#[test]
fn a_link_that_points_elsewhere_is_no_place_of_the_same_edit() {
    let f = Fixture::new();
    (0..4).for_each(|n| f.write(&format!("a/part{n}.txt"), "../user/run\n"));
    std::fs::create_dir_all(f.repo.join("z")).unwrap();
    std::os::unix::fs::symlink("../user/run", f.repo.join("z/link")).unwrap();
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "rename", "main"]);
    (0..4).for_each(|n| f.write(&format!("a/part{n}.txt"), "../account/run\n"));
    std::fs::remove_file(f.repo.join("z/link")).unwrap();
    std::os::unix::fs::symlink("../account/run", f.repo.join("z/link")).unwrap();
    f.commit("mina", "Say account");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen") && frame.contains("left: 1 hunk"), "{frame}");
}

#[test]
fn a_link_in_place_of_a_file_is_no_place_of_the_same_edit() {
    let f = with_odd("z/odd.txt", "let user = find();\n", "", |f| {
        std::fs::remove_file(f.repo.join("z/odd.txt")).unwrap();
        std::os::unix::fs::symlink("let account = find();", f.repo.join("z/odd.txt")).unwrap();
    });
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen"), "{frame}");
}

#[test]
fn a_file_that_a_finding_is_about_as_a_whole_is_no_place_of_the_same_edit() {
    let f = with_odd("a/o\u{200b}dd.txt", OLD, NEW, |_| {});
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen"), "{frame}");
    let f = with_odd(".github/CODEOWNERS", "# a\n\n* @user\n", "# a\n\n* @account\n", |_| {});
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen"), "{frame}");
}

/// A session whose change was read, and not yet examined; and what is still to be told.
fn before_the_rules_spoke(f: &Fixture) -> (Session, Vec<Event>) {
    let (mut session, mut later) = (Session::new(f, (120, 24)), Vec::new());
    let mut events = VecDeque::from([Event::Stroke(Stroke::parse("enter").unwrap())]);
    while let Some(event) = events.pop_front() {
        if matches!(event, Event::ReviewExamined { .. }) {
            later.push(event);
            continue;
        }
        let effects: Vec<Effect> = update(&mut session.state, event);
        events.extend(effects.into_iter().flat_map(|effect| session.carried_out(effect)));
    }
    session.state.drawn();
    (session, later)
}

#[test]
fn nothing_is_marked_with_the_same_edit_before_the_rules_have_spoken() {
    let old = |word: &str| format!("import requests\n\nrequests.get(url, verify={word})\n");
    let plain = |word: &str| format!("first\n\nshow(keep={word})\n");
    let (a, b) = (plain("True"), plain("False"));
    let (c, d) = (old("True"), old("False"));
    let files =
        [("a1.txt", &*a, &*b), ("a2.txt", &*a, &*b), ("a3.txt", &*a, &*b), ("a4.txt", &*a, &*b), ("z.py", &*c, &*d)];
    let f = changed(&files, |_| {});
    let (mut session, later) = before_the_rules_spoke(&f);
    let frame = session.press(")").frame();
    assert!(frame.contains("no finding yet: the change is still being examined"), "{frame}");
    session.press("]&<enter>");
    session.take(later.into());
    let frame = session.press("<esc>").frame();
    assert!(frame.contains("left: 5 hunks") && frame.contains("1 finding"), "{frame}");
}

#[test]
fn the_policy_is_no_place_of_the_same_edit() {
    let f = Fixture::new();
    let policy = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
    assert!(policy.contains("mina@example.com"));
    let plain = "first\n\nmina@example.com\n";
    (0..4).for_each(|n| f.write(&format!("a/part{n}.txt"), plain));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "rename", "main"]);
    (0..4).for_each(|n| f.write(&format!("a/part{n}.txt"), &plain.replace("mina", "evil")));
    f.write(".undersign/policy.toml", &policy.replace("mina@example", "evil@example"));
    f.commit("mina", "Say evil");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = marked_at_once(&f);
    assert!(frame.contains("4 hunks marked as seen"), "{frame}");
}

#[test]
fn a_mark_falls_when_the_same_lines_are_written_in_another_encoding() {
    let f = changed(&[("src/a.txt", OLD, NEW)], |_| {});
    Session::new(&f, (120, 30)).press("<enter><space>qq");
    let frame = Session::new(&f, (120, 30)).press("<enter>").frame();
    assert!(frame.contains("nothing left"), "{frame}");
    f.git("mina", &["checkout", "-q", "rename"]);
    let wide: Vec<u8> = std::iter::once(0xFEFF).chain(NEW.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(f.repo.join("src/a.txt"), wide).unwrap();
    f.commit("mina", "Write it wide");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 30)).press("<enter>").frame();
    assert!(frame.contains("is UTF-16") && frame.contains("left: 1 hunk"), "{frame}");
}

/// Lines of characters that stand nowhere else, with blanks of all kinds between them.
fn unique_lines(from: &mut u32, count: usize) -> Vec<String> {
    let mut line = |at: usize| {
        let mut text = String::new();
        for n in 0..[1, 3, 9, 60][at % 4] {
            text.push(char::from_u32(*from).unwrap());
            text.push_str(["", "\t", " ", "xy\t\t", "\u{200b}", "e\u{301}"][(at + n) % 6]);
            *from += 1;
        }
        text
    };
    (0..count).map(&mut line).collect()
}

/// A text before and after: every sixth line is another one, and some came.
fn unique_texts(from: &mut u32) -> (String, String) {
    let old = unique_lines(from, 40);
    let mut new = old.clone();
    (0..40).step_by(11).for_each(|at| new[at] = unique_lines(from, at % 3 + 2).join("\n"));
    (old.join("\n") + "\n", new.join("\n") + "\n")
}

/// By the key of each hunk, what stands in it.
fn characters(session: &Session, texts: &BTreeMap<String, (String, String)>) -> BTreeMap<String, BTreeSet<char>> {
    let Screen::Review(review) = &session.state.screen else { panic!("{}", session.frame()) };
    let mut found = BTreeMap::new();
    for (index, file) in review.document.files().iter().enumerate() {
        let (old, new) = &texts[&review.diff.files[index].path.to_string()];
        let compared = compare(old.as_bytes(), new.as_bytes());
        let text = |line: &Line| match *line {
            Line::Removed { old: line } => String::from_utf8_lossy(compared.old.get(old.as_bytes(), line)).into_owned(),
            Line::Added { new: line } | Line::Context { new: line, .. } => {
                String::from_utf8_lossy(compared.new.get(new.as_bytes(), line)).into_owned()
            }
        };
        let own = |text: String| text.chars().filter(|c| *c >= '\u{4e00}').collect::<Vec<_>>();
        let hunks = compared.hunks.iter().map(|hunk| hunk.lines.iter().map(text).flat_map(own).collect());
        found.extend(file.inventory.as_ref().unwrap().hunks.iter().cloned().zip(hunks));
    }
    found
}

const STROKES: [&str; 44] = [
    "<space>", "<space>", "<space>", "<space>", "j", "k", "<ctrl-d>", "<ctrl-u>", "<ctrl-f>", "G", "g", "z", "]", "[",
    "}", "{", "u", "r", "R", "r", "R", "m", "w", "h", "l", "l", "W", "b", "+", "-", "X", "<enter>", "f", "@", "?", "i",
    "d", "v", "c", "<esc>", "<esc>", "<esc>", "<ctrl-o>", "M",
];
const SIZES: [(u16, u16); 10] =
    [(40, 10), (41, 11), (60, 16), (80, 24), (120, 30), (160, 20), (200, 12), (30, 8), (20, 5), (39, 40)];

fn strike(session: &mut Session, what: usize) {
    let event = match what {
        0..44 => Event::Stroke(Stroke::parse(STROKES[what].trim_matches(['<', '>'])).unwrap()),
        44..54 => {
            session.size = SIZES[what - 44];
            Event::Resize(session.size.0, session.size.1)
        }
        _ => {
            use MouseKind::{Drag, Press, WheelDown, WheelUp};
            let kind = [WheelDown, WheelUp, Press, Drag, Press][what % 5];
            let column = [29, 30, 28, 5, 38, 70, 100][what % 7];
            Event::Mouse(Mouse { kind, column, row: (what % 9) as u16 })
        }
    };
    session.take(VecDeque::from([event]));
    if matches!(session.state.screen, Screen::Queue) {
        session.press("<esc>").press("<enter>");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_character_of_a_hunk_that_is_marked_was_in_a_frame(strokes in prop::collection::vec(0usize..90, 1..120)) {
        let mut from = 0x4e00;
        let own = |path: &str| (path.to_owned(), unique_texts(&mut from));
        let texts: BTreeMap<_, _> = ["src/a.txt", "src/b.txt"].map(own).into();
        let files: Vec<_> = texts.iter().map(|(path, (old, new))| (&**path, &**old, &**new)).collect();
        let f = changed(&files, |_| {});
        let mut session = Session::new(&f, (80, 24));
        session.press("<enter>");
        let (hunks, mut shown) = (characters(&session, &texts), BTreeSet::new());
        shown.extend(session.frame().chars());
        for what in strokes {
            strike(&mut session, what);
            // What was marked was shown before the stroke.
            let Screen::Review(review) = &session.state.screen else { continue };
            for key in review.work.draft.seen.iter().filter_map(|key| hunks.get(key)) {
                let missing: Vec<_> = key.difference(&shown).collect();
                prop_assert!(missing.is_empty(), "{what}: {missing:?}\n{}", session.frame());
            }
            shown.extend(session.frame().chars());
        }
    }
}

#[test]
fn a_link_in_place_of_a_deleted_folder_is_read_and_the_folder_is_not_said_to_be_gone() {
    let f = Fixture::new();
    (0..4).for_each(|n| f.write(&format!("legacy/part{n}.txt"), &format!("text {n}\n")));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "gone", "main"]);
    std::fs::remove_dir_all(f.repo.join("legacy")).unwrap();
    std::os::unix::fs::symlink("src", f.repo.join("legacy")).unwrap();
    f.commit("mina", "Drop legacy");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 30)).press("<enter>").frame();
    assert!(!frame.contains("nothing is left below legacy"), "{frame}");
}

#[test]
fn the_same_word_where_it_is_run_is_no_place_of_an_edit_in_texts() {
    let yml = |word: &str| format!("on: push\njobs:\n  a:\n    environment: {word}\n    steps: []\n");
    let text = |word: &str| format!("We deploy to {word} first.\n");
    let (a, b, c, d) = (text("staging"), text("production"), yml("staging"), yml("production"));
    let files = [
        ("docs/part0.md", &*a, &*b),
        ("docs/part1.md", &*a, &*b),
        ("docs/part2.md", &*a, &*b),
        (".github/workflows/deploy.yml", &*c, &*d),
    ];
    let f = changed(&files, |_| {});
    let frame = marked_at_once(&f);
    assert!(frame.contains("3 hunks marked as seen"), "{frame}");
}

/// What each of three edits looks like in a file of its own, beside three that are the same to the letter.
fn with_values(ending: &str, line: impl Fn(&str, bool) -> String) -> Fixture {
    let keys = ["keep", "keep", "keep", "check", "verify"];
    let text = |key: &str, is_new: bool| format!("first\n\n{}\n", line(key, is_new));
    let files: Vec<_> =
        (0..).zip(keys).map(|(n, key)| (format!("part{n}.{ending}"), text(key, false), text(key, true))).collect();
    changed(&files.iter().map(|(path, old, new)| (&**path, &**old, &**new)).collect::<Vec<_>>(), |_| {})
}

#[test]
fn a_value_that_flips_is_the_same_edit_only_where_the_whole_line_is_the_same() {
    for (ending, old, new) in [
        ("txt", "false", "true"),
        ("txt", "0", "1"),
        ("txt", "8080", "80"),
        ("txt", "\"dev\"", "\"prod\""),
        ("txt", "user", "null"),
        ("yaml", "staging", "production"),
    ] {
        let f = with_values(ending, |key, is_new| format!("{key}: {}", if is_new { new } else { old }));
        let frame = marked_at_once(&f);
        assert!(frame.contains("3 hunks marked as seen") && frame.contains("left: 2 hunks"), "{new}: {frame}");
    }
    // A name is the same wherever it stands.
    let f = with_values("txt", |key, is_new| format!("{key}: {}", if is_new { "account" } else { "user" }));
    let frame = marked_at_once(&f);
    assert!(frame.contains("5 hunks marked as seen"), "{frame}");
}

#[test]
fn the_list_of_the_same_edit_shows_what_becomes_of_each_line() {
    let ends = "x".repeat(200);
    let f = with_values("txt", |key, is_new| {
        format!("{ends} {key}\u{1b}[2J\t{}({key}) {ends}", if is_new { "account" } else { "user" })
    });
    let mut session = Session::new(&f, (120, 24));
    let frame = session.press("<enter>").press("tpart0<enter>").press("]&").frame();
    assert!(!frame.contains("mark all"), "a finding keeps each on its own: {frame}");
    let f = with_values("txt", |key, is_new| {
        format!("{ends} {key}\t{}({key}) {ends}", if is_new { "account" } else { "user" })
    });
    let mut session = Session::new(&f, (120, 24));
    let frame = session.press("<enter>").press("tpart0<enter>").press("]&").frame();
    for (place, key) in [("part0.txt:1", "keep"), ("part3.txt:1", "check"), ("part4.txt:1", "verify")] {
        let row = frame.lines().find(|row| row.contains(place)).expect(&frame);
        assert!(row.contains(&format!(" {key}␉account({key}) xxxx")) && row.contains("x…"), "{frame}");
        assert!(row.contains("…xxxx"), "{frame}");
    }
    // Where there is no room for both, the place is there.
    session.size = (40, 24);
    let frame = session.frame();
    assert!(frame.contains("part4.txt:1"), "{frame}");
}

#[test]
fn each_of_many_hunks_that_a_rule_speaks_of_is_left_to_be_read() {
    let hunk = |n: usize, word: &str| format!("{}requests.get(url{n}, verify={word})\n", "# nothing\n".repeat(9));
    let python = |word: &str| (0..60).map(|n| hunk(n, word)).collect::<String>();
    let plain = |word: &str| format!("first\n\nshow(keep={word})\n");
    let (a, b, c, d) = (plain("True"), plain("False"), python("True"), python("False"));
    let files = [("a/part0.txt", &*a, &*b), ("a/part1.txt", &*a, &*b), ("a/part2.txt", &*a, &*b), ("z.py", &*c, &*d)];
    let f = changed(&files, |_| {});
    let frame = marked_at_once(&f);
    assert!(frame.contains("3 hunks marked as seen"), "{frame}");
}

/// Four files that moved, four of a folder that is gone, and a long one; each with characters of its own.
fn groups() -> (Fixture, BTreeMap<String, String>) {
    let (f, mut from) = (Fixture::new(), 0x4e00);
    let text = |lines: usize, from: &mut u32| unique_lines(from, lines).join("\n") + "\n";
    let mut texts = BTreeMap::new();
    for n in 0..4 {
        f.write(&format!("moved/from/long/path/{n}.txt"), &text(9, &mut from));
        texts.insert(format!("gone/with/long/path/{n}.txt"), text(9, &mut from));
    }
    texts.insert("big/long.txt".to_owned(), text(60, &mut from));
    f.write("big/stays.txt", "stays\n");
    texts.iter().for_each(|(path, text)| f.write(path, text));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "groups", "main"]);
    f.git("mina", &["mv", "moved", "here"]);
    texts.keys().for_each(|path| std::fs::remove_file(f.repo.join(path)).unwrap());
    f.write("a.txt", "one\ntwo\n");
    f.commit("mina", "Move and delete");
    f.git("mina", &["checkout", "-q", "main"]);
    (f, texts)
}

/// What was in the frames since the size of the screen last changed: words; and the characters since the beginning.
#[derive(Default)]
struct Frames {
    words: BTreeSet<String>,
    characters: BTreeSet<char>,
}

impl Frames {
    fn take(&mut self, frame: &str) {
        self.words.extend(frame.split_whitespace().map(str::to_owned));
        self.characters.extend(frame.chars());
    }

    fn had(&self, sentence: &str) -> bool {
        sentence.split_whitespace().all(|word| self.words.contains(word))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn what_is_marked_of_a_group_was_told_or_shown(strokes in prop::collection::vec(0usize..90, 1..150)) {
        let (f, texts) = groups();
        let mut session = Session::new(&f, (80, 24));
        session.press("<enter>");
        let mut frames = Frames::default();
        frames.take(&session.frame());
        for what in strokes {
            strike(&mut session, what);
            let Screen::Review(review) = &session.state.screen else { continue };
            if review.part.shown().is_some() {
                continue;
            }
            for (index, file) in review.document.files().iter().enumerate() {
                let key = file.inventory.as_ref().and_then(|own| own.hunks.first());
                if !key.is_some_and(|key| review.work.draft.seen.contains(key)) {
                    continue;
                }
                let path = review.diff.files[index].path.to_string();
                let told = if path.starts_with("here") {
                    let own = format!("moved from {};", path.replace("here", "moved"));
                    frames.had(&own) || frames.had("from moved/ to here/, with the same names below it and bytes;")
                } else if let Some(text) = texts.get(&path) {
                    let all = text.chars().filter(|c| *c >= '\u{4e00}').all(|c| frames.characters.contains(&c));
                    all || frames.had(if path.starts_with("big") {
                        "deleted with all its 60 lines;"
                    } else {
                        "4 files deleted, and nothing is left below gone/;"
                    })
                } else {
                    true
                };
                prop_assert!(told, "{what} {path}\n{}", session.frame());
            }
            frames.take(&session.frame());
        }
    }
}

#[test]
fn a_group_is_marked_only_once_the_rules_have_said_who_is_none_of_it() {
    let f = Fixture::new();
    ["a.txt", "b.txt", "c.txt"].iter().for_each(|name| f.write(&format!("legacy/{name}"), "text\n"));
    f.write("legacy/test_d.py", "def test_d():\n    assert d() == 1\n");
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "gone", "main"]);
    std::fs::remove_dir_all(f.repo.join("legacy")).unwrap();
    f.commit("mina", "Drop legacy");
    f.git("mina", &["checkout", "-q", "main"]);
    let (mut session, later) = before_the_rules_spoke(&f);
    assert!(session.frame().contains("4 files deleted"), "{}", session.frame());
    session.press("r");
    session.take(later.into());
    let frame = session.frame();
    assert!(frame.contains("3 files deleted") && frame.contains("left: 2 hunks · 1 finding"), "{frame}");
    let frame = session.press("}r").frame();
    assert!(frame.contains("left: 1 hunk · 1 finding"), "{frame}");
}

#[test]
fn a_file_with_a_finding_is_read_also_where_the_finding_points_at_one_of_its_hunks_only() {
    let database = |n: usize, word: &str| {
        let notes = "  # nothing\n".repeat(9);
        format!("resource \"aws_db_instance\" \"d{n}\" {{\n{notes}  deletion_protection = {word}\n{notes}}}\n\n")
    };
    let databases = |word: &str| (0..4).map(|n| database(n, word)).collect::<String>();
    let plain = |word: &str| format!("locals {{\n  tidy = {word}\n}}\n");
    let (a, b, c, d) = (plain("true"), plain("false"), databases("true"), databases("false"));
    let files = [
        ("infra/part0.tf", &*a, &*b),
        ("infra/part1.tf", &*a, &*b),
        ("infra/part2.tf", &*a, &*b),
        ("infra/z.tf", &*c, &*d),
    ];
    let f = changed(&files, |_| {});
    let frame = marked_at_once(&f);
    assert!(frame.contains("3 hunks marked as seen") && frame.contains("left: 4 hunks"), "{frame}");
}

#[test]
fn an_answer_is_about_the_whole_line() {
    let line = |end: &str| format!("requests.get(url, verify=False)  # {} {end}\n", "x".repeat(220));
    let f = changed(&[("src/a.py", "import requests\n", &format!("import requests\n{}", line("one")))], |_| {});
    Session::new(&f, (120, 30)).press("<enter>)aIt is a test host.<enter>").press("qq");
    let frame = Session::new(&f, (120, 30)).press("<enter>").frame();
    assert!(frame.contains("✓ answered"), "{frame}");
    f.git("mina", &["checkout", "-q", "rename"]);
    f.write("src/a.py", &format!("import requests\n{}", line("two")));
    f.commit("mina", "Another");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 30)).press("<enter>").frame();
    assert!(!frame.contains("✓ answered"), "{frame}");
}

#[test]
fn a_rejection_that_came_while_the_change_was_open_stops_an_approval() {
    let f = changed(&[("notes/a.txt", "one\n", "two\n")], |_| {});
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter><space>");
    f.decide("rahim", "rename", Verdict::Reject);
    let frame = session.press("SaIt is fine.<enter>").frame();
    assert!(frame.contains("rahim rejected this meanwhile"), "{frame}");
    assert_eq!(undersign::ledger::read(&f.repository()).unwrap().iter().map(|chain| chain.len()).sum::<usize>(), 1);
    let frame = session.press("<ctrl-r>S").frame();
    assert!(frame.contains("cannot land until rahim takes that back"), "{frame}");
}

#[test]
fn one_answer_is_given_only_to_findings_on_hunks_that_were_seen() {
    let call = |verb: &str| format!("import requests\nrequests.{verb}(url, verify=False)\n");
    let [get, put, head] = ["get", "put", "head"].map(call);
    let before = "import requests\n";
    let files = [("src/a.py", before, &*get), ("src/b.py", before, &*put), ("src/c.py", before, &*head)];
    let f = changed(&files, |_| {});
    let mut session = Session::new(&f, (120, 40));
    let frame = session.press("<enter>)A").frame();
    assert!(frame.contains("Mark hunks as seen first"), "{frame}");
    let frame = session.press("r)rA").frame();
    assert!(frame.contains("One answer to 2 findings of ") && frame.contains("(1 more on hunks not seen)"), "{frame}");
    let frame = session.press("These are hosts of a test.<enter>").frame();
    assert_eq!(frame.matches("✓ answered").count(), 2, "{frame}");
    assert!(frame.contains("1 finding"), "{frame}");
}

#[test]
fn an_answer_is_about_one_secret() {
    let key = |end: &str| format!("KEY = \"AKIA{end}\"\n");
    let f = changed(&[("src/a.py", "import os\n", &format!("import os\n{}", key("Q3EGUT4QWERTYUPL")))], |_| {});
    Session::new(&f, (120, 30)).press("<enter>)aIt is a test key.<enter>").press("qq");
    let frame = Session::new(&f, (120, 30)).press("<enter>").frame();
    assert!(frame.contains("✓ answered"), "{frame}");
    f.git("mina", &["checkout", "-q", "rename"]);
    f.write("src/a.py", &format!("import os\n{}", key("Z7KGUT4QWERTYABC")));
    f.commit("mina", "Another");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 30)).press("<enter>").frame();
    assert!(!frame.contains("✓ answered"), "{frame}");
}

/// A branch that adds a binary file and a submodule.
fn opaque() -> Fixture {
    let f = Fixture::new();
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "opaque", "main"]);
    std::fs::write(f.repo.join("data.bin"), [0, 1, 2, 3]).unwrap();
    f.git("mina", &["add", "-A"]);
    let submodule = format!("160000,{},vendor/lib", "0123456789".repeat(4));
    f.git("mina", &["update-index", "--add", "--cacheinfo", &submodule]);
    f.git("mina", &["commit", "-q", "-m", "Opaque"]);
    f.git("mina", &["checkout", "-q", "-f", "main"]);
    f
}

/// What stands on the screen from one edge to the other, without blanks: sentences as they were before they were
/// folded.
fn unfolded(frame: &str) -> String {
    let row = |row: &str| row.trim_start_matches('▸').trim_end_matches(['·', '│', ' ']).replace([' ', '⊘'], "");
    frame.lines().map(row).collect()
}

const BINARY: &str = "binary after: 4 bytes, sha256 ";
const SUBMODULE: &str = "submodule after: commit 0123456789012345678901234567890123456789; its files are not in this \
                         repository";

#[test]
fn what_is_not_shown_is_said_whole_on_a_screen_of_any_width() {
    let f = opaque();
    for width in [40, 47, 60, 80] {
        let mut session = Session::new(&f, (width, 30));
        let frame = session.press("<enter>").frame();
        let said = unfolded(&frame);
        assert!(said.contains(&BINARY.replace(' ', "")) && said.contains(&SUBMODULE.replace(' ', "")), "{frame}");
        assert!(
            !frame.contains("sha256 …") && (width < 46 || frame.matches("[a] acknowledge").count() == 2),
            "{frame}"
        );
    }
}

#[test]
fn an_omission_is_acknowledged_once_all_that_is_said_of_it_was_on_the_screen() {
    let f = opaque();
    let mut session = Session::new(&f, (40, 10));
    session.press("<enter>").press("tlib<enter>");
    let frame = session.press("jjjjjj").frame();
    assert!(frame.contains("▸  ⊘ submodule after:") && !frame.contains("repository"), "{frame}");
    let frame = session.press("a").frame();
    assert!(frame.contains("Not yet: j shows the rest"), "{frame}");
    // What was on the screen is forgotten with its width: its words stood elsewhere.
    session.press("jjjjjj");
    session.size = (41, 10);
    session.take(VecDeque::from([Event::Resize(41, 10)]));
    let frame = session.press("kkka").frame();
    assert!(frame.contains("▸    this repository") && frame.contains("Not yet: j shows the rest"), "{frame}");
    session.press("kkkjjj");
    let frame = session.press("a").frame();
    assert!(frame.contains("Why is it acceptable"), "{frame}");
    let frame = session.press("Read there.<enter>").frame();
    assert!(frame.contains("✓ Read there."), "{frame}");
}

#[test]
fn a_step_from_omission_to_omission_goes_over_the_rest_of_what_one_says() {
    let f = opaque();
    let mut session = Session::new(&f, (40, 30));
    session.press("<enter>");
    let at = |session: &mut Session| {
        let frame = session.press(")").frame();
        frame.lines().find(|row| row.starts_with('▸')).map(|row| row[..row.len().min(24)].to_owned()).unwrap()
    };
    let steps: Vec<String> = (0..5).map(|_| at(&mut session)).collect();
    assert_eq!(steps.iter().filter(|row| row.contains('⊘')).count(), 2, "{steps:?}");
    assert_eq!(steps[0], steps[4], "{steps:?}");
}

#[test]
fn one_reason_is_given_only_for_omissions_that_were_on_the_screen() {
    let f = Fixture::new();
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "many", "main"]);
    for n in 0..30 {
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{n:064x}\nsize 1234\n");
        f.write(&format!("assets/{n:02}.bin"), &text);
    }
    f.commit("mina", "Assets");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 30));
    session.press("<enter>");
    let open = |session: &Session| -> usize {
        let frame = session.frame();
        let Some((before, _)) = frame.lines().next().unwrap().split_once(" omission") else { return 0 };
        before.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(open(&session), 30, "{}", session.frame());
    let frame = session.press(")A").frame();
    assert!(frame.contains("One reason for ") && frame.contains(" more not on the screen yet)"), "{frame}");
    session.press("Icons of the shop.<enter>");
    let left = open(&session);
    assert!((15..30).contains(&left), "{}", session.frame());
    session.press(&"<space>".repeat(60)).press(")A").press("More icons.<enter>");
    assert_eq!(open(&session), 0, "{}", session.frame());
}
