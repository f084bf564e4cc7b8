#![allow(clippy::unwrap_used)]
use super::*;

fn fact(head: &str, what: &str) -> Fact {
    Fact {
        key: "k".to_owned(),
        id: "shop:x".to_owned(),
        head: head.to_owned(),
        need: "needs you".to_owned(),
        waits: !matches!(what, "decided" | "draft"),
        is_decided: what == "decided",
        is_due: matches!(what, "due" | "late"),
        is_late: what == "late",
        ..Fact::default()
    }
}

/// What is told as a change goes through these states: `a waits` is head a, waiting.
fn story(states: &[&str]) -> Vec<String> {
    let (mut told, mut heard) = (BTreeMap::new(), Vec::new());
    for state in states {
        let (head, what) = state.split_once(' ').unwrap();
        let mut run = |bytes: &[u8]| {
            let notice: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            heard.push(format!("{} {}", notice["head"].as_str().unwrap(), notice["kind"].as_str().unwrap()));
            Ok(())
        };
        assert_eq!(tell_by(&mut run, &[fact(head, what)], &mut told), [""; 0]);
    }
    heard
}

#[test]
fn each_kind_is_told_once_for_each_head() {
    let table: &[(&[&str], &[&str])] = &[
        (&["a waits", "a waits"], &["a waits"]),
        (&["a draft", "a waits"], &["a waits"]),
        (&["a waits", "a due", "a due", "a late", "a late"], &["a waits", "a due", "a late"]),
        (&["a late", "a late", "a due"], &["a late"]),
        (&["a waits", "b waits", "b waits"], &["a waits", "b moved"]),
        (&["a waits", "a late", "b waits", "b due"], &["a waits", "a late", "b moved", "b due"]),
        (&["a waits", "a decided", "a decided"], &["a waits", "a decided"]),
        (&["a decided"], &[]),
        (&["a waits", "a decided", "b waits", "b decided"], &["a waits", "a decided", "b moved", "b decided"]),
        (&["a waits", "b decided"], &["a waits", "b decided"]),
        // An approval that was taken back is no new change.
        (&["a waits", "a decided", "a waits"], &["a waits", "a decided"]),
    ];
    for (states, wanted) in table {
        assert_eq!(story(states), *wanted, "{states:?}");
    }
}

#[test]
fn a_failure_is_told_again_and_ends_a_run_if_it_goes_on() {
    let facts: Vec<Fact> = (0..60).map(|n| Fact { key: n.to_string(), ..fact("a", "waits") }).collect();
    let mut told = BTreeMap::new();
    let problems = tell_by(&mut |_| Err("no.".to_owned()), &facts, &mut told);
    assert_eq!((problems.len(), told.len()), (4, 0), "{problems:?}");
    assert_eq!(problems[3], "57 notices are left for the next run.");
    let problems = tell_by(&mut |_| Ok(()), &facts, &mut told);
    assert_eq!((problems.len(), told.len()), (1, 50), "{problems:?}");
    assert_eq!(tell_by(&mut |_| Ok(()), &facts, &mut told).len(), 0);
    assert_eq!(told.len(), 60);
}

#[test]
fn a_notice_is_bounded_marks_what_does_not_show_and_names_the_change_by_its_head() {
    let long = format!("\u{1b}[31m\u{202e}{}", "x".repeat(100_000));
    let hostile = Fact { title: long.clone(), branch: format!("$(reboot);{long}"), ..fact(&"a".repeat(40), "waits") };
    let bytes = notice(&hostile, Kind::Waits);
    assert!(bytes.len() < 4 << 10 && bytes.is_ascii() || !bytes.contains(&0x1b), "{}", bytes.len());
    let notice: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert!(notice["title"].as_str().unwrap().starts_with("␛[31m<U+202E>x"), "{}", notice["title"]);
    assert_eq!(notice["command"], format!("undersign review {}", "a".repeat(40)));
}

#[test]
fn a_command_gets_the_notice_without_a_shell_or_secrets_and_is_ended_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("take");
    std::fs::write(&script, "#!/bin/sh\ncat > \"$1\"\nenv >> \"$1\"\npwd >> \"$1\"\n").unwrap();
    std::process::Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    let words = |rest: &[&str]| -> Vec<String> {
        std::iter::once(script.to_str().unwrap()).chain(rest.iter().copied()).map(str::to_owned).collect()
    };
    let out = dir.path().join("$(touch x); out");
    run(&words(&[out.to_str().unwrap()]), b"{}\n", PATIENCE).unwrap();
    let got = std::fs::read_to_string(&out).unwrap();
    assert!(got.starts_with("{}\n") && got.ends_with("\n/\n"), "{got}");
    let names: Vec<_> = got.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let is_known = |name: &&&str| !ENVIRONMENT.contains(*name) && !matches!(**name, "PWD" | "_" | "SHLVL" | "OLDPWD");
    assert_eq!(names.iter().filter(is_known).collect::<Vec<_>>(), [&""; 0]);
    let said =
        |words: &[&str], patience| run(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), b"{}\n", patience);
    assert!(said(&["/nowhere/at/all"], PATIENCE).unwrap_err().contains("cannot be run"));
    let failed = said(&["sh", "-c", "echo 'no \x1b route' >&2; exit 3"], PATIENCE).unwrap_err();
    assert!(failed.contains("3") && failed.contains("It says: no ␛ route"), "{failed}");
    let began = Instant::now();
    let late = said(&["sh", "-c", "sleep 60"], Duration::from_millis(200)).unwrap_err();
    assert!(late.contains("was ended") && began.elapsed() < Duration::from_secs(20), "{late}");
    // One that does not read, and one that says too much.
    said(&["sh", "-c", "exec <&-; yes | head -c 3000000 >&2"], PATIENCE).unwrap();
}

#[test]
fn what_was_told_is_remembered_and_what_is_pending_no_more_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let command = ["true".to_owned()];
    assert_eq!(tell(&command, &[fact("a", "waits")], true, dir.path()), [""; 0]);
    let kept = || std::fs::read_to_string(dir.path().join("notices.json")).unwrap();
    assert!(kept().contains("\"waits\""), "{}", kept());
    assert_eq!(tell(&["false".to_owned()], &[fact("a", "waits")], true, dir.path()), [""; 0], "it is told once");
    tell(&command, &[], false, dir.path());
    assert!(kept().contains("\"waits\""), "another repository may have it");
    tell(&command, &[], true, dir.path());
    assert!(!kept().contains("\"waits\""), "{}", kept());
    let lock = locked(dir.path()).unwrap();
    assert!(lock.is_some() && locked(dir.path()).unwrap().is_none());
}
