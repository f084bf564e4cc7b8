//! Looks back over the repositories of an organization: each landing is judged by the organization of then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use undersign::audit::Query;
use undersign::change::digest::Digest;
use undersign::enforcement::Settings;

use super::logs::{Dice, Moved, with_log};
use super::worlds::of_kind;
use super::year::{Change, How, Mark, START, Word, Year, hand};
use super::{Found, asked, nothing_but, query};
use crate::scene::{DAY, HOUR, MAIN};
use crate::support::policy;

pub const FILE: &str = ".undersign/organization.toml";
const INHERITS: &str = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"fixture-1\"\n\
    inherits = \"acme\"\n\
    [refs]\nprotected = [\"refs/heads/main\"]\n\
    [ai]\npresume = true\nsign = { junior = 1, mid = 1, senior = 1, none = 1 }\n\
    [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{ role = \"policy\", n = 1 }]\nsolo = true\n\
    [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n";
/// How many people sign, of sixty.
pub const SENIORS: u64 = 40;
pub const PEOPLE: u64 = 60;
/// Each of these signs for the policy, too.
pub const KEEPERS: u64 = 8;

/// What became of somebody's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Good,
    Retired(i64),
    Compromised(i64),
}

/// Somebody of the organization: the keys that they ever had, the last of them in use.
pub type Keys = Vec<(String, Fate)>;

/// The organization at a time.
#[derive(Debug, Clone)]
pub struct Version {
    pub since: i64,
    pub people: BTreeMap<u64, Keys>,
    pub is_strict: bool,
    pub text: String,
}

impl Version {
    fn write(&mut self, version: usize) {
        let time = |at: i64| jiff::Timestamp::from_second(at).unwrap().to_string();
        let key = |(name, fate): &(String, Fate)| {
            let key = hand(name).key.to_openssh();
            match fate {
                Fate::Good => format!("{{ key = \"{key}\" }}"),
                Fate::Retired(at) => {
                    format!("{{ key = \"{key}\", revoked = {{ reason = \"retired\", at = {} }} }}", time(*at))
                }
                Fate::Compromised(since) => {
                    format!("{{ key = \"{key}\", revoked = {{ reason = \"compromised\", since = {} }} }}", time(*since))
                }
            }
        };
        let person = |(who, keys): (&u64, &Keys)| {
            let keys: Vec<String> = keys.iter().map(key).collect();
            let roles = match who {
                0..SENIORS if who % KEEPERS == 0 => "\"senior\", \"policy\"",
                0..SENIORS => "\"senior\"",
                _ => "\"junior\"",
            };
            format!(
                "[people.p{who}]\nroles = [{roles}]\nemails = [\"p{who}@example.com\"]\nkeys = [{}]\n",
                keys.join(", ")
            )
        };
        let people: String = self.people.iter().map(person).collect();
        let core = "[compartment.core]\npaths = [\"core/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n";
        let core = if self.is_strict { core } else { "" };
        self.text = format!(
            "schema = \"undersign-organization/v1\"\nversion = {version}\norganization = \"acme\"\n\
             [break_glass]\nsign = [{{ role = \"senior\", n = 1 }}]\nmax_per_30d = 9\ndebt_after = \"2d\"\n\
             {people}{core}"
        );
    }

    pub fn digest(&self) -> String {
        Digest::of(self.text.as_bytes()).to_string()
    }

    /// Whether a signature with a key counts that was made at a time.
    pub fn counts(&self, (who, key): &(u64, String), at: i64) -> bool {
        let keys = self.people.get(who).filter(|_| *who < SENIORS);
        keys.is_some_and(|keys| {
            keys.iter().any(|(name, fate)| {
                name == key
                    && match fate {
                        Fate::Good => true,
                        Fate::Retired(end) => at < *end,
                        Fate::Compromised(_) => false,
                    }
            })
        })
    }

    /// Whether it is what a report of the end of the year calls a key that ended.
    pub fn ended(&self, (who, key): &(u64, String)) -> bool {
        let own = |keys: &Keys| keys.iter().any(|(name, fate)| name == key && *fate == Fate::Good);
        !self.people.get(who).is_some_and(own)
    }
}

/// A year of an organization: departures, rotations, lost keys, and one rule that was added.
pub fn versions(dice: &mut Dice) -> Vec<Version> {
    let people = (0..PEOPLE).map(|who| (who, vec![(format!("p{who}"), Fate::Good)])).collect();
    let mut now = Version { since: START - 9 * DAY, people, is_strict: false, text: String::new() };
    now.write(1);
    let mut all = vec![now.clone()];
    for n in 0..24 {
        now.since = START + (12 * n + 5) * DAY + HOUR * dice.of(20) as i64;
        let who = *now.people.keys().nth(dice.of(now.people.len() as u64) as usize).unwrap();
        let fate = match dice.of(4) {
            0 | 1 => Some(Fate::Retired(now.since)),
            2 => Some(Fate::Compromised(now.since - 4 * DAY)),
            _ => None,
        };
        match (n, fate) {
            (12, _) => now.is_strict = true,
            (_, None) => _ = now.people.remove(&who),
            (_, Some(fate)) => {
                let keys = now.people.get_mut(&who).unwrap();
                keys.last_mut().unwrap().1 = fate;
                keys.push((format!("p{who}-{n}"), Fate::Good));
            }
        }
        now.write(all.len() + 1);
        all.push(now.clone());
    }
    all
}

/// The repository of the organization, with these versions of its file.
pub fn home(versions: &[Version]) -> Year {
    let mut home = Year::new();
    for version in versions {
        home.push("rahim", version.since + DAY, "Change the organization", &[(FILE, &version.text)]);
    }
    home.told();
    home
}

/// A repository that inherits: what landed, and what a report must find in it.
struct Shop {
    year: Year,
    moves: Vec<Moved>,
    /// Without and with the gate's log.
    expected: [Found; 2],
}

struct Landing {
    change: Change,
    signers: BTreeSet<(u64, String)>,
    signed: i64,
    is_core: bool,
    /// The version that the gate had then, which may lag behind.
    known: usize,
}

fn shop(versions: &[Version], dice: &mut Dice) -> Shop {
    let mut year = Year::new();
    let start = year.push("p50", START + DAY, "Start", &[(".undersign/policy.toml", INHERITS)]);
    let in_force = |at: i64| versions.partition_point(|version| version.since <= at) - 1;
    let moved = |at, old: Option<Mark>, new, known: Option<usize>| Moved {
        at,
        name: MAIN.to_owned(),
        old,
        new,
        outcome: "allow",
        policy: known.map(|_| Digest::of(INHERITS.as_bytes()).to_string()),
        organization: known.map(|known| versions[known].digest()),
        is_proposal: false,
    };
    let mut moves = vec![moved(start.at, None, start.landed, None)];
    let mut plan = Vec::new();
    for n in 0..8 {
        let at = START + (3 + n * 43 + dice.of(40) as i64) * DAY + HOUR * dice.of(24) as i64;
        let is_core = dice.of(3) == 0;
        let path = if is_core { format!("core/{n}.txt") } else { year.path() };
        let before = year.tip;
        let change = year.land("p50", at, "Change something", &[(&path, "x\n")], How::Merge);
        // Those who sign may have joined, left or changed their key at any time of the year.
        let ever = &versions[dice.of(versions.len() as u64) as usize];
        let signers = (0..1 + dice.of(2)).map(|_| {
            let (who, keys) = ever.people.iter().nth(dice.of(SENIORS - 12) as usize).unwrap();
            (*who, keys[dice.of(keys.len() as u64) as usize].0.clone())
        });
        let mut signers: BTreeSet<_> = signers.collect();
        let known = in_force(at - if dice.of(2) == 0 { 0 } else { 25 * DAY });
        let (old, new) = (&versions[known], &versions[in_force(at)]);
        let signed = change.head_at + HOUR;
        // Somebody of whom the gate does not know yet that they left.
        let has_ended = |own: &(u64, String)| old.counts(own, signed) && !new.counts(own, signed);
        signers.extend(old.people.iter().map(|(who, keys)| (*who, keys[keys.len() - 1].0.clone())).find(has_ended));
        moves.push(moved(at, before, change.landed, Some(known)));
        plan.push(Landing { signed, change, signers, is_core, known });
    }
    year.told();
    let newest = versions.last().unwrap();
    let mut expected: [Found; 2] = Default::default();
    expected.iter_mut().for_each(|found| _ = found.insert(("no-policy".to_owned(), year.id(start.landed))));
    for landing in &plan {
        for (who, key) in &landing.signers {
            let who = format!("p{who}");
            year.sign(&landing.change, Word { key: Some(key), ..Word::new(&who, landing.signed) });
        }
        let commit = year.id(landing.change.landed);
        for (found, version) in expected.iter_mut().zip([in_force(landing.change.at), landing.known]) {
            let version = &versions[version];
            let counted: Vec<_> = landing.signers.iter().filter(|own| version.counts(own, landing.signed)).collect();
            let people: BTreeSet<u64> = counted.iter().map(|(who, _)| *who).collect();
            let needed = if landing.is_core && version.is_strict { 2 } else { 1 };
            if people.len() < needed {
                found.insert(("unapproved".to_owned(), commit.clone()));
            } else if counted.iter().any(|own| newest.ended(own)) {
                found.insert(("key-ended".to_owned(), commit.clone()));
            }
        }
    }
    year.signed();
    Shop { year, moves, expected }
}

pub fn by(organization: &Path, query: Query) -> Query {
    Query { settings: Settings { organization: Some(organization.to_owned()), ..query.settings }, ..query }
}

/// Two hundred repositories with `UNDERSIGN_STRESS=1`.
#[test]
fn what_landed_in_the_repositories_of_an_organization_is_judged_by_the_organization_of_then() {
    let count = if std::env::var_os("UNDERSIGN_STRESS").is_some() { 200 } else { 12 };
    let mut dice = Dice(19);
    let versions = versions(&mut dice);
    let home = home(&versions);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut differ = 0;
    for _ in 0..count {
        let shop = shop(&versions, &mut dice);
        let [without, with] = &shop.expected;
        nothing_but(&asked(&by(&home.repo(), query(&shop.year))), without);
        nothing_but(&asked(&by(&home.repo(), with_log(&shop.year, &shop.moves))), with);
        with.iter().for_each(|(kind, _)| *kinds.entry(kind.clone()).or_default() += 1);
        differ += usize::from(without != with);
    }
    let of = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
    assert!(of("unapproved") > count / 2 && of("key-ended") > count / 2, "{kinds:?}");
    assert!(differ > 0, "a gate whose copy lagged behind makes a difference");
}

#[test]
fn a_log_that_names_a_version_of_the_organization_that_is_not_here_is_told() {
    let mut dice = Dice(7);
    let versions = versions(&mut dice);
    let shop = shop(&versions, &mut dice);
    let report = asked(&by(&home(&versions[versions.len() - 1..]).repo(), with_log(&shop.year, &shop.moves)));
    let told = of_kind(&report, "undecidable");
    assert!(told.len() > 4, "{told:?}");
    let detail = report.exceptions.iter().find(|one| one.kind.name() == "undecidable").unwrap().detail.to_string();
    assert!(detail.contains("--organization names its repository"), "{detail}");
}

/// The organization's own repository is audited like any other, and a looser file for all is told.
#[test]
fn the_organizations_own_changes_are_judged_by_the_file_before_each() {
    let mut home = Year::new();
    let acme = |version: u64, n: u64| {
        let key = hand("rahim").key.to_openssh();
        format!(
            "schema = \"undersign-organization/v1\"\nversion = {version}\norganization = \"acme\"\n\
             [people.rahim]\nroles = [\"senior\"]\nemails = [\"rahim@example.com\"]\nkeys = [\"{key}\"]\n\
             [compartment.core]\npaths = [\"core/**\"]\nsign = [{{ role = \"senior\", n = {n} }}]\n"
        )
    };
    let start = home.push("rahim", START, "Start", &[(".undersign/policy.toml", &policy("")), (FILE, &acme(1, 2))]);
    let mut changes = Vec::new();
    for (at, version, n) in [(9, 2, 3), (19, 3, 3), (29, 4, 1), (39, 4, 2)] {
        let text = acme(version, n);
        changes.push(home.land("mina", START + at * DAY, "Change the rules", &[(FILE, &text)], How::Merge));
    }
    home.told();
    for change in &changes {
        home.sign(change, Word { roles: &["senior", "policy"], ..Word::new("rahim", change.head_at + HOUR) });
    }
    home.signed();
    let id = |at: usize| home.id(changes[at].landed);
    let expected: Found = [
        ("no-policy".to_owned(), home.id(start.landed)),
        ("policy-weakened".to_owned(), id(2)),
        // The version did not grow.
        ("unapproved".to_owned(), id(3)),
    ]
    .into();
    nothing_but(&asked(&by(&home.repo(), query(&home))), &expected);
}
