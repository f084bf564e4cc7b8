//! A change of the policy, shown by its meaning: what may newly land, and which open changes flip.

use super::kept::{Answers, Asked};
use super::{RepositorySnapshot, standing};
use crate::change::{Change, ObjectId, visible};
use crate::gate::{Decided, Standing};
use crate::policy::{Direction, Meaning, Policy, meaning};
use crate::source::git::{self, GitError, PolicyState, Repository};

/// What a change of the policy does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    pub meaning: Vec<Meaning>,
    /// Open changes whose verdict it reverses.
    pub flips: Vec<Flip>,
    /// The number of open changes that were examined for this.
    pub open: usize,
    /// Why the new policy cannot be read, if it cannot: nothing would land any more.
    pub refused: Option<String>,
}

/// An open change that may land under only one of the two policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// Id of the change.
    pub change: String,
    pub from: Decided,
    pub to: Decided,
}

impl PolicyChange {
    /// In a few words: `2 of 3 differences loosen it; 14 open changes flip to allow`.
    pub fn headline(&self) -> String {
        if let Some(why) = &self.refused {
            return format!("the new policy cannot be read, so nothing would land: {why}");
        }
        let of = |direction: Direction| self.meaning.iter().filter(|m| m.direction == direction).count();
        let turned = |to: Decided| self.flips.iter().filter(|flip| flip.to == to).count();
        let mut parts = vec![match (self.meaning.len(), of(Direction::Looser), of(Direction::Shifted)) {
            (0, ..) => "it means the same".to_owned(),
            (1, 0, 0) => "1 difference, which does not loosen it".to_owned(),
            (1, 0, _) => "1 difference, which may loosen it".to_owned(),
            (all, 0, 0) => format!("{all} differences, none of which loosens it"),
            (all, 0, shifted) => format!("{all} differences, of which {shifted} may loosen it"),
            (1, ..) => "1 difference, which loosens it".to_owned(),
            (all, 1, _) => format!("1 of {all} differences loosens it"),
            (all, looser, _) => format!("{looser} of {all} differences loosen it"),
        }];
        let (allow, deny) = (turned(Decided::Allow), turned(Decided::Deny));
        parts.extend((allow > 0).then(|| format!("{} to allow", flips(allow))));
        parts.extend((deny > 0).then(|| format!("{} to deny", flips(deny))));
        parts.extend((allow + deny == 0).then(|| format!("no result changes for the open changes ({})", self.open)));
        parts.join("; ")
    }
}

fn flips(n: usize) -> String {
    if n == 1 { "1 open change flips".to_owned() } else { format!("{n} open changes flip") }
}

/// The meaning of replacing the current policy with that of a commit.
pub fn policy_change(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    old: &Policy,
    commit: ObjectId,
    now: i64,
) -> Result<PolicyChange, GitError> {
    let refused = |why: String| PolicyChange { meaning: Vec::new(), flips: Vec::new(), open: 0, refused: Some(why) };
    Ok(match repository.policy_at(commit)? {
        PolicyState::Found(new) => compared(repository, snapshot, old, &new, now)?,
        PolicyState::Absent => refused("the file is gone".to_owned()),
        PolicyState::Invalid(mistakes) => refused(visible::lines(&mistakes.to_string())),
    })
}

/// Compares two policies over all open changes.
pub fn compared(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    old: &Policy,
    new: &Policy,
    now: i64,
) -> Result<PolicyChange, GitError> {
    let (mut flips, mut open) = (Vec::new(), 0);
    for change in repository.changes(0, &snapshot.target)?.changes {
        let [from, to] = judged(repository, snapshot, &change, [old, new], now)?.map(|standing| standing.decided());
        open += 1;
        if from != to {
            flips.push(Flip { change: change.id, from, to });
        }
    }
    Ok(PolicyChange { meaning: meaning(old, new), flips, open, refused: None })
}

/// The verdict on a change under two policies.
fn judged(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    policies: [&Policy; 2],
    now: i64,
) -> Result<[Standing; 2], GitError> {
    let diff = git::diff(repository, change.revision.base_tree, change.revision.head_tree)?;
    let applied = git::applied(repository, &change.revision, &diff)?;
    let step = git::push::landing(change, &diff, repository, applied.ok(), Default::default())?;
    let signs_of_ai = super::provenance_of(repository, snapshot, change).is_ai();
    let asked = Asked::of(repository, snapshot, change, Answers::default(), now);
    let [old, new] = policies.map(|policy| standing(snapshot, policy, change, &step, &asked, signs_of_ai, now));
    Ok([old?, new?])
}
