//! What a finding is at most where its file is a test, an example or a text: nothing there runs in production.

use super::blast::{INFRASTRUCTURE, extension, is_sample, is_test};
use super::{Finding, Rules, Severity, is_source};

/// Rules about tests, agents, owners, checks and dependencies are about such files themselves.
const OWN: &[&str] =
    &["agent.", "ci.", "dep.", "merge.", "mode.", "path.", "scope.", "test.", "uni.bidi", "uni.confusable"];

/// A finding of a rule of these, at most medium in such a file. A secret is one in documentation, too.
pub(super) fn weigh(finding: Finding, rules: &Rules) -> Finding {
    let path = finding.location.path.lossy();
    let is_about_it = OWN.iter().any(|start| finding.rule.starts_with(start));
    let name = path.rsplit('/').next().unwrap_or(&path);
    // Agents follow what people do not see in their instructions, wherever these lie.
    let is_followed = || is_of_signs(&finding.rule) && rules.steers_agents(&path);
    let how = if finding.severity <= Severity::Medium || is_about_it || is_followed() {
        return finding;
    } else if is_test(&path) || is_in_tests(&path) || is_of_keys(&finding.rule) && is_below_tests(&path) {
        "it is in a test"
    } else if is_of_signs(&finding.rule) && (!is_run(&path) || is_of_translations(&path)) {
        "it is in a text"
    } else if is_of_signs(&finding.rule) {
        return finding;
    } else if is_of_others(&path) && !finding.rule.starts_with("uni.") {
        "it is a copy of what others wrote"
    } else if is_of_translations(&path) && !is_source(&path) && !is_of_terraform(&path) {
        "it is in a text"
    } else if finding.rule.starts_with("secret.") {
        return finding;
    } else if is_sample(&path) && !is_of_network(&finding.rule)
        || name.starts_with("README") && !is_source(&path) && !is_of_terraform(&path)
        || name.ends_with(".example")
        || name.starts_with(".env.example")
    {
        "it is in an example or a text"
    } else {
        return finding;
    };
    Finding { title: format!("{}; {how}", finding.title), severity: Severity::Medium, ..finding }
}

/// Whether a folder has the name of tests at its end: `reg-tests`.
fn is_in_tests(path: &str) -> bool {
    const FOLDERS: &[&str] = &["testing_support", "cassettes", "vcr_cassettes"];
    // What makes a program's objects has that name, too.
    const OF_FACTORIES: &[&str] = &["spec", "test", "tests", "database"];
    let is_one =
        |part: &str| FOLDERS.contains(&part) || ["-tests", "_tests", "-test"].iter().any(|end| part.ends_with(end));
    let is_of_factories = |pair: &[&str]| pair[1] == "factories" && OF_FACTORIES.contains(&pair[0]);
    let Some((folders, _)) = path.rsplit_once('/') else { return false };
    let folders: Vec<&str> = folders.split('/').collect();
    folders.iter().any(|part| is_one(part)) || folders.windows(2).any(is_of_factories)
}

/// Whether Terraform or OpenTofu reads it, for which a name such as `README.tf` and a folder such as `locales` are like
/// any other.
fn is_of_terraform(path: &str) -> bool {
    ["tf", "tofu", "tfvars", "hcl"].contains(&extension(path))
}

/// Rules about keys, which a test has for itself. Whatever else is in such a folder may be run: a pipeline is found by
/// its place, wherever it lies.
fn is_of_keys(rule: &str) -> bool {
    matches!(rule, "secret.key" | "secret.generic")
}

fn is_below_tests(path: &str) -> bool {
    const FOLDERS: &[&str] = &["test", "tests", "testdata", "fixtures", "__fixtures__", "e2e", "pact", "pacts"];
    path.rsplit_once('/').is_some_and(|(folders, _)| folders.split('/').any(|part| FOLDERS.contains(&part)))
}

/// Whether a path lies where tools put copies of what others wrote, which is reviewed there.
fn is_of_others(path: &str) -> bool {
    const FOLDERS: &[&str] = &["vendor", "third_party", "third-party", "node_modules"];
    path.split('/').any(|part| FOLDERS.contains(&part))
}

/// Rules about names and filters, whose files end in whatever their owner chose, or in `example` where a zone does.
fn is_of_network(rule: &str) -> bool {
    ["dns.", "net."].iter().any(|start| rule.starts_with(start))
}

/// Rules about characters that do not show, which texts in many languages have.
fn is_of_signs(rule: &str) -> bool {
    matches!(rule, "uni.invisible" | "term.escape")
}

/// Whether a folder holds what a program says, in many languages.
fn is_of_translations(path: &str) -> bool {
    const FOLDERS: &[&str] = &["lang", "langs", "locale", "locales", "i18n", "l10n", "translations"];
    path.split('/').any(|part| FOLDERS.contains(&part))
}

/// Whether a program or a configuration is read from it.
fn is_run(path: &str) -> bool {
    const MORE: &[&str] = &["toml", "json", "ini", "cfg", "conf", "xml", "properties", "env", "mdc", "md"];
    let name = path.rsplit('/').next().unwrap_or(path);
    is_source(path)
        || INFRASTRUCTURE.contains(&extension(path))
        || MORE.contains(&extension(path))
        || !name.contains('.')
        || name.starts_with('.')
        || name.starts_with("Dockerfile")
}

#[cfg(test)]
mod tests {
    use crate::risk::Severity;
    use crate::risk::tests::findings;

    #[test]
    fn whatever_a_folder_or_a_file_is_called_what_is_run_by_its_place_keeps_its_finding() {
        let role = "resource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({\n    Statement = [{\n      Effect = \
                    \"Allow\"\n      Action = \"*\"\n      Resource = \"*\"\n    }]\n  })\n}\n";
        let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: a\n      image: a:1\n\
                   \x20     securityContext:\n        privileged: true\n";
        let grave = ["", "cypress/", "prod.Tests/", "mocks/", "locales/", "factories/", "playwright/", "i18n/"];
        let flagged = ["tests/", "test/", "fixtures/", "testdata/", "examples/", "e2e/", "sample/", "spec/"];
        for (folder, least) in
            grave.map(|own| (own, Severity::High)).into_iter().chain(flagged.map(|own| (own, Severity::Medium)))
        {
            for name in ["main.tf", "README.tf", "a.test.tf", "x_test.tf"] {
                let path = format!("infra/{folder}{name}");
                assert!(worst(&path, role) >= Some(least), "{path}");
            }
            let path = format!("k8s/{folder}pod.yaml");
            assert!(worst(&path, pod) >= Some(Severity::Medium), "{path}");
        }
    }

    fn worst(path: &str, new: &str) -> Option<Severity> {
        findings(&[(path, "", new)]).into_iter().map(|found| found.severity).max()
    }

    #[test]
    fn hidden_text_in_what_agents_and_builds_read_is_grave_whatever_the_file_is_called() {
        for path in [
            "AGENTS.md",
            "tests/AGENTS.md",
            "docs/.cursor/rules/a.mdc",
            ".cursorrules",
            "v1.2/Makefile",
            "Dockerfile.prod",
        ] {
            assert!(worst(path, "Build it\u{200b}\u{200b} as told.\n") >= Some(Severity::High), "{path}");
        }
    }

    #[test]
    fn a_deletion_of_a_home_or_of_data_is_grave_and_that_of_a_path_of_its_own_is_medium() {
        let lines = |line: &str| findings(&[("ci/clean.sh", "set -e\n", &format!("set -e\n{line}\n"))]);
        let worst = |line: &str| lines(line).into_iter().map(|found| found.severity).max();
        for line in ["rm -rf \"$HOME\"", "rm -rf /root/.ssh", "rm -rf \"$PGDATA\"", "rm -rf ./*"] {
            assert!(worst(line) >= Some(Severity::High), "{line}");
        }
        assert!(worst("rm -rf /tmp/build-cache") <= Some(Severity::Medium));
    }

    #[test]
    fn a_key_that_a_test_brings_along_is_medium_and_any_other_is_grave() {
        let key = "issuer:\n  key: |\n    -----BEGIN PRIVATE KEY-----\n    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC\n";
        assert_eq!(worst("test/oidc/config.yml", key), Some(Severity::Medium));
        assert_eq!(worst("deploy/oidc/config.yml", key), Some(Severity::Critical));
        assert_eq!(worst("deploy/latest/config.yml", key), Some(Severity::Critical));
    }

    #[test]
    fn a_danger_in_a_test_is_medium_and_in_a_program_grave() {
        let call = "import os\n\n\ndef f(name):\n    os.system(\"convert \" + name)\n";
        assert!(worst("app/convert.py", call) >= Some(Severity::High));
        assert!(worst("tests/test_convert.py", call) <= Some(Severity::Medium));
    }

    #[test]
    fn the_colours_of_a_recorded_log_are_medium_and_in_a_script_grave() {
        let line = "\u{1b}[31mfailed\u{1b}[0m\n";
        assert_eq!(worst("data/build.txt", line), Some(Severity::Medium));
        assert_eq!(worst("bin/build.sh", line), Some(Severity::High));
    }

    #[test]
    fn a_script_that_is_run_is_none_of_a_test_because_of_its_name() {
        let old = "#!/bin/sh\nset -e\necho deploys\n";
        let new = format!("{old}rm -rf \"$HOME\"\n");
        let worst = |path: &str| findings(&[(path, old, &new)]).into_iter().map(|found| found.severity).max();
        for path in ["bin/t/deploy.sh", "bin/x_test.sh", "ops/test_a.sh", "ci/tests/run.sh", "scripts/mocks/a.sh"] {
            assert!(worst(path) >= Some(Severity::High), "{path}");
        }
        for path in ["tests/bin/run.sh", "t/a.sh", "test/scripts/a.sh"] {
            assert!(worst(path) <= Some(Severity::Medium), "{path}");
        }
    }

    #[test]
    fn a_resource_is_taken_away_and_somebody_let_in_whatever_the_folder_is_called() {
        let database = "resource \"aws_db_instance\" \"main\" {\n  engine = \"postgres\"\n}\n";
        for folder in ["tests", "examples", "docs"] {
            let path = format!("infra/{folder}/main.tf");
            let found = findings(&[(&path, database, "locals {}\n")]);
            assert!(found.iter().any(|found| found.rule == "destr.resource-removed"), "{path}");
        }
        let policy = |who: &str| {
            format!(
                "data \"aws_iam_policy_document\" \"a\" {{\n  statement {{\n    principals {{\n\
                    \x20     identifiers = [{who}]\n    }}\n  }}\n}}\n"
            )
        };
        let (own, both) = (
            policy("\"arn:aws:iam::111111111111:root\""),
            policy("\"arn:aws:iam::111111111111:root\", \"arn:aws:iam::222222222222:root\""),
        );
        let found = findings(&[("infra/test/iam.tf", &own, &both)]);
        assert!(found.iter().any(|found| found.rule == "iam.widen"));
    }
}
