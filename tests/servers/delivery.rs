//! One order for all servers: a signed decision is told once, to what was signed, and read back.

use undersign::change::Change;
use undersign::decision::Verdict;
use undersign::delivery::{Post, Receipt};
use undersign::record::Record;
use undersign::source::git::Repository;
use undersign::source::server::ServerKind;

use crate::faults::{FAULTS, Fault};
use crate::forge::{Forge, URL};
use crate::support::{Fixture, now};

const KINDS: [ServerKind; 2] = [ServerKind::GitHub, ServerKind::Gitea];

/// A repository whose branch `agent/work` is pull request 12 of `ann/shop` at a server.
struct Desk {
    f: Fixture,
    forge: Forge,
    post: Post,
    repository: Repository,
}

impl Desk {
    fn new(kind: ServerKind) -> Desk {
        let f = Fixture::new();
        f.write("work.txt", "work\n");
        f.git("mina", &["checkout", "-q", "agent/work"]);
        f.write("till.txt", "till\n");
        let head = f.commit("mina", "Rework the till");
        f.git("mina", &["checkout", "-q", "main"]);
        f.git("mina", &["remote", "add", "origin", &format!("{URL}/ann/shop.git")]);
        f.git("mina", &["update-ref", "refs/remotes/origin/main", "main"]);
        f.git("mina", &["update-ref", "refs/undersign/requests/origin/pull/12", &head]);
        let forge = Forge::new(kind, &head);
        let post = Post::over(Box::new(forge.clone()), vec![forge.server()], f.dir.path());
        let repository = f.repository();
        Desk { f, forge, post, repository }
    }

    fn change(&self) -> Change {
        let target = self.repository.target().unwrap();
        let pending = self.repository.changes(0, &target).unwrap();
        pending.changes.into_iter().find(|change| change.id.ends_with(":pull/12")).unwrap()
    }

    fn signs(&self, verdict: Verdict) -> Record {
        let record = self.f.decide("dana", "pull/12", verdict);
        self.post.take(&self.repository, &self.change(), &record, now()).unwrap();
        record
    }

    fn waiting(&self) -> usize {
        self.post.outbox.entries(&self.repository.root).0.len()
    }

    fn delivers(&self) -> Receipt {
        self.post.deliver(&self.repository)
    }

    /// It is delivered, once, whatever was tried before.
    fn is_told_once(&self, verdict: &str) {
        let receipt = self.delivers();
        assert_eq!((receipt.left, receipt.done.len()), (vec![], 1));
        assert_eq!(self.waiting(), 0);
        let (reviews, statuses) = (self.forge.reviews(), self.forge.statuses());
        assert_eq!((reviews.len(), statuses.len()), (1, 1), "{reviews:?} {statuses:?}");
        assert_eq!(reviews[0]["state"], verdict);
        assert_eq!(self.delivers(), Receipt::default(), "there is nothing left to do");
    }

    /// Nothing is told, for a reason, and the decision stays in the outbox.
    fn is_not_told(&self, why: &str) {
        let receipt = self.delivers();
        assert!(receipt.done.is_empty() && receipt.left.len() == 1 && receipt.left[0].contains(why), "{receipt:?}");
        assert_eq!((self.forge.reviews().len(), self.forge.statuses().len(), self.waiting()), (0, 0, 1));
    }
}

#[test]
fn an_approval_is_told_with_its_commit_its_record_and_a_status() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let record = desk.signs(Verdict::Approve);
        let receipt = desk.delivers();
        let told = "ann/shop #12: approved, bound to the commit there; the record is in the comment: no ref was taken.";
        assert_eq!((receipt.done, receipt.left), (vec![told.to_owned()], vec![]));
        let review = &desk.forge.reviews()[0];
        assert_eq!(review["commit_id"], record.predicate().head.commit);
        let text = review["body"].as_str().unwrap();
        assert!(text.contains(&record.id().to_string()) && text.contains("read in full"), "{text}");
        let envelope = String::from_utf8_lossy(&record.link.envelope).into_owned();
        assert!(text.contains(&envelope), "the record is in the comment: {text}");
        let status = &desk.forge.statuses()[0];
        assert_eq!(status["context"], "undersign/signed-review");
        let description = status["description"].as_str().unwrap();
        assert!(description.starts_with("Approved by dana, record ") && description.len() <= 140, "{description}");
        assert_eq!(status[if kind == ServerKind::Gitea { "status" } else { "state" }], "success");
    }
}

#[test]
fn a_rejection_asks_for_changes() {
    for (kind, state) in [(ServerKind::GitHub, "CHANGES_REQUESTED"), (ServerKind::Gitea, "REQUEST_CHANGES")] {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Reject);
        desk.is_told_once(state);
    }
}

#[test]
fn a_record_that_the_remote_holds_is_named_and_not_copied() {
    let desk = Desk::new(ServerKind::GitHub);
    let record = desk.signs(Verdict::Approve);
    let chain = desk.f.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/decisions"]);
    let there = chain.replace("refs/undersign/", "refs/undersign/remotes/origin/");
    desk.f.git("dana", &["update-ref", &there, &chain]);
    let receipt = desk.delivers();
    assert!(receipt.done[0].ends_with("the record is in a ref."), "{receipt:?}");
    let reviews = desk.forge.reviews();
    let text = reviews[0]["body"].as_str().unwrap();
    assert!(text.contains(&record.id().to_string()) && !text.contains("payload"), "{text}");
}

#[test]
fn whatever_fails_on_the_way_nothing_is_lost_and_nothing_is_told_twice() {
    let places = [
        "Get /api/v1/user",
        "pulls/12",
        "Post /api/v1/repos/ann/shop/pulls/12/reviews",
        "pulls/12/reviews",
        "Post /api/v1/repos/ann/shop/statuses",
        "/statuses",
    ];
    let desk = Desk::new(ServerKind::Gitea);
    let record = desk.f.decide("dana", "pull/12", Verdict::Approve);
    for (place, fault) in places.iter().flat_map(|place| FAULTS.map(|fault| (place, fault))) {
        desk.forge.forgets();
        desk.post.take(&desk.repository, &desk.change(), &record, now()).unwrap();
        desk.forge.fails(place, fault);
        let receipt = desk.delivers();
        let told = format!("{place} {fault:?}: {receipt:?}");
        assert!(desk.forge.state.lock().unwrap().fault.is_none(), "it was met: {told}");
        if receipt.done.is_empty() {
            assert_eq!(receipt.left.len(), 1, "{told}");
            let why = &receipt.left[0];
            assert!(why.starts_with("ann/shop #12: ") && why.ends_with('.') && !why.contains('\u{1b}'), "{told}");
            assert_eq!(desk.waiting(), 1, "{told}");
            desk.is_told_once("APPROVED");
        } else {
            assert_eq!((desk.waiting(), desk.forge.reviews().len(), desk.forge.statuses().len()), (0, 1, 1), "{told}");
        }
    }
}

#[test]
fn a_server_that_only_says_that_it_took_a_verdict_is_not_believed() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Approve);
        let api = if kind == ServerKind::GitHub { "v3" } else { "v1" };
        desk.forge.fails(&format!("Post /api/{api}/repos/ann/shop/pulls/12/reviews"), Fault::Pretended);
        let receipt = desk.delivers();
        assert!(receipt.left[0].contains("does not have it"), "{receipt:?}");
        assert_eq!(desk.waiting(), 1);
    }
}

#[test]
fn a_request_that_is_not_what_was_signed_is_told_nothing() {
    let desk = Desk::new(ServerKind::GitHub);
    desk.signs(Verdict::Approve);
    let head = std::mem::replace(&mut desk.forge.state.lock().unwrap().head, "7".repeat(40));
    desk.is_not_told("its head moved to 7777777");
    desk.forge.state.lock().unwrap().head = head;
    desk.forge.state.lock().unwrap().base = "release".to_owned();
    desk.is_not_told("it is for refs/heads/release now, and you signed for refs/heads/main");
    desk.forge.state.lock().unwrap().base = "main".to_owned();
    desk.forge.state.lock().unwrap().is_closed = true;
    desk.is_not_told("it is closed");
    desk.forge.state.lock().unwrap().is_closed = false;
    desk.forge.state.lock().unwrap().author = "dana-at-work".to_owned();
    desk.is_not_told("dana-at-work opened it, and nobody approves their own");
    desk.forge.state.lock().unwrap().author = "mina".to_owned();
    desk.is_told_once("APPROVED");
}

#[test]
fn a_later_decision_takes_the_place_of_one_that_was_not_told() {
    let desk = Desk::new(ServerKind::GitHub);
    desk.signs(Verdict::Approve);
    desk.signs(Verdict::Reject);
    assert_eq!(desk.waiting(), 1);
    desk.is_told_once("CHANGES_REQUESTED");
}

#[test]
fn a_change_that_is_at_no_server_goes_nowhere_and_a_file_that_cannot_be_read_is_told() {
    let desk = Desk::new(ServerKind::GitHub);
    desk.f.git("mina", &["remote", "set-url", "origin", "https://elsewhere.example/ann/shop.git"]);
    desk.signs(Verdict::Approve);
    assert_eq!((desk.waiting(), desk.delivers()), (0, Receipt::default()));
    std::fs::create_dir_all(desk.f.dir.path().join("outbox")).unwrap();
    std::fs::write(desk.f.dir.path().join("outbox/broken.json"), "{").unwrap();
    let receipt = desk.delivers();
    assert!(receipt.left[0].contains("broken.json cannot be read"), "{receipt:?}");
    assert!(desk.f.dir.path().join("outbox/broken.json").exists());
}
