//! The real program in a pseudo-terminal.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::wait;

pub struct Program {
    pub child: Box<dyn Child + Send + Sync>,
    pub master: Box<dyn MasterPty + Send>,
    pub input: Box<dyn std::io::Write + Send>,
    pub screen: Arc<Mutex<vt100::Parser>>,
    pub raw: Arc<Mutex<Vec<u8>>>,
}

impl Program {
    pub fn start(args: &[&str], (cols, rows): (u16, u16), environment: &[(&str, &str)], home: &Path) -> Program {
        let program = [&[env!("CARGO_BIN_EXE_undersign")], args].concat();
        Program::started_by(&program, (cols, rows), environment, home)
    }

    /// What starts the program is the first of `words`.
    pub fn started_by(words: &[&str], size: (u16, u16), environment: &[(&str, &str)], home: &Path) -> Program {
        Program::started_in(home, words, size, environment, home)
    }

    /// In a folder that is not the home of who starts it.
    pub fn started_in(
        folder: &Path,
        words: &[&str],
        (cols, rows): (u16, u16),
        environment: &[(&str, &str)],
        home: &Path,
    ) -> Program {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(words[0]);
        command.args(&words[1..]);
        command.cwd(folder);
        command.env("HOME", home);
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("XDG_DATA_HOME", home.join("data"));
        command.env("XDG_CACHE_HOME", home.join("cache"));
        command.env("TERM", "xterm-256color");
        environment.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(cols), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (into_screen, into_raw) = (screen.clone(), raw.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                into_raw.lock().unwrap().extend_from_slice(&buffer[..n]);
                into_screen.lock().unwrap().process(&buffer[..n]);
            }
        });
        let input = pair.master.take_writer().unwrap();
        Program { child, master: pair.master, input, screen, raw }
    }

    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    pub fn wait_for(&self, wanted: &str) {
        self.wait_for_times(wanted, 1);
    }

    pub fn wait_for_times(&self, wanted: &str, times: usize) {
        self.wait_until(&format!("{wanted:?}"), |screen| screen.text().matches(wanted).count() >= times);
    }

    /// `what` is what is missed where it never is so.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Program) -> bool) {
        wait::until(|| format!("no {what} on:\n{}", self.text()), || is_so(self));
    }

    /// Whether it has the terminal's other screen, which a shell has not.
    pub fn has_its_screen(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    pub fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for the end; gives the exit code and whether the screen was given back.
    pub fn end(&mut self) -> (u32, bool) {
        let status = self.child.wait().unwrap();
        // What it wrote at last may not be read yet.
        wait::comes_true(Duration::from_secs(5), || !self.has_its_screen());
        let screen = self.screen.lock().unwrap();
        (status.exit_code(), !screen.screen().alternate_screen() && !screen.screen().hide_cursor())
    }
}

pub fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}
