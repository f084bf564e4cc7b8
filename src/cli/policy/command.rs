//! `undersign policy explain --command TARGET -- ARGV…`: what a command would require there.

use crate::change::visible;
use crate::command::entry::{Admissible, admissible};
use crate::policy::argv::is_role;
use crate::policy::meaning::Length;
use crate::policy::target::Start;
use crate::policy::{Policy, Requirement, Slot, Target};

/// # Errors
/// The policy has no such target.
pub fn explain(policy: &Policy, name: &str, argv: &[String]) -> Result<(), String> {
    let target = policy.target(name).ok_or_else(|| unknown(policy, name))?;
    outln!("{}  {}", target.name, target.about);
    outln!("  run by the broker {}, nothing below level {}", target.broker, target.level);
    match admissible(target, argv, &inputs(argv)) {
        Admissible::No(code, why) => outln!("\n{code}: it cannot be asked. {why}"),
        Admissible::Entry(entry) if entry.unasked => {
            outln!("\n{}: runs unasked, admitted and receipted all the same.", entry.name);
            outln!("  An operator who is only claimed needs 1 person of {}.", roles(&target.sign));
        }
        Admissible::Entry(entry) => {
            outln!("\n{}: where the broker's own preview destroys and replaces nothing, it needs:", entry.name);
            needs(policy, target, false);
            outln!("Else:");
            needs(policy, target, true);
        }
        Admissible::Unlisted => {
            outln!("\nIt matches no command of the target, so it counts as destructive and needs:");
            needs(policy, target, true);
        }
    }
    conditions(policy, target);
    Ok(())
}

fn unknown(policy: &Policy, name: &str) -> String {
    let known: Vec<&str> = policy.targets.iter().map(|target| target.name.as_str()).collect();
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    format!("The policy has no target {}; {known}.", visible::text(name))
}

/// An argument that is written as its pattern stands for an input of that role.
fn inputs(argv: &[String]) -> Vec<(&str, &str)> {
    argv.iter().filter_map(|argument| Some((role_of(argument)?, argument.as_str()))).collect()
}

fn role_of(argument: &str) -> Option<&str> {
    let role = argument.strip_prefix("{input:")?.strip_suffix('}')?;
    is_role(role).then_some(role)
}

fn needs(policy: &Policy, target: &Target, is_destructive: bool) {
    for requirement in target.requirements(is_destructive, false) {
        outln!("  {}: {}", requirement.compartment, slots(policy, &requirement));
        if requirement.cooling > 0 {
            outln!("      cools down for {}", Length(requirement.cooling));
        }
    }
}

fn slots(policy: &Policy, requirement: &Requirement) -> String {
    let now = crate::clock::now();
    let slot = |slot: &Slot| {
        let able = policy.roster.people().filter(|person| person.could_fill(&slot.role, requirement.presence, now));
        let names: Vec<_> = able.map(|person| person.id.as_str()).collect();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        format!("{} of role {} ({names})", slot.n, slot.role)
    };
    requirement.slots.iter().map(slot).collect::<Vec<_>>().join(" and ")
}

fn roles(slots: &[Slot]) -> String {
    slots.iter().map(|slot| format!("role {}", slot.role)).collect::<Vec<_>>().join(" or ")
}

fn conditions(policy: &Policy, target: &Target) {
    outln!("\nNever the operator for whom it runs; one person more where the operator is only claimed.");
    outln!("  presence: {}; a request is good for {}", target.presence, Length(target.valid));
    outln!(
        "  starts {}",
        match target.start {
            Start::Call => "when who asked calls again",
            Start::Authorized => "at once, when it is authorized",
        }
    );
    if let Some(freeze) = policy.frozen(target, crate::clock::now()) {
        outln!("  The freeze {} holds now.", freeze.name);
    }
    if let Some(emergency) = target.emergency() {
        outln!("  break-glass: {}", slots(policy, &emergency));
    }
}
