//! The signed text of each kind of statement: never a panic; what decodes has one spelling, and is printable ASCII.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undersign::command::{AuthorizationStatement, RunStatement};
use undersign::record::evidence::EvidenceStatement;
use undersign::record::outcome::OutcomeStatement;
use undersign::record::{Signable, Statement};

fn read<S: Signable>(data: &[u8]) {
    if let Ok(statement) = S::decode(data) {
        assert_eq!(statement.encode(), data);
        assert!(data.iter().all(|byte| matches!(byte, b'\n' | 0x20..=0x7e)));
    }
}

fuzz_target!(|data: &[u8]| {
    read::<Statement>(data);
    read::<OutcomeStatement>(data);
    read::<EvidenceStatement>(data);
    read::<RunStatement>(data);
    read::<AuthorizationStatement>(data);
});
