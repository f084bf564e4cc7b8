//! What is inside an armor, and keys and signatures by themselves.
#![no_main]

use base64ct::{Base64, Encoding as _};
use libfuzzer_sys::fuzz_target;
use undersign::record::{Fault, Key, sshsig};

fuzz_target!(|data: &[u8]| {
    let text = Base64::encode_string(data);
    let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let armor = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"));
    let said = sshsig::verify(armor.as_bytes(), b"message");
    // The armor is sound here, but for the empty blob, which has no line.
    assert!(data.is_empty() || said != Err(Fault::ArmorMalformed));
    if let Ok(key) = Key::parse(data) {
        assert_eq!(key.blob(), data);
        assert_eq!(Key::from_openssh(&key.to_openssh()), Ok(key));
    }
});
