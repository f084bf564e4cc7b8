//! Arbitrary bytes on both sides → rows → a frame: no panic, every changed line whole and once, nothing that acts on a
//! terminal. The first bytes choose layout, width and strokes.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use undersign::app::keymap::{Keymap, Stroke};
use undersign::app::review::layout::{Layout, ViewOptions};
use undersign::app::review::{Compared, Review};
use undersign::app::{Event, Screen, State, update};
use undersign::change::diff::{Content, Diff, FileDiff, Mode, TreeEntry};
use undersign::change::{Change, ObjectId, RepoPath, Revision, visible};
use undersign::examination::{FileMaterial, RepositorySnapshot};
use undersign::source::git::{PolicyState, TargetBranch};
use undersign::tui::theme::Theme;
use undersign::tui::view;

const STROKES: [&str; 12] = ["j", "k", "space", "]", "}", "enter", "+", "X", "w", "l", "m", "W"];

fuzz_target!(|data: &[u8]| {
    let Some((head, text)) = data.split_at_checked(8) else { return };
    let cut = text.iter().position(|byte| *byte == 0).unwrap_or(text.len() / 2);
    let (old, new) = text.split_at(cut);
    let side = |bytes: &[u8]| Some(Content::Text(bytes.to_vec()));
    let entry = |n: u8| Some(TreeEntry { mode: Mode::File, id: ObjectId([n; 20]) });
    let path = RepoPath(old.iter().copied().take(40).collect());
    let diff = FileDiff { path, from: None, old: entry(1), new: entry(2), counterpart: None };
    let file = FileMaterial::of(diff.clone(), side(old), side(new));
    let layout = if head[0] & 1 == 0 { Layout::Unified } else { Layout::SideBySide };
    let look = ViewOptions { layout, wrap: head[0] & 2 == 0, blanks: head[0] & 4 == 0, ..ViewOptions::default() };
    let size = (40 + u16::from(head[1]), 10 + u16::from(head[2] % 40));
    let mut state = reader(file, diff, look, size);
    let theme = Theme::shipped("mono").expect("mono is shipped");
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a buffer");
    for byte in &head[3..] {
        let stroke = Stroke::parse(STROKES[usize::from(*byte) % STROKES.len()]).expect("a stroke");
        update(&mut state, Event::Stroke(stroke));
        terminal.draw(|frame| view::draw(&state, &theme, frame)).expect("a buffer");
        state.drawn();
        let drawn = terminal.backend().buffer().content().iter();
        assert!(drawn.flat_map(|cell| cell.symbol().chars()).all(|c| !visible::is_control(c) && !visible::is_bidi(c)));
    }
    let Screen::Review(review) = &state.screen else { unreachable!("nothing leaves the reader") };
    let progress = review.progress();
    assert_eq!(progress.hunks.1, review.checklist().hunks.len());
});

fn reader(file: FileMaterial, diff: FileDiff, look: ViewOptions, size: (u16, u16)) -> State {
    let id = ObjectId([1; 20]);
    let target = TargetBranch { name: "refs/heads/main".into(), tip: id };
    let snapshot = Arc::new(RepositorySnapshot {
        root: "/".into(),
        common_dir: Default::default(),
        name: "fuzz".into(),
        uri: String::new(),
        target,
        policy: PolicyState::Absent,
        services: Ok(Default::default()),
        chains: Vec::new(),
        ledger_fault: None,
        unread: None,
        evidence: Default::default(),
        drills: Default::default(),
        packages: Default::default(),
        notes: Default::default(),
        rules: Default::default(),
    });
    let (base, head, base_tree, head_tree, target_tip, target_tree) = (id, id, id, id, id, id);
    let revision = Revision { base, base_tree, head, head_tree, target_tip, target_tree, commits: Vec::new() };
    let (branch, target) = ("fuzz".to_owned(), "refs/heads/main".to_owned());
    let change = Arc::new(Change::of_range("fuzz:fuzz".into(), branch, target, revision));
    let (keymap, key) = (Keymap::shipped(), Ok("key".to_owned()));
    let (mut state, _) = State::only(snapshot.clone(), change.clone(), false, keymap, key, false, 0);
    let diff = Diff { files: vec![diff], ..Diff::default() };
    let mut review = Review::new(1, change, snapshot, Arc::new(diff), None, false);
    review.compared(0, Ok(Compared::of(Arc::new(file), look.shape(usize::from(size.0)))));
    state.look = look;
    state.screen = Screen::Review(Box::new(review));
    update(&mut state, Event::Resize(size.0, size.1));
    state
}
