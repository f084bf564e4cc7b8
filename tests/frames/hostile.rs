//! Bytes that others chose, on both sides, in every layout: drawn in visible marks, counted, and never a panic.

use std::sync::Arc;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use undersign::app::keymap::{Keymap, Stroke};
use undersign::app::review::layout::{Layout, ViewOptions};
use undersign::app::review::{Compared, Review};
use undersign::app::{Screen, State, update};
use undersign::change::diff::{Content, Diff, FileDiff, Mode, TreeEntry};
use undersign::change::{Change, ObjectId, RepoPath, Revision, visible};
use undersign::examination::{FileMaterial, RepositorySnapshot};
use undersign::source::git::{PolicyState, TargetBranch};
use undersign::tui::view;

use super::*;

/// As many files at each end of a change are compared; those between are listed only, as while a change is still read.
const COMPARED: usize = 1_000;

/// A reader on files made of bytes, without a repository.
fn reader(files: &[(Vec<u8>, Vec<u8>, Vec<u8>)], layout: ViewOptions, size: (u16, u16)) -> State {
    let id = ObjectId([1; 20]);
    let target = TargetBranch { name: "refs/heads/main".into(), tip: id };
    let snapshot = Arc::new(RepositorySnapshot {
        root: "/nowhere".into(),
        common_dir: "/nowhere/.git".into(),
        name: "shop".into(),
        uri: String::new(),
        target,
        policy: PolicyState::Absent,
        chains: Vec::new(),
        ledger_fault: None,
        unread: None,
        evidence: Default::default(),
        drills: Default::default(),
        packages: Default::default(),
        services: Ok(Default::default()),
        notes: Default::default(),
        rules: Default::default(),
    });
    let revision = Revision {
        base: id,
        base_tree: id,
        head: ObjectId([2; 20]),
        head_tree: id,
        target_tip: id,
        target_tree: id,
        commits: Vec::new(),
    };
    let change = Arc::new(Change::of_range("shop:x".into(), "x\u{1b}[2J".into(), "refs/heads/main".into(), revision));
    let entry = |n: u8| Some(TreeEntry { mode: Mode::File, id: ObjectId([n; 20]) });
    let diff = |(path, ..): &(Vec<u8>, Vec<u8>, Vec<u8>)| FileDiff {
        path: RepoPath(path.clone()),
        from: None,
        counterpart: None,
        old: entry(3),
        new: entry(4),
    };
    let diffs = Arc::new(Diff { files: files.iter().map(diff).collect(), ..Diff::default() });
    let (mut state, _) =
        State::only(snapshot.clone(), change.clone(), false, Keymap::shipped(), Ok("k".into()), false, NOW);
    let mut review = Review::new(1, change, snapshot, diffs.clone(), None, false);
    for (index, (_, old, new)) in files.iter().enumerate() {
        if (COMPARED..files.len().saturating_sub(COMPARED)).contains(&index) {
            continue;
        }
        let (old, new) = (Content::of_blob(old.clone()), Content::of_blob(new.clone()));
        let file = FileMaterial::of(diffs.files[index].clone(), Some(old), Some(new));
        review.compared(index, Ok(Compared::of(Arc::new(file), layout.shape(usize::from(size.0)))));
    }
    state.look = layout;
    state.screen = Screen::Review(Box::new(review));
    update(&mut state, Event::Resize(size.0, size.1));
    state
}

fn frame(state: &State, size: (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| view::draw(state, &Theme::shipped("mono").unwrap(), frame)).unwrap();
    terminal.backend().buffer().content().iter().map(|cell| cell.symbol()).collect()
}

/// Text as it is found, and bytes that nobody meant to be text.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[a-c \t\n\r\u{202e}\u{200b}\u{1b}漢👩\u{200d}💻e\u{301}]{0,200}".prop_map(String::into_bytes),
    ]
}

const SIZES: [(u16, u16); 4] = [(80, 24), (40, 10), (200, 60), (101, 13)];
const KEYS: &str = " jkGg]}u+-XwmWhlbRr@\u{d}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic_or_act_and_seen_and_unseen_are_the_whole(
        files in prop::collection::vec((prop::collection::vec(1u8.., 1..12), bytes(), bytes()), 1..4),
        side: bool, wrap: bool, blanks: bool,
        size in prop::sample::select(&SIZES[..]),
        keys in prop::collection::vec(prop::sample::select(KEYS.chars().collect::<Vec<_>>()), 0..30),
    ) {
        let layout = if side { Layout::SideBySide } else { Layout::Unified };
        let layout = ViewOptions { layout, wrap, blanks, ..ViewOptions::default() };
        let mut state = reader(&files, layout, size);
        for key in keys {
            let stroke = if key == '\r' { Stroke::parse("enter").unwrap() } else { Stroke::parse(&key.to_string()).or(Stroke::parse("space")).unwrap() };
            update(&mut state, Event::Stroke(stroke));
            let frame = frame(&state, size);
            state.drawn();
            prop_assert!(!frame.chars().any(|c| visible::is_control(c) || visible::is_bidi(c)), "{:?}", frame);
        }
        let Screen::Review(review) = &state.screen else { unreachable!() };
        let (progress, checklist) = (review.progress(), review.checklist());
        let unseen = checklist.hunks.iter().filter(|key| !review.work.draft.seen.contains(*key)).count();
        prop_assert_eq!(progress.hunks.0 + unseen, checklist.hunks.len());
        prop_assert_eq!(progress.hunks.1, checklist.hunks.len());
        prop_assert_eq!(progress.omissions.1, checklist.omissions.len());
        let rows: usize = review.document.rows().iter().map(|file| file.rows.len()).sum();
        prop_assert_eq!(review.document.height(), rows);
    }
}

#[test]
fn a_line_of_a_megabyte_is_shown_as_far_as_is_said_and_the_rest_is_to_be_acknowledged() {
    let long = "x".repeat(1 << 20).into_bytes();
    let files = [(b"a.txt".to_vec(), Vec::new(), long)];
    for layout in [ViewOptions::default(), ViewOptions { wrap: false, ..ViewOptions::default() }] {
        let state = reader(&files, layout, (80, 24));
        let Screen::Review(review) = &state.screen else { unreachable!() };
        assert_eq!(review.progress().omissions, (0, 1));
        frame(&state, (80, 24));
    }
}

#[test]
fn two_hundred_thousand_files_are_listed_and_crossed() {
    let files: Vec<_> =
        (0..200_000).map(|n| (format!("d/{n}.txt").into_bytes(), b"a\n".to_vec(), b"b\n".to_vec())).collect();
    let mut state = reader(&files, ViewOptions::default(), (120, 40));
    for stroke in ["j", "}", "G", "u"] {
        update(&mut state, Event::Stroke(Stroke::parse(stroke).unwrap()));
        assert!(frame(&state, (120, 40)).contains("200000 files"));
    }
}
