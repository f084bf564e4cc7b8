//! Who wrote a change, and on whose behalf: people, distinguished from agents and bots by the rules.

use std::borrow::Borrow;

use super::recognise::{How, Known};
use super::rules::Rules;
use super::{Class, lines};
use crate::change::fold::folded;
use crate::change::{Commit, Identity};

/// The people who wrote the commits: authors and co-authors that are neither agents nor bots, one per address, sorted.
/// Committers do not count: who lands a change is not its author.
pub fn author_set(commits: &[impl Borrow<Commit>], rules: &Rules) -> Vec<Identity> {
    let of = |commit: &Commit| {
        let scan = lines::scan(&commit.message);
        // The part that was not read may name a co-author.
        let unread = (scan.skipped > 0).then(lines::unknown);
        let co_authors = scan.lines.into_iter().flat_map(|line| line.co_authors()).chain(unread);
        written_by(&commit.author).into_iter().chain(co_authors).collect::<Vec<_>>()
    };
    people(commits.iter().map(Borrow::borrow).flat_map(of), rules)
}

/// An author, and anyone else named by an address in the author's name.
fn written_by(author: &Identity) -> Vec<Identity> {
    let others = lines::addresses(&author.name).filter(|address| folded(address) != folded(&author.email));
    let other = |address: &str| Identity { name: String::new(), email: address.to_owned() };
    std::iter::once(author.clone()).chain(others.map(other)).collect()
}

/// The people on whose behalf an agent says it worked: human co-authors of what an agent authored, a person whose name
/// has a tool's suffix, and whoever the message names ("on behalf of @mina": a login, so the address is empty).
pub fn operators(commits: &[impl Borrow<Commit>], rules: &Rules) -> Vec<Identity> {
    let mut found = Vec::new();
    for commit in commits
        .iter()
        .map(Borrow::borrow)
        .filter(|commit| super::of_commit(commit, rules).iter().any(|e| e.class.is_ai()))
    {
        let author = rules.agent(&commit.author);
        let by_agent = author.is_some_and(|(class, how)| how.is_nobody() && class == Class::AgentAuthored);
        if author.is_some_and(|(_, how)| how == How::Suffix) {
            found.push(commit.author.clone());
        }
        for line in lines::scan(&commit.message).lines {
            found.extend(rules.operator_in(&line.text).map(|name| Identity { name, email: String::new() }));
            found.extend(line.co_authors().into_iter().filter(|_| by_agent));
        }
    }
    people(found.into_iter(), rules)
}

fn people(found: impl Iterator<Item = Identity>, rules: &Rules) -> Vec<Identity> {
    let mut people: Vec<Identity> =
        found.filter(|who| rules.is_person(who)).map(|who| rules.without_suffix(&who)).collect();
    people.sort_by_cached_key(|who| (who.email.to_lowercase(), who.name.clone(), who.email.clone()));
    people
        .dedup_by(|a, b| a.email.to_lowercase() == b.email.to_lowercase() && (!a.email.is_empty() || a.name == b.name));
    people
}

impl Rules {
    fn agent(&self, who: &Identity) -> Option<(Class, How)> {
        self.known.find(who).map(|(tool, how)| (self.tools[tool].class, how))
    }

    /// Neither an agent nor a bot, as far as the rules know.
    fn is_person(&self, who: &Identity) -> bool {
        let nobody = |known: &Known| known.find(who).is_some_and(|(_, how)| how.is_nobody());
        let says_something = !who.name.trim().is_empty() || !who.email.trim().is_empty();
        says_something && !nobody(&self.known) && !nobody(&self.bots)
    }

    /// A person by their name without the suffix, and an address without hidden characters.
    fn without_suffix(&self, who: &Identity) -> Identity {
        let own = self.known.suffixes.iter().find_map(|(suffix, _)| who.name.strip_suffix(suffix.as_str()));
        let email = lines::shown(&who.email).trim().to_owned();
        Identity { name: own.unwrap_or(&who.name).to_owned(), email }
    }
}
