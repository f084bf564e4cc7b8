//! What a stroke costs in the reader, and what it holds, from 1,000 to 1,000,000 changed lines: the time must not
//! follow the size. `cargo bench --bench reader`, or `cargo bench --bench reader -- DIR BASE..HEAD` for a diff of a
//! real repository. Each size runs in a process of its own, so that its peak memory is its own.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use undersign::app::keymap::{Keymap, Stroke};
use undersign::app::review::layout::{Layout, ViewOptions};
use undersign::app::review::{Compared, Review};
use undersign::app::{Effect, Event, Screen, State, update};
use undersign::change::diff::{Content, Diff, FileDiff, Mode, TreeEntry};
use undersign::change::{Change, ObjectId, RepoPath, Revision};
use undersign::examination::{FileMaterial, RepositorySnapshot};
use undersign::signer::NoKey;
use undersign::source::git::{self, PolicyState, Repository, TargetBranch};
use undersign::tui::theme::Theme;
use undersign::tui::view;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const SCREEN: (u16, u16) = (200, 60);
/// Changed lines of a generated file.
const FILE: usize = 250;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match &args[..] {
        [] => SIZES.iter().for_each(|size| again(&[size.to_string()])),
        [size] => measure(&format!("{size} lines, generated"), &generated(size.parse().unwrap())),
        [dir, range] => match std::env::var_os("UNDERSIGN_BENCH_CHILD") {
            None => again(&[dir.clone(), range.clone()]),
            Some(_) => measure(&format!("{dir} {range}"), &real(Path::new(dir), range)),
        },
        _ => eprintln!("cargo bench --bench reader [-- DIR BASE..HEAD]"),
    }
}

fn again(args: &[String]) {
    let own = std::env::current_exe().unwrap();
    assert!(Command::new(own).args(args).env("UNDERSIGN_BENCH_CHILD", "1").status().unwrap().success());
}

/// A change whose texts can be read again and again, as a worker reads them.
struct Source {
    files: Vec<FileDiff>,
    read: Box<dyn Fn(usize) -> FileMaterial>,
}

/// Files with a change every few lines, as edits are, and words that repeat, as in code.
fn generated(lines: usize) -> Source {
    let line = |file: usize, n: usize, word: &str| format!("    let {word}_{n} = compute({}, \"{file}\");\n", n % 7);
    let side = move |file: usize, word: &str| {
        (0..FILE * 3).map(|n| line(file, n, if n % 6 == 3 { word } else { "value" })).collect::<String>().into_bytes()
    };
    let entry = |n: u8| Some(TreeEntry { mode: Mode::File, id: ObjectId([n; 20]) });
    let path = |at: usize| RepoPath(format!("src/part_{at}.rs").into_bytes());
    let diff =
        move |at: usize| FileDiff { path: path(at), from: None, counterpart: None, old: entry(1), new: entry(2) };
    let read = move |at: usize| {
        let text = |word| Some(Content::Text(side(at, word)));
        FileMaterial::of(diff(at), text("old"), text("new"))
    };
    Source { files: (0..lines.div_ceil(FILE)).map(diff).collect(), read: Box::new(read) }
}

fn real(dir: &Path, range: &str) -> Source {
    let repository = Repository::open(dir).unwrap();
    let (base, head) = range.split_once("..").unwrap();
    let id = |name: &str| repository.resolve(name).unwrap();
    let revision = repository.revision(id(base), id(head), id(base)).unwrap();
    let files = git::diff(&repository, revision.base_tree, revision.head_tree).unwrap().files;
    let (root, all) = (dir.to_owned(), files.clone());
    // Each file by a repository of its own, as the reader reads what somebody goes to.
    let read = move |at: usize| FileMaterial::read(&Repository::open(&root).unwrap(), &all[at]).unwrap();
    Source { files, read: Box::new(read) }
}

fn reader(source: &Source, layout: Layout) -> State {
    let id = ObjectId([1; 20]);
    let target = TargetBranch { name: "refs/heads/main".into(), tip: id };
    let (root, name, uri) = ("/".into(), "bench".into(), String::new());
    let snapshot = {
        let (chains, evidence, drills, packages, notes, rules) = Default::default();
        let (common_dir, policy, ledger_fault) = ("/.git".into(), PolicyState::Absent, None);
        Arc::new(RepositorySnapshot {
            root,
            common_dir,
            name,
            uri,
            target,
            policy,
            services: Ok(Default::default()),
            chains,
            ledger_fault,
            unread: None,
            evidence,
            drills,
            packages,
            notes,
            rules,
        })
    };
    let (base, head, base_tree, head_tree, target_tip, target_tree) = (id, id, id, id, id, id);
    let revision = Revision { base, base_tree, head, head_tree, target_tip, target_tree, commits: Vec::new() };
    let (branch, target) = ("bench".to_owned(), "refs/heads/main".to_owned());
    let change = Arc::new(Change::of_range("bench:bench".into(), branch, target, revision));
    let diff = Arc::new(Diff { files: source.files.clone(), ..Diff::default() });
    let key = Err(NoKey::default());
    let (mut state, _) = State::only(snapshot.clone(), change.clone(), true, Keymap::shipped(), key, false, 0);
    state.look = ViewOptions { layout, ..ViewOptions::default() };
    let mut review = Review::new(1, change, snapshot, diff, None, true);
    let shape = state.look.shape(usize::from(SCREEN.0) - 45);
    for index in 0..source.files.len() {
        review.compared(index, Ok(Compared::of(Arc::new((source.read)(index)), shape)));
    }
    state.screen = Screen::Review(Box::new(review));
    take(&mut state, source, Event::Resize(SCREEN.0, SCREEN.1));
    state
}

/// What a worker would do is done at once, and counts: a stroke takes as long as the texts that it asks for.
fn take(state: &mut State, source: &Source, event: Event) {
    let mut events = vec![event];
    while let Some(event) = events.pop() {
        for effect in update(state, event) {
            if let Effect::Compare { ticket, index, shape, .. } = effect {
                let result = Ok(Compared::of(Arc::new((source.read)(index)), shape));
                events.push(Event::Compared { ticket, index, result });
            }
        }
    }
}

fn measure(name: &str, source: &Source) {
    let mut state = reader(source, Layout::SideBySide);
    let Screen::Review(review) = &state.screen else { unreachable!() };
    let lines =
        review.document.files().iter().filter_map(|file| file.inventory.as_ref()).map(|file| file.added + file.removed);
    println!("{name}: {} files, {} changed lines", source.files.len(), lines.sum::<u32>());
    for (layout, word) in [(Layout::SideBySide, "side by side"), (Layout::Unified, "unified")] {
        state.look.layout = layout;
        take(&mut state, source, Event::Resize(SCREEN.0, SCREEN.1));
        for (stroke, times) in [("j", 500), ("ctrl-f", 100), ("]", 100), ("}", 50), ("space", 100)] {
            if let Screen::Review(review) = &mut state.screen {
                review.go(review.document.height() / 3);
            }
            take(&mut state, source, Event::Resize(SCREEN.0, SCREEN.1));
            let (p50, p99) = strokes(&mut state, source, stroke, times);
            println!("  {word:<12}  {stroke:<6}  p50 {:>6.2} ms   p99 {:>6.2} ms", ms(p50), ms(p99));
        }
    }
    println!("  peak {} MiB\n", peak_kib() / 1024);
}

/// A stroke to its frame, as bytes for a terminal would begin to be written.
fn strokes(state: &mut State, source: &Source, stroke: &str, times: usize) -> (Duration, Duration) {
    let theme = Theme::shipped("dark").unwrap();
    let mut terminal = Terminal::new(TestBackend::new(SCREEN.0, SCREEN.1)).unwrap();
    let stroke = Stroke::parse(stroke).unwrap();
    let mut taken: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            take(state, source, Event::Stroke(stroke));
            terminal.draw(|frame| view::draw(state, &theme, frame)).unwrap();
            state.drawn();
            begun.elapsed()
        })
        .collect();
    taken.sort_unstable();
    (taken[times / 2], taken[times * 99 / 100])
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
