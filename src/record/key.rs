//! Keys that sign records: four types, each parsed to one spelling, and what their signatures prove.
//!
//! Formats: RFC 8709 (ed25519), RFC 5656 (ECDSA), OpenSSH's PROTOCOL.u2f (security keys). Everything read here is
//! encoded again and compared, so that no key and no signature has two spellings.

use std::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::{Digest as _, Sha256};

use super::Fault;
use super::wire::{put, take};
use crate::change::digest::Digest;

/// The longest application string of a security key, in bytes. OpenSSH's are `ssh:` and a word.
const MAX_APPLICATION: usize = 255;
/// `nistp256`, RFC 5656's name of the curve.
const CURVE: &[u8] = b"nistp256";
/// A bit of the flags: somebody touched the key.
const USER_PRESENT: u8 = 0x01;
/// A bit of the flags: the key verified the person, by PIN or fingerprint.
const USER_VERIFIED: u8 = 0x04;

/// The algorithms whose signatures are accepted: `SPEC.md`, section 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// `ssh-ed25519`: RFC 8709, verified strictly.
    Ed25519,
    /// `ecdsa-sha2-nistp256`: RFC 5656, with SHA-256.
    EcdsaP256,
    /// ed25519 in a FIDO security key.
    SkEd25519,
    /// ECDSA P-256 in a FIDO security key.
    SkEcdsaP256,
}

impl KeyType {
    /// All four, in the order of `SPEC.md`.
    pub const ALL: [KeyType; 4] = [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::SkEd25519, KeyType::SkEcdsaP256];

    /// OpenSSH's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            KeyType::Ed25519 => "ssh-ed25519",
            KeyType::EcdsaP256 => "ecdsa-sha2-nistp256",
            KeyType::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            KeyType::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Whether such keys are in security keys, which report with each signature whether they were touched.
    pub fn is_security_key(self) -> bool {
        matches!(self, KeyType::SkEd25519 | KeyType::SkEcdsaP256)
    }

    fn is_ed25519(self) -> bool {
        matches!(self, KeyType::Ed25519 | KeyType::SkEd25519)
    }
}

/// A public key of one of the four types, known to be well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    kind: KeyType,
    point: Point,
    /// For a security key: what it was enrolled for, such as `ssh:undersign`.
    application: String,
}

/// The point that verifies: decompressed once, since that is a tenth of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Point {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl Point {
    /// 32 bytes of ed25519, or an uncompressed point of P-256, 65 bytes: OpenSSH knows no other form.
    fn parse(kind: KeyType, bytes: &[u8]) -> Option<Point> {
        if kind.is_ed25519() {
            let key = ed25519_dalek::VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
            // A coordinate may be encoded beyond the field's prime, and zero with a sign: the same point in other
            // bytes.
            let canonical = key.to_edwards().compress().to_bytes() == bytes;
            return canonical.then_some(Point::Ed25519(key));
        }
        let uncompressed = bytes.first() == Some(&4);
        uncompressed.then(|| p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok())?.map(Point::P256)
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Point::Ed25519(key) => key.as_bytes().to_vec(),
            Point::P256(key) => key.to_encoded_point(false).as_bytes().to_vec(),
        }
    }

    /// Whether a private key can have this point. None has a point with a component of small order: one signature fits
    /// many messages, or one private key signs for several such points. Every point of P-256 has prime order.
    fn is_of_prime_order(&self) -> bool {
        match self {
            Point::Ed25519(key) => !key.is_weak() && key.to_edwards().is_torsion_free(),
            Point::P256(_) => true,
        }
    }

    fn verify(&self, value: &[u8], message: &[u8]) -> Result<(), Fault> {
        match self {
            Point::Ed25519(key) => verify_ed25519(key, value, message),
            Point::P256(key) => verify_p256(key, value, message),
        }
    }
}

/// Strict: no points of small order, canonical `s`. OpenSSH is less strict, so it accepts everything that we accept.
fn verify_ed25519(key: &ed25519_dalek::VerifyingKey, value: &[u8], message: &[u8]) -> Result<(), Fault> {
    let signature = ed25519_dalek::Signature::from_slice(value).map_err(|_| Fault::SignatureMalformed)?;
    key.verify_strict(message, &signature).map_err(|_| Fault::SignatureInvalid)
}

/// Both values of `s` verify: OpenSSH and agents produce both, and the id of a record does not depend on it.
fn verify_p256(key: &p256::ecdsa::VerifyingKey, value: &[u8], message: &[u8]) -> Result<(), Fault> {
    let mut rest = value;
    let mut scalar = || take(&mut rest).and_then(unsigned);
    let (r, s) = scalar().zip(scalar()).filter(|_| rest.is_empty()).ok_or(Fault::SignatureMalformed)?;
    // Zero, or a value not below the order of the curve, is not a valid scalar.
    let signature = p256::ecdsa::Signature::from_scalars(r, s).map_err(|_| Fault::SignatureInvalid)?;
    key.verify_prehash(&Sha256::digest(message), &signature).map_err(|_| Fault::SignatureInvalid)
}

/// What a security key signs in addition: the flags and counter of this use. It is what the key says; only the person
/// who enrolled the key knows whether it is hardware, since software can create such a key and set any flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenUse {
    /// One byte: 0x01 somebody touched it, 0x04 it verified the person; other bits mean nothing.
    pub flags: u8,
    /// How often the key has signed, by its own count; some keys always report 0.
    pub counter: u32,
}

impl TokenUse {
    /// What these flags say about the person. Other bits are legal and mean nothing here.
    pub fn presence(self) -> Presence {
        match (self.flags & USER_PRESENT != 0, self.flags & USER_VERIFIED != 0) {
            (true, true) => Presence::PinTouch,
            (true, false) => Presence::Touch,
            // No correct authenticator reports verified without present.
            (false, _) => Presence::None,
        }
    }
}

/// How much a signature proves about the presence of a person. One scale everywhere, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Presence {
    /// Nothing is known: a software key, or a security key that nobody touched.
    #[default]
    None,
    /// Somebody touched the key.
    Touch,
    /// The key was touched, and verified the person by PIN or fingerprint.
    PinTouch,
    /// Pin and touch, by a key whose manufacturer's attestation was checked when it was enrolled.
    Attested,
}

impl Presence {
    /// All four, from weak to strong.
    pub const ALL: [Presence; 4] = [Presence::None, Presence::Touch, Presence::PinTouch, Presence::Attested];

    /// The word in policies and outcomes: `none`, `touch`, `pin+touch`, `attested`.
    pub fn name(self) -> &'static str {
        match self {
            Presence::None => "none",
            Presence::Touch => "touch",
            Presence::PinTouch => "pin+touch",
            Presence::Attested => "attested",
        }
    }
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The SHA-256 of a key's blob, in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub Digest);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Key {
    /// Reads a key blob: `str(type) …`, strictly.
    ///
    /// # Errors
    /// [`Fault::KeyType`] for a type that is not one of the four, [`Fault::KeyMalformed`] for anything else.
    pub fn parse(blob: &[u8]) -> Result<Key, Fault> {
        let mut rest = blob;
        let name = take(&mut rest).ok_or(Fault::KeyMalformed)?;
        let kind = KeyType::ALL.into_iter().find(|kind| kind.name().as_bytes() == name).ok_or(Fault::KeyType)?;
        let mut field = || take(&mut rest).ok_or(Fault::KeyMalformed);
        if !kind.is_ed25519() && field()? != CURVE {
            return Err(Fault::KeyMalformed);
        }
        let point = Point::parse(kind, field()?).ok_or(Fault::KeyMalformed)?;
        let application = if kind.is_security_key() { field()? } else { b"" };
        let application = std::str::from_utf8(application).map_err(|_| Fault::KeyMalformed)?.to_owned();
        let printable = application.bytes().all(|b| matches!(b, b' '..=b'~'));
        if rest.is_empty() && printable && application.len() <= MAX_APPLICATION {
            Ok(Key { kind, point, application })
        } else {
            Err(Fault::KeyMalformed)
        }
    }

    /// Reads a public key from the line of a `.pub` file: type, base64, and perhaps a comment. The order of the point
    /// is checked here, when keys are enrolled, and not with each record, since it costs as much as a signature.
    ///
    /// # Errors
    /// Like [`Key::parse`]; a line whose two spellings of the type differ, or whose point does not have prime order, is
    /// [`Fault::KeyMalformed`].
    pub fn from_openssh(line: &str) -> Result<Key, Fault> {
        let mut words = line.split_ascii_whitespace();
        let (name, text) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let blob = Base64::decode_vec(text).map_err(|_| Fault::KeyMalformed)?;
        let key = Key::parse(&blob)?;
        if key.kind.name() == name && key.point.is_of_prime_order() { Ok(key) } else { Err(Fault::KeyMalformed) }
    }

    /// The line of a `.pub` file, without a comment.
    pub fn to_openssh(&self) -> String {
        format!("{} {}", self.kind.name(), Base64::encode_string(&self.blob()))
    }

    /// The algorithm of the key.
    pub fn kind(&self) -> KeyType {
        self.kind
    }

    /// The bytes of the point that verifies. The same for all keys with one private key: a plain key, and a security
    /// key with any application.
    pub fn point(&self) -> Vec<u8> {
        self.point.bytes()
    }

    /// What a security key was enrolled for; empty for other types.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The bytes that [`Key::parse`] reads.
    pub fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.kind.name().as_bytes());
        if !self.kind.is_ed25519() {
            put(&mut out, CURVE);
        }
        put(&mut out, &self.point.bytes());
        if self.kind.is_security_key() {
            put(&mut out, self.application.as_bytes());
        }
        out
    }

    /// SHA-256 of [`Key::blob`]; in hex it is part of the names of its chains.
    pub fn id(&self) -> KeyId {
        KeyId(Digest::of(&self.blob()))
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", Base64Unpadded::encode_string(&Digest::of(&self.blob()).0))
    }

    /// Verifies a signature blob, `str(type) str(signature)` and for security keys flags and counter, over `message`.
    ///
    /// # Errors
    /// [`Fault::KeyType`] if the signature has another type than the key, [`Fault::SignatureMalformed`] if it is not
    /// the one spelling of a signature, [`Fault::SignatureInvalid`] if it does not verify.
    pub fn verify(&self, signature: &[u8], message: &[u8]) -> Result<Option<TokenUse>, Fault> {
        let mut rest = signature;
        let name = take(&mut rest).ok_or(Fault::SignatureMalformed)?;
        if name != self.kind.name().as_bytes() {
            return Err(Fault::KeyType);
        }
        let value = take(&mut rest).ok_or(Fault::SignatureMalformed)?;
        let token = match (self.kind.is_security_key(), rest) {
            (true, [flags, counter @ ..]) => {
                let counter: [u8; 4] = counter.try_into().map_err(|_| Fault::SignatureMalformed)?;
                Some(TokenUse { flags: *flags, counter: u32::from_be_bytes(counter) })
            }
            (false, []) => None,
            _ => return Err(Fault::SignatureMalformed),
        };
        let message = token.map_or_else(|| message.to_vec(), |token| token_message(&self.application, token, message));
        self.point.verify(value, &message)?;
        Ok(token)
    }
}

/// The bytes that a security key signs for `message`: PROTOCOL.u2f, "SSH U2F signatures".
pub fn token_message(application: &str, token: TokenUse, message: &[u8]) -> Vec<u8> {
    let mut out = Sha256::digest(application.as_bytes()).to_vec();
    out.push(token.flags);
    out.extend_from_slice(&token.counter.to_be_bytes());
    out.extend_from_slice(&Sha256::digest(message));
    out
}

/// A non-negative `mpint` of at most 32 bytes in its shortest form, as 32 bytes.
fn unsigned(mpint: &[u8]) -> Option<p256::FieldBytes> {
    let digits = match mpint {
        [0, rest @ ..] if rest.first().is_some_and(|&first| first >= 0x80) => rest,
        [first, ..] if (1..0x80).contains(first) => mpint,
        _ => return None,
    };
    let mut out = p256::FieldBytes::default();
    let start = out.len().checked_sub(digits.len())?;
    out[start..].copy_from_slice(digits);
    Some(out)
}
