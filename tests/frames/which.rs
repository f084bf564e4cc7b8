//! Which changes are in the queue, on the screen.

use crate::support::Fixture;
use crate::{Session, two_changes};

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
