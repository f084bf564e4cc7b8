//! Requests that build on each other, held to a promise in generated worlds: whatever requests and branches there are,
//! an approval counts for exactly the commits that the reviewer was shown, and it is delivered only where all that the
//! server would land then is among them.
//!
//! A world is a graph of commits by its own plain rules, beside the same commits in git: chains, forks, merges, requests
//! that moved, were rebased or show the same commit, and lower ones that landed in any way.

use std::collections::BTreeMap;
use std::sync::Mutex;

use undersign::change::request::{Request, RequestKind};
use undersign::change::{Change, ObjectId};
use undersign::decision::Verdict;
use undersign::delivery::{Delivered, Delivery, Entry, Outbox};
use undersign::enforcement::Settings;
use undersign::record::Record;
use undersign::source::git::Repository;
use undersign::source::server::{
    Account, Checks, Comment, Comments, Decided, Now, Observed, Pending, ReviewServer, ServerError,
};

use crate::support::Fixture;
use crate::support::gate::answer;
use crate::worlds::{Chance, Met, ensure, in_each_world};

/// Worlds that broke a promise once.
const KEPT: &[u64] = &[4];

const REMOTES: [&str; 2] = ["origin", "fork"];

/// A set of commits, by their numbers.
type Set = u64;

struct Node {
    parents: Vec<usize>,
    files: BTreeMap<u8, u8>,
    id: ObjectId,
}

struct Asked {
    remote: usize,
    head: usize,
    /// Where the server would land it.
    target: String,
    is_open: bool,
}

struct World<'f> {
    f: &'f Fixture,
    raw: git2::Repository,
    nodes: Vec<Node>,
    /// The target at the server, and as it was last fetched.
    main: usize,
    fetched: usize,
    /// By number, from 1.
    requests: Vec<Asked>,
    /// A clone of whose remote nothing but the target is kept, under its own name.
    is_mirror: bool,
}

// -------------------------------------------------------------------------------------------------- a graph of commits

impl World<'_> {
    fn new(f: &Fixture) -> World<'_> {
        let raw = git2::Repository::open(&f.repo).unwrap();
        let id = raw.revparse_single("start").unwrap().id();
        let start = Node { parents: vec![], files: BTreeMap::new(), id: object(id) };
        World { f, raw, nodes: vec![start], main: 0, fetched: 0, requests: vec![], is_mirror: false }
    }

    fn commit(&mut self, parents: &[usize], files: BTreeMap<u8, u8>) -> usize {
        let tree = self.raw.find_commit(oid(self.nodes[0].id)).unwrap().tree().unwrap();
        let mut builder = self.raw.treebuilder(Some(&tree)).unwrap();
        for (name, content) in &files {
            let blob = self.raw.blob(format!("{name} {content}\n").as_bytes()).unwrap();
            builder.insert(format!("f{name}"), blob, 0o100_644).unwrap();
        }
        let tree = self.raw.find_tree(builder.write().unwrap()).unwrap();
        let found: Vec<_> = parents.iter().map(|at| self.raw.find_commit(oid(self.nodes[*at].id)).unwrap()).collect();
        let at = git2::Time::new(1_789_990_000 + self.nodes.len() as i64, 0);
        let mina = git2::Signature::new("mina", "mina@example.com", &at).unwrap();
        let message = format!("Change {}\n", self.nodes.len());
        let id = self.raw.commit(None, &mina, &mina, &message, &tree, &found.iter().collect::<Vec<_>>()).unwrap();
        self.nodes.push(Node { parents: parents.to_vec(), files, id: object(id) });
        self.nodes.len() - 1
    }

    /// One commit that edits a file: content that nothing else has.
    fn edit(&mut self, parent: usize, name: u8) -> usize {
        let mut files = self.nodes[parent].files.clone();
        files.insert(name, self.nodes.len() as u8);
        self.commit(&[parent], files)
    }

    /// What others did since a common ancestor is on top.
    fn merged(&self, ours: usize, theirs: usize) -> BTreeMap<u8, u8> {
        let base = self.bases(ours, theirs).first().map(|at| self.nodes[*at].files.clone()).unwrap_or_default();
        let mut files = self.nodes[ours].files.clone();
        for (name, content) in &self.nodes[theirs].files {
            if base.get(name) != Some(content) {
                files.insert(*name, *content);
            }
        }
        files
    }

    fn above(&self, at: usize) -> Set {
        self.nodes[at].parents.iter().fold(1 << at, |all, parent| all | self.above(*parent))
    }

    /// The best common ancestors.
    fn bases(&self, a: usize, b: usize) -> Vec<usize> {
        let common = self.above(a) & self.above(b);
        let is_common = |at: &usize| common >> at & 1 == 1;
        let all: Vec<usize> = (0..self.nodes.len()).filter(is_common).collect();
        let is_best = |at: &usize| !all.iter().any(|other| other != at && self.above(*other) >> at & 1 == 1);
        all.iter().copied().filter(is_best).collect()
    }

    /// Its first parents, itself first.
    fn line(&self, at: usize) -> Vec<usize> {
        std::iter::successors(Some(at), |at| self.nodes[*at].parents.first().copied()).collect()
    }

    fn node(&self, id: ObjectId) -> usize {
        self.nodes.iter().position(|node| node.id == id).unwrap()
    }

    fn set(&self, ids: impl IntoIterator<Item = ObjectId>) -> Set {
        ids.into_iter().fold(0, |all, id| all | 1 << self.node(id))
    }
}

fn object(id: git2::Oid) -> ObjectId {
    id.to_string().parse().unwrap()
}

fn oid(id: ObjectId) -> git2::Oid {
    id.to_string().parse().unwrap()
}

// ------------------------------------------------------------------------------------------------------- making worlds

impl World<'_> {
    fn grow(&mut self, chance: &mut Chance) {
        for _ in 0..chance.below(3) {
            self.main = self.edit(self.main, 0);
        }
        self.is_mirror = chance.percent(10);
        for _ in 0..2 + chance.below(4) {
            self.ask(chance);
            if chance.percent(20) {
                self.main = self.edit(self.main, chance.below(2) as u8);
            }
        }
        for _ in 0..chance.below(3) {
            self.change(chance);
        }
        self.fetched = self.main;
    }

    /// Somebody opens a request: mostly on top of another one.
    fn ask(&mut self, chance: &mut Chance) {
        let from = match chance.below(10) {
            _ if self.requests.is_empty() => self.main,
            0..=5 => self.requests[self.requests.len() - 1].head,
            6..=7 => self.requests[chance.below(self.requests.len())].head,
            8 => chance.below(self.nodes.len()),
            _ => self.main,
        };
        let mut head = from;
        for _ in 0..chance.of(&[0, 1, 1, 1, 2, 3]) {
            let other = match chance.below(20) {
                0 => Some(self.main),
                1 if !self.requests.is_empty() => Some(self.requests[chance.below(self.requests.len())].head),
                _ => None,
            };
            head = match other {
                Some(other) => self.commit(&[head, other], self.merged(head, other)),
                // A change that is taken back.
                None if chance.percent(8) => self.commit(&[head], self.nodes[from].files.clone()),
                None => self.edit(head, chance.below(6) as u8),
            };
        }
        let remote = usize::from(chance.percent(12));
        let target = "refs/heads/main".to_owned();
        self.requests.push(Asked { remote, head, target, is_open: true });
    }

    /// What happens to requests: they move, are rebased, land, are retargeted or closed.
    fn change(&mut self, chance: &mut Chance) {
        let at = chance.below(self.requests.len());
        let head = self.requests[at].head;
        match chance.below(8) {
            0 => {
                let parent = self.nodes[head].parents.first().copied().unwrap_or(head);
                self.requests[at].head = self.edit(parent, chance.below(6) as u8);
            }
            1 => self.requests[at].head = self.commit(&[self.main], self.merged(self.main, head)),
            2 => self.requests[at].target = format!("refs/heads/feature-{}", 1 + chance.below(self.requests.len())),
            3 => self.requests[at].is_open = chance.percent(70),
            _ => self.land(at, chance),
        }
    }

    fn land(&mut self, at: usize, chance: &mut Chance) {
        let head = self.requests[at].head;
        let is_ahead = self.above(head) >> self.main & 1 == 1;
        self.main = match chance.below(3) {
            0 if is_ahead => head,
            1 => self.commit(&[self.main], self.merged(self.main, head)),
            _ => self.commit(&[self.main, head], self.merged(self.main, head)),
        };
    }

    /// Writes the refs as a fetch leaves them.
    fn fetch(&self) {
        for pattern in ["refs/undersign/*", "refs/remotes/*", "refs/heads/*"] {
            let names: Vec<String> =
                self.raw.references_glob(pattern).unwrap().names().flatten().map(str::to_owned).collect();
            for name in names.iter().filter(|name| *name != "refs/heads/main") {
                self.raw.find_reference(name).unwrap().delete().unwrap();
            }
        }
        let put =
            |name: &str, at: usize| drop(self.raw.reference(name, oid(self.nodes[at].id), true, "a world").unwrap());
        if self.is_mirror {
            put("refs/heads/main", self.fetched);
        } else {
            put("refs/heads/main", 0);
            put("refs/remotes/origin/main", self.fetched);
        }
        for (at, request) in self.requests.iter().enumerate() {
            let (number, remote) = (at + 1, REMOTES[request.remote]);
            put(&format!("refs/undersign/requests/{remote}/pull/{number}"), request.head);
            if number % 2 == 1 && !self.is_mirror {
                put(&format!("refs/remotes/{remote}/feature-{number}"), request.head);
            }
        }
    }

    fn changes(&self, repository: &Repository) -> Vec<(usize, Change)> {
        let target = repository.target().unwrap();
        let pending = repository.changes(0, &target).unwrap();
        let of = |change: Change| {
            let numbers: Vec<usize> =
                change.refs.iter().filter_map(|at| Some(at.request()?.number as usize - 1)).collect();
            Some((*numbers.first()?, change))
        };
        pending.changes.into_iter().filter_map(of).collect()
    }
}

/// What was shown of a request, by the plain rules.
struct Shown {
    base: usize,
    is_stacked: bool,
    commits: Set,
}

impl World<'_> {
    /// The nearest request of the same remote on its line that has not landed, if nothing comes along that is in the
    /// target and not in that one; otherwise where it forked from the target.
    fn shown(&self, at: usize, pending: &[usize]) -> Shown {
        let Asked { remote, head, .. } = self.requests[at];
        let landed = self.above(self.fetched);
        let own = self.above(head) & !landed;
        let lower = self.line(head).into_iter().skip(1).take_while(|below| own >> below & 1 == 1).find(|below| {
            pending.iter().any(|other| self.requests[*other].remote == remote && self.requests[*other].head == *below)
        });
        let lower = lower.filter(|lower| {
            let commits = own & !self.above(*lower);
            let known = commits | self.above(*lower);
            let is_whole = (0..self.nodes.len()).filter(|at| commits >> at & 1 == 1);
            let adds = self.nodes[*lower].files != self.nodes[head].files;
            adds && is_whole.flat_map(|at| &self.nodes[at].parents).all(|parent| known >> parent & 1 == 1)
        });
        match lower {
            Some(base) => Shown { base, is_stacked: true, commits: own & !self.above(base) },
            None => Shown { base: self.bases(self.fetched, head)[0], is_stacked: false, commits: own },
        }
    }
}

#[test]
fn a_request_is_shown_for_what_it_adds_and_nothing_that_landed_or_belongs_to_the_one_below() {
    let f = fixture();
    let mut met = Met::default();
    in_each_world(300, KEPT, |chance| {
        let mut world = World::new(&f);
        world.grow(chance);
        world.fetch();
        let changes = world.changes(&f.repository());
        let pending: Vec<usize> = changes.iter().flat_map(|(_, change)| numbers(change)).collect();
        met.count("two at one commit", world.has_two_at_one_commit());
        for (at, change) in &changes {
            let (revision, plain) = (&change.revision, world.shown(*at, &pending));
            let (base, head) = (world.node(revision.base), world.node(revision.head));
            let shown = world.set(revision.commits.iter().map(|commit| commit.id));
            let several = world.bases(world.fetched, head).len() > 1;
            let told = format!("{at} shows {shown:b} above {base}, of {}", world.told());
            met.count("stacked", change.below.is_some());
            met.count("not stacked", change.below.is_none());
            met.count("third of a stack", change.below.as_ref().is_some_and(|below| below.commits.iter().count() > 2));
            met.count(
                "merged something in",
                shown.count_ones() as usize > world.line(head).len() - world.line(base).len(),
            );
            ensure(head == world.requests[*at].head, || told.clone())?;
            ensure(change.below.is_some() == plain.is_stacked, || told.clone())?;
            ensure(base == plain.base || (several && !plain.is_stacked), || told.clone())?;
            ensure(shown == plain.commits, || told.clone())?;
            // Whatever decides it: all that lands with it is shown, or below it, or in the target already.
            let below = change.below.as_ref();
            let of_below = below.map_or(0, |below| world.set(below.commits.iter().copied()));
            ensure(shown & world.above(world.fetched) == 0 && shown & world.above(base) == 0, || told.clone())?;
            ensure((shown | of_below) == world.above(head) & !world.above(world.fetched), || told.clone())?;
        }
        Ok(())
    });
    println!("{:?}", met.0);
    met.at_least(10);
}

impl World<'_> {
    fn has_two_at_one_commit(&self) -> bool {
        let all = self.requests.iter().enumerate();
        all.into_iter().any(|(at, one)| self.requests[..at].iter().any(|other| other.head == one.head))
    }
}

fn numbers(change: &Change) -> Vec<usize> {
    change.refs.iter().filter_map(|at| Some(at.request()?.number as usize - 1)).collect()
}

impl World<'_> {
    fn told(&self) -> String {
        let nodes: Vec<_> = self.nodes.iter().map(|node| (&node.parents, &node.files)).collect();
        let requests: Vec<_> = self.requests.iter().map(|one| (one.remote, one.head, &one.target)).collect();
        format!("{nodes:?}, requests {requests:?}, main {}, fetched {}", self.main, self.fetched)
    }
}

/// A repository whose main is called `start` as well.
fn fixture() -> Fixture {
    let f = Fixture::new();
    f.git("mina", &["tag", "start", "main"]);
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    for remote in REMOTES {
        f.git("mina", &["remote", "add", remote, &format!("https://forge.example.com/{remote}/shop.git")]);
    }
    f
}

// ----------------------------------------------------------------------------------------------- what an approval does

/// A server that has what it is told.
struct Told {
    now: Now,
    given: Mutex<Vec<Verdict>>,
}

impl ReviewServer for Told {
    fn account(&self) -> Result<Account, ServerError> {
        unreachable!()
    }

    fn open(&self, _: &str, _: &Account) -> Result<Vec<Pending>, ServerError> {
        unreachable!()
    }

    fn asked(&self, _: &Account) -> Result<Vec<Pending>, ServerError> {
        unreachable!()
    }

    fn now(&self, _: &str, _: Request) -> Result<Now, ServerError> {
        Ok(self.now.clone())
    }

    fn checks(&self, _: &str, _: Request, _: ObjectId) -> Result<Checks, ServerError> {
        unreachable!()
    }

    fn reply(&self, _: &str, _: Request, _: &Comment, _: &str) -> Result<(), ServerError> {
        unreachable!("nobody answers here")
    }

    fn comments(&self, _: &str, _: Request) -> Result<Comments, ServerError> {
        unreachable!()
    }

    fn give_verdict(&self, decided: &Decided<'_>) -> Result<(), ServerError> {
        self.given.lock().unwrap().push(decided.verdict);
        Ok(())
    }

    fn verdict(&self, decided: &Decided<'_>, _: &Account) -> Result<Option<Observed>, ServerError> {
        let is_given = !self.given.lock().unwrap().is_empty();
        let there = Observed { is_as_given: true, commit: Some(decided.head), instead: None, at_lines: 0 };
        Ok(is_given.then_some(there))
    }

    fn set_status(&self, _: &Decided<'_>) -> Result<(), ServerError> {
        Ok(())
    }

    fn status(&self, decided: &Decided<'_>) -> Result<Option<Observed>, ServerError> {
        Ok(Some(Observed { is_as_given: true, commit: Some(decided.head), instead: None, at_lines: 0 }))
    }
}

/// A request with what was signed for it.
struct Signed {
    at: usize,
    shown: Set,
    base: usize,
    head: usize,
    record: Record,
    target: String,
}

impl World<'_> {
    fn sign(&self, at: usize, change: &Change, verdict: Verdict) -> Signed {
        let record = self.f.decide("dana", &change.branch, verdict);
        let shown = self.set(change.revision.commits.iter().map(|commit| commit.id));
        let (base, head) = (self.node(change.revision.base), self.node(change.revision.head));
        Signed { at, shown, base, head, record, target: change.target.clone() }
    }

    /// What the server was told of one.
    fn delivered(&self, one: &Signed, repository: &Repository) -> (bool, Delivered) {
        let request = &self.requests[one.at];
        let now = Now {
            head: self.nodes[request.head].id,
            is_open: request.is_open,
            author: "mina".to_owned(),
            target: Some(request.target.clone()),
        };
        let server = Told { now, given: Mutex::default() };
        let outbox = Outbox::at(self.f.dir.path().join("outbox"));
        let entry = Entry {
            server: "forge".to_owned(),
            repository: "shop".to_owned(),
            request: Request { kind: RequestKind::Pull, number: one.at as u64 + 1 },
            root: repository.root.clone(),
            remote: REMOTES[request.remote].to_owned(),
            head: self.nodes[one.head].id,
            target: one.target.clone(),
            verdict: one.record.predicate().verdict,
            record: one.record.id().to_string(),
            signed_at: 0,
        };
        let account = Account { login: "dana".to_owned(), version: String::new() };
        let delivery = Delivery { outbox: &outbox, server: &server, account: &account, repository };
        let delivered = delivery.deliver(&entry);
        let is_given = !server.given.lock().unwrap().is_empty();
        (is_given, delivered)
    }

    /// What the server would land of a request now.
    fn would_land(&self, at: usize) -> Set {
        self.above(self.requests[at].head) & !self.above(self.main)
    }
}

#[test]
fn an_approval_is_delivered_only_where_all_that_the_server_would_land_was_shown() {
    let f = fixture();
    let mut met = Met::default();
    in_each_world(60, KEPT, |chance| {
        let mut world = World::new(&f);
        world.grow(chance);
        world.fetch();
        let mut signed = Vec::new();
        for (at, change) in world.changes(&f.repository()) {
            let verdict = chance.of(&[Verdict::Approve, Verdict::Approve, Verdict::Approve, Verdict::Reject]);
            if chance.percent(70) && world.requests[at].remote == 0 {
                signed.push((world.sign(at, &change, verdict), change.below.is_some(), verdict));
            }
        }
        for _ in 0..1 + chance.below(4) {
            world.change(chance);
        }
        if chance.percent(75) {
            world.fetched = world.main;
        }
        world.move_refs();
        let repository = f.repository();
        for (one, is_stacked, verdict) in &signed {
            let (is_given, delivered) = world.delivered(one, &repository);
            let request = &world.requests[one.at];
            let told = || format!("{}: {delivered:?} of {}", one.at, world.told());
            let (lands, landed) = (world.would_land(one.at), world.above(world.fetched) >> one.base & 1 == 1);
            let is_same = request.head == one.head && request.is_open;
            let is_for_it = request.target == one.target;
            if *verdict == Verdict::Reject {
                met.count("rejected", is_given);
                ensure(is_given || !is_same || !is_for_it, told)?;
                continue;
            }
            met.count("delivered", is_given);
            met.count("delivered of a stack, once the lower one landed", is_given && *is_stacked);
            met.count("held, as the server would land more", !is_given && is_same && is_for_it);
            met.count("held for another target", !is_given && is_same && landed && !is_for_it);
            met.count("held as it moved", !is_given && request.head != one.head);
            ensure(!is_given || (lands & !one.shown == 0 && is_for_it), told)?;
            ensure(is_given == (is_same && is_for_it && landed), told)?;
        }
        Ok(())
    });
    println!("{:?}", met.0);
    met.at_least(2);
}

#[test]
fn what_was_approved_of_a_stack_lands_by_a_push_exactly_if_all_of_it_was_shown() {
    let mut met = Met::default();
    in_each_world(60, KEPT, |chance| {
        // A gate remembers what it saw.
        let f = fixture();
        let mut world = World::new(&f);
        world.grow(chance);
        world.fetch();
        let changes = world.changes(&f.repository());
        let is_ahead = |head: usize| world.above(head) >> world.fetched & 1 == 1;
        let mut tops =
            changes.iter().filter(|(at, change)| is_ahead(world.requests[*at].head) && change.below.is_some());
        let Some((top, _)) = tops.next_back() else { return Ok(()) };
        let head = world.requests[*top].head;
        let pushed = world.above(head) & !world.above(world.fetched);
        let is_line =
            world.line(head).iter().filter(|at| pushed >> *at & 1 == 1).count() == pushed.count_ones() as usize;
        let mut shown = 0;
        for (at, change) in &changes {
            let part = world.set(change.revision.commits.iter().map(|commit| commit.id));
            if part & !pushed == 0 && chance.percent(75) {
                shown |= world.sign(*at, change, Verdict::Approve).shown;
            }
        }
        let (old, new) = (world.nodes[world.fetched].id.to_string(), world.nodes[head].id.to_string());
        drop(world.raw.reference("refs/heads/main", oid(world.nodes[world.fetched].id), true, "a world").unwrap());
        let settings = Settings { branch: Some("refs/heads/main".to_owned()), ..Settings::default() };
        let (code, reasons) = answer(&f.request("refs/heads/main", &old, &new), &settings);
        let told = || format!("{code} {reasons:?}, {shown:b} of {pushed:b} of {}", world.told());
        met.count("lands", code == 0);
        met.count("refused", code != 0);
        ensure(code != 0 || pushed & !shown == 0, told)?;
        ensure(code == 0 || pushed & !shown != 0 || !is_line, told)
    });
    println!("{:?}", met.0);
    met.at_least(5);
}

impl World<'_> {
    /// A fetch of what moved since, which leaves the ledger.
    fn move_refs(&self) {
        let main = if self.is_mirror { "refs/heads/main" } else { "refs/remotes/origin/main" };
        let put =
            |name: &str, at: usize| drop(self.raw.reference(name, oid(self.nodes[at].id), true, "a world").unwrap());
        put(main, self.fetched);
        for (at, request) in self.requests.iter().enumerate().filter(|(_, request)| request.remote == 0) {
            put(&format!("refs/undersign/requests/origin/pull/{}", at + 1), request.head);
        }
    }
}
