//! The queue of a team: whom to ask, who claimed what, what is due.

use super::*;
use undersign::claims;
use undersign::record::statement::Decimal;

const DAY: i64 = 86_400;

/// ines is a senior, who is away when `more` says so; dana wrote one change herself.
fn team(ines: &str, extra: &str) -> Fixture {
    let key = support::key_of("ines").public_key().to_openssh().unwrap();
    let person =
        format!("[people.ines]\nroles = [\"senior\"]\nemails = [\"ines@example.com\"]\nkeys = [\"{key}\"]\n{ines}\n");
    let vault = "[compartment.vault]\npaths = [\"vault/**\"]\nsign = [{ role = \"policy\", n = 1 }]\n";
    let f = Fixture::with_policy(&policy(&format!("{person}{vault}{extra}")));
    f.git("dana", &["checkout", "-q", "-b", "fix/prices", "main"]);
    f.write("src/price.rs", "fn price() -> u32 {\n    3\n}\n");
    f.commit("dana", "Round the prices");
    f.git("mina", &["checkout", "-q", "-b", "vault/keys", "main"]);
    f.write("vault/keys.txt", "one\n");
    f.commit("mina", "List the keys");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

/// `[away]` for the days around [`NOW`].
fn away(instead: &str) -> String {
    let day = |at: i64| undersign::datafile::day(at.div_euclid(DAY));
    format!("away = [{{ from = {}, until = {}{instead} }}]", day(NOW - DAY), day(NOW + 3 * DAY))
}

#[test]
fn the_queue_says_whom_to_ask() {
    let f = team("", "");
    for size in [(80, 24), (200, 60)] {
        let session = Session::new(&f, size);
        with_filters(|| insta::assert_snapshot!(format!("asked_{}", size.0), session.frame()));
    }
}

#[test]
fn who_is_away_is_not_asked_and_their_stand_in_is() {
    // Only rahim can fill what needs the role policy.
    let f = team(&away(", instead = \"rahim\""), "");
    let frame = Session::new(&f, (200, 60)).frame();
    assert!(frame.contains("ask rahim") && !frame.contains("ask ines"), "{frame}");
}

#[test]
fn a_claim_is_made_by_one_stroke_seen_and_given_back_by_the_same() {
    let f = team("", "");
    let mut session = Session::new(&f, (100, 30));
    session.press("Gc");
    let frame = session.frame();
    assert!(frame.contains("claimed for 24 hours") && frame.contains("◆"), "{frame}");
    session.press("i");
    assert!(session.frame().contains("claimed in the name of dana, 24 h left"), "{}", session.frame());
    session.press("<esc>/dana<enter>");
    assert!(session.frame().contains("◆"), "a claim is found by its owner: {}", session.frame());
    session.press("<esc>c");
    assert!(session.frame().contains("given back") && !session.frame().contains("◆"), "{}", session.frame());
}

#[test]
fn each_stroke_of_a_claim_counts_also_before_the_queue_shows_the_one_before() {
    let f = team("", "");
    let mut session = Session::new(&f, (100, 30));
    session.press("G");
    let asked = session.begin("cc");
    session.answer(asked);
    assert!(session.frame().contains("given back") && !session.frame().contains("◆"), "{}", session.frame());
    let asked = session.begin("ccc");
    session.answer(asked);
    assert!(session.frame().contains("claimed for 24 hours") && session.frame().contains("◆"), "{}", session.frame());
    session.press("c");
    assert!(session.frame().contains("given back") && !session.frame().contains("◆"), "{}", session.frame());
}

#[test]
fn the_claim_of_another_is_shown_with_what_is_left_of_it_and_makes_its_owner_the_last_to_be_asked() {
    let f = team("", "");
    let repository = f.repository();
    let head = f.id("agent/work").parse().unwrap();
    claims::claim(&repository, "ines", head, true, NOW - 4 * 3_600).unwrap();
    for size in [(80, 24), (200, 60)] {
        let session = Session::new(&f, size);
        with_filters(|| insta::assert_snapshot!(format!("claimed_{}", size.0), session.frame()));
    }
    let price = |frame: &str| frame.lines().find(|line| line.contains("Round the prices")).unwrap().to_owned();
    assert!(price(&Session::new(&f, (160, 40)).frame()).contains("ask rahim"));
    claims::claim(&repository, "ines", head, false, NOW).unwrap();
    claims::claim(&repository, "rahim", head, true, NOW).unwrap();
    assert!(price(&Session::new(&f, (160, 40)).frame()).contains("ask ines"));
}

/// Three changes that have waited for an hour, for a day and for a week, where a day is the term and two are late.
fn clocks() -> Fixture {
    let clock = "[clock]\ndefault = { due = \"20h\", late = \"2d\" }\nweekend = []\n";
    let f = team("", clock);
    let since = [("agent/work", 3_600), ("fix/prices", DAY), ("vault/keys", 7 * DAY)];
    let since = since.map(|(branch, ago)| (f.id(branch).parse().unwrap(), NOW - ago));
    let pending = since.iter().map(|(head, _)| *head).collect();
    let home = f.dir.path().join("state");
    undersign::waiting::keep(Some(&home), &f.repo.join(".git"), &pending, &since.into_iter().collect(), NOW).unwrap();
    f
}

#[test]
fn what_is_due_and_late_is_said_and_sorted_by() {
    let f = clocks();
    for size in [(80, 24), (200, 60)] {
        let mut session = Session::new(&f, size);
        session.press("s");
        with_filters(|| insta::assert_snapshot!(format!("due_{}", size.0), session.frame()));
    }
    let mut session = Session::new(&f, (160, 40));
    assert!(session.frame().contains("1 late"), "{}", session.frame());
    let names =
        |frame: &str| ["late", "due", "19h"].map(|word| frame.lines().any(|line| line.contains(&format!(" {word} "))));
    assert_eq!(names(&session.frame()), [true; 3], "{}", session.frame());
    session.press("ssss");
    assert!(session.frame().contains("tier ▾"), "risk, due, age, size: {}", session.frame());
}

#[test]
fn a_clock_starts_when_a_head_is_first_seen_to_wait_and_anew_when_it_moves() {
    let f = team("", "[clock]\ndefault = { due = \"20h\", late = \"2d\" }\nweekend = []\n");
    let due = |now: i64| {
        let ports = Ports {
            state: Some(f.dir.path().join("state")),
            clock: Some(now),
            ..ports(&f.dir.path().join("drafts"), f.key("dana"))
        };
        let session = Session::over(vec![f.repo.clone()], ports, now, (160, 40));
        let frame = session.frame();
        let line = frame.lines().find(|line| line.contains("Round the prices")).unwrap();
        ["20h", "10h", "due", "late"]
            .into_iter()
            .find(|word| line.contains(&format!(" {word} ")))
            .unwrap_or("?")
            .to_owned()
    };
    assert_eq!([due(NOW), due(NOW + DAY / 24 * 10), due(NOW + DAY), due(NOW + 3 * DAY)], ["20h", "10h", "due", "late"]);
    f.git("dana", &["checkout", "-q", "fix/prices"]);
    f.write("src/price.rs", "fn price() -> u32 {\n    4\n}\n");
    f.git("dana", &["commit", "-qam", "Round them up"]);
    f.git("mina", &["checkout", "-q", "main"]);
    assert_eq!(due(NOW + 3 * DAY), "20h");
}

#[test]
fn what_was_decided_is_listed_newest_first_with_what_was_seen_and_where_it_landed() {
    let f = team("", "");
    let hour = 3_600;
    f.decide_at("rahim", "fix/prices", Verdict::Approve, NOW - 2 * hour);
    f.take(support::Decision {
        at: NOW - 5 * hour,
        reason: "The list must not be here.",
        ..support::Decision::new("dana", "vault/keys", Verdict::Reject)
    });
    f.decide_at("dana", "agent/work", Verdict::Approve, NOW - 9 * hour);
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Merge the count", "agent/work"]);
    for size in [(80, 24), (200, 60)] {
        let mut session = Session::new(&f, size);
        session.press("H");
        with_filters(|| insta::assert_snapshot!(format!("decided_{}", size.0), session.frame()));
    }
    let mut session = Session::new(&f, (120, 40));
    session.press("Hcount<enter>");
    let frame = session.frame();
    assert!(
        frame.contains("approve by dana") && frame.contains("in main since") && frame.contains("1 of 1 paths"),
        "{frame}"
    );
    session.press("G");
    assert!(session.frame().contains("\"tool\""), "the whole statement is there: {}", session.frame());
    session.press("<esc>Hlist<enter>");
    let frame = session.frame();
    assert!(frame.contains("The list must not be here.") && frame.contains("pending"), "{frame}");
    session.press("<esc>");
    assert!(session.frame().contains("Decided 2"), "back in the queue: {}", session.frame());
}

#[test]
fn a_drill_is_listed_beside_what_was_decided_as_one_by_which_nothing_landed() {
    let f = team("", "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\n");
    let words = "The drill of \u{202e}May";
    drilled::append(&f, "dana", "agent/work", |own| {
        let at = NOW as u64 - 7_200;
        (own.issued_at, own.not_after, own.reason) = (Decimal(at), Decimal(at + 3_600), words.into());
    });
    let mut session = Session::new(&f, (120, 40));
    let frame = session.press("H").frame();
    assert!(frame.contains("drill") && frame.contains("review owed"), "{frame}");
    let frame = session.press("drill<enter>").frame();
    assert!(frame.contains("Nothing landed by it.") && frame.contains("an emergency would have had enough"), "{frame}");
    assert!(frame.contains("The drill of ") && !frame.contains('\u{202e}'), "{frame}");
}

#[test]
fn where_nothing_was_decided_that_is_said() {
    let f = team("", "");
    let mut session = Session::new(&f, (80, 24));
    session.press("H");
    assert!(session.frame().contains("nothing was decided here yet"), "{}", session.frame());
}

#[test]
fn a_claim_that_the_row_does_not_show_is_not_given_back() {
    let f = team("", "");
    let mut session = Session::new(&f, (120, 40));
    let (repository, head) = (f.repository(), f.id("agent/work").parse().unwrap());
    // In another desk, since this one read the list.
    claims::claim(&repository, "dana", head, true, NOW - 3_600).unwrap();
    session.press("/agent/work<enter>c");
    assert!(session.frame().contains("claimed for 24 hours"), "{}", session.frame());
    session.press("c");
    assert!(session.frame().contains("given back"), "{}", session.frame());
}
