//! Questions to the gate: to the library, as the hook, the command and the service ask it, or to the program.
//!
//! A table of attacks asks hundreds of times whether a push may land, so it asks the library. A process that lasts
//! has read some trees and chains before, when it signed; a hook has not. Whoever damages objects under their ids
//! therefore asks the program, which is what a push meets, and so do all with `UNDERSIGN_STRESS=1`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use undersign::enforcement::{self, Request, Settings, Update};
use undersign::gate::Outcome;

use super::now;

/// Exit code, and the codes of all reasons of all refs.
pub type Answer = (i32, Vec<String>);

/// The move of a ref.
pub fn update(name: &str, old: &str, new: &str) -> Update {
    Update { name: name.to_owned(), old: old.parse().unwrap(), new: new.parse().unwrap() }
}

/// Whether a push may land.
pub fn answer(request: &Request<'_>, settings: &Settings) -> Answer {
    if std::env::var_os("UNDERSIGN_STRESS").is_some() {
        return codes(&by_program(request, settings));
    }
    codes_of(&enforcement::judge(request, settings, now()))
}

/// The same in the words of `undersign verify`: exit code and what it prints.
pub fn by_program(request: &Request<'_>, settings: &Settings) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
    command.args(["--repo", request.repository, "verify", "--format", "json"]);
    for (option, value) in options(request, settings) {
        command.arg(option).arg(value);
    }
    if request.proposal {
        command.args(["--proposal", "--lands", &request.lands.to_string()]);
    }
    let (exit, out) = if request.ahead {
        let lines = request.updates.iter().map(|Update { name, old, new }| format!("{old} {new} {name}\n"));
        piped(command.arg("--pre-receive"), lines.collect::<String>().as_bytes())
    } else {
        let [Update { name, old, new }] = &request.updates[..] else { panic!("one move, or a hook") };
        piped(command.args(["--ref", name, "--old", &old.to_string(), "--new", &new.to_string()]), b"")
    };
    (exit, serde_json::from_slice(&out).unwrap_or(Value::Null))
}

/// The options that say to the program what is said to the library.
fn options(request: &Request<'_>, settings: &Settings) -> Vec<(&'static str, OsString)> {
    let path = |path: &Option<PathBuf>| path.clone().map(OsString::from);
    let word = |word: &Option<String>| word.clone().map(OsString::from);
    let options = [
        ("--organization", path(&settings.organization)),
        ("--policy", path(&settings.policy)),
        ("--policy-branch", word(&settings.branch)),
        ("--repository-id", word(&settings.repository_id)),
        ("--state", path(&settings.state)),
        ("--state-key", path(&settings.state_key)),
        ("--pusher", word(&request.pusher)),
        ("--deadline", settings.deadline.map(|deadline| deadline.as_secs().to_string().into())),
        ("--max-ledger", settings.max_ledger.map(|bytes| (bytes >> 20).to_string().into())),
    ];
    options.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The exit code of an outcome, and the codes of all refs.
pub fn codes_of(outcome: &Outcome) -> Answer {
    let reasons = outcome.refs.iter().flat_map(|judged| &judged.reasons);
    (outcome.exit_code().into(), reasons.map(|reason| reason.code.to_string()).collect())
}

/// The same of an outcome that was printed.
pub fn codes((exit, outcome): &(i32, Value)) -> Answer {
    let refs = outcome["refs"].as_array().cloned().unwrap_or_default();
    let reasons = refs.iter().flat_map(|judged| judged["reasons"].as_array().cloned().unwrap_or_default());
    (*exit, reasons.map(|reason| reason["code"].as_str().unwrap().to_owned()).collect())
}

/// Runs a program on some input: exit code and output.
pub fn piped(command: &mut Command, input: &[u8]) -> (i32, Vec<u8>) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // Who refuses its input early closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), output.stdout)
}
