//! FLOOR 4: the terminal: entering and leaving it, its events, themes, and drawing.

pub mod canvas;
pub mod input;
pub mod theme;
pub mod view;

use std::fs::File;
use std::io::{self, Write as _, stdout};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue, terminal};

use crate::app::State;
use canvas::{Canvas, Erasing};
use theme::Theme;
use view::Kept;

/// Whether the terminal is in the modes of a screen.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while the program owns it. Dropping this, or a panic, restores the terminal.
pub struct Screen {
    /// Not the buffer of standard output, which writes a kilobyte at a time.
    terminal: File,
    canvas: Canvas,
    kept: Kept,
    /// The frame that is being written.
    bytes: Vec<u8>,
    mouse: bool,
}

impl Screen {
    /// Enters raw mode, and takes the screen with the first frame, so that it is never empty. With the mouse on, its
    /// events come to the program instead of selecting text.
    pub fn enter(mouse: bool) -> io::Result<Screen> {
        install_panic_hook();
        let terminal = File::from(stdout().as_fd().try_clone_to_owned()?);
        let screen = Screen {
            terminal,
            canvas: Canvas::new(Erasing::of_environment()),
            kept: Kept::default(),
            bytes: Vec::new(),
            mouse,
        };
        terminal::enable_raw_mode()?;
        Ok(screen)
    }

    /// Draws one frame, as one update of the terminal and one write; nothing is written if nothing changed. Returns the
    /// size that it was drawn for.
    pub fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<(u16, u16)> {
        if state.redraw {
            self.canvas.forget();
        }
        let size = self.size()?;
        let kept = &mut self.kept;
        let frame = self.canvas.draw(size, |buffer| view::paint_again(state, theme, buffer, kept));
        let taken = TAKEN.swap(true, Ordering::AcqRel);
        if taken && frame.is_empty() {
            return Ok(size);
        }
        self.bytes.clear();
        queue!(self.bytes, BeginSynchronizedUpdate)?;
        if !taken {
            queue!(self.bytes, EnterAlternateScreen, EnableBracketedPaste)?;
            if self.mouse {
                queue!(self.bytes, EnableMouseCapture)?;
            }
        }
        self.bytes.extend(frame);
        queue!(self.bytes, EndSynchronizedUpdate)?;
        self.terminal.write_all(&self.bytes)?;
        Ok(size)
    }

    /// Hands the terminal to another program, until [`Screen::resume`].
    pub fn suspend(&mut self) {
        leave();
    }

    /// Takes the terminal back, and redraws everything with the next frame.
    pub fn resume(&mut self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        self.canvas.forget();
        Ok(())
    }

    /// Sends the terminal a sequence without visible output.
    pub fn send(&mut self, sequence: &str) -> io::Result<()> {
        self.terminal.write_all(sequence.as_bytes())
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        terminal::size().map(|(columns, rows)| known(columns, rows))
    }
}

/// The size of a terminal. One that was never told its own, as behind some pipes and containers, says 0 × 0: then that
/// of most is assumed, as curses does.
pub fn known(columns: u16, rows: u16) -> (u16, u16) {
    if columns == 0 || rows == 0 { (80, 24) } else { (columns, rows) }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Restores the terminal. Safe to call twice.
pub fn leave() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        // A terminal whose window grew meanwhile may bring rows of this screen into the one that it returns to.
        let erased = (SetAttribute(Attribute::Reset), Clear(ClearType::All));
        let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, erased.0, erased.1);
        let _ = execute!(stdout(), LeaveAlternateScreen, cursor::Show);
    }
    let _ = terminal::disable_raw_mode();
}

fn install_panic_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        leave();
        before(info);
        // Without the worker, the screen would wait for ever. Drafts are on disk.
        if std::thread::current().name() != Some("main") {
            std::process::exit(101);
        }
    }));
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_terminal_without_a_size_has_that_of_most() {
        assert_eq!(super::known(0, 0), (80, 24));
        assert_eq!(super::known(0, 80), (80, 24));
        assert_eq!(super::known(3, 1), (3, 1));
    }
}
