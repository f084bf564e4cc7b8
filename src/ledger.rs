//! FLOOR 2: the ledger, all chains of a repository, in its git refs. A record is written once, atomically, after it was
//! verified, and read back and verified again.

use git2::{ErrorCode, ObjectType, Signature, Time};

use crate::record::chain::Link;
use crate::record::{Chain, ChainId, Fault, Record};
use crate::source::git::{GitError, Repository};

/// Where chains live: `<prefix><key id>/<chain id>`.
pub const PREFIX: &str = "refs/undersign/decisions/";
/// Bytes of one file of a link.
const MAX_FILE: usize = 64 << 20;
/// Links of one chain that are read; a longer one is damage or abuse.
const MAX_LINKS: usize = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("The record was not accepted: {0}. Nothing was written.")]
    Refused(Fault),
    #[error("Another program added a record to this chain meanwhile. Nothing was written; sign again.")]
    LostPlace,
    #[error("What was written could not be read back as it was: {0}. Run `git fsck` before you trust this repository.")]
    NotReadBack(String),
    #[error("The ledger cannot be written: {0}. The decision was not recorded; the draft is kept.")]
    Unwritable(String),
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Reads all chains. Refs under the prefix that are no chain names are chains with a fault.
pub fn read(repository: &Repository) -> Result<Vec<Chain>, GitError> {
    let mut chains = Vec::new();
    for reference in repository.raw.references_glob(&format!("{PREFIX}*"))? {
        let reference = reference?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        let (key, device) = name[PREFIX.len()..].split_once('/').unwrap_or((&name[PREFIX.len()..], ""));
        let id = ChainId { key: key.to_owned(), device: device.to_owned() };
        let links = reference.target().map_or_else(|| vec![None], |tip| links(repository, tip));
        chains.push(Chain::read(id, links));
    }
    chains.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(chains)
}

/// Reads one chain; an absent one is empty.
pub fn read_chain(repository: &Repository, id: &ChainId) -> Chain {
    let tip = repository.raw.refname_to_id(&format!("{PREFIX}{id}")).ok();
    Chain::read(id.clone(), tip.map(|tip| links(repository, tip)).unwrap_or_default())
}

/// The links from the first to `tip`. What cannot be read is `None`: a fault, never a gap.
fn links(repository: &Repository, tip: git2::Oid) -> Vec<Option<Link>> {
    let (mut links, mut at) = (Vec::new(), Some(tip));
    while let Some(id) = at {
        if links.len() == MAX_LINKS {
            links.push(None);
            break;
        }
        let commit = repository.raw.find_commit(id).ok().filter(|commit| commit.parent_count() <= 1);
        // Sequence numbers count from the far end, which is not known yet: the file name is checked below.
        links.push(commit.as_ref().and_then(|commit| link(repository, commit)));
        at = commit.and_then(|commit| commit.parent_ids().next());
    }
    links.reverse();
    let named =
        links.into_iter().enumerate().map(|(index, link)| link.filter(|(name, _)| *name == file_name(index + 1)));
    named.map(|link| link.map(|(_, link)| link)).collect()
}

fn file_name(seq: usize) -> String {
    format!("{seq:06}.dsse.json")
}

/// The files of one commit, with the name of the envelope.
fn link(repository: &Repository, commit: &git2::Commit<'_>) -> Option<(String, Link)> {
    let tree = commit.tree().ok()?;
    if tree.len() != 3 {
        return None;
    }
    let (mut name, mut link) = (None, Link::default());
    for entry in &tree {
        if entry.kind() != Some(ObjectType::Blob) {
            return None;
        }
        let blob = repository.raw.find_blob(entry.id()).ok().filter(|blob| blob.size() <= MAX_FILE)?;
        match entry.name().ok()? {
            "manifest" => link.manifest = blob.content().to_vec(),
            "findings.json" => link.findings = blob.content().to_vec(),
            other => {
                name = Some(other.to_owned());
                link.envelope = blob.content().to_vec();
            }
        }
    }
    Some((name?, link))
}

/// Adds a record to its chain: verified first, added only where the chain stands where the record says, read back after.
pub fn append(repository: &Repository, id: &ChainId, link: Link, now: i64) -> Result<Record, LedgerError> {
    let before = read_chain(repository, id);
    if let Some((_, fault)) = before.fault {
        return Err(LedgerError::Refused(fault));
    }
    let record = match before.check(link.clone()) {
        Ok(record) => record,
        Err(Fault::ChainSeq | Fault::ChainPrev) => return Err(LedgerError::LostPlace),
        Err(fault) => return Err(LedgerError::Refused(fault)),
    };
    write(repository, id, before.records.len() + 1, &link, now)?;
    let after = read_chain(repository, id);
    let same = after.fault.is_none() && after.records.get(before.records.len()) == Some(&record);
    same.then_some(record).ok_or_else(|| LedgerError::NotReadBack(format!("{PREFIX}{id}")))
}

fn write(repository: &Repository, id: &ChainId, seq: usize, link: &Link, now: i64) -> Result<(), LedgerError> {
    let raw = &repository.raw;
    let unwritable = |error: git2::Error| LedgerError::Unwritable(error.message().to_owned());
    let name = format!("{PREFIX}{id}");
    let tip = raw.refname_to_id(&name).ok();
    let mut tree = raw.treebuilder(None).map_err(unwritable)?;
    for (file, bytes) in
        [(file_name(seq).as_str(), &link.envelope), ("manifest", &link.manifest), ("findings.json", &link.findings)]
    {
        let blob = raw.blob(bytes).map_err(unwritable)?;
        tree.insert(file, blob, 0o100_644).map_err(unwritable)?;
    }
    let tree = raw.find_tree(tree.write().map_err(unwritable)?).map_err(unwritable)?;
    // The commit only carries the record: its author says nothing, the authority is the signature inside.
    let signature = Signature::new("undersign", "undersign@localhost", &Time::new(now, 0)).map_err(unwritable)?;
    let parent = tip.map(|tip| raw.find_commit(tip)).transpose().map_err(unwritable)?;
    let parents: Vec<_> = parent.iter().collect();
    let commit =
        raw.commit(None, &signature, &signature, &format!("decision {seq}\n"), &tree, &parents).map_err(unwritable)?;
    let moved = |error: git2::Error| match error.code() {
        ErrorCode::Exists | ErrorCode::Modified | ErrorCode::Locked => LedgerError::LostPlace,
        _ => LedgerError::Unwritable(error.message().to_owned()),
    };
    match tip {
        Some(tip) => raw.reference_matching(&name, commit, true, tip, "undersign: decision").map_err(moved)?,
        None => raw.reference(&name, commit, false, "undersign: decision").map_err(moved)?,
    };
    Ok(())
}
