//! A queue of 3,000 branches, each a commit or three on a repository of 400 files whose target went on by 400 commits:
//! wall and processor time of `undersign queue`, and of a desk until all of it is examined; without the cache, and with
//! what the run before left there. The repository is generated: `cargo bench --bench queue`.
//!
//! `BRANCHES=500` for another number; `KEEP=DIR` makes the repository there, or takes the one that is there.
#![allow(clippy::unwrap_used)]

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use undersign::app::keymap::Keymap;
use undersign::app::{Event, State, update};
use undersign::cache::Caches;
use undersign::delivery::ServerAccess;
use undersign::drafts::Drafts;
use undersign::signer::NoKey;
use undersign::worker::{FirstFrame, Ports, Workers};

const FILES: usize = 400;
const LINES: usize = 60;
const TARGET: usize = 400;

fn main() {
    let branches = std::env::var("BRANCHES").map_or(3_000, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let place = std::env::var_os("KEEP").map_or_else(|| dir.path().to_owned(), PathBuf::from);
    let repository = place.join("shop");
    if !repository.exists() {
        generate(&repository, branches);
    }
    for what in ["first", "second", "third"] {
        let command = || {
            let output = Command::new(env!("CARGO_BIN_EXE_undersign"))
                .arg("--repo")
                .arg(&repository)
                .arg("queue")
                .env("HOME", dir.path())
                .env("XDG_CACHE_HOME", dir.path().join("command"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        print(&format!("undersign queue, {what} run"), measured(true, command));
    }
    for what in ["first", "second", "third"] {
        let desk = || desk(&repository, &dir.path().join("desk"));
        print(&format!("desk until examined, {what} opening"), measured(false, desk));
    }
}

fn print(what: &str, (wall, cpu): (Duration, Duration)) {
    println!("{what:38} {:>7.2} s wall {:>7.2} s processor", wall.as_secs_f64(), cpu.as_secs_f64());
}

/// Wall and processor time, of this process or of those that it waited for.
fn measured(children: bool, run: impl FnOnce()) -> (Duration, Duration) {
    let (begun, before) = (Instant::now(), processor(children));
    run();
    (begun.elapsed(), processor(children).saturating_sub(before))
}

fn processor(children: bool) -> Duration {
    // Fields 14 to 17, counted behind the name, which may hold blanks: in hundredths of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The terminal's group may be below zero.
    let fields: Vec<i64> =
        stat.rsplit(')').next().unwrap_or_default().split(' ').filter_map(|field| field.parse().ok()).collect();
    let at = if children { 12 } else { 10 };
    let ticks: i64 = fields.get(at..at + 2).map_or(0, |times| times.iter().sum());
    Duration::from_millis(10 * ticks.unsigned_abs())
}

/// The desk without a screen: all that its threads do, until nothing is pending.
fn desk(repository: &Path, place: &Path) {
    let ports = Arc::new(Ports {
        drafts: Drafts::at(place.join("drafts")),
        names: Default::default(),
        caches: Caches::at(Some(place.join("cache"))),
        state: None,
        key: Err(NoKey::default()),
        access: ServerAccess::nowhere(),
        clock: None,
        random: None,
        open: AtomicU64::new(0),
        first_frame: FirstFrame::none(),
        tools: Default::default(),
        packs: Vec::new(),
        broker: None,
    });
    let (tell, told) = channel();
    let mut workers = Workers::start(ports.clone(), move |event| _ = tell.send(event));
    let (mut state, effects) =
        State::new(vec![repository.to_owned()], Keymap::shipped(), Err(NoKey::default()), false, ports.now());
    effects.into_iter().for_each(|effect| workers.submit(effect));
    let mut is_listed = false;
    while !is_listed || state.queue.entries.iter().any(|entry| !entry.is_examined()) {
        let event = told.recv().unwrap();
        is_listed |= matches!(event, Event::Listed { .. });
        update(&mut state, event).into_iter().for_each(|effect| workers.submit(effect));
    }
    workers.finish(&ports);
}

fn generate(repository: &Path, branches: usize) {
    std::fs::create_dir_all(repository).unwrap();
    git(repository, &["init", "-q", "-b", "main"]);
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    Import::new(BufWriter::new(import.stdin.take().unwrap())).all(branches);
    assert!(import.wait().unwrap().success());
    git(repository, &["repack", "-adq"]);
    git(repository, &["pack-refs", "--all"]);
}

fn git(repository: &Path, args: &[&str]) {
    assert!(Command::new("git").args(args).current_dir(repository).status().unwrap().success(), "git {args:?}");
}

/// Commits for `git fast-import`, the same each time.
struct Import<W: Write> {
    to: W,
    mark: usize,
    random: u64,
}

impl<W: Write> Import<W> {
    fn new(to: W) -> Import<W> {
        Import { to, mark: 0, random: 1 }
    }

    fn all(mut self, branches: usize) {
        let mut files: Vec<(String, Vec<String>)> = (0..FILES).map(|n| (path(n), text(n))).collect();
        let first = files.clone();
        let mut base: Vec<(String, String)> =
            files.iter().map(|(path, lines)| (path.clone(), whole(path, lines))).collect();
        base.push((".undersign/policy.toml".to_owned(), include_str!("../assets/policy.toml").to_owned()));
        let mut line = vec![self.commit("main", None, "Begin", &base, 0)];
        for n in 0..TARGET {
            let (file, at) = (self.below(FILES), self.below(LINES));
            files[file].1[at] = line_of(&files[file].0, at, n);
            let now = (files[file].0.clone(), whole(&files[file].0, &files[file].1));
            line.push(self.commit("main", line.last().copied(), &format!("Work {n}"), &[now], 0));
        }
        for n in 0..branches {
            self.branch(n, &first, &line);
        }
        self.to.flush().unwrap();
    }

    /// A third begins at what the target has of late, the others further back.
    fn branch(&mut self, n: usize, files: &[(String, Vec<String>)], line: &[usize]) {
        let at = if n.is_multiple_of(3) { line.len() - 1 - self.below(50) } else { self.below(100) };
        let mut from = line[at];
        for part in 0..=n % 3 {
            let mut changed = Vec::new();
            for _ in 0..=(n + part) % 3 {
                let (path, mut lines) = files[self.below(FILES)].clone();
                for _ in 0..3 {
                    let at = self.below(LINES);
                    lines[at] = line_of(&path, at, self.below(1_000_000));
                }
                let text = whole(&path, &lines);
                changed.push((path, text));
            }
            let told = if n.is_multiple_of(2) { "" } else { "\n\nCo-authored-by: Claude <noreply@anthropic.com>" };
            from = self.commit(&format!("agent/{n}"), Some(from), &format!("Change {n}, {part}{told}"), &changed, n);
        }
    }

    fn commit(
        &mut self,
        branch: &str,
        from: Option<usize>,
        message: &str,
        files: &[(String, String)],
        who: usize,
    ) -> usize {
        self.mark += 1;
        let who = ["Dana Reyes <dana@example.com>", "Mina Holt <mina@example.com>"][who % 2];
        let time = 1_700_000_000 + 60 * self.mark;
        writeln!(self.to, "commit refs/heads/{branch}\nmark :{}", self.mark).unwrap();
        writeln!(self.to, "author {who} {time} +0000\ncommitter {who} {time} +0000").unwrap();
        writeln!(self.to, "data {}\n{message}", message.len()).unwrap();
        from.into_iter().for_each(|from| writeln!(self.to, "from :{from}").unwrap());
        for (path, text) in files {
            writeln!(self.to, "M 100644 inline {path}\ndata {}\n{text}", text.len()).unwrap();
        }
        writeln!(self.to).unwrap();
        self.mark
    }

    fn below(&mut self, most: usize) -> usize {
        // Knuth's linear congruential generator.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % most
    }
}

fn path(n: usize) -> String {
    let (folder, ending) = [
        ("src/api", "rs"),
        ("src/core", "rs"),
        ("src/db", "rs"),
        ("envs/prod", "tf"),
        ("envs/stage", "tf"),
        ("docs", "md"),
        ("ci", "yml"),
        ("web/ui", "ts"),
    ][n % 8];
    format!("{folder}/file_{:02}.{ending}", n / 8)
}

fn text(n: usize) -> Vec<String> {
    (0..LINES).map(|line| line_of(&path(n), line, n)).collect()
}

/// A line in the language of a file: a text in no language takes a parser longer than any code.
fn line_of(path: &str, line: usize, value: usize) -> String {
    match path.rsplit('.').next() {
        Some("rs") => format!("    let value_{line} = compute({value}, \"of line {line}\");"),
        Some("ts") => format!("  const value_{line} = compute({value}, \"of line {line}\");"),
        Some("tf") => format!("  value_{line} = compute({value}, \"of line {line}\")"),
        Some("yml") => format!("value_{line}: compute {value} of line {line}"),
        _ => format!("Line {line} says that value_{line} is computed from {value}."),
    }
}

/// The text of a file with these lines.
fn whole(path: &str, lines: &[String]) -> String {
    let lines = lines.join("\n");
    match path.rsplit('.').next() {
        Some("rs") => format!("fn run() {{\n{lines}\n}}\n"),
        Some("ts") => format!("function run() {{\n{lines}\n}}\n"),
        Some("tf") => format!("locals {{\n{lines}\n}}\n"),
        _ => format!("{lines}\n"),
    }
}
