//! A whole record: never a panic; what decodes has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undersign::record::envelope::Envelope;
use undersign::record::verify;

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::decode(data) {
        assert_eq!(envelope.encode(), data);
    }
    let _ = verify(data);
});
