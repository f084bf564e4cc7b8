//! The queue: all pending changes of all repositories, riskiest first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Listing;
use super::action::Action;
use super::review::lens::Since;
use crate::change::{Change, visible};
use crate::decision::Revised;
use crate::survey::{self, Examination, Place};

/// A repository of the desk.
#[derive(Debug, Clone)]
pub enum Source {
    Reading { path: String },
    Ready(Arc<Place>),
    Failed { path: String, why: String },
}

/// How far the examination of a change is.
#[derive(Debug, Clone)]
pub enum Examined {
    Pending,
    Done(Arc<Examination>),
    Failed(String),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub change: Arc<Change>,
    pub examined: Examined,
    pub need: String,
    pub again: Option<Again>,
}

/// A change that moved since the person looked or decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    pub since: Since,
    pub then: Revised,
    /// What came, once it is known.
    pub told: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Risk,
    Age,
    Size,
}

impl Sort {
    pub fn name(self) -> &'static str {
        match self {
            Sort::Risk => "risk",
            Sort::Age => "age",
            Sort::Size => "size",
        }
    }
}

/// One line of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueRow {
    Change(usize),
    /// A repository that cannot be read: one grey row with the reason.
    Failed(usize),
    /// A branch that cannot be read, likewise.
    Broken(usize),
}

/// A branch that could not be read.
#[derive(Debug, Clone)]
pub struct Broken {
    pub repository: usize,
    pub what: String,
    pub why: String,
}

#[derive(Debug, Clone)]
pub struct Queue {
    pub sources: Vec<Source>,
    pub broken: Vec<Broken>,
    pub entries: Vec<Entry>,
    pub sort: Sort,
    pub filter: String,
    /// Id of the selected change: the selection stays with it when rows move.
    pub selected: Option<String>,
    pub cursor: usize,
    pub scroll: usize,
    pub preview: bool,
    /// By repository: records that its remote does not have yet.
    pub outbox: BTreeMap<usize, usize>,
}

impl Queue {
    pub fn new(paths: &[std::path::PathBuf]) -> Queue {
        let sources = paths.iter().map(|path| Source::Reading { path: path.display().to_string() }).collect();
        Queue {
            sources,
            broken: Vec::new(),
            entries: Vec::new(),
            sort: Sort::Risk,
            filter: String::new(),
            selected: None,
            cursor: 0,
            scroll: 0,
            preview: true,
            outbox: BTreeMap::new(),
        }
    }

    pub fn place(&self, change: &Change) -> Option<&Arc<Place>> {
        match self.sources.get(change.repository) {
            Some(Source::Ready(place)) => Some(place),
            _ => None,
        }
    }

    /// Takes in the changes of one repository, in place of what it had.
    pub fn listed(&mut self, repository: usize, listing: Listing) {
        let Listing { place, changes, mut again, broken, outbox } = listing;
        self.outbox.remove(&repository);
        self.outbox.extend(outbox.map(|records| (repository, records)));
        let mut known: BTreeMap<_, _> =
            self.entries.iter().map(|e| ((e.change.id.clone(), e.change.revision.head), e.examined.clone())).collect();
        self.entries.retain(|entry| entry.change.repository != repository);
        for change in changes {
            let examined = known.remove(&(change.id.clone(), change.revision.head)).unwrap_or(Examined::Pending);
            let again = again.remove(&change.id);
            self.entries.push(Entry { change, examined, need: String::new(), again });
        }
        self.broken.retain(|broken| broken.repository != repository);
        self.broken.extend(broken.into_iter().map(|(what, why)| Broken { repository, what, why }));
        self.sources[repository] = Source::Ready(place);
        self.keep_selection();
    }

    pub fn failed(&mut self, repository: usize, why: String) {
        let path = match &self.sources[repository] {
            Source::Reading { path } | Source::Failed { path, .. } => path.clone(),
            Source::Ready(place) => place.root.display().to_string(),
        };
        self.entries.retain(|entry| entry.change.repository != repository);
        self.broken.retain(|broken| broken.repository != repository);
        self.sources[repository] = Source::Failed { path, why };
    }

    pub fn examined(&mut self, id: &str, result: Result<Arc<Examination>, String>, me: Option<&str>, now: i64) {
        let Some(at) = self.entries.iter().position(|entry| entry.change.id == id) else { return };
        let need = match (&result, self.place(&self.entries[at].change)) {
            (Ok(examination), Some(place)) => survey::need(place, examination, me, now),
            _ => "unreadable".to_owned(),
        };
        let entry = &mut self.entries[at];
        entry.need = need;
        entry.examined = result.map_or_else(Examined::Failed, Examined::Done);
        self.keep_selection();
    }

    /// What came to a change since the person looked or decided.
    pub fn came(&mut self, id: &str, told: String) {
        let entry = self.entries.iter_mut().find(|entry| entry.change.id == id);
        if let Some(again) = entry.and_then(|entry| entry.again.as_mut()) {
            again.told = Some(told);
        }
    }

    /// The rows to show, in order.
    pub fn rows(&self) -> Vec<QueueRow> {
        let mut changes: Vec<usize> = (0..self.entries.len()).filter(|&at| self.matches(&self.entries[at])).collect();
        changes.sort_by_cached_key(|&at| self.key(&self.entries[at]));
        let failed = self.sources.iter().enumerate().filter(|(_, source)| matches!(source, Source::Failed { .. }));
        let broken = (0..self.broken.len()).map(QueueRow::Broken);
        changes
            .into_iter()
            .map(QueueRow::Change)
            .chain(broken)
            .chain(failed.map(|(at, _)| QueueRow::Failed(at)))
            .collect()
    }

    fn key(&self, entry: &Entry) -> (i64, i64, String) {
        let id = entry.change.id.clone();
        let Examined::Done(examination) = &entry.examined else { return (i64::MAX, 0, id) };
        let (tier, points, _) = survey::urgency(&entry.change, examination);
        // Signed and rejected changes ask for nobody: they come after those that do.
        let settled = match entry.need.as_str() {
            "signed" | "rejected" => 20,
            // Signed by this person, and others are asked.
            "waiting" => 10,
            _ => 0,
        };
        match self.sort {
            Sort::Risk => (settled + i64::from(tier), -i64::from(points.0), id),
            Sort::Age => (entry.change.revision.commits.first().map_or(0, |c| c.time), 0, id),
            Sort::Size => (-i64::from(examination.added + examination.removed), 0, id),
        }
    }

    fn matches(&self, entry: &Entry) -> bool {
        let agent = match &entry.examined {
            Examined::Done(examination) => examination.provenance.word().to_owned(),
            _ => String::new(),
        };
        let again = entry.again.as_ref().map_or("", |_| "again");
        let text =
            format!("{} {} {agent} {} {again}", entry.change.id, entry.change.title(), entry.need).to_lowercase();
        self.filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    pub fn current(&self) -> Option<QueueRow> {
        self.rows().get(self.cursor).copied()
    }

    pub fn selected_entry(&self) -> Option<&Entry> {
        match self.current()? {
            QueueRow::Change(at) => self.entries.get(at),
            QueueRow::Failed(_) | QueueRow::Broken(_) => None,
        }
    }

    /// Rows may have moved: the cursor follows the selected change. Before a choice was made it stays at the top.
    fn keep_selection(&mut self) {
        let rows = self.rows();
        let place = self.selected.as_ref().and_then(|id| {
            rows.iter().position(|row| matches!(row, QueueRow::Change(at) if self.entries[*at].change.id == *id))
        });
        self.cursor = place.unwrap_or(self.cursor).min(rows.len().saturating_sub(1));
    }

    /// Moves and toggles; `page` is the number of rows on the screen. A sentence comes back where there is something to say.
    pub fn update(&mut self, action: Action, times: usize, page: usize) -> Option<String> {
        let last = self.rows().len().saturating_sub(1);
        let cursor = match action {
            Action::Down => self.cursor.saturating_add(times),
            Action::Up => self.cursor.saturating_sub(times),
            Action::HalfDown => self.cursor.saturating_add(page / 2 * times),
            Action::HalfUp => self.cursor.saturating_sub(page / 2 * times),
            Action::PageDown => self.cursor.saturating_add(page * times),
            Action::PageUp => self.cursor.saturating_sub(page * times),
            Action::Top => 0,
            Action::Bottom => last,
            Action::NextAgain => match self.next_again() {
                Some(at) => at,
                None => return Some("nothing moved since you looked or decided".to_owned()),
            },
            Action::Preview => {
                self.preview = !self.preview;
                return None;
            }
            Action::Sort => {
                self.sort = match self.sort {
                    Sort::Risk => Sort::Age,
                    Sort::Age => Sort::Size,
                    Sort::Size => Sort::Risk,
                };
                self.keep_selection();
                return None;
            }
            _ => return None,
        };
        self.select(cursor.min(last));
        self.follow(page);
        None
    }

    pub fn select(&mut self, row: usize) {
        self.cursor = row.min(self.rows().len().saturating_sub(1));
        self.selected = self.selected_entry().map(|entry| entry.change.id.clone());
    }

    /// Scrolls; the selection stays as long as it is on the screen.
    pub fn wheel(&mut self, rows: isize, page: usize) {
        let end = self.rows().len().saturating_sub(page);
        self.scroll = self.scroll.saturating_add_signed(rows).min(end);
        self.select(self.cursor.clamp(self.scroll, self.scroll + page.saturating_sub(1)));
    }

    fn next_again(&self) -> Option<usize> {
        let rows = self.rows();
        let is_again = |at: &usize| matches!(rows[*at], QueueRow::Change(entry) if self.entries[entry].again.is_some());
        (self.cursor + 1..rows.len()).chain(0..rows.len().min(self.cursor + 1)).find(is_again)
    }

    pub fn set_filter(&mut self, filter: &str, page: usize) {
        self.filter = visible::text(filter).into_owned();
        self.cursor = 0;
        self.keep_selection();
        self.follow(page);
    }

    /// Scrolls so that the cursor is on the screen.
    pub fn follow(&mut self, page: usize) {
        let page = page.max(1);
        self.scroll = self.scroll.clamp(self.cursor.saturating_sub(page - 1), self.cursor);
    }
}

impl Queue {
    /// What cannot be read in a row, and why.
    pub fn trouble(&self, row: QueueRow) -> Option<(&str, &str)> {
        match row {
            QueueRow::Change(_) => None,
            QueueRow::Broken(at) => self.broken.get(at).map(|broken| (broken.what.as_str(), broken.why.as_str())),
            QueueRow::Failed(at) => match self.sources.get(at) {
                Some(Source::Failed { path, why }) => Some((path, why)),
                _ => None,
            },
        }
    }
}
