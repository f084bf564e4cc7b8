//! Only texts near the screen are kept. Nobody can tell: what is gone is read again where one goes.

use proptest::prelude::*;
use undersign::app::Screen;
use undersign::change::compare::Line;
use undersign::drafts::Drafts;

use super::reader::{fixture, numbered};
use super::*;

/// Long files with few hunks far apart, long and short ones with findings, one that is folded, a short and a long one
/// that are gone, one of a single long line.
fn many() -> Fixture {
    let long = numbered(0..1200);
    let edited = |word: &str| {
        let change = |n: usize| if n % 150 == 70 { format!("{word} {n}\n") } else { format!("line {n}\n") };
        (0..1200).map(change).collect::<String>()
    };
    let calls = |n: usize| format!("import requests\n{}requests.get(u, verify=False)\n", numbered(0..n));
    let lock = |word: &str| (0..300).map(|n| format!("{word} {n}\n")).collect::<String>();
    let blob = "x".repeat(30_000);
    let before = [
        ("a.txt", &*long),
        ("d.txt", &long),
        ("g.txt", &long),
        ("k.txt", &long),
        ("old.txt", "gone\n"),
        ("older.txt", &long),
        ("Cargo.lock", ""),
    ];
    let (one, two, three, four) = (edited("alpha"), edited("beta"), edited("gamma"), edited("delta"));
    let (short, tall, locked) = (calls(3), calls(500), lock("package"));
    let after = [
        ("a.txt", &*one),
        ("b.py", &short),
        ("c.txt", "short\n"),
        ("d.txt", &two),
        ("e.py", &tall),
        ("g.txt", &three),
        ("h.txt", &blob),
        ("k.txt", &four),
        ("m.py", &short),
        ("Cargo.lock", &locked),
        ("z.txt", "the end\n"),
    ];
    let f = fixture(&before, &after);
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["rm", "-q", "old.txt", "older.txt"]);
    f.git("mina", &["commit", "-q", "-m", "Remove them"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

fn opened(f: &Fixture, name: &str, size: (u16, u16), room: usize) -> Session {
    let mut session = Session::new(f, size);
    session.ports.drafts = Drafts::at(f.dir.path().join(name));
    session.state.room = room;
    session.press("/topic<enter><enter>");
    session
}

fn held(session: &Session) -> usize {
    let Screen::Review(review) = &session.state.screen else { return 0 };
    review.document.files().iter().filter(|file| file.body.is_some()).count()
}

#[test]
fn with_no_room_only_what_is_near_the_screen_is_here() {
    let f = many();
    let mut session = opened(&f, "drafts", (100, 24), 0);
    assert!(held(&session) < 6, "{}", held(&session));
    session.press("G");
    assert!(session.frame().contains("▸") && !session.frame().contains("reading …"), "{}", session.frame());
    assert!(held(&session) < 8, "{}", held(&session));
    assert_eq!(held(&opened(&f, "others", (100, 24), usize::MAX)), 13);
}

/// The frame without the overview at its edge, which does not know where in a file that is not here its findings are.
fn frame(session: &Session) -> String {
    let line = |line: &str| line.chars().take(usize::from(session.size.0) - 1).collect::<String>();
    session.frame().lines().map(line).collect::<Vec<_>>().join("\n")
}

const STROKES: &[&str] = &[
    "j",
    "k",
    "<space>",
    "<space>",
    "]",
    "[",
    "}",
    "{",
    ")",
    "(",
    "u",
    "G",
    "gg",
    "3]",
    "4}",
    "2[",
    "60]",
    "60[",
    "<ctrl-o>",
    "M",
    "'",
    "m",
    "w",
    "W",
    "+",
    "X",
    "<enter>",
    "x",
    "/line 7<enter>",
    "/verify<enter>",
    "/the end<enter>",
    "n",
    "N",
    "@<enter>",
    "tk<enter>",
    "tm<enter>",
    "<ctrl-f>",
    "<ctrl-b>",
    "<ctrl-d>",
    "B",
    "h",
    "l",
    "40G",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn with_and_without_room_every_stroke_leads_to_the_same_frame(
        strokes in prop::collection::vec(prop::sample::select(STROKES), 1..40),
        size in prop::sample::select(&[(80, 24), (170, 40)][..]),
    ) {
        let f = many();
        let (mut all, mut few) = (opened(&f, "all", size, usize::MAX), opened(&f, "few", size, 0));
        for (at, stroke) in strokes.iter().enumerate() {
            all.press(stroke);
            few.press(stroke);
            let (all, few) = (frame(&all), frame(&few));
            let differ = all.lines().zip(few.lines()).find(|(all, few)| all != few);
            prop_assert!(differ.is_none(), "after {:?}: {differ:#?}\n{all}\n{few}", &strokes[..=at]);
        }
        let draft = |session: &Session| match &session.state.screen {
            Screen::Review(review) => (review.work.draft.clone(), review.partly_shown(), review.seen()),
            Screen::Queue | Screen::Command(_) => unreachable!("no stroke leaves the reader"),
        };
        prop_assert_eq!(draft(&all), draft(&few));
    }
}

#[test]
fn colours_are_there_before_their_file_is_on_the_screen() {
    let f = many();
    let session = opened(&f, "colours", (120, 12), 3 << 20);
    let Screen::Review(review) = &session.state.screen else { panic!("no reader") };
    let visible = review.visible_files();
    let is_coloured = |index: &usize| {
        let colours = review.document.files()[*index].body.as_ref().map(|body| &body.colours);
        let is_coloured = |new| colours.is_some_and(|colours| !colours.of(Line::Added { new }).is_empty());
        colours.is_some_and(|colours| colours.lines().any(is_coloured))
    };
    let ahead: Vec<usize> = (0..review.document.files().len()).filter(|index| !visible.contains(index)).collect();
    assert!(ahead.iter().any(is_coloured), "only {visible:?} of {}", review.document.files().len());
    // What is on the screen is asked for last, and coloured first.
    assert!(review.clone().wanted_colours().is_empty());
}
