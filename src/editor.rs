//! FLOOR 2: a read-only copy of a file, or a text of the person's own, in their editor. The copy is not inside the
//! repository: no configuration of a hostile tree is found next to it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

/// Editors that accept `+LINE FILE`, which is nearly all terminal editors.
const TAKE_LINES: &[&str] =
    &["vi", "vim", "nvim", "view", "nano", "emacs", "emacsclient", "micro", "kak", "joe", "jed", "mg", "ne", "hx"];

/// Bytes that are read of what a person wrote.
const MAX_WRITTEN: u64 = 1 << 20;

/// Opens a text at a line and waits until the editor ends. The name is a single path component, made safe by the
/// caller.
pub fn open(name: &str, text: &[u8], line: u32) -> Result<(), String> {
    with_copy(name, text, 0o400, |editor, file| run(editor, file, Some(line)))
}

/// Lets a person edit a text of their own, and returns the result.
pub fn write(text: &str) -> Result<String, String> {
    with_copy("note.md", text.as_bytes(), 0o600, |editor, file| {
        run(editor, file, None)?;
        let read = std::fs::File::open(file).and_then(|opened| {
            let mut bytes = Vec::new();
            opened.take(MAX_WRITTEN + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        match read {
            Err(error) => Err(format!("What was written cannot be read: {error}. The text is as it was before.")),
            Ok(bytes) if bytes.len() as u64 > MAX_WRITTEN => {
                Err("More than a mebibyte was written, which is not a note. The text is as it was before.".to_owned())
            }
            Ok(bytes) => written(bytes),
        }
    })
}

/// What an editor wrote, without the mark that some put before UTF-8.
fn written(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| "What was written is not UTF-8. The text is as it was before.".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

fn with_copy<T>(
    name: &str,
    text: &[u8],
    mode: u32,
    work: impl FnOnce(&str, &Path) -> Result<T, String>,
) -> Result<T, String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let dir = private_dir().map_err(|error| format!("There is no place for a copy of the text: {error}."))?;
    let file = dir.path().join(name);
    let written =
        put(&file, text, mode).map_err(|error| format!("The copy {} cannot be written: {error}.", file.display()));
    written.and_then(|()| work(&editor, &file))
}

/// A folder that no other user can read; after a crash, what is left of it is in the system's folder for temporary
/// files.
fn private_dir() -> std::io::Result<tempfile::TempDir> {
    let private = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix("undersign-").permissions(private).tempdir()
}

fn put(path: &Path, text: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// The variable may contain arguments; a shell splits it, as git does. What is opened at a line is only read.
fn run(editor: &str, file: &Path, line: Option<u32>) -> Result<(), String> {
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    let mut arguments: Vec<String> = Vec::new();
    if matches!(program, "vim" | "nvim") {
        // These editors may run commands in the lines of the file itself.
        arguments.extend(["--cmd", "set nomodeline"].map(str::to_owned));
        arguments.extend(line.map(|_| "-R".to_owned()));
    }
    if let Some(line) = line.filter(|_| TAKE_LINES.contains(&program)) {
        arguments.push(format!("+{line}"));
    }
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(editor)
        .args(&arguments)
        .arg(file)
        .status()
        .map_err(|error| format!("`{editor}` cannot be started: {error}."))?;
    match status.code() {
        Some(126 | 127) => Err(format!("`{editor}` cannot be started; set EDITOR to one that is here.")),
        // `:cq`, as git takes it too. What is only read is over, however it ended.
        Some(1..) if line.is_none() => Err(format!("`{editor}` ended with an error. The text is as it was before.")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_editor_that_failed_or_wrote_no_utf_8_leaves_is_not_taken() {
        let file = Path::new("note.md");
        assert!(run("false", file, None).unwrap_err().contains("ended with an error"));
        assert_eq!(run("false", file, Some(3)), Ok(()), "what is only read is over");
        assert_eq!(run("true", file, None), Ok(()));
        assert!(written(b"Gr\xfc\xdfe".to_vec()).unwrap_err().contains("not UTF-8"));
        assert_eq!(written("\u{feff}Grüße\n".into()), Ok("Grüße\n".to_owned()));
    }
}
