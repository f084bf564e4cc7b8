//! Approvals on a forge, as an account read them there: weaker than a signature, and counted only where the policy says
//! so.

use undersign::decision::Verdict;
use undersign::record::evidence::*;
use undersign::record::statement::{Decimal, ManifestDigest};
use undersign::source::git;

use crate::evidence::{DEVICE, append_as, said};
use crate::scene::*;
use crate::support::gate::Answer;
use crate::support::{Fixture, now, policy};

const FORGE: &str = "https://github.com";

/// `src` asks for a senior's signature and an approval on the forge; dana, rahim and mina have accounts there.
fn rules(approvals: &str) -> String {
    let source =
        format!("[evidence.github]\nkind = \"forge\"\nkeys = [{}]\nserver = \"{FORGE}\"\n", key_line("reader", ""));
    let asks = format!("forge_approvals = {{ evidence = \"github\", {approvals} }}");
    policy(&format!("{source}{}", compartment("src", "src/**", &asks)))
}

/// dana signed.
fn signed(approvals: &str) -> Fixture {
    approved_under(&rules(approvals))
}

/// What the reader says of an account that approves what dana signed; `set` spoils it.
fn reads(f: &Fixture, account: &str, set: impl FnOnce(&mut Evidence)) -> String {
    let manifest = manifest_of(f, WORK);
    let own = said(f, WORK, |own| {
        (own.kind, own.name, own.server) = (EvidenceKind::Forge, account.to_owned(), FORGE.to_owned());
        own.manifest = manifest;
        set(own);
    });
    append_as(f, "reader", DEVICE, own)
}

/// What a branch does to main.
fn manifest_of(f: &Fixture, branch: &str) -> ManifestDigest {
    let base = f.git("mina", &["merge-base", "main", branch]);
    let tree = |name: &str| f.id(&format!("{name}^{{tree}}")).parse().unwrap();
    let repository = f.repository();
    let diff = git::diff(&repository, tree(&base), tree(branch)).unwrap();
    let manifest = git::manifest(&repository, &diff).unwrap();
    ManifestDigest { sha256: manifest.digest().to_string(), paths: Decimal(manifest.len() as u64) }
}

fn approves(_: &mut Evidence) {}

fn asked(f: &Fixture) -> Answer {
    judged(f, WORK)
}

#[test]
fn an_approval_on_a_forge_counts_where_the_policy_asks_for_it_and_is_told_as_what_it_is() {
    let f = signed("n = 1");
    denied(asked(&f), "EVIDENCE");
    reads(&f, "Rahim", approves);
    allowed(asked(&f));
    let (exit, outcome) = f.verify_json(&f.id("main"), &f.id(WORK));
    assert_eq!(exit, 0, "{outcome}");
    let judged = &outcome["refs"][0];
    assert_eq!(judged["evidence"][0]["kind"], "forge");
    assert_eq!(judged["evidence"][0]["by"], serde_json::json!(["rahim"]));
    let slots = judged["requirements"].as_array().unwrap();
    assert!(slots.iter().all(|slot| slot["by"] == serde_json::json!(["dana"])), "{outcome}");
    let said = judged["reasons"].as_array().unwrap().iter().find(|reason| reason["code"] == "EVIDENCE").unwrap();
    assert_eq!(said["effect"], "said");
    assert!(said["detail"].as_str().unwrap().contains("rahim approved on a forge"), "{said}");
}

#[test]
fn no_approval_on_a_forge_is_a_signature() {
    let f = Fixture::with_policy(&rules("n = 1"));
    for who in ["dana", "rahim"] {
        reads(&f, who, approves);
    }
    denied(asked(&f), "UNSIGNED");
    f.decide("dana", WORK, Verdict::Approve);
    allowed(asked(&f));
    f.decide("rahim", WORK, Verdict::Reject);
    reads(&f, "rahim", approves);
    denied(asked(&f), "VETOED");
}

#[test]
fn who_signs_does_not_count_a_second_time_by_an_account() {
    let f = signed("n = 1");
    reads(&f, "dana", approves);
    denied(asked(&f), "EVIDENCE");
    // Another signature fills the slot, and leaves her approval free.
    f.decide("rahim", WORK, Verdict::Approve);
    allowed(asked(&f));
    let f = signed("n = 2");
    reads(&f, "rahim", approves);
    reads(&f, "RAHIM", approves);
    denied(asked(&f), "EVIDENCE");
}

#[test]
fn an_approval_by_an_author_a_stranger_or_somebody_without_the_role_does_not_count() {
    let f = signed("n = 1");
    // mina's agent wrote it.
    reads(&f, "mina", approves);
    denied(asked(&f), "EVIDENCE");
    reads(&f, "rahim-r", approves);
    denied(asked(&f), "EVIDENCE");
    reads(&f, "rahim@example.com", approves);
    denied(asked(&f), "EVIDENCE");
    reads(&f, "rahim", approves);
    allowed(asked(&f));
    let f = signed("n = 1, role = \"policy\"");
    reads(&f, "dana", approves);
    f.decide("rahim", WORK, Verdict::Approve);
    denied(asked(&f), "EVIDENCE");
    let f = signed("n = 1, role = \"policy\"");
    reads(&f, "rahim", approves);
    allowed(asked(&f));
    let bot = once(&rules("n = 1"), "logins = [\"rahim\"]", "logins = [\"ann\"]")
        + "[people.robot]\nkind = \"bot\"\nroles = [\"senior\"]\nemails = [\"robot@example.com\"]\nlogins = [\"robot\"]\n";
    let f = approved_under(&bot);
    reads(&f, "robot", approves);
    denied(asked(&f), "EVIDENCE");
    reads(&f, "ann", approves);
    allowed(asked(&f));
}

#[test]
fn an_approval_of_other_content_on_another_server_or_taken_back_does_not_count() {
    type Spoil = fn(&mut Evidence);
    let spoilt: [(&str, Spoil); 4] = [
        ("another server", |own| own.server = "https://git.example.com".into()),
        ("other content", |own| own.manifest.sha256 = "0".repeat(64)),
        ("another ref", |own| own.target.name = "refs/heads/release".into()),
        ("a result of a check", |own| {
            (own.kind, own.name, own.server) = (EvidenceKind::Ci, "rahim".into(), String::new())
        }),
    ];
    for (what, spoil) in spoilt {
        let f = signed("n = 1");
        reads(&f, "rahim", spoil);
        let answer = asked(&f);
        assert_eq!(answer.0, 2, "{what}: {answer:?}");
        reads(&f, "rahim", approves);
        allowed(asked(&f));
        reads(&f, "Rahim", |own| own.result = EvidenceResult::Fail);
        denied(asked(&f), "EVIDENCE");
        reads(&f, "dana", |own| own.result = EvidenceResult::Fail);
        reads(&f, "rahim", approves);
        allowed(asked(&f));
    }
}

#[test]
fn a_commit_after_the_approval_needs_another_and_a_rebase_does_not() {
    let f = Fixture::with_policy(&rules("n = 1"));
    reads(&f, "rahim", approves);
    further(&f, "mina", WORK, "src/more.rs", "// more\n");
    f.decide("dana", WORK, Verdict::Approve);
    denied(asked(&f), "EVIDENCE");
    reads(&f, "rahim", approves);
    allowed(asked(&f));
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("docs/a.txt", "a\n");
    f.commit("rahim", "Elsewhere");
    f.git("mina", &["checkout", "-q", WORK]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    allowed(asked(&f));
    // What landed and was taken back is another change when it comes again.
    let (old, _) = merge(&f, "dana", WORK);
    f.git("rahim", &["revert", "-m", "1", "--no-edit", "HEAD"]);
    let reverted = f.id("main");
    f.git("mina", &["checkout", "-q", "-b", "again", "main"]);
    f.git("mina", &["revert", "--no-edit", "HEAD"]);
    f.git("mina", &["checkout", "-q", "main"]);
    assert_ne!(old, reverted);
    f.decide("dana", "again", Verdict::Approve);
    said_and_denied(judged(&f, "again"));
}

fn said_and_denied(answer: Answer) {
    denied(answer, "EVIDENCE");
}

#[test]
fn an_approval_expires_as_other_evidence_does() {
    let f = signed("n = 1");
    reads(&f, "rahim", |own| own.issued_at.0 = (now() - 7 * DAY - 60) as u64);
    denied(asked(&f), "EVIDENCE");
    reads(&f, "rahim", approves);
    allowed(asked(&f));
}
