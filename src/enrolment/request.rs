//! A request to enrol a key: the text that its owner sends, signed by the key itself, so that whoever takes it knows
//! that the owner has it. Format: `SPEC.md`, in this folder.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::change::visible;
use crate::policy::is_address;
use crate::record::key::TokenUse;
use crate::record::statement::{Decimal, is_hex, is_name};
use crate::record::{Fault, Key, json, sshsig};

/// The `schema` of every request of this version.
pub const SCHEMA: &str = "undersign-key-request/v1";
/// The namespace of the signatures: none of them is a decision, and no decision is one of them.
pub const NAMESPACE: &str = "key-request@undersign";
/// The largest request with its signatures, in bytes.
pub const MAX_REQUEST: usize = 16 << 10;
/// For how long a request can be accepted, in seconds: two weeks.
pub const VALIDITY: i64 = 14 * 24 * 3600;
/// The longest time for which an old key goes on beside the new one, in seconds.
pub const MAX_OVERLAP: i64 = 90 * 24 * 3600;
/// The longest name, in bytes; the addresses, and the bytes of one.
const MAX_NAME: usize = 128;
const MAX_EMAILS: usize = 8;
const MAX_EMAIL: usize = 254;
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asks {
    /// One key more.
    Enrol,
    /// One key more, in place of another, which ends.
    Rotate,
}

/// The signed text. Members in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What is asked for.
    pub asks: Asks,
    /// The repository's id, from its policy: prevents replay in another one.
    pub repository: String,
    /// The id in the roster: prevents replay for somebody else.
    pub person: String,
    /// To show to people; used for a new person only.
    pub name: String,
    /// Used for a new person only.
    pub emails: Vec<String>,
    /// The new key, as in a `.pub` file but without a comment. It signs first.
    pub key: String,
    /// A key that the roster has of this person, which signs second; empty if none does.
    pub by: String,
    /// For how long `by` goes on after the request was accepted, in seconds; 0 unless it is to end.
    pub overlap: Decimal,
    /// SHA-256 of the attestation that a security key made when it was created; empty without one.
    pub attestation: String,
    /// When it was signed, by the signer's clock, in seconds since the epoch.
    pub issued_at: Decimal,
    /// 32 random hex digits: no two requests have the same bytes.
    pub nonce: String,
}

/// A request whose form and signatures were verified. It can only come from [`KeyRequest::read`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    text: Request,
    key: Key,
    by: Option<Key>,
    token: Option<TokenUse>,
    by_token: Option<TokenUse>,
    id: Digest,
}

/// Why a text is not a request, or none that is signed as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// Over [`MAX_REQUEST`].
    #[error("it is larger than 16 KiB, and no request is")]
    TooLarge,
    /// Something else.
    #[error("it is not a request for a key: those begin with `{{` and end with a signature")]
    NotARequest,
    /// Carriage returns.
    #[error("its line endings were changed on the way, and its bytes are what is signed; have it sent again as a file")]
    LineEnds,
    /// Another version.
    #[error("it is of another version than this program reads ({SCHEMA})")]
    Version,
    /// Not exactly what was written.
    #[error("it is not spelled as the format demands, so it was changed on the way: {0}; have it sent again as a file")]
    Spelling(Fault),
    /// Text after or between the signatures.
    #[error("something besides its signatures follows the request; have it sent again as a file")]
    Trailing,
    /// A signature that is not sound.
    #[error("a signature does not hold: {0}")]
    Signature(Fault),
    /// Not signed by exactly the keys that it names.
    #[error("it is not signed by the key that it asks for, and by the known key if it names one, in this order")]
    Signers,
    /// A key that signs no records.
    #[error("its key is not one that signs records: {0}")]
    Key(Fault),
    /// The old key and the new one are one.
    #[error("the new key and the old one are the same private key")]
    SameKey,
    /// A member that is not what it must be.
    #[error("its `{0}` is not what the format demands")]
    Member(&'static str),
    /// Characters that act or hide.
    #[error("its `{0}` has characters that do not show or are not text; no such name goes into a policy")]
    Hidden(&'static str),
}

impl Request {
    /// The bytes that are signed.
    pub fn encode(&self) -> Vec<u8> {
        json::encode(self)
    }

    /// Checks what the types cannot express: for what is read, and before anything is signed.
    ///
    /// # Errors
    /// The first member that is wrong.
    pub fn check(&self) -> Result<(), RequestFault> {
        let need = |good: bool, member: &'static str| if good { Ok(()) } else { Err(RequestFault::Member(member)) };
        need(self.schema == SCHEMA, "schema")?;
        need(is_name(&self.repository, 64), "repository")?;
        need(is_name(&self.person, 32), "person")?;
        need(!self.name.trim().is_empty() && self.name.len() <= MAX_NAME, "name")?;
        if visible::hidden(&self.name).next().is_some() || self.name.contains(visible::is_odd_blank) {
            return Err(RequestFault::Hidden("name"));
        }
        need(self.emails.len() <= MAX_EMAILS, "emails")?;
        if self.emails.iter().any(|email| visible::hidden(email).next().is_some()) {
            return Err(RequestFault::Hidden("emails"));
        }
        need(self.emails.iter().all(|email| email.len() <= MAX_EMAIL && is_address(email)), "emails")?;
        need((self.asks == Asks::Enrol) <= (self.overlap.0 == 0), "overlap")?;
        need(self.overlap.seconds() <= MAX_OVERLAP, "overlap")?;
        need((self.asks == Asks::Rotate) <= !self.by.is_empty(), "by")?;
        need(self.attestation.is_empty() || is_hex(&self.attestation, 64), "attestation")?;
        need(i64::try_from(self.issued_at.0).is_ok(), "issuedAt")?;
        need(is_hex(&self.nonce, 32), "nonce")
    }

    /// The request with its signatures, as it is sent.
    pub fn with(&self, armors: &[Vec<u8>]) -> Vec<u8> {
        [self.encode(), armors.concat()].concat()
    }
}

impl KeyRequest {
    /// Reads a request strictly: signatures first, parsing second.
    ///
    /// # Errors
    /// Why it is not one.
    pub fn read(bytes: &[u8]) -> Result<KeyRequest, RequestFault> {
        if bytes.len() > MAX_REQUEST {
            return Err(RequestFault::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RequestFault::NotARequest)?;
        if !text.starts_with('{') {
            return Err(RequestFault::NotARequest);
        }
        if text.contains('\r') {
            return Err(RequestFault::LineEnds);
        }
        let at = text.find(&format!("\n{BEGIN}")).ok_or(RequestFault::NotARequest)?;
        let (payload, signatures) = text.split_at(at + 1);
        let signers = signers(payload.as_bytes(), signatures)?;
        if names_other_version(payload) {
            return Err(RequestFault::Version);
        }
        let request: Request = json::decode(payload.as_bytes()).map_err(RequestFault::Spelling)?;
        request.check()?;
        let key = bare_key(&request.key)?;
        let by = if request.by.is_empty() { None } else { Some(bare_key(&request.by)?) };
        if by.as_ref().is_some_and(|by| by.point() == key.point()) {
            return Err(RequestFault::SameKey);
        }
        let wanted = std::iter::once(&key).chain(&by);
        if !signers.iter().map(|(signer, _)| signer).eq(wanted) {
            return Err(RequestFault::Signers);
        }
        let token = |at: usize| signers.get(at).and_then(|(_, token)| *token);
        let (token, by_token) = (token(0), token(1));
        Ok(KeyRequest { text: request, key, by, token, by_token, id: Digest::of(payload.as_bytes()) })
    }

    /// What was signed.
    pub fn text(&self) -> &Request {
        &self.text
    }

    /// The key that is asked for; its signature proves that the sender has it.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The key of the roster that signed too.
    pub fn by(&self) -> Option<&Key> {
        self.by.as_ref()
    }

    /// What the new key's signature says about a person being there: read from the signature, not from the text.
    pub fn token(&self) -> Option<TokenUse> {
        self.token
    }

    /// What the signature of the key of the roster says about that.
    pub fn by_token(&self) -> Option<TokenUse> {
        self.by_token
    }

    /// When it can no longer be accepted.
    pub fn expires(&self) -> i64 {
        self.text.issued_at.seconds().saturating_add(VALIDITY)
    }

    /// What two people compare by voice.
    pub fn code(&self) -> Code {
        Code(self.id)
    }
}

/// The first 64 bits of the digest of what is signed, in four groups: enough that nobody finds a second request with
/// the same, and short enough to be read out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(Digest);

impl Code {
    /// Of a request that is to be signed.
    pub fn of(payload: &[u8]) -> Code {
        Code(Digest::of(payload))
    }

    /// Whether somebody typed it, with or without what stands between the groups.
    pub fn is(&self, typed: &str) -> bool {
        let digits: String = typed.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        digits.eq_ignore_ascii_case(&self.0.to_string()[..16])
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        write!(f, "{}-{}-{}-{}", &digits[..4], &digits[4..8], &digits[8..12], &digits[12..16])
    }
}

/// The keys that signed, in order: one or two.
fn signers(payload: &[u8], mut rest: &str) -> Result<Vec<(Key, Option<TokenUse>)>, RequestFault> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(END).filter(|_| rest.starts_with(BEGIN) && found.len() < 2);
        let (armor, after) = rest.split_at(end.ok_or(RequestFault::Trailing)? + END.len());
        let signed = sshsig::verify_for(NAMESPACE, armor.as_bytes(), payload);
        found.push(signed.map_err(RequestFault::Signature)?);
        rest = after;
    }
    Ok(found)
}

fn names_other_version(payload: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        schema: String,
    }
    serde_json::from_str::<Kind>(payload).is_ok_and(|kind| kind.schema != SCHEMA)
}

/// A key in its one spelling.
fn bare_key(line: &str) -> Result<Key, RequestFault> {
    let key = Key::from_openssh(line).map_err(RequestFault::Key)?;
    if key.to_openssh() == line { Ok(key) } else { Err(RequestFault::Key(Fault::KeyMalformed)) }
}
