//! An emergency: what break-glass allows, and what it does not.

use std::collections::BTreeSet;

use super::authors::{Authors, Claims};
use super::{MAX_NAMED, Segment, Standing, length};
use crate::decision::Verdict;
use crate::gate::break_glass::{lacking_slot, lands_alone};
use crate::gate::counted_decision::{CountedDecision, InRole, signers};
use crate::gate::drill::HeldDrill;
use crate::gate::outcome::{Code, Reason, ReasonEffect};
use crate::policy::{Asked, BreakGlass, Person, PersonKind, SlotState};
use crate::record::Presence;
use crate::record::drill::{DrillRecord, OfDrill as _};

/// A signature for an emergency, or for a drill of one.
struct Declared<'g> {
    person: &'g Person,
    roles: &'g [String],
    presence: Presence,
    record: String,
    /// When it expires, exclusive; seconds since the epoch.
    until: i64,
}

impl<'g> InRole<'g> for Declared<'g> {
    fn person(&self) -> &'g Person {
        self.person
    }

    fn roles(&self) -> &[String] {
        self.roles
    }
}

impl<'g> Segment<'_, 'g> {
    /// Break-glass records for this content that are valid now.
    pub(super) fn break_glass_decisions(&self) -> Vec<CountedDecision<'g>> {
        let Some(terms) = &self.evaluation.input.policy.break_glass else { return Vec::new() };
        // All empty manifests have the same digest: one emergency would allow any of them.
        if self.manifest.is_empty() {
            return Vec::new();
        }
        let now = self.now();
        let good = |decision: &CountedDecision<'_>| {
            decision.person.kind == PersonKind::Human && !decision.is_ahead(now) && now < good_until(*decision, terms)
        };
        self.decisions(Verdict::BreakGlass).filter(|decision| self.binds(*decision) && good(decision)).collect()
    }

    /// Allows an emergency if enough people who did not write it signed for one.
    pub(super) fn break_glass(&self, asked: &Asked, authors: &Authors<'_>) -> BreakGlassAnswer {
        let Some(terms) = &self.evaluation.input.policy.break_glass else { return BreakGlassAnswer::default() };
        let declared = |decision: CountedDecision<'g>| Declared {
            person: decision.person,
            roles: &decision.predicate().roles,
            presence: decision.presence,
            record: decision.record.id().to_string(),
            until: good_until(decision, terms),
        };
        self.emergency(asked, authors, self.break_glass_decisions().into_iter().map(declared).collect())
    }

    /// Whether these signatures are enough for an emergency. It replaces slots, limits, freezes and cooling, and
    /// nothing else: not the requirements for the policy itself, nor for what must land alone.
    fn emergency(&self, asked: &Asked, authors: &Authors<'_>, declared: Vec<Declared<'_>>) -> BreakGlassAnswer {
        let (policy, now) = (self.evaluation.input.policy, self.now());
        let (Some(terms), Some(requirement), false) = (&policy.break_glass, policy.emergency(), declared.is_empty())
        else {
            return BreakGlassAnswer::default();
        };
        if let Some(detail) = lands_alone(policy, &asked.compartments) {
            return BreakGlassAnswer::refused(vec![Reason::deny(Code::BreakGlass, detail)]);
        }
        let (own, others): (Vec<Declared<'_>>, Vec<Declared<'_>>) =
            declared.into_iter().partition(|one| authors.has(one.person));
        let of_author = |one: &Declared<'_>| {
            let (who, through) = (&one.person.id, self.through(authors, &one.person.id));
            let detail = format!("{who} is an author of this change, or ran the agent that wrote it{through}.");
            Reason::explains(Code::SelfApproval, detail)
        };
        let mut reasons: Vec<_> = own.iter().map(of_author).collect();
        let present: Vec<_> = others.into_iter().filter(|one| one.presence >= requirement.presence).collect();
        let slots = requirement.fill(&signers(&present));
        if let Some(detail) = lacking_slot(&slots) {
            reasons.push(Reason::explains(Code::BreakGlass, detail));
            return BreakGlassAnswer::refused(reasons);
        }
        let own = self.digest.to_string();
        let others = self.evaluation.break_glass_uses.iter().filter(|other| other.manifest != own);
        let used = others.filter(|other| other.is_in_window(now)).count();
        if used >= terms.max_per_30d {
            let detail = format!("Break-glass was used {used} times in 30 days; {} are allowed.", terms.max_per_30d);
            reasons.push(Reason::deny(Code::BreakGlass, detail));
            return BreakGlassAnswer::refused(reasons);
        }
        let people: Vec<_> = present.iter().map(|one| one.person.id.as_str()).collect();
        let detail = format!(
            "{} let it through in an emergency. It must be reviewed within {}.",
            people.join(" and "),
            length(terms.debt_after)
        );
        reasons.push(Reason::said(Code::BreakGlass, detail));
        let granted = Granted {
            slots,
            presence: present.iter().map(|one| one.presence).min(),
            until: present.iter().map(|one| one.until).min(),
            records: present.into_iter().map(|one| one.record).collect(),
        };
        BreakGlassAnswer { granted: Some(granted), reasons }
    }

    /// What an emergency would have been told, if people practise one with this content. It explains a refusal, and
    /// takes no part in it: drills are read once it stands, and nothing of them is returned but sentences.
    pub(super) fn drills(&self, asked: &Asked, claims: &Claims<'_>, standing: &Standing) -> Vec<Reason> {
        let input = &self.evaluation.input;
        if self.manifest.is_empty() {
            return Vec::new();
        }
        let chains = match input.contents.drills() {
            Ok(chains) => chains,
            Err(why) => return vec![Reason::explains(Code::Drill, format!("Drills cannot be read: {why}"))],
        };
        let target = &self.evaluation.target;
        let is_here = |record: &DrillRecord| {
            record.drill().target.name == *target && record.drill().manifest.sha256 == self.sha256
        };
        // A push has many segments, and nearly none is drilled.
        if !chains.iter().flat_map(|chain| &chain.records).any(|record| is_here(record)) {
            return Vec::new();
        }
        let mut held = HeldDrill::now(input.policy, &chains, is_here, input.now);
        held.truncate(MAX_NAMED);
        held.iter().map(|drill| self.drill(asked, claims, standing, drill)).collect()
    }

    /// A standing as it would be if these people wrote it: an author takes over nobody's rejection.
    fn with_authors(&self, asked: &Asked, authors: &Authors<'_>, standing: &Standing) -> Standing {
        let rejections = self.rejections(asked, authors, &[]);
        let others = standing.reasons.iter().filter(|reason| reason.code != Code::Vetoed).cloned();
        let reasons = others.chain(rejections.reasons).collect();
        Standing { reasons, rejected_by: rejections.by, ..standing.clone() }
    }

    fn drill(&self, asked: &Asked, claims: &Claims<'_>, standing: &Standing, drill: &HeldDrill<'_>) -> Reason {
        let begins = format!("This is a drill by {}, and a drill lets nothing land.", drill.people().join(" and "));
        let Some(terms) = &self.evaluation.input.policy.break_glass else {
            let detail = format!("{begins} An emergency would not land it: the policy has no terms for one.");
            return Reason::explains(Code::Drill, detail);
        };
        let declared = drill.declared.iter().map(|one| Declared {
            person: one.person,
            roles: one.roles(),
            presence: one.presence,
            record: one.record.id().to_string(),
            until: drill.until,
        });
        // What they signed also says who wrote it, and authors have no say.
        let claims = claims.clone().and(&drill.declared);
        let authors = self.authors(&claims).proven(self, &claims);
        let answer = self.emergency(asked, &authors, declared.collect());
        let why: Vec<String> = answer.reasons.iter().map(|reason| reason.detail.clone()).collect();
        let is_enough = answer.granted.is_some();
        let then = answer.applied_to(self.with_authors(asked, &authors, standing));
        let detail = match is_enough {
            true if drill.is_overdue(self.evaluation.input.policy, self.now()) => {
                format!("{begins} An emergency would not land it any more: its review is overdue.")
            }
            true if then.is_allowed() => format!(
                "{begins} An emergency would land it, and would have to be reviewed within {}.",
                length(terms.debt_after)
            ),
            true => {
                let left = then.reasons.iter().filter(|reason| reason.effect >= ReasonEffect::Denies);
                let mut codes: Vec<&str> = left.map(|reason| reason.code.name()).collect();
                codes.sort_unstable();
                codes.dedup();
                // A break-glass may pass a rejection that it names, and a drill names none.
                let named: BTreeSet<&str> = then.rejected_by.iter().map(String::as_str).collect();
                let named: Vec<&str> = named.into_iter().collect();
                match codes[..] == [Code::Vetoed.name()] {
                    true => format!(
                        "{begins} An emergency would land it if it names the rejection of {}, and would have to be \
                         reviewed within {}.",
                        named.join(" and of "),
                        length(terms.debt_after)
                    ),
                    false => {
                        format!("{begins} An emergency would not land it either, because of {}.", codes.join(", "))
                    }
                }
            }
            false => format!("{begins} An emergency would not land it. {}", why.join(" ")),
        };
        Reason::explains(Code::Drill, detail)
    }
}

/// Whether an emergency is allowed, and why not.
#[derive(Default)]
pub(super) struct BreakGlassAnswer {
    granted: Option<Granted>,
    reasons: Vec<Reason>,
}

/// The records of an emergency.
struct Granted {
    slots: Vec<SlotState>,
    records: Vec<String>,
    presence: Option<Presence>,
    until: Option<i64>,
}

impl BreakGlassAnswer {
    fn refused(reasons: Vec<Reason>) -> BreakGlassAnswer {
        BreakGlassAnswer { granted: None, reasons }
    }

    /// Reasons that only delay a change do not delay an emergency.
    pub fn applied_to(mut self, mut standing: Standing) -> Standing {
        if let Some(Granted { slots, records, presence, until }) = self.granted {
            standing.reasons.retain(|reason| reason.effect != ReasonEffect::Holds);
            standing = Standing { emergency: true, slots, records, presence, valid_until: until, ..standing };
        }
        let is_left = standing.reasons.iter().any(|reason| reason.effect >= ReasonEffect::Denies);
        for reason in self.reasons.iter_mut().filter(|reason| is_left && reason.effect == ReasonEffect::Said) {
            reason.detail = "An emergency was declared, and does not let this land.".to_owned();
        }
        standing.reasons.extend(self.reasons);
        standing
    }
}

/// When a signature for an emergency expires, exclusive; seconds since the epoch.
fn good_until(decision: CountedDecision<'_>, terms: &BreakGlass) -> i64 {
    decision.expires.min(decision.issued().saturating_add(terms.max_duration))
}
