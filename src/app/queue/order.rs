//! The order of the queue: by whose turn it is, and in each section by what the person chose.

use std::collections::HashSet;

use unicode_width::UnicodeWidthStr as _;

use super::depends::Names;
use super::stacks::Stacks;
use super::{Entry, Examined, Queue, Section};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Risk,
    /// Only where a policy has a clock.
    Due,
    Age,
    Size,
}

impl Sort {
    pub fn name(self) -> &'static str {
        match self {
            Sort::Risk => "risk",
            Sort::Due => "due",
            Sort::Age => "age",
            Sort::Size => "size",
        }
    }
}

impl Sort {
    /// The order after this one.
    pub(super) fn next(self, has_clock: bool) -> Sort {
        match self {
            Sort::Risk if has_clock => Sort::Due,
            Sort::Risk | Sort::Due => Sort::Age,
            Sort::Age => Sort::Size,
            Sort::Size => Sort::Risk,
        }
    }
}

impl Queue {
    /// Sorts all entries again.
    pub fn arrange(&mut self) {
        self.longest_title = self.entries.iter().map(|entry| entry.title().width()).max().unwrap_or(0);
        let mut titles = HashSet::new();
        let again = self.entries.iter().map(Entry::title).filter(|title| !titles.insert(*title));
        self.shared_titles = again.map(str::to_owned).collect();
        self.longest_ask =
            self.entries.iter().filter_map(Entry::told_ask).map(|ask| ask.width()).max().unwrap_or_default();
        self.has_requests = self.entries.iter().any(|entry| entry.change.request().is_some());
        let has_any = |entry| self.comments(entry).is_some_and(|count| !count.sign().is_empty());
        self.has_comments = self.entries.iter().any(has_any);
        self.by_id = self.entries.iter().enumerate().map(|(at, entry)| (entry.change.id.clone(), at)).collect();
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by(|a, b| self.rank(*a).cmp(&self.rank(*b)));
        self.order = order;
        self.names = Names::of(&self.entries);
        self.stacks = Stacks::of(&self.entries, &self.by_id, &self.names);
    }

    /// The sort key of an entry.
    pub(super) fn rank(&self, at: usize) -> (Section, (i64, i64, &str)) {
        let entry = &self.entries[at];
        (entry.section(), self.key(entry))
    }

    fn key<'e>(&self, entry: &'e Entry) -> (i64, i64, &'e str) {
        let id = entry.change.id.as_str();
        let Examined::Done(examination) = &entry.examined else { return (i64::MAX, 0, id) };
        let (tier, points) = (examination.assessment.tier, examination.assessment.points);
        match self.sort {
            Sort::Risk => (i64::from(tier), -i64::from(points), id),
            Sort::Due => (self.deadlines(entry).map_or(i64::MAX, |own| own.due), i64::from(tier), id),
            Sort::Age => (entry.change.revision.commits.first().map_or(0, |c| c.time), 0, id),
            Sort::Size => (-i64::from(examination.added + examination.removed), 0, id),
        }
    }
}
