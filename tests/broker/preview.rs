//! Previews that the broker makes, from the request to the run: of a real plan, by a real Terraform, and of scripts for
//! a real psql, which finds no server.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use undersign::command::Verdict;

use crate::holes::{Program, has_accounts};
use crate::scene::{Scene, is_root, unused_uid};

/// A program of this machine that only root can replace; without it a test is skipped, and says so.
fn program(name: &str, places: &[&str]) -> Option<PathBuf> {
    let is_safe = |step: &Path| {
        step.symlink_metadata().is_ok_and(|about| about.uid() == 0 && about.permissions().mode() & 0o022 == 0)
    };
    let is_roots = |path: &PathBuf| path.canonicalize().is_ok_and(|real| real.ancestors().all(is_safe));
    let found = places.iter().map(|place| Path::new(place).join(name)).find(is_roots);
    if found.is_none() {
        eprintln!("skipped: {name} is not installed here where only root can replace it");
    }
    found
}

const MAIN: &str = "variable \"token\" {\n  sensitive = true\n  default   = \"s3cr3t-0ne\"\n}\n\
    resource \"terraform_data\" \"database\" {\n  input            = \"orders\"\n  triggers_replace = \"v1\"\n}\n\
    resource \"terraform_data\" \"worker\" {\n  count = 6\n  input = var.token\n}\n";

/// A folder where it was applied once, and a plan that recreates the database and destroys five of six workers.
fn plan(terraform: &Path, dir: &Path) {
    let run = |args: &[&str]| {
        let mut command = Command::new(terraform);
        command.args(args).current_dir(dir).env("CHECKPOINT_DISABLE", "1").env_remove("TF_CLI_CONFIG_FILE");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::create_dir(dir).unwrap();
    std::fs::write(dir.join("main.tf"), MAIN).unwrap();
    run(&["init", "-input=false", "-no-color"]);
    run(&["apply", "-auto-approve", "-input=false", "-no-color"]);
    let changed = MAIN.replace("\"v1\"", "\"v2\"").replace("count = 6", "count = 1");
    std::fs::write(dir.join("main.tf"), changed).unwrap();
    run(&["plan", "-input=false", "-no-color", "-out=saved.plan"]);
    // The account of the run writes the state there, and that of the preview reads the lock of the providers.
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    for entry in std::fs::read_dir(dir).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o666)).unwrap();
    }
}

fn terraform_scene(terraform: &Path, settings: &str) -> Scene {
    let entry = format!(
        "destructive = [{{ role = \"senior\", n = 2 }}]\n[[target.prod.command]]\nname = \"apply\"\n\
         argv = [\"{}\", \"apply\", \"-input=false\", \"-no-color\", \"{{input:plan}}\"]",
        terraform.display()
    );
    let scene = Scene::new_in("infra", &entry, &format!("keep = [\"plan\"]\n{settings}"));
    plan(terraform, Path::new(&scene.at("infra")));
    scene
}

fn ask_to_apply(scene: &Scene, terraform: &Path, plan: &str) -> crate::scene::Said {
    let (input, program) = (format!("plan={plan}"), terraform.display().to_string());
    let argv = [program.as_str(), "apply", "-input=false", "-no-color", "{input:plan}"];
    scene.exec(&[&["request", "--target", "prod", "--input", &input, "--"], &argv[..]].concat())
}

#[test]
fn a_plan_says_first_what_it_destroys_and_nothing_sensitive_and_is_applied_once_enough_people_signed() {
    let Some(terraform) = program("terraform", &["/usr/local/bin", "/usr/bin"]) else { return };
    let uid = unused_uid();
    let account = if is_root() { format!("preview_uid = {uid}\npreview_gid = {uid}") } else { String::new() };
    let scene = terraform_scene(&terraform, &account);
    let asked = ask_to_apply(&scene, &terraform, &scene.at("infra/saved.plan"));
    assert!(asked.code == 0 && !asked.err.contains("no preview"), "{asked:?}");
    let id = asked.out.trim().to_owned();
    let mut desk = scene.desk("dana", (120, 60));
    desk.press("R");
    assert!(desk.frame().contains("✗5"), "{}", desk.frame());
    desk.press("<enter>");
    let frame = desk.frame();
    let place =
        |text: &str| frame.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {frame}"));
    let destroyed =
        place("✗ destroyed terraform_data   5 of one kind   worker[1] worker[2] worker[3] worker[4] worker[5]; beyond");
    let replaced = place("± replaced  terraform_data.database   triggers_replace \"v1\" → \"v2\" forces it");
    let unclear = place("? unclear   state and backend   a saved plan brings its own");
    assert!(
        destroyed < replaced && replaced < unclear && unclear < place("the command, one argument a row"),
        "{frame}"
    );
    let objects = ["--git-dir", &scene.at("host.git"), "cat-file", "--batch-all-objects", "--batch"];
    let all = Command::new("git").args(objects).output().unwrap().stdout;
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains("worker[1] worker[2]") && !all.contains("s3cr3t-0ne"), "a sensitive value is in the ledger");
    assert!(!frame.contains("s3cr3t-0ne"), "{frame}");
    scene.sign("dana", Verdict::Authorize, &id);
    let waits = scene.exec(&["run", &id]);
    assert_eq!(waits.code, 75, "what destroys needs a second person: {waits:?}");
    scene.sign("rahim", Verdict::Authorize, &id);
    let ran = scene.exec(&["run", &id]);
    assert!(ran.code == 0 && ran.out.contains("1 added, 0 changed, 6 destroyed"), "{ran:?}");
}

#[test]
fn a_plan_that_brings_a_doctored_state_needs_what_a_destructive_command_needs() {
    let Some(terraform) = program("terraform", &["/usr/local/bin", "/usr/bin"]) else { return };
    let uid = unused_uid();
    let account = if is_root() { format!("preview_uid = {uid}\npreview_gid = {uid}") } else { String::new() };
    let scene = terraform_scene(&terraform, &account);
    let dir = PathBuf::from(scene.at("infra"));
    // Its copy of the state has forgotten everything, so that nothing seems to be destroyed.
    let state = std::fs::read(dir.join("terraform.tfstate")).unwrap();
    let mut state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    state["resources"] = serde_json::json!([]);
    std::fs::write(dir.join("doctored.tfstate"), state.to_string()).unwrap();
    std::fs::write(dir.join("main.tf"), "resource \"terraform_data\" \"new\" {}\n").unwrap();
    let args = ["plan", "-input=false", "-no-color", "-state=doctored.tfstate", "-out=doctored.plan"];
    let planned =
        Command::new(&terraform).args(args).current_dir(&dir).env("CHECKPOINT_DISABLE", "1").output().unwrap();
    assert!(planned.status.success(), "{}", String::from_utf8_lossy(&planned.stderr));
    std::fs::set_permissions(dir.join("doctored.plan"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let asked = ask_to_apply(&scene, &terraform, &scene.at("infra/doctored.plan"));
    assert!(asked.code == 0 && !asked.err.contains("no preview"), "{asked:?}");
    let id = asked.out.trim();
    scene.sign("dana", Verdict::Authorize, id);
    let waits = scene.exec(&["run", id]);
    assert_eq!(waits.code, 75, "nobody compared the state that it brings: {waits:?}");
}

#[test]
fn a_plan_without_a_preview_says_why_and_counts_as_what_destroys() {
    let Some(terraform) = program("terraform", &["/usr/local/bin", "/usr/bin"]) else { return };
    if !is_root() {
        return eprintln!("skipped: only root has accounts to show plans in");
    }
    let scene = terraform_scene(&terraform, "");
    let asked = ask_to_apply(&scene, &terraform, &scene.at("infra/saved.plan"));
    assert!(asked.code == 0 && asked.err.contains("no preview") && asked.err.contains("preview_uid"), "{asked:?}");
    scene.sign("dana", Verdict::Authorize, asked.out.trim());
    assert_eq!(scene.exec(&["run", asked.out.trim()]).code, 75);
    let asked = ask_to_apply(&scene, &terraform, &scene.at("infra/main.tf"));
    assert!(asked.code == 0 && asked.err.contains("not a saved plan"), "{asked:?}");
}

#[test]
fn a_script_is_told_statement_by_statement_before_anybody_signs() {
    let Some(psql) = program("psql", &["/usr/bin", "/usr/local/bin"]) else { return };
    let entry = format!(
        "destructive = [{{ role = \"senior\", n = 2 }}]\n[[target.prod.command]]\nname = \"migrate\"\n\
         argv = [\"{}\", \"-X\", \"-v\", \"ON_ERROR_STOP=1\", \"-f\", \"{{input:sql}}\"]",
        psql.display()
    );
    let scene = Scene::new(&entry, "");
    let ask = |script: &str| {
        std::fs::write(scene.at("script.sql"), script).unwrap();
        let (input, program) = (format!("sql={}", scene.at("script.sql")), psql.display().to_string());
        let argv = [program.as_str(), "-X", "-v", "ON_ERROR_STOP=1", "-f", "{input:sql}"];
        let said = scene.exec(&[&["request", "--target", "prod", "--input", &input, "--"], &argv[..]].concat());
        assert!(said.code == 0 && !said.err.contains("no preview"), "{said:?}");
        said.out.trim().to_owned()
    };
    let (drop, add) = (ask("DROP TABLE orders;\n"), ask("ALTER TABLE orders ADD COLUMN refunded boolean;\n"));
    scene.sign("dana", Verdict::Authorize, &drop);
    assert_eq!(scene.exec(&["run", &drop]).code, 75, "what destroys needs a second person");
    // psql ends no statement at its own commands: this one calls a function.
    let hidden = ask("SELECT 1 AS \\timing on\nshow, purge_old_orders();\n");
    scene.sign("dana", Verdict::Authorize, &hidden);
    assert_eq!(scene.exec(&["run", &hidden]).code, 75, "what is unclear needs a second person");
    scene.sign("dana", Verdict::Authorize, &add);
    // psql finds no server here: what matters is that it starts.
    let _ = scene.exec(&["run", &add]);
    let again = scene.exec(&["run", &add]);
    assert!(again.err.contains("STARTED"), "{again:?}");
}

#[test]
fn what_is_shown_of_a_plan_is_of_that_plan_and_no_other_description_travels_beside_it() {
    let Some(terraform) = program("terraform", &["/usr/local/bin", "/usr/bin"]) else { return };
    let scene = terraform_scene(&terraform, "");
    let json = Command::new(&terraform).args(["show", "-json", "saved.plan"]).current_dir(scene.at("infra")).output();
    let harmless = String::from_utf8(json.unwrap().stdout).unwrap().replace("\"delete\"", "\"no-op\"");
    std::fs::write(scene.at("other.json"), harmless).unwrap();
    let (plan, json) = (format!("plan={}", scene.at("infra/saved.plan")), format!("json={}", scene.at("other.json")));
    let program = terraform.display().to_string();
    let request = ["request", "--target", "prod", "--input", &plan, "--input", &json, "--", &program];
    let said = scene.exec(&[&request[..], &["apply", "-input=false", "-no-color", "{input:plan}"]].concat());
    assert!(said.code == 64 && said.err.contains("Nothing reads the input json"), "{said:?}");
}

#[test]
fn a_plan_that_another_one_has_overtaken_is_refused_by_terraform_and_burnt() {
    let Some(terraform) = program("terraform", &["/usr/local/bin", "/usr/bin"]) else { return };
    let scene = terraform_scene(&terraform, "");
    let ids = [0, 1].map(|_| ask_to_apply(&scene, &terraform, &scene.at("infra/saved.plan")).out.trim().to_owned());
    for id in &ids {
        ["dana", "rahim"].iter().for_each(|who| scene.sign(who, Verdict::Authorize, id));
    }
    let ran = scene.exec(&["run", &ids[0]]);
    assert!(ran.code == 0 && ran.out.contains("1 added, 0 changed, 6 destroyed"), "{ran:?}");
    let stale = scene.exec(&["run", &ids[1]]);
    assert!(stale.code == 1 && stale.err.contains("stale"), "{stale:?}");
    assert_eq!(scene.exec(&["run", &ids[1]]).code, 2);
}

#[test]
fn a_plan_however_large_takes_a_broker_no_more_than_it_says() {
    if !has_accounts() {
        return;
    }
    let (tool, uid) = (Program::called("large", "terraform"), unused_uid());
    let entry = format!(
        "[[target.prod.command]]\nname = \"apply\"\nargv = [\"{}\", \"apply\", \"{{input:plan}}\"]\n",
        tool.path()
    );
    let scene = Scene::new_in("infra", &entry, &format!("preview_uid = {uid}\npreview_gid = {uid}"));
    std::fs::create_dir(scene.at("infra")).unwrap();
    std::fs::write(scene.at("plan"), b"PK\x03\x04 no more is looked at").unwrap();
    let ask = || {
        let (input, program) = (format!("plan={}", scene.at("plan")), tool.path());
        scene.exec(&["request", "--target", "prod", "--input", &input, "--", &program, "apply", "{input:plan}"])
    };
    tool.write("head -c 200000000 /dev/zero");
    let said = ask();
    assert!(said.code == 0 && said.err.contains("the plan is more than 64 MiB of JSON"), "{said:?}");
    let without = scene.peak();
    assert!(without < 400 << 20, "{} MiB", without >> 20);
    // Just below the limit: ten thousand resources with six kilobytes each.
    let text = "x".repeat(6_200);
    let change = |at: usize| {
        format!(
            "{{\"address\":\"a.b[{at}]\",\"mode\":\"managed\",\"type\":\"a\",\"name\":\"b\",\"index\":{at},\
             \"change\":{{\"actions\":[\"delete\"],\"before\":{{\"x\":\"{text}\"}},\"after\":null}}}}"
        )
    };
    let changes: Vec<String> = (0..10_000).map(change).collect();
    let json = format!("{{\"format_version\":\"1.2\",\"resource_changes\":[{}]}}", changes.join(","));
    assert!(json.len() > 60 << 20 && json.len() < 64 << 20, "{}", json.len());
    std::fs::write(scene.at("infra/show.json"), json).unwrap();
    tool.write("cat show.json");
    let said = ask();
    assert!(said.code == 0 && !said.err.contains("no preview"), "{said:?}");
    let peak = scene.peak();
    eprintln!("peak: {} MiB without a preview, {} MiB with one", without >> 20, peak >> 20);
    assert!(peak < 1 << 30, "{} MiB", peak >> 20);
    let mut desk = scene.desk("dana", (120, 60));
    desk.press("R");
    assert!(desk.frame().contains("✗1"), "{}", desk.frame());
}
