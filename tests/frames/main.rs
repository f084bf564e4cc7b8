//! Key string → frame: the whole program without threads or a terminal, drawn into a buffer.
#![allow(clippy::unwrap_used)]

mod advice;
mod alike;
mod attack;
mod cached;
mod commands;
mod concurrent;
mod delivery;
#[path = "../support/desk.rs"]
mod desk;
mod desks;
#[path = "../support/drills.rs"]
mod drilled;
#[path = "../support/command_drills.rs"]
mod drilled_commands;
mod honest;
mod hostile;
mod late;
#[path = "../support/looks.rs"]
mod looks;
mod moves;
mod notes;
mod reader;
mod renamed;
mod screens;
mod strokes;
#[path = "../support/mod.rs"]
mod support;
mod team;
mod texts;
mod tools;
#[path = "../support/waiting.rs"]
mod waiting;
mod which;

use desk::{Session, draft_file, ports};
use support::{Fixture, NOW, policy};
use undersign::app::Event;
use undersign::decision::Verdict;
use undersign::tui::theme::{Role, Theme};
use undersign::worker::Ports;

/// What the head of the reader says is left.
fn left(frame: &str) -> &str {
    let head = frame.lines().next().unwrap_or_default();
    head.find("nothing left").or(head.find("left: ")).map_or("", |at| &head[at..])
}

fn two_changes() -> Fixture {
    let core =
        "[compartment.core]\npaths = [\"src/**\"]\ncriticality = \"high\"\nsign = [{ role = \"senior\", n = 2 }]\n";
    let f = Fixture::with_policy(&policy(core));
    f.git("mina", &["checkout", "-q", "-b", "docs/typo", "main"]);
    f.write("README.md", "# the shop\n");
    f.commit("mina", "Fix a typo");
    f.git("mina", &["checkout", "-q", "-b", "claude/tls", "main"]);
    f.write("src/net.py", "import requests\n\ndef get(url):\n    return requests.get(url, verify=False)\n");
    f.commit("mina", "Fetch with retries\n\nGenerated with [Claude Code](https://claude.com/claude-code)");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

fn with_filters(test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9a-f]{7}\.\.[0-9a-f]{7}", "bbbbbbb..hhhhhhh");
    settings.add_filter(r"(· )[0-9a-f]{7} ", "${1}hhhhhhh ");
    settings.bind(test);
}

#[test]
fn the_queue_shows_the_riskiest_first() {
    let f = two_changes();
    with_filters(|| insta::assert_snapshot!(Session::new(&f, (120, 30)).frame()));
}

#[test]
fn the_queue_fits_80_by_24() {
    let f = two_changes();
    with_filters(|| insta::assert_snapshot!(Session::new(&f, (80, 24)).frame()));
}

#[test]
fn the_reader_shows_findings_where_they_are() {
    let f = two_changes();
    with_filters(|| insta::assert_snapshot!(Session::new(&f, (120, 24)).press("<enter>").frame()));
}

#[test]
fn the_reader_fits_80_by_24() {
    let f = two_changes();
    with_filters(|| insta::assert_snapshot!(Session::new(&f, (80, 24)).press("<enter>").frame()));
}

#[test]
fn the_sign_sheet_says_what_is_missing() {
    let f = two_changes();
    with_filters(|| insta::assert_snapshot!(Session::new(&f, (100, 24)).press("<enter>Sa").frame()));
}

#[test]
fn approving_needs_everything_and_the_typed_code_and_enter_alone_signs_nothing() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>Sa");
    assert!(session.frame().contains("An approval needs everything seen and answered"), "{}", session.frame());
    session.press("<esc><space>)aThe host has no certificate yet.<enter>Sa");
    assert!(session.frame().contains("reason:"), "{}", session.frame());
    session.press("Reverting takes it back.<enter>");
    assert!(session.frame().contains("\"verdict\": \"approve\""), "{}", session.frame());
    session.press("<enter><enter>");
    assert_eq!(undersign::ledger::read(&f.repository()).unwrap().len(), 0, "Enter means no");
    let code =
        session.frame().lines().find_map(|l| Some(l.split_once("type ")?.1.split(' ').next()?.to_owned())).unwrap();
    session.press(&code).press("<enter>");
    assert!(session.frame().contains("✓ Approved, signed, recorded"), "{}", session.frame());
    let chains = undersign::ledger::read(&f.repository()).unwrap();
    let predicate = &chains[0].records[0].verified.statement().predicate;
    assert_eq!((predicate.coverage.hunks_seen.0, predicate.findings.answered.len()), (1, 1));
    assert_eq!(predicate.reason, "Reverting takes it back.");
    session.press("<esc>q");
    assert!(session.frame().contains("You signed, others must 1"), "{}", session.frame());
}

#[test]
fn rejecting_needs_a_reason_and_the_word() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>Sr<enter>");
    assert!(session.frame().contains("A reason is needed"), "{}", session.frame());
    session.press("Certificates must be checked.<enter>reject<enter>");
    assert!(session.frame().contains("✓ Rejected, signed, recorded"), "{}", session.frame());
    session.press("<esc>q");
    assert!(session.frame().contains("rejected"), "{}", session.frame());
}

/// What the queue says of the first change, which was rejected by one person, to another or to the same one.
fn queue_after_rejection(is_moved: bool, who: &str) -> String {
    let f = two_changes();
    Session::new(&f, (100, 40)).press("<enter>SrCertificates must be checked.<enter>reject<enter><esc>q");
    if is_moved {
        f.git("mina", &["checkout", "-q", "claude/tls"]);
        f.write("src/net.py", "import requests\n\ndef get(url):\n    return requests.get(url, timeout=5)\n");
        f.commit("mina", "Check certificates");
        f.git("mina", &["checkout", "-q", "main"]);
    }
    let ports = Ports { clock: Some(NOW), ..ports(&f.dir.path().join("drafts"), f.key(who)) };
    Session::over(vec![f.repo.clone()], ports, NOW, (100, 40)).frame()
}

#[test]
fn a_rejected_change_needs_who_rejected_it_once_it_moved_and_nobody_else() {
    for (is_moved, who, needs) in [(false, "dana", 2), (true, "dana", 3), (true, "rahim", 2)] {
        let frame = queue_after_rejection(is_moved, who);
        assert!(frame.contains(&format!("Needs you {needs}")), "{is_moved} {who}: {frame}");
    }
}

#[test]
fn leaving_in_the_middle_loses_nothing() {
    let f = two_changes();
    Session::new(&f, (100, 40)).press("<enter><space>)aIt is a test host.<enter>qq");
    let mut later = Session::new(&f, (100, 40));
    later.press("<enter>");
    assert!(
        left(&later.frame()).contains("nothing left") && later.frame().contains("It is a test host."),
        "{}",
        later.frame()
    );
}

#[test]
fn what_was_not_shown_is_not_marked_as_seen() {
    let f = two_changes();
    f.git("mina", &["checkout", "-q", "-b", "long", "main"]);
    f.write("src/long.txt", &"line\n".repeat(200));
    f.commit("mina", "Long");
    let mut session = Session::new(&f, (100, 24));
    session.press("/long<enter><enter>r");
    assert!(session.frame().contains("not marked: 1"), "{}", session.frame());
    session.press(&"<space>".repeat(12));
    assert!(!left(&session.frame()).contains("hunk"), "{}", session.frame());
    session.press("r");
    assert!(left(&session.frame()).contains("1 hunk"), "{}", session.frame());
}

#[test]
fn a_head_that_moved_closes_the_sheet_and_nothing_is_signed() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>Sr");
    f.git("mina", &["checkout", "-q", "claude/tls"]);
    f.write("src/net.py", "import requests\n");
    f.commit("mina", "More");
    session.press("No.<enter>");
    assert!(session.frame().contains("The branch moved; what you saw is kept"), "{}", session.frame());
    assert_eq!(undersign::ledger::read(&f.repository()).unwrap().len(), 0);
}

#[test]
fn hidden_characters_are_marks_with_a_role_of_their_own() {
    let f = two_changes();
    f.git("mina", &["checkout", "-q", "-b", "trojan", "main"]);
    f.write("src/a.py", "if admin: \u{202e} # \u{1b}[31m\n");
    f.commit("mina", "Tro\u{202e}jan \u{1b}]0;x\u{7}");
    let mut session = Session::new(&f, (100, 24));
    session.press("/jan<enter><enter>");
    let frame = session.frame();
    assert!(
        frame.contains("<U+202E>") && frame.contains("␛[31m") && frame.contains("Tro<U+202E>jan ␛]0;x␇"),
        "{frame}"
    );
    assert!(!frame.contains('\u{1b}') && !frame.contains('\u{202e}'));
    let theme = Theme::shipped("dark").unwrap();
    let terminal = session.terminal(&theme);
    let hidden = theme.style(Role::Hidden).bg.unwrap();
    assert!(terminal.backend().buffer().content().iter().any(|cell| cell.bg == hidden && cell.symbol() == "␛"));
}

#[test]
fn binary_mode_symlink_and_empty_files_are_rows_that_say_what_they_are() {
    let f = two_changes();
    f.git("mina", &["checkout", "-q", "-b", "odd", "main"]);
    std::fs::write(f.repo.join("data.bin"), [0, 1, 2, 3]).unwrap();
    f.write("empty.txt", "");
    std::os::unix::fs::symlink("../etc/passwd", f.repo.join("link")).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(f.repo.join("README.md"), std::fs::Permissions::from_mode(0o755)).unwrap();
    f.commit("mina", "Odd files");
    with_filters(|| insta::assert_snapshot!(Session::new(&f, (100, 40)).press("/odd<enter><enter>").frame()));
}

#[test]
fn a_repository_that_cannot_be_read_is_one_grey_row() {
    let f = two_changes();
    std::fs::remove_dir_all(f.repo.join(".git/objects")).unwrap();
    let frame = Session::new(&f, (100, 24)).frame();
    assert!(frame.contains("⊘"), "{frame}");
}

#[test]
fn a_damaged_draft_is_set_aside_and_told() {
    let f = two_changes();
    Session::new(&f, (100, 40)).press("<enter><space>qq");
    let file = draft_file(&f.dir.path().join("drafts"));
    std::fs::write(&file, "{").unwrap();
    let mut session = Session::new(&f, (120, 40));
    session.press("<enter>");
    assert!(session.frame().contains("The draft of this review could not be used"), "{}", session.frame());
    assert!(file.with_extension("damaged").exists());
}

#[test]
fn a_screen_of_20_by_5_says_what_it_needs() {
    let f = two_changes();
    assert!(Session::new(&f, (20, 5)).frame().contains("undersign needs"));
}

#[test]
fn help_comes_from_the_live_keymap() {
    let f = two_changes();
    insta::assert_snapshot!(Session::new(&f, (90, 40)).press("<enter>?").frame());
}

#[test]
fn a_review_that_is_owed_for_an_emergency_is_signed_after_it_landed() {
    let f = Fixture::with_policy(&policy("[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\n"));
    let emergency = f.decide_at("rahim", "agent/work", Verdict::BreakGlass, NOW);
    f.git("rahim", &["merge", "-q", "--ff-only", "agent/work"]);
    let mut session = Session::on_range(&f, "main~1", "main", (100, 40));
    session.press("<space>Sa").press("Read now.<enter>");
    let frame = session.frame();
    let code = frame.lines().find_map(|l| Some(l.split_once("type ")?.1.split(' ').next()?.to_owned())).expect(&frame);
    session.press(&code).press("<enter>");
    assert!(session.frame().contains("✓ Approved, signed, recorded"), "{}", session.frame());
    let chains = undersign::ledger::read(&f.repository()).unwrap();
    let approved = chains.iter().flat_map(|chain| &chain.records).find(|r| r.predicate().verdict == Verdict::Approve);
    assert_eq!(approved.unwrap().predicate().manifest, emergency.predicate().manifest);
}
