//! FLOOR 4: the terminal: entering and leaving it, its events, themes, and drawing.

pub mod input;
pub mod theme;
pub mod view;

use std::fs::File;
use std::io::{self, Write as _, stdout};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::style::Print;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::app::State;
use theme::Theme;

type Output = CrosstermBackend<Frame>;

/// Gathers a frame, and writes it at once. One in which nothing changed is written once and not again: colours of lines
/// out of sight cost a slow line nothing.
struct Frame {
    terminal: File,
    bytes: Vec<u8>,
    /// The last frame, where it drew nothing.
    idle: Vec<u8>,
}

impl Frame {
    /// Whether it only sets modes and styles: sequences that end in `h`, `l` or `m`.
    fn draws_nothing(&self) -> bool {
        let mut rest = &self.bytes[..];
        while let Some(sequence) = rest.strip_prefix(b"\x1b[") {
            let end = sequence.iter().position(|byte| (0x40..0x7F).contains(byte));
            let Some(end) = end.filter(|&end| b"hlm".contains(&sequence[end])) else { return false };
            rest = &sequence[end + 1..];
        }
        rest.is_empty()
    }
}

impl io::Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A frame is whole with the sequence that ends it; ratatui flushes before.
        if self.bytes.starts_with(b"\x1b[?2026h") && !self.bytes.ends_with(b"\x1b[?2026l") {
            return Ok(());
        }
        let (idle, bytes) = (self.draws_nothing(), std::mem::take(&mut self.bytes));
        if idle && bytes == self.idle {
            return Ok(());
        }
        self.terminal.write_all(&bytes)?;
        self.idle = if idle { bytes } else { Vec::new() };
        Ok(())
    }
}

/// Whether the terminal is in the modes of a screen.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while the program has it. Dropping it, and a panic, give it back as it was.
pub struct Screen {
    terminal: Terminal<Output>,
    mouse: bool,
}

impl Screen {
    /// Takes the keys of the terminal, and the screen with the first frame, so that nobody looks at an empty one. With
    /// the mouse, its events come to us, and it does not select text by itself.
    pub fn enter(mouse: bool) -> io::Result<Screen> {
        install_panic_hook();
        let screen = Screen { terminal: Terminal::new(output()?)?, mouse };
        terminal::enable_raw_mode()?;
        Ok(screen)
    }

    /// Draws one frame, as one update of the terminal and one write. Gives the size that it was drawn for.
    pub fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<(u16, u16)> {
        if state.redraw {
            self.terminal = Terminal::new(output()?)?;
        }
        let out = self.terminal.backend_mut();
        queue!(out, BeginSynchronizedUpdate)?;
        if !TAKEN.swap(true, Ordering::AcqRel) {
            queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
            if self.mouse {
                queue!(out, EnableMouseCapture)?;
            }
        }
        if state.redraw {
            // Not by [`Terminal::clear`]: that asks the terminal where its cursor is, and waits for an answer that the
            // reader of keys may take.
            queue!(out, terminal::Clear(terminal::ClearType::All))?;
        }
        let area = self.terminal.draw(|frame| view::draw(state, theme, frame))?.area;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()?;
        Ok((area.width, area.height))
    }

    /// Gives the terminal to another program, until [`Screen::resume`].
    pub fn suspend(&mut self) {
        leave();
    }

    /// Takes it back, and draws everything anew with the next frame: its screen is empty then.
    pub fn resume(&mut self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        self.terminal = Terminal::new(output()?)?;
        Ok(())
    }

    /// Sends the terminal a sequence that draws nothing.
    pub fn send(&mut self, sequence: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), Print(sequence))
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        terminal::size()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.backend_mut().flush();
        leave();
    }
}

/// Not the standard output's own buffer, which writes a kilobyte at a time.
fn output() -> io::Result<Output> {
    let terminal = File::from(stdout().as_fd().try_clone_to_owned()?);
    Ok(CrosstermBackend::new(Frame { terminal, bytes: Vec::new(), idle: Vec::new() }))
}

/// Gives the terminal back. Safe to call twice.
pub fn leave() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    }
    let _ = terminal::disable_raw_mode();
}

fn install_panic_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        leave();
        before(info);
        // A worker that is gone would leave the screen waiting for ever. Drafts are on disk.
        if std::thread::current().name() != Some("main") {
            std::process::exit(101);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_in_which_nothing_changed_is_written_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut frame = Frame { terminal: file.reopen().unwrap(), bytes: Vec::new(), idle: Vec::new() };
        let idle = b"\x1b[?2026h\x1b[39m\x1b[0m\x1b[?25l\x1b[?2026l";
        let drawn = b"\x1b[?2026h\x1b[3;4Hx\x1b[?25l\x1b[?2026l";
        for bytes in [&drawn[..], idle, idle, idle, drawn, idle] {
            // As it comes: flushed once before its end.
            let (body, end) = bytes.split_at(bytes.len() - 8);
            for part in [body, end] {
                frame.write_all(part).unwrap();
                frame.flush().unwrap();
            }
        }
        let written = std::fs::read(file.path()).unwrap();
        assert_eq!(written, [&drawn[..], idle, drawn, idle].concat());
    }
}
