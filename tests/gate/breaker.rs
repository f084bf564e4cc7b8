//! What one step beside the rows of `docs/threat-model.md` would get past the gate, or stop it for everybody.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use undersign::decision::Verdict;
use undersign::enforcement::{self, Settings};
use undersign::record::statement::{Decimal, SeenHead};

use crate::scene::*;
use crate::support::{Fixture, now, policy};

const ZERO: &str = "0000000000000000000000000000000000000000";

fn with_tags() -> String {
    once(&policy(""), "protected = [", "protected = [\"refs/tags/v*\", \"refs/heads/release/*\", ")
}

/// A push of mina's chain, whose record says that it was signed after a record of dana that nobody has.
fn pushed_with_a_made_up_witness() -> (Fixture, Answer, String) {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Approve);
    f.decide("mina", WORK, Verdict::Approve);
    let dana = chain_of(&f, "dana").replace("refs/undersign/decisions/", "");
    restate(&f, "mina", |statement| {
        statement.predicate.seen = vec![SeenHead { chain: dana, seq: Decimal(7), record: digest("nobody has it") }];
    });
    let chain = chain_of(&f, "mina");
    let tip = f.id(&chain);
    f.git("mina", &["update-ref", "-d", &chain]);
    let answer = Gate::of(&f).push(&[(&chain, ZERO, &tip)]);
    (f, answer, format!("{chain} {tip}"))
}

#[test]
fn a_record_that_says_to_have_seen_what_is_not_here_is_not_taken_in() {
    let (f, answer, chain) = pushed_with_a_made_up_witness();
    if answer.0 == 0 {
        let (name, tip) = chain.split_once(' ').unwrap();
        f.git("mina", &["update-ref", name, tip]);
        panic!("taken in, and from now on: {:?}", judged(&f, WORK));
    }
    allowed(judged(&f, WORK));
}

/// A commit on a branch of mina's, with a policy in which everything is hers.
fn policy_of_her_own(f: &Fixture, text: &str) -> String {
    propose(f, "mina", "hers", &[(".undersign/policy.toml", text)])
}

#[test]
fn a_policy_that_the_policy_branch_never_held_says_nothing_of_what_the_gate_remembers() {
    let f = Fixture::new();
    record(&f);
    let text = with_roles(&policy(""), "mina", "\"senior\"");
    let hers = policy_of_her_own(&f, &once(&text, "version = 1\n", "version = 2\nself_review = true\n"));
    f.decide("mina", WORK, Verdict::Approve);
    restate(&f, "mina", |statement| statement.predicate.roles = vec!["senior".into()]);
    // Main was moved behind the gate, to what nobody approved who may.
    let work = f.id(WORK);
    f.git("mina", &["update-ref", MAIN, &work]);
    let next = propose(&f, "mina", "next", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "next", Verdict::Approve);
    denied(Gate::of(&f).push(&[(MAIN, &work, &next)]), "UNSIGNED");
    // She asks what a gate thinks of a move that never was.
    asked(&f, MAIN, &hers, &next);
    denied(Gate::of(&f).push(&[(MAIN, &work, &next)]), "UNSIGNED");
}

#[test]
fn a_requester_takes_no_rejection_out_of_what_is_caught_up() {
    let f = Fixture::new();
    record(&f);
    f.decide("rahim", WORK, Verdict::Approve);
    f.decide("dana", WORK, Verdict::Reject);
    let (old, work) = (f.id("main"), f.id(WORK));
    f.git("mina", &["update-ref", MAIN, &work]);
    denied(f.verify(&old, &work), "VETOED");
    // Somebody who may ask says that dana's chain goes.
    let chain = chain_of(&f, "dana");
    asked(&f, &chain, &f.id(&chain), ZERO);
    let next = propose(&f, "mina", "next", &[("docs/a.txt", "x\n")]);
    f.decide("rahim", "next", Verdict::Approve);
    let answer = Gate::of(&f).push(&[(MAIN, &work, &next)]);
    denied(answer, "VETOED");
}

/// What the gate says of a move that is past, asked as somebody who may ask anything.
fn asked(f: &Fixture, name: &str, old: &str, new: &str) -> Answer {
    f.asked(f.request(name, old, new))
}

#[test]
fn a_ref_that_was_taken_back_stays_undecidable_whoever_asks_about_it() {
    let f = approved();
    record(&f);
    let (start, work) = (f.id("main"), f.id(WORK));
    allowed(judged(&f, WORK));
    allowed(Gate::of(&f).push(&[(MAIN, &start, &work)]));
    f.git("mina", &["update-ref", MAIN, &work]);
    f.git("mina", &["checkout", "-q", "-f", "main"]);
    let next = propose(&f, "mina", "next", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "next", Verdict::Approve);
    allowed(Gate::of(&f).push(&[(MAIN, &work, &next)]));
    f.git("mina", &["update-ref", MAIN, &next]);
    allowed(Gate::of(&f).push(&[("refs/undersign/probe/x", ZERO, &empty(&f))]));
    f.git("mina", &["update-ref", MAIN, &work]);
    undecided(Gate::of(&f).push(&[(MAIN, &work, &next)]), "REWRITE");
    asked(&f, MAIN, &start, &work);
    undecided(Gate::of(&f).push(&[(MAIN, &work, &next)]), "REWRITE");
}

fn empty(f: &Fixture) -> String {
    let tree = line(git_piped(f, &["mktree"], b""));
    f.git("mina", &["commit-tree", &tree, "-m", "probe"])
}

/// So many tags of tags; the outermost.
fn nested_tags(f: &Fixture, count: usize) -> String {
    let repository = git2::Repository::open(&f.repo).unwrap();
    let odb = repository.odb().unwrap();
    let _mempack = odb.add_new_mempack_backend(999).unwrap();
    let mut pack = repository.packbuilder().unwrap();
    let (mut at, mut kind) = (f.id("main"), "commit");
    for n in 0..count {
        let text = format!("object {at}\ntype {kind}\ntag v{n}\ntagger a <a@b> 1 +0000\n\nx\n");
        let tag = odb.write(git2::ObjectType::Tag, text.as_bytes()).unwrap();
        pack.insert_object(tag, None).unwrap();
        (at, kind) = (tag.to_string(), "tag");
    }
    let mut bytes = git2::Buf::new();
    pack.write_buf(&mut bytes).unwrap();
    git_piped(f, &["index-pack", "--stdin"], &bytes);
    at
}

fn took(work: impl FnOnce() -> Answer) -> (Duration, Answer) {
    let started = Instant::now();
    let answer = work();
    (started.elapsed(), answer)
}

#[test]
fn a_tag_of_tags_without_end_is_not_followed_however_many_refs_name_it() {
    let f = Fixture::with_policy(&with_tags());
    record(&f);
    let tag = nested_tags(&f, 100_000);
    let names: Vec<String> = (0..1_000).map(|n| format!("refs/tags/v{n}")).collect();
    let moves: Vec<_> = names.iter().map(|name| (name.as_str(), ZERO, tag.as_str())).collect();
    let (took, answer) = took(|| Gate::of(&f).deadline(2).push(&moves));
    assert!(took < Duration::from_secs(6), "{took:?}");
    denied(answer, "OPAQUE");
    allowed(Gate::of(&f).push(&[("refs/tags/v2", ZERO, &nested_tags(&f, 3))]));
}

/// So many commits on main that change nothing.
fn lengthen(f: &Fixture, count: usize) {
    let mut text = String::new();
    for n in 0..count {
        let from = if n == 0 { format!("from {}\n", f.id("main")) } else { String::new() };
        text.push_str(&format!(
            "commit {MAIN}\ncommitter rahim <rahim@example.com> {} +0000\ndata 1\nx\n{from}\n",
            1_790_000_100 + n
        ));
    }
    git_piped(f, &["fast-import", "--quiet", "--force"], text.as_bytes());
}

#[test]
fn what_waits_and_stands_elsewhere_is_not_looked_at_beyond_the_deadline() {
    let f = Fixture::with_policy(&with_tags());
    let start = f.id("main");
    lengthen(&f, 10_000);
    record(&f);
    f.decide("mina", WORK, Verdict::Approve);
    let (chain, tip) = (chain_of(&f, "mina"), f.id("main"));
    let record = f.id(&chain);
    f.git("mina", &["update-ref", "-d", &chain]);
    let names: Vec<String> = (0..2_000).map(|n| format!("refs/tags/v{n}")).collect();
    let mut moves: Vec<_> = names.iter().map(|name| (name.as_str(), ZERO, tip.as_str())).collect();
    moves.push((&chain, ZERO, &record));
    // It is let through, and lands nowhere: git finds two names of which one lies below the other.
    allowed(Gate::of(&f).push(&moves));
    let lines: String = names.iter().map(|name| format!("create {name} {start}\n")).collect();
    git_piped(&f, &["update-ref", "--stdin"], lines.as_bytes());
    f.git("mina", &["pack-refs", "--all"]);
    let (took, _) = took(|| Gate::of(&f).deadline(2).judged(WORK));
    assert!(took < Duration::from_secs(6), "{took:?}");
}

/// Main gained a link since the proposal forked; the proposal adds one that leads over it.
#[test]
fn a_proposal_is_in_the_compartments_that_its_links_reach_where_it_lands() {
    let two = compartment("prod", "envs/prod/**", "sign = [{ role = \"policy\", n = 1 }]");
    let f = Fixture::with_policy(&policy(&two));
    f.write("envs/prod/main.tf", "prod\n");
    f.write("app/a.tf", "app\n");
    f.commit("rahim", "Environments");
    f.git("mina", &["checkout", "-q", "-b", "linking", "main"]);
    symlink("../lib/main.tf", f.repo.join("app/x")).unwrap();
    f.commit("mina", "A link");
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "linking", Verdict::Approve);
    // Approved, let us say, by those who sign for prod.
    symlink("envs/prod", f.repo.join("lib")).unwrap();
    f.commit("rahim", "lib is prod");
    let (old, merged) = {
        let old = f.id("main");
        let tree = f.git("mina", &["merge-tree", "--write-tree", "main", "linking"]);
        (old, f.git("dana", &["commit-tree", &tree, "-p", "main", "-p", "linking", "-m", "Merge"]))
    };
    denied(Gate::of(&f).push(&[(MAIN, &old, &merged)]), "UNSIGNED");
    for lands in ["merge", "squash", "rebase"] {
        let answer = proposed(&f, "linking", lands);
        assert_ne!(answer.0, 0, "{lands}: {answer:?}");
    }
}

#[test]
fn a_proposal_brings_no_name_beside_one_that_it_may_be_taken_for() {
    let f = Fixture::new();
    propose(&f, "mina", "loud", &[("NOTES.txt", "x\n")]);
    f.decide("dana", "loud", Verdict::Approve);
    f.write("notes.txt", "y\n");
    f.commit("rahim", "Approved as well");
    for lands in ["merge", "squash", "rebase"] {
        denied(proposed(&f, "loud", lands), "CONFUSABLE");
    }
}

/// Two records of mina, each the first of one chain, pushed under the two names that a chain may have; the second while
/// the first is let through and not there yet. Whether another push can be judged afterwards.
fn pushed_at_once(same: bool) -> (Answer, Answer) {
    let f = approved();
    f.decide("mina", WORK, Verdict::Approve);
    let chain = chain_of(&f, "mina");
    let first = f.id(&chain);
    f.git("mina", &["update-ref", "-d", &chain]);
    f.decide("mina", WORK, Verdict::Approve);
    let second = if same { first.clone() } else { f.id(&chain) };
    f.git("mina", &["update-ref", "-d", &chain]);
    let branch = chain.replace("refs/undersign", "refs/heads/undersign");
    allowed(Gate::of(&f).push(&[(&chain, ZERO, &first)]));
    let answer = Gate::of(&f).push(&[(&branch, ZERO, &second)]);
    f.git("mina", &["update-ref", &chain, &first]);
    if answer.0 == 0 {
        f.git("mina", &["update-ref", &branch, &second]);
    }
    (answer, judged(&f, WORK))
}

#[test]
fn two_pushes_at_once_bring_no_two_chains_that_contradict_each_other() {
    let (second, later) = pushed_at_once(false);
    denied(second, "LEDGER_FAULT");
    allowed(later);
}

#[test]
fn twin_two_pushes_at_once_bring_two_copies_of_a_chain() {
    let (second, later) = pushed_at_once(true);
    allowed(second);
    allowed(later);
}

#[test]
fn a_policy_that_landed_unapproved_judges_nothing() {
    let f = Fixture::with_policy(&with_tags());
    record(&f);
    let text = with_roles(&with_tags(), "mina", "\"senior\", \"policy\"");
    let hers = policy_of_her_own(&f, &once(&text, "version = 1\n", "version = 2\nself_review = true\n"));
    f.decide("mina", "hers", Verdict::Approve);
    restate(&f, "mina", |statement| statement.predicate.roles = vec!["senior".into(), "policy".into()]);
    let old = f.id("main");
    // The host lets it in, and asks afterwards.
    f.git("mina", &["update-ref", MAIN, &hers]);
    denied(asked(&f, MAIN, &old, &hers), "UNSIGNED");
    assert_ne!(asked(&f, "refs/heads/release/1", ZERO, &hers).0, 0, "it vouched for itself");
}

#[test]
fn twin_a_policy_that_landed_approved_judges_though_nobody_asked_about_it() {
    let f = Fixture::with_policy(&with_tags());
    record(&f);
    let next = propose(&f, "mina", "next", &[(".undersign/policy.toml", &next(&with_tags()))]);
    f.decide("rahim", "next", Verdict::Approve);
    f.git("mina", &["update-ref", MAIN, &next]);
    let request = f.request("refs/heads/release/1", ZERO, &next);
    let outcome = enforcement::judge(&request, &Settings::default(), now());
    assert_eq!((outcome.exit_code(), outcome.policy.map(|policy| policy.version)), (0, Some(2)));
}
