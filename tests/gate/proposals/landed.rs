//! Of random histories: whenever a proposal is let through for a way of landing, what git lands by it is the target
//! with the approved manifest, and nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid};
use undersign::change::ObjectId;
use undersign::change::digest::Digest;
use undersign::change::manifest::{Manifest, escape};
use undersign::decision::Verdict;
use undersign::gate::{Code, Decided, Input, Lands, RefOutcome, Remembered, States, Update, decide_proposal};
use undersign::policy::Policy;
use undersign::record::chain::Link;
use undersign::record::statement::{Decimal, Findings, Omission, Point, Subject, SubjectDigest};
use undersign::record::{Chain, ChainId, Record, Statement};
use undersign::signer::SigningKey;
use undersign::source::git::push::Commits;
use undersign::source::git::{Objects, Repository, applied, diff};

use super::histories::{History, Random, Tree};
use super::landings::{BARE, CHECKOUTS, REBASES, Way, git};
use crate::scene::{MAIN, WORK};
use crate::support::{DEVICE, Fixture, now, policy};

/// Histories, unless `UNDERSIGN_PROPOSALS` says otherwise.
const HISTORIES: usize = 100;
const THREADS: u64 = 2;
const ALL: [Lands; 4] = [Lands::FastForward, Lands::Merge, Lands::Squash, Lands::Rebase];

/// A scratch repository, and dana, who approves whatever is proposed.
struct Desk {
    fixture: Fixture,
    policy: Policy,
    template: Record,
    key: SigningKey,
}

impl Desk {
    fn new() -> Desk {
        let fixture = Fixture::new();
        let template = fixture.decide("dana", WORK, Verdict::Approve);
        let policy = Policy::parse("policy.toml", &policy("")).unwrap();
        let key = fixture.key("dana");
        let repo = fixture.dir.path().join("scratch");
        assert!(git(fixture.dir.path(), &["init", "-q", "--template=", "scratch"]).status.success());
        Desk { fixture: Fixture { dir: fixture.dir, repo }, policy, template, key }
    }

    /// The commits of a history, in its order.
    fn import(&self, history: &History) -> Vec<Oid> {
        let marks = self.fixture.dir.path().join("marks");
        let mut child = Command::new("git")
            .current_dir(&self.fixture.repo)
            .args(["-c", "core.fsync=none", "fast-import", "--quiet", "--force"])
            .arg(format!("--export-marks={}", marks.display()))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&history.stream()).unwrap();
        assert!(child.wait().unwrap().success());
        let marked = |line: &str| {
            let (mark, id) = line.split_once(' ').unwrap();
            (mark[1..].parse::<usize>().unwrap(), Oid::from_str(id).unwrap())
        };
        std::fs::read_to_string(marks).unwrap().lines().map(marked).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// dana's approval of exactly this, for a target that stands at `tip`.
    fn approval(&self, manifest: &Manifest, [base, head, tip]: [Oid; 3]) -> Chain {
        let mut predicate = self.template.predicate().clone();
        let files = Decimal(manifest.len() as u64);
        let known = |path| Omission { path: escape(path), what: "read".into(), acknowledged: "known".into() };
        predicate.target.tip = tip.to_string();
        predicate.base = Point { commit: base.to_string(), ..predicate.base };
        predicate.head = Point { commit: head.to_string(), ..predicate.head };
        predicate.manifest.sha256 = manifest.digest().to_string();
        predicate.manifest.paths = files;
        predicate.findings = Findings {
            sha256: Digest::of(b"[]\n").to_string(),
            total: Decimal(0),
            answered: vec![],
            ..predicate.findings
        };
        let coverage = &mut predicate.coverage;
        (coverage.files, coverage.files_seen, coverage.hunks, coverage.hunks_seen) = (files, files, files, files);
        coverage.omissions = manifest.paths().map(known).collect();
        let subject = Subject {
            name: self.policy.repository.clone(),
            digest: SubjectDigest { git_commit: head.to_string(), git_tree: predicate.result_tree.clone() },
        };
        let payload = Statement::new(subject, predicate).encode();
        let envelope = self.key.sign(payload, None).unwrap().encode();
        let link = Link::of_decision(1, envelope, manifest.encode(), b"[]\n".to_vec());
        let mut chain = Chain::empty(ChainId { key: self.key.public.id().to_string(), device: DEVICE.into() });
        chain.extend([Some(link)]);
        assert_eq!(chain.fault, None);
        chain
    }

    /// The methods by which the gate lets a proposal land that dana approved, and whether it is to be rebased even if it
    /// is merged.
    fn judged(&self, repository: &Repository, manifest: &Manifest, at: [Oid; 3]) -> (Vec<Lands>, bool) {
        let chains = [self.approval(manifest, at)];
        let [_, head, tip] = at.map(|id| id.to_string().parse::<ObjectId>().unwrap());
        let mut states = States::recorded();
        states.insert(tip, MAIN);
        let remembered = Remembered::default();
        let (contents, history) = (Objects::of(repository), Commits::of(repository, false).unwrap());
        let grounds = Input {
            policy: &self.policy,
            chains: &chains,
            remembered: &remembered,
            contents: &contents,
            history: &history,
            states: &states,
            policy_branch: None,
            ahead: true,
            pusher: None,
            signs_of_ai: false,
            now: now(),
        };
        let update = Update { name: MAIN.to_owned(), old: tip, new: head };
        let outcomes = ALL.map(|lands| (lands, decide_proposal(&update, lands, &grounds)));
        let allowed = outcomes.iter().filter(|(_, told)| told.outcome == Decided::Allow).map(|(lands, _)| *lands);
        let is_moved = |told: &RefOutcome| told.reasons.iter().any(|reason| reason.code == Code::BaseMoved);
        (allowed.collect(), outcomes.iter().any(|(lands, told)| *lands == Lands::Merge && is_moved(told)))
    }
}

/// What was judged, what git landed, and what it did not.
#[derive(Debug, Default)]
struct Count {
    pairs: usize,
    stopped: usize,
    allowed: BTreeMap<String, usize>,
    landed: BTreeMap<String, [usize; 2]>,
}

impl Count {
    fn add(&mut self, other: Count) {
        self.pairs += other.pairs;
        self.stopped += other.stopped;
        other.allowed.into_iter().for_each(|(lands, n)| *self.allowed.entry(lands).or_default() += n);
        for (way, counts) in other.landed {
            let all = self.landed.entry(way).or_default();
            (0..2).for_each(|at| all[at] += counts[at]);
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} proposals, {} of them to be rebased; allowed: {:?}", self.pairs, self.stopped, self.allowed)?;
        self.landed.iter().try_for_each(|(way, [landed, not])| writeln!(f, "{way}: {landed} landed, {not} conflicted"))
    }
}

/// What git lands although it is not what was approved.
struct Wrong {
    tip: usize,
    head: usize,
    lands: Lands,
    /// None where nothing had to be landed to see it.
    way: Option<Way>,
    what: String,
}

/// One history in the scratch repository.
struct Imported<'d> {
    desk: &'d Desk,
    history: &'d History,
    ids: Vec<Oid>,
    raw: git2::Repository,
    repository: Repository,
}

impl<'d> Imported<'d> {
    fn new(desk: &'d Desk, history: &'d History) -> Imported<'d> {
        let ids = desk.import(history);
        let raw = git2::Repository::open(&desk.fixture.repo).unwrap();
        Imported { desk, history, ids, raw, repository: desk.fixture.repository() }
    }

    /// Judges a proposal, and lands it in all ways for which it is let through; in a checkout, in those given.
    fn examine(&self, tip: usize, head: usize, checkouts: &[Way], count: &mut Count) -> Result<(), Wrong> {
        let bases = self.history.bases(tip, head);
        let base = bases.first().copied().unwrap_or(tip);
        let manifest = self.history.manifest(base, head);
        count.pairs += 1;
        let (lands, is_stopped) = self.desk.judged(&self.repository, &manifest, [base, head, tip].map(|n| self.ids[n]));
        if bases.len() == 1 && self.is_stopped_at_the_desk(base, head, tip) != is_stopped {
            let what = format!("The gate calls it moved: {is_stopped}; the desk says the opposite.");
            return Err(Wrong { tip, head, lands: Lands::Merge, way: None, what });
        }
        count.stopped += usize::from(is_stopped);
        lands.iter().for_each(|lands| *count.allowed.entry(lands.to_string()).or_default() += 1);
        let Some(&first) = lands.first() else { return Ok(()) };
        let wrong = |lands, way, what| Err(Wrong { tip, head, lands, way, what });
        if bases.len() != 1 {
            return wrong(first, None, format!("There are {} merge bases.", bases.len()));
        }
        if first == Lands::FastForward && base != tip {
            return wrong(first, None, "It is not a fast-forward.".to_owned());
        }
        let Some(tree) = self.history.with(tip, base, head) else {
            return wrong(first, None, "What was approved is not a tree there.".to_owned());
        };
        let approved = self.tree_id(&tree);
        for way in BARE.iter().chain(checkouts) {
            // What a squash and a rebase would land, a merge would too.
            let speaks = |lands: &&Lands| {
                **lands == way.method()
                    || (way.method() == Lands::Merge && *way != Way::Merge && **lands != Lands::FastForward)
            };
            let Some(&lands) = lands.iter().find(speaks) else { continue };
            let landed = way.land(&self.raw, self.ids[tip], self.ids[head]);
            count.landed.entry(format!("{way:?}")).or_default()[usize::from(landed.is_none())] += 1;
            if let Some(landed) = landed.filter(|landed| *landed != approved) {
                let ids = [approved.to_string(), landed.to_string()];
                let differs = git(self.raw.workdir().unwrap(), &["diff-tree", "-r", "--abbrev=7", &ids[0], &ids[1]]);
                let differs = String::from_utf8_lossy(&differs.stdout).into_owned();
                let command = way.command(tip, head);
                return wrong(
                    lands,
                    Some(*way),
                    format!("{command}\nfrom what was approved to what lands:\n{differs}"),
                );
            }
        }
        Ok(())
    }

    /// Whether the desk offers no approval of it, since its target has moved.
    fn is_stopped_at_the_desk(&self, base: usize, head: usize, tip: usize) -> bool {
        let [base, head, tip] = [base, head, tip].map(|n| self.ids[n].to_string().parse::<ObjectId>().unwrap());
        let revision = self.repository.revision(base, head, tip).unwrap();
        let diff = diff(&self.repository, revision.base_tree, revision.head_tree).unwrap();
        applied(&self.repository, &revision, &diff).unwrap().is_err()
    }

    fn tree_id(&self, tree: &Tree) -> Oid {
        let mut index = Index::new().unwrap();
        for (path, held) in tree {
            let id = match held.bytes(path) {
                Some(bytes) => Oid::hash_object(ObjectType::Blob, &bytes).unwrap(),
                None => Oid::from_str(&held.commit()).unwrap(),
            };
            let zero = IndexTime::new(0, 0);
            let entry = IndexEntry {
                ctime: zero,
                mtime: zero,
                dev: 0,
                ino: 0,
                mode: u32::from_str_radix(held.octal(), 8).unwrap(),
                uid: 0,
                gid: 0,
                file_size: 0,
                id,
                flags: 0,
                flags_extended: 0,
                path: path.clone().into_bytes(),
            };
            index.add(&entry).unwrap();
        }
        index.write_tree_to(&self.raw).unwrap()
    }
}

/// Whether something is wrong with a pair of a history too, landed by the same way.
fn wrong_in(desk: &Desk, history: &History, tip: usize, head: usize, way: Option<Way>) -> Option<Wrong> {
    let ways: Vec<Way> = way.into_iter().collect();
    Imported::new(desk, history).examine(tip, head, &ways, &mut Count::default()).err()
}

/// Leaves out commits and paths for as long as something is wrong.
fn shrunk(desk: &Desk, mut history: History, mut wrong: Wrong) -> (History, Wrong) {
    'again: loop {
        let Wrong { tip, head, way, .. } = wrong;
        for gone in (0..history.0.len()).filter(|&n| n != tip && n != head) {
            let shift = |n: usize| n - usize::from(n > gone);
            let less = history.without(gone);
            if let Some(still) = wrong_in(desk, &less, shift(tip), shift(head), way) {
                (history, wrong) = (less, still);
                continue 'again;
            }
        }
        for path in history.paths() {
            let less = history.without_path(&path);
            if let Some(still) = wrong_in(desk, &less, tip, head, way) {
                (history, wrong) = (less, still);
                continue 'again;
            }
        }
        return (history, wrong);
    }
}

fn explained(seed: u64, desk: &Desk, history: History, wrong: Wrong) -> String {
    eprintln!("seed {seed}: {}", wrong.what);
    let (history, Wrong { tip, head, lands, what, .. }) = shrunk(desk, history, wrong);
    let stream = String::from_utf8_lossy(&history.stream()).into_owned();
    format!(
        "seed {seed}: with main at c{tip}, c{head} is let through for --lands {lands}, and that is wrong.\n{what}\n\
         git init replay && cd replay && git fast-import <<'STREAM'\n{stream}STREAM\n"
    )
}

/// One history: main's tip and a commit anywhere as targets, all others as proposals.
fn judge(desk: &Desk, seed: u64, count: &mut Count) -> Result<(), String> {
    let mut random = Random::new(seed);
    let (history, tips) = History::random(&mut random);
    let imported = Imported::new(desk, &history);
    let found = (|| {
        let elsewhere = random.below(history.0.len());
        for tip in [tips[0], elsewhere] {
            let held = history.ancestors(tip);
            for head in (0..history.0.len()).filter(|head| !held.contains(head)) {
                // A process and a checkout for each is too much for all of them.
                let mut few = Vec::new();
                if random.below(5) == 0 {
                    few.push(random.of(&CHECKOUTS));
                }
                if random.below(3) == 0 {
                    few.push(random.of(&REBASES));
                }
                // Of several commits, each has a say.
                if history.ancestors(head).difference(&held).count() > 1 && random.below(2) == 0 {
                    few.push(REBASES[0]);
                }
                imported.examine(tip, head, &few, count)?;
            }
        }
        Ok(())
    })();
    found.map_err(|wrong| explained(seed, desk, history.clone(), wrong))
}

#[test]
fn what_git_lands_of_an_allowed_proposal_is_the_target_with_what_was_approved() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let histories = number("UNDERSIGN_PROPOSALS").unwrap_or(HISTORIES);
    let first = number("UNDERSIGN_PROPOSALS_FROM").unwrap_or(0);
    let next = AtomicUsize::new(first);
    let work = || {
        let (desk, mut count) = (Desk::new(), Count::default());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + histories {
                return Ok(count);
            }
            judge(&desk, seed as u64, &mut count)?;
        }
    };
    let counts: Vec<Result<Count, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Count::default();
    counts.into_iter().for_each(|count| all.add(count.unwrap_or_else(|wrong| panic!("{wrong}"))));
    println!("{all}");
    assert!(all.stopped > histories, "{all}");
    assert!(ALL.iter().all(|lands| all.allowed.get(&lands.to_string()).is_some_and(|n| n * 4 > histories)), "{all}");
    let [landed, conflicted] = all.landed.values().fold([0; 2], |sum, [a, b]| [sum[0] + a, sum[1] + b]);
    assert!(landed > 50 * conflicted, "{all}");
}
