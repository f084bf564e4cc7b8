//! What an organization asks of its repositories. The promise: whatever lands under the policy of a repository that
//! inherits would land under the organization's rules alone, and under the repository's own. An emergency that only one
//! of them would have let through never was one, and nobody owes its review.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use undersign::decision::Verdict;
use undersign::enforcement::{self, Request, Settings};
use undersign::gate::Decided;
use undersign::inheritance;
use undersign::policy::{Organization, Policy};

use crate::properties::{NOW, PEOPLE, chains, decide, ledger, settled_ledger, token};
use crate::scene::{
    Answer, DAY, HOUR, MAIN, WORK, allowed, denied, follow, from_now, judged, key_line, once, person, propose,
    undecided, with_keys,
};
use crate::support::gate::answer;
use crate::support::{Fixture, git_in, now, policy};

/// The tables that an organization and a repository choose among: what they ask, stricter and looser.
const AI: [&str; 3] = [
    "[ai]\npresume = false\nsign = { junior = 0, mid = 0, senior = 0, none = 0 }\n",
    "[ai]\npresume = true\nhuman_only_by = [\"policy\"]\nsign = { junior = 1, mid = 1, senior = 1, none = 1 }\n",
    "[ai]\npresume = true\nsign = { junior = 2, mid = 1, senior = 1, none = 2 }\n",
];
const SRC: [&str; 3] = [
    "",
    "[compartment.src]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n",
    "[compartment.src]\npaths = [\"src/**\"]\nsign = [{ role = \"policy\", n = 1 }]\nbinding = \"tree\"\n",
];
const DOCS: [&str; 3] = [
    "",
    "[compartment.docs]\npaths = [\"docs/**\"]\nsign = [{ role = \"policy\", n = 1 }]\n",
    "[compartment.docs]\npaths = [\"docs/**\", \"src/**\"]\nsign = [{ role = \"senior\", n = 1 }]\nsolo = true\n",
];
const LIMITS: [&str; 4] =
    ["", "[limits]\nvalidity = \"1d\"\n", "[limits]\ncompartments = 1\n", "[limits]\nvalidity = \"5m\"\n"];
const GLASS: [&str; 3] = [
    "",
    "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 2\ndebt_after = \"1h\"\n",
    "[break_glass]\nsign = [{ role = \"policy\", n = 1 }]\nmax_duration = \"30m\"\nmax_per_30d = 1\n",
];
const TOP: [&str; 3] = ["", "self_review = true\n", "author_proof = \"proven\"\n"];

/// A choice of tables, and whether nothing lands now.
type Rules = ((usize, usize, usize), (usize, usize, usize), bool);

fn rules() -> impl Strategy<Value = Rules> {
    let tables = (0..AI.len(), 0..SRC.len(), 0..DOCS.len());
    let more = (0..LIMITS.len(), 0..GLASS.len(), 0..TOP.len());
    (tables, more, prop::bool::weighted(0.05))
}

fn top(((..), (.., top), _): &Rules) -> &'static str {
    TOP[*top]
}

fn tables(((ai, src, docs), (limits, glass, _), is_frozen): &Rules) -> String {
    let at = |seconds: i64| jiff::Timestamp::from_second(NOW as i64 + seconds).unwrap();
    let freeze =
        if *is_frozen { format!("[freeze.now]\nfrom = {}\nuntil = {}\n", at(-9), at(9)) } else { String::new() };
    let own = "[compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{ role = \"policy\", n = 1 }]\nsolo = true\n\
               [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n";
    [AI[*ai], own, SRC[*src], DOCS[*docs], LIMITS[*limits], GLASS[*glass], &freeze].concat()
}

fn roster() -> String {
    let person = |(who, (id, roles)): (usize, &(&str, &str))| {
        let key = token(who).key().to_openssh();
        format!("[people.{id}]\nroles = [{roles}]\nemails = [\"{id}@example.com\"]\nkeys = [\"{key}\"]\n")
    };
    PEOPLE.iter().enumerate().map(person).collect()
}

/// The policy of a repository with these rules: alone, or from an organization with those.
fn policies(own: &Rules, organization: &Rules) -> [Policy; 3] {
    let head = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"properties-1\"\n";
    let refs = "[refs]\nprotected = [\"refs/heads/main\"]\n";
    let alone = |rules: &Rules| {
        let text = [head, top(rules), refs, &roster(), &tables(rules)].concat();
        Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    };
    let file = [
        "schema = \"undersign-organization/v1\"\nversion = 1\norganization = \"acme\"\n",
        top(organization),
        &roster(),
        &tables(organization),
    ];
    let known = Organization::read("organization.toml", file.concat().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let text = [head, "inherits = \"acme\"\n", top(own), refs, &tables(own)].concat();
    let both = Policy::read("policy.toml", text.as_bytes(), Some(&known)).unwrap_or_else(|error| panic!("{error}"));
    [both, alone(organization), alone(own)]
}

#[test]
fn what_lands_in_a_repository_that_inherits_would_land_under_either_alone() {
    let cases = if std::env::var_os("UNDERSIGN_STRESS").is_some() { 20_000 } else { 400 };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let landed = std::cell::Cell::new(0);
    let world = (settled_ledger(), rules(), rules());
    let judged = runner.run(&world, |(specs, own, organization)| {
        let chains = chains(&specs);
        let lands = |policy: &Policy| decide(policy, &chains).outcome == Decided::Allow;
        let [both, organization, own] = policies(&own, &organization);
        // Only what both let through is owed a review.
        let alone = |policy: Policy| lands(&Policy { owed_by: both.owed_by.clone(), ..policy });
        let lands = [lands(&both), alone(organization), alone(own)];
        landed.set(landed.get() + u32::from(lands[0]));
        prop_assert!(!lands[0] || (lands[1] && lands[2]), "together, the organization, alone: {lands:?}");
        Ok(())
    });
    judged.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(landed.get() > cases / 100, "{} of {cases} worlds let something land", landed.get());
}

/// Who is asked by the organization alone once answered for what somebody rejected in the repository.
#[test]
fn what_was_rejected_is_answered_to_the_organization_and_to_the_repository() {
    let (own, organization) = (((0, 2, 1), (0, 0, 0), false), ((0, 0, 0), (0, 0, 0), false));
    let [both, _, alone] = policies(&own, &organization);
    let mut runner = TestRunner::new(Config { cases: 3_000, failure_persistence: None, ..Config::default() });
    let judged = runner.run(&ledger(), |specs| {
        let chains = chains(&specs);
        let lands = |policy: &Policy| decide(policy, &chains).outcome == Decided::Allow;
        prop_assert!(!lands(&both) || lands(&alone));
        Ok(())
    });
    judged.unwrap_or_else(|failure| panic!("{failure}"));
}

/// An organization, its home, and a repository that inherits from it. Where `acme` is pushed to is a bare repository
/// without a gate: whoever may push there is believed, as an operator would be.
struct Scene {
    /// The repository that inherits; dana approved the branch.
    shop: Fixture,
    /// Where the organization's file is worked on, under a policy of its own.
    acme: Fixture,
    home: PathBuf,
}

const INHERITS: &str = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"fixture-1\"\n\
    inherits = \"acme\"\n\
    [refs]\nprotected = [\"refs/heads/main\"]\n\
    [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{ role = \"policy\", n = 1 }]\nsolo = true\n\
    [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n";

/// The organization's file: its people, and `more`.
fn acme(version: u64, more: &str) -> String {
    let people = [person("dana", "\"senior\"", ""), person("rahim", "\"senior\", \"policy\"", "")].concat();
    format!(
        "schema = \"undersign-organization/v1\"\nversion = {version}\norganization = \"acme\"\n{people}{}{more}",
        person("mina", "\"junior\"", "")
    )
}

impl Scene {
    fn new(more: &str) -> Scene {
        let acme_repo = Fixture::new();
        let home = acme_repo.dir.path().join("acme.git");
        git_in(acme_repo.dir.path(), "rahim", &["init", "-q", "--bare", "-b", "main", home.to_str().unwrap()]);
        let scene = Scene { shop: Fixture::with_policy(INHERITS), acme: acme_repo, home };
        scene.publish(&acme(1, more));
        scene.shop.git("dana", &["config", "undersign.organization", scene.home.to_str().unwrap()]);
        scene.shop.decide("dana", WORK, Verdict::Approve);
        scene
    }

    /// Puts a version of the file on the organization's main, without asking anybody.
    fn publish(&self, file: &str) -> String {
        self.acme.write(".undersign/organization.toml", file);
        let commit = self.acme.commit("rahim", "Publish");
        self.acme.git("rahim", &["push", "-q", self.home.to_str().unwrap(), "main"]);
        commit
    }

    fn settings(&self, organization: &Path) -> Settings {
        Settings { organization: Some(organization.to_owned()), ..Settings::default() }
    }

    fn judged_by(&self, organization: &Path, branch: &str) -> Answer {
        let request = self.shop.request(MAIN, &self.shop.id("main"), &self.shop.id(branch));
        answer(&request, &self.settings(organization))
    }

    fn judged(&self, branch: &str) -> Answer {
        self.judged_by(&self.home, branch)
    }

    /// A new policy of the shop, approved by rahim, whom dana would not let write it.
    fn next_policy(&self, branch: &str, policy: &str) -> Answer {
        propose(&self.shop, "dana", branch, &[(".undersign/policy.toml", policy)]);
        self.shop.decide("rahim", branch, Verdict::Approve);
        self.judged(branch)
    }

    /// A copy as a gate's host keeps it.
    fn copy(&self) -> PathBuf {
        let copy = self.acme.dir.path().join("copy.git");
        let (from, to) = (self.home.to_str().unwrap(), copy.to_str().unwrap());
        git_in(self.acme.dir.path(), "rahim", &["clone", "-q", "--bare", from, to]);
        copy
    }
}

#[test]
fn the_people_of_an_organization_sign_for_its_repositories() {
    allowed(Scene::new("").judged(WORK));
    denied(Scene::new("[compartment.default]\nsign = [{ role = \"senior\", n = 2 }]\n").judged(WORK), "UNSIGNED");
    let s = Scene::new("[compartment.source]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n");
    denied(s.judged(WORK), "UNSIGNED");
    s.shop.decide("rahim", WORK, Verdict::Approve);
    allowed(s.judged(WORK));
}

#[test]
fn one_change_of_the_organization_ends_a_key_in_every_repository() {
    let s = Scene::new("");
    allowed(s.judged(WORK));
    let lost = format!(", revoked = {{ reason = \"compromised\", since = {} }}", from_now(-DAY));
    s.publish(&with_keys(&acme(2, ""), "dana", &[key_line("dana", &lost)]));
    denied(s.judged(WORK), "KEY_REVOKED");
    s.shop.decide("rahim", WORK, Verdict::Approve);
    allowed(s.judged(WORK));
}

/// What landed by dana's approval, before any other push was judged, stays when the organization ends her key or
/// renames her: with `withdrawn`, what was let through and withdrawn before it landed does not.
fn after_dana(file: &str, withdrawn: bool) -> Answer {
    let s = Scene::new("");
    let settings = s.settings(&s.home);
    enforcement::record(&s.shop.repo, &settings, &[], &[], now()).unwrap();
    let judged = |branch: &str| {
        let request = s.shop.request(MAIN, &s.shop.id("main"), &s.shop.id(branch));
        answer(&Request { ahead: true, ..request }, &settings)
    };
    allowed(judged(WORK));
    if withdrawn {
        follow(&s.shop, "dana", Verdict::Withdraw, &s.shop.decide("dana", WORK, Verdict::Approve));
    }
    s.shop.git("rahim", &["merge", "-q", "--ff-only", WORK]);
    s.publish(file);
    propose(&s.shop, "mina", "next", &[("docs/b.txt", "b\n")]);
    s.shop.decide("rahim", "next", Verdict::Approve);
    judged("next")
}

#[test]
fn a_key_that_the_organization_ends_takes_nothing_away_that_landed_by_it() {
    let lost = format!(", revoked = {{ reason = \"compromised\", since = {} }}", from_now(-DAY));
    let lost = with_keys(&acme(2, ""), "dana", &[key_line("dana", &lost)]);
    let renamed = acme(2, "").replace("[people.dana]", "[people.dana-k]");
    for file in [lost, renamed] {
        allowed(after_dana(&file, false));
        denied(after_dana(&file, true), "NOT_A_STATE");
    }
}

#[test]
fn who_left_the_organization_signs_nowhere_and_nothing_else_stops() {
    let s = Scene::new("");
    let without = acme(2, "").replace("[people.dana]", "[people.gone]").replace("dana@", "gone@");
    s.publish(&without.replace("roles = [\"senior\"]", "roles = [\"left\"]"));
    denied(s.judged(WORK), "UNSIGNED");
    s.shop.decide("rahim", WORK, Verdict::Approve);
    allowed(s.judged(WORK));
}

#[test]
fn a_repository_that_would_ask_for_less_does_not_land() {
    let s = Scene::new("");
    let with = |line: &str| once(INHERITS, "version = 1\n", &format!("version = 2\n{line}\n"));
    denied(s.next_policy("alone", &policy("").replace("version = 1\n", "version = 2\n")), "POLICY_INVALID");
    denied(s.next_policy("self", &with("self_review = true")), "POLICY_INVALID");
    let people = |lines: &str| format!("{}{lines}", with(""));
    denied(s.next_policy("key", &people(&person("ines", "\"senior\"", ""))), "POLICY_INVALID");
    denied(s.next_policy("role", &people("[people.mina]\nroles = [\"senior\"]\n")), "POLICY_INVALID");
    denied(s.next_policy("other", &with("").replace("\"acme\"", "\"acme-2\"")), "POLICY_INVALID");
    allowed(s.next_policy(
        "more",
        &people("[compartment.src]\npaths = [\"src/**\"]\nsign = [{ role = \"policy\", n = 1 }]\n"),
    ));
}

#[test]
fn a_role_of_the_repository_counts_there_alone() {
    let s = Scene::new("");
    let local = "[people.mina]\nroles = [\"docs\"]\n\
                 [compartment.docs]\npaths = [\"docs/**\"]\nsign = [{ role = \"docs\", n = 1 }]\n";
    let policy = format!("{}{local}", once(INHERITS, "version = 1\n", "version = 2\n"));
    allowed(s.next_policy("roles", &policy));
    s.shop.git("rahim", &["merge", "-q", "--ff-only", "roles"]);
    propose(&s.shop, "dana", "text", &[("docs/a.md", "a\n")]);
    s.shop.decide("rahim", "text", Verdict::Approve);
    denied(s.judged("text"), "UNSIGNED");
    s.shop.decide("mina", "text", Verdict::Approve);
    allowed(s.judged("text"));
    // Once the organization gives a role of that name, only it does.
    s.publish(&acme(2, &person("ines", "\"docs\"", "")));
    denied(s.judged("text"), "UNSIGNED");
}

#[test]
fn an_organization_that_cannot_be_relied_on_lets_nothing_land() {
    let s = Scene::new("");
    allowed(s.judged(WORK));
    // Nobody named it, or another.
    undecided(judged(&s.shop, WORK), "POLICY_INVALID");
    let other = s.acme.dir.path().join("other.toml");
    std::fs::write(&other, acme(1, "").replace("\"acme\"", "\"acme-2\"")).unwrap();
    undecided(s.judged_by(&other, WORK), "POLICY_INVALID");
    undecided(s.judged_by(&s.home.join("nowhere"), WORK), "POLICY_INVALID");
    // The repository itself: who may land there would make the rules.
    let own = s.shop.dir.path().join("own.git");
    git_in(s.shop.dir.path(), "dana", &["clone", "-q", "--bare", s.shop.repo.to_str().unwrap(), own.to_str().unwrap()]);
    git_in(&own, "dana", &["remote", "remove", "origin"]);
    let (old, new) = (s.shop.id("main"), s.shop.id(WORK));
    let request = Request { repository: own.to_str().unwrap(), ..s.shop.request(MAIN, &old, &new) };
    undecided(answer(&request, &s.settings(&own)), "POLICY_INVALID");
    // A file where what is checked out would put its own.
    let inside = s.shop.repo.join("organization.toml");
    std::fs::write(&inside, acme(1, "")).unwrap();
    undecided(s.judged_by(&inside, WORK), "UNREADABLE");
}

#[test]
fn an_organization_that_went_back_lets_nothing_land() {
    let s = Scene::new("");
    s.publish(&acme(2, ""));
    allowed(s.judged(WORK));
    s.publish(&acme(1, ""));
    undecided(s.judged(WORK), "POLICY_STALE");
    s.publish(&acme(2, "[hidden]\nsign = [{ role = \"policy\", n = 1 }]\n"));
    undecided(s.judged(WORK), "POLICY_STALE");
    s.publish(&acme(3, ""));
    allowed(s.judged(WORK));
}

#[test]
fn a_copy_takes_only_what_the_policy_of_the_organization_lets_land() {
    let s = Scene::new("");
    let copy = s.copy();
    undecided(s.judged_by(&copy, WORK), "POLICY_INVALID");
    inheritance::fetch(&copy, now()).unwrap();
    allowed(s.judged_by(&copy, WORK));
    // Whoever serves the repository gives mina a role, and nobody signed for that.
    let forged = acme(2, "").replace("roles = [\"junior\"]", "roles = [\"senior\"]");
    let offered = s.publish(&forged);
    let why = inheritance::fetch(&copy, now()).unwrap_err();
    assert!(why.contains("UNSIGNED") && why.contains("stays at"), "{why}");
    assert_eq!(organization_in(&copy), 1);
    // The same, signed by whom the policy of that repository asks for.
    let before = s.acme.id(&format!("{offered}~1"));
    s.acme.git("rahim", &["reset", "-q", "--hard", &before]);
    propose(&s.acme, "dana", "promote", &[(".undersign/organization.toml", &forged)]);
    s.acme.decide("rahim", "promote", Verdict::Approve);
    s.acme.git("rahim", &["merge", "-q", "--ff-only", "promote"]);
    let home = s.home.to_str().unwrap();
    s.acme.git(
        "rahim",
        &["push", "-q", "--force", home, "main", "refs/undersign/decisions/*:refs/undersign/decisions/*"],
    );
    assert_eq!(inheritance::fetch(&copy, now()).unwrap().before, Some(1));
    assert_eq!(organization_in(&copy), 2);
    allowed(s.judged_by(&copy, WORK));
}

/// The organization's repository takes a change that rahim signed, and dana made.
fn changed(s: &Scene, who: &str, branch: &str, path: &str, text: &str) {
    propose(&s.acme, "dana", branch, &[(path, text)]);
    s.acme.decide(who, branch, Verdict::Approve);
    s.acme.git("rahim", &["merge", "-q", "--ff-only", branch]);
}

#[test]
fn a_copy_follows_changes_of_the_policy_that_came_between_two_fetches() {
    let s = Scene::new("");
    let copy = s.copy();
    inheritance::fetch(&copy, now()).unwrap();
    // Nora is enrolled as who keeps the organization, and signs the next version of it; both before the next fetch.
    let next = once(&policy(&person("nora", "\"senior\", \"policy\"", "")), "version = 1\n", "version = 2\n");
    changed(&s, "rahim", "enrol", ".undersign/policy.toml", &next);
    changed(&s, "nora", "more", ".undersign/organization.toml", &acme(2, ""));
    // Records may be in branches.
    let records = "refs/undersign/decisions/*:refs/heads/undersign/decisions/*";
    s.acme.git("rahim", &["push", "-q", s.home.to_str().unwrap(), "main", records]);
    assert_eq!(inheritance::fetch(&copy, now()).unwrap().before, Some(1));
    assert_eq!(organization_in(&copy), 2);
    // What nobody signed is not accepted, and what was before it is.
    changed(&s, "nora", "third", ".undersign/policy.toml", &once(&next, "version = 2\n", "version = 3\n"));
    s.publish(&acme(3, ""));
    s.acme.git("rahim", &["push", "-q", s.home.to_str().unwrap(), "main", records]);
    assert!(inheritance::fetch(&copy, now()).unwrap_err().contains("UNSIGNED"));
    assert_eq!(organization_in(&copy), 2);
}

#[test]
fn a_copy_believes_no_ref_that_an_ordinary_fetch_wrote() {
    let s = Scene::new("");
    let copy = s.copy();
    inheritance::fetch(&copy, now()).unwrap();
    let forged = s.publish(&acme(2, "").replace("roles = [\"junior\"]", "roles = [\"senior\"]"));
    git_in(&s.home, "rahim", &["update-ref", "refs/undersign/organization", &forged]);
    git_in(&copy, "rahim", &["fetch", "-q", "origin", "+refs/undersign/*:refs/undersign/*", "+main:main"]);
    assert_eq!(organization_in(&copy), 1);
}

#[test]
fn a_copy_begins_with_no_repository_in_which_others_than_its_keepers_change_the_file() {
    let s = Scene::new("");
    let open = once(&policy(""), "paths = [\".undersign/**\"]", "paths = [\".undersign/policy.toml\"]");
    s.acme.write(".undersign/policy.toml", &open);
    s.acme.commit("rahim", "Begin");
    s.acme.git("rahim", &["push", "-q", s.home.to_str().unwrap(), "main"]);
    let why = inheritance::fetch(&s.copy(), now()).unwrap_err();
    assert!(why.contains("holds .undersign/organization.toml"), "{why}");
}

fn organization_in(copy: &Path) -> u64 {
    undersign::source::git::organization::read(copy, None).unwrap().version()
}

#[test]
fn a_copy_that_nobody_fetches_goes_stale() {
    let s = Scene::new("");
    s.publish(&once(&acme(2, ""), "version = 2\n", "version = 2\nstale = \"1h\"\n"));
    let copy = s.copy();
    inheritance::fetch(&copy, now() - HOUR + 60).unwrap();
    allowed(s.judged_by(&copy, WORK));
    inheritance::fetch(&copy, now() - HOUR - 60).unwrap();
    undecided(s.judged_by(&copy, WORK), "POLICY_INVALID");
    inheritance::fetch(&copy, now()).unwrap();
    allowed(s.judged_by(&copy, WORK));
    // The organization's own home is never late.
    allowed(s.judged(WORK));
}

#[test]
fn a_compartment_of_everything_in_the_organization_stops_no_emergency() {
    let glass = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 2\ndebt_after = \"1d\"\n";
    let all = "[compartment.all]\npaths = [\"**\"]\nsign = [{ role = \"senior\", n = 2 }]\n";
    let s = Scene::new(&format!("{all}{glass}"));
    s.shop.write(".undersign/policy.toml", &format!("{INHERITS}{glass}"));
    s.shop.commit("rahim", "Allow emergencies");
    propose(&s.shop, "mina", "mend", &[("a.txt", "mended\n")]);
    s.shop.decide("dana", "mend", Verdict::BreakGlass);
    allowed(s.judged("mend"));
}

#[test]
fn what_the_repository_protects_is_not_made_another_ref_by_a_rule_of_the_organization() {
    let s =
        Scene::new("[refs]\nprotected = [{ match = \"refs/heads/**\", rewrite = \"allow\", delete = \"allow\" }]\n");
    let request = s.shop.request("refs/heads/Main", &"0".repeat(40), &s.shop.id("main"));
    denied(answer(&Request { ahead: true, ..request }, &s.settings(&s.home)), "REF_UNCOVERED");
}

#[test]
fn an_organization_that_asks_for_more_people_than_are_left_stops_nothing_else() {
    let two = "[compartment.source]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 3 }]\n";
    let s = Scene::new("");
    s.publish(&acme(2, two));
    denied(s.judged(WORK), "UNSIGNED");
    propose(&s.shop, "mina", "text", &[("docs/a.md", "a\n")]);
    s.shop.decide("dana", "text", Verdict::Approve);
    allowed(s.judged("text"));
}

#[test]
fn a_rule_of_the_repository_makes_no_other_ref_of_one_that_the_organization_protects() {
    let s = Scene::new("[refs]\nprotected = [\"refs/heads/main\"]\n");
    let rule = ", { match = \"refs/heads/Main\", rewrite = \"allow\", delete = \"allow\" }";
    let policy = once(INHERITS, "version = 1\n", "version = 2\n")
        .replace("\"refs/heads/main\"]", &format!("\"refs/heads/main\"{rule}]"));
    allowed(s.next_policy("refs", &policy));
    s.shop.git("rahim", &["merge", "-q", "--ff-only", "refs"]);
    let creation = |name: &str| {
        let request = s.shop.request(name, &"0".repeat(40), &s.shop.id("main"));
        answer(&Request { ahead: true, ..request }, &s.settings(&s.home))
    };
    denied(creation("refs/heads/Main"), "REF_UNCOVERED");
}

#[test]
fn the_gate_of_an_organization_lets_no_file_land_by_which_nobody_could_judge() {
    let s = Scene::new("");
    let asked = |branch: &str, file: &str| {
        propose(&s.acme, "dana", branch, &[(".undersign/organization.toml", file)]);
        s.acme.decide("rahim", branch, Verdict::Approve);
        judged(&s.acme, branch)
    };
    denied(asked("same", &acme(1, "[hidden]\nsign = [{ role = \"policy\", n = 1 }]\n")), "POLICY_INVALID");
    denied(asked("broken", "schema = 1\n"), "POLICY_INVALID");
    denied(asked("other", &acme(2, "").replace("\"acme\"", "\"acme-2\"")), "POLICY_INVALID");
    allowed(asked("raised", &acme(2, "")));
}

#[test]
fn after_the_fact_the_file_of_an_organization_is_compared_with_the_one_before_the_push() {
    let s = Scene::new("");
    let old = s.acme.id("main");
    changed(&s, "rahim", "same", ".undersign/organization.toml", &acme(1, "[limits]\ncompartments = 1\n"));
    denied(answer(&s.acme.request(MAIN, &old, &s.acme.id("main")), &Settings::default()), "POLICY_INVALID");
    let old = s.acme.id("main");
    changed(&s, "rahim", "next", ".undersign/organization.toml", &acme(2, "[limits]\ncompartments = 1\n"));
    allowed(answer(&s.acme.request(MAIN, &old, &s.acme.id("main")), &Settings::default()));
}

#[test]
fn a_copy_that_is_a_mirror_or_was_fetched_in_the_future_is_not_believed() {
    let s = Scene::new("");
    s.publish(&once(&acme(2, ""), "version = 2\n", "version = 2\nstale = \"1h\"\n"));
    let copy = s.copy();
    inheritance::fetch(&copy, now() + DAY).unwrap();
    undecided(s.judged_by(&copy, WORK), "POLICY_INVALID");
    git_in(&copy, "rahim", &["config", "remote.origin.mirror", "true"]);
    git_in(&copy, "rahim", &["config", "remote.origin.fetch", "+refs/*:refs/*"]);
    assert!(inheritance::fetch(&copy, now()).unwrap_err().contains("mirror"));
    undecided(s.judged_by(&copy, WORK), "POLICY_INVALID");
}

#[test]
fn no_emergency_changes_the_file_of_an_organization_whatever_compartment_holds_it() {
    let s = Scene::new("");
    let own = "[compartment.people]\npaths = [\".undersign/organization.toml\"]\nsolo = true\n\
               sign = [{ role = \"policy\", n = 1 }]\n";
    let glass = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 2\ndebt_after = \"1d\"\n";
    let split =
        once(&policy(&format!("{own}{glass}")), "paths = [\".undersign/**\"]", "paths = [\".undersign/policy.toml\"]");
    s.acme.write(".undersign/policy.toml", &split);
    s.acme.commit("rahim", "Begin");
    propose(&s.acme, "mina", "next", &[(".undersign/organization.toml", &acme(2, ""))]);
    s.acme.decide("dana", "next", Verdict::BreakGlass);
    denied(judged(&s.acme, "next"), "BREAK_GLASS");
    s.acme.decide("rahim", "next", Verdict::Approve);
    allowed(judged(&s.acme, "next"));
}

#[test]
fn the_home_of_an_organization_lets_no_policy_land_that_no_copy_could_follow() {
    let s = Scene::new("");
    let next = once(&policy(""), "version = 1\n", "version = 2\n");
    let open = once(&next, "paths = [\".undersign/**\"]", "paths = [\".undersign/policy.toml\"]");
    propose(&s.acme, "dana", "open", &[(".undersign/policy.toml", &open)]);
    s.acme.decide("rahim", "open", Verdict::Approve);
    denied(judged(&s.acme, "open"), "POLICY_INVALID");
    propose(&s.acme, "dana", "closed", &[(".undersign/policy.toml", &next)]);
    s.acme.decide("rahim", "closed", Verdict::Approve);
    allowed(judged(&s.acme, "closed"));
}

#[test]
fn a_freeze_that_began_after_a_change_of_the_organization_landed_keeps_no_copy_from_it() {
    let s = Scene::new("");
    let freeze = format!("[freeze.weekend]\nfrom = {}\nuntil = {}\n", from_now(-HOUR), from_now(DAY));
    s.acme.write(".undersign/policy.toml", &policy(&freeze));
    s.acme.commit("rahim", "Begin");
    s.acme.git("rahim", &["push", "-q", s.home.to_str().unwrap(), "main"]);
    let copy = s.copy();
    inheritance::fetch(&copy, now()).unwrap();
    propose(&s.acme, "dana", "next", &[(".undersign/organization.toml", &acme(2, ""))]);
    let offer = |signed: bool| {
        if signed {
            s.acme.decide("rahim", "next", Verdict::Approve);
        }
        let records = "refs/undersign/decisions/*:refs/undersign/decisions/*";
        s.acme.git("rahim", &["push", "-q", s.home.to_str().unwrap(), "next:main", records]);
        inheritance::fetch(&copy, now())
    };
    assert!(offer(false).unwrap_err().contains("UNSIGNED"));
    denied(judged(&s.acme, "next"), "UNSIGNED");
    offer(true).unwrap();
    denied(judged(&s.acme, "next"), "FREEZE");
    assert_eq!(organization_in(&copy), 2);
}

#[test]
fn a_repository_with_a_gate_is_no_copy_and_one_that_fetches_from_nowhere_is_none_any_more() {
    let s = Scene::new("");
    let copy = s.copy();
    inheritance::fetch(&copy, now()).unwrap();
    // The home has a remote for its backup, which is behind.
    let backup = s.acme.dir.path().join("backup.git");
    git_in(&s.home, "rahim", &["clone", "-q", "--bare", ".", backup.to_str().unwrap()]);
    git_in(&s.home, "rahim", &["remote", "add", "backup", backup.to_str().unwrap()]);
    let second = s.publish(&acme(2, ""));
    let why = inheritance::fetch(&s.home, now()).unwrap_err();
    assert!(why.contains("does not contain"), "{why}");
    std::fs::create_dir_all(s.home.join("hooks")).unwrap();
    std::fs::write(s.home.join("hooks/pre-receive"), "#!/bin/sh\n# undersign gate: of a test\n").unwrap();
    let why = inheritance::fetch(&s.home, now()).unwrap_err();
    assert!(why.contains("has a gate"), "{why}");
    assert_eq!(git_in(&s.home, "rahim", &["rev-parse", "main"]), second);
    assert_eq!(organization_in(&s.home), 2);
    // The home is lost, and changes are pushed to the copy from now on.
    git_in(&copy, "rahim", &["fetch", "-q", "origin", "+main:main"]);
    assert_eq!(organization_in(&copy), 1);
    git_in(&copy, "rahim", &["remote", "remove", "origin"]);
    assert_eq!(organization_in(&copy), 2);
}

#[test]
fn whoever_may_break_glass_by_one_of_two_policies_owes_nothing_and_stops_nobody() {
    let glass = |n: usize, role: &str| {
        format!("[break_glass]\nsign = [{{ role = \"{role}\", n = {n} }}]\nmax_per_30d = 1\ndebt_after = \"1h\"\n")
    };
    let s = Scene::new(&glass(1, "policy"));
    s.shop.write(".undersign/policy.toml", &format!("{INHERITS}{}", glass(2, "senior")));
    s.shop.commit("rahim", "Allow emergencies");
    propose(&s.shop, "mina", "mend", &[("a.txt", "mended\n")]);
    s.shop.decide_at("rahim", "mend", Verdict::BreakGlass, now() - DAY);
    denied(s.judged("mend"), "UNSIGNED");
    propose(&s.shop, "mina", "other", &[("b.txt", "b\n")]);
    s.shop.decide("dana", "other", Verdict::Approve);
    allowed(s.judged("other"));
    // Both lists are filled: the review is owed.
    s.shop.decide_at("dana", "mend", Verdict::BreakGlass, now() - DAY);
    denied(s.judged("other"), "BREAK_GLASS");
}

#[test]
fn an_organization_that_begins_to_allow_emergencies_makes_none_of_the_past() {
    let s = Scene::new("");
    propose(&s.shop, "mina", "mend", &[("a.txt", "mended\n")]);
    s.shop.decide_at("rahim", "mend", Verdict::BreakGlass, now() - DAY);
    let glass = "[break_glass]\nsign = [{ role = \"policy\", n = 1 }]\nmax_per_30d = 1\ndebt_after = \"1h\"\n";
    s.publish(&acme(2, glass));
    allowed(s.judged(WORK));
}

/// A fork of the organization's repository in which mina wrote a policy by which she keeps the file, and signed a
/// version that makes her a senior.
fn forked(s: &Scene) {
    let own =
        once(&policy(""), "version = 1\n", "version = 2\n").replace("roles = [\"junior\"]", "roles = [\"policy\"]");
    propose(&s.acme, "rahim", "own-rules", &[(".undersign/policy.toml", &own)]);
    s.acme.decide("mina", "own-rules", Verdict::Approve);
    s.acme.git("mina", &["merge", "-q", "--ff-only", "own-rules"]);
    let file = acme(2, "").replace("roles = [\"junior\"]", "roles = [\"senior\"]");
    changed(s, "mina", "promote", ".undersign/organization.toml", &file);
}

fn served(s: &Scene) {
    let records = "+refs/undersign/decisions/*:refs/undersign/decisions/*";
    s.acme.git("rahim", &["push", "-q", "--force", s.home.to_str().unwrap(), "main", records]);
}

#[test]
fn a_copy_follows_no_fork_whose_policy_lets_others_keep_the_file() {
    let s = Scene::new("");
    let copy = s.copy();
    inheritance::fetch(&copy, now()).unwrap();
    forked(&s);
    served(&s);
    let why = inheritance::fetch(&copy, now()).unwrap_err();
    assert!(why.contains("UNSIGNED") && why.contains("stays at"), "{why}");
    assert_eq!(organization_in(&copy), 1);
    // A gate that was given the fork instead of the copy takes it for a copy that nobody verified.
    let fork = s.acme.dir.path().join("fork.git");
    git_in(s.acme.dir.path(), "mina", &["clone", "-q", "--bare", s.home.to_str().unwrap(), fork.to_str().unwrap()]);
    undecided(s.judged_by(&fork, WORK), "POLICY_INVALID");
}

#[test]
fn twin_a_copy_follows_a_fork_that_holds_what_the_keepers_signed() {
    let s = Scene::new("");
    let copy = s.copy();
    inheritance::fetch(&copy, now()).unwrap();
    let fork = s.acme.dir.path().join("fork.git");
    git_in(s.acme.dir.path(), "mina", &["clone", "-q", "--bare", s.home.to_str().unwrap(), fork.to_str().unwrap()]);
    changed(&s, "rahim", "more", ".undersign/organization.toml", &acme(2, ""));
    let records = "+refs/undersign/decisions/*:refs/undersign/decisions/*";
    s.acme.git("rahim", &["push", "-q", fork.to_str().unwrap(), "main", records]);
    git_in(&copy, "rahim", &["remote", "set-url", "origin", fork.to_str().unwrap()]);
    assert_eq!(inheritance::fetch(&copy, now()).unwrap().before, Some(1));
    assert_eq!(organization_in(&copy), 2);
    allowed(s.judged_by(&copy, WORK));
}

/// The organization's repository, whose own policy inherits from itself or not.
fn of_home(inherits: bool) -> Result<u64, String> {
    let s = Scene::new("");
    let own =
        if inherits { once(&policy(""), "version = 1\n", "version = 1\ninherits = \"acme\"\n") } else { policy("") };
    s.acme.write(".undersign/policy.toml", &own);
    s.acme.commit("rahim", "Begin");
    s.acme.git("rahim", &["push", "-q", s.home.to_str().unwrap(), "main"]);
    let copy = s.copy();
    inheritance::fetch(&copy, now())?;
    allowed(s.judged_by(&copy, WORK));
    Ok(organization_in(&copy))
}

#[test]
fn an_organization_whose_repository_inherits_from_itself_is_followed_by_nobody() {
    let why = of_home(true).unwrap_err();
    assert!(why.contains("inherits"), "{why}");
    assert_eq!(of_home(false), Ok(1), "its twin inherits from nowhere");
}
