//! A script for psql: never a panic, and a statement after any text that is understood is seen.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undersign::command::preview::{Act, Document, sql};

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = sql::preview(data) {
        assert_eq!(Document::decode(&document.encode(), &document.summary()), Some(document));
    }
    let with_drop = [data, b"\n;\nDROP TABLE canary;\n"].concat();
    if let Ok(document) = sql::preview(&with_drop) {
        assert!(document.count(Act::Destroy) + document.count(Act::Unclear) > 0);
    }
});
