//! Words of commands that are printed to be pasted, read by the shells that people paste them into.

use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use undersign::change::shell_word;

/// Each shell without the files that it reads at its start.
const SHELLS: &[&[&str]] =
    &[&["sh", "-c"], &["bash", "--norc", "--noprofile", "-c"], &["zsh", "-f", "-c"], &["fish", "--no-config", "-c"]];

/// What a shell prints for a list of words, each with a NUL behind it; none if this machine does not have the shell.
fn printed(shell: &[&str], words: &[String], folder: &Path) -> Option<Vec<u8>> {
    let quoted: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    let line = format!("printf '%s\\0' {}", quoted.join(" "));
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(line).current_dir(folder).env("HOME", folder).env("LC_ALL", "C.UTF-8");
    let said = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    Some(said.stdout)
}

/// Pieces that end a quote, begin another one, or would run something.
const PIECES: &[&str] = &[
    "'",
    "\\",
    "\"",
    "`",
    "$",
    "$(touch ran)",
    "`touch ran`",
    "(touch ran)",
    ";touch ran;",
    "\ntouch ran\n",
    "|",
    "&",
    "{",
    "}",
    "{a,b}",
    "{1..3}",
    "{x}",
    ",",
    "~",
    "=",
    "=ls",
    "%",
    "%self",
    "!",
    "!!",
    "#",
    "*",
    "?",
    "[a]",
    "^",
    "-",
    " ",
    "\t",
    "a",
    "ran",
    "é",
    "\\n",
    "<",
    ">",
    "@",
    "\r",
];

fn word() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES).prop_map(str::to_owned), 0..7).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_word_to_paste_is_that_very_word_in_every_shell_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: if std::env::var_os("UNDERSIGN_STRESS").is_some() { 2_000 } else { 60 },
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&prop::collection::vec(word(), 1..40), |words| {
        let expected: Vec<u8> = words.iter().flat_map(|word| word.bytes().chain([0])).collect();
        for shell in SHELLS {
            let Some(said) = printed(shell, &words, folder.path()) else { continue };
            prop_assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(&expected), "{}", shell[0]);
            prop_assert!(!folder.path().join("ran").exists(), "{}: {:?}", shell[0], words);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
