//! Trees that were read for one question: each step of a push begins with the tree that the one before ended with.
//! Not kept any longer: another process may have put something else under an id, which is noticed when it is read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use git2::Oid;

use super::{GitError, Repository};
use crate::change::diff::Mode;

/// git's mode of a tree in a tree.
pub(super) const TREE: i32 = 0o040_000;

/// Entries that are kept. One takes some 100 bytes; once there are more, it begins anew.
const MAX_KEPT: usize = 300_000;

/// Name, mode and id of an entry.
pub(super) type Entry = (Vec<u8>, i32, Oid);
pub(super) type Entries = Rc<Vec<Entry>>;

/// What was read so far.
#[derive(Default)]
pub(super) struct Trees(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    by_id: HashMap<Oid, Entries>,
    entries: usize,
}

impl Trees {
    fn get(&self, id: Oid) -> Option<Entries> {
        self.0.borrow().by_id.get(&id).cloned()
    }

    fn keep(&self, id: Oid, entries: &Entries) {
        let mut kept = self.0.borrow_mut();
        // An empty tree takes room, too.
        kept.entries += entries.len() + 1;
        if kept.entries > MAX_KEPT {
            *kept = Kept { by_id: HashMap::new(), entries: entries.len() + 1 };
        }
        kept.by_id.insert(id, entries.clone());
    }
}

impl Repository {
    /// The entries of a tree by name.
    ///
    /// # Errors
    /// It is missing, or not what git writes: entries out of order, twice, or with names or modes that are none. Git
    /// would check out another file than the one that was shown.
    pub(super) fn entries(&self, id: Oid) -> Result<Entries, GitError> {
        if let Some(entries) = self.trees.get(id) {
            return Ok(entries);
        }
        let entries = Rc::new(self.read_entries(id)?);
        self.trees.keep(id, &entries);
        Ok(entries)
    }

    fn read_entries(&self, id: Oid) -> Result<Vec<Entry>, GitError> {
        let tree = self.raw.find_tree(id)?;
        let mut entries: Vec<Entry> =
            tree.iter().map(|entry| (entry.name_bytes().to_vec(), entry.filemode_raw(), entry.id())).collect();
        let sorted = entries.is_sorted_by(|a, b| git_order(a).lt(git_order(b)));
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let twice = entries.windows(2).any(|pair| pair[0].0 == pair[1].0);
        let unfit = |name: &[u8]| matches!(name, b"" | b"." | b"..") || name.contains(&b'/');
        // Git takes a mode that it does not know for a folder or a submodule, and checks it out.
        let unknown = |raw: i32| raw != TREE && mode(raw).is_none();
        if !sorted || twice || entries.iter().any(|(name, raw, _)| unfit(name) || unknown(*raw)) {
            let detail = format!(
                "Tree {id} is not as git writes trees: entries out of order, twice, or without a fit name or mode. \
                 Run `git fsck`."
            );
            return Err(GitError::Unsupported(detail));
        }
        Ok(entries)
    }
}

/// Git sorts folders as if their names ended in a slash.
fn git_order(entry: &Entry) -> impl Iterator<Item = u8> {
    let slash = (entry.1 == TREE).then_some(b'/');
    entry.0.iter().copied().chain(slash)
}

pub(super) fn mode(raw: i32) -> Option<Mode> {
    match raw & 0o170_000 {
        0o120_000 => Some(Mode::Symlink),
        0o160_000 => Some(Mode::Submodule),
        0o100_000 if raw & 0o100 != 0 => Some(Mode::Executable),
        0o100_000 => Some(Mode::File),
        _ => None,
    }
}
