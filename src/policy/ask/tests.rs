#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::policy::{Away, Enrolment, Roster};
use crate::record::wire::put;
use crate::record::{Key, Presence};

const DAY: i64 = 86_400;
const NOW: i64 = 20_800 * DAY + 5;

fn key(seed: u8) -> Enrolment {
    let point = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
    let mut blob = Vec::new();
    [b"ssh-ed25519", &point[..]].iter().for_each(|field| put(&mut blob, field));
    let key = Key::parse(&blob).unwrap();
    Enrolment { key, presence: Presence::None, attestation: None, valid: (None, None), revoked: None }
}

/// `dana senior,security away=ines`: id, roles, and whether they are away.
fn person(at: usize, text: &str) -> Person {
    let words: Vec<&str> = text.split(' ').collect();
    let away = words.get(2).and_then(|word| word.strip_prefix("away"));
    let instead = |rest: &str| rest.strip_prefix('=').map(str::to_owned);
    Person {
        id: words[0].to_owned(),
        name: String::new(),
        kind: if words.contains(&"bot") { PersonKind::Bot } else { PersonKind::Human },
        roles: words[1].split(',').map(str::to_owned).collect(),
        emails: vec![],
        logins: vec![],
        keys: vec![key(at as u8 + 1)],
        away: away.map(|rest| Away { from: 20_800, until: 20_801, instead: instead(rest) }).into_iter().collect(),
    }
}

fn policy(people: &[&str]) -> Policy {
    let sample = Policy::parse("policy.toml", include_str!("../../../assets/policy.toml")).unwrap();
    let people = people.iter().enumerate().map(|(at, text)| person(at, text)).collect();
    Policy { roster: Roster::new(people), ..sample }
}

/// `prod senior 2 dana`: compartment, role, how many, who signed.
fn slot(text: &str) -> SlotState {
    let words: Vec<&str> = text.split(' ').collect();
    let by: Vec<String> = words[3..].iter().map(|&id| id.to_owned()).collect();
    let (compartment, slot) = (words[0].to_owned(), words[1].to_owned());
    SlotState { compartment, slot, need: words[2].parse().unwrap(), have: by.len(), by }
}

fn asked(policy: &Policy, slots: &[&str], authors: &[&str], load: &[(&str, usize, u64)], id: &str) -> Ask {
    let slots: Vec<_> = slots.iter().map(|text| slot(text)).collect();
    let authors: Vec<_> = authors.iter().map(|&id| id.to_owned()).collect();
    let signed: Vec<_> = slots.iter().flat_map(|slot| slot.by.clone()).collect();
    let load = load.iter().map(|&(id, claims, hunks)| (id.to_owned(), Load { claims, hunks })).collect();
    let tie = Digest::of(id.as_bytes());
    let change = OpenChange { tie, slots: &slots, authors: &authors, signed: &signed, rejected: &[], claimed: &[] };
    ask(policy, &change, &load, NOW)
}

#[test]
fn those_are_asked_who_can_sign_and_have_least_to_read() {
    type Row<'r> = (&'r [&'r str], &'r [&'r str], &'r [&'r str], &'r [(&'r str, usize, u64)], &'r str);
    let two: &[&str] = &["anna senior", "ben senior"];
    let all: &[&str] = &["anna senior", "ben senior,security", "cara junior", "dirk security"];
    let one: &[&str] = &["default senior 1"];
    #[rustfmt::skip]
    let table: &[Row<'_>] = &[
        // People, slots, authors, loads.
        (two, one, &[], &[("anna", 1, 0)], "ask ben"),
        (two, one, &[], &[("ben", 1, 0)], "ask anna"),
        (two, one, &[], &[("anna", 0, 40), ("ben", 0, 39)], "ask ben"),
        (two, one, &[], &[("anna", 0, 900), ("ben", 1, 0)], "ask anna"),
        (two, one, &["anna"], &[("ben", 5, 500)], "ask ben"),
        (two, one, &["anna", "ben"], &[], "for 1 nobody is there"),
        (two, &["default senior 1 anna"], &[], &[], ""),
        (two, &["default senior 2 anna"], &[], &[("ben", 9, 9)], "ask ben"),
        (two, &["default senior 3 anna"], &[], &[], "ask ben; for 1 more nobody is there"),
        // One who fills both, however loaded, before two who fill one each.
        (all, &["app senior 1", "vault security 1"], &[], &[("ben", 3, 300)], "ask ben"),
        // Within a compartment nobody fills two.
        (all, &["prod senior 1", "prod security 1"], &[], &[("ben", 3, 300)], "ask anna, dirk"),
        // ben signed as a senior, and makes room.
        (all, &["prod senior 1 ben", "prod security 1"], &["dirk"], &[], "ask anna"),
        (&["anna senior away", "ben senior"], one, &[], &[("ben", 4, 0)], "ask ben"),
        (&["anna senior away"], one, &[], &[], "for 1 nobody is there (anna is away until 2026-12-14)"),
        (&["anna senior away=ben", "ben senior"], one, &[], &[], "ask ben"),
        (&["anna senior away=cara", "ben senior", "cara junior"], one, &[], &[], "ask ben"),
        (&["anna senior away=ben", "ben senior away"], one, &[], &[], "for 1 nobody is there (anna is away until 2026-12-14, ben is away until 2026-12-14)"),
        (&["robo senior bot", "anna senior"], one, &[], &[], "ask anna"),
    ];
    for (people, slots, authors, load, wanted) in table {
        let found = asked(&policy(people), slots, authors, load, "shop:x");
        let found = found.to_string().replace(" (instead of anna)", "");
        let lack = wanted.contains("nobody is there") && !wanted.contains("away");
        assert_eq!(asked(&policy(people), slots, authors, load, "shop:x").lack().is_some(), lack, "{wanted}");
        let sorted = |text: &str| text.split([' ', ',']).map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(sorted(&found), sorted(wanted), "{people:?} {slots:?} {authors:?} {load:?}: {found}");
    }
}

#[test]
fn ties_do_not_always_name_the_same_person_and_are_the_same_each_time() {
    let policy = policy(&["anna senior", "ben senior", "cara senior"]);
    let first = |id: &str| asked(&policy, &["default senior 1"], &[], &[], id).people[0].id.clone();
    let named: Vec<String> = (0..60).map(|n| first(&format!("shop:{n}"))).collect();
    for id in ["anna", "ben", "cara"] {
        assert!((10..=30).contains(&named.iter().filter(|own| *own == id).count()), "{id}: {named:?}");
    }
    assert_eq!(named, (0..60).map(|n| first(&format!("shop:{n}"))).collect::<Vec<_>>());
}

#[test]
fn a_stand_in_takes_the_turn_of_who_is_away_and_that_is_said() {
    let policy = policy(&["anna senior away=ben", "ben senior", "cara senior"]);
    let told: BTreeSet<String> =
        (0..60).map(|n| asked(&policy, &["default senior 1"], &[], &[], &format!("shop:{n}")).to_string()).collect();
    let wanted = ["ask ben", "ask ben (instead of anna)", "ask cara"].map(str::to_owned);
    assert_eq!(told, wanted.into_iter().collect());
}

/// Whom to ask of seniors for one place, with those who rejected it before it moved and those who claimed it.
fn asked_after(people: &[&str], rejected: &[&str], claimed: &[&str], load: &[(&str, usize)]) -> String {
    let ids = |all: &[&str]| all.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let load = load.iter().map(|&(id, claims)| (id.to_owned(), Load { claims, hunks: 0 })).collect();
    let (slots, rejected, claimed) = ([slot("default senior 1")], ids(rejected), ids(claimed));
    let tie = Digest::of(b"x");
    let change = OpenChange { tie, slots: &slots, authors: &[], signed: &[], rejected: &rejected, claimed: &claimed };
    ask(&policy(people), &change, &load, NOW).to_string()
}

#[test]
fn who_rejected_it_before_it_moved_is_asked_first_and_then_who_claimed_it() {
    let two: &[&str] = &["anna senior", "ben senior"];
    type Row<'r> = (&'r [&'r str], &'r [&'r str], &'r [&'r str], &'r [(&'r str, usize)], &'r str);
    let table: &[Row<'_>] = &[
        (two, &[], &["anna"], &[("anna", 9)], "ask anna"),
        (two, &[], &["ben"], &[("ben", 9)], "ask ben"),
        (two, &["anna"], &["ben"], &[("anna", 9)], "ask anna"),
        (two, &["anna", "ben"], &[], &[], "ask anna, ben"),
        // A claim of somebody who cannot sign spares nobody.
        (&["anna senior", "cara junior"], &[], &["cara"], &[], "ask anna"),
        // Only the one who rejected can say that it was enough, whoever fills the place.
        (&["anna senior", "cara junior"], &["cara"], &[], &[], "ask cara, anna"),
        (
            &["anna senior away", "ben senior"],
            &["anna"],
            &[],
            &[],
            "ask ben; for 1 more nobody is there (anna is away until 2026-12-14)",
        ),
        (&["anna senior away", "ben senior"], &[], &["anna"], &[], "ask ben"),
    ];
    for (people, rejected, claimed, load, wanted) in table {
        assert_eq!(asked_after(people, rejected, claimed, load), *wanted, "{people:?} {rejected:?} {claimed:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Of those who are there: everybody who rejected it is asked, and if anybody who can fill the place claimed it,
    /// one of those is.
    #[test]
    fn no_claim_sends_a_change_to_others(kinds in prop::collection::vec(0u8..4, 1..6), rejected in 0u8..32, claimed in 0u8..32, busy in 0u8..32) {
        let kind = ["senior", "junior", "senior away", "senior bot"];
        let people: Vec<String> = kinds.iter().enumerate().map(|(at, own)| format!("p{at} {}", kind[usize::from(*own)])).collect();
        let ids: Vec<String> = (0..people.len()).map(|at| format!("p{at}")).collect();
        let chosen = |bits: u8| ids.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, id)| id.as_str()).collect::<Vec<_>>();
        let load: Vec<(&str, usize)> = chosen(busy).into_iter().map(|id| (id, 3)).collect();
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        let told = asked_after(&people, &chosen(rejected), &chosen(claimed), &load);
        let names: Vec<&str> = told.split(';').next().unwrap().trim_start_matches("ask ").split(", ").collect();
        let kind_of = |id: &str| kinds[id[1..].parse::<usize>().unwrap()];
        let there: Vec<&str> = chosen(rejected).into_iter().filter(|id| kind_of(id) != 2).collect();
        prop_assert!(there.iter().all(|id| names.contains(id)), "{}", told);
        let claimers: Vec<&str> = chosen(claimed).into_iter().filter(|id| kind_of(id) == 0).collect();
        let rejecter_fills = there.iter().any(|id| kind_of(id) == 0);
        prop_assert!(claimers.is_empty() || rejecter_fills || claimers.iter().any(|id| names.contains(id)), "{}", told);
    }

    /// Whoever is asked fills, with those who signed, as much as all who are there could; none of them is an author,
    /// signed already, is a bot or away; and none is needless.
    #[test]
    fn the_set_asked_covers_the_open_slots_whenever_the_roster_can(
        people in prop::collection::vec((1u8..8, 0u8..8), 1..8),
        slots in prop::collection::vec((0usize..3, 0usize..3, 1usize..3), 1..6),
        signed in 0u8..4,
        loads in prop::collection::vec((0usize..3, 0u64..9), 8),
    ) {
        let names = ["a", "b", "c"];
        let all: Vec<Person> = people.iter().enumerate().map(|(at, (roles, kind))| {
            let away = if kind & 1 == 1 { vec![Away { from: 20_800, until: 20_800, instead: Some(format!("p{}", kind >> 1)) }] } else { vec![] };
            Person {
                roles: (0..3).filter(|r| roles >> r & 1 == 1).map(|r| names[r].to_owned()).collect(),
                away,
                kind: if *kind == 6 { PersonKind::Bot } else { PersonKind::Human },
                ..person(at, &format!("p{at} x"))
            }
        }).collect();
        let authors = vec!["p0".to_owned()];
        let signed: Vec<String> = (1..all.len()).take(usize::from(signed)).map(|at| format!("p{at}")).collect();
        let policy = Policy { roster: Roster::new(all), ..policy(&[]) };
        let mut wants: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
        for (part, role, n) in slots {
            wants.entry(part).or_default().insert(names[role], n);
        }
        let people = |ids: &[String]| ids.iter().filter_map(|id| policy.roster.by_id(id)).map(crate::policy::Signer::from).collect::<Vec<_>>();
        let requirements: Vec<_> = wants.iter().map(|(part, slots)| crate::policy::Requirement {
            slots: slots.iter().map(|(role, n)| crate::policy::Slot { role: (*role).to_owned(), n: *n }).collect(),
            ..crate::policy::Requirement::named(&format!("part{part}"))
        }).collect();
        let state = |ids: &[String]| requirements.iter().flat_map(|own| own.fill(&people(ids))).collect::<Vec<_>>();
        let have = |ids: &[String]| state(ids).iter().map(|slot| slot.have).sum::<usize>();
        let slots = state(&signed);
        let load = loads.iter().enumerate().map(|(at, (claims, hunks))| (format!("p{at}"), Load { claims: *claims, hunks: *hunks })).collect();
        let found = ask(&policy, &OpenChange { tie: Digest::of(b"shop:x"), slots: &slots, authors: &authors, signed: &signed, rejected: &[], claimed: &[] }, &load, NOW);
        let asked: Vec<String> = found.people.iter().map(|person| person.id.clone()).collect();
        let there: Vec<String> = policy.roster.people()
            .filter(|p| p.away_at(NOW).is_none() && !authors.contains(&p.id) && !signed.contains(&p.id) && p.kind == PersonKind::Human)
            .map(|p| p.id.clone()).collect();
        prop_assert!(asked.iter().all(|id| there.contains(id)), "{asked:?} of {there:?}");
        let with = |more: &[String]| have(&[&signed[..], more].concat());
        prop_assert_eq!(with(&asked), with(&there));
        prop_assert_eq!(found.open, slots.iter().map(|slot| slot.need).sum::<usize>() - with(&asked));
        for id in &asked {
            let others: Vec<String> = asked.iter().filter(|other| *other != id).cloned().collect();
            prop_assert!(with(&others) < with(&asked), "{id} is needless in {asked:?}");
        }
    }
}
