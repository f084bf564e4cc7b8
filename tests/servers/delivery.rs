//! One order for all servers, and one suite for all adapters: a signed decision is told once, to what was signed, and
//! read back.

use undersign::change::Change;
use undersign::decision::{Note, Verdict};
use undersign::delivery::{Receipt, ServerAccess};
use undersign::record::Record;
use undersign::source::git::Repository;
use undersign::source::server::{ServerKind, Told};
use undersign::sync::servers;

use crate::faults::{FAULTS, Fault};
use crate::forge::Forge;
use crate::support::{Decision, Fixture, now};

pub const KINDS: [ServerKind; 4] = [ServerKind::GitHub, ServerKind::Gitea, ServerKind::GitLab, ServerKind::Gerrit];

/// A repository whose branch `agent/work` is review request 12 at a server.
pub struct Desk {
    pub f: Fixture,
    pub forge: Forge,
    pub access: ServerAccess,
    pub repository: Repository,
}

impl Desk {
    pub fn new(kind: ServerKind) -> Desk {
        let f = Fixture::new();
        f.write("work.txt", "work\n");
        f.git("mina", &["checkout", "-q", "agent/work"]);
        f.write("till.txt", "till\n");
        let head = f.commit("mina", "Rework the till");
        f.git("mina", &["checkout", "-q", "main"]);
        let forge = Forge::new(kind, &head);
        let access = ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], f.dir.path());
        f.git("mina", &["remote", "add", "origin", &forge.remote()]);
        f.git("mina", &["update-ref", "refs/remotes/origin/main", "main"]);
        f.git("mina", &["update-ref", &format!("refs/undersign/requests/origin/{}", forge.request()), &head]);
        let repository = f.repository();
        Desk { f, forge, access, repository }
    }

    pub fn change(&self) -> Change {
        let target = self.repository.target().unwrap();
        let pending = self.repository.changes(0, &target).unwrap();
        let end = format!(":{}", self.forge.request());
        pending.changes.into_iter().find(|change| change.id.ends_with(&end)).unwrap()
    }

    pub fn signs(&self, verdict: Verdict) -> Record {
        let record = self.f.decide("dana", self.forge.request(), verdict);
        self.takes(&record);
        record
    }

    pub fn takes(&self, record: &Record) {
        self.access.take(&self.repository, &self.change(), record, now()).unwrap();
    }

    /// What the server tells of its repository, and of what asks for us.
    pub fn is_told(&self) -> Told {
        let names = [self.forge.repository().to_owned()];
        let (connected, mut told) = servers::ask(&self.access, &self.forge.server(), &names, 7).unwrap();
        servers::check(&self.access, &*connected, &mut told);
        assert_eq!(told.missing, <[String; 0]>::default());
        told
    }

    pub fn waiting(&self) -> usize {
        self.access.outbox.entries(&self.repository.root).0.len()
    }

    pub fn delivers(&self) -> Receipt {
        self.access.deliver(&self.repository)
    }

    /// It is delivered, once, whatever was tried before.
    pub fn is_told_once(&self, verdict: &str) {
        let receipt = self.delivers();
        assert_eq!((receipt.left, receipt.done.len()), (vec![], 1));
        assert_eq!(self.waiting(), 0);
        self.holds_once(verdict, "");
        assert_eq!(self.delivers(), Receipt::default(), "there is nothing left to do");
    }

    /// The server has the verdict, one text, and one status if it has such.
    fn holds_once(&self, verdict: &str, told: &str) {
        let (texts, statuses) = (self.forge.texts(), self.forge.statuses());
        let wanted = usize::from(self.forge.kind != ServerKind::Gerrit);
        assert_eq!((texts.len(), statuses.len()), (1, wanted), "{told}: {texts:?} {statuses:?}");
        assert_eq!(self.forge.says_of_it(), verdict, "{told}");
    }

    /// One request goes wrong, and the next try makes it whole.
    fn survives(&self, record: &Record, place: &str, fault: Fault) {
        let verdict = if record.predicate().verdict == Verdict::Approve { "approved" } else { "rejected" };
        self.forge.forgets();
        self.takes(record);
        self.forge.fails(place, fault);
        let receipt = self.delivers();
        let told = format!("{place} {fault:?}: {receipt:?}");
        assert!(self.forge.state.lock().unwrap().fault.is_none(), "it was met: {told}");
        if receipt.done.is_empty() {
            assert_eq!(receipt.left.len(), 1, "{told}");
            let why = &receipt.left[0];
            let begin = format!("{}: ", self.forge.name());
            assert!(why.starts_with(&begin) && why.ends_with('.') && !why.contains('\u{1b}'), "{told}");
            assert_eq!(self.waiting(), 1, "{told}");
            self.is_told_once(verdict);
        } else {
            assert_eq!(self.waiting(), 0, "{told}");
            self.holds_once(verdict, &told);
        }
    }

    /// Nothing is told, for a reason, and the decision stays in the outbox.
    pub fn is_not_told(&self, why: &str) {
        let receipt = self.delivers();
        assert!(receipt.done.is_empty() && receipt.left.len() == 1 && receipt.left[0].contains(why), "{receipt:?}");
        let is_plain = receipt.left[0].chars().all(|c| !c.is_control() && c != '\u{202e}');
        assert!(is_plain, "{receipt:?}");
        assert_eq!((self.forge.reviews().len(), self.forge.statuses().len(), self.waiting()), (0, 0, 1));
        assert_eq!(self.forge.says_of_it(), "nothing");
    }
}

/// What is ours could not be told from what is not, and all of it would be sent again.
#[test]
fn a_server_that_does_not_say_which_account_this_is_is_sent_nothing() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Approve);
        desk.forge.fails(if kind == ServerKind::Gerrit { "/self" } else { "/user" }, Fault::Pretended);
        let receipt = desk.delivers();
        assert!(receipt.left[0].contains("it does not say which account this is"), "{kind:?}: {receipt:?}");
        assert_eq!(desk.forge.texts().len(), 0, "{kind:?}");
        desk.is_told_once("approved");
    }
}

#[test]
fn an_approval_is_told_with_its_commit_its_record_and_a_status() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let record = desk.signs(Verdict::Approve);
        let receipt = desk.delivers();
        let bound = match kind {
            ServerKind::GitLab => "bound to the commit by the record alone: this server binds none",
            _ => "bound to the commit there",
        };
        let end = if kind == ServerKind::Gerrit { "; this server has no status." } else { "." };
        let name = desk.forge.name();
        let told = format!("{name}: approved, {bound}; the record is in the comment: no ref was taken{end}");
        assert_eq!((receipt.done, receipt.left), (vec![told], vec![]));
        desk.holds_once("approved", "");
        let text = &desk.forge.texts()[0];
        let head = &record.predicate().head.commit;
        assert!(text.contains(&head[..12]) && text.contains(&record.id().to_string()), "{text}");
        assert!(text.contains("read in full"), "{text}");
        let envelope = String::from_utf8_lossy(&record.link.envelope).into_owned();
        assert!(text.contains(&envelope), "the record is in the comment: {text}");
        for status in desk.forge.statuses() {
            let name = if kind == ServerKind::GitLab { "name" } else { "context" };
            assert_eq!(status[name], "undersign/signed-review");
            let description = status["description"].as_str().unwrap();
            assert!(description.starts_with("Approved by dana, record ") && description.len() <= 140, "{description}");
            assert_eq!(status[if kind == ServerKind::GitHub { "state" } else { "status" }], "success");
        }
        if matches!(kind, ServerKind::GitHub | ServerKind::Gitea) {
            assert_eq!(desk.forge.reviews()[0]["commit_id"], *head);
        }
    }
}

#[test]
fn a_rejection_asks_for_changes() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Reject);
        desk.is_told_once("rejected");
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

/// A rejection with notes: on a line that came, on one that went, on one far from both, and on a file.
fn with_notes(desk: &Desk) -> Record {
    let text = (1..=40).map(|n| format!("row {n} of the till\n")).collect::<String>();
    desk.f.write("rows.txt", &text);
    desk.f.commit("rahim", "Add rows");
    let base = desk.f.git("rahim", &["rev-parse", "HEAD"]);
    desk.f.git("rahim", &["update-ref", "refs/remotes/origin/main", &base]);
    desk.f.git("mina", &["checkout", "-q", "agent/work"]);
    desk.f.git("mina", &["merge", "-q", "--no-edit", "main"]);
    desk.f.write("rows.txt", &text.replace("row 3 of", "row three of"));
    let head = desk.f.commit("mina", "Rework the rows");
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.f.git("mina", &["update-ref", &format!("refs/undersign/requests/origin/{}", desk.forge.request()), &head]);
    desk.forge.state.lock().unwrap().head = head;
    let note = |line, old_side, text: &str| Note {
        path: "rows.txt".to_owned(),
        old_side,
        line,
        text: text.to_owned(),
        ..Note::default()
    };
    let decision = Decision::new("dana", desk.forge.request(), Verdict::Reject);
    let notes = vec![
        note(3, false, "Why a word?\n/merge"),
        note(3, true, "It was a number."),
        note(30, false, "And this one?"),
        note(0, false, "The whole file."),
        note(5, false, "```\n/close"),
    ];
    desk.f.take(Decision { reason: "Not so.", notes, ..decision })
}

#[test]
fn notes_stand_at_the_lines_that_the_change_shows_and_the_others_in_the_text() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let record = with_notes(&desk);
        desk.takes(&record);
        let receipt = desk.delivers();
        let count = if kind == ServerKind::Gerrit { 2 } else { 3 };
        let told = format!("changes requested, {count} notes at the lines, bound to the commit");
        assert!(receipt.done[0].contains(&told), "{kind:?}: {receipt:?}");
        let notes = desk.forge.notes();
        let mut places: Vec<(&str, u64)> = notes.iter().map(|(_, side, line, _)| (*side, *line)).collect();
        places.sort_unstable();
        let all = [("new", 3), ("new", 5), ("old", 3)];
        assert_eq!(places, all[..count], "{kind:?}: {notes:?}");
        let id = record.id().to_string();
        for (path, side, line, text) in &notes {
            assert_eq!(path, "rows.txt");
            assert!(text.contains(&id), "{text}");
            let is_command = text.lines().any(|line| line.starts_with('/'));
            assert!(kind != ServerKind::GitLab || !is_command, "{text}");
            let own = if *line == 5 {
                "close"
            } else if *side == "old" {
                "It was a number."
            } else {
                "Why a word?"
            };
            assert!(text.contains(own), "{side} {line}: {text}");
        }
        let text = desk.forge.texts().concat();
        assert!(text.contains(&format!("Notes at their lines: {count}.")), "{text}");
        assert!(
            text.contains("And this one?") && text.contains("The whole file.") && !text.contains("Why a"),
            "{text}"
        );
        assert_eq!(text.contains("It was a number."), kind == ServerKind::Gerrit, "{text}");
        assert_eq!(desk.delivers(), Receipt::default());
        assert_eq!(desk.forge.notes().len(), count, "once");
    }
}

#[test]
fn notes_that_a_server_takes_at_no_line_are_in_the_text_with_the_others() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let record = with_notes(&desk);
        desk.takes(&record);
        desk.forge.state.lock().unwrap().refuses_notes = true;
        desk.is_told_once("rejected");
        let text = desk.forge.texts().concat();
        let all = ["Why a word?", "It was a number.", "And this one?", "The whole file.", "close"];
        assert!(all.iter().all(|own| text.contains(own)) && !text.contains("Notes at their lines"), "{kind:?}: {text}");
        assert_eq!(desk.forge.notes(), []);
    }
}

/// A server that drops them must not be believed.
#[test]
fn a_verdict_whose_notes_are_not_there_is_not_done() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let record = with_notes(&desk);
        desk.takes(&record);
        // The status is the last step, or there is none.
        desk.forge.pretends("/statuses/");
        desk.delivers();
        desk.forge.state.lock().unwrap().notes.pop();
        desk.takes(&record);
        let receipt = desk.delivers();
        assert!(receipt.left[0].contains("stored something other than what was sent"), "{kind:?}: {receipt:?}");
    }
}

#[test]
fn whatever_fails_each_note_stands_at_its_line_once() {
    let places = |kind| match kind {
        ServerKind::GitHub => &["Post /api/v3/repos/ann/shop/pulls/12/reviews", "reviews/0/comments"][..],
        ServerKind::Gitea => &["Post /api/v1/repos/ann/shop/pulls/12/reviews", "reviews/0/comments"],
        ServerKind::GitLab => &["Post /api/v4/projects/shops%2Ftill%2Fshop/merge_requests/12/discussions", "/notes"],
        _ => &["/review", "till~12/comments"],
    };
    for kind in KINDS {
        let desk = Desk::new(kind);
        let record = with_notes(&desk);
        for (place, fault) in places(kind).iter().flat_map(|place| FAULTS.map(|fault| (place, fault))) {
            // It may have taken a note and not the verdict: then that is in both places.
            if (kind, fault) == (ServerKind::GitLab, Fault::DoneAs(422)) {
                continue;
            }
            desk.survives(&record, place, fault);
            let told = format!("{kind:?} {place} {fault:?}");
            let notes = desk.forge.notes();
            let text = desk.forge.texts().concat();
            let count = if kind == ServerKind::Gerrit { 2 } else { 3 };
            // What is refused is in the text. GitLab had taken these before it refused the text.
            let is_in_text = text.contains("Why a word?");
            assert!(!is_in_text || fault == Fault::Status(422), "{told}");
            let is_at_lines = !is_in_text || *place == "/notes";
            assert_eq!(notes.len(), if is_at_lines { count } else { 0 }, "{told}: {notes:?}");
        }
    }
}

/// Every request to the server goes wrong once in each way.
fn whatever_fails_on_the_way_nothing_is_lost_and_nothing_is_told_twice(
    kind: ServerKind,
    verdict: Verdict,
    places: &[&str],
) {
    let desk = Desk::new(kind);
    let record = desk.f.decide("dana", desk.forge.request(), verdict);
    for (place, fault) in places.iter().flat_map(|place| FAULTS.map(|fault| (place, fault))) {
        desk.survives(&record, place, fault);
    }
}

#[test]
fn whatever_fails_github_is_told_once() {
    let places = ["pulls/12", "Post /api/v3/repos/ann/shop/pulls/12/reviews", "pulls/12/reviews", "/statuses"];
    whatever_fails_on_the_way_nothing_is_lost_and_nothing_is_told_twice(ServerKind::GitHub, Verdict::Reject, &places);
}

#[test]
fn whatever_fails_gitea_is_told_once() {
    let review = "Post /api/v1/repos/ann/shop/pulls/12/reviews";
    let status = "Post /api/v1/repos/ann/shop/statuses";
    let places = ["Get /api/v1/user", "/version", "pulls/12", review, "pulls/12/reviews", status, "/statuses"];
    whatever_fails_on_the_way_nothing_is_lost_and_nothing_is_told_twice(ServerKind::Gitea, Verdict::Approve, &places);
}

#[test]
fn whatever_fails_gitlab_is_told_once_of_an_approval() {
    let read = ["/user", "/version", "/merge_requests/12", "/discussions", "/approvals", "/statuses?name"];
    let places = [&read[..], &["/approve", "/notes", "/statuses/"]].concat();
    whatever_fails_on_the_way_nothing_is_lost_and_nothing_is_told_twice(ServerKind::GitLab, Verdict::Approve, &places);
}

#[test]
fn whatever_fails_gitlab_is_told_once_of_a_rejection() {
    let places = ["/approvals", "/reviewers", "/api/graphql", "/notes"];
    whatever_fails_on_the_way_nothing_is_lost_and_nothing_is_told_twice(ServerKind::GitLab, Verdict::Reject, &places);
}

#[test]
fn whatever_fails_gerrit_is_told_once() {
    let places = ["/self", "/version", "o=CURRENT_REVISION", "o=MESSAGES", "ACCOUNTS&o=DETAILED_LABELS", "/review"];
    whatever_fails_on_the_way_nothing_is_lost_and_nothing_is_told_twice(ServerKind::Gerrit, Verdict::Approve, &places);
}

#[test]
fn a_server_that_only_says_that_it_took_a_verdict_is_not_believed() {
    for (kind, place) in [
        (ServerKind::GitHub, "pulls/12/reviews"),
        (ServerKind::GitHub, "/statuses/"),
        (ServerKind::Gitea, "pulls/12/reviews"),
        (ServerKind::Gitea, "/statuses/"),
        (ServerKind::GitLab, "merge_requests/12/approve"),
        (ServerKind::GitLab, "merge_requests/12/notes"),
        (ServerKind::GitLab, "/statuses/"),
        (ServerKind::Gerrit, "/review"),
    ] {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Approve);
        desk.forge.pretends(place);
        let receipt = desk.delivers();
        assert!(receipt.left[0].contains("does not have it"), "{kind:?} {place}: {receipt:?}");
        assert_eq!(desk.waiting(), 1);
        desk.is_told_once("approved");
    }
}

#[test]
fn a_request_that_is_not_what_was_signed_is_told_nothing() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Approve);
        let head = std::mem::replace(&mut desk.forge.state.lock().unwrap().head, "7".repeat(40));
        desk.is_not_told("its head moved to 7777777");
        desk.forge.state.lock().unwrap().head = head;
        desk.forge.state.lock().unwrap().base = "re\u{1b}[31mlea\u{202e}se".to_owned();
        desk.is_not_told("and you signed for refs/heads/main");
        desk.forge.state.lock().unwrap().base = "main".to_owned();
        desk.forge.state.lock().unwrap().author = "dana-at-work".to_owned();
        desk.is_not_told("dana-at-work opened it, and nobody can approve their own request");
        desk.forge.state.lock().unwrap().author = "mina".to_owned();
        desk.is_told_once("approved");
    }
}

#[test]
fn a_request_that_was_closed_meanwhile_is_told_nothing_and_nothing_waits_for_it() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Approve);
        desk.forge.state.lock().unwrap().is_closed = true;
        let receipt = desk.delivers();
        assert!(receipt.done.is_empty() && receipt.left[0].contains("it is closed"), "{receipt:?}");
        assert_eq!((desk.waiting(), desk.forge.statuses().len(), desk.forge.says_of_it()), (0, 0, "nothing"));
        assert_eq!(desk.delivers(), Receipt::default(), "it is said once");
    }
}

#[test]
fn a_later_decision_takes_the_place_of_one_that_was_not_told() {
    let desk = Desk::new(ServerKind::GitHub);
    desk.signs(Verdict::Approve);
    desk.signs(Verdict::Reject);
    assert_eq!(desk.waiting(), 1);
    desk.is_told_once("rejected");
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
