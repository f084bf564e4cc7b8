//! The rule: whether a broker may start a run, by its current knowledge. It guarantees that for each request there is
//! at most one run, only with its slots filled and with no refusal known.

use super::break_glass::{self, owed};
use super::case::Case;
use super::knowledge::Knowledge;
use super::ledger_faults::trouble;
use super::outcome::{Answer, Claim, Code, Decided, Effect, Reason};
use super::receipt::Event;
use super::record_status::{Counted, ids};
use super::requirements::Ordinary;
use crate::change::visible;
use crate::policy::meaning::Length;
use crate::record::RecordId;

/// Whether the request may start now.
pub fn may_start(knowledge: &Knowledge<'_>, request: RecordId) -> Answer {
    match Case::of(knowledge, request) {
        Ok(case) => case.answer(),
        Err(reason) => Answer::of(vec![reason], Vec::new()),
    }
}

/// Whether the request ran in an emergency, so that its authorization is owed.
pub fn is_owed(knowledge: &Knowledge<'_>, request: RecordId) -> bool {
    Case::of(knowledge, request).is_ok_and(|case| break_glass::is_owed(&case))
}

impl<'k> Case<'k> {
    fn answer(self) -> Answer {
        let (answer, ordinary) = self.without_emergency();
        if answer.decided == Decided::Start {
            return self.granted(answer, &ordinary.signed, false);
        }
        match break_glass::signed(&self) {
            Ok(None) => answer,
            Ok(Some(signed)) => {
                let people = signed.iter().map(|one| one.person.id.as_str()).collect();
                let answer = past(answer, people);
                if answer.decided == Decided::Start { self.granted(answer, &signed, true) } else { answer }
            }
            Err(reason) => Answer::of(answer.reasons.into_iter().chain([reason]).collect(), answer.slots),
        }
    }

    /// The answer in the ordinary way.
    pub(super) fn without_emergency(&self) -> (Answer, Ordinary<'k>) {
        let mut reasons = trouble(self.knowledge);
        reasons.extend(self.ledger_age());
        reasons.extend(self.clock());
        reasons.extend(self.history());
        reasons.extend(self.time());
        reasons.extend(self.surroundings());
        reasons.extend(self.vetoes());
        reasons.extend(owed(self));
        let ordinary = self.ordinary();
        reasons.extend(ordinary.reasons.iter().cloned());
        (Answer::of(reasons, ordinary.slots.clone()), ordinary)
    }

    fn granted(&self, answer: Answer, signed: &[Counted<'k>], is_emergency: bool) -> Answer {
        let own = self.request.not_after.seconds();
        let until = signed.iter().map(|one| self.expires(one)).min().map_or(own, |ends| ends.min(own));
        let claim = if self.knowledge.has_remote && !is_emergency { Claim::Published } else { Claim::Local };
        Answer { authorizations: ids(signed), is_emergency, until, claim, ..answer }
    }

    fn ledger_age(&self) -> Option<Reason> {
        let fresh = self.target.fresh;
        let age = match self.knowledge.ledger_age {
            Some(age) if (0..=fresh).contains(&age) => return None,
            Some(age) => format!("{} ago", Length(age.max(0))),
            None => "not at all since the broker began".to_owned(),
        };
        let detail = format!(
            "The ledger was read {age}; it must be read within {}, or a refusal could be missed. See that the broker \
             reaches its remote.",
            Length(fresh)
        );
        Some(Reason::new(Code::LedgerStale, Effect::Undecidable, detail))
    }

    /// If the clock went back, expired statements would become valid again.
    fn clock(&self) -> Option<Reason> {
        let last = self.knowledge.own.records.iter().map(|record| record.run().issued_at.seconds()).max()?;
        let detail = "The broker's clock is behind its own last record. Set the clock.";
        (self.now() < last).then(|| Reason::new(Code::Time, Effect::Undecidable, detail))
    }

    /// The history of this request, and whether the target is free.
    fn history(&self) -> Option<Reason> {
        let mut running: Vec<&str> = Vec::new();
        for record in &self.knowledge.own.records {
            match &record.run().event {
                Event::Started(started) if started.request == self.id.to_string() => {
                    let detail = "It was already started. To run it again, submit a new request.";
                    return Some(Reason::new(Code::Started, Effect::Refuses, detail));
                }
                Event::Started(started) if record.run().target == self.target.name => running.push(&started.request),
                Event::Ended(ended) => running.retain(|request| *request != ended.request),
                _ => {}
            }
        }
        let other = running.first()?;
        let detail = format!("Request {} runs at {} now.", visible::text(&short(other)), self.target.name);
        Some(Reason::new(Code::Busy, Effect::Waits, detail))
    }

    fn time(&self) -> Vec<Reason> {
        let now = self.now();
        let (from, until) = (self.request.not_before.seconds(), self.request.not_after.seconds());
        let mut reasons = Vec::new();
        if now >= until {
            let detail = "The time of the request is over. Ask again.";
            reasons.push(Reason::new(Code::Expired, Effect::Refuses, detail));
        } else if now < from {
            let detail = format!("It is not to start before {}.", crate::datafile::date(from));
            reasons.push(Reason::new(Code::Time, Effect::Waits, detail));
        }
        if self.knowledge.policy.expires.is_some_and(|expires| now >= expires) {
            let detail = "The policy has expired; nothing but a change of it lands, and nothing runs.";
            reasons.push(Reason::new(Code::PolicyStale, Effect::Undecidable, detail));
        }
        if let Some(freeze) = self.knowledge.policy.frozen(self.target, now) {
            let detail = format!("The freeze {} holds until {}.", freeze.name, crate::datafile::date(freeze.until));
            reasons.push(Reason::new(Code::Freeze, Effect::Waits, detail));
        }
        reasons
    }

    /// The required state of the broker itself, and whether the entry is unchanged since people read it.
    fn surroundings(&self) -> Vec<Reason> {
        let refuse = |code, detail: String| Reason::new(code, Effect::Refuses, detail);
        let mut reasons = Vec::new();
        if self.knowledge.level < self.target.level {
            let detail = format!(
                "{} demands level {}, and {} is proven here. `undersign doctor --broker` says what is missing.",
                self.target.name, self.target.level, self.knowledge.level
            );
            reasons.push(refuse(Code::Level, detail));
        }
        if self.request.settings != self.knowledge.settings {
            let detail =
                "The broker's settings for the target have changed since the request. Submit it again.".to_owned();
            reasons.push(refuse(Code::Env, detail));
        }
        if self.entry() != self.request.command.entry {
            let detail =
                "The policy's entries for this command have changed since the request. Submit it again.".to_owned();
            reasons.push(refuse(Code::Argv, detail));
        }
        reasons
    }

    /// The entry that the command matches now; empty if it matches none.
    fn entry(&self) -> &str {
        let command = &self.request.command;
        self.target.entry(&command.argv, &command.input_paths()).map_or("", |entry| entry.name.as_str())
    }

    fn vetoes(&self) -> Vec<Reason> {
        let refused = |one: &Counted<'_>| {
            let detail = format!(
                "{} refused this command: {}. Only {} can take that back, or a handover.",
                one.person.id,
                visible::line(one.authorization().reason.as_bytes()),
                one.person.id
            );
            Reason::new(Code::Vetoed, Effect::Refuses, detail)
        };
        self.refusals.holding.iter().map(refused).collect()
    }
}

/// An emergency that these people declared waives what delays a request, but nothing that objects to it.
pub(super) fn past(answer: Answer, people: Vec<&str>) -> Answer {
    let (waived, mut rest): (Vec<Reason>, Vec<Reason>) =
        answer.reasons.into_iter().partition(|reason| reason.is_waived() && reason.effect >= Effect::Waits);
    let waived: Vec<&str> = waived.iter().map(|reason| reason.code.name()).collect();
    let detail = format!(
        "{} let it through in an emergency, past {}. It must be authorized in the ordinary way afterwards.",
        people.join(" and "),
        waived.join(", ")
    );
    rest.push(Reason::new(Code::BreakGlass, Effect::Said, detail));
    Answer::of(rest, answer.slots)
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
