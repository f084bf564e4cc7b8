//! A branch with a policy, followed by those who do not see its pushes: a copy of an organization, and a broker.

use std::path::Path;

use super::{Request, Settings, Update, judge};
use crate::change::ObjectId;
use crate::gate::Decided;
use crate::source::git::Repository;

/// How many of the commits up to which a way may be let through are tried, the furthest first.
const MAX_TRIED: usize = 8;

/// Follows a branch from one commit to another, as one push or as several: where its policy changes on the way, what
/// comes after may have been signed by whom the new one asks for. Each step is taken over before the next is judged,
/// which the gate does from where the branch points.
///
/// Nobody says where the pushes ended. A step goes to the furthest commit with another policy up to which the policy
/// before it lets the way through: a policy that another push replaced is followed only where the rest needs it, and
/// one inside an approved change never.
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
        let judged = |next| let_through(place, branch, (at, next), (settings, now));
        let next = match judged(to) {
            Ok(()) => to,
            Err(refused) => {
                let policy = repository.policy_digest(at);
                let changed = refused.ends.iter().rev().copied().filter(|end| repository.policy_digest(*end) != policy);
                changed.take(MAX_TRIED).find(|end| judged(*end).is_ok()).ok_or(refused.why)?
            }
        };
        take(&repository, at, next)?;
        at = next;
    }
    Ok(())
}

/// Why a way is not let through, and the commits at which what is approved of it ends.
struct Refused {
    why: String,
    ends: Vec<ObjectId>,
}

fn let_through(
    place: &Path,
    branch: &str,
    (old, new): (ObjectId, ObjectId),
    (settings, now): (&Settings, i64),
) -> Result<(), Refused> {
    let path = place.to_string_lossy();
    let updates = vec![Update { name: branch.to_owned(), old, new }];
    let outcome = judge(&Request { repository: &path, updates, ..Request::default() }, settings, now);
    if outcome.outcome == Decided::Allow {
        return Ok(());
    }
    let reasons = outcome.refs.iter().flat_map(|judged| &judged.reasons);
    let why: Vec<_> = reasons.map(|reason| format!("{}: {}", reason.code, reason.detail)).collect();
    Err(Refused { why: why.join("\n"), ends: outcome.refs.iter().flat_map(|judged| judged.ends.clone()).collect() })
}
