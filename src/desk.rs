//! FLOOR 5: the main loop, the only place where state, terminal and workers meet. It blocks on one channel: when idle
//! it draws nothing and uses no processor time.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use signal_hook::iterator::Signals;

use crate::app::command::{CommandEffect, CommandEvent};
use crate::app::keymap::{Key, Stroke};
use crate::app::{Effect, Event, State, update};
use crate::clipboard;
use crate::clock;
use crate::drafts::UnsavedDraft;
use crate::tui::theme::Theme;
use crate::tui::{self, Screen};
use crate::worker::{Ports, Workers, perform};

/// How long messages of the workers are collected before a frame is drawn.
const FRAME: Duration = Duration::from_millis(8);

/// How often a frame is drawn for something unimportant: the progress of reading files out of sight.
const PROGRESS: Duration = Duration::from_millis(250);

/// How long a reader may take to open before something else is drawn.
const FIRST: Duration = Duration::from_millis(60);

/// How long a first frame waits, once there is something to read in it, for what else is on the screen.
const FILLING: Duration = Duration::from_millis(5);

/// How long a frame waits for what a stroke asked for, before it is drawn without it.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long nothing must arrive until what was typed ahead is complete, and how long that may take.
const SILENCE: Duration = Duration::from_millis(20);
const ALL_SILENT: Duration = Duration::from_millis(100);

/// How long delivery of what was signed may take after the program was left.
const DELIVERY: Duration = Duration::from_secs(20);

/// Signals that stop a program until it is continued. Ctrl-Z is not one of them: on our own screen it arrives as a
/// stroke.
const STOPS: [i32; 3] = [SIGTSTP, SIGTTIN, SIGTTOU];

/// The end of a terminal that cannot be read any more.
const GONE: Input = Input::Leave(Ending::TerminalGone);

/// Discards what was typed ahead.
const CTRL_C: Stroke = Stroke { key: Key::Char('c'), ctrl: true, alt: false };

enum Input {
    Event(Event),
    Leave(Ending),
}

/// Why the desk ended, if not because the person left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With its number.
    Signal(i32),
    /// It can no longer be read.
    TerminalGone,
}

/// What remains of a desk that was left.
pub struct Left {
    pub state: State,
    /// Drafts that could not be written to disk.
    pub unsaved: Vec<UnsavedDraft>,
    pub ending: Option<Ending>,
}

/// Pending input. What a person typed goes first and is never dropped, except by Ctrl-C: thousands of files that arrive
/// meanwhile do not delay it.
struct Intake {
    inputs: Receiver<Input>,
    typed: VecDeque<Event>,
    told: VecDeque<Event>,
    /// When the last stroke was taken; none once nothing waits for its result.
    stroke: Option<Instant>,
    /// When the first frame had something to read in it.
    filling: Option<Instant>,
    /// The program is to end.
    leave: Option<Ending>,
}

impl Intake {
    fn new(inputs: Receiver<Input>) -> Intake {
        let (typed, told) = (VecDeque::new(), VecDeque::new());
        Intake { inputs, typed, told, stroke: Some(Instant::now()), filling: None, leave: None }
    }

    /// Whether something arrives within this time.
    fn comes_within(&mut self, time: Duration) -> bool {
        self.inputs.recv_timeout(time).is_ok_and(|input| self.sort(input))
    }

    /// Waits for input, for the time of the next frame, or for a timeout; false if the program is to end.
    fn wait(&mut self, tick: Option<Duration>, owed: Option<Duration>) -> bool {
        if self.typed.is_empty() && self.told.is_empty() && self.leave.is_none() {
            let input = match owed.or(tick) {
                None => self.inputs.recv().unwrap_or(GONE),
                Some(time) => match self.inputs.recv_timeout(time) {
                    Err(RecvTimeoutError::Timeout) if owed.is_some() => return true,
                    Err(RecvTimeoutError::Timeout) => Input::Event(Event::Tick),
                    input => input.unwrap_or(GONE),
                },
            };
            self.sort(input);
        }
        while let Ok(input) = self.inputs.try_recv() {
            self.sort(input);
        }
        self.leave.is_none()
    }

    /// The next message for a first frame, which what is on the screen follows closely.
    fn next_for_first(&mut self, state: &State) -> Option<Event> {
        let since = *self.filling.get_or_insert_with(Instant::now);
        let left = FILLING.saturating_sub(since.elapsed());
        if state.is_filled() || left.is_zero() {
            return None;
        }
        if self.told.is_empty() {
            self.comes_within(left);
        }
        self.told.pop_front()
    }

    /// Puts an input into its queue; false if it is the end.
    fn sort(&mut self, input: Input) -> bool {
        match input {
            Input::Leave(ending) => self.leave = Some(ending),
            Input::Event(event @ Event::Stroke(CTRL_C)) => {
                self.typed.retain(|event| matches!(event, Event::Resize(..)));
                self.typed.push_back(event);
                self.stroke = None;
            }
            Input::Event(
                event @ (Event::Stroke(_) | Event::Paste(_) | Event::Mouse(_) | Event::Resize(..) | Event::Stop),
            ) => {
                self.typed.push_back(event);
            }
            Input::Event(event) => self.told.push_back(event),
        }
        self.leave.is_none()
    }

    /// Drops what was typed before a field was there whose words are signed, except what closes it. Returns whether
    /// that was anything.
    fn drop_typed_ahead(&mut self) -> bool {
        let since = Instant::now();
        while since.elapsed() < ALL_SILENT && self.leave.is_none() && self.comes_within(SILENCE) {}
        let before = self.typed.len();
        let closes = |stroke: &Stroke| stroke.key == Key::Esc || *stroke == CTRL_C;
        self.typed.retain(|event| match event {
            Event::Stroke(stroke) => closes(stroke),
            event => !matches!(event, Event::Paste(_)),
        });
        self.typed.len() < before
    }

    /// The next event for a frame that was begun at `begun`, after the last frame was drawn.
    ///
    /// All that was typed comes first, then messages while there is time. While a stroke waits for texts, later strokes
    /// wait, too, as if the texts had already been here. While thousands of files arrive, one frame is drawn for many
    /// of them.
    fn next(&mut self, state: &State, begun: Instant, drawn: Option<Instant>) -> Option<Event> {
        while self.leave.is_none() && self.stroke.is_some_and(|stroke| stroke.elapsed() < state.patience()) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return None;
            }
            if let Some(told) = self.told.pop_front() {
                return Some(told);
            }
            self.comes_within(left);
        }
        if self.leave.is_some() {
            return None;
        }
        if let Some(typed) = self.typed.pop_front() {
            self.stroke = Some(Instant::now());
            return Some(typed);
        }
        // A first frame waits only for its own content, and so does a frame for a stroke.
        let drawn = match drawn {
            _ if !state.is_reading() => begun,
            None => return self.next_for_first(state),
            Some(drawn) => drawn,
        };
        let is_typed = self.stroke.is_some_and(|stroke| stroke >= begun);
        let since = if is_typed { drawn } else { drawn.max(begun) };
        while self.told.is_empty() && state.is_reading() && since.elapsed() < FRAME {
            if !self.comes_within(FRAME.saturating_sub(since.elapsed())) || !self.typed.is_empty() {
                return None;
            }
        }
        if since.elapsed() < FRAME { self.told.pop_front() } else { None }
    }
}

/// Runs a state until the person leaves; returns it, so that the caller can report what was signed and what was not
/// saved.
pub fn run(
    mut state: State,
    effects: Vec<Effect>,
    theme: &Theme,
    mouse: bool,
    ports: Arc<Ports>,
) -> Result<Left, String> {
    let failed = |error: std::io::Error| format!("The terminal cannot be used: {error}.");
    let (input, inputs) = channel();
    let told = input.clone();
    let workers = Workers::start(ports.clone(), move |event| _ = told.send(Input::Event(event)));
    // They start while the terminal is being set up.
    effects.into_iter().for_each(|effect| workers.submit(effect));
    let reader = Arc::new(TerminalReader::default());
    // Before the terminal is changed: a signal would end the program and leave the terminal changed.
    let signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT]).map_err(failed)?;
    let mut screen = Screen::enter(mouse).map_err(failed)?;
    // After it: a program that was started in the background is stopped by the system when it uses the terminal.
    STOPS.into_iter().try_for_each(|signal| signals.handle().add_signal(signal)).map_err(failed)?;
    listen(input.clone(), signals, reader.clone());
    let (width, height) = screen.size().map_err(failed)?;
    update(&mut state, Event::Resize(width, height)).into_iter().for_each(|effect| workers.submit(effect));
    let mut intake = Intake::new(inputs);
    let mut hands = Hands { ports: ports.clone(), workers, input, reader };
    // A reader that opens at once needs no empty queue before it.
    if !(state.is_only_review() && intake.comes_within(FIRST)) {
        screen.draw(&state, theme).map_err(failed)?;
    }
    // Only in debug builds: how the test sees that a panic restores the terminal.
    #[cfg(debug_assertions)]
    assert!(std::env::var_os("UNDERSIGN_TEST_PANIC").is_none(), "asked to panic by a test");
    let mut drawn: Option<Instant> = None;
    // What was taken in and changes little on the screen.
    let mut is_owed = false;
    'open: loop {
        let left = drawn.map_or(PROGRESS, |drawn| PROGRESS.saturating_sub(drawn.elapsed()));
        if !intake.wait(state.tick(), is_owed.then_some(left)) {
            break;
        }
        let begun = Instant::now();
        let (mut is_due, mut is_field_new) = (false, false);
        state.redraw = false;
        while let Some(event) = intake.next(&state, begun, drawn) {
            is_due |= state.is_looked_at(&event);
            is_owed = true;
            state.now = clock::now();
            let had_field = state.writes_reason();
            for effect in update(&mut state, event) {
                if let Some(told) = hands.carry_out(effect, &mut screen, &mut intake).map_err(failed)? {
                    state.status = Some(told);
                }
            }
            if state.quit {
                break 'open;
            }
            is_field_new = !had_field && state.writes_reason();
            if is_field_new {
                is_due = true;
                break;
            }
        }
        if is_field_new && intake.drop_typed_ahead() {
            state.tell_of_left_out();
        }
        if !is_due && drawn.is_some_and(|drawn| drawn.elapsed() < PROGRESS) {
            continue;
        }
        is_owed = false;
        let size = screen.draw(&state, theme).map_err(failed)?;
        if size == state.size {
            state.drawn();
        } else {
            // It was drawn for another size than it was laid out for: none of it counts as shown.
            intake.typed.push_front(Event::Resize(size.0, size.1));
        }
        drawn = Some(Instant::now());
        ports.first_frame.is_drawn();
    }
    if !state.quit {
        update(&mut state, Event::Leave).into_iter().for_each(|effect| hands.workers.submit(effect));
    }
    drop(screen);
    let ending = intake.leave.take();
    hands.workers.finish(&ports);
    take_in_the_last(&mut state, intake, &hands);
    Ok(Left { unsaved: ports.drafts.unsaved(), state, ending })
}

/// What the signing lane reports after the program was left is handled like any other event; deliveries under way to a
/// remote are waited for, but not for ever.
fn take_in_the_last(state: &mut State, mut intake: Intake, hands: &Hands) {
    let until = Instant::now() + DELIVERY;
    let mut is_told = false;
    loop {
        let Some(event) = intake.told.pop_front() else {
            let is_open = state.deliveries.is_open();
            let left = if is_open { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            let is_first = !left.is_zero() && !is_told;
            let came = intake.comes_within(if is_first { FIRST } else { left });
            if intake.leave.is_some() || (!came && !is_first) {
                return;
            }
            if !came {
                let told = "undersign: what was signed about commands is being sent … Ctrl-C leaves without that.";
                // The terminal may be gone by now.
                let _ = writeln!(std::io::stderr(), "{told}");
                is_told = true;
            }
            continue;
        };
        let is_of_use = matches!(
            event,
            Event::Signed { .. } | Event::Command(CommandEvent::Signed { .. } | CommandEvent::Delivered { .. })
        );
        for effect in if is_of_use { update(state, event) } else { Vec::new() } {
            match effect {
                // Nothing else writes drafts any more.
                Effect::SaveDraft { .. } => perform(effect, &hands.ports, &mut |_| {}),
                Effect::Command(CommandEffect::Deliver { .. }) => hands.workers.submit(effect),
                _ => {}
            }
        }
    }
}

/// Who reads the terminal: the thread of [`listen`], or temporarily none of our threads.
#[derive(Default)]
struct TerminalReader {
    paused: AtomicBool,
    /// Held while something is read.
    reading: Mutex<()>,
    /// When another program last had the terminal.
    lent: Mutex<Option<Instant>>,
}

impl TerminalReader {
    /// How long a Ctrl-C may still be on its way to us after another program had the terminal.
    const ECHO: Duration = Duration::from_millis(500);
    /// How long a pause may have to wait for the thread.
    const TURN: Duration = Duration::from_millis(200);

    /// The next event of the terminal, if one arrives soon and reading is not paused.
    fn next(&self) -> std::io::Result<Option<crossterm::event::Event>> {
        if self.paused.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(20));
            return Ok(None);
        }
        let _turn = self.reading.lock();
        if crossterm::event::poll(TerminalReader::TURN)? { crossterm::event::read().map(Some) } else { Ok(None) }
    }

    /// Runs something that needs the terminal exclusively.
    fn without<T>(&self, run: impl FnOnce() -> T) -> T {
        self.paused.store(true, Ordering::Release);
        let turn = self.reading.lock();
        let done = run();
        drop(turn);
        *self.lent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.paused.store(false, Ordering::Release);
        done
    }

    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Whether a Ctrl-C is meant for another program. On our own screen it arrives as a stroke, never as a signal.
    fn is_lent(&self) -> bool {
        let lent = *self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_paused() || lent.is_some_and(|lent| lent.elapsed() < TerminalReader::ECHO)
    }
}

/// What is needed to carry out effects.
struct Hands {
    ports: Arc<Ports>,
    workers: Workers,
    input: Sender<Input>,
    reader: Arc<TerminalReader>,
}

impl Hands {
    /// Carries out an effect: those that need the terminal here, all others in their lanes. Returns the resulting
    /// event.
    fn carry_out(&self, effect: Effect, screen: &mut Screen, intake: &mut Intake) -> std::io::Result<Option<String>> {
        let told = match effect {
            Effect::Sign { .. } | Effect::Command(CommandEffect::Sign { .. }) if self.ports.signs_on_the_terminal() => {
                self.sign_on_the_terminal(effect, screen)?;
                None
            }
            Effect::Edit { name, text, line } => self.edit(&name, &text, line, screen)?,
            Effect::Write { text } => {
                let result = self.write(&text, screen)?;
                intake.told.push_back(Event::Written(result));
                None
            }
            Effect::Suspend if is_left_alone() => {
                Some("No shell waits for this program, so nothing could bring it back: it goes on.".to_owned())
            }
            Effect::Suspend => {
                self.reader.without(|| stop(screen))?;
                None
            }
            Effect::Copy(text) => {
                if let Some(sequence) = clipboard::sequence(&text) {
                    screen.send(&sequence)?;
                }
                self.workers.submit(Effect::Copy(text));
                return Ok(None);
            }
            effect => {
                self.workers.submit(effect);
                return Ok(None);
            }
        };
        // Another program had the terminal: changes of its size were not reported meanwhile.
        let (width, height) = screen.size()?;
        intake.typed.push_front(Event::Resize(width, height));
        Ok(told)
    }

    /// Signs with a key that asks for PIN, passphrase or touch by itself: the screen is left for that, and restored
    /// afterwards.
    fn sign_on_the_terminal(&self, effect: Effect, screen: &mut Screen) -> std::io::Result<()> {
        self.reader.without(|| {
            screen.suspend();
            println!(
                "undersign: ssh-keygen signs now. It may ask for a PIN or passphrase, and for a touch; Ctrl-C stops it."
            );
            perform(effect, &self.ports, &mut |event| _ = self.input.send(Input::Event(event)));
            screen.resume()
        })
    }

    /// Leaves the screen to the person's editor, on a text of their own.
    fn write(&self, text: &str, screen: &mut Screen) -> std::io::Result<Result<String, String>> {
        self.reader.without(|| {
            screen.suspend();
            let written = crate::editor::write(text);
            screen.resume()?;
            Ok(written)
        })
    }

    /// Leaves the screen to the person's editor, on a read-only copy. Returns a sentence if that failed.
    fn edit(&self, name: &str, text: &[u8], line: u32, screen: &mut Screen) -> std::io::Result<Option<String>> {
        self.reader.without(|| {
            screen.suspend();
            let told = crate::editor::open(name, text, line).err();
            screen.resume()?;
            Ok(told)
        })
    }
}

/// Stops, as Ctrl-Z stops any program; continues when the shell resumes it.
fn stop(screen: &mut Screen) -> std::io::Result<()> {
    screen.suspend();
    signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
    screen.resume()
}

/// Whether nothing could resume a stopped program: its parent is not a shell of the same session. The system would not
/// stop it then, and neither must we. A parent, group or session outside this process's namespace, as in a container,
/// has the number 0, which as an argument would mean this process itself.
fn is_left_alone() -> bool {
    use nix::unistd::{Pid, getpgid, getpgrp, getppid, getsid};
    const OUTSIDE: Pid = Pid::from_raw(0);
    let parent = getppid();
    if parent == OUTSIDE {
        return true;
    }
    let (Ok(group), Ok(theirs), Ok(session)) = (getpgid(Some(parent)), getsid(Some(parent)), getsid(None)) else {
        return true;
    };
    session != theirs || (group == getpgrp() && (theirs == parent || group == OUTSIDE))
}

/// Keys and sizes of the terminal, and the signals that end a program.
fn listen(input: Sender<Input>, mut caught: Signals, reader: Arc<TerminalReader>) {
    let (signals, lent) = (input.clone(), reader.clone());
    std::thread::spawn(move || {
        while let Ok(raw) = reader.next() {
            if let Some(event) = raw.and_then(tui::input::event)
                && input.send(Input::Event(event)).is_err()
            {
                return;
            }
        }
        let _ = input.send(GONE);
    });
    std::thread::spawn(move || {
        for signal in caught.forever() {
            let _ = match signal {
                // Another program has the terminal: the shell must see our whole process group stopped.
                stop if STOPS.contains(&stop) && lent.is_paused() => {
                    let _ = signal_hook::low_level::emulate_default_handler(stop);
                    continue;
                }
                stop if STOPS.contains(&stop) => signals.send(Input::Event(Event::Stop)),
                SIGINT | SIGQUIT if lent.is_lent() => continue,
                signal => signals.send(Input::Leave(Ending::Signal(signal))),
            };
        }
    });
}
