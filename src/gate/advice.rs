//! What a person can know before signing: who could fill the open slots, and why a signature would not count.

use std::collections::BTreeSet;
use std::fmt;

use super::Standing;
use super::duration::length;
use super::outcome::{Code, Reason, ReasonEffect};
use crate::change::any_of;
use crate::policy::{Compartment, Enrolment, Person, PersonKind, Policy, Requirement, SlotState};
use crate::record::{Key, Presence};

/// One slot, and who could still fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its compartment, how many of which role it needs, and who fills it.
    pub slot: SlotState,
    /// What each signature must prove.
    pub presence: Presence,
    /// Ids of people with the role and a key that proves enough, who neither wrote nor signed it. Empty if it is
    /// filled.
    pub could: Vec<String>,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SlotState { compartment, slot, need, have, by } = &self.slot;
        write!(f, "{compartment}: {have} of {need} {slot}")?;
        if self.presence > Presence::None {
            write!(f, " with {}", self.presence)?;
        }
        if !by.is_empty() {
            write!(f, " ({})", by.join(", "))?;
        }
        match (&self.could[..], self.slot.is_filled()) {
            (_, true) => Ok(()),
            ([], false) => write!(f, "; nobody else in the roster can sign"),
            (could, false) => write!(f, "; {} can sign", any_of(could)),
        }
    }
}

impl Need {
    /// The gate's code for it, while it is open.
    pub fn code(&self) -> Option<Code> {
        (!self.slot.is_filled()).then(|| Code::of_open_slot(&self.slot))
    }
}

/// What the gate says besides the open slots, each of which is a [`Need`]: nothing is said twice. Of hidden text, the
/// gate names the places as well.
pub fn besides(standing: &Standing) -> impl Iterator<Item = &Reason> {
    let is_told = |reason: &Reason| standing.slots.iter().any(|slot| !slot.is_filled() && reason.is_of(slot));
    standing.reasons.iter().filter(move |reason| reason.code == Code::Hidden || !is_told(reason))
}

/// Where text with characters that do not show asks for a signature, in the gate's words.
pub fn hidden(standing: &Standing) -> impl Iterator<Item = &Reason> {
    standing.reasons.iter().filter(|reason| reason.code == Code::Hidden && reason.effect == ReasonEffect::Holds)
}

/// What a change needs, slot by slot.
pub fn needs(policy: &Policy, standing: &Standing, now: i64) -> Vec<Need> {
    let need = |slot: &SlotState| {
        let presence = policy.presence_in(&slot.compartment);
        let open = !slot.is_filled();
        let could =
            policy.roster.people().filter(|person| open && could(policy, standing, person, &slot.slot, presence, now));
        Need { slot: slot.clone(), presence, could: could.map(|person| person.id.clone()).collect() }
    };
    standing.slots.iter().map(need).collect()
}

fn could(policy: &Policy, standing: &Standing, person: &Person, role: &str, presence: Presence, now: i64) -> bool {
    person.could_fill(role, presence, now)
        && (policy.self_review || !standing.authors.contains(&person.id))
        && !standing.approved_by.contains(&person.id)
}

/// Who can end somebody's rejection now: whoever signed it, or, if that person cannot sign, is a bot, has left or is
/// away, those who may take it over.
pub fn could_end(policy: &Policy, standing: &Standing, rejecter: &str, now: i64) -> Vec<String> {
    let signs = |person: &Person| {
        let is_fit = |own: &Enrolment| own.unfit(now, Some(now), now).is_none();
        person.kind == PersonKind::Human && person.keys.iter().any(is_fit) && person.away_at(now).is_none()
    };
    if policy.roster.by_id(rejecter).is_some_and(signs) {
        return vec![rejecter.to_owned()];
    }
    let asked = policy.hand_over();
    let may = |person: &&Person| {
        let fills = |requirement: &Requirement| {
            requirement.slots.iter().any(|slot| person.could_fill(&slot.role, requirement.presence, now))
        };
        signs(person) && !standing.authors.contains(&person.id) && asked.iter().any(fills)
    };
    policy.roster.people().filter(may).map(|person| person.id.clone()).collect()
}

/// Why the change cannot land, whoever approves it: the gate's own reasons, in its words. Vetoes are not included, nor
/// what an approval of the change, or time, would end.
pub fn refusals(standing: &Standing) -> Vec<&Reason> {
    let is_ended = |code| matches!(code, Code::Vetoed | Code::Unsigned | Code::MergeDelta);
    let stops = |reason: &&Reason| match reason.effect {
        ReasonEffect::Said | ReasonEffect::Explains => false,
        // Only an emergency lets so much land at once.
        ReasonEffect::Holds => reason.code == Code::Limit,
        ReasonEffect::Denies | ReasonEffect::Undecidable => !is_ended(reason.code),
    };
    standing.reasons.iter().filter(stops).collect()
}

/// Who rejected another change of the same paths, such as what this one was before an amend: an approval answers them.
pub fn answered(standing: &Standing) -> Vec<&str> {
    let mut all: Vec<&str> = standing.to_answer.iter().filter(|one| !one.is_veto).map(|one| one.by.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What is only said of it; and that nobody vouches for its authors, whom others then count beside, until whoever wrote
/// it pushes it.
pub fn remarks(standing: &Standing) -> impl Iterator<Item = &Reason> {
    let is_remark = |reason: &&Reason| reason.effect == ReasonEffect::Said || reason.code == Code::AuthorUnproven;
    standing.reasons.iter().filter(is_remark)
}

/// What keeps the change from landing for some time, whoever approves it.
pub fn delays(standing: &Standing) -> Vec<&Reason> {
    let passes =
        |reason: &&Reason| reason.effect == ReasonEffect::Holds && matches!(reason.code, Code::Freeze | Code::Cooling);
    standing.reasons.iter().filter(passes).collect()
}

/// That the change lands some time after its last approval only: a sentence for each compartment that still lacks one.
pub fn cooling(policy: &Policy, standing: &Standing) -> Vec<String> {
    let open: BTreeSet<&str> =
        standing.slots.iter().filter(|slot| !slot.is_filled()).map(|slot| slot.compartment.as_str()).collect();
    let cools = policy.compartments.iter().filter(|own| own.cooling > 0 && open.contains(own.name.as_str()));
    let told = |own: &Compartment| {
        format!(
            "Compartment {} has a cooling time: {} after the last approval it may land.",
            own.name,
            length(own.cooling)
        )
    };
    cools.map(told).collect()
}

/// Why nothing that this key signs counts, if that can be known now.
pub fn mute(policy: &Policy, key: Option<&Key>, now: i64) -> Option<String> {
    let Some((person, own)) = key.and_then(|key| policy.roster.enrolment(key)) else {
        return Some("nobody in the roster has your key".to_owned());
    };
    if person.kind != PersonKind::Human {
        return Some(format!("{} is a bot, and only people fill slots", person.id));
    }
    own.unfit(now, Some(now), now).map(|_| "your key is revoked, or not valid now".to_owned())
}

/// Why an approval by this key would fill no slot of this change, if that can be known now.
pub fn futile(policy: &Policy, standing: &Standing, key: Option<&Key>, now: i64) -> Option<String> {
    if let Some(why) = mute(policy, key, now) {
        return Some(why);
    }
    let (person, own) = key.and_then(|key| policy.roster.enrolment(key))?;
    if standing.authors.contains(&person.id) && !policy.self_review {
        let through = standing.wrote.get(&person.id).map(|commit| format!(" (commit {})", commit.short()));
        let through = through.unwrap_or_default();
        return Some(format!("you are an author of this change, or ran the agent that wrote it{through}"));
    }
    let open: Vec<_> = standing.slots.iter().filter(|slot| !slot.is_filled()).collect();
    if open.is_empty() {
        return None;
    }
    let mine: Vec<_> = open.iter().filter(|slot| person.roles.contains(&slot.slot)).collect();
    if mine.is_empty() {
        let roles: std::collections::BTreeSet<_> = open.iter().map(|slot| slot.slot.as_str()).collect();
        let roles: Vec<_> = roles.into_iter().collect();
        return Some(format!("what is open needs the role {}, which you do not have", any_of(&roles)));
    }
    let asked = mine.iter().map(|slot| policy.presence_in(&slot.compartment)).min().unwrap_or_default();
    let weak = own.presence < asked;
    weak.then(|| format!("the open slots require presence {asked}, and your key proves {}", own.presence))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64ct::{Base64, Encoding as _};

    use super::*;
    use crate::change::digest::Digest;
    use crate::gate::SlotState;

    const NOW: i64 = 1_790_000_000;
    const NAME: &str = "sk-ssh-ed25519@openssh.com";

    fn line(seed: u8, is_security_key: bool) -> String {
        let word = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
        let point = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
        let name = if is_security_key { NAME } else { "ssh-ed25519" };
        let mut blob = [word(name.as_bytes()), word(&point)].concat();
        blob.extend(is_security_key.then(|| word(b"ssh:")).into_iter().flatten());
        format!("{name} {}", Base64::encode_string(&blob))
    }

    fn key(seed: u8, is_security_key: bool) -> Key {
        Key::from_openssh(&line(seed, is_security_key)).unwrap()
    }

    /// anna and ben are seniors, ben with a security key; cara is a junior; dirk is a senior whose key is revoked, erik
    /// one whose key is not valid yet; bot is a bot with the role.
    fn policy(top: &str) -> Policy {
        let person = |id: &str, role: &str, keys: &str, more: &str| {
            format!("[people.{id}]\nroles = [\"{role}\"]\nkeys = [{keys}]\n{more}\n")
        };
        let plain = |seed| format!("\"{}\"", line(seed, false));
        let table = |seed, more: &str| format!("{{ key = \"{}\", {more} }}", line(seed, false));
        let people = [
            person("anna", "senior", &plain(1), ""),
            person("ben", "senior", &format!("{{ key = \"{}\", presence = \"touch\" }}", line(2, true)), ""),
            person("cara", "junior", &plain(3), ""),
            person("dirk", "senior", &table(4, "revoked = { reason = \"retired\", at = 2026-01-01T00:00:00Z }"), ""),
            person("erik", "senior", &table(5, "valid = { from = 2027-01-01T00:00:00Z }"), ""),
            person("bot", "senior", &plain(6), "kind = \"bot\""),
            person("paula", "policy", &plain(7), ""),
        ];
        let text = format!(
            "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"r1\"\n{top}\n[refs]\nprotected = [\"refs/heads/main\"]\n{}\
             [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
             [compartment.vault]\npaths = [\"vault/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\npresence = \"touch\"\n\
             [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n",
            people.concat()
        );
        Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Slots as (compartment, role, need, by), and the authors.
    fn standing(slots: &[(&str, &str, usize, &[&str])], authors: &[&str]) -> Standing {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let slot = |&(compartment, role, need, by): &(&str, &str, usize, &[&str])| SlotState {
            compartment: compartment.to_owned(),
            slot: role.to_owned(),
            need,
            have: by.len(),
            by: ids(by),
        };
        Standing {
            manifest: Digest::of(b""),
            binding: None,
            slots: slots.iter().map(slot).collect(),
            evidence: Vec::new(),
            reasons: Vec::new(),
            approved_by: slots.iter().flat_map(|slot| ids(slot.3)).collect(),
            rejected_by: Vec::new(),
            valid_until: None,
            emergency: false,
            records: Vec::new(),
            presence: None,
            compartments: Vec::new(),
            authors: ids(authors),
            wrote: std::collections::BTreeMap::new(),
            to_answer: Vec::new(),
        }
    }

    #[test]
    fn a_need_names_who_can_still_fill_it() {
        type Row<'r> = (&'r str, (&'r str, &'r str, usize, &'r [&'r str]), &'r [&'r str], &'r str);
        let table: &[Row<'_>] = &[
            ("", ("default", "senior", 1, &[]), &[], "default: 0 of 1 senior; anna or ben can sign"),
            ("", ("default", "senior", 1, &["anna"]), &[], "default: 1 of 1 senior (anna)"),
            ("", ("default", "senior", 2, &["anna"]), &[], "default: 1 of 2 senior (anna); ben can sign"),
            ("", ("default", "senior", 1, &[]), &["anna"], "default: 0 of 1 senior; ben can sign"),
            (
                "self_review = true",
                ("default", "senior", 1, &[]),
                &["anna"],
                "default: 0 of 1 senior; anna or ben can sign",
            ),
            (
                "",
                ("default", "senior", 1, &[]),
                &["anna", "ben"],
                "default: 0 of 1 senior; nobody else in the roster can sign",
            ),
            ("", ("vault", "senior", 1, &[]), &[], "vault: 0 of 1 senior with touch; ben can sign"),
            ("", ("vault", "senior", 1, &["ben"]), &[], "vault: 1 of 1 senior with touch (ben)"),
            (
                "",
                ("vault", "senior", 1, &[]),
                &["ben"],
                "vault: 0 of 1 senior with touch; nobody else in the roster can sign",
            ),
            ("", ("ai", "senior", 2, &["ben"]), &[], "ai: 1 of 2 senior (ben); anna can sign"),
        ];
        for (top, slot, authors, wanted) in table {
            let found = needs(&policy(top), &standing(&[*slot], authors), NOW);
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [*wanted]);
        }
    }

    #[test]
    fn why_an_approval_would_fill_nothing() {
        type Slots<'r> = &'r [(&'r str, &'r str, usize, &'r [&'r str])];
        let open: Slots<'_> = &[("default", "senior", 1, &[])];
        let vault: Slots<'_> = &[("vault", "senior", 1, &[])];
        let both: Slots<'_> = &[("vault", "senior", 1, &[]), ("default", "senior", 1, &[])];
        let mixed: Slots<'_> = &[("default", "senior", 1, &["anna"]), ("policy", "policy", 1, &[])];
        let several: Slots<'_> =
            &[("default", "senior", 1, &[]), ("policy", "policy", 1, &[]), ("ai", "senior", 1, &[])];
        let filled: Slots<'_> = &[("default", "senior", 1, &["anna"])];
        let author = Some("you are an author of this change, or ran the agent that wrote it");
        let unfit = Some("your key is revoked, or not valid now");
        type Row<'r> = (&'r str, Option<Key>, Slots<'r>, &'r [&'r str], Option<&'r str>);
        let table: &[Row<'_>] = &[
            ("", Some(key(1, false)), open, &[], None),
            ("", None, open, &[], Some("nobody in the roster has your key")),
            ("", Some(key(9, false)), open, &[], Some("nobody in the roster has your key")),
            ("", Some(key(6, false)), open, &[], Some("bot is a bot, and only people fill slots")),
            ("", Some(key(4, false)), open, &[], unfit),
            ("", Some(key(5, false)), open, &[], unfit),
            ("", Some(key(1, false)), open, &["anna"], author),
            ("self_review = true", Some(key(1, false)), open, &["anna"], None),
            ("", Some(key(3, false)), open, &[], Some("what is open needs the role senior, which you do not have")),
            (
                "",
                Some(key(3, false)),
                several,
                &[],
                Some("what is open needs the role policy or senior, which you do not have"),
            ),
            ("", Some(key(1, false)), mixed, &[], Some("what is open needs the role policy, which you do not have")),
            ("", Some(key(7, false)), mixed, &[], None),
            (
                "",
                Some(key(1, false)),
                vault,
                &[],
                Some("the open slots require presence touch, and your key proves none"),
            ),
            ("", Some(key(2, true)), vault, &[], None),
            ("", Some(key(1, false)), both, &[], None),
            // Nothing is open, so it cannot fill a slot.
            ("", Some(key(3, false)), filled, &[], None),
        ];
        for (top, key, slots, authors, wanted) in table {
            let found = futile(&policy(top), &standing(slots, authors), key.as_ref(), NOW);
            assert_eq!(found.as_deref(), *wanted, "{slots:?} {authors:?}");
        }
    }

    #[test]
    fn a_rejection_is_ended_by_its_signer_or_where_that_person_cannot_by_who_may_take_it_over() {
        let (policy, nobody) = (policy(""), standing(&[], &[]));
        let could = |standing: &Standing, rejecter: &str| could_end(&policy, standing, rejecter, NOW);
        for able in ["anna", "ben", "cara", "paula"] {
            assert_eq!(could(&nobody, able), [able]);
        }
        for unable in ["dirk", "erik", "bot", "gone"] {
            assert_eq!(could(&nobody, unable), ["paula"], "{unable}");
            assert!(
                could(&standing(&[], &["paula"]), unable).is_empty(),
                "no author takes over what {unable} rejected"
            );
        }
    }
}
