//! Which branch is the target, held to a promise in generated worlds: **who may only push branches does not choose the
//! target**, nor the remote that has it. Whatever branches of whatever names and tags somebody pushes beside those that
//! a host protects, after a fetch the target is the default branch of the host, at its tip, or it is unknown and the
//! command that helps is named.
//!
//! The exceptions are those of `docs/queue.md`: HEAD of the remote is not known in a clone, and the default branch has
//! none of the usual names or was not fetched; or the host has another default branch since, and this clone was not told.
//!
//! A world is a host with a project and a fork of it, and a clone made in one of the ways in which people and CI make
//! them, with settings, branches and worktrees of its own.

use std::path::{Path, PathBuf};

use undersign::source::git::Repository;

use crate::support::git_in;
use crate::worlds::{Chance, Met, ensure, in_each_world};

/// Worlds that broke the promise once.
const KEPT: &[u64] = &[];
const USUAL: [&str; 3] = ["main", "master", "trunk"];
const DEFAULTS: [&str; 6] = ["main", "main", "master", "trunk", "develop", "release/1"];
/// Names that somebody may hope for.
const NAMES: [&str; 12] = [
    "main",
    "master",
    "trunk",
    "develop",
    "origin/main",
    "origin/HEAD",
    "upstream/main",
    "heads/main",
    "remotes/origin/main",
    "HEAD/main",
    "feat",
    "undersign/remote",
];

struct World {
    dir: tempfile::TempDir,
    /// The default branches of the project and of the fork.
    defaults: [String; 2],
    count: usize,
    told: Vec<String>,
}

impl World {
    fn host(&self, at: usize) -> PathBuf {
        self.dir.path().join(["project.git", "fork.git"][at])
    }

    fn here(&self) -> PathBuf {
        self.dir.path().join("here")
    }

    fn git(&mut self, dir: &Path, args: &[&str]) -> String {
        self.told.push(format!("{}: git {}", dir.file_name().unwrap().display(), args.join(" ")));
        git_in(dir, "mina", args)
    }

    fn new(chance: &mut Chance) -> World {
        let default = chance.of(&DEFAULTS).to_owned();
        let fork = if chance.percent(70) { default.clone() } else { chance.of(&DEFAULTS).to_owned() };
        let (dir, told) = (tempfile::tempdir().unwrap(), Vec::new());
        let mut world = World { dir, defaults: [default, fork], count: 0, told };
        let top = world.dir.path().to_owned();
        world.git(&top, &["init", "-q", "--template=", "seed"]);
        for at in 0..2 {
            let (host, default) = (world.host(at), world.defaults[at].clone());
            world.git(&top, &["init", "-q", "--bare", "--template=", "-b", &default, host.to_str().unwrap()]);
            let first = world.commit(None);
            world.put(at, &format!("refs/heads/{default}"), &first);
            let feat = world.commit(Some(&first));
            world.put(at, "refs/heads/feat", &feat);
        }
        world
    }

    fn commit(&mut self, parent: Option<&str>) -> String {
        let seed = self.dir.path().join("seed");
        let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        git_in(&seed, "mina", &["hash-object", "-w", "-t", "tree", "/dev/null"]);
        self.count += 1;
        let message = format!("Commit {}", self.count);
        let parent: Vec<&str> = parent.iter().flat_map(|id| ["-p", id]).collect();
        git_in(&seed, "mina", &[&["commit-tree", empty, "-m", &message], &parent[..]].concat())
    }

    /// Anybody's push: a new branch, a tag, a branch that moves in any way, or is deleted.
    fn put(&mut self, at: usize, name: &str, id: &str) {
        let (seed, host) = (self.dir.path().join("seed"), self.host(at));
        self.git(&seed, &["push", "-q", "--force", host.to_str().unwrap(), &format!("{id}:{name}")]);
    }

    fn tip(&self, at: usize, name: &str) -> Option<String> {
        let all = git_in(&self.host(at), "mina", &["for-each-ref", "--format=%(objectname) %(refname)"]);
        all.lines().find_map(|line| Some(line.split_once(' ')?).filter(|(_, own)| *own == name)?.0.to_owned().into())
    }

    /// What a format says of exactly this ref in the clone.
    fn of_ref(&self, name: &str, format: &str) -> Option<String> {
        let all = git_in(&self.here(), "mina", &["for-each-ref", &format!("--format=%(refname) {format}"), name]);
        all.lines().find_map(|line| Some(line.split_once(' ')?).filter(|(own, _)| *own == name)?.1.to_owned().into())
    }

    fn pushed_by_anybody(&mut self, chance: &mut Chance) {
        let at = chance.below(2);
        let name = if chance.percent(10) { "HEAD".to_owned() } else { chance.of(&NAMES).to_owned() };
        if name == self.defaults[at] {
            return;
        }
        let folder = if chance.percent(15) { "refs/tags" } else { "refs/heads" };
        let full = format!("{folder}/{name}");
        let all = git_in(&self.host(at), "mina", &["for-each-ref", "--format=%(refname)"]);
        let is_beside = |own: &str| own.starts_with(&format!("{full}/")) || full.starts_with(&format!("{own}/"));
        if all.lines().any(is_beside) {
            return;
        }
        if chance.percent(20) && self.tip(at, &full).is_some() {
            let host = self.host(at);
            self.git(&host, &["update-ref", "-d", &full]);
            return;
        }
        let default = self.tip(at, &format!("refs/heads/{}", self.defaults[at])).unwrap();
        let on = chance.of(&[Some(default), None]);
        let id = if chance.percent(20) { on.clone() } else { None };
        let id = id.unwrap_or_else(|| self.commit(on.as_deref()));
        self.put(at, &full, &id);
    }

    /// The default branch grows, as by a change that landed.
    fn landed(&mut self, at: usize) {
        let full = format!("refs/heads/{}", self.defaults[at]);
        let tip = self.tip(at, &full).unwrap();
        let id = self.commit(Some(&tip));
        self.put(at, &full, &id);
    }

    /// Makes a clone; returns the names of the remotes that are the project and the fork there.
    fn cloned(&mut self, chance: &mut Chance) -> [Option<String>; 2] {
        let (top, here) = (self.dir.path().to_owned(), self.here());
        let (project, fork) = (self.host(0).display().to_string(), self.host(1).display().to_string());
        let to = here.display().to_string();
        let some = |name: &str| Some(name.to_owned());
        let default = self.defaults[0].clone();
        match chance.below(8) {
            0 | 1 => {
                self.git(&top, &["clone", "-q", &project, &to]);
                [some("origin"), None]
            }
            2 => {
                self.git(&top, &["clone", "-q", "-o", "company", &project, &to]);
                [some("company"), None]
            }
            3 => {
                let branch = if chance.percent(50) { "feat".to_owned() } else { default };
                self.git(&top, &["clone", "-q", "--single-branch", "-b", &branch, &project, &to]);
                [some("origin"), None]
            }
            // As CI does.
            4 | 5 => {
                self.git(&top, &["init", "-q", "--template=", "-b", "ci", &to]);
                self.git(&here, &["remote", "add", "origin", &project]);
                let all = chance.percent(70);
                self.git(&here, &[&["fetch", "-q", "origin"][..], if all { &[] } else { &["feat"] }].concat());
                if chance.percent(40) {
                    self.git(&here, &["remote", "set-head", "origin", "--auto"]);
                }
                self.git(&here, &["checkout", "-q", "--detach", "origin/feat"]);
                [some("origin"), None]
            }
            _ => {
                self.git(&top, &["clone", "-q", &fork, &to]);
                self.git(&here, &["remote", "add", "upstream", &project]);
                self.git(&here, &["fetch", "-q", "upstream"]);
                if chance.percent(60) {
                    self.git(&here, &["remote", "set-head", "upstream", "--auto"]);
                }
                match chance.below(4) {
                    0 => _ = self.git(&here, &["config", "undersign.remote", "upstream"]),
                    1 => _ = self.git(&here, &["config", "remote.upstream.gh-resolved", "base"]),
                    2 => {
                        let own = self.defaults[1].clone();
                        self.git(&here, &["config", &format!("branch.{own}.remote"), "upstream"]);
                        self.git(&here, &["config", "remote.pushDefault", "origin"]);
                    }
                    _ => {}
                }
                [some("upstream"), some("origin")]
            }
        }
    }

    /// What people do in their own clone.
    fn own_work(&mut self, chance: &mut Chance, remotes: &[Option<String>; 2]) {
        let (here, name) = (self.here(), remotes[0].clone().unwrap());
        // Tags called HEAD make that name ambiguous.
        let Some(feat) = self.of_ref(&format!("refs/remotes/{name}/feat"), "%(objectname)") else { return };
        match chance.below(5) {
            0 if self.of_ref(&format!("refs/remotes/{name}/HEAD"), "%(symref)").is_some() => {
                self.git(&here, &["remote", "set-head", &name, "-d"]);
            }
            1 => _ = self.git(&here, &["branch", "-q", "-f", &format!("local{}", chance.below(3)), &feat]),
            2 => _ = self.git(&here, &["checkout", "-q", "--detach", &feat]),
            3 => {
                let beside = self.dir.path().join(format!("beside{}", self.count));
                self.count += 1;
                self.git(&here, &["worktree", "add", "-q", "--detach", beside.to_str().unwrap(), &feat]);
            }
            _ => {}
        }
    }

    fn fetched(&mut self, chance: &mut Chance) {
        let here = self.here();
        let prune: &[&str] = if chance.percent(50) { &["--prune"] } else { &[] };
        // A branch under the name of another's folder stops a fetch, which then changes nothing of the others.
        self.told.push("here: git fetch --all".to_owned());
        let mut command = std::process::Command::new("git");
        command.current_dir(&here).args(["fetch", "-q", "--all", "--force"]).args(prune);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().unwrap();
        self.told.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }

    /// Whether target and home are what the hosts say, given the home before anybody pushed.
    fn holds(
        &mut self,
        remotes: &[Option<String>; 2],
        home: Option<&String>,
        told: bool,
        met: &mut Met,
    ) -> Result<(), String> {
        let here = self.here();
        let repository = Repository::open(&here).unwrap();
        ensure(repository.home().as_ref() == home, || format!("home was {home:?}, is {:?}", repository.home()))?;
        let home = home.cloned().ok_or("no home")?;
        let at = usize::from(remotes[1].as_ref() == Some(&home));
        let truth = format!("refs/heads/{}", self.defaults[at]);
        let tracked = |branch: &str| self.of_ref(&format!("refs/remotes/{home}/{branch}"), "%(objectname)");
        let head = self.of_ref(&format!("refs/remotes/{home}/HEAD"), "%(symref)").unwrap_or_default();
        let head_is_known = head == format!("refs/remotes/{home}/{}", self.defaults[at]);
        let is_fetched = tracked(&self.defaults[at]).is_some();
        let is_usual = USUAL.contains(&self.defaults[at].as_str());
        met.count("HEAD is known", head_is_known);
        met.count("HEAD is unknown", !head_is_known);
        // The exceptions.
        let is_certain = head_is_known || is_usual && is_fetched;
        if !told || !is_certain {
            met.count("an exception", true);
            return Ok(());
        }
        match repository.target() {
            Ok(target) => {
                ensure(target.name == truth, || format!("the target is {}, not {truth}", target.name))?;
                let tip = target.tip.to_string();
                let wanted = tracked(&self.defaults[at]).unwrap();
                ensure(tip == wanted, || format!("the target is at {tip}, not at {wanted}"))?;
                let on_host = git_in(&self.host(at), "mina", &["rev-list", &truth]);
                ensure(on_host.contains(&tip), || format!("the target is at {tip}, which {truth} never was"))
            }
            Err(why) => {
                met.count("it is asked for", true);
                let why = why.to_string();
                ensure(!head_is_known && why.contains("set-head"), || format!("no target: {why}"))
            }
        }
    }
}

#[test]
fn who_may_only_push_branches_does_not_choose_the_target() {
    let mut met = Met::default();
    in_each_world(24, KEPT, |chance| {
        let mut world = World::new(chance);
        let early = chance.percent(30);
        if early {
            (0..3).for_each(|_| world.pushed_by_anybody(chance));
        }
        let remotes = world.cloned(chance);
        let home = Repository::open(&world.here()).unwrap().home();
        let mut told = true;
        let done = (0..4).try_for_each(|_| {
            for _ in 0..chance.below(4) {
                world.pushed_by_anybody(chance);
            }
            if chance.percent(40) {
                world.landed(chance.below(2));
            }
            if chance.percent(5) {
                let (host, new) = (world.host(0), "moved".to_owned());
                let tip = world.tip(0, &format!("refs/heads/{}", world.defaults[0])).unwrap();
                world.git(&host, &["update-ref", "refs/heads/moved", &tip]);
                world.git(&host, &["symbolic-ref", "HEAD", "refs/heads/moved"]);
                (world.defaults[0], told) = (new, false);
            }
            world.own_work(chance, &remotes);
            world.fetched(chance);
            world.holds(&remotes, home.as_ref(), told, &mut met)
        });
        done.map_err(|why| format!("{why}\n{}", world.told.join("\n")))
    });
    eprintln!("{:?}", met.0);
    met.at_least(1);
}
