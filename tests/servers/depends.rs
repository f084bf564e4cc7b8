//! Changes that say that they depend on others: the order of their rows and what is told, nothing else.

use undersign::app::servers::ServerSource;
use undersign::delivery::ServerAccess;
use undersign::source::server::ServerKind;

use crate::delivery::{Desk, KINDS};
use crate::session::Session;

const RISKY: &str = "import os, sys\ndef tap(q):\n    os.system('ls ' + sys.argv[1])\n    eval(q)\n";

/// Request 12 is by itself, and so is 11, which would stand before it.
fn two(kind: ServerKind, message: &str) -> Desk {
    let desk = Desk::new(kind);
    let f = &desk.f;
    f.git("mina", &["checkout", "-q", "--detach", "main"]);
    f.write("tap.py", RISKY);
    let risky = f.commit("mina", message);
    f.git("mina", &["checkout", "-q", "main"]);
    let own = format!("refs/undersign/requests/origin/{}", desk.forge.request().replace("12", "11"));
    f.git("mina", &["update-ref", &own, &risky]);
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    desk
}

/// The desk once the server answered: it has request 12 only.
fn asked(desk: &Desk) -> Session {
    desk.f.git("mina", &["config", "remote.origin.skipFetchAll", "true"]);
    let mut session = Session::new(&desk.f, (120, 36));
    let forge = desk.forge.clone();
    session.ports.access = ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], desk.f.dir.path());
    session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
    session.press("R").press("R");
    session
}

/// On which lines of the screen the two rows are.
fn rows(frame: &str, upper: &str, lower: &str) -> (usize, usize) {
    let at = |text: &str| frame.lines().position(|row| row.contains(text)).unwrap_or_else(|| panic!("{text}: {frame}"));
    (at(upper), at(lower))
}

#[test]
fn what_a_change_says_it_depends_on_stands_before_it() {
    let desk = two(ServerKind::GitHub, "Add a tap\n\nDepends-On: #12\n");
    let mut session = Session::new(&desk.f, (120, 36));
    let frame = session.frame();
    let (upper, lower) = rows(&frame, "└ Add a tap", "├ Count");
    assert_eq!(lower + 1, upper, "{frame}");
    let frame = session.press("/#11<enter>").frame();
    assert!(frame.contains("depends on") && frame.contains("#12, which is pending: shop:pull/12"), "{frame}");
    // It is compared with the target as before: what somebody says changes nothing of what is signed.
    let frame = session.press("<enter>S").frame();
    assert!(!frame.contains("On top of"), "{frame}");
}

#[test]
fn twin_what_says_nothing_stands_by_its_risk() {
    let desk = two(ServerKind::GitHub, "Add a tap\n");
    let frame = Session::new(&desk.f, (120, 36)).frame();
    let (upper, lower) = rows(&frame, "Add a tap", "Count from two");
    assert!(upper < lower && !frame.contains("└"), "{frame}");
}

#[test]
fn a_circle_of_dependencies_hides_no_change() {
    let id = "I0123456789abcdef0123456789abcdef01234567";
    let desk = two(ServerKind::GitHub, "A request that is closed\n");
    let f = &desk.f;
    f.git("mina", &["checkout", "-q", "-b", "tap", "main"]);
    f.write("tap.py", RISKY);
    let page = "https://git.example/ann/shop/pull/12";
    f.commit("mina", &format!("Add a tap\n\nDepends-On: {page}\nChange-Id: {id}\n"));
    f.git("mina", &["checkout", "-q", "main"]);
    desk.forge.state.lock().unwrap().description = format!("Depends on {id} and ann/shop#12, #999");
    let mut session = asked(&desk);
    let frame = session.frame();
    let (upper, lower) = rows(&frame, "Add a tap", "Rework the ti");
    assert_eq!(lower.abs_diff(upper), 1, "{frame}");
    assert!(frame.contains("├ ") && frame.contains("└ "), "{frame}");
    let frame = session.press("/#12<enter>").frame();
    // Itself and #999 are named, too: the one means nothing, the other is not pending.
    assert!(frame.contains("I0123456789, which is pending: shop:tap   +1 more"), "{frame}");
}

#[test]
fn descriptions_on_servers_say_it_too() {
    for kind in KINDS.into_iter().filter(|kind| *kind != ServerKind::Gerrit) {
        let desk = Desk::new(kind);
        desk.forge.state.lock().unwrap().description = "Why.\r\n\r\nDepends-On: zoe/lib#7\r\n".to_owned();
        let frame = asked(&desk).press("/12<enter>").frame();
        assert!(frame.contains("zoe/lib#7, which is not pending here"), "{kind:?}: {frame}");
    }
}

#[test]
fn a_copied_change_id_puts_no_row_before_another() {
    let id = "I0123456789abcdef0123456789abcdef01234567";
    let desk = two(ServerKind::Gerrit, &format!("Add a tap\n\nDepends-On: {id}\n"));
    let f = &desk.f;
    for (number, title) in [("9", "Add a lamp"), ("10", "Copy the id")] {
        f.git("mina", &["checkout", "-q", "--detach", "main"]);
        f.write(&format!("{number}.txt"), "lamp\n");
        let head = f.commit("mina", &format!("{title}\n\nChange-Id: {id}\n"));
        f.git("mina", &["update-ref", &format!("refs/undersign/requests/origin/changes/{number}"), &head]);
    }
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(f, (120, 36));
    let frame = session.frame();
    assert!(!frame.contains("└"), "{frame}");
    let frame = session.press("/tap<enter>").frame();
    assert!(frame.contains("I0123456789, as several pending changes are called: shop:changes/"), "{frame}");
}

#[test]
fn where_rows_are_few_what_is_pending_stands_for_all_that_a_change_depends_on() {
    let desk = two(ServerKind::GitHub, "Add a tap\n\nDepends-On: #999\nDepends-On: #12\n");
    let frame = Session::new(&desk.f, (80, 24)).press("/#11<enter>").frame();
    assert!(frame.contains("#12, which is pending: shop:pull/12   +1 more"), "{frame}");
}

#[test]
fn a_change_of_gerrit_depends_by_change_id() {
    let id = "I0123456789abcdef0123456789abcdef01234567";
    let desk = two(ServerKind::Gerrit, &format!("Add a tap\n\nDepends-On: {id}\n"));
    let f = &desk.f;
    f.git("mina", &["checkout", "-q", "--detach", "main"]);
    f.write("lamp.txt", "lamp\n");
    let lamp = f.commit("mina", &format!("Add a lamp\n\nChange-Id: {id}\n"));
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("mina", &["update-ref", "refs/undersign/requests/origin/changes/10", &lamp]);
    let frame = Session::new(f, (120, 36)).frame();
    let (upper, lower) = rows(&frame, "└ Add a tap", "├ Add a lamp");
    assert_eq!(lower + 1, upper, "{frame}");
}
