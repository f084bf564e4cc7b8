//! A real Review Board, with authors who post by its own client.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use undersign::change::Change;
use undersign::change::request::{Request, RequestKind};
use undersign::decision::{Note, Verdict};
use undersign::delivery::{Receipt, ServerAccess};
use undersign::record::Record;
use undersign::source::git::Repository;
use undersign::source::server::http::{Method, Request as HttpRequest, Response, escaped};
use undersign::source::server::{self, Checks, Kept, Network, NoAnswer, Secret, Server, ServerKind, Transport};
use undersign::sync::servers::{self, Brought};

use crate::faults::{Fault, Faulty};
use crate::real::RealAccount;
use crate::support::{Decision, Fixture, git_in, now};

/// The server of this run, and its client.
struct Board {
    url: String,
    rbt: String,
    /// Of dana's account.
    token: String,
}

const MINA: &str = "mina-at-work";
const DANA: &str = "dana-at-work";
const TEAM: &str = "tills";

/// Starts it once. Where there is no Python, or nothing to install it from, it is said and nothing is tested. CI wants
/// it, with `UNDERSIGN_TEST_REVIEW_BOARD=1`, beside the other tests, for which the variable is 0.
fn board() -> Option<&'static Board> {
    static BOARD: OnceLock<Option<Board>> = OnceLock::new();
    let wanted = std::env::var("UNDERSIGN_TEST_REVIEW_BOARD").ok();
    // Past what the test harness keeps to itself.
    let skip = |why: &str| _ = writeln!(std::io::stderr(), "skipped: Review Board is not tested: {why}");
    let started = BOARD.get_or_init(|| {
        if wanted.as_deref() == Some("0") {
            skip("UNDERSIGN_TEST_REVIEW_BOARD is 0");
            return None;
        }
        match Board::start() {
            Ok(board) => Some(board),
            Err(why) if wanted.is_some() => panic!("no Review Board: {why}"),
            Err(why) => {
                skip(&format!("it does not start: {why}"));
                None
            }
        }
    });
    started.as_ref()
}

impl Board {
    fn start() -> Result<Board, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("sh")
            .arg(root.join("tests/servers/review-board.sh"))
            .arg(root.join("target/review-board"))
            .arg(std::process::id().to_string())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let mut board = Board { url: value("url="), rbt: value("rbt="), token: String::new() };
        for login in [MINA, DANA, "ci"] {
            let email = format!("{login}@example.com");
            let fields = [("username", login), ("password", &password(login)), ("email", &email)];
            board.post("admin", "users/", &fields);
        }
        board.post("admin", "groups/", &[("name", TEAM), ("display_name", "Those of the till")]);
        board.post("admin", &format!("groups/{TEAM}/users/"), &[("username", DANA)]);
        let token = board.post(DANA, &format!("users/{DANA}/api-tokens/"), &[("note", "test"), ("policy", "{}")]);
        board.token = token["api_token"]["token"].as_str().unwrap().to_owned();
        Ok(board)
    }

    /// Asks its API as somebody, by password: status and answer.
    fn call(&self, who: &str, method: Method, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let pair = format!("{who}:{}", password(who));
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let request = HttpRequest {
            method,
            url: format!("{}/api/{path}", self.url),
            headers: vec![
                ("authorization", format!("Basic {}", base64(pair.as_bytes()))),
                ("accept", "application/json".to_owned()),
                ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ],
            authorization: None,
            body: fields.join("&").into_bytes(),
        };
        let response = Network::default().send(&request).unwrap();
        (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
    }

    fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("admin", Method::Get, path, &[]);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn post(&self, who: &str, path: &str, fields: &[(&str, &str)]) -> Value {
        let (status, answer) = self.call(who, Method::Post, path, fields);
        assert!(matches!(status, 200 | 201 | 204), "{path}: {status} {answer}");
        answer
    }
}

fn password(login: &str) -> String {
    format!("{login}-password")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let letter = |at: usize| char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]);
        text.extend((0..=three.len()).map(letter));
        text.extend((three.len()..3).map(|_| '='));
    }
    text
}

/// Dana's repository, whose remote is one that the server knows, and mina's clone of that remote.
struct Desk {
    f: Fixture,
    board: &'static Board,
    /// What the server calls the repository.
    name: String,
    author: PathBuf,
    network: Faulty,
    access: ServerAccess,
    repository: Repository,
}

impl Desk {
    fn new() -> Option<Desk> {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let board = board()?;
        let f = Fixture::new();
        let name = format!("shop & till {}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (hub, author) = (f.dir.path().join("hub.git"), f.dir.path().join("author"));
        let hub = hub.to_str().unwrap();
        f.git("rahim", &["clone", "-q", "--bare", ".", hub]);
        f.git("dana", &["remote", "add", "origin", &format!("file://{hub}")]);
        f.git("dana", &["fetch", "-q", "origin"]);
        f.git("dana", &["remote", "set-head", "origin", "main"]);
        f.git("mina", &["clone", "-q", hub, author.to_str().unwrap()]);
        board.post("admin", "repositories/", &[("name", &name), ("path", hub), ("tool", "Git"), ("public", "1")]);
        let network = Faulty::default();
        let server = Server {
            name: "board".to_owned(),
            url: board.url.clone(),
            kind: None,
            token_command: Some(format!("echo {}", board.token)),
        };
        let access = ServerAccess::over(Box::new(network.clone()), vec![server], f.dir.path());
        let repository = f.repository();
        Some(Desk { f, board, name, author, network, access, repository })
    }

    fn git(&self, arguments: &[&str]) -> String {
        git_in(&self.author, "mina", arguments)
    }

    /// A commit of mina's that is nowhere else.
    fn commits(&self, path: &str, text: &str, message: &str) -> String {
        std::fs::write(self.author.join(path), text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// What mina's branch has is posted by an account; the number of the review request.
    fn posts(&self, who: &str, more: &[&str]) -> u64 {
        let output = Command::new(&self.board.rbt)
            .current_dir(&self.author)
            .env("HOME", self.f.dir.path())
            .args(["post", "--server", &self.board.url, "--repository", &self.name, "--publish"])
            .args(["--tracking-branch", "origin/main", "--username", who, "--password", &password(who)])
            .args(more)
            .arg("origin/main..HEAD")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let number = text.split("/r/").nth(1).and_then(|rest| rest.split('/').next());
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text}"))
    }

    fn asks_dana(&self) -> u64 {
        let summary = ["--summary", "Rework the till", "--description", "By an agent.", "--with-history"];
        self.posts(MINA, &[&summary[..], &["--target-people", DANA]].concat())
    }

    fn brings(&self) -> Brought {
        servers::bring_patches(&self.access, &self.repository)
    }

    fn at(&self, number: u64) -> String {
        self.f.id(&format!("refs/undersign/requests/origin/r/{number}"))
    }

    fn change(&self, number: u64) -> Change {
        let target = self.repository.target().unwrap();
        let pending = self.repository.changes(0, &target).unwrap();
        pending.changes.into_iter().find(|change| change.id.ends_with(&format!(":r/{number}"))).unwrap()
    }

    fn signs(&self, number: u64, verdict: Verdict) -> Record {
        let record = self.f.decide("dana", &format!("r/{number}"), verdict);
        self.access.take(&self.repository, &self.change(number), &record, now()).unwrap();
        record
    }

    fn delivers(&self) -> Receipt {
        self.access.deliver(&self.repository)
    }

    fn waiting(&self) -> usize {
        self.access.outbox.entries(&self.repository.root).0.len()
    }

    fn request(&self, number: u64) -> Value {
        self.board.get(&format!("review-requests/{number}/"))["review_request"].clone()
    }

    /// Published reviews, the first first.
    fn reviews(&self, number: u64) -> Vec<Value> {
        let path = format!("review-requests/{number}/reviews/?max-results=200");
        self.board.get(&path)["reviews"].as_array().unwrap().clone()
    }

    fn statuses(&self, number: u64) -> Vec<Value> {
        let path = format!("review-requests/{number}/status-updates/?max-results=200");
        self.board.get(&path)["status_updates"].as_array().unwrap().clone()
    }
}

fn envelope(record: &Record) -> String {
    String::from_utf8(record.link.envelope.clone()).unwrap()
}

fn request(number: u64) -> Request {
    Request { kind: RequestKind::ReviewRequest, number }
}

#[test]
fn a_review_request_is_listed_rebuilt_signed_told_and_read_back() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till\n\nIt is \u{fc}ber-plain.");
    std::os::unix::fs::symlink("till.txt", desk.author.join("link")).unwrap();
    desk.git(&["mv", "README.md", "READ.md"]);
    desk.git(&["update-index", "--chmod=+x", "till.txt"]);
    let head = desk.commits("empty.txt", "", "Move what is read");
    let number = desk.asks_dana();

    let (connected, account) = desk.access.connect(&desk.access.servers[0]).unwrap();
    assert_eq!((account.login.as_str(), account.version.as_str()), (DANA, "8.1"));
    let open = connected.open(&desk.name, &account).unwrap();
    let [pending] = &open[..] else { panic!("{open:?}") };
    let told = (pending.request, pending.title.as_str(), pending.author.as_str(), pending.asked.as_deref());
    assert_eq!(told, (request(number), "Rework the till", MINA, Some(DANA)));
    assert_eq!(pending.head.map(|head| head.to_string()), Some(head.clone()));
    assert!(pending.page.ends_with(&format!("/r/{number}/")) && !pending.is_draft, "{pending:?}");
    let asked = connected.asked(&account).unwrap();
    assert!(asked.iter().any(|one| one.request == request(number) && one.repository == desk.name), "{asked:?}");

    let is_here = || desk.repository.resolve(&head).is_ok();
    assert!(!is_here(), "the author's commit is nowhere but on the author's disk");
    assert_eq!(desk.brings(), Brought { requests: 1, ..Brought::default() });
    assert!(is_here() && desk.at(number) == head);
    assert_eq!(desk.brings(), Brought::default());

    let record = desk.signs(number, Verdict::Approve);
    assert_eq!(desk.waiting(), 1);
    let told = format!(
        "{} r/{number}: approved, bound to the commit by the record alone: this server binds none; the record is with \
         the verdict: no ref was taken.",
        desk.name
    );
    assert_eq!(desk.delivers(), Receipt { done: vec![told], left: vec![] });
    assert_eq!((desk.waiting(), desk.delivers()), (0, Receipt::default()));

    let reviews = desk.reviews(number);
    let [review] = &reviews[..] else { panic!("{reviews:?}") };
    let own = &review["extra_data"]["undersign"];
    assert_eq!((&own["record"], &own["head"]), (&Value::from(record.id().to_string()), &Value::from(head.clone())));
    let held = own["envelope"].as_str().unwrap();
    assert_eq!(held, envelope(&record), "byte for byte");
    assert_eq!(undersign::record::verify(held.as_bytes()).unwrap().id(), record.id());
    assert_eq!(review["ship_it"], true);
    let text = review["body_top"].as_str().unwrap();
    assert!(text.contains(&record.id().to_string()) && !text.contains("payload"), "{text}");
    assert_eq!(desk.request(number)["approved"], true);
    let statuses = desk.statuses(number);
    let [status] = &statuses[..] else { panic!("{statuses:?}") };
    assert_eq!((&status["service_id"], &status["state"]), (&"undersign/signed-review".into(), &"done-success".into()));
}

#[test]
fn a_real_account_keeps_the_contract_of_all_servers() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    let (url, token) = (desk.board.url.clone(), desk.board.token.clone());
    let (kind, repository) = (ServerKind::ReviewBoard, Some(desk.name.clone()));
    RealAccount { kind, url, token, repository, change: Some(number) }.keeps_the_contract();
    assert_eq!(desk.reviews(number).len(), 2, "a rejection and its withdrawal");
}

#[test]
fn a_record_that_was_told_can_be_changed_there_by_nobody() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    let record = desk.signs(number, Verdict::Approve);
    assert_eq!(desk.delivers().left, <[String; 0]>::default());
    let id = desk.reviews(number)[0]["id"].as_u64().unwrap();
    let path = format!("review-requests/{number}/reviews/{id}/");
    let forged = "{\"undersign\":{\"record\":\"forged\",\"envelope\":\"{}\"}}";
    for who in [DANA, MINA, "ci"] {
        for fields in
            [vec![("extra_data:json", forged)], vec![("extra_data.undersign", "forged")], vec![("body_top", "forged")]]
        {
            let (status, answer) = desk.board.call(who, Method::Put, &path, &fields);
            assert_eq!(status, 403, "{who} {fields:?}: {answer}");
        }
        let (status, answer) = desk.board.call(who, Method::Post, &path, &[("_method", "DELETE")]);
        assert_eq!(status, 403, "{who}: {answer}");
    }
    let review = &desk.reviews(number)[0];
    assert_eq!(review["extra_data"]["undersign"]["envelope"], envelope(&record));
    assert!(review["body_top"].as_str().unwrap().contains(&record.id().to_string()));
}

#[test]
fn a_new_diff_stops_what_was_signed_of_the_old_one() {
    let Some(desk) = Desk::new() else { return };
    let first = desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    desk.signs(number, Verdict::Approve);
    let second = desk.commits("till.txt", "till, and more\n", "Add more");
    let update = number.to_string();
    assert_eq!(desk.posts(MINA, &["--with-history", "-r", &update]), number);
    let receipt = desk.delivers();
    let moved = format!("its head moved to {} after you signed {}", &second[..7], &first[..7]);
    assert!(receipt.done.is_empty() && receipt.left[0].contains(&moved), "{moved}: {receipt:?}");
    assert_eq!((desk.waiting(), desk.reviews(number).len(), desk.statuses(number).len()), (1, 0, 0));

    assert_eq!((desk.brings().requests, desk.at(number)), (1, second.clone()));
    desk.signs(number, Verdict::Approve);
    assert_eq!((desk.delivers().left, desk.waiting()), (vec![], 0));
    let reviews = desk.reviews(number);
    assert_eq!((reviews.len(), &reviews[0]["extra_data"]["undersign"]["head"]), (1, &Value::from(second)));
    assert!(desk.statuses(number)[0]["links"]["change"]["href"].is_string(), "it stands at the new diff");

    // Why a gate goes by the record: what the server says of the request stays when there is something new in it.
    desk.commits("till.txt", "till, and a hole\n", "Add a hole");
    desk.posts(MINA, &["--with-history", "-r", &update]);
    assert_eq!(desk.request(number)["approved"], true);
}

#[test]
fn a_rejection_opens_an_issue_and_leaves_the_request_not_approved() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    desk.board.post(MINA, &format!("review-requests/{number}/reviews/"), &[("ship_it", "1"), ("public", "1")]);
    desk.brings();
    let record = desk.signs(number, Verdict::Reject);
    let receipt = desk.delivers();
    assert!(receipt.left.is_empty() && receipt.done[0].contains("changes requested"), "{receipt:?}");
    let told = desk.request(number);
    assert_eq!((&told["approved"], &told["issue_open_count"]), (&false.into(), &1.into()), "{told}");
    let review = &desk.reviews(number)[1];
    assert_eq!((&review["ship_it"], &review["public"]), (&false.into(), &true.into()));
    assert_eq!(review["extra_data"]["undersign"]["envelope"], envelope(&record));
    assert_eq!(desk.statuses(number)[0]["state"], "done-failure");

    // Why a gate goes by the record, here too: who opened the request can close the issue.
    let comments = format!("review-requests/{number}/reviews/{}/general-comments/", review["id"]);
    let id = desk.board.get(&comments)["general_comments"][0]["id"].to_string();
    let (status, answer) =
        desk.board.call(MINA, Method::Put, &format!("{comments}{id}/"), &[("issue_status", "dropped")]);
    assert_eq!((status, &desk.request(number)["approved"]), (200, &true.into()), "{answer}");
}

/// Its comments count rows of a rendered diff, in which removed and added lines are beside each other.
#[test]
fn comments_are_at_the_lines_of_git_and_those_of_a_service_are_findings() {
    let Some(desk) = Desk::new() else { return };
    let text = |second: &str| format!("pub fn one() {{\n{second}}}\n");
    std::fs::write(desk.author.join("till.rs"), text("    old();\n    older();\n")).unwrap();
    desk.git(&["add", "-A"]);
    desk.git(&["commit", "-q", "-m", "Add a till"]);
    desk.git(&["push", "-q", "origin", "HEAD:main"]);
    desk.f.git("dana", &["fetch", "-q", "origin"]);
    let head = desk.commits("till.rs", &text("    new();\n    newer();\n    newest();\n"), "Rework the till");
    let number = desk.asks_dana();
    desk.brings();
    let files = desk.board.get(&format!("review-requests/{number}/diffs/1/files/"));
    let file = files["files"][0]["id"].to_string();
    let says = |who: &str, row: &str, text: &str, more: &[(&str, &str)]| {
        let reviews = format!("review-requests/{number}/reviews/");
        let id = desk.board.post(who, &reviews, &[])["review"]["id"].to_string();
        let fields = [("filediff_id", file.as_str()), ("first_line", row), ("num_lines", "1"), ("text", text)];
        desk.board.post(who, &format!("{reviews}{id}/diff-comments/"), &[&fields[..], more].concat());
        let (status, answer) = desk.board.call(who, Method::Put, &format!("{reviews}{id}/"), &[("public", "1")]);
        assert_eq!(status, 200, "{answer}");
        id
    };
    says("admin", "4", "Why a third one?", &[]);
    says(MINA, "2", "As agreed.", &[]);
    let found = [("extra_data:json", r#"{"risk": {"severity": "critical", "rule": "no-new"}}"#)];
    let review = says("ci", "3", "It is not older.", &found);
    let fields = [("service_id", "lint-bot"), ("summary", "lint"), ("state", "done-failure"), ("review_id", &review)];
    desk.board.post("ci", &format!("review-requests/{number}/status-updates/"), &fields);

    let remarks = desk.access.remarks(&desk.repository, &desk.change(number), 7).unwrap().unwrap();
    let told = |one: &server::Comment| (one.account.clone(), one.place.old_side, one.place.line, one.text.clone());
    let said: Vec<_> = remarks.comments.iter().map(told).collect();
    let wanted = [("admin", false, 4, "Why a third one?"), (MINA, false, 2, "As agreed.")];
    assert_eq!(said, wanted.map(|(who, old, line, text)| (who.to_owned(), old, line, text.to_owned())));
    let places: Vec<_> = remarks.comments.iter().map(|one| one.place.head.unwrap().to_string()).collect();
    assert_eq!((places, remarks.missing), (vec![head.clone(); 2], vec![]));
    assert_eq!((remarks.author.as_str(), remarks.login.as_str()), (MINA, DANA));
    let run = &remarks.reports[0].runs[0];
    assert_eq!((run.tool.as_str(), &run.revision), ("lint-bot (by ci)", &head));
    let found = &run.diagnostics[0];
    assert_eq!((found.rule.as_str(), found.region.line, found.severity.name()), ("no-new", 3, "high"));
}

#[test]
fn an_answer_to_a_colleague_is_published_once_and_with_nothing_else_whatever_fails() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "one\ntwo\nthree\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    let files = desk.board.get(&format!("review-requests/{number}/diffs/1/files/"));
    let file = files["files"][0]["id"].to_string();
    let reviews = format!("review-requests/{number}/reviews/");
    let review = desk.board.post("admin", &reviews, &[])["review"]["id"].to_string();
    let fields = [("filediff_id", file.as_str()), ("first_line", "2"), ("num_lines", "1"), ("text", "Why two?")];
    desk.board.post("admin", &format!("{reviews}{review}/diff-comments/"), &fields);
    desk.board.call("admin", Method::Put, &format!("{reviews}{review}/"), &[("public", "1")]);
    let read = || desk.access.remarks(&desk.repository, &desk.change(number), 7).unwrap().unwrap();
    let id = read().comments[0].id.clone();
    let send = |text: &str| desk.access.reply(&desk.repository, &desk.change(number), (&id, text), 7).unwrap();
    let places = [
        ("no fault", Fault::LostBefore),
        ("Post ", Fault::LostAfter),
        ("/diff-comments/", Fault::LostBefore),
        ("Put ", Fault::LostBefore),
        ("Put ", Fault::LostAfter),
    ];
    for (nth, (place, fault)) in places.into_iter().enumerate() {
        let text = format!("As agreed, {nth}.");
        desk.network.fails(place, fault);
        let first = send(&text);
        let told = format!("{place} {fault:?}: {first:?}");
        assert_eq!(desk.network.is_unmet(), place == "no fault", "{told}");
        let again = if first.left.is_empty() { vec![] } else { desk.delivers().left };
        assert_eq!(again, <[String; 0]>::default(), "{told}");
        let answers: Vec<_> = read().comments.into_iter().filter(|one| one.answers.as_ref() == Some(&id)).collect();
        assert_eq!(answers.len(), nth + 1, "{told}: {answers:?}");
        let last = answers.iter().find(|one| one.text == text).unwrap();
        assert_eq!((last.account.as_str(), last.place.line), (DANA, 2), "{told}");
    }
    // What she began on its page is not published along with it.
    let replies = format!("{reviews}{review}/replies/");
    let reply = desk.board.post(DANA, &replies, &[])["reply"]["id"].to_string();
    let comment = id.split_once('/').unwrap().1;
    let fields = [("reply_to_id", comment), ("text", "Not yet thought through")];
    desk.board.post(DANA, &format!("{replies}{reply}/diff-comments/"), &fields);
    let refused = send("Another one.");
    assert!(refused.left[0].contains("you have an answer there that is not published"), "{refused:?}");
    assert_eq!(read().comments.len(), 1 + places.len());
}

/// A review has a text of its own, and comments on no line; each is answered where it is.
#[test]
fn what_is_about_the_whole_request_is_read_and_answered_once_whatever_fails() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "one\ntwo\nthree\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    let reviews = format!("review-requests/{number}/reviews/");
    let review = desk.board.post("admin", &reviews, &[("body_top", "Why now?")])["review"]["id"].to_string();
    desk.board.post("admin", &format!("{reviews}{review}/general-comments/"), &[("text", "And why at all?")]);
    desk.board.call("admin", Method::Put, &format!("{reviews}{review}/"), &[("public", "1")]);
    let read = || desk.access.remarks(&desk.repository, &desk.change(number), 7).unwrap().unwrap().comments;
    let told = |one: &server::Comment| (one.account.clone(), one.text.clone(), one.place.is_in_file());
    let wanted = [("admin", "Why now?", false), ("admin", "And why at all?", false)];
    let wanted = wanted.map(|(who, text, is_in)| (who.to_owned(), text.to_owned(), is_in));
    assert_eq!(read().iter().map(told).collect::<Vec<_>>(), wanted);
    for (nth, one) in read().iter().enumerate() {
        for (place, fault) in [("no fault", Fault::LostBefore), ("Put ", Fault::LostBefore), ("Put ", Fault::LostAfter)]
        {
            let text = format!("As agreed, {place} {fault:?}.");
            desk.network.fails(place, fault);
            let answer = (one.id.as_str(), text.as_str());
            let first = desk.access.reply(&desk.repository, &desk.change(number), answer, 7).unwrap();
            assert_eq!(desk.network.is_unmet(), place == "no fault", "{first:?}");
            let again = if first.left.is_empty() { vec![] } else { desk.delivers().left };
            assert_eq!(again, <[String; 0]>::default(), "{first:?}");
            let is_it = |other: &&server::Comment| other.text == text && other.answers.as_ref() == Some(&one.id);
            assert_eq!(read().iter().filter(is_it).count(), 1, "{nth}: {first:?}: {:?}", read());
        }
    }
    assert_eq!(read().len(), 2 + 2 * 3);
    // What tells a signed verdict is no remark.
    desk.signs(number, Verdict::Reject);
    assert_eq!(desk.delivers().left, <[String; 0]>::default());
    assert_eq!(read().len(), 2 + 2 * 3);
}

#[test]
fn notes_of_a_rejection_stand_at_their_rows_once_whatever_fails() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "one\ntwo\nthree\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    let places = [
        ("no fault", Fault::LostBefore),
        ("/diff-comments/", Fault::LostBefore),
        ("/diff-comments/", Fault::LostAfter),
        ("/diff-comments/", Fault::Status(502)),
        ("Put ", Fault::LostAfter),
    ];
    for (place, fault) in places {
        let note = |line, text: &str| Note { path: "till.txt".into(), line, text: text.into(), ..Note::default() };
        let branch = format!("r/{number}");
        let decision = Decision::new("dana", &branch, Verdict::Reject);
        let notes = vec![note(2, "Why *two*?"), note(3, "And three?"), note(0, "The whole file.")];
        let record = desk.f.take(Decision { reason: "Not so.", notes, ..decision });
        desk.access.take(&desk.repository, &desk.change(number), &record, now()).unwrap();
        desk.network.fails(place, fault);
        let mut receipt = desk.delivers();
        let told = format!("{place} {fault:?}: {receipt:?}");
        assert_eq!(desk.network.is_unmet(), place == "no fault", "{told}");
        if receipt.done.is_empty() {
            receipt = desk.delivers();
        }
        assert!(receipt.done[0].contains("2 notes at the lines"), "{told}, then {receipt:?}");
        let reviews = desk.reviews(number);
        let review = reviews.last().unwrap();
        assert_eq!(review["extra_data"]["undersign"]["record"], record.id().to_string(), "{told}");
        let path = format!("review-requests/{number}/reviews/{}/diff-comments/", review["id"]);
        let comments = desk.board.get(&path)["diff_comments"].as_array().unwrap().clone();
        let rows: Vec<_> = comments.iter().map(|one| (one["first_line"].as_u64(), one["num_lines"].as_u64())).collect();
        assert_eq!(rows, [(Some(2), Some(1)), (Some(3), Some(1))], "{told}");
        assert!(comments[0]["text"].as_str().unwrap().contains("Why *two*?"), "{comments:?}");
        let text = review["body_top"].as_str().unwrap();
        assert!(text.contains("The whole file.") && !text.contains("And three?"), "{text}");
    }
}

#[test]
fn a_rejection_that_was_interrupted_goes_on_where_it_was() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    let review = format!("Post {}/api/review-requests/{number}/reviews/", desk.board.url);
    let places = [
        (review.as_str(), Fault::LostAfter),
        ("/general-comments/", Fault::LostBefore),
        ("Put ", Fault::LostBefore),
        ("Put ", Fault::LostAfter),
    ];
    for (place, fault) in places {
        let record = desk.signs(number, Verdict::Reject);
        let before = (desk.reviews(number).len(), desk.request(number)["issue_open_count"].as_u64().unwrap());
        desk.network.fails(place, fault);
        let first = desk.delivers();
        let told = format!("{place} {fault:?}: {first:?}");
        let is_done = first.left.is_empty() || desk.delivers().left.is_empty();
        assert!(is_done && !desk.network.is_unmet() && desk.waiting() == 0, "{told}");
        let after = (desk.reviews(number).len(), desk.request(number)["issue_open_count"].as_u64().unwrap());
        assert_eq!(after, (before.0 + 1, before.1 + 1), "{told}");
        let reviews = desk.reviews(number);
        assert_eq!(reviews.last().unwrap()["extra_data"]["undersign"]["record"], record.id().to_string(), "{told}");
    }
}

#[test]
fn what_somebody_began_to_write_there_is_not_published_with_a_verdict() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    let path = format!("review-requests/{number}/reviews/");
    let began = desk.board.post(DANA, &path, &[("body_top", "not for others yet")]);
    for verdict in [Verdict::Approve, Verdict::Reject] {
        desk.signs(number, verdict);
        let receipt = desk.delivers();
        assert!(receipt.done.is_empty() && receipt.left[0].contains("is not published; publish or"), "{receipt:?}");
        assert_eq!((desk.reviews(number).len(), desk.statuses(number).len(), desk.waiting()), (0, 0, 1));
    }
    desk.board.post(DANA, &format!("{path}{}/", began["review"]["id"]), &[("_method", "DELETE")]);
    assert_eq!((desk.delivers().left, desk.waiting(), desk.reviews(number).len()), (vec![], 0, 1));
}

#[test]
fn whatever_fails_on_the_way_to_it_nothing_is_lost_and_nothing_is_told_twice() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    let one = format!("{}/api/review-requests/{number}", desk.board.url);
    let reads = ["/session/", &one, "/commits/", "/reviews/draft/", "/reviews/?max", "/status-updates/"];
    let lost = [Fault::LostBefore, Fault::Page];
    let reads = reads.into_iter().enumerate().map(|(at, place)| (place.to_owned(), &lost[at % 2..=at % 2]));
    let done = [Fault::LostBefore, Fault::LostAfter, Fault::Truncated, Fault::Status(403), Fault::Status(502)];
    let writes = ["reviews", "status-updates"].map(|what| (format!("Post {one}/{what}/"), &done[..]));
    let all = reads.chain(writes);
    for (place, fault) in all.flat_map(|(place, faults)| faults.iter().map(move |fault| (place.clone(), *fault))) {
        let record = desk.signs(number, Verdict::Approve);
        desk.network.fails(&place, fault);
        let first = desk.delivers();
        let told = format!("{place} {fault:?}: {first:?}");
        assert!(!desk.network.is_unmet(), "{told}");
        if first.done.is_empty() {
            let why = &first.left[0];
            assert!(why.ends_with('.') && !why.contains('\u{1b}') && !why.contains(&desk.board.token), "{told}");
            assert_eq!(desk.waiting(), 1, "{told}");
            let second = desk.delivers();
            assert!(second.left.is_empty() && second.done.len() == 1, "{told}, then {second:?}");
        }
        let id = Value::from(record.id().to_string());
        let of_this = |one: &&Value| one["extra_data"]["undersign"]["record"] == id;
        let (reviews, statuses) = (desk.reviews(number), desk.statuses(number));
        let counts = (reviews.iter().filter(of_this).count(), statuses.iter().filter(of_this).count());
        assert_eq!((counts, desk.waiting()), ((1, 1), 0), "{told}");
    }
}

#[test]
fn a_server_that_only_says_that_it_took_a_review_is_not_believed() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    desk.brings();
    desk.signs(number, Verdict::Approve);
    desk.network.fails(&format!("Post {}/api/review-requests/{number}/reviews/", desk.board.url), Fault::Pretended);
    let receipt = desk.delivers();
    assert!(receipt.done.is_empty() && receipt.left.len() == 1 && desk.waiting() == 1, "{receipt:?}");
    assert_eq!((desk.delivers().left, desk.reviews(number).len()), (vec![], 1));
}

#[test]
fn nobody_approves_their_own_and_what_is_closed_is_told_nothing() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let own = desk.posts(DANA, &["--with-history", "--summary", "Mine", "--description", "x", "--target-people", MINA]);
    desk.brings();
    desk.signs(own, Verdict::Approve);
    let receipt = desk.delivers();
    assert!(
        receipt.left[0].contains("dana-at-work opened it, and nobody can approve their own request"),
        "{receipt:?}"
    );
    desk.board.call(DANA, Method::Put, &format!("review-requests/{own}/"), &[("status", "discarded")]);
    let receipt = desk.delivers();
    assert!(receipt.left[0].contains("it is closed"), "{receipt:?}");
    assert_eq!(desk.reviews(own).len(), 0);
    assert_eq!(desk.brings(), Brought { gone: 1, ..Brought::default() }, "the queue is read again");
    assert_eq!(desk.f.git("dana", &["for-each-ref", "refs/undersign/requests"]), "", "it is not open any more");
}

#[test]
fn what_a_request_depends_on_there_is_known() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let lower = desk.asks_dana().to_string();
    let asks = ["--with-history", "--summary", "Tap", "--description", "x", "--target-people", DANA];
    let upper = desk.posts(MINA, &[&asks[..], &["--depends-on", &lower]].concat());
    let (connected, account) = desk.access.connect(&desk.access.servers[0]).unwrap();
    let open = connected.open(&desk.name, &account).unwrap();
    let own = open.iter().find(|one| one.request == request(upper)).unwrap();
    assert_eq!(own.depends_on.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("#{lower}")]);
}

#[test]
fn a_group_is_asked_and_checks_of_the_newest_diff_count() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let asks = ["--with-history", "--summary", "For a team", "--description", "x", "--target-groups", TEAM];
    let number = desk.posts(MINA, &asks);
    let (connected, account) = desk.access.connect(&desk.access.servers[0]).unwrap();
    let open = connected.open(&desk.name, &account).unwrap();
    assert_eq!(open[0].asked.as_deref(), Some(TEAM));
    assert!(connected.asked(&account).unwrap().iter().any(|one| one.request == request(number)));
    let checks = || {
        let now = connected.now(&desk.name, request(number)).unwrap();
        connected.checks(&desk.name, request(number), now.head).unwrap()
    };
    let path = format!("review-requests/{number}/status-updates/");
    for (service, state) in [("lint", "done-success"), ("tests", "done-failure"), ("risk", "pending")] {
        desk.board.post("ci", &path, &[("service_id", service), ("summary", service), ("state", state)]);
    }
    assert_eq!(checks(), Checks { passed: 1, failed: 1, running: 1 });
    desk.commits("till.txt", "till, and more\n", "Add more");
    desk.posts(MINA, &["--with-history", "-r", &number.to_string()]);
    assert_eq!(checks(), Checks::default(), "nothing ran on what is new");
}

#[test]
fn what_cannot_be_rebuilt_is_said_to_be_unproved() {
    let Some(desk) = Desk::new() else { return };
    let key = desk.f.key_file("mina");
    desk.git(&["config", "gpg.format", "ssh"]);
    desk.git(&["config", "user.signingkey", key.to_str().unwrap()]);
    std::fs::write(desk.author.join("till.txt"), "till\n").unwrap();
    desk.git(&["add", "-A"]);
    desk.git(&["commit", "-q", "-S", "-m", "Add a till"]);
    let number = desk.asks_dana();
    let brought = desk.brings();
    let why = brought.problems.first().cloned().unwrap_or_default();
    assert!(why.starts_with(&format!("board: r/{number}: ")) && why.contains("is unproved"), "{brought:?}");
    assert!(why.contains("as for one that is signed"), "{why}");
    // Once its author pushed it, git brings it, and there is nothing to prove.
    desk.git(&["push", "-q", "origin", "HEAD:refs/heads/signed"]);
    desk.f.git("dana", &["fetch", "-q", "origin"]);
    assert_eq!(
        (desk.brings(), desk.at(number)),
        (Brought { requests: 1, ..Brought::default() }, desk.git(&["rev-parse", "HEAD"]))
    );

    desk.git(&["checkout", "-q", "-B", "binary", "origin/main"]);
    desk.commits("image.png", "\0\u{1}\0", "Add an image");
    let number = desk.asks_dana();
    let why = desk.brings().problems.join(" ");
    assert!(why.starts_with(&format!("board: r/{number}: ")) && why.contains("unproved: `git apply` says: "), "{why}");

    desk.git(&["checkout", "-q", "-B", "squashed", "origin/main"]);
    desk.commits("note.txt", "note\n", "Add a note");
    let squash = ["--squash-history", "--summary", "Squashed", "--description", "x", "--target-people", DANA];
    let number = desk.posts(MINA, &squash);
    let why = desk.brings().problems.join(" ");
    assert!(why.contains(&format!("r/{number} was posted without its commits")), "{why}");
}

#[test]
fn it_is_recognised_and_takes_no_token_of_another() {
    let Some(board) = board() else { return };
    let mut server = Server { name: "board".to_owned(), url: board.url.clone(), kind: None, token_command: None };
    let network = Network::default();
    assert_eq!(server::kind_of(&server, &network).unwrap(), ServerKind::ReviewBoard);
    let none = server::connect(&server, None, &network, Kept::default()).unwrap().account().unwrap_err();
    assert!(none.to_string().contains("does not accept the account (401)"), "{none}");
    server.token_command = Some("echo rbp_another".to_owned());
    let access = ServerAccess::over(Box::new(network), Vec::new(), Path::new(""));
    let Err(why) = access.connect(&server) else { panic!("it takes any token") };
    assert!(
        why.contains("does not accept the token (401) from token_command") && !why.contains("rbp_another"),
        "{why}"
    );
}

#[test]
fn the_program_brings_them_and_its_doctor_says_what_stays_unproved() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    let home = desk.f.dir.path().join("home");
    std::fs::create_dir_all(home.join("config/undersign")).unwrap();
    let config = format!("[server.board]\nurl = \"{}\"\n", desk.board.url);
    std::fs::write(home.join("config/undersign/config.toml"), config).unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_undersign"))
            .args(arguments)
            .current_dir(&desk.f.repo)
            .env("HOME", &home)
            .envs(["CONFIG", "DATA", "CACHE"].map(|what| (format!("XDG_{what}_HOME"), home.join(what.to_lowercase()))))
            .env("UNDERSIGN_TOKEN_BOARD", &desk.board.token)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    let queue: Value = serde_json::from_str(&run(&["queue", "--fetch", "--json"])).unwrap();
    let changes = queue["changes"].as_array().unwrap();
    let id = format!(":r/{number}");
    assert!(changes.iter().any(|change| change["id"].as_str().unwrap().ends_with(&id)), "{queue}");
    assert_eq!(queue["unreadable"], Value::from(Vec::<Value>::new()));
    let told = run(&["doctor", "--server", "board"]);
    for part in [
        "kind        review-board",
        "account     dana-at-work",
        "version     8.1",
        "new commits may keep the verdicts on the old",
        &format!("origin is {}: 1 review request open", desk.name),
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let head = desk.at(number);
    std::fs::remove_file(home.join("config/undersign/config.toml")).unwrap();
    run(&["queue", "--fetch", "--json"]);
    assert_eq!(desk.at(number), head, "a remote that does not offer it says nothing of it");
}

/// The code blocks of a language in the chapter about Review Board of the manual, without their indentation.
fn chapter(language: &str) -> Vec<String> {
    let manual = include_str!("../../docs/servers.md");
    let chapter = manual.split("\n## ").find(|chapter| chapter.starts_with("Review Board\n")).unwrap();
    let mut blocks = Vec::new();
    let mut lines = chapter.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(word) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if word.split(' ').next() == Some(language) {
            blocks.push(block.join("\n") + "\n");
        }
    }
    blocks
}

#[test]
fn the_chapter_of_the_manual_leads_from_nothing_to_a_signed_verdict_as_it_stands() {
    let Some(desk) = Desk::new() else { return };
    desk.commits("till.txt", "till\n", "Add a till");
    let number = desk.asks_dana();
    let home = desk.f.dir.path().join("home");
    std::fs::create_dir_all(home.join("config/undersign")).unwrap();
    let [config] = &chapter("toml")[..] else { panic!("one table names the server") };
    let config = config.replace("https://reviews.example.com", &desk.board.url);
    assert!(config.contains(&desk.board.url), "{config}");
    std::fs::write(home.join("config/undersign/config.toml"), config).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_undersign")).parent().unwrap().to_owned();
    let path =
        std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())));
    let run = |block: &str| {
        let output = Command::new("sh")
            .args(["-e", "-c", block])
            .current_dir(&desk.f.repo)
            .env("HOME", &home)
            .envs(["CONFIG", "DATA", "CACHE"].map(|what| (format!("XDG_{what}_HOME"), home.join(what.to_lowercase()))))
            .env("PATH", path.as_ref().unwrap())
            .env("UNDERSIGN_TOKEN_BOARD", &desk.board.token)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{block}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    let [commands] = &chapter("sh")[..] else { panic!("one block has the commands") };
    let told = run(commands);
    assert!(told.contains(&format!("r/{number}")) && told.contains("account     dana-at-work"), "{told}");
    // Read and sign; what the desk then does with `P`, this command does.
    let record = desk.f.decide("dana", &format!("r/{number}"), Verdict::Approve);
    let access = ServerAccess::by_network(desk.access.servers.clone(), &home.join("data/undersign"));
    access.take(&desk.repository, &desk.change(number), &record, now()).unwrap();
    run("undersign sync");
    let reviews = desk.reviews(number);
    let [review] = &reviews[..] else { panic!("{reviews:?}") };
    assert_eq!((&review["ship_it"], review["public"].as_bool()), (&Value::from(true), Some(true)));
    assert_eq!(review["extra_data"]["undersign"]["record"], Value::from(record.id().to_string()));
}

/// Answers by the path that is asked, and keeps what was.
struct Hostile {
    answers: Vec<(&'static str, String)>,
    asked: Mutex<Vec<String>>,
}

impl Transport for Hostile {
    fn send(&self, request: &HttpRequest) -> Result<Response, NoAnswer> {
        self.asked.lock().unwrap().push(request.url.clone());
        let path = request.url.trim_start_matches("https://board.example/api");
        let answer = self.answers.iter().find(|(own, _)| *own == path.split('?').next().unwrap());
        let (status, body) = answer.map_or((404, ""), |(_, body)| (200, body));
        Ok(Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
    }
}

/// What a server says of itself and of its request 12, and more.
fn hostile(root: Value, request: Value, more: Vec<(&'static str, Value)>) -> Hostile {
    let base = "https://board.example/api";
    let mut all = json!({
        "links": {
            "session": {"href": format!("{base}/session/")},
            "review_requests": {"href": format!("{base}/review-requests/")},
        },
        "uri_templates": {"review_request": format!("{base}/review-requests/{{review_request_id}}/")},
        "product": {"package_version": "8.1"},
    });
    root.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
    let mut twelve = json!({
        "id": 12,
        "status": "pending",
        "public": true,
        "links": {
            "repository": {"href": "", "title": "shop"},
            "diffs": {"href": format!("{base}/diffs/")},
        },
    });
    request.as_object().unwrap().iter().for_each(|(name, value)| twelve[name] = value.clone());
    let diffs = json!([{"id": 1, "revision": 1, "links": {"commits": {"href": format!("{base}/commits/")}}}]);
    let mut answers = vec![("/", all), ("/review-requests/12/", json!({"review_request": twelve}))];
    answers.push(("/diffs/", json!({"diffs": diffs})));
    answers.extend(more);
    let answers = answers.into_iter().map(|(path, body)| (path, body.to_string())).collect();
    Hostile { answers, asked: Mutex::default() }
}

/// Where it stands is not known, for a reason, and no other host was asked.
fn is_refused(hostile: &Hostile, why: &str) {
    let server = Server {
        name: "board".to_owned(),
        url: "https://board.example".to_owned(),
        kind: Some(ServerKind::ReviewBoard),
        token_command: None,
    };
    let connected = server::connect(&server, Secret::new("rbp_token"), hostile, Kept::default()).unwrap();
    let error = connected.now("shop", request(12)).unwrap_err().to_string();
    assert!(error.contains(why) && error.ends_with('.') && error.len() < 500, "{why}: {error}");
    assert!(error.chars().all(|c| !c.is_control()) && !error.contains("rbp_token"), "{error}");
    let asked = hostile.asked.lock().unwrap();
    assert!(asked.iter().all(|url| url.starts_with("https://board.example/")) && asked.len() < 10, "{asked:?}");
}

#[test]
fn a_board_that_lies_leads_nowhere_and_gets_no_token() {
    let none = || json!({});
    let thief = "https://thief.example/api/review-requests/{review_request_id}/";
    let elsewhere = json!({"uri_templates": {"review_request": thief}});
    is_refused(&hostile(elsewhere, none(), vec![]), "another host, thief.example");
    is_refused(&hostile(json!({"uri_templates": {}}), none(), vec![]), "it gives no link");
    is_refused(&hostile(json!({"links": "\u{1b}[2J".repeat(9000)}), none(), vec![]), "cannot be read");
    let links = json!({"links": {"repository": {"title": "another"}}});
    is_refused(&hostile(none(), links, vec![]), "r/12 is of another repository");
    let links = json!({"links": {"repository": {"title": "shop"}, "diffs": {"href": "https://thief.example/diffs/"}}});
    is_refused(&hostile(none(), links, vec![]), "another host, thief.example");
    is_refused(&hostile(none(), json!({"id": "\u{202e}".repeat(9000)}), vec![]), "not as Review Board has it");
    is_refused(&hostile(none(), none(), vec![("/commits/", json!({"commits": []}))]), "posted without its commits");

    let commit = |id: &str| {
        let text = ["parent_id", "author_name", "author_email", "author_date", "commit_message", "committer_name"];
        let mut commit = json!({"commit_id": id, "committer_email": "", "committer_date": "", "links": {}});
        text.iter().for_each(|name| commit[*name] = "".into());
        commit
    };
    let commits = |commits: Vec<Value>, next: &str| json!({"commits": commits, "links": {"next": {"href": next}}});
    let here = "https://board.example/api/commits/?max-results=200";
    let circle = commits(vec![commit("7")], here);
    is_refused(&hostile(none(), none(), vec![("/commits/", circle)]), "a list goes in a circle");
    let away = commits(vec![commit("7")], "https://thief.example/");
    is_refused(&hostile(none(), none(), vec![("/commits/", away)]), "another host, thief.example");
    let id = json!({"commits": [commit("\u{1b}]0;owned\u{7}")]});
    is_refused(&hostile(none(), none(), vec![("/commits/", id)]), "an object id is none");
    let many = json!({"commits": vec![commit("7"); 251]});
    is_refused(&hostile(none(), none(), vec![("/commits/", many)]), "more than 250 commits");
}
