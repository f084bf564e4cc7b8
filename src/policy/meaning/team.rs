//! The meaning of a change of the policy for what only advises: who is away, and by when changes are to be signed.

use super::{Direction, Found, Length, listed};
use crate::datafile::day;
use crate::policy::clock::{TIERS, WEEK};
use crate::policy::{Away, Clock, Person};

impl Found {
    pub(super) fn away(&mut self, old: Option<&Person>, new: &Person) {
        let (before, after) = (old.map(|old| &old.away[..]).unwrap_or_default(), &new.away[..]);
        for away in after.iter().filter(|away| !before.contains(away)) {
            let instead = away.instead.iter().map(|instead| format!(", and {instead} is asked instead"));
            self.add(Direction::Advice, format!("{} is away {away}{}", new.id, instead.collect::<String>()));
        }
        let same_days = |one: &Away, other: &Away| (one.from, one.until) == (other.from, other.until);
        for away in before.iter().filter(|away| !after.iter().any(|other| same_days(other, away))) {
            self.add(Direction::Advice, format!("{} is not away {away}, as was said", new.id));
        }
    }

    pub(super) fn clock(&mut self, old: Option<&Clock>, new: Option<&Clock>) {
        for tier in 1..=TIERS as u8 {
            let terms = |clock: Option<&Clock>| clock.and_then(|clock| clock.terms(tier));
            if terms(old) == terms(new) {
                continue;
            }
            let text = match terms(new) {
                Some(own) => {
                    format!("tier {tier} is due after {} and late after {}", Length(own.due), Length(own.late))
                }
                None => format!("tier {tier} is never due"),
            };
            self.add(Direction::Advice, text);
        }
        let free = |clock: &Clock| {
            let weekend = clock.weekend.iter().map(|day| WEEK[*day].to_owned());
            listed(weekend.chain(clock.holidays.iter().map(|holiday| day(*holiday))))
        };
        if let Some(now) = new.map(free).filter(|now| old.map(free).as_ref() != Some(now)) {
            let text = if now == "nothing" {
                "clocks run on every day".to_owned()
            } else {
                format!("clocks stand still on {now}")
            };
            self.add(Direction::Advice, text);
        }
    }
}
