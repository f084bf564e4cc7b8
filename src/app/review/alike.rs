//! Hunks of one change that all make the same edit: they replace one sequence of words by another, or lose the carriage
//! returns at the ends of their lines, and nothing else, in files that mean the same to rules and policy.

use std::collections::HashMap;

use super::rows::replacement;
use super::{Goal, Review};
use crate::app::picker::{Badge, PickerEntry};
use crate::change::diff::Diff;
use crate::change::replacement::{Replacement, ReplacementId};
use crate::change::{counted, visible};
use crate::examination::{RepositorySnapshot, mean_the_same};

/// Fewer hunks are read one by one.
const FEW: usize = 3;
/// More are not counted for the heading of a hunk, which is drawn with every stroke.
const MANY: usize = 1_000;

/// How many kinds of files are distinguished; a file of any further kind is read separately.
const MAX_KINDS: usize = 16;

/// Identifies an edit: what it replaces, and in which kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EditId {
    replacement: ReplacementId,
    kind: usize,
}

/// Where each edit is made. The same word means something else in a file that is run, or that others sign for.
#[derive(Debug, Clone, Default)]
pub(super) struct Alike {
    /// Files by index, with the hunk.
    places: HashMap<EditId, Vec<(u32, u32)>>,
    /// By index: the kind of a file.
    kind_of: HashMap<usize, usize>,
}

/// Hunks that make the same edit as the one under the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SameEdit {
    pub id: EditId,
    replacement: Replacement,
    /// Up to [`MANY`].
    count: usize,
}

impl SameEdit {
    /// `user → account`
    pub fn sentence(&self) -> String {
        if self.replacement.is_of_line_ends() {
            return "line ends CRLF → LF".to_owned();
        }
        let side = |bytes: &[u8]| match bytes {
            [] => "nothing".to_owned(),
            bytes => visible::line(bytes),
        };
        format!("{} → {}", side(&self.replacement.old), side(&self.replacement.new))
    }

    /// `in 15 hunks: user → account`: the number comes first, since words may be cut off.
    pub fn headline(&self) -> String {
        let more = if self.count < MANY { "" } else { " or more" };
        format!("in {} hunks{more}: {}", self.count, self.sentence())
    }
}

/// Files by index, each with its kind: all files of a kind mean the same to rules and policy.
pub type Kinds = Vec<(usize, usize)>;

/// The kinds of these files; those of any further kind are left out. Asks each rule about each file: for a worker.
pub fn kinds(snapshot: &RepositorySnapshot, diff: &Diff, files: &[usize]) -> Kinds {
    let path = |index: usize| &diff.files[index].path;
    let mut first: Vec<usize> = Vec::new();
    let mut kind = |index: usize| {
        let known = first.iter().position(|other| mean_the_same(snapshot, path(*other), path(index)));
        if known.is_none() && first.len() < MAX_KINDS {
            first.push(index);
            return Some(first.len() - 1);
        }
        known
    };
    files.iter().filter_map(|index| Some((*index, kind(*index)?))).collect()
}

impl Review {
    /// Which files mean the same is known. Until then no edits are known to be the same.
    pub fn know_kinds(&mut self, kinds: Kinds) {
        self.alike = Alike::default();
        for (index, kind) in kinds {
            let Some(inventory) = self.document.files().get(index).and_then(|file| file.inventory.as_ref()) else {
                continue;
            };
            self.alike.kind_of.insert(index, kind);
            for (hunk, outline) in (0..).zip(&inventory.outlines) {
                let Some(edit) = &outline.edit else { continue };
                let id = EditId { replacement: edit.id, kind };
                self.alike.places.entry(id).or_default().push((index as u32, hunk));
            }
        }
    }

    /// Whether a file must be read hunk by hunk: the rules have not finished, or they report something in it (a finding
    /// may concern more than its line), or it is folded.
    fn stands_alone(&self, index: usize) -> bool {
        let is_folded = self
            .document
            .position_of(index)
            .is_none_or(|at| self.document.rows()[at].folded || self.document.is_hidden(at));
        is_folded || self.findings.examination().is_none() || self.findings.are_in(index)
    }

    fn places(&self, id: EditId) -> impl Iterator<Item = (usize, usize)> {
        let places = self.alike.places.get(&id).into_iter().flatten();
        let places = places.map(|(index, hunk)| (*index as usize, *hunk as usize));
        places.filter(|(index, _)| !self.stands_alone(*index))
    }

    /// The edit that a hunk makes, and how many hunks make it; none if they are few, or it must be read separately.
    pub fn same_edit(&self, position: usize, hunk: usize) -> Option<SameEdit> {
        let (file, inventory) = self.document.read_at(position)?;
        let index = *self.document.order().get(position)?;
        let kind = *self.alike.kind_of.get(&index)?;
        let id = EditId { replacement: inventory.outlines.get(hunk)?.edit.as_ref()?.id, kind };
        let is_alone = self.alike.places.get(&id).is_none_or(|places| places.len() < FEW);
        if is_alone || self.stands_alone(index) {
            return None;
        }
        let count = self.places(id).take(MANY).count();
        let replacement = replacement(file, file.comparison.hunks.get(hunk)?)?;
        (count >= FEW).then_some(SameEdit { id, replacement, count })
    }

    /// The edit of the hunk under the cursor.
    pub fn same_edit_here(&self) -> Option<SameEdit> {
        let (position, row) = self.here()?;
        self.same_edit(position, self.document.rows()[position].mark_at(row)?)
    }

    fn is_place_seen(&self, (index, hunk): (usize, usize)) -> bool {
        let key = self.document.files()[index].inventory.as_ref().and_then(|own| own.hunks.get(hunk));
        key.is_some_and(|key| self.work.is_seen(key))
    }

    /// The places of the same edit.
    pub fn same_edit_places(&self, edit: &SameEdit) -> Vec<PickerEntry<Goal>> {
        let mut places: Vec<_> = self.places(edit.id).collect();
        places.sort_by_key(|(index, hunk)| (self.document.position_of(*index), *hunk));
        let entry = |(index, hunk): (usize, usize)| {
            let inventory = self.document.files()[index].inventory.as_ref();
            let outline = inventory.and_then(|own| own.outlines.get(hunk));
            let line = outline.map_or(0, |hunk| hunk.new.start + 1);
            PickerEntry {
                label: format!("{}:{line}", self.diff.files[index].path),
                detail: outline
                    .and_then(|own| own.edit.as_ref())
                    .map_or_else(String::new, |edit| edit.line.to_string()),
                badge: if self.is_place_seen((index, hunk)) { Badge::Seen } else { Badge::Unseen },
                choice: Goal::Hunk { index, hunk },
            }
        };
        places.into_iter().map(entry).collect()
    }

    /// The choice that marks all of them, while any is left to mark.
    pub fn mark_all_entry(&self, edit: &SameEdit) -> Option<PickerEntry<()>> {
        let is_left = !self.work.read_only && self.places(edit.id).any(|place| !self.is_place_seen(place));
        let label = || format!("mark all {} as seen", counted(self.places(edit.id).count(), "hunk"));
        is_left.then(|| PickerEntry { label: label(), detail: String::new(), badge: Badge::None, choice: () })
    }

    /// Marks all hunks that make the same edit as the one under the cursor, once that one was entirely shown; returns
    /// how many.
    ///
    /// # Errors
    /// A sentence, if it was not.
    pub fn see_alike(&mut self, id: EditId) -> Result<usize, &'static str> {
        let places: Vec<_> = self.places(id).collect();
        if !places.iter().any(|place| self.is_place_seen(*place)) && !self.is_hunk_here_shown(id) {
            return Err("not marked: this hunk was not wholly on the screen yet");
        }
        for (index, hunk) in &places {
            let key = self.document.files()[*index].inventory.as_ref().and_then(|own| own.hunks.get(*hunk).cloned());
            if let Some(position) = self.document.position_of(*index) {
                self.see(position, key.into_iter().collect());
            }
        }
        Ok(places.len())
    }

    fn is_hunk_here_shown(&self, id: EditId) -> bool {
        let here = self.here();
        let here = here.and_then(|(position, row)| Some((position, self.document.rows()[position].mark_at(row)?)));
        here.is_some_and(|(position, hunk)| {
            self.same_edit(position, hunk).is_some_and(|edit| edit.id == id) && self.was_shown(position, hunk)
        })
    }
}
