//! What may be requested for a target at all: a command that an entry of the policy allows, or one whose arguments hide
//! no code and name no unbound file.

use super::outcome::Code;
use crate::change::visible;
use crate::policy::{CommandEntry, Target};

/// The relation of a command to the policy, before anybody is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admissible<'t> {
    /// An entry allows it, argument by argument.
    Entry(&'t CommandEntry),
    /// No entry allows it: it may be requested, and counts as destructive.
    Unlisted,
    /// It may not be requested.
    No(Code, String),
}

/// Looks a command up, given its inputs by role and path.
pub fn admissible<'t>(target: &'t Target, argv: &[String], inputs: &[(&str, &str)]) -> Admissible<'t> {
    if let Some(entry) = target.entry(argv, inputs) {
        return Admissible::Entry(entry);
    }
    let Some((program, arguments)) = argv.split_first() else {
        return Admissible::No(Code::Argv, "There is no command.".to_owned());
    };
    match code_in(program, arguments).or_else(|| foreign_path(arguments, inputs)) {
        Some(why) => Admissible::No(Code::Argv, why),
        None => Admissible::Unlisted,
    }
}

/// Programs that take code as an argument, with the options that precede it. This list is not a security boundary: what
/// matches no entry is destructive, whatever its name. It only stops what nobody could read.
const INTERPRETERS: [(&str, &[&str]); 34] = [
    ("sh", &["c"]),
    ("bash", &["c"]),
    ("dash", &["c"]),
    ("ash", &["c"]),
    ("zsh", &["c"]),
    ("ksh", &["c"]),
    ("fish", &["c"]),
    ("pwsh", &["c", "command", "e", "ec", "encodedcommand"]),
    ("powershell", &["c", "command", "e", "ec", "encodedcommand"]),
    ("python", &["c"]),
    ("pypy", &["c"]),
    ("perl", &["e", "E"]),
    ("ruby", &["e"]),
    ("node", &["e", "eval", "p", "print"]),
    ("nodejs", &["e", "eval", "p", "print"]),
    ("bun", &["e", "eval", "p", "print"]),
    ("deno", &["eval"]),
    ("php", &["r", "B", "R", "E"]),
    ("lua", &["e"]),
    ("Rscript", &["e"]),
    ("osascript", &["e"]),
    ("psql", &["c", "command"]),
    ("mysql", &["e", "execute", "init-command"]),
    ("mariadb", &["e", "execute", "init-command"]),
    ("mongosh", &["eval"]),
    ("mongo", &["eval"]),
    ("sed", &["e", "expression"]),
    ("emacs", &["eval", "execute"]),
    ("vim", &["c", "cmd"]),
    ("nvim", &["c", "cmd"]),
    ("make", &["eval"]),
    ("ansible", &["a", "args", "m"]),
    ("git", &["c", "config-env", "exec-path"]),
    ("find", &["exec", "execdir", "ok", "okdir"]),
];

/// Programs whose arguments are another command, or code that no option precedes.
const RUNNERS: [&str; 26] = [
    "env", "sudo", "doas", "su", "runuser", "setpriv", "xargs", "nohup", "timeout", "nice", "ionice", "setsid",
    "stdbuf", "script", "watch", "parallel", "busybox", "awk", "gawk", "mawk", "nawk", "ssh", "eval", "chroot",
    "unshare", "flock",
];

/// Why a command is refused unless an entry of the policy allows it, if it is: it hides code in its arguments.
pub fn hides_code(argv: &[String]) -> Option<String> {
    let (program, arguments) = argv.split_first()?;
    code_in(program, arguments)
}

/// Why a command with code in an argument is refused.
fn code_in(program: &str, arguments: &[String]) -> Option<String> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if RUNNERS.contains(&plain) {
        return Some(format!(
            "{} runs what its arguments say. Ask for that program itself, with its input as a file.",
            visible::text(name)
        ));
    }
    let (_, options) = INTERPRETERS.iter().find(|(known, _)| *known == plain)?;
    let found = arguments.iter().take_while(|argument| *argument != "--").find(|own| is_option(own, options))?;
    Some(format!(
        "{} takes code after {}, where nobody reads it as a file. Put it into a file, and ask with --input.",
        visible::text(name),
        visible::text(found)
    ))
}

/// Whether an argument is one of these options: `--eval`, `--eval=…`, `-eval`, or the letter in a bundle such as `-xc`.
fn is_option(argument: &str, options: &[&str]) -> bool {
    let Some(rest) = argument.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
        return options.contains(&argument) && argument.len() > 1;
    };
    let long = rest.trim_start_matches('-').split('=').next().unwrap_or_default();
    let is_long = |option: &&str| option.len() > 1 && option.eq_ignore_ascii_case(long);
    let letters = |option: &&str| option.len() == 1 && !rest.starts_with('-') && rest.contains(*option);
    options.iter().any(|option| is_long(option) || letters(option))
}

/// Why a command that names a file which is not an input is refused: nobody has bound the content that it will have at
/// the run.
fn foreign_path(arguments: &[String], inputs: &[(&str, &str)]) -> Option<String> {
    let is_input = |text: &str| inputs.iter().any(|(_, path)| *path == text);
    let found = arguments.iter().find(|argument| paths(argument).any(|path| !is_input(path)))?;
    Some(format!(
        "The argument {} names a file that is not an input, so its content is not fixed. Pass it with --input.",
        visible::text(found)
    ))
}

/// The parts of an argument that may be the path of a file outside of the working directory: `/a`, `~/a`, `../a`, and
/// the same after `=`, `@`, `:`, `,` or the letters of a bundle of options.
fn paths(argument: &str) -> impl Iterator<Item = &str> {
    let is_path = |text: &&str| {
        let has_host = text.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        let is_url = has_host && is_after_scheme(&argument[..argument.len() - text.len()]);
        let climbs = *text == ".." || text.starts_with("../") || text.contains("/../") || text.ends_with("/..");
        (text.starts_with(['/', '~']) && !is_url) || climbs
    };
    parts(argument).filter(is_path)
}

/// The parts of an argument that name something in the working directory, if it is there: the argument, and what stands
/// after `=`, `@`, `:`, `,` or the letters of a bundle of options.
pub fn local_names(argument: &str) -> impl Iterator<Item = &str> {
    parts(argument).filter(|part| !part.is_empty() && !part.starts_with(['/', '~']))
}

fn parts(argument: &str) -> impl Iterator<Item = &str> {
    let starts = argument.match_indices(['=', '@', ':', ',']).map(|(at, _)| &argument[at + 1..]);
    std::iter::once(argument).chain(starts).chain(after_letters(argument))
}

/// What stands after each letter of an argument such as `-xf/a`, which may be a bundle of options and the value of the
/// last. A slash is not an option, so that the value begins there at the latest.
fn after_letters(argument: &str) -> impl Iterator<Item = &str> {
    let bundle = argument.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
    let last = bundle.find('/').unwrap_or(bundle.len());
    bundle.char_indices().map(|(at, _)| at).filter(move |at| *at > 0 && *at <= last).map(|at| &bundle[at..])
}

/// Schemes of addresses that name a file here, also behind another one, as in `git+file:`.
const LOCAL_SCHEMES: [&str; 5] = ["file", "unix", "sqlite", "sqlite3", "local"];

/// Whether a text ends in the scheme of an address on another host, such as `https:`.
fn is_after_scheme(text: &str) -> bool {
    let Some(rest) = text.strip_suffix(':') else { return false };
    let start =
        rest.rfind(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.')).map_or(0, |at| at + 1);
    let scheme = rest[start..].trim_start_matches('-');
    let is_local = |part: &str| LOCAL_SCHEMES.iter().any(|local| part.eq_ignore_ascii_case(local));
    !scheme.is_empty() && !scheme.split(['+', '-', '.']).any(is_local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn said(line: &str, inputs: &[(&str, &str)]) -> String {
        let policy = Policy::parse("policy.toml", include_str!("../../assets/policy.toml")).unwrap();
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        match admissible(policy.target("shop-prod").unwrap(), &argv, inputs) {
            Admissible::Entry(entry) => entry.name.clone(),
            Admissible::Unlisted => "unlisted".to_owned(),
            Admissible::No(code, _) => code.to_string(),
        }
    }

    #[test]
    fn code_in_an_argument_is_refused_however_the_interpreter_is_called() {
        for line in [
            "/bin/sh -c x",
            "/bin/bash -xc x",
            "/usr/bin/python3.12 -c x",
            "/usr/bin/perl -ne x",
            "/usr/bin/node --eval=x",
            "/usr/bin/psql -c x",
            "/usr/bin/psql --command=x",
            "/usr/bin/awk x",
            "/usr/bin/env sh",
            "/usr/bin/sudo x",
            "/usr/bin/xargs rm",
            "/usr/bin/deno eval x",
            "/usr/bin/git -c alias.x=!sh x",
            "/usr/bin/find . -exec x",
            "/usr/bin/ssh host x",
            "/opt/pwsh -EncodedCommand x",
        ] {
            assert_eq!(said(line, &[]), "ARGV", "{line}");
        }
        for line in
            ["/usr/bin/kubectl delete pod web", "/usr/bin/terraform apply", "/usr/bin/psql -X -l", "/usr/bin/bash"]
        {
            assert_eq!(said(line, &[]), "unlisted", "{line}");
        }
    }

    #[test]
    fn a_file_that_is_no_input_is_refused_however_it_is_written() {
        let inputs = [("sql", "/run/in/sql")];
        for argument in [
            "//etc/x",
            "-f//etc/x",
            "--f=//etc/x",
            "file:///etc/x",
            ":///etc/x",
            "/etc/x",
            "-f/etc/x",
            "--file=/etc/x",
            "@/etc/x",
            "~/x",
            "../x",
            "a/../../x",
            "..",
            "x:/y",
            "a=b,/c",
            "-sf/etc/x",
            "-qXf/etc/x",
            "-é/etc/x",
            "-rf../x",
            "-xf~/x",
            "git+file:///etc/x",
            "git+file://etc/x",
            "sqlite:///etc/x",
            "https:///etc/x",
            "-xhttps:///etc/x",
            "unix:///etc/x",
            "unix://etc/x",
        ] {
            assert_eq!(said(&format!("/usr/bin/tool {argument}"), &inputs), "ARGV", "{argument}");
        }
        for argument in [
            "/run/in/sql",
            "--file=/run/in/sql",
            "-f/run/in/sql",
            "-Xf/run/in/sql",
            "deployment/web",
            "https://x.example/y",
            "a..b",
        ] {
            assert_eq!(said(&format!("/usr/bin/tool {argument}"), &inputs), "unlisted", "{argument}");
        }
    }

    #[test]
    fn what_an_entry_says_word_for_word_is_the_policys_own() {
        assert_eq!(said("/usr/bin/kubectl get pods -n shop", &[]), "pods");
        assert_eq!(said("/usr/bin/psql -X -v ON_ERROR_STOP=1 -f /run/in/sql", &[("sql", "/run/in/sql")]), "migrate");
        assert_eq!(said("/usr/bin/psql -X -v ON_ERROR_STOP=1 -f /etc/x", &[("sql", "/run/in/sql")]), "ARGV");
    }
}
