//! What is signed about commands goes to the remote by itself, whatever others put there, and it is told when it did
//! not: a desk with a hostile ledger.

use std::path::PathBuf;

use undersign::app::command::CommandEffect;
use undersign::app::command::delivery::Delivery;
use undersign::app::{Effect, Event};
use undersign::command::{AuthorizationChain, AuthorizationRecord};
use undersign::ledger::families::{Family as _, read_family};
use undersign::source::git::Repository;
use undersign::worker::Ports;

use crate::commands::{INDEX, signed};
use crate::desk::{Session, ports};
use crate::support::{Fixture, NOW, git_in};
use crate::waiting::{ask, waiting};

const STRANGER: &str = "refs/undersign/authorizations/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/\
                        0123456789abcdef";

/// A request that waits, with a host that has the ledger.
struct Hosted {
    f: Fixture,
    host: PathBuf,
}

impl Hosted {
    fn new() -> Hosted {
        let f = waiting(INDEX);
        let host = f.dir.path().join("host.git");
        f.git("rahim", &["clone", "-q", "--bare", ".", host.to_str().unwrap()]);
        f.git("rahim", &["remote", "add", "origin", host.to_str().unwrap()]);
        f.git("rahim", &["push", "-q", "origin", "refs/undersign/*:refs/undersign/*"]);
        Hosted { f, host }
    }

    /// The desk of somebody on a clone of their own.
    fn colleague(&self, who: &str) -> Session {
        let dir = self.f.dir.path();
        git_in(dir, who, &["clone", "-q", self.host.to_str().unwrap(), who]);
        let ports = Ports { clock: Some(NOW), ..ports(&dir.join(format!("drafts-{who}")), self.f.key(who)) };
        let mut session = Session::over(vec![dir.join(who)], ports, NOW, (110, 40));
        look(&mut session);
        session
    }

    fn on_host(&self) -> Vec<AuthorizationChain> {
        read_family(&Repository::open(&self.host).unwrap(), false).unwrap()
    }

    fn ref_of(&self, who: &str) -> String {
        let key = self.f.key(who).public.id().to_string();
        let own = self.on_host().into_iter().find(|chain| chain.id.key == key).expect("a chain of theirs");
        format!("{}{}", AuthorizationRecord::PREFIX, own.id)
    }

    /// Anybody who may push adds a commit that is not a link.
    fn junk_on(&self, name: &str) {
        let tree = git_in(&self.host, "mina", &["rev-parse", "main^{tree}"]);
        let made = git_in(&self.host, "mina", &["commit-tree", tree.trim(), "-p", name, "-m", "junk"]);
        git_in(&self.host, "mina", &["update-ref", name, made.trim()]);
    }
}

/// As the desk does by itself.
fn look(session: &mut Session) {
    session.take([Event::Tick].into());
}

fn refuse(session: &mut Session) {
    session.press("<enter>SrNot today.<enter>refuse<enter>");
}

#[test]
fn a_refusal_is_at_the_remote_before_anything_is_fetched_and_says_so() {
    let hosted = Hosted::new();
    let mut session = Session::new(&hosted.f, (100, 40));
    refuse(&mut session);
    assert!(session.frame().contains("✓ It is at origin, and counts as soon as"), "{}", session.frame());
    assert_eq!(hosted.on_host().len(), 1);
    assert!(session.state.deliveries.missing().is_empty());
    session.press("<esc>q");
    assert!(!session.frame().contains("to send"), "{}", session.frame());
}

#[test]
fn no_chain_of_others_that_comes_and_goes_keeps_a_refusal_here() {
    let hosted = Hosted::new();
    let mut rahim = hosted.colleague("rahim");
    refuse(&mut rahim);
    let theirs = hosted.ref_of("rahim");
    git_in(&hosted.host, "mina", &["update-ref", STRANGER, "main"]);
    let mut session = Session::new(&hosted.f, (110, 40));
    look(&mut session);
    assert!(!session.frame().contains("does not hold"), "nobody is told of a stranger: {}", session.frame());
    git_in(&hosted.host, "mina", &["update-ref", "-d", STRANGER]);
    git_in(&hosted.host, "mina", &["update-ref", "-d", &theirs]);
    // Another command, which nobody refused yet.
    ask(&hosted.f, "SELECT 1;\n", "look");
    session.press("R");
    look(&mut session);
    assert!(session.frame().contains("On origin a chain of rahim is gone. Somebody rewrote it"), "{}", session.frame());
    session.press("gg");
    refuse(&mut session);
    assert!(session.frame().contains("✓ It is at origin"), "{}", session.frame());
    let dana = hosted.f.key("dana").public.id().to_string();
    assert!(hosted.on_host().iter().any(|chain| chain.id.key == dana));
}

#[test]
fn a_refusal_below_a_commit_that_is_no_link_counts_and_the_damage_is_told() {
    let hosted = Hosted::new();
    let mut rahim = hosted.colleague("rahim");
    refuse(&mut rahim);
    assert!(rahim.frame().contains("✓ It is at origin"), "{}", rahim.frame());
    hosted.junk_on(&hosted.ref_of("rahim"));
    let mut session = Session::new(&hosted.f, (110, 40));
    look(&mut session);
    let frame = session.frame();
    assert!(frame.contains("On origin record 2 of the chain of rahim does not hold"), "{frame}");
    assert!(frame.contains("stopped") || frame.contains("refused"), "{frame}");
    session.press("G<enter>");
    assert!(session.frame().contains("by rahim: “Not today.”"), "{}", session.frame());
    session.press("Sa");
    assert!(session.frame().contains("does not hold"), "{}", session.frame());
    // Who refuses is not kept from it by that, nor who is junked.
    session.press("r<backspace>No.<enter>refuse<enter>");
    assert!(session.frame().contains("✓ It is at origin"), "{}", session.frame());
    // What was kept of it counts also where the remote takes the refusal away.
    git_in(&hosted.host, "mina", &["update-ref", "-d", &hosted.ref_of("rahim")]);
    session.press("<esc>q");
    look(&mut session);
    assert!(session.frame().contains("a chain of rahim is gone. Somebody rewrote it"), "{}", session.frame());
}

#[test]
fn what_lies_on_the_own_chain_elsewhere_keeps_nobody_from_signing_here_and_is_told() {
    let hosted = Hosted::new();
    let mut session = Session::new(&hosted.f, (110, 40));
    refuse(&mut session);
    hosted.junk_on(&hosted.ref_of("dana"));
    session.press("<esc>q");
    look(&mut session);
    session.press("G<enter>SwI was wrong.<enter>withdraw<enter>");
    let frame = session.frame();
    assert!(frame.contains("✓ Withdrawn, signed") && frame.contains("NOT SENT"), "{frame}");
    assert_eq!(signed(&hosted.f).len(), 2);
    assert!(session.state.deliveries.missing()[0].contains("the withdrawal of request"));
}

#[test]
fn what_was_signed_and_is_not_there_is_named_on_leaving_and_sent_by_itself_later() {
    let hosted = Hosted::new();
    let mut session = Session::new(&hosted.f, (100, 40));
    session.press("<enter>SrNot today.<enter>");
    let signing = session.begin("refuse<enter>");
    let mut later: Vec<Effect> = Vec::new();
    for event in signing.into_iter().flat_map(|effect| session.carried_out(effect)).collect::<Vec<_>>() {
        later.extend(undersign::app::update(&mut session.state, event));
    }
    assert!(session.frame().contains("It is being sent to the remote …"), "{}", session.frame());
    let [missing] = &session.state.deliveries.missing()[..] else { panic!("one repository") };
    assert!(missing.contains("the refusal of request") && missing.contains("`undersign sync`"), "{missing}");
    let away = hosted.f.dir.path().join("away.git");
    std::fs::rename(&hosted.host, &away).unwrap();
    session.answer(later);
    assert!(session.frame().contains("NOT SENT, and tried again"), "{}", session.frame());
    assert!(session.state.deliveries.missing()[0].contains("`git push` failed"));
    std::fs::rename(&away, &hosted.host).unwrap();
    session.press("<esc>q");
    look(&mut session);
    assert_eq!(hosted.on_host().len(), 1);
    assert!(session.state.deliveries.missing().is_empty());
    // What an earlier sitting left goes when the next one begins.
    git_in(&hosted.host, "rahim", &["update-ref", "-d", &hosted.ref_of("dana")]);
    let kept =
        hosted.f.git("rahim", &["for-each-ref", "--format=%(refname)", "refs/undersign/remotes/origin/authorizations"]);
    hosted.f.git("rahim", &["update-ref", "-d", kept.trim()]);
    let next = Session::new(&hosted.f, (100, 40));
    assert_eq!(next.state.deliveries.of(0), Some(&Delivery::Arrived("origin".into())));
    assert_eq!(hosted.on_host().len(), 1);
}

#[test]
fn what_is_signed_while_something_is_on_its_way_is_sent_after_it() {
    let hosted = Hosted::new();
    let mut session = Session::new(&hosted.f, (100, 40));
    session.press("<enter>SrNot today.<enter>");
    let mut held = Vec::new();
    for effect in session.begin("refuse<enter>") {
        for event in session.carried_out(effect) {
            held.extend(undersign::app::update(&mut session.state, event));
        }
    }
    let is_delivery = |effect: &Effect| matches!(effect, Effect::Command(CommandEffect::Deliver { .. }));
    let (delivery, rest): (Vec<Effect>, Vec<Effect>) = held.into_iter().partition(is_delivery);
    assert_eq!(delivery.len(), 1);
    session.answer(rest);
    // It read what there was, and answers when more was signed.
    let arrived: Vec<Event> = delivery.into_iter().flat_map(|effect| session.carried_out(effect)).collect();
    session.press("<esc>qG<enter>SwI was wrong.<enter>withdraw<enter>");
    assert_eq!(hosted.on_host()[0].len(), 1);
    session.take(arrived.into());
    assert_eq!(hosted.on_host()[0].len(), 2);
}

#[test]
fn a_page_says_as_of_when_it_is_where_the_remote_does_not_answer() {
    let hosted = Hosted::new();
    let mut session = Session::new(&hosted.f, (110, 40));
    session.press("<enter>");
    assert!(session.frame().contains("the remote was not asked yet"), "{}", session.frame());
    look(&mut session);
    assert!(session.frame().contains("nothing ran yet"), "{}", session.frame());
    session.state.now += 60;
    assert!(session.frame().contains("as of "), "{}", session.frame());
    std::fs::rename(&hosted.host, hosted.f.dir.path().join("away.git")).unwrap();
    look(&mut session);
    assert!(session.frame().contains("the remote does not answer since "), "{}", session.frame());
    session.press("q");
    assert!(session.frame().contains("its remote does not answer since "), "{}", session.frame());
}

#[test]
fn the_remote_is_asked_every_ten_seconds_however_much_is_typed() {
    let hosted = Hosted::new();
    let mut session = Session::new(&hosted.f, (110, 40));
    let seconds = |session: &Session| session.state.tick().unwrap().as_secs();
    assert_eq!(seconds(&session), 0, "at once, and then");
    look(&mut session);
    assert_eq!(seconds(&session), 10);
    session.state.now += 7;
    session.press("jk");
    assert_eq!(seconds(&session), 3);
    session.state.now += 9;
    assert_eq!(seconds(&session), 0);
}

#[test]
fn a_decision_about_a_change_is_not_sent_along() {
    let hosted = Hosted::new();
    hosted.f.git("mina", &["checkout", "-q", "-b", "claude/work", "main"]);
    hosted.f.write("src/new.txt", "new\n");
    hosted.f.commit("mina", "Add it");
    let mut session = Session::new(&hosted.f, (100, 40));
    session.press("G<enter>SrNo.<enter>reject<enter><esc>q");
    assert!(session.frame().contains("1 to send"), "{}", session.frame());
    session.press("gg");
    refuse(&mut session);
    assert!(session.frame().contains("✓ It is at origin"), "{}", session.frame());
    assert_eq!(git_in(&hosted.host, "mina", &["for-each-ref", "refs/undersign/decisions"]), "");
    session.press("<esc>q");
    assert!(session.frame().contains("1 to send"), "{}", session.frame());
}

#[test]
fn without_a_remote_nothing_is_said_to_be_sent_and_of_two_one_must_be_named() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 40));
    refuse(&mut session);
    assert!(session.frame().contains("This repository has no remote"), "{}", session.frame());
    assert!(session.state.deliveries.missing().is_empty());
    for name in ["here", "there"] {
        f.git("dana", &["remote", "add", name, "/nowhere"]);
    }
    session.press("<esc>qG<enter>SwI was wrong.<enter>withdraw<enter>");
    let frame = session.frame();
    assert!(frame.contains("NOT SENT") && frame.contains("Name a remote with --remote: here, there."), "{frame}");
}

#[test]
fn chains_of_strangers_keep_nobody_from_signing_however_many_there_are() {
    let hosted = Hosted::new();
    let mut session = Session::new(&hosted.f, (100, 40));
    let names: String =
        (0..1_500).map(|n| format!("create {}{n:06x} main\n", &STRANGER[..STRANGER.len() - 6])).collect();
    let script = hosted.f.dir.path().join("names");
    std::fs::write(&script, names).unwrap();
    let update = format!("git update-ref --stdin < {}", script.display());
    let done = std::process::Command::new("sh").args(["-c", &update]).current_dir(&hosted.host).status().unwrap();
    assert!(done.success());
    look(&mut session);
    refuse(&mut session);
    assert!(session.frame().contains("✓ It is at origin"), "{}", session.frame());
    assert_eq!(signed(&hosted.f)[0].authorization().seen.len(), 1, "the broker's chain, and nobody else's");
}
