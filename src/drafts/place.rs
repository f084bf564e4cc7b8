//! The drafts in one folder: where each is, and where it goes. All that writes holds the lock.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::file::{Moved, OnDisk, damaged, draft_in, file_of, read, remove};
use super::folder::Folder;
use super::owner::{Refs, goes_on, is_of, keeps_now, key, names};
use crate::change::Change;
use crate::decision::{Draft, Revised};
use crate::disk::write_atomically;

/// How often the move of a draft is followed.
const MAX_MOVES: usize = 8;

/// What is on disk of a change.
#[derive(Default)]
pub(super) struct Found {
    /// In its own file.
    pub own: Option<Draft>,
    /// In its file, of another change that had the name before.
    pub other: Option<Draft>,
    /// Of this change, in other files.
    pub elsewhere: Vec<(PathBuf, Draft)>,
}

/// The place of a draft, and the name by which it is kept there.
struct Place {
    path: PathBuf,
    key: String,
}

/// The name by which a draft is kept whose name is another change's now.
fn aside(draft: &Draft, head: &str) -> String {
    format!("{}@{head}", draft.key())
}

/// The commits that a draft has been about.
fn heads(draft: &Draft) -> impl Iterator<Item = &str> {
    let earlier = draft.looked_at.iter().chain(&draft.decided_on).map(|then| then.head.as_str());
    std::iter::once(draft.head.as_str()).chain(earlier).filter(|head| !head.is_empty())
}

impl Folder {
    fn place(&self, key: &str) -> Place {
        Place { path: self.file(key), key: key.to_owned() }
    }

    pub fn file(&self, key: &str) -> PathBuf {
        self.dir.join(file_of(key))
    }

    /// All drafts that can be read, each with its file; damaged ones are left alone.
    pub fn drafts(&self) -> Vec<(PathBuf, Draft)> {
        let dirs = std::iter::once(&self.dir).chain(&self.more);
        let mut paths: Vec<PathBuf> = dirs.flat_map(|dir| files(dir)).collect();
        paths.retain(|path| is_json(path));
        paths.sort();
        paths.into_iter().filter_map(|path| draft_in(&path).map(|draft| (path, draft))).collect()
    }

    /// # Errors
    /// The draft of the change cannot be read; a damaged one is renamed, and the error gives its new name.
    pub fn find(&self, refs: &dyn Refs, change: &Change) -> Result<Found, String> {
        let path = self.file(key(change));
        let mut found = Found::default();
        match read(&path)? {
            OnDisk::None | OnDisk::Moved => {}
            OnDisk::Draft(draft) => {
                let mut draft = *draft;
                // Written by a desk that showed it by its old ref, until that was mended.
                if file_of(draft.key()) != file_of(key(change)) && !draft.refs.is_empty() {
                    draft.refs.insert(0, key(change).to_owned());
                }
                let is_own = is_of(&draft, refs, change);
                *(if is_own { &mut found.own } else { &mut found.other }) = Some(draft);
            }
            OnDisk::Damaged(why) => return Err(damaged(&path, &why, "the review starts over")),
        }
        found.elsewhere = self.drafts();
        found.elsewhere.retain(|(other, draft)| *other != path && is_of(draft, refs, change));
        Ok(found)
    }

    /// Puts what was found of a change into its file, and what was there of another one aside. Where that cannot be
    /// written, it is found again next time.
    pub fn settle(&self, change: &Change, found: Found) -> Option<Draft> {
        let path = self.file(key(change));
        if let Some(other) = &found.other {
            let _ = self.put_aside(&path, other);
        }
        let draft = joined(change, &found);
        let moved = draft.as_ref().filter(|_| !found.elsewhere.is_empty()).cloned();
        let is_written = moved.is_some_and(|mut draft| {
            // By its new name it is of what that shows now: where the old name was, the new one need not have been.
            draft.moved_to(Revised::of(&change.revision));
            write_atomically(&path, &draft.encode()).is_ok()
        });
        if is_written {
            for (old, draft) in &found.elsewhere {
                // A desk that still shows it by the old name writes where it went.
                let _ = if draft.key() == key(change) {
                    remove(old)
                } else {
                    write_atomically(old, &Moved::encode(key(change)))
                };
            }
        }
        draft
    }

    /// Where a draft is written that may have moved since it was read, and what there is to say about that.
    fn home(&self, refs: &dyn Refs, base: &Draft, draft: &Draft) -> Result<(Place, Option<String>), String> {
        let own: BTreeSet<&str> = heads(base).chain(heads(draft)).collect();
        let names = std::iter::once(draft.key().to_owned()).chain(own.iter().map(|head| aside(draft, head)));
        // Who read nothing begins a new one.
        let follow = |name: String| if base.is_empty() { self.place(&name) } else { self.followed(self.place(&name)) };
        let mut places: Vec<Place> = names.map(follow).collect();
        let is_it =
            |place: &Place| draft_in(&place.path).is_some_and(|theirs| heads(&theirs).any(|head| own.contains(head)));
        if let Some(at) = places.iter().position(is_it) {
            return Ok((places.swap_remove(at), None));
        }
        let first = places.swap_remove(0);
        let Some(theirs) = draft_in(&first.path) else { return Ok((first, None)) };
        let is_related = || goes_on(refs, &theirs.head, &draft.head) || goes_on(refs, &draft.head, &theirs.head);
        match (keeps_now(draft, refs, None), keeps_now(&theirs, refs, None)) {
            (true, false) => self.put_aside(&first.path, &theirs).map(|()| (first, None)),
            (false, false) if is_related() => Ok((first, None)),
            (true, true) => Ok((first, None)),
            (false, _) => {
                let told =
                    format!("{} is something else by now: this is kept with {}.", shown(draft), short(&draft.head));
                Ok((self.place(&aside(draft, &draft.head)), Some(told)))
            }
        }
    }

    /// Writes the difference between `base` and `draft` into the current file. An empty draft removes the file.
    pub fn write(&self, refs: &dyn Refs, base: &Draft, draft: &Draft) -> Result<(Draft, Option<String>), String> {
        let (place, told) = self.home(refs, base, draft)?;
        let (merged, problem) = match read(&place.path)? {
            OnDisk::Draft(theirs) => (merged(&theirs, base, draft), None),
            // Whoever removed the file did not mean what is on this screen.
            OnDisk::None | OnDisk::Moved => {
                let is_moved = place.key != draft.key() && !place.key.starts_with(&aside(draft, ""));
                let refs = if is_moved { vec![place.key] } else { draft.refs.clone() };
                (Draft { refs, ..draft.clone() }, told)
            }
            OnDisk::Damaged(why) => {
                (draft.clone(), Some(damaged(&place.path, &why, "what is on the screen is in a new one")))
            }
        };
        let written =
            if merged.is_empty() { remove(&place.path) } else { write_atomically(&place.path, &merged.encode()) };
        written.map(|()| (merged, problem)).map_err(|error| error.to_string())
    }

    /// Where what was kept in a place is now.
    fn followed(&self, mut place: Place) -> Place {
        // A branch may be renamed and renamed back.
        for _ in 0..MAX_MOVES {
            let Some(moved) = Moved::read(&place.path) else { break };
            place = self.place(&moved.to);
        }
        place
    }

    /// Moves the draft of another change out of a file, to where it is found by its commit.
    fn put_aside(&self, path: &Path, draft: &Draft) -> Result<(), String> {
        let name = aside(draft, &draft.head);
        let to = self.followed(self.place(&name));
        // It came back here since it was last put aside.
        let to = if to.path == path { self.place(&name) } else { to };
        self.join(&to.path, draft)?;
        remove(path).map_err(|error| error.to_string())
    }

    /// Adds all of a draft to what is in a file.
    fn join(&self, path: &Path, draft: &Draft) -> Result<(), String> {
        let joined = match read(path)? {
            OnDisk::Draft(kept) => merged_as(&kept, &kept.with_changes(&Draft::default(), draft)),
            OnDisk::None | OnDisk::Moved => draft.clone(),
            OnDisk::Damaged(why) => {
                damaged(path, &why, "another one is in its place");
                draft.clone()
            }
        };
        write_atomically(path, &joined.encode()).map_err(|error| error.to_string())
    }

    /// Takes in what was written while the repository had no name.
    pub fn take_in(&mut self) -> Result<(), String> {
        let Some(more) = self.more.take() else { return Ok(()) };
        std::fs::create_dir_all(&self.dir).map_err(|error| error.to_string())?;
        for from in files(&more) {
            let Some(name) = from.file_name() else { continue };
            let to = self.dir.join(name);
            match draft_in(&from) {
                Some(draft) if to.exists() => {
                    self.join(&to, &draft)?;
                    let _ = remove(&from);
                }
                // It says of which repository the folder is, or where a draft went that came back by now.
                None if to.exists() && (!is_json(&from) || Moved::read(&from).is_some()) => _ = remove(&from),
                None if to.exists() => {}
                _ => std::fs::rename(&from, &to)
                    .map_err(|error| format!("{} cannot be moved: {error}", from.display()))?,
            }
        }
        // What else is there stays there.
        let _ = std::fs::remove_dir(more);
        Ok(())
    }
}

/// The draft of a change, of all that was found of it.
pub(super) fn joined(change: &Change, found: &Found) -> Option<Draft> {
    let mut draft = found.own.clone();
    for (_, other) in &found.elsewhere {
        draft = Some(draft.map_or_else(|| other.clone(), |draft| other.with_changes(&Draft::default(), &draft)));
    }
    draft.map(|draft| Draft { refs: names(change), change: change.id.clone(), ..draft })
}

/// What two desks did. Where the draft moved, it is of the ref to which it moved.
fn merged(theirs: &Draft, base: &Draft, ours: &Draft) -> Draft {
    let merged = theirs.with_changes(base, ours);
    if theirs.key() == ours.key() { merged } else { merged_as(theirs, &merged) }
}

fn merged_as(owner: &Draft, merged: &Draft) -> Draft {
    Draft { refs: owner.refs.clone(), change: owner.change.clone(), ..merged.clone() }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect()
}

/// A draft's ref, for people.
fn shown(draft: &Draft) -> String {
    let name = draft.key();
    let short = ["refs/heads/", "refs/remotes/"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    crate::change::visible::text(short).into_owned()
}

pub(super) fn short(head: &str) -> &str {
    head.get(..7).unwrap_or(head)
}
