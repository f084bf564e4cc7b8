//! What others can learn afterwards: exports, and what the doctor says of records and of a broker.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use undersign::command::Verdict;

use crate::scene::{Scene, is_root};

/// A request that ran, and one that was refused, on the clone of people.
fn history() -> (Scene, [String; 2]) {
    let scene = Scene::new("", "");
    let (ran, refused) = (scene.ask("echo ran", ""), scene.ask("echo refused", ""));
    scene.sign("dana", Verdict::Authorize, &ran);
    assert_eq!(scene.exec(&["run", &ran]).code, 0);
    scene.sign("rahim", Verdict::Refuse, &refused);
    assert_eq!(scene.undersign(&["sync"]).code, 0);
    (scene, [ran, refused])
}

fn sh(dir: &str, script: &str) -> (bool, String) {
    let output = Command::new("sh").arg("-ec").arg(script).current_dir(dir).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn verify(scene: &Scene, dir: &str) -> (i32, String) {
    let files = std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path().display().to_string());
    let files: Vec<String> = files.filter(|path| path.ends_with(".dsse.json")).collect();
    let signers = format!("{dir}/signers");
    let args = ["record", "verify", "--signers", &signers].map(str::to_owned).into_iter().chain(files);
    let args: Vec<String> = args.collect();
    let said = scene.undersign(&args.iter().map(String::as_str).collect::<Vec<_>>());
    (said.code, said.out)
}

#[test]
fn all_that_is_about_a_request_is_exported_and_others_verify_it_without_us() {
    let (scene, [ran, refused]) = history();
    let dir = scene.at("export");
    let said = scene.undersign(&["record", "export", "--commands", &ran[..12], "--to", &dir]);
    assert_eq!(said.code, 0, "{said:?}");
    let count = std::fs::read_dir(&dir)
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|e| e == "json"))
        .count();
    assert_eq!(count, 4, "admitted, authorize, started, ended");
    let how = std::fs::read_to_string(format!("{dir}/HOW-TO-VERIFY")).unwrap();
    let (without, _) = how.split_once("# All of them").unwrap();
    let told = sh(&dir, without);
    // It is of the last record; of those of one second, any may be the last.
    let is_good = ["Good \"run@undersign\" signature for ops", "Good \"command@undersign\" signature for dana"];
    assert!(told.0 && is_good.iter().any(|words| told.1.contains(words)), "{told:?}");
    let sound = verify(&scene, &dir);
    assert!(
        sound.0 == 0 && sound.1.contains("it is ops") && sound.1.contains("authorize at prod by dana, sound"),
        "{sound:?}"
    );
    assert!(!sound.1.contains("not here"), "the script lies beside: {sound:?}");
    // The lines of the bundle are the same records.
    let lines = format!("{dir}/commands.intoto.jsonl");
    assert_eq!(scene.undersign(&["record", "verify", &lines]).code, 0);
    let everything = scene.at("everything");
    assert_eq!(scene.undersign(&["record", "export", "--commands", "--to", &everything]).code, 0);
    let sound = verify(&scene, &everything);
    assert!(sound.0 == 0 && sound.1.contains("refuse at prod by rahim") && sound.1.contains(&refused), "{sound:?}");
    assert_eq!(scene.undersign(&["record", "export", "--commands", "ffff00", "--to", &dir]).code, 70);
}

#[test]
fn a_record_of_a_broker_that_the_signers_do_not_name_or_with_another_file_is_not_sound() {
    let (scene, [ran, _]) = history();
    let dir = scene.at("export");
    assert_eq!(scene.undersign(&["record", "export", "--commands", &ran, "--to", &dir]).code, 0);
    let signers = std::fs::read_to_string(format!("{dir}/signers")).unwrap();
    // A key of a person does not make a record of a broker, nor one that was given for something else.
    let other = signers.replace("ops namespaces=\"run@undersign\"", "ops namespaces=\"command@undersign\"");
    assert_ne!(other, signers);
    std::fs::write(format!("{dir}/signers"), other).unwrap();
    let said = verify(&scene, &dir);
    assert!(said.0 == 2 && said.1.contains("that of no broker"), "{said:?}");
    std::fs::write(format!("{dir}/signers"), &signers).unwrap();
    let script = std::fs::read_dir(&dir).unwrap().flatten().find(|entry| entry.file_name().len() == 64).unwrap().path();
    std::fs::write(&script, "echo another").unwrap();
    let said = verify(&scene, &dir);
    assert!(said.0 == 2 && said.1.contains("is another one"), "{said:?}");
    std::fs::remove_file(&script).unwrap();
    let said = verify(&scene, &dir);
    assert!(said.0 == 0 && said.1.contains("1 file of it not here"), "{said:?}");
}

#[test]
fn the_doctor_says_whether_what_is_signed_about_commands_is_whole() {
    let (scene, [ran, _]) = history();
    let said = scene.undersign(&["doctor"]);
    assert!(said.out.contains("✓ What is signed about commands is whole: 6 records in 3 chains."), "{said:?}");
    // The host of a colleague lost what the run rested on.
    let git = |args: &[&str]| scene.f.git("dana", args);
    let own = git(&["for-each-ref", "--format=%(refname)", "refs/undersign/authorizations"]);
    let dana = scene.f.key("dana").public.id().to_string();
    for name in git(&["for-each-ref", "--format=%(refname)"]).lines().filter(|name| name.contains(&dana)) {
        git(&["update-ref", "-d", name]);
    }
    let said = scene.undersign(&["doctor"]);
    assert!(said.code != 0 && said.out.contains("✗ Not here, though somebody relied on it"), "{own} {said:?}");
    // A chain that somebody appended junk to.
    let runs = git(&["for-each-ref", "--format=%(refname)", "refs/undersign/remotes/origin/runs"]);
    let junk = git(&["commit-tree", &format!("{runs}^{{tree}}"), "-p", &runs, "-m", "junk"]);
    git(&["update-ref", &runs, &junk]);
    let said = scene.undersign(&["doctor"]);
    assert!(said.out.contains("of a chain of the broker ops does not hold"), "{ran} {said:?}");
}

#[test]
fn the_doctor_names_a_start_that_has_no_end() {
    let scene = Scene::of_jobs("");
    scene.job("a", "");
    let said = scene.in_job("a", &["request", "--target", "prod", "--", "/usr/bin/id", "root"]);
    let id = said.out.trim();
    scene.sign("dana", Verdict::Authorize, id);
    assert_eq!(scene.in_job("a", &["verify", id, "--", "/usr/bin/id", "root"]).code, 0);
    assert_eq!(scene.undersign(&["sync"]).code, 0);
    let words = format!("· Request {} was started at prod", &id[..12]);
    let said = scene.undersign(&["doctor"]);
    assert!(said.out.contains(&words), "{said:?}");
    assert_eq!(scene.in_job("a", &["done", id, "--exit", "0"]).code, 0);
    assert_eq!(scene.undersign(&["sync"]).code, 0);
    assert!(!scene.undersign(&["doctor"]).out.contains(&words));
}

#[test]
fn the_doctor_says_which_level_a_broker_proves_and_why_not_more() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let path = secret.path();
    let scene = Scene::new("", &format!("[target.prod.secrets]\nPASSWORD = \"{}\"", path.display()));
    let doctor = || scene.undersign(&["doctor", "--broker", &scene.at("state")]);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let level = if is_root() { "L2" } else { "L1" };
    // It runs meanwhile, and is not disturbed.
    let said = doctor();
    assert!(said.out.contains(&format!("✓ prod: {level} is proven, {level} is demanded")), "{said:?}");
    assert!(said.out.contains("✓ Version 1 of the policy is pinned"), "{said:?}");
    if is_root() {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let said = doctor();
        let words = "✗ prod: L2 is demanded, and only L1 is proven, so nothing runs: others than root can read";
        assert!(said.code != 0 && said.out.contains(words), "{said:?}");
        std::fs::set_permissions(scene.at("state"), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(doctor().out.contains("others may write there: it does not start"));
    }
    std::fs::remove_file(Path::new(&scene.at("state")).join("policy")).unwrap();
    let said = doctor();
    assert!(said.code != 0 && said.out.contains("✗ No policy is pinned"), "{said:?}");
}
