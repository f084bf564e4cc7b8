//! FLOOR 2: a read-only copy of a file in the person's editor. The copy has nothing of the repository around it: no
//! configuration of a hostile tree is found beside it.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Editors that take `+LINE FILE`, which is nearly all of the terminal's.
const TAKE_LINES: &[&str] =
    &["vi", "vim", "nvim", "view", "nano", "emacs", "emacsclient", "micro", "kak", "joe", "jed", "mg", "ne", "hx"];

/// Opens a text at a line and waits until the editor ends. The name is one part of a path, made safe by the caller.
pub fn open(name: &str, text: &[u8], line: u32) -> Result<(), String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let dir = private_dir().map_err(|error| format!("There is no place for a copy of the file: {error}."))?;
    let file = dir.join(name);
    let written =
        write(&file, text).map_err(|error| format!("The copy {} cannot be written: {error}.", file.display()));
    let ended = written.and_then(|()| run(&editor, &file, line));
    // What is left behind by a crash is in the system's own folder for such.
    let _ = std::fs::remove_dir_all(&dir);
    ended
}

fn private_dir() -> std::io::Result<PathBuf> {
    for n in 0..1000 {
        let dir = std::env::temp_dir().join(format!("undersign-{}-{n}", std::process::id()));
        match std::fs::DirBuilder::new().mode(0o700).create(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| dir),
        }
    }
    Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists))
}

fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o400))
}

/// The variable may hold arguments; a shell takes it apart, as git has it done.
fn run(editor: &str, file: &Path, line: u32) -> Result<(), String> {
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    let mut arguments: Vec<String> = Vec::new();
    if matches!(program, "vim" | "nvim") {
        // Lines of the file itself may be commands to these.
        arguments.extend(["-R", "--cmd", "set nomodeline"].map(str::to_owned));
    }
    if TAKE_LINES.contains(&program) {
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
        _ => Ok(()),
    }
}
