//! The request of an agent, as it arrives at a broker: never a panic, and what would be admitted is what it says.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use undersign::broker::admit::considered;
use undersign::broker::wire::{Ask, read_ask};
use undersign::command::entry::{Admissible, admissible};
use undersign::command::request::bytes;
use undersign::policy::Policy;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    Policy::parse("policy.toml", include_str!("../../assets/policy.toml")).expect("the shipped policy is sound")
});

fuzz_target!(|data: &[u8]| {
    let Ok(Ask::Request(draft)) = read_ask(data) else { return };
    let target = POLICY.target("shop-prod").expect("the shipped policy has it");
    let place = |role: &str| format!("/run/in/{role}");
    let Ok(asked) = considered(target, &draft, ("stdin", &[]), &place) else { return };
    assert!(asked.argv[0].starts_with('/'));
    assert!(asked.argv.iter().all(|argument| bytes(argument).is_some()), "each argument stands for some bytes");
    let paths: Vec<(&str, &str)> =
        asked.inputs.iter().map(|(input, _)| (input.role.as_str(), input.path.as_str())).collect();
    match admissible(target, &asked.argv, &paths) {
        Admissible::Entry(entry) => {
            assert_eq!(asked.entry.map(|own| &own.name), Some(&entry.name));
            assert!(!entry.unasked || asked.inputs.is_empty(), "nobody reads what runs unasked");
            assert!(draft.env.keys().all(|name| entry.env.contains(name)));
        }
        Admissible::Unlisted => assert!(asked.entry.is_none() && draft.env.is_empty()),
        Admissible::No(..) => panic!("it may not be requested"),
    }
});
