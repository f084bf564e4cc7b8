//! Weaker evidence: results of checks count where the policy asks for them, for the tree that lands, and for nothing
//! else.

use undersign::decision::Verdict;
use undersign::ledger::{self, families::Family as _};
use undersign::record::chain::{Link as Files, file_name};
use undersign::record::evidence::*;
use undersign::record::statement::{Decimal, Link, ManifestDigest, RepositoryName, Target};
use undersign::record::{ChainId, Fault, Signable as _};

use crate::scene::*;
use crate::support::{Fixture, now, policy};

pub const DEVICE: &str = "0123456789abcdef";
pub const ZERO: &str = "0000000000000000000000000000000000000000";

/// Machines of the policy: `ci` builds and tests, and `nightly` tests. `src` asks for the build.
pub fn rules(more: &str) -> String {
    policy(&format!("{}{}", sources(""), compartment("src", "src/**", &format!("require = [\"ci:build\"]\n{more}"))))
}

/// `more` goes into the table of `ci`.
pub fn sources(more: &str) -> String {
    format!(
        "[evidence.ci]\nkind = \"ci\"\nkeys = [{}]\nchecks = [\"build\", \"test\"]\n{more}\n\
         [evidence.nightly]\nkind = \"ci\"\nkeys = [{}]\nchecks = [\"test\"]\n",
        key_line("ci", ""),
        key_line("nightly", "")
    )
}

/// What `ci` says of a branch that is to land on main; `set` spoils it.
pub fn said(f: &Fixture, branch: &str, set: impl FnOnce(&mut Evidence)) -> Evidence {
    let at = Decimal(now() as u64);
    let mut own = Evidence {
        kind: EvidenceKind::Ci,
        name: "build".into(),
        result: EvidenceResult::Pass,
        server: String::new(),
        repository: RepositoryName { id: "fixture-1".into(), uri: String::new() },
        target: Target { name: MAIN.into(), tip: f.id("main") },
        commit: f.id(branch),
        tree: f.id(&format!("{branch}^{{tree}}")),
        manifest: ManifestDigest { sha256: "0".repeat(64), paths: Decimal(1) },
        link: "https://ci.example.com/7".into(),
        issued_at: at,
        chain: Link { key: String::new(), id: String::new(), seq: Decimal(0), prev: String::new(), forks: vec![] },
        nonce: String::new(),
        tool: "a test".into(),
    };
    set(&mut own);
    own
}

/// The next record of a chain of a key.
pub fn signed(f: &Fixture, key: &str, device: &str, own: Evidence) -> (ChainId, Files) {
    let key = f.key(key);
    let id = ChainId { key: key.public.id().to_string(), device: device.to_owned() };
    let (seq, prev) = EvidenceRecord::chain(&f.repository(), &id).next();
    let chain = Link { key: id.key.clone(), id: id.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() };
    let own = Evidence { chain, nonce: format!("{seq:032x}"), ..own };
    let envelope = key.sign_for(NAMESPACE, EvidenceStatement::new(own).encode(), None).unwrap().encode();
    (id, Files { name: file_name(seq), envelope, files: Default::default() })
}

pub fn append_as(f: &Fixture, key: &str, device: &str, own: Evidence) -> String {
    let (id, link) = signed(f, key, device, own);
    ledger::append_to::<EvidenceRecord>(&f.repository(), &id, link, now()).unwrap();
    format!("{}{id}", EvidenceRecord::PREFIX)
}

fn append(f: &Fixture, set: impl FnOnce(&mut Evidence)) -> String {
    append_as(f, "ci", DEVICE, said(f, WORK, set))
}

fn passes(_: &mut Evidence) {}

fn fails(own: &mut Evidence) {
    own.result = EvidenceResult::Fail;
}

fn asked(f: &Fixture) -> crate::support::gate::Answer {
    judged(f, WORK)
}

/// Approved by dana; only the evidence is missing.
fn signed_only() -> Fixture {
    approved_under(&rules(""))
}

#[test]
fn what_asks_for_a_result_does_not_land_without_it_and_lands_with_it() {
    let f = signed_only();
    denied(asked(&f), "EVIDENCE");
    append(&f, passes);
    allowed(asked(&f));
    let (exit, outcome) = f.verify_json(&f.id("main"), &f.id(WORK));
    assert_eq!(exit, 0, "{outcome}");
    let state = &outcome["refs"][0]["evidence"][0];
    let is = |member: &str, value: serde_json::Value| assert_eq!(state[member], value, "{state}");
    is("compartment", "src".into());
    is("source", "ci".into());
    is("kind", "ci".into());
    is("what", "build".into());
    is("need", 1.into());
    is("have", 1.into());
    let slots = outcome["refs"][0]["requirements"].as_array().unwrap();
    assert!(slots.iter().all(|slot| slot["by"] == serde_json::json!(["dana"])), "{outcome}");
    // Where nothing asks for it, nothing is said of it.
    let f = approved_under(&policy(&sources("")));
    append(&f, fails);
    let (exit, outcome) = f.verify_json(&f.id("main"), &f.id(WORK));
    assert_eq!((exit, &outcome["refs"][0]["evidence"]), (0, &serde_json::Value::Null));
}

#[test]
fn evidence_fills_no_slot_and_neither_ends_nor_answers_a_rejection() {
    let f = Fixture::with_policy(&rules(""));
    append(&f, passes);
    denied(asked(&f), "UNSIGNED");
    f.decide("dana", WORK, Verdict::Approve);
    f.decide("rahim", WORK, Verdict::Reject);
    append(&f, passes);
    denied(asked(&f), "VETOED");
}

#[test]
fn twin_who_rejected_approves_and_it_lands_with_its_evidence() {
    let f = Fixture::with_policy(&rules(""));
    f.decide("rahim", WORK, Verdict::Reject);
    append(&f, passes);
    denied(asked(&f), "VETOED");
    f.decide("rahim", WORK, Verdict::Approve);
    allowed(asked(&f));
}

#[test]
fn evidence_of_other_content_or_another_place_does_not_count() {
    type Spoil = fn(&Fixture, &mut Evidence);
    let spoilt: [(&str, Spoil); 6] = [
        ("the tree of the parent", |f, own| own.tree = f.id("main^{tree}")),
        ("the parent itself", |f, own| (own.commit, own.tree) = (f.id("main"), f.id("main^{tree}"))),
        ("another repository", |_, own| own.repository.id = "fixture-2".into()),
        ("another ref", |_, own| own.target.name = "refs/heads/release".into()),
        ("another check", |_, own| own.name = "test".into()),
        ("an approval on a forge", |_, own| {
            (own.kind, own.name, own.server) = (EvidenceKind::Forge, "build".into(), "https://github.com".into());
        }),
    ];
    for (what, spoil) in spoilt {
        let f = signed_only();
        append(&f, |own| spoil(&f, own));
        let answer = asked(&f);
        assert_eq!(answer.0, 2, "{what}: {answer:?}");
        denied(answer, "EVIDENCE");
        append(&f, passes);
        allowed(asked(&f));
    }
}

#[test]
fn a_commit_after_the_check_needs_a_check_of_its_own() {
    let f = Fixture::with_policy(&rules(""));
    append(&f, passes);
    further(&f, "mina", WORK, "src/more.rs", "// more\n");
    f.decide("dana", WORK, Verdict::Approve);
    denied(asked(&f), "EVIDENCE");
    append(&f, passes);
    allowed(asked(&f));
}

#[test]
fn a_target_that_moved_needs_a_check_of_the_merge_and_not_of_the_branch() {
    let f = signed_only();
    append(&f, passes);
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("docs/a.txt", "a\n");
    f.commit("rahim", "Elsewhere");
    let (old, new) = merge(&f, "dana", WORK);
    denied(f.verify(&old, &new), "EVIDENCE");
    append_as(&f, "ci", DEVICE, said(&f, "main", passes));
    allowed(f.verify(&old, &new));
}

#[test]
fn twin_evidence_that_binds_the_content_holds_where_the_target_moved_elsewhere() {
    let f = approved_under(&policy(&format!(
        "{}{}",
        sources("binding = \"manifest\""),
        compartment("src", "src/**", "require = [\"ci:build\"]")
    )));
    let manifest = f.decide("dana", WORK, Verdict::Approve).predicate().manifest.clone();
    append(&f, passes);
    denied(asked(&f), "EVIDENCE");
    append(&f, |own| own.manifest = manifest.clone());
    allowed(asked(&f));
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("docs/a.txt", "a\n");
    f.commit("rahim", "Elsewhere");
    let (old, new) = merge(&f, "dana", WORK);
    allowed(f.verify(&old, &new));
}

#[test]
fn of_two_results_the_later_counts_and_of_two_chains_the_one_that_failed() {
    let f = signed_only();
    append(&f, passes);
    append(&f, fails);
    denied(asked(&f), "EVIDENCE");
    append(&f, passes);
    allowed(asked(&f));
    // On another machine, within the same second.
    let last = said(&f, WORK, fails);
    append_as(&f, "ci", "fedcba9876543210", last.clone());
    denied(asked(&f), "EVIDENCE");
    let f = signed_only();
    append_as(&f, "ci", "fedcba9876543210", Evidence { issued_at: Decimal(now() as u64 - 60), ..last });
    append(&f, passes);
    allowed(asked(&f));
    // What failed elsewhere does not matter.
    append(&f, |own| (own.result, own.tree) = (EvidenceResult::Fail, f.id("main^{tree}")));
    append(&f, |own| (own.result, own.name) = (EvidenceResult::Fail, "test".into()));
    allowed(asked(&f));
}

#[test]
fn evidence_counts_from_when_it_is_dated_for_as_long_as_the_policy_says() {
    let valid = |valid: &str, ago: i64| {
        let rules = compartment("src", "src/**", "require = [\"ci:build\"]");
        let f = approved_under(&policy(&format!("{}{rules}", sources(&format!("valid = \"{valid}\"")))));
        append(&f, |own| own.issued_at = Decimal((now() - ago) as u64));
        asked(&f)
    };
    allowed(valid("1h", HOUR - 60));
    denied(valid("1h", HOUR + 60), "EVIDENCE");
    allowed(valid("90d", 89 * DAY));
    // Its chain is not even read.
    denied(valid("90d", 91 * DAY), "EVIDENCE");
    allowed(valid("1h", -60));
    denied(valid("1h", -600), "EVIDENCE");
}

#[test]
fn only_the_keys_that_the_policy_names_for_it_sign_evidence() {
    let f = signed_only();
    for key in ["stranger", "nightly", "dana", "rahim"] {
        append_as(&f, key, DEVICE, said(&f, WORK, passes));
        denied(asked(&f), "EVIDENCE");
    }
    append(&f, passes);
    allowed(asked(&f));
}

#[test]
fn a_key_that_ended_signs_no_evidence_and_what_failed_by_it_still_stops() {
    let ends = [
        (", revoked = { reason = \"compromised\", since = 2026-01-01T00:00:00Z }", false),
        (", revoked = { reason = \"retired\", at = 2026-01-01T00:00:00Z }", false),
        (", valid = { until = 2026-01-01T00:00:00Z }", false),
        (", valid = { from = 2026-01-01T00:00:00Z }", true),
    ];
    for (end, counts) in ends {
        let keys = format!("{}, {}", key_line("ci", end), key_line("newer", ""));
        let text = once(&rules(""), &key_line("ci", ""), &keys);
        let f = approved_under(&text);
        append(&f, passes);
        let answer = asked(&f);
        if counts {
            allowed(answer)
        } else {
            denied(answer, "EVIDENCE")
        }
        append_as(&f, "newer", DEVICE, said(&f, WORK, passes));
        allowed(asked(&f));
        append(&f, |own| (own.result, own.issued_at.0) = (EvidenceResult::Fail, own.issued_at.0 + 60));
        denied(asked(&f), "EVIDENCE");
    }
}

#[test]
fn a_damaged_chain_of_a_source_lets_none_of_it_count() {
    let damage: [fn(&Fixture, &str); 2] = [
        |f, name| f.git("mina", &["update-ref", name, &f.id("main")]).clear(),
        |f, name| {
            tamper(f, name, |mut bytes| {
                let at = bytes.len() / 2;
                bytes[at] ^= 1;
                bytes
            })
        },
    ];
    for damage in damage {
        let f = signed_only();
        append(&f, passes);
        let other = append_as(&f, "ci", "fedcba9876543210", said(&f, WORK, |own| own.name = "test".into()));
        allowed(asked(&f));
        damage(&f, &other);
        denied(asked(&f), "EVIDENCE");
        f.git("mina", &["update-ref", "-d", &other]);
        allowed(asked(&f));
        // Of another source, or of nobody, it matters to none.
        let nightly = append_as(&f, "nightly", DEVICE, said(&f, WORK, |own| own.name = "test".into()));
        damage(&f, &nightly);
        let stranger = append_as(&f, "stranger", DEVICE, said(&f, WORK, passes));
        damage(&f, &stranger);
        allowed(asked(&f));
    }
    // A chain whose times go back hides what is later.
    let f = signed_only();
    append(&f, passes);
    append(&f, |own| own.issued_at.0 -= 60);
    denied(asked(&f), "EVIDENCE");
}

#[test]
fn evidence_and_what_it_is_for_may_come_in_one_push() {
    let f = signed_only();
    let name = append(&f, passes);
    let tip = f.id(&name);
    f.git("mina", &["update-ref", "-d", &name]);
    let (main, work) = (f.id("main"), f.id(WORK));
    let gate = Gate::of(&f);
    denied(gate.push(&[(MAIN, &main, &work)]), "EVIDENCE");
    allowed(gate.push(&[(MAIN, &main, &work), (&name, ZERO, &tip)]));
    // Nor does what is here count where the push takes it away, or brings something that failed.
    f.git("mina", &["update-ref", &name, &tip]);
    denied(gate.push(&[(MAIN, &main, &work), (&name, &tip, ZERO)]), "LEDGER_ROLLBACK");
    append(&f, fails);
    let failed = f.id(&name);
    f.git("mina", &["update-ref", &name, &tip]);
    allowed(gate.push(&[(MAIN, &main, &work)]));
    denied(gate.push(&[(MAIN, &main, &work), (&name, &tip, &failed)]), "EVIDENCE");
}

#[test]
fn a_chain_of_evidence_is_pushed_by_the_keys_of_its_sources_and_only_grows() {
    let f = signed_only();
    let name = append(&f, passes);
    let first = f.id(&name);
    append(&f, fails);
    let second = f.id(&name);
    let push = |name: &str, old: &str, new: &str| f.asked(f.request(name, old, new));
    f.git("mina", &["update-ref", "-d", &name]);
    allowed(push(&name, ZERO, &second));
    f.git("mina", &["update-ref", &name, &first]);
    allowed(push(&name, &first, &second));
    f.git("mina", &["update-ref", &name, &second]);
    denied(push(&name, &second, &first), "LEDGER_ROLLBACK");
    denied(push(&name, &second, ZERO), "LEDGER_ROLLBACK");
    for who in ["stranger", "dana"] {
        let theirs = append_as(&f, who, DEVICE, said(&f, WORK, passes));
        let tip = f.id(&theirs);
        f.git("mina", &["update-ref", "-d", &theirs]);
        denied(push(&theirs, ZERO, &tip), "STRANGER");
    }
    denied(push(&format!("{}x", EvidenceRecord::PREFIX), ZERO, &second), "STRANGER");
    let (id, back) = signed(&f, "ci", DEVICE, said(&f, WORK, |own| own.issued_at.0 -= 600));
    ledger::append_to::<EvidenceRecord>(&f.repository(), &id, back, now()).unwrap();
    let third = f.id(&name);
    f.git("mina", &["update-ref", &name, &second]);
    denied(push(&name, &second, &third), "LEDGER_FAULT");
}

#[test]
fn a_key_of_a_source_that_ended_adds_nothing_to_its_chain() {
    let end = ", revoked = { reason = \"retired\", at = 2026-01-01T00:00:00Z }";
    let f = approved_under(&once(&rules(""), &key_line("ci", ""), &key_line("ci", end)));
    let name = append(&f, passes);
    let tip = f.id(&name);
    f.git("mina", &["update-ref", "-d", &name]);
    denied(f.asked(f.request(&name, ZERO, &tip)), "KEY_REVOKED");
}

#[test]
fn a_push_of_chains_of_evidence_is_bounded() {
    let f = signed_only();
    let name = append(&f, passes);
    let tip = f.id(&name);
    let key = f.key("ci").public.id().to_string();
    let of = |n: usize| format!("{}{key}/{n:016x}", EvidenceRecord::PREFIX);
    let raw = git2::Repository::open(&f.repo).unwrap();
    for n in 0..MAX_CHAINS - 1 {
        raw.reference(&of(n), tip.parse().unwrap(), true, "a test").unwrap();
    }
    denied(f.asked(f.request(&of(MAX_CHAINS), ZERO, &tip)), "LIMIT");
    let other = append_as(&f, "nightly", DEVICE, said(&f, WORK, passes));
    let own = f.id(&other);
    f.git("mina", &["update-ref", "-d", &other]);
    allowed(f.asked(f.request(&other, ZERO, &own)));
    // Refs of strangers, in any number, keep nobody waiting.
    raw.references_glob("refs/undersign/evidence/*").unwrap().for_each(|one| one.unwrap().delete().unwrap());
    for n in 0..3_000 {
        let stranger = format!("{}{}/{n:016x}", EvidenceRecord::PREFIX, "a".repeat(64));
        raw.reference(&stranger, tip.parse().unwrap(), true, "a test").unwrap();
    }
    append(&f, passes);
    allowed(asked(&f));
}

#[test]
fn evidence_cannot_pass_for_a_decision_nor_a_decision_for_evidence() {
    let f = signed_only();
    let evidence = append(&f, passes);
    let decisions = evidence.replace("/evidence/", "/decisions/");
    let push = |name: &str, new: &str| f.asked(f.request(name, ZERO, new));
    denied(push(&decisions, &f.id(&evidence)), "STRANGER");
    f.git("mina", &["update-ref", "-d", &evidence]);
    denied(push(&evidence, &f.id(&chain_of(&f, "dana"))), "LEDGER_FAULT");
    // The same bytes, signed for another purpose.
    let (id, link) = signed(&f, "ci", DEVICE, said(&f, WORK, passes));
    let envelope = undersign::record::envelope::Envelope::decode(&link.envelope).unwrap();
    for namespace in ["decision@undersign", "outcome@undersign", "git"] {
        let other = f.key("ci").sign_for(namespace, envelope.payload.clone(), None).unwrap().encode();
        let link = Files { envelope: other, ..link.clone() };
        let refused = ledger::append_to::<EvidenceRecord>(&f.repository(), &id, link, now());
        assert!(matches!(refused, Err(ledger::LedgerError::Refused(Fault::Namespace))), "{refused:?}");
    }
}

#[test]
fn the_policy_changes_without_evidence_or_a_lost_key_could_never_be_replaced() {
    let every =
        "[compartment.all]\npaths = [\"**\"]\nsign = [{ role = \"senior\", n = 1 }]\nrequire = [\"ci:build\"]\n";
    let text = policy(&format!("{}{every}", sources("")));
    let f = Fixture::with_policy(&text);
    propose(&f, "mina", "next", &[(".undersign/policy.toml", &next(&text))]);
    f.decide("rahim", "next", Verdict::Approve);
    f.decide("dana", "next", Verdict::Approve);
    allowed(judged(&f, "next"));
    // Everything else needs it, in the compartment of the policy too.
    propose(&f, "mina", "beside", &[(".undersign/notes.txt", "x\n")]);
    f.decide("rahim", "beside", Verdict::Approve);
    f.decide("dana", "beside", Verdict::Approve);
    denied(judged(&f, "beside"), "EVIDENCE");
    f.decide("dana", WORK, Verdict::Approve);
    denied(asked(&f), "EVIDENCE");
    append(&f, passes);
    allowed(asked(&f));
}

#[test]
fn an_emergency_does_not_wait_for_evidence() {
    let glass = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 3\ndebt_after = \"48h\"\n";
    let f = Fixture::with_policy(&format!("{}{glass}", rules("")));
    f.decide("dana", WORK, Verdict::Approve);
    denied(asked(&f), "EVIDENCE");
    f.decide("dana", WORK, Verdict::BreakGlass);
    let answer = asked(&f);
    said_by(&answer, "BREAK_GLASS");
    allowed(answer);
}

fn said_by(answer: &crate::support::gate::Answer, code: &str) {
    assert!(answer.1.iter().any(|own| own == code), "{answer:?}");
}

#[test]
fn each_state_of_a_push_needs_its_own_result() {
    let f = Fixture::with_policy(&rules(""));
    f.decide("dana", WORK, Verdict::Approve);
    append(&f, passes);
    let first = f.id(WORK);
    f.git("rahim", &["checkout", "-q", "main"]);
    f.git("rahim", &["merge", "-q", "--ff-only", WORK]);
    propose(&f, "mina", "second", &[("src/two.rs", "// two\n")]);
    f.decide("dana", "second", Verdict::Approve);
    let second = f.id("second");
    f.git("rahim", &["update-ref", MAIN, &format!("{first}^")]);
    f.git("rahim", &["checkout", "-q", "-f", "main"]);
    denied(f.verify(&f.id("main"), &second), "EVIDENCE");
    append_as(&f, "ci", DEVICE, said(&f, "second", passes));
    allowed(f.verify(&f.id("main"), &second));
}

#[test]
fn a_look_back_counts_the_evidence_of_then() {
    use undersign::enforcement::{self, Request, Settings};
    use undersign::gate::Decided;
    let f = Fixture::with_policy(&rules(""));
    f.decide_at("dana", WORK, Verdict::Approve, now() - 3 * HOUR);
    append(&f, |own| own.issued_at.0 -= 2 * HOUR as u64);
    append(&f, |own| (own.result, own.issued_at.0) = (EvidenceResult::Fail, own.issued_at.0 - 1800));
    let at = |minutes: i64| {
        let request = f.request(MAIN, &f.id("main"), &f.id(WORK));
        let request = Request { at: Some(now() - minutes * 60), ..request };
        enforcement::judge(&request, &Settings::default(), now()).refs[0].outcome
    };
    assert_eq!([at(150), at(60), at(1)], [Decided::Deny, Decided::Allow, Decided::Deny]);
}

#[test]
fn a_proposal_needs_the_result_of_what_it_would_land() {
    let f = signed_only();
    denied(proposed(&f, WORK, "merge"), "EVIDENCE");
    append(&f, passes);
    allowed(proposed(&f, WORK, "merge"));
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("docs/a.txt", "a\n");
    f.commit("rahim", "Elsewhere");
    denied(proposed(&f, WORK, "merge"), "EVIDENCE");
    f.git("mina", &["checkout", "-q", "-b", "merged", "main"]);
    f.git("mina", &["merge", "-q", "--no-ff", "-m", "Try", WORK]);
    f.git("mina", &["checkout", "-q", "main"]);
    append_as(&f, "ci", DEVICE, said(&f, "merged", passes));
    allowed(proposed(&f, WORK, "merge"));
}
