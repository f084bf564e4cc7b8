//! What only advises: `away` of `[people.ID]`, and `[clock]`.

use std::collections::BTreeSet;

use crate::change::visible;
use crate::datafile::{Placed, Table};
use crate::policy::clock::{MAX_HOLIDAYS, MAX_TERM, TIERS, WEEK};
use crate::policy::{Away, Clock, Terms};

/// Who can be named as somebody's stand-in.
pub(super) struct StandIns {
    people: BTreeSet<String>,
    bots: BTreeSet<String>,
}

impl StandIns {
    /// Of `[people]`.
    pub(super) fn of(people: &Table<'_>) -> StandIns {
        let ids: BTreeSet<String> = people.keys().into_iter().map(|id| id.value).collect();
        let is_bot = |id: &&String| {
            let kind = people.part_of(id).and_then(|entry| entry.string("kind"));
            kind.is_some_and(|kind| kind.value == "bot")
        };
        StandIns { bots: ids.iter().filter(is_bot).cloned().collect(), people: ids }
    }

    fn check(&self, instead: &Placed<'_, String>, of: &str) {
        let name = visible::text(&instead.value);
        if instead.value == of {
            instead.mistake(format!("`{name}` cannot be asked instead of `{name}`"));
        } else if self.bots.contains(&instead.value) {
            instead.mistake(format!("`{name}` is a bot, and only people fill slots"));
        } else if !self.people.contains(&instead.value) {
            instead.mistake(format!("there is no [people.{name}] to be asked instead"));
        }
    }
}

/// `away = [{ from = 2026-12-20, until = 2027-01-04, instead = "ines" }]`
pub(super) fn away(person: &Table<'_>, id: &str, stand_ins: &StandIns) -> Vec<Away> {
    let mut spans = Vec::new();
    for entry in person.tables("away") {
        let (from, until, instead) = (entry.need_day("from"), entry.need_day("until"), entry.string("instead"));
        instead.iter().for_each(|instead| stand_ins.check(instead, id));
        let (Some(from), Some(until)) = (from, until) else { continue };
        if until.value < from.value {
            until.mistake("`until` is before `from`; it is the last day of the absence");
            continue;
        }
        spans.push((from, until.value, instead.map(|instead| instead.value)));
    }
    spans.sort_by_key(|(from, ..)| from.value);
    for pair in spans.windows(2) {
        if let [(_, until, _), (from, ..)] = pair
            && from.value <= *until
        {
            from.mistake("this absence begins before another one ends; each day is in one of them");
        }
    }
    spans.into_iter().map(|(from, until, instead)| Away { from: from.value, until, instead }).collect()
}

/// `[clock]`: the terms of each tier, and the days that do not count.
pub(super) fn clock(root: &Table<'_>) -> Option<Clock> {
    let table = root.table("clock")?;
    let default = terms(&table, "default");
    let mut tiers = [default; TIERS];
    for (at, own) in tiers.iter_mut().enumerate() {
        *own = terms(&table, &format!("tier{}", at + 1)).or(*own);
    }
    if tiers.iter().all(Option::is_none) {
        table.mistake("[clock] needs terms, such as `default = { due = \"3d\", late = \"5d\" }`");
    }
    let holidays = table.days("holidays");
    if let Some(first) = holidays.get(MAX_HOLIDAYS) {
        first.mistake(format!("at most {MAX_HOLIDAYS} holidays are read; leave out those that are over"));
    }
    Some(Clock { tiers, weekend: weekend(&table), holidays: holidays.into_iter().map(|day| day.value).collect() })
}

fn terms(clock: &Table<'_>, key: &str) -> Option<Terms> {
    let table = clock.table(key)?;
    let term = |key: &str| {
        let Some(term) = table.duration(key) else {
            if !table.has(key) {
                table.mistake(format!("it needs `{key}`, in working days: `{key} = \"2d\"`"));
            }
            return None;
        };
        if term.value > MAX_TERM {
            term.mistake(format!("`{key}` is at most \"365d\""));
        }
        Some(term)
    };
    let (due, late) = (term("due"), term("late"));
    let (due, late) = (due?, late?);
    if late.value <= due.value {
        late.mistake("`late` is not longer than `due`: what is late was due before");
    }
    Some(Terms { due: due.value, late: late.value })
}

fn weekend(clock: &Table<'_>) -> BTreeSet<usize> {
    if !clock.has_value("weekend") {
        return BTreeSet::from([5, 6]);
    }
    let mut days = BTreeSet::new();
    let names = clock.strings("weekend");
    for name in &names {
        match WEEK.iter().position(|own| *own == name.value) {
            Some(day) => _ = days.insert(day),
            None => {
                name.mistake(format!("`{}` is not a day of the week: {}", visible::text(&name.value), WEEK.join(", ")))
            }
        }
    }
    if let Some(first) = names.first().filter(|_| days.len() == WEEK.len()) {
        first.mistake("on no day of the week would anybody work");
    }
    days
}
