//! Command lines that the hook of agents stops or lets pass, as tables, and compared with what a shell really runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use undersign::agents::{Judgement, ProductionRules};

fn shipped() -> ProductionRules {
    ProductionRules::with(None).unwrap()
}

/// The lines of a table, each with the heading above it.
fn table(text: &str) -> Vec<(&str, String)> {
    let mut heading = "";
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        match line.strip_prefix("## ") {
            Some(own) => heading = own,
            None => lines.push((heading, line.replace("\\N", "\n"))),
        }
    }
    assert!(lines.len() > 30, "the table is not read");
    lines
}

/// The lines that are not judged as the table says.
fn misjudged(text: &str, rules: &ProductionRules, stops: bool) -> Vec<String> {
    let is_wrong = |line: &str| (rules.judge_line(line) != Judgement::Elsewhere) != stops;
    let wrong = table(text).into_iter().filter(|(_, line)| is_wrong(line));
    wrong.map(|(heading, line)| format!("{heading}: {line}")).collect()
}

#[test]
fn what_reaches_production_is_stopped_whatever_it_is_hidden_behind() {
    let wrong = misjudged(include_str!("agents/stop.txt"), &shipped(), true);
    assert!(wrong.is_empty(), "passes:\n{}", wrong.join("\n"));
}

#[test]
fn what_an_agent_does_all_day_passes() {
    let wrong = misjudged(include_str!("agents/pass.txt"), &shipped(), false);
    assert!(wrong.is_empty(), "is stopped:\n{}", wrong.join("\n"));
}

#[test]
fn a_marker_is_production_in_every_command_that_does_more_than_speak() {
    let own = include_str!("agents/marked.toml");
    let rules = ProductionRules::with(Some(("hook.toml", own))).unwrap();
    let wrong = misjudged(include_str!("agents/marked.txt"), &rules, true);
    assert!(wrong.is_empty(), "passes:\n{}", wrong.join("\n"));
    for line in ["echo shop-prod.example.com", "grep -r shop-prod.example.com .", "git commit -m 'Name SHOPPROD'", "ls"]
    {
        assert_eq!(rules.judge_line(line), Judgement::Elsewhere, "{line}");
    }
}

#[test]
fn where_nothing_says_where_a_client_goes_the_variables_of_the_hook_do() {
    let variables = |host: &str| [("PGHOST".to_owned(), host.to_owned())].into_iter();
    for (host, stops) in [("db.prod", true), ("localhost", false)] {
        let rules = shipped().within(variables(host));
        assert_eq!(rules.judge_line("psql -c 'drop table x'") != Judgement::Elsewhere, stops, "{host}");
    }
}

/// A wrapper of the rules, as the rule file says it.
struct Wrapper(toml::Table);

impl Wrapper {
    fn all() -> Vec<Wrapper> {
        let rules: toml::Table = include_str!("../../assets/production.toml").parse().unwrap();
        let wrappers = rules["wrapper"].as_array().unwrap();
        wrappers.iter().map(|own| Wrapper(own.as_table().unwrap().clone())).collect()
    }

    fn texts(&self, key: &str) -> Vec<&str> {
        self.0.get(key).and_then(|own| own.as_array()).into_iter().flatten().filter_map(|own| own.as_str()).collect()
    }

    fn count(&self, key: &str) -> usize {
        self.0.get(key).and_then(|own| own.as_integer()).map_or(0, |own| usize::try_from(own).unwrap())
    }

    fn is(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The words before the program, in each form that the rule has: with the options and arguments that it may have.
    fn beginnings(&self, phrase: &str) -> Vec<String> {
        let words: Vec<&str> = phrase.split_whitespace().filter(|word| !word.starts_with('!')).collect();
        let value = |word: &str| match word {
            _ if word.starts_with("--") => "=x",
            _ if word.starts_with('-') => "x",
            _ => "",
        };
        let words: Vec<String> =
            words.iter().map(|word| word.replace("[a-z]", "i").replace('*', value(word))).collect();
        let mut all = Vec::new();
        // What no table knows may have a value, wherever another word of the phrase follows.
        for at in 1..words.iter().rposition(|word| !word.starts_with('-')).unwrap_or(0) + 1 {
            for option in ["--unheard-of", "--unheard-of echo", "-Z exec"] {
                let (before, behind) = words.split_at(at);
                all.push(format!("{} {option} {}", before.join(" "), behind.join(" ")));
            }
        }
        let own = words.join(" ");
        let values = ["x", "echo"];
        let valued = self.texts("valued");
        let pairs = valued
            .iter()
            .flat_map(|option| values.iter().map(|value| format!("{own} {option} {value}")).collect::<Vec<_>>());
        all.extend(pairs);
        all.extend(valued.iter().filter(|option| option.len() == 2).map(|option| format!("{own} {option}root")));
        all.push(own);
        all
    }

    /// Every call of a program, as a whole line.
    fn calls(&self, program: &str) -> Vec<String> {
        let mut all = Vec::new();
        for beginning in self.texts("runs").iter().flat_map(|phrase| self.beginnings(phrase)) {
            let key = if self.is("settings") { "alias.x=!" } else { "" };
            for option in self.texts("lines") {
                all.push(format!("{beginning} {option} '{key}{program}'"));
                all.extend(option.starts_with("--").then(|| format!("{beginning} {option}='{key}{program}'")));
            }
            all.extend(self.texts("after").iter().map(|word| format!("{beginning} {word} {program} ;")));
            if self.is("lines_only") || self.is("after") {
                continue;
            }
            let skipped = self.count("skip") + usize::from(self.is("image"));
            for more in 0..=self.count("may_skip") {
                let arguments = "a ".repeat(skipped + more);
                all.push(format!("{beginning} {arguments}{program}"));
                all.extend(self.is("prefixed").then(|| format!("{beginning} {arguments}prod:{program}")));
                all.extend(self.is("dashes").then(|| format!("{beginning} {arguments}-- {program}")));
                all.extend((self.is("dashes") && more > 0).then(|| format!("{beginning} {program} -- a")));
            }
        }
        all
    }
}

#[test]
fn no_wrapper_hides_a_program_whatever_options_and_arguments_stand_before_it() {
    let rules = shipped();
    let judged = |line: &String| rules.judge_line(line) != Judgement::Elsewhere;
    let lines = |program: &str| Wrapper::all().iter().flat_map(|own| own.calls(program)).collect::<Vec<_>>();
    let (calls, twins) = (lines("kubectl delete ns shop"), lines("kubectl get ns shop"));
    assert!(calls.len() > 3_000, "only {}", calls.len());
    let passes: Vec<_> = calls.into_iter().filter(|line| !judged(line)).collect();
    assert!(passes.is_empty(), "{} pass:\n{}", passes.len(), passes.join("\n"));
    let stopped: Vec<_> = twins.into_iter().step_by(9).filter(judged).collect();
    assert!(stopped.is_empty(), "{} are stopped:\n{}", stopped.len(), stopped.join("\n"));
}

#[test]
fn an_option_that_is_not_known_hides_no_verb() {
    let rules = shipped();
    for line in
        ["kubectl --unheard-of get delete ns x", "helm --keep-history list uninstall x", "pulumi --new preview up"]
    {
        assert_ne!(rules.judge_line(line), Judgement::Elsewhere, "{line}");
    }
    for line in ["kubectl get ns --unheard-of x", "helm list --keep-history", "pulumi preview --new up"] {
        assert_eq!(rules.judge_line(line), Judgement::Elsewhere, "{line}");
    }
}

/// Text that confuses parsers of shells, and runs nothing.
const NOISE: &[&str] = &[
    r#"echo "it's""#,
    r#"echo 'a"b'"#,
    r"echo a\'b",
    r#"echo "a\"b""#,
    r#"echo ${x:-"}"}"#,
    "echo ${x:-'}'}",
    r#"echo "${x:-'}""#,
    r#"echo `echo "a"`"#,
    r#"echo `echo \"`"#,
    r#"echo $(echo ")")"#,
    "echo $(echo ')')",
    "echo $((1+2))",
    "echo $((1<<2))",
    r#"echo "$(echo "b")""#,
    r#"echo "$(echo 'b)')""#,
    "echo ${#x}",
    "echo $#",
    "echo a#b",
    "true # it's",
    "true # \"",
    "true # `",
    "true # $(",
    "true # \\",
    "cat <<E\nit's\nE\n",
    "cat <<'E'\n`\nE\n",
    "cat <<E\na \"b\nE\n",
    "cat <<-E\n\tx\n\tE\n",
    "cat <<\"E\" | cat\n$(\nE\n",
    "cat <<E; echo y\n)\nE\n",
    "echo \"$(cat <<E\nx'y\nE\n)\"",
    "echo \"$(cat <<E\na)b\nE\n)\"",
    "x=(1 2 \"a b\")",
    r#"x=( ")" )"#,
    "[[ a < b ]]",
    r#"[[ "a(" =~ \( ]]"#,
    "[[ a =~ ^(a|b)$ ]]",
    "(( 1 > 0 ))",
    r#"case "a)" in a) ;; "a)") echo z;; esac"#,
    r#"f() { echo "}"; }"#,
    "echo {a,b}",
    r#"echo "\\""#,
    r"echo '\'",
    r#"echo "\`""#,
    r#"echo "$(echo \")")""#,
    r#"echo "`echo '`'`""#,
    r#"echo "${x//\"/}""#,
    r#"echo "${x%\}}""#,
    r"echo ${x/\//}",
    r#"let "x=1<<3""#,
    "echo $[1<<2]",
    r#"cat <<<"it's""#,
    r"cat <<<it\'s",
    r#"echo "!$""#,
    "echo \"a\nb\"",
    r#"{ echo "}"; }"#,
    r#"if [ "a" = ")" ]; then echo; fi"#,
    r#"for i in "$(echo ")")"; do echo $i; done"#,
    r#"echo <(echo "(")"#,
    r#"echo $"x'y""#,
    r"echo '$('",
    r#"echo "\$(""#,
    r"echo `echo \`echo a\``",
    "time echo '#'",
    "echo x >&2 #'",
    r#"echo ">(" "<<E""#,
    "cat <<\\E\n$('\nE\n",
    "cat <<E\"F\"\n'\nEF\n",
    "cat <<E\n\\$(\nE\n",
    "cat <<E\n$(echo \"a)\" ')')\nE\n",
    r#"echo ${x:=$(echo "}")}"#,
    r#"echo "${x:+"a'b"}""#,
    "export X=\"a;b\" Y='#'",
    r#"echo "a" # b " c"#,
    r#"printf "%s\n" "'""#,
    "echo a\\\n#b '' ",
    r##"echo "#"'#' #'"##,
    r#"echo "$'"; echo "it's""#,
    r"echo $'it\'s'",
    r"echo $'\''",
    "echo a\\\nb",
    r#"echo "cost 5$'s""#,
    "echo $'a\\\\'",
    r#"echo "${x#'}'}""#,
    "echo $(case a in a) echo b;; esac)",
    "[[ -n a && ( b == b ) ]]",
    "y=$(cat <<'E'\n1) it's\nE\n)",
];
/// Ways to run it.
const RUNS: &[&str] = &[
    "kubectl delete ns shop",
    "( kubectl delete ns shop )",
    "{ kubectl delete ns shop; }",
    "echo $(kubectl delete ns shop)",
    "echo \"$(kubectl delete ns shop)\"",
    "echo `kubectl delete ns shop`",
    "if true; then kubectl delete ns shop; fi",
    "X=1 kubectl delete ns shop",
    "echo ${y:-$(kubectl delete ns shop)}",
    "echo \"a${y:-`kubectl delete ns shop`}\"",
    "cat <(kubectl delete ns shop)",
    "cat <<Q\n$(kubectl delete ns shop)\nQ\n",
    "bash -c \"kubectl delete ns shop\"",
    "bash <<'Q'\nkubectl delete ns shop\nQ\n",
    "while kubectl delete ns shop; do break; done",
    "case $(kubectl delete ns shop) in *) ;; esac",
    "x=$(kubectl delete ns shop)",
    "x=(\"$(kubectl delete ns shop)\")",
    "[[ -n $(kubectl delete ns shop) ]]",
    "echo $(( $(kubectl delete ns shop) + 1 ))",
    "f() { kubectl delete ns shop; }; f",
    "! kubectl delete ns shop",
    "cat <<< \"$(kubectl delete ns shop)\"",
    "> $(kubectl delete ns shop)x true",
    "echo \"${z:-\"$(kubectl delete ns shop)\"}\"",
    "export Z=\"$(kubectl delete ns shop)\"",
    "function g { kubectl delete ns shop; }; g",
    "time -p kubectl delete ns shop",
    "echo $[ $(kubectl delete ns shop) ]",
    "coproc kubectl delete ns shop; wait",
    "until ! kubectl delete ns shop; do :; done",
    "for ((i=0;i<1;i++)); do kubectl delete ns shop; done",
    "for i in $(kubectl delete ns shop); do :; done",
    "x[$(kubectl delete ns shop)]=1",
    "cat 3< <(kubectl delete ns shop)",
    "kubectl delete ns shop 2>&1 >/dev/null",
    "eval kubectl delete ns shop",
    "cat <<Q | bash\nkubectl delete ns shop\nQ\n",
    "true && {\nkubectl delete ns shop\n}",
    "exec 5>&1; kubectl delete ns shop >&5",
    "K=kubectl; $K delete ns shop",
    "C='kubectl delete ns shop'; $C",
    "C='kubectl delete ns shop'; eval \"$C\"",
    "C='kubectl delete ns shop'; bash -c \"$C\"",
    "echo 'kubectl delete ns shop' | sh",
    "echo 'kubectl delete ns shop' | env bash",
    "bash <(echo kubectl delete ns shop)",
    "echo kubectl delete ns shop | xargs env",
    "echo 'kubectl delete ns shop' | while read -r l; do $l; done",
    "sh -c '\"$@\"' _ kubectl delete ns shop",
    "bash -c -- 'kubectl delete ns shop'",
    "kubectl\\\n delete ns shop",
    "kube\"\"ctl delete ns shop",
    "$'kubectl' delete ns shop",
    "case a in a) kubectl delete ns shop;; esac",
    "echo $(case a in a) kubectl delete ns shop;; esac)",
    "g() { \"$@\"; }; g kubectl delete ns shop",
    "set -- kubectl delete ns shop; \"$@\"",
    "trap 'kubectl delete ns shop' EXIT",
    "( bash ) <<'Q'\nkubectl delete ns shop\nQ\n",
    "find . -maxdepth 0 -exec kubectl delete ns {} \\;",
    "nohup kubectl delete ns shop",
    "{kubectl,delete,ns,shop}",
];

/// The pieces with joints between them: none after a here document or a comment, which ends its line.
fn joined(pieces: &[&str], joints: &[&str]) -> String {
    let mut line = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        let joint = joints[at % joints.len()];
        let is_last = piece.ends_with('\n');
        line.push_str(piece);
        line.push_str(if is_last {
            ""
        } else if piece.contains('#') {
            "\n"
        } else {
            joint
        });
    }
    line
}

/// Whether a shell really runs it. What a line leaves in the background may outlive it, and leaves a mark of its own.
fn runs(folder: &Path, line: &str) -> bool {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let mark = folder.join(format!("ran-{}", CALLS.fetch_add(1, Ordering::Relaxed)));
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let mut shell = Command::new("bash");
    shell.args(["-c", line]).current_dir(folder.join("work")).env_clear().env("PATH", path).env("RAN", &mark);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let is_run = shell.status().is_ok() && mark.exists();
    let _ = std::fs::remove_file(&mark);
    is_run
}

fn stub(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("kubectl");
    std::fs::write(&program, "#!/bin/sh\n: > \"$RAN\"\nexit 1\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(folder.join("work")).unwrap();
}

/// What the hook lets pass, a shell does not run. The stub proves that it would.
#[test]
fn no_line_passes_that_a_shell_takes_for_a_run_of_production() {
    let (folder, rules) = (tempfile::tempdir().unwrap(), shipped());
    stub(folder.path());
    let real = RUNS.iter().filter(|own| runs(folder.path(), own)).count();
    assert!(real * 10 >= RUNS.len() * 9, "of {} only {real} run", RUNS.len());
    let is_stress = std::env::var_os("UNDERSIGN_STRESS").is_some();
    let cases = if is_stress { 20_000 } else { 600 };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let noise = || prop::collection::vec(prop::sample::select(NOISE), 0..4);
    let own = prop::option::weighted(0.8, prop::sample::select(RUNS));
    let joints =
        prop::collection::vec(prop::sample::select(&["; ", " && ", "\n", " || true; ", " | cat; ", "& "][..]), 1..6);
    let lines = (noise(), own, noise(), joints);
    let outcome = runner.run(&lines, |(before, own, after, joints)| {
        let pieces: Vec<&str> = before.into_iter().chain(own).chain(after).collect();
        let line = joined(&pieces, &joints);
        let passes = rules.judge_line(&line) == Judgement::Elsewhere;
        prop_assert!(!passes || !line.contains("delete") || !runs(folder.path(), &line), "{}", line);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
