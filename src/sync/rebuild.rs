//! Commits of a server that has no refs, rebuilt from their patches. The git program applies the patches in a separate
//! index; no work tree, index, filter or hook of the repository is used. If the id of the result is the author's, every
//! byte of it is: nothing else that the server says has to be believed.
//!
//! Trees and files of what could not be proved remain without a ref, as those of an aborted fetch do, and are collected
//! with them.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use git2::{ObjectType, Oid};

use crate::change::{ObjectId, visible};
use crate::source::git::{Repository, oid};
use crate::source::server::{Patched, Series, Signature};

/// For one run of git. A patch can be crafted to apply slowly.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the binary files of one patch: few bytes can describe many.
const MAX_BINARY: u64 = 64 << 20;
/// Bytes of git's messages that are read.
const MAX_SAID: usize = 4096;

/// Settings of git that could influence what a patch does, or run something.
const SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "index.sparse=false",
    "apply.whitespace=nowarn",
    "apply.ignoreWhitespace=no",
];

/// Makes the commits of a series and proves each by its id. Returns the last.
///
/// # Errors
/// A sentence that says what is not proved, and why.
pub fn rebuild(repository: &Repository, series: &Series) -> Result<ObjectId, String> {
    if repository.raw.find_commit(oid(series.base)).is_err() {
        let base = series.base.short();
        return Err(format!("its base {base} is not here. Fetch it, or ask its author where it is."));
    }
    let dir = tempfile::tempdir().map_err(|error| format!("there is no room to rebuild it: {error}."))?;
    let bench = Bench { repository, dir: dir.path() };
    bench.git(&["read-tree", &series.base.to_string()])?;
    let mut parent = series.base;
    for commit in &series.commits {
        if commit.parent != parent {
            return Err(unproved(commit, "the server says that it is on another than the one before it"));
        }
        bench.apply(commit).map_err(|why| unproved(commit, &why))?;
        bench.commit(commit)?;
        parent = commit.id;
    }
    Ok(parent)
}

fn unproved(commit: &Patched, why: &str) -> String {
    format!("its commit {} is unproved: {why}. Fetch the branch of its author to review it.", commit.id.short())
}

/// Where commits are rebuilt.
struct Bench<'b> {
    repository: &'b Repository,
    dir: &'b Path,
}

impl Bench<'_> {
    fn apply(&self, commit: &Patched) -> Result<(), String> {
        if commit.patch.trim_ascii().is_empty() {
            return Ok(());
        }
        if !is_bounded(&commit.patch) {
            return Err("its binary files are too large, or told by what changed in them".to_owned());
        }
        let patch = self.dir.join("patch");
        std::fs::write(&patch, &commit.patch).map_err(|error| error.to_string())?;
        self.git(&["apply", "--cached", "--", &patch.to_string_lossy()]).map(|_| ())
    }

    /// Writes the commit from the index, if it is the claimed one.
    fn commit(&self, commit: &Patched) -> Result<(), String> {
        if [&commit.author, &commit.committer].into_iter().any(|signature| !is_plain(signature)) {
            return Err(unproved(commit, "git writes no such name of an author"));
        }
        let tree = self.git(&["write-tree"]).map_err(|why| unproved(commit, &why))?;
        // The server drops blank lines at the end of a message.
        let messages = [format!("{}\n", commit.message.trim_end_matches('\n')), commit.message.clone()];
        for message in messages {
            let bytes = object(&tree, commit, &message);
            let id = Oid::hash_object(ObjectType::Commit, &bytes).map_err(|error| error.message().to_owned())?;
            if id == oid(commit.id) {
                let odb = self.repository.raw.odb().map_err(|error| error.message().to_owned())?;
                let written = odb.write(ObjectType::Commit, &bytes);
                return written.map(|_| ()).map_err(|error| format!("it cannot be written: {}.", error.message()));
            }
        }
        Err(unproved(commit, "what the server says about it makes another commit, as for one that is signed"))
    }

    /// Runs git in an empty directory as its work tree: its output, or its error message.
    fn git(&self, arguments: &[&str]) -> Result<String, String> {
        let files = ["printed", "said"].map(|name| self.dir.join(name));
        let open = |path: &Path| File::create(path).map_err(|error| error.to_string());
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(self.repository.raw.path());
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting])).args(arguments);
        command.current_dir(self.dir).env("GIT_WORK_TREE", self.dir).env("GIT_INDEX_FILE", self.dir.join("index"));
        // A partial clone would ask its remote for what is missing.
        command.env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(open(&files[0])?).stderr(open(&files[1])?);
        let is_done = wait(command)?;
        let read = |path: &Path| std::fs::read(path).unwrap_or_default();
        if is_done {
            return Ok(String::from_utf8_lossy(&read(&files[0])).trim().to_owned());
        }
        let mut said = read(&files[1]);
        said.truncate(MAX_SAID);
        let said = String::from_utf8_lossy(&said).into_owned();
        let first = said.lines().next().unwrap_or("no reason given").trim_end_matches('.');
        Err(format!("`git {}` says: {}", arguments[0], visible::text(first)))
    }
}

/// Whether the binary files of a patch fit git's limits. No line of text begins like this; for a delta, only git could
/// tell how large the file becomes.
fn is_bounded(patch: &[u8]) -> bool {
    let size = |line: &[u8]| {
        let size = line.strip_prefix(b"literal ")?;
        Some(std::str::from_utf8(size).ok().and_then(|size| size.trim().parse().ok()).unwrap_or(u64::MAX))
    };
    let mut lines = patch.split(|byte| *byte == b'\n');
    let sizes = lines.clone().filter_map(size).fold(0, u64::saturating_add);
    sizes <= MAX_BINARY && !lines.any(|line| line.starts_with(b"delta "))
}

/// Whether a program succeeded within [`PATIENCE`].
fn wait(mut command: Command) -> Result<bool, String> {
    let mut child = command.spawn().map_err(|error| format!("git cannot be run ({error})"))?;
    let end = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => return Ok(status.success()),
            None if Instant::now() > end => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("git did not end within {} s", PATIENCE.as_secs()));
            }
            None => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// A commit in git's format.
fn object(tree: &str, commit: &Patched, message: &str) -> Vec<u8> {
    let Patched { parent, author, committer, .. } = commit;
    let (author, committer) = (line(author), line(committer));
    format!("tree {tree}\nparent {parent}\nauthor {author}\ncommitter {committer}\n\n{message}").into_bytes()
}

/// Whether a name cannot start another line of a commit.
fn is_plain(signature: &Signature) -> bool {
    let is_plain = |text: &str| !text.contains(['\n', '\0', '<', '>']);
    is_plain(&signature.name) && is_plain(&signature.email)
}

fn line(signature: &Signature) -> String {
    let Signature { name, email, seconds, minutes } = signature;
    let (sign, minutes) = (if *minutes < 0 { '-' } else { '+' }, minutes.abs());
    format!("{name} <{email}> {seconds} {sign}{:02}{:02}", minutes / 60, minutes % 60)
}
