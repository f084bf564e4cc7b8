//! FLOOR 2: unfinished reviews on disk, outside every repository: a folder for each repository, and in it a file for
//! each change, by the ref that shows it. Written completely or not at all.

mod folder;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::change::{Change, from_hex};
use crate::decision::{Draft, Note};
use crate::disk::write_atomically;

/// How long to wait for another desk, which holds the lock for as long as it takes to write a file.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the move of a draft is followed.
const MAX_MOVES: usize = 8;

/// The directory of drafts, with this device's chain id next to them.
#[derive(Debug, Clone)]
pub struct Drafts {
    dir: PathBuf,
    /// By file: what could not be saved. It is saved as soon as possible.
    unsaved: Arc<Mutex<BTreeMap<PathBuf, UnsavedDraft>>>,
}

impl Drafts {
    pub fn at(dir: PathBuf) -> Drafts {
        Drafts { dir, unsaved: Arc::default() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The draft of a change, if there is one. A change that is shown by another ref by now (it was pushed, its branch
    /// was renamed, somebody opened a review request for it) has the draft that was kept by the first. A damaged one is
    /// renamed, and the error gives its new name.
    pub fn load(&self, refs: &Refs<'_>, change: &Change) -> Result<Option<Draft>, String> {
        let path = self.path(refs.repository, key(change));
        let mut own = self.own(&path)?;
        // Of an earlier task in a worktree of the same name.
        if let Some(other) = own.take_if(|own| !is_of(own, refs, change)) {
            let aside = path.with_file_name(file_of(&format!("{}@{}", other.key(), other.head)));
            std::fs::rename(&path, aside).map_err(|error| format!("{} cannot be moved: {error}.", path.display()))?;
        }
        if self.kept_elsewhere(refs, change, &path).is_empty() {
            return Ok(own);
        }
        // Another desk may be writing one of them: what it wrote is kept, too.
        let _lock = lock(&self.dir.join("lock"))?;
        let mut draft = self.own(&path)?;
        let others = self.kept_elsewhere(refs, change, &path);
        for (_, other) in &others {
            draft = Some(draft.map_or_else(|| other.clone(), |draft| other.with_changes(&Draft::default(), &draft)));
        }
        let Some(draft) = draft else { return Ok(None) };
        let draft = Draft { refs: names(change), change: change.id.clone(), ..draft };
        // Where they cannot be moved, they are found again next time.
        if write_atomically(&path, &draft.encode()).is_ok() {
            // A desk that still shows one of them writes where it went.
            let moved = Moved { schema: Moved::SCHEMA.to_owned(), to: key(change).to_owned() }.encode();
            others.iter().for_each(|(old, _)| _ = write_atomically(old, &moved));
        }
        Ok(Some(draft))
    }

    fn own(&self, path: &Path) -> Result<Option<Draft>, String> {
        match read(path)? {
            OnDisk::None | OnDisk::Moved => Ok(None),
            OnDisk::Draft(draft) => Ok(Some(*draft)),
            OnDisk::Damaged(why) => Err(damaged(path, &why, "the review starts anew")),
        }
    }

    /// Drafts that a change has under other refs.
    fn kept_elsewhere(&self, refs: &Refs<'_>, change: &Change, own: &Path) -> Vec<(PathBuf, Draft)> {
        let all = self.of_repository(refs).into_iter();
        all.filter(|(path, draft)| path != own && is_of(draft, refs, change)).collect()
    }

    /// All drafts of a repository that can be read, each with its file; damaged ones are left alone.
    pub fn of_repository(&self, refs: &Refs<'_>) -> Vec<(PathBuf, Draft)> {
        let files = std::fs::read_dir(self.dir_of(refs.repository)).into_iter().flatten().flatten();
        let mut drafts: Vec<_> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .filter_map(|path| Some((path.clone(), Draft::decode(&std::fs::read(path).ok()?).ok()?)))
            .collect();
        drafts.sort_by(|a, b| a.0.cmp(&b.0));
        drafts
    }

    /// Saves the difference between `base` and `draft`: under a lock, merged into the current file, which another desk
    /// may have written meanwhile. Returns the new content. Written completely or not at all; an empty draft removes
    /// the file.
    ///
    /// # Errors
    /// A sentence. What could not be saved is saved next time.
    pub fn save(&self, repository: &Path, base: &Draft, draft: &Draft) -> Result<Saved, String> {
        // Where it could not be given a folder, it is kept by the one that it would have without.
        let given = folder::given(repository);
        let path = self.path(repository, draft.key());
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        let base = unsaved.remove(&path).map_or_else(|| base.clone(), |unsaved| unsaved.base);
        let saved = given.and_then(|_| self.merge_into(&path, &base, draft)).map_err(|error| {
            format!(
                "The draft cannot be saved in {}: {error}. It lives only as long as this program.",
                self.dir.display()
            )
        });
        if let Err(why) = &saved {
            unsaved.insert(path, UnsavedDraft { why: why.clone(), base, draft: draft.clone() });
        }
        saved
    }

    /// The drafts that could not be saved.
    pub fn unsaved(&self) -> Vec<UnsavedDraft> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn merge_into(&self, path: &Path, base: &Draft, draft: &Draft) -> Result<Saved, String> {
        let plain = |error: std::io::Error| error.to_string();
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(plain)?;
        let _lock = lock(&self.dir.join("lock"))?;
        let moved = self.moved_to(path, base);
        let path = moved.as_deref().unwrap_or(path);
        let (merged, problem) = match read(path)? {
            OnDisk::Draft(theirs) => (theirs.with_changes(base, draft), None),
            // Whoever removed the file did not mean what is on this screen.
            OnDisk::None | OnDisk::Moved => (draft.clone(), None),
            OnDisk::Damaged(why) => (draft.clone(), Some(damaged(path, &why, "what is on the screen is in a new one"))),
        };
        let written = if merged.is_empty() {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        } else {
            write_atomically(path, &merged.encode())
        };
        written.map(|()| Saved { draft: merged, problem }).map_err(plain)
    }

    /// Where the draft went that a desk has read from a file; none if it read nothing there, and begins a new one.
    fn moved_to(&self, path: &Path, base: &Draft) -> Option<PathBuf> {
        if base.is_empty() {
            return None;
        }
        let mut at = None;
        // A branch may be renamed and renamed back.
        for _ in 0..MAX_MOVES {
            let Some(moved) = Moved::read(at.as_deref().unwrap_or(path)) else { break };
            at = Some(path.with_file_name(file_of(&moved.to)));
        }
        at
    }

    /// This device's chain id: 16 hex digits, created once from `random` and kept.
    pub fn chain_id(&self, random: impl FnOnce() -> [u8; 8]) -> Result<String, String> {
        let path = self.dir.join("chain-id");
        if let Ok(id) = std::fs::read_to_string(&path) {
            let id = id.trim().to_owned();
            if from_hex::<8>(&id).is_some() {
                return Ok(id);
            }
            return Err(format!(
                "{} does not hold a chain id of 16 hex digits. Restore it, or remove it to begin a new chain.",
                path.display()
            ));
        }
        let id = base16ct::lower::encode_string(&random());
        write_atomically(&path, format!("{id}\n").as_bytes()).map_err(|error| {
            format!("This device's chain id cannot be saved in {}: {error}. Nothing was signed.", self.dir.display())
        })?;
        Ok(id)
    }

    fn dir_of(&self, repository: &Path) -> PathBuf {
        self.dir.join(folder::of(repository).unwrap_or_else(|| folder::by_path(repository)))
    }

    fn path(&self, repository: &Path, key: &str) -> PathBuf {
        self.dir_of(repository).join(file_of(key))
    }
}

/// The file of a draft, by the name by which it is kept.
fn file_of(key: &str) -> String {
    format!("{}.json", Digest::of(key.as_bytes()).short())
}

/// What stays in place of a draft that is kept by another ref now.
#[derive(Serialize, Deserialize)]
struct Moved {
    schema: String,
    /// The name by which it is kept.
    to: String,
}

impl Moved {
    const SCHEMA: &str = "undersign-draft-moved/v1";

    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn read(path: &Path) -> Option<Moved> {
        Moved::of(&std::fs::read(path).ok()?)
    }

    fn of(bytes: &[u8]) -> Option<Moved> {
        serde_json::from_slice(bytes).ok().filter(|moved: &Moved| moved.schema == Moved::SCHEMA)
    }
}

/// A repository, as far as a draft's owner depends on it.
#[derive(Clone, Copy)]
pub struct Refs<'r> {
    /// The git directory that its work trees share.
    pub repository: &'r Path,
    /// Whether no ref of this full name is there any more.
    pub is_gone: &'r dyn Fn(&str) -> bool,
    /// Whether a commit, in hex, has another one in its history, or is that.
    pub contains: &'r dyn Fn(&str, &str) -> bool,
    /// The remote with the branch that changes land on.
    pub remote: Option<&'r str>,
}

/// The refs that show a change, the one by which its draft is kept first.
pub fn names(change: &Change) -> Vec<String> {
    change.refs.iter().map(|at| at.full.clone()).collect()
}

/// The name by which the draft of a change is kept.
fn key(change: &Change) -> &str {
    change.refs.first().map_or(&change.id, |at| &at.full)
}

/// Whether a draft is of a change: it was kept by one of its refs; or by a ref that is gone, and is about its head, or
/// is carried on by a ref of it. The ref of somebody else's change keeps its draft.
fn is_of(draft: &Draft, refs: &Refs<'_>, change: &Change) -> bool {
    let is_shown_by = |name: &str| change.refs.iter().any(|at| at.full == name);
    let (name, head) = (draft.key(), change.revision.head.to_string());
    let is_later = || (refs.contains)(&head, &draft.head);
    if name == key(change) || is_shown_by(name) {
        // Agents make worktrees anew for each task, under the same name.
        return !is_worktree(name) || draft.head == head || is_later();
    }
    let carries_on = |full: &str| {
        let was_shown = draft.refs.iter().any(|name| name == full);
        follows(refs.remote, name, full) && (was_shown || is_later())
    };
    let is_near = || draft.head == head || change.refs.iter().any(|at| carries_on(&at.full));
    !draft.refs.is_empty() && (refs.is_gone)(name) && is_near()
}

fn is_worktree(full: &str) -> bool {
    full.starts_with("worktrees/")
}

/// Whether a ref may go on with the change of one that is gone: at the remote of the target if that was a local branch,
/// otherwise a branch or review request of the same remote. Whoever may write to another one could otherwise take the
/// notes on somebody's change, by a branch that once stood at the same commit.
fn follows(target: Option<&str>, gone: &str, full: &str) -> bool {
    fn of(full: &str) -> Option<&str> {
        let below =
            ["refs/remotes/", "refs/undersign/requests/"].iter().find_map(|prefix| full.strip_prefix(prefix))?;
        below.split_once('/').map(|(remote, _)| remote)
    }
    match (of(gone), of(full)) {
        (Some(was), Some(is)) => was == is,
        (None, Some(remote)) => target == Some(remote),
        // Local branches and worktrees are of whoever reviews.
        (_, None) => true,
    }
}

/// Of drafts of a repository, the one that a change has: its own first, then one of the same head.
pub fn adopted<'d>(drafts: &'d [(PathBuf, Draft)], refs: &Refs<'_>, change: &Change) -> Option<&'d (PathBuf, Draft)> {
    let found = drafts.iter().filter(|(_, draft)| is_of(draft, refs, change));
    found.min_by_key(|(_, draft)| (draft.key() != key(change), draft.head != change.revision.head.to_string()))
}

/// A draft that could not be written to disk.
#[derive(Debug, Clone)]
pub struct UnsavedDraft {
    /// A sentence.
    pub why: String,
    /// The last state that was saved.
    base: Draft,
    draft: Draft,
}

impl UnsavedDraft {
    /// The change that it is about, and what the person wrote since it was last saved, each with its place. Marks of
    /// what was seen are not among them.
    pub fn words(&self) -> (&str, Vec<String>) {
        let at = |note: &Note| match (note.path.as_str(), note.line) {
            ("", _) => String::new(),
            (path, 0) => format!("{path}: "),
            (path, line) => format!("{path}:{line}: "),
        };
        let notes = self.draft.notes.iter().filter(|note| !self.base.notes.contains(note));
        let mut words: Vec<_> = notes.map(|note| format!("{}{}", at(note), note.text)).collect();
        let answers = |of: &Draft| of.answers.clone().into_iter().chain(of.acknowledged.clone()).collect::<Vec<_>>();
        let before = answers(&self.base);
        words.extend(
            answers(&self.draft)
                .into_iter()
                .filter(|answer| !before.contains(answer))
                .map(|(key, text)| format!("{key}: {text}")),
        );
        if self.draft.reason != self.base.reason && !self.draft.reason.is_empty() {
            words.push(format!("reason: {}", self.draft.reason));
        }
        (&self.draft.change, words)
    }
}

/// What is on disk after a draft was saved.
#[derive(Debug)]
pub struct Saved {
    pub draft: Draft,
    /// Why the existing file could not be used, and where it is now.
    pub problem: Option<String>,
}

/// What is at the path of a draft.
enum OnDisk {
    None,
    /// To another file, for those who read it here before.
    Moved,
    Draft(Box<Draft>),
    /// And why it cannot be used.
    Damaged(String),
}

fn read(path: &Path) -> Result<OnDisk, String> {
    match std::fs::read(path) {
        Ok(bytes) if Moved::of(&bytes).is_some() => Ok(OnDisk::Moved),
        Ok(bytes) => Ok(match Draft::decode(&bytes) {
            Ok(draft) => OnDisk::Draft(Box::new(draft)),
            Err(why) => OnDisk::Damaged(why),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(OnDisk::None),
        Err(error) => Err(format!("The draft {} cannot be read: {error}.", path.display())),
    }
}

/// Renames a draft that cannot be used; reports where it is, and what is used instead.
fn damaged(path: &Path, why: &str, now: &str) -> String {
    let aside = set_aside(path);
    format!("The draft of this review could not be used: {why}. It is kept as {}; {now}.", aside.display())
}

/// Moves a file that cannot be used to a free name, and returns its new path.
fn set_aside(path: &Path) -> PathBuf {
    let names = (0..1000).map(|n| if n == 0 { "damaged".to_owned() } else { format!("damaged-{n}") });
    let free = names.map(|name| path.with_extension(name)).find(|aside| !aside.exists());
    let moved = free.and_then(|aside| std::fs::rename(path, &aside).ok().map(|()| aside));
    moved.unwrap_or_else(|| path.to_path_buf())
}

/// One desk at a time. On a file system without locks, none is taken: a draft that cannot be saved is worse.
fn lock(path: &Path) -> Result<Option<File>, String> {
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| error.to_string())?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => return Err(format!("another program holds {}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::change::{BranchRef, ObjectId, Revision};
    use crate::decision::Note;

    /// A desk: what it last wrote or read, and what it shows now.
    #[derive(Default)]
    struct Desk {
        saved: Draft,
        draft: Draft,
    }

    const CHANGE: &str = "shop:x";

    static SHOP: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

    fn shop() -> &'static Path {
        SHOP.path()
    }

    fn refs() -> Refs<'static> {
        Refs { repository: shop(), is_gone: &|_| true, contains: &|_, _| false, remote: Some("origin") }
    }

    /// A change at a head, as refs show it; without any, a range.
    fn shown(head: u8, refs: &[&str]) -> Change {
        let [base, head] = [0, head].map(|n| ObjectId([n; 20]));
        let revision = Revision {
            base,
            base_tree: base,
            head,
            head_tree: head,
            target_tip: base,
            target_tree: base,
            commits: Vec::new(),
        };
        let at = |full: &&str| BranchRef { full: (*full).to_owned(), remote: None, branch: (*full).to_owned() };
        let refs = refs.iter().map(at).collect();
        Change { refs, ..Change::of_range(CHANGE.to_owned(), "x".to_owned(), "main".to_owned(), revision) }
    }

    fn change() -> Change {
        shown(1, &[])
    }

    /// A note on a change, saved.
    fn noted(drafts: &Drafts, place: &Path, change: &Change, text: &str) {
        let mut draft = Draft::new(CHANGE, crate::decision::Revised::of(&change.revision));
        draft.refs = names(change);
        draft.notes.push(Note { text: text.to_owned(), ..Note::default() });
        drafts.save(place, &Draft::default(), &draft).unwrap();
    }

    #[test]
    fn a_draft_follows_its_change_to_another_ref_and_never_goes_to_another_change() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::at(dir.path().join("drafts"));
        let (local, pushed, request) =
            ("refs/heads/x", "refs/remotes/origin/x", "refs/undersign/requests/origin/pull/7");
        // A later head contains an earlier one.
        let contains = |commit: &str, other: &str| commit >= other;
        let read = |change: &Change, gone: &[&str]| {
            let is_gone = |name: &str| gone.contains(&name);
            let draft = drafts.load(&Refs { is_gone: &is_gone, contains: &contains, ..refs() }, change).unwrap();
            draft.map(|draft| draft.notes[0].text.clone())
        };
        // Pushed, then a review request, which is closed again.
        noted(&drafts, shop(), &shown(1, &[local]), "mine");
        assert_eq!(read(&shown(1, &[pushed, local]), &[]).as_deref(), Some("mine"));
        assert_eq!(read(&shown(2, &[request, pushed]), &[]).as_deref(), Some("mine"), "also with what came since");
        noted(&drafts, shop(), &shown(2, &[request, pushed]), "mine");
        assert_eq!(read(&shown(2, &[pushed]), &[request]).as_deref(), Some("mine"));
        // Another change takes a name, or is at the same commit.
        noted(&drafts, shop(), &shown(3, &["refs/remotes/ann/patch-1"]), "ann's");
        assert_eq!(read(&shown(4, &["refs/remotes/origin/patch-1"]), &[]), None);
        assert_eq!(read(&shown(3, &["refs/remotes/origin/other"]), &[]), None, "ann's is still there");
        assert_eq!(read(&shown(3, &["refs/remotes/ann/patch-1"]), &[]).as_deref(), Some("ann's"));
        // A branch is renamed, a worktree put on one.
        let renamed = read(&shown(3, &["refs/remotes/ann/patch-2"]), &["refs/remotes/ann/patch-1"]);
        assert_eq!(renamed.as_deref(), Some("ann's"));
        noted(&drafts, shop(), &shown(5, &["worktrees/agent-7/HEAD"]), "agent's");
        let put = read(&shown(5, &["refs/heads/agent/seven"]), &["worktrees/agent-7/HEAD"]);
        assert_eq!(put.as_deref(), Some("agent's"));
        assert_eq!(read(&shown(4, &["refs/heads/agent/eight"]), &["refs/heads/agent/seven"]), None, "of another head");
        // The worktree is made anew for another task; an agent goes on before it pushes and cleans up.
        noted(&drafts, shop(), &shown(8, &["worktrees/task/HEAD"]), "fine");
        assert_eq!(read(&shown(7, &["worktrees/task/HEAD"]), &[]), None);
        assert_eq!(read(&shown(9, &["worktrees/task/HEAD"]), &[]).as_deref(), Some("fine"));
        let (local, pushed) = ("refs/heads/agent/7", "refs/remotes/origin/agent/7");
        noted(&drafts, shop(), &shown(20, &[local]), "look here");
        assert_eq!(read(&shown(21, &[pushed]), &[local]).as_deref(), Some("look here"));
    }

    #[test]
    fn a_branch_at_another_remote_takes_no_draft_by_having_stood_at_the_same_commit() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::at(dir.path().join("drafts"));
        let (good, evil) = ("refs/remotes/origin/good", "refs/remotes/mal/good");
        let contains = |commit: &str, other: &str| commit >= other;
        let read = |head: u8, gone: &str| {
            let is_gone = |name: &str| name == gone;
            drafts.load(&Refs { is_gone: &is_gone, contains: &contains, ..refs() }, &shown(head, &[evil])).unwrap()
        };
        noted(&drafts, shop(), &shown(1, &[good, evil]), "fine");
        assert_eq!(read(2, good), None);
        let request = "refs/undersign/requests/origin/pull/7";
        noted(&drafts, shop(), &shown(3, &[request, evil]), "fine");
        assert_eq!(read(4, request), None);
        let local = "refs/heads/good";
        noted(&drafts, shop(), &shown(5, &[local, evil]), "fine");
        assert_eq!(read(6, local), None);
        assert!(read(5, local).is_some(), "the very same change");
    }

    #[test]
    fn what_was_taken_back_in_one_desk_does_not_come_back_by_another_that_shows_the_old_ref() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::at(dir.path().join("drafts"));
        let (local, pushed) = ("refs/heads/x", "refs/remotes/origin/x");
        noted(&drafts, shop(), &shown(1, &[local]), "no");
        let load = |change: &Change| drafts.load(&Refs { is_gone: &|_| false, ..refs() }, change).unwrap().unwrap();
        let first = load(&shown(1, &[local]));
        // It is pushed, and the other desk takes the note back.
        let second = load(&shown(1, &[pushed, local]));
        drafts.save(shop(), &second, &Draft { notes: Vec::new(), reason: "r".into(), ..second.clone() }).unwrap();
        let marked = Draft { seen: ["m".to_owned()].into(), ..first.clone() };
        drafts.save(shop(), &first, &marked).unwrap();
        let kept = load(&shown(1, &[pushed, local]));
        assert!(kept.notes.is_empty() && kept.reason == "r" && kept.seen.contains("m"), "{kept:?}");
    }

    #[test]
    fn where_the_repository_was_moved_away_nothing_is_said_to_be_saved() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::at(dir.path().join("drafts"));
        let [shop, shoq] = ["shop", "shoq"].map(|name| dir.path().join(name));
        std::fs::create_dir(&shop).unwrap();
        noted(&drafts, &shop, &shown(1, &["refs/heads/x"]), "first");
        std::fs::rename(&shop, &shoq).unwrap();
        let draft = Draft { refs: vec!["refs/heads/x".into()], reason: "r".into(), ..Draft::default() };
        let why = drafts.save(&shop, &Draft::default(), &draft).unwrap_err();
        assert!(why.contains("no longer in"), "{why}");
        assert_eq!(drafts.unsaved().len(), 1);
    }

    #[test]
    fn drafts_follow_a_renamed_folder_and_stay_where_another_repository_takes_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::at(dir.path().join("drafts"));
        let [old, new, other] = ["shop", "shoq", "cart"].map(|name| dir.path().join(name));
        std::fs::create_dir(&old).unwrap();
        noted(&drafts, &old, &shown(1, &["refs/heads/x"]), "mine");
        let read = |repository: &Path| {
            let refs = Refs { repository, is_gone: &|_| false, ..refs() };
            drafts.load(&refs, &shown(1, &["refs/heads/x"])).unwrap().map(|draft| draft.notes[0].text.clone())
        };
        std::fs::create_dir(&other).unwrap();
        assert_eq!(read(&other), None);
        std::fs::rename(&old, &new).unwrap();
        assert_eq!(read(&other), None, "another clone, while the first is not to be seen");
        assert_eq!(read(&new).as_deref(), Some("mine"));
        assert_eq!(read(&old), None);
        // Another one takes its place: at the same path, and, since numbers are used again, as the same directory.
        noted(&drafts, &new, &shown(1, &["refs/heads/x"]), "mine");
        std::fs::remove_dir_all(&new).unwrap();
        std::fs::create_dir(&new).unwrap();
        assert_eq!(read(&new), None);
        noted(&drafts, &new, &shown(1, &["refs/heads/x"]), "of the new one");
        // A copy of a repository begins with none, and leaves those of the first alone.
        let copy = dir.path().join("copy");
        std::fs::create_dir_all(copy.join("undersign")).unwrap();
        std::fs::copy(new.join("undersign/drafts"), copy.join("undersign/drafts")).unwrap();
        assert_eq!(read(&copy), None);
        noted(&drafts, &copy, &shown(1, &["refs/heads/x"]), "of the copy");
        assert_eq!(read(&copy).as_deref(), Some("of the copy"));
        assert_eq!(read(&new).as_deref(), Some("of the new one"));
    }

    #[test]
    fn a_note_of_a_desk_that_still_shows_the_old_ref_is_joined_to_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::at(dir.path().join("drafts"));
        let (local, pushed) = ("refs/heads/x", "refs/remotes/origin/x");
        noted(&drafts, shop(), &shown(1, &[local]), "first");
        let is_gone = |_: &str| false;
        let read = || {
            let draft =
                drafts.load(&Refs { is_gone: &is_gone, ..refs() }, &shown(1, &[pushed, local])).unwrap().unwrap();
            draft.notes.into_iter().map(|note| note.text).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(read(), ["first".to_owned()].into());
        noted(&drafts, shop(), &shown(1, &[local]), "second");
        assert_eq!(read(), ["first".to_owned(), "second".to_owned()].into());
    }

    impl Desk {
        fn open(drafts: &Drafts) -> Desk {
            let draft = drafts.load(&refs(), &change()).unwrap().unwrap_or_else(Desk::fresh);
            Desk { saved: draft.clone(), draft }
        }

        fn fresh() -> Draft {
            Draft::new(CHANGE, crate::decision::Revised::default())
        }

        fn save(&mut self, drafts: &Drafts) {
            let written = self.draft.clone();
            let base = std::mem::replace(&mut self.saved, written.clone());
            let Ok(saved) = drafts.save(shop(), &base, &written) else { return };
            let merged = saved.draft;
            self.draft.take_in(&written, &merged);
            self.saved.take_in(&written, &merged);
        }
    }

    #[derive(Debug, Clone)]
    enum Act {
        Mark(u8),
        Unmark(u8),
        Answer(u8),
        Note(u8),
        Reason,
        Save,
        Leave,
        /// The disk is full until the next one.
        Full,
    }

    fn acts() -> impl proptest::strategy::Strategy<Value = Vec<(bool, Act)>> {
        use proptest::prelude::*;
        let act = prop_oneof![
            (0u8..6).prop_map(Act::Mark),
            (0u8..6).prop_map(Act::Unmark),
            (0u8..4).prop_map(Act::Answer),
            (0u8..3).prop_map(Act::Note),
            Just(Act::Reason),
            Just(Act::Save),
            Just(Act::Save),
            Just(Act::Leave),
            Just(Act::Full),
        ];
        prop::collection::vec((any::<bool>(), act), 1..40)
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 96, ..Default::default() })]

        #[test]
        fn two_desks_in_any_interleaving_lose_no_mark_answer_note_or_reason(acts in acts()) {
            let dir = tempfile::tempdir().unwrap();
            let place = dir.path().join("drafts");
            // Each desk is a separate process.
            let drafts = [Drafts::at(place.clone()), Drafts::at(place.clone())];
            let mut desks = [Desk::open(&drafts[0]), Desk::open(&drafts[1])];
            let (mut unmarked, mut words) = (std::collections::BTreeSet::new(), Vec::new());
            let mut marked = std::collections::BTreeSet::new();
            let mut is_full = false;
            for (n, (second, act)) in acts.into_iter().enumerate() {
                let at = usize::from(second);
                let (desk, drafts) = (&mut desks[at], &drafts[at]);
                let word = format!("word {n}.");
                match act {
                    Act::Mark(key) => {
                        marked.insert(key.to_string());
                        desk.draft.seen.insert(key.to_string());
                    }
                    Act::Unmark(key) => {
                        unmarked.insert(key.to_string());
                        desk.draft.seen.remove(&key.to_string());
                    }
                    // A person adds to the existing text.
                    Act::Answer(key) => {
                        let answer = desk.draft.answers.entry(key.to_string()).or_default();
                        answer.push_str(&word);
                        words.push(word);
                    }
                    Act::Note(line) => {
                        let text = word.clone();
                        desk.draft.notes.push(Note { line: u32::from(line), text, ..Note::default() });
                        words.push(word);
                    }
                    Act::Reason => {
                        desk.draft.reason.push_str(&word);
                        words.push(word);
                    }
                    Act::Save => desk.save(drafts),
                    // A desk that ends while nothing can be written loses what it reported as lost.
                    Act::Leave if !is_full => {
                        desk.save(drafts);
                        *desk = Desk::open(drafts);
                    }
                    Act::Leave => {}
                    Act::Full => {
                        let aside = dir.path().join("aside");
                        let moves = if is_full { [&aside, &place] } else { [&place, &aside] };
                        if is_full {
                            std::fs::remove_file(&place).unwrap();
                        }
                        let _ = std::fs::rename(moves[0], moves[1]);
                        is_full = !is_full;
                        if is_full {
                            std::fs::write(&place, "no directory").unwrap();
                        }
                    }
                }
            }
            if is_full {
                std::fs::remove_file(&place).unwrap();
                let _ = std::fs::rename(dir.path().join("aside"), &place);
            }
            desks[0].save(&drafts[0]);
            desks[1].save(&drafts[1]);
            desks[0].save(&drafts[0]);
            let kept = Desk::open(&drafts[0]).draft;
            let text = String::from_utf8(kept.encode()).unwrap();
            for word in words {
                proptest::prop_assert!(text.contains(&word), "{word} is lost: {text}");
            }
            for key in marked.difference(&unmarked) {
                proptest::prop_assert!(kept.seen.contains(key), "mark {key} is lost");
            }
            proptest::prop_assert_eq!(&desks[0].draft.seen, &kept.seen);
            proptest::prop_assert_eq!(&desks[0].draft.notes.len(), &kept.notes.len());
        }
    }

    #[test]
    fn a_damaged_draft_never_takes_the_place_of_an_earlier_one() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::at(dir.path().into());
        std::fs::create_dir_all(drafts.dir_of(shop())).unwrap();
        let path = drafts.path(shop(), CHANGE);
        for text in ["one", "two"] {
            std::fs::write(&path, text).unwrap();
            assert!(drafts.load(&refs(), &change()).unwrap_err().contains("is kept as"));
        }
        assert_eq!(std::fs::read_to_string(path.with_extension("damaged")).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(path.with_extension("damaged-1")).unwrap(), "two");
    }
}
