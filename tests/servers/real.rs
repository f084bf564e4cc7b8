//! The contract of a review server, on a real account: what is read there, and where a request is named that may be
//! written to, a rejection that is given, read back and withdrawn.
//!
//! `UNDERSIGN_TEST_<SERVER>_URL` and `UNDERSIGN_TEST_<SERVER>_TOKEN` name the account, for GITHUB, GITEA, GITLAB, GERRIT
//! and REVIEW_BOARD. With `UNDERSIGN_TEST_<SERVER>_REPOSITORY`, as the server calls it, its open requests are read;
//! without it, those that ask the account. With `UNDERSIGN_TEST_<SERVER>_CHANGE`, the number of an open one in that
//! repository, a verdict is given there: by an account that did not open it.

use std::collections::HashSet;
use std::io::Write as _;

use undersign::change::ObjectId;
use undersign::decision::Verdict;
use undersign::source::server::{
    self, Account, Decided, Kept, Network, Pending, ReviewServer, Secret, Server, ServerError, ServerKind,
};

/// How many of the open requests are read in full.
const READ: usize = 3;

/// An account on a real server.
pub struct RealAccount {
    pub kind: ServerKind,
    pub url: String,
    pub token: String,
    /// As the server calls it; none for whatever asks the account.
    pub repository: Option<String>,
    /// The number of a request that may be written to.
    pub change: Option<u64>,
}

impl RealAccount {
    fn of(kind: ServerKind) -> Option<RealAccount> {
        let server = kind.name().replace('-', "_").to_uppercase();
        let told = |what: &str| std::env::var(format!("UNDERSIGN_TEST_{server}_{what}")).ok().filter(|v| !v.is_empty());
        let change = told("CHANGE").map(|number| number.parse().expect("UNDERSIGN_TEST_…_CHANGE is a number"));
        Some(RealAccount { kind, url: told("URL")?, token: told("TOKEN")?, repository: told("REPOSITORY"), change })
    }

    fn connected(&self, token: &str) -> Result<Box<dyn ReviewServer + '_>, ServerError> {
        static NETWORK: std::sync::LazyLock<Network> = std::sync::LazyLock::new(Network::default);
        let unknown = Server { name: "real".to_owned(), url: self.url.clone(), kind: None, token_command: None };
        assert_eq!(server::kind_of(&unknown, &*NETWORK), Ok(self.kind), "it is recognised");
        let server = Server { kind: Some(self.kind), ..unknown };
        server::connect(&server, Secret::new(token), &*NETWORK, Kept::default())
    }

    /// Reads what a desk reads, twice: with an unknown token it is refused, and the same is the same again.
    pub fn keeps_the_contract(&self) {
        let refused = self.connected("no-token-of-theirs").and_then(|server| server.account());
        // Gerrit counts failed logins, and its token is a pair.
        if self.kind != ServerKind::Gerrit {
            assert!(matches!(refused, Err(ServerError::Account(_) | ServerError::Forbidden(..))), "{refused:?}");
        }
        let server = self.connected(&self.token).unwrap();
        let account = server.account().unwrap();
        assert!(!account.login.is_empty());
        assert_eq!(server.rights().unwrap().missing, None, "the token has what a verdict needs");
        let asked = server.asked(&account).unwrap();
        assert!(asked.iter().all(|one| one.asked.is_some()), "each says as whom: {asked:?}");
        let open = match &self.repository {
            Some(repository) => server.open(repository, &account).unwrap(),
            None => asked,
        };
        let numbers: HashSet<_> = open.iter().map(|one| (&one.repository, one.request.number)).collect();
        assert_eq!(numbers.len(), open.len(), "each once: {open:?}");
        open.iter().take(READ).for_each(|pending| reads(&*server, pending, &account));
        if let Some(change) = self.change {
            let pending = open.iter().find(|one| one.request.number == change).expect("the change is open there");
            writes(&*server, pending, &account);
        }
    }
}

fn reads(server: &dyn ReviewServer, pending: &Pending, account: &Account) {
    assert!(!pending.title.is_empty() && !pending.author.is_empty(), "{pending:?}");
    assert!(pending.page.starts_with("http"), "{pending:?}");
    let (repository, request) = (&pending.repository[..], pending.request);
    let now = server.now(repository, request).unwrap();
    assert!(now.is_open && now.author == pending.author, "{now:?} {pending:?}");
    // It may move between two requests, on a server that others use: only a head that is there both times counts.
    let again = server.now(repository, request).unwrap();
    if again == now && pending.head.is_some() {
        assert_eq!(pending.head, Some(now.head));
    }
    server.checks(repository, request, now.head).unwrap();
    server.findings(repository, request, now.head).unwrap();
    server.reviews(repository, request).unwrap();
    server.source(repository, request).unwrap();
    let comments = server.comments(repository, request).unwrap();
    let ids: HashSet<&String> = comments.list.iter().map(|comment| &comment.id).collect();
    assert_eq!(ids.len(), comments.list.len(), "each comment once");
    let none = "0".repeat(64);
    let none = decided(pending, now.head, Verdict::Reject, (&none, "none of ours"));
    assert_eq!(server.verdict(&none, account).unwrap(), None, "a verdict that nobody gave is not there");
}

/// A decision of no record: nobody can take it for one.
fn decided<'d>(
    pending: &'d Pending,
    head: ObjectId,
    verdict: Verdict,
    (record, text): (&'d str, &'d str),
) -> Decided<'d> {
    let (repository, request) = (&pending.repository[..], pending.request);
    Decided { repository, request, head, verdict, record, envelope: "{}", text, notes: &[], summary: "A test" }
}

fn writes(server: &dyn ReviewServer, pending: &Pending, account: &Account) {
    let head = server.now(&pending.repository, pending.request).unwrap().head;
    for (verdict, digit) in [(Verdict::Reject, "1"), (Verdict::Withdraw, "2")] {
        let record = digit.repeat(64);
        let text = format!("A test of undersign ({verdict}): record {record}. Nobody decided anything.");
        let own = decided(pending, head, verdict, (&record, &text));
        assert_eq!(server.verdict(&own, account).unwrap(), None, "it is not there yet");
        server.give_verdict(&own).unwrap();
        let observed = server.verdict(&own, account).unwrap().expect("what was given is there");
        assert!(observed.is_as_given || observed.instead.is_some(), "{observed:?}");
    }
}

#[test]
fn real_accounts_keep_the_contract() {
    for kind in ServerKind::ALL {
        match RealAccount::of(kind) {
            Some(account) => account.keeps_the_contract(),
            None => {
                let name = kind.name().replace('-', "_").to_uppercase();
                let why = format!("skipped: no account on a real server, UNDERSIGN_TEST_{name}_URL and …_TOKEN");
                _ = writeln!(std::io::stderr(), "{why}");
            }
        }
    }
}
