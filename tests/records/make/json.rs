//! `record-json-*`: payloads that can be read in two ways, or in none.

use super::Maker;
use super::people::{TOUCHED, dana, statement};
use super::signing::sign;

impl Maker {
    /// A payload, changed as text and soundly signed.
    pub(super) fn text(&mut self, name: &str, what: &str, expect: &str, change: impl FnOnce(&str) -> String) {
        let text = String::from_utf8(statement(&dana()).encode()).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "{name}");
        self.record(name, what, expect, sign(&dana(), changed.as_bytes(), TOUCHED));
    }

    pub(super) fn json(&mut self) {
        let (json, form) = ("JsonMalformed", "StatementMalformed");
        self.text("json-double-key", "A key that is there twice", form, |t| {
            t.replace("\"principal\": \"dana\"", "\"principal\": \"dana\",\n    \"principal\": \"rahim\"")
        });
        self.text("json-double-verdict", "Two verdicts", form, |t| {
            t.replace("\"verdict\": \"approve\"", "\"verdict\": \"reject\",\n    \"verdict\": \"approve\"")
        });
        self.text("json-unknown-key", "A member that is not of the format", form, |t| {
            t.replace("\"roles\"", "\"extra\": \"x\",\n    \"roles\"")
        });
        self.text("json-missing-key", "A member is missing", form, |t| t.replace("    \"challenge\": \"\",\n", ""));
        self.text("json-number", "A number where a decimal string belongs", form, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": 1")
        });
        self.text("json-float", "A float", form, |t| t.replace("\"seq\": \"1\"", "\"seq\": 1.0"));
        self.text("json-null", "null", form, |t| t.replace("\"challenge\": \"\"", "\"challenge\": null"));
        self.text("json-decimal-zero", "A decimal with a leading zero", json, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": \"01\"")
        });
        self.text("json-decimal-plus", "A decimal with a sign", json, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": \"+1\"")
        });
        self.text("json-decimal-huge", "A decimal beyond 64 bits", form, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": \"18446744073709551616\"")
        });
        self.text("json-decimal-minus", "A negative decimal", form, |t| t.replace("\"seq\": \"1\"", "\"seq\": \"-1\""));
        self.text("json-indent", "Another indentation", json, |t| t.replace("  ", " "));
        self.text("json-minified", "No white space", json, |t| t.replace("\n", "").replace("  ", ""));
        self.text("json-tab", "A tab for indentation", json, |t| t.replacen("  ", "\t", 1));
        self.text("json-crlf", "CR LF", json, |t| t.replace('\n', "\r\n"));
        self.text("json-no-newline", "No line feed at the end", json, |t| t.trim_end().to_owned());
        self.text("json-trailing", "White space at the end", json, |t| format!("{t} "));
        self.text("json-second-value", "A second value after the first", json, |t| format!("{t}{{}}\n"));
        self.text("json-bom", "A byte order mark", json, |t| format!("\u{feff}{t}"));
        self.text("json-raw-unicode", "A character beyond ASCII, not escaped", json, |t| {
            t.replace("\\u6f22", "\u{6f22}")
        });
        self.text("json-upper-escape", "An escape in upper case", json, |t| t.replace("\\u6f22", "\\u6F22"));
        self.text("json-needless-escape", "An escape that is not needed", json, |t| {
            t.replace("\"dana\"", "\"\\u0064ana\"")
        });
        self.text("json-slash", "An escaped slash", json, |t| t.replace("refs/heads", "refs\\/heads"));
        self.text("json-surrogate", "Half of a surrogate pair", json, |t| t.replace("\\ud83d\\ude00", "\\ud83d"));
        self.text("json-surrogate-low", "The other half of a surrogate pair", json, |t| {
            t.replace("\\ud83d\\ude00", "\\ude00")
        });
        self.text("json-surrogate-reversed", "A surrogate pair in the wrong order", json, |t| {
            t.replace("\\ud83d\\ude00", "\\ude00\\ud83d")
        });
        self.text("json-number-zero", "A number with a leading zero is no JSON", json, |t| {
            t.replace("\"seq\": \"1\"", "\"seq\": 01")
        });
        self.text("json-true", "true", form, |t| t.replace("\"challenge\": \"\"", "\"challenge\": true"));
        self.text("json-delete", "U+007F, not escaped", json, |t| t.replace("line one", "line\u{7f}one"));
        self.text("json-long-escape", "A line feed by its number", json, |t| t.replace("one\\nline", "one\\u000aline"));
        self.text("json-nested", "Lists in the place of a text, however deep", form, |t| {
            t.replace("\"challenge\": \"\"", &format!("\"challenge\": {}{}", "[".repeat(200), "]".repeat(200)))
        });
        self.text(
            "json-first-number",
            "A number, and then the text is cut off: the first of both is named",
            form,
            |t| t.replace("\"seq\": \"1\"", "\"seq\": 1").trim_end().trim_end_matches('}').to_owned(),
        );
        self.text("json-first-cut", "Cut off before a member that is unknown", json, |t| {
            t.replace("\"roles\": [", "\"roles\": [,").replace("\"nonce\"", "\"extra\"")
        });
        self.text("json-before-form", "Another spelling, and a principal that is no id", json, |t| {
            t.replace("refs/heads", "refs\\/heads").replace("\"dana\"", "\"Dana\"")
        });
        self.text("json-order", "Members in another order", json, |t| {
            t.replace(
                "    \"challenge\": \"\",\n    \"nonce\": \"00000000000000000000000000000000\",\n",
                "    \"nonce\": \"00000000000000000000000000000000\",\n    \"challenge\": \"\",\n",
            )
        });
        self.text("json-comment", "A comment", json, |t| format!("// yes\n{t}"));
        self.text("json-cut", "Cut off", json, |t| t[..t.len() / 2].to_owned());
        self.text("json-deep", "Nesting without end", form, |t| {
            t.replace("\"challenge\": \"\"", &format!("\"challenge\": {}", "[".repeat(5000)))
        });
        self.record(
            "json-not-utf8",
            "A byte that is not UTF-8",
            json,
            sign(&dana(), &[&statement(&dana()).encode()[..], b"\xff"].concat(), TOUCHED),
        );
        self.record("json-empty", "An empty payload", json, sign(&dana(), b"", TOUCHED));
    }
}
