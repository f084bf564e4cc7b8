//! The real program in a pseudo-terminal.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::wait;

/// How fast a line to a terminal is.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Each way.
    pub delay: Duration,
    /// Of what the program writes; zero: all at once.
    pub bytes_per_ms: usize,
}

pub struct Program {
    pub child: Box<dyn Child + Send + Sync>,
    pub master: Box<dyn MasterPty + Send>,
    pub input: Box<dyn std::io::Write + Send>,
    pub screen: Arc<Mutex<vt100::Parser>>,
    pub raw: Arc<Mutex<Vec<u8>>>,
    /// Draws what arrives, up to the end of the line.
    drawing: JoinHandle<()>,
    pace: Pace,
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
        size: (u16, u16),
        environment: &[(&str, &str)],
        home: &Path,
    ) -> Program {
        Program::paced(folder, words, size, environment, home, Pace { delay: Duration::ZERO, bytes_per_ms: 0 })
    }

    /// Over a line of this pace.
    pub fn paced(
        folder: &Path,
        words: &[&str],
        (cols, rows): (u16, u16),
        environment: &[(&str, &str)],
        home: &Path,
        pace: Pace,
    ) -> Program {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(words[0]);
        command.args(&words[1..]);
        command.cwd(folder);
        command.env("HOME", home);
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("XDG_DATA_HOME", home.join("data"));
        command.env("XDG_CACHE_HOME", home.join("cache"));
        command.env("XDG_STATE_HOME", home.join("state"));
        command.env("TERM", "xterm-256color");
        environment.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(cols), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (into_screen, into_raw) = (screen.clone(), raw.clone());
        let (sent, arrives) = channel::<(Instant, Vec<u8>)>();
        std::thread::spawn(move || {
            let mut buffer = vec![0; if pace.bytes_per_ms == 0 { 8192 } else { 4 * pace.bytes_per_ms }];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if let Some(time) = n.checked_div(pace.bytes_per_ms) {
                    std::thread::sleep(Duration::from_millis(time as u64));
                }
                let _ = sent.send((Instant::now() + pace.delay, buffer[..n].to_vec()));
            }
        });
        let drawing = std::thread::spawn(move || {
            for (due, bytes) in arrives {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                into_raw.lock().unwrap().extend_from_slice(&bytes);
                into_screen.lock().unwrap().process(&bytes);
            }
        });
        let input = pair.master.take_writer().unwrap();
        Program { child, master: pair.master, input, screen, raw, drawing, pace }
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
        std::thread::sleep(self.pace.delay);
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for the end; gives the exit code and whether the screen was given back.
    pub fn end(&mut self) -> (u32, bool) {
        let status = self.child.wait().unwrap();
        // What it wrote at last may not be read yet; what it started may still hold the line.
        wait::comes_true(Duration::from_secs(5), || self.drawing.is_finished());
        let screen = self.screen.lock().unwrap();
        (status.exit_code(), !screen.screen().alternate_screen() && !screen.screen().hide_cursor())
    }
}

pub fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}
