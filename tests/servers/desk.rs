//! What servers tell, in the queue.

use undersign::app::servers::ServerSource;
use undersign::app::{Effect, Event, update};
use undersign::delivery::ServerAccess;
use undersign::source::server::ServerKind;

use crate::delivery::KINDS;
use crate::faults::Fault;
use crate::forge::Forge;
use crate::session::Session;
use crate::support::{Fixture, policy};

/// A clone whose branch is pull request 12, and a desk over it at the server that has it.
struct Desk {
    f: Fixture,
    forge: Forge,
}

impl Desk {
    fn new() -> Desk {
        Desk::at(ServerKind::GitHub)
    }

    fn at(kind: ServerKind) -> Desk {
        let f = Fixture::with_policy(&policy(""));
        f.git("mina", &["checkout", "-q", "agent/work"]);
        f.write("till.txt", "till\n");
        let head = f.commit("mina", "till: rework");
        f.git("mina", &["checkout", "-q", "main"]);
        f.git("mina", &["branch", "-q", "-D", "agent/work"]);
        let forge = Forge::new(kind, &head);
        f.git("mina", &["remote", "add", "origin", &forge.remote()]);
        // There is no such host: all that it would bring is here.
        f.git("mina", &["config", "remote.origin.skipFetchAll", "true"]);
        f.git("mina", &["update-ref", "refs/remotes/origin/main", "main"]);
        for request in [forge.request(), "pull/11"] {
            f.git("mina", &["update-ref", &format!("refs/undersign/requests/origin/{request}"), &head]);
        }
        Desk { forge, f }
    }

    fn sits_down(&self, size: (u16, u16)) -> Session {
        let mut session = self.recalls(size);
        session.press("R").press("R");
        session
    }

    /// Before anything is asked.
    fn recalls(&self, size: (u16, u16)) -> Session {
        let mut session = Session::new(&self.f, size);
        session.ports.access =
            ServerAccess::over(Box::new(self.forge.clone()), vec![self.forge.server()], self.f.dir.path());
        session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
        // What is kept of the last time.
        for effect in [Effect::List { repository: 0, path: self.f.repo.clone() }, Effect::Recall] {
            let events = session.carried_out(effect);
            session.take(events.into());
        }
        session
    }
}

#[test]
fn a_request_is_shown_as_its_server_calls_it_with_who_is_asked_and_what_its_checks_say() {
    let desk = Desk::new();
    let mut session = desk.sits_down((120, 36));
    let frame = session.press("R").frame();
    assert!(frame.contains("@ Rework the till"), "{frame}");
    assert!(frame.contains("#12") && frame.contains(" ✓ "), "{frame}");
    assert!(frame.contains("#12 by mina, asks dana-at-work") && frame.contains("2 passed at this head"), "{frame}");
    assert!(!frame.contains("#11"), "what is not open any more is gone: {frame}");
    let narrow = desk.sits_down((80, 24)).frame();
    assert!(narrow.contains("@ #12: Rework the till"), "{narrow}");
    desk.f.git("mina", &["branch", "-q", "rework", "refs/undersign/requests/origin/pull/12"]);
    let narrow = desk.sits_down((80, 24)).frame();
    assert!(narrow.contains("@ #12: Rework the till"), "with a branch of its own, too: {narrow}");
    let found = session.press("/mina @<enter>").frame();
    assert!(found.contains("Rework the till"), "{found}");
}

#[test]
fn a_draft_or_one_whose_checks_fail_or_run_is_not_ready() {
    for (draft, checks, word) in
        [(true, "success", "draft"), (false, "failure", "CI fails"), (false, "pending", "CI runs")]
    {
        let desk = Desk::new();
        desk.forge.says(draft, checks);
        let frame = desk.sits_down((120, 36)).frame();
        let rows: Vec<&str> = frame.lines().skip_while(|row| !row.contains("Not ready 1")).collect();
        assert!(rows.get(1).is_some_and(|row| row.contains("Rework the till") && row.contains(word)), "{frame}");
    }
}

#[test]
fn a_request_that_its_server_would_land_elsewhere_says_so_and_is_not_approved() {
    for kind in KINDS {
        let desk = Desk::at(kind);
        desk.forge.lands_on("feature-a");
        let mut session = desk.sits_down((120, 36));
        let frame = session.frame();
        assert!(frame.contains("its server would land it on feature-a"), "{kind:?}: {frame}");
        let frame = session.press("<enter>Sa").frame();
        assert!(frame.contains("on feature-a, and here it is compared with main"), "{kind:?}: {frame}");
        desk.forge.lands_on("main");
        let frame = desk.sits_down((120, 36)).frame();
        assert!(!frame.contains("its server would land it on"), "{kind:?}: {frame}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_told_and_what_it_told_before_stays() {
    let desk = Desk::new();
    desk.sits_down((120, 36));
    let mut session = desk.sits_down((120, 36));
    desk.forge.fails("Get /api/v3/user", Fault::Status(502));
    let frame = session.press("R").frame();
    assert!(frame.contains("@ Rework the till"), "as before: {frame}");
    assert!(frame.contains("⊘ work: git.example failed by itself: no: 502"), "{frame}");
    assert!(frame.contains("Shown as before: 2 requests"), "{frame}");
}

#[test]
fn what_a_server_does_not_tell_hides_nothing_of_what_it_does() {
    let desk = Desk::new();
    let mut session = desk.sits_down((120, 36));
    for (place, fault) in [("/search/issues", Fault::Status(429)), ("/check-runs", Fault::Status(403))] {
        desk.forge.fails(place, fault);
        let frame = session.press("R").frame();
        assert!(frame.contains("Rework the till") && frame.contains("⊘ work: git.example"), "{place}: {frame}");
    }
    desk.forge.fails("Get /api/v3/repos/ann/shop/pulls", Fault::Status(404));
    let frame = session.press("R").frame();
    assert!(frame.contains("#12") && frame.contains("knows nothing at /api/v3/repos/ann/shop/pulls"), "{frame}");
    assert!(session.press("R").frame().contains("@ Rework the till"), "{}", session.frame());
}

#[test]
fn what_asks_for_the_person_in_a_repository_that_is_not_here_is_a_row_with_its_page() {
    let desk = Desk::new();
    let frame = desk.sits_down((120, 36)).press("G").frame();
    assert!(
        frame.contains("⊘ zoe/lib #7 Bump the lib: your review is requested, and no clone of zoe/lib is open here."),
        "{frame}"
    );
}

#[test]
fn what_a_server_says_reaches_the_screen_escaped() {
    for kind in KINDS {
        let desk = Desk::at(kind);
        desk.forge.state.lock().unwrap().author = "mi\u{1b}[31mna\u{202e}".to_owned();
        desk.forge.state.lock().unwrap().title = "Rework \u{1b}]0;owned\u{7}the till".to_owned();
        let frame = desk.sits_down((120, 36)).frame();
        assert!(frame.contains("@ Rework ") && frame.contains("by mi"), "{frame}");
        assert!(frame.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{frame:?}");
    }
}

#[test]
fn what_is_signed_waits_to_be_sent_and_is_told_once_the_network_is_there() {
    let desk = Desk::new();
    let mut session = desk.sits_down((120, 36));
    session.press("<enter>SrNot so.<enter>reject<enter>").press("<esc>q");
    assert!(session.frame().contains("1 to send (P)"), "{}", session.frame());
    assert_eq!(desk.forge.reviews().len(), 0, "signing needs no network");
    // There is no host to push the record to: what the server is told does not depend on it.
    let receipt = session.ports.access.deliver(&desk.f.repository());
    assert!(receipt.done[0].starts_with("ann/shop #12: changes requested, bound to the commit there"), "{receipt:?}");
    let reviews = desk.forge.reviews();
    let text = reviews[0]["body"].as_str().unwrap();
    assert!(text.contains("**Rejected** at") && text.contains("Not so."), "{text}");
}

#[test]
fn what_a_server_told_of_a_repository_stays_where_a_desk_on_others_asks_it() {
    let desk = Desk::new();
    desk.forge.state.lock().unwrap().asks_nobody = true;
    assert!(desk.sits_down((120, 36)).frame().contains("  Rework the till"));
    // Another desk of the same person, in a repository that the server does not have.
    let other = Fixture::with_policy(&policy(""));
    let mut session = Session::new(&other, (120, 36));
    session.ports.access =
        ServerAccess::over(Box::new(desk.forge.clone()), vec![desk.forge.server()], desk.f.dir.path());
    session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
    let frame = session.press("R").frame();
    assert!(frame.contains("no clone of zoe/lib") && !frame.contains("no clone of ann/shop"), "{frame}");
    let frame = desk.recalls((120, 36)).frame();
    assert!(frame.contains("  Rework the till") && frame.contains("#12 by mina"), "{frame}");
    assert!(!frame.contains("no clone of ann/shop"), "it is open here: {frame}");
}

#[test]
fn a_server_is_asked_again_once_it_is_known_to_have_a_repository() {
    let desk = Desk::at(ServerKind::Gitea);
    desk.f.git("mina", &["remote", "set-url", "origin", "https://elsewhere.example/ann/shop.git"]);
    let mut session = desk.recalls((120, 36));
    let frame = session.press("R").press("G").frame();
    assert!(frame.contains("no clone of ann/shop is open here"), "{frame}");
    desk.f.git("mina", &["remote", "set-url", "origin", &desk.forge.remote()]);
    let frame = session.press("R").frame();
    assert!(frame.contains("@ Rework the till") && frame.contains(" ✓ ") && !frame.contains("#11"), "{frame}");
    assert!(!frame.contains("no clone of ann/shop"), "{frame}");
}

#[test]
fn a_sentence_that_is_longer_than_a_row_is_folded_over_the_queue() {
    let desk = Desk::new();
    let mut session = desk.sits_down((80, 24));
    let told = |frame: &str| frame.lines().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect::<String>();
    let frame = session.press("G<enter>").frame();
    let why = told(&frame);
    assert!(
        why.contains("zoe/lib #7 Bump the lib: your review is requested") && why.contains("Its page: https://"),
        "{frame}"
    );
    let frame = session.press("k").frame();
    assert!(!told(&frame).contains("zoe/lib"), "until the next stroke: {frame}");
    session.state.queue.filter = "nothing has this".to_owned();
    let frame = session.press("g").frame();
    assert!(!frame.contains("tier ▾"), "no columns over what has none: {frame}");
}

#[test]
fn a_remote_that_is_still_being_asked_is_not_asked_a_second_time() {
    let desk = Desk::new();
    let mut session = desk.sits_down((80, 24));
    let mut fetches = || {
        let stroke = Event::Stroke(undersign::app::keymap::Stroke::parse("R").unwrap());
        let effects = update(&mut session.state, stroke);
        let fetches = effects.into_iter().filter(|effect| matches!(effect, Effect::Fetch { .. }));
        (fetches.collect::<Vec<_>>(), session.frame())
    };
    let (first, _) = fetches();
    let (second, frame) = fetches();
    assert_eq!((first.len(), second.len()), (1, 0));
    assert!(frame.contains("fetching from their remotes …"), "{frame}");
    let answer = session.carried_out(first.into_iter().next().unwrap());
    session.take(answer.into());
    let effects = update(&mut session.state, Event::Stroke(undersign::app::keymap::Stroke::parse("R").unwrap()));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Fetch { .. })), "once it answered, it is");
}

#[test]
fn the_reader_names_the_request_that_is_read() {
    let desk = Desk::new();
    let frame = desk.sits_down((80, 24)).press("<enter>").frame();
    assert!(frame.lines().next().is_some_and(|head| head.contains("#12 Count from two")), "{frame}");
}
