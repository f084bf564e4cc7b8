//! FLOOR 2: text into the clipboard of the machine that the program runs on, by the program that the system has for it.
//! Over ssh the terminal has the clipboard: see [`sequence`].

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding as _};

/// Terminals take so much of it at most; more is not sent to them: bytes of base64.
const MAX_SEQUENCE: usize = 100_000;

/// The sequence by which a terminal takes text into its clipboard (OSC 52); none where the text is too long for it. The
/// text is encoded: nothing of it is seen by the terminal as a command.
pub fn sequence(text: &str) -> Option<String> {
    let encoded = Base64::encode_string(text.as_bytes());
    (encoded.len() <= MAX_SEQUENCE).then(|| format!("\x1b]52;c;{encoded}\x1b\\"))
}

/// Copies by the system's own program, where there is one. Without one it is the terminal's business alone, which never
/// answers: no error then.
pub fn copy(text: &str) -> Result<(), String> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program: &[&str] = if cfg!(target_os = "macos") {
        &["pbcopy"]
    } else if is_set("WAYLAND_DISPLAY") {
        &["wl-copy"]
    } else if is_set("DISPLAY") {
        &["xclip", "-selection", "clipboard"]
    } else {
        return Ok(());
    };
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{} could not be started: {error}.", program[0])),
    };
    let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(text.as_bytes()));
    let ended = child.wait();
    match (written, ended) {
        (Ok(()), Ok(status)) if status.success() => Ok(()),
        _ => Err(format!("{} did not take the text; only the terminal has it.", program[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_cannot_act_on_the_terminal() {
        let sequence = sequence("a\x1b]0;x\x07").unwrap();
        let inner = sequence.strip_prefix("\x1b]52;c;").unwrap().strip_suffix("\x1b\\").unwrap();
        assert!(inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
        assert_eq!(super::sequence(&"x".repeat(MAX_SEQUENCE)), None);
    }
}
