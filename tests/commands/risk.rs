//! Scores of landed commits, history beside the queue, and rules for the people who write them.

use crate::run;
use crate::support::{Fixture, policy};

/// A history that is long enough to go by: configuration that is taken back again and again, and code that is not.
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
    run(&f, &["risk", "main"]).exits(0).says("tier 4, ").says(" points, blast radius B2; 1 file, +1 −1");
}

#[test]
fn a_range_that_is_none_is_a_wrong_call_or_told() {
    let f = history();
    run(&f, &["risk"]).exits(64);
    run(&f, &["risk", "--range", "main", "--jsonl"]).exits(70).complains("is no range. Write A..B");
    run(&f, &["risk", "nowhere"]).exits(70).complains("does not exist here");
    run(&f, &["risk", "main", "--first-parent"]).exits(64);
}

#[test]
fn history_has_a_say_once_it_was_read_and_that_is_said() {
    let f = history();
    f.git("mina", &["checkout", "-q", "-b", "limits", "main"]);
    f.write("conf/limits.yaml", "limit: 9000\n");
    f.commit("mina", "Raise the limit");
    run(&f, &["show", "limits"]).exits(0).says("history was not read yet, and has no say");
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
    run(&f, &test).exits(2).says("x.y must fire, and does not, on abd");
    std::fs::write(&file, rule("abbc").replace("high", "grave")).unwrap();
    run(&f, &test).exits(2).says("mistakes").says("`severity` is");
    let facts = f.dir.path().join("app.yaml");
    std::fs::write(&facts, "http:\n  timeout: 30s\n").unwrap();
    run(&f, &["rules", "facts", facts.to_str().unwrap()]).exits(0).says("setting     http.timeout = 30");
    std::fs::write(f.dir.path().join("a.bin"), b"\xff\xfe").unwrap();
    run(&f, &["rules", "facts", f.dir.path().join("a.bin").to_str().unwrap()]).exits(70).complains("no text in UTF-8");
}
