//! Review requests that build on each other: each is read, signed and told for what it adds.

use undersign::app::servers::ServerSource;
use undersign::change::{Change, LowerCommits, Revision};
use undersign::decision::{Note, Verdict};
use undersign::delivery::ServerAccess;
use undersign::enforcement::Settings;
use undersign::examination::{self, ChangeStatus, RepositorySnapshot};
use undersign::source::server::{Comment, Place, ServerKind};

use crate::delivery::{Desk, KINDS};
use crate::session::Session;
use crate::support::gate::{Answer, answer};
use crate::support::{Decision, now};

/// Request 11 adds a till, and request 12 a tap on top of it. The branch of 11 is called `feature-a` there.
struct Stack {
    desk: Desk,
    lower: String,
    upper: String,
}

impl Stack {
    fn new(kind: ServerKind) -> Stack {
        let desk = Desk::new(kind);
        let lower = desk.f.git("mina", &["rev-parse", "agent/work"]);
        desk.f.git("mina", &["checkout", "-q", "agent/work"]);
        desk.f.write("tap.txt", "tap\n");
        let upper = desk.f.commit("mina", "Add a tap");
        desk.f.git("mina", &["checkout", "-q", "main"]);
        desk.f.git("mina", &["branch", "-q", "-D", "agent/work"]);
        desk.forge.state.lock().unwrap().head.clone_from(&upper);
        let stack = Stack { desk, lower, upper };
        stack.shows(11, &stack.lower);
        stack.shows(12, &stack.upper);
        stack
    }

    fn request(&self, number: u64) -> String {
        self.desk.forge.request().replace("12", &number.to_string())
    }

    /// A request moves to a commit; the branch of 11 with it.
    fn shows(&self, number: u64, head: &str) {
        let own = format!("refs/undersign/requests/origin/{}", self.request(number));
        self.desk.f.git("mina", &["update-ref", &own, head]);
        if number == 11 {
            self.desk.f.git("mina", &["update-ref", "refs/remotes/origin/feature-a", head]);
        }
    }

    fn change(&self, number: u64) -> Change {
        let target = self.desk.repository.target().unwrap();
        let pending = self.desk.repository.changes(0, &target).unwrap();
        let end = format!(":{}", self.request(number));
        pending.changes.into_iter().find(|change| change.id.ends_with(&end)).unwrap()
    }

    /// What the queue says that a request needs, and the files that it asks to read.
    fn needs(&self, number: u64) -> (String, usize) {
        let (repository, snapshot) = RepositorySnapshot::of(self.desk.f.repository(), None).unwrap();
        let examined = examination::whole(&repository, &snapshot, &self.change(number), now()).unwrap();
        (ChangeStatus::of(&snapshot, &examined, Some("rahim"), now()).to_string(), examined.files)
    }

    /// What the gate says to a push of both: exit code, and remarks.
    fn lands(&self) -> Answer {
        let old = self.desk.f.id("main");
        let settings = Settings { branch: Some("refs/heads/main".to_owned()), ..Settings::default() };
        answer(&self.desk.f.request("refs/heads/main", &old, &self.upper), &settings)
    }
}

#[test]
fn a_request_that_builds_on_another_is_compared_with_that_one() {
    for kind in KINDS {
        let stack = Stack::new(kind);
        let (lower, upper) = (stack.change(11), stack.change(12));
        assert_eq!((lower.below, upper.revision.base.to_string()), (None, stack.lower.clone()), "{kind:?}");
        let below = upper.below.unwrap();
        assert_eq!((below.id, below.branches), (lower.id, vec!["feature-a".to_owned()]));
        assert_eq!(below.commits, LowerCommits::new(lower.revision.commits.iter().map(|commit| commit.id)));
        assert_eq!((upper.title.as_str(), upper.revision.commits.len()), ("Add a tap", 1));
        assert_eq!(stack.needs(12).1, 1, "only what it adds");
    }
}

#[test]
fn a_request_whose_lower_one_moved_is_compared_with_the_target_until_it_is_rebased() {
    let stack = Stack::new(ServerKind::GitHub);
    let tree = stack.desk.f.git("mina", &["rev-parse", &format!("{}^{{tree}}", stack.lower)]);
    let amended = stack.desk.f.git("mina", &["commit-tree", &tree, "-p", "main", "-m", "Rework the till again"]);
    stack.shows(11, &amended);
    let upper = stack.change(12);
    assert_eq!((upper.below, upper.revision.commits.len()), (None, 3));
    // What landed is below nothing any more.
    stack.shows(11, &stack.lower);
    assert!(stack.change(12).below.is_some());
    stack.desk.f.git("mina", &["update-ref", "refs/remotes/origin/main", &stack.lower]);
    let upper = stack.change(12);
    assert_eq!((upper.below, upper.revision.base.to_string()), (None, stack.lower.clone()));
}

/// What others landed would be shown as its own, and signed for, and no push would bring that.
#[test]
fn a_request_that_merged_its_target_in_is_compared_with_the_target() {
    for from in ["main", "elsewhere"] {
        let mut stack = Stack::new(ServerKind::GitHub);
        let f = &stack.desk.f;
        f.git("rahim", &["checkout", "-q", "-B", from, "main"]);
        f.write("lamp.txt", "lamp\n");
        let landed = f.commit("rahim", "Add a lamp");
        f.git("mina", &["checkout", "-q", "--detach", &stack.lower]);
        f.git("mina", &["merge", "-q", "--no-edit", &landed]);
        f.write("tap.txt", "tap\n");
        stack.upper = f.commit("mina", "Add a tap");
        f.git("mina", &["checkout", "-q", "main"]);
        f.git("mina", &["update-ref", "refs/remotes/origin/main", "main"]);
        stack.shows(12, &stack.upper);
        let upper = stack.change(12);
        // Twin: what nobody landed comes with it.
        let base = if from == "main" { &landed } else { &stack.lower };
        assert_eq!((upper.below.is_some(), upper.revision.base.to_string()), (from != "main", base.clone()));
        let files = if from == "main" { stack.needs(11).1 + 1 } else { 2 };
        assert_eq!(stack.needs(12).1, files, "{from}");
        for number in [11, 12] {
            stack.desk.f.decide("dana", &stack.request(number), Verdict::Approve);
        }
        assert_eq!(stack.needs(12).0, "signed", "{from}");
        if from == "main" {
            let f = &stack.desk.f;
            f.git("mina", &["checkout", "-q", "--detach", "main"]);
            f.git("mina", &["merge", "-q", "--no-ff", "--no-edit", &stack.upper]);
            stack.upper = f.git("mina", &["rev-parse", "HEAD"]);
        }
        assert_eq!(stack.lands().0, 0, "{from}: {:?}", stack.lands());
    }
}

#[test]
fn each_is_signed_for_what_it_adds_and_both_land_in_one_push() {
    let stack = Stack::new(ServerKind::GitHub);
    let record = stack.desk.f.decide("dana", &stack.request(12), Verdict::Approve);
    assert_eq!(record.predicate().base.commit, stack.lower);
    assert_ne!(stack.lands().0, 0, "nobody signed the lower one");
    assert_eq!(stack.needs(12).0, "signed");
    assert_ne!(stack.needs(11).0, "signed");
    stack.desk.f.decide("dana", &stack.request(11), Verdict::Approve);
    assert_eq!(stack.lands().0, 0);
    assert_eq!(stack.needs(11).0, "signed");
}

#[test]
fn what_is_signed_as_one_counts_for_the_upper_one_as_well() {
    let stack = Stack::new(ServerKind::GitHub);
    assert_ne!(stack.needs(12).0, "signed");
    let record = stack.desk.f.decide("dana", &stack.upper, Verdict::Approve);
    assert_ne!(record.predicate().base.commit, stack.lower, "all of it");
    assert_eq!(stack.lands().0, 0);
    assert_eq!(stack.needs(12).0, "signed");
    // Twin: a rejection of what it adds.
    stack.desk.f.decide("rahim", &stack.request(12), Verdict::Reject);
    assert_ne!(stack.needs(12).0, "signed");
}

#[test]
fn a_rejection_is_told_where_its_server_lands_it_on_the_branch_of_the_lower_one() {
    for kind in KINDS {
        let stack = Stack::new(kind);
        stack.desk.forge.lands_on("feature-a");
        stack.desk.signs(Verdict::Reject);
        // The branch has another commit by now than what was signed to be added to.
        stack.desk.f.git("mina", &["update-ref", "refs/remotes/origin/feature-a", "main"]);
        let receipt = stack.desk.delivers();
        assert!(receipt.left[0].contains("its target is now refs/heads/feature-a"), "{kind:?}: {receipt:?}");
        stack.shows(11, &stack.lower);
        stack.desk.is_told_once("rejected");
    }
}

/// The server would land the lower one with it, or could be made to.
#[test]
fn an_approval_of_what_a_request_adds_waits_until_the_lower_one_landed() {
    for kind in KINDS {
        for target in ["main", "feature-a"] {
            let stack = Stack::new(kind);
            stack.desk.forge.lands_on(target);
            stack.desk.signs(Verdict::Approve);
            stack.desk.is_not_told("was not in refs/heads/main at the last fetch");
            // The target contains all of it now, and nothing else would land.
            stack.desk.f.git("mina", &["update-ref", "refs/remotes/origin/main", &stack.lower]);
            stack.desk.forge.lands_on("main");
            stack.desk.is_told_once("approved");
        }
    }
}

/// The upper request rewrites the only line of the till, which the lower one added.
fn rewrites_the_till(stack: &Stack) -> String {
    let f = &stack.desk.f;
    f.git("mina", &["checkout", "-q", "--detach", &stack.lower]);
    f.write("till.txt", "TILL\n");
    let upper = f.commit("mina", "Rewrite the till");
    f.git("mina", &["checkout", "-q", "main"]);
    stack.shows(12, &upper);
    stack.desk.forge.state.lock().unwrap().head.clone_from(&upper);
    upper
}

/// Both are signed. Commits are made with the tree of another one, and main stands at the last.
struct Landing {
    stack: Stack,
    upper: String,
}

impl Landing {
    fn new() -> Landing {
        let stack = Stack::new(ServerKind::GitHub);
        let upper = rewrites_the_till(&stack);
        for number in [11, 12] {
            stack.desk.f.decide("dana", &stack.request(number), Verdict::Approve);
        }
        Landing { stack, upper }
    }

    fn commit(&self, tree: &str, parents: &[&str]) -> String {
        let tree = format!("{tree}^{{tree}}");
        let parents = parents.iter().flat_map(|parent| ["-p", parent]);
        let command: Vec<&str> = ["commit-tree", "-m", "Land", &tree].into_iter().chain(parents).collect();
        self.stack.desk.f.git("mina", &command)
    }

    /// What the gate says to a push where main stands at a commit.
    fn from(&self, old: &str, new: &str) -> Answer {
        for main in ["refs/heads/main", "refs/remotes/origin/main"] {
            self.stack.desk.f.git("mina", &["update-ref", main, old]);
        }
        let settings = Settings { branch: Some("refs/heads/main".to_owned()), ..Settings::default() };
        answer(&self.stack.desk.f.request("refs/heads/main", old, new), &settings)
    }
}

#[test]
fn what_edits_the_lines_of_the_lower_request_lands_with_it_and_after_it() {
    let landing = Landing::new();
    let (lower, upper, main) = (&landing.stack.lower, &landing.upper, landing.stack.desk.f.id("main"));
    assert_eq!(landing.from(&main, upper).0, 0, "in one push");
    assert_eq!(landing.from(lower, upper).0, 0, "after it");
    let landing = Landing::new();
    let merged = landing.commit(lower, &[&main, lower]);
    let both = landing.commit(upper, &[&merged, upper]);
    assert_eq!(landing.from(&merged, &both).0, 0, "after a merge");
}

/// Whatever lands again after it was reverted needs another approval.
#[test]
fn what_edits_the_lines_of_the_lower_request_does_not_land_again_with_its_old_approval() {
    let refused = |what: &str, way: &dyn Fn(&Landing, &str, &str, &str) -> String| {
        let landing = Landing::new();
        let (lower, upper, main) = (&landing.stack.lower, &landing.upper, landing.stack.desk.f.id("main"));
        let old = way(&landing, lower, upper, &main);
        let again = landing.commit(upper, &[&old]);
        let (code, reasons) = landing.from(&old, &again);
        assert!(code != 0 && reasons.contains(&"CONTEXT".to_owned()), "{what}: {code} {reasons:?}");
    };
    refused("after a push of both", &|landing, lower, upper, _| landing.commit(lower, &[upper]));
    refused("after a merge of the lower one", &|landing, lower, upper, main| {
        let merged = landing.commit(lower, &[main, lower]);
        landing.commit(lower, &[&landing.commit(upper, &[&merged])])
    });
    refused("after a squash of the lower one, and a merge that changes nothing", &|landing, lower, upper, main| {
        let squashed = landing.commit(lower, &[main]);
        let reverted = landing.commit(lower, &[&landing.commit(upper, &[&squashed])]);
        landing.commit(lower, &[&reverted, lower])
    });
    refused("after a merge whose side took both and reverted the upper one", &|landing, lower, upper, main| {
        landing.commit(lower, &[main, &landing.commit(lower, &[upper])])
    });
    // Twin: what the lower branch did to other paths afterwards is no matter.
    let landing = Landing::new();
    let (lower, upper, main) = (&landing.stack.lower, &landing.upper, landing.stack.desk.f.id("main"));
    let updated = landing.commit(lower, &[lower]);
    let merged = landing.commit(lower, &[&main, &updated]);
    assert_eq!(landing.from(&merged, &landing.commit(upper, &[&merged])).0, 0);
    // Twin: what others landed of other paths before that merge is no matter.
    let landing = Landing::new();
    let (lower, upper, main) = (&landing.stack.lower, &landing.upper, landing.stack.desk.f.id("main"));
    let lamp = landing.commit(&main, &[&main]);
    let merged = landing.commit(lower, &[&lamp, lower]);
    assert_eq!(landing.from(&merged, &landing.commit(upper, &[&merged])).0, 0);
}

#[test]
fn a_note_on_the_old_side_stands_at_its_line_only_if_the_server_counts_at_the_lower_one() {
    for (kind, target) in KINDS.into_iter().flat_map(|kind| [(kind, "main"), (kind, "feature-a")]) {
        let stack = Stack::new(kind);
        rewrites_the_till(&stack);
        stack.desk.forge.lands_on(target);
        let note = |old_side, text: &str| Note {
            path: "till.txt".to_owned(),
            old_side,
            line: 1,
            text: text.to_owned(),
            ..Note::default()
        };
        let notes = vec![note(false, "Why so loud?"), note(true, "It was quiet.")];
        let decision = Decision::new("dana", stack.desk.forge.request(), Verdict::Reject);
        let record = stack.desk.f.take(Decision { reason: "Not so.", notes, ..decision });
        stack.desk.takes(&record);
        assert_eq!(stack.desk.delivers().done.len(), 1);
        let is_at_line = target == "feature-a" && kind != ServerKind::Gerrit;
        let notes = stack.desk.forge.notes();
        assert_eq!(notes.len(), 1 + usize::from(is_at_line), "{kind:?} {target}: {notes:?}");
        assert_eq!(stack.desk.forge.texts().concat().contains("It was quiet."), !is_at_line, "{kind:?} {target}");
    }
}

#[test]
fn a_comment_on_the_old_side_of_a_stacked_request_is_outdated() {
    let stack = Stack::new(ServerKind::GitHub);
    rewrites_the_till(&stack);
    let upper = stack.change(12);
    let repository = &stack.desk.repository;
    let (_, snapshot) = RepositorySnapshot::of(stack.desk.f.repository(), None).unwrap();
    let is_outdated = |target_tip| {
        let revision = Revision { target_tip, ..upper.revision.clone() };
        let (head, path) = (Some(revision.head), "till.txt".to_owned());
        let place = Place { head, path, old_side: true, line: 1, until: 1, base: None };
        let diff = examination::diff(repository, &snapshot, &upper).unwrap();
        let comment = Comment { account: "zoe".to_owned(), text: "Why?".to_owned(), place, ..Comment::default() };
        let remarks = examination::comments::placed(repository, &revision, &diff, vec![comment], ("dana", "mina"));
        remarks[0].note.is_outdated()
    };
    assert!(is_outdated(upper.revision.target_tip), "a server may count at the target");
    assert!(!is_outdated(upper.revision.base), "twin: the lower one landed");
}

#[test]
fn an_approval_is_not_told_once_its_target_is_another_branch_at_the_merge_base() {
    for kind in KINDS {
        for verdict in [Verdict::Approve, Verdict::Reject] {
            let desk = Desk::new(kind);
            desk.signs(verdict);
            desk.f.git("mina", &["update-ref", "refs/remotes/origin/production", "main"]);
            desk.forge.lands_on("production");
            desk.is_not_told("its target is now refs/heads/production");
        }
    }
}

#[test]
fn a_stack_is_shown_in_the_order_in_which_it_lands() {
    let stack = Stack::new(ServerKind::GitHub);
    stack.desk.forge.lands_on("feature-a");
    let mut session = Session::new(&stack.desk.f, (120, 36));
    let forge = stack.desk.forge.clone();
    session.ports.access = ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], stack.desk.f.dir.path());
    session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
    let frame = session.frame();
    let rows: Vec<&str> = frame.lines().collect();
    let at = |text: &str| rows.iter().position(|row| row.contains(text)).unwrap_or_else(|| panic!("{text}: {frame}"));
    assert_eq!(at("├ ") + 1, at("└ Add a tap"), "{frame}");
    assert!(rows[at("├ ")].contains("#11") && rows[at("└ ")].contains("#12"), "{frame}");
    let frame = session.press("/#12<enter>").frame();
    assert!(frame.contains("builds on #11, which lands first: this is what it adds"), "{frame}");
    assert!(!frame.contains("its server would land it on"), "{frame}");
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("tap.txt") && !frame.contains("till.txt"), "{frame}");
    let frame = session.press("S").frame();
    assert!(frame.contains("On top of #11, which is not included and lands first."), "{frame}");
}

#[test]
fn a_stack_stands_where_its_riskiest_request_would() {
    let stack = Stack::new(ServerKind::GitHub);
    let f = &stack.desk.f;
    f.git("mina", &["checkout", "-q", "--detach", &stack.lower]);
    f.write("tap.py", "import os, sys\ndef tap(q):\n    os.system('ls ' + sys.argv[1])\n    eval(q)\n");
    let risky = f.commit("mina", "Add a tap");
    f.git("mina", &["checkout", "-q", "--detach", "main"]);
    f.write("lamp.txt", "lamp\n");
    let harmless = f.commit("mina", "Add a lamp");
    f.git("mina", &["checkout", "-q", "main"]);
    stack.shows(12, &risky);
    stack.shows(10, &harmless);
    let frame = Session::new(f, (120, 36)).frame();
    let at = |text: &str| frame.find(text).unwrap_or_else(|| panic!("{text}: {frame}"));
    assert!(at("├ ") < at("└ Add a tap") && at("└ Add a tap") < at("Add a lamp"), "{frame}");
}
