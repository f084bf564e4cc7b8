//! What counts as seen, attacked: edits that look the same and are not, and rows that nobody could have read.

use std::collections::VecDeque;

use undersign::app::keymap::Stroke;
use undersign::app::{Effect, update};

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
