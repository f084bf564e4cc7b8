//! An organization of many repositories over a year: sixty people, departures, rotations, lost keys, gates that lag
//! behind, and incidents of all kinds, generated from numbers alone. Every exception that was planted is found, and
//! nothing else; another run makes the same bytes, and a report is verified where nothing of all this is.
//!
//! Two hundred repositories with `UNDERSIGN_TEST_ORGANIZATION=1`, in some minutes; otherwise twelve.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use undersign::audit::Query;
use undersign::change::digest::Digest;
use undersign::change::manifest::Manifest;
use undersign::decision::Verdict;
use undersign::enforcement::Settings;
use undersign::gate::summary::GateKey;
use undersign::gate_state::{Entry, EntryRef, LANDED, Log};
use undersign::outcomes;

use super::logs::Dice;
use super::organization::{Fate, KEEPERS, PEOPLE, SENIORS, Version, by, home, versions};
use super::year::{Change, How, START, Word, Year};
use super::{FORMATS, Found, asked, nothing_but, query, text, version};
use crate::scene::{DAY, HOUR, MAIN, once, piped};

const POLICY: &str = ".undersign/policy.toml";
const INHERITS: &str = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"fixture-1\"\n\
    inherits = \"acme\"\n\
    [refs]\nprotected = [\"refs/heads/main\"]\n\
    [ai]\npresume = true\nsign = { junior = 1, mid = 1, senior = 1, none = 1 }\n\
    [break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 9\ndebt_after = \"2d\"\n\
    [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{ role = \"policy\", n = 1 }]\nsolo = true\n\
    [compartment.till]\npaths = [\"till/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n\
    [compartment.safe]\npaths = [\"safe/**\"]\nsign = [{ role = \"senior\", n = 1 }]\n\
    [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n";

/// The days of each landing, and how many there are.
const STEP: i64 = 28;
const LANDINGS: i64 = 12;

/// What happens to a landing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Usual,
    /// It is taken back ten days later, in order.
    TakenBack,
    Unapproved,
    Hasty,
    Withdrawn,
    EmergencyReviewed,
    EmergencyOwed,
    PastTheGate,
    GateOnlyReports,
    Refused,
    RecordLost,
    PolicyWeakened,
    Unreadable,
}

impl Event {
    /// The exception that it is.
    fn exception(self) -> Option<&'static str> {
        Some(match self {
            Event::Usual | Event::TakenBack | Event::EmergencyReviewed => return None,
            Event::Unapproved => "unapproved",
            Event::Hasty => "hasty",
            Event::Withdrawn => "withdrawn",
            Event::EmergencyOwed => "review-owed",
            Event::PastTheGate => "no-verdict",
            Event::GateOnlyReports => "report-only",
            Event::Refused => "refused",
            Event::RecordLost => "record-lost",
            Event::PolicyWeakened => "policy-weakened",
            Event::Unreadable => "undecidable",
        })
    }

    /// Half of all landings are as they should be. An emergency stands in the way of the next one, and a policy is
    /// weakened once.
    fn drawn(dice: &mut Dice, happened: &BTreeSet<&'static str>) -> Event {
        let event = match dice.of(26) {
            0..2 => Event::TakenBack,
            2 => Event::Unapproved,
            3 => Event::Hasty,
            4 => Event::Withdrawn,
            5 => Event::EmergencyReviewed,
            6 => Event::EmergencyOwed,
            7 => Event::PastTheGate,
            8 => Event::GateOnlyReports,
            9 => Event::Refused,
            10 => Event::RecordLost,
            11 => Event::PolicyWeakened,
            12 => Event::Unreadable,
            _ => Event::Usual,
        };
        let is_once = matches!(event, Event::EmergencyOwed | Event::EmergencyReviewed | Event::PolicyWeakened);
        if is_once && happened.contains(once_word(event)) { Event::Usual } else { event }
    }
}

/// Both emergencies are one kind.
fn once_word(event: Event) -> &'static str {
    if event == Event::PolicyWeakened { "policy" } else { "emergency" }
}

/// A person with the key that they sign with.
type Hand = (u64, String);

struct Landing {
    change: Change,
    event: Event,
    /// When it lands.
    at: i64,
    hands: Vec<Hand>,
    /// The version of the organization that its gate has then, and the policy of the repository before it.
    known: usize,
    policy: String,
}

/// A repository, its gate's log, and what a report must find.
pub struct Shop {
    year: Year,
    state: PathBuf,
    expected: Found,
    taken_back: usize,
}

/// Those whose first key counts all year: what an incident is must not depend on when its gate learnt what.
fn steady(versions: &[Version]) -> Vec<u64> {
    let is_good = |version: &Version, who: u64| {
        version.people.get(&who).is_some_and(|keys| keys.len() == 1 && keys[0].1 == Fate::Good)
    };
    (0..SENIORS).filter(|who| versions.iter().all(|version| is_good(version, *who))).collect()
}

fn first_key(who: u64) -> Hand {
    (who, format!("p{who}"))
}

/// Who approves: of those whose keys count by this version, people who may leave or change their key later.
fn approvers(version: &Version, at: i64, count: usize, dice: &mut Dice) -> Vec<Hand> {
    let own = |(who, keys): (&u64, &Vec<(String, Fate)>)| {
        let key = keys.iter().map(|(name, _)| (*who, name.clone())).rfind(|hand| version.counts(hand, at));
        key.filter(|_| *who < SENIORS)
    };
    let all: Vec<Hand> = version.people.iter().filter_map(own).collect();
    let first = dice.of(all.len() as u64) as usize;
    (0..count).map(|nth| all[(first + nth) % all.len()].clone()).collect()
}

fn plan(year: &mut Year, versions: &[Version], dice: &mut Dice) -> Vec<Landing> {
    let steady = steady(versions);
    let keeper = steady.iter().copied().find(|who| who % KEEPERS == 0);
    let weak = version(
        &once(
            INHERITS,
            "\"till/**\"]\nsign = [{ role = \"senior\", n = 2",
            "\"till/**\"]\nsign = [{ role = \"senior\", n = 1",
        ),
        2,
    );
    let in_force = |at: i64| versions.partition_point(|version| version.since <= at).saturating_sub(1);
    let (mut policy, mut happened, mut all) = (INHERITS.to_owned(), BTreeSet::new(), Vec::new());
    for nth in 0..LANDINGS {
        let mut event = Event::drawn(dice, &happened);
        // A report ends with the newest landing: what is said a day later comes too late for it.
        let is_too_late = nth + 1 == LANDINGS && matches!(event, Event::Withdrawn | Event::EmergencyReviewed);
        if is_too_late || event == Event::PolicyWeakened && keeper.is_none() {
            event = Event::Usual;
        }
        let at = START + (3 + nth * STEP + dice.of(14) as i64) * DAY + HOUR * dice.of(24) as i64;
        let how = [How::Merge, How::Squash, How::Forward, How::Series][dice.of(4) as usize];
        let is_usual = matches!(event, Event::Usual | Event::TakenBack);
        let how = if is_usual { how } else { How::Merge };
        let folder = ["src", "core", "till"][dice.of(3) as usize];
        let path = match event {
            Event::PolicyWeakened => POLICY.to_owned(),
            // Nothing more lands in its compartment.
            Event::EmergencyOwed => format!("safe/{nth}.txt"),
            _ => format!("{folder}/{nth}.txt"),
        };
        let known = in_force(at - if dice.of(2) == 0 { 0 } else { 25 * DAY });
        let is_double = folder == "till" && policy == INHERITS || folder == "core";
        let message =
            if dice.of(3) == 0 { "Change it\n\nCo-Authored-By: Claude <noreply@anthropic.com>" } else { "Change it" };
        let words = format!("{nth}\n");
        let before = policy.clone();
        if event == Event::PolicyWeakened {
            policy.clone_from(&weak);
        }
        let new = if event == Event::PolicyWeakened { weak.as_str() } else { words.as_str() };
        let author = format!("p{}", SENIORS + dice.of(PEOPLE - SENIORS));
        let change = match event {
            Event::Unreadable => unreadable(year, at),
            _ => year.land(&author, at, message, &[(&path, new)], how),
        };
        let at = change.at.max(change.head_at + DAY);
        let start = dice.of(steady.len() as u64) as usize;
        let two = || (0..2).map(|own| first_key(steady[(start + own) % steady.len()])).collect::<Vec<Hand>>();
        let hands = match event {
            Event::Unapproved | Event::Unreadable => Vec::new(),
            Event::PolicyWeakened => keeper.map(first_key).into_iter().collect(),
            _ if is_usual => approvers(&versions[known], change.head_at + HOUR, 1 + usize::from(is_double), dice),
            _ => two(),
        };
        if matches!(event, Event::EmergencyOwed | Event::EmergencyReviewed | Event::PolicyWeakened) {
            happened.insert(once_word(event));
        }
        all.push(Landing { change, event, at, hands, known, policy: before });
        if event == Event::TakenBack {
            let at = at + 10 * DAY;
            let (known, hands) = (in_force(at), two());
            let change = year.land(&author, at, "Take it back", &[(&path, "")], How::Merge);
            all.push(Landing { change, event: Event::Usual, at, hands, known, policy: policy.clone() });
        }
    }
    all
}

/// A commit by nobody.
fn unreadable(year: &mut Year, at: i64) -> Change {
    let (files, tip) = (year.files.clone(), year.tip.unwrap());
    let odd = year.commit("mina <>", at, "Odd", &[tip], &files);
    year.tip = Some(odd);
    Change { base: tip, head: odd, landed: odd, head_at: at - DAY, at, manifest: Manifest::default(), steps: 1 }
}

/// Signs what was decided about a landing; returns the records.
fn sign(year: &mut Year, landing: &Landing) -> Vec<String> {
    let change = &landing.change;
    let names: Vec<String> = landing.hands.iter().map(|(who, _)| format!("p{who}")).collect();
    let roles: &[&str] = if landing.event == Event::PolicyWeakened { &["senior", "policy"] } else { &["senior"] };
    let word = |nth: usize, at: i64| Word { key: Some(&landing.hands[nth].1), roles, ..Word::new(&names[nth], at) };
    let mut records = Vec::new();
    match landing.event {
        Event::EmergencyOwed | Event::EmergencyReviewed => {
            let glass = Word { verdict: Verdict::BreakGlass, ..word(0, change.at - HOUR) };
            records.push(year.sign(change, glass));
            if landing.event == Event::EmergencyReviewed {
                (0..2).for_each(|nth| _ = year.sign(change, word(nth, change.at + DAY)));
            }
        }
        event => {
            let at = change.head_at + if event == Event::Hasty { 20 } else { HOUR };
            records.extend((0..names.len()).map(|nth| year.sign(change, word(nth, at))));
            if event == Event::Withdrawn {
                for (nth, own) in records.iter().enumerate() {
                    let supersedes = vec![own.clone()];
                    let word = Word { verdict: Verdict::Withdraw, supersedes, ..word(nth, landing.at + DAY) };
                    year.sign(change, word);
                }
            }
        }
    }
    records
}

/// One line of a gate's log about a move of main.
fn line(outcome: &str, enforced: bool, at: i64, old: &str, new: &str) -> Entry {
    let moved = EntryRef {
        name: MAIN.to_owned(),
        old: if outcome == LANDED { String::new() } else { old.to_owned() },
        new: new.to_owned(),
        outcome: outcome.to_owned(),
        reasons: Vec::new(),
        records: Vec::new(),
        why: Vec::new(),
    };
    Entry {
        seq: 0,
        prev: String::new(),
        at,
        pusher: Some("mina".to_owned()),
        outcome: outcome.to_owned(),
        enforced,
        policy: None,
        organization: None,
        refs: vec![moved],
        proposal: false,
        cut: None,
        missing: None,
        note: None,
        host: None,
    }
}

fn shop(versions: &[Version], dice: &mut Dice) -> Shop {
    let mut year = Year::new();
    let start = year.push("p50", START + DAY, "Start", &[(POLICY, INHERITS)]);
    let all = plan(&mut year, versions, dice);
    year.told();
    let state = year.dir.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let log = Log::in_dir(&state);
    let enter = |entry: Entry| _ = log.append(entry).unwrap();
    let newest = versions.last().unwrap();
    let first = year.id(start.landed);
    let mut expected: Found = [("no-policy".to_owned(), first.clone())].into();
    enter(line("allow", true, start.at, &"0".repeat(40), &first));
    // What comes next may come past the gate, whose next line then does not lead from here.
    enter(line(LANDED, true, start.at + 60, "", &first));
    let (mut old, mut last) = (first, start.at);
    for landing in &all {
        let records = sign(&mut year, landing);
        let commit = year.id(landing.change.landed);
        let mut plant = |kind: &str| _ = expected.insert((kind.to_owned(), commit.clone()));
        landing.event.exception().into_iter().for_each(&mut plant);
        if landing.hands.iter().any(|hand| newest.ended(hand)) {
            plant("key-ended");
        }
        let of = |outcome: &str, enforced: bool, at: i64| Entry {
            policy: Some(Digest::of(landing.policy.as_bytes()).to_string()),
            organization: Some(versions[landing.known].digest()),
            ..line(outcome, enforced, at, &old, &commit)
        };
        match landing.event {
            Event::PastTheGate => {}
            Event::GateOnlyReports => enter(of("deny", false, landing.at)),
            Event::Refused => enter(of("deny", true, landing.at)),
            event => {
                let lost = (event == Event::RecordLost).then(|| Digest::of(b"gone").to_string());
                let mut allowed = of("allow", true, landing.at);
                allowed.refs[0].records = records.iter().cloned().chain(lost).collect();
                enter(of("deny", true, landing.at - HOUR));
                enter(allowed);
                enter(of(LANDED, true, landing.at + 60));
            }
        }
        (old, last) = (commit, landing.at);
    }
    if dice.of(4) == 0 {
        let gone = "9".repeat(40);
        enter(line("allow", true, last + 2 * DAY, &old, &gone));
        enter(line(LANDED, true, last + 2 * DAY + 60, "", &gone));
        expected.insert(("rewritten".to_owned(), gone));
    }
    year.signed();
    let taken_back = all.iter().filter(|landing| landing.event == Event::TakenBack).count();
    Shop { year, state, expected, taken_back }
}

/// A repository in which many things happen, and the organization that it inherits from.
pub fn eventful() -> (Year, Shop) {
    let mut dice = Dice(200);
    let versions = versions(&mut dice);
    let most = (0..6).map(|_| shop(&versions, &mut dice)).max_by_key(|shop| shop.expected.len()).unwrap();
    (home(&versions), most)
}

impl Shop {
    pub fn query(&self, home: &Path) -> Query {
        let settings = Settings { state: Some(self.state.clone()), ..Settings::default() };
        by(home, Query { settings, ..query(&self.year) })
    }
}

fn count() -> usize {
    if std::env::var_os("UNDERSIGN_TEST_ORGANIZATION").is_some() { 200 } else { 12 }
}

/// All that a report of each repository finds, and how often each kind.
#[test]
fn a_year_of_an_organization_is_reported_with_every_planted_exception_and_nothing_else() {
    let begun = Instant::now();
    let mut dice = Dice(200);
    let versions = versions(&mut dice);
    let home = home(&versions);
    let (mut kinds, mut landings, mut taken_back): (BTreeMap<String, usize>, usize, usize) = Default::default();
    for _ in 0..count() {
        let shop = shop(&versions, &mut dice);
        let query = shop.query(&home.repo());
        let report = asked(&query);
        nothing_but(&report, &shop.expected);
        landings += report.landings.len();
        shop.expected.iter().for_each(|(kind, _)| *kinds.entry(kind.clone()).or_default() += 1);
        let query =
            outcomes::Query { landed: query, watch_to: None, within_days: 90, rework_days: 14, with_tiers: false };
        let found = outcomes::report(&query, &|_, _, _| ()).unwrap().summary;
        assert_eq!((found.reverted, found.with_outcome), (shop.taken_back, shop.taken_back), "{found:?}");
        taken_back += shop.taken_back;
    }
    eprintln!(
        "{} repositories, {landings} landings in {:?}: {taken_back} taken back, {kinds:?}",
        count(),
        begun.elapsed()
    );
    // Each kind is among them.
    assert!(landings > 12 * count() && taken_back > 0);
    let wanted =
        ["no-policy", "unapproved", "hasty", "withdrawn", "review-owed", "no-verdict", "report-only", "refused"];
    for kind in wanted.iter().chain(&["record-lost", "policy-weakened", "undecidable", "key-ended", "rewritten"]) {
        assert!(kinds.contains_key(*kind), "{kind} is planted: {kinds:?}");
    }
}

#[test]
fn the_same_numbers_make_the_same_organization_and_the_same_reports_on_another_machine() {
    let made = || {
        let mut dice = Dice(200);
        let versions = versions(&mut dice);
        (home(&versions), shop(&versions, &mut dice))
    };
    let (home, shop) = made();
    let reports = |home: &Path, shop: &Shop| FORMATS.map(|format| text(&asked(&shop.query(home)), format));
    let first = reports(&home.repo(), &shop);
    assert!(first == reports(&home.repo(), &shop), "asked again");
    let (other_home, other) = made();
    assert!(first == reports(&other_home.repo(), &other), "generated again");
    // Copied by git, to folders with other names; and the log with it.
    let machine = tempfile::tempdir().unwrap();
    let copied = |year: &Year, name: &str| {
        let place = machine.path().join(name);
        let copy = Command::new("git").args(["clone", "-q", "--mirror"]).arg(year.repo()).arg(&place).status();
        assert!(copy.unwrap().success());
        // What fetches from somewhere is a copy, of which somebody has to say whose.
        let alone = Command::new("git").current_dir(&place).args(["remote", "remove", "origin"]).status();
        assert!(alone.unwrap().success());
        place
    };
    let (moved_home, moved) = (copied(&home, "rules.git"), copied(&shop.year, "moved.git"));
    let state = machine.path().join("log");
    std::fs::create_dir(&state).unwrap();
    for file in std::fs::read_dir(&shop.state).unwrap().flatten() {
        std::fs::copy(file.path(), state.join(file.file_name())).unwrap();
    }
    let query = Query { repository: moved, ..shop.query(&moved_home) };
    let query = Query { settings: Settings { state: Some(state), ..query.settings }, ..query };
    for (format, first) in FORMATS.iter().zip(&first) {
        assert!(text(&asked(&query), *format) == *first, "{format:?} on another machine");
    }
}

/// The program signs; then all that it worked on is gone, and stock tools judge the files alone.
#[test]
fn the_report_of_an_organizations_repository_verifies_with_stock_tools_where_nothing_else_is() {
    let machine = tempfile::tempdir().unwrap();
    let place = |name: &str| machine.path().join(name).display().to_string();
    let mut dice = Dice(41);
    let versions = versions(&mut dice);
    {
        let (home, shop) = (home(&versions), shop(&versions, &mut dice));
        let key = shop.year.dir.path().join("gate.pem");
        std::fs::write(&key, &*GateKey::generate([7; 32]).to_pem()).unwrap();
        for format in ["html", "json", "csv"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
            command.arg("--repo").arg(shop.year.repo()).args(["report", "audit", "--format", format]);
            command.arg("--state").arg(&shop.state).arg("--organization").arg(home.repo());
            let out = command.args(["--output", &place(format)]).arg("--sign").arg(&key).output().unwrap();
            let told = String::from_utf8(out.stderr).unwrap();
            assert_eq!(out.status.code(), Some(0), "{told}");
            std::fs::write(place("signers"), told.split("allowed signers: ").nth(1).unwrap()).unwrap();
        }
    }
    for format in ["html", "json", "csv"] {
        let verified = |bytes: &[u8]| {
            let signature = format!("{}.sig", place(format));
            let mut keygen = Command::new("ssh-keygen");
            keygen.args([
                "-Y",
                "verify",
                "-f",
                &place("signers"),
                "-I",
                "gate",
                "-n",
                "audit@undersign",
                "-s",
                &signature,
            ]);
            piped(&mut keygen, bytes).0 == 0
        };
        let mut bytes = std::fs::read(place(format)).unwrap();
        assert!(verified(&bytes), "{format}");
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        assert!(!verified(&bytes), "{format}: a changed byte");
    }
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(place("json")).unwrap()).unwrap();
    assert_eq!(report["schema"], "undersign-audit/v1");
    assert!(report["exceptions"].as_array().is_some_and(|all| !all.is_empty()));
}

/// Which repositories of all keep to the organization: those without a gate, with a gate that judges by an older copy,
/// that do not inherit, or that ask for less are named, and no other.
#[test]
fn of_all_repositories_those_that_do_not_keep_to_the_organization_are_named() {
    let mut dice = Dice(60);
    let versions = versions(&mut dice);
    let dir = tempfile::tempdir().unwrap();
    let [older, newest] = ["older.toml", "newest.toml"].map(|name| dir.path().join(name));
    std::fs::write(&older, &versions[versions.len() - 2].text).unwrap();
    std::fs::write(&newest, &versions.last().unwrap().text).unwrap();
    let program = |args: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
        command.env("HOME", dir.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let out = command.args(args).output().unwrap();
        let said = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
        (out.status.code().unwrap(), said)
    };
    let (mut kept, mut places) = (Vec::new(), BTreeMap::new());
    for nth in 0..count() {
        let mut year = Year::new();
        let (text, why) = match nth % 12 {
            1 => (INHERITS.to_owned(), "there is no pre-receive hook"),
            3 => (INHERITS.to_owned(), "its gate judges by version"),
            5 => (
                once(INHERITS, "inherits = \"acme\"\n", "").replace("[refs]", &format!("{}[refs]", people(&versions))),
                "does not inherit",
            ),
            7 => (once(INHERITS, "version = 1\n", "version = 1\nself_review = true\n"), "asks for less"),
            _ => (INHERITS.to_owned(), ""),
        };
        let text = text.replace("fixture-1", &format!("shop-{nth}"));
        year.push("p50", START + DAY, "Start", &[(POLICY, &text)]);
        year.told();
        if nth % 12 != 1 {
            let file = if nth % 12 == 3 { &older } else { &newest };
            let install = ["gate", "install", "--organization"].map(Path::new);
            let (exit, said) = program(&[&install[..], &[file, &year.repo()]].concat());
            // One that asks for less cannot be judged by: the hook is there all the same.
            assert!(exit == 0 || nth % 12 == 7, "{nth}: {said}");
        }
        places.insert(year.repo(), why);
        kept.push(year);
    }
    let command = ["org", "status", "--json", "--organization"].map(Path::new);
    let all: Vec<&Path> = command.into_iter().chain([&*newest]).chain(places.keys().map(|place| &**place)).collect();
    let begun = Instant::now();
    let (exit, said) = program(&all);
    let took = begun.elapsed();
    eprintln!("org status of {} repositories: {took:?}", places.len());
    assert_eq!(exit, 2, "{said}");
    let status: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let rows = status["repositories"].as_array().unwrap();
    assert_eq!(rows.len(), count());
    for row in rows {
        let why = places[Path::new(row["path"].as_str().unwrap())];
        let deviates = row["deviates"].to_string();
        assert_eq!(row["deviates"].as_array().unwrap().is_empty(), why.is_empty(), "{row}");
        assert!(deviates.contains(why), "{why}: {row}");
    }
    assert!(took.as_secs_f64() < 0.5 * count() as f64, "{took:?}");
}

/// The people of the organization, for a policy of its own.
fn people(versions: &[Version]) -> String {
    let text = &versions.last().unwrap().text;
    let from = text.find("[people.").unwrap();
    text[from..text.find("[compartment.").unwrap_or(text.len())].to_owned()
}
