//! The manifests of packages in a tree, within bounds: a repository may have a million folders, or a manifest of any
//! size.

use std::collections::VecDeque;

use git2::Oid;

use super::trees::{TREE, mode};
use super::{GitError, Repository, oid};
use crate::change::ObjectId;
use crate::change::diff::{ContentKind, Mode};
use crate::risk::{ManifestText, Manifests, is_manifest};

/// The most entries of folders that are looked at.
const MAX_ENTRIES: usize = 300_000;
/// The greatest depth of a folder that is walked.
const MAX_DEPTH: usize = 40;
/// The most bytes of a path: what a manifest names is kept with the path of its folder.
const MAX_PATH: usize = 400;
/// The most manifests that are read, and bytes of one and of all.
const MAX_MANIFESTS: usize = 4_000;
const MAX_BYTES: u64 = 1 << 20;
const MAX_ALL_BYTES: u64 = 32 << 20;
/// Folders with packages of others, or with what was built.
const SKIPPED: &[&str] = &["node_modules", "vendor", "third_party", ".git", "bower_components", ".terraform"];

/// Reads the manifests of a tree. Those near the root come first, so that these are known if there are too many.
///
/// # Errors
/// The tree is missing. Anything else that cannot be read is left out, and counted.
pub fn manifests(repository: &Repository, tree: ObjectId) -> Result<Manifests, GitError> {
    let mut walk = Walk { repository, found: Vec::new(), manifests: Manifests::default(), entries: 0 };
    let mut ahead = VecDeque::from([(String::new(), oid(tree), 0)]);
    let mut is_root = true;
    while let Some((folder, id, depth)) = ahead.pop_front() {
        repository.deadline.check()?;
        match walk.folder(&folder, id, depth) {
            Ok(below) => ahead.extend(below),
            Err(error) if is_root => return Err(error),
            Err(_) => walk.manifests.is_failed = true,
        }
        is_root = false;
        if walk.entries > MAX_ENTRIES {
            walk.manifests.is_cut |= !ahead.is_empty();
            break;
        }
    }
    walk.read()
}

struct Walk<'r> {
    repository: &'r Repository,
    found: Vec<(String, Oid)>,
    manifests: Manifests,
    entries: usize,
}

impl Walk<'_> {
    /// Notes the manifests of a folder; returns the folders in it.
    fn folder(&mut self, folder: &str, id: Oid, depth: usize) -> Result<Vec<(String, Oid, usize)>, GitError> {
        let mut below = Vec::new();
        for (name, raw, id) in self.repository.entries(id)?.iter() {
            self.entries += 1;
            let Ok(name) = std::str::from_utf8(name) else { continue };
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            match mode(*raw) {
                _ if *raw == TREE && SKIPPED.contains(&name) => {}
                _ if *raw == TREE && (depth >= MAX_DEPTH || path.len() > MAX_PATH) => self.manifests.is_cut = true,
                _ if *raw == TREE => below.push((path, *id, depth + 1)),
                Some(Mode::File | Mode::Executable) if path.len() <= MAX_PATH && is_manifest(&path) => {
                    self.found.push((path, *id));
                }
                _ => {}
            }
        }
        Ok(below)
    }

    fn read(self) -> Result<Manifests, GitError> {
        let Walk { repository, found, mut manifests, .. } = self;
        let odb = repository.raw.odb()?;
        let mut room = MAX_ALL_BYTES;
        for (path, id) in found {
            repository.deadline.check()?;
            if manifests.texts.len() >= MAX_MANIFESTS {
                manifests.left_out += 1;
                continue;
            }
            let size = odb.read_header(id).ok().map(|(size, _)| size as u64);
            let fits = size.filter(|size| *size <= MAX_BYTES.min(room));
            let blob = fits.and_then(|_| repository.raw.find_blob(id).ok());
            manifests.is_failed |= size.is_none() || fits.is_some() && blob.is_none();
            let Some(blob) = blob else {
                manifests.left_out += 1;
                continue;
            };
            let is_text = ContentKind::of(blob.content()) == ContentKind::Text;
            match std::str::from_utf8(blob.content()).ok().filter(|_| is_text) {
                Some(text) => {
                    room -= blob.content().len() as u64;
                    manifests.texts.push(ManifestText { path, text: text.to_owned() });
                }
                None => manifests.left_out += 1,
            }
        }
        Ok(manifests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::Packages;
    use crate::source::git::object_id;

    /// A tree with one entry of a name.
    fn tree(raw: &git2::Repository, name: &str, id: Oid, mode: i32) -> Oid {
        let mut builder = raw.treebuilder(None).unwrap();
        builder.insert(name, id, mode).unwrap();
        builder.write().unwrap()
    }

    fn names(manifests: &Manifests) -> Vec<&str> {
        manifests.texts.iter().map(|manifest| manifest.path.as_str()).collect()
    }

    #[test]
    fn manifests_are_read_from_the_root_on_and_what_is_none_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let blob = |text: &[u8]| raw.blob(text).unwrap();
        let own = blob(b"{\"name\": \"a\"}");
        let mut root = raw.treebuilder(None).unwrap();
        let huge = blob(&vec![b' '; 100 << 20]);
        for (name, id) in [
            ("a", tree(&raw, "package.json", own, 0o100_644)),
            ("binary", tree(&raw, "package.json", blob(b"{\0}"), 0o100_644)),
            ("huge", tree(&raw, "package.json", huge, 0o100_644)),
            ("link", tree(&raw, "package.json", blob(b"../a/package.json"), 0o120_000)),
            ("node_modules", tree(&raw, "package.json", own, 0o100_644)),
            ("tests", tree(&raw, "package.json", own, 0o100_644)),
        ] {
            root.insert(name, id, 0o040_000).unwrap();
        }
        // Deeper than anything is walked.
        let mut deep = tree(&raw, "package.json", own, 0o100_644);
        (0..MAX_DEPTH + 5).for_each(|_| deep = tree(&raw, "d", deep, 0o040_000));
        root.insert("deep", deep, 0o040_000).unwrap();
        let long = tree(&raw, "package.json", own, 0o100_644);
        root.insert("x".repeat(4_000), long, 0o040_000).unwrap();
        root.insert("go.mod", blob(b"module a\n"), 0o100_644).unwrap();
        let root = object_id(root.write().unwrap());
        let read = manifests(&Repository::open(dir.path()).unwrap(), root).unwrap();
        assert_eq!(names(&read), ["go.mod", "a/package.json"]);
        assert_eq!((read.left_out, read.is_cut, read.is_failed), (2, true, false));
    }

    #[test]
    fn a_small_tree_that_expands_to_any_number_of_folders_is_walked_as_far_as_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let mut below = tree(&raw, "Cargo.toml", raw.blob(b"[package]\nname = 'a'\n").unwrap(), 0o100_644);
        for _ in 0..8 {
            let mut builder = raw.treebuilder(None).unwrap();
            (0..10).for_each(|n| _ = builder.insert(format!("f{n}"), below, 0o040_000).unwrap());
            below = builder.write().unwrap();
        }
        let read = manifests(&Repository::open(dir.path()).unwrap(), object_id(below)).unwrap();
        assert!(read.is_cut && read.texts.len() <= MAX_MANIFESTS, "{}", read.texts.len());
    }

    #[test]
    fn manifests_that_are_not_here_are_counted_and_may_be_there_later() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let missing = Oid::from_bytes(&[7; 20]).unwrap();
        let data =
            [b"100644 Cargo.toml\0".as_slice(), missing.as_bytes(), b"40000 gone\0", missing.as_bytes()].concat();
        let root = raw.odb().unwrap().write(git2::ObjectType::Tree, &data).unwrap();
        let repository = Repository::open(dir.path()).unwrap();
        let read = manifests(&repository, object_id(root)).unwrap();
        assert_eq!((read.texts.len(), read.left_out, read.is_failed), (0, 1, true));
        assert!(Packages::of(&read).is_failed());
        assert!(manifests(&repository, object_id(missing)).is_err());
    }
}
