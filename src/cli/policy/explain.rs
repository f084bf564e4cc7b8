//! `undersign policy explain PATH…`: what touching paths would require.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::change::{Identity, RepoPath, visible};
use crate::datafile::day;
use crate::policy::meaning::Length;
use crate::policy::{Ai, Binding, Compartment, EvidenceNeed, INHERITED, Person, Policy, Requirement};
use crate::record::Presence;
use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    /// Paths as the repository has them; with --command the program and its arguments, after `--`
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
    /// A target: say what a command would need there. An input is written `{input:ROLE}`
    #[arg(long, value_name = "TARGET", conflicts_with = "author")]
    command: Option<String>,
    /// Address of the author, for what AI assistance asks on top; by default nobody known
    #[arg(long, value_name = "ADDRESS")]
    author: Option<String>,
    /// A policy file, instead of the policy branch
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub fn run(options: &Options, here: &Path) -> Result<(), String> {
    let policy = match &options.policy {
        Some(file) => super::read_file(file, here)??,
        None => super::in_force(&Repository::open(here).map_err(|error| error.to_string())?)?,
    };
    if let Some(target) = &options.command {
        return super::command::explain(&policy, target, &options.paths);
    }
    let paths: Vec<RepoPath> = options.paths.iter().map(|path| RepoPath::from(path.trim_start_matches("./"))).collect();
    let width = paths.iter().map(|path| path.to_string().len()).max().unwrap_or_default();
    if let Some(inherited) = &policy.inherited {
        outln!(
            "What begins with {} is asked by the organization {}, version {}.\n",
            INHERITED,
            visible::text(&inherited.organization),
            inherited.version
        );
    }
    for path in &paths {
        let names: Vec<_> = policy.compartments_of(path).iter().map(|c| c.name.as_str()).collect();
        outln!("{:<width$}  {}", path.to_string(), names.join(", "));
    }
    let authors: Vec<_> =
        options.author.iter().map(|email| Identity { name: String::new(), email: email.clone() }).collect();
    let asked = policy.requirements(paths.iter(), &authors, Ai::Unknown);
    outln!("\nTogether they need:");
    for requirement in &asked.requirements {
        outln!("  {}", sentence(&policy, requirement, &authors));
        for need in &requirement.evidence {
            outln!("      and {}", evidence(&policy, need));
        }
        for line in conditions(requirement, policy.compartments.iter().find(|c| c.name == requirement.compartment)) {
            outln!("      {line}");
        }
    }
    for violation in &asked.violations {
        outln!("  {violation}");
    }
    if let Some((touched, most)) = policy.limits.exceeded(&asked.compartments) {
        outln!("  They lie in {} compartments; one change may touch {most}.", touched.len());
    }
    for freeze in policy.freezes.iter().filter(|f| asked.compartments.iter().any(|c| f.holds(c, crate::clock::now()))) {
        outln!("  The freeze {} holds now.", freeze.name);
    }
    Ok(())
}

fn sentence(policy: &Policy, requirement: &Requirement, authors: &[Identity]) -> String {
    let now = crate::clock::now();
    let wrote = policy.roster.ids_of(authors);
    let outside = |person: &&Person| policy.self_review || !wrote.contains(person.id.as_str());
    let slot = |slot: &crate::policy::Slot| {
        let able = policy.roster.people().filter(outside);
        let able = able.filter(|person| person.could_fill(&slot.role, requirement.presence, now));
        let names: Vec<_> = able.map(|person| named(person, now)).collect();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        format!("{} of role {} ({names})", slot.n, slot.role)
    };
    let slots: Vec<_> = requirement.slots.iter().map(slot).collect();
    format!("{}: {}", requirement.compartment, slots.join(" and "))
}

/// Somebody who can sign, and whether they are away: then they still can.
fn named(person: &Person, now: i64) -> String {
    let Some(away) = person.away_at(now) else { return person.id.clone() };
    let instead = away.instead.as_ref().map(|instead| format!(", ask {instead} instead")).unwrap_or_default();
    format!("{} [away until {}{instead}]", person.id, day(away.until))
}

/// What evidence is asked for, and by whose key. It is weaker than a signature, and says so.
fn evidence(policy: &Policy, need: &EvidenceNeed) -> String {
    let Some(source) = policy.evidence_source(need.source()) else { return need.to_string() };
    let now = crate::clock::now();
    let keys = source.keys.iter().filter(|own| own.unfit(now, None, now).is_none());
    let keys: Vec<String> = keys.map(|own| own.key.fingerprint()).collect();
    let keys = if keys.is_empty() { "no key that holds".to_owned() } else { keys.join(" or ") };
    let content = if source.binding == Binding::Manifest { "this content" } else { "the tree that lands" };
    let whose = match need {
        EvidenceNeed::Check { .. } => "a machine's word",
        EvidenceNeed::Approvals { .. } => "the word of an account about others",
    };
    format!("{need} on {content}, at most {} old (evidence: {whose}, signed by {keys})", Length(source.valid))
}

fn conditions(requirement: &Requirement, compartment: Option<&Compartment>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend((requirement.binding > Binding::Manifest).then(|| format!("bound: {}", requirement.binding)));
    lines.extend((requirement.presence > Presence::None).then(|| format!("presence: {}", requirement.presence)));
    lines.extend((requirement.cooling > 0).then(|| format!("cools down for {}", Length(requirement.cooling))));
    lines.extend(compartment.filter(|c| c.solo).map(|_| "stands alone: nothing else in the same change".to_owned()));
    lines
}
