//! Level L3: commands at the other end of ssh, each by a certificate of its own, with a real sshd.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use undersign::command::{Event, Verdict};

use crate::branches::records;
use crate::scene::{Said, Scene, is_root, takes, unused_uid};
use crate::ssh::{Sshd, free_port, keygen};

const SSH: &str = "/usr/bin/ssh";
const PLACE: &str = "deploy@127.0.0.1";
/// An account that every Debian has, and in which nothing runs: ssh looks its own one up.
const GAMES: u32 = 5;

/// A broker whose target is an account behind sshd; none, said aloud, where that cannot be tried.
fn scene(uid: u32, change: impl Fn(&Scene, &str) -> String) -> Option<(Scene, Sshd)> {
    let has_account = Command::new("id").arg(uid.to_string()).output().is_ok_and(|output| output.status.success());
    if !is_root() || !Path::new(SSH).exists() || !has_account {
        eprintln!("skipped: only root, where there are ssh and account {uid}, has what level L3 needs");
        return None;
    }
    if !takes(uid) {
        return None;
    }
    let port = free_port();
    let entry =
        |name: &str, rest: &str| format!("[[target.prod.command]]\nname = \"{name}\"\nargv = [\"{SSH}\", {rest}]\n");
    let entries = [
        entry("echo", &format!("\"{PLACE}\", \"/bin/echo\", \"{{word}}\"")),
        entry("sleep", &format!("\"{PLACE}\", \"/bin/sleep\", \"{{word}}\"")),
        entry("cat", &format!("\"{PLACE}\", \"/bin/cat\"")),
        entry("odd", &format!("\"{PLACE}\", \"/bin/echo\", \"a;id\"")),
        entry("unnamed", &format!("\"{PLACE}\", \"A=b\", \"/bin/echo\"")),
        entry("other", "\"root@127.0.0.1\", \"/bin/echo\", \"{word}\""),
        entry("option", &format!("\"-oProxyCommand=id\", \"{PLACE}\", \"/bin/echo\"")),
    ]
    .concat();
    let settings = |scene: &Scene| {
        let (host, ca) = (keygen(&scene.at("host")), scene.at("ca"));
        keygen(&ca);
        let login = format!(
            "stdin = \"data\"\n[target.prod.ssh]\nuser = \"deploy\"\nhost = \"127.0.0.1\"\nport = {port}\n\
             host_keys = [\"{host}\"]\nca = \"{ca}\"\nsource = \"127.0.0.1/32\""
        );
        change(scene, &login)
    };
    let scene =
        Scene::of_account(uid, settings, |target| target.replace("level = \"L2\"", "level = \"L3\"") + &entries);
    std::fs::write(scene.at("principals"), "undersign:prod\n").unwrap();
    let options = format!(
        "TrustedUserCAKeys {}\nAuthorizedPrincipalsFile {}\nAuthorizedKeysFile none\nPermitTTY no\n\
         DisableForwarding yes\nPermitUserRC no\nExposeAuthInfo yes",
        scene.at("ca.pub"),
        scene.at("principals")
    );
    let sshd = Sshd::start(&scene, &port, ("deploy", unused_uid()), &options)?;
    Some((scene, sshd))
}

fn ask(scene: &Scene, argv: &[&str]) -> Said {
    scene.exec(&[&["request", "--target", "prod", "--", SSH], argv].concat())
}

fn authorized(scene: &Scene, argv: &[&str]) -> String {
    let said = ask(scene, argv);
    assert_eq!(said.code, 0, "{said:?}");
    let id = said.out.trim().to_owned();
    scene.sign("dana", Verdict::Authorize, &id);
    id
}

#[test]
fn a_command_logs_in_once_with_a_certificate_for_it_whose_key_is_on_no_disk() {
    let Some((scene, _sshd)) = scene(GAMES, |_, login| login.to_owned()) else { return };
    let id = authorized(&scene, &[PLACE, "/bin/echo", "hello"]);
    let ran = scene.exec(&["run", &id]);
    let log = || std::fs::read_to_string(scene.at("sshd.log")).unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (0, "hello\n"), "{ran:?} {}", log());
    assert!(log().contains("ED25519-CERT") && log().contains(&format!("ID {id}")), "{}", log());
    let started = records(&scene).into_iter().find_map(|(_, event)| match event {
        Event::Started(started) => Some(started),
        _ => None,
    });
    assert_eq!(started.unwrap().level, "L3");
    assert_eq!(scene.exec(&["run", &id]).code, 2);
    let keys = Command::new("grep").args(["-rl", "PRIVATE KEY", &scene.at("state")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&keys.stdout).trim(), scene.at("state/key"), "the key of the broker alone");
    // What it reads gets there on its standard input, and nowhere else.
    std::fs::write(scene.at("data"), "bound bytes\n").unwrap();
    let input = format!("data={}", scene.at("data"));
    let asked = scene.exec(&["request", "--target", "prod", "--input", &input, "--", SSH, PLACE, "/bin/cat"]);
    scene.sign("dana", Verdict::Authorize, asked.out.trim());
    let ran = scene.exec(&["run", asked.out.trim()]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "bound bytes\n"), "{asked:?} {ran:?}");
}

#[test]
fn what_a_shell_at_the_other_end_would_read_something_into_is_not_even_asked() {
    let Some((scene, _sshd)) = scene(9, |_, login| login.to_owned()) else { return };
    for (argv, words) in [
        (&[PLACE, "/bin/echo", "a;id"][..], "letters, digits"),
        (&[PLACE, "A=b", "/bin/echo"], "whole path"),
        (&["root@127.0.0.1", "/bin/echo", "hello"], "are run as"),
        (&["-oProxyCommand=id", PLACE, "/bin/echo"], "are run as"),
    ] {
        let said = ask(&scene, argv);
        assert!(said.code == 2 && said.err.contains(words), "{argv:?} {said:?}");
    }
    let said = scene.exec(&["request", "--target", "prod", "--", "/usr/bin/id", "root"]);
    assert!(said.code == 2, "{said:?}");
    assert_eq!(ask(&scene, &[PLACE, "/bin/echo", "hello"]).code, 0);
}

#[test]
fn nobody_but_the_ssh_of_the_run_gets_the_key_to_sign_while_it_runs() {
    let Some((scene, _sshd)) = scene(7, |_, login| login.to_owned()) else { return };
    let id = authorized(&scene, &[PLACE, "/bin/sleep", "5"]);
    let socket = scene.at("state/in/prod/agent");
    std::thread::scope(|scope| {
        let running = scope.spawn(|| scene.exec(&["run", &id]));
        let began = Instant::now();
        while !Path::new(&socket).exists() {
            assert!(began.elapsed() < Duration::from_secs(30), "there is no agent");
            std::thread::sleep(Duration::from_millis(5));
        }
        for uid in [0, 7] {
            let thief =
                Command::new("ssh-add").arg("-L").env("SSH_AUTH_SOCK", &socket).uid(uid).gid(uid).output().unwrap();
            let out = String::from_utf8_lossy(&thief.stdout);
            assert!(!thief.status.success() && !out.contains("ssh-ed25519"), "{uid} {thief:?}");
        }
        assert!(Path::new(&socket).exists(), "it still runs, so they were refused for another reason than its end");
        assert_eq!(running.join().unwrap().code, 0);
    });
    assert!(!Path::new(&socket).exists());
}

#[test]
fn a_ca_that_others_can_read_or_another_host_is_no_level_3() {
    let open = |scene: &Scene, login: &str| {
        std::fs::set_permissions(scene.at("ca"), std::fs::Permissions::from_mode(0o644)).unwrap();
        login.to_owned()
    };
    let Some((opened, _sshd)) = scene(10, open) else { return };
    let id = authorized(&opened, &[PLACE, "/bin/echo", "hello"]);
    let said = opened.exec(&["run", &id]);
    assert!(said.code == 2 && said.err.contains("LEVEL") && said.err.contains("L2 is proven"), "{said:?}");
    let doctor = opened.undersign(&["doctor", "--broker", &opened.at("state")]);
    assert!(doctor.out.contains("others than root can read") && doctor.code != 0, "{doctor:?}");
    // Another machine answers at that address.
    let other = |scene: &Scene, login: &str| {
        let (own, other) = (std::fs::read_to_string(scene.at("host.pub")).unwrap(), keygen(&scene.at("other")));
        login.replace(own.trim(), &other)
    };
    let Some((mut moved, _sshd)) = scene(13, other) else { return };
    let id = authorized(&moved, &[PLACE, "/bin/echo", "hello"]);
    let ran = moved.exec(&["run", &id]);
    assert!(ran.code == 255 && ran.out.is_empty() && ran.err.contains("Host key verification failed"), "{ran:?}");
    // The key of the receipts certifies nothing.
    moved.kill();
    let settings = moved.at("state/settings.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(
        &settings,
        text.replace(&format!("ca = \"{}\"", moved.at("ca")), &format!("ca = \"{}\"", moved.at("state/key"))),
    )
    .unwrap();
    let said = moved.program(&["broker", "serve", &moved.at("state")]);
    assert!(said.code != 0 && said.err.contains("a target has its own"), "{said:?}");
}
