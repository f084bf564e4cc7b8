//! Known attacks, each with its allowed twin one step apart, and everyday workflows. What is asked about is the last
//! act.

use std::sync::OnceLock;

use crate::history::Act;
use crate::world::Ref::*;
use crate::world::*;

fn commit(id: Id, parents: &[Id], tree: Tree) -> Act {
    Act::Commit { id, parents: parents.to_vec(), tree, is_cut: false }
}

fn cut(id: Id, parents: &[Id], tree: Tree) -> Act {
    Act::Commit { id, parents: parents.to_vec(), tree, is_cut: true }
}

fn approve(of: Ref, base: Id, head: Id) -> Act {
    Act::Approve { of, base, head, stale: false }
}

fn push(of: Ref, new: Id) -> Act {
    Act::Push { moves: vec![(of, Some(new))], landing: 3 }
}

fn both(moves: [(Ref, Id); 2]) -> Act {
    Act::Push { moves: moves.map(|(of, new)| (of, Some(new))).to_vec(), landing: 3 }
}

/// It may land, and does not: another hook refuses it.
fn unlanded(of: Ref, new: Id) -> Act {
    Act::Push { moves: vec![(of, Some(new))], landing: 0 }
}

fn propose(head: Id, method: Method) -> Act {
    Act::Propose { of: Main, head, method }
}

fn merge(head: Id) -> Act {
    propose(head, Method::Merge)
}

fn rebase(head: Id) -> Act {
    propose(head, Method::Rebase)
}

/// A commit is made, approved for a ref, and lands there.
fn land(of: Ref, id: Id, parents: &[Id], tree: Tree) -> Vec<Act> {
    vec![commit(id, parents, tree), approve(of, parents[0], id), push(of, id)]
}

pub struct Attack {
    pub name: &'static str,
    /// The last act of these must be refused.
    pub acts: Vec<Act>,
    /// The last act of these must be allowed.
    pub twin: Vec<Act>,
}

/// The acts of all attacks: random histories begin with some of them.
pub fn attacks() -> &'static [(&'static str, Vec<Act>)] {
    static ACTS: OnceLock<Vec<(&'static str, Vec<Act>)>> = OnceLock::new();
    let all = || table().into_iter().chain(behind());
    ACTS.get_or_init(|| all().map(|attack| (attack.name, attack.acts)).collect())
}

fn attack(name: &'static str, before: &[&[Act]], attack: &[Act], twin: &[Act]) -> Attack {
    let before = before.concat();
    Attack { name, acts: [&before[..], attack].concat(), twin: [&before[..], twin].concat() }
}

/// By whoever may push, propose, and sign what is reviewed.
pub fn table() -> Vec<Attack> {
    let feature = [commit(2, &[1], [1, 1, 2]), approve(Main, 1, 2)];
    let inside = [commit(2, &[1], [1, 1, 3]), commit(3, &[2], [1, 1, 2]), approve(Main, 1, 3)];
    let reverted = [land(Main, 2, &[1], [1, 1, 2]), land(Main, 3, &[2], [1, 1, 0])].concat();
    let empty = [commit(2, &[1], [1, 1, 0]), approve(Main, 1, 2)];
    let two_bases = [
        vec![commit(2, &[], [1, 1, 3]), commit(3, &[1, 2], [1, 1, 0]), approve(Main, 1, 3), push(Main, 3)],
        vec![commit(4, &[2], [1, 1, 3]), commit(5, &[3, 4], [1, 1, 0]), approve(Main, 3, 5), push(Main, 5)],
    ]
    .concat();
    let one_base = [commit(8, &[5], [1, 1, 3]), approve(Main, 5, 8), merge(8)];
    let hotfix = [vec![push(Release, 1)], land(Release, 5, &[1], [1, 1, 2])].concat();
    vec![
        attack(
            "the evil branch is merged as if it were the line, and then a tag is put at it",
            &[],
            &[commit(2, &[0], [1, 3, 0]), commit(3, &[2, 1], [1, 1, 0]), push(Main, 3), push(Tag, 2)],
            &[push(Tag, 1)],
        ),
        attack(
            "a tag is put at a commit inside an approved change",
            &[&inside, &[push(Main, 3)]],
            &[push(Tag, 2)],
            &[push(Tag, 3)],
        ),
        attack(
            "a ref that may be rewritten is set to a commit inside an approved change",
            &[&inside, &[approve(Next, 1, 3), push(Main, 3), push(Next, 3)]],
            &[push(Next, 2)],
            &[push(Next, 1)],
        ),
        attack(
            "a proposal has two merge bases",
            &[&two_bases],
            &[commit(6, &[4, 3], [1, 1, 3]), approve(Main, 4, 6), merge(6)],
            &one_base,
        ),
        attack(
            "a revert is undone on the old approval, behind a merge that has the older tip first",
            &[&reverted],
            &[commit(4, &[1, 3], [1, 1, 0]), push(Main, 4), commit(5, &[4], [1, 1, 2]), push(Main, 5)],
            &[commit(5, &[3], [1, 1, 2]), approve(Main, 3, 5), push(Main, 5)],
        ),
        attack(
            "one approval of an empty merge is a licence for all of them",
            &[&empty],
            &[commit(3, &[], [3, 3, 3]), commit(4, &[1, 3], [1, 1, 0]), push(Main, 4)],
            &[commit(4, &[1, 2], [1, 1, 0]), push(Main, 4)],
        ),
        attack(
            "an approved empty head comes wrapped together with something else",
            &[&empty],
            &[commit(3, &[], [3, 3, 3]), commit(4, &[2, 3], [1, 1, 0]), commit(5, &[1, 4], [1, 1, 0]), push(Main, 5)],
            &[push(Main, 2)],
        ),
        attack(
            "what was let through did not land, its approval is withdrawn, and a tag is put at it",
            &[&feature],
            &[unlanded(Main, 2), Act::Withdraw(0), push(Tag, 2)],
            &[push(Main, 2), push(Tag, 2)],
        ),
        attack(
            "what landed had its approval withdrawn before the gate saw it stand there, and a tag is put at it",
            &[&feature, &[push(Main, 2)]],
            &[Act::Withdraw(0), push(Tag, 2)],
            &[push(Tag, 2)],
        ),
        attack(
            "an open branch is filled, then protected, and a tag is put at it",
            &[&[commit(2, &[1], [1, 1, 3]), push(Late, 2), Act::Protect]],
            &[push(Tag, 2)],
            &[Act::Record(Late), push(Tag, 2)],
        ),
        attack(
            "a rebase takes back what a path became that the proposal touched and restored",
            &[
                &[commit(2, &[1], [1, 2, 0]), commit(3, &[2], [1, 1, 2]), approve(Main, 1, 3)],
                &land(Main, 4, &[1], [1, 2, 0]),
            ],
            &[rebase(3)],
            &[merge(3)],
        ),
        attack(
            "a rebase leaves out the merge that undid a commit",
            &[&[commit(2, &[1], [3, 1, 0]), commit(3, &[1, 2], [1, 1, 0]), approve(Main, 1, 3)]],
            &[rebase(3)],
            &[merge(3)],
        ),
        attack(
            "a rebase leaves out a commit whose twin the target has taken back",
            &[
                &[commit(2, &[1], [1, 1, 2]), commit(3, &[2], [2, 1, 2])],
                &[land(Main, 4, &[1], [1, 1, 2]), land(Main, 5, &[4], [1, 1, 0])].concat(),
                &[approve(Main, 1, 3)],
            ],
            &[rebase(3)],
            &[merge(3)],
        ),
        attack(
            "cut history hides a second merge base",
            &[&two_bases],
            &[cut(6, &[3], [1, 1, 0]), commit(7, &[4, 6], [2, 1, 3]), approve(Main, 4, 7), merge(7)],
            &one_base,
        ),
        attack(
            "a tag and a release branch in one push rest on each other",
            &[&[commit(2, &[1], [1, 1, 3])]],
            &[both([(Tag, 2), (Release, 2)])],
            &[both([(Tag, 1), (Release, 1)])],
        ),
        attack(
            "a merge that nobody signed, inside an approved change, drops the hotfix that it merges",
            &[&hotfix, &[commit(6, &[1, 5], [1, 1, 0]), commit(7, &[6], [2, 1, 0]), commit(8, &[1], [2, 1, 0])]],
            &[approve(Main, 1, 8), push(Main, 7)],
            &[approve(Main, 1, 7), push(Main, 7)],
        ),
        attack(
            "a merge back of what is there already makes approvals of the tip worthless",
            &[&land(Main, 2, &[1], [1, 1, 2]), &[commit(3, &[2, 1], [1, 1, 2])]],
            &[push(Main, 3)],
            &[approve(Main, 2, 3), push(Main, 3)],
        ),
        attack(
            "two steps that change nothing, which nobody signed, come together",
            &[&[commit(2, &[], [3, 3, 3]), commit(3, &[1, 2], [1, 1, 0]), commit(4, &[3], [1, 1, 0])]],
            &[push(Main, 4)],
            &[approve(Main, 1, 3), approve(Main, 1, 4), push(Main, 4)],
        ),
        attack(
            "the head of an empty proposal merges a state, on top of what nobody signed",
            &[&[push(Release, 1)], &land(Release, 5, &[1], [1, 1, 0]), &[commit(7, &[1], [3, 1, 0])]],
            &[commit(8, &[7, 5], [1, 1, 0]), merge(8)],
            &[commit(8, &[7, 5], [1, 1, 0]), approve(Main, 1, 8), merge(8)],
        ),
        attack(
            "the head of an empty proposal wraps the head that was approved",
            &[&empty],
            &[commit(3, &[1, 2], [1, 1, 0]), merge(3)],
            &[merge(2)],
        ),
        attack(
            "a host that squashes lands another empty commit than the one that was approved",
            &[&empty],
            &[propose(2, Method::Squash)],
            &[merge(2)],
        ),
        attack(
            "an approval of nothing, where the policy binds exactly, lands on another tip",
            &[&[Act::Bind(Binding::Exact)], &empty],
            &[land(Main, 3, &[1], [2, 1, 0]), vec![commit(4, &[3, 2], [2, 1, 0]), push(Main, 4)]].concat(),
            &[push(Main, 2)],
        ),
        attack(
            "the head of a proposal merges three at once",
            &[&[commit(2, &[1], [1, 1, 2]), commit(3, &[1], [1, 2, 0])]],
            &[commit(4, &[1, 2, 3], [1, 2, 2]), approve(Main, 1, 4), merge(4)],
            &[commit(4, &[1, 2], [1, 1, 2]), commit(5, &[4, 3], [1, 2, 2]), approve(Main, 1, 5), merge(5)],
        ),
        attack(
            "an empty step was approved on a tip that is not on the line",
            &[&[commit(2, &[0], [1, 1, 0]), commit(3, &[1], [1, 1, 0])]],
            &[approve(Release, 2, 3), push(Release, 3)],
            &[approve(Release, 1, 3), push(Release, 3)],
        ),
    ]
}

/// By somebody for whom an administrator moves refs behind the gate.
pub fn behind() -> Vec<Attack> {
    let reverted = [land(Main, 2, &[1], [1, 1, 2]), land(Main, 3, &[2], [1, 1, 0])].concat();
    // The gate sees that it landed when it is asked the next time.
    let seen = [land(Main, 2, &[1], [1, 1, 2]), vec![push(Tag, 2)]].concat();
    let steps = [commit(2, &[1], [1, 1, 3]), commit(3, &[2], [1, 1, 2])];
    let next = [commit(5, &[4], [1, 2, 2]), approve(Main, 4, 5), push(Main, 5)];
    let back = [
        vec![commit(7, &[1, 6], [1, 1, 2]), Act::Behind(Main, 7), Act::Record(Main)],
        vec![commit(8, &[7, 5], [1, 1, 2]), push(Main, 8)],
    ]
    .concat();
    vec![
        attack(
            "a revert is undone behind the gate, and judged from below it would look as if it had rested",
            &[&reverted, &[push(Tag, 3), commit(4, &[3], [1, 1, 2]), Act::Behind(Main, 4)]],
            &next,
            &[&[Act::Record(Main)], &next[..]].concat(),
        ),
        attack(
            "what was put there behind the gate is never approved, only what it becomes later",
            &[&steps],
            &[approve(Main, 1, 3), Act::Behind(Main, 2), push(Main, 3)],
            &[approve(Main, 1, 2), Act::Behind(Main, 2), approve(Main, 2, 3), push(Main, 3)],
        ),
        attack(
            "a ref is set behind the gate to what was approved for another ref alone",
            &[&land(Next, 2, &[1], [1, 1, 2]), &[Act::Behind(Main, 2)]],
            &land(Main, 3, &[2], [1, 2, 2]),
            &[vec![Act::Record(Main)], land(Main, 3, &[2], [1, 2, 2])].concat(),
        ),
        attack(
            "a ref is taken back behind the gate, and goes on from there as if nothing had been",
            &[&seen, &[Act::Behind(Main, 1)]],
            &land(Main, 3, &[1], [2, 1, 0]),
            &[vec![Act::Record(Main)], land(Main, 3, &[1], [2, 1, 0])].concat(),
        ),
        attack(
            "a ref is taken back behind the gate, to a line beside that looks approved to a gate asked after the fact",
            &[&reverted, &[push(Tag, 3), commit(4, &[1, 3], [1, 1, 0]), Act::Behind(Main, 4), merge(0)]],
            &[commit(5, &[4], [1, 1, 2]), push(Main, 5)],
            &[Act::Record(Main), commit(5, &[4], [1, 1, 2]), approve(Main, 4, 5), push(Main, 5)],
        ),
        attack(
            "a ref is set behind the gate to what was let through once and did not land, off the line that it showed",
            &[
                &[commit(2, &[1], [1, 1, 2]), approve(Main, 1, 2), unlanded(Main, 2)],
                &land(Main, 3, &[1], [2, 1, 0]),
                &[push(Tag, 3), Act::Behind(Main, 2)],
            ],
            &land(Main, 4, &[2], [1, 2, 2]),
            &[vec![Act::Record(Main)], land(Main, 4, &[2], [1, 2, 2])].concat(),
        ),
        attack(
            "history that is cut beside a merge back may hide another merge base",
            &[&[push(Release, 1)], &land(Release, 5, &[1], [1, 1, 2])],
            &[&[cut(6, &[0], [1, 1, 0])], &back[..]].concat(),
            &[&[commit(6, &[0], [1, 1, 0])], &back[..]].concat(),
        ),
        attack(
            "a proposal is to land on a tip that was put there behind the gate",
            &[&[commit(2, &[1], [3, 1, 0]), Act::Behind(Main, 2)]],
            &[commit(3, &[1], [1, 1, 2]), approve(Main, 1, 3), merge(3)],
            &[commit(3, &[1], [1, 1, 2]), approve(Main, 1, 3), Act::Record(Main), merge(3)],
        ),
    ]
}

/// What people do every day: whether the last act is allowed.
pub fn workflows() -> Vec<(&'static str, bool, Vec<Act>)> {
    let feature = [commit(2, &[1], [1, 1, 2]), approve(Main, 1, 2)];
    let two = [commit(2, &[1], [1, 1, 3]), commit(3, &[2], [1, 1, 2]), approve(Main, 1, 3)];
    let moved = land(Main, 8, &[1], [2, 1, 0]);
    let other = [commit(3, &[1], [1, 3, 0]), approve(Main, 1, 3)];
    let hotfix = [vec![push(Release, 1)], land(Release, 5, &[1], [1, 1, 2])].concat();
    let landed = [&feature[..], &[push(Main, 2)]].concat();
    let reverted = [&landed[..], &land(Main, 4, &[2], [1, 1, 0])].concat();
    let updated = [&feature[..], &moved, &[commit(4, &[2, 8], [2, 1, 2])]].concat();
    let trees = [[1, 2, 0], [1, 3, 0], [1, 3, 1], [1, 2, 1], [1, 1, 1], [1, 1, 2], [1, 2, 2], [1, 3, 2]];
    let nine = trees.iter().enumerate().flat_map(|(at, tree)| land(Main, at + 2, &[at + 1], *tree)).collect::<Vec<_>>();
    let from = |base| [commit(10, &[9], [2, 2, 3]), approve(Release, base, 10), push(Release, 10)];
    let late = [&feature[..], &[push(Late, 2), Act::Protect, commit(3, &[2], [1, 2, 2]), approve(Late, 2, 3)]].concat();
    let ways = [
        vec![commit(2, &[1], [1, 1, 1]), commit(3, &[2], [1, 2, 0]), commit(4, &[3], [2, 2, 1])],
        vec![approve(Main, 1, 2), approve(Main, 2, 4), approve(Main, 1, 3), push(Main, 4)],
    ]
    .concat();
    let row = |name, is_allowed, parts: &[&[Act]]| (name, is_allowed, parts.concat());
    let merged = |parents: &[Id], tree| vec![commit(4, parents, tree), push(Main, 4)];
    vec![
        row("merge commit by the host", true, &[&feature, &merged(&[1, 2], [1, 1, 2])]),
        row("merge commit, main moved meanwhile", true, &[&feature, &moved, &merged(&[8, 2], [2, 1, 2])]),
        row("evil merge", false, &[&feature, &merged(&[1, 2], [1, 3, 2])]),
        row("squash", true, &[&two, &merged(&[1], [1, 1, 2])]),
        row(
            "rebase of two commits, main moved",
            true,
            &[&two, &moved, &[commit(4, &[8], [2, 1, 3]), commit(5, &[4], [2, 1, 2]), push(Main, 5)]],
        ),
        row("fast-forward", true, &[&two, &[push(Main, 3)]]),
        row(
            "semi-linear: rebased, then a merge commit",
            true,
            &[&feature, &moved, &[commit(4, &[8], [2, 1, 2]), commit(5, &[8, 4], [2, 1, 2]), push(Main, 5)]],
        ),
        row(
            "merge queue: two changes in one push",
            true,
            &[&feature, &other, &[commit(4, &[1, 2], [1, 1, 2]), commit(5, &[4, 3], [1, 3, 2]), push(Main, 5)]],
        ),
        row("a queue that joins a batch in one octopus", false, &[&feature, &other, &merged(&[1, 2, 3], [1, 3, 2])]),
        row("branch updated, then a merge commit", true, &[&updated, &[commit(5, &[8, 4], [2, 1, 2]), push(Main, 5)]]),
        row("branch updated, then a fast-forward", false, &[&updated, &[push(Main, 4)]]),
        row("branch updated, then squashed", true, &[&updated, &[commit(5, &[8], [2, 1, 2]), push(Main, 5)]]),
        row("a new release branch at main's tip", true, &[&[push(Release, 1)]]),
        row("a new release branch at an older tip", true, &[&landed, &[push(Release, 1)]]),
        row("a tag at main's tip", true, &[&landed, &[push(Tag, 2)]]),
        row("main and a tag in one push", true, &[&feature, &[both([(Main, 2), (Tag, 2)])]]),
        row("a tag at an older tip", true, &[&landed, &land(Main, 4, &[2], [1, 2, 2]), &[push(Tag, 2)]]),
        row(
            "a tag at the end of a segment inside one push",
            true,
            &[&feature, &land(Main, 4, &[2], [1, 2, 2]), &[push(Tag, 2)]],
        ),
        row("a tag at a commit inside an approved change", false, &[&two, &[push(Main, 3), push(Tag, 2)]]),
        row("the same, approved for the tag", true, &[&two, &[push(Main, 3), approve(Tag, 1, 2), push(Tag, 2)]]),
        row(
            "a backport by cherry-pick, approved for release",
            true,
            &[&[push(Release, 1)], &landed, &land(Release, 5, &[1], [1, 1, 2])],
        ),
        row(
            "a backport by cherry-pick, approved for main alone",
            false,
            &[&[push(Release, 1)], &landed, &[commit(5, &[1], [1, 1, 2]), push(Release, 5)]],
        ),
        row("a tag on a release branch that has a backport", true, &[&hotfix, &[push(Tag, 5)]]),
        row("a branch off a release branch that has a backport", true, &[&hotfix, &[push(Next, 5)]]),
        row(
            "a hotfix on release, merged to main",
            true,
            &[&hotfix, &[commit(6, &[1, 5], [1, 1, 2]), approve(Main, 1, 5), push(Main, 6)]],
        ),
        row(
            "a hotfix that main has already, merged back empty",
            true,
            &[&hotfix, &land(Main, 6, &[1], [1, 1, 2]), &[commit(7, &[6, 5], [1, 1, 2]), push(Main, 7)]],
        ),
        row("a merge back that drops the hotfix", false, &[&hotfix, &[commit(6, &[1, 5], [1, 1, 0]), push(Main, 6)]]),
        row("a revert by the host's button, unsigned", false, &[&landed, &merged(&[2], [1, 1, 0])]),
        row("a revert, approved", true, &[&reverted]),
        row(
            "a revert of the revert, on the old approval",
            false,
            &[&reverted, &[commit(5, &[4], [1, 1, 2]), push(Main, 5)]],
        ),
        row("a revert of the revert, approved again", true, &[&reverted, &land(Main, 5, &[4], [1, 1, 2])]),
        row("an empty commit, unsigned", false, &[&[commit(2, &[1], [1, 1, 0]), push(Main, 2)]]),
        row("an empty commit, approved by its id", true, &[&land(Main, 2, &[1], [1, 1, 0])]),
        row(
            "an empty commit at the end of an approved change",
            true,
            &[&feature, &[commit(3, &[2], [1, 1, 2]), push(Main, 3)]],
        ),
        row(
            "a force push of next onto main, its own commit approved",
            true,
            &[&landed, &land(Next, 4, &[2], [1, 2, 2])],
        ),
        row(
            "deletion of next, and recreation at main's tip",
            true,
            &[&[Act::Push { moves: vec![(Next, None)], landing: 3 }, push(Next, 1)]],
        ),
        row("a release branch from eight states down", true, &[&nine, &from(2)]),
        row("a release branch from nine states down", false, &[&nine, &from(1)]),
        row(
            "a branch that is protected since now, built on what lands beside it",
            false,
            &[&late, &[both([(Main, 2), (Late, 3)])]],
        ),
        row("the same, one after the other", true, &[&late, &[push(Main, 2), push(Late, 3)]]),
        row("a tag at an end of the way on which a push was let through", true, &[&ways, &[push(Tag, 2)]]),
        row("a tag at an end of another way on which it could have been", false, &[&ways, &[push(Tag, 3)]]),
        row("an unrelated history for a new branch", false, &[&[commit(2, &[], [1, 1, 0]), push(Release, 2)]]),
    ]
}
