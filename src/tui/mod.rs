//! FLOOR 3: the terminal: entering and leaving it, its events, themes, and drawing.

pub mod input;
pub mod theme;
pub mod view;

use std::fs::File;
use std::io::{self, BufWriter, Write as _, stdout};
use std::os::fd::AsFd as _;

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::style::Print;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::app::State;
use theme::Theme;

/// A frame is one write: bytes, more than any frame of a usual size has.
const FRAME: usize = 1 << 17;

type Output = CrosstermBackend<BufWriter<File>>;

/// The terminal while the program has it. Dropping it, and a panic, give it back as it was.
pub struct Screen {
    terminal: Terminal<Output>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal; with the mouse, whose events it then sends instead of selecting text by itself.
    pub fn enter(mouse: bool) -> io::Result<Screen> {
        install_panic_hook();
        take(mouse)?;
        Ok(Screen { terminal: Terminal::new(output()?)?, mouse })
    }

    /// Draws one frame, as one update of the terminal and one write.
    pub fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<()> {
        if state.redraw {
            self.forget()?;
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view::draw(state, theme, frame))?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()
    }

    /// Gives the terminal to another program, until [`Screen::resume`].
    pub fn suspend(&mut self) {
        leave();
    }

    /// Takes it back, and draws everything anew with the next frame.
    pub fn resume(&mut self) -> io::Result<()> {
        take(self.mouse)?;
        self.forget()
    }

    /// Sends the terminal a sequence that draws nothing.
    pub fn send(&mut self, sequence: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), Print(sequence))
    }

    /// Clears the screen and forgets what is on it. Not by [`Terminal::clear`]: that asks the terminal where its cursor
    /// is, and waits for an answer that the reader of keys may take.
    fn forget(&mut self) -> io::Result<()> {
        self.terminal = Terminal::new(output()?)?;
        queue!(self.terminal.backend_mut(), terminal::Clear(terminal::ClearType::All))?;
        Ok(())
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

/// Unbuffered but for our own buffer: the standard one writes a kilobyte at a time.
fn output() -> io::Result<Output> {
    let terminal = File::from(stdout().as_fd().try_clone_to_owned()?);
    Ok(CrosstermBackend::new(BufWriter::with_capacity(FRAME, terminal)))
}

fn take(mouse: bool) -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse { execute!(stdout(), EnableMouseCapture) } else { Ok(()) }
}

/// Gives the terminal back. Safe to call twice.
pub fn leave() {
    let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
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
