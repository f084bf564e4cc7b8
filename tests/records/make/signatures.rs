//! `record-signature-*`: the bytes that the key made.

use base64ct::Encoding as _;
use undersign::change::digest::Digest;
use undersign::record::envelope::pae;
use undersign::record::key::KeyType;
use undersign::record::sshsig;
use undersign::record::wire::put;

use super::Maker;
use super::people::{Person, TOUCHED, dana, ines, jonas, mina, rahim, statement};
use super::signing::{armor, blob_of, envelope, signature};
use crate::token::{Token, mpint, scalars};

impl Maker {
    /// A signature blob by a person in place of the sound one.
    pub(super) fn inner(&mut self, name: &str, what: &str, expect: &str, person: &Person, signature: &[u8]) {
        let payload = statement(person).encode();
        let blob = blob_of(&person.token.blob(), sshsig::NAMESPACE, b"sha512", signature);
        let bytes = envelope(&payload, &person.token.key().fingerprint(), armor(&blob, 70).as_bytes());
        self.record(&format!("signature-{name}"), what, expect, bytes);
    }

    pub(super) fn signatures(&mut self) {
        let made = |person: &Person| signature(person, &statement(person).encode(), TOUCHED);
        let typed = |name: &str, value: &[u8], tail: &[u8]| {
            let mut out = Vec::new();
            put(&mut out, name.as_bytes());
            put(&mut out, value);
            [&out[..], tail].concat()
        };
        let flip = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            bytes
        };
        let (ed, ec, sk, ske) = (made(&dana()), made(&rahim()), made(&ines()), made(&jonas()));
        let (bad, wrong) = ("SignatureMalformed", "SignatureInvalid");
        self.inner("flipped", "One bit of the signature is another", wrong, &dana(), &flip(&ed, ed.len() - 1));
        self.inner("flipped-r", "One bit of R is another", wrong, &dana(), &flip(&ed, 20));
        self.inner(
            "other-key",
            "By another key than the one it names",
            wrong,
            &dana(),
            &signature(&mina(), &statement(&dana()).encode(), TOUCHED),
        );
        self.inner("other-message", "Over another payload", wrong, &dana(), &signature(&dana(), b"{}", TOUCHED));
        let value = &ed[ed.len() - 64..];
        self.inner(
            "high-s",
            "ed25519 whose s is not below the order: another spelling of a sound one",
            wrong,
            &dana(),
            &typed("ssh-ed25519", &add_order(value), b""),
        );
        self.inner("short", "63 bytes", bad, &dana(), &typed("ssh-ed25519", &value[..63], b""));
        self.inner("trailing", "Bytes after an ed25519 signature", bad, &dana(), &[&ed[..], &[0; 5]].concat());
        self.inner("empty", "Nothing", bad, &dana(), b"");
        self.inner("no-value", "A type and nothing after it", bad, &dana(), &ed[..15]);
        self.inner(
            "type-other",
            "The type of another key",
            "KeyType",
            &dana(),
            &typed("sk-ssh-ed25519@openssh.com", value, &[1, 0, 0, 0, 7]),
        );
        self.inner(
            "type-sk-as-plain",
            "A security key's signature under the plain type",
            "KeyType",
            &ines(),
            &typed("ssh-ed25519", &sk[34..98], b""),
        );
        self.inner(
            "type-webauthn",
            "A signature of the webauthn type",
            "KeyType",
            &jonas(),
            &typed("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", b"x", &[1, 0, 0, 0, 7]),
        );
        self.small_order();
        // ECDSA: r and s, 32 bytes each.
        let (r, s) = read_scalars(&ec);
        let ecdsa = |r: &[u8], s: &[u8]| {
            let mut value = Vec::new();
            put(&mut value, r);
            put(&mut value, s);
            typed("ecdsa-sha2-nistp256", &value, b"")
        };
        self.inner(
            "ecdsa-other-s",
            "n − s in place of s: both verify, and the record's id does not hang on it",
            "sound",
            &rahim(),
            &ecdsa(&mpint(&r), &mpint(&subtract(&ORDER_P256, &s))),
        );
        self.inner(
            "ecdsa-flipped",
            "One bit of s is another",
            wrong,
            &rahim(),
            &ecdsa(&mpint(&r), &mpint(&flip(&s, 31))),
        );
        self.inner("ecdsa-zero-r", "r is 0", bad, &rahim(), &ecdsa(b"", &mpint(&s)));
        self.inner("ecdsa-zero-byte", "r is a zero byte", bad, &rahim(), &ecdsa(b"\0", &mpint(&s)));
        self.inner(
            "ecdsa-order",
            "s is the order of the curve",
            wrong,
            &rahim(),
            &ecdsa(&mpint(&r), &mpint(&ORDER_P256)),
        );
        self.inner(
            "ecdsa-long",
            "A leading zero that the mpint does not need",
            bad,
            &rahim(),
            &ecdsa(&[&[0][..], &mpint(&r)].concat(), &mpint(&s)),
        );
        self.inner("ecdsa-negative", "An mpint that is negative", bad, &rahim(), &ecdsa(&negative(&r), &mpint(&s)));
        self.inner("ecdsa-wide", "An mpint of 33 digits", bad, &rahim(), &ecdsa(&[&[1][..], &r].concat(), &mpint(&s)));
        self.inner(
            "ecdsa-trailing",
            "Bytes after s",
            bad,
            &rahim(),
            &typed("ecdsa-sha2-nistp256", &[&scalars(&r, &s)[..], b"\0"].concat(), b""),
        );
        self.inner(
            "ecdsa-one-scalar",
            "Only one scalar",
            bad,
            &rahim(),
            &typed("ecdsa-sha2-nistp256", &scalars(&r, &s)[..36], b""),
        );
        // Security keys: flags and counter are signed.
        for (name, person, bytes) in [("sk", ines(), &sk), ("sk-ecdsa", jonas(), &ske)] {
            let n = bytes.len();
            self.inner(
                &format!("{name}-flags"),
                "Flags set after signing",
                wrong,
                &person,
                &[&bytes[..n - 5], &[5], &bytes[n - 4..]].concat(),
            );
            self.inner(
                &format!("{name}-counter"),
                "A counter raised after signing",
                wrong,
                &person,
                &flip(bytes, n - 1),
            );
            self.inner(&format!("{name}-no-counter"), "Flags without counter", bad, &person, &bytes[..n - 4]);
            self.inner(
                &format!("{name}-nothing"),
                "Neither flags nor counter: what a client that rebuilds agent signatures leaves",
                bad,
                &person,
                &bytes[..n - 5],
            );
            self.inner(
                &format!("{name}-trailing"),
                "A byte after the counter",
                bad,
                &person,
                &[&bytes[..], b"\0"].concat(),
            );
        }
        let mut elsewhere = ines();
        elsewhere.token.application = "ssh:".into();
        self.inner(
            "sk-application",
            "Made for another application than the key names",
            wrong,
            &ines(),
            &signature(&elsewhere, &statement(&ines()).encode(), TOUCHED),
        );
        self.inner("sk-unhashed", "A security key that signed the message itself", wrong, &ines(), &{
            let plain = Token::new(KeyType::Ed25519, 47)
                .sign(&sshsig::to_be_signed(&pae(&statement(&ines()).encode())), TOUCHED);
            typed("sk-ssh-ed25519@openssh.com", &plain[plain.len() - 64..], &[1, 0, 0, 0, 7])
        });
    }

    /// A public key of small order, for which a signature of zeros verifies over anything where it is not refused.
    pub(super) fn small_order(&mut self) {
        let identity = [&[1][..], &[0; 31]].concat();
        let mut key = Vec::new();
        put(&mut key, b"ssh-ed25519");
        put(&mut key, &identity);
        let mut signature = Vec::new();
        put(&mut signature, b"ssh-ed25519");
        put(&mut signature, &[&identity[..], &[0; 32]].concat());
        let payload = statement(&dana()).encode();
        let blob = blob_of(&key, sshsig::NAMESPACE, b"sha512", &signature);
        let fingerprint = format!("SHA256:{}", base64ct::Base64Unpadded::encode_string(&Digest::of(&key).0));
        let bytes = envelope(&payload, &fingerprint, armor(&blob, 70).as_bytes());
        self.record(
            "signature-small-order",
            "A key of small order, under which one signature fits all",
            "SignatureInvalid",
            bytes,
        );
    }
}

// Small arithmetic on digits, so that the cases do not lean on the code under test.

/// Order of P-256's group.
pub(super) const ORDER_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// Order of ed25519's group, little-endian.
pub(super) const ORDER_ED25519: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Big-endian a − b.
pub(super) fn subtract(a: &[u8; 32], b: &[u8]) -> Vec<u8> {
    let (mut out, mut borrow) = (vec![0; 32], 0i16);
    for i in (0..32).rev() {
        let digit = i16::from(a[i]) - i16::from(b[i]) - borrow;
        borrow = i16::from(digit < 0);
        out[i] = (digit & 0xff) as u8;
    }
    out
}

/// The ed25519 signature with the order added to its second half.
pub(super) fn add_order(signature: &[u8]) -> Vec<u8> {
    let (mut out, mut carry) = (signature.to_vec(), 0u16);
    for i in 0..32 {
        let digit = u16::from(out[32 + i]) + u16::from(ORDER_ED25519[i]) + carry;
        out[32 + i] = (digit & 0xff) as u8;
        carry = digit >> 8;
    }
    out
}

/// The digits with their highest bit set and no sign byte: a negative mpint.
pub(super) fn negative(digits: &[u8]) -> Vec<u8> {
    let mut out = digits.to_vec();
    out[0] |= 0x80;
    out
}

/// r and s of an ECDSA signature blob, 32 bytes each.
pub(super) fn read_scalars(blob: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut rest = blob;
    let take = |rest: &mut &[u8]| undersign::record::wire::take(rest).unwrap().to_vec();
    take(&mut rest);
    let value = take(&mut rest);
    let mut value = &value[..];
    let pad = |digits: Vec<u8>| {
        let digits: Vec<u8> = digits.into_iter().skip_while(|&d| d == 0).collect();
        [vec![0; 32 - digits.len()], digits].concat()
    };
    let r = take(&mut value);
    let s = take(&mut value);
    (pad(r), pad(s))
}
