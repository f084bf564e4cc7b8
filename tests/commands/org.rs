//! `undersign org`: an organization, and the repositories that keep to it or do not.

use std::path::{Path, PathBuf};

use crate::support::{Fixture, git_in, key_of};
use crate::{run, run_in};

const INHERITS: &str = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"fixture-1\"\n\
    inherits = \"acme\"\n\
    [refs]\nprotected = [\"refs/heads/main\"]\n\
    [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{ role = \"policy\", n = 1 }]\nsolo = true\n\
    [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n";

fn acme(version: u64) -> String {
    let key = |who| key_of(who).public_key().to_openssh().unwrap();
    format!(
        "schema = \"undersign-organization/v1\"\nversion = {version}\norganization = \"acme\"\n\
         [people.dana]\nroles = [\"senior\"]\nemails = [\"dana@example.com\"]\nkeys = [\"{}\"]\n\
         [people.rahim]\nroles = [\"policy\"]\nemails = [\"rahim@example.com\"]\nkeys = [\"{}\"]\n\
         [compartment.source]\npaths = [\"src/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\n",
        key("dana"),
        key("rahim")
    )
}

/// A repository that is pushed to, with this policy.
fn pushed(f: &Fixture, name: &str) -> PathBuf {
    let place = f.dir.path().join(name);
    git_in(f.dir.path(), "rahim", &["clone", "-q", "--bare", f.repo.to_str().unwrap(), place.to_str().unwrap()]);
    git_in(&place, "rahim", &["remote", "remove", "origin"]);
    place
}

fn file(f: &Fixture, version: u64) -> PathBuf {
    let place = f.dir.path().join("organization.toml");
    std::fs::write(&place, acme(version)).unwrap();
    place
}

fn status(f: &Fixture, file: &Path, repositories: &[&Path]) -> crate::Said {
    let mut args = vec!["org", "status", "--organization", file.to_str().unwrap()];
    args.extend(repositories.iter().map(|place| place.to_str().unwrap()));
    run(f, &args)
}

#[test]
fn which_repositories_keep_to_an_organization_is_said_with_why_not() {
    let f = Fixture::with_policy(INHERITS);
    let (file, shop, bare) = (file(&f, 1), pushed(&f, "shop.git"), pushed(&f, "bare.git"));
    let install = ["gate", "install", "--organization", file.to_str().unwrap(), shop.to_str().unwrap()];
    run(&f, &install).exits(0).says("It judges by version 1 of the policy.");
    status(&f, &file, &[&shop]).exits(0).says("keeps to it").says("1 of 1 keep to acme, version 1.");
    let plain = Fixture::new();
    let alone = pushed(&plain, "alone.git");
    let said = status(&f, &file, &[&shop, &bare, &alone, Path::new("nowhere")]).exits(2);
    said.says("there is no pre-receive hook").says("does not inherit").says("nowhere does not exist.");
    // The organization's own repository inherits from nowhere.
    let own = Fixture::new();
    own.write(".undersign/organization.toml", &acme(1));
    own.commit("rahim", "Begin");
    let home = pushed(&own, "acme.git");
    let said = status(&f, &home, &[&home, &shop]).exits(0);
    said.says("is the organization's own").says("1 of 1 keep to acme, version 1.");
    // Anybody could land the same file.
    status(&f, &file, &[&home, &shop]).exits(2).says("holds a file of the organization and does not inherit");
    // A gate that judges by another copy.
    std::fs::write(f.dir.path().join("newer.toml"), acme(2)).unwrap();
    status(&f, &f.dir.path().join("newer.toml"), &[&shop]).exits(2).says("its gate judges by version 1 of acme");
}

#[test]
fn a_gate_that_was_told_its_organization_judges_by_it_and_so_do_the_commands_there() {
    let f = Fixture::with_policy(INHERITS);
    let (file, shop) = (file(&f, 1), pushed(&f, "shop.git"));
    run(&f, &["gate", "install", "--organization", file.to_str().unwrap(), shop.to_str().unwrap()]).exits(0);
    let told = run_in(&f, &shop, &["policy", "explain", "src/lib.rs"]).exits(0);
    told.says("org/source").says("What begins with org/ is asked by the organization acme, version 1.");
    run_in(&f, &shop, &["gate", "record"]).exits(0);
    run_in(&f, &shop, &["doctor"]).says("policy");
}

#[test]
fn the_mistakes_of_an_organization_are_listed_and_so_is_where_a_policy_asks_for_less() {
    let f = Fixture::with_policy(INHERITS);
    let place = file(&f, 1);
    run(&f, &["org", "check", place.to_str().unwrap()]).exits(0).says("version 1 of the organization acme; 2 people");
    std::fs::write(&place, acme(0)).unwrap();
    run(&f, &["org", "check", place.to_str().unwrap()]).exits(2).complains("counts from 1");
    std::fs::write(&place, acme(1).replace("n = 1", "n = 9")).unwrap();
    run(&f, &["org", "check", place.to_str().unwrap()]).exits(0).complains("asks for 9 of role \"senior\"");
    std::fs::write(&place, acme(1)).unwrap();
    f.git("dana", &["config", "undersign.organization", place.to_str().unwrap()]);
    run(&f, &["policy", "check"]).exits(0);
    f.write(".undersign/policy.toml", &INHERITS.replace("version = 1\n", "version = 1\nself_review = true\n"));
    let said = run(&f, &["policy", "check"]).exits(2);
    said.complains("asks for less than the organization").complains("line 3: the organization lets nobody sign");
    f.git("dana", &["config", "--unset", "undersign.organization"]);
    run(&f, &["policy", "check"]).exits(2).complains("git config undersign.organization DIR");
}

#[test]
fn an_organization_inherits_from_nobody_and_is_advised_to_let_no_copy_count_for_ever() {
    let f = Fixture::new();
    let file = file(&f, 1);
    let check = |place: &Path| run(&f, &["org", "check", place.to_str().unwrap()]);
    check(&file).exits(0).complains("`stale` is not set: a copy that is never fetched again counts for ever");
    let stale = acme(1).replacen("version = 1\n", "version = 1\nstale = \"7d\"\n", 1);
    std::fs::write(&file, &stale).unwrap();
    let said = check(&file).exits(0);
    assert!(!said.err.contains("stale"), "{}", said.err);
    std::fs::write(&file, stale.replacen("version = 1\n", "version = 1\ninherits = \"other\"\n", 1)).unwrap();
    check(&file).exits(2).complains("inherits");
}

#[test]
fn a_command_about_one_repository_takes_no_second_one() {
    let f = Fixture::new();
    run(&f, &["doctor", "--repo", ".", "--repo", "nowhere"])
        .exits(64)
        .complains("--repo names 2. Run it once for each.");
    let said = run(&f, &["queue", "--repo", ".", "--repo", "nowhere"]);
    assert!(!said.err.contains("Run it once for each"), "{}", said.err);
}
