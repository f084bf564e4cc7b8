//! A branch with a policy, followed by those who do not see its pushes: a copy of an organization, and a broker.

use std::path::Path;

use super::{Request, Settings, Update, judge};
use crate::change::ObjectId;
use crate::gate::Decided;
use crate::source::git::Repository;

/// Follows a branch from one commit to another, as one push or as several: where its policy changes on the way, what
/// comes after may have been signed by whom the new one asks for. Each step is taken over before the next is judged,
/// which the gate does from where the branch points.
///
/// # Errors
/// A sentence: why the whole way is not let through, if no step is; or what `take` says. Steps that were taken stay.
pub fn follow(
    place: &Path,
    branch: &str,
    (from, to): (ObjectId, ObjectId),
    (settings, now): (&Settings, i64),
    mut take: impl FnMut(&Repository, ObjectId, ObjectId) -> Result<(), String>,
) -> Result<(), String> {
    let settings = &Settings { has_landed: true, ..settings.clone() };
    let mut at = from;
    while at != to {
        // Opened anew: a handle keeps what it has read.
        let repository = Repository::open_exactly(place).map_err(|error| error.to_string())?;
        let is_let = |next| is_let_through(place, branch, (at, next), (settings, now));
        let whole = is_let(to);
        let next = match (&whole, next_policy(&repository, at, to)?) {
            (Ok(()), _) => to,
            (Err(_), Some(next)) if next != to && is_let(next).is_ok() => next,
            _ => return whole,
        };
        take(&repository, at, next)?;
        at = next;
    }
    Ok(())
}

/// The first commit after `from`, along first parents to `to`, with another policy.
fn next_policy(repository: &Repository, from: ObjectId, to: ObjectId) -> Result<Option<ObjectId>, String> {
    let line = repository.first_parents(to, usize::MAX).map_err(|error| error.to_string())?;
    let policy = repository.policy_digest(from);
    let new = line.iter().take_while(|commit| **commit != from);
    Ok(new.filter(|commit| repository.policy_digest(**commit) != policy).last().copied())
}

fn is_let_through(
    place: &Path,
    branch: &str,
    (old, new): (ObjectId, ObjectId),
    (settings, now): (&Settings, i64),
) -> Result<(), String> {
    let path = place.to_string_lossy();
    let updates = vec![Update { name: branch.to_owned(), old, new }];
    let outcome = judge(&Request { repository: &path, updates, ..Request::default() }, settings, now);
    if outcome.outcome == Decided::Allow {
        return Ok(());
    }
    let reasons = outcome.refs.iter().flat_map(|judged| &judged.reasons);
    let why: Vec<_> = reasons.map(|reason| format!("{}: {}", reason.code, reason.detail)).collect();
    Err(why.join("\n"))
}
