//! Many files or lines that form one item: files that moved together unchanged, the files of a deleted folder, a
//! deleted file. An item is opened, listed and seen as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Review;
use super::rows::{FileRows, Inventory};
use crate::change::diff::Diff;
use crate::change::manifest::escape;
use crate::change::{RepoPath, counted};
use crate::decision::{Draft, Note};

/// Fewer files of a folder are read like any others.
const FEW: usize = 3;
/// A deleted file of at most this many lines is read like any other.
const SHORT: u32 = 40;

/// What the files of an item have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// They moved from below one folder to below another, kept their names below it, and did not change otherwise.
    Moved { from: String, to: String },
    /// They are the last files of a folder.
    DeletedFolder(String),
    /// One file, deleted entirely.
    Deleted(usize),
}

impl Kind {
    /// Fewer files of this kind are no group.
    fn few(&self) -> usize {
        if let Kind::Deleted(_) = self { 1 } else { FEW }
    }

    /// Whether the sentence of the group says everything about a file.
    fn covers(&self, own: &Inventory) -> bool {
        own.hunks.len() == 1
            && own.omissions.is_empty()
            && match self {
                Kind::Moved { .. } => own.outlines.is_empty(),
                Kind::DeletedFolder(_) => true,
                Kind::Deleted(_) => own.removed > SHORT,
            }
    }
}

/// The files of one item. Folders are without the last slash, and empty for the root.
#[derive(Debug, Clone)]
pub struct Group {
    kind: Kind,
    /// By index, in the order of their paths. The first represents all while the group is closed.
    members: Vec<usize>,
    is_open: bool,
    /// The inventory of the first, on behalf of all; none until it was read.
    inventory: Option<Arc<Inventory>>,
}

impl Group {
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// The folder in which they are now, or were, for display; none for a single file.
    pub fn folder(&self) -> Option<String> {
        match &self.kind {
            Kind::Moved { to: folder, .. } | Kind::DeletedFolder(folder) => Some(folder_text(folder)),
            Kind::Deleted(_) => None,
        }
    }

    /// What happened to them: `12 files moved`.
    pub fn headline(&self) -> String {
        let count = counted(self.count(), "file");
        match self.kind {
            Kind::Moved { .. } => format!("{count} moved"),
            Kind::DeletedFolder(_) | Kind::Deleted(_) => format!("{count} deleted"),
        }
    }

    fn inventory_from(&self, first: &Inventory) -> Inventory {
        let sentences = match &self.kind {
            Kind::Moved { from, to } => vec![format!(
                "{} from {} to {}, with the same names below it and the same bytes; enter lists them",
                self.headline(),
                folder_text(from),
                folder_text(to)
            )],
            Kind::DeletedFolder(folder) => vec![format!(
                "{}, and nothing is left below {}; enter lists them",
                self.headline(),
                folder_text(folder)
            )],
            Kind::Deleted(_) => {
                let whole = format!("deleted with all its {} lines; enter shows them", first.removed);
                first.sentences.iter().cloned().chain([whole]).collect()
            }
        };
        Inventory { sentences, outlines: Vec::new(), ..first.clone() }
    }
}

fn folder_text(folder: &str) -> String {
    if folder.is_empty() { "the root".to_owned() } else { format!("{folder}/") }
}

/// The groups of a change.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    each: Vec<Group>,
    /// By index of the file: its group.
    of: HashMap<usize, usize>,
}

impl Groups {
    /// Files with a note of their own are not in a group.
    pub fn of(diff: &Diff, draft: &Draft) -> Groups {
        let mut found: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
        for (index, file) in diff.files.iter().enumerate() {
            let is_alone = |note: &Note| note.whole.is_none() && note.path == escape(&file.path);
            let is_noted = || draft.notes.iter().any(is_alone);
            if let Some(kind) = kind(diff, index).filter(|_| draft.notes.is_empty() || !is_noted()) {
                found.entry(kind).or_default().push(index);
            }
        }
        let mut each = Vec::new();
        for (kind, members) in found {
            let groups = match kind {
                Kind::DeletedFolder(_) if members.len() < FEW => {
                    members.into_iter().map(|index| (Kind::Deleted(index), vec![index])).collect()
                }
                kind => vec![(kind, members)],
            };
            let groups = groups.into_iter().filter(|(kind, members)| members.len() >= kind.few());
            each.extend(groups.map(|(kind, members)| Group { kind, members, is_open: false, inventory: None }));
        }
        let of = (0..).zip(&each).flat_map(|(at, group)| group.members.iter().map(move |index| (*index, at)));
        Groups { of: of.collect(), each }
    }

    fn get(&self, index: usize) -> Option<&Group> {
        self.each.get(*self.of.get(&index)?)
    }

    /// The inventory of the first file of a group, on behalf of all.
    pub(super) fn inventory_led_by(&self, index: usize) -> Option<&Arc<Inventory>> {
        self.led_by(index)?.inventory.as_ref()
    }

    /// The closed group that a file represents.
    pub(super) fn led_by(&self, index: usize) -> Option<&Group> {
        self.get(index).filter(|group| !group.is_open && group.members.first() == Some(&index))
    }

    pub(super) fn is_hidden(&self, index: usize) -> bool {
        self.get(index).is_some_and(|group| !group.is_open && group.members.first() != Some(&index))
    }

    /// The same files, with those of a group together, at the position of the last of them: files that changed come
    /// first.
    pub fn together(&self, order: Vec<usize>) -> Vec<usize> {
        if self.each.is_empty() {
            return order;
        }
        let mut left: Vec<usize> = self.each.iter().map(Group::count).collect();
        let mut together = Vec::with_capacity(order.len());
        for index in order {
            match self.of.get(&index) {
                None => together.push(index),
                Some(&at) => {
                    left[at] -= 1;
                    if left[at] == 0 {
                        together.extend(&self.each[at].members);
                    }
                }
            }
        }
        together
    }

    /// Removes files that are no longer like the others. Returns those whose rows changed.
    fn leave(&mut self, leaving: &[usize]) -> Vec<usize> {
        let mut touched = Vec::new();
        for index in leaving {
            let Some(at) = self.of.remove(index) else { continue };
            let group = &mut self.each[at];
            group.members.retain(|member| member != index);
            group.inventory = None;
            touched.push(*index);
            if group.members.len() < group.kind.few() {
                touched.append(&mut group.members);
            } else {
                touched.push(group.members[0]);
            }
        }
        let each = &self.each;
        self.of.retain(|_, at| !each[*at].members.is_empty());
        touched
    }
}

/// The kind of group that a file may be in; none if it must be read separately.
fn kind(diff: &Diff, index: usize) -> Option<Kind> {
    let file = &diff.files[index];
    if file.new.is_none() && file.counterpart.is_none() {
        // If a link replaces a folder, there may be anything below it.
        let is_replaced = |folder: &RepoPath| diff.at(folder).is_some_and(|file| file.new.is_some());
        let deleted = || file.path.folders().find(|folder| diff.deleted_folders.binary_search(folder).is_ok());
        let folder = if file.path.folders().any(|folder| is_replaced(&folder)) { None } else { deleted() };
        return Some(folder.map_or(Kind::Deleted(index), |folder| Kind::DeletedFolder(folder.to_string())));
    }
    let from = file.from.as_ref().filter(|_| file.old == file.new)?.to_string();
    let to = file.path.to_string();
    let (old, new): (Vec<&str>, Vec<&str>) = (from.split('/').collect(), to.split('/').collect());
    let kept = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    (kept > 0).then(|| Kind::Moved { from: old[..old.len() - kept].join("/"), to: new[..new.len() - kept].join("/") })
}

impl Review {
    /// A file was read for the first time: if it needs more than the others, it leaves its group.
    pub(super) fn join_group(&mut self, index: usize) {
        let Some(&at) = self.document.groups.of.get(&index) else { return };
        let Some(own) = self.document.files()[index].inventory.clone() else { return };
        let group = &mut self.document.groups.each[at];
        if !group.kind.covers(&own) {
            self.leave_groups(&[index]);
        } else if group.members[0] == index {
            group.inventory = Some(Arc::new(group.inventory_from(&own)));
        }
    }

    /// Removes files with findings from their groups.
    pub(super) fn leave_groups_for_findings(&mut self) {
        let found = self.document.groups.of.keys().copied().filter(|index| self.findings.are_in(*index));
        let found: Vec<_> = found.collect();
        self.leave_groups(&found);
    }

    fn leave_groups(&mut self, leaving: &[usize]) {
        for index in self.document.groups.leave(leaving) {
            // The file that represents the rest now represents fewer.
            self.join_group(index);
            self.lay_out_anew(index);
        }
    }

    /// Opens the group of a file, or closes it again. Returns whether there was one.
    pub(super) fn open_group(&mut self, index: usize, open: bool) -> bool {
        let Some(&at) = self.document.groups.of.get(&index) else { return false };
        let group = &mut self.document.groups.each[at];
        if group.is_open == open {
            return false;
        }
        group.is_open = open;
        let members = group.members.clone();
        let here = self.anchor();
        members.into_iter().for_each(|index| self.lay_out_anew(index));
        self.restore(here);
        self.follow();
        true
    }

    /// Enter on the first of a group.
    pub(super) fn unfold_group(&mut self, index: usize) -> bool {
        let is_first = self.document.groups.get(index).is_some_and(|group| group.members[0] == index);
        is_first && self.open_group(index, self.document.groups.led_by(index).is_some())
    }

    fn lay_out_anew(&mut self, index: usize) {
        let Some(position) = self.document.position_of(index) else { return };
        if self.document.files()[index].body.is_some() {
            self.build(position);
        } else {
            let height = self.document.closed_height(index).or(self.document.files()[index].height);
            self.put_gone(position, height.unwrap_or(super::heights::UNREAD));
        }
    }

    /// Keys of marks, including those of the files that they represent; none if not all of these are known yet, or the
    /// rules may still remove one of them from the group.
    pub(super) fn with_group(&self, position: usize, keys: Vec<String>) -> Vec<String> {
        let Some(group) = self.document.group_at(position).filter(|_| !keys.is_empty()) else { return keys };
        let is_known = self.findings.examination().is_some();
        let all = self.keys_of_group(group).filter(|_| is_known).map(Option::<&String>::cloned);
        all.collect::<Option<_>>().unwrap_or_default()
    }

    /// The key of each file of a group; none for one that was not read yet.
    pub(super) fn keys_of_group(&self, group: &Group) -> impl Iterator<Item = Option<&String>> {
        group.members.iter().map(|index| self.document.files()[*index].inventory.as_ref()?.hunks.first())
    }

    /// Whether all of a group are seen.
    pub(super) fn is_group_seen(&self, group: &Group) -> bool {
        self.keys_of_group(group).all(|key| key.is_some_and(|key| self.work.is_seen(key)))
    }
}

/// For the first file of a group: its name, what people wrote there, which is also what is about the change as a whole,
/// and the sentences on all, which are what is marked as seen.
pub(super) fn closed(mut rows: FileRows) -> FileRows {
    use super::rows::Row;
    let is_kept = |row: &Row| {
        !matches!(row, Row::Hunk { .. } | Row::Line { .. } | Row::Pair { .. } | Row::Beyond { .. } | Row::Rest)
    };
    rows.rows.retain(is_kept);
    let is_sentence = |row: &Row| matches!(row, Row::Sentence { .. });
    let start = rows.rows.iter().position(is_sentence).unwrap_or(1);
    let count = rows.rows.iter().filter(|row| is_sentence(row)).count();
    rows.marks = std::iter::once(start..start + count).collect();
    rows
}
