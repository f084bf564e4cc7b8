//! A statement about an allowed push for those who do not know undersign: a SLSA Verification Summary Attestation,
//! signed with the gate's own key. `SUMMARY.md`, below, says what is in it and how to verify it without undersign.
//!
//! Formats: in-toto Statement v1; <https://slsa.dev/verification_summary/v1>; SLSA 1.2, source track, "Source
//! verification summary attestation"; DSSE v1; RFC 8410 (ed25519 in PKCS#8 and SubjectPublicKeyInfo).
//!
#![doc = include_str!("SUMMARY.md")]

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use base64ct::{Base64Unpadded, Encoding as _};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::change::ObjectId;
use crate::change::digest::Digest;
use crate::record::envelope::{Envelope, MAX_ENVELOPE, pae};
use crate::record::wire::put;
use crate::record::{Fault, Key, RecordId, json, sshsig};

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";
const PASSED: &str = "PASSED";
/// The first version with a source track, which defines the subject of such a summary.
const SLSA_VERSION: &str = "1.2";

/// The basis on which one update of a ref was allowed. The same type is signed and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// URI of the gate. A verifier accepts only known pairs of key and URI.
    pub verifier: String,
    /// Seconds since the epoch by the gate's clock.
    pub now: i64,
    /// URI of the repository, best as an SPDX download location: `git+https://git.example/infra`.
    pub repository: String,
    /// Full name of the ref that was updated.
    pub reference: String,
    /// What the ref points to now.
    pub commit: ObjectId,
    /// The tree of `commit`.
    pub tree: ObjectId,
    /// The policy that was applied, as it was before the push.
    pub policy: Input,
    /// Every record that was counted, or none at all: SLSA does not allow a partial list.
    pub records: Vec<Input>,
    /// See [`Facts::levels`].
    pub levels: Vec<Level>,
}

/// An input of the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where to get it. For a record, the ref of its chain: `git+https://git.example/infra@refs/undersign/decisions/…`.
    pub uri: String,
    /// SHA-256: of the file of a policy; of the payload of a record, which is its [`RecordId`].
    pub digest: RecordId,
}

/// Claims about the landed commit. According to SLSA, organisations prefix theirs with `ORG_SOURCE_`; `SLSA_` is
/// reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// The people that the policy requires signed what landed.
    #[serde(rename = "ORG_SOURCE_SENIOR_SIGNED")]
    SeniorSigned,
    /// Two people or more signed it.
    #[serde(rename = "ORG_SOURCE_TWO_PERSON")]
    TwoPerson,
    /// Each of their signatures proves presence: a security key was touched.
    #[serde(rename = "ORG_SOURCE_PRESENCE_PROVEN")]
    PresenceProven,
    /// It landed by break-glass. Never together with another level.
    #[serde(rename = "ORG_SOURCE_BREAK_GLASS")]
    BreakGlass,
}

/// The facts from which levels follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Distinct people, not keys, whose approvals were counted.
    pub people: usize,
    /// All of these approvals prove presence.
    pub presence_proven: bool,
    /// It was allowed as an emergency.
    pub break_glass: bool,
}

impl Facts {
    /// The levels of an allowed push. Break-glass is always the only one, whoever signed: it says that the normal
    /// process was bypassed. What needed no signature, and has none, has no level.
    pub fn levels(self) -> Vec<Level> {
        if self.break_glass {
            return vec![Level::BreakGlass];
        }
        let earned = [
            (self.people >= 1, Level::SeniorSigned),
            (self.people >= 2, Level::TwoPerson),
            (self.people >= 1 && self.presence_proven, Level::PresenceProven),
        ];
        earned.into_iter().filter_map(|(earned, level)| earned.then_some(level)).collect()
    }
}

/// Why a key or a summary is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SummaryError {
    /// The private key cannot be read: only RFC 8410 in PKCS#8 is accepted.
    #[error(
        "this is not an ed25519 private key in PEM (PKCS#8, not encrypted); `openssl genpkey -algorithm ed25519` makes \
         one"
    )]
    PrivateKey,
    /// The public key cannot be read: only RFC 8410 in SubjectPublicKeyInfo is accepted.
    #[error(
        "this is not an ed25519 public key in PEM (SubjectPublicKeyInfo); `openssl pkey -in KEY -pubout` writes that of a \
         key"
    )]
    PublicKey,
    /// The field of this name is not a URI, as far as is checked: RFC 3986 requires more.
    #[error("the {0} is not a URI: a scheme, a colon, and ASCII without spaces")]
    Uri(&'static str),
    /// The ref does not start with `refs/`.
    #[error("the ref is not named in full, such as refs/heads/main")]
    Reference,
    /// The time cannot be written as RFC 3339 with four digits of the year.
    #[error("the time is not between the years 1970 and 9999")]
    Time,
    /// No gate issues this list of levels.
    #[error("a level is there twice, or break-glass is not alone")]
    Levels,
    /// The DSSE envelope or its signature is refused, for a fault of `SPEC.md`, section 2.
    #[error("the summary does not hold: {0}")]
    Envelope(#[from] Fault),
    /// The signature is valid, but the payload is not what a gate writes; no other spelling is accepted.
    #[error("the statement is not a summary of an allowed push as a gate of this version writes it")]
    Statement,
}

/// The key of a gate: ed25519, for summaries and reports. It is not a signer's key, and fills no slot.
pub struct GateKey(SigningKey);

impl GateKey {
    /// A key from 32 bytes of a random source for cryptography. This floor has no such source.
    pub fn generate(seed: [u8; 32]) -> GateKey {
        GateKey(SigningKey::from_bytes(&seed))
    }

    /// Reads PKCS#8, version 1 (OpenSSL) or 2 (RFC 5958, with the public key in it, which then must be the right one).
    ///
    /// # Errors
    /// [`SummaryError::PrivateKey`]
    pub fn from_pem(text: &str) -> Result<GateKey, SummaryError> {
        SigningKey::from_pkcs8_pem(text).map(GateKey).map_err(|_| SummaryError::PrivateKey)
    }

    /// PKCS#8, version 1: OpenSSL 3.0 does not read version 2. Wiped when dropped.
    pub fn to_pem(&self) -> impl Deref<Target = String> + use<> {
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).expect("32 bytes always fit into PKCS#8")
    }

    /// Signs a file for a purpose, as `ssh-keygen -Y sign -n PURPOSE` does with such a key: stock tools verify it.
    pub fn sign_file(&self, purpose: &str, bytes: &[u8]) -> Result<String, Fault> {
        let key = self.public().ssh_key()?;
        let mut signature = Vec::new();
        put(&mut signature, b"ssh-ed25519");
        put(&mut signature, &self.0.sign(&sshsig::to_be_signed_for(purpose, bytes)).to_bytes());
        Ok(sshsig::armor_for(purpose, &key, &signature))
    }

    /// The public key, which others get in PEM.
    pub fn public(&self) -> GatePublicKey {
        GatePublicKey(self.0.verifying_key())
    }
}

impl fmt::Debug for GateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GateKey({})", self.public().id())
    }
}

/// The form that is given to verifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatePublicKey(VerifyingKey);

impl GatePublicKey {
    /// # Errors
    /// [`SummaryError::PublicKey`], also for the points of small order, under which anybody can sign.
    pub fn from_pem(text: &str) -> Result<GatePublicKey, SummaryError> {
        let key = VerifyingKey::from_public_key_pem(text).map_err(|_| SummaryError::PublicKey)?;
        if key.is_weak() { Err(SummaryError::PublicKey) } else { Ok(GatePublicKey(key)) }
    }

    /// SubjectPublicKeyInfo, as `openssl pkey -pubout` writes it.
    pub fn to_pem(self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect("32 bytes always fit into SubjectPublicKeyInfo")
    }

    /// The same key as OpenSSH has it.
    pub fn ssh_key(self) -> Result<Key, Fault> {
        Key::parse(&self.blob())
    }

    fn blob(self) -> Vec<u8> {
        let mut blob = Vec::new();
        put(&mut blob, b"ssh-ed25519");
        put(&mut blob, self.0.as_bytes());
        blob
    }

    /// The key id in the envelope: `SHA256:…`, as `ssh-keygen -l` prints it. Not hex over the SubjectPublicKeyInfo,
    /// because go-securesystemslib (and so slsa-verifier) computes this spelling if it is given no key id, and skips
    /// signatures with a different one.
    pub fn id(self) -> String {
        format!("SHA256:{}", Base64Unpadded::encode_string(&Digest::of(&self.blob()).0))
    }
}

impl Summary {
    /// The envelope, one line of JSON: payload, and one signature over its DSSE encoding, without any SSH around it.
    /// The same summary and key give the same bytes.
    ///
    /// # Errors
    /// [`SummaryError::Uri`], [`SummaryError::Reference`], [`SummaryError::Time`], [`SummaryError::Levels`]; and
    /// [`Fault::TooLarge`] if it exceeds the 1 MiB that an envelope may have.
    pub fn sign(&self, key: &GateKey) -> Result<Vec<u8>, SummaryError> {
        let payload = self.payload()?;
        // Called armor because records have an SSH signature here; for DSSE it is just bytes.
        let armor = key.0.sign(&pae(&payload)).to_bytes().to_vec();
        let bytes = Envelope { payload, key_hint: key.public().id(), armor }.encode();
        if bytes.len() > MAX_ENVELOPE { Err(Fault::TooLarge.into()) } else { Ok(bytes) }
    }

    /// The signed bytes. Each summary has exactly one spelling.
    fn payload(&self) -> Result<Vec<u8>, SummaryError> {
        self.check()?;
        let predicate = Predicate {
            verifier: Verifier { id: self.verifier.clone() },
            time_verified: time(self.now)?,
            resource_uri: self.repository.clone(),
            policy: Descriptor::from(&self.policy),
            input_attestations: self.records.iter().map(Descriptor::from).collect(),
            verification_result: PASSED.to_owned(),
            verified_levels: self.levels.clone(),
            slsa_version: SLSA_VERSION.to_owned(),
        };
        let references = vec![self.reference.clone()];
        let subject = Subject {
            name: self.repository.clone(),
            digest: Landed { git_commit: self.commit.to_string(), git_tree: self.tree.to_string() },
            annotations: Annotations { source_refs: references.clone(), source_refs_of_source_tool: references },
        };
        Ok(json::encode(&Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![subject],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate,
        }))
    }

    fn check(&self) -> Result<(), SummaryError> {
        let uris = [("verifier", &self.verifier), ("repository", &self.repository), ("policy", &self.policy.uri)];
        let records = self.records.iter().map(|record| ("place of a record", &record.uri));
        if let Some((what, _)) = uris.into_iter().chain(records).find(|(_, text)| !is_uri(text)) {
            return Err(SummaryError::Uri(what));
        }
        if !self.reference.starts_with("refs/") {
            return Err(SummaryError::Reference);
        }
        let alone = self.levels.len() == 1 || !self.levels.contains(&Level::BreakGlass);
        let distinct = self.levels.iter().enumerate().all(|(index, level)| !self.levels[..index].contains(level));
        if alone && distinct { Ok(()) } else { Err(SummaryError::Levels) }
    }
}

/// Reads a summary that one of our gates signed with `key`: signature first, parsing second, and only what
/// [`Summary::sign`] writes. It proves who issued this and when. The caller must compare verifier, repository,
/// reference and commit with what it expects; otherwise a summary from elsewhere passes for this one.
///
/// # Errors
/// [`SummaryError::Envelope`] if envelope, key id or signature are not valid, [`SummaryError::Statement`] if what is
/// signed is not such a summary; and those of [`Summary::sign`].
pub fn read(envelope: &[u8], key: &GatePublicKey) -> Result<Summary, SummaryError> {
    let Envelope { payload, key_hint, armor } = Envelope::decode(envelope)?;
    if key_hint != key.id() {
        return Err(Fault::KeyHint.into());
    }
    let signature = Signature::from_slice(&armor).map_err(|_| Fault::SignatureMalformed)?;
    key.0.verify_strict(&pae(&payload), &signature).map_err(|_| Fault::SignatureInvalid)?;
    let statement: Statement = serde_json::from_slice(&payload).map_err(|_| SummaryError::Statement)?;
    let summary = statement.summary().ok_or(SummaryError::Statement)?;
    // Serialised again it must be the same: so constant and repeated fields are compared too.
    if summary.payload()? == payload { Ok(summary) } else { Err(SummaryError::Statement) }
}

/// RFC 3339, UTC, whole seconds.
fn time(seconds: i64) -> Result<String, SummaryError> {
    let time = jiff::Timestamp::from_second(seconds).ok().filter(|time| *time >= jiff::Timestamp::UNIX_EPOCH);
    time.map(|time| time.to_string()).ok_or(SummaryError::Time)
}

/// RFC 3986 as far as it separates a URI from a path or a name: a scheme, and no forbidden character.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let legal = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && rest.chars().all(legal)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: Landed,
    annotations: Annotations,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Landed {
    git_commit: String,
    git_tree: String,
}

/// Twice the same: SLSA 1.2 has it as `sourceRefs`, its own source-tool reads `source_refs`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    #[serde(rename = "sourceRefs")]
    source_refs: Vec<String>,
    #[serde(rename = "source_refs")]
    source_refs_of_source_tool: Vec<String>,
}

/// Without `dependencyLevels`: the summary says nothing about dependencies.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    time_verified: String,
    resource_uri: String,
    policy: Descriptor,
    input_attestations: Vec<Descriptor>,
    verification_result: String,
    verified_levels: Vec<Level>,
    slsa_version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verifier {
    id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    uri: String,
    digest: Sha256,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sha256 {
    sha256: String,
}

impl From<&Input> for Descriptor {
    fn from(input: &Input) -> Descriptor {
        Descriptor { uri: input.uri.clone(), digest: Sha256 { sha256: input.digest.to_string() } }
    }
}

impl Descriptor {
    fn input(self) -> Option<Input> {
        Some(Input { uri: self.uri, digest: Digest::from_str(&self.digest.sha256).ok()? })
    }
}

impl Statement {
    /// Reads the summary, if there is one; the constants are not checked.
    fn summary(self) -> Option<Summary> {
        let predicate = self.predicate;
        let subject = self.subject.into_iter().next()?;
        Some(Summary {
            verifier: predicate.verifier.id,
            now: predicate.time_verified.parse::<jiff::Timestamp>().ok()?.as_second(),
            repository: predicate.resource_uri,
            reference: subject.annotations.source_refs.into_iter().next()?,
            commit: subject.digest.git_commit.parse().ok()?,
            tree: subject.digest.git_tree.parse().ok()?,
            policy: predicate.policy.input()?,
            records: predicate.input_attestations.into_iter().map(Descriptor::input).collect::<Option<_>>()?,
            levels: predicate.verified_levels,
        })
    }
}
