//! Whether git calls the installed gate: a push to a throw-away ref, which every gate refuses.

use std::path::Path;
use std::process::{Command, Output};

use crate::change::{shown_word, visible};
use crate::gate_state::PROBE;

/// Pushes to a repository as anybody would, from an empty one.
///
/// # Errors
/// A sentence: git does not ask the gate, or it could not be tried.
pub fn ask(repository: &Path, reports_only: bool) -> Result<(), String> {
    let untried = |why: String| {
        format!("The hook is written, and whether git asks it could not be tried out: {why}. Push something unsigned.")
    };
    let there = std::fs::canonicalize(repository).map_err(|error| untried(error.to_string()))?;
    let dir = tempfile::tempdir().map_err(|error| untried(error.to_string()))?;
    let run = |words: &[&str]| git(dir.path(), words).map_err(|error| untried(error.to_string()));
    let made = |words: &[&str]| {
        let output = run(words)?;
        let told = || untried(visible::line(&output.stderr));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()).ok_or_else(told)
    };
    made(&["init", "-q", "--bare", "."])?;
    let tree = made(&["hash-object", "-w", "-t", "tree", "/dev/null"])?;
    let name = ["-c", "user.name=undersign", "-c", "user.email=undersign@localhost"];
    let commit = made(&[&name[..], &["commit-tree", "-m", "Is the gate asked?", &tree]].concat())?;
    let there = there.to_str().ok_or_else(|| untried("its path is not UTF-8".to_owned()))?;
    // By force, since in a trial anybody may have put something there.
    let pushed = run(&["push", "-q", there, &format!("+{commit}:{PROBE}")])?;
    let said = String::from_utf8_lossy(&pushed.stderr);
    let was_asked = said.lines().any(|line| line.contains(PROBE) && line.contains("may not land"));
    if pushed.status.success() {
        let _ = git(Path::new(there), &["update-ref", "-d", PROBE]);
    }
    match (was_asked, pushed.status.success()) {
        (true, false) => Ok(()),
        (true, true) if reports_only => Ok(()),
        (_, true) => Err(format!(
            "The hook is written, and git did not ask it: a push that it refuses landed. `git -C {} config --show-origin \
             core.hooksPath` says from where git runs hooks; and the file system may forbid to run programs.",
            shown_word(there)
        )),
        (false, false) => Err(untried(format!("git refused the push for another reason: {}", first_line(&said)))),
    }
}

/// Neither where this program runs nor what calls it decides which repository is meant.
fn git(dir: &Path, words: &[&str]) -> std::io::Result<Output> {
    let mut command = Command::new("git");
    command.current_dir(dir).args(words).env("LC_ALL", "C");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH"] {
        command.env_remove(name);
    }
    command.output()
}

fn first_line(said: &str) -> String {
    visible::text(said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim_end_matches('.'))
        .into_owned()
}
