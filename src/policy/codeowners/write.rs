//! Gives compartments and roles their names, and writes them as TOML.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::pattern::quoted;
use super::read::Source;
use super::{Dialect, Group, LEFT_ROLE, Lost, POLICY_ROLE, Plan, rule_files};
use crate::change::visible;

/// The longest id in a policy.
const MAX_ID: usize = 32;
/// The longest stem, leaving room for `-` and a number in an id.
const STEM: usize = 24;
/// The most bytes of globs in a compartment: an eighth of what a set of globs is known to compile.
const MAX_GLOBS: usize = 8 << 10;
/// The most characters of a line in a note.
const MAX_NOTE_LINE: usize = 120;
/// More notes would not make the file more useful; the import reports all of them.
const MAX_NOTES: usize = 100;
/// Names with a special meaning in a policy.
const TAKEN_COMPARTMENTS: [&str; 5] = ["default", "ai", "hidden", "break-glass", "policy"];
/// The first three define the rank of an author.
const TAKEN_ROLES: [&str; 5] = ["junior", "mid", "senior", "policy", "security"];

pub(super) fn write(plan: &Plan, source: &Source<'_>, dialect: Dialect, lost: &[Lost]) -> (String, Vec<String>) {
    let mut roles = Roles::new(&source.sets);
    let slots: Vec<String> = plan.groups.iter().map(|group| roles.slot(group.set, group.need)).collect();
    let left = plan.left.as_ref().map(|left| (left, roles.slot(left.set, left.need)));
    let listed = roles.listed(left.is_none());

    let mut out = head(dialect, &listed);
    notes(lost, &mut out);
    let mut names = Names::new(&TAKEN_COMPARTMENTS);
    for (group, slot) in plan.groups.iter().zip(&slots) {
        for globs in portions(&group.globs) {
            let name = names.of(&group.names, "paths");
            compartment(&name, group, globs, slot, &mut out);
        }
    }
    let files = rule_files(dialect).map(quoted).join(", ");
    out.push_str(&format!(
        "\n# Who may change these rules, and nothing else in the same change.\n[compartment.policy]\npaths = [{files}]\n\
         sign = [{{ role = \"{POLICY_ROLE}\", n = 1 }}]\nsolo = true\n"
    ));
    let (note, slot) = match left {
        Some((left, slot)) if left.unreached => {
            (format!("What no other compartment holds: nothing, as one has `**` (line {}).", left.line), slot)
        }
        Some((left, slot)) => (format!("What no other compartment holds: `*` of line {}.", left.line), slot),
        None => (
            "What no other compartment holds. CODEOWNERS asked nobody there.".to_owned(),
            format!("{{ role = \"{LEFT_ROLE}\", n = 1 }}"),
        ),
    };
    out.push_str(&format!("\n# {note}\n[compartment.default]\nsign = [{slot}]\n"));
    (out, listed)
}

fn head(dialect: Dialect, roles: &[String]) -> String {
    let host = match dialect {
        Dialect::GitHub => "GitHub",
        Dialect::GitLab => "GitLab",
    };
    let mut out = format!(
        "# Compartments from CODEOWNERS, as {host} reads it. Where several match a path, all of them are asked.\n\
         # Letter case does not count here, to {host} it does.\n\
         # Give these roles to people, [people.ID] roles = [\"…\"]:\n"
    );
    roles.iter().for_each(|role| comment(role, &mut out));
    if dialect == Dialect::GitLab {
        out.push_str(
            "# To GitLab a pattern without `/` at its end is a file; write `docs/` for what is in a directory.\n",
        );
    }
    out
}

fn notes(lost: &[Lost], out: &mut String) {
    if lost.is_empty() {
        return;
    }
    out.push_str("# Not as it was:\n");
    for lost in lost.iter().take(MAX_NOTES) {
        match lost.line {
            0 => comment(&lost.why, out),
            line => {
                let text: String = lost.text.chars().take(MAX_NOTE_LINE).collect();
                comment(&format!("line {line}: {text} — {}", lost.why), out);
            }
        }
    }
    if lost.len() > MAX_NOTES {
        comment(&format!("and {} more, which the import reported.", lost.len() - MAX_NOTES), out);
    }
}

/// One line of a comment; nothing in it can end the line.
fn comment(text: &str, out: &mut String) {
    out.push_str("#   ");
    out.push_str(&visible::text(text));
    out.push('\n');
}

/// The globs divided among as many compartments as necessary. One that is too large would not compile.
fn portions(globs: &[String]) -> Vec<&[String]> {
    let (mut portions, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, glob) in globs.iter().enumerate() {
        if at > from && bytes + glob.len() > MAX_GLOBS {
            portions.push(&globs[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += glob.len();
    }
    portions.push(&globs[from..]);
    portions
}

fn compartment(name: &str, group: &Group, globs: &[String], slot: &str, out: &mut String) {
    let from = match group.lines {
        0 => format!("Files of the rules, which `*` of line {} owned like all others.", group.first_line),
        1 => format!("Line {}.", group.first_line),
        lines => format!("Line {} and {} more.", group.first_line, lines - 1),
    };
    let globs: Vec<String> = globs.iter().map(|glob| quoted(glob)).collect();
    let paths = match globs.iter().map(|glob| glob.len() + 2).sum::<usize>() {
        ..=100 => format!("[{}]", globs.join(", ")),
        _ => format!("[\n    {},\n]", globs.join(",\n    ")),
    };
    out.push_str(&format!("\n# {from}\n[compartment.{name}]\npaths = {paths}\nsign = [{slot}]\n"));
}

/// One role for each set of owners in use, for all of its members.
struct Roles<'s> {
    sets: &'s [Vec<String>],
    names: Names,
    /// In the order of use: set, role.
    used: Vec<(usize, String)>,
    of: HashMap<usize, usize>,
    /// The most people that a slot asks for.
    need: Vec<usize>,
}

impl<'s> Roles<'s> {
    fn new(sets: &'s [Vec<String>]) -> Self {
        let (names, used, of, need) = (Names::new(&TAKEN_ROLES), Vec::new(), HashMap::new(), Vec::new());
        Roles { sets, names, used, of, need }
    }

    fn slot(&mut self, set: usize, need: usize) -> String {
        let at = *self.of.entry(set).or_insert_with(|| {
            let wanted = role_name(&self.sets[set]);
            self.used.push((set, self.names.of(&[wanted], "owner")));
            self.need.push(0);
            self.used.len() - 1
        });
        self.need[at] = self.need[at].max(need);
        format!("{{ role = \"{}\", n = {need} }}", self.used[at].1)
    }

    fn listed(&self, left: bool) -> Vec<String> {
        let own = self.used.iter().zip(&self.need).map(|((set, role), need)| {
            let people = if *need > 1 { format!(" ({need} people at least)") } else { String::new() };
            visible::text(&format!("{role}: {}{people}", self.sets[*set].join(" or "))).into_owned()
        });
        let left = left.then(|| format!("{LEFT_ROLE}: nobody in CODEOWNERS; who signs for what it left unowned"));
        let policy = format!("{POLICY_ROLE}: nobody in CODEOWNERS; who may change the rules");
        own.chain(left).chain([policy]).collect()
    }
}

/// `docs`, `docs-or-legal`, `docs-or-3-more`.
fn role_name(owners: &[String]) -> String {
    let first = owners.first().map(String::as_str).unwrap_or_default();
    match owners {
        [one] => one.clone(),
        [one, two] if one.len() + two.len() + 2 <= MAX_ID => format!("{one}-or-{two}"),
        [_, others @ ..] => {
            let stem: String = slug(first).chars().take(MAX_ID - 16).collect();
            format!("{stem}-or-{}-more", others.len())
        }
        [] => String::new(),
    }
}

/// Unique ids.
struct Names {
    taken: HashSet<String>,
    reserved: BTreeSet<&'static str>,
    /// The next number for a stem, so that many names of one stem do not need a search each.
    next: HashMap<String, usize>,
}

impl Names {
    fn new(reserved: &[&'static str]) -> Names {
        Names { taken: HashSet::new(), reserved: reserved.iter().copied().collect(), next: HashMap::new() }
    }

    /// The first of the preferred names that is free, otherwise the last one with a number.
    fn of(&mut self, wishes: &[String], fallback: &str) -> String {
        let wishes = wishes.iter().map(|wish| slug(wish)).filter(|id| !id.is_empty());
        let mut ids: Vec<String> = wishes.map(|id| self.sound(id, fallback)).collect();
        if ids.is_empty() {
            ids.push(fallback.to_owned());
        }
        if let Some(free) = ids.iter().find(|id| !self.taken.contains(*id)) {
            self.taken.insert(free.clone());
            return free.clone();
        }
        let stem: String = ids.last().map_or(fallback, String::as_str).chars().take(STEM).collect();
        let stem = stem.trim_end_matches('-').to_owned();
        let next = self.next.entry(stem.clone()).or_insert(2);
        loop {
            let id = format!("{stem}-{next}");
            *next += 1;
            if self.taken.insert(id.clone()) {
                return id;
            }
        }
    }

    /// Makes an id long enough and different from names with a special meaning.
    fn sound(&self, id: String, fallback: &str) -> String {
        if id.len() < 2 || self.reserved.contains(id.as_str()) { format!("{fallback}-{id}") } else { id }
    }
}

/// Lower-case letters, digits and single dashes, at most as long as an id.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' | '_' => out.push(c),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
        if out.len() == MAX_ID {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}
