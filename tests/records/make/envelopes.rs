//! `record-sound-*`, `record-envelope-*` and `record-armor-*`: the text around a signature.

use base64ct::{Base64, Encoding as _};
use undersign::record::key::TokenUse;

use super::Maker;
use super::people::{TOUCHED, dana, ines, jonas, rahim, statement, with};
use super::signing::{armor, envelope, record, sign, wire_blob};

impl Maker {
    pub(super) fn sound(&mut self) {
        for (name, person) in [("ed25519", dana()), ("ecdsa", rahim()), ("sk-ed25519", ines()), ("sk-ecdsa", jonas())] {
            let what = format!("A sound record by a {} key", person.token.key().kind().name());
            self.record(&format!("sound-{name}"), &what, "sound", record(&statement(&person), &person));
        }
        for flags in [0x00, 0x04, 0x05, 0x45] {
            let what = format!("Flags {flags:#04x}: a sound record; what it proves, the roster says");
            let bytes = sign(&ines(), &statement(&ines()).encode(), TokenUse { flags, counter: 7 });
            self.record(&format!("sound-flags-{flags:02x}"), &what, "sound", bytes);
        }
        let no_tree = with(&dana(), |s| {
            s.predicate.result_tree.clear();
            s.subject[0].digest.git_tree = s.predicate.head.tree.clone();
        });
        self.record(
            "sound-no-result-tree",
            "Without a result tree, the subject names the head's tree",
            "sound",
            record(&no_tree, &dana()),
        );
    }

    pub(super) fn envelopes(&mut self) {
        let good = String::from_utf8(record(&statement(&dana()), &dana())).unwrap();
        let mut vector = |name: &str, what: &str, expect: &str, text: String| {
            assert_ne!(text, good, "{name}");
            self.record(&format!("envelope-{name}"), what, expect, text.into_bytes());
        };
        let bad = "EnvelopeMalformed";
        vector(
            "type",
            "Another payloadType",
            "PayloadType",
            good.replace("application/vnd.in-toto+json", "application/json"),
        );
        vector("space", "White space between members", bad, good.replace(",\"", ", \""));
        vector("no-newline", "No line feed at the end", bad, good.trim_end().to_owned());
        vector("two-newlines", "Two line feeds at the end", bad, format!("{good}\n"));
        vector("crlf", "CR LF at the end", bad, good.replace('\n', "\r\n"));
        vector("bom", "A byte order mark", bad, format!("\u{feff}{good}"));
        vector(
            "extra-member",
            "A member that is not of DSSE",
            bad,
            good.replace("{\"payload\"", "{\"note\":\"\",\"payload\""),
        );
        vector(
            "extra-in-signature",
            "A member of the signature that is not of DSSE",
            bad,
            good.replace("{\"keyid\"", "{\"cert\":\"\",\"keyid\""),
        );
        vector("missing-keyid", "A signature without keyid", bad, {
            let at = good.find("\"keyid\"").unwrap();
            let end = good.find("\"sig\"").unwrap();
            format!("{}{}", &good[..at], &good[end..])
        });
        vector("order", "Members in another order", bad, {
            let payload = &good[1..good.find(",\"payloadType\"").unwrap()];
            let rest = &good[good.find("\"payloadType\"").unwrap()..good.len() - 2];
            format!("{{{rest},{payload}}}\n")
        });
        vector(
            "twice-payload",
            "The payload twice: which one is signed?",
            bad,
            good.replacen('{', "{\"payload\":\"e30K\",", 1),
        );
        vector("no-signature", "No signature", bad, format!("{}[]}}\n", &good[..good.find('[').unwrap()]));
        vector("two-signatures", "Two signatures in one envelope", bad, {
            let signature = &good[good.find('[').unwrap() + 1..good.rfind(']').unwrap()];
            good.replace("]}", &format!(",{signature}]}}"))
        });
        vector(
            "escaped",
            "A character written as an escape",
            bad,
            good.replacen("\"payload\"", "\"\\u0070ayload\"", 1),
        );
        vector("url-base64", "The URL alphabet of base64", bad, {
            let sig = good.find("\"sig\"").unwrap();
            let at = sig + good[sig..].find(['+', '/']).unwrap_or(20);
            format!("{}-{}", &good[..at], &good[at + 1..])
        });
        vector(
            "base64-tail",
            "Base64 whose last digit carries bits that mean nothing",
            bad,
            non_canonical(&good, "\"sig\":\""),
        );
        vector("payload-tail", "The same in the payload", bad, non_canonical(&good, "\"payload\":\""));
        vector(
            "keyid",
            "keyid is another key's fingerprint",
            "KeyHint",
            good.replace(&dana().token.key().fingerprint(), &rahim().token.key().fingerprint()),
        );
        vector("payload-changed", "The payload was altered after signing", "SignatureInvalid", {
            let payload = String::from_utf8(statement(&dana()).encode()).unwrap().replace("\"approve\"", "\"reject\"");
            let old = Base64::encode_string(&statement(&dana()).encode());
            good.replace(&old, &Base64::encode_string(payload.as_bytes()))
        });
        vector("not-json", "No JSON at all", bad, "-----BEGIN SSH SIGNATURE-----\n".into());
        vector("empty", "Nothing", bad, String::new());
        self.push("record", "envelope-too-large", "One byte more than 1 MiB", "TooLarge", Vec::new())
            .headers
            .push(("body", format!("{} times 0x20", (1 << 20) + 1)));
        let raw = [&b"{\"payload\":\"\xff\""[..], &good.as_bytes()[12..]].concat();
        self.record("envelope-not-utf8", "A byte that is not UTF-8", bad, raw);
    }

    /// Another text in place of the armor that signs the payload.
    pub(super) fn armored(&mut self, name: &str, what: &str, expect: &str, armor: &str) {
        let payload = statement(&dana()).encode();
        let bytes = envelope(&payload, &dana().token.key().fingerprint(), armor.as_bytes());
        self.record(name, what, expect, bytes);
    }

    pub(super) fn armors(&mut self) {
        let blob = wire_blob(&dana(), &statement(&dana()).encode(), TOUCHED);
        let good = armor(&blob, 70);
        let bad = "ArmorMalformed";
        let head = "-----BEGIN SSH SIGNATURE-----\n";
        let cases = [
            ("width-76", "76 columns, as PROTOCOL.sshsig says; OpenSSH writes 70", armor(&blob, 76)),
            ("width-64", "64 columns", armor(&blob, 64)),
            ("one-line", "One long line", armor(&blob, 4096)),
            ("ragged", "Lines of different lengths", good.replacen('\n', "\n\n", 2).replacen("\n\n", "\n", 1)),
            ("trailing-space", "A space at the end of a line", good.replacen('\n', " \n", 2)),
            ("crlf", "CR LF", good.replace('\n', "\r\n")),
            ("junk-before", "Text before the armor", format!("note\n{good}")),
            ("junk-after", "Text after the armor", format!("{good}note\n")),
            ("twice", "Two armors", format!("{good}{good}")),
            ("no-end", "No end", good.replace("-----END SSH SIGNATURE-----\n", "")),
            ("no-final-newline", "No line feed after the end", good.trim_end().to_owned()),
            ("header", "A header as in PEM", good.replace(head, &format!("{head}Comment: x\n\n"))),
            ("pgp", "The armor of another format", good.replace("SSH SIGNATURE", "PGP SIGNATURE")),
            ("no-padding", "Base64 without padding, or with too much", pad_wrong(&good)),
        ];
        for (name, what, armor) in cases {
            assert_ne!(armor, good, "{name}");
            self.armored(&format!("armor-{name}"), what, bad, &armor);
        }
        let raw = [good.as_bytes(), b"\xff"].concat();
        let payload = statement(&dana()).encode();
        let bytes = envelope(&payload, &dana().token.key().fingerprint(), &raw);
        self.record("armor-not-utf8", "A byte that is not UTF-8", bad, bytes);
    }
}

/// The base64 text after `label` with a last digit that decodes to the same bytes where nobody looks.
pub(super) fn non_canonical(text: &str, label: &str) -> String {
    let start = text.find(label).unwrap() + label.len();
    let end = start + text[start..].find('"').unwrap();
    let body = &text[start..end];
    let digits = body.trim_end_matches('=');
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if digits.len() == body.len() {
        // No padding, so no loose bits: padding where none belongs is the other spelling.
        return format!("{}{body}={}", &text[..start], &text[end..]);
    }
    let last = digits.bytes().last().unwrap();
    let at = alphabet.iter().position(|&b| b == last).unwrap();
    let other = char::from(alphabet[at ^ 1]);
    format!(
        "{}{}{other}{}{}",
        &text[..start],
        &digits[..digits.len() - 1],
        "=".repeat(body.len() - digits.len()),
        &text[end..]
    )
}

/// An armor whose base64 has padding too much or too little.
pub(super) fn pad_wrong(armor: &str) -> String {
    let end = "\n-----END";
    if armor.contains(&format!("={end}")) {
        armor.replace(&format!("=={end}"), end).replace(&format!("={end}"), end)
    } else {
        armor.replace(end, &format!("={end}"))
    }
}
