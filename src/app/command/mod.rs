//! An open pending command: what a person reads of it, what was shown, and what was answered. Only a page that was
//! shown completely can be authorized.

pub mod delivery;
pub mod sheet;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::action::Action;
use super::text::hanging;
use crate::authorizing::{CommandDecision, PageRow, PendingCommand, RequestPage};
use crate::change::digest::Digest;
use crate::command::Verdict;
use crate::examination::RepositorySnapshot;
use crate::record::RecordId;
use crate::risk::Finding;
use crate::signing::{Prepared, SigningError};

/// Columns of the labels.
pub const LABEL: usize = 12;

/// A request as it was when it was read.
#[derive(Debug)]
pub struct OpenedCommand {
    pub snapshot: Arc<RepositorySnapshot>,
    pub pending: Arc<PendingCommand>,
    pub page: Arc<RequestPage>,
}

/// A page as it was read: the decision is about this page.
#[derive(Debug, Clone)]
pub struct ShownCommand {
    pub repository: usize,
    pub snapshot: Arc<RepositorySnapshot>,
    pub id: RecordId,
    pub page: Arc<RequestPage>,
}

/// Effects about commands.
#[derive(Debug, Clone)]
pub enum CommandEffect {
    /// Read a request again, and lay it out.
    Open {
        ticket: u64,
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
        id: RecordId,
    },
    /// For the sheet with this number.
    Prepare {
        sheet: u64,
        about: ShownCommand,
        decision: CommandDecision,
    },
    Sign {
        sheet: u64,
        about: ShownCommand,
        prepared: Box<Prepared<Verdict>>,
        passphrase: Option<String>,
    },
    /// Read the pending commands of a repository, after fetching from its remote.
    List {
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
    },
    /// Ask the broker for the output of a run that ended.
    Output {
        id: RecordId,
    },
    /// Send the records about commands, and nothing else.
    Deliver {
        repository: usize,
        snapshot: Arc<RepositorySnapshot>,
    },
}

/// The commands of a repository, and the result of fetching from its remote.
#[derive(Debug)]
pub struct CommandListing {
    pub commands: Vec<PendingCommand>,
    pub remote: AskedRemote,
}

/// The result of fetching commands from a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedRemote {
    /// There is no remote: the local ledger is everything.
    None,
    /// It answered, with warnings.
    Answered(Vec<String>),
    /// It did not answer, and why.
    Silent(String),
}

/// The result.
#[derive(Debug)]
pub enum CommandEvent {
    Opened {
        ticket: u64,
        repository: usize,
        result: Result<Box<OpenedCommand>, String>,
    },
    Prepared {
        sheet: u64,
        result: Result<Box<Prepared<Verdict>>, SigningError>,
    },
    Signed {
        sheet: u64,
        about: ShownCommand,
        verdict: Verdict,
        result: Result<String, SigningError>,
    },
    Listed {
        repository: usize,
        result: Result<CommandListing, String>,
    },
    /// The output of a run: standard output, standard error. None if nobody says where the broker is.
    Output {
        id: RecordId,
        result: Result<Option<[String; 2]>, String>,
    },
    /// Delivered to the remote of this name; none if there is no remote.
    Delivered {
        repository: usize,
        result: Result<Option<String>, String>,
    },
}

/// What a person has done with a page so far; kept while the program runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandDraft {
    /// The digest of the page.
    page: Option<Digest>,
    /// Its findings and omissions, to find their answers again on another page about the same request.
    asked: (Vec<String>, Vec<String>),
    /// By row: whether all of it has been on the screen.
    seen: Vec<bool>,
    /// The answer to each finding; blank if there is none.
    pub answers: Vec<String>,
    /// The acknowledgement of each omission, likewise.
    pub acknowledged: Vec<String>,
    /// The words for each verdict.
    pub reasons: BTreeMap<Verdict, String>,
    /// The answers were signed, and none was written since; of the words for a verdict, none are kept then.
    pub is_signed: bool,
}

impl CommandDraft {
    /// What was written and not signed.
    pub fn unsigned_words(&self) -> Vec<&str> {
        let answers = self.answers.iter().chain(&self.acknowledged).filter(|_| !self.is_signed);
        answers.chain(self.reasons.values()).map(|text| text.trim()).filter(|text| !text.is_empty()).collect()
    }

    /// The draft for a page: marks on another page do not count, but the texts for what it still asks are kept.
    fn for_page(self, page: &RequestPage) -> CommandDraft {
        let digest = page.digest();
        if self.page == Some(digest) {
            return self;
        }
        let again = |asked: &[String], texts: &[String], now: &String| {
            asked.iter().position(|then| then == now).and_then(|at| texts.get(at).cloned()).unwrap_or_default()
        };
        let findings: Vec<String> = page.findings.iter().map(Finding::key).collect();
        let answers = findings.iter().map(|now| again(&self.asked.0, &self.answers, now)).collect();
        let acknowledged = page.omissions.iter().map(|now| again(&self.asked.1, &self.acknowledged, now)).collect();
        CommandDraft {
            page: Some(digest),
            asked: (findings, page.omissions.clone()),
            seen: vec![false; page.rows.len()],
            answers,
            acknowledged,
            reasons: self.reasons,
            is_signed: self.is_signed,
        }
    }
}

/// A row of the screen: a row of the page may need several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Of the page.
    pub row: usize,
    pub label: String,
    pub text: String,
}

/// What an authorization still needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    pub rows: usize,
    pub findings: usize,
    pub omissions: usize,
}

/// A request on the screen.
#[derive(Debug, Clone)]
pub struct CommandView {
    pub ticket: u64,
    pub repository: usize,
    pub snapshot: Arc<RepositorySnapshot>,
    pub pending: Arc<PendingCommand>,
    pub page: Arc<RequestPage>,
    pub draft: CommandDraft,
    pub parts: Vec<Part>,
    /// The parts that were drawn at this width.
    drawn: HashSet<usize>,
    width: usize,
    height: usize,
    pub cursor: usize,
    pub scroll: usize,
}

impl CommandView {
    pub fn new(ticket: u64, repository: usize, opened: OpenedCommand, draft: CommandDraft) -> CommandView {
        let OpenedCommand { snapshot, pending, page } = opened;
        let draft = draft.for_page(&page);
        let (parts, drawn) = (Vec::new(), HashSet::new());
        CommandView {
            ticket,
            repository,
            snapshot,
            pending,
            page,
            draft,
            parts,
            drawn,
            width: 0,
            height: 1,
            cursor: 0,
            scroll: 0,
        }
    }

    /// Folds the page to a width; the cursor stays on its row.
    pub fn lay_out(&mut self, width: usize, height: usize) {
        self.height = height.max(1);
        if width != self.width {
            let row = self.parts.get(self.cursor).map_or(0, |part| part.row);
            self.width = width;
            self.drawn.clear();
            self.parts = parts(&self.page, width);
            self.cursor = self.parts.iter().position(|part| part.row == row).unwrap_or(0);
        }
        let last = self.parts.len().saturating_sub(1);
        self.cursor = self.cursor.min(last);
        let lowest = self.cursor.saturating_sub(self.height - 1);
        self.scroll = self.scroll.clamp(lowest, self.cursor).min(self.parts.len().saturating_sub(self.height));
    }

    /// The present layout was drawn.
    pub fn note_shown(&mut self) {
        let end = (self.scroll + self.height).min(self.parts.len());
        self.drawn.extend(self.scroll..end);
        let Some((first, last)) = self.parts.get(self.scroll).zip(self.parts.get(end.saturating_sub(1))) else {
            return;
        };
        for row in first.row..=last.row {
            let is_whole = |at: &usize| self.drawn.contains(at);
            let start = self.parts.partition_point(|part| part.row < row);
            let after = self.parts.partition_point(|part| part.row <= row);
            self.draft.seen[row] |= (start..after).all(|at| is_whole(&at));
        }
    }

    pub fn left(&self) -> Left {
        let is_open = |(at, answer): (usize, &String)| self.page.asks(at) && answer.trim().is_empty();
        Left {
            rows: self.draft.seen.iter().filter(|seen| !**seen).count(),
            findings: self.draft.answers.iter().enumerate().filter(|one| is_open(*one)).count(),
            omissions: self.draft.acknowledged.iter().filter(|text| text.trim().is_empty()).count(),
        }
    }

    /// The page that the decision is about.
    pub fn shown(&self) -> ShownCommand {
        let (repository, snapshot, page) = (self.repository, self.snapshot.clone(), self.page.clone());
        ShownCommand { repository, snapshot, id: self.pending.id, page }
    }

    /// Whether all of a row of the page was on the screen.
    pub fn is_seen(&self, row: usize) -> bool {
        self.draft.seen.get(row).copied().unwrap_or_default()
    }

    /// Refusals by others that have not been on the screen.
    pub fn unread_refusals(&self) -> usize {
        self.page.refusals().filter(|row| !self.is_seen(*row)).count()
    }

    /// The part of the draft that is signed.
    pub fn decision(&self, verdict: Verdict) -> CommandDecision {
        CommandDecision {
            verdict,
            reason: self.draft.reasons.get(&verdict).cloned().unwrap_or_default(),
            seen: self.draft.seen.iter().filter(|seen| **seen).count(),
            answers: self.draft.answers.clone(),
            acknowledged: self.draft.acknowledged.clone(),
        }
    }

    /// The row of the page under the cursor.
    pub fn row(&self) -> Option<&PageRow> {
        self.parts.get(self.cursor).and_then(|part| self.page.rows.get(part.row))
    }

    /// The answer to a row; none if the row needs no answer.
    pub fn answer(&self, row: &PageRow) -> Option<&str> {
        match row {
            PageRow::Finding(at) => self.draft.answers.get(*at).map(String::as_str),
            PageRow::Omission(at) => self.draft.acknowledged.get(*at).map(String::as_str),
            _ => None,
        }
    }

    pub fn set_answer(&mut self, row: &PageRow, text: &str) {
        let slot = match row {
            PageRow::Finding(at) => self.draft.answers.get_mut(*at),
            PageRow::Omission(at) => self.draft.acknowledged.get_mut(*at),
            _ => None,
        };
        if let Some(slot) = slot {
            *slot = text.trim().to_owned();
            self.draft.is_signed = false;
        }
    }

    /// Moves; returns a sentence if there is something to report.
    pub fn update(&mut self, action: Action, times: usize) -> Option<String> {
        let (page, last) = (self.height, self.parts.len().saturating_sub(1));
        let at = self.cursor;
        let cursor = match action {
            Action::Down => at.saturating_add(times),
            Action::Up => at.saturating_sub(times),
            Action::HalfDown => at.saturating_add(page / 2 * times),
            Action::HalfUp => at.saturating_sub(page / 2 * times),
            Action::PageDown => at.saturating_add(page * times),
            Action::PageUp => at.saturating_sub(page * times),
            Action::Top => 0,
            Action::Bottom => last,
            Action::Advance => {
                // The next page begins where this one ends, so that nothing is skipped.
                let next = self.scroll + page;
                if next > last {
                    return Some(self.end());
                }
                self.scroll = next;
                next
            }
            Action::NextUnseen => match self.parts.iter().position(|part| !self.draft.seen[part.row]) {
                Some(at) => at,
                None => return Some("all of it was shown".to_owned()),
            },
            Action::NextFile | Action::NextHunk => self.heading((at + 1..=last).chain(0..at))?,
            Action::PreviousFile | Action::PreviousHunk => self.heading((0..at).rev().chain((at..=last).rev()))?,
            Action::NextFinding => match self.open_item((at + 1..=last).chain(0..=at.min(last))) {
                Some(at) => at,
                None => return Some("every finding is answered, and all that is not shown acknowledged".to_owned()),
            },
            Action::PreviousFinding => match self.open_item((0..at).rev().chain((at..=last).rev())) {
                Some(at) => at,
                None => return Some("every finding is answered, and all that is not shown acknowledged".to_owned()),
            },
            _ => return None,
        };
        self.cursor = cursor.min(last);
        if matches!(action, Action::NextFinding | Action::PreviousFinding) {
            self.keep_in_sight();
        }
        None
    }

    /// Scrolls no further than needed to show all of the row that the cursor is on.
    pub fn keep_in_sight(&mut self) {
        let Some(row) = self.parts.get(self.cursor).map(|part| part.row) else { return };
        let start = self.parts.partition_point(|part| part.row < row);
        let end = self.parts.partition_point(|part| part.row <= row);
        if self.cursor < start + self.height {
            self.scroll = self.scroll.clamp(end.saturating_sub(self.height).min(start), start);
        }
    }

    /// Scrolls; the cursor stays as long as it is on the screen.
    pub fn wheel(&mut self, rows: isize) {
        let end = self.parts.len().saturating_sub(self.height);
        self.scroll = self.scroll.saturating_add_signed(rows).min(end);
        self.cursor = self.cursor.clamp(self.scroll, self.scroll + self.height - 1);
    }

    /// To a row of the screen's list.
    pub fn go(&mut self, at: usize) {
        self.cursor = at.min(self.parts.len().saturating_sub(1));
    }

    fn end(&self) -> String {
        match self.left().rows {
            0 => "this is the end, and all of it was shown".to_owned(),
            1 => "this is the end; one row above was not shown".to_owned(),
            n => format!("this is the end; {n} rows above were not shown"),
        }
    }

    fn heading(&self, mut places: impl Iterator<Item = usize>) -> Option<usize> {
        places.find(|at| {
            let row = self.parts.get(*at).map(|part| part.row);
            row.is_some_and(|row| matches!(self.page.rows[row], PageRow::Heading(_)))
        })
    }

    /// The first row that still needs an answer.
    fn open_item(&self, mut places: impl Iterator<Item = usize>) -> Option<usize> {
        places.find(|at| {
            let Some(part) = self.parts.get(*at) else { return false };
            let is_first = *at == 0 || self.parts[at - 1].row != part.row;
            let row = &self.page.rows[part.row];
            let asks = match row {
                PageRow::Finding(at) => self.page.asks(*at),
                PageRow::Omission(_) => true,
                _ => false,
            };
            is_first && asks && self.answer(row).is_some_and(|answer| answer.trim().is_empty())
        })
    }
}

/// The rows of a page, folded.
fn parts(page: &RequestPage, width: usize) -> Vec<Part> {
    let room = width.saturating_sub(LABEL + 2).max(10);
    let mut parts = Vec::new();
    for (row, what) in page.rows.iter().enumerate() {
        let (label, text) = page.words(what);
        let columns = if matches!(what, PageRow::Heading(_)) { width.max(10) } else { room };
        let folded = hanging(&text, columns);
        for (at, text) in folded.into_iter().enumerate() {
            let label = if at == 0 { label.clone() } else { String::new() };
            parts.push(Part { row, label, text });
        }
    }
    parts
}
