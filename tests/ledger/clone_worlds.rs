//! The chains of a person who does with clones what people do, held to a promise in generated worlds:
//!
//! * each clone signs in a chain of its own, also a copy, and one that was moved, restored as a new folder, or lacks the
//!   ref of its chain or a part of it: so no chain goes different ways;
//! * with one exception: where the content of `.git` was restored and its owner signed before a sync. Then `sync` names
//!   it, and `record repair` ends it;
//! * a record that reached a server stays there, and what the program does takes no record from a clone;
//! * nobody is unable to sign without a command being named that helps. What a remote left that is here no more, `doctor`
//!   names, and `sync --forget` puts it away.
//!
//! What people destroy before any remote had it is gone, and `LEDGER_MISSING` says so for ever; that is none of these.
//!
//! A world is two devices with clones of one server, some of which also exchange records with a second one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use undersign::change::{Change, ObjectId};
use undersign::decision::{Draft, Revised, Verdict};
use undersign::examination::{self, RepositorySnapshot};
use undersign::gate::Code;
use undersign::ledger::own_chain::decision_chain;
use undersign::record::{Chain, ChainId};
use undersign::signer::SigningKey;
use undersign::signing::{self, Case, FollowUp, Signatory, SigningError};
use undersign::source::git::Repository;
use undersign::{ledger, record};

use crate::support::{Fixture, all_of, git_in, key_of, now};
use crate::worlds::{Chance, Met, ensure, in_each_world};

/// Worlds that broke a promise once.
const KEPT: &[u64] = &[12];
const STEPS: usize = 20;
/// The most clones at a time.
const MOST: usize = 4;
const DEVICES: [&str; 2] = ["00000000000000d0", "00000000000000d1"];

struct Held {
    path: PathBuf,
    device: usize,
    worktree: Option<PathBuf>,
    backup: Option<PathBuf>,
    /// Where it was before it was moved.
    before: Option<PathBuf>,
}

struct World<'f> {
    f: &'f Fixture,
    key: SigningKey,
    id: String,
    work: ObjectId,
    clones: Vec<Held>,
    count: u64,
    /// Chains that may go different ways.
    excused: BTreeSet<String>,
    /// What each server has had, by chain.
    there: BTreeMap<(usize, ChainId), Vec<String>>,
    /// What the program took away.
    lost: Option<String>,
    told: Vec<String>,
}

type Done = Result<(), String>;

fn run(program: &str, args: &[&Path]) {
    assert!(Command::new(program).args(args).status().unwrap().success(), "{program} {args:?}");
}

fn copied(from: &Path, to: &Path) {
    run("cp", &["-a".as_ref(), from, to]);
}

/// Whether the file system says when a folder was made; without that, a clone that takes the place of another one, or
/// of itself, looks like what was there.
fn tells_birth(dir: &Path) -> bool {
    std::fs::metadata(dir).unwrap().created().is_ok_and(|born| born > std::time::UNIX_EPOCH)
}

fn text_of(error: SigningError) -> String {
    match error {
        SigningError::Moved(why) | SigningError::LostPlace(why) | SigningError::Refused(why) => why,
        SigningError::PassphraseNeeded => "passphrase".to_owned(),
    }
}

impl World<'_> {
    fn new(f: &Fixture) -> World<'_> {
        for server in ["s0.git", "s1.git"] {
            git_in(f.dir.path(), "rahim", &["clone", "-q", "--bare", f.repo.to_str().unwrap(), server]);
        }
        let own = key_of("dana").public_key().to_openssh().unwrap();
        World {
            f,
            key: f.key("dana"),
            id: record::Key::from_openssh(&own).unwrap().id().to_string(),
            work: f.id("agent/work").parse().unwrap(),
            clones: Vec::new(),
            count: 0,
            excused: BTreeSet::new(),
            there: BTreeMap::new(),
            lost: None,
            told: Vec::new(),
        }
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn place(&mut self, device: usize) -> PathBuf {
        let home = self.f.dir.path().join(format!("device{device}"));
        std::fs::create_dir_all(&home).unwrap();
        home.join(format!("work{}", self.next()))
    }

    fn server(&self, at: usize) -> PathBuf {
        self.f.dir.path().join(format!("s{at}.git"))
    }

    fn git(&self, at: usize, args: &[&str]) -> String {
        git_in(&self.clones[at].path, "dana", args)
    }

    fn cloned(&self, path: &Path) {
        git_in(self.f.dir.path(), "dana", &["clone", "-q", self.server(0).to_str().unwrap(), path.to_str().unwrap()]);
        git_in(path, "dana", &["config", "gpg.format", "ssh"]);
        git_in(path, "dana", &["config", "user.signingkey", self.f.key_file("dana").to_str().unwrap()]);
    }

    /// The program at one of the clones: whether it succeeded, and all that it said.
    fn program(&self, at: usize, args: &[&str]) -> (bool, String) {
        let own = &self.clones[at];
        let home = self.f.dir.path().join(format!("device{}", own.device));
        let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
        command.arg("--repo").arg(&own.path).args(args).env("HOME", &home);
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(name, home.join(name));
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.success(), said)
    }

    fn remotes(&self, at: usize) -> Vec<String> {
        self.git(at, &["remote"]).lines().map(str::to_owned).collect()
    }

    /// All records in a repository, with those that were given up.
    fn records(path: &Path) -> BTreeSet<String> {
        let all = git_in(path, "dana", &["rev-list", "--exclude=refs/undersign/*/claims/*", "--glob=refs/undersign/*"]);
        all.lines().map(str::to_owned).collect()
    }

    // ------------------------------------------------------------------------------------------------ what a person does

    fn sign(&mut self, at: usize, from: &Path) -> Result<String, String> {
        let fresh = self.next().to_be_bytes();
        let device = DEVICES[self.clones[at].device];
        let (repository, snapshot) =
            RepositorySnapshot::open_for(from, Some("refs/heads/main")).map_err(|error| error.to_string())?;
        let chain = decision_chain(&repository, &self.id, device, fresh)?;
        let tip = snapshot.target.tip;
        let revision = repository.revision(tip, self.work, tip).unwrap();
        let change =
            Change::of_range("shop:work".to_owned(), "work".to_owned(), snapshot.target.name.clone(), revision);
        let examination = examination::whole(&repository, &snapshot, &change, now()).unwrap();
        let mut draft = Draft::new(&change.id, Revised::of(&change.revision));
        draft.reasons.insert(Verdict::Reject, "not so".to_owned());
        let seen = all_of(examination.manifest.len());
        let case =
            Case { change: &change, examination: &examination, draft: &draft, verdict: Verdict::Reject, seen: &seen };
        let mut nonce = [7; 16];
        nonce[..8].copy_from_slice(&fresh);
        let prepared = signing::prepare(&case, &snapshot, &self.key, &chain, nonce, now()).map_err(text_of)?;
        signing::sign(&prepared, &change, &snapshot, &self.key, None, now()).map_err(text_of)?;
        Ok(chain)
    }

    fn sync(&mut self, at: usize, remote: &str) -> (bool, String) {
        let before = World::records(&self.clones[at].path);
        let said = self.program(at, &["sync", "--remote", remote]);
        let after = World::records(&self.clones[at].path);
        if !before.is_subset(&after) {
            self.lost = Some(format!("A sync took records away: {}", said.1));
        }
        said
    }

    /// As `record repair` does once its code was typed. What it says if there is nothing to repair.
    fn repair(&mut self, at: usize, remote: Option<&str>) -> Result<(), String> {
        let named: Vec<&str> = remote.iter().flat_map(|name| ["--remote", name]).collect();
        let (_, said) = self.program(at, &[&["record", "repair"], &named[..]].concat());
        if !said.contains("There is no terminal") {
            return Err(said);
        }
        let path = self.clones[at].path.clone();
        let (repository, _) = RepositorySnapshot::open_for(&path, Some("refs/heads/main")).unwrap();
        let from = said.split("The branch on ").nth(1).unwrap().split(' ').next().unwrap();
        let theirs = ledger::read_remote(&repository, from).unwrap();
        let lacks = |chain: &Chain, other: &Chain| other.head().is_some_and(|head| chain.holds(head).is_err());
        let (here, theirs) = theirs
            .into_iter()
            .filter(|theirs| theirs.id.key == self.id)
            .map(|theirs| (ledger::read_chain(&repository, &theirs.id), theirs))
            .find(|(here, theirs)| here.is_forked_from(theirs) && lacks(here, theirs) && lacks(theirs, here))
            .unwrap();
        let kept: Vec<String> = theirs.records.iter().map(|record| record.id().to_string()).collect();
        let forks = here.records.iter().map(|record| record.id().to_string()).filter(|id| !kept.contains(id)).collect();
        let own = format!("{}{}", ledger::PREFIX, here.id);
        self.git(at, &["update-ref", &own, &format!("{}{}", ledger::remote_prefix(from), here.id)]);
        let (repository, snapshot) = RepositorySnapshot::open_for(&path, Some("refs/heads/main")).unwrap();
        let signatory = Signatory::of(&repository, &snapshot, &self.key, &here.id.device).map_err(text_of)?;
        let what = FollowUp {
            verdict: Verdict::Repair,
            about: theirs.records.last().unwrap(),
            supersedes: vec![],
            answers: vec![],
            forks,
            reason: String::new(),
        };
        let mut nonce = [9; 16];
        nonce[..8].copy_from_slice(&self.next().to_be_bytes());
        let prepared = signing::follow_up(what, signatory, nonce, now()).map_err(text_of)?;
        prepared.record(&repository, &self.key, None, now()).map_err(text_of)?;
        Ok(())
    }

    /// The chains that a clone names may go different ways from now on.
    fn excuse(&mut self, path: &Path) {
        let file = std::fs::read_to_string(path.join(".git/undersign/decision-chain")).unwrap_or_default();
        self.excused.extend(file.lines().filter(|line| line.len() == 16).map(str::to_owned));
    }

    /// Does what a message says; whether it named anything to do.
    fn follow(&mut self, at: usize, said: &str) -> bool {
        let word_after = |what: &str| {
            let rest = said.split(what).nth(1)?;
            Some(rest.split(['`', ' ']).next().unwrap_or_default().to_owned())
        };
        if let Some(name) = word_after("`undersign sync --forget ") {
            return self.program(at, &["sync", "--forget", &name]).0;
        }
        let remote = word_after("`undersign record repair --remote ");
        if said.contains("`undersign record repair") {
            return match self.repair(at, remote.as_deref()) {
                Ok(()) => true,
                Err(why) => why != said && self.follow(at, &why),
            };
        }
        if said.contains("`undersign sync") {
            self.remotes(at).iter().for_each(|name| _ = self.sync(at, name));
            return true;
        }
        false
    }

    /// Signs, and does what the program says where it does not let them.
    fn signs(&mut self, at: usize, from: &Path, met: &mut Met) -> Done {
        for _ in 0..4 {
            match self.sign(at, from) {
                Ok(_) => return Ok(()),
                Err(why) => {
                    met.count("could not sign at first", true);
                    self.told.push(why.clone());
                    ensure(self.follow(at, &why), || format!("No command helps: {why}"))?;
                }
            }
        }
        Err(format!("The commands that are named do not help: {:?}", self.told))
    }

    fn back_up(&mut self, at: usize) {
        let aside = self.f.dir.path().join(format!("backup{}", self.next()));
        copied(&self.clones[at].path.join(".git"), &aside);
        self.clones[at].backup = Some(aside);
    }

    fn restored_in_place(&mut self, at: usize, met: &mut Met) {
        let path = self.clones[at].path.clone();
        for entry in std::fs::read_dir(path.join(".git")).unwrap() {
            run("rm", &["-rf".as_ref(), &entry.unwrap().path()]);
        }
        copied(&self.clones[at].backup.as_ref().unwrap().join("."), &path.join(".git"));
        self.excuse(&path);
        self.clones[at].worktree = None;
        met.count("restored in place", true);
    }

    /// The name of the second server there.
    fn trial(&mut self, at: usize) -> String {
        let known = self.remotes(at).into_iter().find(|name| name.starts_with("trial"));
        known.unwrap_or_else(|| {
            let name = format!("trial{}", self.next());
            self.git(at, &["remote", "add", &name, self.server(1).to_str().unwrap()]);
            name
        })
    }

    fn step(&mut self, chance: &mut Chance, met: &mut Met) -> Done {
        let at = chance.below(self.clones.len());
        let what = chance.below(40);
        let path = self.clones[at].path.clone();
        let mut note = format!("{} at {at}", what);
        match what {
            0 | 1 if self.clones.len() < MOST => {
                let device = chance.below(2);
                let new = self.place(device);
                self.cloned(&new);
                self.clones.push(Held { path: new, device, worktree: None, backup: None, before: None });
            }
            2..=4 if self.clones.len() < MOST => {
                let device = chance.below(2);
                let new = self.place(device);
                copied(&path, &new);
                self.clones.push(Held { path: new, device, worktree: None, backup: None, before: None });
                met.count("copied", true);
            }
            5..=7 => {
                let device = self.clones[at].device;
                let known = self.clones[at].before.take().filter(|_| chance.percent(70));
                met.count("moved back", known.is_some());
                let new = known.unwrap_or_else(|| self.place(device));
                std::fs::rename(&path, &new).unwrap();
                let own = &mut self.clones[at];
                (own.path, own.before, own.worktree) = (new, Some(path), None);
            }
            // A clone takes the place of another that is gone.
            8 if self.clones.len() > 2 => {
                let gone = self.clones.remove(at);
                std::fs::remove_dir_all(&gone.path).unwrap();
                let heir = chance.below(self.clones.len());
                std::fs::rename(&self.clones[heir].path, &gone.path).unwrap();
                let own = &mut self.clones[heir];
                (own.path, own.device, own.before, own.worktree) = (gone.path, gone.device, None, None);
                let path = self.clones[heir].path.clone();
                if !tells_birth(&path) {
                    self.excuse(&path);
                }
                met.count("in the place of another", true);
            }
            9 => {
                std::fs::remove_dir_all(&path).unwrap();
                self.cloned(&path);
                let own = &mut self.clones[at];
                (own.worktree, own.backup) = (None, None);
                met.count("cloned again", true);
            }
            10..=15 if self.clones[at].backup.is_none() => self.back_up(at),
            10 | 11 => {
                std::fs::remove_dir_all(path.join(".git")).unwrap();
                copied(self.clones[at].backup.as_ref().unwrap(), &path.join(".git"));
                if !tells_birth(&path) {
                    self.excuse(&path);
                }
                self.clones[at].worktree = None;
                met.count("restored as a new folder", true);
            }
            12..=15 => {
                if chance.percent(60) {
                    // What the backup has of the chain is signed on, sent, and not in the backup.
                    self.signs(at, &path, met)?;
                    self.back_up(at);
                    self.signs(at, &path, met)?;
                    let names = self.remotes(at);
                    self.sync(at, &chance.of(&names));
                }
                self.restored_in_place(at, met);
                if chance.percent(60) {
                    self.signs(at, &path, met)?;
                }
            }
            16 if self.clones[at].worktree.is_none() => {
                let device = self.clones[at].device;
                let new = self.place(device);
                self.git(at, &["worktree", "prune"]);
                self.git(at, &["worktree", "add", "-q", "--detach", new.to_str().unwrap()]);
                self.clones[at].worktree = Some(new);
            }
            17 | 18 => {
                let own = format!("{}{}", ledger::PREFIX, self.id);
                let all = self.git(at, &["for-each-ref", "--format=%(refname)", &own]);
                let all: Vec<&str> = all.lines().collect();
                if !all.is_empty() {
                    self.git(at, &["update-ref", "-d", chance.of(&all)]);
                    met.count("lost a ref", true);
                }
            }
            19 => {
                let trial = self.trial(at);
                self.sync(at, &trial);
                let _ = std::fs::remove_file(path.join(".git/undersign/decision-chain"));
            }
            20 => {
                // What only the trial had of the chain, or has otherwise, is left of it.
                let trial = self.trial(at);
                self.signs(at, &path, met)?;
                self.back_up(at);
                self.signs(at, &path, met)?;
                self.sync(at, &trial);
                if chance.percent(50) {
                    self.restored_in_place(at, met);
                    self.signs(at, &path, met)?;
                    self.sync(at, &trial);
                } else {
                    let own = self.git(at, &["for-each-ref", "--format=%(refname)", "refs/undersign/decisions"]);
                    own.lines().for_each(|name| _ = self.git(at, &["update-ref", "-d", name]));
                }
                self.git(at, &["remote", "remove", &trial]);
                met.count("removed a remote", true);
            }
            21 | 22 => {
                let names = self.remotes(at);
                let trial = names.iter().find(|name| name.starts_with("trial"));
                if let Some(trial) = trial {
                    self.git(at, &["remote", "remove", trial]);
                    met.count("removed a remote", true);
                }
            }
            23 => {
                let names = self.remotes(at);
                if let Some(home) = names.iter().find(|name| !name.starts_with("trial")) {
                    let new = format!("home{}", self.next());
                    self.git(at, &["remote", "rename", home, &new]);
                    met.count("renamed a remote", true);
                }
            }
            24..=31 => {
                let names = self.remotes(at);
                let name = chance.of(&names);
                let (ok, said) = self.sync(at, &name);
                note = format!("{note} with {name}: {said}");
                self.named(at, &name, ok, &said, met)?;
            }
            _ => {
                let from = self.clones[at].worktree.clone().filter(|_| chance.percent(50)).unwrap_or(path);
                self.signs(at, &from, met)?;
            }
        }
        self.told.push(note);
        self.holds()
    }

    /// Whether a chain that is different here and there is named by the sync that sees it.
    fn named(&self, at: usize, remote: &str, ok: bool, said: &str, met: &mut Met) -> Done {
        let repository = Repository::open(&self.clones[at].path).unwrap();
        let theirs = ledger::read_remote(&repository, remote).unwrap();
        let is_forked = theirs.iter().any(|theirs| {
            let here = ledger::read_chain(&repository, &theirs.id);
            here.is_forked_from(theirs) && here.head().is_some_and(|head| theirs.holds(head).is_err())
        });
        met.count("a fork was named", is_forked);
        ensure(!is_forked || !ok && said.contains("record repair"), || format!("A fork is not named: {said}"))
    }

    // ---------------------------------------------------------------------------------------------------------- promises

    /// All copies of all chains, by chain.
    fn copies(&self) -> BTreeMap<ChainId, Vec<Chain>> {
        let places = self.clones.iter().map(|own| own.path.clone()).chain([self.server(0), self.server(1)]);
        let mut all: BTreeMap<ChainId, Vec<Chain>> = BTreeMap::new();
        for place in places {
            let chains = ledger::read(&Repository::open(&place).unwrap()).unwrap();
            chains.into_iter().for_each(|chain| all.entry(chain.id.clone()).or_default().push(chain));
        }
        all
    }

    fn holds(&mut self) -> Done {
        self.lost.take().map_or(Ok(()), Err)?;
        for (id, copies) in self.copies() {
            let is_forked = copies
                .iter()
                .enumerate()
                .any(|(n, one)| copies[..n].iter().any(|other| one.is_forked_from(other) || one.fault.is_some()));
            ensure(!is_forked || self.excused.contains(&id.device), || format!("The chain {id} went different ways"))?;
        }
        for server in 0..2 {
            let chains = ledger::read(&Repository::open(&self.server(server)).unwrap()).unwrap();
            for chain in chains {
                let ids: Vec<String> = chain.records.iter().map(|record| record.id().to_string()).collect();
                let before = self.there.insert((server, chain.id.clone()), ids.clone()).unwrap_or_default();
                ensure(ids.starts_with(&before), || format!("The server lost records of {}", chain.id))?;
            }
        }
        Ok(())
    }

    /// However it came to this: each clone is free of faults once its owner did what the program says.
    fn ends(&mut self, met: &mut Met) -> Done {
        for at in 0..self.clones.len() {
            let path = self.clones[at].path.clone();
            self.signs(at, &path, met)?;
        }
        for _ in 0..2 {
            for at in 0..self.clones.len() {
                for name in self.remotes(at).into_iter().filter(|name| !name.starts_with("trial")) {
                    let (ok, said) = self.sync(at, &name);
                    self.named(at, &name, ok, &said, met)?;
                    if !ok && self.follow(at, &said) {
                        self.sync(at, &name);
                    }
                }
            }
        }
        for at in 0..self.clones.len() {
            // A second server with another branch is given up; doctor says what it left.
            if self.fault(at).is_some() {
                for name in self.remotes(at).into_iter().filter(|name| name.starts_with("trial")) {
                    self.git(at, &["remote", "remove", &name]);
                }
            }
            for _ in 0..3 {
                let Some(fault) = self.fault(at) else { break };
                met.count("a fault that doctor ended", true);
                let (_, said) = self.program(at, &["doctor"]);
                ensure(self.follow(at, &said), || format!("No command helps against {fault}: {said}"))?;
            }
            ensure(self.fault(at).is_none(), || format!("{at}: {:?}", self.fault(at)))?;
            let path = self.clones[at].path.clone();
            self.signs(at, &path, met)?;
        }
        self.holds()
    }

    fn fault(&self, at: usize) -> Option<String> {
        let (_, snapshot) = RepositorySnapshot::open_for(&self.clones[at].path, Some("refs/heads/main")).unwrap();
        let fault = snapshot.ledger_fault.filter(|reason| reason.code == Code::LedgerFault);
        fault.map(|reason| reason.detail)
    }
}

#[test]
fn no_record_is_lost_or_forked_by_what_people_do_with_clones_and_everybody_can_go_on_signing() {
    let mut met = Met::default();
    in_each_world(6, KEPT, |chance| {
        let f = Fixture::new();
        let mut world = World::new(&f);
        let first = world.place(0);
        world.cloned(&first);
        world.clones.push(Held { path: first, device: 0, worktree: None, backup: None, before: None });
        let done = (0..STEPS).try_for_each(|_| world.step(chance, &mut met)).and_then(|()| world.ends(&mut met));
        done.map_err(|why| format!("{why}\n{}", world.told.join("\n")))
    });
    eprintln!("{:?}", met.0);
    met.at_least(1);
}
