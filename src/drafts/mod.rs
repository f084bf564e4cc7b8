//! FLOOR 2: unfinished reviews on disk, outside every repository: a folder for each repository, and in it a file for
//! each change, by the ref that shows it. Written completely or not at all. Nothing that a person wrote is lost without
//! being told, and it never appears on another change.

mod file;
mod folder;
mod owner;
mod place;
#[cfg(test)]
mod tests;
mod unsaved;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::change::{Change, from_hex};
use crate::decision::Draft;
use crate::disk::write_atomically;
use file::lock;
use folder::{Folder, Seen};
pub use owner::{Refs, adopted, names};
pub use unsaved::UnsavedDraft;

/// The directory of drafts, with this device's chain id next to them.
#[derive(Debug, Clone)]
pub struct Drafts {
    dir: PathBuf,
    /// What could not be saved, the earliest first. It is saved as soon as possible.
    unsaved: Arc<Mutex<Vec<UnsavedDraft>>>,
    /// By git directory: which repository was there when a draft was last read.
    seen: Arc<Mutex<BTreeMap<PathBuf, Seen>>>,
}

/// The draft of a change.
#[derive(Debug, Default)]
pub struct Loaded {
    pub draft: Option<Draft>,
    /// What became of drafts that could be expected here, in a sentence.
    pub told: Option<String>,
}

/// What is on disk after a draft was saved.
#[derive(Debug)]
pub struct Saved {
    pub draft: Draft,
    /// Why the existing file could not be used, and where it is now.
    pub problem: Option<String>,
}

impl Drafts {
    pub fn at(dir: PathBuf) -> Drafts {
        Drafts { dir, unsaved: Arc::default(), seen: Arc::default() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The draft of a change, if there is one, with what could not be saved of it yet. A change that is shown by
    /// another ref by now (it was pushed, its branch was renamed, somebody opened a review request for it) has the
    /// draft that was kept by the first. A damaged one is renamed, and the error gives its new name.
    pub fn load(&self, refs: &dyn Refs, change: &Change) -> Result<Loaded, String> {
        let before = self.save_the_rest(refs);
        let repository = refs.repository();
        let now = Seen::of(&self.dir, repository);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.to_owned(), now);
        let mut folder = Folder::of(&self.dir, repository);
        let mut found = match folder.find(refs, change) {
            Ok(found) => found,
            // What could not be written to that disk is shown all the same.
            Err(why) => {
                let draft = self.with_unsaved(refs, change, None);
                return if draft.is_some() { Ok(Loaded { draft, told: Some(why) }) } else { Err(why) };
            }
        };
        let is_settled = found.other.is_none() && found.elsewhere.is_empty() && folder.more.is_none();
        // Another desk may be writing one of them: what it wrote is kept, too.
        let locked = if is_settled { None } else { lock(&self.dir.join("lock")).ok() };
        let told = before.or_else(|| told(&folder, &found));
        let draft = if locked.is_some() {
            // What cannot be taken in is read where it is.
            let _ = folder.take_in();
            found = folder.find(refs, change)?;
            folder.settle(change, found)
        } else {
            place::joined(change, &found)
        };
        Ok(Loaded { draft: self.with_unsaved(refs, change, draft), told })
    }

    /// A draft, with what could not be saved.
    fn with_unsaved(&self, refs: &dyn Refs, change: &Change, mut draft: Option<Draft>) -> Option<Draft> {
        let unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        // What is written about the repository that was here before stays with that.
        let is_here = |it: &&UnsavedDraft| {
            it.repository == refs.repository()
                && it.seen.as_ref().is_none_or(|seen| seen.is_still(&self.dir, &it.repository))
                && owner::is_of(&it.draft, refs, change)
        };
        for UnsavedDraft { base, draft: own, .. } in unsaved.iter().filter(is_here) {
            let whole = draft.map_or_else(|| own.clone(), |draft| draft.with_changes(base, own));
            draft = Some(Draft { refs: names(change), change: change.id.clone(), ..whole });
        }
        draft
    }

    /// All drafts of a repository that can be read, each with its file; damaged ones are left alone.
    pub fn of_repository(&self, refs: &dyn Refs) -> Vec<(PathBuf, Draft)> {
        Folder::of(&self.dir, refs.repository()).drafts()
    }

    /// Saves the difference between `base` and `draft`: under a lock, merged into the current file, which another desk
    /// may have written meanwhile. Returns the new content. Written completely or not at all; an empty draft removes
    /// the file.
    ///
    /// # Errors
    /// A sentence. What could not be saved is saved next time.
    pub fn save(&self, refs: &dyn Refs, base: &Draft, draft: &Draft) -> Result<Saved, String> {
        let before = self.save_the_rest(refs);
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(refs.repository()).cloned();
        if let Some(own) = unsaved.iter_mut().find(|it| it.is_of(refs.repository(), seen.as_ref(), draft)) {
            own.draft = draft.clone();
            return Err(own.why.clone());
        }
        let saved = self.write(refs, seen.as_ref(), base, draft);
        let saved = saved.map(|saved| Saved { problem: before.or(saved.problem), ..saved });
        saved.inspect_err(|why| {
            let (repository, base, draft) = (refs.repository().to_owned(), base.clone(), draft.clone());
            unsaved.push(UnsavedDraft { why: why.clone(), repository, seen, base, draft });
        })
    }

    /// Tries once more to save what could not be saved of a repository. Returns why an existing file could not be used.
    pub fn save_the_rest(&self, refs: &dyn Refs) -> Option<String> {
        let mut problem = None;
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        unsaved.retain_mut(|it| {
            if it.repository != refs.repository() {
                return true;
            }
            match self.write(refs, it.seen.as_ref(), &it.base, &it.draft) {
                Ok(saved) => {
                    problem = problem.take().or(saved.problem);
                    false
                }
                Err(why) => {
                    it.why = why;
                    true
                }
            }
        });
        problem
    }

    /// The drafts that could not be saved.
    pub fn unsaved(&self) -> Vec<UnsavedDraft> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, refs: &dyn Refs, seen: Option<&Seen>, base: &Draft, draft: &Draft) -> Result<Saved, String> {
        let written = || {
            std::fs::create_dir_all(&self.dir).map_err(|error| error.to_string())?;
            let _lock = lock(&self.dir.join("lock"))?;
            let mut folder = Folder::given(&self.dir, refs.repository(), seen)?;
            folder.take_in()?;
            folder.write(refs, base, draft)
        };
        let saved = written().map(|(draft, problem)| Saved { draft, problem });
        saved.map_err(|error| {
            let dir = self.dir.display();
            format!("{error}: the draft was not saved in {dir}, and is lost when this program ends.")
        })
    }

    /// This device's id: 16 hex digits, created once from `random` and kept. Earlier versions signed all decisions in a
    /// chain of this id.
    pub fn device(&self, random: impl FnOnce() -> [u8; 8]) -> Result<String, String> {
        let path = self.dir.join("chain-id");
        if let Ok(id) = std::fs::read_to_string(&path) {
            let id = id.trim().to_owned();
            if from_hex::<8>(&id).is_some() {
                return Ok(id);
            }
            return Err(format!(
                "{} does not hold an id of 16 hex digits. Restore it, or remove it to begin new chains.",
                path.display()
            ));
        }
        let id = base16ct::lower::encode_string(&random());
        write_atomically(&path, format!("{id}\n").as_bytes()).map_err(|error| {
            format!("This device's id cannot be saved in {}: {error}. Nothing was signed.", self.dir.display())
        })?;
        Ok(id)
    }
}

/// What became of drafts that could be expected at a change.
fn told(folder: &Folder, found: &place::Found) -> Option<String> {
    let has_words = |draft: &Draft| {
        !draft.notes.is_empty()
            || !draft.answers.is_empty()
            || !draft.acknowledged.is_empty()
            || !draft.reasons.is_empty()
    };
    if let Some(other) = found.other.as_ref().filter(|other| has_words(other)) {
        let head = place::short(&other.head);
        return Some(format!(
            "What you wrote here about {head} is not about this: it is kept, and shown at that commit."
        ));
    }
    let first = folder.first.as_ref()?;
    let is_any =
        Folder { dir: first.clone(), more: None, first: None }.drafts().iter().any(|(_, draft)| has_words(draft));
    let told =
        format!("This repository is a copy. What you wrote in the first one stays there, in {}.", first.display());
    is_any.then_some(told)
}
