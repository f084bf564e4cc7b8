//! `ssh-keygen -Y sign`: security keys, and whatever else OpenSSH can open. It asks for PIN, passphrase and touch on
//! the terminal by itself, so it must have the terminal while it runs.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::KeyError;

/// The armored signature over a message.
pub(super) fn sign(key: &Path, namespace: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let failed = |why: String| {
        KeyError::Unusable(format!(
            "`ssh-keygen -Y sign` with {} did not sign: {why}. Nothing was signed.",
            key.display()
        ))
    };
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("it cannot be run ({error}); is OpenSSH installed?")))?;
    if let Some(mut input) = child.stdin.take() {
        // It may end before it has read everything; its exit status says why.
        let _ = input.write_all(message);
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    Ok(output.stdout)
}
