//! The plan of a requester in JSON: never a panic, and what is shown of it is a preview that can be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undersign::command::preview::{Act, Document, plan};

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = plan::preview(data, "terraform") {
        assert!(document.count(Act::Unclear) > 0, "no plan is surely harmless");
        assert_eq!(Document::decode(&document.encode(), &document.summary()), Some(document));
    }
});
