//! The JSON of records: lists of a family, and one record with what was signed.

use serde::Serialize;
use serde_json::Value;

use crate::cli::print_json;

/// Prints the records of a family; the schema names it.
pub(super) fn print_list<R: Serialize>(schema: &'static str, records: &[R]) {
    #[derive(Serialize)]
    struct Listed<'l, R> {
        schema: &'static str,
        records: &'l [R],
    }
    print_json(&Listed { schema, records });
}

/// Prints one record: its row in the list, the key that signed it, and the bytes that were signed, which are JSON.
///
/// # Errors
/// The bytes are not JSON.
pub(super) fn print_one<R: Serialize>(schema: &'static str, row: R, key: String, signed: &[u8]) -> Result<(), String> {
    #[derive(Serialize)]
    struct Shown<R> {
        schema: &'static str,
        #[serde(flatten)]
        row: R,
        key: String,
        /// As it was signed.
        statement: Value,
    }
    let statement = serde_json::from_slice(signed).map_err(|error| error.to_string())?;
    print_json(&Shown { schema, row, key, statement });
    Ok(())
}
