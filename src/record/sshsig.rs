//! SSHSIG, in a strict profile: we accept only what we would have written, which OpenSSH accepts too.

use base64ct::{Base64, Encoding};
use sha2::{Digest as _, Sha512};

use super::key::TokenUse;
use super::wire::{put, take};
use super::{Fault, Key};

/// The namespace of the signature, in the sense of OpenSSH's PROTOCOL.sshsig: one made for git or mail is not a
/// decision.
pub const NAMESPACE: &str = "decision@undersign";
const MAGIC: &[u8] = b"SSHSIG";
const VERSION: [u8; 4] = 1u32.to_be_bytes();
const HASH: &[u8] = b"sha512";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// OpenSSH's line width. PROTOCOL.sshsig says 76; the program writes 70.
const WIDTH: usize = 70;

/// The bytes that the key signs for a message.
pub fn to_be_signed(message: &[u8]) -> Vec<u8> {
    to_be_signed_for(NAMESPACE, message)
}

/// [`to_be_signed`] in another namespace.
pub fn to_be_signed_for(namespace: &str, message: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    [namespace.as_bytes(), b"", HASH, &Sha512::digest(message)].iter().for_each(|field| put(&mut out, field));
    out
}

/// Armors the signature blob (`str(type) str(signature) …`) that a key made over [`to_be_signed`].
pub fn armor(key: &Key, signature: &[u8]) -> String {
    armor_for(NAMESPACE, key, signature)
}

/// [`armor`] in another namespace.
pub fn armor_for(namespace: &str, key: &Key, signature: &[u8]) -> String {
    let mut blob = [MAGIC, &VERSION].concat();
    let fields = [&key.blob()[..], namespace.as_bytes(), b"", HASH, signature];
    fields.iter().for_each(|field| put(&mut blob, field));
    enclose(&blob)
}

/// Verifies an armored signature over `message`; returns the key that made it and the data of its token.
pub fn verify(armored: &[u8], message: &[u8]) -> Result<(Key, Option<TokenUse>), Fault> {
    verify_for(NAMESPACE, armored, message)
}

/// [`verify`] in another namespace: that of another kind of statement, or of other people's signatures.
pub fn verify_for(namespace: &str, armored: &[u8], message: &[u8]) -> Result<(Key, Option<TokenUse>), Fault> {
    let blob = open(armored).ok_or(Fault::ArmorMalformed)?;
    let (key, signature) = parse(namespace, &blob)?;
    let key = Key::parse(key)?;
    let token = key.verify(signature, &to_be_signed_for(namespace, message))?;
    Ok((key, token))
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

/// The key and the signature in a blob.
fn parse<'b>(wanted: &str, blob: &'b [u8]) -> Result<(&'b [u8], &'b [u8]), Fault> {
    let mut rest = blob.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(&VERSION)).ok_or(Fault::BlobMalformed)?;
    let mut field = || take(&mut rest).ok_or(Fault::BlobMalformed);
    let (key, namespace, reserved, hash, signature) = (field()?, field()?, field()?, field()?, field()?);
    if !rest.is_empty() || !reserved.is_empty() {
        return Err(Fault::BlobMalformed);
    }
    if namespace != wanted.as_bytes() {
        return Err(Fault::Namespace);
    }
    if hash != HASH {
        return Err(Fault::HashAlgorithm);
    }
    Ok((key, signature))
}
