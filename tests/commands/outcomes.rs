//! `undersign report outcomes` on a repository that git itself made: reverts, fixes and rework as they really land.

use std::collections::BTreeMap;

use crate::support::Fixture;
use crate::{MAIN, Said, run};

fn outcomes(f: &Fixture, more: &[&str]) -> Said {
    run(f, &[&["report", "outcomes", "--policy-branch", MAIN], more].concat())
}

/// By subject: its kinds, and of each outcome what it is, its evidence, and whether it is taken back.
fn told(report: &serde_json::Value) -> BTreeMap<String, (String, Vec<String>)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let list = |value: &serde_json::Value| value.as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(" ");
    let outcome = |one: &serde_json::Value| {
        let taken_back = if one["is_taken_back"] == true { " taken back" } else { "" };
        format!("{} {}{taken_back}", text(&one["what"]), list(&one["evidence"])).trim_end().to_owned()
    };
    let of = |change: &serde_json::Value| {
        let outcomes = change["outcomes"].as_array().unwrap().iter().map(outcome).collect();
        (text(&change["subject"]), (list(&change["kinds"]), outcomes))
    };
    report["changes"].as_array().unwrap().iter().map(of).collect()
}

fn lines(range: std::ops::Range<usize>, word: &str) -> String {
    range.map(|n| format!("{word} {n}\n")).collect()
}

#[test]
fn what_git_reverts_and_what_people_fix_is_joined_whatever_way_it_landed() {
    let f = Fixture::new();
    let change = |path: &str, text: &str, message: &str| {
        f.write(path, text);
        f.commit("mina", message)
    };
    // By git's own message; by a merge of two commits; by content alone; twice; by title alone.
    change("a.txt", "a\n", "Add a");
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    f.git("mina", &["checkout", "-q", "-b", "side"]);
    change("b.txt", "b\n", "Begin b");
    change("b.txt", "b\nb\n", "End b");
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Merge b", "side"]);
    f.git("rahim", &["revert", "--no-edit", "-m", "1", "HEAD"]);
    change("c.txt", "c\n", "Add c");
    f.git("rahim", &["rm", "-q", "c.txt"]);
    f.commit("rahim", "Tidy up");
    change("d.txt", "d\n", "Add d");
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    change("e.txt", "e\n", "Add e (#1)");
    f.git("rahim", &["rm", "-q", "e.txt"]);
    f.write("other.txt", "other\n");
    f.commit("rahim", "Revert \"Add e (#1)\" (#2)");
    // A request of one commit, merged, of which that commit is reverted.
    f.git("mina", &["checkout", "-q", "-b", "single"]);
    let single = change("s.txt", "s\n", "Begin s");
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Merge s", "single"]);
    f.git("rahim", &["revert", "--no-edit", &single]);
    // One that is fixed, and one that is reworked.
    let first = change("f.txt", "f\n", "Add f");
    change("g.txt", "g\n", &format!("Mend f\n\nFixes: {} (\"Add f\")", &first[..12]));
    change("h.txt", &lines(0..20, "one"), "Add h");
    change("h.txt", &format!("{}{}", lines(0..10, "two"), lines(10..20, "one")), "Rewrite half of h");
    let report = outcomes(&f, &["--format", "json"]).exits(0).json();
    let mut told = told(&report);
    let mut is = |subject: &str, kinds: &str, outcomes: &[&str]| {
        let (own, found) = told.remove(subject).unwrap_or_else(|| panic!("{subject}: {told:?}"));
        assert_eq!((own.as_str(), found), (kinds, outcomes.iter().map(ToString::to_string).collect()), "{subject}");
    };
    is("Add a", "reverted", &["revert revert-named revert-content"]);
    is("Merge b", "reverted", &["revert revert-named revert-content"]);
    is("Merge s", "reverted", &["revert revert-named revert-content"]);
    is("Add c", "reverted", &["revert revert-content"]);
    is("Add d", "landed-again", &["revert revert-named revert-content taken back"]);
    is("Revert \"Add d\"", "reverted", &["revert revert-named revert-content"]);
    is("Add e (#1)", "reverted", &["revert revert-titled"]);
    is("Add f", "fixed", &["fix fix-named"]);
    is("Add h", "reworked", &["rework"]);
    for (subject, (kinds, outcomes)) in told {
        assert!(kinds.is_empty() && outcomes.is_empty(), "{subject}: {kinds} {outcomes:?}");
    }
    assert_eq!(report["summary"]["with_outcome"], 9);
    assert_eq!(report["summary"]["partly_reverted"], 0);
    let unjoined = report["unjoined"].as_object().unwrap();
    assert!(unjoined.values().all(|count| count == 0), "{unjoined:?}");
}

#[test]
fn what_a_message_makes_up_joins_nothing() {
    let f = Fixture::new();
    f.write("a.txt", "a\n");
    f.commit("mina", "Add a");
    let elsewhere = f.id("agent/work");
    let none = "0123456789abcdef0123456789abcdef01234567";
    f.write("b.txt", "b\n");
    f.commit("mina", &format!("Lie\n\nThis reverts commit {elsewhere}.\nFixes: {none}\nFixes: 1234567\nFixes: HEAD"));
    let report = outcomes(&f, &["--format", "json"]).exits(0).json();
    assert!(told(&report).values().all(|(kinds, _)| kinds.is_empty()));
    assert_eq!((&report["unjoined"]["unknown"], &report["unjoined"]["short"]), (&2.into(), &1.into()));
    assert_eq!(report["unjoined"]["ambiguous"], 0);
}

#[test]
fn every_format_has_the_counts_the_same_bytes_twice_and_no_text_of_the_repository_as_it_is() {
    let f = Fixture::new();
    let hostile = "=cmd()|' <script>alert(1)</script> \u{1b}[31m\u{202e} [a](javascript:b)";
    f.write("a.txt", "a\n");
    f.commit("mina", hostile);
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    for format in ["html", "md", "csv", "json"] {
        let said = outcomes(&f, &["--format", format]).exits(0);
        assert_eq!(said.out, outcomes(&f, &["--format", format]).out);
        assert!(!said.out.contains(['\u{1b}', '\u{202e}']), "{format}");
        assert!(!said.out.contains("<script>alert") || format == "json" || format == "csv", "{format}");
        match format {
            "html" => said.says("1 of 3").says("not proved clean").says("<svg").says_not("1 of 3 ("),
            "md" => said.says("1 of 3").says("not proved clean").says_not("[a](").says_not("1 of 3 ("),
            "csv" => {
                let line = said.out.lines().find(|line| line.contains("cmd()") && line.contains("reverted")).unwrap();
                assert!(line.contains(",\"'=cmd()") && !line.contains(",=") && !line.contains(",\"="), "{line}");
                said
            }
            _ => said,
        };
    }
    let file = f.dir.path().join("o.html");
    outcomes(&f, &["--format", "html", "--no-tiers", "--output", file.to_str().unwrap()]).exits(0);
    assert!(std::fs::read_to_string(file).unwrap().contains("--no-tiers"), "the command that makes it again");
}

#[test]
fn a_period_that_ends_after_what_is_looked_at_is_refused_in_a_sentence() {
    let f = Fixture::new();
    let said = outcomes(&f, &["--to", "2026-09-30", "--watch-to", "2026-09-01"]);
    said.complains("before the period ends").complains("Give a later day.");
    outcomes(&f, &["--within", "0"]).exits(64);
}

#[test]
fn what_a_rule_led_to_here_stands_beside_its_findings_once_a_report_was_kept() {
    let f = Fixture::new();
    let guarded = |is_guarded: bool| {
        format!(
            "resource \"aws_db_instance\" \"orders\" {{\n  lifecycle {{\n    prevent_destroy = {is_guarded}\n  }}\n}}\n"
        )
    };
    f.write("envs/prod/main.tf", &guarded(true));
    f.commit("mina", "Add the database");
    f.write("envs/prod/main.tf", &guarded(false));
    f.commit("mina", "Allow to recreate it");
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    let found = |said: &Said| {
        let one: serde_json::Value = serde_json::from_str(said.out.lines().next().unwrap()).unwrap();
        let findings = one["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["rule"].as_str().unwrap().starts_with("destr.")).unwrap()
    };
    let before = run(&f, &["risk", "main~1", "--jsonl"]).exits(0);
    assert!(found(&before)["outcomes"].is_null());
    outcomes(&f, &["--remember"]).exits(0);
    let after = run(&f, &["risk", "main~1", "--jsonl"]).exits(0);
    let own = &found(&after)["outcomes"];
    assert_eq!((&own["landed"], &own["with_outcome"]), (&1.into(), &1.into()), "{own}");
    assert_eq!(own["watched"], 0);
    let told = "of 1 change on which it fired here from 2026-09-21 to 2026-09-21, 1 had an outcome; 0 were watched for \
                90 days";
    run(&f, &["risk", "main~1"]).exits(0).says(told);
    // A file that somebody damaged is told, and stops nothing.
    let kept = f.repo.join(".git/undersign/rule-outcomes.json");
    std::fs::write(kept, "{}").unwrap();
    run(&f, &["risk", "main~1"]).exits(0).complains("rule-outcomes.json cannot be read").says_not("had an outcome");
    outcomes(&f, &["--remember", "--no-tiers"]).exits(64);
}

#[test]
fn a_hostile_date_breaks_no_report_and_is_no_period() {
    let f = Fixture::new();
    f.write("a.txt", "a\n");
    f.commit("mina", "Add a");
    let tree = f.id("main^{tree}");
    let person = "m <m@example.com>";
    let commit = |at: i64, parent: &str| {
        let text =
            format!("tree {tree}\nparent {parent}\nauthor {person} {at} +0000\ncommitter {person} {at} +0000\n\nx\n");
        let file = f.dir.path().join("commit");
        std::fs::write(&file, text).unwrap();
        f.git("mina", &["hash-object", "-t", "commit", "-w", "--literally", file.to_str().unwrap()]).trim().to_owned()
    };
    let first = commit(i64::MIN, &f.id("main"));
    let second = commit(i64::MAX, &first);
    f.git("mina", &["update-ref", MAIN, &second]);
    let report = outcomes(&f, &["--format", "json", "--remember"]).exits(0).json();
    let months = report["groups"][0]["rows"].as_array().unwrap();
    assert!(
        months.iter().all(|row| row["name"].as_str().unwrap().len() == 7 || row["name"] == "no known month"),
        "{months:?}"
    );
    let kept = std::fs::read_to_string(f.repo.join(".git/undersign/rule-outcomes.json")).unwrap();
    assert!(!kept.contains("9223372"), "{kept}");
}
