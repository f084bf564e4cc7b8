//! What the queue says of a team: claims, and what is due.

use super::{Facts, age};
use crate::app::State;
use crate::app::queue::Entry;
use crate::datafile::date;
use crate::policy::Deadlines;
use crate::tui::theme::Role;

/// How long until a change is due, or that it is due or late.
pub(super) fn due(own: Deadlines, now: i64) -> (Role, String) {
    match () {
        () if now >= own.late => (Role::Error, "late".to_owned()),
        () if now >= own.due => (Role::Warning, "due".to_owned()),
        () => (Role::Faint, age(own.due, now)),
    }
}

/// Who reads it, and by when it is to be signed.
pub(super) fn facts(facts: &mut Facts, state: &State, entry: &Entry) {
    let claims: Vec<_> = state.queue.claims_of(&entry.change).collect();
    if !claims.is_empty() {
        let told = claims.iter().map(|claim| format!("{}, {}", claim.told(), claim.left(state.now)));
        facts.add("claimed", Role::Accent, &told.collect::<Vec<_>>().join(" · "));
    }
    let (Some(own), Some(since)) = (state.queue.deadlines(entry), state.queue.since(entry)) else { return };
    let (due, late, since) = (date(own.due), date(own.late), date(since));
    let (role, told) = match () {
        () if state.now >= own.late => (Role::Error, format!("late since {late}")),
        () if state.now >= own.due => (Role::Warning, format!("was due {due}, late {late}")),
        () => (Role::Text, format!("due {due}, late {late}")),
    };
    facts.add("clock", role, &format!("{told}; it waits since {since}"));
}
