//! The ssh-agent: two messages of its protocol (draft-miller-ssh-agent), list and sign, on a unix socket with a time
//! limit.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::KeyError;
use crate::record::Key;
use crate::record::wire::{put, take};

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Bytes of an answer; OpenSSH's own limit.
const MAX_ANSWER: u32 = 256 << 10;
/// Listing is immediate; signing may wait for a person to confirm or touch.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
const SIGN_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether the agent holds a key.
pub(super) fn holds(socket: &Path, key: &Key) -> Result<bool, KeyError> {
    let answer = ask(socket, &[REQUEST_IDENTITIES], LIST_TIMEOUT)?;
    let mut rest = answer.strip_prefix(&[IDENTITIES_ANSWER]).ok_or_else(malformed)?;
    let (count, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
    rest = after;
    let wanted = key.blob();
    for _ in 0..u32::from_be_bytes(*count) {
        let blob = take(&mut rest).ok_or_else(malformed)?;
        take(&mut rest).ok_or_else(malformed)?;
        if blob == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The signature blob that the agent makes, with flags and counter for a security key.
pub(super) fn sign(socket: &Path, key: &Key, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut request = vec![SIGN_REQUEST];
    put(&mut request, &key.blob());
    put(&mut request, message);
    request.extend_from_slice(&0u32.to_be_bytes());
    let answer = ask(socket, &request, SIGN_TIMEOUT)?;
    let Some(mut rest) = answer.strip_prefix(&[SIGN_RESPONSE]) else {
        return Err(KeyError::Unusable(
            "The ssh-agent refused to sign. Is the key still in it, and is it unlocked?".to_owned(),
        ));
    };
    take(&mut rest).filter(|_| rest.is_empty()).map(<[u8]>::to_vec).ok_or_else(malformed)
}

fn ask(socket: &Path, request: &[u8], limit: Duration) -> Result<Vec<u8>, KeyError> {
    let failed = |error: std::io::Error| {
        KeyError::NoAgent(format!(
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

fn malformed() -> KeyError {
    KeyError::Unusable("The ssh-agent gave an answer that is not of its protocol. Nothing was signed.".to_owned())
}
