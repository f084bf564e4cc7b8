//! How good an order of landed commits was, by what later commits said of them: whether those that turned out wrong
//! stood in front. Nothing is known of a commit ahead of its time, so its score must come from the history before it.

use std::collections::BTreeMap;

use super::{DAY, only_one};
use crate::change::ObjectId;

/// The order among changes of about the same size is judged within this many groups.
const GROUPS: usize = 10;
/// A reader's first look: this share of the list, as a divisor.
const FIRST: usize = 10;

/// A landed commit, scored, with what its message says of earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The commit.
    pub id: ObjectId,
    /// Seconds since the epoch.
    pub time: i64,
    /// Of which 1 is the gravest.
    pub tier: u8,
    /// Within the tier.
    pub points: u32,
    /// Lines added and removed.
    pub lines: u32,
    /// Lines added.
    pub added: u32,
    /// As [`super::Signs::named`].
    pub named: Vec<String>,
}

/// An order beside the simplest one.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// Commits that were watched long enough.
    pub commits: usize,
    /// Those of them that a later commit within that time says were wrong.
    pub wrong: usize,
    /// Newer commits, of which it is not known yet.
    pub too_new: usize,
    /// The order of the queue: tier, then points.
    pub order: Quality,
    /// The most added lines first.
    pub lines_added: Quality,
}

/// How well an order tells wrong commits from others. None where there is nothing to compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The share of pairs of a wrong commit and another one in which the wrong one comes first; ties are half. By
    /// chance .5. This is the area under the ROC curve.
    pub auc: Option<f64>,
    /// The same among commits of about the same size: what the order knows beyond that.
    pub in_size: Option<f64>,
    /// The share of wrong commits that are in the first tenth. By chance .1.
    pub first_tenth: Option<f64>,
}

impl Backtest {
    /// Judges commits in the order in which they landed, each watched for this many days.
    pub fn of(tried: &[Tried], days: u32) -> Backtest {
        let watched = i64::from(days) * DAY;
        let last = tried.iter().map(|one| one.time).max().unwrap_or(0);
        let wrong = wrong(tried, watched);
        // Nor those newer ones that are known to be wrong: the others of their age are not known to be right.
        let is_known = |(one, _): &(&Tried, bool)| last - one.time >= watched;
        let known: Vec<(&Tried, bool)> = tried.iter().zip(wrong).filter(is_known).collect();
        Backtest {
            commits: known.len(),
            wrong: known.iter().filter(|(_, wrong)| *wrong).count(),
            too_new: tried.len() - known.len(),
            order: Quality::of(&known, |one| (u8::MAX - one.tier, one.points)),
            lines_added: Quality::of(&known, |one| (0, one.added)),
        }
    }
}

/// Which of the commits a later one says were wrong, in time. What is abbreviated to several ids counts for none.
fn wrong(tried: &[Tried], watched: i64) -> Vec<bool> {
    let mut wrong = vec![false; tried.len()];
    let mut by_id: BTreeMap<[u8; 20], usize> = BTreeMap::new();
    for (at, one) in tried.iter().enumerate() {
        for prefix in &one.named {
            let Some(named) = only_one(&by_id, prefix) else { continue };
            wrong[named] |= one.time - tried[named].time <= watched;
        }
        by_id.insert(one.id.0, at);
    }
    wrong
}

impl Quality {
    fn of<K: Ord + Copy>(known: &[(&Tried, bool)], key: impl Fn(&Tried) -> K) -> Quality {
        let ranked: Vec<(K, bool)> = known.iter().map(|(one, wrong)| (key(one), *wrong)).collect();
        Quality { auc: auc(&ranked).map(|(auc, _)| auc), in_size: in_size(known, key), first_tenth: first(&ranked) }
    }
}

/// With the number of pairs.
fn auc<K: Ord + Copy>(ranked: &[(K, bool)]) -> Option<(f64, f64)> {
    let mut sorted = ranked.to_vec();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let (mut below, mut won) = (0.0, 0.0);
    for same in sorted.chunk_by(|(one, _), (other, _)| one == other) {
        let wrong = same.iter().filter(|(_, wrong)| *wrong).count() as f64;
        let right = same.len() as f64 - wrong;
        won += wrong * (below + right / 2.0);
        below += right;
    }
    let pairs = below * (sorted.len() as f64 - below);
    (pairs > 0.0).then(|| (won / pairs, pairs))
}

/// The mean over groups of about the same size, each by its pairs.
fn in_size<K: Ord + Copy>(known: &[(&Tried, bool)], key: impl Fn(&Tried) -> K) -> Option<f64> {
    let mut sizes: Vec<u32> = known.iter().map(|(one, _)| one.lines).collect();
    sizes.sort_unstable();
    let cuts: Vec<u32> = (1..GROUPS).filter_map(|n| sizes.get(n * sizes.len() / GROUPS)).copied().collect();
    let mut groups: Vec<Vec<(K, bool)>> = (0..GROUPS).map(|_| Vec::new()).collect();
    for (one, wrong) in known {
        groups[cuts.partition_point(|cut| *cut <= one.lines)].push((key(one), *wrong));
    }
    let (won, pairs) = groups
        .iter()
        .filter_map(|group| auc(group))
        .fold((0.0, 0.0), |(won, all), (auc, pairs)| (won + auc * pairs, all + pairs));
    (pairs > 0.0).then(|| won / pairs)
}

/// Commits that rank alike share the places that are left.
fn first<K: Ord + Copy>(ranked: &[(K, bool)]) -> Option<f64> {
    let all = ranked.iter().filter(|(_, wrong)| *wrong).count() as f64;
    let mut left = ranked.len() / FIRST;
    let mut sorted = ranked.to_vec();
    sorted.sort_unstable_by_key(|(key, _)| std::cmp::Reverse(*key));
    let mut found = 0.0;
    for same in sorted.chunk_by(|(one, _), (other, _)| one == other) {
        let taken = same.len().min(left);
        let wrong = same.iter().filter(|(_, wrong)| *wrong).count();
        found += wrong as f64 * taken as f64 / same.len() as f64;
        left -= taken;
    }
    (all > 0.0).then(|| found / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> ObjectId {
        let mut id = [0; 20];
        id[..4].copy_from_slice(&n.to_be_bytes());
        ObjectId(id)
    }

    fn tried(n: u32, day: i64, points: u32, named: &[u32]) -> Tried {
        let named = named.iter().map(|n| id(*n).to_string()).collect();
        Tried { id: id(n), time: day * DAY, tier: 3, points, lines: 10, added: 10, named }
    }

    #[test]
    fn an_order_with_the_wrong_commit_in_front_is_perfect_and_its_reverse_is_the_opposite() {
        let commits = |points: [u32; 10]| {
            let mut all: Vec<Tried> = (1..=10).map(|n| tried(n, i64::from(n), points[n as usize - 1], &[])).collect();
            all.push(tried(11, 20, 0, &[3]));
            all.push(tried(12, 900, 0, &[]));
            all
        };
        let good = Backtest::of(&commits([0, 0, 9, 1, 1, 1, 1, 1, 1, 1]), 365);
        assert_eq!((good.commits, good.wrong, good.too_new), (11, 1, 1));
        assert_eq!((good.order.auc, good.order.first_tenth), (Some(1.0), Some(1.0)));
        assert_eq!(good.lines_added.auc, Some(0.5), "all are of one size");
        let bad = Backtest::of(&commits([9, 9, 0, 9, 9, 9, 9, 9, 9, 9]), 365);
        assert_eq!((bad.order.auc, bad.order.first_tenth), (Some(0.05), Some(0.0)));
    }

    #[test]
    fn a_tier_goes_before_points() {
        let mut all = vec![tried(1, 1, 5, &[]), tried(2, 2, 90, &[]), tried(3, 3, 0, &[1]), tried(4, 900, 0, &[])];
        all[0].tier = 1;
        assert_eq!(Backtest::of(&all, 365).order.auc, Some(1.0));
    }

    #[test]
    fn only_a_later_commit_in_time_that_names_one_commit_says_that_it_was_wrong() {
        let told = |days, named: &str| {
            let mut fix = tried(3, 100, 0, &[]);
            fix.named = vec![named.to_owned()];
            let all = [tried(1, 1, 0, &[]), tried(2, 2, 0, &[]), fix, tried(4, 900, 0, &[])];
            Backtest::of(&all, days).wrong
        };
        assert_eq!(told(365, &id(1).to_string()), 1);
        assert_eq!(told(365, &id(1).to_string()[..8]), 1, "an abbreviation");
        assert_eq!(told(365, &id(1).to_string()[..7]), 0, "it is that of two commits");
        assert_eq!(told(14, &id(1).to_string()), 0, "too late");
        assert_eq!(told(365, &id(4).to_string()), 0, "before it landed");
        assert_eq!(told(365, "no hex"), 0);
    }

    #[test]
    fn what_was_not_watched_long_enough_does_not_count() {
        let all = [tried(1, 1, 0, &[]), tried(2, 10, 0, &[1]), tried(3, 20, 0, &[2])];
        let found = Backtest::of(&all, 15);
        assert_eq!((found.commits, found.wrong, found.too_new), (1, 1, 2));
    }

    #[test]
    fn where_nothing_was_wrong_there_is_no_figure() {
        let none = Quality { auc: None, in_size: None, first_tenth: None };
        for all in [vec![], vec![tried(1, 1, 0, &[]), tried(2, 900, 0, &[])]] {
            assert_eq!(Backtest::of(&all, 365).order, none);
        }
    }

    #[test]
    fn beyond_size_is_what_an_order_by_size_does_not_know() {
        // The larger half is wrong more often, and in each size the wrong ones have more points.
        let mut all: Vec<Tried> = (0..400).map(|n| tried(n + 1, 1, 0, &[])).collect();
        let mut fixes = Vec::new();
        for (at, one) in all.iter_mut().enumerate() {
            one.lines = 1 + (at as u32 / 4);
            one.added = one.lines;
            let is_wrong = at % 4 == 0 || (at > 200 && at % 4 == 1);
            one.points = u32::from(is_wrong);
            fixes.extend(is_wrong.then(|| tried(1_000 + at as u32, 2, 0, &[at as u32 + 1])));
        }
        all.extend(fixes);
        all.push(tried(9_999, 900, 0, &[]));
        let found = Backtest::of(&all[..], 365);
        let by_size = found.lines_added;
        assert!(by_size.auc > Some(0.55) && by_size.in_size < by_size.auc, "{by_size:?}");
        assert!(found.order.in_size > Some(0.9), "{:?}", found.order);
    }
}
