//! Emergencies at a target, practised on a broker with real processes: nothing runs, and nothing that is left of it
//! lets anything run.

use std::path::Path;
use std::process::Command;

use undersign::command::Verdict;
use undersign::command::drill_statement::{CommandDrill, CommandDrillRecord};
use undersign::ledger::families::{Family as _, Keys};
use undersign::record::ChainId;
use undersign::record::chain::Link;
use undersign::sync::Prompts;
use undersign::sync::families::{Sent, fetch, send};

use crate::drilled;
use crate::program::Program;
use crate::scene::Scene;
use crate::support::{git_in, now};
use crate::{mark, times};

const GLASS: &str = "break_glass = { sign = [{ role = \"senior\", n = 1 }], presence = \"none\", max_per_30d = 2, \
                     debt_after = \"24h\" }\n";

/// A step of a drill, signed with somebody's key on the clone of people, like the command does it, and sent.
fn practise(scene: &Scene, who: &str, id: &str, set: impl FnOnce(&mut CommandDrill)) -> (ChainId, Link) {
    let repository = scene.f.repository();
    fetch::<undersign::command::RunRecord>(&repository, "origin", Prompts::Never, (&Keys::all(), &Keys::all()))
        .unwrap();
    let (chain, link) = drilled::append(&scene.f, who, id, now(), set);
    assert_eq!(send::<CommandDrillRecord>(&repository, "origin", &chain, Prompts::Never), Sent::Taken);
    (chain, link)
}

/// The refs of a kind, with what they point to.
fn refs(scene: &Scene, clone: &str, prefix: &str) -> String {
    git_in(Path::new(&scene.at(clone)), "dana", &["for-each-ref", "--format=%(refname) %(objectname)", prefix])
}

#[test]
fn row_50_who_practises_on_a_broker_is_told_what_an_emergency_would_be_and_nothing_runs() {
    let scene = Scene::new(GLASS, "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}"), "orders fail");
    let without = scene.exec(&["run", &id]);
    let runs = refs(&scene, "host.git", "refs/undersign/runs");
    practise(&scene, "dana", &id, |_| {});
    std::thread::sleep(std::time::Duration::from_secs(3));
    let said = scene.exec(&["run", &id]);
    assert_eq!((said.code, without.code, times(&mark)), (75, 75, 0), "{said:?}");
    let told = "DRILL: This is a drill by dana, and a drill runs nothing. An emergency would start it, and would have to \
                be authorized within 1 day.";
    assert!(said.err.contains(told), "{said:?}");
    // But for this sentence it is the answer that it was.
    let rest: Vec<&str> = said.err.lines().filter(|line| !line.starts_with("DRILL")).collect();
    assert_eq!(rest, without.err.lines().collect::<Vec<_>>());
    assert_eq!(refs(&scene, "host.git", "refs/undersign/runs"), runs, "nothing was signed by the broker");
    assert!(scene.exec(&["status", &id]).err.contains("DRILL: "));
    // It burns nothing: in an emergency, or in the ordinary way, the same request runs.
    scene.sign("dana", Verdict::Authorize, &id);
    scene.sign("rahim", Verdict::Authorize, &id);
    assert_eq!((scene.exec(&["run", &id]).code, times(&mark)), (0, 1));
}

#[test]
fn row_50_twin_the_emergency_itself_runs_on_the_broker() {
    let scene = Scene::new(GLASS, "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}"), "orders fail");
    scene.sign("dana", Verdict::BreakGlass, &id);
    assert_eq!((scene.exec(&["run", &id]).code, times(&mark)), (0, 1));
}

#[test]
fn row_50_the_envelope_of_a_drill_is_no_authorization_wherever_it_is_put() {
    let scene = Scene::new(GLASS, "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}"), "orders fail");
    let (chain, link) = practise(&scene, "dana", &id, |_| {});
    let file = scene.at("drill.dsse.json");
    std::fs::write(&file, &link.envelope).unwrap();
    // Brought by hand, as an authorization would be.
    let brought = scene.exec(&["deliver", &file]);
    assert!(brought.code != 0 && brought.err.contains("made for another purpose"), "{brought:?}");
    // At the place of authorizations, on the host.
    let place = format!("refs/undersign/authorizations/{chain}");
    let tip = git_in(
        Path::new(&scene.at("host.git")),
        "dana",
        &["rev-parse", &format!("refs/undersign/command-drills/{chain}")],
    );
    git_in(Path::new(&scene.at("host.git")), "dana", &["update-ref", &place, &tip]);
    let said = scene.exec(&["run", &id]);
    assert!(said.code != 0 && said.code != 75 && times(&mark) == 0, "{said:?}");
    assert!(said.err.contains("LEDGER_FAULT"), "{said:?}");
    // A gate takes no such push, and that of a drill to its own place.
    let gate = |name: &str| {
        let zero = "0".repeat(40);
        let line = format!("{zero} {tip} {name}\n");
        let mut child = Command::new(env!("CARGO_BIN_EXE_undersign"))
            .args(["verify", "--pre-receive", "--policy-branch", "refs/heads/main"])
            .current_dir(scene.at("host.git"))
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
    };
    let delete = |name: &str| git_in(Path::new(&scene.at("host.git")), "dana", &["update-ref", "-d", name]);
    delete(&place);
    delete(&format!("refs/undersign/command-drills/{chain}"));
    let refused = gate(&place);
    assert!(refused.0 == 2 && refused.1.contains("LEDGER_FAULT"), "{refused:?}");
    let taken = gate(&format!("refs/undersign/command-drills/{chain}"));
    assert_eq!(taken.0, 0, "{taken:?}");
}

#[test]
fn a_drill_of_a_command_is_held_on_the_command_line_and_every_list_shows_it_as_a_drill() {
    let scene = Scene::new(GLASS, "");
    let home = tempfile::tempdir().unwrap();
    let repo = scene.f.repo.to_str().unwrap().to_owned();
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}"), "orders fail");
    assert_eq!(scene.undersign(&["sync"]).code, 0);
    let as_who = |who: &str| {
        scene.f.git("dana", &["config", "gpg.format", "ssh"]);
        scene.f.git("dana", &["config", "user.signingkey", scene.f.key_file(who).to_str().unwrap()]);
    };
    let start = |args: &[&str]| {
        let args = [&["--repo", &repo, "record", "drill"], args].concat();
        Program::start(&args, (160, 140), &[("SSH_AUTH_SOCK", "")], home.path())
    };
    let code =
        |program: &Program| program.text().split("signed. Type ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    as_who("mina");
    let mut operator = start(&["--request", &id[..12], "--reason", "Drill of May"]);
    operator.wait_for("Your signature would not count in an emergency at prod");
    assert_ne!(operator.end().0, 0);
    as_who("dana");
    let begin = ["--request", &id[..12], "--reason", "Drill of May: orders fail"];
    let mut hasty = start(&begin);
    hasty.wait_for("Type the name of the target:");
    hasty.press("test\n");
    hasty.wait_for("Nothing was signed");
    assert_ne!(hasty.end().0, 0);
    let mut program = start(&begin);
    program.wait_for("Type the name of the target:");
    program.press("prod\n");
    program.wait_for("to sign:");
    let text = program.text();
    assert!(text.contains("DRILL. This practises an emergency at a target. It lets nothing run."), "{text}");
    assert!(text.contains("urn:undersign:command-drill:v0"), "{text}");
    program.press(&format!("{}\n", code(&program)));
    program.wait_for("Ask the broker itself");
    assert_eq!(program.end().0, 0);
    assert_eq!(scene.undersign(&["sync"]).code, 0);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 75 && said.err.contains("DRILL: This is a drill by dana"), "{said:?}");
    let json = |args: &[&str]| -> serde_json::Value {
        let said = scene.undersign(args);
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"))
    };
    let drill = &json(&["record", "list", "--drills", "--json"])["drills"][0];
    assert_eq!((&drill["kind"], &drill["target"]), (&"command-drill".into(), &"prod".into()), "{drill}");
    assert_eq!((&drill["request"], &drill["lacking"]), (&id.as_str().into(), &"".into()), "{drill}");
    let drill = drill["id"].as_str().unwrap().to_owned();
    let of = format!("DRILL {} by dana of the request {}", &drill[..12], &id[..12]);
    for args in [&["record", "list", "--drills"][..], &["queue"], &["history"]] {
        let said = scene.undersign(args);
        assert!(said.out.contains(&of) && said.out.contains("review owed within"), "{args:?}: {said:?}");
    }
    let commands = scene.undersign(&["record", "list", "--commands"]).out;
    assert!(!commands.contains(&drill[..12]) && !commands.contains("break-glass"), "{commands}");
    assert!(scene.undersign(&["record", "show", &drill[..12]]).out.starts_with("DRILL     this practises"));
    let doctor = scene.undersign(&["doctor"]).out;
    assert!(doctor.contains(&format!("The drill {} by dana: review owed", &drill[..12])), "{doctor}");
    let to = scene.at("export");
    assert_eq!(scene.undersign(&["record", "export", "--drills", "--to", &to]).code, 0);
    let (bundle, signers) = (format!("{to}/drills.intoto.jsonl"), format!("{to}/signers"));
    let verified = scene.undersign(&["record", "verify", &bundle, "--signers", &signers]);
    assert!(verified.code == 0 && verified.out.contains("DRILL (begin) at prod by dana, sound"), "{verified:?}");
    // Without undersign, as the export says.
    let how = std::fs::read_to_string(format!("{to}/HOW-TO-VERIFY")).unwrap();
    let checked = Command::new("sh").arg("-ec").arg(how).current_dir(&to).output().unwrap();
    assert!(
        String::from_utf8_lossy(&checked.stdout).contains("Good \"command-drill@undersign\" signature"),
        "{checked:?}"
    );
    // The review by those who would owe an authorization; without a preview it is destructive, and seniors sign.
    as_who("rahim");
    let mut review = start(&["--review", &drill[..12], "--reason", "Read all of it"]);
    review.wait_for("to sign:");
    review.press(&format!("{}\n", code(&review)));
    review.wait_for("Signed and recorded");
    assert_eq!(review.end().0, 0);
    let reviewed = json(&["record", "list", "--drills", "--json"]);
    assert!(reviewed["drills"][0]["reviewed"].is_i64(), "{reviewed}");
    let report = json(&["report", "audit", "--policy-branch", "refs/heads/main", "--format", "json"]);
    let row = &report["drills"]["held"][0];
    assert_eq!(
        (&row["kind"], &row["ref"], &row["request"]),
        (&"command-drill".into(), &"prod".into(), &id.as_str().into())
    );
    assert!(row["reviewed"].is_string() && row["lacking"].is_null(), "{row}");
    let missing = report["drills"]["not_practised"].to_string();
    assert!(missing.contains("rahim") && !missing.contains("dana"), "{missing}");
    for format in ["html", "md", "csv"] {
        let text = scene.undersign(&["report", "audit", "--policy-branch", "refs/heads/main", "--format", format]).out;
        assert!(
            text.contains(&drill[..12]) && text.contains("by their signatures, an emergency would have run it"),
            "{format}: {text}"
        );
    }
    assert_eq!(times(&mark), 0);
}

/// Whom the report lists as not having practised.
fn not_practised(scene: &Scene) -> String {
    let said = scene.undersign(&["report", "audit", "--policy-branch", "refs/heads/main", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    report["drills"]["not_practised"].to_string()
}

#[test]
fn a_drill_that_says_something_else_of_its_request_takes_no_further_signature() {
    let scene = Scene::new(GLASS, "");
    let id = scene.ask("echo x", "orders fail");
    assert_eq!(scene.undersign(&["sync"]).code, 0);
    scene.f.git("dana", &["config", "gpg.format", "ssh"]);
    scene.f.git("dana", &["config", "user.signingkey", scene.f.key_file("rahim").to_str().unwrap()]);
    let said_of = |set: &dyn Fn(&mut CommandDrill), step: &str| {
        let (chain, _) = practise(&scene, "mina", &id, set);
        let drill = CommandDrillRecord::chain(&scene.f.repository(), &chain).head().unwrap().record.to_string();
        let said = scene.undersign(&["record", "drill", step, &drill, "--reason", "Read it"]);
        assert_ne!(said.code, 0, "{said:?}");
        said.err.contains("a different target, broker or command from those in its request")
    };
    for step in ["--join", "--review"] {
        assert!(said_of(&|own| own.command = "c".repeat(64), step), "{step}");
        // The true one is refused only because nobody is there to type.
        assert!(!said_of(&|_| (), step), "{step}");
    }
}

#[test]
fn many_drills_of_one_person_do_not_hide_that_of_another() {
    let scene = Scene::new(GLASS, "");
    let id = scene.ask("echo x", "orders fail");
    practise(&scene, "dana", &id, |_| {});
    (0..5).for_each(|_| _ = practise(&scene, "mina", &id, |own| own.roles = vec!["junior".into()]));
    std::thread::sleep(std::time::Duration::from_secs(3));
    let said = scene.exec(&["run", &id]);
    let told: Vec<&str> = said.err.lines().filter(|line| line.starts_with("DRILL")).collect();
    assert_eq!((said.code, told.len()), (75, 2), "{said:?}");
    assert!(told[0].contains("by dana") && told[0].contains("An emergency would start it"), "{said:?}");
    assert!(told[1].contains("by mina") && told[1].contains("would not start it"), "{said:?}");
}

#[test]
fn a_drill_of_a_request_that_is_not_there_or_is_another_is_no_practice() {
    let scene = Scene::new(GLASS, "");
    let id = scene.ask("echo x", "orders fail");
    practise(&scene, "dana", &id, |own| own.request = "0".repeat(64));
    practise(&scene, "dana", &id, |own| own.command = "c".repeat(64));
    assert!(not_practised(&scene).contains("dana"), "{}", not_practised(&scene));
    practise(&scene, "dana", &id, |_| {});
    assert!(!not_practised(&scene).contains("dana"), "{}", not_practised(&scene));
}

#[test]
fn a_signature_that_an_emergency_does_not_count_is_no_practice() {
    // It would run for mina, who may not allow it.
    let scene = Scene::new(&GLASS.replace("role = \"senior\"", "role = \"junior\""), "");
    let id = scene.ask("echo x", "orders fail");
    practise(&scene, "mina", &id, |own| own.roles = vec!["junior".into()]);
    assert!(not_practised(&scene).contains("mina"), "{}", not_practised(&scene));
}
