//! Keys made from fixed seeds, and a security key in software: what PROTOCOL.u2f says, in twenty lines. It sets
//! whatever flags and counter it is told to, which is why presence hangs on enrolment and not on what a record says.

#![allow(dead_code)]

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use sha2::{Digest as _, Sha256};
use undersign::record::Key;
use undersign::record::key::{KeyType, TokenUse, token_message};
use undersign::record::wire::put;

pub const APPLICATION: &str = "ssh:undersign";

/// A private key of one of the four types.
#[derive(Clone)]
pub struct Token {
    kind: KeyType,
    seed: [u8; 32],
    pub application: String,
}

impl Token {
    pub fn new(kind: KeyType, seed: u8) -> Token {
        Token { kind, seed: [seed; 32], application: APPLICATION.to_owned() }
    }

    fn ed25519(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.seed)
    }

    fn p256(&self) -> p256::ecdsa::SigningKey {
        p256::ecdsa::SigningKey::from_slice(&self.seed).unwrap()
    }

    fn is_ed25519(&self) -> bool {
        matches!(self.kind, KeyType::Ed25519 | KeyType::SkEd25519)
    }

    pub fn point(&self) -> Vec<u8> {
        if self.is_ed25519() {
            self.ed25519().verifying_key().to_bytes().to_vec()
        } else {
            self.p256().verifying_key().to_encoded_point(false).as_bytes().to_vec()
        }
    }

    /// The public key's blob, written here by itself and not by the code under test.
    pub fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.kind.name().as_bytes());
        if !self.is_ed25519() {
            put(&mut out, b"nistp256");
        }
        put(&mut out, &self.point());
        if self.kind.is_security_key() {
            put(&mut out, self.application.as_bytes());
        }
        out
    }

    pub fn key(&self) -> Key {
        Key::parse(&self.blob()).unwrap()
    }

    /// The signature blob, with flags and counter where the key is a security key.
    pub fn sign(&self, message: &[u8], token: TokenUse) -> Vec<u8> {
        let security = self.kind.is_security_key();
        let message = if security { token_message(&self.application, token, message) } else { message.to_vec() };
        let value = if self.is_ed25519() {
            self.ed25519().sign(&message).to_bytes().to_vec()
        } else {
            let signature: p256::ecdsa::Signature = self.p256().sign_prehash(&Sha256::digest(&message)).unwrap();
            scalars(&signature.r().to_bytes(), &signature.s().to_bytes())
        };
        let mut out = Vec::new();
        put(&mut out, self.kind.name().as_bytes());
        put(&mut out, &value);
        if security {
            out.push(token.flags);
            out.extend_from_slice(&token.counter.to_be_bytes());
        }
        out
    }
}

/// `mpint r, mpint s`
pub fn scalars(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for scalar in [r, s] {
        put(&mut out, &mpint(scalar));
    }
    out
}

/// The shortest non-negative `mpint` of big-endian digits.
pub fn mpint(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = digits.iter().copied().skip_while(|&d| d == 0).collect();
    let sign: &[u8] = if digits.first().is_some_and(|&d| d >= 0x80) { &[0] } else { &[] };
    [sign, &digits].concat()
}
