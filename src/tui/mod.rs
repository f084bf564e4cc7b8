//! FLOOR 3: the terminal: entering and leaving it, its events, themes, and drawing.

pub mod input;
pub mod theme;
pub mod view;

use std::fs::File;
use std::io::{self, BufWriter, Write as _, stdout};
use std::os::fd::AsFd as _;

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::style::{Color, Print, ResetColor, SetBackgroundColor};
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, IntoCrossterm as _};

use crate::app::State;
use theme::{Role, Theme};

/// A frame is one write: bytes, more than any frame of a usual size has.
const FRAME: usize = 1 << 17;

type Output = CrosstermBackend<BufWriter<File>>;

/// The terminal while the program has it. Dropping it, and a panic, give it back as it was.
pub struct Screen {
    terminal: Terminal<Output>,
    mouse: bool,
    /// Its own background, where the theme has one.
    ground: Option<Color>,
    is_blank: bool,
}

impl Screen {
    /// Takes the terminal; with the mouse, whose events it then sends instead of selecting text by itself.
    pub fn enter(theme: &Theme, mouse: bool) -> io::Result<Screen> {
        install_panic_hook();
        take(mouse)?;
        let ground = theme.style(Role::Ground).bg.map(|colour| colour.into_crossterm());
        let mut screen = Screen { terminal: Terminal::new(output()?)?, mouse, ground, is_blank: false };
        screen.forget()?;
        Ok(screen)
    }

    /// Draws one frame, as one update of the terminal and one write.
    pub fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<()> {
        if state.redraw {
            self.forget()?;
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        if std::mem::take(&mut self.is_blank) {
            self.start_from_blank(theme);
        }
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
        if let Some(ground) = self.ground {
            queue!(self.terminal.backend_mut(), SetBackgroundColor(ground))?;
        }
        queue!(self.terminal.backend_mut(), terminal::Clear(terminal::ClearType::All), ResetColor)?;
        self.is_blank = self.ground.is_none() || clears_in_colour();
        Ok(())
    }

    /// The cleared screen has the background already: of a first frame only what is not blank is written.
    fn start_from_blank(&mut self, theme: &Theme) {
        self.terminal
            .current_buffer_mut()
            .content
            .iter_mut()
            .for_each(|cell| _ = cell.set_style(theme.style(Role::Ground)));
        self.terminal.swap_buffers();
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

/// Whether the terminal fills what it clears with the background that is set (BCE). GNU screen does not.
fn clears_in_colour() -> bool {
    let name = std::env::var("TERM").unwrap_or_default();
    std::env::var_os("STY").is_none() && (!name.starts_with("screen") || std::env::var_os("TMUX").is_some())
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
