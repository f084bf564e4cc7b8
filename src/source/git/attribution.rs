//! Notes of git-ai and Agent Trace → who is said to have written each added line. All other notes of commits are texts.
//!
//! Notes are read from the trees of their refs, not with libgit2's notes API: that reads blobs of any size and only the
//! one ref that is configured. Bounds per change: 5,000 commits, 64 MiB of notes, 20 remotes; those of tracing lines
//! back from the head are in [`super::origins`].

use std::collections::HashSet;

use git2::{ObjectType, Oid};

use super::{GitError, Repository, as_path, object_id, oid, origins};
use crate::change::diff::Diff;
use crate::change::{Change, ObjectId, RepoPath, Revision, counted, visible};
use crate::provenance::attribution::{Attribution, Format, MAX_BYTES, Malformed, Testimony, agent_trace, git_ai};

const GIT_AI: &str = "refs/notes/ai";
/// git-ai's copies of the notes of remotes, one ref each.
const GIT_AI_REMOTES: &str = "refs/notes/ai-remote/*";
const AGENT_TRACE: &str = "refs/notes/agent-trace";
/// In the tree of the head.
const TRACES: &str = ".agent-trace/traces.jsonl";

/// Commits of a change.
const MAX_COMMITS: usize = 5_000;
const MAX_REMOTES: usize = 20;
/// Bytes of all notes of a change; the same note may be on many commits.
const MAX_NOTES: usize = 64 << 20;
/// Bytes of one tree of notes: over a million notes in one folder.
const MAX_TREE: usize = 64 << 20;
/// Where other tools, and people by `git notes add`, put theirs.
const NOTES: &str = "refs/notes/";
/// The most refs of such notes that are read, and bytes of one note and of all of a change.
const MAX_PLAIN_REFS: usize = 20;
const MAX_PLAIN: usize = 64 << 10;
const MAX_PLAIN_NOTES: usize = 4 << 20;
/// The most folders above a note: git distributes many notes by the first digits of their commits.
const MAX_FANOUT: usize = 2;

/// Who is said to have written the added lines of a change. This is a claim of whoever pushed the notes: it is shown,
/// and allows nothing. Without notes it costs only looking for the refs and for the file.
///
/// What exceeds a bound or is malformed is reported as a problem of the attribution, and its lines stay unknown.
///
/// # Errors
/// An object of the change's own commits is missing or is not in git's format.
pub fn attribution(repository: &Repository, change: &Change, diff: &Diff) -> Result<Attribution, GitError> {
    let revision = &change.revision;
    let mut testimony = testimony(repository, &NotesRefs::of(repository), revision);
    if testimony.is_empty() {
        return Ok(testimony.attribute(&[]));
    }
    let origins = origins::trace(repository, revision, diff, &testimony.paths())?;
    if origins.is_cut {
        testimony.problem("The change is too large to trace all of its lines to their commits.".to_owned());
    }
    Ok(testimony.attribute(&origins.brought))
}

/// What notes say about the commits of a revision, whether or not their lines are still there.
pub fn testimony(repository: &Repository, refs: &NotesRefs, revision: &Revision) -> Testimony {
    let mut reading = Reading { repository, testimony: Testimony::default(), read: HashSet::new(), left: MAX_NOTES };
    reading.all(refs, revision);
    reading.testimony
}

/// The refs of notes that exist. In a repository with thousands of branches, looking for them takes longer than reading
/// a small change: it is done once for all changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotesRefs {
    /// Local ones before those of remotes, each with the object that it points to.
    found: Vec<(String, Format, ObjectId)>,
    are_more: bool,
    /// Those of no known format, by name.
    plain: Vec<(String, ObjectId)>,
}

impl NotesRefs {
    pub fn of(repository: &Repository) -> NotesRefs {
        let mut names = vec![(GIT_AI.to_owned(), Format::GitAi)];
        let mut remotes = remotes(repository);
        let are_more = remotes.len() > MAX_REMOTES;
        remotes.truncate(MAX_REMOTES);
        names.extend(remotes.into_iter().map(|name| (name, Format::GitAi)));
        names.push((AGENT_TRACE.to_owned(), Format::AgentTrace));
        let stands = |(name, format): (String, Format)| match repository.raw.refname_to_id(&name) {
            Err(error) if error.code() == git2::ErrorCode::NotFound => None,
            // Why it cannot be read is reported where it is opened.
            at => Some((name, format, at.map_or(ObjectId::ZERO, object_id))),
        };
        NotesRefs { found: names.into_iter().filter_map(stands).collect(), are_more, plain: plain(repository) }
    }

    /// Everything on which the reading of notes depends, as text.
    pub fn told(&self) -> String {
        let refs = self.found.iter().map(|(name, _, at)| format!("{at} {name}\n"));
        let plain = self.plain.iter().map(|(name, at)| format!("{at} {name}\n"));
        refs.chain(plain).chain(self.are_more.then(|| "more".to_owned())).collect()
    }
}

/// The refs of notes of no known format. Beyond a limit, those whose names come last are not read: such notes are weak
/// evidence, which nobody relies on.
fn plain(repository: &Repository) -> Vec<(String, ObjectId)> {
    let Ok(refs) = repository.raw.references_glob("refs/notes/*") else { return Vec::new() };
    let is_known = |name: &str| name == GIT_AI || name == AGENT_TRACE || name.starts_with("refs/notes/ai-remote/");
    let at = |reference: git2::Reference<'_>| Some((reference.name().ok()?.to_owned(), object_id(reference.target()?)));
    let mut found: Vec<_> = refs.flatten().filter_map(at).filter(|(name, _)| !is_known(name)).collect();
    found.sort();
    found.truncate(MAX_PLAIN_REFS);
    found
}

fn remotes(repository: &Repository) -> Vec<String> {
    let Ok(mut found) = repository.raw.references_glob(GIT_AI_REMOTES) else { return Vec::new() };
    let names = found.names().filter_map(|name| name.ok().map(str::to_owned));
    let mut names: Vec<String> = names.take(MAX_REMOTES + 1).collect();
    names.sort();
    names
}

struct Reading<'r> {
    repository: &'r Repository,
    testimony: Testimony,
    /// Which notes were read for which commit: a remote's notes are mostly the same as the local ones.
    read: HashSet<(ObjectId, Oid)>,
    /// Bytes that may still be read.
    left: usize,
}

/// A ref of notes.
struct Notes<'r> {
    name: String,
    format: Format,
    root: git2::Tree<'r>,
}

impl<'r> Reading<'r> {
    fn all(&mut self, refs: &NotesRefs, revision: &Revision) {
        self.plain(refs, revision);
        let notes = self.notes(refs);
        let traces = self.traces_at(revision.head);
        if notes.is_empty() && traces.is_none() {
            return;
        }
        if revision.commits.len() > MAX_COMMITS {
            let sentence = format!("Notes are not read for a change of more than {MAX_COMMITS} commits.");
            self.testimony.unread(None, sentence);
            return;
        }
        for notes in &notes {
            for commit in &revision.commits {
                self.note(notes, commit.id);
            }
        }
        if let Some(traces) = traces {
            self.traces(traces, revision);
        }
    }

    /// Notes as texts. What cannot be read is left out: nothing relies on them.
    fn plain(&mut self, refs: &NotesRefs, revision: &Revision) {
        let repository = self.repository;
        let mut left = MAX_PLAIN_NOTES;
        for (name, at) in &refs.plain {
            let root = repository.raw.find_commit(oid(*at)).map_err(GitError::from);
            let Ok(root) = root.and_then(|commit| tree(repository, commit.tree_id())) else { continue };
            for commit in revision.commits.iter().take(MAX_COMMITS) {
                let Ok(Some(id)) = find(repository, &root, commit.id) else { continue };
                let Ok((size, _)) = repository.raw.odb().and_then(|odb| odb.read_header(id)) else { continue };
                let Some(rest) = left.checked_sub(size).filter(|_| size <= MAX_PLAIN) else { continue };
                let Ok(blob) = repository.raw.find_blob(id) else { continue };
                left = rest;
                let short = name.strip_prefix(NOTES).unwrap_or(name).to_owned();
                self.testimony.add_text(commit.id, short, String::from_utf8_lossy(blob.content()).into_owned());
            }
        }
    }

    fn problem(&mut self, sentence: &str) {
        self.testimony.problem(sentence.to_owned());
    }

    fn notes(&mut self, refs: &NotesRefs) -> Vec<Notes<'r>> {
        if refs.are_more {
            self.problem(&format!("Notes of more than {MAX_REMOTES} remotes are not read."));
        }
        refs.found.iter().filter_map(|(name, format, _)| self.open(name.clone(), *format)).collect()
    }

    fn open(&mut self, name: String, format: Format) -> Option<Notes<'r>> {
        let repository = self.repository;
        let reference = match repository.raw.find_reference(&name) {
            Err(error) if error.code() == git2::ErrorCode::NotFound => return None,
            reference => reference,
        };
        let commit = reference.and_then(|reference| reference.peel_to_commit());
        match commit.map_err(GitError::from).and_then(|commit| tree(repository, commit.tree_id())) {
            Ok(root) => Some(Notes { name, format, root }),
            Err(error) => {
                self.problem(&format!("The notes {} are not read. {error}", visible::text(&name)));
                None
            }
        }
    }

    fn note(&mut self, notes: &Notes<'_>, commit: ObjectId) {
        let place = || format!("The note on {} in {}", commit.short(), visible::text(&notes.name));
        let bytes = match find(self.repository, &notes.root, commit) {
            Ok(Some(id)) if self.read.insert((commit, id)) => self.bytes(id),
            Ok(_) => return,
            Err(error) => Err(clause(error)),
        };
        let read = bytes.and_then(|bytes| self.claims(notes.format, commit, &bytes).map_err(|error| error.to_string()));
        match read {
            Ok(None) => {}
            Ok(Some(left_aside)) => self.problem(&format!("{} has {left_aside}.", place())),
            Err(error) => self.testimony.unread(Some(commit), format!("{} is not read: {error}.", place())),
        }
    }

    /// Records the claims of a note. Returns a clause that says what of it is ignored.
    fn claims(&mut self, format: Format, commit: ObjectId, bytes: &[u8]) -> Result<Option<String>, Malformed> {
        let clause = |n: usize, what: &str, why: &str| (n > 0).then(|| format!("{} {why}", counted(n, what)));
        match format {
            Format::GitAi => {
                let claims = git_ai::parse(bytes)?;
                let unknown = clause(claims.left_out, "claim", "for nobody that is known here");
                let guessed =
                    clause(claims.guessed, "claim", "for a person by elimination, since no tool claimed them");
                self.testimony.add(commit, format, claims);
                let told: Vec<String> = [unknown, guessed].into_iter().flatten().collect();
                Ok((!told.is_empty()).then(|| format!("{}; the lines stay unknown", told.join(" and "))))
            }
            Format::AgentTrace => {
                let (fit, astray): (Vec<_>, Vec<_>) =
                    agent_trace::parse(bytes)?.into_iter().partition(|trace| trace.fits(commit));
                fit.into_iter().for_each(|trace| self.testimony.add(commit, format, trace.claims));
                Ok(clause(astray.len(), "record", "of another commit; left aside"))
            }
        }
    }

    fn traces_at(&self, head: ObjectId) -> Option<Oid> {
        let tree = self.repository.raw.find_commit(oid(head)).and_then(|commit| commit.tree()).ok()?;
        let entry = tree.get_path(as_path(&RepoPath::from(TRACES))).ok()?;
        (entry.kind() == Some(ObjectType::Blob) && entry.filemode() != 0o120_000).then(|| entry.id())
    }

    /// The file has the traces of the whole history; only those of this change's commits count.
    fn traces(&mut self, file: Oid, revision: &Revision) {
        let traces = self.bytes(file).and_then(|bytes| agent_trace::parse(&bytes).map_err(|error| error.to_string()));
        let traces = match traces {
            Ok(traces) => traces,
            Err(error) => return self.problem(&format!("The file {TRACES} is not read: {error}.")),
        };
        let own: HashSet<ObjectId> = revision.commits.iter().map(|commit| commit.id).collect();
        let mut early = 0;
        for trace in traces {
            let Some(commit) = trace.commit().filter(|commit| own.contains(commit)) else { continue };
            if trace.has_proper_version {
                self.testimony.add(commit, Format::AgentTrace, trace.claims);
            } else {
                early += 1;
            }
        }
        if early > 0 {
            let records = counted(early, "record");
            self.problem(&format!(
                "The file {TRACES} has {records} of a version that names the commit before its lines; left aside."
            ));
        }
    }

    /// The bytes of a note, unless they are too many. The error is a clause.
    fn bytes(&mut self, id: Oid) -> Result<Vec<u8>, String> {
        let raw = &self.repository.raw;
        let clause = |error: git2::Error| clause(error.into());
        let (size, _) = raw.odb().and_then(|odb| odb.read_header(id)).map_err(clause)?;
        if size > MAX_BYTES {
            return Err(Malformed::TooLarge.to_string());
        }
        self.left = self.left.checked_sub(size).ok_or_else(|| {
            let limit = MAX_NOTES >> 20;
            format!("the notes of the change are more than {limit} MiB")
        })?;
        Ok(raw.find_blob(id).map_err(clause)?.content().to_vec())
    }
}

/// An error as part of a sentence.
fn clause(error: GitError) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}

fn tree(repository: &Repository, id: Oid) -> Result<git2::Tree<'_>, GitError> {
    let (size, _) = repository.raw.odb()?.read_header(id)?;
    if size > MAX_TREE {
        let limit = MAX_TREE >> 20;
        return Err(GitError::Unsupported(format!("A tree of notes of more than {limit} MiB is not read.")));
    }
    Ok(repository.raw.find_tree(id)?)
}

/// The note on a commit in a ref of notes, by its full name; none if there is none.
///
/// # Errors
/// It is larger than `most` bytes, or cannot be read.
pub fn note(repository: &Repository, name: &str, commit: ObjectId, most: usize) -> Result<Option<Vec<u8>>, GitError> {
    let Ok(reference) = repository.raw.find_reference(name) else { return Ok(None) };
    let root = tree(repository, reference.peel_to_commit()?.tree_id())?;
    let Some(id) = find(repository, &root, commit)? else { return Ok(None) };
    let (size, _) = repository.raw.odb()?.read_header(id)?;
    if size > most {
        return Err(GitError::Limit(format!("A note of more than {} MiB is not read.", most >> 20)));
    }
    Ok(Some(repository.raw.find_blob(id)?.content().to_vec()))
}

/// The note on a commit: `<40 digits>`, `ab/<38>` or `ab/cd/<36>`.
fn find(repository: &Repository, root: &git2::Tree<'_>, commit: ObjectId) -> Result<Option<Oid>, GitError> {
    let name = commit.to_string();
    let mut below = None;
    for level in 0..=MAX_FANOUT {
        let folder: &git2::Tree<'_> = below.as_ref().unwrap_or(root);
        let rest = &name[2 * level..];
        if let Some(note) = folder.get_name(rest) {
            return Ok((note.kind() == Some(ObjectType::Blob)).then(|| note.id()));
        }
        let next = folder.get_name(&rest[..2]).filter(|entry| entry.kind() == Some(ObjectType::Tree));
        let Some(next) = next.map(|entry| entry.id()) else { return Ok(None) };
        below = Some(tree(repository, next)?);
    }
    Ok(None)
}
