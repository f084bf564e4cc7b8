//! What counts as seen, attacked: edits that look the same and are not, and rows that nobody could have read.

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
