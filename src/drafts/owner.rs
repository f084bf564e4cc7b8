//! Of which change a draft is. Names change hands: a branch or a remote is renamed and another takes its name, a
//! worktree is made anew for the next task. So a name alone does not give anybody a draft; the commit that it is about
//! has a say.

use std::path::{Path, PathBuf};

use crate::change::{Change, from_hex};
use crate::decision::Draft;

/// A repository, as far as a draft's owner depends on it. Commits are in hex, refs have their full names.
pub trait Refs {
    /// The git directory that its work trees share.
    fn repository(&self) -> &Path;
    /// Where a ref is; none if there is no such ref any more.
    fn tip(&self, name: &str) -> Option<String>;
    /// Whether a commit has another one in its history, or is that.
    fn contains(&self, commit: &str, other: &str) -> bool;
    /// Whether a commit is in what changes land on. Whatever comes later has it in its history, too: that says nothing
    /// of who goes on with it.
    fn has_landed(&self, commit: &str) -> bool;
    /// All branches and review requests.
    fn names(&self) -> Vec<String>;
    /// Whether a ref was at a commit, as far as the repository remembers.
    fn was_at(&self, name: &str, commit: &str) -> bool;
    /// Whether the repository remembers where a ref was. A ref that is made anew has no memory of the one before.
    fn remembers(&self, name: &str) -> bool;
    /// Whether a ref had another name, as far as the repository remembers.
    fn was_named(&self, name: &str, before: &str) -> bool;
    /// The remote with the branch that changes land on.
    fn remote(&self) -> Option<String>;
}

/// The refs that show a change, the one by which its draft is kept first.
pub fn names(change: &Change) -> Vec<String> {
    change.refs.iter().map(|at| at.full.clone()).collect()
}

/// The name by which the draft of a change is kept.
pub(super) fn key(change: &Change) -> &str {
    change.refs.first().map_or(&change.id, |at| &at.full)
}

/// The ref by whose name a draft is kept; of a range the one at its end, if that is a ref.
fn ref_of(draft: &Draft) -> Option<String> {
    if !draft.refs.is_empty() {
        return Some(draft.key().to_owned());
    }
    let end = draft.change.rsplit("..").next().unwrap_or_default();
    if from_hex::<20>(end).is_some() {
        return None;
    }
    Some(if end.starts_with("refs/") || is_worktree_of_range(end) {
        end.to_owned()
    } else {
        format!("refs/heads/{end}")
    })
}

fn is_worktree_of_range(end: &str) -> bool {
    end.ends_with("/HEAD") && (end.starts_with("worktrees/") || end.starts_with("main-worktree/"))
}

/// Whether a draft is of a change: its ref shows the change, and still is of what the draft is about; or that ref is
/// gone, or is of something else by now, and this change is what the draft is about.
pub(super) fn is_of(draft: &Draft, refs: &dyn Refs, change: &Change) -> bool {
    let (name, head) = (draft.key(), change.revision.head.to_string());
    if draft.refs.is_empty() || change.refs.is_empty() {
        return is_of_range(draft, refs, change);
    }
    if change.refs.iter().any(|at| at.full == name) && keeps(draft, refs, name, &head) {
        return true;
    }
    let tip = refs.tip(name);
    let carries_on = |full: &str| {
        let was_shown = draft.refs.iter().any(|name| name == full) && keeps(draft, refs, full, &head);
        let is_later = || goes_on(refs, &head, &draft.head);
        let was_there = || refs.was_at(full, &draft.head) && !refs.has_landed(&draft.head);
        let is_renamed = || refs.was_named(full, name) && (is_later() || was_there());
        let is_next = tip.is_none() && follows(refs.remote().as_deref(), name, full) && (was_shown || is_later());
        is_next || is_renamed()
    };
    let is_near = draft.head == head || change.refs.iter().any(|at| carries_on(&at.full));
    // The ref of somebody else's change keeps its draft.
    is_near && !tip.is_some_and(|tip| keeps(draft, refs, name, &tip))
}

/// A range is what its two ends are called. Under another name it is the same if it is between the same commits.
fn is_of_range(draft: &Draft, refs: &dyn Refs, change: &Change) -> bool {
    if !draft.refs.is_empty() || !change.refs.is_empty() {
        return false;
    }
    let [base, head] = [change.revision.base, change.revision.head].map(|id| id.to_string());
    let is_same = draft.base == base && draft.head == head;
    is_same || draft.change == change.id && keeps_now(draft, refs, Some(&head))
}

/// Whether the ref by which a draft is kept still is of what the draft is about; given where it is, if that is known.
pub(super) fn keeps_now(draft: &Draft, refs: &dyn Refs, tip: Option<&str>) -> bool {
    let Some(name) = ref_of(draft) else { return tip == Some(&draft.head) };
    let tip = tip.map(str::to_owned).or_else(|| refs.tip(&name));
    tip.is_some_and(|tip| keeps(draft, refs, &name, &tip))
}

/// Whether a commit is another one, or goes on with it: what has landed, nobody goes on with.
pub(super) fn goes_on(refs: &dyn Refs, commit: &str, other: &str) -> bool {
    commit == other || refs.contains(commit, other) && !refs.has_landed(other)
}

/// Whether a ref that is at a commit still is of what a draft is about: it goes on from there, or it was there and that
/// has not landed. Without a memory of that, as in a bare repository, it is, unless what the draft is about has a new
/// name.
fn keeps(draft: &Draft, refs: &dyn Refs, name: &str, tip: &str) -> bool {
    if goes_on(refs, tip, &draft.head) {
        return true;
    }
    if refs.has_landed(&draft.head) {
        return false;
    }
    // Agents make worktrees anew for each task, under the same name: where such a one was says nothing.
    if is_worktree(name) {
        return false;
    }
    refs.was_at(name, &draft.head) || !refs.remembers(name) && !is_elsewhere(draft, refs, name)
}

/// Whether a ref that did not show it has what a draft is about now.
fn is_elsewhere(draft: &Draft, refs: &dyn Refs, name: &str) -> bool {
    let is_new = |other: &String| other != name && !draft.refs.contains(other);
    let has_it = |other: &String| {
        let Some(tip) = refs.tip(other) else { return false };
        // What was at a range's end is not known of a range.
        let is_there = !draft.refs.is_empty() && tip == draft.head;
        let had_it = || goes_on(refs, &tip, &draft.head) || refs.was_at(other, &draft.head);
        is_there || refs.was_named(other, name) && had_it()
    };
    refs.names().iter().filter(|other| is_new(other)).any(has_it)
}

fn is_worktree(full: &str) -> bool {
    !full.starts_with("refs/")
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
pub fn adopted<'d>(drafts: &'d [(PathBuf, Draft)], refs: &dyn Refs, change: &Change) -> Option<&'d (PathBuf, Draft)> {
    let found = drafts.iter().filter(|(_, draft)| is_of(draft, refs, change));
    found.min_by_key(|(_, draft)| (draft.key() != key(change), draft.head != change.revision.head.to_string()))
}
