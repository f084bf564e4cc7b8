//! How many of the lines that a segment wrote are changed again soon after. Pure: it follows who wrote each line of the
//! files that segments touch along a line, and counts when such a line goes.
//!
//! A line that a segment removes in one place and adds in another is moved, not reworked; how far it is indented does
//! not matter. Lines without a letter or digit are neither written nor reworked. What a revert takes away is counted as
//! a revert, not as rework.

use std::collections::{BTreeMap, HashMap};

use crate::change::{ObjectId, RepoPath};

/// The most lines whose writers are remembered at once: 4 bytes each.
pub const MAX_HELD: usize = 20_000_000;

/// What a segment does to the lines of one file.
#[derive(Debug, Clone)]
pub struct Edit {
    pub path: RepoPath,
    /// The blobs before and after; none if there is no file, or none that is text.
    pub old: Option<ObjectId>,
    pub new: Option<ObjectId>,
    /// The number of lines before.
    pub old_lines: u32,
    /// In the order of the text.
    pub runs: Vec<Run>,
}

/// Lines that replace others. Each is a hash of its content; 0 for a line that does not count.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The first of the lines before that go.
    pub at: u32,
    pub removed: Vec<u64>,
    pub added: Vec<u64>,
}

/// A segment, as far as rework needs it.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    pub line: usize,
    pub at: i64,
    pub files: Vec<Edit>,
}

/// What became of the lines of one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Lines that it wrote.
    pub written: usize,
    /// Those that later segments removed or replaced in time.
    pub reworked: usize,
    /// By later segment.
    pub by: BTreeMap<usize, usize>,
}

/// The lines of all segments, and how many files were no longer followed for want of room.
pub fn rework(all: &[Edits], within: i64, is_revert: impl Fn(usize, usize) -> bool) -> (Vec<Lines>, usize) {
    let mut tracker = Tracker {
        lines: vec![Lines::default(); all.len()],
        files: HashMap::new(),
        held: 0,
        dropped: 0,
        times: all.iter().map(|edits| edits.at).collect(),
        within,
    };
    let mut line = None;
    for (at, edits) in all.iter().enumerate() {
        if line.replace(edits.line) != Some(edits.line) {
            tracker.forget_all();
        }
        tracker.take(at, edits, &is_revert);
    }
    (tracker.lines, tracker.dropped)
}

/// The writer of a line: a segment, or somebody before.
const BEFORE: u32 = u32::MAX;

struct File {
    blob: ObjectId,
    writers: Vec<u32>,
}

struct Tracker {
    lines: Vec<Lines>,
    files: HashMap<RepoPath, File>,
    /// The number of lines in `files`.
    held: usize,
    dropped: usize,
    times: Vec<i64>,
    within: i64,
}

impl Tracker {
    fn forget_all(&mut self) {
        self.files.clear();
        self.held = 0;
    }

    fn take(&mut self, at: usize, edits: &Edits, is_revert: &impl Fn(usize, usize) -> bool) {
        let before: Vec<Vec<u32>> = edits.files.iter().map(|edit| self.writers(edit)).collect();
        let mut gone = Gone::of(&edits.files, &before);
        for (edit, before) in edits.files.iter().zip(before) {
            let after = self.written(at, edit, &before, &mut gone);
            if let Some(blob) = edit.new {
                self.held += after.len();
                self.files.insert(edit.path.clone(), File { blob, writers: after });
            }
        }
        for writer in gone.left().filter(|writer| *writer != BEFORE).map(|writer| writer as usize) {
            if self.times[at].saturating_sub(self.times[writer]) <= self.within && !is_revert(writer, at) {
                self.lines[writer].reworked += 1;
                *self.lines[writer].by.entry(at).or_default() += 1;
            }
        }
        if self.held > MAX_HELD {
            self.make_room(self.times[at]);
        }
    }

    /// Takes the writers of the lines before an edit. If the file is not the one that was last seen, nobody is known.
    fn writers(&mut self, edit: &Edit) -> Vec<u32> {
        let known = self.files.remove(&edit.path);
        self.held -= known.as_ref().map_or(0, |file| file.writers.len());
        let known = known.filter(|file| Some(file.blob) == edit.old && file.writers.len() == edit.old_lines as usize);
        known.map_or_else(|| vec![BEFORE; edit.old_lines as usize], |file| file.writers)
    }

    /// The writers of the lines after an edit.
    fn written(&mut self, at: usize, edit: &Edit, before: &[u32], gone: &mut Gone) -> Vec<u32> {
        let (mut after, mut next) = (Vec::with_capacity(before.len()), 0);
        for run in &edit.runs {
            let start = (run.at as usize).min(before.len());
            after.extend_from_slice(before.get(next..start).unwrap_or_default());
            next = start + run.removed.len();
            for hash in &run.added {
                let moved = gone.take(*hash);
                self.lines[at].written += usize::from(moved.is_none() && *hash != 0);
                after.push(moved.unwrap_or(at as u32));
            }
        }
        after.extend_from_slice(before.get(next..).unwrap_or_default());
        after
    }

    /// Drops the files of which no line can be reworked in time any more; then all, and says of how many that is.
    fn make_room(&mut self, now: i64) {
        let (times, within) = (&self.times, self.within);
        let is_young = |writer: &u32| *writer != BEFORE && now.saturating_sub(times[*writer as usize]) <= within;
        self.files.retain(|_, file| file.writers.iter().any(is_young));
        self.held = self.files.values().map(|file| file.writers.len()).sum();
        if self.held > MAX_HELD {
            self.dropped += self.files.len();
            self.forget_all();
        }
    }
}

/// The lines that a segment removes, with their writers, by content.
struct Gone(HashMap<u64, Vec<u32>>);

impl Gone {
    fn of(files: &[Edit], before: &[Vec<u32>]) -> Gone {
        let mut gone: HashMap<u64, Vec<u32>> = HashMap::new();
        for (edit, before) in files.iter().zip(before) {
            for run in &edit.runs {
                for (at, hash) in run.removed.iter().enumerate().filter(|(_, hash)| **hash != 0) {
                    let writer = before.get(run.at as usize + at).copied().unwrap_or(BEFORE);
                    gone.entry(*hash).or_default().push(writer);
                }
            }
        }
        // The first that goes is the first that comes again.
        gone.values_mut().for_each(|writers| writers.reverse());
        Gone(gone)
    }

    /// The writer of a line that is added, if it is one that was removed.
    fn take(&mut self, hash: u64) -> Option<u32> {
        self.0.get_mut(&hash)?.pop()
    }

    /// The writers of the lines that did not come again.
    fn left(&self) -> impl Iterator<Item = u32> {
        self.0.values().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn blob(n: u8) -> ObjectId {
        ObjectId([n; 20])
    }

    fn run(at: u32, removed: &[u64], added: &[u64]) -> Run {
        Run { at, removed: removed.to_vec(), added: added.to_vec() }
    }

    fn edit(path: &str, old: u8, new: u8, old_lines: u32, runs: &[Run]) -> Edit {
        let side = |n: u8| (n > 0).then(|| blob(n));
        Edit { path: path.into(), old: side(old), new: side(new), old_lines, runs: runs.to_vec() }
    }

    fn day(day: i64, files: &[Edit]) -> Edits {
        Edits { line: 0, at: day * DAY, files: files.to_vec() }
    }

    fn counts(all: &[Edits]) -> Vec<(usize, usize)> {
        let (lines, dropped) = rework(all, 14 * DAY, |_, _| false);
        assert_eq!(dropped, 0);
        lines.iter().map(|lines| (lines.written, lines.reworked)).collect()
    }

    #[test]
    fn lines_that_are_changed_again_in_time_are_counted_for_who_wrote_them() {
        let first = day(0, &[edit("a", 0, 1, 0, &[run(0, &[], &[11, 12, 13, 14])])]);
        let second = day(3, &[edit("a", 1, 2, 4, &[run(1, &[12, 13], &[21])])]);
        // Line 11 is old by now; 21 was written on day 3.
        let third = day(16, &[edit("a", 2, 3, 3, &[run(0, &[11, 21], &[31])])]);
        let all = [first, second, third];
        assert_eq!(counts(&all), [(4, 2), (1, 1), (1, 0)]);
        let (lines, _) = rework(&all, 14 * DAY, |_, _| false);
        assert_eq!(lines[0].by, BTreeMap::from([(1, 2)]));
    }

    #[test]
    fn what_moves_is_not_reworked_and_keeps_its_writer() {
        let first = day(0, &[edit("a", 0, 1, 0, &[run(0, &[], &[11, 12])])]);
        // A move to another file, one line of it changed.
        let moved = [edit("a", 1, 0, 2, &[run(0, &[11, 12], &[])]), edit("b", 0, 2, 0, &[run(0, &[], &[11, 22])])];
        let third = day(2, &[edit("b", 2, 3, 2, &[run(0, &[11], &[])])]);
        assert_eq!(counts(&[first, day(1, &moved), third]), [(2, 2), (1, 0), (0, 0)]);
    }

    #[test]
    fn lines_that_say_nothing_do_not_count() {
        let first = day(0, &[edit("a", 0, 1, 0, &[run(0, &[], &[0, 11, 0])])]);
        let second = day(1, &[edit("a", 1, 2, 3, &[run(0, &[0, 11, 0], &[0])])]);
        assert_eq!(counts(&[first, second]), [(1, 1), (0, 0)]);
    }

    #[test]
    fn what_a_revert_takes_away_is_no_rework() {
        let first = day(0, &[edit("a", 0, 1, 0, &[run(0, &[], &[11])])]);
        let second = day(1, &[edit("a", 1, 0, 1, &[run(0, &[11], &[])])]);
        let (lines, _) = rework(&[first, second], 14 * DAY, |earlier, later| (earlier, later) == (0, 1));
        assert_eq!(lines[0], Lines { written: 1, reworked: 0, by: BTreeMap::new() });
    }

    #[test]
    fn of_a_file_that_is_not_the_one_last_seen_no_writer_is_known() {
        let first = day(0, &[edit("a", 0, 1, 0, &[run(0, &[], &[11])])]);
        let other = day(1, &[edit("a", 9, 2, 1, &[run(0, &[11], &[21])])]);
        assert_eq!(counts(&[first.clone(), other]), [(1, 0), (1, 0)]);
        let on_another_ref = Edits { line: 1, ..day(1, &[edit("a", 1, 2, 1, &[run(0, &[11], &[])])]) };
        assert_eq!(counts(&[first, on_another_ref]), [(1, 0), (0, 0)]);
    }

    /// Against a slow model: a text is a list of lines that each know who wrote them.
    #[test]
    fn generated_histories_are_counted_as_by_a_slow_model() {
        use proptest::prelude::*;
        let steps = prop::collection::vec((0..9i64, 0..12usize, 0..5usize, 0..5usize), 1..30);
        proptest!(ProptestConfig::with_cases(200), |(steps in steps)| {
            let mut model: Vec<(u64, usize)> = Vec::new();
            let (mut all, mut expected, mut now, mut fresh) = (Vec::new(), Vec::new(), 0, 1);
            for (at, (days, start, cut, add)) in steps.into_iter().enumerate() {
                now += days * DAY;
                let start = start.min(model.len());
                let cut = cut.min(model.len() - start);
                let added: Vec<u64> = (0..add as u64).map(|n| fresh + n).collect();
                fresh += add as u64;
                let (old, new) = (at as u8, at as u8 + 1);
                let old_lines = model.len() as u32;
                let own = added.iter().map(|hash| (*hash, at)).collect::<Vec<_>>();
                let removed: Vec<(u64, usize)> = model.splice(start..start + cut, own).collect();
                let run = run(start as u32, &removed.iter().map(|(hash, _)| *hash).collect::<Vec<_>>(), &added);
                all.push(Edits { line: 0, at: now, files: vec![edit("a", old, new, old_lines, &[run])] });
                expected.push((add, 0));
                for (_, writer) in removed {
                    expected[writer].1 += usize::from(now - all[writer].at <= 14 * DAY);
                }
            }
            prop_assert_eq!(counts(&all), expected);
        });
    }
}
