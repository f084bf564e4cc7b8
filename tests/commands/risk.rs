//! Scores of landed commits, history in the queue, and rules for the people who write them.

use crate::support::{Fixture, policy};
use crate::{propose, run};

/// A history that is long enough to be used: configuration that is reverted again and again, and code that is not.
fn history() -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    for n in 0..60 {
        f.write("conf/limits.yaml", &format!("limit: {n}\n"));
        f.commit("rahim", "Move the limit");
        let id = f.git("rahim", &["rev-parse", "HEAD"]);
        f.write("lib/cart.py", &format!("TOTAL = {n}\n"));
        let message = match n % 3 {
            0 => format!("Count anew\n\nThis reverts commit {}.", id.trim()),
            _ => "Count anew".to_owned(),
        };
        f.commit("rahim", &message);
    }
    f
}

fn objects(out: &str) -> Vec<serde_json::Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn a_range_is_scored_oldest_first_by_what_landed_before_each() {
    let f = history();
    let said = run(&f, &["risk", "--range", "main~5..main", "--jsonl"]).exits(0);
    let scored = objects(&said.out);
    assert_eq!(scored.len(), 5);
    let commits: Vec<_> = scored.iter().map(|one| one["history"]["commits"].as_u64().unwrap()).collect();
    assert!(commits.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{commits:?}");
    let alone = run(&f, &["risk", "main", "--jsonl"]).exits(0);
    assert_eq!(objects(&alone.out)[0], scored[4], "the same alone and in a range");
    for one in &scored {
        let sum: i64 = one["reasons"].as_array().unwrap().iter().map(|reason| reason["points"].as_i64().unwrap()).sum();
        assert_eq!(one["points"].as_i64(), Some(sum), "{one}");
    }
    let limits = scored.iter().find(|one| one["title"] == "Move the limit").unwrap().to_string();
    assert!(limits.contains("past changes to conf/limits.yaml were reverted or mended later"), "{limits}");
    run(&f, &["risk", "main"])
        .exits(0)
        .says("tier 4, ")
        .says(" points, blast radius B2 (several packages); 1 file, +1 −1");
}

#[test]
fn a_range_that_is_none_is_a_wrong_call_or_told() {
    let f = history();
    run(&f, &["risk"]).exits(64);
    run(&f, &["risk", "--range", "main", "--jsonl"]).exits(70).complains("is not a range. Write A..B");
    run(&f, &["risk", "nowhere"]).exits(70).complains("does not exist here");
    run(&f, &["risk", "main", "--first-parent"]).exits(64);
    run(&f, &["risk", "main", "--backtest"]).exits(64);
    run(&f, &["risk", "--range", "..main", "--within", "14"]).exits(64);
}

#[test]
fn a_backtest_says_whether_commits_that_were_taken_back_stood_in_front() {
    let f = Fixture::with_policy(&policy(""));
    for n in 0..12 {
        f.write("ops/apply.sh", "#!/bin/sh\nterraform apply plan\n");
        f.commit("rahim", "Apply the plan");
        f.write("docs/notes.md", &format!("{}\n", "A line.\n".repeat(n + 5)));
        f.commit("rahim", "Write more notes");
        f.write("ops/apply.sh", "#!/bin/sh\nterraform destroy -auto-approve\n");
        f.commit("rahim", "Begin anew");
        let id = f.id("HEAD");
        f.write("docs/notes.md", "");
        f.commit("rahim", &format!("Stop\n\nThis reverts commit {id}."));
    }
    let all = ["risk", "--range", "..main", "--backtest", "--within", "0"];
    run(&f, &all)
        .exits(0)
        .says("49 commits, of which a later one within 0 days says that 12 were wrong")
        .says("first tenth")
        .says("With fewer than 100 wrong commits, the figures say little.");
    let said = run(&f, &[&all[..], &["--jsonl"]].concat()).exits(0).json();
    assert_eq!((&said["schema"], &said["wrong"]), (&"undersign-backtest/v0".into(), &12.into()));
    let auc = |of: &str| said[of]["auc"].as_str().unwrap().parse::<f64>().unwrap();
    assert!(auc("order") > 0.9 && auc("lines_added") < 0.5, "{said}");
    run(&f, &all[..4]).exits(0).says("0 commits").says("are too new to tell");
}

#[test]
fn history_has_a_say_once_it_was_read_and_that_is_said() {
    let f = history();
    f.git("mina", &["checkout", "-q", "-b", "limits", "main"]);
    f.write("conf/limits.yaml", "limit: 9000\n");
    f.commit("mina", "Raise the limit");
    run(&f, &["show", "limits"]).exits(0).says("history was not read yet and does not count");
    let before = run(&f, &["queue", "--json"]).exits(0).json();
    let after = run(&f, &["queue", "--json", "--history"]).exits(0).json();
    let points = |queue: &serde_json::Value| {
        let changes = queue["changes"].as_array().unwrap();
        changes.iter().find(|row| row["branch"] == "limits").unwrap()["points"].as_u64().unwrap()
    };
    assert!(points(&after) > points(&before), "{before} {after}");
    run(&f, &["show", "limits"])
        .exits(0)
        .says("by the history of ")
        .says("past changes to conf/limits.yaml were reverted or mended later");
}

#[test]
fn rules_are_listed_explained_and_tried() {
    let f = Fixture::with_policy(&policy(""));
    run(&f, &["rules", "list"]).exits(0).says("destr.sql").says("critical");
    run(&f, &["rules", "explain", "destr.sql"]).exits(0).says("Why: ").says("fires on").says("DROP TABLE orders;");
    run(&f, &["rules", "explain", "no.such"]).exits(70).complains("`undersign rules list` lists them");
    let file = f.dir.path().join("rules.toml");
    let rule = |hit: &str| {
        format!(
            "[[rule]]\nid = \"x.y\"\ntitle = \"T\"\nseverity = \"high\"\nside = \"added\"\nregex = 'ab+c'\nwhy = \"w.\"\n\
             ask = \"a?\"\nhits = [\"{hit}\"]\nmisses = [\"ac\"]\n"
        )
    };
    let test = ["rules", "test", file.to_str().unwrap()];
    std::fs::write(&file, rule("abbc")).unwrap();
    run(&f, &test).exits(0).says("1 rule of ").says("all examples hold");
    std::fs::write(&file, rule("abd")).unwrap();
    run(&f, &test).exits(2).says("line 1: user/rules.x.y must fire, and does not, on abd");
    std::fs::write(&file, rule("abbc").replace("high", "grave")).unwrap();
    run(&f, &test).exits(2).says("has 1 mistake:").says("line 4: a severity is critical, high");
    run(&f, &["rules", "test", "nowhere.toml"]).exits(70).complains("nowhere.toml: it cannot be read");
    let facts = f.dir.path().join("app.yaml");
    std::fs::write(&facts, "http:\n  timeout: 30s\n").unwrap();
    run(&f, &["rules", "facts", facts.to_str().unwrap()]).exits(0).says("setting     http.timeout = 30");
    std::fs::write(f.dir.path().join("a.bin"), b"\xff\xfe").unwrap();
    run(&f, &["rules", "facts", f.dir.path().join("a.bin").to_str().unwrap()]).exits(70).complains("is not UTF-8");
}

/// A rule that finds `forbid(…)` in added lines.
const PACK: &str = "[[rule]]\nid = \"forbid\"\ntitle = \"Something is forbidden\"\nseverity = \"high\"\nside = \"added\"\n\
                    regex = 'forbid\\('\nwhy = \"The shop cannot.\"\nask = \"May it?\"\nhits = [\"forbid(1)\"]\n\
                    misses = [\"allow(1)\"]\n";

/// A change that forbids something and drops a table; `packs` are on main before it.
fn with_packs(packs: &[(&str, &str)]) -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "main"]);
    packs.iter().for_each(|(name, text)| f.write(&format!(".undersign/rules/{name}"), text));
    if !packs.is_empty() {
        f.commit("rahim", "Write down what we found out");
    }
    f.git("mina", &["checkout", "-q", "-b", "forbidding", "main"]);
    f.write("db/next.sql", "DROP TABLE orders;\n");
    f.write("lib/cart.py", "forbid(2)\n");
    f.commit("mina", "Forbid it");
    f
}

/// For a change: rule, severity, why.
fn found(f: &Fixture, name: &str) -> Vec<(String, String, String)> {
    let shown = run(f, &["show", name, "--json"]).exits(0).json();
    let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = shown["findings"].as_array().unwrap().iter();
    findings.map(|it| (text(it, "rule"), text(it, "severity"), text(it, "why"))).collect()
}

#[test]
fn a_repository_brings_rules_on_its_policy_branch_and_quiets_others_with_a_reason() {
    let quiet = format!("{PACK}[[quiet]]\nid = \"destr.sql\"\nreason = \"Tables here are caches.\"\n");
    let f = with_packs(&[("shop.toml", &quiet)]);
    let all = found(&f, "forbidding");
    let of = |rule: &str| all.iter().find(|own| own.0 == rule).unwrap_or_else(|| panic!("no {rule}: {all:?}"));
    assert_eq!(of("repo/shop.forbid").1, "high");
    assert_eq!(of("destr.sql").1, "note");
    assert!(of("destr.sql").2.ends_with("Only a note by .undersign/rules/shop.toml: Tables here are caches."));
    run(&f, &["rules", "list"]).exits(0).says("repo/shop.forbid").says("(only a note by .undersign/rules/shop.toml");
    run(&f, &["rules", "explain", "destr.sql"]).exits(0).says("Quiet: only a note by");
    run(&f, &["rules", "explain", "repo/shop.forbid"]).exits(0).says("The shop cannot.").says("forbid(1)");
    let scored = run(&f, &["risk", "forbidding", "--jsonl"]).exits(0);
    assert!(scored.out.contains("repo/shop.forbid"), "{}", scored.out);
}

#[test]
fn a_change_brings_no_rules_for_itself_and_nor_does_what_is_checked_out() {
    let f = with_packs(&[]);
    let quiet = "[[quiet]]\nid = \"destr.sql\"\nreason = \"Trust me.\"\n";
    f.write(".undersign/rules/shop.toml", &format!("{PACK}{quiet}"));
    f.commit("mina", "Bring rules along");
    f.write(".undersign/rules/other.toml", &format!("{PACK}{quiet}"));
    let all = found(&f, "forbidding");
    assert!(all.iter().all(|(rule, ..)| !rule.starts_with("repo/")), "{all:?}");
    assert!(all.iter().any(|(rule, severity, _)| rule == "destr.sql" && severity != "note"), "{all:?}");
    let listed = run(&f, &["rules", "list"]).exits(0);
    assert!(!listed.out.contains("repo/"), "{}", listed.out);
}

#[test]
fn a_pack_with_a_mistake_is_told_with_its_line_and_the_other_rules_stay() {
    let broken = PACK.replace("misses = [\"allow(1)\"]", "misses = [\"forbid(3)\"]");
    let f = with_packs(&[("broken.toml", &broken), ("sound.toml", PACK)]);
    let all = found(&f, "forbidding");
    let has = |rule: &str| all.iter().any(|own| own.0 == rule);
    assert!(has("repo/sound.forbid") && has("destr.sql") && !has("repo/broken.forbid"), "{all:?}");
    let refused = all.iter().find(|own| own.0 == "rules.pack-refused").unwrap();
    assert_eq!(refused.1, "low", "it wants an answer");
    assert!(refused.2.contains("line 1: repo/broken.forbid must not fire, and does, on forbid(3)"), "{refused:?}");
    run(&f, &["rules", "list"])
        .exits(2)
        .says("repo/sound.forbid")
        .complains(".undersign/rules/broken.toml has 1 mistake")
        .complains("Nothing of it is used.");
    std::os::unix::fs::symlink("/etc/passwd", f.repo.join(".undersign/rules/link.toml")).unwrap();
    f.git("mina", &["checkout", "-q", "main"]);
    f.commit("rahim", "Link to a pack");
    run(&f, &["rules", "list"]).exits(2).complains("link.toml has 1 mistake").complains("must be an ordinary file");
}

/// The results of other rules are not taken from the cache.
#[test]
fn a_queue_that_is_listed_again_knows_what_new_rules_find() {
    let f = with_packs(&[]);
    let points = || {
        let queue = run(&f, &["queue", "--json"]).exits(0).json();
        let row =
            queue["changes"].as_array().unwrap().iter().find(|row| row["branch"] == "forbidding").unwrap().clone();
        (row["finding_count"].as_u64().unwrap(), row["tier"].as_u64().unwrap())
    };
    let before = points();
    f.git("mina", &["checkout", "-q", "main"]);
    f.write(".undersign/rules/shop.toml", &PACK.replace("high", "critical"));
    f.commit("rahim", "Write down what we found out");
    assert_eq!(points(), (before.0 + 1, 1));
    f.write(".undersign/rules/shop.toml", &PACK.replace("'forbid", "'nothing").replace("[\"forbid", "[\"nothing"));
    f.commit("rahim", "Forbid nothing");
    assert_eq!(points(), before);
}

#[cfg(feature = "tui")]
#[test]
fn who_runs_the_program_has_rules_of_their_own() {
    let f = with_packs(&[]);
    let folder = f.dir.path().join("config/undersign/rules");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("mine.toml"), PACK).unwrap();
    let all = found(&f, "forbidding");
    assert!(all.iter().any(|(rule, severity, _)| rule == "user/mine.forbid" && severity == "high"), "{all:?}");
    run(&f, &["rules", "explain", "user/mine.forbid"]).exits(0).says("The shop cannot.");
    std::fs::write(folder.join("mine.toml"), PACK.replace("forbid\\(", "(")).unwrap();
    run(&f, &["rules", "list"]).exits(2).complains("line 6: this is no pattern");
    assert!(found(&f, "forbidding").iter().any(|(rule, ..)| rule == "rules.pack-refused"));
}

#[test]
fn all_that_one_id_stands_for_is_explained() {
    let f = Fixture::with_policy(&policy(""));
    let listed = run(&f, &["rules", "list"]).exits(0);
    let ids: Vec<&str> = listed.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let twice = ids.windows(2).find(|pair| pair[0] == pair[1]).expect("some rule has two entries")[0];
    let count = ids.iter().filter(|id| **id == twice).count();
    let said = run(&f, &["rules", "explain", twice]).exits(0).says(&format!("1 of {count}: "));
    assert_eq!(said.out.matches("  Why: ").count(), count, "{}", said.out);
}

#[test]
fn how_rare_a_rule_is_here_is_said_once_that_was_read() {
    let f = Fixture::with_policy(&policy(""));
    f.git("rahim", &["checkout", "-q", "main"]);
    (0..200).for_each(|_| _ = f.git("rahim", &["commit", "-q", "--allow-empty", "-m", "Nothing"]));
    let explained = || run(&f, &["rules", "explain", "destr.sql"]).exits(0);
    assert!(!explained().out.contains("commits here"));
    run(&f, &["queue", "--history"]).exits(0);
    explained().says("  It fired on none of the last 2").says(" commits here.");
}

#[test]
fn at_most_fifty_findings_want_an_answer_and_all_places_are_told() {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "-b", "flood", "main"]);
    let table = |n: usize| format!("DROP TABLE t{n};\n");
    f.write("db/a.sql", &(0..3_000).map(table).collect::<String>());
    f.commit("mina", "Drop all of it");
    let shown = run(&f, &["show", "flood", "--json"]).exits(0).json();
    let findings = shown["findings"].as_array().unwrap();
    let asked: Vec<_> = findings.iter().filter(|finding| finding["severity"] != "note").collect();
    assert_eq!(asked.len(), 50);
    let places = |finding: &serde_json::Value| finding["places"].as_array().map_or(1, Vec::len);
    assert_eq!(asked.iter().map(|finding| places(finding)).sum::<usize>(), 3_000);
    run(&f, &["show", "flood"])
        .exits(0)
        .says("db/a.sql:50 and 2950 other places")
        .says("2951 more findings of this rule");
    let log = run(&f, &["show", "flood", "--sarif"]).exits(0).json();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of_rule = results.iter().filter(|result| result["ruleId"] == "destr.sql");
    assert_eq!(of_rule.count(), 3_000, "other tools count by places");
}

#[test]
fn what_a_policy_calls_critical_reaches_far_and_its_documentation_does_not() {
    let part = |name: &str, criticality: &str| {
        format!(
            "[compartment.{name}]\npaths = [\"{name}/**\"]\ncriticality = \"{criticality}\"\n\
             sign = [{{ role = \"senior\", n = 1 }}]\n"
        )
    };
    let f = Fixture::with_policy(&policy(&(part("money", "critical") + &part("stock", "high"))));
    propose(&f, "mina", "pay", &[("money/pay.py", "TOTAL = 1\n")]);
    propose(&f, "mina", "count", &[("stock/count.py", "TOTAL = 1\n")]);
    propose(&f, "mina", "words", &[("money/README.md", "How it is paid.\n")]);
    let said = |branch: &str| run(&f, &["show", branch]).exits(0);
    said("pay").says("B4").says("is in a critical compartment: money");
    said("count").says("B3").says("is in a compartment of high criticality: stock");
    said("words").says("B0").says_not("compartment: money");
}

#[test]
fn what_was_too_large_to_be_read_is_said_and_its_lines_are_searched() {
    let f = Fixture::with_policy(&policy(""));
    let mut big: String = (0..60_000).map(|n| format!("\"key_{n:060}\": \"value\",\n")).collect();
    big = format!("{{\n{big}\"end\": 1\n}}\n");
    assert!(big.len() > 2 << 20);
    f.write("conf/big.json", &big);
    f.commit("rahim", "Land a large file");
    propose(&f, "mina", "large", &[("conf/big.json", &big.replace("\"end\": 1", "\"end\": 2"))]);
    let said = run(&f, &["show", "large", "--json"]).exits(0);
    said.says("read.partly").says("Too large to be read whole");
}

/// Changes of one file, whose names and titles others chose.
#[test]
fn show_says_which_other_changes_edit_the_same_and_whether_they_are_known() {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "main"]);
    let lines =
        |n: u32| (0..20).map(|line| format!("x{line} = {}\n", if line == n { 9 } else { 0 })).collect::<String>();
    f.write("src/cart.py", &lines(99));
    f.commit("rahim", "Begin");
    let names = ["own", "same", "hostile\u{9b}31m\u{202e}", "other-a", "other-b", "other-c"];
    for (at, (name, line)) in names.iter().zip([3, 3, 4, 10, 15, 19]).enumerate() {
        f.git("mina", &["checkout", "-q", "-b", name, "main"]);
        f.write("src/cart.py", &lines(line));
        f.commit("mina", &format!("Edit \u{1b}[2J{at}"));
    }
    f.git("mina", &["checkout", "-q", "main"]);
    let before = run(&f, &["show", "own", "--json"]).exits(0).json();
    assert_eq!(before["concurrent"]["changes"].as_array().unwrap().len(), 0);
    assert!(before["concurrent"]["unexamined"].as_u64().unwrap() >= 5, "{before}");
    run(&f, &["show", "own"]).exits(0).says("also edited: not known of ");
    run(&f, &["queue"]).exits(0);
    let said = run(&f, &["show", "own", "--json"]).exits(0);
    assert!(!said.out.contains(['\u{9b}', '\u{202e}', '\u{1b}']));
    let told = &said.json()["concurrent"];
    assert_eq!((&told["same_lines"], &told["same_file"], &told["unexamined"]), (&2.into(), &3.into(), &0.into()));
    let changes = told["changes"].as_array().unwrap();
    let overlaps: Vec<_> = changes.iter().map(|one| one["overlap"].as_str().unwrap()).collect();
    assert_eq!(overlaps, ["lines", "lines", "file"]);
    assert_eq!(changes[0]["name"], "hostile<U+009B>31m<U+202E>");
    assert_eq!((&changes[1]["name"], &changes[1]["path"]), (&"same".into(), &"src/cart.py".into()));
    run(&f, &["show", "own"]).exits(0).says(
        "also edited: the same lines: hostile<U+009B>31m<U+202E> (src/cart.py), same (src/cart.py); the same file: \
         other-a (src/cart.py); and 2 more changes",
    );
}

#[test]
fn show_says_what_depends_on_a_package_by_the_manifests_of_the_base() {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "main"]);
    f.write("libs/ui/package.json", r#"{"name": "@shop/ui"}"#);
    f.write("libs/ui/index.ts", "export const a = 1;\n");
    f.write("apps/web/package.json", r#"{"name": "web", "dependencies": {"@shop/ui": "workspace:*"}}"#);
    f.write("package.json", r#"{"workspaces": ["libs/*", "apps/*"]}"#);
    f.write("huge/package.json", &format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20)));
    f.commit("rahim", "Begin");
    f.git("mina", &["checkout", "-q", "-b", "button", "main"]);
    f.write("libs/ui/index.ts", "export const a = 2;\n");
    // A change cannot take itself out of the reach of what it touches.
    f.write("apps/web/package.json", r#"{"name": "web"}"#);
    f.commit("mina", "Change the button");
    f.git("mina", &["checkout", "-q", "main"]);
    for _ in 0..2 {
        let shown = run(&f, &["show", "button", "--json"]).exits(0).json();
        let package = &shown["packages"][0];
        assert_eq!((&package["name"], &package["dependents"]), (&"@shop/ui".into(), &1.into()), "{shown}");
        assert_eq!((&package["direct"][0], &package["builder"]), (&"web".into(), &"node".into()));
        run(&f, &["queue"]).exits(0);
    }
    run(&f, &["show", "button"])
        .exits(0)
        .says("libs/ui/index.ts: is in @shop/ui; at least 1 package depends on this one: web")
        .says("may be in more packages' reach: 3 of 4 manifests were read");
}

const SERVICES: &str = "schema = \"undersign-services/v1\"\n[service.checkout]\ntier = 1\npaths = [\"shop/checkout/**\"]\n\
                        [service.search]\ntier = 4\npaths = [\"shop/search/**\"]\n";

/// A change of two services; `services` is on main before it, and `own` is its own file of them.
fn with_services(services: &str, own: Option<&str>) -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "main"]);
    f.write(".undersign/services.toml", services);
    f.commit("rahim", "Say what is a service");
    f.git("mina", &["checkout", "-q", "-b", "pay", "main"]);
    f.write("shop/checkout/pay.py", "def pay():\n    return 1\n");
    f.write("shop/search/find.py", "def find():\n    return 1\n");
    own.iter().for_each(|text| f.write(".undersign/services.toml", text));
    f.commit("mina", "Pay");
    f.git("mina", &["checkout", "-q", "-b", "read", "main"]);
    f.write("shop/checkout/README.md", "# Checkout\n");
    f.commit("mina", "Describe it");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn the_tier_of_a_service_widens_the_reach_of_what_belongs_to_it() {
    let f = with_services(SERVICES, None);
    let shown = run(&f, &["show", "pay", "--json"]).exits(0).json();
    assert_eq!(shown["blast"], "B4", "{shown}");
    run(&f, &["show", "pay"])
        .exits(0)
        .says("B4 shop/checkout/pay.py: belongs to checkout, tier 1")
        .says("B1 shop/search/find.py: belongs to search, tier 4");
    // The list says the same from what it keeps.
    let reach = || {
        let queue = run(&f, &["queue", "--json"]).exits(0).json();
        let rows = queue["changes"].as_array().unwrap();
        let of = |name: &str| rows.iter().find(|row| row["branch"] == name).unwrap()["blast"].clone();
        [of("pay"), of("read")]
    };
    assert_eq!(reach(), ["B4", "B0"], "documentation stays a leaf");
    f.git("mina", &["checkout", "-q", "main"]);
    f.write(".undersign/services.toml", &SERVICES.replace("tier = 1", "tier = 2"));
    f.commit("rahim", "It matters less");
    assert_eq!(reach(), ["B3", "B0"], "what is kept of a change knows no service");
}

#[test]
fn a_change_cannot_say_to_which_service_it_belongs() {
    let f = with_services(SERVICES, Some("schema = \"undersign-services/v1\"\n"));
    run(&f, &["show", "pay"]).exits(0).says("shop/checkout/pay.py: belongs to checkout, tier 1");
    let need = run(&f, &["policy", "explain", ".undersign/services.toml"]).exits(0);
    assert!(need.out.contains("policy"), "{need:?}");
}

#[test]
fn a_file_of_services_with_a_mistake_is_of_no_use_and_every_path_may_be_of_any() {
    let f = with_services(&SERVICES.replace("tier = 1", "tier = 9"), None);
    run(&f, &["show", "pay"]).exits(0).says(
        "B3 shop/checkout/pay.py: may belong to any service: .undersign/services.toml line 3: `tier` is 0 to 5, not 9",
    );
    assert_eq!(run(&f, &["show", "read", "--json"]).exits(0).json()["blast"], "B0");
    run(&f, &["policy", "check"])
        .exits(2)
        .says("policy.toml is right")
        .complains("services.toml has 1 mistake:")
        .complains("line 3: `tier` is 0 to 5, not 9");
}

#[test]
fn policy_check_reads_the_services_beside_a_policy_and_says_who_signs_for_them() {
    let f = with_services(SERVICES, None);
    run(&f, &["policy", "check"]).exits(0).says("services.toml is right: 2 services.").says("checkout         tier 1");
    let alone = f.repo.join(".undersign/services.toml");
    let said = run(&f, &["policy", "check", alone.to_str().unwrap()]).exits(0);
    assert!(said.out.contains("2 services") && !said.out.contains("policy.toml"), "{said:?}");
    let text = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
    assert!(!said.err.contains("compartment"), "{said:?}");
    f.write(".undersign/policy.toml", &text.replace("\".undersign/**\"", "\".undersign/policy.toml\""));
    run(&f, &["policy", "check"]).exits(0).complains(
        ".undersign/services.toml is in default: whoever signs there says how far mistakes reach. Add it to the paths of \
         [compartment.policy].",
    );
}

#[test]
fn what_a_service_depends_on_is_one_class_below_it() {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "main"]);
    f.write(".undersign/services.toml", SERVICES);
    f.write("money/Cargo.toml", "[package]\nname = \"money\"\n");
    f.write("money/src/lib.rs", "pub const A: u32 = 1;\n");
    let needs =
        |name: &str, on: &str| format!("[package]\nname = \"{name}\"\n[dependencies]\nx = {{ path = \"{on}\" }}\n");
    f.write("cart/Cargo.toml", &needs("cart", "../money"));
    f.write("shop/checkout/Cargo.toml", &needs("till", "../../cart"));
    f.write("shop/search/Cargo.toml", &needs("find", "../../money"));
    f.commit("rahim", "Divide the shop");
    f.git("mina", &["checkout", "-q", "-b", "round", "main"]);
    f.write("money/src/lib.rs", "pub const A: u32 = 2;\n");
    f.commit("mina", "Round up");
    f.git("mina", &["checkout", "-q", "main"]);
    let said = run(&f, &["show", "round"]).exits(0);
    assert!(said.out.contains("B3 money/src/lib.rs: is needed by till, which belongs to checkout, tier 1"), "{said:?}");
    assert!(!said.out.contains("which belongs to search"), "{said:?}");
}
