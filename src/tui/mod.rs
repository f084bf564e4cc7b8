//! FLOOR 3: the terminal: entering and leaving it, its events, themes, and drawing.

pub mod input;
pub mod theme;
pub mod view;

use std::io::{self, Stdout, Write as _, stdout};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::app::State;
use theme::Theme;

/// The terminal while the program has it. Dropping it, and a panic, give it back as it was.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    pub fn enter() -> io::Result<Screen> {
        install_panic_hook();
        take()?;
        Ok(Screen { terminal: Terminal::new(CrosstermBackend::new(stdout()))? })
    }

    /// Draws one frame, as one update of the terminal.
    pub fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<()> {
        if state.redraw {
            self.forget()?;
        }
        queue!(stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view::draw(state, theme, frame))?;
        queue!(stdout(), EndSynchronizedUpdate)?;
        stdout().flush()
    }

    /// Gives the terminal to another program, until [`Screen::resume`].
    pub fn suspend(&mut self) {
        leave();
    }

    /// Takes it back, and draws everything anew with the next frame.
    pub fn resume(&mut self) -> io::Result<()> {
        take()?;
        self.forget()
    }

    /// Clears the screen and forgets what is on it. Not by [`Terminal::clear`]: that asks the terminal where its cursor
    /// is, and waits for an answer that the reader of keys may take.
    fn forget(&mut self) -> io::Result<()> {
        execute!(stdout(), terminal::Clear(terminal::ClearType::All))?;
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        terminal::size()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn take() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// Gives the terminal back. Safe to call twice.
pub fn leave() {
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
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
