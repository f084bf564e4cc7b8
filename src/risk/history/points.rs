//! What history says about a change, as points that add up, each with its sentence. There are two sets of weights: for
//! code, in which larger changes break more often, and for configuration, in which they do not.

use super::{Look, Share};
use crate::change::counted;

/// Which weights apply to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// It touches code.
    Code,
    /// It touches no code.
    Configuration,
}

/// Points of one kind of change.
struct Table {
    /// Per doubling of the folders that are touched.
    folders: i32,
    /// Per doubling of the changes of the hottest file within 30 days.
    busy: i32,
    /// Per doubling of the commits that touched its files last.
    last_changes: i32,
    /// Per doubling of the message beyond 32 characters: long explanations go with risky changes.
    message: i32,
    /// Per half a doubling of the share of past changes there that were wrong, up or down.
    worst: i32,
    undone: i32,
    undoes: i32,
    redoes: i32,
    first_touch: i32,
}

const CODE: Table = Table {
    folders: 1,
    busy: 1,
    last_changes: 1,
    message: 3,
    worst: 1,
    undone: 1,
    undoes: 15,
    redoes: 6,
    first_touch: 2,
};

const CONFIGURATION: Table = Table {
    folders: 0,
    busy: 0,
    last_changes: 0,
    message: 3,
    worst: 3,
    undone: 4,
    undoes: 15,
    redoes: 6,
    first_touch: 0,
};

/// The logarithm of a count to base 2, at most `most`.
fn doublings(count: u32, most: u32) -> i32 {
    count.saturating_add(1).ilog2().min(most) as i32
}

/// Integers that add up, each with its sentence, without the final full stop.
pub fn terms(look: &Look, weights: Weights) -> Vec<(i32, String)> {
    if !look.speaks() {
        return Vec::new();
    }
    let table = match weights {
        Weights::Code => &CODE,
        Weights::Configuration => &CONFIGURATION,
    };
    let mut terms = vec![
        (table.undoes * i32::from(look.undoes), "it takes back an earlier change".to_owned()),
        (table.redoes * i32::from(look.redoes), "it brings back what was taken back".to_owned()),
    ];
    // If nothing was ever reverted, no place is better than the rest.
    if let Some(share) = look.worst.as_ref().filter(|_| look.wrong > 0) {
        terms.push((table.worst * steps(share, look), said(share, look)));
    }
    let undone = format!("{} reverted or mended in the last 180 days", of_its_files(look.undone, "was", "were"));
    terms.push((table.undone * i32::from(look.undone > 0), undone));
    let first = format!("its author never touched {} before", of_its_files(look.first_touch, "", "").trim_end());
    terms.push((table.first_touch * i32::from(look.first_touch > 0), first));
    let busy = format!("its hottest file changed {} in the last 30 days", times(look.busy));
    terms.push((table.busy * doublings(look.busy, 5), busy));
    let last = format!("its files were last changed by {}", counted(look.last_changes as usize, "commit"));
    terms.push((table.last_changes * doublings(look.last_changes, 5), last));
    let folders = format!("its files lie in {}", counted(look.folders as usize, "folder"));
    terms.push((table.folders * doublings(look.folders, 4), folders));
    let message = (doublings(look.message, 11) - 5).max(0);
    terms.push((table.message * message, format!("its message has {} characters", look.message)));
    terms.retain(|(points, _)| *points != 0);
    terms
}

/// The number of changes after which the share of a place weighs as much as that of the repository.
const PRIOR: u128 = 20;
/// Twice the logarithm to base 2 of a ratio in thousandths: the beginning of each step.
const STEPS: [(u128, i32); 10] =
    [(5_657, 5), (4_000, 4), (2_828, 3), (2_000, 2), (1_414, 1), (707, 0), (500, -1), (354, -2), (250, -3), (0, -4)];

/// How much worse a place is than the repository: steps of half a doubling, from -4 to 5.
fn steps(share: &Share, look: &Look) -> i32 {
    // In fractions of one denominator, so that no rounding depends on the machine: mean = m / n.
    let (m, n) = (u128::from(look.wrong) + 1, u128::from(look.commits) + 50);
    let (wrong, changes) = (u128::from(share.wrong), u128::from(share.changes));
    // (wrong + 20 mean) / (changes + 20) / mean, in thousandths.
    let ratio = 1_000 * (wrong * n + PRIOR * m) / ((changes + PRIOR) * m);
    STEPS.iter().find(|(from, _)| ratio >= *from).map_or(0, |(_, steps)| *steps)
}

fn said(share: &Share, look: &Look) -> String {
    let place = if share.place.0.is_empty() { "the top folder".to_owned() } else { share.place.to_string() };
    format!(
        "{} of {} past changes to {place} were reverted or mended later, {} of all",
        share.wrong,
        share.changes,
        percent(look.wrong, look.commits)
    )
}

/// A share with one decimal.
fn percent(part: u32, whole: u32) -> String {
    let permille = u64::from(part) * 1_000 / u64::from(whole.max(1));
    format!("{}.{} %", permille / 10, permille % 10)
}

fn of_its_files(count: u32, one: &str, several: &str) -> String {
    if count == 1 { format!("1 of its files {one}") } else { format!("{count} of its files {several}") }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::RepoPath;

    fn share(wrong: u32, changes: u32) -> Option<Share> {
        Some(Share { place: RepoPath::from("conf"), changes, wrong })
    }

    #[test]
    fn each_term_is_a_sentence_with_its_counts() {
        let look = Look {
            commits: 1_000,
            wrong: 30,
            undone: 3,
            first_touch: 1,
            worst: share(9, 80),
            undoes: true,
            ..Look::default()
        };
        let terms = terms(&look, Weights::Code);
        let said = |points: i32, text: &str| assert!(terms.contains(&(points, text.to_owned())), "{terms:?}");
        said(15, "it takes back an earlier change");
        said(1, "3 of its files were reverted or mended in the last 180 days");
        said(2, "its author never touched 1 of its files before");
        said(3, "9 of 80 past changes to conf were reverted or mended later, 3.0 % of all");
    }

    #[test]
    fn nothing_known_is_no_points() {
        for weights in [Weights::Code, Weights::Configuration] {
            assert_eq!(terms(&Look::default(), weights), []);
        }
    }

    #[test]
    fn a_place_counts_by_how_it_fared_beside_the_repository() {
        let of = |wrong, changes| {
            let look = Look { commits: 10_000, wrong: 300, worst: share(wrong, changes), ..Look::default() };
            terms(&look, Weights::Configuration).first().map_or(0, |(points, _)| *points)
        };
        assert!(of(0, 2_000) < 0, "a place of which little was taken back");
        assert_eq!(of(30, 1_000), 0, "as the rest");
        assert!(of(40, 100) > of(10, 100) && of(10, 100) > 0);
        assert!(of(1, 1) < of(20, 20), "one change says less than twenty");
    }

    #[test]
    fn no_count_is_too_large() {
        let most = u32::MAX;
        let look = Look {
            commits: most,
            busy: most,
            authors: most,
            last_changes: most,
            undone: most,
            known: most,
            first_touch: most,
            experience: most,
            undoes: true,
            redoes: true,
            message: most,
            files: most,
            folders: most,
            worst: share(most, most),
            wrong: most,
        };
        let points: i32 = terms(&look, Weights::Code).iter().map(|(points, _)| points).sum();
        assert!((20..100).contains(&points), "{points}");
    }
}
