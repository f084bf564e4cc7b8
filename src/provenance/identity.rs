//! An identity by what cannot be shared by accident: account id, login, address. A bare name counts only where the
//! address is empty or belongs to no person: real people are called Claude, Jules and Devin.

use crate::change::Identity;

const NOREPLY: &str = "@users.noreply.github.com";

/// The account id and login in `12345+login@users.noreply.github.com`.
pub(super) fn account(email: &str) -> Option<(Option<u64>, String)> {
    let email = email.to_ascii_lowercase();
    let local = email.strip_suffix(NOREPLY)?;
    Some(match local.split_once('+') {
        Some((id, login)) => (id.parse().ok(), login.to_owned()),
        None => (None, local.to_owned()),
    })
}

/// Whether the address says nothing about a person, so that the name may speak.
pub(super) fn is_impersonal(who: &Identity) -> bool {
    let email = who.email.to_ascii_lowercase();
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    email.is_empty()
        || email.starts_with("noreply@")
        || email.starts_with("no-reply@")
        || email.contains("[bot]")
        || who.name.ends_with("[bot]")
        || matches!(domain, "agent" | "local" | "localhost")
}
