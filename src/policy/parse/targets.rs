//! `[broker.NAME]`, `[target.NAME]` and `[[target.NAME.command]]`.

use std::collections::BTreeSet;

use super::compartments::{reachable, slots};
use super::people::{Listed, presence};
use super::{MAX_SLOT, is_id};
use crate::change::visible;
use crate::datafile::{Placed, Table};
use crate::policy::Freeze;
use crate::policy::argv::Argument;
use crate::policy::target::{Broker, CommandEntry, Level, Start, Target, TargetBreakGlass};
use crate::record::{Key, Presence};

/// A request that is open longer must be made again: it was read too long ago.
const MAX_VALID: i64 = 24 * 3600;
/// More open requests of one operator would bury the others.
const MAX_PENDING: u64 = 100;
/// The most bytes of the description of a target.
const MAX_ABOUT: usize = 200;

pub(super) fn brokers(root: &Table<'_>, people: &Listed) -> Vec<Broker> {
    let Some(table) = root.table("broker") else { return Vec::new() };
    let mut brokers: Vec<Broker> = Vec::new();
    for (name, entry) in table.named_tables() {
        named(&name, "a broker");
        let Some(key) = entry.need_string("key").and_then(|line| broker_key(&line, people, &brokers)) else { continue };
        brokers.push(Broker { name: name.value, key });
    }
    brokers
}

fn named(name: &Placed<'_, String>, what: &str) {
    if !is_id(&name.value, 32) {
        let text = visible::text(&name.value);
        name.mistake(format!(
            "`{text}` is not a valid name for {what}; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`"
        ));
    }
}

/// A broker that signs with a person's key could authorize what it runs; if two brokers had the same key, one could run
/// what was requested from the other.
fn broker_key(line: &Placed<'_, String>, people: &Listed, brokers: &[Broker]) -> Option<Key> {
    let Ok(key) = Key::from_openssh(&line.value) else {
        line.mistake("this is not a supported OpenSSH public key; copy the line that `undersign broker init` wrote");
        return None;
    };
    if key.kind().is_security_key() {
        line.mistake("a broker signs by itself, so its key cannot be one that wants to be touched");
    }
    let is_same = |other: &Key| other.point() == key.point();
    // An organization that enrols it later must not make the file invalid.
    let mut own = people.all.iter().filter(|_| !people.are_inherited);
    if let Some(owner) = own.find(|person| person.keys.iter().any(|own| is_same(&own.key))) {
        line.mistake(format!("this key is that of `{}`: a broker needs a key that is nobody's", owner.id));
    }
    if let Some(other) = brokers.iter().find(|broker| is_same(&broker.key)) {
        line.mistake(format!("this key is already that of the broker `{}`", other.name));
    }
    Some(key)
}

pub(super) fn targets(root: &Table<'_>, people: &Listed, brokers: &[Broker], freezes: &[Freeze]) -> Vec<Target> {
    let Some(table) = root.table("target") else { return Vec::new() };
    table
        .named_tables()
        .into_iter()
        .filter_map(|(name, entry)| target(&name, &entry, people, brokers, freezes))
        .collect()
}

fn target(
    name: &Placed<'_, String>,
    entry: &Table<'_>,
    people: &Listed,
    brokers: &[Broker],
    freezes: &[Freeze],
) -> Option<Target> {
    named(name, "a target");
    let place = format!("target.{}", name.value);
    let broker = entry.need_string("broker");
    for unknown in broker.iter().filter(|broker| !brokers.iter().any(|known| known.name == broker.value)) {
        unknown.mistake(format!("there is no [broker.{}] with a sound key", visible::text(&unknown.value)));
    }
    let sign = slots(&place, entry, "sign");
    let freeze = entry.strings("freeze");
    for unknown in freeze.iter().filter(|name| !freezes.iter().any(|known| known.name == name.value)) {
        unknown.mistake(format!("there is no [freeze.{}]", visible::text(&unknown.value)));
    }
    let target = Target {
        name: name.value.clone(),
        broker: broker.map(|broker| broker.value).unwrap_or_default(),
        about: about(entry),
        level: level(entry),
        destructive: if entry.has("destructive") { slots(&place, entry, "destructive") } else { sign.clone() },
        sign,
        presence: entry.string("presence").map_or(Some(Presence::Touch), |word| presence(&word)).unwrap_or_default(),
        valid: valid(entry),
        pending: pending(entry),
        freezes: freeze.into_iter().map(|name| name.value).collect(),
        cooling: entry.duration("cooling").map_or(120, |length| length.value),
        fresh: entry.duration("fresh").map_or(60, |length| length.value),
        start: start(entry),
        break_glass: break_glass(&place, entry, people),
        commands: commands(entry),
    };
    // Both requirements, except one without slots: the mistake in its slots is already reported.
    for requirement in target.requirements(true, false).iter().filter(|requirement| !requirement.slots.is_empty()) {
        reachable(&place, entry, requirement, people);
    }
    Some(target)
}

fn about(entry: &Table<'_>) -> String {
    let Some(about) = entry.string("about") else { return String::new() };
    if about.value.len() > MAX_ABOUT || visible::hidden(&about.value).next().is_some() || about.value.contains('\n') {
        about.mistake(format!("`about` is one line of at most {MAX_ABOUT} bytes without characters that do not show"));
    }
    about.value
}

fn level(entry: &Table<'_>) -> Level {
    let Some(word) = entry.string("level") else { return Level::L2 };
    Level::ALL.into_iter().find(|level| level.name() == word.value).unwrap_or_else(|| {
        word.mistake(format!("`level` is L0, L1, L2, L3 or L4, not `{}`", visible::text(&word.value)));
        Level::L4
    })
}

fn valid(entry: &Table<'_>) -> i64 {
    let Some(valid) = entry.duration("valid") else { return 30 * 60 };
    if !(1..=MAX_VALID).contains(&valid.value) {
        valid.mistake(
            "`valid` is from \"1s\" to \"24h\": an authorization is for a moment that its signer could foresee",
        );
    }
    valid.value
}

fn pending(entry: &Table<'_>) -> usize {
    let Some(pending) = entry.number("pending") else { return 5 };
    if !(1..=MAX_PENDING).contains(&pending.value) {
        pending.mistake(format!("`pending` is a number from 1 to {MAX_PENDING}"));
    }
    pending.value.min(MAX_PENDING) as usize
}

fn start(entry: &Table<'_>) -> Start {
    let Some(word) = entry.string("start") else { return Start::Call };
    match word.value.as_str() {
        "call" => Start::Call,
        "authorized" => Start::Authorized,
        other => {
            word.mistake(format!("`start` is call or authorized, not `{}`", visible::text(other)));
            Start::Call
        }
    }
}

fn break_glass(place: &str, entry: &Table<'_>, people: &Listed) -> Option<TargetBreakGlass> {
    let table = entry.table("break_glass")?;
    let place = format!("{place}.break_glass");
    let max = table.number("max_per_30d");
    if let Some(many) = max.as_ref().filter(|max| max.value == 0 || max.value > MAX_SLOT) {
        many.mistake(format!(
            "`max_per_30d` is a number from 1 to {MAX_SLOT}; without `break_glass` there is none at all"
        ));
    }
    let terms = TargetBreakGlass {
        sign: slots(&place, &table, "sign"),
        operator: table.boolean("operator").is_some_and(|flag| flag.value),
        presence: table.string("presence").map_or(Some(Presence::Touch), |word| presence(&word)).unwrap_or_default(),
        max_per_30d: max.map_or(3, |max| max.value as usize),
        debt_after: table.duration("debt_after").map_or(24 * 3600, |length| length.value),
    };
    if !terms.sign.is_empty() {
        let requirement = crate::policy::Requirement {
            slots: terms.sign.clone(),
            presence: terms.presence,
            ..crate::policy::Requirement::named(crate::policy::BREAK_GLASS)
        };
        reachable(&place, &table, &requirement, people);
    }
    Some(terms)
}

fn commands(entry: &Table<'_>) -> Vec<CommandEntry> {
    let mut names = BTreeSet::new();
    let mut commands = Vec::new();
    for table in entry.tables("command") {
        let (name, argv, env) = (table.need_string("name"), table.strings("argv"), table.strings("env"));
        let unasked = table.boolean("unasked");
        let argv = arguments(&table, &argv);
        env.iter().for_each(variable);
        let Some(name) = name else { continue };
        named(&name, "a command");
        if !names.insert(name.value.clone()) {
            name.mistake(format!("`{}` is the name of a command above; give it another", visible::text(&name.value)));
        }
        let env = env.into_iter().map(|name| name.value).collect();
        let is_unasked = unasked.as_ref().is_some_and(|flag| flag.value);
        let command = CommandEntry { name: name.value, argv, env, unasked: is_unasked };
        if let Some(flag) = unasked.filter(|flag| flag.value && command.roles().next().is_some()) {
            flag.mistake("a command with an {input} cannot be `unasked`: nobody would have read the input");
        }
        commands.push(command);
    }
    commands
}

fn arguments(table: &Table<'_>, patterns: &[Placed<'_, String>]) -> Vec<Argument> {
    let mut argv = Vec::new();
    for pattern in patterns {
        match Argument::parse(&pattern.value) {
            Ok(argument) => argv.push(argument),
            Err(why) => pattern.mistake(format!("`{}` is not an argument: {why}", visible::text(&pattern.value))),
        }
    }
    match (patterns.first(), argv.first()) {
        (None, _) => table.mistake("a command needs `argv = [\"/usr/bin/program\", …]`"),
        (Some(_), Some(Argument::Fixed(path))) if is_plain_path(path) => {}
        (Some(first), _) => first.mistake(
            "the first of `argv` is the program, by its whole path: `/usr/bin/psql`; no pattern, no `.` or `..` in it",
        ),
    }
    let mut roles = BTreeSet::new();
    for (argument, pattern) in argv.iter().zip(patterns) {
        if let Argument::Input(role) = argument
            && !roles.insert(role)
        {
            pattern.mistake(format!("the input `{role}` stands in this command twice"));
        }
    }
    argv
}

/// Whether a path is absolute and normalised.
fn is_plain_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

/// Some variables make a program run another one, or pass additional arguments to a tool.
fn variable(name: &Placed<'_, String>) {
    let text = &name.value;
    let is_name = !text.is_empty()
        && text.len() <= 64
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_name {
        name.mistake(format!("`{}` is not a valid name of a variable", visible::text(text)));
    } else if crate::policy::target::is_loaded(text) {
        name.mistake(format!(
            "`{text}` changes what a program loads, runs or is told; the settings of the broker may set it, a draft may \
             not"
        ));
    }
}
