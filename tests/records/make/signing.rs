//! From a statement to the bytes of a record: the signature, its blob and armor, the envelope.

use base64ct::{Base64, Encoding as _};
use undersign::record::envelope::pae;
use undersign::record::key::TokenUse;
use undersign::record::sshsig;
use undersign::record::statement::Statement;
use undersign::record::wire::put;

use super::people::{Person, TOUCHED};

pub(super) fn wire_blob(person: &Person, payload: &[u8], token: TokenUse) -> Vec<u8> {
    blob_of(&person.token.blob(), sshsig::NAMESPACE, b"sha512", &signature(person, payload, token))
}

pub(super) fn signature(person: &Person, payload: &[u8], token: TokenUse) -> Vec<u8> {
    person.token.sign(&sshsig::to_be_signed(&pae(payload)), token)
}

pub(super) fn blob_of(key: &[u8], namespace: &str, hash: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut blob = b"SSHSIG\0\0\0\x01".to_vec();
    [key, namespace.as_bytes(), b"", hash, signature].iter().for_each(|field| put(&mut blob, field));
    blob
}

pub fn armor(blob: &[u8], width: usize) -> String {
    let text = Base64::encode_string(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

pub(super) fn envelope(payload: &[u8], fingerprint: &str, armor: &[u8]) -> Vec<u8> {
    format!(
        "{{\"payload\":\"{}\",\"payloadType\":\"application/vnd.in-toto+json\",\
         \"signatures\":[{{\"keyid\":\"{fingerprint}\",\"sig\":\"{}\"}}]}}\n",
        Base64::encode_string(payload),
        Base64::encode_string(armor),
    )
    .into_bytes()
}

/// A record by a person over any payload: the signature is sound, whatever the payload says.
pub fn sign(person: &Person, payload: &[u8], token: TokenUse) -> Vec<u8> {
    let armor = armor(&wire_blob(person, payload, token), 70);
    envelope(payload, &person.token.key().fingerprint(), armor.as_bytes())
}

pub(super) fn record(statement: &Statement, person: &Person) -> Vec<u8> {
    sign(person, &statement.encode(), TOUCHED)
}

pub(super) fn sha512(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha512::digest(bytes).to_vec()
}

pub(super) fn to_be_signed(namespace: &str, hash: &[u8], digest: &[u8]) -> Vec<u8> {
    let mut out = b"SSHSIG".to_vec();
    [namespace.as_bytes(), b"", hash, digest].iter().for_each(|field| put(&mut out, field));
    out
}
