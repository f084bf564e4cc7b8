#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_790_000_000;

/// Tells by a closure, with a memory that can always be written.
fn tell_by_run(
    run: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    facts: &[Fact],
    told: &mut BTreeMap<String, Told>,
) -> Vec<String> {
    tell_by(&mut Ports { run, keep: &mut |_| Ok(()), now: NOW, is_stale: false }, facts, told)
}

fn fact(head: &str, what: &str) -> Fact {
    Fact {
        key: "k".to_owned(),
        id: "shop:x".to_owned(),
        head: head.to_owned(),
        status: match what {
            "others" => ChangeStatus::NeedsOthers,
            "decided" => ChangeStatus::Signed,
            _ => ChangeStatus::NeedsYou,
        },
        waits: !matches!(what, "decided" | "draft"),
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
        assert_eq!(tell_by_run(&mut run, &[fact(head, what)], &mut told), [""; 0]);
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
        // Whoever goes back to a head does not ring again.
        (&["a waits", "b waits", "a waits", "b waits", "a late"], &["a waits", "b moved", "a late"]),
        // The turn passes at the same head, and is told with whatever is told first.
        (&["a others", "a waits", "a others", "a waits"], &["a waits", "a turn"]),
        (&["a others", "b waits", "b waits"], &["a waits", "b moved"]),
        (&["a others", "a late", "a waits"], &["a waits", "a late"]),
        // An approval that was taken back is not a new change.
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
    let problems = tell_by_run(&mut |_| Err("no.".to_owned()), &facts, &mut told);
    assert_eq!((problems.len(), told.len()), (4, 0), "{problems:?}");
    assert_eq!(problems[3], "57 notices are left for the next run.");
    let problems = tell_by_run(&mut |_| Ok(()), &facts, &mut told);
    assert_eq!((problems.len(), told.len()), (1, 50), "{problems:?}");
    assert_eq!(tell_by_run(&mut |_| Ok(()), &facts, &mut told).len(), 0);
    assert_eq!(told.len(), 60);
}

#[test]
fn a_notice_is_bounded_marks_what_does_not_show_and_names_the_change_by_its_head() {
    let long = format!("\u{1b}[31m\u{202e}{}", "x".repeat(100_000));
    let hostile = Fact {
        id: long.clone(),
        title: long.clone(),
        branch: format!("$(reboot);{long}"),
        ask: vec![long.clone(); 3_000],
        told_ask: long.clone(),
        claims: vec!["ines".to_owned(); 3_000],
        root: PathBuf::from("/srv/it's; here"),
        ..fact(&"a".repeat(40), "waits")
    };
    let bytes = notice(&hostile, Kind::Waits);
    assert!(bytes.len() < 32 << 10 && bytes.is_ascii() || !bytes.contains(&0x1b), "{}", bytes.len());
    let notice: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert!(notice["title"].as_str().unwrap().starts_with("␛[31m<U+202E>x"), "{}", notice["title"]);
    assert_eq!(notice["command"], format!("undersign --repo '/srv/it'\\''s; here' review {}", "a".repeat(40)));
    let escaped = Fact { root: PathBuf::from("/srv/\u{1b}[2J"), ..fact("a", "waits") };
    assert_eq!(command_of(&escaped), "undersign review a");
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
    // What it left behind holds its standard error, and a notice that does not fit into a pipe waits for nobody.
    let began = Instant::now();
    let left = said(&["sh", "-c", "sleep 60 & echo 'left it' >&2; exit 7"], PATIENCE).unwrap_err();
    assert!(left.contains("It says: left it"), "{left}");
    let words = ["sh", "-c", "sleep 60"].map(str::to_owned);
    let large = run(&words, &vec![b'x'; 1 << 20], Duration::from_millis(200)).unwrap_err();
    assert!(large.contains("was ended") && began.elapsed() < Duration::from_secs(20), "{large}");
    // One that does not read, and one that says too much.
    said(&["sh", "-c", "exec <&-; yes | head -c 3000000 >&2"], PATIENCE).unwrap();
}

#[test]
fn what_was_told_is_remembered_and_what_is_pending_no_more_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let (shop, other) = (Path::new("/srv/shop.git"), Path::new("/srv/other.git"));
    let (waits, dir, command) =
        (Fact { key: Fact::key(shop, "x"), ..fact("a", "waits") }, dir.path(), ["true".to_owned()]);
    let seen =
        |place: &Path, ids: &[&str]| [Seen::of(place, &ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>())];
    let waits = std::slice::from_ref(&waits);
    assert_eq!(tell(&command, waits, &seen(shop, &["x"]), dir, NOW), [""; 0]);
    let kept = || std::fs::read_to_string(dir.join("notices.json")).unwrap();
    assert!(kept().contains("\"waits\""), "{}", kept());
    assert_eq!(tell(&["false".to_owned()], waits, &seen(shop, &["x"]), dir, NOW), [""; 0], "it is told once");
    tell(&command, &[], &seen(other, &[]), dir, NOW);
    tell(&command, &[], &[], dir, NOW);
    tell(&command, &[], &seen(shop, &["x"]), dir, NOW);
    assert!(kept().contains("\"waits\""), "it may be in a repository that was not read, or could not be examined");
    tell(&command, &[], &seen(shop, &["y"]), dir, NOW);
    assert!(!kept().contains("\"waits\""), "{}", kept());
    // A branch of that name is another change now.
    let heard = dir.join("heard");
    let append = ["sh", "-c", "cat >> \"$0\"", heard.to_str().unwrap()].map(str::to_owned);
    let again = Fact { head: "b".to_owned(), ..waits[0].clone() };
    assert_eq!(tell(&append, &[again], &seen(shop, &["x"]), dir, NOW), [""; 0]);
    assert!(std::fs::read_to_string(&heard).unwrap().contains("\"kind\":\"waits\""));
    tell(&command, &[], &[], dir, NOW + FORGOTTEN + SECONDS_OF_A_DAY);
    assert!(!kept().contains("\"waits\""), "nobody reads that repository any more: {}", kept());
    // A program that another test starts holds a copy of the lock for a moment.
    let free = || locked(dir).unwrap().or_else(|| (std::thread::sleep(std::time::Duration::from_millis(20)), None).1);
    let lock = (0..250).find_map(|_| free());
    assert!(lock.is_some() && locked(dir).unwrap().is_none());
    assert!(tell(&command, waits, &[], dir, NOW)[0].contains("Another run"));
}

#[test]
fn what_cannot_be_remembered_is_not_told_and_what_was_told_is_remembered_at_once() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("notices.json")).unwrap();
    let heard = dir.path().join("heard");
    let append = ["sh", "-c", "cat >> \"$0\"", heard.to_str().unwrap()].map(str::to_owned);
    let problems = tell(&append, &[fact("a", "waits")], &[], dir.path(), NOW);
    assert!(problems[0].contains("cannot be remembered") && !heard.exists(), "{problems:?}");
    // It is written before the next is told: the run may be ended then.
    let facts: Vec<Fact> = (0..3).map(|n| Fact { key: n.to_string(), ..fact("a", "waits") }).collect();
    let (kept, told) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let mut run = |_: &[u8]| {
        assert_eq!(kept.get(), told.get());
        told.set(told.get() + 1);
        Ok(())
    };
    let mut keep = |told: &BTreeMap<String, Told>| {
        kept.set(told.len());
        Ok(())
    };
    tell_by(&mut Ports { run: &mut run, keep: &mut keep, now: NOW, is_stale: false }, &facts, &mut BTreeMap::new());
    assert_eq!((kept.get(), told.get()), (3, 3));
}

#[test]
fn however_much_was_told_the_memory_can_be_read_again() {
    let heads =
        (0..40).map(|n| (format!("{n:040}"), vec![Kind::Waits, Kind::Moved, Kind::Due, Kind::Late, Kind::Decided]));
    let heads: Vec<_> = heads.take(MOST_HEADS).collect();
    let key = |n: i64| Fact::key(Path::new("/srv/shop.git"), &n.to_string());
    let mut told: BTreeMap<_, _> =
        (0..12_000).map(|n| (key(n), Told { heads: heads.clone(), seen: NOW - n })).collect();
    forget(&mut told, &[], NOW);
    assert_eq!(told.len(), MOST_CHANGES);
    assert!(told.contains_key(&key(0)) && !told.contains_key(&key(11_999)));
    let bytes = serde_json::to_vec(&Kept { schema: KEPT.to_owned(), told }).unwrap();
    assert!((bytes.len() as u64) < MAX_BYTES, "{}", bytes.len());
}

proptest! {
    /// Whatever becomes of a change, no kind is told twice of one head; and the first that is told is no news of it.
    #[test]
    fn no_story_tells_a_kind_twice_of_a_head(states in prop::collection::vec((0usize..4, 0usize..5), 0..40)) {
        let states: Vec<String> = states
            .iter()
            .map(|(head, what)| format!("{} {}", ["a", "b", "c", "d"][*head], ["waits", "due", "late", "decided", "draft"][*what]))
            .collect();
        let heard = story(&states.iter().map(String::as_str).collect::<Vec<_>>());
        let once: BTreeSet<_> = heard.iter().collect();
        prop_assert_eq!(once.len(), heard.len(), "{:?}: {:?}", states, heard);
        prop_assert!(heard.first().is_none_or(|first| !first.contains("moved") && !first.contains("decided")));
    }
}
