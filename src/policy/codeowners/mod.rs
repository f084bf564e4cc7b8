//! CODEOWNERS → tables of a policy, with a list of what the tables cannot say.
//!
//! In CODEOWNERS only the last line that matches a path counts; a policy requires the union of all matching
//! compartments. So the import keeps each line that can still match last, and if two of them overlap, both are
//! required: more than CODEOWNERS, never less. What CODEOWNERS exempts (a line without owners, an exclusion, an
//! optional section) is not kept, since nothing can be removed from a union. Lines that can never match last are
//! omitted: they required nobody.
//!
//! A policy ignores letter case, CODEOWNERS does not: this is reported for the file, and for each line with capitals.
//!
//! One rule works in a policy as in CODEOWNERS: `*`, overridden by all other lines, is `[compartment.default]`, which
//! contains what no other compartment does. That is only right for a glob that matches no more than its line did; hence
//! the care in `pattern.rs` to translate exactly, not broadly.

mod overlap;
mod pattern;
mod read;
mod write;

use std::collections::{HashMap, HashSet};

use crate::change::visible;
use overlap::Seen;
use read::{Rule, Source};

/// Whose interpretation of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// GitHub: the last line that matches a path alone decides.
    GitHub,
    /// GitLab: the same within each section; sections may be optional, or ask for a number of approvals.
    GitLab,
}

/// The result of importing a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The `[compartment.*]` tables, for `.undersign/policy.toml`, with notes as comments.
    pub policy: String,
    /// What could not be kept unchanged, in the order of the file.
    pub lost: Vec<Lost>,
    /// `role: who held it in CODEOWNERS`, for each role that the tables use.
    pub roles: Vec<String>,
}

/// A line that is not kept, or not unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Counted from 1; 0 is the file as a whole.
    pub line: usize,
    /// The line, with all control and hidden characters made visible.
    pub text: String,
    /// What is lost, and what to do about it.
    pub why: String,
}

impl Lost {
    fn new(line: usize, text: &[u8], why: impl Into<String>) -> Lost {
        Lost { line, text: visible::line(text), why: why.into() }
    }

    fn of(rule: &Rule<'_>, why: impl Into<String>) -> Lost {
        Lost::new(rule.line, rule.text, why)
    }
}

/// GitHub does not load larger files.
const GITHUB_BYTES: usize = 3 << 20;
/// The role of `[compartment.policy]`.
const POLICY_ROLE: &str = "policy";
/// The role of `[compartment.default]` if no line owns the rest.
const LEFT_ROLE: &str = "senior";

/// Reads a CODEOWNERS file. Any bytes are accepted: lines that are not valid in the dialect are reported.
pub fn import(text: &[u8], dialect: Dialect) -> Imported {
    if dialect == Dialect::GitHub && text.len() > GITHUB_BYTES {
        let why = "GitHub loads no CODEOWNERS file over 3 MB, so this one asks nobody and nothing is imported. Join lines \
                   with wider patterns and import again.";
        return Imported { lost: vec![Lost::new(0, b"", why)], ..Imported::default() };
    }
    let mut source = read::read(text, dialect);
    let mut lost = std::mem::take(&mut source.lost);
    let rules = alive(std::mem::take(&mut source.rules), &mut lost);
    let plan = plan(&rules, &source, dialect, &mut lost);
    lost.sort_by_key(|lost| lost.line);
    let (policy, roles) = write::write(&plan, &source, dialect, &lost);
    Imported { policy, lost, roles }
}

/// The rules that can be the last match of some path. A later rule with the same pattern, or one for everything, leaves
/// nothing to an earlier one of its section.
fn alive<'t>(rules: Vec<Rule<'t>>, lost: &mut Vec<Lost>) -> Vec<Rule<'t>> {
    let mut patterns: HashMap<(usize, String), usize> = HashMap::new();
    let mut all: HashMap<usize, usize> = HashMap::new();
    let mut alive = Vec::with_capacity(rules.len());
    for rule in rules.into_iter().rev() {
        // The other globs of a pattern follow from the first.
        let key = (rule.section, rule.pattern.globs.first().cloned().unwrap_or_default());
        if let Some(by) = all.get(&rule.section).or_else(|| patterns.get(&key)) {
            let why = format!(
                "Line {by} comes later in the order of matching and matches all that this line does, so this one asks \
                 nobody and the policy leaves it out. Delete it, or move it below line {by} if its owners shall be asked."
            );
            lost.push(Lost::of(&rule, why));
            continue;
        }
        if rule.pattern.all {
            all.insert(rule.section, rule.line);
        }
        patterns.insert(key, rule.line);
        alive.push(rule);
    }
    alive.reverse();
    alive
}

/// The planned compartments.
struct Plan {
    groups: Vec<Group>,
    /// Who signs for paths that are in no group; absent if the file does not say.
    left: Option<Left>,
}

/// The patterns of one set of owners and one number of people.
struct Group {
    set: usize,
    need: usize,
    globs: Vec<String>,
    /// The number of lines in it.
    lines: usize,
    first_line: usize,
    /// Preferred names, best first; each may be taken or not a valid id.
    names: Vec<String>,
}

struct Left {
    set: usize,
    need: usize,
    line: usize,
    /// A compartment already contains everything, so the default one is never used.
    unreached: bool,
}

fn plan(rules: &[Rule<'_>], source: &Source, dialect: Dialect, lost: &mut Vec<Lost>) -> Plan {
    // Sections apply independently. If there is more than one, a line for everything must also apply to the paths of
    // the others, which the default compartment does not.
    let sections: HashSet<usize> = rules.iter().map(|rule| rule.section).collect();
    let default_does = sections.len() == 1;
    let left = rules.iter().find(|rule| rule.pattern.all).map(|rule| Left {
        set: rule.set,
        need: rule.need,
        line: rule.line,
        unreached: !default_does,
    });
    let mut groups = Groups::default();
    let mut seen = Seen::default();
    for rule in rules.iter().filter(|rule| !(default_does && rule.pattern.all)) {
        let group = groups.take(rule, &source.sections[rule.section].name);
        if let Some(line) = seen.earlier(rule.section, &rule.pattern.shape, group) {
            lost.push(Lost::of(rule, shared(line)));
        }
        seen.add(rule.section, &rule.pattern.shape, rule.line, group);
    }
    match &left {
        None => lost.push(Lost::new(0, b"", LEFT_WHY)),
        // The compartment of the policy excludes its files from the default one, although `*` owned them like all
        // others.
        Some(left) if default_does => groups.reach(left, dialect),
        Some(_) => {}
    }
    Plan { groups: groups.list, left }
}

const LEFT_WHY: &str = "No line `*` owns what is left: changes there needed no owner. In a policy somebody signs for each \
                        path, so they now need one person of role `senior`; change [compartment.default] if that is wrong.";

fn shared(line: usize) -> String {
    format!(
        "Where line {line}, or another before this one, matches too, CODEOWNERS asks only this line's owners; the policy \
         asks both, which is more, never less. Give line {line} narrower patterns if that is too much."
    )
}

/// The files that determine who must sign.
fn rule_files(dialect: Dialect) -> [&'static str; 4] {
    match dialect {
        Dialect::GitHub => [".undersign/**", "CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS"],
        Dialect::GitLab => [".undersign/**", "CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS"],
    }
}

#[derive(Default)]
struct Groups {
    list: Vec<Group>,
    places: HashMap<(usize, usize), usize>,
    globs: HashSet<(usize, String)>,
}

impl Groups {
    /// Adds the patterns of a rule to the group of its owners.
    fn take(&mut self, rule: &Rule<'_>, section: &str) -> usize {
        let at = self.of(rule.set, rule.need, rule.line);
        let group = &mut self.list[at];
        group.lines += 1;
        if group.names.is_empty() {
            group.names = vec![section.to_owned(), rule.pattern.name.clone()];
        }
        for glob in &rule.pattern.globs {
            self.put(at, glob);
        }
        at
    }

    fn reach(&mut self, left: &Left, dialect: Dialect) {
        let at = self.of(left.set, left.need, left.line);
        if self.list[at].names.is_empty() {
            self.list[at].names = vec!["policy-files".to_owned()];
        }
        rule_files(dialect).iter().for_each(|glob| self.put(at, glob));
    }

    fn of(&mut self, set: usize, need: usize, first_line: usize) -> usize {
        *self.places.entry((set, need)).or_insert_with(|| {
            self.list.push(Group { set, need, globs: Vec::new(), lines: 0, first_line, names: Vec::new() });
            self.list.len() - 1
        })
    }

    fn put(&mut self, at: usize, glob: &str) {
        if self.globs.insert((at, glob.to_owned())) {
            self.list[at].globs.push(glob.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
