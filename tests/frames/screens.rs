//! What a first user meets: whose turn it is, what is left, what a sign means, at three sizes.

use std::collections::VecDeque;

use undersign::app::keymap::{Key, Keymap, Stroke};
use undersign::app::{Screen, update};
use undersign::decision::Verdict;
use undersign::signer::NoKey;

use super::*;
use crate::commands::above_the_prompt;

/// Changes of every section, and a row that asks for more than one person.
fn sections() -> Fixture {
    let f = two_changes();
    f.git("rahim", &["checkout", "-q", "-b", "rules", "main"]);
    f.write(".undersign/policy.toml", &policy("# more\n"));
    f.commit(
        "rahim",
        "Say more about the rules\n\nThe policy is read by people.\nThey need words.\n\nReviewed-By: nobody",
    );
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide_at("dana", "docs/typo", Verdict::Approve, NOW);
    f
}

/// Four files of one name in folders that differ in the middle, a deleted one, and code inside of definitions.
fn folders() -> Fixture {
    let f = two_changes();
    for name in ["alpha", "beta"] {
        f.write(&format!("services/{name}/definition/in/bar/src/lib.rs"), "fn a() {}\n");
    }
    f.write("old.py", "class Shop:\n    def price(self):\n        self = self\n");
    f.write(
        "shop.py",
        &format!("class Shop:\n    def price(self):\n        self = self\n{}", "        x = 1\n".repeat(20)),
    );
    f.commit("mina", "More");
    f.git("mina", &["checkout", "-q", "-b", "folders", "main"]);
    for name in ["alpha", "beta"] {
        f.write(&format!("services/{name}/definition/in/bar/src/lib.rs"), "fn a() {}\nfn b() {}\n");
    }
    std::fs::remove_file(f.repo.join("old.py")).unwrap();
    let text = format!("class Shop:\n    def price(self):\n        self = self\n{}", "        x = 1\n".repeat(20));
    f.write("shop.py", &(text + "        x = 2\n"));
    f.commit("mina", "Work in folders");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn the_queue_says_whose_turn_it_is_at_three_sizes() {
    let f = sections();
    for (size, name) in [((80, 24), "80"), ((120, 36), "120"), ((200, 60), "200")] {
        with_filters(|| insta::assert_snapshot!(format!("queue_{name}"), Session::new(&f, size).frame()));
    }
}

#[test]
fn headings_are_no_rows_that_a_cursor_stands_on_and_stay_on_top() {
    let f = sections();
    let mut session = Session::new(&f, (120, 12));
    session.press("gg");
    assert!(session.frame().lines().nth(3).unwrap().starts_with(" ▸ "), "{}", session.frame());
    session.press("G");
    let frame = session.frame();
    assert!(frame.lines().any(|line| line.starts_with(" ▸ ")), "{frame}");
    assert!(!frame.lines().any(|line| line.starts_with(" ▸ Needs")), "{frame}");
    session.press("kkkkkkkk");
    assert!(session.frame().lines().nth(3).unwrap().starts_with(" ▸ "), "{}", session.frame());
}

#[test]
fn why_scrolls_to_its_end_and_says_how_far() {
    let f = sections();
    let mut session = Session::new(&f, (80, 14));
    session.press("i");
    let first = session.frame();
    assert!(first.contains("why tier") && first.contains("1–10 of "), "{first}");
    session.press("G");
    let last = session.frame();
    assert!(last.contains("How it was made") || last.contains("provenance: "), "{last}");
    session.press("k");
    assert_ne!(session.frame(), last, "one row back is one row");
    session.press("g");
    assert_eq!(session.frame(), first);
    session.press("x");
    assert!(!session.frame().contains("why tier"), "{}", session.frame());
}

#[test]
fn a_message_is_quoted_by_its_paragraph_without_trailers() {
    let f = sections();
    let mut session = Session::new(&f, (120, 36));
    session.press("/rules<enter>");
    let frame = session.frame();
    assert!(frame.contains("“The policy is read by people. They need words.”"), "{frame}");
    assert!(!frame.contains("Reviewed-By"), "{frame}");
}

#[test]
fn the_reader_groups_files_by_folder_and_names_what_encloses_a_hunk() {
    let f = folders();
    for (size, name) in [((120, 36), "120"), ((200, 60), "200")] {
        let mut session = Session::new(&f, size);
        session.press("/folders<enter><enter>");
        with_filters(|| insta::assert_snapshot!(format!("folders_{name}"), session.frame()));
        let frame = session.frame();
        assert!(frame.contains("class Shop › def price(self)") && !frame.contains("@@ 24   self = self"), "{frame}");
    }
}

#[test]
fn the_walk_along_findings_goes_round_and_says_so() {
    let f = two_changes();
    let mut session = Session::new(&f, (120, 24));
    session.press("<enter><space>)");
    session.press(")");
    let frame = session.frame();
    assert!(frame.contains("from the start; 1 finding not answered"), "{frame}");
    session.press("aFine.<enter>))");
    assert!(session.frame().contains("from the start; all are answered"), "{}", session.frame());
    session.press("((");
    assert!(session.frame().contains("from the end; all are answered"), "{}", session.frame());
    let mut session = Session::new(&f, (120, 24));
    session.press("/typo<enter><enter>)");
    assert!(session.frame().contains("there is no finding and no omission"), "{}", session.frame());
}

/// A change with a finding in each of two files.
fn two_findings() -> Fixture {
    let f = Fixture::with_policy(&policy(""));
    f.git("mina", &["checkout", "-q", "-b", "claude/two", "main"]);
    f.write("src/net.py", "import requests\n\ndef get(url):\n    return requests.get(url, verify=False)\n");
    f.write("src/post.py", "import requests\n\ndef post(url):\n    return requests.post(url, verify=False)\n");
    f.commit("mina", "Fetch and send");
    f.git("mina", &["checkout", "-q", "main"]);
    f
}

#[test]
fn a_finding_of_a_change_is_whole_where_a_stroke_leads_to_it_and_while_it_is_answered() {
    let f = two_changes();
    for height in 16..40 {
        let mut session = Session::new(&f, (80, height));
        session.press("<enter>)");
        let Screen::Review(review) = &session.state.screen else { panic!("{}", session.frame()) };
        let finding = review.findings.get(0).unwrap();
        // The end of what is said of it: the last words of its question.
        let end = finding.ask.split(' ').next_back().unwrap().to_owned();
        assert!(session.frame().contains(&end), "{height}: {}", session.frame());
        session.press("a");
        let above = above_the_prompt(&session);
        assert!(above.contains(&end) && above.contains("▸"), "{height}: {}", session.frame());
    }
}

#[test]
fn the_walk_passes_what_is_answered_as_long_as_anything_is_open() {
    let f = two_findings();
    let mut session = Session::new(&f, (120, 30));
    session.press("<enter>)");
    let row = |session: &Session| session.frame().lines().find(|row| row.contains('▸')).map(str::to_owned);
    let first = row(&session);
    session.press("aThe host is ours.<enter>)");
    assert!(row(&session) != first, "{}", session.frame());
    let second = row(&session);
    session.press(")");
    assert_eq!(row(&session), second, "the other one is answered");
    session.press("a<up>");
    assert!(session.frame().contains("› The host is ours."), "{}", session.frame());
    session.press("<down>No.");
    assert!(session.frame().contains("› No."), "{}", session.frame());
    session.press("<esc>a<up><enter>");
    assert!(session.frame().contains("✓ The host is ours."), "{}", session.frame());
    session.press("a");
    assert!(session.frame().contains("Change the answer, or empty it to take it back."), "{}", session.frame());
}

#[test]
fn what_was_written_for_a_rejection_is_not_signed_for_an_approval() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>SrDo not merge this.<esc>");
    session.press("<space>)aThe host has no certificate yet.<enter>Sa");
    let frame = session.frame();
    assert!(
        !frame.contains("Do not merge") && frame.contains("What you wrote for “reject” is not offered here"),
        "{frame}"
    );
    session.press("<left><esc>Sr");
    assert!(session.frame().contains("Do not merge this."), "{}", session.frame());
    session.press("<esc>SaA revert takes it back.<esc>Sr");
    let frame = session.frame();
    assert!(frame.contains("Do not merge this.") && !frame.contains("A revert"), "{frame}");
    session.press("<esc>Sa");
    assert!(session.frame().contains("A revert takes it back."), "words for each verdict are kept apart");
}

#[test]
fn notes_that_an_approval_does_not_carry_are_named_where_it_is_signed() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter><space>)aThe host has no certificate yet.<enter>cWhy this host?<enter>Sa");
    assert!(session.frame().contains("1 note is not part of this"), "{}", session.frame());
    session.press("<esc>Sna");
    assert!(!session.frame().contains("not part of this"), "{}", session.frame());
}

#[test]
fn sentences_name_the_strokes_of_the_keymap_that_holds() {
    let f = two_changes();
    let mut session = Session::new(&f, (120, 24));
    let file = "[review]\nanswer = [\"f2\"]\nnext-unseen = [\"f3\"]\nwhole-file = [\"f4\"]\nnext-finding = [\"f5\"]\n";
    session.state.keymap = Keymap::user("k", file).unwrap();
    session.press("<enter>");
    assert!(session.frame().contains("[f2] answer"), "{}", session.frame());
    session.press("99999G");
    assert!(session.frame().contains("f4 shows the whole file"), "{}", session.frame());
    session.press("S");
    let frame = session.frame();
    assert!(frame.contains("f3 goes there") && frame.contains("f5 goes there"), "{frame}");
    session.press("a");
    assert!(session.frame().contains(": f3 and f5 lead to what is missing"), "{}", session.frame());
    session.press("<f5>");
    assert!(session.state.overlay.is_none() && session.frame().contains("▸  H ┃"), "{}", session.frame());
}

#[test]
fn a_stroke_that_the_sheet_names_leads_to_what_is_left_and_never_to_what_is_answered() {
    let f = two_changes();
    let mut session = Session::new(&f, (120, 24));
    session.press("<enter>S)");
    assert!(session.frame().contains("▸  H ┃"), "{}", session.frame());
    session.press("aIt is a test host.<enter>S)");
    let frame = session.frame();
    assert!(session.state.overlay.is_none() && frame.contains("all are answered"), "{frame}");
    session.press("Su");
    assert!(session.state.overlay.is_none() && session.frame().contains("not seen"), "{}", session.frame());
}

#[test]
fn the_sheet_is_as_high_as_its_text_and_writes_nothing_that_is_zero() {
    let f = two_changes();
    let mut session = Session::new(&f, (120, 36));
    session.press("<enter>S");
    with_filters(|| insta::assert_snapshot!("sheet_not_ready_120", session.frame()));
    session.press("<esc><space>)aIt is a test host.<enter>S");
    with_filters(|| insta::assert_snapshot!("sheet_ready_120", session.frame()));
    assert!(!session.frame().contains("0 of 0") && !session.frame().contains("0 note"), "{}", session.frame());
}

#[test]
fn the_statement_is_a_sentence_above_the_bytes_that_it_is_read_from() {
    for (size, name) in [((80, 24), "80"), ((120, 36), "120")] {
        let f = two_changes();
        let mut session = Session::new(&f, size);
        session.press("<enter><space>)aIt is a test host.<enter>SaA revert takes it back.<enter>");
        let frame = session.frame();
        assert!(frame.contains("dana (senior) APPROVES what "), "{frame}");
        assert!(frame.contains("“A revert takes it back.”") && frame.contains("1 of 1 hunk ·"), "{frame}");
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"[0-9a-f]{7,}", "hhhhhhh");
        settings.add_filter(r"type hhhhhhh|type [0-9a-f]{6}", "type cccccc");
        settings.add_filter(r"SHA256:\S+", "SHA256:k");
        settings.bind(|| insta::assert_snapshot!(format!("statement_{name}"), frame));
        session.press(&"<down>".repeat(200));
        assert!(session.frame().contains("\"reason\""), "the bytes scroll to their end: {}", session.frame());
    }
    // On the lowest screen there is, both are scrolled: what is said first, then the bytes.
    let f = two_changes();
    let mut session = Session::new(&f, (40, 10));
    session.press("<enter>").press(&"<space>".repeat(4)).press(")aIt is a test host.<enter>SaYes.<enter>");
    assert!(session.frame().contains("dana (senior) APPROVES what"), "{}", session.frame());
    session.press(&"<down>".repeat(500));
    let end = session.frame();
    assert!(end.lines().any(|line| line.starts_with("│ } ")), "{end}");
    assert_ne!(session.press("<up>").frame(), end, "no stroke beyond the end is remembered");
}

#[test]
fn what_is_told_on_a_sheet_stands_from_its_beginning_on() {
    let f = two_changes();
    let mut session = Session::new(&f, (80, 24));
    session.press("<enter><space>)aIt is a test host.<enter>SaFine.<enter>wrong<enter>");
    let frame = session.frame();
    assert!(frame.contains("Type ") && frame.contains("to sign; Esc leaves without signing."), "{frame}");
}

#[test]
fn help_is_in_groups_with_signs_and_words_and_nothing_of_it_is_cut() {
    let f = two_changes();
    for (size, name) in [((80, 24), "80"), ((120, 36), "120"), ((200, 60), "200")] {
        let mut session = Session::new(&f, size);
        session.press("?");
        insta::assert_snapshot!(format!("help_queue_{name}"), session.frame());
        let help = session.frame();
        assert!(!help.lines().any(|line| line.starts_with(" │") && line.contains('…')), "{help}");
    }
    let mut session = Session::new(&f, (80, 24));
    session.press("<enter>?G");
    assert!(session.frame().contains("author says of the change"), "the end is reached: {}", session.frame());
}

#[test]
fn a_policy_with_a_mistake_is_one_row_and_offers_no_approval() {
    let f = two_changes();
    f.write(".undersign/policy.toml", "schema = \"undersign-policy/v1\"\nversion = \"two\"\n");
    f.commit("rahim", "Break the policy");
    let mut session = Session::new(&f, (120, 36));
    let frame = session.frame();
    assert!(frame.contains("Cannot land 3") && !frame.contains("is in no roster"), "{frame}");
    assert_eq!(frame.matches("⊘ shop: .undersign/policy.toml line ").count(), 1, "{frame}");
    session.press("/agent<enter><enter>S");
    let frame = session.frame();
    assert!(frame.contains("Nobody can sign here: ") && !frame.contains("a approve"), "{frame}");
    session.press("a");
    assert!(!session.frame().contains("reason:"), "{}", session.frame());
}

#[test]
fn without_a_key_the_commands_stand_there_and_no_verdict_is_offered() {
    let f = two_changes();
    let mut session = Session::new(&f, (120, 36));
    let told = "There is no signing key: make one.\n  ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519";
    session.state.key = Err(no_key("no signing key", told));
    assert!(session.frame().contains("read only: no signing key"), "{}", session.frame());
    session.press("<enter>S");
    let frame = session.frame();
    assert!(frame.contains("ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519"), "{frame}");
    assert!(!frame.contains("a approve") && !frame.contains("r reject") && !frame.contains("roster"), "{frame}");
    assert_eq!(frame.matches("no signing key").count(), 1, "{frame}");
}

fn no_key(brief: &str, text: &str) -> NoKey {
    NoKey { brief: brief.to_owned(), text: text.to_owned(), is_named: true }
}

#[test]
fn of_a_person_whose_key_cannot_sign_nothing_says_that_all_is_done() {
    let f = two_changes();
    f.decide_at("dana", "docs/typo", Verdict::Approve, NOW);
    let mut session = Session::new(&f, (120, 36));
    let told =
        "The signing key ~/id_rsa.pub is of type ssh-rsa, which signs no records. Make another:\n  ssh-keygen -t x";
    session.state.key = Err(no_key("id_rsa.pub cannot sign", told));
    session.press("R");
    let frame = session.frame();
    assert!(frame.contains(" · 1 decided") && !frame.contains("need you"), "{frame}");
    assert!(frame.contains("read only: id_rsa.pub cannot sign") && !frame.contains("all done"), "{frame}");
    assert!(frame.contains("  ssh-keygen -t x"), "{frame}");

    let nothing = Fixture::with_policy("");
    nothing.git("dana", &["branch", "-q", "-D", "agent/work"]);
    let mut session = Session::new(&nothing, (80, 24));
    session.state.key = Err(no_key("id_rsa.pub cannot sign", told));
    let frame = session.frame();
    assert!(frame.contains("Nothing waits") && frame.contains("is of type ssh-rsa"), "{frame}");
    assert!(frame.contains("  ssh-keygen -t x"), "{frame}");
}

#[test]
fn ctrl_z_is_heard_under_everything_that_lies_over_the_screen() {
    let f = two_changes();
    for keys in ["?", "/", ":", "i", "<enter>S", "<enter>Sr", "<enter>/"] {
        let mut session = Session::new(&f, (100, 40));
        session.press(keys);
        let before = session.frame();
        let stop = Event::Stroke(Stroke::parse("ctrl-z").unwrap());
        let effects = update(&mut session.state, stop);
        assert!(matches!(effects[..], [undersign::app::Effect::Suspend]), "{keys}: {effects:?}");
        assert_eq!(session.frame(), before, "{keys}");
    }
}

#[test]
fn a_passphrase_is_asked_for_once_a_sitting_where_that_is_wished_and_forgotten_when_one_goes() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.state.key_needs_passphrase = true;
    session.state.sitting.remembers = true;
    let reject = |session: &mut Session| {
        session.press("<enter>SrNo.<enter>reject<enter>");
        let asked = session.frame().contains("passphrase of the key");
        if asked {
            session.press("secret<enter>");
        }
        session.press("<esc>q");
        asked
    };
    assert!(reject(&mut session));
    assert!(session.state.sitting.is_open());
    session.press("/typo<enter>");
    assert!(!reject(&mut session), "it is known");
    session.press("<esc><alt-l>");
    assert!(session.frame().contains("the passphrase is forgotten"), "{}", session.frame());
    session.press("/agent<enter>");
    assert!(reject(&mut session));
    update(&mut session.state, Event::Stop);
    assert!(!session.state.sitting.is_open(), "suspended");
}

#[test]
fn the_statement_says_how_much_of_what_was_asked_is_answered() {
    let lock: String = (0..80).map(|n| format!("[[package]]\nname = \"crate-{n}\"\n")).collect();
    let f = reader::fixture(&[("Cargo.lock", "")], &[("Cargo.lock", &lock)]);
    let mut session = reader::opened(&f, (100, 40));
    session.press("SrNo.<enter>");
    assert!(session.frame().contains("0 of 1 omission acknowledged"), "{}", session.frame());
    session.press("<esc>)aIt is made by a tool.<enter>SrNo.<enter>");
    assert!(session.frame().contains("1 of 1 omission acknowledged"), "{}", session.frame());
}

#[test]
fn a_reason_can_be_pasted_and_what_confirms_it_cannot() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    let paste = |session: &mut Session, text: &str| session.take(VecDeque::from([Event::Paste(text.to_owned())]));
    session.press("<enter>Sr");
    paste(&mut session, "See https://ci.example/7:\nit fails.");
    assert!(session.frame().contains("reason: See https://ci.example/7: it fails."), "{}", session.frame());
    session.press("<esc>");
    // It is kept like what is typed.
    let session = &mut Session::new(&f, (100, 40));
    assert!(session.press("<enter>Sr").frame().contains("it fails."), "{}", session.frame());
    session.press("<enter>");
    paste(session, "reject");
    assert!(session.frame().contains("Pasted text is not taken here: type it."), "{}", session.frame());
    session.press("<enter>");
    assert_eq!(undersign::ledger::read(&f.repository()).unwrap().len(), 0, "{}", session.frame());
    assert!(session.press("reject<enter>").frame().contains("✓ Rejected"), "{}", session.frame());
}

#[test]
fn what_is_pasted_into_the_filter_of_the_queue_holds_at_once() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 30));
    session.press("/");
    session.take(VecDeque::from([Event::Paste("typo".to_owned())]));
    assert!(!session.frame().contains("Fetch with retries"), "{}", session.frame());
    let frame = session.press("<enter>").frame();
    assert!(frame.contains("Fix a typo") && !frame.contains("Fetch with retries"), "{frame}");
}

#[test]
fn counts_of_a_change_that_is_still_being_read_are_counts_so_far() {
    let f = two_changes();
    f.git("mina", &["checkout", "-q", "-b", "more", "main"]);
    (0..3).for_each(|n| f.write(&format!("src/{n}.txt"), "one\n"));
    f.commit("mina", "More");
    let mut session = Session::new(&f, (120, 30));
    session.press("/more<enter>");
    let mut events: VecDeque<Event> = VecDeque::new();
    let mut run = |session: &mut Session, event: Event| {
        for effect in undersign::app::update(&mut session.state, event) {
            events.extend(session.carried_out(effect));
        }
        events.pop_front()
    };
    let mut next = run(&mut session, Event::Stroke(Stroke::plain(Key::Enter)));
    while let Some(event) = next.take() {
        let is_first = matches!(event, Event::Compared { .. });
        next = run(&mut session, event);
        if is_first {
            break;
        }
    }
    assert!(session.frame().contains("left: 1 hunk so far …"), "{}", session.frame());
    session.state.drawn();
    session.begin("Sr");
    assert!(session.frame().contains("What is left before you can approve, so far:"), "{}", session.frame());
    assert!(session.frame().contains("still being read; wait a moment"), "{}", session.frame());
    while let Some(event) = next.take() {
        next = run(&mut session, event);
    }
    let frame = session.frame();
    assert!(!frame.contains("wait a moment") && !frame.contains("so far"), "{frame}");
    assert!(frame.contains("3 hunks not seen"), "{frame}");
}

#[test]
fn on_a_low_screen_the_sheet_keeps_its_input_in_sight_and_says_that_there_are_bytes_below() {
    let f = two_changes();
    let mut session = Session::new(&f, (60, 15));
    let frame = session.press("<enter>Sr").frame();
    assert!(frame.contains("reason:") && frame.contains("the draft is kept."), "{frame}");
    let frame = session.press("No.<enter>").frame();
    assert!(frame.contains("↓ ") && frame.contains("more lines of what is signed"), "{frame}");
    let frame = session.press(&"<pagedown>".repeat(30)).frame();
    assert!(frame.contains("end of the bytes · ↑") && !frame.contains("more lines"), "{frame}");
    let frame = session.press("reject<enter>").frame();
    let record = undersign::ledger::read(&f.repository()).unwrap()[0].records[0].id().to_string();
    assert!(frame.contains(&record[..40]) && frame.contains(&record[56..]), "{frame}");
    let mut session = Session::new(&f, (40, 10));
    let frame = session.press("<enter>SrNo.").frame();
    let row = frame.lines().position(|row| row.contains("reason: No.")).expect(&frame);
    assert!(row < frame.lines().position(|row| row.contains('└') || row.contains('╰')).expect(&frame), "{frame}");
}

#[test]
fn a_passphrase_that_is_half_typed_is_forgotten_when_one_goes() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.state.key_needs_passphrase = true;
    let empty = session.press("<enter>SrNo.<enter>reject<enter>").frame();
    assert!(empty.contains("passphrase of the key"), "{empty}");
    session.press("half");
    assert_ne!(session.frame(), empty);
    update(&mut session.state, Event::Stroke(Stroke::parse("ctrl-z").unwrap()));
    assert_eq!(session.frame(), empty);
}

#[test]
fn a_filter_that_nothing_matches_says_so_and_leaves_no_rows_of_what_cannot_be_read() {
    let f = two_changes();
    let gone = f.dir.path().join("gone");
    let ports = undersign::worker::Ports { clock: Some(NOW), ..ports(&f.dir.path().join("drafts"), f.key("dana")) };
    let mut session = Session::over(vec![f.repo.clone(), gone], ports, NOW, (120, 30));
    assert!(session.frame().contains("⊘"), "{}", session.frame());
    let frame = session.press("/typo<enter>").frame();
    assert!(frame.contains("Fix a typo") && !frame.contains("⊘"), "{frame}");
    let frame = session.press("/<ctrl-u>zebra<enter>").frame();
    assert!(frame.contains("Nothing matches the filter."), "{frame}");
    let frame = session.press("/<ctrl-u>gone<enter>").frame();
    assert!(frame.contains("⊘") && frame.contains("gone"), "{frame}");
}

#[test]
fn of_rows_with_one_title_each_names_its_branch() {
    let f = two_changes();
    f.git("mina", &["checkout", "-q", "-b", "docs/again", "main"]);
    f.write("README.md", "# the best shop\n");
    f.commit("mina", "Fix a typo");
    let frame = Session::new(&f, (80, 24)).frame();
    assert!(frame.contains("docs/typo: Fix") && frame.contains("docs/again: Fix"), "{frame}");
    assert!(!frame.contains("claude/tls:"), "{frame}");
}

#[test]
fn an_answer_beside_its_question_begins_with_a_sign() {
    let f = two_changes();
    let mut session = Session::new(&f, (200, 30));
    let frame = session.press("<enter>)aOurs").frame();
    assert!(frame.contains("trusted by itself? › Ours"), "{frame}");
}

#[test]
fn the_list_of_what_is_open_says_that_notes_are_in_it() {
    let f = two_changes();
    let mut session = Session::new(&f, (120, 30));
    assert!(session.press("<enter>@").frame().contains(" open · 2 "), "{}", session.frame());
    let frame = session.press("<esc>gcWhy?<enter>@").frame();
    assert!(frame.contains(" open, with notes and bookmarks · 3 "), "{frame}");
}
