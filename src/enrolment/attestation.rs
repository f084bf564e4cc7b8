//! What a security key's attestation says without its manufacturer's certificates: of which key it speaks.
//!
//! Format: OpenSSH's PROTOCOL.u2f, `ssh-sk-attest-v01`; the authenticator data in it is that of WebAuthn, section 6.1,
//! as a CBOR byte string. That the manufacturer's chain holds is for a person to check, with the manufacturer's roots.

use sha2::{Digest as _, Sha256};

use crate::change::digest::Digest;
use crate::record::Key;
use crate::record::wire::take;

/// The largest attestation, in bytes: certificates are a few KiB.
pub const MAX_ATTESTATION: usize = 64 << 10;
const MAGIC: &[u8] = b"ssh-sk-attest-v01";

/// Why a file is not an attestation of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestationFault {
    /// Not the file that `ssh-keygen -O write-attestation` writes.
    #[error("it is not an attestation as `ssh-keygen -O write-attestation=FILE` writes it (ssh-sk-attest-v01)")]
    Malformed,
    /// The key is not in it.
    #[error("it is the attestation of another key")]
    OtherKey,
}

/// The SHA-256 of an attestation that speaks of a key.
///
/// # Errors
/// It is none, or of another key.
pub fn digest(bytes: &[u8], key: &Key) -> Result<Digest, AttestationFault> {
    let data = authenticator_data(bytes).ok_or(AttestationFault::Malformed)?;
    let is_made_for = data.starts_with(&Sha256::digest(key.application().as_bytes()));
    // A P-256 point is stored as two coordinates, without the byte that says that it is not compressed.
    let point = key.point();
    let coordinates: Vec<&[u8]> = match point.split_first() {
        Some((4, both)) if both.len() == 64 => both.chunks(32).collect(),
        _ => vec![&point],
    };
    let has = |part: &&[u8]| data.windows(part.len()).any(|window| window == *part);
    let speaks_of_it = key.kind().is_security_key() && is_made_for && coordinates.iter().all(has);
    if speaks_of_it { Ok(Digest::of(bytes)) } else { Err(AttestationFault::OtherKey) }
}

fn authenticator_data(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    if bytes.len() > MAX_ATTESTATION || take(&mut rest)? != MAGIC {
        return None;
    }
    let (_certificate, _signature, data) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
    // Reserved flags and a reserved string.
    let (_, mut rest) = rest.split_first_chunk::<4>()?;
    take(&mut rest).filter(|_| rest.is_empty())?;
    byte_string(data)
}

/// The content of a CBOR byte string (RFC 8949, major type 2) that is all there is.
fn byte_string(data: &[u8]) -> Option<&[u8]> {
    let (len, content) = match data {
        [head @ 0x40..=0x57, rest @ ..] => (usize::from(head - 0x40), rest),
        [0x58, len, rest @ ..] => (usize::from(*len), rest),
        [0x59, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    (content.len() == len).then_some(content)
}
