//! What people and agents call besides `request` and `run`: stop, wait, log, deliver; and what is told to a command.

use std::path::Path;
use std::time::Duration;

use undersign::command::receipt::YesNo;
use undersign::command::{Event, RunRecord, Verdict};
use undersign::ledger::families::Keys;
use undersign::sync::Prompts;
use undersign::sync::families::fetch;

use crate::branches::records;
use crate::scene::{COMMANDS, Scene};
use crate::support::policy;
use crate::{challenge, mark, times, until};

#[test]
fn a_run_that_ignores_the_first_signal_is_ended_by_the_second() {
    let scene = Scene::new("", "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("trap '' TERM; echo x >> {mark}; while :; do sleep 0.1; done"), "");
    let early = scene.exec(&["stop", &id]);
    assert!(early.code == 2 && early.err.contains("does not run now"), "{early:?}");
    scene.sign("dana", Verdict::Authorize, &id);
    let mut running = scene.running(&id);
    until("it does not run", || times(&mark) == 1);
    let log = scene.exec(&["log", &id]);
    assert!(log.code == 75 && log.err.contains("It has not ended"), "{log:?}");
    assert_eq!(scene.exec(&["status", &id]).code, 75);
    assert_eq!(scene.exec(&["stop", &id]).code, 0);
    assert_eq!(running.wait().unwrap().code(), Some(143));
    let said = scene.exec(&["status", &id]);
    assert!(said.code == 143 && said.err.contains("Somebody stopped it"), "{said:?}");
    assert_eq!(scene.exec(&["stop", &id]).code, 2);
}

#[test]
fn a_wait_ends_when_it_may_start_or_never_will_or_its_time_is_over() {
    let cooling = |target: &str| policy(&format!("{target}{COMMANDS}")).replace("cooling = \"0s\"", "cooling = \"3s\"");
    let scene = Scene::with_policy("/", "", cooling);
    let (id, other) = (scene.ask("echo done", ""), scene.ask("echo other", ""));
    assert_eq!(scene.exec(&["wait", &id, "--timeout", "0"]).code, 75);
    scene.sign("dana", Verdict::Authorize, &id);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 75 && said.err.contains("COOLING"), "{said:?}");
    let waited = scene.exec(&["wait", &id, "--timeout", "60"]);
    assert!(waited.code == 0 && waited.err.contains("It may start"), "{waited:?}");
    assert_eq!(scene.exec(&["run", &id]).code, 0);
    let (waited, ()) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| scene.exec(&["wait", &other, "--timeout", "60"]));
        scene.sign("rahim", Verdict::Refuse, &other);
        (waiting.join().unwrap(), ())
    });
    assert!(waited.code == 2 && waited.err.contains("VETOED"), "{waited:?}");
}

/// Terms for an emergency, in the table of a target.
const EMERGENCY: &str = "break_glass = { sign = [{ role = \"senior\", n = 1 }], presence = \"none\", max_per_30d = 3, \
                         debt_after = \"1s\" }\n";

#[test]
fn at_night_one_person_lets_it_through_by_a_file_while_the_host_is_away() {
    let terms = |target: &str| {
        policy(&format!("{target}{EMERGENCY}{COMMANDS}"))
            .replace("sign = [{ role = \"senior\", n = 1 }]\nbreak", "sign = [{ role = \"senior\", n = 2 }]\nbreak")
    };
    let scene = Scene::with_policy("/", "", terms);
    std::fs::rename(scene.at("host.git"), scene.at("away.git")).unwrap();
    let id = scene.ask("echo repaired", "The shop is down.");
    // The request is with the broker alone.
    let chains = "+refs/undersign/runs/*:refs/undersign/remotes/origin/runs/*";
    scene.f.git("rahim", &["fetch", "-q", &scene.at("broker.git"), chains]);
    scene.sign_here("rahim", Verdict::BreakGlass, &id, &[]);
    let waits = scene.exec(&["run", &id]);
    assert!(matches!(waits.code, 4 | 75), "nobody brought it yet: {waits:?}");
    let dir = scene.at("stick");
    assert_eq!(scene.undersign(&["record", "export", "--commands", "--to", &dir]).code, 0);
    let file = format!("{dir}/commands.intoto.jsonl");
    for words in ["1 record taken in", "0 records taken in"] {
        let said = scene.exec(&["deliver", &file]);
        assert!(said.code == 0 && said.err.contains(words), "{said:?}");
    }
    let ran = scene.exec(&["run", &id]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "repaired\n"), "{ran:?}");
    std::fs::rename(scene.at("away.git"), scene.at("host.git")).unwrap();
    // The receipt gets there with the next one. That waits until the emergency was authorized, which the desk asks for.
    let next = scene.ask("echo next", "");
    ["dana", "rahim"].iter().for_each(|who| scene.sign(who, Verdict::Authorize, &next));
    std::thread::sleep(Duration::from_millis(1_100));
    let owed = scene.exec(&["run", &next]);
    assert!(owed.code == 2 && owed.err.contains("was not authorized within"), "{owed:?}");
    let mut desk = scene.desk("dana", (100, 60));
    desk.press("R");
    assert!(desk.frame().contains("owed"), "{}", desk.frame());
    desk.press("<enter>SaIt was needed.<enter>");
    desk.press(&challenge(&desk.frame())).press("<enter>");
    assert!(desk.frame().contains("✓ Authorized"), "{}", desk.frame());
    scene.sign("rahim", Verdict::Authorize, &id);
    let ran = scene.exec(&["run", &next]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "next\n"), "{ran:?}");
    desk.press("<esc>qR");
    assert!(!desk.frame().contains("owed"), "{}", desk.frame());
    let started = records(&scene).into_iter().find_map(|(_, event)| match event {
        Event::Started(started) => Some(started),
        _ => None,
    });
    assert_eq!(started.unwrap().emergency, YesNo::Yes);
    let junk = scene.at("junk");
    std::fs::write(&junk, "{}\n").unwrap();
    let said = scene.exec(&["deliver", &junk]);
    assert!(said.code != 0 && said.err.contains("Line 1"), "{said:?}");
}

#[test]
fn a_chain_that_is_delivered_in_part_says_what_is_missing() {
    let scene = Scene::new("", "");
    let ids = ["echo one", "echo two"].map(|script| scene.ask(script, ""));
    let repository = scene.f.repository();
    fetch::<RunRecord>(&repository, "origin", Prompts::Never, (&Keys::all(), &Keys::all())).unwrap();
    ids.iter().for_each(|id| _ = scene.sign_here("dana", Verdict::Authorize, id, &[]));
    let dir = scene.at("stick");
    assert_eq!(scene.undersign(&["record", "export", "--commands", &ids[1], "--to", &dir]).code, 0);
    let said = scene.exec(&["deliver", &format!("{dir}/commands.intoto.jsonl")]);
    assert!(said.code == 2 && said.err.contains("Bring the whole chain"), "{said:?}");
    // Without a file, the repository is delivered.
    assert_eq!(scene.exec(&["deliver"]).code, 0);
    assert_eq!(scene.exec(&["run", &ids[1]]).code, 0);
}

#[test]
fn a_command_is_told_what_waits_was_refused_and_ended() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notices");
    let notify =
        format!("notify = [\"/bin/sh\", \"-c\", \"cat >> \\\"$0\\\"; env >> \\\"$0\\\"\", \"{}\"]", file.display());
    let scene = Scene::asked_by(&notify, "", "");
    let told = || std::fs::read_to_string(&file).unwrap_or_default();
    let notice = |kind: &str| {
        let word = format!("\"kind\":\"{kind}\"");
        until(&word, || told().contains(&word));
        let line = told().lines().find(|line| line.contains(&word)).unwrap().to_owned();
        serde_json::from_str::<serde_json::Value>(&line).unwrap()
    };
    let id = scene.ask("echo done", "To see \u{202e}it.");
    let waits = notice("waits");
    assert_eq!(
        (&waits["request"], &waits["target"], &waits["operator"]),
        (&id.clone().into(), &"prod".into(), &"mina".into())
    );
    assert!(waits["entry"] == "script" && waits["preview"] == false && !told().contains('\u{202e}'), "{waits}");
    scene.sign("dana", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["run", &id]).code, 0);
    let ended = notice("ended");
    assert!(ended["request"] == id.as_str() && ended["outcome"] == "exit" && ended["code"] == 0, "{ended}");
    let other = scene.ask("echo other", "");
    scene.sign("rahim", Verdict::Refuse, &other);
    scene.exec(&["status", &other]);
    let refused = notice("refused");
    assert!(
        refused["request"] == other.as_str() && refused["by"] == "rahim" && refused["reason"] == "as said",
        "{refused}"
    );
    assert!(!told().contains("SECRET_OF_THE_BROKER"), "{}", told());
}

#[test]
fn what_a_run_wrote_is_read_at_the_desk_and_never_obeyed() {
    let scene = Scene::new("", "");
    let id = scene.ask("printf 'one\\033[31mred\\nlast line\\n'; echo trouble >&2; exit 3", "");
    scene.sign("dana", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["run", &id]).code, 3);
    let mut desk = scene.desk("dana", (100, 60));
    desk.press("Ri");
    assert!(!desk.frame().contains("last line"), "nobody said where the broker is: {}", desk.frame());
    desk.press("<esc>");
    desk.ports.broker = Some(scene.at("socket").into());
    desk.press("i");
    let frame = desk.frame();
    for words in ["Output", "last line", "Errors", "trouble"] {
        assert!(frame.contains(words), "{words}: {frame}");
    }
    assert!(!frame.contains('\u{1b}') && frame.contains("one␛[31mred"), "{frame}");
    desk.press("<esc>");
    desk.ports.broker = Some(scene.at("nowhere").into());
    desk.press("i");
    assert!(desk.frame().contains("Its output could not be read"), "{}", desk.frame());
}

#[test]
fn a_broker_keeps_the_inputs_of_open_requests_and_no_others() {
    let scene = Scene::new("", "");
    let kept = || std::fs::read_dir(Path::new(&scene.at("state")).join("kept")).unwrap().count();
    let first = scene.ask("echo one", "");
    scene.ask("echo two", "");
    assert_eq!(kept(), 2);
    scene.sign("dana", Verdict::Authorize, &first);
    assert_eq!(scene.exec(&["run", &first]).code, 0);
    let third = scene.ask("echo three", "");
    assert_eq!(kept(), 2, "what ran is gone");
    scene.sign("dana", Verdict::Authorize, &third);
    assert_eq!(scene.exec(&["run", &third]).out, "three\n");
}
