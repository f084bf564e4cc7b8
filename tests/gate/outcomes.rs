//! Signed outcomes beside decisions: no gate judges by them, and their chains only grow.

use undersign::decision::Verdict;
use undersign::ledger::{self, commands::Family as _};
use undersign::record::ChainId;
use undersign::record::chain::{Link as Files, file_name};
use undersign::record::outcome::*;
use undersign::record::statement::{Decimal, Link, ManifestDigest, RepositoryName};
use undersign::record::{Fault, Signable as _};

use crate::scene::*;
use crate::support::{Fixture, now};

const DEVICE: &str = "0123456789abcdef";
const ZERO: &str = "0000000000000000000000000000000000000000";

/// What somebody signs as the next record of their chain; the chain is theirs unless it is said otherwise.
fn outcome(f: &Fixture, who: &str, kind: OutcomeKind) -> (ChainId, Files) {
    let key = f.key(who);
    let id = ChainId { key: key.public.id().to_string(), device: DEVICE.to_owned() };
    let (seq, prev) = OutcomeRecord::chain(&f.repository(), &id).next();
    let at = Decimal(now() as u64);
    let statement = OutcomeStatement::new(ChangeOutcome {
        kind,
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
    });
    let envelope = key.sign_for(NAMESPACE, statement.encode(), None).unwrap().encode();
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
