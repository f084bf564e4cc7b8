//! What the path of a file says of it.

use super::*;

#[test]
fn a_move_means_the_same_where_rules_checks_and_what_runs_it_take_it_so() {
    let is_one = |a: &str, b: &str| Rules::shipped().mean_the_same_by(&a.into(), &b.into());
    for (a, b) in [
        ("src/a.rs", "src/deep/a.rs"),
        ("lib/a.py", "lib/b.py"),
        ("envs/prod/main.tf", "envs/prod/network.tf"),
        ("config/app.yaml", "config/web/app.yaml"),
        ("vendor/a/x.py", "vendor/b/x.py"),
        ("docs/a.md", "docs/guide/a.md"),
        ("lib/a.py", "pkg/a.py"),
        ("web/utils/a.ts", "web/shared/a.ts"),
        ("src/d/a.py", "packages/core/src/d/a.py"),
        ("src/a.txt", "lib/src/a.txt"),
        ("p/m/a.py", "lib/m/a.py"),
        ("pkg/util/a.go", "lib/helpers/util/a.go"),
        ("core/core/a.rs", "core/a.rs"),
        ("data/x.py", "other/x.py"),
        ("services/cart/a.go", "services/shop/a.go"),
        ("plugins/a/x.py", "plugins/b/x.py"),
    ] {
        assert!(is_one(a, b) && is_one(b, a), "{a} {b}");
    }
    for (a, b) in [
        ("docs/ci/sample.yml", ".github/workflows/ci.yml"),
        (".github/workflows/off/ci.yml", ".github/workflows/ci.yml"),
        ("db/archive/1.sql", "db/migrations/1.sql"),
        ("envs/a/main.tf", "envs/b/main.tf"),
        ("vendor/acme/boot.py", "src/boot.py"),
        ("auth/old.mod", "auth/go.mod"),
        ("a/x.json", "a/package.json"),
        ("tests/a.py", "src/a.py"),
        ("src/a.txt", "src/a.py"),
        (".claude/notes/a.md", ".claude/commands/a.md"),
        ("lib/a.py", "auth/a.py"),
        ("lib/a.py", "dags/a.py"),
        ("lib/a.js", "pages/a.js"),
        ("lib/a.js", "web/Pages/deep/a.js"),
        ("src/core/a.ts", "src/[id]/a.ts"),
        ("lib/a.js", "web/_layouts/a.js"),
        ("lib/a.py", "web/b.py"),
        ("src/a.tf", "packages/core/src/a.tf"),
        ("src/a.yaml", "prod/lib/a.yaml"),
        ("src/core/a.rs", "src/app/a.rs"),
        ("svc/Chart.yml", "svc/Chart.yaml"),
        ("web/B.jsx", "web/B.tsx"),
        ("src/core/a.yaml", "prod/a.yaml"),
        ("lib/a.tf", "pkg/a.tf"),
        ("lib/a.rs", "tests/a.rs"),
        ("lib/Makefile", "pkg/Makefile"),
        (".gitlab-ci.yaml", ".gitlab-ci.yml"),
        ("bitbucket-pipelines.yaml", "bitbucket-pipelines.yml"),
        (".github/dependabot.yaml", ".github/dependabot.yml"),
        (".pre-commit-config.yml", ".pre-commit-config.yaml"),
        ("k8s/app.yaml", "k8s/app.yml"),
        ("web/a.cjs", "web/a.js"),
        ("nginx/app.cfg", "nginx/app.conf"),
        ("src/a.txt", "src/a.yml"),
        ("data/x.py", "dags/x.py"),
        ("data/x.py", "plugins/x.py"),
        ("data/x.jar", "hooks/x.jar"),
        ("data/x.so", "lib/site-packages/x.so"),
        ("attic/x.php", "public/x.php"),
        ("attic/x.sh", "cron/x.sh"),
        ("data/sudo", "etc/sudoers.d/sudo"),
        ("data/x.py", "ansible/filter_plugins/x.py"),
        ("docs/x.md", "skills/x.md"),
    ] {
        assert!(!is_one(a, b) && !is_one(b, a), "{a} {b}");
    }
}

/// Files that a machine runs or follows because of their name or folder, each with the most similar one that it does
/// not.
const RUN_WHERE_THEY_LIE: &[(&str, &str)] = &[
    (".pre-commit-config.yaml", "pre-commit-config.yaml"),
    ("web/.pre-commit-config.yaml", "web/off/.pre-commit-config.yaml"),
    (".husky/pre-commit", "scripts/pre-commit"),
    (".githooks/pre-push", "scripts/pre-push"),
    ("tools/git-hooks/pre-push", "tools/pre-push"),
    (".git-template/hooks/pre-push", ".git-template/pre-push"),
    ("lefthook.yml", "lefthook-old.yml"),
    (".cargo/config.toml", ".cargo/old.toml"),
    ("tools/.cargo/config.toml", "tools/config.toml"),
    (".vscode/tasks.json", ".vscode/old.json"),
    (".vscode/tasks.json", ".vscode/settings.json"),
    (".vscode/settings.json", "settings.json"),
    (".devcontainer/devcontainer.json", ".devcontainer/old.json"),
    (".devcontainer/devcontainer.json", "docs/devcontainer.json"),
    (".devcontainer/start.sh", "scripts/start.sh"),
    ("etc/cron.d/clean", "etc/clean"),
    ("etc/cron.daily/clean", "etc/cron.d/clean"),
    ("apache/conf-enabled/app.conf", "apache/conf-available/app.conf"),
    ("nginx/sites-enabled/app", "nginx/sites-available/app"),
    ("nginx/conf.d/app.conf", "nginx/app.conf"),
    ("Procfile", "start"),
    ("Procfile", "web/Procfile"),
    ("Makefile", "tools/Makefile"),
    ("Makefile", "Procfile"),
    ("docs/Makefile", "docs/old/Makefile"),
    ("justfile", "justfile_old"),
    ("tools/justfile", "tools/recipes"),
    ("systemd/gate.service", "gate.service"),
    ("deb/gate.service", "deb/gate"),
    ("deb/gate.service.d/limits.conf", "deb/limits.conf"),
];

#[test]
fn what_moves_to_where_a_machine_runs_it_is_read_as_new_and_reaches_several_packages() {
    for (run, other) in RUN_WHERE_THEY_LIE {
        let is_one = |a: &str, b: &str| Rules::shipped().mean_the_same_by(&a.into(), &b.into());
        assert!(!is_one(run, other) && !is_one(other, run), "{run} {other}");
        let reach = assessed(&[sample(run, "", "x\n")]).blast;
        assert!(reach.class >= BlastClass::B2, "{run}: {reach:?}");
        assert!(reach.reasons[0].sentence.contains(' '), "{run}: {reach:?}");
    }
    for path in ["src/service.ts", "src/cron/mod.rs", "src/makefile.rs", "web/settings.json", "lib2/hooks/use.ts"] {
        assert_eq!(Rules::shipped().class_of(path).0, BlastClass::B1, "{path}");
    }
}

#[test]
fn a_secret_file_that_moves_is_a_new_one() {
    let mut moved = sample("b/.env", "TOKEN=a8Fq2Lm0Zx91\n", "TOKEN=a8Fq2Lm0Zx91\nC=3\n");
    moved.diff.from = Some("a/.env".into());
    let rules = |samples: &[Sample]| assessed(samples).findings.into_iter().map(|f| f.rule).collect::<Vec<_>>();
    assert!(rules(&[moved]).contains(&"secret.file".to_owned()));
    assert!(!fired("b/.env", "TOKEN=a8Fq2Lm0Zx91\n", "TOKEN=a8Fq2Lm0Zx91\nC=3\n").contains(&"secret.file".to_owned()));
}

#[test]
fn what_tools_read_by_its_name_is_no_sample() {
    let fired = |path: &str| fired(path, "requests==2\n", "requests==2\nrequestss==1\n");
    assert!(fired("svc/requirements.txt").contains(&"dep.typosquat".to_owned()));
    assert!(fired("docs/requirements.txt").is_empty(), "{:?}", fired("docs/requirements.txt"));
    assert!(blast::is_sample("svc/requirements.md") && blast::is_sample("svc/notes.txt"));
    assert!(!blast::is_sample("svc/requirements-dev.txt") && !blast::is_sample("CMakeLists.txt"));
}

#[test]
fn code_is_a_test_or_a_sample_by_what_runs_it_and_not_by_a_word_in_its_path() {
    for path in [
        "src/main/java/shop/SpeedTest.java",
        "src/main/java/clinic/test/Results.java",
        "services/docs/api.py",
        "apps/blog/main.go",
        "web/index.html",
        "shop/management/commands/test_webhook.py",
        "packages/api/src/spec/render.ts",
        "src/acme/testing/runner.py",
        "src/e2e/keys.ts",
        "catalog/fixtures/permissions.py",
        "internal/spec/fetch.go",
        "pkg/e2e/seal.go",
        "app/services/spec/sheet_import.rb",
        "src/commands/tests.rs",
        // What runs these does not ask what they are called.
        ".github/workflows/x.test.yml",
        ".github/workflows/test_x.yml",
        ".github/scripts/test_setup.sh",
        ".circleci/config.spec.yml",
        "prod/main.test.tf",
        "prod/mocks/main.tf",
        "k8s/a.test.yaml",
        "db/migrations/0002_x_test.sql",
        "shop/migrations/test_0002.py",
    ] {
        assert!(!blast::is_test(path) && !blast::is_sample(path), "{path}");
    }
    for path in [
        "src/Shop.Tests/Cart.cs",
        "lib/pay_spec.rb",
        "shop/conftest.py",
        "src/test/java/shop/CartTest.java",
        "service/src/integrationTest/java/shop/Fake.java",
        "cypress/plugins/db.js",
        "web/e2e/login.ts",
        "shop/tests/factories.py",
        "src/cart/__tests__/total.ts",
        "Tests/NetTests/Helpers.swift",
        "spec/support/stub.rb",
        "fixtures/orders.json",
        "tests/main.tf",
        "molecule/default/converge.yml",
        "tests/migrations/0001_initial.py",
        "chart/tests/a_test.yaml",
        "shop/test_cart.py",
        "web/mocks/api.ts",
    ] {
        assert!(blast::is_test(path), "{path}");
    }
    assert!(!blast::is_test("charts/shop/templates/tests/smoke.yaml"), "it runs in a cluster");
    assert!(blast::is_sample("docs/example.py") && blast::is_sample("README.md"));
    // A package that is called so is none.
    assert!(!blast::is_sample("src/main/java/org/example/Door.java") && !blast::is_sample("kt/org/example/door.kt"));
    assert!(blast::is_sample("examples/org/Door.java"));
    for (path, is_rehearsal) in [
        ("terraform/dev/main.tf", true),
        (".env.development", true),
        (".env.production", false),
        ("terraform/prod/local.tf", false),
        ("prod/dev-portal/values.yaml", false),
    ] {
        assert_eq!(blast::is_rehearsal(path), is_rehearsal, "{path}");
    }
}

#[test]
fn reach_counts_folders_and_not_files_as_packages() {
    let file = |path: &str| FileDiff { path: path.into(), from: None, counterpart: None, old: None, new: None };
    let says = |paths: &[&str]| {
        let files: Vec<FileDiff> = paths.iter().map(|path| file(path)).collect();
        let blast = Assessor::new(Rules::shipped()).finish(&files).blast;
        blast.reasons.iter().any(|reason| reason.sentence.contains("packages"))
    };
    assert!(!says(&["src/a.go", "src/b.go", "src/c.go", "src/d.go"]));
    assert!(says(&["cart/a.go", "pay/b.go", "stock/c.go", "mail/d.go"]));
}

#[test]
fn what_holds_for_a_whole_cluster_or_network_reaches_the_fleet_wherever_it_is() {
    let reach = |path: &str, old: &str, new: &str| assessed(&[sample(path, old, new)]).blast.class;
    let class = |kind: &str, value: u32| {
        format!("apiVersion: scheduling.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: a\nvalue: {value}\n")
    };
    let of_kind = |path: &str, kind: &str| reach(path, &class(kind, 1), &class(kind, 2));
    assert_eq!(of_kind("x/a.yaml", "PriorityClass"), BlastClass::B4);
    assert_eq!(of_kind("x/a.yaml", "ConfigMap"), BlastClass::B1);
    assert_eq!(of_kind("tests/a.yaml", "PriorityClass"), BlastClass::B0, "a test");
    let switch = |vlan: u32| format!("hostname a\n!\ninterface Te1/0/1\n switchport access vlan {vlan}\n!\n");
    assert_eq!(reach("x/core1.cfg", &switch(1), &switch(2)), BlastClass::B4);
    for path in ["terraform/org/scp.json", "zones/acme.zone", "x/named.conf.options", "x/kubeadm-config.yaml"] {
        assert_eq!(reach(path, "a: 1\n", "a: 2\n"), BlastClass::B4, "{path}");
    }
    for path in ["infra/lib/db-stack.ts", "x/Pulumi.eu.yaml", "x/.gitlab-ci.yml", "x/pnpm-workspace.yaml"] {
        assert_eq!(reach(path, "a: 1\n", "a: 2\n"), BlastClass::B3, "{path}");
    }
}
