//! The DSSE envelope: payload and one signature, on one line.

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use super::{Fault, Key, sshsig};

/// The media type of an in-toto statement; the only one that a record has.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The largest envelope, in bytes.
pub const MAX_ENVELOPE: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: String,
    sig: String,
}

/// A decoded envelope; nothing in it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The statement, as JSON, at most [`super::statement::MAX_PAYLOAD`] bytes once verified.
    pub payload: Vec<u8>,
    /// The `keyid`: a hint, which [`super::verify()`] compares with the key in the signature.
    pub key_hint: String,
    /// The armored signature, as OpenSSH writes it.
    pub armor: Vec<u8>,
}

impl Envelope {
    /// Puts a signature blob by `key`, made over [`sshsig::to_be_signed`] of [`pae`] of the payload, into an envelope.
    pub fn new(payload: Vec<u8>, key: &Key, signature: &[u8]) -> Envelope {
        Envelope::new_for(sshsig::NAMESPACE, payload, key, signature)
    }

    /// Like [`Envelope::new`], for a signature made in another namespace.
    pub fn new_for(namespace: &str, payload: Vec<u8>, key: &Key, signature: &[u8]) -> Envelope {
        let armor = sshsig::armor_for(namespace, key, signature).into_bytes();
        Envelope { payload, key_hint: key.fingerprint(), armor }
    }

    /// The bytes of the file: one line of JSON.
    pub fn encode(&self) -> Vec<u8> {
        let signature = WireSignature { keyid: self.key_hint.clone(), sig: Base64::encode_string(&self.armor) };
        let wire = Wire {
            payload: Base64::encode_string(&self.payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![signature],
        };
        encode(&wire)
    }

    /// Decodes an envelope strictly. The result is not verified: see [`super::verify()`].
    pub fn decode(bytes: &[u8]) -> Result<Envelope, Fault> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(Fault::TooLarge);
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| Fault::EnvelopeMalformed)?;
        if encode(&wire) != bytes {
            return Err(Fault::EnvelopeMalformed);
        }
        if wire.payload_type != PAYLOAD_TYPE {
            return Err(Fault::PayloadType);
        }
        let [signature] = &wire.signatures[..] else { return Err(Fault::EnvelopeMalformed) };
        // The decoder refuses white space and non-canonical endings, so each text has one spelling.
        let payload = Base64::decode_vec(&wire.payload).map_err(|_| Fault::EnvelopeMalformed)?;
        let armor = Base64::decode_vec(&signature.sig).map_err(|_| Fault::EnvelopeMalformed)?;
        Ok(Envelope { payload, key_hint: signature.keyid.clone(), armor })
    }
}

fn encode(wire: &Wire) -> Vec<u8> {
    let mut out = serde_json::to_vec(wire).expect("plain strings always serialise into memory");
    out.push(b'\n');
    out
}

/// DSSE pre-authentication encoding: the bytes that are signed.
pub fn pae(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}
