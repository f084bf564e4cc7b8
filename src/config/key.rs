//! The signing key of a person: which one it is, or why there is none that signs and what to run.

use std::path::{Path, PathBuf};

use super::directory;
use super::git_settings::GitSettings;
use crate::change::{shell_word, visible};
use crate::signer::{KeyError, NoKey, SigningKey};

/// Where `ssh-keygen` puts a key by itself.
const USUAL: &str = ".ssh/id_ed25519";

/// Which setting names the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedBy {
    /// `signing_key` of the person's own file.
    ConfigFile,
    /// git's `user.signingkey` for all repositories.
    Git,
    /// That of one repository, which prevails.
    GitHere,
}

/// The signing key: from the configuration, otherwise the one that git would sign with.
pub(super) fn signing_key(configured: Option<&str>, near: Option<&Path>) -> Result<SigningKey, NoKey> {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
    let usual = home.as_ref().map(|home| home.join(USUAL));
    let has_usual = usual.as_ref().is_some_and(|file| file.is_file());
    let git = GitSettings::of(near);
    let of_git = || {
        let by = if git.is_here("user.signingkey") { NamedBy::GitHere } else { NamedBy::Git };
        git.get("user.signingkey").map(|name| (name.to_owned(), by))
    };
    let Some((name, by)) = configured.map(|name| (name.to_owned(), NamedBy::ConfigFile)).or_else(of_git) else {
        return Err(none(has_usual));
    };
    let is_ssh = git.get("gpg.format") == Some("ssh");
    if by != NamedBy::ConfigFile && !is_ssh {
        return Err(of_another_format(&name, by, has_usual));
    }
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    SigningKey::find(&name, agent.as_deref(), home.as_deref()).map_err(|error| {
        let file = name.trim_end_matches(".pub");
        let is_usual = usual.as_ref().is_some_and(|usual| Path::new(file) == usual) || file == format!("~/{USUAL}");
        unusable(&name, &error, by, has_usual && !is_usual, agent.is_some())
    })
}

/// No setting names a key.
fn none(has_usual: bool) -> NoKey {
    let why = "There is no signing key: you can read and note, not sign.";
    // Whoever signs commits with OpenPGP keeps that: git's own settings are only for those who want them changed.
    let in_git = [ssh_format(NamedBy::Git), name_usual(NamedBy::Git)].join("\n  ");
    let aside = format!("{}\nor, if git is to sign with it too:\n  {in_git}", file_line());
    let brief = "no signing key".to_owned();
    NoKey { is_named: false, ..no_key(brief, why, in_the_file(has_usual), &make(has_usual), Some(&aside)) }
}

/// git signs with something else than ssh; its default is OpenPGP, whose key ids mean nothing here.
fn of_another_format(name: &str, by: NamedBy, has_usual: bool) -> NoKey {
    let why = format!(
        "git's user.signingkey is {}, and gpg.format is not ssh: keys of other formats sign no records. You can read \
         and note, not sign.",
        visible::text(name)
    );
    let is_of_ssh = name.contains('/') || name.starts_with("key::") || name.starts_with("ssh-");
    let brief = "no ssh signing key".to_owned();
    if is_of_ssh {
        return no_key(brief, &why, "If this is a key of ssh", &[ssh_format(by)], None);
    }
    no_key(brief, &why, in_the_file(has_usual), &make(has_usual), Some(&file_line()))
}

/// A setting names a key that does not sign.
fn unusable(name: &str, error: &KeyError, by: NamedBy, has_usual: bool, has_agent: bool) -> NoKey {
    let is_file = !name.contains(char::is_whitespace);
    let brief = Path::new(name).file_name().filter(|_| is_file).map_or("the named key".into(), |file| {
        visible::line(file.as_encoded_bytes()).chars().take(24).collect::<String>()
    });
    let brief = format!("{brief} cannot sign");
    let why = format!("{} You can read and note, not sign.", visible::text(&error.to_string()));
    match error {
        KeyError::Denied(_) if visible::text(name) == name => {
            no_key(brief, &why, "Make it yours to read", &[format!("chmod 600 {}", pasteable(name))], None)
        }
        KeyError::NotInAgent(_) | KeyError::NoAgent(_) => {
            let runs = has_agent && !matches!(error, KeyError::NoAgent(_));
            let start = (!runs).then(|| "eval \"$(ssh-agent -s)\"".to_owned());
            let commands: Vec<_> = start.into_iter().chain(["ssh-add".to_owned()]).collect();
            no_key(brief, &why, "Give it to the agent, with its file if that is not in ~/.ssh", &commands, None)
        }
        _ if by == NamedBy::ConfigFile => {
            no_key(brief, &why, in_the_file(has_usual), &make(has_usual), Some(&file_line()))
        }
        _ => {
            let commands = [make(has_usual), vec![name_usual(by)]].concat();
            // Git cannot sign with a file that does not exist, either.
            if let KeyError::Absent(_) = error {
                return no_key(brief, &why, "Create it, or name another", &commands, None);
            }
            let act = if has_usual { "Name the other that you have" } else { "Make another, and name it" };
            let aside = format!("(or, to go on signing with this one in git: {})", file_line());
            no_key(brief, &why, act, &commands, Some(&aside))
        }
    }
}

/// The text of each: why, then what to do, then commands that can be pasted unchanged.
fn no_key(brief: String, why: &str, act: &str, commands: &[String], aside: Option<&str>) -> NoKey {
    let commands: String = commands.iter().map(|command| format!("\n  {command}")).collect();
    let aside = aside.map(|aside| format!("\n{aside}")).unwrap_or_default();
    NoKey { brief, text: format!("{why} {act}:{commands}{aside}"), is_named: true }
}

fn make(has_usual: bool) -> Vec<String> {
    if has_usual { Vec::new() } else { vec![format!("ssh-keygen -t ed25519 -f ~/{USUAL}")] }
}

fn name_usual(by: NamedBy) -> String {
    format!("git config {}user.signingkey ~/{USUAL}.pub", scope(by))
}

fn ssh_format(by: NamedBy) -> String {
    format!("git config {}gpg.format ssh", scope(by))
}

/// Where a setting of git is written so that it prevails.
fn scope(by: NamedBy) -> &'static str {
    if by == NamedBy::GitHere { "" } else { "--global " }
}

fn in_the_file(has_usual: bool) -> &'static str {
    if has_usual { "Name the one you have" } else { "Make one, and name it" }
}

fn file_line() -> String {
    let file = directory().join("config.toml");
    format!("signing_key = \"~/{USUAL}.pub\" in {}", visible::line(file.as_os_str().as_encoded_bytes()))
}

/// A path as an argument of a shell, which expands `~/`.
fn pasteable(path: &str) -> String {
    path.strip_prefix("~/").map_or_else(|| shell_word(path), |rest| format!("~/{}", shell_word(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_is_changed_is_the_one_that_prevails() {
        let error =
            KeyError::Unusable("The signing key ~/id_rsa.pub is of type ssh-rsa, which signs no records.".into());
        let of = |by, has_usual| unusable("~/id_rsa.pub", &error, by, has_usual, false).text;
        let everywhere = of(NamedBy::Git, false);
        assert!(everywhere.contains("\n  ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519\n"), "{everywhere}");
        assert!(everywhere.contains("\n  git config --global user.signingkey ~/.ssh/id_ed25519.pub\n"), "{everywhere}");
        assert!(of(NamedBy::GitHere, false).contains("\n  git config user.signingkey ~/.ssh/id_ed25519.pub\n"));
        let own = of(NamedBy::ConfigFile, true);
        assert!(!own.contains("git config") && !own.contains("ssh-keygen") && own.contains("config.toml"), "{own}");
    }

    #[test]
    fn each_trouble_of_a_key_has_its_own_commands() {
        let denied = KeyError::Denied("The signing key /k/my key cannot be read: Permission denied.".into());
        let told = unusable("/k/mykey", &denied, NamedBy::Git, true, false);
        assert!(told.text.ends_with("\n  chmod 600 /k/mykey") && told.brief == "mykey cannot sign", "{told:?}");
        let elsewhere = KeyError::NotInAgent("It is in no agent.".into());
        let literal = "ssh-ed25519 AAAAC3Nz dana";
        let told = unusable(literal, &elsewhere, NamedBy::Git, true, false);
        assert!(told.text.ends_with("\n  eval \"$(ssh-agent -s)\"\n  ssh-add"), "{told:?}");
        assert_eq!(told.brief, "the named key cannot sign");
        assert!(!unusable(literal, &elsewhere, NamedBy::Git, true, true).text.contains("eval"));
        let gone = KeyError::NoAgent("The ssh-agent at /tmp/s does not answer.".into());
        let told = unusable(literal, &gone, NamedBy::Git, true, true).text;
        assert!(told.contains("eval") && !told.contains("ssh-keygen"), "the key is good, its agent is not: {told}");
        let absent = KeyError::Absent("The signing key /k/id.pub does not exist.".into());
        let told = unusable("/k/id.pub", &absent, NamedBy::GitHere, true, false).text;
        assert!(told.ends_with("\n  git config user.signingkey ~/.ssh/id_ed25519.pub"), "git cannot use it: {told}");
        let first = none(false).text;
        let (before, in_git) = first.split_once("\nor, if git").unwrap();
        assert!(before.contains("config.toml") && !before.contains("git config"), "OpenPGP in git stays: {first}");
        assert!(in_git.ends_with("\n  git config --global user.signingkey ~/.ssh/id_ed25519.pub"), "{first}");
        let gpg = of_another_format("3AA5C34371567BD2", NamedBy::Git, false).text;
        assert!(gpg.contains("3AA5C34371567BD2") && !gpg.contains("git config"), "git goes on with OpenPGP: {gpg}");
        let ssh = of_another_format("~/.ssh/id_ed25519.pub", NamedBy::GitHere, true).text;
        assert!(ssh.ends_with("\n  git config gpg.format ssh"), "{ssh}");
    }

    #[test]
    fn no_name_reaches_the_terminal_as_it_is() {
        let hostile = "/k/\u{1b}[2Jid";
        let denied = KeyError::Denied(format!("The signing key {hostile} cannot be read."));
        let told = unusable(hostile, &denied, NamedBy::GitHere, false, false);
        assert!(!told.brief.contains('\u{1b}'));
        assert!(!of_another_format(hostile, NamedBy::GitHere, false).text.contains('\u{1b}'));
        assert!(!told.text.contains('\u{1b}'), "{told:?}");
    }
}
