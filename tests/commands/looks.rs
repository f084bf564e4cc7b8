//! `undersign keymap` and `undersign theme`, with files of the user.

use crate::run;
use crate::support::Fixture;

fn configure(f: &Fixture, name: &str, text: &str) {
    let path = f.dir.path().join("config/undersign").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn keys_prints_what_holds_and_its_file_means_the_same() {
    let f = Fixture::new();
    assert!(run(&f, &["keymap"]).out.contains("], alt-j"));
    assert_eq!(run(&f, &["keys"]).out, run(&f, &["keymap"]).out, "its name of before");
    configure(&f, "keymap.toml", "preset = \"gerrit\"\n[review]\nfiles = [\"f2\"]\n");
    let table = run(&f, &["keymap"]);
    let has = |stroke: &str, name: &str| {
        table.out.lines().any(|line| line.split_whitespace().take(2).collect::<Vec<_>>() == [stroke, name])
    };
    assert!(table.code == 0 && has("n", "next-hunk") && has("f2", "files"), "{}", table.out);
    configure(&f, "keymap.toml", &run(&f, &["keymap", "--toml"]).out);
    assert_eq!(run(&f, &["keymap"]).out, table.out);
    assert!(run(&f, &["keymap", "--preset", "default"]).out.contains("], alt-j"));
    configure(&f, "keymap.toml", "[review]\napprove = [\"A\"]\n");
    let refused = run(&f, &["keymap"]);
    assert!(refused.code == 70 && refused.err.contains("line 2: unknown key `approve`"), "{}", refused.err);
}

#[test]
fn theme_prints_names_and_in_colour_samples() {
    let f = Fixture::new();
    configure(&f, "themes/night.toml", "name = \"night\"\ninherits = \"dark\"\n[ui]\ntext = { fg = \"#010203\" }\n");
    let names = run(&f, &["theme"]);
    assert_eq!(names.out, "dark\nlight\nhigh-contrast\ncolour-blind\nmono\nnight\n");
    assert!(names.err.contains("In use: ") && names.err.contains("config/undersign/themes"), "{}", names.err);
    let sample = run(&f, &["theme", "light", "--color", "always"]);
    assert!(
        sample.out.contains('\u{1b}') && sample.out.contains("Needs you") && sample.out.contains("not seen"),
        "{}",
        sample.out
    );
    let none = run(&f, &["theme", "nope"]);
    assert!(none.code == 70 && none.err.contains("no theme `nope`"), "{}", none.err);
}

#[test]
fn a_theme_of_ones_own_is_what_it_inherits_and_changes_named_by_its_file() {
    let f = Fixture::new();
    configure(&f, "themes/mine.toml", "inherits = \"dark\"\n[ui]\ntext = { fg = \"#010203\" }\n");
    assert!(run(&f, &["theme"]).exits(0).out.ends_with("mine\n"));
    let sample = run(&f, &["theme", "mine", "--color", "always"]).exits(0);
    assert!(sample.out.contains("38;2;1;2;3") || sample.out.contains("38;5;"), "{}", sample.out);
    configure(&f, "themes/wrong.toml", "inherits = \"dawn\"\n");
    let refused = run(&f, &["theme", "wrong"]).exits(70).complains("there is no theme `dawn`");
    assert!(!refused.err.contains("There is no theme `wrong`"), "it is there: {}", refused.err);
}

#[test]
fn every_command_tells_of_a_broken_configuration_once_and_goes_on() {
    let f = Fixture::new();
    configure(&f, "config.toml", "tab = \"wide\"\n");
    for args in
        [&["queue"][..], &["show", "agent/work"], &["record", "list"], &["policy", "check"], &["keymap"], &["theme"]]
    {
        let said = run(&f, args);
        assert_eq!(
            said.err.matches("config.toml").count(),
            if args == ["theme"] { 2 } else { 1 },
            "{args:?}: {said:?}"
        );
        assert!(said.err.contains("line 1"), "{args:?}: {said:?}");
    }
}

#[test]
fn what_cannot_be_written_is_no_success() {
    let f = Fixture::new();
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return println!("skipped: there is no /dev/full");
    };
    for args in [&["queue"][..], &["queue", "--json"], &["show", "agent/work"], &["policy", "check"], &["keymap"]] {
        let ended = std::process::Command::new(env!("CARGO_BIN_EXE_undersign"))
            .arg("--repo")
            .arg(&f.repo)
            .args(args)
            .env("HOME", f.dir.path())
            .env("XDG_CONFIG_HOME", f.dir.path().join("config"))
            .env("XDG_CACHE_HOME", f.dir.path().join("cache"))
            .stdout(full.try_clone().unwrap())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(70), "{args:?}: {told}");
        assert!(told.contains("could not be written"), "{args:?}: {told}");
    }
}

#[test]
fn init_writes_a_policy_that_says_when_to_change_it_and_check_warns_of_one_that_nobody_could() {
    let f = Fixture::with_policy("");
    f.git("dana", &["config", "user.name", "Dana"]);
    f.git("dana", &["config", "user.email", "dana@example.com"]);
    run(&f, &["init"]).exits(70).complains("ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519");
    f.git("dana", &["config", "gpg.format", "ssh"]);
    f.git("dana", &["config", "user.signingkey", f.key_file("dana").to_str().unwrap()]);
    run(&f, &["init"]).exits(0);
    let file = f.repo.join(".undersign/policy.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("docs/policy.md") && !text.contains("in its manual"), "{text}");
    assert_eq!(run(&f, &["policy", "check"]).exits(0).err, "");
    std::fs::write(&file, text.replace("self_review = true", "self_review = false")).unwrap();
    let warned = run(&f, &["policy", "check"]).exits(0).complains("[compartment.policy]").complains("nobody can sign");
    assert!(warned.err.contains("self_review = true"), "{}", warned.err);
}

#[test]
fn the_queue_and_show_say_needs_you_where_the_desk_does() {
    let f = Fixture::new();
    run(&f, &["queue"]).exits(0).says("needs others");
    f.git("dana", &["config", "gpg.format", "ssh"]);
    f.git("dana", &["config", "user.signingkey", f.key_file("dana").to_str().unwrap()]);
    run(&f, &["queue"]).exits(0).says("needs you").says_not("undecided");
    run(&f, &["show", "agent/work"]).exits(0).says("needs you");
}

#[test]
fn a_record_that_was_not_sent_is_told_with_the_command_that_sends_it() {
    let f = Fixture::new();
    crate::support::git_in(f.dir.path(), "dana", &["clone", "-q", "--bare", "shop", "server.git"]);
    f.git("dana", &["remote", "add", "origin", f.dir.path().join("server.git").to_str().unwrap()]);
    f.git("dana", &["fetch", "-q", "origin"]);
    f.decide("dana", "agent/work", undersign::decision::Verdict::Approve);
    run(&f, &["show", "agent/work"]).exits(0).complains("1 record of shop not sent yet").complains("undersign sync");
    let server = f.dir.path().join("server.git");
    let moved =
        ["verify", "--ref", crate::MAIN, "--old", &f.id("main"), "--new", &f.id("agent/work"), "--format", "plain"];
    crate::run_in(&f, &server, &moved).exits(2).says("`undersign sync` in the clone where it was signed");
    run(&f, &["sync"]).exits(0);
    assert_eq!(run(&f, &["show", "agent/work"]).exits(0).err, "");
    crate::run_in(&f, &server, &moved).exits(0).says_not("undersign sync");
}

#[test]
fn whoever_names_a_key_that_cannot_sign_is_told_which_why_and_what_to_paste() {
    let f = Fixture::new();
    let none = run(&f, &["queue"]).exits(0);
    assert_eq!(none.err, "", "not everybody signs: who names no key is left alone");
    f.git("dana", &["config", "user.name", "Dana"]);
    f.git("dana", &["config", "user.email", "dana@example.com"]);
    f.git("dana", &["config", "gpg.format", "ssh"]);
    let rsa = f.dir.path().join("id_rsa");
    let made = std::process::Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-N", "", "-f"]).arg(&rsa).status();
    assert!(made.unwrap().success());
    let (rsa, absent) = (rsa.display().to_string(), f.dir.path().join("gone.pub").display().to_string());
    let cases = [
        (format!("{rsa}.pub"), "id_rsa is of type ssh-rsa, which signs no records"),
        (rsa.clone(), "id_rsa is of type ssh-rsa, which signs no records"),
        (format!("key::{}", std::fs::read_to_string(format!("{rsa}.pub")).unwrap().trim()), "is of type ssh-rsa"),
        (absent, "gone.pub does not exist"),
    ];
    for (key, why) in &cases {
        f.git("dana", &["config", "user.signingkey", key]);
        for command in [&["queue"][..], &["show", "agent/work"], &["init"]] {
            let said = run(&f, command).complains(why).complains("ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519");
            let set = "\n  git config user.signingkey ~/.ssh/id_ed25519.pub\n";
            assert!(said.err.contains(set), "without --global, which the repository overrides: {}", said.err);
        }
        run(&f, &["doctor"]).exits(0).says(why).says("  ssh-keygen -t ed25519");
    }
    f.git("dana", &["config", "user.signingkey", f.key_file("dana").to_str().unwrap()]);
    assert_eq!(run(&f, &["queue"]).exits(0).err, "");
    run(&f, &["doctor"]).exits(0).says("✓ You sign as dana");
}

#[test]
fn help_is_answered_as_a_word_too_and_says_how_often_a_repository_may_be_named() {
    let f = Fixture::new();
    let (one, several) = ("The repository, instead of the current directory\n", "may be given several times");
    assert_eq!(run(&f, &["help"]).exits(0).out, run(&f, &["--help"]).out);
    run(&f, &["help", "queue"]).exits(0).says("Usage: undersign queue").says(several);
    run(&f, &["gate", "help", "log"]).exits(0).says("Usage: undersign gate log").says(one).says_not(several);
    run(&f, &["verify", "--help"]).says(one).says("refs/heads/main \\\n");
    let twice = run(&f, &["--repo", ".", "policy", "check"]).exits(64);
    assert!(twice.complains("--repo names 2. Run it once for each.").out.is_empty());
    run(&f, &["--repo", ".", "queue"]).exits(0);
}

#[test]
fn a_policy_with_mistakes_is_told_though_nothing_is_pending() {
    let f = Fixture::new();
    f.git("dana", &["branch", "-D", "agent/work"]);
    run(&f, &["queue"]).exits(0).says("Nothing is pending.");
    let file = f.repo.join(".undersign/policy.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("version = 1", "verison = 1", 1)).unwrap();
    f.commit("dana", "Break the policy");
    let said = run(&f, &["queue"]).exits(0).says("unreadable: shop: Its policy has mistakes");
    said.says("did you mean `version`?").says_not("Nothing is pending.");
}

#[test]
fn show_says_why_an_approval_by_whoever_asks_would_not_count() {
    let f = Fixture::new();
    f.git("dana", &["checkout", "-q", "-b", "own", "main"]);
    f.write("own.txt", "own\n");
    let commit = f.commit("dana", "Own work");
    f.git("dana", &["checkout", "-q", "main"]);
    run(&f, &["show", "own"]).exits(0).says_not("would not count");
    f.git("dana", &["config", "gpg.format", "ssh"]);
    f.git("dana", &["config", "user.signingkey", f.key_file("dana").to_str().unwrap()]);
    let why = format!("you are an author of this change, or ran the agent that wrote it (commit {})", &commit[..7]);
    run(&f, &["show", "own"]).exits(0).says(&format!("Your approval would not count: {why}."));
    assert_eq!(run(&f, &["show", "own", "--json"]).exits(0).json()["futile"], why);
    // The twin: somebody else's change.
    run(&f, &["show", "agent/work"]).exits(0).says_not("would not count");
}
