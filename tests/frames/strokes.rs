//! What the terminal shows after many strokes is what a fresh one shows of the last frame alone.

use proptest::prelude::*;
use undersign::tui::canvas::{Canvas, Erasing};
use undersign::tui::theme::Depth;
use undersign::tui::view;

use super::*;

/// A reader with a list at the left, texts that scroll beside it, and characters that are wide or join.
fn long_texts() -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "-b", "work", "main"]);
    for file in 0..6 {
        let line = |n: usize| match n % 9 {
            4 => format!("# 漢字 {n} e\u{301} 👩\u{200d}💻 \u{202e}\n"),
            7 => "\n".to_owned(),
            _ => format!("def step_{n}(order, rate={n}):  return order.total * {file} + {}\n", n * 37 % 11),
        };
        f.write(&format!("src/part_{file}.py"), &(0..60).map(line).collect::<String>());
    }
    f.commit("mina", "Work on it");
    f
}

const STROKES: [&str; 24] = [
    "j", "j", "j", "k", "<ctrl-f>", "<ctrl-b>", "<ctrl-d>", "<ctrl-u>", "]", "[", "}", "{", "<space>", "l", "h", "?",
    "q", "<enter>", "w", "G", "g", "/", "a", "<esc>",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn a_terminal_shows_the_last_frame_whatever_was_pressed(
        strokes in prop::collection::vec(prop::sample::select(STROKES.to_vec()), 20..40),
        size in prop::sample::select(vec![(80, 24), (120, 36), (200, 50)]),
        paints: bool, counts: bool, is_deep: bool,
    ) {
        let f = long_texts();
        let depth = if is_deep { Depth::True } else { Depth::Ansi };
        let theme = Theme::shipped("dark").unwrap().with_depth(depth);
        let mut session = Session::on_range(&f, "main", "work", size);
        let mut canvas = Canvas::new(Erasing { paints, counts });
        let mut terminal = looks::emulator(size.0, size.1);
        let mut kept = view::Kept::default();
        for stroke in strokes {
            session.press(stroke);
            let again = |buffer: &mut _| view::paint_again(&session.state, &theme, buffer, &mut kept);
            terminal.process(canvas.draw(size, again));
            let mut fresh = looks::emulator(size.0, size.1);
            let mut anew = Canvas::new(Erasing::default());
            fresh.process(anew.draw(size, |buffer| view::paint(&session.state, &theme, buffer)));
            looks::assert_alike(&looks::seen(&terminal), &looks::seen(&fresh));
        }
    }
}
