//! Files that were only moved: removed at one path and added at another. This pairing is for people and rules; what is
//! signed consists of paths and contents, without it.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet};

use super::diff::{Counterpart, Diff, FileDiff, Mode, TreeEntry};
use super::{ObjectId, RepoPath};

/// Git's id of the empty blob. Two empty files are not a move.
const EMPTY: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
/// The most pairs of removed and added files whose texts are compared; with more, only those with the same name.
const MAX_PAIRS: usize = 4_096;
/// The most bytes of all compared texts.
const MAX_BYTES: usize = 1 << 20;
/// The part of the larger text that must be in the other one: one half, as in git.
const ALIKE: u64 = 500;
/// The unit for a whole text.
const WHOLE: u64 = 1_000;

/// Joins moves into one file each: first by equal contents, then by similar texts, nearest names first. `text` returns
/// a file's text of at most the given number of bytes; none if it has no lines or is larger. A move to where the file
/// does not mean the same is not joined, so that all of it is read; each half only names the other.
pub fn paired(
    diff: Diff,
    means_the_same: impl Fn(&RepoPath, &RepoPath) -> bool,
    mut text: impl FnMut(TreeEntry, usize) -> Option<Vec<u8>>,
) -> Diff {
    let mut pairs = by_content(&diff.files);
    pairs.extend(by_text(&diff.files, &pairs, &mut text));
    join(diff, &pairs, means_the_same)
}

/// Index of a removed file → index of an added one.
type Pairs = BTreeMap<usize, usize>;

fn join(mut diff: Diff, pairs: &Pairs, means_the_same: impl Fn(&RepoPath, &RepoPath) -> bool) -> Diff {
    let mut joined = HashSet::new();
    for (&old, &new) in pairs {
        let [gone, come] = [old, new].map(|at| diff.files[at].clone());
        let (Some(before), Some(after)) = (gone.old, come.new) else { continue };
        // The target of a relative link depends on the link's own path.
        let is_link = [before, after].iter().any(|entry| entry.mode == Mode::Symlink);
        if !is_link && means_the_same(&gone.path, &come.path) {
            (diff.files[new].from, diff.files[new].old) = (Some(gone.path), Some(before));
            joined.insert(old);
        } else {
            diff.files[new].counterpart = Some(Counterpart { path: gone.path, id: before.id });
            diff.files[old].counterpart = Some(Counterpart { path: come.path, id: after.id });
        }
    }
    let mut at = 0..;
    diff.files.retain(|_| at.next().is_some_and(|at| !joined.contains(&at)));
    diff
}

fn is_file(entry: &TreeEntry) -> bool {
    entry.mode != Mode::Submodule
}

/// The files only removed, and those only added, by index.
fn sides(files: &[FileDiff], pairs: &Pairs) -> (Vec<usize>, Vec<usize>) {
    let taken: HashSet<usize> = pairs.values().copied().collect();
    let gone = |at: &usize| files[*at].new.is_none() && !pairs.contains_key(at);
    let come = |at: &usize| files[*at].old.is_none() && !taken.contains(at);
    ((0..files.len()).filter(gone).collect(), (0..files.len()).filter(come).collect())
}

fn by_content(files: &[FileDiff]) -> Pairs {
    let mut alike: BTreeMap<ObjectId, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    let empty = EMPTY.parse().ok();
    let (gone, come) = sides(files, &Pairs::new());
    let id = |entry: Option<TreeEntry>| Some(entry.filter(is_file)?.id).filter(|id| Some(*id) != empty);
    for at in gone {
        id(files[at].old).into_iter().for_each(|id| alike.entry(id).or_default().0.push(at));
    }
    for at in come {
        id(files[at].new).into_iter().for_each(|id| alike.entry(id).or_default().1.push(at));
    }
    let mut pairs = Pairs::new();
    for (mut gone, mut come) in alike.into_values() {
        // Among many equal files, those with the same name are paired; the rest in the order of their paths.
        let mut named: HashMap<&[u8], Vec<usize>> = HashMap::new();
        come.iter().rev().for_each(|at| named.entry(name(&files[*at].path)).or_default().push(*at));
        gone.retain(|at| {
            let to = named.get_mut(name(&files[*at].path)).and_then(Vec::pop);
            pairs.extend(to.map(|to| (*at, to)));
            to.is_none()
        });
        let left: HashSet<usize> = named.into_values().flatten().collect();
        come.retain(|at| left.contains(at));
        pairs.extend(gone.into_iter().zip(come));
    }
    pairs
}

/// The pairs to compare: all with all; if there are too many, only those with the same name; and none if those are too
/// many, too.
fn candidates(files: &[FileDiff], known: &Pairs) -> Vec<(usize, usize)> {
    let (gone, come) = sides(files, known);
    let is_crowd = gone.len().saturating_mul(come.len()) > MAX_PAIRS;
    let mut groups: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let group = |at: usize| if is_crowd { name(&files[at].path) } else { &[] };
    come.into_iter().for_each(|at| groups.entry(group(at)).or_default().push(at));
    let of = |old: usize| groups.get(group(old)).into_iter().flatten().map(move |new| (old, *new));
    let wanted: Vec<_> = gone.into_iter().flat_map(of).take(MAX_PAIRS + 1).collect();
    if wanted.len() > MAX_PAIRS { Vec::new() } else { wanted }
}

fn by_text(files: &[FileDiff], known: &Pairs, text: &mut impl FnMut(TreeEntry, usize) -> Option<Vec<u8>>) -> Pairs {
    let wanted = candidates(files, known);
    let mut room = MAX_BYTES;
    let (mut numbers, mut texts): (Numbers, HashMap<usize, Option<Lines>>) = Default::default();
    let mut scored = Vec::new();
    for (old, new) in wanted {
        for (at, entry) in [(old, files[old].old), (new, files[new].new)] {
            texts.entry(at).or_insert_with(|| {
                let text = text(entry.filter(is_file)?, room)?;
                room = room.checked_sub(text.len())?;
                Some(Lines::of(&text, &mut numbers))
            });
        }
        let (Some(Some(a)), Some(Some(b))) = (texts.get(&old), texts.get(&new)) else { continue };
        let score = a.likeness(b);
        if score >= ALIKE {
            scored.push((Reverse(score), Reverse(nearness(&files[old].path, &files[new].path)), old, new));
        }
    }
    scored.sort_unstable();
    let mut pairs = Pairs::new();
    let mut taken = HashSet::new();
    for (_, _, old, new) in scored {
        if !pairs.contains_key(&old) && taken.insert(new) {
            pairs.insert(old, new);
        }
    }
    pairs
}

/// The last part of a path.
fn name(path: &RepoPath) -> &[u8] {
    path.0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// The number of parts that two paths share at their ends and at their beginnings; the ends count more.
fn nearness(a: &RepoPath, b: &RepoPath) -> usize {
    let parts = |path: &RepoPath| path.0.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (a, b) = (parts(a), parts(b));
    let ends = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let begins = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    16 * ends + begins
}

/// A number for each distinct line, so that comparing many texts with each other does not compare the lines again.
type Numbers = HashMap<Vec<u8>, u32>;

/// The lines of a text.
struct Lines {
    bytes: u64,
    /// The total bytes of each distinct line, by its number in rising order.
    filled: Vec<(u32, u64)>,
}

impl Lines {
    fn of(text: &[u8], numbers: &mut Numbers) -> Lines {
        let mut filled: BTreeMap<u32, u64> = BTreeMap::new();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let next = numbers.len() as u32;
            let number = *numbers.entry(line.to_vec()).or_insert(next);
            *filled.entry(number).or_default() += line.len() as u64;
        }
        Lines { bytes: text.len() as u64, filled: filled.into_iter().collect() }
    }

    /// How much of the larger text is in the other, in thousandths of its bytes.
    fn likeness(&self, other: &Lines) -> u64 {
        let larger = self.bytes.max(other.bytes);
        if larger == 0 || 2 * self.bytes.min(other.bytes) < larger {
            return 0;
        }
        let (mut ours, mut theirs) = (self.filled.iter().peekable(), other.filled.iter().peekable());
        let mut common = 0;
        while let (Some((line, own)), Some((other, there))) = (ours.peek(), theirs.peek()) {
            match line.cmp(other) {
                Ordering::Less => _ = ours.next(),
                Ordering::Greater => _ = theirs.next(),
                Ordering::Equal => {
                    common += own.min(there);
                    ours.next();
                    theirs.next();
                }
            }
        }
        WHOLE * common / larger
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Files by path, with the text before and after.
    fn diff(files: &[(&str, Option<&str>, Option<&str>)]) -> (Diff, HashMap<ObjectId, Vec<u8>>) {
        let mut texts = HashMap::new();
        let mut entry = |text: &str| {
            let digest = crate::change::digest::Digest::of(text.as_bytes());
            let id =
                if text.is_empty() { EMPTY.parse().unwrap() } else { ObjectId(digest.0[..20].try_into().unwrap()) };
            texts.insert(id, text.as_bytes().to_vec());
            TreeEntry { mode: Mode::File, id }
        };
        let mut files: Vec<_> = files
            .iter()
            .map(|(path, old, new)| FileDiff {
                path: (*path).into(),
                from: None,
                counterpart: None,
                old: old.map(&mut entry),
                new: new.map(&mut entry),
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        (Diff { files, ..Diff::default() }, texts)
    }

    fn pairs(files: &[(&str, Option<&str>, Option<&str>)]) -> Vec<String> {
        let (raw, texts) = diff(files);
        let joined = paired(
            raw.clone(),
            |_, _| true,
            |entry, most| texts.get(&entry.id).filter(|text| text.len() <= most).cloned(),
        );
        assert_eq!(joined.apart(), raw, "nothing is lost");
        let moved = joined.files.iter().filter_map(|file| Some(format!("{} > {}", file.from.as_ref()?, file.path)));
        moved.collect()
    }

    const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\n";

    #[test]
    fn what_is_equal_moved_and_names_that_stayed_belong_together() {
        assert_eq!(pairs(&[("a/x", Some(TEXT), None), ("b/y", None, Some(TEXT))]), ["a/x > b/y"]);
        let many = [
            ("a/one", Some(TEXT), None),
            ("a/two", Some(TEXT), None),
            ("b/two", None, Some(TEXT)),
            ("b/zero", None, Some(TEXT)),
        ];
        assert_eq!(pairs(&many), ["a/two > b/two", "a/one > b/zero"]);
        assert!(pairs(&[("a", Some(""), None), ("b", None, Some(""))]).is_empty(), "empty files are not one file");
        assert!(pairs(&[("a", Some(TEXT), Some("x\n")), ("b", None, Some(TEXT))]).is_empty(), "a copy is not a move");
    }

    #[test]
    fn what_is_alike_by_half_moved_and_the_likest_first() {
        let edited = TEXT.replace("six", "6");
        assert_eq!(pairs(&[("a.yml", Some(TEXT), None), ("b.yml", None, Some(&edited))]), ["a.yml > b.yml"]);
        let little = "one\ntwo\n7\n8\n9\n10\n11\n12\n13\n";
        assert!(pairs(&[("a", Some(TEXT), None), ("b", None, Some(little))]).is_empty());
        let worse = edited.replace("one", "1");
        let two = [("a", Some(TEXT), None), ("b", None, Some(worse.as_str())), ("c", None, Some(edited.as_str()))];
        assert_eq!(pairs(&two), ["a > c"]);
    }

    #[test]
    fn a_crowd_is_compared_by_name_alone_and_large_texts_not_at_all() {
        let texts: Vec<_> = (0..100).map(|n| (format!("{TEXT}{n}\n"), format!("{TEXT}{n}\nseven\n"))).collect();
        let paths: Vec<_> = (0..100).map(|n| (format!("a/{n}.txt"), format!("b/{n}.txt"))).collect();
        let files: Vec<_> = (0..100)
            .flat_map(|n| {
                let ((old, new), (from, to)) = (&texts[n], &paths[n]);
                [(from.as_str(), Some(old.as_str()), None), (to.as_str(), None, Some(new.as_str()))]
            })
            .collect();
        let found = pairs(&files);
        assert_eq!(found.len(), 100);
        let is_one_name =
            |pair: &String| pair.split_once(" > ").is_some_and(|(a, b)| a.strip_prefix("a/") == b.strip_prefix("b/"));
        assert!(found.iter().all(is_one_name), "{found:?}");
        let large = TEXT.repeat(MAX_BYTES / TEXT.len());
        let other = format!("{large}x\n");
        assert!(pairs(&[("a", Some(&large), None), ("b", None, Some(&other))]).is_empty());
    }

    /// Every other file is removed, the rest are added.
    fn by_turns<'t>(paths: &'t [String], texts: &'t [String]) -> Vec<(&'t str, Option<&'t str>, Option<&'t str>)> {
        let files = paths.iter().zip(texts).enumerate();
        files
            .map(|(n, (path, text))| match n % 2 {
                0 => (path.as_str(), Some(text.as_str()), None),
                _ => (path.as_str(), None, Some(text.as_str())),
            })
            .collect()
    }

    #[test]
    fn a_crowd_of_one_name_is_not_compared_and_reads_nothing() {
        let paths: Vec<_> = (0..20_000).map(|n| format!("{}/{n}/mod.rs", if n % 2 == 0 { "a" } else { "b" })).collect();
        let texts: Vec<_> = (0..20_000).map(|n| format!("{TEXT}{n}\n")).collect();
        let files = by_turns(&paths, &texts);
        let (raw, _) = diff(&files);
        let joined = paired(raw.clone(), |_, _| true, |_, _| panic!("no text is asked for"));
        assert_eq!(joined, raw);
    }

    #[test]
    fn no_more_is_read_than_there_is_room_for() {
        let texts: Vec<_> = (0..60).map(|n| format!("{n}\n").repeat(20_000)).collect();
        let paths: Vec<_> = (0..60).map(|n| format!("f{n:02}")).collect();
        let files = by_turns(&paths, &texts);
        let (raw, texts) = diff(&files);
        let mut read = 0;
        paired(
            raw,
            |_, _| true,
            |entry, most| {
                let text = texts.get(&entry.id).filter(|text| text.len() <= most)?;
                read += text.len();
                Some(text.clone())
            },
        );
        assert!(read > MAX_BYTES / 2 && read <= MAX_BYTES, "{read}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_paired_comes_apart_again(
            files in proptest::collection::btree_map("[a-c]/[a-c]", (proptest::option::of("[xy\n]{0,6}"), proptest::option::of("[xy\n]{0,6}")), 0..8)
        ) {
            let differ = files.iter().filter(|(_, (old, new))| old != new);
            let files: Vec<_> = differ.map(|(path, (old, new))| (path.as_str(), old.as_deref(), new.as_deref())).collect();
            pairs(&files);
        }
    }
}
