//! Files that moved: one entry for people, two paths for what is signed.

use super::*;

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";

/// A folder whose files moved, one of them with an edit.
fn moved() -> Fixture {
    let f = Fixture::new();
    for name in ["a", "b", "c"] {
        f.write(&format!("old/{name}.txt"), &format!("{TEXT}{name}\n"));
    }
    f.commit("rahim", "A folder");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "old", "new"]);
    f.write("new/b.txt", &format!("{TEXT}b\n").replace("four", "4"));
    f.commit("mina", "Move the folder");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_file_that_moved_is_one_entry_and_only_what_changed_besides_is_to_be_read() {
    let f = moved();
    let frame = Session::new(&f, (120, 36)).press("<enter>").frame();
    assert!(frame.contains("3 files") && !frame.contains("deleted"), "{frame}");
    assert!(frame.contains("moved from old/a.txt; the same content, byte for byte"), "{frame}");
    assert!(frame.contains("moved from old/b.txt; below is what changed besides"), "{frame}");
    assert!(frame.contains("moved and modified   +1 −1"), "{frame}");
}

#[test]
fn what_is_signed_of_a_move_covers_both_of_its_paths() {
    let f = moved();
    let mut session = Session::new(&f, (120, 36));
    session.press("<enter>").press("<space><space><space><space>").press("S");
    assert!(session.frame().contains("a approve"), "{}", session.frame());
    session.press("a").press("Read it.<enter>");
    let frame = session.frame();
    let code = frame.lines().find_map(|l| Some(l.split_once("type ")?.1.split(' ').next()?.to_owned())).expect(&frame);
    session.press(&code).press("<enter>");
    assert!(session.frame().contains("✓ Approved, signed, recorded"), "{}", session.frame());
    let repository = undersign::source::git::Repository::open(&f.repo).unwrap();
    let chains = undersign::ledger::read(&repository).unwrap();
    let record = &chains[0].records[0];
    let coverage = &record.predicate().coverage;
    assert_eq!((record.manifest.len(), coverage.files.0, coverage.files_seen.0), (6, 6, 6));
}

/// `payments` has signers of its own; one file leaves it, one moves inside of it.
fn crossing() -> Fixture {
    let rules = "[compartment.payments]\npaths = [\"payments/**\"]\nsign = [{ role = \"policy\", n = 1 }]\n";
    let f = Fixture::with_policy(&policy(rules));
    f.write("payments/refund.txt", &format!("{TEXT}refund\n"));
    f.write("payments/invoice.txt", &format!("{TEXT}invoice\n"));
    f.commit("rahim", "Payments");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    std::fs::create_dir_all(f.repo.join("lib")).unwrap();
    std::fs::create_dir_all(f.repo.join("payments/out")).unwrap();
    f.git("mina", &["mv", "payments/refund.txt", "lib/refund.txt"]);
    f.git("mina", &["mv", "payments/invoice.txt", "payments/out/invoice.txt"]);
    f.commit("mina", "Tidy up");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_move_into_another_compartment_is_said_in_the_queue_why_it_stands_there_and_at_the_file() {
    let f = crossing();
    let mut session = Session::new(&f, (120, 40));
    let told = "payments/refund.txt → lib/refund.txt leaves payments for default";
    let queue = session.frame();
    assert!(queue.lines().any(|line| line.contains("crosses") && line.contains(told)), "{queue}");
    let why = session.press("i").frame();
    assert!(why.contains("Across compartments: 1 file") && why.contains(told), "{why}");
    let frame = session.press("<esc><enter>").frame();
    assert!(frame.contains("added, leaves payments for default"), "{frame}");
    let inside =
        frame.lines().find(|line| line.contains("payments/out/invoice.txt") && line.contains("moved")).expect(&frame);
    assert!(!inside.contains("leaves"), "{inside}");
}

/// A branch that moves one file.
fn moving(from: &str, to: &str, text: &str) -> Fixture {
    let f = Fixture::with_policy(&policy(
        "[compartment.payments]\npaths = [\"payments/**\"]\nsign = [{ role = \"policy\", n = 1 }]\n",
    ));
    f.write(from, text);
    f.commit("rahim", "A file");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["rm", "-q", from]);
    f.write(to, text);
    f.commit("mina", "Move it");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn what_moves_to_where_it_is_run_or_signed_for_by_others_is_shown_line_by_line() {
    for (from, to) in [
        ("docs/ci.yml", ".github/workflows/ci.yml"),
        ("lib/pay.py", "payments/pay.py"),
        ("tools/pre-commit", ".husky/pre-commit"),
        ("old/clean", "etc/cron.d/clean"),
        ("recipes", "Makefile"),
    ] {
        let f = moving(from, to, TEXT);
        let mut session = Session::new(&f, (120, 50));
        let frame = session.press("<enter>").frame();
        assert!(frame.contains(&format!("moved from {from}; here it means something else: read it as new")), "{frame}");
        for line in TEXT.lines() {
            assert!(frame.contains(&format!("+ {line}")) && frame.contains(&format!("− {line}")), "{line}: {frame}");
        }
        assert!(frame.contains("left: 2 hunks"), "{frame}");
    }
}

#[test]
fn a_link_that_moves_is_not_what_it_was_and_says_where_it_points() {
    let f = moving("lib/a.txt", "lib/b.txt", TEXT);
    f.git("mina", &["checkout", "-q", "main"]);
    std::os::unix::fs::symlink("../lib/a.txt", f.repo.join("lib/link")).unwrap();
    f.commit("rahim", "A link");
    f.git("mina", &["branch", "-q", "-D", "move"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    std::fs::create_dir_all(f.repo.join("lib/deep")).unwrap();
    f.git("mina", &["mv", "lib/link", "lib/deep/link"]);
    f.commit("mina", "Move the link");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 36)).press("<enter>").frame();
    assert!(frame.contains("+ ../lib/a.txt"), "{frame}");
}

#[test]
fn of_a_file_that_only_moved_the_whole_text_is_a_stroke_away() {
    let f = moving("lib/a.txt", "lib/deep/a.txt", TEXT);
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("8 unchanged lines to the end") && !frame.contains("seven"), "{frame}");
    let frame = session.press("X").frame();
    assert!(frame.contains("seven") && !frame.contains("unchanged lines"), "{frame}");
}

#[test]
fn a_move_where_one_compartment_holds_all_says_nothing_of_compartments() {
    let f = moved();
    let mut session = Session::new(&f, (120, 40));
    assert!(!session.frame().contains("crosses"), "{}", session.frame());
    assert!(!session.press("i").frame().contains("Across compartments"), "{}", session.frame());
}

/// A folder of many files moves; two of them are edited, one becomes executable.
fn moved_folder() -> Fixture {
    use std::os::unix::fs::PermissionsExt as _;
    let f = Fixture::new();
    for n in 0..40 {
        f.write(&format!("old/part{}/file{n:02}.txt", n % 4), &format!("{TEXT}{n}\n"));
    }
    f.commit("rahim", "A folder");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "old", "new"]);
    f.write("new/part0/file00.txt", &format!("{TEXT}0\n").replace("four", "4"));
    f.write("new/part1/file01.txt", &format!("{TEXT}1\n").replace("five", "5"));
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(f.repo.join("new/part2/file02.txt"), executable).unwrap();
    f.commit("mina", "Move the folder");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn what_moved_unchanged_with_its_folder_is_one_item_that_is_seen_as_a_whole() {
    let f = moved_folder();
    let mut session = Session::new(&f, (120, 44));
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("left: 4 hunks · 1 finding"), "{frame}");
    assert!(frame.contains("37 files moved from old/ to new/, with the same names below it"), "{frame}");
    insta::assert_snapshot!(frame);
    let frame = session.press("@37").frame();
    assert!(frame.contains("new/  37 files moved"), "{frame}");
    let frame = session.press("<esc><space><space><space>").frame();
    assert!(frame.contains("left: 1 finding"), "{frame}");
    let frame = session.press(")a").press("It is a script.<enter>").frame();
    assert!(frame.contains("nothing left"), "{frame}");
    session.press("S").press("a").press("Read it.<enter>");
    let frame = session.frame();
    let code = frame.lines().find_map(|l| Some(l.split_once("type ")?.1.split(' ').next()?.to_owned())).expect(&frame);
    session.press(&code).press("<enter>");
    assert!(session.frame().contains("✓ Approved, signed, recorded"), "{}", session.frame());
    let repository = undersign::source::git::Repository::open(&f.repo).unwrap();
    let coverage = &undersign::ledger::read(&repository).unwrap()[0].records[0].predicate().coverage.clone();
    assert_eq!((coverage.files.0, coverage.files_seen.0), (80, 80));
}

#[test]
fn a_moved_folder_is_opened_and_closed_and_its_files_are_found_by_name() {
    let f = moved_folder();
    let mut session = Session::new(&f, (120, 60));
    session.press("<enter>").press("}}}}}}}}");
    assert!(!session.frame().contains("file39.txt"), "{}", session.frame());
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("moved from old/part0/file04.txt; the same content"), "{frame}");
    assert!(frame.contains("left: 40 hunks"), "{frame}");
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("left: 4 hunks") && !frame.contains("old/part0/file04.txt"), "{frame}");
    let frame = session.press("tfile39<enter>").frame();
    assert!(frame.contains("new/part3/file39.txt") && frame.contains("left: 40 hunks"), "{frame}");
    // A marked place in a closed group opens it again.
    session.press("M").press("{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{").press("}}}<enter>");
    assert!(session.frame().contains("left: 4 hunks"), "{}", session.frame());
    let frame = session.press("'").frame();
    assert!(frame.contains("file39.txt") && frame.contains("left: 40 hunks"), "{frame}");
}

#[test]
fn what_asks_for_more_than_the_others_stands_beside_its_folder() {
    let f = Fixture::new();
    (0..4).for_each(|n| f.write(&format!("old/{n}.txt"), &format!("{TEXT}{n}\n")));
    f.write("old/logo.png", "\u{89}PNG\0\0\0");
    // What runs it may read more of it than can be shown.
    f.write("old/run.sh", "#!/bin/sh\n\0\0\0");
    f.commit("rahim", "A folder");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "old", "new"]);
    f.commit("mina", "Move the folder");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 36)).press("<enter>").frame();
    assert!(frame.contains("5 files moved from old/ to new/"), "{frame}");
    assert!(frame.contains("new/run.sh") && frame.contains("blob.binary"), "{frame}");
    assert!(frame.contains("left: 2 hunks · 1 finding"), "{frame}");
}

/// A branch that takes out a folder whole, a long file and a short one beside others, and changes one more.
fn deleting() -> Fixture {
    let f = Fixture::new();
    let long: String = (0..60).map(|n| format!("line {n}\n")).collect();
    (0..12).for_each(|n| f.write(&format!("legacy/part{}/file{n:02}.txt", n % 3), &format!("{TEXT}{n}\n")));
    // Its name begins as that of the folder does, and sorts between the folder and what is in it.
    f.write("legacy-notes.txt", &long);
    f.write("lib/long.txt", &long);
    f.write("lib/short.txt", TEXT);
    f.write("lib/kept.txt", TEXT);
    f.commit("rahim", "What was there");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "tidy", "main"]);
    f.git("mina", &["rm", "-q", "-r", "legacy", "legacy-notes.txt", "lib/long.txt", "lib/short.txt"]);
    f.write("lib/kept.txt", &TEXT.replace("four", "4"));
    f.commit("mina", "Tidy up");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_deleted_folder_and_a_long_deleted_file_are_one_item_each_and_a_short_one_is_read() {
    let f = deleting();
    let mut session = Session::new(&f, (120, 44));
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("12 files deleted, and nothing is left below legacy/; enter lists them"), "{frame}");
    assert!(frame.contains("deleted with all its 60 lines; enter shows them"), "{frame}");
    assert!(frame.contains("− seven") && !frame.contains("− line 7"), "{frame}");
    assert!(frame.contains("left: 5 hunks"), "{frame}");
    insta::assert_snapshot!(frame);
    // Each is seen as a whole, and what is signed covers all of it.
    session.press("<space><space><space><space>");
    assert!(session.frame().contains("nothing left"), "{}", session.frame());
    session.press("S").press("a").press("Read it.<enter>");
    let frame = session.frame();
    let code = frame.lines().find_map(|l| Some(l.split_once("type ")?.1.split(' ').next()?.to_owned())).expect(&frame);
    session.press(&code).press("<enter>");
    assert!(session.frame().contains("✓ Approved, signed, recorded"), "{}", session.frame());
    let repository = undersign::source::git::Repository::open(&f.repo).unwrap();
    let coverage = &undersign::ledger::read(&repository).unwrap()[0].records[0].predicate().coverage.clone();
    assert_eq!((coverage.files.0, coverage.files_seen.0), (16, 16));
}

#[test]
fn from_hunk_to_hunk_a_closed_item_is_one_and_stays_closed() {
    let f = deleting();
    let mut session = Session::new(&f, (80, 24));
    session.press("<enter>");
    let at = |session: &Session| {
        let frame = session.frame();
        assert!(frame.contains("left: 5 hunks"), "{frame}");
        frame.lines().find(|line| line.contains('▸')).unwrap_or_default().chars().take(60).collect::<String>()
    };
    let forward: Vec<String> = (0..5).map(|_| at(session.press("]"))).collect();
    let wanted = ["@@ 1", "60 lines", "@@ 1", "60 lines", "12 files deleted"];
    for (row, wanted) in forward.iter().zip(wanted) {
        assert!(row.contains(wanted), "{forward:?}");
    }
    // The end is the last row that says something.
    let back: Vec<String> = ["G", "[", "[", "[", "["].iter().map(|key| at(session.press(key))).collect();
    for (row, wanted) in back.iter().zip(wanted.iter().rev()) {
        assert!(row.contains(wanted), "{back:?}");
    }
}

#[test]
fn what_was_deleted_is_opened_and_closed_and_found_by_name() {
    let f = deleting();
    let mut session = Session::new(&f, (120, 44));
    let frame = session.press("<enter>").press("tlong<enter>").press("<enter>").frame();
    assert!(frame.contains("− line 7"), "{frame}");
    let frame = session.press("<enter>").frame();
    assert!(!frame.contains("− line 7") && frame.contains("left: 5 hunks"), "{frame}");
    let frame = session.press("tfile11<enter>").frame();
    assert!(frame.contains("legacy/part2/file11.txt") && frame.contains("left: 16 hunks"), "{frame}");
}

#[test]
fn a_folder_of_which_something_is_left_is_no_deleted_folder() {
    let f = Fixture::new();
    (0..5).for_each(|n| f.write(&format!("part/{n}.txt"), &format!("{TEXT}{n}\n")));
    f.commit("rahim", "A folder");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "tidy", "main"]);
    f.git("mina", &["rm", "-q", "part/0.txt", "part/1.txt", "part/2.txt", "part/3.txt"]);
    f.commit("mina", "Tidy up");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 44)).press("<enter>").frame();
    assert!(!frame.contains("nothing is left below") && frame.contains("left: 4 hunks"), "{frame}");
}

/// An item of many files that was seen in an earlier revision is one, as among those that are seen.
#[test]
fn what_is_carried_over_is_counted_like_what_is_seen() {
    let f = moved_folder();
    Session::new(&f, (120, 44)).press("<enter><space><space><space>)aIt is a script.<enter>qq");
    f.git("mina", &["checkout", "-q", "move"]);
    f.write("new/part0/file00.txt", &format!("{TEXT}0\n").replace("four", "IV"));
    f.commit("mina", "Count like the Romans");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 44));
    assert!(left(&session.press("<enter>").frame()).contains("left: 1 hunk"), "{}", session.frame());
    session.press("u<space>S");
    assert!(session.frame().contains("4 hunks seen, 3 of them in the revision before"), "{}", session.frame());
    session.press("aRead it.<enter>");
    let frame = session.frame();
    let code = frame.lines().find_map(|l| Some(l.split_once("type ")?.1.split(' ').next()?.to_owned())).expect(&frame);
    session.press(&code).press("<enter>");
    let coverage = &undersign::ledger::read(&f.repository()).unwrap()[0].records[0].predicate().coverage.clone();
    assert_eq!((coverage.hunks.0, coverage.hunks_seen.0, coverage.carried_over.0), (4, 4, 3));
}

#[test]
fn a_note_on_the_change_stands_at_the_first_entry_also_where_that_is_a_folder() {
    let f = Fixture::new();
    (0..5).for_each(|n| f.write(&format!("part/{n}.txt"), &format!("{TEXT}{n}\n")));
    f.commit("rahim", "A folder");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "tidy", "main"]);
    f.git("mina", &["rm", "-q", "-r", "part"]);
    f.commit("mina", "Tidy up");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 30));
    let frame = session.press("<enter>gcWhose is that?<enter>").frame();
    assert!(frame.contains("✎ the change: Whose is that?") && frame.contains("5 files deleted"), "{frame}");
    let is_at_note = |session: &Session| session.frame().lines().any(|l| l.contains('▸') && l.contains("Whose is"));
    assert!(is_at_note(session.press("gg@whose<enter>")), "{}", session.frame());
    // The note is no part of what is marked.
    let frame = session.press("gg<space>").frame();
    assert!(left(&frame).contains("nothing left"), "{frame}");
    // A long one is told from its beginning.
    let frame = session.press("gg@whose<enter>c").press(&" really".repeat(20)).press("<enter>@").frame();
    assert!(frame.contains("✎ the change  Whose is that?"), "{frame}");
}

/// A branch that moves five pointers of Git LFS, or images, to another folder.
fn moved_contents(content: impl Fn(u8) -> Vec<u8>) -> Fixture {
    let f = Fixture::new();
    std::fs::create_dir_all(f.repo.join("assets")).unwrap();
    (0..5).for_each(|n| std::fs::write(f.repo.join(format!("assets/{n}.bin")), content(n)).unwrap());
    f.commit("rahim", "Assets");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "assets", "static"]);
    f.commit("mina", "Move the assets");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn what_has_no_lines_and_only_moved_is_seen_with_its_folder_and_the_record_names_each_path() {
    let pointer = |n: u8| format!("version https://git-lfs.github.com/spec/v1\noid sha256:{n:064x}\nsize 1234\n");
    let f = moved_contents(|n| pointer(n).into_bytes());
    let mut session = Session::new(&f, (120, 44));
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("5 files moved from assets/ to static/") && !frame.contains("omission"), "{frame}");
    let frame = session.press("<space>").frame();
    assert!(left(&frame).contains("nothing left"), "{frame}");
    session.press("S").press("a").press("Read it.<enter>");
    let frame = session.frame();
    let code = frame.lines().find_map(|l| Some(l.split_once("type ")?.1.split(' ').next()?.to_owned())).expect(&frame);
    session.press(&code).press("<enter>");
    assert!(session.frame().contains("✓ Approved, signed, recorded"), "{}", session.frame());
    let repository = undersign::source::git::Repository::open(&f.repo).unwrap();
    let omissions = undersign::ledger::read(&repository).unwrap()[0].records[0].predicate().coverage.omissions.clone();
    // The gate asks for an omission of each path that it cannot read, wherever its content was before.
    let paths: Vec<&str> = omissions.iter().map(|omission| omission.path.as_str()).collect();
    assert_eq!(paths, ["static/0.bin", "static/1.bin", "static/2.bin", "static/3.bin", "static/4.bin"]);
    let why = "It is the same object, in the same mode, as assets/3.bin in the base.";
    assert_eq!(omissions[3].acknowledged, why, "{omissions:?}");
    // So it is with images.
    let image = |n: u8| [b"\x89PNG\r\n\x1a\n\0".as_slice(), &[n; 50]].concat();
    let frame = Session::new(&moved_contents(image), (120, 44)).press("<enter>").frame();
    assert!(left(&frame) == "left: 1 hunk" && frame.contains("5 files moved"), "{frame}");
    // The twin: one that was edited besides is asked for on both sides.
    let f = moved_contents(|n| pointer(n).into_bytes());
    f.git("mina", &["checkout", "-q", "move"]);
    f.write("static/3.bin", &pointer(3).replace("1234", "1235"));
    f.commit("mina", "Another size");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 44)).press("<enter>").frame();
    assert!(left(&frame).contains("2 omissions") && frame.contains("4 files moved"), "{frame}");
}

#[test]
fn a_note_on_the_row_of_a_folder_is_about_all_of_its_files_and_is_signed_so() {
    let f = Fixture::new();
    (0..5).for_each(|n| f.write(&format!("part/{n}.txt"), &format!("{TEXT}{n}\n")));
    f.commit("rahim", "A folder");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "tidy", "main"]);
    f.git("mina", &["rm", "-q", "-r", "part"]);
    f.commit("mina", "Tidy up");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 140));
    let frame = session.press("<enter>c").frame();
    assert!(frame.contains("note on all 5 files of part/"), "{frame}");
    let frame = session.press("Keep it until May.<enter>").frame();
    assert!(
        frame.contains("✎ on all 5 files of part/: Keep it until May.") && frame.contains("5 files deleted"),
        "{frame}"
    );
    let frame = session.press("@keep").frame();
    assert!(frame.contains("all 5 files of part/  Keep it until May."), "{frame}");
    let frame = session.press("<esc>Sr").press("No.<enter>").frame();
    let signed = "\"text\": \"On all 5 files of part/: Keep it until May.\"";
    assert!(frame.contains(signed) && frame.contains("\"path\": \"part/0.txt\""), "{frame}");
    session.press("<esc><esc>qq");
    // The folder stays one item, and the note stays with it.
    let mut session = Session::new(&f, (120, 60));
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("✎ on all 5 files of part/: Keep") && frame.contains("5 files deleted"), "{frame}");
    assert!(session.press("C").frame().contains("(empty to remove it)"), "{}", session.frame());
    // The twin: one of the files by itself.
    let frame = session.press("<esc><enter>}}C").frame();
    assert!(frame.contains("note on part/") && !frame.contains("note on all"), "{frame}");
}

#[test]
fn the_sheet_says_where_hidden_text_is_that_asks_for_a_signature() {
    let f = Fixture::with_policy(&policy("[hidden]\nsign = [{ role = \"policy\", n = 1 }]\n"));
    f.write("h.js", &format!("a\u{200b}b\n{TEXT}"));
    f.commit("rahim", "Had it");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "h.js", "i.js"]);
    f.commit("mina", "Move it");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (140, 60)).press("<enter>S").frame();
    assert!(frame.contains("Text with characters that do not show (i.js:1) needs"), "{frame}");
}
