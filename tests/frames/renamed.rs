//! What a person did, and what is known of a file, follows it when a later commit or patch set renames it.

use super::reader::{fixture, numbered, opened};
use super::*;

#[test]
fn who_is_said_to_have_written_a_line_follows_a_file_that_a_later_commit_renamed() {
    let old = numbered(1..20);
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &format!("{old}by the tool\n"))]);
    let note = r#"a.txt
  0123456789abcdef 20
---
{"schema_version": "authorship/3.0.0", "base_commit_sha": "0",
 "prompts": {"0123456789abcdef": {"agent_id": {"tool": "claude", "id": "1", "model": "m"}}}}
"#;
    f.git("mina", &["checkout", "-q", "topic"]);
    let file = f.dir.path().join("note");
    std::fs::write(&file, note).unwrap();
    f.git("mina", &["notes", "--ref=ai", "add", "-F", file.to_str().unwrap(), "topic"]);
    f.git("mina", &["mv", "a.txt", "b.txt"]);
    f.write("b.txt", &format!("{old}by the tool\nby hand\n"));
    f.commit("mina", "Rename it, and add a line");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = opened(&f, (100, 24));
    session.press("b");
    let frame = session.frame();
    assert!(frame.contains("moved from a.txt"), "{frame}");
    assert!(frame.contains("20A + by the tool") && frame.contains("21· + by hand"), "{frame}");
}

/// Another commit on `topic`: a file is renamed, and its text is what it is given, if anything.
fn rename(f: &Fixture, from: &str, to: &str, text: Option<&str>) {
    f.git("mina", &["checkout", "-q", "topic"]);
    std::fs::create_dir_all(f.repo.join(to).parent().unwrap()).unwrap();
    f.git("mina", &["mv", from, to]);
    text.into_iter().for_each(|text| f.write(to, text));
    f.commit("mina", "Rename it");
    f.git("mina", &["checkout", "-q", "main"]);
}

/// `main` changes a file, and `topic` is put on top of that.
fn rebase(f: &Fixture, path: &str, text: &str) {
    f.git("mina", &["checkout", "-q", "main"]);
    f.write(path, text);
    f.commit("mina", "The base moves");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
}

/// What came since one looked.
fn since(f: &Fixture) -> String {
    opened(f, (110, 40)).press("d").frame()
}

/// A text of forty lines and an edit of its thirtieth.
fn texts() -> (String, String) {
    let old = numbered(1..40);
    let new = old.replace("line 30\n", "line thirty\n");
    (old, new)
}

#[test]
fn a_file_that_was_renamed_since_is_one_entry_with_nothing_to_read_but_its_name() {
    let (old, new) = texts();
    // The target has the file, or the change adds it.
    for before in [&[("a.txt", old.as_str())][..], &[]] {
        let f = fixture(before, &[("a.txt", &new)]);
        opened(&f, (110, 40)).press("<space>qq");
        rename(&f, "a.txt", "b.txt", None);
        let frame = since(&f);
        assert!(
            frame.contains("1 file renamed, with the same content.") && frame.contains("since you looked"),
            "{frame}"
        );
        assert!(frame.contains("moved from a.txt; the same content, byte for byte"), "{frame}");
        assert!(!frame.contains("thirty") && !frame.contains("deleted"), "{frame}");
        if !before.is_empty() {
            with_filters(|| insta::assert_snapshot!(frame));
        }
    }
}

#[test]
fn a_rename_with_an_edit_shows_the_edit_alone() {
    let (old, new) = texts();
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &new)]);
    opened(&f, (110, 40)).press("<space>qq");
    rename(&f, "a.txt", "b.txt", Some(&new.replace("line 20\n", "line twenty\n")));
    let frame = since(&f);
    assert!(frame.contains("1 file reworked") && frame.contains("moved from a.txt; below is what changed"), "{frame}");
    assert!(frame.contains("+ line twenty") && !frame.contains("thirty"), "{frame}");
}

#[test]
fn a_rename_that_is_taken_back_or_goes_on_to_another_name_is_told_from_the_name_that_one_saw() {
    let (old, new) = texts();
    for (to, told) in [("a.txt", "moved from b.txt"), ("c.txt", "moved from b.txt")] {
        let f = fixture(&[("a.txt", &old)], &[]);
        rename(&f, "a.txt", "b.txt", Some(&new));
        opened(&f, (110, 40)).press("<space>qq");
        rename(&f, "b.txt", to, None);
        let frame = since(&f);
        assert!(frame.contains("1 file renamed, with the same content.") && frame.contains(told), "{frame}");
        assert!(!frame.contains("thirty"), "{frame}");
    }
}

#[test]
fn what_the_base_did_to_a_file_that_the_change_renames_is_taken_out() {
    let (old, new) = texts();
    let based = old.replace("line 2\n", "line two\n");
    // Renamed before one looked and since, since alone, and before to another name.
    for (first, second) in [(Some("b.txt"), None), (None, Some("b.txt")), (Some("b.txt"), Some("c.txt"))] {
        let f = fixture(&[("a.txt", &old)], &[]);
        match first {
            Some(to) => rename(&f, "a.txt", to, Some(&new)),
            None => {
                f.git("mina", &["checkout", "-q", "topic"]);
                f.write("a.txt", &new);
                f.commit("mina", "Edit it");
            }
        }
        opened(&f, (110, 40)).press("<space>qq");
        rebase(&f, "a.txt", &based);
        match second {
            Some(to) => rename(&f, first.unwrap_or("a.txt"), to, None),
            None => {
                f.git("mina", &["checkout", "-q", "topic"]);
                f.write("b.txt", &new.replace("line 2\n", "line two\n").replace("line 20\n", "line twenty\n"));
                f.commit("mina", "One thing more");
                f.git("mina", &["checkout", "-q", "main"]);
            }
        }
        let frame = since(&f);
        assert!(!frame.contains("line two") && !frame.contains("thirty"), "{frame}");
        assert!(!frame.contains("touched the same lines"), "{frame}");
        let told = if second.is_some() { "1 file renamed, with the same content." } else { "+ line twenty" };
        assert!(frame.contains(told), "{frame}");
    }
}

/// `topic` edits a file that the target renames meanwhile.
fn renamed_by_the_target() -> Fixture {
    let (old, new) = texts();
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &new)]);
    opened(&f, (110, 40)).press("<space>qq");
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("mina", &["mv", "a.txt", "b.txt"]);
    f.write("b.txt", &old.replace("line 2\n", "line two\n"));
    f.commit("mina", "Rename it, and edit it");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_rebase_over_a_rename_by_the_target_is_a_pure_one() {
    let f = renamed_by_the_target();
    let frame = since(&f);
    assert!(frame.contains("A pure rebase"), "{frame}");
    let f = renamed_by_the_target();
    f.git("mina", &["checkout", "-q", "topic"]);
    let text = std::fs::read_to_string(f.repo.join("b.txt")).unwrap();
    f.write("b.txt", &text.replace("line 20\n", "line twenty\n"));
    f.commit("mina", "One thing more");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = since(&f);
    assert!(frame.contains("1 file reworked") && frame.contains("+ line twenty"), "{frame}");
    assert!(!frame.contains("thirty") && !frame.contains("two") && !frame.contains("moved from"), "{frame}");
}

#[test]
fn another_file_under_a_name_that_was_left_is_not_taken_for_the_one_that_left_it() {
    let (old, new) = texts();
    let f = fixture(&[("a.txt", &old)], &[]);
    rename(&f, "a.txt", "b.txt", Some(&new));
    opened(&f, (110, 40)).press("<space>qq");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("a.txt", "something else\n");
    f.commit("mina", "A file under the old name");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = since(&f);
    assert!(frame.contains("1 file reworked") && frame.contains("+ something else"), "{frame}");
    assert!(!frame.contains("moved from") && !frame.contains("thirty") && !frame.contains("b.txt"), "{frame}");
}

#[test]
fn a_file_that_was_renamed_since_to_where_it_means_something_else_is_read_as_new() {
    let (_, new) = texts();
    let f = fixture(&[], &[("docs/ci.yml", &new)]);
    opened(&f, (110, 60)).press("<space>qq");
    rename(&f, "docs/ci.yml", ".github/workflows/ci.yml", None);
    let frame = opened(&f, (110, 100)).press("d").frame();
    assert!(frame.contains("moved from docs/ci.yml; here it means something else: read it as new"), "{frame}");
    assert!(frame.contains("+ line thirty") && frame.contains("− line thirty"), "{frame}");
}

#[test]
fn a_commit_that_renames_a_file_is_read_as_that() {
    let (old, new) = texts();
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &new)]);
    rename(&f, "a.txt", "b.txt", None);
    let frame = opened(&f, (110, 40)).press(">>").frame();
    assert!(frame.contains("commit 2 of 2") && frame.contains("moved from a.txt; the same content"), "{frame}");
    assert!(!frame.contains("thirty"), "{frame}");
}

/// Sixty lines, of which the tenth and the fiftieth change.
fn two_hunks() -> (String, String) {
    let old = numbered(1..60);
    let new = old.replace("line 10\n", "line ten\n").replace("line 50\n", "line fifty\n");
    (old, new)
}

#[test]
fn marks_stay_on_the_hunks_of_a_file_that_is_renamed_and_its_name_is_seen_with_the_first() {
    let (old, new) = two_hunks();
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &new)]);
    opened(&f, (120, 40)).press("<space>qq");
    rename(&f, "a.txt", "b.txt", None);
    let mut session = opened(&f, (120, 40));
    let frame = session.frame();
    assert!(left(&frame).starts_with("left: 1 hunk"), "{frame}");
    with_filters(|| insta::assert_snapshot!(frame));
    assert!(left(&session.press("<space>").frame()).starts_with("nothing left"), "{}", session.frame());
}

#[test]
fn a_hunk_that_changed_with_the_rename_is_not_seen_and_one_that_comes_first_now_is_not_either() {
    let (old, new) = two_hunks();
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &new)]);
    opened(&f, (120, 40)).press("<space>qq");
    rename(&f, "a.txt", "b.txt", Some(&new.replace("line fifty\n", "line 5e1\n")));
    let frame = opened(&f, (120, 40)).frame();
    assert!(left(&frame).starts_with("left: 2 hunks") && !frame.contains("✓ seen before"), "{frame}");
    // The first hunk is taken back: the name is seen with the other.
    rename(&f, "b.txt", "c.txt", Some(&old.replace("line 50\n", "line fifty\n")));
    let frame = opened(&f, (120, 40)).frame();
    assert!(left(&frame).starts_with("left: 1 hunk") && !frame.contains("✓ seen before"), "{frame}");
}

#[test]
fn the_lines_of_a_first_hunk_were_shown_under_the_old_name_and_one_stroke_marks_it() {
    let f = fixture(&[], &[("new.txt", &numbered(0..100))]);
    opened(&f, (120, 140)).press("<space>qq");
    rename(&f, "new.txt", "src/new.txt", None);
    let mut session = opened(&f, (120, 30));
    let frame = session.frame();
    assert!(frame.contains("A file was renamed") && left(&frame).starts_with("left: 1"), "{frame}");
    assert!(left(&session.press("r").frame()).starts_with("nothing left"), "{}", session.frame());
    // Without having been there before, the same stroke is refused.
    let other = fixture(&[], &[("src/new.txt", &numbered(0..100))]);
    let frame = opened(&other, (120, 30)).press("r").frame();
    assert!(left(&frame).starts_with("left: 1 hunk"), "{frame}");
}

#[test]
fn nothing_carries_over_to_where_a_file_means_something_else() {
    let (old, new) = two_hunks();
    let f = fixture(&[("docs/ci.yml", &old)], &[("docs/ci.yml", &new)]);
    opened(&f, (120, 40)).press("<space>qq");
    rename(&f, "docs/ci.yml", ".github/workflows/ci.yml", None);
    let session = opened(&f, (120, 200));
    assert!(!session.frame().contains("seen before"), "{}", session.frame());
    let added = fixture(&[], &[("docs/ci.yml", &new)]);
    opened(&added, (120, 100)).press("<space>qq");
    rename(&added, "docs/ci.yml", ".github/workflows/ci.yml", None);
    let frame = opened(&added, (120, 30)).press("r").frame();
    assert!(frame.contains("not marked") && left(&frame).starts_with("left: 1 hunk"), "{frame}");
}

#[test]
fn an_answer_stays_with_its_finding_when_the_file_is_renamed() {
    let text = "import requests\n\ndef get(url):\n    return requests.get(url, verify=False)\n";
    let f = fixture(&[], &[("net.py", text)]);
    opened(&f, (120, 40)).press("<space>)a").press("A test host.<enter>qq");
    rename(&f, "net.py", "fetch.py", None);
    let frame = opened(&f, (120, 40)).frame();
    assert!(frame.contains("✓ A test host.") && left(&frame).starts_with("left: 1 hunk"), "{frame}");
    // Another line, another answer.
    rename(&f, "fetch.py", "client.py", Some(&text.replace("get(url, ", "post(url, ")));
    let frame = opened(&f, (120, 40)).frame();
    assert!(!frame.contains("A test host.") && left(&frame).contains("1 finding"), "{frame}");
}

#[test]
fn a_note_moves_with_its_line_into_a_file_of_another_name_and_back() {
    let text = numbered(0..20);
    let f = fixture(&[], &[("new.txt", &text)]);
    opened(&f, (120, 40)).press("]5jc").press("Why this one?<enter>C").press("A good name?<enter>qq");
    let row = |frame: &str, what: &str| {
        let rows: Vec<&str> = frame.lines().collect();
        rows[rows.iter().position(|row| row.contains(what)).unwrap_or_else(|| panic!("{what}: {frame}")) - 1].to_owned()
    };
    assert!(row(&opened(&f, (120, 40)).frame(), "Why this one?").contains("line 4"));
    rename(&f, "new.txt", "src/other.txt", Some(&format!("one\ntwo\n{text}")));
    let mut session = opened(&f, (120, 150));
    let frame = session.frame();
    assert!(row(&frame, "Why this one?").contains("line 4") && row(&frame, "Why this one?").contains(" 7 "), "{frame}");
    assert!(!frame.contains("outdated") && !frame.contains("new.txt: "), "{frame}");
    session.press("Sr").press("No.<enter>");
    let frame = session.frame();
    assert!(frame.contains("\"path\": \"src/other.txt\"") && !frame.contains("\"path\": \"new.txt\""), "{frame}");
    session.press("<esc>qq");
    // The line goes, and comes back under the first name.
    rename(&f, "src/other.txt", "c.txt", Some(&text.replace("line 4\n", "")));
    let frame = opened(&f, (120, 40)).frame();
    assert!(frame.contains("outdated, about `line 4`: Why this one?"), "{frame}");
    rename(&f, "c.txt", "new.txt", Some(&text));
    assert!(row(&opened(&f, (120, 40)).frame(), "Why this one?").contains("line 4"));
}

#[test]
fn a_note_on_a_removed_line_of_a_renamed_file_finds_it_under_the_name_that_the_base_has() {
    let (old, new) = texts();
    let f = fixture(&[("a.txt", &old)], &[]);
    rename(&f, "a.txt", "b.txt", Some(&new));
    let mut session = opened(&f, (120, 40));
    for _ in 0..12 {
        session.press("j");
        let cursor = session.frame();
        if cursor.lines().any(|row| row.contains('▸') && row.contains("− line 30")) {
            break;
        }
    }
    session.press("c").press("Who needs it?<enter>qq");
    let above = |frame: &str| {
        let rows: Vec<&str> = frame.lines().collect();
        let at = rows.iter().position(|row| row.contains("Who needs it?")).unwrap_or_else(|| panic!("{frame}"));
        rows[at - 1].to_owned()
    };
    let frame = opened(&f, (120, 40)).frame();
    assert!(above(&frame).contains("− line 30"), "{frame}");
    rebase(&f, "a.txt", &format!("zero\n{old}"));
    let frame = opened(&f, (120, 40)).frame();
    assert!(above(&frame).contains("− line 30") && above(&frame).contains(" 31 "), "{frame}");
    // It gets its name back.
    rename(&f, "b.txt", "a.txt", None);
    let frame = opened(&f, (120, 40)).frame();
    assert!(above(&frame).contains("− line 30") && !frame.contains("outdated"), "{frame}");
}
