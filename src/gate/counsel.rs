//! What a person can know before signing: who could fill what is missing, and why a signature would not count.

use std::fmt;

use super::Standing;
use crate::policy::{Compartment, Kind, Person, Policy};
use crate::record::{Key, Presence};

/// One slot, and who could still fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub compartment: String,
    pub slot: String,
    pub need: usize,
    pub have: usize,
    pub by: Vec<String>,
    /// What each signature must prove.
    pub presence: Presence,
    /// Ids of people with the role and a key that proves enough, who neither wrote nor signed it. Empty where it is filled.
    pub could: Vec<String>,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {} {}", self.compartment, self.have, self.need, self.slot)?;
        if self.presence > Presence::None {
            write!(f, " with {}", self.presence)?;
        }
        if !self.by.is_empty() {
            write!(f, " ({})", self.by.join(", "))?;
        }
        match (&self.could[..], self.have < self.need) {
            (_, false) => Ok(()),
            ([], true) => write!(f, "; nobody else in the roster can"),
            (could, true) => write!(f, "; {} can", could.join(" or ")),
        }
    }
}

/// What a change needs, slot by slot.
pub fn needs(policy: &Policy, standing: &Standing, now: i64) -> Vec<Need> {
    let need = |slot: &super::SlotState| {
        let presence = presence_of(policy, &slot.compartment);
        let open = slot.have < slot.need;
        let could =
            policy.roster.people().filter(|person| open && could(policy, standing, person, &slot.slot, presence, now));
        Need {
            compartment: slot.compartment.clone(),
            slot: slot.slot.clone(),
            need: slot.need,
            have: slot.have,
            by: slot.by.clone(),
            presence,
            could: could.map(|person| person.id.clone()).collect(),
        }
    };
    standing.slots.iter().map(need).collect()
}

fn could(policy: &Policy, standing: &Standing, person: &Person, role: &str, presence: Presence, now: i64) -> bool {
    person.kind == Kind::Human
        && person.roles.iter().any(|own| own == role)
        && (policy.self_review || !standing.authors.contains(&person.id))
        && !standing.approved_by.contains(&person.id)
        && person.keys.iter().any(|own| own.presence >= presence && own.unfit(now, Some(now), now).is_none())
}

fn presence_of(policy: &Policy, compartment: &str) -> Presence {
    let of = |c: &Compartment| c.presence;
    policy.compartments.iter().find(|c| c.name == compartment).map(of).unwrap_or_default()
}

/// Why an approval by this key would fill no slot of this change, if that can be known now.
pub fn futile(policy: &Policy, standing: &Standing, key: Option<&Key>, now: i64) -> Option<String> {
    let Some((person, own)) = key.and_then(|key| policy.roster.enrolment(key)) else {
        return Some("your key is nobody's in the roster".to_owned());
    };
    if person.kind != Kind::Human {
        return Some(format!("{} is a bot, and only people fill slots", person.id));
    }
    if own.unfit(now, Some(now), now).is_some() {
        return Some("your key is revoked, or not valid now".to_owned());
    }
    if standing.authors.contains(&person.id) && !policy.self_review {
        return Some("you are an author of this change, or ran the agent that wrote it".to_owned());
    }
    let open: Vec<_> = standing.slots.iter().filter(|slot| slot.have < slot.need).collect();
    if open.is_empty() {
        return None;
    }
    let mine: Vec<_> = open.iter().filter(|slot| person.roles.contains(&slot.slot)).collect();
    if mine.is_empty() {
        let roles: std::collections::BTreeSet<_> = open.iter().map(|slot| slot.slot.as_str()).collect();
        let roles: Vec<_> = roles.into_iter().collect();
        return Some(format!("what is open needs the role {}, which you do not have", roles.join(" or ")));
    }
    let asked = mine.iter().map(|slot| presence_of(policy, &slot.compartment)).min().unwrap_or_default();
    let weak = own.presence < asked;
    weak.then(|| format!("what is open asks for presence {asked}, and your key proves {}", own.presence))
}
