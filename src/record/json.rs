//! How signed JSON is written: indented, ASCII only, LF. A reader encodes the value again and compares, so each
//! statement has one spelling, and duplicate keys, floats, odd escapes and white space cannot hide in it.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Fault;

/// Indented, ASCII-escaped JSON with a final LF.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut text =
        serde_json::to_string_pretty(value).expect("plain data with string keys always serialises into memory");
    text.push('\n');
    ascii(text).into_bytes()
}

/// The same JSON in ASCII: characters that would act on a terminal, or hide there, are escaped; for machines the text
/// is the same.
pub fn ascii(text: String) -> String {
    if text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | ' '..='~' => out.push(c),
            // Such characters occur only in strings, so the escape means the same.
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(out, "\\u{unit:04x}")),
        }
    }
    out
}

/// Reads what [`encode`] writes for a `T`, and nothing else.
///
/// # Errors
/// [`Fault::JsonMalformed`]: not JSON, or another spelling than the one. [`Fault::StatementMalformed`]: JSON, but not
/// of a `T`: a member is missing, unknown, duplicate, or of another type.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let value = serde_json::from_slice(bytes)
        .map_err(|error| if error.is_data() { Fault::StatementMalformed } else { Fault::JsonMalformed })?;
    if encode(&value) == bytes { Ok(value) } else { Err(Fault::JsonMalformed) }
}

/// Whether this is a statement with another predicate than the expected one, so that the fault can say so.
pub(crate) fn names_other_predicate(payload: &[u8], wanted: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "predicateType")]
        predicate_type: String,
    }
    serde_json::from_slice::<Kind>(payload).is_ok_and(|kind| kind.predicate_type != wanted)
}
