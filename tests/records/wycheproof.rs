//! Wycheproof's vectors (C2SP/wycheproof) against the path that verifies records: key blob, signature blob, message.

use undersign::record::wire::put;
use undersign::record::{Fault, Key};
use wycheproof::TestResult;

use crate::token::mpint;

fn key(name: &str, curve: &[u8], point: &[u8]) -> Result<Key, Fault> {
    let mut blob = Vec::new();
    put(&mut blob, name.as_bytes());
    if !curve.is_empty() {
        put(&mut blob, curve);
    }
    put(&mut blob, point);
    Key::parse(&blob)
}

fn signature(name: &str, value: &[u8]) -> Vec<u8> {
    let mut blob = Vec::new();
    put(&mut blob, name.as_bytes());
    put(&mut blob, value);
    blob
}

fn verifies(key: &Result<Key, Fault>, signature: &[u8], message: &[u8]) -> bool {
    key.as_ref().is_ok_and(|key| key.verify(signature, message).is_ok())
}

#[test]
fn ed25519_is_verified_as_wycheproof_says() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut count = 0;
    for group in &set.test_groups {
        let key = key("ssh-ed25519", b"", &group.key.pk);
        for test in &group.tests {
            let said = verifies(&key, &signature("ssh-ed25519", &test.sig), &test.msg);
            assert_eq!(said, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count >= 150, "{count}");
}

#[test]
fn p256_is_verified_as_wycheproof_says() {
    let set = wycheproof::ecdsa::TestSet::load(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut count = 0;
    for group in &set.test_groups {
        let key = key("ecdsa-sha2-nistp256", b"nistp256", &group.key.key);
        for test in &group.tests {
            // r and s side by side, 32 bytes each; another length is no pair of scalars.
            let value = (test.sig.len() == 64).then(|| scalars(&test.sig[..32], &test.sig[32..]));
            let said = value.is_some_and(|value| verifies(&key, &signature("ecdsa-sha2-nistp256", &value), &test.msg));
            assert_eq!(said, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count >= 250, "{count}");
}

/// The same in DER. Its integers go over as they are, so that what is negative, too long or padded there is here as
/// well; what is no DER at all never becomes an SSH signature.
#[test]
fn p256_in_der_is_verified_as_wycheproof_says() {
    let set = wycheproof::ecdsa::TestSet::load(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    let (mut count, mut carried) = (0, 0);
    for group in &set.test_groups {
        let key = key("ecdsa-sha2-nistp256", b"nistp256", &group.key.key);
        for test in &group.tests {
            let value = integers(&test.sig);
            carried += usize::from(value.is_some());
            let said = value.is_some_and(|value| verifies(&key, &signature("ecdsa-sha2-nistp256", &value), &test.msg));
            assert_eq!(said, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count >= 450 && carried >= 290, "{carried} of {count}");
}

fn scalars(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, &mpint(r));
    put(&mut out, &mpint(s));
    out
}

/// `SEQUENCE { INTEGER, INTEGER }` with short lengths and nothing after it, its integers as two `str`.
fn integers(der: &[u8]) -> Option<Vec<u8>> {
    let [0x30, len, rest @ ..] = der else { return None };
    let mut rest = (usize::from(*len) == rest.len()).then_some(rest)?;
    let mut out = Vec::new();
    for _ in 0..2 {
        let [0x02, len, after @ ..] = rest else { return None };
        let (digits, after) = after.split_at_checked(usize::from(*len))?;
        put(&mut out, digits);
        rest = after;
    }
    rest.is_empty().then_some(out)
}
