//! Records of drills, signed with real keys: also such as no desk would sign.

use undersign::change::manifest::Manifest;
use undersign::ledger::{self, families::Family as _};
use undersign::record::chain::{Link as Files, MANIFEST_FILE, file_name};
use undersign::record::drill::{Drill, DrillRecord, DrillStatement, DrillStep, NAMESPACE, OfDrill as _};
use undersign::record::statement::{Decimal, Link, ManifestDigest, RepositoryName, Target};
use undersign::record::{ChainId, Signable as _};
use undersign::source::git;

use crate::support::{DEVICE, Fixture, now};

const MAIN: &str = "refs/heads/main";

/// What a branch does to main, as who signs has it.
pub fn manifest(f: &Fixture, branch: &str) -> Manifest {
    let repository = f.repository();
    let base = f.git("mina", &["merge-base", "main", branch]);
    let tree = |commit: &str| f.id(&format!("{commit}^{{tree}}")).parse().unwrap();
    git::manifest(&repository, &git::diff(&repository, tree(&base), tree(branch)).unwrap()).unwrap()
}

/// The next record of somebody's chain of drills, about a branch; `set` changes what is signed.
pub fn signed(f: &Fixture, key: &str, branch: &str, set: impl FnOnce(&mut Drill)) -> (ChainId, Files) {
    let (who, key) = (key.trim_end_matches('2'), f.key(key));
    let id = ChainId { key: key.public.id().to_string(), device: DEVICE.to_owned() };
    let (seq, prev) = DrillRecord::chain(&f.repository(), &id).next();
    let manifest = manifest(f, branch);
    let at = now() as u64;
    let roles = if who == "mina" { vec!["junior".to_owned()] } else { vec!["senior".to_owned()] };
    let mut own = Drill {
        step: DrillStep::Begin,
        drill: String::new(),
        principal: who.to_owned(),
        roles,
        repository: RepositoryName { id: "fixture-1".into(), uri: String::new() },
        target: Target { name: MAIN.into(), tip: f.id("main") },
        commit: f.id(branch),
        manifest: ManifestDigest { sha256: manifest.digest().to_string(), paths: Decimal(manifest.len() as u64) },
        authors: vec!["mina <mina@example.com>".into()],
        issued_at: Decimal(at),
        not_after: Decimal(at + 3600),
        chain: Link { key: id.key.clone(), id: id.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() },
        nonce: format!("{seq:032x}"),
        tool: "a test".into(),
        reason: "The drill of May".into(),
    };
    set(&mut own);
    let envelope = key.sign_for(NAMESPACE, DrillStatement::new(own).encode(), None).unwrap().encode();
    let files = [(MANIFEST_FILE.to_owned(), manifest.encode())].into();
    (id, Files { name: file_name(seq), envelope, files })
}

/// Signs and appends; returns the id of the record.
pub fn append(f: &Fixture, key: &str, branch: &str, set: impl FnOnce(&mut Drill)) -> String {
    let (id, link) = signed(f, key, branch, set);
    ledger::append_to::<DrillRecord>(&f.repository(), &id, link, now()).unwrap().id().to_string()
}
