//! Which landed segment a later one reverts or fixes, by what messages say and by content. Pure.
//!
//! Only a segment that is lower on the same line is joined. So nothing joins itself, a later one, or one of another
//! ref, and there are no cycles, whatever a message says and whatever its dates are.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Serialize, Serializer};

use super::message::{Says, Word, without_number};
use crate::change::digest::Digest;
use crate::change::{Identity, ObjectId};

/// The most segments between a segment and the one that undoes it exactly.
pub const MAX_BACK: usize = 5_000;

/// A landed segment, as far as joins need it. They are given by line, the oldest of each line first.
#[derive(Debug, Clone, Default)]
pub struct Landed {
    /// The line on which it landed.
    pub line: usize,
    /// When, in seconds since the epoch.
    pub at: i64,
    /// All commits that it brought in, the last of its line first.
    pub commits: Vec<Told>,
    /// Who wrote them, each once.
    pub authors: Vec<Identity>,
    /// It is one step of its line, which may be a merge of several commits.
    pub is_one_step: bool,
    /// Digests of what it changes, and of what would undo that; none if it changes nothing, or too much.
    pub content: Option<(Digest, Digest)>,
}

/// A commit, and what its message says.
#[derive(Debug, Clone)]
pub struct Told {
    pub id: ObjectId,
    pub title: String,
    /// It has several parents: what it brought in are the other commits of its segment.
    pub is_merge: bool,
    pub says: Says,
}

impl Landed {
    /// Whether some of its commits are all that it brought in.
    fn is_all_of(&self, some: &BTreeSet<ObjectId>) -> bool {
        let mut own = self.commits.iter().filter(|told| !told.is_merge).peekable();
        own.peek().is_some() && own.all(|told| some.contains(&told.id))
    }
}

/// The evidence by which two segments are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A message names the commit that it reverts.
    RevertNamed,
    /// The later segment does exactly the inverse.
    RevertContent,
    /// Only a title repeats the title of what it reverts.
    RevertTitled,
    /// A message names the commit that it fixes.
    FixNamed,
}

impl How {
    pub const ALL: [How; 4] = [How::RevertNamed, How::RevertContent, How::RevertTitled, How::FixNamed];

    /// The spelling in outputs.
    pub fn name(self) -> &'static str {
        match self {
            How::RevertNamed => "revert-named",
            How::RevertContent => "revert-content",
            How::RevertTitled => "revert-titled",
            How::FixNamed => "fix-named",
        }
    }

    pub fn is_revert(self) -> bool {
        self != How::FixNamed
    }
}

impl Serialize for How {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Two segments, by their indices, and why they are joined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Join {
    pub earlier: usize,
    pub later: usize,
    pub how: How,
    /// The commit whose message says so; none if the content does.
    pub by: Option<ObjectId>,
    /// The commit of the earlier segment that is named, if it is not all of that segment.
    pub part: Option<ObjectId>,
    /// The message itself says that it takes back only some of that commit.
    pub is_partial: bool,
}

/// What messages name, and what is not joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Unjoined {
    /// It fits several commits, or titles.
    pub ambiguous: usize,
    /// It is not among what landed in the period.
    pub unknown: usize,
    /// It is in the same segment.
    pub own: usize,
    /// It landed later, or on another ref.
    pub elsewhere: usize,
    /// It landed too long before.
    pub too_late: usize,
    /// It has too few digits.
    pub short: usize,
    /// It is beyond the most that one message may name.
    pub more: usize,
}

/// Joins segments.
pub fn joins(landed: &[Landed], within: i64) -> (Vec<Join>, Unjoined) {
    let index = Index::of(landed);
    let mut joiner = Joiner { landed, index, within, joins: Vec::new(), unjoined: Unjoined::default() };
    (0..landed.len()).for_each(|at| joiner.by_messages(at));
    joiner.by_content();
    let Joiner { mut joins, unjoined, .. } = joiner;
    joins.sort();
    joins.dedup();
    (joins, unjoined)
}

/// Whether reverts of a segment, taken together, are of all of it.
fn is_all<'j>(segment: &Landed, reverts: impl Iterator<Item = &'j Join>) -> bool {
    let mut parts = BTreeSet::new();
    for join in reverts.filter(|join| !join.is_partial) {
        match join.part {
            None => return true,
            Some(part) => _ = parts.insert(part),
        }
    }
    segment.is_all_of(&parts)
}

/// Which segments are reverted at the end, and which were and landed again: a revert that was itself reverted takes
/// nothing back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing reverts it.
    Stands,
    /// Reverts of some of it are in force.
    Partly,
    /// Reverts of all of it are in force, by one later segment or by several.
    Reverted,
    /// It was reverted, and every revert of it was reverted.
    LandedAgain,
}

/// What reverts came to.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    /// By segment.
    pub all: Vec<Standing>,
    /// The segments of which one reverts the other, wholly or partly, and nothing took that back: earlier and later.
    pub in_force: HashSet<(usize, usize)>,
    /// Those of which the later says that it takes back all of the earlier, whatever became of that.
    pub whole: HashSet<(usize, usize)>,
}

impl Standings {
    pub fn of(landed: &[Landed], joins: &[Join]) -> Standings {
        let mut reverts: HashMap<usize, Vec<&Join>> = HashMap::new();
        for join in joins.iter().filter(|join| join.how.is_revert()) {
            reverts.entry(join.earlier).or_default().push(join);
        }
        let mut own = Standings { all: vec![Standing::Stands; landed.len()], ..Standings::default() };
        // Commits that are taken back, by their segment.
        let mut gone: HashMap<usize, BTreeSet<ObjectId>> = HashMap::new();
        // Commits of which some is taken back, by their segment.
        let mut loose: HashMap<usize, BTreeSet<ObjectId>> = HashMap::new();
        // Whatever reverts a segment comes after it, so its own standing is known first.
        for at in (0..landed.len()).rev() {
            let Some(all) = reverts.get(&at) else { continue };
            let is_in_force = |join: &&&Join| {
                let is_gone = |by: ObjectId| gone.get(&join.later).is_some_and(|gone| gone.contains(&by));
                own.all[join.later] != Standing::Reverted && !join.by.is_some_and(is_gone)
            };
            // What a segment does as a whole it does only partly, once a part of it was taken back.
            let is_loose = |join: &Join| {
                let of_all =
                    |by: ObjectId| landed[join.later].commits.iter().any(|told| told.id == by && told.is_merge);
                let is_some = |by: ObjectId| loose.get(&join.later).is_some_and(|loose| loose.contains(&by));
                own.all[join.later] == Standing::Partly && join.by.is_none_or(|by| of_all(by) || is_some(by))
            };
            let now = |join: &&Join| Join { is_partial: join.is_partial || is_loose(join), ..(*join).clone() };
            let in_force: Vec<Join> = all.iter().filter(is_in_force).map(now).collect();
            own.all[at] = if is_all(&landed[at], in_force.iter()) {
                Standing::Reverted
            } else if !in_force.is_empty() {
                Standing::Partly
            } else if is_all(&landed[at], all.iter().copied()) {
                Standing::LandedAgain
            } else {
                Standing::Stands
            };
            let parts = |is_partial: bool| {
                let some = in_force.iter().filter(move |join| join.is_partial == is_partial);
                some.filter_map(|join| join.part).collect()
            };
            gone.insert(at, parts(false));
            loose.insert(at, parts(true));
            own.in_force.extend(in_force.iter().map(|join| (at, join.later)));
            let mut by_later: HashMap<usize, Vec<&Join>> = HashMap::new();
            all.iter().for_each(|join| by_later.entry(join.later).or_default().push(join));
            let whole = by_later.into_iter().filter(|(_, reverts)| is_all(&landed[at], reverts.iter().copied()));
            own.whole.extend(whole.map(|(later, _)| (at, later)));
        }
        own
    }
}

/// The commits and titles of all segments.
struct Index {
    /// Sorted by commit; a commit may have landed on several lines.
    commits: Vec<(ObjectId, usize)>,
    /// By title, with and without a number: the segments that have it, each once.
    titles: HashMap<String, Vec<usize>>,
}

impl Index {
    fn of(landed: &[Landed]) -> Index {
        let mut index = Index { commits: Vec::new(), titles: HashMap::new() };
        for (at, segment) in landed.iter().enumerate() {
            for told in &segment.commits {
                index.commits.push((told.id, at));
                let own = told.title.trim();
                [own, without_number(own)].into_iter().for_each(|title| index.title(title, at));
            }
        }
        index.commits.sort();
        index
    }

    fn title(&mut self, title: &str, at: usize) {
        if title.is_empty() {
            return;
        }
        let own = self.titles.entry(title.to_owned()).or_default();
        if own.last() != Some(&at) {
            own.push(at);
        }
    }

    /// The places of the one commit that an id names; several commits, or none, are an error with their number.
    fn places(&self, digits: &str) -> Result<(ObjectId, Vec<usize>), usize> {
        let fill = |with: char| format!("{digits}{}", with.to_string().repeat(40 - digits.len().min(40)));
        let (Ok(first), Ok(last)) = (fill('0').parse::<ObjectId>(), fill('f').parse::<ObjectId>()) else {
            return Err(0);
        };
        let start = self.commits.partition_point(|(id, _)| *id < first);
        let own: Vec<(ObjectId, usize)> =
            self.commits[start..].iter().take_while(|(id, _)| *id <= last).copied().collect();
        let Some((id, _)) = own.first() else { return Err(0) };
        let others = own.iter().filter(|(other, _)| other != id).count();
        if others > 0 { Err(1 + others) } else { Ok((*id, own.iter().map(|(_, at)| *at).collect())) }
    }
}

struct Joiner<'l> {
    landed: &'l [Landed],
    index: Index,
    within: i64,
    joins: Vec<Join>,
    unjoined: Unjoined,
}

impl Joiner<'_> {
    fn by_messages(&mut self, later: usize) {
        let landed = self.landed;
        let undone = self.undone_within(later);
        for told in &landed[later].commits {
            if undone.contains(&told.id) {
                self.unjoined.own += told.says.named.len();
                continue;
            }
            self.unjoined.short += told.says.short;
            self.unjoined.more += told.says.more;
            for (word, digits) in &told.says.named {
                self.named(later, told.id, *word, digits);
            }
            if let Some(title) = told.says.reverted_title.as_deref().filter(|_| !told.says.names_a_revert()) {
                self.titled(later, told.id, title);
            }
        }
    }

    /// Commits of a segment that another commit of it reverts: what they say came to nothing.
    fn undone_within(&self, at: usize) -> BTreeSet<ObjectId> {
        let named = self.landed[at].commits.iter().flat_map(|told| &told.says.named);
        let reverted = named.filter(|(word, _)| *word == Word::Reverts);
        let found = reverted.filter_map(|(_, digits)| self.index.places(digits).ok());
        found.filter(|(_, places)| places.contains(&at)).map(|(id, _)| id).collect()
    }

    fn named(&mut self, later: usize, by: ObjectId, word: Word, digits: &str) {
        let (id, places) = match self.index.places(digits) {
            Ok(found) => found,
            Err(0) => return self.unjoined.unknown += 1,
            Err(_) => return self.unjoined.ambiguous += 1,
        };
        if places.contains(&later) {
            return self.unjoined.own += 1;
        }
        let Some(earlier) = places.into_iter().find(|at| self.is_below(*at, later)) else {
            return self.unjoined.elsewhere += 1;
        };
        let how = if word == Word::Fixes { How::FixNamed } else { How::RevertNamed };
        let is_partial = word == Word::PartlyReverts;
        let part = (is_partial || !self.is_whole(earlier, id)).then_some(id);
        self.join(Join { earlier, later, how, by: Some(by), part, is_partial });
    }

    fn titled(&mut self, later: usize, by: ObjectId, title: &str) {
        let below = |at: &usize| self.is_below(*at, later) && self.is_in_time(*at, later);
        let all = self.index.titles.get(title).into_iter().flatten();
        let found: Vec<usize> = all.copied().filter(below).collect();
        let [earlier] = found[..] else {
            let count = if found.is_empty() { &mut self.unjoined.unknown } else { &mut self.unjoined.ambiguous };
            return *count += 1;
        };
        let own = self.landed[earlier].commits.iter().find(|told| {
            let own = told.title.trim();
            own == title || without_number(own) == title
        });
        let part = own.map(|told| told.id).filter(|id| !self.is_whole(earlier, *id));
        self.join(Join { earlier, later, how: How::RevertTitled, by: Some(by), part, is_partial: false });
    }

    /// Joins each segment with the nearest one below that it undoes exactly.
    fn by_content(&mut self) {
        // By line and by what would undo it: the newest segment.
        let mut undone_by: HashMap<(usize, Digest), usize> = HashMap::new();
        let landed = self.landed;
        for (later, segment) in landed.iter().enumerate() {
            let Some((content, inverse)) = segment.content else { continue };
            let earlier = undone_by.get(&(segment.line, content)).copied();
            if let Some(earlier) = earlier.filter(|at| later - at <= MAX_BACK && self.is_in_time(*at, later)) {
                let how = How::RevertContent;
                self.join(Join { earlier, later, how, by: None, part: None, is_partial: false });
            }
            undone_by.insert((segment.line, inverse), later);
        }
    }

    fn join(&mut self, join: Join) {
        if self.is_in_time(join.earlier, join.later) {
            self.joins.push(join);
        } else {
            self.unjoined.too_late += 1;
        }
    }

    fn is_below(&self, earlier: usize, later: usize) -> bool {
        earlier < later && self.landed[earlier].line == self.landed[later].line
    }

    fn is_in_time(&self, earlier: usize, later: usize) -> bool {
        self.landed[later].at.saturating_sub(self.landed[earlier].at) <= self.within
    }

    /// Whether a commit is all of its segment: the only one, or the merge that brought in the others.
    fn is_whole(&self, at: usize, id: ObjectId) -> bool {
        let segment = &self.landed[at];
        segment.commits.len() == 1 || (segment.is_one_step && segment.commits.first().is_some_and(|told| told.id == id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn id(n: u32) -> ObjectId {
        // Different from the first digit on, as ids are.
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&n.wrapping_mul(0x9E37_79B1).to_be_bytes());
        bytes[16..].copy_from_slice(&n.to_be_bytes());
        ObjectId(bytes)
    }

    fn told(n: u32, message: &str) -> Told {
        let title = message.lines().next().unwrap_or_default().to_owned();
        Told { id: id(n), title, is_merge: false, says: Says::of(message) }
    }

    /// A segment of one commit, on a day that is its number.
    fn one(n: u32, message: &str) -> Landed {
        Landed { at: i64::from(n) * DAY, commits: vec![told(n, message)], is_one_step: true, ..Landed::default() }
    }

    fn does(of: &str, segment: Landed) -> Landed {
        let inverse = of.strip_prefix('-').map_or_else(|| format!("-{of}"), str::to_owned);
        Landed { content: Some((Digest::of(of.as_bytes()), Digest::of(inverse.as_bytes()))), ..segment }
    }

    fn reverts(n: u32) -> String {
        format!("Back out\n\nThis reverts commit {}.", id(n))
    }

    fn found(landed: &[Landed]) -> Vec<(usize, usize, How)> {
        joins(landed, 90 * DAY).0.iter().map(|join| (join.earlier, join.later, join.how)).collect()
    }

    #[test]
    fn a_revert_and_a_fix_are_joined_with_what_they_name() {
        let fix = format!("Mend\n\nFixes: {} (\"Add\")", &id(1).to_string()[..12]);
        let landed = [one(0, "Start"), one(1, "Add"), one(2, &reverts(0)), one(3, &fix)];
        assert_eq!(found(&landed), [(0, 2, How::RevertNamed), (1, 3, How::FixNamed)]);
    }

    #[test]
    fn a_revert_that_the_same_change_takes_back_is_none() {
        // A merge of a branch that backed something out, and in again.
        let (out, again) = (told(2, &reverts(0)), told(3, &reverts(2)));
        let merged = Landed { commits: vec![out, again], ..one(1, "") };
        assert_eq!(found(&[one(0, "Add"), merged]), []);
    }

    #[test]
    fn a_title_joins_only_what_nothing_else_is_called_and_only_without_an_id() {
        let landed = [one(0, "Add a limit (#1)"), one(1, "Revert \"Add a limit (#1)\" (#2)")];
        assert_eq!(found(&landed), [(0, 1, How::RevertTitled)]);
        let twice = [one(0, "Add"), one(1, "Add"), one(2, "Revert \"Add\"")];
        let (none, unjoined) = joins(&twice, 90 * DAY);
        assert_eq!((none.len(), unjoined.ambiguous), (0, 1));
        let named = [one(0, "Add"), one(1, "Mend"), one(2, &format!("Revert \"Add\"\n\n{}", reverts(1)))];
        assert_eq!(found(&named), [(1, 2, How::RevertNamed)]);
    }

    #[test]
    fn the_inverse_of_a_change_is_a_revert_of_the_nearest_without_any_message() {
        let landed =
            [does("x", one(0, "On")), does("-x", one(1, "Off")), does("x", one(2, "On")), does("y", one(3, ""))];
        assert_eq!(found(&landed), [(0, 1, How::RevertContent), (1, 2, How::RevertContent)]);
        let (all, _) = joins(&landed, 90 * DAY);
        assert_eq!(Standings::of(&landed, &all).all[..2], [Standing::LandedAgain, Standing::Reverted]);
    }

    #[test]
    fn a_revert_of_a_revert_takes_the_first_back_however_often() {
        let chain: Vec<Landed> = (0..5).map(|n| one(n, &if n == 0 { "Add".into() } else { reverts(n - 1) })).collect();
        let (all, _) = joins(&chain, 90 * DAY);
        let of = |count: usize| {
            let own: Vec<Join> = all.iter().filter(|join| join.later < count).cloned().collect();
            Standings::of(&chain, &own).all[0]
        };
        assert_eq!(of(1), Standing::Stands);
        assert_eq!([of(2), of(4)], [Standing::Reverted; 2]);
        assert_eq!([of(3), of(5)], [Standing::LandedAgain; 2]);
    }

    /// A merge of commits, the newest first.
    fn merge(commits: &[u32], is_one_step: bool) -> Landed {
        let own = commits.iter().map(|n| told(*n, "x"));
        let first = Told { is_merge: true, ..told(90, "Merge") };
        Landed { commits: std::iter::once(first).chain(own).collect(), is_one_step, ..Landed::default() }
    }

    /// What becomes of the first segment, and the parts that the reverts of it name.
    fn became(landed: &[Landed]) -> (Standing, Vec<ObjectId>) {
        let (all, _) = joins(landed, 90 * DAY);
        let standings = Standings::of(landed, &all);
        let is_part = |join: &&Join| join.earlier == 0 && !standings.whole.contains(&(0, join.later));
        let parts = all.iter().filter(is_part).filter_map(|join| join.part).collect();
        (standings.all[0], parts)
    }

    #[test]
    fn a_merge_is_reverted_as_a_whole_and_one_of_its_commits_as_a_part() {
        let by = |of: u32| one(20, &reverts(of));
        assert_eq!(became(&[merge(&[8, 7], true), by(90)]), (Standing::Reverted, Vec::new()));
        assert_eq!(became(&[merge(&[8, 7], true), by(8)]), (Standing::Partly, vec![id(8)]));
        assert_eq!(became(&[merge(&[8, 7], false), by(90)]), (Standing::Partly, vec![id(90)]), "not all of its steps");
    }

    #[test]
    fn a_merge_whose_commits_are_all_reverted_is_reverted_once_by_one_change_or_by_several() {
        // The most usual shape: a request of one commit, merged, and that commit reverted.
        assert_eq!(became(&[merge(&[7], true), one(20, &reverts(7))]), (Standing::Reverted, Vec::new()));
        let both = Landed { commits: vec![told(21, &reverts(8)), told(20, &reverts(7))], ..one(20, "") };
        assert_eq!(became(&[merge(&[8, 7], true), both]), (Standing::Reverted, Vec::new()));
        let apart = [merge(&[8, 7], true), one(20, &reverts(8)), one(21, &reverts(7))];
        assert_eq!(became(&apart).0, Standing::Reverted);
        // The exact inverse says what a message alone cannot.
        let exact = [does("x", merge(&[8, 7], true)), does("-x", one(20, &reverts(8)))];
        assert_eq!(became(&exact), (Standing::Reverted, Vec::new()));
    }

    #[test]
    fn a_revert_of_a_part_that_was_taken_back_is_no_revert() {
        let taken_back = [merge(&[8, 7], true), one(20, &reverts(8)), one(21, &reverts(20))];
        assert_eq!(became(&taken_back).0, Standing::Stands);
        let all = [merge(&[8, 7], true), one(20, &reverts(8)), one(21, &reverts(7)), one(22, &reverts(21))];
        assert_eq!(became(&all).0, Standing::Partly, "one of the two still stands reverted");
        // One of the two commits of a change that reverts is itself reverted.
        let commits = vec![told(21, &reverts(8)), told(20, &reverts(7))];
        let both = Landed { commits, is_one_step: false, ..one(20, "") };
        assert_eq!(became(&[merge(&[8, 7], true), both.clone(), one(30, &reverts(21))]).0, Standing::Partly);
        // Also if that did exactly the inverse, or its merge says that it reverts all.
        let exact = [does("x", merge(&[8, 7], true)), does("-x", both.clone()), one(30, &reverts(21))];
        assert_eq!(became(&exact).0, Standing::Partly);
        let says = Told { is_merge: true, ..told(40, &format!("Merge\n\nReverts: {}", id(90))) };
        let commits = std::iter::once(says).chain([told(21, "x"), told(20, "y")]).collect();
        let by_merge = Landed { commits, is_one_step: true, ..both };
        assert_eq!(became(&[merge(&[8, 7], true), by_merge.clone()]).0, Standing::Reverted);
        assert_eq!(became(&[merge(&[8, 7], true), by_merge, one(30, &reverts(21))]).0, Standing::Partly);
        // Some of the revert is taken back, as its message says.
        let partly = format!("x\n\nThis partially reverts commit {}.", id(20));
        assert_eq!(became(&[merge(&[8, 7], true), one(20, &reverts(90)), one(30, &partly)]).0, Standing::Partly);
    }

    #[test]
    fn who_says_that_they_revert_a_part_of_a_commit_revert_no_whole() {
        let partly = format!("x\n\nThis partially reverts commit {}.", id(1));
        assert_eq!(became(&[one(1, "Add"), one(2, &partly)]), (Standing::Partly, vec![id(1)]));
    }

    #[test]
    fn what_a_message_makes_up_joins_nothing_and_is_counted() {
        let other = Landed { line: 1, ..one(4, "Elsewhere") };
        let mut landed = vec![
            one(0, "Start"),
            // Itself, a later one, one of another ref, one that never landed, one long before, and short ones.
            one(1, &reverts(1)),
            one(2, &reverts(3)),
            one(3, &format!("x\n\nFixes: {}", id(4))),
            one(200, &format!("{}\nFixes: 1234567\nThis reverts commit {}", reverts(777), id(0))),
            other,
        ];
        landed[2].at = -1_000_000 * DAY;
        landed[3].at = i64::MAX;
        let (none, unjoined) = joins(&landed, 90 * DAY);
        assert_eq!(none, []);
        let expected = Unjoined { unknown: 1, own: 1, elsewhere: 2, too_late: 1, short: 1, ..Unjoined::default() };
        assert_eq!(unjoined, expected);
    }

    #[test]
    fn an_abbreviation_that_fits_two_commits_names_neither() {
        let mut landed = vec![one(0, "Add"), one(1, "Add more"), one(2, &reverts(0)[..42])];
        let digits = id(0).to_string()[..8].to_owned();
        landed[2].commits[0].says = Says::of(&format!("x\n\nFixes: {digits}"));
        assert_eq!(found(&landed), [(0, 2, How::FixNamed)]);
        let mut twin = id(0);
        twin.0[19] ^= 1;
        landed[1].commits[0].id = twin;
        let (none, unjoined) = joins(&landed, 90 * DAY);
        assert_eq!((none.len(), unjoined.ambiguous), (0, 1));
    }

    /// What a generated segment does.
    #[derive(Debug, Clone)]
    enum Plant {
        Nothing,
        Reverts(usize),
        Fixes(usize),
        Undoes(usize),
    }

    #[test]
    fn every_planted_join_of_a_generated_history_is_found_and_nothing_else() {
        use proptest::prelude::*;
        let plant = prop_oneof![
            3 => Just(Plant::Nothing),
            1 => any::<usize>().prop_map(Plant::Reverts),
            1 => any::<usize>().prop_map(Plant::Fixes),
            1 => any::<usize>().prop_map(Plant::Undoes),
        ];
        proptest!(ProptestConfig::with_cases(200), |(plants in prop::collection::vec((plant, 0..2usize), 1..40))| {
            let (mut landed, mut expected) = (Vec::<Landed>::new(), Vec::new());
            for (at, (plant, line)) in plants.iter().enumerate() {
                let n = at as u32;
                let plain = |message: &str| {
                    Landed { line: *line, at: 0, ..does(&format!("c{at}"), one(n, message)) }
                };
                // Any earlier one, so also one of the other line, which joins nothing.
                let target = |of: &usize| (at > 0).then(|| of % at);
                let is_here = |of: usize| landed[of].line == *line;
                let next = match plant {
                    Plant::Reverts(of) if at > 0 => {
                        let of = target(of).unwrap();
                        expected.extend(is_here(of).then_some((of, at, How::RevertNamed)));
                        plain(&reverts(of as u32))
                    }
                    Plant::Fixes(of) if at > 0 => {
                        let of = target(of).unwrap();
                        expected.extend(is_here(of).then_some((of, at, How::FixNamed)));
                        plain(&format!("x\n\nFixes: {}", &id(of as u32).to_string()[..10]))
                    }
                    Plant::Undoes(of) if at > 0 => {
                        let of = target(of).unwrap();
                        let (content, inverse) = landed[of].content.unwrap();
                        // The nearest that does the same is the one that is undone.
                        let nearest = (0..at).rev().find(|other| {
                            is_here(*other) && landed[*other].content == Some((content, inverse))
                        });
                        expected.extend(nearest.map(|nearest| (nearest, at, How::RevertContent)));
                        Landed { content: Some((inverse, content)), ..plain("y") }
                    }
                    _ => plain("z"),
                };
                landed.push(next);
            }
            expected.sort();
            prop_assert_eq!(found(&landed), expected);
        });
    }
}
