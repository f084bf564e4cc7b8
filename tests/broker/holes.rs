//! Ways around a broker, tried by real processes: what `tests/runs/attacks.rs` says of the rule holds for the program.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use undersign::command::{AuthorizationRecord, Event, Verdict};
use undersign::ledger::VerifiedChains;
use undersign::ledger::families::Family as _;

use crate::branches::records;
use crate::scene::{COMMANDS, HOSTILE, Scene, is_root, unused_uid};
use crate::support::policy;
use crate::{mark, times, until};

/// Whether accounts can be tried; if not, a test is skipped, and says so.
pub fn has_accounts() -> bool {
    if !is_root() {
        eprintln!("skipped: only root has accounts to spare");
    }
    is_root()
}

#[test]
fn a_senior_whose_agent_asks_does_not_authorize_it() {
    let senior = |target: &str| policy(&format!("{target}{COMMANDS}")).replace("[\"junior\"]", "[\"senior\"]");
    let scene = Scene::with_policy("/", "", senior);
    let id = scene.ask("echo done", "");
    scene.sign("mina", Verdict::Authorize, &id);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 75 && said.err.contains("SELF_APPROVAL"), "{said:?}");
    scene.sign("dana", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["run", &id]).code, 0);
}

#[test]
fn two_authorizations_of_a_request_are_one_run_whoever_calls() {
    let scene = Scene::new("", "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}"), "");
    ["dana", "rahim"].iter().for_each(|who| scene.sign(who, Verdict::Authorize, &id));
    let codes = std::thread::scope(|scope| {
        let calls = [0, 1].map(|_| scope.spawn(|| scene.exec(&["run", &id]).code));
        calls.map(|call| call.join().unwrap())
    });
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert_eq!((scene.exec(&["run", &id]).code, times(&mark)), (2, 1));
}

#[test]
fn nothing_starts_while_something_lives_in_the_account_of_the_runs() {
    if !has_accounts() {
        return;
    }
    let scene = Scene::new("", "");
    let id = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let mut left = Command::new("/bin/sleep").arg("600").uid(scene.uid).gid(scene.uid).spawn().unwrap();
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 75 && said.err.contains("left over from before"), "{said:?}");
    left.kill().unwrap();
    left.wait().unwrap();
    assert_eq!(scene.exec(&["run", &id]).code, 0, "it was not burnt");
}

#[test]
fn what_a_run_leaves_behind_does_not_read_the_secret_of_the_next() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "s3cr3t-of-prod").unwrap();
    std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    if !has_accounts() {
        return;
    }
    let scene = Scene::new("", &format!("[target.prod.secrets]\nTOKEN = \"{}\"", secret.path().display()));
    let mark = mark(&scene);
    // In a session of its own it reads the environment of every process, and the run waits until it found its own.
    let reader = format!("while :; do grep -al s3cr3t-of-prod /proc/[0-9]*/environ 2> /dev/null >> {mark}; done");
    let first = scene.ask(&format!("setsid sh -c '{reader}' &\nwhile [ ! -s {mark} ]; do sleep 0.05; done"), "");
    let next = scene.ask("sleep 1; echo \"$TOKEN\" | wc -c", "");
    [&first, &next].iter().for_each(|id| scene.sign("dana", Verdict::Authorize, id));
    assert_eq!(scene.exec(&["run", &first]).code, 0);
    let found = times(&mark);
    assert!(found > 0, "the reader finds nothing even where there is something");
    let ran = scene.exec(&["run", &next]);
    assert_eq!((ran.code, ran.out.trim()), (0, "15"), "{ran:?}");
    assert_eq!(times(&mark), found);
}

#[test]
fn variables_that_change_what_programs_do_come_neither_from_a_request_nor_from_the_broker() {
    let scene = Scene::new("", "");
    let more = [("LD_PRELOAD", "x"), ("HOME", "/"), ("PATH", "/"), ("TF_DATA_DIR", "/"), ("GIT_SSH_COMMAND", "x")];
    for (name, value) in HOSTILE.into_iter().chain(more) {
        let variable = format!("{name}={value}");
        let request = ["request", "--target", "prod", "--env", &variable, "--", "/usr/bin/id", "root"];
        let said = scene.exec(&request);
        assert!(said.code == 2 && said.err.contains(name), "{name} {said:?}");
    }
    let id = scene.ask("env", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let ran = scene.exec(&["run", &id]);
    let names: Vec<&str> = ran.out.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // The shell itself sets PWD and the like.
    assert!(
        names.contains(&"PATH") && names.iter().all(|name| ["PATH", "PWD", "SHLVL", "_"].contains(name)),
        "{ran:?}"
    );
}

#[test]
fn a_client_of_a_cluster_goes_where_no_settings_of_the_broker_or_of_who_asks_lead() {
    const KUBECTL: &str = "/usr/bin/kubectl";
    if !Path::new(KUBECTL).exists() {
        return eprintln!("skipped: there is no {KUBECTL}");
    }
    let entry =
        format!("[[target.prod.command]]\nname = \"context\"\nargv = [\"{KUBECTL}\", \"config\", \"{{word}}\"]");
    let scene = Scene::new(&entry, "");
    let config = scene.at("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: elsewhere\n\
                contexts:\n- name: elsewhere\n  context: {cluster: elsewhere, user: nobody}\n";
    std::fs::write(&config, text).unwrap();
    // Whoever has the variable is led there.
    let led = Command::new(KUBECTL).args(["config", "current-context"]).env("KUBECONFIG", &config).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&led.stdout), "elsewhere\n");
    let said = scene.exec(&["request", "--target", "prod", "--", KUBECTL, "config", "current-context"]);
    let id = said.out.trim().to_owned();
    scene.sign("dana", Verdict::Authorize, &id);
    let ran = scene.exec(&["run", &id]);
    assert!(ran.code == 1 && ran.out.is_empty() && ran.err.contains("current-context is not set"), "{ran:?}");
}

#[test]
fn an_agent_that_asks_and_asks_has_a_limit() {
    let scene = Scene::new("pending = 2\n", "");
    let first = scene.ask("echo one", "");
    scene.ask("echo two", "");
    let ask = || scene.exec(&["request", "--target", "prod", "--", "/usr/bin/tail", "-n", "3"]);
    let said = ask();
    assert!(said.code == 75 && said.err.contains("2 requests of this operator are open"), "{said:?}");
    scene.sign("dana", Verdict::Authorize, &first);
    assert_eq!(scene.exec(&["run", &first]).code, 0);
    assert_eq!(ask().code, 0);
    assert_eq!(ask().code, 75);
}

/// A program in a folder where only root writes; it goes with the test.
pub struct Program(PathBuf, &'static str);

impl Program {
    fn new(name: &str) -> Program {
        Program::called(name, "tool")
    }

    pub fn called(name: &str, file: &'static str) -> Program {
        let dir = PathBuf::from(format!("/run/undersign-test-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
        Program(dir, file)
    }

    pub fn path(&self) -> String {
        self.0.join(self.1).display().to_string()
    }

    /// Puts another one in its place, at once, that says a word.
    fn replace(&self, word: &str) {
        self.write(&format!("echo {word}"));
    }

    pub fn write(&self, script: &str) {
        let next = self.0.join("next");
        std::fs::write(&next, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(next, self.path()).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_program_that_was_replaced_since_the_request_does_not_run() {
    if !has_accounts() {
        return;
    }
    let (scene, tool) = (Scene::new("", ""), Program::new("replaced"));
    let authorized = || {
        let asked = scene.exec(&["request", "--target", "prod", "--", &tool.path()]);
        assert_eq!(asked.code, 0, "{asked:?}");
        let id = asked.out.trim().to_owned();
        scene.sign("dana", Verdict::Authorize, &id);
        id
    };
    tool.replace("one");
    let id = authorized();
    tool.replace("two");
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 2 && said.err.contains("is no longer the requested program"), "{said:?}");
    let id = authorized();
    let ran = scene.exec(&["run", &id]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "two\n"), "a script that was just hashed: {ran:?}");
    // While somebody replaces it all the time, what was asked for runs, or nothing does.
    for _ in 0..4 {
        tool.replace("one");
        let (id, is_over) = (authorized(), AtomicBool::new(false));
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    ["two", "one"].iter().for_each(|word| tool.replace(word));
                }
            });
            let ran = scene.exec(&["run", &id]);
            is_over.store(true, Ordering::Relaxed);
            ran
        });
        assert!(matches!((ran.code, ran.out.as_str()), (0, "one\n") | (2, "")), "{ran:?}");
    }
}

#[test]
fn an_account_neither_runs_nor_reads_nor_stops_what_another_asked_for() {
    if !has_accounts() {
        return;
    }
    let scene = Scene::new("", "");
    let id = scene.ask("echo secret", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let stranger = unused_uid();
    for what in ["run", "log", "stop"] {
        let said = scene.exec_as(stranger, &[what, &id]);
        assert!(said.code == 2 && said.err.contains("Another account"), "{what} {said:?}");
        let said = scene.exec_as(65_534, &[what, &id]);
        assert!(said.code == 2 && said.err.contains("65534 represents unknown accounts"), "{what} {said:?}");
        let said = scene.exec_as(scene.uid, &[what, &id]);
        assert!(said.code == 2 && said.err.contains("it may ask nothing"), "{what} {said:?}");
    }
    assert_eq!(scene.exec(&["run", &id]).out, "secret\n");
    let said = scene.exec_as(stranger, &["log", &id]);
    assert!(said.code == 2 && said.out.is_empty(), "{said:?}");
    // For whom a stranger asks is only claimed, so one more person must sign.
    let asked = scene.exec_as(stranger, &["request", "--target", "prod", "--", "/usr/bin/tail", "-n", "3"]);
    let id = asked.out.trim();
    scene.sign("dana", Verdict::Authorize, id);
    let said = scene.exec_as(stranger, &["run", id]);
    assert!(said.code == 75 && said.err.contains("2 of role senior"), "{said:?}");
}

#[test]
fn a_refusal_that_races_a_start_stops_it_or_comes_after_it() {
    let scene = Scene::new("pending = 100\n", "");
    let mark = mark(&scene);
    let mut refusals: Vec<String> = Vec::new();
    for round in 0..10 {
        let id = scene.ask(&format!("echo {round} >> {mark}"), "");
        scene.sign_answering("dana", Verdict::Authorize, &id, &refusals);
        let before = times(&mark);
        let (refused, ran) = std::thread::scope(|scope| {
            let refusing = scope.spawn(|| scene.sign_answering("rahim", Verdict::Refuse, &id, &[]));
            // The start comes first, last and in between.
            std::thread::sleep(std::time::Duration::from_millis(round * 23 % 120));
            let ran = scene.exec(&["run", &id]);
            (refusing.join().unwrap(), ran)
        });
        let did = times(&mark) - before;
        match ran.code {
            0 => assert_eq!(did, 1, "round {round}: {ran:?}"),
            _ => assert!(did == 0 && ran.code == 2 && ran.err.contains("VETOED"), "round {round}: {ran:?}"),
        }
        let started =
            records(&scene).into_iter().any(|(_, event)| matches!(event, Event::Started(it) if it.request == id));
        assert_eq!(started, did == 1, "round {round}");
        // Whatever came first, it never runs from now on.
        let again = scene.exec(&["run", &id]);
        let words = if started { "STARTED" } else { "VETOED" };
        assert!(
            again.code == 2 && again.err.contains(words) && times(&mark) - before == did,
            "round {round}: {again:?}"
        );
        refusals.push(refused);
    }
}

#[test]
fn a_running_broker_notices_each_chain_that_lost_something_and_goes_on_when_it_is_back() {
    let scene = Scene::new("fresh = \"0s\"\n", "");
    let first = scene.ask("echo one", "");
    scene.sign("dana", Verdict::Authorize, &first);
    assert_eq!(scene.decided(&["run", &first]).code, 0);
    let next = scene.ask("echo two", "");
    scene.sign("dana", Verdict::Authorize, &next);
    let git = |place: &str, args: &[&str]| {
        let output = Command::new("git").args([&["--git-dir", &scene.at(place)], args].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let name =
        |family: &str| git("host.git", &["for-each-ref", "--format=%(refname)", &format!("refs/undersign/{family}")]);
    assert_eq!(scene.decided(&["status", &next]).code, 0);
    for (place, family, words) in [
        ("host.git", "runs", "Somebody rewrote it"),
        ("host.git", "authorizations", "Somebody rewrote it"),
        ("broker.git", "runs", "Another broker writes to this chain"),
    ] {
        let name = name(family);
        let tip = git(place, &["rev-parse", &name]);
        git(place, &["update-ref", &name, &format!("{tip}~1")]);
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        let said = scene.exec(&["run", &next]);
        assert!(said.code == 4 && said.err.contains(words), "{place} {family}: {said:?}");
        git(place, &["update-ref", &name, &tip]);
    }
    assert_eq!(scene.decided(&["run", &next]).code, 0);
}

#[test]
fn what_was_verified_before_is_what_reading_all_of_it_gives_whatever_happens_to_a_chain() {
    let scene = Scene::new("", "");
    let ids = ["one", "two", "three"].map(|word| scene.ask(&format!("echo {word}"), ""));
    let (chain, _) = {
        scene.sign("dana", Verdict::Authorize, &ids[0]);
        scene.sign_here("dana", Verdict::Authorize, &ids[1], &[])
    };
    let (repository, kept) = (scene.f.repository(), VerifiedChains::<AuthorizationRecord>::default());
    let name = format!("{}{chain}", AuthorizationRecord::PREFIX);
    let same = |what: &str| {
        let (own, whole) = (kept.own(&repository, &chain), AuthorizationRecord::chain(&repository, &chain));
        assert_eq!(own, whole, "{what}");
        (own.len(), own.fault.is_some())
    };
    let git = |args: &[&str]| scene.f.git("dana", args);
    let tip = || git(&["rev-parse", &name]);
    assert_eq!((same("two"), same("again")), ((2, false), (2, false)));
    let two = tip();
    scene.sign_here("dana", Verdict::Authorize, &ids[2], &[]);
    assert_eq!(same("it grew"), (3, false));
    let three = tip();
    git(&["update-ref", &name, &format!("{two}~1")]);
    assert_eq!(same("it was rewound"), (1, false));
    // Another second record, by the same key.
    scene.sign_here("dana", Verdict::Refuse, &ids[1], &[]);
    assert_eq!(same("it goes another way"), (2, false));
    let junk = git(&["commit-tree", &format!("{three}^{{tree}}"), "-p", &three, "-m", "junk"]);
    git(&["update-ref", &name, &junk]);
    assert_eq!((same("junk behind it"), same("again")), ((3, true), (3, true)));
    let merge = git(&["commit-tree", &format!("{three}^{{tree}}"), "-p", &two, "-p", &three, "-m", "merge"]);
    git(&["update-ref", &name, &merge]);
    assert!(same("two ways at once").1);
    git(&["update-ref", &name, &three]);
    assert_eq!(same("it is back"), (3, false));
    git(&["update-ref", "-d", &name]);
    assert_eq!(same("it is gone"), (0, false));
}

#[test]
fn an_argument_that_names_something_in_the_folder_of_a_command_is_refused_then_and_at_the_run() {
    let scene = Scene::new_in("work", "", "");
    let work = scene.at("work");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(format!("{work}/fix.sql"), "").unwrap();
    let ask = |argument: &str| scene.exec(&["request", "--target", "prod", "--", "/usr/bin/tail", argument]);
    for argument in ["fix.sql", "-ffix.sql", "--file=fix.sql", "@fix.sql", "./fix.sql", "a:fix.sql", "."] {
        let said = ask(argument);
        assert!(said.code == 2 && said.err.contains("names something in"), "{argument} {said:?}");
    }
    let asked = ask("later.sql");
    assert_eq!(asked.code, 0, "{asked:?}");
    scene.sign("dana", Verdict::Authorize, asked.out.trim());
    std::fs::write(format!("{work}/later.sql"), "").unwrap();
    let said = scene.exec(&["run", asked.out.trim()]);
    assert!(said.code == 2 && said.err.contains("names something in"), "{said:?}");
    std::fs::remove_file(format!("{work}/later.sql")).unwrap();
    assert_eq!(scene.exec(&["run", asked.out.trim()]).code, 1, "tail finds no such file");
}

#[test]
fn settings_that_changed_since_the_request_run_nothing() {
    let mut scene = Scene::new("", "time = \"60s\"");
    let id = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &id);
    scene.kill();
    let path = scene.at("state/settings.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("60s", "61s")).unwrap();
    scene.serve();
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 2 && said.err.contains("ENV"), "{said:?}");
}

#[test]
fn no_target_waits_for_what_runs_at_another() {
    let other = if is_root() { unused_uid() } else { crate::scene::own_uid() };
    let level = if is_root() { "L2" } else { "L1" };
    let extra = format!(
        "start = \"authorized\"\n[target.two]\nbroker = \"ops\"\nlevel = \"{level}\"\npresence = \"none\"\n\
         cooling = \"0s\"\nsign = [{{ role = \"senior\", n = 1 }}]\nstart = \"authorized\"\n"
    );
    let settings = format!(
        "[target.two]\nuid = {other}\ngid = {other}\ncwd = \"/\"\n[target.two.env]\nPATH = \"/usr/bin:/bin\"\n"
    );
    let scene = Scene::new(&extra, &settings);
    let mark = mark(&scene);
    let long = scene.ask(&format!("echo x >> {mark}; while [ ! -e {mark}.over ]; do sleep 0.1; done"), "");
    scene.sign("dana", Verdict::Authorize, &long);
    until("the first does not start by itself", || times(&mark) == 1);
    let asked = scene.exec(&["request", "--target", "two", "--", "/usr/bin/tail", "-n", "3"]);
    let id = asked.out.trim();
    scene.sign("dana", Verdict::Authorize, id);
    until("the second waits for the first", || scene.exec(&["log", id]).code == 0);
    assert_eq!(scene.exec(&["status", &long]).code, 75, "it runs all the while");
    std::fs::write(format!("{mark}.over"), "").unwrap();
    until("the first does not end", || scene.exec(&["log", &long]).code == 0);
    assert!(Path::new(&mark).exists());
}

#[test]
fn git_that_hangs_holds_up_no_stop() {
    let scene = Scene::new("", "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}; while :; do sleep 0.1; done"), "");
    let waiting = scene.ask("echo next", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let mut running = scene.running(&id);
    until("it does not run", || times(&mark) == 1);
    // From now on, every fetch waits for the test.
    let (hold, seen) = (scene.at("hold"), scene.at("seen"));
    std::fs::write(&hold, "").unwrap();
    let slow = format!("touch {seen}; while [ -e {hold} ]; do sleep 0.1; done; git-upload-pack");
    let config = ["--git-dir", &scene.at("broker.git"), "config", "remote.origin.uploadpack", &slow];
    assert!(Command::new("git").args(config).status().unwrap().success());
    let mut asking = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .args(["exec", "--broker", &scene.at("socket"), "status", &waiting])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("nothing is fetched", || Path::new(&seen).exists());
    let said = scene.exec(&["stop", &id]);
    assert_eq!(said.code, 0, "{said:?}");
    // It is over, though its end cannot be signed yet.
    until("its output is not there", || Path::new(&scene.at(&format!("state/runs/{id}.stdout"))).exists());
    assert!(asking.try_wait().unwrap().is_none(), "nothing was held up, so this shows nothing");
    std::fs::remove_file(&hold).unwrap();
    asking.wait().unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(143));
}
