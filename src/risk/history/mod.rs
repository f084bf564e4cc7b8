//! What the landed commits say about the next change: how often its files change, who knows them, what in them was
//! reverted. Commits are added in the order in which they landed, so that nothing is known ahead of its time.

mod backtest;
mod message;
mod points;
mod rates;

pub use backtest::{Backtest, Quality, Tried};
pub use message::Signs;
pub use points::{Weights, terms};
pub use rates::{MAX_RATED, Rates};

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::change::{ObjectId, RepoPath};

/// How many commits are remembered: the newest.
pub const MAX_COMMITS: usize = 20_000;
/// The most paths of one commit; imports touch more, and say nothing about any of them.
pub const MAX_PATHS: usize = 1_000;
/// How many times are remembered for one path.
const MAX_TIMES: usize = 64;
/// How many authors are remembered for one path.
const MAX_AUTHORS: usize = 64;
/// The least number of changes to a path for computing its share of mistakes; with fewer, the folder is used.
const ENOUGH: u32 = 20;

const DAY: i64 = 86_400;

/// One commit, or one proposal, as far as it matters for history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastChange {
    /// The commit; for a proposal, its head.
    pub id: ObjectId,
    /// Seconds since the epoch.
    pub time: i64,
    /// Distinguishes authors.
    pub author: u64,
    /// What its message says.
    pub signs: Signs,
    /// The paths that it touches, with their old paths.
    pub paths: Vec<(RepoPath, Option<RepoPath>)>,
}

impl PastChange {
    /// Distinguishes authors by their addresses.
    pub fn author(address: &str) -> u64 {
        let digest = Digest::of(address.to_lowercase().as_bytes()).0;
        u64::from_le_bytes(std::array::from_fn(|at| digest[at]))
    }
}

/// What history says about one change: counts, without judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The number of commits that were read.
    pub commits: u32,
    /// Changes of its hottest file within 30 days.
    pub busy: u32,
    /// People who changed its files before.
    pub authors: u32,
    /// Commits that last touched its files, each once.
    pub last_changes: u32,
    /// Its files that were reverted or fixed within 180 days.
    pub undone: u32,
    /// Its files that existed before.
    pub known: u32,
    /// Those of them that its author never changed.
    pub first_touch: u32,
    /// Commits of its author before.
    pub experience: u32,
    /// It reverts something.
    pub undoes: bool,
    /// It brings back what was reverted.
    pub redoes: bool,
    /// The length of its message in characters.
    pub message: u32,
    /// Files and folders that it touches.
    pub files: u32,
    /// Folders that contain its files.
    pub folders: u32,
    /// The place where past changes were wrong most often, among its files and their folders.
    pub worst: Option<Share>,
    /// The number of all commits that turned out wrong.
    pub wrong: u32,
}

impl Look {
    /// The least number of commits for history to be meaningful.
    const ENOUGH: u32 = 100;

    /// Whether there is enough history.
    pub fn speaks(&self) -> bool {
        self.commits >= Look::ENOUGH
    }
}

/// How many past changes of a place were reverted or fixed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// A file or folder; the root is empty.
    pub place: RepoPath,
    /// Changes that touched it.
    pub changes: u32,
    /// Those that were wrong.
    pub wrong: u32,
}

/// A file or folder.
#[derive(Debug, Default)]
struct Place {
    path: Vec<u8>,
    /// The folder that contains it.
    parent: Option<u32>,
    changes: u32,
    wrong: u32,
    times: VecDeque<i64>,
    undone: VecDeque<i64>,
    /// And how many changes of each are remembered.
    authors: Vec<(u64, u32)>,
    /// The number of the last commit.
    last: Option<usize>,
}

impl Place {
    fn know(&mut self, author: u64) {
        if let Some((_, count)) = self.authors.iter_mut().find(|(own, _)| *own == author) {
            *count += 1;
        } else if self.authors.len() < MAX_AUTHORS {
            self.authors.push((author, 1));
        }
    }
}

/// A commit that is remembered.
#[derive(Debug)]
struct Remembered {
    id: ObjectId,
    author: u64,
    /// Places of its files.
    files: Vec<u32>,
    wrong: bool,
}

/// What is remembered about the landed commits.
#[derive(Debug, Default)]
pub struct History {
    places: Vec<Place>,
    by_path: HashMap<Vec<u8>, u32>,
    commits: VecDeque<Remembered>,
    /// How many were forgotten.
    forgotten: usize,
    by_id: BTreeMap<[u8; 20], usize>,
    authors: HashMap<u64, u32>,
    wrong: u32,
}

impl History {
    /// How many commits are remembered.
    pub fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// The history of a change that is not part of it.
    pub fn look(&self, change: &PastChange) -> Look {
        let paths = &change.paths[..change.paths.len().min(MAX_PATHS)];
        let known = paths.iter().filter_map(|(path, from)| self.file(from.as_ref().unwrap_or(path)));
        let known: BTreeSet<u32> = known.collect();
        let files: Vec<&Place> = known.iter().map(|at| &self.places[*at as usize]).collect();
        let within = |times: &VecDeque<i64>, days| times.iter().filter(|at| change.time - **at <= days * DAY).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let authors: BTreeSet<u64> =
            files.iter().flat_map(|file| file.authors.iter().map(|(author, _)| *author)).collect();
        let is_own = |file: &&&Place| file.authors.iter().any(|(author, _)| *author == change.author);
        let folders: BTreeSet<&[u8]> = paths.iter().map(|(path, _)| folder(&path.0).unwrap_or_default()).collect();
        Look {
            commits: count(self.commits.len()),
            busy: count(files.iter().map(|file| within(&file.times, 30)).max().unwrap_or(0)),
            authors: count(authors.len()),
            last_changes: count(files.iter().filter_map(|file| file.last).collect::<BTreeSet<_>>().len()),
            undone: count(files.iter().filter(|file| within(&file.undone, 180) > 0).count()),
            known: count(files.len()),
            first_touch: count(files.len() - files.iter().filter(is_own).count()),
            experience: self.authors.get(&change.author).copied().unwrap_or(0),
            undoes: change.signs.undoes,
            redoes: change.signs.redoes,
            message: change.signs.length,
            files: count(change.paths.len()),
            folders: count(folders.len()),
            worst: self.worst(paths),
            wrong: self.wrong,
        }
    }

    /// Adds a commit that landed after all that were added before.
    pub fn take(&mut self, change: &PastChange) {
        self.mark_wrong(&change.signs.named);
        if change.paths.len() > MAX_PATHS || self.by_id.contains_key(&change.id.0) {
            return;
        }
        let number = self.forgotten + self.commits.len();
        let mut files = Vec::with_capacity(change.paths.len());
        for (path, from) in &change.paths {
            if let Some(from) = from {
                self.rename(from, path);
            }
            let at = self.place(&path.0);
            let place = &mut self.places[at as usize];
            remember(&mut place.times, change.time);
            if change.signs.undoes || !change.signs.named.is_empty() {
                remember(&mut place.undone, change.time);
            }
            place.know(change.author);
            place.last = Some(number);
            files.push(at);
        }
        files.sort_unstable();
        files.dedup();
        self.around(&files).into_iter().for_each(|at| self.places[at as usize].changes += 1);
        *self.authors.entry(change.author).or_default() += 1;
        self.by_id.insert(change.id.0, number);
        self.commits.push_back(Remembered { id: change.id, author: change.author, files, wrong: false });
        if self.commits.len() > MAX_COMMITS {
            self.forget();
        }
    }

    fn forget(&mut self) {
        let Some(oldest) = self.commits.pop_front() else { return };
        self.forgotten += 1;
        self.by_id.remove(&oldest.id.0);
        for at in self.around(&oldest.files) {
            let place = &mut self.places[at as usize];
            place.changes = place.changes.saturating_sub(1);
            place.wrong = place.wrong.saturating_sub(u32::from(oldest.wrong));
        }
        for &at in &oldest.files {
            let authors = &mut self.places[at as usize].authors;
            authors.iter_mut().filter(|(author, _)| *author == oldest.author).for_each(|(_, count)| *count -= 1);
            authors.retain(|(_, count)| *count > 0);
        }
        if let Some(count) = self.authors.get_mut(&oldest.author) {
            *count -= 1;
            if *count == 0 {
                self.authors.remove(&oldest.author);
            }
        }
        self.wrong -= u32::from(oldest.wrong);
    }

    /// Records that commits were wrong; abbreviations that match none or several remembered commits are ignored.
    fn mark_wrong(&mut self, named: &[String]) {
        for prefix in named {
            let Some(number) = only_one(&self.by_id, prefix) else { continue };
            let commit = &mut self.commits[number - self.forgotten];
            if std::mem::replace(&mut commit.wrong, true) {
                continue;
            }
            let files = commit.files.clone();
            self.wrong += 1;
            self.around(&files).into_iter().for_each(|at| self.places[at as usize].wrong += 1);
        }
    }

    /// The file or folder, among those of a change, whose changes were wrong most often.
    fn worst(&self, paths: &[(RepoPath, Option<RepoPath>)]) -> Option<Share> {
        let places = paths.iter().filter_map(|(path, from)| self.well_known(&from.as_ref().unwrap_or(path).0));
        let places: BTreeSet<u32> = places.collect();
        let share = |at: u32| {
            let Place { path, changes, wrong, .. } = &self.places[at as usize];
            Share { place: RepoPath(path.clone()), changes: *changes, wrong: *wrong }
        };
        let ratio = |share: &Share| u64::from(share.wrong) * 10_000 / u64::from(share.changes.max(1));
        places.into_iter().map(share).max_by_key(|share| (ratio(share), share.changes))
    }

    /// The nearest place at or above a path about which enough is known.
    fn well_known(&self, path: &[u8]) -> Option<u32> {
        let mut at = Some(path);
        while let Some(path) = at {
            if let Some(&found) = self.by_path.get(path)
                && self.places[found as usize].changes >= ENOUGH
            {
                return Some(found);
            }
            at = folder(path);
        }
        None
    }

    fn file(&self, path: &RepoPath) -> Option<u32> {
        self.by_path.get(&path.0).copied().filter(|at| !self.places[*at as usize].times.is_empty())
    }

    /// What is known about a file moves with it.
    fn rename(&mut self, from: &RepoPath, to: &RepoPath) {
        let Some(old) = self.file(from) else { return };
        let new = self.place(&to.0);
        let Place { times, undone, authors, last, .. } = std::mem::take(&mut self.places[old as usize]);
        let parent = folder(&from.0).map(|folder| self.place(folder));
        self.places[old as usize] = Place { path: from.0.clone(), parent, ..Place::default() };
        let place = &mut self.places[new as usize];
        (place.times, place.undone, place.authors, place.last) = (times, undone, authors, last);
    }

    fn place(&mut self, path: &[u8]) -> u32 {
        if let Some(&known) = self.by_path.get(path) {
            return known;
        }
        let parent = folder(path).map(|folder| self.place(folder));
        let at = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(Place { path: path.to_vec(), parent, ..Place::default() });
        self.by_path.insert(path.to_vec(), at);
        at
    }

    /// Files, and the folders that contain them, each once.
    fn around(&self, files: &[u32]) -> BTreeSet<u32> {
        let mut all = BTreeSet::new();
        for &file in files {
            let mut at = Some(file);
            while let Some(place) = at.filter(|at| all.insert(*at)) {
                at = self.places[place as usize].parent;
            }
        }
        all
    }
}

/// The number of the one commit whose id begins so; none if there are several.
fn only_one(by_id: &BTreeMap<[u8; 20], usize>, prefix: &str) -> Option<usize> {
    let start: ObjectId = format!("{prefix:0<40}").parse().ok()?;
    let mut from = by_id.range(start.0..).take_while(|(id, _)| ObjectId(**id).to_string().starts_with(prefix));
    let (_, number) = from.next()?;
    from.next().is_none().then_some(*number)
}

fn remember(times: &mut VecDeque<i64>, time: i64) {
    times.push_back(time);
    if times.len() > MAX_TIMES {
        times.pop_front();
    }
}

/// The folder of a path; for a file at the top it is the root, which has no folder.
fn folder(path: &[u8]) -> Option<&[u8]> {
    if path.is_empty() {
        return None;
    }
    Some(path.iter().rposition(|byte| *byte == b'/').map_or(&[], |at| &path[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> ObjectId {
        let mut id = [0; 20];
        id[..4].copy_from_slice(&n.to_be_bytes());
        ObjectId(id)
    }

    fn change(n: u32, day: i64, author: u64, message: &str, paths: &[&str]) -> PastChange {
        let paths = paths.iter().map(|path| (RepoPath::from(*path), None)).collect();
        PastChange { id: id(n), time: day * DAY, author, signs: Signs::of(message), paths }
    }

    fn history(changes: &[PastChange]) -> History {
        let mut history = History::default();
        changes.iter().for_each(|change| history.take(change));
        history
    }

    #[test]
    fn files_are_looked_up_by_what_landed_before() {
        let history = history(&[
            change(1, 0, 1, "Add", &["src/a.rs", "src/b.rs"]),
            change(2, 35, 2, "Change", &["src/a.rs"]),
            change(3, 40, 1, "Change", &["src/a.rs"]),
        ]);
        let look = history.look(&change(9, 50, 1, "Change again", &["src/a.rs", "src/b.rs", "new.rs"]));
        assert_eq!((look.commits, look.busy, look.authors, look.last_changes), (3, 2, 2, 2));
        assert_eq!((look.files, look.known, look.first_touch, look.experience, look.folders), (3, 2, 0, 2, 2));
        let stranger = history.look(&change(9, 50, 3, "x", &["src/a.rs", "src/b.rs"]));
        assert_eq!((stranger.first_touch, stranger.experience), (2, 0));
    }

    #[test]
    fn a_commit_that_is_named_later_was_wrong_from_then_on() {
        let first = change(1, 0, 1, "Raise the limit", &["conf/a.yaml"]);
        let revert = change(2, 3, 2, &format!("Revert it\n\nThis reverts commit {}.", id(1)), &["conf/a.yaml"]);
        let next = change(9, 10, 1, "Again", &["conf/a.yaml"]);
        let before = history(std::slice::from_ref(&first));
        assert_eq!((before.look(&next).wrong, before.look(&next).undone), (0, 0));
        let after = history(&[first.clone(), revert.clone()]);
        assert_eq!((after.look(&next).wrong, after.look(&next).undone), (1, 1));
        let late = PastChange { time: 200 * DAY, ..next };
        assert_eq!(after.look(&late).undone, 0, "more than 180 days ago");
        let twice = history(&[first, revert.clone(), PastChange { id: id(3), ..revert }]);
        assert_eq!(twice.look(&late).wrong, 1, "a commit is wrong once");
    }

    #[test]
    fn an_abbreviation_that_may_mean_two_commits_means_none() {
        let fixes = change(7, 5, 1, "x\n\nFixes: 0000000", &["a"]);
        let history = history(&[change(1, 0, 1, "a", &["a"]), change(2, 1, 1, "b", &["a"]), fixes]);
        assert_eq!(history.look(&change(9, 9, 1, "c", &["a"])).wrong, 0);
    }

    #[test]
    fn the_folder_speaks_for_a_file_of_which_little_is_known() {
        let mut changes: Vec<_> = (0..30).map(|n| change(n, 0, 1, "x", &[&format!("conf/{n}.yaml")])).collect();
        changes.push(change(40, 1, 1, &format!("This reverts commit {}", id(3)), &["conf/3.yaml"]));
        let look = history(&changes).look(&change(90, 2, 1, "x", &["conf/new.yaml"]));
        assert_eq!(look.worst, Some(Share { place: "conf".into(), changes: 31, wrong: 1 }));
    }

    #[test]
    fn what_is_known_of_a_file_goes_with_it() {
        let mut history = history(&[change(1, 0, 1, "Add", &["a.rs"])]);
        let moved = PastChange { paths: vec![("b.rs".into(), Some("a.rs".into()))], ..change(2, 1, 2, "Move", &[]) };
        history.take(&moved);
        let look = history.look(&change(9, 2, 1, "x", &["b.rs"]));
        assert_eq!((look.known, look.authors, look.busy), (1, 2, 2));
        assert_eq!(history.look(&change(9, 2, 1, "x", &["a.rs"])).known, 0);
    }

    #[test]
    fn what_is_older_than_the_newest_commits_is_forgotten() {
        let mut history = history(&[change(0, 0, 7, "x", &["old"])]);
        history.take(&change(1, 0, 1, &format!("This reverts commit {}", id(0)), &["old"]));
        (2..=MAX_COMMITS as u32 + 1).for_each(|n| history.take(&change(n, 0, 1, "x", &["new"])));
        assert_eq!((history.len(), history.wrong), (MAX_COMMITS, 0));
        let look = history.look(&change(u32::MAX, 0, 7, "x", &["old"]));
        assert_eq!((look.authors, look.experience), (0, 0));
        assert!(history.by_id.len() == MAX_COMMITS);
    }

    #[test]
    fn an_import_is_not_taken_in() {
        let many: Vec<String> = (0..=MAX_PATHS).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let history = history(&[change(1, 0, 1, "Import", &many)]);
        assert!(history.is_empty());
        assert_eq!(history.look(&change(2, 0, 1, "x", &many)).files, MAX_PATHS as u32 + 1);
    }
}
