//! The names of the repositories of one list. Two in folders of the same name are told apart by the folders above:
//! otherwise their changes would have the same ids.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Repository;
use crate::change::visible;

/// The repositories of a list, each once.
#[derive(Debug, Clone, Default)]
pub struct Names {
    paths: Vec<PathBuf>,
    /// Where each is, without links; and where those are that it must not be taken for.
    roots: Vec<PathBuf>,
}

impl Names {
    /// Of a list as somebody gave it, in which one may be named twice: by a link, by a folder in it, or by another of
    /// its work trees, which have the same branches.
    pub fn of(listed: &[PathBuf]) -> Names {
        let (mut names, mut stores) = (Names::default(), BTreeSet::new());
        for path in listed {
            let root = root(path);
            if stores.insert(store(&root)) {
                names.roots.push(root);
                names.paths.push(path.clone());
            }
        }
        names
    }

    /// The same names as beside these, which somebody has in another list.
    pub fn beside(mut self, others: &[PathBuf]) -> Names {
        self.roots.extend(others.iter().map(|path| root(path)));
        self
    }

    /// As they were given, without those that were given before.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// A repository with the name that it has in this list.
    pub fn name(&self, repository: Repository) -> Repository {
        let root = std::fs::canonicalize(&repository.root).unwrap_or_else(|_| repository.root.clone());
        let others = self.roots.iter().filter(|other| **other != root);
        let above = others.map(|other| common(&root, other)).max().unwrap_or(0);
        let folders: Vec<_> = root.parent().into_iter().flat_map(Path::components).rev().take(above).collect();
        let folders = folders.iter().rev().map(|folder| visible::line(folder.as_os_str().as_encoded_bytes()));
        let name = folders.chain([repository.name.clone()]).collect::<Vec<_>>().join("/");
        repository.named_as(name)
    }
}

/// How many folders above the last two paths have in common, with that one: none if their last folders differ.
fn common(own: &Path, other: &Path) -> usize {
    let both = own.components().rev().zip(other.components().rev()).enumerate();
    both.take_while(|(at, (own, other))| match at {
        0 => stem(own.as_os_str()) == stem(other.as_os_str()),
        _ => own == other,
    })
    .count()
}

/// `shop` of `shop` and of `shop.git`, which are shown alike.
fn stem(name: &OsStr) -> &[u8] {
    let bytes = name.as_encoded_bytes();
    bytes.strip_suffix(b".git").filter(|rest| !rest.is_empty()).unwrap_or(bytes)
}

/// The work tree or bare repository that a path leads into; the path itself if there is none.
fn root(path: &Path) -> PathBuf {
    let canonical = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // Most are named by their work tree, and opening thousands takes seconds.
    if path.join(".git").exists() {
        return canonical(path);
    }
    let repository = git2::Repository::discover(path);
    repository.map_or_else(|_| canonical(path), |found| canonical(found.workdir().unwrap_or(found.path())))
}

/// Where the refs of a work tree or bare repository are; the path itself if it is none.
fn store(root: &Path) -> PathBuf {
    let git = root.join(".git");
    // A submodule and a linked work tree have a file there.
    let store = if git.is_file() {
        git2::Repository::open(root).ok().map(|repository| repository.commondir().to_owned())
    } else {
        git.is_dir().then_some(git)
    };
    let store = store.unwrap_or_else(|| root.to_owned());
    std::fs::canonicalize(&store).unwrap_or(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of each of some folders, if these are listed.
    fn names(folders: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = folders.iter().map(|folder| dir.path().join(folder)).collect();
        paths.iter().for_each(|path| {
            git2::Repository::init(path).unwrap();
        });
        let names = Names::of(&paths);
        paths.iter().map(|path| names.name(Repository::open(path).unwrap()).name).collect()
    }

    #[test]
    fn repositories_in_folders_of_one_name_are_told_apart_by_the_folders_above() {
        assert_eq!(names(&["a/shop", "b/till"]), ["shop", "till"]);
        assert_eq!(names(&["a/shop", "b/shop", "b/till"]), ["a/shop", "b/shop", "till"]);
        assert_eq!(names(&["a/x/shop", "b/x/shop", "c/shop"]), ["a/x/shop", "b/x/shop", "c/shop"]);
        assert_eq!(names(&["a/shop", "b/shop.git"]), ["a/shop", "b/shop"]);
    }

    #[test]
    fn the_work_trees_of_a_repository_are_listed_once_and_its_submodules_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let shop = dir.path().join("shop");
        let repository = git2::Repository::init(&shop).unwrap();
        let who = git2::Signature::now("Mina", "mina@example.com").unwrap();
        let tree = repository.find_tree(repository.index().unwrap().write_tree().unwrap()).unwrap();
        repository.commit(Some("HEAD"), &who, &who, "x", &tree, &[]).unwrap();
        let other = dir.path().join("other");
        repository.worktree("other", &other, None).unwrap();
        // As a submodule has it.
        let (part, own) = (shop.join("part"), shop.join(".git/modules/part"));
        git2::Repository::init_bare(&own).unwrap();
        std::fs::create_dir(&part).unwrap();
        std::fs::write(part.join(".git"), "gitdir: ../.git/modules/part\n").unwrap();
        let names = Names::of(&[shop.clone(), other.clone(), part.clone()]);
        assert_eq!(names.paths(), [shop.clone(), part]);
        assert_eq!(Names::of(&[other.clone(), shop]).paths(), [other]);
    }

    #[test]
    fn a_repository_that_is_named_twice_is_listed_once() {
        let dir = tempfile::tempdir().unwrap();
        let (shop, link) = (dir.path().join("shop"), dir.path().join("link"));
        git2::Repository::init(&shop).unwrap();
        std::fs::create_dir(shop.join("src")).unwrap();
        std::os::unix::fs::symlink(&shop, &link).unwrap();
        let listed = [shop.clone(), shop.join("src"), link, shop.join(".git"), dir.path().join("gone")];
        let names = Names::of(&listed);
        assert_eq!(names.paths(), [shop.clone(), dir.path().join("gone")]);
        assert_eq!(names.name(Repository::open(&shop).unwrap()).name, "shop");
    }
}
