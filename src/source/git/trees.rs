//! Trees that were read for one question: each step of a push begins with the tree with which the one before ended.
//! They are not kept any longer: another process may have stored something else under an id, which is noticed when it
//! is read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use git2::{ObjectType, Oid};

use super::{GitError, Repository};
use crate::change::diff::Mode;

/// git's mode for a tree within a tree.
pub(super) const TREE: i32 = 0o040_000;

/// The most octal digits of a mode, and bytes of an id: SHA-256 repositories are refused when they are opened.
const MAX_MODE: usize = 7;
const ID: usize = 20;

/// The most entries that are kept. One takes some 100 bytes; beyond that, the cache is emptied.
const MAX_KEPT: usize = 300_000;

/// Name, mode and id of an entry.
pub(super) type Entry = (Vec<u8>, i32, Oid);
pub(super) type Entries = Rc<Vec<Entry>>;

/// The trees read so far.
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
        // An empty tree takes memory, too.
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
    /// It is missing, or not in git's format: entries out of order, duplicated, or with invalid names or modes. Git
    /// would check out a different file than the one that was shown.
    pub(super) fn entries(&self, id: Oid) -> Result<Entries, GitError> {
        if let Some(entries) = self.trees.get(id) {
            return Ok(entries);
        }
        let entries = Rc::new(self.read_entries(id)?);
        self.trees.keep(id, &entries);
        Ok(entries)
    }

    fn read_entries(&self, id: Oid) -> Result<Vec<Entry>, GitError> {
        // Read as a raw object: git2 would parse it into its own representation, and copy each entry out of that again.
        let odb = self.raw.odb()?;
        let object = odb.read(id)?;
        let entries = (object.kind() == ObjectType::Tree).then(|| parsed(object.data())).flatten();
        entries.ok_or_else(|| {
            let detail = format!(
                "Tree {id} is not as git writes trees: entries out of order, twice, or without a fit name or mode. \
                 Run `git fsck`."
            );
            GitError::Unsupported(detail)
        })
    }
}

/// The entries of a tree in git's storage format, by name; none if git would not have written it. Each is a mode in
/// octal digits, a space, the name up to a NUL, and the 20 bytes of an id.
fn parsed(mut data: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(data.len() / 32);
    while !data.is_empty() {
        let (entry, rest) = first_entry(data)?;
        entries.push(entry);
        data = rest;
    }
    if !entries.is_sorted_by(|a, b| git_order(a).lt(git_order(b))) {
        return None;
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let twice = entries.windows(2).any(|pair| pair[0].0 == pair[1].0);
    (!twice).then_some(entries)
}

fn first_entry(data: &[u8]) -> Option<(Entry, &[u8])> {
    let digits = data.iter().take(MAX_MODE + 1).position(|&byte| byte == b' ')?;
    let raw = octal(&data[..digits])?;
    let data = &data[digits + 1..];
    let end = data.iter().position(|&byte| byte == 0)?;
    let (name, id) = (&data[..end], data.get(end + 1..end + 1 + ID)?);
    let is_fit = !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/');
    // Git treats an unknown mode as a folder or a submodule, and checks it out.
    let is_known = raw == TREE || mode(raw).is_some();
    let entry = (name.to_vec(), raw, Oid::from_bytes(id).ok()?);
    (is_fit && is_known).then_some((entry, &data[end + 1 + ID..]))
}

/// Git writes modes without leading zeros, some old programs with them. No mode has more than 16 bits.
fn octal(digits: &[u8]) -> Option<i32> {
    let is_octal = !digits.is_empty() && digits.iter().all(|digit| (b'0'..=b'7').contains(digit));
    let raw = is_octal.then(|| digits.iter().fold(0, |raw, digit| raw * 8 + i32::from(digit - b'0')));
    raw.filter(|raw| *raw <= i32::from(u16::MAX))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Vec<u8> {
        let of = |(mode, name): &(&str, &str)| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[7; ID]].concat();
        entries.iter().flat_map(of).collect()
    }

    fn names(data: &[u8]) -> Option<Vec<String>> {
        let name = |(name, ..): Entry| String::from_utf8(name).expect("names of these tests");
        parsed(data).map(|entries| entries.into_iter().map(name).collect())
    }

    #[test]
    fn a_tree_as_git_writes_it_is_read_by_name() {
        let data = tree(&[("100644", "a.b"), ("40000", "a"), ("100755", "run"), ("120000", "to"), ("160000", "sub")]);
        assert_eq!(names(&data), None, "a submodule sorts as a file");
        let data = tree(&[("100644", "a.b"), ("40000", "a"), ("100755", "run"), ("160000", "sub"), ("120000", "to")]);
        assert_eq!(names(&data).unwrap(), ["a", "a.b", "run", "sub", "to"]);
        assert_eq!(names(&tree(&[("040000", "a"), ("0100644", "b")])).unwrap(), ["a", "b"]);
        assert_eq!(names(b"").unwrap(), [""; 0]);
    }

    #[test]
    fn a_tree_as_git_would_not_write_it_is_not_read() {
        let one = |mode, name| tree(&[(mode, name)]);
        for (data, why) in [
            (one("100644", ""), "no name"),
            (one("100644", "."), "a name that is a place"),
            (one("40000", ".."), "the directory above"),
            (one("100644", "a/b"), "a slash"),
            (one("", "a"), "no mode"),
            (one("100648", "a"), "no octal digit"),
            (one("50000", "a"), "a mode that git does not know"),
            (one("1100644", "a"), "more bits than a mode has"),
            (one("00100644", "a"), "more digits than a mode has"),
            (one("-10064", "a"), "a sign"),
            (tree(&[("100644", "b"), ("100644", "a")]), "out of order"),
            (tree(&[("100644", "a"), ("100644", "a")]), "twice"),
            (tree(&[("100644", "a"), ("40000", "a")]), "a file and a directory"),
            (one("100644", "a")[..20].to_vec(), "cut in its id"),
            (b"100644 a".to_vec(), "cut in its name"),
            (b"100644".to_vec(), "cut in its mode"),
        ] {
            assert_eq!(names(&data), None, "{why}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            let _ = parsed(&data);
        }

        /// Checked against another reader of trees.
        #[test]
        fn what_is_read_is_what_libgit2_reads(names in prop::collection::btree_set("[a-d.]{1,4}", 0..6), folder: u8) {
            let (dir, mut builder) = (tempfile::tempdir().unwrap(), Vec::new());
            for (at, name) in names.iter().filter(|name| !matches!(name.as_str(), "." | "..")).enumerate() {
                builder.push((if at % 2 == usize::from(folder % 2) { "40000" } else { "100644" }, name.as_str()));
            }
            builder.sort_by_key(|(mode, name)| format!("{name}{}", if *mode == "40000" { "/" } else { "" }));
            let data = tree(&builder);
            let raw = git2::Repository::init_bare(dir.path()).unwrap();
            let id = raw.odb().unwrap().write(ObjectType::Tree, &data).unwrap();
            let mut theirs: Vec<Entry> = raw.find_tree(id).unwrap().iter()
                .map(|entry| (entry.name_bytes().to_vec(), entry.filemode_raw(), entry.id())).collect();
            theirs.sort();
            prop_assert_eq!(parsed(&data).unwrap(), theirs);
        }
    }
}
