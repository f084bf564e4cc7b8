//! Signed outcomes beside decisions: no gate judges by them, and their chains only grow.

use undersign::decision::Verdict;
use undersign::ledger::{self, families::Family as _};
use undersign::record::ChainId;
use undersign::record::chain::{Link as Files, file_name};
use undersign::record::outcome::*;
use undersign::record::statement::{Decimal, Link, ManifestDigest, RepositoryName, SeenHead};
use undersign::record::{Fault, Signable as _};

use crate::scene::*;
use crate::support::{Fixture, now};

const DEVICE: &str = "0123456789abcdef";
const ZERO: &str = "0000000000000000000000000000000000000000";

/// What somebody signs as the next record of their chain; the chain is theirs unless it is said otherwise.
fn outcome(f: &Fixture, who: &str, kind: OutcomeKind) -> (ChainId, Files) {
    signed(f, who, |own| own.kind = kind)
}

fn signed(f: &Fixture, who: &str, set: impl FnOnce(&mut ChangeOutcome)) -> (ChainId, Files) {
    let key = f.key(who);
    let id = ChainId { key: key.public.id().to_string(), device: DEVICE.to_owned() };
    let (seq, prev) = OutcomeRecord::chain(&f.repository(), &id).next();
    let at = Decimal(now() as u64);
    let mut own = ChangeOutcome {
        kind: OutcomeKind::Defect,
        principal: who.to_owned(),
        repository: RepositoryName { id: "fixture-1".into(), uri: String::new() },
        name: MAIN.into(),
        commit: f.id(WORK),
        manifest: ManifestDigest { sha256: "0".repeat(64), paths: Decimal(1) },
        link: "https://example.com/7".into(),
        happened_at: at,
        issued_at: at,
        supersedes: Vec::new(),
        chain: Link { key: id.key.clone(), id: id.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() },
        seen: Vec::new(),
        nonce: format!("{seq:032x}"),
        tool: "a test".into(),
        words: "Down for an hour.".into(),
    };
    set(&mut own);
    let envelope = key.sign_for(NAMESPACE, OutcomeStatement::new(own).encode(), None).unwrap().encode();
    (id, Files { name: file_name(seq), envelope, files: Default::default() })
}

fn append(f: &Fixture, who: &str, kind: OutcomeKind) -> String {
    let (id, link) = outcome(f, who, kind);
    ledger::append_to::<OutcomeRecord>(&f.repository(), &id, link, now()).unwrap();
    format!("{}{id}", OutcomeRecord::PREFIX)
}

#[test]
fn no_outcome_gives_or_takes_a_signatures_weight() {
    let f = approved();
    allowed(judged(&f, WORK));
    append(&f, "dana", OutcomeKind::Incident);
    append(&f, "rahim", OutcomeKind::Rollback);
    allowed(judged(&f, WORK));
    let f = Fixture::new();
    let before = judged(&f, WORK);
    assert_eq!(before.0, 2);
    append(&f, "dana", OutcomeKind::None);
    append(&f, "rahim", OutcomeKind::None);
    assert_eq!(judged(&f, WORK), before);
    // Not even where somebody damaged its chain.
    let name = append(&f, "dana", OutcomeKind::None);
    f.decide("dana", WORK, Verdict::Approve);
    f.git("mina", &["update-ref", &name, &f.id("main")]);
    allowed(judged(&f, WORK));
}

#[test]
fn a_chain_of_outcomes_is_pushed_by_who_is_in_the_roster_and_only_grows() {
    let f = Fixture::new();
    let name = append(&f, "dana", OutcomeKind::Defect);
    let first = f.id(&name);
    append(&f, "dana", OutcomeKind::Incident);
    let second = f.id(&name);
    let push = |name: &str, old: &str, new: &str| f.asked(f.request(name, old, new));
    f.git("mina", &["update-ref", "-d", &name]);
    allowed(push(&name, ZERO, &second));
    f.git("mina", &["update-ref", &name, &first]);
    allowed(push(&name, &first, &second));
    f.git("mina", &["update-ref", &name, &second]);
    denied(push(&name, &second, &first), "LEDGER_ROLLBACK");
    denied(push(&name, &second, ZERO), "LEDGER_ROLLBACK");
    let stranger = format!("{}{}/{DEVICE}", OutcomeRecord::PREFIX, "a".repeat(64));
    denied(push(&stranger, ZERO, &second), "STRANGER");
}

#[test]
fn an_outcome_cannot_pass_for_a_decision_nor_a_decision_for_an_outcome() {
    let f = Fixture::new();
    let outcomes = append(&f, "dana", OutcomeKind::None);
    let decisions = outcomes.replace("/outcomes/", "/decisions/");
    let push = |name: &str, new: &str| f.asked(f.request(name, ZERO, new));
    denied(push(&decisions, &f.id(&outcomes)), "LEDGER_FAULT");
    f.git("mina", &["update-ref", "-d", &outcomes]);
    f.decide("dana", WORK, Verdict::Approve);
    denied(push(&outcomes, &f.id(&chain_of(&f, "dana"))), "LEDGER_FAULT");
    // The same bytes, signed for another purpose.
    let (id, link) = outcome(&f, "rahim", OutcomeKind::None);
    let envelope = undersign::record::envelope::Envelope::decode(&link.envelope).unwrap();
    let key = f.key("rahim");
    let other = key.sign_for("decision@undersign", envelope.payload, None).unwrap().encode();
    let refused = ledger::append_to::<OutcomeRecord>(&f.repository(), &id, Files { envelope: other, ..link }, now());
    assert!(matches!(refused, Err(ledger::LedgerError::Refused(Fault::Namespace))), "{refused:?}");
}

#[test]
fn a_key_that_ended_adds_nothing_to_its_chain() {
    let ends = [
        ("revoked = { reason = \"compromised\", since = 2026-01-01T00:00:00Z }", "KEY_REVOKED"),
        ("revoked = { reason = \"retired\", at = 2026-01-01T00:00:00Z }", "KEY_REVOKED"),
        ("valid = { until = 2026-01-01T00:00:00Z }", "KEY_TIME"),
    ];
    for (end, code) in ends {
        let f = Fixture::new();
        let name = append(&f, "dana", OutcomeKind::Defect);
        let first = f.id(&name);
        append(&f, "dana", OutcomeKind::Incident);
        let second = f.id(&name);
        f.git("mina", &["update-ref", &name, &first]);
        allowed(f.asked(f.request(&name, &first, &second)));
        let line = f.key("dana").public.to_openssh();
        let policy = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
        let ended = policy.replace(&format!("\"{line}\""), &format!("{{ key = \"{line}\", {end} }}"));
        assert_ne!(ended, policy, "the key stands in the policy in another way");
        f.write(".undersign/policy.toml", &ended);
        f.commit("rahim", "End a key");
        denied(f.asked(f.request(&name, &first, &second)), code);
    }
}

#[test]
fn a_push_of_chains_of_outcomes_is_bounded_whatever_is_held() {
    let f = Fixture::new();
    let name = append(&f, "dana", OutcomeKind::Defect);
    let tip = f.id(&name);
    let key = f.key("dana").public.id().to_string();
    let of = |n: usize| format!("{}{key}/{n:016x}", OutcomeRecord::PREFIX);
    let raw = git2::Repository::open(&f.repo).unwrap();
    for n in 0..MAX_CHAINS - 1 {
        raw.reference(&of(n), tip.parse().unwrap(), true, "a test").unwrap();
    }
    // As many as one key may have are here: it still adds to one of them, and makes no more.
    append(&f, "dana", OutcomeKind::Incident);
    let longer = f.id(&name);
    f.git("mina", &["update-ref", &name, &tip]);
    allowed(f.asked(f.request(&name, &tip, &longer)));
    denied(f.asked(f.request(&of(MAX_CHAINS), ZERO, &tip)), "LIMIT");
    let other = format!("{}{}/{DEVICE}", OutcomeRecord::PREFIX, f.key("rahim").public.id());
    let (id, link) = outcome(&f, "rahim", OutcomeKind::None);
    ledger::append_to::<OutcomeRecord>(&f.repository(), &id, link, now()).unwrap();
    let own = f.id(&other);
    f.git("mina", &["update-ref", "-d", &other]);
    allowed(f.asked(f.request(&other, ZERO, &own)));
}

#[test]
fn what_a_record_of_an_outcome_saw_and_is_not_here_stops_no_push() {
    let f = Fixture::new();
    let (id, link) = signed(&f, "dana", |own| {
        let chain = format!("{}/{DEVICE}", f.key("rahim").public.id());
        own.seen = vec![SeenHead { chain, seq: Decimal(3), record: "a".repeat(64) }];
    });
    ledger::append_to::<OutcomeRecord>(&f.repository(), &id, link, now()).unwrap();
    let name = format!("{}{id}", OutcomeRecord::PREFIX);
    let tip = f.id(&name);
    f.git("mina", &["update-ref", "-d", &name]);
    allowed(f.asked(f.request(&name, ZERO, &tip)));
}

#[test]
fn what_does_not_count_withdraws_nothing_and_what_counts_is_found_in_time_that_grows_with_the_number() {
    let f = Fixture::new();
    append(&f, "dana", OutcomeKind::Incident);
    let chain = || {
        let key = f.key("dana").public.id().to_string();
        OutcomeRecord::chain(&f.repository(), &ChainId { key, device: DEVICE.to_owned() })
    };
    let first = chain().records[0].id().to_string();
    for n in 0..20 {
        let (id, link) = signed(&f, "dana", |own| {
            own.kind = if n == 0 { OutcomeKind::Withdraw } else { OutcomeKind::Defect };
            own.supersedes = (0..63).map(|m| format!("{:064x}", n * 100 + m)).chain([first.clone()]).collect();
            own.issued_at = Decimal(own.issued_at.0 + 1000);
        });
        ledger::append_to::<OutcomeRecord>(&f.repository(), &id, link, now()).unwrap();
    }
    let chain = chain();
    let ids = |counts: &dyn Fn(&OutcomeRecord) -> bool| -> Vec<String> {
        let chains = [chain.clone()];
        in_force(&chains, counts).into_iter().map(|record| record.id().to_string()).collect()
    };
    assert!(!ids(&|_| true).contains(&first));
    let early = chain.records[0].outcome().issued_at;
    assert_eq!(ids(&|record| record.outcome().issued_at == early), [first]);
    // The same few records many times over: only finding them is measured.
    let of = |times: usize| {
        let chains: Vec<OutcomeChain> = std::iter::repeat_n(chain.clone(), times).collect();
        let started = std::time::Instant::now();
        assert_eq!(in_force(&chains, |_| true).len(), 19 * times);
        started.elapsed()
    };
    of(10);
    let (few, many) = (of(20), of(200));
    assert!(many < few * 60 + std::time::Duration::from_millis(500), "{few:?} {many:?}");
}
