//! The ssh-agent: two messages of its protocol (draft-miller-ssh-agent), list and sign, on a unix socket with a time limit.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ssh_key::public::{Ed25519PublicKey, KeyData};

use super::SignError;
use crate::record::sshsig;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Bytes of an answer; OpenSSH's own limit.
const MAX_ANSWER: u32 = 256 << 10;
/// Listing is immediate; signing may wait for a person who confirms.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
const SIGN_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether the agent holds a key.
pub(super) fn holds(socket: &Path, key: &Ed25519PublicKey) -> Result<bool, SignError> {
    let answer = ask(socket, &[REQUEST_IDENTITIES], LIST_TIMEOUT)?;
    let mut rest = answer.strip_prefix(&[IDENTITIES_ANSWER]).ok_or_else(malformed)?;
    let (count, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
    rest = after;
    let wanted = sshsig::key_blob(&KeyData::Ed25519(*key));
    for _ in 0..u32::from_be_bytes(*count) {
        let blob = take(&mut rest)?;
        take(&mut rest)?;
        if blob == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn sign(socket: &Path, key: &Ed25519PublicKey, message: &[u8]) -> Result<[u8; 64], SignError> {
    let mut request = vec![SIGN_REQUEST];
    put(&mut request, &sshsig::key_blob(&KeyData::Ed25519(*key)));
    put(&mut request, message);
    request.extend_from_slice(&0u32.to_be_bytes());
    let answer = ask(socket, &request, SIGN_TIMEOUT)?;
    let Some(mut rest) = answer.strip_prefix(&[SIGN_RESPONSE]) else {
        return Err(SignError::Unusable(
            "The ssh-agent refused to sign. Is the key still in it, and is it unlocked?".to_owned(),
        ));
    };
    let mut blob = take(&mut rest)?;
    let kind = take(&mut blob)?;
    let signature = take(&mut blob)?;
    if kind != b"ssh-ed25519" {
        return Err(malformed());
    }
    signature.try_into().map_err(|_| malformed())
}

fn ask(socket: &Path, request: &[u8], limit: Duration) -> Result<Vec<u8>, SignError> {
    let failed = |error: std::io::Error| {
        SignError::Unusable(format!(
            "The ssh-agent at {} does not answer: {error}. Start one and `ssh-add` the key.",
            socket.display()
        ))
    };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    stream.set_read_timeout(Some(limit)).map_err(failed)?;
    stream.set_write_timeout(Some(limit)).map_err(failed)?;
    let mut framed = Vec::with_capacity(request.len() + 4);
    put(&mut framed, request);
    stream.write_all(&framed).map_err(failed)?;
    let mut len = [0; 4];
    stream.read_exact(&mut len).map_err(failed)?;
    let len = u32::from_be_bytes(len);
    if len > MAX_ANSWER {
        return Err(malformed());
    }
    let mut answer = vec![0; len as usize];
    stream.read_exact(&mut answer).map_err(failed)?;
    Ok(answer)
}

fn put(out: &mut Vec<u8>, field: &[u8]) {
    out.extend_from_slice(&(field.len() as u32).to_be_bytes());
    out.extend_from_slice(field);
}

fn take<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], SignError> {
    let (len, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
    let (field, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or_else(malformed)?;
    *rest = after;
    Ok(field)
}

fn malformed() -> SignError {
    SignError::Unusable("The ssh-agent gave an answer that is not of its protocol. Nothing was signed.".to_owned())
}
