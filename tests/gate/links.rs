//! What leads into a compartment by another name, and out of it: symlinks, submodules, spellings, and git's own names.
//! In `docs/threat-model.md` its rows are under Compartments and links.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use undersign::decision::Verdict;
use undersign::signing::Seen;

use crate::scene::*;
use crate::support::{Fixture, all_of, policy};

/// `envs/prod` takes rahim, who alone has the role; all else takes dana.
fn prod(rules: &str) -> Fixture {
    under(&policy(&compartment("prod", "envs/prod/**", &format!("sign = [{{ role = \"policy\", n = 1 }}]\n{rules}"))))
}

fn under(policy: &str) -> Fixture {
    let f = Fixture::with_policy(policy);
    f.write("envs/prod/main.tf", "prod\n");
    f.write("envs/test/main.tf", "test\n");
    f.write("app/x.tf", "app\n");
    f.commit("rahim", "Environments");
    f
}

fn link(f: &Fixture, path: &str, target: &str) {
    let path = f.repo.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&path);
    let _ = fs::remove_dir_all(&path);
    symlink(target, path).unwrap();
}

/// Some links are made in one change, which these people approve.
fn linking(f: &Fixture, who: &[&str], links: &[(&str, &str)]) -> Answer {
    changing(f, who, |f| links.iter().for_each(|(path, target)| link(f, path, target)))
}

fn changing(f: &Fixture, who: &[&str], change: impl FnOnce(&Fixture)) -> Answer {
    let branch = proposed(f, change);
    who.iter().for_each(|who| drop(f.decide(who, &branch, Verdict::Approve)));
    judged(f, &branch)
}

/// A branch of its own for each change, so that many are tried on one fixture.
fn proposed(f: &Fixture, change: impl FnOnce(&Fixture)) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let branch = format!("change-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    f.git("mina", &["checkout", "-q", "-b", &branch, "main"]);
    change(f);
    f.commit("mina", "Change");
    f.git("mina", &["checkout", "-q", "-f", "main"]);
    branch
}

#[test]
fn a_link_to_a_compartments_folder_above_or_below_it_needs_its_signers() {
    let f = prod("");
    for target in [
        "../envs/prod",
        "../envs/prod/",
        "..//envs/./prod/main.tf",
        "../envs",
        "..",
        "../app/../envs/prod",
        "../envs/prod/new/x.tf",
        "../ENVS/Prod",
        "../envs/pr\u{200c}od",
        "../envs/prod.",
        "../envs/prod:x",
        "..\\envs\\prod",
        "../envs/test/../prod",
    ] {
        denied(linking(&f, &["dana"], &[("app/x", target)]), "UNSIGNED");
    }
}

#[test]
fn twin_a_link_that_leads_elsewhere_needs_no_more_and_one_into_a_compartment_lands_with_its_signers() {
    let f = prod("");
    for target in
        ["../envs/test", "x.tf", "../envs/test/main.tf", "../envs/products", "nowhere", "../src/./lib.rs", "../app"]
    {
        allowed(linking(&f, &["dana"], &[("app/x", target)]));
    }
    allowed(linking(&f, &["dana", "rahim"], &[("app/x", "../envs/prod")]));
}

#[test]
fn a_link_over_further_links_and_linked_folders_needs_the_signers_of_where_it_ends() {
    let f = prod("");
    let hop = ("lib/hop", "../envs");
    denied(linking(&f, &["dana"], &[("app/x", "../lib/hop/prod/main.tf"), hop]), "UNSIGNED");
    link(&f, "lib/hop", "../envs");
    f.commit("rahim", "A link that was there");
    for target in ["../lib/hop", "../lib/hop/prod/main.tf", "../LIB/Hop/prod", "../lib", "../lib/hop/test/../prod"] {
        denied(linking(&f, &["dana"], &[("app/x", target)]), "UNSIGNED");
    }
    let chain: Vec<(String, String)> = (0..30)
        .map(|n| (format!("app/l{n}"), if n == 0 { "../envs/prod".into() } else { format!("l{}", n - 1) }))
        .collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(path, target)| (path.as_str(), target.as_str())).collect();
    chain[..29].iter().for_each(|(path, target)| link(&f, path, target));
    f.commit("rahim", "Links that were there");
    denied(linking(&f, &["dana"], &chain[29..]), "UNSIGNED");
}

#[test]
fn twin_a_link_over_a_link_that_leads_elsewhere() {
    let f = prod("");
    link(&f, "lib/hop", "../envs/test");
    f.commit("rahim", "A link that was there");
    allowed(linking(&f, &["dana"], &[("app/x", "../lib/hop/main.tf")]));
}

#[test]
fn a_link_that_was_there_needs_the_signers_when_it_goes() {
    let f = prod("");
    link(&f, "app/x", "../envs/prod");
    f.commit("rahim", "A link that was there");
    denied(changing(&f, &["dana"], |f| fs::remove_file(f.repo.join("app/x")).unwrap()), "UNSIGNED");
}

#[test]
fn a_link_at_a_compartments_folder_or_above_it_needs_its_signers() {
    let f = prod("links_out = [\"envs\", \"envs/prod\"]");
    for path in ["envs/prod", "envs"] {
        denied(linking(&f, &["dana"], &[(path, "app")]), "UNSIGNED");
        allowed(linking(&f, &["dana", "rahim"], &[(path, "app")]));
    }
    denied(linking(&bare(), &["dana"], &[("ENVS", "app")]), "UNSIGNED");
}

/// The compartment is there in the policy alone.
fn bare() -> Fixture {
    Fixture::with_policy(&policy(&compartment("prod", "envs/prod/**", "sign = [{ role = \"policy\", n = 1 }]")))
}

/// A submodule that each approver says to know.
fn submodule(f: &Fixture, who: &[&str], path: &str) -> Answer {
    let branch = proposed(f, |f| {
        fs::create_dir_all(f.repo.join(path)).unwrap();
        f.git("mina", &["update-index", "--add", "--cacheinfo", &format!("160000,{},{path}", "1".repeat(40))]);
    });
    for who in who {
        let omissions = vec![(path.to_owned(), "not shown".to_owned(), "read there".to_owned())];
        approve_seeing(f, who, &branch, Seen { omissions, ..all_of(1) });
    }
    judged(f, &branch)
}

#[test]
fn a_submodule_at_a_compartments_folder_or_above_it_needs_its_signers() {
    let f = bare();
    for path in ["envs/prod", "envs", "envs/prod/module"] {
        denied(submodule(&f, &["dana"], path), "UNSIGNED");
        allowed(submodule(&f, &["dana", "rahim"], path));
    }
}

#[test]
fn a_submodule_or_a_link_at_a_folder_that_only_a_wildcard_names_needs_its_signers() {
    let rules = "sign = [{ role = \"policy\", n = 1 }]\nlinks_out = [\"keys\", \"app/keys\"]";
    let f = &Fixture::with_policy(&policy(&compartment("keys", "**/keys/**", rules)));
    for path in ["app/keys", "keys"] {
        denied(submodule(f, &["dana"], path), "UNSIGNED");
        allowed(submodule(f, &["dana", "rahim"], path));
        let target = if path == "keys" { "later" } else { "../later" };
        denied(linking(f, &["dana"], &[(path, target)]), "UNSIGNED");
        allowed(linking(f, &["dana", "rahim"], &[(path, target)]));
    }
    allowed(submodule(f, &["dana"], "app/keyring"));
}

#[test]
fn twin_a_submodule_beside_a_compartments_folder() {
    let f = bare();
    ["envs/test", "prod"].iter().for_each(|path| allowed(submodule(&f, &["dana"], path)));
}

#[test]
fn a_link_to_a_folder_in_which_a_wildcard_holds_something_needs_those_signers() {
    let keys = policy(&compartment("keys", "**/secrets/**", "sign = [{ role = \"policy\", n = 1 }]"));
    for (target, holds) in [("../lib", true), ("../src", false)] {
        let f = under(&keys);
        f.write("lib/deep/secrets/key", "k\n");
        f.commit("rahim", "A secret");
        let answer = linking(&f, &["dana"], &[("app/x", target)]);
        if holds { denied(answer, "UNSIGNED") } else { allowed(answer) }
    }
}

#[test]
fn a_link_out_of_the_repository_is_refused() {
    let f = prod("");
    for target in [
        "/proc/self/cwd/envs/prod",
        "/etc/passwd",
        "../../shop/envs/prod",
        "../..",
        "C:/envs",
        "\\envs",
        "/",
        "..\\..\\x",
    ] {
        denied(linking(&f, &["dana", "rahim"], &[("app/x", target)]), "OPAQUE");
    }
    denied(linking(&f, &["dana", "rahim"], &[("app/a", "b/x"), ("app/b", "/proc/self/cwd/envs")]), "OPAQUE");
}

#[test]
fn twin_a_link_out_of_the_repository_that_the_policy_names_needs_the_signers_of_what_it_may_reach() {
    let text = once(&policy(""), "[compartment.default]\n", "[compartment.default]\nlinks_out = [\"app/x\"]\n");
    let f = under(&(text + &compartment("prod", "envs/prod/**", "sign = [{ role = \"policy\", n = 1 }]")));
    let named = |target: &str, who: &[&str]| linking(&f, who, &[("app/x", target)]);
    denied(named("/proc/self/cwd/envs/prod", &["dana"]), "UNSIGNED");
    denied(named("../../shop/envs", &["dana"]), "UNSIGNED");
    allowed(named("/usr/share/zoneinfo/UTC", &["dana"]));
    allowed(named("/proc/self/cwd/envs/prod", &["dana", "rahim"]));
    denied(linking(&f, &["dana"], &[("app/y", "/usr/share/zoneinfo/UTC")]), "OPAQUE");
}

#[test]
fn a_file_of_a_compartment_that_is_a_link_to_somebody_elses_is_refused() {
    let f = prod("");
    for (path, target) in [
        ("envs/prod/main.tf", "../../app/x.tf"),
        ("envs/prod/new", "../test/main.tf"),
        ("envs/prod/new", "../../app/../envs/prod/main.tf"),
        ("envs/prod", "test"),
        ("envs/prod/new", ".."),
        ("envs/prod/new", "../../nowhere"),
    ] {
        denied(linking(&f, &["dana", "rahim"], &[(path, target)]), "OPAQUE");
    }
    link(&f, "app/l", "../envs/prod/main.tf");
    f.commit("rahim", "A link that was there");
    denied(linking(&f, &["dana", "rahim"], &[("envs/prod/new", "../../app/l")]), "OPAQUE");
}

#[test]
fn twin_a_link_within_a_compartment_and_one_out_of_it_that_the_policy_names() {
    let f = prod("links_out = [\"envs/prod/shared.tf\"]");
    for target in ["main.tf", "../prod/main.tf", "new/deep", "."] {
        allowed(linking(&f, &["rahim"], &[("envs/prod/x", target)]));
    }
    denied(linking(&f, &["dana"], &[("envs/prod/shared.tf", "../../app/x.tf")]), "UNSIGNED");
    allowed(linking(&f, &["dana", "rahim"], &[("envs/prod/shared.tf", "../../app/x.tf")]));
    denied(linking(&f, &["dana", "rahim"], &[("envs/prod/other.tf", "../../app/x.tf")]), "OPAQUE");
}

#[test]
fn the_policys_own_folder_is_a_compartment_as_any_other() {
    let f = Fixture::new();
    denied(linking(&f, &["dana", "rahim"], &[(".undersign/policy.toml", "../README.md")]), "OPAQUE");
    for (path, target) in [("src/x", "../.undersign/policy.toml"), ("src/x", "../.Undersign"), ("src/x", "..")] {
        denied(linking(&f, &["dana", "rahim"], &[(path, target)]), "POLICY_MIXED");
    }
    allowed(linking(&f, &["dana"], &[("src/x", "../README.md")]));
}

#[test]
fn a_link_of_which_nobody_can_say_where_it_leads_stops_the_push() {
    let f = prod("");
    for links in [
        &[("app/a", "b"), ("app/b", "a")][..],
        &[("app/a", "a")],
        &[("app/x", "../envs/.. /prod")],
        &[("app/x", "...")],
    ] {
        undecided(linking(&f, &["dana", "rahim"], links), "UNREADABLE");
    }
}

#[test]
fn a_path_that_is_in_a_compartment_on_some_file_system_needs_its_signers() {
    let f = bare();
    for path in [
        "ENVS/PROD/x",
        "envs/prod./x",
        "envs/prod /x",
        "envs/prod:x/y",
        "envs\\prod\\x",
        "envs/pr\u{200c}od/x",
        "env\u{17f}/prod/x",
    ] {
        denied(changing(&f, &["dana"], |f| f.write(path, "x\n")), "UNSIGNED");
        allowed(changing(&f, &["dana", "rahim"], |f| f.write(path, "x\n")));
    }
    for path in ["envs/prods/x", "envs/p.rod/x", "envs-prod/x"] {
        allowed(changing(&f, &["dana"], |f| f.write(path, "x\n")));
    }
    let f = Fixture::new();
    denied(changing(&f, &["dana"], |f| f.write(".UNDERSIGN/policy.toml.", "x\n")), "UNSIGNED");
}

#[test]
fn names_that_are_one_file_on_some_file_system_do_not_land_beside_each_other() {
    let f = Fixture::new();
    for (a, b) in [
        ("docs/straße", "docs/STRASSE"),
        ("docs/kube", "docs/\u{212A}ube"),
        ("docs/a.", "docs/a"),
        ("docs/a ", "docs/a"),
        ("docs/a:b", "docs/a"),
        ("docs/a\u{200c}", "docs/a"),
        ("docs/environments/x", "docs/ENVIRO~1/x"),
        ("docs/ΣΑΣ", "docs/σας"),
    ] {
        denied(changing(&f, &["dana"], |f| [a, b].iter().for_each(|path| f.write(path, "x\n"))), "CONFUSABLE");
    }
    for (a, b) in [
        ("docs/strase", "docs/STRASSE"),
        ("docs/prod", "docs/PROD~1"),
        ("docs/\u{131}", "docs/i"),
        ("docs/a.b", "docs/a"),
    ] {
        allowed(changing(&f, &["dana"], |f| [a, b].iter().for_each(|path| f.write(path, "x\n"))));
    }
}

/// Trees as nobody but an attacker writes them, approved by everybody.
fn crafted(f: &Fixture, entries: &[(&str, &str)]) -> (Answer, String) {
    let blob = line(git_piped(f, &["hash-object", "-w", "--stdin"], b"x"));
    let mut all: Vec<(String, String, String)> = Vec::new();
    for entry in f.git("mina", &["ls-tree", "main"]).lines() {
        let (facts, name) = entry.split_once('\t').unwrap();
        let facts: Vec<&str> = facts.split(' ').collect();
        all.push((facts[0].trim_start_matches('0').to_owned(), name.to_owned(), facts[2].to_owned()));
    }
    for (mode, name) in entries {
        let id = if *mode == "40000" { raw_tree(f, &[("100644", "x", &blob)]) } else { blob.clone() };
        all.push(((*mode).to_owned(), (*name).to_owned(), id));
    }
    let key = |entry: &(String, String, String)| entry.1.clone() + if entry.0 == "40000" { "/" } else { "" };
    all.sort_by_key(key);
    let all: Vec<(&str, &str, &str)> = all.iter().map(|(m, n, i)| (m.as_str(), n.as_str(), i.as_str())).collect();
    let commit = commit_of(f, &raw_tree(f, &all));
    f.git("mina", &["update-ref", "-d", "refs/heads/crafted"]);
    f.git("mina", &["update-ref", "refs/heads/crafted", &commit]);
    ["dana", "rahim"].iter().for_each(|who| drop(f.decide(who, "crafted", Verdict::Approve)));
    let fsck = Command::new("git").current_dir(&f.repo).args(["fsck", "--no-dangling"]).output().unwrap();
    (judged(f, "crafted"), String::from_utf8_lossy(&fsck.stderr).into_owned() + &String::from_utf8_lossy(&fsck.stdout))
}

#[test]
fn what_git_fsck_calls_a_disguised_git_folder_or_file_never_lands() {
    for (mode, name, says) in [
        ("40000", ".git", "hasDotgit"),
        ("40000", ".GIT", "hasDotgit"),
        ("40000", ".git ", "hasDotgit"),
        ("40000", ".git.", "hasDotgit"),
        ("40000", ".git::$INDEX_ALLOCATION", "hasDotgit"),
        ("40000", "git~1", "hasDotgit"),
        ("40000", ".g\u{200c}it", "hasDotgit"),
        ("100644", "a\\.git", "hasDotgit"),
        ("120000", ".gitmodules", "gitmodulesSymlink"),
        ("120000", ".GitModules ", "gitmodulesSymlink"),
        ("120000", "gi7eba~1", "gitmodulesSymlink"),
        ("120000", ".gitattributes", "gitattributesSymlink"),
    ] {
        let (answer, fsck) = crafted(&Fixture::new(), &[(mode, name)]);
        assert!(fsck.contains(says), "{name}: git says {fsck}");
        denied(answer, "CONFUSABLE");
    }
}

#[test]
fn twin_names_in_which_git_fsck_sees_nothing() {
    for (mode, name) in
        [("40000", ".github"), ("40000", "git~2"), ("100644", ".gitmodules"), ("100644", ".gitattributes")]
    {
        let (answer, fsck) = crafted(&Fixture::new(), &[(mode, name)]);
        assert!(!fsck.contains("hasDotgit") && !fsck.contains("Symlink"), "{name}: git says {fsck}");
        allowed(answer);
    }
}

/// A change of two commits that is approved as a whole: a folder comes, and goes again beside something else.
fn passing(folder: &str) -> Answer {
    let f = Fixture::new();
    crafted(&f, &[("40000", folder)]);
    let root = f.git("mina", &["ls-tree", "main"]) + &format!("\n100644 blob {}\tnew.md\n", f.id("main:README.md"));
    let tree = line(git_piped(&f, &["mktree"], root.as_bytes()));
    let clean = f.git("mina", &["commit-tree", &tree, "-p", "crafted", "-m", "Clean"]);
    f.git("mina", &["update-ref", "refs/heads/clean", &clean]);
    f.decide("dana", "clean", Verdict::Approve);
    judged(&f, "clean")
}

#[test]
fn a_disguised_git_folder_does_not_land_for_a_state_in_between_either() {
    denied(passing(".GIT"), "CONFUSABLE");
}

#[test]
fn twin_a_folder_of_another_name_for_a_state_in_between() {
    allowed(passing(".github"));
}

/// What `policy check` says of a policy with this line in place of the paths of a compartment.
fn checked(lines: &str) -> (bool, String) {
    let text = policy(&format!("[compartment.prod]\nsign = [{{ role = \"senior\", n = 1 }}]\n{lines}\n"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_undersign")).args(["policy", "check"]).arg(file.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[test]
fn a_pattern_that_can_match_nothing_is_a_mistake_of_the_policy() {
    for lines in [
        "paths = [\"/envs/prod/**\"]",
        "paths = [\"docs/**\", \"envs/prod/\"]",
        "paths = [\"envs/prod/**\"]\nlinks_out = [\"/envs/prod/**\"]",
        "paths = [\"envs/prod/**\"]\n[limits]\nuncounted = [\"./envs/prod/**\"]",
    ] {
        let (sound, said) = checked(lines);
        assert!(!sound && said.contains("line ") && said.contains("write \"envs/prod/**\""), "{lines}: {said}");
    }
    let (sound, said) = checked("paths = [\"envs/prod/**\"]\nlinks_out = [\"app/x\"]");
    assert!(!sound && said.contains("does not hold"), "{said}");
}

#[test]
fn twin_patterns_that_can_match() {
    let links_out = "links_out = [\"envs/prod/shared\", \"*/main.tf\"]";
    let lines = format!("paths = [\"envs/prod/**\", \"**/*.tf\"]\n{links_out}\n[limits]\nuncounted = [\"vendor/**\"]");
    let (sound, said) = checked(&lines);
    assert!(sound, "{said}");
}
