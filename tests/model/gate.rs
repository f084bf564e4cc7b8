//! The real code of the gate over the world of the model: its history, its contents, its policy, its records, and its
//! memory as the enforcement keeps it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use undersign::change::diff::{Location, Mode};
use undersign::change::digest::Digest;
use undersign::change::manifest::{Image, Manifest};
use undersign::change::{Commit, Identity, ObjectId, RepoPath};
use undersign::decision::Verdict;
use undersign::gate::{
    Code, Contents, Decided, History, HistoryError, Input, Lands, Merge, Merging, NextPolicy, Obstacle, Opaque,
    PushEvaluation, Receipts, RefPosition, Remembered, Rest, States, Step, Update, Waiting, WaitingStates,
    decide_proposal, judging_order, record_statuses, still_approve,
};
use undersign::policy::Policy;
use undersign::record::statement::*;
use undersign::record::{Abridged, Chain, ChainId, Key, Record};

use crate::rule::Judge;
use crate::world::*;

const NOW: i64 = 1_790_000_000;
const PATHS: [&str; 3] = ["a", "b", "c"];
const DEVICE: &str = "0123456789abcdef";

// ------------------------------------------------------------------------------------------------------------------
// names

fn object(id: Id) -> ObjectId {
    ObjectId([id as u8 + 1; 20])
}

fn id_of(object: ObjectId) -> Id {
    usize::from(object.0[0]) - 1
}

fn tree_object(tree: Tree) -> ObjectId {
    let mut bytes = [0xee; 20];
    bytes[..3].copy_from_slice(&tree);
    ObjectId(bytes)
}

fn image(content: u8) -> Option<Image> {
    static IMAGES: OnceLock<[Digest; 4]> = OnceLock::new();
    let images = IMAGES.get_or_init(|| [0, 1, 2, 3].map(|content| Digest::of(&[content])));
    (content > 0).then(|| Image { mode: Mode::File, content: images[usize::from(content)] })
}

fn manifest(delta: Delta) -> Manifest {
    let mut manifest = Manifest::default();
    for (path, sides) in PATHS.iter().zip(delta.0) {
        if let Some((old, new)) = sides {
            manifest.insert((*path).into(), image(old), image(new));
        }
    }
    manifest
}

fn path_of(path: &RepoPath) -> usize {
    usize::from(path.0[0] - b'a')
}

// ----------------------------------------------------------------------------------------------------------------
// objects

/// What the gate may read of the world, as it sees it.
struct Objects<'w>(&'w World);

impl Objects<'_> {
    fn view(&self) -> &View {
        &self.0.seen
    }

    fn commits(&self, mask: Ids) -> Vec<Commit> {
        let mina = Identity { name: "mina".into(), email: "mina@example.com".into() };
        let commit = |id: Id| Commit {
            id: object(id),
            parents: self.view().parents(id).iter().copied().map(object).collect(),
            author: mina.clone(),
            committer: mina.clone(),
            message: "Write\n".to_owned(),
            time: 0,
        };
        let mut commits: Vec<Commit> = ids(mask).map(commit).collect();
        commits.reverse();
        commits
    }

    fn step(&self, from: Id, to: Id, trees: (Tree, Tree), result: Tree, brought: Ids) -> Step {
        Step {
            from: object(from),
            commit: object(to),
            tree: tree_object(result),
            compared: (tree_object(trees.0), tree_object(trees.1)),
            delta: manifest(Delta::between(trees.0, trees.1)),
            commits: self.commits(brought),
            signers: Vec::new(),
            clean_merges: Vec::new(),
            links: Vec::new(),
        }
    }

    fn merge(&self, base: Id, tip: Id, head: Id, lands: Lands) -> Merge {
        let view = self.view();
        let brought = view.above(head) & !view.above(tip);
        let delta = view.delta(base, head);
        let mut touched: Vec<usize> = (0..3).filter(|&path| delta.touches(path)).collect();
        let own = |id: Id, paths: &[usize]| paths.iter().any(|&path| view.own(id).touches(path));
        if lands == Lands::Rebase {
            let plain = ids(brought).filter(|&id| view.parents(id).len() == 1);
            touched.extend(plain.flat_map(|id| (0..3).filter(move |&path| view.own(id).touches(path))));
        }
        let mut moved = touched.iter().copied().find(|&path| view.tree(base)[path] != view.tree(tip)[path]);
        let target = view.above(tip) & !view.above(base) & !view.above(head);
        if lands == Lands::Rebase && ids(target).any(|id| view.parents(id).len() < 2 && own(id, &touched)) {
            moved = moved.or(touched.first().copied());
        }
        let result = delta.apply(view.tree(tip)).unwrap_or(view.tree(head));
        Merge {
            step: self.step(tip, head, (view.tree(base), view.tree(head)), result, brought),
            merges: ids(brought).find(|&id| view.parents(id).len() > 1).map(object),
            obstacle: moved.map(|path| Obstacle::Moved(PATHS[path].into())),
            in_lost_folder: None,
            replayed: Vec::new(),
        }
    }
}

impl History for Objects<'_> {
    fn commit_of(&self, id: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        Ok(Some(id))
    }

    fn first_parent(&self, commit: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        Ok(self.view().parents(id_of(commit)).first().copied().map(object))
    }

    fn is_cut(&self, commit: ObjectId) -> bool {
        self.0.cut & bit(id_of(commit)) != 0
    }

    fn is_ancestor(&self, commit: ObjectId, of: ObjectId) -> Result<bool, HistoryError> {
        Ok(self.view().is_ancestor(id_of(commit), id_of(of)))
    }

    fn is_cut_beside(&self, base: ObjectId, sides: [ObjectId; 2]) -> Result<bool, HistoryError> {
        let above = |id: ObjectId| self.view().above(id_of(id));
        Ok(self.0.cut & (above(sides[0]) | above(sides[1])) & !above(base) != 0)
    }

    fn merge_bases(&self, a: ObjectId, b: ObjectId) -> Result<Vec<ObjectId>, HistoryError> {
        Ok(self.view().bases(id_of(a), id_of(b)).into_iter().map(object).collect())
    }

    fn steps(&self, start: ObjectId, line: &[ObjectId]) -> Result<Vec<Step>, HistoryError> {
        let step = |(&from, &to): (&ObjectId, &ObjectId)| {
            let (view, from, to) = (self.view(), id_of(from), id_of(to));
            let trees = (view.tree(from), view.tree(to));
            self.step(from, to, trees, trees.1, view.above(to) & !view.above(from))
        };
        Ok(std::iter::once(&start).chain(line).zip(line).map(step).collect())
    }

    fn lacks(&self, base: ObjectId, side: ObjectId, end: ObjectId) -> Result<Option<RepoPath>, HistoryError> {
        let view = self.view();
        let (brings, end) = (view.delta(id_of(base), id_of(side)), view.tree(id_of(end)));
        let lacking = (0..3).find(|&path| brings.0[path].is_some_and(|(_, new)| end[path] != new));
        Ok(lacking.map(|path| PATHS[path].into()))
    }

    fn merging(&self, tip: ObjectId, head: ObjectId, lands: Lands) -> Result<Merging, HistoryError> {
        let (view, tip, head) = (self.view(), id_of(tip), id_of(head));
        let bases = view.bases(tip, head);
        let below = if let [base] = bases[..] { view.above(base) } else { 0 };
        let cut = ids(self.0.cut & (view.above(tip) | view.above(head)) & !below).next().map(object);
        let merge = match bases[..] {
            [base] if cut.is_none() && base != head => Some(self.merge(base, tip, head, lands)),
            _ => None,
        };
        Ok(Merging { bases: bases.into_iter().map(object).collect(), cut, merge })
    }
}

impl Contents for Objects<'_> {
    fn lines(&self, _: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        Ok(Vec::new())
    }

    fn hidden(&self, _: &[Step]) -> Result<Vec<Location>, String> {
        Ok(Vec::new())
    }

    fn opaque(&self, _: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String> {
        Ok(Vec::new())
    }

    fn aliases(&self, _: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String> {
        Ok(Vec::new())
    }

    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String> {
        let (view, line) = (self.view(), self.view().line(id_of(until)));
        let Some(at) = line.iter().position(|&id| id == id_of(since)) else { return Ok(Rest::Elsewhere) };
        let holds = |path: &RepoPath, id: Id| view.tree(id)[path_of(path)];
        let rests = |path: &RepoPath| line[..=at].iter().all(|&id| holds(path, id) == holds(path, line[0]));
        Ok(if manifest.paths().all(rests) { Rest::Rested } else { Rest::Returned })
    }

    fn next_policy(&self, _: ObjectId, _: Digest) -> Result<Option<NextPolicy>, String> {
        Err("The policy is given by the operator.".to_owned())
    }
}

// ------------------------------------------------------------------------------------------------------- policy and
// records

fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea anna";
        Key::from_openssh(line).expect("it is a public key")
    })
}

/// One senior, anna, decides; mina writes. A policy that protects late or not, with each binding.
fn policy(world: &World) -> &'static Policy {
    static POLICIES: OnceLock<Vec<Policy>> = OnceLock::new();
    let made = |is_late_protected: bool, binding: &str| {
        let (late, open) = if is_late_protected { (", \"refs/heads/late\"", "") } else { ("", "\"refs/heads/late\"") };
        let text = format!(
            "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"model-1\"\n[refs]\n\
             protected = [\"refs/heads/main\", \"refs/heads/release\", \"refs/tags/*\", {{ match = \"refs/heads/next\", \
             rewrite = \"allow\", delete = \"allow\" }}{late}]\nopen = [{open}]\n\
             [people.anna]\nroles = [\"senior\", \"policy\"]\nkeys = [\"{}\"]\n[ai]\npresume = false\n\
             [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
             [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\nbinding = \"{binding}\"\n",
            key().to_openssh()
        );
        Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    };
    let policies = POLICIES.get_or_init(|| {
        let bindings = ["manifest", "tree", "exact"];
        [false, true].into_iter().flat_map(|late| bindings.map(|binding| made(late, binding))).collect()
    });
    let binding = match world.binding {
        Binding::Manifest => 0,
        Binding::Tree => 1,
        Binding::Exact => 2,
    };
    &policies[usize::from(world.is_late_protected) * 3 + binding]
}

fn chain_id() -> ChainId {
    ChainId { key: key().id().to_string(), device: DEVICE.to_owned() }
}

/// A record as a gate recalls it that has verified its signature before.
fn recalled(statement: &Statement, manifest: &Manifest) -> Arc<Record> {
    let id = Digest::of(&statement.encode()).to_string();
    let kept = serde_json::json!({
        "clone": false, "token": null, "statement": statement,
        "manifest": String::from_utf8(manifest.encode()).expect("a manifest is ASCII"),
    });
    let abridged = serde_json::json!({
        "chain": chain_id().to_string(), "key": key().to_openssh(), "ids": id,
        "counter": 0, "seen": {}, "given_up": [], "ended": [], "kept": [kept],
    });
    let abridged: Abridged = serde_json::from_value(abridged).expect("it is an abridged chain");
    abridged.chain().records[0].clone()
}

fn statement(approval: &Approval, withdraws: Option<String>) -> (Statement, Manifest) {
    let manifest = manifest(approval.delta);
    let point = |id: Id| Point { commit: object(id).to_string(), tree: tree_object(EMPTY).to_string() };
    let count = Decimal(manifest.len() as u64);
    let predicate = Predicate {
        verdict: if withdraws.is_some() { Verdict::Withdraw } else { Verdict::Approve },
        principal: "anna".into(),
        roles: vec!["senior".into(), "policy".into()],
        repository: RepositoryName { id: "model-1".into(), uri: String::new() },
        target: Target { name: approval.of.name().into(), tip: object(approval.tip).to_string() },
        base: point(approval.tip),
        head: point(approval.head),
        result_tree: approval.result.map(|tree| tree_object(tree).to_string()).unwrap_or_default(),
        manifest: ManifestDigest { sha256: manifest.digest().to_string(), paths: count },
        authors: vec!["mina <mina@example.com>".into()],
        policy: PolicyName { version: Decimal(1), sha256: "6".repeat(64) },
        findings: Findings { rules: "7".repeat(64), sha256: "8".repeat(64), total: Decimal(0), answered: vec![] },
        notes: vec![],
        provenance: ProvenanceClaim { status: "undeclared".into(), evidence: vec![] },
        coverage: Coverage {
            files: count,
            files_seen: count,
            hunks: count,
            hunks_seen: count,
            carried_over: Decimal(0),
            hidden_characters: Decimal(0),
            omissions: vec![],
        },
        supersedes: withdraws.into_iter().collect(),
        answers: vec![],
        chain: Link { key: chain_id().key, id: DEVICE.into(), seq: Decimal(1), prev: String::new(), forks: vec![] },
        seen: vec![],
        issued_at: Decimal(NOW as u64 - 600),
        not_after: Decimal(NOW as u64 + 14 * 86_400),
        challenge: String::new(),
        nonce: format!("{:032x}", approval.again),
        tool: "model".into(),
        reason: "because".into(),
    };
    let subject = Subject {
        name: "model-1".into(),
        digest: SubjectDigest { git_commit: predicate.head.commit.clone(), git_tree: predicate.result_tree.clone() },
    };
    (Statement::new(subject, predicate), manifest)
}

thread_local! {
    /// The record of each approval, and that of its withdrawal.
    static RECORDS: RefCell<HashMap<Approval, [Arc<Record>; 2]>> = RefCell::default();
}

fn records(approval: &Approval) -> [Arc<Record>; 2] {
    RECORDS.with_borrow_mut(|made| {
        let make = || {
            let (signed, manifest) = statement(approval, None);
            let approved = recalled(&signed, &manifest);
            let (signed, manifest) = statement(approval, Some(approved.id().to_string()));
            [approved, recalled(&signed, &manifest)]
        };
        made.entry(*approval).or_insert_with(make).clone()
    })
}

/// The ledger: one chain, as long as what was ever signed.
fn ledger(world: &World) -> Vec<Chain> {
    let mut chain = Chain::empty(chain_id());
    chain.records.extend(world.withdrawn.iter().flat_map(records));
    chain.records.extend(world.approvals.iter().map(|approval| records(approval)[0].clone()));
    vec![chain]
}

// --------------------------------------------------------------------------------------------------------------- the
// gate

/// The gate with its memory, kept as the enforcement and the state directory keep it.
pub struct Gate {
    states: States,
    remembered: Remembered,
    pending: Option<Waiting>,
    /// Why the last judgement was as it was.
    pub codes: Vec<Code>,
}

impl Gate {
    pub fn with_memory() -> Gate {
        Gate { states: States::recorded(), ..Gate::without_memory() }
    }

    /// It takes on trust that what protected refs show now was let through, and knows of nothing before.
    pub fn without_memory() -> Gate {
        Gate { states: States::default(), remembered: Remembered::default(), pending: None, codes: Vec::new() }
    }

    fn take(&mut self, of: Ref, states: &[ObjectId]) {
        states.iter().for_each(|&state| _ = self.states.insert(state, of.name()));
        if let Some(tip) = states.last().filter(|_| of != Ref::Tag) {
            self.remembered.tips.insert(of.name().to_owned(), tip.to_string());
        }
    }

    /// Takes in what became of earlier pushes.
    fn learn(&mut self, world: &World, chains: &[Chain]) {
        let of = |name: &str| Ref::ALL.into_iter().find(|of| of.name() == name);
        let stands = |name: &str| of(name).and_then(|of| world.refs.get(&of).copied());
        let position = |name: &str, id: &str, _: bool| match (stands(name), id.parse().ok().map(id_of)) {
            (Some(held), Some(id)) if held == id => RefPosition::There,
            (Some(held), Some(id)) if world.seen.is_ancestor(id, held) => RefPosition::Beyond,
            _ => RefPosition::Elsewhere,
        };
        let is_kept = |of: Ref| world.is_protected(of) && of.is_fixed() && world.refs.contains_key(&of);
        self.remembered.tips.retain(|name, _| of(name).is_some_and(is_kept));
        let landed = self.remembered.settle(position, true, NOW);
        let record_statuses = record_statuses(policy(world), chains, &Receipts::default(), NOW);
        for landed in landed {
            let commits: Vec<ObjectId> = landed.commits.iter().filter_map(|commit| commit.parse().ok()).collect();
            if let Some(of) = of(&landed.name).filter(|of| {
                world.is_protected(*of) && still_approve(policy(world), chains, &record_statuses, &landed, true)
            }) {
                self.take(of, &commits);
            }
        }
        if !self.states.are_recorded {
            self.states = States::default();
            world.protected().into_iter().for_each(|(of, tip)| _ = self.states.insert(object(tip), of.name()));
        }
    }

    /// Asked after the fact, a gate judges first how refs came to where they stand.
    fn catch_up(&mut self, world: &World, chains: &[Chain], refs: [Ref; 2]) {
        let is_recorded = self.states.are_recorded;
        for of in refs.into_iter().filter(|of| world.is_protected(*of) && is_recorded) {
            let Some(tip) = world.refs.get(&of).map(|&tip| object(tip)) else { continue };
            if !self.states.is_of(tip, of.name()) {
                let states = PushEvaluation::new(&self.grounds(world, chains, &Objects(world), false))
                    .catch_up(of.name(), tip)
                    .states;
                self.take(of, &states);
            }
        }
    }

    fn grounds<'g>(&'g self, world: &World, chains: &'g [Chain], objects: &'g Objects<'_>, ahead: bool) -> Input<'g> {
        Input {
            policy: policy(world),
            chains,
            remembered: &self.remembered,
            contents: objects,
            history: objects,
            states: &self.states,
            policy_branch: None,
            ahead,
            pusher: None,
            signs_of_ai: false,
            now: NOW,
        }
    }
}

impl Judge for Gate {
    fn install(&mut self, world: &World) {
        world.protected().into_iter().for_each(|(of, tip)| self.take(of, &[object(tip)]));
    }

    fn judge(&mut self, world: &World, moves: &[Move]) -> bool {
        let chains = ledger(world);
        self.learn(world, &chains);
        let at = |id: Option<Id>| id.map_or(ObjectId::ZERO, object);
        let update = |m: &Move| Update { name: m.of.name().to_owned(), old: at(m.old), new: at(m.new) };
        let updates: Vec<Update> = moves.iter().map(update).collect();
        let objects = Objects(world);
        let mut evaluation = PushEvaluation::new(&self.grounds(world, &chains, &objects, true));
        let (mut is_allowed, mut codes, mut waiting) = (true, Vec::new(), Vec::new());
        for at in judging_order(&updates) {
            let (update, judged) = (&updates[at], evaluation.decide(&updates[at]));
            is_allowed &= judged.outcome.outcome == Decided::Allow;
            codes.extend(judged.outcome.reasons.iter().map(|reason| reason.code));
            if !judged.states.is_empty() {
                waiting.push(WaitingStates {
                    name: update.name.clone(),
                    new: update.new.to_string(),
                    commits: judged.states.iter().map(ObjectId::to_string).collect(),
                    records: judged.outcome.records,
                    policy: String::new(),
                });
            }
        }
        let kept = moves.iter().filter(|m| world.is_protected(m.of));
        let kept: Vec<_> = kept.filter_map(|m| Some((m.of.name().to_owned(), object(m.new?).to_string()))).collect();
        let made = Waiting { moves: kept, states: waiting, heads: Default::default(), time: NOW };
        self.pending = Some(made).filter(|waiting| is_allowed && !waiting.moves.is_empty());
        self.codes = codes;
        is_allowed
    }

    fn let_through(&mut self) {
        if let Some(waiting) = self.pending.take() {
            self.remembered.wait_for(waiting);
        }
    }

    fn propose(&mut self, world: &World, of: Ref, tip: Id, head: Id, method: Method) -> bool {
        let chains = ledger(world);
        self.learn(world, &chains);
        self.catch_up(world, &chains, [Ref::Main, of]);
        let lands = match method {
            Method::FastForward => Lands::FastForward,
            Method::Merge => Lands::Merge,
            Method::Squash => Lands::Squash,
            Method::Rebase => Lands::Rebase,
        };
        let update = Update { name: of.name().to_owned(), old: object(tip), new: object(head) };
        let objects = Objects(world);
        let outcome = decide_proposal(&update, lands, &self.grounds(world, &chains, &objects, false));
        self.codes = outcome.reasons.iter().map(|reason| reason.code).collect();
        outcome.outcome == Decided::Allow
    }

    fn record(&mut self, of: Ref, tip: Id) {
        self.take(of, &[object(tip)]);
    }
}
