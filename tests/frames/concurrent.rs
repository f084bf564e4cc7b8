//! Other changes of the queue that edit the same, and what depends on a package.

use super::*;
use undersign::decision::Verdict;

const CART: &str = "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\ng = 7\nh = 8\n";

/// Five changes of one file: two of its first line, two of its last, and one that is built on the first.
fn crowd() -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("src/cart.py", CART);
    f.commit("rahim", "Count the cart");
    let edit = |branch: &str, from: &str, old: &str, new: &str, title: &str| {
        f.git("mina", &["checkout", "-q", "-b", branch, from]);
        let text = std::fs::read_to_string(f.repo.join("src/cart.py")).unwrap();
        f.write("src/cart.py", &text.replace(old, new));
        f.commit("mina", title);
    };
    edit("first", "main", "a = 1", "a = 10", "Raise the first");
    edit("first-again", "main", "a = 1", "a = 20", "Raise the first differently");
    edit("last", "main", "h = 8", "h = 80", "Raise the last");
    edit("last-too", "main", "h = 8", "h = 90", "Raise the last, too");
    edit("last-three", "main", "h = 8", "h = 70", "Raise the last a third time");
    edit("on-top", "first", "d = 4", "d = 40", "Go on from there");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_change_says_which_others_edit_the_same_lines_or_files() {
    let f = crowd();
    for (size, name) in [((80, 30), "80"), ((200, 40), "200")] {
        let mut session = Session::new(&f, size);
        session.press("/differently<enter>");
        with_filters(|| insta::assert_snapshot!(format!("beside_{name}"), session.frame()));
        session.press("i");
        with_filters(|| insta::assert_snapshot!(format!("beside_why_{name}"), session.frame()));
    }
}

#[test]
fn what_is_built_on_a_change_is_not_in_its_way_and_neither_is_what_is_decided() {
    let f = crowd();
    let card = |filter: &str| {
        let mut session = Session::new(&f, (200, 40));
        session.press(&format!("/{filter}<enter>"));
        session.frame()
    };
    let frame = card("on-top");
    assert!(frame.contains("the same lines: first-again") && !frame.contains("the same lines: first,"), "{frame}");
    assert!(card("differently").contains("the same lines: first (src/cart.py)"));
    f.decide_at("dana", "first", Verdict::Reject, NOW);
    let frame = card("differently");
    assert!(!frame.contains("the same lines: first ("), "{frame}");
    assert!(frame.contains("the same lines: on-top (src/cart.py)"), "{frame}");
}

#[test]
fn the_selection_that_moves_and_a_change_that_arrives_are_compared_anew() {
    let f = crowd();
    let mut session = Session::new(&f, (200, 40));
    session.press("/raise<enter>");
    session.press("gg");
    let first = session.frame();
    session.press("j");
    assert_ne!(card_of(&session.frame()), card_of(&first));
    f.git("mina", &["checkout", "-q", "-b", "new", "main"]);
    f.write("src/cart.py", &CART.replace("a = 1", "a = 30"));
    f.commit("mina", "Another raise");
    f.git("mina", &["checkout", "-q", "main"]);
    session.press("<esc>R/differently<enter>");
    let frame = session.frame();
    assert!(frame.contains("the same lines: first (src/cart.py), new (src/cart.py)"), "{frame}");
}

fn card_of(frame: &str) -> Vec<&str> {
    frame.lines().filter(|line| line.contains("also edited") || line.contains("the same")).collect()
}

/// A workspace in which two packages depend on a third, and another on one of them.
#[test]
fn what_depends_on_a_package_is_told_and_drawn() {
    let f = Fixture::with_policy(&policy(""));
    f.git("rahim", &["checkout", "-q", "main"]);
    let manifest = |name: &str, needs: &[&str]| {
        let needs: String = needs.iter().map(|name| format!("{name} = {{ path = '../{name}' }}\n")).collect();
        format!("[package]\nname = '{name}'\n[dependencies]\n{needs}")
    };
    for (name, needs) in [("money", &[][..]), ("cart", &["money"]), ("till", &["money"]), ("web", &["cart"])] {
        f.write(&format!("crates/{name}/Cargo.toml"), &manifest(name, needs));
        f.write(&format!("crates/{name}/src/lib.rs"), "pub fn one() -> u32 {\n    1\n}\n");
    }
    f.commit("rahim", "Divide the shop");
    f.git("mina", &["checkout", "-q", "-b", "round", "main"]);
    f.write("crates/money/src/lib.rs", "pub fn one() -> u32 {\n    2\n}\n");
    f.commit("mina", "Round up");
    f.git("mina", &["checkout", "-q", "main"]);
    for (size, name) in [((80, 30), "80"), ((200, 40), "200")] {
        let mut session = Session::new(&f, size);
        session.press("/round<enter>i");
        with_filters(|| insta::assert_snapshot!(format!("dependents_{name}"), session.frame()));
    }
}
