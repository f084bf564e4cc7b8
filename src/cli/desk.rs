//! `undersign` and `undersign review`: the desk.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use clap::Args;

use super::show::ReportOptions;
use super::{find_change, queue};
use crate::app::servers::ServerSource;
use crate::app::{Effect, State};
use crate::cache::{self, Caches};
use crate::change::{Change, ObjectId, Revision, visible};
use crate::config::{Config, data_directory};
use crate::delivery::ServerAccess;
use crate::desk::{self, Ending, Left};
use crate::drafts::UnsavedDraft;
use crate::examination::RepositorySnapshot;
use crate::examination::external::Reports;
use crate::risk::masked;
use crate::signer::NoKey;
use crate::source::git::{GitError, Names, Repository};
use crate::waiting;
use crate::worker::scan::Tools;
use crate::worker::{FirstFrame, Ports};

#[derive(Args)]
pub struct ReviewOptions {
    /// What to read: a pending change, named as for `undersign show`; or BASE..HEAD, compared tree to tree
    #[arg(value_name = "CHANGE|BASE..HEAD")]
    range: String,
    /// The ref that a range would land on; without it, the review of a range is read-only
    #[arg(long, value_name = "REF")]
    target: Option<String>,
    #[command(flatten)]
    reports: ReportOptions,
}

/// Opens the desk on the repositories named, else on the one it stands in and those of the configuration file.
pub fn open(repositories: &[PathBuf]) -> Result<u8, String> {
    let near = repositories.first().cloned().unwrap_or_else(super::here);
    let config = Config::read(Some(&near));
    let listed = if repositories.is_empty() { here_and_configured(&config)? } else { repositories.to_vec() };
    let names = super::names(&listed);
    let paths = names.paths().to_vec();
    if let Some(why) = no_screen() {
        eprintln!("undersign: {why}, so nothing can be signed. The queue:");
        return queue::run(&queue::Options::default(), &paths);
    }
    let left = run(config, Reports::default(), names, |config, now| {
        State::new(paths, config.keymap.clone(), fingerprint(config), needs_passphrase(config), now)
    })?;
    farewell(&left)
}

/// The current repository, and those of the configuration. One that is there and cannot be opened is named with
/// its reason, on its row or at once.
fn here_and_configured(config: &Config) -> Result<Vec<PathBuf>, String> {
    let place = super::here();
    let here = match Repository::open(&place) {
        Ok(here) => Some(here.root),
        Err(GitError::NotARepository(_)) => None,
        Err(error) if config.repositories.is_empty() => return Err(error.to_string()),
        Err(_) => Some(place),
    };
    let paths: Vec<_> = here.into_iter().chain(config.repositories.iter().cloned()).collect();
    if paths.is_empty() {
        return Err(
            "This is not a git repository, and config.toml lists none. Name one with --repo DIR, list yours under \
             `repositories` in config.toml, or run `undersign demo` for samples."
                .to_owned(),
        );
    }
    Ok(paths)
}

/// Why no screen can be shown here, if so.
pub(super) fn no_screen() -> Option<&'static str> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Some("There is no terminal");
    }
    // `dumb` means that the terminal cannot move its cursor, as in the shells inside editors.
    (std::env::var_os("TERM")? == "dumb").then_some("This terminal shows no screens (TERM is dumb)")
}

pub fn review(options: &ReviewOptions, repository: Option<&Path>) -> Result<u8, String> {
    let path = repository.unwrap_or(Path::new("."));
    let mut reports = options.reports.files()?;
    let is_pending = !options.range.contains("..");
    let (snapshot, change) = if is_pending { pending(options, path)? } else { range(options, path)? };
    let repository = Repository::open(path).map_err(|error| error.to_string())?;
    reports.add(options.reports.of_change(&repository, &change)?);
    if let Some(why) = no_screen() {
        return Err(format!("{why}, so there is nothing to read in. `undersign show` prints a pending change."));
    }
    let read_only = options.target.is_none() && !is_pending;
    let config = Config::read(Some(path));
    let left = run(config, reports, super::names(&[path.to_owned()]), |config, now| {
        State::only(
            Arc::new(snapshot),
            Arc::new(change),
            read_only,
            config.keymap.clone(),
            fingerprint(config),
            needs_passphrase(config),
            now,
        )
    })?;
    farewell(&left)
}

fn pending(options: &ReviewOptions, path: &Path) -> Result<(RepositorySnapshot, Change), String> {
    if options.target.is_some() {
        return Err("A pending change has its target. Give --target with a range: BASE..HEAD.".to_owned());
    }
    find_change::find(&options.range, &super::names(&[path.to_owned()])).map(|meant| (meant.snapshot, meant.change))
}

fn range(options: &ReviewOptions, path: &Path) -> Result<(RepositorySnapshot, Change), String> {
    let (base, head) = options.range.split_once("..").ok_or("Name a range as BASE..HEAD, such as main..feature.")?;
    let target = options
        .target
        .as_ref()
        .map(|name| if name.starts_with("refs/") { name.clone() } else { format!("refs/heads/{name}") });
    let (repository, snapshot) = super::opened(&super::names(&[path.to_owned()]), path, target.as_deref())?;
    let resolve =
        |text: &str| repository.resolve(if text.is_empty() { "HEAD" } else { text }).map_err(|error| error.to_string());
    let (base, head) = (resolve(base)?, resolve(head.trim_start_matches('.'))?);
    let tip = if target.is_some() { snapshot.target.tip } else { base };
    let revision = repository.revision(base, head, tip).map_err(|error| error.to_string())?;
    let branch = options.range.rsplit("..").next().unwrap_or_default().trim_start_matches('.').to_owned();
    let id = format!("{}:{}", snapshot.name, named(&repository, &options.range, &revision));
    let change = Change::of_range(id, branch, snapshot.target.name.clone(), revision);
    let title = masked(&change.title);
    Ok((snapshot, Change { title, ..change }))
}

/// What a range is called, so that its draft is found again, and by no other range. `HEAD` is wherever one stands: it
/// is the branch on which it is. What is not a ref, such as `HEAD~2`, is the commit.
fn named(repository: &Repository, range: &str, revision: &Revision) -> String {
    let (base, head) = range.split_once("..").unwrap_or((range, ""));
    let head = head.trim_start_matches('.');
    let of = |text: &str, commit: ObjectId| {
        let text = if matches!(text, "" | "@") { "HEAD" } else { text };
        repository.ref_named(text).map_or_else(|| commit.to_string(), |full| without_prefix(&full).to_owned())
    };
    // Another revision may have the merge base as its base.
    let base_commit = repository.resolve(base).unwrap_or(revision.base);
    let is_plain = !base.is_empty() && base != "HEAD" && !base.contains('@') && repository.ref_named(base).is_some();
    let base = if is_plain { base.to_owned() } else { of(base, base_commit) };
    format!("{base}..{}", of(head, revision.head))
}

/// A branch by its name, if that can be nothing else.
fn without_prefix(full: &str) -> &str {
    let is_plain = |name: &&str| {
        !["refs/", "worktrees/", "main-worktree/"].iter().any(|prefix| name.starts_with(prefix))
            && name.parse::<ObjectId>().is_err()
    };
    full.strip_prefix("refs/heads/").filter(is_plain).unwrap_or(full)
}

pub(super) fn run(
    config: Config,
    reports: Reports,
    names: Names,
    begin: impl FnOnce(&Config, i64) -> (State, Vec<Effect>),
) -> Result<Left, String> {
    let (mut state, mut effects) = begin(&config, crate::clock::now());
    state.queue.servers = config.servers.iter().map(|server| ServerSource::new(server.name.clone())).collect();
    if !config.servers.is_empty() {
        effects.push(Effect::Recall);
    }
    state.look = config.look;
    state.sitting.remembers = config.remember_passphrase;
    if let Some(problem) = config.problems.first() {
        // Shown in full on stderr after leaving, since it is too long for one line here.
        state.status = problem.lines().next().map(|line| format!("{line} (in full when you leave)"));
    }
    let ports = Ports {
        drafts: config.drafts.clone(),
        names,
        caches: Caches::at(cache::home()),
        state: waiting::home(),
        key: config.key.clone(),
        access: ServerAccess::by_network(config.servers.clone(), &data_directory()),
        clock: None,
        random: None,
        open: AtomicU64::new(0),
        first_frame: FirstFrame::default(),
        tools: Tools::new(reports, config.scanners.clone()),
        packs: config.packs.clone(),
        broker: config.broker.clone(),
    };
    let left = desk::run(state, effects, &config.theme, config.mouse, Arc::new(ports))?;
    config.problems.iter().for_each(|problem| warn(problem));
    Ok(left)
}

fn fingerprint(config: &Config) -> Result<String, NoKey> {
    config.key.as_ref().map(|key| key.fingerprint()).map_err(Clone::clone)
}

fn needs_passphrase(config: &Config) -> bool {
    config.key.as_ref().is_ok_and(|key| key.needs_passphrase())
}

pub(super) fn parts(config: &Config) -> (Result<String, NoKey>, bool) {
    (fingerprint(config), needs_passphrase(config))
}

/// What was signed.
fn farewell(left: &Left) -> Result<u8, String> {
    left.state.alarms.iter().for_each(|alarm| warn(alarm));
    for (request, words) in left.state.unsigned_commands() {
        let words: String = words.iter().map(|text| format!("\n  {}", visible::text(text))).collect();
        let request = &request.to_string()[..12];
        warn(&format!("what you wrote about request {request} was not signed, and is not kept:{words}"));
    }
    for (repository, record) in &left.state.signed {
        outln!("signed {record} in {}", repository.display());
    }
    ended(left)
}

/// The exit code of a desk that was left; after a signal as shells have it.
///
/// # Errors
/// Something that was signed about commands is here alone, or something that was written is nowhere; in full, so that
/// it can be copied.
pub(super) fn ended(left: &Left) -> Result<u8, String> {
    let mut lost = left.state.deliveries.missing();
    lost.extend(left.unsaved.iter().map(unsaved));
    if !lost.is_empty() {
        return Err(lost.join("\nundersign: "));
    }
    match left.ending {
        None => Ok(0),
        Some(Ending::Signal(signal)) => Ok(u8::try_from(128 + signal).unwrap_or(super::FAILED)),
        Some(Ending::TerminalGone) => Err("The terminal cannot be read any more, so the desk ended.".to_owned()),
    }
}

fn unsaved(draft: &UnsavedDraft) -> String {
    let (change, words) = draft.words();
    let mut told = format!("{} It was about {}.", draft.why, visible::text(change));
    if !words.is_empty() {
        told.push_str(" What you wrote:");
    }
    for line in words.iter().flat_map(|text| text.lines()) {
        told.push_str(&format!("\n  {}", visible::text(line)));
    }
    told
}

/// The terminal may be gone by now.
fn warn(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "undersign: {sentence}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_called_by_its_branches_and_commits_and_not_by_where_one_stands() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let who = git2::Signature::now("Dana", "dana@example.com").unwrap();
        let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let first = raw.commit(Some("refs/heads/main"), &who, &who, "Start", &tree, &[]).unwrap();
        let parent = raw.find_commit(first).unwrap();
        let commit = |name: &str| raw.commit(Some(name), &who, &who, name, &tree, &[&parent]).unwrap();
        let [a, _] = ["refs/heads/a", "refs/heads/b"].map(commit);
        let repository = Repository::open(dir.path()).unwrap();
        let named = |range: &str| {
            let (base, head) = range.split_once("..").unwrap();
            let revision =
                [base, head].map(|text| repository.resolve(if text.is_empty() { "HEAD" } else { text }).unwrap());
            let revision = repository.revision(revision[0], revision[1], revision[0]).unwrap();
            super::named(&repository, range, &revision)
        };
        raw.set_head("refs/heads/a").unwrap();
        assert_eq!([named("main..HEAD"), named("main..a"), named("main..")], ["main..a"; 3]);
        assert_eq!(named("HEAD~1..HEAD"), format!("{first}..a"));
        raw.set_head("refs/heads/b").unwrap();
        assert_eq!(named("main..HEAD"), "main..b");
        raw.set_head_detached(a).unwrap();
        assert_eq!(named("main..HEAD"), "main..main-worktree/HEAD");
        assert_eq!(named("main..a^0"), format!("main..{a}"));
    }
}
