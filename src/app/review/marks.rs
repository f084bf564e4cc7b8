//! What the reviewer did: hunks marked as seen, findings answered, omissions acknowledged, notes.

use std::collections::HashSet;

use super::File;
use super::Review;
use super::rows::{self, Row};
use super::tally::Tally;
use super::work::Subject;
use crate::app::action::Action;
use crate::app::keymap::Keymap;
use crate::change::compare::Hunk;
use crate::change::counted;
use crate::change::diff::Side;
use crate::change::manifest::escape;
use crate::decision::anchor::Anchor;
use crate::decision::{Checklist, Draft, Note};
use crate::examination::comments::Remark;
use crate::examination::text_of;
use crate::risk::Severity;

/// Tiers up to this one require a reason for an approval.
const REASON_UP_TO_TIER: u8 = 2;

/// Whether a note is new at its place, or the one that is there: its position among all may change meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    New,
    There,
}

/// The progress of a review: done and all of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub hunks: (usize, usize),
    pub findings: (usize, usize),
    pub omissions: (usize, usize),
    /// Hunks that are not seen and have no finding.
    pub unflagged: usize,
}

/// Lines of one side, 1-based.
#[derive(Debug, Clone, Copy)]
struct SelectedLines {
    old_side: bool,
    first: u32,
    last: u32,
    /// Lines of the other side are selected too.
    is_mixed: bool,
    /// Something outside of the file is selected too.
    is_cut: bool,
}

impl Review {
    fn tally_of(&self, position: usize) -> Tally {
        let index = self.document.order()[position];
        if self.document.is_hidden(position) {
            return Tally::default();
        }
        let mut tally = Tally::of(&self.document.files()[index], self.document.rows()[position].folded, &self.work);
        if let Some(group) = self.document.group_at(position).filter(|_| tally.hunks.1 == 1) {
            let seen = usize::from(self.is_group_seen(group));
            (tally.hunks, tally.unflagged) = ((seen, 1), 1 - seen);
        }
        for (at, _) in self.findings.counted_in(index).filter(|(_, finding)| finding.asks()) {
            tally.findings.1 += 1;
            tally.findings.0 += usize::from(self.is_answered(at));
        }
        let open = self.findings.in_file(index).filter(|(at, _)| !self.is_answered(*at));
        tally.worst = open.map(|(_, finding)| finding.severity).max();
        tally
    }

    /// The gravest finding of a file that is not answered.
    pub fn worst_open(&self, position: usize) -> Option<Severity> {
        self.tallies.of(self.document.order()[position]).worst
    }

    /// Whether a finding, by its index in the list of all, needs nothing more.
    pub fn is_answered(&self, finding: usize) -> bool {
        let is_note = self.findings.get(finding).is_some_and(|finding| !finding.asks());
        is_note || self.answer_to(finding).is_some()
    }

    /// Counts a file again, after its rows or marks changed.
    pub(super) fn count(&mut self, position: usize) {
        let counted = self.tally_of(position);
        self.tallies.set(self.document.order()[position], counted);
    }

    /// Seen and all: hunks, findings, omissions.
    pub fn progress(&self) -> Progress {
        let Tally { hunks, findings, omissions, unflagged, .. } = self.tallies.sum();
        Progress { hunks, findings, omissions, unflagged }
    }

    /// The key of a mark of a file.
    pub fn mark_key(&self, position: usize, mark: usize) -> Option<&String> {
        self.document.inventory_at(position)?.hunks.get(mark)
    }

    pub fn is_seen(&self, position: usize, mark: usize) -> bool {
        match self.document.group_at(position) {
            Some(group) => self.is_group_seen(group),
            None => self.mark_key(position, mark).is_some_and(|key| self.work.is_seen(key)),
        }
    }

    /// Whether a mark was made in an earlier revision; an item of many files was if all of theirs were.
    pub fn is_carried_over(&self, position: usize, mark: usize) -> bool {
        let is_old = |key: &String| self.work.is_carried_over(key);
        match self.document.group_at(position) {
            Some(group) => self.keys_of_group(group).all(|key| key.is_some_and(is_old)),
            None => self.mark_key(position, mark).is_some_and(is_old),
        }
    }

    /// How many of the seen hunks are carried over, counted like those.
    pub fn carried_over(&self) -> usize {
        let of = |position: usize| {
            let all = if self.document.is_hidden(position) { 0 } else { self.marks_of(position).1 };
            (0..all).filter(|&mark| self.is_seen(position, mark) && self.is_carried_over(position, mark)).count()
        };
        (0..self.document.order().len()).map(of).sum()
    }

    /// Whether all marks of a file are seen; a file without any (only omissions) is when they are acknowledged.
    pub fn is_file_seen(&self, position: usize) -> bool {
        let Tally { hunks, omissions, .. } = self.tallies.of(self.document.order()[position]);
        self.document.inventory_at(position).is_some() && hunks.0 == hunks.1 && omissions.0 == omissions.1
    }

    /// Whether the first mark of a file is seen, also while another file stands for it.
    pub fn is_own_mark_seen(&self, position: usize) -> bool {
        let own = self.document.files()[self.document.order()[position]].inventory.as_ref();
        own.and_then(|own| own.hunks.first()).is_some_and(|key| self.work.is_seen(key))
    }

    /// Whether a file needs nothing more: it is seen, and its findings are answered.
    pub fn is_file_done(&self, position: usize) -> bool {
        self.is_file_seen(position) && self.open_findings_in(position) == 0
    }

    /// Whether a file has hunks that can be seen; otherwise it has only something to acknowledge.
    pub fn has_marks(&self, position: usize) -> bool {
        self.tallies.of(self.document.order()[position]).hunks.1 > 0
    }

    /// Findings of a file that are not answered.
    pub fn open_findings_in(&self, position: usize) -> usize {
        let Tally { findings, .. } = self.tallies.of(self.document.order()[position]);
        findings.1 - findings.0
    }

    /// All files were read and the rules have finished.
    pub fn is_complete(&self) -> bool {
        self.findings.examination().is_some() && self.document.files().iter().all(|file| file.inventory.is_some())
    }

    /// Files are still being read, or the rules have not finished: more may come to what is left.
    pub fn is_being_read(&self) -> bool {
        let is_read = |file: &File| file.inventory.is_some() || file.failed.is_some();
        let is_examined = self.findings.examination().is_some() || self.findings.is_failed;
        !(is_examined && self.document.files().iter().all(is_read))
    }

    /// Files whose contents are not here.
    pub fn failed_files(&self) -> usize {
        self.document.files().iter().filter(|file| file.failed.is_some() && file.inventory.is_none()).count()
    }

    pub fn checklist(&self) -> Checklist {
        let read =
            |position: usize| Some((self.document.inventory_at(position)?, self.document.rows()[position].folded));
        let files = || (0..self.document.order().len()).filter_map(read);
        let omissions = files().flat_map(|(inventory, folded)| inventory.asked(folded));
        let asked = self.findings.keyed().filter(|(f, _)| f.asks());
        Checklist {
            hunks: files().flat_map(|(inventory, folded)| inventory.marks(folded)).cloned().collect(),
            findings: asked.map(|(_, key)| key.clone()).collect(),
            omissions: omissions.map(|(_, omission)| omission.key.clone()).collect(),
            approval_needs_reason: self.findings.examination().is_none_or(|e| e.assessment.tier <= REASON_UP_TO_TIER),
        }
    }

    pub(super) fn see(&mut self, position: usize, keys: Vec<String>) {
        let keys = self.with_group(position, keys);
        if !self.work.read_only && !keys.is_empty() {
            self.work.draft.seen.extend(keys);
            self.count(position);
        }
    }

    /// Keys of marks that were entirely shown and end on this page.
    pub(super) fn ended_on_page(&self, position: usize) -> Vec<String> {
        let (file, start, end) =
            (&self.document.rows()[position], self.document.start_of(position), self.viewport.rows().end);
        let ends_here = |(mark, rows): &(usize, &std::ops::Range<usize>)| {
            let ends = start + rows.end;
            let inside = ends <= end && start + rows.start < end && ends >= self.viewport.scroll();
            inside && self.was_shown(position, *mark)
        };
        let ended = file.marks.iter().enumerate().filter(ends_here);
        ended.filter_map(|(mark, _)| self.mark_key(position, mark).cloned()).collect()
    }

    pub(super) fn toggle_hunk(&mut self, keymap: &Keymap) -> Option<String> {
        let (position, row) = self.here()?;
        let Some(mark) = self.document.rows()[position].mark_at(row) else {
            return Some("the cursor is on no hunk".to_owned());
        };
        self.toggle(position, vec![mark], keymap)
    }

    pub(super) fn toggle_file(&mut self, keymap: &Keymap) -> Option<String> {
        let position = self.current_file();
        if self.document.read_at(position).is_none() {
            return Some("this file is still being read".to_owned());
        }
        let marks = (0..self.document.rows()[position].marks.len()).collect();
        self.toggle(position, marks, keymap)
    }

    fn toggle(&mut self, position: usize, marks: Vec<usize>, keymap: &Keymap) -> Option<String> {
        if self.work.read_only {
            return Some(self.why_read_only(keymap));
        }
        let keys: Vec<_> = marks.iter().filter_map(|&mark| self.mark_key(position, mark).cloned()).collect();
        let keys = self.with_group(position, keys);
        if keys.is_empty() && !marks.is_empty() {
            return Some("these files are still being read and examined".to_owned());
        }
        if keys.iter().all(|key| self.work.is_seen(key)) {
            keys.iter().for_each(|key| _ = self.work.draft.seen.remove(key));
            self.count(position);
            return None;
        }
        let hidden =
            marks.iter().filter(|&&mark| !self.is_seen(position, mark) && !self.was_shown(position, mark)).count();
        if hidden > 0 {
            return Some(format!("not marked: {hidden} of its hunks were not wholly on the screen yet"));
        }
        self.see(position, keys);
        None
    }

    pub fn why_read_only(&self, keymap: &Keymap) -> String {
        match self.part.shown() {
            Some(_) => {
                let back = keymap.first(Action::Back);
                format!("A part of the change is read, not signed; {back} goes back to all of it.")
            }
            None => "This review is read-only; name where it would land with --target.".to_owned(),
        }
    }

    /// What `answer` is about at the cursor, and the prompt for it.
    pub fn subject(&self) -> Option<(Subject, String)> {
        match self.current_row()? {
            Row::Finding { finding, .. } | Row::FindingDetail { finding, .. } => {
                let f = self.findings.get(finding as usize)?;
                let all = if f.count() > 1 { format!("At all {} places: ", f.count()) } else { String::new() };
                Some((Subject::Finding(f.key()), format!("{all}{}", f.ask)))
            }
            Row::Omission { omission, .. } => {
                let inventory = self.document.inventory_at(self.current_file())?;
                let omission = inventory.omissions.get(omission as usize)?;
                let question = format!("Why is it acceptable not to see this? {}", omission.what);
                Some((Subject::Omission(omission.key.clone()), question))
            }
            _ => None,
        }
    }

    /// What a colleague wrote, if the cursor is on it.
    pub fn remark(&self) -> Option<&Remark> {
        let Row::Comment { comment, .. } = self.current_row()? else { return None };
        self.line_facts.colleagues.get(comment as usize)
    }

    /// What `answer-alike` is about at the cursor, and the prompt for it: omissions of a kind, or findings of a rule.
    pub fn alike(&self) -> Result<(Vec<Subject>, String), String> {
        match self.current_row() {
            Some(Row::Omission { omission, .. }) => self.omissions_of_kind(omission),
            _ => self.findings_of_rule(),
        }
    }

    /// The open omissions of the kind of this one whose whole texts were on the screen, and the prompt for one reason
    /// for all of them.
    fn omissions_of_kind(&self, own: u32) -> Result<(Vec<Subject>, String), String> {
        let here = self.document.inventory_at(self.current_file()).and_then(|here| here.omissions.get(own as usize));
        let Some(here) = here else { return Err("This file is still being read.".to_owned()) };
        if !self.is_omission_shown(self.current_file(), own) {
            return Err("Not yet: the whole text of this omission was not on the screen.".to_owned());
        }
        let (mut shown, mut left) = (Vec::new(), 0);
        for position in 0..self.document.order().len() {
            let Some(inventory) = self.document.inventory_at(position) else { continue };
            let asked = inventory.asked(self.document.rows()[position].folded);
            let open = asked.filter(|(_, one)| one.kind == here.kind && !self.work.is_acknowledged(&one.key));
            for (at, one) in open {
                match self.is_omission_shown(position, at as u32) {
                    true => shown.push(Subject::Omission(one.key.clone())),
                    false => left += 1,
                }
            }
        }
        if shown.is_empty() {
            return Err(match left {
                0 => "Each omission of this kind is acknowledged.".to_owned(),
                _ => "Not yet: no open omission of this kind has been on the screen in full.".to_owned(),
            });
        }
        let others = if left > 0 { format!(" ({left} more not on the screen yet)") } else { String::new() };
        let omissions = counted(shown.len(), "omission");
        let question = format!(
            "One reason for {omissions} of this kind{others}. Why is it acceptable not to see this? {}",
            here.what
        );
        Ok((shown, question))
    }

    /// The open findings of the rule at the cursor that are on hunks marked as seen, and the prompt for one answer to
    /// all of them. Nobody answers for what nobody has seen.
    fn findings_of_rule(&self) -> Result<(Vec<Subject>, String), String> {
        let at_cursor = match self.current_row() {
            Some(Row::Finding { finding, .. } | Row::FindingDetail { finding, .. }) => {
                self.findings.get(finding as usize)
            }
            _ => None,
        };
        let at_cursor = at_cursor.ok_or("Put the cursor on a finding of the rule, or on an omission.")?;
        let is_open = |at: &usize| self.findings.all()[*at].rule == at_cursor.rule && !self.is_answered(*at);
        let open: Vec<usize> = (0..self.findings.all().len()).filter(is_open).collect();
        let seen: Vec<usize> = open.iter().copied().filter(|at| self.is_finding_seen(*at)).collect();
        let of_rule = format!("of {}", at_cursor.rule);
        let left = open.len() - seen.len();
        if seen.is_empty() {
            return Err(match left {
                0 => format!("Each finding {of_rule} has an answer."),
                _ => format!("Mark hunks as seen first: no open finding {of_rule} is on one that you have seen."),
            });
        }
        let others = if left > 0 { format!(" ({left} more on hunks not seen)") } else { String::new() };
        let findings = counted(seen.len(), "finding");
        let question = format!("One answer to {findings} {of_rule}{others}: {}", at_cursor.ask);
        Ok((seen.into_iter().map(|at| Subject::Finding(self.findings.all()[at].key())).collect(), question))
    }

    /// Whether each of its places is on a hunk that is marked as seen, as far as places are loaded, or in a file of
    /// which all are.
    fn is_finding_seen(&self, finding: usize) -> bool {
        let mut is_anywhere = false;
        (0..self.document.order().len()).all(|position| {
            let is_here = self.findings.is_in(finding, self.document.order()[position]);
            is_anywhere |= is_here;
            !is_here || self.is_file_seen(position) || self.are_places_seen(position, finding)
        }) && is_anywhere
    }

    fn are_places_seen(&self, position: usize, wanted: usize) -> bool {
        let rows = self.document.rows()[position].rows.iter().enumerate();
        let is_place = |row: &Row| matches!(row, Row::Finding { finding, .. } if *finding as usize == wanted);
        let mut places =
            rows.filter(|(_, row)| is_place(row)).map(|(at, _)| self.document.rows()[position].mark_at(at)).peekable();
        let is_seen = |mark: Option<usize>| mark.is_some_and(|mark| self.is_seen(position, mark));
        places.peek().is_some() && places.all(is_seen)
    }

    /// Records an answer; an empty one removes it.
    pub fn answer(&mut self, subject: Subject, text: &str) {
        let (owner, others) = self.owners_of(&subject);
        self.work.answer(subject, text);
        owner.into_iter().for_each(|position| self.rebuild(position));
        for index in others {
            self.document.make_stale(self.document.files()[index].body.is_some().then_some(index));
            self.document.position_of(index).into_iter().for_each(|position| self.count(position));
        }
    }

    /// The position of the first file that something is about, and the other files: the cursor may have moved since the
    /// prompt.
    fn owners_of(&self, subject: &Subject) -> (Option<usize>, Vec<usize>) {
        let is_about = |index: &usize| match subject {
            Subject::Finding(key) => {
                self.findings.places_in(*index).iter().any(|&(at, _)| self.findings.key(at) == Some(key))
            }
            Subject::Omission(key) => {
                self.document.files()[*index].inventory.iter().any(|i| i.omissions.iter().any(|o| o.key == *key))
            }
        };
        let mut about = (0..self.document.files().len()).filter(is_about);
        let first = about.next().and_then(|index| self.document.position_of(index));
        (first, about.collect())
    }

    /// The draft has become a record: a decision, or a withdrawal.
    pub fn decided(&mut self, stands: bool, notes_are_signed: bool) {
        let noted = self.noted();
        self.work.decided(stands, notes_are_signed);
        noted.into_iter().for_each(|position| self.rebuild(position));
    }

    /// Merges what another desk did.
    pub fn take_over(&mut self, written: &Draft, merged: &Draft) {
        self.work.take_in(written, merged);
        self.document.make_loaded_stale();
        (0..self.document.order().len()).for_each(|position| self.count(position));
    }

    /// Positions of files with notes.
    fn noted(&self) -> Vec<usize> {
        let noted: HashSet<_> = self.work.draft.notes.iter().map(|note| &note.path).collect();
        let is_noted =
            |position: &usize| noted.contains(&escape(&self.diff.files[self.document.order()[*position]].path));
        if noted.is_empty() {
            return Vec::new();
        }
        let mut positions: Vec<usize> = (0..self.document.order().len()).filter(is_noted).collect();
        // Notes on no file of the change are at the first file.
        if positions.first() != Some(&0) && positions.len() < noted.len() {
            positions.insert(0, 0);
        }
        positions.retain(|position| *position < self.document.order().len());
        positions
    }

    /// The place of a note at the cursor (or on the selected lines), and the existing note.
    pub fn note_place(&self) -> Option<(Note, Noted)> {
        let (position, row) = self.here()?;
        let (file, _) = self.document.read_at(position)?;
        let selected = self.selected_lines().map(|own| (own.old_side, own.first, own.last));
        let row = self.document.row(position, row);
        if let Row::Note { note, .. } = row {
            return self.work.draft.notes.get(note as usize).map(|note| (note.clone(), Noted::There));
        }
        let (old_side, first, last) = match (row, self.line_of(position, row)) {
            _ if selected.is_some() => selected.unwrap_or_default(),
            (Row::Hunk { hunk }, _) => lines_of(file.comparison.hunks.get(hunk as usize)?),
            (Row::Finding { finding, place }, _) => self.line_of_finding(finding, place),
            (Row::FindingDetail { finding, .. }, _) => self.line_of_finding(finding, 0),
            (Row::Comment { comment, .. }, _) => self.lines_of_comment(comment, &escape(&file.diff.path)),
            (_, Some((old_side, line))) => (old_side, line, line),
            _ => (false, 0, 0),
        };
        let (line, until) = (first.min(last), first.max(last));
        let until = (until != line && line > 0).then_some(until);
        let whole = self.whole_at(position).filter(|_| line == 0);
        Some(self.note_at(Note { path: escape(&file.diff.path), old_side, line, until, whole, ..Note::default() }))
    }

    /// All that the file at a position stands for, if that is the files of a folder.
    fn whole_at(&self, position: usize) -> Option<String> {
        let group = self.document.group_at(position)?;
        Some(format!("all {} of {}", counted(group.count(), "file"), group.folder()?))
    }

    /// Side and lines of what a colleague wrote about; line 0 if that is not in this file any more.
    fn lines_of_comment(&self, comment: u32, path: &str) -> (bool, u32, u32) {
        let remark = self.line_facts.colleagues.get(comment as usize).map(|remark| &remark.note);
        let note = remark.filter(|note| note.path == path && !note.is_outdated());
        note.map_or((false, 0, 0), |note| (note.old_side, note.line, note.until.unwrap_or(note.line)))
    }

    /// Side, and twice the line, of a place of a finding; line 0 if it is about the file.
    fn line_of_finding(&self, finding: u32, place: u32) -> (bool, u32, u32) {
        let Some(finding) = self.findings.get(finding as usize) else { return (false, 0, 0) };
        let at = finding.places.get(place as usize).map_or(&finding.location, |place| &place.location);
        (at.side == Side::Old, at.line, at.line)
    }

    /// A note on the whole file under the cursor.
    pub fn file_note_place(&self) -> Option<(Note, Noted)> {
        let path = &self.diff.files.get(*self.document.order().get(self.current_file())?)?.path;
        let whole = self.whole_at(self.current_file());
        Some(self.note_at(Note { path: escape(path), whole, ..Note::default() }))
    }

    /// A note on a path of the head, touched or not, as [`escape`] writes it.
    pub fn path_note_place(&self, path: &str) -> (Note, Noted) {
        self.note_at(Note { path: path.to_owned(), ..Note::default() })
    }

    /// A note on the change as a whole.
    pub fn change_note_place(&self) -> (Note, Noted) {
        self.note_at(Note::default())
    }

    fn note_at(&self, place: Note) -> (Note, Noted) {
        let there = self.work.draft.notes.iter().find(|note| note.is_at(&place));
        there.map_or((place, Noted::New), |note| (note.clone(), Noted::There))
    }

    /// Side and 1-based number of the line that a row shows: the new one where there are both.
    pub fn line_of(&self, position: usize, row: Row) -> Option<(bool, u32)> {
        let (file, _) = self.document.read_at(position)?;
        if let Row::Beyond { new, .. } = row {
            return Some((false, new + 1));
        }
        let hunk = file.comparison.hunks.get(row.hunk()? as usize)?;
        let (line, _) = row.lines().last()?;
        Some(rows::place_of(*hunk.lines.get(line as usize)?))
    }

    /// The lines of one side in the selection, as far as it is in the file under the cursor: of the side that both of
    /// its ends have, or else of the side of the cursor. A heading has the lines below it.
    fn selected_lines(&self) -> Option<SelectedLines> {
        let position = self.here()?.0;
        let (file, _) = self.document.read_at(position)?;
        let (selected, start) = (self.selected_rows(), self.document.start_of(position));
        let own = selected.start.max(start)..selected.end.min(start + self.document.height_of(position));
        let sides = |row: usize| match self.document.row(position, row - start) {
            Row::Beyond { old, new, .. } => vec![(true, old + 1), (false, new + 1)],
            row => {
                let hunk = row.hunk().and_then(|hunk| file.comparison.hunks.get(hunk as usize));
                let lines = row.lines().filter_map(|(line, _)| hunk?.lines.get(line as usize));
                lines.flat_map(rows::numbers_of).collect()
            }
        };
        let rows: Vec<Vec<(bool, u32)>> = own.clone().map(sides).filter(|sides| !sides.is_empty()).collect();
        let has =
            |row: Option<&Vec<(bool, u32)>>, old_side| row.is_some_and(|row| row.iter().any(|at| at.0 == old_side));
        let ends = [rows.first(), rows.last()];
        let at_cursor = if self.viewport.cursor() + 1 == selected.end { rows.last() } else { rows.first() };
        let both = [false, true].into_iter().find(|old_side| ends.iter().all(|row| has(*row, *old_side)));
        let old_side = both.unwrap_or_else(|| !has(at_cursor, false));
        let lines = || rows.iter().flatten().filter(|(old, _)| *old == old_side).map(|(_, line)| *line);
        // Context is on both sides: only lines that are on the other side alone are left out.
        let is_mixed = rows.iter().any(|row| !has(Some(row), old_side));
        let is_cut = own != selected;
        Some(SelectedLines { old_side, first: lines().min()?, last: lines().max()?, is_mixed, is_cut })
    }

    /// What of the selection a note at the cursor is not about.
    pub fn not_in_note(&self) -> Option<&'static str> {
        let selected = self.selected_lines()?;
        match selected {
            SelectedLines { is_cut: true, .. } => Some("of this file only"),
            SelectedLines { is_mixed: true, old_side: true, .. } => Some("before the change, without the added ones"),
            SelectedLines { is_mixed: true, .. } => Some("without the removed ones"),
            _ => None,
        }
    }

    /// The lines that a note would be about, with their context.
    fn anchored(&self, place: &Note) -> Option<Anchor> {
        let index = self.diff.files.iter().position(|file| escape(&file.path) == place.path)?;
        let file = self.document.texts_of(index).filter(|_| place.line > 0)?;
        let revision = &self.change.revision;
        let (text, at) = if place.old_side { (&file.old, revision.base) } else { (&file.new, revision.head) };
        Some(Anchor::of(text_of(text), place.line, place.until.unwrap_or(place.line), &at.to_string()))
    }

    /// Whether a note is on the change as a whole, or on a path that the change does not touch.
    pub fn is_stray(&self, note: &Note) -> bool {
        !self.diff.files.iter().any(|file| escape(&file.path) == note.path)
    }

    /// Writes, changes or (with an empty text) removes a note. One that was there, and is gone by now, is written anew.
    pub fn set_note(&mut self, place: Note, noted: Noted, text: &str) {
        let text = text.trim();
        let before = self.noted();
        match self.work.draft.notes.iter().position(|note| *note == place).filter(|_| noted == Noted::There) {
            Some(at) if text.is_empty() => _ = self.work.draft.notes.remove(at),
            Some(at) => self.work.draft.notes[at].text = text.to_owned(),
            None if text.is_empty() => {}
            None => {
                let anchor = self.anchored(&place);
                self.work.draft.notes.push(Note { text: text.to_owned(), anchor, ..place });
            }
        }
        self.viewport.selection = None;
        // Removing one changes the indices of the others in the list of all.
        let noted: std::collections::BTreeSet<_> = before.into_iter().chain(self.noted()).collect();
        noted.into_iter().for_each(|position| self.rebuild(position));
    }
}

/// Side, first and last line of a hunk, 1-based: the new side where it has lines.
fn lines_of(hunk: &Hunk) -> (bool, u32, u32) {
    let (old_side, lines) = if hunk.new.is_empty() { (true, &hunk.old) } else { (false, &hunk.new) };
    (old_side, lines.start + 1, lines.end)
}
