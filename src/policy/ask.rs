//! Whom to ask for the open slots of a change: as few people as fill them, the least loaded first. It is a proposal.
//! Nobody is assigned, and whoever else can sign may do so.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::requirement::seat;
use super::{Person, PersonKind, Policy, SlotState};
use crate::change::digest::Digest;
use crate::datafile::day;

/// What somebody has to read already. Less comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Load {
    /// Changes that the person has claimed.
    pub claims: usize,
    /// Hunks that the person's decisions of the last days say were read.
    pub hunks: u64,
}

/// An open change, as far as it matters for whom to ask.
#[derive(Debug, Clone, Copy)]
pub struct OpenChange<'c> {
    /// Among people with the same load, it decides who comes first.
    pub tie: Digest,
    /// All slots, filled or not.
    pub slots: &'c [SlotState],
    /// Ids of its authors.
    pub authors: &'c [String],
    /// Ids of those who signed.
    pub signed: &'c [String],
    /// Ids of those who rejected it before it moved. Only they can end that, so that each of them is asked.
    pub rejected: &'c [String],
    /// Ids of those who say to be reading it: who of them can fill a slot comes first.
    pub claimed: &'c [String],
}

/// Whom to ask, and what they leave open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Together they fill as many slots as anybody present can.
    pub people: Vec<AskedPerson>,
    /// How many places stay open, whoever is asked.
    pub open: usize,
    /// Who could fill some of those, and is away: id and last day, in days since the epoch.
    pub away: Vec<(String, i64)>,
}

/// Somebody to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPerson {
    /// Who it is.
    pub id: String,
    /// Who would have been asked, and is away.
    pub instead_of: Option<String>,
}

impl Ask {
    /// These people, and no slot stays open.
    pub fn of(people: &[String]) -> Ask {
        let person = |id: &String| AskedPerson { id: id.clone(), instead_of: None };
        Ask { people: people.iter().map(person).collect(), ..Ask::default() }
    }

    /// `ask dana, ines`; empty if nobody is to be asked.
    pub fn brief(&self) -> String {
        let names: Vec<_> = self.people.iter().map(|person| person.id.as_str()).collect();
        if names.is_empty() { String::new() } else { format!("ask {}", names.join(", ")) }
    }

    /// `nobody for 1`: so many places nobody can fill, not even who is away.
    pub fn lack(&self) -> Option<String> {
        (self.open > 0 && self.away.is_empty()).then(|| format!("nobody for {}", self.open))
    }

    /// What nobody who is there can fill: `for 1 more nobody is there (rahim is away until 2027-01-04)`.
    pub fn left_open(&self) -> Option<String> {
        let away: Vec<_> = self.away.iter().map(|(id, until)| format!("{id} is away until {}", day(*until))).collect();
        let away = if away.is_empty() { String::new() } else { format!(" ({})", away.join(", ")) };
        let more = if self.people.is_empty() { "" } else { " more" };
        (self.open > 0).then(|| format!("for {}{more} nobody is there{away}", self.open))
    }
}

/// In full: `ask ines (instead of dana); for 1 more nobody is there (rahim is away until 2027-01-04)`.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(None))
    }
}

impl Ask {
    /// The same for one of the people: `ask: you, ines`.
    pub fn told(&self, me: Option<&str>) -> String {
        let name = |person: &AskedPerson| {
            let name = if me == Some(person.id.as_str()) { "you" } else { &person.id };
            match &person.instead_of {
                Some(other) => format!("{name} (instead of {other})"),
                None => name.to_owned(),
            }
        };
        let names: Vec<_> = self.people.iter().map(name).collect();
        let mut parts = Vec::new();
        if !names.is_empty() {
            let colon = if self.people.iter().any(|person| me == Some(person.id.as_str())) { ":" } else { "" };
            parts.push(format!("ask{colon} {}", names.join(", ")));
        }
        parts.extend(self.left_open());
        parts.join("; ")
    }
}

/// Whom to ask. Authors are not asked unless they may sign for themselves, nor are those who signed or are away.
///
/// A set cover: whoever fills most of what is open comes first, then who has least to read; before all, who claimed it,
/// and before those, who rejected it before it moved. Ties are broken by a digest of change and person, so that the
/// same people are not always named first. A person's absence passes their turn on to the stand-in, if that one can
/// sign and is there.
pub fn ask(policy: &Policy, change: &OpenChange<'_>, load: &BTreeMap<String, Load>, now: i64) -> Ask {
    with_rejecters(filling(policy, change, load, now), policy, change, now)
}

/// As few people as fill the open slots.
fn filling(policy: &Policy, change: &OpenChange<'_>, load: &BTreeMap<String, Load>, now: i64) -> Ask {
    let parts = Part::open(policy, change);
    if parts.is_empty() {
        return Ask::default();
    }
    let (present, absent) = candidates(policy, change, &parts, now);
    let turns = turns(change, &present, &absent, load, now);
    let mut chosen: Vec<Turn<'_>> = Vec::new();
    loop {
        let masks: Vec<&Mask> = chosen.iter().map(|turn| turn.mask).collect();
        let have = filled(&parts, &masks);
        // Those who can fill the same slots gain the same.
        let mut gains: BTreeMap<&Mask, usize> = BTreeMap::new();
        let rest = turns.iter().filter(|turn| !chosen.iter().any(|own| own.signer.id == turn.signer.id));
        let best = rest.map(|turn| {
            let with = || filled(&parts, &[&masks[..], &[turn.mask]].concat()).saturating_sub(have);
            (*gains.entry(turn.mask).or_insert_with(with), turn)
        });
        let best = best.filter(|(gain, _)| *gain > 0);
        let Some((_, turn)) = best.min_by_key(|(gain, turn)| (turn.first, Reverse(*gain), turn.load, turn.tie)) else {
            break;
        };
        chosen.push(turn.clone());
    }
    without_needless(&parts, &mut chosen);
    left_open(&parts, chosen, &absent, now)
}

/// By part, for each of its slots: whether a person can fill it.
type Mask = Vec<Vec<bool>>;

/// A compartment with an open slot. Filled slots are part of it: who signed may make room.
struct Part<'c> {
    name: &'c str,
    slots: Vec<&'c SlotState>,
    /// For each place of a slot, that slot.
    places: Vec<usize>,
    /// What those who signed can fill.
    signed: Vec<Vec<bool>>,
}

impl<'c> Part<'c> {
    fn open(policy: &Policy, change: &OpenChange<'c>) -> Vec<Part<'c>> {
        let names: BTreeSet<&str> =
            change.slots.iter().filter(|slot| !slot.is_filled()).map(|slot| slot.compartment.as_str()).collect();
        let part = |name: &'c str| {
            let slots: Vec<_> = change.slots.iter().filter(|slot| slot.compartment == name).collect();
            let signers: BTreeSet<&String> = slots.iter().flat_map(|slot| &slot.by).collect();
            let roles = |id: &str| policy.roster.by_id(id).map(|person| &person.roles[..]).unwrap_or_default();
            let can = |id: &String, slot: &SlotState| slot.by.contains(id) || roles(id).contains(&slot.slot);
            let signed = signers.into_iter().map(|id| slots.iter().map(|slot| can(id, slot)).collect());
            // No policy asks for as many, whatever a file says.
            let places = slots.iter().enumerate().flat_map(|(at, slot)| std::iter::repeat_n(at, slot.need.min(64)));
            Part { name, signed: signed.collect(), places: places.collect(), slots }
        };
        names.into_iter().map(part).collect()
    }

    /// How many places are filled with these people besides those who signed.
    fn filled(&self, people: impl Iterator<Item = impl AsRef<[bool]>>) -> usize {
        let more: Vec<_> = people.collect();
        let all: Vec<&[bool]> =
            self.signed.iter().map(Vec::as_slice).chain(more.iter().map(|mask| mask.as_ref())).collect();
        let fits = |person: usize, place: usize| all[person][self.places[place]];
        let mut taken = vec![None; self.places.len()];
        (0..all.len()).filter(|&person| seat(person, &mut taken, &mut vec![false; self.places.len()], &fits)).count()
    }
}

fn filled(parts: &[Part<'_>], people: &[&Mask]) -> usize {
    parts.iter().enumerate().map(|(at, part)| part.filled(people.iter().map(|mask| &mask[at]))).sum()
}

/// Those who can fill something that is open, and what; those who are there, and those who are away.
type Able<'p> = Vec<(&'p Person, Mask)>;

fn candidates<'p>(policy: &'p Policy, change: &OpenChange<'_>, parts: &[Part<'_>], now: i64) -> (Able<'p>, Able<'p>) {
    let presences: Vec<_> = parts.iter().map(|part| policy.presence_in(part.name)).collect();
    let outside = |person: &&Person| {
        person.kind == PersonKind::Human
            && (policy.self_review || !change.authors.contains(&person.id))
            && !change.signed.contains(&person.id)
    };
    let mask = |person: &Person| -> Mask {
        let of = |(part, presence): (&Part<'_>, &_)| {
            part.slots.iter().map(|slot| person.could_fill(&slot.slot, *presence, now)).collect()
        };
        parts.iter().zip(&presences).map(of).collect()
    };
    let able = policy.roster.people().filter(outside).map(|person| (person, mask(person)));
    let able = able.filter(|(_, mask)| mask.iter().flatten().any(|can| *can));
    able.partition(|(person, _)| person.away_at(now).is_none())
}

/// Somebody whose turn it may be: their own, or that of somebody who is away.
#[derive(Clone)]
struct Turn<'p> {
    signer: &'p Person,
    instead_of: Option<&'p Person>,
    mask: &'p Mask,
    /// Who rejected it, then who claimed it, then everybody else.
    first: u8,
    load: Load,
    tie: Digest,
}

fn turns<'p>(
    change: &OpenChange<'_>,
    present: &'p Able<'p>,
    absent: &'p Able<'p>,
    load: &BTreeMap<String, Load>,
    now: i64,
) -> Vec<Turn<'p>> {
    let turn = |whose: &'p Person, (signer, mask): &'p (&'p Person, Mask)| Turn {
        signer,
        instead_of: (whose.id != signer.id).then_some(whose),
        mask,
        first: match &signer.id {
            id if change.rejected.contains(id) => 0,
            id if change.claimed.contains(id) => 1,
            _ => 2,
        },
        load: load.get(&signer.id).copied().unwrap_or_default(),
        tie: Digest::of(format!("{}\n{}", change.tie, whose.id).as_bytes()),
    };
    let own = present.iter().map(|able| turn(able.0, able));
    let passed_on = absent.iter().filter_map(|(person, _)| {
        let instead = person.away_at(now)?.instead.as_ref()?;
        present.iter().find(|(other, _)| other.id == *instead).map(|able| turn(person, able))
    });
    own.chain(passed_on).collect()
}

/// Greed may ask one too many: whoever is not needed with the others is not asked.
fn without_needless(parts: &[Part<'_>], chosen: &mut Vec<Turn<'_>>) {
    let count = |chosen: &[Turn<'_>]| filled(parts, &chosen.iter().map(|turn| turn.mask).collect::<Vec<_>>());
    for at in (0..chosen.len()).rev() {
        let turn = chosen.remove(at);
        let without = count(chosen);
        chosen.insert(at, turn);
        if without == count(chosen) {
            chosen.remove(at);
        }
    }
}

/// Who rejected a change that moved is asked first, whatever they can fill: their rejection is in force until they say
/// otherwise.
fn with_rejecters(mut ask: Ask, policy: &Policy, change: &OpenChange<'_>, now: i64) -> Ask {
    for person in change.rejected.iter().rev().filter_map(|id| policy.roster.by_id(id)) {
        let own = ask.people.iter().position(|asked| asked.id == person.id).map(|at| ask.people.remove(at));
        match person.away_until(now) {
            None => {
                ask.people.insert(0, own.unwrap_or(AskedPerson { id: person.id.clone(), instead_of: None }));
            }
            Some(until) => {
                ask.open += 1;
                let is_told = ask.away.iter().any(|(id, _)| *id == person.id);
                ask.away.extend((!is_told).then(|| (person.id.clone(), until)));
            }
        }
    }
    ask
}

fn left_open(parts: &[Part<'_>], chosen: Vec<Turn<'_>>, absent: &Able<'_>, now: i64) -> Ask {
    let masks: Vec<&Mask> = chosen.iter().map(|turn| turn.mask).collect();
    let have = filled(parts, &masks);
    let need: usize = parts.iter().map(|part| part.places.len()).sum();
    let helps = |mask: &Mask| filled(parts, &[&masks[..], &[mask]].concat()) > have;
    let away = absent.iter().filter(|(_, mask)| have < need && helps(mask));
    let away = away.filter_map(|(person, _)| Some((person.id.clone(), person.away_until(now)?)));
    Ask {
        away: away.collect(),
        open: need.saturating_sub(have),
        people: chosen
            .into_iter()
            .map(|turn| AskedPerson {
                id: turn.signer.id.clone(),
                instead_of: turn.instead_of.map(|person| person.id.clone()),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
