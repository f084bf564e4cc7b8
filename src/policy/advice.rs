//! What a policy allows that its author hardly intended: not a mistake in the file, but reported by `policy check`.

use super::{Compartment, Person, Policy, Slot};

/// The requirements that nobody could sign at a given time.
pub fn advice(policy: &Policy, now: i64) -> Vec<String> {
    let mut told = inherited(policy, now);
    if !policy.self_review {
        told.extend(locked_out(policy, now));
    }
    told
}

/// Who signs for the file of services, if that is not whoever signs for the policy: a change of it must not take itself
/// out of somebody's reach.
#[cfg(feature = "git")]
pub fn services_file(policy: &Policy) -> Option<String> {
    let own: Vec<&str> = policy.own_compartments().iter().map(|compartment| compartment.name.as_str()).collect();
    let holding = policy.compartments_of(&super::SERVICES_FILE.into());
    let is_guarded = holding.iter().any(|compartment| own.contains(&compartment.name.as_str()));
    let names: Vec<&str> = holding.iter().map(|compartment| compartment.name.as_str()).collect();
    let (names, own) = (names.join(" and "), own.first().copied().unwrap_or("policy"));
    (!is_guarded).then(|| {
        format!(
            "{} is in {names}: whoever signs there says how far mistakes reach. Add it to the paths of \
             [compartment.{own}].",
            super::SERVICES_FILE
        )
    })
}

/// What a policy expects of an organization that does not have it.
fn inherited(policy: &Policy, now: i64) -> Vec<String> {
    let Some(inherited) = &policy.inherited else { return Vec::new() };
    let strangers = inherited.strangers.iter().map(|id| {
        format!("[people.{id}] gives roles to nobody: the organization has no person of this id. Leave the table out.")
    });
    strangers.chain(unfilled(policy, now)).collect()
}

/// The compartments of a file for which too few people have the role and a key.
pub fn unfilled(policy: &Policy, now: i64) -> Vec<String> {
    let own = policy.compartments.iter().filter(|compartment| !compartment.is_inherited);
    let told = own.flat_map(|compartment| {
        let could = |slot: &&Slot| {
            let able = |person: &&Person| person.could_fill(&slot.role, compartment.presence, now);
            policy.roster.people().filter(able).count() < slot.n
        };
        compartment.sign.iter().filter(could).map(|slot| {
            format!(
                "[compartment.{}] asks for {} of role \"{}\", and the organization does not have so many: nothing \
                 lands there.",
                compartment.name, slot.n, slot.role
            )
        })
    });
    told.collect()
}

fn locked_out(policy: &Policy, now: i64) -> Vec<String> {
    let slots =
        policy.compartments.iter().flat_map(|compartment| compartment.sign.iter().map(move |slot| (compartment, slot)));
    slots.filter_map(|(compartment, slot)| locked(policy, compartment, slot, now)).collect()
}

fn locked(policy: &Policy, compartment: &Compartment, slot: &Slot, now: i64) -> Option<String> {
    let could = |person: &&Person| person.could_fill(&slot.role, compartment.presence, now);
    let people: Vec<&str> = policy.roster.people().filter(could).map(|person| person.id.as_str()).collect();
    if people.is_empty() || people.len() > slot.n {
        return None;
    }
    let (name, role) = (&compartment.name, &slot.role);
    let who = people.join(" and ");
    Some(format!(
        "[compartment.{name}] asks for {} of role \"{role}\", which only {who} can sign as: what {} there, nobody can \
         sign, since self_review is false. Give the role to one more person, or set self_review = true.",
        slot.n,
        if people.len() == 1 { format!("{who} writes") } else { "one of them writes".to_owned() }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Key;
    use crate::record::wire::put;

    #[test]
    fn a_role_that_one_person_has_is_told_where_nobody_signs_for_themselves() {
        let key = |seed: u8| {
            let point = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
            let mut blob = Vec::new();
            [b"ssh-ed25519", &point[..]].iter().for_each(|field| put(&mut blob, field));
            Key::parse(&blob).map(|key| key.to_openssh()).unwrap_or_default()
        };
        let read = |own: bool, second: &str| {
            let source = format!(
                "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"shop\"\nself_review = {own}\n\
                 [refs]\nprotected = [\"refs/heads/main\"]\n\
                 [people.anna]\nroles = [\"senior\", \"policy\"]\nemails = [\"anna@x.example\"]\nkeys = [\"{}\"]\n\
                 [people.ben]\nroles = [{second}]\nemails = [\"ben@x.example\"]\nkeys = [\"{}\"]\n\
                 [compartment.policy]\npaths = [\".undersign/**\"]\n\
                 sign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
                 [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n",
                key(1),
                key(2)
            );
            let policy = Policy::parse("p", &source).unwrap_or_else(|error| panic!("{error}"));
            advice(&policy, 1_790_000_000)
        };
        let told = read(false, "\"senior\"");
        assert!(
            told.len() == 1 && told[0].contains("[compartment.policy]") && told[0].contains("only anna"),
            "{told:?}"
        );
        assert_eq!(read(false, "\"senior\", \"policy\"").len(), 0);
        assert_eq!(read(true, "\"senior\"").len(), 0);
    }
}
