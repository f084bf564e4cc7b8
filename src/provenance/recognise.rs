//! Recognises an identity by what cannot be shared by accident: account id, login, address. A bare name counts only if
//! the address is empty or belongs to no person: real people are called Claude, Jules and Devin.

use std::collections::BTreeMap;

use globset::GlobMatcher;

use super::lines;
use super::patterns::Patterns;
use crate::change::Identity;

const GITHUB_NOREPLY: &str = "@users.noreply.github.com";

/// How an identity was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Account,
    Address,
    /// An address in a domain that may also have people.
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

    /// Whether there is no person behind the identity. Domains and suffixes leave that open, so those identities stay
    /// authors: being an author only restricts.
    pub(super) fn is_nobody(self) -> bool {
        matches!(self, How::Account | How::Address | How::Name)
    }
}

/// Identities of several owners, each with its owner's position in a list.
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
            .or_else(|| Some((is_impersonal(&email).then(|| self.names.first(name))??, How::Name)))
            .or_else(|| Some((self.suffixes.iter().find(|(suffix, _)| name.ends_with(suffix))?.1, How::Suffix)))
    }

    /// By the account in `12345+login@users.noreply.github.com`.
    fn by_account(&self, email: &str) -> Option<usize> {
        let local = email.strip_suffix(GITHUB_NOREPLY)?;
        let Some((id, login)) = local.split_once('+') else { return self.by_login(local) };
        let by_id = id.parse().ok().and_then(|id: u64| self.ids.get(&id).copied());
        // A renamed bot keeps its id. An unlisted id belongs to somebody else with that login, except that nobody can
        // register a login that ends in [bot].
        by_id.or_else(|| self.by_login(login).filter(|_| login.ends_with("[bot]")))
    }

    fn by_login(&self, login: &str) -> Option<usize> {
        self.logins.get(login).copied().or_else(|| matching(&self.login_globs, login))
    }
}

/// The text after a plus sign in the local part of an address, in lower case; in GitHub's addresses that is a login.
pub(super) fn tag_of(email: &str) -> Option<String> {
    let email = lines::shown(email).trim().to_lowercase();
    let (local, _) = email.rsplit_once('@').filter(|_| !email.ends_with(GITHUB_NOREPLY))?;
    let (name, tag) = local.split_once('+')?;
    (!name.is_empty() && !tag.is_empty()).then(|| tag.to_owned())
}

fn matching(globs: &[(GlobMatcher, usize)], text: &str) -> Option<usize> {
    globs.iter().find(|(glob, _)| glob.is_match(text)).map(|&(_, owner)| owner)
}

/// Whether an address says nothing about a person, so that the name may count.
fn is_impersonal(email: &str) -> bool {
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    matches!(local, "" | "noreply" | "no-reply" | "donotreply")
        || local.ends_with("[bot]")
        || matches!(domain, "agent" | "local" | "localhost" | "localhost.localdomain")
}
