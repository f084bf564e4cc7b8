use super::*;
use crate::change::RepoPath;
use crate::risk::{Assessment, Assessor, BlastClass, Rules};

fn manifests(files: &[(&str, &str)]) -> Manifests {
    let text = |(path, text): &(&str, &str)| ManifestText { path: (*path).into(), text: (*text).into() };
    assert!(files.iter().all(|(path, _)| is_manifest(path)), "{files:?}");
    Manifests { texts: files.iter().map(text).collect(), ..Manifests::default() }
}

fn packages(files: &[(&str, &str)]) -> Packages {
    Packages::of(&manifests(files))
}

/// What depends on the packages of paths, as sentences.
fn told(packages: &Packages, paths: &[&str]) -> Vec<String> {
    let paths: Vec<RepoPath> = paths.iter().map(|path| RepoPath::from(*path)).collect();
    let reach = packages.reach_of(&paths.iter().collect::<Vec<_>>());
    reach.packages.iter().map(PackageReach::sentence).collect()
}

const CARGO: &[(&str, &str)] = &[
    ("Cargo.toml", "[workspace]\nmembers = ['crates/*']\n[workspace.dependencies]\ncore = { path = 'crates/core' }\n"),
    ("crates/core/Cargo.toml", "[package]\nname = 'core'\n"),
    ("crates/api/Cargo.toml", "[package]\nname = 'api'\n[dependencies]\ncore.workspace = true\nserde = '1'\n"),
    (
        "crates/cli/Cargo.toml",
        "[package]\nname = 'cli'\n[target.'cfg(unix)'.dependencies]\ncore = { path = '../core' }\n",
    ),
    ("crates/web/Cargo.toml", "[package]\nname = 'web'\n[dependencies]\na = { path = '../api', package = 'api' }\n"),
    ("crates/try/Cargo.toml", "[package]\nname = 'try'\n[dev-dependencies]\ncore = { path = '../core' }\n"),
    ("crates/far/Cargo.toml", "[package]\nname = 'far'\n[dependencies]\ncore = '1'\n"),
];

#[test]
fn cargo_packages_depend_by_path_and_by_way_of_the_workspace() {
    let packages = packages(CARGO);
    let core = ["is in core; 3 packages depend on this one, 2 of them directly: api, cli, web"];
    assert_eq!(told(&packages, &["crates/core/src/lib.rs"]), core);
    assert_eq!(told(&packages, &["crates/api/src/lib.rs"]), ["is in api; 1 package depends on this one: web"]);
    assert!(told(&packages, &["crates/far/src/lib.rs", "crates/try/src/lib.rs", "Makefile"]).is_empty());
    let patched = [
        ("Cargo.toml", "[workspace]\n[patch.crates-io]\nlog = { path = 'forks/log' }\n"),
        ("forks/log/Cargo.toml", "[package]\nname = 'log'\n"),
        ("app/Cargo.toml", "[package]\nname = 'app'\n[dependencies]\nlogging = { version = '1', package = 'log' }\n"),
    ];
    let log = "is in log; 1 package depends on this one: app";
    assert_eq!(told(&self::packages(&patched), &["forks/log/src/lib.rs"]), [log]);
}

#[test]
fn packages_of_a_workspace_of_npm_or_pnpm_depend_by_name_and_others_by_folder() {
    let files = [
        ("package.json", r#"{"name": "root", "workspaces": ["packages/*", "!packages/old"]}"#),
        ("packages/ui/package.json", r#"{"name": "@shop/ui"}"#),
        ("packages/cart/package.json", r#"{"name": "@shop/cart", "dependencies": {"@shop/ui": "^1.0.0"}}"#),
        ("packages/till/package.json", r#"{"name": "@shop/till", "devDependencies": {"@shop/ui": "workspace:*"}}"#),
        ("packages/old/package.json", r#"{"name": "old", "dependencies": {"@shop/ui": "^1.0.0"}}"#),
        ("elsewhere/package.json", r#"{"name": "elsewhere", "dependencies": {"@shop/ui": "^1.0.0"}}"#),
        ("linked/package.json", r#"{"name": "linked", "dependencies": {"x": "file:../packages/ui"}}"#),
        ("packages/fork/package.json", r#"{"name": "fork", "dependencies": {"@shop/ui": "github:a/ui"}}"#),
    ];
    let ui = "is in @shop/ui; 3 packages depend on this one: @shop/cart, @shop/till, linked";
    assert_eq!(told(&packages(&files), &["packages/ui/src/a.ts"]), [ui]);
    for yaml in
        ["packages:\n  # all\n  - 'libs/*'\n  - \"!libs/b\"\ncatalog:\n  - x\n", "packages: [libs/*, '!libs/b']\n"]
    {
        let files = [
            ("pnpm-workspace.yaml", yaml),
            ("libs/a/package.json", r#"{"name": "a"}"#),
            ("libs/b/package.json", r#"{"name": "b", "dependencies": {"a": "1"}}"#),
            ("libs/c/package.json", r#"{"name": "c", "dependencies": {"a": "workspace:^"}}"#),
        ];
        assert_eq!(
            told(&packages(&files), &["libs/a/index.js"]),
            ["is in a; 1 package depends on this one: c"],
            "{yaml}"
        );
    }
}

#[test]
fn go_modules_depend_by_replacement_and_in_a_workspace() {
    let files = [
        ("go.work", "go 1.24\nuse (\n\t./api // the service\n\t./lib\n)\n"),
        ("lib/go.mod", "module example.com/shop/lib\n"),
        ("api/go.mod", "module example.com/shop/api\nrequire example.com/shop/lib v1.2.0\n"),
        (
            "job/go.mod",
            "module example.com/shop/job\nrequire (\n\texample.com/shop/lib v1.0.0 // indirect\n)\n\
                        replace example.com/shop/lib v1.0.0 => ../lib\n",
        ),
        ("old/go.mod", "module example.com/shop/old\nrequire example.com/shop/lib v1.0.0\n"),
    ];
    assert_eq!(told(&packages(&files), &["lib/a.go"]), ["is in lib; 2 modules depend on this one: api, job"]);
}

#[test]
fn maven_modules_depend_on_artifacts_of_the_tree_and_on_their_parents() {
    let child = |artifact: &str, rest: &str| {
        format!(
            "<?xml version='1.0'?><project><parent><groupId>shop</groupId><artifactId>all</artifactId></parent>\
             <artifactId>{artifact}</artifactId>{rest}</project>"
        )
    };
    let needs = |artifact: &str, more: &str| {
        format!(
            "<dependency><groupId>${{project.groupId}}</groupId><artifactId>{artifact}</artifactId>{more}</dependency>"
        )
    };
    let core = child("core", "");
    let api = child("api", &format!("<dependencies>{}</dependencies>", needs("core", "")));
    let check = child("check", &format!("<dependencies>{}</dependencies>", needs("core", "<scope>test</scope>")));
    let managed =
        format!("<dependencyManagement><dependencies>{}</dependencies></dependencyManagement>", needs("core", ""));
    let files = [
        ("pom.xml", "<project><groupId>shop</groupId><artifactId>all</artifactId></project>"),
        ("core/pom.xml", &core),
        ("api/pom.xml", &api),
        ("check/pom.xml", &check),
        ("managed/pom.xml", &child("managed", &managed)),
    ];
    let packages = packages(&files);
    assert_eq!(told(&packages, &["core/src/main/java/A.java"]), ["is in core; 1 module depends on this one: api"]);
    assert_eq!(told(&packages, &["pom.xml"]), ["is in all; 4 modules depend on this one: api, check, core and 1 more"]);
}

#[test]
fn gradle_projects_depend_by_path_and_by_accessor() {
    let files = [
        (
            "settings.gradle.kts",
            "rootProject.name = \"shop\"\n// include(\":no\")\ninclude(\":core:my-lib\",\n  \":app\")\n\
                                 include(\":web\", \":checks\")\nproject(\":web\").projectDir = file(\"front/web\")\n",
        ),
        ("core/my-lib/build.gradle.kts", ""),
        ("app/build.gradle.kts", "dependencies {\n  implementation(projects.core.myLib)\n}\n"),
        ("front/web/build.gradle", "dependencies {\n  api project(path: ':app')\n /* project(':checks') */ }\n"),
        ("checks/build.gradle", "dependencies { \n testImplementation project(':core:my-lib') }\n"),
    ];
    let packages = packages(&files);
    let lib = "is in :core:my-lib; 2 projects depend on this one, 1 of them directly: :app, :web";
    assert_eq!(told(&packages, &["core/my-lib/src/main/kotlin/A.kt"]), [lib]);
    assert!(told(&packages, &["checks/src/main/kotlin/A.kt"]).is_empty());
}

#[test]
fn bazel_packages_depend_by_label_and_visibility_is_no_dependency() {
    let files = [
        ("MODULE.bazel", "module(name = 'shop')\n"),
        ("lib/BUILD", "cc_library(name = 'lib', visibility = ['//app:__pkg__', '//web:group'], deps = [':x'])\n"),
        (
            "app/BUILD.bazel",
            "# deps = ['//web']\ncc_binary(name = 'app', deps = [\n  \"//lib\", '@other//web:x',\n])\n",
        ),
        (
            "web/BUILD",
            "load('//tools:defs.bzl', 'w')\nw(visibility = ['//x'], srcs = ['''a'b'''], deps = ['//app:app'])\n",
        ),
        ("tools/BUILD", ""),
    ];
    let packages = packages(&files);
    let lib = "is in //lib; 2 packages depend on this one, 1 of them directly: //app, //web";
    assert_eq!(told(&packages, &["lib/sub/a.cc"]), [lib]);
    assert_eq!(told(&packages, &["tools/defs.bzl"]), ["is in //tools; 1 package depends on this one: //web"]);
    assert!(told(&packages, &["web/a.cc"]).is_empty());
    let without_root = &files[1..];
    assert!(told(&self::packages(without_root), &["lib/a.cc"]).is_empty(), "other tools have files called BUILD");
}

#[test]
fn terraform_modules_are_used_by_folder() {
    let files = [
        ("modules/db/main.tf", "resource \"aws_db_instance\" \"main\" {}\n"),
        ("modules/shop/main.tf", "module \"db\" {\n  source = \"../db\"\n}\n"),
        (
            "envs/prod/main.tf",
            "module \"shop\" {\n  source = \"../..//modules/shop\"\n}\nmodule \"vpc\" {\n  \
                               source = \"terraform-aws-modules/vpc/aws\"\n}\n# source = \"../../modules/db\"\n",
        ),
        ("live/a/terragrunt.hcl", "terraform {\n  source = \"${get_repo_root()}/modules//db\"\n}\n"),
        ("live/b/terragrunt.hcl", "dependency \"a\" {\n  config_path = \"../a\"\n}\n"),
    ];
    let packages = packages(&files);
    let db = "is in modules/db; 4 modules depend on this one, 2 of them directly: live/a, modules/shop, envs/prod \
              and 1 more";
    assert_eq!(told(&packages, &["modules/db/variables.tf"]), [db]);
    assert_eq!(told(&packages, &["live/a/terragrunt.hcl"]), ["is in live/a; 1 module depends on this one: live/b"]);
}

#[test]
fn terraform_at_the_root_owns_its_own_files_only() {
    let packages = packages(&[("main.tf", ""), ("envs/prod/main.tf", "module \"a\" {\n  source = \"../../\"\n}\n")]);
    assert_eq!(told(&packages, &["outputs.tf"]), ["is in .; 1 module depends on this one: envs/prod"]);
    assert!(told(&packages, &["src/main.rs"]).is_empty());
}

#[test]
fn the_picture_has_who_depends_directly_and_who_on_these() {
    let packages = packages(CARGO);
    let path = RepoPath::from("crates/core/src/lib.rs");
    assert_eq!(packages.reach_of(&[&path]).packages[0].picture(), "core ← api, cli ← web");
}

#[test]
fn packages_that_depend_on_each_other_in_a_circle_are_met_once() {
    let files = [
        ("a/Cargo.toml", "[package]\nname = 'a'\n[dependencies]\nb = { path = '../b' }\na = { path = '.' }\n"),
        ("b/Cargo.toml", "[package]\nname = 'b'\n[dependencies]\nc = { path = '../c' }\n"),
        ("c/Cargo.toml", "[package]\nname = 'c'\n[dependencies]\na = { path = '../a' }\n"),
    ];
    let a = "is in a; 2 packages depend on this one, 1 of them directly: c, b";
    assert_eq!(told(&packages(&files), &["a/src/lib.rs"]), [a]);
}

#[test]
fn the_order_of_manifests_and_of_paths_changes_nothing() {
    let paths = ["crates/core/src/lib.rs", "crates/api/src/a.rs", "crates/api/src/b.rs"];
    let first = packages(CARGO);
    for shift in 1..CARGO.len() {
        let (mut files, mut turned) = (CARGO.to_vec(), paths);
        files.rotate_left(shift);
        turned.rotate_left(shift % paths.len());
        let other = packages(&files);
        assert_eq!(other, first);
        assert_eq!(told(&other, &turned), told(&first, &paths));
    }
}

#[test]
fn a_path_out_of_the_repository_is_no_dependency() {
    for (from, to, expected) in [
        ("a/b", "../c", Some("a/c")),
        ("a", "..", Some("")),
        ("", "./x//y/.", Some("x/y")),
        ("a", "../../c", None),
        ("a", "/etc", None),
        ("a", "C:\\x", None),
    ] {
        assert_eq!(joined_path(from, to).as_deref(), expected, "{from} {to}");
    }
    assert_eq!(joined_path("a", &"x/".repeat(1_000)), None);
}

#[test]
fn manifests_that_do_not_parse_have_no_packages_and_are_counted() {
    let deep_json = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_toml = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_xml = format!("<project>{}", "<a>".repeat(100_000));
    let bomb = "<!DOCTYPE a [<!ENTITY b \"&c;&c;\">]><project><artifactId>&b;</artifactId></project>";
    let files = [
        ("a/package.json", deep_json.as_str()),
        ("b/Cargo.toml", &deep_toml),
        ("c/pom.xml", &deep_xml),
        ("d/pom.xml", bomb),
        ("e/go.mod", "no module"),
        ("core/Cargo.toml", "[package]\nname = 'core'\n"),
        ("app/Cargo.toml", "[package]\nname = 'app'\n[dependencies]\ncore = { path = '../core' }\n"),
    ];
    let packages = packages(&files);
    assert_eq!(packages.remark().unwrap(), "5 manifests do not parse");
    let core = "is in core; at least 1 package depends on this one: app";
    assert_eq!(told(&packages, &["core/src/lib.rs"]), [core]);
    let own = assessed(&["app/src/lib.rs"], &packages);
    assert_eq!(own.blast.reasons.len(), 1, "it is not said of every change: {:?}", own.blast.reasons);
}

#[test]
fn texts_that_are_made_to_take_long_are_read_in_linear_time() {
    let many = |text: &str| text.repeat((1 << 20) / text.len());
    let start = std::time::Instant::now();
    for (path, text) in [
        ("BUILD", many("\"\\\\\\\\")),
        ("BUILD", many("x = ['''")),
        ("BUILD", many("[")),
        ("BUILD", many("'//a:b',")),
        ("settings.gradle", many("include 'a', ")),
        ("settings.gradle", many("/*")),
        ("settings.gradle", many("project(':a').projectDir = file('")),
        ("build.gradle", many("projects.a.b.c.d.e.f.g.")),
        ("go.mod", many("require (\n")),
        ("main.tf", many("source = \"./")),
        ("pnpm-workspace.yaml", format!("packages:\n{}", many("  - '{a,b}{a,b}{a,b}{a,b}/**/**/*'\n"))),
        ("package.json", format!("{{\"workspaces\": [{}\"x\"]}}", "\"{a,{b,{c,{d,e}}}}*\",".repeat(20_000))),
        ("pom.xml", format!("<project>{}</project>", many("<dependency><groupId>a</groupId></dependency>"))),
    ] {
        let root = ManifestText { path: "MODULE.bazel".into(), text: String::new() };
        let texts = vec![ManifestText { path: path.into(), text }, root];
        let _ = Packages::of(&Manifests { texts, ..Manifests::default() });
    }
    // A second is for a machine that does much else; what is not linear takes minutes.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn more_packages_and_dependencies_than_are_kept_are_cut_and_that_is_said() {
    let path = |n: usize| format!("p{n:05}/Cargo.toml");
    let text = |n: usize| {
        let needs: String = (0..10).map(|other| format!("d{other} = {{ path = '../p{:05}' }}\n", other)).collect();
        ManifestText { path: path(n), text: format!("[package]\nname = 'p{n}'\n[dependencies]\n{needs}") }
    };
    let texts = (0..MAX_PACKAGES + 100).map(text).collect();
    let packages = Packages::of(&Manifests { texts, left_out: 900, ..Manifests::default() });
    assert_eq!(packages.list.len(), MAX_PACKAGES);
    assert!(packages.list.iter().map(|package| package.needs.len()).sum::<usize>() <= MAX_NEEDS);
    assert_eq!(packages.remark().unwrap(), "5100 of 6000 manifests were read, not all folders were read");
    assert!(serde_json::to_vec(&packages).unwrap().len() < 1 << 20, "it fits in the cache");
}

#[test]
fn a_manifest_that_names_any_number_of_folders_is_kept_in_part() {
    let needs: String = (0..30_000).map(|n| format!("a{n}={{path='../p{n}'}}\n")).collect();
    let text = |n: usize| {
        let text = format!("[package]\nname='a'\n[dependencies]\n{needs}");
        ManifestText { path: format!("{n}/Cargo.toml"), text }
    };
    let packages = Packages::of(&Manifests { texts: (0..4).map(text).collect(), ..Manifests::default() });
    assert_eq!((packages.list.len(), packages.remark().as_deref()), (4, Some("not all folders were read")));
}

#[test]
fn names_of_packages_are_escaped_and_cut() {
    let hostile = format!(
        "[package]\nname = \"x\\u001b[2J\\u202e{}\"\n[dependencies]\ncore = {{ path = '../core' }}\n",
        "y".repeat(9_000)
    );
    let files = [("core/Cargo.toml", "[package]\nname = 'core'\n"), ("app/Cargo.toml", hostile.as_str())];
    let told = told(&packages(&files), &["core/src/lib.rs"]);
    assert!(told[0].starts_with("is in core; 1 package depends on this one: x␛[2J<U+202E>yyy"), "{told:?}");
    assert!(told[0].chars().count() < 120 && !told[0].chars().any(crate::change::visible::is_hidden), "{told:?}");
}

#[test]
fn tests_samples_and_packages_of_others_are_no_packages() {
    for path in ["tests/app/Cargo.toml", "examples/a/package.json", "web/node_modules/a/package.json", "src/x.json"] {
        assert!(!is_manifest(path), "{path}");
    }
}

fn assessed(paths: &[&str], packages: &Packages) -> Assessment {
    let id = crate::change::ObjectId([1; 20]);
    let entry = crate::change::diff::TreeEntry { mode: crate::change::diff::Mode::File, id };
    let file = |path: &&str| crate::change::diff::FileDiff {
        path: RepoPath::from(*path),
        from: None,
        counterpart: None,
        old: Some(entry),
        new: None,
    };
    Assessor::new(Rules::shipped()).finish_among(&paths.iter().map(file).collect::<Vec<_>>(), packages)
}

#[test]
fn what_many_packages_depend_on_reaches_further_and_a_leaf_of_it_does_not() {
    let packages = packages(CARGO);
    let sentences =
        |own: &Assessment| own.blast.reasons.iter().map(|reason| reason.sentence.clone()).collect::<Vec<_>>();
    let own = assessed(&["crates/api/src/lib.rs"], &packages);
    assert_eq!(own.blast.class, BlastClass::B2);
    assert_eq!(sentences(&own)[0], "is in api; 1 package depends on this one: web");
    assert_eq!(own.packages.len(), 1);
    let leaf = assessed(&["crates/api/README.md", "crates/api/tests/a.rs"], &packages);
    assert_eq!((leaf.blast.class, leaf.packages.len()), (BlastClass::B0, 0));
    let two = assessed(&["crates/web/src/lib.rs", "crates/far/src/lib.rs"], &packages);
    assert_eq!(sentences(&two)[0], "touches 2 packages: far, web");
    // Without manifests, it is by folders as ever.
    let none = assessed(&["a/b/x.rs", "c/d/x.rs", "e/f/x.rs", "g/h/x.rs"], &Packages::default());
    assert_eq!(sentences(&none), ["touches 4 packages", "ordinary code of one package"]);
    let mut all = CARGO.to_vec();
    let more: Vec<(String, String)> = (0..4)
        .map(|n| {
            (
                format!("m{n}/Cargo.toml"),
                format!("[package]\nname = 'm{n}'\n[dependencies]\ncore = {{ path = '../crates/core' }}\n"),
            )
        })
        .collect();
    all.extend(more.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    assert_eq!(assessed(&["crates/core/src/lib.rs"], &self::packages(&all)).blast.class, BlastClass::B3);
}

#[test]
fn what_is_not_known_of_packages_is_said_and_widens_nothing() {
    let packages = Packages { left_out: 7, read: 3, ..Packages::default() };
    let own = assessed(&["a/x.rs"], &packages);
    assert_eq!(own.blast.class, BlastClass::B1);
    assert!(
        own.blast
            .reasons
            .iter()
            .any(|own| own.sentence == "may be in more packages' reach: 3 of 10 manifests were read")
    );
}
