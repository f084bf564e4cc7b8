//! Approvals of other people on a review server, read by an account, signed as what it read, and sent.

use serde_json::{Value, json};
use undersign::decision::Verdict;
use undersign::source::server::ServerKind;

use crate::program::Desk;
use crate::support::{git_in, key_of};

/// A desk whose policy asks for an approval on the host beside a signature.
fn desk(kind: ServerKind) -> Desk {
    let desk = Desk::at(kind);
    desk.configured(&format!("[server.work]\nurl = \"{}\"\nkind = \"{}\"\n", desk.host.url, kind.name()));
    let f = &desk.f;
    let key = key_of("reader").public_key().to_openssh().unwrap();
    let rules = format!(
        "[evidence.host]\nkind = \"forge\"\nkeys = [\"{key}\"]\nserver = \"{}\"\n\
         [compartment.till]\npaths = [\"till.txt\"]\nsign = [{{ role = \"senior\", n = 1 }}]\n\
         forge_approvals = {{ evidence = \"host\", n = 1 }}\n",
        desk.host.url
    );
    let policy = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
    f.write(".undersign/policy.toml", &(policy.replace("version = 1", "version = 2") + &rules));
    f.commit("rahim", "Ask for an approval on the host");
    f.git("rahim", &["push", "-q", "origin", "main"]);
    desk
}

impl Desk {
    /// Somebody says something there, of the commit that is its head.
    fn reviews_by(&self, account: &str, state: &str) {
        let mut there = self.forge.state.lock().unwrap();
        let review = json!({
            "id": there.reviews.len() + 1,
            "user": {"login": account},
            "state": state,
            "body": "",
            "commit_id": there.head,
        });
        there.reviews.push(review);
    }

    fn reads(&self, more: &[&str]) -> (i32, String) {
        let key = self.f.key_file("reader").display().to_string();
        let words = [&["evidence", "forge", "--server", "work", "--key", &key], more].concat();
        self.says_with(&words, &[("UNDERSIGN_TOKEN_WORK", "s3cret")])
    }

    fn evidence(&self) -> Vec<(String, String)> {
        let (_, said) = self.says_with(&["evidence", "list", "--json"], &[]);
        let listed: Value = serde_json::from_str(&said).unwrap();
        let word = |row: &Value, member: &str| row[member].as_str().unwrap().to_owned();
        listed["evidence"].as_array().unwrap().iter().map(|row| (word(row, "name"), word(row, "result"))).collect()
    }

    fn shown(&self) -> String {
        self.says_with(&["show", "pull/12"], &[]).1
    }
}

fn pair(name: &str, result: &str) -> (String, String) {
    (name.to_owned(), result.to_owned())
}

#[test]
fn what_others_approved_there_is_read_signed_once_and_taken_back_when_they_do() {
    for kind in [ServerKind::GitHub, ServerKind::Gitea] {
        let desk = desk(kind);
        let asks = if kind == ServerKind::GitHub { "CHANGES_REQUESTED" } else { "REQUEST_CHANGES" };
        desk.says_with(&["queue", "--fetch"], &[("UNDERSIGN_TOKEN_WORK", "s3cret")]);
        desk.f.decide("dana", "pull/12", Verdict::Approve);
        assert!(desk.shown().contains("till needs 1 approval on host, has 0"), "{}", desk.shown());
        desk.reviews_by("Rahim", "APPROVED");
        desk.reviews_by("stranger", asks);
        let (code, said) = desk.reads(&[]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("Rahim approves") && said.contains("as dana-at-work reads them"), "{said}");
        assert_eq!(desk.evidence(), [pair("Rahim", "pass")]);
        assert!(desk.shown().contains("rahim approved on a forge, as the evidence host says"), "{}", desk.shown());
        let (_, said) = desk.reads(&["--request", "12"]);
        assert!(said.contains("nothing new"), "{said}");
        // A comment takes nothing back, and a request for changes does.
        desk.reviews_by("rahim", "COMMENTED");
        assert!(desk.reads(&[]).1.contains("nothing new"));
        desk.reviews_by("rahim", asks);
        let (_, said) = desk.reads(&[]);
        assert!(said.contains("no longer approves"), "{said}");
        assert_eq!(desk.evidence(), [pair("Rahim", "fail"), pair("Rahim", "pass")]);
        assert!(desk.shown().contains("till needs 1 approval on host, has 0"), "{}", desk.shown());
        assert!(desk.reads(&[]).1.contains("nothing new"));
        let held = git_in(&desk.f.dir.path().join("host"), "dana", &["for-each-ref", "refs/undersign/evidence"]);
        assert_eq!(held.lines().count(), 1, "{held}");
        let (code, said) = desk.reads(&["--request", "13"]);
        assert!(code == 70 && said.contains("No review request 13"), "{said}");
    }
}

#[test]
fn a_key_that_the_policy_names_for_another_server_signs_nothing() {
    let desk = desk(ServerKind::Gitea);
    desk.reviews_by("rahim", "APPROVED");
    let policy = std::fs::read_to_string(desk.f.repo.join(".undersign/policy.toml")).unwrap();
    let other = policy.replace(&format!("server = \"{}\"", desk.host.url), "server = \"https://git.example.com\"");
    desk.f.write(".undersign/policy.toml", &other.replace("version = 2", "version = 3"));
    desk.f.commit("rahim", "Another server");
    desk.f.git("rahim", &["push", "-q", "origin", "main"]);
    let (code, said) = desk.reads(&[]);
    assert!(code == 70 && said.contains("for no forge http://127.0.0.1"), "{said}");
    assert_eq!(desk.evidence(), []);
}
