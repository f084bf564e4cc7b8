//! Statements about drills of emergencies: `DRILLS.md`, in this folder, is normative. They have the envelopes and
//! chains of decisions, and a predicate type, a namespace and refs of their own, so that none counts as a decision, and
//! least of all as an emergency. No gate lets anything land because of one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::{Link as ChainFiles, MANIFEST_FILE};
use super::outcome::CommitDigest;
use super::statement::{Decimal, Link, MAX_LINE, ManifestDigest, RepositoryName, SeenHead, Target, is_hex, is_name};
use super::typed::{Predicate, Statement, Subject};
use super::{Chain, Entry, Fault, RecordId, Verified};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::ref_name;

/// The `predicateType` until the format is stable.
pub const TYPE: &str = "urn:undersign:drill:v0";
/// The namespace of these signatures.
pub const NAMESPACE: &str = "drill@undersign";
/// The largest payload, in bytes.
const MAX_PAYLOAD: usize = 64 << 10;
/// The longest words, in bytes.
pub const MAX_WORDS: usize = 4 << 10;
/// The most authors that one record names.
const MAX_AUTHORS: usize = 1_000;
/// The longest time that a drill may last, in seconds.
pub const MAX_LENGTH: i64 = 30 * 24 * 3600;
/// The most records of one chain that a gate takes and reads.
pub const MAX_RECORDS: usize = 200;
/// The most chains of one key that a gate takes.
pub const MAX_CHAINS: usize = 64;
/// The largest manifest of a change that is drilled, in bytes, that a gate takes: refused pushes read it.
pub const MAX_MANIFEST: usize = 256 << 10;

/// What somebody does in a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillStep {
    /// Begins one: signs what an emergency would need a signature for.
    Begin,
    /// Signs as another person whom an emergency would need.
    Join,
    /// Reviews afterwards, as would be owed for an emergency.
    Review,
}

impl DrillStep {
    /// The spelling in records and outputs.
    pub fn name(self) -> &'static str {
        match self {
            DrillStep::Begin => "begin",
            DrillStep::Join => "join",
            DrillStep::Review => "review",
        }
    }

    /// Whether this step names the drill that it is of, as it must: a beginning names none.
    fn is_of(self, drill: &str) -> bool {
        match self {
            DrillStep::Begin => drill.is_empty(),
            DrillStep::Join | DrillStep::Review => is_hex(drill, 64),
        }
    }
}

/// What a statement about a drill says, whatever is practised.
#[derive(Debug, Clone, Copy)]
pub struct Step<'s> {
    /// What the signer does.
    pub step: DrillStep,
    /// The id of the record that began the drill; empty in that record itself.
    pub drill: &'s str,
    /// Id of the signer. A claim until the roster gives the key to this person.
    pub principal: &'s str,
    /// According to the signer's policy.
    pub roles: &'s [String],
    /// The repository in which it is held.
    pub repository: &'s RepositoryName,
    /// When it was signed, by the signer's clock; in one chain never below that of the record before.
    pub issued_at: Decimal,
    /// When the drill ends at the latest: within [`MAX_LENGTH`] of `issued_at`.
    pub not_after: Decimal,
    /// The position in the signer's own chain of such drills.
    pub chain: &'s Link,
    /// 32 random hex digits.
    pub nonce: &'s str,
    /// The program that signed, for people.
    pub tool: &'s str,
    /// The signer's words, as a reason would be given in an emergency; not blank, at most [`MAX_WORDS`] bytes.
    pub reason: &'s str,
}

impl Step<'_> {
    /// Checks that the types cannot express.
    pub(crate) fn is_sound(&self) -> bool {
        self.step.is_of(self.drill)
            && is_name(self.principal, 32)
            && self.roles.iter().all(|role| is_name(role, 32))
            && is_name(&self.repository.id, 64)
            && self.repository.uri.len() <= MAX_LINE
            && self.times_are_sound()
            && self.chain.is_sound()
            && self.chain.forks.is_empty()
            && is_hex(self.nonce, 32)
            && self.tool.len() <= MAX_LINE
            && self.reason.len() <= MAX_WORDS
            && !self.reason.trim().is_empty()
    }

    fn times_are_sound(&self) -> bool {
        let (Ok(issued), Ok(until)) = (i64::try_from(self.issued_at.0), i64::try_from(self.not_after.0)) else {
            return false;
        };
        issued <= until && until - issued <= MAX_LENGTH
    }
}

/// What is practised: a change that an emergency would land, or a command that it would run.
pub trait Practised: Predicate {
    /// What does not depend on it.
    fn step(&self) -> Step<'_>;

    /// Whether a statement is about what this one is about, so that both may be of one drill.
    fn is_about_same(&self, other: &Self) -> bool;
}

/// A record of a drill.
pub trait OfDrill: Entry<Statement = Statement<Self::Drill>> {
    /// What was signed.
    type Drill: Practised;

    /// What was signed.
    fn drill(&self) -> &Self::Drill {
        &self.verified().statement().predicate
    }

    /// What of it does not depend on what is practised.
    fn step(&self) -> Step<'_> {
        self.drill().step()
    }

    /// SHA-256 of the signed payload.
    fn id(&self) -> RecordId {
        self.verified().id()
    }

    /// Seconds since the epoch.
    fn issued(&self) -> i64 {
        self.step().issued_at.seconds()
    }

    /// The id of the record that began the drill of which this is a part.
    fn began_by(&self) -> String {
        match self.step().step {
            DrillStep::Begin => self.id().to_string(),
            DrillStep::Join | DrillStep::Review => self.step().drill.to_owned(),
        }
    }
}

impl<P: Practised, R: Entry<Statement = Statement<P>>> OfDrill for R {
    type Drill = P;
}

/// The position of the first record of a chain that is dated before the one below it, counted from 1.
pub fn out_of_order<R: OfDrill>(chain: &Chain<R>) -> Option<usize> {
    let goes_back = |pair: &[Arc<R>]| pair[1].issued() < pair[0].issued();
    chain.records.windows(2).position(goes_back).map(|at| at + 2)
}

/// A statement about a drill of a change.
pub type DrillStatement = Statement<Drill>;

/// The content, member by member as in `DRILLS.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Drill {
    /// What the signer does.
    pub step: DrillStep,
    /// The id of the record that began the drill; empty in that record itself.
    pub drill: String,
    /// Id of the signer. A claim until the roster gives the key to this person.
    pub principal: String,
    /// According to the signer's policy, as in a decision.
    pub roles: Vec<String>,
    /// The repository in which it is held.
    pub repository: RepositoryName,
    /// The ref on which an emergency would land the change, and where that stood.
    pub target: Target,
    /// The head of the change: 40 hex digits.
    pub commit: String,
    /// What the change does to each path, against a merge base with the tip; never nothing.
    pub manifest: ManifestDigest,
    /// `name <address>` of its authors, as in a decision: in an emergency, their signatures would not count.
    pub authors: Vec<String>,
    /// When it was signed, by the signer's clock; in one chain never below that of the record before.
    pub issued_at: Decimal,
    /// When the drill ends at the latest: within [`MAX_LENGTH`] of `issued_at`.
    pub not_after: Decimal,
    /// The position in the signer's own chain of drills.
    pub chain: Link,
    /// 32 random hex digits.
    pub nonce: String,
    /// The program that signed, for people.
    pub tool: String,
    /// The signer's words, as a reason would be given in an emergency; not blank, at most [`MAX_WORDS`] bytes.
    pub reason: String,
}

impl Predicate for Drill {
    type Digest = CommitDigest;
    const TYPE: &'static str = TYPE;
    const NAMESPACE: &'static str = NAMESPACE;
    const MAX_PAYLOAD: usize = MAX_PAYLOAD;

    fn is_sound(&self) -> bool {
        self.step().is_sound()
            && self.authors.len() <= MAX_AUTHORS
            && self.authors.iter().all(|author| author.len() <= MAX_LINE)
            && self.target.name.len() <= MAX_LINE
            && ref_name::is_full_name(&self.target.name)
            && is_hex(&self.target.tip, 40)
            && is_hex(&self.commit, 40)
            && is_hex(&self.manifest.sha256, 64)
            && self.manifest.paths.0 > 0
    }

    fn subject(&self) -> Subject<CommitDigest> {
        Subject { name: self.repository.id.clone(), digest: CommitDigest { git_commit: self.commit.clone() } }
    }

    fn place(&self) -> &Link {
        &self.chain
    }

    /// Nothing depends on it, so nobody vouches for other chains.
    fn seen(&self) -> &[SeenHead] {
        &[]
    }
}

impl Practised for Drill {
    fn step(&self) -> Step<'_> {
        Step {
            step: self.step,
            drill: &self.drill,
            principal: &self.principal,
            roles: &self.roles,
            repository: &self.repository,
            issued_at: self.issued_at,
            not_after: self.not_after,
            chain: &self.chain,
            nonce: &self.nonce,
            tool: &self.tool,
            reason: &self.reason,
        }
    }

    fn is_about_same(&self, other: &Drill) -> bool {
        self.target.name == other.target.name && self.manifest.sha256 == other.manifest.sha256
    }
}

/// A verified record at its position, with what the change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillRecord {
    /// What the signature says.
    pub verified: Verified<DrillStatement>,
    /// Sorted by path; its digest is the signed one.
    pub manifest: Manifest,
    /// As it was read: the envelope, and the manifest.
    pub link: ChainFiles,
    /// The counter of the security key did not increase: the record is intact, and counts for nothing.
    pub clone: bool,
}

/// The records of one key about drills.
pub type DrillChain = Chain<DrillRecord>;

impl Entry for DrillRecord {
    type Statement = DrillStatement;

    fn new(verified: Verified<DrillStatement>, link: ChainFiles, clone: bool) -> Result<DrillRecord, Fault> {
        let signed = &verified.statement().predicate.manifest;
        let (bytes, is_alone) = (link.file(MANIFEST_FILE), link.files.len() == 1);
        if !is_alone || Digest::of(bytes).to_string() != signed.sha256 {
            return Err(Fault::Attachment);
        }
        let manifest = Manifest::decode(bytes).filter(|manifest| manifest.len() as u64 == signed.paths.0);
        let manifest = manifest.ok_or(Fault::ManifestMalformed)?;
        Ok(DrillRecord { verified, manifest, link, clone })
    }

    fn verified(&self) -> &Verified<DrillStatement> {
        &self.verified
    }

    fn is_clone(&self) -> bool {
        self.clone
    }
}

#[cfg(test)]
mod tests {
    use super::super::Signable;
    use super::*;
    use crate::record::evidence::EvidenceStatement;
    use crate::record::outcome::OutcomeStatement;

    fn drill() -> Drill {
        let digits = |n: usize| "0123456789abcdef".repeat(4)[..n].to_owned();
        Drill {
            step: DrillStep::Begin,
            drill: String::new(),
            principal: "dana".into(),
            roles: vec!["senior".into()],
            repository: RepositoryName { id: "shop-1".into(), uri: String::new() },
            target: Target { name: "refs/heads/main".into(), tip: digits(40) },
            commit: digits(40),
            manifest: ManifestDigest { sha256: digits(64), paths: Decimal(1) },
            authors: vec!["Mina <mina@example.com>".into()],
            issued_at: Decimal(9),
            not_after: Decimal(99),
            chain: Link { key: digits(64), id: digits(16), seq: Decimal(1), prev: String::new(), forks: Vec::new() },
            nonce: digits(32),
            tool: "undersign".into(),
            reason: "The drill of May".into(),
        }
    }

    fn read(drill: Drill) -> Result<DrillStatement, Fault> {
        DrillStatement::decode(&DrillStatement::new(drill).encode())
    }

    #[test]
    fn a_sound_statement_is_read_as_it_was_written() {
        let of = |step| Drill { step, drill: "0".repeat(64), ..drill() };
        for sound in [drill(), of(DrillStep::Join), of(DrillStep::Review)] {
            let statement = DrillStatement::new(sound);
            assert_eq!(DrillStatement::decode(&statement.encode()), Ok(statement));
        }
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        type Spoil = fn(&mut Drill);
        let spoilt: [(&str, Spoil); 19] = [
            ("a name that looks like another", |own| own.principal = "dаna".into()),
            ("a role that looks like another", |own| own.roles = vec!["sеnior".into()]),
            ("a repository without a name", |own| own.repository.id.clear()),
            ("a short ref", |own| own.target.name = "main".into()),
            ("no tip", |own| own.target.tip.clear()),
            ("a short commit", |own| own.commit.truncate(39)),
            ("a digest in capitals", |own| own.manifest.sha256.make_ascii_uppercase()),
            ("a change of nothing, which every other one is as well", |own| own.manifest.paths = Decimal(0)),
            ("a beginning of another drill", |own| own.drill = "0".repeat(64)),
            ("a review of nothing", |own| own.step = DrillStep::Review),
            ("somebody who joins nothing", |own| own.step = DrillStep::Join),
            ("an end before its beginning", |own| own.not_after = Decimal(8)),
            ("no end for a year", |own| own.not_after = Decimal(365 * 24 * 3600)),
            ("a time that no clock shows", |own| own.issued_at = Decimal(u64::MAX)),
            ("a first record with one before", |own| own.chain.prev = "0".repeat(64)),
            ("a repair", |own| own.chain.forks = vec!["0".repeat(64)]),
            ("a short nonce", |own| own.nonce.clear()),
            ("no reason", |own| own.reason = "\u{3000} \n".into()),
            ("a long reason", |own| own.reason = "x".repeat(MAX_WORDS + 1)),
        ];
        for (what, spoil) in spoilt {
            let mut own = drill();
            spoil(&mut own);
            assert_eq!(read(own), Err(Fault::StatementMalformed), "{what}");
        }
    }

    #[test]
    fn no_reader_of_another_kind_takes_a_drill_for_its_own() {
        let payload = DrillStatement::new(drill()).encode();
        assert_eq!(crate::record::Statement::decode(&payload), Err(Fault::PredicateType));
        assert_eq!(OutcomeStatement::decode(&payload), Err(Fault::PredicateType));
        assert_eq!(EvidenceStatement::decode(&payload), Err(Fault::PredicateType));
        // Not even under the name of a decision: it has other members.
        let text = String::from_utf8(payload).unwrap();
        let renamed = text.replace(TYPE, crate::record::statement::PREDICATE_TYPE);
        assert_eq!(crate::record::Statement::decode(renamed.as_bytes()), Err(Fault::StatementMalformed));
        assert_eq!(DrillStatement::decode(renamed.as_bytes()), Err(Fault::PredicateType));
        let more = text.replacen("\"tool\"", "\"verdict\": \"break-glass\",\n    \"tool\"", 1);
        assert_eq!(DrillStatement::decode(more.as_bytes()), Err(Fault::StatementMalformed));
        let mut astray = DrillStatement::new(drill());
        astray.subject[0].name = "other-1".into();
        assert_eq!(DrillStatement::decode(&astray.encode()), Err(Fault::Subject));
    }
}
