//! Which branches propose something to the target. A proposal is a ref, not a name: forks have branches of the same
//! name, and a local branch may differ from the server's. Refs of one name at the same commit are one proposal, and so
//! is a mere local copy.
//!
//! A fetched review request is a proposal by its number, whatever happens to its branch: a branch at the same commit is
//! the same proposal. The plain name belongs to the remote with the target, or else to the only remote that has it;
//! other proposals are distinguished by their remote, local work by `heads/`, as in git itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use git2::BranchType;

use super::ancestry::{Ancestry, Divergence};
use super::landed::Landed;
use super::shared::{Shared, Straight};
use super::worktrees::Detached;
use super::{GitError, Repository, TargetBranch, object_id, oid};
use unicode_normalization::UnicodeNormalization as _;

use crate::change::address::Remote;
use crate::change::references::{Reference, References};
use crate::change::request::{REQUESTS, Request};
use crate::change::{BranchRef, Change, ObjectId, Revision, counted, visible};
use crate::record::ChainId;
use crate::risk::masked;

/// The least length of an abbreviated commit id.
const MIN_PREFIX: usize = 4;
/// The least length at which git itself abbreviates a commit id; a shorter text is rather a number or a word.
const SHORT: usize = 7;
/// How exact the match by a prefix of a commit id is.
const COMMIT: u8 = 3;
/// Those that are not names but stand for one, if they stand for no other.
const IN_ANY_CASE: u8 = 4;
const LOOSEST: u8 = 5;
/// The most candidates listed if a name is ambiguous.
const MAX_CANDIDATES: usize = 8;

/// The pending changes of a repository, and the branches that cannot be compared: a row each, so that one does not hide
/// the others.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    pub changes: Vec<Change>,
    pub broken: Vec<Broken>,
}

/// A branch that cannot be compared with the target.
#[derive(Debug, Clone)]
pub struct Broken {
    /// As [`Change::id`].
    pub id: String,
    pub refs: Vec<BranchRef>,
    pub tip: Option<ObjectId>,
    pub why: GitError,
}

/// What somebody means by a name.
#[derive(Debug, Clone)]
pub enum Resolved<'p> {
    Change(&'p Change),
    Broken(&'p Broken),
}

/// Refs that point to the same commit.
struct Proposal {
    /// Its unique part, after the repository's name.
    id: String,
    name: String,
    /// The one that names it comes first.
    refs: Vec<BranchRef>,
    tip: Result<ObjectId, GitError>,
    stands: Option<String>,
}

/// A ref and where it points.
type At = (BranchRef, Result<ObjectId, GitError>);

impl Repository {
    /// The changes pending for a target: branches, local and remote-tracking, that are not merged into it and have not
    /// landed in another way. `repository` is this repository's position in the desk.
    pub fn changes(&self, repository: usize, target: &TargetBranch) -> Result<Pending, GitError> {
        let mut pending = Pending::default();
        let shared = &mut Shared::of(self);
        for proposal in self.proposals(target, &mut shared.ancestry)? {
            match self.change(repository, &proposal, target, shared) {
                Ok(change) => pending.changes.extend(change),
                Err(why) => {
                    // In a linked worktree, git2 does not know where the history is cut.
                    let is_cut = matches!(why, GitError::Missing(_)) && self.is_shallow();
                    let why = if is_cut { GitError::Cut } else { why };
                    let id = format!("{}:{}", self.name, proposal.id);
                    pending.broken.push(Broken { id, refs: proposal.refs, tip: proposal.tip.ok(), why });
                }
            }
        }
        self.stack(&mut pending.changes)?;
        // What a stacked one says about others is what its own commits say.
        for change in &mut pending.changes {
            let at = change.refs.first().and_then(|at| self.reference_of(at));
            change.references = References::of(&change.revision.commits, at);
        }
        pending.broken.extend(self.unfetched());
        Ok(pending)
    }

    /// Whether a text may mean something that is pending. Only names are read: whether a branch has landed takes long.
    pub fn may_mean(&self, text: &str, target: &TargetBranch) -> Result<bool, GitError> {
        let row = |proposal: Proposal| {
            let id = format!("{}:{}", self.name, proposal.id);
            Broken { id, refs: proposal.refs, tip: proposal.tip.ok(), why: GitError::Cut }
        };
        let rows = self.proposals(target, &mut Shared::of(self).ancestry)?.into_iter().map(row);
        let all = Pending { changes: Vec::new(), broken: rows.chain(self.unfetched()).collect() };
        let ends_there = |commit| !all.ending_with(commit).is_empty();
        Ok(!all.called(text).1.is_empty() || self.named(text).is_some_and(ends_there))
    }

    /// The row of branches that were not fetched.
    fn unfetched(&self) -> Option<Broken> {
        let why = self.narrow_home()?;
        let id = format!("{}:{}/*", self.name, self.home().unwrap_or_default());
        Some(Broken { id, refs: Vec::new(), tip: None, why })
    }

    /// The change that a branch proposes to the target; none if it is merged or has landed.
    fn change(
        &self,
        repository: usize,
        proposal: &Proposal,
        target: &TargetBranch,
        shared: &mut Shared<'_>,
    ) -> Result<Option<Change>, GitError> {
        let tip = proposal.tip.clone()?;
        let Some(revision) = self.proposed(tip, target, shared)? else { return Ok(None) };
        let landed = match self.landed(&revision)? {
            Landed::All => return Ok(None),
            Landed::First(commits) => Some(in_part(commits, &revision)),
            Landed::Reverted(by) => Some(format!("it landed, and was reverted in {}", by.short())),
            Landed::No if revision.base_tree == revision.head_tree => Some(to_nothing(&revision)),
            Landed::No => None,
        };
        let Some(first) = proposal.refs.first() else { return Ok(None) };
        // It opens the change, so it is shown as it is.
        let has_secret = masked(&first.branch) != first.branch;
        let secret = has_secret.then(|| "its name looks as if it held a secret".to_owned());
        Ok(Some(Change {
            id: format!("{}:{}", self.name, proposal.id),
            repository,
            branch: first.branch.clone(),
            name: proposal.name.clone(),
            refs: proposal.refs.clone(),
            stands: proposal.stands.iter().cloned().chain(landed).chain(secret).collect(),
            title: masked(revision.title().unwrap_or(&first.branch)),
            target: target.name.clone(),
            below: None,
            references: References::default(),
            revision,
        }))
    }

    /// What others call the review request of a ref; none if it is not one, or no host is in its remote's address.
    fn reference_of(&self, at: &BranchRef) -> Option<Reference> {
        let number = at.request()?.number;
        let remote = self.raw.find_remote(at.remote.as_deref()?).ok()?;
        Some(Reference::at(&Remote::of(remote.url().ok()?)?, number))
    }

    /// What a branch has beyond the target; none if the target contains the branch.
    ///
    /// # Errors
    /// There is no one commit from which branch and target diverged, or it cannot be determined for certain.
    fn proposed(
        &self,
        tip: ObjectId,
        target: &TargetBranch,
        shared: &mut Shared<'_>,
    ) -> Result<Option<Revision>, GitError> {
        if let Some(found) = self.straight(tip, target.tip, shared)? {
            return self.found(tip, target, found, shared);
        }
        let Divergence { bases, ahead } = shared.ancestry.divergence(tip, target.tip)?;
        if bases.contains(&tip) {
            return Ok(None);
        }
        if self.is_cut_beside(&bases, [tip, target.tip])? {
            return Err(GitError::Cut);
        }
        let short = || self.short_target(target).to_string();
        let base = match bases[..] {
            [] => return Err(GitError::Unrelated(short())),
            [base] => base,
            _ => return Err(GitError::Crossed(short(), bases.len())),
        };
        let commits = self.commits_of_change(ahead, |id| shared.commit(id))?;
        self.found(tip, target, Straight { base, commits }, shared)
    }

    /// Remembers what a branch has beyond the target, for those on top of it.
    fn found(
        &self,
        tip: ObjectId,
        target: &TargetBranch,
        found: Straight,
        shared: &mut Shared<'_>,
    ) -> Result<Option<Revision>, GitError> {
        if found.commits.is_empty() {
            return Ok(None);
        }
        shared.found(tip, &found);
        self.revision_of(found.base, tip, target.tip, found.commits).map(Some)
    }

    /// The short name of the target here: `origin/main`, `main`.
    fn short_target(&self, target: &TargetBranch) -> String {
        let full = self.target_ref(&target.name);
        full.strip_prefix("refs/remotes/").unwrap_or(target.short()).to_owned()
    }

    /// The best common ancestors of two commits.
    pub fn bases(&self, a: ObjectId, b: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        Ancestry::of(self).bases(a, b)
    }

    /// Whether a shallow clone lacks parents of a commit that either side contains and no base does: another base may
    /// be there.
    fn is_cut_beside(&self, bases: &[ObjectId], sides: [ObjectId; 2]) -> Result<bool, GitError> {
        if !self.is_shallow() {
            return Ok(false);
        }
        let cut = self.cut_commits()?;
        let mut walk = self.raw.revwalk()?;
        for side in sides {
            walk.push(oid(side))?;
        }
        for base in bases {
            walk.hide(oid(*base))?;
        }
        for id in walk {
            self.deadline.check()?;
            if cut.contains(&object_id(id?)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All branches except the symbolic HEAD of a remote, and except those with chains of records, which are for hosts
    /// that accept no other refs.
    pub(super) fn branch_refs(&self) -> Result<Vec<At>, GitError> {
        let remotes = self.remotes();
        let mut found = Vec::new();
        for branch in self.raw.branches(None)? {
            let (branch, kind) = branch?;
            let reference = branch.get();
            let full = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            let Some(at) = branch_ref(full, kind, &remotes) else { continue };
            if at.branch == "HEAD" || is_chain(&at.branch) {
                continue;
            }
            let tip = reference.peel_to_commit().map(|commit| object_id(commit.id()));
            let tip = tip.map_err(|_| GitError::Dangling(visible::text(&at.full).into_owned()));
            found.push((at, tip));
        }
        found.extend(self.requests(&remotes)?);
        let broken = self.unreadable(&found, &remotes);
        found.extend(broken);
        Ok(found)
    }

    /// Branches whose files hold no commit id: they are left out where all are listed.
    fn unreadable(&self, known: &[At], remotes: &BTreeSet<String>) -> Vec<At> {
        let known: HashSet<&str> = known.iter().map(|(at, _)| at.full.as_str()).collect();
        let of = |folder: &str, kind: BranchType| {
            let names = self.unreadable_refs(folder, |name| known.contains(name));
            names.into_iter().filter_map(move |full| branch_ref(full, kind, remotes))
        };
        let all = of("refs/heads", BranchType::Local).chain(of("refs/remotes", BranchType::Remote));
        let branches = all.filter(|at| at.branch != "HEAD" && !is_chain(&at.branch));
        let why = |at: &BranchRef| Err(GitError::Unreadable(visible::text(&at.full).into_owned()));
        branches.map(|at| (at.clone(), why(&at))).collect()
    }

    /// The review requests that were fetched.
    fn requests(&self, remotes: &BTreeSet<String>) -> Result<Vec<At>, GitError> {
        let mut found = Vec::new();
        for reference in self.raw.references_glob(&format!("{REQUESTS}*"))? {
            let reference = reference?;
            let full = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            let rest = full.strip_prefix(REQUESTS).unwrap_or_default();
            let Some((remote, branch)) = of_remote(rest, remotes) else { continue };
            if Request::named(&branch).is_none() {
                continue;
            }
            let tip = reference.peel_to_commit().map(|commit| object_id(commit.id()));
            let tip = tip.map_err(|_| GitError::Dangling(visible::text(&full).into_owned()));
            found.push((BranchRef { full, remote: Some(remote), branch }, tip));
        }
        Ok(found)
    }

    /// The refs that may propose something, grouped by commit, each group with a unique name.
    fn proposals(&self, target: &TargetBranch, ancestry: &mut Ancestry<'_>) -> Result<Vec<Proposal>, GitError> {
        let own = self.target_ref(&target.name);
        let home = self.home();
        let mut all = self.branch_refs()?;
        let tips: Vec<ObjectId> = all.iter().filter_map(|(_, tip)| tip.clone().ok()).collect();
        let detached = self.detached(&tips);
        all.extend(detached.iter().map(|worktree| (worktree.at.clone(), Ok(worktree.tip))));
        let holders = Holders::of(&all, home.as_deref(), target);
        let followers = self.followers();
        let by_name: HashMap<&str, &At> = all.iter().map(|held| (held.0.full.as_str(), held)).collect();
        let (mut refs, mut stands) = (Vec::new(), BTreeMap::new());
        for (at, tip) in &all {
            let followed = self.followed(at, &followers).and_then(|name| by_name.get(name.as_str()).copied());
            // Branches often follow the one from which they were made: that a target has more or less says nothing.
            let followed = followed.filter(|(other, _)| other.full != own);
            let counterpart = followed.or_else(|| holders.counterpart(at));
            match self.beside((at, tip), counterpart, &followers, ancestry) {
                Beside::Behind => continue,
                Beside::Stands(words) => _ = stands.insert(at.full.clone(), words),
                Beside::Alone => {}
            }
            refs.push((at.clone(), tip.clone()));
        }
        let holders = Holders::of(&refs, home.as_deref(), target);
        let proposes = |(at, tip): &&At| at.full != own && tip.as_ref() != Ok(&target.tip);
        let mut proposals = together(refs.iter().filter(proposes), home.as_deref());
        for proposal in &mut proposals {
            proposal.stands = proposal.refs.first().and_then(|at| stands.remove(&at.full));
        }
        name(&mut proposals, &holders);
        for proposal in &mut proposals {
            if let Some(at) = proposal.refs.first().filter(|at| holders.is_like_remote(at)) {
                let only_here = || format!("only here: {} is a branch of this repository, of no remote", at.full);
                proposal.stands.get_or_insert_with(only_here);
            }
            let is_it = |worktree: &&Detached| proposal.refs.first() == Some(&worktree.at);
            if let Some(worktree) = detached.iter().find(is_it) {
                (proposal.name, proposal.stands) = (worktree.name(), Some(worktree.stands()));
            }
        }
        Ok(proposals)
    }

    /// How a local branch relates to its counterpart.
    fn beside(
        &self,
        (at, tip): (&BranchRef, &Result<ObjectId, GitError>),
        counterpart: Option<&At>,
        followers: &BTreeSet<String>,
        ancestry: &mut Ancestry<'_>,
    ) -> Beside {
        let (None, Ok(tip), Some((other, Ok(there)))) = (&at.remote, tip, counterpart) else {
            return self
                .lost(at, followers)
                .map_or(Beside::Alone, |upstream| Beside::Stands(format!("{upstream} is gone")));
        };
        if there == tip {
            return Beside::Alone;
        }
        let other = other.short();
        let mut beyond = |one: ObjectId, there| ancestry.beyond(&[there], one).map(|commits| commits.len());
        let (Ok(ahead), Ok(behind)) = (beyond(*tip, *there), beyond(*there, *tip)) else { return Beside::Alone };
        match (ahead, behind) {
            (0, _) => Beside::Behind,
            (ahead, 0) => Beside::Stands(format!("local is {ahead} ahead of {other}")),
            (ahead, behind) => Beside::Stands(format!("local is {ahead} ahead of and {behind} behind {other}")),
        }
    }

    /// The local branches that follow another one, by full name: git's settings are read once, not for each of
    /// thousands of branches.
    fn followers(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let Ok(config) = self.raw.config() else { return found };
        let Ok(entries) = config.entries(Some(r"^branch\..*\.merge$")) else { return found };
        // The name between keeps its letter case. What is not text is not a valid name of a branch that is listed.
        _ = entries.for_each(|entry| {
            let branch = entry.name().ok().and_then(|name| name.strip_prefix("branch.")?.strip_suffix(".merge"));
            found.extend(branch.map(|branch| format!("refs/heads/{branch}")));
        });
        found
    }

    /// The branch of a remote that a local one follows, according to its configuration, by full name.
    fn followed(&self, at: &BranchRef, followers: &BTreeSet<String>) -> Option<String> {
        let is_one = at.remote.is_none() && followers.contains(&at.full);
        let upstream = is_one.then(|| self.raw.branch_upstream_name(&at.full).ok())??;
        let upstream = std::str::from_utf8(&upstream).ok()?;
        upstream.starts_with("refs/remotes/").then(|| upstream.to_owned())
    }

    /// The same, if it is there no more: without the beginning of its name.
    fn lost(&self, at: &BranchRef, followers: &BTreeSet<String>) -> Option<String> {
        let upstream = self.followed(at, followers)?;
        let short = upstream.strip_prefix("refs/remotes/")?;
        self.tip(&upstream).is_none().then(|| short.to_owned())
    }
}

enum Beside {
    /// The counterpart contains all of it: it proposes nothing by itself.
    Behind,
    Stands(String),
    Alone,
}

/// Whether a branch can only be a chain of records: `undersign/decisions/KEY/CHAIN`.
fn is_chain(branch: &str) -> bool {
    branch.strip_prefix("undersign/decisions/").is_some_and(|id| id.parse::<ChainId>().is_ok())
}

fn branch_ref(full: String, kind: BranchType, remotes: &BTreeSet<String>) -> Option<BranchRef> {
    if kind == BranchType::Local {
        let branch = full.strip_prefix("refs/heads/")?.to_owned();
        return Some(BranchRef { full, remote: None, branch });
    }
    let (remote, branch) = of_remote(full.strip_prefix("refs/remotes/")?, remotes)?;
    Some(BranchRef { full, remote: Some(remote), branch })
}

/// The remote, and the rest of a name. The name of a remote may contain slashes.
fn of_remote(name: &str, remotes: &BTreeSet<String>) -> Option<(String, String)> {
    let named = |remote: &&String| name.strip_prefix(remote.as_str()).is_some_and(|after| after.starts_with('/'));
    let known = remotes.iter().filter(named).max_by_key(|remote| remote.len());
    let remote = known.map_or_else(|| name.split('/').next().unwrap_or_default(), String::as_str).to_owned();
    let rest = name.get(remote.len() + 1..)?.to_owned();
    Some((remote, rest))
}

/// The order of refs at the same commit: review requests by number, the remote with the target, other remotes, local
/// branches. Of two requests with the same number, the one from a fork does not come first.
fn rank<'a>(at: &'a BranchRef, home: Option<&str>) -> (u8, Option<Request>, bool, &'a BranchRef) {
    let request = at.request();
    let rank = match &at.remote {
        _ if request.is_some() => 0,
        Some(remote) if Some(remote.as_str()) == home => 1,
        Some(_) => 2,
        None => 3,
    };
    (rank, request, at.remote.as_deref() != home, at)
}

fn together<'a>(refs: impl Iterator<Item = &'a At>, home: Option<&str>) -> Vec<Proposal> {
    let mut by_tip: BTreeMap<ObjectId, Vec<BranchRef>> = BTreeMap::new();
    let mut proposals = Vec::new();
    let proposal = |refs, tip| Proposal { id: String::new(), name: String::new(), refs, tip, stands: None };
    for (at, tip) in refs {
        match tip {
            Ok(tip) => by_tip.entry(*tip).or_default().push(at.clone()),
            Err(why) => proposals.push(proposal(vec![at.clone()], Err(why.clone()))),
        }
    }
    for (tip, mut refs) in by_tip {
        refs.sort_by(|a, b| rank(a, home).cmp(&rank(b, home)));
        proposals.extend(rows(refs).into_iter().map(|refs| proposal(refs, Ok(tip))));
    }
    proposals
}

/// Groups refs at one commit, sorted, into rows: one for each name, since another name must not inherit the marks of
/// the first. A local copy is in the row of its original, whatever its name, and a branch in that of its review
/// request.
fn rows(refs: Vec<BranchRef>) -> Vec<Vec<BranchRef>> {
    let mut rows: Vec<Vec<BranchRef>> = Vec::new();
    for at in refs {
        let same = rows.iter().position(|row| row[0].branch == at.branch);
        let stands_for = |first: &BranchRef| match at.request() {
            Some(_) => false,
            None => first.request().is_some() || (at.remote.is_none() && first.remote.is_some()),
        };
        match same.or_else(|| rows.iter().position(|row| stands_for(&row[0]))) {
            Some(row) => rows[row].push(at),
            None => rows.push(vec![at]),
        }
    }
    rows
}

/// Who has branches of a name.
struct Holders<'a> {
    home: Option<&'a str>,
    by_branch: BTreeMap<&'a str, Vec<&'a At>>,
    /// The names of those that have branches.
    remotes: BTreeSet<&'a str>,
    /// The branch that is the target: no other ref gets its plain name.
    target: &'a str,
}

impl<'a> Holders<'a> {
    fn of(refs: &'a [At], home: Option<&'a str>, target: &'a TargetBranch) -> Holders<'a> {
        let mut by_branch: BTreeMap<&str, Vec<&At>> = BTreeMap::new();
        for held in refs {
            by_branch.entry(&held.0.branch).or_default().push(held);
        }
        let remotes = refs.iter().filter_map(|(at, _)| at.remote.as_deref()).collect();
        Holders { home, by_branch, remotes, target: target.short() }
    }

    fn remotes(&self, branch: &str) -> impl Iterator<Item = &'a At> {
        self.by_branch.get(branch).into_iter().flatten().copied().filter(|(at, _)| at.remote.is_some())
    }

    /// The remote branch to which this plain name belongs: on the remote with the target, or else on the only remote
    /// that has one.
    fn first(&self, branch: &str) -> Option<&'a At> {
        let at_home = self.remotes(branch).find(|(at, _)| at.remote.as_deref() == self.home);
        at_home.or_else(|| {
            let mut remotes = self.remotes(branch);
            remotes.next().filter(|_| remotes.next().is_none())
        })
    }

    fn counterpart(&self, at: &BranchRef) -> Option<&'a At> {
        self.first(&at.branch).filter(|_| at.remote.is_none())
    }

    /// Whether a local branch is called as those of a remote are: `origin/x` is the `x` of `origin`, whether or not
    /// that has one.
    fn is_like_remote(&self, at: &BranchRef) -> bool {
        let begins = |remote: &&str| at.branch.strip_prefix(*remote).is_some_and(|rest| rest.starts_with('/'));
        at.remote.is_none() && self.remotes.iter().any(begins)
    }

    /// The id of a ref after the repository's name, whether that is its plain name, and its name for people.
    fn name(&self, at: &BranchRef, tip: Option<ObjectId>) -> (String, bool, String) {
        if self.is_like_remote(at) {
            let name = format!("heads/{}", at.branch);
            return (name.clone(), false, name);
        }
        let held = self.by_branch.get(at.branch.as_str()).into_iter().flatten();
        let is_same = |(_, other): &&At| other.as_ref().ok() == tip.as_ref();
        let is_target = at.branch == self.target;
        if !is_target && held.copied().all(|held| is_same(&held)) {
            return (at.branch.clone(), true, called(at));
        }
        let name = if at.remote.is_some() { at.short() } else { format!("heads/{}", at.branch) };
        let is_plain = !is_target && self.first(&at.branch).is_some_and(|(first, _)| first == at);
        if is_plain && at.request().is_some() {
            return (at.branch.clone(), true, called(at));
        }
        (if is_plain { at.branch.clone() } else { name.clone() }, is_plain, name)
    }
}

/// A branch by its name, a review request by its sign: `#12`.
fn called(at: &BranchRef) -> String {
    at.request().map_or_else(|| at.branch.clone(), Request::sign)
}

/// Gives each a unique id. Plain names are assigned first: no ref of another remote takes one away.
fn name(proposals: &mut [Proposal], holders: &Holders<'_>) {
    let mut plain = Vec::new();
    for proposal in proposals.iter_mut() {
        let tip = proposal.tip.as_ref().ok().copied();
        let Some(first) = proposal.refs.first() else { continue };
        let (id, is_plain, name) = holders.name(first, tip);
        (proposal.id, proposal.name) = (id, name);
        plain.push(is_plain);
    }
    let mut order: Vec<usize> = (0..proposals.len()).collect();
    order.sort_by(|a, b| (!plain[*a], &proposals[*a].refs).cmp(&(!plain[*b], &proposals[*b].refs)));
    let mut taken = BTreeSet::new();
    for at in order {
        let proposal = &mut proposals[at];
        let full = proposal.refs.first().map(|at| at.full.clone()).unwrap_or_default();
        let tip = proposal.tip.as_ref().map_or(ObjectId::ZERO, |tip| *tip);
        let longer = full.trim_start_matches("refs/").to_owned();
        let names = [proposal.id.clone(), longer, full.clone(), format!("{full}@{tip}")];
        proposal.id = names.into_iter().find(|id| !taken.contains(id)).unwrap_or(full);
        taken.insert(proposal.id.clone());
    }
    proposals.sort_by(|a, b| a.id.cmp(&b.id));
}

fn to_nothing(revision: &Revision) -> String {
    format!("its {} cancel out; a merge would land them", counted(revision.commits.len(), "commit"))
}

fn in_part(commits: usize, revision: &Revision) -> String {
    let have = if commits == 1 { "has" } else { "have" };
    format!("{commits} of its {} {have} landed", counted(revision.commits.len(), "commit"))
}

impl Pending {
    /// Less exact matches are by no name that anybody gave.
    pub const BY_NAME: u8 = COMMIT;

    /// The proposals that end with a commit.
    pub fn ending_with(&self, commit: ObjectId) -> Vec<Resolved<'_>> {
        let changes = self.changes.iter().map(Resolved::Change);
        let all = changes.chain(self.broken.iter().map(Resolved::Broken));
        all.filter(|one| one.tip() == Some(commit)).collect()
    }

    /// The proposals that a text may mean, and how exact the match is: by id or its part after the repository's name,
    /// by a ref, by the name of a branch, by a prefix of a commit id; then by a name in another letter case, and by how
    /// a name begins. Only the most exact matches count.
    pub fn called(&self, text: &str) -> (u8, Vec<Resolved<'_>>) {
        let all = || {
            let changes = self.changes.iter().map(Resolved::Change);
            changes.chain(self.broken.iter().map(Resolved::Broken))
        };
        for certainty in 0..=LOOSEST {
            let mut found: Vec<_> = all().filter(|one| one.is_called(text, certainty)).collect();
            if !found.is_empty() {
                // Anyone can give a branch the name of somebody else's commit.
                let is_new = |one: &Resolved<'_>| found.iter().all(|other| other.id() != one.id());
                let others: Vec<_> =
                    all().filter(|one| text.len() >= SHORT && one.is_called(text, COMMIT) && is_new(one)).collect();
                found.extend(others);
                return (certainty, found);
            }
        }
        (u8::MAX, Vec::new())
    }
}

impl<'p> Resolved<'p> {
    pub fn id(&self) -> &'p str {
        match self {
            Resolved::Change(change) => &change.id,
            Resolved::Broken(broken) => &broken.id,
        }
    }

    fn refs(&self) -> &'p [BranchRef] {
        match self {
            Resolved::Change(change) => &change.refs,
            Resolved::Broken(broken) => &broken.refs,
        }
    }

    fn tip(&self) -> Option<ObjectId> {
        match self {
            Resolved::Change(change) => Some(change.revision.head),
            Resolved::Broken(broken) => broken.tip,
        }
    }

    fn is_called(&self, text: &str, certainty: u8) -> bool {
        match certainty {
            0 => self.id().strip_suffix(text).is_some_and(|rest| rest.is_empty() || rest.ends_with(':')),
            1 => self.refs().iter().any(|at| is_ref(at, text)),
            2 => self.refs().iter().any(|at| at.branch == text || is_request(at, text)),
            COMMIT => {
                text.len() >= MIN_PREFIX
                    && self.tip().is_some_and(|tip| tip.to_string().starts_with(&text.to_lowercase()))
            }
            IN_ANY_CASE => self.is_named(text, |name, text| name == text),
            _ => !text.is_empty() && self.is_named(text, |name, text| name.starts_with(text)),
        }
    }

    /// Whether one of its names fits a text, both in small letters and composed, since a Mac may have decomposed one of
    /// them: that of a branch, also with its remote, and its id.
    /// The name of the repository alone stands for none of its changes.
    fn is_named(&self, text: &str, fits: impl Fn(&str, &str) -> bool) -> bool {
        let plain = |text: &str| text.nfc().collect::<String>().to_lowercase();
        let text = plain(text);
        let fits = |name: &str| fits(&plain(name), &text);
        let own = self.id().split_once(':').map_or(self.id(), |(_, own)| own);
        let is_by_id = fits(own) || text.contains(':') && fits(self.id());
        is_by_id || self.refs().iter().any(|at| fits(&at.branch) || fits(&at.short()))
    }
}

/// Whether git would resolve a text to this ref, whatever other refs exist.
fn is_ref(at: &BranchRef, text: &str) -> bool {
    at.full == text || at.full.strip_prefix("refs/") == Some(text) || (at.remote.is_some() && at.short() == text)
}

/// Whether somebody means this review request: `#12`, `!12`, `12`.
fn is_request(at: &BranchRef, text: &str) -> bool {
    at.request().is_some_and(|request| request.sign() == text || request.number.to_string() == text)
}

/// The message for an ambiguous text.
pub fn ambiguous(text: &str, candidates: &[String]) -> String {
    let mut shown: Vec<String> =
        candidates.iter().take(MAX_CANDIDATES).map(|id| visible::text(id).into_owned()).collect();
    if candidates.len() > MAX_CANDIDATES {
        shown.push(format!("{} more", candidates.len() - MAX_CANDIDATES));
    }
    format!("{} stands for several changes: {}. Name one of them.", visible::text(text), shown.join(", "))
}
