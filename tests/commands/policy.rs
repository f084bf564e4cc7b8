//! `undersign policy`.

use undersign::decision::Verdict;

use crate::support::{Fixture, key_of, now, policy};
use crate::{WORK, beside, propose, run};

const CORE: &str =
    "[compartment.core]\npaths = [\"src/**\"]\ncriticality = \"high\"\nsign = [{ role = \"senior\", n = 2 }]\n";

/// The next version of a policy, with one replacement.
fn next(policy: &str, from: &str, to: &str) -> String {
    assert!(policy.contains(from), "{from}");
    policy.replacen("version = 1\n", "version = 2\n", 1).replacen(from, to, 1)
}

#[test]
fn a_policy_that_is_right_is_said_so_with_its_compartments() {
    let f = Fixture::with_policy(&policy(CORE));
    let said =
        run(&f, &["policy", "check"]).exits(0).says("is right: version 1 of fixture-1; 3 people, 3 compartments.");
    let said = said.says("core             high      2 senior").says("policy           normal    1 policy");
    // A correct policy may still require more than its roster can provide.
    said.complains("[compartment.policy] asks for 1 of role \"policy\", which only rahim can sign as");
    let one = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"r1\"\nself_review = true\n\
               [refs]\nprotected = [\"refs/heads/main\"]\n[people.dana]\nroles = [\"senior\"]\nkeys = [\"KEY\"]\n\
               [compartment.all]\npaths = [\"**\"]\nsign = [{ role = \"senior\", n = 1 }]\nsolo = true\n\
               [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n";
    let one = one.replace("KEY", &key_of("dana").public_key().to_openssh().unwrap());
    run(&f, &["policy", "check", &beside(&f, "one.toml", one)]).exits(0).says("1 person, 2 compartments.");
}

#[test]
fn all_mistakes_of_a_policy_are_told_at_once_with_their_lines() {
    let f = Fixture::new();
    let wrong = policy("[surprise]\n[freeze.now]\nfrom = 2026-01-02T00:00:00Z\nuntil = 2026-01-01T00:00:00Z\n")
        .replacen("version = 1", "version = 0", 1);
    let line = |text: &str| 1 + wrong[..wrong.find(text).unwrap()].matches('\n').count();
    let said = run(&f, &["policy", "check", &beside(&f, "wrong.toml", &wrong)])
        .exits(2)
        .complains("wrong.toml has 3 mistakes:");
    let said = said.complains(&format!("\n  line {}: `version` counts from 1", line("version = 0")));
    let said = said.complains(&format!("\n  line {}: unknown key `surprise`", line("[surprise]")));
    let said = said.complains(&format!("\n  line {}: `until` is not after `from`", line("until =")));
    assert_eq!(said.out, "");
    // Invalid TOML is a mistake with a line, too.
    run(&f, &["policy", "check", &beside(&f, "torn.toml", "schema = \"und")]).exits(2).complains("line 1: ");
}

#[test]
fn a_policy_that_is_no_text_is_a_mistake_and_one_that_is_not_there_no_verdict() {
    let f = Fixture::new();
    let latin = beside(&f, "latin.toml", [policy("").as_bytes(), b"# caf\xe9\n"].concat());
    run(&f, &["policy", "check", &latin]).exits(2).complains("the file is not UTF-8");
    run(&f, &["policy", "check", "absent.toml"]).exits(70).complains("absent.toml cannot be read");
    std::fs::remove_file(f.repo.join(".undersign/policy.toml")).unwrap();
    run(&f, &["policy", "check"]).exits(70).complains("`undersign init` writes a first policy");
}

#[test]
fn what_paths_need_and_who_could_sign_for_them_is_explained() {
    // A person who is a bot, one whose key is revoked, one without a key.
    let key = |name: &str| key_of(name).public_key().to_openssh().unwrap();
    let people = format!(
        "[people.robot]\nkind = \"bot\"\nroles = [\"senior\"]\nkeys = [\"{}\"]\n[people.retired]\nroles = [\"senior\"]\n\
         keys = [{{ key = \"{}\", revoked = {{ reason = \"retired\", at = 2026-01-01T00:00:00Z }} }}]\n\
         [people.keyless]\nroles = [\"senior\"]\n",
        key("robot"),
        key("retired")
    );
    let vault = "[compartment.vault]\npaths = [\"vault/**\"]\nsign = [{ role = \"senior\", n = 1 }]\nbinding = \"tree\"\ncooling = \"90m\"\n";
    let f = Fixture::with_policy(&policy(&[&people, CORE, vault].concat()));
    let said = run(&f, &["policy", "explain", "./src/lib.rs", "vault/key", "x"]).exits(0);
    let said = said.says("src/lib.rs  core\nvault/key   vault\nx           default\n\nTogether they need:\n");
    let said =
        said.says("  core: 2 of role senior (dana, rahim)\n").says("  default: 1 of role senior (dana, rahim)\n");
    let said = said.says("  ai: 1 of role senior (dana, rahim)\n");
    said.says("  vault: 1 of role senior (dana, rahim)\n      bound: tree\n      cools down for 90 minutes\n");
    let own = run(&f, &["policy", "explain", "x", "--author", "DANA@example.com"]).exits(0);
    own.says("  default: 1 of role senior (rahim)\n").says("  ai: 1 of role senior (rahim)\n");
    let mina = run(&f, &["policy", "explain", ".undersign/policy.toml", "--author", "rahim@example.com"]).exits(0);
    mina.says("  policy: 1 of role policy (nobody)\n      stands alone: nothing else in the same change\n");
}

#[test]
fn what_stands_against_touching_paths_together_is_explained() {
    let (from, until) = (jiff::Timestamp::from_second(now() - 60), jiff::Timestamp::from_second(now() + 3600));
    let more = format!(
        "[limits]\ncompartments = 1\n[freeze.peak]\nfrom = {}\nuntil = {}\ncompartments = [\"core\"]\n",
        from.unwrap(),
        until.unwrap()
    );
    let file = policy(&[CORE, &more].concat());
    let f = Fixture::new();
    let file = beside(&f, "other.toml", file);
    let explain = |paths: &[&str]| run(&f, &[&["policy", "explain", "--policy", &file], paths].concat()).exits(0);
    explain(&["src/a", "x"])
        .says("They lie in 2 compartments; one change may touch 1.")
        .says("The freeze peak holds now.");
    let said = explain(&["x", ".undersign/policy.toml"]);
    said.says("Compartment policy must land alone, but x is touched in the same change.").says_not("freeze");
    explain(&["x"]).says_not("may touch").says_not("stands alone");
}

#[test]
fn another_policy_is_tried_out_on_what_is_open() {
    let strict = policy(CORE);
    let f = Fixture::with_policy(&strict);
    f.decide("dana", WORK, Verdict::Approve);
    let loose = next(&strict, "\"senior\", n = 2", "\"senior\", n = 1");
    let file = beside(&f, "loose.toml", &loose);
    let headline = "Version 1 to version 2: 1 difference, which loosens it; 1 open change flips to allow.\n";
    let said = run(&f, &["policy", "simulate", "--to-file", &file]).exits(0).says(headline);
    said.says("  ▼ core needs 1 of role senior instead of 2\n").says("  deny → allow  shop:agent/work\n");
    // As a commit: its own branch is then an open change as well, and neither direction changes its result.
    propose(&f, "mina", "policy/loose", &[(".undersign/policy.toml", &loose)]);
    run(&f, &["policy", "simulate", "--to", "policy/loose"]).exits(0).says(headline);
    let back = run(&f, &["policy", "simulate", "--from", "policy/loose", "--to", "main"]).exits(0);
    let back =
        back.says("Version 2 to version 1: 1 difference, which does not loosen it; 1 open change flips to deny.");
    back.says("  ▲ core needs 2 of role senior instead of 1\n").says("  allow → deny  shop:agent/work\n");
    let same = run(&f, &["policy", "simulate", "--to", "main"]).exits(0);
    same.says("Version 1 to version 1: it means the same; no result changes for the open changes (2).");
}

#[test]
fn a_policy_that_cannot_be_read_is_not_tried_out() {
    let f = Fixture::new();
    let wrong = beside(&f, "wrong.toml", policy("[surprise]\n"));
    run(&f, &["policy", "simulate", "--to-file", &wrong]).exits(70).complains("has 1 mistake:\n  line ");
    run(&f, &["policy", "simulate", "--to", "nowhere"]).exits(70).complains("`nowhere` does not exist here");
    propose(&f, "mina", "policy/none", &[]);
    f.git("mina", &["checkout", "-q", "policy/none"]);
    f.git("mina", &["rm", "-q", ".undersign/policy.toml"]);
    f.commit("mina", "No rules");
    run(&f, &["policy", "simulate", "--to", "policy/none"])
        .exits(70)
        .complains("no .undersign/policy.toml on policy/none");
    run(&f, &["policy", "simulate"]).exits(64);
    run(&f, &["policy", "simulate", "--to", "main", "--to-file", &wrong]).exits(64);
}

#[test]
fn owners_of_github_become_a_policy_that_is_right() {
    let f = Fixture::new();
    let owners = "# Who owns what\n*       @global-owner1 @global-owner2\n*.js    @js-owner #inline\n*.go docs@example.com\n\
                  /build/logs/ @doctocat\ndocs/* docs@example.com\n/scripts/ @doctocat @octocat\n/apps/ @octocat\n/apps/github\n!x @octocat\n";
    let said = run(&f, &["policy", "import", &beside(&f, "CODEOWNERS", owners)]).exits(0);
    assert!(!said.out.contains("role  ") && !said.out.contains("lost  "), "the report is not a TOML: {}", said.out);
    let said = said
        .complains("role  doctocat-or-octocat: @doctocat or @octocat\n")
        .complains("lost  line 10: !x @octocat\n      ");
    let roles = said.err.lines().filter_map(|line| Some(line.strip_prefix("role  ")?.split_once(':')?.0.to_owned()));
    let roles: Vec<_> = roles.map(|role| format!("\"{role}\"")).collect();
    assert_eq!(roles.len(), 7, "{}", said.err);
    let head = policy("");
    let head = &head[..head.find("[ai]").unwrap()];
    let head = head.replacen("roles = [\"senior\"]", &format!("roles = [{}]", roles.join(", ")), 1);
    let file = beside(&f, "imported.toml", head + &said.out);
    let checked = run(&f, &["policy", "check", &file]).exits(0);
    checked.says("doctocat-or-octocat");
    let lost = said.err.lines().filter(|line| line.starts_with("lost")).count();
    said.complains(&format!("undersign: {lost} line{} could not be kept", if lost == 1 { "" } else { "s" }));
    run(&f, &["policy", "import", "absent"]).exits(70).complains("absent cannot be read");
}

#[test]
fn an_import_says_of_each_line_with_capitals_that_letter_case_counts_no_more() {
    let f = Fixture::new();
    let file = beside(&f, "CODEOWNERS", "* @core\n/Docs/ @docs\n/src/*.Go @go\n/lib/ @lib\n");
    let said = run(&f, &["policy", "import", &file]).exits(0);
    let said = said.says("# Letter case does not count here, to GitHub it does.");
    let said = said.complains("lost  line 2: /Docs/ @docs\n      CODEOWNERS matches capitals only as they are written");
    let said = said.complains("lost  line 3: /src/*.Go @go\n").complains("2 lines could not be kept as they were");
    assert!(!said.err.contains("line 4"), "{}", said.err);
}

#[test]
fn an_import_that_keeps_all_says_so() {
    let f = Fixture::new();
    let said = run(&f, &["policy", "import", &beside(&f, "CODEOWNERS", "* @one\n/docs/ @two\n")]).exits(0);
    assert!(!said.err.contains("lost") && !said.err.contains(" 0 lines"), "{}", said.err);
    said.complains("undersign: every line was kept, with paths in any letter case; give people the roles above");
    run(&f, &["policy", "import", &beside(&f, "CODEOWNERS", "[Docs]\n* @one\n")]).exits(0).says("as GitLab reads it");
}

#[test]
fn what_a_command_at_a_target_needs_is_explained() {
    let f = Fixture::new();
    let file = beside(&f, "commands.toml", include_str!("../../assets/policy.toml"));
    let explain = |line: &str| {
        let argv: Vec<&str> = line.split(' ').collect();
        let before = ["policy", "explain", "--policy", &file, "--command", "shop-prod", "--"];
        run(&f, &[&before[..], &argv].concat()).exits(0)
    };
    explain("/usr/bin/kubectl get pods -n shop").says("pods: runs unasked");
    explain("/usr/bin/psql -X -v ON_ERROR_STOP=1 -f {input:sql}")
        .says("migrate: where the broker's own preview destroys and replaces nothing")
        .says("1 of role senior (dana, rahim, ines) and 1 of role security (rahim, ines)")
        .says("cools down for 2 minutes");
    explain("/usr/bin/kubectl get secrets -n shop").says("matches no command of the target").says_not("unasked");
    explain("/bin/sh -c x").says("ARGV: it cannot be asked");
    run(&f, &["policy", "explain", "--policy", &file, "--command", "moon", "--", "/bin/ls"])
        .exits(70)
        .complains("no target moon; it has shop-prod");
}
