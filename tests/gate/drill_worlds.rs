//! What drills promise, held against generated worlds: by anybody, of anything, at any time, in any order.
//!
//! A drill changes no answer of a gate but for the sentences that explain a refusal. It is told as one that an
//! emergency would have passed only if the same people, at the same times and by the same terms, would have landed it
//! by declaring one. Who took part, what they lacked and whether the review was done is as plain rules say.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};
use undersign::change::diff::Location;
use undersign::change::digest::Digest;
use undersign::change::manifest::Manifest;
use undersign::change::{Commit, Identity, ObjectId, RepoPath};
use undersign::decision::Verdict;
use undersign::gate::drill::{DrillReport, Practice, drills, practice};
use undersign::gate::{
    Code, Contents, Decided, History, HistoryError, Input, Judged, Lands, Merge, Merging, NextPolicy, Opaque,
    PushEvaluation, ReasonEffect, Remembered, Rest, States, Step, Update, decide_proposal,
};
use undersign::policy::Policy;
use undersign::record::chain::{Link as Files, MANIFEST_FILE, file_name};
use undersign::record::drill::{Drill, DrillChain, DrillStatement, DrillStep, NAMESPACE};
use undersign::record::envelope::{Envelope, pae};
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::sshsig::to_be_signed_for;
use undersign::record::statement::{Decimal, Link, ManifestDigest, Predicate, RepositoryName, Statement, Target};
use undersign::record::{Abridged, Chain, ChainId, Key, Signable as _};

use crate::plain::{Plain, StraightLine};
use crate::properties::{NOW, id, of, predicate, stated};
use crate::scene::{DAY, HOUR, MAIN};
use crate::token::Token;
use crate::worlds::{Chance, Met, ensure, in_each_world};

/// Worlds that broke a promise once.
const KEPT: &[u64] = &[9, 382, 474];

const DEVICE: &str = "0123456789abcdef";

/// By index: the owner of a key. The second of dana may have ended, that of ines is a security key, and nobody in the
/// roster has the last one.
const KEYS: [&str; 7] = ["dana", "dana", "rahim", "ines", "mina", "robo", "zoe"];
const SECOND: usize = 1;
const TOUCHED: usize = 3;

const PEOPLE: [(&str, &[&str]); 5] = [
    ("dana", &["senior"]),
    ("rahim", &["senior", "policy"]),
    ("ines", &["senior"]),
    ("mina", &["senior"]),
    ("robo", &["senior"]),
];

/// The terms of emergencies: whose signatures, by role, and whether a security key must have been touched.
const TERMS: [(&[&str], bool); 5] = [
    (&["senior"], false),
    (&["senior", "senior"], false),
    (&["senior", "policy"], false),
    (&["senior"], true),
    (&[], false),
];
const LASTS: i64 = 4 * HOUR;
/// How long any approval counts, under some policies.
const SHORT: i64 = 2 * HOUR;
/// An hour and two hours before [`NOW`].
const HOUR_AGO: &str = "2026-09-21T13:13:20Z";
const TWO_HOURS_AGO: &str = "2026-09-21T12:13:20Z";

/// What happened to the second key of dana.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Holds,
    /// Two hours ago.
    Retired,
    /// Since one hour ago.
    Compromised,
    /// One hour ago.
    Expired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rules {
    terms: usize,
    end: End,
    debt: i64,
    /// Approvals and emergencies count for two hours at most.
    is_short: bool,
    is_proven: bool,
    self_review: bool,
}

/// One record of a drill.
#[derive(Debug, Clone)]
struct Said {
    key: usize,
    device: u8,
    step: DrillStep,
    /// Which of the records before it began the drill.
    of: usize,
    about: usize,
    /// Seconds from now.
    at: i64,
    lasts: i64,
    is_here: bool,
    is_for_main: bool,
    has_its_roles: bool,
    is_of_its_owner: bool,
    is_touched: bool,
    goes_back: bool,
    /// Whom it names as author besides mina.
    names: Option<&'static str>,
    is_of_the_head: bool,
}

/// One decision of the ledger.
#[derive(Debug, Clone)]
struct Decision {
    key: usize,
    verdict: Verdict,
    about: usize,
    at: i64,
    lasts: i64,
    has_its_roles: bool,
    is_touched: bool,
    names: Option<&'static str>,
    is_of_the_head: bool,
    /// It names all rejections.
    answers: bool,
}

impl Decision {
    fn is_emergency_of(&self, about: usize) -> bool {
        self.verdict == Verdict::BreakGlass && self.about == about
    }
}

#[derive(Debug, Clone)]
struct World {
    rules: Rules,
    said: Vec<Said>,
    ledger: Vec<Decision>,
    /// Which of the changes is pushed.
    about: usize,
    /// How a host lands it; none if it is pushed.
    lands: Option<Lands>,
    author: &'static str,
    committer: &'static str,
}

// ---------------------------------------------------------------------------------------------------- making worlds

fn said(chance: &mut Chance, before: &[Said], at: i64) -> Said {
    let begun: Vec<usize> = (0..before.len()).filter(|&n| before[n].step == DrillStep::Begin).collect();
    let step = match chance.below(10) {
        _ if begun.is_empty() => DrillStep::Begin,
        0..=2 => DrillStep::Begin,
        3..=6 => DrillStep::Join,
        _ => DrillStep::Review,
    };
    let of = if step == DrillStep::Begin { before.len() } else { chance.of(&begun) };
    let about = if step != DrillStep::Begin && chance.percent(90) { before[of].about } else { any_change(chance) };
    Said {
        key: chance.of(&[0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]),
        device: chance.below(2) as u8,
        step,
        of,
        about,
        at,
        lasts: chance.of(&[0, HOUR, 4 * HOUR, 10 * DAY, 10 * DAY]),
        is_here: chance.percent(95),
        is_for_main: chance.percent(95),
        has_its_roles: chance.percent(92),
        is_of_its_owner: chance.percent(96),
        is_touched: chance.percent(70),
        goes_back: chance.percent(10),
        names: names(chance),
        is_of_the_head: chance.percent(80),
    }
}

fn any_change(chance: &mut Chance) -> usize {
    chance.of(&[0, 0, 0, 0, 1, 2, 3, 4])
}

fn names(chance: &mut Chance) -> Option<&'static str> {
    let named = chance.of(&["dana", "rahim", "ines", "stranger"]);
    chance.percent(12).then_some(named)
}

fn time(chance: &mut Chance) -> i64 {
    let known = [
        -40 * DAY,
        -DAY,
        -LASTS - 1,
        -LASTS,
        -LASTS + 1,
        -SHORT - 1,
        -SHORT,
        -SHORT + 1,
        -HOUR,
        -90,
        0,
        119,
        120,
        121,
        DAY,
    ];
    if chance.percent(60) { -(chance.below(3 * HOUR as usize) as i64) } else { chance.of(&known) }
}

fn decision(chance: &mut Chance, about: usize) -> Decision {
    let verdicts = [
        Verdict::Approve,
        Verdict::Approve,
        Verdict::Reject,
        Verdict::Reject,
        Verdict::BreakGlass,
        Verdict::BreakGlass,
        Verdict::HandOver,
    ];
    Decision {
        key: chance.of(&[0, 2, 2, 3, 4]),
        verdict: chance.of(&verdicts),
        about: if chance.percent(50) { about } else { any_change(chance) },
        at: time(chance).min(0),
        lasts: chance.of(&[HOUR, 14 * DAY]),
        has_its_roles: true,
        is_touched: true,
        names: names(chance),
        is_of_the_head: chance.percent(80),
        answers: false,
    }
}

fn world(chance: &mut Chance) -> World {
    let rules = Rules {
        terms: chance.below(TERMS.len()),
        end: chance.of(&[End::Holds, End::Holds, End::Retired, End::Compromised, End::Expired]),
        debt: chance.of(&[DAY, DAY, HOUR]),
        is_short: chance.percent(15),
        is_proven: chance.percent(15),
        self_review: chance.percent(15),
    };
    let mut times: Vec<i64> = (0..1 + chance.below(7)).map(|_| time(chance)).collect();
    if chance.percent(80) {
        times.sort_unstable();
    }
    let mut records: Vec<Said> = Vec::new();
    for at in times {
        let next = said(chance, &records, at);
        records.push(next);
    }
    let about = if chance.percent(60) { records[0].about } else { any_change(chance) };
    let about = if about == 1 || about == 3 { 0 } else { about };
    let ledger = (0..chance.of(&[0, 0, 0, 1, 2, 4])).map(|_| decision(chance, about)).collect();
    let landings = [None, None, Some(Lands::Merge), Some(Lands::Squash), Some(Lands::Rebase)];
    let mut world = World {
        rules,
        said: records,
        ledger,
        about,
        lands: if about == 2 { None } else { chance.of(&landings) },
        author: chance.of(&["mina", "mina", "mina", "dana"]),
        committer: chance.of(&["mina", "mina", "ines"]),
    };
    if chance.percent(10) {
        world.is_taken_over();
    }
    world
}

impl World {
    /// ines rejected it, and rahim took that over. The first drill may name him as author, who takes over nothing.
    fn is_taken_over(&mut self) {
        let (key, verdict, about) = (TOUCHED, Verdict::Reject, self.about);
        let (at, lasts, has_its_roles, is_touched) = (-2 * HOUR, 14 * DAY, true, true);
        let (names, is_of_the_head, answers) = (None, true, false);
        let rejection =
            Decision { key, verdict, about, at, lasts, has_its_roles, is_touched, names, is_of_the_head, answers };
        let taken = Decision { key: 2, verdict: Verdict::HandOver, at: -HOUR, ..rejection.clone() };
        self.ledger = vec![rejection, taken];
        self.said[0].names = (self.said[0].device == 0).then_some("rahim");
    }
}

// ------------------------------------------------------------------------------------------------- what worlds are of

fn token(key: usize) -> Token {
    let kind = if key == TOUCHED { KeyType::SkEd25519 } else { KeyType::Ed25519 };
    Token::new(kind, 120 + key as u8)
}

/// The public keys: to derive them takes long.
fn public(key: usize) -> &'static Key {
    static PUBLIC: LazyLock<Vec<Key>> = LazyLock::new(|| (0..KEYS.len()).map(|key| token(key).key()).collect());
    &PUBLIC[key]
}

/// The changes: of code, of the manual, both as two steps, other code, and of the policy; each with its head.
fn change(about: usize) -> (Manifest, ObjectId) {
    let (first, second) = (("src/lib.rs", "one", "two"), ("docs/a.txt", "a", "b"));
    match about {
        0 => (of(&[first]), id(3)),
        1 => (of(&[second]), id(4)),
        2 => (of(&[first, second]), id(4)),
        3 => (of(&[("src/lib.rs", "one", "three")]), id(9)),
        _ => (of(&[(".undersign/policy.toml", "one", "two")]), id(5)),
    }
}

fn rules(rules: Rules) -> Arc<Policy> {
    // Reading a policy takes longer than to judge by it.
    static READ: Mutex<BTreeMap<Rules, Arc<Policy>>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(read.entry(rules).or_insert_with(|| Arc::new(read_rules(rules))))
}

fn read_rules(rules: Rules) -> Policy {
    let key = |key: usize| public(key).to_openssh();
    let end = match rules.end {
        End::Holds => String::new(),
        End::Retired => format!(", revoked = {{ reason = \"retired\", at = {TWO_HOURS_AGO} }}"),
        End::Compromised => format!(", revoked = {{ reason = \"compromised\", since = {HOUR_AGO} }}"),
        End::Expired => format!(", valid = {{ until = {HOUR_AGO} }}"),
    };
    let (slots, is_touched) = TERMS[rules.terms];
    let sign: Vec<String> = match slots {
        ["senior", "senior"] => vec!["{ role = \"senior\", n = 2 }".to_owned()],
        _ => slots.iter().map(|role| format!("{{ role = \"{role}\", n = 1 }}")).collect(),
    };
    let glass = format!(
        "[break_glass]\nsign = [{}]\nmax_per_30d = 1\nmax_duration = \"{}h\"\ndebt_after = \"{}h\"\n{}",
        sign.join(", "),
        LASTS / HOUR,
        rules.debt / HOUR,
        if is_touched { "presence = \"touch\"\n" } else { "" }
    );
    let person = |(name, roles): (&str, &[&str])| {
        let keys = match name {
            "dana" => format!("\"{}\", {{ key = \"{}\"{end} }}", key(0), key(SECOND)),
            "ines" => {
                format!("{{ key = \"{}\", presence = \"touch\", application = \"ssh:undersign\" }}", key(TOUCHED))
            }
            _ => format!("\"{}\"", key(KEYS.iter().position(|owner| *owner == name).unwrap())),
        };
        let kind = if name == "robo" { "kind = \"bot\"\n" } else { "" };
        format!("[people.{name}]\nroles = {roles:?}\nemails = [\"{name}@example.com\"]\n{kind}keys = [{keys}]\n")
    };
    let text = format!(
        "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"properties-1\"\n{}{}\
         [refs]\nprotected = [\"refs/heads/main\"]\n{}[ai]\npresume = true\n\
         sign = {{ junior = 2, mid = 1, senior = 1, none = 2 }}\n{}\
         [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
         [compartment.docs]\npaths = [\"docs/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n{}",
        if rules.is_proven { "author_proof = \"proven\"\n" } else { "" },
        if rules.self_review { "self_review = true\n" } else { "" },
        PEOPLE.into_iter().map(person).collect::<String>(),
        if rules.is_short { "[limits]\nvalidity = \"2h\"\n" } else { "" },
        if slots.is_empty() { "" } else { &glass }
    );
    Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

fn roles_of(key: usize) -> &'static [&'static str] {
    PEOPLE.iter().find(|(name, _)| *name == KEYS[key]).map_or(&["senior"], |(_, roles)| roles)
}

fn named(names: Option<&str>) -> Vec<String> {
    let all = std::iter::once("mina").chain(names);
    all.map(|name| format!("{name} <{name}@example.com>")).collect()
}

fn chain_of<R: undersign::record::Entry>(chains: &mut Vec<Chain<R>>, key: usize, device: u8) -> usize {
    let own = ChainId { key: public(key).id().to_string(), device: format!("{device:016x}") };
    chains.iter().position(|chain| chain.id == own).unwrap_or_else(|| {
        chains.push(Chain::empty(own));
        chains.len() - 1
    })
}

/// The chains of drills, and the id of each record.
fn practised(said: &[Said]) -> (Vec<DrillChain>, Vec<String>) {
    let (mut chains, mut ids): (Vec<DrillChain>, Vec<String>) = (Vec::new(), Vec::new());
    for (at, one) in said.iter().enumerate() {
        let place = chain_of(&mut chains, one.key, one.device);
        let (seq, prev) = chains[place].next();
        let (manifest, head) = change(one.about);
        let owner = if one.is_of_its_owner { KEYS[one.key] } else { "rahim" };
        let owner = if !one.is_of_its_owner && KEYS[one.key] == "rahim" { "dana" } else { owner };
        let roles = if one.has_its_roles { roles_of(one.key) } else { &["reader"] };
        let issued = (NOW as i64 + one.at) as u64;
        let own = Drill {
            step: one.step,
            drill: if one.step == DrillStep::Begin { String::new() } else { ids[one.of].clone() },
            principal: owner.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            repository: RepositoryName { id: format!("properties-{}", 2 - u8::from(one.is_here)), uri: String::new() },
            target: Target {
                name: if one.is_for_main { MAIN } else { "refs/heads/release" }.into(),
                tip: id(2).to_string(),
            },
            commit: if one.is_of_the_head { head } else { id(14) }.to_string(),
            manifest: ManifestDigest { sha256: manifest.digest().to_string(), paths: Decimal(manifest.len() as u64) },
            authors: named(one.names),
            issued_at: Decimal(issued),
            not_after: Decimal(issued + one.lasts as u64),
            chain: Link {
                key: chains[place].id.key.clone(),
                id: chains[place].id.device.clone(),
                seq: Decimal(seq),
                prev,
                forks: vec![],
            },
            nonce: format!("{at:032x}"),
            tool: "a world".into(),
            reason: "because".into(),
        };
        let payload = DrillStatement::new(own).encode();
        ids.push(Digest::of(&payload).to_string());
        let counter = if one.goes_back { 1 } else { 10 + at as u32 };
        let used = TokenUse { flags: u8::from(one.is_touched), counter };
        let signature = token(one.key).sign(&to_be_signed_for(NAMESPACE, &pae(&payload)), used);
        let envelope = Envelope::new_for(NAMESPACE, payload, public(one.key), &signature).encode();
        let files = [(MANIFEST_FILE.to_owned(), manifest.encode())].into();
        chains[place].extend([Some(Files { name: file_name(seq), envelope, files })]);
        assert_eq!(chains[place].fault, None, "{one:?}");
    }
    (chains, ids)
}

/// The ledger, as a gate recalls it that verified it before: rejections first, so that others can name them.
fn ledger(decisions: &[Decision]) -> Vec<Chain> {
    let (mut chains, mut rejections): (BTreeMap<usize, Vec<Value>>, Vec<String>) = Default::default();
    let is_rejection = |one: &&Decision| one.verdict == Verdict::Reject;
    let (first, then): (Vec<&Decision>, Vec<&Decision>) = decisions.iter().partition(is_rejection);
    for (at, one) in first.into_iter().chain(then).enumerate() {
        // Nobody takes over nothing.
        if one.verdict == Verdict::HandOver && rejections.is_empty() {
            continue;
        }
        let kept = chains.entry(one.key).or_default();
        let (manifest, head) = change(one.about);
        let head = if one.is_of_the_head { head } else { id(14) };
        let own = ChainId { key: public(one.key).id().to_string(), device: DEVICE.to_owned() };
        let place = (kept.len() as u64 + 1, if kept.is_empty() { String::new() } else { "1".repeat(64) });
        let issued = (NOW as i64 + one.at) as u64;
        let roles = if one.has_its_roles { roles_of(one.key) } else { &["reader"] };
        let statement = stated(Predicate {
            verdict: one.verdict,
            principal: KEYS[one.key].into(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            authors: named(one.names),
            answers: if one.answers || one.verdict == Verdict::HandOver { rejections.clone() } else { vec![] },
            issued_at: Decimal(issued),
            not_after: Decimal(issued + one.lasts as u64),
            nonce: format!("{at:032x}"),
            ..predicate(&manifest, head, &own, place)
        });
        if one.verdict == Verdict::Reject {
            rejections.push(Digest::of(&statement.encode()).to_string());
        }
        let manifest = String::from_utf8(manifest.encode()).unwrap();
        let used = (one.key == TOUCHED).then_some((u8::from(one.is_touched), 10));
        kept.push(json!({ "clone": false, "token": used, "statement": statement, "manifest": manifest }));
    }
    chains.into_iter().map(|(key, kept)| recalled(public(key), &kept)).collect()
}

fn recalled(key: &Key, kept: &[Value]) -> Chain {
    let statement = |one: &Value| serde_json::from_value::<Statement>(one["statement"].clone()).unwrap();
    let ids: String = kept.iter().map(|one| Digest::of(&statement(one).encode()).to_string()).collect();
    let own = ChainId { key: key.id().to_string(), device: DEVICE.to_owned() };
    let abridged = json!({
        "chain": own.to_string(), "key": key.to_openssh(), "ids": ids,
        "counter": 10, "seen": {}, "given_up": [], "ended": [], "kept": kept,
    });
    serde_json::from_value::<Abridged>(abridged).unwrap().chain().clone()
}

// -------------------------------------------------------------------------------------------------- asking the gate

/// A repository with drills, which counts how often they are read.
struct Having {
    drills: Arc<Vec<DrillChain>>,
    read: Cell<usize>,
}

impl Contents for Having {
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        Plain.lines(steps)
    }

    fn hidden(&self, steps: &[Step]) -> Result<Vec<Location>, String> {
        Plain.hidden(steps)
    }

    fn opaque(&self, steps: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String> {
        Plain.opaque(steps)
    }

    fn aliases(&self, steps: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String> {
        Plain.aliases(steps)
    }

    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String> {
        Plain.rest(since, until, manifest)
    }

    fn drills(&self) -> Result<Arc<Vec<DrillChain>>, String> {
        self.read.set(self.read.get() + 1);
        Ok(Arc::clone(&self.drills))
    }

    fn next_policy(&self, commit: ObjectId, now: Digest) -> Result<Option<NextPolicy>, String> {
        Plain.next_policy(commit, now)
    }
}

/// Two commits on main and one beside them; each can be merged where main stands.
struct Commits(StraightLine);

fn commits(world: &World) -> Commits {
    let of = |name: &str| Identity { name: name.into(), email: format!("{name}@example.com") };
    let step = |about: usize, from: u8, to: u8| Step {
        from: id(from),
        commit: id(to),
        tree: id(to + 4),
        compared: (id(from + 4), id(to + 4)),
        delta: change(about).0,
        commits: vec![Commit {
            id: id(to),
            parents: vec![id(from)],
            author: of(world.author),
            committer: of(world.committer),
            message: "Write\n".into(),
            time: 0,
        }],
        signers: vec![],
        clean_merges: Vec::new(),
        links: vec![],
    };
    Commits(StraightLine(vec![step(0, 2, 3), step(1, 3, 4), step(4, 2, 5)]))
}

impl History for Commits {
    fn commit_of(&self, id: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        self.0.commit_of(id)
    }

    fn first_parent(&self, commit: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        self.0.first_parent(commit)
    }

    fn is_cut(&self, commit: ObjectId) -> bool {
        self.0.is_cut(commit)
    }

    fn is_ancestor(&self, commit: ObjectId, of: ObjectId) -> Result<bool, HistoryError> {
        self.0.is_ancestor(commit, of)
    }

    fn is_cut_beside(&self, base: ObjectId, sides: [ObjectId; 2]) -> Result<bool, HistoryError> {
        self.0.is_cut_beside(base, sides)
    }

    fn merge_bases(&self, a: ObjectId, b: ObjectId) -> Result<Vec<ObjectId>, HistoryError> {
        self.0.merge_bases(a, b)
    }

    fn steps(&self, start: ObjectId, line: &[ObjectId]) -> Result<Vec<Step>, HistoryError> {
        self.0.steps(start, line)
    }

    fn lacks(&self, base: ObjectId, side: ObjectId, end: ObjectId) -> Result<Option<RepoPath>, HistoryError> {
        self.0.lacks(base, side, end)
    }

    fn merging(&self, tip: ObjectId, head: ObjectId, _: Lands) -> Result<Merging, HistoryError> {
        let step = self.0.0.iter().find(|step| step.commit == head && step.from == tip).cloned().unwrap();
        let merge = Merge { step, replayed: Vec::new(), merges: None, obstacle: None, in_lost_folder: None };
        Ok(Merging { bases: vec![tip], cut: None, merge: Some(merge) })
    }
}

/// What the gate says, and whether it read drills for that.
fn judged(world: &World, ledger: &[Chain], drills: &[DrillChain]) -> (Judged, bool) {
    let policy = rules(world.rules);
    let contents = Having { drills: Arc::new(drills.to_vec()), read: Cell::new(0) };
    let mut states = States::default();
    states.insert(id(2), MAIN);
    let input = Input {
        policy: &policy,
        chains: ledger,
        remembered: &Remembered::default(),
        contents: &contents,
        history: &commits(world),
        states: &states,
        policy_branch: None,
        ahead: true,
        pusher: None,
        signs_of_ai: false,
        now: NOW as i64,
    };
    let update = Update { name: MAIN.to_owned(), old: id(2), new: change(world.about).1 };
    let judged = match world.lands {
        None => PushEvaluation::new(&input).decide(&update),
        Some(lands) => Judged { outcome: decide_proposal(&update, lands, &input), states: Vec::new() },
    };
    (judged, contents.read.get() > 0)
}

// ------------------------------------------------------------------------------------------------- the plain rules

/// The rules of `DRILLS.md` over what was said, and not over records.
struct Plainly<'w> {
    world: &'w World,
    ids: &'w [String],
}

impl Plainly<'_> {
    fn said(&self, n: usize) -> &Said {
        &self.world.said[n]
    }

    fn of_the_same_chain(&self, n: usize) -> impl Iterator<Item = usize> {
        (0..n).filter(move |&m| (self.said(m).key, self.said(m).device) == (self.said(n).key, self.said(n).device))
    }

    fn is_in_order(&self, n: usize) -> bool {
        let mut latest = i64::MIN;
        self.of_the_same_chain(n).chain([n]).all(|m| {
            let follows = self.said(m).at >= latest;
            latest = self.said(m).at;
            follows
        })
    }

    fn is_of_a_copied_key(&self, n: usize) -> bool {
        let one = self.said(n);
        one.key == TOUCHED && one.goes_back && self.of_the_same_chain(n).next().is_some()
    }

    /// Whether the key was good when it signed, and whether it is now.
    fn has_a_good_key(&self, n: usize) -> (bool, bool) {
        let one = self.said(n);
        match self.world.rules.end {
            _ if one.key != SECOND => (true, true),
            End::Holds => (true, true),
            End::Retired => (one.at < -2 * HOUR, one.at < -2 * HOUR),
            End::Compromised | End::Expired => (one.at < -HOUR, false),
        }
    }

    fn counts(&self, n: usize) -> bool {
        let one = self.said(n);
        let is_of_somebody = !["robo", "zoe"].contains(&KEYS[one.key]) && one.is_of_its_owner;
        let is_sound = self.is_in_order(n) && !self.is_of_a_copied_key(n) && self.has_a_good_key(n).0;
        is_of_somebody && is_sound && one.is_here && one.at <= 120
    }

    fn ends(&self, n: usize) -> i64 {
        let longest = match self.terms() {
            Some(_) if self.world.rules.is_short => SHORT,
            Some(_) => LASTS,
            None => i64::MAX,
        };
        self.said(n).at + self.said(n).lasts.min(longest)
    }

    fn belongs(&self, n: usize, begun: usize) -> bool {
        let (one, first) = (self.said(n), self.said(begun));
        let is_in_time = one.at >= first.at && (one.step == DrillStep::Review || one.at < self.ends(begun));
        let is_of_it = one.step != DrillStep::Begin && one.of == begun;
        is_of_it && self.counts(n) && is_in_time && (one.about, one.is_for_main) == (first.about, first.is_for_main)
    }

    /// The records of a step, each after what was signed before it; the one that began it is the first of its step.
    fn taking_part(&self, begun: usize, step: DrillStep) -> Vec<usize> {
        let all = (0..self.world.said.len()).filter(|&n| self.said(n).step == step && self.belongs(n, begun));
        let mut all: Vec<usize> = all.collect();
        all.sort_by_key(|&n| (self.said(n).at, &self.ids[n]));
        all
    }

    fn declared(&self, begun: usize) -> Vec<usize> {
        [vec![begun], self.taking_part(begun, DrillStep::Join)].concat()
    }

    /// The drills that count, the newest first.
    fn all(&self) -> Vec<usize> {
        let all = (0..self.world.said.len()).filter(|&n| self.said(n).step == DrillStep::Begin && self.counts(n));
        let mut all: Vec<usize> = all.collect();
        all.sort_by_key(|&n| (Reverse(self.said(n).at), &self.ids[n]));
        all
    }

    fn is_good_now(&self, n: usize) -> bool {
        0 < self.ends(n) && self.has_a_good_key(n).1
    }

    /// The drills of what is pushed that go on, each with who would let it through now.
    fn going_on(&self) -> Vec<(usize, Vec<usize>)> {
        let is_meant = |n: &usize| self.said(*n).about == self.world.about && self.said(*n).is_for_main;
        let open = self.all().into_iter().filter(|n| is_meant(n) && 0 < self.ends(*n));
        let good = |n: usize| self.declared(n).into_iter().filter(|m| self.is_good_now(*m)).collect::<Vec<_>>();
        open.map(|n| (n, good(n))).filter(|(_, good)| !good.is_empty()).collect()
    }

    fn terms(&self) -> Option<(&'static [&'static str], bool)> {
        Some(TERMS[self.world.rules.terms]).filter(|(slots, _)| !slots.is_empty())
    }

    fn people(&self, of: &[usize]) -> Vec<String> {
        let mut people: Vec<String> = Vec::new();
        for name in of.iter().map(|&n| KEYS[self.said(n).key].to_owned()) {
            if !people.contains(&name) {
                people.push(name);
            }
        }
        people
    }

    fn is_author(&self, n: usize, declared: &[usize]) -> bool {
        let own = KEYS[self.said(n).key];
        own == "mina" || declared.iter().any(|&m| self.said(m).names == Some(own))
    }

    /// The signatures that an emergency would have counted.
    fn counted(&self, begun: usize) -> Vec<usize> {
        let declared = self.declared(begun);
        let must_touch = self.terms().is_some_and(|(_, must_touch)| must_touch);
        let is_there = |n: usize| !must_touch || (self.said(n).key == TOUCHED && self.said(n).is_touched);
        declared.iter().copied().filter(|&n| !self.is_author(n, &declared) && is_there(n)).collect()
    }

    /// Each slot by another person.
    fn fill(&self, slots: &[&str], signed: &[usize]) -> bool {
        let mut able: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for &n in signed.iter().filter(|&&n| self.said(n).has_its_roles) {
            able.entry(KEYS[self.said(n).key]).or_default().extend(roles_of(self.said(n).key));
        }
        fn place(slots: &[&str], able: &BTreeMap<&str, BTreeSet<&str>>) -> bool {
            let Some((role, rest)) = slots.split_first() else { return true };
            able.iter().filter(|(_, roles)| roles.contains(role)).any(|(person, _)| {
                let mut left = able.clone();
                left.remove(person);
                place(rest, &left)
            })
        }
        place(slots, &able)
    }

    /// When the earliest of these were enough, from the first on.
    fn enough(&self, signed: &[usize], is_enough: impl Fn(&[usize]) -> bool) -> Option<Vec<usize>> {
        (1..=signed.len()).map(|n| &signed[..n]).find(|part| is_enough(part)).map(<[usize]>::to_vec)
    }

    fn due(&self, begun: usize) -> Option<i64> {
        let (slots, _) = self.terms().filter(|_| self.said(begun).about != 4)?;
        let needed = self.enough(&self.counted(begun), |part| self.fill(slots, part))?;
        Some(needed.iter().map(|&n| self.said(n).at).max()? + self.world.rules.debt)
    }

    fn reviewed(&self, begun: usize) -> Option<Vec<usize>> {
        let declared = self.declared(begun);
        let may = |n: &usize| self.world.rules.self_review || !self.is_author(*n, &declared);
        let reviews: Vec<usize> = self.taking_part(begun, DrillStep::Review).into_iter().filter(may).collect();
        let is_unknown = declared.iter().any(|&n| self.said(n).names == Some("stranger"));
        let seniors: &[&str] = if is_unknown { &["senior", "senior"] } else { &["senior"] };
        let asked: &[&[&str]] = match self.said(begun).about {
            0 | 3 => &[&["senior"], seniors],
            1 => &[&["policy"], seniors],
            2 => &[&["senior"], &["policy"], seniors],
            _ => &[&["policy"], seniors],
        };
        self.enough(&reviews, |part| asked.iter().all(|slots| self.fill(slots, part)))
    }
}

// ------------------------------------------------------------------------------------------------- the promises

fn without_drills(mut judged: Judged) -> Judged {
    judged.outcome.reasons.retain(|reason| reason.code != Code::Drill);
    judged
}

fn told(judged: &Judged) -> Vec<String> {
    let drills = judged.outcome.reasons.iter().filter(|reason| reason.code == Code::Drill);
    drills.map(|reason| reason.detail.clone()).collect()
}

#[test]
fn a_drill_changes_no_answer_of_a_gate_but_for_what_explains_a_refusal() {
    let mut met = Met::default();
    in_each_world(800, KEPT, |chance| {
        let world = world(chance);
        let (chains, ledger) = (practised(&world.said).0, ledger(&world.ledger));
        let (before, _) = judged(&world, &ledger, &[]);
        let (after, has_read) = judged(&world, &ledger, &chains);
        let is_allowed = after.outcome.outcome == Decided::Allow;
        let explains =
            after.outcome.reasons.iter().all(|one| one.code != Code::Drill || one.effect == ReasonEffect::Explains);
        ensure(explains, || format!("{:?} of {world:?}", after.outcome))?;
        ensure(!is_allowed || !has_read, || format!("what lands waits for drills: {world:?}"))?;
        ensure(!is_allowed || told(&after).is_empty(), || format!("what lands tells of drills: {world:?}"))?;
        met.count("allowed", is_allowed);
        met.count("by an emergency", after.outcome.break_glass && is_allowed);
        met.count("told", !told(&after).is_empty());
        met.count("two steps", !told(&after).is_empty() && world.about == 2);
        met.count("a proposal", !told(&after).is_empty() && world.lands.is_some());
        let (before, after) = (without_drills(before), without_drills(after));
        ensure(before == after, || format!("{before:?} became {after:?} of {world:?}"))
    });
    println!("{:?}", met.0);
    met.at_least(2);
}

/// The same people declare an emergency, with the same keys and at the same times.
fn in_earnest(world: &World, people: &[usize], answers: bool) -> Judged {
    let declared = people.iter().map(|&n| {
        let Said { key, about, at, lasts, has_its_roles, is_touched, names, is_of_the_head, .. } = world.said[n];
        let verdict = Verdict::BreakGlass;
        Decision { key, verdict, about, at, lasts, has_its_roles, is_touched, names, is_of_the_head, answers }
    });
    let all: Vec<Decision> = world.ledger.iter().cloned().chain(declared).collect();
    judged(world, &ledger(&all), &[]).0
}

#[test]
fn a_drill_is_told_as_passed_exactly_if_an_emergency_by_the_same_people_lands_it() {
    let mut met = Met::default();
    in_each_world(800, KEPT, |chance| {
        let world = world(chance);
        let (chains, ids) = practised(&world.said);
        let (refused, _) = judged(&world, &ledger(&world.ledger), &chains);
        if refused.outcome.outcome == Decided::Allow {
            return Ok(());
        }
        let plainly = Plainly { world: &world, ids: &ids };
        let (sentences, held) = (told(&refused), plainly.going_on());
        // What lands in steps of its own is no longer what was drilled.
        if world.about == 2 && sentences.is_empty() {
            return Ok(());
        }
        ensure(sentences.len() == held.len().min(3), || format!("{sentences:?} of {held:?} in {world:?}"))?;
        for (sentence, (begun, people)) in sentences.iter().zip(held) {
            let names = plainly.people(&people).join(" and ");
            let [earnest, answering] = [false, true].map(|answers| in_earnest(&world, &people, answers));
            let lands = |judged: &Judged| judged.outcome.outcome == Decided::Allow && judged.outcome.break_glass;
            let (is_passed, is_if) = (sentence.contains("would land it, "), sentence.contains("would land it if "));
            met.count("passed", is_passed);
            met.count("passed if it names a rejection", is_if);
            let is_taken_over = world.ledger.iter().any(|one| one.verdict == Verdict::HandOver);
            met.count("passed as a rejection is taken over", is_passed && is_taken_over);
            met.count("not passed, as an author took it over", is_if && is_taken_over);
            met.count("not passed", !is_passed && !is_if);
            met.count("too few", sentence.contains("Break-glass needs"));
            met.count("by an author", sentence.contains("is an author"));
            met.count("without terms", sentence.contains("no terms"));
            met.count("of the policy", sentence.contains("No emergency changes the policy"));
            met.count("overdue", sentence.contains("its review is overdue"));
            met.count("once too often", sentence.contains("Break-glass was used"));
            ensure(sentence.contains(&format!("a drill by {names}, ")), || format!("{names}: {sentence}"))?;
            let pairs = [(is_passed, lands(&earnest)), (is_passed || is_if, lands(&answering))];
            // Somebody declared an emergency as well, and together they are enough.
            let is_declared = world.ledger.iter().any(|one| one.is_emergency_of(world.about));
            // The review of a drill is not a decision, and pays for nothing in earnest.
            let is_reviewed = plainly.reviewed(begun).is_some();
            let holds = pairs.iter().all(|(told, lands)| told == lands || (is_declared && !told) || is_reviewed);
            ensure(holds, || format!("{sentence}\nand\n{earnest:?}\nand\n{answering:?}\nin {world:?}"))?;
        }
        Ok(())
    });
    println!("{:?}", met.0);
    met.at_least(2);
}

#[test]
fn who_took_part_in_a_drill_and_what_is_owed_is_as_plain_rules_say() {
    let mut met = Met::default();
    in_each_world(800, KEPT, |chance| {
        let world = world(chance);
        let (chains, ids) = practised(&world.said);
        let plainly = Plainly { world: &world, ids: &ids };
        let policy = rules(world.rules);
        let reports = drills(&policy, &chains, NOW as i64);
        let all = plainly.all();
        ensure(reports.len() == all.len(), || format!("{reports:?} of {world:?}"))?;
        for (report, begun) in reports.iter().zip(all) {
            let (due, at) = (plainly.due(begun), |n: &usize| NOW as i64 + plainly.said(*n).at);
            let reviewed = due.and_then(|_| plainly.reviewed(begun));
            let reviewers: BTreeSet<String> = reviewed.iter().flat_map(|reviews| plainly.people(reviews)).collect();
            met.count("enough", due.is_some());
            met.count("not enough", due.is_none());
            met.count("reviewed", reviewed.is_some());
            met.count("owed", due.is_some() && reviewed.is_none());
            met.count("several", report.people.len() > 1);
            met.count("over", !report.is_open(NOW as i64));
            let same = report.id == ids[begun]
                && report.people == plainly.people(&plainly.declared(begun))
                && report.until == NOW as i64 + plainly.ends(begun)
                && report.due == due.map(|due| NOW as i64 + due)
                && report.lacking.is_none() == due.is_some()
                && report.reviewed == reviewed.as_ref().and_then(|reviews| reviews.last().map(at))
                && report.reviewers == reviewers.into_iter().collect::<Vec<_>>();
            ensure(same, || format!("{report:?}, and due {due:?}, reviewed {reviewed:?} in {world:?}"))?;
        }
        let last = |name: &str| {
            let counted = plainly.all().into_iter().flat_map(|begun| plainly.counted(begun));
            counted.filter(|&n| KEYS[plainly.said(n).key] == name).map(|n| NOW as i64 + plainly.said(n).at).max()
        };
        let may = PEOPLE.iter().filter(|(name, roles)| {
            *name != "robo" && plainly.terms().is_some_and(|(slots, _)| slots.iter().any(|role| roles.contains(role)))
        });
        let mut known: Vec<Practice> =
            may.map(|(name, _)| Practice { target: None, person: (*name).to_owned(), last: last(name) }).collect();
        known.sort_by(|a, b| a.person.cmp(&b.person));
        let said = practice(&policy, &chains, NOW as i64);
        met.count("practised", said.iter().any(|one| one.last.is_some()));
        ensure(said == known, || format!("{said:?}, and {known:?} in {world:?}"))
    });
    println!("{:?}", met.0);
    met.at_least(2);
}

#[test]
fn the_order_in_which_chains_are_read_changes_nothing_of_a_drill() {
    in_each_world(200, KEPT, |chance| {
        let world = world(chance);
        let mut chains = practised(&world.said).0;
        let policy = rules(world.rules);
        let asked = |chains: &[DrillChain]| -> (Judged, Vec<DrillReport>) {
            (judged(&world, &ledger(&world.ledger), chains).0, drills(&policy, chains, NOW as i64))
        };
        let before = asked(&chains);
        chains.reverse();
        let after = asked(&chains);
        ensure(before == after, || format!("{before:?} became {after:?} of {world:?}"))
    });
}
