//! `.undersign/services.toml`, held to its promise over generated files: whatever it says, nothing that a change asks for
//! is lowered by it, and a change of the file is judged by the one that was agreed to. And its parser: it says all
//! mistakes at once, each at its line, and panics at no bytes.

use std::collections::BTreeSet;

use undersign::change::{Change, ObjectId};
use undersign::examination::{self, Examination, RepositorySnapshot};
use undersign::gate::{Decided, Standing};
use undersign::policy::{SERVICES_FILE, Services};
use undersign::risk::BlastClass;

use crate::scene::MAIN;
use crate::support::{Fixture, now, policy};
use crate::worlds::{Chance, Met, ensure, in_each_world};

/// Worlds that broke a promise once.
const KEPT: &[u64] = &[];

const FILES: [&str; 6] =
    ["src/lib.rs", "services/checkout/pay.py", "services/mail/send.go", "deploy/main.tf", "docs/guide.md", "README.md"];
const PATTERNS: [&str; 9] = [
    "**",
    "src/**",
    "services/**",
    "services/checkout/**",
    "SERVICES/Mail/**",
    "deploy/main.tf",
    "docs/**",
    ".undersign/**",
    "elsewhere/**",
];

/// A file of services: what it is in the tree, and what it says, if it is right.
#[derive(Debug, Clone)]
struct File {
    text: String,
    is_link: bool,
    services: Option<Vec<(String, u64, Vec<&'static str>)>>,
}

fn file(chance: &mut Chance, prefix: &str) -> File {
    let mut text = "schema = \"undersign-services/v1\"\n".to_owned();
    let mut services = Vec::new();
    for n in 0..chance.below(4) {
        let (name, tier) = (format!("{prefix}{n}"), chance.below(6) as u64);
        let paths: BTreeSet<&'static str> = (0..1 + chance.below(3)).map(|_| chance.of(&PATTERNS)).collect();
        text += &format!("[service.{name}]\ntier = {tier}\npaths = {paths:?}\n").replace('{', "[").replace('}', "]");
        services.push((name, tier, paths.into_iter().collect()));
    }
    let spoilt = ["tier = 9\n", "[service.x]\n", "owner = 1\n", "[", "\u{0}", "schema = \"undersign-services/v2\"\n"];
    let is_spoilt = chance.percent(15);
    if is_spoilt {
        text += chance.of(&spoilt);
    }
    let is_link = chance.percent(5);
    File { text, is_link, services: (!is_spoilt && !is_link).then_some(services) }
}

/// Whether a pattern holds a path, as file systems compare names.
fn holds(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_lowercase(), path.to_lowercase());
    pattern == "**" || pattern == path || pattern.strip_suffix("**").is_some_and(|folder| path.starts_with(folder))
}

struct World<'f> {
    f: &'f Fixture,
    raw: git2::Repository,
}

impl World<'_> {
    fn commit(&self, parent: git2::Oid, files: &[(&str, String, git2::FileMode)]) -> git2::Oid {
        let parent = self.raw.find_commit(parent).unwrap();
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, text, mode) in files {
            update.upsert(*path, self.raw.blob(text.as_bytes()).unwrap(), *mode);
        }
        let tree = update.create_updated(&self.raw, &parent.tree().unwrap()).unwrap();
        let mina = git2::Signature::new("mina", "mina@example.com", &git2::Time::new(1_789_990_000, 0)).unwrap();
        let tree = self.raw.find_tree(tree).unwrap();
        self.raw.commit(None, &mina, &mina, "Change\n", &tree, &[&parent]).unwrap()
    }

    /// What the desk says of a head where main stands at a commit.
    fn examined(&self, main: git2::Oid, head: git2::Oid) -> Examination {
        drop(self.raw.reference(MAIN, main, true, "a world").unwrap());
        let (repository, snapshot) = RepositorySnapshot::open(&self.f.repo).unwrap();
        let id = |oid: git2::Oid| oid.to_string().parse::<ObjectId>().unwrap();
        let revision = repository.revision(id(main), id(head), id(main)).unwrap();
        let change = Change::of_range("shop:work".into(), "work".into(), snapshot.target.name.clone(), revision);
        examination::whole(&repository, &snapshot, &change, now()).unwrap()
    }
}

/// All that a gate would ask, and say.
fn asked(examination: &Examination) -> Option<(Decided, Vec<String>, Vec<String>)> {
    let of = |standing: &Standing| {
        let slots = standing.slots.iter().map(|slot| format!("{} {} {}", slot.compartment, slot.slot, slot.need));
        let reasons = standing.reasons.iter().map(|reason| format!("{} {}", reason.code, reason.detail));
        (standing.decided(), slots.collect(), reasons.collect())
    };
    examination.standing.as_ref().map(of)
}

fn told(examination: &Examination) -> Vec<&str> {
    examination.assessment.blast.reasons.iter().map(|reason| reason.sentence.as_str()).collect()
}

#[test]
fn no_file_of_services_lowers_what_a_change_asks_for_and_a_change_of_it_is_judged_by_the_one_agreed_to() {
    let f = Fixture::with_policy(&policy(
        "[compartment.docs]\npaths = [\"docs/**\"]\nsign = [{ role = \"policy\", n = 1 }]\n",
    ));
    let world = World { f: &f, raw: git2::Repository::open(&f.repo).unwrap() };
    let start = world.raw.refname_to_id(MAIN).unwrap();
    let mut met = Met::default();
    in_each_world(150, KEPT, |chance| {
        let (agreed, proposed) = (file(chance, "agreed"), file(chance, "proposed"));
        let n = chance.below(1_000);
        let all: Vec<_> = FILES.map(|path| (path, format!("one {n}\n"), git2::FileMode::Blob)).into();
        let touched: BTreeSet<&str> = (0..1 + chance.below(3)).map(|_| chance.of(&FILES)).collect();
        let edits: Vec<_> = touched.iter().map(|path| (*path, format!("two {n}\n"), git2::FileMode::Blob)).collect();
        let services = |file: &File| {
            let mode = if file.is_link { git2::FileMode::Link } else { git2::FileMode::Blob };
            (SERVICES_FILE, file.text.clone(), mode)
        };
        let without = world.commit(start, &all);
        let with = world.commit(without, &[services(&agreed)]);
        let plain = world.examined(without, world.commit(without, &edits));
        let own = world.examined(with, world.commit(with, &edits));
        let changing = world.examined(with, world.commit(with, &[&edits[..], &[services(&proposed)]].concat()));
        let say = || {
            format!("{:?}\nand\n{:?}\nand\n{:?} of {agreed:?} {touched:?}", told(&plain), told(&own), told(&changing))
        };

        let (before, after) = (&plain.assessment, &own.assessment);
        ensure(asked(&plain) == asked(&own) && plain.split == own.split, say)?;
        ensure(before.findings == after.findings && before.file_order == after.file_order, say)?;
        ensure(
            before.blast.class <= after.blast.class && before.points <= after.points && before.tier >= after.tier,
            say,
        )?;
        ensure(told(&plain).iter().all(|sentence| told(&own).contains(sentence)), say)?;

        // By the plain rule: tiers 0 and 1 widen a change as far as can be, tier 2 less so.
        let widest = |path: &str| {
            let own = agreed.services.iter().flatten().filter(|(.., paths)| paths.iter().any(|own| holds(own, path)));
            own.map(|(_, tier, _)| *tier).min()
        };
        let code = touched.iter().filter(|path| !path.ends_with(".md"));
        let least = match code.filter_map(|path| widest(path)).min() {
            _ if agreed.services.is_none() && touched.iter().any(|path| !path.ends_with(".md")) => BlastClass::B3,
            Some(0 | 1) => BlastClass::B4,
            Some(2) => BlastClass::B3,
            _ => BlastClass::B0,
        };
        met.count("widened", after.blast.class > before.blast.class);
        met.count("not widened", after.blast.class == before.blast.class);
        met.count("a file with mistakes", agreed.services.is_none());
        met.count("by mistakes", agreed.services.is_none() && after.blast.class > before.blast.class);
        ensure(after.blast.class >= least, say)?;

        // The proposed file has no say, whatever it is.
        let names_proposed = told(&changing).iter().any(|sentence| sentence.contains("proposed"));
        ensure(!names_proposed && changing.assessment.blast.class >= after.blast.class, say)?;
        let names_agreed = |path: &&str| widest(path).is_some();
        met.count("judged by the one agreed to", touched.iter().any(names_agreed));
        ensure(told(&own).iter().all(|sentence| told(&changing).contains(sentence)), say)
    });
    println!("{:?}", met.0);
    met.at_least(10);
}

/// A file with mistakes of one kind a line, and the lines of them.
fn with_mistakes(chance: &mut Chance) -> (String, Vec<usize>) {
    let (mut lines, mut wrong): (Vec<String>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut say = |text: &str, mistakes: usize| {
        lines.push(text.to_owned());
        wrong.extend(std::iter::repeat_n(lines.len(), mistakes));
    };
    match chance.below(4) {
        0 => say("schema = \"undersign-services/v9\"", 1),
        _ => say("schema = \"undersign-services/v1\"", 0),
    }
    if chance.percent(20) {
        say("owner = \"me\"", 1);
    }
    for n in 0..chance.below(5) {
        let has_tier = chance.percent(85);
        let has_paths = chance.percent(85);
        let is_named = chance.percent(85);
        let missing = usize::from(!has_tier) + usize::from(!has_paths) + usize::from(!is_named);
        say(&if is_named { format!("[service.a{n}]") } else { format!("[service.\"A {n}\"]") }, missing);
        if has_tier {
            let (text, mistakes) =
                chance.of(&[("3", 0), ("0", 0), ("6", 1), ("-1", 1), ("\"one\"", 1), ("1.5", 1), ("[]", 1)]);
            say(&format!("tier = {text}"), mistakes);
        }
        if has_paths {
            let texts = [("[\"a/**\"]", 0), ("[\"a/**\", \"b\"]", 0), ("[\"/a\"]", 1), ("[\"/a\", \"b/[\"]", 2)];
            let (text, mistakes) = chance.of(&texts);
            say(&format!("paths = {text}"), mistakes);
        }
        if chance.percent(15) {
            say("teir = 1", 1);
        }
        say("# a comment", 0);
    }
    (lines.join("\n"), wrong)
}

#[test]
fn every_mistake_of_a_file_of_services_is_said_at_once_at_its_line() {
    let mut met = Met::default();
    in_each_world(3_000, KEPT, |chance| {
        let (text, wrong) = with_mistakes(chance);
        let said = match Services::read("services.toml", text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(error) => {
                let mut said: Vec<usize> = error.mistakes.into_iter().map(|mistake| mistake.line).collect();
                said.sort_unstable();
                said
            }
        };
        met.count("right", wrong.is_empty());
        met.count("one mistake", wrong.len() == 1);
        met.count("many mistakes", wrong.len() > 3);
        ensure(said == wrong, || format!("{said:?}, not {wrong:?}, of\n{text}"))
    });
    met.at_least(100);
}

#[test]
fn no_bytes_panic_the_parser_of_services() {
    let sample = include_bytes!("../../assets/services.toml");
    let mut met = Met::default();
    in_each_world(3_000, KEPT, |chance| {
        let mut bytes = sample.to_vec();
        for _ in 0..chance.below(6) {
            let at = chance.below(bytes.len());
            match chance.below(4) {
                0 => bytes[at] = chance.below(256) as u8,
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                1 | 2 => bytes.insert(at, chance.of(b"[]{}\"'\n=.,#\\\0\xff*")),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let read = Services::read("services.toml", &bytes);
        met.count("right", read.is_ok());
        met.count("wrong", read.is_err());
        let is_sound = read.as_ref().map_or_else(
            |error| !error.mistakes.is_empty(),
            |read| read.all().iter().all(|service| service.tier <= 5 && !service.name.is_empty()),
        );
        ensure(is_sound, || String::from_utf8_lossy(&bytes).into_owned())
    });
    met.at_least(100);
}
