//! Both statements with one fault each: what is refused, and as what.

use undersign::command::authorization::AuthorizationStatement;
use undersign::command::receipt::RunStatement;
use undersign::command::{Verdict, records::RunRecord};
use undersign::record::chain::{Link, file_name};
use undersign::record::{Chain, Entry, Fault, Signable, verify, verify_as};

use crate::world::{A, PLAIN, Reach, Who, World};

fn world() -> World {
    let mut world = World::new(PLAIN);
    world.admit(A);
    world.sign(Who::Dana, Verdict::Authorize, Some(A), |_| {});
    world.send(Who::Dana);
    world.read(0);
    world.start(0, A, Reach::Ran);
    world
}

fn check<S: Signable>(payload: &str, table: &[(&str, &str, Fault)]) {
    assert!(S::decode(payload.as_bytes()).is_ok());
    for (from, to, fault) in table {
        assert!(payload.contains(from), "{from} is not in {payload}");
        let changed = payload.replacen(from, to, 1);
        assert_eq!(S::decode(changed.as_bytes()).err(), Some(*fault), "{from} → {to}");
    }
}

fn runs(at: usize) -> String {
    String::from_utf8(world().brokers[0].chain.records[at].verified.payload()).unwrap()
}

#[test]
fn a_request_with_one_fault_is_refused() {
    use Fault::{JsonMalformed, PredicateType, StatementMalformed, Subject};
    check::<RunStatement>(
        &runs(0),
        &[
            ("run:v0", "run:v1", PredicateType),
            ("run:v0", "authorization:v0", PredicateType),
            ("Statement/v1", "Statement/v2", StatementMalformed),
            ("\"name\": \"prod\"", "\"name\": \"test\"", Subject),
            ("\"web\"", "\"db\"", Subject),
            ("\"target\": \"prod\"", "\"target\": \"test\"", Subject),
            ("\"id\": \"shop\"", "\"id\": \"other\"", Subject),
            ("\"why\": \"1\"", "\"why\": \"1\",\n        \"why\": \"1\"", StatementMalformed),
            ("\"why\": \"1\"", "\"wh\\u0079\": \"1\"", JsonMalformed),
            ("\"why\": \"1\"", "\"why\": 1", StatementMalformed),
            ("\"uid\": \"900\"", "\"uid\": \"65534\"", StatementMalformed),
            ("\"uid\": \"900\"", "\"uid\": \"4294967295\"", StatementMalformed),
            ("\"uid\": \"900\"", "\"uid\": \"0900\"", JsonMalformed),
            ("\"cwd\": \"/\"", "\"cwd\": \"/a/../b\"", StatementMalformed),
            ("\"cwd\": \"/\"", "\"cwd\": \"a\"", StatementMalformed),
            (
                "\"argv\": [\n            \"/usr/bin/restart\"",
                "\"argv\": [\n            \"/usr/bin/other\"",
                StatementMalformed,
            ),
            ("\"web\"", "\"\\\\\"", StatementMalformed),
            ("\"web\"", "\"\\\\x41\"", StatementMalformed),
            ("\"stdin\": \"\"", "\"stdin\": \"sql\"", StatementMalformed),
            (
                "\"secrets\": []",
                "\"secrets\": [\n            \"A\",\n            \"A\"\n          ]",
                StatementMalformed,
            ),
            ("\"secrets\": []", "\"secrets\": [\n            \"A=B\"\n          ]", StatementMalformed),
            ("\"by\": \"broker\"", "\"by\": \"none\"", StatementMalformed),
            ("\"by\": \"broker\"", "\"by\": \"us\"", StatementMalformed),
            ("\"operator\": \"mina\"", "\"operator\": \"\"", StatementMalformed),
            ("\"operator\": \"mina\"", "\"operator\": \"Mina\"", StatementMalformed),
            ("\"notBefore\": \"0\"", "\"notBefore\": \"1790003600\"", StatementMalformed),
            ("\"notAfter\": \"1790003600\"", "\"notAfter\": \"9223372036854775808\"", StatementMalformed),
            ("\"forks\": []", "\"forks\": [\n        \"1\"\n      ]", StatementMalformed),
            ("\"time\": \"60\"", "\"time\": \"0\"", StatementMalformed),
            ("\"replaces\": \"\"", "\"replaces\": \"abc\"", StatementMalformed),
            ("admitted", "stopped", StatementMalformed),
        ],
    );
    let forked =
        runs(0).replacen("\"forks\": []", &format!("\"forks\": [\n        \"{}\"\n      ]", "a".repeat(64)), 1);
    assert_eq!(
        RunStatement::decode(forked.as_bytes()).err(),
        Some(Fault::StatementMalformed),
        "a broker unburns nothing"
    );
    let large = runs(0).replacen("\"why\": \"1\"", &format!("\"why\": \"{}\"", "x".repeat(48 << 10)), 1);
    assert_eq!(RunStatement::decode(large.as_bytes()).err(), Some(Fault::TooLarge));
}

#[test]
fn a_receipt_with_one_fault_is_refused() {
    use Fault::StatementMalformed;
    check::<RunStatement>(
        &runs(1),
        &[
            ("\"emergency\": \"no\"", "\"emergency\": \"perhaps\"", StatementMalformed),
            ("\"level\": \"L1\"", "\"level\": \"L9\"", StatementMalformed),
        ],
    );
    check::<RunStatement>(
        &runs(2),
        &[
            ("\"outcome\": \"exit\"", "\"outcome\": \"fine\"", StatementMalformed),
            ("\"code\": \"0\"", "\"code\": \"256\"", StatementMalformed),
            (
                "\"outcome\": \"exit\",\n        \"code\": \"0\"",
                "\"outcome\": \"unknown\",\n        \"code\": \"1\"",
                StatementMalformed,
            ),
        ],
    );
}

#[test]
fn an_authorization_with_one_fault_is_refused() {
    use Fault::{PredicateType, StatementMalformed, Subject};
    let world = world();
    let payload = String::from_utf8(world.people[&Who::Dana].records[0].verified.payload()).unwrap();
    let request = format!("\"id\": \"{}\"", world.requests[&A]);
    check::<AuthorizationStatement>(
        &payload,
        &[
            ("authorization:v0", "decision:v1", PredicateType),
            ("\"verdict\": \"authorize\"", "\"verdict\": \"approve\"", StatementMalformed),
            ("\"verdict\": \"authorize\"", "\"verdict\": \"withdraw\"", StatementMalformed),
            ("\"verdict\": \"authorize\"", "\"verdict\": \"repair\"", StatementMalformed),
            ("\"runs\": \"1\"", "\"runs\": \"2\"", StatementMalformed),
            ("\"target\": \"prod\"", "\"target\": \"test\"", StatementMalformed),
            (&request, &format!("\"id\": \"{}\"", "a".repeat(64)), StatementMalformed),
            ("\\\"web\\\"", "\\\"db\\\"", StatementMalformed),
            ("\"name\": \"prod\"", "\"name\": \"test\"", Subject),
            ("\"principal\": \"dana\"", "\"principal\": \"Dana\"", StatementMalformed),
            ("\"notBefore\": \"0\"", "\"notBefore\": \"9999999999\"", StatementMalformed),
        ],
    );
    let other = payload.replacen("\"command\": \"", "\"command\": \"0", 1);
    assert_eq!(AuthorizationStatement::decode(other.as_bytes()).err(), Some(StatementMalformed));
}

#[test]
fn a_refusal_says_why_and_answers_nothing() {
    let mut world = World::new(PLAIN);
    world.admit(A);
    world.sign(Who::Dana, Verdict::Refuse, Some(A), |_| {});
    let payload = String::from_utf8(world.people[&Who::Dana].records[0].verified.payload()).unwrap();
    check::<AuthorizationStatement>(
        &payload,
        &[
            ("\"reason\": \"said so\"", "\"reason\": \" \"", Fault::StatementMalformed),
            (
                "\"answers\": []",
                &format!("\"answers\": [\n      \"{}\"\n    ]", "a".repeat(64)),
                Fault::StatementMalformed,
            ),
        ],
    );
}

#[test]
fn a_signature_for_one_kind_is_none_for_another() {
    let world = world();
    let (run, authorization) = (&world.brokers[0].chain.records[0], &world.people[&Who::Dana].records[0]);
    let [run, authorization] = [&run.link.envelope, &authorization.link.envelope];
    assert!(verify_as::<RunStatement>(run).is_ok() && verify_as::<AuthorizationStatement>(authorization).is_ok());
    assert_eq!(verify(run).err(), Some(Fault::Namespace));
    assert_eq!(verify(authorization).err(), Some(Fault::Namespace));
    assert_eq!(verify_as::<RunStatement>(authorization).err(), Some(Fault::Namespace));
    assert_eq!(verify_as::<AuthorizationStatement>(run).err(), Some(Fault::Namespace));
}

#[test]
fn what_lies_beside_a_request_is_what_it_names_and_nothing_else() {
    let record = &world().brokers[0].chain.records[0];
    let made = |change: fn(&mut Link)| {
        let mut link = record.link.clone();
        change(&mut link);
        RunRecord::new(record.verified.clone(), link, false).err()
    };
    assert_eq!(made(|_| {}), None);
    assert_eq!(made(|link| link.files.clear()), Some(Fault::Attachment));
    assert_eq!(made(|link| link.files.values_mut().for_each(|file| file.push(1))), Some(Fault::Attachment));
    assert_eq!(made(|link| _ = link.files.insert("b".repeat(64), Vec::new())), Some(Fault::Attachment));
    let renamed = Link { name: file_name(2), ..record.link.clone() };
    let chain: Chain<RunRecord> = Chain::read(world().brokers[0].chain.id.clone(), [Some(renamed)]);
    assert_eq!(chain.fault, Some((1, Fault::ChainLayout)));
}
