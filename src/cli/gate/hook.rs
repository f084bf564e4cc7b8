//! The script of the gate as a pre-receive hook: written, read back, and known again if somebody changed it.

use std::path::{Path, PathBuf};

use crate::enforcement::{self, Settings};
use crate::source::git::Repository;
use crate::source::git::organization::{GATE_MARK, is_hook_of_a_gate};

/// A hook that was there before, and runs after the gate agreed.
pub const NEXT: &str = "pre-receive.after-undersign";

/// The name by which the script calls the repository.
const REPOSITORY: &str = "--repo \"${GIT_DIR:-.}\"";

/// The gate's hook.
pub struct Hook {
    text: String,
    /// Of the command that asks the gate; none if the script is not as it was written.
    arguments: Option<Vec<String>>,
}

impl Hook {
    /// Git runs it in the repository with the moves on standard input. Whatever fails in it refuses the push.
    pub fn of(program: &Path, arguments: &[String]) -> Hook {
        let program = program.display().to_string();
        Hook { text: script(&program, arguments), arguments: Some(arguments.to_vec()) }
    }

    /// None if it is somebody else's.
    pub fn read(bytes: &[u8]) -> Option<Hook> {
        if !is_hook_of_a_gate(bytes) {
            return None;
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        let command = text.lines().find_map(asked);
        let fits = |(program, arguments): &(String, Vec<String>)| script(program, arguments) == text;
        let arguments = command.filter(fits).map(|(_, arguments)| arguments);
        Some(Hook { text, arguments })
    }

    /// The one that git runs for a push to a repository; none if there is none, or somebody else's.
    pub fn of_repository(repository: &Repository) -> Option<Hook> {
        Hook::read(&std::fs::read(repository.pre_receive()).ok()?)
    }

    /// How it sets the gate up, as far as it says.
    pub fn settings(&self) -> Settings {
        let branch = self.given("--policy-branch").and_then(|name| name.into_os_string().into_string().ok());
        Settings {
            organization: self.given("--organization"),
            policy: self.given("--policy"),
            branch,
            state: self.given("--state"),
            state_key: self.given("--state-key"),
            report_only: self.has("--report-only"),
            ..Settings::default()
        }
    }

    /// Where its gate keeps its state.
    pub fn state(&self, repository: &Repository) -> PathBuf {
        self.given("--state").unwrap_or_else(|| enforcement::default_state(repository))
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether somebody changed it after it was written, so that nothing is known of what it does.
    pub fn is_changed(&self) -> bool {
        self.arguments.is_none()
    }

    /// Whether an option begins with this: `--pusher` of `--pusher-env`.
    pub fn has(&self, option: &str) -> bool {
        self.arguments.iter().flatten().any(|word| word.starts_with(option))
    }

    /// What it gives to an option of the gate, such as `--state`; none where it does not name it.
    pub fn given(&self, option: &str) -> Option<PathBuf> {
        let mut words = self.arguments.iter().flatten().skip_while(|word| *word != option);
        words.nth(1).map(PathBuf::from)
    }
}

fn script(program: &str, arguments: &[String]) -> String {
    let command = ["verify", "--pre-receive"].into_iter().chain(arguments.iter().map(String::as_str));
    let command: Vec<String> = command.map(quoted).collect();
    format!(
        "#!/bin/sh\n{GATE_MARK}: `undersign gate install` wrote this and may write it anew; `undersign doctor` reads it.\n\
         set -eu\n\
         moves=$(cat && echo .)\nmoves=${{moves%.}}\n\
         printf '%s' \"$moves\" | {} {REPOSITORY} {}\n\
         next=$(dirname \"$0\")/{NEXT}\nif [ -x \"$next\" ]; then\n  printf '%s' \"$moves\" | \"$next\"\nfi\n",
        quoted(program),
        command.join(" "),
    )
}

/// The program and the arguments of the line that asks the gate, as far as they are words; what else a shell would do
/// with them shows when they are written again.
fn asked(line: &str) -> Option<(String, Vec<String>)> {
    let (program, arguments) =
        line.strip_prefix("printf '%s' \"$moves\" | ")?.split_once(&format!(" {REPOSITORY} "))?;
    let [program] = <[String; 1]>::try_from(shlex::split(program)?).ok()?;
    let mut arguments = shlex::split(arguments)?.into_iter();
    let is_asked =
        arguments.next().as_deref() == Some("verify") && arguments.next().as_deref() == Some("--pre-receive");
    is_asked.then(|| (program, arguments.collect()))
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-:=+@".contains(&b);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGE: &[&str] = &["/srv/state", "/srv/a b", "/srv/it's one's", "/srv/'", "", "$(x) || true", "é"];

    #[test]
    fn words_reach_the_shell_as_they_are() {
        assert_eq!(quoted("/usr/bin/undersign"), "/usr/bin/undersign");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn what_a_hook_was_given_is_found_again() {
        for path in STRANGE {
            let arguments = ["--state", path, "--report-only"].map(str::to_owned);
            let hook = Hook::of(Path::new("/opt/my tools/undersign"), &arguments);
            let read = Hook::read(hook.text().as_bytes()).unwrap();
            assert!(!read.is_changed() && read.has("--report-only"));
            assert_eq!(read.given("--state"), Some(PathBuf::from(path)));
            assert_eq!(read.given("--state-key"), None);
        }
    }

    #[test]
    fn a_hook_that_somebody_changed_is_known_as_such_and_another_one_is_not_ours() {
        let ours = Hook::of(Path::new("/bin/undersign"), &["--pusher-env".into(), "USER".into()]);
        let ours = ours.text();
        for changed in [
            format!("{ours}exit 0\n"),
            ours.replace("verify --pre-receive", "verify --pre-receive || true;"),
            ours.replace("USER\n", "USER || true\n"),
            ours.replace("USER\n", "USER;exit\n"),
            ours.replace("set -eu", "set +e"),
            ours.replace("set -eu\n", "set -eu\nexit 0\n"),
            ours.replace("verify --pre-receive", "doctor"),
            ours.replace("verify", "$X verify"),
        ] {
            assert_ne!(changed, ours);
            assert!(Hook::read(changed.as_bytes()).unwrap().is_changed(), "{changed}");
        }
        assert!(Hook::read(b"#!/bin/sh\nexit 0\n").is_none());
    }
}
