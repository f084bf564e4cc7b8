//! Completions and manual pages, accepted by shells and man(1).

use std::process::{Command, Stdio};

use super::{run, run_in};
use crate::support::Fixture;

/// Whether a program is installed; otherwise what needs it is skipped.
pub fn is_here(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success();
    if !found {
        eprintln!("skipped: no {program} here");
    }
    found
}

/// The output of a program for a text on its standard input.
fn fed(words: &[&str], text: &str) -> (bool, String) {
    use std::io::Write as _;
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), said)
}

#[test]
fn completions_are_scripts_that_their_shells_read() {
    let f = Fixture::new();
    for (shell, words) in [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])] {
        let script = run(&f, &["completions", shell]).exits(0).says("hand-over").out;
        if is_here(shell) {
            assert_eq!(fed(&words, &script), (true, String::new()), "{shell}");
        }
    }
    for shell in ["elvish", "powershell"] {
        run(&f, &["completions", shell]).exits(0).says("hand-over");
    }
    run(&f, &["completions", "csh"]).exits(64).complains("possible values: bash");
}

#[test]
fn bash_completes_commands_and_their_options() {
    let f = Fixture::new();
    let script = run(&f, &["completions", "bash"]).exits(0).out;
    let completed = |words: &[&str]| {
        let (last, before) = words.split_last().unwrap();
        let call = format!(
            "COMP_WORDS=({}) COMP_CWORD={}; _undersign undersign '{last}' '{}'; echo \"${{COMPREPLY[*]}}\"",
            words.join(" "),
            before.len(),
            before.last().unwrap()
        );
        fed(&["bash", "-s"], &format!("{script}\n{call}\n")).1
    };
    assert_eq!(completed(&["undersign", "ver"]).trim(), "verify");
    assert!(completed(&["undersign", "gate", "install", "--pus"]).contains("--pusher-env"));
}

#[test]
fn manual_pages_are_written_and_read_without_a_warning() {
    let f = Fixture::new();
    let dir = f.dir.path().join("man1");
    run_in(&f, &f.repo, &["man", dir.to_str().unwrap()]).exits(0).says("pages to");
    let pages: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() > 25, "{pages:?}");
    let first = run(&f, &["man"]).exits(0).says(".TH undersign 1").out;
    assert_eq!(std::fs::read_to_string(dir.join("undersign.1")).unwrap(), first);
    if is_here("groff") {
        for page in pages {
            let text = std::fs::read_to_string(&page).unwrap();
            let (is_read, said) = fed(&["groff", "-man", "-Tutf8", "-ww", "-K", "utf8", "-z"], &text);
            assert!(is_read && said.is_empty(), "{}: {said}", page.display());
        }
    }
}
