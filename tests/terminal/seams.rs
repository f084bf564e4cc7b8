//! Where the program hands the terminal to others, or the terminal hands it something: editor, clipboard, shell, mouse.

use super::*;
use crate::support::wait;

fn demo(home: &Path, environment: &[(&str, &str)]) -> Program {
    let dir = home.join("demo").display().to_string();
    let mut program = Program::start(&["demo", "--dir", &dir], (120, 36), environment, home);
    program.wait_for("need you");
    program.press("/typo\r");
    program.wait_for("filter: typo");
    program.wait_for("aider");
    program.press("\r");
    program.wait_for("befor you touch");
    program
}

fn quit(mut program: Program) {
    program.press("\u{3}");
    assert!(program.end().1, "the terminal is given back");
}

#[test]
fn the_editor_gets_a_read_only_copy_at_the_line_and_the_screen_comes_back() {
    let home = home();
    let (script, told) = (home.path().join("edit or"), home.path().join("told"));
    let body = "#!/bin/sh\nlast=$(eval echo \\${$#})\nls -l \"$last\" | cut -c1-10 > \"$TOLD\"\n\
                echo \"$@\" >> \"$TOLD\"\ncat \"$last\" >> \"$TOLD\"\n";
    std::fs::write(&script, body).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    // A path with a blank, quoted as people do, and an argument.
    let editor = format!("'{}' --flag", script.display());
    let told_to = told.display().to_string();
    let mut program = demo(home.path(), &[("VISUAL", &editor), ("TOLD", &told_to)]);
    program.press("]jje");
    program
        .wait_until("editor that was told", |_| std::fs::read_to_string(&told).unwrap_or_default().contains("befor"));
    let text = std::fs::read_to_string(&told).unwrap();
    assert!(text.starts_with("-r--------\n--flag "), "{text}");
    let copy = text.lines().nth(1).unwrap().split(' ').next_back().unwrap().to_owned();
    program.wait_for("befor you touch");
    program.press("G");
    program.wait_for("▸");
    assert!(!Path::new(&copy).exists(), "the copy is gone");
    quit(program);
    let home = super::home();
    let mut program = demo(home.path(), &[("VISUAL", "no-such-editor")]);
    program.press("]jje");
    program.wait_for("`no-such-editor` cannot be started");
    quit(program);
}

#[test]
fn copying_goes_to_the_terminal_s_clipboard_encoded() {
    let home = home();
    let mut program = demo(home.path(), &[("DISPLAY", ""), ("WAYLAND_DISPLAY", "")]);
    program.press("]jjjy");
    program.wait_for("copied: README.md:");
    let sequence = || {
        let raw = String::from_utf8_lossy(&program.raw.lock().unwrap()).into_owned();
        raw.split_once("\u{1b}]52;c;").map(|(_, rest)| rest.split('\u{1b}').next().unwrap().to_owned())
    };
    let copied = wait::look_for(wait::PATIENCE, sequence).unwrap();
    use base64ct::Encoding as _;
    let copied = base64ct::Base64::decode_vec(&copied).unwrap();
    assert!(String::from_utf8(copied).unwrap().starts_with("README.md:"));
    quit(program);
}

#[test]
fn ctrl_z_stops_it_with_the_terminal_given_back_and_it_goes_on_where_it_was() {
    let home = home();
    let mut program = demo(home.path(), &[]);
    let process = program.child.process_id().unwrap();
    program.press("\u{1a}");
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(')').next().unwrap_or_default().trim().chars().next()
    };
    // Where nobody could wake it, the system does not stop a process of an orphaned group: nothing to see then.
    if !wait::comes_true(Duration::from_secs(5), || state() == Some('T')) {
        program.wait_for("befor you touch");
        return quit(program);
    }
    assert!(!program.has_its_screen(), "the shell has its screen");
    assert!(std::process::Command::new("kill").args(["-CONT", &process.to_string()]).status().unwrap().success());
    program.wait_for("befor you touch");
    program.press("?");
    program.wait_for("any other key closes");
    program.press("x");
    quit(program);
}

#[test]
fn ctrl_z_is_survived_where_what_started_it_belongs_to_a_session_outside_its_namespace() {
    const NAMESPACE: [&str; 4] = ["unshare", "--user", "--pid", "--fork"];
    let made = std::process::Command::new(NAMESPACE[0]).args(&NAMESPACE[1..]).arg("true").output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("skipped: this system makes no process namespaces for tests");
        return;
    }
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let script = "setsid \"$0\" demo --dir \"$1\"; echo \"ended with $?\"";
    let words = [&NAMESPACE[..], &["sh", "-c", script, env!("CARGO_BIN_EXE_undersign"), &dir]].concat();
    let mut program = Program::started_by(&words, (120, 36), &[], home.path());
    program.wait_for("need you");
    program.press("\u{1a}");
    program.wait_for("No shell waits for this program");
    program.press("q");
    program.wait_for("ended with 0");
}

#[test]
fn the_wheel_and_a_click_reach_the_reader_and_a_release_means_nothing() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let mut program = Program::start(&["demo", "--dir", &dir], (120, 24), &[], home.path());
    program.wait_for("need you");
    // Which change is first hangs on what is examined so far.
    program.press("/rename\r");
    program.wait_for("filter: rename");
    program.press("\r");
    program.wait_for("‹ Queue");
    program.wait_for("3 findings");
    // Button 64 and 65 are the wheel, in SGR coordinates from 1 on.
    program.press("\u{1b}[<65;60;10M\u{1b}[<65;60;10M");
    let is_above = |text: &str| text.contains("▸ envs/prod/main.tf  ") || text.contains("1    1   resource");
    program.wait_until("lines further down", |program| !is_above(&program.text()));
    program.press("\u{1b}[<0;5;6M\u{1b}[<0;5;6m");
    program.wait_for("▸ envs/prod/dashboards.tf");
    quit(program);
}

#[test]
fn a_note_is_written_on_in_the_editor_and_what_came_of_it_is_kept() {
    let home = home();
    let script = home.path().join("edit");
    std::fs::write(&script, "#!/bin/sh\nprintf 'second line\\n\\tthird\\n' >> \"$1\"\n").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut program = demo(home.path(), &[("VISUAL", &script.display().to_string())]);
    program.press("]jjcFirst line\u{1b}\r\u{f}");
    program.wait_for("First line⏎second line⏎→third");
    program.press("\r");
    program.wait_for("✎ First line");
    program.wait_for("second line");
    quit(program);
    let home = super::home();
    let mut program = demo(home.path(), &[("VISUAL", "no-such-editor")]);
    program.press("]jjcFirst line\u{f}");
    program.wait_for("`no-such-editor` cannot be started");
    program.press("\r");
    program.wait_for("✎ First line");
}

#[test]
fn a_terminal_that_shows_no_screens_gets_the_queue_as_text() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let mut program = Program::start(&["demo", "--dir", &dir], (120, 36), &[("TERM", "dumb")], home.path());
    program.wait_for("TERM is dumb");
    program.wait_for("tier 1");
    program.wait_for("1 command waits at prod; `undersign` opens it");
    assert!(program.end().1);
    let raw = String::from_utf8_lossy(&program.raw.lock().unwrap()).into_owned();
    assert!(!raw.contains("\u{1b}[?1049h"), "{raw}");
}

#[test]
fn a_quit_signal_gives_the_terminal_back() {
    let home = home();
    let mut program = demo(home.path(), &[]);
    let id = program.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-QUIT", &id]).status().unwrap().success());
    assert!(program.end().1, "the terminal is given back");
}

/// Whether it gave the terminal back, or says why not: an orphaned group is not stopped, and goes on with its screen.
fn gave_way(program: &Program) -> bool {
    !program.has_its_screen() || program.text().contains("No shell waits for this program")
}

#[test]
fn a_stop_signal_gives_the_terminal_back_for_as_long_as_it_stops() {
    for signal in ["-TSTP", "-TTIN", "-TTOU"] {
        let home = home();
        let program = demo(home.path(), &[]);
        let process = program.child.process_id().unwrap();
        let id = process.to_string();
        let kill = |signal: &str| std::process::Command::new("kill").args([signal, &id]).status().unwrap().success();
        assert!(kill(signal));
        program.wait_until(&format!("stop by {signal}"), gave_way);
        assert!(kill("-CONT"));
        program.wait_for("befor you touch");
        quit(program);
    }
}

#[test]
fn ctrl_z_is_heard_in_a_prompt_too() {
    let home = home();
    let mut program = demo(home.path(), &[]);
    program.press("S");
    program.wait_for("What is left");
    program.press("\u{1a}");
    let id = program.child.process_id().unwrap().to_string();
    program.wait_until("stop", gave_way);
    assert!(std::process::Command::new("kill").args(["-CONT", &id]).status().unwrap().success());
    program.wait_for("What is left");
    // Not by Esc: with what follows at once a terminal would read another stroke. And Ctrl-C takes back what is typed
    // ahead of it.
    program.press("q");
    program.wait_for("? help");
    quit(program);
}

#[test]
fn what_is_typed_while_a_change_opens_is_for_it() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let mut program = Program::start(&["demo", "--dir", &dir], (120, 36), &[], home.path());
    program.wait_for("need you");
    // The key that leaves the reader would leave the program if it came to the queue.
    program.press("/typo\r\rq");
    program.press("\rS");
    program.wait_for("─ sign ─");
    // Escape and the next key in one go are one key with Alt to a terminal.
    program.press("\x1b");
    program.wait_until("closed sheet", |program| !program.text().contains("─ sign ─"));
    program.press("q");
    program.wait_for("need you");
    program.press("q");
    let (exit, restored) = program.end();
    assert!(exit == 0 && restored);
}

#[test]
fn what_could_not_be_saved_is_printed_and_is_no_success() {
    let home = home();
    let mut program = demo(home.path(), &[]);
    let drafts = home.path().join("demo/drafts");
    // A file where the folder was: as on a full disk, nothing can be written there, not even by root.
    let _ = std::fs::remove_dir_all(&drafts);
    std::fs::write(&drafts, "").unwrap();
    program.press("c");
    program.wait_for("note");
    program.press("Who asked for this?\r");
    program.wait_for("was not saved");
    program.press("qq");
    let (exit, restored) = program.end();
    assert!(exit == 70 && restored, "{exit}");
    program.wait_for("was not saved");
    program.wait_for("Who asked for this?");
}

#[test]
fn a_signal_that_ends_the_desk_is_its_exit_code() {
    for (signal, code) in [("-TERM", 143), ("-HUP", 129), ("-QUIT", 131)] {
        let home = home();
        let mut program = demo(home.path(), &[]);
        let id = program.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(program.end(), (code, true), "{signal}");
    }
}

/// A terminal whose window grew meanwhile may bring rows of the one screen into the other.
#[test]
fn the_screen_is_erased_before_it_is_given_back() {
    let home = home();
    let mut program = demo(home.path(), &[]);
    program.press("\u{3}");
    assert!(program.end().1);
    let raw = String::from_utf8_lossy(&program.raw.lock().unwrap()).into_owned();
    let before = raw.rsplit_once("\u{1b}[?1049l").expect("the other screen is left").0;
    assert!(before.ends_with("\u{1b}[0m\u{1b}[2J"), "{:?}", before.chars().rev().take(80).collect::<String>());
}
