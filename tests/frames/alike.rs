//! The same edit many times: shown once with its places, and marked as a whole.

use super::*;

/// `user` becomes `account` in eight files; in one of them something else changes beside it.
fn renamed_word() -> Fixture {
    let f = Fixture::new();
    let body = |n: usize, word: &str| {
        let head: String = (0..10).map(|line| format!("    step_{n}({line});\n")).collect();
        format!("fn part{n}() {{\n{head}    let {word} = find({n});\n    save({word});\n{head}    close({word});\n}}\n")
    };
    (0..8).for_each(|n| f.write(&format!("src/part{n}.rs"), &body(n, "user")));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "rename", "main"]);
    (0..8).for_each(|n| f.write(&format!("src/part{n}.rs"), &body(n, "account")));
    f.write("src/part3.rs", &body(3, "account").replace("find(3)", "find_all(3)"));
    f.commit("mina", "Say account");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn the_same_edit_in_many_hunks_is_listed_once_marked_as_a_whole_and_the_odd_one_out_is_left() {
    let f = renamed_word();
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("left: 16 hunks") && frame.contains("in 15 hunks: user → account  [&]"), "{frame}");
    let frame = session.press("]&").frame();
    assert!(frame.contains("mark all 15 hunks as seen") && frame.contains("src/part7.rs:"), "{frame}");
    insta::assert_snapshot!(frame);
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("15 hunks marked as seen") && frame.contains("left: 1 hunk"), "{frame}");
    let frame = session.press("u").frame();
    assert!(frame.contains("find_all(3)"), "{frame}");
    // It is kept, as every mark is.
    let frame = Session::new(&f, (120, 36)).press("<enter>").frame();
    assert!(frame.contains("left: 1 hunk"), "{frame}");
}

#[test]
fn a_place_of_the_list_leads_there_and_marks_nothing() {
    let f = renamed_word();
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").press("]&").press("part6").press("<enter>").frame();
    assert!(frame.contains("left: 16 hunks"), "{frame}");
    assert!(frame.lines().any(|line| line.contains('▸') && line.contains("@@")), "{frame}");
}

#[test]
fn what_is_typed_into_the_list_never_chooses_the_row_that_marks_all() {
    let f = renamed_word();
    for typed in ["seen", "all", "mark", "15", "part9", " "] {
        let mut session = Session::new(&f, (120, 36));
        let frame = session.press("<enter>").press("]&").press(typed).press("<enter>").frame();
        assert!(frame.contains("left: 16 hunks"), "{typed}: {frame}");
    }
    // Once nothing stands there any more, it is meant again.
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").press("]&").press("all").press("<backspace><backspace><backspace>").frame();
    assert!(frame.contains("mark all 15 hunks as seen"), "{frame}");
}

#[test]
fn an_edit_that_is_made_twice_only_is_read_twice() {
    let f = fixture(&["a", "b"]);
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").press("]").frame();
    assert!(!frame.contains("[&]"), "{frame}");
    assert!(session.press("&").frame().contains("No three hunks make exactly this edit."), "{}", session.frame());
}

#[test]
fn the_same_value_below_other_keys_is_another_edit() {
    let f = Fixture::new();
    let stage = |name: &str, replicas: u8| {
        let services =
            (0..3).map(|n| format!("  service{n}:\n    image: shop\n    port: 80\n    replicas: {replicas}\n"));
        format!("{name}:\n{}", services.collect::<String>())
    };
    // Below one key of each of three files it is the same: below the other two it is not.
    let text = |replicas| stage("dev", replicas) + &stage("prod", replicas);
    (0..3).for_each(|n| f.write(&format!("stages/{n}.yaml"), &text(3)));
    f.commit("rahim", "Stages");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "scale", "main"]);
    (0..3).for_each(|n| f.write(&format!("stages/{n}.yaml"), &text(2)));
    f.commit("mina", "Scale down");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 36)).press("<enter>").frame();
    assert!(!frame.contains("in 18 hunks") && !frame.contains("in 9 hunks"), "{frame}");
}

/// `user` becomes `account` in each of some files.
fn fixture(names: &[&str]) -> Fixture {
    let f = Fixture::new();
    let body = |word: &str| format!("fn part() {{\n    let {word} = find();\n}}\n");
    names.iter().for_each(|name| f.write(&format!("src/{name}.rs"), &body("user")));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "rename", "main"]);
    names.iter().for_each(|name| f.write(&format!("src/{name}.rs"), &body("account")));
    f.commit("mina", "Say account");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_hunk_that_a_finding_points_at_is_no_place_of_the_same_edit() {
    let f = Fixture::new();
    let body = |verify: &str| format!("import requests\n\nrequests.get(url, verify={verify})\n");
    let plain = |word: &str| format!("first\n\nshow(keep={word})\n");
    f.write("tls.py", &body("True"));
    (0..4).for_each(|n| f.write(&format!("part{n}.txt"), &plain("True")));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "off", "main"]);
    f.write("tls.py", &body("False"));
    (0..4).for_each(|n| f.write(&format!("part{n}.txt"), &plain("False")));
    f.commit("mina", "Say False");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 50));
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("left: 5 hunks") && frame.contains("in 4 hunks: True → False"), "{frame}");
    let frame = session.press("tpart2<enter>]&<enter>").frame();
    assert!(frame.contains("left: 1 hunk"), "{frame}");
}

#[test]
fn nothing_is_marked_by_an_edit_that_was_not_wholly_shown_once() {
    let f = Fixture::new();
    let body = |n: usize, word: &str| {
        let lines: String = (0..60).map(|line| format!("    {word}({n}, {line});\n")).collect();
        format!("fn part{n}() {{\n{lines}}}\n")
    };
    (0..3).for_each(|n| f.write(&format!("src/part{n}.rs"), &body(n, "old_call")));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "rename", "main"]);
    (0..3).for_each(|n| f.write(&format!("src/part{n}.rs"), &body(n, "new_call")));
    f.commit("mina", "Say new_call");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (100, 24));
    let frame = session.press("<enter>").press("]&<enter>").frame();
    assert!(frame.contains("not wholly on the screen yet") && frame.contains("left: 3 hunks"), "{frame}");
    // Once it was read to its end, it speaks for the others.
    session.press("<ctrl-f>").press("<ctrl-f>").press("<ctrl-f>").press("<ctrl-f>").press("<ctrl-f>").press("<ctrl-f>");
    let frame = session.press("gg").press("]&<enter>").frame();
    assert!(frame.contains("3 hunks marked as seen") && frame.contains("nothing left"), "{frame}");
}

#[test]
fn files_that_only_lose_their_carriage_returns_are_one_edit_and_what_else_changes_is_read() {
    let f = Fixture::new();
    let text = |n: usize| (0..10).map(|line| format!("key_{line}: \"{n}\"\n")).collect::<String>();
    let windows = |n: usize| text(n).replace('\n', "\r\n");
    (0..6).for_each(|n| f.write(&format!("conf/part{n}.yaml"), &windows(n)));
    f.write("conf/other.yaml", &text(7));
    f.commit("rahim", "Parts");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "ends", "main"]);
    (0..6).for_each(|n| f.write(&format!("conf/part{n}.yaml"), &text(n)));
    f.write("conf/part3.yaml", &text(3).replace("key_7: \"3\"", "key_7: \"4\""));
    f.write("conf/other.yaml", &windows(7));
    f.commit("mina", "Drop the returns");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").press("tpart0<enter>").press("]").frame();
    assert!(frame.contains("in 5 hunks: line ends CRLF → LF  [&]"), "{frame}");
    let frame = session.press("&").press("<enter>").frame();
    assert!(frame.contains("5 hunks marked as seen") && frame.contains("left: 2 hunks"), "{frame}");
}
