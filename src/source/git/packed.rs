//! Trees of packs, for the next question of a long-running process.
//!
//! The promise: a tree that was read for another question is used again only if it lay in a pack of the repository
//! itself, nothing that git would read before those packs is there, and every file beside that pack is still the one
//! that it was: by name, device, inode, size, time of its content and time of its last change, which only the clock of
//! the system sets.
//!
//! What is kept is always what the id stands for, since libgit2 compares each object that it reads with its id. So even
//! where a file system does not tell of a change, a verdict is about what was signed; only the damage is noticed by who
//! reads the object next.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use git2::Oid;

use super::Repository;
use super::trees::Entries;

/// The most entries of trees that are kept, of all repositories together. One takes some 100 bytes; beyond that, the
/// least recently used repository is forgotten.
const MAX_KEPT: usize = 300_000;
/// With more files beside its packs, a repository keeps nothing: all of them are looked at for each question.
const MAX_FILES: usize = 1_000;
/// Seconds for which a changed file may change again without a later time of change: some systems count in these.
const COARSE: i64 = 2;

/// A file beside the packs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    name: OsString,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The trees of the packs of one repository, as long as these are unaltered.
#[derive(Debug)]
pub(super) struct Packed {
    files: Arc<Vec<File>>,
    /// Directories of objects that are read.
    objects: Vec<PathBuf>,
}

struct Kept {
    objects: PathBuf,
    files: Arc<Vec<File>>,
    trees: HashMap<Oid, Entries>,
    entries: usize,
}

/// The most recently used repository last.
static KEPT: LazyLock<Mutex<VecDeque<Kept>>> = LazyLock::new(Mutex::default);

impl Packed {
    /// None if nothing may be used again: there are objects that git reads before those of the packs, or a file beside
    /// these changed in the seconds before `now`, which is in seconds since the epoch.
    pub(super) fn of(repository: &Repository, now: i64) -> Option<Packed> {
        let own = repository.common_dir().join("objects");
        let borrows = |objects: &Path| is_there(&objects.join("info/alternates"));
        let has_packs = |objects: &PathBuf| !matches!(files(&objects.join("pack")).as_deref(), Some([]));
        if borrows(&own) || repository.quarantine.iter().any(|objects| borrows(objects) || has_packs(objects)) {
            return None;
        }
        let found = files(&own.join("pack"))?;
        let is_settled = |file: &File| file.changed.0.checked_add(COARSE).is_some_and(|settled| settled < now);
        if found.is_empty() || !found.iter().all(is_settled) {
            return None;
        }
        let mut kept = KEPT.lock().ok()?;
        let known = kept.iter().position(|kept| kept.objects == own).and_then(|at| kept.remove(at));
        let known = known.filter(|known| *known.files == found).unwrap_or_else(|| Kept {
            objects: own.clone(),
            files: Arc::new(found),
            trees: HashMap::new(),
            entries: 0,
        });
        let files = known.files.clone();
        kept.push_back(known);
        Some(Packed { files, objects: [own].into_iter().chain(repository.quarantine.iter().cloned()).collect() })
    }

    pub(super) fn get(&self, id: Oid) -> Option<Entries> {
        let kept = KEPT.lock().ok()?;
        kept.iter().find(|kept| Arc::ptr_eq(&kept.files, &self.files))?.trees.get(&id).cloned()
    }

    /// Whether an object lies by itself anywhere, and so may not have been read from a pack.
    pub(super) fn is_loose(&self, id: Oid) -> bool {
        let name = id.to_string();
        let (folder, file) = name.split_at(2);
        self.objects.iter().any(|objects| is_there(&objects.join(folder).join(file)))
    }

    pub(super) fn keep(&self, id: Oid, entries: &Entries) {
        let Ok(mut kept) = KEPT.lock() else { return };
        let Some(own) = kept.iter_mut().find(|kept| Arc::ptr_eq(&kept.files, &self.files)) else { return };
        if own.trees.insert(id, entries.clone()).is_none() {
            // An empty tree takes memory, too.
            own.entries += entries.len() + 1;
        }
        let mut all: usize = kept.iter().map(|kept| kept.entries).sum();
        while all > MAX_KEPT
            && let Some(gone) = kept.pop_front()
        {
            all -= gone.entries;
        }
    }
}

/// Whether something is there, or may be.
fn is_there(path: &Path) -> bool {
    !std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The files of a folder, also those behind links; none if they cannot be told, or are too many.
fn files(folder: &Path) -> Option<Vec<File>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(Vec::new()),
        entries => entries.ok()?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.ok()?;
        let meta = std::fs::metadata(entry.path()).ok()?;
        found.push(File {
            name: entry.file_name(),
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        });
        if found.len() > MAX_FILES {
            return None;
        }
    }
    found.sort();
    Some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;
    use crate::disk;

    /// A bare repository of one commit, whose objects lie in a pack; the id of its tree.
    struct Scene {
        dir: tempfile::TempDir,
        tree: Oid,
    }

    impl Scene {
        fn new() -> Scene {
            let scene = Scene { dir: tempfile::tempdir().unwrap(), tree: Oid::ZERO_SHA1 };
            scene.git(&["init", "-q", "--bare", "."]);
            scene.commit("one", "main");
            scene.git(&["repack", "-a", "-d", "-q"]);
            let tree = scene.git(&["rev-parse", "main^{tree}"]).parse().unwrap();
            Scene { tree, ..scene }
        }

        fn git(&self, words: &[&str]) -> String {
            let name = ["-c", "user.name=a", "-c", "user.email=a@localhost"];
            let output = Command::new("git").current_dir(self.dir.path()).args(name).args(words).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }

        fn commit(&self, text: &str, branch: &str) {
            std::fs::write(self.dir.path().join("text"), text).unwrap();
            let blob = self.git(&["hash-object", "-w", "text"]);
            let index = self.dir.path().join("index");
            let _ = std::fs::remove_file(&index);
            self.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{text}")]);
            let tree = self.git(&["write-tree"]);
            let commit = self.git(&["commit-tree", "-m", text, &tree]);
            self.git(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
        }

        /// Reads the tree for another question, an hour after the packs were written: whether from the repository.
        fn is_read(&self) -> bool {
            self.is_read_at(disk::now() + 3600, &[])
        }

        fn is_read_at(&self, now: i64, quarantine: &[PathBuf]) -> bool {
            let repository = Repository::open_exactly(self.dir.path()).unwrap().with_objects(quarantine).unwrap();
            let repository = repository.keeping_trees(now);
            assert_eq!(repository.entries(self.tree).unwrap().len(), 1);
            repository.tree_reads() > 0
        }

        fn pack(&self) -> PathBuf {
            let packs = std::fs::read_dir(self.dir.path().join("objects/pack")).unwrap();
            let mut packs = packs.map(|entry| entry.unwrap().path());
            packs.find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap()
        }
    }

    #[test]
    fn a_tree_of_a_pack_that_stands_unaltered_is_read_once() {
        let scene = Scene::new();
        assert!(scene.is_read() && !scene.is_read());
        // Smaller pushes leave loose objects, and the packs as they are.
        scene.commit("two", "other");
        assert!(!scene.is_read());
        // So does an object under the same id, which git would not read either.
        let loose = scene.tree.to_string();
        let folder = scene.dir.path().join("objects").join(&loose[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(&loose[2..]), "something else").unwrap();
        assert!(!scene.is_read());
    }

    #[test]
    fn a_tree_is_read_again_once_a_file_beside_its_pack_is_altered_replaced_added_or_taken_away() {
        let scene = Scene::new();
        type Alteration<'a> = (&'a str, &'a dyn Fn(&Path));
        let alter: [Alteration<'_>; 5] = [
            ("written in place, and its time put back", &|pack| {
                let bytes = std::fs::read(pack).unwrap();
                let modified = std::fs::metadata(pack).unwrap().modified().unwrap();
                let mut modes = std::fs::metadata(pack).unwrap().permissions();
                std::os::unix::fs::PermissionsExt::set_mode(&mut modes, 0o644);
                std::fs::set_permissions(pack, modes).unwrap();
                std::fs::write(pack, bytes).unwrap();
                std::fs::File::options().write(true).open(pack).unwrap().set_modified(modified).unwrap();
            }),
            ("replaced by a copy", &|pack| {
                let copy = scene.dir.path().join("copy");
                std::fs::copy(pack, &copy).unwrap();
                std::fs::rename(&copy, pack).unwrap();
            }),
            ("a file is added", &|pack| std::fs::write(pack.with_extension("keep"), "").unwrap()),
            ("a file is taken away", &|pack| std::fs::remove_file(pack.with_extension("keep")).unwrap()),
            ("packed again", &|_| {
                scene.commit("three", "more");
                scene.git(&["repack", "-a", "-d", "-q"]);
            }),
        ];
        assert!(scene.is_read() && !scene.is_read());
        for (what, alter) in alter {
            alter(&scene.pack());
            assert!(scene.is_read(), "{what}");
            assert!(!scene.is_read(), "{what}: from then on it is known");
        }
    }

    #[test]
    fn nothing_is_kept_that_is_loose_too_new_borrowed_or_comes_with_a_pack_of_a_push() {
        let scene = Scene::new();
        let later = disk::now() + 3600;
        assert!(scene.is_read_at(disk::now(), &[]) && scene.is_read_at(disk::now(), &[]), "just written");
        let quarantine = scene.dir.path().join("quarantine");
        std::fs::create_dir_all(quarantine.join("pack")).unwrap();
        assert!(
            scene.is_read() && !scene.is_read_at(later, std::slice::from_ref(&quarantine)),
            "loose objects come after packs"
        );
        std::fs::write(quarantine.join("pack/pack-1.pack"), "").unwrap();
        assert!(scene.is_read_at(later, std::slice::from_ref(&quarantine)), "its pack is read first");
        let alternates = scene.dir.path().join("objects/info/alternates");
        std::fs::create_dir_all(alternates.parent().unwrap()).unwrap();
        std::fs::write(&alternates, "").unwrap();
        assert!(scene.is_read(), "objects of another repository");
        std::fs::remove_file(&alternates).unwrap();
        assert!(!scene.is_read());
        // A loose object is read each time, beside whatever pack.
        scene.commit("two", "other");
        let loose = Scene { tree: scene.git(&["rev-parse", "other^{tree}"]).parse().unwrap(), ..scene };
        assert!(loose.is_read() && loose.is_read());
    }
}
