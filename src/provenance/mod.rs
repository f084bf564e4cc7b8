//! FLOOR 1: what is known about how a change was made. AI assistance is recorded as unauthenticated prose that anyone
//! can forge or strip: evidence may raise what is required, its absence proves nothing.

#![warn(missing_docs)]

pub mod attribution;
mod evidence;
mod identity;
mod known_people;
mod lines;
mod patterns;
mod recognise;
mod rules;

pub use identity::{author_set, operators};
pub use rules::Rules;

use std::borrow::Borrow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{Commit, ObjectId};

/// How unlikely it is that a piece of evidence is mistaken. All of it can be forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Strength {
    /// A branch, a title, credit that an editor added automatically.
    Weak,
    /// A generic key with a value about AI, a name without an address.
    Medium,
    /// An account, an address, a line that only the tool writes.
    Strong,
}

impl Strength {
    /// `weak`, `medium`, `strong`.
    pub fn name(self) -> &'static str {
        match self {
            Strength::Weak => "weak",
            Strength::Medium => "medium",
            Strength::Strong => "strong",
        }
    }
}

/// What a piece of evidence says about the role of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// A tool wrote it and is named as the author.
    AgentAuthored,
    /// A tool states that it wrote together with somebody.
    AgentCoauthored,
    /// A person wrote, and a tool helped.
    Assisted,
    /// A review bot's suggestion was accepted.
    AiSuggestionAccepted,
    /// Dependabot and similar bots.
    BotNotAi,
    /// "No AI was used": a claim, and never evidence that it is true.
    NegativeClaim,
    /// A line that looks like provenance but matches no rule.
    Unrecognised,
}

impl Class {
    /// The spelling in rules and outputs: `agent-authored` and the like.
    pub fn name(self) -> &'static str {
        match self {
            Class::AgentAuthored => "agent-authored",
            Class::AgentCoauthored => "agent-coauthored",
            Class::Assisted => "assisted",
            Class::AiSuggestionAccepted => "ai-suggestion-accepted",
            Class::BotNotAi => "bot-not-ai",
            Class::NegativeClaim => "negative-claim",
            Class::Unrecognised => "unrecognised",
        }
    }

    /// Whether it says that AI was at work.
    pub fn is_ai(self) -> bool {
        !matches!(self, Class::BotNotAi | Class::NegativeClaim | Class::Unrecognised)
    }
}

/// Where a piece of evidence was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// A line of a commit's message.
    MessageLine,
    /// The author of a commit.
    Author,
    /// The committer of a commit.
    Committer,
    /// A `Co-authored-by` trailer.
    CoAuthor,
    /// The name of the branch.
    Branch,
    /// A note on the commit, of git-ai, Agent Trace or any other tool, or a checkpoint beside the commit.
    Note,
}

impl Channel {
    /// The spelling in rules and outputs: `message-line` and the like.
    pub fn name(self) -> &'static str {
        match self {
            Channel::MessageLine => "message-line",
            Channel::Author => "author",
            Channel::Committer => "committer",
            Channel::CoAuthor => "co-author",
            Channel::Branch => "branch",
            Channel::Note => "note",
        }
    }
}

/// One finding and its meaning. Not a proof: anyone can write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Id of the rule in `provenance.toml`.
    pub rule: String,
    /// How sure it is.
    pub strength: Strength,
    /// What it says about the role of the tool.
    pub class: Class,
    /// The tool, by the name people use for it.
    pub tool: Option<String>,
    /// Where it was found.
    pub channel: Channel,
    /// The commit in which it was found; none for a branch.
    pub commit: Option<ObjectId>,
    /// The line or identity as found: not escaped, cut at 300 characters.
    pub raw: String,
}

/// The conclusion from all evidence. Absence proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// A message says so: a line that a tool wrote, a credited co-author, or a line such as `Assisted-by:`.
    Declared,
    /// Only authors, committers, the branch, notes or weak evidence say so.
    Detected,
    /// No tool is named, but there is something that people rarely write: an address with the tag `+ai-agent`, a bot
    /// that no rule knows, a disguised key.
    Unrecognised,
    /// There is no evidence at all. That does not mean written by hand.
    Undeclared,
    /// Only a claim that no AI was used.
    NegativeClaim,
}

impl Status {
    /// The spelling in records, in their member `provenance.status`: `declared` and the like.
    pub fn name(self) -> &'static str {
        match self {
            Status::Declared => "declared",
            Status::Detected => "detected",
            Status::Unrecognised => "unrecognised",
            Status::Undeclared => "undeclared",
            Status::NegativeClaim => "negative-claim",
        }
    }
}

/// All evidence of a change, strongest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Strongest first.
    pub evidence: Vec<Evidence>,
    /// The conclusion from all of it.
    pub status: Status,
    /// The tool to name in one word: that of the strongest evidence.
    pub agent: Option<String>,
}

impl Provenance {
    /// Whether any of it says that AI was at work.
    pub fn is_ai(&self) -> bool {
        self.evidence.iter().any(|evidence| evidence.class.is_ai())
    }

    /// The tool to name in one word; none if none is known.
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// The tool; otherwise that none is named, or that what is named is none that the rules know.
    pub fn tool(&self) -> &str {
        let is_unknown = || self.evidence.iter().any(|evidence| evidence.class == Class::Unrecognised);
        self.agent().unwrap_or_else(|| if is_unknown() { "no known tool" } else { "no tool named" })
    }

    /// One word for a list: the tool; `AI` if signs name none; or that nothing declares one, or that what does is not
    /// recognised.
    pub fn word(&self) -> &str {
        match self.status {
            Status::Unrecognised => self.status.name(),
            Status::Declared | Status::Detected => self.agent().unwrap_or("AI"),
            _ => self.agent().unwrap_or("undeclared"),
        }
    }
}

/// The most pieces of evidence that are kept; a message can be made to contain any number of them.
const MAX_EVIDENCE: usize = 200;

/// Gathers the evidence in commits and branch. The same line in several commits counts once, for the newest.
pub fn trace(commits: &[impl Borrow<Commit>], branch: &str, rules: &Rules) -> Provenance {
    trace_with(commits, [branch], Vec::new(), rules)
}

/// As [`trace`], for a proposal with several names, with what notes on the commits say
/// ([`attribution::Testimony::evidence`]).
pub fn trace_with<'b>(
    commits: &[impl Borrow<Commit>],
    branches: impl IntoIterator<Item = &'b str>,
    notes: Vec<Evidence>,
    rules: &Rules,
) -> Provenance {
    let mut evidence: Vec<Evidence> = commits.iter().flat_map(|commit| of_commit(commit.borrow(), rules)).collect();
    evidence.extend(notes);
    for branch in branches {
        evidence.extend(rules.branch(branch.strip_prefix("refs/heads/").unwrap_or(branch)));
    }
    evidence
        .sort_by(|a, b| (b.class.is_ai(), b.strength).cmp(&(a.class.is_ai(), a.strength)).then(a.class.cmp(&b.class)));
    let mut once = BTreeSet::new();
    evidence.retain(|e| once.insert((e.rule.clone(), e.channel, e.strength, e.raw.clone())));
    let status = status(&evidence);
    let agent = evidence.iter().filter(|e| e.class.is_ai()).find_map(|e| e.tool.clone());
    Provenance { evidence: cut(evidence), status, agent }
}

fn status(evidence: &[Evidence]) -> Status {
    let is_declared = |e: &Evidence| {
        let in_message = matches!(e.channel, Channel::MessageLine | Channel::CoAuthor);
        e.class.is_ai() && in_message && e.strength > Strength::Weak
    };
    // Weak evidence is usually somebody's own key.
    let is_suspicious = |e: &Evidence| e.class == Class::Unrecognised && e.strength > Strength::Weak;
    match () {
        () if evidence.iter().any(is_declared) => Status::Declared,
        () if evidence.iter().any(|e| e.class.is_ai()) => Status::Detected,
        () if evidence.iter().any(is_suspicious) => Status::Unrecognised,
        () if evidence.iter().any(|e| e.class == Class::NegativeClaim) => Status::NegativeClaim,
        () => Status::Undeclared,
    }
}

/// What is omitted is counted, never dropped silently.
fn cut(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    let more = evidence.len().saturating_sub(MAX_EVIDENCE);
    if more > 0 {
        evidence.truncate(MAX_EVIDENCE);
        let text = format!("{more} more pieces of evidence are not listed");
        evidence.push(Evidence::new("evidence-cut", Strength::Weak, Class::Unrecognised, Channel::MessageLine, &text));
    }
    evidence
}

fn of_commit(commit: &Commit, rules: &Rules) -> Vec<Evidence> {
    let scan = lines::scan(&commit.message);
    let mut found: Vec<Evidence> = rules.title(&scan.title).into_iter().collect();
    for (who, channel) in [(&commit.author, Channel::Author), (&commit.committer, Channel::Committer)] {
        found.extend(rules.identity(who, channel));
    }
    found.extend(scan.lines.iter().flat_map(|line| rules.line(line)));
    if scan.skipped > 0 {
        let text = format!("{} bytes in the middle of the message were not looked at", scan.skipped);
        let class = Class::Unrecognised;
        found.push(Evidence::new("message-cut", Strength::Medium, class, Channel::MessageLine, &text));
    }
    for evidence in &mut found {
        evidence.commit = Some(commit.id);
        if rules.is_doubtful(evidence, commit.time) {
            evidence.strength = Strength::Weak;
        }
    }
    found
}

#[cfg(test)]
mod tests;
