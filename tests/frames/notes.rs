//! Notes: they follow their lines, keep what a person wrote, and stand on any path of the tree.

use std::collections::VecDeque;

use undersign::app::{Event, update};
use undersign::decision::Draft;

use super::reader::{fixture, numbered};
use super::*;

fn files(above: &str, rest: &str) -> String {
    format!("{above}{}{rest}", numbered(0..5))
}

/// A branch `topic` that adds a file of ten numbered lines, with a note on line 5.
fn noted(note: &str) -> Fixture {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    let mut session = Session::new(&f, (120, 40));
    session.press("/topic<enter><enter>").press("]5jc").press(note).press("<enter>qq");
    f
}

fn amend(f: &Fixture, path: &str, text: &str) {
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write(path, text);
    f.git("mina", &["add", "-A"]);
    f.git("mina", &["commit", "-q", "--amend", "--no-edit"]);
    f.git("mina", &["checkout", "-q", "main"]);
}

fn opened(f: &Fixture) -> Session {
    let mut session = Session::new(f, (120, 40));
    session.press("/topic<enter><enter>");
    session
}

/// A screen on which a whole statement has room.
fn opened_tall(f: &Fixture) -> Session {
    let mut session = Session::new(f, (120, 140));
    session.press("/topic<enter><enter>");
    session
}

fn kept(f: &Fixture) -> Draft {
    let file = draft_file(&f.dir.path().join("drafts"));
    Draft::decode(&std::fs::read(file).unwrap()).unwrap()
}

fn row_before(frame: &str, what: &str) -> String {
    let rows: Vec<&str> = frame.lines().collect();
    let at = rows.iter().position(|row| row.contains(what)).unwrap_or_else(|| panic!("{what}: {frame}"));
    rows[at - 1].to_owned()
}

#[test]
fn a_note_moves_with_its_line_when_the_change_is_amended() {
    let f = noted("Why this one?");
    let before = row_before(&opened(&f).frame(), "Why this one?");
    assert!(before.contains("line 4"), "{before}");
    amend(&f, "new.txt", &format!("one\ntwo\nthree\n{}", numbered(0..10)));
    let mut session = opened_tall(&f);
    let after = row_before(&session.frame(), "Why this one?");
    assert!(after.contains("line 4") && after.contains(" 8 "), "{}", session.frame());
    session.press("Sr").press("No.<enter>");
    assert!(session.frame().contains("\"line\": \"8\""), "{}", session.frame());
}

#[test]
fn a_note_whose_line_is_gone_is_outdated_and_says_what_it_was_about() {
    let f = noted("Why this one?");
    amend(&f, "new.txt", "something else\nentirely\n");
    let mut session = opened_tall(&f);
    let frame = session.frame();
    assert!(frame.contains("One note is outdated: the line that it was about is gone."), "{frame}");
    assert!(frame.contains("outdated, about `line 4`: Why this one?"), "{frame}");
    session.press("S");
    assert!(session.frame().contains("new.txt, outdated, about `line 4`: Why this one?"), "{}", session.frame());
    session.press("r").press("No.<enter>");
    let frame = session.frame();
    assert!(frame.contains("\"line\": \"0\"") && frame.contains("Outdated, about `line 4`: Why"), "{frame}");
    session.press("<esc>");
    amend(&f, "new.txt", &numbered(0..10));
    assert!(row_before(&opened(&f).frame(), "Why this one?").contains("line 4"), "it comes back with its line");
}

/// A branch `topic` that edits a file, with a note on the line at which these strokes arrive.
fn noted_in(before: &str, after: &str, strokes: &str) -> Fixture {
    let f = fixture(&[("list.txt", before), ("other.txt", "one\n")], &[("list.txt", after), ("other.txt", "two\n")]);
    let mut session = Session::new(&f, (120, 40));
    session.press("/topic<enter><enter>").press(strokes).press("Why this one?<enter>");
    session.press("qq");
    f
}

const BLOCK: &str = "  - name: x\n    retries: 3\n    limit: 10\n";

#[test]
fn a_note_in_one_of_many_equal_blocks_stays_where_it_is_if_another_file_is_amended() {
    let f = noted_in(&BLOCK.repeat(4), &BLOCK.repeat(6), "]2jc");
    let before = kept(&f).notes[0].line;
    assert!(before > 3, "{before}");
    amend(&f, "other.txt", "three\n");
    let session = opened(&f);
    assert!(!session.frame().contains("outdated"), "{}", session.frame());
    // Twin: of equal blocks, one is gone, and nobody knows which.
    amend(&f, "list.txt", &BLOCK.repeat(5));
    assert!(opened(&f).frame().contains("outdated"), "{}", opened(&f).frame());
    // It is there again with the text that it was about.
    amend(&f, "list.txt", &BLOCK.repeat(6));
    assert!(!opened(&f).frame().contains("outdated"), "{}", opened(&f).frame());
    // What comes above moves it.
    amend(&f, "list.txt", &format!("first: 1\nsecond: 2\n{}", BLOCK.repeat(6)));
    let mut session = opened_tall(&f);
    session.press("Sr").press("No.<enter>");
    let line = format!("\"line\": \"{}\"", before + 2);
    assert!(session.frame().contains(&line) && !session.frame().contains("utdated"), "{}", session.frame());
    session.press("<esc>");
}

/// A file that the branch adds, with a note on this line, is amended: the line that a rejection signs, or 0.
fn signed_line(path: &str, text: &str, line: &str, amended: &str) -> u32 {
    let f = fixture(&[("guide.md", "# guide\n")], &[(path, text)]);
    opened(&f).press(&format!("{line}gg")).press("cWhy this one?<enter>").press("qq");
    amend(&f, path, amended);
    let mut session = opened_tall(&f);
    let frame = session.press("Sr").press("No.<enter>").frame();
    let signed = frame.split("\"line\": \"").nth(1).and_then(|rest| rest.split('"').next()?.parse().ok());
    signed.unwrap_or_else(|| panic!("{frame}"))
}

#[test]
fn a_note_goes_to_no_other_block_when_two_change_places_or_another_gets_its_line() {
    let list = |ids: &[u8]| -> String {
        let item = |id: &u8| format!("- name: s{id}\n  replicas: 1\n  cpu: 2\n  memory: 4\n  image: app\n");
        ids.iter().map(item).collect()
    };
    let six = list(&[1, 2, 3, 4, 5, 6]);
    // The second line of s4, which stands after s5 now, and its last one.
    assert_eq!(signed_line("k.yaml", &six, "17", &list(&[1, 2, 3, 5, 4, 6])), 22);
    assert_eq!(signed_line("k.yaml", &six, "20", &list(&[1, 2, 3, 5, 4, 6])), 25);
    // The twins: another block comes above, or its own is edited around it.
    assert_eq!(signed_line("k.yaml", &six, "17", &list(&[0, 1, 2, 3, 4, 5, 6])), 22);
    let edited = six.replace("s4\n  replicas: 1\n  cpu: 2\n  memory: 4", "four\n  replicas: 1\n  cpu: 3\n  memory: 8");
    assert_eq!(signed_line("k.yaml", &six, "17", &edited), 17);
    let functions = |ids: &[u8], allowing: u8| -> Vec<String> {
        let steps = "    one(x)\n    two(x)\n    three(x)\n";
        let verb = |id: u8| if id == allowing { "allow" } else { "check" };
        ids.iter().map(|id| format!("def f{id}(x):\n{steps}    return {}(x)\n\n", verb(*id))).collect()
    };
    let own = functions(&[1, 2, 3, 4], 2).concat();
    let (other, moved) = (functions(&[1, 2, 3, 4], 4).concat(), functions(&[1, 3, 4, 2], 2).concat());
    assert_eq!(signed_line("k.py", &own, "11", &other), 0, "another function has that line");
    assert_eq!(signed_line("k.py", &own, "11", &moved), 23, "the function moved as a whole");
    let parts = |own: u8| -> String {
        let limit = |id: u8| if id == own { 9000 } else { 1 };
        (1..5).map(|id| format!("## Part {id}\n\ntext\ntext\nlimit {}\nmore\n\n", limit(id))).collect()
    };
    assert_eq!(signed_line("k.md", &parts(2), "12", &parts(4)), 0);
    // What is no known definition is a block, too.
    let stages = |ids: &[u8], wiping: u8| -> String {
        let verb = |id: u8| if id == wiping { "wipe" } else { "keep" };
        ids.iter().map(|id| format!("FROM base{id} AS stage{id}\nCOPY . .\nRUN {} disk\n\n", verb(*id))).collect()
    };
    let own = stages(&[1, 2, 3, 4], 2);
    assert_eq!(signed_line("Dockerfile", &own, "7", &stages(&[1, 2, 3, 4], 4)), 0, "another stage has that line");
    assert_eq!(signed_line("Dockerfile", &own, "7", &stages(&[1, 3, 4, 2], 2)), 15, "the stage moved as a whole");
    assert_eq!(signed_line("Dockerfile", &own, "7", &own.replace("stage2", "two")), 7, "it was named anew");
}

#[test]
fn a_note_follows_lines_that_changed_places_or_line_ends_or_have_another_between_them() {
    let lines = |between: &str| format!("{}five\n{between}six\n{}", numbered(0..5), numbered(7..12));
    let f = fixture(&[("list.txt", &numbered(0..5))], &[("list.txt", &lines(""))]);
    let mut session = opened(&f);
    while !session.frame().lines().any(|row| row.contains('▸') && row.contains("five")) {
        session.press("j");
    }
    session.press("vjc").press("These two?<enter>").press("qq");
    assert_eq!((kept(&f).notes[0].line, kept(&f).notes[0].until), (6, Some(7)));
    amend(&f, "list.txt", &lines("between\n"));
    assert!(opened(&f).frame().contains("lines 6–8: These two?"), "{}", opened(&f).frame());
    amend(&f, "list.txt", &lines("").replace('\n', "\r\n"));
    assert!(opened(&f).frame().contains("lines 6–7: These two?"), "{}", opened(&f).frame());
    amend(&f, "list.txt", &lines("").replace("six", "seven"));
    assert!(opened(&f).frame().contains("outdated, about `five`, `six`: These two?"), "{}", opened(&f).frame());
}

#[test]
fn a_note_on_a_removed_line_is_outdated_once_the_change_does_not_remove_it_any_more() {
    let f = fixture(
        &[("list.txt", &numbered(0..12)), ("other.txt", "one\n")],
        &[("list.txt", &numbered(0..12).replace("line 5\n", "")), ("other.txt", "two\n")],
    );
    let mut session = opened(&f);
    while !session.frame().lines().any(|row| row.contains('▸') && row.contains("line 5")) {
        session.press("j");
    }
    session.press("c").press("Why not this one?<enter>").press("qq");
    assert!(kept(&f).notes[0].old_side);
    amend(&f, "other.txt", "three\n");
    assert!(!opened(&f).frame().contains("outdated"), "{}", opened(&f).frame());
    amend(&f, "list.txt", &numbered(0..12));
    let mut session = opened_tall(&f);
    let frame = session.frame();
    assert!(frame.contains("the removed line that it was about is there again"), "{frame}");
    assert!(frame.contains("outdated, about `line 5`, which is there again: Why not"), "{frame}");
    session.press("Sr").press("No.<enter>");
    assert!(session.frame().contains("\"line\": \"0\""), "{}", session.frame());
    session.press("<esc>");
    // The line is removed once more.
    amend(&f, "list.txt", &numbered(0..12).replace("line 5\n", ""));
    assert!(!opened(&f).frame().contains("outdated"), "{}", opened(&f).frame());
}

#[test]
fn a_note_stays_with_its_change_when_its_branch_is_renamed() {
    let f = noted("Why this one?");
    f.git("mina", &["branch", "-m", "topic", "feat/topic"]);
    assert!(opened(&f).frame().contains("Why this one?"), "{}", opened(&f).frame());
    // Another branch takes the old name.
    f.git("mina", &["checkout", "-q", "-b", "topic", "main"]);
    f.write("other.txt", "other\n");
    f.commit("mina", "Another topic");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 40));
    session.press("/another<enter><enter>");
    assert!(!session.frame().contains("Why this one?"), "{}", session.frame());
}

#[test]
fn a_note_of_an_earlier_version_finds_its_line_by_the_commit_that_it_was_written_at() {
    let f = noted("Why this one?");
    let file = draft_file(&f.dir.path().join("drafts"));
    let mut draft = kept(&f);
    draft.schema = "undersign-draft/v1".into();
    draft.notes[0].anchor = None;
    std::fs::write(&file, draft.encode()).unwrap();
    amend(&f, "new.txt", &format!("one\n{}", numbered(0..10)));
    assert!(row_before(&opened(&f).frame(), "Why this one?").contains("line 4"), "{}", opened(&f).frame());
}

#[test]
fn what_is_pasted_into_a_note_keeps_its_lines_and_is_signed_so() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    let mut session = opened(&f);
    session.press("]5jc");
    session.take(VecDeque::from([Event::Paste("first point\r\tsecond 👩\u{200d}🚀\rthird".into())]));
    assert!(session.frame().contains("first point⏎→second"), "{}", session.frame());
    session.press("<alt-enter>").press("fourth<enter>");
    assert_eq!(kept(&f).notes[0].text, "first point\n\tsecond 👩\u{200d}🚀\nthird\nfourth");
    let frame = session.frame();
    assert!(frame.contains("✎ first point") && frame.contains("third") && frame.contains("fourth"), "{frame}");
    // What does not fit is said, and the rest is there.
    session.press("C");
    session.take(VecDeque::from([Event::Paste("x".repeat(5_000))]));
    let says = |session: &Session| session.frame().contains("1400 characters of what was pasted did not fit");
    assert!(says(&session), "{}", session.frame());
    // Not only until the next stroke, which may have been made before it was seen.
    session.press("<left><left>");
    assert!(says(&session), "{}", session.frame());
    session.press("<esc>");
    assert!(!says(&session), "{}", session.frame());
}

#[test]
fn a_note_stands_on_any_path_of_the_tree_and_on_the_change() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    let mut session = opened_tall(&f);
    session.press("gnguide<enter>").press("This should say so, too.<enter>");
    session.press("gc").press("Split it.<enter>");
    let frame = session.frame();
    assert!(
        frame.contains("✎ guide.md: This should say so, too.") && frame.contains("✎ the change: Split it."),
        "{frame}"
    );
    session.press("Sr").press("No.<enter>");
    assert!(session.frame().contains("\"path\": \"guide.md\""), "{}", session.frame());
}

#[test]
fn a_note_on_lines_says_which_and_a_changed_one_stays_where_it_was() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &files("", "more\n"))]);
    let mut session = opened(&f);
    session.press("]jvjjc").press("These.<enter>");
    assert!(session.frame().contains("lines 1–3: These."), "{}", session.frame());
    amend(&f, "new.txt", &files("above\n", "more\n"));
    assert!(opened(&f).frame().contains("lines 2–4: These."), "{}", opened(&f).frame());
}

#[test]
fn a_note_that_is_being_written_when_a_signal_ends_the_program_is_kept() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    let mut session = opened(&f);
    session.press("]5jc").press("Why this one, and no");
    let saved = update(&mut session.state, Event::Leave);
    session.answer(saved);
    assert!(opened(&f).frame().contains("Why this one, and no"), "{}", opened(&f).frame());
}

#[test]
fn a_note_that_was_left_unfinished_is_there_again_at_the_same_place_alone() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    let mut session = opened(&f);
    session.press("]5jc").press("Why this one, and no").press("<esc>");
    assert!(session.frame().contains("open it here again"), "{}", session.frame());
    let elsewhere = session.press("jc").frame();
    assert!(!elsewhere.contains("Why this one"), "{elsewhere}");
    let again = session.press("<esc>kc").frame();
    assert!(again.contains("Why this one, and no"), "{again}");
    let noted = session.press(" other?<enter>").frame();
    assert!(noted.contains("Why this one, and no other?"), "{noted}");
    let taken = session.press("jc").frame();
    assert!(!taken.contains("unfinished text"), "{taken}");
}

/// What is unfinished remembers the note, and not its position among all.
#[test]
fn an_unfinished_edit_never_becomes_another_note() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    let mut session = opened(&f);
    session.press("]2jcfirst<enter>").press("2jcsecond<enter>").press("2jcthird<enter>");
    // The second is being edited, and the first goes.
    session.press("2kc, and more<esc>").press("kc<ctrl-u><enter>");
    let frame = session.press("c<enter>").frame();
    assert!(frame.contains("second, and more") && frame.contains("third") && !frame.contains("first"), "{frame}");
}

#[test]
fn each_of_several_unfinished_notes_is_offered_again_as_long_as_the_program_runs() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    let mut session = opened(&f);
    session.press("]2jcone thing<esc>").press("2jcanother thing<esc>").press("<ctrl-r>");
    let frame = session.press("]2jc").frame();
    assert!(frame.contains("one thing"), "{frame}");
    let frame = session.press("<esc>2jc").frame();
    assert!(frame.contains("another thing"), "{frame}");
}

#[test]
fn what_was_left_with_esc_is_no_note_whichever_way_one_leaves() {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    opened(&f).press("]2jcfirst<enter>qq");
    let ways: [fn(&mut Session); 3] = [
        |session| _ = session.press("qq"),
        |session| _ = session.press("<ctrl-c>"),
        |session| {
            let saved = update(&mut session.state, Event::Leave);
            session.answer(saved);
        },
    ];
    for leave in ways {
        let mut session = opened(&f);
        // An edit of a note, and a new one.
        session.press("]3jc, and more<esc>3jcsecond<esc>");
        leave(&mut session);
        let frame = opened(&f).frame();
        assert!(frame.contains("✎ first") && !frame.contains("and more") && !frame.contains("second"), "{frame}");
    }
}

/// A selection may begin or end on a heading, or on a line of the other side.
#[test]
fn a_note_on_a_selection_is_about_all_of_it_or_says_what_it_leaves_out() {
    let old = numbered(0..10);
    let new = old.replace("line 5\n", "line five\n");
    let f = fixture(&[("b.txt", &old), ("c.txt", "one\n")], &[("b.txt", &new), ("c.txt", "two\n")]);
    let cases = [
        // From the heading of the hunk, and back to it.
        ("]v3jc", "note on lines 3 to 5:"),
        ("]3jv3kc", "note on lines 3 to 5:"),
        // From the heading of the file.
        ("]kv4jc", "note on lines 3 to 5:"),
        // From context to a removed line.
        ("]3jvjc", "note on lines 5 to 6:"),
        // From a removed line to what it became, and back.
        ("]4jvjc", "note on line 6, without the removed ones:"),
        ("]5jvkc", "note on line 6, before the change, without the added ones:"),
        ("]3jv2jc", "note on lines 5 to 6, without the removed ones:"),
        // Into the next file.
        ("]3jv]2jc", "note on line 1, of this file only:"),
    ];
    for (keys, label) in cases {
        let mut session = opened(&f);
        assert!(session.press(keys).frame().contains(label), "{keys}: {}", session.frame());
    }
}

/// Dana rejects `topic` with two notes; what another person then sees, after an edit by the author.
fn after_rejection(edit: Option<(&str, &str)>) -> Session {
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    opened(&f).press("]2jcKeep this.<enter>").press("gg]9jvjcAnd these.<enter>SrNot so.<enter>reject<enter><esc>qq");
    if let Some((path, text)) = edit {
        f.git("mina", &["checkout", "-q", "topic"]);
        f.write(path, text);
        f.commit("mina", "Mend it");
        f.git("mina", &["checkout", "-q", "main"]);
    }
    let ports = undersign::worker::Ports { clock: Some(NOW), ..ports(&f.dir.path().join("else"), f.key("rahim")) };
    let mut session = Session::over(vec![f.repo.clone()], ports, NOW, (120, 40));
    session.press("/topic<enter><enter>");
    session
}

#[test]
fn the_notes_of_a_rejection_stand_at_their_lines_for_everybody() {
    let mut session = after_rejection(None);
    let frame = session.frame();
    assert!(frame.contains("rejected by dana") && frame.contains("with 2 notes here: i says why."), "{frame}");
    assert!(row_before(&frame, "Keep this.").contains("line 1"), "{frame}");
    let row = frame.lines().find(|row| row.contains("Keep this.")).unwrap();
    assert!(row.contains("✎ dana, rejection ") && row.contains(": “Keep this.”") && !row.contains(", of "), "{row}");
    assert!(frame.contains(", lines 8–9: “And these.”"), "{frame}");
    let frame = session.press("i").frame();
    assert!(frame.contains("dana rejected this change (") && frame.contains("“Not so.”"), "{frame}");
    let frame = session.press("<esc>@keep").frame();
    assert!(frame.contains("rejection"), "{frame}");
    // Nothing is answered at a server.
    let frame = session.press("<enter>a").frame();
    assert!(frame.contains("This is a note in a signed rejection"), "{frame}");
}

#[test]
fn the_notes_of_a_rejection_of_an_earlier_head_say_whether_their_lines_changed() {
    let text = format!("first\n{}", numbered(0..10)).replace("line 8\n", "line eight\n");
    let mut session = after_rejection(Some(("new.txt", &text)));
    let frame = session.frame();
    let row = frame.lines().find(|row| row.contains("Keep this.")).unwrap();
    assert!(row.contains(", unchanged since: “Keep this.”"), "{frame}");
    assert!(row_before(&frame, "Keep this.").contains("line 1"), "{frame}");
    let outdated = frame.lines().find(|row| row.contains("line 7`, `line 8`")).unwrap_or(&frame);
    assert!(outdated.contains(", outdated, about ") && !outdated.contains("unchanged"), "{frame}");
    let frame = session.press("i").frame();
    assert!(frame.contains("dana rejected an earlier head of this change ("), "{frame}");
    // Twin: a change that nobody rejected has none of it.
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &numbered(0..10))]);
    assert!(!opened(&f).frame().contains("reject"), "{}", opened(&f).frame());
}

#[test]
fn a_note_on_a_file_that_the_change_does_not_have_any_more_is_outdated() {
    let text = numbered(0..10);
    let f = fixture(&[("guide.md", "# guide\n")], &[("new.txt", &text), ("other.txt", "o\n")]);
    opened(&f).press("CThis whole file must go.<enter>").press("qq");
    assert_eq!(kept(&f).notes[0].path, "new.txt");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["rm", "-q", "new.txt"]);
    f.git("mina", &["commit", "-q", "--amend", "--no-edit"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = opened_tall(&f);
    let frame = session.frame();
    assert!(frame.contains("One note is outdated: its file no longer exists."), "{frame}");
    let drawn = "✎ new.txt, outdated, about a file that no longer exists: This whole";
    assert!(frame.contains(drawn), "{frame}");
    let frame = session.press("Sr").press("No.<enter>").frame();
    assert!(frame.contains("Outdated, about a file that no longer exists: This whole"), "{frame}");
    session.press("<esc>");
    // It is there again, and so is what the note is about.
    amend(&f, "new.txt", &text);
    let frame = opened(&f).frame();
    assert!(frame.contains("✎ This whole file must go.") && !frame.contains("outdated"), "{frame}");
}
