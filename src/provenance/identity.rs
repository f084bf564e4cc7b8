//! An identity by what cannot be shared by accident: account id, login, address. A bare name counts only where the
//! address is empty or belongs to no person: real people are called Claude, Jules and Devin.

use std::collections::BTreeMap;

use globset::GlobMatcher;

use super::rules::{Patterns, Rules};
use super::{Class, lines};
use crate::change::{Commit, Identity};

const GITHUB_NOREPLY: &str = "@users.noreply.github.com";

/// By what an identity was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Account,
    Address,
    /// An address of a domain that may have people too.
    Domain,
    Name,
    /// What a tool appends to the name of the person it works for.
    Suffix,
}

impl How {
    pub(super) fn name(self) -> &'static str {
        match self {
            How::Account => "account",
            How::Address => "address",
            How::Domain => "domain",
            How::Name => "name",
            How::Suffix => "suffix",
        }
    }

    /// Whether there is no person behind the identity. Domains and suffixes leave that open, so their bearers stay
    /// authors: to be one only restricts.
    fn is_nobody(self) -> bool {
        matches!(self, How::Account | How::Address | How::Name)
    }
}

/// Identities of several owners, each by its position in a list.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub ids: BTreeMap<u64, usize>,
    pub logins: BTreeMap<String, usize>,
    pub login_globs: Vec<(GlobMatcher, usize)>,
    pub emails: BTreeMap<String, usize>,
    pub email_globs: Vec<(GlobMatcher, usize)>,
    pub names: Patterns,
    pub suffixes: Vec<(String, usize)>,
}

impl Known {
    pub(super) fn find(&self, who: &Identity) -> Option<(usize, How)> {
        let (name, email) = (lines::shown(&who.name), lines::shown(&who.email).trim().to_lowercase());
        let name = name.trim();
        self.by_account(&email)
            .map(|owner| (owner, How::Account))
            .or_else(|| Some((*self.emails.get(&email)?, How::Address)))
            .or_else(|| Some((matching(&self.email_globs, &email)?, How::Domain)))
            .or_else(|| Some((self.names.first(name).filter(|_| is_impersonal(&email))?, How::Name)))
            .or_else(|| Some((self.suffixes.iter().find(|(suffix, _)| name.ends_with(suffix))?.1, How::Suffix)))
    }

    /// By the account in `12345+login@users.noreply.github.com`.
    fn by_account(&self, email: &str) -> Option<usize> {
        let local = email.strip_suffix(GITHUB_NOREPLY)?;
        let Some((id, login)) = local.split_once('+') else { return self.by_login(local) };
        let by_id = id.parse().ok().and_then(|id: u64| self.ids.get(&id).copied());
        // A renamed bot keeps its id. An id that is not listed is somebody else of that login, except that nobody can
        // register a login that ends in [bot].
        by_id.or_else(|| self.by_login(login).filter(|_| login.ends_with("[bot]")))
    }

    fn by_login(&self, login: &str) -> Option<usize> {
        self.logins.get(login).copied().or_else(|| matching(&self.login_globs, login))
    }
}

fn matching(globs: &[(GlobMatcher, usize)], text: &str) -> Option<usize> {
    globs.iter().find(|(glob, _)| glob.is_match(text)).map(|&(_, owner)| owner)
}

/// Whether an address says nothing about a person, so that the name may speak.
fn is_impersonal(email: &str) -> bool {
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    matches!(local, "" | "noreply" | "no-reply" | "donotreply")
        || local.ends_with("[bot]")
        || matches!(domain, "agent" | "local" | "localhost" | "localhost.localdomain")
}

/// The people who wrote the commits: authors and co-authors that are no agent and no bot, one for each address, sorted.
/// Committers are not among them: who lands a change is no author of it.
pub fn author_set(commits: &[Commit], rules: &Rules) -> Vec<Identity> {
    let of = |commit: &Commit| {
        let co_authors = lines::scan(&commit.message).lines.into_iter().flat_map(|line| line.co_authors());
        std::iter::once(commit.author.clone()).chain(co_authors).collect::<Vec<_>>()
    };
    people(commits.iter().flat_map(of), rules)
}

/// The people on whose behalf an agent says it worked: human co-authors of what an agent authored, the bearer of a name
/// with a tool's suffix, and whom the message names ("on behalf of @mina": a login, so the address is empty).
pub fn operators(commits: &[Commit], rules: &Rules) -> Vec<Identity> {
    let mut found = Vec::new();
    for commit in commits.iter().filter(|commit| super::of_commit(commit, rules).iter().any(|e| e.class.is_ai())) {
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

    /// A person by the name they have, and an address in which nothing hides.
    fn without_suffix(&self, who: &Identity) -> Identity {
        let own = self.known.suffixes.iter().find_map(|(suffix, _)| who.name.strip_suffix(suffix.as_str()));
        let email = lines::shown(&who.email).trim().to_owned();
        Identity { name: own.unwrap_or(&who.name).to_owned(), email }
    }
}
