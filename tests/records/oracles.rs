//! The Python packages in-toto-attestation and securesystemslib as judges. `UNDERSIGN_ORACLES` names a Python that has
//! them; then a skip is a failure. Without it, `python3` is tried, and a skip is said aloud.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding as _};
use undersign::record::envelope::{Envelope, pae};
use undersign::record::key::TokenUse;

use crate::make::{dana, jonas, rahim, sign, statement};

#[test]
fn in_toto_and_securesystemslib_read_what_we_write() {
    let lines = [dana(), rahim(), jonas()].map(|person| {
        let bytes = sign(&person, &statement(&person).encode(), TokenUse { flags: 5, counter: 1 });
        let encoding = pae(&Envelope::decode(&bytes).unwrap().payload);
        format!("{} {}", Base64::encode_string(&bytes), Base64::encode_string(&encoding))
    });
    ask("oracles.py", &lines);
}

/// Gives the lines to a script of this directory, which fails where a judge disagrees.
pub fn ask(script: &str, lines: &[String]) {
    let named = std::env::var("UNDERSIGN_ORACLES").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let imports = "import in_toto_attestation, securesystemslib.dsse";
    let there = Command::new(&python).args(["-c", imports]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if !there {
        assert!(named.is_none(), "{python} has no in-toto-attestation and securesystemslib");
        eprintln!("oracle in-toto-attestation, securesystemslib: skipped, {python} has not both of them");
        return;
    }
    let mut child = Command::new(&python)
        .arg(format!("{}/tests/records/{script}", env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    lines.iter().for_each(|line| writeln!(input, "{line}").unwrap());
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    eprint!("oracle: ran, {}", String::from_utf8_lossy(&output.stdout));
}
