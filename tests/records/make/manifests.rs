//! `manifest-*`: the list of what changes.

use super::Maker;
use super::people::manifest;

impl Maker {
    pub(super) fn manifests(&mut self) {
        let good = String::from_utf8(manifest().encode()).unwrap();
        let bad = "ManifestMalformed";
        let mut vector = |name: &str, what: &str, expect: &str, text: String| {
            self.push("manifest", name, what, expect, text.into_bytes());
        };
        vector("sound", "A path that is new, with bytes that are escaped, and one that changed", "sound", good.clone());
        let digest = "1".repeat(64);
        let entry = |mode: &str, path: &str| format!("000000 {} {mode} {digest} {path}\n", "0".repeat(64));
        let modes = [("100755", "-x"), ("120000", "a b"), ("160000", "a\\x5cb"), ("100644", "a\\xff")];
        let every: String = modes.iter().map(|(mode, path)| entry(mode, path)).collect();
        vector("sound-modes", "Every mode, and paths with a hyphen, a space, a backslash and no UTF-8", "sound", every);
        vector("sound-empty", "A change that changes nothing", "sound", String::new());
        let (first, second) = good.split_once('\n').unwrap();
        vector("order", "Paths out of order", bad, format!("{second}{first}\n"));
        vector("twice", "A path that is there twice", bad, format!("{first}\n{first}\n{second}"));
        vector("no-newline", "No line feed at the end", bad, good.trim_end().to_owned());
        vector("blank-line", "An empty line", bad, format!("{good}\n"));
        vector("crlf", "CR LF", bad, good.replace('\n', "\r\n"));
        vector("upper", "A digest in upper case", bad, good.replacen('a', "A", 1));
        vector("mode", "A mode that git has not", bad, good.replace("100644", "100664"));
        vector("mode-tree", "A directory", bad, good.replace("100644", "040000"));
        vector(
            "absent-digest",
            "An absent side with a digest",
            bad,
            good.replacen(&"0".repeat(64), &"1".repeat(64), 1),
        );
        vector(
            "both-absent",
            "A path absent before and after",
            bad,
            format!("000000 {0} 000000 {0} a\n", "0".repeat(64)),
        );
        vector("unchanged", "A path that did not change", bad, format!("100644 {0} 100644 {0} a\n", "1".repeat(64)));
        vector(
            "no-path",
            "A line without a path",
            bad,
            format!("000000 {} 100644 {} \n", "0".repeat(64), "1".repeat(64)),
        );
        vector("escape-needless", "An escape that is not needed", bad, good.replace("src/lib.rs", "src/\\x6cib.rs"));
        vector("escape-upper", "An escape in upper case", bad, good.replace("\\xc3", "\\xC3"));
        vector("escape-cut", "An escape that is cut off", bad, good.replace("\\x0a", "\\x0"));
        vector("raw-byte", "A byte that should be escaped", bad, good.replace("\\xc3\\xa9", "\u{e9}"));
        vector("spaces", "Two spaces between fields", bad, good.replacen(' ', "  ", 1));
        self.push("manifest", "not-utf8", "A byte that is not UTF-8", bad, [good.as_bytes(), b"\xff\n"].concat());
    }
}
