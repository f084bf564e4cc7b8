//! What the commands share that sign evidence: a key that the policy names for it, a place in a chain, and a remote
//! that may have more of that chain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::change::ObjectId;
use crate::change::digest::Digest;
use crate::clock::now;
use crate::ledger::AsOf;
use crate::ledger::evidence::{self, Scope};
use crate::ledger::families::{Family as _, chain_of, names};
use crate::policy::{EvidenceSource, Policy};
use crate::random::random;
use crate::record::evidence::{
    Evidence, EvidenceChain, EvidenceKind, EvidenceRecord, EvidenceResult, EvidenceStatement, MAX_CHAINS, MAX_RECORDS,
};
use crate::record::statement::{Decimal, Link, ManifestDigest, RepositoryName, Target};
use crate::record::{ChainId, RecordId};
use crate::signer::SigningKey;
use crate::signing::{self, Prepared, SigningError, TOOL};
use crate::source::git::{self, GitError, PolicyState, Repository, TargetBranch};
use crate::sync::families::{Sent, bring, give_up, send};
use crate::sync::{Prompts, Remote};

/// How often a lost race is run again.
const ATTEMPTS: usize = 20;
/// How often a remote may decline before that is its answer.
const DECLINED: usize = 3;

/// A key of a machine, the policy that names it, and where what it signs is to land.
pub struct Pen {
    pub repository: Repository,
    pub policy: Box<Policy>,
    pub target: TargetBranch,
    key: SigningKey,
    kind: EvidenceKind,
    remote: Option<String>,
}

impl Pen {
    /// `remote`: where it is sent, by default to the project; `stays`: it stays here.
    pub fn new(
        here: &Path,
        key: &Path,
        kind: EvidenceKind,
        target: Option<&str>,
        remote: Option<&str>,
        stays: bool,
    ) -> Result<Pen, String> {
        let told = |error: GitError| error.to_string();
        let repository = Repository::open(here).map_err(told)?;
        let policy_branch = repository.target().map_err(told)?;
        let policy = match repository.policy_at(policy_branch.tip).map_err(told)? {
            PolicyState::Found(policy) => policy,
            _ => {
                return Err(format!(
                    "There is no valid policy on {}, so nothing is evidence here.",
                    policy_branch.name
                ));
            }
        };
        let target = match target {
            Some(name) => {
                let full = if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") };
                repository.target_named(&full).map_err(told)?
            }
            None => policy_branch,
        };
        let key = SigningKey::find(&key.display().to_string(), None, None).map_err(|error| error.to_string())?;
        if key.needs_passphrase() || key.needs_terminal() {
            return Err("Nobody is asked here: the key must be a file in OpenSSH's format without a passphrase.".into());
        }
        let remote = if stays { None } else { Some(Remote::find(&repository, remote, Prompts::Never)?.name) };
        Ok(Pen { repository, policy, target, key, kind, remote })
    }

    /// The source of the policy for which the key signs.
    pub fn source(&self, speaks: impl Fn(&EvidenceSource) -> bool, of: &str) -> Result<&EvidenceSource, String> {
        let print = self.key.fingerprint();
        if let Some(person) = self.policy.roster.owner_of_point(&self.key.public) {
            return Err(format!("The key {print} is that of {}: what a person signs is not evidence.", person.id));
        }
        let id = self.key.public.id().to_string();
        let mut own = self.policy.evidence_by(&id).filter(|(source, _)| source.kind == self.kind && speaks(source));
        let Some((source, enrolment)) = own.next() else {
            return Err(format!(
                "The policy names the key {print} for no {of}: what it signs would not count. Nothing was signed."
            ));
        };
        match enrolment.unfit(now(), None, now()) {
            None => Ok(source),
            Some(_) => {
                Err(format!("The key {print} does not sign now ({}). Nothing was signed.", enrolment.told(now())))
            }
        }
    }

    /// What is known of a commit: its tree, and what it does to the target.
    pub fn about(&self, commit: ObjectId) -> Result<Evidence, String> {
        let told = |error: GitError| error.to_string();
        let tree = self.repository.tree_of(commit).map_err(told)?;
        let blank = self.blank(commit, &tree.to_string())?;
        let Some(manifest) = self.manifest_of(commit).map_err(told)? else { return Ok(blank) };
        let target = Target { tip: self.target.tip.to_string(), ..blank.target };
        Ok(Evidence { target, manifest, ..blank })
    }

    /// The same without what it does.
    pub fn blank(&self, commit: ObjectId, tree: &str) -> Result<Evidence, String> {
        Ok(Evidence {
            kind: self.kind,
            name: String::new(),
            result: EvidenceResult::Fail,
            server: String::new(),
            repository: RepositoryName { id: self.policy.repository.clone(), uri: self.repository.uri() },
            target: Target { name: self.target.name.clone(), tip: String::new() },
            commit: commit.to_string(),
            tree: tree.to_owned(),
            manifest: ManifestDigest { sha256: String::new(), paths: Decimal(0) },
            link: String::new(),
            issued_at: signing::seconds(now()),
            chain: Link { key: String::new(), id: String::new(), seq: Decimal(0), prev: String::new(), forks: vec![] },
            nonce: base16ct::lower::encode_string(&random::<16>()?),
            tool: TOOL.to_owned(),
        })
    }

    /// Where it is sent; none if it stays here.
    pub fn remote(&self) -> Option<&str> {
        self.remote.as_deref()
    }

    /// What the key signed so far, in its order, also on other machines.
    pub fn earlier(&self) -> Result<Vec<EvidenceRecord>, String> {
        let key = self.key.public.id().to_string();
        if let Some(remote) = &self.remote {
            bring::<EvidenceRecord>(&self.repository, remote, Prompts::Never, &key)?;
        }
        let scope = Scope::of(AsOf::now(false, now()));
        let chains = evidence::read(&self.repository, &BTreeSet::from([key]), &scope);
        let chains = chains.map_err(|error| error.to_string())?;
        let mut all: Vec<EvidenceRecord> =
            chains.iter().flat_map(|chain| &chain.records).map(|record| EvidenceRecord::clone(record)).collect();
        all.sort_by_key(EvidenceRecord::issued);
        Ok(all)
    }

    /// Against a merge base with the target; none where the history here does not reach so far, as in a shallow clone.
    fn manifest_of(&self, commit: ObjectId) -> Result<Option<ManifestDigest>, GitError> {
        let bases = self.repository.bases(self.target.tip, commit);
        let Some(base) = bases.ok().and_then(|bases| bases.first().copied()) else { return Ok(None) };
        let (old, new) = (self.repository.tree_of(base)?, self.repository.tree_of(commit)?);
        let manifest = git::manifest(&self.repository, &git::diff(&self.repository, old, new)?)?;
        Ok(Some(ManifestDigest { sha256: manifest.digest().to_string(), paths: signing::count(manifest.len()) }))
    }

    /// Signs what was found, each as the next record of a chain, and sends that. `lane`: what has a chain of its own,
    /// so that what runs at the same time rarely meets. A chain that is full is followed by another one of the lane.
    pub fn sign(&self, lane: &str, findings: &[Evidence]) -> Result<Vec<RecordId>, String> {
        let mut signed = Vec::new();
        while signed.len() < findings.len() {
            signed.extend(self.sign_some(lane, &findings[signed.len()..])?);
        }
        Ok(signed)
    }

    /// As many as fit into one chain, at least one. Who loses a race signs again on top of what won it.
    fn sign_some(&self, lane: &str, findings: &[Evidence]) -> Result<Vec<RecordId>, String> {
        let Some(remote) = &self.remote else {
            let id = self.own_chain()?;
            return findings.iter().take(self.room(&id)).map(|finding| self.append(&id, finding)).collect();
        };
        let mut declined = 0;
        for _ in 0..ATTEMPTS {
            bring::<EvidenceRecord>(&self.repository, remote, Prompts::Never, &self.key.public.id().to_string())?;
            let id = self.lane(lane)?;
            let before = self.repository.tip(&format!("{}{id}", EvidenceRecord::PREFIX));
            let fitting = findings.iter().take(self.room(&id));
            let signed: Result<Vec<RecordId>, String> = fitting.map(|finding| self.append(&id, finding)).collect();
            let signed = signed?;
            match send::<EvidenceRecord>(&self.repository, remote, &id, Prompts::Never) {
                Sent::Taken => return Ok(signed),
                // A gate may have seen another machine's push first, and says no more than that it declines.
                Sent::Declined(why) => {
                    give_up::<EvidenceRecord>(&self.repository, &id, before)?;
                    if declined >= DECLINED {
                        return Err(format!("{remote} does not take it: {why}. Nothing was kept."));
                    }
                    declined += 1;
                }
                // Another machine was faster.
                Sent::Overtaken(_) => give_up::<EvidenceRecord>(&self.repository, &id, before)?,
                Sent::Away(why) => {
                    let why = why.trim_end_matches('.');
                    return Err(format!("It is signed, and was not sent to {remote}: {why}. Run it again."));
                }
            }
        }
        Err(format!("{remote} got other evidence each of {ATTEMPTS} times. Nothing was kept; run it again."))
    }

    fn append(&self, id: &ChainId, finding: &Evidence) -> Result<RecordId, String> {
        let chain = EvidenceRecord::chain(&self.repository, id);
        let (seq, prev) = chain.next();
        let last = chain.records.last().map_or(0, |record| record.issued());
        let link = Link { key: id.key.clone(), id: id.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() };
        // Clocks of machines differ by seconds; what follows is never dated before.
        let issued_at = signing::seconds(now().max(last));
        let statement = EvidenceStatement::new(Evidence { chain: link, issued_at, ..finding.clone() });
        let told = |error: SigningError| match error {
            SigningError::Moved(why) | SigningError::LostPlace(why) | SigningError::Refused(why) => why,
            SigningError::PassphraseNeeded => "The key needs a passphrase.".to_owned(),
        };
        let prepared = Prepared::fix((), &statement, BTreeMap::new(), str::to_owned).map_err(told)?;
        let record = prepared.append::<EvidenceRecord>(&self.repository, &self.key, None, now()).map_err(told)?;
        Ok(record.id())
    }

    /// The chain of a lane that has room: the same on every machine.
    fn lane(&self, lane: &str) -> Result<ChainId, String> {
        let key = self.key.public.id().to_string();
        for n in 0..MAX_CHAINS {
            let digest = Digest::of(format!("undersign-evidence\n{lane}\n{n}\n").as_bytes()).to_string();
            let id = ChainId { key: key.clone(), device: digest[..16].to_owned() };
            if self.has_room(&EvidenceRecord::chain(&self.repository, &id))? {
                return Ok(id);
            }
        }
        Err("The key has as many chains of evidence as it may have: rotate it.".to_owned())
    }

    /// A chain that only this clone writes.
    fn own_chain(&self) -> Result<ChainId, String> {
        let key = self.key.public.id().to_string();
        for (id, name) in names(&self.repository, EvidenceRecord::PREFIX).map_err(|error| error.to_string())? {
            if id.key == key && self.has_room(&chain_of(&self.repository, &name, &id))? {
                return Ok(id);
            }
        }
        Ok(ChainId { key, device: base16ct::lower::encode_string(&random::<8>()?) })
    }

    /// How many more records a chain may have, at least one.
    fn room(&self, id: &ChainId) -> usize {
        MAX_RECORDS.saturating_sub(EvidenceRecord::chain(&self.repository, id).len()).max(1)
    }

    fn has_room(&self, chain: &EvidenceChain) -> Result<bool, String> {
        match chain.fault {
            None => Ok(chain.len() < MAX_RECORDS),
            Some((position, fault)) => Err(format!(
                "Record {position} of the chain of evidence {} does not hold: {fault}. Nothing was signed.",
                chain.id
            )),
        }
    }
}
