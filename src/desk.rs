//! FLOOR 4: the main loop, the only place where state, terminal and workers meet. It blocks on one channel: at rest it
//! draws nothing and uses nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::app::{Effect, Event, State, update};
use crate::tui::theme::Theme;
use crate::tui::{self, Screen};
use crate::worker::{Ports, Workers};

/// Events taken in before a frame is drawn: input is never dropped, and frames never queue up.
const BATCH: usize = 64;

enum Input {
    Event(Event),
    Leave,
}

/// Runs a state until the person leaves; gives it back, so that the caller can say what was signed.
pub fn run(mut state: State, effects: Vec<Effect>, theme: &Theme, ports: Arc<Ports>) -> Result<State, String> {
    let failed = |error: std::io::Error| format!("The terminal cannot be used: {error}.");
    let (events, incoming) = channel();
    let workers = Workers::start(ports.clone(), &events);
    let (input, inputs) = channel();
    let mut screen = Screen::enter().map_err(failed)?;
    listen(input.clone());
    forward(incoming, input);
    drop(events);
    let (width, height) = screen.size().map_err(failed)?;
    let mut asked = effects;
    asked.extend(update(&mut state, Event::Resize(width, height)));
    asked.into_iter().for_each(|effect| workers.submit(effect));
    screen.draw(&state, theme).map_err(failed)?;
    // Only in debug builds: how the test sees that a panic gives the terminal back.
    #[cfg(debug_assertions)]
    assert!(std::env::var_os("UNDERSIGN_TEST_PANIC").is_none(), "asked to panic by a test");
    'open: while let Ok(first) = inputs.recv() {
        let waiting = std::iter::once(first).chain(inputs.try_iter().take(BATCH)).collect::<Vec<_>>();
        state.redraw = false;
        for input in waiting {
            let Input::Event(event) = input else { break 'open };
            state.now = clock();
            update(&mut state, event).into_iter().for_each(|effect| workers.submit(effect));
            if state.quit {
                break 'open;
            }
        }
        screen.draw(&state, theme).map_err(failed)?;
    }
    drop(screen);
    workers.finish(&ports);
    Ok(state)
}

fn clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Keys and sizes of the terminal, and the signals that end a program.
fn listen(input: Sender<Input>) {
    let signals = input.clone();
    std::thread::spawn(move || {
        while let Ok(raw) = crossterm::event::read() {
            if let Some(event) = tui::input::event(raw)
                && input.send(Input::Event(event)).is_err()
            {
                return;
            }
        }
        let _ = input.send(Input::Leave);
    });
    std::thread::spawn(move || {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let Ok(mut caught) = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT]) else { return };
        if caught.forever().next().is_some() {
            let _ = signals.send(Input::Leave);
        }
    });
}

fn forward(incoming: Receiver<Event>, input: Sender<Input>) {
    std::thread::spawn(move || {
        for event in incoming {
            if input.send(Input::Event(event)).is_err() {
                return;
            }
        }
    });
}
