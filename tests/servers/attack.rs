//! What a hostile server, a stranger who writes there, or a file that somebody edited must not bring about.

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use undersign::app::servers::ServerSource;
use undersign::change::ObjectId;
use undersign::change::request::{Request as Wanted, RequestKind};
use undersign::decision::Verdict;
use undersign::delivery::{self, Hosts, ServerAccess};
use undersign::source::git::Repository;
use undersign::source::server::http::{Client, Method, Request, Response};
use undersign::source::server::{Account, Kept, NoAnswer, Pending, Secret, Server, ServerKind, Told, Transport};
use undersign::sync::{Prompts, patches, servers};

use crate::delivery::{Desk, KINDS};
use crate::forge::{Forge, URL};
use crate::session::Session;
use crate::support::{Decision, Fixture, policy};
use crate::{patches as rebuilt, program};

/// A server that answers all that it is asked by what it was asked.
struct Answering<F>(F);

impl<F: Fn(&Request) -> Response + Send + Sync> Transport for Answering<F> {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        assert!(request.url.starts_with("https://git.example/"), "{} is asked", request.url);
        Ok((self.0)(request))
    }
}

fn answer(status: u16, header: (&str, String), body: impl Into<Vec<u8>>) -> Response {
    Response { status, headers: vec![(header.0.to_owned(), header.1)], body: body.into() }
}

fn secret() -> Option<(&'static str, Secret)> {
    Secret::new("s3cret").map(|secret| ("authorization", secret))
}

// The token

#[test]
fn no_spelling_of_an_address_leads_a_token_elsewhere() {
    for there in [
        "https://thief.example/list",
        "https://git.example@thief.example/list",
        "https://git.example:443@thief.example/list",
        "https://git.example\\@thief.example/list",
        "https://git.example\\.thief.example/list",
        "https://git.example%2f@thief.example/list",
        "https://git.example%2fthief.example/list",
        "https://git.example:8443/list",
        "https://git.example:443/list",
        "https://git.example./list",
        "https://GIT.example/list",
        "HTTPS://git.example/list",
        "http://git.example/list",
        "ftp://git.example/list",
        "https:git.example/list",
        "https:///git.example/list",
        "//thief.example/list",
        "\\\\thief.example/list",
        "/\t/thief.example",
        " https://thief.example/list",
        "https://git.example\t.thief.example/",
        "thief.example/list",
        "",
    ] {
        let link = format!("<{there}>; rel=\"next\"");
        let pages = Answering(move |_: &Request| answer(200, ("link", link.clone()), "[1]"));
        let client = Client::new(&pages, URL, secret(), Kept::default()).unwrap();
        assert!(client.get_pages::<u64>("/list").is_err() || there.starts_with('/'), "{there}");
        for status in [301, 302, 307, 308] {
            let moved = Answering(move |_: &Request| answer(status, ("location", there.to_owned()), ""));
            let client = Client::new(&moved, URL, secret(), Kept::default()).unwrap();
            assert!(client.get::<u64>("/list").is_err(), "{there}");
            assert!(client.post::<u64>("/list", &true.into()).is_err(), "{there}");
            assert!(there.starts_with("/\t") || client.get_at::<u64>(there).is_err(), "{there}");
        }
    }
}

#[test]
fn what_only_looks_like_this_machine_is_told_nothing_in_the_open() {
    let nobody = Answering(|request: &Request| panic!("{} is asked", request.url));
    for url in [
        "http://localhost.",
        "http://localhost.:80",
        "http://127.1",
        "http://0.0.0.0",
        "http://127.0.0.2",
        "http://2130706433",
        "http://0x7f000001",
        "http://[::ffff:127.0.0.1]",
        "http://[::1].example",
        "http://127.0.0.1@thief.example",
        "http://127.0.0.1:80@thief.example",
        "http://localhost:@thief.example:80",
        "http://localhost\\@thief.example",
        "http://localhost%2f@thief.example",
        "HTTP://localhost",
        "http:localhost",
    ] {
        assert!(Client::new(&nobody, url, secret(), Kept::default()).is_err(), "{url}");
    }
}

#[test]
fn an_address_with_a_user_or_a_password_is_not_used_and_not_shown() {
    let nobody = Answering(|request: &Request| panic!("{} is asked", request.url));
    for url in [
        "https://dana:s3cret@git.example",
        "https://s3cret@git.example",
        "https://git.example@s3cret",
        "https://git.example\\@s3cret",
    ] {
        let error = Client::new(&nobody, url, None, Kept::default()).err().unwrap().to_string();
        assert!(!error.contains("dana:s3cret"), "{error}");
    }
    let desk = program::Desk::at(ServerKind::Gitea);
    let host = desk.host.url.replace("http://", "http://dana:pa55@");
    desk.configured(&format!("[server.work]\nurl = \"{host}\"\n"));
    let (_, said) = desk.says_with(&["doctor", "--server", "work"], &[("UNDERSIGN_TOKEN_WORK", "s3cret")]);
    assert!(said.contains("server ") && !said.contains("pa55"), "{said}");
}

#[test]
fn a_token_that_a_server_repeats_is_in_no_error() {
    for (status, body) in [
        (400, "{\"message\":\"bad header: Bearer s3cret\"}"),
        (403, "<html>authorization: s3cret</html>"),
        (404, "s3cret"),
        (500, "{\"error\":\"s3cret\"}"),
        (200, "\"s3cret\""),
        (200, "{\"s3cret\":"),
    ] {
        let server = Answering(move |_: &Request| answer(status, ("x", String::new()), body));
        let client = Client::new(&server, URL, secret(), Kept::default()).unwrap();
        let error = client.get::<u64>("/one").unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{status}: {error}");
        let error = client.post::<u64>("/one", &true.into()).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{status}: {error}");
    }
    for there in ["https://s3cret.example/", "/moved/s3cret"] {
        let server = Answering(move |_: &Request| answer(302, ("location", there.to_owned()), ""));
        let client = Client::new(&server, URL, secret(), Kept::default()).unwrap();
        let error = client.post::<u64>("/one", &true.into()).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{there}: {error}");
    }
    // At the end of what is passed on, half a token is one, too.
    let long = format!("{}s3cret", "x".repeat(196));
    let server = Answering(move |_: &Request| answer(500, ("x", String::new()), long.clone()));
    let client = Client::new(&server, URL, secret(), Kept::default()).unwrap();
    let error = client.get::<u64>("/one").unwrap_err().to_string();
    assert!(!error.contains("s3c"), "{error}");
}

#[test]
fn what_is_kept_on_disk_holds_no_token_that_a_server_repeated() {
    let desk = Desk::new(ServerKind::Gerrit);
    desk.signs(Verdict::Approve);
    let forge = desk.forge.clone();
    let repeats = move |request: &Request| {
        let path = request.url.strip_prefix(URL).unwrap();
        if request.method == Method::Get && !path.contains("o=MESSAGES") {
            return forge.send(request).unwrap();
        }
        answer(422, ("x", String::new()), "no such user: dana:s3cret, ZGFuYTpzM2NyZXQ=")
    };
    let access = ServerAccess::over(Box::new(Answering(repeats)), vec![desk.forge.server()], desk.f.dir.path());
    let receipt = access.deliver(&desk.repository);
    let _ = servers::ask(&access, &desk.forge.server(), &["till".to_owned()], 7);
    assert!(receipt.left[0].contains("no such user"), "{receipt:?}");
    for text in ["s3cret", "ZGFuYTpzM2NyZXQ="] {
        assert!(!format!("{receipt:?}").contains(text), "{receipt:?}");
        for folder in ["outbox", "servers"] {
            for file in std::fs::read_dir(desk.f.dir.path().join(folder)).unwrap().flatten() {
                let held = std::fs::read_to_string(file.path()).unwrap();
                assert!(!held.contains(text), "{}: {held}", file.path().display());
            }
        }
    }
}

#[test]
fn a_token_for_this_machine_goes_through_no_proxy() {
    let desk = program::Desk::at(ServerKind::Gitea);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        proxy.set_nonblocking(true).unwrap();
        for _ in 0..50 {
            if let Ok((mut stream, _)) = proxy.accept() {
                let mut text = [0; 2000];
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let read = stream.read(&mut text).unwrap_or(0);
                return String::from_utf8_lossy(&text[..read]).into_owned();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        String::new()
    });
    let proxies = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, address.as_str()));
    let variables = [&proxies[..], &[("UNDERSIGN_TOKEN_WORK", "s3cret"), ("NO_PROXY", ""), ("no_proxy", "")]].concat();
    let (code, said) = desk.says_with(&["doctor", "--server", "work"], &variables);
    assert_eq!(heard.join().unwrap(), "", "{said}");
    assert!(code == 0 && said.contains("dana-at-work"), "{said}");
}

/// `gh` takes the token in its environment for that of whatever host it is asked for.
#[test]
fn a_token_of_another_github_server_in_the_environment_is_not_told_to_this_one() {
    let desk = program::Desk::at(ServerKind::GitHub);
    desk.configured(&format!("[server.work]\nurl = \"{}\"\nkind = \"github\"\n", desk.host.url));
    let gh = desk.f.dir.path().join("bin/gh");
    std::fs::create_dir_all(gh.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\necho \"${GH_ENTERPRISE_TOKEN:-${GITHUB_ENTERPRISE_TOKEN:-s3cret}}\"\n";
    std::fs::write(&gh, script).unwrap();
    std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", gh.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for name in ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"] {
        let (_, said) = desk.says_with(&["doctor", "--server", "work"], &[("PATH", &path), (name, "another")]);
        assert!(said.contains("account     dana-at-work"), "{said}");
    }
}

#[test]
fn no_two_servers_have_their_token_in_one_variable() {
    let desk = program::Desk::at(ServerKind::Gitea);
    let url = &desk.host.url;
    desk.configured(&format!(
        "[server.work]\nurl = \"https://git.example\"\n[server.Work]\nurl = \"{url}\"\n[server.\"w.x\"]\nurl = \
         \"https://git.example\"\n[server.w-x]\nurl = \"{url}\"\n"
    ));
    let tokens = [("UNDERSIGN_TOKEN_WORK", "s3cret"), ("UNDERSIGN_TOKEN_W_X", "s3cret")];
    for name in ["Work", "w-x"] {
        let (code, said) = desk.says_with(&["doctor", "--server", name], &tokens);
        assert!(code == 70 && !said.contains("dana-at-work"), "{said}");
    }
}

// What is told

/// What stands in the outbox, with words replaced.
fn edit(desk: &Desk, from: &str, to: &str) {
    let dir = desk.f.dir.path().join("outbox");
    for file in std::fs::read_dir(&dir).unwrap().flatten().filter(|file| file.path().extension().is_some()) {
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(file.path(), text.replace(from, to)).unwrap();
    }
}

#[test]
fn an_entry_of_the_outbox_that_says_something_else_than_its_record_is_not_told() {
    let desk = Desk::new(ServerKind::GitHub);
    desk.signs(Verdict::Reject);
    edit(&desk, "\"verdict\": \"reject\"", "\"verdict\": \"approve\"");
    let receipt = desk.delivers();
    assert!(receipt.done.is_empty() && receipt.left.len() == 1, "{receipt:?}");
    assert_eq!((desk.forge.says_of_it(), desk.forge.statuses().len()), ("nothing", 0));
    edit(&desk, "\"verdict\": \"approve\"", "\"verdict\": \"reject\"");
    let head = desk.forge.state.lock().unwrap().head.clone();
    let main = desk.f.git("dana", &["rev-parse", "main"]);
    edit(&desk, &head, &main);
    desk.forge.state.lock().unwrap().head = main.clone();
    let receipt = desk.delivers();
    assert!(receipt.done.is_empty() && receipt.left.len() == 1, "{receipt:?}");
    assert_eq!((desk.forge.says_of_it(), desk.forge.statuses().len()), ("nothing", 0));
    edit(&desk, &main, &head);
    desk.forge.state.lock().unwrap().head = head;
    edit(&desk, "refs/heads/main", "refs/heads/release");
    desk.forge.state.lock().unwrap().base = "release".to_owned();
    let receipt = desk.delivers();
    assert!(receipt.done.is_empty() && receipt.left.len() == 1, "{receipt:?}");
    edit(&desk, "refs/heads/release", "refs/heads/main");
    desk.forge.state.lock().unwrap().base = "main".to_owned();
    desk.is_told_once("rejected");
}

#[test]
fn a_file_of_the_outbox_that_is_not_called_after_its_record_is_left_as_it_is() {
    for name in ["", "short", "../../escaped", "/tmp/escaped"] {
        let desk = Desk::new(ServerKind::GitHub);
        let record = desk.signs(Verdict::Approve).id().to_string();
        edit(&desk, &record, name);
        let receipt = desk.delivers();
        assert!(receipt.done.is_empty() && receipt.left[0].contains("cannot be read"), "{receipt:?}");
        assert!(!desk.f.dir.path().join("escaped.json").exists());
        assert_eq!(desk.forge.says_of_it(), "nothing");
    }
    let desk = Desk::new(ServerKind::GitHub);
    let record = desk.signs(Verdict::Approve).id().to_string();
    let dir = desk.f.dir.path().join("outbox");
    std::fs::copy(dir.join(format!("{record}.json")), dir.join("copy.json")).unwrap();
    let receipt = desk.delivers();
    assert_eq!((receipt.done.len(), receipt.left.len()), (1, 1), "{receipt:?}");
    assert!(dir.join("copy.json").exists());
    assert_eq!(desk.delivers().done, <[String; 0]>::default());
    assert_eq!(desk.forge.reviews().len(), 1);
}

type Meanwhile = Mutex<Option<Box<dyn FnOnce() + Send>>>;

/// While the first verdict is on its way, something else happens.
struct Slow {
    forge: Forge,
    meanwhile: Meanwhile,
}

impl Transport for Slow {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        if request.method == Method::Post
            && let Some(happens) = self.meanwhile.lock().unwrap().take()
        {
            happens();
        }
        self.forge.send(request)
    }
}

#[test]
fn two_desks_that_deliver_at_the_same_time_tell_it_once() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        desk.signs(Verdict::Approve);
        let other = ServerAccess::over(Box::new(desk.forge.clone()), vec![desk.forge.server()], desk.f.dir.path());
        let root = desk.repository.root.clone();
        let happens = Box::new(move || {
            let receipt = other.deliver(&Repository::open(&root).unwrap());
            assert_eq!(receipt.done, <[String; 0]>::default(), "the first is at it");
        });
        let slow = Slow { forge: desk.forge.clone(), meanwhile: Mutex::new(Some(happens)) };
        let access = ServerAccess::over(Box::new(slow), vec![desk.forge.server()], desk.f.dir.path());
        let receipt = access.deliver(&desk.repository);
        assert_eq!((receipt.done.len(), desk.forge.texts().len()), (1, 1), "{kind:?}: {receipt:?}");
    }
}

#[test]
fn a_decision_in_one_clone_takes_the_place_of_an_earlier_one_in_another() {
    let desk = Desk::new(ServerKind::GitHub);
    desk.signs(Verdict::Approve);
    edit(&desk, &desk.repository.root.display().to_string(), "/elsewhere/shop");
    desk.signs(Verdict::Reject);
    desk.is_told_once("rejected");
    let left = std::fs::read_dir(desk.f.dir.path().join("outbox")).unwrap().flatten();
    let left = left.filter(|file| file.path().extension().is_some_and(|extension| extension == "json"));
    assert_eq!(left.count(), 0, "nobody is told of the approval later");
}

#[test]
fn a_head_that_moves_while_the_verdict_is_given_is_not_what_it_is_bound_to() {
    for kind in [ServerKind::GitHub, ServerKind::Gitea] {
        let desk = Desk::new(kind);
        let head = desk.signs(Verdict::Approve).predicate().head.commit.clone();
        desk.forge.state.lock().unwrap().moves_to = Some("7".repeat(40));
        desk.delivers();
        assert_eq!(desk.forge.reviews()[0]["commit_id"], *head);
        assert_eq!(desk.forge.statuses(), <[serde_json::Value; 0]>::default(), "the other head has no status of ours");
    }
}

#[test]
fn what_another_person_quotes_is_not_taken_for_ours() {
    for kind in [ServerKind::GitHub, ServerKind::Gitea, ServerKind::GitLab] {
        let desk = Desk::new(kind);
        let record = desk.signs(Verdict::Approve);
        let head = &record.predicate().head.commit;
        let body = format!("> undersign record `{}`", record.id());
        let quote = if kind == ServerKind::GitLab {
            json!({"author": {"username": "mina"}, "body": body, "system": false, "resolvable": false})
        } else {
            json!({"user": {"login": "mina"}, "state": "APPROVED", "commit_id": head, "body": body})
        };
        desk.forge.state.lock().unwrap().reviews.push(quote);
        let receipt = desk.delivers();
        assert_eq!((receipt.done.len(), desk.forge.reviews().len()), (1, 2), "{kind:?}: {receipt:?}");
    }
}

#[test]
fn what_is_neither_yes_nor_no_is_told_as_neither() {
    for kind in KINDS {
        for verdict in [Verdict::HumanOnly, Verdict::BreakGlass] {
            let desk = Desk::new(kind);
            let decision = Decision::new("dana", desk.forge.request(), verdict);
            desk.takes(&desk.f.take(Decision { reason: "Now.", ..decision }));
            let receipt = desk.delivers();
            assert_eq!(desk.forge.says_of_it(), "nothing", "{kind:?} {verdict:?}: {receipt:?}");
            let words: Vec<_> = desk.forge.statuses().iter().map(ToString::to_string).collect();
            assert!(!words.concat().contains("success"), "{words:?}");
        }
    }
}

// What a server can have the client do

#[test]
fn what_a_server_calls_a_repository_is_one_value_of_gits_configuration() {
    let desk = Desk::new(ServerKind::GitHub);
    let list = || desk.f.git("dana", &["config", "--local", "--list", "--name-only"]);
    let before = list();
    for name in [
        "shop\n[core]\n\thooksPath = /tmp/evil",
        "shop\r\n[core]\r\n\tfsmonitor = touch owned",
        "shop\\\n[core]\n\tsshCommand = touch owned",
        "\"]\n[core]\n\thooksPath = /tmp/evil\n",
        "shop # [core]",
        "\u{2028}[core]",
        "shop\0[core]",
        "$(touch owned)`touch owned`",
    ] {
        let _ = delivery::link(&desk.repository, "origin", &desk.forge.server(), name);
        let mut known: Vec<_> = list().lines().map(str::to_lowercase).collect();
        known.retain(|key| !key.starts_with("remote.origin.undersign"));
        assert_eq!(known, before.lines().map(str::to_lowercase).collect::<Vec<_>>(), "{name:?}");
    }
}

#[test]
fn a_number_that_nobody_counts_by_makes_no_ref() {
    let two = rebuilt::Two::new();
    for number in [0, 1_000_000_000_000_000_000, u64::MAX] {
        let told = rebuilt::Told { number, series: two.series.clone() };
        let brought = patches::bring(&two.f.repository(), "origin", &told, "shop").unwrap();
        assert_eq!(brought.requests, 0, "{brought:?}");
        assert_eq!(two.f.git("dana", &["for-each-ref", "refs/undersign/requests"]), "");
    }
}

/// A patch of a few bytes can make a file that no machine has room for.
#[test]
fn a_patch_that_makes_a_file_without_end_is_not_tried() {
    let two = rebuilt::Two::new();
    for size in ["literal 67108865", "literal 99999999999999999999999", "literal x", "delta 7"] {
        let mut series = two.series.clone();
        series.commits[0].patch = format!(
            "diff --git a/b b/b\nnew file mode 100644\nindex {0}..{0}\nGIT binary patch\n{size}\nKcmZQz0096301yBG\n\n",
            "0".repeat(40)
        )
        .into_bytes();
        let told = rebuilt::Told { number: 12, series };
        let brought = patches::bring(&two.f.repository(), "origin", &told, "shop").unwrap();
        assert!(brought.unproved[0].contains("too large"), "{size}: {brought:?}");
    }
}

fn pending(number: u64, head: ObjectId) -> Pending {
    Pending {
        repository: "ann/shop".to_owned(),
        request: Wanted { kind: RequestKind::Pull, number },
        title: String::new(),
        author: "mina".to_owned(),
        is_draft: false,
        asked: None,
        target: "main".to_owned(),
        head: Some(head),
        full: None,
        page: String::new(),
        depends_on: Vec::new(),
        comments: None,
    }
}

/// A clone whose `origin` is reached over ssh, by a command that serves a repository beside it.
fn beside(f: &Fixture) -> Repository {
    let host = f.dir.path().join("host.git");
    f.git("mina", &["clone", "-q", "--bare", ".", host.to_str().unwrap()]);
    f.git("mina", &["config", "core.sshCommand", &format!("git upload-pack {} #", host.display())]);
    f.git("mina", &["config", "ssh.variant", "ssh"]);
    f.git("mina", &["remote", "add", "origin", "ssh://git@git.example/ann/shop.git"]);
    f.repository()
}

#[test]
fn a_request_that_is_at_no_ref_keeps_no_other_from_coming() {
    let f = Fixture::new();
    let repository = beside(&f);
    let host = f.dir.path().join("host.git");
    let head = f.id("agent/work");
    f.git("mina", &["--git-dir", host.to_str().unwrap(), "update-ref", "refs/pull/12/head", &head]);
    let server = Forge::new(ServerKind::GitHub, &head).server();
    let mut told = Told::new("work".to_owned(), 7, Account { login: "dana".to_owned(), version: String::new() });
    told.repositories.push("ann/shop".to_owned());
    let numbers = [13, 12, 12, 99, 0, u64::MAX];
    told.pending = numbers.map(|number| pending(number, head.parse().unwrap())).to_vec();
    let brought = servers::bring(&repository, &server, &told, Prompts::Allowed);
    let refs = f.git("mina", &["for-each-ref", "--format=%(refname)", "refs/undersign/requests"]);
    assert_eq!(refs, "refs/undersign/requests/origin/pull/12", "{brought:?}");
    let why = brought.unwrap_err();
    assert!(why.contains("#13") && why.contains("#99"), "{why}");
}

#[test]
fn a_list_that_is_too_large_as_a_whole_is_an_error() {
    let asked = Mutex::new(0);
    let pages = Answering(move |_: &Request| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        assert!(*asked < 199, "it is read on and on");
        let page = format!("[{}1]", " ".repeat(1 << 20));
        answer(200, ("link", format!("</list?page={asked}>; rel=\"next\"")), page)
    });
    let client = Client::new(&pages, URL, secret(), Kept::default()).unwrap();
    let error = client.get_pages::<u64>("/list").unwrap_err().to_string();
    assert!(error.contains("MiB"), "{error}");
    let more = client.get_skipping(|known| format!("/list?S={known}"), |_: &u64| true);
    assert!(more.unwrap_err().to_string().contains("MiB"));
}

#[test]
fn what_is_nested_without_end_is_an_error() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let server = Answering(move |_: &Request| answer(200, ("x", String::new()), deep.clone()));
    let client = Client::new(&server, URL, secret(), Kept::default()).unwrap();
    assert!(client.get::<serde_json::Value>("/one").is_err());
}

#[test]
fn what_a_stranger_writes_there_reaches_a_terminal_escaped() {
    let desk = program::Desk::at(ServerKind::Gitea);
    let token = [("UNDERSIGN_TOKEN_WORK", "s3cret")];
    desk.forge.state.lock().unwrap().title = "Rework \u{1b}]0;owned\u{7}\u{202e}the\r\ntill".to_owned();
    desk.forge.state.lock().unwrap().author = "mi\u{1b}[31mna\u{202e}".to_owned();
    for arguments in [&["queue", "--fetch"][..], &["queue", "--json"], &["doctor", "--server", "work"], &["sync"]] {
        let (_, said) = desk.says_with(arguments, &token);
        let is_plain = said.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}');
        assert!(is_plain, "{arguments:?}: {said:?}");
    }
}

// What it says of a change

#[test]
fn what_checks_say_in_one_repository_says_nothing_in_another() {
    let desk = Desk::new(ServerKind::GitHub);
    let head = desk.change().revision.head;
    let forge = desk.forge.clone();
    let at = Mutex::new(());
    let both = Answering(move |request: &Request| {
        let _one = at.lock().unwrap();
        let of_fork = request.url.contains("/repos/zoe/shop/");
        let asked = Request { url: request.url.replace("/repos/zoe/shop", "/repos/ann/shop"), ..request.clone() };
        forge.says(false, if of_fork { "failure" } else { "success" });
        forge.send(&asked).unwrap()
    });
    let access = ServerAccess::over(Box::new(both), vec![desk.forge.server()], desk.f.dir.path());
    let names = ["ann/shop", "zoe/shop"].map(str::to_owned);
    let (connected, mut told) = servers::ask(&access, &desk.forge.server(), &names, 7).unwrap();
    servers::check(&access, &*connected, &mut told);
    assert_eq!(told.checks_at("ann/shop", head).map(|checks| checks.failed), Some(0), "{told:?}");
    assert_eq!(told.checks_at("zoe/shop", head).map(|checks| checks.failed), Some(1), "{told:?}");
}

/// Whoever has a fork can open a request there at the same head, with the same number.
#[test]
fn a_request_of_a_fork_does_not_stand_for_that_of_the_repository() {
    let desk = Desk::new(ServerKind::GitHub);
    let head = desk.change().revision.head.to_string();
    desk.f.git("mina", &["remote", "add", "a-fork", &format!("{URL}/zoe/shop.git")]);
    desk.f.git("mina", &["update-ref", "refs/undersign/requests/a-fork/pull/12", &head]);
    desk.f.git("mina", &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    let change = desk.change();
    assert_eq!(change.refs.iter().filter(|at| at.request().is_some()).count(), 2);
    let hosted = Hosts::of(&desk.repository, &[desk.forge.server()]).hosted(&change.refs).unwrap();
    assert_eq!(hosted.repository, "ann/shop");
}

#[test]
fn a_request_that_another_opens_at_the_same_head_is_a_row_of_its_own() {
    let desk = Desk::new(ServerKind::GitHub);
    let head = desk.change().revision.head.to_string();
    desk.f.git("mina", &["update-ref", "refs/undersign/requests/origin/pull/11", &head]);
    desk.f.git("mina", &["update-ref", "refs/undersign/requests/origin/pull/13", &head]);
    let change = desk.change();
    let hosted = Hosts::of(&desk.repository, &[desk.forge.server()]).hosted(&change.refs).unwrap();
    assert_eq!(hosted.request, Wanted { kind: RequestKind::Pull, number: 12 });
    let record = desk.signs(Verdict::Approve);
    let (entries, _) = desk.access.outbox.entries(&desk.repository.root);
    assert_eq!((entries[0].request.number, &entries[0].record), (12, &record.id().to_string()));
}

#[test]
fn a_server_whose_name_is_a_path_is_kept_in_its_directory() {
    let desk = Desk::new(ServerKind::GitHub);
    let server = Server { name: "../../x/..".to_owned(), ..desk.forge.server() };
    let access = ServerAccess::over(Box::new(desk.forge.clone()), vec![server.clone()], desk.f.dir.path());
    servers::ask(&access, &server, &["ann/shop".to_owned()], 7).unwrap();
    assert_eq!(std::fs::read_dir(desk.f.dir.path().join("servers")).unwrap().count(), 1);
}

/// The row of a request keeps its id, whatever its server moves its ref to.
#[test]
fn what_was_read_of_a_request_is_not_read_of_other_content_under_its_number() {
    let f = Fixture::with_policy(&policy(""));
    let commits = |text: &str| {
        f.git("mina", &["checkout", "-q", "-b", "work", "main"]);
        f.write("till.txt", text);
        let head = f.commit("mina", "till: rework");
        f.git("mina", &["checkout", "-q", "main"]);
        f.git("mina", &["branch", "-q", "-D", "work"]);
        f.git("mina", &["update-ref", "refs/undersign/requests/origin/pull/12", &head]);
        head
    };
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    let head = commits("till\n");
    let forge = Forge::new(ServerKind::GitHub, &head);
    f.git("mina", &["remote", "add", "origin", &forge.remote()]);
    f.git("mina", &["config", "remote.origin.skipFetchAll", "true"]);
    f.git("mina", &["update-ref", "refs/remotes/origin/main", "main"]);
    let mut session = Session::new(&f, (120, 36));
    session.ports.access = ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], f.dir.path());
    session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
    session.press("R").press("R");
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("left: 1 hunk"), "{frame}");
    let frame = session.press("<space>").frame();
    assert!(!frame.contains("left: 1 hunk"), "{frame}");
    session.press("<esc>q");
    let head = commits("thief\n");
    forge.state.lock().unwrap().head = head;
    let frame = session.press("R").press("R").frame();
    assert!(frame.contains("#12") && frame.contains("1 moved"), "{frame}");
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("+ thief") && frame.contains("left: 1 hunk"), "{frame}");
}
