//! The signed text: never a panic; what decodes has one spelling, and is printable ASCII.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undersign::record::Statement;

fuzz_target!(|data: &[u8]| {
    if let Ok(statement) = Statement::decode(data) {
        assert_eq!(statement.encode(), data);
        assert!(data.iter().all(|byte| matches!(byte, b'\n' | 0x20..=0x7e)));
    }
});
