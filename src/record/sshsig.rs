//! SSHSIG, the strict profile: we accept only what we would have written, which OpenSSH accepts too.

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha512};
use ssh_key::public::{Ed25519PublicKey, KeyData};

use super::Fault;

pub const NAMESPACE: &str = "decision@undersign";
const MAGIC: &[u8] = b"SSHSIG";
const HASH: &[u8] = b"sha512";
const KEY_TYPE: &[u8] = b"ssh-ed25519";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// OpenSSH's line width. PROTOCOL.sshsig says 76; the program writes 70.
const WIDTH: usize = 70;

/// The bytes that the key signs for a message.
pub fn to_be_signed(message: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    [NAMESPACE.as_bytes(), b"", HASH, &Sha512::digest(message)].iter().for_each(|field| put(&mut out, field));
    out
}

/// The public key as OpenSSH writes it on the wire.
pub fn key_blob(key: &KeyData) -> Vec<u8> {
    match key {
        KeyData::Ed25519(key) => ed25519_blob(&key.0),
        // Only its digest is used: a key of another kind is refused before it could verify anything.
        other => ssh_key::PublicKey::from(other.clone()).to_bytes().unwrap_or_default(),
    }
}

/// Armors the signature that an ed25519 key made over [`to_be_signed`].
pub fn armor(key: &Ed25519PublicKey, signature: &[u8; 64]) -> String {
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&1u32.to_be_bytes());
    let mut inner = Vec::new();
    put(&mut inner, KEY_TYPE);
    put(&mut inner, signature);
    [&ed25519_blob(&key.0)[..], NAMESPACE.as_bytes(), b"", HASH, &inner].iter().for_each(|field| put(&mut blob, field));
    enclose(&blob)
}

/// Verifies an armored signature over `message` and gives the key that made it.
pub fn verify(armored: &[u8], message: &[u8]) -> Result<Ed25519PublicKey, Fault> {
    let blob = open(armored).ok_or(Fault::ArmorMalformed)?;
    let (key, signature) = parse(&blob)?;
    let verifying = VerifyingKey::from_bytes(&key).map_err(|_| Fault::SignatureInvalid)?;
    let signature = Signature::from_bytes(&signature);
    verifying.verify_strict(&to_be_signed(message), &signature).map_err(|_| Fault::SignatureInvalid)?;
    Ok(Ed25519PublicKey(key))
}

fn ed25519_blob(key: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, KEY_TYPE);
    put(&mut out, key);
    out
}

fn put(out: &mut Vec<u8>, field: &[u8]) {
    out.extend_from_slice(&(field.len() as u32).to_be_bytes());
    out.extend_from_slice(field);
}

fn enclose(blob: &[u8]) -> String {
    let encoded = Base64::encode_string(blob);
    let mut out = BEGIN.to_owned();
    for line in encoded.as_bytes().chunks(WIDTH) {
        out.extend(line.iter().map(|&b| char::from(b)));
        out.push('\n');
    }
    out + END
}

/// The blob in an armor, if the armor is exactly as [`enclose`] writes it.
fn open(armored: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(armored).ok()?;
    let body: String = text.strip_prefix(BEGIN)?.strip_suffix(END)?.lines().collect();
    let blob = Base64::decode_vec(&body).ok()?;
    (enclose(&blob) == text).then_some(blob)
}

fn parse(blob: &[u8]) -> Result<([u8; 32], [u8; 64]), Fault> {
    let mut rest =
        blob.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(&1u32.to_be_bytes())).ok_or(Fault::BlobMalformed)?;
    let key = take(&mut rest)?;
    let namespace = take(&mut rest)?;
    let reserved = take(&mut rest)?;
    let hash = take(&mut rest)?;
    let inner = take(&mut rest)?;
    if !rest.is_empty() || !reserved.is_empty() {
        return Err(Fault::BlobMalformed);
    }
    if namespace != NAMESPACE.as_bytes() {
        return Err(Fault::Namespace);
    }
    if hash != HASH {
        return Err(Fault::HashAlgorithm);
    }
    let key = typed(key)?.try_into().map_err(|_| Fault::BlobMalformed)?;
    let signature = typed(inner)?.try_into().map_err(|_| Fault::BlobMalformed)?;
    Ok((key, signature))
}

/// `str("ssh-ed25519") str(bytes)` and nothing after it.
fn typed(mut bytes: &[u8]) -> Result<&[u8], Fault> {
    let kind = take(&mut bytes)?;
    if kind != KEY_TYPE {
        return Err(Fault::KeyType);
    }
    let value = take(&mut bytes)?;
    if bytes.is_empty() { Ok(value) } else { Err(Fault::BlobMalformed) }
}

fn take<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], Fault> {
    let (len, after) = rest.split_first_chunk::<4>().ok_or(Fault::BlobMalformed)?;
    let len = u32::from_be_bytes(*len) as usize;
    if len > after.len() {
        return Err(Fault::BlobMalformed);
    }
    let (field, after) = after.split_at(len);
    *rest = after;
    Ok(field)
}
