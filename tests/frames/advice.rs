//! What the desk says before a signature: what is open and who can fill it, why it would not count, what it answers,
//! what a change of the policy means.

use undersign::decision::Verdict;
use undersign::record::statement::Decimal;

use crate::support::{Decision, Fixture, NOW, policy};
use crate::{Session, with_filters};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 30)];
const CORE: &str =
    "[compartment.core]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\ncooling = \"30m\"\n";
const DOCS: &str = "[compartment.docs]\npaths = [\"docs/**\"]\nsign = [{ role = \"junior\", n = 1 }]\n";

/// One frame a size, each as a snapshot of its own.
fn frames(name: &str, f: &Fixture, keys: &str) {
    let mut settings = insta::Settings::clone_current();
    // Ids of records hang on ids of commits; those of the fixture's keys do not.
    settings.add_filter(r"[0-9a-f]{64}", "r".repeat(64));
    settings.add_filter(r"\([0-9a-f]{12}\)", "(rrrrrrrrrrrr)");
    settings.add_filter(r"\(commit [0-9a-f]{7}\)", "(commit hhhhhhh)");
    // Where the sentence is folded within.
    settings.add_filter(r"│ [0-9a-f]{7}\)\.", "│ hhhhhhh).");
    settings.bind(|| {
        for size in SIZES {
            let frame = Session::new(f, size).press(keys).frame();
            with_filters(|| insta::assert_snapshot!(format!("{name}_{}", size.0), frame));
        }
    });
}

fn commit(f: &Fixture, who: &str, branch: &str, files: &[(&str, &str)], message: &str) {
    f.git(who, &["checkout", "-q", "-B", branch, "main"]);
    files.iter().for_each(|(path, text)| f.write(path, text));
    f.commit(who, message);
    f.git(who, &["checkout", "-q", "main"]);
}

/// A change of the policy that loosens here and tightens there, and an open change that it turns.
fn policy_changes() -> Fixture {
    let before = policy(CORE);
    let f = Fixture::with_policy(&before);
    f.take(Decision { at: NOW - 7_200, ..Decision::new("dana", "agent/work", Verdict::Approve) });
    let edits = [
        ("version = 1", "version = 2"),
        ("role = \"senior\", n = 2", "role = \"senior\", n = 1"),
        ("cooling = \"30m\"\n", "cooling = \"90m\"\n[limits]\nlines = 4000\n"),
        ("roles = [\"junior\"]", "roles = [\"junior\", \"policy\"]"),
        ("paths = [\"src/**\"]", "paths = [\"src/**\", \"lib/**\"]"),
    ];
    let after = edits.iter().fold(before, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    commit(&f, "mina", "policy/simpler", &[(".undersign/policy.toml", &after)], "Simplify the policy");
    f
}

#[test]
fn the_sheet_says_what_a_change_of_the_policy_means() {
    frames("sheet_policy", &policy_changes(), "/simpler<enter><enter>S");
}

#[test]
fn the_sheet_says_what_nobody_can_fill_and_how_long_it_cools() {
    let slots = "sign = [{ role = \"senior\", n = 1 }, { role = \"junior\", n = 1 }]\n";
    let core = format!("[compartment.core]\npaths = [\"src/**\"]\n{slots}cooling = \"2d\"\n");
    // The only junior wrote it.
    let f = Fixture::with_policy(&policy(&core));
    for size in [(80, 24), (120, 30), (200, 50)] {
        let mut session = Session::new(&f, size);
        assert!(session.frame().contains("nobody for 1") || size.0 < 100, "{}", session.frame());
        let sheet = session.press("<enter>S").frame();
        let sheet = sheet.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(sheet.contains("Not all of this can be signed now: for 1 more nobody is there."), "{sheet}");
        let cools = "Compartment core has a cooling time: 48 hours after the last approval it may land.";
        assert!(sheet.contains(cools), "{sheet}");
    }
    let sheet = Session::new(&Fixture::new(), (120, 30)).press("<enter>S").frame();
    assert!(!sheet.contains("nobody is there") && !sheet.contains("cooling"), "{sheet}");
}

#[test]
fn the_sheet_asks_about_a_secret_in_what_is_signed() {
    let f = Fixture::new();
    let reason = "Remove ghp_abcdefghijklmnopqrstuvwxyz0123456789 first.";
    let mut session = Session::new(&f, (120, 30));
    let asked = session.press(&format!("<enter>Sr{reason}<enter>")).frame();
    assert!(asked.contains("Is there a secret in “Remove ▒▒▒▒▒▒▒▒ first.”?"), "{asked}");
    let next = session.press("<enter>").frame();
    assert!(next.contains("REJECTS") && !next.contains("Is there a secret"), "{next}");
    let plain =
        Session::new(&Fixture::new(), (120, 30)).press("<enter>SrThe token is gone, the password too.<enter>").frame();
    assert!(plain.contains("REJECTS"), "{plain}");
}

#[test]
fn the_sheet_says_why_an_approval_of_ones_own_change_would_not_count() {
    let f = Fixture::new();
    commit(&f, "dana", "own", &[("a.txt", "x\n")], "Mine");
    frames("sheet_own", &f, "/own<enter><enter>S");
}

#[test]
fn the_sheet_says_which_rejection_an_approval_answers() {
    let f = Fixture::new();
    let reason = "The count is shown to customers; say in the release notes that it now starts at two, and why.";
    f.take(Decision { at: NOW - 7_200, reason, ..Decision::new("rahim", "agent/work", Verdict::Reject) });
    f.git("mina", &["checkout", "-q", "agent/work"]);
    f.git("mina", &["reset", "-q", "--hard", "main"]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    3\n}\n");
    f.commit("mina", "Count from three\n\nCo-Authored-By: Claude <noreply@anthropic.com>");
    f.git("mina", &["checkout", "-q", "main"]);
    frames("sheet_answers", &f, "<enter>S");
    // What the sheet promised is in the statement.
    let mut session = Session::new(&f, (120, 200));
    session.press("<enter><space>SaRead.<enter>");
    let frame = session.frame();
    let statement = frame.split("\"answers\": [").nth(1).unwrap_or_else(|| panic!("{frame}"));
    let record = undersign::ledger::read(&f.repository()).unwrap()[0].records[0].id().to_string();
    assert!(statement.split(']').next().unwrap().contains(&record), "{frame}");
}

fn ways() -> Fixture {
    let glass = "[break_glass]\nsign = [{ role = \"senior\", n = 2 }]\nmax_duration = \"4h\"\n";
    let text = policy(glass).replacen("presume = true\n", "presume = true\nhuman_only_by = [\"senior\"]\n", 1);
    let f = Fixture::with_policy(&text);
    commit(&f, "mina", "hand/made", &[("a.txt", "x\n")], "By hand");
    f
}

/// Types what the sheet asks for, and gives the frame before and after.
fn confirmed(f: &Fixture, size: (u16, u16), keys: &str) -> (String, String) {
    let mut session = Session::new(f, size);
    session.press(keys);
    let asked = session.frame();
    let code = asked.lines().find_map(|line| Some(line.split_once("type ")?.1.split(' ').next()?.to_owned()));
    session.press(&code.unwrap_or_else(|| panic!("{asked}"))).press("<enter>");
    (asked, session.frame())
}

#[test]
fn who_may_signs_that_no_ai_was_used_and_the_sheet_says_what_that_was() {
    for size in SIZES {
        let f = ways();
        let keys = "/hand<enter><enter><space>Sh";
        let refused = Session::new(&f, size).press(keys).press("<enter>").frame();
        assert!(refused.contains("A reason is needed"), "{refused}");
        let (asked, done) = confirmed(&f, size, &format!("{keys}I watched it being typed.<enter>"));
        assert!(asked.contains("type human-only to sign that no AI was used:"), "{asked}");
        filtered(|| insta::assert_snapshot!(format!("done_human_only_{}", size.0), done));
        let chains = undersign::ledger::read(&f.repository()).unwrap();
        assert_eq!(chains[0].records[0].predicate().verdict, Verdict::HumanOnly);
    }
    frames("sheet_ways", &ways(), "/hand<enter><enter><space>S");
}

#[test]
fn who_may_breaks_the_glass_and_the_sheet_does_not_say_that_it_landed() {
    for size in SIZES {
        let f = ways();
        let keys = "/hand<enter><enter>Sb";
        let reason = Session::new(&f, size).press(keys).frame();
        filtered(|| insta::assert_snapshot!(format!("reason_break_glass_{}", size.0), reason));
        let (asked, done) = confirmed(&f, size, &format!("{keys}The shop is down; rahim reviews it.<enter>"));
        assert!(
            asked.contains("to break the glass:") && !asked.contains("type break-glass "),
            "a code, not the word: {asked}"
        );
        filtered(|| insta::assert_snapshot!(format!("done_break_glass_{}", size.0), done));
        let chains = undersign::ledger::read(&f.repository()).unwrap();
        assert_eq!(chains[0].records[0].predicate().verdict, Verdict::BreakGlass);
    }
}

fn filtered(test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9a-f]{64}", "r".repeat(64));
    settings.bind(|| with_filters(test));
}

#[test]
fn whoever_may_do_all_of_it_reads_all_the_strokes_whole() {
    let f = ways();
    f.take(Decision { at: NOW - 7_200, ..Decision::new("dana", "hand/made", Verdict::Reject) });
    let rest = "h no AI   b break glass";
    let wide = format!("r reject (a reason is enough)   {rest}   w withdraw your rejection   Esc leave");
    for (size, wanted) in [((80, 24), format!("r reject   {rest}   w withdraw   Esc leave")), ((120, 30), wide)] {
        let frame = Session::new(&f, size).press("/hand<enter><enter>S").frame();
        assert!(frame.contains(&wanted), "{frame}");
    }
}

#[test]
fn who_may_neither_claim_nor_break_the_glass_is_not_offered_it() {
    let f = Fixture::new();
    let mut session = Session::new(&f, (100, 30));
    session.press("<enter>S");
    assert!(!session.frame().contains("no AI") && !session.frame().contains("break glass"), "{}", session.frame());
    let before = session.frame();
    session.press("hb");
    assert_eq!(session.frame(), before, "the strokes do nothing");
}

#[test]
fn why_tells_what_is_needed_how_to_split_and_what_a_change_of_the_policy_means() {
    let f = Fixture::with_policy(&policy(&[CORE, DOCS, "[limits]\ncompartments = 2\n"].concat()));
    let files = [("src/a.rs", "x\n"), ("src/b.rs", "x\n"), ("docs/a.md", "x\n"), ("x", "x\n")];
    commit(&f, "mina", "wide", &files, "Touch everything");
    frames("why_split", &f, "/wide<enter>i");
    frames("why_policy", &policy_changes(), "/simpler<enter>i");
}

#[test]
fn why_says_that_people_practise_an_emergency_and_what_it_would_be_told() {
    let glass = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 1\ndebt_after = \"1d\"\n";
    let f = Fixture::with_policy(&policy(glass));
    let mut session = Session::new(&f, (120, 36));
    assert!(!session.press("i").frame().contains("drill"), "{}", session.frame());
    crate::drilled::append(&f, "rahim", "agent/work", |own| {
        let now = crate::support::NOW as u64;
        (own.issued_at, own.not_after) = (Decimal(now - 60), Decimal(now + 3600));
    });
    let mut session = Session::new(&f, (120, 36));
    let frame = session.press("i").frame();
    let said: String = frame.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("This is a drill by rahim, and a drill lets nothing land."), "{frame}");
    assert!(said.contains("An emergency would land it"), "{frame}");
}

/// A change of the policy and of something else at once, and one of the policy that keeps its version.
fn refused() -> Fixture {
    let f = Fixture::new();
    let next = policy("").replace("version = 1", "version = 2");
    commit(&f, "mina", "mixed", &[(".undersign/policy.toml", &next), ("docs/a.txt", "a\n")], "Mixed");
    let same = policy("").replace("junior = 1", "junior = 2");
    commit(&f, "mina", "stale", &[(".undersign/policy.toml", &same)], "Stale");
    f
}

#[test]
fn the_queue_the_reader_and_the_sheet_say_what_no_signature_cures() {
    let f = refused();
    for (branch, word, code) in [("mixed", "split", "POLICY_MIXED: "), ("stale", "refused", "POLICY_STALE: ")] {
        let mut session = Session::new(&f, (120, 36));
        session.press(&format!("/{branch}<enter>"));
        assert!(session.frame().lines().any(|row| row.contains(word)), "{}", session.frame());
        session.press("<enter>");
        let frame = session.frame();
        assert!(frame.contains(&format!("No signature makes this land. {code}")), "{frame}");
        session.press("<space><space>S");
        let frame = session.frame();
        assert!(frame.contains("No signature makes this land:") && frame.contains(code), "{frame}");
        assert!(!frame.contains("a approve") && frame.contains("r reject"), "{frame}");
        session.press("a");
        assert!(session.frame().contains(&format!("No signature makes this land. {code}")));
    }
}

#[test]
fn the_sheet_says_who_rejected_this_very_change_and_offers_no_approval_of_it() {
    let f = Fixture::new();
    let reason = "It counts from two.";
    f.take(Decision { at: NOW - 7_200, reason, ..Decision::new("rahim", "agent/work", Verdict::Reject) });
    let mut session = Session::new(&f, (120, 36));
    assert!(session.frame().contains("rejected"), "{}", session.frame());
    session.press("<enter><space><space>S");
    let frame = session.frame();
    assert!(frame.contains("rahim rejected this (") && frame.contains("takes that back: It counts"), "{frame}");
    assert!(!frame.contains("a approve") && frame.contains("r reject"), "{frame}");
    session.press("a");
    assert!(session.frame().contains("rahim rejected this: no approval makes it land"), "{}", session.frame());
}

#[test]
fn ones_own_rejection_of_this_very_change_is_told_and_can_be_replaced() {
    let f = Fixture::new();
    f.take(Decision { at: NOW - 7_200, ..Decision::new("dana", "agent/work", Verdict::Reject) });
    let mut session = Session::new(&f, (120, 36));
    session.press("<enter><space><space>S");
    let frame = session.frame();
    assert!(frame.contains("You rejected this (") && frame.contains("a approve"), "{frame}");
}

#[test]
fn a_freeze_is_told_before_it_is_signed_and_what_waits_for_its_end_is_frozen() {
    let at = |seconds: i64| jiff::Timestamp::from_second(NOW + seconds).unwrap();
    let freeze = format!("[freeze.sale]\nfrom = {}\nuntil = {}\n", at(-3_600), at(7_200));
    let f = Fixture::with_policy(&policy(&freeze));
    let mut session = Session::new(&f, (120, 36));
    session.press("<enter><space><space>S");
    let frame = session.frame();
    assert!(frame.contains("FREEZE: default is frozen (sale) for another 120 minutes."), "{frame}");
    assert!(frame.contains("a approve"), "{frame}");
    f.take(Decision { at: NOW - 7_200, ..Decision::new("dana", "agent/work", Verdict::Approve) });
    let session = Session::new(&f, (120, 36));
    assert!(session.frame().contains("frozen"), "{}", session.frame());
}

#[test]
fn more_lines_than_one_signature_may_cover_are_told_before_they_are_read() {
    let f = Fixture::with_policy(&policy("[limits]\nlines = 1\n"));
    let mut session = Session::new(&f, (120, 36));
    assert!(session.frame().contains("refused"), "{}", session.frame());
    session.press("<enter><space><space>S");
    let frame = session.frame();
    assert!(frame.contains("LIMIT: ") && !frame.contains("a approve"), "{frame}");
}

#[test]
fn a_colleagues_damaged_chain_is_told_wherever_the_gate_would_refuse() {
    let f = Fixture::new();
    f.take(Decision { at: NOW - 7_200, ..Decision::new("rahim", "agent/work", Verdict::Reject) });
    f.take(Decision { at: NOW - 7_200, ..Decision::new("dana", "agent/work", Verdict::Approve) });
    let chain = format!("refs/undersign/decisions/{}", f.key("rahim").public.id());
    let name = f.git("rahim", &["for-each-ref", "--format=%(refname)", &chain]);
    let junk = f.git("rahim", &["commit-tree", "-m", "junk", "main^{tree}"]);
    f.git("rahim", &["update-ref", name.trim(), junk.trim()]);
    let mut session = Session::new(&f, (120, 36));
    assert!(session.frame().contains("refused"), "{}", session.frame());
    session.press("<enter><space><space>S");
    let frame = session.frame();
    assert!(frame.contains("LEDGER_FAULT: Record 1 in the chain of rahim"), "{frame}");
    assert!(!frame.contains("a approve"), "{frame}");
}

#[test]
fn what_was_read_before_the_target_changed_its_file_cannot_be_approved_but_rejected() {
    let f = Fixture::new();
    f.write("src/lib.rs", "fn one() -> u32 {\n    3\n}\n");
    f.commit("rahim", "Write the same file");
    let mut session = Session::new(&f, (120, 36));
    assert!(session.frame().contains("rebase"), "{}", session.frame());
    session.press("<enter><space><space>S");
    let frame = session.frame();
    assert!(frame.contains("BASE_MOVED: src/lib.rs has changed on the target since the proposal forked"), "{frame}");
    assert!(!frame.contains("a approve") && frame.contains("r reject"), "{frame}");
}

#[test]
fn the_sheet_says_that_the_policy_cannot_be_read() {
    let f = Fixture::new();
    f.write(".undersign/policy.toml", &policy("[surprise]\n"));
    f.commit("rahim", "Break the policy");
    let mut session = Session::new(&f, (120, 36));
    session.press("<enter>S");
    let frame = session.frame();
    assert!(
        frame.contains("Nobody can sign here: .undersign/policy.toml line") && frame.contains("surprise"),
        "{frame}"
    );
    assert!(!frame.contains("a approve"), "{frame}");
}

#[test]
fn a_secret_that_came_and_went_is_a_finding_that_can_be_answered() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "leak", "main"]);
    f.write("docs/a.txt", "a\n");
    f.write(".env", "AWS_KEY=AKIAIOSFODNN7ABCDEFG\n");
    let first = f.commit("mina", "Leak");
    f.git("mina", &["rm", "-q", ".env"]);
    f.commit("mina", "Take it out");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (160, 40));
    session.press("/leak<enter><enter>");
    let frame = session.frame();
    let words: Vec<&str> = frame.split_whitespace().filter(|word| !matches!(*word, "│" | "┃")).collect();
    let said = words.join(" ");
    assert!(said.contains(&format!("commit {} puts it into .env:1", &first[..7])), "{frame}");
    assert!(!frame.contains("AKIAIOSFODNN7ABCDEFG"), "{frame}");
    session.press(")aRevoked.<enter>)aRevoked, too.<enter>");
    assert_eq!(session.frame().matches("✓ answered").count(), 2, "{}", session.frame());
}

#[test]
fn what_commits_held_that_undo_each_other_is_told_in_the_reader() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "leak", "main"]);
    f.write(".env", "AWS_KEY=AKIAIOSFODNN7ABCDEFG\n");
    f.commit("mina", "Leak");
    f.git("mina", &["rm", "-q", ".env"]);
    f.commit("mina", "Take it out");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (100, 30));
    session.press("/leak<enter><enter>");
    let frame = session.frame();
    assert!(frame.contains("there is nothing to read: its 2 commits") && frame.contains("nothing to read"), "{frame}");
    assert!(frame.contains("puts it into .env:1") && !frame.contains("AKIAIOSFODNN7ABCDEFG"), "{frame}");
    session.press("S");
    let frame = session.frame();
    assert!(frame.contains("No file differs") && !frame.contains("0 findings"), "{frame}");
}

#[test]
fn who_pressed_update_branch_can_still_sign_for_what_others_wrote() {
    let f = Fixture::new();
    f.write("docs/z.txt", "landed\n");
    f.commit("rahim", "Land");
    f.git("dana", &["checkout", "-q", "agent/work"]);
    f.git("dana", &["merge", "-q", "--no-ff", "-m", "Merge main", "main"]);
    f.git("dana", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 36));
    assert!(session.frame().contains("Needs you 1"), "{}", session.frame());
    session.press("<enter><space>S");
    let frame = session.frame();
    assert!(!frame.contains("would not count") && frame.contains("a approve"), "{frame}");
    session.press("r").press("No.<enter>");
    assert!(!session.frame().contains("dana <dana@example.com>"), "{}", session.frame());
}

#[test]
fn that_nobody_vouches_for_the_authors_is_on_the_sheet() {
    let f = Fixture::with_policy(&policy("").replace("[refs]\n", "author_proof = \"proven\"\n[refs]\n"));
    let mut session = Session::new(&f, (120, 36));
    let sheet = session.press("<enter>S").frame();
    assert!(sheet.contains("AUTHOR_UNPROVEN: Nobody vouches for who wrote it"), "{sheet}");
}

#[test]
fn states_in_between_are_named_on_the_sheet_and_by_why() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "agent/work"]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    1 + 1\n}\n");
    f.commit("mina", "And more");
    let between = f.id("agent/work~1");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = Session::new(&f, (120, 40));
    let told = format!("1 state in between ({}) was not reviewed individually", &between[..7]);
    let why = session.press("i").frame();
    assert!(why.contains(&told) && why.contains("INTERMEDIATE"), "{why}");
    let sheet = session.press("<esc><enter>S").frame();
    assert!(sheet.contains(&format!("INTERMEDIATE: {told}")), "{sheet}");
}
