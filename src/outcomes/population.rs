//! What landed in the period, exactly as the audit report cuts it, and what landed since, which is only evidence.

use std::collections::{BTreeMap, HashMap};

use super::Query;
use super::read::Span;
use crate::audit::report::{Kind, Landing, Shown, Time};
use crate::audit::{self, Looked, Progress};
use crate::change::ObjectId;
use crate::source::git::Repository;

/// The most steps of one ref along which later landings are put in order.
const MAX_LINE: usize = 1_000_000;

/// All landings by ref, and along each ref the oldest first.
pub struct Population {
    /// What the audit of the period found, without its landings.
    pub looked: Looked,
    pub landings: Vec<Landing>,
    /// Those that landed in the period, by index.
    pub subjects: Vec<usize>,
    /// Up to when outcomes are looked for; none if nothing landed.
    pub end: Option<i64>,
}

impl Population {
    /// # Errors
    /// As for [`audit::look`], or the times contradict each other.
    pub fn of(query: &Query, repository: &Repository, progress: Progress<'_>) -> Result<Population, String> {
        let (to, watch_to) = (query.landed.to, query.watch_to);
        if let (Some(to), Some(end)) = (to, watch_to)
            && to > end
        {
            let (to, end) = (Time(to), Time(end));
            return Err(format!(
                "Outcomes are looked for up to {end}, before the period ends ({to}). Give a later day."
            ));
        }
        let look = |to| audit::look(&audit::Query { to, ..query.landed.clone() }, progress);
        // Without an end of the period, all that is looked at landed in it.
        let mut looked = look(to.or(watch_to))?;
        let mut end = looked.report.query.to.map(|time| time.0);
        let mut all: Vec<(Landing, bool)> = looked.report.landings.drain(..).map(|landing| (landing, true)).collect();
        if let Some(to) = to.filter(|to| watch_to != Some(*to)) {
            let since = look(watch_to)?.report;
            end = since.query.to.map(|time| time.0);
            all.extend(since.landings.into_iter().filter(|landing| landing.at.0 > to).map(|landing| (landing, false)));
        }
        let mut by_ref: BTreeMap<Shown, Vec<(Landing, bool)>> = BTreeMap::new();
        all.into_iter().for_each(|one| by_ref.entry(one.0.name.clone()).or_default().push(one));
        let all: Vec<(Landing, bool)> = by_ref.into_values().flat_map(|own| in_order(repository, own)).collect();
        let subjects = all.iter().enumerate().filter(|(_, (_, is_subject))| *is_subject).map(|(at, _)| at).collect();
        Ok(Population { looked, landings: all.into_iter().map(|(landing, _)| landing).collect(), subjects, end })
    }
}

/// What landed in the period and since, along one ref. A later segment that begins within the period, since an approval
/// joined it with what landed before, is evidence only from there on.
fn in_order(repository: &Repository, mut own: Vec<(Landing, bool)>) -> Vec<(Landing, bool)> {
    let is_all_of_the_period = own.iter().all(|(_, is_subject)| *is_subject);
    let commit = |text: &str| text.parse::<ObjectId>().ok();
    let Some(tip) = own.last().and_then(|(last, _)| commit(&last.to)).filter(|_| !is_all_of_the_period) else {
        return own;
    };
    let line = repository.first_parents(tip, MAX_LINE).unwrap_or_default();
    let place: HashMap<ObjectId, usize> = line.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let place_of = |text: &str| commit(text).and_then(|id| place.get(&id).copied());
    // What is not on the line is joined with nothing that is, wherever it stands.
    own.sort_by_cached_key(|(landing, _)| std::cmp::Reverse(place_of(&landing.to).unwrap_or(usize::MAX)));
    let mut before: Option<usize> = None;
    for (landing, is_subject) in &mut own {
        let (from, to) = (landing.from.as_deref().and_then(place_of), place_of(&landing.to));
        let Some(to) = to else { continue };
        if let Some(before) = before.filter(|before| !*is_subject && *before > to)
            && from.is_none_or(|from| from > before)
        {
            landing.from = Some(line[before].to_string());
            landing.steps = before - to;
        }
        before = Some(to);
    }
    own
}

/// Where the segments are. What a ref no longer shows is on a line of its own: nothing that landed since stands on it.
pub fn spans(landings: &[Landing]) -> Result<Vec<Span>, String> {
    let commit = |text: &str| text.parse::<ObjectId>().map_err(|error| format!("{text} is not a commit: {error}."));
    let mut line = 0;
    let of = |(at, landing): (usize, &Landing)| {
        let is_next = at.checked_sub(1).is_some_and(|before| landings[before].name != landing.name);
        line += usize::from(is_next);
        let is_gone = landing.exceptions.contains(&Kind::Rewritten);
        Ok(Span {
            line: if is_gone { landings.len() + at } else { line },
            at: landing.at.0,
            from: landing.from.as_deref().map(commit).transpose()?,
            to: commit(&landing.to)?,
            steps: landing.steps,
        })
    };
    landings.iter().enumerate().map(of).collect()
}
