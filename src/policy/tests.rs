use proptest::prelude::*;

use super::*;
use crate::change::Identity;
use crate::record::Presence;

const SAMPLE: &str = include_str!("../../assets/policy.toml");

fn sample() -> Policy {
    Policy::parse("policy.toml", SAMPLE).unwrap()
}

fn mistakes(from: &str, to: &str) -> String {
    assert!(SAMPLE.contains(from), "{from}");
    Policy::parse("policy.toml", &SAMPLE.replacen(from, to, 1)).unwrap_err().to_string()
}

fn asked(paths: &[&str], authors: &[&str]) -> Asked {
    let paths: Vec<RepoPath> = paths.iter().map(|&p| p.into()).collect();
    let authors: Vec<_> = authors.iter().map(|e| Identity { name: String::new(), email: (*e).to_owned() }).collect();
    sample().requirements(paths.iter(), &authors, Ai::Unknown)
}

fn slots(asked: &Asked) -> Vec<String> {
    let text =
        |r: &Requirement| r.slots.iter().map(|s| format!("{}: {} {}", r.compartment, s.n, s.role)).collect::<Vec<_>>();
    asked.requirements.iter().flat_map(text).collect()
}

#[test]
fn each_mistake_names_what_is_wrong() {
    let table = [
        ("schema = \"undersign-policy/v1\"", "schema = \"x\"", "reads no other"),
        ("version = 1", "version = 0", "counts from 1"),
        ("emails = [\"rahim@example.com\"]", "emails = [\"DANA@example.com\"]", "already that of `dana`"),
        ("keys = [\"ssh-ed25519", "keys = [\"ssh-ed2551", "no OpenSSH public key"),
        ("role = \"senior\", n = 2", "role = \"senior\", n = 9", "the roster has"),
        ("criticality = \"critical\"", "criticality = \"huge\"", "low, normal, high or critical"),
        ("binding = \"exact\"", "binding = \"loose\"", "exact, tree or manifest"),
        ("solo = true", "solo = false", "no compartment with `solo = true` holds"),
        ("[compartment.default]", "[compartment.other]", "[compartment.default] is missing"),
        ("\"refs/heads/main\"", "\"main\"", "write \"refs/heads/main\""),
        ("[ai]", "[ai]\nsurprise = 1", "unknown key `surprise`"),
        ("paths = [\"envs/prod/**\"]", "paths = [\"envs/[\"]", "no pattern"),
    ];
    for (from, to, wanted) in table {
        let text = mistakes(from, to);
        assert!(text.contains(wanted), "{to}: {text}");
    }
}

#[test]
fn a_change_needs_the_union_of_what_its_compartments_need() {
    assert_eq!(slots(&asked(&["src/x.rs"], &["dana@example.com"])), ["default: 1 senior", "ai: 1 senior"]);
    assert_eq!(
        slots(&asked(&["src/x.rs", "envs/prod/main.tf"], &["dana@example.com"])),
        ["default: 1 senior", "prod: 2 senior", "prod: 1 security", "ai: 1 senior"]
    );
    assert_eq!(slots(&asked(&["src/x.rs"], &["stranger@example.net"])), ["default: 1 senior", "ai: 2 senior"]);
}

#[test]
fn the_policy_stands_alone() {
    assert!(asked(&[".undersign/policy.toml"], &[]).violations.is_empty());
    let mixed = asked(&[".undersign/policy.toml", "src/x.rs"], &[]);
    assert!(mixed.violations[0].compartment_holds_policy);
    assert_eq!(mixed.violations[0].path, "src/x.rs".into());
}

#[test]
fn one_person_fills_one_slot_and_others_make_room() {
    let policy = sample();
    let need = Requirement {
        compartment: "prod".into(),
        criticality: Criticality::Critical,
        slots: vec![Slot { role: "senior".into(), n: 1 }, Slot { role: "security".into(), n: 1 }],
        binding: Binding::Exact,
        presence: Presence::None,
        cooling: 0,
    };
    let person = |id: &str| policy.roster.by_id(id).unwrap();
    let have = |ids: &[&str]| {
        need.fill(&ids.iter().map(|id| Signer::from(person(id))).collect::<Vec<_>>())
            .iter()
            .map(|f| f.have)
            .sum::<usize>()
    };
    assert_eq!(have(&["rahim"]), 1, "rahim is senior and security, but one person");
    assert_eq!(have(&["rahim", "dana"]), 2);
    assert_eq!(have(&["mina"]), 0);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String) {
        let _ = Policy::parse("policy.toml", &text);
    }

    #[test]
    fn filling_finds_as_many_places_as_trying_all(roles in prop::collection::vec(0u8..8, 0..5), wants in prop::collection::vec(1usize..3, 3)) {
        let names = ["a", "b", "c"];
        let people: Vec<Person> = roles.iter().enumerate().map(|(i, bits)| Person {
            id: format!("p{i}"), name: String::new(), kind: Kind::Human, emails: vec![], logins: vec![], keys: vec![],
            roles: names.iter().enumerate().filter(|(r, _)| bits >> r & 1 == 1).map(|(_, n)| (*n).to_owned()).collect(),
        }).collect();
        let slots: Vec<Slot> = names.iter().zip(&wants).map(|(r, &n)| Slot { role: (*r).to_owned(), n }).collect();
        let need = Requirement { compartment: "x".into(), criticality: Criticality::Normal, slots, binding: Binding::Manifest, presence: Presence::None, cooling: 0 };
        let filled: usize = need.fill(&people.iter().map(Signer::from).collect::<Vec<_>>()).iter().map(|f| f.have).sum();
        let places: Vec<usize> = wants.iter().enumerate().flat_map(|(r, &n)| vec![r; n]).collect();
        prop_assert_eq!(filled, best(&roles, &places, 0));
    }
}

/// The most places that can be filled, by trying all ways.
fn best(roles: &[u8], places: &[usize], used: u32) -> usize {
    let Some((&place, rest)) = places.split_first() else { return 0 };
    let fits = (0..roles.len()).filter(|&p| used >> p & 1 == 0 && roles[p] >> place & 1 == 1);
    fits.map(|p| 1 + best(roles, rest, used | 1 << p)).max().unwrap_or(0).max(best(roles, rest, used))
}
