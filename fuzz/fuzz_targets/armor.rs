//! The armor of a signature: never a panic, and nothing but the one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undersign::record::sshsig;

fuzz_target!(|data: &[u8]| {
    if let Ok((key, _)) = sshsig::verify(data, b"message") {
        assert!(data.is_ascii() && data.starts_with(b"-----BEGIN SSH SIGNATURE-----\n"));
        assert_eq!(undersign::record::Key::parse(&key.blob()), Ok(key));
    }
});
