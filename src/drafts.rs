//! FLOOR 2: unfinished reviews on disk, one file per change, outside every repository. Written completely or not at
//! all.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::change::digest::Digest;
use crate::change::from_hex;
use crate::decision::{Draft, Note};
use crate::disk::write_atomically;

/// How long to wait for another desk, which holds the lock for as long as it takes to write a file.
const PATIENCE: Duration = Duration::from_secs(10);

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

    /// The draft of a change, if there is one. A damaged one is renamed, and the error gives its new name.
    pub fn load(&self, repository: &Path, change: &str) -> Result<Option<Draft>, String> {
        let path = self.path(repository, change);
        match read(&path)? {
            OnDisk::None => Ok(None),
            OnDisk::Draft(draft) => Ok(Some(*draft)),
            OnDisk::Damaged(why) => Err(damaged(&path, &why, "the review starts anew")),
        }
    }

    /// The draft of a change, if there is one that can be read; a damaged one is left alone.
    pub fn peek(&self, repository: &Path, change: &str) -> Option<Draft> {
        Draft::decode(&std::fs::read(self.path(repository, change)).ok()?).ok()
    }

    /// Saves the difference between `base` and `draft`: under a lock, merged into the current file, which another desk
    /// may have written meanwhile. Returns the new content. Written completely or not at all; an empty draft removes
    /// the file.
    ///
    /// # Errors
    /// A sentence. What could not be saved is saved next time.
    pub fn save(&self, repository: &Path, base: &Draft, draft: &Draft) -> Result<Saved, String> {
        let path = self.path(repository, &draft.change);
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        let base = unsaved.remove(&path).map_or_else(|| base.clone(), |unsaved| unsaved.base);
        let saved = self.merge_into(&path, &base, draft).map_err(|error| {
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
        std::fs::create_dir_all(&self.dir).map_err(plain)?;
        let _lock = lock(&self.dir.join("lock"))?;
        let (merged, problem) = match read(path)? {
            OnDisk::Draft(theirs) => (theirs.with_changes(base, draft), None),
            // Whoever removed the file did not mean what is on this screen.
            OnDisk::None => (draft.clone(), None),
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

    fn path(&self, repository: &Path, change: &str) -> PathBuf {
        let place = std::fs::canonicalize(repository).unwrap_or_else(|_| repository.to_path_buf());
        let mut name = place.into_os_string().into_encoded_bytes();
        name.push(0);
        name.extend_from_slice(change.as_bytes());
        self.dir.join(format!("{}.json", Digest::of(&name).short()))
    }
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
    Draft(Box<Draft>),
    /// And why it cannot be used.
    Damaged(String),
}

fn read(path: &Path) -> Result<OnDisk, String> {
    match std::fs::read(path) {
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
    use super::*;
    use crate::decision::Note;

    /// A desk: what it last wrote or read, and what it shows now.
    #[derive(Default)]
    struct Desk {
        saved: Draft,
        draft: Draft,
    }

    const CHANGE: &str = "shop:x";

    impl Desk {
        fn open(drafts: &Drafts) -> Desk {
            let draft = drafts.load(Path::new("/shop"), CHANGE).unwrap().unwrap_or_else(Desk::fresh);
            Desk { saved: draft.clone(), draft }
        }

        fn fresh() -> Draft {
            Draft::new(CHANGE, crate::decision::Revised::default())
        }

        fn save(&mut self, drafts: &Drafts) {
            let written = self.draft.clone();
            let base = std::mem::replace(&mut self.saved, written.clone());
            let Ok(saved) = drafts.save(Path::new("/shop"), &base, &written) else { return };
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
        let path = drafts.path(Path::new("/shop"), CHANGE);
        for text in ["one", "two"] {
            std::fs::write(&path, text).unwrap();
            assert!(drafts.load(Path::new("/shop"), CHANGE).unwrap_err().contains("is kept as"));
        }
        assert_eq!(std::fs::read_to_string(path.with_extension("damaged")).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(path.with_extension("damaged-1")).unwrap(), "two");
    }
}
