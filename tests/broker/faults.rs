//! What goes wrong at the worst moment: a stop that comes early, an end that cannot be signed, a damaged file, junk.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use undersign::broker::child::{Spec, Start};
use undersign::command::{AuthorizationRecord, RunRecord, Verdict};
use undersign::ledger::families::Keys;
use undersign::sync::Prompts;
use undersign::sync::families::{Sent, fetch, send};

use crate::holes::{Program, has_accounts};
use crate::scene::Scene;
use crate::{mark, times, until};

fn git(scene: &Scene, dir: &str, args: &[&str]) -> String {
    let done = Command::new("git").args([&["--git-dir", &scene.at(dir)], args].concat()).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// Puts a hook into the repository of the host.
fn hook(scene: &Scene, name: &str, script: &str) {
    let path = scene.at(&format!("host.git/hooks/{name}"));
    std::fs::create_dir_all(scene.at("host.git/hooks")).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_stop_before_the_start_counts_while_git_takes_its_time() {
    let scene = Scene::new("pending = 100", "");
    let mark = mark(&scene);
    for pack in ["uploadpack", "receivepack"] {
        let id = scene.ask(&format!("echo {pack} >> {mark}"), "");
        scene.sign("dana", Verdict::Authorize, &id);
        let (hold, seen) = (scene.at("hold"), scene.at(&format!("seen-{pack}")));
        std::fs::write(&hold, "").unwrap();
        let program = pack.replace("pack", "-pack").replace("upload", "git-upload").replace("receive", "git-receive");
        let slow = format!("touch {seen}; while [ -e {hold} ]; do sleep 0.1; done; {program}");
        git(&scene, "broker.git", &["config", &format!("remote.origin.{pack}"), &slow]);
        let mut running = scene.running(&id);
        until("git does not wait", || Path::new(&seen).exists());
        let said = scene.exec(&["stop", &id]);
        assert!(said.code == 0, "{pack}: {said:?}");
        std::fs::remove_file(&hold).unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(125), "{pack}");
        git(&scene, "broker.git", &["config", "--unset", &format!("remote.origin.{pack}")]);
        let said = scene.exec(&["status", &id]);
        assert!(said.code == 125 && said.err.contains("did not run"), "{pack}: {said:?}");
        assert_eq!(scene.exec(&["run", &id]).code, 2, "{pack}");
        assert_eq!(times(&mark), 0, "{pack}");
    }
}

#[test]
fn a_stop_while_the_process_starts_is_not_lost() {
    let scene = Scene::new("pending = 100", "");
    let mark = mark(&scene);
    for round in 0..4 {
        let pushed = scene.at(&format!("pushed-{round}"));
        let id = scene.ask(&format!("for i in $(seq 30); do sleep 0.1; done; echo {round} >> {mark}"), "");
        scene.sign("dana", Verdict::Authorize, &id);
        hook(&scene, "post-receive", &format!("touch {pushed}"));
        let mut running = scene.running(&id);
        until("it is not pushed", || Path::new(&pushed).exists());
        let said = scene.exec(&["stop", &id]);
        assert_eq!(said.code, 0, "{said:?}");
        let code = running.wait().unwrap().code().unwrap();
        assert!(matches!(code, 125 | 143) && times(&mark) == 0, "round {round}: {code}");
    }
}

#[test]
fn a_run_that_ignores_a_stop_and_ends_well_is_signed_as_what_it_is() {
    let scene = Scene::new("", "");
    let mark = mark(&scene);
    let script = format!("trap '' TERM; echo x >> {mark}; while [ ! -e {mark}.over ]; do sleep 0.05; done");
    let id = scene.ask(&script, "");
    scene.sign("dana", Verdict::Authorize, &id);
    let mut running = scene.running(&id);
    until("it does not run", || times(&mark) == 1);
    assert_eq!(scene.exec(&["stop", &id]).code, 0);
    std::fs::write(format!("{mark}.over"), "").unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let said = scene.exec(&["status", &id]);
    assert!(said.code == 0 && said.err.contains("exit code 0"), "{said:?}");
}

#[test]
fn an_end_that_could_not_be_signed_is_signed_later_and_the_log_says_so() {
    let scene = Scene::new("start = \"authorized\"", "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}; while [ ! -e {mark}.over ]; do sleep 0.1; done"), "");
    let next = scene.ask("echo next", "");
    scene.sign("dana", Verdict::Authorize, &id);
    until("it does not start by itself", || times(&mark) == 1);
    let name = git(&scene, "broker.git", &["for-each-ref", "--format=%(refname)", "refs/undersign/runs"]);
    // Another git in the broker's repository, such as a gc.
    let lock = scene.at(&format!("broker.git/{name}.lock"));
    std::fs::write(&lock, "").unwrap();
    std::fs::write(format!("{mark}.over"), "").unwrap();
    let log = || std::fs::read_to_string(scene.at("broker.log")).unwrap_or_default();
    until("nothing is said", || log().contains("cannot be signed, and is tried again"));
    let _ = std::fs::remove_file(&lock);
    until("its end is not signed", || scene.exec(&["status", &id]).code == 0);
    scene.sign("dana", Verdict::Authorize, &next);
    until("the next does not start", || scene.exec(&["log", &next]).out == "next\n");
}

#[test]
fn a_request_that_cannot_be_prepared_blocks_no_other_and_somebody_is_told() {
    if !has_accounts() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notices");
    let notify = format!("notify = [\"/bin/sh\", \"-c\", \"cat >> \\\"$0\\\"\", \"{}\"]", file.display());
    let scene = Scene::asked_by(&notify, "", "start = \"authorized\"\n");
    let tool = Program::called("failed", "tool");
    tool.write("echo one");
    let asked = scene.exec(&["request", "--target", "prod", "--", &tool.path()]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let (blocked, other) = (asked.out.trim(), scene.ask("echo other", ""));
    tool.write("echo two");
    scene.sign("dana", Verdict::Authorize, blocked);
    until("nobody is told", || {
        let told = std::fs::read_to_string(&file).unwrap_or_default();
        told.lines()
            .any(|line| line.contains("\"kind\":\"failed\"") && line.contains("no longer the requested program"))
    });
    scene.sign("dana", Verdict::Authorize, &other);
    until("the other waits for it", || scene.exec(&["log", &other]).out == "other\n");
    let log = std::fs::read_to_string(scene.at("broker.log")).unwrap();
    assert!(log.contains(&format!("{blocked} was not started")), "{log}");
    assert_eq!(log.matches("was not started").count(), 1, "once: {log}");
}

#[test]
fn a_damaged_record_in_a_file_is_named_and_nothing_of_the_file_is_delivered() {
    let scene = Scene::new("", "");
    let id = scene.ask("echo done", "");
    let repository = scene.f.repository();
    fetch::<RunRecord>(&repository, "origin", Prompts::Never, (&Keys::all(), &Keys::all())).unwrap();
    scene.sign_here("dana", Verdict::Authorize, &id, &[]);
    scene.sign_here("rahim", Verdict::Refuse, &id, &[]);
    let dir = scene.at("stick");
    assert_eq!(scene.undersign(&["record", "export", "--commands", "--to", &dir]).code, 0);
    let file = format!("{dir}/commands.intoto.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let payload = |line: &str| line.split('"').nth(3).filter(|_| line.starts_with("{\"payload\"")).unwrap().to_owned();
    for word in ["\"refuse\"", "\"admitted\""] {
        let decoded = |line: &str| Base64::decode_vec(&payload(line)).map(|bytes| String::from_utf8(bytes).unwrap());
        let at = text.lines().position(|line| decoded(line).unwrap().contains(word)).unwrap();
        let old = payload(text.lines().nth(at).unwrap());
        let new = String::from_utf8(Base64::decode_vec(&old).unwrap()).unwrap().replacen("test", "tesT", 1);
        let new = if word == "\"refuse\"" { new } else { new.replacen("undersign ", "undersigN ", 1) };
        let bad = scene.at("bad.jsonl");
        std::fs::write(&bad, text.replace(&old, &Base64::encode_string(new.as_bytes()))).unwrap();
        let said = scene.exec(&["deliver", &bad]);
        assert!(said.code != 0 && said.err.contains(&format!("Line {} ", at + 1)), "{word} {said:?}");
        assert_eq!(scene.exec(&["status", &id]).code, 75, "{word}");
    }
    let said = scene.exec(&["deliver", &file]);
    assert!(said.code == 0 && said.err.matches("1 record taken in").count() == 2, "{said:?}");
    let said = scene.exec(&["status", &id]);
    assert!(said.code == 2 && said.err.contains("VETOED"), "{said:?}");
    let empty = scene.at("empty");
    std::fs::write(&empty, "").unwrap();
    assert_ne!(scene.exec(&["deliver", &empty]).code, 0);
}

#[test]
fn whoever_is_told_learns_of_runs_that_were_cut_off_or_burnt_and_of_refusals_that_count() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notices");
    let notify = format!("notify = [\"/bin/sh\", \"-c\", \"cat >> \\\"$0\\\"\", \"{}\"]", file.display());
    let mut scene = Scene::asked_by(&notify, "", "pending = 100\n");
    let told = |kind: &str, id: &str, more: &str| {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let is_it =
            |line: &str| line.contains(&format!("\"kind\":\"{kind}\",\"request\":\"{id}\"")) && line.contains(more);
        text.lines().any(is_it)
    };
    let mark = mark(&scene);
    let cut = scene.ask(&format!("echo x >> {mark}; while [ ! -e {mark}.over ]; do sleep 0.1; done"), "");
    scene.sign("dana", Verdict::Authorize, &cut);
    let mut running = scene.running(&cut);
    until("it does not run", || times(&mark) == 1);
    scene.kill();
    running.wait().unwrap();
    std::fs::write(format!("{mark}.over"), "").unwrap();
    scene.serve();
    until("nobody is told of unknown", || told("ended", &cut, "\"outcome\":\"unknown\""));
    let burnt = scene.ask("echo burnt", "");
    scene.sign("dana", Verdict::Authorize, &burnt);
    hook(&scene, "pre-receive", "exit 1");
    let said = scene.decided(&["run", &burnt]);
    assert_ne!(said.code, 0, "{said:?}");
    std::fs::remove_file(scene.at("host.git/hooks/pre-receive")).unwrap();
    until("nobody is told of not-run", || told("ended", &burnt, "\"outcome\":\"not-run\""));
    // Mina's key says that Rahim refused; and what was burnt is refused.
    let last = scene.ask("echo last", "");
    let repository = scene.f.repository();
    fetch::<RunRecord>(&repository, "origin", Prompts::Never, (&Keys::all(), &Keys::all())).unwrap();
    let (chain, _) = scene.sign_for("mina", "rahim", Verdict::Refuse, (&last, &[]));
    assert_eq!(send::<AuthorizationRecord>(&repository, "origin", &chain, Prompts::Never), Sent::Taken);
    scene.sign("rahim", Verdict::Refuse, &burnt);
    let real = scene.ask("echo real", "");
    scene.exec(&["status", &real]);
    scene.sign("rahim", Verdict::Refuse, &real);
    until("nobody is told of a refusal", || {
        scene.exec(&["status", &real]);
        told("refused", &real, "")
    });
    assert!(!told("refused", &last, "") && !told("refused", &burnt, ""), "they do not count");
}

#[test]
fn junk_that_is_gone_from_the_host_again_holds_nothing() {
    let scene = Scene::new("fresh = \"0s\"", "");
    let id = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let junk = format!("refs/undersign/authorizations/{}/{}", scene.f.key("dana").public.id(), "a".repeat(16));
    git(&scene, "host.git", &["update-ref", &junk, "main"]);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 4 && said.err.contains("LEDGER_FAULT"), "{said:?}");
    git(&scene, "host.git", &["update-ref", "-d", &junk]);
    let ran = scene.decided(&["run", &id]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "done\n"), "{ran:?}");
}

#[test]
fn a_file_in_a_bundle_of_options_or_in_an_address_without_a_host_is_refused() {
    let scene = Scene::new_in("work", "", "");
    let work = scene.at("work");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(format!("{work}/mk"), "").unwrap();
    let ask = |argument: &str| scene.exec(&["request", "--target", "prod", "--", "/usr/bin/tail", argument]);
    let outside =
        ["-sf/etc/x", "-qXf/etc/x", "-é/etc/x", "-rf../x", "git+file:///x", "sqlite:///x", "unix://x", "https:///x"];
    for argument in outside.into_iter().chain(["-sfmk", "-fmk", "-abcmk"]) {
        let said = ask(argument);
        assert!(said.code == 2 && said.err.contains("--input"), "{argument} {said:?}");
    }
    for argument in ["-lah", "-uhttps://x.example/y", "https://x.example/y"] {
        let said = ask(argument);
        assert_eq!(said.code, 0, "{argument} {said:?}");
    }
}

/// A process that is to become `/bin/echo ran`, and waits; and the file that it was started with.
fn waiting(dir: &Path, early: impl FnOnce(&mut Start)) -> (std::process::Child, Start) {
    let spec = Spec {
        argv: vec![b"echo".to_vec(), b"ran".to_vec()],
        env: Vec::new(),
        cwd: "/".into(),
        stdin: None,
        account: None,
        limits: None,
        group: None,
        waits: false,
    };
    let mut start = spec.write_waiting(&dir.join("spec")).unwrap();
    early(&mut start);
    let child = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .args(["broker", "child"])
        .arg(dir.join("spec"))
        .stdin(std::fs::File::open("/bin/echo").unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child, start)
}

#[test]
fn a_process_that_waits_becomes_the_command_only_if_its_broker_says_so() {
    let wait = || std::thread::sleep(Duration::from_millis(300));
    // Its broker dies: the system lets go of the file, and nothing was added to it.
    let dir = tempfile::tempdir().unwrap();
    let (mut child, start) = waiting(dir.path(), |_| {});
    wait();
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    drop(start);
    let said = child.wait_with_output().unwrap();
    assert!(!said.status.success() && said.stdout.is_empty(), "{said:?}");
    let left = std::fs::read_to_string(dir.path().join("spec")).unwrap();
    assert!(left.contains("the broker ended before it said that this may start"), "{left}");
    // Its broker says so while it waits, or before it has read anything.
    for is_early in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (child, mut start) = waiting(dir.path(), |start| {
            if is_early {
                start.go().unwrap();
            }
        });
        if !is_early {
            wait();
            start.go().unwrap();
        }
        let said = child.wait_with_output().unwrap();
        assert!(said.status.success() && said.stdout == b"ran\n", "{is_early}: {said:?}");
    }
}

#[test]
fn what_was_not_kept_on_the_disk_starts_nothing() {
    let scene = Scene::new("", "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}"), "");
    scene.sign("dana", Verdict::Authorize, &id);
    // What the broker writes first is in the way.
    let memory = scene.at("state/memory.json");
    let _ = std::fs::remove_file(&memory);
    std::fs::create_dir_all(format!("{memory}/full")).unwrap();
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 4 && said.err.contains("What was seen cannot be kept"), "{said:?}");
    assert_eq!(times(&mark), 0);
    std::fs::remove_dir_all(&memory).unwrap();
    assert_eq!((scene.exec(&["run", &id]).code, times(&mark)), (0, 1), "it was not burnt");
}
