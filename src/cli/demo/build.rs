//! Makes the sample repositories from `assets/demo/*.toml`.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use git2::{Signature, Time};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};

use super::request::{self, SampleRequest};
use crate::datafile::{self, Table};

const SAMPLES: &[(&str, &str)] = &[
    ("infra.toml", include_str!("../../../assets/demo/infra.toml")),
    ("storefront.toml", include_str!("../../../assets/demo/storefront.toml")),
    ("billing.toml", include_str!("../../../assets/demo/billing.toml")),
];
/// In a folder that the demo made: only such a one is opened again.
const MARKER: &str = ".undersign-demo";
/// How old the base commit is: ninety days, in seconds.
const BASE_AGE: i64 = 90 * 24 * 3600;

pub struct Demo {
    pub dir: PathBuf,
    pub repositories: Vec<PathBuf>,
    /// The sample reviewer's private key.
    pub key: PathBuf,
}

#[derive(Debug)]
struct Sample {
    name: String,
    files: Vec<(String, String)>,
    changes: Vec<Change>,
    request: Option<SampleRequest>,
}

#[derive(Debug)]
struct Change {
    branch: String,
    author: String,
    committer: Option<String>,
    age_minutes: u64,
    message: String,
    files: Vec<FileChange>,
}

#[derive(Debug)]
struct FileChange {
    path: String,
    text: Option<String>,
    delete: bool,
    edits: Vec<(String, String)>,
}

/// Makes the demo in a folder, or finds the one that is there.
pub fn build(dir: &Path, now: i64) -> Result<Demo, String> {
    let failed = |error: std::io::Error| {
        format!("The demo cannot be made in {}: {error}. Name another directory with --dir.", dir.display())
    };
    let samples = SAMPLES.iter().map(|(name, source)| parse(name, source)).collect::<Result<Vec<_>, _>>()?;
    let repositories = samples.iter().map(|sample| dir.join(&sample.name)).collect();
    let demo = Demo { dir: dir.to_path_buf(), repositories, key: dir.join("keys/dana") };
    let broker = dir.join("keys/ops1");
    if dir.join(MARKER).is_file() {
        admit(&samples, &demo, &broker, now)?;
        return Ok(demo);
    }
    std::fs::create_dir_all(dir).map_err(failed)?;
    if std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(format!("{} is not empty, and no demo made it. Name another directory with --dir.", dir.display()));
    }
    std::fs::create_dir_all(dir.join("keys")).map_err(failed)?;
    let dana = new_key("dana@example.com")?;
    write_key(&demo.key, &dana).map_err(failed)?;
    let ops = new_key("ops1")?;
    write_key(&broker, &ops).map_err(failed)?;
    let mut keys = BTreeMap::from([("dana", public_line(&dana)?), ("ops1", public_line(&ops)?)]);
    // Keys of people who do not take part: created, named in the policy, and discarded.
    for name in ["rahim", "ines"] {
        keys.insert(name, public_line(&new_key(&format!("{name}@example.com"))?)?);
    }
    for (sample, path) in samples.iter().zip(&demo.repositories) {
        repository(sample, path, &keys, &demo.key, now)
            .map_err(|error| format!("The sample repository {} cannot be made: {error}", sample.name))?;
    }
    admit(&samples, &demo, &broker, now)?;
    std::fs::write(dir.join(MARKER), "Made by `undersign demo`; safe to delete.\n").map_err(failed)?;
    Ok(demo)
}

/// Admits what the samples ask to run, with the key of their broker.
fn admit(samples: &[Sample], demo: &Demo, broker: &Path, now: i64) -> Result<(), String> {
    for (sample, path) in samples.iter().zip(&demo.repositories) {
        if let Some(own) = &sample.request {
            request::admit(own, path, broker, now)
                .map_err(|error| format!("The sample request of {} cannot be made: {error}", sample.name))?;
        }
    }
    Ok(())
}

fn new_key(comment: &str) -> Result<PrivateKey, String> {
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&crate::random::random()?));
    key.set_comment(comment);
    Ok(key)
}

fn public_line(key: &PrivateKey) -> Result<String, String> {
    key.public_key().to_openssh().map_err(|error| error.to_string())
}

fn write_key(path: &Path, key: &PrivateKey) -> std::io::Result<()> {
    let text = key.to_openssh(LineEnding::LF).map_err(std::io::Error::other)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    let public = key.public_key().to_openssh().map_err(std::io::Error::other)?;
    std::fs::write(path.with_extension("pub"), format!("{public}\n"))
}

fn repository(sample: &Sample, path: &Path, keys: &BTreeMap<&str, String>, key: &Path, now: i64) -> Result<(), String> {
    let fail = |error: git2::Error| error.message().to_owned();
    let mut options = git2::RepositoryInitOptions::new();
    let raw = git2::Repository::init_opts(path, options.initial_head("main")).map_err(fail)?;
    let mut config = raw.config().map_err(fail)?;
    for (name, value) in [
        ("user.name", "Dana Reyes"),
        ("user.email", "dana@example.com"),
        ("gpg.format", "ssh"),
        ("user.signingkey", &key.display().to_string()),
    ] {
        config.set_str(name, value).map_err(fail)?;
    }
    let filled =
        |text: &String| keys.iter().fold(text.clone(), |text, (who, line)| text.replace(&format!("@KEY {who}@"), line));
    let files: BTreeMap<String, String> =
        sample.files.iter().map(|(path, text)| (path.clone(), filled(text))).collect();
    let rahim = signature("Rahim Azar <rahim@example.com>", now - BASE_AGE)?;
    let base = commit(&raw, "refs/heads/main", &files, (&rahim, &rahim), &format!("Start {}\n", sample.name), &[])
        .map_err(fail)?;
    let base = raw.find_commit(base).map_err(fail)?;
    for change in &sample.changes {
        let files = applied(&files, change)?;
        let when = now - 60 * change.age_minutes as i64;
        let author = signature(&change.author, when)?;
        let committer = signature(change.committer.as_ref().unwrap_or(&change.author), when)?;
        commit(
            &raw,
            &format!("refs/heads/{}", change.branch),
            &files,
            (&author, &committer),
            &change.message,
            &[&base],
        )
        .map_err(fail)?;
    }
    raw.checkout_head(Some(git2::build::CheckoutBuilder::new().force())).map_err(fail)
}

fn signature(text: &str, time: i64) -> Result<Signature<'static>, String> {
    let (name, rest) = text.split_once(" <").ok_or("an author without an address")?;
    Signature::new(name, rest.trim_end_matches('>'), &Time::new(time, 0)).map_err(|error| error.message().to_owned())
}

fn commit(
    raw: &git2::Repository,
    name: &str,
    files: &BTreeMap<String, String>,
    (author, committer): (&Signature<'_>, &Signature<'_>),
    message: &str,
    parents: &[&git2::Commit<'_>],
) -> Result<git2::Oid, git2::Error> {
    let mut index = git2::Index::new()?;
    for (path, text) in files {
        let id = raw.blob(text.as_bytes())?;
        let zero = git2::IndexTime::new(0, 0);
        index.add(&git2::IndexEntry {
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
        })?;
    }
    let tree = raw.find_tree(index.write_tree_to(raw)?)?;
    raw.commit(Some(name), author, committer, message, &tree, parents)
}

/// The files after a change. An edit must fit in exactly one place.
fn applied(files: &BTreeMap<String, String>, change: &Change) -> Result<BTreeMap<String, String>, String> {
    let mut files = files.clone();
    for file in &change.files {
        if file.delete {
            files.remove(&file.path);
            continue;
        }
        let mut text = file.text.clone().or_else(|| files.get(&file.path).cloned()).unwrap_or_default();
        for (from, to) in &file.edits {
            if text.matches(from.as_str()).count() != 1 {
                return Err(format!("{}: an edit of {} does not fit in one place: {from}", change.branch, file.path));
            }
            text = text.replacen(from.as_str(), to, 1);
        }
        files.insert(file.path.clone(), text);
    }
    Ok(files)
}

fn parse(name: &str, source: &str) -> Result<Sample, String> {
    let read = datafile::read(name, source, |root| {
        let file = |table: &Table<'_>| Some((table.need_string("path")?.value, table.need_string("text")?.value));
        let files = root.tables("file").iter().filter_map(file).collect();
        Some(Sample {
            name: root.need_string("name")?.value,
            files,
            changes: root.tables("change").iter().filter_map(change).collect(),
            request: root.table("request").as_ref().and_then(SampleRequest::read),
        })
    });
    read.map_err(|error| error.to_string())
}

fn change(table: &Table<'_>) -> Option<Change> {
    Some(Change {
        branch: table.need_string("branch")?.value,
        author: table.need_string("author")?.value,
        committer: table.string("committer").map(|text| text.value),
        age_minutes: table.need_number("age_minutes")?.value,
        message: table.need_string("message")?.value,
        files: table.tables("file").iter().filter_map(file_change).collect(),
    })
}

fn file_change(table: &Table<'_>) -> Option<FileChange> {
    let edit = |edit: &Table<'_>| Some((edit.need_string("from")?.value, edit.need_string("to")?.value));
    Some(FileChange {
        path: table.need_string("path")?.value,
        text: table.string("text").map(|text| text.value),
        delete: table.boolean("delete").is_some_and(|flag| flag.value),
        edits: table.tables("edit").iter().filter_map(edit).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorizing::{CommandLedger, PendingCommand};
    use crate::command::Code;
    use crate::command::preview::Act;
    use crate::source::git::{PolicyState, Repository};

    #[test]
    fn the_samples_are_made_nobody_in_them_writes_as_the_reviewer_and_a_second_start_finds_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo");
        let demo = build(&path, 1_780_000_000).unwrap();
        let mut branches = 0;
        for repository in &demo.repositories {
            let raw = git2::Repository::open(repository).unwrap();
            for branch in raw.branches(None).unwrap() {
                let commit = branch.unwrap().0.get().peel_to_commit().unwrap();
                assert_ne!(commit.author().email().unwrap(), "dana@example.com");
                branches += 1;
            }
        }
        assert_eq!(branches, 3 + 9);
        let key = std::fs::read(&demo.key).unwrap();
        build(&path, 1_780_000_000).unwrap();
        assert_eq!(std::fs::read(&demo.key).unwrap(), key);
    }

    #[test]
    fn a_command_that_recreates_production_waits_and_an_expired_one_is_requested_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo");
        let start = 1_780_000_000;
        let pending = |now: i64| {
            let demo = build(&path, now).unwrap();
            let repository = Repository::open(&demo.repositories[0]).unwrap();
            let tip = repository.resolve("refs/heads/main").unwrap();
            let PolicyState::Found(policy) = repository.policy_at(tip).unwrap() else { panic!("no policy") };
            let ledger = CommandLedger::read(&repository, &policy).unwrap();
            let all = ledger.pending(&policy, Some("dana"), now);
            all.into_iter().filter(PendingCommand::is_open).collect::<Vec<_>>()
        };
        let first = pending(start);
        let [own] = &first[..] else { panic!("{first:?}") };
        let preview = &own.request().preview;
        assert_eq!((preview.destroys.0, preview.replaces.0), (24, 2));
        assert_eq!(own.preview.as_ref().unwrap().rows[0].act, Act::Destroy);
        let codes: Vec<Code> = own.answer.reasons.iter().map(|reason| reason.code).collect();
        assert!(own.needs_me && codes.iter().all(|code| *code == Code::Unsigned), "{codes:?}");
        assert_eq!(pending(start + 60)[0].id, own.id);
        let again = pending(start + 3_600);
        assert!(again.len() == 1 && again[0].id != own.id);
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine"), "x").unwrap();
        assert!(build(dir.path(), 0).err().unwrap().contains("not empty"));
    }
}
