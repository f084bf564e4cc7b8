//! The queue of a team: whom to ask, who claimed what, since when it waits.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Entry, Examined, Queue, Section, Source};
use crate::change::{Change, ObjectId};
use crate::claims::Claim;
use crate::examination::RepositorySnapshot;
use crate::policy::Deadlines;
use crate::waiting::WaitingSince;

impl Queue {
    /// Clocks start when a head is first seen to wait for a person.
    pub(super) fn start_clocks(&mut self, now: i64) {
        (0..self.entries.len()).for_each(|at| self.start_clock(at, now));
    }

    /// The clock of one change.
    pub(super) fn start_clock(&mut self, at: usize, now: i64) {
        let entry = &self.entries[at];
        let known = self.waiting.get_mut(&entry.change.repository).filter(|_| entry.waits());
        let Some((since, is_new)) = known else { return };
        since.entry(entry.change.revision.head).or_insert_with(|| {
            *is_new = true;
            now
        });
    }

    /// What is still to be remembered of a repository: its pending heads, and since when they wait. Nothing while
    /// changes are being examined, so that it is written once.
    pub fn next_to_remember(&mut self) -> Option<(Arc<RepositorySnapshot>, BTreeSet<ObjectId>, WaitingSince)> {
        if self.under_way > 0 {
            return None;
        }
        let (at, (since, is_new)) = self.waiting.iter_mut().find(|(_, (_, is_new))| *is_new)?;
        *is_new = false;
        let (at, since) = (*at, since.clone());
        let here = self.entries.iter().filter(|entry| entry.change.repository == at);
        let pending = here.map(|entry| entry.change.revision.head).collect();
        Some((self.ready(at)?.clone(), pending, since))
    }

    /// Whether anything is ever due.
    pub fn has_clock(&self) -> bool {
        let clock = |source: &Source| match source {
            Source::Ready(snapshot) => snapshot.policy().is_some_and(|policy| policy.clock.is_some()),
            _ => false,
        };
        self.sources.iter().any(clock)
    }

    /// Since when a change waits for a person; none if it does not.
    pub fn since(&self, entry: &Entry) -> Option<i64> {
        let (since, _) = self.waiting.get(&entry.change.repository).filter(|_| entry.waits())?;
        since.get(&entry.change.revision.head).copied()
    }

    /// When a change is due and late; none if it does not wait, or its policy does not say.
    pub fn deadlines(&self, entry: &Entry) -> Option<Deadlines> {
        let Examined::Done(examination) = &entry.examined else { return None };
        let clock = self.snapshot(&entry.change)?.policy()?.clock.as_ref()?;
        clock.deadlines(examination.assessment.tier, self.since(entry)?)
    }

    /// The width of the longest text that says whom to ask.
    pub fn longest_ask(&self) -> usize {
        self.longest_ask
    }

    /// Who says to be reading a change.
    pub fn claims_of(&self, change: &Change) -> impl Iterator<Item = &Claim> {
        let team = self.teams.get(&change.repository);
        team.into_iter().flat_map(|team| team.claims_of(change.revision.head))
    }
}

impl Entry {
    /// Whether it waits for a person.
    pub fn waits(&self) -> bool {
        matches!(self.section(), Section::Mine | Section::Others | Section::Waiting)
    }

    /// Whom to ask, if it is others who must sign: `ask dana, ines`. Where a place can be filled by nobody, that comes
    /// first: whatever anybody signs is in vain.
    pub fn told_ask(&self) -> Option<String> {
        let is_others = matches!(self.section(), Section::Others | Section::Waiting);
        let lack = self.ask.lack().filter(|_| is_others || self.section() == Section::Mine);
        lack.or_else(|| Some(self.ask.brief()).filter(|ask| is_others && !ask.is_empty()))
    }
}
