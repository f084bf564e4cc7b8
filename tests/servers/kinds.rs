//! What the kinds of servers tell, how they are recognised, and what only one of them does.

use undersign::change::address::Remote;
use undersign::decision::Verdict;
use undersign::delivery::ServerAccess;
use undersign::source::server::http::{Request, Response};
use undersign::source::server::{self, Checks, Kept, NoAnswer, Secret, Server, ServerKind, TokenRights, Transport};
use undersign::sync::{Prompts, servers};

use crate::delivery::{Desk, KINDS};
use crate::faults::Fault;
use crate::forge::{Forge, URL};
use crate::support::Decision;

/// A server as somebody without an account meets it.
enum Stranger {
    Kind(ServerKind),
    /// Something before it asks everybody who they are.
    Wall,
    /// The same, and it lets nobody in.
    Closed,
    /// What runs behind its proxy is down.
    Down,
    /// It asks everybody to wait.
    Busy,
    /// It is on another host now.
    Moved,
    /// Nothing is where servers have their API.
    Empty,
    /// Pages for people, whatever is asked.
    Pages,
    Silent,
}

impl Transport for Stranger {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        assert!(request.authorization.is_none(), "no secret is told before it is known to whom");
        let (status, body) = match (self, request.url.strip_prefix(URL).unwrap()) {
            (Stranger::Kind(ServerKind::Gitea), "/api/v1/version") => (200, r#"{"version":"1.22.3"}"#),
            (Stranger::Kind(ServerKind::GitHub), "/api/v3/meta") => (200, r#"{"installed_version":"3.19.0"}"#),
            (Stranger::Kind(ServerKind::GitLab), "/api/v4/version") => (401, r#"{"message":"401 Unauthorized"}"#),
            (Stranger::Kind(ServerKind::Gerrit), "/config/server/version") => (200, ")]}'\n\"3.11.1\""),
            (Stranger::Kind(_), _) => (404, "<html>Not found</html>"),
            (Stranger::Wall, _) => (401, "<html>Who are you?</html>"),
            (Stranger::Closed, _) => (403, "<html>No.</html>"),
            (Stranger::Down, _) => (502, "<html>Bad gateway</html>"),
            (Stranger::Busy, _) => (429, "{}"),
            (Stranger::Moved, _) => {
                let headers = vec![("location".to_owned(), "https://elsewhere.example/".to_owned())];
                return Ok(Response { status: 301, headers, body: Vec::new() });
            }
            (Stranger::Empty, _) => (404, ""),
            (Stranger::Pages, _) => (200, "<html>Welcome</html>"),
            (Stranger::Silent, _) => return Err(NoAnswer("timeout".to_owned())),
        };
        Ok(Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
    }
}

/// As one that is silent.
struct Counted(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Transport for Counted {
    fn send(&self, _: &Request) -> Result<Response, NoAnswer> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Err(NoAnswer("timeout".to_owned()))
    }
}

fn server(kind: Option<ServerKind>) -> Server {
    Server { name: "work".to_owned(), url: URL.to_owned(), kind, token_command: None }
}

#[test]
fn a_server_is_asked_what_it_is() {
    for kind in KINDS {
        assert_eq!(server::kind_of(&server(None), &Stranger::Kind(kind)), Ok(kind));
        assert_eq!(ServerKind::named(kind.name()), Some(kind));
    }
    for (stranger, why) in [
        (Stranger::Wall, "to nobody without an account (401); write kind = one of github, gitea, gitlab, gerrit"),
        (Stranger::Closed, "to nobody without an account (403); write kind = one of"),
        (Stranger::Down, "failed by itself"),
        (Stranger::Busy, "asks to wait"),
        (Stranger::Moved, "sends the client to another host, elsewhere.example"),
        (Stranger::Empty, "of a known kind; if it is, write kind = one of github, gitea, gitlab, gerrit"),
        (Stranger::Pages, "of a known kind"),
        (Stranger::Silent, "does not answer"),
    ] {
        let error = server::kind_of(&server(None), &stranger).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let _ = server::kind_of(&server(None), &Counted(asked.clone())).unwrap_err();
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1, "one that is silent is waited for once");
    let asked = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let access = ServerAccess::over(Box::new(Counted(asked.clone())), vec![server(None)], std::path::Path::new(""));
    for _ in 0..3 {
        assert!(access.connect(&server(None)).is_err(), "for each of three repositories");
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1, "the others do not wait for it again");
    let mut deep = server(None);
    deep.url += "/ann/shop";
    let error = server::kind_of(&deep, &Stranger::Pages).unwrap_err().to_string();
    assert!(error.contains("at /ann/shop, which may be too much of it"), "{error}");
}

/// GitHub, by the headers of its responses.
struct Headers(Vec<(String, String)>);

impl Transport for Headers {
    fn send(&self, _: &Request) -> Result<Response, NoAnswer> {
        Ok(Response { status: 200, headers: self.0.clone(), body: b"{}".to_vec() })
    }
}

#[test]
fn what_a_token_may_do_is_what_its_server_tells() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let of_github = |headers: &[(String, String)]| {
        let github = server(Some(ServerKind::GitHub));
        let headers = Headers(headers.to_vec());
        server::connect(&github, Secret::new("s3cret"), &headers, Kept::default()).unwrap().rights().unwrap()
    };
    let expiry = header("github-authentication-token-expiration", "2026-12-31 09:00:00 UTC");
    let classic = of_github(&[header("x-oauth-scopes", "gist, read:org"), expiry.clone()]);
    assert_eq!(classic.scopes.as_deref(), Some(&["gist".to_owned(), "read:org".to_owned()][..]));
    assert_eq!((classic.missing, classic.expires.as_deref()), (Some("repo"), Some("2026-12-31 09:00:00 UTC")));
    assert_eq!(of_github(&[header("x-oauth-scopes", "public_repo")]).missing, None);
    let fine_grained = of_github(&[expiry]);
    assert_eq!((fine_grained.scopes, fine_grained.missing), (None, None), "its permissions are not told");
    let rights = |kind| {
        let forge = Forge::new(kind, &"a".repeat(40));
        let dir = tempfile::tempdir().unwrap();
        let access = ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], dir.path());
        access.connect(&forge.server()).unwrap().0.rights().unwrap()
    };
    let reader = rights(ServerKind::GitLab);
    assert_eq!((reader.missing, reader.expires.as_deref()), (Some("api"), Some("2027-01-31")));
    for kind in [ServerKind::Gitea, ServerKind::Gerrit] {
        assert_eq!(rights(kind), TokenRights::default(), "it tells nothing");
    }
}

#[test]
fn a_remote_is_the_repository_that_its_server_calls_so() {
    let named = |kind, address: &str| server(kind).repository_of(&Remote::of(address).unwrap());
    let lab = Some(ServerKind::GitLab);
    assert_eq!(named(lab, "git@git.example:shops/till/shop.git").as_deref(), Some("shops/till/shop"));
    assert_eq!(named(lab, "https://git.example/shop"), None);
    let gerrit = Some(ServerKind::Gerrit);
    for (address, name) in [
        ("https://git.example/a/till", "till"),
        ("https://git.example/till", "till"),
        ("https://dana@git.example/a/shops/till", "shops/till"),
        ("ssh://dana@git.example:29418/till", "till"),
        ("ssh://dana@git.example:29418/a/till", "a/till"),
        ("https://git.example/a/a/till.git", "a/till"),
    ] {
        assert_eq!(named(gerrit, address).as_deref(), Some(name), "{address}");
    }
    assert_eq!(named(gerrit, "https://elsewhere.example/a/till"), None);
    let below = Server { url: format!("{URL}/r"), ..server(gerrit) };
    let remote = Remote::of("https://git.example/r/a/till").unwrap();
    assert_eq!(below.repository_of(&remote).as_deref(), Some("till"));
    let remote = Remote::of("ssh://dana@git.example:29418/till").unwrap();
    assert_eq!(below.repository_of(&remote).as_deref(), Some("till"));
}

#[test]
fn what_is_open_what_asks_and_what_checks_say_is_read_from_each() {
    for (kind, is_old) in KINDS.map(|kind| (kind, false)).into_iter().chain(KINDS.map(|kind| (kind, true))) {
        let desk = Desk::new(kind);
        desk.forge.state.lock().unwrap().is_old = is_old;
        desk.forge.state.lock().unwrap().is_draft = true;
        let name = desk.forge.repository().to_owned();
        let told = desk.is_told();
        let [here, there] = &told.pending[..] else { panic!("{told:?}") };
        assert_eq!((&here.repository, here.request.to_string()), (&name, desk.forge.request().to_owned()));
        assert_eq!((here.title.as_str(), here.author.as_str(), here.is_draft), ("Rework the till", "mina", true));
        assert_eq!((here.asked.as_deref(), here.target.as_str()), (Some("dana-at-work"), "main"));
        let head = desk.change().revision.head;
        assert_eq!(here.head, Some(head), "{kind:?}");
        assert_eq!(here.full.as_deref(), (kind == ServerKind::Gerrit).then_some("refs/changes/12/12/3"));
        assert!(here.page.starts_with(URL) && here.page.contains("12"), "{}", here.page);
        assert_eq!((there.repository.as_str(), there.title.as_str()), ("zoe/lib", "Bump the lib"));
        let asked = (there.asked.as_deref(), there.author.as_str(), there.is_draft);
        assert_eq!(asked, (Some("dana-at-work"), "zoe", true), "{kind:?}");
        let ones = if kind == ServerKind::Gitea { 1 } else { 2 };
        assert_eq!(told.checks_at(&name, head), Some(Checks { passed: ones, ..Checks::default() }), "{kind:?}");
        desk.forge.says(false, "failure");
        let told = desk.is_told();
        assert_eq!(told.checks_at(&name, head), Some(Checks { passed: ones - 1, failed: 1, running: 0 }), "{kind:?}");
    }
}

/// Gerrit's ref holds the patch set, so that only the server can tell it; and it may tell any.
#[test]
fn a_change_is_fetched_from_the_ref_that_gerrit_names_and_from_no_other() {
    for (full, is_there) in [
        ("refs/changes/12/12/3", true),
        ("refs/changes/13/13/3", false),
        ("refs/heads/main", false),
        ("refs/changes/12/12/3:refs/heads/main", false),
        ("--upload-pack=touch owned", false),
    ] {
        let desk = Desk::new(ServerKind::Gerrit);
        let host = desk.f.dir.path().join("host.git");
        desk.f.git("mina", &["clone", "-q", "--bare", ".", host.to_str().unwrap()]);
        let head = desk.forge.state.lock().unwrap().head.clone();
        for name in ["refs/changes/12/12/3", "refs/changes/13/13/3"] {
            desk.f.git("mina", &["--git-dir", host.to_str().unwrap(), "update-ref", name, &head]);
        }
        let own = "refs/undersign/requests/origin/changes/12";
        desk.f.git("mina", &["update-ref", "-d", own]);
        let command = format!("git upload-pack {} #", host.display());
        desk.f.git("mina", &["config", "core.sshCommand", &command]);
        desk.f.git("mina", &["remote", "set-url", "origin", "ssh://dana@git.example:29418/till"]);
        desk.f.git("mina", &["config", "ssh.variant", "ssh"]);
        desk.forge.state.lock().unwrap().full = full.to_owned();
        let told = desk.is_told();
        let main = desk.f.git("mina", &["rev-parse", "main"]);
        let brought = servers::bring(&desk.repository, &desk.forge.server(), &told, Prompts::Allowed);
        assert_eq!(brought, Ok(is_there), "{full}");
        let found = desk.f.git("mina", &["for-each-ref", "--format=%(objectname)", own]);
        assert_eq!(found, if is_there { head } else { String::new() }, "{full}");
        assert_eq!(desk.f.git("mina", &["rev-parse", "main"]), main, "{full}");
    }
}

#[test]
fn where_gitlab_takes_no_request_for_changes_a_thread_stands_for_it_and_that_is_told() {
    let desk = Desk::new(ServerKind::GitLab);
    desk.forge.state.lock().unwrap().takes_requests = false;
    desk.forge.state.lock().unwrap().is_approved = true;
    desk.signs(Verdict::Reject);
    let receipt = desk.delivers();
    let told = "changes requested, by an open thread and a failed status, as the server took no request for changes";
    assert!(receipt.done[0].contains(told), "{receipt:?}");
    assert!(!desk.forge.state.lock().unwrap().is_approved, "an approval before it is taken back");
    assert_eq!(desk.forge.statuses()[0]["status"], "failed");
    assert_eq!(desk.forge.reviews()[0]["resolvable"], true);
}

/// Some versions take a note for a review without a verdict.
#[test]
fn a_request_for_changes_that_gitlab_forgets_over_a_note_is_told_again() {
    let desk = Desk::new(ServerKind::GitLab);
    desk.forge.state.lock().unwrap().is_old = true;
    desk.signs(Verdict::Reject);
    desk.is_told_once("rejected");
    assert_eq!(desk.forge.reviews()[0]["resolvable"], false, "it is no thread");
}

#[test]
fn what_a_reviewer_writes_is_no_command_to_gitlab() {
    let desk = Desk::new(ServerKind::GitLab);
    let decision = Decision::new("dana", desk.forge.request(), Verdict::Reject);
    let record = desk.f.take(Decision { reason: "No:\n/merge\n```\n/close", ..decision });
    desk.takes(&record);
    desk.is_told_once("rejected");
    let text = desk.forge.texts().concat();
    assert!(text.contains("/merge") && text.lines().all(|line| !line.starts_with('/')), "{text}");
}

#[test]
fn an_approval_that_gitlab_takes_from_nobody_like_us_is_no_matter_of_the_token() {
    let desk = Desk::new(ServerKind::GitLab);
    desk.signs(Verdict::Approve);
    desk.forge.fails("/approve", Fault::Status(401));
    let receipt = desk.delivers();
    assert!(receipt.left[0].contains("this account may not approve it"), "{receipt:?}");
}

#[test]
fn a_thread_that_somebody_closed_is_no_rejection_any_more() {
    let desk = Desk::new(ServerKind::GitLab);
    desk.forge.state.lock().unwrap().takes_requests = false;
    desk.signs(Verdict::Reject);
    desk.forge.pretends("/statuses/");
    assert_eq!(desk.delivers().done.len(), 0);
    desk.forge.state.lock().unwrap().reviews[0]["resolved"] = true.into();
    let receipt = desk.delivers();
    assert!(receipt.left[0].contains("stored something other than what was sent"), "{receipt:?}");
}

#[test]
fn an_approval_that_gitlab_kept_over_new_commits_is_given_anew_for_this_one() {
    let desk = Desk::new(ServerKind::GitLab);
    desk.forge.state.lock().unwrap().is_approved = true;
    desk.signs(Verdict::Approve);
    desk.is_told_once("approved");
    let log = desk.forge.state.lock().unwrap().log.clone();
    let sent: Vec<&str> = log.iter().filter_map(|told| told.strip_prefix("Post ")).collect();
    let ends: Vec<&str> = sent.iter().filter_map(|path| path.rsplit('/').next()).collect();
    assert_eq!(ends[..3], ["unapprove", "approve", "notes"], "{log:?}");
}

#[test]
fn a_withdrawal_takes_an_approval_back_where_the_server_lets_it() {
    for kind in [ServerKind::GitLab, ServerKind::Gerrit] {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Approve);
        desk.is_told_once("approved");
        desk.signs(Verdict::Withdraw);
        let receipt = desk.delivers();
        assert_eq!((receipt.left, receipt.done.len()), (vec![], 1));
        assert_eq!((desk.forge.says_of_it(), desk.forge.texts().len()), ("nothing", 2));
    }
}

#[test]
fn a_request_for_changes_that_stands_after_a_withdrawal_is_told() {
    let desk = Desk::new(ServerKind::GitLab);
    desk.signs(Verdict::Reject);
    desk.is_told_once("rejected");
    desk.signs(Verdict::Withdraw);
    let receipt = desk.delivers();
    let told = "told, only by a note: your request for changes remains until you remove it on its page";
    assert!(receipt.done[0].contains(told), "{receipt:?}");
}

#[test]
fn on_gerrit_the_strongest_vote_is_given_that_the_account_may_give_and_that_is_told() {
    for (verdict, permitted, vote, told) in [
        (Verdict::Approve, &["-1", " 0", "+1"][..], 1, "approved, by Code-Review +1 only, as this account"),
        (Verdict::Reject, &["-1", " 0", "+1"][..], -1, "changes requested, by Code-Review -1 only, as this account"),
        (Verdict::Approve, &["-2", "-1", " 0", "+1", "+2"][..], 2, "approved, bound to the commit there"),
        (Verdict::Reject, &["-2", "-1", " 0", "+1", "+2"][..], -2, "changes requested, bound to the commit there"),
    ] {
        let desk = Desk::new(ServerKind::Gerrit);
        desk.forge.state.lock().unwrap().permitted = permitted.iter().map(|&word| word.to_owned()).collect();
        desk.signs(verdict);
        let receipt = desk.delivers();
        assert!(receipt.done[0].contains(told), "{receipt:?}");
        assert_eq!(desk.forge.state.lock().unwrap().vote, vote);
    }
    let desk = Desk::new(ServerKind::Gerrit);
    desk.forge.state.lock().unwrap().permitted = vec![" 0".to_owned()];
    desk.signs(Verdict::Approve);
    let receipt = desk.delivers();
    assert!(receipt.left[0].contains("this account may not cast that vote in Code-Review"), "{receipt:?}");
    assert_eq!((desk.forge.texts().len(), desk.waiting()), (0, 1));
}

#[test]
fn a_request_is_there_once_while_it_is_open_however_its_list_shifts_between_two_pages() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let name = desk.forge.repository().to_owned();
        let listed = |times| {
            desk.forge.state.lock().unwrap().listed = times;
            let all = desk.is_told().pending.into_iter().filter(|one| one.repository == name);
            all.filter(|one| one.request.number == 12).count()
        };
        assert_eq!(listed(Some(2)), 1, "{kind:?}: on two pages");
        assert_eq!(listed(Some(0)), 1, "{kind:?}: on none of them, and open all the same");
        assert_eq!(listed(None), 1);
        desk.forge.state.lock().unwrap().is_closed = true;
        assert_eq!(listed(Some(0)), 0, "{kind:?}: closed");
    }
}
