//! The promise of weaker evidence, written down a second time as plainly as it can be said, and held against the rules
//! over generated worlds: evidence in memory, signed by keys from fixed seeds, by anybody, of anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use proptest::prelude::*;
use undersign::change::diff::Location;
use undersign::change::digest::Digest;
use undersign::change::manifest::Manifest;
use undersign::change::{ObjectId, RepoPath};
use undersign::gate::{Contents, Decided, NextPolicy, Opaque, RefOutcome, Rest, Step};
use undersign::policy::Policy;
use undersign::record::chain::{Link as Files, file_name};
use undersign::record::envelope::{Envelope, pae};
use undersign::record::evidence::*;
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::sshsig::to_be_signed_for;
use undersign::record::statement::{Decimal, Link, ManifestDigest, RepositoryName, Target};
use undersign::record::{Chain, ChainId, Signable as _};

use crate::plain::Plain;
use crate::properties::{NOW, PEOPLE, Spec, chains, decide_with, rules_with, token};
use crate::scene::MAIN;
use crate::token::Token;

/// The tree of the last step of the push, and the one below it.
const LANDS: &str = "8888888888888888888888888888888888888888";
const BELOW: &str = "7777777777777777777777777777777777777777";
const DAY: i64 = 86_400;

/// Who signs: two keys of the source that is asked, one of another source, one of nobody, and a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    First,
    Second,
    Other,
    Stranger,
    Person,
}

const WHO: [Who; 5] = [Who::First, Who::Second, Who::Other, Who::Stranger, Who::Person];

fn machine(who: Who) -> Token {
    match who {
        Who::Person => token(0),
        _ => Token::new(KeyType::Ed25519, 90 + who as u8),
    }
}

/// One record of a world.
#[derive(Debug, Clone)]
struct Said {
    who: Who,
    device: u8,
    is_build: bool,
    passed: bool,
    is_of_what_lands: bool,
    is_here: bool,
    is_for_main: bool,
    /// Seconds from now.
    at: i64,
}

fn said() -> impl Strategy<Value = Said> {
    let times = prop_oneof![
        Just(-8 * DAY),
        Just(-7 * DAY),
        Just(-7 * DAY + 1),
        -20i64..0,
        Just(0),
        Just(119),
        Just(120),
        Just(121),
        Just(DAY)
    ];
    let mostly = || prop::bool::weighted(0.85);
    (0usize..8, 0u8..2, mostly(), mostly(), mostly(), mostly(), mostly(), times).prop_map(
        |(who, device, is_build, passed, is_of_what_lands, is_here, is_for_main, at)| Said {
            who: WHO[if who < 4 { who % 2 } else { who - 3 }],
            device,
            is_build,
            passed,
            is_of_what_lands,
            is_here,
            is_for_main,
            at,
        },
    )
}

/// How the first key of the source ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Holds,
    Retired,
    Compromised,
    Expired,
}

/// Reading a policy takes longer than to judge by it.
fn policy(end: End, default: &'static str) -> Arc<Policy> {
    type Read = BTreeMap<(End, &'static str), Arc<Policy>>;
    static READ: Mutex<Read> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(read.entry((end, default)).or_insert_with(|| Arc::new(read_policy(end, default))))
}

fn read_policy(end: End, default: &str) -> Policy {
    let line = |who: Who| machine(who).key().to_openssh();
    let end = match end {
        End::Holds => "",
        End::Retired => ", revoked = { reason = \"retired\", at = 2020-01-01T00:00:00Z }",
        End::Compromised => ", revoked = { reason = \"compromised\", since = 2020-01-01T00:00:00Z }",
        End::Expired => ", valid = { until = 2020-01-01T00:00:00Z }",
    };
    let sources = format!(
        "[evidence.ci]\nkind = \"ci\"\nkeys = [{{ key = \"{}\"{end} }}, \"{}\"]\nchecks = [\"build\", \"test\"]\n\
         [evidence.other]\nkind = \"ci\"\nkeys = [\"{}\"]\nchecks = [\"build\"]\n",
        line(Who::First),
        line(Who::Second),
        line(Who::Other)
    );
    rules_with(default, &sources)
}

const ASKS: &str = "require = [\"ci:build\"]\n";

fn sign(world: &[Said]) -> Vec<EvidenceChain> {
    let mut chains: Vec<EvidenceChain> = Vec::new();
    for (at, said) in world.iter().enumerate() {
        let key = machine(said.who).key();
        let id = ChainId { key: key.id().to_string(), device: format!("{:016x}", said.device) };
        let place = chains.iter().position(|chain| chain.id == id).unwrap_or_else(|| {
            chains.push(Chain::empty(id.clone()));
            chains.len() - 1
        });
        let (seq, prev) = chains[place].next();
        let own = Evidence {
            kind: EvidenceKind::Ci,
            name: if said.is_build { "build" } else { "test" }.into(),
            result: if said.passed { EvidenceResult::Pass } else { EvidenceResult::Fail },
            server: String::new(),
            repository: RepositoryName {
                id: if said.is_here { "properties-1" } else { "properties-2" }.into(),
                uri: String::new(),
            },
            target: Target {
                name: if said.is_for_main { MAIN } else { "refs/heads/release" }.into(),
                tip: String::new(),
            },
            commit: "4".repeat(40),
            tree: if said.is_of_what_lands { LANDS } else { BELOW }.into(),
            manifest: ManifestDigest { sha256: String::new(), paths: Decimal(0) },
            link: String::new(),
            issued_at: Decimal((NOW as i64 + said.at) as u64),
            chain: Link { key: id.key.clone(), id: id.device.clone(), seq: Decimal(seq), prev, forks: vec![] },
            nonce: format!("{at:032x}"),
            tool: String::new(),
        };
        let payload = EvidenceStatement::new(own).encode();
        let message = to_be_signed_for(NAMESPACE, &pae(&payload));
        let signature = machine(said.who).sign(&message, TokenUse { flags: 0, counter: 0 });
        let envelope = Envelope::new_for(NAMESPACE, payload, &key, &signature).encode();
        chains[place].extend([Some(Files { name: file_name(seq), envelope, files: Default::default() })]);
        assert_eq!(chains[place].fault, None, "{said:?}");
    }
    chains
}

/// The promise: a result is there if a key that the policy names for it signed, in time, that the build passed for the
/// tree that lands, on this ref of this repository; and none of the source's keys signed later, or may have signed
/// later, that it failed. Where a chain of the source does not hold, nobody knows what failed.
fn is_there(world: &[Said], end: End) -> bool {
    let is_of_source = |said: &Said| matches!(said.who, Who::First | Who::Second);
    let of_source: Vec<(usize, &Said)> = world.iter().enumerate().filter(|(_, said)| is_of_source(said)).collect();
    let is_same_chain = |a: &Said, b: &Said| a.who == b.who && a.device == b.device;
    for (n, earlier) in &of_source {
        if of_source.iter().any(|(m, later)| m > n && is_same_chain(earlier, later) && later.at < earlier.at) {
            return false;
        }
    }
    let is_about_it = |said: &Said| said.is_build && said.is_of_what_lands && said.is_here && said.is_for_main;
    let holds = |said: &Said| said.who == Who::Second || matches!(end, End::Holds);
    let in_time = |said: &Said| said.at > -7 * DAY && said.at <= 120;
    of_source.iter().filter(|(_, said)| said.passed && is_about_it(said) && holds(said) && in_time(said)).any(
        |(n, pass)| {
            let mut fails = of_source.iter().filter(|(_, said)| !said.passed && is_about_it(said));
            !fails.any(|(m, fail)| if is_same_chain(pass, fail) { m > n } else { fail.at >= pass.at })
        },
    )
}

/// A repository that has some chains of evidence, and reads those that it is asked for.
struct Having(Vec<EvidenceChain>);

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

    fn evidence(&self, keys: &BTreeSet<String>) -> Result<Arc<Vec<EvidenceChain>>, String> {
        Ok(Arc::new(self.0.iter().filter(|chain| keys.contains(&chain.id.key)).cloned().collect()))
    }

    fn next_policy(&self, commit: ObjectId, now: Digest) -> Result<Option<NextPolicy>, String> {
        Plain.next_policy(commit, now)
    }
}

/// Everybody who may approves both steps together.
fn approved() -> Vec<Spec> {
    (0..PEOPLE.len() - 1).map(|who| Spec::approval(who, 2)).collect()
}

/// Their chains, signed once.
static APPROVED: LazyLock<Vec<Chain>> = LazyLock::new(|| chains(&approved()));

fn judged(policy: &Policy, specs: &[Spec], world: Vec<EvidenceChain>) -> RefOutcome {
    decide_with(policy, &chains(specs), &Having(world))
}

fn lands_approved(policy: &Policy, world: Vec<EvidenceChain>) -> bool {
    decide_with(policy, &APPROVED, &Having(world)).outcome == Decided::Allow
}

fn lands(policy: &Policy, specs: &[Spec], world: Vec<EvidenceChain>) -> bool {
    judged(policy, specs, world).outcome == Decided::Allow
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![4 => Just(End::Holds), 1 => Just(End::Retired), 1 => Just(End::Compromised), 1 => Just(End::Expired)]
}

/// In the order in which a machine signs most of the time.
fn worlds() -> impl Strategy<Value = Vec<Said>> {
    (prop::collection::vec(said(), 0..7), prop::bool::weighted(0.7)).prop_map(|(mut world, in_order)| {
        if in_order {
            world.sort_by_key(|said| said.at);
        }
        world
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_approved_lands_exactly_where_the_evidence_is_there_that_was_promised(world in worlds(), end in ends()) {
        let signed = sign(&world);
        prop_assert_eq!(lands_approved(&policy(end, ASKS), signed), is_there(&world, end), "{:?}", world);
    }

    #[test]
    fn evidence_changes_no_verdict_where_nothing_asks_for_it(world in worlds(), approvals in 0usize..4, vetoed: bool) {
        let specs: Vec<Spec> = approved().into_iter().take(approvals).chain(vetoed.then(|| Spec::rejection(2, 2))).collect();
        let policy = policy(End::Holds, "");
        prop_assert_eq!(judged(&policy, &specs, sign(&world)), judged(&policy, &specs, Vec::new()));
    }

    #[test]
    fn no_evidence_stands_in_for_a_person_or_against_a_rejection(world in worlds(), approvals in 0usize..4, vetoed: bool) {
        let specs: Vec<Spec> = approved().into_iter().take(approvals).chain(vetoed.then(|| Spec::rejection(2, 2))).collect();
        let without = lands(&policy(End::Holds, ""), &specs, Vec::new());
        prop_assert!(without || !lands(&policy(End::Holds, ASKS), &specs, sign(&world)), "{:?}", world);
    }

    #[test]
    fn what_failed_and_what_strangers_add_let_nothing_land(world in worlds(), more in said(), end in ends()) {
        let policy = policy(end, ASKS);
        let before = lands_approved(&policy, sign(&world));
        let fails = Said { passed: false, ..more.clone() };
        let with = |more: Said| lands_approved(&policy, sign(&[&world[..], &[more]].concat()));
        prop_assert!(before || !with(fails), "{:?}", world);
        for who in [Who::Other, Who::Stranger, Who::Person] {
            prop_assert_eq!(before, with(Said { who, ..more.clone() }));
        }
    }

    #[test]
    fn the_order_of_the_chains_and_of_records_of_different_chains_does_not_matter(world in worlds(), end in ends()) {
        let policy = policy(end, ASKS);
        let mut signed = sign(&world);
        let before = lands_approved(&policy, signed.clone());
        signed.reverse();
        prop_assert_eq!(before, lands_approved(&policy, signed));
    }
}

#[test]
fn worlds_of_all_kinds_are_generated() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut there, mut beaten, mut damaged) = (0, 0, 0);
    for _ in 0..1500 {
        let world = worlds().new_tree(&mut runner).unwrap().current();
        let passes = |world: &[Said]| is_there(world, End::Holds);
        let without: Vec<Said> = world.iter().filter(|said| said.passed).cloned().collect();
        let mut sorted = world.clone();
        sorted.sort_by_key(|said| said.at);
        there += usize::from(passes(&world));
        beaten += usize::from(!passes(&world) && passes(&without));
        damaged += usize::from(!passes(&world) && passes(&sorted));
    }
    assert!(there > 150 && beaten > 20 && damaged > 20, "{there} {beaten} {damaged}");
}
