//! An ssh-agent with one security key in software, on a real socket.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use undersign::record::key::TokenUse;
use undersign::record::wire::{put, take};
use undersign::signer::SigningKey;

use crate::token::Token;

/// Speaks the two messages of the agent's protocol for one token, and signs with whatever it is set to.
pub struct Agent {
    pub socket: PathBuf,
    token: Token,
    next: Arc<Mutex<TokenUse>>,
    _dir: tempfile::TempDir,
}

impl Agent {
    pub fn new(token: Token) -> Agent {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        let next = Arc::new(Mutex::new(TokenUse { flags: 1, counter: 1 }));
        let set = next.clone();
        let served = token.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&mut stream.unwrap(), &served, *set.lock().unwrap());
            }
        });
        Agent { socket, token, next, _dir: dir }
    }

    /// The token's key, as a reviewer's program finds it in this agent.
    pub fn key(&self) -> SigningKey {
        let key =
            SigningKey::find(&format!("key::{}", self.token.key().to_openssh()), Some(&self.socket), None).unwrap();
        assert!(!key.needs_passphrase() && !key.needs_terminal());
        key
    }

    pub fn set(&self, flags: u8, counter: u32) {
        *self.next.lock().unwrap() = TokenUse { flags, counter };
    }
}

fn answer(stream: &mut UnixStream, token: &Token, token_use: TokenUse) {
    let mut len = [0; 4];
    if stream.read_exact(&mut len).is_err() {
        return;
    }
    let mut request = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut request).unwrap();
    let mut reply = Vec::new();
    match request.split_first().unwrap() {
        (11, _) => {
            reply.push(12);
            reply.extend_from_slice(&1u32.to_be_bytes());
            put(&mut reply, &token.blob());
            put(&mut reply, b"software token");
        }
        (13, mut rest) => {
            assert_eq!(take(&mut rest), Some(&token.blob()[..]));
            let message = take(&mut rest).unwrap();
            reply.push(14);
            put(&mut reply, &token.sign(message, token_use));
        }
        _ => reply.push(5),
    }
    let mut framed = Vec::new();
    put(&mut framed, &reply);
    stream.write_all(&framed).unwrap();
}
