//! Other pending changes that edit the same files, or the same lines of them: whoever lands second has to look again.
//! What a change edits is known from its own examination. What it shares with others is never kept with it, since it
//! depends on what else is pending.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::change::diff::Diff;
use crate::change::{Change, ObjectId, RepoPath, counted, visible};

/// The most runs of lines that are kept of one file, and of a change: of a file with more, only its name is compared.
const MAX_RUNS: usize = 512;
const MAX_ALL_RUNS: usize = 8_192;
/// The most pairs of edits that are compared for one change: a file such as a list of changes may be edited by
/// thousands.
const MAX_COMPARED: usize = 100_000;
/// The most that are named.
pub const MAX_NAMED: usize = 3;
/// The most characters of a name.
const MAX_NAME: usize = 60;

/// Where a run of old lines begins, and where it ends, 0-based; at the same line if lines are only added there.
type Run = (u32, u32);

/// By path: the runs of old lines that a change edits.
pub(super) type Lines = Vec<(RepoPath, Vec<Run>)>;

/// What a change edits: each path in its base, and the lines there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    path: RepoPath,
    /// The blob that the lines are of; none if the path is new.
    base: Option<ObjectId>,
    /// Empty if nothing is compared by lines.
    lines: Vec<Run>,
}

/// How much two changes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The same lines, or such as touch: git could not merge them.
    Lines,
    /// Other lines of the same file, or lines that cannot be compared.
    File,
}

impl Overlap {
    /// `the same lines`.
    pub fn words(self) -> &'static str {
        match self {
            Overlap::Lines => "the same lines",
            Overlap::File => "the same file",
        }
    }
}

/// Another change that edits the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Id of the other change.
    pub id: String,
    /// The closest of all shared paths.
    pub overlap: Overlap,
    /// The first path where they are that close.
    pub path: RepoPath,
    /// The number of paths that both edit.
    pub files: usize,
}

/// What a change shares with others that are not decided, to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concurrent {
    /// How many edit the same lines.
    pub same_lines: usize,
    /// How many more edit the same files.
    pub same_file: usize,
    /// The closest of them, at most [`MAX_NAMED`].
    pub named: Vec<Named>,
    /// How many other changes were not examined yet, so that nothing is known of them.
    pub unexamined: usize,
    /// Whether there was more to compare than is compared.
    pub is_cut: bool,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub beside: Beside,
    /// Name and title of the other change; escaped.
    pub name: String,
    pub title: String,
}

impl Edits {
    /// With the lines by path, as they were kept.
    pub(super) fn of(diff: &Diff, lines: &Lines) -> Edits {
        let lines: HashMap<&RepoPath, &Vec<Run>> = lines.iter().map(|(path, runs)| (path, runs)).collect();
        let mut edits = Vec::with_capacity(diff.files.len());
        for file in &diff.files {
            let base = file.old.map(|old| old.id);
            let lines = lines.get(&file.path).map(|runs| (*runs).clone()).unwrap_or_default();
            // The lines are those of the old path; the new one is taken.
            edits.extend(file.from.iter().map(|_| Edit { path: file.path.clone(), base: None, lines: Vec::new() }));
            edits.push(Edit { path: file.from.as_ref().unwrap_or(&file.path).clone(), base, lines });
        }
        Edits(edits)
    }
}

/// Adds the edited lines of a file, in any order of the files.
pub(super) fn add(lines: &mut Lines, path: &RepoPath, runs: &[Range<u32>]) {
    if !runs.is_empty() && runs.len() <= MAX_RUNS {
        lines.push((path.clone(), runs.iter().map(|run| (run.start, run.end)).collect()));
    }
}

/// By path, as many as are kept.
pub(super) fn settled(mut lines: Lines) -> Lines {
    lines.sort();
    let mut held = 0;
    lines.retain(|(_, runs)| {
        held += runs.len();
        held <= MAX_ALL_RUNS
    });
    lines
}

impl Edit {
    fn overlap(&self, other: &Edit) -> Overlap {
        match (self.base, other.base) {
            // Both add it.
            (None, None) => Overlap::Lines,
            (Some(own), Some(base)) if own == base && touch(&self.lines, &other.lines) => Overlap::Lines,
            _ => Overlap::File,
        }
    }
}

/// Whether runs overlap or touch, as git counts conflicts. Both lists are in order.
fn touch(own: &[Run], others: &[Run]) -> bool {
    let (mut a, mut b) = (own.iter().peekable(), others.iter().peekable());
    while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
        if left.0 <= right.1 && right.0 <= left.1 {
            return true;
        }
        _ = if left.1 < right.1 { a.next() } else { b.next() };
    }
    false
}

/// Whether one of two changes contains the other, or is above it in a stack: its edits are meant to come after those
/// of the other.
pub fn builds_on(change: &Change, other: &Change) -> bool {
    let is_above = |change: &Change, head| change.below.as_ref().is_some_and(|below| below.commits.contains(&head));
    let has = |change: &Change, head| {
        is_above(change, head) || change.revision.commits.iter().any(|commit| commit.id == head)
    };
    let heads = (change.revision.head, other.revision.head);
    heads.0 == heads.1 || has(change, heads.1) || has(other, heads.0)
}

/// Who edits a path, and the position of that in its edits.
type Editors = BTreeSet<(Arc<str>, usize)>;

/// What all examined changes edit, by path: a change is compared with those that edit the same paths, and no other.
#[derive(Debug, Clone, Default)]
pub struct Book {
    edits: HashMap<Arc<str>, (usize, Arc<Edits>)>,
    /// By repository and path.
    by_path: HashMap<(usize, RepoPath), Editors>,
}

impl Book {
    /// Enters a change of a repository, in place of what was known of it.
    pub fn put(&mut self, repository: usize, id: &str, edits: &Arc<Edits>) {
        if self.edits.get(id).is_some_and(|(at, known)| *at == repository && known == edits) {
            return;
        }
        self.forget(id);
        let id: Arc<str> = id.into();
        for (at, edit) in edits.0.iter().enumerate() {
            self.by_path.entry((repository, edit.path.clone())).or_default().insert((Arc::clone(&id), at));
        }
        self.edits.insert(id, (repository, Arc::clone(edits)));
    }

    /// Takes a change out.
    pub fn forget(&mut self, id: &str) {
        let Some((id, (repository, edits))) = self.edits.remove_entry(id) else { return };
        for (at, edit) in edits.0.iter().enumerate() {
            let key = (repository, edit.path.clone());
            let Some(editors) = self.by_path.get_mut(&key) else { continue };
            editors.remove(&(Arc::clone(&id), at));
            if editors.is_empty() {
                self.by_path.remove(&key);
            }
        }
    }

    /// Takes out the changes of a repository that are not in a list of ids.
    pub fn keep(&mut self, repository: usize, ids: &HashSet<&str>) {
        let is_gone = |(id, (at, _)): (&Arc<str>, &(usize, Arc<Edits>))| {
            (*at == repository && !ids.contains(&**id)).then(|| Arc::clone(id))
        };
        let gone: Vec<Arc<str>> = self.edits.iter().filter_map(is_gone).collect();
        gone.iter().for_each(|id| self.forget(id));
    }

    /// The changes that edit the same as one of them, those with the same lines first, then by id; and whether there
    /// was more to compare than is compared.
    pub fn beside(&self, id: &str) -> (Vec<Beside>, bool) {
        let Some((repository, own)) = self.edits.get(id) else { return (Vec::new(), false) };
        let (mut found, mut compared): (HashMap<&str, Beside>, usize) = (HashMap::new(), 0);
        for edit in &own.0 {
            let editors = self.by_path.get(&(*repository, edit.path.clone()));
            for (other, at) in editors.into_iter().flatten().filter(|(other, _)| **other != *id) {
                compared += 1;
                if compared > MAX_COMPARED {
                    return (sorted(found), true);
                }
                let Some(theirs) = self.edits.get(other).and_then(|(_, edits)| edits.0.get(*at)) else { continue };
                let overlap = edit.overlap(theirs);
                let new = || Beside { id: other.to_string(), overlap, path: edit.path.clone(), files: 0 };
                let beside = found.entry(other).or_insert_with(new);
                beside.files += 1;
                if (overlap, &edit.path) < (beside.overlap, &beside.path) {
                    (beside.overlap, beside.path) = (overlap, edit.path.clone());
                }
            }
        }
        (sorted(found), false)
    }
}

fn sorted(found: HashMap<&str, Beside>) -> Vec<Beside> {
    let mut found: Vec<Beside> = found.into_values().collect();
    found.sort_by(|a, b| (a.overlap, &a.id).cmp(&(b.overlap, &b.id)));
    found
}

impl Concurrent {
    /// Of changes beside one; `open` returns one if it counts: if it is not decided, and neither contains the other.
    pub fn among<'c>(
        (all, is_cut): (Vec<Beside>, bool),
        mut open: impl FnMut(&str) -> Option<&'c Change>,
    ) -> Concurrent {
        let mut concurrent = Concurrent { is_cut, ..Concurrent::default() };
        for beside in all {
            let Some(change) = open(&beside.id) else { continue };
            match beside.overlap {
                Overlap::Lines => concurrent.same_lines += 1,
                Overlap::File => concurrent.same_file += 1,
            }
            if concurrent.named.len() < MAX_NAMED {
                let [name, title] = [&change.name, change.title()].map(shown);
                concurrent.named.push(Named { beside, name, title });
            }
        }
        concurrent
    }

    /// How many share something.
    pub fn count(&self) -> usize {
        self.same_lines + self.same_file
    }

    /// How many share something and are not named.
    pub fn unnamed(&self) -> usize {
        self.count() - self.named.len()
    }

    /// `the same lines: kiro/4411 (src/cart.rs); the same file: dana/limits (src/till.rs); and 2 more changes`; none if
    /// nothing is shared.
    pub fn told(&self) -> Option<String> {
        let rest = |count, at_least: &str| format!("and {at_least}{}", counted(count, "more change"));
        let one = |Named { beside, name, .. }: &Named| {
            let more = beside.files - 1;
            let more = if more > 0 { format!(" and {}", counted(more, "other file")) } else { String::new() };
            format!("{name} ({}{more})", beside.path)
        };
        self.worded(one, rest)
    }

    /// The same without paths, for a narrow screen.
    pub fn brief(&self) -> Option<String> {
        self.worded(|named| named.name.clone(), |count, at_least| format!("{at_least}{count} more"))
    }

    fn worded(&self, one: impl Fn(&Named) -> String, rest: impl Fn(usize, &str) -> String) -> Option<String> {
        let group = |group: &[Named]| {
            let overlap = group.first().map_or("", |first| first.beside.overlap.words());
            format!("{overlap}: {}", group.iter().map(&one).collect::<Vec<_>>().join(", "))
        };
        let groups = self.named.chunk_by(|a, b| a.beside.overlap == b.beside.overlap);
        let mut parts: Vec<String> = groups.map(group).collect();
        let at_least = if self.is_cut { "at least " } else { "" };
        let more = self.unnamed();
        parts.extend((more > 0).then(|| rest(more, at_least)));
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Of how many nothing is known, and what helps; none if all were examined.
    pub fn unknown(&self) -> Option<String> {
        let others = counted(self.unexamined, "other change");
        let told = format!("not known of {others} that no queue has examined yet: run `undersign queue` first");
        (self.unexamined > 0).then_some(told)
    }
}

/// Names and titles are written by whoever can push.
fn shown(text: &str) -> String {
    let text = visible::text(text);
    let cut = text.char_indices().nth(MAX_NAME).map(|(at, _)| at);
    cut.map_or_else(|| text.to_string(), |at| format!("{}…", &text[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::diff::{FileDiff, Mode, TreeEntry};
    use crate::change::{Below, LowerCommits, Revision};

    fn id(n: u8) -> ObjectId {
        ObjectId([n; 20])
    }

    fn file(path: &str, from: Option<&str>, old: Option<u8>) -> FileDiff {
        let entry = |n| TreeEntry { mode: Mode::File, id: id(n) };
        let from = from.map(RepoPath::from);
        FileDiff { path: path.into(), from, counterpart: None, old: old.map(entry), new: Some(entry(99)) }
    }

    /// Edits of one file.
    fn edits(path: &str, base: u8, runs: &[Run]) -> Arc<Edits> {
        let diff = Diff { files: vec![file(path, None, Some(base))], ..Diff::default() };
        Arc::new(Edits::of(&diff, &vec![(path.into(), runs.to_vec())]))
    }

    fn overlap(own: Arc<Edits>, other: Arc<Edits>) -> Option<Overlap> {
        let mut book = Book::default();
        book.put(0, "own", &own);
        book.put(0, "other", &other);
        let [there, back] = ["own", "other"].map(|id| book.beside(id).0.first().map(|beside| beside.overlap));
        assert_eq!(there, back, "both sides say the same");
        there
    }

    #[test]
    fn lines_that_overlap_or_touch_are_the_same_and_others_are_of_the_same_file() {
        let with = |runs: &[Run]| overlap(edits("a", 1, &[(10, 12), (40, 41)]), edits("a", 1, runs));
        assert_eq!(with(&[(11, 12)]), Some(Overlap::Lines));
        assert_eq!(with(&[(0, 3), (40, 45)]), Some(Overlap::Lines));
        assert_eq!(with(&[(12, 12)]), Some(Overlap::Lines), "added directly below");
        assert_eq!(with(&[(5, 9)]), Some(Overlap::File));
        assert_eq!(with(&[(0, 3), (20, 30), (50, 51)]), Some(Overlap::File));
        assert_eq!(with(&[]), Some(Overlap::File), "it has no lines");
        assert_eq!(overlap(edits("a", 1, &[(1, 2)]), edits("a", 2, &[(1, 2)])), Some(Overlap::File), "of another text");
        assert_eq!(overlap(edits("a", 1, &[(1, 2)]), edits("b", 1, &[(1, 2)])), None, "a copy is another file");
    }

    #[test]
    fn a_file_that_one_moves_and_another_edits_is_the_same_file() {
        let moved = Diff { files: vec![file("new", Some("old"), Some(1))], ..Diff::default() };
        let moved = |runs: &[Run]| Arc::new(Edits::of(&moved, &vec![("new".into(), runs.to_vec())]));
        assert_eq!(overlap(moved(&[]), edits("old", 1, &[(1, 2)])), Some(Overlap::File));
        assert_eq!(overlap(moved(&[(1, 2)]), edits("old", 1, &[(1, 2)])), Some(Overlap::Lines));
        let added = Diff { files: vec![file("new", None, None)], ..Diff::default() };
        assert_eq!(overlap(moved(&[]), Arc::new(Edits::of(&added, &Vec::new()))), Some(Overlap::Lines), "one path");
    }

    #[test]
    fn a_change_is_compared_only_with_those_of_its_repository_that_edit_the_same_paths() {
        let mut book = Book::default();
        for n in 0..2_000 {
            book.put(0, &format!("other{n:04}"), &edits(&format!("file{n}"), 1, &[(1, 2)]));
        }
        book.put(1, "elsewhere", &edits("file7", 1, &[(1, 2)]));
        book.put(0, "own", &edits("file7", 1, &[(1, 2)]));
        let beside = |book: &Book, id: &str| book.beside(id).0.into_iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(beside(&book, "own"), ["other0007"]);
        assert!(beside(&book, "elsewhere").is_empty());
        book.put(0, "own", &edits("file8", 1, &[(1, 2)]));
        assert_eq!(beside(&book, "own"), ["other0008"]);
        assert!(beside(&book, "other0007").is_empty());
        book.keep(0, &["own"].into());
        assert!(beside(&book, "own").is_empty());
        assert_eq!((book.edits.len(), book.by_path.len()), (2, 2));
    }

    #[test]
    fn of_a_file_that_everybody_edits_as_much_is_compared_as_the_limit_allows_and_that_is_said() {
        let mut book = Book::default();
        let files: Vec<FileDiff> = (0..200).map(|n| file(&format!("file{n:03}"), None, Some(1))).collect();
        let all = Arc::new(Edits::of(&Diff { files, ..Diff::default() }, &Vec::new()));
        (0..600).for_each(|n| book.put(0, &format!("x:{n:03}"), &all));
        let (found, is_cut) = book.beside("x:000");
        assert!(is_cut && found.len() == 599, "{is_cut} {}", found.len());
        let change = change("x", 1, &[]);
        let told = Concurrent::among((found, is_cut), |_| Some(&change)).told().unwrap();
        assert!(told.ends_with("; and at least 596 more changes"), "{told}");
    }

    #[test]
    fn the_order_of_files_and_of_changes_changes_nothing() {
        let files = ["a", "b", "c"].map(|path| file(path, None, Some(1)));
        let lines: Lines = vec![("a".into(), vec![(1, 2)]), ("b".into(), vec![(3, 4)])];
        let of = |order: [usize; 3]| {
            let files = order.map(|at| files[at].clone()).to_vec();
            let mut lines = lines.clone();
            lines.rotate_left(order[0] % 2);
            let edits = Arc::new(Edits::of(&Diff { files, ..Diff::default() }, &settled(lines)));
            let mut book = Book::default();
            let mut all =
                [("own", edits), ("x", edits_of_two(("a", 1), ("b", 3))), ("y", edits_of_two(("c", 9), ("a", 7)))];
            all.rotate_left(order[0]);
            all.iter().for_each(|(id, edits)| book.put(0, id, edits));
            book.beside("own")
        };
        let first = of([0, 1, 2]);
        assert_eq!(first.0.iter().map(|one| (one.id.as_str(), one.files)).collect::<Vec<_>>(), [("x", 2), ("y", 2)]);
        assert_eq!((of([2, 0, 1]), of([1, 2, 0])), (first.clone(), first));
    }

    fn edits_of_two(one: (&str, u32), two: (&str, u32)) -> Arc<Edits> {
        let files = [one, two].map(|(path, _)| file(path, None, Some(1))).to_vec();
        let lines = [one, two].map(|(path, at)| (path.into(), vec![(at, at + 1)])).to_vec();
        Arc::new(Edits::of(&Diff { files, ..Diff::default() }, &lines))
    }

    fn change(name: &str, head: u8, commits: &[u8]) -> Change {
        let commit = |n: &u8| crate::change::Commit {
            id: id(*n),
            parents: Vec::new(),
            author: crate::change::Identity { name: String::new(), email: String::new() },
            committer: crate::change::Identity { name: String::new(), email: String::new() },
            message: "T".into(),
            time: 0,
        };
        let revision = Revision {
            base: id(0),
            base_tree: id(0),
            head: id(head),
            head_tree: id(head),
            target_tip: id(0),
            target_tree: id(0),
            commits: commits.iter().map(commit).map(Arc::new).collect(),
        };
        Change::of_range(format!("shop:{name}"), name.into(), "refs/heads/main".into(), revision)
    }

    #[test]
    fn a_change_that_is_built_on_another_does_not_compete_with_it() {
        let (below, above) = (change("below", 1, &[1]), change("above", 2, &[2, 1]));
        assert!(builds_on(&below, &above) && builds_on(&above, &below));
        assert!(!builds_on(&above, &change("other", 3, &[3])));
        // In a stack, its own commits are only those that it adds.
        let (name, branches, commits) = ("#2".to_owned(), Vec::new(), LowerCommits::new([id(2), id(1)]));
        let stack = Below { id: above.id.clone(), name, branches, base: id(0), commits };
        let top = Change { below: Some(stack), ..change("top", 4, &[4]) };
        assert!([&below, &above].iter().all(|lower| builds_on(&top, lower) && builds_on(lower, &top)));
        assert!(!builds_on(&top, &change("other", 3, &[3])));
    }

    #[test]
    fn names_of_other_changes_are_escaped_and_cut() {
        let hostile = change(&format!("x\u{1b}[2J\u{202e}{}", "y".repeat(500)), 1, &[1]);
        let beside = Beside { id: "x".into(), overlap: Overlap::Lines, path: "a".into(), files: 1 };
        let told = Concurrent::among((vec![beside], false), |_| Some(&hostile)).told().unwrap();
        assert!(!told.chars().any(visible::is_hidden) && told.chars().count() < 100, "{told}");
        assert!(told.starts_with("the same lines: x␛[2J<U+202E>yyy") && told.ends_with("… (a)"), "{told}");
    }
}
