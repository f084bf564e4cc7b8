//! Generated worlds: repositories whose refs are committed to, amended, pushed, renamed and made anew, and which move,
//! are copied, and cannot be written for a while; and two desks that know nothing of that. Whatever happens: a note
//! that a person wrote about a task is on no other task, and it is not lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

/// What git remembers of a ref.
#[derive(Debug, Clone, Default)]
struct Log {
    commits: BTreeSet<usize>,
    names: Vec<String>,
}

/// A commit: what it is on, and the task for which it was made.
#[derive(Debug, Clone, Copy)]
struct Commit {
    parent: Option<usize>,
    /// What it merges.
    merged: Option<usize>,
    task: usize,
}

#[derive(Debug, Clone)]
struct Repo {
    place: PathBuf,
    refs: BTreeMap<String, usize>,
    logs: BTreeMap<String, Log>,
    /// What changes land on.
    main: usize,
    is_away: bool,
}

struct World {
    dir: tempfile::TempDir,
    commits: Vec<Commit>,
    tasks: usize,
    repos: Vec<Repo>,
    is_full: bool,
    names: usize,
    /// Whose a note is: repository, task, and what it says.
    notes: Vec<(usize, usize, String)>,
}

/// The refs of what is at a path now.
struct Seen<'w>(&'w World, PathBuf);

fn hex(commit: usize) -> String {
    id(commit).to_string()
}

fn id(commit: usize) -> ObjectId {
    ObjectId([u8::try_from(commit + 1).unwrap(); 20])
}

impl Seen<'_> {
    fn repo(&self) -> Option<&Repo> {
        self.0.repos.iter().find(|repo| !repo.is_away && repo.place == self.1)
    }
}

impl Refs for Seen<'_> {
    fn repository(&self) -> &Path {
        &self.1
    }

    fn tip(&self, name: &str) -> Option<String> {
        self.repo()?.refs.get(name).map(|at| hex(*at))
    }

    fn contains(&self, commit: &str, other: &str) -> bool {
        let find = |text: &str| (0..self.0.commits.len()).find(|at| hex(*at) == text);
        find(commit).zip(find(other)).is_some_and(|(commit, other)| self.0.has(commit, other))
    }

    fn has_landed(&self, commit: &str) -> bool {
        self.repo().is_some_and(|repo| self.contains(&hex(repo.main), commit))
    }

    fn names(&self) -> Vec<String> {
        let all = self.repo().into_iter().flat_map(|repo| repo.refs.keys().cloned());
        all.filter(|name| name.starts_with("refs/")).collect()
    }

    fn was_at(&self, name: &str, commit: &str) -> bool {
        let log = self.repo().and_then(|repo| repo.logs.get(name));
        log.is_some_and(|log| log.commits.iter().any(|at| hex(*at) == commit))
    }

    fn remembers(&self, name: &str) -> bool {
        self.repo().is_some_and(|repo| repo.logs.contains_key(name))
    }

    fn was_named(&self, name: &str, before: &str) -> bool {
        self.repo().and_then(|repo| repo.logs.get(name)).is_some_and(|log| log.names.iter().any(|name| name == before))
    }

    fn remote(&self) -> Option<String> {
        Some("origin".to_owned())
    }
}

impl Repo {
    fn put(&mut self, name: &str, commit: usize) {
        self.refs.insert(name.to_owned(), commit);
        self.logs.entry(name.to_owned()).or_default().commits.insert(commit);
    }

    fn rename(&mut self, name: &str, new: &str) {
        let Some(commit) = self.refs.remove(name) else { return };
        let mut log = self.logs.remove(name).unwrap_or_default();
        log.names.push(name.to_owned());
        log.commits.insert(commit);
        self.refs.insert(new.to_owned(), commit);
        self.logs.insert(new.to_owned(), log);
    }

    fn some(&self, n: usize, prefix: &str) -> Option<String> {
        let all: Vec<_> = self.refs.keys().filter(|name| name.starts_with(prefix)).collect();
        (!all.is_empty()).then(|| all[n % all.len()].clone())
    }

    /// The changes that refs show, by their commits.
    fn changes(&self) -> Vec<Change> {
        let mut rows: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        // What is pushed is named first.
        let mut names: Vec<_> = self.refs.iter().collect();
        names.sort_by_key(|(name, _)| {
            (!name.starts_with("refs/remotes/origin/"), !name.starts_with("refs/remotes/"), *name)
        });
        names.into_iter().for_each(|(name, at)| rows.entry(*at).or_default().push(name));
        rows.into_iter().map(|(at, names)| shown(u8::try_from(at + 1).unwrap(), &names)).collect()
    }
}

#[derive(Debug, Clone)]
enum Act {
    Open(usize, usize),
    /// Reads again what is open.
    Reread,
    Note,
    Leave,
    Commit(usize),
    Amend(usize),
    Push(usize),
    NewBranch,
    /// A branch is renamed, and another one may take its name.
    Rename(usize, Option<usize>),
    /// `origin` becomes another remote, and that becomes `origin`.
    SwapRemotes,
    /// A worktree with a detached HEAD for the next task, or one more commit in it.
    Worktree(bool),
    Away(usize),
    Back,
    /// A task lands, by a merge or not, and its branches are deleted; somebody else may take the name of one.
    Land(usize, bool, bool),
    RenameFolder(usize),
    Copy,
    /// Another clone takes the place of what was moved away.
    TakePlace,
    /// The git directory can be written from now on.
    Writable,
    Full,
}

fn acts() -> impl Strategy<Value = Vec<(bool, Act)>> {
    let n = 0usize..8;
    let act = prop_oneof![
        6 => (n.clone(), n.clone()).prop_map(|(repo, at)| Act::Open(repo, at)),
        3 => Just(Act::Reread),
        10 => Just(Act::Note),
        1 => Just(Act::Leave),
        2 => n.clone().prop_map(Act::Commit),
        2 => n.clone().prop_map(Act::Amend),
        2 => n.clone().prop_map(Act::Push),
        1 => Just(Act::NewBranch),
        3 => (n.clone(), proptest::option::of(n.clone())).prop_map(|(a, b)| Act::Rename(a, b)),
        1 => Just(Act::SwapRemotes),
        3 => any::<bool>().prop_map(Act::Worktree),
        2 => (n.clone(), any::<bool>(), any::<bool>()).prop_map(|(at, merge, anew)| Act::Land(at, merge, anew)),
        2 => n.clone().prop_map(Act::Away),
        3 => Just(Act::Back),
        1 => n.prop_map(Act::RenameFolder),
        1 => Just(Act::Copy),
        1 => Just(Act::TakePlace),
        1 => Just(Act::Writable),
        2 => Just(Act::Full),
    ];
    proptest::collection::vec((any::<bool>(), act), 1..60)
}

struct Open {
    repo: usize,
    place: PathBuf,
    change: Change,
    saved: Draft,
    draft: Draft,
}

struct Desk {
    drafts: Drafts,
    open: Option<Open>,
}

/// Notes that are shown where they do not belong.
fn strangers(world: &World, open: &Open) -> Vec<String> {
    let task = world.task(&open.change);
    let own = format!("[{}.{task}.", open.repo);
    let all = open.draft.notes.iter().map(|note| note.text.clone());
    all.filter(|text| !text.starts_with(&own)).collect()
}

impl Desk {
    /// As a review that is opened: the draft is about the open revision from then on.
    fn open(&mut self, world: &World, repo: usize, change: &Change) {
        let place = world.repos[repo].place.clone();
        let loaded = self.drafts.load(&Seen(world, place.clone()), change).unwrap_or_default();
        let revision = crate::decision::Revised::of(&change.revision);
        let saved = loaded.draft.unwrap_or_else(|| Draft::new(&change.id, revision.clone()));
        let mut draft = saved.clone();
        draft.moved_to(revision);
        draft.refs = names(change);
        draft.change.clone_from(&change.id);
        self.open = Some(Open { repo, place, change: change.clone(), saved, draft });
    }

    fn save(&mut self, world: &World) {
        let Some(open) = &mut self.open else { return };
        let written = open.draft.clone();
        let base = std::mem::replace(&mut open.saved, written.clone());
        let Ok(saved) = self.drafts.save(&Seen(world, open.place.clone()), &base, &written) else { return };
        open.draft.take_in(&written, &saved.draft);
        open.saved.take_in(&written, &saved.draft);
    }

    fn reread(&mut self, world: &World) {
        self.save(world);
        let Some(Open { repo, change, place, .. }) = &self.open else { return };
        let (repo, name) = (*repo, change.refs[0].full.clone());
        if world.repos[repo].is_away || world.repos[repo].place != *place {
            return;
        }
        let now = world.repos[repo].changes().into_iter().find(|change| change.refs[0].full == name);
        if let Some(now) = now {
            self.open(world, repo, &now);
        }
    }

    fn unsaved(&self) -> String {
        self.drafts.unsaved().iter().flat_map(|unsaved| unsaved.words().1).collect()
    }
}

impl World {
    fn new(is_writable: bool) -> World {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("shop");
        let repo = Repo { place, refs: BTreeMap::new(), logs: BTreeMap::new(), main: 0, is_away: false };
        std::fs::create_dir(&repo.place).unwrap();
        if !is_writable {
            std::fs::write(repo.place.join("undersign"), "in the way").unwrap();
        }
        let start = Commit { parent: None, merged: None, task: 0 };
        let mut world = World {
            dir,
            commits: vec![start],
            tasks: 0,
            repos: vec![repo],
            is_full: false,
            names: 0,
            notes: Vec::new(),
        };
        for name in ["refs/heads/a", "refs/heads/b", "refs/remotes/origin/c", "refs/remotes/fork/c", "worktrees/t/HEAD"]
        {
            world.task_at(0, name);
        }
        world
    }

    fn task(&self, change: &Change) -> usize {
        (0..self.commits.len()).find(|at| id(*at) == change.revision.head).map(|at| self.commits[at].task).unwrap()
    }

    /// A new task begins at a ref.
    fn task_at(&mut self, repo: usize, name: &str) {
        self.tasks += 1;
        let commit = self.commit(Some(self.repos[repo].main), self.tasks);
        self.repos[repo].put(name, commit);
    }

    fn commit(&mut self, parent: Option<usize>, task: usize) -> usize {
        self.commits.push(Commit { parent, merged: None, task });
        self.commits.len() - 1
    }

    fn has(&self, commit: usize, other: usize) -> bool {
        let Commit { parent, merged, .. } = self.commits[commit];
        commit == other || parent.into_iter().chain(merged).any(|at| self.has(at, other))
    }

    /// The task of a ref lands in its repository.
    fn land(&mut self, repo: usize, name: &str, is_merged: bool, is_anew: bool) {
        let (at, main) = (self.repos[repo].refs[name], self.repos[repo].main);
        let task = self.commits[at].task;
        self.repos[repo].main = if !is_merged && self.has(at, main) {
            at
        } else {
            self.commits.push(Commit { parent: Some(main), merged: Some(at), task: 0 });
            self.commits.len() - 1
        };
        let names: Vec<_> =
            self.repos[repo].refs.iter().map(|(name, at)| (name.clone(), self.commits[*at].task)).collect();
        for (done, _) in names.into_iter().filter(|(_, of)| *of == task) {
            self.repos[repo].refs.remove(&done);
            self.repos[repo].logs.remove(&done);
            // There is always one to work in.
            if done == "worktrees/t/HEAD" || is_anew && done == name {
                self.task_at(repo, &done);
            }
        }
    }

    /// What happens to the repositories, of which desks know nothing.
    fn act(&mut self, act: &Act) {
        let all = self.repos.len();
        let repo = match act {
            Act::Commit(n) | Act::Amend(n) | Act::Push(n) | Act::Away(n) | Act::RenameFolder(n) => n % all,
            Act::Land(n, ..) => n % all,
            _ => 0,
        };
        // Ids are bytes.
        if self.commits.len() > 200 {
            return;
        }
        match act {
            Act::Commit(n) | Act::Amend(n) => {
                let Some(name) = self.repos[repo].some(*n, "") else { return };
                let at = self.repos[repo].refs[&name];
                let Commit { parent, task, .. } = self.commits[at];
                let is_amended = matches!(act, Act::Amend(_)) && name.starts_with("refs/");
                let commit = self.commit(if is_amended { parent } else { Some(at) }, task);
                self.repos[repo].put(&name, commit);
            }
            Act::Push(n) => {
                let Some(name) = self.repos[repo].some(*n, "refs/heads/") else { return };
                let at = self.repos[repo].refs[&name];
                let pushed = name.replace("refs/heads/", "refs/remotes/origin/");
                let is_own = self.repos[repo]
                    .refs
                    .get(&pushed)
                    .is_none_or(|was| self.commits[*was].task == self.commits[at].task);
                if is_own {
                    self.repos[repo].put(&pushed, at);
                }
            }
            Act::NewBranch => {
                self.names += 1;
                let name = format!("refs/heads/n{}", self.names);
                self.task_at(repo, &name);
            }
            Act::Rename(n, then) => {
                let Some(name) = self.repos[repo].some(*n, "refs/heads/") else { return };
                self.names += 1;
                let new = format!("refs/heads/n{}", self.names);
                self.repos[repo].rename(&name, &new);
                let other = then.and_then(|n| self.repos[repo].some(n, "refs/heads/")).filter(|other| *other != new);
                if let Some(other) = other {
                    self.repos[repo].rename(&other, &name);
                }
            }
            Act::SwapRemotes => {
                self.names += 1;
                let new = format!("refs/remotes/r{}/", self.names);
                for (from, to) in
                    [("refs/remotes/origin/", new.as_str()), ("refs/remotes/fork/", "refs/remotes/origin/")]
                {
                    let names: Vec<_> =
                        self.repos[repo].refs.keys().filter(|name| name.starts_with(from)).cloned().collect();
                    names.iter().for_each(|name| self.repos[repo].rename(name, &name.replace(from, to)));
                }
                self.task_at(repo, "refs/remotes/fork/c");
            }
            Act::Worktree(is_new) => {
                let name = "worktrees/t/HEAD";
                if *is_new {
                    return self.task_at(repo, name);
                }
                let at = self.repos[repo].refs[name];
                let commit = self.commit(Some(at), self.commits[at].task);
                self.repos[repo].put(name, commit);
            }
            Act::Land(n, is_merged, is_anew) => {
                let Some(name) = self.repos[repo].some(*n, "") else { return };
                self.land(repo, &name, *is_merged, *is_anew);
            }
            Act::Away(_) if !self.repos[repo].is_away => self.moved(repo, true),
            Act::Back => (0..all)
                .filter(|at| self.repos[*at].is_away)
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|at| self.back(at)),
            Act::RenameFolder(_) if !self.repos[repo].is_away => {
                self.names += 1;
                let new = self.dir.path().join(format!("f{}", self.names));
                std::fs::rename(&self.repos[repo].place, &new).unwrap();
                self.repos[repo].place = new;
            }
            Act::Copy if !self.repos[0].is_away && all < 3 => {
                self.names += 1;
                let new = self.dir.path().join(format!("f{}", self.names));
                let copied = std::process::Command::new("cp").arg("-a").arg(&self.repos[0].place).arg(&new).status();
                assert!(copied.unwrap().success());
                self.repos.push(Repo { place: new, ..self.repos[0].clone() });
            }
            Act::TakePlace if self.repos[0].is_away && all < 3 => {
                let place = self.repos[0].place.clone();
                if std::fs::create_dir(&place).is_ok() {
                    let main = self.repos[0].main;
                    let mut repo = Repo { place, refs: BTreeMap::new(), logs: BTreeMap::new(), main, is_away: false };
                    // Another clone of the same: its branches are where those were, with no memory.
                    self.repos[0].refs.iter().for_each(|(name, at)| repo.put(name, *at));
                    self.repos.push(repo);
                }
            }
            Act::Writable => {
                for repo in self.repos.iter().filter(|repo| !repo.is_away) {
                    let _ = std::fs::remove_file(repo.place.join("undersign"));
                }
            }
            Act::Full => self.fill(!self.is_full),
            _ => {}
        }
    }

    fn moved(&mut self, repo: usize, is_away: bool) {
        let aside = self.dir.path().join(format!("away-{repo}"));
        let place = self.repos[repo].place.clone();
        let (from, to) = if is_away { (&place, &aside) } else { (&aside, &place) };
        std::fs::rename(from, to).unwrap();
        self.repos[repo].is_away = is_away;
    }

    fn back(&mut self, repo: usize) {
        if self.repos[repo].place.exists() {
            self.names += 1;
            self.repos[repo].place = self.dir.path().join(format!("f{}", self.names));
        }
        self.moved(repo, false);
    }

    fn fill(&mut self, is_full: bool) {
        let (place, aside) = (self.dir.path().join("drafts"), self.dir.path().join("aside"));
        if is_full == self.is_full {
            return;
        }
        self.is_full = is_full;
        if is_full {
            let _ = std::fs::rename(&place, aside);
            std::fs::write(place, "no directory").unwrap();
        } else {
            std::fs::remove_file(&place).unwrap();
            let _ = std::fs::rename(aside, place);
        }
    }
}

/// Everything that happens is done; the error says what became of a note.
fn run(is_writable: bool, acts: &[(bool, Act)]) -> Result<(), TestCaseError> {
    let mut world = World::new(is_writable);
    let place = world.dir.path().join("drafts");
    let mut desks = [0, 1].map(|_| Desk { drafts: Drafts::at(place.clone()), open: None });
    for (n, (second, act)) in acts.iter().enumerate() {
        let desk = &mut desks[usize::from(*second)];
        match act {
            Act::Open(repo, at) => {
                let repo = repo % world.repos.len();
                let changes = world.repos[repo].changes();
                // A review is left before another one is opened.
                desk.save(&world);
                if !world.repos[repo].is_away {
                    desk.open(&world, repo, &changes[at % changes.len()]);
                }
            }
            Act::Reread => desk.reread(&world),
            Act::Note => {
                let Some(open) = &mut desk.open else { continue };
                let task = world.task(&open.change);
                let text = format!("[{}.{task}.{n}]", open.repo);
                world.notes.push((open.repo, task, text.clone()));
                open.draft.notes.push(Note { text, ..Note::default() });
                desk.save(&world);
            }
            // What cannot be saved is said when a desk ends.
            Act::Leave if desk.unsaved().is_empty() => *desk = Desk { drafts: Drafts::at(place.clone()), open: None },
            _ => world.act(act),
        }
        for open in desks.iter().filter_map(|desk| desk.open.as_ref()) {
            let strangers = strangers(&world, open);
            prop_assert!(
                strangers.is_empty(),
                "after step {}, task {} shows {:?}",
                n,
                world.task(&open.change),
                strangers
            );
        }
    }
    world.fill(false);
    world.act(&Act::Back);
    world.act(&Act::Writable);
    for desk in &mut desks {
        desk.save(&world);
        for unsaved in desk.drafts.unsaved() {
            desk.drafts.save_the_rest(&Seen(&world, unsaved.repository));
        }
    }
    let told: String = desks.iter().map(Desk::unsaved).collect();
    is_kept(&world, &told)
}

/// Each note is on the change that is its task, if something still shows that; else it is on disk, or was told.
fn is_kept(world: &World, told: &str) -> Result<(), TestCaseError> {
    let mut shown: BTreeMap<(usize, usize), String> = BTreeMap::new();
    let mut desk = Desk { drafts: Drafts::at(world.dir.path().join("drafts")), open: None };
    for repo in 0..world.repos.len() {
        for change in world.repos[repo].changes() {
            desk.open(world, repo, &change);
            let Some(open) = &desk.open else { continue };
            let strangers = strangers(world, open);
            prop_assert!(strangers.is_empty(), "at the end, task {} shows {:?}", world.task(&change), strangers);
            let texts: String = open.draft.notes.iter().map(|note| note.text.as_str()).collect();
            shown.entry((repo, world.task(&change))).or_default().push_str(&texts);
        }
    }
    let on_disk = all_of(&desk.drafts);
    for (repo, task, text) in &world.notes {
        let is_found = match shown.get(&(*repo, *task)) {
            Some(texts) => texts.contains(text),
            None => on_disk.contains(text),
        };
        prop_assert!(is_found || told.contains(text), "{text} is lost; on disk: {}", on_disk.contains(text));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 4000, ..Default::default() })]

    #[test]
    fn whatever_happens_to_repositories_and_refs_no_note_is_lost_or_on_another_task(is_writable: bool, acts in acts()) {
        run(is_writable, &acts)?;
    }
}
