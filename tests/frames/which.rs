//! Which changes are in the queue, on the screen.

use crate::support::{Fixture, NOW, git_in};
use crate::{Session, ports, two_changes};

/// A clone that knows a branch of its origin, has a further commit on it, and a history that has nothing to do with
/// main.
fn clone() -> Fixture {
    let f = two_changes();
    f.git("mina", &["remote", "add", "origin", "https://git.example/shop.git"]);
    f.git("mina", &["update-ref", "refs/remotes/origin/main", "main"]);
    f.git("mina", &["update-ref", "refs/remotes/origin/docs/typo", "docs/typo"]);
    f.git("mina", &["checkout", "-q", "docs/typo"]);
    f.write("more.md", "more\n");
    f.commit("mina", "More of it");
    f.git("mina", &["checkout", "-q", "--orphan", "pages"]);
    f.commit("mina", "Pages");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn the_queue_tells_local_work_apart_and_puts_what_cannot_be_compared_last() {
    let f = clone();
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("/heads/docs<enter>").frame();
    assert!(frame.contains("Fix a typo          heads/docs/typo "), "{frame}");
    let narrow = Session::new(&f, (80, 24)).press("/heads/docs<enter>").frame();
    assert!(narrow.contains("heads/docs/typo: Fix a typo"), "{narrow}");
    assert!(frame.contains("local is 1 ahead of origin/docs/typo"), "{frame}");
    assert!(frame.contains("heads/docs/typo → main"), "{frame}");
    let frame = session.press("<esc>G").frame();
    let reason = "⊘ shop:pages: It shares no commit with origin/main. To propose it: `git rebase --root --onto";
    let rows: Vec<&str> = frame.lines().skip(2).take_while(|row| !row.starts_with('─')).collect();
    let last = rows.iter().rfind(|row| !row.trim().is_empty());
    assert!(last.is_some_and(|row| row.contains(reason)), "{frame}");
    assert!(frame.contains("--onto origin/main BRANCH`"), "the command is whole in the preview: {frame}");
    // Nothing opens; what stands in the row is told in full.
    let told = session.press("<enter>").frame();
    assert!(told.contains("⊘ shop:pages") && told.lines().last().is_some_and(|row| row.contains("BRANCH`")), "{told}");
}

#[test]
fn two_repositories_in_folders_of_one_name_share_no_change_and_no_note() {
    let f = two_changes();
    let clones: Vec<_> = ["ann", "bob"].map(|folder| f.dir.path().join(folder).join("shop")).into();
    for clone in &clones {
        std::fs::create_dir_all(clone.parent().unwrap()).unwrap();
        git_in(f.dir.path(), "mina", &["clone", "-q", f.repo.to_str().unwrap(), clone.to_str().unwrap()]);
    }
    // Another change of the same name.
    git_in(&clones[1], "mina", &["checkout", "-q", "docs/typo"]);
    git_in(&clones[1], "mina", &["commit", "-q", "--amend", "--allow-empty", "-m", "Mend it otherwise"]);
    git_in(&clones[1], "mina", &["update-ref", "refs/remotes/origin/docs/typo", "HEAD"]);
    git_in(&clones[1], "mina", &["checkout", "-q", "main"]);
    let listed = vec![clones[0].clone(), clones[1].clone(), clones[0].join("src")];
    let ports = || crate::Ports { clock: Some(NOW), ..ports(&f.dir.path().join("drafts"), f.key("dana")) };
    let mut session = Session::over(listed, ports(), NOW, (140, 40));
    let frame = session.frame();
    assert_eq!(frame.matches("ann/shop").count(), 3, "listed once: {frame}");
    assert!(frame.contains("bob/shop"), "{frame}");
    let open = session.press("/ann typo<enter><enter>jcIs this right?<enter>").frame();
    assert!(open.contains("Fix a typo") && open.contains("Is this right?"), "{open}");
    let other = session.press("q<esc>/bob typo<enter><enter>").frame();
    assert!(other.contains("Mend it otherwise") && !other.contains("Is this right?"), "{other}");
}
