//! `record-blob-*`, `record-namespace-*`, `record-hash-*` and `record-key-*`: what a signature says of itself, and by
//! which key.

use undersign::change::digest::Digest;
use undersign::record::envelope::pae;
use undersign::record::sshsig;
use undersign::record::wire::put;

use super::Maker;
use super::people::{Person, TOUCHED, dana, ines, rahim, statement, with};
use super::signing::{armor, blob_of, envelope, sha512, signature, to_be_signed, wire_blob};

impl Maker {
    /// A blob in place of the one that signs the payload.
    pub(super) fn blob(&mut self, name: &str, what: &str, expect: &str, blob: &[u8]) {
        self.armored(name, what, expect, &armor(blob, 70));
    }

    pub(super) fn blobs(&mut self) {
        let payload = statement(&dana()).encode();
        let good = wire_blob(&dana(), &payload, TOUCHED);
        let (key, signature) = (dana().token.blob(), signature(&dana(), &payload, TOUCHED));
        let fields = |version: u32, fields: &[&[u8]]| {
            let mut blob = [&b"SSHSIG"[..], &version.to_be_bytes()].concat();
            fields.iter().for_each(|field| put(&mut blob, field));
            blob
        };
        let ns = sshsig::NAMESPACE.as_bytes();
        let bad = "BlobMalformed";
        self.blob("blob-magic", "Another magic", bad, &[b"SSHSIH", &good[6..]].concat());
        self.blob("blob-version-0", "Version 0", bad, &fields(0, &[&key, ns, b"", b"sha512", &signature]));
        self.blob("blob-version-2", "Version 2", bad, &fields(2, &[&key, ns, b"", b"sha512", &signature]));
        self.blob(
            "blob-reserved",
            "A reserved field that is not empty and not signed",
            bad,
            &fields(1, &[&key, ns, b"x", b"sha512", &signature]),
        );
        let mut signed_reserved = b"SSHSIG".to_vec();
        [ns, b"x", b"sha512", &sha512(&pae(&payload))].iter().for_each(|field| put(&mut signed_reserved, field));
        let signed_reserved = dana().token.sign(&signed_reserved, TOUCHED);
        self.blob(
            "blob-reserved-signed",
            "A reserved field that is not empty, and signed",
            bad,
            &fields(1, &[&key, ns, b"x", b"sha512", &signed_reserved]),
        );
        self.blob("blob-trailing", "Two bytes after the signature", bad, &[&good[..], b"\0\0"].concat());
        self.blob("blob-short", "Cut off inside the signature", bad, &good[..good.len() - 1]);
        self.blob("blob-no-signature", "Fields missing", bad, &fields(1, &[&key, ns, b"", b"sha512"]));
        self.blob(
            "blob-length",
            "A length beyond the end",
            bad,
            &[b"SSHSIG\0\0\0\x01\xff\xff\xff\xff", &good[14..]].concat(),
        );
        for (name, namespace) in [
            ("file", "file"),
            ("git", "git"),
            ("case", "Decision@undersign"),
            ("prefix", "decision@undersign2"),
            ("empty", ""),
        ] {
            let signature = dana().token.sign(&to_be_signed(namespace, b"sha512", &sha512(&pae(&payload))), TOUCHED);
            let what = format!("Signed soundly, in the namespace `{namespace}`");
            self.blob(
                &format!("namespace-{name}"),
                &what,
                "Namespace",
                &blob_of(&key, namespace, b"sha512", &signature),
            );
        }
        let sha256 = Digest::of(&pae(&payload)).0;
        let signature = dana().token.sign(&to_be_signed(sshsig::NAMESPACE, b"sha256", &sha256), TOUCHED);
        self.blob(
            "hash-sha256",
            "Signed soundly, with sha256",
            "HashAlgorithm",
            &blob_of(&key, sshsig::NAMESPACE, b"sha256", &signature),
        );
        self.blob(
            "hash-unknown",
            "A hash that is none",
            "HashAlgorithm",
            &blob_of(&key, sshsig::NAMESPACE, b"sha1", &signature),
        );
    }

    /// A key blob in place of the signer's.
    pub(super) fn key(&mut self, name: &str, what: &str, expect: &str, person: &Person, key: &[u8]) {
        let signature = signature(person, &statement(&dana()).encode(), TOUCHED);
        self.blob(&format!("key-{name}"), what, expect, &blob_of(key, sshsig::NAMESPACE, b"sha512", &signature));
    }

    pub(super) fn keys(&mut self) {
        let fields = |fields: &[&[u8]]| {
            let mut out = Vec::new();
            fields.iter().for_each(|field| put(&mut out, field));
            out
        };
        let (ed, p256) = (dana().token.point(), rahim().token.point());
        let bad = "KeyMalformed";
        self.key("rsa", "An RSA key", "KeyType", &dana(), &fields(&[b"ssh-rsa", b"\x01\0\x01", &[1; 256]]));
        self.key(
            "webauthn",
            "A key type that only signatures have",
            "KeyType",
            &dana(),
            &fields(&[b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", &p256, b"ssh:undersign"]),
        );
        self.key(
            "certificate",
            "A certificate",
            "KeyType",
            &dana(),
            &fields(&[b"ssh-ed25519-cert-v01@openssh.com", &ed]),
        );
        self.key(
            "p384",
            "A key of another curve",
            "KeyType",
            &dana(),
            &fields(&[b"ecdsa-sha2-nistp384", b"nistp384", &[4; 97]]),
        );
        self.key("empty", "No key", bad, &dana(), b"");
        self.key("short", "31 bytes of ed25519", bad, &dana(), &fields(&[b"ssh-ed25519", &ed[..31]]));
        self.key("long", "33 bytes of ed25519", bad, &dana(), &fields(&[b"ssh-ed25519", &[&ed[..], b"\0"].concat()]));
        self.key("trailing", "Bytes after the key", bad, &dana(), &[&dana().token.blob()[..], b"\0"].concat());
        self.key(
            "off-curve-ed25519",
            "No point of the curve",
            bad,
            &dana(),
            &fields(&[b"ssh-ed25519", &[&[2u8][..], &[0; 31]].concat()]),
        );
        self.key(
            "curve-name",
            "The name of another curve",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp384", &p256]),
        );
        let compressed = [&[2 + (p256[64] & 1)][..], &p256[1..33]].concat();
        self.key(
            "compressed",
            "A compressed point",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp256", &compressed]),
        );
        let mut off = p256.clone();
        off[64] ^= 1;
        self.key(
            "off-curve",
            "No point of the curve",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp256", &off]),
        );
        self.key(
            "infinity",
            "The point at infinity",
            bad,
            &rahim(),
            &fields(&[b"ecdsa-sha2-nistp256", b"nistp256", b"\0"]),
        );
        self.key(
            "application-missing",
            "A security key without application",
            bad,
            &ines(),
            &fields(&[b"sk-ssh-ed25519@openssh.com", &ines().token.point()]),
        );
        for (name, application) in
            [("control", "ssh:\u{1b}[2J"), ("unicode", "ssh:\u{202e}"), ("long", &"s".repeat(256) as &str)]
        {
            let mut person = ines();
            person.token.application = application.to_owned();
            let what = "An application that is not up to 255 printable ASCII characters";
            self.key(&format!("application-{name}"), what, bad, &person, &person.token.blob());
        }
        let mut person = ines();
        person.token.application = "s".repeat(255);
        let payload = with(&person, |_| {}).encode();
        let armor = armor(&wire_blob(&person, &payload, TOUCHED), 70);
        let bytes = envelope(&payload, &person.token.key().fingerprint(), armor.as_bytes());
        self.record("key-application-longest", "An application of 255 characters", "sound", bytes);
    }
}
