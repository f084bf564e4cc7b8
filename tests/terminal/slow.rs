//! A terminal far away: 100 ms each way, and one megabit per second. Nothing here measures time: bytes, frames and what
//! the program asks the terminal are counted.

use super::*;
use crate::support::{Fixture, policy, wait};

/// What the line carries while a stroke is on its way: 100 ms of one megabit per second.
const ON_THE_WAY: usize = 12_500;
/// Begin and end of an update of the screen.
const FRAME: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

/// A reader on a new file of many lines, at the other end of the line, with nothing more to draw.
fn reader(size: (u16, u16)) -> (Fixture, tempfile::TempDir, Program) {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "-b", "work", "main"]);
    let line = |n: usize| format!("def step_{n}(order, rate={n}):  return order.total * {}\n", n * 37 % 11);
    f.write("src/steps.py", &(0..2_000).map(line).collect::<String>());
    f.commit("mina", "Work on it");
    let home = home();
    let words = [env!("CARGO_BIN_EXE_undersign"), "review", "main..work"];
    let pace = Pace { delay: Duration::from_millis(100), bytes_per_ms: 125 };
    let environment = [("COLORTERM", "truecolor")];
    let program = Program::paced(&f.repo, &words, size, &environment, home.path(), pace);
    program.wait_for("step_3(");
    let mut known = 0;
    wait::until(
        || "the program never stops writing".to_owned(),
        || {
            wait::take_time(Duration::from_millis(500));
            let before = std::mem::replace(&mut known, program.raw.lock().unwrap().len());
            before == known
        },
    );
    (f, home, program)
}

fn places(bytes: &[u8], of: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(of)).collect()
}

/// Sequences that a terminal answers.
fn queries(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let sequences = text.split('\x1b').skip(1).filter_map(|rest| {
        let end = rest.char_indices().skip(1).find(|(_, c)| ('@'..='~').contains(c)).map(|(at, _)| at + 1)?;
        Some(rest[..end].to_owned())
    });
    let is_query = |sequence: &String| {
        let is_asked = sequence.ends_with(['n', 'c', 't', 'u']) || sequence.ends_with("$p") || sequence.ends_with("$q");
        sequence.starts_with('[') && is_asked
    };
    let colours = text.matches(";?").map(|_| "a question about a colour".to_owned());
    sequences.filter(is_query).chain(colours).collect()
}

#[test]
fn a_page_is_on_a_far_screen_after_one_round_trip() {
    let size = (200, 50);
    let (_f, _home, mut program) = reader(size);
    assert!(!program.text().contains("step_60("), "{}", program.text());
    let before = program.raw.lock().unwrap().len();
    program.press("\u{6}");
    program.wait_for("step_60(");
    // What is shown may still be arriving.
    program.wait_until("end of the frame", |program| program.raw.lock().unwrap().ends_with(FRAME.1));
    let raw = program.raw.lock().unwrap().clone();
    // Nothing was sent after the stroke, so that all of it came in one round trip. A frame for something else may come
    // first, but none that shows a part of the page.
    let mut screen = vt100::Parser::new(cells(size.1), cells(size.0), 0);
    screen.process(&raw[..before]);
    let mut begin = before;
    for end in places(&raw[before..], FRAME.1).into_iter().map(|at| before + at + FRAME.1.len()) {
        screen.process(&raw[begin..end]);
        let shown = screen.screen().contents();
        if !shown.contains("step_1(") {
            assert!(shown.contains("step_60(") && shown.contains("step_80("), "{shown}");
            assert!(end - begin <= ON_THE_WAY, "a page of {} bytes", end - begin);
            break;
        }
        begin = end;
    }
    assert!(begin < raw.len(), "no frame shows the page");
    assert_eq!(queries(&raw), [""; 0], "the program asks the terminal");
    program.press("\u{3}");
    program.press("q");
    program.end();
}

#[test]
fn strokes_that_were_typed_ahead_on_a_slow_line_share_frames() {
    const STROKES: usize = 60;
    let (_f, _home, mut program) = reader((200, 50));
    let before = program.raw.lock().unwrap().len();
    // More than enough to reach the end.
    program.press(&"\u{6}".repeat(STROKES));
    program.wait_for("step_1999(");
    let raw = program.raw.lock().unwrap().clone();
    let frames = places(&raw[before..], FRAME.0).len();
    assert!(frames <= STROKES / 2, "{frames} frames for {STROKES} strokes");
    program.press("q");
    program.end();
}

#[test]
fn what_a_terminal_would_have_to_answer_is_recognised() {
    for query in ["\x1b[6n", "\x1b[c", "\x1b[?2026$p", "\x1b]11;?\x1b\\", "\x1b[18t", "\x1b[?u"] {
        assert_eq!(queries(format!("text\x1b[1;3H{query}more").as_bytes()).len(), 1, "{query:?}");
    }
    assert_eq!(queries(b"\x1b[?2026h\x1b[2;39r\x1b[0;38;5;1mone\x1b[K\x1b[?25l"), [""; 0]);
}
