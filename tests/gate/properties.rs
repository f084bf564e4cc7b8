//! What holds of every ledger, and not only of the rows of `docs/threat-model.md`: chains in memory, signed by keys
//! from fixed seeds, judged by the rules alone; once, where the policy lies in git, by the whole gate.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use undersign::change::diff::Mode;
use undersign::change::digest::Digest;
use undersign::change::manifest::{Image, Manifest};
use undersign::change::{Commit, Identity, ObjectId};
use undersign::decision::Verdict;
use undersign::gate::{
    self, Code, Contents, Decided, Input, PushEvaluation, RefOutcome, Remembered, States, Step, Update,
};
use undersign::policy::Policy;
use undersign::record::chain::Link;
use undersign::record::envelope::{Envelope, pae};
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::sshsig::to_be_signed;
use undersign::record::statement::*;
use undersign::record::{Abridged, Chain, ChainId, Key, Record, RecordId};

use crate::plain::{Plain, StraightLine};
use crate::scene::{MAIN, denied, judged, next, once, propose};
use crate::support::{Fixture, policy};
use crate::token::Token;

pub const NOW: u64 = 1_790_000_000;
pub const PEOPLE: [(&str, &str); 4] =
    [("dana", "\"senior\""), ("rahim", "\"senior\", \"policy\""), ("ines", "\"senior\""), ("mina", "\"junior\"")];
/// Nobody in the roster has its key.
const STRANGER: usize = 4;

/// One record, with what it refers to by position among those before it.
#[derive(Debug, Clone)]
pub struct Spec {
    who: usize,
    device: u8,
    verdict: Verdict,
    /// Which of [`manifests`].
    about: usize,
    expired: bool,
    /// It names all rejections before it.
    answers: bool,
    /// It takes the place of the signer's own rejections of the same content before it.
    replaces: bool,
}

pub fn token(who: usize) -> Token {
    Token::new(KeyType::Ed25519, 60 + who as u8)
}

impl Spec {
    /// An approval of one of the manifests.
    pub fn approval(who: usize, about: usize) -> Spec {
        let (verdict, device) = (Verdict::Approve, 0);
        Spec { who, device, verdict, about, expired: false, answers: false, replaces: false }
    }

    /// A rejection of one of the manifests.
    pub fn rejection(who: usize, about: usize) -> Spec {
        Spec { verdict: Verdict::Reject, ..Spec::approval(who, about) }
    }
}

fn rules(more: &str) -> Policy {
    rules_with("", more)
}

/// `default` goes into the table of the default compartment.
pub fn rules_with(default: &str, more: &str) -> Policy {
    let people: String = PEOPLE
        .iter()
        .enumerate()
        .map(|(who, (id, roles))| {
            let key = token(who).key().to_openssh();
            format!("[people.{id}]\nroles = [{roles}]\nemails = [\"{id}@example.com\"]\nkeys = [\"{key}\"]\n")
        })
        .collect();
    let text = format!(
        "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"properties-1\"\n[refs]\nprotected = [\"refs/heads/main\"]\n\
         {people}[ai]\npresume = true\nhuman_only_by = [\"policy\"]\nsign = {{ junior = 2, mid = 1, senior = 1, none = 2 }}\n\
         [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
         [compartment.docs]\npaths = [\"docs/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n{default}{more}"
    );
    Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

const GLASS: &str = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 2\ndebt_after = \"1h\"\n";

pub fn id(digit: u8) -> ObjectId {
    ObjectId([digit << 4 | digit; 20])
}

pub fn of(entries: &[(&str, &str, &str)]) -> Manifest {
    let image = |text: &str| Some(Image { mode: Mode::File, content: Digest::of(text.as_bytes()) });
    let mut manifest = Manifest::default();
    entries.iter().for_each(|(path, old, new)| manifest.insert((*path).into(), image(old), image(new)));
    manifest
}

/// The two steps of the push, both at once, and another version of the first; each with its head.
fn manifests() -> [(Manifest, ObjectId); 4] {
    let (first, second) = (("src/lib.rs", "one", "two"), ("docs/a.txt", "a", "b"));
    [
        (of(&[first]), id(3)),
        (of(&[second]), id(4)),
        (of(&[first, second]), id(4)),
        (of(&[("src/lib.rs", "one", "three")]), id(9)),
    ]
}

/// mina's two commits.
fn steps() -> Vec<Step> {
    let mina = Identity { name: "mina".into(), email: "mina@example.com".into() };
    let [(first, _), (second, _), ..] = manifests();
    let step = |delta: Manifest, from: u8, to: u8| Step {
        from: id(from),
        commit: id(to),
        tree: id(to + 4),
        compared: (id(from + 4), id(to + 4)),
        delta,
        commits: vec![Commit {
            id: id(to),
            parents: vec![id(from)],
            author: mina.clone(),
            committer: mina.clone(),
            message: "Write\n".into(),
            time: 0,
        }],
        signers: vec![],
        clean_merges: Vec::new(),
        links: vec![],
    };
    vec![step(first, 2, 3), step(second, 3, 4)]
}

/// Signs the records, in their order, each at the end of its chain.
pub fn chains(specs: &[Spec]) -> Vec<Chain> {
    // A point of a curve costs as much as a signature.
    static KEYS: LazyLock<Vec<(Token, Key)>> =
        LazyLock::new(|| (0..=STRANGER).map(token).map(|token| (token.clone(), token.key())).collect());
    let mut chains: Vec<Chain> = Vec::new();
    let mut signed: Vec<(usize, String)> = Vec::new();
    for (at, spec) in specs.iter().enumerate() {
        let (token, key) = &KEYS[spec.who];
        let id = ChainId { key: key.id().to_string(), device: format!("{:016x}", spec.device) };
        let place = chains.iter().position(|chain| chain.id == id).unwrap_or_else(|| {
            chains.push(Chain::empty(id.clone()));
            chains.len() - 1
        });
        let (seq, prev) = chains[place].next();
        let (statement, manifest) = statement(spec, &specs[..at], &signed, &id, (seq, prev), at);
        let payload = statement.encode();
        signed.push((at, Digest::of(&payload).to_string()));
        let signature = token.sign(&to_be_signed(&pae(&payload)), TokenUse { flags: 0, counter: 0 });
        let envelope = Envelope::new(payload, key, &signature).encode();
        let link = Link::of_decision(seq, envelope, manifest, b"[]\n".to_vec());
        chains[place].extend([Some(link)]);
        assert_eq!(chains[place].fault, None, "{spec:?}");
    }
    chains
}

fn statement(
    spec: &Spec,
    before: &[Spec],
    signed: &[(usize, String)],
    chain: &ChainId,
    (seq, prev): (u64, String),
    at: usize,
) -> (Statement, Vec<u8>) {
    let named = |wanted: &dyn Fn(&Spec) -> bool| -> Vec<String> {
        signed.iter().filter(|(n, _)| wanted(&before[*n])).map(|(_, id)| id.clone()).collect()
    };
    let is_rejection = |other: &Spec| other.verdict == Verdict::Reject;
    let own = |other: &Spec| other.who == spec.who && other.about == spec.about && is_rejection(other);
    let (manifest, head) = manifests()[spec.about].clone();
    let (roles, principal) = PEOPLE.get(spec.who).map_or((vec!["senior"], "dana"), |(id, roles)| {
        (roles.split(", ").map(|role| role.trim_matches('"')).collect(), *id)
    });
    // A stranger says to be dana, ends and answers everything.
    let reaches_far = spec.who == STRANGER;
    let can_answer = matches!(spec.verdict, Verdict::Approve | Verdict::BreakGlass) && (spec.answers || reaches_far);
    let issued = if spec.expired { NOW - 100 * 86_400 } else { NOW - 600 - at as u64 };
    let supersedes = match () {
        () if reaches_far => named(&|_| true),
        () if spec.replaces => named(&own),
        () => vec![],
    };
    let predicate = Predicate {
        verdict: spec.verdict,
        principal: principal.into(),
        roles: roles.into_iter().map(str::to_owned).collect(),
        supersedes,
        answers: if can_answer { named(&is_rejection) } else { vec![] },
        issued_at: Decimal(issued),
        not_after: Decimal(issued + 14 * 86_400),
        nonce: format!("{at:032x}"),
        ..predicate(&manifest, head, chain, (seq, prev))
    };
    (stated(predicate), manifest.encode())
}

/// What somebody would sign who saw all of it; by whom and when is still to be said.
pub fn predicate(manifest: &Manifest, head: ObjectId, chain: &ChainId, (seq, prev): (u64, String)) -> Predicate {
    let files = Decimal(manifest.len() as u64);
    let point = |commit: ObjectId| Point { commit: commit.to_string(), tree: id(8).to_string() };
    Predicate {
        verdict: Verdict::Approve,
        principal: String::new(),
        roles: vec![],
        repository: RepositoryName { id: "properties-1".into(), uri: String::new() },
        target: Target { name: MAIN.into(), tip: id(2).to_string() },
        base: point(id(2)),
        head: point(head),
        result_tree: id(8).to_string(),
        manifest: ManifestDigest { sha256: manifest.digest().to_string(), paths: files },
        authors: vec!["mina <mina@example.com>".into()],
        policy: PolicyName { version: Decimal(1), sha256: "6".repeat(64) },
        findings: Findings {
            rules: "7".repeat(64),
            sha256: Digest::of(b"[]\n").to_string(),
            total: Decimal(0),
            answered: vec![],
        },
        notes: vec![],
        provenance: ProvenanceClaim { status: "undeclared".into(), evidence: vec![] },
        coverage: Coverage {
            files,
            files_seen: files,
            hunks: files,
            hunks_seen: files,
            carried_over: Decimal(0),
            hidden_characters: Decimal(0),
            omissions: vec![],
        },
        supersedes: vec![],
        answers: vec![],
        chain: undersign::record::statement::Link {
            key: chain.key.clone(),
            id: chain.device.clone(),
            seq: Decimal(seq),
            prev,
            forks: vec![],
        },
        seen: vec![],
        issued_at: Decimal(NOW),
        not_after: Decimal(NOW),
        challenge: String::new(),
        nonce: String::new(),
        tool: "properties".into(),
        reason: "because".into(),
    }
}

pub fn stated(predicate: Predicate) -> Statement {
    let subject = Subject {
        name: predicate.repository.id.clone(),
        digest: SubjectDigest { git_commit: predicate.head.commit.clone(), git_tree: predicate.result_tree.clone() },
    };
    Statement::new(subject, predicate)
}

pub fn decide(policy: &Policy, chains: &[Chain]) -> RefOutcome {
    decide_at(policy, chains, &Remembered::default(), NOW as i64)
}

fn decide_at(policy: &Policy, chains: &[Chain], remembered: &Remembered, now: i64) -> RefOutcome {
    with_grounds(policy, chains, remembered, now, pushed)
}

/// What the rules say to a push of both steps.
fn pushed(grounds: &Input<'_>) -> RefOutcome {
    PushEvaluation::new(grounds).decide(&Update { name: MAIN.to_owned(), old: id(2), new: id(4) }).outcome
}

/// The same where objects of the repository say other things than [`Plain`].
pub fn decide_with(policy: &Policy, chains: &[Chain], contents: &dyn Contents) -> RefOutcome {
    with_grounds(policy, chains, &Remembered::default(), NOW as i64, |grounds| pushed(&Input { contents, ..*grounds }))
}

fn with_grounds<T>(
    policy: &Policy,
    chains: &[Chain],
    remembered: &Remembered,
    now: i64,
    ask: impl FnOnce(&Input<'_>) -> T,
) -> T {
    let mut states = States::default();
    states.insert(id(2), MAIN);
    ask(&Input {
        policy,
        chains,
        remembered,
        contents: &Plain,
        history: &StraightLine(steps()),
        states: &states,
        policy_branch: None,
        ahead: true,
        pusher: None,
        signs_of_ai: false,
        now,
    })
}

/// A gate that received the chains at `NOW`.
fn having_received(chains: &[Chain]) -> Remembered {
    let mut remembered = Remembered::default();
    chains.iter().for_each(|chain| remembered.receipts.learn(chain, NOW as i64));
    remembered
}

/// The chains as a gate reads them that lets go of what is over under any policy.
fn without_what_is_over(chains: &[Chain], now: i64) -> Vec<Chain> {
    let about = |record: &Record| record.predicate().manifest.sha256.clone();
    let emergencies: BTreeSet<String> = chains
        .iter()
        .flat_map(|chain| &chain.records)
        .filter(|record| record.predicate().verdict == Verdict::BreakGlass)
        .map(|record| about(record))
        .collect();
    let mut chains = chains.to_vec();
    let is_over = |record: &Record| gate::is_over(record.predicate(), now) && !emergencies.contains(&about(record));
    chains.iter_mut().for_each(|chain| chain.let_go(is_over));
    chains
}

/// The chains as a gate has them that kept what of the `known` ones had a say at `NOW`, and read on from there.
fn read_on(known: &[Chain], spent: &HashSet<RecordId>, all: &[Chain]) -> Vec<Chain> {
    let read_on = |chain: &Chain| {
        let Some(known) = known.iter().find(|known| known.id == chain.id) else { return chain.clone() };
        let written = serde_json::to_vec(&known.abridged(|record| spent.contains(&record.id()))).unwrap();
        let mut kept = serde_json::from_slice::<Abridged>(&written).unwrap().chain().clone();
        kept.extend(chain.records[known.len()..].iter().map(|record| Some(record.link.clone())));
        kept
    };
    all.iter().map(read_on).collect()
}

fn decision(outcome: &RefOutcome) -> (Decided, bool) {
    (outcome.outcome, outcome.break_glass)
}

fn lands(policy: &Policy, specs: &[Spec]) -> bool {
    decide(policy, &chains(specs)).outcome == Decided::Allow
}

fn codes(outcome: &RefOutcome) -> BTreeSet<Code> {
    outcome.reasons.iter().map(|reason| reason.code).collect()
}

fn spec(verdicts: &'static [Verdict]) -> impl Strategy<Value = Spec> {
    let place = (0..PEOPLE.len(), 0..2u8, 0..manifests().len());
    let how = (prop::sample::select(verdicts), prop::bool::weighted(0.15), any::<bool>(), any::<bool>());
    (place, how).prop_map(|((who, device, about), (verdict, expired, answers, replaces))| Spec {
        who,
        device,
        verdict,
        about,
        expired,
        answers,
        replaces,
    })
}

/// Approvals are likelier than the rest, so that much would land.
const VERDICTS: &[Verdict] = &[
    Verdict::Approve,
    Verdict::Approve,
    Verdict::Approve,
    Verdict::Approve,
    Verdict::Approve,
    Verdict::Reject,
    Verdict::BreakGlass,
    Verdict::HumanOnly,
];

pub fn ledger() -> impl Strategy<Value = Vec<Spec>> {
    prop::collection::vec(spec(VERDICTS), 2..9)
}

/// After which many answered what was rejected and approved the steps, so that it lands under a strict policy too.
pub fn settled_ledger() -> impl Strategy<Value = Vec<Spec>> {
    let approval = (spec(&[Verdict::Approve]), prop::bool::weighted(0.9)).prop_map(|(spec, answers)| Spec {
        expired: false,
        answers,
        about: spec.about % 3,
        ..spec
    });
    (ledger(), prop::collection::vec(approval, 0..24)).prop_map(|(before, after)| [before, after].concat())
}

/// Of which much ran out long ago, as in a ledger of years.
fn aged_ledger() -> impl Strategy<Value = Vec<Spec>> {
    let aged = (spec(VERDICTS), prop::bool::weighted(0.3)).prop_map(|(spec, expired)| Spec { expired, ..spec });
    prop::collection::vec(aged, 4..16)
}

/// Where the rest is shuffled into, so that what is added may come at any time.
fn with(specs: &[Spec], at: prop::sample::Index, new: Spec) -> Vec<Spec> {
    let mut specs = specs.to_vec();
    specs.insert(at.index(specs.len() + 1), new);
    specs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rejection_more_lets_nothing_land(specs in ledger(), rejection in spec(&[Verdict::Reject]), glass: bool) {
        let policy = rules(if glass { GLASS } else { "" });
        let rejection = Spec { replaces: false, ..rejection };
        let more = [&specs[..], &[rejection]].concat();
        prop_assert!(lands(&policy, &specs) || !lands(&policy, &more));
    }

    #[test]
    fn an_approval_less_lets_nothing_land(specs in ledger(), glass: bool) {
        let policy = rules(if glass { GLASS } else { "" });
        let landed = lands(&policy, &specs);
        for at in (0..specs.len()).filter(|&at| specs[at].verdict == Verdict::Approve) {
            let mut less = specs.clone();
            less.remove(at);
            prop_assert!(landed || !lands(&policy, &less), "without {at}");
        }
    }

    #[test]
    fn the_order_of_the_chains_does_not_matter(specs in ledger(), glass: bool, seed: u64) {
        let policy = rules(if glass { GLASS } else { "" });
        let mut chains = chains(&specs);
        let before = decide(&policy, &chains);
        chains.sort_by_key(|chain| Digest::of(format!("{seed} {}", chain.id).as_bytes()));
        let after = decide(&policy, &chains);
        prop_assert_eq!((before.outcome, codes(&before)), (after.outcome, codes(&after)));
        prop_assert_eq!(before.requirements, after.requirements);
    }

    #[test]
    fn a_record_of_a_strangers_key_changes_nothing(
        specs in ledger(), strange in spec(VERDICTS), at: prop::sample::Index, glass: bool, damaged: bool,
    ) {
        let policy = rules(if glass { GLASS } else { "" });
        let known = chains(&specs);
        let strange = Spec { who: STRANGER, ..strange };
        let mut more = chains(&with(&specs, at, strange));
        let stranger = more.iter_mut().find(|chain| chain.id.key == token(STRANGER).key().id().to_string()).unwrap();
        if damaged {
            stranger.extend([None]);
        }
        let (before, after) = (decide(&policy, &known), decide(&policy, &more));
        prop_assert_eq!((before.outcome, codes(&before)), (after.outcome, codes(&after)));
    }

    #[test]
    fn an_expired_approval_lets_nothing_land(
        specs in ledger(), approval in spec(&[Verdict::Approve]), at: prop::sample::Index,
    ) {
        let policy = rules("");
        let approval = Spec { expired: true, replaces: false, ..approval };
        prop_assert!(lands(&policy, &specs) || !lands(&policy, &with(&specs, at, approval)));
    }

    #[test]
    fn a_gate_that_lets_go_of_what_is_over_decides_as_one_that_keeps_all(
        specs in aged_ledger(), glass: bool, days in 0..40_i64,
    ) {
        let policy = rules(if glass { GLASS } else { "" });
        let (all, now) = (chains(&specs), NOW as i64 + days * 86_400);
        let remembered = having_received(&all);
        let fewer = without_what_is_over(&all, now);
        let (before, after) =
            (decide_at(&policy, &all, &remembered, now), decide_at(&policy, &fewer, &remembered, now));
        prop_assert_eq!(decision(&before), decision(&after), "{:?} {:?}", codes(&before), codes(&after));
    }

    #[test]
    fn a_gate_that_kept_what_had_a_say_decides_as_one_that_reads_all_again(
        specs in aged_ledger(), glass: bool, at: prop::sample::Index, days in 0..40_i64,
    ) {
        let policy = rules(if glass { GLASS } else { "" });
        let (known, all) = (chains(&specs[..at.index(specs.len() + 1)]), chains(&specs));
        let mut remembered = having_received(&known);
        let spent = with_grounds(&policy, &known, &remembered, NOW as i64, gate::obsolete);
        let kept = read_on(&known, &spent, &all);
        let now = NOW as i64 + days * 86_400;
        all.iter().for_each(|chain| remembered.receipts.learn(chain, now));
        let (before, after) =
            (decide_at(&policy, &all, &remembered, now), decide_at(&policy, &kept, &remembered, now));
        prop_assert_eq!(decision(&before), decision(&after), "{:?} {:?}", codes(&before), codes(&after));
    }
}

/// Whether gates let go of much in the ledgers above, and of some that lands all the same.
#[test]
fn ledgers_with_and_without_what_is_over_are_judged() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut over, mut spent, mut landed) = (0, 0, 0);
    for _ in 0..300 {
        let policy = rules(GLASS);
        let all = chains(&aged_ledger().new_tree(&mut runner).unwrap().current());
        let count = |chains: &[Chain]| chains.iter().map(|chain| chain.records.len()).sum::<usize>();
        let gone = count(&all) - count(&without_what_is_over(&all, NOW as i64));
        over += gone;
        spent += with_grounds(&policy, &all, &having_received(&all), NOW as i64, gate::obsolete).len();
        landed += usize::from(gone > 0 && decide(&policy, &all).outcome == Decided::Allow);
    }
    assert!(over > 100 && spent > 100 && landed > 10, "{over} {spent} {landed}");
}

/// Whether the ledgers above are worth judging: some land, and some do not, with and without emergencies.
#[test]
fn ledgers_of_all_kinds_are_judged() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let judged = |glass: &str| {
        let policy = rules(glass);
        let mut seen = BTreeSet::new();
        for _ in 0..150 {
            let outcome = decide(&policy, &chains(&ledger().new_tree(&mut runner).unwrap().current()));
            seen.extend(codes(&outcome).iter().map(|code| format!("{code}")));
            seen.insert(format!("{} {}", outcome.outcome.name(), outcome.break_glass));
        }
        seen
    };
    let all: BTreeSet<String> = ["", GLASS].into_iter().flat_map(judged).collect();
    for wanted in ["allow false", "allow true", "deny false", "VETOED", "AI_UNSIGNED", "ROLE", "BREAK_GLASS", "EXPIRED"]
    {
        assert!(all.contains(wanted), "{wanted}: {all:?}");
    }
}

/// Ways to ask for less, each a text of the policy and what it becomes.
const WEAKENINGS: [(&str, &str); 6] = [
    ("[compartment.default]\nsign = [{ role = \"senior\"", "[compartment.default]\nsign = [{ role = \"junior\""),
    ("presume = true", "presume = false"),
    ("junior = 1, mid = 1, senior = 1, none = 1", "junior = 0, mid = 0, senior = 0, none = 0"),
    ("version = 1\n", "version = 1\nself_review = true\n"),
    ("roles = [\"junior\"]", "roles = [\"senior\", \"policy\"]"),
    ("protected = [\"refs/heads/main\"]", "protected = [\"refs/heads/other\"]\nopen = [\"refs/heads/**\"]"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// mina weakens the policy in her own change, and signs that. By the policy that she proposes, it might land.
    #[test]
    fn a_policy_in_the_change_has_no_say(which in prop::sample::subsequence(WEAKENINGS.to_vec(), 1..=6), alone: bool) {
        let weak = which.iter().fold(next(&policy("")), |text, (from, to)| match *from {
            "version = 1\n" => once(&text, "version = 2\n", "version = 2\nself_review = true\n"),
            from => once(&text, from, to),
        });
        let f = Fixture::new();
        let files = [(".undersign/policy.toml", weak.as_str()), ("src/new.rs", "x\n")];
        propose(&f, "mina", "weak", &files[..if alone { 1 } else { 2 }]);
        f.decide("mina", "weak", Verdict::Approve);
        denied(judged(&f, "weak"), if alone { "UNSIGNED" } else { "POLICY_MIXED" });
    }
}
