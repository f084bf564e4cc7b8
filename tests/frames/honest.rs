//! What an attacker would want: shown so that nobody sees it, or counted as seen though it never was on the screen.

use std::collections::VecDeque;

use undersign::app::keymap::Stroke;
use undersign::app::update;

use super::reader::{fixture, numbered, opened};
use super::*;

/// All that a page and the pages below it show.
fn all_of(session: &mut Session) -> String {
    let mut all = String::new();
    for _ in 0..30 {
        all.push_str(&session.frame());
        session.press("<pagedown>");
    }
    all
}

#[test]
fn emoji_and_selectors_do_not_push_code_off_the_edge() {
    let warned = format!("log(\"{} done\"); evil_1();\n", "⚠\u{fe0f}".repeat(30));
    let hash = format!("/* #{} */ evil_2();\n", "\u{fe0f}".repeat(9));
    let joined = format!("{} evil_3();\n", "👩\u{200d}💻".repeat(20));
    let many = format!("⚠{} evil_4();\n", "\u{fe0f}\u{200d}".repeat(20));
    let f = fixture(&[], &[("a.js", &[warned, hash, joined, many].concat())]);
    let mut session = opened(&f, (80, 24));
    let all = all_of(&mut session);
    for name in ["evil_1", "evil_2", "evil_3", "evil_4"] {
        assert!(all.contains(name), "{name}: {all}");
    }
}

#[test]
fn line_numbers_of_six_digits_cut_nothing_off() {
    let old = numbered(0..100_200);
    let exact = format!("{}!\n", "Z".repeat(64));
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &format!("{old}{exact}"))]);
    let mut session = opened(&f, (80, 24));
    assert!(all_of(&mut session).contains("Z!"), "{}", session.frame());
    assert!(session.frame().contains(" 100199 100199 "), "{}", session.frame());
}

#[test]
fn what_is_typed_ahead_of_the_screen_marks_nothing() {
    let f = fixture(&[], &[("a.txt", &numbered(0..200))]);
    let mut session = opened(&f, (80, 24));
    // Sixty strokes before one frame.
    for _ in 0..60 {
        update(&mut session.state, Event::Stroke(Stroke::parse("space").unwrap()));
    }
    session.state.drawn();
    assert!(left(&session.frame()).contains("1 hunk"), "{}", session.frame());
}

#[test]
fn nothing_is_shown_on_a_screen_that_is_too_small_or_under_a_window() {
    let f = fixture(&[], &[("a.txt", &numbered(0..200))]);
    for keys in ["", "S", "?", "@"] {
        let mut session = opened(&f, (80, 24));
        session.press(keys);
        for size in [(39, 9), (300, 1000)] {
            if keys.is_empty() && size.1 > 9 {
                continue;
            }
            session.size = size;
            session.take(VecDeque::from([Event::Resize(size.0, size.1)]));
            session.press(if keys.is_empty() { "<pagedown><pagedown><pagedown>" } else { "" });
        }
        session.size = (80, 24);
        session.take(VecDeque::from([Event::Resize(80, 24)]));
        session.press("<esc>r");
        assert!(session.frame().contains("not marked: 1"), "{keys}: {}", session.frame());
    }
}

#[test]
fn what_is_said_of_a_file_is_part_of_its_first_hunk() {
    let f = fixture(&[("a.txt", "one\ntwo\n"), ("b.txt", &numbered(0..60))], &[("a.txt", "one\n2")]);
    let mut session = opened(&f, (100, 24));
    session.press("]");
    assert!(session.frame().contains("≡ no newline at the end of the file"), "a jump shows it: {}", session.frame());
}

#[test]
fn the_same_lines_elsewhere_are_another_change() {
    let old = "test:\n  s:\n    a: 1\n    b: 2\n    c: 3\n    on: no\n    d: 4\n    e: 5\n    f: 6\nprod:\n  s:\n    a: 1\n    b: 2\n    c: 3\n    on: no\n    d: 4\n    e: 5\n    f: 6\n";
    let in_test = old.replacen("on: no", "on: yes", 1);
    let in_prod = in_test.replacen("on: no", "on: yes", 1).replacen("on: yes", "on: no", 1);
    let f = fixture(&[("a.yaml", old)], &[("a.yaml", &in_test)]);
    opened(&f, (100, 30)).press("<space>qq");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("a.yaml", &in_prod);
    f.git("mina", &["commit", "-q", "-a", "--amend", "-m", "Work on it"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (100, 30));
    session.press("u<enter>");
    assert!(left(&session.frame()).contains("1 hunk"), "{}", session.frame());
    session.press("D");
    assert!(session.frame().contains("!  "), "nor is the commit the same: {}", session.frame());
}

#[test]
fn a_final_newline_that_goes_takes_the_mark_with_it() {
    let f = fixture(&[("a.txt", "one\n")], &[("a.txt", "one\ntwo\n")]);
    opened(&f, (100, 30)).press("<space>qq");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("a.txt", "one\ntwo");
    f.commit("mina", "No newline");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (100, 30));
    session.press("u<enter>");
    assert!(left(&session.frame()).contains("1 hunk"), "{}", session.frame());
}

/// The trunk moves, and the branch is set anew on top of it with files as given.
fn rebased(f: &Fixture, base: &[(&str, &str)], branch: &[(&str, &str)]) -> Session {
    opened(f, (100, 30)).press("<space>qq");
    for (path, text) in base {
        f.write(path, text);
    }
    f.commit("mina", "The base moves");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["reset", "-q", "--hard", "main"]);
    for (path, text) in branch {
        f.write(path, text);
    }
    f.commit("mina", "Work on it");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(f, (100, 30));
    session.press("u");
    session
}

#[test]
fn a_rebase_that_takes_back_what_the_base_did_is_no_pure_rebase() {
    let old = numbered(0..40);
    let edited = old.replace("line 5\n", "line five\n");
    let fixed = old.replace("line 25\n", "SECURITY FIX\n");
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &edited)]);
    let mut session = rebased(&f, &[("a.txt", &fixed)], &[("a.txt", &edited)]);
    assert!(!session.frame().contains("pure rebase"), "{}", session.frame());
    session.press("<enter>d");
    assert!(session.frame().contains("− SECURITY FIX"), "{}", session.frame());
    // Where both touched the same lines, and the change won.
    let near = old.replace("line 6\n", "SECURITY FIX\n");
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &edited)]);
    let mut session = rebased(&f, &[("a.txt", &near)], &[("a.txt", &edited)]);
    assert!(!session.frame().contains("pure rebase"), "{}", session.frame());
    session.press("<enter>d");
    assert!(session.frame().contains("− SECURITY FIX"), "{}", session.frame());
}

/// Like blocks, one a name, each on or off.
fn blocks(states: &[(&str, &str)]) -> String {
    let block = |(name, state): &(&str, &str)| {
        format!("---\nname: {name}\nspec:\n  a: 1\n  b: 2\n  c: 3\n  on: {state}\n  d: 4\n  e: 5\n  f: 6\n")
    };
    states.iter().map(block).collect()
}

#[test]
fn a_mark_does_not_pass_to_a_like_block_where_the_base_gains_loses_or_sorts_some() {
    let (dev, prod, test) = (("dev", "no"), ("prod", "no"), ("test", "no"));
    let (dev_on, prod_on) = (("dev", "yes"), ("prod", "yes"));
    for (base, seen, moved, other) in [
        (&[dev][..], &[dev_on][..], &[prod, dev][..], &[prod_on, dev][..]),
        (&[test, dev, prod], &[test, dev_on, prod], &[dev, prod], &[dev, prod_on]),
        (&[dev, prod], &[dev_on, prod], &[prod, dev], &[prod_on, dev]),
        (&[dev], &[dev_on], &[prod], &[prod_on]),
    ] {
        let [base, seen, moved, other] = [base, seen, moved, other].map(blocks);
        let f = fixture(&[("a.yaml", &base)], &[("a.yaml", &seen)]);
        let mut session = rebased(&f, &[("a.yaml", &moved)], &[("a.yaml", &other)]);
        let frame = session.press("<enter>").frame();
        assert!(left(&frame).contains("1 hunk"), "another block is not what was seen: {frame}");
        // It does not hang on how often it is opened.
        let frame = session.press("q").press("u<enter>").frame();
        assert!(left(&frame).contains("1 hunk"), "{frame}");
    }
}

#[test]
fn a_mark_follows_its_hunk_where_the_base_gained_lines_above_it() {
    let old = numbered(0..40);
    let new = old.replace("line 30\n", "line thirty\n");
    let moved = format!("first\n{old}");
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &new)]);
    let mut session = rebased(&f, &[("a.txt", &moved)], &[("a.txt", &format!("first\n{new}"))]);
    let frame = session.press("<enter>").frame();
    assert!(!left(&frame).contains("hunk"), "{frame}");
    let frame = session.press("q").press("u<enter>").frame();
    assert!(!left(&frame).contains("hunk"), "{frame}");
}

#[test]
fn an_answer_stays_with_what_its_line_stands_in() {
    let text = |probe: &str, pay: &str| {
        let rest = numbered(0..30).replace("line", "# line");
        format!("import requests\n\n\ndef probe(url):\n    {probe}\n\n\n{rest}\ndef pay(url):\n    {pay}\n")
    };
    let off = "return requests.get(url, verify=False)";
    let f = fixture(&[("a.py", &text("return 1", "return 2"))], &[("a.py", &text(off, "return 2"))]);
    opened(&f, (120, 40)).press("<space>)aIt is a test host.<enter>qq");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("a.py", &text("return 1", off));
    f.git("mina", &["commit", "-q", "-a", "--amend", "-m", "Work on it"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 40));
    let frame = session.press("u<enter>").frame();
    assert!(left(&frame).contains("1 finding"), "{frame}");
}

#[test]
fn a_moved_line_that_was_edited_has_another_mark_side_by_side_too() {
    let body = |limit: &str| {
        format!(
            "def check(a):\n    left = account.balance(a)\n    spent = account.spent_today(a)\n    total = sum(a.amounts)\n    check_limits({limit}, total)\n    return total > 0\n    # the end of it\n"
        )
    };
    let rest = numbered(0..30);
    let f = fixture(
        &[("a.py", &format!("{}{rest}", body("a"))), ("b.py", &rest)],
        &[("a.py", &rest), ("b.py", &format!("{rest}{}", body("b")))],
    );
    for size in [(120, 50), (220, 50)] {
        let frame = opened(&f, size).frame();
        assert!(frame.contains('»') && frame.contains('≈'), "{frame}");
    }
}

#[test]
fn a_deleted_source_file_is_not_taken_for_a_minified_one() {
    let f = fixture(&[("core.py", &numbered(0..2_500))], &[]);
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["rm", "-q", "core.py"]);
    f.git("mina", &["commit", "-q", "-m", "Remove"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = opened(&f, (100, 30));
    let frame = session.frame();
    assert!(!frame.contains("minified") && frame.contains("deleted with all its 2500 lines"), "{frame}");
    assert!(session.press("<enter>").frame().contains("− line 0"), "{}", session.frame());
}

/// Marks an edit as seen, makes another one in its place, and gives what the reader says of that.
fn edited_elsewhere(path: &str, old: &str, first: &str, second: &str) -> String {
    let f = fixture(&[(path, old)], &[(path, first)]);
    opened(&f, (100, 30)).press("<space><space>qq");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write(path, second);
    f.git("mina", &["commit", "-q", "-a", "--amend", "-m", "Work on it"]);
    f.git("mina", &["checkout", "-q", "main"]);
    Session::new(&f, (100, 30)).press("u<enter>").frame()
}

#[test]
fn the_same_edit_in_another_of_like_blocks_is_not_seen() {
    let block = |name: &str, on: &str| {
        format!("---\nname: {name}\nspec:\n  a: 1\n  b: 2\n  c: 3\n  on: {on}\n  d: 4\n  e: 5\n  f: 6\n")
    };
    let file = |dev: &str, prod: &str| block("dev", dev) + &block("prod", prod);
    let frame = edited_elsewhere("a.yaml", &file("no", "no"), &file("yes", "no"), &file("no", "yes"));
    assert!(left(&frame).contains("1 hunk"), "{frame}");
    let user = |name: &str, on: &str| {
        format!(
            "  {{\n    \"name\": \"{name}\",\n    \"a\": 1,\n    \"b\": 2,\n    \"c\": 3,\n    \"admin\": {on},\n    \"d\": 4,\n    \"e\": 5,\n    \"f\": 6\n  }},\n"
        )
    };
    let file = |dev: &str, root: &str| format!("[\n{}{}]\n", user("dev", dev), user("root", root));
    let frame = edited_elsewhere("a.json", &file("false", "false"), &file("true", "false"), &file("false", "true"));
    assert!(left(&frame).contains("1 hunk"), "{frame}");
}

#[test]
fn a_long_line_that_was_acknowledged_is_another_one_elsewhere() {
    let long = format!("x = \"{}\"\n", "y ".repeat(11_000));
    let file = |a: &str, b: &str| format!("test = {{\n{a}}}\n{}prod = {{\n{b}}}\n", numbered(0..200));
    let f = fixture(&[("a.py", &file("", ""))], &[("a.py", &file(&long, ""))]);
    let mut session = opened(&f, (100, 30));
    session.press("G(");
    let frame = session.frame();
    assert!(left(&frame).contains("1 omission"), "{frame}");
    session.press("aOnly a fixture.<enter>qq");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("a.py", &file("", &long));
    f.git("mina", &["commit", "-q", "-a", "--amend", "-m", "Work on it"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (100, 30)).press("u<enter>").frame();
    assert!(left(&frame).contains("1 omission"), "{frame}");
}

#[test]
fn a_hunk_that_was_read_in_part_is_marked_once_the_rest_is_read() {
    let f = fixture(&[], &[("a.txt", &numbered(0..60))]);
    opened(&f, (100, 24)).press("<space>qq");
    let mut session = opened(&f, (100, 24));
    session.press("G<space>");
    assert!(left(&session.frame()).contains("1 hunk"), "the middle was not read: {}", session.frame());
    session.press("gg<space><space><space><space>");
    assert!(!left(&session.frame()).contains("hunk"), "{}", session.frame());
}

#[test]
fn pictures_carry_nothing_that_does_not_show() {
    let f = fixture(&[("a.py", "role(\"👩\")\n")], &[("a.py", "role(\"👩\u{fe0f}\")\n")]);
    assert!(opened(&f, (100, 24)).frame().contains("<U+FE0F>"));
    let chain = format!("run(\"👩{}\")\n", "\u{200d}🔥".repeat(240));
    let f = fixture(&[], &[("a.py", &chain)]);
    assert!(opened(&f, (100, 24)).frame().contains("<U+200D>"));
}

#[test]
fn a_comparison_that_gave_up_says_so() {
    let text = |edit: bool| -> String {
        (0..30_000)
            .map(|n| if edit && n % 10_000 == 5 { "evil\n".into() } else { format!("word {}\n", n * 7 % 200) })
            .collect()
    };
    let shuffled: String = text(false).lines().rev().map(|line| format!("{line}\n")).collect();
    let f = fixture(&[("a.txt", &text(false))], &[("a.txt", &shuffled)]);
    assert!(opened(&f, (120, 24)).frame().contains("too repetitive to compare line by line"));
}

#[test]
fn leaving_before_all_files_are_read_forgets_nothing_of_the_last_sitting() {
    let f = fixture(&[], &[("a.txt", &numbered(0..60))]);
    opened(&f, (100, 24)).press("qq");
    let session = opened(&f, (100, 24));
    let undersign::app::Screen::Review(review) = &session.state.screen else { panic!("the reader is open") };
    let draft = review.work.draft.clone();
    assert!(!draft.shown.is_empty());
    let (change, snapshot, diff) = (review.change.clone(), review.snapshot.clone(), review.diff.clone());
    let unread = undersign::app::review::Review::new(9, change, snapshot, diff, Some(draft.clone()), false);
    assert_eq!(unread.partly_shown(), draft.shown);
}

#[test]
fn what_could_not_be_written_is_said_from_its_beginning_on_at_every_size() {
    let f = two_changes();
    for size in [(80, 24), (120, 36), (200, 60)] {
        let mut session = Session::new(&f, size);
        session.press("<enter>Sr").press("No.<enter>");
        std::fs::write(f.repo.join(".git/refs/undersign"), "in the way").unwrap();
        session.press("reject<enter>");
        std::fs::remove_file(f.repo.join(".git/refs/undersign")).unwrap();
        let frame = session.frame();
        let words: Vec<&str> = frame.split_whitespace().filter(|word| *word != "│").collect();
        let said = words.join(" ");
        assert!(said.contains("The ledger cannot be written"), "{frame}");
        assert!(said.contains("the draft is kept."), "{frame}");
        assert!(said.contains("bytes are signed"), "{frame}");
    }
}

#[test]
fn a_branch_that_moves_while_it_is_read_is_told_and_read_again_only_when_that_is_asked_for() {
    let f = fixture(&[("a.txt", "one\n"), ("b.txt", "b\n")], &[("a.txt", "one\ntwo\n"), ("b.txt", "b\nc\n")]);
    for size in [(100, 30), (80, 24)] {
        let mut session = opened(&f, size);
        session.press("<space>");
        let before = session.frame();
        f.git("mina", &["checkout", "-q", "topic"]);
        f.write("b.txt", &format!("b\nnews for {}\n", size.0));
        f.git("mina", &["commit", "-q", "-a", "--amend", "-m", "Work on it"]);
        f.git("mina", &["checkout", "-q", "main"]);
        session.press("j");
        assert!(!session.frame().contains("↻"), "it looks at most every two seconds");
        session.state.now += 3;
        session.press("k");
        let told = session.frame();
        assert!(told.contains("↻ moved (ctrl-r)") && told.contains("The branch moved to "), "{told}");
        assert!(!told.contains(&format!("news for {}", size.0)), "what is read does not move by itself: {told}");
        session.press("j");
        assert!(session.frame().contains("↻ moved (ctrl-r)"), "{}", session.frame());
        session.press("<ctrl-r>");
        let now = session.frame();
        assert!(!now.contains("↻") && now.contains("marks of what stayed are kept"), "{before}\n{now}");
        assert!(left(&now).contains("1 hunk"), "the mark of a.txt is kept: {now}");
        session.press("d");
        assert!(session.frame().contains(&format!("news for {}", size.0)), "{}", session.frame());
        session.press("qq");
    }
}

#[test]
fn a_target_that_moves_and_a_branch_that_goes_are_told_while_one_reads() {
    let f = fixture(&[("a.txt", "one\n")], &[("a.txt", "one\ntwo\n")]);
    let mut session = opened(&f, (100, 30));
    f.write("other.txt", "x\n");
    f.commit("mina", "The target moves");
    session.state.now += 3;
    session.press("j");
    assert!(session.frame().contains("↻ target moved (ctrl-r)"), "{}", session.frame());
    session.press("<ctrl-r>");
    assert!(!session.frame().contains("↻"), "{}", session.frame());
    f.git("mina", &["branch", "-q", "-D", "topic"]);
    session.state.now += 3;
    session.press("j");
    assert!(session.frame().contains("↻ branch is gone"), "{}", session.frame());
    session.press("<ctrl-r>");
    let frame = session.frame();
    assert!(frame.contains("It is no longer pending") && frame.contains("two"), "what was read stays: {frame}");
}
