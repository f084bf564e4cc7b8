//! The commits over which a submodule moves, if they are available: in the work tree's own clone of it.

use super::{Repository, as_path, oid};
use crate::change::diff::{FileDiff, Mode, TreeEntry};
use crate::change::{counted, visible};

/// The most commits whose titles are shown.
const SHOWN: usize = 10;
/// The most commits that are counted.
const COUNTED: usize = 1_000;

/// Sentences about the commits between the two sides of a submodule; empty if it is not one, or the commits are not
/// here.
pub fn passed_by_submodule(repository: &Repository, diff: &FileDiff) -> Vec<String> {
    let commit = |entry: Option<TreeEntry>| entry.filter(|entry| entry.mode == Mode::Submodule).map(|entry| entry.id);
    let (Some(old), Some(new)) = (commit(diff.old), commit(diff.new)) else { return Vec::new() };
    // A path of the tree may be hostile: it must stay inside the work tree.
    let is_inside = as_path(&diff.path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let place = repository.root.join(as_path(&diff.path));
    let inside = std::fs::canonicalize(&place).ok().zip(std::fs::canonicalize(&repository.root).ok());
    if !is_inside || !inside.is_some_and(|(place, root)| place != root && place.starts_with(root)) {
        return Vec::new();
    }
    let Ok(module) = git2::Repository::open(&place) else { return Vec::new() };
    let titles = |from, to| titles(&module, from, to).unwrap_or_default();
    let (ahead, behind) = (titles(oid(old), oid(new)), titles(oid(new), oid(old)));
    let mut told = Vec::new();
    for (titles, verb) in [(ahead, "moves over"), (behind, "takes back")] {
        if !titles.is_empty() {
            told.push(format!("the submodule {verb} {}", counted(titles.len(), "commit")));
            told.extend(titles.into_iter().take(SHOWN).map(|title| format!("  {title}")));
        }
    }
    told
}

fn titles(module: &git2::Repository, from: git2::Oid, to: git2::Oid) -> Result<Vec<String>, git2::Error> {
    let mut walk = module.revwalk()?;
    walk.push(to)?;
    walk.hide(from)?;
    let title = |id: Result<git2::Oid, git2::Error>| {
        let commit = module.find_commit(id?)?;
        let title = commit.message_bytes().split(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok(format!("{} {}", &commit.id().to_string()[..7], visible::line(title)))
    };
    walk.take(COUNTED).map(title).collect()
}
