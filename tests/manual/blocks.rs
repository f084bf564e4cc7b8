//! The command blocks of the manual, run as they stand there: in order, chapter by chapter, with the real program and
//! git. What stands behind the fence says how:
//!
//! | info | is |
//! |---|---|
//! | `sh` | run, and succeeds |
//! | `sh fails` | run, and does not |
//! | `sh desk` | opens the desk; the table below says what is pressed, and what the screen says then |
//! | `sh host` | only parsed: it needs a host, a device, or a repository of one's own |
//! | `text output` | each line is in what the block before it printed; `…` stands for anything |
//! | `text usage` | forms of a command: its options are there |

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use undersign::decision::Verdict;

use crate::page::{Block, blocks, quoted};
use crate::program::Program;
use crate::support::{Fixture, key_of};
use crate::{pages, root};

const UNDERSIGN: &str = env!("CARGO_BIN_EXE_undersign");
const WORK: &str = "agent/work";

/// In place of cargo, which would build for minutes: runs what was built, and knows the names of tests and benchmarks.
const CARGO: &str = r#"#!/bin/sh
case "$1" in
run)
  while [ "$1" != -- ]; do shift; done
  shift
  exec "$UNDERSIGN" "$@" < /dev/null ;;
bench) test -f "$MANUAL_ROOT/benches/$3.rs" ;;
test) if [ "$2" = --test ]; then test -e "$MANUAL_ROOT/tests/$3"; fi ;;
build | install) ;;
*) exit 64 ;;
esac
"#;

/// Somebody's machine: a home with a key, a repository `shop` with a signed change, and its host.
struct Scene {
    f: Fixture,
    folder: PathBuf,
    said: String,
}

impl Scene {
    fn new() -> Scene {
        let f = Fixture::new();
        let home = f.dir.path().join("home");
        let (ssh, programs) = (home.join(".ssh"), home.join("bin"));
        for folder in [&ssh, &programs, &home.join("tmp")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let key = f.key_file("dana");
        std::fs::copy(&key, ssh.join("id_ed25519")).unwrap();
        std::fs::write(ssh.join("id_ed25519.pub"), key_of("dana").public_key().to_openssh().unwrap()).unwrap();
        std::os::unix::fs::symlink(UNDERSIGN, programs.join("undersign")).unwrap();
        std::fs::write(programs.join("cargo"), CARGO).unwrap();
        std::fs::set_permissions(programs.join("cargo"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let identity = "[user]\n\tname = Dana\n\temail = dana@example.com\n\tsigningkey = ~/.ssh/id_ed25519.pub\n\
                        [gpg]\n\tformat = ssh\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n";
        std::fs::write(home.join(".gitconfig"), identity).unwrap();
        let folder = f.repo.clone();
        Scene { f, folder, said: String::new() }
    }

    /// A scene in which mina's change is approved and its host is there.
    fn decided() -> Scene {
        let mut scene = Scene::new();
        scene.f.decide("dana", WORK, Verdict::Approve);
        scene.must(
            "git clone -q --bare . ../shop.git && git remote add origin ../shop.git && git fetch -q && \
             git remote set-head origin main && undersign sync && git remote add upstream ../shop.git && \
             git fetch -q upstream && git remote set-head upstream main && echo '* @dana' > CODEOWNERS && \
             sed 's/^version = 1$/version = 2/' .undersign/policy.toml > next-policy.toml",
        );
        scene
    }

    fn home(&self) -> PathBuf {
        self.f.dir.path().join("home")
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.home();
        let path = format!("{}:{}", home.join("bin").display(), std::env::var("PATH").unwrap());
        let tip = self.f.id("main");
        [
            ("HOME", home.display().to_string()),
            ("XDG_CONFIG_HOME", home.join(".config").display().to_string()),
            ("XDG_DATA_HOME", home.join("data").display().to_string()),
            ("TMPDIR", home.join("tmp").display().to_string()),
            ("PATH", path),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("SSH_AUTH_SOCK", String::new()),
            ("LANG", "C.UTF-8".to_owned()),
            ("UNDERSIGN", UNDERSIGN.to_owned()),
            ("MANUAL_ROOT", root().display().to_string()),
            // What a chapter says that the reader puts in.
            ("VERSION", "v1".to_owned()),
            ("LANDED", tip),
        ]
        .into()
    }

    /// Runs a script where the one before left off; whether it succeeded.
    fn run(&mut self, script: &str) -> bool {
        let left = self.f.dir.path().join("folder");
        // Programs that a block leaves running are ended with it.
        let ends = format!("trap 'pwd > {}; kill $(jobs -p) 2> /dev/null || true' EXIT", left.display());
        // A port of our own: several may run this at once.
        let script = script.replace("127.0.0.1:7117", &free_address());
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-euo", "pipefail", "-c", &format!("{ends}\n{script}")]);
        let output = command.current_dir(&self.folder).envs(self.environment()).env("TERM", "dumb").output().unwrap();
        self.folder = std::fs::read_to_string(left).unwrap().trim_end().into();
        self.said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        output.status.success()
    }

    /// A setting of git, as it is now; empty if it has none.
    fn setting(&mut self, name: &str) -> String {
        self.must(&format!("git config --get {name} || true"));
        self.said.trim().to_owned()
    }

    fn must(&mut self, script: &str) {
        assert!(self.run(script), "{script}\n{}", self.said);
    }

    /// Opens the desk and does what the table of a block says.
    fn sit_down(&mut self, block: &Block, place: &str) {
        let words: Vec<&str> = block.text.split_whitespace().collect();
        assert_eq!(words[0], "undersign", "{place}");
        let environment = self.environment();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let words = [&[UNDERSIGN], &words[1..]].concat();
        let mut program = Program::started_in(&self.folder, &words, (110, 50), &environment, &self.home());
        let rows = block.rows.iter().filter(|row| row[0] != "press" && !row[0].starts_with("---"));
        for row in rows {
            for stroke in quoted(&row[0]) {
                let code = || program.text().split("type ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
                let stroke = match stroke {
                    "enter" => "\r".to_owned(),
                    "space" => " ".to_owned(),
                    "CODE" => code(),
                    typed => typed.to_owned(),
                };
                program.press(&stroke);
            }
            if let Some(cell) = row.get(1) {
                quoted(cell).for_each(|wanted| program.wait_for(wanted));
            }
        }
        assert!(program.end().1, "{place}: the screen was not given back");
    }

    fn perform(&mut self, block: &Block, place: &str) {
        match block.info.as_str() {
            "sh" => assert!(self.run(&block.text), "{place}:\n{}\n{}", block.text, self.said),
            "sh fails" => assert!(!self.run(&block.text), "{place} succeeds:\n{}\n{}", block.text, self.said),
            "sh desk" => self.sit_down(block, place),
            "sh host" => parses(&block.text, place),
            "text output" => prints(&self.said, &block.text, place),
            "text usage" => block.text.lines().filter(|line| !line.starts_with(' ')).for_each(|form| {
                let rest = block.text.split_once(form).unwrap().1;
                let goes_on = rest.lines().skip(1).take_while(|line| line.starts_with(' '));
                has_options(&goes_on.fold(form.to_owned(), |form, line| form + line), place);
            }),
            _ => {}
        }
    }
}

/// An address of loopback where nothing listens.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A shell takes it for commands.
fn parses(script: &str, place: &str) {
    let output = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Each line is in what was said, its parts in their order.
fn prints(said: &str, wanted: &str, place: &str) {
    let is_in = |line: &str, wanted: &str| {
        let mut rest = line;
        wanted.split('…').map(str::trim).all(|part| match rest.split_once(part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    };
    for line in wanted.lines().filter(|line| !line.trim().is_empty()) {
        assert!(said.lines().any(|own| is_in(own, line)), "{place}: no {line:?} in:\n{said}");
    }
}

/// The command of a form is there, and so are the options that it names.
fn has_options(form: &str, place: &str) {
    let form = form.split(" # ").next().unwrap().replace(['[', ']', '…'], " ");
    let mut words = form.split_whitespace().skip_while(|word| *word != "undersign").skip(1).peekable();
    let mut call = Vec::new();
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "--repo" => drop(words.next()),
            _ if word.starts_with("--") => options.push(word),
            _ if options.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-') => call.push(word),
            _ => {}
        }
    }
    let output = Command::new(UNDERSIGN).args(&call).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(!call.is_empty() && output.status.success(), "{place}: {call:?}\n{form}");
    for option in options {
        let is_there = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == option);
        assert!(is_there, "{place}: {call:?} has no {option}");
    }
}

/// Runs the blocks of a page.
fn walk(name: &str, scene: &mut Scene) {
    let all = blocks(&root().join(name));
    let is_command = |block: &Block| block.info.starts_with("sh") || block.info == "text usage";
    assert!(all.iter().any(is_command), "{name} has no commands");
    for block in all {
        scene.perform(&block, &format!("{name}:{}", block.line));
    }
}

fn is_here(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success();
    if !found {
        eprintln!("skipped: no {program} here");
    }
    found
}

#[test]
fn the_tutorial_leads_to_a_decision_that_the_gate_lets_through() {
    if is_here("jq") {
        let mut scene = Scene::new();
        // It begins with a folder and nothing else.
        scene.folder = scene.f.dir.path().join("home");
        std::fs::write(scene.home().join(".gitconfig"), "").unwrap();
        walk("docs/tutorial.md", &mut scene);
    }
}

#[test]
fn the_commands_of_the_front_page_work() {
    let mut scene = Scene::new();
    // Somebody who signs commits with OpenPGP: git has no key that undersign could take.
    scene.must(
        "git clone -q --bare . ../shop.git && git rm -q -r .undersign && git commit -q -m 'No policy' && \
         git config --global --unset gpg.format && git config --global user.signingkey 3AA5C34371567BD2",
    );
    walk("README.md", &mut scene);
    assert_eq!(scene.setting("user.signingkey"), "3AA5C34371567BD2", "git's settings are left alone");
    assert_eq!(scene.setting("gpg.format"), "");
    walk("CONTRIBUTING.md", &mut Scene::new());
}

#[test]
fn the_commands_of_the_chapters_for_reviewers_work() {
    if is_here("jq") {
        for name in [
            "docs/queue.md",
            "docs/changes.md",
            "docs/risk.md",
            "docs/findings.md",
            "docs/rules.md",
            "docs/deciding.md",
            "docs/configuration.md",
        ] {
            walk(name, &mut Scene::decided());
        }
    }
}

#[test]
fn the_commands_of_the_chapters_for_who_runs_the_gate_work() {
    for name in [
        "docs/policy.md",
        "docs/organization.md",
        "docs/evidence.md",
        "docs/gate.md",
        "docs/hosts.md",
        "docs/audit.md",
        "docs/outcomes.md",
        "docs/commands.md",
        "docs/authorizing.md",
        "docs/commands-ci.md",
        "docs/agents.md",
    ] {
        walk(name, &mut Scene::decided());
    }
    if is_here("curl") {
        walk("docs/service.md", &mut Scene::decided());
    }
}

#[test]
fn every_block_says_what_it_is_and_every_chapter_with_commands_is_walked() {
    let known =
        ["sh", "sh fails", "sh desk", "sh host", "text", "text output", "text usage", "toml", "yaml", "ini", "json"];
    let own = std::fs::read_to_string(root().join("tests/manual/blocks.rs")).unwrap();
    for page in pages() {
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        for block in blocks(&page) {
            assert!(known.contains(&block.info.as_str()), "{name}:{}: {:?}", block.line, block.info);
            let is_walked = own.contains(&format!("\"{name}\""));
            assert!(is_walked || !block.info.starts_with("sh"), "{name}:{} is run by nothing", block.line);
        }
    }
}

#[test]
fn what_is_wrong_with_a_block_is_found() {
    let fails = |test: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(test)).is_err();
    assert!(fails(&|| parses("if", "")) && !fails(&|| parses("if :; then :; fi", "")));
    assert!(
        fails(&|| prints("one two\nthree", "one … three", "")) && !fails(&|| prints("one two\n3", "one … o\n3", ""))
    );
    assert!(fails(&|| has_options("undersign sync [--none]", "")));
    assert!(fails(&|| has_options("undersign none", "")));
    assert!(!fails(&|| has_options("undersign --repo DIR record show ID [--payload] [FILE…]", "")));
    let failing = |info: &str, text: &str| {
        let block = Block { info: info.to_owned(), text: text.to_owned(), ..Block::default() };
        fails(&|| Scene::new().perform(&block, ""))
    };
    assert!(failing("sh", "undersign none") && failing("sh fails", "undersign --version"));
    assert!(!failing("sh", "undersign --version") && !failing("sh fails", "undersign none"));
}
