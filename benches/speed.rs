//! Time to the queue for 500 branches, to the first frame and from key to frame on a 50,000-line diff, and of a
//! verdict. The repository is generated in memory of the run: `cargo bench --bench speed`.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};

use divan::{Bencher, black_box};
use git2::{Oid, Repository, Signature, Time};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use undersign::app::keymap::{Keymap, Stroke};
use undersign::app::review::Compared;
use undersign::app::{Effect, Event, Screen, State, update};
use undersign::change::{Change, ObjectId};
use undersign::delivery::ServerAccess;
use undersign::drafts::Drafts;
use undersign::examination::{FileMaterial, RepositorySnapshot};
use undersign::gate::History as _;
use undersign::signer::NoKey;
use undersign::source::git::Repository as Repo;
use undersign::source::git::push::Commits;
use undersign::tui::theme::Theme;
use undersign::tui::view;
use undersign::worker::{FirstFrame, Ports, perform};

fn main() {
    divan::main();
}

const BRANCHES: usize = 500;
/// Files × lines of the large change: 50,000 added lines.
const FILES: usize = 100;
const LINES: usize = 500;

struct Generated {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

static GENERATED: LazyLock<Generated> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("generated");
    let raw = Repository::init_opts(&path, git2::RepositoryInitOptions::new().initial_head("main")).unwrap();
    let base = commit(&raw, "main", None, &[("README.md".into(), "base\n".into())], "Base");
    for n in 0..BRANCHES {
        commit(
            &raw,
            &format!("agent/{n}"),
            Some(base),
            &[(format!("src/{n}.rs"), format!("fn f{n}() {{}}\n").repeat(20))],
            "Small change",
        );
    }
    let large: Vec<_> = (0..FILES)
        .map(|f| {
            (
                format!("large/{f:03}.rs"),
                (0..LINES).map(|l| format!("    let value_{l} = compute({f}, {l});\n")).collect(),
            )
        })
        .collect();
    commit(&raw, "large", Some(base), &large, "Large change");
    Generated { _dir: dir, path }
});

fn commit(raw: &Repository, branch: &str, parent: Option<Oid>, files: &[(String, String)], message: &str) -> Oid {
    let mut index = git2::Index::new().unwrap();
    let parent = parent.map(|id| raw.find_commit(id).unwrap());
    if let Some(parent) = &parent {
        index.read_tree(&parent.tree().unwrap()).unwrap();
    }
    for (path, text) in files {
        let zero = git2::IndexTime::new(0, 0);
        let id = raw.blob(text.as_bytes()).unwrap();
        let entry = git2::IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        };
        index.add(&entry).unwrap();
    }
    let tree = raw.find_tree(index.write_tree_to(raw).unwrap()).unwrap();
    let who = Signature::new("Mina", "mina@example.com", &Time::new(1_790_000_000, 0)).unwrap();
    raw.commit(Some(&format!("refs/heads/{branch}")), &who, &who, message, &tree, &parent.iter().collect::<Vec<_>>())
        .unwrap()
}

fn ports(dir: &Path) -> Ports {
    Ports {
        drafts: Drafts::at(dir.join("drafts")),
        names: Default::default(),
        caches: Default::default(),
        state: None,
        key: Err(NoKey::default()),
        access: ServerAccess::nowhere(),
        clock: Some(1_790_000_000),
        random: Some(1),
        open: AtomicU64::new(1),
        first_frame: FirstFrame::none(),
        tools: Default::default(),
        packs: Vec::new(),
        broker: None,
    }
}

fn carried_out(effect: Effect, ports: &Ports) -> Vec<Event> {
    let mut events = Vec::new();
    perform(effect, ports, &mut |event| events.push(event));
    events
}

/// The list of 500 branches, before any of them is examined.
#[divan::bench(sample_count = 10)]
fn list_500_branches(bencher: Bencher<'_, '_>) {
    let path = GENERATED.path.clone();
    let ports = ports(&path);
    bencher.bench_local(|| carried_out(Effect::List { repository: 0, path: path.clone() }, &ports));
}

/// The whole queue: listed, every change read, compared, assessed and judged, in one thread.
#[divan::bench(sample_count = 5)]
fn queue_of_500_branches_examined(bencher: Bencher<'_, '_>) {
    let path = GENERATED.path.clone();
    let ports = ports(&path);
    bencher.bench_local(|| {
        let (mut state, effects) =
            State::new(vec![path.clone()], Keymap::shipped(), Err(NoKey::default()), false, 1_790_000_000);
        let mut effects: VecDeque<_> = effects.into();
        while let Some(effect) = effects.pop_front() {
            for event in carried_out(effect, &ports) {
                effects.extend(update(&mut state, event));
            }
        }
        assert!(state.queue.entries.len() > BRANCHES);
    });
}

/// The large change, found once: the list is measured by itself.
static LARGE: LazyLock<(Arc<RepositorySnapshot>, Arc<Change>)> = LazyLock::new(|| {
    let (repository, snapshot) = RepositorySnapshot::open(&GENERATED.path).unwrap();
    let changes = repository.changes(0, &snapshot.target).unwrap().changes;
    (Arc::new(snapshot), Arc::new(changes.into_iter().find(|change| change.branch == "large").unwrap()))
});

fn large_review(ports: &Ports, only_first: bool) -> State {
    let (snapshot, change) = LARGE.clone();
    let repository = Repo::open(&GENERATED.path).unwrap();
    let (mut state, effects) = State::only(snapshot, change, false, Keymap::shipped(), Err(NoKey::default()), false, 0);
    update(&mut state, Event::Resize(200, 60));
    let mut reads = Vec::new();
    for effect in effects {
        for event in carried_out(effect, ports) {
            reads.extend(update(&mut state, event));
        }
    }
    for effect in reads {
        match effect {
            Effect::Read { ticket, diff, order, shape, .. } if only_first => {
                let file = FileMaterial::read(&repository, &diff.files[order[0]]).unwrap();
                update(
                    &mut state,
                    Event::Compared { ticket, index: order[0], result: Ok(Compared::of(Arc::new(file), shape)) },
                );
            }
            effect => {
                for event in carried_out(effect, ports) {
                    update(&mut state, event);
                }
            }
        }
    }
    state
}

fn draw(state: &State, theme: &Theme, terminal: &mut Terminal<TestBackend>) {
    terminal.draw(|frame| view::draw(state, theme, frame)).unwrap();
}

/// From nothing to a frame with the file list and the first file's diff: what the person waits for.
#[divan::bench(sample_count = 20)]
fn first_frame_of_50_000_lines(bencher: Bencher<'_, '_>) {
    let ports = ports(&GENERATED.path);
    let theme = Theme::shipped("dark").unwrap();
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
    bencher.bench_local(|| draw(&large_review(&ports, true), &theme, &mut terminal));
}

/// One `j`, in the middle of the diff, to its frame.
#[divan::bench(sample_count = 50, sample_size = 10)]
fn key_to_frame_on_50_000_lines(bencher: Bencher<'_, '_>) {
    let ports = ports(&GENERATED.path);
    let mut state = large_review(&ports, false);
    if let Screen::Review(review) = &mut state.screen {
        review.go(25_000);
    }
    let theme = Theme::shipped("dark").unwrap();
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
    let down = Stroke::parse("j").unwrap();
    bencher.bench_local(|| {
        black_box(update(&mut state, Event::Stroke(down)));
        draw(&state, &theme, &mut terminal);
    });
}

/// The facts of a push of the large change, read from objects: the gate's own time is in this.
#[divan::bench(sample_count = 10)]
fn facts_of_a_push_of_50_000_lines(bencher: Bencher<'_, '_>) {
    let (repository, snapshot) = RepositorySnapshot::open(&GENERATED.path).unwrap();
    let new: ObjectId = repository.tip("refs/heads/large").unwrap();
    let commits = Commits::of(&repository, false).unwrap();
    bencher.bench_local(|| commits.steps(snapshot.target.tip, &[new]).unwrap());
}
