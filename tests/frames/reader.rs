//! The reader: layouts, what is left out, what came since, and finding one's way.

use std::collections::VecDeque;

use undersign::app::mouse::{Mouse, MouseKind};
use undersign::app::update;

use super::*;

/// A branch with one commit, in which each file is as given; what the trunk has of them before.
pub fn fixture(before: &[(&str, &str)], after: &[(&str, &str)]) -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "main"]);
    for (path, text) in before {
        f.write(path, text);
    }
    f.commit("mina", "Before");
    f.git("mina", &["checkout", "-q", "-b", "topic", "main"]);
    for (path, text) in after {
        f.write(path, text);
    }
    f.commit("mina", "Work on it\n\nAssisted-by: Claude:claude-opus-4");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

pub fn opened(f: &Fixture, size: (u16, u16)) -> Session {
    let mut session = Session::new(f, size);
    session.press("/topic<enter><enter>");
    session
}

pub fn numbered(lines: std::ops::Range<usize>) -> String {
    lines.map(|n| format!("line {n}\n")).collect()
}

const OLD: &str =
    "import os\n\ndef total(items):\n    sum = 0\n    for item in items:\n        sum += item.price\n    return sum\n";
const NEW: &str = "import os\nimport re\n\ndef total(items, tax):\n    # Prices are in cents.\n    sum = 0\n    for item in items:\n        sum += item.price * tax\n    return sum\n";

#[test]
fn a_wide_screen_has_both_sides_beside_each_other() {
    let f = fixture(&[("shop.py", OLD)], &[("shop.py", NEW)]);
    with_filters(|| insta::assert_snapshot!(opened(&f, (200, 24)).frame()));
}

/// Opens a change and reads its files; what the rules say of them comes back.
fn opened_before_its_rules(f: &Fixture) -> (Session, Vec<Event>) {
    let mut session = Session::new(f, (200, 24));
    session.press("/topic<enter>");
    let (mut events, mut held) = (VecDeque::new(), Vec::new());
    events.extend(session.begin("<enter>").into_iter().flat_map(|effect| session.carried_out(effect)));
    while let Some(event) = events.pop_front() {
        if matches!(event, Event::ReviewExamined { .. }) {
            held.push(event);
            continue;
        }
        assert!(!matches!(event, Event::Highlighted { .. }) || !session.state.is_looked_at(&event));
        for effect in update(&mut session.state, event) {
            events.extend(session.carried_out(effect));
        }
    }
    (session, held)
}

/// The foreground of the first character of a text on the screen.
fn colour_of(session: &Session, text: &str) -> ratatui::style::Color {
    let terminal = session.terminal(&Theme::shipped("dark").unwrap());
    let buffer = terminal.backend().buffer();
    let row = |y| (0..session.size.0).map(|x| buffer[(x, y)].symbol()).collect::<Vec<_>>();
    let at = |y| row(y).windows(text.len()).position(|cells| cells.concat() == text).map(|x| (x as u16, y));
    buffer[(0..session.size.1).find_map(at).unwrap_or_else(|| panic!("no {text:?}: {}", session.frame()))].fg
}

#[test]
fn colours_wait_for_the_rules_that_sort_the_files_unless_a_key_was_pressed() {
    let f = fixture(&[("shop.py", OLD)], &[("shop.py", NEW)]);
    let (mut session, held) = opened_before_its_rules(&f);
    let plain = colour_of(&session, "import re");
    session.take(held.into());
    let coloured = colour_of(&session, "import re");
    assert_ne!(plain, coloured);

    let (mut session, _) = opened_before_its_rules(&f);
    assert_eq!(colour_of(&session, "import re"), plain);
    session.press("jk");
    assert_eq!(colour_of(&session, "import re"), coloured);
}

#[test]
fn the_layout_is_chosen_by_a_stroke_and_the_line_that_is_read_stays() {
    let f = fixture(&[("shop.py", OLD)], &[("shop.py", NEW)]);
    let mut session = opened(&f, (100, 24));
    let at_cursor = |session: &Session| {
        session.frame().lines().find_map(|line| line.split_once('▸').map(|(_, rest)| rest.to_owned())).unwrap()
    };
    session.press("/item.price<enter>f");
    assert!(at_cursor(&session).contains("sum += item.price"), "{}", session.frame());
    session.press("m");
    assert!(at_cursor(&session).contains("sum += item.price"), "{}", session.frame());
    assert!(at_cursor(&session).contains("│"), "{}", session.frame());
    with_filters(|| insta::assert_snapshot!(session.frame()));
    session.press("m");
    assert!(at_cursor(&session).contains("sum += item.price"), "{}", session.frame());
}

#[test]
fn long_lines_wrap_or_run_on_and_only_what_was_on_the_screen_counts_as_shown() {
    let long = format!("short\n{}END\n", "0123456789".repeat(20));
    let f = fixture(&[("a.txt", "short\n")], &[("a.txt", &long)]);
    let mut session = opened(&f, (80, 24));
    assert!(session.frame().contains("↪") && session.frame().contains("END"), "{}", session.frame());
    session.press("qq");
    let drafts = f.dir.path().join("drafts");
    std::fs::remove_dir_all(drafts).unwrap();
    // Opened anew with lines that run on: the end of the line was never on the screen.
    let mut session = Session::new(&f, (80, 24));
    session.state.look.wrap = false;
    session.press("/topic<enter><enter>");
    assert!(!session.frame().contains("END"), "{}", session.frame());
    session.press("r");
    assert!(session.frame().contains("not marked: 1"), "{}", session.frame());
    session.press(&"l".repeat(20));
    assert!(session.frame().contains("END"), "{}", session.frame());
    session.press("r");
    assert!(!left(&session.frame()).contains("hunk"), "{}", session.frame());
}

#[test]
fn blanks_are_drawn_on_demand_and_at_the_ends_of_added_lines_always() {
    let f = fixture(&[("a.py", "if a:\n    b\n")], &[("a.py", "if a:\n\tb\nc  \n")]);
    let mut session = opened(&f, (80, 24));
    assert!(session.frame().contains("c··") && !session.frame().contains("→"), "{}", session.frame());
    session.press("W");
    assert!(session.frame().contains("→   b") && session.frame().contains("····b"), "{}", session.frame());
}

#[test]
fn a_hunk_in_which_only_blanks_differ_says_so_and_counts_all_the_same() {
    let f = fixture(&[("a.py", "if a:\n    b\n")], &[("a.py", "if a:\n\tb\n")]);
    let frame = opened(&f, (80, 24)).frame();
    assert!(
        frame.contains("␣ only blanks differ") && frame.contains("␣+") && left(&frame).contains("1 hunk"),
        "{frame}"
    );
}

#[test]
fn moved_lines_say_where_they_came_from() {
    let moved = "def charge(card, amount):\n    token = vault.exchange(card)\n    return gateway.pay(token, amount)\n";
    let rest = numbered(0..30);
    let f = fixture(
        &[("a.py", &format!("{moved}{rest}")), ("b.py", &rest)],
        &[("a.py", &rest), ("b.py", &format!("{rest}{moved}"))],
    );
    let frame = opened(&f, (120, 40)).frame();
    assert!(frame.contains("» moved to b.py:31") && frame.contains("» moved from a.py:1"), "{frame}");
}

#[test]
fn what_is_left_out_is_opened_by_enter_plus_and_x() {
    let old = numbered(1..101);
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &old.replace("line 50\n", "line fifty\n"))]);
    let mut session = opened(&f, (80, 30));
    assert!(
        session.frame().contains("⋯ 46") && session.frame().contains("⋯ 47 unchanged lines to the end"),
        "{}",
        session.frame()
    );
    session.press("]+");
    assert!(session.frame().contains("⋯ 26"), "{}", session.frame());
    session.press("-");
    assert!(session.frame().contains("⋯ 46"), "{}", session.frame());
    session.press("X");
    assert!(!session.frame().contains('⋯') && session.frame().contains("line 46"), "{}", session.frame());
    session.press("gg");
    assert!(session.frame().contains("1    1   line 1 "), "{}", session.frame());
    session.press("77G");
    assert!(session.frame().lines().any(|line| line.contains('▸') && line.contains("line 77 ")), "{}", session.frame());
}

#[test]
fn a_long_lock_file_is_a_row_to_acknowledge_or_to_open() {
    let lock: String = (0..80).map(|n| format!("[[package]]\nname = \"crate-{n}\"\n")).collect();
    let f = fixture(&[("Cargo.lock", "")], &[("Cargo.lock", &lock)]);
    let mut session = opened(&f, (100, 24));
    let frame = session.frame();
    assert!(frame.contains("⊘ lock file, folded: +160 −0 in 1 hunk") && left(&frame).contains("1 omission"), "{frame}");
    session.press("}j<enter>");
    session.press(")<enter>");
    let frame = session.frame();
    assert!(
        frame.contains("crate-0") && left(&frame).contains("1 hunk") && !left(&frame).contains("omission"),
        "{frame}"
    );
    session.press(&"<space>".repeat(9));
    assert!(!left(&session.frame()).contains("hunk"), "{}", session.frame());
    session.press("qq");
    let again = opened(&f, (100, 24)).frame();
    assert!(!left(&again).contains("hunk"), "what was read stays open: {again}");
}

#[test]
fn line_ends_encoding_and_binary_files_are_told() {
    let f = fixture(&[("a.txt", "one\ntwo\n")], &[("a.txt", "one\r\ntwo\r\n")]);
    f.git("mina", &["checkout", "-q", "topic"]);
    std::fs::write(f.repo.join("latin.txt"), b"caf\xe9\n").unwrap();
    std::fs::write(f.repo.join("utf16.txt"), b"\xff\xfea\0b\0").unwrap();
    std::fs::write(f.repo.join("utf16.bin"), b"\xff\xfe\0\xd8a\0").unwrap();
    f.commit("mina", "More");
    let frame = opened(&f, (120, 40)).frame();
    assert!(frame.contains("line endings: were LF, are CRLF"), "{frame}");
    assert!(
        frame.contains("the text is not UTF-8: 1 byte drawn in hex, like <FF>") && frame.contains("caf<E9>"),
        "{frame}"
    );
    assert!(frame.contains("the text is UTF-16 (little-endian), shown as UTF-8"), "{frame}");
    assert!(frame.contains("invalid or ambiguous UTF-16 text after: 6 bytes, sha256"), "{frame}");
}

#[test]
fn the_list_of_what_is_open_leads_there() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 30));
    session.press("<enter>cNot like this.<enter>@");
    with_filters(|| insta::assert_snapshot!(session.frame()));
    session.press("certif<enter>");
    assert!(session.frame().lines().any(|line| line.contains('▸') && line.contains("tls.off")), "{}", session.frame());
}

#[test]
fn files_are_found_by_some_letters_and_one_comes_back() {
    let many: Vec<(String, String)> = (0..60).map(|n| (format!("src/part_{n:02}.rs"), numbered(0..10))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let f = fixture(&[], &many);
    let mut session = opened(&f, (120, 30));
    session.press("t");
    assert!(session.frame().contains("files · 60"), "{}", session.frame());
    session.press("p42");
    assert!(session.frame().contains("files · 1 of 60"), "{}", session.frame());
    session.press("<enter>");
    assert!(session.frame().contains("▸ src/part_42.rs"), "{}", session.frame());
    session.press("<ctrl-o>");
    assert!(session.frame().contains("▸ src/part_00.rs"), "{}", session.frame());
}

#[test]
fn commands_are_found_by_what_one_types_with_their_strokes() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 24));
    session.press("<enter>:unified");
    insta::assert_snapshot!(session.frame().lines().skip(2).take(4).collect::<Vec<_>>().join("\n"));
    session.press("<enter>");
    assert!(session.frame().contains("side by side"), "{}", session.frame());
}

#[test]
fn a_search_counts_over_all_files_and_goes_round() {
    let f = fixture(&[], &[("a.txt", "alpha\nbeta\nAlpha\n"), ("b.txt", "alphabet\n")]);
    let mut session = opened(&f, (100, 24));
    session.press("/alpha<enter>");
    assert!(session.frame().contains("1 of 3 lines with `alpha`, in 2 files"), "{}", session.frame());
    session.press("nn");
    assert!(session.frame().contains("3 of 3 lines"), "{}", session.frame());
    session.press("n");
    assert!(session.frame().contains("1 of 3 lines"), "{}", session.frame());
    session.press("N");
    assert!(session.frame().contains("3 of 3 lines"), "{}", session.frame());
    session.press("/Alpha<enter>");
    assert!(session.frame().contains("1 of 1 lines with `Alpha`, in 1 file"), "{}", session.frame());
    let theme = Theme::shipped("dark").unwrap();
    let found = theme.style(Role::Match).bg.unwrap();
    let terminal = session.terminal(&theme);
    let cells: String = terminal
        .backend()
        .buffer()
        .content()
        .iter()
        .filter(|cell| cell.bg == found)
        .map(|cell| cell.symbol())
        .collect();
    assert_eq!(cells, "Alpha");
}

#[test]
fn a_number_before_a_command_repeats_it() {
    let f = fixture(&[], &[("a.txt", &numbered(0..60))]);
    let mut session = opened(&f, (100, 24));
    session.press("12");
    assert!(session.frame().ends_with(" 12"), "{}", session.frame());
    session.press("j");
    assert!(
        session.frame().lines().any(|line| line.contains("▸") && line.ends_with("line 10 ·")
            || line.contains("▸   ") && line.contains("line 10")),
        "{}",
        session.frame()
    );
}

#[test]
fn rows_are_marked_to_come_back_to() {
    let f = fixture(&[], &[("a.txt", &numbered(0..60)), ("b.txt", &numbered(0..60))]);
    let mut session = opened(&f, (100, 24));
    session.press("5jM}M");
    session.press("G'");
    assert!(session.frame().lines().any(|line| line.contains('▸') && line.contains("line 3")), "{}", session.frame());
    session.press("'");
    assert!(session.frame().contains("▸ b.txt"), "{}", session.frame());
    session.press("M@");
    assert_eq!(session.frame().matches('◆').count(), 1, "{}", session.frame());
}

#[test]
fn notes_are_on_lines_on_several_on_the_file_and_on_the_change() {
    let f = fixture(&[], &[("a.txt", &numbered(0..10))]);
    let mut session = opened(&f, (100, 30));
    session.press("]jv2jcToo long.<enter>CWhy this file?<enter>gcSplit it.<enter>");
    let frame = session.frame();
    assert!(frame.contains("✎ lines 1–3: Too long.") && frame.contains("✎ Why this file?"), "{frame}");
    let undersign::app::Screen::Review(review) = &session.state.screen else { panic!("the reader is open") };
    let places: Vec<_> =
        review.work.draft.notes.iter().map(|note| (note.path.as_str(), note.line, note.until)).collect();
    assert_eq!(places, [("a.txt", 1, Some(3)), ("a.txt", 0, None), ("", 0, None)]);
    session.press("Sr<enter>No.<enter>reject<enter>");
    assert!(session.frame().contains("✓ Rejected"), "{}", session.frame());
    let chains = undersign::ledger::read(&f.repository()).unwrap();
    let notes = &chains[0].records[0].verified.statement().predicate.notes;
    assert_eq!(notes.len(), 3);
    assert!(notes.iter().any(|note| note.text == "Lines 1 to 3: Too long."), "{notes:?}");
}

#[test]
fn findings_stay_hidden_until_a_first_pass_is_done() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 24));
    session.press("<enter>B");
    let frame = session.frame();
    assert!(!frame.contains("tls.off") && frame.contains("findings hidden"), "{frame}");
    session.press("<space>");
    let frame = session.frame();
    assert!(frame.contains("tls.off") && frame.contains("the first pass is done"), "{frame}");
}

/// The same line in two files, and twice in one of them.
#[test]
fn one_answer_speaks_for_all_places_of_a_finding_and_the_record_says_for_how_many() {
    let call = "def get(url):\n    return requests.get(url, verify=False)\n";
    let twice = format!("{call}\n\ndef again(url):\n    return requests.get(url, verify=False)\n");
    let f = fixture(&[("a.txt", "a\n")], &[("src/a.py", call), ("src/b.py", &twice)]);
    let mut session = opened(&f, (120, 40));
    let frame = session.frame();
    assert!(frame.contains("1 of 3") && frame.contains("2 of 3") && frame.contains("3 of 3"), "{frame}");
    assert!(left(&frame).contains("1 finding"), "{frame}");
    session.press(")a");
    assert!(session.frame().contains("At all 3 places: "), "{}", session.frame());
    session.press("Only in the lab.<enter>");
    let frame = session.frame();
    assert!(frame.matches("✓ answered").count() == 3 && !left(&frame).contains("finding"), "{frame}");
    session.press("Sr<enter>No.<enter>reject<enter>");
    assert!(session.frame().contains("✓ Rejected"), "{}", session.frame());
    let chains = undersign::ledger::read(&f.repository()).unwrap();
    let record = &chains[0].records[0];
    let findings = &record.verified.statement().predicate.findings;
    let [answered] = &findings.answered[..] else { panic!("{findings:?}") };
    assert_eq!((&answered.path[..], answered.line.0, findings.total.0), ("src/a.py", 2, 3));
    assert_eq!(answered.answer, "Only in the lab. [one answer for 3 places]");
    let file: serde_json::Value =
        serde_json::from_slice(record.link.file(undersign::record::chain::FINDINGS_FILE)).unwrap();
    let places: Vec<_> = file.as_array().unwrap().iter().map(|row| (&row["path"], &row["line"])).collect();
    assert_eq!(places.len(), 3, "{file}");
    // One more place is another question.
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("src/c.py", call);
    f.commit("mina", "And once more");
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = opened(&f, (120, 40)).frame();
    assert!(frame.contains("1 of 4") && left(&frame).contains("1 finding"), "{frame}");
}

#[test]
fn a_pure_rebase_shows_nothing_and_keeps_the_marks() {
    let old = numbered(1..40);
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &old.replace("line 30\n", "line thirty\n"))]);
    opened(&f, (100, 24)).press("<space>qq");
    f.git("mina", &["checkout", "-q", "main"]);
    f.write("a.txt", &old.replace("line 2\n", "line two\n"));
    f.write("other.txt", "the base moved\n");
    f.commit("mina", "The base moves");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (100, 24));
    assert!(session.frame().contains("1 moved (u)"), "{}", session.frame());
    session.press("u");
    assert!(session.frame().contains("since you looked: A pure rebase"), "{}", session.frame());
    session.press("u<enter>");
    assert!(
        session.frame().contains("✓ seen before") && !left(&session.frame()).contains("hunk"),
        "{}",
        session.frame()
    );
    session.press("d");
    assert!(session.frame().contains("since you looked: A pure rebase"), "{}", session.frame());
}

#[test]
fn a_rework_shows_what_came_since_without_what_the_base_did() {
    let old = numbered(1..40);
    let first = old.replace("line 30\n", "line thirty\n");
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &first)]);
    opened(&f, (100, 24)).press("<space>qq");
    f.git("mina", &["checkout", "-q", "main"]);
    f.write("a.txt", &old.replace("line 2\n", "line two\n"));
    f.commit("mina", "The base moves");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.write("a.txt", &first.replace("line 2\n", "line two\n").replace("line 20\n", "line twenty\n"));
    f.commit("mina", "One thing more");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (100, 24));
    session.press("u<enter>d");
    let frame = session.frame();
    assert!(frame.contains("1 file reworked") && frame.contains("line twenty"), "{frame}");
    assert!(!frame.contains("line two\n") && !frame.contains("thirty"), "{frame}");
    with_filters(|| insta::assert_snapshot!(frame));
    session.press("S");
    assert!(session.frame().contains("A part of the change"), "{}", session.frame());
    session.press("d");
    assert!(session.frame().contains("thirty") && session.frame().contains("all of the change"), "{}", session.frame());
    session.press(">");
    assert!(session.frame().contains("thirty") && !session.frame().contains("twenty"), "{}", session.frame());
    session.press(">");
    assert!(session.frame().contains("twenty") && !session.frame().contains("thirty"), "{}", session.frame());
    session.press(">D");
    let frame = session.frame();
    assert!(frame.contains("=  ") && frame.contains("+  ") && frame.contains("One thing more"), "{frame}");
}

#[test]
fn what_was_decided_on_is_compared_too() {
    let f = fixture(&[], &[("a.txt", "one\n")]);
    opened(&f, (100, 30)).press("Sr<enter>No.<enter>reject<enter><esc>qq");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("a.txt", "one\ntwo\n");
    f.commit("mina", "Answer");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (100, 24));
    session.press("u<enter>d");
    let frame = session.frame();
    assert!(frame.contains("since you") && frame.contains("+ two") && !frame.contains("+ one"), "{frame}");
}

#[test]
fn the_intent_is_a_claim_beside_the_diff() {
    let f = fixture(&[], &[("a.txt", "one\n")]);
    let mut session = opened(&f, (100, 24));
    session.press("i");
    let frame = session.frame();
    assert!(frame.contains("claims, not facts") && frame.contains("Assisted-by: Claude:claude-opus-4"), "{frame}");
}

#[test]
fn the_body_of_a_private_key_in_a_message_is_not_drawn() {
    let f = fixture(&[], &[("a.txt", "one\n")]);
    let body = "MIIEpAIBAAKCAQEA7bq0ZBqgYb5GqkGKjVQv4kYwq0pQ";
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("b.txt", "two\n");
    let key = |begin: &str, end: &str| format!("{begin} RSA PRIVATE KEY-----\n{body}\nAAAABBBB\n{end}\nAfter it");
    let whole = key("-----BEGIN", "-----END RSA PRIVATE KEY-----");
    f.commit("mina", &format!("Say more\n\n{whole}\n\n-----BEGIN PRIVATE KEY-----\n{body}\n\nThe end of it"));
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = opened(&f, (120, 40));
    session.press("i");
    let frame = session.frame();
    assert!(frame.contains("After it") && frame.contains("The end of it"), "{frame}");
    assert!(!frame.contains("MIIEpAIB") && !frame.contains("AAAABBBB"), "{frame}");
}

#[test]
fn the_mouse_scrolls_points_and_drags_the_edge_and_decides_nothing() {
    let f = fixture(&[], &[("a.txt", &numbered(0..60)), ("b.txt", &numbered(0..60))]);
    let mut session = opened(&f, (120, 24));
    let mut mouse = |kind, column, row| {
        session.take(VecDeque::from([Event::Mouse(Mouse { kind, column, row })]));
        session.frame()
    };
    assert!(mouse(MouseKind::WheelDown, 60, 10).contains("line 20"));
    assert!(mouse(MouseKind::Press, 60, 8).lines().nth(8).unwrap().contains('▸'));
    assert!(mouse(MouseKind::Press, 5, 4).contains("▸ b.txt"));
    mouse(MouseKind::Press, 29, 10);
    mouse(MouseKind::Drag, 33, 10);
    let frame = mouse(MouseKind::Drag, 40, 10);
    assert_eq!(
        frame.lines().nth(5).unwrap().find('│').map(|at| frame.lines().nth(5).unwrap()[..at].chars().count()),
        Some(40),
        "{frame}"
    );
    session.press("q");
    session.take(VecDeque::from([Event::Mouse(Mouse { kind: MouseKind::Press, column: 20, row: 3 })]));
    assert!(session.frame().contains("‹ Queue"), "a click on what is selected opens it: {}", session.frame());
}

#[test]
fn the_rule_says_which_file_and_what_encloses_once_they_are_out_of_sight() {
    let body: String = (0..60).map(|n| format!("    step_{n}()\n")).collect();
    let f = fixture(&[], &[("jobs/nightly.py", &format!("def run():\n{body}"))]);
    let mut session = opened(&f, (100, 24));
    session.press("<pagedown>");
    let frame = session.frame();
    let rule = frame.lines().nth(1).unwrap();
    assert!(rule.contains("jobs/nightly.py ──") && rule.contains("def run()"), "{rule}");
}

#[test]
fn a_hunk_is_copied_as_markdown_that_cannot_break_out_of_its_fence() {
    let f = fixture(&[], &[("a.md", "```\n\u{1b}[31m<!-- obey -->\n````\n")]);
    let mut session = opened(&f, (100, 24));
    session.press("]j");
    let undersign::app::Screen::Review(review) = &session.state.screen else { panic!("the reader is open") };
    assert_eq!(review.location().unwrap(), "a.md:1");
    let digest = review.digest().unwrap();
    assert!(digest.starts_with("`a.md:1`\n\n`````diff\n+```\n") && digest.contains("␛[31m"), "{digest}");
    assert!(!digest.contains('\u{1b}'));
}

#[test]
fn a_resize_in_the_middle_of_anything_keeps_what_is_read() {
    let f = fixture(&[("shop.py", OLD)], &[("shop.py", NEW), ("long.txt", &numbered(0..90))]);
    for size in [(300, 100), (80, 24), (40, 10), (39, 9), (1, 1), (200, 60)] {
        for keys in ["", "@", ":", "/x", "S", "?", "i", "m", "wl", "v", "3"] {
            let mut session = opened(&f, (120, 30));
            session.press("/line 4<enter>").press(keys);
            session.size = size;
            session.take(VecDeque::from([Event::Resize(size.0, size.1)]));
            session.frame();
            session.press("<esc><esc>");
            session.size = (120, 30);
            session.take(VecDeque::from([Event::Resize(120, 30)]));
            assert!(session.frame().contains("line 4"), "{size:?} {keys}: {}", session.frame());
        }
    }
}

#[test]
fn a_decision_keeps_what_was_read_and_answered_for_the_next_revision() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter><space>)aIt is a test host.<enter>CWhy?<enter>Sr<enter>No.<enter>reject<enter><esc>");
    let frame = session.frame();
    assert!(left(&frame).contains("nothing left · ✓ decided") && frame.contains("✓ It is a test host."), "{frame}");
    assert!(!frame.contains("✎ Why?"), "no note of the draft: {frame}");
    assert!(frame.contains(", rejection ") && frame.contains("“Why?”"), "the note is in the record: {frame}");
    f.git("mina", &["checkout", "-q", "claude/tls"]);
    f.write("more.txt", "more\n");
    f.commit("mina", "More");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut later = Session::new(&f, (100, 40));
    later.press("u<enter>");
    let frame = later.frame();
    assert!(left(&frame).contains("left: 1 hunk") && !frame.contains("✓ decided"), "{frame}");
}

#[test]
fn notes_are_part_of_an_approval_where_one_wishes_and_stay_in_the_draft_where_not() {
    for (strokes, told, signed) in [("", "signed with a rejection only", 0), ("n", "1 note, to be signed", 1)] {
        let f = two_changes();
        let mut session = Session::new(&f, (110, 40));
        session.press("<enter><space>)aIt is a test host.<enter>CWhy so?<enter>S");
        session.press(strokes);
        assert!(session.frame().contains(told), "{}", session.frame());
        session.press("aFine.<enter>");
        let frame = session.frame();
        let code = frame.split("to approve: type ").nth(1).or_else(|| frame.split("type ").nth(1));
        let code: String = code.unwrap_or_else(|| panic!("{frame}")).chars().take(6).collect();
        session.press(&format!("{code}<enter><esc>"));
        let records = &undersign::ledger::read(&f.repository()).unwrap()[0].records;
        assert_eq!(records[0].predicate().notes.len(), signed);
        assert_eq!(session.frame().contains("✎ Why so?"), signed == 0, "{}", session.frame());
    }
}

#[test]
fn a_note_on_a_hunk_s_own_row_is_about_its_lines() {
    let f = fixture(&[("a.txt", "one\ntwo\n")], &[("a.txt", "one\n2\n")]);
    let mut session = opened(&f, (100, 30));
    session.press("]c");
    assert!(session.frame().contains("note on lines 1 to 2:"), "{}", session.frame());
    session.press("No.<enter>");
    assert!(session.frame().contains("✎ lines 1–2: No."), "{}", session.frame());
    session.press("Cfile<enter>Chelp<enter>");
    assert!(session.frame().contains("✎ filehelp"), "an own note is changed, and says so: {}", session.frame());
}

#[test]
fn a_file_is_done_when_its_findings_are_answered_too() {
    let f = two_changes();
    let mut session = Session::new(&f, (120, 30));
    session.press("<enter><space>");
    let frame = session.frame();
    assert!(frame.contains("▸ H1 net.py") && frame.contains("1 finding not answered"), "{frame}");
    session.press(")aIt is a test host.<enter>");
    assert!(
        session.frame().lines().any(|line| line.starts_with("▸    net.py new") && line.contains("✓ │")),
        "{}",
        session.frame()
    );
}

#[test]
fn esc_takes_the_filter_away_and_what_waits_for_others_comes_after_what_does_not() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("/typo<enter>");
    assert!(!session.frame().contains("Fetch with retries"), "{}", session.frame());
    session.press("<esc>");
    assert!(session.frame().contains("Fetch with retries"), "{}", session.frame());
}

#[test]
fn the_editor_opens_the_new_side_where_removed_lines_were() {
    let old = numbered(1..40);
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &format!("new\n{}", old.replace("line 20\n", "")))]);
    let mut session = opened(&f, (100, 40));
    session.press("/line 20<enter>");
    let undersign::app::Screen::Review(review) = &session.state.screen else { panic!("the reader is open") };
    let (name, text, line) = review.copy_for_editor().unwrap();
    assert_eq!((name.as_str(), line), ("a.txt", 21), "line 20 stood before line 21, which is 21 now, too");
    assert!(text.starts_with(b"new\n"));
}

#[test]
fn the_sheet_shows_the_words_that_are_signed() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 30));
    session.press("<enter><space>)aIt is a test host.<enter>Cwhy?<enter>S");
    let frame = session.frame();
    assert!(frame.contains("✓ H tls.off src/net.py:4: It is a test host."), "{frame}");
    assert!(frame.contains("✎ src/net.py: why?"), "{frame}");
}

#[test]
fn who_is_said_to_have_written_a_line_stands_in_the_gutter() {
    let f = fixture(&[], &[("a.txt", "one\ntwo\nthree\nfour\n")]);
    let note = "a.txt\n  0123456789abcdef 1-2\n  h_0123456789abcd 3\n---\n{\"schema_version\": \"authorship/3.0.0\", \"base_commit_sha\": \"0\", \
        \"prompts\": {\"0123456789abcdef\": {\"agent_id\": {\"tool\": \"cl\\u001baude\", \"id\": \"1\", \"model\": \"m\"}}}, \
        \"humans\": {\"h_0123456789abcd\": {\"author\": \"Mina <mina@example.com>\"}}}\n";
    f.write("note", note);
    f.git("mina", &["notes", "--ref=ai", "add", "-F", "note", "topic"]);
    let mut session = opened(&f, (100, 24));
    session.press("b");
    let frame = session.frame();
    for line in ["1A + one", "2A + two", "3h + three", "4· + four"] {
        assert!(frame.contains(line), "{line}: {frame}");
    }
    assert!(frame.contains("A 2 by AI, h 1 by people") && !frame.contains('\u{1b}'), "{frame}");
    f.git("mina", &["notes", "--ref=ai", "add", "-f", "-m", "no \u{1b}[31m note", "topic"]);
    let mut session = opened(&f, (200, 24));
    session.press("b");
    let frame = session.frame();
    assert!(frame.contains("nothing is known of who wrote these lines: ") && !frame.contains('\u{1b}'), "{frame}");
}

/// A branch of three commits whose second merges main; what the merge does beside it is up to `own`.
fn merging(own: impl Fn(&Fixture)) -> Fixture {
    let f = Fixture::new();
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "topic", "main"]);
    f.write("topic.txt", "topic\n");
    f.commit("mina", "Topic");
    f.git("rahim", &["checkout", "-q", "main"]);
    (0..3).for_each(|n| f.write(&format!("main{n}.txt"), "main\n"));
    f.commit("rahim", "Main goes on");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["merge", "-q", "--no-commit", "--no-ff", "main"]);
    own(&f);
    f.commit("mina", "Merge main");
    f.write("more.txt", "more\n");
    f.commit("mina", "More");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn commit_by_commit_a_merge_shows_what_it_adds_and_not_what_it_brings() {
    // jonas/tig#549
    let f = merging(|f| {
        f.write("b.txt", "from nowhere\n");
        f.write("main1.txt", "main\nand more\n");
    });
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").press(">>").frame();
    assert!(frame.contains("A merge: what it adds to the 3 files of") && frame.contains(". Merge main"), "{frame}");
    assert!(frame.contains("+ from nowhere") && frame.contains("+ and more"), "{frame}");
    assert!(frame.contains("2 files") && !frame.contains("main0.txt"), "{frame}");
    insta::assert_snapshot!(frame);
}

#[test]
fn a_merge_of_three_shows_what_it_adds_and_not_what_it_brings() {
    let numbers: String = (1..=30).map(|n| format!("{n}\n")).collect();
    let octopus = |own: fn(&Fixture)| {
        let f = Fixture::new();
        f.git("mina", &["branch", "-q", "-D", "agent/work"]);
        f.write("a.txt", &numbers);
        f.commit("rahim", "Thirty lines");
        for (branch, from, to) in [("x", "3\n", "three\n"), ("y", "20\n", "twenty\n"), ("topic", "10\n", "ten\n")] {
            f.git("mina", &["checkout", "-q", "-b", branch, "main"]);
            f.write("a.txt", &numbers.replacen(&format!("\n{from}"), &format!("\n{to}"), 1));
            f.write(&format!("{branch}.txt"), "new\n");
            f.commit("mina", branch);
        }
        f.git("mina", &["merge", "-q", "--no-ff", "-m", "Octopus", "x", "y"]);
        own(&f);
        f.git("mina", &["add", "-A"]);
        f.git("mina", &["commit", "-q", "--amend", "--no-edit"]);
        f.git("mina", &["checkout", "-q", "main"]);
        ["x", "y"].iter().for_each(|branch| _ = f.git("mina", &["branch", "-q", "-D", branch]));
        f
    };
    let f = octopus(|f| {
        f.write("b.txt", "from nowhere\n");
        let text = std::fs::read_to_string(f.repo.join("a.txt")).unwrap();
        f.write("a.txt", &text.replace("\n27\n", "\nown\n"));
    });
    let frame = Session::new(&f, (120, 36)).press("<enter>").press(">>>>").frame();
    assert!(frame.contains("A merge: what it adds to what its 3 parents bring"), "{frame}");
    assert!(frame.contains("+ from nowhere") && frame.contains("+ own") && frame.contains("2 files"), "{frame}");
    assert!(!frame.contains("x.txt") && !frame.contains("+ three") && !frame.contains("+ twenty"), "{frame}");
    // The twins: nothing of its own, and what another parent brought dropped.
    let frame = Session::new(&octopus(|_| {}), (120, 36)).press("<enter>").press(">>>>").frame();
    assert!(frame.contains("A merge that adds nothing to what its 3 parents bring"), "{frame}");
    let dropped = octopus(|f| std::fs::remove_file(f.repo.join("y.txt")).unwrap());
    let frame = Session::new(&dropped, (120, 36)).press("<enter>").press(">>>>").frame();
    assert!(frame.contains("1 file") && frame.contains("y.txt") && frame.contains("− new"), "{frame}");
}

#[test]
fn a_merge_that_only_follows_from_its_parents_adds_nothing() {
    let f = merging(|_| {});
    let mut session = Session::new(&f, (120, 36));
    session.press("<enter>").press(">>");
    let frame = session.frame();
    assert!(
        frame.contains("commit 2 of 3") && frame.contains("A merge that adds nothing to the 3 files of"),
        "{frame}"
    );
    assert!(!frame.contains("+ topic"), "the screen is of the commit that the title names: {frame}");
    // It has nothing to show, and yet one gets past it, either way.
    let frame = session.press(">").frame();
    assert!(frame.contains("commit 3 of 3") && frame.contains("+ more"), "{frame}");
    let frame = session.press("<").press("<").frame();
    assert!(frame.contains("commit 1 of 3") && frame.contains("+ topic"), "{frame}");
}

#[test]
fn a_merge_that_takes_one_side_whole_shows_what_it_dropped_of_the_other() {
    let f = Fixture::new();
    let text = |line: &str, fix: &str| numbered(0..40).replace("line 10\n", line).replace("line 25\n", fix);
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.write("a.txt", &text("line 10\n", "line 25\n"));
    f.commit("rahim", "Base");
    f.git("mina", &["checkout", "-q", "-b", "topic"]);
    let own = text("mine\n", "line 25\n");
    f.write("a.txt", &own);
    f.commit("mina", "Topic");
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("a.txt", &text("theirs\n", "SECURITY FIX\n"));
    f.commit("rahim", "Main goes on");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["merge", "-q", "--no-ff", "-s", "ours", "-m", "Merge main", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let frame = Session::new(&f, (120, 36)).press("<enter>").press(">>").frame();
    assert!(frame.contains("− SECURITY FIX") && !frame.contains("adds nothing"), "{frame}");
}

#[test]
fn a_commit_without_a_parent_is_read_as_all_new() {
    let f = merging(|_| {});
    f.git("mina", &["checkout", "-q", "--orphan", "lib"]);
    f.git("mina", &["rm", "-rfq", "."]);
    f.write("lib.txt", "library\n");
    f.commit("mina", "A library");
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["merge", "-q", "--allow-unrelated-histories", "-m", "Take it in", "lib"]);
    f.git("mina", &["branch", "-q", "-D", "lib"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 36));
    session.press("<enter>");
    let frames: Vec<String> = (0..5).map(|_| session.press(">").frame()).collect();
    assert!(frames.iter().any(|frame| frame.contains("+ library") && frame.contains("all of it is new")), "{frames:?}");
}

#[test]
fn a_merge_that_drops_what_it_should_bring_shows_that() {
    let f = merging(|f| _ = f.git("mina", &["rm", "-q", "-f", "main2.txt"]));
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("<enter>").press(">>").frame();
    assert!(frame.contains("main2.txt") && frame.contains("− main"), "{frame}");
}

#[test]
fn a_title_is_told_once_in_its_row_or_in_full_below_it() {
    let environment = |name: &str| format!("resource \"ce_environment\" \"main\" {{\n  name = \"{name}\"\n}}\n");
    let f = Fixture::new();
    f.write("envs/prod/main.tf", &environment("shop"));
    f.commit("rahim", "An environment");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.git("mina", &["checkout", "-q", "-b", "rename", "main"]);
    f.write("envs/prod/main.tf", &environment("shop-v2"));
    f.commit("mina", "Rename it");
    f.git("mina", &["checkout", "-q", "main"]);
    let title = "A new name deletes and recreates the resource";
    for columns in [120, 80] {
        let frame = Session::new(&f, (columns, 36)).press("<enter>").frame();
        assert_eq!(frame.matches(&title[..20]).count(), 1, "{columns}: {frame}");
        assert!(frame.contains(title), "{columns}: {frame}");
    }
}
