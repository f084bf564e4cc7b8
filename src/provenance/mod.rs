//! FLOOR 1: what is known of how a change was made. AI assistance is recorded as unauthenticated prose that anyone can
//! forge or strip: evidence may raise what is required, its absence proves nothing.

mod identity;
mod lines;
mod rules;

pub use rules::Rules;

use std::collections::BTreeSet;

use crate::change::{Commit, Identity, ObjectId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    Weak,
    Medium,
    Strong,
}

/// What a piece of evidence says about the part that a tool had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    AgentAuthored,
    AgentCoauthored,
    /// A person wrote, a tool helped.
    Assisted,
    /// A review bot's suggestion was taken over.
    AiSuggestionAccepted,
    /// Dependabot and its kin.
    BotNotAi,
    /// "No AI was used": a claim, and never evidence for it.
    NegativeClaim,
    /// A line that looks like provenance and fits no rule.
    Unrecognised,
}

impl Class {
    pub fn is_ai(self) -> bool {
        !matches!(self, Class::BotNotAi | Class::NegativeClaim | Class::Unrecognised)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    Message,
    Author,
    Committer,
    CoAuthor,
    Branch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Id of the rule in `provenance.toml`.
    pub rule: String,
    pub strength: Strength,
    pub class: Class,
    /// The tool, by the name people use for it.
    pub tool: Option<String>,
    pub channel: Channel,
    pub commit: Option<ObjectId>,
    /// The line or identity as it was found: not escaped, cut at 300 characters.
    pub raw: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A message says so.
    Declared,
    /// Only identities or the branch say so.
    Detected,
    /// Nothing says anything. Not the same as written by hand.
    Undeclared,
    /// Only a claim that no AI was used.
    NegativeClaim,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Declared => "declared",
            Status::Detected => "detected",
            Status::Undeclared => "undeclared",
            Status::NegativeClaim => "negative-claim",
        }
    }
}

/// All evidence of a change, strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    pub evidence: Vec<Evidence>,
    pub status: Status,
}

impl Provenance {
    pub fn is_ai(&self) -> bool {
        self.evidence.iter().any(|evidence| evidence.class.is_ai())
    }

    /// The tool to name in one word.
    pub fn agent(&self) -> Option<&str> {
        self.evidence.iter().filter(|e| e.class.is_ai()).find_map(|e| e.tool.as_deref())
    }
}

/// Gathers what commits and branch say.
pub fn trace(commits: &[Commit], branch: &str, rules: &Rules) -> Provenance {
    let mut evidence: Vec<Evidence> = commits.iter().flat_map(|commit| of_commit(commit, rules)).collect();
    evidence.extend(rules.branch(branch));
    evidence.sort_by(|a, b| b.strength.cmp(&a.strength).then(a.class.cmp(&b.class)));
    let mut once = BTreeSet::new();
    evidence.retain(|e| once.insert((e.rule.clone(), e.channel, e.raw.clone())));
    let declared =
        evidence.iter().any(|e| e.class.is_ai() && matches!(e.channel, Channel::Message | Channel::CoAuthor));
    let status = if declared {
        Status::Declared
    } else if evidence.iter().any(|e| e.class.is_ai()) {
        Status::Detected
    } else if evidence.iter().any(|e| e.class == Class::NegativeClaim) {
        Status::NegativeClaim
    } else {
        Status::Undeclared
    };
    Provenance { evidence, status }
}

fn of_commit(commit: &Commit, rules: &Rules) -> Vec<Evidence> {
    let mut found = Vec::new();
    for (who, channel) in [(&commit.author, Channel::Author), (&commit.committer, Channel::Committer)] {
        found.extend(rules.identity(who, channel));
    }
    for line in lines::of(&commit.message) {
        found.extend(rules.line(&line));
        if let Some(who) = line.co_author() {
            found.extend(rules.identity(&who, Channel::CoAuthor));
        }
    }
    for evidence in &mut found {
        evidence.commit = Some(commit.id);
        if rules.is_doubtful(evidence, commit.time) {
            evidence.strength = Strength::Weak;
        }
    }
    found
}

/// The people who wrote the commits: authors and co-authors that are no agent and no bot, by address, sorted.
/// Committers are not among them: who lands a change is no author of it.
pub fn author_set(commits: &[Commit], rules: &Rules) -> Vec<Identity> {
    let mut authors: Vec<Identity> = Vec::new();
    for commit in commits {
        let co_authors = lines::of(&commit.message).into_iter().filter_map(|line| line.co_author());
        authors.extend(std::iter::once(commit.author.clone()).chain(co_authors));
    }
    authors.retain(|who| rules.is_person(who));
    authors.sort_by(|a, b| a.email.to_lowercase().cmp(&b.email.to_lowercase()).then(a.name.cmp(&b.name)));
    authors.dedup_by(|a, b| a.email.eq_ignore_ascii_case(&b.email) && (!a.email.is_empty() || a.name == b.name));
    authors
}

#[cfg(test)]
mod tests;
